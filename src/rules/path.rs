//! The code path of a command that is not ours: what each process did with each weight file, in tensor bytes.
//!
//! Where an allocator puts a buffer, in which pieces it is filled and in which steps a lock grows, changes with
//! the length of an argument and is no part of the path. So ranges become the tensor bytes that they hold, the
//! pieces of one kind become one step, and a lock is what it holds when the load is over. What remains: opens
//! and how they were asked for, bytes read and how often, what is mapped and how, locks, advice, writes, what
//! was refused.

use std::collections::BTreeMap;
use std::fmt;

use rangemap::RangeSet;

use super::fold::common;
use super::{Evidence, Weights};
use crate::trace::{
    Advice, Call, Cover, ErrorKind, FileId, MapWritable, Op, Outcome, Phase, ProcessId, RegionId, Word,
};

/// A path as lines: one a kind of step, in the order of first appearance, the processes that loaded first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandPath {
    /// The lines.
    pub steps: Vec<String>,
}

impl CommandPath {
    /// The path of a run.
    #[must_use]
    pub fn of(evidence: &Evidence) -> Self {
        let files = evidence.weights.files_of(&evidence.ops);
        let mut builders: BTreeMap<ProcessId, Builder<'_>> = BTreeMap::new();
        let images = images(&evidence.ops, &files);
        for op in &evidence.ops {
            let builder = builders.entry(op.pid).or_insert_with(|| Builder::new(&evidence.weights));
            builder.op(op, &files, &images);
        }
        let mut loaders = Vec::new();
        let mut others = Vec::new();
        for (pid, mut builder) in builders {
            if evidence.is_loader(pid) {
                builder.locks(evidence, pid);
                loaders.push(builder.lines());
            } else {
                others.push(builder.lines());
            }
        }
        others.retain(|lines| !lines.is_empty());
        // Processes that run side by side have no order.
        others.sort();
        let mut steps: Vec<String> = loaders.into_iter().flatten().collect();
        for lines in others {
            steps.push("another process:".to_owned());
            steps.extend(lines.into_iter().map(|line| format!("  {line}")));
        }
        Self { steps }
    }

    /// Whether two paths have the same steps, in whatever order.
    #[must_use]
    pub fn same_steps(&self, other: &Self) -> bool {
        self.sorted() == other.sorted()
    }

    fn sorted(&self) -> Vec<&String> {
        let mut steps: Vec<&String> = self.steps.iter().collect();
        steps.sort();
        steps
    }

    /// A short identity of the steps, whatever their order.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"loadparity.command-path/1\n");
        for step in self.sorted() {
            hasher.update(step.as_bytes());
            hasher.update(b"\n");
        }
        hasher.finalize().to_hex()[..12].to_owned()
    }

    /// The two paths side by side as a unified diff, `None` where they have the same steps.
    #[must_use]
    pub fn diff(&self, other: &Self) -> Option<String> {
        if self.same_steps(other) {
            return None;
        }
        let (a, b) = (self.to_string(), other.to_string());
        let diff = similar::TextDiff::from_lines(&a, &b);
        let lines = diff.iter_all_changes().map(|change| format!("{}{change}", change.tag()));
        Some(lines.collect())
    }
}

impl fmt::Display for CommandPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.steps.iter().try_for_each(|step| writeln!(f, "{step}"))
    }
}

/// What each region is an image of: the weight file and the offset of its first byte.
fn images(ops: &[Op], files: &BTreeMap<FileId, usize>) -> BTreeMap<RegionId, (usize, u64)> {
    let image = |op: &Op| match &op.call {
        Call::Map { file, region, offset, .. } => Some((*region, (*files.get(file)?, *offset))),
        _ => None,
    };
    ops.iter().filter_map(image).collect()
}

/// The kinds of steps; what else a step holds is gathered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Open { file: usize, direct: bool, writes: bool, refused: Option<ErrorKind> },
    Read { file: usize, direct: bool },
    ReadRefused { file: usize, direct: bool, kind: ErrorKind },
    Map { file: usize, writable: Option<bool>, populate: bool, refused: Option<ErrorKind> },
    FileAdvice { file: usize, advice: Advice },
    MapAdvice { file: usize, advice: Advice },
    Lock,
    LockRefused { kind: ErrorKind },
    Write { file: usize },
    Native { file: usize, name: String },
    Close { file: usize },
}

#[derive(Clone, Debug, Default)]
struct Gathered {
    times: u64,
    bytes: RangeSet<u64>,
    again: RangeSet<u64>,
}

struct Builder<'w> {
    weights: &'w Weights,
    order: Vec<Kind>,
    gathered: BTreeMap<Kind, Gathered>,
    locked: BTreeMap<usize, RangeSet<u64>>,
}

impl<'w> Builder<'w> {
    fn new(weights: &'w Weights) -> Self {
        Self { weights, order: Vec::new(), gathered: BTreeMap::new(), locked: BTreeMap::new() }
    }

    fn step(&mut self, kind: Kind) -> &mut Gathered {
        if !self.gathered.contains_key(&kind) {
            self.order.push(kind.clone());
        }
        let gathered = self.gathered.entry(kind).or_default();
        gathered.times += 1;
        gathered
    }

    fn op(&mut self, op: &Op, files: &BTreeMap<FileId, usize>, images: &BTreeMap<RegionId, (usize, u64)>) {
        let refused = match &op.outcome {
            Outcome::Ok(_) => None,
            Outcome::Err(errno) => Some(errno.kind),
        };
        let of = |id: &FileId| files.get(id).copied();
        let image = |region: &RegionId| images.get(region).copied();
        match &op.call {
            Call::Open { file, direct, .. } => {
                if let Some(file) = of(file) {
                    let writes = op.call.opens_for_writing();
                    self.step(Kind::Open { file, direct: *direct, writes, refused });
                }
            }
            Call::SetDirect { file, direct: true } => {
                if let Some(file) = of(file) {
                    self.step(Kind::Open { file, direct: true, writes: false, refused });
                }
            }
            Call::Read { file, offset, direct, .. } => {
                let (Some(file), direct) = (of(file), *direct) else { return };
                match (&op.outcome, refused) {
                    (_, Some(ErrorKind::Interrupted)) => {}
                    (_, Some(kind)) => drop(self.step(Kind::ReadRefused { file, direct, kind }).times),
                    (Outcome::Ok(n), None) if *n > 0 => {
                        let range = *offset..offset.saturating_add(*n);
                        let step = self.step(Kind::Read { file, direct });
                        let twice: Vec<_> = step.bytes.overlapping(&range).cloned().collect();
                        for known in twice {
                            step.again.insert(known.start.max(range.start)..known.end.min(range.end));
                        }
                        step.bytes.insert(range);
                    }
                    _ => {}
                }
            }
            Call::Map { file, offset, len, populate, .. } => {
                let Some(file) = of(file) else { return };
                let writable = op.call.maps_writable().map(|how| how == MapWritable::Shared);
                let kind = Kind::Map { file, writable, populate: *populate, refused };
                let range = *offset..offset.saturating_add(*len);
                let step = self.step(kind);
                if !range.is_empty() {
                    step.bytes.insert(range);
                }
            }
            // A mapping that grows is the mapping that it grew to.
            Call::Remap { region, len, .. } if refused.is_none() => {
                let Some((file, at)) = image(region) else { return };
                let grown =
                    self.order.iter().rev().find(
                        |kind| matches!(kind, Kind::Map { file: own, refused: None, .. } if *own == file),
                    );
                if let Some(kind) = grown.cloned()
                    && *len > 0
                    && let Some(step) = self.gathered.get_mut(&kind)
                {
                    step.bytes.insert(at..at.saturating_add(*len));
                }
            }
            Call::FileAdvise { file, advice, .. } => {
                if let Some(file) = of(file) {
                    self.step(Kind::FileAdvice { file, advice: *advice });
                }
            }
            Call::MapAdvise { region, offset, len, advice } => {
                let Some((file, at)) = image(region) else { return };
                let start = at.saturating_add(*offset);
                let range = start..start.saturating_add(*len);
                let step = self.step(Kind::MapAdvice { file, advice: *advice });
                if !range.is_empty() {
                    step.bytes.insert(range);
                }
            }
            Call::Write { file, .. } | Call::Resize { file, .. } => {
                if let Some(file) = of(file) {
                    self.step(Kind::Write { file });
                }
            }
            Call::Native { name, file, region, .. } => {
                let known = file.as_ref().and_then(of).or(region.as_ref().and_then(image).map(|i| i.0));
                if let Some(file) = known.filter(|_| op.phase != Phase::Teardown) {
                    self.step(Kind::Native { file, name: name.clone() });
                }
            }
            Call::Close { file } => {
                if let Some(file) = of(file) {
                    self.step(Kind::Close { file });
                }
            }
            _ => {}
        }
    }

    /// The locks of the process on memory that holds weights.
    fn locks(&mut self, evidence: &Evidence, pid: ProcessId) {
        let own: Vec<_> = evidence.lock_attempts(2).filter(|lock| lock.pid == pid).cloned().collect();
        for lock in own {
            let kind = lock.refused.map_or(Kind::Lock, |kind| Kind::LockRefused { kind });
            self.step(kind);
        }
        self.locked = evidence.locked_weights(None);
    }

    fn cover(&self, file: usize, set: &RangeSet<u64>) -> Cover {
        let Some(weights) = self.weights.files.get(file) else { return Cover::None };
        let there = common(set, &weights.bytes);
        let mut missing = weights.bytes.clone();
        there.iter().for_each(|range| missing.remove(range.clone()));
        let pairs = |set: &RangeSet<u64>| set.iter().map(|r| (r.start, r.end)).collect::<Vec<_>>();
        let bytes = super::weights::length;
        match (there.is_empty(), missing.is_empty()) {
            (true, _) => Cover::None,
            (_, true) => Cover::All,
            _ if bytes(&there) < bytes(&missing) => Cover::Only(pairs(&there)),
            _ => Cover::But(pairs(&missing)),
        }
    }

    fn name(&self, file: usize) -> String {
        if self.weights.files.len() == 1 { "model".to_owned() } else { format!("model#{}", file + 1) }
    }

    fn lines(&self) -> Vec<String> {
        self.order.iter().map(|kind| self.line(kind)).collect()
    }

    fn line(&self, kind: &Kind) -> String {
        let nothing = Gathered::default();
        let Gathered { times, bytes, again } = self.gathered.get(kind).unwrap_or(&nothing);
        let how = |direct: &bool| if *direct { " direct" } else { "" };
        let refused = |refused: &Option<ErrorKind>| {
            refused.map_or_else(String::new, |kind| format!(" refused ({})", kind.word()))
        };
        match kind {
            Kind::Open { file, direct, writes, refused: why } => {
                let writes = if *writes { " for writing" } else { "" };
                format!("open {}{}{writes}{} ×{times}", self.name(*file), how(direct), refused(why))
            }
            Kind::Read { file, direct } => {
                let mut line =
                    format!("read {}{}: {}", self.name(*file), how(direct), self.cover(*file, bytes));
                match self.cover(*file, again) {
                    Cover::None => {}
                    twice => line += &format!(", again {twice}"),
                }
                let inside = |set: &RangeSet<u64>| {
                    self.weights
                        .files
                        .get(*file)
                        .map_or(0, |w| super::weights::length(&common(set, &w.bytes)))
                };
                let outside = super::weights::length(bytes) - inside(bytes);
                // Direct reads widen what they read to blocks.
                if outside > 0 && !direct {
                    line += ", header and padding";
                }
                line
            }
            Kind::ReadRefused { file, direct, kind } => {
                format!("read {}{} refused ({})", self.name(*file), how(direct), kind.word())
            }
            Kind::Map { file, writable, populate, refused: why } => {
                let writable = match writable {
                    None => "",
                    Some(true) => " writable",
                    Some(false) => " private writable",
                };
                let populate = if *populate { " populate" } else { "" };
                format!(
                    "map {}{writable}{populate}: {}{}",
                    self.name(*file),
                    self.cover(*file, bytes),
                    refused(why)
                )
            }
            Kind::FileAdvice { file, advice } => format!("advise {} {}", self.name(*file), advice.word()),
            Kind::MapAdvice { file, advice } => {
                format!(
                    "advise mapping of {} {}: {}",
                    self.name(*file),
                    advice.word(),
                    self.cover(*file, bytes)
                )
            }
            Kind::Lock => {
                let held: Vec<String> = (0..self.weights.files.len())
                    .map(|file| {
                        let set = self.locked.get(&file).cloned().unwrap_or_default();
                        format!("{}: {}", self.name(file), self.cover(file, &set))
                    })
                    .collect();
                format!("lock {}", held.join("; "))
            }
            Kind::LockRefused { kind } => format!("lock refused ({})", kind.word()),
            Kind::Write { file } => format!("write {}", self.name(*file)),
            Kind::Native { file, name } => format!("{name} on {}", self.name(*file)),
            Kind::Close { file } => format!("close {} ×{times}", self.name(*file)),
        }
    }
}
