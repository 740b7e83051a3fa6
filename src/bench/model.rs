//! How llama-bench describes a model.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::measure::BenchError;
use crate::engine;
use crate::gguf::{Gguf, split};
use crate::platform::Platform;

/// What `general.file_type` stands for in llama.cpp's words: `enum llama_ftype` of its `llama.h`.
const FILE_TYPES: [(u64, &str); 21] = [
    (0, "all F32"),
    (1, "F16"),
    (2, "Q4_0"),
    (3, "Q4_1"),
    (7, "Q8_0"),
    (8, "Q5_0"),
    (9, "Q5_1"),
    (10, "Q2_K - Medium"),
    (11, "Q3_K - Small"),
    (12, "Q3_K - Medium"),
    (13, "Q3_K - Large"),
    (14, "Q4_K - Small"),
    (15, "Q4_K - Medium"),
    (16, "Q5_K - Small"),
    (17, "Q5_K - Medium"),
    (18, "Q6_K"),
    (21, "Q2_K - Small"),
    (25, "IQ4_NL - 4.5 bpw"),
    (30, "IQ4_XS - 4.25 bpw"),
    (32, "BF16"),
    (38, "MXFP4 MoE"),
];

/// What a result says of its model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelFacts {
    /// Its path as it was given.
    pub filename: String,
    /// Architecture, size and type in llama.cpp's words. The size is the file's own label: the table
    /// by which llama.cpp guesses it from the number of layers is not known here, and `?B` stands
    /// where there is no label, as it does there.
    pub description: String,
    /// Bytes of all tensors.
    pub size: u64,
    /// Elements of all tensors.
    pub parameters: u64,
    /// All files of the model, the first one first.
    pub files: Vec<PathBuf>,
}

impl ModelFacts {
    /// Reads the headers of a model and of its other shards.
    ///
    /// # Errors
    /// Where a header cannot be read, or shards do not belong together.
    pub fn read(platform: &Arc<dyn Platform>, path: &Path, name: &str) -> Result<Self, BenchError> {
        let split_error = |source| BenchError::Split { path: path.to_owned(), source };
        let (_, first) = engine::open_header(platform, path)?;
        let files = match split::shard(&first).map_err(split_error)? {
            Some(shard) => split::paths(path, shard).map_err(split_error)?,
            None => vec![path.to_owned()],
        };
        let (mut size, mut parameters) = counted(&first);
        for file in &files[1..] {
            let (_, shard) = engine::open_header(platform, file)?;
            let (more_size, more_parameters) = counted(&shard);
            size = size.saturating_add(more_size);
            parameters = parameters.saturating_add(more_parameters);
        }
        Ok(Self { filename: name.to_owned(), description: description(&first), size, parameters, files })
    }
}

/// Bytes and elements of a file's tensors.
fn counted(gguf: &Gguf) -> (u64, u64) {
    gguf.tensors.iter().fold((0u64, 0u64), |(size, elements), tensor| {
        let of_this = tensor.dims.iter().fold(1u64, |product, dim| product.saturating_mul(*dim));
        (size.saturating_add(tensor.size), elements.saturating_add(of_this))
    })
}

fn description(gguf: &Gguf) -> String {
    let text = |key: &str| gguf.get(key).and_then(|value| value.as_str());
    let architecture = text("general.architecture").unwrap_or("unknown");
    let size = text("general.size_label").unwrap_or("?B");
    let file_type = gguf.get("general.file_type").and_then(|value| value.as_u64());
    let named = file_type.and_then(|id| FILE_TYPES.iter().find(|(known, _)| *known == id));
    match (named, file_type) {
        (Some((_, name)), _) => format!("{architecture} {size} {name}"),
        (None, Some(_)) => format!("{architecture} {size} unknown, may not work"),
        (None, None) => format!("{architecture} {size} {}", likeliest_type(gguf)),
    }
}

/// The type that most bytes have, where the file does not say what it is.
fn likeliest_type(gguf: &Gguf) -> String {
    let mut bytes = std::collections::BTreeMap::new();
    for tensor in &gguf.tensors {
        let sum: &mut u64 = bytes.entry(tensor.dtype).or_default();
        *sum = sum.saturating_add(tensor.size);
    }
    let most = bytes.into_iter().max_by_key(|(_, sum)| *sum);
    most.map_or_else(
        || "no tensors".to_owned(),
        |(dtype, _)| format!("{} (guessed)", dtype.name().to_uppercase()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gguf::{TensorInfo, TensorType, Value};

    fn gguf(metadata: &[(&str, Value)]) -> Gguf {
        let tensor = |name: &str, dims: &[u64], dtype: TensorType| TensorInfo {
            name: name.to_owned(),
            dims: dims.to_vec(),
            dtype,
            offset: 0,
            size: dtype.size_of(dims.iter().product()).unwrap_or_default(),
        };
        Gguf {
            version: 3,
            alignment: 32,
            metadata: metadata.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect(),
            tensors: vec![tensor("a", &[64, 2], TensorType::Q8_0), tensor("b", &[3], TensorType::F32)],
            data_offset: 0,
            file_size: 0,
        }
    }

    fn string(text: &str) -> Value {
        Value::String(crate::gguf::Text(text.into()))
    }

    #[test]
    fn a_description_says_what_is_known() {
        let full = [
            ("general.architecture", string("llama")),
            ("general.size_label", string("1B")),
            ("general.file_type", Value::U32(15)),
        ];
        assert_eq!(description(&gguf(&full)), "llama 1B Q4_K - Medium");
        assert_eq!(description(&gguf(&full[..1])), "llama ?B Q8_0 (guessed)");
        let strange = [("general.architecture", string("qwen3")), ("general.file_type", Value::U32(99))];
        assert_eq!(description(&gguf(&strange)), "qwen3 ?B unknown, may not work");
    }

    #[test]
    fn sizes_are_counted_over_all_tensors() {
        assert_eq!(counted(&gguf(&[])), (4 * 34 + 12, 128 + 3));
    }
}
