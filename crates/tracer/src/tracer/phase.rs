//! Which part of a load an operation belongs to, told from what the operations do.
//!
//! A recorder is told by the loader; a tracer has to infer it. [`assign_phases`] states the rules.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use rangemap::RangeSet;

use crate::layout::FileLayout;
use crate::trace::{Call, ErrorKind, FileId, Op, Outcome, Phase, RegionId};

/// The longest read that still counts as a look at the end of the file, in bytes.
const GLANCE: u64 = 64 << 10;

/// Where the weights lie in a model file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// The first byte behind the header.
    pub data_start: u64,
    /// The size of the file in bytes.
    pub file_size: u64,
    /// The bytes of every tensor.
    pub tensors: RangeSet<u64>,
}

impl Layout {
    /// As the header of a file states it.
    #[must_use]
    pub fn of(layout: &FileLayout) -> Self {
        let ranges = layout.tensors.iter().map(|tensor| tensor.range.clone()).filter(|r| !r.is_empty());
        Self { data_start: layout.data_start, file_size: layout.file_size, tensors: ranges.collect() }
    }

    /// Whether at least half of the tensor bytes lie before an offset.
    fn has_most_up_to(&self, end: u64) -> bool {
        self.has_most_in(0..end)
    }

    /// Whether at least half of the tensor bytes lie in a stretch.
    fn has_most_in(&self, part: Range<u64>) -> bool {
        let len = |range: &Range<u64>| range.end - range.start;
        let inside = |range: &Range<u64>| range.end.min(part.end).saturating_sub(range.start.max(part.start));
        let bytes = self.tensors.iter().map(inside).sum::<u64>();
        bytes > 0 && 2 * bytes >= self.tensors.iter().map(len).sum()
    }

    fn touches(&self, offset: u64, len: u64) -> bool {
        let range = offset..offset.saturating_add(len);
        !range.is_empty() && self.tensors.overlaps(&range)
    }
}

/// Marks the reads that read the header: those that continue from the start of the file, within
/// one open, until the weights are reached. The last of them may run into the weights.
///
/// If nothing else moves weights, what brings most of them is no header read: a whole file in one call, or in one
/// and a last short one.
pub(super) fn header_reads(ops: &[Op], layouts: &BTreeMap<String, Layout>) -> Vec<bool> {
    let mut of: BTreeMap<FileId, &Layout> = BTreeMap::new();
    let mut frontier: BTreeMap<FileId, u64> = BTreeMap::new();
    let mut marks = vec![false; ops.len()];
    let mut others = false;
    for (mark, op) in marks.iter_mut().zip(ops) {
        match &op.call {
            Call::Open { file, path, .. } => {
                if let Some(layout) = layouts.get(path) {
                    of.insert(*file, layout);
                }
            }
            Call::Read { file, offset, len, .. } => {
                let Some(layout) = of.get(file) else { continue };
                let known = frontier.entry(*file).or_default();
                if *offset <= *known && *known < layout.data_start {
                    *mark = true;
                    *known = (*known).max(offset.saturating_add(arrived(op)));
                } else {
                    others |= layout.touches(*offset, *len) && !is_glance(op, layout);
                }
            }
            Call::Map { file, offset, len, .. } => {
                others |= of.get(file).is_some_and(|layout| layout.touches(*offset, *len));
            }
            _ => {}
        }
    }
    if !others {
        for (mark, op) in marks.iter_mut().zip(ops).filter(|(mark, _)| **mark) {
            let Call::Read { file, offset, .. } = op.call else { continue };
            let end = offset.saturating_add(arrived(op));
            *mark = !of.get(&file).is_some_and(|layout| layout.has_most_up_to(end));
        }
    }
    marks
}

fn arrived(op: &Op) -> u64 {
    match op.outcome {
        Outcome::Ok(bytes) => bytes,
        Outcome::Err(_) => 0,
    }
}

/// A look at the last bytes of a file, as loaders take to learn its size. What brings most of the weights of a small file
/// is none.
fn is_glance(op: &Op, layout: &Layout) -> bool {
    let Call::Read { offset, len, .. } = op.call else { return false };
    let end = offset.saturating_add(arrived(op));
    len <= GLANCE && end >= layout.file_size && !layout.has_most_in(offset..end)
}

/// What one open of a model did.
#[derive(Default)]
struct Session {
    opened: usize,
    direct: bool,
    refused: bool,
    header: bool,
    loads: bool,
}

/// One model's operations, by their positions in the trace.
struct Model<'a> {
    layout: &'a Layout,
    ops: Vec<usize>,
    sessions: BTreeMap<FileId, Session>,
}

/// Tells the phases of a trace from what its operations do. `layouts` has the layout of each model
/// file by its path in the trace. The rules, for each model file by itself:
///
/// 1. A read is a *header read* if it continues from the start of the file, within one open, until
///    the weights are reached. An open *loads* if through it weights are mapped or read otherwise;
///    single short reads that end with the file do not count.
/// 2. The **load's own opens** begin with the last open that reads the header, up to and including
///    the first that loads. What stands before is **probe**: a pass that fits the model to memory
///    and gives it up again.
/// 3. From there on everything is **header** until the first operation that brings weights: a
///    mapping, a read that is no header read, advice, memory for weights, a lock, or the open of a
///    file that loads without reading a header. A direct open before it, refused or not, and
///    questions of alignment are **probe**: they find out what the platform can do.
/// 4. Then everything is **load**, trimming included: giving back pages of a mapping of which
///    others stay, before a close.
/// 5. Once all weights have come and every open that loaded is closed, a further open begins
///    **run**.
/// 6. **Teardown** begins where, after the last operation that brings or locks weights, memory
///    that holds weights is unlocked or given back.
///
/// Memory that is made ready before the model is first opened belongs to the **load**. Operations
/// on no model, forks, execs and ends of processes among them, take the phase of the operation before them.
pub fn assign_phases(ops: &mut [Op], layouts: &BTreeMap<String, Layout>) {
    let header = header_reads(ops, layouts);
    for model in models(ops, layouts, &header) {
        model.assign(ops, &header);
    }
    let mut last = Phase::Header;
    for op in ops {
        match op.call {
            Call::Native { file: None, region: None, .. }
            | Call::Notice(_)
            | Call::Fork { .. }
            | Call::Exec
            | Call::Exit { .. } => op.phase = last,
            _ => {}
        }
        last = op.phase;
    }
}

/// Sorts the operations by model: those on a file by its path, those on a region by the file that
/// it is an image of or that is read into it, else by the first model.
fn models<'a>(ops: &[Op], layouts: &'a BTreeMap<String, Layout>, header: &[bool]) -> Vec<Model<'a>> {
    let mut order: Vec<&str> = Vec::new();
    let mut files: BTreeMap<FileId, usize> = BTreeMap::new();
    let mut regions: BTreeMap<RegionId, usize> = BTreeMap::new();
    let mut memory: Vec<(u64, u64, RegionId)> = Vec::new();
    for op in ops {
        match &op.call {
            Call::Open { file, path, .. } if layouts.contains_key(path) => {
                let known = order.iter().position(|p| p == path);
                files.insert(*file, known.unwrap_or(order.len()));
                if known.is_none() {
                    order.push(path);
                }
            }
            Call::Map { file, region, .. } => {
                if let Some(model) = files.get(file) {
                    regions.insert(*region, *model);
                }
            }
            Call::Alloc { region, addr, len, .. } => memory.push((*addr, addr.saturating_add(*len), *region)),
            Call::Read { file, addr, .. } => {
                let Some(model) = files.get(file) else { continue };
                let into = memory.iter().rev().find(|(start, end, _)| (*start..*end).contains(addr));
                if let Some((.., region)) = into {
                    regions.entry(*region).or_insert(*model);
                }
            }
            _ => {}
        }
    }
    let new = |path: &&str| Model { layout: &layouts[*path], ops: Vec::new(), sessions: BTreeMap::new() };
    let mut models: Vec<Model<'a>> = order.iter().map(new).collect();
    for (at, op) in ops.iter().enumerate() {
        let model = match (op.call.file(), op.call.region()) {
            (Some(file), _) => files.get(&file).copied(),
            (None, Some(region)) => Some(regions.get(&region).copied().unwrap_or(0)),
            (None, None) => None,
        };
        if let Some(model) = model.and_then(|model| models.get_mut(model)) {
            model.ops.push(at);
            model.note(at, op, header[at]);
        }
    }
    models
}

impl Model<'_> {
    /// Learns from one operation what its open does.
    fn note(&mut self, at: usize, op: &Op, header: bool) {
        let Some(file) = op.call.file() else { return };
        let layout = self.layout;
        let session = self.sessions.entry(file).or_default();
        match &op.call {
            Call::Open { direct, .. } => {
                let refused = matches!(op.outcome, Outcome::Err(_));
                *session = Session { opened: at, direct: *direct, refused, ..Session::default() };
            }
            Call::Read { .. } if header => session.header = true,
            Call::Read { offset, len, .. } => {
                let asked = layout.touches(*offset, *len);
                let waited =
                    matches!(&op.outcome, Outcome::Err(errno) if errno.kind == ErrorKind::Interrupted);
                session.loads |= asked && !waited && !is_glance(op, layout);
            }
            Call::Map { offset, len, .. } => session.loads |= layout.touches(*offset, *len),
            _ => {}
        }
    }

    fn assign(&self, ops: &mut [Op], header: &[bool]) {
        let loading = self.sessions.values().filter(|s| s.loads).map(|s| s.opened).min();
        let Some(first_loading) = loading else {
            self.ops.iter().for_each(|&at| ops[at].phase = Phase::Header);
            return;
        };
        let headers = self.sessions.values().filter(|s| s.header && s.opened <= first_loading);
        let start = headers.map(|s| s.opened).max().unwrap_or(first_loading);
        let own = self.ops.iter().copied().filter(|at| *at >= start);
        let begin = own.clone().find(|&at| self.brings(&ops[at], header[at])).unwrap_or(start);
        let run = self.run_from(ops, header, begin);
        let teardown = self.teardown_from(ops, begin);
        let first_open = self.sessions.values().map(|s| s.opened).min().unwrap_or(0);
        for &at in &self.ops {
            ops[at].phase = if at < first_open {
                Phase::Load
            } else if at < start {
                Phase::Probe
            } else if at < begin {
                if self.asks(&ops[at]) { Phase::Probe } else { Phase::Header }
            } else if at >= teardown {
                Phase::Teardown
            } else if at >= run {
                Phase::Run
            } else {
                Phase::Load
            };
        }
    }

    /// Whether an operation begins the load.
    fn brings(&self, op: &Op, header: bool) -> bool {
        let session = op.call.file().and_then(|file| self.sessions.get(&file));
        let loads = session.is_some_and(|session| session.loads);
        match &op.call {
            Call::Open { .. } => session.is_some_and(|s| s.loads && !s.header && !s.direct),
            Call::Read { .. } => loads && !header,
            Call::FileAdvise { .. } | Call::Map { .. } => loads,
            Call::Alloc { .. } | Call::MapAdvise { .. } | Call::Lock { .. } => true,
            _ => false,
        }
    }

    /// Whether an operation before the load finds out what the platform can do.
    fn asks(&self, op: &Op) -> bool {
        let session = op.call.file().and_then(|file| self.sessions.get(&file));
        match &op.call {
            Call::Alignment { .. } | Call::MapHint { .. } => true,
            _ => session.is_some_and(|s| s.direct && !s.header),
        }
    }

    /// The first open after all weights have come and all opens that loaded are closed.
    fn run_from(&self, ops: &[Op], header: &[bool], begin: usize) -> usize {
        let mut missing = self.layout.tensors.clone();
        let mut open: BTreeSet<FileId> = BTreeSet::new();
        for &at in &self.ops {
            let op = &ops[at];
            match &op.call {
                Call::Open { .. } if at > begin && missing.is_empty() && open.is_empty() => return at,
                Call::Open { file, .. } if self.sessions.get(file).is_some_and(|s| s.loads && !s.refused) => {
                    open.insert(*file);
                }
                Call::Close { file } => {
                    open.remove(file);
                }
                Call::Map { offset, len, .. } if matches!(op.outcome, Outcome::Ok(_)) => {
                    remove(&mut missing, *offset..offset.saturating_add(*len));
                }
                Call::Read { offset, .. } if !header[at] => {
                    remove(&mut missing, *offset..offset.saturating_add(arrived(op)));
                }
                _ => {}
            }
        }
        usize::MAX
    }

    fn teardown_from(&self, ops: &[Op], begin: usize) -> usize {
        let busy = |call: &Call| {
            !matches!(call, Call::Unmap { .. } | Call::Unlock { .. } | Call::Close { .. } | Call::Size { .. })
        };
        let last = self.ops.iter().rev().find(|at| busy(&ops[**at].call)).copied().unwrap_or(begin);
        let last_close =
            self.ops.iter().rev().find(|at| matches!(ops[**at].call, Call::Close { .. })).copied();
        let mut live: BTreeMap<RegionId, RangeSet<u64>> = BTreeMap::new();
        let mut image: BTreeMap<RegionId, u64> = BTreeMap::new();
        for &at in &self.ops {
            match &ops[at].call {
                Call::Map { region, offset, len, .. } => {
                    image.insert(*region, *offset);
                    live.entry(*region).or_default().insert(0..(*len).max(1));
                }
                Call::Alloc { region, len, .. } => live.entry(*region).or_default().insert(0..(*len).max(1)),
                Call::Unmap { region, offset, len } => {
                    let left = live.entry(*region).or_default();
                    remove(left, *offset..offset.saturating_add(*len));
                    let weights = image.get(region).is_none_or(|file_offset| {
                        self.layout.touches(file_offset.saturating_add(*offset), *len)
                    });
                    let trims = !left.is_empty() && last_close.is_some_and(|close| close > at);
                    if at > last && weights && !trims {
                        return at;
                    }
                }
                Call::Unlock { .. } if at > last => return at,
                _ => {}
            }
        }
        usize::MAX
    }
}

fn remove(set: &mut RangeSet<u64>, range: Range<u64>) {
    if !range.is_empty() {
        set.remove(range);
    }
}

#[cfg(test)]
#[path = "phase_tests.rs"]
mod tests;
