//! Anonymous memory.

use std::ptr::{self, NonNull};

use windows_sys::Win32::Foundation::ERROR_NOT_ENOUGH_MEMORY;
use windows_sys::Win32::System::Memory::{
    MEM_COMMIT, MEM_RELEASE, MEM_RESERVE, PAGE_READWRITE, VirtualAlloc, VirtualFree,
};

use super::error::{errno, invalid, last};
use super::{lock, residency};
use crate::platform::{Buffer, Residency, Result};

/// Memory on pages of its own.
pub(super) struct WindowsBuffer {
    /// What the system allocated.
    base: NonNull<u8>,
    /// The aligned part of it that is used.
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: the memory belongs to this value alone and has no ties to a thread.
unsafe impl Send for WindowsBuffer {}
// SAFETY: as above; `&self` gives read access only.
unsafe impl Sync for WindowsBuffer {}

impl WindowsBuffer {
    /// Allocates `len` zeroed bytes at a multiple of `align`; the system itself aligns to
    /// `granularity`.
    pub(super) fn new(len: usize, align: usize, granularity: usize) -> Result<Self> {
        if len == 0 || !align.is_power_of_two() {
            return Err(invalid());
        }
        // A coarser alignment is cut out of a larger allocation.
        let slack = align.saturating_sub(granularity);
        let total = len.checked_add(slack).filter(|&total| isize::try_from(total).is_ok());
        let total = total.ok_or_else(|| errno(ERROR_NOT_ENOUGH_MEMORY))?;
        // SAFETY: the system chooses the place; nothing that exists is touched.
        let base = unsafe { VirtualAlloc(ptr::null(), total, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE) };
        let base = NonNull::new(base.cast::<u8>()).ok_or_else(last)?;
        let skip = base.as_ptr().align_offset(align);
        // SAFETY: `base` is a multiple of the granularity, so an aligned place is at most `slack`
        // bytes ahead, and `len` bytes follow it.
        let start = unsafe { base.add(skip) };
        Ok(Self { base, start, len })
    }
}

impl Buffer for WindowsBuffer {
    fn address(&self) -> u64 {
        self.start.as_ptr() as u64
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: `len` bytes from `start` are committed, were zeroed by the system and belong to
        // this value; while it is borrowed nobody writes.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and `&mut self` shows that nobody else reads or writes.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }

    fn lock(&self) -> Result<()> {
        // SAFETY: the range is this buffer's own.
        unsafe { lock::lock(self.start, self.len) }
    }

    fn unlock(&self) -> Result<()> {
        // SAFETY: the range is this buffer's own.
        unsafe { lock::unlock(self.start, self.len) }
    }

    fn residency(&self) -> Result<Residency> {
        residency::of(self.start, self.len)
    }
}

impl Drop for WindowsBuffer {
    fn drop(&mut self) {
        // SAFETY: `base` came from VirtualAlloc and is freed once; with MEM_RELEASE the size is 0.
        // A failure would leave the memory allocated: harmless.
        let _ = unsafe { VirtualFree(self.base.as_ptr().cast(), 0, MEM_RELEASE) };
    }
}
