//! Pairs the steps of two paths, the surest pairs first.

use std::ops::Range;

use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::step::{Action, Region, Role, Step};
use super::{ErrorKind, Phase};

/// Which step of the left path belongs to which of the right one.
#[derive(Debug, Default)]
pub(super) struct Alignment {
    /// Pairs in order: both indices only grow. The steps of a pair may differ.
    pub(super) pairs: Vec<(usize, usize)>,
    /// Steps that belong together but stand elsewhere.
    pub(super) moved: Vec<(usize, usize)>,
}

/// How much of a step must agree for a pair; one variant a level, from strict to loose.
#[derive(PartialEq, Eq, Hash)]
enum Key<'a> {
    /// Everything.
    Whole(&'a Step),
    /// All but what is native.
    Meaning(Phase, &'a Action, Option<ErrorKind>),
    /// What is done to what, not how much of it.
    Kind(Phase, &'static str, Option<&'a Role>, Option<Region>),
    /// The part that the step plays in a load, so that a map pairs with the read that replaced it.
    Part(Phase, &'static str),
}

fn whole(step: &Step) -> Key<'_> {
    Key::Whole(step)
}

fn meaning(step: &Step) -> Key<'_> {
    Key::Meaning(step.phase, &step.action, step.refused)
}

fn kind(step: &Step) -> Key<'_> {
    let (word, file, region) = match &step.action {
        Action::Open { file, direct: true } => ("open direct", Some(file), None),
        Action::Open { file, .. } => ("open", Some(file), None),
        Action::SetDirect { file, .. } => ("set direct", Some(file), None),
        Action::Write { file, .. } => ("write", Some(file), None),
        Action::Resize { file, .. } => ("resize", Some(file), None),
        Action::Remap { region, .. } => ("remap", None, Some(*region)),
        Action::Read { file, direct: true, .. } => ("read direct", Some(file), None),
        Action::Read { file, .. } => ("read", Some(file), None),
        Action::ReadRefused { file, .. } => ("read refused", Some(file), None),
        Action::FileAdvise { file, .. } => ("file advise", Some(file), None),
        Action::Map { file, .. } => ("map", Some(file), None),
        Action::Alloc { .. } => ("alloc", None, None),
        Action::MapAdvise { region, .. } => ("map advise", None, Some(*region)),
        Action::Lock { region, .. } => ("lock", None, Some(*region)),
        Action::LockRefused { region, .. } => ("lock refused", None, Some(*region)),
        Action::Unlock { region, .. } => ("unlock", None, Some(*region)),
        Action::Unmap { region, .. } => ("unmap", None, Some(*region)),
        Action::Close { file } => ("close", Some(file), None),
        Action::Notice { .. } => ("notice", None, None),
        Action::Native { file, region, .. } => ("native", file.as_ref(), *region),
    };
    Key::Kind(step.phase, word, file, region)
}

fn part(step: &Step) -> Key<'_> {
    let word = match &step.action {
        Action::Open { .. } | Action::SetDirect { .. } => "open",
        Action::Write { .. } | Action::Resize { .. } => "write",
        Action::Remap { .. } => "remap",
        Action::Map { .. } | Action::Read { .. } => "source",
        Action::ReadRefused { .. } => "refused",
        Action::Alloc { .. } => "memory",
        Action::FileAdvise { .. } | Action::MapAdvise { .. } => "advice",
        Action::Lock { .. } | Action::LockRefused { .. } => "lock",
        Action::Unlock { .. } => "unlock",
        Action::Unmap { .. } => "unmap",
        Action::Close { .. } => "close",
        Action::Notice { .. } => "notice",
        Action::Native { .. } => "native",
    };
    Key::Part(step.phase, word)
}

fn held_lock(step: &Step) -> bool {
    matches!(step.action, Action::Lock { .. }) && step.refused.is_none()
}

/// Aligns two paths: equal steps first, then moved ones (in another phase as well), then in the
/// gaps that remain steps of equal kind, then steps that play the same part.
pub(super) fn align(left: &[Step], right: &[Step]) -> Alignment {
    let mut found = Alignment::default();
    found.refine(left, right, whole);
    found.refine(left, right, meaning);
    found.find_moves(left, right, |a, b| meaning(a) == meaning(b));
    found.find_moves(left, right, |a, b| (&a.action, a.refused) == (&b.action, b.refused));
    found.refine(left, right, kind);
    found.refine(left, right, part);
    // A mapping is locked after it exists, a buffer before it is filled: the lock of the weights
    // crosses their source, and no alignment in order can pair both.
    found.find_moves(left, right, |a, b| held_lock(a) && held_lock(b) && a.phase == b.phase);
    found
}

impl Alignment {
    /// Aligns what is still unpaired in each gap between two pairs.
    fn refine<'a>(&mut self, left: &'a [Step], right: &'a [Step], key: fn(&'a Step) -> Key<'a>) {
        let mut more = Vec::new();
        for (left_gap, right_gap) in self.gaps(left.len(), right.len()) {
            let lefts: Vec<usize> = left_gap.filter(|i| !self.moved.iter().any(|m| m.0 == *i)).collect();
            let rights: Vec<usize> = right_gap.filter(|i| !self.moved.iter().any(|m| m.1 == *i)).collect();
            let left_keys: Vec<_> = lefts.iter().map(|&i| key(&left[i])).collect();
            let right_keys: Vec<_> = rights.iter().map(|&i| key(&right[i])).collect();
            for op in capture_diff_slices(Algorithm::Myers, &left_keys, &right_keys) {
                if let DiffOp::Equal { old_index, new_index, len } = op {
                    more.extend((0..len).map(|i| (lefts[old_index + i], rights[new_index + i])));
                }
            }
        }
        self.pairs.extend(more);
        self.pairs.sort_unstable();
    }

    /// The unpaired stretches before, between and after the pairs.
    fn gaps(&self, left_len: usize, right_len: usize) -> Vec<(Range<usize>, Range<usize>)> {
        let (mut left, mut right) = (0, 0);
        let ends = self.pairs.iter().copied().chain([(left_len, right_len)]);
        let mut gaps = Vec::new();
        for (left_end, right_end) in ends {
            if left < left_end && right < right_end {
                gaps.push((left..left_end, right..right_end));
            }
            (left, right) = (left_end + 1, right_end + 1);
        }
        gaps
    }

    /// Pairs unpaired steps that are `twins`, wherever they stand.
    fn find_moves(&mut self, left: &[Step], right: &[Step], twins: fn(&Step, &Step) -> bool) {
        let mut free: Vec<usize> = (0..right.len())
            .filter(|j| !self.pairs.iter().chain(&self.moved).any(|pair| pair.1 == *j))
            .collect();
        for (i, step) in left.iter().enumerate() {
            if self.pairs.iter().chain(&self.moved).any(|pair| pair.0 == i) {
                continue;
            }
            if let Some(at) = free.iter().position(|&j| twins(step, &right[j])) {
                self.moved.push((i, free.remove(at)));
            }
        }
    }
}
