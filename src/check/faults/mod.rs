//! A subject's own calls made to fail: each by itself, and in pairs.
//!
//! The clean run of each plan says which calls there are. Every fault is one that happens to honest
//! loaders on honest machines: errors, interruptions, short reads, a file that ends early, refused
//! mappings and locks. Data that is silently wrong is not among them, as no loader without checksums can
//! notice. What comes of a fault is held against the clean output.

mod outcome;
mod run;
mod schedule;
mod sum;

use super::campaign::Campaign;
use super::cases::one_of_each;
use super::document::{FaultTotals, FaultsDocument, FaultsStarted};
use super::watch::{Progress, varied};
use crate::rules::{Evidence, Level, Output, weights_arrived};
use crate::subject::{Case, FaultSpec, NotAvailable};
use run::{Clean, Run};
use schedule::schedule;

/// Faults on a subject.
pub struct Faults<'a> {
    /// The subject and how to ask it: of each plan one spelling is loaded, and of those that are picked all.
    pub campaign: Campaign<'a>,
    /// Whether pairs of faults are injected too.
    pub pairs: bool,
    /// Only this schedule; all where it is empty.
    pub only_faults: Vec<FaultSpec>,
}

impl Faults<'_> {
    /// Runs everything, reporting to `progress` as it goes.
    ///
    /// # Errors
    /// When the subject cannot be run at all.
    pub fn run(&self, progress: &mut dyn FnMut(Progress)) -> Result<FaultsDocument, NotAvailable> {
        let watch = self.campaign.watch(1);
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
            expected: self.campaign.expected.clone(),
            stop: false,
        };
        let loads: Vec<Result<(), String>> = cleans.iter().map(|clean| weights_arrived(&clean.run)).collect();
        let mut groups = Vec::new();
        if !self.campaign.has_no_tensors() && loads.iter().any(Result::is_ok) {
            for (clean, schedules) in cleans.iter().zip(&schedules) {
                groups.push(run.plan(clean, schedules)?);
            }
        }
        let why = loads.into_iter().find_map(Result::err);
        Ok(run.finish(
            groups,
            why,
            FaultsStarted { check: self.campaign.started(Level::P4, 0, planned), planned },
        ))
    }

    fn cases(&self) -> Vec<Case> {
        match &self.campaign.only[..] {
            [] => one_of_each(self.campaign.setting.dialect),
            only => only.iter().map(|s| Case::of(s.clone(), self.campaign.setting.dialect)).collect(),
        }
    }
}
