//! The table as one JSON document, described by a committed schema.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use serde::Serialize;

use crate::plan::compare::{Cell, Class, Comparison, Lost, Row};
use crate::plan::{Dialect, LoadPlan};

/// The `schema` of the document.
pub const SCHEMA_ID: &str = "loadparity.dialects/1";

/// The JSON Schema of the document.
#[must_use]
pub fn schema_text() -> &'static str {
    include_str!("../../../fixtures/schema/dialects-1.json")
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    base: Dialect,
    dialects: &'a [Dialect],
    rows: Vec<JsonRow<'a>>,
    summary: BTreeMap<&'static str, Summary>,
}

#[derive(Serialize)]
struct JsonRow<'a> {
    line: String,
    argv: &'a [String],
    env: BTreeMap<&'a str, &'a str>,
    cells: BTreeMap<&'static str, JsonCell<'a>>,
}

#[derive(Serialize)]
struct JsonCell<'a> {
    plan: Option<LoadPlan>,
    name: Option<String>,
    error: Option<String>,
    class: Option<Class>,
    lost: &'a BTreeSet<Lost>,
    ignored_env: &'a [&'static str],
}

#[derive(Serialize)]
struct Summary {
    lines: usize,
    lost: usize,
    classes: BTreeMap<Class, usize>,
}

impl<'a> JsonCell<'a> {
    fn of(cell: &'a Cell) -> Self {
        let resolved = cell.outcome.as_ref().ok();
        Self {
            plan: resolved.map(|resolved| resolved.plan),
            name: resolved.map(|resolved| resolved.plan.to_string()),
            error: cell.outcome.as_ref().err().map(ToString::to_string),
            class: cell.difference.class,
            lost: &cell.difference.lost,
            ignored_env: resolved.map_or(&[], |resolved| &resolved.ignored_env),
        }
    }
}

fn row(row: &Row) -> JsonRow<'_> {
    JsonRow {
        line: row.spelling.to_string(),
        argv: &row.spelling.argv,
        env: row.spelling.env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
        cells: row.cells.iter().map(|cell| (cell.dialect.name(), JsonCell::of(cell))).collect(),
    }
}

/// Writes the document on one line. The summary counts every row, shown or not.
pub(super) fn write(out: &mut dyn Write, comparison: &Comparison, only_differences: bool) -> io::Result<()> {
    let shown = comparison.rows.iter().filter(|row| !only_differences || row.differs());
    let summary = comparison.tallies().into_iter().map(|tally| {
        let classes = Class::ALL.into_iter().zip(tally.classes).collect();
        (tally.dialect.name(), Summary { lines: tally.lines, lost: tally.lost, classes })
    });
    let document = Document {
        schema: SCHEMA_ID,
        base: comparison.base,
        dialects: &comparison.dialects,
        rows: shown.map(row).collect(),
        summary: summary.collect(),
    };
    serde_json::to_writer(&mut *out, &document)?;
    writeln!(out)
}
