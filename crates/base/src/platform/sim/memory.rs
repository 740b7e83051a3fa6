//! Zeroed memory at an address that is aligned as asked and no better.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;

/// A block of bytes. The pages that it touches belong to it alone, so that locks on two blocks
/// never share a page.
pub(super) struct Memory {
    base: NonNull<u8>,
    layout: Layout,
    /// Where the block starts after `base`, and how long it is.
    start: usize,
    len: usize,
}

// SAFETY: a `Memory` owns its allocation alone, and hands out references by the usual rules of
// borrowing: shared ones through `&self`, a unique one through `&mut self`.
unsafe impl Send for Memory {}
// SAFETY: as above; `&Memory` gives nothing but `&[u8]`.
unsafe impl Sync for Memory {}

impl Memory {
    /// Allocates `len` zeroed bytes at an odd multiple of `align`: code that got a better address
    /// by luck elsewhere is found out here. `align` and `page` are powers of two, `len` is not 0.
    /// `None` when there is no such memory.
    pub(super) fn zeroed(len: usize, align: usize, page: usize) -> Option<Self> {
        // One page to reach the first whole one, two alignments to reach an odd multiple of it,
        // and one page more so that the last page touched is inside too.
        let size = align.checked_mul(2)?.checked_add(page.checked_mul(2)?)?.checked_add(len)?;
        // An alignment of 1 and an aligned start found by hand let the allocator use pages that
        // the kernel hands out zeroed on first use: untouched parts of huge mappings stay free.
        let layout = Layout::from_size_align(size, 1).ok()?;
        // SAFETY: `size` is at least 2 (two times an alignment), so the layout is not empty.
        let base = NonNull::new(unsafe { alloc_zeroed(layout) })?;
        let first_page = base.addr().get().next_multiple_of(page);
        let mut address = first_page.next_multiple_of(align);
        if (address / align).is_multiple_of(2) {
            address += align;
        }
        Some(Self { base, layout, start: address - base.addr().get(), len })
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn address(&self) -> u64 {
        (self.base.addr().get() + self.start) as u64
    }

    pub(super) fn bytes(&self) -> &[u8] {
        // SAFETY: `start + len` is within the allocation by the sum in `zeroed`; all of it was
        // initialised with zeros; it lives as long as `self`; `&self` keeps writers away.
        unsafe { std::slice::from_raw_parts(self.base.as_ptr().add(self.start), self.len) }
    }

    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`; `&mut self` makes the reference unique.
        unsafe { std::slice::from_raw_parts_mut(self.base.as_ptr().add(self.start), self.len) }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: allocated in `zeroed` by the global allocator with this layout, freed once.
        unsafe { dealloc(self.base.as_ptr(), self.layout) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_aligned_as_asked_and_no_better() {
        for align in (0..21).map(|shift| 1usize << shift) {
            for page in [4096usize, 16384, 65536] {
                let mut memory = Memory::zeroed(3 * page + 17, align, page).unwrap();
                assert_eq!(memory.address().trailing_zeros(), align.trailing_zeros());
                assert!(memory.bytes().iter().all(|&byte| byte == 0));
                // The whole of the last page lies inside the allocation.
                let last_page = (memory.address() as usize + memory.len()).next_multiple_of(page);
                assert!(last_page <= memory.base.addr().get() + memory.layout.size());
                memory.bytes_mut().fill(7);
                assert_eq!(memory.bytes().last(), Some(&7));
            }
        }
    }

    #[test]
    fn impossible_sizes_are_none() {
        assert!(Memory::zeroed(usize::MAX - 5, 64, 4096).is_none());
        assert!(Memory::zeroed(isize::MAX as usize, 64, 4096).is_none());
        assert!(Memory::zeroed(64, 1 << (usize::BITS - 1), 4096).is_none());
    }
}
