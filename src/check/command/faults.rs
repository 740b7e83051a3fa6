//! A command's own calls made to fail: each by itself, and in pairs.
//!
//! The clean run of each plan says which calls there are. Every fault is one that happens to honest
//! loaders on honest machines: errors, interruptions, short reads, a file that ends early, refused
//! mappings and locks. Data that is silently wrong is not among them, as no loader without checksums can
//! notice. What comes of a fault is held against the clean output.

use std::collections::BTreeMap;

use super::campaign::{NO_BYTES, finished, started};
use super::expect::Expectations;
use super::watch::{Patience, Watch, crashed, path_of, stable};
use crate::check::campaign::one_of_each;
use crate::check::event::{
    CaseFinished, Event, Facts, Failure, Finished, GroupFinished, Level, Totals, Verdict,
};
use crate::check::rule::{Finding, Rule};
use crate::plan::{Dialect, LoadPlan, Spelling};
use crate::rules::Summary;
use crate::subject::{
    CommandRun, ExternalCommand, Fault, FaultSpec, Status, Target, TraceError, Truth, When,
};
use crate::trace::{Call, Op, SemanticPath};

/// Of more calls of one kind than this, the first, the last and some between are met.
const SITES: u64 = 8;

/// Faults on a command.
pub struct FaultCampaign<'a> {
    /// The command.
    pub subject: &'a ExternalCommand,
    /// How reports name the model.
    pub model_name: String,
    /// The dialect whose plans are loaded, one spelling of each.
    pub dialect: Dialect,
    /// What is to be said about how the dialect was found.
    pub notes: Vec<String>,
    /// Whether pairs of faults are injected too.
    pub pairs: bool,
    /// What the file holds.
    pub truth: &'a Truth,
    /// How unstable output is treated.
    pub patience: Patience,
    /// Divergences that are known.
    pub expected: Expectations,
}

/// What came of a fault, from harmless to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    /// It met no call that it could make a difference to.
    Unmet,
    /// The same output by the same way.
    Same,
    /// The same output by another way, and something was said.
    Fallback,
    /// It failed and said so.
    Error,
    /// Its own output varies: nothing can be said.
    Unstable,
    /// It failed or went another way and said nothing.
    Mute,
    Hang,
    Crash,
    /// It ended as if nothing had happened, with another output.
    Wrong,
}

impl Fate {
    const TOLD: [(Self, &'static str); 9] = [
        (Self::Wrong, "silent wrong output"),
        (Self::Crash, "crash"),
        (Self::Hang, "hang"),
        (Self::Mute, "nothing said"),
        (Self::Unstable, "unstable output"),
        (Self::Error, "clear error"),
        (Self::Fallback, "fallback that is told"),
        (Self::Same, "same output"),
        (Self::Unmet, "met no call"),
    ];

    fn rule(self) -> Option<Rule> {
        match self {
            Self::Wrong => Some(Rule::FaultOutput),
            Self::Crash => Some(Rule::FaultCrash),
            Self::Hang => Some(Rule::FaultHang),
            Self::Mute => Some(Rule::FaultTold),
            _ => None,
        }
    }
}

/// One plan's clean run.
struct Clean {
    plan: LoadPlan,
    spelling: Spelling,
    run: CommandRun,
    stable: bool,
}

/// What has come to light so far.
struct Found {
    totals: Totals,
    failures: Vec<(Fate, Failure)>,
    expected: Expectations,
}

impl Found {
    /// Keeps a failure, or, where it is known, notes it; gives the verdict for it.
    fn failure(&mut self, fate: Fate, failure: Failure, notes: &mut Vec<String>) -> Verdict {
        let Some(reason) = self.expected.reason(&failure) else {
            self.failures.push((fate, failure));
            return Verdict::Divergent;
        };
        let Failure { rule, spelling, message, .. } = failure;
        notes.push(format!("expected, because {reason}: {rule}: `{spelling}`: {message}"));
        Verdict::Expected
    }
}

impl FaultCampaign<'_> {
    /// Runs everything, telling `tell` as it goes, the worst failures first; returns the last event's
    /// content.
    ///
    /// # Errors
    /// When the command cannot be started or traced.
    pub fn run(&self, tell: &mut dyn FnMut(Event)) -> Result<Finished, TraceError> {
        let watch = Watch::new(self.subject, self.patience);
        let mut cleans = Vec::new();
        for (plan, spelling) in one_of_each(self.dialect) {
            let (run, stable) = watch.clean(&spelling)?;
            cleans.push(Clean { plan, spelling, run, stable: stable.output });
        }
        let schedules: Vec<Vec<Vec<FaultSpec>>> =
            cleans.iter().map(|clean| schedule(&clean.run.ops, self.pairs)).collect();
        let planned = schedules.iter().map(Vec::len).sum();
        let (dialect, level) = (self.dialect, Level::P4);
        tell(Event::Started(started(self.subject, &self.model_name, self.truth, dialect, level, planned)));

        let mut found = Found {
            totals: Totals { faults: planned as u64, ..Totals::default() },
            failures: Vec::new(),
            expected: self.expected.clone(),
        };
        let mut groups = Vec::new();
        let mut verdict = Verdict::Pass;
        for (clean, faults) in cleans.iter().zip(&schedules) {
            let group = self.plan(&watch, clean, faults, &mut found, tell)?;
            verdict = verdict.max(group.verdict);
            groups.push(group);
        }
        let Found { mut totals, mut failures, expected } = found;
        failures.sort_by_key(|(fate, _)| std::cmp::Reverse(*fate));
        let failures = failures.into_iter().map(|(_, failure)| failure);
        let gone = expected.left_over();
        verdict = if gone.is_empty() { verdict } else { Verdict::Divergent };
        for failure in failures.chain(gone) {
            totals.failures += 1;
            tell(Event::Failure(failure));
        }
        groups.into_iter().for_each(|group| tell(Event::GroupFinished(Box::new(group))));
        let mut notes = self.notes.clone();
        notes.push(NO_BYTES.to_owned());
        notes.push(format!("{} processes were started", watch.runs()));
        let finished = finished(totals, notes, verdict);
        tell(Event::Finished(finished.clone()));
        Ok(finished)
    }

    fn plan(
        &self,
        watch: &Watch<'_>,
        clean: &Clean,
        schedule: &[Vec<FaultSpec>],
        found: &mut Found,
        tell: &mut dyn FnMut(Event),
    ) -> Result<GroupFinished, TraceError> {
        let mut group = self.describe(clean);
        found.totals.groups += 1;
        if !clean.run.completed() {
            let message = format!("without a fault: {}", clean.run.ending());
            let failure = self.failure(Rule::Completes, clean, &[], message);
            group.verdict = found.failure(Fate::Crash, failure, &mut group.notes);
            return Ok(group);
        }
        let mut counts: BTreeMap<Fate, u64> = BTreeMap::new();
        for faults in schedule {
            let (fate, message) = self.fate(watch, clean, faults)?;
            *counts.entry(fate).or_default() += 1;
            found.totals.loaded += u64::from(fate != Fate::Unmet);
            let mut findings = Vec::new();
            let verdict = match (fate, fate.rule()) {
                (_, Some(rule)) => {
                    findings.push(Finding { rule, message: message.clone() });
                    found.failure(fate, self.failure(rule, clean, faults, message), &mut group.notes)
                }
                (Fate::Unstable, None) => Verdict::Blocked,
                _ => Verdict::Pass,
            };
            group.verdict = group.verdict.max(verdict);
            tell(Event::CaseFinished(CaseFinished {
                spelling: named(&clean.spelling, faults),
                plan: clean.plan.to_string(),
                resolved: clean.plan.to_string(),
                path: group.path.clone(),
                findings,
                verdict,
            }));
        }
        let told = Fate::TOLD.iter().filter_map(|(fate, word)| Some(format!("{} {word}", counts.get(fate)?)));
        let told: Vec<String> = told.collect();
        group.notes.push(format!("{} faults: {}", schedule.len(), told.join(", ")));
        Ok(group)
    }

    /// Injects and judges.
    fn fate(
        &self,
        watch: &Watch<'_>,
        clean: &Clean,
        faults: &[FaultSpec],
    ) -> Result<(Fate, String), TraceError> {
        let first = watch.run(&clean.spelling, faults)?;
        if first.fired.iter().all(|fired| *fired == 0) {
            return Ok((Fate::Unmet, String::new()));
        }
        let again = || watch.run(&clean.spelling, faults);
        let good = |run: &CommandRun| !run.completed() || run.stdout == clean.run.stdout;
        let runs = watch.until(first, again, good)?;
        let wrong = !runs.last().is_some_and(good);
        if wrong && (!clean.stable || !stable(&runs).output) {
            return Ok((Fate::Unstable, String::new()));
        }
        let Some(run) = runs.last() else { return Ok((Fate::Unmet, String::new())) };
        let fate = match run.status {
            Status::TimeLimit | Status::Stopped(_) => Fate::Hang,
            status if crashed(status) => Fate::Crash,
            _ if wrong => Fate::Wrong,
            _ if run.completed() && same_way(&clean.run, run) => Fate::Same,
            _ if !says_more(&clean.run, run) => Fate::Mute,
            _ if run.completed() => Fate::Fallback,
            _ => Fate::Error,
        };
        let message = match fate {
            Fate::Wrong => format!(
                "it ended as if nothing had happened, with {} bytes of output that are not the clean {}",
                run.stdout.len(),
                clean.run.stdout.len()
            ),
            Fate::Mute if run.completed() => format!(
                "it loaded another way ({} instead of {}) and said nothing",
                Summary::of(&run.ops).effective,
                Summary::of(&clean.run.ops).effective
            ),
            _ => run.ending(),
        };
        Ok((fate, message))
    }

    fn failure(&self, rule: Rule, clean: &Clean, faults: &[FaultSpec], message: String) -> Failure {
        Failure {
            rule,
            spelling: named(&clean.spelling, faults),
            plan: Some(clean.plan.to_string()),
            message,
            diff: None,
            reproduce: self.subject.trace_line(&clean.spelling, faults),
            across: None,
        }
    }

    fn describe(&self, clean: &Clean) -> GroupFinished {
        let gguf = &self.truth.gguf;
        let path = path_of(&clean.run.ops);
        let semantic = SemanticPath::of(&path, gguf.tensors.iter().map(|t| gguf.file_range(t)));
        let summary = Summary::of(&clean.run.ops);
        GroupFinished {
            plan: clean.plan,
            name: clean.plan.to_string(),
            load_mode: self.dialect.word_for(clean.plan).map(str::to_owned),
            resolved: summary.effective.to_string(),
            spellings: vec![clean.spelling.to_string()],
            facts: Facts::from(&summary),
            path: path.fingerprint().to_string(),
            steps: path.steps.iter().map(ToString::to_string).collect(),
            semantic: semantic.fingerprint(),
            semantic_steps: semantic.steps.iter().map(ToString::to_string).collect(),
            tensors: None,
            logits: None,
            text: clean.run.output().text().map(str::to_owned),
            notes: Vec::new(),
            verdict: if clean.stable { Verdict::Pass } else { Verdict::Blocked },
        }
    }
}

/// A case by the faults and the spelling that they meet.
fn named(spelling: &Spelling, faults: &[FaultSpec]) -> String {
    let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
    let spelling = spelling.to_string();
    let spelling = if spelling.is_empty() { "(no flag)" } else { &spelling };
    if faults.is_empty() { spelling.to_owned() } else { format!("{} in {spelling}", faults.join(" and ")) }
}

/// Whether a run came to its weights as the clean one did.
fn same_way(clean: &CommandRun, run: &CommandRun) -> bool {
    Summary::of(&clean.ops).effective == Summary::of(&run.ops).effective
}

/// Whether standard error has a line that the clean run had not; numbers, which may be times, aside.
fn says_more(clean: &CommandRun, run: &CommandRun) -> bool {
    let lines = |run: &CommandRun| -> std::collections::BTreeSet<String> {
        let text = String::from_utf8_lossy(&run.stderr).into_owned();
        let bare = |line: &str| line.chars().filter(|c| !c.is_ascii_digit()).collect::<String>();
        text.lines().map(bare).filter(|line| !line.trim().is_empty()).collect()
    };
    !lines(run).is_subset(&lines(clean))
}

/// The name by which a call is counted; `None` for calls that are left alone.
fn counted(op: &Op) -> Option<&'static str> {
    match &op.call {
        Call::Open { direct: true, .. } => Some("open.direct"),
        Call::Open { .. } => Some("open.buffered"),
        Call::Read { direct: true, .. } => Some("read.direct"),
        Call::Read { .. } => Some("read.buffered"),
        Call::Map { .. } => Some("map"),
        Call::Lock { .. } => Some("lock"),
        _ => None,
    }
}

/// What happens to calls of a name.
fn mishaps(name: &str) -> &'static [Fault] {
    match name {
        "open.direct" => &[Fault::Error("EINVAL"), Fault::Error("EIO")],
        "open.buffered" => &[Fault::Error("EIO"), Fault::Error("EMFILE")],
        "map" => &[Fault::Error("ENOMEM"), Fault::Error("ENODEV")],
        "lock" => &[Fault::Error("ENOMEM"), Fault::Error("EPERM")],
        "read.direct" => &[Fault::Error("EIO"), Fault::Error("EINVAL"), Fault::Short(4096), Fault::Eof],
        _ => &[Fault::Error("EIO"), Fault::Error("EINTR"), Fault::Short(1), Fault::Eof],
    }
}

/// Which of `calls` calls are met, from 1.
fn sites(calls: u64) -> Vec<u64> {
    if calls <= SITES {
        return (1..=calls).collect();
    }
    let mut sites: Vec<u64> = (0..SITES).map(|i| 1 + i * (calls - 1) / (SITES - 1)).collect();
    sites.dedup();
    sites
}

/// The faults for a command that makes these calls: singles, then pairs of what sends a loader another
/// way and what may happen to it there.
fn schedule(clean: &[Op], pairs: bool) -> Vec<Vec<FaultSpec>> {
    let mut calls: BTreeMap<&'static str, u64> = BTreeMap::new();
    for op in clean {
        if let Some(name) = counted(op) {
            *calls.entry(name).or_default() += 1;
        }
    }
    let spec = |name: &str, fault: Fault, when: When| {
        Target::named(name).and_then(|target| FaultSpec::new(target, fault, when).ok())
    };
    let mut schedule: Vec<Vec<FaultSpec>> = Vec::new();
    for (name, calls) in &calls {
        for site in sites(*calls) {
            let faults = mishaps(name).iter().filter_map(|fault| spec(name, *fault, When::nth(site)));
            schedule.extend(faults.map(|fault| vec![fault]));
        }
    }
    if pairs {
        let turns = [
            ("open.direct", Fault::Error("EINVAL")),
            ("read.direct", Fault::Error("EINVAL")),
            ("map", Fault::Error("ENODEV")),
            ("lock", Fault::Error("ENOMEM")),
        ];
        let reads = calls.iter().filter(|(name, _)| name.starts_with("read")).map(|(_, n)| *n).sum::<u64>();
        let first = |(name, fault): &(&str, Fault)| spec(name, *fault, When::nth(1));
        for turn in turns.iter().filter(|(name, _)| calls.contains_key(name)).filter_map(first) {
            // Where it goes then, it reads through the page cache; the first of its reads, and the last
            // of those that it made without the fault.
            for site in [1, 2, reads.max(3)] {
                for fault in [Fault::Error("EIO"), Fault::Short(1), Fault::Eof] {
                    let then = spec("read.buffered", fault, When::nth(site));
                    schedule.extend(then.map(|then| vec![turn, then]));
                }
            }
        }
    }
    schedule
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_calls_the_ends_are_met() {
        assert_eq!(sites(0), Vec::<u64>::new());
        assert_eq!(sites(3), [1, 2, 3]);
        let many = sites(75);
        assert_eq!((many.len() as u64, many[0], many[many.len() - 1]), (SITES, 1, 75));
        assert!(sites(9).is_sorted() && sites(9).len() <= SITES as usize);
    }

    #[test]
    fn every_mishap_is_a_fault_of_the_grammar() {
        for name in ["open.direct", "open.buffered", "read.direct", "read.buffered", "map", "lock"] {
            let target = Target::named(name).unwrap();
            for fault in mishaps(name) {
                let spec = FaultSpec::new(target, *fault, When::nth(2)).unwrap();
                assert_eq!(spec.to_string().parse(), Ok(spec));
            }
        }
    }

    #[test]
    fn the_worst_is_told_first() {
        assert!(Fate::TOLD.windows(2).all(|pair| pair[0].0 > pair[1].0));
    }
}
