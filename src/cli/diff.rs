//! `loadparity diff`: two trace files, aligned, each difference classified.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rules::Summary;
use crate::trace::{CodePath, Diff, DiffClass, Entry, ReadError, Rule, TraceFile, Word};

/// The exit code of two equal paths.
const IDENTICAL: u8 = 0;
/// The exit code of two different paths.
const DIFFERENT: u8 = 1;
/// The exit code where a trace cannot be read.
const UNREADABLE: u8 = 2;
/// The exit code where the output cannot be written.
const INTERNAL: u8 = 70;

/// Compares two recorded traces: what was done differently, and how bad that is.
#[derive(clap::Args, Debug)]
pub struct DiffArgs {
    /// The trace to compare with.
    pub left: PathBuf,
    /// The trace to compare.
    pub right: PathBuf,
    /// How to print the comparison.
    #[arg(long, value_enum, default_value = "terminal")]
    pub format: DiffFormat,
}

/// How a comparison is printed.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiffFormat {
    /// For people.
    Terminal,
    /// One JSON object.
    Json,
}

/// Runs the command; returns the exit code: 0 identical, 1 different, 2 a trace cannot be read.
/// What is wrong with a trace is told on the standard error.
pub fn run(args: &DiffArgs, out: &mut dyn Write) -> u8 {
    let comparison = match Comparison::load(&args.left, &args.right) {
        Ok(comparison) => comparison,
        Err(error) => {
            super::streams::tell(&format!("error: {error}"));
            return UNREADABLE;
        }
    };
    let written = match args.format {
        DiffFormat::Terminal => comparison.terminal(out),
        DiffFormat::Json => comparison.json(out),
    };
    match written {
        Ok(()) if comparison.diff.is_identical() => IDENTICAL,
        Ok(()) => DIFFERENT,
        Err(error) => {
            super::streams::tell(&format!("error: cannot write the comparison: {error}"));
            INTERNAL
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum LoadError {
    #[error("{path}: {source}; give a trace file as `loadparity trace` or `run --trace` writes it")]
    Open { path: String, source: io::Error },
    #[error("{path}: {source}")]
    Read { path: String, source: ReadError },
}

/// One side: its file and its path.
struct Side {
    file: String,
    os: String,
    path: CodePath,
    facts: Summary,
}

impl Side {
    fn load(file: &Path) -> Result<Self, LoadError> {
        let name = file.display().to_string();
        let input =
            super::input::open(file).map_err(|source| LoadError::Open { path: name.clone(), source })?;
        let trace = TraceFile::read(BufReader::new(input))
            .map_err(|source| LoadError::Read { path: name.clone(), source })?;
        let (path, facts) = (CodePath::from_ops(&trace.ops), Summary::of(&trace.ops));
        Ok(Self { file: name, os: trace.header.os, path, facts })
    }
}

struct Comparison {
    left: Side,
    right: Side,
    diff: Diff,
}

impl Comparison {
    /// Reads both sides. Flag names of two platforms say nothing about each other, so that traces
    /// of two platforms are compared by meaning.
    fn load(left: &Path, right: &Path) -> Result<Self, LoadError> {
        let (mut left, mut right) = (Side::load(left)?, Side::load(right)?);
        if left.os != right.os {
            (left.path, right.path) = (left.path.semantic(), right.path.semantic());
        }
        let diff = Diff::between(&left.path, &right.path);
        Ok(Self { left, right, diff })
    }

    fn rules(&self) -> BTreeMap<Rule, (usize, usize)> {
        let mut rules: BTreeMap<Rule, (usize, usize)> = BTreeMap::new();
        for (rule, times) in &self.left.path.rules_applied {
            rules.entry(*rule).or_default().0 = *times;
        }
        for (rule, times) in &self.right.path.rules_applied {
            rules.entry(*rule).or_default().1 = *times;
        }
        rules
    }

    fn terminal(&self, out: &mut dyn Write) -> io::Result<()> {
        for (mark, side) in [("---", &self.left), ("+++", &self.right)] {
            let (steps, print) = (side.path.steps.len(), side.path.fingerprint());
            writeln!(out, "{mark} {} ({}, {steps} steps, path {print})", side.file, side.os)?;
        }
        write!(out, "{}", self.diff)?;
        let classes: BTreeSet<DiffClass> = self.diff.classes();
        if classes.is_empty() {
            writeln!(out, "identical: both took the same code path")?;
        } else {
            writeln!(out, "\ndifferent, from the worst:")?;
        }
        for class in classes.iter().rev() {
            let count = self.diff.differences().filter(|entry| entry.class == Some(*class)).count();
            writeln!(out, "  {:<10} {count:>3}  {}", class.word(), class.explanation())?;
        }
        for (mark, side) in [("---", &self.left), ("+++", &self.right)] {
            let facts = &side.facts;
            if facts.direct_asked > 0 {
                writeln!(
                    out,
                    "{mark} {} direct opens, {} held, {} never read",
                    facts.direct_asked, facts.direct_held, facts.direct_unread
                )?;
            }
        }
        writeln!(out, "\nnormalised (times left, right):")?;
        for (rule, (left, right)) in self.rules() {
            writeln!(out, "  {:<27} {left:>6} {right:>6}  {}", rule.id(), rule.explanation())?;
        }
        Ok(())
    }

    fn json(&self, out: &mut dyn Write) -> io::Result<()> {
        let side = |side: &Side| JsonSide {
            file: side.file.clone(),
            os: side.os.clone(),
            steps: side.path.steps.len(),
            fingerprint: side.path.fingerprint().full(),
            direct_opens: side.facts.direct_asked,
            direct_unread: side.facts.direct_unread,
        };
        let rules = self.rules().into_iter().map(|(rule, (left, right))| JsonRule {
            id: rule.id().to_owned(),
            explanation: rule.explanation().to_owned(),
            left,
            right,
        });
        let document = DiffDocument {
            schema: DiffDocument::SCHEMA.to_owned(),
            left: side(&self.left),
            right: side(&self.right),
            identical: self.diff.is_identical(),
            worst: self.diff.worst().map(|class| class.word().to_owned()),
            differences: self.diff.differences().map(JsonEntry::of).collect(),
            rules: rules.collect(),
        };
        serde_json::to_writer_pretty(&mut *out, &document)?;
        writeln!(out)
    }
}

/// What `diff --format json` prints: two traces and how they differ.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct DiffDocument {
    schema: String,
    left: JsonSide,
    right: JsonSide,
    /// Whether both took the same code path.
    identical: bool,
    /// The worst class of the differences.
    worst: Option<String>,
    differences: Vec<JsonEntry>,
    /// What was normalised.
    rules: Vec<JsonRule>,
}

impl DiffDocument {
    pub(super) const SCHEMA: &str = "loadparity.diff/1";
}

/// One trace.
#[derive(Serialize, Deserialize, JsonSchema)]
struct JsonSide {
    file: String,
    os: String,
    steps: usize,
    fingerprint: String,
    direct_opens: u64,
    direct_unread: u64,
}

/// A step that the two do not share.
#[derive(Serialize, Deserialize, JsonSchema)]
struct JsonEntry {
    /// What the difference comes to.
    class: Option<String>,
    detail: String,
    left: Option<String>,
    right: Option<String>,
}

impl JsonEntry {
    fn of(entry: &Entry) -> Self {
        let line = |step: &Option<crate::trace::Step>| step.as_ref().map(ToString::to_string);
        Self {
            class: entry.class.map(|class| class.word().to_owned()),
            detail: entry.detail.clone(),
            left: line(&entry.left),
            right: line(&entry.right),
        }
    }
}

/// A normalisation, and how often it was applied on each side.
#[derive(Serialize, Deserialize, JsonSchema)]
struct JsonRule {
    id: String,
    explanation: String,
    left: usize,
    right: usize,
}
