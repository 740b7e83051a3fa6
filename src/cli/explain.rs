//! `loadparity explain`: the plan of a spelling, with warnings and the exact `--load-mode`.
//!
//! Opens no file and reads no environment but what `--env` gives, so its output is reproducible.

use std::io::{self, Write};

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::plan::{Dialect, LoadPlan, Resolved, Source, Spelling, UsageError, Warning};

/// Exit code of a usage error.
const USAGE: u8 = 2;

/// Arguments of `loadparity explain`.
#[derive(Args, Clone, Debug)]
pub struct ExplainArgs {
    /// The rules to read the flags by.
    #[arg(long, default_value_t = Dialect::Reference, value_name = "DIALECT")]
    pub dialect: Dialect,
    /// A variable of the environment to explain; may repeat. The real environment is not read.
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = variable)]
    pub env: Vec<(String, String)>,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = ExplainFormat::Terminal)]
    pub format: ExplainFormat,
    /// The load flags to explain.
    #[arg(last = true, value_name = "FLAGS", allow_hyphen_values = true)]
    pub flags: Vec<String>,
}

/// How `explain` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExplainFormat {
    /// Lines for a person.
    Terminal,
    /// One JSON object on one line.
    Json,
}

/// Takes `NAME=VALUE` apart.
pub(super) fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE".to_owned()),
    }
}

/// Explains a spelling and returns the exit code: 0, or 2 for a usage error.
///
/// The explanation goes to `out`. A usage error goes to `err` in the terminal format and into the
/// object in the JSON format.
///
/// # Errors
///
/// Only those of the two writers.
pub fn run(args: &ExplainArgs, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<u8> {
    let spelling = Spelling { argv: args.flags.clone(), env: args.env.clone() };
    let resolved = spelling.resolve(args.dialect);
    let code = if resolved.is_ok() { 0 } else { USAGE };
    match (args.format, resolved) {
        (ExplainFormat::Json, resolved) => write_json(args.dialect, &resolved, out)?,
        (ExplainFormat::Terminal, Ok(resolved)) => write_lines(args.dialect, &spelling, &resolved, out)?,
        (ExplainFormat::Terminal, Err(error)) => writeln!(err, "error: {error}")?,
    }
    Ok(code)
}

/// The object of `--format json`.
#[derive(Serialize)]
struct Explanation {
    dialect: Dialect,
    plan: Option<LoadPlan>,
    load_mode: Option<&'static str>,
    warnings: Vec<String>,
    error: Option<String>,
}

fn write_json(
    dialect: Dialect,
    resolved: &Result<Resolved, UsageError>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let explanation = match resolved {
        Ok(resolved) => Explanation {
            dialect,
            plan: Some(resolved.plan),
            load_mode: resolved.load_mode,
            warnings: remarks(dialect, resolved),
            error: None,
        },
        Err(error) => {
            let error = Some(error.to_string());
            Explanation { dialect, plan: None, load_mode: None, warnings: Vec::new(), error }
        }
    };
    serde_json::to_writer(&mut *out, &explanation)?;
    writeln!(out)
}

fn write_lines(
    dialect: Dialect,
    spelling: &Spelling,
    resolved: &Resolved,
    out: &mut dyn Write,
) -> io::Result<()> {
    let plan = resolved.plan;
    writeln!(out, "dialect    {dialect}: {}", dialect.rules().about)?;
    writeln!(out, "spelling   {}", quoted_or_nothing(spelling))?;
    writeln!(out, "plan       {plan}: {}", in_words(plan))?;
    match (resolved.load_mode, plan.nearest_reference_word()) {
        (Some(word), _) => writeln!(out, "load mode  --load-mode {word}")?,
        (None, Some(nearest)) => writeln!(
            out,
            "load mode  no exact equivalent; the nearest is --load-mode {nearest}, which reads when direct reads are refused"
        )?,
        (None, None) => writeln!(out, "load mode  no equivalent")?,
    }
    if let Some(own) = dialect.word_for(plan).filter(|own| Some(*own) != resolved.load_mode) {
        writeln!(out, "           in the {dialect} dialect: --load-mode {own}")?;
    }
    for remark in remarks(dialect, resolved) {
        writeln!(out, "warning    {remark}")?;
    }
    Ok(())
}

/// What the dialect says, and what it does not: the variables it leaves unread.
fn remarks(dialect: Dialect, resolved: &Resolved) -> Vec<String> {
    let unread = resolved.ignored_env.iter();
    let unread = unread.map(|name| format!("{name} is set, but the {dialect} dialect does not read it"));
    resolved.warnings.iter().map(Warning::to_string).chain(unread).collect()
}

fn quoted_or_nothing(spelling: &Spelling) -> String {
    if *spelling == Spelling::default() { "(nothing)".to_owned() } else { spelling.to_string() }
}

fn in_words(plan: LoadPlan) -> String {
    let source = match plan.source {
        Source::Map => "map the file",
        Source::Read => "buffered reads into memory",
        Source::Direct => "reads past the page cache",
        Source::Auto => "map where the platform and the file system map well, else read",
    };
    let lock = if plan.lock { ", locked" } else { ", not locked" };
    let refused = match plan.on_refused {
        None => "",
        Some(crate::plan::OnRefused::Map) => "; map when refused",
        Some(crate::plan::OnRefused::Read) => "; buffered reads when refused",
        Some(crate::plan::OnRefused::Error) => "; fail when refused",
    };
    format!("{source}{lock}{refused}")
}
