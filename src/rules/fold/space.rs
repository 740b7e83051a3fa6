//! The memory of one process while a trace is played.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use rangemap::{RangeMap, RangeSet};

use super::{Placement, Way, common};
use crate::rules::Weights;
use crate::trace::{FileId, RegionId};

/// A region of one process while the trace is played.
#[derive(Clone, Debug)]
pub(super) struct Region {
    pub(super) addr: u64,
    pub(super) live: RangeSet<u64>,
    /// The weight file and the offset in it of a mapping's first byte.
    pub(super) image: Option<(usize, u64)>,
    /// A mapping of any file.
    pub(super) of_file: bool,
    /// What is written to it is a copy of the process's own.
    pub(super) private: bool,
}

/// One process while the trace is played.
#[derive(Clone, Debug, Default)]
pub(super) struct Space {
    pub(super) regions: BTreeMap<RegionId, Region>,
    pub(super) locked: RangeSet<u64>,
    /// What of that is locked page by page, as they come in.
    pub(super) on_fault: RangeSet<u64>,
    /// The pages of the lock of that kind that comes next; all of memory for those that `mlockall` makes.
    pub(super) next_on_fault: Option<Range<u64>>,
    /// What reads left at which addresses: an index into the placements that were made.
    pub(super) filled: RangeMap<u64, usize>,
    pub(super) made: Vec<Placement>,
    /// Whether the last read of each byte of a file was direct.
    pub(super) last_direct: BTreeMap<usize, RangeMap<u64, bool>>,
    pub(super) files: BTreeSet<FileId>,
    pub(super) settled: bool,
}

impl Space {
    /// Whether any tensor byte lies in some addresses.
    pub(super) fn holds_weights(&self, addresses: &Range<u64>, weights: &Weights) -> bool {
        let weighs = |file: usize, range: Range<u64>| {
            !range.is_empty() && weights.files.get(file).is_some_and(|known| known.bytes.overlaps(&range))
        };
        let read = self.filled.overlapping(addresses).any(|(at, index)| {
            self.made.get(*index).is_some_and(|made| {
                let offset = |addr: u64| made.range.start + (addr - made.addr);
                weighs(made.file, offset(at.start.max(addresses.start))..offset(at.end.min(addresses.end)))
            })
        });
        read || self.regions.values().filter_map(|region| Some((region, region.image?))).any(
            |(region, (file, at))| {
                region.live.iter().any(|live| {
                    let start = region.addr.saturating_add(live.start).max(addresses.start);
                    let end = region.addr.saturating_add(live.end).min(addresses.end);
                    let offset = |addr: u64| at.saturating_add(addr - region.addr);
                    start < end && weighs(file, offset(start)..offset(end))
                })
            },
        )
    }
}

/// What of each file counts as read directly, from what lies where. Of bytes that lie in memory twice, the last read
/// decides: a direct read before it may be a decoy. What a buffer that only the header was read into still holds is no
/// second copy of what direct reads brought later.
pub(super) fn held_direct(space: &Space, placements: &[Placement]) -> BTreeMap<usize, RangeSet<u64>> {
    let mut held: BTreeMap<usize, RangeSet<u64>> = BTreeMap::new();
    for (file, last) in &space.last_direct {
        let of_last = last.iter().filter(|(_, direct)| **direct).map(|(range, _)| range.clone());
        let mut direct: RangeSet<u64> = of_last.collect();
        let own = |way: Way| placements.iter().filter(move |p| p.file == *file && p.way == way);
        let buffered: RangeSet<u64> = own(Way::Read).map(|p| p.range.clone()).collect();
        let kept = own(Way::Read).filter(|p| !p.with_header).map(|p| p.range.clone());
        kept.for_each(|range| direct.remove(range));
        direct.extend(own(Way::Direct).map(|placement| placement.range.clone()));
        let of_last = last.iter().filter(|(_, direct)| !**direct).map(|(range, _)| range.clone());
        let decoys = common(&of_last.collect(), &buffered);
        decoys.iter().for_each(|range| direct.remove(range.clone()));
        held.insert(*file, direct);
    }
    held
}
