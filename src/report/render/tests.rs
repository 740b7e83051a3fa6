//! What each document looks like in each format.

use super::samples;
use super::{Screen, annotations, json, junit, markdown, step_summary, terminal};
use crate::report::view::{State, Viewed};

/// The reports of one document, as a person at a terminal of 100 columns, a pull request, a dashboard and a
/// runner see them.
fn assert_reports(name: &str, document: &impl Viewed) {
    let view = document.view();
    let written = |write: &dyn Fn(&mut Vec<u8>) -> std::io::Result<()>| {
        let mut out = Vec::new();
        write(&mut out).unwrap();
        String::from_utf8(out).unwrap().replace(env!("CARGO_PKG_VERSION"), "VERSION")
    };
    let screen = Screen { width: Some(100), coloured: false, verbose: true, quiet: false };
    insta::assert_snapshot!(format!("{name}_terminal"), written(&|out| terminal(out, &view, screen)));
    for width in [60, 80] {
        let screen = Screen { width: Some(width), coloured: false, verbose: false, quiet: false };
        let text = written(&|out| terminal(out, &view, screen));
        assert_narrow(&text, width.into());
        insta::assert_snapshot!(format!("{name}_terminal_{width}"), text);
    }
    insta::assert_snapshot!(format!("{name}_markdown"), written(&|out| markdown(out, &view)));
    insta::assert_snapshot!(format!("{name}_junit"), written(&|out| junit(out, &view)));
    insta::assert_snapshot!(format!("{name}_github"), written(&|out| annotations(out, &view)));
}

/// Nothing but a command line, a code path or a single word is wider than the screen.
fn assert_narrow(text: &str, width: usize) {
    for line in text.lines() {
        let whole = line.trim_start().starts_with("reproduce:") || line.trim().split(' ').count() == 1;
        assert!(whole || line.chars().count() <= width, "{width}: {line}");
    }
}

#[test]
fn a_check_in_every_format() {
    assert_reports("check", &samples::check());
    assert_reports("check_passed", &samples::passed());
}

#[test]
fn a_comparison_in_every_format() {
    assert_reports("compare", &samples::compare());
}

#[test]
fn faults_in_every_format() {
    assert_reports("faults", &samples::faults());
}

#[test]
fn a_judgement_in_every_format() {
    assert_reports("judge", &samples::judge());
}

#[test]
fn a_merge_in_every_format() {
    assert_reports("merge", &samples::merge());
}

#[test]
fn what_is_no_pass_is_no_success_on_a_dashboard() {
    let blocked = samples::blocked().view();
    let states: Vec<&State> = blocked.suites.iter().flat_map(|s| &s.tests).map(|test| &test.state).collect();
    assert!(states.iter().any(|state| matches!(state, State::Skipped { .. })), "{states:?}");

    let mut divergent = samples::passed();
    divergent.finished.verdict = crate::check::document::Verdict::Divergent;
    let view = divergent.view();
    let mut tests = view.suites.iter().flat_map(|s| &s.tests);
    assert!(tests.any(|test| matches!(test.state, State::Failed { .. })), "a verdict alone shows too");
}

#[test]
fn every_failure_is_in_some_test() {
    let mut document = samples::check();
    for failure in &mut document.failures {
        failure.spelling = "a spelling that was not run".to_owned();
    }
    let view = document.view();
    let failed = view.suites.iter().flat_map(|s| &s.tests).filter_map(|test| match &test.state {
        State::Failed { text, .. } => Some(text.as_str()),
        _ => None,
    });
    let text = failed.collect::<Vec<_>>().join("\n");
    for failure in document.failures.iter().filter(|f| f.expected.is_none()) {
        assert!(text.contains(&failure.message), "{} is lost", failure.rule);
    }
}

#[test]
fn json_is_the_document() {
    let document = samples::check();
    let mut out = Vec::new();
    json(&mut out, &document).unwrap();
    assert_eq!(crate::check::document::CheckDocument::read(&out).unwrap(), document);
    out.clear();
    json(&mut out, &samples::judge()).unwrap();
    assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 1, "a judgement is one line");
}

#[test]
fn a_step_summary_keeps_to_its_room() {
    assert!(step_summary(&samples::check().view(), 300).len() <= 300);
}
