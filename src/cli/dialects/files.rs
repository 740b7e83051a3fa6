//! `dialects list`, `show`, `check` and `diff`: dialects as files.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Parser};

use crate::cli::exit::Exit;
use crate::cli::{Cli, Command, dialect_arg};
use crate::plan::equivalent::{plans, translate};
use crate::plan::{Dialect, Spelling, render};

/// Arguments of `dialects show`.
#[derive(Clone, Debug, Args)]
pub(super) struct ShowArgs {
    /// The dialect.
    #[arg(value_name = "NAME", value_parser = clap::value_parser!(Dialect))]
    dialect: Dialect,
}

/// Arguments of `dialects check`.
#[derive(Clone, Debug, Args)]
pub(super) struct CheckArgs {
    /// The file.
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The model that the command loads.
    #[arg(short, long, value_name = "FILE", requires = "command")]
    model: Option<PathBuf>,

    /// A command that reads its flags by the file, with `{model}` and `{flags}` in their places.
    #[arg(last = true, value_name = "CMD", requires = "model")]
    command: Vec<OsString>,
}

/// Arguments of `dialects diff`.
#[derive(Clone, Debug, Args)]
pub(super) struct DiffArgs {
    /// The dialect that asks.
    #[arg(value_name = "FROM", value_parser = dialect_arg::dialect)]
    from: Dialect,

    /// The dialect that has to say the same.
    #[arg(value_name = "TO", value_parser = dialect_arg::dialect)]
    to: Dialect,
}

fn written(text: &str, out: &mut dyn Write) -> Exit {
    // `check` paints what it says; the words of a file stay plain.
    match out.write_all(crate::report::screen::lines(text).as_bytes()) {
        Ok(()) => Exit::Code(0),
        Err(error) => Exit::unwritten(error),
    }
}

/// A line for each shipped dialect.
pub(super) fn list(out: &mut dyn Write) -> Exit {
    let dialects = Dialect::shipped();
    let width = dialects.iter().map(|dialect| dialect.name().len()).max().unwrap_or(0);
    let line = |dialect: &Dialect| format!("{dialect:<width$}  {}\n", dialect.rules().about);
    written(&dialects.iter().map(line).collect::<String>(), out)
}

/// The file of a shipped dialect.
pub(super) fn show(args: &ShowArgs, out: &mut dyn Write) -> Exit {
    match args.dialect.text() {
        Some(text) => written(text, out),
        None => Exit::usage(format!("{} is no shipped dialect", args.dialect)),
    }
}

/// Checks a file, and a command against it. Exit code 2 for a broken file, else that of the campaign.
pub(super) fn check(args: &CheckArgs, out: &mut dyn Write) -> Exit {
    let Some(file) = args.file.to_str() else { return Exit::usage("the file's name is not UTF-8") };
    // Whatever its name is, it is a file.
    let path = match file.contains(['/', '\\']) {
        true => file.to_owned(),
        false => format!("./{file}"),
    };
    let dialect = match dialect_arg::dialect(&path) {
        Ok(dialect) => dialect,
        Err(error) => return Exit::usage(error),
    };
    let Some(model) = args.model.as_ref().filter(|_| !args.command.is_empty()) else {
        return written(&summary(file, dialect), out);
    };
    let words = ["loadparity", "check", "--dialect", &path, "-m"].map(OsString::from);
    let words = words.into_iter().chain([model.clone().into_os_string(), "--".into()]);
    match Cli::try_parse_from(words.chain(args.command.iter().cloned())) {
        Ok(Cli { command: Command::Check(args), .. }) => super::super::check::run(&args, out),
        Ok(_) => Exit::internal("`check` was read as another command"),
        Err(error) => Exit::usage(error.to_string()),
    }
}

/// What a file says, in a few lines.
fn summary(file: &str, dialect: Dialect) -> String {
    let rules = dialect.rules();
    let mut text = format!("{file}: the dialect {dialect}: {}\n", rules.about);
    text.push_str(&format!("accepts {}\n", render::flag_list(dialect)));
    let variables = rules.flags().flat_map(|def| def.variables()).collect::<Vec<_>>();
    if !variables.is_empty() {
        text.push_str(&format!("reads   {}\n", variables.join(", ")));
    }
    for (plan, spelling) in plans(dialect) {
        text.push_str(&format!("{:<24} {}\n", plan.to_string(), shown(&spelling)));
    }
    if rules.sources.is_empty() {
        text.push_str("note: 'sources' is empty: a reader cannot look up where these flags are from\n");
    }
    text
}

fn shown(spelling: &Spelling) -> String {
    if *spelling == Spelling::default() { "(nothing)".to_owned() } else { spelling.to_string() }
}

/// Every plan of one dialect, and how the other says it. Exit code 0: a difference is no failure.
pub(super) fn diff(args: &DiffArgs, out: &mut dyn Write) -> Exit {
    let (from, to) = (args.from, args.to);
    let rows: Vec<[String; 3]> = plans(from)
        .into_iter()
        .map(|(plan, spelling)| {
            let said = match translate(&spelling, from, to) {
                Ok(translation) => shown(&translation.apply(&spelling)),
                Err(error) => format!("cannot be said: {error}"),
            };
            [plan.to_string(), shown(&spelling), said]
        })
        .collect();
    let width = |column: usize, title: &str| {
        rows.iter().map(|row| row[column].chars().count()).chain([title.len()]).max().unwrap_or(0)
    };
    let (plan, ours) = (width(0, "plan"), width(1, from.name()));
    let head = ["plan".to_owned(), from.to_string(), to.to_string()];
    let line = |row: &[String; 3]| format!("{:<plan$}  {:<ours$}  {}\n", row[0], row[1], row[2]);
    let text: String = std::iter::once(&head).chain(&rows).map(line).collect();
    written(&text, out)
}
