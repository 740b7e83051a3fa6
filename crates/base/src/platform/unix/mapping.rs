//! A mapping of which parts can be given back.

use std::mem::ManuallyDrop;
use std::ops::Range;
use std::os::fd::BorrowedFd;
use std::ptr::NonNull;

use memmap2::{Mmap, MmapOptions};
use nix::errno::Errno as Raw;
use nix::sys::mman::{self, MmapAdvise};

use super::{errno, invalid, io_errno, lock_errno, residency};
use crate::platform::live::LiveRanges;
use crate::platform::{Advice, MapRequest, Mapping, Residency, Result};

/// A mapping that knows which of its pages are still its own.
pub(in crate::platform) struct UnixMapping {
    // Dropping the Mmap would unmap its whole range, parts that were given back (and may by now
    // belong to someone else) included; this type unmaps the live parts itself.
    map: ManuallyDrop<Mmap>,
    live: LiveRanges,
}

impl UnixMapping {
    /// Maps a range that lies within the file. Where the system knows no populating mapping,
    /// memmap2 leaves the flag out.
    pub(super) fn of(fd: BorrowedFd<'_>, request: MapRequest, page_size: u64) -> Result<Self> {
        let len = usize::try_from(request.len).map_err(|_| errno(Raw::ENOMEM))?;
        let mut options = MmapOptions::new();
        options.offset(request.offset).len(len);
        if request.populate {
            options.populate();
        }
        // SAFETY: the mapping is read-only. That nobody shortens the file while it is mapped is a
        // condition that no loader can enforce; the trait states it.
        let map = unsafe { options.map(&fd) }.map_err(|e| io_errno(&e))?;
        let page = usize::try_from(page_size).map_err(|_| invalid())?;
        Ok(Self { live: LiveRanges::new(map.len(), page), map: ManuallyDrop::new(map) })
    }

    /// The start of a range that lies within the mapping.
    fn at(&self, range: &Range<usize>) -> Result<NonNull<libc::c_void>> {
        if range.start > range.end || range.end > self.map.len() {
            return Err(invalid());
        }
        // SAFETY: the start lies within the mapping's address range, which was one allocation.
        let start = unsafe { self.map.as_ptr().add(range.start) };
        NonNull::new(start.cast_mut().cast()).ok_or_else(invalid)
    }
}

impl Mapping for UnixMapping {
    fn len(&self) -> usize {
        self.map.len()
    }

    fn address(&self) -> u64 {
        self.map.as_ptr() as u64
    }

    fn bytes(&self, range: Range<usize>) -> &[u8] {
        assert!(self.live.contains(&range), "bytes {range:?} of the mapping were released or never mapped");
        &self.map[range]
    }

    fn advise(&self, range: Range<usize>, advice: Advice) -> Result<()> {
        let advice = match advice {
            Advice::Sequential => MmapAdvise::MADV_SEQUENTIAL,
            Advice::Random => MmapAdvise::MADV_RANDOM,
            Advice::WillNeed => MmapAdvise::MADV_WILLNEED,
            Advice::DontNeed => MmapAdvise::MADV_DONTNEED,
        };
        let start = self.at(&range)?;
        // SAFETY: the range lies within this mapping; on a shared read-only file mapping none of
        // these advices changes what the bytes read as.
        unsafe { mman::madvise(start, range.len(), advice) }.map_err(errno)
    }

    fn lock(&self, range: Range<usize>) -> Result<()> {
        let start = self.at(&range)?;
        // The kernel would lock up to the hole and then refuse; the contract is all or nothing.
        if !self.live.contains(&range) {
            return Err(lock_errno(Raw::ENOMEM));
        }
        // SAFETY: the range lies within this mapping; locking changes no contents.
        unsafe { mman::mlock(start, range.len()) }.map_err(lock_errno)
    }

    fn unlock(&self, range: Range<usize>) -> Result<()> {
        let start = self.at(&range)?;
        // SAFETY: the range lies within this mapping; unlocking changes no contents.
        unsafe { mman::munlock(start, range.len()) }.map_err(errno)
    }

    fn unmap(&mut self, range: Range<usize>) -> Result<()> {
        let start = self.at(&range)?;
        let mut left = self.live.clone();
        if range.is_empty() || !left.remove(&range) {
            return Err(invalid());
        }
        // SAFETY: the range is live, `&mut self` shows that no slice of it is borrowed, and `bytes`
        // and `drop` leave it alone from here on.
        unsafe { mman::munmap(start, range.len()) }.map_err(errno)?;
        // What the system refused to take back is still there, and goes with the rest on drop.
        self.live = left;
        Ok(())
    }

    fn residency(&self, range: Range<usize>) -> Result<Residency> {
        if !self.live.contains(&range) {
            return Err(errno(Raw::ENOMEM));
        }
        residency::of(self.at(&range)?, range.len())
    }
}

impl UnixMapping {
    /// Which of its pages are in memory; nothing of locks.
    pub(super) fn in_memory(&self) -> Result<Residency> {
        let range = 0..self.len();
        residency::in_memory(self.at(&range)?, range.len())
    }
}

impl Drop for UnixMapping {
    fn drop(&mut self) {
        for range in self.live.iter() {
            if let Ok(start) = self.at(&range) {
                // SAFETY: only live parts of this mapping are unmapped, once, and nothing borrows
                // from a value that is being dropped. A failure leaves the pages mapped: harmless.
                let _ = unsafe { mman::munmap(start, range.len()) };
            }
        }
    }
}
