//! Weights that are no GGUF: each layout under `compare`, `check`, `judge`, `trace` and `import`. The loaders are
//! programs that every system has, so that no format's own library is needed.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::path::{Path, PathBuf};

use rstest::rstest;
use serde_json::Value;

use crate::support;

/// A folder with files in it, the first of which is the model.
struct Files(tempfile::TempDir);

/// Bytes that differ everywhere, as weights do.
fn weights(len: usize) -> Vec<u8> {
    let next = |state: &u64| {
        Some(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407))
    };
    std::iter::successors(Some(42), next).take(len).map(|state: u64| (state >> 56) as u8).collect()
}

/// Two tensors of 100 000 bytes each.
fn safetensors() -> Vec<u8> {
    let tensor = |name: &str, from: u64| {
        format!(r#""{name}":{{"dtype":"U8","shape":[100000],"data_offsets":[{from},{}]}}"#, from + 100_000)
    };
    let header = format!("{{{},{}}}", tensor("first", 0), tensor("last", 100_000));
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &weights(200_000)].concat()
}

fn npy() -> Vec<u8> {
    let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (200000,), }\n";
    [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), &weights(200_000)]
        .concat()
}

/// A protocol buffer's field of bytes.
fn field(number: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    let mut len = body.len();
    while len >= 0x80 {
        bytes.push(len as u8 | 0x80);
        len >>= 7;
    }
    bytes.push(len as u8);
    [bytes, body.to_vec()].concat()
}

/// An ONNX model with one tensor in it and one in `w.bin`.
fn onnx() -> Vec<u8> {
    let here = [field(8, b"here"), field(9, &weights(100_000))].concat();
    let pair =
        |key: &str, value: &str| field(13, &[field(1, key.as_bytes()), field(2, value.as_bytes())].concat());
    let there =
        [field(8, b"there"), pair("location", "w.bin"), pair("offset", "4096"), pair("length", "100000")];
    [vec![8, 10], field(7, &[field(5, &here), field(5, &there.concat())].concat())].concat()
}

impl Files {
    fn new(files: &[(&str, Vec<u8>)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            std::fs::write(folder.path().join(name), bytes).unwrap();
        }
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

fn output(args: &[&str], paths: &[&Path], rest: &[&str]) -> std::process::Output {
    let mut line = support::loadparity();
    line.args(args);
    for path in paths {
        line.arg("-m").arg(path);
    }
    line.args(rest).output().unwrap()
}

/// Exit code and text.
fn said(args: &[&str], paths: &[&Path], rest: &[&str]) -> (i32, String) {
    let output = output(args, paths, rest);
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.code().unwrap(), text)
}

/// Exit code and document of a comparison of a command with itself or another.
fn compare(paths: &[&Path], old: &str, new: &str) -> (i32, Value) {
    let rest = ["--retries=1", "--format=json", "--old", old, "--new", new];
    let output = output(&["compare"], paths, &rest);
    (output.status.code().unwrap(), support::schemas::parsed(&output.stdout))
}

fn sentence(document: &Value) -> &str {
    document["finished"]["sentence"].as_str().unwrap()
}

/// An honest loader of each format reads all of it: nothing is to be found, and the bytes are observed.
#[rstest]
#[case::safetensors("m.safetensors", &[("m.safetensors", safetensors())])]
#[case::npy("m.npy", &[("m.npy", npy())])]
#[case::onnx("m.onnx", &[("m.onnx", onnx()), ("w.bin", weights(200_000))])]
#[case::shards("m.safetensors.index.json", &[
    ("m.safetensors.index.json", br#"{"weight_map":{"first":"1.safetensors","last":"2.safetensors"}}"#.to_vec()),
    ("1.safetensors", safetensors()),
    ("2.safetensors", safetensors()),
])]
#[case::opaque("m.weights", &[("m.weights", weights(200_000))])]
fn a_loader_of_any_format_is_no_finding(#[case] model: &str, #[case] files: &[(&str, Vec<u8>)]) {
    let folder = Files::new(files);
    let all = "sh -c 'cat \"${1%/*}\"/* | cksum' sh {model}";
    let (code, document) = compare(&[&folder.path(model)], all, all);
    assert_eq!((code, document["finished"]["verdict"].as_str()), (0, Some("pass")), "{document:#}");
}

/// Half of a file is no load, whatever the format: parity of two commands that leave the last tensor away would be
/// a false green.
#[rstest]
#[case::safetensors("m.safetensors", safetensors(), "last: bytes ")]
#[case::npy("m.npy", npy(), "the array: bytes ")]
#[case::opaque("m.weights", weights(200_000), "the whole file: bytes ")]
fn half_of_a_file_is_no_load(#[case] name: &str, #[case] bytes: Vec<u8>, #[case] says: &str) {
    let folder = Files::new(&[(name, bytes)]);
    let half = "head -c 131072 {model}";
    let (code, document) = compare(&[&folder.path(name)], half, half);
    assert_eq!((code, document["finished"]["verdict"].as_str()), (3, Some("blocked")), "{document:#}");
    assert!(sentence(&document).contains(says), "{}", sentence(&document));
}

/// External data that never comes is no load of the model either.
#[test]
fn external_data_belongs_to_the_model() {
    let folder = Files::new(&[("m.onnx", onnx()), ("w.bin", weights(200_000))]);
    let (code, document) = compare(&[&folder.path("m.onnx")], "cksum {model}", "cksum {model}");
    assert_eq!((code, document["finished"]["verdict"].as_str()), (3, Some("blocked")), "{document:#}");
    assert!(
        sentence(&document).contains("there in w.bin: bytes 4096..104096 never come"),
        "{}",
        sentence(&document)
    );
}

/// A header that lies is refused with one line that says where, before anything is run.
#[rstest]
#[case::long_header("m.safetensors", (1u64 << 63).to_le_bytes().to_vec(), "at offset 0: the header's length is")]
#[case::cut_short("m.safetensors", safetensors()[..150_000].to_vec(), "cut short or damaged")]
#[case::deep("m.safetensors", [&1_000_010u64.to_le_bytes()[..], br#"{"a":{"b":"#, &b"[".repeat(1_000_000)].concat(), "no valid JSON")]
#[case::array("m.npy", npy()[..1000].to_vec(), "200000 elements of 1 bytes pass the end")]
#[case::index("m.safetensors.index.json", br#"{"weight_map":{"a":"/etc/passwd"}}"#.to_vec(), "no path inside")]
fn a_malformed_model_is_a_usage_error(#[case] name: &str, #[case] bytes: Vec<u8>, #[case] says: &str) {
    let folder = Files::new(&[(name, bytes)]);
    let path = folder.path(name);
    let check = ["--faults", "--", "cat", "{model}"];
    for (args, rest) in
        [(&["check"][..], &check[..]), (&["compare"], &["--old", "cat {model}", "--new", "cat {model}"])]
    {
        let (code, text) = said(args, &[&path], rest);
        assert!(code == 2 && text.contains(says) && text.contains(name), "{code}: {text}");
        assert_eq!(text.lines().count(), 1, "{text}");
    }
}

/// What `--layout` names is taken, and a file of unknown content is said to be one.
#[test]
fn the_layout_can_be_named_and_an_unknown_one_is_said() {
    let folder =
        Files::new(&[("m.safetensors", safetensors()[..150_000].to_vec()), ("m.bin", weights(150_000))]);
    let (code, text) = said(
        &["compare", "--layout", "opaque", "--retries=1"],
        &[&folder.path("m.safetensors")],
        &["--old", "cksum {model}", "--new", "cksum {model}"],
    );
    assert_eq!(code, 0, "{text}");
    let faults = ["--faults=single", "--cases=1", "--", "cksum", "{model}"];
    let (code, text) = said(&["check"], &[&folder.path("m.bin")], &faults);
    // `cksum` reads where the dialect maps.
    assert!(
        code == 1 && text.contains("m.bin: its format is unknown: all of its bytes count as weights"),
        "{text}"
    );
    let (code, text) = said(&["check", "--layout", "pickle"], &[&folder.path("m.bin")], &faults);
    assert!(code == 2 && text.contains("accepted are auto, gguf"), "{text}");
}

/// The reference engine loads GGUF alone, and says so of anything else.
#[test]
fn the_reference_engine_takes_gguf_alone() {
    let folder = Files::new(&[("m.npy", npy())]);
    let path = folder.path("m.npy");
    for (args, paths, says) in [
        (&["check"][..], &[&*path][..], "not a GGUF file"),
        (&["check", "--faults"], &[&*path], "not a GGUF file"),
        (&["check", "--layout", "npy"], &[&*path], "the reference engine loads GGUF alone"),
        (&["check"], &[&*path, &*path], "several -m are about a command"),
    ] {
        let (code, text) = said(args, paths, &[]);
        assert!(code == 2 && text.contains(says), "{args:?}: {text}");
    }
}

/// A trace of a program that never opened the model that was named is no evidence about that model; one of a program
/// that loaded a file which nobody named says which.
#[test]
fn a_trace_says_what_was_never_opened_and_what_may_have_been_meant() {
    let folder = Files::new(&[("a.bin", weights(3 << 20)), ("b.npy", npy())]);
    let (a, b) = (folder.path("a.bin"), folder.path("b.npy"));
    let cat = |path: &Path| {
        ["--", "cksum"].into_iter().map(str::to_owned).chain([path.display().to_string()]).collect::<Vec<_>>()
    };
    let run = |paths: &[&Path], path: &Path| {
        let words = cat(path);
        said(&["trace"], paths, &words.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let (code, text) = run(&[&b], &a);
    assert!(code == 3 && text.contains(&format!("never opened {}", b.display())), "{code}: {text}");
    let (code, text) = run(&[], &a);
    assert_eq!(code, 0, "{text}");
    assert!(
        text.contains(&format!("the largest file that was opened is {} (3145728 bytes)", a.display())),
        "{text}"
    );
    let (code, text) = run(&[&a], &a);
    assert!(
        code == 0 && text.contains("its format is unknown") && text.contains("effective: read"),
        "{text}"
    );
    let (code, text) = run(&[&b], &b);
    assert!(code == 0 && !text.contains("unknown"), "{text}");
}

/// A recording names its model as the loader did; a name without an extension counts when it is given.
#[test]
fn a_recording_of_any_file_is_imported_and_judged() {
    let folder = Files::new(&[("m.weights", weights(200_000))]);
    let text = "openat(AT_FDCWD, \"/models/m.weights\", O_RDONLY) = 3\n\
        mmap(NULL, 200000, PROT_READ, MAP_SHARED, 3, 0) = 0x7f0000000000\n\
        close(3) = 0\n+++ exited with 0 +++\n";
    let log = folder.path("log.strace");
    std::fs::write(&log, text).unwrap();
    let out = folder.path("t.jsonl");
    let import = ["-o", out.to_str().unwrap(), log.to_str().unwrap()];
    let (code, text) = said(&["import"], &[], &import);
    assert!(code == 0 && text.contains("; 0 operations"), "{text}");
    let (code, text) = said(&["import"], &[Path::new("m.weights")], &import);
    assert!(code == 0 && text.contains("; 4 operations"), "{text}");
    let judge = ["judge", "--dialect", "booleans", "--strace", log.to_str().unwrap()];
    let (code, text) = said(&judge, &[&folder.path("m.weights")], &["--", "--mmap"]);
    assert!(code == 0 && text.contains("its format is unknown"), "{code}: {text}");
    let (code, text) = said(&judge, &[&folder.path("m.weights")], &["--", "--no-mmap"]);
    assert_eq!(code, 1, "{text}");
}

/// A second file that is named is part of the model, and the line that shows a finding again names it too.
#[test]
fn files_that_are_named_are_one_model() {
    let folder = Files::new(&[("a.npy", npy()), ("b.npy", npy())]);
    let (a, b) = (folder.path("a.npy"), folder.path("b.npy"));
    let (code, document) = compare(&[&a, &b], "cksum {model}", "cksum {model}");
    assert_eq!((code, document["finished"]["verdict"].as_str()), (3, Some("blocked")), "{document:#}");
    let both = format!("cksum {{model}} {}", b.display());
    let (code, document) = compare(&[&a, &b], &both, &both);
    assert_eq!((code, document["finished"]["verdict"].as_str()), (0, Some("pass")), "{document:#}");
    let faults = ["--layout=npy", "--faults=single", "--cases=40", "--format=json", "--"];
    let careless = format!("cat \"$0\" {} 2>/dev/null | cksum", b.display());
    let rest: Vec<&str> = faults.into_iter().chain(["sh", "-c", &careless, "{model}"]).collect();
    let output = output(&["check"], &[&a, &b], &rest);
    let document = support::schemas::parsed(&output.stdout);
    let line = document["failures"][0]["reproduce"].as_str().unwrap_or_else(|| panic!("{document:#}"));
    assert!(line.contains(&format!("-m {} -m {} --layout=npy", a.display(), b.display())), "{line}");
}
