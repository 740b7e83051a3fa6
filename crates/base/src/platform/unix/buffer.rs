//! Anonymous memory on pages of its own.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::ptr::NonNull;

use memmap2::{MmapMut, MmapOptions};
use nix::errno::Errno as Raw;
use nix::sys::mman;

use super::{errno, invalid, io_errno, lock_errno, residency};
use crate::platform::{Buffer, Residency, Result};

/// A range of an anonymous mapping.
pub(in crate::platform) struct UnixBuffer {
    map: MmapMut,
    range: Range<usize>,
}

impl UnixBuffer {
    /// Allocates `len` zeroed bytes at a multiple of `align`.
    pub(in crate::platform) fn new(len: usize, align: usize, page_size: u64) -> Result<Self> {
        if len == 0 || !align.is_power_of_two() {
            return Err(invalid());
        }
        // A mapping starts on a page; a coarser alignment is cut out of a larger one.
        let page = usize::try_from(page_size).map_err(|_| invalid())?;
        let slack = align.saturating_sub(page);
        let total = len.checked_add(slack).ok_or_else(|| errno(Raw::ENOMEM))?;
        let map = MmapOptions::new().len(total).map_anon().map_err(|e| io_errno(&e))?;
        let start = map.as_ptr().align_offset(align);
        Ok(Self { map, range: start..start + len })
    }

    fn start(&self) -> Result<(NonNull<libc::c_void>, NonZeroUsize)> {
        let len = NonZeroUsize::new(self.range.len()).ok_or_else(invalid)?;
        let start = NonNull::new(self.bytes().as_ptr().cast_mut().cast()).ok_or_else(invalid)?;
        Ok((start, len))
    }
}

/// Locks memory that is about to be filled. Linux locks each page when it is first written
/// (`MLOCK_ONFAULT`, mlock2(2)): `mlock` would clear all of them on one processor first, while the disk
/// waits. The limit is held against the whole range at once by either call.
#[cfg(target_os = "linux")]
fn lock_pages(start: NonNull<libc::c_void>, len: NonZeroUsize) -> nix::Result<()> {
    // SAFETY: the range lies within a buffer's own mapping; locking changes no contents.
    let result = unsafe { libc::syscall(libc::SYS_mlock2, start.as_ptr(), len.get(), libc::MLOCK_ONFAULT) };
    match Raw::result(result) {
        // Linux before 4.4.
        Err(Raw::ENOSYS) => lock_whole(start, len),
        result => result.map(drop),
    }
}

#[cfg(not(target_os = "linux"))]
use lock_whole as lock_pages;

/// Locks memory and brings it in.
fn lock_whole(start: NonNull<libc::c_void>, len: NonZeroUsize) -> nix::Result<()> {
    // SAFETY: the range lies within a buffer's own mapping; locking changes no contents.
    unsafe { mman::mlock(start, len.get()) }
}

impl Buffer for UnixBuffer {
    fn address(&self) -> u64 {
        self.bytes().as_ptr() as u64
    }

    fn bytes(&self) -> &[u8] {
        &self.map[self.range.clone()]
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.map[self.range.clone()]
    }

    fn lock(&self) -> Result<()> {
        let (start, len) = self.start()?;
        lock_pages(start, len).map_err(lock_errno)
    }

    fn unlock(&self) -> Result<()> {
        let (start, len) = self.start()?;
        // SAFETY: the range lies within this buffer's own mapping; unlocking changes no contents.
        unsafe { mman::munlock(start, len.get()) }.map_err(errno)
    }

    fn residency(&self) -> Result<Residency> {
        let (start, len) = self.start()?;
        residency::of(start, len.get())
    }
}
