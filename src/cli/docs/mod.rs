//! `loadparity docs`: pages of the documentation that are made from the program's own tables.

mod determinism;
mod regressions;

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::exit::Exit;
use crate::check::MachineBits;

/// Arguments of `docs`.
#[derive(Clone, Debug, Args)]
pub struct DocsArgs {
    /// The page.
    page: Page,

    /// The folder of a checkout with the scenarios and recordings that a page is made from.
    #[arg(long, default_value = "fixtures", value_name = "FOLDER")]
    fixtures: PathBuf,

    /// What `loadparity bits --json` wrote on each machine, for the page on determinism.
    #[arg(long, num_args = 1.., value_name = "BITS.json")]
    bits: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Page {
    /// `PLATFORM.md`.
    Platform,
    /// `docs/determinism.md`; exit code 1 if a model has more than one value.
    Determinism,
    /// `docs/regressions.md`.
    Regressions,
}

/// Prints a page.
pub(super) fn run(args: &DocsArgs, out: &mut dyn Write) -> Exit {
    let (page, code) = match args.page {
        Page::Platform => (crate::platform::platform_markdown(), 0),
        Page::Regressions => match regressions::page(&args.fixtures) {
            Ok(page) => (page, 0),
            Err(error) => return Exit::internal(error),
        },
        Page::Determinism => match machines(args).and_then(|machines| determinism::page(&machines)) {
            Ok((page, one_value)) => (page, u8::from(!one_value)),
            Err(error) => return Exit::usage(error),
        },
    };
    match out.write_all(page.as_bytes()) {
        Ok(()) => Exit::Code(code),
        Err(error) => Exit::internal(error),
    }
}

fn machines(args: &DocsArgs) -> Result<Vec<MachineBits>, String> {
    let read = |path: &PathBuf| {
        let named = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let bytes = std::fs::read(path).map_err(|error| named(&error))?;
        MachineBits::read(&bytes).map_err(|error| named(&error))
    };
    args.bits.iter().map(read).collect()
}
