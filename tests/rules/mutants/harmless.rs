//! Changes that do no harm, each with the reason: a reviewed list.

use loadparity::plan::Source;
use loadparity::rules::Evidence;
use loadparity::trace::{Op, Phase};

use super::clean::Clean;
use super::kinds::Change::{
    self, Direct, Doubled, Dropped, OtherFile, OtherProcess, OtherRegion, Refused, Shortened,
};
use super::kinds::name;
use Phase::{Header, Load, Probe, Teardown};

/// A kind of change that may pass unnoticed.
pub struct Row {
    pub call: &'static str,
    pub phases: &'static [Phase],
    pub changes: &'static [Change],
    /// Only in loads that lock no buffer.
    pub unlocked: bool,
    pub why: &'static str,
}

impl Row {
    /// Whether the change is of this kind, and left what was brought in and locked as it was.
    pub fn matches(&self, clean: &Clean, op: &Op, change: Change, mutant: &Evidence) -> bool {
        let own = &clean.evidence;
        mutant.brought_bytes() == own.brought_bytes()
            && mutant.effective() == own.effective()
            && !(self.unlocked && clean.plan.lock && clean.plan.source != Source::Map)
            && !self.why.is_empty()
            && name(&op.call) == self.call
            && self.phases.contains(&op.phase)
            && self.changes.contains(&change)
    }
}

pub const HARMLESS: &[Row] = &[
    Row {
        call: "size",
        phases: &[Header, Probe, Load],
        changes: &[Dropped, Doubled, OtherFile, OtherProcess, Refused],
        unlocked: false,
        why: "a question; what is done with the answer is judged",
    },
    Row {
        call: "alignment",
        phases: &[Probe],
        changes: &[Dropped, Doubled, OtherProcess, Refused],
        unlocked: false,
        why: "a question; the reads of these loads keep any grain up to a page",
    },
    Row {
        call: "alloc",
        phases: &[Load],
        changes: &[Dropped, Doubled, Shortened, OtherProcess, Refused],
        unlocked: false,
        why: "memory may come from anywhere; reads and locks carry their addresses",
    },
    Row {
        call: "exit",
        phases: &[Load, Teardown],
        changes: &[Dropped, Doubled],
        unlocked: false,
        why: "how a command ended stands beside its operations",
    },
    Row {
        call: "open",
        phases: &[Header],
        changes: &[OtherFile],
        unlocked: false,
        why: "a recording may name its only file differently; where the file is known by device and inode, \
              these decide",
    },
    Row {
        call: "open",
        phases: &[Header, Probe],
        changes: &[OtherProcess],
        unlocked: false,
        why: "an open file may be handed to another process",
    },
    Row {
        call: "read",
        phases: &[Header, Probe],
        changes: &[Dropped, Doubled, OtherFile, OtherRegion, OtherProcess, Direct],
        unlocked: false,
        why: "no weights are read before the load",
    },
    Row {
        call: "read",
        phases: &[Load],
        changes: &[Dropped, Shortened, OtherFile, OtherProcess, Direct],
        unlocked: false,
        why: "the same bytes come with the reads beside it: blocks of direct reads and of streams overlap",
    },
    Row {
        call: "read",
        phases: &[Load],
        changes: &[Doubled],
        unlocked: false,
        why: "a stream may read a short stretch again",
    },
    Row {
        call: "read",
        phases: &[Load],
        changes: &[OtherRegion],
        unlocked: true,
        why: "where no buffer is locked it does not matter where one lies",
    },
    Row {
        call: "map",
        phases: &[Load],
        changes: &[Doubled],
        unlocked: false,
        why: "a second mapping of the same bytes takes no memory of its own",
    },
    Row {
        call: "file-advise",
        phases: &[Load],
        changes: &[Doubled, OtherProcess, Refused],
        unlocked: false,
        why: "advice is of the file, may be given twice, and need not be taken",
    },
    Row {
        call: "map-advise",
        phases: &[Load],
        changes: &[Doubled, Refused],
        unlocked: false,
        why: "advice may be given twice and need not be taken",
    },
    Row {
        call: "lock",
        phases: &[Load],
        changes: &[Doubled],
        unlocked: false,
        why: "locks of one page do not add up (mlock(2))",
    },
    Row {
        call: "unlock",
        phases: &[Teardown],
        changes: &[Doubled],
        unlocked: false,
        why: "a page that is not locked may be unlocked (munlock(2))",
    },
    Row {
        call: "unmap",
        phases: &[Load, Teardown],
        changes: &[Dropped, Doubled, Shortened, OtherRegion, OtherProcess, Refused],
        unlocked: false,
        why: "the system takes back what a command leaves; what is unmapped in these loads holds no weights",
    },
    Row {
        call: "close",
        phases: &[Header, Probe, Load, Teardown],
        changes: &[Refused],
        unlocked: false,
        why: "the system closes what a command leaves open",
    },
];
