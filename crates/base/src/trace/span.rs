//! Byte ranges: a multiset of bytes (how often was each one read) and a set (which are locked).

use std::collections::BTreeMap;
use std::fmt;

/// A maximal run of bytes that were all touched the same number of times, `start..end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The first byte.
    pub start: u64,
    /// One past the last byte.
    pub end: u64,
    /// How often, from 1.
    pub times: u32,
}

impl Span {
    /// How many bytes were touched, repetitions included.
    pub fn bytes(&self) -> u64 {
        (self.end - self.start).saturating_mul(self.times.into())
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Range(self.start, self.end))?;
        if self.times > 1 { write!(f, " x{}", self.times) } else { Ok(()) }
    }
}

/// A byte range for people: hexadecimal where both ends are multiples of 4 KiB, since then the
/// zeroes show it, else decimal.
pub(super) struct Range(pub(super) u64, pub(super) u64);

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_multiple_of(4096) && self.1.is_multiple_of(4096) {
            write!(f, "{}..{}", Number(self.0), Number(self.1))
        } else {
            write!(f, "{}..{}", self.0, self.1)
        }
    }
}

/// A byte offset for people: hexadecimal where it is a multiple of 4 KiB, else decimal.
pub(super) struct Number(pub(super) u64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 != 0 && self.0.is_multiple_of(4096) {
            write!(f, "{:#x}", self.0)
        } else {
            write!(f, "{}", self.0)
        }
    }
}

/// The multiset of bytes that `pieces` (start, end) touch, as sorted, disjoint, maximal runs of
/// equal count. Cutting a piece in two or reordering the pieces does not change the result;
/// touching a byte once more does.
pub(super) fn multiset(pieces: &[(u64, u64)]) -> Vec<Span> {
    let mut edges: BTreeMap<u64, i64> = BTreeMap::new();
    for &(start, end) in pieces.iter().filter(|(start, end)| start < end) {
        *edges.entry(start).or_default() += 1;
        *edges.entry(end).or_default() -= 1;
    }
    let mut spans = Vec::new();
    let (mut depth, mut from) = (0i64, 0u64);
    for (at, change) in edges.into_iter().filter(|(_, change)| *change != 0) {
        if depth > 0 {
            let times = u32::try_from(depth).unwrap_or(u32::MAX);
            spans.push(Span { start: from, end: at, times });
        }
        depth += change;
        from = at;
    }
    spans
}

/// Sorts ranges (start, end) and joins those that overlap or touch.
pub(super) fn union(mut ranges: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    ranges.sort_unstable();
    let mut joined: Vec<(u64, u64)> = Vec::with_capacity(ranges.len());
    for (start, end) in ranges {
        match joined.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => joined.push((start, end)),
        }
    }
    joined
}

/// What of the sorted, disjoint `ranges` lies outside `hole`.
pub(super) fn subtract(ranges: &[(u64, u64)], hole: (u64, u64)) -> Vec<(u64, u64)> {
    let before = |r: &(u64, u64)| (r.0, r.1.min(hole.0));
    let after = |r: &(u64, u64)| (r.0.max(hole.1), r.1);
    ranges.iter().flat_map(|r| [before(r), after(r)]).filter(|(start, end)| start < end).collect()
}

/// What `a` holds more often than `b`, as spans with the surplus.
pub(super) fn surplus(a: &[Span], b: &[Span]) -> Vec<Span> {
    let mut cuts: Vec<u64> = a.iter().chain(b).flat_map(|span| [span.start, span.end]).collect();
    cuts.sort_unstable();
    cuts.dedup();
    let times = |spans: &[Span], at: u64| {
        let next = spans.partition_point(|span| span.end <= at);
        spans.get(next).filter(|span| span.start <= at).map_or(0, |span| span.times)
    };
    let mut more: Vec<Span> = Vec::new();
    for ends in cuts.windows(2) {
        let (start, end) = (ends[0], ends[1]);
        let surplus = times(a, start).saturating_sub(times(b, start));
        match more.last_mut() {
            Some(last) if last.end == start && last.times == surplus => last.end = end,
            _ if surplus > 0 => more.push(Span { start, end, times: surplus }),
            _ => {}
        }
    }
    more
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The oracle: one counter a byte.
    fn counts(pieces: &[(u64, u64)]) -> [u32; 40] {
        let mut counts = [0; 40];
        for &(start, end) in pieces {
            (start..end).for_each(|at| counts[at as usize] += 1);
        }
        counts
    }

    fn expand(spans: &[Span]) -> [u32; 40] {
        let mut counts = [0; 40];
        for span in spans {
            (span.start..span.end).for_each(|at| counts[at as usize] += span.times);
        }
        counts
    }

    fn pieces() -> impl Strategy<Value = Vec<(u64, u64)>> {
        let piece = (0u64..32, 0u64..8).prop_map(|(start, len)| (start, start + len));
        proptest::collection::vec(piece, 0..8)
    }

    proptest! {
        #[test]
        fn multiset_counts_every_byte_in_maximal_runs(pieces in pieces()) {
            let spans = multiset(&pieces);
            prop_assert_eq!(expand(&spans), counts(&pieces));
            for pair in spans.windows(2) {
                prop_assert!(pair[0].end <= pair[1].start);
                prop_assert!(pair[0].end < pair[1].start || pair[0].times != pair[1].times);
            }
        }

        #[test]
        fn surplus_is_the_positive_difference(a in pieces(), b in pieces()) {
            let more = expand(&surplus(&multiset(&a), &multiset(&b)));
            let (a, b) = (counts(&a), counts(&b));
            let expected: Vec<u32> = a.iter().zip(b).map(|(a, b)| a.saturating_sub(b)).collect();
            prop_assert_eq!(more.to_vec(), expected);
        }

        #[test]
        fn union_and_subtract_agree_with_counters(a in pieces(), hole in (0u64..32, 0u64..8)) {
            let hole = (hole.0, hole.0 + hole.1);
            let left = subtract(&union(a.clone()), hole);
            let (a, left) = (counts(&a), counts(&left));
            for at in 0..40 {
                let inside = hole.0 <= at && at < hole.1;
                prop_assert_eq!(left[at as usize], u32::from(a[at as usize] > 0 && !inside), "{}", at);
            }
        }
    }

    #[test]
    fn ranges_are_hexadecimal_when_page_sized() {
        assert_eq!(Range(0x4000, 0x36_9000).to_string(), "0x4000..0x369000");
        assert_eq!(Range(0, 3_575_712).to_string(), "0..3575712");
        assert_eq!(Span { start: 0, end: 4096, times: 2 }.to_string(), "0..0x1000 x2");
        assert_eq!(Number(0).to_string(), "0");
    }
}
