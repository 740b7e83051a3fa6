//! Pairs the steps of two paths, the surest pairs first.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::Hash;
use std::ops::Range;

use similar::{Algorithm, DiffOp};

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

/// Gaps of more steps than this are paired in one pass from the front; the shortest edit takes time by the number
/// of steps times that of differences.
const LONG_GAP: usize = 20_000;

/// The part that a lock which was held plays; nothing for other steps.
fn held_lock(step: &Step) -> Option<Phase> {
    (matches!(step.action, Action::Lock { .. }) && step.refused.is_none()).then_some(step.phase)
}

/// Aligns two paths: equal steps first, then moved ones (in another phase as well), then in the
/// gaps that remain steps of equal kind, then steps that play the same part.
pub(super) fn align(left: &[Step], right: &[Step]) -> Alignment {
    let mut found = Alignment::default();
    found.refine(left, right, whole);
    found.refine(left, right, meaning);
    found.find_moves(left, right, |step| Some(meaning(step)));
    found.find_moves(left, right, |step| Some((&step.action, step.refused)));
    found.refine(left, right, kind);
    found.refine(left, right, part);
    // A mapping is locked after it exists, a buffer before it is filled: the lock of the weights
    // crosses their source, and no alignment in order can pair both.
    found.find_moves(left, right, held_lock);
    found
}

impl Alignment {
    /// Aligns what is still unpaired in each gap between two pairs.
    fn refine<'a>(&mut self, left: &'a [Step], right: &'a [Step], key: fn(&'a Step) -> Key<'a>) {
        let mut more = Vec::new();
        let (left_moved, right_moved): (HashSet<usize>, HashSet<usize>) = self.moved.iter().copied().unzip();
        for (left_gap, right_gap) in self.gaps(left.len(), right.len()) {
            let lefts: Vec<usize> = left_gap.filter(|i| !left_moved.contains(i)).collect();
            let rights: Vec<usize> = right_gap.filter(|i| !right_moved.contains(i)).collect();
            let left_keys: Vec<_> = lefts.iter().map(|&i| key(&left[i])).collect();
            let right_keys: Vec<_> = rights.iter().map(|&i| key(&right[i])).collect();
            let equal = if lefts.len() + rights.len() > LONG_GAP {
                in_one_pass(&left_keys, &right_keys)
            } else {
                shortest(&left_keys, &right_keys)
            };
            more.extend(equal.into_iter().map(|(i, j)| (lefts[i], rights[j])));
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

    /// Pairs unpaired steps of the same key, wherever they stand; steps without a key stay.
    fn find_moves<'a, K: Eq + Hash>(
        &mut self,
        left: &'a [Step],
        right: &'a [Step],
        key: impl Fn(&'a Step) -> Option<K>,
    ) {
        let paired = self.pairs.iter().chain(&self.moved).copied();
        let (left_paired, right_paired): (HashSet<usize>, HashSet<usize>) = paired.unzip();
        let mut free: HashMap<K, VecDeque<usize>> = HashMap::new();
        for (j, step) in right.iter().enumerate().filter(|(j, _)| !right_paired.contains(j)) {
            if let Some(key) = key(step) {
                free.entry(key).or_default().push_back(j);
            }
        }
        for (i, step) in left.iter().enumerate().filter(|(i, _)| !left_paired.contains(i)) {
            if let Some(j) = key(step).and_then(|key| free.get_mut(&key)?.pop_front()) {
                self.moved.push((i, j));
            }
        }
    }
}

/// Pairs by the fewest insertions and deletions.
fn shortest<K: Eq + Hash>(left: &[K], right: &[K]) -> Vec<(usize, usize)> {
    let equal = |op| match op {
        DiffOp::Equal { old_index, new_index, len } => {
            Some((0..len).map(move |i| (old_index + i, new_index + i)))
        }
        _ => None,
    };
    let ops = similar::capture_diff_slices(Algorithm::Myers, left, right);
    ops.into_iter().filter_map(equal).flatten().collect()
}

/// Pairs what both begin with, what both end with, and of the rest each step with the next equal one.
fn in_one_pass<K: Eq + Hash>(left: &[K], right: &[K]) -> Vec<(usize, usize)> {
    let first = left.iter().zip(right).take_while(|(a, b)| a == b).count();
    let most = left.len().min(right.len()) - first;
    let last = left.iter().rev().zip(right.iter().rev()).take(most).take_while(|(a, b)| a == b).count();
    let mut places: HashMap<&K, VecDeque<usize>> = HashMap::new();
    for (j, key) in right.iter().enumerate().take(right.len() - last).skip(first) {
        places.entry(key).or_default().push_back(j);
    }
    let mut pairs: Vec<(usize, usize)> = (0..first).map(|i| (i, i)).collect();
    let mut from = first;
    for (i, key) in left.iter().enumerate().take(left.len() - last).skip(first) {
        let Some(next) = places.get_mut(key) else { continue };
        while next.front().is_some_and(|j| *j < from) {
            next.pop_front();
        }
        // One far ahead would leave everything between without a partner.
        if let Some(j) = next.front().copied().filter(|j| *j < from + LONG_GAP / 4) {
            pairs.push((i, j));
            from = j + 1;
        }
    }
    pairs.extend((0..last).rev().map(|k| (left.len() - 1 - k, right.len() - 1 - k)));
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_pass_pairs_in_order_and_keeps_both_ends() {
        let (left, right) = ([1, 2, 9, 3, 4, 5], [1, 2, 3, 8, 4, 7, 5]);
        assert_eq!(in_one_pass(&left, &right), [(0, 0), (1, 1), (3, 2), (4, 4), (5, 6)]);
        assert_eq!(in_one_pass(&[1, 1], &[1, 1, 1]), [(0, 0), (1, 1)]);
        assert_eq!(in_one_pass::<u8>(&[], &[]), []);
        let many: Vec<u32> = (0..300_000).collect();
        let turned: Vec<u32> = many.iter().rev().copied().collect();
        assert!(in_one_pass(&many, &turned).is_sorted());
    }
}
