//! `check --faults` of the reference engine, and `check --platform`.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use crate::support;

/// The document of a check with these arguments.
fn check(args: &[&str]) -> (i32, serde_json::Value) {
    let mut line = support::loadparity();
    let output = line.args(["check", "--format", "json"]).args(args).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.stdout.is_empty(), "{told}");
    (output.status.code().unwrap(), support::schemas::parsed(&output.stdout))
}

/// On this machine and on every simulated one, and it says what was left.
#[test]
fn the_engine_withstands_every_fault_on_every_machine() {
    let (code, document) = check(&["--faults", "--cases", "4000"]);
    assert_eq!(code, 0, "{}", document["failures"]);
    let names: Vec<&str> =
        document["groups"].as_array().unwrap().iter().map(|group| group["name"].as_str().unwrap()).collect();
    assert!(
        names.contains(&"this machine") && names.contains(&"ext4-4kn") && names.contains(&"ntfs"),
        "{names:?}"
    );
    // Machines take turns: none is left out at the bound.
    let met = |group: &serde_json::Value| group["outcomes"].as_object().unwrap().len() > 1;
    assert!(document["groups"].as_array().unwrap().iter().all(met), "{}", document["groups"]);
    let totals = &document["finished"]["totals"];
    assert!(totals["planned"] == 4000 && totals["left"].as_u64().unwrap() > 0, "{totals}");
}

/// One plan on one machine ends by itself: every pair was met, and nothing is left.
#[test]
fn an_exploration_that_ends_says_that_nothing_is_left() {
    let few = ["--faults", "--platform", "ext4-4kn", "--only", "--load-mode dio"];
    let (code, document) = check(&few);
    let sentence = document["finished"]["sentence"].as_str().unwrap();
    assert!(code == 0 && sentence.ends_with("left: nothing"), "{sentence}");
    assert_eq!(document["finished"]["totals"]["depth"], 2);
    let (_, again) = check(&few);
    assert_eq!(document["cases"], again["cases"]);
}

#[test]
fn a_simulated_machine_is_named_and_an_unknown_one_is_a_usage_error() {
    let (code, document) = check(&["--platform", "ext4-4kn", "--quick", "--level", "P3"]);
    assert_eq!((code, &document["started"]["platform"]), (0, &"ext4-4kn".into()));
    let output = support::loadparity().args(["check", "--platform", "ext5"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("known are ext4-512, "));
}

/// An interrupted read is made again, a number of times; a disk that fails is no file system without direct I/O.
#[test]
fn what_interrupts_for_ever_and_what_fails_end_in_an_error() {
    for (flags, fault, told) in [
        (["-lm", "none"], "read.buffered:error=EINTR:when=2+", "EINTR"),
        (["-lm", "dio"], "read.direct:error=EINTR", "EINTR"),
        (["-lm", "dio"], "open.direct:error=EIO", "EIO"),
        (["-lm", "dio"], "open.direct:error=EMFILE", "EMFILE"),
    ] {
        let mut line = support::loadparity();
        let output = line.args(["run", "-n", "1", "--inject", fault]).args(flags).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && stderr.contains(told), "{fault}: {stderr}");
    }
}
