//! The page of an exploration of faults: a tree a plan, a branch a fault.

use super::{Branch, Page};
use crate::check::document::{FaultCase, FaultsDocument, shown};
use crate::report::view::{Cell, Viewed};

impl FaultsDocument {
    /// What stands in a page.
    pub(in crate::report) fn entries(&self) -> Page {
        let mut trees: Vec<(&str, &str, Branch)> = Vec::new();
        for group in &self.groups {
            let title = format!("{}: {}, loads by {}", group.name, shown(&group.spelling), group.effective);
            let root = Branch { title, word: Some(Cell::toned(group.verdict)), ..Branch::default() };
            trees.push((&group.name, &group.spelling, root));
        }
        for case in &self.cases {
            let of_case =
                |(plan, spelling, _): &(&str, &str, Branch)| *plan == case.plan && *spelling == case.spelling;
            let at = trees.iter().position(of_case).unwrap_or_else(|| {
                let title = format!("{}: {}", case.plan, shown(&case.spelling));
                trees.push((&case.plan, &case.spelling, Branch { title, ..Branch::default() }));
                trees.len() - 1
            });
            grow(&mut trees[at].2, case);
        }
        let trees = trees.into_iter().map(|(.., branch)| branch).collect();
        Page { trees, ..Page::new(self.view(), "schedules") }
    }
}

/// Adds the branch of a schedule.
fn grow(root: &mut Branch, case: &FaultCase) {
    let mut branch = root;
    for fault in &case.faults {
        let at = branch.branches.iter().position(|known| known.title == *fault).unwrap_or_else(|| {
            branch.branches.push(Branch { title: fault.clone(), ..Branch::default() });
            branch.branches.len() - 1
        });
        branch = &mut branch.branches[at];
    }
    let mut message = case.message.clone();
    if !case.given_by.is_empty() {
        let given = format!("given by {}", case.given_by.join(", "));
        message = if message.is_empty() { given } else { format!("{message}; {given}") };
    }
    let word = Cell { text: case.outcome.to_string(), tone: Some(case.verdict.into()) };
    // The clean run of a plan has no fault, and is the root itself.
    if case.faults.is_empty() {
        branch.message = format!("without a fault: {}", word.text);
        return;
    }
    (branch.word, branch.message) = (Some(word), message);
}
