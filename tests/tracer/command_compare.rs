//! `compare`: what changed between two commands, each difference with what it comes to.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use crate::support::dialects::era;
use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use loadparity::check::{Comparison, Expectations, Verdict};
use loadparity::engine::Generation;
use loadparity::subject::{Depth, ExternalCommand, Setting, Template, Truth};

use crate::command_support::{behind, document, engine, loadparity};

/// A command as one line.
fn line(words: &[String]) -> String {
    let quoted = words.iter().map(|word| format!("'{}'", word.replace('\'', r"'\''")));
    quoted.collect::<Vec<_>>().join(" ")
}

/// A comparison in these spellings; in all of the dialect where there are none.
fn compare(dialect: &str, only: &[&str], old: &[String], new: &[String]) -> (i32, serde_json::Value) {
    let (old, new) = (line(old), line(new));
    let mut args = vec!["compare", "--dialect", dialect, "--old", &old, "--new", &new, "--format", "json"];
    args.extend(only.iter().flat_map(|spelling| ["--only", spelling]));
    document(&loadparity(&args, &[]))
}

/// Old, new and impact of every spelling.
fn by_spelling(document: &serde_json::Value) -> BTreeMap<&str, (&str, &str, &str)> {
    fn text<'r>(row: &'r serde_json::Value, key: &str) -> &'r str {
        row[key].as_str().unwrap()
    }
    let rows = document["spellings"].as_array().unwrap().iter();
    rows.map(|r| (text(r, "spelling"), (text(r, "old"), text(r, "new"), text(r, "impact")))).collect()
}

#[test]
fn the_documented_changes_are_found_and_classed() {
    let changes = [
        ("--mlock", "map+lock", "read+lock", "policy-change"),
        ("--mlock --mmap", "map+lock", "map", "lost-guarantee"),
        ("--mlock --no-mmap", "read+lock", "read", "lost-guarantee"),
        ("--no-mmap --mlock", "read+lock", "read+lock", "identical"),
        ("-ndio", "map", "read", "policy-change"),
        ("-dio --mmap", "direct", "map", "lost-guarantee"),
        ("--mmap -dio", "direct", "direct", "identical"),
        ("--mlock -dio", "direct+lock", "direct", "lost-guarantee"),
        ("LLAMA_ARG_MLOCK=1", "map+lock", "read+lock", "policy-change"),
    ];
    let only = changes.map(|(spelling, ..)| spelling);
    let (code, document) = compare("booleans", &only, &engine("booleans"), &engine("enum-v3"));
    assert_eq!(code, 1);
    let seen = by_spelling(&document);
    for (spelling, old, new, impact) in changes {
        assert_eq!(seen[spelling], (old, new, impact), "{spelling}");
    }
    let totals = &document["finished"]["totals"];
    assert_eq!(totals["data_integrity_risk"], 0);
    assert!(document["failures"].as_array().unwrap().iter().all(|f| f["diff"].is_string()));
}

#[test]
fn a_command_is_identical_to_itself_and_a_removed_flag_is_told() {
    let (code, document) = compare("enum-v4", &[], &engine("enum-v4"), &engine("enum-v4"));
    assert_eq!((code, document["finished"]["verdict"].as_str().unwrap()), (0, "pass"));
    assert!(by_spelling(&document).values().all(|(.., impact)| *impact == "identical"));

    // The variables of the switches are not read any more; all else is the same.
    let only = ["", "-lm mlock", "LLAMA_ARG_LOAD_MODE=none", "LLAMA_ARG_MLOCK=1", "LLAMA_ARG_NO_MMAP=1"];
    let (_, document) = compare("enum-v4", &only, &engine("enum-v3"), &engine("enum-v4"));
    let changed = by_spelling(&document).into_iter().filter(|(_, (.., impact))| *impact != "identical");
    let changed: Vec<&str> = changed.map(|(spelling, _)| spelling).collect();
    assert!(!changed.is_empty());
    assert!(changed.iter().all(|s| s.starts_with("LLAMA_ARG_") && !s.contains("LOAD_MODE")), "{changed:?}");

    let only = ["", "--mlock", "LLAMA_ARG_MLOCK=1"];
    let (code, document) = compare("booleans", &only, &engine("booleans"), &engine("enum-v4"));
    assert_eq!(code, 1);
    let seen = by_spelling(&document);
    assert_eq!(seen["--mlock"], ("map+lock", "refused", "policy-change"));
    // The variable is silently unread.
    assert_eq!(seen["LLAMA_ARG_MLOCK=1"], ("map+lock", "map", "lost-guarantee"));
    assert_eq!(seen[""], ("map", "map", "identical"));
}

#[test]
fn less_work_is_benign_and_another_output_is_a_risk() {
    let opens_twice = r#"head -c 4 "$6" >/dev/null; exec "$@""#;
    let twice = behind(opens_twice, "enum-v4");
    let only = ["", "-lm none", "-lm mlock", "-lm dio"];
    let (code, document) = compare("enum-v4", &only, &twice, &engine("enum-v4"));
    fn impacts(document: &serde_json::Value) -> Vec<&str> {
        let all: std::collections::BTreeSet<&str> =
            by_spelling(document).into_values().map(|v| v.2).collect();
        all.into_iter().collect()
    }
    assert_eq!((code, impacts(&document)), (0, vec!["benign"]), "{document:#}");
    let (code, document) = compare("enum-v4", &only, &engine("enum-v4"), &twice);
    // Another look at the header is a note.
    assert_eq!((code, impacts(&document)), (0, vec!["benign"]));

    let other_text = behind(r#"case "$*" in *dio*) echo x;; esac; exec "$@""#, "enum-v4");
    let (code, document) = compare("enum-v4", &only, &engine("enum-v4"), &other_text);
    assert_eq!((code, impacts(&document)), (1, vec!["data-integrity-risk", "identical"]));

    let varies = behind(r#"case "$*" in *dio*) echo $$;; esac; exec "$@""#, "enum-v4");
    let (code, document) = compare("enum-v4", &only, &engine("enum-v4"), &varies);
    assert_eq!((code, impacts(&document)), (3, vec!["identical"]));
}

/// Where the kernel refuses direct I/O, one era falls back to a mapping and the next to reads.
#[test]
fn a_fallback_that_changed_is_found_where_a_fault_leads_to_it() {
    let (old, new) = (line(&engine("booleans")), line(&engine("enum-v3")));
    let mut args = vec!["compare", "--dialect", "booleans", "--old", &old, "--new", &new, "--format", "json"];
    args.extend(["--inject", "open.direct:error=EINVAL", "--only", "-dio", "--only", "--no-mmap -dio"]);
    let (code, document) = document(&loadparity(&args, &[]));
    assert_eq!(code, 1);
    let seen = by_spelling(&document);
    assert_eq!(seen["-dio"], ("map", "read", "policy-change"));
    assert_eq!(seen["--no-mmap -dio"], ("read", "read", "identical"));
    let failures = document["failures"].as_array().unwrap();
    let of_dio = failures.iter().find(|f| f["spelling"] == "-dio").unwrap();
    assert!(of_dio["reproduce"].as_str().unwrap().contains("--inject open.direct:error=EINVAL"), "{of_dio}");
}

#[test]
fn every_format_has_the_table_and_then_the_differences() {
    let (old, new) = (line(&engine("enum-v1")), line(&engine("enum-v2")));
    let folder = tempfile::tempdir().unwrap();
    let formats = ["terminal", "markdown", "junit", "github"];
    let files = formats.map(|format| folder.path().join(format));
    let asked: Vec<String> = formats
        .iter()
        .zip(&files)
        .map(|(format, file)| format!("--format={format}={}", file.display()))
        .collect();
    let mut args = vec!["compare", "--dialect", "enum-v1", "--old", &old, "--new", &new];
    args.extend(["--only", "--mlock", "--only", "--no-mmap"]);
    args.extend(asked.iter().map(String::as_str));
    assert_eq!(loadparity(&args, &[]).status.code(), Some(1));
    for (file, row, failure) in [
        (&files[0], "│ --mlock ", "policy-kept: "),
        (&files[1], "| --mlock |", "### policy-kept"),
        (&files[2], "<testcase name=\"--mlock\"", "policy-kept"),
        (&files[3], "", "::error title=policy-kept"),
    ] {
        let text = std::fs::read_to_string(file).unwrap();
        let (row, failure) = (text.find(row), text.find(failure));
        assert!(row.is_some() && failure.is_some(), "{text}");
        assert!(file.ends_with("junit") || row <= failure, "{text}");
    }
}

#[test]
fn a_line_that_is_no_command_is_a_usage_error() {
    for (old, told) in [("prog {flags}", "--old: "), ("prog 'x {model} {flags}", "quotes")] {
        let output = loadparity(&["compare", "--old", old, "--new", "p {model} {flags}"], &[]);
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains(told));
    }
}

#[test]
fn two_commands_that_both_fail_are_not_called_identical() {
    let broken = |ending: &str| {
        ["sh", "-c", &format!("head -c 9 {{model}} >/dev/null; {ending}"), "{flags}"].map(str::to_owned)
    };
    for ending in ["kill -ILL $$", "exit 1"] {
        let (code, document) =
            compare("booleans", &["", "--mlock", "-dio"], &broken(ending), &broken(ending));
        assert_eq!((code, document["finished"]["verdict"].as_str().unwrap()), (3, "blocked"));
        let sentence = document["finished"]["sentence"].as_str().unwrap();
        assert!(sentence.contains("no spelling makes the old command load"), "{sentence}");
    }
}

/// What was compared with nothing is not the same.
#[test]
fn a_comparison_without_spellings_is_no_pass() {
    let model = crate::support::fixture("q4_k_m");
    let side = || {
        let words = engine("enum-v4").into_iter().map(Into::into).collect();
        ExternalCommand::new(Template::new(words, false).unwrap(), &model, Duration::from_secs(60))
    };
    let (old, new) = (side(), side());
    let (generation, truth) = (Generation::default(), Truth::of_file(&model).unwrap());
    let (dialect, depth) = (era("enum-v4"), Depth::Output);
    let document = Comparison {
        old: &old,
        new: &new,
        model_name: "m".to_owned(),
        setting: Setting { dialect, depth, generation: &generation, truth: &truth, patience: None },
        spellings: Vec::new(),
        retries: 0,
        jobs: 1,
        fail_fast: false,
        timelines: false,
        allow_unmet: false,
        needs_output: false,
        calls_suffice: true,
        expected: Expectations::default(),
        interrupted: &AtomicBool::new(false),
    }
    .run(&mut |_| {})
    .unwrap();
    let finished = document.finished;
    assert_eq!((finished.exit_code, finished.verdict), (3, Verdict::Blocked), "{}", finished.sentence);
    assert!(finished.sentence.contains("no spelling was asked for"), "{}", finished.sentence);
}
