//! A recording as a table: a line a call (RFC 4180).

use std::io;

use super::{Paths, direct, range, text};
use crate::report::screen::plain;
use crate::trace::{Outcome, TraceFile, Word};

/// The columns. Offsets and lengths are bytes, times nanoseconds since the recording began; what does not apply is
/// empty.
const COLUMNS: [&str; 17] = [
    "seq",
    "phase",
    "process",
    "thread",
    "call",
    "direct",
    "path",
    "file",
    "region",
    "offset_bytes",
    "length_bytes",
    "returned",
    "errno",
    "start_ns",
    "duration_ns",
    "injected",
    "text",
];

/// The calls of a recording as CSV.
///
/// # Errors
/// Never by itself; the writer's are passed on.
pub fn csv(trace: &TraceFile) -> io::Result<Vec<u8>> {
    let mut table = ::csv::Writer::from_writer(Vec::new());
    table.write_record(COLUMNS)?;
    let some = |value: Option<u64>| value.map(|value| value.to_string()).unwrap_or_default();
    let mut paths = Paths::default();
    for op in &trace.ops {
        let (offset, length) = range(&op.call);
        let (returned, errno) = match &op.outcome {
            Outcome::Ok(returned) => (returned.to_string(), String::new()),
            Outcome::Err(errno) => (String::new(), errno.name.to_string()),
        };
        table.write_record([
            op.seq.to_string(),
            op.phase.word().to_owned(),
            op.pid.to_string(),
            op.thread.to_string(),
            op.call.word().to_owned(),
            direct(&op.call).map(|direct| direct.to_string()).unwrap_or_default(),
            plain(paths.of(op).unwrap_or_default()).into_owned(),
            some(op.call.file().map(|file| file.0.into())),
            some(op.call.region().map(|region| region.0.into())),
            some(offset),
            some(length),
            returned,
            errno,
            op.start_ns.to_string(),
            op.dur_ns.to_string(),
            op.injected.to_string(),
            plain(&text(&op.call)).into_owned(),
        ])?;
    }
    table.into_inner().map_err(|error| io::Error::other(error.to_string()))
}
