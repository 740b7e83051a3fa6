//! TEMP
use std::io::Write;
/// x
#[derive(Debug, clap::Args)]
pub struct TokenizeArgs {
    /// m
    #[arg(short, long)]
    pub model: Option<std::path::PathBuf>,
}
/// x
pub fn run(_: &TokenizeArgs, _: &crate::gguf::Gguf, _: &mut dyn Write) -> Result<(), String> { Ok(()) }
