//! `loadparity gguf`: look at a model file, or make one.

mod make;
mod new_file;
mod show;
mod split;

pub(super) use show::GgufShowDocument;

use std::io::{self, Write};
use std::path::PathBuf;

use crate::gguf::split::SplitError;
use crate::gguf::{MakeError, ReadError};

/// Arguments of `loadparity gguf`.
#[derive(Clone, Debug, clap::Args)]
pub struct GgufArgs {
    #[command(subcommand)]
    command: GgufCommand,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum GgufCommand {
    /// Print a model's metadata, tensors and totals.
    Show(show::ShowArgs),
    /// Make a model of any size, with seeded weights.
    Make(make::MakeArgs),
    /// Cut a model into shards.
    Split(split::SplitArgs),
    /// Put the shards of a model together.
    Merge(split::MergeArgs),
}

/// Why the command failed, in one line.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum GgufCommandError {
    /// The model cannot be opened.
    #[error("cannot open {}: {error}", .path.display())]
    Open { path: PathBuf, error: io::Error },
    /// The model is not acceptable.
    #[error("{}: {error}", .path.display())]
    Model { path: PathBuf, error: ReadError },
    /// The files are not the shards of one model.
    #[error("{}: {error}", .path.display())]
    Shards { path: PathBuf, error: SplitError },
    /// The file is a whole model.
    #[error("{}: this is no shard of a model; there is nothing to merge", .path.display())]
    NoShard { path: PathBuf },
    /// A shard's number would not fit its key.
    #[error("this makes {count} shards, at most 65535 are possible; allow more per shard")]
    TooManyShards { count: usize },
    /// The sizes asked for describe no model.
    #[error("cannot make such a model: {0}")]
    Spec(MakeError),
    /// The file to be made is there already.
    #[error("{} exists; --force replaces it", .path.display())]
    Exists { path: PathBuf },
    /// The file to be made is one that it would be made of.
    #[error("{} is a part of the model itself; write to another file", .path.display())]
    Input { path: PathBuf },
    /// The made model cannot be written.
    #[error("cannot write {}: {error}", .path.display())]
    Write { path: PathBuf, error: io::Error },
    /// The report cannot be written.
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
}

impl GgufCommandError {
    /// The exit code: 2 for what was asked, 70 for an output that cannot be written.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Open { .. }
            | Self::Model { .. }
            | Self::Shards { .. }
            | Self::NoShard { .. }
            | Self::TooManyShards { .. }
            | Self::Spec(_)
            | Self::Exists { .. }
            | Self::Input { .. } => 2,
            Self::Write { .. } | Self::Output(_) => super::exit::INTERNAL,
        }
    }
}

/// Runs the command; the report goes to `out`, a progress bar to a terminal at stderr.
///
/// # Errors
/// When the command cannot do what was asked; see [`GgufCommandError::exit_code`].
pub fn run(args: &GgufArgs, out: &mut dyn Write) -> Result<(), GgufCommandError> {
    match &args.command {
        GgufCommand::Show(args) => show::run(args, out),
        GgufCommand::Make(args) => make::run(args, out),
        GgufCommand::Split(args) => split::run_split(args, out),
        GgufCommand::Merge(args) => split::run_merge(args, out),
    }
}
