//! From canonical steps to semantic ones, rule by rule.

use std::collections::BTreeMap;

use super::{Cover, SemanticAction, SemanticPath, SemanticStep};
use crate::trace::path::CodePath;
use crate::trace::rules::Rule;
use crate::trace::span::{Span, subtract, union};
use crate::trace::step::{Action, Region, Role, Step};
use crate::trace::{Advice, ErrorKind, Phase};

/// The largest page size and alignment that a platform rounds to, in bytes.
const LARGEST_GRAIN: u64 = 64 << 10;

/// The smallest page size, in bytes. A shorter gap between two tensors holds no page of its own.
const SMALLEST_PAGE: u64 = 4096;

/// The semantic path of `path` for tensors in these ranges (start, end) of each file, by its role; a role
/// behind the last has the ranges of the last.
pub(super) fn build(path: &CodePath, weights: Vec<Vec<(u64, u64)>>) -> SemanticPath {
    let weights = weights.into_iter().map(union).collect();
    let mut builder = Builder { weights, ..Builder::default() };
    builder.count_opens(&path.steps);
    for step in &path.steps {
        builder.step(step);
    }
    SemanticPath { steps: builder.steps, rules_applied: builder.rules }
}

/// What stands behind a region.
enum Behind {
    /// A file from this offset on, in this length.
    File(Role, u64, u64),
    /// Anonymous memory of this length.
    Memory(u64),
}

#[derive(Default)]
struct Builder {
    /// The tensors' ranges in each file, by role: sorted, disjoint.
    weights: Vec<Vec<(u64, u64)>>,
    steps: Vec<SemanticStep>,
    rules: BTreeMap<Rule, usize>,
    regions: BTreeMap<Region, Behind>,
    prefetched: Vec<Region>,
    /// What of each file arrives by reads.
    read: BTreeMap<Role, Vec<(u64, u64)>>,
    /// Mappings that are gone, or were about to go.
    given_back: Vec<Region>,
    opened: Vec<(Role, bool, Option<ErrorKind>)>,
    /// For each file the closes that are still to come, if every handle is closed.
    closes: BTreeMap<Role, usize>,
}

impl Builder {
    fn apply(&mut self, rule: Rule) {
        *self.rules.entry(rule).or_default() += 1;
    }

    /// Finds the files all of whose handles are closed, and what is read of each.
    fn count_opens(&mut self, steps: &[Step]) {
        let mut handles: BTreeMap<&Role, (usize, usize)> = BTreeMap::new();
        for step in steps {
            match &step.action {
                Action::Open { file, .. } if step.refused.is_none() => {
                    handles.entry(file).or_default().0 += 1;
                }
                Action::Close { file } => handles.entry(file).or_default().1 += 1,
                Action::Read { file, spans, .. } => {
                    let spans = spans.iter().map(|span| (span.start, span.end));
                    self.read.entry(file.clone()).or_default().extend(spans);
                }
                _ => {}
            }
        }
        let balanced = handles.into_iter().filter(|(_, (opens, closes))| opens == closes);
        self.closes = balanced.map(|(file, (_, closes))| (file.clone(), closes)).collect();
    }

    fn step(&mut self, step: &Step) {
        if !step.native.is_empty() {
            self.apply(Rule::NativeFlagsDropped);
        }
        if let Some(action) = self.action(step) {
            // How a platform refuses a prefetch is not what the loader did; a refusal that the user
            // should hear of is a notice.
            let refused = step.refused.filter(|_| !matches!(action, SemanticAction::Prefetch { .. }));
            self.steps.push(SemanticStep { phase: step.phase, action, refused });
        }
        // A mapping that is populated is prefetched in the same call.
        if let (Action::Map { region, populate: true, .. }, None) = (&step.action, step.refused) {
            self.prefetched.push(*region);
            self.apply(Rule::PrefetchNamed);
            let action = SemanticAction::Prefetch { region: *region };
            self.steps.push(SemanticStep { phase: step.phase, action, refused: None });
        }
    }

    /// What a step means; `None` where a rule leaves it out.
    fn action(&mut self, step: &Step) -> Option<SemanticAction> {
        Some(match &step.action {
            Action::Open { file, direct } => {
                let open = (file.clone(), *direct, step.refused);
                if self.opened.contains(&open) {
                    self.apply(Rule::OpensJoined);
                    return None;
                }
                self.opened.push(open);
                SemanticAction::Open { file: file.clone(), direct: *direct }
            }
            Action::Close { file } => {
                let left = self.closes.get_mut(file)?;
                *left = left.saturating_sub(1);
                if *left > 0 {
                    self.apply(Rule::OpensJoined);
                    return None;
                }
                SemanticAction::Close { file: file.clone() }
            }
            Action::Read { file, direct, spans } => self.read(file, *direct, spans),
            Action::ReadRefused { file, direct } => {
                SemanticAction::ReadRefused { file: file.clone(), direct: *direct }
            }
            Action::FileAdvise { .. } => {
                self.apply(Rule::ReadAheadDropped);
                return None;
            }
            Action::Map { region, file, offset, len, .. } => {
                self.regions.insert(*region, Behind::File(file.clone(), *offset, *len));
                let weights = self.cover(file, &[(*offset, offset.saturating_add(*len))]);
                self.apply(Rule::CoverageNotRanges);
                SemanticAction::Map { region: *region, file: file.clone(), weights }
            }
            Action::Alloc { region, len } => {
                self.regions.insert(*region, Behind::Memory(*len));
                self.apply(Rule::BufferSizesDropped);
                SemanticAction::Alloc { region: *region }
            }
            Action::MapAdvise { region, advice: Advice::WillNeed, .. } => {
                self.apply(Rule::PrefetchNamed);
                if self.prefetched.contains(region) {
                    return None;
                }
                self.prefetched.push(*region);
                SemanticAction::Prefetch { region: *region }
            }
            Action::MapAdvise { .. } => {
                self.apply(Rule::ReadAheadDropped);
                return None;
            }
            Action::Lock { region, offset, len } => {
                SemanticAction::Lock { region: *region, held: self.held(*region, *offset, *len) }
            }
            Action::LockRefused { region, .. } => SemanticAction::LockRefused { region: *region },
            Action::Unlock { region, offset, len } => {
                SemanticAction::Unlock { region: *region, held: self.held(*region, *offset, *len) }
            }
            Action::Unmap { region, offset, len } => {
                // Of a mapping a part may have gone before, where the platform can do that.
                let whole = match self.regions.get(region) {
                    Some(Behind::File(_, _, all)) => Some(*all),
                    _ => None,
                };
                let (in_parts, at_end) = (whole.is_some_and(|all| *len < all), step.phase == Phase::Teardown);
                let end = offset.saturating_add(*len);
                if in_parts
                    && (if at_end {
                        self.given_back.contains(region)
                    } else {
                        self.is_read(*region, *offset, end)
                    })
                {
                    self.apply(Rule::UnusedPagesDropped);
                    return None;
                }
                self.given_back.push(*region);
                let (offset, len) = whole.filter(|_| at_end).map_or((*offset, *len), |all| (0, all));
                let held = self.held(*region, offset, len);
                if !at_end && held == Cover::None {
                    self.apply(Rule::UnusedPagesDropped);
                    return None;
                }
                SemanticAction::GiveBack { region: *region, held }
            }
            Action::Notice { level, code } => SemanticAction::Notice { level: *level, code: *code },
            Action::SetDirect { file, direct } => {
                SemanticAction::Open { file: file.clone(), direct: *direct }
            }
            Action::Write { file, .. } | Action::Resize { file, .. } => {
                SemanticAction::Write { file: file.clone() }
            }
            Action::Remap { .. } | Action::Native { .. } => {
                self.apply(Rule::NativeCallsDropped);
                return None;
            }
        })
    }

    /// Whether all weights in a part of a mapping are read as well, so that the mapping is not for them.
    fn is_read(&self, region: Region, from: u64, to: u64) -> bool {
        let Some(Behind::File(file, at, _)) = self.regions.get(&region) else { return false };
        let (from, to) = (at.saturating_add(from), at.saturating_add(to));
        let out = [(0, from), (to, u64::MAX)];
        let left = out.iter().chain(self.read.get(file).into_iter().flatten());
        left.fold(self.of(file).to_vec(), |left, range| subtract(&left, *range)).is_empty()
    }

    /// The tensors' ranges in a file.
    fn of(&self, file: &Role) -> &[(u64, u64)] {
        let index = file.number().map_or(0, |number| number - 1);
        self.weights.get(index).or(self.weights.last()).map_or(&[], Vec::as_slice)
    }

    /// The tensor bytes in these sorted, disjoint ranges of a file.
    fn cover(&self, file: &Role, ranges: &[(u64, u64)]) -> Cover {
        let weights = self.of(file);
        let missing = ranges.iter().fold(weights.to_vec(), |left, range| subtract(&left, *range));
        if missing.is_empty() {
            // A model without tensors has nothing that could be missing.
            if weights.is_empty() { Cover::None } else { Cover::All }
        } else if missing == weights {
            Cover::None
        } else {
            let there = missing.iter().fold(weights.to_vec(), |left, range| subtract(&left, *range));
            let bytes = |ranges: &[(u64, u64)]| ranges.iter().map(|r| r.1 - r.0).sum::<u64>();
            if bytes(&there) < bytes(&missing) { Cover::Only(there) } else { Cover::But(missing) }
        }
    }

    /// What a range of a region holds.
    fn held(&mut self, region: Region, offset: u64, len: u64) -> Cover {
        self.apply(Rule::CoverageNotRanges);
        let end = offset.saturating_add(len);
        match self.regions.get(&region) {
            Some(Behind::File(file, at, _)) => {
                self.cover(file, &[(at.saturating_add(offset), at.saturating_add(end))])
            }
            Some(Behind::Memory(all)) if offset == 0 && end >= *all => Cover::Whole,
            Some(Behind::Memory(all)) => Cover::Part(offset, end, *all),
            None => Cover::Part(offset, end, end),
        }
    }

    fn read(&mut self, file: &Role, direct: bool, spans: &[Span]) -> SemanticAction {
        let ranges: Vec<(u64, u64)> = spans.iter().map(|span| (span.start, span.end)).collect();
        let weights = self.cover(file, &union(ranges));
        let inside = |span: &Span| {
            let out: Vec<_> = outside(*span, self.of(file)).iter().map(|s| (s.start, s.end)).collect();
            outside(*span, &out)
        };
        let again = spans.iter().filter(|span| span.times > 1).flat_map(inside).collect();
        let margin = if direct {
            self.apply(Rule::DirectMarginsDropped);
            LARGEST_GRAIN
        } else {
            0
        };
        let other = spans.iter().flat_map(|span| outside(*span, &self.near(file, margin))).collect();
        SemanticAction::Read { file: file.clone(), direct, weights, again, other }
    }

    /// The weights with `margin` bytes around them and the small gaps between them.
    fn near(&self, file: &Role, margin: u64) -> Vec<(u64, u64)> {
        let mut near: Vec<(u64, u64)> = Vec::new();
        for (start, end) in self.of(file) {
            let (start, end) = (start.saturating_sub(margin), end.saturating_add(margin));
            match near.last_mut() {
                Some(last) if start < last.1.saturating_add(SMALLEST_PAGE) => last.1 = last.1.max(end),
                _ => near.push((start, end)),
            }
        }
        near
    }
}

/// The parts of a span outside sorted ranges.
fn outside(span: Span, ranges: &[(u64, u64)]) -> Vec<Span> {
    let whole = vec![(span.start, span.end)];
    let left = ranges.iter().fold(whole, |left, range| subtract(&left, *range));
    left.into_iter().map(|(start, end)| Span { start, end, times: span.times }).collect()
}
