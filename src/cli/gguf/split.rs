//! `gguf split` and `gguf merge`: one file into several and back, tensor data byte for byte.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::GgufCommandError;
use super::new_file::NewFile;
use crate::cli::report_file::place;
use crate::gguf::split::{self, Joined};
use crate::gguf::{Gguf, SeekSource, TensorInfo, WriteError, Writer, read};

/// Arguments of `gguf split`.
#[derive(Clone, Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("limit").required(true).args(["max_tensors", "max_size"]))]
pub(super) struct SplitArgs {
    /// The model to cut.
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// Where the shards go: PREFIX-00001-of-0000N.gguf and so on.
    #[arg(value_name = "PREFIX")]
    prefix: PathBuf,
    /// The most tensors of a shard.
    #[arg(long, value_name = "N")]
    max_tensors: Option<usize>,
    /// The most bytes of tensors of a shard: a number with M or G.
    #[arg(long, value_name = "N(M|G)", value_parser = parse_size)]
    max_size: Option<u64>,
    /// Replace files that exist.
    #[arg(long)]
    force: bool,
}

/// Arguments of `gguf merge`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct MergeArgs {
    /// The first shard; its name ends in -00001-of-0000N.gguf.
    #[arg(value_name = "FIRST")]
    first: PathBuf,
    /// The file to make.
    #[arg(value_name = "MODEL")]
    output: PathBuf,
    /// Replace the file if it exists.
    #[arg(long)]
    force: bool,
}

fn parse_size(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no size: write a number with M or G, such as 500M");
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let unit: u64 = match unit {
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    number.checked_mul(unit).filter(|size| *size > 0).ok_or_else(wrong)
}

/// A model file that is open for copying.
struct Input {
    file: File,
    gguf: Arc<Gguf>,
}

fn open(path: &Path) -> Result<(File, Gguf), GgufCommandError> {
    let failed = |error| GgufCommandError::Open { path: path.to_owned(), error };
    let file = crate::layout::regular(path).and_then(|()| File::open(path)).map_err(failed)?;
    let gguf = read(&SeekSource::new(&file).map_err(failed)?)
        .map_err(|error| GgufCommandError::Model { path: path.to_owned(), error })?;
    Ok((file, gguf))
}

/// Refuses to write over a file that is read.
fn not_over<'p>(
    output: &Path,
    inputs: impl IntoIterator<Item = &'p PathBuf>,
) -> Result<(), GgufCommandError> {
    let wanted = place(output);
    match inputs.into_iter().any(|input| place(input) == wanted) {
        true => Err(GgufCommandError::Input { path: output.to_owned() }),
        false => Ok(()),
    }
}

/// A tensor and the file that it is in.
type Source<'a> = (&'a Input, &'a TensorInfo);

/// Writes a file of these tensors under a temporary name, and renames it when it is complete.
fn write(
    path: &Path,
    metadata: Vec<(String, crate::gguf::Value)>,
    tensors: &[Source<'_>],
    force: bool,
) -> Result<(), GgufCommandError> {
    let new = NewFile::begin(path, force)?;
    let mut writer = Writer::new(tensors.first().map_or(3, |(input, _)| input.gguf.version));
    let declared = metadata.into_iter().try_for_each(|(key, value)| writer.metadata(&key, value).map(|_| ()));
    let declared = declared.and_then(|()| {
        tensors.iter().try_for_each(|(_, t)| writer.tensor_of(&t.name, &t.dims, t.dtype, t.size).map(|_| ()))
    });
    let mut out = BufWriter::new(new.file());
    let written = declared.and_then(|()| {
        writer.write_to(&mut out, &mut |index, _, sink| {
            let (input, tensor) = tensors[index];
            let range = input.gguf.file_range(tensor);
            let mut file = &input.file;
            file.seek(SeekFrom::Start(range.start))?;
            let mut left = file.take(range.end - range.start);
            let mut piece = vec![0; 1 << 20];
            loop {
                match left.read(&mut piece)? {
                    0 => return Ok(()),
                    n => sink.write_all(&piece[..n])?,
                }
            }
        })
    });
    written.map_err(|error| match error {
        WriteError::Io(error) => new.failed(error),
        other => new.failed(io::Error::other(other)),
    })?;
    out.flush().map_err(|error| new.failed(error))?;
    drop(out);
    new.keep()
}

pub(super) fn run_split(args: &SplitArgs, out: &mut dyn Write) -> Result<(), GgufCommandError> {
    let (file, gguf) = open(&args.model)?;
    let input = Input { file, gguf: Arc::new(gguf) };
    if let Ok(Some(shard)) = split::shard(&input.gguf) {
        let error = split::SplitError::NotFirst { number: shard.number + 1, count: shard.count };
        return Err(GgufCommandError::Shards { path: args.model.clone(), error });
    }
    let limit = match (args.max_tensors, args.max_size) {
        (Some(tensors), _) => split::Limit::Tensors(tensors),
        (None, size) => split::Limit::Bytes(size.unwrap_or(u64::MAX)),
    };
    let shards = split::cut(&input.gguf, limit);
    if shards.len() > usize::from(u16::MAX) {
        return Err(GgufCommandError::TooManyShards { count: shards.len() });
    }
    for (number, range) in shards.iter().enumerate() {
        let mut name = args.prefix.file_name().unwrap_or_default().to_owned();
        name.push(split::suffix(number as u64, shards.len() as u64));
        let path = args.prefix.with_file_name(name);
        not_over(&path, [&args.model])?;
        let tensors: Vec<Source<'_>> =
            input.gguf.tensors[range.clone()].iter().map(|tensor| (&input, tensor)).collect();
        write(&path, split::metadata(&input.gguf, number, shards.len()), &tensors, args.force)?;
        writeln!(out, "{}: {} tensors", path.display(), tensors.len())?;
    }
    Ok(())
}

pub(super) fn run_merge(args: &MergeArgs, out: &mut dyn Write) -> Result<(), GgufCommandError> {
    let first = open(&args.first)?;
    let wrong = |error| GgufCommandError::Shards { path: args.first.clone(), error };
    let shard = split::shard(&first.1).map_err(wrong)?;
    let Some(shard) = shard else {
        return Err(GgufCommandError::NoShard { path: args.first.clone() });
    };
    let paths = split::paths(&args.first, shard).map_err(wrong)?;
    not_over(&args.output, &paths)?;
    let mut inputs = vec![first];
    for path in &paths[1..] {
        inputs.push(open(path)?);
    }
    let (files, headers): (Vec<_>, Vec<_>) = inputs.into_iter().unzip();
    let Joined { whole, files: headers } = split::join(headers).map_err(wrong)?;
    let inputs: Vec<Input> =
        files.into_iter().zip(headers).map(|(file, gguf)| Input { file, gguf }).collect();
    let tensors: Vec<Source<'_>> = inputs
        .iter()
        .flat_map(|input| input.gguf.tensors.iter().map(move |tensor| (input, tensor)))
        .collect();
    write(&args.output, whole.metadata.clone(), &tensors, args.force)?;
    writeln!(out, "{}: {} tensors from {} shards", args.output.display(), tensors.len(), paths.len())?;
    Ok(())
}
