//! The end of calls on memory.

use std::ops::Range;

use super::calls::Call as Sys;
use super::flags;
use super::space::{Hit, pages};
use super::watch::{Done, Watcher};
use crate::trace::{Call, NativeFlags, Outcome};

impl Watcher {
    pub(super) fn memory_exit(&mut self, done: &Done<'_>) {
        match done.pending.call {
            Sys::Mmap => self.map_exit(done),
            Sys::Munmap => self.unmap_exit(done),
            Sys::Mremap => self.remap_exit(done),
            Sys::Mprotect => self.protect_exit(done),
            Sys::Madvise => {
                let args = done.args();
                self.advise(done, args[0], args[1], args[2]);
            }
            Sys::ProcessMadvise => self.process_madvise_exit(done),
            Sys::Mlock | Sys::Mlock2 => self.lock_exit(done),
            Sys::Munlock => self.unlock_exit(done),
            _ => self.all_exit(done),
        }
    }

    fn map_exit(&mut self, done: &Done<'_>) {
        let args = done.args();
        let (len, raw) = (args[1], args[3]);
        let landed = (!done.failed()).then_some(done.result.cast_unsigned());
        if let Some(addr) = landed {
            // What stood there before is gone; nobody called for that, so it is no operation.
            done.thread.space.borrow_mut().remove(pages(addr, len, self.page));
        }
        let is_anonymous = raw & libc::MAP_ANONYMOUS as u64 != 0;
        let open = done.pending.open.as_ref().map(|open| open.borrow().file);
        let addr = landed.unwrap_or(0);
        let outcome = done.outcome(0, false);
        if is_anonymous && args[2] == 0 && !done.injected {
            // Address space that an allocator or a thread reserves; what it makes of it is its own.
            return;
        }
        let note = match open {
            Some(file) if !is_anonymous => {
                let region = self.notes.next_region(true);
                let populate = raw & libc::MAP_POPULATE as u64 != 0;
                let flags = flags::map(raw, args[2]);
                let call = Call::Map { file, region, offset: args[5], len, populate, addr, flags };
                (region, done.note(call, outcome))
            }
            None if is_anonymous => {
                let region = self.notes.next_region(false);
                let call = Call::Alloc { region, len, align: self.page, addr };
                // A refusal says nothing of what the memory was for, unless it was injected.
                let depends_on = (!done.injected).then_some(region);
                (region, done.note_on(call, outcome, depends_on))
            }
            _ => return,
        };
        let (region, note) = note;
        self.notes.push(note);
        if landed.is_some() {
            done.thread.space.borrow_mut().insert(pages(addr, len, self.page), region, addr);
            if raw & libc::MAP_LOCKED as u64 != 0 {
                let call = Call::Lock { region, offset: 0, len };
                self.notes.push(done.note(call, Outcome::Ok(0)));
            }
        }
    }

    fn unmap_exit(&mut self, done: &Done<'_>) {
        let taken = &done.pending.taken;
        for Hit { region, offset, len } in &taken.hits {
            let call = Call::Unmap { region: *region, offset: *offset, len: *len };
            let depends_on = self.notes.dependence(*region);
            self.notes.push(done.note_on(call, done.outcome(0, false), depends_on));
        }
        let mut space = done.thread.space.borrow_mut();
        if done.failed() {
            for (range, piece) in &taken.pieces {
                space.insert(range.clone(), piece.region, piece.base);
            }
        } else {
            for hit in taken.hits.iter().filter(|hit| space.ranges_of(hit.region).is_empty()) {
                self.notes.gone(hit.region);
            }
        }
    }

    fn remap_exit(&mut self, done: &Done<'_>) {
        let args = done.args();
        let (old, old_len, new_len) = (args[0], args[1], args[2]);
        let Some(piece) = done.thread.space.borrow().at(old) else { return };
        let (region, offset) = (piece.region, old.wrapping_sub(piece.base));
        let name = "mremap".to_owned();
        let flags = flags::remap(args[3]);
        let call = Call::Native { name, file: None, region: Some(region), offset, len: new_len, flags };
        let depends_on = self.notes.dependence(region);
        self.notes.push(done.note_on(call, done.outcome(0, false), depends_on));
        if !done.failed() {
            let new = done.result.cast_unsigned();
            let mut space = done.thread.space.borrow_mut();
            // An old length of 0 duplicates a shared mapping.
            space.remove(pages(old, old_len, self.page));
            space.insert(pages(new, new_len, self.page), region, new.wrapping_sub(offset));
        }
    }

    fn protect_exit(&mut self, done: &Done<'_>) {
        let args = done.args();
        self.native_on(done, "mprotect", args[0], args[1], &flags::protection(args[2]));
    }

    fn native_on(&mut self, done: &Done<'_>, name: &str, addr: u64, len: u64, flags: &NativeFlags) {
        let hits = done.thread.space.borrow().hits(addr, len, self.page);
        for Hit { region, offset, len } in hits {
            let (name, flags) = (name.to_owned(), flags.clone());
            let call = Call::Native { name, file: None, region: Some(region), offset, len, flags };
            let depends_on = self.notes.dependence(region);
            self.notes.push(done.note_on(call, done.outcome(0, false), depends_on));
        }
    }

    fn advise(&mut self, done: &Done<'_>, addr: u64, len: u64, raw: u64) {
        let Some(advice) = flags::advice(raw) else {
            return self.native_on(done, "madvise", addr, len, &flags::memory_advice(raw));
        };
        let hits = done.thread.space.borrow().hits(addr, len, self.page);
        for Hit { region, offset, len } in hits {
            // An allocator that gives pages back is no advice on weights.
            let call = Call::MapAdvise { region, offset, len, advice };
            let depends_on = self.notes.dependence(region);
            self.notes.push(done.note_on(call, done.outcome(0, false), depends_on));
        }
    }

    /// Advice on memory of the process itself. What it advises of another's stands at addresses that mean
    /// something else there.
    fn process_madvise_exit(&mut self, done: &Done<'_>) {
        let args = done.args();
        if !is_own(done.thread.tid, args[0] as i32) {
            return;
        }
        // The result is how many bytes were advised; a refusal is told with all that were asked for.
        let mut left = if done.failed() { u64::MAX } else { done.result.cast_unsigned() };
        for index in 0..args[2].min(1024) {
            let at = args[1].wrapping_add(index * 16);
            let (Some(addr), Some(len)) = (done.peek(at), done.peek(at.wrapping_add(8))) else { return };
            let advised = len.min(left);
            left -= advised;
            if advised > 0 {
                self.advise(done, addr, advised, args[3]);
            }
        }
    }

    /// The regions of a range. Memory that is not known yet (the heap, a stack, a part of the
    /// program) becomes a region of its own, as the kernel lists it.
    fn regions_at(&mut self, done: &Done<'_>, addr: u64, len: u64) -> Vec<Hit> {
        let whole = pages(addr, len, self.page);
        let mut at = whole.start;
        loop {
            let gap = done.thread.space.borrow().gap(at..whole.end);
            let Some(gap) = gap else { break };
            match mapped(done.thread.tid, gap.start).filter(|range| range.end > gap.start) {
                Some(range) => {
                    let range = range.start.max(gap.start)..range.end.min(gap.end).max(gap.start + 1);
                    let region = self.notes.next_region(false);
                    let (addr, len) = (range.start, range.end - range.start);
                    let call = Call::Alloc { region, len, align: self.page, addr };
                    self.notes.push(done.note_on(call, Outcome::Ok(0), Some(region)));
                    at = range.end;
                    done.thread.space.borrow_mut().insert(range, region, addr);
                }
                None => at = gap.end,
            }
        }
        done.thread.space.borrow().hits(addr, len, self.page)
    }

    fn lock_exit(&mut self, done: &Done<'_>) {
        let args = done.args();
        let on_fault = done.pending.call == Sys::Mlock2 && args[2] & u64::from(libc::MLOCK_ONFAULT) != 0;
        for Hit { region, offset, len } in self.regions_at(done, args[0], args[1]) {
            // Memory of its own is filled in any case; of a file this brings nothing in, as `mlock` does.
            if on_fault && self.notes.is_map(region) {
                let (name, flags) = ("mlock2".to_owned(), flags::lock(args[2]));
                let call = Call::Native { name, file: None, region: Some(region), offset, len, flags };
                self.notes.push(done.note(call, done.outcome(0, true)));
            }
            let call = Call::Lock { region, offset, len };
            self.notes.push(done.note(call, done.outcome(0, true)));
        }
    }

    fn unlock_exit(&mut self, done: &Done<'_>) {
        let args = done.args();
        let hits = done.thread.space.borrow().hits(args[0], args[1], self.page);
        for Hit { region, offset, len } in hits {
            let depends_on = self.notes.dependence(region);
            let call = Call::Unlock { region, offset, len };
            self.notes.push(done.note_on(call, done.outcome(0, false), depends_on));
        }
    }

    /// `mlockall` and `munlockall`: told by name, and as what they do to every region that is there.
    fn all_exit(&mut self, done: &Done<'_>) {
        let locking = done.pending.call == Sys::MlockAll;
        let raw = if locking { done.args()[0] } else { 0 };
        let (name, flags) =
            if locking { ("mlockall", flags::lock_all(raw)) } else { ("munlockall", NativeFlags::default()) };
        let (name, file) = (name.to_owned(), None);
        let call = Call::Native { name, file, region: None, offset: 0, len: 0, flags };
        self.notes.push(done.note(call, done.outcome(0, locking)));
        if done.failed() || (locking && raw & libc::MCL_CURRENT as u64 == 0) {
            return;
        }
        let space = std::rc::Rc::clone(&done.thread.space);
        for region in space.borrow().regions() {
            let depends_on = self.notes.dependence(region);
            for range in space.borrow().ranges_of(region) {
                for Hit { offset, len, .. } in space.borrow().hits(range.start, range.end - range.start, 1) {
                    let call = if locking {
                        Call::Lock { region, offset, len }
                    } else {
                        Call::Unlock { region, offset, len }
                    };
                    self.notes.push(done.note_on(call, Outcome::Ok(0), depends_on));
                }
            }
        }
    }

    /// A changed limit on locked memory; `offset` is no place here, `flags_raw` the new soft limit.
    pub(super) fn limit_exit(&mut self, done: &Done<'_>) {
        let args = done.args();
        let (name, addr) =
            if done.pending.call == Sys::Setrlimit { ("setrlimit", args[1]) } else { ("prlimit64", args[2]) };
        let soft = done.peek(addr).unwrap_or(0);
        let flags = NativeFlags::new(["RLIMIT_MEMLOCK"], soft);
        let call = Call::Native { name: name.to_owned(), file: None, region: None, offset: 0, len: 0, flags };
        self.notes.push(done.note(call, done.outcome(0, false)));
    }
}

/// Whether a pidfd of a thread stands for its own process.
fn is_own(tid: libc::pid_t, pidfd: i32) -> bool {
    /// `PIDFD_SELF_THREAD_GROUP` and `PIDFD_SELF_THREAD` of `linux/pidfd.h`, both below any descriptor.
    const SELF: std::ops::RangeInclusive<i32> = -10_001..=-10_000;
    let id = |file: String, name: &str| -> Option<i32> {
        let text = std::fs::read_to_string(file).ok()?;
        text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
    };
    let of = id(format!("/proc/{tid}/fdinfo/{pidfd}"), "Pid:");
    SELF.contains(&pidfd) || of.is_some() && of == id(format!("/proc/{tid}/status"), "Tgid:")
}

/// The mapping that the kernel lists at an address.
fn mapped(tid: libc::pid_t, addr: u64) -> Option<Range<u64>> {
    let maps = std::fs::read_to_string(format!("/proc/{tid}/maps")).ok()?;
    maps.lines().find_map(|line| {
        let (start, rest) = line.split_once('-')?;
        let end = rest.split(' ').next()?;
        let range = u64::from_str_radix(start, 16).ok()?..u64::from_str_radix(end, 16).ok()?;
        range.contains(&addr).then_some(range)
    })
}
