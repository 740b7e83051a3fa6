//! What a page has beside a [`View`]: every case that can be opened, with what was asked, traced and
//! proven, its code paths side by side, its load in time, and explorations as trees.
//!
//! One module a document. As in a view, nothing is decided here.

mod check;
mod compare;
mod faults;
mod judge;
mod merge;
mod paths;

pub use paths::{Paths, Side};

use super::view::{Cell, Table, Tone, View};
use crate::check::document::Timeline;

/// What stands in a page.
#[derive(Clone, Debug)]
pub struct Page {
    /// Words, tables, failures, verdict.
    pub view: View,
    /// What the entries are: `plans`, `spellings` …
    pub title: &'static str,
    /// What can be opened.
    pub entries: Vec<Entry>,
    /// How many that have nothing to show are left out.
    pub left_out: u64,
    /// An exploration, a tree a plan.
    pub trees: Vec<Branch>,
    /// What was normalised in code paths.
    pub normalisations: Vec<String>,
}

/// One plan, spelling or recording with everything that is known of it. Its texts are those of the document; what
/// draws them makes them [`plain`](crate::report::screen::plain).
#[derive(Clone, Debug, Default)]
pub struct Entry {
    /// What it is.
    pub title: String,
    /// What came of it.
    pub word: Option<Cell>,
    /// Names with what stands for them: `asked`, `traced`, `proven` …
    pub facts: Vec<(&'static str, String)>,
    /// What is to be said of it, with how bad that is.
    pub remarks: Vec<(Option<Tone>, String)>,
    /// Its spellings or machines.
    pub cases: Option<Table>,
    /// Two code paths.
    pub paths: Option<Paths>,
    /// One code path.
    pub steps: Vec<String>,
    /// Its load in time, old and new where there are two.
    pub timelines: Vec<(&'static str, Timeline)>,
}

/// A fault, and those that were met after it.
#[derive(Clone, Debug, Default)]
pub struct Branch {
    /// The fault, or the plan at the root.
    pub title: String,
    /// What came of the schedule that ends here; `None` where none does.
    pub word: Option<Cell>,
    /// What was seen.
    pub message: String,
    /// Faults after this one.
    pub branches: Vec<Branch>,
}

impl Page {
    /// A page with nothing that can be opened.
    fn new(view: View, title: &'static str) -> Self {
        Self { view, title, entries: Vec::new(), left_out: 0, trees: Vec::new(), normalisations: Vec::new() }
    }

    /// The words for what came of entries, trees and cases, each once, the worst first.
    #[must_use]
    pub fn words(&self) -> Vec<Cell> {
        fn of_branch(branch: &Branch, words: &mut Vec<Cell>) {
            words.extend(branch.word.clone());
            branch.branches.iter().for_each(|branch| of_branch(branch, words));
        }
        let mut words: Vec<Cell> = self.entries.iter().filter_map(|entry| entry.word.clone()).collect();
        self.trees.iter().for_each(|branch| of_branch(branch, &mut words));
        let rank = |cell: &Cell| match cell.tone {
            Some(Tone::Bad) => 0,
            Some(Tone::Warning) => 1,
            Some(Tone::Limited) => 2,
            Some(Tone::Good) => 3,
            None => 4,
        };
        words.sort_by(|a, b| (rank(a), &a.text).cmp(&(rank(b), &b.text)));
        words.dedup();
        words
    }
}
