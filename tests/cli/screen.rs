//! What is said at the end of a command: how much, and in colour or not.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use crate::support::loadparity;

/// Exit code, standard output, standard error.
fn check(arguments: &[&str]) -> (i32, String, String) {
    let check = ["check", "--no-config", "--quick", "-n", "1"];
    let output = loadparity().args(check).args(arguments).env_remove("NO_COLOR").output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

const ONE: [&str; 2] = ["--only", "-lm none"];
const BROKEN: [&str; 4] = ["--only", "-lm none", "--inject", "read:corrupt:when=2"];

#[test]
fn quiet_is_the_verdict_alone_where_all_is_well() {
    let (code, out, told) = check(&[&ONE[..], &["-q"]].concat());
    assert_eq!((code, &*told), (0, ""));
    assert!(out.starts_with("verdict: ") && out.lines().count() == 1, "{out}");
    assert_eq!(check(&["-q", "-v"]).0, 2);
}

/// A failing case is read at a glance: what, where, which rule, and the line that shows it again, then the verdict.
#[test]
fn a_failing_case_has_few_lines_and_the_verdict_is_the_last() {
    let (code, out, _) = check(&[&BROKEN[..], &["-q"]].concat());
    assert_eq!(code, 1);
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines.last().unwrap().starts_with("verdict: divergent"), "{out}");
    let blocks = out.split("\n\n").flat_map(|block| block.split("\nverdict")).collect::<Vec<_>>();
    assert!(blocks.iter().any(|block| block.contains("reproduce: loadparity check")), "{out}");
    assert!(blocks.iter().all(|block| block.trim().lines().count() <= 12), "{out}");
    let (_, whole, _) = check(&BROKEN);
    assert!(whole.lines().last().unwrap().starts_with("verdict: divergent"), "{whole}");
    assert!(whole.len() > out.len(), "{whole}");
}

#[test]
fn colour_is_as_asked_for() {
    let coloured = |arguments: &[&str]| check(&[&ONE[..], arguments].concat()).1.contains('\u{1b}');
    assert!(!coloured(&[]), "a pipe");
    assert!(coloured(&["--color", "always"]));
    assert!(coloured(&["--color=always", "-q"]));
    assert!(!coloured(&["--color", "never"]));
    let (code, _, told) = check(&["--color", "sometimes"]);
    assert!(code == 2 && told.contains("always"), "{told}");
    // What is for a program has no colours.
    let (_, json, _) = check(&[&ONE[..], &["--color", "always", "--format", "json"]].concat());
    crate::support::schemas::parsed(json.as_bytes());
}
