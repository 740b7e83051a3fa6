//! Which parts of a mapping have not been given back.

use std::ops::Range;

use rangemap::RangeSet;

/// The live byte ranges of one mapping, sorted and disjoint.
#[derive(Clone, Debug)]
pub(super) struct LiveRanges {
    len: usize,
    page_size: usize,
    ranges: RangeSet<usize>,
}

impl LiveRanges {
    /// A mapping of `len` bytes, all of it live.
    pub(super) fn new(len: usize, page_size: usize) -> Self {
        Self { len, page_size, ranges: (len > 0).then_some(0..len).into_iter().collect() }
    }

    /// Whether every byte of `range` is live.
    pub(super) fn contains(&self, range: &Range<usize>) -> bool {
        range.is_empty() || self.ranges.gaps(range).next().is_none()
    }

    /// The live ranges, front to back.
    pub(super) fn iter(&self) -> impl Iterator<Item = Range<usize>> {
        self.ranges.iter().cloned()
    }

    /// Takes `range` out if it is live and page-aligned (its end may be the mapping's end);
    /// tells whether it did.
    pub(super) fn remove(&mut self, range: &Range<usize>) -> bool {
        let aligned = |at: usize| at.is_multiple_of(self.page_size) || at == self.len;
        if range.is_empty() || !self.contains(range) || !aligned(range.start) || !aligned(range.end) {
            return false;
        }
        self.ranges.remove(range.clone());
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removing_splits_and_shrinks() {
        let mut live = LiveRanges::new(10_000, 4096);
        assert!(live.remove(&(4096..8192)));
        assert_eq!(live.iter().collect::<Vec<_>>(), [0..4096, 8192..10_000]);
        assert!(live.remove(&(8192..10_000)), "the end of the mapping need not be a page boundary");
        assert_eq!(live.iter().collect::<Vec<_>>(), vec![0..4096]);
    }

    #[test]
    fn unaligned_dead_and_outer_ranges_are_refused() {
        let mut live = LiveRanges::new(10_000, 4096);
        assert!(!live.remove(&(0..100)));
        assert!(!live.remove(&(0..12_288)));
        assert!(live.remove(&(0..4096)));
        assert!(!live.remove(&(0..4096)));
        assert!(!live.contains(&(4000..5000)));
        assert!(live.contains(&(4096..10_000)));
    }
}
