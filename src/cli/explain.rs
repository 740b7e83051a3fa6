//! `loadparity explain`: the plan of a spelling, its warnings, and how other dialects say it.
//!
//! Opens no file and reads no environment but what `--env` gives, so its output is reproducible.

pub(super) mod bench;
mod other;

use std::collections::BTreeSet;
use std::io::{self, Write};

use clap::{Args, ValueEnum};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::other::{Equivalents, Upgrade};
use crate::migrate;
use crate::plan::equivalent::stated;
use crate::plan::exception::size;
use crate::plan::{
    Dialect, Exception, LoadPlan, Override, Resolved, Source, Spelling, Treatment, UsageError, Warning,
};

/// Exit code of a usage error.
const USAGE: u8 = 2;

/// Exit code when the plan is lost on the way to the dialect of `--to`.
const DIVERGENCE: u8 = 1;

/// Arguments of `loadparity explain`.
#[derive(Args, Clone, Debug)]
pub struct ExplainArgs {
    /// The rules to read the flags by.
    #[arg(long, default_value = "reference", value_name = "NAME|FILE|BUILD", value_parser = crate::cli::dialect_arg::dialect)]
    pub dialect: Dialect,
    /// Also give the line to use after an upgrade to this dialect; exit code 1 when there is none.
    #[arg(long, value_name = "NAME|FILE|BUILD", value_parser = crate::cli::dialect_arg::dialect)]
    pub to: Option<Dialect>,
    /// Whose grammar to read the flags by.
    #[arg(long, value_enum, default_value_t = Tool::Common)]
    pub tool: Tool,
    /// A variable of the environment to explain; may repeat. The real environment is not read.
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = variable)]
    pub env: Vec<(String, String)>,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = ExplainFormat::Terminal)]
    pub format: ExplainFormat,
    /// The load flags to explain, or a whole command line of llama.cpp, in which they are found.
    #[arg(last = true, value_name = "FLAGS", allow_hyphen_values = true)]
    pub flags: Vec<String>,
}

/// The programs that take load flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Tool {
    /// The common parser: cli, completion, server and the like.
    Common,
    /// llama-bench, where flags take lists and a line asks for several loads.
    Bench,
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

/// Explains a spelling and returns the exit code: 0, 1 when the dialect of `--to` cannot say it, or
/// 2 for a usage error.
///
/// The explanation goes to `out`. A usage error goes to `err` in the terminal format and into the
/// object in the JSON format.
///
/// # Errors
///
/// Only those of the two writers.
pub fn run(args: &ExplainArgs, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<u8> {
    let picked;
    let args = match whole_line(args) {
        None => args,
        Some(Err(error)) => {
            writeln!(err, "error: what this line says about loading cannot be known: {error}")?;
            return Ok(USAGE);
        }
        Some(Ok((found, remarks))) => {
            for remark in remarks {
                writeln!(err, "warning: {remark}")?;
            }
            picked = found;
            &picked
        }
    };
    if args.tool == Tool::Bench {
        return bench::run(args, out, err);
    }
    let spelling = Spelling { argv: args.flags.clone(), env: args.env.clone() };
    let resolved = spelling.resolve(args.dialect);
    let upgrade = args.to.map(|to| Upgrade::of(&spelling, args.dialect, to));
    let code = match (&resolved, &upgrade) {
        (Err(_), _) => USAGE,
        (Ok(_), Some(upgrade)) if !upgrade.is_possible() => DIVERGENCE,
        (Ok(_), _) => 0,
    };
    match (args.format, &resolved) {
        (ExplainFormat::Json, resolved) => {
            let document = ExplainDocument::of(args.dialect, &spelling, resolved, upgrade);
            serde_json::to_writer(&mut *out, &document)?;
            writeln!(out)?;
        }
        (ExplainFormat::Terminal, Ok(resolved)) => {
            write_lines(args.dialect, &spelling, resolved, out)?;
            match &upgrade {
                Some(upgrade) => upgrade.write(out)?,
                None => Equivalents::of(&spelling, args.dialect).write(out)?,
            }
        }
        (ExplainFormat::Terminal, Err(error)) => writeln!(err, "error: {error}")?,
    }
    Ok(code)
}

/// A whole command line in the place of load flags: the load flags and variables in it, and what there is to
/// say of the line. `None` where no program of llama.cpp is named, or where the dialect's loader is not one
/// of its family, whose command lines alone are known.
fn whole_line(args: &ExplainArgs) -> Option<Result<(ExplainArgs, Vec<String>), String>> {
    let family = args.dialect.as_a_whole().rules().family == Dialect::reference().rules().family;
    if !family || args.tool == Tool::Bench {
        return None;
    }
    Some(migrate::pick(&args.flags, args.dialect)?.map(|picked| {
        let mut found = args.clone();
        found.flags = picked.spelling.argv;
        found.env.extend(picked.spelling.env);
        if picked.bench {
            found.tool = Tool::Bench;
        }
        (found, picked.remarks)
    }))
}

/// What `explain --format json` prints: the plan of a spelling, and how other dialects say it.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct ExplainDocument {
    schema: String,
    dialect: Dialect,
    /// The plan; `null` for a usage error.
    plan: Option<LoadPlan>,
    /// The exact `--load-mode` word of the reference dialect, where there is one.
    load_mode: Option<String>,
    warnings: Vec<String>,
    /// The usage error.
    error: Option<String>,
    /// The spelling as a shell would take it.
    spelling: String,
    /// The plan's short name.
    plan_name: Option<String>,
    overridden: Vec<Overridden>,
    /// Variables that are set and that the dialect does not read.
    ignored_env: Vec<String>,
    /// The same in every other dialect, by its name.
    equivalents: Equivalents,
    /// The line after an upgrade, where one was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<Upgrade>,
}

/// A statement that had no say, and the one that decided instead.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Overridden {
    what: String,
    by: String,
}

impl Overridden {
    fn of(Override { what, by }: &Override) -> Self {
        Self { what: what.to_string(), by: by.to_string() }
    }
}

impl ExplainDocument {
    pub(super) const SCHEMA: &str = "loadparity.explain/1";

    fn of(
        dialect: Dialect,
        spelling: &Spelling,
        resolved: &Result<Resolved, UsageError>,
        to: Option<Upgrade>,
    ) -> Self {
        let found = resolved.as_ref().ok();
        Self {
            schema: Self::SCHEMA.to_owned(),
            dialect,
            plan: found.map(|found| found.plan),
            load_mode: found.and_then(|found| found.load_mode).map(str::to_owned),
            warnings: found.map(|found| remarks(dialect, spelling, found)).unwrap_or_default(),
            error: resolved.as_ref().err().map(ToString::to_string),
            spelling: spelling.to_string(),
            plan_name: found.map(|found| found.plan.to_string()),
            overridden: found
                .map(|found| found.overridden.iter().map(Overridden::of).collect())
                .unwrap_or_default(),
            ignored_env: found
                .map(|found| found.ignored_env.iter().map(|name| (*name).to_owned()).collect())
                .unwrap_or_default(),
            equivalents: if found.is_some() {
                Equivalents::of(spelling, dialect)
            } else {
                Equivalents::default()
            },
            to,
        }
    }
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
    for exception in plan.exceptions.list() {
        writeln!(out, "except     {}", exception_in_words(exception))?;
    }
    // A load mode speaks of the load as a whole.
    let whole = plan.without_exceptions();
    match (whole.reference_word(), whole.nearest_reference_word()) {
        (Some(word), _) => {
            writeln!(out, "load mode  --load-mode {word}")?;
            if dialect != Dialect::reference() {
                writeln!(out, "           a word of the reference dialect")?;
            }
        }
        (None, Some(nearest)) => writeln!(
            out,
            "load mode  no exact equivalent; the nearest is --load-mode {nearest}, which reads when direct reads are refused"
        )?,
        (None, None) => writeln!(out, "load mode  no equivalent")?,
    }
    if let Some(own) = dialect.word_for(whole).filter(|own| Some(*own) != whole.reference_word()) {
        // A mode is a keyword or a parameter in some dialects.
        let own = stated(plan, dialect).map_or_else(|| own.to_owned(), |spelling| spelling.to_string());
        writeln!(out, "           in the {dialect} dialect: {own}")?;
    }
    for Override { what, by } in &resolved.overridden {
        writeln!(out, "overridden {what}, by {by}")?;
    }
    for warning in &resolved.warnings {
        writeln!(out, "warning    {warning}")?;
        // What a loader prints is its own word: llama.cpp names the variable of a flag, whichever of its two is set.
        if let Warning::VariableOverwritten { variable, .. } = warning
            && spelling.env.iter().all(|(name, _)| name != variable)
        {
            writeln!(
                out,
                "           (these are the words of {dialect}; {variable} is not set, its twin is)"
            )?;
        }
    }
    for remark in unread(dialect, spelling, resolved) {
        writeln!(out, "warning    {remark}")?;
    }
    Ok(())
}

/// What the dialect says, and what it does not: the variables it leaves unread.
fn remarks(dialect: Dialect, spelling: &Spelling, resolved: &Resolved) -> Vec<String> {
    let heard = resolved.warnings.iter().map(Warning::to_string);
    heard.chain(unread(dialect, spelling, resolved)).collect()
}

/// Variables that are set and that the dialect does not read, or takes for something else.
fn unread(dialect: Dialect, spelling: &Spelling, resolved: &Resolved) -> Vec<String> {
    // What a load variable of llama.cpp is, the reference knows; a loader with none may hear of none.
    let (own, all) = (dialect.rules(), Dialect::reference().rules());
    let of_others = |name: &str| own.find_variable(name).is_none() && all.find_variable(name).is_some();
    let names: BTreeSet<&String> = spelling.env.iter().map(|(name, _)| name).collect();
    let strange = names.into_iter().filter(|name| of_others(name));
    let strange = strange.map(|name| format!("{name} is set, but the {dialect} dialect does not read it"));
    resolved.in_vain(dialect).into_iter().chain(strange).collect()
}

fn quoted_or_nothing(spelling: &Spelling) -> String {
    if *spelling == Spelling::default() { "(nothing)".to_owned() } else { spelling.to_string() }
}

/// Which tensors an exception is of, and what is done with them.
fn exception_in_words(exception: &Exception) -> String {
    let Exception { tensors, larger_than, treatment, optional } = *exception;
    let which = match (tensors, larger_than) {
        ("*", 0) => "every tensor".to_owned(),
        ("*", least) => format!("tensors over {}", size(least)),
        (names, 0) => names.to_owned(),
        (names, least) => format!("{names} over {}", size(least)),
    };
    let what = match treatment {
        Treatment::Lazy => "mapped whatever the load mode, brought in on demand, not locked",
        Treatment::Staged => "passed on to a device, kept and locked nowhere",
    };
    let unless = if optional { "; as the others where the platform does not map well" } else { "" };
    format!("{which}: {what}{unless}")
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
