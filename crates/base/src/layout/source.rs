//! Files, and sources as streams for libraries that want one.

use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use crate::gguf::ByteSource;

/// A stream over a source; it keeps no more than its position.
pub(super) struct Stream<'a> {
    source: &'a dyn ByteSource,
    position: u64,
}

impl<'a> Stream<'a> {
    /// A stream from the start.
    pub(super) fn new(source: &'a dyn ByteSource) -> Self {
        Self { source, position: 0 }
    }
}

impl Read for Stream<'_> {
    fn read(&mut self, dst: &mut [u8]) -> io::Result<usize> {
        let left = self.source.size().saturating_sub(self.position);
        let len = dst.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        self.source.read_exact_at(self.position, &mut dst[..len])?;
        self.position += len as u64;
        Ok(len)
    }
}

impl Seek for Stream<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(offset) => self.source.size().checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = place.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

/// Where a kernel shows itself as files.
const OF_THE_KERNEL: [&str; 2] = ["/proc", "/sys"];

/// Refuses what is no regular file: a pipe would keep its reader waiting for a writer, and so would a file of the
/// kernel that calls itself regular, such as its log. Whether there is a file at all, and no folder, is for whoever
/// opens it to say.
///
/// # Errors
/// What is wrong, without the name.
pub fn regular(path: &Path) -> io::Result<()> {
    let refused = |what| Err(io::Error::new(io::ErrorKind::InvalidInput, what));
    let Ok(metadata) = std::fs::metadata(path) else { return Ok(()) };
    if !metadata.is_file() && !metadata.is_dir() {
        return refused("this is no regular file but a pipe, a socket or a device");
    }
    // A link such as `/proc/self/fd/3` leads out of there.
    let place = path.canonicalize();
    if place.is_ok_and(|place| OF_THE_KERNEL.iter().any(|folder| place.starts_with(folder))) {
        return refused("this is a file of the kernel, which has no bytes on a disk; name a copy of it");
    }
    Ok(())
}
