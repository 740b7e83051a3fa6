//! The facts of one load, counted from its operations alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use rangemap::RangeSet;

use super::weights::length;
use crate::trace::{
    Call, ErrorKind, FileId, Notice, NoticeCode, NoticeLevel, Op, Outcome, Phase, RegionId, Word,
};

/// Where the weights came from, as the operations prove it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EffectiveSource {
    /// Mapped.
    Map,
    /// Read through the page cache.
    Read,
    /// Read past the page cache.
    Direct,
}

/// What a load really did. Displays as `map`, `map+lock`, `read`, `read+lock`, `direct`,
/// `direct+lock` or `none-opened`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Effective {
    /// The source that brought most bytes in the load phase (see [`Summary::effective`]); `None`
    /// if nothing was mapped and no byte was read there.
    pub source: Option<EffectiveSource>,
    /// Whether the lock held: bytes locked in the load phase were locked when the load ended, and
    /// every range whose lock was refused there was locked by a later call.
    pub locked: bool,
}

impl fmt::Display for Effective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.source {
            Some(EffectiveSource::Map) => "map",
            Some(EffectiveSource::Read) => "read",
            Some(EffectiveSource::Direct) => "direct",
            None => return f.write_str("none-opened"),
        })?;
        if self.locked { f.write_str("+lock") } else { Ok(()) }
    }
}

/// A refusal that made the loader go another way, or go on without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Refusal {
    /// What was refused: `open`, `direct-open`, `read`, `direct-read`, `map`, `advice`, `lock` …
    pub what: &'static str,
    /// Why.
    pub kind: ErrorKind,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} refused ({})", self.what, self.kind.word())
    }
}

/// The facts of one load. Byte counts are of what arrived, not of what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Opens that succeeded.
    pub opens: u64,
    /// Direct opens asked for.
    pub direct_asked: u64,
    /// Direct opens that succeeded and of which no read was refused afterwards (an interruption
    /// is no refusal).
    pub direct_held: u64,
    /// Direct opens that succeeded and were closed without a read of that file, or of which the
    /// loader says so.
    pub direct_unread: u64,
    /// Whether the platform said that it enforces alignment on a direct file; where it does not,
    /// successful direct reads prove nothing. `None` if nobody asked.
    pub direct_enforced: Option<bool>,
    /// Mappings that succeeded.
    pub maps: u64,
    /// Their bytes.
    pub mapped_bytes: u64,
    /// Bytes that were locked when the load ended (before teardown), each counted once.
    pub locked_bytes: u64,
    /// Locks that were refused.
    pub locks_refused: u64,
    /// Reads that brought bytes, in all phases.
    pub reads: u64,
    /// Bytes of all reads, repetitions included.
    pub read_bytes: u64,
    /// Of these, bytes of direct reads.
    pub direct_read_bytes: u64,
    /// What was refused, each once, in order of first appearance; interruptions left out.
    pub fallbacks: Vec<Refusal>,
    /// What the user was told, in order.
    pub notices: Vec<(NoticeLevel, NoticeCode)>,
    /// What the load really did.
    ///
    /// Of the load phase: `direct` if direct reads brought more than half of the bytes read and
    /// at least as many as were mapped; else `read` if the reads brought at least as many as were
    /// mapped; else `map`.
    pub effective: Effective,
}

impl Summary {
    /// Counts the facts of a trace.
    pub fn of(ops: &[Op]) -> Self {
        let mut counter = Counter::default();
        for op in ops {
            match &op.outcome {
                Outcome::Ok(result) => counter.granted(op, *result),
                Outcome::Err(errno) => counter.refused(op, errno.kind),
            }
        }
        counter.finish()
    }
}

#[derive(Default)]
struct Counter {
    opens: u64,
    direct_asked: u64,
    direct_files: BTreeSet<FileId>,
    direct_broken: BTreeSet<FileId>,
    /// Direct files that are open and of which nothing was read.
    direct_idle: Vec<FileId>,
    direct_unread: u64,
    direct_enforced: Option<bool>,
    maps: u64,
    mapped: u64,
    reads: u64,
    read_bytes: u64,
    direct_read_bytes: u64,
    /// Bytes of the load phase: mapped, read buffered, read direct.
    loaded: [u64; 3],
    locked: BTreeMap<RegionId, RangeSet<u64>>,
    /// Of these, ranges whose lock belongs to the load and not to a pass before it.
    load_locked: BTreeMap<RegionId, RangeSet<u64>>,
    /// Ranges whose lock was refused and not made good yet.
    lock_owed: BTreeMap<RegionId, RangeSet<u64>>,
    locks_refused: u64,
    fallbacks: Vec<Refusal>,
    notices: Vec<(NoticeLevel, NoticeCode)>,
}

impl Counter {
    fn granted(&mut self, op: &Op, result: u64) {
        let loading = op.phase == Phase::Load;
        match &op.call {
            Call::Open { file, direct, .. } => {
                self.opens += 1;
                if *direct {
                    self.direct_asked += 1;
                    self.direct_files.insert(*file);
                    self.direct_idle.push(*file);
                }
            }
            Call::Close { file } => {
                let before = self.direct_idle.len();
                self.direct_idle.retain(|idle| idle != file);
                self.direct_unread += (before - self.direct_idle.len()) as u64;
            }
            Call::SetDirect { file, direct: true } => {
                self.direct_asked += 1;
                self.direct_files.insert(*file);
            }
            Call::Alignment { file, enforced, .. } if self.direct_files.contains(file) => {
                self.direct_enforced = Some(*enforced);
            }
            Call::Read { file, direct, .. } => {
                self.direct_idle.retain(|idle| idle != file);
                self.reads += u64::from(result > 0);
                add(&mut self.read_bytes, result);
                if *direct {
                    add(&mut self.direct_read_bytes, result);
                }
                if loading {
                    add(&mut self.loaded[1 + usize::from(*direct)], result);
                }
            }
            Call::Map { len, .. } => {
                self.maps += 1;
                add(&mut self.mapped, *len);
                if loading {
                    add(&mut self.loaded[0], *len);
                }
            }
            Call::Lock { region, offset, len } => {
                let range = *offset..offset.saturating_add(*len);
                if range.is_empty() {
                    return;
                }
                let load = loading.then_some(&mut self.load_locked);
                for locked in [Some(&mut self.locked), load].into_iter().flatten() {
                    locked.entry(*region).or_default().insert(range.clone());
                }
                if let Some(owed) = self.lock_owed.get_mut(region) {
                    owed.remove(range);
                }
            }
            // What teardown gives back was locked until then.
            Call::Unlock { region, offset, len } | Call::Unmap { region, offset, len }
                if op.phase != Phase::Teardown =>
            {
                let range = *offset..offset.saturating_add(*len);
                for locked in [&mut self.locked, &mut self.load_locked] {
                    if let Some(held) = locked.get_mut(region).filter(|_| !range.is_empty()) {
                        held.remove(range.clone());
                    }
                }
            }
            Call::Notice(Notice { level, code, .. }) => {
                // The file a loader speaks of is the one it opened last.
                if *code == NoticeCode::DirectUsed {
                    self.direct_idle.pop();
                }
                self.notices.push((*level, *code));
            }
            _ => {}
        }
    }

    fn refused(&mut self, op: &Op, kind: ErrorKind) {
        let what = match &op.call {
            Call::Open { direct: true, .. } | Call::SetDirect { .. } => {
                self.direct_asked += 1;
                "direct-open"
            }
            Call::Read { file, direct: true, .. } => {
                if kind != ErrorKind::Interrupted {
                    self.direct_broken.insert(*file);
                }
                "direct-read"
            }
            Call::Lock { region, offset, len } => {
                self.locks_refused += 1;
                if op.phase == Phase::Load {
                    let range = *offset..offset.saturating_add(*len);
                    if !range.is_empty() {
                        self.lock_owed.entry(*region).or_default().insert(range);
                    }
                }
                "lock"
            }
            Call::Open { .. } => "open",
            Call::Read { .. } => "read",
            Call::Map { .. } => "map",
            Call::Alloc { .. } => "alloc",
            Call::FileAdvise { .. } | Call::MapAdvise { .. } => "advice",
            Call::Unlock { .. } => "unlock",
            Call::Unmap { .. } => "unmap",
            Call::Size { .. } => "size",
            Call::Alignment { .. } => "alignment",
            Call::MapHint { .. } => "map-hint",
            Call::Close { .. } => "close",
            Call::Notice(_) => "notice",
            Call::Write { .. } => "write",
            Call::Resize { .. } => "resize",
            Call::Remap { .. } => "remap",
            Call::Fork { .. } | Call::Exec | Call::Exit { .. } => "process",
            Call::Native { .. } => "native",
        };
        let refusal = Refusal { what, kind };
        if kind != ErrorKind::Interrupted && !self.fallbacks.contains(&refusal) {
            self.fallbacks.push(refusal);
        }
    }

    fn finish(self) -> Summary {
        let locked_bytes = self.locked.values().map(length).fold(0, u64::saturating_add);
        let [mapped, buffered, direct] = self.loaded;
        let read = buffered.saturating_add(direct);
        let source = if mapped == 0 && read == 0 {
            None
        } else if read < mapped {
            Some(EffectiveSource::Map)
        } else if direct > buffered && direct >= mapped {
            Some(EffectiveSource::Direct)
        } else {
            Some(EffectiveSource::Read)
        };
        let load_locked = self.load_locked.values().any(|held| !held.is_empty());
        let locked = load_locked && self.lock_owed.values().all(RangeSet::is_empty);
        let held = self.direct_files.difference(&self.direct_broken).count();
        Summary {
            opens: self.opens,
            direct_asked: self.direct_asked,
            direct_held: held as u64,
            direct_unread: self.direct_unread,
            direct_enforced: self.direct_enforced,
            maps: self.maps,
            mapped_bytes: self.mapped,
            locked_bytes,
            locks_refused: self.locks_refused,
            reads: self.reads,
            read_bytes: self.read_bytes,
            direct_read_bytes: self.direct_read_bytes,
            fallbacks: self.fallbacks,
            notices: self.notices,
            effective: Effective { source, locked },
        }
    }
}

fn add(total: &mut u64, more: u64) {
    *total = total.saturating_add(more);
}
