//! `loadparity judge`: exit codes and the JSON object.

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::{Value, json};

fn recording(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/straces").join(name)
}

/// Exit code and output.
fn judge(dialect: &str, strace: &Path, rest: &[&str]) -> (i32, String) {
    let mut command = Command::cargo_bin("loadparity").expect("the program");
    let output = command
        .args(["judge", "--dialect", dialect, "--strace"])
        .arg(strace)
        .args(rest)
        .output()
        .expect("a run");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().expect("a code"), String::from_utf8(text).expect("UTF-8"))
}

fn judge_json(dialect: &str, name: &str, rest: &[&str]) -> (i32, Value) {
    let (code, text) = judge(dialect, &recording(name), &[&["--format", "json"], rest].concat());
    (code, crate::support::schemas::parsed(text.as_bytes()))
}

#[test]
fn agreement_is_0_and_the_object_is_the_documented_one() {
    let log = recording("b/lowlim_lm_mlock.log");
    let log = log.to_str().expect("UTF-8");
    let (code, j) =
        judge_json("enum-v3", "b/lowlim_lm_mlock.strace", &["--log", log, "--", "-lm", "mlock", "-nr"]);
    assert_eq!(code, 0);
    assert_eq!(j["plan"], json!({"source": "read", "lock": true, "on_refused": null}));
    assert_eq!(
        (&j["predicted"], &j["expected"], &j["effective"]),
        (&json!("read+lock"), &json!("read"), &json!("read"))
    );
    assert_eq!((&j["agrees"], &j["error"], &j["findings"]), (&json!(true), &Value::Null, &json!([])));
    assert_eq!(j["refused"], json!(["lock refused (lock-limit)"]));
    let holds: Vec<_> =
        j["log_claims"].as_array().expect("a list").iter().map(|c| c["true"].clone()).collect();
    assert_eq!(holds, [json!(false), json!(true)]);
}

#[test]
fn disagreement_is_1() {
    // The recording is of a build in which `--mlock` reads.
    let (code, j) = judge_json("booleans", "b/mlock.strace", &["--", "--mlock"]);
    assert_eq!((code, &j["agrees"]), (1, &json!(false)));
    assert_eq!((&j["predicted"], &j["effective"]), (&json!("map+lock"), &json!("read+lock")));
    assert_eq!(j["log_claims"], Value::Null);
    let rules: Vec<_> = j["findings"].as_array().expect("a list").iter().map(|f| f["rule"].clone()).collect();
    assert_eq!(rules, [json!("plan-taken"), json!("tensors-mapped")]);
    let (code, text) = judge("booleans", &recording("b/mlock.strace"), &["--", "--mlock"]);
    assert!(code == 1 && text.contains("agrees     NO"), "{text}");
}

#[test]
fn a_usage_error_of_the_dialect_predicts_that_nothing_is_opened() {
    let (code, j) = judge_json("enum-v4", "c/mmap.strace", &["--", "--mmap"]);
    assert_eq!((code, &j["predicted"], &j["effective"]), (0, &json!("none-opened"), &json!("none-opened")));
    assert!(j["error"].as_str().expect("a text").contains("--mmap"));
    let (code, _) = judge_json("enum-v4", "b/mmap.strace", &["--", "--mmap"]);
    assert_eq!(code, 1);
}

#[test]
fn variables_come_by_option_or_in_front_of_the_flags() {
    for rest in [&["--env", "LLAMA_ARG_MMAP=0", "--"][..], &["--", "LLAMA_ARG_MMAP=0"]] {
        let (code, j) = judge_json("enum-v3", "b/env_MMAP_0.strace", rest);
        assert_eq!((code, &j["spelling"], &j["effective"]), (0, &json!("LLAMA_ARG_MMAP=0"), &json!("read")));
    }
}

#[test]
fn unusable_input_is_2() {
    let folder = tempfile::tempdir().expect("a folder");
    let bad = folder.path().join("bad.strace");
    std::fs::write(&bad, "close(3) = 0\nread(3, \"\n").expect("a file");
    let (code, text) = judge("booleans", &bad, &["--", "--mmap"]);
    assert!(code == 2 && text.contains("line 2: "), "{text}");
    assert_eq!(judge("booleans", &folder.path().join("none"), &["--"]).0, 2);
    assert_eq!(judge("no-such-era", &bad, &["--"]).0, 2);
    let mut command = Command::cargo_bin("loadparity").expect("the program");
    command.args(["judge", "--dialect", "booleans", "--", "--mmap"]).assert().code(2);
}

/// A trace of the reference engine is judged with the whole contract where the model is at hand.
#[test]
fn a_trace_of_the_seam_is_judged_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let trace = folder.path().join("trace.jsonl");
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/models/fixture-llama-q4_k_m.gguf");
    let program = || Command::cargo_bin("loadparity").expect("the program");
    let run = ["run", "-p", "And", "-n", "1", "-t", "1", "-lm", "none", "--trace"];
    program().args(run).arg(&trace).arg("-m").arg(&model).assert().success();
    for (mode, code, rules) in [("none", 0, json!([])), ("mmap", 1, json!(["plan-taken", "tensors-mapped"]))]
    {
        let output = program()
            .args(["judge", "--dialect", "reference", "--format", "json", "--trace"])
            .arg(&trace)
            .arg("-m")
            .arg(&model)
            .args(["--", "-lm", mode])
            .output()
            .expect("a run");
        let j: Value = crate::support::schemas::parsed(&output.stdout);
        assert_eq!(output.status.code(), Some(code), "{j}");
        let ids: Vec<_> =
            j["findings"].as_array().expect("a list").iter().map(|f| f["rule"].clone()).collect();
        assert_eq!((json!(ids), &j["not_observed"]), (rules, &json!([])));
    }
}

/// By which open a loader finds out that it may read directly is its own business.
#[test]
fn a_direct_open_counts_wherever_the_trace_says_it_was_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let trace = folder.path().join("trace.jsonl");
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/models/fixture-llama-q4_k_m.gguf");
    let program = || Command::cargo_bin("loadparity").expect("the program");
    let engine = |command: &mut Command| {
        command.args(["run", "-p", "And", "-n", "1", "-t", "1", "-lm", "dio", "-m"]).arg(&model);
    };
    for refused in [false, true] {
        let fault = if refused { &["--inject", "open.direct:error=EINVAL"][..] } else { &[] };
        let mut recorded = program();
        engine(&mut recorded);
        recorded.args(fault).arg("--trace").arg(&trace);
        let mut traced = program();
        traced.args(["trace", "-o"]).arg(&trace).args(fault).args(["--", env!("CARGO_BIN_EXE_loadparity")]);
        engine(&mut traced);
        let runs = if cfg!(target_os = "linux") { vec![recorded, traced] } else { vec![recorded] };
        for mut run in runs {
            run.assert().success();
            let judged = program()
                .args(["judge", "--dialect", "reference", "--format", "json", "--trace"])
                .arg(&trace)
                .args(["--", "-lm", "dio"])
                .output()
                .expect("a run");
            let j: Value = crate::support::schemas::parsed(&judged.stdout);
            assert_eq!((judged.status.code(), &j["findings"]), (Some(0), &json!([])), "{j}");
            assert_eq!(j["refused"].as_array().expect("a list").len(), usize::from(refused), "{j}");
        }
    }
}
