//! How often which call was made.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::TraceSource;

/// What `trace --summary --format json` prints: the calls of one recording, counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallsDocument {
    /// `loadparity.calls/1`.
    pub schema: String,
    /// What was recorded.
    pub source: TraceSource,
    /// Whether times were recorded; if not, every time is 0.
    pub timed: bool,
    /// A row a call, the one that took longest first.
    pub calls: Vec<CallCount>,
    /// All of them together.
    pub total: CallCount,
}

impl CallsDocument {
    /// The schema of the document.
    pub const SCHEMA: &'static str = "loadparity.calls/1";
}

/// One kind of call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallCount {
    /// Its name: `open`, `read`, `direct read`, `map` … or the system's name of what has no word.
    pub call: String,
    /// How often it was made.
    pub count: u64,
    /// Bytes that were read or written, or that a call which succeeded was about (mapped, locked, released …).
    pub bytes: u64,
    /// How long they took together, in nanoseconds.
    pub time_ns: u64,
    /// How often it was refused.
    pub errors: u64,
    /// How often with which error.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub by_error: BTreeMap<String, u64>,
    /// How many results were injected.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub injected: u64,
}

fn is_zero(value: &u64) -> bool {
    *value == 0
}
