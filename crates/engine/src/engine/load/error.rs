//! Why a model could not be loaded.

use std::path::PathBuf;

use crate::gguf::ReadError;
use crate::gguf::split::SplitError;
use crate::platform::Errno;

/// A load that cannot go on. Each message names the file and, where there is one, the offset.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages name the fields")]
pub enum LoadError {
    /// The file could not be opened.
    #[error("{}: cannot open the model{}: {errno}", path.display(), if *direct { " for direct reads" } else { "" })]
    Open { path: PathBuf, direct: bool, errno: Errno },

    /// The file is not a GGUF file this program can read.
    #[error("{}: {source}", path.display())]
    Gguf { path: PathBuf, source: Box<ReadError> },

    /// The files are not the shards of one model.
    #[error("{}: {source}", path.display())]
    Split { path: PathBuf, source: Box<SplitError> },

    /// A second open found another file than the first: the header of one does not fit the data of the other.
    #[error("{}: another file has taken its name while it was loaded; load it again", path.display())]
    Replaced { path: PathBuf },

    /// A read failed in a way that no fallback mends.
    #[error("{}: reading at offset {offset} failed: {errno}", path.display())]
    Read { path: PathBuf, offset: u64, errno: Errno },

    /// The file ended before its own tensor table said so.
    #[error(
        "{}: the file ended at offset {offset} while {missing} bytes of tensors were still to come; it was \
         shortened after it was opened",
        path.display()
    )]
    Truncated { path: PathBuf, offset: u64, missing: u64 },

    /// The mapping failed.
    #[error("{}: mapping {len} bytes failed: {errno}; --load-mode none reads the file instead", path.display())]
    Map { path: PathBuf, len: u64, errno: Errno },

    /// The mapping of tensors that come on demand failed.
    #[error(
        "{}: mapping {len} bytes for tensors that come on demand failed: {errno}; --lazy-mode off loads them as the \
         others",
        path.display()
    )]
    MapOnDemand { path: PathBuf, len: u64, errno: Errno },

    /// There is not enough memory.
    #[error("{}: allocating {len} bytes for the weights failed: {errno}", path.display())]
    Alloc { path: PathBuf, len: u64, errno: Errno },
}
