//! The machine-readable result of a campaign or a merge, one JSON document.

use std::io::{self, Write};

use serde::Serialize;

use super::Reporter;
use super::collected::Collected;
use crate::check::{
    CHECK_SCHEMA, CaseFinished, CompareFinished, CompareStarted, Compared, Event, Failure, Finished,
    GroupFinished, MergeFinished, MergeStarted, ModelMerged, RowMerged, Rule, Started,
};

/// The schema id of a merge's document.
const MERGE_SCHEMA: &str = "loadparity.merge/1";

/// The schema id of the document of a comparison.
const COMPARE_SCHEMA: &str = "loadparity.compare/1";

/// Collects a campaign or a merge and writes it as one document at the end.
pub struct Json<W: Write> {
    out: W,
    collected: Collected,
}

#[derive(Serialize)]
struct CheckDocument<'a> {
    schema: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    started: &'a Option<Started>,
    rules: Vec<RuleText>,
    groups: &'a [GroupFinished],
    cases: &'a [CaseFinished],
    failures: &'a [Failure],
    #[serde(skip_serializing_if = "Option::is_none")]
    finished: &'a Option<Finished>,
}

#[derive(Serialize)]
struct MergeDocument<'a> {
    schema: &'static str,
    started: &'a Option<MergeStarted>,
    rules: Vec<RuleText>,
    rows: &'a [RowMerged],
    models: &'a [ModelMerged],
    failures: &'a [Failure],
    finished: &'a Option<MergeFinished>,
}

#[derive(Serialize)]
struct CompareDocument<'a> {
    schema: &'static str,
    started: &'a CompareStarted,
    rules: Vec<RuleText>,
    spellings: &'a [Compared],
    failures: &'a [Failure],
    finished: &'a Option<CompareFinished>,
}

#[derive(Serialize)]
struct RuleText {
    id: Rule,
    explanation: &'static str,
}

impl<W: Write> Json<W> {
    /// Writes to `out` when the campaign ends.
    pub fn new(out: W) -> Self {
        Self { out, collected: Collected::default() }
    }

    fn end(&mut self) -> io::Result<()> {
        let c = &self.collected;
        let rules = Rule::ALL.iter().map(|r| RuleText { id: *r, explanation: r.explanation() }).collect();
        if let Some(started) = &c.compare {
            let document = CompareDocument {
                schema: COMPARE_SCHEMA,
                started,
                rules,
                spellings: &c.spellings,
                failures: &c.failures,
                finished: &c.compared,
            };
            serde_json::to_writer_pretty(&mut self.out, &document)?;
        } else if c.merge.is_some() {
            let document = MergeDocument {
                schema: MERGE_SCHEMA,
                started: &c.merge,
                rules,
                rows: &c.rows,
                models: &c.models,
                failures: &c.failures,
                finished: &c.merged,
            };
            serde_json::to_writer_pretty(&mut self.out, &document)?;
        } else {
            let document = CheckDocument {
                schema: CHECK_SCHEMA,
                started: &c.started,
                rules,
                groups: &c.groups,
                cases: &c.cases,
                failures: &c.failures,
                finished: &c.finished,
            };
            serde_json::to_writer_pretty(&mut self.out, &document)?;
        }
        writeln!(self.out)?;
        self.out.flush()
    }
}

impl<W: Write> Reporter for Json<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        if self.collected.take(event) { self.end() } else { Ok(()) }
    }
}
