//! An exploration under way.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::altered::Altering;
use super::explore::{Explorer, Step};
use super::kind::Kind;
use super::outcome::{Came, outcome_of};
use super::resume::Kept;
use super::saved::{Opening, Ran, SavedExploration};
use super::schedule::Schedule;
use super::sites::{Site, hash, met_at, sites, state};
use super::twins::parting;
use super::{Faults, hung};
use crate::check::document::{Failure, FaultCase, FaultGroup, FaultOutcome, FaultTotals, Verdict};
use crate::check::expect::Expectations;
use crate::check::said::Said;
use crate::check::shows::NoOutput;
use crate::check::watch::{Progress, Watch, side_by_side, varied};
use crate::plan::LoadPlan;
use crate::rules::{Evidence, Finding, Rule, weights_arrived};
use crate::subject::{Case, NotAvailable};

/// One plan's clean run.
pub(super) struct Clean {
    pub(super) plan: LoadPlan,
    pub(super) case: Case,
    pub(super) run: Evidence,
    /// What any clean run said.
    pub(super) said: Said,
    /// What it breaks without a fault.
    pub(super) broken: Vec<Finding>,
    /// Why its output proves nothing.
    pub(super) no_output: Option<NoOutput>,
    /// Whether the subject claims to check what it loads.
    pub(super) claims_check: bool,
}

impl Clean {
    /// Why its output proves nothing, in words.
    pub(super) fn silence(&self) -> String {
        self.no_output.as_ref().map_or_else(String::new, |silent| silent.reason.clone())
    }
}

/// One plan on one machine.
pub(super) struct Root<'a> {
    /// Plan and machine in reports.
    pub(super) label: String,
    /// The row that it is counted in.
    pub(super) group: String,
    pub(super) watch: Watch<'a>,
    pub(super) clean: Clean,
    /// Other spellings of its plan.
    pub(super) twins: Vec<Case>,
}

/// An exploration under way.
pub(super) struct Run<'a, 'p> {
    pub(super) faults: &'a Faults<'a>,
    pub(super) roots: Vec<Root<'a>>,
    pub(super) progress: &'p mut dyn FnMut(Progress),
    pub(super) explorer: Explorer<Schedule>,
    /// What can be altered under the subject; `None` for one that is no command.
    pub(super) altering: Option<Altering>,
    pub(super) groups: Vec<FaultGroup>,
    pub(super) totals: FaultTotals,
    pub(super) cases: Vec<FaultCase>,
    pub(super) failures: Vec<(FaultOutcome, Failure)>,
    pub(super) expected: Expectations,
    /// What was reported, so that a longer schedule that shrinks to it is not reported again.
    pub(super) reported: BTreeMap<(usize, Rule, String), Verdict>,
    /// The sites that were entered.
    seen_sites: BTreeSet<(usize, &'static str, Option<u32>, u64)>,
    /// How many schedules that end with a kind met a call.
    pub(super) met: BTreeMap<Kind, u64>,
    pub(super) stop: bool,
    /// What another run goes on from, where that is wanted.
    pub(super) kept: Option<Kept>,
    /// What this run goes on from.
    pub(super) from: Option<SavedExploration>,
}

/// How many schedules are taken at a time where runs are cheap: the order is the same for any number of threads.
const BATCH: usize = 64;

impl<'a, 'p> Run<'a, 'p> {
    pub(super) fn new(
        faults: &'a Faults<'a>,
        roots: Vec<Root<'a>>,
        progress: &'p mut dyn FnMut(Progress),
    ) -> Self {
        Self {
            faults,
            roots,
            progress,
            explorer: Explorer::new(),
            altering: faults.campaign.subject.is_command().then(|| Altering {
                copies: faults.campaign.subject.alterable(&faults.campaign.setting),
                claims_check: faults.bounds.claims_check,
            }),
            groups: Vec::new(),
            totals: FaultTotals::default(),
            cases: Vec::new(),
            failures: Vec::new(),
            expected: faults.campaign.expected.clone(),
            reported: BTreeMap::new(),
            seen_sites: BTreeSet::new(),
            met: BTreeMap::new(),
            stop: false,
            kept: None,
            from: None,
        }
    }

    /// Explores until nothing is left or a bound is reached; new schedules are begun until the time is up.
    pub(super) fn explore(&mut self, began: Instant) -> Result<(), NotAvailable> {
        let loads: Vec<bool> =
            self.roots.iter().map(|root| weights_arrived(&root.clean.run).is_ok()).collect();
        if self.faults.campaign.has_no_tensors() || !loads.contains(&true) {
            return Ok(());
        }
        for (root, loads) in loads.into_iter().enumerate() {
            self.begin(root, loads);
        }
        self.go_on()?;
        let before = self.cases.len() as u64;
        let batch = match self.faults.jobs {
            1 if self.faults.campaign.subject.is_command() => 1,
            jobs if self.faults.campaign.subject.is_command() => jobs,
            _ => BATCH,
        };
        let bounds = self.faults.bounds;
        while !self.stop && !self.faults.campaign.interrupted.load(std::sync::atomic::Ordering::Relaxed) {
            let allowed = bounds.cases.map_or(usize::MAX, |cases| {
                usize::try_from((before + cases).saturating_sub(self.cases.len() as u64))
                    .unwrap_or(usize::MAX)
            });
            // One schedule that was asked for is run whatever the time.
            if self.faults.only_faults.is_empty() && began.elapsed() >= bounds.time {
                break;
            }
            let steps = self.explorer.take(batch.min(allowed));
            if steps.is_empty() {
                break;
            }
            let roots = &self.roots;
            let ran = side_by_side(self.faults.jobs, &steps, |step| observe(roots, &step.what));
            let mut batch = Vec::new();
            for (step, ran) in steps.into_iter().zip(ran) {
                let (run, came) = ran?;
                let met = came.outcome != FaultOutcome::Unmet;
                self.put_down(&step, &run, came)?;
                let opened = self.enter(&step, &run);
                batch.push(Ran { met, hung: hung(&run), opened });
            }
            if let Some((_, batches, _)) = &mut self.kept {
                batches.push(batch);
            }
        }
        Ok(())
    }

    /// Enters the clean run of a root.
    fn begin(&mut self, root: usize, loads: bool) {
        let of = &self.roots[root];
        let at = self.groups.iter().position(|group| group.name == of.group).unwrap_or_else(|| {
            self.groups.push(FaultGroup {
                name: of.group.clone(),
                spelling: of.clean.case.spelling.to_string(),
                effective: of.clean.run.effective().to_string(),
                outcomes: BTreeMap::new(),
                notes: Vec::new(),
                verdict: Verdict::Pass,
            });
            self.groups.len() - 1
        });
        if of.clean.run.effective().to_string() != self.groups[at].effective {
            "each plan its way".clone_into(&mut self.groups[at].effective);
        }
        self.totals.groups += 1;
        let schedule = Schedule::clean(root);
        if !loads {
            let reason = weights_arrived(&of.clean.run).err().unwrap_or_default();
            let message = format!("without a fault: {reason}");
            let verdict = self.fail(FaultOutcome::Crash, Rule::Completes, &schedule, None, message);
            self.groups[at].verdict = self.groups[at].verdict.max(verdict);
            return;
        }
        for finding in of.clean.broken.clone() {
            let message = format!("without a fault: {}", finding.message);
            let verdict = self.fail(FaultOutcome::BrokenRule, finding.rule, &schedule, None, message);
            self.groups[at].verdict = self.groups[at].verdict.max(verdict);
        }
        let of = &self.roots[root];
        if let Some(silent) = &of.clean.no_output {
            let note = format!("{}: not observed: {}", Rule::FaultOutput, silent.reason);
            self.groups[at].notes.push(note);
        }
        if !self.faults.only_faults.is_empty() {
            let what = Schedule::asked(root, self.faults.only_faults.clone());
            self.explorer.push(Step { what, depth: 1, class: 0, lane: root, kind: Kind::ASKED });
            return;
        }
        if self.from.is_some() {
            return;
        }
        let all = sites(&of.clean.run.ops, self.faults.campaign.subject.is_command());
        let state = state(&of.clean.run, None, &[]);
        let opened = self.push_sites(&schedule, state, &all, None);
        if let Some(kept) = self.kept.as_mut().and_then(|(roots, ..)| roots.get_mut(root)) {
            kept.1 = Some(opened);
        }
    }

    /// Enters the state that a fault opened.
    fn enter(&mut self, step: &Step<Schedule>, run: &Evidence) -> Option<Opening> {
        if hung(run) {
            if self.faults.only_faults.is_empty() {
                self.explorer.leave_family(step.kind);
            }
            return None;
        }
        let fired = run.fired.last().is_some_and(|fired| *fired > 0);
        let last = step.what.faults.last().filter(|_| fired && self.faults.only_faults.is_empty())?;
        // What lies behind an altered file is of two files.
        if last.alters_file() {
            return None;
        }
        let all = sites(&run.ops, self.faults.campaign.subject.is_command());
        let at = met_at(&all, &run.ops, *last)?;
        let state = state(run, Some(at), &step.what.kinds);
        Some(self.open(step, state, &all, Some(at)))
    }

    /// Enters a state behind a schedule, with the calls behind `at` unless it is as deep as is allowed.
    pub(super) fn open(
        &mut self,
        step: &Step<Schedule>,
        state: u64,
        all: &[Site],
        at: Option<usize>,
    ) -> Opening {
        if self.faults.bounds.depth.is_some_and(|depth| step.depth >= depth) {
            self.explorer.enter(hash((step.what.root, state)));
            return Opening { state, sites: Vec::new() };
        }
        self.push_sites(&step.what, state, all, at)
    }

    /// Pushes every fault on every call behind `at`, if the state is a new one.
    pub(super) fn push_sites(
        &mut self,
        behind: &Schedule,
        state: u64,
        all: &[Site],
        at: Option<usize>,
    ) -> Opening {
        if !self.explorer.enter(hash((behind.root, state))) {
            return Opening { state, sites: Vec::new() };
        }
        let reference = !self.faults.campaign.subject.is_command();
        let ahead = behind.sites_ahead(all, at);
        for site in &ahead {
            self.seen_sites.insert((behind.root, site.call, site.file, site.number));
            behind.steps(site, reference).for_each(|step| self.push(step));
        }
        if let Some(altering) = &self.altering {
            let roles = self.roots[behind.root].clean.run.weights_by_role();
            let steps = ahead.iter().flat_map(|site| altering.steps(behind, site, &ahead, &roles));
            let steps: Vec<Step<Schedule>> = steps.collect();
            steps.into_iter().for_each(|step| self.push(step));
        }
        self.totals.sites = self.seen_sites.len() as u64;
        let sites = self.kept.iter().flat_map(|_| ahead.iter().map(|site| (*site).clone().into())).collect();
        Opening { state, sites }
    }

    /// Adds a schedule, unless it begins with a fault of another part.
    fn push(&mut self, step: Step<Schedule>) {
        if step.depth == 1 {
            self.totals.first += 1;
            let label = &self.roots[step.lane].label;
            if self.faults.part.is_some_and(|part| !step.what.belongs_to(part, label)) {
                return self.explorer.know(step.kind);
            }
        }
        self.explorer.push(step);
    }

    /// Counts what came of a schedule.
    fn put_down(&mut self, step: &Step<Schedule>, run: &Evidence, came: Came) -> Result<(), NotAvailable> {
        let schedule = &step.what;
        let root = &self.roots[schedule.root];
        let (label, spelling) = (root.label.clone(), root.clean.case.spelling.to_string());
        let group = root.group.clone();
        let mut verdict = match came.outcome {
            FaultOutcome::Unstable | FaultOutcome::NotObserved => {
                self.totals.not_observed += 1;
                Verdict::NotObserved
            }
            _ => Verdict::Pass,
        };
        if !came.findings.is_empty() {
            let shrunk = self.shrink(schedule, &came)?;
            for finding in &came.findings {
                let beside = came.beside.as_ref();
                let word = self.fail(came.outcome, finding.rule, &shrunk, beside, finding.message.clone());
                verdict = verdict.max(word);
            }
        }
        self.totals.planned += 1;
        self.totals.met += u64::from(came.outcome != FaultOutcome::Unmet);
        if came.outcome != FaultOutcome::Unmet {
            *self.met.entry(step.kind).or_default() += 1;
        }
        debug_assert!(run.fired.len() >= schedule.faults.len());
        if let Some(row) = self.groups.iter_mut().find(|row| row.name == group) {
            *row.outcomes.entry(came.outcome.to_string()).or_default() += 1;
            row.verdict = row.verdict.max(verdict);
            if let Some(note) = came.note.filter(|note| !row.notes.iter().any(|known| known == note)) {
                row.notes.push(note.to_owned());
            }
            // Without a finding nothing else says under which faults: the first stands for all.
            let unstable = came.outcome == FaultOutcome::Unstable;
            if unstable && row.outcomes.get(&came.outcome.to_string()) == Some(&1) {
                let faults: Vec<String> = schedule.faults.iter().map(ToString::to_string).collect();
                row.notes.push(format!("under {}: {}", faults.join(" "), came.message));
            }
        }
        self.cases.push(FaultCase {
            plan: label,
            spelling,
            faults: schedule.faults.iter().map(ToString::to_string).collect(),
            outcome: came.outcome,
            message: if verdict == Verdict::Pass { String::new() } else { came.message },
            given_by: schedule
                .sources
                .iter()
                .filter(|_| verdict != Verdict::Pass)
                .map(|source| (*source).to_owned())
                .collect(),
            verdict,
        });
        (self.progress)(Progress::Finished);
        Ok(())
    }
}

/// Injects and judges, beside the other spellings of the plan.
pub(super) fn observe(roots: &[Root<'_>], schedule: &Schedule) -> Result<(Evidence, Came), NotAvailable> {
    let (run, mut came) = observe_one(roots, schedule)?;
    if let Some((beside, finding)) = parting(&roots[schedule.root], &schedule.faults, &run, &came)? {
        came.outcome = FaultOutcome::BrokenRule;
        came.message.clone_from(&finding.message);
        came.findings.push(finding);
        came.beside = Some(beside);
    }
    Ok((run, came))
}

/// Injects and judges. What looks like a broken rule is repeated before it is believed.
fn observe_one(roots: &[Root<'_>], schedule: &Schedule) -> Result<(Evidence, Came), NotAvailable> {
    let root = &roots[schedule.root];
    let (watch, clean, faults) = (&root.watch, &root.clean, &schedule.faults[..]);
    let profile = watch.subject.profile();
    let first = watch.run(&clean.case, faults)?;
    if first.fired.iter().rev().take(faults.len()).all(|fired| *fired == 0) {
        return Ok((first, Came::of(FaultOutcome::Unmet, String::new())));
    }
    let mut came = outcome_of(clean, &first, faults, profile);
    // A schedule of which one fault met no call is a shorter one.
    if came.findings.is_empty() && first.fired.iter().rev().take(faults.len()).any(|fired| *fired == 0) {
        came.outcome = FaultOutcome::Unmet;
    }
    if came.findings.is_empty() || watch.retries == 0 {
        return Ok((first, came));
    }
    let mut runs = watch.repeated(&clean.case, faults, first)?;
    if came.outcome == FaultOutcome::WrongOutput && varied(&runs).is_some() {
        let message = varied(&runs).unwrap_or_default();
        came = Came::of(FaultOutcome::Unstable, message);
    } else {
        // The best of the runs is believed: a message may get lost, a wrong output does not mend itself.
        for run in &runs[1..] {
            let again = outcome_of(clean, run, faults, profile);
            if again.findings.is_empty() {
                let message = format!("{} in one run and {} in another", came.outcome, again.outcome);
                came = if came.outcome == FaultOutcome::SilentFailure {
                    again
                } else {
                    Came::of(FaultOutcome::Unstable, message)
                };
                break;
            }
        }
    }
    Ok((runs.swap_remove(0), came))
}
