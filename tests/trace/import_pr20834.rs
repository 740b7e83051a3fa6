//! The evidence of PR #20834, imported and compared by the program: what its author took for parity
//! is identical for two flags of three.

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use loadparity::import::{Origin, import};
use loadparity::trace::{Call, NoticeCode, Op, TraceFile};
use proptest::prelude::*;
use serde_json::Value;

fn log(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/pr20834").join(name)
}

fn program() -> Command {
    Command::cargo_bin("loadparity").expect("the program")
}

/// Imports a log by the program: its report and the trace.
fn imported(name: &str, trace: &Path) -> Value {
    let output = program()
        .args(["import", "--format", "json", "-o"])
        .arg(trace)
        .arg(log(name))
        .assert()
        .success()
        .get_output()
        .stdout
        .clone();
    crate::schemas::parsed(&output)
}

/// Compares what master and the pull request printed for a flag: exit code, comparison, report of
/// the right side.
fn compared(flag: &str) -> (i32, Value, Value) {
    let folder = tempfile::tempdir().expect("a folder");
    let (left, right) = (folder.path().join("master.jsonl"), folder.path().join("pr.jsonl"));
    imported(&format!("{flag}.master.log"), &left);
    let report = imported(&format!("{flag}.pr.log"), &right);
    let output = program().args(["diff", "--format", "json"]).args([&left, &right]).output().expect("a run");
    let diff = crate::schemas::parsed(&output.stdout);
    (output.status.code().expect("a code"), diff, report)
}

#[test]
fn mmap_is_identical() {
    let (code, diff, report) = compared("mmap");
    assert_eq!((code, &diff["identical"]), (0, &Value::Bool(true)));
    assert_eq!((&report["from"], &report["operations"]), (&"pr20834".into(), &1.into()));
}

#[test]
fn mlock_is_identical_and_the_locks_tile_the_file() {
    let (code, diff, report) = compared("mlock");
    assert_eq!((code, &diff["identical"]), (0, &Value::Bool(true)));
    assert_eq!(report["page_size"], 16384);
    let notes = report["notes"].to_string();
    // 0x35b8b8000 + 9437184 - 0x300000000, and 1545303328 in whole pages.
    assert!(notes.contains("end at byte 1545306112"), "{notes}");
    assert!(notes.contains("rounded up to a page of 16384 bytes"), "{notes}");
    // 0x300000000 + 84344832 + 606208 is as far as the log goes before the author's own gap.
    assert!(notes.contains("but for 0x5104000..0x5a298000, which no line reports"), "{notes}");
}

#[test]
fn direct_io_is_not_identical() {
    let (code, diff, _) = compared("dio");
    assert_eq!((code, &diff["identical"]), (1, &Value::Bool(false)));
    assert_eq!((&diff["left"]["direct_opens"], &diff["right"]["direct_opens"]), (&2.into(), &1.into()));
    assert_eq!((&diff["left"]["direct_unread"], &diff["right"]["direct_unread"]), (&1.into(), &0.into()));
    let details: Vec<_> =
        diff["differences"].as_array().expect("a list").iter().map(|d| &d["detail"]).collect();
    assert!(details.iter().any(|d| **d == "direct lost"), "{details:?}");
}

/// The log prints that a direct file was closed unread; it prints no read, so the trace has none.
#[test]
fn what_the_log_does_not_print_is_not_in_the_trace() {
    let folder = tempfile::tempdir().expect("a folder");
    let trace = folder.path().join("trace.jsonl");
    let report = imported("dio.master.log", &trace);
    let file = std::fs::File::open(&trace).expect("a trace");
    let ops = TraceFile::read(std::io::BufReader::new(file)).expect("a trace of schema 1").ops;
    let told = |code| ops.iter().filter(|op| matches!(&op.call, Call::Notice(n) if n.code == code)).count();
    assert_eq!((told(NoticeCode::DirectUnused), told(NoticeCode::DirectUsed)), (1, 1));
    assert!(!ops.iter().any(|op| matches!(op.call, Call::Read { .. })));
    // Seven printed lines, three of a song.
    assert_eq!((&report["evidence"], &report["other"]), (&7.into(), &2.into()));
}

fn ops(text: &str) -> Vec<Op> {
    import(text, Some(Origin::Pr20834)).expect("evidence").trace.ops
}

#[test]
fn windows_locks_and_refusals_are_read() {
    let text = "impl: mmap activated: addr=0000021B5C0A0000, size=65536\n\
                DEBUG: VirtualLock succeeded for addr=0000021B5C0A0000, size=4096\n\
                0.1 W warning: failed to mlock 65536-byte buffer (after previously locking 4096 bytes): x\n";
    let ops = ops(text);
    assert!(matches!(ops[1].call, Call::Lock { offset: 0, len: 4096, .. }));
    assert!(matches!(&ops[2].call, Call::Notice(n) if n.code == NoticeCode::LockRefused));
    let refused = self::ops("impl: opening '/m.gguf' mode='rb'\nimpl: Direct I/O failed for '/m.gguf' (x)\n");
    assert!(
        matches!(&refused[0], Op { call: Call::Open { direct: true, .. }, outcome, .. } if matches!(outcome, loadparity::trace::Outcome::Err(_)))
    );
    assert!(matches!(&refused[1].call, Call::Open { direct: false, .. }));
}

#[test]
fn a_line_that_is_cut_where_it_matters_is_one_clear_error() {
    for (text, line) in [
        ("hello\nimpl: mmap activated: addr=0x3000, si", 2),
        ("impl: mmap activated: addr=0x, size=4", 1),
        ("\nDEBUG: mlock succeeded for addr=0x10, size=-1", 2),
        ("impl: Direct I/O enabled for 'x'", 1),
        ("impl: opening '", 1),
        ("impl: mmap activated: addr=0xffffffffffffffff, size=4096", 1),
    ] {
        let error = import(text, Some(Origin::Pr20834)).expect_err(text).to_string();
        assert!(error.starts_with(&format!("line {line}: ")), "{text}: {error}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let bad = folder.path().join("bad.log");
    std::fs::write(&bad, "hello\nimpl: mmap activated: addr=0x3000, si\n").expect("a file");
    let assert = program().args(["import", "-o"]).arg(folder.path().join("t")).arg(&bad).assert().code(2);
    let told = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(told.contains("line 2: ") && told.lines().count() == 1, "{told}");
    std::fs::write(&bad, "no evidence\nat all\n").expect("a file");
    program().args(["import", "-o"]).arg(folder.path().join("t")).arg(&bad).assert().code(2);
    program().args(["import", "--from", "x", "-o", "t", "y"]).assert().code(2);
}

/// A line of the patch with numbers of any kind, or something else.
fn any_line() -> impl Strategy<Value = String> {
    let words = [
        "impl: opening '/m.gguf' mode='rb'",
        "impl: Direct I/O enabled for '/m",
        "impl: Direct I/O failed for '/m'",
        "~impl: Direct I/O was requested for '/m'",
        "~impl: Direct I/O usage summary for '/m':",
        "read_raw: Direct I/O read path active for '/m",
        "...truncated...",
        "....",
    ];
    prop_oneof![
        proptest::sample::select(words.to_vec()).prop_map(str::to_owned),
        (any::<u64>(), any::<u64>())
            .prop_map(|(a, s)| format!("impl: mmap activated: addr={a:#x}, size={s}")),
        (any::<u64>(), any::<u64>())
            .prop_map(|(a, s)| format!("..DEBUG: mlock succeeded for addr={a:#x}, size={s}")),
        (0..9u64, 0..9u64).prop_map(|(a, s)| format!(
            "DEBUG: mlock succeeded for addr={:#x}, size={}",
            a << 12,
            s << 12
        )),
        any::<u64>().prop_map(|n| format!("impl: file_size={n}, prefetch=1, numa=0")),
        "[ -~]{0,40}",
    ]
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(lines in proptest::collection::vec(any_line(), 0..12), cut in 0usize..400) {
        let mut text = lines.join("\n");
        text.truncate(cut.max(1));
        match import(&text, Some(Origin::Pr20834)) {
            Ok(imported) => {
                let mut bytes = Vec::new();
                imported.trace.write(&mut bytes).expect("memory takes it");
                let back = TraceFile::read(&bytes[..]).expect("what is written is read");
                prop_assert_eq!(back, imported.trace);
                let report = imported.report;
                prop_assert!(report.evidence + report.other.len() <= report.lines);
            }
            Err(error) => prop_assert!(error.to_string().starts_with("line "), "{}", error),
        }
    }
}
