//! Rules on weights that are read, through the page cache or past it.

use std::ops::Range;

use rangemap::RangeSet;

use super::{Broken, Case, Checked, Holds, Note, show};
use crate::plan::Source;
use crate::rules::evidence::EDGE;
use crate::rules::{Capability, Request, Way};
use crate::trace::{ErrorKind, NoticeCode};

/// No disk has smaller blocks, in bytes.
const LEAST_BLOCK: u64 = 512;

impl Case<'_> {
    /// The tensor bytes that arrived by reads of the load phase, longer ones than `least` alone.
    pub(super) fn load_reads(
        &self,
        file: usize,
        least: u64,
        which: impl Fn(&Request) -> bool,
    ) -> RangeSet<u64> {
        let requests = self.evidence.fold.requests.iter();
        let own = requests.filter(|r| r.file == file && r.load && self.evidence.is_loader(r.pid));
        let long = own.filter(|r| !r.arrived.is_empty() && r.arrived.end - r.arrived.start > least);
        long.filter(|r| which(r)).map(|r| r.arrived.clone()).collect()
    }

    pub(super) fn tensors_read(&self) -> Checked {
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
    pub(super) fn read_once(&self) -> Checked {
        if !matches!(self.way(), Some(Way::Read | Way::Direct)) {
            return Holds;
        }
        let evidence = self.evidence;
        let block = evidence.block();
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

    pub(super) fn reads_buffered(&self) -> Checked {
        let opens = self.evidence.fold.opens.iter().filter(|open| open.direct).count();
        if self.asked.source == Source::Direct || opens == 0 {
            return Holds;
        }
        Broken(format!("{opens} direct opens although the plan asks for none"))
    }

    pub(super) fn direct_attempted(&self) -> Checked {
        if !self.decided.direct_asked || self.evidence.fold.opens.iter().any(|open| open.direct) {
            return Holds;
        }
        self.absent("no open asked for direct I/O although the plan is to read directly".to_owned())
    }

    pub(super) fn direct_held(&self) -> Checked {
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
            _ => self.cache_left_alone(),
        }
    }

    /// Direct reads are there to leave the page cache alone: what is read ahead into it beside them fills it.
    fn cache_left_alone(&self) -> Checked {
        if let Some(bytes) = self.evidence.read_far_ahead() {
            return Broken(format!(
                "{bytes} bytes were read ahead into the page cache, which direct reads are to leave alone"
            ));
        }
        let twice = self.evidence.read_both_ways();
        if twice > EDGE.max(self.evidence.weights.len() / 2) {
            let why = format!(
                "{twice} bytes of the weights were read through the page cache as well as directly; which of the two \
                 is used was not seen"
            );
            return Checked::NotObserved(vec![Capability::Use], why);
        }
        match self.evidence.read_ahead() {
            0 => Holds,
            ahead => Note(format!("{ahead} bytes were read ahead into the page cache beside direct reads")),
        }
    }

    /// Bytes of weights that were mapped and never read.
    fn mapped_alone(&self) -> u64 {
        self.evidence.tensor_bytes(|file| {
            let mut mapped = self.evidence.mapped_to_use(file);
            let read = self.evidence.union_of(|process| process.read(file));
            read.iter().for_each(|range| mapped.remove(range.clone()));
            mapped
        })
    }

    fn arrived(&self, part: &Range<u64>) -> bool {
        let files = 0..self.evidence.weights.files.len();
        files
            .into_iter()
            .any(|file| self.evidence.union_of(|process| process.read(file)).gaps(part).next().is_none())
    }

    pub(super) fn direct_aligned(&self) -> Checked {
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
        if let Some(r) = self.never_served() {
            return Broken(format!(
                "operation {}: address {:#x}, {}: refused, as no multiple of {LEAST_BLOCK} bytes is, the block of any disk",
                r.seq,
                r.addr,
                show(&r.asked)
            ));
        }
        // A request that the kernel took was aligned enough for it.
        let Some(r) = crooked.filter(|_| self.profile.load_phase_only) else { return Holds };
        Broken(format!(
            "operation {}: address {:#x}, {}: not a multiple of {memory} (memory) and {grain} (offset, length)",
            r.seq,
            r.addr,
            show(&r.asked)
        ))
    }

    /// A direct read that was refused for its own shape, where none was ever served: whoever asks so has no direct I/O
    /// on any system, and that is no limit of this one.
    fn never_served(&self) -> Option<&Request> {
        let direct = || self.evidence.fold.requests.iter().filter(|r| r.direct);
        let shaped = |r: &&Request| {
            let all = [r.addr, r.asked.start, r.asked.end - r.asked.start];
            r.refused == Some(ErrorKind::Invalid)
                && all.iter().any(|value| !value.is_multiple_of(LEAST_BLOCK))
        };
        // A fault may have answered wrongly what direct reads need.
        let refused =
            direct().all(|r| r.refused.is_some()) && !self.evidence.ops.iter().any(|op| op.injected);
        direct().find(shaped).filter(|_| refused && direct().filter(|r| r.load).all(|r| shaped(&r)))
    }

    pub(super) fn fallback_reported(&self) -> Checked {
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
            && if self.beside_lazy { self.mapped_alone() > 0 } else { evidence.bytes_by_way()[0] > 0 }
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
}
