//! Fixture models read whole, for tests that are not about loading.

use std::sync::Arc;

use loadparity::engine::TensorBytes;
use loadparity::engine::arch::Model;
use loadparity::gguf;

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
    let path = super::fixture(name);
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let gguf = gguf::read(&bytes).unwrap();
    let ranges = gguf.tensors.iter().map(|tensor| gguf.file_range(tensor));
    let ranges = ranges.map(|range| range.start as usize..range.end as usize).collect();
    Arc::new(Model::new(Arc::new(gguf), Arc::new(WholeFile { bytes, ranges })).unwrap())
}
