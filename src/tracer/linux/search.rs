//! Where else a process holds tensors than where reads and mappings brought them: one pass over its writable
//! memory against a table of anchors.
//!
//! It is made with a thread stopped at the start of a call:
//!
//! - before much locked memory is unmapped, discarded or unlocked: weights may have been copied into it, or from
//!   it to memory without a lock, and then the lock is lost;
//! - at the end, where all weights have arrived.
//!
//! Only what stands whole counts, byte for byte that of the file, so other threads that run meanwhile hide a copy
//! and feign none. Pages that are not in memory are left out: reading them would bring them in.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use rangemap::RangeSet;

use super::anchors::{Anchors, Part};
use super::compare::{Buffers, read_quietly};
use super::look::{TOUCHED, pages_with};
use super::smaps::{self, Listed};
use super::sys;
use super::watch::{Thread, Watcher};
use crate::trace::Seen;
use crate::trace::linux::{Compared, Sight};

/// Bytes of memory that are read at a time.
const CHUNK: usize = 1 << 20;

/// Places that are tried for one tensor.
const TRIES: usize = 16;

/// The most copies that are told.
const MOST: usize = 1 << 12;

/// What was searched in a trace.
#[derive(Default)]
pub(super) struct Searches {
    /// The models that the anchors are of, and these.
    anchors: Option<(Vec<usize>, Anchors)>,
    /// Processes in which all bytes of a model have arrived.
    arrived: BTreeSet<u32>,
    /// Processes that locked memory.
    locking: BTreeSet<u32>,
    /// Bytes of locked memory that went since the last search, by process.
    parting: BTreeMap<u32, u64>,
    told: BTreeSet<(u32, usize, u64, u64, bool)>,
}

impl Searches {
    pub(super) fn arrived(&mut self, process: u32) {
        self.arrived.insert(process);
    }

    pub(super) fn locked(&mut self, process: u32) {
        self.locking.insert(process);
    }
}

/// A tensor that stands whole at an address.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Copy {
    part: Part,
    addr: u64,
    /// What reads and mappings brought of it is gone, or is about to go.
    alone: bool,
}

impl Copy {
    fn addresses(&self) -> Range<u64> {
        self.addr..self.addr + (self.part.range.end - self.part.range.start)
    }
}

/// Where weights are known to be.
#[derive(Default)]
struct Known {
    addresses: RangeSet<u64>,
    /// The bytes of each model.
    bytes: BTreeMap<usize, RangeSet<u64>>,
}

impl Known {
    fn add(&mut self, model: usize, addresses: Range<u64>, offset: u64) {
        let end = offset.saturating_add(addresses.end - addresses.start);
        if offset < end {
            self.bytes.entry(model).or_default().insert(offset..end);
            self.addresses.insert(addresses);
        }
    }

    fn has(&self, part: &Part) -> bool {
        self.bytes.get(&part.model).is_some_and(|bytes| bytes.gaps(&part.range).next().is_none())
    }
}

impl Watcher {
    /// Locked memory is about to go, or to lose its lock.
    pub(super) fn part_with(&mut self, thread: &Thread, going: &Range<u64>) {
        let process = thread.task.process;
        if self.contents.is_none() || !self.searches.locking.contains(&process) {
            return;
        }
        let Some(listed) = smaps::of(thread.tid) else { return };
        let shared = |known: &Listed| {
            known.range.end.min(going.end).saturating_sub(known.range.start.max(going.start))
        };
        let locked = listed.iter().filter(|known| known.locked);
        let parting = self.searches.parting.entry(process).or_default();
        *parting += locked.map(shared).sum::<u64>();
        // A loader that parts with tensor by tensor does not wait for a search each time.
        if *parting < self.models.bytes() / 4 {
            return;
        }
        self.searches.parting.remove(&process);
        self.count_used(thread);
        let copies = self.search(thread, going, &listed);
        let elsewhere = copies.iter().filter(|copy| copy.alone && !going.contains(&copy.addr));
        let homes = self.unlocked_homes(thread, elsewhere, &listed);
        self.left_unlocked(thread, homes);
        self.tell_copies(thread, copies);
    }

    /// The process ends.
    pub(super) fn search_at_end(&mut self, thread: &Thread) {
        if self.contents.is_none() || !self.searches.arrived.contains(&thread.task.process) {
            return;
        }
        let Some(listed) = smaps::of(thread.tid) else { return };
        let copies = self.search(thread, &(0..0), &listed);
        self.tell_copies(thread, copies);
    }

    /// Where reads and mappings left weights in some addresses, as far as the comparison is one of these.
    fn known(&self, thread: &Thread, within: Range<u64>, counts: impl Fn(Compared) -> bool) -> Known {
        let space = thread.task.space.borrow();
        let mut known = Known::default();
        for (addresses, filled) in space.filled(within.clone()) {
            if counts(filled.compared) {
                known.add(filled.model, addresses.clone(), filled.offset(addresses.start));
            }
        }
        for (addresses, piece) in space.pieces(within) {
            let Some(image) = self.machine.notes.image(piece.region) else { continue };
            let Some(model) = self.opened.get(&image.file) else { continue };
            let offset = image.offset.saturating_add(addresses.start.wrapping_sub(piece.base));
            known.add(*model, addresses, offset);
        }
        known
    }

    /// Searches the writable memory of a process for tensors, apart from where they are known to be.
    fn search(&mut self, thread: &Thread, going: &Range<u64>, listed: &[Listed]) -> Vec<Copy> {
        let right = |compared| compared != Compared::Other;
        let all = self.known(thread, 0..u64::MAX, right);
        let mut stay = self.known(thread, 0..going.start, right);
        let behind = self.known(thread, going.end..u64::MAX, right);
        for (model, bytes) in behind.bytes {
            stay.bytes.entry(model).or_default().extend(bytes);
        }
        let without = all.addresses;
        let Some(mut contents) = self.contents.take() else { return Vec::new() };
        let anchors = self.anchors(contents.models());
        let mut copies = Vec::new();
        if !anchors.1.is_empty() {
            let page = self.machine.page();
            for (part, addr) in places(&anchors.1, thread.tid, listed, &without, page) {
                let part = &anchors.1.parts[part];
                let Some(file) = self.models.file(part.model) else { continue };
                let copy = Copy { part: part.clone(), addr, alone: !stay.has(part) };
                if stands_whole(contents.buffers(), thread.tid, file, &copy) {
                    copies.push(copy);
                }
            }
        }
        self.searches.anchors = Some(anchors);
        self.contents = Some(contents);
        copies
    }

    /// The anchors of these models.
    fn anchors(&mut self, models: Vec<usize>) -> (Vec<usize>, Anchors) {
        if let Some(known) = self.searches.anchors.take_if(|(of, _)| *of == models) {
            return known;
        }
        let part =
            |model: usize| self.models.parts(model).into_iter().map(move |range| Part { model, range });
        let parts: Vec<Part> = models.iter().flat_map(|model| part(*model)).collect();
        let page = self.machine.page();
        let read = |model, offset, into: &mut [u8]| {
            self.models.file(model).map_or(0, |file| read_quietly(file, offset, into, page))
        };
        let anchors = Anchors::new(parts, read);
        (models, anchors)
    }

    /// The memory that holds copies and nothing else of size, and that the kernel does not keep in memory:
    /// mappings of their own, of which copies fill at least half. What an allocator shares out may hold what was
    /// freed long ago.
    fn unlocked_homes<'c>(
        &self,
        thread: &Thread,
        copies: impl Iterator<Item = &'c Copy>,
        listed: &[Listed],
    ) -> Vec<Range<u64>> {
        let space = thread.task.space.borrow();
        let mut homes: BTreeMap<(u64, u64), (Range<u64>, u64)> = BTreeMap::new();
        for copy in copies {
            let addresses = copy.addresses();
            let here = |known: &Listed| known.range.contains(&addresses.start);
            if listed.iter().any(|known| known.locked && here(known)) {
                continue;
            }
            let around = space.around(addresses.start);
            let Some((mapping, _)) = around.filter(|(_, region)| self.machine.notes.was_made(*region)) else {
                continue;
            };
            let known = homes.entry((mapping.start, mapping.end)).or_insert((addresses.clone(), 0));
            known.0 = known.0.start.min(addresses.start)..known.0.end.max(addresses.end);
            known.1 += addresses.end - addresses.start;
        }
        let fills =
            |((start, end), (_, bytes)): &((u64, u64), (Range<u64>, u64))| *bytes >= (end - start) / 2;
        homes.into_iter().filter(fills).map(|(_, (range, _))| range).collect()
    }

    fn tell_copies(&mut self, thread: &Thread, mut copies: Vec<Copy>) {
        let (process, at_ns) = (thread.task.process, self.now());
        copies.sort_by_key(|copy| (copy.part.model, copy.addr, copy.part.range.start));
        for Copy { part, addr, alone } in copies {
            let told = &mut self.searches.told;
            if told.len() >= MOST || !told.insert((process, part.model, part.range.start, addr, alone)) {
                continue;
            }
            let path = self.models.text(part.model).to_owned();
            let (offset, len) = (part.range.start, part.range.end - part.range.start);
            let seen = Seen::Copy { path, offset, len, addr, alone };
            self.machine.notes.saw(Sight { process, at_ns, seen });
        }
    }
}

/// Where tensors may begin, as anchors in writable memory say.
fn places(
    anchors: &Anchors,
    tid: libc::pid_t,
    listed: &[Listed],
    without: &RangeSet<u64>,
    page: u64,
) -> BTreeSet<(usize, u64)> {
    let mut found: BTreeMap<usize, BTreeSet<u64>> = BTreeMap::new();
    let mut buffer = vec![0u8; CHUNK];
    for mapping in listed.iter().filter(|known| known.writable && known.resident > 0) {
        for free in without.gaps(&mapping.range) {
            let resident = pages_with(tid, &free, page, |entry| entry & TOUCHED != 0).unwrap_or_default();
            for run in resident {
                let mut at = (free.start + run.start).next_multiple_of(8);
                let end = free.start + run.end;
                while at < end {
                    let want = usize::try_from(end - at).unwrap_or(CHUNK).min(CHUNK);
                    let Some(read) = sys::read_memory(tid, at, &mut buffer[..want]).ok().filter(|n| *n > 0)
                    else {
                        break;
                    };
                    anchors.scan(&buffer[..read], |place, anchor| {
                        let range = &anchors.parts[anchor.part].range;
                        let start = (at + place as u64).checked_sub(anchor.offset - range.start);
                        let Some(start) = start else { return };
                        let whole = start..start.saturating_add(range.end - range.start);
                        let tried = found.entry(anchor.part).or_default();
                        if tried.len() < TRIES && !without.overlaps(&whole) {
                            tried.insert(start);
                        }
                    });
                    at = (at + read as u64).next_multiple_of(8);
                }
            }
        }
    }
    found.into_iter().flat_map(|(part, places)| places.into_iter().map(move |at| (part, at))).collect()
}

/// Whether memory holds all bytes of a tensor.
fn stands_whole(buffers: &mut Buffers, tid: libc::pid_t, file: &std::fs::File, copy: &Copy) -> bool {
    let mut same = 0;
    let mut tell = |range: Range<u64>, difference: Option<_>| {
        if difference.is_none() {
            same += range.end - range.start;
        }
    };
    buffers.compare(tid, file, copy.addresses(), copy.part.range.start, &mut tell);
    same == copy.part.range.end - copy.part.range.start
}
