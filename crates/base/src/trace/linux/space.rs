//! Address spaces: which region an address belongs to, and which bytes of a file a read left there.

use std::ops::Range;

use rangemap::RangeMap;

use crate::trace::RegionId;

/// A stretch of addresses that belongs to a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    pub region: RegionId,
    /// The address that the region's byte 0 has, or would have: parts may be gone or elsewhere.
    pub base: u64,
}

/// What a comparison of memory with its file came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    NotYet,
    Same,
    Other,
    /// Its pages were given back, and the memory stays: it holds zeros until something is written there.
    Dropped,
}

impl Compared {
    /// Whether the bytes of the file may be there.
    pub fn may_hold(self) -> bool {
        matches!(self, Self::NotYet | Self::Same)
    }
}

/// Bytes of a file that a read left at some addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filled {
    /// Which of the caller's files.
    pub model: usize,
    /// The address that byte 0 of the file would have.
    pub base: u64,
    pub compared: Compared,
}

impl Filled {
    /// The byte of the file that belongs at an address.
    pub fn offset(&self, addr: u64) -> u64 {
        addr.wrapping_sub(self.base)
    }
}

/// The known regions of one address space.
#[derive(Clone, Debug, Default)]
pub struct Space {
    pieces: RangeMap<u64, Piece>,
    filled: RangeMap<u64, Filled>,
    /// Whether what is mapped from now on is locked, as `mlockall(MCL_FUTURE)` asks.
    pub locks_future: bool,
}

/// A part of a request that falls into one region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    pub region: RegionId,
    /// The first byte, counted from the region's start.
    pub offset: u64,
    pub len: u64,
}

/// A range rounded outward to pages.
pub fn pages(addr: u64, len: u64, page: u64) -> Range<u64> {
    let end = addr.saturating_add(len);
    addr - addr % page..end.checked_next_multiple_of(page).unwrap_or(u64::MAX)
}

impl Space {
    /// A new region at `addr`; what was there before is gone.
    pub fn insert(&mut self, range: Range<u64>, region: RegionId, base: u64) {
        if !range.is_empty() {
            self.pieces.insert(range, Piece { region, base });
        }
    }

    pub fn remove(&mut self, range: Range<u64>) {
        if !range.is_empty() {
            self.forget(range.clone());
            self.pieces.remove(range);
        }
    }

    /// What a fork gives the child. What it makes of bytes that were found right is its own business, and no lock is
    /// inherited, nor that of what comes (`mlockall(2)`).
    pub fn copy(&self) -> Self {
        let fresh = self.filled.iter().filter(|(_, filled)| filled.compared == Compared::NotYet);
        let filled = fresh.map(|(range, filled)| (range.clone(), *filled)).collect();
        Self { pieces: self.pieces.clone(), filled, locks_future: false }
    }

    /// A read has left bytes of a file here.
    pub fn fill(&mut self, range: Range<u64>, filled: Filled) {
        if !range.is_empty() {
            self.filled.insert(range, filled);
        }
    }

    /// Something else is here now, or will be.
    pub fn forget(&mut self, range: Range<u64>) {
        if !range.is_empty() {
            self.filled.remove(range);
        }
    }

    /// What reads left in a range, cut to it.
    pub fn filled(&self, range: Range<u64>) -> Vec<(Range<u64>, Filled)> {
        if range.is_empty() {
            return Vec::new();
        }
        let within = |known: &Range<u64>| known.start.max(range.start)..known.end.min(range.end);
        self.filled.overlapping(&range).map(|(known, filled)| (within(known), *filled)).collect()
    }

    /// Whether no read left anything anywhere.
    pub fn is_unfilled(&self) -> bool {
        self.filled.is_empty()
    }

    /// What stood from `old` on has moved, as far as there is room.
    pub(super) fn arrive(&mut self, moved: &[(Range<u64>, Filled)], old: u64, room: Range<u64>) {
        let there = |addr: u64| room.start.wrapping_add(addr.wrapping_sub(old));
        for (range, filled) in moved {
            let to = there(range.start).max(room.start)..there(range.end).min(room.end);
            self.fill(to, Filled { base: there(filled.base), ..*filled });
        }
    }

    /// The mapping around an address, as far as it is one piece of one region.
    pub fn around(&self, addr: u64) -> Option<(Range<u64>, RegionId)> {
        self.pieces.get_key_value(&addr).map(|(range, piece)| (range.clone(), piece.region))
    }

    /// Takes a range out; returns what stood there.
    pub fn take(&mut self, range: Range<u64>) -> Vec<(Range<u64>, Piece)> {
        let taken = self.pieces(range.clone());
        self.remove(range);
        taken
    }

    /// What stands in a range, cut to it.
    pub fn pieces(&self, range: Range<u64>) -> Vec<(Range<u64>, Piece)> {
        if range.is_empty() {
            return Vec::new();
        }
        let within = |known: &Range<u64>| known.start.max(range.start)..known.end.min(range.end);
        self.pieces.overlapping(&range).map(|(known, piece)| (within(known), *piece)).collect()
    }

    /// The region at an address.
    pub fn at(&self, addr: u64) -> Option<Piece> {
        self.pieces.get(&addr).copied()
    }

    /// The known parts of a request, and whether they are all of it. A request that ends within the
    /// last page of its region keeps its own length; one that reaches further is cut there.
    pub fn hits(&self, addr: u64, len: u64, page: u64) -> Vec<Hit> {
        let whole = pages(addr, len, page);
        if whole.is_empty() {
            return Vec::new();
        }
        let end = addr.saturating_add(len);
        let mut hits: Vec<Hit> = Vec::new();
        for (range, piece) in self.pieces.overlapping(&whole) {
            // Of the outer pages only what was asked for counts.
            let (from, to) = (range.start.max(addr), range.end.min(end));
            if from >= to {
                continue;
            }
            let (offset, len) = (from.wrapping_sub(piece.base), to - from);
            match hits.last_mut() {
                Some(last) if last.region == piece.region && last.offset.wrapping_add(last.len) == offset => {
                    last.len += len
                }
                _ => hits.push(Hit { region: piece.region, offset, len }),
            }
        }
        hits
    }

    /// Whether any of a range is known.
    pub fn overlaps(&self, range: Range<u64>) -> bool {
        !range.is_empty() && self.pieces.overlaps(&range)
    }

    /// The first stretch of a range that belongs to no known region.
    pub fn gap(&self, range: Range<u64>) -> Option<Range<u64>> {
        if range.is_empty() {
            return None;
        }
        self.pieces.gaps(&range).next()
    }

    /// The addresses of a region.
    pub fn ranges_of(&self, region: RegionId) -> Vec<Range<u64>> {
        self.pieces
            .iter()
            .filter(|(_, piece)| piece.region == region)
            .map(|(range, _)| range.clone())
            .collect()
    }

    /// Every known region that is mapped here, once.
    pub fn regions(&self) -> Vec<RegionId> {
        let mut regions: Vec<_> = self.pieces.iter().map(|(_, piece)| piece.region).collect();
        regions.sort_unstable();
        regions.dedup();
        regions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: u64 = 4096;

    fn hit(region: u32, offset: u64, len: u64) -> Hit {
        Hit { region: RegionId(region), offset, len }
    }

    #[test]
    fn a_request_is_told_by_the_regions_it_falls_into() {
        let mut space = Space::default();
        space.insert(pages(0x10000, 10_000, PAGE), RegionId(0), 0x10000);
        space.insert(pages(0x13000, 8192, PAGE), RegionId(1), 0x13000);
        assert_eq!(space.hits(0x10000, 10_000, PAGE), [hit(0, 0, 10_000)]);
        assert_eq!(space.hits(0x11000, 100, PAGE), [hit(0, 4096, 100)]);
        assert_eq!(space.hits(0x12000, 0x2000, PAGE), [hit(0, 8192, 4096), hit(1, 0, 4096)]);
        assert_eq!(space.hits(0x20000, 4096, PAGE), []);
        assert_eq!(space.gap(0x12000..0x16000), Some(0x15000..0x16000));
    }

    #[test]
    fn what_was_given_back_is_gone_and_the_rest_keeps_its_offsets() {
        let mut space = Space::default();
        space.insert(pages(0x10000, 0x4000, PAGE), RegionId(0), 0x10000);
        space.remove(0x11000..0x12000);
        assert_eq!(space.hits(0x10000, 0x4000, PAGE), [hit(0, 0, 0x1000), hit(0, 0x2000, 0x2000)]);
        space.insert(pages(0x13000, 0x1000, PAGE), RegionId(1), 0x13000);
        assert_eq!(space.hits(0x12000, 0x2000, PAGE), [hit(0, 0x2000, 0x1000), hit(1, 0, 0x1000)]);
    }
}
