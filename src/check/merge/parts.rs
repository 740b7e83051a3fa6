//! The parts of one campaign, joined into one result.

use crate::check::document::{CheckDocument, GroupResult, Part, Verdict};
use crate::check::levels;

/// The parts of one campaign that are there, joined.
struct Campaign {
    /// How a person knows the first of them.
    source: String,
    result: CheckDocument,
    /// The numbers of the parts.
    seen: Vec<u32>,
    of: u32,
    /// Broken rules that are counted and not listed: every part resolves all spellings, and counts the same.
    unlisted: u64,
}

impl Campaign {
    fn of(source: &str, result: &CheckDocument, part: Part) -> Self {
        let listed = result.failures.len() as u64;
        let unlisted = result.finished.totals.failures.saturating_sub(listed);
        let (source, result) = (source.to_owned(), result.clone());
        Self { source, result, seen: vec![part.index], of: part.of, unlisted }
    }

    fn misses(&self, part: Part, result: &CheckDocument) -> bool {
        self.of == part.of && !self.seen.contains(&part.index) && same(&self.result, result)
    }

    fn is_whole(&self) -> bool {
        self.seen.len() as u32 == self.of
    }

    /// Counts and judges what the parts come to together.
    fn finish(mut self) -> (String, CheckDocument) {
        if self.is_whole() {
            self.result.started.part = None;
        }
        let CheckDocument { started, groups, cases, failures, finished, .. } = &mut self.result;
        finished.totals.count(started, (groups, cases, failures), self.unlisted);
        if finished.verdict == Verdict::Divergent {
            let unexpected = finished.totals.failures.saturating_sub(finished.totals.expected);
            finished.sentence = levels::sentence(finished.verdict, &[], &[], None, unexpected);
        }
        (self.source, self.result)
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
            Some(campaign) => {
                campaign.seen.push(part.index);
                add(&mut campaign.result, result);
            }
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
        let machine = (s.platform.clone(), s.arch.clone(), s.page_size);
        (s.subject.clone(), s.model.clone(), s.model_hash.clone(), s.dialect.clone(), s.level, machine)
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
        if !into.failures.contains(failure) {
            into.failures.push(failure.clone());
        }
    }
    let (a, b) = (&mut into.finished, &part.finished);
    a.totals.processes += b.totals.processes;
    a.notes.extend(b.notes.iter().filter(|note| !a.notes.contains(note)).cloned().collect::<Vec<_>>());
    a.interrupted |= b.interrupted;
    if b.verdict > a.verdict {
        (a.verdict, a.sentence, a.exit_code) = (b.verdict, b.sentence.clone(), b.exit_code);
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
    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::check::{Breadth, Expectations, Matrix, Wanted};
    use crate::engine::Generation;
    use crate::plan::Dialect;
    use crate::rules::Level;
    use crate::subject::{Depth, Machine, Setting, Truth};

    /// What a simulated machine comes to in a part of the matrix.
    fn checked(part: Option<Part>) -> CheckDocument {
        let (engine, truth, generation) = (Machine::Linux.engine(), Truth::embedded(), Generation::default());
        let (dialect, depth) = (Dialect::EnumV4, Depth::Bytes);
        let matrix = Matrix {
            subject: &engine,
            model_name: "m".to_owned(),
            setting: Setting { dialect, depth, generation: &generation, truth: &truth },
            notes: Vec::new(),
            wanted: Wanted { level: Level::P3, named: true },
            breadth: Breadth::Pairs,
            only: Vec::new(),
            retries: 0,
            jobs: 1,
            fail_fast: false,
            part,
            faults: Vec::new(),
            allow_unmet: false,
            expected: Expectations::default(),
            interrupted: &AtomicBool::new(false),
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
