//! Where reports go: a file is whole or as it was before, and a reader that leaves is no error.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{loadparity, schemas};

/// A check that is over soon.
const QUICK: [&str; 6] = ["check", "--quick", "-n", "1", "--dialect", "enum-v4"];

/// A trace of a load by mapping.
fn mapped(folder: &Path) -> String {
    let trace = folder.join("trace.jsonl").display().to_string();
    loadparity().args(["run", "-p", "x", "-n", "1", "--trace", &trace]).assert().success();
    trace
}

/// The exit code of a command whose reader has gone before it writes.
fn unread(args: &[&str]) -> Option<i32> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_loadparity"))
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a run");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("an end");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "it ends without a message");
    output.status.code()
}

#[test]
fn a_closed_pipe_leaves_the_verdict_its_exit_code() {
    let folder = tempfile::tempdir().expect("a folder");
    let trace = mapped(folder.path());
    let judge = ["judge", "--dialect", "booleans", "--trace", &trace, "--"];
    let judged = |flag| loadparity().args(judge).arg(flag).output().expect("a run").status.code();
    assert_eq!(judged("--no-mmap"), Some(1));
    for format in ["terminal", "json", "markdown", "junit", "github"] {
        let line = [&judge[..5], &["--format", format, "--", "--no-mmap"]].concat();
        assert_eq!(unread(&line), Some(1), "{format}");
    }
    assert_eq!(unread(&["schema"]), Some(0));
    assert_eq!(unread(&["dialects", "--format", "json"]), Some(0));
}

#[test]
fn an_old_report_stays_where_the_command_fails() {
    let folder = tempfile::tempdir().expect("a folder");
    let report = folder.path().join("report.json");
    fs::write(&report, "old").expect("an old report");
    let to = format!("json={}", report.display());
    let gone = folder.path().join("gone.gguf");
    loadparity().args(QUICK).args(["--format", &to, "-m"]).arg(gone).assert().code(2);
    assert_eq!(fs::read_to_string(&report).expect("a report"), "old");
    loadparity().args(QUICK).args(["--format", &to]).assert().success();
    schemas::parsed(&fs::read(&report).expect("a report"));
    assert_eq!(fs::read_dir(&folder).expect("a folder").count(), 1, "nothing lies beside it");
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let nowhere = folder.path().join("no/report.json");
    let to = format!("json={}", nowhere.display());
    let early = loadparity().args(QUICK).args(["--format", &to]).output().expect("a run");
    let message = String::from_utf8_lossy(&early.stderr).into_owned();
    assert_eq!(early.status.code(), Some(2));
    assert!(message.contains("no/report.json"), "{message}");

    let twice = loadparity().args(QUICK).args(["--format", "json=a", "--format", "junit=a"]).output();
    assert_eq!(twice.expect("a run").status.code(), Some(2), "two reports cannot be one file");

    let trace = mapped(folder.path());
    // Every write to this device fails as on a full disk.
    if Path::new("/dev/full").exists() {
        let judge = ["judge", "--dialect", "booleans", "--trace", &trace];
        let full = loadparity().args(judge).args(["--format", "json=/dev/full", "--", "--mmap"]).output();
        let full = full.expect("a run");
        let message = String::from_utf8_lossy(&full.stderr).into_owned();
        assert_eq!(full.status.code(), Some(70), "{message}");
        assert!(message.contains("/dev/full") && message.contains("o space"), "{message}");
    }
}

/// The loader's own script, named within a command or in a file of settings, is an input as well.
#[test]
#[cfg(target_os = "linux")]
fn a_report_does_not_replace_the_loader_that_it_is_about() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    fs::copy(crate::support::fixture("q4_0"), at("m.gguf")).expect("a copy");
    let script = "cat \"$1\" >/dev/null";
    fs::write(at("ld.sh"), script).expect("a script");
    let config = "schema = \"loadparity.config/1\"\ncommand = [\"sh\", \"ld.sh\", \"{model}\", \"{flags}\"]\n\
                  model = [\"m.gguf\"]\ndialect = \"booleans\"\nformat = [\"terminal\", \"json=ld.sh\"]\n";
    fs::write(at("loadparity.toml"), config).expect("settings");
    let command = "sh ld.sh {model} {flags}";
    let compare = ["compare", "-m", "m.gguf", "--old", command, "--new", command];
    for line in [&["check", "--quick"][..], &[&compare[..], &["--format", "json=ld.sh"]].concat()] {
        let output = loadparity().current_dir(folder.path()).args(line).output().expect("a run");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{line:?}: {said}");
        assert!(said.contains("cannot write ld.sh: the command line names it as an input too"), "{said}");
        assert_eq!(fs::read_to_string(at("ld.sh")).expect("the script"), script);
    }
}
