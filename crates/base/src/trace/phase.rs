//! Telling the phases of a load apart by its operations, where nobody says which is which: traces
//! of foreign loaders.
//!
//! A loader may open a model several times: to read the header, to find out whether the model fits
//! (with or without looking at the weights), to load it. What lies between an open and its close is
//! a *session*. The sessions of one path are told apart by what they did:
//!
//! - a session that maps the file, that brings in at least half of it, or of which a direct read
//!   was refused, has *moved weights*; a session that reads the front alone needs nearly the whole
//!   where another one has that (some small models are mostly vocabulary);
//! - a session that read from the front of the file and moved no weights is a **header** session;
//! - any other moved nothing worth speaking of: a **probe**.
//!
//! Each header session begins a new pass over the model. The last pass that moved weights is the
//! **load**, and with it the probes inside it (an open that was refused or given up in favour of
//! another); passes before it are **probes**, whatever they moved. If no session moved weights by
//! that measure, the last one that read anything but the front of the file is the load.
//!
//! Where no session is a header session, what a load does with a file before it maps it is **header**
//! too.
//!
//! What belongs to no file (allocations, locks, notices) belongs to the phase in whose time it
//! happened. After the load comes **run**; **teardown** begins with the call that gives the last of
//! a mapping back, or any of it once its file is closed.

use std::collections::{BTreeMap, BTreeSet};

use super::span::{subtract, union};
use super::{Advice, Call, FileId, Op, Outcome, Phase, RegionId};

/// Sets the phase of every operation.
pub fn tell_phases(ops: &mut [Op]) {
    let sessions = sessions(ops);
    let of_file: BTreeMap<FileId, Phase> = phases(&sessions);
    let load: BTreeSet<FileId> =
        of_file.iter().filter(|(_, phase)| **phase == Phase::Load).map(|(file, _)| *file).collect();
    let Some(bounds) = Bounds::of(ops, &load) else {
        for op in ops {
            op.phase = op.call.file().and_then(|f| of_file.get(&f).copied()).unwrap_or(Phase::Probe);
        }
        return;
    };
    let mapped_at = headers_of_maps(ops, &of_file);
    let mut after = After { regions: bounds.regions.clone(), ..After::default() };
    for (at, op) in ops.iter_mut().enumerate() {
        let own = op.call.file().and_then(|f| of_file.get(&f).copied());
        op.phase = match own {
            Some(phase) if phase != Phase::Load => phase,
            _ if op.call.file().is_some_and(|f| mapped_at.get(&f).is_some_and(|map| at < *map)) => {
                Phase::Header
            }
            _ if at < bounds.start => Phase::Probe,
            _ if at <= bounds.end => {
                after.note(&op.call);
                Phase::Load
            }
            _ => after.phase(&op.call, &load),
        };
    }
}

/// Where each file of the load is first mapped, if no session of its own read its header: what was
/// done with the file before is about the header.
fn headers_of_maps(ops: &[Op], of_file: &BTreeMap<FileId, Phase>) -> BTreeMap<FileId, usize> {
    let mut mapped_at = BTreeMap::new();
    if of_file.values().any(|phase| *phase == Phase::Header) {
        return mapped_at;
    }
    for (at, op) in ops.iter().enumerate() {
        if let Call::Map { file, .. } = &op.call {
            mapped_at.entry(*file).or_insert(at);
        }
    }
    mapped_at
}

/// What lies between an open and its close.
struct Session {
    file: FileId,
    path: String,
    arrived: Vec<(u64, u64)>,
    mapped: bool,
    direct_read_refused: bool,
    /// The size of the file as it was told or mapped; 0 if neither.
    size: u64,
}

impl Session {
    /// One past the last byte that the session knows of.
    fn end(&self) -> u64 {
        self.arrived.last().map_or(0, |(_, end)| *end).max(self.size)
    }

    fn read(&self) -> u64 {
        self.arrived.iter().map(|(start, end)| end - start).sum()
    }

    /// Whether all but a twentieth of the file was brought in, in whatever way.
    fn has_nearly_all(&self, size: u64) -> bool {
        self.mapped || self.read() >= size - size / 20
    }

    /// Whether it read the front of the file, perhaps the last piece, and nothing between.
    fn front_alone(&self, size: u64) -> bool {
        match self.arrived[..] {
            [(0, _)] => true,
            [(0, _), (_, end)] => end == size,
            _ => false,
        }
    }
}

/// The sessions in order of their first operation. A file whose open is not in the trace has a
/// session all the same, under a name of its own.
fn sessions(ops: &[Op]) -> Vec<Session> {
    let mut sessions: Vec<Session> = Vec::new();
    let mut index: BTreeMap<FileId, usize> = BTreeMap::new();
    for op in ops {
        let Some(file) = op.call.file() else { continue };
        let place = *index.entry(file).or_insert_with(|| {
            let path = match &op.call {
                Call::Open { path, .. } => path.clone(),
                _ => format!("\0{}", file.0),
            };
            sessions.push(Session {
                file,
                path,
                arrived: Vec::new(),
                mapped: false,
                direct_read_refused: false,
                size: 0,
            });
            sessions.len() - 1
        });
        let session = &mut sessions[place];
        match (&op.call, &op.outcome) {
            (Call::Read { offset, .. }, Outcome::Ok(n)) => {
                session.arrived.push((*offset, offset.saturating_add(*n)));
            }
            (Call::Read { direct: true, .. }, Outcome::Err(_)) => session.direct_read_refused = true,
            (Call::Map { offset, len, .. }, _) => {
                session.mapped = true;
                session.size = session.size.max(offset.saturating_add(*len));
            }
            (Call::Size { .. }, Outcome::Ok(size)) => session.size = session.size.max(*size),
            _ => {}
        }
    }
    for session in &mut sessions {
        session.arrived = union(std::mem::take(&mut session.arrived));
    }
    sessions
}

/// What a session did, by itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Did {
    Moved,
    Header,
    Nothing,
}

/// The phase of each file.
fn phases(sessions: &[Session]) -> BTreeMap<FileId, Phase> {
    let mut by_path: BTreeMap<&str, Vec<&Session>> = BTreeMap::new();
    for session in sessions {
        by_path.entry(&session.path).or_default().push(session);
    }
    let mut phases = BTreeMap::new();
    for sessions in by_path.values() {
        let size = sessions.iter().map(|s| s.end()).max().unwrap_or(0);
        let whole = sessions.iter().any(|s| s.has_nearly_all(size));
        let did: Vec<Did> = sessions.iter().map(|s| did(s, size, whole)).collect();
        // The pass each session belongs to; a header session begins one.
        let mut pass = 0;
        let passes: Vec<usize> = did
            .iter()
            .map(|did| {
                pass += usize::from(*did == Did::Header);
                pass
            })
            .collect();
        let moving = did.iter().rposition(|did| *did == Did::Moved);
        let last = moving.or_else(|| sessions.iter().rposition(|s| s.read() > 0 && !s.front_alone(size)));
        for (i, session) in sessions.iter().enumerate() {
            let phase = match last {
                Some(last) if passes[i] == passes[last] && (did[i] != Did::Header || i == last) => {
                    Phase::Load
                }
                _ if did[i] == Did::Header => Phase::Header,
                _ => Phase::Probe,
            };
            phases.insert(session.file, phase);
        }
    }
    phases
}

fn did(session: &Session, size: u64, whole: bool) -> Did {
    let enough = if whole && session.front_alone(size) {
        session.has_nearly_all(size)
    } else {
        session.read() >= size.div_ceil(2)
    };
    if session.mapped || session.direct_read_refused || (size > 0 && enough) {
        Did::Moved
    } else if session.arrived.first().is_some_and(|(start, _)| *start == 0) {
        Did::Header
    } else {
        Did::Nothing
    }
}

/// Where the load begins and ends in the trace.
#[derive(Default)]
struct Bounds {
    start: usize,
    end: usize,
    /// The mappings of the load.
    regions: BTreeMap<RegionId, Vec<(u64, u64)>>,
    /// Bytes that its reads brought.
    read: u64,
    /// Whether its last file was closed, so far.
    closed: bool,
}

impl Bounds {
    fn of(ops: &[Op], load: &BTreeSet<FileId>) -> Option<Self> {
        let mut bounds: Option<Self> = None;
        for (at, op) in ops.iter().enumerate() {
            let of_load = op.call.file().is_some_and(|file| load.contains(&file));
            if of_load && bounds.is_none() {
                bounds = Some(Self { start: at, end: at, ..Self::default() });
            }
            let Some(bounds) = &mut bounds else { continue };
            let ok = matches!(op.outcome, Outcome::Ok(_));
            let moves = match &op.call {
                Call::Map { region, len, .. } if of_load => {
                    if ok {
                        bounds.regions.insert(*region, vec![(0, *len)]);
                    }
                    true
                }
                Call::Read { .. } => {
                    if let (true, Outcome::Ok(n)) = (of_load, &op.outcome) {
                        bounds.read = bounds.read.saturating_add(*n);
                    }
                    of_load
                }
                Call::Open { .. } if of_load => {
                    bounds.closed = false;
                    true
                }
                Call::Close { .. } if of_load => {
                    bounds.closed = true;
                    false
                }
                Call::FileAdvise { .. } => of_load,
                // Memory of other kinds is locked for the weights if that happens while they come
                // in, or if it can hold the greater part of them.
                Call::Lock { region, len, .. } => {
                    bounds.regions.contains_key(region)
                        || !bounds.closed
                        || (bounds.read > 0 && *len >= bounds.read / 2)
                }
                Call::MapAdvise { region, advice, .. } => {
                    bounds.regions.contains_key(region) && *advice != Advice::DontNeed
                }
                _ => false,
            };
            if moves {
                bounds.end = at;
            }
        }
        bounds
    }
}

/// What is left after the load.
#[derive(Default)]
struct After {
    regions: BTreeMap<RegionId, Vec<(u64, u64)>>,
    closed: bool,
    teardown: bool,
}

impl After {
    /// Keeps count of what the load itself gives back.
    fn note(&mut self, call: &Call) {
        match call {
            Call::Unmap { region, offset, len } => self.give_back(*region, *offset, *len),
            Call::Close { .. } => self.closed = true,
            _ => {}
        }
    }

    fn give_back(&mut self, region: RegionId, offset: u64, len: u64) {
        if let Some(live) = self.regions.get_mut(&region) {
            *live = subtract(live, (offset, offset.saturating_add(len)));
        }
    }

    /// The phase of a call after the last one that moved anything.
    fn phase(&mut self, call: &Call, load: &BTreeSet<FileId>) -> Phase {
        match call {
            Call::Unmap { region, offset, len } => {
                self.give_back(*region, *offset, *len);
                let gone = self.regions.get(region).is_none_or(Vec::is_empty);
                self.teardown |= gone || self.closed;
            }
            Call::Unlock { .. } => self.teardown = true,
            Call::Close { file } if load.contains(file) && !self.teardown => {
                self.closed = true;
                return Phase::Load;
            }
            Call::Close { .. } => self.teardown = true,
            _ if !self.teardown => return Phase::Run,
            _ => {}
        }
        if self.teardown { Phase::Teardown } else { Phase::Load }
    }
}
