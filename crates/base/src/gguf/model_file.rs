//! A parsed file: metadata, tensor table, and where the tensor data lies.

use std::ops::Range;

use super::{TensorType, Value};

/// The header of one GGUF file, validated against the file's size.
#[derive(Clone, Debug, PartialEq)]
pub struct Gguf {
    /// Format version, 2 or 3.
    pub version: u32,
    /// Alignment of the data section and of every tensor in it, in bytes; a power of two.
    pub alignment: u64,
    /// Key-value pairs in file order; keys are unique.
    pub metadata: Vec<(String, Value)>,
    /// The tensor table in file order; names are unique.
    pub tensors: Vec<TensorInfo>,
    /// File offset of the data section, a multiple of the alignment.
    pub data_offset: u64,
    /// Size of the file in bytes.
    pub file_size: u64,
}

/// One entry of the tensor table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// Its name.
    pub name: String,
    /// Elements along each dimension, the fastest-running first; none (a single element) to four of them.
    pub dims: Vec<u64>,
    /// Element type.
    pub dtype: TensorType,
    /// Offset from the start of the data section, in bytes.
    pub offset: u64,
    /// Size in bytes: elements ÷ block elements × block bytes; of a type without a known block the bytes up to
    /// the next tensor or the end of the file.
    pub size: u64,
}

impl Gguf {
    /// The value of a metadata key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.metadata.iter().find(|(k, _)| k == key).map(|(_, v)| v)
    }

    /// The index of a tensor in [`Gguf::tensors`].
    pub fn tensor_index(&self, name: &str) -> Option<usize> {
        self.tensors.iter().position(|t| t.name == name)
    }

    /// The bytes of the file that a tensor occupies.
    pub fn file_range(&self, tensor: &TensorInfo) -> Range<u64> {
        let start = self.data_offset + tensor.offset;
        start..start + tensor.size
    }
}
