//! The flags of `run` that shape the text, on a fixture whose greedy text is known.
#![allow(clippy::unwrap_used)] // Helpers of tests may panic.

use serde_json::Value;

use crate::support;

/// The document of a greedy run with 24 tokens at most.
fn run(more: &[&str]) -> Value {
    let mut command = support::loadparity();
    command.args(["run", "-p", "In the beginning", "-n", "24", "--temp", "0", "--json"]).args(more);
    let output = command.assert().success().get_output().stdout.clone();
    support::schemas::parsed(&output)
}

#[test]
fn a_stop_string_ends_the_text_before_it() {
    let whole = run(&[]);
    let text = whole["text"].as_str().unwrap();
    let word = text.split_whitespace().nth(2).unwrap();
    let stopped = run(&["-r", word]);
    assert_eq!(stopped["stop"], "stop");
    assert_eq!(stopped["text"].as_str().unwrap(), &text[..text.find(word).unwrap()]);
    assert_eq!(run(&["--stop", "no such words"])["text"], whole["text"]);
}

#[test]
fn batches_and_threads_change_nothing() {
    let whole = run(&["-t", "1"]);
    for more in [
        &["-b", "1", "-t", "2"][..],
        &["-ub", "2", "-t", "1", "-tb", "3"],
        &["-no-cnv"],
        &["--no-cnv"],
        &["-nr"],
        &["--no-repack"],
    ] {
        let other = run(more);
        assert_eq!(other["hash"], whole["hash"], "{more:?}");
        assert_eq!(other["tokens"], whole["tokens"], "{more:?}");
    }
}

#[test]
fn biases_and_penalties_change_the_choice() {
    let whole = run(&[]);
    let first = whole["tokens"][0].as_u64().unwrap();
    let forbidden = run(&["--logit-bias", &format!("{first}-inf")]);
    assert!(forbidden["tokens"].as_array().unwrap().iter().all(|token| token.as_u64() != Some(first)));
    for flag in ["--frequency-penalty", "--presence-penalty"] {
        assert_ne!(run(&[flag, "5"])["tokens"], whole["tokens"], "{flag}");
    }
    let drawn = |typical: &str| {
        let mut command = support::loadparity();
        command.args([
            "run",
            "-p",
            "In the beginning",
            "-n",
            "24",
            "--top-k",
            "0",
            "--json",
            "--typical",
            typical,
        ]);
        let output = command.assert().success().get_output().stdout.clone();
        support::schemas::parsed(&output)["tokens"].clone()
    };
    assert_ne!(drawn("0.1"), drawn("1"));
    let mut wrong = support::loadparity();
    wrong.args(["run", "-p", "x", "--logit-bias", "seven"]).assert().code(2);
}

#[test]
fn a_full_context_says_so() {
    let full = run(&["-c", "12"]);
    assert_eq!(full["stop"], "context-full");
    let count = |key: &str| full[key].as_array().unwrap().len();
    // The last token that is chosen needs no position.
    assert_eq!(count("prompt_tokens") + count("tokens"), 13);
}

#[test]
fn a_conversation_needs_a_template_and_the_vocabulary_alone_needs_no_tensor() {
    let mut chat = support::loadparity();
    chat.args(["run", "-cnv", "-p", "Hello"])
        .assert()
        .code(2)
        .stderr(predicates::str::contains("chat_template"));
    let model = support::fixture("granite-f16");
    // The header alone, without the tensors behind it.
    let bytes = std::fs::read(&model).unwrap();
    let gguf = loadparity::gguf::read(&bytes).unwrap();
    let copy = tempfile::NamedTempFile::new().unwrap();
    let mut holes = bytes[..gguf.data_offset as usize].to_vec();
    holes.resize(bytes.len(), 0);
    std::fs::write(copy.path(), holes).unwrap();
    let mut only = support::loadparity();
    only.args(["run", "--vocab-only", "-p", "In the beginning", "-m"]).arg(copy.path());
    only.assert().success().stdout(predicates::str::contains("[1, 987, 261, 1834, 1234]"));
}
