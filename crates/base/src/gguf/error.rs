//! What the reader says of a file it cannot accept.

use std::fmt;
use std::io;
use std::ops::RangeInclusive;

use super::{TensorType, limits};

/// The part of the file that was being read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The magic, the version and the two counts.
    Header,
    /// A metadata entry whose key is not known yet, counted from 0.
    Entry(u64),
    /// The value of a key.
    Key(String),
    /// An entry of the tensor table whose name is not known yet, counted from 0.
    TensorEntry(u64),
    /// The rest of a tensor's entry.
    Tensor(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Header => f.write_str("header"),
            Place::Entry(index) => write!(f, "metadata entry {index}"),
            Place::Key(key) => write!(f, "key {key:?}"),
            Place::TensorEntry(index) => write!(f, "tensor entry {index}"),
            Place::Tensor(name) => write!(f, "tensor {name:?}"),
        }
    }
}

/// Why a file was not accepted. Offsets are from the start of the file, in bytes.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum ReadError {
    /// The source failed.
    #[error("reading {length} bytes at offset {offset} failed: {error}")]
    Io { offset: u64, length: u64, error: io::Error },

    /// The first four bytes are not `GGUF`.
    #[error("not a GGUF file: {what}it starts with {found}, where \"GGUF\" was expected{hint}")]
    Magic { found: String, what: String, hint: &'static str },

    /// The version reads as a small number when its bytes are swapped.
    #[error(
        "the file is big-endian (GGUF version {version} with its bytes swapped); only little-endian files \
         can be loaded: convert it to little-endian"
    )]
    BigEndian { version: u32 },

    /// A version that nobody reads any more, or does not know yet.
    #[error("GGUF version {version} is not supported, only 2 and 3 are{hint}")]
    Version { version: u32, hint: &'static str },

    /// The file is shorter than its header says.
    #[error(
        "{place}: {what} at offset {offset} needs {need} bytes, but the file ends at {file_size}, \
         {remaining} bytes further: it is cut short or damaged"
    )]
    Truncated { place: Place, what: &'static str, offset: u64, need: u64, remaining: u64, file_size: u64 },

    /// The header goes on beyond the bound.
    #[error(
        "{place}: {what} at offset {offset} needs {need} bytes, which takes the header past the limit of {} bytes",
        limits::MAX_HEADER_BYTES
    )]
    HeaderTooLarge { place: Place, what: &'static str, offset: u64, need: u64 },

    /// A count that the rest of the file cannot hold.
    #[error(
        "{place}: the count of {what} at offset {offset} is {count}, which needs at least {min_bytes} bytes \
         each, but only {remaining} bytes can follow: the count is damaged"
    )]
    Count { place: Place, what: &'static str, offset: u64, count: u64, min_bytes: u64, remaining: u64 },

    /// A key or a tensor name that is empty or too long.
    #[error("{place}: the {what} at offset {offset} is {length} bytes long, allowed are {} to {}", .allowed.start(), .allowed.end())]
    NameLength { place: Place, what: &'static str, offset: u64, length: u64, allowed: RangeInclusive<u64> },

    /// More entries of a kind than any model has; a damaged or hostile file must not cost the memory for them.
    #[error("{place}: {count} {what} at offset {offset} are more than the {most} that a file may have")]
    TooMany { place: Place, what: &'static str, offset: u64, count: u64, most: u64 },

    /// A key or a tensor name that is not UTF-8.
    #[error("{place}: the {what} at offset {offset} is not UTF-8: \"{}\"", .bytes.escape_ascii())]
    NameEncoding { place: Place, what: &'static str, offset: u64, bytes: Vec<u8> },

    /// A value type that the format does not have.
    #[error("{place}: unknown value type {id} at offset {offset}, known are 0 to 12")]
    ValueType { place: Place, offset: u64, id: u32 },

    /// A boolean other than 0 or 1.
    #[error("{place}: the boolean at offset {offset} is {value}, neither 0 nor 1")]
    Bool { place: Place, offset: u64, value: u8 },

    /// Arrays within arrays beyond the bound.
    #[error("{place}: arrays nest deeper than {} levels at offset {offset}", limits::MAX_ARRAY_DEPTH)]
    ArrayDepth { place: Place, offset: u64 },

    /// A key that occurs twice.
    #[error("key {key:?} occurs twice, as metadata entries {first} and {second}")]
    DuplicateKey { key: String, first: usize, second: usize },

    /// `general.alignment` of another type.
    #[error("key \"general.alignment\" is {found}, it must be a u32")]
    AlignmentType { found: String },

    /// `general.alignment` that is no alignment.
    #[error(
        "key \"general.alignment\" is {alignment}, it must be a power of two of at most {}",
        limits::MAX_ALIGNMENT
    )]
    Alignment { alignment: u64 },

    /// More than 4 dimensions.
    #[error("{place}: {count} dimensions at offset {offset}, allowed are at most {}", limits::MAX_DIMS)]
    DimCount { place: Place, offset: u64, count: u32 },

    /// More elements, or more bytes, than 63 bits count, ggml's limit.
    #[error("tensor {tensor:?}: {dims:?} elements of type {dtype} overflow 64 bits")]
    SizeOverflow { tensor: String, dims: Vec<u64>, dtype: TensorType },

    /// Rows that do not hold whole blocks.
    #[error(
        "tensor {tensor:?}: rows of {row} elements do not divide into {dtype} blocks of {block_elements} elements"
    )]
    PartialBlock { tensor: String, row: u64, dtype: TensorType, block_elements: u64 },

    /// A tensor that does not start on the alignment.
    #[error("tensor {tensor:?}: its data offset {offset} is not a multiple of the alignment {alignment}")]
    Misaligned { tensor: String, offset: u64, alignment: u64 },

    /// A tensor name that occurs twice.
    #[error("tensor {name:?} occurs twice, as tensor entries {first} and {second}")]
    DuplicateTensor { name: String, first: usize, second: usize },

    /// The start of the data section lies beyond 64 bits.
    #[error(
        "the data section, aligned to {alignment} after a header of {header_end} bytes, overflows 64 bits"
    )]
    DataOffset { header_end: u64, alignment: u64 },

    /// The offset of a tensor wraps around.
    #[error(
        "tensor {tensor:?}: {size} bytes at offset {offset} of the data section, which starts at {data_offset}, \
         overflow 64 bits"
    )]
    OffsetOverflow { tensor: String, offset: u64, size: u64, data_offset: u64 },

    /// A tensor that ends beyond the file.
    #[error(
        "tensor {tensor:?}: its data ends at byte {end}, but the file has {file_size} bytes: it is cut short \
         or damaged; its tensors reach to byte {whole}, so {:.1} % of it are here, as after a download that \
         did not finish", percent(*file_size, *whole)
    )]
    TensorBeyondFile { tensor: String, end: u64, file_size: u64, whole: u64 },

    /// Two tensors that share bytes.
    #[error(
        "tensors {first:?} and {second:?} overlap: the first ends at {first_end} of the data section, the second \
         starts at {second_start}"
    )]
    Overlap { first: String, second: String, first_end: u64, second_start: u64 },
}

/// How many hundredths of `whole` are there.
fn percent(part: u64, whole: u64) -> f64 {
    part as f64 * 100.0 / whole.max(1) as f64
}
