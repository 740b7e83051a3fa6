//! Judging a recording: what a dialect predicts of a spelling, what the operations prove, what the
//! program's own lines claim, and which rules of the contract the load broke.
//!
//! The effective mode comes from the operations of the load phase alone. A line of a log is a claim
//! and never evidence. Of several models, the one that a program loads first is judged.

mod claims;
mod models;
mod rules;

pub use claims::{Claim, claims};

use serde::Serialize;

use super::rule::{Finding, Rule};
use crate::gguf::Gguf;
use crate::plan::{Dialect, LoadPlan, OnRefused, Source, Spelling, UsageError, bench};
use crate::rules::{Effective, EffectiveSource, Summary};
use crate::trace::{Call, Errno, ErrorKind, Op, Outcome, Phase};

/// What is known of one run of a loader.
#[derive(Clone, Copy, Debug)]
pub struct Recording<'a> {
    /// Its operations, with their phases.
    pub ops: &'a [Op],
    /// Bytes in a page of its machine.
    pub page_size: u64,
    /// What it printed, if that is known.
    pub printed: Option<&'a [String]>,
    /// The model that it loaded, if that is at hand.
    pub model: Option<&'a Gguf>,
}

/// What is to be said of a recording.
#[derive(Clone, Debug, Serialize)]
pub struct Judgement {
    /// The dialect.
    pub dialect: Dialect,
    /// The spelling as a shell would take it.
    pub spelling: String,
    /// The plan of the dialect; `None` for a usage error.
    pub plan: Option<LoadPlan>,
    /// The usage error.
    pub error: Option<String>,
    /// What the plan means if nothing is refused, in the words of `effective`. `auto` is `map`.
    pub predicted: String,
    /// The same after the refusals that the recording shows: what `effective` has to be.
    pub expected: String,
    /// What the operations of the load phase prove.
    pub effective: String,
    /// Whether the effective mode is the expected one.
    pub agrees: bool,
    /// What was refused in the load phase and had a say in `expected`.
    pub refused: Vec<String>,
    /// What the program's lines claim; `None` if no line is known.
    pub log_claims: Option<Vec<Claim>>,
    /// The rules of the contract that the load broke.
    pub rules: Vec<Finding>,
    /// The rules that this recording cannot decide.
    pub undecided: Vec<Rule>,
}

/// Judges one recording of a spelling.
pub fn judge(dialect: Dialect, spelling: &Spelling, recording: &Recording<'_>) -> Judgement {
    let plan = spelling.resolve(dialect).map(|resolved| resolved.plan);
    judge_plan(dialect, spelling, plan, recording)
}

/// Judges one recording of llama-bench. Of several loads the last one is judged, because the others
/// are passes over the model before it.
pub fn judge_bench(dialect: Dialect, argv: &[String], recording: &Recording<'_>) -> Judgement {
    let words: Vec<&str> = argv.iter().map(String::as_str).collect();
    let plan = bench::resolve(dialect, &words)
        .map(|queue| queue.entries.last().map_or_else(|| LoadPlan::map(false), |entry| entry.plan));
    judge_plan(dialect, &Spelling::flags(argv.to_vec()), plan, recording)
}

fn judge_plan(
    dialect: Dialect,
    spelling: &Spelling,
    resolved: Result<LoadPlan, UsageError>,
    recording: &Recording<'_>,
) -> Judgement {
    let ops = models::main_model(recording.ops);
    let effective = Summary::of(&ops).effective;
    let refusals = Refusals::of(&ops);
    let plan = resolved.as_ref().ok().copied();
    let expected = expected(plan, effective, &refusals);
    let log_claims =
        recording.printed.map(|lines| claims(lines, dialect, spelling, effective, recording.ops));
    let (rules, undecided) = plan.map_or_else(Default::default, |plan| {
        let recording = Recording { ops: &ops, ..*recording };
        rules::broken(decided(plan, effective), &recording, log_claims.as_deref())
    });
    Judgement {
        dialect,
        spelling: spelling.to_string(),
        plan,
        error: resolved.err().map(|error| error.to_string()),
        predicted: plan.map_or(NOTHING, |plan| word(decided(plan, MAPPED))).to_string(),
        expected: expected.to_string(),
        effective: effective.to_string(),
        agrees: expected == effective,
        refused: refusals.told(),
        log_claims,
        rules,
        undecided,
    }
}

const NOTHING: Effective = Effective { source: None, locked: false };
const MAPPED: Effective = Effective { source: Some(EffectiveSource::Map), locked: false };

/// The plan with `auto` decided as the load did.
fn decided(plan: LoadPlan, effective: Effective) -> LoadPlan {
    match (plan.source, effective.source) {
        (Source::Auto, Some(EffectiveSource::Read)) => LoadPlan::read(plan.lock),
        (Source::Auto, _) => LoadPlan::map(plan.lock),
        _ => plan,
    }
}

/// A decided plan in the words of an effective mode.
pub(super) fn word(plan: LoadPlan) -> Effective {
    let source = match plan.source {
        Source::Map | Source::Auto => EffectiveSource::Map,
        Source::Read => EffectiveSource::Read,
        Source::Direct => EffectiveSource::Direct,
    };
    Effective { source: Some(source), locked: plan.lock }
}

/// The operations that say what the load could do: its own, and the direct opens just before it, by
/// which many a loader finds out what the platform can do. Those of a pass that reads the header
/// once more before it loads are that pass's own.
pub(super) fn of_load(ops: &[Op]) -> impl Iterator<Item = &Op> {
    let load = ops.iter().position(|op| op.phase == Phase::Load).unwrap_or(ops.len());
    let header = ops[..load].iter().rposition(|op| op.phase == Phase::Header);
    let first = header.map_or(0, |last| last + 1);
    ops.iter().enumerate().filter_map(move |(i, op)| {
        let probe =
            op.phase == Phase::Probe && i >= first && matches!(op.call, Call::Open { direct: true, .. });
        (probe || op.phase == Phase::Load).then_some(op)
    })
}

/// What was refused to the load.
#[derive(Default)]
struct Refusals {
    direct: Option<Errno>,
    lock: Option<Errno>,
}

impl Refusals {
    fn of(ops: &[Op]) -> Self {
        let mut refusals = Self::default();
        for op in of_load(ops) {
            let Outcome::Err(errno) = &op.outcome else { continue };
            match &op.call {
                Call::Open { direct: true, .. } | Call::Read { direct: true, .. }
                    if errno.kind != ErrorKind::Interrupted =>
                {
                    refusals.direct.get_or_insert_with(|| errno.clone());
                }
                Call::Lock { .. } => {
                    refusals.lock.get_or_insert_with(|| errno.clone());
                }
                _ => {}
            }
        }
        refusals
    }

    fn told(&self) -> Vec<String> {
        let tell = |what: &str, errno: &Option<Errno>| errno.as_ref().map(|e| format!("{what}: {}", e.name));
        [tell("direct I/O", &self.direct), tell("lock", &self.lock)].into_iter().flatten().collect()
    }
}

/// What the load has to be, given what was refused. A usage error opens nothing.
fn expected(plan: Option<LoadPlan>, effective: Effective, refusals: &Refusals) -> Effective {
    let Some(plan) = plan else { return NOTHING };
    let mut expected = word(decided(plan, effective));
    if plan.source == Source::Direct && refusals.direct.is_some() {
        expected.source = match plan.on_refused {
            Some(OnRefused::Map) => Some(EffectiveSource::Map),
            Some(OnRefused::Error) => None,
            // What had come directly before a read was refused stays; either may be the greater part.
            _ if effective.source == Some(EffectiveSource::Direct) => effective.source,
            _ => Some(EffectiveSource::Read),
        };
    }
    if plan.lock && refusals.lock.is_some() {
        expected.locked = effective.locked;
    }
    expected
}
