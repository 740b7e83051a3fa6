//! A lock that the system refuses: an ordinary user with a small RLIMIT_MEMLOCK. The load goes on,
//! a warning names what was locked, the limit and how to raise it, and `run --json` shows it.
//! Root passes every limit, so the program runs as another user here.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output};

use nix::sys::resource::{Resource, setrlimit};
use rstest::rstest;

use crate::support;

const LIMIT: u64 = 64 << 10;
const NOBODY: u32 = 65534;

/// Runs the program with a lock limit of [`LIMIT`] bytes, as an ordinary user.
fn limited(args: &[&str]) -> Output {
    limited_last(args, &[])
}

/// The same with words behind the model.
fn limited_last(args: &[&str], last: &[&str]) -> Output {
    // Another user may not reach the build folder: program and model move to an open one.
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).expect("an open folder");
    let program = folder.path().join("loadparity");
    let model = folder.path().join("model.gguf");
    std::fs::copy(env!("CARGO_BIN_EXE_loadparity"), &program).expect("a copy");
    std::fs::copy(support::fixture("q4_k_m"), &model).expect("a copy");
    std::fs::set_permissions(&model, std::fs::Permissions::from_mode(0o644)).expect("a readable model");

    // The test runs in a process of its own; the child inherits the limit.
    setrlimit(Resource::RLIMIT_MEMLOCK, LIMIT, LIMIT).expect("a lower limit");
    let mut command = Command::new(&program);
    command.args(args).arg("-m").arg(&model).args(last).env("NO_COLOR", "1").current_dir(folder.path());
    if nix::unistd::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command.output().expect("the program starts")
}

#[rstest]
#[case("mlock", "map")]
#[case("none+mlock", "read")]
#[case("dio+mlock", "direct")]
fn a_refused_lock_is_told(#[case] mode: &str, #[case] effective: &str) {
    let out = limited(&["run", "-p", "And", "-n", "2", "--json", "-lm", mode]);
    let stderr = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{stderr}");
    for part in ["ENOMEM", "65536 bytes", "ulimit -l", "model.gguf"] {
        assert!(stderr.contains(part), "{part}: {stderr}");
    }
    let document: serde_json::Value = support::schemas::parsed(&out.stdout);
    assert_eq!(document["load"]["asked"], format!("{effective}+lock"));
    assert_eq!(document["load"]["effective"], effective, "what is not locked is not called locked");
    let fallbacks = document["load"]["fallbacks"].as_array().expect("a list");
    assert!(fallbacks.iter().any(|f| f["code"] == "lock-refused"), "{fallbacks:?}");
}

#[test]
fn check_calls_the_locking_plans_blocked() {
    let out = limited(&["check", "--level", "P3", "--format", "json"]);
    let document: serde_json::Value = support::schemas::parsed(&out.stdout);
    assert_eq!(out.status.code(), Some(3), "{}", document["finished"]);
    for group in document["groups"].as_array().expect("groups") {
        let locking = group["plan"]["lock"] == true;
        let verdict = group["verdict"].as_str().expect("a verdict");
        assert_eq!(verdict == "blocked", locking, "{}: {verdict}", group["name"]);
    }
    assert_eq!(document["finished"]["totals"]["failures"], 0);
}

/// Of a command as well, traced by an ordinary user: the report names limit and remedy.
#[test]
#[cfg(target_os = "linux")]
fn check_of_a_command_says_which_limit_refused_the_lock() {
    let engine = ["--", "./loadparity", "run", "--dialect=booleans", "-p", "And", "-n", "1"];
    let out = limited_last(
        &["check", "--dialect=booleans", "--quick", "--format", "json"],
        &[&engine[..], &["-m", "{model}", "{flags}"]].concat(),
    );
    let document: serde_json::Value = support::schemas::parsed(&out.stdout);
    assert_eq!(out.status.code(), Some(3), "{}", document["finished"]);
    let told = document["finished"].to_string();
    let weights = "the lock was refused by a limit (RLIMIT_MEMLOCK is 65536 bytes, the weights have ";
    for part in [weights, "raise the limit, `loadparity doctor` says how"] {
        assert!(told.contains(part), "{part}: {told}");
    }
}
