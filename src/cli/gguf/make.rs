//! `gguf make`: a seeded model into a file that is whole or not there.

use std::io::Write;
use std::path::PathBuf;

use indicatif::{ProgressBar, ProgressStyle};

use super::GgufCommandError;
use super::new_file::NewFile;
use crate::gguf::{Arch, Gguf, HoleSink, MakeError, MakeSpec, MatrixType, WriteError, make};

/// Arguments of `gguf make`; the defaults make a model of some 6 MB.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct MakeArgs {
    /// Architecture: llama, granite, qwen2 or qwen3.
    #[arg(long, default_value = "llama", value_name = "NAME")]
    arch: Arch,
    /// Transformer blocks.
    #[arg(long, default_value_t = MakeSpec::default().layers, value_name = "N")]
    layers: u32,
    /// Width of the residual stream.
    #[arg(long, default_value_t = MakeSpec::default().embd, value_name = "N")]
    embd: u32,
    /// Attention heads.
    #[arg(long, default_value_t = MakeSpec::default().heads, value_name = "N")]
    heads: u32,
    /// Key and value heads.
    #[arg(long, default_value_t = MakeSpec::default().kv_heads, value_name = "N")]
    kv_heads: u32,
    /// Width of the feed-forward network.
    #[arg(long, default_value_t = MakeSpec::default().ffn, value_name = "N")]
    ffn: u32,
    /// Tokens of the vocabulary, at least 258.
    #[arg(long, default_value_t = MakeSpec::default().vocab, value_name = "N")]
    vocab: u32,
    /// Context length.
    #[arg(long, default_value_t = MakeSpec::default().ctx, value_name = "N")]
    ctx: u32,
    /// Type of the matrices: f32, f16, bf16, q4_0, q4_1, q5_0, q5_1, q8_0, q2_K, q3_K, q4_K, q5_K, q6_K,
    /// iq4_nl, iq4_xs or q4_k_m.
    #[arg(long = "type", default_value_t = MakeSpec::default().matrices, value_name = "TYPE")]
    matrices: MatrixType,
    /// Seed of the weights.
    #[arg(long, default_value_t = MakeSpec::default().seed, value_name = "N")]
    seed: u64,
    /// Use the token embedding as the output matrix too.
    #[arg(long)]
    tied: bool,
    /// Leave the matrices as holes but for a short prefix: gigabytes that take no space.
    #[arg(long)]
    sparse: bool,
    /// The file to make.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Replace the file if it exists.
    #[arg(long)]
    force: bool,
}

impl MakeArgs {
    fn spec(&self) -> MakeSpec {
        MakeSpec {
            arch: self.arch,
            layers: self.layers,
            embd: self.embd,
            heads: self.heads,
            kv_heads: self.kv_heads,
            ffn: self.ffn,
            vocab: self.vocab,
            ctx: self.ctx,
            matrices: self.matrices,
            seed: self.seed,
            tied: self.tied,
            sparse: self.sparse,
        }
    }
}

pub(super) fn run(args: &MakeArgs, out: &mut dyn Write) -> Result<(), GgufCommandError> {
    let path = &args.output;
    let new = NewFile::begin(path, args.force)?;
    let gguf = write(&new, &args.spec())?;
    new.keep()?;
    writeln!(
        out,
        "{}: {} bytes, {} tensors, {}, seed {}",
        path.display(),
        gguf.file_size,
        gguf.tensors.len(),
        args.matrices,
        args.seed
    )?;
    Ok(())
}

fn write(new: &NewFile<'_>, spec: &MakeSpec) -> Result<Gguf, GgufCommandError> {
    let mut sink = HoleSink::new(new.file());
    let bar = ProgressBar::new(0);
    if let Ok(style) =
        ProgressStyle::with_template("{bar:40} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left")
    {
        bar.set_style(style);
    }
    let made = make(spec, &mut sink, &mut |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let gguf = made.map_err(|error| match error {
        MakeError::Write(WriteError::Io(error)) => new.failed(error),
        other => GgufCommandError::Spec(other),
    })?;
    sink.finish().map_err(|error| new.failed(error))?;
    Ok(gguf)
}
