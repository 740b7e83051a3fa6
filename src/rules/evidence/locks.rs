//! What is locked when a load is over, and what was tried.

use std::collections::BTreeMap;

use rangemap::RangeSet;

use super::Evidence;
use crate::rules::fold::{LockAttempt, Placement, Way, common};
use crate::rules::weights::length;
use crate::trace::{Call, ErrorKind, Op, Phase, ProcessId};

/// Where it is not known what lies where, locks of a load are taken for locks of weights if they are at least
/// this part of them: a secret is smaller, and a loader that repacks locks a tenth.
pub(super) const SOME: u64 = 16;

impl Evidence {
    /// Bytes that are locked in the loaders when the load is over, whatever they hold.
    #[must_use]
    pub fn locked_bytes(&self) -> u64 {
        self.loaders().map(|(_, process)| length(&process.locked)).sum()
    }

    /// Tensor bytes whose memory is locked, of each file. Of a byte that lies in several places those count where
    /// it came by a mapping, or by reads, as `way` has it; the others only where there is none of these.
    /// Without a way all count.
    pub(in crate::rules) fn locked_weights(&self, way: Option<Way>) -> BTreeMap<usize, RangeSet<u64>> {
        let Some(way) = way else { return self.locked_placements(|_| true) };
        let counts = |placement: &Placement| (placement.way == Way::Map) == (way == Way::Map);
        let mut held = self.locked_placements(counts);
        for (file, mut set) in self.locked_placements(|placement| !counts(placement)) {
            let first = self.placements().filter(|(_, p)| p.file == file && counts(p) && !p.range.is_empty());
            first.for_each(|(_, placement)| set.remove(placement.range.clone()));
            held.entry(file).or_default().extend(set.iter().cloned());
        }
        held
    }

    /// Tensor bytes of some placements whose memory is locked, of each file.
    fn locked_placements(&self, of: impl Fn(&Placement) -> bool) -> BTreeMap<usize, RangeSet<u64>> {
        let mut held: BTreeMap<usize, RangeSet<u64>> = BTreeMap::new();
        for (pid, placement) in self.placements().filter(|(_, placement)| of(placement)) {
            let Some(process) = self.fold.processes.get(&pid) else { continue };
            let len = placement.range.end - placement.range.start;
            let addresses = placement.addr..placement.addr.saturating_add(len);
            if addresses.is_empty() {
                continue;
            }
            for locked in process.locked.overlapping(&addresses) {
                let start = locked.start.max(addresses.start) - placement.addr;
                let end = locked.end.min(addresses.end) - placement.addr;
                let range = placement.range.start + start..placement.range.start + end;
                held.entry(placement.file).or_default().insert(range);
            }
        }
        for (file, set) in &mut held {
            *set = self.weights.files.get(*file).map_or_else(RangeSet::new, |f| common(set, &f.bytes));
        }
        held
    }

    /// A lock on memory that holds weights, or may: tried by a loader, refused, and not granted later.
    #[must_use]
    pub fn refused_lock(&self) -> Option<ErrorKind> {
        self.lock_attempts(SOME).filter(|lock| !self.locked_later(lock)).find_map(|lock| lock.refused)
    }

    /// Bytes that loaders locked only when all of their output had been written and the weights had come before
    /// that: what the output tells of was not kept.
    #[must_use]
    pub fn locked_after_output(&self) -> Option<u64> {
        let last = self.last_output?;
        let moved =
            |op: &Op| matches!(op.call, Call::Read { .. } | Call::Map { .. }) && op.phase == Phase::Load;
        if self.ops.iter().any(|op| moved(op) && op.seq >= last) {
            return None;
        }
        let granted = |late: bool| {
            let of = move |lock: &&LockAttempt| lock.refused.is_none() && (lock.seq >= last) == late;
            let own = self.lock_attempts(SOME).filter(of).filter(|lock| !lock.pages.is_empty());
            own.map(|lock| lock.pages.clone()).collect::<RangeSet<u64>>()
        };
        let mut late = granted(true);
        granted(false).into_iter().for_each(|range| late.remove(range));
        Some(length(&late)).filter(|bytes| *bytes > self.weights.tolerance)
    }

    fn locked_later(&self, lock: &LockAttempt) -> bool {
        let locked = self.fold.processes.get(&lock.pid).map(|process| &process.locked);
        !lock.pages.is_empty() && locked.is_some_and(|set| set.gaps(&lock.pages).next().is_none())
    }

    /// The locks of loaders on memory that holds weights. Where it is not known what lies where, every lock of
    /// the load may be one, if all of them together are at least one `share`th as large as the weights.
    pub(in crate::rules) fn lock_attempts(&self, share: u64) -> impl Iterator<Item = &LockAttempt> {
        let known = self.knows_places();
        let holds: BTreeMap<ProcessId, RangeSet<u64>> =
            self.fold.loaders.iter().map(|pid| (*pid, self.weight_addresses(*pid))).collect();
        let page = self.page_size.max(1);
        let least = if known { 0 } else { self.weights.len() / share };
        self.fold.locks.iter().filter(|lock| !lock.void).filter(move |lock| {
            let Some(addresses) = holds.get(&lock.pid) else { return false };
            let near = lock.pages.start.saturating_sub(page)..lock.pages.end.saturating_add(page);
            let touches = addresses.overlaps(&near);
            let len = lock.pages.end - lock.pages.start;
            touches || (!known && lock.load && self.lock_total(lock.pid).max(len) >= least)
        })
    }

    /// Bytes of all locks that a process tried in its load.
    fn lock_total(&self, pid: ProcessId) -> u64 {
        let tried = self.fold.locks.iter().filter(|lock| lock.pid == pid && lock.load);
        let all: RangeSet<u64> = tried.filter(|l| !l.pages.is_empty()).map(|l| l.pages.clone()).collect();
        length(&all)
    }
}
