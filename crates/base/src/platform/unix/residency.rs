//! `mincore`, and where a system lists its memory areas by file, which of them are locked.

use std::ops::Range;
use std::ptr::NonNull;

use nix::errno::Errno as Raw;

use super::{errno, invalid, page_size};
use crate::platform::{Residency, Result};

/// How the kernel sees the pages that `len` bytes from `start` touch.
///
/// # Errors
/// `ENOMEM` where part of it is not mapped.
pub(super) fn of(start: NonNull<libc::c_void>, len: usize) -> Result<Residency> {
    let seen = in_memory(start, len)?;
    if len == 0 {
        return Ok(seen);
    }
    let page = page_size();
    let first = start.as_ptr().addr() as u64 / page * page;
    let locked = locked(&(first..first + seen.pages * page));
    Ok(Residency { locked: locked.map(|bytes| bytes / page), ..seen })
}

/// The same without the locks, whose list is long to make.
///
/// # Errors
/// `ENOMEM` where part of it is not mapped.
pub(super) fn in_memory(start: NonNull<libc::c_void>, len: usize) -> Result<Residency> {
    if len == 0 {
        return Ok(Residency::default());
    }
    let page = usize::try_from(page_size()).map_err(|_| invalid())?;
    let first = start.as_ptr().addr() / page * page;
    let end = start.as_ptr().addr() + len;
    let pages = (end - first).div_ceil(page);
    let mut states = vec![0u8; pages];
    // SAFETY: the call reads no memory of the range, which may even be unmapped; it writes one byte
    // a page to `states`, which has that many.
    let result = unsafe { libc::mincore(first as *mut _, end - first, states.as_mut_ptr().cast()) };
    Raw::result(result).map_err(errno)?;
    // The other bits are not the same on any two systems.
    let resident = states.iter().filter(|state| **state & 1 != 0).count() as u64;
    Ok(Residency { pages: pages as u64, resident, locked: None })
}

/// How many bytes of a range lie in locked areas, by Linux's list of them.
fn locked(range: &Range<u64>) -> Option<u64> {
    locked_in(&std::fs::read_to_string("/proc/self/smaps").ok()?, range)
}

/// Linux: proc_pid_smaps(5). An area starts with a line `START-END perms …`; its line `VmFlags:` has
/// the word `lo` if it is locked.
fn locked_in(smaps: &str, range: &Range<u64>) -> Option<u64> {
    let mut area = 0..0;
    let mut told = false;
    let mut locked = 0;
    for line in smaps.lines() {
        if let Some(flags) = line.strip_prefix("VmFlags:") {
            told = true;
            if flags.split_ascii_whitespace().any(|flag| flag == "lo") {
                locked += area.end.min(range.end).saturating_sub(area.start.max(range.start));
            }
        } else if let Some((start, end)) = line.split_once(' ').and_then(|(span, _)| span.split_once('-'))
            && let (Ok(start), Ok(end)) = (u64::from_str_radix(start, 16), u64::from_str_radix(end, 16))
        {
            area = start..end;
        }
    }
    told.then_some(locked)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMAPS: &str = "\
7f0000001000-7f0000004000 r--s 00000000 08:01 12 /tmp/a - b.gguf
Rss:                  12 kB
VmFlags: rd mr me ms lo sd
7f0000004000-7f0000008000 rw-p 00000000 00:00 0
VmFlags: rd wr mr mw me ac sd
7f0000008000-7f0000009000 rw-p 00000000 00:00 0
VmFlags: rd wr lo
";

    #[test]
    fn only_locked_areas_count_and_only_their_part_of_the_range() {
        let locked =
            |start: u64, end: u64| locked_in(SMAPS, &(0x7f00_0000_0000 + start..0x7f00_0000_0000 + end));
        assert_eq!(locked(0x1000, 0x4000), Some(0x3000));
        assert_eq!(locked(0x2000, 0x3000), Some(0x1000));
        assert_eq!(locked(0x4000, 0x8000), Some(0));
        assert_eq!(locked(0x3000, 0x9000), Some(0x2000));
        assert_eq!(locked(0x9000, 0xa000), Some(0));
    }

    #[test]
    fn a_list_without_flags_tells_nothing() {
        assert_eq!(
            locked_in("7f0000001000-7f0000004000 r--s 00000000 08:01 12\nRss: 12 kB\n", &(0..1)),
            None
        );
        assert_eq!(locked_in("", &(0..1)), None);
    }
}
