//! Two commands, every spelling: what changed.
//!
//! What a difference comes to is decided by what each side guarantees: that every byte arrives, the output, the
//! lock, direct I/O, a file that is only read, what is released when. Another open, another look at the header
//! or other read-ahead is a note.

mod golden;
mod impact;
mod ran;
mod side;
mod sum;

pub use golden::{Baseline, Changed, Recorded, changes};
pub use ran::{CameFrom, Ended, MemoryNeeds, Ran, StillHeld};

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use super::ahead::in_order;
use super::cases::unknown_modes;
use super::document::{
    CompareDocument, CompareTotals, Compared, Failure, Impact, OldAndNew, Timeline, Verdict, quoted,
};
use super::expect::Expectations;
use super::shows::NoOutput;
use super::watch::{Progress, Watch};
use crate::plan::Spelling;
use crate::rules::{Capability, Ending, Evidence, NotObserved, Rule, TensorBytes, weights_arrived};
use crate::subject::{Case, ExternalCommand, NotAvailable, Setting, Subject};
use impact::{did, judge, words};
use side::{Side, settle};
use sum::{End, Frame, SideEnd};

/// What to compare.
pub struct Comparison<'a> {
    /// The build that is known.
    pub old: &'a ExternalCommand,
    /// The build that is new.
    pub new: &'a ExternalCommand,
    /// How reports name the model.
    pub model_name: String,
    /// Dialect, depth, what the model holds.
    pub setting: Setting<'a>,
    /// What to ask of both.
    pub spellings: Vec<Spelling>,
    /// How often a command is run again before what it does is believed.
    pub retries: u32,
    /// How many runs may go side by side.
    pub jobs: usize,
    /// Whether to stop at the first broken rule.
    pub fail_fast: bool,
    /// Whether the document is to hold both loads in time where they differ.
    pub timelines: bool,
    /// Whether a fault that meets no call is no matter.
    pub allow_unmet: bool,
    /// Whether the output has to be observed: a level was named that needs it.
    pub needs_output: bool,
    /// Whether calls alone are enough: level P2 was asked for.
    pub calls_suffice: bool,
    /// Differences that are known.
    pub expected: Expectations,
    /// Set from outside to end the comparison early.
    pub interrupted: &'a AtomicBool,
}

impl Comparison<'_> {
    /// Runs everything, reporting to `progress` as it goes.
    ///
    /// # Errors
    /// When a command cannot be started or traced.
    pub fn run(&self, progress: &mut dyn FnMut(Progress)) -> Result<CompareDocument, NotAvailable> {
        progress(Progress::Planned(self.spellings.len() as u64));
        let watch = |subject| Watch::new(subject, self.setting, self.retries, self.jobs, self.interrupted);
        let (old, new) = (Side::new("old", watch(self.old))?, Side::new("new", watch(self.new))?);
        let mut expected = self.expected.clone();
        let mut totals = CompareTotals::default();
        let mut spellings: Vec<Compared> = Vec::new();
        let mut failures: Vec<Failure> = Vec::new();
        let mut arrived = [old.arrived.clone(), new.arrived.clone()];
        let mut fired: BTreeMap<usize, u64> = BTreeMap::new();
        let mut blocked = None;
        let (mut bytes, mut no_bytes) = (0, None);
        let mut stop = false;
        let cases: Vec<Case> =
            self.spellings.iter().map(|spelling| Case { spelling: spelling.clone(), plan: None }).collect();
        let go_on = || !old.watch.is_interrupted();
        let both = |case: &Case| Ok((old.watch.run(case, &[])?, new.watch.run(case, &[])?));
        in_order(self.jobs, &cases, go_on, both, &mut |at, ran: Result<_, NotAvailable>| {
            let (case, (before, after)) = (&cases[at], ran?);
            for (seen, run) in arrived.iter_mut().zip([&before, &after]) {
                // The reason that stays is that of the plainest spelling.
                if weights_arrived(run).is_ok() {
                    *seen = Ok(());
                }
                for (at, count) in run.fired.iter().enumerate() {
                    *fired.entry(at).or_default() += count;
                }
                if let Ending::Killed(why) = &run.ending {
                    blocked.get_or_insert(format!("{}: {why}", quoted(&case.spelling.to_string())));
                }
            }
            let whole = |run: &Evidence| run.tensors.as_ref().is_some_and(TensorBytes::is_whole);
            bytes += u64::from(whole(&before) && whole(&after));
            no_bytes = no_bytes.take().or(before.tensors.as_ref().map(TensorBytes::count));
            let mut compared = self.compare(&old, &new, case, &before, &after)?;
            *totals.of(compared.impact) += 1;
            totals.not_observed += compared.not_observed.len() as u64;
            let seen = compared.not_observed.iter().all(|missing| missing.rule != Rule::DataKept);
            totals.outputs_compared += u64::from(seen && before.completed() && after.completed());
            if let Some(mut failure) = sum::failure(&compared, self.reproduce(case)) {
                failure.expected = expected.reason(&failure);
                let verdict = match &failure.expected {
                    Some(_) => Verdict::Expected,
                    None => Verdict::Divergent,
                };
                totals.expected += u64::from(verdict == Verdict::Expected);
                compared.verdict = compared.verdict.max(verdict);
                if verdict == Verdict::Divergent {
                    stop |= self.fail_fast;
                    progress(Progress::Failed);
                }
                failures.push(failure);
            }
            spellings.push(compared);
            progress(Progress::Finished);
            Ok::<_, NotAvailable>(!stop)
        })?;
        let interrupted = old.watch.is_interrupted();
        if !interrupted && !stop {
            failures.extend(expected.left_over());
        }
        totals.processes = old.watch.processes() + new.watch.processes();
        let no_bytes = no_bytes.unwrap_or_else(|| Capability::Memory.absence().to_owned());
        let ended = End { fired, blocked, interrupted, bytes, no_bytes };
        let sides = [&old, &new].into_iter().zip(arrived);
        let sides = sides.map(|(side, arrived)| SideEnd::of(side, arrived)).collect();
        let frame = Frame {
            model_name: &self.model_name,
            truth: self.setting.truth,
            platform: self.old.platform(),
            old: self.old.name(),
            new: self.new.name(),
            planned: self.spellings.len() as u64,
            faults: self.old.faults(),
            allow_unmet: self.allow_unmet,
            needs_output: self.needs_output || !self.calls_suffice,
        };
        Ok(frame.finish(totals, spellings, failures, sides, ended))
    }

    /// Sets both runs beside one another; where they differ, both commands are asked again before it is
    /// believed.
    fn compare(
        &self,
        old: &Side<'_>,
        new: &Side<'_>,
        case: &Case,
        before: &Evidence,
        after: &Evidence,
    ) -> Result<Compared, NotAvailable> {
        let no_output = [&old.no_output, &new.no_output];
        let compares = no_output.iter().all(|said| NoOutput::compares(said.as_ref()));
        let profile = old.watch.subject.profile();
        let was = Ran::of(before, profile);
        let is = Ran::beside(after, &was, profile);
        let output = match (&before.output, &after.output) {
            (Some(a), Some(b)) if compares => a.difference(b, "the old command"),
            _ => None,
        };
        let unknown = unknown_modes(self.setting.dialect);
        let of = |ran: &Ran, outputs: bool| {
            let mut judged = judge(&was, ran, output.clone().filter(|_| outputs));
            if !was.completed() && ran.completed() && unknown.contains(&case.spelling) {
                judged.add(Impact::PolicyChange, "a mode that nobody knows is taken".to_owned());
            }
            if before.was_refused() && after.was_refused() {
                words(old.says(before), new.says(after), &mut judged);
            }
            judged
        };
        let mut judged = of(&is, true);
        let mut not_observed = Vec::new();
        // Of two of which one depends on the weights, that they are equal shows that it does not.
        let silent = no_output.into_iter().flatten().next().filter(|_| output.is_none());
        if let Some(silent) = silent.filter(|_| before.completed() && after.completed()) {
            let reason = silent.reason.clone();
            not_observed.push(NotObserved::new(Rule::DataKept, vec![Capability::Output], reason));
        }
        let sides = [(old, before), (new, after)];
        let mut verdict = settle(&sides, case, &was, &mut judged, &of, &mut not_observed)?;
        let whole = |run: &Evidence| run.tensors.as_ref().is_some_and(TensorBytes::is_whole);
        let silent = not_observed.iter().any(|missing| missing.rule == Rule::DataKept);
        if silent && whole(before) && !whole(after) && judged.impact <= Impact::Benign && after.completed() {
            let reason = "every tensor byte of the old command was seen, and not of the new".to_owned();
            not_observed.push(NotObserved::new(Rule::DataKept, vec![Capability::Memory], reason));
            verdict = verdict.max(Verdict::NotObserved);
        }
        for run in [before, after] {
            if !run.unseen.is_empty() && judged.impact <= Impact::Reordered {
                let reason = run.unseen[0].clone();
                not_observed.push(NotObserved::new(Rule::GuaranteeKept, vec![Capability::Calls], reason));
                verdict = Verdict::NotObserved;
            }
        }
        let crashed = |run: &Evidence| {
            matches!(run.ending, Ending::Crashed(_) | Ending::Aborted(_) | Ending::TimeLimit(_))
        };
        if !before.completed() && !after.completed() && (crashed(before) || crashed(after)) {
            verdict = verdict.max(Verdict::Blocked);
            let (old, new) = (before.ending.message(), after.ending.message());
            judged.what.push(format!("blocked: both fail: the old {old}; the new {new}"));
        }
        if [before, after].iter().any(|run| matches!(run.ending, Ending::Killed(_))) {
            verdict = verdict.max(Verdict::Blocked);
        }
        let drawn = self.timelines && judged.impact != Impact::Identical;
        Ok(Compared {
            spelling: case.spelling.to_string(),
            old: did(before),
            new: did(after),
            impact: judged.impact,
            what: judged.what,
            diff: was.path().diff(&is.path()).filter(|_| before.completed() && after.completed()),
            not_observed,
            timelines: drawn
                .then(|| OldAndNew { old: Timeline::of_run(before), new: Timeline::of_run(after) }),
            verdict,
        })
    }
}
