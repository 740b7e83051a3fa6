//! Judging a recording: what a dialect predicts of a spelling, what the operations prove, what the
//! program's own lines claim, and which rules the load broke.
//!
//! The effective mode comes from the operations of the load phase alone. A line of a log is a claim
//! and never evidence, but for one thing: that something was reported at all. Of several models, the one that a
//! program loads first is judged.

mod claims;
mod models;

pub use claims::claims;

use super::document::{JudgeDocument, Verdict};
use super::unseen::lowers;
use crate::plan::{Dialect, LoadPlan, Spelling, UsageError, bench};
use crate::rules::{
    self, Capabilities, Capability, Decided, Effective, EffectiveSource, Ending, Evidence, Finding,
    NotObserved, Profile, Rule, Weights,
};
use crate::trace::{Call, NoticeCode, Observation, Op, Phase, Status};

/// What is known of one run of a loader.
#[derive(Clone, Copy, Debug, Default)]
pub struct Recording<'a> {
    /// Its operations, with their phases.
    pub ops: &'a [Op],
    /// Bytes in a page of its machine.
    pub page_size: u64,
    /// What it printed, if that is known.
    pub printed: Option<&'a [String]>,
    /// The weights of the model that it loaded, if that is at hand.
    pub weights: Option<&'a Weights>,
    /// What the source of the recording could not see, a sentence each.
    pub unseen: &'a [String],
    /// What has to be said of how it was made, a sentence each.
    pub notes: &'a [String],
    /// What it saw of memory.
    pub observations: &'a [Observation],
    /// How the command ended, if that was seen.
    pub status: Option<Status>,
}

/// Judges one recording of a spelling.
#[must_use]
pub fn judge(dialect: Dialect, spelling: &Spelling, recording: &Recording<'_>) -> JudgeDocument {
    let plan = spelling.resolve(dialect).map(|resolved| resolved.plan);
    judge_plan(dialect, spelling, plan, recording)
}

/// Judges one recording of llama-bench. Of several loads the last one is judged, because the others
/// are passes over the model before it.
#[must_use]
pub fn judge_bench(dialect: Dialect, argv: &[String], recording: &Recording<'_>) -> JudgeDocument {
    let words: Vec<&str> = argv.iter().map(String::as_str).collect();
    let plan = bench::resolve(dialect, &words)
        .map(|queue| queue.entries.last().map_or_else(|| LoadPlan::map(false), |entry| entry.plan));
    judge_plan(dialect, &Spelling::flags(argv.to_vec()), plan, recording)
}

/// The evidence of a recording, as far as it goes.
fn evidence(recording: &Recording<'_>) -> Evidence {
    let ops = models::main_model(recording.ops).into_owned();
    let loads = |op: &&Op| op.phase == Phase::Load;
    let reads = || ops.iter().filter(loads).filter(|op| matches!(op.call, Call::Read { .. }));
    let places =
        reads().any(|op| matches!(op.call, Call::Read { addr, .. } if addr != 0)) || reads().count() == 0;
    let weights = recording.weights.cloned().unwrap_or_else(|| Weights::inferred(&ops, recording.page_size));
    use Capability::{Addresses, Calls, Destinations, Layout, Notices, Processes};
    let mut sees = Capabilities::of([Calls, Addresses, Processes, Layout]);
    if places {
        sees.add(Destinations);
    }
    let has_notices = ops.iter().any(|op| matches!(op.call, Call::Notice(_)));
    if recording.printed.is_some() || has_notices {
        sees.add(Notices);
    }
    if !recording.unseen.is_empty() {
        sees.remove(Calls);
    }
    let evidence = Evidence::new(ops, weights, recording.page_size, sees);
    let mut evidence = evidence.seeing(recording.observations);
    evidence.unseen = recording.unseen.to_vec();
    if let Some(status) = recording.status {
        let message = status.to_string();
        evidence.ending = match status {
            Status::Code(0) | Status::Unknown => Ending::Completed,
            Status::Code(_) => Ending::Failed(message),
            Status::Signal(_) => Ending::Crashed(message),
            Status::TimeLimit => Ending::TimeLimit(message),
            Status::Stopped(_) => Ending::Killed(message),
        };
    }
    evidence
}

fn judge_plan(
    dialect: Dialect,
    spelling: &Spelling,
    resolved: Result<LoadPlan, UsageError>,
    recording: &Recording<'_>,
) -> JudgeDocument {
    let mut evidence = evidence(recording);
    let plan = resolved.as_ref().ok().copied();
    let effective = plan.map_or_else(|| evidence.effective(), |plan| Decided::effective(plan, &evidence));
    let log_claims =
        recording.printed.map(|lines| claims(lines, dialect, spelling, effective, recording.ops));
    for claim in log_claims.iter().flatten() {
        if claim.claims.contains("instead of read directly") {
            evidence.fold.notices.insert(NoticeCode::DirectRefused);
        }
        if claim.holds && claim.claims.starts_with("a lock of") {
            evidence.fold.notices.insert(NoticeCode::LockRefused);
        }
    }
    let nothing = Effective { source: None, locked: false };
    let (expected, predicted, refused, agrees) = match plan {
        None => (nothing.to_string(), nothing.to_string(), Vec::new(), effective == nothing),
        Some(plan) => {
            let decided = Decided::of(plan, &evidence);
            let agrees = Decided::was_taken(plan, &evidence);
            let expected = if agrees { effective } else { asked_for(&decided) };
            let predicted = asked_for(&Decided::unrefused(plan));
            (expected.to_string(), predicted.to_string(), decided.refusals, agrees)
        }
    };
    let mut judgement = plan.map(|plan| rules::judge(plan, &evidence, &Profile::RECORDING));
    let (mut findings, mut not_observed, mut notes) = (Vec::new(), Vec::new(), Vec::new());
    if let Some(judgement) = &mut judgement {
        findings.append(&mut judgement.findings);
        not_observed.append(&mut judgement.not_observed);
        notes.append(&mut judgement.notes);
    }
    match plan {
        _ if agrees => {}
        Some(_) if recording.weights.is_some_and(Weights::is_empty) => {
            let reason = "the model has no tensors";
            not_observed.insert(0, NotObserved::new(Rule::PlanTaken, vec![Capability::Layout], reason));
        }
        // Rules that say so are enough where an end explains it, and calls that are missing explain it too.
        Some(_) if !evidence.completed() => {}
        Some(_) if !evidence.saw_all_calls() => {
            let reason = evidence.unseen.first().map_or("not all calls were seen", String::as_str);
            not_observed.insert(0, NotObserved::new(Rule::PlanTaken, vec![Capability::Calls], reason));
        }
        _ => {
            let rule = if plan.is_some() { Rule::PlanTaken } else { Rule::UsageRefused };
            let message = format!("the dialect predicts {expected}, the operations show {effective}");
            findings.insert(0, Finding::new(rule, message));
        }
    }
    notes.extend(recording.unseen.iter().chain(recording.notes).cloned());
    let mut missing = evidence.unseen.clone();
    if let Ending::Killed(why) = &evidence.ending {
        missing.push(why.clone());
    }
    if missing.is_empty() {
        missing.extend(not_observed.iter().find(|m| lowers(m)).map(|m| format!("{}: {}", m.rule, m.reason)));
    }
    let verdict = match (findings.is_empty(), missing.is_empty()) {
        (false, _) => Verdict::Divergent,
        (true, false) => Verdict::NotObserved,
        (true, true) => Verdict::Pass,
    };
    let sentence = match verdict {
        Verdict::Divergent => {
            let s = if findings.len() == 1 { "" } else { "s" };
            format!("divergent: {} broken rule{s}", findings.len())
        }
        Verdict::NotObserved => format!("not observed: {}", missing.join("; ")),
        _ => match not_observed.len() {
            0 => "the load does what the dialect predicts".to_owned(),
            1 => "the load does what the dialect predicts; 1 rule not observed".to_owned(),
            n => format!("the load does what the dialect predicts; {n} rules not observed"),
        },
    };
    JudgeDocument {
        schema: JudgeDocument::SCHEMA.to_owned(),
        dialect: dialect.to_string(),
        spelling: spelling.to_string(),
        plan,
        error: resolved.err().map(|error| error.to_string()),
        predicted,
        expected,
        effective: effective.to_string(),
        agrees,
        refused,
        log_claims,
        findings,
        not_observed,
        notes,
        timeline: None,
        verdict,
        sentence,
        exit_code: verdict.exit_code(),
    }
}

/// A decided plan in the words of an effective mode.
fn asked_for(decided: &Decided) -> Effective {
    Effective {
        source: decided.source().map(|source| match source {
            EffectiveSource::Map => EffectiveSource::Map,
            EffectiveSource::Read => EffectiveSource::Read,
            EffectiveSource::Direct => EffectiveSource::Direct,
        }),
        locked: decided.lock == rules::LockDuty::All,
    }
}
