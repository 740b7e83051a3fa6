//! The one fold of a trace: operations are played once, per process and per file, into what stands when
//! the load is over.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use rangemap::{RangeMap, RangeSet};

use super::Weights;
use crate::trace::{
    Call, ErrorKind, FileId, MapWritable, NoticeCode, Op, Outcome, Phase, ProcessId, RegionId,
};

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
}

/// A mapping of a weight file that was granted or refused.
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
    /// What lies where when the load is over.
    pub placements: Vec<Placement>,
    /// Whether the destination of every read of weights is known.
    pub destinations: bool,
    /// Addresses that are locked when the load is over, in whole pages.
    pub locked: RangeSet<u64>,
    /// Regions that are still there when the load is over, and descriptors of weight files.
    pub held: Held,
    /// Whether the end of the process is in the trace.
    pub ended: bool,
    /// The position of its last operation.
    pub last: u64,
    /// Whether it opened a weight file.
    pub opened: bool,
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
    /// What of a file arrived by any read.
    #[must_use]
    pub fn read(&self, file: usize) -> RangeSet<u64> {
        let both = [self.buffered.get(&file), self.direct.get(&file)];
        both.into_iter().flatten().flat_map(|set| set.iter().cloned()).collect()
    }

    /// What of a file came, either way, and stays: mapped when the load is over, or read.
    #[must_use]
    pub fn brought(&self, file: usize) -> RangeSet<u64> {
        let mapped = self.mapped.get(&file).into_iter().flat_map(|set| set.iter().cloned());
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
    let mut player = Player {
        weights,
        page: page_size.max(1),
        files: weights.files_of(ops),
        fold: Fold { alignment: (1, 1), ..Fold::default() },
        ..Player::default_for(weights)
    };
    for op in ops {
        player.play(op);
    }
    player.finish()
}

/// A region of one process while the trace is played.
#[derive(Clone, Debug)]
struct Region {
    addr: u64,
    live: RangeSet<u64>,
    /// The weight file and the offset in it of a mapping's first byte.
    image: Option<(usize, u64)>,
    /// A mapping of any file.
    of_file: bool,
}

/// One process while the trace is played.
#[derive(Clone, Debug, Default)]
struct Space {
    regions: BTreeMap<RegionId, Region>,
    locked: RangeSet<u64>,
    /// What reads left at which addresses: an index into the placements that were made.
    filled: RangeMap<u64, usize>,
    made: Vec<Placement>,
    files: BTreeSet<FileId>,
    settled: bool,
}

struct Player<'w> {
    weights: &'w Weights,
    page: u64,
    files: BTreeMap<FileId, usize>,
    paths: BTreeMap<FileId, String>,
    direct: BTreeMap<FileId, bool>,
    open: BTreeSet<FileId>,
    spaces: BTreeMap<ProcessId, Space>,
    fold: Fold,
}

/// Where a region lies whose address the trace does not hold: apart from all others.
fn unknown_address(region: RegionId) -> u64 {
    (1 << 63) + (u64::from(region.0 & 0xff_ffff) << 39)
}

impl<'w> Player<'w> {
    fn default_for(weights: &'w Weights) -> Self {
        Self {
            weights,
            page: 1,
            files: BTreeMap::new(),
            paths: BTreeMap::new(),
            direct: BTreeMap::new(),
            open: BTreeSet::new(),
            spaces: BTreeMap::new(),
            fold: Fold::default(),
        }
    }

    fn space(&mut self, pid: ProcessId) -> &mut Space {
        self.spaces.entry(pid).or_default()
    }

    fn process(&mut self, pid: ProcessId) -> &mut Process {
        self.fold.processes.entry(pid).or_insert_with(|| Process { destinations: true, ..Process::default() })
    }

    /// The pages of a range of a region, by the address that it has in the process.
    fn pages(&mut self, pid: ProcessId, region: RegionId, offset: u64, len: u64) -> Range<u64> {
        let page = self.page;
        let base = self.space(pid).regions.get(&region).map_or_else(|| unknown_address(region), |r| r.addr);
        let start = base.saturating_add(offset);
        let end = start.saturating_add(len);
        start - start % page..end.checked_next_multiple_of(page).unwrap_or(u64::MAX)
    }

    /// Takes the picture of a process at the end of its load.
    fn settle(&mut self, pid: ProcessId) {
        let files = self.files.clone();
        let open = self.open.clone();
        let space = self.space(pid);
        if std::mem::replace(&mut space.settled, true) {
            return;
        }
        let mut placements = Vec::new();
        let mut mapped: BTreeMap<usize, RangeSet<u64>> = BTreeMap::new();
        for region in space.regions.values() {
            let Some((file, at)) = region.image else { continue };
            for live in region.live.iter() {
                let range = at.saturating_add(live.start)..at.saturating_add(live.end);
                mapped.entry(file).or_default().insert(range.clone());
                let addr = region.addr.saturating_add(live.start);
                placements.push(Placement { file, range, addr, way: Way::Map });
            }
        }
        for (addresses, index) in space.filled.iter() {
            let Some(made) = space.made.get(*index) else { continue };
            let start = made.range.start + (addresses.start - made.addr);
            let range = start..start + (addresses.end - addresses.start);
            placements.push(Placement { range, addr: addresses.start, ..made.clone() });
        }
        let locked = space.locked.clone();
        let held = Held {
            files: space.files.iter().filter(|f| open.contains(f) && files.contains_key(f)).count() as u64,
            mapped: mapped.values().map(super::weights::length).sum(),
            locked: super::weights::length(&locked),
        };
        let process = self.process(pid);
        (process.placements, process.mapped) = (placements, mapped);
        (process.locked, process.held) = (locked, held);
    }

    fn play(&mut self, op: &Op) {
        let pid = op.pid;
        self.process(pid).last = op.seq;
        if op.phase == Phase::Teardown {
            self.settle(pid);
        }
        let refused = match &op.outcome {
            Outcome::Ok(_) => None,
            Outcome::Err(errno) => Some(errno.kind),
        };
        match &op.call {
            Call::Fork { child } => {
                let mut copy = self.space(pid).clone();
                (copy.locked, copy.settled) = (RangeSet::new(), false);
                self.spaces.insert(*child, copy);
            }
            Call::Exec => {
                let files = std::mem::take(&mut self.space(pid).files);
                *self.space(pid) = Space { files, ..Space::default() };
            }
            Call::Exit { .. } => {
                self.settle(pid);
                self.process(pid).ended = true;
                let space = self.space(pid);
                let held = std::mem::take(&mut space.files);
                *space = Space { settled: true, ..Space::default() };
                // What only this process had is gone with it.
                for file in held {
                    if !self.spaces.values().any(|space| space.files.contains(&file)) {
                        self.open.remove(&file);
                    }
                }
            }
            Call::Notice(notice) => {
                self.fold.notices.insert(notice.code);
            }
            Call::Alloc { region, len, addr, .. } if refused.is_none() => {
                self.add(pid, *region, *addr, *len, None, false);
            }
            Call::Lock { region, offset, len } => {
                let pages = self.pages(pid, *region, *offset, *len);
                let load = op.phase == Phase::Load;
                if refused.is_none() && *len > 0 {
                    self.space(pid).locked.insert(pages.clone());
                }
                self.fold.locks.push(LockAttempt { pid, pages, load, refused });
            }
            Call::Unlock { region, offset, len } if refused.is_none() && *len > 0 => {
                let pages = self.pages(pid, *region, *offset, *len);
                self.space(pid).locked.remove(pages);
            }
            Call::Unmap { region, offset, len } if refused.is_none() && *len > 0 => {
                let pages = self.pages(pid, *region, *offset, *len);
                let space = self.space(pid);
                space.locked.remove(pages.clone());
                space.filled.remove(pages);
                if let Some(known) = space.regions.get_mut(region) {
                    known.live.remove(*offset..offset.saturating_add(*len));
                }
            }
            Call::Remap { region, len, addr } if refused.is_none() => self.remap(pid, *region, *len, *addr),
            call => {
                if let Some(file) = call.file() {
                    self.on_file(op, file, refused);
                }
            }
        }
    }

    fn remap(&mut self, pid: ProcessId, region: RegionId, len: u64, addr: u64) {
        let page = self.page;
        let space = self.space(pid);
        let Some(known) = space.regions.get_mut(&region) else { return };
        let old = known.addr;
        let span = known.live.iter().next_back().map_or(0, |range| range.end);
        known.addr = addr;
        known.live = (len > 0).then_some(0..len).into_iter().collect();
        let image = known.image;
        let within = old..old.saturating_add(span).checked_next_multiple_of(page).unwrap_or(u64::MAX);
        let moved = |range: Range<u64>| {
            let start = range.start - old + addr;
            start..start.saturating_add(range.end - range.start)
        };
        if !within.is_empty() {
            let locked: Vec<Range<u64>> =
                space.locked.overlapping(&within).map(|r| r.start.max(old)..r.end.min(within.end)).collect();
            space.locked.remove(within.clone());
            space.locked.extend(locked.into_iter().map(moved));
            let filled: Vec<(Range<u64>, usize)> = space
                .filled
                .overlapping(&within)
                .map(|(r, index)| (r.start.max(old)..r.end.min(within.end), *index))
                .collect();
            space.filled.remove(within);
            for (range, index) in filled {
                let made = space.made[index].clone();
                let start = made.range.start + (range.start - made.addr);
                let to = moved(range);
                let range = start..start + (to.end - to.start);
                space.made.push(Placement { range, addr: to.start, ..made });
                let index = space.made.len() - 1;
                space.filled.insert(to, index);
            }
        }
        if let Some((file, at)) = image {
            let all = at..at.saturating_add(len);
            self.process(pid).ever_mapped.entry(file).or_default().insert(all);
        }
    }

    fn add(
        &mut self,
        pid: ProcessId,
        id: RegionId,
        addr: u64,
        len: u64,
        image: Option<(usize, u64)>,
        of_file: bool,
    ) {
        let addr = if addr == 0 { unknown_address(id) } else { addr };
        let live: RangeSet<u64> = (len > 0).then_some(0..len).into_iter().collect();
        let page = self.page;
        let space = self.space(pid);
        if len > 0 {
            // What stood at these addresses is gone.
            let end = addr.saturating_add(len).checked_next_multiple_of(page).unwrap_or(u64::MAX);
            space.filled.remove(addr..end);
            space.locked.remove(addr..end);
        }
        space.regions.insert(id, Region { addr, live, image, of_file });
    }

    fn on_file(&mut self, op: &Op, id: FileId, refused: Option<ErrorKind>) {
        let pid = op.pid;
        let weight = self.files.get(&id).copied();
        match &op.call {
            Call::Open { path, direct, .. } => {
                self.paths.insert(id, path.clone());
                if refused.is_none() {
                    self.direct.insert(id, *direct);
                    self.open.insert(id);
                    self.space(pid).files.insert(id);
                }
                if let Some(file) = weight {
                    self.process(pid).opened = true;
                    let writes = op.call.opens_for_writing();
                    self.fold.opens.push(OpenAttempt { file, pid, direct: *direct, writes, refused });
                }
            }
            Call::SetDirect { direct, .. } => {
                if refused.is_none() {
                    self.direct.insert(id, *direct);
                }
                if let (Some(file), true) = (weight, *direct) {
                    self.fold.opens.push(OpenAttempt { file, pid, direct: true, writes: false, refused });
                }
            }
            Call::Close { .. } => {
                self.open.remove(&id);
                for space in self.spaces.values_mut() {
                    space.files.remove(&id);
                }
            }
            Call::Alignment { memory, offset, enforced, .. } if refused.is_none() => {
                let (m, o) = self.fold.alignment;
                self.fold.alignment = (m.max(*memory), o.max(*offset));
                if self.direct.get(&id) == Some(&true) {
                    self.fold.enforced = Some(*enforced);
                }
            }
            Call::Read { offset, len, direct, addr, .. } => {
                let arrived = match &op.outcome {
                    Outcome::Ok(n) => (*n).min(*len),
                    Outcome::Err(_) => 0,
                };
                let asked = *offset..offset.saturating_add(*len);
                let range = *offset..offset.saturating_add(arrived);
                match weight {
                    Some(file) => {
                        let load = op.phase == Phase::Load;
                        let (addr, direct) = (*addr, *direct);
                        self.arrive(pid, file, &range, addr, direct);
                        let seq = op.seq;
                        let request =
                            Request { file, pid, asked, arrived: range, addr, direct, load, refused, seq };
                        self.fold.requests.push(request);
                    }
                    None => self.stranger(id, arrived),
                }
            }
            Call::Map { region, offset, len, addr, .. } => {
                let range = *offset..offset.saturating_add(*len);
                if let Some(file) = weight {
                    let writable = op.call.maps_writable();
                    self.fold.mappings.push(Mapping { file, pid, range: range.clone(), writable, refused });
                }
                if refused.is_none() {
                    self.add(pid, *region, *addr, *len, weight.map(|file| (file, *offset)), true);
                    match weight {
                        Some(file) if !range.is_empty() => {
                            self.process(pid).ever_mapped.entry(file).or_default().insert(range);
                        }
                        Some(_) => {}
                        None => self.stranger(id, *len),
                    }
                }
            }
            Call::Write { offset, len, .. } if weight.is_some() => {
                let at = offset.saturating_add(*len);
                self.fold.writes.push((pid, format!("bytes {offset}..{at} of it were written")));
            }
            Call::Resize { len, .. } if weight.is_some() => {
                self.fold.writes.push((pid, format!("its size was set to {len} bytes")));
            }
            _ => {}
        }
    }

    fn arrive(&mut self, pid: ProcessId, file: usize, range: &Range<u64>, addr: u64, direct: bool) {
        if range.is_empty() {
            return;
        }
        let weighs = self.weights.files.get(file).is_some_and(|known| known.bytes.overlaps(range));
        let process = self.process(pid);
        let way = if direct { Way::Direct } else { Way::Read };
        let set = if direct { &mut process.direct } else { &mut process.buffered };
        set.entry(file).or_default().insert(range.clone());
        if addr == 0 {
            process.destinations &= !weighs;
            return;
        }
        let space = self.space(pid);
        space.made.push(Placement { file, range: range.clone(), addr, way });
        let index = space.made.len() - 1;
        let end = addr.saturating_add(range.end - range.start);
        if end > addr {
            space.filled.insert(addr..end, index);
        }
    }

    fn stranger(&mut self, id: FileId, bytes: u64) {
        if let Some(path) = self.paths.get(&id) {
            let known = self.fold.strangers.entry(path.clone()).or_default();
            *known = known.saturating_add(bytes);
        }
    }

    fn finish(mut self) -> Fold {
        let left: Vec<String> = self
            .spaces
            .values()
            .flat_map(|space| space.regions.iter())
            .filter(|(_, region)| !region.live.is_empty())
            .map(|(id, region)| format!("{} {}", if region.of_file { "mapping" } else { "region" }, id.0))
            .collect();
        self.fold.left_over = left;
        self.fold.left_over.extend(self.open.iter().map(|file| format!("file {}", file.0)));
        let pids: Vec<ProcessId> = self.fold.processes.keys().copied().collect();
        pids.into_iter().for_each(|pid| self.settle(pid));
        self.fold.loaders = self.loaders();
        self.fold
    }

    /// The process that brought most of the weights in, the first among equals; all that brought any where
    /// together they have more.
    fn loaders(&self) -> Vec<ProcessId> {
        let have = |process: &Process| -> Vec<RangeSet<u64>> {
            let files = 0..self.weights.files.len();
            files
                .map(|file| {
                    let ever = process.ever_mapped.get(&file).into_iter().flat_map(|s| s.iter().cloned());
                    let all: RangeSet<u64> = process.read(file).iter().cloned().chain(ever).collect();
                    common(&all, &self.weights.files[file].bytes)
                })
                .collect()
        };
        let bytes = |sets: &[RangeSet<u64>]| sets.iter().map(super::weights::length).sum::<u64>();
        let mut all: Vec<RangeSet<u64>> = vec![RangeSet::new(); self.weights.files.len()];
        let mut best: Option<(ProcessId, u64)> = None;
        let mut any = Vec::new();
        for (pid, process) in &self.fold.processes {
            let own = have(process);
            let has = bytes(&own);
            if has == 0 {
                continue;
            }
            any.push(*pid);
            if best.is_none_or(|(_, most)| has > most) {
                best = Some((*pid, has));
            }
            for (sum, own) in all.iter_mut().zip(own) {
                sum.extend(own);
            }
        }
        match best {
            Some((_, most)) if bytes(&all) > most => any,
            Some((pid, _)) => vec![pid],
            None => Vec::new(),
        }
    }
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
