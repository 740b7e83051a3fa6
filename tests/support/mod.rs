<<<<<<< HEAD
//! What several test files share.

#![allow(dead_code, reason = "each test file uses its own part of this")]

pub mod saboteur;

use std::path::PathBuf;

/// A model of `fixtures/models` by its short name, such as `q4_k_m`.
pub fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/models/fixture-llama-{name}.gguf"))
}

/// The program under test.
pub fn loadparity() -> assert_cmd::Command {
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_loadparity"));
    for name in ["LOAD_MODE", "MMAP", "NO_MMAP", "MLOCK", "DIO", "NO_DIO"] {
        command.env_remove(format!("LLAMA_ARG_{name}"));
    }
    command.env("NO_COLOR", "1");
    command
=======
//! Fixture models and reference outputs, for the tests that need them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use loadparity::engine::TensorBytes;
use loadparity::engine::arch::Model;
use loadparity::gguf;

/// A file under `fixtures/`.
pub fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(path)
}

/// The tensors of a file that was read whole.
struct WholeFile {
    bytes: Vec<u8>,
    ranges: Vec<std::ops::Range<usize>>,
}

impl TensorBytes for WholeFile {
    fn tensor_bytes(&self, index: usize) -> &[u8] {
        &self.bytes[self.ranges[index].clone()]
    }
}

/// Reads a fixture model whole.
pub fn load(name: &str) -> Arc<Model> {
    let path = fixture(&format!("models/{name}.gguf"));
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let gguf = gguf::read(&bytes).unwrap();
    let ranges = gguf.tensors.iter().map(|tensor| gguf.file_range(tensor));
    let ranges = ranges.map(|range| range.start as usize..range.end as usize).collect();
    Arc::new(Model::new(Arc::new(gguf), Arc::new(WholeFile { bytes, ranges })).unwrap())
>>>>>>> kernels
}
