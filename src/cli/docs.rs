//! `loadparity docs`: pages of the documentation that are made from the program's own tables.

use std::io::{self, Write};

use clap::{Args, ValueEnum};

/// Arguments of `docs`.
#[derive(Clone, Debug, Args)]
pub struct DocsArgs {
    /// The page.
    page: Page,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Page {
    /// `PLATFORM.md`.
    Platform,
}

/// Prints a page.
pub(super) fn run(args: &DocsArgs, out: &mut dyn Write) -> io::Result<()> {
    match args.page {
        Page::Platform => out.write_all(crate::platform::platform_markdown().as_bytes()),
    }
}
