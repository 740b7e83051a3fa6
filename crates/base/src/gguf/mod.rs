//! The GGUF file format, versions 2 and 3: reader, writer, and a generator of seeded models.
//!
//! Source of the format: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>.
//!
//! A leaf: it reads from a [`ByteSource`] and writes to any `std::io::Write`, so it works over any
//! platform. Nothing is allocated by a size that the file claims before that size is checked.
//! Anyone may call it; it calls nobody.
//!
//! | part | job |
//! | --- | --- |
//! | [`read`] | a [`ByteSource`] → a validated [`Gguf`], or a [`ReadError`] that names the place |
//! | [`Writer`] | metadata, tensor table and streamed tensor data → a [`Sink`] |
//! | [`make`] | a [`MakeSpec`] → a runnable model with seeded weights, the same bytes everywhere |
//! | [`split`] | models in several files |
//! | [`remarks`] | what ggml would refuse of a file that is read here |
//! | [`KeyError`] | what typed getters such as [`Gguf::u32`] say of a missing or odd key |

mod cursor;
mod encode;
mod error;
mod keys;
mod layout;
mod limits;
mod make;
mod model_file;
mod reader;
mod recognise;
mod remarks;
mod sink;
mod source;
pub mod split;
mod tensor_type;
mod value;
mod value_type;
mod writer;

pub use error::{Place, ReadError};
pub use keys::KeyError;
pub use limits::{
    MAX_ALIGNMENT, MAX_ARRAY_DEPTH, MAX_DIMS, MAX_ENTRIES, MAX_HEADER_BYTES, MAX_ITEMS, MAX_KEY_BYTES,
    MAX_SHARDS, MAX_TENSOR_NAME_BYTES,
};
pub use make::{Arch, MakeError, MakeSpec, MatrixType, make};
pub use model_file::{Gguf, TensorInfo};
pub use reader::read;
pub use remarks::remarks;
pub use sink::{HoleSink, Sink, WriteSink};
pub use source::{ByteSource, SeekSource};
pub use tensor_type::TensorType;
pub use value::{Array, Text, Value};
pub use value_type::ValueType;
pub use writer::{WriteError, Writer};
