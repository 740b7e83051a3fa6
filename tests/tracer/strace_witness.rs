//! An independent witness: strace must see on the model file exactly what the recorder wrote.
//! Opens with their flags, mappings with length, flags and address, advice, locks and unlocks by
//! address, reads by byte range, unmaps by address. In every mode, and with fallbacks.

use std::ffi::OsString;
use std::path::Path;

use loadparity::trace::TraceFile;
use rstest::rstest;

use crate::strace_log::{self, Locks, Seen};
use crate::support;

/// Runs a load under strace; returns what was recorded and what was witnessed.
fn both(model: &Path, flags: &[&str]) -> (Vec<Seen>, Vec<Seen>) {
    let folder = tempfile::tempdir().expect("a folder");
    let trace = folder.path().join("trace.jsonl");
    let mut argv: Vec<OsString> = vec![env!("CARGO_BIN_EXE_loadparity").into()];
    argv.extend(["run", "-p", "And", "-n", "1", "-t", "2", "--trace"].map(Into::into));
    argv.extend([trace.as_os_str().into(), "-m".into(), model.into()]);
    argv.extend(flags.iter().map(Into::into));
    let calls = strace_log::record::<_, &str>(&argv, &[]);
    let file = format!("<{}>", model.canonicalize().expect("a model").display());
    for (name, args, _) in &calls {
        let by_position = !(name == "read" && args.contains(&file));
        assert!(by_position, "the loader reads by position only: {name}({args})");
        let other = ["mremap", "mlockall", "preadv", "preadv2", "readv", "sendfile"].contains(&name.as_str());
        assert!(!other, "the loader has no business with {name}({args})");
        if name == "mmap" && args.contains(&file) {
            assert!(args.contains(", PROT_READ, "), "weights are read-only: {name}({args})");
        }
    }
    let trace = std::fs::File::open(&trace).expect("a trace");
    let trace = TraceFile::read(std::io::BufReader::new(trace)).expect("a trace of schema 1");
    // strace sees the process: no call was made for an injected result.
    let recorded = strace_log::told(trace.ops.iter().filter(|op| !op.injected), Locks::All);
    (recorded, strace_log::witnessed(&calls, model, Locks::All))
}

#[rstest]
#[case::auto(&["-lm", "auto"])]
#[case::none(&["-lm", "none"])]
#[case::mmap(&["-lm", "mmap"])]
#[case::mlock(&["-lm", "mlock"])]
#[case::none_mlock(&["-lm", "none+mlock"])]
#[case::dio(&["-lm", "dio"])]
#[case::dio_mlock(&["-lm", "dio+mlock"])]
#[case::refused_at_open(&["-lm", "dio", "--inject", "open.direct:error=EINVAL"])]
#[case::refused_at_read(&["-lm", "dio", "--inject", "read.direct:error=EINVAL"])]
#[case::refused_later(&["-lm", "dio", "--inject", "read.direct:error=EFAULT:when=2"])]
fn strace_sees_what_the_recorder_wrote(#[case] flags: &[&str]) {
    if !strace_log::is_there() {
        return;
    }
    // Over 8 MiB: several pieces, several readers.
    let (recorded, witnessed) = both(&support::fixture("f16"), flags);
    // Threads may be seen in another order than they were recorded in: compare as sorted lists.
    let sorted = |mut seen: Vec<Seen>| {
        seen.sort();
        seen
    };
    assert!(recorded.iter().any(|s| matches!(s, Seen::Open { .. })), "the trace has the open");
    assert!(
        recorded.iter().any(|s| matches!(s, Seen::Read { .. } | Seen::Map { .. })),
        "the trace has the weights"
    );
    assert_eq!(sorted(recorded), sorted(witnessed), "recorded on the left, witnessed on the right");
}

#[test]
fn interrupted_lines_are_put_together() {
    let log =
        "10 pread64(3,  <unfinished ...>\n11 close(4) = 0\n10 <... pread64 resumed>\"\"..., 8, 16) = 8\n";
    let calls = strace_log::finished_calls(log);
    assert_eq!(calls[0], ("close".into(), "4".into(), "0".into()));
    assert_eq!(calls[1].0, "pread64");
    assert!(calls[1].1.ends_with("8, 16") && calls[1].2 == "8");
}
