//! The view of a check.

use std::collections::BTreeMap;

use super::shared::{self, Pool, counted, digits, shown, size, test};
use super::{Annotation, Cell, Column, Detail, Ending, Line, State, Suite, Table, Tone, View, Viewed};
use crate::check::document::{
    CaseResult, CheckDocument, CheckStarted, Facts, GroupResult, Header, LevelResult, LevelState,
    MemoryFacts, Verdict,
};
use crate::report::page::Page;
use crate::rules::Level;

/// Spellings that a row names; the rest are counted.
const SHOWN_SPELLINGS: usize = 2;

impl Viewed for CheckDocument {
    fn view(&self) -> View {
        let finished = &self.finished;
        let by_group = self.groups.iter().flat_map(|g| g.notes.iter().map(|note| (g.name.as_str(), note)));
        let mut notes = shared::grouped_notes(by_group);
        notes.extend(finished.notes.iter().cloned());
        let of_cases = self.cases.iter().map(|case| case.not_observed.as_slice());
        let not_observed = shared::unobserved(of_cases.chain([finished.not_observed.as_slice()]));
        let mut pool = Pool::new(&self.failures);
        let suites = suites(self, &mut pool);
        let view = View {
            command: "check",
            tool: self.started.header.tool.clone(),
            title: title(&self.started, &self.started.subject),
            interrupted: finished.interrupted,
            lines: levels(&self.levels).into_iter().collect(),
            lines_hold_all: false,
            tables: [matrix(&self.groups)].into_iter().chain(memory(&self.groups)).collect(),
            notes: shared::once(notes),
            warnings: shared::unobserved_warning(&not_observed).into_iter().chain(warnings(self)).collect(),
            not_observed,
            failures: shared::kinds(&self.failures),
            counts: counts(self),
            ending: Ending::new(&finished.sentence, finished.verdict),
            suites,
            details: details(self),
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

/// What is checked on what, after the tool's name.
pub(super) fn title(started: &CheckStarted, what: &str) -> String {
    let CheckStarted { header: Header { model, platform, arch, .. }, dialect, level, .. } = started;
    let mut title = format!("{what} on {platform} {arch}, model {model}, dialect {dialect}, level {level}");
    if let Some(part) = started.part {
        title += &format!(", part {} of {}", part.index, part.of);
    }
    title
}

/// The levels, those of one state and reason together.
fn levels(levels: &[LevelResult]) -> Option<Line> {
    let mut parts: Vec<(Vec<Level>, &LevelResult)> = Vec::new();
    for result in levels {
        let same = |(_, first): &&mut (Vec<Level>, &LevelResult)| {
            first.state == result.state
                && first.reason == result.reason
                && (first.state != LevelState::Partly || first.cases == result.cases)
        };
        match parts.last_mut().filter(same) {
            Some((names, _)) => names.push(result.level),
            None => parts.push((vec![result.level], result)),
        }
    }
    let words = parts.iter().map(|(names, first)| {
        let names = names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let reason = first.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        match first.state {
            LevelState::Observed => format!("{names} observed"),
            LevelState::Partly => {
                format!("{names} observed in {} only{reason}", counted(first.cases, "case"))
            }
            LevelState::NotObserved => format!("{names} not observed{reason}"),
            LevelState::NotAsked => format!("{names} not asked for"),
        }
    });
    let text = words.collect::<Vec<_>>().join("; ");
    let missing = levels.iter().any(|l| matches!(l.state, LevelState::Partly | LevelState::NotObserved));
    let line = Line::new("levels", text);
    let line = if missing { line.toned(Tone::Warning) } else { line };
    (!levels.is_empty()).then_some(line)
}

fn matrix(groups: &[GroupResult]) -> Table {
    let columns = vec![
        Column::text("plan"),
        Column::text("spellings"),
        Column::numbers("opens").spare(),
        Column::numbers("direct"),
        Column::numbers("map"),
        Column::numbers("lock"),
        Column::numbers("reads").spare(),
        Column::text("fallback"),
        Column::text("path").spare(),
        Column::text("output").spare(),
        Column::text("verdict"),
    ];
    Table { columns, rows: groups.iter().map(row).collect() }
}

fn row(group: &GroupResult) -> Vec<Cell> {
    let s: &Facts = &group.facts;
    let plan = if group.name == group.resolved {
        group.name.clone()
    } else {
        format!("{} → {}", group.name, group.resolved)
    };
    let dash = || "–".to_owned();
    let output = group.logits.as_ref().or(group.text.as_ref());
    let texts = [
        plan,
        spellings(group),
        s.opens.to_string(),
        if s.direct_asked == 0 { dash() } else { format!("{} of {}", s.direct_held, s.direct_asked) },
        if s.maps == 0 { dash() } else { size(s.mapped_bytes) },
        match (s.locked_bytes, s.locks_refused) {
            (0, 0) => dash(),
            (locked, 0) => size(locked),
            (locked, _) => format!("{}, refused", size(locked)),
        },
        format!("{}: {}", s.reads, size(s.read_bytes)),
        if s.fallbacks.is_empty() { dash() } else { s.fallbacks.join(", ") },
        group.path.clone(),
        output.map_or_else(dash, |hash| digits(hash).to_owned()),
    ];
    texts.into_iter().map(Cell::new).chain([Cell::toned(group.verdict)]).collect()
}

/// The memory of each plan's load: locks as they were asked for, traced and proven, and what it takes.
fn memory(groups: &[GroupResult]) -> Option<Table> {
    let columns = vec![
        Column::text("plan"),
        Column::text("lock asked"),
        Column::numbers("traced"),
        Column::numbers("proven"),
        Column::numbers("resident"),
        Column::numbers("anonymous"),
        Column::numbers("of files").spare(),
        Column::numbers("peak").spare(),
        Column::numbers("memlock"),
        Column::text("page cache").spare(),
    ];
    let known = groups.iter().filter_map(|group| Some((group, group.facts.memory.as_ref()?)));
    let rows: Vec<Vec<Cell>> = known.map(|(group, memory)| memory_row(group, memory)).collect();
    (!rows.is_empty()).then_some(Table { columns, rows })
}

fn memory_row(group: &GroupResult, memory: &MemoryFacts) -> Vec<Cell> {
    let dash = || "–".to_owned();
    let some = |bytes: u64| if bytes == 0 { dash() } else { size(bytes) };
    let of_weights = |bytes: u64| format!("{} of {}", size(bytes), size(memory.weights));
    let texts = [
        group.name.clone(),
        if memory.lock_asked { "yes".to_owned() } else { dash() },
        some(memory.locked_traced),
        some(memory.locked_proven),
        of_weights(memory.resident),
        size(memory.anonymous),
        size(memory.file),
        size(memory.peak),
        some(memory.lock_needed),
        memory.cached.map_or_else(dash, |[before, after]| format!("{} → {}", size(before), size(after))),
    ];
    texts.into_iter().map(Cell::new).collect()
}

fn spellings(group: &GroupResult) -> String {
    let names: Vec<&str> = group.spellings.iter().take(SHOWN_SPELLINGS).map(|s| shown(s)).collect();
    let rest = group.spellings.len().saturating_sub(SHOWN_SPELLINGS);
    let mut text = names.join(", ");
    if rest > 0 {
        text += &format!(" +{rest}");
    }
    text
}

fn counts(document: &CheckDocument) -> String {
    let t = &document.finished.totals;
    let mut counts = format!(
        "{} planned: {} resolved, {} refused as usage errors; {} really loaded, the output of {} observed; \
         {}, {}",
        counted(t.planned, "spelling"),
        t.resolved,
        t.rejected,
        t.loaded,
        t.generated,
        counted(t.groups, "plan"),
        counted(t.failures, "failure"),
    );
    if t.expected > 0 {
        counts += &format!(" ({} expected)", t.expected);
    }
    if t.not_observed > 0 {
        counts += &format!(", {} not observed", counted(t.not_observed, "decision"));
    }
    if t.processes > 0 {
        counts += &format!("; {} processes were started", t.processes);
    }
    counts
}

fn details(document: &CheckDocument) -> Vec<Detail> {
    let mut details: Vec<Detail> = Vec::new();
    for group in &document.groups {
        let mut lines = group.steps.clone();
        lines.push("on every platform:".to_owned());
        lines.extend(group.semantic_steps.iter().map(|step| format!("  {step}")));
        details.push(Detail { title: format!("{} ({})", group.name, group.path), lines });
    }
    let applied = document.finished.normalisations.iter();
    let lines = applied.map(|n| format!("{} ({}×): {}", n.rule, n.applied, n.explanation));
    details.push(Detail { title: "normalisations of the code paths:".to_owned(), lines: lines.collect() });
    details
}

fn warnings(document: &CheckDocument) -> impl Iterator<Item = Annotation> {
    let limited = |v: Verdict| matches!(v, Verdict::Unsupported | Verdict::NotObserved | Verdict::Blocked);
    let groups = document.groups.iter().filter(move |group| limited(group.verdict));
    groups.map(|group| Annotation {
        title: format!("{}: {}", group.verdict, group.name),
        message: reasons(&group.notes, group.not_observed.iter().map(|n| n.reason.as_str())).join("\n"),
    })
}

/// Why a verdict is no pass: the notes, then what was not observed.
fn reasons<'d>(notes: &[String], not_observed: impl Iterator<Item = &'d str>) -> Vec<String> {
    shared::once(notes.iter().cloned().chain(not_observed.map(str::to_owned)).collect())
}

fn suites(document: &CheckDocument, pool: &mut Pool<'_>) -> Vec<Suite> {
    let groups: BTreeMap<&str, &GroupResult> = document.groups.iter().map(|g| (g.name.as_str(), g)).collect();
    let mut suites: BTreeMap<&str, Vec<super::Test>> = BTreeMap::new();
    for case in &document.cases {
        // A spelling can break a rule about plans without being a worse load.
        let own = |f: &crate::check::document::Failure| {
            f.rule.level() != Level::P1 || case.findings.iter().any(|finding| finding.rule == f.rule)
        };
        let failures = pool.of_spelling(&case.spelling, own);
        let notes = groups.get(case.plan.as_str()).map_or(&[][..], |group| &group.notes);
        let state = shared::state(case.verdict, &failures, &case_reasons(case, notes));
        suites.entry(&case.plan).or_default().push(test(shown(&case.spelling), &case.plan, state));
    }
    let plans = Suite { name: "P1 plans".to_owned(), tests: vec![plans(document, pool)] };
    let rest = suites.into_iter().map(|(name, tests)| Suite { name: name.to_owned(), tests });
    [plans].into_iter().chain(rest).chain(unseen_levels(&document.levels)).collect()
}

fn case_reasons(case: &CaseResult, notes: &[String]) -> Vec<String> {
    match case.verdict {
        Verdict::Divergent => {
            case.findings.iter().map(|finding| format!("{}: {}", finding.rule, finding.message)).collect()
        }
        Verdict::NotObserved => reasons(&[], case.not_observed.iter().map(|n| n.reason.as_str())),
        _ => notes.to_vec(),
    }
}

/// The rules about plans, as one test.
fn plans(document: &CheckDocument, pool: &mut Pool<'_>) -> super::Test {
    let failures = pool.take(|f| f.rule.level() == Level::P1);
    let totals = &document.finished.totals;
    let state = match totals.resolved + totals.rejected {
        0 if failures.is_empty() => State::Skipped { reason: "no spelling was resolved".to_owned() },
        _ => shared::state(Verdict::Pass, &failures, &[]),
    };
    test("every spelling resolves as it should", "P1", state)
}

/// Levels that were asked for and not, or not always, observed.
fn unseen_levels(levels: &[LevelResult]) -> Option<Suite> {
    let unseen = levels.iter().filter(|l| matches!(l.state, LevelState::Partly | LevelState::NotObserved));
    let tests: Vec<_> = unseen
        .map(|level| {
            let reason = level.reason.clone().unwrap_or_default();
            let how = if level.state == LevelState::Partly { "partly observed" } else { "not observed" };
            let state = State::Skipped { reason: format!("{how}: {reason}") };
            test(&level.level.to_string(), "levels", state)
        })
        .collect();
    (!tests.is_empty()).then(|| Suite { name: "levels".to_owned(), tests })
}
