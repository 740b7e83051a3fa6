//! What was seen, until it is known what of it belongs into the trace.
//!
//! Whether a piece of anonymous memory is for weights shows only later, when something is read into
//! it or it is locked. So everything that happens to memory is noted in its place, and what proves
//! to be of no interest is left out in the end.

use std::collections::{BTreeMap, BTreeSet};

use crate::trace::{Call, FileId, NativeFlags, Observation, Op, Outcome, Phase, ProcessId, RegionId, Seen};

/// What came of one system call.
pub struct Note {
    /// The machine's number of the process.
    pub process: u32,
    pub tid: u64,
    pub call: Call,
    pub outcome: Outcome,
    pub origin: u64,
    pub start_ns: u64,
    pub dur_ns: u64,
    pub injected: bool,
    /// The memory without which this is of no interest.
    pub depends_on: Option<RegionId>,
    /// The memory that a read went into.
    pub into: Option<RegionId>,
}

/// What a region that maps a file shows.
#[derive(Clone, Debug)]
pub struct Image {
    pub file: FileId,
    /// Where its byte 0 lies in the file.
    pub offset: u64,
    pub flags: NativeFlags,
}

/// What was seen of memory, and when.
pub struct Sight {
    /// The machine's number of the process.
    pub process: u32,
    pub at_ns: u64,
    pub seen: Seen,
}

/// A trace, and where its operations come from.
pub struct Finished {
    pub ops: Vec<Op>,
    /// The origin of each operation.
    pub origins: Vec<u64>,
    pub observations: Vec<Observation>,
}

struct Memory {
    image: Option<Image>,
    /// It was locked, or something was read into it, or that may yet happen in another process.
    touched: bool,
    gone: bool,
    /// No call was seen to make it: a part of the heap, of a stack, of what an allocator shares out.
    met: bool,
}

#[derive(Default)]
pub struct Notes {
    notes: Vec<Note>,
    sights: Vec<Sight>,
    regions: Vec<Memory>,
    /// Which files are models.
    files: Vec<bool>,
    /// Memory that has moved to another region.
    moved: Vec<(RegionId, RegionId)>,
    compact_at: usize,
}

/// Notes kept before the first look for those of forgotten memory.
const COMPACT_FROM: usize = 1 << 16;

impl Notes {
    /// A file, of which it may show later that it is a model.
    pub fn next_file(&mut self, is_model: bool) -> FileId {
        self.files.push(is_model);
        FileId(u32::try_from(self.files.len() - 1).unwrap_or(u32::MAX))
    }

    /// The file is a model.
    pub fn set_model(&mut self, file: FileId) {
        if let Some(known) = self.files.get_mut(file.0 as usize) {
            *known = true;
        }
    }

    pub fn is_model(&self, file: FileId) -> bool {
        self.files.get(file.0 as usize).is_some_and(|model| *model)
    }

    /// A new region: an image of a file, or anonymous memory.
    pub(super) fn next_region(&mut self, image: Option<Image>) -> RegionId {
        self.regions.push(Memory { touched: image.is_some(), image, gone: false, met: false });
        RegionId(u32::try_from(self.regions.len() - 1).unwrap_or(u32::MAX))
    }

    /// A new region of anonymous memory that no call was seen to make.
    pub(super) fn met_region(&mut self) -> RegionId {
        let region = self.next_region(None);
        if let Some(memory) = self.memory(region) {
            memory.met = true;
        }
        region
    }

    /// Whether a call was seen to make the region.
    pub fn was_made(&self, region: RegionId) -> bool {
        self.regions.get(region.0 as usize).is_some_and(|memory| !memory.met)
    }

    fn memory(&mut self, region: RegionId) -> Option<&mut Memory> {
        self.regions.get_mut(region.0 as usize)
    }

    pub fn image(&self, region: RegionId) -> Option<&Image> {
        self.regions.get(region.0 as usize)?.image.as_ref()
    }

    pub fn is_map(&self, region: RegionId) -> bool {
        self.image(region).is_some()
    }

    /// The memory on which a note about `region` depends: none for the image of a file.
    pub(super) fn dependence(&self, region: RegionId) -> Option<RegionId> {
        (!self.is_map(region)).then_some(region)
    }

    /// No address belongs to the region any more.
    pub(super) fn gone(&mut self, region: RegionId) {
        if let Some(memory) = self.memory(region) {
            memory.gone = true;
        }
    }

    /// Another process has the region too: what happens to it there may make it one for weights.
    pub(super) fn shared(&mut self, region: RegionId) {
        if let Some(memory) = self.memory(region) {
            memory.touched = true;
        }
    }

    /// What was in one region is in another now.
    pub(super) fn moved(&mut self, from: RegionId, to: RegionId) {
        let touched = self.memory(from).is_some_and(|memory| memory.touched);
        if let Some(memory) = self.memory(to) {
            memory.touched |= touched;
        }
        self.moved.push((from, to));
    }

    pub(super) fn push(&mut self, note: Note) {
        let touches = match &note.call {
            Call::Lock { region, .. } if note.depends_on.is_none() => Some(*region),
            _ => note.into,
        };
        if let Some(memory) = touches.and_then(|region| self.memory(region)) {
            memory.touched = true;
        }
        self.notes.push(note);
        if self.notes.len() >= self.compact_at.max(COMPACT_FROM) {
            let regions = &self.regions;
            let forgotten = |region: RegionId| {
                regions.get(region.0 as usize).is_some_and(|memory| memory.gone && !memory.touched)
            };
            self.notes.retain(|note| !note.depends_on.is_some_and(forgotten));
            self.compact_at = 2 * self.notes.len();
        }
    }

    pub fn saw(&mut self, sight: Sight) {
        self.sights.push(sight);
    }

    /// Whether a note is about a model or about memory that is no image of another file.
    fn on_a_model(&self, note: &Note) -> bool {
        let image = note.call.region().and_then(|region| self.image(region)).map(|image| image.file);
        note.call.file().or(image).is_none_or(|file| self.is_model(file))
    }

    /// The trace: notes of interest, everything numbered by first appearance.
    pub(super) fn finish(mut self, header: impl FnOnce(&[Op]) -> Vec<bool>) -> Finished {
        let notes = std::mem::take(&mut self.notes);
        let notes: Vec<Note> = notes.into_iter().filter(|note| self.on_a_model(note)).collect();
        let (mut ops, wants): (Vec<Op>, Vec<_>) =
            notes.into_iter().map(|note| (op(&note), (note.depends_on, note.into))).unzip();
        let header = header(&ops);
        let mut weights: BTreeSet<RegionId> = BTreeSet::new();
        for ((op, header), (depends_on, into)) in ops.iter().zip(&header).zip(&wants) {
            match &op.call {
                Call::Read { .. } if !header => weights.extend(into),
                Call::Lock { region, .. } if depends_on.is_none() => {
                    weights.insert(*region);
                }
                _ => {}
            }
        }
        for (from, to) in &self.moved {
            if weights.contains(from) {
                weights.insert(*to);
            }
        }
        let mut wants = wants.into_iter();
        ops.retain(|_| {
            let (depends_on, _) = wants.next().unwrap_or_default();
            depends_on.is_none_or(|region| weights.contains(&region))
        });
        // What it looked at or changed is something that a process did, without a call.
        let of_interest = |sight: &&Sight| match &sight.seen {
            Seen::Touched { touched, .. } => !touched.is_empty(),
            Seen::Content { first_difference, .. } => first_difference.is_some(),
            _ => false,
        };
        let seen = self.sights.iter().filter(of_interest).map(|sight| sight.process).collect();
        leave_out_processes(&mut ops, &seen);
        // Until they are numbered, operations have their origin for a position.
        let origins = ops.iter().map(|op| op.seq).collect();
        let processes = renumber(&mut ops);
        let observations = self.sights.into_iter().filter_map(|Sight { process, at_ns, seen }| {
            let pid = *processes.get(&process)?;
            // Operations stand in the order in which they ended.
            let after = ops.partition_point(|op| op.start_ns.saturating_add(op.dur_ns) <= at_ns) as u64;
            Some(Observation { after, pid, seen })
        });
        let mut observations: Vec<Observation> = observations.collect();
        observations.sort_by_key(|observation| observation.after);
        Finished { ops, origins, observations }
    }
}

fn op(note: &Note) -> Op {
    Op {
        seq: note.origin,
        phase: Phase::Header,
        pid: note.process,
        thread: note.tid as u32,
        call: note.call.clone(),
        outcome: note.outcome.clone(),
        start_ns: note.start_ns,
        dur_ns: note.dur_ns,
        injected: note.injected,
    }
}

/// Leaves out the forks, execs and ends of processes that did nothing, were not `seen` to do anything and made none
/// that did, and execs that take nothing away. A child that outlives a parent which did something goes on with copies of what that
/// one had: it stays.
fn leave_out_processes(ops: &mut Vec<Op>, seen: &BTreeSet<ProcessId>) {
    let of_process = |call: &Call| matches!(call, Call::Fork { .. } | Call::Exec | Call::Exit { .. });
    let mut keep: BTreeSet<ProcessId> =
        ops.iter().filter(|op| !of_process(&op.call)).map(|op| op.pid).chain(seen.iter().copied()).collect();
    let ends = ops.iter().enumerate().filter(|(_, op)| matches!(op.call, Call::Exit { .. }));
    let ends: BTreeMap<ProcessId, usize> = ends.map(|(at, op)| (op.pid, at)).collect();
    for op in ops.iter() {
        if let Call::Fork { child } = op.call
            && keep.contains(&op.pid)
            && ends.get(&child).is_some_and(|end| ends.get(&op.pid).is_some_and(|first| first < end))
        {
            keep.insert(child);
        }
    }
    // A child is made before it makes another: the last fork comes first.
    for op in ops.iter().rev() {
        if let Call::Fork { child } = op.call
            && keep.contains(&child)
        {
            keep.insert(op.pid);
        }
    }
    // The processes that did something so far, or have copies of what others did.
    let mut active: BTreeSet<ProcessId> = BTreeSet::new();
    ops.retain(|op| match op.call {
        Call::Fork { child } => {
            if active.contains(&op.pid) {
                active.insert(child);
            }
            keep.contains(&child)
        }
        Call::Exec => keep.contains(&op.pid) && active.contains(&op.pid),
        Call::Exit { .. } => keep.contains(&op.pid),
        _ => {
            active.insert(op.pid);
            true
        }
    });
}

/// Numbers positions, processes, threads, files and regions by first appearance; the new numbers of the
/// processes.
fn renumber(ops: &mut [Op]) -> BTreeMap<ProcessId, u32> {
    fn next<K: Ord>(known: &mut BTreeMap<K, u32>, key: K) -> u32 {
        let count = u32::try_from(known.len()).unwrap_or(u32::MAX);
        *known.entry(key).or_insert(count)
    }
    let mut processes: BTreeMap<ProcessId, u32> = BTreeMap::new();
    for op in ops.iter() {
        next(&mut processes, op.pid);
    }
    let mut threads: BTreeMap<(ProcessId, u32), u32> = BTreeMap::new();
    let mut files: BTreeMap<FileId, u32> = BTreeMap::new();
    let mut regions: BTreeMap<RegionId, u32> = BTreeMap::new();
    for (seq, op) in (0..).zip(ops) {
        op.seq = seq;
        op.thread = next(&mut threads, (op.pid, op.thread));
        op.pid = next(&mut processes, op.pid);
        if let Some(file) = op.call.file_mut() {
            file.0 = next(&mut files, *file);
        }
        if let Some(region) = op.call.region_mut() {
            region.0 = next(&mut regions, *region);
        }
        if let Call::Fork { child } = &mut op.call {
            *child = next(&mut processes, *child);
        }
    }
    processes
}
