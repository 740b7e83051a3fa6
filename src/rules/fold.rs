//! The one fold of a trace: operations are played once, per process and per file, into what stands when
//! the load is over.

mod player;
mod space;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use rangemap::RangeSet;

use super::Weights;
use crate::trace::{ErrorKind, MapWritable, NoticeCode, Op, ProcessId};
use player::Player;

/// How bytes of a file come into memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// They are mapped.
    Map,
    /// They are read through the page cache.
    Read,
    /// They are read past it.
    Direct,
}

/// A stretch of a weight file and the memory that holds it when the load is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Which file of the weights.
    pub file: usize,
    /// Bytes of the file.
    pub range: Range<u64>,
    /// The address of the first of them.
    pub addr: u64,
    /// How they came.
    pub way: Way,
    /// Whether they were read while the process had the file, or a part of it, mapped, and not with a header.
    pub beside_mapping: bool,
    /// Whether they came with a header, which is read before anybody knows where the weights begin.
    pub with_header: bool,
}

/// A read of a weight file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Which file of the weights.
    pub file: usize,
    /// The process.
    pub pid: ProcessId,
    /// What was asked for.
    pub asked: Range<u64>,
    /// What arrived, from the start of what was asked for; empty for a refusal.
    pub arrived: Range<u64>,
    /// Where it went; 0 where that is not known.
    pub addr: u64,
    /// Whether it bypassed the page cache.
    pub direct: bool,
    /// Whether it belongs to the load phase.
    pub load: bool,
    /// Why it was refused.
    pub refused: Option<ErrorKind>,
    /// Its position in the trace.
    pub seq: u64,
}

impl Request {
    /// Whether less came than was asked for.
    #[must_use]
    pub fn was_short(&self) -> bool {
        self.arrived.end < self.asked.end
    }
}

/// A lock that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockAttempt {
    /// The process.
    pub pid: ProcessId,
    /// The addresses, in whole pages.
    pub pages: Range<u64>,
    /// Whether it belongs to the load phase.
    pub load: bool,
    /// Why it was refused.
    pub refused: Option<ErrorKind>,
    /// Whether it was released, or its memory went, while that held no weights.
    pub void: bool,
    /// Its position in the trace.
    pub seq: u64,
}

/// A mapping of a weight file that was granted or refused, or a part of one that became writable later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// Which file of the weights.
    pub file: usize,
    /// The process.
    pub pid: ProcessId,
    /// Bytes of the file, as they were first mapped.
    pub range: Range<u64>,
    /// Whether it may be written.
    pub writable: Option<MapWritable>,
    /// Why it was refused.
    pub refused: Option<ErrorKind>,
}

/// An open of a weight file, or direct I/O switched on for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenAttempt {
    /// Which file of the weights.
    pub file: usize,
    /// The process.
    pub pid: ProcessId,
    /// Whether direct I/O was asked for.
    pub direct: bool,
    /// Whether it may write.
    pub writes: bool,
    /// Whether it belongs to the load: to its phase, or to what finds out just before it what the platform can
    /// do. An open of a pass before the load is that pass's own.
    pub load: bool,
    /// Why it was refused.
    pub refused: Option<ErrorKind>,
}

/// What one process did and holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// What of each file is mapped when the load is over.
    pub mapped: BTreeMap<usize, RangeSet<u64>>,
    /// What of each file was mapped at any time.
    pub ever_mapped: BTreeMap<usize, RangeSet<u64>>,
    /// What of each file arrived by reads through the page cache, in any phase: a loader may keep what it read
    /// while it probed.
    pub buffered: BTreeMap<usize, RangeSet<u64>>,
    /// What of each file arrived by direct reads.
    pub direct: BTreeMap<usize, RangeSet<u64>>,
    /// What of each file was read directly and is not in memory by another read: where the memory that it went to
    /// holds it still, that read counts, else the last one.
    pub held_direct: BTreeMap<usize, RangeSet<u64>>,
    /// What of each file arrived in the load phase: through the page cache, and directly.
    pub loaded: [BTreeMap<usize, RangeSet<u64>>; 2],
    /// What lies where when the load is over.
    pub placements: Vec<Placement>,
    /// Whether the destination of every read of weights is known.
    pub destinations: bool,
    /// Addresses that are locked when the load is over, in whole pages.
    pub locked: RangeSet<u64>,
    /// Regions that are still there when the load is over, and descriptors of weight files.
    pub held: Held,
    /// What of each file is mapped in memory that is locked page by page, as they come in (`MLOCK_ONFAULT`).
    pub on_fault: BTreeMap<usize, RangeSet<u64>>,
    /// Whether the end of the process is in the trace.
    pub ended: bool,
    /// The position of the operation with which its locks began to go when the load was over: of an unlock, an
    /// unmap, or its end.
    pub released: Option<u64>,
    /// The position of its last operation.
    pub last: u64,
    /// Whether it opened a weight file.
    pub opened: bool,
    /// The process that it has a copy of the memory of, with weights in it.
    pub copy_of: Option<ProcessId>,
}

/// What a process holds when the load is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Open descriptors of weight files.
    pub files: u64,
    /// Bytes of weight files that are mapped.
    pub mapped: u64,
    /// Bytes that are locked.
    pub locked: u64,
}

impl Process {
    /// One that did nothing so far.
    fn fresh() -> Self {
        Self { destinations: true, ..Self::default() }
    }

    /// What of a file arrived by any read.
    #[must_use]
    pub fn read(&self, file: usize) -> RangeSet<u64> {
        let both = [self.buffered.get(&file), self.direct.get(&file)];
        both.into_iter().flatten().flat_map(|set| set.iter().cloned()).collect()
    }

    /// What of a file came, either way: mapped at any time, as a loader may copy what it mapped, or read.
    #[must_use]
    pub fn brought(&self, file: usize) -> RangeSet<u64> {
        let mapped = self.ever_mapped.get(&file).into_iter().flat_map(|set| set.iter().cloned());
        self.read(file).iter().cloned().chain(mapped).collect()
    }
}

/// Everything that a trace comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fold {
    /// What each process did and holds.
    pub processes: BTreeMap<ProcessId, Process>,
    /// The processes that brought the weights in: one, unless several share them.
    pub loaders: Vec<ProcessId>,
    /// The reads of weight files, in trace order.
    pub requests: Vec<Request>,
    /// The mappings of weight files.
    pub mappings: Vec<Mapping>,
    /// The opens of weight files.
    pub opens: Vec<OpenAttempt>,
    /// The locks that were tried, on whatever memory.
    pub locks: Vec<LockAttempt>,
    /// What the kernel was asked to bring into the page cache ahead of its use, of each weight file.
    pub prefetched: BTreeMap<usize, RangeSet<u64>>,
    /// What was written to weight files: a sentence each.
    pub writes: Vec<(ProcessId, String)>,
    /// The alignment that was stated for files of direct reads: of memory and of offsets; at least 1.
    pub alignment: (u64, u64),
    /// Whether a file system said that it enforces alignment; `None` if nobody asked.
    pub enforced: Option<bool>,
    /// The codes of the notices given.
    pub notices: BTreeSet<NoticeCode>,
    /// Regions and files that were never released.
    pub left_over: Vec<String>,
    /// Paths of files that are no weight file of the model and from which more than a header was brought.
    pub strangers: BTreeMap<String, u64>,
}

/// Plays a trace.
pub(super) fn fold(ops: &[Op], weights: &Weights, page_size: u64) -> Fold {
    let mut player = Player::new(ops, weights, page_size);
    ops.iter().for_each(|op| player.play(op));
    player.finish()
}

/// The bytes that two sets share.
pub(super) fn common(a: &RangeSet<u64>, b: &RangeSet<u64>) -> RangeSet<u64> {
    let mut both = RangeSet::new();
    for range in b.iter() {
        for other in a.overlapping(range) {
            both.insert(range.start.max(other.start)..range.end.min(other.end));
        }
    }
    both
}
