//! Sequential reads of the header through a small buffer.

use super::error::{Place, ReadError};
use super::limits::{MAX_HEADER_BYTES, MAX_ITEMS};
use super::source::ByteSource;

/// The first piece fetched; each further piece is as large as all before it together, up to
/// [`MAX_PIECE`], so that at most as much again as the header itself is fetched beyond its end.
const FIRST_PIECE: u64 = 64 << 10;

/// The largest piece fetched.
const MAX_PIECE: u64 = 1 << 20;

/// A forward-only reader. The pieces it fetches depend only on the file's size and on how far the
/// header reaches: they adjoin, none overlaps another, and the last is cut at the end of the file.
pub(super) struct Cursor<'a> {
    source: &'a dyn ByteSource,
    file_size: u64,
    buffer: Vec<u8>,
    /// Bytes of `buffer` already handed out.
    used: usize,
    /// File offset of the end of `buffer`.
    fetched: u64,
    next_piece: u64,
    /// Strings and inner arrays that may still come.
    items_left: u64,
    /// What is being read, for errors.
    pub(super) place: Place,
}

impl<'a> Cursor<'a> {
    /// A cursor at the start of `source`.
    pub(super) fn new(source: &'a dyn ByteSource) -> Self {
        Self {
            source,
            file_size: source.size(),
            buffer: Vec::new(),
            used: 0,
            fetched: 0,
            next_piece: FIRST_PIECE,
            items_left: MAX_ITEMS,
            place: Place::Header,
        }
    }

    /// The file's size in bytes.
    pub(super) fn file_size(&self) -> u64 {
        self.file_size
    }

    /// The file offset of the next byte.
    pub(super) fn offset(&self) -> u64 {
        self.fetched - (self.buffer.len() - self.used) as u64
    }

    /// How many more bytes the header may take.
    pub(super) fn remaining(&self) -> u64 {
        self.file_size.min(MAX_HEADER_BYTES).saturating_sub(self.offset())
    }

    /// Takes the strings or arrays of an array from those that the whole header may have.
    pub(super) fn spend(&mut self, count: u64, offset: u64) -> Result<(), ReadError> {
        match self.items_left.checked_sub(count) {
            Some(left) => {
                self.items_left = left;
                Ok(())
            }
            None => Err(ReadError::TooMany {
                place: self.place.clone(),
                what: "strings and inner arrays, with those before,",
                offset,
                count: count.saturating_add(MAX_ITEMS - self.items_left),
                most: MAX_ITEMS,
            }),
        }
    }

    /// The bytes fetched and not handed out; at the start of the file those of the first piece.
    pub(super) fn peek(&mut self) -> Result<&[u8], ReadError> {
        if self.fetched == 0 && self.file_size > 0 {
            self.fetch()?;
        }
        Ok(&self.buffer[self.used..])
    }

    /// Checks that `need` more bytes can be read, before anything of that size is allocated.
    pub(super) fn require(&self, need: u64, what: &'static str) -> Result<(), ReadError> {
        if need <= self.remaining() {
            return Ok(());
        }
        let (place, offset, file_size) = (self.place.clone(), self.offset(), self.file_size);
        let remaining = file_size - offset;
        if need > remaining {
            return Err(ReadError::Truncated { place, what, offset, need, remaining, file_size });
        }
        Err(ReadError::HeaderTooLarge { place, what, offset, need })
    }

    /// Checks a count that was read at `offset` against what the rest of the header can hold.
    pub(super) fn check_count(
        &self,
        count: u64,
        min_bytes: u64,
        what: &'static str,
        offset: u64,
    ) -> Result<(), ReadError> {
        let remaining = self.remaining();
        if count <= remaining / min_bytes {
            return Ok(());
        }
        Err(ReadError::Count { place: self.place.clone(), what, offset, count, min_bytes, remaining })
    }

    /// The next `N` bytes.
    pub(super) fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], ReadError> {
        let mut bytes = [0; N];
        self.require(N as u64, what)?;
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// A 32-bit number.
    pub(super) fn u32(&mut self, what: &'static str) -> Result<u32, ReadError> {
        self.array(what).map(u32::from_le_bytes)
    }

    /// A 64-bit number.
    pub(super) fn u64(&mut self, what: &'static str) -> Result<u64, ReadError> {
        self.array(what).map(u64::from_le_bytes)
    }

    /// The next `length` bytes, checked against what remains before they are allocated.
    pub(super) fn bytes(&mut self, length: u64, what: &'static str) -> Result<Vec<u8>, ReadError> {
        self.require(length, what)?;
        // At most the header limit, which every address space holds.
        let mut bytes = vec![0; length as usize];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// Fills `dst`; that the bytes are there was checked by [`Cursor::require`].
    fn fill(&mut self, mut dst: &mut [u8]) -> Result<(), ReadError> {
        while !dst.is_empty() {
            if self.used == self.buffer.len() {
                self.fetch()?;
            }
            let piece = dst.len().min(self.buffer.len() - self.used);
            let (head, tail) = dst.split_at_mut(piece);
            head.copy_from_slice(&self.buffer[self.used..self.used + piece]);
            self.used += piece;
            dst = tail;
        }
        Ok(())
    }

    /// Replaces the used-up buffer by the next piece of the file.
    fn fetch(&mut self) -> Result<(), ReadError> {
        let offset = self.fetched;
        let length = self.next_piece.min(self.file_size - offset);
        self.next_piece = (offset + length).min(MAX_PIECE);
        if offset > 0 && self.buffer.capacity() < length as usize {
            // A header that needs a third piece may need many: room for the largest, once.
            self.buffer = Vec::with_capacity(MAX_PIECE.min(self.file_size - offset) as usize);
        }
        self.buffer.resize(length as usize, 0);
        self.source.read_exact_at(offset, &mut self.buffer).map_err(|error| ReadError::Io {
            offset,
            length,
            error,
        })?;
        self.fetched = offset + length;
        self.used = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::io;

    use super::*;

    /// Zeros of any size that note what was asked of them.
    struct Zeros(u64, RefCell<Vec<(u64, u64)>>);

    impl ByteSource for Zeros {
        fn size(&self) -> u64 {
            self.0
        }

        fn read_exact_at(&self, offset: u64, dst: &mut [u8]) -> io::Result<()> {
            self.1.borrow_mut().push((offset, dst.len() as u64));
            dst.fill(0);
            Ok(())
        }
    }

    #[test]
    fn pieces_adjoin_grow_to_a_mebibyte_and_stop_at_the_end_of_the_file() {
        const K: u64 = 1 << 10;
        let zeros = Zeros(4000 * K, RefCell::default());
        let mut cursor = Cursor::new(&zeros);
        cursor.bytes(3 * K, "x").unwrap();
        cursor.bytes(3900 * K, "x").unwrap();
        assert_eq!(cursor.offset(), 3903 * K);
        let expected =
            [(0, 64), (64, 64), (128, 128), (256, 256), (512, 512), (1024, 1024), (2048, 1024), (3072, 928)];
        assert_eq!(*zeros.1.borrow(), expected.map(|(offset, length)| (offset * K, length * K)));
    }

    #[test]
    fn a_length_beyond_the_file_or_the_limit_is_refused_before_any_read() {
        let zeros = Zeros(100, RefCell::default());
        let error = Cursor::new(&zeros).bytes(101, "text").unwrap_err();
        assert!(matches!(error, ReadError::Truncated { need: 101, remaining: 100, .. }), "{error}");
        let zeros = Zeros(u64::MAX, RefCell::default());
        let error = Cursor::new(&zeros).bytes(MAX_HEADER_BYTES + 1, "text").unwrap_err();
        assert!(matches!(error, ReadError::HeaderTooLarge { .. }), "{error}");
        assert!(zeros.1.borrow().is_empty());
    }
}
