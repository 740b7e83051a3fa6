//! The typed results of commands that give a verdict.
//!
//! A campaign ends in one document. Reports render it, JSON is its serialisation, its JSON Schema is made
//! from these types, and what was written is read back by them. A document owns its texts and decides
//! nothing: verdicts and exit codes are in it.

mod baseline;
mod calls;
mod check;
mod compare;
mod faults;
mod judge;
mod merge;
mod timeline;

pub use baseline::{BaselineDocument, BaselineError, BaselineRow};
pub use calls::{CallCount, CallsDocument};
pub use check::{
    CaseResult, CheckDocument, CheckFinished, CheckStarted, Facts, GroupResult, LevelResult, LevelState,
    MemoryFacts, Normalisation, Part, Totals,
};
pub use compare::{
    CompareDocument, CompareFinished, CompareStarted, CompareTotals, Compared, Impact, OldAndNew,
};
pub use faults::{
    FaultCase, FaultGroup, FaultOutcome, FaultTotals, FaultsBounds, FaultsDocument, FaultsFinished,
    FaultsKind, FaultsLeft, FaultsStarted, LeftBecause,
};
pub use judge::{Claim, JudgeDocument};
pub use merge::{
    Cell, Machine, MergeDocument, MergeFinished, MergeStarted, MergeTotals, MergeVerdict, ModelMerged,
    RowMerged,
};
pub use timeline::{
    Cached, Faulted, Lane, Mark, MarkKind, PhaseSpan, Timeline, TimelineDocument, TimelineFile, TraceSource,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rules::Rule;

/// The word for a case, a group or a campaign, from best to worst. Only [`Verdict::Pass`] is a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every rule holds.
    Pass,
    /// The operating system or the file system cannot do what was asked.
    Unsupported,
    /// A known divergence, with a reason on file.
    Expected,
    /// Something that a verdict needs was not observed.
    NotObserved,
    /// This process lacks a privilege or a quota that the case needs, or there was nothing to judge.
    Blocked,
    /// A rule is broken.
    Divergent,
}

impl Verdict {
    /// Every verdict, from best to worst.
    pub const ALL: [Self; 6] =
        [Self::Pass, Self::Unsupported, Self::Expected, Self::NotObserved, Self::Blocked, Self::Divergent];

    /// The exit code of a command whose result this is; the one place that decides it.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Pass | Self::Unsupported | Self::Expected => 0,
            Self::Divergent => 1,
            Self::NotObserved | Self::Blocked => 3,
        }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Pass => "pass",
            Self::Unsupported => "unsupported",
            Self::Expected => "expected",
            Self::NotObserved => "not-observed",
            Self::Blocked => "blocked",
            Self::Divergent => "divergent",
        })
    }
}

/// What the document of every campaign begins with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Header {
    /// The program's name and version.
    pub tool: String,
    /// The model file as given, or `(embedded)`.
    pub model: String,
    /// `linux`, `sim` …
    pub platform: String,
    /// The processor architecture.
    pub arch: String,
}

impl Header {
    /// The header of a campaign that this program runs.
    #[must_use]
    pub fn new(model: &str, platform: &str) -> Self {
        let (model, platform) = (model.to_owned(), platform.to_owned());
        Self { tool: tool(), model, platform, arch: std::env::consts::ARCH.to_owned() }
    }
}

/// A spelling as a person wants to see it.
#[must_use]
pub fn shown(spelling: &str) -> &str {
    if spelling.is_empty() { "(no flag)" } else { spelling }
}

/// The same in a sentence.
#[must_use]
pub fn quoted(spelling: &str) -> String {
    if spelling.is_empty() { shown(spelling).to_owned() } else { format!("`{spelling}`") }
}

/// A rule with its sentence, so that a document can be read without the program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RuleText {
    /// The rule.
    pub id: Rule,
    /// What must hold.
    pub explanation: String,
}

impl RuleText {
    /// Every rule.
    #[must_use]
    pub fn all() -> Vec<Self> {
        Rule::ALL.iter().map(|rule| Self { id: *rule, explanation: rule.sentence().to_owned() }).collect()
    }
}

/// One broken rule with all that is needed to see it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// The rule.
    pub rule: Rule,
    /// The spelling that broke it, as a shell would read it.
    pub spelling: String,
    /// Its plan, where it has one.
    pub plan: Option<String>,
    /// What was seen.
    pub message: String,
    /// The two code paths side by side, where the rule compares paths.
    pub diff: Option<String>,
    /// A command line that exits 1 and shows the same finding.
    pub reproduce: String,
    /// Why it is known, where it stands on a list of known divergences.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// Which machine differs from which, where the rule compares machines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub across: Option<Across>,
}

/// A difference between machines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Across {
    /// The machine that differs.
    pub machine: String,
    /// The model.
    pub model: String,
    /// What it has.
    pub value: String,
    /// The machines that it is compared with.
    pub others: Vec<String>,
    /// What they have.
    pub expected: String,
}

/// A document that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// No JSON at all.
    #[error("not a JSON document: {0}")]
    Json(serde_json::Error),
    /// Another document.
    #[error("its schema is {found}, not \"{wanted}\"; write one with `{command}`")]
    Schema {
        /// The schema that it states.
        found: String,
        /// The one that was looked for.
        wanted: &'static str,
        /// The command that writes it.
        command: &'static str,
    },
    /// A field is missing or of the wrong type.
    #[error("{0}; a document of an older version cannot be read: make it again")]
    Field(serde_json::Error),
}

/// Reads a document of one schema.
///
/// # Errors
/// When the bytes are no such document.
pub(crate) fn read<T: serde::de::DeserializeOwned>(
    bytes: &[u8],
    wanted: &'static str,
    command: &'static str,
) -> Result<T, DocumentError> {
    let document: serde_json::Value = serde_json::from_slice(bytes).map_err(DocumentError::Json)?;
    let schema = document.get("schema").unwrap_or(&serde_json::Value::Null);
    if schema != wanted {
        return Err(DocumentError::Schema { found: schema.to_string(), wanted, command });
    }
    serde_json::from_value(document).map_err(DocumentError::Field)
}

/// The program's name and version, as documents state it.
#[must_use]
pub fn tool() -> String {
    concat!("loadparity ", env!("CARGO_PKG_VERSION")).to_owned()
}
