//! Playing a trace, operation by operation.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use rangemap::RangeSet;

use super::space::{Region, Space, held_direct};
use super::{Fold, Held, LockAttempt, Mapping, OpenAttempt, Placement, Process, Request, Way, common};
use crate::rules::evidence::EDGE;
use crate::rules::{Weights, weights};
use crate::trace::{Advice, Call, ErrorKind, FileId, MapWritable, Op, Outcome, Phase, ProcessId, RegionId};

pub(super) struct Player<'w> {
    weights: &'w Weights,
    page: u64,
    files: BTreeMap<FileId, usize>,
    /// From which operation on an open belongs to the load.
    load_from: u64,
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
    pub(super) fn new(ops: &[Op], weights: &'w Weights, page_size: u64) -> Self {
        Self {
            weights,
            page: page_size.max(1),
            files: weights.files_of(ops),
            load_from: load_from(ops),
            paths: BTreeMap::new(),
            direct: BTreeMap::new(),
            open: BTreeSet::new(),
            spaces: BTreeMap::new(),
            fold: Fold { alignment: (1, 1), ..Fold::default() },
        }
    }

    fn of_load(&self, op: &Op) -> bool {
        op.seq >= self.load_from && matches!(op.phase, Phase::Probe | Phase::Load)
    }

    fn space(&mut self, pid: ProcessId) -> &mut Space {
        self.spaces.entry(pid).or_default()
    }

    fn process(&mut self, pid: ProcessId) -> &mut Process {
        self.fold.processes.entry(pid).or_insert_with(Process::fresh)
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
                placements.push(Placement {
                    file,
                    range,
                    addr,
                    way: Way::Map,
                    beside_mapping: false,
                    with_header: false,
                });
            }
        }
        for (addresses, index) in space.filled.iter() {
            let Some(made) = space.made.get(*index) else { continue };
            let start = made.range.start + (addresses.start - made.addr);
            let range = start..start + (addresses.end - addresses.start);
            placements.push(Placement { range, addr: addresses.start, ..made.clone() });
        }
        let held_direct = held_direct(space, &placements);
        let locked = space.locked.clone();
        let mut on_fault: BTreeMap<usize, RangeSet<u64>> = BTreeMap::new();
        for placement in placements.iter().filter(|placement| placement.way == Way::Map) {
            let end = placement.addr.saturating_add(placement.range.end - placement.range.start);
            for pages in space.on_fault.overlapping(&(placement.addr..end)) {
                let at = |addr: u64| placement.range.start + (addr - placement.addr);
                let range = at(pages.start.max(placement.addr))..at(pages.end.min(end));
                on_fault.entry(placement.file).or_default().insert(range);
            }
        }
        let held = Held {
            files: space.files.iter().filter(|f| open.contains(f) && files.contains_key(f)).count() as u64,
            mapped: mapped.values().map(weights::length).sum(),
            locked: weights::length(&locked),
        };
        let process = self.process(pid);
        (process.placements, process.mapped) = (placements, mapped);
        (process.locked, process.held, process.held_direct) = (locked, held, held_direct);
        process.on_fault = on_fault;
    }

    pub(super) fn play(&mut self, op: &Op) {
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
                (copy.locked, copy.on_fault, copy.settled) = (RangeSet::new(), RangeSet::new(), false);
                let mapped = copy.regions.values().any(|r| r.image.is_some() && !r.live.is_empty());
                if mapped || copy.filled.iter().next().is_some() {
                    self.process(*child).copy_of = Some(pid);
                }
                self.spaces.insert(*child, copy);
            }
            Call::Exec => {
                let files = std::mem::take(&mut self.space(pid).files);
                *self.space(pid) = Space { files, ..Space::default() };
                // What came before is gone with the memory.
                let process = self.process(pid);
                *process = Process { opened: process.opened, last: process.last, ..Process::fresh() };
            }
            Call::Exit { .. } => {
                self.settle(pid);
                self.process(pid).ended = true;
                self.process(pid).released.get_or_insert(op.seq);
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
            // A lock of nothing changes nothing, whatever the system says of it.
            Call::Lock { region, offset, len } if *len > 0 => {
                let pages = self.pages(pid, *region, *offset, *len);
                let load = op.phase == Phase::Load;
                let space = self.space(pid);
                let on_fault = space
                    .next_on_fault
                    .as_ref()
                    .is_some_and(|next| next.start <= pages.start && pages.end <= next.end);
                if refused.is_none() && !pages.is_empty() {
                    space.locked.insert(pages.clone());
                    match on_fault {
                        true => space.on_fault.insert(pages.clone()),
                        false => space.on_fault.remove(pages.clone()),
                    }
                }
                if space.next_on_fault != Some(0..u64::MAX) {
                    space.next_on_fault = None;
                }
                self.fold.locks.push(LockAttempt { pid, pages, load, refused, void: false, seq: op.seq });
            }
            Call::MapAdvise { region, offset, len, advice: Advice::WillNeed } if refused.is_none() => {
                self.prefetches_mapped(pid, *region, *offset, *len);
            }
            Call::Native { region: Some(region), offset, len, flags, .. }
                if refused.is_none() && flags.names.iter().any(|name| name.starts_with("MADV_POPULATE")) =>
            {
                self.prefetches_mapped(pid, *region, *offset, *len);
            }
            Call::Unlock { region, offset, len } if refused.is_none() && *len > 0 => {
                let pages = self.pages(pid, *region, *offset, *len);
                self.releases(op, &pages);
                self.space(pid).locked.remove(pages);
            }
            // The lock stays, and nothing that it is to keep (`madvise(2)`).
            Call::Native { region: Some(region), offset, len, flags, .. }
                if refused.is_none() && *len > 0 && flags.has("MADV_DONTNEED_LOCKED") =>
            {
                let pages = self.pages(pid, *region, *offset, *len);
                self.releases(op, &pages);
                self.space(pid).locked.remove(pages);
            }
            Call::Unmap { region, offset, len } if refused.is_none() && *len > 0 => {
                let pages = self.pages(pid, *region, *offset, *len);
                self.releases(op, &pages);
                let space = self.space(pid);
                space.locked.remove(pages.clone());
                space.filled.remove(pages.clone());
                // Whole pages go, whatever length was asked for.
                if let Some(known) = space.regions.get_mut(region) {
                    let end = pages.end.saturating_sub(known.addr).max(offset.saturating_add(*len));
                    known.live.remove(*offset..end);
                }
            }
            Call::Native { name, region: Some(region), offset, len, flags, .. }
                if name == "mprotect" && flags.has("PROT_WRITE") && refused.is_none() =>
            {
                self.made_writable(pid, *region, *offset, *len);
            }
            Call::Native { name, region: Some(region), offset, len, flags, .. }
                if name == "mlock2" && flags.has("MLOCK_ONFAULT") && *len > 0 =>
            {
                let pages = self.pages(pid, *region, *offset, *len);
                self.space(pid).next_on_fault = Some(pages);
            }
            Call::Native { name, flags, .. } if name == "mlockall" => {
                self.space(pid).next_on_fault = flags.has("MCL_ONFAULT").then_some(0..u64::MAX);
            }
            Call::Remap { region, len, addr } if refused.is_none() => self.remap(pid, *region, *len, *addr),
            call => {
                if let Some(file) = call.file() {
                    self.on_file(op, file, refused);
                }
            }
        }
    }

    /// Pages lose their lock; behind the load that is its end. Before that, a lock of which nothing is left and under
    /// which no weights lay was for something else: what comes to its addresses later has nothing to do with it.
    fn releases(&mut self, op: &Op, pages: &Range<u64>) {
        let ends = |lock: &&mut LockAttempt| {
            lock.pid == op.pid
                && !lock.pages.is_empty()
                && pages.start <= lock.pages.start
                && lock.pages.end <= pages.end
        };
        if let (Some(space), weights) =
            (self.spaces.get(&op.pid).filter(|space| !space.settled), self.weights)
        {
            for lock in self.fold.locks.iter_mut().filter(|lock| !lock.void).filter(ends) {
                lock.void = !space.holds_weights(&lock.pages, weights);
            }
        }
        let locked = !pages.is_empty() && self.space(op.pid).locked.overlaps(pages);
        if op.phase == Phase::Teardown && locked {
            self.process(op.pid).released.get_or_insert(op.seq);
        }
    }

    /// A part of a mapping may be written from now on.
    fn made_writable(&mut self, pid: ProcessId, region: RegionId, offset: u64, len: u64) {
        let Some(known) = self.space(pid).regions.get(&region) else { return };
        let Some((file, at)) = known.image else { return };
        let writable = Some(if known.private { MapWritable::Private } else { MapWritable::Shared });
        let start = at.saturating_add(offset);
        let range = start..start.saturating_add(len);
        self.fold.mappings.push(Mapping { file, pid, range, writable, refused: None });
    }

    fn prefetches(&mut self, file: usize, offset: u64, len: u64) {
        let range = offset..offset.saturating_add(len);
        if !range.is_empty() {
            self.fold.prefetched.entry(file).or_default().insert(range);
        }
    }

    fn prefetches_mapped(&mut self, pid: ProcessId, region: RegionId, offset: u64, len: u64) {
        let image = self.space(pid).regions.get(&region).and_then(|known| known.image);
        if let Some((file, at)) = image {
            self.prefetches(file, at.saturating_add(offset), len);
        }
    }

    /// A region moves with its locks and with what is in it; what it gains is locked if its end was, and what it
    /// loses is gone (`mremap(2)`).
    fn remap(&mut self, pid: ProcessId, region: RegionId, len: u64, addr: u64) {
        let page = self.page;
        let space = self.space(pid);
        let Some(known) = space.regions.get_mut(&region) else { return };
        let old = known.addr;
        let span = known.live.iter().next_back().map_or(0, |range| range.end);
        known.addr = addr;
        known.live = (len > 0).then_some(0..len).into_iter().collect();
        let image = known.image;
        let whole = |start: u64, len: u64| {
            start..start.saturating_add(len).checked_next_multiple_of(page).unwrap_or(u64::MAX)
        };
        let (within, after) = (whole(old, span), whole(addr, len));
        let stays = within.start..within.end.min(old.saturating_add(after.end - after.start));
        let moved = |range: Range<u64>| {
            let start = range.start - old + addr;
            start..start.saturating_add(range.end - range.start)
        };
        if !within.is_empty() {
            let kept = |r: &Range<u64>| r.start.max(old)..r.end.min(stays.end);
            let mut locked: Vec<Range<u64>> =
                space.locked.overlapping(&stays).map(kept).filter(|r| !r.is_empty()).map(moved).collect();
            let gained = addr.saturating_add(within.end - old)..after.end;
            if space.locked.contains(&(within.end - 1)) && !gained.is_empty() {
                locked.push(gained);
            }
            space.locked.remove(within.clone());
            space.locked.extend(locked);
            let filled: Vec<(Range<u64>, usize)> = space
                .filled
                .overlapping(&stays)
                .map(|(r, index)| (kept(r), *index))
                .filter(|(r, _)| !r.is_empty())
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
        space.regions.insert(id, Region { addr, live, image, of_file, private: false });
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
                    let load = self.of_load(op);
                    self.fold.opens.push(OpenAttempt { file, pid, direct: *direct, writes, load, refused });
                }
            }
            Call::SetDirect { direct, .. } => {
                if refused.is_none() {
                    self.direct.insert(id, *direct);
                }
                if let (Some(file), true) = (weight, *direct) {
                    let load = self.of_load(op);
                    self.fold.opens.push(OpenAttempt {
                        file,
                        pid,
                        direct: true,
                        writes: false,
                        load,
                        refused,
                    });
                }
            }
            Call::FileAdvise { offset, len, advice: Advice::WillNeed, .. } if refused.is_none() => {
                // No length is all of the rest (`posix_fadvise(2)`).
                let len = if *len == 0 { u64::MAX } else { *len };
                if let Some(file) = weight {
                    self.prefetches(file, *offset, len);
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
                        self.arrive(pid, file, &range, addr, direct, load);
                        let seq = op.seq;
                        let request =
                            Request { file, pid, asked, arrived: range, addr, direct, load, refused, seq };
                        self.fold.requests.push(request);
                    }
                    None => self.stranger(id, arrived),
                }
            }
            Call::Map { region, offset, len, addr, flags, .. } => {
                let range = *offset..offset.saturating_add(*len);
                if let Some(file) = weight {
                    let writable = op.call.maps_writable();
                    self.fold.mappings.push(Mapping { file, pid, range: range.clone(), writable, refused });
                }
                if refused.is_none() {
                    self.add(pid, *region, *addr, *len, weight.map(|file| (file, *offset)), true);
                    if let Some(known) = self.space(pid).regions.get_mut(region) {
                        known.private = flags.has("MAP_PRIVATE");
                    }
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

    fn arrive(
        &mut self,
        pid: ProcessId,
        file: usize,
        range: &Range<u64>,
        addr: u64,
        direct: bool,
        load: bool,
    ) {
        if range.is_empty() {
            return;
        }
        let weighs = self.weights.files.get(file).is_some_and(|known| known.bytes.overlaps(range));
        let data = self.weights.files.get(file).map_or(0, |known| known.data_start);
        // Of a small file as much may be most of the weights.
        let most = self.weights.files.get(file).map_or(0, |known| weights::length(&known.bytes) / 2);
        let is_header = range.start < data && range.end <= data.saturating_add(EDGE.min(most));
        let process = self.process(pid);
        let way = if direct { Way::Direct } else { Way::Read };
        let set = if direct { &mut process.direct } else { &mut process.buffered };
        set.entry(file).or_default().insert(range.clone());
        if load {
            process.loaded[usize::from(direct)].entry(file).or_default().insert(range.clone());
        }
        if addr == 0 {
            process.destinations &= !weighs;
        }
        let space = self.space(pid);
        space.last_direct.entry(file).or_default().insert(range.clone(), direct);
        if addr == 0 {
            return;
        }
        let mapped =
            |region: &Region| region.image.is_some_and(|(of, _)| of == file) && !region.live.is_empty();
        let beside_mapping = !is_header && space.regions.values().any(mapped);
        let with_header = is_header;
        space.made.push(Placement { file, range: range.clone(), addr, way, beside_mapping, with_header });
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

    pub(super) fn finish(mut self) -> Fold {
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
        let bytes = |sets: &[RangeSet<u64>]| sets.iter().map(weights::length).sum::<u64>();
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

/// The first operation behind the last one that reads a header before the load.
fn load_from(ops: &[Op]) -> u64 {
    let load = ops.iter().position(|op| op.phase == Phase::Load).unwrap_or(ops.len());
    let header = ops[..load].iter().rposition(|op| op.phase == Phase::Header);
    header.and_then(|last| ops.get(last + 1)).map_or(0, |op| op.seq)
}
