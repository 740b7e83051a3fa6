//! The view of a comparison.

use super::shared::{self, Pool, counted, shown, test};
use super::{Annotation, Cell, Column, Detail, Ending, Suite, Table, View, Viewed};
use crate::check::document::{CompareDocument, CompareStarted, Compared, Header, Verdict};
use crate::report::page::Page;

impl Viewed for CompareDocument {
    fn view(&self) -> View {
        let finished = &self.finished;
        let of_rows = self.spellings.iter().map(|row| row.not_observed.as_slice());
        let not_observed = shared::unobserved(of_rows.chain([finished.not_observed.as_slice()]));
        let mut pool = Pool::new(&self.failures);
        let view = View {
            command: "compare",
            tool: self.started.header.tool.clone(),
            title: title(&self.started),
            interrupted: finished.interrupted,
            lines: Vec::new(),
            lines_hold_all: false,
            tables: vec![table(&self.spellings)],
            notes: shared::once(finished.notes.clone()),
            warnings: shared::unobserved_warning(&not_observed).into_iter().chain(warnings(self)).collect(),
            not_observed,
            failures: shared::kinds(&self.failures),
            counts: counts(self),
            ending: Ending::new(&finished.sentence, finished.verdict),
            suites: vec![suite(&self.spellings, &mut pool)],
            details: self.spellings.iter().filter(|row| differs(row)).map(detail).collect(),
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

fn title(started: &CompareStarted) -> String {
    let CompareStarted { header: Header { model, platform, arch, .. }, old, new, .. } = started;
    format!("compare on {platform} {arch}, model {model}, old {old}, new {new}")
}

/// Whether a row has something to show; what is identical is only counted.
pub(in crate::report) fn differs(row: &Compared) -> bool {
    row.old != row.new || !row.what.is_empty() || row.diff.is_some() || row.verdict != Verdict::Pass
}

/// One row a spelling, the worst first.
fn table(spellings: &[Compared]) -> Table {
    let mut rows: Vec<&Compared> = spellings.iter().filter(|row| differs(row)).collect();
    rows.sort_by_key(|row| std::cmp::Reverse((row.impact, row.verdict)));
    let row = |row: &&Compared| {
        vec![
            Cell::new(shown(&row.spelling)),
            Cell::new(&row.old),
            Cell::new(&row.new),
            Cell::toned(row.impact),
            Cell::toned(row.verdict),
        ]
    };
    Table {
        columns: ["spelling", "old", "new", "impact", "verdict"].map(Column::text).to_vec(),
        rows: rows.iter().map(row).collect(),
    }
}

fn detail(row: &Compared) -> Detail {
    let diff = row.diff.iter().flat_map(|diff| diff.lines()).map(str::to_owned);
    Detail {
        title: format!("{}: {} → {}", shown(&row.spelling), row.old, row.new),
        lines: row.what.iter().cloned().chain(diff).collect(),
    }
}

fn counts(document: &CompareDocument) -> String {
    let t = &document.finished.totals;
    let mut counts = format!(
        "{} identical, {} benign, {} reordered, {}, {}, {}",
        t.identical,
        t.benign,
        t.reordered,
        counted(t.policy_change, "policy change"),
        counted(t.lost_guarantee, "lost guarantee"),
        counted(t.data_integrity_risk, "data-integrity risk")
    );
    if t.expected > 0 {
        counts += &format!(", {} of them expected", t.expected);
    }
    counts += &format!("; {} compared", counted(t.outputs_compared, "output"));
    if t.not_observed > 0 {
        counts += &format!(", {} not observed", counted(t.not_observed, "comparison"));
    }
    counts + &format!("; {} processes were started", t.processes)
}

fn warnings(document: &CompareDocument) -> impl Iterator<Item = Annotation> {
    let limited = |v: Verdict| matches!(v, Verdict::Unsupported | Verdict::NotObserved | Verdict::Blocked);
    let rows = document.spellings.iter().filter(move |row| limited(row.verdict));
    rows.map(|row| Annotation {
        title: format!("{}: {}", row.verdict, shown(&row.spelling)),
        message: reasons(row).join("\n"),
    })
}

fn reasons(row: &Compared) -> Vec<String> {
    let unseen = row.not_observed.iter().map(|n| n.reason.clone());
    shared::once(row.what.iter().cloned().chain(unseen).collect())
}

fn suite(spellings: &[Compared], pool: &mut Pool<'_>) -> Suite {
    let tests = spellings.iter().map(|row| {
        let failures = pool.of_spelling(&row.spelling, |_| true);
        test(shown(&row.spelling), "compare", shared::state(row.verdict, &failures, &reasons(row)))
    });
    Suite { name: "spellings".to_owned(), tests: tests.collect() }
}
