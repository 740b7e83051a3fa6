//! `bench` and `compare-bench` from outside: shapes, columns, order, errors and exit codes. No time
//! is held against anything.
#![allow(clippy::unwrap_used)] // Helpers of tests may panic.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support;

/// Options that make a run short: one repetition of small tests in one thread.
const SHORT: [&str; 9] = ["-p", "4", "-n", "2", "-r", "1", "-t", "1", "--no-warmup"];

/// A copy of the smallest fixture on a disk, since nothing leaves the page cache of one in memory.
fn model() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::Builder::new().prefix("loadparity-bench-").tempdir_in(env!("CARGO_TARGET_TMPDIR"));
    let folder = folder.unwrap();
    let path = folder.path().join("small model.gguf");
    std::fs::copy(support::fixture("q4_k_m"), &path).unwrap();
    (folder, path)
}

fn bench(model: &Path, more: &[&str]) -> assert_cmd::Command {
    let mut command = support::loadparity();
    command.arg("bench").arg("-m").arg(model).args(SHORT).args(more);
    command
}

fn stdout(mut command: assert_cmd::Command) -> String {
    String::from_utf8(command.assert().success().get_output().stdout.clone()).unwrap()
}

fn rows(model: &Path, more: &[&str]) -> Vec<Value> {
    serde_json::from_str(&stdout(bench(model, &[more, &["-o", "json"]].concat()))).unwrap()
}

fn texts<'v>(rows: &'v [Value], field: &str) -> Vec<&'v str> {
    rows.iter().map(|row| row[field].as_str().unwrap()).collect()
}

#[test]
fn modes_run_in_the_order_of_the_line_and_tests_in_that_of_the_original() {
    let (_folder, model) = model();
    let rows = rows(&model, &["-lm", "none,mmap", "-pg", "3,1", "-lm", "none", "-t", "2"]);
    assert_eq!(rows.len(), 3 * 3 * 2);
    let modes = texts(&rows, "load_mode");
    assert_eq!([modes[0], modes[6], modes[12]], ["none", "mmap", "none"]);
    let shape = |row: &Value| ["n_threads", "n_prompt", "n_gen"].map(|field| row[field].as_u64().unwrap());
    let first: Vec<_> = rows[..6].iter().map(shape).collect();
    assert_eq!(first, [[1, 4, 0], [1, 0, 2], [1, 3, 1], [2, 4, 0], [2, 0, 2], [2, 3, 1]]);
    for row in &rows {
        assert_eq!(row["samples_ns"].as_array().unwrap().len(), 1);
        assert_eq!(row["avg_ns"], row["samples_ns"][0]);
        assert_eq!(row["stddev_ns"], 0);
        assert!(row["avg_ts"].as_f64().unwrap() > 0.0);
        let expected = if row["load_mode"] == "mmap" { "map" } else { "read" };
        assert_eq!(row["load"]["effective"], expected);
    }
}

#[test]
fn a_dialects_switches_combine_as_its_llama_bench_does() {
    let (_folder, model) = model();
    let modes = |line: &[&str]| -> Vec<String> {
        let line = [&["-n", "0", "--load-repetitions", "0"], line].concat();
        // `-n 0` stands beside the short run's own `-n 2`.
        let rows = rows(&model, &line);
        let prompts = rows.iter().filter(|row| row["n_gen"] == 0);
        prompts.map(|row| row["load_mode"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(modes(&["--dialect", "booleans", "-mmp", "0,1", "-dio", "0"]), ["none", "mmap"]);
    assert_eq!(modes(&["--dialect", "enum-v1", "-mmp", "1", "-dio", "0"]), ["mmap", "none"]);
    assert_eq!(modes(&["--dialect", "enum-v4", "-lm", "mlock"]), ["mlock"]);
}

#[test]
fn a_cold_load_is_one_of_which_no_page_was_in_memory() {
    let (_folder, model) = model();
    let rows = rows(&model, &["-lm", "mmap,none,dio"]);
    for row in &rows {
        let (cold, warm) = (&row["load"]["cold"], &row["load"]["warm"]);
        assert!(warm["avg_ns"].as_u64().unwrap() > 0, "{row}");
        // Either a time, or the reason why there is none; never both and never neither.
        let why = cold["not_measured"].as_str();
        assert_ne!(cold["avg_ns"].is_u64(), why.is_some(), "{row}");
        if let Some(why) = why {
            assert!(why.contains("page"), "{why}");
        }
    }
}

/// Files that live in memory have no cold state, and a figure for one would be wrong.
#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_evicted_has_no_cold_time() {
    let Ok(folder) = tempfile::tempdir_in("/dev/shm") else { return };
    let model = folder.path().join("m.gguf");
    std::fs::copy(support::fixture("q4_k_m"), &model).unwrap();
    let rows = rows(&model, &["-n", "0"]);
    let why = rows[0]["load"]["cold"]["not_measured"].as_str().unwrap();
    assert!(why.contains("stayed in memory"), "{why}");
    assert!(rows[0]["load"]["cold"].get("avg_ns").is_none());
}

#[test]
fn every_format_has_the_fields_of_the_original() {
    let (_folder, model) = model();
    let short = ["--load-repetitions", "0"];
    let table = stdout(bench(&model, &[&short[..], &["-lm", "mmap,none"]].concat()));
    let heading = table.lines().next().unwrap();
    let names: Vec<&str> = heading.split('|').map(str::trim).filter(|name| !name.is_empty()).collect();
    assert_eq!(names, ["model", "size", "params", "backend", "threads", "lm", "test", "t/s"]);
    assert!(table.contains("pp4") && table.contains("tg2"), "{table}");
    assert!(table.trim_end().lines().last().unwrap().starts_with("build: "), "{table}");

    let csv = stdout(bench(&model, &[&short[..], &["-o", "csv"]].concat()));
    assert!(csv.starts_with("build_commit,build_number,cpu_info,gpu_info,backends,model_filename,"));
    assert_eq!(csv.lines().count(), 3);
    let sql = stdout(bench(&model, &[&short[..], &["-o", "sql"]].concat()));
    assert!(sql.starts_with("CREATE TABLE IF NOT EXISTS llama_bench ("), "{sql}");
    assert_eq!(sql.matches("INSERT INTO llama_bench ").count(), 2);

    let output = bench(&model, &[&short[..], &["-oe", "jsonl", "-o", "csv"]].concat()).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 3);
    let beside = String::from_utf8(output.stderr).unwrap();
    for line in beside.lines() {
        serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    }
    assert_eq!(beside.lines().count(), 2);
}

/// The properties that llama.cpp's script asks of every result, by the names of its list.
#[test]
fn the_script_of_llama_cpp_finds_its_key_properties() {
    const KEYS: [&str; 31] = [
        "cpu_info",
        "gpu_info",
        "backends",
        "n_gpu_layers",
        "n_cpu_moe",
        "tensor_buft_overrides",
        "model_filename",
        "model_type",
        "n_batch",
        "n_ubatch",
        "embeddings",
        "cpu_mask",
        "cpu_strict",
        "poll",
        "n_threads",
        "type_k",
        "type_v",
        "load_mode",
        "no_kv_offload",
        "split_mode",
        "main_gpu",
        "tensor_split",
        "flash_attn",
        "n_prompt",
        "n_gen",
        "n_depth",
        "fit_target",
        "fit_min_ctx",
        "build_commit",
        "test_time",
        "avg_ts",
    ];
    let (_folder, model) = model();
    let rows = rows(&model, &["--load-repetitions", "0"]);
    for key in KEYS {
        assert!(rows[0].get(key).is_some_and(|value| !value.is_null()), "{key}");
    }
    // It puts every value it knows into a table, which takes no lists and objects.
    let nested =
        rows[0].as_object().unwrap().iter().filter(|(_, value)| value.is_object() || value.is_array());
    let nested: Vec<&String> = nested.map(|(name, _)| name).collect();
    assert_eq!(nested, ["load", "samples_ns", "samples_ts"]);
}

#[test]
fn what_cannot_be_measured_has_its_exit_code() {
    let (_folder, model) = model();
    for (line, code, says) in [
        (&["-lm", "bogus"][..], 2, "bogus"),
        (&["--dialect", "enum-v4", "-mmp", "1"], 2, "-mmp"),
        (&["-o", "xml"], 2, "csv, json, jsonl, md and sql"),
        (&["-p", "4-2"], 2, "ends before"),
        (&["-pg", "4"], 2, "pair"),
        (&["-t", "0"], 2, "-t 0"),
        (&["-b", "0"], 2, "-b 0"),
        (&["--mlock"], 2, "--mlock"),
        (&["-d", "1000000", "--load-repetitions", "0"], 2, "context"),
    ] {
        let assert = bench(&model, line).assert().code(code);
        let told = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
        assert!(told.contains(says), "{line:?}: {told}");
    }
    let mut never = support::loadparity();
    never.args(["bench", "-r", "0"]).assert().code(2);
    let mut nothing = support::loadparity();
    nothing.args(["bench", "-p", "0", "-n", "0"]).assert().code(4);
    let mut missing = support::loadparity();
    missing.args(["bench", "-m", "no-such.gguf"]).args(SHORT).assert().code(2);
}

/// What one test cannot do, another may.
#[test]
fn a_test_that_fails_does_not_take_the_others_along() {
    let (_folder, model) = model();
    let output =
        bench(&model, &["-p", "1000000", "-o", "jsonl", "--load-repetitions", "0"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 2);
}

#[test]
fn results_are_compared_whatever_their_format() {
    let (folder, model) = model();
    let at = |name: &str| folder.path().join(name);
    for (name, build, format) in
        [("old.json", "aaa", "json"), ("new.csv", "bbb", "csv"), ("new.sql", "bbb", "sql")]
    {
        let more = ["-lm", "mmap,none", "--build-commit", build, "-o", format];
        std::fs::write(at(name), stdout(bench(&model, &more))).unwrap();
    }
    let compare = |old: &str, new: &str, more: &[&str]| {
        let mut command = support::loadparity();
        command.arg("compare-bench").arg(at(old)).arg(at(new)).args(more);
        command
    };
    let table = stdout(compare("old.json", "new.csv", &[]));
    let heading: Vec<&str> = table.lines().next().unwrap().split('|').map(str::trim).collect();
    assert_eq!(heading[1..8], ["Model", "Load mode", "Threads", "Test", "t/s aaa", "t/s bbb", "Speedup"]);
    assert_eq!(table.lines().filter(|line| line.contains("| pp4 ")).count(), 2, "{table}");
    assert!(table.contains("| warm load |"), "{table}");
    for new in ["new.csv", "new.sql"] {
        let told: Value =
            support::schemas::parsed(stdout(compare("old.json", new, &["-o", "json"])).as_bytes());
        assert_eq!(texts(told["tests"].as_array().unwrap(), "load_mode"), ["mmap", "mmap", "none", "none"]);
        assert_eq!(told["only_old"], 0);
    }
    // A file beside itself is as fast as itself.
    let same: Value =
        support::schemas::parsed(stdout(compare("old.json", "old.json", &["-o", "json"])).as_bytes());
    assert!(same["tests"].as_array().unwrap().iter().all(|row| row["speedup"] == 1.0));

    std::fs::write(at("other.json"), stdout(bench(&model, &["-lm", "dio", "-o", "json"]))).unwrap();
    compare("old.json", "other.json", &[]).assert().code(4);
    std::fs::write(at("broken.json"), "[{").unwrap();
    compare("old.json", "broken.json", &[]).assert().code(2);
    compare("old.json", "missing.json", &[]).assert().code(2);
}

/// A result file of llama-bench from before there were load modes.
#[test]
fn results_from_before_load_modes_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, mode: &str, rate: f64| {
        let path = folder.path().join(name);
        let text = format!(
            "{{\"build_commit\": \"{name}\", \"model_filename\": \"m.gguf\", \"model_type\": \"llama\", \"n_threads\": 2, \
             \"n_prompt\": 512, \"n_gen\": 0, {mode}, \"avg_ts\": {rate}}}\n"
        );
        std::fs::write(&path, text).unwrap();
        path
    };
    let old = file("old", "\"use_mmap\": true, \"use_direct_io\": false", 10.0);
    let new = file("new", "\"load_mode\": \"mmap\"", 15.0);
    let mut command = support::loadparity();
    command.arg("compare-bench").args([old, new]);
    let table = stdout(command);
    assert!(table.contains("| mmap ") && table.contains("|    1.50 |"), "{table}");
}
