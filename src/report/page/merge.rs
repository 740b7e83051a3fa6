//! The page of a merge.

use super::{Entry, Page};
use crate::check::document::{MergeDocument, MergeVerdict, RowMerged};
use crate::report::view::{Cell, Column, Table, Viewed};

impl MergeDocument {
    /// What stands in a page.
    pub(in crate::report) fn entries(&self) -> Page {
        let entries = self.rows.iter().map(entry).collect();
        Page { entries, ..Page::new(self.view(), "plans") }
    }
}

fn entry(row: &RowMerged) -> Entry {
    let worst = row.cells.iter().map(|cell| cell.verdict).reduce(MergeVerdict::max);
    let dash = || "–".to_owned();
    let cells = row.cells.iter().map(|cell| {
        vec![
            Cell::new(&cell.machine),
            Cell::new(cell.resolved.clone().unwrap_or_else(dash)),
            Cell::new(cell.semantic.clone().unwrap_or_else(dash)),
            Cell::new(cell.notes.join("; ")),
            Cell::toned(cell.verdict),
        ]
    });
    Entry {
        title: format!("{} ({})", row.plan, row.model),
        word: worst.map(Cell::toned),
        cases: Some(Table {
            columns: ["machine", "came to", "path on every platform", "notes", "verdict"]
                .map(Column::text)
                .to_vec(),
            rows: cells.collect(),
        }),
        ..Entry::default()
    }
}
