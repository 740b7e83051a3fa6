//! Every JSON output of the program keeps a schema that the program can print.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::support::schemas::{assert_valid, copy, parsed};
use crate::support::{fixture, loadparity};

fn output(args: &[&str]) -> Output {
    loadparity().args(args).output().expect("a run")
}

fn json(args: &[&str]) -> Value {
    parsed(&output(args).stdout)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// The names of all schemas.
fn names() -> Vec<String> {
    let list = String::from_utf8(output(&["schema"]).stdout).expect("UTF-8");
    list.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn the_copies_of_a_checkout_are_what_the_program_prints() {
    let names = names();
    assert!(names.len() > 10, "{names:?}");
    for name in &names {
        let printed = output(&["schema", name]);
        assert!(printed.status.success(), "{name}");
        let kept = std::fs::read_to_string(copy(name)).unwrap_or_default().replace("\r\n", "\n");
        assert_eq!(
            String::from_utf8(printed.stdout).expect("UTF-8").replace("\r\n", "\n"),
            kept,
            "fixtures/schema/{name}.json is stale; `cargo run -- docs write` renews it"
        );
    }
    let folder = copy("any").with_file_name("");
    for entry in std::fs::read_dir(folder).expect("fixtures/schema") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            assert!(names.contains(&name), "fixtures/schema/{name}.json is the schema of nothing");
        }
    }
}

#[test]
fn every_schema_is_one_and_names_its_documents() {
    for name in names() {
        let schema: Value = serde_json::from_slice(&output(&["schema", &name]).stdout).expect("JSON");
        assert!(jsonschema::meta::is_valid(&schema), "{name}");
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "{name}");
        let (kind, version) = name.rsplit_once('-').expect("a version");
        assert_eq!(schema["$id"], format!("urn:loadparity:{kind}:{version}"));
    }
    assert_eq!(output(&["schema", "check"]).stdout, output(&["schema", "check-2"]).stdout);
    let unknown = output(&["schema", "nothing"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("check-2"), "it lists what there is");
}

#[test]
fn a_document_without_a_field_is_found() {
    let mut document = json(&["explain", "--format", "json", "--", "--mmap"]);
    document.as_object_mut().expect("an object").remove("plan");
    let held = std::panic::catch_unwind(|| assert_valid("explain-1", &document));
    assert!(held.is_err());
}

#[test]
fn what_is_generated_and_explained_keeps_its_schema() {
    let model = fixture("q8_0");
    let model = text(&model);
    json(&["run", "-m", model, "-p", "x", "-n", "2", "--json"]);
    json(&["run", "-m", model, "--no-run", "--json"]);
    json(&["tokenize", "-m", model, "-p", "text", "--json"]);
    json(&["gguf", "show", model, "--format", "json"]);
    json(&["explain", "--format", "json", "--", "--mlock", "--no-mmap"]);
    json(&["explain", "--format", "json", "--to", "booleans", "--", "-lm", "auto"]);
    json(&["explain", "--format", "json", "--", "-lm", "nonsense"]);
    json(&["explain", "--format", "json", "--tool", "bench", "--", "-mmp", "0,1"]);
    json(&["dialects", "--format", "json"]);
}

#[test]
fn what_is_measured_keeps_its_schema() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| text(&folder.path().join(name)).to_owned();
    let (bits, rows) = (at("bits.json"), at("rows.json"));
    let model = fixture("q8_0");
    let model = text(&model);
    output(&["bits", "-m", model, "--threads", "1", "--json", &bits]);
    parsed(&std::fs::read(&bits).expect("bits"));
    let bench = output(&["bench", "-m", model, "-p", "4", "-n", "0", "-r", "1", "-o", "json"]);
    std::fs::write(&rows, bench.stdout).expect("rows");
    json(&["compare-bench", &rows, &rows, "-o", "json"]);
}

#[test]
fn verdicts_keep_their_schema() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| text(&folder.path().join(name)).to_owned();
    let (check, trace) = (at("check.json"), at("trace.jsonl"));
    let report = format!("json={check}");
    let quick = ["check", "--quick", "-n", "1", "--dialect", "enum-v4", "--format"];
    output(&[&quick[..], &[&report]].concat());
    assert_valid("check-2", &parsed(&std::fs::read(&check).expect("a report")));
    assert_valid("merge-2", &json(&["merge", &check, "--expect", "beos", "--format", "json"]));
    output(&["run", "-p", "x", "-n", "1", "--trace", &trace]);
    for flags in ["--mmap", "--no-mmap", "--nonsense"] {
        let judge = ["judge", "--dialect", "booleans", "--trace", &trace, "--format", "json", "--", flags];
        assert_valid("judge-2", &json(&judge));
    }
}

#[test]
fn what_is_recorded_keeps_its_schema() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| text(&folder.path().join(name)).to_owned();
    let (trace, log, imported) = (at("trace.jsonl"), at("log"), at("imported.jsonl"));
    output(&["run", "-p", "x", "-n", "1", "--trace", &trace]);
    let lines = std::fs::read_to_string(&trace).expect("a trace");
    for line in lines.lines() {
        assert_valid("trace-2", &serde_json::from_str(line).expect("a JSON line"));
    }
    json(&["diff", &trace, &trace, "--format", "json"]);
    let call = "1 openat(AT_FDCWD, \"model.gguf\", O_RDONLY) = 3\n1 close(3) = 0\n";
    std::fs::write(&log, call).expect("a log");
    json(&["import", &log, "--from", "strace", "-o", &imported, "--format", "json"]);
}
