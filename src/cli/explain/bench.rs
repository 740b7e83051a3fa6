//! `explain --tool bench`: the loads that a llama-bench line asks for.

use std::io::{self, Write};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ExplainArgs, ExplainFormat, USAGE, in_words};
use crate::plan::bench::{self, Queue};
use crate::plan::{Dialect, LoadPlan, Spelling, UsageError};

/// What `explain --tool bench --format json` prints: the keys of the common parser, and the queue.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(in crate::cli) struct ExplainBenchDocument {
    schema: String,
    dialect: Dialect,
    /// The plan, where the line asks for one load.
    plan: Option<LoadPlan>,
    /// The list for `-lm` of the reference that asks for the same loads.
    load_mode: Option<String>,
    warnings: Vec<String>,
    error: Option<String>,
    spelling: String,
    /// `bench`.
    tool: String,
    /// The loads that the line asks for, in their order.
    queue: Vec<Entry>,
}

impl ExplainBenchDocument {
    pub(in crate::cli) const SCHEMA: &str = "loadparity.explain-bench/1";
}

/// One load.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Entry {
    plan: LoadPlan,
    /// The plan's short name.
    plan_name: String,
    /// The column of llama-bench's table.
    label: String,
}

pub(super) fn run(args: &ExplainArgs, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<u8> {
    if args.to.is_some() {
        writeln!(err, "error: --to translates lines of the common parser; leave out --tool bench")?;
        return Ok(USAGE);
    }
    let argv: Vec<&str> = args.flags.iter().map(String::as_str).collect();
    let queue = bench::resolve(args.dialect, &argv);
    let code = if queue.is_ok() { 0 } else { USAGE };
    let spelling = Spelling { argv: args.flags.clone(), env: args.env.clone() };
    match (args.format, queue) {
        (ExplainFormat::Json, queue) => write_json(args, &spelling, queue, out)?,
        (ExplainFormat::Terminal, Ok(queue)) => write_lines(args, &spelling, &queue, out)?,
        (ExplainFormat::Terminal, Err(error)) => writeln!(err, "error: {error}")?,
    }
    Ok(code)
}

/// What the dialect says, and the variables that llama-bench leaves unread.
fn remarks(args: &ExplainArgs, queue: &Queue) -> Vec<String> {
    let set = args.env.iter().filter(|(name, _)| args.dialect.rules().find_variable(name).is_some());
    let unread = set.map(|(name, _)| format!("{name} is set, but llama-bench reads no environment"));
    queue.warnings.iter().cloned().chain(unread).collect()
}

fn write_json(
    args: &ExplainArgs,
    spelling: &Spelling,
    queue: Result<Queue, UsageError>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let found = queue.as_ref().ok();
    let entries = found.map(|queue| queue.entries.as_slice()).unwrap_or_default();
    let document = ExplainBenchDocument {
        schema: ExplainBenchDocument::SCHEMA.to_owned(),
        dialect: args.dialect,
        plan: if let [only] = entries { Some(only.plan) } else { None },
        load_mode: found.and_then(Queue::load_modes),
        warnings: found.map(|queue| remarks(args, queue)).unwrap_or_default(),
        error: queue.as_ref().err().map(ToString::to_string),
        spelling: spelling.to_string(),
        tool: "bench".to_owned(),
        queue: entries
            .iter()
            .map(|entry| Entry {
                plan: entry.plan,
                plan_name: entry.plan.to_string(),
                label: entry.label.clone(),
            })
            .collect(),
    };
    serde_json::to_writer(&mut *out, &document)?;
    writeln!(out)
}

fn write_lines(
    args: &ExplainArgs,
    spelling: &Spelling,
    queue: &Queue,
    out: &mut dyn Write,
) -> io::Result<()> {
    let dialect = args.dialect;
    writeln!(out, "dialect    {dialect}: {}", dialect.rules().about)?;
    writeln!(out, "spelling   llama-bench {spelling}")?;
    for (i, entry) in queue.entries.iter().enumerate() {
        let (plan, label) = (entry.plan, &entry.label);
        writeln!(out, "load {:<5} {label}: {plan}, {}", i + 1, in_words(plan))?;
    }
    match queue.load_modes() {
        Some(list) => writeln!(out, "load mode  -lm {list}")?,
        None => writeln!(out, "load mode  no exact equivalent")?,
    }
    for remark in remarks(args, queue) {
        writeln!(out, "warning    {remark}")?;
    }
    Ok(())
}
