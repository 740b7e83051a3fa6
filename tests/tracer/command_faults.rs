//! `check --faults … -- CMD`: what comes of a command whose calls fail, and that the worst is told
//! first.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use rstest::rstest;

use crate::command_support::{behind, check, engine, notes, rules};
use crate::loader_support;

/// One plan: its single faults, then pairs, of which the second is on a call that only the first one causes.
#[test]
fn an_honest_command_withstands_every_fault() {
    let args = ["--faults", "--dialect", "enum-v4", "--only", "--load-mode dio", "--cases", "430"];
    let (code, document) = check(&args, &engine("enum-v4"));
    assert_eq!((code, rules(&document)), (0, vec![]));
    let totals = &document["finished"]["totals"];
    assert!(totals["planned"] == 430 && totals["depth"] == 2, "{totals}");
    assert!(totals["states"].as_u64().unwrap() > 50 && totals["left"].as_u64().unwrap() > 0, "{totals}");
    let sentence = document["finished"]["sentence"].as_str().unwrap();
    assert!(sentence.contains("; explored ") && sentence.ends_with(" schedules at the bound"), "{sentence}");
    let outcomes = document["groups"][0]["outcomes"].to_string();
    for told in ["clear error", "same output", "reported fallback"] {
        assert!(outcomes.contains(told), "{outcomes}");
    }
    let cases = document["cases"].as_array().unwrap();
    let behind_the_fallback = |case: &&serde_json::Value| {
        let faults: Vec<&str> =
            case["faults"].as_array().unwrap().iter().map(|f| f.as_str().unwrap()).collect();
        faults.len() == 2 && faults[0].starts_with("open.direct") && faults[1].starts_with("read.buffered")
    };
    assert!(cases.iter().any(|case| behind_the_fallback(&case)), "{totals}");
    // The second fault of a pair may be for a call that the first one prevents.
    let unmet = |case: &&serde_json::Value| case["outcome"] == "unmet";
    assert!(cases.iter().filter(unmet).count() < 10, "{totals}");
    assert!(cases.iter().filter(unmet).all(|case| case["faults"].as_array().unwrap().len() == 2), "{totals}");
}

#[rstest]
#[case::hides_failure(r#""$@" 2>/dev/null || exit 0"#, "fault-output")]
#[case::crashes(r#""$@" || kill -SEGV $$"#, "fault-crash")]
#[case::says_nothing(r#"exec "$@" 2>/dev/null"#, "fault-reported")]
fn a_command_that_takes_a_fault_badly_is_found_out(#[case] script: &str, #[case] rule: &str) {
    let (code, document) =
        check(&["--faults=single", "--dialect", "enum-v4", "--cases", "60"], &behind(script, "enum-v4"));
    assert_eq!(code, 1);
    let failure = &document["failures"][0];
    assert_eq!(failure["rule"], rule, "{failure}");
    let line = failure["reproduce"].as_str().unwrap();
    assert!(line.starts_with("loadparity check -m ") && line.contains(" --only-fault "), "{line}");
}

#[test]
fn a_hang_is_ended_and_told_behind_silent_wrong_output() {
    // Where the open fails it hangs, where a read fails it pretends.
    let script = r#"said=$("$@" 2>&1) && { echo "$said"; exit 0; }
        case "$said" in *"cannot open"*|*" open"*) exec sleep 60;; esac; echo pretended; exit 0"#;
    let args = ["--faults=single", "--dialect", "booleans", "--timeout", "1", "--cases", "90"];
    let (code, document) = check(&args, &behind(script, "booleans"));
    assert_eq!(code, 1);
    let failures = document["failures"].as_array().unwrap();
    let order: Vec<&str> = failures.iter().map(|f| f["rule"].as_str().unwrap()).collect();
    assert_eq!(order[0], "fault-output");
    assert!(order.contains(&"fault-hang"), "{order:?}");
    let first_hang = order.iter().position(|r| *r == "fault-hang").unwrap();
    assert!(!order[first_hang..].contains(&"fault-output"), "{order:?}");
    // Each family (opens, reads, memory, locks, questions; once and from then on) is left after its first hang, and
    // that is said.
    assert!(order.iter().filter(|rule| **rule == "fault-hang").count() <= 10, "{order:?}");
    let left = document["finished"]["left"].to_string();
    assert!(left.contains(r#""reason":"hang""#) && left.contains(r#""calls":"open.buffered""#), "{left}");
}

#[test]
fn a_known_divergence_is_expected_and_one_that_is_gone_fails() {
    let model = loader_support::model();
    let list = model.folder().join("known.json");
    let silent = loader_support::behind(r#"exec "$@" 2>/dev/null"#, "honest");
    // Its four plans are without direct I/O, which has the most calls to fail.
    let few = ["check", "--dialect", "llamafile", "--faults=single", "--retries", "0", "--no-memory"];
    let unknown = model.asked(&few, &silent).document;
    let mut seen: std::collections::BTreeMap<&str, u64> = std::collections::BTreeMap::new();
    for failure in unknown["failures"].as_array().unwrap() {
        assert_eq!(failure["rule"], "fault-reported", "{failure}");
        *seen.entry(failure["plan"].as_str().unwrap()).or_default() += 1;
    }
    assert!(seen.contains_key("map+lock"), "{seen:?}");
    let against = |more: &[(&str, u64)]| {
        let known = seen.iter().map(|(plan, count)| (*plan, *count)).chain(more.iter().copied());
        // The id of earlier versions is accepted.
        let entry = |(plan, count): (&str, u64)| {
            format!(
                r#"{{"rule":"fault-told","pattern":"*","plan":"{plan}","count":{count},"reason":"it is mute"}}"#
            )
        };
        let entries: Vec<String> = known.map(entry).collect();
        let text = format!(r#"{{"schema":"loadparity.expect/2","known":[{}]}}"#, entries.join(","));
        std::fs::write(&list, text).unwrap();
        let told = model.asked(&[&few[..], &["--expect", list.to_str().unwrap()]].concat(), &silent);
        (told.code, told.document)
    };
    let (code, document) = against(&[]);
    assert_eq!((code, rules(&document)), (0, vec![]), "{}", notes(&document));
    assert_eq!(document["finished"]["verdict"], "expected");
    assert!(notes(&document).contains("expected, because it is mute: fault-reported: `"));

    let (code, document) = against(&[("read", 1)]);
    assert_eq!((code, rules(&document)), (1, vec!["known-divergence"]));
}
