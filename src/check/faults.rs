//! A subject's own calls made to fail: each by itself, and in pairs.
//!
//! The clean run of each plan says which calls there are. Every fault is one that happens to honest
//! loaders on honest machines: errors, interruptions, short reads, a file that ends early, refused
//! mappings and locks. Data that is silently wrong is not among them, as no loader without checksums can
//! notice. What comes of a fault is held against the clean output.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;

use super::cases::one_of_each;
use super::document::{
    CheckStarted, Failure, FaultCase, FaultGroup, FaultOutcome, FaultTotals, FaultsDocument, FaultsFinished,
    FaultsStarted, RuleText, Verdict, quoted, shown, tool,
};
use super::expect::Expectations;
use super::unseen::{no_tensors, unmet};
use super::watch::{Progress, Watch, varied};
use crate::plan::{LoadPlan, Spelling};
use crate::rules::{Ending, Evidence, Level, Output, Rule, TensorBytes, weights_arrived};
use crate::subject::{Case, Fault, FaultSpec, NotAvailable, Setting, Subject, Target, When};
use crate::trace::{Call, Op};

/// Of more calls of one kind than this, the first, the last and some between are faulted.
const SITES: u64 = 8;

/// Faults on a subject.
pub struct Faults<'a> {
    /// The thing under test.
    pub subject: &'a dyn Subject,
    /// How reports name the model.
    pub model_name: String,
    /// Dialect, depth, what is generated, what the model holds: one spelling of each plan is loaded.
    pub setting: Setting<'a>,
    /// What is to be said about how the dialect was found.
    pub notes: Vec<String>,
    /// Whether pairs of faults are injected too.
    pub pairs: bool,
    /// Only these spellings, whatever their plan; one of each plan where it is empty.
    pub only: Vec<Spelling>,
    /// Only this schedule; all where it is empty.
    pub only_faults: Vec<FaultSpec>,
    /// How often a command is run again before what it does is believed.
    pub retries: u32,
    /// Whether to stop at the first broken rule.
    pub fail_fast: bool,
    /// Divergences that are known.
    pub expected: Expectations,
    /// Set from outside to end the campaign early.
    pub interrupted: &'a AtomicBool,
}

/// The rule that an outcome breaks.
fn rule_of(outcome: FaultOutcome) -> Option<Rule> {
    match outcome {
        FaultOutcome::WrongOutput => Some(Rule::FaultOutput),
        FaultOutcome::Crash => Some(Rule::FaultCrash),
        FaultOutcome::Hang => Some(Rule::FaultHang),
        FaultOutcome::SilentFailure => Some(Rule::FaultReported),
        _ => None,
    }
}

/// One plan's clean run.
struct Clean {
    plan: LoadPlan,
    case: Case,
    run: Evidence,
    /// Why its output proves nothing.
    no_output: Option<String>,
}

/// A campaign under way.
struct Run<'a, 'p> {
    faults: &'a Faults<'a>,
    watch: Watch<'a>,
    progress: &'p mut dyn FnMut(Progress),
    totals: FaultTotals,
    cases: Vec<FaultCase>,
    failures: Vec<(FaultOutcome, Failure)>,
    expected: Expectations,
    stop: bool,
}

impl Faults<'_> {
    /// Runs everything, reporting to `progress` as it goes.
    ///
    /// # Errors
    /// When the subject cannot be run at all.
    pub fn run(&self, progress: &mut dyn FnMut(Progress)) -> Result<FaultsDocument, NotAvailable> {
        let watch = Watch::new(self.subject, self.setting, self.retries, 1, self.interrupted);
        let mut cleans = Vec::new();
        for case in self.cases() {
            let Some(plan) = case.plan else { continue };
            let first = watch.run(&case, &[])?;
            let runs = watch.repeated(&case, &[], first)?;
            let no_output = varied(&runs).map(|seen| format!("its clean output varies by itself ({seen})"));
            // A run that failed where another did not is no example of anything.
            let Some(run) = runs.into_iter().max_by_key(Evidence::completed) else { continue };
            let empty = run.output.as_ref().is_none_or(Output::is_empty);
            let no_output =
                no_output.or_else(|| empty.then(|| "it writes nothing to standard output".to_owned()));
            cleans.push(Clean { plan, case, run, no_output });
        }
        let schedules: Vec<Vec<Vec<FaultSpec>>> = cleans
            .iter()
            .map(|clean| match &self.only_faults[..] {
                [] => schedule(&clean.run.ops, self.pairs),
                only => vec![only.to_vec()],
            })
            .collect();
        let planned: u64 = schedules.iter().map(|all| all.len() as u64).sum();
        progress(Progress::Planned(planned));
        let mut run = Run {
            faults: self,
            watch,
            progress,
            totals: FaultTotals { planned, ..FaultTotals::default() },
            cases: Vec::new(),
            failures: Vec::new(),
            expected: self.expected.clone(),
            stop: false,
        };
        let loads: Vec<Result<(), String>> = cleans.iter().map(|clean| weights_arrived(&clean.run)).collect();
        let mut groups = Vec::new();
        if !self.has_no_tensors() && loads.iter().any(Result::is_ok) {
            for (clean, schedules) in cleans.iter().zip(&schedules) {
                groups.push(run.plan(clean, schedules)?);
            }
        }
        let why = loads.into_iter().find_map(Result::err);
        Ok(run.finish(groups, why, self.started(planned)))
    }

    /// Whether any way to load the model is as good as any other: a fault in one would show nothing.
    fn has_no_tensors(&self) -> bool {
        self.setting.truth.weights.is_empty()
    }

    fn cases(&self) -> Vec<Case> {
        match &self.only[..] {
            [] => one_of_each(self.setting.dialect),
            only => only.iter().map(|s| Case::of(s.clone(), self.setting.dialect)).collect(),
        }
    }

    fn started(&self, planned: u64) -> FaultsStarted {
        let check = CheckStarted {
            tool: tool(),
            subject: self.subject.name(),
            model: self.model_name.clone(),
            model_hash: self.setting.truth.tensors.combined(),
            dialect: self.setting.dialect.to_string(),
            platform: self.subject.platform().to_owned(),
            arch: std::env::consts::ARCH.to_owned(),
            page_size: self.subject.page_size(),
            level: Level::P4,
            generation: self.subject.settings(&self.setting),
            planned_plans: 0,
            planned_loads: planned,
            part: None,
            known: Vec::new(),
        };
        FaultsStarted { check, planned }
    }
}

impl Run<'_, '_> {
    fn plan(&mut self, clean: &Clean, schedules: &[Vec<FaultSpec>]) -> Result<FaultGroup, NotAvailable> {
        let mut group = FaultGroup {
            name: clean.plan.to_string(),
            spelling: clean.case.spelling.to_string(),
            effective: clean.run.effective().to_string(),
            outcomes: BTreeMap::new(),
            notes: Vec::new(),
            verdict: Verdict::Pass,
        };
        self.totals.groups += 1;
        if let Err(reason) = weights_arrived(&clean.run) {
            let message = format!("without a fault: {reason}");
            let failure = self.failure(Rule::Completes, clean, &[], message);
            group.verdict = self.fail(FaultOutcome::Crash, failure, &mut group.notes);
            return Ok(group);
        }
        if let Some(reason) = &clean.no_output {
            group.notes.push(format!("{}: not observed: {reason}", Rule::FaultOutput));
        }
        let mut counts: BTreeMap<FaultOutcome, u64> = BTreeMap::new();
        for faults in schedules {
            if self.stop || self.watch.is_interrupted() {
                break;
            }
            let (outcome, message) = self.outcome(clean, faults)?;
            *counts.entry(outcome).or_default() += 1;
            self.totals.met += u64::from(outcome != FaultOutcome::Unmet);
            let verdict = match (outcome, rule_of(outcome)) {
                (_, Some(rule)) => {
                    let failure = self.failure(rule, clean, faults, message.clone());
                    self.fail(outcome, failure, &mut group.notes)
                }
                (FaultOutcome::Unstable | FaultOutcome::NotObserved, None) => {
                    self.totals.not_observed += 1;
                    Verdict::NotObserved
                }
                _ => Verdict::Pass,
            };
            group.verdict = group.verdict.max(verdict);
            self.cases.push(FaultCase {
                plan: clean.plan.to_string(),
                spelling: clean.case.spelling.to_string(),
                faults: faults.iter().map(ToString::to_string).collect(),
                outcome,
                message: if verdict == Verdict::Pass { String::new() } else { message },
                verdict,
            });
            (self.progress)(Progress::Finished);
        }
        let known = |outcome: &FaultOutcome| Some(format!("{} {outcome}", counts.get(outcome)?));
        let seen: Vec<String> = FaultOutcome::ALL.iter().filter_map(known).collect();
        group.notes.push(format!("{} faults: {}", counts.values().sum::<u64>(), seen.join(", ")));
        group.outcomes = counts.into_iter().map(|(outcome, n)| (outcome.to_string(), n)).collect();
        Ok(group)
    }

    /// Injects and judges. What looks like a broken rule is repeated before it is believed.
    fn outcome(&self, clean: &Clean, faults: &[FaultSpec]) -> Result<(FaultOutcome, String), NotAvailable> {
        let first = self.watch.run(&clean.case, faults)?;
        let given = self.watch.setting;
        debug_assert_eq!(given.dialect, self.faults.setting.dialect);
        if first.fired.iter().rev().take(faults.len()).all(|fired| *fired == 0) {
            return Ok((FaultOutcome::Unmet, String::new()));
        }
        let mut seen = self.assess(clean, &first);
        if rule_of(seen.0).is_some() {
            let runs = self.watch.repeated(&clean.case, faults, first)?;
            if seen.0 == FaultOutcome::WrongOutput && varied(&runs).is_some() {
                return Ok((FaultOutcome::Unstable, varied(&runs).unwrap_or_default()));
            }
            // The best of the runs is believed: a message may get lost, a wrong output does not mend itself.
            for run in &runs[1..] {
                let again = self.assess(clean, run);
                if rule_of(again.0).is_none() {
                    let what = format!("{} in one run and {} in another", seen.0, again.0);
                    seen = if seen.0 == FaultOutcome::SilentFailure {
                        again
                    } else {
                        (FaultOutcome::Unstable, what)
                    };
                    break;
                }
            }
        }
        Ok(seen)
    }

    fn assess(&self, clean: &Clean, run: &Evidence) -> (FaultOutcome, String) {
        let completed = run.completed();
        let wrong = completed && run.output != clean.run.output;
        let whole = run.tensors.as_ref().is_some_and(TensorBytes::is_whole);
        let wrong_tensor = run.tensors.as_ref().and_then(|seen| seen.wrong.as_ref());
        let outcome = match &run.ending {
            Ending::TimeLimit(_) => FaultOutcome::Hang,
            Ending::Crashed(_) => FaultOutcome::Crash,
            Ending::Killed(_) => FaultOutcome::NotObserved,
            _ if completed && wrong_tensor.is_some() => FaultOutcome::WrongOutput,
            _ if completed && clean.no_output.is_some() && !whole => FaultOutcome::NotObserved,
            _ if wrong && clean.no_output.is_none() => FaultOutcome::WrongOutput,
            _ if completed && run.effective() == clean.run.effective() => FaultOutcome::Same,
            _ if !says_more(&clean.run, run) => FaultOutcome::SilentFailure,
            _ if completed => FaultOutcome::Fallback,
            _ => FaultOutcome::Error,
        };
        let bytes = |evidence: &Evidence| match &evidence.output {
            Some(Output::Text { bytes, .. }) => bytes.len(),
            Some(Output::Logits { tokens, .. }) => tokens.len(),
            None => 0,
        };
        let message = match outcome {
            FaultOutcome::WrongOutput if wrong_tensor.is_some() => {
                let tensor = wrong_tensor.map_or_else(String::new, ToString::to_string);
                format!("it ended as if nothing had happened; {tensor}")
            }
            FaultOutcome::WrongOutput => format!(
                "it ended as if nothing had happened, with {} bytes of output that are not the clean {}",
                bytes(run),
                bytes(&clean.run)
            ),
            FaultOutcome::SilentFailure if completed => format!(
                "it loaded another way ({} instead of {}) and said nothing",
                run.effective(),
                clean.run.effective()
            ),
            FaultOutcome::NotObserved => clean.no_output.clone().unwrap_or_default(),
            _ => run.ending.message().to_owned(),
        };
        (outcome, message)
    }

    fn failure(&self, rule: Rule, clean: &Clean, faults: &[FaultSpec], message: String) -> Failure {
        let mut options = vec!["--faults".to_owned()];
        options.extend(["--only".to_owned(), clean.case.spelling.to_string()]);
        for fault in faults {
            options.extend(["--only-fault".to_owned(), fault.to_string()]);
        }
        Failure {
            rule,
            spelling: named(&clean.case.spelling, faults),
            plan: Some(clean.plan.to_string()),
            message,
            diff: None,
            reproduce: self.faults.subject.check_line(&options, &self.faults.setting),
            expected: None,
            across: None,
        }
    }

    /// Puts a failure down; gives the verdict for it.
    fn fail(&mut self, outcome: FaultOutcome, mut failure: Failure, notes: &mut Vec<String>) -> Verdict {
        self.totals.failures += 1;
        let reason = self.expected.reason(&failure);
        let verdict = if let Some(reason) = reason {
            let Failure { rule, spelling, message, .. } = &failure;
            notes.push(format!("expected, because {reason}: {rule}: {}: {message}", quoted(spelling)));
            self.totals.expected += 1;
            failure.expected = Some(reason);
            Verdict::Expected
        } else {
            self.stop |= self.faults.fail_fast;
            (self.progress)(Progress::Failed);
            Verdict::Divergent
        };
        self.failures.push((outcome, failure));
        verdict
    }

    fn finish(self, groups: Vec<FaultGroup>, why: Option<String>, started: FaultsStarted) -> FaultsDocument {
        let Self { faults, watch, mut totals, cases, mut failures, expected, stop, .. } = self;
        let interrupted = watch.is_interrupted();
        failures.sort_by_key(|(outcome, _)| std::cmp::Reverse(*outcome));
        let mut failures: Vec<Failure> = failures.into_iter().map(|(_, failure)| failure).collect();
        let whole = faults.only.is_empty() && faults.only_faults.is_empty() && !faults.has_no_tensors();
        if whole && !interrupted && !stop {
            let gone = expected.left_over();
            totals.failures += gone.len() as u64;
            failures.extend(gone);
        }
        totals.processes = watch.processes();
        let mut verdict = groups.iter().map(|group| group.verdict).max().unwrap_or(Verdict::Blocked);
        if failures.iter().any(|failure| failure.expected.is_none()) {
            verdict = Verdict::Divergent;
        }
        let not_observed = match totals.met {
            0 if !faults.has_no_tensors() => unmet(faults.only_faults.iter().map(|fault| (fault, 0))),
            _ => Vec::new(),
        };
        if !not_observed.is_empty() {
            verdict = verdict.max(Verdict::NotObserved);
        }
        if faults.has_no_tensors() {
            verdict = Verdict::NotObserved;
        }
        if interrupted && verdict < Verdict::Divergent {
            verdict = Verdict::Blocked;
        }
        let unexpected = totals.failures - totals.expected;
        let sentence = match verdict {
            Verdict::Pass => {
                format!("no broken rule under {} of {} faults that met a call", totals.met, totals.met)
            }
            Verdict::Divergent => format!("divergent: {unexpected} broken rules under {} faults", totals.met),
            Verdict::NotObserved if faults.has_no_tensors() => {
                format!("not observed: {}", no_tensors(&faults.model_name))
            }
            Verdict::NotObserved if totals.met == 0 => "not observed: no fault met a call".to_owned(),
            Verdict::NotObserved => {
                format!("not observed: what came of {} of {} faults", totals.not_observed, totals.met)
            }
            Verdict::Blocked if interrupted => format!("blocked: interrupted after {} faults", cases.len()),
            Verdict::Blocked => {
                let why = why.unwrap_or_else(|| "no plan could be loaded".to_owned());
                let model = &faults.model_name;
                format!("blocked: no clean run loads the weights of {model}: {why}")
            }
            verdict => format!("{verdict}: every broken rule is on the list of known ones"),
        };
        let mut notes = faults.notes.clone();
        if faults.subject.is_command() {
            notes.push(format!("{} processes were started", totals.processes));
        }
        FaultsDocument {
            schema: FaultsDocument::SCHEMA.to_owned(),
            started,
            rules: RuleText::all(),
            groups,
            cases,
            failures,
            finished: FaultsFinished {
                totals,
                notes,
                not_observed,
                interrupted,
                verdict,
                sentence,
                exit_code: verdict.exit_code(),
            },
        }
    }
}

/// A case by the faults and the spelling that they meet.
fn named(spelling: &Spelling, faults: &[FaultSpec]) -> String {
    let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
    let spelling = spelling.to_string();
    let spelling = shown(&spelling);
    if faults.is_empty() { spelling.to_owned() } else { format!("{} in {spelling}", faults.join(" and ")) }
}

/// Whether standard error, or a notice, says something that the clean run did not; numbers, which may be
/// times, aside.
fn says_more(clean: &Evidence, run: &Evidence) -> bool {
    let lines = |run: &Evidence| -> BTreeSet<String> {
        let text = String::from_utf8_lossy(&run.stderr).into_owned();
        let bare = |line: &str| line.chars().filter(|c| !c.is_ascii_digit()).collect::<String>();
        text.lines().map(bare).filter(|line| !line.trim().is_empty()).collect()
    };
    let failed_aloud = matches!(&run.ending, Ending::Failed(message) if !message.is_empty())
        && run.capabilities.has(crate::rules::Capability::Notices);
    failed_aloud || !run.fold.notices.is_subset(&clean.fold.notices) || !lines(run).is_subset(&lines(clean))
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

/// The faults for calls of a name.
fn faults_for(name: &str) -> &'static [Fault] {
    match name {
        "open.direct" => &[Fault::Error("EINVAL"), Fault::Error("EIO")],
        "open.buffered" => &[Fault::Error("EIO"), Fault::Error("EMFILE")],
        "map" => &[Fault::Error("ENOMEM"), Fault::Error("ENODEV")],
        "lock" => &[Fault::Error("ENOMEM"), Fault::Error("EPERM")],
        "read.direct" => &[Fault::Error("EIO"), Fault::Error("EINVAL"), Fault::Short(4096), Fault::Eof],
        _ => &[Fault::Error("EIO"), Fault::Error("EINTR"), Fault::Short(1), Fault::Eof],
    }
}

/// Which of `calls` calls are faulted, from 1.
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
            let faults = faults_for(name).iter().filter_map(|fault| spec(name, *fault, When::nth(site)));
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
    fn of_many_calls_the_ends_are_faulted() {
        assert_eq!(sites(0), Vec::<u64>::new());
        assert_eq!(sites(3), [1, 2, 3]);
        let many = sites(75);
        assert_eq!((many.len() as u64, many[0], many[many.len() - 1]), (SITES, 1, 75));
        assert!(sites(9).is_sorted() && sites(9).len() <= SITES as usize);
    }

    #[test]
    fn every_fault_is_a_fault_of_the_grammar() {
        for name in ["open.direct", "open.buffered", "read.direct", "read.buffered", "map", "lock"] {
            let target = Target::named(name).unwrap();
            for fault in faults_for(name) {
                let spec = FaultSpec::new(target, *fault, When::nth(2)).unwrap();
                assert_eq!(spec.to_string().parse(), Ok(spec));
            }
        }
    }

    #[test]
    fn the_worst_is_shown_first() {
        assert!(FaultOutcome::ALL.windows(2).all(|pair| pair[0] > pair[1]));
    }
}
