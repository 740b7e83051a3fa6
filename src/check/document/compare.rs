//! The result of `compare`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{DocumentError, Failure, Header, RuleText, Timeline, Verdict};
use crate::rules::{NotObserved, Rule};

/// The result of `compare`: two commands, every spelling.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CompareDocument {
    /// `loadparity.compare/2`.
    pub schema: String,
    /// What was to be compared.
    pub started: CompareStarted,
    /// The rules with their sentences.
    pub rules: Vec<RuleText>,
    /// Every spelling.
    pub spellings: Vec<Compared>,
    /// The differences that break a rule.
    pub failures: Vec<Failure>,
    /// What was counted, and the verdict.
    pub finished: CompareFinished,
}

impl CompareDocument {
    /// The schema of the document.
    pub const SCHEMA: &'static str = "loadparity.compare/2";

    /// Reads a document.
    ///
    /// # Errors
    /// When the bytes are no such document.
    pub fn read(bytes: &[u8]) -> Result<Self, DocumentError> {
        super::read(bytes, Self::SCHEMA, "loadparity compare --format json=FILE")
    }
}

/// What a difference comes to for a user, from harmless to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Impact {
    /// There is none.
    Identical,
    /// Another way to the same: an open, a look at the header, read-ahead; or a spelling newly taken.
    Benign,
    /// The same steps in another order.
    Reordered,
    /// The weights come another way, are held longer, or a spelling is no longer taken.
    PolicyChange,
    /// Something that the old build guaranteed is gone: a lock, direct I/O, a read-only file.
    LostGuarantee,
    /// Bytes are missing, the output is another, or it no longer loads.
    DataIntegrityRisk,
}

impl std::fmt::Display for Impact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Identical => "identical",
            Self::Benign => "benign",
            Self::Reordered => "reordered",
            Self::PolicyChange => "policy change",
            Self::LostGuarantee => "lost guarantee",
            Self::DataIntegrityRisk => "data-integrity risk",
        })
    }
}

impl Impact {
    /// The rule that a difference of this impact breaks.
    #[must_use]
    pub fn rule(self) -> Option<Rule> {
        match self {
            Self::Identical | Self::Benign | Self::Reordered => None,
            Self::PolicyChange => Some(Rule::PolicyKept),
            Self::LostGuarantee => Some(Rule::GuaranteeKept),
            Self::DataIntegrityRisk => Some(Rule::DataKept),
        }
    }
}

/// What is about to be compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CompareStarted {
    /// Program, model and machine.
    #[serde(flatten)]
    pub header: Header,
    /// The old command.
    pub old: String,
    /// The new command.
    pub new: String,
    /// Spellings that both will be asked in.
    pub planned: u64,
}

/// One spelling on both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Compared {
    /// The spelling as a shell would read it.
    pub spelling: String,
    /// What the old one did: `map`, `read+lock`, `refused` …
    pub old: String,
    /// What the new one did.
    pub new: String,
    /// What the difference comes to.
    pub impact: Impact,
    /// What differs, in words.
    pub what: Vec<String>,
    /// The two code paths side by side, where they differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
    /// What could not be compared.
    pub not_observed: Vec<NotObserved>,
    /// Both loads in time, where they differ and that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timelines: Option<OldAndNew>,
    /// The word for it.
    pub verdict: Verdict,
}

/// One spelling on both, in time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OldAndNew {
    /// What the old one did.
    pub old: Timeline,
    /// What the new one did.
    pub new: Timeline,
}

/// How many spellings came to what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "each counts the impact of its name")]
pub struct CompareTotals {
    pub identical: u64,
    pub benign: u64,
    pub reordered: u64,
    pub policy_change: u64,
    pub lost_guarantee: u64,
    pub data_integrity_risk: u64,
    /// Differences that stand on the list of known ones.
    #[serde(default)]
    pub expected: u64,
    /// Comparisons that could not be made, all spellings together.
    pub not_observed: u64,
    /// Spellings whose output was observed on both sides and compared.
    pub outputs_compared: u64,
    /// Processes that were started.
    pub processes: u64,
}

impl CompareTotals {
    /// The counter of an impact.
    pub fn of(&mut self, impact: Impact) -> &mut u64 {
        match impact {
            Impact::Identical => &mut self.identical,
            Impact::Benign => &mut self.benign,
            Impact::Reordered => &mut self.reordered,
            Impact::PolicyChange => &mut self.policy_change,
            Impact::LostGuarantee => &mut self.lost_guarantee,
            Impact::DataIntegrityRisk => &mut self.data_integrity_risk,
        }
    }
}

/// The end of a comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CompareFinished {
    /// What was counted.
    pub totals: CompareTotals,
    /// What could not be compared, and what was not observed.
    pub notes: Vec<String>,
    /// Rules that the comparison as a whole cannot decide.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_observed: Vec<NotObserved>,
    /// Whether it was cut off.
    #[serde(default)]
    pub interrupted: bool,
    /// The word for all of it.
    pub verdict: Verdict,
    /// The verdict in one sentence.
    pub sentence: String,
    /// The process's exit code for it.
    pub exit_code: u8,
}
