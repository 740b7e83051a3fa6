//! Loaders with a lazy mode, described by a file: what is an exception of the plan and what lies under it is held
//! apart, in every load mode, by their calls and their memory.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use rstest::rstest;

use crate::loader_support::{lazy_command, lazy_table, model};
use crate::support;

const TESTED: [&str; 14] = [
    "lazy_honest",
    "lazy_locked",
    "lazy_read",
    "lazy_read_too",
    "lazy_swallows",
    "lazy_ignored",
    "lazy_without_lock",
    "lazy_off_maps",
    "lazy_wrong_byte",
    "lazy_populated",
    "idiom_lazy_untrimmed",
    "idiom_lazy_two_mappings",
    "idiom_lazy_shared_pages",
    "idiom_lazy_bounce",
];

#[test]
fn every_row_of_the_table_has_a_test() {
    let rows: Vec<&str> = lazy_table().iter().map(|row| row.name).collect();
    assert_eq!(rows, TESTED);
}

#[rstest]
fn a_row_holds(
    #[values(
        "lazy_honest",
        "lazy_locked",
        "lazy_read",
        "lazy_read_too",
        "lazy_swallows",
        "lazy_ignored",
        "lazy_without_lock",
        "lazy_off_maps",
        "lazy_wrong_byte",
        "lazy_populated",
        "idiom_lazy_untrimmed",
        "idiom_lazy_two_mappings",
        "idiom_lazy_shared_pages",
        "idiom_lazy_bounce"
    )]
    name: &str,
) {
    let row = lazy_table().into_iter().find(|row| row.name == name).unwrap();
    let (command, dialect) = lazy_command(name);
    let breadth: &[&str] = if row.kind == "defect" { &["--quick"] } else { &[] };
    let told = model().asked(&[&["check", "--dialect", dialect][..], breadth].concat(), &command);
    assert_eq!((told.code, told.rules().join(" ")), (row.code, row.rules.to_owned()), "{}", told.text);
    let of_exceptions = |rule: &str| {
        let messages = told.messages(rule);
        let says = |m: &&str| m.ends_with("; of tensors that are exceptions of the plan");
        assert!(!messages.is_empty() && messages.iter().all(says), "{}", told.text);
    };
    match name {
        "lazy_honest" => assert_eq!(told.sentence(), "parity to P4"),
        "lazy_locked" => of_exceptions("unrequested-lock"),
        "lazy_read" | "lazy_read_too" => of_exceptions("tensors-mapped"),
        _ => {}
    }
}

/// What a loader does with a tensor of its own is asked in every load mode and in every lazy mode that matters to the
/// model; one that does not has to change nothing.
#[test]
fn lazy_modes_are_tried_by_the_tensors_of_the_model() {
    let (command, dialect) = lazy_command("lazy_honest");
    let told = model().asked(&["check", "--dialect", dialect], &command);
    let cases = told.document["cases"].as_array().unwrap();
    let plans = cases.iter().map(|case| case["plan"].as_str().unwrap().to_owned());
    let mut plans: Vec<String> = plans.filter(|plan| plan != "refused").collect();
    let of = |lazy: &str| ["map", "map+lock", "read", "read+lock"].map(|whole| format!("{whole}{lazy}"));
    let mut expected = [of(""), of(" but token_embd.weight lazy")].concat();
    plans.sort();
    expected.sort();
    plans.dedup();
    assert_eq!(plans, expected);
    let spelled =
        |wanted: &str| cases.iter().find(|case| case["spelling"] == wanted).map(|case| case["plan"].clone());
    assert_eq!(spelled("-lzm huge").unwrap(), "map");
    assert_eq!(spelled("LLAMA_ARG_LAZY_MODE=off").unwrap(), "map");
}

#[test]
fn faults_meet_what_comes_on_demand() {
    let (command, dialect) = lazy_command("lazy_honest");
    let args = ["check", "--dialect", dialect, "--faults=single", "--only=-lm mlock", "--cases=40"];
    let told = model().asked(&args, &command);
    assert_eq!(told.code, 0, "{}", told.text);
}

#[test]
fn large_tables_are_not_brought_in_ahead() {
    let checked = |variant: &str| {
        let (command, dialect) = lazy_command(variant);
        let mut line = support::loadparity();
        line.args(["check", "--quick", "--retries=1", "--dialect", dialect, "-m"])
            .arg(support::fixture("q8_0"));
        let output = line.arg("--").args(command).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (code, text) = checked("lazy_honest");
    assert_eq!(code, Some(0), "{text}");
    let (code, text) = checked("lazy_populated");
    assert!(code == Some(1) && text.contains("bytes were brought in ahead"), "{text}");
}
