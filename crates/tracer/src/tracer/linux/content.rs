//! What the memory of a command holds of its model files: compared with the files while it is still there.
//!
//! Reads say which byte of which file went to which address ([`Filled`]); a fork copies that, a move takes it
//! along, an unmap ends it. Memory is compared with a thread stopped at the start of a call:
//!
//! - once, at the first call after the last tensor byte of a file has arrived in a process;
//! - before what would lose it: another read into the same memory, an unmap, advice that drops pages, the end;
//! - again at an unmap and at the end, where it was right before.
//!
//! Memory into which a read is under way holds nothing until that has ended, so threads that still load disturb
//! no comparison. What does not hold the file's bytes is told as a difference only in a mapping of its own: one
//! that some call made, at least half of which holds bytes of the file, and that is not the heap. An allocator
//! writes into what was freed, and what it keeps in memory that it shares out is nobody's weights. Where bytes
//! were right before, its ends do not count either: headers of allocations stand there.
//!
//! Bytes that were mapped are the file's as long as the kernel says that no copy of the page was made.
//!
//! Bytes that were right once are *gone* where another read went over them, where the last look finds something
//! else, or where their memory went and other memory of their size was used after that; a copy that is found
//! elsewhere takes them back.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;

use libc::pid_t;
use rangemap::RangeSet;

use super::compare::{BLOCK, Buffers, SLIP};
use super::entry::laid_over;
use super::flags;
use super::look::{TOUCHED, pages_with};
use super::numbers::Sys;
use super::sys;
use super::watch::{Thread, Watcher, segments};
use crate::trace::linux::{Compared, Filled, Notes, OpenFile, Sight, Space, pages};
use crate::trace::{Difference, Seen};

/// The most stretches that are told as the same, and as different.
const MOST: [usize; 2] = [1 << 14, 1 << 12];

/// Stretches that may still grow: threads load several at a time.
const GROWING: usize = 16;

/// A stretch of a file that was compared.
struct Stretch {
    process: u32,
    at_ns: u64,
    model: usize,
    offset: u64,
    len: u64,
    addr: u64,
    difference: Option<Difference>,
}

/// What was compared in a trace.
pub(super) struct Contents {
    /// The tensor bytes of each model.
    tensors: BTreeMap<usize, RangeSet<u64>>,
    /// The tensor bytes of a model that have not arrived in a process.
    missing: BTreeMap<(u32, usize), RangeSet<u64>>,
    /// The processes in which the last byte of a model has arrived.
    due: BTreeSet<u32>,
    growing: Vec<Stretch>,
    told: Vec<Stretch>,
    counts: [usize; 2],
    buffers: Buffers,
    /// Bytes of a model that were right in a process and are not there any more.
    gone: BTreeMap<(u32, usize), RangeSet<u64>>,
    /// Bytes that were right when their memory went: at the end of a program all of them are.
    left: BTreeMap<(u32, usize), RangeSet<u64>>,
}

/// Which bytes a look compares.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    /// Those that were not compared yet.
    First,
    /// Those, and those that were right.
    Last,
}

impl Contents {
    pub(super) fn new(page: u64) -> Self {
        Self {
            tensors: BTreeMap::new(),
            missing: BTreeMap::new(),
            due: BTreeSet::new(),
            growing: Vec::new(),
            told: Vec::new(),
            counts: [0; 2],
            buffers: Buffers::new(page),
            gone: BTreeMap::new(),
            left: BTreeMap::new(),
        }
    }

    /// How many tensor bytes the models have that came into some process.
    pub(super) fn weights(&self) -> u64 {
        self.tensors.values().flat_map(|tensors| tensors.iter().map(|range| range.end - range.start)).sum()
    }

    /// Whether bytes that were right in a process are not there any more.
    pub(super) fn misses(&self, process: u32) -> bool {
        let own = self.gone.range((process, 0)..=(process, usize::MAX));
        own.into_iter().any(|(_, bytes)| !bytes.is_empty())
    }

    /// Bytes of a model stand right in a process.
    pub(super) fn found(&mut self, process: u32, model: usize, range: Range<u64>) {
        for missing in [&mut self.gone, &mut self.left] {
            if let Some(bytes) = missing.get_mut(&(process, model)).filter(|_| !range.is_empty()) {
                bytes.remove(range.clone());
            }
        }
    }

    /// Bytes of a model that were right in a process stand no more where they did: what is there holds something
    /// else, or their memory goes.
    pub(super) fn lost(&mut self, process: u32, model: usize, range: Range<u64>, goes: bool) {
        let missing = if goes { &mut self.left } else { &mut self.gone };
        if !range.is_empty() {
            missing.entry((process, model)).or_default().insert(range);
        }
    }

    /// What went in a process cannot have been of use any more: other memory was used after that.
    pub(super) fn lost_with_memory(&mut self, process: u32) {
        for ((owner, model), bytes) in &self.left {
            if *owner == process {
                self.gone.entry((*owner, *model)).or_default().extend(bytes.iter().cloned());
            }
        }
    }

    /// The models whose bytes came into some process.
    pub(super) fn models(&self) -> Vec<usize> {
        self.tensors.iter().filter(|(_, tensors)| !tensors.is_empty()).map(|(model, _)| *model).collect()
    }

    /// The tensor bytes of a model, if any of its bytes came.
    pub(super) fn tensors_of(&self, model: usize) -> Option<&RangeSet<u64>> {
        self.tensors.get(&model)
    }

    pub(super) fn buffers(&mut self) -> &mut Buffers {
        &mut self.buffers
    }

    /// What grew is as long as it gets: what is told next may be about the same bytes.
    fn settle(&mut self) {
        self.told.append(&mut self.growing);
    }

    fn tell(&mut self, stretch: Stretch) {
        let differs = stretch.difference.is_some();
        let continued = |known: &&mut Stretch| {
            (known.process, known.model, known.offset + known.len)
                == (stretch.process, stretch.model, stretch.offset)
        };
        if let Some(known) = self.growing.iter_mut().find(continued).filter(|_| !differs) {
            known.len += stretch.len;
            known.at_ns = stretch.at_ns;
            return;
        }
        let count = &mut self.counts[usize::from(differs)];
        if *count >= MOST[usize::from(differs)] {
            return;
        }
        *count += 1;
        if differs {
            self.settle();
            self.told.push(stretch);
            return;
        }
        if self.growing.len() >= GROWING {
            self.told.push(self.growing.remove(0));
        }
        self.growing.push(stretch);
    }

    /// Bytes of a model have come into a process, by a read or by a mapping.
    fn came(&mut self, process: u32, model: usize, range: Range<u64>) {
        let Some(tensors) = self.tensors.get(&model).filter(|tensors| !tensors.is_empty()) else { return };
        let missing = self.missing.entry((process, model)).or_insert_with(|| tensors.clone());
        if !range.is_empty() {
            missing.remove(range);
        }
        if missing.is_empty() {
            // It may be loaded once more.
            self.missing.remove(&(process, model));
            self.due.insert(process);
        }
    }
}

impl Watcher {
    /// A thread is about to make a call: compares what that would lose.
    pub(super) fn before(&mut self, thread: &Thread, call: Sys, args: &[u64; 6]) {
        self.compare_before(thread, call, args);
        self.has_read(thread);
    }

    fn compare_before(&mut self, thread: &Thread, call: Sys, args: &[u64; 6]) {
        self.ask_before(thread, call, args);
        self.note_output(thread, call);
        let Some(contents) = &mut self.contents else { return };
        let process = thread.task.process;
        if contents.due.remove(&process) {
            contents.left.retain(|(owner, _), _| *owner != process);
            self.released.come_again(process);
            self.searches.arrived(thread.task.process);
            self.compare(thread, 0..u64::MAX, Look::First);
        }
        let page = self.machine.page();
        match call {
            Sys::Read | Sys::Pread | Sys::Readv | Sys::Preadv | Sys::Preadv2 => {
                if thread.task.space.borrow().is_unfilled() {
                    return;
                }
                for (addr, len) in segments(thread.tid, call, args) {
                    let range = addr..addr.saturating_add(len);
                    self.compare(thread, range.clone(), Look::First);
                    self.lose_right(thread, &range, false);
                    thread.task.space.borrow_mut().forget(range);
                }
            }
            Sys::Munmap => self.lose(thread, pages(args[0], args[1], page), Look::Last),
            Sys::Madvise if flags::drops_pages(args[2]) => {
                self.drop_in_place(thread, pages(args[0], args[1], page), Look::First);
            }
            Sys::Mmap => {
                if let Some(range) = laid_over(call, args, page) {
                    self.drop_in_place(thread, range, Look::Last);
                }
            }
            Sys::Mremap => {
                if let Some(range) = laid_over(call, args, page) {
                    self.lose(thread, range, Look::Last);
                }
                let (old, new) = (pages(args[0], args[1], page), pages(args[0], args[2], page));
                self.lose(thread, new.end.min(old.end)..old.end, Look::Last);
                // What is not known to be mapped moves unseen.
                let known = thread.task.space.borrow().overlaps(old.clone());
                if !known {
                    thread.task.space.borrow_mut().forget(old);
                }
            }
            Sys::Munlock | Sys::MunlockAll => {
                let all = call == Sys::MunlockAll;
                let range = if all { 0..u64::MAX } else { pages(args[0], args[1], page) };
                self.tell_inherited(thread, &range);
                self.part_with(thread, &range);
            }
            Sys::ExitGroup => {
                self.tell_inherited(thread, &(0..u64::MAX));
                self.compare(thread, 0..u64::MAX, Look::Last);
                self.tell_zeroed(thread, 0..u64::MAX);
                self.search_at_end(thread);
            }
            _ => {}
        }
    }

    /// Compares what will be gone, while the addresses go on to be used.
    fn drop_in_place(&mut self, thread: &Thread, range: Range<u64>, look: Look) {
        let dropped = thread.task.space.borrow().filled(range.clone());
        self.lose(thread, range, look);
        let mut space = thread.task.space.borrow_mut();
        for (range, filled) in dropped {
            space.fill(range, Filled { compared: Compared::Dropped, ..filled });
        }
    }

    /// Compares what will be gone, and forgets it.
    fn lose(&mut self, thread: &Thread, range: Range<u64>, look: Look) {
        self.compare(thread, range.clone(), look);
        self.tell_zeroed(thread, range.clone());
        self.tell_inherited(thread, &range);
        self.part_with(thread, &range);
        self.lose_right(thread, &range, true);
        thread.task.space.borrow_mut().forget(range);
    }

    /// Tells what was given back in place and then read: pages of zeros that stand where weights did. Pages that
    /// were written since are an allocator's, and pages that are not there were of no use to anybody.
    fn tell_zeroed(&mut self, thread: &Thread, addresses: Range<u64>) {
        let (page, at_ns) = (self.machine.page(), self.now());
        let space = thread.task.space.borrow();
        let dropped = space.filled(addresses).into_iter().filter(|(_, of)| of.compared == Compared::Dropped);
        for (range, filled) in dropped {
            let Some(file) = self.models.file(filled.model) else { continue };
            let Some(own) = own_mapping(&space, &self.machine.notes, range.start) else { continue };
            let there =
                pages_with(thread.tid, &range, page, |entry| entry & TOUCHED != 0).unwrap_or_default();
            let Some(contents) = &mut self.contents else { return };
            for run in there {
                let run = range.start + run.start..(range.start + run.end).min(own.end);
                let mut found = Vec::new();
                let mut tell = |range: Range<u64>, difference| found.push((range, difference));
                let offset = filled.offset(run.start);
                contents.buffers.compare(thread.tid, file, run.clone(), offset, &mut tell);
                let differences = found.into_iter().filter_map(|(range, seen)| Some((range, seen?)));
                for (range, difference) in differences.filter(|_| is_zero(thread.tid, &run)) {
                    contents.tell(Stretch {
                        process: thread.task.process,
                        at_ns,
                        model: filled.model,
                        offset: filled.offset(range.start),
                        len: range.end - range.start,
                        addr: range.start,
                        difference: Some(difference),
                    });
                }
            }
        }
    }

    /// What reads left in a range and was right is there no more, or `goes` with its memory.
    fn lose_right(&mut self, thread: &Thread, range: &Range<u64>, goes: bool) {
        let Some(contents) = &mut self.contents else { return };
        let space = thread.task.space.borrow();
        let filled = space.filled(range.clone());
        for (addresses, filled) in filled.into_iter().filter(|(_, of)| of.compared == Compared::Same) {
            let bytes = filled.offset(addresses.start)..filled.offset(addresses.end);
            // What stands elsewhere too, as the start of the weights behind a header does, is not lost.
            let mut lost: RangeSet<u64> = [bytes].into_iter().filter(|bytes| !bytes.is_empty()).collect();
            let apart = space.filled(0..range.start).into_iter().chain(space.filled(range.end..u64::MAX));
            for (other, of) in apart.filter(|(_, of)| of.model == filled.model && of.compared.may_hold()) {
                lost.remove(of.offset(other.start)..of.offset(other.end));
            }
            lost.into_iter().for_each(|bytes| contents.lost(thread.task.process, filled.model, bytes, goes));
        }
    }

    /// A read of a model has left bytes in memory.
    pub(super) fn read_arrived(
        &mut self,
        thread: &Thread,
        file: &OpenFile,
        offset: u64,
        arrived: u64,
        pieces: &[(u64, u64)],
    ) {
        let Some(contents) = &mut self.contents else { return };
        let model = file.borrow().model;
        let tensors = contents.tensors.entry(model).or_insert_with(|| self.models.tensors(model));
        let mut space = thread.task.space.borrow_mut();
        let (mut at, end) = (offset, offset.saturating_add(arrived));
        let mut came = Vec::new();
        for (addr, len) in pieces.iter().filter(|piece| piece.0 != 0) {
            let here = at..at.saturating_add(*len).min(end);
            if here.is_empty() {
                break;
            }
            space.forget(*addr..addr.saturating_add(here.end - here.start));
            let base = addr.wrapping_sub(here.start);
            for tensor in tensors.overlapping(&here) {
                let part = tensor.start.max(here.start)..tensor.end.min(here.end);
                let addresses = base.wrapping_add(part.start)..base.wrapping_add(part.end);
                space.fill(addresses, Filled { model, base, compared: Compared::NotYet });
                came.push(part);
            }
            at = here.end;
        }
        came.into_iter().for_each(|part| contents.found(thread.task.process, model, part));
        contents.came(thread.task.process, model, offset..at);
    }

    /// Memory of the process's own was laid over images of models: it should hold what they did.
    pub(super) fn laid(&mut self, thread: &Thread, covered: Vec<(Range<u64>, usize, u64)>) {
        let Some(contents) = &mut self.contents else { return };
        let mut space = thread.task.space.borrow_mut();
        for (range, model, offset) in covered {
            let is_map = |(_, region)| self.machine.notes.is_map(region);
            // Another part of the file is a window that moves on.
            if space.around(range.start).is_none_or(is_map) {
                continue;
            }
            let tensors = contents.tensors.entry(model).or_insert_with(|| self.models.tensors(model));
            let (base, end) = (range.start.wrapping_sub(offset), offset + (range.end - range.start));
            for tensor in tensors.overlapping(&(offset..end)) {
                let part = tensor.start.max(offset)..tensor.end.min(end);
                let addresses = base.wrapping_add(part.start)..base.wrapping_add(part.end);
                space.fill(addresses, Filled { model, base, compared: Compared::NotYet });
            }
        }
    }

    /// A part of a model was mapped.
    pub(super) fn map_arrived(&mut self, thread: &Thread, file: &OpenFile, offset: u64, len: u64) {
        let Some(contents) = &mut self.contents else { return };
        let model = file.borrow().model;
        contents.tensors.entry(model).or_insert_with(|| self.models.tensors(model));
        contents.came(thread.task.process, model, offset..offset.saturating_add(len));
    }

    /// Compares what reads left in a range of addresses.
    fn compare(&mut self, thread: &Thread, addresses: Range<u64>, look: Look) {
        let filled = thread.task.space.borrow().filled(addresses);
        let wanted = |compared: Compared| match look {
            Look::First => compared == Compared::NotYet,
            Look::Last => compared.may_hold(),
        };
        if !filled.iter().any(|(_, filled)| wanted(filled.compared)) {
            return;
        }
        for (range, _) in filled.iter().filter(|(_, filled)| wanted(filled.compared)) {
            self.about_to_read(thread, range);
        }
        let Some(mut contents) = self.contents.take() else { return };
        if look == Look::Last {
            contents.settle();
        }
        let mut heap = None;
        for (range, filled) in filled.into_iter().filter(|(_, filled)| wanted(filled.compared)) {
            let Some(file) = self.models.file(filled.model) else { continue };
            let mut space = thread.task.space.borrow_mut();
            let own = own_mapping(&space, &self.machine.notes, range.start);
            let range = match (filled.compared, &own) {
                (Compared::NotYet, _) => range,
                // Only its inner part can show anything.
                (_, Some(own)) => {
                    let edge = BLOCK as u64;
                    range.start.max(own.start + edge)..range.end.min(own.end.saturating_sub(edge))
                }
                // An allocator's memory goes on to be used by others.
                (_, None) => range,
            };
            if range.is_empty() {
                continue;
            }
            let mut found = Vec::new();
            let mut tell = |range: Range<u64>, difference| found.push((range, difference));
            let offset = filled.offset(range.start);
            contents.buffers.compare(thread.tid, file, range.clone(), offset, &mut tell);
            // What an allocator reuses or a loader transforms differs in more than one place.
            let mut differing =
                found.iter().filter(|(_, difference)| difference.is_some()).map(|(range, _)| range);
            let first = differing.next();
            // A few bytes alone are the rest of a buffer that was used again: nothing right stands beside them.
            let beside = range.end - range.start >= BLOCK as u64;
            let slips = differing.next().is_none()
                && first.is_some_and(|run| beside && run.end - run.start <= SLIP as u64);
            let shows = own.is_some() && beside;
            if filled.compared != Compared::NotYet && first.is_some() && !shows && !slips {
                continue;
            }
            for (range, difference) in found {
                let compared = if difference.is_some() { Compared::Other } else { Compared::Same };
                space.fill(range.clone(), Filled { compared, ..filled });
                let mut heap = || heap.get_or_insert_with(|| heap_of(thread.tid)).clone();
                let counts = |heap: Range<u64>| own.is_some() && !heap.contains(&range.start);
                if difference.is_none() || slips || counts(heap()) {
                    if difference.is_some() && filled.compared == Compared::Same {
                        let bytes = filled.offset(range.start)..filled.offset(range.end);
                        contents.lost(thread.task.process, filled.model, bytes, false);
                    }
                    contents.tell(Stretch {
                        process: thread.task.process,
                        at_ns: self.now(),
                        model: filled.model,
                        offset: filled.offset(range.start),
                        len: range.end - range.start,
                        addr: range.start,
                        difference,
                    });
                }
            }
        }
        if look == Look::Last {
            contents.settle();
        }
        self.contents = Some(contents);
    }

    /// Compares parts of a mapping of a model that are copies: pages that were written to.
    pub(super) fn compare_copies(
        &mut self,
        thread: &Thread,
        model: usize,
        copies: &[Range<u64>],
        offset: impl Fn(u64) -> u64,
    ) {
        let Some(mut contents) = self.contents.take() else { return };
        let tensors = contents.tensors.entry(model).or_insert_with(|| self.models.tensors(model)).clone();
        for (copy, file) in copies.iter().filter_map(|copy| Some((copy, self.models.file(model)?))) {
            let in_file = offset(copy.start)..offset(copy.start).saturating_add(copy.end - copy.start);
            for tensor in tensors.overlapping(&in_file) {
                let part = tensor.start.max(in_file.start)..tensor.end.min(in_file.end);
                let start = copy.start + (part.start - in_file.start);
                let mut found = Vec::new();
                let mut tell = |range: Range<u64>, difference| found.push((range, difference));
                let addresses = start..start + (part.end - part.start);
                contents.buffers.compare(thread.tid, file, addresses, part.start, &mut tell);
                for (range, difference) in found {
                    contents.tell(Stretch {
                        process: thread.task.process,
                        at_ns: self.now(),
                        model,
                        offset: part.start + (range.start - start),
                        len: range.end - range.start,
                        addr: range.start,
                        difference,
                    });
                }
            }
        }
        self.contents = Some(contents);
    }

    /// Gives all that was compared to the trace.
    pub(super) fn tell_contents(&mut self) {
        let Some(mut contents) = self.contents.take() else { return };
        contents.settle();
        for stretch in contents.told {
            let Stretch { process, at_ns, model, offset, len, addr, difference } = stretch;
            let path = self.models.text(model).to_owned();
            let seen = Seen::Content { path, offset, len, addr, first_difference: difference };
            self.machine.notes.saw(Sight { process, at_ns, seen });
        }
        let at_ns = self.now();
        for ((process, model), bytes) in contents.gone {
            for range in bytes.iter().take(MOST[0]) {
                let path = self.models.text(model).to_owned();
                let seen = Seen::Gone { path, offset: range.start, len: range.end - range.start };
                self.machine.notes.saw(Sight { process, at_ns, seen });
            }
        }
    }
}

/// The mapping at an address that some call made, where at least half of it holds bytes of models.
pub(super) fn own_mapping(space: &Space, notes: &Notes, addr: u64) -> Option<Range<u64>> {
    let (mapping, _) = space.around(addr).filter(|(_, region)| notes.was_made(*region))?;
    let filled: u64 = space.filled(mapping.clone()).iter().map(|(range, _)| range.end - range.start).sum();
    (filled >= (mapping.end - mapping.start) / 2).then_some(mapping)
}

/// Whether memory holds zeros alone.
fn is_zero(tid: pid_t, range: &Range<u64>) -> bool {
    let mut bytes = vec![1; usize::try_from(range.end - range.start).unwrap_or(0).min(1 << 20)];
    let read = sys::read_memory(tid, range.start, &mut bytes).unwrap_or(0);
    read > 0 && bytes[..read].iter().all(|byte| *byte == 0)
}

/// The heap that `brk` grows, as the kernel lists it; empty where there is none.
pub(super) fn heap_of(tid: pid_t) -> Range<u64> {
    let maps = fs::read_to_string(format!("/proc/{tid}/maps")).unwrap_or_default();
    let range = |line: &str| {
        let (start, end) = line.split(' ').next()?.split_once('-')?;
        Some(u64::from_str_radix(start, 16).ok()?..u64::from_str_radix(end, 16).ok()?)
    };
    // A lock of a part cuts it into several.
    let parts: Vec<Range<u64>> = maps.lines().filter(|l| l.ends_with("[heap]")).filter_map(range).collect();
    let start = parts.iter().map(|part| part.start).min().unwrap_or(0);
    start..parts.iter().map(|part| part.end).max().unwrap_or(0)
}
