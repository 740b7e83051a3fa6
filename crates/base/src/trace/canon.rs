//! From operations to a canonical path, in named passes.
//!
//! 1. Names: every file and region of an operation gets its role or region.
//! 2. Steps: operations become steps; reads gather in a [`Window`] until a step of another kind
//!    or another phase ends it. What is dropped (a query, say) never ends a window, so that the
//!    result does not depend on what was dropped.
//! 3. Teardown: runs of unlock, unmap and close are sorted.
//! 4. Locks: runs of locks (and of unlocks) are joined, region by region.

use std::collections::BTreeMap;

use super::path::CodePath;
use super::rules::Rule;
use super::span::{multiset, union};
use super::step::{Action, Region, RegionKind, Role, Step};
use super::{Call, ErrorKind, FileId, NativeFlags, Op, Outcome, Phase, RegionId};

type Rules = BTreeMap<Rule, usize>;

/// The canonical path of a trace.
pub(super) fn canonicalise(ops: &[Op]) -> CodePath {
    let mut rules = Rules::new();
    count(&mut rules, Rule::ThreadsDropped, ops.iter().filter(|op| op.thread != 0).count());
    count(&mut rules, Rule::TimesDropped, ops.iter().filter(|op| op.dur_ns != 0).count());
    count(&mut rules, Rule::InjectionMarksDropped, ops.iter().filter(|op| op.injected).count());
    let roles = roles(ops, &mut rules);
    let mut builder = Builder { rules, ..Builder::default() };
    for at in 0..ops.len() {
        builder.op(ops, &roles, at);
    }
    builder.flush();
    let Builder { steps, mut rules, .. } = builder;
    let steps = sort_teardown(steps, &mut rules);
    let steps = join_locks(steps, &mut rules);
    CodePath { steps, rules_applied: rules }
}

fn count(rules: &mut Rules, rule: Rule, times: usize) {
    if times > 0 {
        *rules.entry(rule).or_default() += times;
    }
}

/// The role of the file of every operation, `None` where it has none.
fn roles(ops: &[Op], rules: &mut Rules) -> Vec<Option<Role>> {
    let mut by_path: BTreeMap<&str, Role> = BTreeMap::new();
    let mut by_id: BTreeMap<FileId, Role> = BTreeMap::new();
    ops.iter()
        .map(|op| match &op.call {
            Call::Open { file, path, .. } => {
                let next = by_path.len() + 1;
                let role = by_path.entry(path).or_insert_with(|| Role::model(next)).clone();
                count(rules, Rule::FileRoles, 1);
                by_id.insert(*file, role.clone());
                Some(role)
            }
            call => call.file().map(|file| by_id.get(&file).cloned().unwrap_or_else(Role::unknown)),
        })
        .collect()
}

/// The regions seen so far.
#[derive(Default)]
struct Regions {
    by_id: BTreeMap<RegionId, Region>,
    numbers: BTreeMap<RegionKind, u32>,
}

impl Regions {
    fn introduce(&mut self, id: RegionId, kind: RegionKind) -> Region {
        let number = self.numbers.entry(kind).or_default();
        let region = Region { kind, number: *number };
        *number += 1;
        self.by_id.insert(id, region);
        region
    }

    fn get(&mut self, id: RegionId) -> Region {
        match self.by_id.get(&id) {
            Some(region) => *region,
            None => self.introduce(id, RegionKind::Unknown),
        }
    }

    /// The region of an unlock or an unmap.
    fn given_back(&mut self, id: RegionId, phase: Phase) -> Region {
        if phase == Phase::Teardown && !self.by_id.contains_key(&id) {
            Region { kind: RegionKind::Untold, number: 0 }
        } else {
            self.get(id)
        }
    }
}

/// Reads between two other steps; their order, sizes and threads do not matter.
#[derive(Default)]
struct Window {
    phase: Option<Phase>,
    arrived: BTreeMap<(Role, bool), Vec<(u64, u64)>>,
    refused: BTreeMap<(Role, bool, ErrorKind), usize>,
}

#[derive(Default)]
struct Builder {
    steps: Vec<Step>,
    rules: Rules,
    regions: Regions,
    window: Window,
}

impl Builder {
    fn op(&mut self, ops: &[Op], roles: &[Option<Role>], at: usize) {
        let op = &ops[at];
        let role = roles[at].clone().unwrap_or_else(Role::unknown);
        let refused = match &op.outcome {
            Outcome::Ok(_) => None,
            Outcome::Err(errno) => Some(errno.kind),
        };
        match &op.call {
            Call::Size { .. } | Call::Alignment { .. } | Call::MapHint { .. } => {
                count(&mut self.rules, Rule::QueriesDropped, 1);
            }
            Call::Fork { .. } | Call::Exec | Call::Exit { .. } => {
                count(&mut self.rules, Rule::ProcessesDropped, 1);
            }
            Call::Read { offset, .. } if refused == Some(ErrorKind::Interrupted) => {
                if arrives_later(&ops[at + 1..], &roles[at + 1..], &role, *offset) {
                    count(&mut self.rules, Rule::InterruptedReadsDropped, 1);
                } else {
                    self.read(op, role);
                }
            }
            Call::Read { .. } => self.read(op, role),
            _ => {
                self.flush();
                let (action, native) = self.action(op, role, refused);
                self.steps.push(Step { phase: op.phase, action, refused, native });
            }
        }
    }

    /// Adds a read to the window.
    fn read(&mut self, op: &Op, role: Role) {
        let Call::Read { offset, len, direct, .. } = op.call else { return };
        if let Outcome::Ok(0) = op.outcome {
            count(&mut self.rules, Rule::EmptyReadsDropped, 1);
            return;
        }
        if self.window.phase != Some(op.phase) {
            self.flush();
            self.window.phase = Some(op.phase);
        }
        match &op.outcome {
            Outcome::Ok(arrived) => {
                count(&mut self.rules, Rule::ShortReadsMerged, usize::from(*arrived < len));
                let piece = (offset, offset.saturating_add(*arrived));
                self.window.arrived.entry((role, direct)).or_default().push(piece);
            }
            Outcome::Err(errno) => {
                *self.window.refused.entry((role, direct, errno.kind)).or_default() += 1;
            }
        }
    }

    /// Turns the window into steps: what arrived, then what was refused, by file.
    fn flush(&mut self) {
        let Window { phase: Some(phase), arrived, refused } = std::mem::take(&mut self.window) else {
            return;
        };
        for ((file, direct), pieces) in arrived {
            let spans = multiset(&pieces);
            if !spans.is_empty() {
                count(&mut self.rules, Rule::ReadsCoalesced, pieces.len() - 1);
                let action = Action::Read { file, direct, spans };
                self.steps.push(Step { phase, action, refused: None, native: Vec::new() });
            }
        }
        for ((file, direct, kind), times) in refused {
            count(&mut self.rules, Rule::RefusedReadsCollapsed, times);
            let action = Action::ReadRefused { file, direct };
            self.steps.push(Step { phase, action, refused: Some(kind), native: Vec::new() });
        }
    }

    /// The action of every call but queries and reads, and what is native in it.
    fn action(&mut self, op: &Op, file: Role, refused: Option<ErrorKind>) -> (Action, Vec<String>) {
        let action = match &op.call {
            Call::Open { direct, flags, .. } => {
                return (Action::Open { file, direct: *direct }, native(flags));
            }
            Call::Map { region, offset, len, populate, flags, .. } => {
                count(&mut self.rules, Rule::RegionNames, 1);
                let region = self.regions.introduce(*region, RegionKind::Map);
                let (offset, len, populate) = (*offset, *len, *populate);
                return (Action::Map { region, file, offset, len, populate }, native(flags));
            }
            Call::Alloc { region, len, align, .. } => {
                count(&mut self.rules, Rule::RegionNames, 1);
                let region = self.regions.introduce(*region, RegionKind::Buffer);
                return (Action::Alloc { region, len: *len }, vec![format!("{ALIGN}{align}")]);
            }
            Call::SetDirect { direct, .. } => Action::SetDirect { file, direct: *direct },
            Call::Write { offset, len, .. } => Action::Write { file, offset: *offset, len: *len },
            Call::Resize { len, .. } => Action::Resize { file, len: *len },
            Call::Remap { region, len, .. } => Action::Remap { region: self.regions.get(*region), len: *len },
            Call::FileAdvise { offset, len, advice, .. } => {
                Action::FileAdvise { file, offset: *offset, len: *len, advice: *advice }
            }
            Call::MapAdvise { region, offset, len, advice } => {
                let region = self.regions.get(*region);
                Action::MapAdvise { region, offset: *offset, len: *len, advice: *advice }
            }
            Call::Lock { region, offset, .. } if refused.is_some() => {
                count(&mut self.rules, Rule::RefusedLockLengthDropped, 1);
                Action::LockRefused { region: self.regions.get(*region), offset: *offset }
            }
            Call::Lock { region, offset, len } => {
                Action::Lock { region: self.regions.get(*region), offset: *offset, len: *len }
            }
            Call::Unlock { region, offset, len } => {
                let region = self.regions.given_back(*region, op.phase);
                Action::Unlock { region, offset: *offset, len: *len }
            }
            Call::Unmap { region, offset, len } => {
                let region = self.regions.given_back(*region, op.phase);
                Action::Unmap { region, offset: *offset, len: *len }
            }
            Call::Notice(notice) => {
                count(&mut self.rules, Rule::NoticeTextDropped, 1);
                Action::Notice { level: notice.level, code: notice.code }
            }
            Call::Native { name, file: of, region, offset, len, flags } => {
                let region = region.map(|id| self.regions.get(id));
                let (name, file) = (name.clone(), of.map(|_| file));
                return (Action::Native { name, file, region, offset: *offset, len: *len }, native(flags));
            }
            // Queries, reads and processes do not come here; a close is all that is left.
            Call::Close { .. }
            | Call::Size { .. }
            | Call::Alignment { .. }
            | Call::MapHint { .. }
            | Call::Fork { .. }
            | Call::Exec
            | Call::Exit { .. }
            | Call::Read { .. } => Action::Close { file },
        };
        (action, Vec::new())
    }
}

/// What stands before the alignment of a buffer in the native part of its step.
pub(super) const ALIGN: &str = "align=";

fn native(flags: &NativeFlags) -> Vec<String> {
    let mut names: Vec<String> = flags.names.iter().map(ToString::to_string).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Whether a read of the file brings the byte at `offset`, or finds the end of the file there.
fn arrives_later(ops: &[Op], roles: &[Option<Role>], role: &Role, offset: u64) -> bool {
    ops.iter().zip(roles).any(|(op, of)| match (&op.call, &op.outcome) {
        (Call::Read { offset: from, .. }, Outcome::Ok(arrived)) => {
            let reach = from.saturating_add((*arrived).max(1));
            of.as_ref() == Some(role) && (*from..reach).contains(&offset)
        }
        _ => false,
    })
}

/// Sorts every run of unlock, unmap and close in teardown.
fn sort_teardown(mut steps: Vec<Step>, rules: &mut Rules) -> Vec<Step> {
    let sortable = |step: &Step| {
        step.phase == Phase::Teardown
            && matches!(step.action, Action::Unlock { .. } | Action::Unmap { .. } | Action::Close { .. })
    };
    for run in steps.chunk_by_mut(|a, b| sortable(a) && sortable(b)) {
        if !run.is_sorted() {
            run.sort();
            count(rules, Rule::TeardownSorted, 1);
        }
    }
    steps
}

/// Joins the ranges in every run of successful locks, and in every run of successful unlocks,
/// region by region.
fn join_locks(steps: Vec<Step>, rules: &mut Rules) -> Vec<Step> {
    /// Phase and verb of a step that joins with its neighbours.
    fn joins(step: &Step) -> Option<(Phase, bool)> {
        match step.action {
            Action::Lock { .. } if step.refused.is_none() => Some((step.phase, true)),
            Action::Unlock { .. } if step.refused.is_none() => Some((step.phase, false)),
            _ => None,
        }
    }
    let mut joined = Vec::with_capacity(steps.len());
    for run in steps.chunk_by(|a, b| joins(a).is_some() && joins(a) == joins(b)) {
        let Some((phase, locking)) = joins(&run[0]) else {
            joined.extend_from_slice(run);
            continue;
        };
        let mut ranges: BTreeMap<Region, Vec<(u64, u64)>> = BTreeMap::new();
        for step in run {
            if let Action::Lock { region, offset, len } | Action::Unlock { region, offset, len } = step.action
            {
                ranges.entry(region).or_default().push((offset, offset.saturating_add(len)));
            }
        }
        let before = joined.len();
        for (region, ranges) in ranges {
            for (offset, end) in union(ranges) {
                let len = end - offset;
                let action = if locking {
                    Action::Lock { region, offset, len }
                } else {
                    Action::Unlock { region, offset, len }
                };
                joined.push(Step { phase, action, refused: None, native: Vec::new() });
            }
        }
        count(rules, Rule::LockGrowthCoalesced, run.len() - (joined.len() - before));
    }
    joined
}
