//! The content of a simulated file: a size and the pieces that are not holes.

use std::sync::Arc;

/// The largest file size and offset, as on every 64-bit OS: offsets are signed there.
pub(super) const MAX_OFFSET: u64 = i64::MAX as u64;

/// The content of a file, possibly sparse and huge. Holes read as zero and cost no memory.
#[derive(Clone, Debug, Default)]
pub struct SimFile {
    size: u64,
    /// In the order written: where two overlap, the later one is read.
    pieces: Vec<(u64, Arc<[u8]>)>,
}

impl SimFile {
    /// A file that holds `bytes`.
    #[must_use]
    pub fn new(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self::sparse(0).with_bytes(0, bytes)
    }

    /// A file of `size` bytes that is one hole.
    ///
    /// # Panics
    /// If no OS could have such a file: the size passes `i64::MAX`.
    #[must_use]
    pub fn sparse(size: u64) -> Self {
        assert!(size <= MAX_OFFSET, "a file of {size} bytes: no file is larger than {MAX_OFFSET}");
        Self { size, pieces: Vec::new() }
    }

    /// The file with `bytes` written at `offset`, grown where they pass its end.
    ///
    /// # Panics
    /// If the bytes end past `i64::MAX`.
    #[must_use]
    pub fn with_bytes(mut self, offset: u64, bytes: impl Into<Arc<[u8]>>) -> Self {
        let bytes = bytes.into();
        let end = offset.checked_add(bytes.len() as u64).filter(|&end| end <= MAX_OFFSET);
        let end = end.expect("the bytes end where a file can end");
        if !bytes.is_empty() {
            self.size = self.size.max(end);
            self.pieces.push((offset, bytes));
        }
        self
    }

    /// Its size in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Reads at `offset` as far as `dst` and the file reach; returns the number of bytes read.
    pub(super) fn read(&self, offset: u64, dst: &mut [u8]) -> usize {
        let left = self.size.saturating_sub(offset);
        let len = usize::try_from(left).map_or(dst.len(), |left| left.min(dst.len()));
        dst[..len].fill(0);
        self.overlay(offset, &mut dst[..len]);
        len
    }

    /// Writes the pieces over `dst`, which stands for the file from `offset` on and holds zeros.
    /// What lies in a hole is not touched, so a fresh mapping costs memory for its pieces only.
    pub(super) fn overlay(&self, offset: u64, dst: &mut [u8]) {
        let end = offset.saturating_add(dst.len() as u64);
        for (at, bytes) in &self.pieces {
            let (first, last) = (offset.max(*at), end.min(at + bytes.len() as u64));
            if first < last {
                // Both differences lie within a slice, so they fit its index type.
                let (to, from) = ((first - offset) as usize, (first - at) as usize);
                let len = (last - first) as usize;
                dst[to..to + len].copy_from_slice(&bytes[from..from + len]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(file: &SimFile, offset: u64, len: usize) -> Vec<u8> {
        let mut dst = vec![0xEE; len];
        let arrived = file.read(offset, &mut dst);
        dst.truncate(arrived);
        dst
    }

    #[test]
    fn holes_are_zero_and_later_pieces_win() {
        let file = SimFile::sparse(12).with_bytes(2, *b"abcdef").with_bytes(4, *b"XY");
        assert_eq!(read(&file, 0, 20), b"\0\0abXYef\0\0\0\0");
        assert_eq!(read(&file, 5, 2), b"Ye");
    }

    #[test]
    fn writing_past_the_end_grows_the_file() {
        let file = SimFile::new(*b"ab").with_bytes(6 << 30, *b"z");
        assert_eq!(file.size(), (6 << 30) + 1);
        assert_eq!(read(&file, (6 << 30) - 1, 9), b"\0z");
        assert_eq!(read(&file, (6 << 30) + 1, 9), b"");
        assert_eq!(read(&file, u64::MAX, 9), b"");
    }

    #[test]
    fn nothing_written_past_the_end_does_not_grow_the_file() {
        assert_eq!(SimFile::sparse(3).with_bytes(9, *b"").size(), 3);
    }
}
