//! `gguf show` and `gguf make`, run as their arguments would have them run.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use clap::Parser;
use loadparity::cli::gguf::{GgufArgs, GgufCommandError, run};
use loadparity::gguf::{Array, Gguf, Text, Value, Writer, read};
use rstest::rstest;
use tempfile::TempDir;

#[derive(Parser)]
struct Program {
    #[command(flatten)]
    gguf: GgufArgs,
}

fn command(args: &[&str]) -> Result<String, GgufCommandError> {
    let program = Program::try_parse_from([&["gguf"], args].concat()).unwrap();
    let mut out = Vec::new();
    run(&program.gguf, &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

fn fixture(kind: &str) -> String {
    format!("{}/fixtures/models/fixture-llama-{kind}.gguf", env!("CARGO_MANIFEST_DIR"))
}

/// The path of a file in a folder, as an argument.
fn inside(folder: &TempDir, name: &str) -> String {
    folder.path().join(name).to_str().unwrap().to_owned()
}

fn parsed(path: &str) -> Gguf {
    read(&fs::read(path).unwrap()).unwrap()
}

fn files(folder: &Path) -> usize {
    fs::read_dir(folder).unwrap().count()
}

#[test]
fn show_prints_metadata_tensors_and_totals() {
    let text = command(&["show", &fixture("q4_k_m")]).unwrap();
    let line = |start: &str| {
        let squeezed = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
        squeezed
            .into_iter()
            .find(|line| line.starts_with(start))
            .unwrap_or_else(|| panic!("no {start:?} in\n{text}"))
    };
    assert!(text.lines().next().unwrap().ends_with(": GGUF version 3, 3575712 bytes"));
    line("alignment 32, data from byte 64928");
    line("metadata: 25 entries");
    assert_eq!(line("general.architecture"), "general.architecture string \"llama\"");
    assert_eq!(line("llama.rope.freq_base"), "llama.rope.freq_base f32 10000.0");
    let tokens =
        "tokenizer.ggml.tokens array of string [\"!\", \"\\\"\", \"#\", \"$\", \"%\", \"&\", … (2048 items)]";
    assert_eq!(line("tokenizer.ggml.tokens"), tokens);
    assert_eq!(line("25 "), "25 blk.2.attn_v.weight 256 × 128 q6_K 1708032 26880");
    assert_eq!(line("f32 13"), "f32 13 13312");
    assert!(line("q4_K").starts_with("q4_K 39 "));
    assert!(text.len() < 10_000, "arrays are abbreviated");
}

#[test]
fn show_gives_everything_as_json_in_a_fixed_order() {
    let text = command(&["show", &fixture("q8_0"), "--format", "json"]).unwrap();
    let positions: Vec<_> = [
        "schema",
        "file",
        "version",
        "file_size",
        "alignment",
        "data_offset",
        "metadata",
        "tensors",
        "totals",
    ]
    .map(|key| text.find(&format!("\n  \"{key}\":")).unwrap_or_else(|| panic!("no {key}")))
    .into();
    assert!(positions.is_sorted());
    let json: serde_json::Value = crate::schemas::parsed(text.as_bytes());
    let model = parsed(&fixture("q8_0"));
    assert_eq!(json["metadata"].as_array().unwrap().len(), model.metadata.len());
    let tokens =
        json["metadata"].as_array().unwrap().iter().find(|entry| entry["key"] == "tokenizer.ggml.tokens");
    assert_eq!(tokens.unwrap()["value"].as_array().unwrap().len(), 2048);
    assert_eq!(tokens.unwrap()["type"], "array of string");
    for (index, tensor) in model.tensors.iter().enumerate() {
        let row = &json["tensors"][index];
        assert_eq!(row["name"], tensor.name.as_str());
        assert_eq!(row["dims"].as_array().unwrap().len(), tensor.dims.len());
        assert_eq!(row["type"], *tensor.dtype.name());
        assert_eq!(row["file_offset"], model.file_range(tensor).start);
        assert_eq!(row["size"], tensor.size);
    }
    let bytes: u64 =
        json["totals"].as_array().unwrap().iter().map(|total| total["bytes"].as_u64().unwrap()).sum();
    assert_eq!(bytes, model.tensors.iter().map(|tensor| tensor.size).sum::<u64>());
}

#[test]
fn show_copes_with_strange_values() {
    let folder = TempDir::new().unwrap();
    let path = inside(&folder, "strange.gguf");
    let mut writer = Writer::new(2);
    writer.metadata("raw", Value::String(Text(b"a\xff\x1b[2J".to_vec()))).unwrap();
    writer.metadata("nan", Value::F32(f32::NAN)).unwrap();
    writer.metadata("far", Value::Array(Array::F64(vec![f64::NEG_INFINITY, 0.1]))).unwrap();
    writer
        .metadata("deep", Value::Array(Array::Array(vec![Array::U8(vec![1]), Array::Bool(vec![])])))
        .unwrap();
    writer.metadata("long", Value::from("é".repeat(100).as_str())).unwrap();
    writer.metadata("most", Value::U64(u64::MAX)).unwrap();
    writer.write_to(fs::File::create(&path).unwrap(), &mut |_, _, _| Ok(())).unwrap();

    let text = command(&["show", &path]).unwrap();
    assert!(!text.contains('\x1b'), "a string reached the terminal unescaped");
    assert!(text.contains("\"a\u{fffd}\\u{1b}[2J\""), "{text}");
    assert!(text.contains("[[1], []]"), "{text}");
    assert!(text.contains("é\" … (200 bytes)"), "{text}");

    let json: serde_json::Value =
        crate::schemas::parsed(command(&["show", &path, "--format", "json"]).unwrap().as_bytes());
    let values: Vec<_> =
        json["metadata"].as_array().unwrap().iter().map(|entry| entry["value"].clone()).collect();
    let expected =
        serde_json::json!(["a\u{fffd}\u{1b}[2J", "NaN", ["-inf", 0.1], [[1], []], "é".repeat(100), u64::MAX]);
    assert_eq!(serde_json::Value::from(values), expected);
}

#[test]
fn an_unreadable_or_malformed_model_is_exit_code_2_with_one_line() {
    let folder = TempDir::new().unwrap();
    let path = inside(&folder, "bad.gguf");
    let error = command(&["show", &path]).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().starts_with(&format!("cannot open {path}: ")), "{error}");

    fs::write(&path, "GGUF?").unwrap();
    let error = command(&["show", &path]).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    let message = format!("{path}: header: the version at offset 4 needs 4 bytes, but the file ends at 5");
    assert!(error.to_string().starts_with(&message), "{error}");
    assert!(!error.to_string().contains('\n'));
}

#[test]
fn make_writes_a_whole_model_that_show_reads() {
    let folder = TempDir::new().unwrap();
    let path = inside(&folder, "made.gguf");
    let sizes = [
        "--layers",
        "1",
        "--heads",
        "4",
        "--kv-heads",
        "1",
        "--vocab",
        "500",
        "--ctx",
        "99",
        "--type",
        "Q4_K_M",
    ];
    let said =
        command(&[&["make", "--arch", "llama", "-o", &path, "--seed", "7"], &sizes[..]].concat()).unwrap();
    let model = parsed(&path);
    assert_eq!(said, format!("{path}: {} bytes, 12 tensors, q4_k_m, seed 7\n", model.file_size));
    assert_eq!(model.u32("llama.context_length"), Ok(99));
    assert_eq!(model.u32("llama.attention.head_count_kv"), Ok(1));
    assert_eq!(fs::metadata(&path).unwrap().len(), model.file_size);
    assert!(command(&["show", &path]).unwrap().contains("blk.0.ffn_down.weight"));
    assert_eq!(files(folder.path()), 1);
}

#[test]
fn make_does_not_replace_a_file_unless_forced() {
    let folder = TempDir::new().unwrap();
    let path = inside(&folder, "made.gguf");
    fs::write(&path, "precious").unwrap();
    let error = command(&["make", "-o", &path, "--layers", "1"]).unwrap_err();
    assert_eq!((error.exit_code(), error.to_string()), (2, format!("{path} exists; --force replaces it")));
    assert_eq!(fs::read(&path).unwrap(), b"precious");
    command(&["make", "-o", &path, "--layers", "1", "--force"]).unwrap();
    assert_eq!(parsed(&path).tensors.len(), 12);
    assert_eq!(files(folder.path()), 1);
}

#[test]
fn a_sparse_file_equals_one_whose_holes_were_written() {
    let folder = TempDir::new().unwrap();
    let path = inside(&folder, "made.gguf");
    command(&["make", "-o", &path, "--layers", "2", "--type", "f16", "--sparse", "--tied"]).unwrap();
    let spec = loadparity::gguf::MakeSpec {
        layers: 2,
        matrices: loadparity::gguf::MatrixType::F16,
        sparse: true,
        tied: true,
        ..Default::default()
    };
    let mut expected = Vec::new();
    loadparity::gguf::make(&spec, &mut expected, &mut |_, _| {}).unwrap();
    assert!(fs::read(&path).unwrap() == expected);
}

#[rstest]
#[case::heads(&["--heads", "7"], "cannot make such a model: embd is 256, it must be a multiple of heads, 7")]
#[case::blocks(&["--type", "q4_K", "--embd", "320"], "embd is 320, it must be a multiple of the block of q4_K, 256")]
#[case::vocabulary(&["--vocab", "12"], "vocab is 12, allowed are 258 to 4194304")]
fn make_refuses_what_is_no_model_and_leaves_no_file(#[case] args: &[&str], #[case] message: &str) {
    let folder = TempDir::new().unwrap();
    let path = inside(&folder, "made.gguf");
    let error = command(&[&["make", "-o", &path], args].concat()).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains(message), "{error}");
    assert_eq!(files(folder.path()), 0);
}

#[test]
fn a_folder_that_is_not_there_cannot_be_written_to() {
    let folder = TempDir::new().unwrap();
    let error = command(&["make", "-o", &inside(&folder, "no/such/made.gguf")]).unwrap_err();
    assert_eq!(error.exit_code(), 70);
    assert!(error.to_string().starts_with("cannot write "), "{error}");
}

#[test]
fn unknown_types_and_architectures_are_usage_errors() {
    for args in [["--type", "q9"], ["--arch", "gpt3"]] {
        let parsed = Program::try_parse_from(["gguf", "make", "-o", "x", args[0], args[1]]);
        let Err(error) = parsed else { panic!("{args:?} was accepted") };
        assert!(error.to_string().contains("known"), "{error}");
    }
}
