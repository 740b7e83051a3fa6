//! What each plan obliges a loader to do and forbids it to do, checked on one trace.

use std::ops::Range;

use rangemap::RangeSet;

use super::replay::{LoadRead, Replay};
use super::rule::{Finding, Rule};
use crate::gguf::Gguf;
use crate::plan::{LoadPlan, OnRefused, Source};
use crate::trace::{NoticeCode, Op};

/// The contract rules that the trace of one load breaks; `plan` has `auto` already decided.
pub fn broken_rules(plan: LoadPlan, ops: &[Op], gguf: &Gguf, page_size: u64) -> Vec<Finding> {
    let replay = Replay::new(ops, page_size);
    let checker = Checker { plan, gguf, replay, page_size, findings: Vec::new() };
    checker.run()
}

struct Checker<'a> {
    plan: LoadPlan,
    gguf: &'a Gguf,
    replay: Replay,
    page_size: u64,
    findings: Vec<Finding>,
}

impl Checker<'_> {
    fn run(mut self) -> Vec<Finding> {
        let refused = self.replay.notices.contains(&NoticeCode::DirectRefused);
        match self.plan.source {
            Source::Map => {
                self.mapped();
                self.buffered_only();
            }
            Source::Read | Source::Auto => {
                self.read();
                self.buffered_only();
            }
            // Refused, a direct plan owes what its fallback owes.
            Source::Direct if refused && self.plan.on_refused == Some(OnRefused::Map) => {
                self.direct();
                self.mapped();
            }
            Source::Direct => {
                self.direct();
                self.read();
            }
        }
        self.locked();
        self.inside_file();
        self.given_back();
        self.findings
    }

    fn broken(&mut self, rule: Rule, message: String) {
        self.findings.push(Finding { rule, message });
    }

    /// The first tensor for which `seen` finds something, with what it found.
    fn first_tensor<T>(&self, seen: impl Fn(&Range<u64>) -> Option<T>) -> Option<(String, T)> {
        let mut tensors: Vec<_> = self.gguf.tensors.iter().collect();
        tensors.sort_by_key(|t| t.offset);
        tensors.iter().find_map(|t| seen(&self.gguf.file_range(t)).map(|found| (t.name.clone(), found)))
    }

    /// The bytes that arrived by the reads of the load phase that `which` selects.
    fn arrived(&self, which: impl Fn(&LoadRead) -> bool) -> RangeSet<u64> {
        let reads = self.replay.reads.iter().filter(|r| which(r) && !r.arrived.is_empty());
        reads.map(|r| r.arrived.clone()).collect()
    }

    fn mapped(&mut self) {
        let mapped: RangeSet<u64> = self.replay.mapped.iter().map(|placed| placed.file.clone()).collect();
        if let Some((name, gap)) = self.first_tensor(|range| mapped.gaps(range).next()) {
            let at = show(&gap);
            self.broken(Rule::TensorsMapped, format!("{name}: {at} of the file are in no mapping"));
        }
        let read = self.arrived(|_| true);
        if let Some((name, overlap)) = self.first_tensor(|range| first_common(&read, range)) {
            let at = show(&overlap);
            self.broken(
                Rule::MappedNotRead,
                format!("{name}: {at} were read although the plan is to map them"),
            );
        }
    }

    fn read(&mut self) {
        if self.replay.any_mapping {
            self.broken(Rule::NoFileMapping, "the file was mapped although the plan is to read it".into());
        }
        let arrived = self.arrived(|_| true);
        if let Some((name, gap)) = self.first_tensor(|range| arrived.gaps(range).next()) {
            let at = show(&gap);
            self.broken(Rule::TensorsRead, format!("{name}: {at} were never read"));
        }
        if let Some((name, twice)) = self.read_twice() {
            let at = show(&twice);
            self.broken(Rule::ReadOnce, format!("{name}: {at} were read twice"));
        }
    }

    /// The first tensor bytes that arrived by two reads. The rest of a block that a short direct
    /// read cut has to be asked for from the block's start, so there an overlap is no fault.
    fn read_twice(&self) -> Option<(String, Range<u64>)> {
        let mut reads: Vec<&LoadRead> = self.replay.reads.iter().filter(|r| !r.arrived.is_empty()).collect();
        reads.sort_by_key(|r| (r.arrived.start, r.seq));
        let mut reached: Option<&LoadRead> = None;
        for read in reads {
            if let Some(before) = reached {
                let both = read.arrived.start..before.arrived.end.min(read.arrived.end);
                let forced = before.direct && read.direct && before.was_short();
                if !both.is_empty()
                    && !forced
                    && let Some(found) = self.first_tensor(|range| common(&both, range))
                {
                    return Some(found);
                }
            }
            if reached.is_none_or(|before| before.arrived.end < read.arrived.end) {
                reached = Some(read);
            }
        }
        None
    }

    fn buffered_only(&mut self) {
        if self.replay.direct_opens > 0 {
            let n = self.replay.direct_opens;
            self.broken(Rule::ReadsBuffered, format!("{n} direct opens although the plan asks for none"));
        }
    }

    fn direct(&mut self) {
        if self.replay.direct_opens == 0 {
            let message = "no open asked for direct I/O although the plan is to read directly".into();
            self.broken(Rule::DirectAttempted, message);
        }
        let grain = self.replay.grain;
        let memory = self.replay.alignment.values().map(|(memory, _)| *memory).max().unwrap_or(1).max(1);
        let crooked = self.replay.reads.iter().find(|r| {
            let len = r.asked.end - r.asked.start;
            r.direct
                && !(r.addr.is_multiple_of(memory)
                    && r.asked.start.is_multiple_of(grain)
                    && len.is_multiple_of(grain))
        });
        if let Some(r) = crooked {
            let message = format!(
                "operation {}: address {:#x}, {}: not a multiple of {memory} (memory) and {grain} (offset, length)",
                r.seq,
                r.addr,
                show(&r.asked)
            );
            self.broken(Rule::DirectAligned, message);
        }
        let told = self.replay.notices.contains(&NoticeCode::DirectRefused);
        let buffered = self.arrived(|r| !r.direct);
        let other_way = self.first_tensor(|range| first_common(&buffered, range));
        if let (Some((name, part)), false) = (other_way, told) {
            let message =
                format!("{name}: {} came through the page cache and no warning says so", show(&part));
            self.broken(Rule::FallbackTold, message);
        } else if self.replay.any_mapping && !told {
            let message = "the file was mapped instead of read directly and no warning says so".into();
            self.broken(Rule::FallbackTold, message);
        }
    }

    fn locked(&mut self) {
        if !self.plan.lock {
            if self.replay.any_lock {
                self.broken(Rule::LockUnasked, "memory was locked although the plan asks for no lock".into());
            }
            return;
        }
        if self.replay.notices.contains(&NoticeCode::LockRefused) {
            return;
        }
        let read = self.replay.reads.iter().map(|r| (&r.arrived, r.addr));
        let placed: Vec<_> = self.replay.mapped.iter().map(|p| (&p.file, p.addr)).chain(read).collect();
        let unlocked = self.first_tensor(|range| {
            placed.iter().find_map(|(file, addr)| {
                let both = common(file, range)?;
                let base = addr + (both.start - file.start);
                let gap = self.replay.locked.gaps(&(base..base + (both.end - both.start))).next()?;
                Some(both.start + (gap.start - base)..both.start + (gap.end - base))
            })
        });
        if let Some((name, gap)) = unlocked {
            let at = show(&gap);
            let message = format!("{name}: the memory that holds {at} is not locked and no warning says so");
            self.broken(Rule::TensorsLocked, message);
        }
    }

    fn inside_file(&mut self) {
        let size = self.gguf.file_size;
        let (grain, requests) = (self.replay.grain, &self.replay.requests);
        let outside = requests.iter().find(|(asked, direct, _)| {
            // A direct request is a whole number of blocks; loaders that use whole pages as blocks
            // are right to.
            let block = if *direct { grain.max(self.page_size) } else { 1 };
            asked.start >= size || asked.end > size.next_multiple_of(block)
        });
        if let Some((asked, _, seq)) = outside {
            let message =
                format!("operation {seq}: a read asked for {} of a file of {size} bytes", show(asked));
            self.broken(Rule::ReadsInsideFile, message);
        }
    }

    fn given_back(&mut self) {
        if !self.replay.left_over.is_empty() {
            let list = self.replay.left_over.join(", ");
            self.broken(Rule::GivenBack, format!("never given back: {list}"));
        }
    }
}

/// The bytes that two ranges share.
fn common(a: &Range<u64>, b: &Range<u64>) -> Option<Range<u64>> {
    let both = a.start.max(b.start)..a.end.min(b.end);
    (!both.is_empty()).then_some(both)
}

/// The first bytes of `range` that are in the set.
fn first_common(set: &RangeSet<u64>, range: &Range<u64>) -> Option<Range<u64>> {
    set.overlapping(range).next().and_then(|r| common(r, range))
}

fn show(range: &Range<u64>) -> String {
    format!("bytes {}..{}", range.start, range.end)
}
