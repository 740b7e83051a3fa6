//! The parts of one campaign, joined into one result.

use crate::check::document::{CheckDocument, GroupResult, Part, Verdict};
use crate::check::levels;

/// Joins the parts of each campaign; what is no part stays as it is. Beside it, which campaigns lack a part.
pub(super) fn join(results: &[(String, CheckDocument)]) -> (Vec<(String, CheckDocument)>, Vec<String>) {
    let mut joined: Vec<(String, CheckDocument, Vec<u32>, Part)> = Vec::new();
    let mut whole = Vec::new();
    for (source, result) in results {
        let Some(part) = result.started.part else {
            whole.push((source.clone(), result.clone()));
            continue;
        };
        let known = joined.iter_mut().find(|(_, known, _, first)| same(known, result) && first.of == part.of);
        match known {
            Some((_, known, seen, _)) if !seen.contains(&part.index) => {
                seen.push(part.index);
                add(known, result);
            }
            _ => joined.push((source.clone(), result.clone(), vec![part.index], part)),
        }
    }
    let mut missing = Vec::new();
    for (source, mut result, seen, Part { of, .. }) in joined {
        for index in (1..=of).filter(|index| !seen.contains(index)) {
            missing.push(format!("{source}: part {index} of {of} is missing"));
        }
        if seen.len() as u32 == of {
            result.started.part = None;
        }
        whole.push((source, result));
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
    a.totals.loaded += b.totals.loaded;
    a.totals.generated += b.totals.generated;
    a.totals.processes += b.totals.processes;
    a.totals.not_observed += b.totals.not_observed;
    a.totals.failures = into.failures.len() as u64;
    a.totals.expected = into.failures.iter().filter(|failure| failure.expected.is_some()).count() as u64;
    a.notes.extend(b.notes.iter().filter(|note| !a.notes.contains(note)).cloned().collect::<Vec<_>>());
    a.interrupted |= b.interrupted;
    if b.verdict > a.verdict {
        (a.verdict, a.sentence, a.exit_code) = (b.verdict, b.sentence.clone(), b.exit_code);
    }
    if a.verdict == Verdict::Divergent {
        let unexpected = a.totals.failures.saturating_sub(a.totals.expected);
        a.sentence = levels::sentence(a.verdict, &[], &[], None, unexpected);
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
