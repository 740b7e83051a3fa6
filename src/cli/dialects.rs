//! `loadparity dialects`: what each spelling means in every dialect, and what changed; the files that
//! dialects are.

mod files;
mod json;
mod text;

use std::io::Write;

use clap::{Args, Subcommand};

use super::exit::Exit;
use super::format::{Format, FormatKind, Output};
use super::report_file::{Outputs, Overwrite};
use crate::plan::Dialect;
use crate::plan::compare::{Comparison, spellings};

pub use json::{SCHEMA_ID, schema_text};

/// Arguments of `loadparity dialects`.
#[derive(Clone, Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct DialectsArgs {
    #[command(subcommand)]
    command: Option<DialectsCommand>,

    /// The dialect that the others are compared with.
    #[arg(long, default_value = "booleans", value_name = "NAME|FILE|BUILD", value_parser = crate::cli::dialect_arg::dialect)]
    pub base: Dialect,

    /// Leave out the spellings that mean the same everywhere.
    #[arg(long)]
    pub only_differences: bool,

    /// `terminal`, `markdown` or `json`, each with `=FILE` to write there; may repeat.
    #[arg(long, default_value = "terminal", value_name = "FORMAT[=FILE]")]
    pub format: Vec<Format>,
}

/// What there is to do with dialect files.
#[derive(Clone, Debug, Subcommand)]
enum DialectsCommand {
    /// List the shipped dialects.
    #[command(override_usage = "loadparity dialects list")]
    List,
    /// Print the file of a dialect, to read or to start from.
    #[command(override_usage = "loadparity dialects show NAME")]
    Show(files::ShowArgs),
    /// Check a dialect file; with a command, check that the command does what the file says, as
    /// `check --dialect FILE` does.
    #[command(override_usage = "loadparity dialects check FILE [-m MODEL -- CMD {model} {flags}]")]
    Check(files::CheckArgs),
    /// Show what a dialect can ask for and how another says it.
    #[command(override_usage = "loadparity dialects diff NAME|FILE NAME|FILE")]
    Diff(files::DiffArgs),
}

/// Writes the table. Exit code 0: differences between eras are history and no failure.
pub(super) fn run(args: &DialectsArgs, out: &mut dyn Write) -> Exit {
    match &args.command {
        Some(DialectsCommand::List) => return files::list(out),
        Some(DialectsCommand::Show(args)) => return files::show(args, out),
        Some(DialectsCommand::Check(args)) => return files::check(args, out),
        Some(DialectsCommand::Diff(args)) => return files::diff(args, out),
        None => {}
    }
    let mut dialects = Dialect::eras();
    if !dialects.contains(&args.base) {
        dialects.push(args.base);
    }
    let spellings = spellings(&dialects);
    let comparison = Comparison::of(args.base, dialects, spellings);
    let outputs = match Format::outputs(&args.format, out, Outputs::new(&Overwrite::default())) {
        Ok(outputs) => outputs,
        Err(exit) => return exit,
    };
    let of_verdicts = [FormatKind::Html, FormatKind::Junit, FormatKind::Github];
    if outputs.iter().any(|output| of_verdicts.contains(&output.kind)) {
        return Exit::usage(
            "`dialects` writes terminal, markdown and json; html, junit and github are for verdicts",
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
