//! The calls of a recording, counted.

use std::collections::BTreeMap;

use super::document::{CallCount, CallsDocument, TraceSource};
use crate::trace::{Call, Op, Outcome, TraceFile};

impl CallsDocument {
    /// Counts the calls of a recording.
    #[must_use]
    pub fn of(trace: &TraceFile) -> Self {
        let mut by_name: BTreeMap<String, CallCount> = BTreeMap::new();
        let mut total = CallCount { call: "total".to_owned(), ..CallCount::default() };
        for op in &trace.ops {
            let name = name(&op.call);
            let row = by_name.entry(name.clone()).or_insert(CallCount { call: name, ..CallCount::default() });
            count(row, op);
            count(&mut total, op);
        }
        let mut calls: Vec<CallCount> = by_name.into_values().collect();
        // Names are in order already, which decides where the rest is equal.
        calls.sort_by_key(|row| std::cmp::Reverse((row.time_ns, row.count)));
        Self {
            schema: Self::SCHEMA.to_owned(),
            source: TraceSource::of(trace),
            timed: trace.ops.iter().any(|op| op.dur_ns > 0),
            calls,
            total,
        }
    }
}

impl TraceSource {
    /// What a recording says that it is of.
    #[must_use]
    pub fn of(trace: &TraceFile) -> Self {
        let end = trace.end.as_ref();
        Self {
            command: trace.header.command.clone(),
            os: trace.header.os.clone(),
            arch: trace.header.arch.clone(),
            ended: end.map(|end| end.status.to_string()),
            unseen: end.map(|end| end.unseen.clone()).unwrap_or_default(),
        }
    }
}

/// The name that a call is counted under.
fn name(call: &Call) -> String {
    match call {
        Call::Read { direct: true, .. } => "direct read".to_owned(),
        Call::Native { name, .. } => name.clone(),
        Call::FileAdvise { .. } | Call::MapAdvise { .. } | Call::MapHint { .. } | Call::SetDirect { .. } => {
            call.word().replace('_', " ")
        }
        _ => call.word().to_owned(),
    }
}

/// The bytes that a call was about: those that arrived, or those of its range.
pub(super) fn bytes(op: &Op) -> u64 {
    match (&op.call, &op.outcome) {
        (Call::Read { .. } | Call::Write { .. }, Outcome::Ok(arrived)) => *arrived,
        (
            Call::Map { len, .. }
            | Call::Alloc { len, .. }
            | Call::Lock { len, .. }
            | Call::Unlock { len, .. }
            | Call::Unmap { len, .. }
            | Call::FileAdvise { len, .. }
            | Call::MapAdvise { len, .. },
            Outcome::Ok(_),
        ) => *len,
        _ => 0,
    }
}

fn count(row: &mut CallCount, op: &Op) {
    row.count += 1;
    row.bytes = row.bytes.saturating_add(bytes(op));
    row.time_ns = row.time_ns.saturating_add(op.dur_ns);
    row.injected += u64::from(op.injected);
    if let Outcome::Err(errno) = &op.outcome {
        row.errors += 1;
        *row.by_error.entry(errno.name.to_string()).or_default() += 1;
    }
}
