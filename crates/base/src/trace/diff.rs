//! The comparison of two canonical paths: aligned, and every difference classified.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use super::align::align;
pub use super::classify::DiffClass;
use super::classify::{cause, changed, moved, single};
use super::path::CodePath;
use super::step::Step;

/// Equal steps shown before and after a difference: six lines of context in all.
const CONTEXT: usize = 3;

/// One line of a comparison: a step of the left path, of the right one, or a pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The step of the left path.
    pub left: Option<Step>,
    /// The step of the right path.
    pub right: Option<Step>,
    /// What the difference amounts to; `None` where the steps are equal.
    pub class: Option<DiffClass>,
    /// What differs, in words; empty where the steps are equal.
    pub detail: String,
}

/// Two paths side by side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diff {
    /// Every step of both paths, in order; what is only left stands before what is only right.
    pub entries: Vec<Entry>,
}

impl Diff {
    /// Compares two paths. For traces of two platforms compare their [`CodePath::semantic`] paths.
    pub fn between(left: &CodePath, right: &CodePath) -> Self {
        let (left, right) = (&left.steps, &right.steps);
        let alignment = align(left, right);
        let cause = cause(left, right);
        let mut entries = Vec::with_capacity(left.len().max(right.len()));
        let (mut i, mut j) = (0, 0);
        for &(pair_left, pair_right) in alignment.pairs.iter().chain([&(left.len(), right.len())]) {
            for (at, step) in left.iter().enumerate().take(pair_left).skip(i) {
                let twin = alignment.moved.iter().find(|moved| moved.0 == at).map(|moved| &right[moved.1]);
                let (class, detail) = match twin {
                    Some(twin) => moved(step, twin, cause),
                    None => single(step, true, cause),
                };
                entries.push(Entry::one(Some(step), None, class, detail));
            }
            for (at, step) in right.iter().enumerate().take(pair_right).skip(j) {
                let twin = alignment.moved.iter().find(|moved| moved.1 == at).map(|moved| &left[moved.0]);
                let (class, detail) = match twin {
                    Some(twin) => moved(twin, step, cause),
                    None => single(step, false, cause),
                };
                entries.push(Entry::one(None, Some(step), class, detail));
            }
            if let (Some(a), Some(b)) = (left.get(pair_left), right.get(pair_right)) {
                entries.push(Entry::pair(a, b, cause));
            }
            (i, j) = (pair_left + 1, pair_right + 1);
        }
        Self { entries }
    }

    /// Whether the paths have the same steps.
    pub fn is_identical(&self) -> bool {
        self.worst().is_none()
    }

    /// The worst class of any difference, `None` if there is none.
    pub fn worst(&self) -> Option<DiffClass> {
        self.entries.iter().filter_map(|entry| entry.class).max()
    }

    /// The classes that occur, from harmless to worst.
    pub fn classes(&self) -> BTreeSet<DiffClass> {
        self.entries.iter().filter_map(|entry| entry.class).collect()
    }

    /// The entries that differ.
    pub fn differences(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.class.is_some())
    }

    /// The stretches of entries to show: differences with their context.
    fn hunks(&self) -> Vec<Range<usize>> {
        let mut hunks: Vec<Range<usize>> = Vec::new();
        let differing = self.entries.iter().enumerate().filter(|(_, entry)| entry.class.is_some());
        for (at, _) in differing {
            let (start, end) = (at.saturating_sub(CONTEXT), (at + 1 + CONTEXT).min(self.entries.len()));
            match hunks.last_mut() {
                Some(last) if start <= last.end => last.end = end,
                _ => hunks.push(start..end),
            }
        }
        hunks
    }
}

impl Entry {
    fn one(left: Option<&Step>, right: Option<&Step>, class: DiffClass, detail: String) -> Self {
        let (left, right) = (left.cloned(), right.cloned());
        Self { left, right, class: Some(class), detail }
    }

    fn pair(left: &Step, right: &Step, cause: Option<DiffClass>) -> Self {
        let (class, detail) = if left == right {
            (None, String::new())
        } else {
            let (class, detail) = changed(left, right, cause);
            (Some(class), detail)
        };
        Self { left: Some(left.clone()), right: Some(right.clone()), class, detail }
    }
}

impl fmt::Display for Entry {
    /// One line, or two where both sides have a step and they differ; the class and the detail
    /// follow the last one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(class) = self.class else {
            return self.left.as_ref().map_or(Ok(()), |step| writeln!(f, "  {step}"));
        };
        if let Some(step) = &self.left {
            write!(f, "- {step}")?;
            f.write_str(if self.right.is_some() { "\n" } else { "" })?;
        }
        if let Some(step) = &self.right {
            write!(f, "+ {step}")?;
        }
        writeln!(f, "    <- {class}: {}", self.detail)
    }
}

impl fmt::Display for Diff {
    /// A short listing in the manner of a unified diff; nothing if the paths are identical.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = 0;
        for hunk in self.hunks() {
            skipped(f, hunk.start - shown)?;
            shown = hunk.end;
            self.entries[hunk].iter().try_for_each(|entry| write!(f, "{entry}"))?;
        }
        if shown > 0 { skipped(f, self.entries.len() - shown) } else { Ok(()) }
    }
}

fn skipped(f: &mut fmt::Formatter<'_>, steps: usize) -> fmt::Result {
    match steps {
        0 => Ok(()),
        1 => writeln!(f, "@ 1 equal step"),
        _ => writeln!(f, "@ {steps} equal steps"),
    }
}
