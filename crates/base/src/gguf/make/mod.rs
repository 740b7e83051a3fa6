//! A generator of models: any size, seeded weights, the same bytes on every machine.
//!
//! The models run, and say nothing sensible. They stand in for real ones where a test needs a
//! size, a shape or a type that no fixture has.

mod spec;
mod transformer;
mod vocabulary;
mod weights;

use std::io;

pub use spec::{Arch, MakeSpec, MatrixType};

use super::{Gguf, Sink, TensorInfo, WriteError, Writer};
use weights::Weights;

/// Bytes of each matrix that a sparse model still holds, at most.
const SPARSE_PREFIX: u64 = 64 << 10;

/// Bytes produced between two writes; small enough to stay in a core's cache.
const PIECE: u64 = 256 << 10;

/// Why a model could not be made.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum MakeError {
    /// A size outside its bounds.
    #[error("{what} is {value}, allowed are {min} to {max}")]
    Range { what: &'static str, value: u64, min: u64, max: u64 },
    /// A size that another does not divide.
    #[error("{what} is {value}, it must be a multiple of {of}, {divisor}")]
    Multiple { what: &'static str, value: u64, of: String, divisor: u64 },
    /// The model could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// How a tensor is filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fill {
    /// Gains about 1.
    Gain,
    /// Numbers about 0, small beside a signal of 1.
    Bias,
    /// Weights about 0, of a spread that keeps the signal's size.
    Matrix,
}

/// One tensor of an architecture.
struct Planned {
    name: String,
    dims: Vec<u64>,
    dtype: super::TensorType,
    fill: Fill,
}

/// Makes a model and writes it to `out`. `progress` is told, as it goes, the bytes done and the
/// size of the file.
///
/// Each tensor's weights depend on the seed, its index, its type and its shape alone, and come
/// from integer arithmetic and exactly rounded floating-point operations. A sparse model holds the
/// first bytes of every matrix that the full one has, and zeros after them.
///
/// # Errors
/// When the specification does not describe a model, or `out` fails.
pub fn make(
    spec: &MakeSpec,
    out: &mut dyn Sink,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Gguf, MakeError> {
    spec.check()?;
    let (writer, fills) = declare(transformer::metadata(spec), transformer::tensors(spec))?;
    let layout = writer.layout()?;
    let total = layout.file_size;
    let gguf = writer.write_to_sink(out, &mut |index, tensor, sink| {
        let start = layout.file_range(tensor).start;
        let mut report = |done: u64| progress(start + done, total);
        stream(spec, index, tensor, fills[index], sink, &mut report)
    })?;
    progress(total, total);
    Ok(gguf)
}

/// A writer that knows everything but the data, and how to fill each tensor.
fn declare(
    metadata: Vec<(String, super::Value)>,
    tensors: Vec<Planned>,
) -> Result<(Writer, Vec<Fill>), WriteError> {
    let mut writer = Writer::new(3);
    for (key, value) in metadata {
        writer.metadata(&key, value)?;
    }
    for tensor in &tensors {
        writer.tensor(&tensor.name, &tensor.dims, tensor.dtype)?;
    }
    Ok((writer, tensors.iter().map(|tensor| tensor.fill).collect()))
}

/// Writes one tensor's data in pieces.
fn stream(
    spec: &MakeSpec,
    index: usize,
    tensor: &TensorInfo,
    fill: Fill,
    sink: &mut dyn Sink,
    report: &mut dyn FnMut(u64),
) -> io::Result<()> {
    let block = tensor.dtype.block_bytes();
    let seeded = match fill {
        Fill::Matrix if spec.sparse => tensor.size.min(SPARSE_PREFIX / block * block),
        _ => tensor.size,
    };
    let mut weights = Weights::new(spec.seed, index as u64, tensor.dtype, fill, tensor.dims[0]);
    // The generator gives whole 32-bit words, so every piece but the last is a multiple of them.
    let piece = PIECE / (4 * block) * (4 * block);
    let mut buffer = vec![0; piece.min(seeded) as usize];
    let mut done = 0;
    while done < seeded {
        let length = piece.min(seeded - done);
        let bytes = &mut buffer[..length as usize];
        weights.fill(bytes);
        sink.write_all(bytes)?;
        done += length;
        report(done);
    }
    sink.skip(tensor.size - seeded)
}
