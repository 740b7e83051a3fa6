//! What the kernel tells of each page of the working set.

use std::ptr::NonNull;

use windows_sys::Win32::System::ProcessStatus::{K32QueryWorkingSetEx, PSAPI_WORKING_SET_EX_INFORMATION};
use windows_sys::Win32::System::Threading::GetCurrentProcess;

use super::Windows;
use super::error::check;
use crate::platform::{Residency, Result};

/// Bits of `PSAPI_WORKING_SET_EX_BLOCK`: in memory, and locked there.
const VALID: usize = 1;
const LOCKED: usize = 1 << 22;

/// How many pages are asked about at once.
const AT_ONCE: usize = 4096;

/// How the kernel sees the pages that `len` bytes from `start` touch. Addresses are compared and
/// never followed.
pub(super) fn of(start: NonNull<u8>, len: usize) -> Result<Residency> {
    if len == 0 {
        return Ok(Residency::default());
    }
    let page = Windows::new().grains.page;
    let start = start.as_ptr().addr();
    let addresses: Vec<usize> = (start / page * page..start + len).step_by(page).collect();
    let (mut resident, mut locked) = (0, 0);
    for some in addresses.chunks(AT_ONCE) {
        let entry = |&at: &usize| PSAPI_WORKING_SET_EX_INFORMATION {
            VirtualAddress: std::ptr::without_provenance_mut(at),
            ..Default::default()
        };
        let mut entries: Vec<_> = some.iter().map(entry).collect();
        let bytes = u32::try_from(size_of_val(entries.as_slice())).unwrap_or(u32::MAX);
        // SAFETY: the handle names this process; the call reads and writes that many bytes of entries.
        check(unsafe { K32QueryWorkingSetEx(GetCurrentProcess(), entries.as_mut_ptr().cast(), bytes) })?;
        for entry in &entries {
            // SAFETY: every member of the union is a plain number of the same size.
            let flags = unsafe { entry.VirtualAttributes.Flags };
            resident += u64::from(flags & VALID != 0);
            locked += u64::from(flags & VALID != 0 && flags & LOCKED != 0);
        }
    }
    Ok(Residency { pages: addresses.len() as u64, resident, locked: Some(locked) })
}
