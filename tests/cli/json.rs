//! `docs/json.md`: its commands run, and its recipes find what the page says, by a `jq` in Rust and by `jq` itself
//! where it is installed.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Vars, data, unwrap_valr};
use jaq_json::{Val, read};
use serde_json::Value;

use crate::support::loadparity;
use crate::support::schemas::valid;

const PAGE: &str = include_str!("../../docs/json.md");

/// A line of a recipe, the exit code that the page states, and the output that it shows.
struct Step {
    line: String,
    code: i32,
    shown: Vec<String>,
}

/// The steps of each section, whose files are its own.
fn steps() -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for line in PAGE.lines() {
        match (inside, line) {
            (false, "```console") => inside = true,
            (true, "```") => inside = false,
            (true, line) => {
                if let Some(line) = line.strip_prefix("$ ") {
                    steps.push(Step { line: line.to_owned(), code: 0, shown: Vec::new() });
                } else if let Some(code) = line.strip_prefix("? ") {
                    steps.last_mut().unwrap().code = code.parse().unwrap();
                } else {
                    steps.last_mut().unwrap().shown.push(line.to_owned());
                }
            }
            _ => {}
        }
    }
    steps
}

/// Runs a line of the program, with `> FILE` at its end if there is one.
fn run(step: &Step, folder: &Path) {
    let mut words = shlex::split(&step.line).unwrap();
    let target = words.iter().position(|word| word == ">").map(|at| words.split_off(at).remove(1));
    let output = loadparity().args(&words[1..]).current_dir(folder).env_remove("CI").output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(step.code), "{}: {told}", step.line);
    if let Some(target) = target {
        fs::write(folder.join(target), &output.stdout).unwrap();
    }
    // What a recipe is shown on keeps its schema.
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.extension().is_some_and(|extension| extension == "json") {
            valid(serde_json::from_slice(&fs::read(path).unwrap()).unwrap());
        }
    }
}

/// What a recipe answers, a line each.
fn evaluated(flags: &str, program: &str, text: &str) -> Vec<String> {
    let documents: Result<Vec<Val>, _> = read::parse_many(text.as_bytes()).collect();
    let mut documents = documents.unwrap_or_else(|error| panic!("{error}"));
    if flags.contains('s') {
        documents = vec![Val::Arr(documents.into())];
    }
    let arena = Arena::default();
    let defs = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    let funs = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
    let modules = Loader::new(defs).load(&arena, File { code: program, path: () });
    let modules = modules.unwrap_or_else(|errors| panic!("{program}: {errors:?}"));
    let filter = Compiler::default().with_funs(funs).compile(modules);
    let filter = filter.unwrap_or_else(|errors| panic!("{program}: {errors:?}"));
    let mut lines = Vec::new();
    for document in documents {
        let context = Ctx::<data::JustLut<Val>>::new(&filter.lut, Vars::new([]));
        for answer in filter.id.run((context, document)).map(unwrap_valr) {
            let answer = answer.unwrap_or_else(|error| panic!("{program}: {error}")).to_string();
            let value: Value = serde_json::from_str(&answer).unwrap();
            assert!(!value.is_null(), "{program}: it answers `null`: no such field");
            lines.extend(match (value, flags.contains('r')) {
                (Value::String(text), true) => text.lines().map(str::to_owned).collect(),
                _ => vec![answer],
            });
        }
    }
    lines
}

/// What an installed `jq` answers; `None` where there is none.
fn by_jq(words: &[String], folder: &Path) -> Option<Vec<String>> {
    let output = Command::new("jq").args(words).current_dir(folder).stdin(Stdio::null()).output().ok()?;
    assert!(output.status.success(), "jq {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect())
}

/// Whether a line is the one that is shown, which may end in `…`.
fn is_shown(line: &str, shown: &str) -> bool {
    shown.strip_suffix('…').map_or(line == shown, |start| line.starts_with(start))
}

#[test]
fn every_recipe_of_the_page_answers_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let (mut ran, mut asked, mut beside) = (0, 0, 0);
    for step in steps() {
        if step.line.starts_with("loadparity ") {
            run(&step, folder.path());
            ran += 1;
            continue;
        }
        let words = shlex::split(&step.line).unwrap();
        let words = words.strip_prefix(&["jq".to_owned()]).expect("a line of loadparity or jq");
        let (flags, rest): (Vec<&String>, Vec<&String>) =
            words.iter().partition(|word| word.starts_with('-') && word.len() == 2);
        let flags: String = flags.into_iter().map(String::as_str).collect();
        let [program, file] = rest[..] else { panic!("{}: a program and a file", step.line) };
        let text = fs::read_to_string(folder.path().join(file)).unwrap();
        let answers = evaluated(&flags, program, &text);
        let mut lines = answers.iter();
        for shown in &step.shown {
            assert!(lines.any(|line| is_shown(line, shown)), "{}: no `{shown}` in {answers:#?}", step.line);
        }
        assert!(!step.shown.is_empty() || answers.is_empty(), "{}: it answers {answers:#?}", step.line);
        asked += 1;
        if let Some(said) = by_jq(words, folder.path()) {
            assert_eq!(said, answers, "{}: jq and jaq differ", step.line);
            beside += 1;
        }
    }
    assert!(ran >= 12 && asked >= 15, "{ran} commands, {asked} recipes");
    if beside == 0 {
        eprintln!("not run: the recipes by jq itself, which is not installed");
    }
}

/// A recipe on a field that is not there is no recipe.
#[test]
fn a_field_that_is_not_there_is_found() {
    let answers = std::panic::catch_unwind(|| evaluated("-r", ".finished.nothing", r#"{"finished": {}}"#));
    assert!(answers.is_err());
    assert_eq!(evaluated("-r-s", ".[].a", "{\"a\": 1}\n{\"a\": \"x\"}\n"), ["1", "x"]);
}

/// The page promises that a reader may pass over what it does not know.
#[test]
fn schemas_of_what_is_written_leave_room() {
    fn closed(schema: &Value, at: &str, found: &mut Vec<String>) {
        match schema {
            Value::Object(map) => {
                if map.get("additionalProperties") == Some(&Value::Bool(false)) {
                    found.push(at.to_owned());
                }
                map.iter().for_each(|(key, inner)| closed(inner, &format!("{at}/{key}"), found));
            }
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(n, inner)| closed(inner, &format!("{at}/{n}"), found));
            }
            _ => {}
        }
    }
    let list = loadparity().arg("schema").output().unwrap();
    let mut seen = 0;
    for name in String::from_utf8(list.stdout).unwrap().lines().filter_map(|line| line.split(' ').next()) {
        // People write these, and a slip has to be found; a trace is closed, as the page says.
        if ["baseline-1", "config-1", "dialect-1", "expect-2", "trace-1", "trace-2"].contains(&name) {
            continue;
        }
        let schema = loadparity().args(["schema", name]).output().unwrap();
        let mut found = Vec::new();
        closed(&serde_json::from_slice(&schema.stdout).unwrap(), name, &mut found);
        assert!(found.is_empty(), "closed: {found:#?}");
        seen += 1;
    }
    assert!(seen > 15, "{seen}");
}
