//! Every recording of a real llama.cpp build is judged: the effective mode is the known one, and
//! what the build's dialect predicts. The known modes stand in `fixtures/straces/index.tsv`; they
//! do not come from this program.

use crate::dialects::era;
use std::fs;
use std::path::{Path, PathBuf};

use loadparity::check::{JudgeDocument, Recording, judge};
use loadparity::import::{Imported, Origin, import};
use loadparity::plan::{Dialect, Spelling, split_args};

struct Case {
    build: String,
    name: String,
    dialect: Dialect,
    spelling: Spelling,
    effective: String,
    text: String,
    log: Option<Vec<String>>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/straces")
}

fn cases() -> Vec<Case> {
    let index = fs::read_to_string(folder().join("index.tsv")).expect("an index");
    index.lines().skip(1).map(case).collect()
}

fn case(line: &str) -> Case {
    let [build, name, _exit, env, flags, effective] = line.split('\t').collect::<Vec<_>>()[..] else {
        panic!("six columns: {line}");
    };
    let dialect = match build {
        "a" => era("booleans"),
        "b" => era("enum-v3"),
        "c" => era("enum-v4"),
        other => panic!("unknown build {other}"),
    };
    let (argv, _) =
        split_args(loadparity::plan::Dialect::reference(), flags.split_whitespace().map(Into::into), |_| {
            false
        });
    let env = env.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned())).into_iter().collect();
    let path = folder().join(build).join(format!("{name}.strace"));
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let log = fs::read_to_string(path.with_extension("log")).ok();
    Case {
        build: build.to_owned(),
        name: name.to_owned(),
        dialect,
        spelling: Spelling { argv, env },
        effective: effective.to_owned(),
        text,
        log: log.map(|log| log.lines().map(str::to_owned).collect()),
    }
}

fn imported(text: &str) -> Imported {
    import(text, Some(Origin::Strace)).unwrap_or_else(|e| panic!("{e}"))
}

fn judged(case: &Case, text: &str) -> JudgeDocument {
    let imported = imported(text);
    let recording = Recording {
        ops: &imported.trace.ops,
        page_size: imported.trace.header.page_size,
        printed: case.log.as_deref(),
        weights: None,
        ..Recording::default()
    };
    judge(case.dialect, &case.spelling, &recording)
}

#[test]
fn every_recording_has_the_known_mode_and_the_predicted_one() {
    let cases = cases();
    assert_eq!(cases.len(), 197);
    let mut wrong = Vec::new();
    let mut modes: std::collections::BTreeMap<String, usize> = std::collections::BTreeMap::new();
    for case in &cases {
        let j = judged(case, &case.text);
        *modes.entry(j.effective.clone()).or_default() += 1;
        // What a printed recording can never show keeps none of them from being a pass.
        let shows_all = !j.findings.is_empty() || j.exit_code == 0;
        if j.effective != case.effective || !j.agrees || !shows_all {
            wrong.push(format!("{}/{}: known {}, {j:?}", case.build, case.name, case.effective));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let modes: Vec<_> = modes.iter().map(|(mode, n)| (mode.as_str(), *n)).collect();
    let known = [
        ("direct", 24),
        ("direct+lock", 3),
        ("map", 53),
        ("map+lock", 18),
        ("none-opened", 45),
        ("read", 31),
        ("read+lock", 23),
    ];
    assert_eq!(modes, known);
}

/// A judge that always agrees would pass the test above.
#[test]
fn another_dialect_is_found_out() {
    let disagreeing = |build: &str, dialect: Dialect| {
        let cases: Vec<_> = cases().into_iter().filter(|case| case.build == build).collect();
        let agrees = |case: Case| {
            let text = case.text.clone();
            judged(&Case { dialect, ..case }, &text).agrees
        };
        cases.into_iter().map(agrees).filter(|agrees| !agrees).count()
    };
    assert!(disagreeing("a", era("enum-v3")) > 15);
    assert!(disagreeing("b", era("booleans")) > 30);
    assert!(disagreeing("b", era("enum-v1")) > 5);
    assert!(disagreeing("c", era("enum-v3")) > 15);
}

/// The paths of descriptors, as `-y` adds them, taken off again.
fn without_y(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        let (before, after) = rest.split_at(at);
        plain.push_str(before);
        let descriptor = before.ends_with(|c: char| c.is_ascii_digit()) || before.ends_with("AT_FDCWD");
        match after.find('>') {
            Some(end) if descriptor => rest = &after[end + 1..],
            _ => {
                plain.push('<');
                rest = &after[1..];
            }
        }
    }
    plain + rest
}

#[test]
fn a_recording_without_y_is_judged_the_same() {
    for case in cases() {
        let plain = without_y(&case.text);
        assert!(!plain.contains("3</"), "{plain}");
        let (with, without) = (imported(&case.text).trace.ops, imported(&plain).trace.ops);
        assert_eq!(with, without, "{}/{}", case.build, case.name);
    }
}

/// The lines that hold calls of these names are left out.
fn without_calls(text: &str, names: &[&str]) -> String {
    let has = |line: &&str| !names.iter().any(|name| line.contains(&format!(" {name}(")));
    text.lines().filter(has).map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_subset_of_the_calls_suffices_for_the_mode() {
    for left_out in [&["lseek"][..], &["close"], &["madvise", "fadvise64", "munmap"], &["openat"]] {
        for case in cases() {
            // Whether an open asked for direct I/O, nothing but the open tells.
            if left_out == ["openat"] && case.effective.starts_with("direct") {
                continue;
            }
            // Without openat nothing is left of a recording in which no model was opened.
            let text = without_calls(&case.text, left_out);
            let Ok(part) = import(&text, Some(Origin::Strace)) else {
                assert_eq!(case.effective, "none-opened");
                continue;
            };
            let effective = loadparity::rules::Summary::of(&part.trace.ops).effective.to_string();
            assert_eq!(effective, case.effective, "{}/{} without {left_out:?}", case.build, case.name);
        }
    }
}

#[test]
fn a_log_line_that_is_not_true_is_told() {
    let mut untrue = 0;
    for case in cases() {
        let j = judged(&case, &case.text);
        let claims = j.log_claims.unwrap_or_default();
        for claim in claims.iter().filter(|claim| !claim.holds) {
            untrue += 1;
            let mode = claim.line.contains("load_mode = mlock") && case.name.starts_with("lowlim");
            let advice = claim.line.contains("DEPRECATED") && j.spelling.contains(['n', 'N', '0']);
            assert!(mode || advice, "{}/{}: {claim:?}", case.build, case.name);
        }
        if case.name.starts_with("lowlim")
            && case.log.is_some()
            && case.effective != "direct"
            && j.predicted.ends_with("lock")
        {
            assert!(claims.iter().any(|c| c.holds && c.claims.starts_with("a lock of")), "{}", case.name);
        }
    }
    assert!(untrue > 10, "{untrue}");
}

#[test]
fn a_lock_that_leaves_repacked_weights_out_is_a_broken_rule() {
    let cases = cases();
    let broken = |name: &str| {
        let case = cases.iter().find(|case| case.build == "a" && case.name == name).expect("a case");
        let rules = judged(case, &case.text).findings;
        rules.iter().map(|finding| finding.rule.id()).collect::<Vec<_>>()
    };
    assert_eq!(broken("q4_k_m.mlock"), ["tensors-locked"]);
    assert_eq!(broken("q4_0.mmap+mlock"), ["tensors-locked"]);
    assert_eq!(broken("q8_0.mlock"), [""; 0]);
    assert_eq!(broken("mlock"), [""; 0]);
    assert_eq!(broken("dio_mlock"), [""; 0]);
}

/// Each load has two header sessions and one pass before it, and the phases show them.
#[test]
fn the_passes_before_the_load_are_told_apart() {
    use loadparity::trace::{Call, Phase};
    for case in cases().iter().filter(|case| case.effective != "none-opened") {
        let ops = imported(&case.text).trace.ops;
        let opens =
            |phase| ops.iter().filter(|op| op.phase == phase && matches!(op.call, Call::Open { .. })).count();
        let found = (opens(Phase::Header), opens(Phase::Probe), opens(Phase::Load));
        assert_eq!(found, (2, 1, 1), "{}/{}", case.build, case.name);
        let direct_probes = ops
            .iter()
            .filter(|op| op.phase == Phase::Probe && matches!(op.call, Call::Open { direct: true, .. }))
            .count();
        let fit_keeps_direct = case.build == "a" && case.effective.starts_with("direct");
        assert_eq!(direct_probes == 1, fit_keeps_direct, "{}/{}", case.build, case.name);
        let unread = loadparity::rules::Summary::of(&ops).direct_unread;
        assert_eq!(unread == 1, fit_keeps_direct, "{}/{}", case.build, case.name);
    }
}
