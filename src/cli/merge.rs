//! `loadparity merge`: the results of several machines in one matrix.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use super::exit::Exit;
use super::format::{self, Format, Reporters};
use super::report_file::{Outputs, Overwrite};
use crate::check::{CheckDocument, Merge};

/// Arguments of `merge`.
#[derive(Clone, Debug, Args)]
pub struct MergeArgs {
    /// Results of `loadparity check --format json=FILE`, of any machines and models.
    #[arg(required = true, value_name = "RESULT.json")]
    results: Vec<PathBuf>,

    /// Platforms that have to be among them, such as `linux,windows,macos/aarch64`; one that is
    /// missing is not run, which is no pass.
    #[arg(long, value_delimiter = ',', value_name = "OS[/ARCH],…")]
    expect: Vec<String>,

    #[arg(long, default_value = "terminal", value_name = "FORMAT[=FILE]", help = format::HELP)]
    format: Vec<Format>,

    #[command(flatten)]
    overwrite: Overwrite,
}

/// Runs `merge`.
pub(super) fn run(args: &MergeArgs, out: &mut dyn Write) -> Exit {
    let mut results = Vec::new();
    for path in &args.results {
        let read = super::input::read(path).map_err(|error| error.to_string());
        match read.and_then(|bytes| CheckDocument::read(&bytes).map_err(|error| error.to_string())) {
            Ok(result) => results.push((path.display().to_string(), result)),
            Err(error) => return Exit::usage(format!("{}: {error}", path.display())),
        }
    }
    let merge = Merge { results, expected: args.expect.clone() };
    if let Err(error) = merge.comparable() {
        return Exit::usage(error);
    }
    match Reporters::new(&args.format, false, out, Outputs::new(&args.overwrite)) {
        Ok(reporters) => reporters.finish(&merge.run()),
        Err(exit) => exit,
    }
}
