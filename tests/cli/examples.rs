//! The examples of the library run, and say what they are there to show.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::error::Error;
use std::io::Write;

#[path = "../../examples/check_own_subject.rs"]
mod check_own_subject;
#[path = "../../examples/judge_command.rs"]
mod judge_command;
#[path = "../../examples/record_own_loader.rs"]
mod record_own_loader;

type Run = fn(&mut dyn Write) -> Result<(), Box<dyn Error>>;

fn said(run: Run) -> String {
    let mut out = Vec::new();
    run(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// The loader that locks keeps the rules, and the one that forgets to is found.
#[test]
#[cfg(target_os = "linux")]
fn a_recorded_loader_is_held_to_its_plan() {
    let said = said(record_own_loader::run);
    let (locks, forgets) = said.split_once("locks false").unwrap();
    assert!(locks.starts_with("locks true: ") && !locks.contains("tensors-locked"), "{said}");
    assert!(forgets.contains("\n  tensors-locked: "), "{said}");
}

/// A command that reads what it was asked to map breaks a rule; where tracing cannot be had, that is said.
#[test]
fn a_traced_command_is_judged() {
    let said = said(judge_command::run);
    if said.starts_with("not observed: ") {
        assert!(!cfg!(all(target_os = "linux", target_arch = "x86_64")), "{said}");
        return;
    }
    assert!(said.contains("tensors-mapped") && said.trim_end().ends_with("exit code 1"), "{said}");
}

#[test]
fn a_matrix_runs_on_a_subject_of_ones_own() {
    let said = said(check_own_subject::run);
    assert!(said.contains("verdict: parity to P4") && said.ends_with("Code(0)\n"), "{said}");
}
