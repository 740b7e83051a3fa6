//! The walk-through of the README: its files are written, its commands run, and its output is looked for, in order.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;
use std::process::Command;

const README: &str = include_str!("../../README.md");

/// The fenced blocks of a section: what stands behind the fence, and the text.
fn blocks(section: &str) -> Vec<(&str, String)> {
    let start = README.find(&format!("\n## {section}\n")).expect("the section");
    let text = &README[start + 1..];
    let end = text[1..].find("\n## ").map_or(text.len(), |at| at + 1);
    let mut blocks = Vec::new();
    let mut lines = text[..end].lines();
    while let Some(line) = lines.next() {
        if let Some(info) = line.strip_prefix("```") {
            let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push((info, body.join("\n") + "\n"));
        }
    }
    blocks
}

/// A command, the exit code that is stated, and lines of its output in order.
struct Step {
    command: String,
    code: i32,
    shown: Vec<String>,
}

fn steps(block: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in block.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step { command: command.to_owned(), code: 0, shown: Vec::new() });
            continue;
        }
        let step = steps.last_mut().expect("a command before its output");
        match line.strip_prefix("? ") {
            Some(code) => step.code = code.parse().unwrap(),
            None => step.shown.push(line.to_owned()),
        }
    }
    steps
}

/// Whether a line is the one that is shown, which may end in `…`.
fn is_shown(line: &str, shown: &str) -> bool {
    shown.strip_suffix('…').map_or(line == shown, |start| line.starts_with(start))
}

fn run(step: &Step, folder: &Path) {
    let program = Path::new(env!("CARGO_BIN_EXE_loadparity")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let mut line = Command::new("sh");
    line.args(["-c", &step.command])
        .current_dir(folder)
        .env("PATH", path)
        .env("NO_COLOR", "1")
        .env_remove("CI");
    let output = line.output().unwrap();
    let text = String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned();
    assert_eq!(output.status.code(), Some(step.code), "{}: {text}", step.command);
    let mut lines = text.lines();
    for shown in &step.shown {
        assert!(
            lines.any(|line| is_shown(line, shown)),
            "{}: `{shown}` is not there in\n{text}",
            step.command
        );
    }
}

#[test]
fn the_walk_through_of_the_readme_runs() {
    let python = Command::new("python3").arg("--version").output();
    assert!(python.is_ok(), "this test runs a loader in Python and needs python3");
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (mut files, mut ran) = (0, 0);
    for (info, text) in blocks("Your own loader in five minutes") {
        match info.split_once(' ') {
            Some((_, name)) => {
                std::fs::write(folder.path().join(name), text).unwrap();
                files += 1;
            }
            None if info == "console" => {
                for step in steps(&text) {
                    run(&step, folder.path());
                    ran += 1;
                }
            }
            None => {}
        }
    }
    assert!(files == 2 && ran >= 9, "{files} files, {ran} commands");
}
