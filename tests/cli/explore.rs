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

/// Bounds stop an exploration, and the file that it kept leads on: in the end it came to what one run comes to.
#[test]
fn an_exploration_goes_on_where_a_bound_stopped_it() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("kept.json");
    let kept = kept.to_str().unwrap();
    let few = ["--faults", "--platform", "ext4-4kn", "--only", "--load-mode dio"];
    let (_, whole) = check(&few);
    // Schedules are taken 64 at a time: stops between are none to the order.
    let step = [&few[..], &["--cases", "256", "--state", kept]].concat();
    let mut runs = 0;
    let last = loop {
        let (code, document) = check(&step);
        runs += 1;
        assert!(code == 0 && runs < 50, "{}", document["finished"]);
        if document["finished"]["totals"]["left"] == 0 {
            break document;
        }
    };
    assert!(runs > 2, "{runs}");
    assert_eq!(last["cases"], whole["cases"]);
    // States are left out: where the allocator puts a buffer is part of them.
    for counted in ["planned", "met", "first", "sites", "kinds", "kinds_met", "failures", "left"] {
        let of = |document: &serde_json::Value| document["finished"]["totals"][counted].clone();
        assert_eq!(of(&last), of(&whole), "{counted}");
    }
    assert_eq!(last["finished"]["kinds"], whole["finished"]["kinds"]);
    // Another exploration does not go on from it, and neither does anything from a file that is damaged.
    let refused = |args: &[&str], told: &str| {
        let output = support::loadparity().args(["check", "--state", kept]).args(args).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && stderr.contains(told), "{stderr}");
    };
    refused(
        &["--faults=single", "--platform", "ext4-4kn", "--only", "--load-mode dio"],
        "not the same depth",
    );
    refused(&["--faults", "--platform", "ext4-4kn", "--only", "--load-mode mmap"], "not the same plans");
    std::fs::write(kept, "{}").unwrap();
    refused(&few, "kept.json");
}

/// Every schedule of one fault is in one part, and the parts come to what the whole comes to.
#[test]
fn parts_of_an_exploration_are_joined() {
    let folder = tempfile::tempdir().unwrap();
    let few = ["--faults=single", "--platform", "ext4-4kn", "--only", "--load-mode dio"];
    let (_, whole) = check(&few);
    let mut files = Vec::new();
    for part in ["1/3", "2/3", "3/3"] {
        let (code, document) = check(&[&few[..], &["--partition", part]].concat());
        assert_eq!(code, 0, "{}", document["failures"]);
        let file = folder.path().join(format!("{}.json", &part[..1]));
        std::fs::write(&file, document.to_string()).unwrap();
        files.push(file);
    }
    let merge = |files: &[std::path::PathBuf]| {
        let mut line = support::loadparity();
        let output = line.args(["merge", "--format", "json"]).args(files).output().unwrap();
        (output.status.code().unwrap(), output)
    };
    let schedules = |document: &serde_json::Value| {
        let cases = document["cases"].as_array().unwrap().iter();
        cases.map(|case| case["faults"].to_string()).collect::<std::collections::BTreeSet<_>>()
    };
    let (code, output) = merge(&files);
    let joined = support::schemas::parsed(&output.stdout);
    assert_eq!(code, 0, "{}", joined["finished"]);
    assert_eq!(schedules(&joined), schedules(&whole));
    for counted in ["planned", "met", "kinds", "kinds_met", "left", "sites", "first"] {
        let of = |document: &serde_json::Value| document["finished"]["totals"][counted].clone();
        assert_eq!(of(&joined), of(&whole), "{counted}");
    }
    // One that is missing is no pass.
    let (code, output) = merge(&files[1..]);
    let lacking = support::schemas::parsed(&output.stdout);
    assert_eq!((code, &lacking["finished"]["verdict"]), (3, &"blocked".into()));
    assert!(lacking["finished"]["sentence"].as_str().unwrap().contains("part 1/3"));
    let (code, output) = merge(&[files[0].clone(), files[0].clone()]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(code == 2 && told.contains("twice"), "{told}");
}
