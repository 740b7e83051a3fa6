//! The last look at mappings of models before they go: which of their pages the process ever touched.
//!
//! A mapping that was made proves nothing about who used it. The page table does: a page is in it once it was
//! touched, or populated (`/proc/PID/pagemap`, `Documentation/admin-guide/mm/pagemap.rst` of Linux: a word of
//! eight bytes for each page, bit 63 for one in memory, bit 62 for one that was swapped out, bit 61 for one of the
//! file). So it is read before what would clear it: an unmap, advice that drops pages, the end of the process.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use libc::pid_t;

use super::watch::{Thread, Watcher};
use crate::trace::Seen;
use crate::trace::linux::Sight;

const ENTRY: usize = 8;

/// In memory, or swapped out: `PM_PRESENT`, `PM_SWAP`.
pub(super) const TOUCHED: u64 = 0b11 << 62;

/// A page of the file itself and no copy of one: `PM_FILE`.
const OF_FILE: u64 = 1 << 61;

/// Gaps between touched pages that are not told apart, in bytes: what a fault brings along.
const GRAIN: u64 = 64 << 10;

/// The most stretches that one look tells apart.
const MOST: usize = 1 << 12;

impl Watcher {
    /// Looks at what of a range of addresses maps models.
    pub(super) fn look(&mut self, thread: &Thread, addresses: Range<u64>) {
        let page = self.machine.page();
        let pieces = thread.task.space.borrow().pieces(addresses);
        for (range, piece) in pieces {
            let Some(image) = self.machine.notes.image(piece.region) else { continue };
            let Some(path) = self.path_of(image.file) else { continue };
            let (model, private) = (self.opened.get(&image.file).copied(), image.flags.has("MAP_PRIVATE"));
            let start = image.offset.saturating_add(range.start.wrapping_sub(piece.base));
            let Some(touched) = pages_with(thread.tid, &range, page, |entry| entry & TOUCHED != 0) else {
                continue;
            };
            let in_file = |range: Range<u64>| {
                let at = |addr: u64| start.saturating_add(addr);
                at(range.start)..at(range.end)
            };
            let seen = Seen::Touched {
                path: path.to_owned(),
                offset: start,
                len: range.end - range.start,
                touched: touched.into_iter().map(in_file).collect(),
            };
            let (process, at_ns) = (thread.task.process, self.now());
            self.machine.notes.saw(Sight { process, at_ns, seen });
            let Some(model) = model.filter(|_| private) else { continue };
            let copied = |entry| entry & TOUCHED != 0 && entry & OF_FILE == 0;
            let copies = pages_with(thread.tid, &range, page, copied).unwrap_or_default();
            let copies: Vec<Range<u64>> =
                copies.iter().map(|copy| range.start + copy.start..range.start + copy.end).collect();
            self.compare_copies(thread, model, &copies, |addr| start.saturating_add(addr - range.start));
        }
    }
}

/// The parts of a range of addresses, counted from its start, whose words in the page table are as asked; `None`
/// where the kernel does not say.
pub(super) fn pages_with(
    tid: pid_t,
    range: &Range<u64>,
    page: u64,
    asked: impl Fn(u64) -> bool,
) -> Option<Vec<Range<u64>>> {
    let pagemap = File::open(format!("/proc/{tid}/pagemap")).ok()?;
    let (first, last) = (range.start / page, range.end.div_ceil(page));
    let mut found: Vec<Range<u64>> = Vec::new();
    let mut entries = vec![0u8; ENTRY << 13];
    let mut at = first;
    while at < last {
        let wanted = usize::try_from(last - at).unwrap_or(usize::MAX).min(entries.len() / ENTRY);
        let entries = &mut entries[..wanted * ENTRY];
        pagemap.read_exact_at(entries, at * ENTRY as u64).ok()?;
        for (number, entry) in (at..).zip(entries.chunks_exact(ENTRY)) {
            let entry = entry.iter().rev().fold(0u64, |word, byte| word << 8 | u64::from(*byte));
            if !asked(entry) {
                continue;
            }
            let start = (number * page).max(range.start) - range.start;
            let end = ((number + 1) * page).min(range.end) - range.start;
            let full = found.len() == MOST;
            match found.last_mut() {
                Some(known) if full || start - known.end < GRAIN => known.end = end,
                _ => found.push(start..end),
            }
        }
        at += wanted as u64;
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_that_were_touched_are_told_from_those_that_were_not() {
        let page = u64::try_from(super::super::page_size()).unwrap();
        let far = GRAIN.max(page) * 4;
        let len = usize::try_from(far * 3).unwrap();
        // SAFETY: new anonymous memory at an address of the kernel's choice.
        let memory = unsafe {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
            libc::mmap(std::ptr::null_mut(), len, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0)
        };
        assert_ne!(memory, libc::MAP_FAILED);
        // SAFETY: the memory was just mapped with this length; huge pages would touch more than is written.
        unsafe {
            libc::madvise(memory, len, libc::MADV_NOHUGEPAGE);
            memory.cast::<u8>().add(usize::try_from(far).unwrap()).write_volatile(1);
        }
        let start = memory as u64;
        let touched = |entry| entry & TOUCHED != 0;
        let found = pages_with(std::process::id().cast_signed(), &(start..start + len as u64), page, touched);
        assert_eq!(found.as_deref(), Some(std::slice::from_ref(&(far..far + page))));
        // SAFETY: the mapping of above, used by nobody.
        unsafe { libc::munmap(memory, len) };
    }
}
