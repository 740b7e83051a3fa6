//! Recordings of loads.

use loadparity::check::{Recording, judge};
use loadparity::import::{self, Imported, Origin};
use loadparity::plan::{Dialect, Spelling};
use loadparity::report::export::{chrome, csv};
use loadparity::trace::{CodePath, Diff, TraceFile, tell_phases};

/// A trace: its lines.
///
/// What is accepted is the same when it is written and read again, and is judged and exported.
pub fn trace(data: &[u8]) {
    let Ok(trace) = TraceFile::read(data) else { return };
    survives_writing(&trace);
    looked_at(trace);
}

/// Written, read and written again it is the same, byte for byte: flags are held in any order and written in one.
fn survives_writing(trace: &TraceFile) {
    let written = |trace: &TraceFile| {
        let mut written = Vec::new();
        trace.write(&mut written).unwrap();
        written
    };
    let once = written(trace);
    let again = TraceFile::read(once.as_slice()).unwrap();
    assert_eq!(again.ops.len(), trace.ops.len());
    assert_eq!(String::from_utf8_lossy(&written(&again)), String::from_utf8_lossy(&once));
}

/// The text of strace.
pub fn strace(data: &[u8]) {
    imported(data, Origin::Strace);
}

/// The printed lines of llama.cpp's pull request 20834.
pub fn printed_log(data: &[u8]) {
    imported(data, Origin::Pr20834);
}

/// An import counts every line, and its trace can be written and read.
fn imported(data: &[u8], origin: Origin) {
    let text = String::from_utf8_lossy(data);
    let _ = import::import(&text, None);
    let Ok(Imported { trace, report, .. }) = import::import_of(&text, Some(origin), &["m.gguf", "w"]) else {
        return;
    };
    assert_eq!(report.lines, text.lines().count());
    survives_writing(&trace);
    looked_at(trace);
}

/// Everything that is made of a trace.
fn looked_at(mut trace: TraceFile) {
    let path = CodePath::from_ops(&trace.ops);
    assert!(Diff::between(&path, &path).is_identical());
    assert_eq!(path.fingerprint(), CodePath::from_ops(&trace.ops).fingerprint());
    let _ = path.semantic();
    let _ = chrome(&trace);
    csv(&trace).unwrap();
    tell_phases(&mut trace.ops);
    let recording = Recording {
        ops: &trace.ops,
        page_size: trace.header.page_size,
        printed: None,
        weights: None,
        unseen: &[],
        notes: &[],
        observations: &trace.observations,
        status: None,
    };
    let _ = judge(Dialect::reference(), &Spelling::flags(["--no-mmap", "--mlock"]), &recording);
}
