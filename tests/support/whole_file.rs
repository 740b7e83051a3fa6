//! Fixture models read whole, for tests that are not about loading.

use std::path::Path;
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
    load_file(&super::fixture(name))
}

/// Reads a model whole.
pub fn load_file(path: &Path) -> Arc<Model> {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let gguf = gguf::read(&bytes).unwrap();
    let ranges = gguf.tensors.iter().map(|tensor| gguf.file_range(tensor));
    let ranges = ranges.map(|range| range.start as usize..range.end as usize).collect();
    let model = Model::new(Arc::new(gguf), Arc::new(WholeFile { bytes, ranges }));
    Arc::new(model.unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}
