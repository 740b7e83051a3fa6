//! What a plan obliges a command to do that is not ours.
//!
//! A foreign loader may open a file twice, probe it, read ahead and past the end as stdio does, read
//! a byte twice, copy what it mapped and leave the giving back to the end of its process: of the
//! contract of the reference engine the rules `mapped-not-read`, `read-once`, `reads-inside-file` and
//! `given-back` do not apply. `fallback-told` does not either, as its messages are not understood, nor
//! `direct-aligned`: a request that the kernel took was aligned enough for it.
//! Where its bytes go after they were read cannot be seen, so of a lock the number of bytes is held
//! against the size of the weights, not their addresses. All other rules are the reference engine's.

use std::ops::Range;

use rangemap::RangeSet;

use crate::check::rule::{Finding, Rule};
use crate::gguf::Gguf;
use crate::plan::{LoadPlan, Source};
use crate::rules::Summary;
use crate::trace::{Call, Op, Outcome, Phase};

/// The rules that the trace of one load by a command breaks: `asked` is the plan of its spelling, `plan`
/// the same with `auto` and refusals decided.
pub fn broken_duties(asked: LoadPlan, plan: LoadPlan, ops: &[Op], gguf: &Gguf) -> Vec<Finding> {
    let seen = Seen::new(ops);
    let summary = Summary::of(ops);
    let mut findings = Vec::new();
    let mut broken = |rule, message| findings.push(Finding { rule, message });
    match plan.source {
        Source::Map => {
            if let Some((name, gap)) = first_gap(gguf, &seen.mapped) {
                let Range { start, end } = gap;
                broken(
                    Rule::TensorsMapped,
                    format!("{name}: bytes {start}..{end} of the file were in no mapping"),
                );
            }
        }
        Source::Read | Source::Direct | Source::Auto => {
            if seen.any_mapping {
                broken(Rule::NoFileMapping, "the file was mapped although the plan is to read it".into());
            }
            if let Some((name, gap)) = first_gap(gguf, &seen.read) {
                let Range { start, end } = gap;
                broken(Rule::TensorsRead, format!("{name}: bytes {start}..{end} were never read"));
            }
        }
    }
    if asked.source == Source::Direct {
        if summary.direct_asked == 0 {
            let message = "no open asked for direct I/O although the plan is to read directly".into();
            broken(Rule::DirectAttempted, message);
        }
    } else if summary.direct_asked > 0 {
        let n = summary.direct_asked;
        broken(Rule::ReadsBuffered, format!("{n} direct opens although the plan asks for none"));
    }
    let weights = weight_bytes(gguf);
    if plan.lock && summary.locked_bytes < weights {
        let locked = summary.locked_bytes;
        broken(Rule::TensorsLocked, format!("{locked} bytes are locked and the tensors have {weights}"));
    } else if !plan.lock && seen.any_lock && summary.locks_refused == 0 {
        broken(Rule::LockUnasked, "memory was locked although the plan asks for no lock".into());
    }
    findings
}

/// The bytes of all tensors.
pub(super) fn weight_bytes(gguf: &Gguf) -> u64 {
    gguf.tensors.iter().map(|t| gguf.file_range(t)).map(|r| r.end - r.start).fold(0, u64::saturating_add)
}

/// The first tensor with bytes that are not in the set, with the first such bytes.
pub(super) fn first_gap(gguf: &Gguf, set: &RangeSet<u64>) -> Option<(String, Range<u64>)> {
    let mut tensors: Vec<_> = gguf.tensors.iter().collect();
    tensors.sort_by_key(|t| t.offset);
    let gap = |range: Range<u64>| if range.is_empty() { None } else { set.gaps(&range).next() };
    tensors.into_iter().find_map(|t| gap(gguf.file_range(t)).map(|gap| (t.name.clone(), gap)))
}

/// Which bytes of the file came into memory, and how.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Mapped at some time of the load.
    pub(super) mapped: RangeSet<u64>,
    /// Arrived by a read of any phase: a loader may keep what it read while it probed.
    pub(super) read: RangeSet<u64>,
    any_mapping: bool,
    any_lock: bool,
}

impl Seen {
    pub(super) fn new(ops: &[Op]) -> Self {
        let mut seen = Self::default();
        for op in ops {
            match (&op.call, &op.outcome) {
                (Call::Map { offset, len, .. }, Outcome::Ok(_)) if *len > 0 => {
                    seen.mapped.insert(*offset..offset.saturating_add(*len));
                    seen.any_mapping |= op.phase == Phase::Load;
                }
                (Call::Read { offset, len, .. }, Outcome::Ok(arrived)) if *arrived > 0 => {
                    seen.read.insert(*offset..offset.saturating_add(*arrived.min(len)));
                }
                (Call::Lock { .. }, _) => seen.any_lock = true,
                _ => {}
            }
        }
        seen
    }

    /// Everything that came, either way.
    pub(super) fn brought(&self) -> RangeSet<u64> {
        self.mapped.iter().chain(self.read.iter()).cloned().collect()
    }
}
