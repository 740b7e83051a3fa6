//! The machine-readable result of a campaign, one JSON document.

use std::io::{self, Write};

use serde::Serialize;

use super::Reporter;
use crate::check::{CaseFinished, Event, Failure, Finished, GroupFinished, Rule, Started};

/// The schema id of the document.
const SCHEMA: &str = "loadparity.check/1";

/// Collects a campaign and writes it as one document at the end.
pub struct Json<W: Write> {
    out: W,
    document: Document,
}

#[derive(Default, Serialize)]
struct Document {
    schema: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    started: Option<Started>,
    rules: Vec<RuleText>,
    groups: Vec<GroupFinished>,
    cases: Vec<CaseFinished>,
    failures: Vec<Failure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finished: Option<Finished>,
}

#[derive(Serialize)]
struct RuleText {
    id: Rule,
    explanation: &'static str,
}

impl<W: Write> Json<W> {
    /// Writes to `out` when the campaign ends.
    pub fn new(out: W) -> Self {
        let rules = Rule::ALL.iter().map(|r| RuleText { id: *r, explanation: r.explanation() }).collect();
        Self { out, document: Document { schema: SCHEMA, rules, ..Document::default() } }
    }
}

impl<W: Write> Reporter for Json<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::Started(started) => self.document.started = Some(started.clone()),
            Event::CaseFinished(case) => self.document.cases.push(case.clone()),
            Event::Failure(failure) => self.document.failures.push(failure.clone()),
            Event::GroupFinished(group) => self.document.groups.push((**group).clone()),
            Event::Finished(finished) => {
                self.document.finished = Some(finished.clone());
                serde_json::to_writer_pretty(&mut self.out, &self.document)?;
                writeln!(self.out)?;
                self.out.flush()?;
            }
        }
        Ok(())
    }
}
