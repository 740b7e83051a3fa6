//! `loadparity explain-rule`: the row of a rule, and the nearest one for a mistyped id.

use std::process::Output;

use loadparity::rules::Rule;

use crate::support::{loadparity, schemas};

fn explain_rule(args: &[&str]) -> Output {
    loadparity().arg("explain-rule").args(args).output().expect("a run")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_lines_of_a_rule_have_its_example() {
    let output = explain_rule(&["tensors-locked"]);
    assert!(output.status.success());
    let lines = text(&output.stdout);
    for line in [
        "level      P2\n",
        "profile    foreign: holds\n",
        "plan       map+lock\n",
        "keeps it   open f0\n",
        "           lock r0 4k..128k\n",
        "message    b: the memory that holds bytes 131072..262144 is not locked and no warning says so\n",
    ] {
        assert!(lines.contains(line), "{line}\n{lines}");
    }
}

#[test]
fn every_rule_keeps_the_schema_and_old_ids_work() {
    for rule in [Rule::TensorsLocked, Rule::SamePath, Rule::PlanAlias, Rule::Completes] {
        let document = schemas::parsed(&explain_rule(&[rule.id(), "--format", "json"]).stdout);
        assert_eq!((&document["rule"], &document["sentence"]), (&rule.id().into(), &rule.sentence().into()));
    }
    let (old, new) = (explain_rule(&["given-back"]), explain_rule(&["resources-released"]));
    assert_eq!(old.stdout, new.stdout);
}

#[test]
fn an_unknown_id_is_a_usage_error_with_the_nearest_one() {
    let output = explain_rule(&["tensor-locked"]);
    assert_eq!(output.status.code(), Some(2));
    let told = text(&output.stderr);
    assert!(told.contains("`tensor-locked`") && told.contains("`tensors-locked`"), "{told}");
    assert_eq!(explain_rule(&[]).status.code(), Some(2));
}
