//! The canonical code path: a trace without its incidental detail.

use std::collections::BTreeMap;
use std::fmt;

use super::canon;
use super::rules::Rule;
use super::step::Step;
use super::{Fingerprint, Op};

/// What a loader did, in order, in roles and regions.
///
/// Two loads that took the same way have equal steps, whatever their addresses, descriptors,
/// threads, read sizes and durations. What was taken away is listed in `rules_applied`.
///
/// # Idempotence
///
/// `CodePath::from_ops(&path.to_ops())` has the steps of `path`: rendering a path as operations
/// and canonicalising those changes nothing. The counts of the rules start afresh.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct CodePath {
    /// The steps.
    pub steps: Vec<Step>,
    /// How often each normalisation was applied.
    pub rules_applied: BTreeMap<Rule, usize>,
}

impl CodePath {
    /// The canonical path of a trace. Never fails: an operation on a file or a region that the
    /// trace does not introduce belongs to the role `unknown` or to a region `mem0`, `mem1` … (`mem?` if
    /// it first shows in teardown).
    pub fn from_ops(ops: &[Op]) -> Self {
        canon::canonicalise(ops)
    }

    /// The path without what only one platform says. Two machines with other page sizes still differ:
    /// [`SemanticPath`](super::SemanticPath) is what they have in common.
    pub fn semantic(&self) -> Self {
        let mut path = self.clone();
        let mut dropped = 0;
        for step in path.steps.iter_mut().filter(|step| !step.native.is_empty()) {
            step.native.clear();
            dropped += 1;
        }
        if dropped > 0 {
            *path.rules_applied.entry(Rule::NativeFlagsDropped).or_default() += dropped;
        }
        path
    }

    /// The identity of the steps.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.steps)
    }

    /// Operations that have this path: the shortest trace that took this way.
    pub fn to_ops(&self) -> Vec<Op> {
        super::render::render(&self.steps)
    }
}

impl fmt::Display for CodePath {
    /// One line a step.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.steps.iter().try_for_each(|step| writeln!(f, "{step}"))
    }
}
