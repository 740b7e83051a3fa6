//! A check that cannot fail proves nothing. Each test here breaks the loader in one way, runs the
//! whole check on it, and asks that the check ends with exit code 1 and names the broken rule.

use std::path::Path;

use clap::Parser;
use loadparity::cli::{CheckArgs, Exit, run_check};
use loadparity::platform::{FaultSpec, native};
use loadparity::subject::{ReferenceEngine, Truth};
use rstest::rstest;

use crate::support;
use crate::support::saboteur::{Sabotage, wrap};

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    check: CheckArgs,
}

/// Runs the check on a loader with this defect; returns exit code and JSON document.
fn check(sabotage: Option<Sabotage>, faults: &[&str]) -> (u8, serde_json::Value) {
    let model = support::fixture("q4_k_m");
    check_at(&model, sabotage, faults)
}

fn check_at(model: &Path, sabotage: Option<Sabotage>, faults: &[&str]) -> (u8, serde_json::Value) {
    let faults: Vec<FaultSpec> = faults.iter().map(|f| f.parse().expect("a fault")).collect();
    let mut engine = ReferenceEngine::new(native(), model).with_faults(faults);
    if let Some(sabotage) = sabotage {
        engine = engine.with_wrap(Box::new(move |inner| wrap(inner, sabotage)));
    }
    let truth = Truth::of_file(model).expect("a model");
    let line = Line::parse_from(["check", "--quick", "--format", "json", "--level", "P4", "-n", "2"]);
    let mut out = Vec::new();
    let exit = run_check(&line.check, &engine, &truth, "fixture".into(), &mut out);
    let Exit::Code(code) = exit else { panic!("the check itself failed: {exit:?}") };
    (code, support::schemas::parsed(&out))
}

fn rules_broken(document: &serde_json::Value) -> Vec<String> {
    let failures = document["failures"].as_array().expect("failures");
    let mut rules: Vec<_> = failures.iter().map(|f| f["rule"].as_str().expect("a rule").to_owned()).collect();
    rules.sort();
    rules.dedup();
    rules
}

#[test]
fn the_honest_loader_passes() {
    let (code, document) = check(None, &[]);
    assert_eq!(rules_broken(&document), Vec::<String>::new());
    assert_eq!(code, 0);
}

#[rstest]
#[case::maps_instead_of_reading(Sabotage::MapsInsteadOfReading, "no-file-mapping")]
#[case::reads_instead_of_mapping(Sabotage::ReadsInsteadOfMapping, "tensors-mapped")]
#[case::loses_locks(Sabotage::LosesLocks, "tensors-locked")]
#[case::locks_one_page_short(Sabotage::LocksOnePageShort, "tensors-locked")]
#[case::drops_the_direct_flag(Sabotage::DropsDirectFlag, "direct-attempted")]
#[case::flips_one_bit(Sabotage::FlipsOneBit, "same-bytes")]
#[case::reads_past_the_end(Sabotage::ReadsPastTheEnd, "reads-inside-file")]
#[case::reads_twice(Sabotage::ReadsTwice, "read-once")]
fn a_broken_loader_is_caught(#[case] sabotage: Sabotage, #[case] rule: &str) {
    let (code, document) = check(Some(sabotage), &[]);
    assert_eq!(code, 1);
    let broken = rules_broken(&document);
    assert!(broken.iter().any(|r| r == rule), "{sabotage:?} breaks {rule}; named were {broken:?}");
    assert_eq!(document["finished"]["verdict"], "divergent");
    for failure in document["failures"].as_array().expect("failures") {
        let line = failure["reproduce"].as_str().expect("a command line");
        assert!(line.contains("loadparity "), "{line}");
    }
}

#[test]
fn a_swallowed_fallback_warning_is_caught() {
    let refused = ["open.direct:error=EINVAL"];
    let (code, document) = check(None, &refused);
    assert_eq!(
        (code, rules_broken(&document)),
        (0, Vec::new()),
        "a fallback that is reported breaks no rule"
    );
    let (code, document) = check(Some(Sabotage::SwallowsWarnings), &refused);
    assert_eq!(code, 1);
    assert!(rules_broken(&document).contains(&"fallback-reported".to_owned()));
}

/// What each plan comes to where nothing is broken: a system may lack direct I/O or visible locks by itself.
fn undisturbed() -> impl Fn(&serde_json::Value) -> serde_json::Value {
    let (_, document) = check(None, &[]);
    let groups = document["groups"].as_array().expect("groups").clone();
    move |name| groups.iter().find(|group| group["name"] == *name).expect("the same plans")["verdict"].clone()
}

#[test]
fn a_refused_direct_open_is_no_pass() {
    let undisturbed = undisturbed();
    let (_, document) = check(None, &["open.direct:error=EINVAL"]);
    let groups = document["groups"].as_array().expect("groups");
    for group in groups {
        let direct = group["name"].as_str().is_some_and(|n| n.starts_with("direct"));
        let expected = if direct { "unsupported".into() } else { undisturbed(&group["name"]) };
        assert_eq!(group["verdict"], expected, "{}", group["name"]);
    }
}

#[test]
fn a_lock_that_the_kernel_does_not_show_is_no_pass() {
    let undisturbed = undisturbed();
    let (code, document) = check(Some(Sabotage::ShowsNoLock), &[]);
    assert_eq!((code, rules_broken(&document)), (0, Vec::new()), "it is not the loader's fault");
    for group in document["groups"].as_array().expect("groups") {
        let locks = group["plan"]["lock"] == true;
        let expected = if locks { "unsupported".into() } else { undisturbed(&group["name"]) };
        assert_eq!(group["verdict"], expected, "{}", group["name"]);
        let notes = group["notes"].to_string();
        assert_eq!(notes.contains("none of their pages as locked"), locks, "{notes}");
    }
}

#[test]
fn a_refused_lock_is_blocked_and_ends_with_code_3() {
    let (code, document) = check(None, &["lock:error=ENOMEM"]);
    assert_eq!(code, 3);
    assert_eq!(document["finished"]["verdict"], "blocked");
    assert_eq!(rules_broken(&document), Vec::<String>::new());
}
