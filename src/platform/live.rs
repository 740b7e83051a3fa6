//! Which parts of a mapping have not been given back.

use std::ops::Range;

/// The live byte ranges of one mapping, sorted and disjoint.
#[derive(Clone, Debug)]
pub(super) struct LiveRanges {
    len: usize,
    page_size: usize,
    ranges: Vec<Range<usize>>,
}

impl LiveRanges {
    /// A mapping of `len` bytes, all of it live.
    pub(super) fn new(len: usize, page_size: usize) -> Self {
        Self { len, page_size, ranges: std::iter::once(0..len).collect() }
    }

    /// Whether every byte of `range` is live.
    pub(super) fn contains(&self, range: &Range<usize>) -> bool {
        range.start <= range.end && self.ranges.iter().any(|r| r.start <= range.start && range.end <= r.end)
    }

    /// The live ranges, front to back.
    pub(super) fn iter(&self) -> impl Iterator<Item = Range<usize>> {
        self.ranges.iter().cloned()
    }

    /// Takes `range` out if it is live and page-aligned (its end may be the mapping's end);
    /// tells whether it did.
    pub(super) fn remove(&mut self, range: &Range<usize>) -> bool {
        let aligned = |at: usize| at.is_multiple_of(self.page_size) || at == self.len;
        if !self.contains(range) || !aligned(range.start) || !aligned(range.end) {
            return false;
        }
        self.ranges = self
            .ranges
            .iter()
            .flat_map(|r| [r.start..r.end.min(range.start), r.start.max(range.end)..r.end])
            .filter(|r| !r.is_empty())
            .collect();
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
