//! The view of a campaign of faults.

use std::collections::{BTreeMap, BTreeSet};

use super::shared::{self, Pool, counted, test};
use super::{Annotation, Cell, Column, Detail, Ending, Suite, Table, Test, View, Viewed, check};
use crate::check::document::{
    Failure, FaultCase, FaultGroup, FaultOutcome, FaultsDocument, FaultsKind, FaultsLeft, LeftBecause,
    Verdict,
};
use crate::report::page::Page;

impl Viewed for FaultsDocument {
    fn view(&self) -> View {
        let finished = &self.finished;
        let by_group = self.groups.iter().flat_map(|g| g.notes.iter().map(|note| (g.name.as_str(), note)));
        let mut notes = shared::grouped_notes(by_group);
        notes.extend(unseen_outcomes(&self.cases));
        notes.extend(left(&finished.left));
        notes.extend(unmet(&finished.kinds));
        notes.extend(finished.notes.iter().cloned());
        let started = &self.started.check;
        let mut pool = Pool::new(&self.failures);
        let view = View {
            command: "check --faults",
            tool: started.header.tool.clone(),
            title: check::title(started, &format!("faults in {}", started.subject)),
            interrupted: finished.interrupted,
            lines: Vec::new(),
            lines_hold_all: false,
            tables: vec![table(&self.groups)],
            notes: shared::once(notes),
            not_observed: shared::unobserved([finished.not_observed.as_slice()]),
            failures: shared::kinds(&self.failures),
            counts: counts(self),
            ending: Ending::new(&finished.sentence, finished.verdict),
            suites: suites(self, &mut pool),
            details: details(&self.cases),
            warnings: warnings(self),
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

/// What was not run, a line for each reason.
fn left(left: &[FaultsLeft]) -> Vec<String> {
    let line = |reason: LeftBecause, why: &str| {
        let mut calls: BTreeMap<&str, u64> = BTreeMap::new();
        for left in left.iter().filter(|left| left.reason == reason) {
            *calls.entry(&left.calls).or_default() += left.schedules;
        }
        let parts: Vec<String> = calls.iter().map(|(call, count)| format!("{count} ({call})")).collect();
        (!parts.is_empty()).then(|| format!("left {why}: {}", parts.join(", ")))
    };
    let bound = line(LeftBecause::Bound, "at the bound (--depth, --cases, --time)");
    bound.into_iter().chain(line(LeftBecause::Hang, "after the first hang of their family")).collect()
}

/// The kinds of fault of which none met a call.
fn unmet(kinds: &[FaultsKind]) -> Option<String> {
    let mut calls: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for kind in kinds.iter().filter(|kind| kind.met == 0) {
        calls.entry(&kind.calls).or_default().push(&kind.fault);
    }
    let parts: Vec<String> =
        calls.iter().map(|(call, faults)| format!("{call} ({})", faults.join(", "))).collect();
    (!parts.is_empty()).then(|| format!("kinds of fault that met no call: {}", parts.join("; ")))
}

/// One row a plan, one column an outcome that there was, the worst first.
fn table(groups: &[FaultGroup]) -> Table {
    let there = |outcome: &FaultOutcome| groups.iter().any(|group| count(group, *outcome) > 0);
    let outcomes: Vec<FaultOutcome> = FaultOutcome::ALL.into_iter().filter(there).collect();
    let columns = ["plan", "loads by"].map(Column::text).into_iter();
    let columns = columns.chain(outcomes.iter().map(|outcome| Column::numbers(outcome.to_string())));
    let row = |group: &FaultGroup| {
        let counts = outcomes.iter().map(|outcome| match count(group, *outcome) {
            0 => Cell::new("–"),
            count => Cell::new(count.to_string()),
        });
        let names = [Cell::new(&group.name), Cell::new(&group.effective)].into_iter();
        names.chain(counts).chain([Cell::toned(group.verdict)]).collect()
    };
    Table {
        columns: columns.chain([Column::text("verdict")]).collect(),
        rows: groups.iter().map(row).collect(),
    }
}

/// How many schedules of a plan came to an outcome, which is counted under its words or under its id.
fn count(group: &FaultGroup, outcome: FaultOutcome) -> u64 {
    let id = serde_json::to_value(outcome).unwrap_or_default();
    let names = [Some(outcome.to_string()), id.as_str().map(str::to_owned)];
    let names: BTreeSet<String> = names.into_iter().flatten().collect();
    names.iter().filter_map(|name| group.outcomes.get(name)).sum()
}

/// Outcomes that were not observed, each reason once with how many schedules it is about.
fn unseen_outcomes(cases: &[FaultCase]) -> Vec<String> {
    let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
    for case in cases.iter().filter(|case| case.verdict == Verdict::NotObserved) {
        *reasons.entry(&case.message).or_default() += 1;
    }
    let line = |(reason, count): (&str, u64)| {
        let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
        format!("not observed: the outcome of {}{reason}", counted(count, "schedule"))
    };
    reasons.into_iter().map(line).collect()
}

fn counts(document: &FaultsDocument) -> String {
    let t = &document.finished.totals;
    let mut counts = format!(
        "{} of faults run, {} met a call{}; {} in {}, {} left; {}, {}",
        counted(t.planned, "schedule"),
        t.met,
        if t.kinds > 0 { format!(", {} of {} kinds of fault", t.kinds_met, t.kinds) } else { String::new() },
        counted(t.states, "state"),
        counted(t.sites, "site"),
        t.left,
        counted(t.groups, "plan"),
        counted(t.failures, "failure"),
    );
    if t.expected > 0 {
        counts += &format!(" ({} expected)", t.expected);
    }
    if t.not_observed > 0 {
        counts += &format!(", {} not observed", counted(t.not_observed, "outcome"));
    }
    counts + &format!("; {} processes were started", t.processes)
}

fn details(cases: &[FaultCase]) -> Vec<Detail> {
    let mut plans: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
    for case in cases {
        let message = if case.message.is_empty() { String::new() } else { format!(": {}", case.message) };
        let line = format!("{}: {}{message}", case.faults.join(" "), case.outcome);
        plans.entry((&case.plan, &case.spelling)).or_default().push(line);
    }
    let detail = |((plan, spelling), lines)| Detail {
        title: format!("{plan} ({}): every schedule", shared::shown(spelling)),
        lines,
    };
    plans.into_iter().map(detail).collect()
}

fn warnings(document: &FaultsDocument) -> Vec<Annotation> {
    let limited = |v: Verdict| matches!(v, Verdict::Unsupported | Verdict::NotObserved | Verdict::Blocked);
    let groups = document.groups.iter().filter(|group| limited(group.verdict));
    let warning = |group: &FaultGroup| Annotation {
        title: format!("{}: {}", group.verdict, group.name),
        message: group.notes.join("\n"),
    };
    groups.map(warning).collect()
}

fn suites(document: &FaultsDocument, pool: &mut Pool<'_>) -> Vec<Suite> {
    let mut suites: BTreeMap<&str, Vec<Test>> = BTreeMap::new();
    for case in &document.cases {
        let name = named(case);
        let failures = pool.take(|failure| case.verdict == Verdict::Divergent && is_of(failure, case));
        let reason = match case.message.is_empty() {
            true => case.outcome.to_string(),
            false => format!("{}: {}", case.outcome, case.message),
        };
        let state = shared::state(case.verdict, &failures, &[reason]);
        suites.entry(&case.plan).or_default().push(test(&name, &case.plan, state));
    }
    suites.into_iter().map(|(name, tests)| Suite { name: name.to_owned(), tests }).collect()
}

/// A schedule as failures name it.
fn named(case: &FaultCase) -> String {
    let spelling = shared::shown(&case.spelling);
    if case.faults.is_empty() {
        return spelling.to_owned();
    }
    format!("{} in {spelling}", case.faults.join(" and "))
}

/// Whether a failure is what came of a schedule: its spelling or its message names the faults.
fn is_of(failure: &Failure, case: &FaultCase) -> bool {
    let names_all = || case.faults.iter().all(|fault| failure.message.contains(fault.as_str()));
    failure.plan.as_deref() == Some(&case.plan)
        && (failure.spelling == named(case) || (failure.spelling == case.spelling && names_all()))
}
