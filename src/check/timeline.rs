//! A recording as marks in time: what a picture of a load is drawn from.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::Range;

use super::calls::bytes;
use super::document::{
    Cached, Faulted, Lane, Mark, MarkKind, PhaseSpan, Timeline, TimelineDocument, TimelineFile, TraceSource,
};
use crate::rules::Evidence;
use crate::trace::{
    Call, FileId, FileIdentity, NoticeLevel, Observation, Op, Outcome, RegionId, Seen, TraceFile, Word,
};

/// Marks of one lane at most, if joining neighbours comes to that: more cannot be told apart in a picture.
const MOST_MARKS: usize = 2000;

/// The part of the whole time below which a gap between two calls does not show.
const INVISIBLE: u64 = 1000;

impl TimelineDocument {
    /// The timeline of a recording.
    #[must_use]
    pub fn of(trace: &TraceFile) -> Self {
        Self {
            schema: Self::SCHEMA.to_owned(),
            source: TraceSource::of(trace),
            timeline: Timeline::of(&trace.ops, &trace.observations),
        }
    }
}

impl Timeline {
    /// The timeline of one run, with the page cache before and after it where that was asked.
    #[must_use]
    pub fn of_run(run: &Evidence) -> Self {
        let mut timeline = Self::of(&run.ops, &[]);
        if let Some((before, after)) = run.cache {
            let at = [(0, before), (timeline.length_ns, after)];
            timeline.cached = at
                .map(|(at_ns, count)| Cached {
                    file: None,
                    at_ns,
                    pages: count.pages,
                    resident_pages: count.resident,
                })
                .to_vec();
        }
        timeline
    }

    /// The timeline of operations and of what was seen between them.
    #[must_use]
    pub fn of(ops: &[Op], observations: &[Observation]) -> Self {
        let mut builder = Builder::new(ops);
        for (at, op) in ops.iter().enumerate() {
            builder.op(at, op);
        }
        for observation in observations {
            builder.observation(observation);
        }
        builder.finish()
    }
}

/// A mapped or allocated region.
struct Region {
    file: Option<u32>,
    /// The first byte of the file.
    offset: u64,
    /// Bytes that are not released.
    left: u64,
    /// The mark of its mapping.
    mark: usize,
    /// Locks on it: the mark of each, and its range of the region.
    locks: Vec<(usize, Range<u64>)>,
}

impl Region {
    /// Takes out the locks that lie in a range.
    fn unlock(&mut self, range: &Range<u64>) -> Vec<usize> {
        let gone = |(_, lock): &(usize, Range<u64>)| range.start <= lock.start && lock.end <= range.end;
        let (gone, left) = std::mem::take(&mut self.locks).into_iter().partition(gone);
        self.locks = left;
        gone.into_iter().map(|(mark, _): (usize, Range<u64>)| mark).collect()
    }
}

struct Builder<'o> {
    ops: &'o [Op],
    /// When the first call began.
    origin: u64,
    timeline: Timeline,
    lanes: BTreeMap<Lane, u32>,
    by_identity: BTreeMap<(u64, u64), u32>,
    by_path: BTreeMap<String, u32>,
    by_open: BTreeMap<FileId, u32>,
    regions: BTreeMap<RegionId, Region>,
}

impl<'o> Builder<'o> {
    fn new(ops: &'o [Op]) -> Self {
        // A recording of the first schema has durations and no starts.
        let timed = ops.iter().any(|op| op.start_ns > 0);
        let origin = ops.iter().map(|op| op.start_ns).min().unwrap_or(0);
        let timeline = Timeline { timed, calls: ops.len() as u64, ..Timeline::default() };
        Self {
            ops,
            origin,
            timeline,
            lanes: BTreeMap::new(),
            by_identity: BTreeMap::new(),
            by_path: BTreeMap::new(),
            by_open: BTreeMap::new(),
            regions: BTreeMap::new(),
        }
    }

    /// When the call at a position began and ended.
    fn times(&self, at: usize) -> (u64, u64) {
        match self.ops.get(at) {
            Some(op) if self.timeline.timed => {
                let start = op.start_ns - self.origin;
                (start, start.saturating_add(op.dur_ns))
            }
            _ => (at as u64, at as u64 + 1),
        }
    }

    fn op(&mut self, at: usize, op: &Op) {
        let (start_ns, end_ns) = self.times(at);
        self.timeline.length_ns = self.timeline.length_ns.max(end_ns);
        let lane = Lane { process: op.pid, thread: op.thread };
        let next = u32::try_from(self.lanes.len()).unwrap_or(u32::MAX);
        let lanes = &mut self.timeline.lanes;
        let lane = *self.lanes.entry(lane).or_insert_with(|| {
            lanes.push(lane);
            next
        });
        self.phase(op, start_ns);
        let file = op.call.file().map(|id| self.file(id, &op.call));
        let (kind, text) = described(&op.call);
        let refused = match &op.outcome {
            Outcome::Err(errno) => Some(errno.name.to_string()),
            Outcome::Ok(_) => None,
        };
        let place = self.place(op, file);
        if let (Some((file, offset, len)), None) = (place, &refused) {
            let known = &mut self.timeline.files[file as usize];
            known.size_bytes = known.size_bytes.max(offset.saturating_add(len));
        }
        let mark = Mark {
            kind,
            lane,
            file: place.map(|(file, ..)| file).or(file),
            offset_bytes: place.map(|(_, offset, _)| offset),
            length_bytes: place.map_or_else(|| bytes(op), |(_, _, len)| len),
            start_ns,
            end_ns,
            held_until_ns: None,
            calls: 1,
            refused,
            injected: op.injected,
            text,
        };
        self.timeline.marks.push(mark);
        if matches!(op.outcome, Outcome::Ok(_)) {
            self.hold(&op.call, file, start_ns);
        }
    }

    fn phase(&mut self, op: &Op, start_ns: u64) {
        let phase = op.phase.word();
        let phases = &mut self.timeline.phases;
        match phases.last_mut() {
            Some(last) if last.phase == phase => {}
            last => {
                if let Some(last) = last {
                    last.end_ns = start_ns;
                }
                phases.push(PhaseSpan { phase: phase.to_owned(), start_ns, end_ns: start_ns });
            }
        }
    }

    /// The file of a call, met for the first time or not.
    fn file(&mut self, id: FileId, call: &Call) -> u32 {
        let (path, identity) = match call {
            Call::Open { path, identity, .. } => (path.as_str(), *identity),
            _ => match self.by_open.get(&id) {
                Some(file) => return *file,
                None => ("", None),
            },
        };
        let key = identity.map(|FileIdentity { device, inode, .. }| (device, inode));
        let known = match key {
            Some(key) => self.by_identity.get(&key).copied(),
            None => self.by_path.get(path).copied().filter(|_| !path.is_empty()),
        };
        let files = &mut self.timeline.files;
        let file = known.unwrap_or_else(|| {
            files.push(TimelineFile { path: path.to_owned(), size_bytes: 0 });
            u32::try_from(files.len() - 1).unwrap_or(u32::MAX)
        });
        if let Some(identity) = identity {
            files[file as usize].size_bytes = files[file as usize].size_bytes.max(identity.size);
        }
        self.by_open.insert(id, file);
        self.by_identity.extend(key.map(|key| (key, file)));
        self.by_path.entry(path.to_owned()).or_insert(file);
        file
    }

    /// The range of a file that a call is on.
    fn place(&mut self, op: &Op, file: Option<u32>) -> Option<(u32, u64, u64)> {
        let of_region = |region: &RegionId, offset: u64, len: u64| {
            let region = self.regions.get(region)?;
            Some((region.file?, region.offset.saturating_add(offset), len))
        };
        match &op.call {
            Call::Read { offset, len, .. } | Call::Write { offset, len, .. } => {
                let arrived = if let Outcome::Ok(arrived) = op.outcome { arrived } else { *len };
                Some((file?, *offset, arrived))
            }
            Call::Map { offset, len, .. } => Some((file?, *offset, *len)),
            Call::FileAdvise { offset, len, .. } => {
                let file = file?;
                // A length of 0 is to the end.
                let size = self.timeline.files[file as usize].size_bytes;
                Some((file, *offset, if *len == 0 { size.saturating_sub(*offset) } else { *len }))
            }
            Call::Lock { region, offset, len }
            | Call::Unlock { region, offset, len }
            | Call::Unmap { region, offset, len }
            | Call::MapAdvise { region, offset, len, .. } => of_region(region, *offset, *len),
            Call::Size { .. } => {
                if let (Outcome::Ok(size), Some(file)) = (&op.outcome, file) {
                    let known = &mut self.timeline.files[file as usize].size_bytes;
                    *known = (*known).max(*size);
                }
                None
            }
            _ => None,
        }
    }

    /// What is held from a call on, and until when.
    fn hold(&mut self, call: &Call, file: Option<u32>, start_ns: u64) {
        let mark = self.timeline.marks.len() - 1;
        let marks = &mut self.timeline.marks;
        let mut release = |held: usize| marks[held].held_until_ns = Some(start_ns);
        let range = |offset: u64, len: u64| offset..offset.saturating_add(len);
        match call {
            Call::Map { region, offset, len, .. } => {
                let made = Region { file, offset: *offset, left: *len, mark, locks: Vec::new() };
                self.regions.insert(*region, made);
            }
            Call::Alloc { region, len, .. } => {
                let made = Region { file: None, offset: 0, left: *len, mark, locks: Vec::new() };
                self.regions.insert(*region, made);
            }
            Call::Remap { region, len, .. } => {
                if let Some(region) = self.regions.get_mut(region) {
                    region.left = *len;
                }
            }
            Call::Lock { region, offset, len } => {
                if let Some(region) = self.regions.get_mut(region) {
                    region.locks.push((mark, range(*offset, *len)));
                }
            }
            Call::Unlock { region, offset, len } => {
                if let Some(region) = self.regions.get_mut(region) {
                    region.unlock(&range(*offset, *len)).into_iter().for_each(&mut release);
                }
            }
            Call::Unmap { region, offset, len } => {
                let Some(known) = self.regions.get_mut(region) else { return };
                known.unlock(&range(*offset, *len)).into_iter().for_each(&mut release);
                known.left = known.left.saturating_sub(*len);
                if known.left == 0 {
                    release(known.mark);
                    self.regions.remove(region);
                }
            }
            _ => {}
        }
    }

    fn observation(&mut self, Observation { after, seen, .. }: &Observation) {
        let before = usize::try_from(*after).ok().and_then(|after| after.checked_sub(1));
        let at_ns = before.map_or(0, |before| self.times(before.min(self.ops.len())).1);
        let at_ns = at_ns.min(self.timeline.length_ns);
        match seen {
            Seen::Cache { path, pages, resident } => {
                let file = self.by_path.get(path).copied();
                let cached = Cached { file, at_ns, pages: *pages, resident_pages: *resident };
                self.timeline.cached.push(cached);
            }
            Seen::Touched { path, touched, .. } => {
                let Some(file) = self.by_path.get(path).copied() else { return };
                let gap = self.timeline.files[file as usize].size_bytes / INVISIBLE;
                let mut ranges: Vec<[u64; 2]> = Vec::new();
                for range in touched {
                    match ranges.last_mut() {
                        Some(last) if range.start <= last[1].saturating_add(gap) => {
                            last[1] = last[1].max(range.end);
                        }
                        _ => ranges.push([range.start, range.end]),
                    }
                }
                self.timeline.faulted.push(Faulted { file, at_ns, ranges_bytes: ranges });
            }
            _ => {}
        }
    }

    fn finish(mut self) -> Timeline {
        let length = self.timeline.length_ns;
        if let Some(last) = self.timeline.phases.last_mut() {
            last.end_ns = length;
        }
        self.timeline.marks.sort_by_key(|mark| mark.start_ns);
        self.timeline.marks = joined(std::mem::take(&mut self.timeline.marks), length);
        self.timeline
    }
}

/// The kind of a call, and what is to be said of it.
fn described(call: &Call) -> (MarkKind, String) {
    let text = |text: &str| text.to_owned();
    match call {
        Call::Open { direct, .. } => (MarkKind::Open, text(if *direct { "direct" } else { "" })),
        Call::Read { direct: true, .. } => (MarkKind::DirectRead, String::new()),
        Call::Read { .. } => (MarkKind::Read, String::new()),
        Call::Write { .. } => (MarkKind::Write, String::new()),
        Call::Resize { .. } => (MarkKind::Write, text("resize")),
        Call::Map { populate, .. } => (MarkKind::Map, text(if *populate { "populated" } else { "" })),
        Call::Lock { .. } => (MarkKind::Lock, String::new()),
        Call::FileAdvise { advice, .. } | Call::MapAdvise { advice, .. } => {
            (MarkKind::Advice, text(advice.word()))
        }
        Call::Alloc { .. } => (MarkKind::Alloc, String::new()),
        Call::Unlock { .. } | Call::Unmap { .. } | Call::Close { .. } => {
            (MarkKind::Release, text(call.word()))
        }
        Call::Notice(notice) => {
            let level = if notice.level == NoticeLevel::Warning { "warning" } else { "info" };
            (MarkKind::Notice, format!("{level}: {}", notice.text))
        }
        Call::Fork { child } => (MarkKind::Process, format!("fork of process {child}")),
        Call::Exec => (MarkKind::Process, text("exec")),
        Call::Exit { code } => (MarkKind::Process, format!("exit {code}")),
        Call::Native { name, .. } => (MarkKind::Other, name.clone()),
        _ => (MarkKind::Other, text(call.word())),
    }
}

/// Marks with neighbours joined: those that go on where the one before ended, and, where a lane has too many,
/// those of one kind that are close in time.
fn joined(marks: Vec<Mark>, length: u64) -> Vec<Mark> {
    let mut gap = length / INVISIBLE;
    let mut marks = pass(marks, |last, next| goes_on(last, next) && close(last, next, gap));
    let crowded = |marks: &[Mark]| {
        let mut lanes: BTreeMap<u32, usize> = BTreeMap::new();
        marks.iter().for_each(|mark| *lanes.entry(mark.lane).or_default() += 1);
        lanes.values().any(|count| *count > MOST_MARKS)
    };
    while crowded(&marks) && gap <= length {
        gap = gap.max(1) * 2;
        marks = pass(marks, |last, next| close(last, next, gap));
    }
    marks
}

/// Whether the second begins where the first ends in the file.
fn goes_on(last: &Mark, next: &Mark) -> bool {
    let end = last.offset_bytes.map(|offset| offset.saturating_add(last.length_bytes));
    let moves = [MarkKind::Read, MarkKind::DirectRead, MarkKind::Write, MarkKind::Lock];
    end.is_some() && end == next.offset_bytes && moves.contains(&last.kind)
}

fn close(last: &Mark, next: &Mark, gap: u64) -> bool {
    next.start_ns <= last.end_ns.saturating_add(gap) && next.held_until_ns == last.held_until_ns
}

/// One pass over the marks: each joins the last of its lane, file and kind, if it may. What was refused or injected,
/// a mapping and a notice stand for themselves.
fn pass(marks: Vec<Mark>, may: impl Fn(&Mark, &Mark) -> bool) -> Vec<Mark> {
    let mut kept: Vec<Mark> = Vec::with_capacity(marks.len());
    let mut last_of: BTreeMap<(u32, Option<u32>, MarkKind), usize> = BTreeMap::new();
    let alone = |mark: &Mark| {
        mark.refused.is_some()
            || mark.injected
            || matches!(mark.kind, MarkKind::Map | MarkKind::Notice | MarkKind::Process)
    };
    for mark in marks {
        let key = (mark.lane, mark.file, mark.kind);
        if alone(&mark) {
            kept.push(mark);
            continue;
        }
        match last_of.get(&key).map(|at| &mut kept[*at]).filter(|last| may(last, &mark)) {
            Some(last) => join(last, &mark),
            None => {
                last_of.insert(key, kept.len());
                kept.push(mark);
            }
        }
    }
    kept
}

/// Makes one mark stand for another one too.
fn join(last: &mut Mark, next: &Mark) {
    if let (Some(a), Some(b)) = (last.offset_bytes, next.offset_bytes) {
        let end = (a.saturating_add(last.length_bytes)).max(b.saturating_add(next.length_bytes));
        last.offset_bytes = Some(a.min(b));
        last.length_bytes = end - a.min(b);
    } else {
        last.length_bytes = last.length_bytes.saturating_add(next.length_bytes);
    }
    last.end_ns = last.end_ns.max(next.end_ns);
    last.calls += next.calls;
    if last.text != next.text {
        last.text.clear();
    }
}
