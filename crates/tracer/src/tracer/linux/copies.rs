//! Copies of tensors, as places where they may stand are compared with the file.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use libc::pid_t;
use rangemap::RangeSet;

use super::anchors::Anchors;
use super::compare::Buffers;
use super::models::Models;
use super::smaps::Listed;
use crate::trace::Difference;

/// Places of a whole file that are tried for the tensors that no anchor recognises.
const BASES: usize = 16;

/// What stands where.
#[derive(Default)]
pub(super) struct Found {
    tried: BTreeSet<(usize, u64)>,
    /// Tensors that stand whole: which, and where.
    whole: BTreeSet<(usize, u64)>,
    /// Tensors of which at least half is right.
    near: BTreeMap<(usize, u64), Difference>,
}

impl Found {
    /// Every tensor that stands whole, and those that stand nowhere so and in part in a mapping (`home`) that holds
    /// at least half of the other weights, of which there are `all` bytes: part, address, first difference.
    pub(super) fn copies(
        self,
        anchors: &Anchors,
        home: impl Fn(u64) -> Option<Range<u64>>,
        all: u64,
    ) -> Vec<(usize, u64, Option<Difference>)> {
        let len = |part: usize| anchors.parts[part].range.end - anchors.parts[part].range.start;
        let mut held: BTreeMap<(u64, u64), u64> = BTreeMap::new();
        for (part, addr) in &self.whole {
            if let Some(home) = home(*addr) {
                *held.entry((home.start, home.end)).or_default() += len(*part);
            }
        }
        let whole: BTreeSet<usize> = self.whole.iter().map(|(part, _)| *part).collect();
        let believed = |(part, addr): &(usize, u64)| {
            let others = home(*addr).and_then(|home| held.get(&(home.start, home.end))).copied();
            let rest = all.saturating_sub(len(*part));
            !whole.contains(part) && rest > 0 && others.is_some_and(|others| 2 * others >= rest)
        };
        let near = self.near.into_iter().filter(|(place, _)| believed(place));
        let near = near.map(|((part, addr), difference)| (part, addr, Some(difference)));
        self.whole.iter().map(|(part, addr)| (*part, *addr, None)).chain(near).collect()
    }
}

/// A search under way.
pub(super) struct Tries<'a> {
    pub(super) anchors: &'a Anchors,
    pub(super) tid: pid_t,
    pub(super) buffers: &'a mut Buffers,
    pub(super) found: &'a mut Found,
}

impl Tries<'_> {
    /// Compares one tensor with the memory at an address.
    pub(super) fn at(&mut self, models: &Models, part: usize, addr: u64) {
        let known = &self.anchors.parts[part];
        let Some(file) = models.file(known.model) else { return };
        if !self.found.tried.insert((part, addr)) {
            return;
        }
        let len = known.range.end - known.range.start;
        let (mut same, mut first) = (0, None);
        let mut tell = |range: Range<u64>, difference: Option<Difference>| match difference {
            None => same += range.end - range.start,
            Some(difference) => first = first.or(Some(difference)),
        };
        let addresses = addr..addr.saturating_add(len);
        self.buffers.compare(self.tid, file, addresses, known.range.start, &mut tell);
        if same == len {
            self.found.whole.insert((part, addr));
        } else if let Some(first) = first.filter(|_| 2 * same >= len) {
            self.found.near.insert((part, addr), first);
        }
    }

    /// Tries the tensors that were not found beside those that were: a copy of a whole file, or of most of it,
    /// has small and uniform ones too, which no anchor recognises.
    pub(super) fn beside(&mut self, models: &Models, listed: &[Listed], without: &RangeSet<u64>) {
        let mut bases: BTreeMap<(usize, u64), u64> = BTreeMap::new();
        for (part, addr) in &self.found.whole {
            let known = &self.anchors.parts[*part];
            let base = addr.wrapping_sub(known.range.start);
            *bases.entry((known.model, base)).or_default() += known.range.end - known.range.start;
        }
        let mut bases: Vec<((usize, u64), u64)> = bases.into_iter().collect();
        bases.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
        for ((model, base), _) in bases.into_iter().take(BASES) {
            for part in 0..self.anchors.parts.len() {
                let known = &self.anchors.parts[part];
                let addr = base.wrapping_add(known.range.start);
                let addresses = addr..addr.saturating_add(known.range.end - known.range.start);
                let is_there = |mapping: &Listed| {
                    mapping.writable
                        && mapping.range.start <= addresses.start
                        && addresses.end <= mapping.range.end
                };
                if known.model == model && !without.overlaps(&addresses) && listed.iter().any(is_there) {
                    self.at(models, part, addr);
                }
            }
        }
    }
}
