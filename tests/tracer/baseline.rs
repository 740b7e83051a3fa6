//! `baseline … -- CMD`: what a loader was seen to do is held, and a change of it is told by what it comes to.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::PathBuf;

use serde_json::Value;

use crate::loader_support::{Model, loader, model};
use crate::support;

/// A project with a baseline of the honest loader.
struct Project {
    model: Model,
}

impl Project {
    fn new() -> Self {
        let project = Self { model: model() };
        let (code, text) = project.run("record", &[], "honest");
        assert_eq!(code, 0, "{text}");
        assert!(text.contains("golden.json holds 8 spellings"), "{text}");
        project
    }

    fn file(&self) -> PathBuf {
        self.model.folder().join("golden.json")
    }

    fn run(&self, action: &str, more: &[&str], variant: &str) -> (i32, String) {
        let mut line = support::loadparity();
        line.current_dir(self.model.folder()).env_remove("CI");
        line.args(["baseline", action, "--baseline", "golden.json", "-m", "model.gguf", "--retries=1"]);
        if !more.contains(&"--dialect") {
            line.args(["--dialect", "booleans"]);
        }
        let output =
            line.args(more).arg("--").arg(loader(variant)).args(["{model}", "{flags}"]).output().unwrap();
        let text = String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned();
        (output.status.code().unwrap(), text)
    }

    fn document(&self) -> Value {
        support::schemas::parsed(&std::fs::read(self.file()).unwrap())
    }

    /// Changes the file.
    fn edit(&self, change: impl Fn(&mut Value)) {
        let mut document = self.document();
        change(&mut document);
        std::fs::write(self.file(), document.to_string()).unwrap();
    }
}

#[test]
fn the_same_build_agrees_and_a_regression_is_told_by_what_is_lost() {
    let project = Project::new();
    let (code, text) = project.run("verify", &["--format=terminal", "--format=json=result.json"], "honest");
    assert_eq!(code, 0, "{text}");
    let result = std::fs::read(project.model.folder().join("result.json")).unwrap();
    let result = support::schemas::parsed(&result);
    assert_eq!(result["finished"]["totals"]["identical"], 8, "{text}");
    assert_eq!(result["finished"]["totals"]["outputs_compared"], 8, "{text}");
    for (variant, impact) in [
        ("lock_first_half", "lost guarantee"),
        ("opened_for_writing", "lost guarantee"),
        ("tail_not_loaded", "data-integrity risk"),
    ] {
        let (code, text) = project.run("verify", &[], variant);
        assert_eq!(code, 1, "{variant}: {text}");
        assert!(text.contains(&format!("  {impact}: ")), "{variant}: {text}");
        let line = text.lines().find_map(|line| line.trim().strip_prefix("reproduce: loadparity ")).unwrap();
        let words = shlex::split(line).unwrap();
        let again = support::loadparity().current_dir(project.model.folder()).args(&words).output().unwrap();
        assert_eq!(again.status.code(), Some(1), "{line}");
    }
}

/// A build that loads another model has the same code path.
#[test]
fn another_model_is_no_pass() {
    let (code, text) = Project::new().run("verify", &[], "other_model");
    assert_eq!(code, 3, "{text}");
    assert!(text.contains("bytes of model.gguf.other"), "{text}");
}

#[test]
fn a_build_that_loads_nothing_is_blocked_and_records_nothing() {
    let project = Project::new();
    let mut line = support::loadparity();
    line.current_dir(project.model.folder()).env_remove("CI");
    let words = ["--dialect", "booleans", "-m", "model.gguf", "--", "true", "{model}", "{flags}"];
    let output = line.args(["baseline", "verify", "--baseline", "golden.json"]).args(words).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(text.contains("blocked: no spelling makes the new command load the weights"), "{text}");
    let mut line = support::loadparity();
    line.current_dir(project.model.folder()).env_remove("CI");
    let output = line.args(["baseline", "record", "--baseline", "none.json"]).args(words).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{told}");
    assert!(told.contains("nothing is recorded") && told.contains("it opens no model"), "{told}");
    assert!(!project.model.folder().join("none.json").exists());
}

#[test]
fn what_varies_by_itself_is_not_kept_as_if_it_held() {
    let project = Project { model: model() };
    let (code, text) = project.run("record", &[], "time_in_output");
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("output: not held: ") && text.contains("varies by itself"), "{text}");
    let (code, text) = project.run("verify", &[], "honest");
    assert_eq!(code, 3, "{text}");
    let (code, text) = project.run("verify", &["--level", "P3"], "honest");
    assert_eq!(code, 0, "{text}");
}

#[test]
fn a_file_of_something_else_is_refused_with_the_reason() {
    let project = Project::new();
    let (code, text) = project.run("verify", &["--dialect", "dio-default"], "honest");
    assert_eq!(
        (code, text.contains("it is of the dialect booleans, and this is dio-default")),
        (2, true),
        "{text}"
    );
    let whole = project.document();
    let cases: [(&str, Value, i32, &str); 5] = [
        ("/model_hash", "x".into(), 2, "the model with tensors x"),
        ("/header/tool", "loadparity 9.9.9".into(), 2, "the version 9.9"),
        ("/page_size", 65536.into(), 3, "pages of 65536 bytes"),
        ("/header/arch", "aarch64".into(), 3, "aarch64"),
        ("/schema", "loadparity.baseline/7".into(), 2, "loadparity.baseline/1"),
    ];
    for (at, value, wanted, why) in cases {
        project.edit(|document| {
            *document = whole.clone();
            *document.pointer_mut(at).unwrap() = value.clone();
        });
        let (code, text) = project.run("verify", &[], "honest");
        assert_eq!((code, text.contains(why)), (wanted, true), "{at}: {text}");
    }
    std::fs::write(project.file(), "{").unwrap();
    let (code, text) = project.run("record", &["--update"], "honest");
    assert_eq!((code, text.contains("not a JSON document")), (2, true), "{text}");
}

#[test]
fn a_spelling_that_one_side_lacks_is_a_difference() {
    let project = Project::new();
    project.edit(|document| {
        document["rows"].as_array_mut().unwrap().retain(|row| row["spelling"] != "--mlock");
    });
    let (code, text) = project.run("verify", &[], "honest");
    assert_eq!((code, text.contains("the baseline has no code path of this spelling")), (1, true), "{text}");
    project.edit(|document| document["rows"] = Value::Array(Vec::new()));
    let (code, text) = project.run("verify", &[], "honest");
    assert_eq!(code, 1, "an empty baseline holds nothing: {text}");
}

#[test]
fn a_change_is_blessed_by_a_person_alone() {
    let project = Project::new();
    let before = project.document();
    let (code, text) = project.run("record", &[], "lock_first_half");
    assert_eq!((code, text.contains("is there already")), (2, true), "{text}");
    assert_eq!(project.document(), before);
    let (code, text) = project.run("record", &["--update"], "lock_first_half");
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("--mlock: lost guarantee: "), "{text}");
    assert_ne!(project.document(), before);
    let (code, text) = project.run("verify", &[], "lock_first_half");
    assert_eq!(code, 0, "{text}");
    let mut line = support::loadparity();
    line.current_dir(project.model.folder()).env("CI", "true");
    let words = ["baseline", "record", "--update", "--dialect", "booleans", "-m", "model.gguf", "--"];
    let output = line.args(words).arg(loader("honest")).args(["{model}", "{flags}"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "CI records nothing");
}

#[test]
fn the_file_of_options_names_command_and_baseline() {
    let project = Project::new();
    let config = format!(
        "schema = \"loadparity.config/1\"\ncommand = [\"{}\", \"{{model}}\", \"{{flags}}\"]\nmodel = \"model.gguf\"\n\
         dialect = \"booleans\"\nbaseline = \"golden.json\"\nretries = 1\n",
        loader("honest").display()
    );
    std::fs::write(project.model.folder().join("loadparity.toml"), config).unwrap();
    let mut line = support::loadparity();
    let output = line.current_dir(project.model.folder()).args(["baseline", "verify"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("from loadparity.toml: baseline, command, dialect, model, retries"), "{text}");
}
