//! `loadparity merge`: the results of several machines in one matrix.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use super::exit::Exit;
use super::format::{self, Format, Reporters};
use super::report_file::{Outputs, Overwrite};
use crate::check::{CheckDocument, DocumentError, FaultsDocument, Merge, join_faults};

/// Arguments of `merge`.
#[derive(Clone, Debug, Args)]
pub struct MergeArgs {
    /// Results of `loadparity check --format json=FILE`, of any machines and models, or the parts of one exploration of
    /// faults (`check --faults --partition I/N`).
    #[arg(required = true, value_name = "RESULT.json")]
    results: Vec<PathBuf>,

    /// Platforms that have to be among them, such as `linux,windows,macos/aarch64`; one that is
    /// missing is not run, which is no pass.
    #[arg(long, value_delimiter = ',', value_name = "OS[/ARCH],…")]
    expect: Vec<String>,

    #[arg(long, default_value = "terminal", value_name = "FORMAT[=FILE]", help = format::HELP)]
    format: Vec<Format>,

    #[command(flatten)]
    #[allow(missing_docs, reason = "its field says it")]
    opening: format::Opening,

    #[command(flatten)]
    overwrite: Overwrite,
}

/// Runs `merge`.
pub(super) fn run(args: &MergeArgs, out: &mut dyn Write) -> Exit {
    try_run(args, out).unwrap_or_else(|exit| exit)
}

fn try_run(args: &MergeArgs, out: &mut dyn Write) -> Result<Exit, Exit> {
    let mut files = Vec::new();
    for path in &args.results {
        let bytes = super::input::read(path).map_err(|error| wrong(path, error))?;
        files.push((path, bytes));
    }
    let reporters = |out| {
        let reporters = Reporters::new(&args.format, false, out, Outputs::new(&args.overwrite))?;
        reporters.opening(&args.opening)
    };
    // What is a part of an exploration of faults is joined with its like, and with nothing else.
    if files.iter().any(|(_, bytes)| FaultsDocument::read(bytes).is_ok()) {
        if !args.expect.is_empty() {
            return Err(Exit::usage("--expect is about checks of several platforms, and these are parts of one exploration of faults".to_owned()));
        }
        let joined = join_faults(&read_all(&files, FaultsDocument::read)?).map_err(Exit::usage)?;
        return Ok(reporters(out)?.finish(&joined));
    }
    let merge = Merge { results: read_all(&files, CheckDocument::read)?, expected: args.expect.clone() };
    merge.comparable().map_err(Exit::usage)?;
    Ok(reporters(out)?.finish(&merge.run()))
}

/// Every file as a document of one kind.
fn read_all<D>(
    files: &[(&PathBuf, Vec<u8>)],
    read: impl Fn(&[u8]) -> Result<D, DocumentError>,
) -> Result<Vec<(String, D)>, Exit> {
    let document = |(path, bytes): &(&PathBuf, Vec<u8>)| {
        Ok((path.display().to_string(), read(bytes).map_err(|error| wrong(path, error))?))
    };
    files.iter().map(document).collect()
}

fn wrong(path: &Path, error: impl std::fmt::Display) -> Exit {
    Exit::usage(format!("{}: {error}", path.display()))
}
