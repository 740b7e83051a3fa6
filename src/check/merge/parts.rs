//! The parts of one campaign, joined into one result.

use crate::check::document::{CaseResult, CheckDocument, Failure, GroupResult, Part, Verdict};
use crate::check::expect::Expectations;
use crate::check::levels;

/// The parts of one campaign that are there, joined.
struct Campaign {
    /// How a person knows the first of them.
    source: String,
    result: CheckDocument,
    /// The numbers of the parts.
    seen: Vec<u32>,
    of: u32,
    /// Whether all cases of the parts were run.
    complete: bool,
    /// Broken rules that are counted and not listed: every part resolves all spellings, and counts the same.
    unlisted: u64,
}

impl Campaign {
    fn of(source: &str, result: &CheckDocument, part: Part) -> Self {
        let listed = result.failures.len() as u64;
        let unlisted = result.finished.totals.failures.saturating_sub(listed);
        let (source, result) = (source.to_owned(), result.clone());
        let complete = is_complete(&result);
        Self { source, result, seen: vec![part.index], of: part.of, complete, unlisted }
    }

    fn add(&mut self, index: u32, part: &CheckDocument) {
        self.seen.push(index);
        self.complete &= is_complete(part);
        add(&mut self.result, part);
    }

    fn misses(&self, part: Part, result: &CheckDocument) -> bool {
        self.of == part.of && !self.seen.contains(&part.index) && same(&self.result, result)
    }

    fn is_whole(&self) -> bool {
        self.seen.len() as u32 == self.of
    }

    /// Counts and judges what the parts come to together.
    fn finish(mut self) -> (String, CheckDocument) {
        let whole = self.is_whole();
        if whole {
            self.result.started.part = None;
        }
        judge_known(&mut self.result, whole && self.complete);
        let CheckDocument { started, groups, cases, failures, finished, .. } = &mut self.result;
        finished.totals.count(started, (groups, cases, failures), self.unlisted);
        if failures.iter().any(|failure| failure.expected.is_none()) {
            (finished.verdict, finished.exit_code) = (Verdict::Divergent, Verdict::Divergent.exit_code());
        }
        if finished.verdict == Verdict::Divergent {
            let unexpected = finished.totals.failures.saturating_sub(finished.totals.expected);
            finished.sentence = levels::sentence(finished.verdict, &[], &[], None, unexpected);
        }
        (self.source, self.result)
    }
}

/// Whether every case that was to be run was.
fn is_complete(part: &CheckDocument) -> bool {
    !part.finished.interrupted && part.cases.len() as u64 == part.started.planned_loads
}

/// Holds the failures of all parts against the known divergences. Each part has counted for itself, so that
/// together they may meet one too often; one that they meet too seldom shows in a `whole` campaign alone.
fn judge_known(result: &mut CheckDocument, whole: bool) {
    let mut known = Expectations::of(std::mem::take(&mut result.started.known));
    if known.known().is_empty() {
        return;
    }
    for failure in &mut result.failures {
        failure.expected = known.reason(failure);
        if failure.expected.is_some() {
            continue;
        }
        let plan = failure.plan.as_deref().unwrap_or(CaseResult::REFUSED);
        let group = result.groups.iter_mut().filter(|group| group.name == plan).map(|g| &mut g.verdict);
        let case = |case: &&mut CaseResult| case.plan == plan && case.spelling == failure.spelling;
        let cases = result.cases.iter_mut().filter(case).map(|case| &mut case.verdict);
        group.chain(cases).for_each(|verdict| *verdict = Verdict::Divergent);
    }
    if whole {
        result.failures.extend(known.left_over());
    }
}

/// Joins the parts of each campaign; what is no part stays as it is. Beside it, which campaigns lack a part.
pub(super) fn join(results: &[(String, CheckDocument)]) -> (Vec<(String, CheckDocument)>, Vec<String>) {
    let mut campaigns: Vec<Campaign> = Vec::new();
    let mut whole = Vec::new();
    for (source, result) in results {
        let Some(part) = result.started.part else {
            whole.push((source.clone(), result.clone()));
            continue;
        };
        match campaigns.iter_mut().find(|campaign| campaign.misses(part, result)) {
            Some(campaign) => campaign.add(part.index, result),
            None => campaigns.push(Campaign::of(source, result, part)),
        }
    }
    let mut missing = Vec::new();
    for campaign in campaigns {
        for index in (1..=campaign.of).filter(|index| !campaign.seen.contains(index)) {
            missing.push(format!("{}: part {index} of {} is missing", campaign.source, campaign.of));
        }
        whole.push(campaign.finish());
    }
    (whole, missing)
}

/// Whether two documents are parts of one campaign.
fn same(a: &CheckDocument, b: &CheckDocument) -> bool {
    let key = |d: &CheckDocument| {
        let s = &d.started;
        let of = (s.subject.clone(), s.model_hash.clone(), s.dialect.clone(), s.level, s.page_size);
        (s.header.clone(), of, s.known.clone())
    };
    key(a) == key(b)
}

fn add(into: &mut CheckDocument, part: &CheckDocument) {
    for group in &part.groups {
        match into.groups.iter_mut().find(|known| known.name == group.name) {
            Some(known) => add_group(known, group),
            None => into.groups.push(group.clone()),
        }
    }
    for case in &part.cases {
        // Every part runs the representatives.
        if !into.cases.iter().any(|known| known.spelling == case.spelling && known.plan == case.plan) {
            into.cases.push(case.clone());
        }
    }
    for failure in &part.failures {
        add_failure(&mut into.failures, failure);
    }
    let (a, b) = (&mut into.finished, &part.finished);
    a.totals.processes += b.totals.processes;
    a.notes.extend(b.notes.iter().filter(|note| !a.notes.contains(note)).cloned().collect::<Vec<_>>());
    a.interrupted |= b.interrupted;
    if b.verdict > a.verdict {
        (a.verdict, a.sentence, a.exit_code) = (b.verdict, b.sentence.clone(), b.exit_code);
    }
}

/// Adds a broken rule that is not there yet; whether it is known is asked of all parts together.
pub(super) fn add_failure(into: &mut Vec<Failure>, failure: &Failure) {
    if !into.iter().any(|known| *known == Failure { expected: known.expected.clone(), ..failure.clone() }) {
        into.push(failure.clone());
    }
}

fn add_group(into: &mut GroupResult, part: &GroupResult) {
    for spelling in &part.spellings {
        if !into.spellings.contains(spelling) {
            into.spellings.push(spelling.clone());
        }
    }
    // Parts that do not agree about the representative are no parts of one campaign.
    if into.semantic != part.semantic {
        into.notes.push("the parts of the campaign took different paths".to_owned());
        into.verdict = Verdict::Divergent;
    }
    into.notes.extend(part.notes.iter().filter(|n| !into.notes.contains(n)).cloned().collect::<Vec<_>>());
    into.verdict = into.verdict.max(part.verdict);
}

#[cfg(test)]
mod tests {
    use crate::plan::era;
    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::check::{self, Breadth, Expectations, Matrix, Wanted};
    use crate::engine::Generation;
    use crate::rules::Level;
    use crate::subject::{Depth, Machine, Setting, Truth};

    /// What a simulated machine comes to in a part of the matrix.
    fn checked(part: Option<Part>) -> CheckDocument {
        let (engine, truth, generation) = (Machine::Linux.engine(), Truth::embedded(), Generation::default());
        let (dialect, depth) = (era("enum-v4"), Depth::Bytes);
        let campaign = check::Campaign {
            subject: &engine,
            model_name: "m".to_owned(),
            setting: Setting { dialect, depth, generation: &generation, truth: &truth, patience: None },
            notes: Vec::new(),
            only: Vec::new(),
            retries: 0,
            fail_fast: false,
            timelines: false,
            expected: Expectations::default(),
            interrupted: &AtomicBool::new(false),
        };
        let matrix = Matrix {
            campaign,
            wanted: Wanted { level: Level::P3, named: true },
            breadth: Breadth::Pairs,
            jobs: 1,
            part,
            faults: Vec::new(),
            allow_unmet: false,
        };
        matrix.run(&mut |_| {}).unwrap()
    }

    #[test]
    fn joined_parts_count_what_the_whole_counts() {
        let whole = checked(None);
        let part = |index| (format!("{index}.json"), checked(Some(Part { index, of: 3 })));
        let parts: Vec<_> = (1..=3).map(part).collect();
        assert!(parts.iter().all(|(_, part)| part.cases.len() < whole.cases.len()));
        let (joined, missing) = join(&parts);
        assert_eq!((joined.len(), missing), (1, Vec::new()));
        let joined = &joined[0].1;
        assert!(joined.finished.totals.loaded > joined.finished.totals.groups);
        assert_eq!(joined.finished.totals, whole.finished.totals);
        assert_eq!(joined.cases.len(), whole.cases.len());
    }
}
