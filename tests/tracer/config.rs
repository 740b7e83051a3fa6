//! `loadparity.toml` with a command: `loadparity check` alone checks it, from wherever the file is named.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;
use std::process::Output;

use crate::loader_support::{Model, loader, model};
use crate::support;

/// The folder of a project: its loader, its model, its dialect under another name.
fn project(variant: &str) -> Model {
    let model = model();
    let at = |name: &str| model.folder().join(name);
    std::fs::copy(loader(variant), at(variant)).unwrap();
    let dialect = support::loadparity().args(["dialects", "show", "booleans"]).output().unwrap().stdout;
    let dialect = String::from_utf8(dialect).unwrap().replace("name = \"booleans\"", "name = \"own\"");
    std::fs::write(at("own.toml"), dialect).unwrap();
    let config = format!(
        "schema = \"loadparity.config/1\"\ncommand = \"./{variant} {{model}} {{flags}}\"\nmodel = \"model.gguf\"\n\
         dialect = \"own.toml\"\nquick = true\nretries = 1\nformat = [\"terminal\", \"json=result.json\"]\n"
    );
    std::fs::write(at("loadparity.toml"), config).unwrap();
    model
}

fn run(folder: &Path, args: &[&str]) -> (Output, String) {
    let output = support::loadparity().current_dir(folder).args(args).output().unwrap();
    let text = String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned();
    (output, text)
}

fn document(folder: &Path) -> serde_json::Value {
    support::schemas::parsed(&std::fs::read(folder.join("result.json")).unwrap())
}

#[test]
fn a_folder_with_a_file_needs_no_words() {
    let project = project("honest");
    let (output, text) = run(project.folder(), &["check"]);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let said =
        "from loadparity.toml: command, dialect, format, model, quick, retries (--no-config leaves it out)";
    assert_eq!(text.matches(said).count(), 1, "{text}");
    let document = document(project.folder());
    assert_eq!(document["started"]["subject"], "`./honest {model} {flags}`");
    assert_eq!(document["started"]["dialect"], "own");
}

/// From elsewhere the file's own folder is where its command runs and its paths lie.
#[test]
fn a_defect_is_shown_again_by_the_line_that_names_the_file() {
    let project = project("lock_first_half");
    let elsewhere = project.folder().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    for (folder, file) in [(project.folder(), "loadparity.toml"), (&elsewhere, "../loadparity.toml")] {
        let (output, text) = run(folder, &["check", "--config", file]);
        assert_eq!(output.status.code(), Some(1), "{text}");
        let document = document(project.folder());
        let failure = &document["failures"][0];
        assert_eq!(failure["rule"], "tensors-locked");
        let line = failure["reproduce"].as_str().unwrap();
        assert_eq!(line, format!("loadparity check --config {file} --only --mlock"));
        let words: Vec<&str> = line.split(' ').collect();
        let (output, text) = run(folder, &words[1..]);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains("tensors-locked: --mlock"), "{text}");
    }
}

#[test]
fn what_the_line_says_stands_in_the_line_that_shows_it_again() {
    let project = project("honest");
    let broken = loader("lock_first_half");
    let command = [broken.to_str().unwrap(), "{model}", "{flags}"];
    let (output, text) = run(project.folder(), &[&["check", "--"][..], &command].concat());
    assert_eq!(output.status.code(), Some(1), "{text}");
    let line = format!("loadparity check --config loadparity.toml --only --mlock -- {} ", broken.display());
    assert!(text.contains(&line), "{text}");
}

#[test]
fn a_dialect_file_stands_in_the_line_that_shows_a_finding_again() {
    let project = project("lock_first_half");
    let line = ["check", "--no-config", "--quick", "-m", "model.gguf", "--dialect", "own.toml", "--"];
    let (output, text) =
        run(project.folder(), &[&line[..], &["./lock_first_half", "{model}", "{flags}"]].concat());
    assert_eq!(output.status.code(), Some(1), "{text}");
    let line = "check --no-config -m model.gguf --dialect=own.toml --only --mlock -- ./lock_first_half {model} {flags}";
    assert!(text.contains(&format!("reproduce: loadparity {line}")), "{text}");
    let (output, text) = run(project.folder(), &line.split(' ').collect::<Vec<_>>());
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("tensors-locked: --mlock"), "{text}");
}

#[test]
fn the_budget_of_the_file_holds_for_faults() {
    let project = project("honest");
    let config = project.folder().join("loadparity.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("{text}\n[faults]\ncases = 3\ndepth = 1\n")).unwrap();
    let (output, text) = run(project.folder(), &["check", "--faults", "--only", "--mlock"]);
    assert!(matches!(output.status.code(), Some(0 | 3)), "{text}");
    assert!(text.contains(": cases, command, depth, dialect, format, model, quick, retries ("), "{text}");
    let document = document(project.folder());
    assert_eq!(document["started"]["bounds"]["cases"], 3, "{document}");
    assert_eq!(document["started"]["bounds"]["depth"], 1, "{document}");
}
