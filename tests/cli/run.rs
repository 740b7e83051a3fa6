//! `loadparity run` and `loadparity check` as a user meets them.

use std::path::Path;

use loadparity::trace::{Call, CodePath, End, Outcome, Phase, Seen, Status, TraceFile, schema_text};
use predicates::prelude::*;
use rstest::rstest;
use serde_json::Value;

use crate::support;

fn json(args: &[&str]) -> Value {
    let out = support::loadparity().args(["run", "--json"]).args(args).assert().success();
    support::schemas::parsed(&out.get_output().stdout)
}

fn trace(path: &Path) -> TraceFile {
    let file = std::fs::File::open(path).expect("a trace");
    TraceFile::read(std::io::BufReader::new(file)).expect("a trace of schema 1")
}

#[test]
fn the_document_has_its_documented_shape() {
    let document = json(&["-p", "In the beginning", "-n", "5", "--seed", "3", "-lm", "none"]);
    let keys: Vec<_> = document.as_object().expect("an object").keys().map(String::as_str).collect();
    for key in ["prompt_tokens", "tokens", "text", "load", "hash", "seed", "timings"] {
        assert!(keys.contains(&key), "{key} is in {keys:?}");
    }
    assert_eq!(document["prompt_tokens"], serde_json::json!([2046, 1702, 258, 1861, 1241]));
    assert_eq!(document["tokens"].as_array().expect("tokens").len(), 5);
    assert_eq!(document["seed"], 3);
    for key in ["asked", "resolved", "effective"] {
        assert_eq!(document["load"][key], "read", "{key}");
    }
    assert_eq!(document["load"]["fallbacks"], serde_json::json!([]));
    for hash in ["tensors", "logits"] {
        assert_eq!(document["hash"][hash].as_str().expect("a hash").len(), 64);
    }
}

/// What the kernel says of locked pages, and how the run ended, stand in the trace.
#[test]
fn a_trace_has_what_was_observed_and_the_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("trace.jsonl");
    let out_text = out.to_str().expect("a UTF-8 path");
    for (mode, locks) in [("mlock", true), ("none+mlock", true), ("mmap", false)] {
        let args = ["run", "-p", "And", "-n", "1", "-lm", mode, "--trace", out_text];
        support::loadparity().args(args).assert().success();
        let trace = trace(&out);
        assert_eq!(trace.end, Some(End { status: Status::Code(0), unseen: Vec::new() }));
        let refused = trace
            .ops
            .iter()
            .any(|op| matches!((&op.call, &op.outcome), (Call::Lock { .. }, Outcome::Err(_))));
        if refused || !cfg!(target_os = "linux") {
            continue;
        }
        let pages: Vec<_> = trace
            .observations
            .iter()
            .filter_map(|observation| match observation.seen {
                Seen::Pages { pages, resident, locked } => Some((observation.after, pages, resident, locked)),
                _ => None,
            })
            .collect();
        assert_eq!(pages.len(), usize::from(locks), "{mode}: {pages:?}");
        for (after, pages, resident, locked) in pages {
            assert!(pages > 0 && resident == pages && locked == Some(pages), "{mode}: {pages} {resident}");
            let at = usize::try_from(after).expect("a position");
            assert_eq!(trace.ops[at..].first().map(|op| op.phase), Some(Phase::Teardown), "{mode}");
        }
    }
    let args =
        ["run", "-p", "And", "-c", "1", "--inject", "read:error=EIO", "-lm", "none", "--trace", out_text];
    support::loadparity().args(args).assert().code(2);
    assert_eq!(trace(&out).end.map(|end| end.status), Some(Status::Code(2)));
}

/// The value of an option is no load flag, whatever it looks like.
#[test]
fn a_prompt_may_look_like_a_load_flag() {
    for prompt in ["--mlock", "-lm", "-dio", "--"] {
        let apart = json(&["-p", prompt, "-n", "1", "-lm", "none"]);
        let joined = json(&[&format!("--prompt={prompt}"), "-n", "1", "--no-mmap"]);
        assert_eq!(apart["load"]["asked"], "read", "{prompt}");
        assert_eq!(joined["load"]["asked"], "read", "{prompt}");
        assert_eq!(apart["prompt_tokens"], joined["prompt_tokens"], "{prompt}");
        assert!(apart["prompt_tokens"].as_array().expect("tokens").len() > 1, "{prompt}");
    }
}

#[test]
fn the_embedded_model_is_the_fixture() {
    let args = ["-p", "And", "-n", "4"];
    let embedded = json(&args);
    let fixture = support::fixture("q4_k_m");
    let given = json(&[&args[..], &["-m", fixture.to_str().expect("a UTF-8 path")]].concat());
    assert_eq!(embedded["hash"], given["hash"]);
    assert_eq!(embedded["tokens"], given["tokens"]);
}

#[test]
fn text_and_document_agree_and_repeat() {
    let args = ["-p", "And it came to pass", "-n", "24", "--seed", "11"];
    let text = |_| {
        let out = support::loadparity().arg("run").args(args).assert().success();
        String::from_utf8(out.get_output().stdout.clone()).expect("UTF-8")
    };
    let (first, second) = (text(0), text(1));
    assert_eq!(first, second);
    assert_eq!(first.trim_end_matches('\n'), json(&args)["text"].as_str().expect("a text"));
}

#[rstest]
#[case::auto(&["-lm", "auto"], "map")]
#[case::none(&["-lm", "none"], "read")]
#[case::mmap(&[], "map")]
#[case::mlock(&["--mlock"], "map+lock")]
#[case::none_mlock(&["--no-mmap", "--mlock"], "read+lock")]
fn a_trace_keeps_its_schema_and_shows_the_mode(#[case] flags: &[&str], #[case] effective: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("trace.jsonl");
    let schema: Value = serde_json::from_str(schema_text()).expect("the schema is JSON");
    let validator = jsonschema::validator_for(&schema).expect("the schema is a schema");
    let document = json(&[&["-p", "x", "-n", "1", "--trace", path.to_str().expect("UTF-8")], flags].concat());
    assert_eq!(document["load"]["effective"], effective);
    let text = std::fs::read_to_string(&path).expect("a trace");
    for (number, line) in text.lines().enumerate() {
        let line: Value = serde_json::from_str(line).expect("a JSON line");
        let errors: Vec<_> = validator.iter_errors(&line).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "line {}: {errors:?}", number + 1);
    }
    let mut again = Vec::new();
    trace(&path).write(&mut again).expect("a copy");
    assert_eq!(text.as_bytes(), again, "read and written again, a trace is the same bytes");
}

#[test]
fn two_ways_of_asking_take_one_path_and_diff_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let (legacy, modern, other) = (at("legacy"), at("modern"), at("other"));
    let model = support::fixture("q8_0");
    let common = ["-p", "x", "-n", "1", "-m", model.to_str().expect("UTF-8"), "--trace"];
    json(&[&common[..], &[&legacy, "--no-mmap", "--mlock"]].concat());
    json(&[&common[..], &[&modern, "--load-mode", "none+mlock"]].concat());
    json(&[&common[..], &[&other, "--load-mode", "none"]].concat());
    let path = |file: &str| CodePath::from_ops(&trace(Path::new(file)).ops).fingerprint();
    assert_eq!(path(&legacy), path(&modern));
    assert_ne!(path(&legacy), path(&other));
    support::loadparity().args(["diff", &legacy, &modern]).assert().code(0);
    support::loadparity()
        .args(["diff", &legacy, &other])
        .assert()
        .code(1)
        .stdout(predicate::str::contains("lock"));
}

#[test]
fn deprecated_switches_name_their_exact_equivalent() {
    support::loadparity()
        .args(["run", "-p", "x", "-n", "1", "--no-mmap", "--mlock"])
        .assert()
        .success()
        .stderr(predicate::str::contains("--load-mode none+mlock"));
}

#[test]
fn the_environment_yields_to_the_line_and_a_load_mode_decides_alone() {
    let run = |env: &[(&str, &str)], flags: &[&str]| {
        let mut command = support::loadparity();
        command.args(["run", "--json", "-p", "x", "-n", "1"]).args(flags).envs(env.iter().copied());
        let out = command.assert().success();
        let document: Value = support::schemas::parsed(&out.get_output().stdout);
        document["load"]["asked"].as_str().expect("a plan").to_owned()
    };
    assert_eq!(run(&[("LLAMA_ARG_MMAP", "0")], &[]), "read");
    assert_eq!(run(&[("LLAMA_ARG_MMAP", "0")], &["--mmap"]), "map");
    assert_eq!(run(&[("LLAMA_ARG_LOAD_MODE", "dio")], &["-lm", "none"]), "read");
    assert_eq!(run(&[("LLAMA_ARG_MLOCK", "1")], &["--no-mmap"]), "read+lock");
    assert_eq!(run(&[], &["-lm", "none", "--mmap", "--mlock"]), "read");
    assert_eq!(run(&[], &["--mmap", "--mlock", "-lm", "none"]), "read");
}

#[test]
fn a_fallback_is_told_to_people_and_to_programs() {
    let document = json(&["-p", "x", "-n", "1", "-lm", "dio", "--inject", "open.direct:error=EINVAL"]);
    assert_eq!(document["load"]["asked"], "direct");
    assert_eq!(document["load"]["effective"], "read");
    assert_eq!(document["load"]["fallbacks"][0]["code"], "direct-refused");
    support::loadparity()
        .args(["run", "-p", "x", "-n", "1", "-lm", "dio", "--inject", "read.direct:error=EINVAL"])
        .assert()
        .success()
        .stderr(predicate::str::contains("offset").and(predicate::str::contains("EINVAL")));
}

#[test]
fn check_says_parity_at_every_level() {
    for level in ["P1", "P2", "P3"] {
        support::loadparity()
            .args(["check", "--level", level])
            .assert()
            .code(0)
            .stdout(predicate::str::contains("verdict: parity"));
    }
}

#[test]
fn check_writes_several_formats_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("result.json");
    support::loadparity()
        .args(["check", "--level", "P2", "--format", "terminal", "--format"])
        .arg(format!("json={}", file.display()))
        .assert()
        .code(0)
        .stdout(predicate::str::contains("verdict: parity"));
    let document: Value = serde_json::from_slice(&std::fs::read(&file).expect("a file")).expect("JSON");
    assert_eq!(document["schema"], "loadparity.check/2");
    assert_eq!(document["finished"]["exit_code"], 0);
    let totals = &document["finished"]["totals"];
    assert_eq!(totals["loaded"], document["cases"].as_array().expect("cases").len());
    assert_eq!(totals["generated"], 0, "nothing is said to be done that was not");
    support::loadparity().args(["check", "--format", "json", "--format", "terminal"]).assert().code(2);
    support::loadparity().args(["check", "--format", "pdf"]).assert().code(2);
}

/// The lines of the README's workflow, over one spelling: what a reader sees and what a runner reads stand in one log.
#[test]
fn the_workflow_of_the_readme_runs() {
    let readme =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).expect("a README");
    let lines: Vec<&str> =
        readme.lines().filter_map(|l| l.trim().strip_prefix("- run: loadparity check ")).collect();
    assert!(!lines.is_empty());
    for line in lines {
        let folder = tempfile::tempdir().expect("a folder");
        support::loadparity()
            .current_dir(folder.path())
            .env_remove("GITHUB_STEP_SUMMARY")
            .args(["check", "--level", "P2", "--only=--mlock"])
            .args(line.split(' '))
            .assert()
            .code(0)
            .stdout(predicate::str::contains("(no flag)").or(predicate::str::contains("verdict: parity")));
        assert!(!line.contains("junit=") || folder.path().join("loadparity.xml").is_file());
    }
    for formats in [["json", "github"], ["github", "markdown"], ["github", "github"]] {
        let formats = formats.map(|format| format!("--format={format}"));
        let refused = support::loadparity().args(["check", "--level", "P1"]).args(formats).assert().code(2);
        refused.stderr(predicate::str::contains("two formats cannot both go to standard output"));
    }
}

/// What a load takes, by mode: read weights are anonymous memory, mapped ones pages of the file.
#[cfg(target_os = "linux")]
#[test]
fn a_load_says_what_memory_it_takes() {
    let of = |mode: &str| {
        let document = json(&["--no-run", "-lm", mode]);
        let memory = document["load"]["memory"].clone();
        let number = |name: &str| memory[name].as_u64().unwrap_or_else(|| panic!("no {name}: {memory}"));
        assert!(number("peak") >= number("anonymous").max(number("file")), "{memory}");
        let cached = memory["cached"].as_array().expect("the page cache").clone();
        (number("anonymous"), number("file"), number("lock_needed"), cached, document)
    };
    let (read, mapped) = (of("none"), of("mmap"));
    // The weights of the embedded model have some 3 MiB; pages of files are those of the program too.
    assert!(read.0 > mapped.0 + (2 << 20) && mapped.1 > 3 << 20, "{read:?} {mapped:?}");
    assert_eq!((read.2, mapped.2), (0, 0));
    assert!(mapped.3[1].as_u64().is_some_and(|after| after > 2 << 20), "{mapped:?}");
    let locked = of("mmap+mlock");
    let refused = locked.4["load"]["fallbacks"].as_array().is_some_and(|all| !all.is_empty());
    assert!(
        refused || locked.2 >= locked.4["load"]["locked_bytes"].as_u64().expect("a number"),
        "{locked:?}"
    );
}
