//! The bounds of what the reader accepts, and the sizes of the format's fixed fields.

/// The alignment of a file that does not state one.
pub(super) const DEFAULT_ALIGNMENT: u64 = 32;

/// The metadata key that states the alignment.
pub(super) const ALIGNMENT_KEY: &str = "general.alignment";

/// The largest alignment accepted: padding beyond this is a damaged file, not a choice.
pub const MAX_ALIGNMENT: u64 = 1 << 30;

/// The longest key, from the format's description.
pub const MAX_KEY_BYTES: u64 = (1 << 16) - 1;

/// The longest tensor name, from the format's description; ggml takes one byte less.
pub const MAX_TENSOR_NAME_BYTES: u64 = 64;

/// The most dimensions of a tensor (`GGML_MAX_DIMS`).
pub const MAX_DIMS: u32 = 4;

/// How deep arrays may lie within arrays; the value itself counts as one.
pub const MAX_ARRAY_DEPTH: usize = 4;

/// The most tensors, and the most metadata entries: hundreds of times those of the largest models. Each costs
/// a few times its bytes in the file, and a file of holes is free.
pub const MAX_ENTRIES: u64 = 1 << 20;

/// The most strings and arrays within arrays, of all keys together: four times the tokens and merges of the
/// largest vocabularies. An empty one takes 8 bytes of the file and several times that in memory.
pub const MAX_ITEMS: u64 = 1 << 22;

/// The most shards of a model: their numbers are 16 bits wide in a file (`split.count`).
pub const MAX_SHARDS: u64 = u16::MAX as u64;

/// The largest header accepted: a multi-GiB file of holes must not become a multi-GiB table.
/// The largest vocabularies in use take some 20 MiB.
pub const MAX_HEADER_BYTES: u64 = 256 << 20;

/// The fewest bytes of a metadata entry: key length, a key byte, value type, a value byte.
pub(super) const MIN_ENTRY_BYTES: u64 = 8 + 1 + 4 + 1;

/// The fewest bytes of a tensor entry: name length, dimension count, type, offset.
pub(super) const MIN_TENSOR_BYTES: u64 = 8 + 4 + 4 + 8;

/// The fewest bytes of a string: its length.
pub(super) const MIN_STRING_BYTES: u64 = 8;

/// The fewest bytes of an array: its element type and its count.
pub(super) const MIN_ARRAY_BYTES: u64 = 4 + 8;
