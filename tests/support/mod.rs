//! Fixture models and reference outputs, for the tests that need them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use loadparity::engine::TensorBytes;
use loadparity::engine::arch::Model;
use loadparity::gguf;

/// A file under `fixtures/`.
pub(crate) fn fixture(path: &str) -> PathBuf {
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
pub(crate) fn load(name: &str) -> Arc<Model> {
    let path = fixture(&format!("models/{name}.gguf"));
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let gguf = gguf::read(&bytes).expect("fixtures are sound");
    let ranges = gguf.tensors.iter().map(|tensor| gguf.file_range(tensor));
    let ranges = ranges.map(|range| range.start as usize..range.end as usize).collect();
    Arc::new(Model::new(Arc::new(gguf), Arc::new(WholeFile { bytes, ranges })).expect("fixtures are models"))
}
