//! Commands to check: the reference engine, honest and behind scripts that break one thing.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of this")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::process::Output;

use crate::support;

/// The reference engine as a command, speaking a dialect.
pub fn engine(dialect: &str) -> Vec<String> {
    let program = env!("CARGO_BIN_EXE_loadparity");
    let words = [program, "run", "--dialect", dialect, "-m", "{model}", "-p", "And", "-n", "1", "-t", "1"];
    words.into_iter().chain(["{flags}"]).map(str::to_owned).collect()
}

/// The same behind a shell script, which finds the words of the engine in `"$@"`.
pub fn behind(script: &str, dialect: &str) -> Vec<String> {
    let shell = ["sh", "-c", script, "sh"].map(str::to_owned);
    shell.into_iter().chain(engine(dialect)).collect()
}

/// Runs `loadparity` with the small model, these arguments and a command.
pub fn loadparity(args: &[&str], command: &[String]) -> Output {
    let mut line = support::loadparity();
    line.args(args).arg("-m").arg(support::fixture("q4_k_m"));
    if !command.is_empty() {
        line.arg("--").args(command);
    }
    line.output().unwrap()
}

/// The exit code and the JSON document of a check.
pub fn check(args: &[&str], command: &[String]) -> (i32, serde_json::Value) {
    let args: Vec<&str> = ["check", "--format", "json"].into_iter().chain(args.iter().copied()).collect();
    document(&loadparity(&args, command))
}

/// The exit code and the JSON document of a run.
pub fn document(output: &Output) -> (i32, serde_json::Value) {
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.stdout.is_empty(), "{told}");
    (output.status.code().unwrap(), crate::support::schemas::parsed(&output.stdout))
}

/// The rules that failures name, each once; those that are known are left out.
pub fn rules(document: &serde_json::Value) -> Vec<&str> {
    let failures = document["failures"].as_array().unwrap().iter().filter(|f| f["expected"].is_null());
    let failures: Vec<_> = failures.collect();
    let mut rules: Vec<&str> = failures.iter().map(|f| f["rule"].as_str().unwrap()).collect();
    rules.sort_unstable();
    rules.dedup();
    rules
}

/// The notes at the end of a document, as one text.
pub fn notes(document: &serde_json::Value) -> String {
    let groups = document["groups"].as_array().into_iter().flatten();
    let of_groups = groups.flat_map(|g| g["notes"].as_array().into_iter().flatten());
    let all = of_groups.chain(document["finished"]["notes"].as_array().into_iter().flatten());
    all.map(|note| note.as_str().unwrap()).collect::<Vec<_>>().join("\n")
}
