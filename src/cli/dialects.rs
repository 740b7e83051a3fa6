//! `loadparity dialects`: what each spelling means in every dialect, and what changed.

mod json;
mod text;

use std::io::Write;

use clap::Args;

use super::exit::Exit;
use super::format::{Format, FormatKind, Output};
use crate::plan::Dialect;
use crate::plan::compare::{Comparison, spellings};

pub use json::{SCHEMA_ID, schema_text};

/// Arguments of `loadparity dialects`.
#[derive(Clone, Debug, Args)]
pub struct DialectsArgs {
    /// The dialect that the others are compared with.
    #[arg(long, default_value = "booleans", value_name = "NAME|FILE", value_parser = crate::cli::dialect_arg::dialect)]
    pub base: Dialect,

    /// Leave out the spellings that mean the same everywhere.
    #[arg(long)]
    pub only_differences: bool,

    /// `terminal`, `markdown` or `json`, each with `=FILE` to write there; may repeat.
    #[arg(long, default_value = "terminal", value_name = "FORMAT[=FILE]")]
    pub format: Vec<Format>,
}

/// Writes the table. Exit code 0: differences between eras are history and no failure.
pub(super) fn run(args: &DialectsArgs, out: &mut dyn Write) -> Exit {
    let comparison = Comparison::of(args.base, Dialect::eras(), spellings(&Dialect::eras()));
    let outputs = match Format::outputs(&args.format, out) {
        Ok(outputs) => outputs,
        Err(exit) => return exit,
    };
    if outputs.iter().any(|output| matches!(output.kind, FormatKind::Junit | FormatKind::Github)) {
        return Exit::usage(
            "`dialects` writes terminal, markdown and json; junit and github are for verdicts",
        );
    }
    let write = |output: Output<'_>| {
        let mut table = Vec::new();
        let written = match output.kind {
            FormatKind::Json => json::write(&mut table, &comparison, args.only_differences),
            FormatKind::Markdown => text::markdown(&mut table, &comparison, args.only_differences),
            _ => text::terminal(&mut table, &comparison, args.only_differences),
        };
        written.map_err(Exit::internal).and_then(|()| output.write(&table))
    };
    outputs.into_iter().try_for_each(write).err().unwrap_or(Exit::Code(0))
}
