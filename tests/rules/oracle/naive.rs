//! What a trace must come to, worked out byte by byte: small files, small pages, and a set or a map of single
//! bytes for everything. Nothing here knows how `src/rules` does it.

use std::collections::{BTreeMap, BTreeSet};

use loadparity::plan::LoadPlan;
use loadparity::trace::{Call, FileId, NoticeCode, Op, Outcome, Phase, ProcessId, RegionId};

use super::world::{PAGE, World};

/// A byte of a weight file.
pub type Byte = (usize, u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Mapped,
    Read,
}

#[derive(Clone, Debug)]
struct Region {
    addr: u64,
    len: u64,
    gone: BTreeSet<u64>,
    image: Option<(usize, u64)>,
}

#[derive(Clone, Debug, Default)]
pub struct Process {
    regions: BTreeMap<RegionId, Region>,
    /// What reads left at each address.
    pub filled: BTreeMap<u64, Byte>,
    /// Which of them while the file was mapped, and not with a header.
    pub beside: BTreeSet<u64>,
    pub locked: BTreeSet<u64>,
    // What it did; a child has done nothing yet.
    pub did: Deeds,
    /// Memory when its load was over.
    pub end: Option<Box<End>>,
}

#[derive(Clone, Debug, Default)]
pub struct Deeds {
    pub mapped: BTreeSet<Byte>,
    pub read: BTreeSet<Byte>,
    pub read_in_load: BTreeSet<Byte>,
    pub direct: BTreeSet<Byte>,
    pub direct_in_load: BTreeSet<Byte>,
    /// A read of weights went to an address that is not known.
    pub lost: bool,
    pub opened: bool,
    pub exited: bool,
    /// Whose memory it began with, where that held something of a file.
    pub copy_of: Option<ProcessId>,
    /// The operation with which its locks began to go behind the load, or it ended.
    pub released: Option<u64>,
    pub last: u64,
    /// Each lock that was tried: its addresses and whether it was refused.
    pub locks: Vec<(BTreeSet<u64>, bool)>,
}

#[derive(Clone, Debug, Default)]
pub struct End {
    /// Which bytes lie where, and how they came.
    pub places: Vec<(u64, Byte, How)>,
    pub beside: BTreeSet<u64>,
    pub locked: BTreeSet<u64>,
}

pub struct Oracle<'w> {
    pub world: &'w World,
    pub plan: LoadPlan,
    /// Only reads of the load phase count, and any mapping breaks a plan to read.
    pub strict: bool,
    pub processes: BTreeMap<ProcessId, Process>,
    /// Those that brought weights in; known when all is played.
    pub loaders: Vec<ProcessId>,
    pub files: BTreeMap<FileId, usize>,
    pub notices: BTreeSet<NoticeCode>,
    pub any_mapping: bool,
    pub direct_opens: u64,
    /// Of those of the load: whether one was granted, and one refused.
    pub direct_granted: bool,
    pub direct_refused: bool,
}

fn pages(start: u64, len: u64) -> BTreeSet<u64> {
    if len == 0 {
        return BTreeSet::new();
    }
    (start / PAGE * PAGE..(start + len).div_ceil(PAGE) * PAGE).collect()
}

impl Process {
    fn close_load(&mut self) {
        if self.end.is_some() {
            return;
        }
        let mut end = End { places: Vec::new(), beside: self.beside.clone(), locked: self.locked.clone() };
        for region in self.regions.values() {
            let Some((file, offset)) = region.image else { continue };
            for at in (0..region.len).filter(|at| !region.gone.contains(at)) {
                end.places.push((region.addr + at, (file, offset + at), How::Mapped));
            }
        }
        end.places.extend(self.filled.iter().map(|(addr, byte)| (*addr, *byte, How::Read)));
        self.end = Some(Box::new(end));
    }

    fn forget(&mut self, addresses: &BTreeSet<u64>) {
        self.filled.retain(|addr, _| !addresses.contains(addr));
        self.beside.retain(|addr| !addresses.contains(addr));
        self.locked.retain(|addr| !addresses.contains(addr));
    }

    fn release(&mut self, op: &Op, addresses: &BTreeSet<u64>) {
        if op.phase == Phase::Teardown && !self.locked.is_disjoint(addresses) {
            self.did.released.get_or_insert(op.seq);
        }
    }

    fn at(&self, region: RegionId, offset: u64) -> u64 {
        self.regions.get(&region).map_or(0, |known| known.addr) + offset
    }
}

impl<'w> Oracle<'w> {
    /// Plays a trace; what it comes to is asked for one plan after the other.
    pub fn play(world: &'w World, ops: &[Op]) -> Self {
        let mut oracle = Self {
            world,
            plan: LoadPlan::AUTO,
            strict: false,
            processes: BTreeMap::new(),
            loaders: Vec::new(),
            files: BTreeMap::new(),
            notices: BTreeSet::new(),
            any_mapping: false,
            direct_opens: 0,
            direct_granted: false,
            direct_refused: false,
        };
        ops.iter().for_each(|op| oracle.op(op));
        oracle.processes.values_mut().for_each(Process::close_load);
        oracle.loaders = oracle.find_loaders();
        oracle
    }

    fn op(&mut self, op: &Op) {
        let process = self.processes.entry(op.pid).or_default();
        process.did.last = op.seq;
        if op.phase == Phase::Teardown {
            process.close_load();
        }
        let granted = matches!(op.outcome, Outcome::Ok(_));
        let load = op.phase == Phase::Load;
        if matches!(op.call, Call::Open { direct: true, .. } | Call::SetDirect { direct: true, .. }) {
            self.direct_opens += 1;
            self.direct_granted |= load && granted;
            self.direct_refused |= load && !granted;
        }
        match &op.call {
            Call::Open { file, path, .. } => {
                self.files.insert(*file, World::file_of(path));
                process.did.opened = true;
            }
            Call::Map { file, region, offset, len, addr, .. } => {
                self.any_mapping = true;
                if granted {
                    let file = self.files[file];
                    process.forget(&pages(*addr, *len));
                    process.did.mapped.extend((0..*len).map(|at| (file, offset + at)));
                    let (addr, len, gone) = (*addr, *len, BTreeSet::new());
                    process.regions.insert(*region, Region { addr, len, gone, image: Some((file, *offset)) });
                }
            }
            Call::Alloc { region, len, addr, .. } if granted => {
                process.forget(&pages(*addr, *len));
                let (addr, len, gone) = (*addr, *len, BTreeSet::new());
                process.regions.insert(*region, Region { addr, len, gone, image: None });
            }
            Call::Read { file, offset, direct, addr, .. } => {
                let Outcome::Ok(n) = op.outcome else { return };
                let file = self.files[file];
                let is_image = |r: &Region| r.image.is_some_and(|(of, _)| of == file);
                let stands = |r: &Region| (0..r.len).any(|at| !r.gone.contains(&at));
                let beside = process.regions.values().any(|r| is_image(r) && stands(r))
                    && !self.world.is_header(file, *offset..offset + n);
                for at in 0..n {
                    let byte = (file, offset + at);
                    process.did.read.insert(byte);
                    if *direct {
                        process.did.direct.insert(byte);
                    }
                    if load {
                        process.did.read_in_load.insert(byte);
                    }
                    if load && *direct {
                        process.did.direct_in_load.insert(byte);
                    }
                    match addr {
                        0 => process.did.lost |= self.world.weighs(byte),
                        addr => {
                            process.filled.insert(addr + at, byte);
                            match beside {
                                true => process.beside.insert(addr + at),
                                false => process.beside.remove(&(addr + at)),
                            };
                        }
                    }
                }
            }
            Call::Lock { region, offset, len } => {
                let addresses = pages(process.at(*region, *offset), *len);
                if granted {
                    process.locked.extend(&addresses);
                }
                process.did.locks.push((addresses, !granted));
            }
            Call::Unlock { region, offset, len } if granted => {
                let addresses = pages(process.at(*region, *offset), *len);
                process.release(op, &addresses);
                process.locked.retain(|addr| !addresses.contains(addr));
            }
            // Whole pages go, and what is in them.
            Call::Unmap { region, offset, len } if granted => {
                let base = process.at(*region, 0);
                let addresses = pages(base + offset, *len);
                process.release(op, &addresses);
                process.forget(&addresses);
                if let Some(known) = process.regions.get_mut(region) {
                    known.gone.extend(addresses.iter().map(|addr| addr - base));
                }
            }
            Call::Remap { region, len, addr } if granted => {
                let Some(known) = process.regions.get_mut(region) else { return };
                let (old, had) = (known.addr, known.len.div_ceil(PAGE) * PAGE);
                let keeps = len.div_ceil(PAGE) * PAGE;
                (known.addr, known.len) = (*addr, *len);
                if let Some((file, offset)) = known.image {
                    process.did.mapped.extend((0..*len).map(|at| (file, offset + at)));
                }
                let before = std::mem::take(process);
                process.did = before.did.clone();
                process.end = before.end.clone();
                process.regions = before.regions.clone();
                let moved = |at: u64| match at.checked_sub(old).filter(|inside| *inside < had) {
                    Some(inside) if inside < keeps => Some(addr + inside),
                    Some(_) => None,
                    None => Some(at),
                };
                process.locked = before.locked.iter().filter_map(|at| moved(*at)).collect();
                // What a locked region gains is locked too: `mremap(2)`.
                if had > 0 && before.locked.contains(&(old + had - 1)) {
                    process.locked.extend((had..keeps).map(|inside| addr + inside));
                }
                process.beside = before.beside.iter().filter_map(|at| moved(*at)).collect();
                process.filled =
                    before.filled.iter().filter_map(|(at, byte)| Some((moved(*at)?, *byte))).collect();
            }
            Call::Fork { child } => {
                let Process { regions, filled, beside, .. } = process.clone();
                let has_image = |r: &Region| r.image.is_some() && (r.gone.len() as u64) < r.len;
                let has_some = regions.values().any(has_image) || !filled.is_empty();
                let did = Deeds { copy_of: has_some.then_some(op.pid), ..Deeds::default() };
                self.processes.insert(*child, Process { regions, filled, beside, did, ..Process::default() });
            }
            Call::Exit { .. } => {
                process.close_load();
                process.did.exited = true;
                process.did.released.get_or_insert(op.seq);
            }
            Call::Notice(notice) => drop(self.notices.insert(notice.code)),
            _ => {}
        }
    }

    /// The processes that brought weights in: the one that brought most, or all of them if that one had not all
    /// that came.
    fn find_loaders(&self) -> Vec<ProcessId> {
        let own = |process: &Process| -> BTreeSet<Byte> {
            let all = process.did.mapped.union(&process.did.read).copied();
            all.filter(|byte| self.world.weighs(*byte)).collect()
        };
        let each: Vec<(ProcessId, BTreeSet<Byte>)> =
            self.processes.iter().map(|(pid, process)| (*pid, own(process))).collect();
        let all: BTreeSet<Byte> = each.iter().flat_map(|(_, bytes)| bytes.iter().copied()).collect();
        let most = each.iter().map(|(_, bytes)| bytes.len()).max().unwrap_or(0);
        if most == 0 {
            return Vec::new();
        }
        let one = each.iter().find(|(_, bytes)| bytes.len() == most).map(|(pid, _)| *pid);
        if all.len() == most {
            return one.into_iter().collect();
        }
        each.iter().filter(|(_, bytes)| !bytes.is_empty()).map(|(pid, _)| *pid).collect()
    }
}
