//! What a rule comes to on some evidence.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Capability, Rule};

/// A broken rule: which, and what was seen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// What was seen instead, with tensor, offset and length where there are any.
    pub message: String,
}

impl Finding {
    /// A broken rule.
    pub fn new(rule: Rule, message: impl Into<String>) -> Self {
        Self { rule, message: message.into() }
    }
}

/// A rule that the evidence cannot decide: never a pass.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct NotObserved {
    /// The rule.
    pub rule: Rule,
    /// What the evidence lacks.
    pub missing: Vec<Capability>,
    /// Why, in a sentence without an end.
    pub reason: String,
}

impl NotObserved {
    /// A rule that cannot be decided, with the reason.
    pub fn new(rule: Rule, missing: Vec<Capability>, reason: impl Into<String>) -> Self {
        Self { rule, missing, reason: reason.into() }
    }
}
