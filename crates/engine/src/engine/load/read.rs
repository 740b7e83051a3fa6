//! Loading by positioned reads through the page cache.

use std::sync::Mutex;
use std::sync::PoisonError;

use super::lock::Locker;
use super::spans::spans;
use super::weights::MaybeLocked;
use super::{Job, LoadError, Part};
use crate::platform::{Errno, ErrorKind, File};

/// Bytes asked for by one read. The kernel's read-ahead is one for all who read a file, and readers that
/// take turns in short pieces keep it from running: large models are cut into large ones. In a small one
/// all readers find a piece.
const SMALL_PIECE: usize = 4 << 20;
const LARGE_PIECE: usize = 16 << 20;

/// How many bytes of a buffer of `len` one read asks for: a multiple of [`SMALL_PIECE`].
fn piece_len(len: usize) -> usize {
    (len / 16 / SMALL_PIECE * SMALL_PIECE).clamp(SMALL_PIECE, LARGE_PIECE)
}

/// Why a range could not be filled.
pub(super) enum Stop {
    /// The platform refused a read at this offset.
    Refused { at: u64, errno: Errno },
    /// The file ended at this offset.
    EndOfFile { at: u64 },
}

/// How often in a row a read may be interrupted before that is an error. A signal or a server interrupts now and
/// then; what interrupts every time would keep a reader for ever.
pub(super) const INTERRUPTIONS: u32 = 64;

/// Fills `dst` from `offset`, continuing after short and interrupted reads.
pub(super) fn fill(file: &dyn File, offset: u64, dst: &mut [u8]) -> Result<(), Stop> {
    let mut done = 0;
    let mut interrupted = 0;
    while done < dst.len() {
        let at = offset + done as u64;
        match file.read_at(at, &mut dst[done..]) {
            Ok(0) => return Err(Stop::EndOfFile { at }),
            Ok(n) => (done, interrupted) = (done + n, 0),
            Err(errno) if errno.kind == ErrorKind::Interrupted && interrupted < INTERRUPTIONS => {
                interrupted += 1
            }
            Err(errno) => return Err(Stop::Refused { at, errno }),
        }
    }
    Ok(())
}

/// A part of a buffer and the file offset that its bytes come from.
pub(super) struct Piece<'b> {
    pub(super) offset: u64,
    pub(super) dst: &'b mut [u8],
}

impl Piece<'_> {
    pub(super) fn end(&self) -> u64 {
        self.offset + self.dst.len() as u64
    }
}

/// Cuts a buffer that holds the file from `offset` on into pieces.
pub(super) fn pieces(offset: u64, dst: &mut [u8]) -> impl Iterator<Item = Piece<'_>> {
    let len = piece_len(dst.len());
    let starts = (offset..).step_by(len);
    dst.chunks_mut(len).zip(starts).map(|(dst, offset)| Piece { offset, dst })
}

/// Runs `work` over `pieces` on up to `readers` threads; the calling thread is one of them. Each
/// thread takes the next piece in file order when it is done with its last.
pub(super) fn share_out<'b>(pieces: Vec<Piece<'b>>, readers: usize, work: impl Fn(Piece<'b>) + Sync) {
    let threads = readers.clamp(1, pieces.len().max(1));
    let queue = Mutex::new(pieces.into_iter());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    let worker = || {
        while let Some(piece) = next() {
            work(piece);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            // One that cannot be started leaves its share to the others.
            let _ = std::thread::Builder::new().spawn_scoped(scope, worker);
        }
        worker();
    });
}

/// Reads all of `pieces` through the page cache.
pub(super) fn read_pieces(job: &Job<'_>, pieces: Vec<Piece<'_>>) -> Result<(), LoadError> {
    let first_stop: Mutex<Option<Stop>> = Mutex::new(None);
    share_out(pieces, job.options.readers, |piece| {
        let mut stop = first_stop.lock().unwrap_or_else(PoisonError::into_inner);
        if stop.is_some() {
            return;
        }
        drop(stop);
        match fill(&*job.file, piece.offset, piece.dst) {
            Ok(()) => job.advance(piece.dst.len() as u64),
            Err(error) => {
                stop = first_stop.lock().unwrap_or_else(PoisonError::into_inner);
                stop.get_or_insert(error);
            }
        }
    });
    match first_stop.into_inner().unwrap_or_else(PoisonError::into_inner) {
        None => Ok(()),
        Some(Stop::Refused { at, errno }) => {
            Err(LoadError::Read { path: job.path.to_owned(), offset: at, errno })
        }
        Some(Stop::EndOfFile { at }) => Err(truncated(job, at)),
    }
}

/// The error for a file that ends at `at` although its tensors go on.
pub(super) fn truncated(job: &Job<'_>, at: u64) -> LoadError {
    let end = spans(&job.gguf, 1, |_| true).last().map_or(at, |s| s.end);
    LoadError::Truncated { path: job.path.to_owned(), offset: at, missing: end.saturating_sub(at) }
}

/// Allocates one buffer of each length in `lens` and locks them if asked, before anything is read:
/// pages that are locked first never need to be found again.
pub(super) fn alloc_all(
    job: &Job<'_>,
    lens: impl Iterator<Item = u64>,
    align: u64,
    lock: bool,
) -> Result<Vec<MaybeLocked>, LoadError> {
    let mut locker = Locker::new(job);
    lens.map(|len| {
        let refused = |errno| LoadError::Alloc { path: job.path.to_owned(), len, errno };
        let too_large = || {
            refused(Errno { kind: ErrorKind::OutOfMemory, code: 0, name: "beyond the address space".into() })
        };
        let size = usize::try_from(len).map_err(|_| too_large())?;
        let align = usize::try_from(align).map_err(|_| too_large())?;
        let buffer = job.platform.alloc(size, align).map_err(refused)?;
        let locked = lock && locker.lock(len, || buffer.lock());
        Ok((buffer, locked))
    })
    .collect()
}

/// Reads every span into a buffer of its own.
pub(super) fn load(job: &Job<'_>, lock: bool) -> Result<Part, LoadError> {
    let spans = spans(&job.gguf, 1, |index| !job.is_lazy(index));
    let lens = spans.iter().map(|s| s.end - s.start);
    let page_size = job.platform.limits().page_size;
    let mut buffers = alloc_all(job, lens, page_size, lock)?;
    let work =
        buffers.iter_mut().zip(&spans).flat_map(|((buffer, _), s)| pieces(s.start, buffer.bytes_mut()));
    read_pieces(job, work.collect())?;
    Ok(Part::buffered(job, buffers, &spans, &vec![0; spans.len()]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_grow_with_the_model_and_keep_every_alignment() {
        for (len, expected) in [
            (1, SMALL_PIECE),
            (100 << 20, SMALL_PIECE),
            (128 << 20, 2 * SMALL_PIECE),
            (300 << 20, LARGE_PIECE),
            (5 << 30, LARGE_PIECE),
        ] {
            assert_eq!(piece_len(len), expected, "{len}");
        }
        let mut buffer = vec![0; 2 * SMALL_PIECE + 1];
        let cut: Vec<_> = pieces(96, &mut buffer).map(|piece| (piece.offset, piece.end())).collect();
        let piece = SMALL_PIECE as u64;
        let end = 96 + 2 * piece;
        assert_eq!(cut, [(96, 96 + piece), (96 + piece, end), (end, end + 1)]);
    }
}
