//! `loadparity merge` sets the results of several machines beside one another. Real results of
//! simulated machines are merged; then one thing is changed in one of them, and the merge has to
//! name it.

#![allow(clippy::unwrap_used, reason = "helpers of tests stop at the first surprise")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Parser;
use loadparity::cli::{CheckArgs, Exit, run_check};
use loadparity::platform::{Lockable, Sim, SimFile, SimProfile};
use loadparity::subject::{ReferenceEngine, Truth};
use rstest::rstest;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    check: CheckArgs,
}

/// The result of a check on a simulated machine, put down as one of this operating system.
fn checked(profile: SimProfile, os: &str) -> Value {
    let model = support::fixture("q4_k_m");
    let bytes = std::fs::read(&model).unwrap();
    let profile = SimProfile { lock_limit: Lockable::Bytes(1 << 30), ..profile };
    let file = SimFile::sparse(bytes.len() as u64).with_bytes(0, bytes);
    let sim = Sim::new(profile).with_file("fixture.gguf", file);
    let engine = ReferenceEngine::new(Arc::new(sim), Path::new("fixture.gguf"));
    let truth = Truth::of_file(&model).unwrap();
    // This dialect has the fewest spellings.
    let line = ["check", "--format", "json", "--dialect", "enum-v4", "-n", "1"];
    let mut out = Vec::new();
    let exit = run_check(
        &Line::parse_from(line).check,
        &engine,
        &truth,
        format!("/home/{os}/fixture.gguf"),
        &mut out,
    );
    assert!(matches!(exit, Exit::Code(0)), "{exit:?}");
    let mut document: Value = support::schemas::parsed(&out);
    document["started"]["platform"] = json!(os);
    document
}

/// A folder with the results of three machines.
struct Results {
    folder: TempDir,
}

impl Results {
    fn new() -> Self {
        let results = Self { folder: TempDir::new().unwrap() };
        results.write("linux", &checked(SimProfile::linux_4k(), "linux"));
        results.write("windows", &checked(SimProfile::windows(), "windows"));
        results.write("macos", &checked(SimProfile::macos_16k(), "macos"));
        results
    }

    fn path(&self, os: &str) -> PathBuf {
        self.folder.path().join(format!("{os}.json"))
    }

    fn write(&self, os: &str, document: &Value) {
        std::fs::write(self.path(os), document.to_string()).unwrap();
    }

    fn remove_all(&self) {
        for os in ALL {
            _ = std::fs::remove_file(self.path(os));
        }
    }

    fn change(&self, os: &str, change: impl FnOnce(&mut Value)) {
        let mut document = serde_json::from_slice(&std::fs::read(self.path(os)).unwrap()).unwrap();
        change(&mut document);
        self.write(os, &document);
    }

    /// Merges the results of these machines; exit code and standard output.
    fn merge(&self, machines: &[&str], arguments: &[&str]) -> (i32, String) {
        let files = machines.iter().map(|os| self.path(os));
        let run = support::loadparity().arg("merge").args(files).args(arguments).output().unwrap();
        let text = String::from_utf8([run.stdout, run.stderr].concat()).unwrap();
        (run.status.code().unwrap(), text)
    }

    fn merge_to_json(&self) -> (i32, Value) {
        let (code, text) = self.merge(&ALL, &["--format", "json"]);
        (code, support::schemas::parsed(text.as_bytes()))
    }
}

const ALL: [&str; 3] = ["linux", "windows", "macos"];

/// The group of a plan in a result.
fn group<'v>(document: &'v mut Value, plan: &str) -> &'v mut Value {
    let groups = document["groups"].as_array_mut().unwrap();
    groups.iter_mut().find(|g| g["name"] == plan).unwrap_or_else(|| panic!("no plan {plan}"))
}

/// Turns the last bit of a hash.
fn turn_a_bit(hash: &mut Value) {
    let text = hash.as_str().unwrap();
    let last = u8::from_str_radix(&text[63..], 16).unwrap() ^ 1;
    *hash = json!(format!("{}{last:x}", &text[..63]));
}

#[test]
fn machines_that_agree_are_one_matrix_with_one_hash_a_model() {
    let results = Results::new();
    let (code, text) = results.merge(&ALL, &["--expect", "linux,windows,macos"]);
    assert_eq!(code, 0, "{text}");
    let header = text.lines().find(|l| l.contains("plan ")).unwrap();
    assert!(ALL.iter().all(|os| header.contains(os)), "{header}");
    let row = text.lines().find(|l| l.contains(" map+lock ")).unwrap();
    let cells: Vec<&str> = row.split_whitespace().collect();
    assert_eq!(cells.iter().filter(|word| **word == "pass").count(), 3, "{row}");
    let paths: Vec<_> = cells.iter().filter(|word| word.len() == 12).collect();
    assert!(paths.len() == 3 && paths.iter().all(|p| *p == paths[0]), "one path: {row}");
    assert!(text.contains("on 3 of 3 machines; logits "), "{text}");
    // What macOS cannot prove is no pass, and says so.
    let direct = text.lines().find(|l| l.contains(" direct ")).unwrap();
    assert!(direct.contains("unsupported"), "{direct}");
}

/// Artifacts of a workflow lie in folders of their own; what is no result beside them is passed over.
#[test]
fn a_folder_is_all_results_in_it() {
    let results = Results::new();
    let inner = results.folder.path().join("artifact");
    std::fs::create_dir(&inner).unwrap();
    std::fs::rename(results.path("windows"), inner.join("result.json")).unwrap();
    std::fs::write(inner.join("report.html"), "<p>").unwrap();
    let merge = |arguments: &[&str]| {
        let folder = results.folder.path();
        let run = support::loadparity().arg("merge").arg(folder).args(arguments).output().unwrap();
        (run.status.code().unwrap(), String::from_utf8([run.stdout, run.stderr].concat()).unwrap())
    };
    let (code, text) = merge(&["--expect", "linux,windows,macos"]);
    assert_eq!(code, 0, "{text}");
    let (code, text) = merge(&["--expect", "beos"]);
    assert!(code == 3 && text.contains("beos"), "{text}");
    std::fs::remove_dir_all(&inner).unwrap();
    results.remove_all();
    let (code, text) = merge(&["--expect", "linux"]);
    assert!(code == 3 && text.contains("linux"), "{text}");
    let (code, text) = merge(&[]);
    assert!(code == 4 && text.contains("nothing selected"), "{text}");
}

#[rstest]
#[case::missing(&["linux", "windows"], "linux,windows,macos", 3, "macos: not run")]
#[case::missing_architecture(&ALL, "windows/riscv64", 3, "windows/riscv64: not run")]
#[case::present(&["linux", "windows"], "linux,windows", 0, "verdict: parity")]
fn an_expected_platform_without_a_result_is_not_run(
    #[case] machines: &[&str],
    #[case] expect: &str,
    #[case] exit_code: i32,
    #[case] says: &str,
) {
    let (code, text) = Results::new().merge(machines, &["--expect", expect]);
    assert_eq!(code, exit_code, "{text}");
    assert!(text.contains(says), "{text}");
}

/// Asks that the merge of changed results names machine, plan, rule and both values.
fn divergence(change: impl FnOnce(&mut Value), rule: &str, plan: &str, values: [&str; 2]) -> Value {
    let results = Results::new();
    results.change("windows", change);
    let (code, document) = results.merge_to_json();
    assert_eq!(code, 1);
    assert_eq!(document["finished"]["verdict"], "divergent");
    let failures = document["failures"].as_array().unwrap();
    assert_eq!(failures.len(), 1, "{failures:#?}");
    let failure = &failures[0];
    assert_eq!(failure["rule"], rule);
    assert_eq!(failure["plan"], plan);
    let across = &failure["across"];
    assert!(across["machine"].as_str().unwrap().starts_with("windows "), "{across}");
    assert!(across["value"].as_str().unwrap().contains(values[0]), "{across}");
    assert!(across["expected"].as_str().unwrap().contains(values[1]), "{across}");
    let rows = document["rows"].as_array().unwrap();
    let divergent = |row: &&Value| row["cells"][1]["verdict"] == "divergent";
    let accused: Vec<&Value> = rows.iter().filter(divergent).map(|row| &row["plan"]).collect();
    assert_eq!(accused, [plan], "the cell of the matrix is divergent, and no other");
    let (_, text) = results.merge(&ALL, &["--format", "github"]);
    let error = text.lines().find(|l| l.starts_with("::error ")).unwrap();
    assert!(error.contains(rule) && error.contains("windows"), "{error}");
    failure.clone()
}

#[test]
fn a_bit_in_the_hash_of_the_tensors_is_named() {
    divergence(
        |d| turn_a_bit(&mut group(d, "map+lock")["tensors"]),
        "same-tensors",
        "map+lock",
        ["tensors", "tensors"],
    );
}

#[test]
fn a_bit_in_the_hash_of_the_logits_is_named() {
    divergence(|d| turn_a_bit(&mut group(d, "read")["logits"]), "same-logits", "read", ["logits", "logits"]);
}

#[test]
fn a_lock_that_is_lost_on_one_system_is_named_with_its_step() {
    let lose = |document: &mut Value| {
        let group = group(document, "map+lock");
        let steps = group["semantic_steps"].as_array_mut().unwrap();
        let before = steps.len();
        steps.retain(|step| !step.as_str().unwrap().contains(" lock map0"));
        assert_eq!(steps.len(), before - 1);
        let text: String = steps.iter().map(|step| format!("{}\n", step.as_str().unwrap())).collect();
        let hash = blake3::hash(format!("loadparity.semantic/1\n{text}").as_bytes());
        group["semantic"] = json!(hash.to_hex().as_str());
    };
    let failure = divergence(lose, "same-semantic-path", "map+lock", ["semantic path", "semantic path"]);
    let diff = failure["diff"].as_str().unwrap();
    assert!(diff.contains("\n-load      lock map0: all weights"), "{diff}");
}

#[test]
fn a_spelling_that_means_another_plan_on_one_system_is_named() {
    let regroup = |document: &mut Value| {
        let moved = group(document, "map+lock")["spellings"].as_array_mut().unwrap().pop().unwrap();
        group(document, "map")["spellings"].as_array_mut().unwrap().push(moved);
    };
    let failure = divergence(regroup, "same-grouping", "map", ["under map", "under map+lock"]);
    assert!(failure["spelling"].as_str().unwrap().contains("mlock"), "{failure}");
}

#[test]
fn a_machine_that_diverged_by_itself_is_no_pass() {
    let diverge = |document: &mut Value| {
        group(document, "read")["verdict"] = json!("divergent");
        document["failures"] = json!([{
            "rule": "read-once", "spelling": "--load-mode none", "plan": "read", "message": "came twice",
            "diff": null, "reproduce": "loadparity run",
        }]);
    };
    divergence(diverge, "machine-parity", "read", ["read-once", "parity"]);
}

#[test]
fn another_file_by_the_same_name_is_named() {
    let results = Results::new();
    results.change("macos", |d| turn_a_bit(&mut d["started"]["model_hash"]));
    let (code, text) = results.merge(&ALL, &[]);
    assert_eq!(code, 1);
    assert!(text.contains("same-model: macos"), "{text}");
}

#[test]
fn what_one_machine_left_out_is_not_run() {
    let results = Results::new();
    results.change("windows", |d| d["groups"].as_array_mut().unwrap().retain(|g| g["name"] != "direct"));
    let (code, document) = results.merge_to_json();
    assert_eq!((code, &document["finished"]["verdict"]), (3, &json!("not run")));
    let row = document["rows"].as_array().unwrap().iter().find(|r| r["plan"] == "direct").unwrap();
    assert_eq!(row["cells"][1]["verdict"], "not run");
}

#[test]
fn a_blocked_machine_is_not_compared_and_not_a_pass() {
    let results = Results::new();
    results.change("windows", |d| {
        let group = group(d, "map+lock");
        group["verdict"] = json!("blocked");
        group["notes"] = json!(["the lock limit is 64 KiB"]);
        turn_a_bit(&mut group["semantic"]);
    });
    let (code, text) = results.merge(&ALL, &[]);
    assert_eq!(code, 3, "{text}");
    assert!(text.contains("the lock limit is 64 KiB"), "{text}");
}

#[test]
fn several_models_have_a_line_each() {
    let results = Results::new();
    for os in ["linux", "windows"] {
        let mut other: Value = serde_json::from_slice(&std::fs::read(results.path(os)).unwrap()).unwrap();
        other["started"]["model"] = json!(format!("C:\\models\\{os}\\other.gguf"));
        results.write(&format!("{os}-other"), &other);
    }
    results.change("windows-other", |d| d["started"]["model"] = json!("C:\\other.gguf"));
    results.change("linux-other", |d| d["started"]["model"] = json!("/models/other.gguf"));
    let (code, text) = results.merge(&["linux", "windows", "linux-other", "windows-other"], &[]);
    assert_eq!(code, 0, "{text}");
    assert!(
        text.contains("\n  fixture.gguf: tensors ") && text.contains("\n  other.gguf: tensors "),
        "{text}"
    );
    // A model that one machine has not run leaves a gap.
    let (code, text) = results.merge(&["linux", "windows", "linux-other"], &[]);
    assert_eq!(code, 3, "{text}");
    assert!(text.contains("not run"), "{text}");
}

#[rstest]
#[case::no_json("no JSON {", "not a JSON document")]
#[case::another_document(r#"{"schema":"other/1"}"#, "schema is \"other/1\"")]
#[case::cut_off(r#"{"schema":"loadparity.check/2","groups":[]}"#, "missing field `started`")]
#[case::older(r#"{"schema":"loadparity.check/2","finished":{},"groups":[]}"#, "missing field")]
fn a_file_that_is_no_result_is_refused_with_its_name(#[case] content: &str, #[case] says: &str) {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("bad.json");
    std::fs::write(&file, content).unwrap();
    let run = support::loadparity().arg("merge").arg(&file).output().unwrap();
    let text = String::from_utf8(run.stderr).unwrap();
    assert_eq!(run.status.code(), Some(2), "{text}");
    assert!(text.contains("bad.json") && text.contains(says), "{text}");
    let run = support::loadparity().args(["merge", "absent.json"]).output().unwrap();
    assert_eq!(run.status.code(), Some(2));
}

#[test]
fn results_of_other_settings_are_refused_and_no_groups_are_nothing_selected() {
    let results = Results::new();
    results.change("windows", |d| d["groups"] = json!([]));
    results.change("macos", |d| d["started"]["generation"] = json!("seed 7"));
    let (code, text) = results.merge(&ALL, &[]);
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("seed 7"), "{text}");
    assert_eq!(results.merge(&["windows"], &[]).0, 4);
}

#[test]
fn every_format_says_what_was_not_a_pass() {
    let results = Results::new();
    results.change("windows", |d| turn_a_bit(&mut group(d, "read")["logits"]));
    let folder = results.folder.path();
    let at = |kind: &str| format!("{kind}={}", folder.join(kind).display());
    let kinds = ["terminal", "markdown", "junit", "github"];
    let formats: Vec<String> = kinds.iter().flat_map(|k| ["--format".to_owned(), at(k)]).collect();
    let summary = folder.join("summary.md");
    let run = support::loadparity()
        .arg("merge")
        .args(ALL.map(|os| results.path(os)))
        .args(["--expect", "linux,freebsd"])
        .args(formats)
        .env("GITHUB_STEP_SUMMARY", &summary)
        .output()
        .unwrap();
    assert_eq!(run.status.code(), Some(1));
    for kind in kinds {
        let text = std::fs::read_to_string(folder.join(kind)).unwrap();
        assert!(text.contains("same-logits"), "{kind}:\n{text}");
        assert!(text.contains("not run") && text.contains("freebsd"), "{kind}:\n{text}");
    }
    let summary = std::fs::read_to_string(summary).unwrap();
    assert_eq!(summary, std::fs::read_to_string(folder.join("markdown")).unwrap());
    let junit = std::fs::read_to_string(folder.join("junit")).unwrap();
    let test = |name: &str| {
        let start =
            junit.find(&format!("name=\"{name}")).unwrap_or_else(|| panic!("no test {name}:\n{junit}"));
        junit[start..].split("</testcase>").next().unwrap().split("<testcase").next().unwrap().to_owned()
    };
    assert!(test("read on windows").contains("<failure"));
    assert!(test("direct on macos").contains("<skipped"));
    assert!(test("map on freebsd").contains("<skipped"));
    assert!(!test("map on linux").contains("<skipped") && !test("map on linux").contains("<failure"));
}
