//! The code path of a run, in the terms of its subject.

use std::collections::BTreeMap;

use crate::rules::{CommandPath, Evidence};
use crate::trace::{CodePath, Diff, Rule as Normalisation, SemanticPath};

/// What spellings of one plan are compared by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CasePath {
    /// Every call, in order: a subject that does the same thing each time.
    Calls(CodePath),
    /// What each process did with the weights: a command.
    Command(CommandPath),
}

impl CasePath {
    /// The path of a run.
    #[must_use]
    pub fn of(evidence: &Evidence, command: bool) -> Self {
        if command {
            Self::Command(CommandPath::of(evidence))
        } else {
            Self::Calls(CodePath::from_ops(&evidence.ops))
        }
    }

    /// Whether two runs took the same path.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Calls(a), Self::Calls(b)) => a.steps == b.steps,
            (Self::Command(a), Self::Command(b)) => a.same_steps(b),
            _ => false,
        }
    }

    /// A short identity.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        match self {
            Self::Calls(path) => path.fingerprint().to_string(),
            Self::Command(path) => path.fingerprint(),
        }
    }

    /// The steps, a line each.
    #[must_use]
    pub fn steps(&self) -> Vec<String> {
        match self {
            Self::Calls(path) => path.steps.iter().map(ToString::to_string).collect(),
            Self::Command(path) => path.steps.clone(),
        }
    }

    /// The two side by side, `None` where they are the same.
    #[must_use]
    pub fn diff(&self, other: &Self) -> Option<String> {
        match (self, other) {
            (Self::Calls(a), Self::Calls(b)) => {
                let diff = Diff::between(a, b);
                (!diff.is_identical()).then(|| diff.to_string())
            }
            (Self::Command(a), Self::Command(b)) => a.diff(b),
            _ => None,
        }
    }

    /// How often each normalisation was applied.
    #[must_use]
    pub fn normalisations(&self) -> BTreeMap<Normalisation, usize> {
        match self {
            Self::Calls(path) => path.rules_applied.clone(),
            Self::Command(_) => BTreeMap::new(),
        }
    }
}

/// What a run means on every platform.
pub(super) fn semantic(evidence: &Evidence) -> SemanticPath {
    SemanticPath::of_files(&CodePath::from_ops(&evidence.ops), evidence.weights_by_role())
}
