//! The page of a comparison.

use super::{Entry, Page, Paths};
use crate::check::document::{CompareDocument, Compared, shown};
use crate::report::view::{Cell, Tone, Viewed, differs};

impl CompareDocument {
    /// What stands in a page.
    pub(in crate::report) fn entries(&self) -> Page {
        let mut rows: Vec<&Compared> = self.spellings.iter().filter(|row| differs(row)).collect();
        rows.sort_by_key(|row| std::cmp::Reverse((row.impact, row.verdict)));
        let left_out = (self.spellings.len() - rows.len()) as u64;
        let entries = rows.into_iter().map(|row| entry(self, row)).collect();
        Page { entries, left_out, ..Page::new(self.view(), "spellings") }
    }
}

fn entry(document: &CompareDocument, row: &Compared) -> Entry {
    let (old, new) = (&document.started.old, &document.started.new);
    let what = row.what.iter().map(|what| (Some(Tone::from(row.impact)), what.clone()));
    let unseen = row
        .not_observed
        .iter()
        .map(|missing| (Some(Tone::Warning), format!("not observed: {}: {}", missing.rule, missing.reason)));
    let timelines =
        row.timelines.iter().flat_map(|both| [("old", both.old.clone()), ("new", both.new.clone())]);
    Entry {
        title: shown(&row.spelling).to_owned(),
        word: Some(Cell::toned(row.verdict)),
        facts: vec![
            ("old", format!("{} ({old})", row.old)),
            ("new", format!("{} ({new})", row.new)),
            ("impact", row.impact.to_string()),
        ],
        remarks: what.chain(unseen).collect(),
        paths: row.diff.as_ref().map(|diff| Paths::of_listing(old, new, diff)),
        timelines: timelines.collect(),
        ..Entry::default()
    }
}
