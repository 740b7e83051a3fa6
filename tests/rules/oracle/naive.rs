//! What a trace must come to, worked out byte by byte: small files, small pages, and a set or a map of single
//! bytes for everything. Nothing here knows how `src/rules` does it.

use std::collections::{BTreeMap, BTreeSet};

use loadparity::plan::{LoadPlan, OnRefused, Source};
use loadparity::trace::{Call, FileId, NoticeCode, Op, Outcome, Phase, ProcessId, RegionId};

use super::world::{PAGE, World};

/// A byte of a weight file.
pub type Byte = (usize, u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
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
struct Process {
    regions: BTreeMap<RegionId, Region>,
    /// What reads left at each address.
    filled: BTreeMap<u64, Byte>,
    locked: BTreeSet<u64>,
    // What it did; a child has done nothing yet.
    did: Deeds,
    /// Memory when its load was over.
    end: Option<Box<End>>,
}

#[derive(Clone, Debug, Default)]
struct Deeds {
    mapped: BTreeSet<Byte>,
    read: BTreeSet<Byte>,
    read_in_load: BTreeSet<Byte>,
    direct: BTreeSet<Byte>,
    direct_in_load: BTreeSet<Byte>,
    /// A read of weights went to an address that is not known.
    lost: bool,
    opened: bool,
    exited: bool,
    last: u64,
    /// Each lock that was tried: its addresses and whether it was refused.
    locks: Vec<(BTreeSet<u64>, bool)>,
}

#[derive(Clone, Debug, Default)]
struct End {
    /// Which bytes lie where, and how they came.
    places: Vec<(u64, Byte, How)>,
    locked: BTreeSet<u64>,
}

/// What a rule must say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    Holds,
    Broken,
    NotObserved,
}

pub struct Oracle<'w> {
    world: &'w World,
    pub plan: LoadPlan,
    /// Only reads of the load phase count, and any mapping breaks a plan to read.
    pub strict: bool,
    processes: BTreeMap<ProcessId, Process>,
    /// Those that brought weights in; known when all is played.
    loaders: Vec<ProcessId>,
    files: BTreeMap<FileId, usize>,
    notices: BTreeSet<NoticeCode>,
    any_mapping: bool,
    direct_opens: u64,
    /// Of those of the load: whether one was granted, and one refused.
    direct_granted: bool,
    direct_refused: bool,
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
        let mut end = End { places: Vec::new(), locked: self.locked.clone() };
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
        self.locked.retain(|addr| !addresses.contains(addr));
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
                        addr => drop(process.filled.insert(addr + at, byte)),
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
                process.locked.retain(|addr| !addresses.contains(addr));
            }
            // Whole pages go, and what is in them.
            Call::Unmap { region, offset, len } if granted => {
                let base = process.at(*region, 0);
                let addresses = pages(base + offset, *len);
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
                process.filled =
                    before.filled.iter().filter_map(|(at, byte)| Some((moved(*at)?, *byte))).collect();
            }
            Call::Fork { child } => {
                let Process { regions, filled, .. } = process.clone();
                self.processes.insert(*child, Process { regions, filled, ..Process::default() });
            }
            Call::Exit { .. } => {
                process.close_load();
                process.did.exited = true;
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

    fn of_loaders(&self) -> Vec<(ProcessId, &Process, &End)> {
        let one = |pid: ProcessId| {
            let process = &self.processes[&pid];
            (pid, process, &**process.end.as_ref().expect("every load is over"))
        };
        self.loaders.iter().copied().map(one).collect()
    }

    /// The tensor bytes for which something holds.
    fn all_for(&self, holds: impl Fn(Byte) -> bool) -> bool {
        self.world.tensor_bytes().iter().all(|byte| holds(*byte))
    }

    fn any_loader(&self, has: impl Fn(&Process, &End) -> bool) -> bool {
        self.of_loaders().iter().any(|(_, process, end)| has(process, end))
    }

    fn ever_mapped(&self, byte: Byte) -> bool {
        self.any_loader(|process, _| process.did.mapped.contains(&byte))
    }

    fn read(&self, byte: Byte) -> bool {
        self.any_loader(|process, _| process.did.read.contains(&byte))
    }

    fn placed(&self, byte: Byte, how: How) -> bool {
        self.any_loader(|_, end| end.places.iter().any(|(_, b, h)| *b == byte && *h == how))
    }

    fn count(&self, has: impl Fn(Byte) -> bool) -> usize {
        self.world.tensor_bytes().into_iter().filter(|byte| has(*byte)).count()
    }

    /// Where every byte of the weights lies.
    pub fn knows_places(&self) -> bool {
        self.of_loaders().iter().all(|(_, process, _)| !process.did.lost)
            && self.all_for(|byte| self.placed(byte, How::Mapped) || self.placed(byte, How::Read))
    }

    /// Whether direct I/O was refused to a plan that fails then.
    pub fn must_fail(&self) -> bool {
        self.refused_direct() && self.plan.on_refused == Some(OnRefused::Error)
    }

    fn refused_direct(&self) -> bool {
        self.plan.source == Source::Direct && self.direct_refused && !self.direct_granted
    }

    /// How the weights have to come: by a mapping, or by reads.
    fn maps(&self) -> bool {
        match self.plan.source {
            Source::Map => true,
            Source::Read => false,
            Source::Direct => self.refused_direct() && self.plan.on_refused == Some(OnRefused::Map),
            Source::Auto => !self.mostly_buffered(),
        }
    }

    /// Whether most of the weights came by buffered reads of the load, and stayed.
    fn mostly_buffered(&self) -> bool {
        let all = self.world.tensor_bytes().len();
        let mapped = self.count(|byte| self.ever_mapped(byte));
        let did = |has: fn(&Deeds) -> &BTreeSet<Byte>| {
            self.count(|byte| self.any_loader(|process, _| has(&process.did).contains(&byte)))
        };
        let (mut read, mut direct) = (did(|deeds| &deeds.read_in_load), did(|deeds| &deeds.direct_in_load));
        if mapped == 0 && read == 0 {
            (read, direct) = (did(|deeds| &deeds.read), did(|deeds| &deeds.direct));
        }
        let known = self.of_loaders().iter().all(|(_, process, _)| !process.did.lost);
        let stays = if known { self.count(|byte| self.placed(byte, How::Read)) } else { read };
        let live = self.count(|byte| self.placed(byte, How::Mapped));
        read > 0 && read >= mapped && !(live == all && stays < all) && direct <= read - direct
    }

    /// What a rule must say; `None` where the trace leaves open what lies where.
    pub fn says(&self, rule: &str) -> Option<Says> {
        let broken = |is: bool| Some(if is { Says::Broken } else { Says::Holds });
        let maps = self.maps();
        match rule {
            "weights-loaded" => Some(self.weights_loaded()),
            // A foreign loader may copy what it mapped and release it.
            "tensors-mapped" if !self.strict => broken(maps && !self.all_for(|byte| self.ever_mapped(byte))),
            "tensors-mapped" => broken(maps && !self.all_for(|byte| self.placed(byte, How::Mapped))),
            "tensors-read" => broken(
                !maps
                    && !self.all_for(|byte| {
                        self.any_loader(|process, _| {
                            let own = &process.did;
                            if self.strict { &own.read_in_load } else { &own.read }.contains(&byte)
                        })
                    }),
            ),
            "no-file-mapping" if maps => broken(false),
            "no-file-mapping" if self.strict => broken(self.any_mapping || self.used_from_mapping()),
            "no-file-mapping" => broken(self.used_from_mapping()),
            "reads-buffered" => broken(self.plan.source != Source::Direct && self.direct_opens > 0),
            "direct-attempted" => broken(self.plan.source == Source::Direct && self.direct_opens == 0),
            "tensors-locked" if !self.plan.lock => broken(false),
            "unrequested-lock" if self.plan.lock => broken(false),
            "tensors-locked" | "unrequested-lock" if !self.knows_places() => None,
            "tensors-locked" => Some(self.tensors_locked()),
            "unrequested-lock" => broken(self.unrequested_lock()),
            _ => panic!("no rule of the oracle: {rule}"),
        }
    }

    /// Whether a byte is mapped when the load is over, or was and came no other way.
    fn used_from_mapping(&self) -> bool {
        let used = |byte: Byte| {
            self.placed(byte, How::Mapped)
                || self.any_loader(|process, _| {
                    process.did.mapped.contains(&byte) && !process.did.read.contains(&byte)
                })
        };
        !self.all_for(|byte| !used(byte))
    }

    fn weights_loaded(&self) -> Says {
        let loaders = self.of_loaders();
        let last = loaders.iter().map(|(_, process, _)| process.did.last).max();
        let handed_over = last.is_some_and(|last| {
            loaders.iter().all(|(_, process, _)| process.did.exited)
                && self.processes.iter().any(|(pid, process)| {
                    !self.loaders.contains(pid) && process.did.opened && process.did.last > last
                })
        });
        if handed_over {
            return Says::NotObserved;
        }
        let brought = self.count(|byte| self.ever_mapped(byte) || self.read(byte));
        let all = self.world.tensor_bytes().len();
        // What is short by less is a matter of the rules on mapping and reading.
        if brought * 2 < all { Says::Broken } else { Says::Holds }
    }

    /// The memory of each byte that counts: where the plan has it come from, if it came that way at all.
    fn tensors_locked(&self) -> Says {
        if self.refused_lock() {
            let reported = self.notices.contains(&NoticeCode::LockRefused);
            return if reported { Says::Holds } else { Says::Broken };
        }
        let (first, second) = if self.maps() { (How::Mapped, How::Read) } else { (How::Read, How::Mapped) };
        let held = |byte: Byte, how: How| {
            self.any_loader(|_, end| {
                end.places.iter().any(|(at, b, h)| *b == byte && *h == how && end.locked.contains(at))
            })
        };
        let all = self
            .all_for(|byte| if self.placed(byte, first) { held(byte, first) } else { held(byte, second) });
        let locked: usize = self.of_loaders().iter().map(|(_, _, end)| end.locked.len()).sum();
        match (all, locked < self.world.tensor_bytes().len()) {
            (true, _) => Says::Holds,
            (false, true) => Says::Broken,
            // What was read may have been copied.
            (false, false) => {
                if self.maps() {
                    Says::Broken
                } else {
                    Says::NotObserved
                }
            }
        }
    }

    /// Addresses that hold weights in one process.
    fn holds_weights(&self, end: &End) -> BTreeSet<u64> {
        let weighs = end.places.iter().filter(|(_, byte, _)| self.world.weighs(*byte));
        weighs.map(|(at, ..)| *at).collect()
    }

    /// A lock beside or on weights that was refused and did not come later.
    fn refused_lock(&self) -> bool {
        self.of_loaders().iter().any(|(_, process, end)| {
            let weights = self.holds_weights(end);
            process.did.locks.iter().any(|(addresses, refused)| {
                let (Some(first), Some(last)) = (addresses.first(), addresses.last()) else { return false };
                let near = first.saturating_sub(PAGE)..last + 1 + PAGE;
                *refused
                    && weights.range(near).next().is_some()
                    && !addresses.iter().all(|addr| end.locked.contains(addr))
            })
        })
    }

    /// More than two pages, or half of a small model, in one stretch of locked memory.
    fn unrequested_lock(&self) -> bool {
        let enough = (2 * PAGE).min(self.world.tensor_bytes().len() as u64 / 2);
        self.of_loaders().iter().any(|(_, process, end)| {
            let weights = self.holds_weights(end);
            let mut tried: BTreeSet<u64> = end.locked.clone();
            tried.extend(process.did.locks.iter().flat_map(|(addresses, _)| addresses.iter().copied()));
            let mut run = 0;
            let mut before = None;
            for addr in tried {
                if before != Some(addr.wrapping_sub(1)) {
                    run = 0;
                }
                run += u64::from(weights.contains(&addr));
                before = Some(addr);
                if run > enough {
                    return true;
                }
            }
            false
        })
    }
}
