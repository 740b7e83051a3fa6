//! Which file is the model, whatever it is called, and weights that come by ways that calls do not show. A model is
//! its file and not its name; what arrives unseen is not observed, with the reason, and never a pass.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::path::{Path, PathBuf};

use rstest::rstest;
use serde_json::Value;

use crate::{probe, support};

struct Model {
    folder: tempfile::TempDir,
    path: PathBuf,
}

/// A copy of a small model in a folder of its own.
fn model() -> Model {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    std::fs::copy(support::fixture("q4_k_m"), &path).unwrap();
    Model { folder, path }
}

/// The verdict of a comparison of a command with itself, and the sentence.
fn verdict(model: &Path, command: &str) -> (String, String) {
    let output = support::loadparity()
        .args(["compare", "--retries=0", "--format=json", "-m"])
        .arg(model)
        .args(["--old", command, "--new", command])
        .output()
        .unwrap();
    let document: Value = support::schemas::parsed(&output.stdout);
    let finished = &document["finished"];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    assert_eq!(output.status.code(), Some(finished["exit_code"].as_i64().unwrap() as i32));
    (text(&finished["verdict"]), text(&finished["sentence"]))
}

/// The model under another name is the model.
#[rstest]
#[case::a_symbolic_link("ln -sf \"$1\" \"$1.link\"; cksum < \"$1.link\"")]
#[case::a_hard_link("ln -f \"$1\" \"$1.link\"; cksum < \"$1.link\"")]
#[case::a_descriptor("exec 9< \"$1\"; cksum < /proc/self/fd/9")]
#[case::an_inherited_descriptor("cksum < \"$1\"")]
#[case::another_folder("cd \"${1%/*}\"; cksum < ./model.gguf")]
#[case::a_child("(cksum < \"$1\"); exit 0")]
#[case::a_child_of_a_child("sh -c 'cksum < \"$0\"' \"$1\"; exit 0")]
fn a_model_is_its_file_and_not_its_name(#[case] script: &str) {
    let model = model();
    let (verdict, sentence) =
        verdict(&model.path, &format!("sh -c '{}' sh {{model}}", script.replace('\'', "'\\''")));
    assert_eq!(verdict, "pass", "{sentence}");
}

/// A bind mount needs a mount namespace, which not every user may make.
#[test]
fn a_bind_mount_of_the_model_is_the_model() {
    let may = std::process::Command::new("unshare").args(["-m", "true"]).status();
    if !may.is_ok_and(|status| status.success()) {
        eprintln!("not run: this user may make no mount namespace");
        return;
    }
    let model = model();
    let script = "mkdir -p \"$0.d\"; mount --bind \"${0%/*}\" \"$0.d\"; cksum < \"$0.d/model.gguf\"";
    let command = format!("unshare -m sh -c '{script}' {{model}}");
    let (verdict, sentence) = verdict(&model.path, &command);
    assert_eq!(verdict, "pass", "{sentence}");
}

/// A file of the same name and the same bytes is not the model.
#[rstest]
#[case::a_copy("cp \"$1\" \"$1.copy\"; cksum < \"$1.copy\"")]
#[case::another_model("cksum < \"${1%/*}/other.gguf\"")]
fn another_file_is_not_the_model(#[case] script: &str) {
    let model = model();
    std::fs::copy(&model.path, model.folder.path().join("other.gguf")).unwrap();
    let (verdict, sentence) = verdict(&model.path, &format!("sh -c '{script}' sh {{model}}"));
    assert_ne!(verdict, "pass", "{sentence}");
    assert!(!sentence.contains("parity"), "{sentence}");
}

/// Weights that come by ways that calls do not show.
#[rstest]
#[case::in_a_ring("io-uring", "io_uring was used")]
#[case::through_a_copy_in_memory("memfd", "bytes of the weights")]
#[case::by_sendfile("sendfile", "moved within the kernel")]
#[case::a_page_of_a_received_descriptor("received", "neither reads nor maps its weights")]
fn what_arrives_unseen_is_not_observed(#[case] idiom: &str, #[case] why: &str) {
    let model = model();
    let command = probe::command(idiom, &model.path);
    let words = command.argv.iter().map(|word| word.to_str().unwrap()).collect::<Vec<_>>().join(" ");
    let command = format!("env LOADPARITY_PROBE={idiom} LOADPARITY_PROBE_MODEL={{model}} {words}");
    let (verdict, sentence) = verdict(&model.path, &command);
    assert!(matches!(verdict.as_str(), "blocked" | "not-observed"), "{verdict}: {sentence}");
    assert!(sentence.contains(why), "{sentence}");
}
