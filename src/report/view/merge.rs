//! The view of a merge.

use super::shared::{self, Pool, counted, digits, test};
use super::{Annotation, Cell, Column, Ending, State, Suite, Table, Test, View, Viewed};
use crate::check::document::{self, Failure, MergeDocument, ModelMerged, RowMerged, Verdict};
use crate::report::page::Page;

impl Viewed for MergeDocument {
    fn view(&self) -> View {
        let mut pool = Pool::new(&self.failures);
        let suites = self.models.iter().map(|model| suite(self, model, &mut pool)).collect();
        let view = View {
            command: "merge",
            tool: self.started.tool.clone(),
            title: format!("merge of {}", self.started.columns.join(", ")),
            interrupted: false,
            lines: Vec::new(),
            lines_hold_all: false,
            tables: vec![table(self)],
            notes: notes(self),
            not_observed: Vec::new(),
            failures: shared::kinds(&self.failures),
            counts: counts(self),
            ending: Ending::new(&self.finished.sentence, self.finished.verdict),
            suites,
            details: Vec::new(),
            warnings: self.rows.iter().flat_map(warnings).collect(),
        };
        shared::finish_suites(view, pool)
    }

    fn page(&self) -> Page {
        self.entries()
    }

    fn exit_code(&self) -> u8 {
        self.finished.exit_code
    }
}

/// One row a plan, one column a machine; a cell holds the verdict and the semantic path.
fn table(document: &MergeDocument) -> Table {
    let several = document.models.len() > 1;
    let model = several.then(|| Column::text("model"));
    let columns = model.into_iter().chain([Column::text("plan")]);
    let row = |row: &RowMerged| {
        let model = several.then(|| Cell::new(&row.model));
        let cells = row.cells.iter().map(|cell| {
            let path = cell.semantic.as_ref().map(|path| format!(" {}", digits(path))).unwrap_or_default();
            Cell { text: format!("{}{path}", cell.verdict), tone: Some(cell.verdict.into()) }
        });
        model.into_iter().chain([Cell::new(&row.plan)]).chain(cells).collect()
    };
    Table {
        columns: columns.chain(document.started.columns.iter().map(Column::text)).collect(),
        rows: document.rows.iter().map(row).collect(),
    }
}

/// The models with their hashes, then what a verdict needs to be understood.
fn notes(document: &MergeDocument) -> Vec<String> {
    let mut notes: Vec<String> = document.models.iter().map(model_line).collect();
    for row in &document.rows {
        for cell in row.cells.iter().filter(|cell| cell.verdict != Verdict::Pass.into()) {
            notes.extend(cell.notes.iter().map(|note| format!("{}, {}: {note}", cell.machine, row.plan)));
        }
    }
    let missing = document.started.missing.iter();
    notes.extend(missing.map(|name| format!("{name}: not run: no result of this platform was given")));
    notes.extend(document.finished.notes.iter().cloned());
    shared::once(notes)
}

/// One line a model: its hashes and how many machines have them.
fn model_line(model: &ModelMerged) -> String {
    let hash = |name: &str, hash: &Option<String>, with: u64| match (hash, with) {
        (_, 0) => format!("{name} not hashed"),
        (Some(hash), n) => format!("{name} {hash} on {n} of {} machines", model.machines),
        (None, n) => format!("{name} DIFFER among {n} machines"),
    };
    format!(
        "{}: {}; {}",
        model.model,
        hash("tensors", &model.tensors, model.with_tensors),
        hash("logits", &model.logits, model.with_logits)
    )
}

fn counts(document: &MergeDocument) -> String {
    let t = &document.finished.totals;
    format!(
        "{}, {} expected and not run; {}, {} not run; {}",
        counted(t.machines, "machine"),
        t.missing,
        counted(t.plans, "plan"),
        counted(t.not_run, "cell"),
        counted(t.failures, "difference")
    )
}

fn warnings(row: &RowMerged) -> impl Iterator<Item = Annotation> {
    let shows = |v: Option<Verdict>| !matches!(v, Some(Verdict::Pass | Verdict::Divergent));
    row.cells.iter().filter(move |cell| shows(cell.verdict.0)).map(|cell| Annotation {
        title: format!("{}: {} on {}", cell.verdict, row.plan, cell.machine),
        message: match cell.notes.is_empty() {
            true => "there is no result".to_owned(),
            false => cell.notes.join("\n"),
        },
    })
}

/// One test a plan and machine, and one for what is not about a plan.
fn suite(document: &MergeDocument, model: &ModelMerged, pool: &mut Pool<'_>) -> Suite {
    let mut tests = Vec::new();
    for row in document.rows.iter().filter(|row| row.model == model.model) {
        tests.extend(row.cells.iter().map(|cell| cell_test(row, cell, model, pool)));
    }
    let about_the_file =
        |f: &Failure| f.plan.is_none() && f.across.as_ref().is_some_and(|a| a.model == model.model);
    let failures = pool.take(about_the_file);
    let state = shared::state(Verdict::Pass, &failures, &[]);
    tests.push(test("one file on every machine", &model.model, state));
    Suite { name: model.model.clone(), tests }
}

fn cell_test(row: &RowMerged, cell: &document::Cell, model: &ModelMerged, pool: &mut Pool<'_>) -> Test {
    let failures = pool.take(|f| {
        let here = |a: &document::Across| a.machine == cell.machine && a.model == model.model;
        f.plan.as_ref() == Some(&row.plan) && f.across.as_ref().is_some_and(here)
    });
    let state = match cell.verdict.0 {
        Some(verdict) => shared::state(verdict, &failures, &cell.notes),
        None => State::Skipped { reason: "not run: there is no result".to_owned() },
    };
    test(&format!("{} on {}", row.plan, cell.machine), &model.model, state)
}
