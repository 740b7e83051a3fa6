//! What was seen, until it is known what of it belongs into the trace.
//!
//! Whether a piece of anonymous memory is for weights shows only later, when something is read into
//! it or it is locked. So everything that happens to memory is noted in its place, and what proves
//! to be of no interest is left out in the end.

use std::collections::{BTreeMap, BTreeSet};

use libc::pid_t;

use crate::trace::{Call, FileId, Op, Outcome, Phase, RegionId};
use crate::tracer::phase::header_reads;
use crate::tracer::{Layout, assign_phases};

/// What came of one system call.
pub(super) struct Note {
    pub(super) tid: pid_t,
    pub(super) call: Call,
    pub(super) outcome: Outcome,
    pub(super) dur_ns: u64,
    pub(super) injected: bool,
    /// The memory without which this is of no interest.
    pub(super) depends_on: Option<RegionId>,
    /// The memory that a read went into.
    pub(super) into: Option<RegionId>,
}

struct Memory {
    is_map: bool,
    /// It was locked, or something was read into it.
    touched: bool,
    gone: bool,
}

#[derive(Default)]
pub(super) struct Notes {
    notes: Vec<Note>,
    regions: Vec<Memory>,
    files: u32,
    compact_at: usize,
}

/// Notes kept before the first look for those of forgotten memory.
const COMPACT_FROM: usize = 1 << 16;

impl Notes {
    pub(super) fn next_file(&mut self) -> FileId {
        self.files += 1;
        FileId(self.files - 1)
    }

    /// A new region: an image of a model, or anonymous memory.
    pub(super) fn next_region(&mut self, is_map: bool) -> RegionId {
        self.regions.push(Memory { is_map, touched: is_map, gone: false });
        RegionId(u32::try_from(self.regions.len() - 1).unwrap_or(u32::MAX))
    }

    fn memory(&mut self, region: RegionId) -> Option<&mut Memory> {
        self.regions.get_mut(region.0 as usize)
    }

    pub(super) fn is_map(&self, region: RegionId) -> bool {
        self.regions.get(region.0 as usize).is_some_and(|memory| memory.is_map)
    }

    /// The memory on which a note about `region` depends: none for the image of a model.
    pub(super) fn dependence(&self, region: RegionId) -> Option<RegionId> {
        (!self.is_map(region)).then_some(region)
    }

    /// No address belongs to the region any more.
    pub(super) fn gone(&mut self, region: RegionId) {
        if let Some(memory) = self.memory(region) {
            memory.gone = true;
        }
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

    /// The trace: notes of interest, everything numbered by first appearance, in phases.
    pub(super) fn finish(self, layouts: &BTreeMap<String, Layout>) -> Vec<Op> {
        let (mut ops, wants): (Vec<Op>, Vec<_>) = self
            .notes
            .into_iter()
            .map(|note| (op(&note), note))
            .map(|(op, n)| (op, (n.depends_on, n.into)))
            .unzip();
        let header = header_reads(&ops, layouts);
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
        let mut wants = wants.into_iter();
        ops.retain(|_| {
            let (depends_on, _) = wants.next().unwrap_or_default();
            depends_on.is_none_or(|region| weights.contains(&region))
        });
        renumber(&mut ops);
        assign_phases(&mut ops, layouts);
        ops
    }
}

fn op(note: &Note) -> Op {
    Op {
        seq: 0,
        phase: Phase::Header,
        pid: 0,
        thread: note.tid.cast_unsigned(),
        call: note.call.clone(),
        outcome: note.outcome.clone(),
        start_ns: 0,
        dur_ns: note.dur_ns,
        injected: note.injected,
    }
}

/// Numbers positions, threads and regions by first appearance.
fn renumber(ops: &mut [Op]) {
    let mut threads: BTreeMap<u32, u32> = BTreeMap::new();
    let mut regions: BTreeMap<RegionId, RegionId> = BTreeMap::new();
    for (seq, op) in (0..).zip(ops) {
        op.seq = seq;
        let next = u32::try_from(threads.len()).unwrap_or(u32::MAX);
        op.thread = *threads.entry(op.thread).or_insert(next);
        let region = match &mut op.call {
            Call::Map { region, .. }
            | Call::Alloc { region, .. }
            | Call::MapAdvise { region, .. }
            | Call::Lock { region, .. }
            | Call::Unlock { region, .. }
            | Call::Remap { region, .. }
            | Call::Unmap { region, .. }
            | Call::Native { region: Some(region), .. } => region,
            _ => continue,
        };
        let next = RegionId(u32::try_from(regions.len()).unwrap_or(u32::MAX));
        *region = *regions.entry(*region).or_insert(next);
    }
}
