//! `check --faults -- CMD` where no call can fail: the model's file is altered under the command, on a private copy.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use crate::command_support::{check, engine};
use crate::loader_support::{Told, command, loader, model};
use crate::support;

/// The faults of a campaign on the file itself, each with what came of it.
fn altered(told: &Told) -> Vec<(String, String)> {
    let cases = told.document["cases"].as_array().unwrap();
    let of = |case: &serde_json::Value| {
        let fault = case["faults"][0].as_str()?.to_owned();
        let alters =
            fault.starts_with("map:truncate") || fault.contains("corrupt=") || fault.contains(":replaced");
        alters.then(|| (fault, case["outcome"].as_str().unwrap().to_owned()))
    };
    cases.iter().filter_map(of).collect()
}

/// The file is altered under a loader, as far as the loader's own calls give occasion for it: cut once it is mapped,
/// replaced between two opens. A loader without a guard is said to have none.
#[test]
fn a_file_that_is_altered_under_a_loader_is_said_to_be_taken_as_it_comes() {
    let model = model();
    let before = std::fs::read(&model.path).unwrap();
    let told = model.check(&["--faults=single", "--only", "", "--only=-dio"], &command("honest"));
    assert_eq!((told.code, told.rules()), (0, vec![]), "{}", told.text);
    let altered = altered(&told);
    let came = |start: &str| {
        altered.iter().find(|(fault, _)| fault.starts_with(start)).map(|(_, came)| came.as_str())
    };
    assert_eq!(came("map:truncate="), Some("unguarded"), "{altered:?}");
    assert_eq!(came("open.direct:replaced"), Some("unguarded"), "{altered:?}");
    assert!(!altered.iter().any(|(fault, _)| fault.contains("corrupt=")), "{altered:?}");
    for said in ["ends it by SIGBUS, without a word", "the header of one, the data of the other"] {
        assert!(told.text.contains(said), "{}", told.text);
    }
    assert!(before == std::fs::read(&model.path).unwrap(), "the model itself is never altered");
}

/// Who claims a check has to make it, in every mode; who makes it breaks no rule.
#[test]
fn a_check_that_is_claimed_has_to_be_made() {
    let model = model();
    let sum = std::process::Command::new(loader("honest")).arg(&model.path).output().unwrap();
    let sum = String::from_utf8(sum.stdout).unwrap();
    let sum = sum.trim().rsplit(' ').next().unwrap();
    std::fs::write(format!("{}.sum", model.path.display()), sum).unwrap();
    let few = ["--faults=single", "--claims-check", "--only", "", "--only=-dio", "--only=--no-mmap"];
    let told = model.check(&few, &command("idiom_checks"));
    assert_eq!((told.code, told.rules()), (0, vec![]), "{}", told.text);
    let met = altered(&told);
    for call in [
        "map:corrupt=",
        "read.direct:corrupt=",
        "read.buffered:corrupt=",
        "map:truncate=",
        "open.direct:replaced",
    ] {
        assert!(
            met.iter().any(|(fault, came)| fault.starts_with(call) && came == "error"),
            "{call}: {met:?}"
        );
    }
    let told = model.check(&few, &command("honest"));
    assert_eq!(told.code, 1);
    let met = altered(&told);
    for (call, came) in [
        ("map:corrupt=", "wrong-output"),
        ("map:truncate=", "crash"),
        ("open.direct:replaced", "wrong-output"),
    ] {
        assert!(
            met.iter().any(|(fault, outcome)| fault.starts_with(call) && outcome == came),
            "{call}: {met:?}"
        );
    }
    let line = told.document["failures"][0]["reproduce"].as_str().unwrap();
    assert!(line.contains(" --claims-check ") && line.contains(" --only-fault "), "{line}");
}

/// The engine opens a file twice for direct reads, and notices that it is another one.
#[test]
fn the_engine_takes_no_header_of_one_file_to_the_data_of_another() {
    let args = ["--faults=single", "--dialect", "enum-v4", "--only", "--load-mode dio"];
    let fault = ["--only-fault", "open.direct:replaced:when=1"];
    let (code, document) = check(&[&args[..], &fault].concat(), &engine("enum-v4"));
    assert_eq!((code, &document["cases"][0]["outcome"]), (0, &"error".into()), "{document}");
}

/// What alters a file is for a command, which has a private copy of it.
#[test]
fn nothing_alters_the_model_itself() {
    let model = model();
    let path = model.path.to_str().unwrap();
    let refused = |args: &[&str]| {
        let told = support::loadparity().args(args).output().unwrap();
        let text = String::from_utf8_lossy(&told.stderr).into_owned();
        assert!(told.status.code() == Some(2) && text.contains("private copy"), "{args:?}: {text}");
    };
    refused(&["run", "-m", path, "-p", "x", "-n", "1", "--inject", "map:truncate=4096"]);
    refused(&["check", "-m", path, "--inject", "map:corrupt=20000^1"]);
    refused(&["trace", "--inject", "open:replaced", "--", "true"]);
}
