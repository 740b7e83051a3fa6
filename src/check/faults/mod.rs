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

use std::sync::atomic::AtomicBool;

use super::cases::one_of_each;
use super::document::{CheckStarted, FaultTotals, FaultsDocument, FaultsStarted, tool};
use super::expect::Expectations;
use super::watch::{Progress, Watch, varied};
use crate::plan::Spelling;
use crate::rules::{Evidence, Level, Output, weights_arrived};
use crate::subject::{Case, FaultSpec, NotAvailable, Setting, Subject};
use run::{Clean, Run};
use schedule::schedule;

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
