//! Why a file is not a model that the engine can run.

use super::Architecture;
use crate::engine::quant::Format;
use crate::gguf::{KeyError, TensorType};

/// Why a [`super::Model`] cannot be built.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ModelError {
    /// The architecture is not one of [`Architecture::ALL`].
    #[error("architecture `{0}` is not supported; supported: {list}", list = architectures())]
    Architecture(String),
    /// A key is missing or has a value of another type.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A key has a value that makes no sense or that the engine cannot follow.
    #[error("the metadata key `{key}` is {value}: {why}")]
    Value {
        /// The key.
        key: String,
        /// Its value.
        value: String,
        /// What is wrong with it.
        why: String,
    },
    /// A tensor is missing.
    #[error("the tensor `{0}` is missing")]
    MissingTensor(String),
    /// A tensor has no place in the architecture's graph.
    #[error(
        "the tensor `{name}` has no place in the architecture `{architecture}`: this is another kind of model"
    )]
    UnusedTensor {
        /// The tensor.
        name: String,
        /// The architecture.
        architecture: &'static str,
    },
    /// A tensor has another shape than the metadata ask for.
    #[error("the tensor `{name}` has dimensions {found:?}, but the metadata ask for {expected:?}")]
    Shape {
        /// The tensor.
        name: String,
        /// Dimensions that it must have, the fastest-running first.
        expected: Vec<u64>,
        /// Dimensions that it has.
        found: Vec<u64>,
    },
    /// A tensor has a type that the engine has no kernel for.
    #[error("the tensor `{name}` has type {found}, which is not supported here; supported: {supported}")]
    TensorType {
        /// The tensor.
        name: String,
        /// Its type.
        found: TensorType,
        /// The types that would do, separated by commas.
        supported: String,
    },
    /// A tensor's rows are not whole blocks of its type.
    #[error(
        "the tensor `{name}` has rows of {row} elements, which are not whole blocks of {found} ({block} elements)"
    )]
    Blocks {
        /// The tensor.
        name: String,
        /// Elements of a row.
        row: usize,
        /// Its type.
        found: TensorType,
        /// Elements of a block.
        block: usize,
    },
    /// The bytes given for a tensor are not as many as its type and shape take.
    #[error("the tensor `{name}` takes {expected} bytes, but {found} were loaded")]
    Bytes {
        /// The tensor.
        name: String,
        /// Bytes that its type and shape take.
        expected: usize,
        /// Bytes that there are.
        found: usize,
    },
}

fn architectures() -> String {
    Architecture::ALL.iter().map(|a| a.name).collect::<Vec<_>>().join(", ")
}

/// The names of formats, for a message.
pub(super) fn names(formats: &[Format]) -> String {
    formats.iter().map(|f| f.dtype().to_string()).collect::<Vec<_>>().join(", ")
}
