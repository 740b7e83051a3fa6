//! The result of `check --faults`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CheckStarted, DocumentError, Failure, RuleText, Verdict};
use crate::rules::NotObserved;

/// The result of `check --faults`: one plan after another, a subject's own calls made to fail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FaultsDocument {
    /// `loadparity.faults/1`.
    pub schema: String,
    /// What was to be done.
    pub started: FaultsStarted,
    /// The rules with their sentences.
    pub rules: Vec<RuleText>,
    /// One row a plan.
    pub groups: Vec<FaultGroup>,
    /// Every schedule that was run.
    pub cases: Vec<FaultCase>,
    /// The broken rules, the worst first.
    pub failures: Vec<Failure>,
    /// What was counted, and the verdict.
    pub finished: FaultsFinished,
}

impl FaultsDocument {
    /// The schema of the document.
    pub const SCHEMA: &'static str = "loadparity.faults/1";

    /// Reads a document.
    ///
    /// # Errors
    /// When the bytes are no such document.
    pub fn read(bytes: &[u8]) -> Result<Self, DocumentError> {
        super::read(bytes, Self::SCHEMA, "loadparity check --faults --format json=FILE")
    }
}

/// What is about to be done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FaultsStarted {
    /// Subject, model, dialect and machine.
    #[serde(flatten)]
    pub check: CheckStarted,
    /// How far the exploration may go.
    #[serde(default)]
    pub bounds: FaultsBounds,
}

/// How far an exploration may go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FaultsBounds {
    /// Faults in one schedule at most; absent where there is no bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<u32>,
    /// Schedules at most; absent where there is no bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cases: Option<u64>,
    /// Seconds in which schedules are begun.
    pub seconds: u64,
    /// Whether the subject claims to check what it loads, so that a changed byte has to be noticed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub claims_check: bool,
}

/// Schedules that were known and not run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FaultsLeft {
    /// The calls.
    pub calls: String,
    /// The fault and how long it lasts.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub fault: String,
    /// How many schedules.
    pub schedules: u64,
    /// `bound` or `hang`.
    pub reason: LeftBecause,
}

/// A kind of fault that the runs gave occasion for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FaultsKind {
    /// The calls.
    pub calls: String,
    /// The fault and how long it lasts.
    pub fault: String,
    /// How many schedules that end with one met a call.
    pub met: u64,
}

/// Why schedules were left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LeftBecause {
    /// The bound on cases or time came first.
    Bound,
    /// One of their family hung, and each would cost its time again.
    Hang,
}

/// What came of a fault, from harmless to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FaultOutcome {
    /// It met no call that it could make a difference to.
    Unmet,
    /// The same output by the same way.
    Same,
    /// The same output by another way, and something was reported.
    Fallback,
    /// It failed with a message.
    Error,
    /// It took a file that was altered under it as it came, or was ended by that, and claims no check of what it loads.
    Unguarded,
    /// Its own output varies: nothing can be said.
    Unstable,
    /// The output that would show what came of it was not observed.
    NotObserved,
    /// It broke a rule of the contract that it keeps without the fault.
    BrokenRule,
    /// It failed or went another way without a message.
    SilentFailure,
    /// It did not end in time.
    Hang,
    /// It crashed.
    Crash,
    /// It ended as if nothing had happened, with another output.
    WrongOutput,
}

impl FaultOutcome {
    /// Every outcome, the worst first.
    pub const ALL: [Self; 12] = [
        Self::WrongOutput,
        Self::Crash,
        Self::Hang,
        Self::SilentFailure,
        Self::BrokenRule,
        Self::NotObserved,
        Self::Unstable,
        Self::Unguarded,
        Self::Error,
        Self::Fallback,
        Self::Same,
        Self::Unmet,
    ];
}

impl std::fmt::Display for FaultOutcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Unmet => "met no call",
            Self::Same => "same output",
            Self::Fallback => "reported fallback",
            Self::Error => "clear error",
            Self::Unguarded => "no guard",
            Self::Unstable => "unstable output",
            Self::NotObserved => "not observed",
            Self::BrokenRule => "broken rule",
            Self::SilentFailure => "no message",
            Self::Hang => "hang",
            Self::Crash => "crash",
            Self::WrongOutput => "silent wrong output",
        })
    }
}

/// All schedules of one plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FaultGroup {
    /// The plan's short name.
    pub name: String,
    /// The spelling that was run.
    pub spelling: String,
    /// What the clean run did: `map`, `read+lock` …
    pub effective: String,
    /// How many schedules came to what.
    pub outcomes: BTreeMap<String, u64>,
    /// What is to be said of it.
    pub notes: Vec<String>,
    /// The word for the group.
    pub verdict: Verdict,
}

/// One schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FaultCase {
    /// The plan's short name.
    pub plan: String,
    /// The spelling that was run.
    pub spelling: String,
    /// The faults, in the injection grammar.
    pub faults: Vec<String>,
    /// What came of it.
    pub outcome: FaultOutcome,
    /// What was seen, where it is worth a word.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Which systems give these faults, where something came of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub given_by: Vec<String>,
    /// The word for it.
    pub verdict: Verdict,
}

/// What was done, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FaultTotals {
    /// Schedules that were run.
    pub planned: u64,
    /// Schedules of which at least one fault met a call.
    pub met: u64,
    /// Schedules of one fault that the clean runs give occasion for, those of other parts included.
    #[serde(default)]
    pub first: u64,
    /// Plans, of each machine.
    pub groups: u64,
    /// Different states that were entered.
    #[serde(default)]
    pub states: u64,
    /// Different calls that faults were for.
    #[serde(default)]
    pub sites: u64,
    /// Kinds of fault that the runs gave occasion for: call, file, what goes wrong and for how long.
    #[serde(default)]
    pub kinds: u64,
    /// Kinds of fault of which one met a call.
    #[serde(default)]
    pub kinds_met: u64,
    /// The largest number of faults in a schedule that was run.
    #[serde(default)]
    pub depth: u32,
    /// Schedules that were known and not run.
    #[serde(default)]
    pub left: u64,
    /// Broken rules.
    pub failures: u64,
    /// Of these, how many stand on the list of known divergences.
    pub expected: u64,
    /// Schedules whose outcome was not observed.
    pub not_observed: u64,
    /// Processes that were started.
    pub processes: u64,
}

/// The end of the campaign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FaultsFinished {
    /// What was done.
    pub totals: FaultTotals,
    /// Every kind of fault that the runs gave occasion for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<FaultsKind>,
    /// What was not run, by kind of fault.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<FaultsLeft>,
    /// What is to be said about the campaign as a whole.
    pub notes: Vec<String>,
    /// Rules that the campaign as a whole cannot decide.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_observed: Vec<NotObserved>,
    /// Whether it was cut off.
    #[serde(default)]
    pub interrupted: bool,
    /// The worst of the verdicts.
    pub verdict: Verdict,
    /// The verdict in one sentence.
    pub sentence: String,
    /// The process's exit code for it.
    pub exit_code: u8,
}
