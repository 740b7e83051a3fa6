//! What a user names as an input.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The most bytes of a text that is read whole: a recording, a document, a prompt.
const LARGEST: u64 = 1 << 30;

/// Refuses what is no regular file: a pipe would keep its reader waiting for a writer. Whether there is a file at
/// all, and no folder, is for whoever opens it to say.
///
/// # Errors
/// What is wrong, without the name.
pub(super) fn regular(path: &Path) -> Result<(), String> {
    crate::layout::regular(path).map_err(|error| error.to_string())
}

/// Whether a name stands for what is open already, such as the pipe of a process substitution: that has its
/// writer.
fn is_open_already(path: &Path) -> bool {
    ["/dev/fd", "/dev/stdin", "/proc/self/fd"].iter().any(|open| path.starts_with(open))
}

/// Opens a text.
///
/// # Errors
/// When it cannot be opened, or is a pipe, a socket or a device by name.
pub(super) fn open(path: &Path) -> io::Result<File> {
    if !is_open_already(path) {
        crate::layout::regular(path)?;
    }
    let file = File::open(path)?;
    match file.metadata() {
        Ok(metadata) if metadata.is_file() && metadata.len() > LARGEST => Err(too_large()),
        _ => Ok(file),
    }
}

/// The bytes of a text.
///
/// # Errors
/// As of [`open`], or when it cannot be read, or is too large.
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    bounded(open(path)?)
}

/// A text that is UTF-8.
///
/// # Errors
/// As of [`read`], or when it is none.
pub(super) fn text(path: &Path) -> io::Result<String> {
    String::from_utf8(read(path)?).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))
}

/// Everything that a reader gives, up to the bound.
///
/// # Errors
/// When it fails or gives more.
pub(super) fn bounded(input: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST { Err(too_large()) } else { Ok(bytes) }
}

fn too_large() -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {} MiB", LARGEST >> 20))
}
