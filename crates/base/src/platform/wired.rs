//! Locks that do not nest, on a system whose locks do.
//!
//! XNU counts how often each page was wired and frees it at the last unwiring (`add_wire_counts`
//! in `osfmk/vm/vm_map.c`); everywhere else one unlock undoes any number of locks. Whoever passes
//! each page on at most once has the latter.

use std::ops::Range;

use rangemap::RangeSet;

use super::Result;

/// The locked pages of one region, as ranges of bytes that start and end on a page.
#[derive(Debug)]
pub(super) struct WiredRanges {
    page_size: usize,
    wired: RangeSet<usize>,
}

impl WiredRanges {
    /// Nothing is locked.
    pub(super) fn new(page_size: usize) -> Self {
        Self { page_size, wired: RangeSet::new() }
    }

    /// The pages that a range touches; an empty one touches none, wherever it lies.
    fn pages(&self, range: &Range<usize>) -> Range<usize> {
        if range.is_empty() {
            return 0..0;
        }
        let end = range.end.checked_next_multiple_of(self.page_size).unwrap_or(range.end);
        range.start / self.page_size * self.page_size..end
    }

    /// Locks what of `range` is not locked, all of it or nothing.
    ///
    /// # Errors
    /// The first refusal; what this call had locked before it is unlocked again.
    pub(super) fn lock(
        &mut self,
        range: &Range<usize>,
        lock: impl Fn(Range<usize>) -> Result<()>,
        unlock: impl Fn(Range<usize>) -> Result<()>,
    ) -> Result<()> {
        let pages = self.pages(range);
        if pages.is_empty() {
            return Ok(());
        }
        let missing: Vec<_> = self.wired.gaps(&pages).collect();
        for (done, gap) in missing.iter().enumerate() {
            if let Err(refused) = lock(gap.clone()) {
                // Undoing cannot be refused for pages that are locked; if it is, the refusal of
                // the lock is still what the caller has to know.
                missing[..done].iter().for_each(|gap| drop(unlock(gap.clone())));
                return Err(refused);
            }
        }
        self.wired.insert(pages);
        Ok(())
    }

    /// Unlocks what of `range` is locked.
    ///
    /// # Errors
    /// The first refusal; from there on nothing is unlocked.
    pub(super) fn unlock(
        &mut self,
        range: &Range<usize>,
        unlock: impl Fn(Range<usize>) -> Result<()>,
    ) -> Result<()> {
        let pages = self.pages(range);
        if pages.is_empty() {
            return Ok(());
        }
        let held: Vec<_> = self.wired.overlapping(&pages).cloned().collect();
        for held in held {
            let part = held.start.max(pages.start)..held.end.min(pages.end);
            unlock(part.clone())?;
            self.wired.remove(part);
        }
        Ok(())
    }

    /// Forgets a range that was unmapped, which ended its locks.
    pub(super) fn forget(&mut self, range: &Range<usize>) {
        let pages = self.pages(range);
        if !pages.is_empty() {
            self.wired.remove(pages);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use proptest::prelude::*;

    use super::*;
    use crate::platform::{ErrorKind, OsFamily};

    const PAGE: usize = 16384;

    /// A kernel that counts wirings per page, as XNU does, and has a quota in pages.
    struct Counting {
        counts: RefCell<Vec<u32>>,
        quota: usize,
    }

    impl Counting {
        fn of_pages(range: Range<usize>) -> Range<usize> {
            range.start / PAGE..range.end.div_ceil(PAGE)
        }

        fn lock(&self, range: Range<usize>) -> Result<()> {
            let mut counts = self.counts.borrow_mut();
            let pages = Self::of_pages(range);
            let more = counts[pages.clone()].iter().filter(|&&count| count == 0).count();
            if counts.iter().filter(|&&count| count > 0).count() + more > self.quota {
                return Err(OsFamily::Darwin.errno(ErrorKind::LockLimit));
            }
            counts[pages].iter_mut().for_each(|count| *count += 1);
            Ok(())
        }

        fn unlock(&self, range: Range<usize>) -> Result<()> {
            for count in &mut self.counts.borrow_mut()[Self::of_pages(range)] {
                *count = count.checked_sub(1).expect("only locked pages are unlocked");
            }
            Ok(())
        }
    }

    /// Lengths in bytes, the empty one often enough to be met.
    fn length() -> impl Strategy<Value = usize> {
        prop_oneof![1 => Just(0), 7 => 0..4 * PAGE]
    }

    proptest! {
        /// Against a plain list of pages, where a lock sets and an unlock clears.
        #[test]
        fn locks_do_not_nest_and_take_all_or_nothing(
            steps in prop::collection::vec((0usize..3, 0usize..10 * PAGE, length()), 1..40),
            quota in 1usize..14,
        ) {
            let kernel = Counting { counts: RefCell::new(vec![0; 15]), quota };
            let mut wired = WiredRanges::new(PAGE);
            let mut plain = [false; 15];
            for (step, start, len) in steps {
                let range = start..start + len;
                let pages = if len == 0 { 0..0 } else { Counting::of_pages(range.clone()) };
                match step {
                    0 | 1 => {
                        let mut next = plain;
                        next[pages].fill(true);
                        let fits = next.iter().filter(|&&locked| locked).count() <= quota;
                        let got = wired.lock(&range, |r| kernel.lock(r), |r| kernel.unlock(r));
                        prop_assert_eq!(got.is_ok(), fits);
                        if fits {
                            plain = next;
                        }
                    }
                    _ => {
                        prop_assert!(wired.unlock(&range, |r| kernel.unlock(r)).is_ok());
                        plain[pages].fill(false);
                    }
                }
                let counts: Vec<u32> = plain.iter().map(|&locked| u32::from(locked)).collect();
                prop_assert_eq!(&*kernel.counts.borrow(), &counts);
            }
        }
    }

    #[test]
    fn an_empty_range_touches_no_page() {
        let kernel = Counting { counts: RefCell::new(vec![0; 4]), quota: 4 };
        let mut wired = WiredRanges::new(PAGE);
        wired.lock(&(1..1), |r| kernel.lock(r), |r| kernel.unlock(r)).unwrap();
        assert_eq!(*kernel.counts.borrow(), [0, 0, 0, 0]);
        wired.lock(&(0..PAGE), |r| kernel.lock(r), |r| kernel.unlock(r)).unwrap();
        wired.unlock(&(1..1), |r| kernel.unlock(r)).unwrap();
        assert_eq!(*kernel.counts.borrow(), [1, 0, 0, 0]);
    }

    #[test]
    fn what_was_unmapped_is_not_unlocked() {
        let kernel = Counting { counts: RefCell::new(vec![0; 4]), quota: 4 };
        let mut wired = WiredRanges::new(PAGE);
        wired.lock(&(0..3 * PAGE), |r| kernel.lock(r), |r| kernel.unlock(r)).unwrap();
        wired.forget(&(PAGE..2 * PAGE));
        wired.unlock(&(0..4 * PAGE), |r| kernel.unlock(r)).unwrap();
        assert_eq!(*kernel.counts.borrow(), [0, 1, 0, 0]);
    }
}
