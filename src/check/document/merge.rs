//! The result of `merge`.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{DocumentError, Failure, RuleText, Verdict};
use crate::rules::Level;

/// The result of `merge`: the results of several machines in one matrix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MergeDocument {
    /// `loadparity.merge/2`.
    pub schema: String,
    /// What was to be merged.
    pub started: MergeStarted,
    /// The rules with their sentences.
    pub rules: Vec<RuleText>,
    /// One row a plan.
    pub rows: Vec<RowMerged>,
    /// Each model.
    pub models: Vec<ModelMerged>,
    /// The differences.
    pub failures: Vec<Failure>,
    /// What was counted, and the verdict.
    pub finished: MergeFinished,
}

impl MergeDocument {
    /// The schema of the document.
    pub const SCHEMA: &'static str = "loadparity.merge/2";

    /// Reads a document.
    ///
    /// # Errors
    /// When the bytes are no such document.
    pub fn read(bytes: &[u8]) -> Result<Self, DocumentError> {
        super::read(bytes, Self::SCHEMA, "loadparity merge --format json=FILE")
    }
}

/// The word for a cell or a merge: a verdict, or *not run*, which is no pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MergeVerdict(pub Option<Verdict>);

impl MergeVerdict {
    /// There is no result.
    pub const NOT_RUN: Self = Self(None);

    /// The worse of two: nothing is worse than a divergence, and only that is worse than not run.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        let rank = |v: Self| match v.0 {
            Some(Verdict::Divergent) => (2, None),
            None => (1, None),
            verdict => (0, verdict),
        };
        if rank(other) > rank(self) { other } else { self }
    }
}

impl From<Verdict> for MergeVerdict {
    fn from(verdict: Verdict) -> Self {
        Self(Some(verdict))
    }
}

impl std::fmt::Display for MergeVerdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(verdict) => verdict.fmt(f),
            None => f.write_str("not run"),
        }
    }
}

impl<'de> Deserialize<'de> for MergeVerdict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        if word == "not run" {
            return Ok(Self::NOT_RUN);
        }
        let known = Verdict::ALL.into_iter().find(|verdict| verdict.to_string() == word);
        known.map(Self::from).ok_or_else(|| serde::de::Error::custom(format!("`{word}` is no verdict")))
    }
}

impl JsonSchema for MergeVerdict {
    fn schema_name() -> Cow<'static, str> {
        "MergeVerdict".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let words: Vec<String> =
            Verdict::ALL.iter().map(ToString::to_string).chain(["not run".to_owned()]).collect();
        json_schema!({ "type": "string", "enum": words })
    }
}

impl Serialize for MergeVerdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Where one result comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Machine {
    /// Its name in the matrix.
    pub label: String,
    /// The file of its result.
    pub source: String,
    /// `linux`, `windows`, `macos` …
    pub platform: String,
    /// The processor architecture.
    pub arch: String,
    /// Bytes in a page.
    pub page_size: u64,
    /// How far its check went.
    pub level: Level,
}

/// What is about to be merged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MergeStarted {
    /// The program's name and version.
    pub tool: String,
    /// The machine of each result.
    pub machines: Vec<Machine>,
    /// Expected platforms without a result.
    pub missing: Vec<String>,
    /// The columns of the matrix: the machines, then what is missing.
    pub columns: Vec<String>,
    /// The models.
    pub models: Vec<String>,
}

/// One plan on all machines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RowMerged {
    /// The model.
    pub model: String,
    /// The plan's short name.
    pub plan: String,
    /// One cell a column.
    pub cells: Vec<Cell>,
}

/// One plan on one machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cell {
    /// The column.
    pub machine: String,
    /// The machine's own verdict, or divergent where it disagrees with the others.
    pub verdict: MergeVerdict,
    /// The plan after `auto` was decided.
    pub resolved: Option<String>,
    /// Fingerprint of the semantic path.
    pub semantic: Option<String>,
    /// Why the verdict is not a pass.
    pub notes: Vec<String>,
}

/// One model on all machines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModelMerged {
    /// The model.
    pub model: String,
    /// The hash of its tensors, if all machines that have one agree.
    pub tensors: Option<String>,
    /// The hash of the logits, if all machines that have one agree.
    pub logits: Option<String>,
    /// Machines with a hash of the tensors.
    pub with_tensors: u64,
    /// Machines with a hash of the logits.
    pub with_logits: u64,
    /// Machines with a result of this model.
    pub machines: u64,
    /// Whether some machine went less far than another, so that its hashes were not compared.
    pub short_of_hashes: bool,
}

/// What was merged, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MergeTotals {
    /// Machines with a result.
    pub machines: u64,
    /// Expected platforms without one.
    pub missing: u64,
    /// Rows of the matrix.
    pub plans: u64,
    /// Cells without a result.
    pub not_run: u64,
    /// Differences.
    pub failures: u64,
}

/// The end of a merge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MergeFinished {
    /// What was merged.
    pub totals: MergeTotals,
    /// What was not compared, and why.
    pub notes: Vec<String>,
    /// The worst of the cells.
    pub verdict: MergeVerdict,
    /// The verdict in one sentence.
    pub sentence: String,
    /// The process's exit code for it.
    pub exit_code: u8,
}
