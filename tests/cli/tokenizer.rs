//! `loadparity tokenize` on a fixture, as its caller sees it.
#![allow(clippy::unwrap_used)] // Helpers of tests may panic.

use std::io::Write;
use std::path::Path;

use clap::{Args, FromArgMatches};
use loadparity::cli::tokenize::{TokenizeArgs, TokenizeError, run};
use loadparity::gguf::{self, Gguf, SeekSource};

fn fixture() -> Gguf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/models/fixture-llama-q4_0.gguf");
    gguf::read(&SeekSource::new(std::fs::File::open(path).unwrap()).unwrap()).unwrap()
}

fn tokenize(arguments: &[&str]) -> Result<String, TokenizeError> {
    let command = TokenizeArgs::augment_args(clap::Command::new("tokenize"));
    let matches =
        command.try_get_matches_from(["tokenize", "-m", "model.gguf"].iter().chain(arguments)).unwrap();
    let mut out = Vec::new();
    run(&TokenizeArgs::from_arg_matches(&matches).unwrap(), &fixture(), &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

#[test]
fn json_is_one_object_of_ids() {
    let text = "<|end_of_text|>In the beginning";
    assert_eq!(
        tokenize(&["--json", "-p", text]).unwrap(),
        "{\"schema\":\"loadparity.tokenize/1\",\"ids\":[2046,2047,1702,258,1861,1241]}\n"
    );
    assert_eq!(
        tokenize(&["--json", "--no-add-special", "-p", "a"]).unwrap(),
        "{\"schema\":\"loadparity.tokenize/1\",\"ids\":[64]}\n"
    );
    let ids = "{\"schema\":\"loadparity.tokenize/1\",\"ids\":[27,82,29]}\n";
    assert_eq!(tokenize(&["--json", "--no-add-special", "--no-parse-special", "-p", "<s>"]).unwrap(), ids);
    let parsed = tokenize(&["--json", "--no-parse-special", "-p", "<|end_of_text|>"]).unwrap();
    assert!(!parsed.contains("2047"), "{parsed}");
}

#[test]
fn lines_have_id_and_piece() {
    let lines = tokenize(&["-p", "In the\n😀"]).unwrap();
    let expected = "  2046 '<|begin_of_text|>'\n  1702 'In'\n   258 ' the'\n   198 '\\n'\n   172 '\\xF0'\n   253 '\\x9F'\n   246 '\\x98'\n   222 '\\x80'\n";
    assert_eq!(lines, expected);
}

#[test]
fn a_file_is_taken_byte_by_byte() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"a\0b").unwrap();
    let path = file.path().to_str().unwrap();
    assert_eq!(
        tokenize(&["--json", "-f", path]).unwrap(),
        "{\"schema\":\"loadparity.tokenize/1\",\"ids\":[2046,64,188,65]}\n"
    );
    let error = tokenize(&["-f", "no/such/file"]).unwrap_err();
    assert!(error.to_string().starts_with("cannot read no/such/file: "), "{error}");
    assert_eq!(error.exit_code(), 2);
}
