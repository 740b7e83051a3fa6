//! The rules of the contract, as far as a recording of somebody else's loader can decide them.
//!
//! The contract of the reference loader speaks of tensors and of the memory that holds them. Where a
//! trace has both (it comes from the seam, and the model is at hand), that contract is checked. A
//! recording of system calls has neither: where reads went is not told, and without the model the
//! weights are what lies behind the bytes that the header session read. Then the rules are about
//! that one range, gaps of less than a page count as padding, and memory is compared by its amount.

use rangemap::RangeSet;

use super::{Claim, Recording, models};
use crate::check::rule::{Finding, Rule};
use crate::plan::{LoadPlan, Source};
use crate::rules::Summary;
use crate::trace::{Call, Op, Outcome, Phase};

/// The rules broken, and those that cannot be decided.
pub(super) fn broken(
    plan: LoadPlan,
    recording: &Recording<'_>,
    claims: Option<&[Claim]>,
) -> (Vec<Finding>, Vec<Rule>) {
    let places = |op: &Op| matches!(op.call, Call::Read { addr, .. } if addr != 0 && op.phase == Phase::Load);
    let knows_memory = recording.ops.iter().any(places)
        || !recording.ops.iter().any(|op| matches!(op.call, Call::Read { .. }) && op.phase == Phase::Load);
    if let (Some(gguf), true) = (recording.model, knows_memory && !recording.ops.is_empty()) {
        let page = recording.page_size.max(1);
        return (crate::check::broken_rules(plan, recording.ops, gguf, page), Vec::new());
    }
    let (mut findings, mut undecided) = (Vec::new(), Vec::new());
    // Where in the weights something happened is a question for each shard; how much memory is locked is
    // one for all of them.
    let (mut weights, mut all) = (0u64, None);
    for ops in models::shards(recording.ops) {
        let facts = Facts::of(&Recording { ops: &ops, ..*recording });
        if !facts.moved {
            continue;
        }
        weights = weights.saturating_add(facts.weights.end - facts.weights.start);
        let mut checker = Checker { plan, facts, claims, findings: Vec::new(), undecided: Vec::new() };
        checker.run();
        findings.extend(checker.findings);
        undecided.extend(checker.undecided);
        all = Some(Facts { weights: 0..weights, ..Facts::of(recording) });
    }
    if let Some(facts) = all {
        let mut checker = Checker { plan, facts, claims, findings, undecided };
        checker.locked();
        // Which tensors a byte belongs to and what a process still holds at its end are not told.
        checker.undecided.extend([Rule::ReadOnce, Rule::GivenBack]);
        (findings, undecided) = (checker.findings, checker.undecided);
    }
    let mut seen = Vec::new();
    undecided.retain(|rule| {
        !seen.contains(rule) && {
            seen.push(*rule);
            true
        }
    });
    (findings, undecided)
}

/// What the load phase did.
struct Facts {
    /// Whether anything was mapped or read.
    moved: bool,
    /// Where the weights are thought to lie.
    weights: std::ops::Range<u64>,
    page: u64,
    mapped: RangeSet<u64>,
    /// Bytes that arrived, of reads longer than a block: shorter ones are the edges of blocks.
    read: RangeSet<u64>,
    arrived: RangeSet<u64>,
    any_mapping: bool,
    direct_opens: usize,
    direct_refused: bool,
    buffered_bytes: u64,
    lock_asked: bool,
    lock_refused: bool,
    locked: u64,
    /// The first read that starts past the end of the file.
    outside: Option<u64>,
}

impl Facts {
    fn of(recording: &Recording<'_>) -> Self {
        let page = recording.page_size.max(1);
        let mut facts = Self {
            moved: false,
            weights: 0..0,
            page,
            mapped: RangeSet::new(),
            read: RangeSet::new(),
            arrived: RangeSet::new(),
            any_mapping: false,
            direct_opens: 0,
            direct_refused: false,
            buffered_bytes: 0,
            lock_asked: false,
            lock_refused: false,
            locked: Summary::of(recording.ops).locked_bytes,
            outside: None,
        };
        let size = recording.model.map_or_else(|| size(recording.ops), |gguf| gguf.file_size);
        let header = recording.model.map_or_else(|| header_end(recording.ops), |gguf| gguf.data_offset);
        for op in super::of_load(recording.ops) {
            facts.op(op, size);
        }
        let first = facts.arrived.iter().next().map_or(0, |range| range.start);
        // A file that one session read whole has its header in it.
        let start = if header > 0 { header } else { first };
        facts.weights = start.min(size)..size;
        facts
    }

    fn op(&mut self, op: &Op, size: u64) {
        let granted = match &op.outcome {
            Outcome::Ok(result) => Some(*result),
            Outcome::Err(_) => None,
        };
        match &op.call {
            Call::Open { direct: true, .. } => {
                self.direct_opens += 1;
                self.direct_refused |= granted.is_none();
            }
            Call::Map { offset, len, .. } => {
                self.any_mapping = true;
                if granted.is_some() && *len > 0 {
                    self.moved = true;
                    self.mapped.insert(*offset..offset.saturating_add(*len));
                }
            }
            Call::Read { offset, direct, .. } => match granted {
                Some(n) if n > 0 => {
                    self.moved = true;
                    let range = *offset..offset.saturating_add(n);
                    if !direct {
                        self.buffered_bytes = self.buffered_bytes.saturating_add(n);
                    }
                    if n > self.page {
                        self.read.insert(range.clone());
                    }
                    self.arrived.insert(range);
                }
                // A read at the very end that brings nothing is how a loop learns that it is done.
                Some(_) if *offset > size => self.outside = self.outside.or(Some(*offset)),
                Some(_) => {}
                None => self.direct_refused |= *direct,
            },
            Call::Lock { .. } => {
                self.lock_asked = true;
                self.lock_refused |= granted.is_none();
            }
            _ => {}
        }
    }
}

/// One past the last byte of the model that any operation speaks of.
fn size(ops: &[Op]) -> u64 {
    let end = |op: &Op| match (&op.call, &op.outcome) {
        (Call::Read { offset, .. }, Outcome::Ok(n)) if *n > 0 => offset.saturating_add(*n),
        (Call::Map { offset, len, .. }, _) => offset.saturating_add(*len),
        (Call::Size { .. }, Outcome::Ok(size)) => *size,
        _ => 0,
    };
    ops.iter().map(end).max().unwrap_or(0)
}

/// One past the last byte that a header session read from the front.
fn header_end(ops: &[Op]) -> u64 {
    let mut end = 0;
    for op in ops.iter().filter(|op| op.phase == Phase::Header) {
        if let (Call::Read { offset, .. }, Outcome::Ok(n)) = (&op.call, &op.outcome)
            && *offset <= end
        {
            end = end.max(offset.saturating_add(*n));
        }
    }
    end
}

struct Checker<'a> {
    plan: LoadPlan,
    facts: Facts,
    claims: Option<&'a [Claim]>,
    findings: Vec<Finding>,
    undecided: Vec<Rule>,
}

impl Checker<'_> {
    fn broken(&mut self, rule: Rule, message: String) {
        self.findings.push(Finding { rule, message });
    }

    fn run(&mut self) {
        match self.plan.source {
            Source::Map | Source::Auto => {
                self.mapped();
                self.buffered_only();
            }
            Source::Read => {
                self.read();
                self.buffered_only();
            }
            Source::Direct => self.direct(),
        }
        if let Some(offset) = self.facts.outside {
            self.broken(
                Rule::ReadsInsideFile,
                format!("a read starts at {offset}, past the end of the file"),
            );
        }
    }

    fn gap(&self, set: &RangeSet<u64>) -> Option<std::ops::Range<u64>> {
        set.gaps(&self.facts.weights).find(|gap| gap.end - gap.start >= self.facts.page)
    }

    fn mapped(&mut self) {
        if let Some(gap) = self.gap(&self.facts.mapped) {
            self.broken(
                Rule::TensorsMapped,
                format!("bytes {}..{} of the file were never mapped", gap.start, gap.end),
            );
        }
        let read = self.facts.read.overlapping(&self.facts.weights).next().cloned();
        if let Some(read) = read {
            let message = format!("bytes {}..{} were read although the plan is to map", read.start, read.end);
            self.broken(Rule::MappedNotRead, message);
        }
    }

    fn read(&mut self) {
        if self.facts.any_mapping {
            self.broken(Rule::NoFileMapping, "the file was mapped although the plan is to read it".into());
        }
        if let Some(gap) = self.gap(&self.facts.arrived) {
            self.broken(
                Rule::TensorsRead,
                format!("bytes {}..{} of the file were never read", gap.start, gap.end),
            );
        }
    }

    fn buffered_only(&mut self) {
        if self.facts.direct_opens > 0 {
            let n = self.facts.direct_opens;
            self.broken(Rule::ReadsBuffered, format!("{n} direct opens although the plan asks for none"));
        }
    }

    fn direct(&mut self) {
        self.undecided.push(Rule::DirectAligned);
        if self.facts.direct_opens == 0 {
            let message = "no open asked for direct I/O although the plan is to read directly".into();
            self.broken(Rule::DirectAttempted, message);
        }
        let falls_to_map =
            self.facts.direct_refused && self.plan.on_refused == Some(crate::plan::OnRefused::Map);
        if falls_to_map {
            self.mapped();
        } else {
            self.read();
        }
        // The last piece may be read buffered to learn the size.
        let other_way = self.facts.any_mapping || self.facts.buffered_bytes > self.facts.page;
        if other_way {
            match self.claims {
                None => self.undecided.push(Rule::FallbackTold),
                Some(claims)
                    if claims.iter().any(|claim| claim.claims.contains("instead of read directly")) => {}
                Some(_) => {
                    let message = "the weights came another way than directly and no line says so".into();
                    self.broken(Rule::FallbackTold, message);
                }
            }
        }
    }

    fn locked(&mut self) {
        if !self.plan.lock {
            if self.facts.lock_asked {
                self.broken(Rule::LockUnasked, "memory was locked although the plan asks for no lock".into());
            }
            return;
        }
        let weights = self.facts.weights.end - self.facts.weights.start;
        let enough = self.facts.locked >= weights;
        if enough {
            return;
        }
        let short = format!("{} bytes are locked, the weights have at least {weights}", self.facts.locked);
        match (self.facts.lock_refused, self.claims) {
            (true, None) => self.undecided.push(Rule::TensorsLocked),
            (true, Some(claims)) if claims.iter().any(|c| c.holds && c.claims.starts_with("a lock of")) => {}
            (true, Some(_)) => {
                self.broken(Rule::TensorsLocked, format!("{short}, a lock was refused, and no line says so"));
            }
            (false, _) => self.broken(Rule::TensorsLocked, format!("{short}, and nothing was refused")),
        }
    }
}
