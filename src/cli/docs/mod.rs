//! `loadparity docs`: pages of the documentation that are made from the program's own tables.

mod regressions;

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Arguments of `docs`.
#[derive(Clone, Debug, Args)]
pub struct DocsArgs {
    /// The page.
    page: Page,

    /// The folder of a checkout with the scenarios and recordings that a page is made from.
    #[arg(long, default_value = "fixtures", value_name = "FOLDER")]
    fixtures: PathBuf,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Page {
    /// `PLATFORM.md`.
    Platform,
    /// `docs/regressions.md`.
    Regressions,
}

/// Prints a page.
pub(super) fn run(args: &DocsArgs, out: &mut dyn Write) -> io::Result<()> {
    match args.page {
        Page::Platform => out.write_all(crate::platform::platform_markdown().as_bytes()),
        Page::Regressions => out.write_all(regressions::page(&args.fixtures)?.as_bytes()),
    }
}
