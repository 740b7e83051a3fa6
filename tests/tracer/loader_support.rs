//! The C loaders of `tests/loaders`, compiled once, small models for it, and what the program says of it.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of this")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use loadparity::gguf;
use serde_json::Value;

use crate::support;

const SOURCE: &str = include_str!("../loaders/loader.c");
const TABLE: &str = include_str!("../loaders/expected.tsv");
const LAZY_SOURCE: &str = include_str!("../loaders/lazy.c");
const LAZY_TABLE: &str = include_str!("../loaders/lazy.tsv");

/// A row of the table of variants.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub name: &'static str,
    pub kind: &'static str,
    pub shown_by: &'static str,
    /// The exit code of `check`.
    pub code: i32,
    /// The rules that `check` names, in order.
    pub rules: &'static str,
}

/// The table of variants.
pub fn table() -> Vec<Row> {
    rows(TABLE)
}

/// The table of variants of the loader with a lazy mode.
pub fn lazy_table() -> Vec<Row> {
    rows(LAZY_TABLE)
}

fn rows(table: &'static str) -> Vec<Row> {
    let lines = table.lines().filter(|line| !line.starts_with('#'));
    let rows = lines.map(|line| {
        let [name, kind, shown_by, code, rules, _] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("six columns: {line}")
        };
        let rules = if rules == "-" { "" } else { rules };
        Row { name, kind, shown_by, code: code.parse().unwrap(), rules }
    });
    rows.collect()
}

/// Where what tests make may lie: on a disk, which has direct I/O where a folder in memory has none.
fn scratch() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// The program of a variant of the loader.
pub fn loader(variant: &str) -> PathBuf {
    compiled(SOURCE, &table(), variant)
}

/// A variant of the loader with a lazy mode as a command, and the file of its dialect.
pub fn lazy_command(variant: &str) -> (Vec<String>, &'static str) {
    let program = compiled(LAZY_SOURCE, &lazy_table(), variant);
    let dialect = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/loaders/lazy.toml");
    (words(&[program.to_str().unwrap(), "{model}", "{flags}"]), dialect)
}

/// The program of a variant. The first test that needs one compiles them all; tests that do so at the same time make
/// the same file.
fn compiled(source_text: &str, table: &[Row], variant: &str) -> PathBuf {
    assert!(table.iter().any(|row| row.name == variant), "no row `{variant}` in the table");
    let hash = blake3::hash(source_text.as_bytes()).to_hex();
    let folder = scratch().join(format!("loaders-{}", &hash[..16]));
    let program = folder.join(variant);
    if program.exists() {
        return program;
    }
    std::fs::create_dir_all(&folder).unwrap();
    let own = tempfile::tempdir_in(&folder).unwrap();
    let (source, made) = (own.path().join("loader.c"), own.path().join("loader"));
    std::fs::write(&source, source_text).unwrap();
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let told = Command::new(&compiler)
        .args(["-std=c11", "-O2", "-Wall", "-Wextra", "-pthread", "-o"])
        .args([&made, &source])
        .output()
        .unwrap_or_else(|e| {
            panic!(
                "{}: {e}: these tests compile a loader and need a C compiler (gcc or clang)",
                compiler.display()
            )
        });
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let all = folder.join("loader");
    std::fs::rename(&made, &all).unwrap();
    for row in table {
        match std::os::unix::fs::symlink("loader", folder.join(row.name)) {
            Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => panic!("{e}"),
            _ => {}
        }
    }
    program
}

/// A variant as a command.
pub fn command(variant: &str) -> Vec<String> {
    words(&[loader(variant).to_str().unwrap(), "{model}", "{flags}"])
}

/// A variant behind a shell script, which finds its words in `"$@"`.
pub fn behind(script: &str, variant: &str) -> Vec<String> {
    words(&["sh", "-c", script, "sh"]).into_iter().chain(command(variant)).collect()
}

/// A shell script as a command; the model is `$1`, flags follow.
pub fn script(script: &str) -> Vec<String> {
    words(&["sh", "-c", script, "sh", "{model}", "{flags}"])
}

pub fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// A command as one line of a shell.
pub fn line(command: &[String]) -> String {
    let quoted = command.iter().map(|word| format!("'{}'", word.replace('\'', r"'\''")));
    quoted.collect::<Vec<_>>().join(" ")
}

/// A model in a folder of its own, which goes with it.
pub struct Model {
    pub path: PathBuf,
    folder: tempfile::TempDir,
}

impl Model {
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The exit code, document and text of a command of the program on this model.
    pub fn asked(&self, args: &[&str], command: &[String]) -> Told {
        let json = self.folder.path().join("result.json");
        _ = std::fs::remove_file(&json);
        let mut line = support::loadparity();
        line.args(args).arg("-m").arg(&self.path);
        if (!command.is_empty() || args.contains(&"compare")) && !args.contains(&"--retries") {
            line.arg("--retries=1");
        }
        if !args.contains(&"--jobs") {
            line.arg("--jobs=2");
        }
        line.arg("--format=terminal").arg(format!("--format=json={}", json.display()));
        if !command.is_empty() {
            line.arg("--").args(command);
        }
        told(&line.output().unwrap(), &json)
    }

    /// `check` of a command, in the dialect of the C loader and with the whole matrix unless `args` say otherwise.
    pub fn check(&self, args: &[&str], command: &[String]) -> Told {
        self.asked(&[&["check", "--dialect", "booleans"][..], args].concat(), command)
    }

    /// `compare` of two commands in the same way.
    pub fn compare(&self, args: &[&str], old: &[String], new: &[String]) -> Told {
        let (old, new) = (line(old), line(new));
        self.asked(
            &[&["compare", "--dialect", "booleans", "--old", &old, "--new", &new][..], args].concat(),
            &[],
        )
    }
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in(scratch()).unwrap()
}

/// A model of some 300 KiB, whose tensors begin inside a page, with `MODEL.other` beside it, in which one byte of
/// the weights is another.
pub fn model() -> Model {
    let folder = folder();
    let path = folder.path().join("model.gguf");
    let shape = ["--layers", "2", "--embd", "96", "--heads", "3", "--kv-heads", "3", "--ffn", "192"];
    let mut line = support::loadparity();
    line.args(["gguf", "make", "--vocab", "512"]).args(shape).arg("-o").arg(&path).assert().success();
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(folder.path().join("model.gguf.other"), bytes).unwrap();
    Model { path, folder }
}

/// The same in three shards.
pub fn shards() -> Model {
    let whole = model();
    let prefix = whole.folder().join("part");
    let mut line = support::loadparity();
    line.args(["gguf", "split", "--max-tensors", "7"]).args([&whole.path, &prefix]).assert().success();
    Model { path: whole.folder().join("part-00001-of-00003.gguf"), folder: whole.folder }
}

/// The same in two shards, of which the first has no tensors: what `--no-tensor-first-split` of llama.cpp makes.
pub fn shards_behind_an_empty_one() -> Model {
    let whole = model();
    let path = |number: usize| whole.folder().join(format!("part-{number:05}-of-00002.gguf"));
    let all = header(&whole.path);
    rewrite(&whole.path, &path(1), &gguf::split::metadata(&all, 0, 2), false);
    rewrite(&whole.path, &path(2), &gguf::split::metadata(&all, 1, 2), true);
    Model { path: path(1), folder: whole.folder }
}

/// A model that has everything but tensors.
pub fn model_without_tensors() -> Model {
    let whole = model();
    let path = whole.folder().join("empty.gguf");
    rewrite(&whole.path, &path, &header(&whole.path).metadata, false);
    Model { path, folder: whole.folder }
}

fn header(model: &Path) -> gguf::Gguf {
    gguf::read(&gguf::SeekSource::new(std::fs::File::open(model).unwrap()).unwrap()).unwrap()
}

/// Writes the tensors of a model, or none of them, to another file with other metadata.
fn rewrite(from: &Path, to: &Path, metadata: &[(String, gguf::Value)], tensors: bool) {
    let (all, bytes) = (header(from), std::fs::read(from).unwrap());
    let mut writer = gguf::Writer::new(3);
    for (key, value) in metadata {
        writer.metadata(key, value.clone()).unwrap();
    }
    for tensor in all.tensors.iter().filter(|_| tensors) {
        writer.tensor(&tensor.name, &tensor.dims, tensor.dtype).unwrap();
    }
    let copy = &mut |index: usize, _: &gguf::TensorInfo, out: &mut dyn gguf::Sink| {
        let range = all.file_range(&all.tensors[index]);
        out.write_all(&bytes[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()])
    };
    writer.write_to(std::fs::File::create(to).unwrap(), copy).unwrap();
}

/// What the program said.
pub struct Told {
    pub code: i32,
    pub document: Value,
    /// What it wrote for people, and to standard error.
    pub text: String,
}

fn told(output: &Output, json: &Path) -> Told {
    let text = String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned();
    let bytes = std::fs::read(json).unwrap_or_else(|e| panic!("{e}: {text}"));
    Told { code: output.status.code().unwrap(), document: support::schemas::parsed(&bytes), text }
}

impl Told {
    /// The verdict in a sentence.
    pub fn sentence(&self) -> &str {
        self.document["finished"]["sentence"].as_str().unwrap()
    }

    /// The failures that are not known.
    pub fn failures(&self) -> Vec<&Value> {
        let all = self.document["failures"].as_array().unwrap().iter();
        all.filter(|failure| failure["expected"].is_null()).collect()
    }

    /// The rules that they name, each once.
    pub fn rules(&self) -> Vec<&str> {
        let mut rules: Vec<&str> = self.failures().iter().map(|f| f["rule"].as_str().unwrap()).collect();
        rules.sort_unstable();
        rules.dedup();
        rules
    }

    /// The messages of those that name a rule.
    pub fn messages(&self, rule: &str) -> Vec<&str> {
        let failures = self.failures();
        failures.iter().filter(|f| f["rule"] == rule).map(|f| f["message"].as_str().unwrap()).collect()
    }

    /// Asserts that it ended with 3, found no broken rule, and says why in one sentence.
    #[track_caller]
    pub fn is_no_pass(&self, verdict: &str, why: &str) {
        let finished = &self.document["finished"];
        assert_eq!((self.code, self.rules()), (3, vec![]), "{}", self.text);
        assert_eq!(finished["verdict"], verdict, "{}", self.text);
        let sentence = self.sentence();
        assert!(sentence.contains(why) && !sentence.contains('\n'), "{sentence}");
        assert!(self.text.contains(sentence), "the text has the sentence too: {}", self.text);
    }

    /// Asserts that it ended with 0 and found nothing.
    #[track_caller]
    pub fn is_pass(&self) {
        assert_eq!((self.code, self.rules()), (0, vec![]), "{}", self.text);
    }

    /// Asserts that it ended with 1 and named exactly these rules.
    #[track_caller]
    pub fn breaks(&self, rules: &[&str]) {
        assert_eq!((self.code, self.rules()), (1, rules.to_vec()), "{}", self.text);
    }
}
