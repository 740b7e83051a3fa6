//! The page of a check.

use super::{Entry, Page, Paths};
use crate::check::document::{CaseResult, CheckDocument, Facts, GroupResult, MemoryFacts, shown};
use crate::report::view::{Cell, Column, Table, Tone, Viewed, counted, size};

impl CheckDocument {
    /// What stands in a page.
    pub(in crate::report) fn entries(&self) -> Page {
        let refused = self.cases.iter().any(|case| case.plan == CaseResult::REFUSED);
        let entries = self.groups.iter().map(|group| entry(self, group));
        let entries = entries.chain(refused.then(|| Entry {
            title: "refused by the dialect".to_owned(),
            word: cases_of(self, CaseResult::REFUSED).map(|case| case.verdict).max().map(Cell::toned),
            facts: vec![(
                "asked",
                "nothing that the dialect takes: the subject has to refuse it too".to_owned(),
            )],
            cases: Some(cases(self, CaseResult::REFUSED)),
            ..Entry::default()
        }));
        let applied = self.finished.normalisations.iter();
        let normalised = applied.map(|n| format!("{} ({} times): {}", n.rule, n.applied, n.explanation));
        Page {
            entries: entries.collect(),
            normalisations: normalised.collect(),
            ..Page::new(self.view(), "plans")
        }
    }
}

fn cases_of<'d>(document: &'d CheckDocument, plan: &'d str) -> impl Iterator<Item = &'d CaseResult> {
    document.cases.iter().filter(move |case| case.plan == plan)
}

fn entry(document: &CheckDocument, group: &GroupResult) -> Entry {
    let diff = document
        .failures
        .iter()
        .find(|failure| failure.diff.is_some() && failure.plan.as_deref() == Some(group.name.as_str()));
    let first = group.spellings.first().map_or("", |spelling| shown(spelling));
    let paths = diff.and_then(|failure| {
        Some(Paths::of_listing(first, shown(&failure.spelling), failure.diff.as_deref()?))
    });
    let remarks = group.notes.iter().map(|note| (None, note.clone()));
    let unseen = group
        .not_observed
        .iter()
        .map(|missing| (Some(Tone::Warning), format!("not observed: {}: {}", missing.rule, missing.reason)));
    Entry {
        title: group.name.clone(),
        word: Some(Cell::toned(group.verdict)),
        facts: facts(group),
        remarks: remarks.chain(unseen).collect(),
        cases: Some(cases(document, &group.name)),
        paths,
        steps: group.steps.clone(),
        timelines: group.timeline.iter().map(|timeline| ("", timeline.clone())).collect(),
    }
}

fn facts(group: &GroupResult) -> Vec<(&'static str, String)> {
    let mut facts =
        vec![("asked", asked(group)), ("traced", traced(&group.facts)), ("proven", proven(group))];
    if let Some(memory) = &group.facts.memory {
        facts.push(("memory", held(memory)));
    }
    facts.push(("code path", group.path.clone()));
    facts
}

fn asked(group: &GroupResult) -> String {
    let mut text = group.name.clone();
    if group.resolved != group.name {
        text += &format!(", which came to {}", group.resolved);
    }
    if let Some(word) = &group.load_mode {
        text += &format!(" (--load-mode {word})");
    }
    format!("{text}, in {}", counted(group.spellings.len() as u64, "spelling"))
}

fn traced(facts: &Facts) -> String {
    let mut parts = vec![facts.effective.clone(), counted(facts.opens, "open")];
    if facts.direct_asked > 0 {
        parts.push(format!("{} of {} direct opens held", facts.direct_held, facts.direct_asked));
    }
    if facts.maps > 0 {
        parts.push(format!("{} mapped in {}", size(facts.mapped_bytes), counted(facts.maps, "mapping")));
    }
    if facts.reads > 0 {
        parts.push(format!("{} read in {}", size(facts.read_bytes), counted(facts.reads, "read")));
    }
    if facts.direct_read_bytes > 0 {
        parts.push(format!("{} of them direct", size(facts.direct_read_bytes)));
    }
    if facts.locked_bytes > 0 {
        parts.push(format!("{} locked", size(facts.locked_bytes)));
    }
    if facts.locks_refused > 0 {
        parts.push(format!("{} refused", counted(facts.locks_refused, "lock")));
    }
    parts.extend(facts.fallbacks.iter().cloned());
    parts.retain(|part| !part.is_empty());
    parts.join(", ")
}

fn proven(group: &GroupResult) -> String {
    let hash = |what: &str, hash: &Option<String>| hash.as_ref().map(|hash| format!("{what} {hash}"));
    let parts = [hash("tensors", &group.tensors), hash("logits", &group.logits), hash("text", &group.text)];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "neither bytes nor output were observed".to_owned() } else { parts.join(", ") }
}

fn held(memory: &MemoryFacts) -> String {
    let mut text = format!(
        "{} of {} resident, {} locked by calls, {} locked as the kernel says, {} anonymous, peak {}",
        size(memory.resident),
        size(memory.weights),
        size(memory.locked_traced),
        size(memory.locked_proven),
        size(memory.anonymous),
        size(memory.peak)
    );
    if let Some([before, after]) = memory.cached {
        text += &format!(", page cache {} before and {} after", size(before), size(after));
    }
    text
}

fn cases(document: &CheckDocument, plan: &str) -> Table {
    let row = |case: &CaseResult| {
        let output = if case.output_observed { "output observed" } else { "output not observed" };
        let loaded = if case.loaded { "weights came in" } else { "weights did not come in" };
        let mut proven = vec![loaded.to_owned(), output.to_owned()];
        proven.extend(case.findings.iter().map(|finding| format!("{}: {}", finding.rule, finding.message)));
        vec![
            Cell::new(shown(&case.spelling)),
            Cell::new(&case.resolved),
            Cell::new(&case.path),
            Cell::new(proven.join("; ")),
            Cell::toned(case.verdict),
        ]
    };
    Table {
        columns: ["asked", "came to", "traced", "proven", "verdict"].map(Column::text).to_vec(),
        rows: cases_of(document, plan).map(row).collect(),
    }
}
