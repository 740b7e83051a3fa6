//! Where else a process holds tensors than where reads and mappings brought them: one pass over its writable
//! memory against a table of anchors.
//!
//! It is made with a thread stopped at the start of a call:
//!
//! - before much locked memory is unmapped, discarded or unlocked: weights may have been copied into it, or from
//!   it to memory without a lock, and then the lock is lost;
//! - before much other memory goes, which may be a copy;
//! - at the end, where all weights have arrived.
//!
//! There is nothing to search where the memory in which nothing is known to lie has no room for what would
//! matter: a copy without a lock, a second copy, what is gone.
//!
//! A copy stands whole, byte for byte that of the file, so other threads that run meanwhile hide one and feign
//! none. A tensor that is right in at least its half, in a mapping that holds at least half of the others whole,
//! is a copy of which bytes are wrong. Pages that are not in memory are left out: reading them would bring them
//! in.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use rangemap::RangeSet;

use super::anchors::{Anchors, Part};
use super::compare::read_quietly;
use super::content::own_mapping;
use super::copies::{Found, Tries};
use super::look::{TOUCHED, pages_with};
use super::smaps::{self, Listed};
use super::sys;
use super::watch::{Thread, Watcher};
use crate::trace::linux::{Compared, Sight};
use crate::trace::{Difference, Seen};

/// Bytes of memory that are read at a time.
const CHUNK: usize = 1 << 20;

/// Places that are tried for one tensor.
const TRIES: usize = 16;

/// A part of the weights that is no small one.
const SHARE: u64 = 16;

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
    /// What went since the last search, by process.
    parting: BTreeMap<u32, Parting>,
    told: BTreeSet<(u32, usize, u64, u64, bool)>,
    /// Processes that have a copy of another's memory (`fork`), and whose.
    heirs: BTreeMap<u32, u32>,
}

/// Bytes of memory that went.
#[derive(Clone, Copy, Default)]
struct Parting {
    /// That was locked.
    locked: u64,
    /// That was known to hold weights.
    held: u64,
    /// Of whatever kind.
    any: u64,
}

impl Searches {
    pub(super) fn arrived(&mut self, process: u32) {
        self.arrived.insert(process);
    }

    pub(super) fn locked(&mut self, process: u32) {
        self.locking.insert(process);
    }

    /// A process begins with a copy of another's memory.
    pub(super) fn forked(&mut self, process: u32, from: u32) {
        self.heirs.insert(process, from);
    }

    /// It has that no more: it ended, or runs another program.
    pub(super) fn parted(&mut self, process: u32) {
        self.heirs.remove(&process);
    }
}

/// A tensor that stands whole at an address.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Copy {
    part: Part,
    addr: u64,
    /// What reads and mappings brought of it is gone, or is about to go.
    alone: bool,
    /// The first byte that is not that of the file.
    difference: Option<Difference>,
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

    /// How many addresses.
    fn len(&self) -> u64 {
        self.addresses.iter().map(|range| range.end - range.start).sum()
    }

    fn has(&self, part: &Part) -> bool {
        self.bytes.get(&part.model).is_some_and(|bytes| bytes.gaps(&part.range).next().is_none())
    }
}

impl Watcher {
    /// Memory is about to go, or to lose its lock.
    pub(super) fn part_with(&mut self, thread: &Thread, going: &Range<u64>) {
        let process = thread.task.process;
        let Some(contents) = &self.contents else { return };
        let (weights, misses) = (contents.weights(), contents.misses(process));
        let locking = self.searches.locking.contains(&process);
        let held = self.known(thread, going.clone(), Compared::may_hold).len();
        let arrived = self.searches.arrived.contains(&process);
        if weights == 0 || !(locking || misses || arrived || held > 0) {
            return;
        }
        // A loader that parts with tensor by tensor does not wait for a search each time.
        let least = weights / 4;
        let parting = self.searches.parting.entry(process).or_default();
        parting.held += held;
        parting.any += (going.end - going.start).min(weights);
        // Without either, what goes is at most a second copy.
        let much = if locking || misses { least } else { weights / 2 };
        if !locking && parting.held < least && parting.any < much {
            return;
        }
        let Some(listed) = smaps::of(thread.tid) else { return };
        parting.locked +=
            listed.iter().filter(|known| known.locked).map(|known| known.shared(going)).sum::<u64>();
        let Parting { locked, held, any } = *parting;
        let searches = locked >= least || any >= much;
        if held < least && !searches {
            return;
        }
        self.searches.parting.remove(&process);
        if searches {
            let room = if locking || misses { weights / SHARE } else { weights / 2 };
            let copies = self.search(thread, going, &listed, room);
            if locked >= least {
                let whole = copies.iter().filter(|copy| copy.difference.is_none());
                let elsewhere = whole.filter(|copy| copy.alone && !going.contains(&copy.addr));
                let homes = self.unlocked_homes(thread, elsewhere, &listed);
                self.left_unlocked(thread, homes);
            }
            self.tell_copies(thread, copies, &listed, going);
        }
        if locked >= least {
            for twin in self.unlocked_twins(thread, going, &listed) {
                self.unlocked(thread, twin);
            }
        }
        if held >= least {
            self.watch_elsewhere(thread, going, &listed);
        }
    }

    /// Locked memory loses its lock or goes: whether another process has a copy of it, which no lock keeps.
    pub(super) fn tell_inherited(&mut self, thread: &Thread, going: &Range<u64>) {
        let process = thread.task.process;
        let heir = |(heir, from): (&u32, &u32)| *from == process && *heir != process;
        if !self.searches.locking.contains(&process) || !self.searches.heirs.iter().any(heir) {
            return;
        }
        let known = self.known(thread, going.clone(), Compared::may_hold);
        let Some(first) = known.addresses.iter().next() else { return };
        let (addr, len, at_ns) = (first.start, known.len(), self.now());
        self.machine.notes.saw(Sight { process, at_ns, seen: Seen::Inherited { addr, len } });
    }

    /// The process ends.
    pub(super) fn search_at_end(&mut self, thread: &Thread) {
        let process = thread.task.process;
        let Some(contents) = &self.contents else { return };
        let weights = contents.weights();
        if weights == 0 || !self.searches.arrived.contains(&process) {
            return;
        }
        let Some(listed) = smaps::of(thread.tid) else { return };
        let may_matter = self.searches.locking.contains(&process) || contents.misses(process);
        let least = if may_matter { weights / SHARE } else { weights / 2 };
        let copies = self.search(thread, &(0..0), &listed, least);
        self.tell_copies(thread, copies, &listed, &(0..0));
    }

    /// Memory that held weights goes: memory that has room for them, and in which none are known to lie, is
    /// watched from here on. What is used there is what they were made into.
    fn watch_elsewhere(&mut self, thread: &Thread, going: &Range<u64>, listed: &[Listed]) {
        let Some(contents) = &self.contents else { return };
        let least = contents.weights() / 2;
        let page = self.machine.page();
        let mut without = self.known(thread, 0..u64::MAX, |_| true).addresses;
        without.insert(going.clone());
        let mut found = Vec::new();
        for mapping in
            listed.iter().filter(|known| known.writable && !known.locked && known.resident >= least)
        {
            for gap in without.gaps(&mapping.range).filter(|gap| gap.end - gap.start >= least) {
                let resident = pages_with(thread.tid, &gap, page, |entry| entry & TOUCHED != 0);
                let resident: u64 = resident.iter().flatten().map(|run| run.end - run.start).sum();
                found.extend((resident >= least).then_some(gap));
            }
        }
        self.left_elsewhere(thread, found);
    }

    /// Whether all weights stand where reads and mappings brought them.
    pub(super) fn has_all(&self, thread: &Thread) -> bool {
        let known = self.known(thread, 0..u64::MAX, Compared::may_hold);
        let Some(contents) = &self.contents else { return false };
        contents.models().into_iter().all(|model| {
            let tensors = self.models.tensors(model);
            tensors.iter().all(|range| known.has(&Part { model, range: range.clone() }))
        })
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

    /// Searches the writable memory of a process for tensors, apart from where they are known to be; not where
    /// there is room for fewer than `least` bytes of them.
    fn search(&mut self, thread: &Thread, going: &Range<u64>, listed: &[Listed], least: u64) -> Vec<Copy> {
        let right = Compared::may_hold;
        let mut without = self.known(thread, 0..u64::MAX, right).addresses;
        self.about_to_read(thread, &(0..u64::MAX));
        self.reused(thread).into_iter().for_each(|range| without.remove(range));
        if room(listed, &without) < least {
            return Vec::new();
        }
        let mut stay = self.known(thread, 0..going.start, right);
        let behind = self.known(thread, going.end..u64::MAX, right);
        for (model, bytes) in behind.bytes {
            stay.bytes.entry(model).or_default().extend(bytes);
        }
        let Some(mut contents) = self.contents.take() else { return Vec::new() };
        let (models, anchors) = self.anchors(contents.models());
        let mut found = Found::default();
        if !anchors.is_empty() {
            let page = self.machine.page();
            let mut tries =
                Tries { anchors: &anchors, tid: thread.tid, buffers: contents.buffers(), found: &mut found };
            for (part, addr) in places(&anchors, thread.tid, listed, &without, page) {
                tries.at(&self.models, part, addr);
            }
            tries.beside(&self.models, listed, &without);
        }
        let mut copies: Vec<Copy> = Vec::new();
        let all = contents.weights();
        for (part, addr, difference) in found.copies(&anchors, |addr| self.home(thread, addr), all) {
            let part = anchors.parts[part].clone();
            let alone = !stay.has(&part);
            // A copy under way: what it does not have yet stands where it was read to.
            let byte = |seen: &Difference| Part { model: part.model, range: seen.offset..seen.offset + 1 };
            if alone && difference.as_ref().is_some_and(|seen| stay.has(&byte(seen))) {
                continue;
            }
            if difference.is_none() {
                contents.found(thread.task.process, part.model, part.range.clone());
            }
            copies.push(Copy { part, addr, alone, difference });
        }
        self.searches.anchors = Some((models, anchors));
        self.contents = Some(contents);
        copies
    }

    /// Where reads left bytes of models in memory that an allocator shares out, and other bytes are.
    fn reused(&mut self, thread: &Thread) -> Vec<Range<u64>> {
        let Some(mut contents) = self.contents.take() else { return Vec::new() };
        let space = thread.task.space.borrow();
        let mut reused = Vec::new();
        for (range, filled) in space.filled(0..u64::MAX) {
            let shared = || own_mapping(&space, &self.machine.notes, range.start).is_none();
            let Some(file) =
                self.models.file(filled.model).filter(|_| filled.compared.may_hold() && shared())
            else {
                continue;
            };
            let mut tell = |range: Range<u64>, difference: Option<Difference>| {
                reused.extend(difference.map(|_| range));
            };
            let offset = filled.offset(range.start);
            contents.buffers().compare(thread.tid, file, range, offset, &mut tell);
        }
        drop(space);
        self.contents = Some(contents);
        reused
    }

    /// The mapping at an address that a call made.
    fn home(&self, thread: &Thread, addr: u64) -> Option<Range<u64>> {
        let space = thread.task.space.borrow();
        space.around(addr).filter(|(_, region)| self.machine.notes.was_made(*region)).map(|(range, _)| range)
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

    /// Where reads and mappings brought a second time what is about to go, in memory that the kernel does not keep.
    fn unlocked_twins(&self, thread: &Thread, going: &Range<u64>, listed: &[Listed]) -> Vec<Range<u64>> {
        let goes = self.known(thread, going.clone(), Compared::may_hold).bytes;
        let space = thread.task.space.borrow();
        let filled = space.filled(0..u64::MAX).into_iter().filter(|(_, filled)| filled.compared.may_hold());
        let read =
            filled.map(|(addresses, filled)| (filled.model, filled.offset(addresses.start), addresses));
        let mapped = space.pieces(0..u64::MAX).into_iter().filter_map(|(addresses, piece)| {
            let image = self.machine.notes.image(piece.region)?;
            let model = *self.opened.get(&image.file)?;
            Some((model, image.offset.saturating_add(addresses.start.wrapping_sub(piece.base)), addresses))
        });
        let elsewhere =
            read.chain(mapped).filter(|(_, _, at)| at.end <= going.start || at.start >= going.end);
        let kept = |addr: u64| listed.iter().any(|known| known.locked && known.range.contains(&addr));
        let mut twins = RangeSet::new();
        for (model, offset, addresses) in elsewhere.filter(|(_, _, at)| !kept(at.start)) {
            let there = offset..offset.saturating_add(addresses.end - addresses.start);
            for bytes in goes.get(&model).into_iter().flat_map(|bytes| bytes.overlapping(&there)) {
                let part = bytes.start.max(there.start)..bytes.end.min(there.end);
                if !part.is_empty() {
                    twins.insert(
                        addresses.start + (part.start - offset)..addresses.start + (part.end - offset),
                    );
                }
            }
        }
        twins.into_iter().collect()
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

    /// Gives copies to the trace; what lies in memory that goes is there no more.
    fn tell_copies(&mut self, thread: &Thread, mut copies: Vec<Copy>, listed: &[Listed], going: &Range<u64>) {
        let (process, at_ns) = (thread.task.process, self.now());
        copies.sort_by_key(|copy| (copy.part.model, copy.addr, copy.part.range.start));
        for copy in copies {
            let addresses = copy.addresses();
            let Copy { part, addr, alone, difference } = copy;
            if let Some(contents) =
                self.contents.as_mut().filter(|_| going.contains(&addr) && difference.is_none())
            {
                contents.lost(process, part.model, part.range.clone(), true);
            }
            let told = &mut self.searches.told;
            if told.len() >= MOST || !told.insert((process, part.model, part.range.start, addr, alone)) {
                continue;
            }
            let locked: u64 =
                listed.iter().filter(|known| known.locked).map(|known| known.shared(&addresses)).sum();
            let path = self.models.text(part.model).to_owned();
            let (offset, len) = (part.range.start, part.range.end - part.range.start);
            let locked = locked >= len;
            let seen = Seen::Copy { path, offset, len, addr, alone, locked, first_difference: difference };
            self.machine.notes.saw(Sight { process, at_ns, seen });
        }
    }
}

/// How much memory there is in which weights may lie and are not known to: bytes of writable mappings.
fn room(listed: &[Listed], without: &RangeSet<u64>) -> u64 {
    let free = |mapping: &Listed| {
        let known = without.overlapping(&mapping.range).map(|range| mapping.shared(range)).sum::<u64>();
        mapping.resident.saturating_sub(known)
    };
    listed.iter().filter(|known| known.writable).map(free).sum()
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
