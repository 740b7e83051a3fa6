//! Changes that do no harm, each with the reason: a reviewed list.

use loadparity::trace::{Op, Phase};

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
    pub why: &'static str,
}

impl Row {
    pub fn matches(&self, op: &Op, change: Change) -> bool {
        !self.why.is_empty()
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
        why: "a question; what is done with the answer is judged",
    },
    Row {
        call: "alignment",
        phases: &[Probe],
        changes: &[Dropped, Doubled, OtherProcess, Refused],
        why: "a question; the reads of these loads keep any grain up to a page",
    },
    Row {
        call: "alloc",
        phases: &[Load],
        changes: &[Dropped, Doubled, Shortened, OtherProcess, Refused],
        why: "memory may come from anywhere; reads and locks carry their addresses",
    },
    Row {
        call: "exit",
        phases: &[Load, Teardown],
        changes: &[Dropped, Doubled],
        why: "how a command ended stands beside its operations",
    },
    Row {
        call: "open",
        phases: &[Header],
        changes: &[OtherFile],
        why: "a recording may name its only file differently; where the file is known by device and inode, \
              these decide",
    },
    Row {
        call: "open",
        phases: &[Header, Probe],
        changes: &[OtherProcess],
        why: "an open file may be handed to another process",
    },
    Row {
        call: "read",
        phases: &[Header, Probe],
        changes: &[Dropped, Doubled, OtherFile, OtherRegion, OtherProcess, Direct],
        why: "no weights are read before the load",
    },
    Row {
        call: "read",
        phases: &[Load],
        changes: &[Dropped, Shortened, OtherFile, OtherProcess, Direct],
        why: "the same bytes come with the reads beside it: blocks of direct reads and of streams overlap",
    },
    Row {
        call: "read",
        phases: &[Load],
        changes: &[Doubled],
        why: "a stream may read a short stretch again",
    },
    Row {
        call: "read",
        phases: &[Load],
        changes: &[OtherRegion],
        why: "without a lock it does not matter where a buffer lies",
    },
    Row {
        call: "map",
        phases: &[Load],
        changes: &[Doubled],
        why: "a second mapping of the same bytes takes no memory of its own",
    },
    Row {
        call: "file-advise",
        phases: &[Load],
        changes: &[Doubled, OtherProcess, Refused],
        why: "advice is of the file, may be given twice, and need not be taken",
    },
    Row {
        call: "map-advise",
        phases: &[Load],
        changes: &[Doubled, Refused],
        why: "advice may be given twice and need not be taken",
    },
    Row {
        call: "lock",
        phases: &[Load],
        changes: &[Doubled],
        why: "locks of one page do not add up (mlock(2))",
    },
    Row {
        call: "unlock",
        phases: &[Teardown],
        changes: &[Doubled],
        why: "a page that is not locked may be unlocked (munlock(2))",
    },
    Row {
        call: "unmap",
        phases: &[Load, Teardown],
        changes: &[Dropped, Doubled, Shortened, OtherRegion, OtherProcess, Refused],
        why: "the system takes back what a command leaves; what is unmapped in these loads holds no weights",
    },
    Row {
        call: "close",
        phases: &[Header, Probe, Load, Teardown],
        changes: &[Refused],
        why: "the system closes what a command leaves open",
    },
];
