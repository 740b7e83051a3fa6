//! The GGUF file format, versions 2 and 3: reader, writer, and a generator of seeded models.
//!
//! Source of the format: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>.
//!
//! A leaf: it reads from a [`ByteSource`] and writes to any `std::io::Write`, so it works over any
//! platform. Nothing is allocated by a size that the file claims before that size is checked.
//! Anyone may call it; it calls nobody.

mod model_file;
mod tensor_type;
mod value;

pub use model_file::{Gguf, TensorInfo};
pub use tensor_type::TensorType;
pub use value::{Array, Text, Value};
