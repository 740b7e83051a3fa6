//! Where the reader's bytes come from.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Mutex;

/// A file, or something like one, that can be read at any position.
pub trait ByteSource {
    /// Its size in bytes; it must not change between two calls.
    fn size(&self) -> u64;

    /// Fills `dst` with the bytes from `offset` on.
    ///
    /// # Errors
    /// When the bytes cannot all be had; `dst` is then unspecified.
    fn read_exact_at(&self, offset: u64, dst: &mut [u8]) -> io::Result<()>;
}

impl ByteSource for [u8] {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read_exact_at(&self, offset: u64, dst: &mut [u8]) -> io::Result<()> {
        let bytes = usize::try_from(offset)
            .ok()
            .and_then(|start| self.get(start..)?.get(..dst.len()))
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        dst.copy_from_slice(bytes);
        Ok(())
    }
}

impl ByteSource for Vec<u8> {
    fn size(&self) -> u64 {
        self.as_slice().size()
    }

    fn read_exact_at(&self, offset: u64, dst: &mut [u8]) -> io::Result<()> {
        self.as_slice().read_exact_at(offset, dst)
    }
}

impl<S: ByteSource + ?Sized> ByteSource for &S {
    fn size(&self) -> u64 {
        (**self).size()
    }

    fn read_exact_at(&self, offset: u64, dst: &mut [u8]) -> io::Result<()> {
        (**self).read_exact_at(offset, dst)
    }
}

/// A source over a stream that can seek, such as `std::fs::File`.
#[derive(Debug)]
pub struct SeekSource<T> {
    size: u64,
    stream: Mutex<T>,
}

impl<T: Read + Seek> SeekSource<T> {
    /// A source over all of `stream`, whose size is taken once, here.
    ///
    /// # Errors
    /// When the stream cannot seek to its end.
    pub fn new(mut stream: T) -> io::Result<Self> {
        let size = stream.seek(SeekFrom::End(0))?;
        Ok(Self { size, stream: Mutex::new(stream) })
    }
}

impl<T: Read + Seek> ByteSource for SeekSource<T> {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_exact_at(&self, offset: u64, dst: &mut [u8]) -> io::Result<()> {
        // A panic elsewhere cannot leave the stream in a bad state: every read seeks first.
        let mut stream = self.stream.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        stream.seek(SeekFrom::Start(offset))?;
        stream.read_exact(dst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_gives_the_same_bytes_and_refuses_the_same_ranges() {
        let bytes = [1u8, 2, 3, 4, 5];
        let seek = SeekSource::new(io::Cursor::new(bytes)).unwrap();
        let sources: [&dyn ByteSource; 3] = [&&bytes[..], &bytes.to_vec(), &seek];
        for source in sources {
            let mut dst = [0; 2];
            assert_eq!(source.size(), 5);
            source.read_exact_at(3, &mut dst).unwrap();
            assert_eq!(dst, [4, 5]);
            assert!(source.read_exact_at(4, &mut dst).is_err());
            assert!(source.read_exact_at(u64::MAX, &mut dst).is_err());
        }
    }
}
