//! Reading the JSON result of a check, as written on another machine.

use serde::Deserialize;

use super::event::{Level, Verdict};

/// The schema id of a check's JSON document.
pub(crate) const CHECK_SCHEMA: &str = "loadparity.check/1";

/// The part of a check's JSON result that a merge needs.
#[derive(Clone, Debug, Deserialize)]
pub struct CheckResult {
    pub(super) started: StartedResult,
    pub(super) groups: Vec<GroupResult>,
    pub(super) failures: Vec<FailureResult>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct StartedResult {
    pub(super) subject: String,
    pub(super) model: String,
    pub(super) model_hash: String,
    pub(super) dialect: String,
    pub(super) platform: String,
    pub(super) arch: String,
    pub(super) page_size: u64,
    pub(super) level: Level,
    pub(super) generation: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct GroupResult {
    pub(super) name: String,
    pub(super) resolved: String,
    pub(super) spellings: Vec<String>,
    pub(super) semantic: String,
    pub(super) semantic_steps: Vec<String>,
    pub(super) tensors: Option<String>,
    pub(super) logits: Option<String>,
    #[serde(default)]
    pub(super) notes: Vec<String>,
    pub(super) verdict: Verdict,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct FailureResult {
    pub(super) rule: String,
    pub(super) spelling: String,
    pub(super) plan: Option<String>,
    pub(super) message: String,
    pub(super) reproduce: String,
}

/// A file that is no result of a check.
#[derive(Debug, thiserror::Error)]
pub enum ResultError {
    /// No JSON at all.
    #[error("not a JSON document: {0}")]
    Json(serde_json::Error),
    /// Another document.
    #[error(
        "not the result of a check: its schema is {0}, not \"{CHECK_SCHEMA}\"; write one with `loadparity check --format json=FILE`"
    )]
    Schema(String),
    /// The check was cut off.
    #[error("the check did not come to its end: the document has no `finished`")]
    Unfinished,
    /// A field is missing or of the wrong type.
    #[error("{0}; the result of an older version cannot be merged: run the check again")]
    Field(serde_json::Error),
}

impl CheckResult {
    /// Reads one document.
    ///
    /// # Errors
    /// When the bytes are no finished result of a check.
    pub fn read(bytes: &[u8]) -> Result<Self, ResultError> {
        let document: serde_json::Value = serde_json::from_slice(bytes).map_err(ResultError::Json)?;
        let schema = document.get("schema").unwrap_or(&serde_json::Value::Null);
        if schema != CHECK_SCHEMA {
            return Err(ResultError::Schema(schema.to_string()));
        }
        if document.get("finished").is_none() {
            return Err(ResultError::Unfinished);
        }
        serde_json::from_value(document).map_err(ResultError::Field)
    }
}

impl StartedResult {
    /// The model's name without its folder, which is another one on each machine.
    pub(super) fn model_name(&self) -> &str {
        self.model.rsplit(['/', '\\']).next().unwrap_or(&self.model)
    }
}
