//! Asking a subject with patience: runs are counted, and what a command did once is not believed at once.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::ahead::in_order;
use crate::rules::Evidence;
use crate::subject::{Case, FaultSpec, NotAvailable, Setting, Subject};

/// What a campaign reports while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// So many cases will be run.
    Planned(u64),
    /// One of them is done.
    Finished,
    /// A broken rule was found.
    Failed,
}

/// A subject under observation.
pub(super) struct Watch<'a> {
    pub(super) subject: &'a dyn Subject,
    pub(super) setting: Setting<'a>,
    /// How often a run of a command is repeated before what it does is believed.
    pub(super) retries: u32,
    /// How many runs may go side by side.
    pub(super) jobs: usize,
    /// Set from outside to end the campaign early.
    pub(super) interrupted: &'a AtomicBool,
    runs: AtomicU64,
}

impl<'a> Watch<'a> {
    pub(super) fn new(
        subject: &'a dyn Subject,
        setting: Setting<'a>,
        retries: u32,
        jobs: usize,
        interrupted: &'a AtomicBool,
    ) -> Self {
        let retries = if subject.is_command() { retries } else { 0 };
        Self { subject, setting, retries, jobs: jobs.max(1), interrupted, runs: AtomicU64::new(0) }
    }

    /// How many processes were started.
    pub(super) fn processes(&self) -> u64 {
        if self.subject.is_command() { self.runs.load(Ordering::Relaxed) } else { 0 }
    }

    pub(super) fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    pub(super) fn run(&self, case: &Case, faults: &[FaultSpec]) -> Result<Evidence, NotAvailable> {
        self.runs.fetch_add(1, Ordering::Relaxed);
        let mut evidence = self.subject.observe(case, faults, &self.setting)?;
        if self.jobs > 1 {
            // What runs beside it shares the page cache and the limits.
            (evidence.locked_pages, evidence.cache) = (None, None);
        }
        Ok(evidence)
    }

    /// Runs a case on a copy of the model in which every tensor is another one.
    pub(super) fn run_changed(&self, case: &Case) -> Result<Evidence, NotAvailable> {
        self.runs.fetch_add(1, Ordering::Relaxed);
        self.subject.observe_changed(case, &self.setting)
    }

    /// How many runs go on at a time.
    fn at_once(&self) -> usize {
        if self.jobs == 1 { self.subject.overlap() } else { self.jobs }
    }

    /// Runs cases side by side, as many as are allowed, and hands over what each shows in the order of the cases,
    /// until `take` has enough. Nothing is begun after an interruption.
    pub(super) fn in_order(
        &self,
        cases: &[&Case],
        take: &mut dyn FnMut(usize, Evidence) -> Result<bool, NotAvailable>,
    ) -> Result<(), NotAvailable> {
        let (go_on, run) = (|| !self.is_interrupted(), |case: &&Case| self.run(case, &[]));
        in_order(self.at_once(), cases, go_on, run, &mut |at, ran| take(at, ran?))
    }

    /// A run repeated as often as patience allows, the first included; all of a command's runs of a case.
    pub(super) fn repeated(
        &self,
        case: &Case,
        faults: &[FaultSpec],
        first: Evidence,
    ) -> Result<Vec<Evidence>, NotAvailable> {
        // A run that did not end in time is repeated once: each costs all of its time.
        let hangs = matches!(first.ending, crate::rules::Ending::TimeLimit(_));
        let retries = if hangs { self.retries.min(1) } else { self.retries };
        let mut runs = vec![first];
        while runs.len() <= retries as usize && !self.is_interrupted() {
            runs.push(self.run(case, faults)?);
        }
        Ok(runs)
    }
}

/// Does `work` for each of `items` on up to `jobs` threads; the results in the order of the items.
pub(super) fn side_by_side<T: Sync, R: Send>(
    jobs: usize,
    items: &[T],
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let mut results = Vec::with_capacity(items.len());
    let mut take = |_, result| {
        results.push(result);
        Ok::<bool, Infallible>(true)
    };
    let Ok(()) = in_order(jobs, items, || true, work, &mut take);
    results
}

/// How many different outputs there are among how many runs; `None` where all are the same.
pub(super) fn varied(runs: &[Evidence]) -> Option<String> {
    let mut outputs: Vec<&[u8]> = runs
        .iter()
        .filter_map(|run| match &run.output {
            Some(crate::rules::Output::Text { bytes, .. }) => Some(bytes.as_slice()),
            _ => None,
        })
        .collect();
    let all = outputs.len();
    outputs.sort_unstable();
    outputs.dedup();
    (outputs.len() > 1).then(|| format!("{} different outputs in {all} runs", outputs.len()))
}
