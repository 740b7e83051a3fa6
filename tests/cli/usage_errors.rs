//! Bad input: one clear message, exit code 2, and no file opened.

use predicates::prelude::*;
use rstest::rstest;

use crate::support;

#[rstest]
#[case::unknown_mode(&["-lm", "bogus"], "dio+mlock")]
#[case::no_value(&["-lm"], "none+mlock")]
#[case::empty_value(&["--load-mode="], "none+mlock")]
#[case::wrong_case(&["-lm", "MMAP"], "mmap")]
#[case::unknown_flag(&["--mlockk"], "--mlockk")]
fn bad_flags_name_what_is_accepted(#[case] flags: &[&str], #[case] named: &str) {
    // The model does not exist: had it been opened, that would be the error.
    support::loadparity()
        .args(["run", "-m", "/nonexistent/model.gguf", "-p", "x"])
        .args(flags)
        .assert()
        .code(2)
        .stdout("")
        .stderr(predicate::str::contains(named).and(predicate::str::contains("nonexistent").not()));
}

#[rstest]
#[case("LLAMA_ARG_MMAP", "maybe")]
#[case("LLAMA_ARG_MLOCK", "")]
#[case("LLAMA_ARG_NO_DIO", "2")]
#[case("LLAMA_ARG_LOAD_MODE", "direct")]
fn bad_variables_name_themselves(#[case] name: &str, #[case] value: &str) {
    support::loadparity()
        .args(["run", "-m", "/nonexistent/model.gguf", "-p", "x"])
        .env(name, value)
        .assert()
        .code(2)
        .stderr(predicate::str::contains(name).and(predicate::str::contains("nonexistent").not()));
}

#[test]
fn a_missing_model_is_named() {
    support::loadparity()
        .args(["run", "-m", "/nonexistent/model.gguf", "-p", "x"])
        .assert()
        .code(2)
        .stderr(predicate::str::contains("/nonexistent/model.gguf"))
        .stderr(predicate::str::contains("ENOENT").or(predicate::str::contains("ERROR_PATH_NOT_FOUND")));
}

#[test]
fn a_directory_is_no_model() {
    support::loadparity().args(["run", "-m", "/", "-p", "x"]).assert().code(2).stderr(
        predicate::str::contains("EISDIR").or(predicate::str::contains("ERROR_DIRECTORY_NOT_SUPPORTED")),
    );
}

#[test]
fn a_file_that_is_no_model_is_named() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    for command in ["run", "check", "tokenize"] {
        support::loadparity()
            .args([command, "-m", file, "-p", "x"])
            .assert()
            .code(2)
            .stderr(predicate::str::contains("Cargo.toml").and(predicate::str::contains("GGUF")));
    }
}

#[test]
fn a_truncated_model_is_no_model() {
    let whole = std::fs::read(support::fixture("q4_0")).expect("the fixture");
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), &whole[..whole.len() - 5000]).expect("a shorter file");
    support::loadparity()
        .args(["run", "-p", "x", "-m"])
        .arg(file.path())
        .assert()
        .code(2)
        .stdout("")
        .stderr(predicate::str::contains("tensor"));
}
