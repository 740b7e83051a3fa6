//! The result of `judge`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{DocumentError, Timeline, Verdict};
use crate::plan::LoadPlan;
use crate::rules::{Finding, NotObserved};

/// The result of `judge`: a recording held against what a dialect predicts of its flags.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JudgeDocument {
    /// `loadparity.judge/2`.
    pub schema: String,
    /// The dialect.
    pub dialect: String,
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
    /// What was refused and had a say in `expected`.
    pub refused: Vec<String>,
    /// What the program's lines claim; `None` if no line is known.
    pub log_claims: Option<Vec<Claim>>,
    /// The broken rules.
    pub findings: Vec<Finding>,
    /// The rules that the recording cannot decide, with what is missing.
    pub not_observed: Vec<NotObserved>,
    /// What else is to be said.
    pub notes: Vec<String>,
    /// The recording in time, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeline: Option<Timeline>,
    /// The word for it.
    pub verdict: Verdict,
    /// The verdict in one sentence.
    pub sentence: String,
    /// The process's exit code for it.
    pub exit_code: u8,
}

impl JudgeDocument {
    /// The schema of the document.
    pub const SCHEMA: &'static str = "loadparity.judge/2";

    /// Reads a document.
    ///
    /// # Errors
    /// When the bytes are no such document.
    pub fn read(bytes: &[u8]) -> Result<Self, DocumentError> {
        super::read(bytes, Self::SCHEMA, "loadparity judge --format json")
    }
}

/// One claim of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Claim {
    /// The line as it was printed, without the time in front of it.
    pub line: String,
    /// What it claims, in words.
    pub claims: String,
    /// Whether that is so.
    #[serde(rename = "true")]
    pub holds: bool,
    /// What is so instead; empty where the claim holds.
    pub instead: String,
}
