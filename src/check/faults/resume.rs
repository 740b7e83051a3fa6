//! Going on where an exploration stopped.

use super::run::Run;
use super::saved::{Opening, Ran, SavedExploration};
use super::schedule::Schedule;
use crate::check::document::{FaultOutcome, FaultTotals, Verdict};
use crate::subject::NotAvailable;

/// What another run goes on from: what the clean runs opened, the schedules that were taken together, and the outcomes
/// of the broken rules.
pub(super) type Kept = (Vec<(String, Option<Opening>)>, Vec<Vec<Ran>>, Vec<FaultOutcome>);

impl Run<'_, '_> {
    /// Keeps what another run goes on from, and goes on where `from` stopped.
    ///
    /// # Errors
    /// When that is another exploration.
    pub(super) fn keep(&mut self, from: Option<SavedExploration>) -> Result<(), NotAvailable> {
        let labels = self.roots.iter().map(|root| (root.label.clone(), None)).collect();
        self.kept = Some((labels, Vec::new(), Vec::new()));
        if let Some(saved) = &from {
            saved
                .fits(&self.faults.started(), self.faults.bounds, &self.roots)
                .map_err(NotAvailable::OtherState)?;
        }
        self.from = from;
        Ok(())
    }

    /// Builds the queue as it was, and takes over what was counted.
    ///
    /// # Errors
    /// When what was kept does not lead to the schedules that were run.
    pub(super) fn go_on(&mut self) -> Result<(), NotAvailable> {
        let Some(saved) = self.from.take() else { return Ok(()) };
        let damaged =
            || NotAvailable::OtherState("it does not lead to the schedules that it lists".to_owned());
        for (root, (_, opened)) in saved.roots.iter().enumerate() {
            if let Some(opened) = opened {
                let sites = opened.sites().ok_or_else(damaged)?;
                self.push_sites(&Schedule::clean(root), opened.state, &sites, None);
            }
        }
        let mut cases = saved.result.cases.iter();
        for batch in &saved.batches {
            let steps = self.explorer.take(batch.len());
            if steps.len() != batch.len() {
                return Err(damaged());
            }
            for (step, ran) in steps.iter().zip(batch) {
                let faults: Vec<String> = step.what.faults.iter().map(ToString::to_string).collect();
                if cases.next().is_none_or(|case| case.faults != faults) {
                    return Err(damaged());
                }
                if ran.met {
                    *self.met.entry(step.kind).or_default() += 1;
                }
                if ran.hung {
                    self.explorer.leave_family(step.kind);
                } else if let Some(opened) = &ran.opened {
                    let sites = opened.sites().ok_or_else(damaged)?;
                    self.open(step, opened.state, &sites, None);
                }
            }
        }
        if cases.next().is_some() {
            return Err(damaged());
        }
        self.take_over(saved);
        Ok(())
    }

    fn take_over(&mut self, saved: SavedExploration) {
        let SavedExploration { roots, batches, outcomes, result, .. } = saved;
        let of = &result.finished.totals;
        let FaultTotals { first, sites, groups, .. } = self.totals;
        self.totals = FaultTotals {
            planned: of.planned,
            met: of.met,
            not_observed: of.not_observed,
            processes: of.processes,
            first,
            sites,
            groups,
            ..FaultTotals::default()
        };
        self.groups = result.groups;
        self.cases = result.cases;
        // The clean runs were judged anew, and that is among what was kept.
        self.failures.clear();
        self.reported.clear();
        self.expected = self.faults.campaign.expected.clone();
        for (outcome, mut failure) in outcomes.into_iter().zip(result.failures) {
            failure.expected = self.expected.reason(&failure);
            let verdict = if failure.expected.is_some() { Verdict::Expected } else { Verdict::Divergent };
            self.totals.failures += 1;
            self.totals.expected += u64::from(failure.expected.is_some());
            let of = |root: &super::run::Root<'_>| Some(&root.label) == failure.plan.as_ref();
            if let Some(root) = self.roots.iter().position(of) {
                self.reported.insert((root, failure.rule, failure.spelling.clone()), verdict);
            }
            self.failures.push((outcome, failure));
        }
        if let Some((kept_roots, kept_batches, _)) = &mut self.kept {
            (*kept_roots, *kept_batches) = (roots, batches);
        }
    }
}
