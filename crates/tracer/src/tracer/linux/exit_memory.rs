//! The end of calls on memory, decoded.

use std::ops::Range;

use super::entry::laid_over;
use super::flags;
use super::numbers::Sys;
use super::watch::{Ended, Watcher};
use crate::trace::NativeFlags;
use crate::trace::linux::{Counsel, Decoded, Mapping, Piece, pages};

impl Watcher {
    pub(super) fn memory_exit(&mut self, done: &mut Ended<'_>) {
        let args = *done.args();
        let tid = done.thread.tid;
        let lists = |addr: u64| mapped(tid, addr);
        if let (Sys::Mmap, false, Some(file)) = (done.pending.row.sys, done.failed(), &done.pending.open) {
            self.map_arrived(done.thread, file, args[5], args[1]);
        }
        let call = match done.pending.row.sys {
            Sys::Mmap => Decoded::Map(Mapping {
                file: done.pending.open.clone(),
                anonymous: args[3] & libc::MAP_ANONYMOUS as u64 != 0,
                accessible: args[2] != 0,
                offset: args[5],
                len: args[1],
                flags: flags::map(args[3], args[2]),
            }),
            // Only one that was refused is of interest: what the heap is for shows in what is read into it.
            Sys::Brk if done.failed() => Decoded::Map(Mapping {
                file: None,
                anonymous: true,
                accessible: true,
                offset: 0,
                len: args[1],
                flags: NativeFlags::default(),
            }),
            Sys::Clone | Sys::Clone3 => {
                Decoded::Other { name: done.pending.row.name, flags: NativeFlags::default() }
            }
            Sys::Munmap => Decoded::Unmap(std::mem::take(&mut done.taken)),
            Sys::Mremap => {
                let (taken, flags) = (std::mem::take(&mut done.taken), flags::remap(args[3]));
                Decoded::Remap { old: args[0], old_len: args[1], new_len: args[2], flags, taken }
            }
            Sys::Mprotect => {
                Decoded::Protect { addr: args[0], len: args[1], flags: flags::protection(args[2]) }
            }
            Sys::Madvise => Decoded::Advice { addr: args[0], len: args[1], counsel: counsel(args[2]) },
            Sys::ProcessMadvise => return self.process_madvise_exit(done),
            Sys::Mlock | Sys::Mlock2 => {
                let on_fault = (done.pending.row.sys == Sys::Mlock2
                    && args[2] & u64::from(libc::MLOCK_ONFAULT) != 0)
                    .then(|| flags::lock(args[2]));
                Decoded::Lock { addr: args[0], len: args[1], on_fault, lists: &lists }
            }
            Sys::Munlock => Decoded::Unlock { addr: args[0], len: args[1] },
            Sys::MlockAll => Decoded::LockAll { flags: flags::lock_all(args[0]) },
            Sys::MunlockAll => Decoded::UnlockAll,
            Sys::Setrlimit => limit(done, "setrlimit", args[1]),
            Sys::Prlimit => limit(done, "prlimit64", args[2]),
            _ => return,
        };
        let covered = if done.failed() { Vec::new() } else { self.covered(done) };
        self.apply(done, call);
        if !done.failed() {
            self.laid(done.thread, covered);
            self.lock_changed(done);
        }
    }

    /// The images of models that the call has laid something over, each with the byte of the file that stood first.
    fn covered(&self, done: &Ended<'_>) -> Vec<(Range<u64>, usize, u64)> {
        let Some(range) = laid_over(done.pending.row.sys, done.args(), self.machine.page()) else {
            return Vec::new();
        };
        let pieces = done.thread.task.space.borrow().pieces(range);
        let image = |(range, piece): (Range<u64>, Piece)| {
            let image = self.machine.notes.image(piece.region)?;
            let offset = image.offset.saturating_add(range.start.wrapping_sub(piece.base));
            Some((range, *self.opened.get(&image.file)?, offset))
        };
        pieces.into_iter().filter_map(image).collect()
    }

    /// What is unlocked is watched from here on; what is locked again is not.
    fn lock_changed(&mut self, done: &Ended<'_>) {
        let args = done.args();
        let range = pages(args[0], args[1], self.machine.page());
        if matches!(done.pending.row.sys, Sys::Mlock | Sys::Mlock2 | Sys::MlockAll) {
            self.searches.locked(done.thread.task.process);
        }
        match done.pending.row.sys {
            Sys::Mlock | Sys::Mlock2 => self.released.locked(done.thread.task.process, &range),
            // What is there already is not locked by `MCL_FUTURE` alone.
            Sys::MlockAll if flags::lock_all(args[0]).has("MCL_CURRENT") => {
                self.released.locked(done.thread.task.process, &(0..u64::MAX));
            }
            Sys::Munlock => self.unlocked(done.thread, range),
            Sys::MunlockAll => self.unlocked(done.thread, 0..u64::MAX),
            _ => {}
        }
    }

    /// Advice on memory of the process itself. What it advises of another's stands at addresses that mean
    /// something else there.
    fn process_madvise_exit(&mut self, done: &Ended<'_>) {
        let args = done.args();
        if !is_own(done.thread.tid, args[0] as i32) {
            return;
        }
        // The result is how many bytes were advised; a refusal is reported with all that were asked for.
        let mut left = if done.failed() { u64::MAX } else { done.result.cast_unsigned() };
        for index in 0..args[2].min(1024) {
            let at = args[1].wrapping_add(index * 16);
            let (Some(addr), Some(len)) = (done.peek(at), done.peek(at.wrapping_add(8))) else { return };
            let advised = len.min(left);
            left -= advised;
            if advised > 0 {
                self.apply(done, Decoded::Advice { addr, len: advised, counsel: counsel(args[3]) });
            }
        }
    }
}

fn counsel(raw: u64) -> Counsel {
    flags::advice(raw).map_or_else(|| Counsel::Other(flags::memory_advice(raw)), Counsel::Known)
}

/// A changed limit on locked memory, with the new soft limit for a raw value.
fn limit(done: &Ended<'_>, name: &'static str, addr: u64) -> Decoded<'static> {
    Decoded::Other { name, flags: NativeFlags::new(["RLIMIT_MEMLOCK"], done.peek(addr).unwrap_or(0)) }
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
