//! Rules on memory that is locked, or must not be.

use std::collections::BTreeMap;

use rangemap::RangeSet;

use super::{Broken, Case, Checked, Holds, show};
use crate::rules::evidence::EDGE;
use crate::rules::fold::common;
use crate::rules::weights::length;
use crate::rules::{Capability, LockDuty, TensorBytes, Way};
use crate::trace::NoticeCode;

impl Case<'_> {
    pub(super) fn tensors_locked(&self) -> Checked {
        let evidence = self.evidence;
        let reported = evidence.fold.notices.contains(&NoticeCode::LockRefused);
        if self.decided.must_fail || self.decided.lock == LockDuty::None || evidence.weights.is_empty() {
            return Holds;
        }
        if self.decided.lock == LockDuty::Refused {
            return match (reported, evidence.shows_messages()) {
                (true, _) => Holds,
                (false, true) => {
                    let locked = evidence.locked_bytes();
                    Broken(format!("{locked} bytes are locked, a lock was refused, and no warning says so"))
                }
                (false, false) => Checked::NotObserved(
                    vec![Capability::Notices],
                    format!("a lock was refused; {}", Capability::Notices.absence()),
                ),
            };
        }
        // Locks of the process that had them for a while say nothing of where they went.
        if let Some(reason) = evidence.handed_over() {
            return Checked::NotObserved(vec![Capability::Memory], reason);
        }
        if let Some(used) = evidence.used_after_unlock() {
            return Broken(format!("{used} bytes were used after their lock was released"));
        }
        if let Some(used) = evidence.used_in_copy() {
            return Broken(format!(
                "the memory that was locked is gone; {used} bytes were used in a copy that is not locked"
            ));
        }
        if let Some(late) = evidence.locked_after_output() {
            return Broken(format!("{late} bytes were locked only after the last output"));
        }
        let mut held = evidence.locked_weights(Some(self.decided.way));
        for (file, copied) in evidence.locked_copies() {
            held.entry(file).or_default().extend(copied.iter().cloned());
        }
        let gap = evidence
            .first_gap(|file| held.get(&file).cloned().unwrap_or_default(), evidence.weights.tolerance);
        let Some((name, gap)) = gap else {
            return self.lock_of_what_is_used(&held);
        };
        let (locked, all) = (evidence.locked_bytes(), evidence.weights.len());
        if locked.saturating_add(evidence.weights.tolerance) < all {
            let at = show(&gap);
            return self.absent(if evidence.knows_places() {
                format!("{name}: the memory that holds {at} is not locked and no warning says so")
            } else {
                format!("{locked} bytes are locked, the weights have {all}, and nothing was refused")
            });
        }
        // What was read may have been copied; what is mapped is used where it lies.
        if self.decided.way == Way::Map && evidence.knows_places() {
            let at = show(&gap);
            return Broken(format!(
                "{name}: the memory that holds {at} is not locked; {locked} bytes are locked elsewhere"
            ));
        }
        if let Some(doubt) = self.second_copy() {
            return doubt;
        }
        let long = evidence.first_gap(
            |file| held.get(&file).cloned().unwrap_or_default(),
            evidence.weights.tolerance.max(EDGE),
        );
        if let Some(kept) = self.kept_by_kernel() {
            if kept >= all {
                return self.lock_of_what_is_used(&evidence.weights.whole());
            }
            let copied = evidence.locked_copies();
            if evidence.tensor_bytes(|file| copied.get(&file).cloned().unwrap_or_default()) < all / 2 {
                let why = format!(
                    "as many bytes are locked as the weights have; of the {all} bytes where these lie the kernel keeps \
                     {kept}"
                );
                return Checked::NotObserved(vec![Capability::Kernel], why);
            }
        }
        let (missing, why) = if evidence.knows_places() && long.is_none() {
            // As buffered streams do with the end of a read.
            (
                Capability::Destinations,
                "as many bytes are locked as the weights have; a short stretch was read into a buffer, and where \
                 it was copied to is not known",
            )
        } else if evidence.knows_places() {
            (
                Capability::Memory,
                "as many bytes are locked as the weights have, elsewhere than where they were read to",
            )
        } else {
            (
                Capability::Destinations,
                "as many bytes are locked as the weights have; where these lie is not known",
            )
        };
        Checked::NotObserved(vec![missing], why.to_owned())
    }

    /// Bytes that the kernel keeps of memory that holds weights, where it knows and the calls do not: all of the
    /// weights stand where they were read to, as an allocator has it.
    fn kept_by_kernel(&self) -> Option<u64> {
        let evidence = self.evidence;
        let stand = evidence.tensors.as_ref().is_some_and(TensorBytes::is_verified);
        let memory = evidence.kernel_memory().filter(|_| stand && !evidence.knows_places())?;
        Some(memory.weights_locked)
    }

    /// A copy of the weights that is not locked: nobody knows whether it is the one that is used.
    fn second_copy(&self) -> Option<Checked> {
        let read = || self.evidence.read_beside_mapping().filter(|_| self.decided.way == Way::Map);
        let bytes = self.evidence.copied_without_lock().or_else(read)?;
        let why = format!(
            "a second copy of {bytes} bytes of the weights is not locked; which one is used was not seen"
        );
        Some(Checked::NotObserved(vec![Capability::Use], why))
    }

    /// All of the weights lie in locked memory: whether those are used that do.
    fn lock_of_what_is_used(&self, held: &BTreeMap<usize, RangeSet<u64>>) -> Checked {
        let evidence = self.evidence;
        let not_observed = |missing, reason| Checked::NotObserved(vec![missing], reason);
        if let Some(reason) = evidence.goes_on_in_a_copy() {
            return not_observed(Capability::Memory, reason);
        }
        let present = |file: usize| {
            let mut held = held.get(&file).cloned().unwrap_or_default();
            evidence.locked_and_absent(file).iter().for_each(|range| held.remove(range.clone()));
            held
        };
        if let Some((name, gap)) = evidence.first_gap(present, evidence.weights.tolerance.max(EDGE)) {
            return not_observed(
                Capability::Kernel,
                format!("{name}: {} are locked as they come in, and were not seen to come", show(&gap)),
            );
        }
        if let Some(doubt) = self.second_copy() {
            return doubt;
        }
        match evidence.used_elsewhere() {
            Some(used) => not_observed(
                Capability::Use,
                format!(
                    "{used} bytes of other memory, without a lock, were used when the locked memory had gone"
                ),
            ),
            None => Holds,
        }
    }

    pub(super) fn unrequested_lock(&self) -> Checked {
        let evidence = self.evidence;
        if self.asked.lock {
            return Holds;
        }
        // Exceptions may be smaller than the pages that they share with locked tensors.
        let least = if self.on_demand { u64::MAX } else { evidence.weights.len() / 2 };
        let enough = (2 * evidence.page_size).min(least);
        // In stretches and not lock by lock: a lock may grow page by page. One of something small may share the
        // pages at its ends with weights.
        let on_weights = || {
            evidence.loaders().any(|(pid, process)| {
                let own = evidence.lock_attempts(2).filter(|lock| lock.pid == pid && !lock.pages.is_empty());
                let tried: RangeSet<u64> =
                    own.map(|lock| lock.pages.clone()).chain(process.locked.iter().cloned()).collect();
                let weights = evidence.weight_addresses(pid);
                tried.iter().any(|stretch| {
                    length(&common(&RangeSet::from_iter([stretch.clone()]), &weights)) > enough
                })
            })
        };
        let locked =
            if evidence.knows_places() { on_weights() } else { evidence.lock_attempts(2).next().is_some() };
        if locked {
            return Broken(
                "memory that holds weights was locked although the plan asks for no lock".to_owned(),
            );
        }
        Holds
    }
}
