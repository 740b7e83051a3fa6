//! The parts of one exploration of faults, joined into one result.

use std::collections::BTreeMap;

use super::parts::add_failure;
use crate::check::document::{FaultGroup, FaultsDocument, FaultsKind, FaultsLeft, LeftBecause, Verdict};
use crate::check::expect::Expectations;
use crate::check::faults::sum::{count_kinds, sentence};

/// Joins the parts of one exploration; a part that is missing is *blocked*.
///
/// # Errors
/// Names a result that is no part of the same exploration as the first, or that is there twice.
pub fn join_faults(results: &[(String, FaultsDocument)]) -> Result<FaultsDocument, String> {
    let mut parts: Vec<(u32, &FaultsDocument)> = Vec::new();
    let Some((source, first)) = results.first() else { return Err("there is no result".to_owned()) };
    for (name, result) in results {
        let Some(part) = result.started.check.part else {
            return Err(format!(
                "{name} is a whole exploration of faults: only parts of one are joined (check --faults --partition I/N)"
            ));
        };
        if campaign(result) != campaign(first) {
            return Err(format!("{source} and {name} are no parts of one exploration"));
        }
        if parts.iter().any(|(index, _)| *index == part.index) {
            return Err(format!("{name}: part {} is there twice", part.index));
        }
        parts.push((part.index, result));
    }
    let of = first.started.check.part.map_or(1, |part| part.of);
    parts.sort_by_key(|(index, _)| *index);
    let missing: Vec<u32> = (1..=of).filter(|index| !parts.iter().any(|(there, _)| there == index)).collect();
    let mut documents = parts.iter().map(|(_, result)| *result);
    let Some(mut joined) = documents.next().cloned() else { return Err("there is no result".to_owned()) };
    let same_calls = parts.iter().all(|(_, part)| part.finished.totals.first == joined.finished.totals.first);
    documents.for_each(|part| add(&mut joined, part));
    finish(&mut joined, &missing, of, same_calls);
    Ok(joined)
}

/// What all parts of one exploration have in common.
fn campaign(document: &FaultsDocument) -> impl PartialEq + use<'_> {
    let check = &document.started.check;
    let of = (&check.header, &check.subject, &check.model_hash, &check.dialect, &check.generation);
    (of, &check.known, check.part.map(|part| part.of), document.started.bounds.depth)
}

fn add(into: &mut FaultsDocument, part: &FaultsDocument) {
    for group in &part.groups {
        match into.groups.iter_mut().find(|known| known.name == group.name) {
            Some(known) => add_group(known, group),
            None => into.groups.push(group.clone()),
        }
    }
    into.cases.extend(part.cases.iter().cloned());
    part.failures.iter().for_each(|failure| add_failure(&mut into.failures, failure));
    let (a, b) = (&mut into.finished, &part.finished);
    a.kinds = kinds(&a.kinds, &b.kinds);
    a.left = left(&a.left, &b.left);
    let (sum, more) = (&mut a.totals, &b.totals);
    sum.planned += more.planned;
    sum.met += more.met;
    sum.states += more.states;
    sum.sites = sum.sites.max(more.sites);
    sum.depth = sum.depth.max(more.depth);
    sum.not_observed += more.not_observed;
    sum.processes += more.processes;
    a.notes.extend(b.notes.iter().filter(|note| !a.notes.contains(note)).cloned().collect::<Vec<_>>());
    a.not_observed.extend(b.not_observed.iter().cloned());
    a.interrupted |= b.interrupted;
    if b.verdict > a.verdict {
        (a.verdict, a.sentence) = (b.verdict, b.sentence.clone());
    }
}

fn add_group(into: &mut FaultGroup, part: &FaultGroup) {
    for (outcome, count) in &part.outcomes {
        *into.outcomes.entry(outcome.clone()).or_default() += count;
    }
    into.notes.extend(part.notes.iter().filter(|n| !into.notes.contains(n)).cloned().collect::<Vec<_>>());
    // Parts whose clean runs went different ways are no parts of one exploration.
    if into.effective != part.effective {
        into.notes.push("the parts loaded it in different ways without a fault".to_owned());
        into.verdict = into.verdict.max(Verdict::NotObserved);
    }
    into.verdict = into.verdict.max(part.verdict);
}

fn kinds(a: &[FaultsKind], b: &[FaultsKind]) -> Vec<FaultsKind> {
    let mut sum: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for kind in a.iter().chain(b) {
        *sum.entry((&kind.calls, &kind.fault)).or_default() += kind.met;
    }
    let kind = |((calls, fault), met): ((&str, &str), u64)| FaultsKind {
        calls: calls.to_owned(),
        fault: fault.to_owned(),
        met,
    };
    sum.into_iter().map(kind).collect()
}

fn left(a: &[FaultsLeft], b: &[FaultsLeft]) -> Vec<FaultsLeft> {
    let mut sum: BTreeMap<(&str, &str, bool), u64> = BTreeMap::new();
    for left in a.iter().chain(b) {
        let hang = left.reason == LeftBecause::Hang;
        *sum.entry((&left.calls, &left.fault, hang)).or_default() += left.schedules;
    }
    let left = |((calls, fault, hang), schedules): ((&str, &str, bool), u64)| FaultsLeft {
        calls: calls.to_owned(),
        fault: fault.to_owned(),
        schedules,
        reason: if hang { LeftBecause::Hang } else { LeftBecause::Bound },
    };
    sum.into_iter().map(left).collect()
}

/// Judges what the parts come to together.
fn finish(joined: &mut FaultsDocument, missing: &[u32], of: u32, same_calls: bool) {
    let FaultsDocument { started, failures, finished, .. } = joined;
    let whole = missing.is_empty() && same_calls && !finished.interrupted;
    let mut known = Expectations::of(std::mem::take(&mut started.check.known));
    for failure in failures.iter_mut() {
        failure.expected = known.reason(failure);
    }
    let left: u64 = finished.left.iter().map(|left| left.schedules).sum();
    if whole && left == 0 {
        failures.extend(known.left_over());
    }
    let totals = &mut finished.totals;
    totals.left = left;
    totals.failures = failures.len() as u64;
    totals.expected = failures.iter().filter(|failure| failure.expected.is_some()).count() as u64;
    count_kinds(totals, &finished.kinds);
    if failures.iter().any(|failure| failure.expected.is_none()) {
        finished.verdict = Verdict::Divergent;
    }
    finished.notes.push(
        "joined from parts: a state that several of them entered counts in each, and sites are those of the part that has most"
            .to_owned(),
    );
    if !same_calls {
        finished.notes.push(
            "the clean runs of the parts do not make the same calls: a call may belong to no part".to_owned(),
        );
        finished.verdict = finished.verdict.max(Verdict::NotObserved);
    }
    if matches!(finished.verdict, Verdict::Pass | Verdict::Expected | Verdict::Divergent) {
        finished.sentence = sentence(finished.verdict, &finished.totals, &finished.left);
    }
    if finished.verdict == Verdict::NotObserved && !same_calls && finished.totals.not_observed == 0 {
        "not observed: the parts do not make the same calls without a fault"
            .clone_into(&mut finished.sentence);
    }
    started.check.part = None;
    if !missing.is_empty() {
        let names: Vec<String> = missing.iter().map(|index| format!("{index}/{of}")).collect();
        let lack = format!("not run: part {}", names.join(", part "));
        finished.notes.push(lack.clone());
        if finished.verdict < Verdict::Divergent {
            finished.verdict = finished.verdict.max(Verdict::Blocked);
            finished.sentence = format!("blocked: {lack}");
        }
    }
    finished.exit_code = finished.verdict.exit_code();
}
