//! Views of files.

use std::ops::Range;
use std::os::windows::io::{AsRawHandle, BorrowedHandle, FromRawHandle, OwnedHandle};
use std::ptr::{self, NonNull};
use std::sync::OnceLock;

use windows_sys::Win32::Foundation::{
    ERROR_INVALID_ADDRESS, ERROR_MAPPED_ALIGNMENT, ERROR_NOT_ENOUGH_MEMORY, ERROR_NOT_SUPPORTED, HANDLE,
};
use windows_sys::Win32::System::LibraryLoader::{GetModuleHandleW, GetProcAddress};
use windows_sys::Win32::System::Memory::{
    CreateFileMappingW, FILE_MAP_READ, MEMORY_MAPPED_VIEW_ADDRESS, MapViewOfFile, PAGE_READONLY,
    UnmapViewOfFile, WIN32_MEMORY_RANGE_ENTRY,
};
use windows_sys::Win32::System::Threading::GetCurrentProcess;
use windows_sys::core::BOOL;

use super::Grains;
use super::error::{check, errno, invalid, last};
use super::{lock, residency};
use crate::platform::{Advice, MapRequest, Mapping, Residency, Result};

/// A read-only view of a range of a file.
pub(super) struct WindowsMapping {
    view: NonNull<u8>,
    len: usize,
    page: usize,
    /// Whether the view still stands: it can only be given back as a whole.
    live: bool,
    /// Closed when this is dropped, after `drop` has unmapped the view. It holds the file open by
    /// itself, so that the file's own handle may be closed before or after.
    _section: OwnedHandle,
}

// SAFETY: the view is memory of this process without ties to a thread, and nobody writes to it.
unsafe impl Send for WindowsMapping {}
// SAFETY: as above; the methods that take `&self` change no field.
unsafe impl Sync for WindowsMapping {}

impl WindowsMapping {
    /// Maps a range of `file`, which is `size` bytes long.
    pub(super) fn new(
        file: BorrowedHandle<'_>,
        size: u64,
        request: MapRequest,
        grains: Grains,
    ) -> Result<Self> {
        let MapRequest { offset, len, .. } = request;
        let end = offset.checked_add(len).ok_or_else(invalid)?;
        if len == 0 || end > size {
            return Err(invalid());
        }
        if !offset.is_multiple_of(grains.allocation as u64) {
            return Err(errno(ERROR_MAPPED_ALIGNMENT));
        }
        let len = usize::try_from(len).map_err(|_| errno(ERROR_NOT_ENOUGH_MEMORY))?;
        // SAFETY: the handle is open; no attributes, no name, and the size is that of the file.
        let section = unsafe {
            CreateFileMappingW(file.as_raw_handle(), ptr::null(), PAGE_READONLY, 0, 0, ptr::null())
        };
        if section.is_null() {
            return Err(last());
        }
        // SAFETY: the handle was made by the call above and belongs to nobody else.
        let section = unsafe { OwnedHandle::from_raw_handle(section) };
        let (high, low) = ((offset >> 32) as u32, offset as u32);
        // SAFETY: the section is open, and the system chooses where the view lies. That nobody
        // changes the file meanwhile is a condition that no loader can enforce; the trait says so.
        let view = unsafe { MapViewOfFile(section.as_raw_handle(), FILE_MAP_READ, high, low, len) };
        let view = NonNull::new(view.Value.cast()).ok_or_else(last)?;
        Ok(Self { view, len, page: grains.page, live: true, _section: section })
    }

    /// The start of a range that lies within the view.
    fn at(&self, range: &Range<usize>) -> Result<NonNull<u8>> {
        if range.start > range.end || range.end > self.len {
            return Err(invalid());
        }
        if !self.live {
            return Err(errno(ERROR_INVALID_ADDRESS));
        }
        // SAFETY: the start lies within the view or at its end.
        Ok(unsafe { self.view.add(range.start) })
    }

    /// Unmaps the view, once.
    fn end(&mut self) -> Result<()> {
        if !std::mem::replace(&mut self.live, false) {
            return Err(errno(ERROR_INVALID_ADDRESS));
        }
        let view = MEMORY_MAPPED_VIEW_ADDRESS { Value: self.view.as_ptr().cast() };
        // SAFETY: the view stood until the line above, `&mut self` shows that no slice of it is
        // borrowed, and nothing touches it from here on.
        check(unsafe { UnmapViewOfFile(view) })
    }
}

impl Mapping for WindowsMapping {
    fn len(&self) -> usize {
        self.len
    }

    fn address(&self) -> u64 {
        self.view.as_ptr() as u64
    }

    fn bytes(&self, range: Range<usize>) -> &[u8] {
        assert!(self.live, "bytes {range:?} of the mapping were released");
        // SAFETY: the view stands, is `len` bytes long and is read-only while `self` is borrowed.
        let all = unsafe { std::slice::from_raw_parts(self.view.as_ptr(), self.len) };
        &all[range]
    }

    fn advise(&self, range: Range<usize>, advice: Advice) -> Result<()> {
        let start = self.at(&range)?;
        if !range.start.is_multiple_of(self.page) {
            return Err(invalid());
        }
        match (advice, prefetch()) {
            (Advice::WillNeed, Some(_)) if range.is_empty() => Ok(()),
            (Advice::WillNeed, Some(prefetch)) => {
                let entry = WIN32_MEMORY_RANGE_ENTRY {
                    VirtualAddress: start.as_ptr().cast(),
                    NumberOfBytes: range.len(),
                };
                // SAFETY: the handle names this process, and the call reads one entry, whose range
                // lies within the view.
                check(unsafe { prefetch(GetCurrentProcess(), 1, &raw const entry, 0) })
            }
            _ => Err(errno(ERROR_NOT_SUPPORTED)),
        }
    }

    fn lock(&self, range: Range<usize>) -> Result<()> {
        let start = self.at(&range)?;
        // SAFETY: the range lies within the view.
        unsafe { lock::lock(start, range.len()) }
    }

    fn unlock(&self, range: Range<usize>) -> Result<()> {
        let start = self.at(&range)?;
        // SAFETY: the range lies within the view.
        unsafe { lock::unlock(start, range.len()) }
    }

    fn unmap(&mut self, range: Range<usize>) -> Result<()> {
        self.at(&range)?;
        let aligned = |at: usize| at.is_multiple_of(self.page) || at == self.len;
        if range.is_empty() || !aligned(range.start) || !aligned(range.end) {
            return Err(invalid());
        }
        if range.len() < self.len {
            return Err(errno(ERROR_NOT_SUPPORTED));
        }
        self.end()
    }

    fn residency(&self, range: Range<usize>) -> Result<Residency> {
        residency::of(self.at(&range)?, range.len())
    }
}

impl Drop for WindowsMapping {
    fn drop(&mut self) {
        // A failure leaves address space reserved and does no other harm.
        let _ = self.end();
    }
}

type Prefetch = unsafe extern "system" fn(HANDLE, usize, *const WIN32_MEMORY_RANGE_ENTRY, u32) -> BOOL;

/// `PrefetchVirtualMemory`, which is there from Windows 8 on: a program that linked to it would not
/// start where it is not.
fn prefetch() -> Option<Prefetch> {
    static FOUND: OnceLock<Option<Prefetch>> = OnceLock::new();
    *FOUND.get_or_init(|| {
        // SAFETY: the name ends with a NUL; the module is never unloaded.
        let kernel = unsafe { GetModuleHandleW(windows_sys::core::w!("kernel32.dll")) };
        if kernel.is_null() {
            return None;
        }
        // SAFETY: the module is loaded, and the name ends with a NUL.
        let found = unsafe { GetProcAddress(kernel, windows_sys::core::s!("PrefetchVirtualMemory")) }?;
        // SAFETY: the function of that name has this signature (memoryapi.h).
        Some(unsafe { std::mem::transmute::<unsafe extern "system" fn() -> isize, Prefetch>(found) })
    })
}
