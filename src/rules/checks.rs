//! The check of each rule of the contract.

mod access;
mod locks;
mod mapping;
mod reading;

use std::ops::Range;

use super::judge::untouched;
use super::weights::length;
use super::{
    Capability, Decided, Duty, Effective, Evidence, Profile, Rule, TensorBytes, Way, weights_arrived,
};
use crate::plan::LoadPlan;

/// What a check comes to.
pub(super) enum Checked {
    /// The rule holds, or has nothing to say here.
    Holds,
    /// It is broken; what was seen.
    Broken(String),
    /// The evidence cannot decide it; what is missing, and why.
    NotObserved(Vec<Capability>, String),
    /// It holds, and something is to be said.
    Note(String),
}

use Checked::{Broken, Holds, Note};

impl Checked {
    /// The same, said of tensors that are exceptions of the plan.
    pub(super) fn of_an_exception(self) -> Self {
        let of = |text: String| format!("{text}; of tensors that are exceptions of the plan");
        match self {
            Holds => Holds,
            Broken(message) => Broken(of(message)),
            Self::NotObserved(missing, reason) => Self::NotObserved(missing, of(reason)),
            Note(note) => Note(of(note)),
        }
    }
}

/// One run under one plan.
pub(super) struct Case<'a> {
    pub(super) asked: LoadPlan,
    pub(super) decided: &'a Decided,
    pub(super) evidence: &'a Evidence,
    pub(super) profile: &'a Profile,
    /// Whether other tensors of the run are mapped as exceptions, so that a file is mapped in any case.
    pub(super) beside_lazy: bool,
    /// Whether its tensors are such exceptions: what a mapping brings of them comes when it is used.
    pub(super) on_demand: bool,
}

/// Runs the check of one rule of the contract.
pub(super) fn check(rule: Rule, case: &Case<'_>) -> Checked {
    match rule {
        Rule::PlanTaken => case.plan_taken(),
        Rule::WeightsLoaded => case.weights_loaded(),
        Rule::TensorsMapped => case.tensors_mapped(),
        Rule::MappedNotRead => case.mapped_not_read(),
        Rule::NoFileMapping => case.no_file_mapping(),
        Rule::TensorsRead => case.tensors_read(),
        Rule::ReadOnce => case.read_once(),
        Rule::ReadsBuffered => case.reads_buffered(),
        Rule::DirectAttempted => case.direct_attempted(),
        Rule::DirectHeld => case.direct_held(),
        Rule::DirectAligned => case.direct_aligned(),
        Rule::FallbackReported => case.fallback_reported(),
        Rule::TensorsLocked => case.tensors_locked(),
        Rule::UnrequestedLock => case.unrequested_lock(),
        Rule::KernelAgrees => case.evidence.kernel_disagrees().map_or(Holds, Broken),
        Rule::OpenedReadOnly => case.opened_read_only(),
        Rule::NeverWritten => case.never_written(),
        Rule::MappedReadOnly => case.mapped_read_only(),
        Rule::ReadsInsideFile => case.reads_inside_file(),
        Rule::ResourcesReleased => case.resources_released(),
        Rule::SameBytes => case.same_bytes(),
        // Rules that compare runs, or that a campaign decides.
        _ => Holds,
    }
}

fn show(range: &Range<u64>) -> String {
    format!("bytes {}..{}", range.start, range.end)
}

impl Case<'_> {
    /// A finding about something that was not seen: only where everything was seen.
    fn absent(&self, message: String) -> Checked {
        if self.evidence.saw_all_calls() {
            return Broken(message);
        }
        let why = self.evidence.unseen.first().map_or(Capability::Calls.absence(), String::as_str);
        Checked::NotObserved(vec![Capability::Calls], why.to_owned())
    }

    fn plan_taken(&self) -> Checked {
        let effective = self.evidence.effective();
        if self.decided.agrees(effective) {
            return match self.evidence.brought_ahead().filter(|_| self.on_demand) {
                Some(bytes) => Broken(format!(
                    "the plan is to bring them in on demand, {bytes} bytes were brought in ahead"
                )),
                None => Holds,
            };
        }
        if let Some(reason) = self.evidence.handed_over() {
            return Checked::NotObserved(vec![Capability::Memory], reason);
        }
        // Where nobody knows whether the lock is the one that was asked for, neither is the plan known.
        if self.decided.agrees(Effective { locked: !effective.locked, ..effective }) {
            match self.tensors_locked() {
                Checked::NotObserved(missing, reason) => return Checked::NotObserved(missing, reason),
                // The operations do not show what was copied into locked memory, nor what lies in memory whose
                // places they do not tell.
                Holds
                    if !effective.locked
                        && (!self.evidence.locked_copies().is_empty() || !self.evidence.knows_places()) =>
                {
                    return Holds;
                }
                _ => {}
            }
        }
        if !self.evidence.weights.files.is_empty() && self.evidence.weights.is_empty() {
            return Checked::NotObserved(vec![Capability::Layout], "the model has no tensors".to_owned());
        }
        self.absent(format!("the plan is {}, the operations show {effective}", self.decided))
    }

    fn weights_loaded(&self) -> Checked {
        let evidence = self.evidence;
        if evidence.weights.is_empty() {
            let reason = "the model has no tensors".to_owned();
            return Checked::NotObserved(vec![Capability::Layout], reason);
        }
        if let Some(reason) = evidence.handed_over() {
            return Checked::NotObserved(vec![Capability::Memory], reason);
        }
        if let Some(reason) = untouched(evidence) {
            return Checked::NotObserved(vec![Capability::Memory], reason);
        }
        match weights_arrived(evidence) {
            Ok(()) => Holds,
            // What is short by less is a matter of the rules on mapping and reading.
            Err(_) if evidence.brought_bytes().saturating_mul(2) >= evidence.weights.len() => Holds,
            Err(message) => self.absent(message),
        }
    }

    fn way(&self) -> Option<Way> {
        (!self.decided.must_fail).then_some(self.decided.way)
    }

    /// Bytes of tensors that went on to a device after they had been right: nothing has to keep them.
    fn passed_on(&self, seen: &TensorBytes) -> u64 {
        let files = self.evidence.weights.files.iter().enumerate();
        let staged = files.flat_map(|(index, file)| {
            let staged = file.tensors.iter().filter(|tensor| self.decided.taken.duty(tensor) == Duty::Staged);
            staged.map(move |tensor| (index, tensor.range.clone()))
        });
        staged.map(|(file, range)| length(&seen.gone_of(file, range))).sum()
    }

    fn same_bytes(&self) -> Checked {
        match &self.evidence.tensors {
            None => {
                let reason = Capability::Memory.absence().to_owned();
                Checked::NotObserved(vec![Capability::Memory], reason)
            }
            Some(seen) => match &seen.wrong {
                Some(wrong) => Broken(wrong.to_string()),
                None if seen.doubt.is_some() => {
                    let copy = seen.doubt.iter().map(ToString::to_string).collect::<String>();
                    Checked::NotObserved(
                        vec![Capability::Use],
                        format!("{copy}, in a second copy; which one is used was not seen"),
                    )
                }
                None if seen.verified + seen.mapped + self.passed_on(seen) >= seen.all => Holds,
                None => {
                    let rest = "what became of the others was not seen";
                    Checked::NotObserved(vec![Capability::Memory], format!("{}; {rest}", seen.count()))
                }
            },
        }
    }
}
