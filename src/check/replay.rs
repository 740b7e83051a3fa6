//! What stands after a trace was played: mappings, locks, and where each byte of the file went.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use rangemap::RangeSet;

use crate::trace::{Call, FileId, NoticeCode, Op, Outcome, Phase, RegionId};

/// A stretch of the file and the memory that holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    /// Bytes of the file.
    pub(super) file: Range<u64>,
    /// Address of the first of them.
    pub(super) addr: u64,
}

/// A read of the load phase.
#[derive(Clone, Debug)]
pub(super) struct LoadRead {
    /// What was asked for: offset and length.
    pub(super) asked: Range<u64>,
    /// What arrived, from the start of what was asked for.
    pub(super) arrived: Range<u64>,
    pub(super) addr: u64,
    pub(super) direct: bool,
    /// Position in the trace, for messages.
    pub(super) seq: u64,
}

impl LoadRead {
    /// Whether less came than was asked for.
    pub(super) fn was_short(&self) -> bool {
        self.arrived.end < self.asked.end
    }
}

/// The state that a trace leads to at the end of its load phase, and what is left at its very end.
#[derive(Debug, Default)]
pub(super) struct Replay {
    /// Parts of the file that are mapped when the load is over.
    pub(super) mapped: Vec<Placed>,
    /// Whether any part of a file was mapped at any time.
    pub(super) any_mapping: bool,
    /// Reads of the load phase that were answered, in trace order.
    pub(super) reads: Vec<LoadRead>,
    /// Reads of any phase, answered or not: what was asked for, whether direct, position.
    pub(super) requests: Vec<(Range<u64>, bool, u64)>,
    /// Addresses that are locked when the load is over, in whole pages.
    pub(super) locked: RangeSet<u64>,
    /// Whether a lock was tried at any time.
    pub(super) any_lock: bool,
    /// Direct opens that were tried.
    pub(super) direct_opens: usize,
    /// Alignment of each direct file: memory and offset.
    pub(super) alignment: BTreeMap<FileId, (u64, u64)>,
    /// The codes of the notices given.
    pub(super) notices: BTreeSet<NoticeCode>,
    /// Regions and files that were never given back.
    pub(super) left_over: Vec<String>,
    /// The largest alignment in force, at least 1.
    pub(super) grain: u64,
}

/// One region while the trace is played.
struct Region {
    addr: u64,
    live: RangeSet<u64>,
    /// Offset in the file of a mapping's first byte.
    file_offset: Option<u64>,
}

impl Replay {
    /// Plays a trace.
    pub(super) fn new(ops: &[Op], page_size: u64) -> Self {
        let mut player = Player { page_size, ..Player::default() };
        player.replay.grain = 1;
        for op in ops {
            if op.phase == Phase::Teardown {
                player.settle();
            }
            player.play(op);
        }
        player.settle();
        player.finish()
    }
}

#[derive(Default)]
struct Player {
    page_size: u64,
    regions: BTreeMap<RegionId, Region>,
    files: BTreeSet<FileId>,
    replay: Replay,
    locked: RangeSet<u64>,
    settled: bool,
}

impl Player {
    /// Takes the picture at the end of the load.
    fn settle(&mut self) {
        if std::mem::replace(&mut self.settled, true) {
            return;
        }
        self.replay.locked = self.locked.clone();
        for region in self.regions.values() {
            let Some(file_offset) = region.file_offset else { continue };
            let parts = region.live.iter().map(|live| Placed {
                file: file_offset + live.start..file_offset + live.end,
                addr: region.addr + live.start,
            });
            self.replay.mapped.extend(parts);
        }
    }

    fn finish(mut self) -> Replay {
        let regions = self.regions.iter().filter(|(_, r)| !r.live.is_empty());
        self.replay.left_over = regions.map(|(id, _)| format!("region {}", id.0)).collect();
        self.replay.left_over.extend(self.files.iter().map(|f| format!("file {}", f.0)));
        self.replay
    }

    fn pages(&self, region: RegionId, offset: u64, len: u64) -> Range<u64> {
        let start = self.regions.get(&region).map_or(0, |r| r.addr) + offset;
        start - start % self.page_size..(start + len).div_ceil(self.page_size) * self.page_size
    }

    fn play(&mut self, op: &Op) {
        let ok = matches!(op.outcome, Outcome::Ok(_));
        match &op.call {
            Call::Open { file, direct, .. } => {
                self.replay.direct_opens += usize::from(*direct);
                if ok {
                    self.files.insert(*file);
                }
            }
            Call::Close { file } => {
                self.files.remove(file);
            }
            Call::Alignment { file, memory, offset, .. } if ok => {
                self.replay.alignment.insert(*file, (*memory, *offset));
                self.replay.grain = self.replay.grain.max(*offset);
            }
            Call::Read { offset, len, direct, addr, .. } => {
                let asked = *offset..offset.saturating_add(*len);
                self.replay.requests.push((asked.clone(), *direct, op.seq));
                if let (Outcome::Ok(n), Phase::Load) = (&op.outcome, op.phase) {
                    let arrived = *offset..offset + n.min(len);
                    let read = LoadRead { asked, arrived, addr: *addr, direct: *direct, seq: op.seq };
                    self.replay.reads.push(read);
                }
            }
            Call::Map { region, offset, len, addr, .. } => {
                self.replay.any_mapping = true;
                if ok {
                    self.add_region(*region, *addr, *len, Some(*offset));
                }
            }
            Call::Alloc { region, len, addr, .. } if ok => self.add_region(*region, *addr, *len, None),
            Call::Lock { region, offset, len } => {
                self.replay.any_lock = true;
                if ok && *len > 0 {
                    let pages = self.pages(*region, *offset, *len);
                    self.locked.insert(pages);
                }
            }
            Call::Unlock { region, offset, len } if ok && *len > 0 => {
                let pages = self.pages(*region, *offset, *len);
                self.locked.remove(pages);
            }
            Call::Unmap { region, offset, len } if ok && *len > 0 => {
                let pages = self.pages(*region, *offset, *len);
                self.locked.remove(pages);
                if let Some(region) = self.regions.get_mut(region) {
                    region.live.remove(*offset..offset + len);
                }
            }
            Call::Notice(notice) => {
                self.replay.notices.insert(notice.code);
            }
            _ => {}
        }
    }

    fn add_region(&mut self, id: RegionId, addr: u64, len: u64, file_offset: Option<u64>) {
        let live = (len > 0).then_some(0..len).into_iter().collect();
        self.regions.insert(id, Region { addr, live, file_offset });
    }
}
