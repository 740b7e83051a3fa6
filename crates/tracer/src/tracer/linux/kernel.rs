//! What the kernel says of a process's memory: before its weights go, and at its end.
//!
//! `VmLck`, `RssAnon`, `RssFile` and `VmHWM` of `/proc/PID/status`, the limit on locked memory of
//! `/proc/PID/limits`, and of `/proc/PID/smaps` what of the memory that holds weights is there and stays
//! (`proc_pid_status(5)`, `proc_pid_limits(5)`, `proc_pid_smaps(5)`). Asked before memory is compared: reading
//! would bring pages in.

use std::collections::BTreeMap;
use std::ops::Range;

use libc::pid_t;
use rangemap::RangeSet;

use super::entry::laid_over;
use super::flags;
use super::numbers::Sys;
use super::smaps;
use super::watch::{Thread, Watcher};
use crate::trace::linux::{Filled, Sight, pages};
use crate::trace::{KernelMemory, Seen};
use crate::tracer::OwnMemory;

/// How often the kernel is asked about one process before its end: a loader may release tensor by tensor.
const MOST: u32 = 64;

/// How often it was asked, by process.
#[derive(Default)]
pub(super) struct Asked(BTreeMap<u32, u32>);

impl Watcher {
    /// A call is about to release memory or a lock.
    pub(super) fn ask_before(&mut self, thread: &Thread, call: Sys, args: &[u64; 6]) {
        if self.contents.is_none() {
            return;
        }
        let page = self.machine.page();
        let going = match call {
            Sys::Munmap | Sys::Munlock => pages(args[0], args[1], page),
            Sys::Madvise if flags::drops_pages(args[2]) => pages(args[0], args[1], page),
            Sys::MunlockAll | Sys::ExitGroup => 0..u64::MAX,
            _ => match laid_over(call, args, page) {
                Some(range) => range,
                None => return,
            },
        };
        let weights = self.weights_in(thread);
        if going.is_empty() || !weights.overlaps(&going) {
            return;
        }
        let asked = self.asked.0.entry(thread.task.process).or_default();
        if *asked >= MOST && call != Sys::ExitGroup {
            return;
        }
        *asked += 1;
        if let Some(memory) = memory_of(thread.tid, &weights) {
            let (process, at_ns) = (thread.task.process, self.now());
            self.machine.notes.saw(Sight { process, at_ns, seen: Seen::Kernel(memory) });
        }
    }

    /// The addresses that hold weights, as reads and mappings left them.
    fn weights_in(&self, thread: &Thread) -> RangeSet<u64> {
        let space = thread.task.space.borrow();
        let right = |(_, filled): &(Range<u64>, Filled)| filled.compared.may_hold();
        let read = space.filled(0..u64::MAX).into_iter().filter(right).map(|(addresses, _)| addresses);
        let mut weights: RangeSet<u64> = read.collect();
        for (addresses, piece) in space.pieces(0..u64::MAX) {
            let Some(image) = self.machine.notes.image(piece.region) else { continue };
            let Some(tensors) = self.opened.get(&image.file).and_then(|model| self.tensors_of(*model)) else {
                continue;
            };
            let start = image.offset.saturating_add(addresses.start.wrapping_sub(piece.base));
            let mapped = start..start.saturating_add(addresses.end - addresses.start);
            for tensor in tensors.overlapping(&mapped) {
                let at = |offset: u64| addresses.start + (offset - mapped.start);
                weights.insert(at(tensor.start.max(mapped.start))..at(tensor.end.min(mapped.end)));
            }
        }
        weights
    }

    fn tensors_of(&self, model: usize) -> Option<&RangeSet<u64>> {
        self.contents.as_ref().and_then(|contents| contents.tensors_of(model))
    }
}

/// The memory of this process as the kernel counts it; `None` where it does not say.
#[must_use]
pub fn own_memory() -> Option<OwnMemory> {
    counted(i32::try_from(std::process::id()).ok()?)
}

fn counted(tid: pid_t) -> Option<OwnMemory> {
    let text = |name: &str| std::fs::read_to_string(format!("/proc/{tid}/{name}")).ok();
    let (status, limits) = (text("status")?, text("limits")?);
    Some(OwnMemory {
        anonymous: kib(&status, "RssAnon")?,
        file: kib(&status, "RssFile")?,
        peak: kib(&status, "VmHWM")?,
        locked: kib(&status, "VmLck")?,
        lock_limit: lock_limit(&limits)?,
    })
}

fn memory_of(tid: pid_t, weights: &RangeSet<u64>) -> Option<KernelMemory> {
    let (OwnMemory { anonymous, file, peak, locked, lock_limit }, listed) = (counted(tid)?, smaps::of(tid)?);
    let mut memory = KernelMemory { anonymous, file, peak, locked, lock_limit, ..KernelMemory::default() };
    for range in weights.iter() {
        memory.weights += range.end - range.start;
        for mapping in &listed {
            let there = mapping.shared(range).min(mapping.resident);
            memory.weights_resident += there;
            memory.weights_locked += if mapping.locked { there } else { 0 };
        }
    }
    Some(memory)
}

/// A number of kB of `status`, in bytes.
fn kib(status: &str, name: &str) -> Option<u64> {
    let rest = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    Some(rest.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? << 10)
}

/// The soft limit on locked memory, in bytes; `Some(None)` where there is none.
fn lock_limit(limits: &str) -> Option<Option<u64>> {
    let rest = limits.lines().find_map(|line| line.strip_prefix("Max locked memory"))?;
    match rest.split_whitespace().next()? {
        "unlimited" => Some(None),
        number => number.parse().ok().map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_of_its_own() {
        let own = own_memory().expect("the kernel says so of every process");
        assert!(own.anonymous > 0 && own.file > 0 && own.peak >= own.anonymous, "{own:?}");
    }

    #[test]
    fn numbers_are_read_as_the_kernel_writes_them() {
        let status = "Name:\tx\nVmHWM:\t    1536 kB\nVmLck:\t       0 kB\nRssAnon:\t     100 kB\n";
        assert_eq!(kib(status, "VmHWM"), Some(1536 << 10));
        assert_eq!(kib(status, "VmLck"), Some(0));
        assert_eq!(kib(status, "RssFile"), None);
        let line = |soft: &str| {
            format!("Max locked memory         {soft}              unlimited            bytes     \n")
        };
        assert_eq!(lock_limit(&line("8388608")), Some(Some(8 << 20)));
        assert_eq!(lock_limit(&line("unlimited")), Some(None));
        assert_eq!(lock_limit(""), None);
    }

    #[test]
    fn the_kernel_knows_what_of_a_buffer_is_there() {
        let buffer = vec![1u8; 4 << 20];
        let start = buffer.as_ptr() as u64;
        let weights = start..start + buffer.len() as u64;
        let memory = memory_of(std::process::id().cast_signed(), &RangeSet::from_iter([weights])).unwrap();
        assert_eq!((memory.weights, memory.weights_resident), (4 << 20, 4 << 20));
        assert!(memory.anonymous >= 4 << 20 && memory.peak >= memory.anonymous);
        drop(buffer);
    }
}
