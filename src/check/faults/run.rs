//! A campaign of faults under way.

use std::collections::BTreeMap;

use super::Faults;
use super::outcome::{outcome_of, rule_of};
use crate::check::document::{
    Failure, FaultCase, FaultGroup, FaultOutcome, FaultTotals, Verdict, quoted, shown,
};
use crate::check::expect::Expectations;
use crate::check::watch::{Progress, Watch, varied};
use crate::plan::{LoadPlan, Spelling};
use crate::rules::{Evidence, Rule, weights_arrived};
use crate::subject::{Case, FaultSpec, NotAvailable};

/// One plan's clean run.
pub(super) struct Clean {
    pub(super) plan: LoadPlan,
    pub(super) case: Case,
    pub(super) run: Evidence,
    /// Why its output proves nothing.
    pub(super) no_output: Option<String>,
}

/// A campaign under way.
pub(super) struct Run<'a, 'p> {
    pub(super) faults: &'a Faults<'a>,
    pub(super) watch: Watch<'a>,
    pub(super) progress: &'p mut dyn FnMut(Progress),
    pub(super) totals: FaultTotals,
    pub(super) cases: Vec<FaultCase>,
    pub(super) failures: Vec<(FaultOutcome, Failure)>,
    pub(super) expected: Expectations,
    pub(super) stop: bool,
}

impl Run<'_, '_> {
    pub(super) fn plan(
        &mut self,
        clean: &Clean,
        schedules: &[Vec<FaultSpec>],
    ) -> Result<FaultGroup, NotAvailable> {
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
        debug_assert_eq!(given.dialect, self.faults.campaign.setting.dialect);
        if first.fired.iter().rev().take(faults.len()).all(|fired| *fired == 0) {
            return Ok((FaultOutcome::Unmet, String::new()));
        }
        let mut seen = outcome_of(clean, &first);
        if rule_of(seen.0).is_some() {
            let runs = self.watch.repeated(&clean.case, faults, first)?;
            if seen.0 == FaultOutcome::WrongOutput && varied(&runs).is_some() {
                return Ok((FaultOutcome::Unstable, varied(&runs).unwrap_or_default()));
            }
            // The best of the runs is believed: a message may get lost, a wrong output does not mend itself.
            for run in &runs[1..] {
                let again = outcome_of(clean, run);
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
            reproduce: self.faults.campaign.subject.check_line(&options, &self.faults.campaign.setting),
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
            self.stop |= self.faults.campaign.fail_fast;
            (self.progress)(Progress::Failed);
            Verdict::Divergent
        };
        self.failures.push((outcome, failure));
        verdict
    }
}

/// A case by the faults and the spelling that they meet.
fn named(spelling: &Spelling, faults: &[FaultSpec]) -> String {
    let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
    let spelling = spelling.to_string();
    let spelling = shown(&spelling);
    if faults.is_empty() { spelling.to_owned() } else { format!("{} in {spelling}", faults.join(" and ")) }
}
