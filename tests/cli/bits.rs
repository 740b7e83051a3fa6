//! `loadparity bits`: one value a model on this machine, a difference is told, and the page that sets
//! several machines beside one another is the one of today.

#![allow(clippy::unwrap_used, reason = "helpers of tests stop at the first surprise")]

use std::fs;
use std::path::{Path, PathBuf};

use loadparity::check::MachineBits;
use loadparity::engine::CpuLevel;
use predicates::prelude::*;

use crate::support;

const SMALL: &str = "qwen2-q3_k_m";

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/determinism.md")
}

/// What `bits` writes about `models`, with the given numbers of threads.
fn measured(models: &[PathBuf], threads: &str, folder: &Path) -> PathBuf {
    let json = folder.join("bits.json");
    let mut command = support::loadparity();
    command.arg("bits").arg("-m").args(models).args(["--threads", threads, "--name", "here", "--json"]);
    command.arg(&json).assert().success();
    json
}

fn docs(documents: &[&Path]) -> assert_cmd::assert::Assert {
    support::loadparity().args(["docs", "determinism", "--bits"]).args(documents).assert()
}

#[test]
fn every_mode_level_and_number_of_threads_is_run() {
    let folder = tempfile::tempdir().unwrap();
    let json = measured(&[support::fixture(SMALL)], "1,3", folder.path());
    let bits = MachineBits::read(&fs::read(json).unwrap()).unwrap();
    assert_eq!((bits.machine.as_str(), bits.models.len()), ("here", 1));
    let modes: Vec<&str> = bits.models[0].modes.iter().map(|mode| mode.mode.as_str()).collect();
    assert_eq!(modes, ["auto", "none", "mmap", "mlock", "none+mlock", "dio", "dio+mlock"]);
    for mode in &bits.models[0].modes {
        let runs = &mode.load.as_ref().unwrap().logits;
        let wanted: Vec<(String, usize)> =
            CpuLevel::available().flat_map(|level| [1, 3].map(|n| (level.to_string(), n))).collect();
        let run: Vec<_> = runs.iter().map(|run| (run.level.clone(), run.threads)).collect();
        assert_eq!(run, wanted, "{}", mode.mode);
        assert!(runs.iter().all(|run| run.hash.len() == 64 && run.hash == runs[0].hash), "{}", mode.mode);
    }
}

#[test]
fn the_model_inside_the_program_is_the_default_and_bad_input_is_a_usage_error() {
    support::loadparity()
        .args(["bits", "--threads", "1", "-n", "1"])
        .assert()
        .success()
        .stdout(predicate::str::contains("(embedded): logits ").and(predicate::str::contains("in all of ")));
    for arguments in [&["bits", "-m", "missing.gguf"][..], &["bits", "--threads", "x"]] {
        support::loadparity().args(arguments).assert().code(2);
    }
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other.json");
    fs::write(&other, r#"{"schema":"loadparity.check/1"}"#).unwrap();
    docs(&[&other]).code(2).stderr(predicate::str::contains("its schema is `loadparity.check/1`"));
    support::loadparity().args(["docs", "determinism"]).assert().code(2);
}

/// One bit in one run of one machine, one tensor on another, and a model that a machine lacks: each is
/// named on the page, and the exit code is 1.
#[test]
fn a_planted_difference_stands_on_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let json = measured(&[support::fixture(SMALL)], "1,2", folder.path());
    let text = fs::read_to_string(&json).unwrap();
    let hash = text.split("\"hash\": \"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let other = folder.path().join("other.json");
    let foreign = |text: &str| text.replace("\"machine\": \"here\"", "\"machine\": \"there\"");

    fs::write(&other, foreign(&text)).unwrap();
    let twice = 2 * 7 * 2 * CpuLevel::available().count();
    docs(&[&json, &other]).success().stdout(
        predicate::str::contains(format!("| `{hash}` | {twice} of {twice} |"))
            .and(predicate::str::contains("**").not())
            .and(predicate::str::contains("*not run*")),
    );

    let (first, last) = text.rsplit_once(&hash).unwrap();
    let flipped = if hash.starts_with('0') { "1" } else { "0" };
    let spoilt = format!("{first}{flipped}{}{last}", &hash[1..]);
    fs::write(&other, foreign(&spoilt)).unwrap();
    let cell = format!("**2: {flipped}{}**", &hash[1..16]);
    docs(&[&json, &other]).code(1).stdout(
        predicate::str::contains("**2 different values**")
            .and(predicate::str::contains(format!("{} of {twice}", twice - 1)))
            .and(predicate::str::contains(cell)),
    );

    let tensors = text.split("\"tensors\": \"").nth(1).unwrap().split('"').next().unwrap();
    fs::write(&other, foreign(&text.replacen(tensors, &hash, 1))).unwrap();
    docs(&[&json, &other]).code(1).stdout(predicate::str::contains("| **2 different values** | `"));

    let mut none = MachineBits::read(text.as_bytes()).unwrap();
    none.models.clear();
    fs::write(&other, serde_json::to_vec(&none).unwrap()).unwrap();
    docs(&[&json, &other]).code(1);

    fs::write(&other, foreign(&text).replace("2 tokens", "3 tokens")).unwrap();
    docs(&[&json, &other]).code(2).stderr(predicate::str::contains("have not generated the same"));
}

/// The values of the page are this machine's own.
#[test]
fn the_page_is_not_stale() {
    let page = fs::read_to_string(page()).unwrap();
    let rows: Vec<(&str, &str, &str)> = page
        .lines()
        .filter_map(|line| {
            let cells: Vec<&str> = line.split(" | ").map(|cell| cell.trim_matches(['|', ' ', '`'])).collect();
            (cells.len() == 4 && cells[0].ends_with(".gguf")).then(|| (cells[0], cells[1], cells[2]))
        })
        .collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/models");
    let mut models: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()).collect();
    models.retain(|path| path.extension().is_some_and(|e| e == "gguf"));
    models.sort();
    assert_eq!(rows.len(), models.len(), "every model of the fixtures has a row: renew it by ci/determinism");
    let scratch = tempfile::tempdir().unwrap();
    let json = measured(&models, "2", scratch.path());
    let bits = MachineBits::read(&fs::read(json).unwrap()).unwrap();
    assert!(page.contains(&bits.settings), "the page is about other settings: renew it by ci/determinism");
    for (model, (name, tensors, logits)) in bits.models.iter().zip(rows) {
        let load = model.modes[0].load.as_ref().unwrap();
        assert_eq!(
            (model.model.as_str(), load.tensors.as_str(), load.logits[0].hash.as_str()),
            (name, tensors, logits),
            "docs/determinism.md is stale: ci/determinism renews it"
        );
    }
}
