//! What calls on memory come to.

use std::ops::Range;

use super::notes::Image;
use super::{
    Compared, Counsel, Decoded, Done, Hit, Machine, Mapping, Note, Taken, Task, native, note, pages,
};
use crate::trace::{Call, NativeFlags, Outcome, RegionId};

impl Machine {
    /// What an unmap or a move of a range takes away.
    pub fn take_memory(&self, task: &Task, addr: u64, len: u64) -> Taken {
        let mut space = task.space.borrow_mut();
        let hits = space.hits(addr, len, self.page);
        let range = pages(addr, len, self.page);
        let filled = space.filled(range.clone());
        Taken { file: None, hits, filled, pieces: space.take(range) }
    }

    pub(super) fn on_memory(&mut self, task: &Task, done: &Done, call: Decoded<'_>) {
        match call {
            Decoded::Map(mapping) => self.mapped(task, done, mapping),
            Decoded::Unmap(taken) => self.unmapped(task, done, &taken),
            Decoded::Remap { old, old_len, new_len, flags, taken } => {
                self.remapped(task, done, (old, old_len, new_len), flags, &taken);
            }
            Decoded::Protect { addr, len, flags } => {
                self.native_on(task, done, "mprotect", addr, len, &flags)
            }
            Decoded::Advice { addr, len, counsel: Counsel::Other(flags) } => {
                self.native_on(task, done, "madvise", addr, len, &flags);
            }
            Decoded::Advice { addr, len, counsel: Counsel::Known(advice) } => {
                let hits = task.space.borrow().hits(addr, len, self.page);
                for Hit { region, offset, len } in hits {
                    // An allocator that discards pages is no advice on weights.
                    let call = Call::MapAdvise { region, offset, len, advice };
                    self.push_on(task, done, call, done.outcome(0));
                }
            }
            Decoded::Lock { addr, len, on_fault, lists } => {
                for Hit { region, offset, len } in self.regions_at(task, done, addr, len, lists) {
                    // Memory of its own is filled in any case; of a file this brings nothing in, as `mlock`
                    // does.
                    if let Some(flags) = on_fault.as_ref().filter(|_| self.notes.is_map(region)) {
                        let call = native("mlock2", Some(region), offset, len, flags.clone());
                        self.push(task, done, call, done.of_a_lock());
                    }
                    self.push(task, done, Call::Lock { region, offset, len }, done.of_a_lock());
                }
            }
            Decoded::Unlock { addr, len } => {
                let hits = task.space.borrow().hits(addr, len, self.page);
                for Hit { region, offset, len } in hits {
                    self.push_on(task, done, Call::Unlock { region, offset, len }, done.outcome(0));
                }
            }
            Decoded::LockAll { flags } => {
                let (current, future) = (flags.has("MCL_CURRENT"), flags.has("MCL_FUTURE"));
                self.push(task, done, native("mlockall", None, 0, 0, flags), done.of_a_lock());
                if !done.failed() {
                    task.space.borrow_mut().locks_future = future;
                }
                if current && !done.failed() {
                    self.every_region(task, done, |region, offset, len| Call::Lock { region, offset, len });
                }
            }
            Decoded::UnlockAll => {
                let call = native("munlockall", None, 0, 0, NativeFlags::default());
                self.push(task, done, call, done.outcome(0));
                if !done.failed() {
                    task.space.borrow_mut().locks_future = false;
                    self.every_region(task, done, |region, offset, len| Call::Unlock { region, offset, len });
                }
            }
            Decoded::Other { name, flags } => {
                self.push(task, done, native(name, None, 0, 0, flags), done.outcome(0));
            }
            _ => {}
        }
    }

    fn mapped(&mut self, task: &Task, done: &Done, mapping: Mapping) {
        let Mapping { file, anonymous, accessible, offset, len, flags } = mapping;
        let addr = if done.failed() { 0 } else { done.value };
        if !done.failed() {
            self.replaced(task, done, pages(addr, len, self.page));
        }
        if anonymous && !accessible && !done.injected {
            // Address space that an allocator or a thread reserves; what it makes of it is its own.
            return;
        }
        let locked = flags.has("MAP_LOCKED");
        let region = match file {
            Some(file) if !anonymous => {
                let file = file.borrow().file;
                self.image(task, done, Image { file, offset, flags }, len, addr)
            }
            _ if anonymous => {
                let region = self.notes.next_region(None);
                let call = Call::Alloc { region, len, align: self.page, addr };
                // A refusal says nothing of what the memory was for, unless it was injected.
                let depends_on = (!done.injected).then_some(region);
                self.notes.push(Note { depends_on, ..note(task, done, call, done.outcome(0)) });
                region
            }
            _ => return,
        };
        if !done.failed() {
            task.space.borrow_mut().insert(pages(addr, len, self.page), region, addr);
            let call = Call::Lock { region, offset: 0, len };
            let future = task.space.borrow().locks_future;
            if locked {
                self.push(task, done, call, Outcome::Ok(0));
            } else if future {
                self.push_on(task, done, call, Outcome::Ok(0));
            }
        }
    }

    /// What stood in a range is gone, since something else is there. Nobody called for that; of the image of a file
    /// it is an operation all the same, since what is there from here on are other bytes.
    fn replaced(&mut self, task: &Task, done: &Done, range: Range<u64>) {
        let taken = self.take_memory(task, range.start, range.end - range.start);
        let images: Vec<Hit> =
            taken.hits.iter().filter(|hit| self.notes.is_map(hit.region)).copied().collect();
        for Hit { region, offset, len } in images {
            self.push_on(task, done, Call::Unmap { region, offset, len }, Outcome::Ok(0));
            if task.space.borrow().ranges_of(region).is_empty() {
                self.notes.gone(region);
            }
        }
        let mut space = task.space.borrow_mut();
        for (range, filled) in taken.filled.into_iter().filter(|(_, of)| of.compared == Compared::Dropped) {
            space.fill(range, filled);
        }
    }

    /// The region that a read went into. Where everything new is locked, memory that is not known (the heap) was
    /// locked when it came to be: it becomes a region, with its lock.
    pub(super) fn read_into(
        &mut self,
        task: &Task,
        done: &Done,
        addr: u64,
        arrived: u64,
    ) -> Option<RegionId> {
        let (known, future) = (task.space.borrow().at(addr), task.space.borrow().locks_future);
        if known.is_some() || !future || addr == 0 || arrived == 0 {
            return known.map(|piece| piece.region);
        }
        let whole = pages(addr, arrived, self.page);
        let range = task.space.borrow().gap(whole.clone()).unwrap_or(whole);
        let region = self.notes.met_region();
        let (addr, len) = (range.start, range.end - range.start);
        self.push_on(task, done, Call::Alloc { region, len, align: self.page, addr }, Outcome::Ok(0));
        self.push_on(task, done, Call::Lock { region, offset: 0, len }, Outcome::Ok(0));
        task.space.borrow_mut().insert(range, region, addr);
        Some(region)
    }

    /// A new region that is an image of a part of a file.
    fn image(&mut self, task: &Task, done: &Done, image: Image, len: u64, addr: u64) -> RegionId {
        let Image { file, offset, flags } = image.clone();
        let region = self.notes.next_region(Some(image));
        let populate = flags.has("MAP_POPULATE");
        let call = Call::Map { file, region, offset, len, populate, addr, flags };
        self.push(task, done, call, done.outcome(0));
        region
    }

    fn unmapped(&mut self, task: &Task, done: &Done, taken: &Taken) {
        for Hit { region, offset, len } in &taken.hits {
            let call = Call::Unmap { region: *region, offset: *offset, len: *len };
            self.push_on(task, done, call, done.outcome(0));
        }
        if done.failed() {
            put_back(task, taken);
        } else {
            self.note_gone(task, taken);
        }
    }

    fn note_gone(&mut self, task: &Task, taken: &Taken) {
        let space = task.space.borrow();
        for hit in taken.hits.iter().filter(|hit| space.ranges_of(hit.region).is_empty()) {
            self.notes.gone(hit.region);
        }
    }

    /// A range has moved or changed its size. All of a region stays this region; a part of one is unmapped
    /// and begins a new region elsewhere.
    fn remapped(
        &mut self,
        task: &Task,
        done: &Done,
        (old, old_len, new_len): (u64, u64, u64),
        flags: NativeFlags,
        taken: &Taken,
    ) {
        // An old length of 0 makes a second image of a shared mapping, and this flag leaves the old range
        // mapped.
        let copies = old_len == 0 || flags.has("MREMAP_DONTUNMAP");
        let [(range, piece)] = &taken.pieces[..] else {
            // No mapping of a file that is known, or several: the kernel takes one at a time, and only
            // memory of its own may have been mapped by several calls.
            return self.parts_moved(task, done, (old, new_len), flags, taken, copies);
        };
        let all = task.space.borrow().ranges_of(piece.region).is_empty()
            && piece.base == old
            && range.end - range.start == pages(old, old_len, self.page).end - old;
        if copies || !all {
            return self.parts_moved(task, done, (old, new_len), flags, taken, copies);
        }
        let addr = if done.failed() { 0 } else { done.value };
        let call = Call::Remap { region: piece.region, len: new_len, addr };
        self.push_on(task, done, call, done.outcome(0));
        if done.failed() {
            put_back(task, taken);
        } else {
            self.replaced(task, done, pages(addr, new_len, self.page));
            let mut space = task.space.borrow_mut();
            space.insert(pages(addr, new_len, self.page), piece.region, addr);
            space.arrive(&taken.filled, old, addr..addr.saturating_add(new_len));
        }
    }

    fn parts_moved(
        &mut self,
        task: &Task,
        done: &Done,
        (old, new_len): (u64, u64),
        flags: NativeFlags,
        taken: &Taken,
        copies: bool,
    ) {
        if done.failed() {
            for Hit { region, offset, .. } in &taken.hits {
                let call = native("mremap", Some(*region), *offset, new_len, flags.clone());
                self.push_on(task, done, call, done.outcome(0));
            }
            return put_back(task, taken);
        }
        if copies {
            put_pieces_back(task, taken);
        } else {
            for Hit { region, offset, len } in &taken.hits {
                let call = Call::Unmap { region: *region, offset: *offset, len: *len };
                self.push_on(task, done, call, Outcome::Ok(0));
            }
        }
        let target = done.value;
        self.replaced(task, done, pages(target, new_len, self.page));
        let last = taken.pieces.len().saturating_sub(1);
        for (at, (range, piece)) in taken.pieces.iter().enumerate() {
            let from = range.start.saturating_sub(old);
            // Only the last part grows or shrinks.
            let to = if at == last { new_len } else { range.end.saturating_sub(old).min(new_len) };
            if from >= to {
                continue;
            }
            let (addr, len) = (target.saturating_add(from), to - from);
            let region = match self.notes.image(piece.region).cloned() {
                Some(image) => {
                    let offset = image.offset.saturating_add(range.start.wrapping_sub(piece.base));
                    self.image(task, done, Image { offset, ..image }, len, addr)
                }
                None => {
                    let region = self.notes.next_region(None);
                    self.notes.moved(piece.region, region);
                    let call = Call::Alloc { region, len, align: self.page, addr };
                    self.push_on(task, done, call, Outcome::Ok(0));
                    region
                }
            };
            task.space.borrow_mut().insert(pages(addr, len, self.page), region, addr);
        }
        if !copies {
            self.note_gone(task, taken);
        }
        task.space.borrow_mut().arrive(&taken.filled, old, target..target.saturating_add(new_len));
    }

    fn native_on(&mut self, task: &Task, done: &Done, name: &str, addr: u64, len: u64, flags: &NativeFlags) {
        let hits = task.space.borrow().hits(addr, len, self.page);
        for Hit { region, offset, len } in hits {
            let call = native(name, Some(region), offset, len, flags.clone());
            self.push_on(task, done, call, done.outcome(0));
        }
    }

    /// The regions of a range. Memory that is not known yet (the heap, a stack, a part of the program)
    /// becomes a region of its own, as the kernel lists it.
    fn regions_at(
        &mut self,
        task: &Task,
        done: &Done,
        addr: u64,
        len: u64,
        lists: &dyn Fn(u64) -> Option<Range<u64>>,
    ) -> Vec<Hit> {
        let whole = pages(addr, len, self.page);
        let mut at = whole.start;
        loop {
            let gap = task.space.borrow().gap(at..whole.end);
            let Some(gap) = gap else { break };
            match lists(gap.start).filter(|range| range.end > gap.start) {
                Some(range) => {
                    let range = range.start.max(gap.start)..range.end.min(gap.end).max(gap.start + 1);
                    let region = self.notes.met_region();
                    let (addr, len) = (range.start, range.end - range.start);
                    let call = Call::Alloc { region, len, align: self.page, addr };
                    self.push_on(task, done, call, Outcome::Ok(0));
                    at = range.end;
                    task.space.borrow_mut().insert(range, region, addr);
                }
                None => at = gap.end,
            }
        }
        task.space.borrow().hits(addr, len, self.page)
    }

    /// What `mlockall` and `munlockall` do to every region that is there.
    fn every_region(&mut self, task: &Task, done: &Done, call: fn(RegionId, u64, u64) -> Call) {
        let regions = task.space.borrow().regions();
        for region in regions {
            let ranges = task.space.borrow().ranges_of(region);
            for range in ranges {
                let hits = task.space.borrow().hits(range.start, range.end - range.start, 1);
                for Hit { offset, len, .. } in hits {
                    self.push_on(task, done, call(region, offset, len), Outcome::Ok(0));
                }
            }
        }
    }
}

/// A refused call has taken nothing away.
fn put_back(task: &Task, taken: &Taken) {
    put_pieces_back(task, taken);
    let mut space = task.space.borrow_mut();
    for (range, filled) in &taken.filled {
        space.fill(range.clone(), *filled);
    }
}

/// The old range of a move stays mapped, and what it holds is not what it was.
fn put_pieces_back(task: &Task, taken: &Taken) {
    let mut space = task.space.borrow_mut();
    for (range, piece) in &taken.pieces {
        space.insert(range.clone(), piece.region, piece.base);
    }
}
