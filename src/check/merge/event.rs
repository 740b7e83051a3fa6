//! What a merge tells: the part of the event stream that is about several machines.

use serde::{Serialize, Serializer};

use crate::check::event::{Level, Verdict};

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

impl Serialize for MergeVerdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Where one result comes from.
#[derive(Clone, Debug, Serialize)]
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
#[derive(Clone, Debug, Serialize)]
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
#[derive(Clone, Debug, Serialize)]
pub struct RowMerged {
    /// The model.
    pub model: String,
    /// The plan's short name.
    pub plan: String,
    /// One cell a column.
    pub cells: Vec<Cell>,
}

/// One plan on one machine.
#[derive(Clone, Debug, Serialize)]
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
#[derive(Clone, Debug, Serialize)]
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
#[derive(Clone, Debug, Default, Serialize)]
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
#[derive(Clone, Debug, Serialize)]
pub struct MergeFinished {
    /// What was merged.
    pub totals: MergeTotals,
    /// What was not compared, and why.
    pub notes: Vec<String>,
    /// The worst of the cells.
    pub verdict: MergeVerdict,
    /// The process's exit code for it.
    pub exit_code: u8,
}
