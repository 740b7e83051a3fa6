//! `loadparity merge`: the results of several machines in one matrix.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use super::exit::Exit;
use super::format::{self, Format, Reporters};
use super::report_file::{Outputs, Overwrite};
use super::screen::ScreenArgs;
use crate::check::{CheckDocument, DocumentError, FaultsDocument, Merge, join_faults};

/// How many folders deep results are looked for: artifacts of a workflow lie in one folder each.
const DEPTH: u32 = 3;

/// Arguments of `merge`.
#[derive(Clone, Debug, Args)]
pub struct MergeArgs {
    /// Results of `loadparity check --format json=FILE`, of any machines and models, or the parts of one exploration of
    /// faults (`check --faults --partition I/N`). Of a folder: every `*.json` in it and in the folders inside.
    #[arg(required = true, value_name = "RESULT.json|FOLDER")]
    results: Vec<PathBuf>,

    /// Platforms that have to be among them, such as `linux,windows,macos/aarch64`; one that is
    /// missing is not run, which is no pass.
    #[arg(long, value_delimiter = ',', value_name = "OS[/ARCH],…")]
    expect: Vec<String>,

    #[arg(long, default_value = "terminal", value_name = "FORMAT[=FILE]", help = format::HELP)]
    format: Vec<Format>,

    #[command(flatten)]
    pub(super) screen: ScreenArgs,

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
    for path in named(&args.results)? {
        let bytes = super::input::read(&path).map_err(|error| wrong(&path, error))?;
        files.push((path, bytes));
    }
    // A machine that is expected is missing then; with no expectation nothing would be said of anything.
    if files.is_empty() && args.expect.is_empty() {
        let folders: Vec<String> = args.results.iter().map(|path| path.display().to_string()).collect();
        return Err(Exit::Failed(4, format!("nothing selected: no *.json is in {}", folders.join(", "))));
    }
    let reporters = |out| {
        let reporters = Reporters::new(&args.format, args.screen, out, Outputs::new(&args.overwrite))?;
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

/// The files that are meant, those of a folder in the order of their names.
fn named(results: &[PathBuf]) -> Result<Vec<PathBuf>, Exit> {
    fn inside(folder: &Path, depth: u32, found: &mut Vec<PathBuf>) -> io::Result<()> {
        let mut entries: Vec<_> = fs::read_dir(folder)?.collect::<Result<_, _>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            // A link to a folder may lead back here.
            if entry.file_type()?.is_dir() {
                if depth > 0 {
                    inside(&path, depth - 1, found)?;
                }
            } else if path.extension().is_some_and(|extension| extension == "json") {
                found.push(path);
            }
        }
        Ok(())
    }
    let mut files = Vec::new();
    for path in results {
        if path.is_dir() {
            inside(path, DEPTH, &mut files).map_err(|error| wrong(path, error))?;
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

/// Every file as a document of one kind.
fn read_all<D>(
    files: &[(PathBuf, Vec<u8>)],
    read: impl Fn(&[u8]) -> Result<D, DocumentError>,
) -> Result<Vec<(String, D)>, Exit> {
    let document = |(path, bytes): &(PathBuf, Vec<u8>)| {
        Ok((path.display().to_string(), read(bytes).map_err(|error| wrong(path, error))?))
    };
    files.iter().map(document).collect()
}

fn wrong(path: &Path, error: impl std::fmt::Display) -> Exit {
    Exit::usage(format!("{}: {error}", path.display()))
}
