//! Where the writer's bytes go.

use std::io::{self, Seek, SeekFrom, Write};

/// A destination written from front to back, part of which may be left out as zeros.
pub trait Sink {
    /// Appends `bytes`.
    ///
    /// # Errors
    /// When they cannot all be written.
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Appends `count` zero bytes, as a hole where the destination can hold one.
    ///
    /// # Errors
    /// When they cannot all be written.
    fn skip(&mut self, count: u64) -> io::Result<()>;
}

impl Sink for Vec<u8> {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.extend_from_slice(bytes);
        Ok(())
    }

    fn skip(&mut self, count: u64) -> io::Result<()> {
        write_zeros(self, count)
    }
}

/// A sink over any writer; holes are written as zeros.
#[derive(Debug)]
pub struct WriteSink<W>(pub W);

impl<W: Write> Sink for WriteSink<W> {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn skip(&mut self, count: u64) -> io::Result<()> {
        write_zeros(&mut self.0, count)
    }
}

/// A sink over a new file: holes are seeked over, so a file system that knows holes stores none
/// of their bytes. [`HoleSink::finish`] must be called, or a hole at the end is lost.
#[derive(Debug)]
pub struct HoleSink<W> {
    writer: W,
    /// Bytes of the hole that follows what was written.
    pending: u64,
}

impl<W: Write + Seek> HoleSink<W> {
    /// A sink that starts at the writer's position, past which nothing may have been written.
    pub fn new(writer: W) -> Self {
        Self { writer, pending: 0 }
    }

    /// Gives the file its full size, flushes it and hands it back.
    ///
    /// # Errors
    /// When the last byte of a hole at the end cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        if self.pending > 0 {
            self.pending -= 1;
            self.write_all(&[0])?;
        }
        self.writer.flush()?;
        Ok(self.writer)
    }
}

impl<W: Write + Seek> Sink for HoleSink<W> {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.pending > 0 && !bytes.is_empty() {
            let step = i64::try_from(self.pending)
                .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "the hole is larger than a file"))?;
            self.writer.seek(SeekFrom::Current(step))?;
            self.pending = 0;
        }
        self.writer.write_all(bytes)
    }

    fn skip(&mut self, count: u64) -> io::Result<()> {
        self.pending = self
            .pending
            .checked_add(count)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the hole is larger than a file"))?;
        Ok(())
    }
}

/// Writes `count` zero bytes in pieces.
fn write_zeros(writer: &mut impl Write, count: u64) -> io::Result<()> {
    static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
    let mut left = count;
    while left > 0 {
        let piece = left.min(ZEROS.len() as u64);
        writer.write_all(&ZEROS[..piece as usize])?;
        left -= piece;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(sink: &mut dyn Sink) {
        sink.skip(3).unwrap();
        sink.write_all(b"ab").unwrap();
        sink.skip(70_000).unwrap();
        sink.skip(1).unwrap();
        sink.write_all(b"").unwrap();
        sink.write_all(b"c").unwrap();
        sink.skip(5).unwrap();
    }

    #[test]
    fn holes_read_back_as_zeros_in_every_sink() {
        let mut expected = vec![0; 70_012];
        expected[3..5].copy_from_slice(b"ab");
        expected[70_006] = b'c';

        let mut plain = Vec::new();
        fill(&mut plain);
        let mut written = WriteSink(Vec::new());
        fill(&mut written);
        let mut holes = HoleSink::new(io::Cursor::new(Vec::new()));
        fill(&mut holes);
        let holes = holes.finish().unwrap().into_inner();

        assert_eq!(plain, expected);
        assert_eq!(written.0, expected);
        assert_eq!(holes, expected);
    }
}
