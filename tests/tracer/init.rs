//! `init`: what it writes can be checked at once, and where nothing was found out it writes nothing.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;

use insta::assert_snapshot;

use crate::loader_support::{Model, loader, model};
use crate::support;

fn run(folder: &Path, args: &[&str]) -> (i32, String) {
    let output = support::loadparity().current_dir(folder).args(args).output().unwrap();
    let text = String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned();
    (output.status.code().unwrap(), text)
}

/// A folder with a model and a loader.
fn project(variant: &str) -> Model {
    let model = model();
    std::fs::copy(loader(variant), model.folder().join(variant)).unwrap();
    std::fs::remove_file(model.folder().join("model.gguf.other")).unwrap();
    model
}

fn written(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("loadparity.toml")).unwrap()
}

#[test]
fn a_loader_is_found_out_and_checked_at_once() {
    let project = project("honest");
    let (code, text) = run(project.folder(), &["init", "--", "./honest", "model.gguf", "--mlock"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("loadparity.toml is written; next: loadparity check"), "{text}");
    // How long a run takes is no part of what is held.
    let file: Vec<String> = written(project.folder())
        .lines()
        .map(|line| if line.starts_with("# cases:") { "# cases: …".to_owned() } else { line.to_owned() })
        .collect();
    assert_snapshot!(file.join("\n"));
    let (code, text) = run(project.folder(), &["check", "--quick"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("`./honest {model} {flags}`"), "{text}");
}

/// A dialect file with another default than the loader makes every check divergent: that is told before the first.
#[test]
fn a_dialect_with_another_default_is_told() {
    let project = project("honest");
    let file = "schema = \"loadparity.dialect/1\"\nname = \"copies\"\nabout = \"no flags\"\n[combine]\nrule = \"switches\"\nswitches = { source = \"read\", lock = true }\n";
    std::fs::write(project.folder().join("copies.toml"), file).unwrap();
    let line = ["init", "--dialect", "copies.toml", "--", "./honest", "model.gguf"];
    let (code, text) = run(project.folder(), &line);
    let told = "it says read+lock of a command without load flags, and this one did map: if that is meant, a dialect file \
                says `switches = { source = \"map\" }`";
    assert!(code == 0 && text.contains(told), "{code}: {text}");
}

#[test]
fn nothing_is_written_over_without_force() {
    let project = project("honest");
    std::fs::write(project.folder().join("loadparity.toml"), "mine").unwrap();
    let line = ["init", "--dialect", "booleans", "--", "./honest", "model.gguf"];
    let (code, text) = run(project.folder(), &line);
    assert_eq!((code, text.contains("--force replaces it")), (2, true), "{text}");
    assert_eq!(written(project.folder()), "mine");
    let (code, text) = run(project.folder(), &[&line[..1], &["--force"], &line[1..]].concat());
    assert_eq!(code, 0, "{text}");
    assert!(written(project.folder()).contains("dialect = \"booleans\""));
}

#[test]
fn what_is_not_seen_is_not_asked_for_and_said() {
    let project = project("time_in_output");
    let line = ["init", "--dialect", "booleans", "--", "./time_in_output", "model.gguf"];
    let (code, text) = run(project.folder(), &line);
    assert_eq!(code, 0, "{text}");
    let file = written(project.folder());
    assert!(file.contains("it varies by itself") && file.contains("\nlevel = \"P3\"\n"), "{file}");
}

/// A command that loads nothing, and one whose flags nobody knows, give no file that would say parity of nothing.
#[test]
fn a_command_that_shows_nothing_gives_no_file() {
    let project = project("honest");
    for (line, code, why) in [
        (&["init", "-m", "model.gguf", "--", "true", "{model}"][..], 3, "it opens no model"),
        (&["init", "--", "cat", "model.gguf"], 3, "no dialect predicts"),
        (&["init", "--", "./honest", "--mlock"], 2, "names a file with weights"),
        (&["init", "-m", "gone.gguf", "--", "./honest", "{model}"], 2, "gone.gguf"),
        (&["init", "-m", "model.gguf", "--", "./honest", "other"], 2, "write {model}"),
    ] {
        let (seen, text) = run(project.folder(), line);
        assert_eq!((seen, text.contains(why)), (code, true), "{line:?}: {text}");
        assert!(!project.folder().join("loadparity.toml").exists(), "{line:?}");
    }
}

#[test]
fn without_a_command_the_file_is_for_the_reference_engine() {
    let project = project("honest");
    let (code, text) = run(project.folder(), &["init"]);
    assert_eq!(code, 0, "{text}");
    let file = written(project.folder());
    assert!(file.contains("\nmodel = \"model.gguf\"\n") && file.contains("# command = "), "{file}");
}
