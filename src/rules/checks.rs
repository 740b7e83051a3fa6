//! The check of each rule of the contract.

use std::collections::BTreeMap;
use std::ops::Range;

use rangemap::RangeSet;

use super::evidence::EDGE;
use super::fold::common;
use super::judge::untouched;
use super::weights::length;
use super::{
    Capability, Decided, Effective, Evidence, LockDuty, Profile, Request, Rule, Way, weights_arrived,
};
use crate::plan::{LoadPlan, Source};
use crate::trace::{MapWritable, NoticeCode};

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

/// One run under one plan.
pub(super) struct Case<'a> {
    pub(super) asked: LoadPlan,
    pub(super) decided: &'a Decided,
    pub(super) evidence: &'a Evidence,
    pub(super) profile: &'a Profile,
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
            return Holds;
        }
        if let Some(reason) = self.evidence.handed_over() {
            return Checked::NotObserved(vec![Capability::Memory], reason);
        }
        // Where nobody knows whether the lock is the one that was asked for, neither is the plan known.
        if self.decided.agrees(Effective { locked: !effective.locked, ..effective }) {
            match self.tensors_locked() {
                Checked::NotObserved(missing, reason) => return Checked::NotObserved(missing, reason),
                // The operations do not show what was copied into locked memory.
                Holds if !effective.locked && !self.evidence.locked_copies().is_empty() => return Holds,
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

    /// A foreign loader may copy what it mapped and release that part of the mapping, as repacking does.
    fn tensors_mapped(&self) -> Checked {
        if self.way() != Some(Way::Map) {
            return Holds;
        }
        let evidence = self.evidence;
        let live = self.profile.load_phase_only;
        let mapped = |file: usize| {
            evidence.union_of(|process| {
                let of = if live { &process.mapped } else { &process.ever_mapped };
                of.get(&file).cloned().unwrap_or_default()
            })
        };
        match evidence.first_gap(mapped, evidence.weights.tolerance) {
            Some((name, gap)) => self.absent(format!("{name}: {} of the file are in no mapping", show(&gap))),
            None => Holds,
        }
    }

    /// The tensor bytes that arrived by reads of the load phase, longer ones than `least` alone.
    fn load_reads(&self, file: usize, least: u64, which: impl Fn(&Request) -> bool) -> RangeSet<u64> {
        let requests = self.evidence.fold.requests.iter();
        let own = requests.filter(|r| r.file == file && r.load && self.evidence.is_loader(r.pid));
        let long = own.filter(|r| !r.arrived.is_empty() && r.arrived.end - r.arrived.start > least);
        long.filter(|r| which(r)).map(|r| r.arrived.clone()).collect()
    }

    fn mapped_not_read(&self) -> Checked {
        if self.way() != Some(Way::Map) {
            return Holds;
        }
        let least = self.evidence.weights.tolerance;
        match self.evidence.first_common(|file| self.load_reads(file, least, |_| true)) {
            Some((name, read)) => {
                Broken(format!("{name}: {} were read although the plan is to map them", show(&read)))
            }
            None => Holds,
        }
    }

    fn no_file_mapping(&self) -> Checked {
        if !matches!(self.way(), Some(Way::Read | Way::Direct)) {
            return Holds;
        }
        let evidence = self.evidence;
        let granted = evidence.fold.mappings.iter().any(|mapping| mapping.refused.is_none());
        if self.profile.load_phase_only && granted {
            return Broken("the file was mapped although the plan is to read it".to_owned());
        }
        // A mapping of the header may reach into the weights: what counts is what stays mapped, and what came
        // by no other way.
        let used = |file: usize| {
            evidence.union_of(|process| {
                let live = process.mapped.get(&file).cloned().unwrap_or_default();
                let mut ever = process.ever_mapped.get(&file).cloned().unwrap_or_default();
                process.read(file).iter().for_each(|read| ever.remove(read.clone()));
                live.iter().cloned().chain(ever.iter().cloned()).collect()
            })
        };
        match evidence.first_common(used) {
            Some((name, part)) => {
                Broken(format!("{name}: {} were mapped although the plan is to read them", show(&part)))
            }
            None => Holds,
        }
    }

    fn tensors_read(&self) -> Checked {
        if !matches!(self.way(), Some(Way::Read | Way::Direct)) {
            return Holds;
        }
        let evidence = self.evidence;
        let arrived = |file: usize| {
            if self.profile.load_phase_only {
                self.load_reads(file, 0, |_| true)
            } else {
                evidence.union_of(|process| process.read(file))
            }
        };
        match evidence.first_gap(arrived, evidence.weights.tolerance) {
            Some((name, gap)) => self.absent(format!("{name}: {} were never read", show(&gap))),
            None => Holds,
        }
    }

    /// The rest of a block that a short direct read cut has to be asked for from the block's start, directly or, where
    /// direct reads are given up there, through the page cache: there an overlap is right.
    fn read_once(&self) -> Checked {
        if !matches!(self.way(), Some(Way::Read | Way::Direct)) {
            return Holds;
        }
        let evidence = self.evidence;
        let (memory, offset) = evidence.fold.alignment;
        let block = memory.max(offset).max(evidence.page_size).next_power_of_two();
        for file in 0..evidence.weights.files.len() {
            let requests = evidence.fold.requests.iter();
            let mut reads: Vec<&Request> =
                requests.filter(|r| r.file == file && r.load && !r.arrived.is_empty()).collect();
            reads.sort_by_key(|r| (r.arrived.start, r.seq));
            let mut reached: Option<&Request> = None;
            for read in reads {
                if let Some(before) = reached {
                    let both = read.arrived.start..before.arrived.end.min(read.arrived.end);
                    let forced =
                        before.direct && before.was_short() && both.end.saturating_sub(both.start) < block;
                    if both.start < both.end && !forced {
                        let set: RangeSet<u64> = [both].into_iter().collect();
                        let twice =
                            evidence.first_common(|f| if f == file { set.clone() } else { RangeSet::new() });
                        if let Some((name, twice)) = twice {
                            return Broken(format!("{name}: {} were read twice", show(&twice)));
                        }
                    }
                }
                if reached.is_none_or(|before| before.arrived.end < read.arrived.end) {
                    reached = Some(read);
                }
            }
        }
        Holds
    }

    fn reads_buffered(&self) -> Checked {
        let opens = self.evidence.fold.opens.iter().filter(|open| open.direct).count();
        if self.asked.source == Source::Direct || opens == 0 {
            return Holds;
        }
        Broken(format!("{opens} direct opens although the plan asks for none"))
    }

    fn direct_attempted(&self) -> Checked {
        if !self.decided.direct_asked || self.evidence.fold.opens.iter().any(|open| open.direct) {
            return Holds;
        }
        self.absent("no open asked for direct I/O although the plan is to read directly".to_owned())
    }

    fn direct_held(&self) -> Checked {
        let tried = self.evidence.fold.opens.iter().any(|open| open.direct);
        if self.way() != Some(Way::Direct) || !tried {
            return Holds;
        }
        match self.evidence.buffered_stretch() {
            // Bytes that never came are another rule's.
            Some((name, part)) if self.arrived(&part) => self.absent(format!(
                "{name}: {} came through the page cache although no direct read was refused",
                show(&part)
            )),
            _ => Holds,
        }
    }

    fn arrived(&self, part: &Range<u64>) -> bool {
        let files = 0..self.evidence.weights.files.len();
        files
            .into_iter()
            .any(|file| self.evidence.union_of(|process| process.read(file)).gaps(part).next().is_none())
    }

    fn direct_aligned(&self) -> Checked {
        if !self.decided.direct_asked {
            return Holds;
        }
        let (memory, grain) = self.evidence.fold.alignment;
        let (memory, grain) = (memory.max(1), grain.max(1));
        let crooked = self.evidence.fold.requests.iter().filter(|r| r.load && r.direct).find(|r| {
            let len = r.asked.end - r.asked.start;
            r.refused.is_none()
                && !(r.addr.is_multiple_of(memory)
                    && r.asked.start.is_multiple_of(grain)
                    && len.is_multiple_of(grain))
        });
        let Some(r) = crooked else { return Holds };
        Broken(format!(
            "operation {}: address {:#x}, {}: not a multiple of {memory} (memory) and {grain} (offset, length)",
            r.seq,
            r.addr,
            show(&r.asked)
        ))
    }

    fn fallback_reported(&self) -> Checked {
        let evidence = self.evidence;
        if !self.decided.direct_asked || evidence.fold.notices.contains(&NoticeCode::DirectRefused) {
            return Holds;
        }
        let reports = evidence.shows_messages();
        // An edge that has to come buffered is no fallback of a foreign loader.
        let buffered = if self.profile.load_phase_only {
            evidence.first_common(|file| self.load_reads(file, 0, |r| !r.direct))
        } else {
            evidence.buffered_stretch().filter(|(_, part)| self.arrived(part))
        };
        // What was read directly as well, as a header with the tensors behind it is, came directly.
        let directly = || !self.profile.load_phase_only && evidence.buffered_stretch().is_none();
        let mapped = evidence.fold.mappings.iter().any(|mapping| mapping.refused.is_none())
            && evidence.bytes_by_way()[0] > 0
            && !directly();
        let message = match buffered {
            Some((name, part)) => {
                format!("{name}: {} came through the page cache and no warning says so", show(&part))
            }
            None if mapped => {
                "the file was mapped instead of read directly and no warning says so".to_owned()
            }
            None => return Holds,
        };
        // Of a command whose words are not known, silence speaks where there was something to report.
        if reports && (self.profile.load_phase_only || !self.decided.refusals.is_empty()) {
            return Broken(message);
        }
        let reason = Capability::Notices.absence().to_owned();
        Checked::NotObserved(vec![Capability::Notices], reason)
    }

    fn tensors_locked(&self) -> Checked {
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

    /// A copy of the weights that is not locked: nobody knows whether it is the one that is used.
    fn second_copy(&self) -> Option<Checked> {
        let bytes = self.evidence.copied_without_lock()?;
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

    fn unrequested_lock(&self) -> Checked {
        let evidence = self.evidence;
        if self.asked.lock {
            return Holds;
        }
        let enough = (2 * evidence.page_size).min(evidence.weights.len() / 2);
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

    fn opened_read_only(&self) -> Checked {
        match self.evidence.fold.opens.iter().find(|open| open.writes) {
            Some(_) => Broken("the model was opened for writing too, although a load only reads".to_owned()),
            None => Holds,
        }
    }

    fn never_written(&self) -> Checked {
        match self.evidence.fold.writes.first() {
            Some((_, what)) => Broken(format!("the model: {what}")),
            None => Holds,
        }
    }

    fn mapped_read_only(&self) -> Checked {
        let granted = || self.evidence.fold.mappings.iter().filter(|mapping| mapping.refused.is_none());
        let weighs = |file: usize, range: &Range<u64>| {
            self.evidence
                .weights
                .files
                .get(file)
                .is_some_and(|f| !range.is_empty() && f.bytes.overlaps(range))
        };
        let writable = granted().filter(|m| weighs(m.file, &m.range)).find_map(|m| m.writable);
        match writable {
            Some(MapWritable::Shared) => Broken(
                "the model was mapped shared and writable: what is written there reaches the file".into(),
            ),
            Some(MapWritable::Private) if self.profile.shared_mappings => {
                Broken("the model was mapped private and writable instead of shared and read-only".to_owned())
            }
            Some(MapWritable::Private) => Note("the model is mapped private and writable".to_owned()),
            None => Holds,
        }
    }

    fn reads_inside_file(&self) -> Checked {
        let evidence = self.evidence;
        let grain = evidence.fold.alignment.1.max(1);
        let strict = self.profile.load_phase_only;
        let outside = evidence.fold.requests.iter().find(|request| {
            let size = evidence.weights.files.get(request.file).map_or(u64::MAX, |file| file.size);
            if !strict {
                // A read at the very end that brings nothing is how a loop learns that it is done.
                return request.arrived.is_empty() && request.refused.is_none() && request.asked.start > size;
            }
            // A direct request is a whole number of blocks; whole pages as blocks are right too.
            let block = if request.direct { grain.max(evidence.page_size) } else { 1 };
            request.asked.start >= size || request.asked.end > size.next_multiple_of(block.max(1))
        });
        let Some(request) = outside else { return Holds };
        let size = evidence.weights.files.get(request.file).map_or(0, |file| file.size);
        Broken(format!(
            "operation {}: a read asked for {} of a file of {size} bytes",
            request.seq,
            show(&request.asked)
        ))
    }

    fn resources_released(&self) -> Checked {
        match &self.evidence.fold.left_over[..] {
            [] => Holds,
            left => Broken(format!("never released: {}", left.join(", "))),
        }
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
                None if seen.is_whole() => Holds,
                None => {
                    let rest = "what became of the others was not seen";
                    Checked::NotObserved(vec![Capability::Memory], format!("{}; {rest}", seen.count()))
                }
            },
        }
    }
}
