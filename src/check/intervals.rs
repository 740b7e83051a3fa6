//! Sets of bytes, as sorted disjoint ranges.

use std::ops::Range;

/// A set of byte positions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Intervals(Vec<Range<u64>>);

impl Intervals {
    /// Adds a range.
    pub(super) fn insert(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        let from = self.0.partition_point(|r| r.end < range.start);
        let upto = self.0.partition_point(|r| r.start <= range.end);
        let touched = &self.0[from..upto];
        let start = touched.first().map_or(range.start, |r| r.start.min(range.start));
        let end = touched.last().map_or(range.end, |r| r.end.max(range.end));
        self.0.splice(from..upto, std::iter::once(start..end));
    }

    /// Takes a range out.
    pub(super) fn remove(&mut self, range: &Range<u64>) {
        let keep = |r: &Range<u64>| [r.start..r.end.min(range.start), r.start.max(range.end)..r.end];
        self.0 = self.0.iter().flat_map(keep).filter(|r| !r.is_empty()).collect();
    }

    /// The first part of `range` that is not in the set.
    pub(super) fn first_gap(&self, range: &Range<u64>) -> Option<Range<u64>> {
        let mut at = range.start;
        for r in &self.0[self.0.partition_point(|r| r.end <= range.start)..] {
            if r.start > at || at >= range.end {
                break;
            }
            at = r.end;
        }
        let next = self.0.iter().map(|r| r.start).find(|s| *s > at).unwrap_or(u64::MAX);
        (at < range.end).then(|| at..range.end.min(next))
    }

    /// The first part of `range` that is in the set.
    pub(super) fn first_overlap(&self, range: &Range<u64>) -> Option<Range<u64>> {
        let r = self.0.get(self.0.partition_point(|r| r.end <= range.start))?;
        let both = r.start.max(range.start)..r.end.min(range.end);
        (!both.is_empty()).then_some(both)
    }

    /// Its ranges, front to back.
    pub(super) fn iter(&self) -> impl Iterator<Item = Range<u64>> {
        self.0.iter().cloned()
    }

    /// Whether nothing is in the set.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn range() -> impl Strategy<Value = Range<u64>> {
        (0u64..40, 0u64..12).prop_map(|(start, len)| start..start + len)
    }

    proptest! {
        /// A set of ranges behaves like the set of its bytes.
        #[test]
        fn agrees_with_a_plain_set(
            ops in proptest::collection::vec((any::<bool>(), range()), 0..12),
            probe in range(),
        ) {
            let mut set = Intervals::default();
            let mut naive = std::collections::BTreeSet::new();
            for (add, r) in ops {
                if add {
                    set.insert(r.clone());
                    naive.extend(r);
                } else {
                    set.remove(&r);
                    naive.retain(|b| !r.contains(b));
                }
            }
            let gap = probe.clone().find(|b| !naive.contains(b));
            prop_assert_eq!(set.first_gap(&probe).map(|r| r.start), gap);
            if let Some(gap) = set.first_gap(&probe) {
                prop_assert!(gap.clone().all(|b| !naive.contains(&b)));
                prop_assert!(gap.end == probe.end || naive.contains(&gap.end));
            }
            let overlap = probe.clone().find(|b| naive.contains(b));
            prop_assert_eq!(set.first_overlap(&probe).map(|r| r.start), overlap);
            prop_assert_eq!(set.is_empty(), naive.is_empty());
            prop_assert!(set.0.windows(2).all(|w| w[0].end < w[1].start || w[0].end <= w[1].start));
        }
    }
}
