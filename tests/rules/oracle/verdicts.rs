//! What each rule must say of a trace that was played.

use std::collections::BTreeSet;

use loadparity::plan::{OnRefused, Source};
use loadparity::trace::{NoticeCode, ProcessId};

use super::naive::{Byte, Deeds, End, How, Oracle, Process};
use super::world::PAGE;

/// What a rule must say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    Holds,
    Broken,
    NotObserved,
}

impl Oracle<'_> {
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

    /// Whether the loaders ended, and after them one of `others` was still there.
    fn outlived_by(&self, others: impl Fn(&Process) -> bool) -> bool {
        let loaders = self.of_loaders();
        let last = loaders.iter().map(|(_, process, _)| process.did.last).max();
        last.is_some_and(|last| {
            loaders.iter().all(|(_, process, _)| process.did.exited)
                && self.processes.iter().any(|(pid, process)| {
                    !self.loaders.contains(pid) && others(process) && process.did.last > last
                })
        })
    }

    /// Whether a copy of a loader's memory goes on when the locks of all of them are released.
    fn used_without_locks(&self) -> bool {
        let released: Vec<_> = self.of_loaders().iter().map(|(_, process, _)| process.did.released).collect();
        let copy = |process: &Process| process.did.copy_of.is_some_and(|of| self.loaders.contains(&of));
        released.iter().all(Option::is_some)
            && self.processes.iter().any(|(pid, process)| {
                !self.loaders.contains(pid)
                    && copy(process)
                    && released.iter().max().is_some_and(|last| Some(process.did.last) > *last)
            })
    }

    fn weights_loaded(&self) -> Says {
        if self.outlived_by(|process| process.did.opened) {
            return Says::NotObserved;
        }
        let brought = self.count(|byte| self.ever_mapped(byte) || self.read(byte));
        let all = self.world.tensor_bytes().len();
        // What is short by less is a matter of the rules on mapping and reading.
        if brought * 2 < all { Says::Broken } else { Says::Holds }
    }

    /// More than a sixteenth of the weights lies without a lock where it was read to beside the mapping.
    fn read_beside(&self) -> bool {
        let all = self.world.tensor_bytes();
        let beside = |byte: Byte| {
            self.any_loader(|_, end| {
                let free = |at: &u64| end.beside.contains(at) && !end.locked.contains(at);
                end.places.iter().any(|(at, b, how)| *b == byte && *how == How::Read && free(at))
            })
        };
        self.maps() && all.iter().filter(|byte| beside(**byte)).count() > all.len() / 16
    }

    /// The memory of each byte that counts: where the plan has it come from, if it came that way at all.
    fn tensors_locked(&self) -> Says {
        if self.refused_lock() {
            let reported = self.notices.contains(&NoticeCode::LockRefused);
            return if reported { Says::Holds } else { Says::Broken };
        }
        if self.outlived_by(|process| process.did.opened) {
            return Says::NotObserved;
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
            (true, _) if self.used_without_locks() || self.read_beside() => Says::NotObserved,
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
