//! Calls of a command that stand in no trace of it: told by what comes of them.

use std::collections::BTreeSet;

use rangemap::RangeSet;

use crate::trace::{Call, Op, Outcome, Phase, ProcessId};

/// What tells such calls, while a trace is walked.
#[derive(Default)]
pub(super) struct Unseen {
    /// Addresses that a call was seen to make.
    made: RangeSet<u64>,
    /// The longest read of weights into other memory.
    longest: u64,
    threads: BTreeSet<(ProcessId, u32)>,
    processes: BTreeSet<ProcessId>,
}

impl Unseen {
    /// The calls that came before an operation, by name and with what each asked for at least: the start of the thread
    /// that makes it, and the memory that an allocator must have had for a longer read than any before.
    pub(super) fn before(&mut self, op: &Op) -> impl Iterator<Item = (&'static str, u64)> + use<> {
        if let Call::Alloc { addr, len, .. } | Call::Map { addr, len, .. } = op.call
            && matches!(op.outcome, Outcome::Ok(_))
            && len > 0
        {
            self.made.insert(addr..addr.saturating_add(len));
        }
        let first = self.processes.insert(op.pid);
        let thread = self.threads.insert((op.pid, op.thread)) && !first;
        let memory = match op.call {
            Call::Read { addr, len, .. } => {
                let of_heap = op.phase == Phase::Load && addr != 0 && !self.made.contains(&addr);
                (of_heap && len > self.longest).then_some(len)
            }
            _ => None,
        };
        self.longest = self.longest.max(memory.unwrap_or_default());
        thread.then_some(("thread", 0)).into_iter().chain(memory.map(|len| ("alloc", len)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{FileId, RegionId};

    fn op(thread: u32, phase: Phase, call: Call) -> Op {
        let outcome = Outcome::Ok(0);
        Op { seq: 0, phase, pid: 0, thread, call, outcome, start_ns: 0, dur_ns: 0, injected: false }
    }

    fn read(addr: u64, len: u64) -> Call {
        Call::Read { file: FileId(0), offset: 0, len, direct: false, addr }
    }

    #[test]
    fn the_heap_shows_in_longer_and_longer_reads_into_it() {
        let alloc = Call::Alloc { region: RegionId(0), len: 4096, align: 4096, addr: 4096 };
        let calls = [
            (Phase::Header, read(1 << 20, 9000), None),
            (Phase::Load, alloc, None),
            (Phase::Load, read(5000, 4000), None),
            (Phase::Load, read(1 << 20, 100), Some(100)),
            (Phase::Load, read(1 << 20, 100), None),
            (Phase::Load, read(1 << 21, 101), Some(101)),
            (Phase::Load, read(0, 102), None),
        ];
        let mut unseen = Unseen::default();
        for (phase, call, len) in calls {
            let told: Vec<_> = unseen.before(&op(0, phase, call.clone())).collect();
            assert_eq!(told, len.map(|len| ("alloc", len)).into_iter().collect::<Vec<_>>(), "{call:?}");
        }
    }

    #[test]
    fn each_thread_but_the_first_was_started() {
        let mut unseen = Unseen::default();
        let started = [0, 1, 1, 0, 2]
            .map(|thread| unseen.before(&op(thread, Phase::Header, Call::Close { file: FileId(0) })).count());
        assert_eq!(started, [0, 1, 0, 0, 1]);
    }
}
