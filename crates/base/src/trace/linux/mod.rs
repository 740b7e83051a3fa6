//! Linux as a loader's processes see it: descriptors, file positions, address spaces, forks and execs.
//!
//! A [`Machine`] is given decoded system calls ([`Decoded`]), one by one in the order in which they ended,
//! and gives the operations that they amount to. Who decodes them is the tracer, from registers, or the
//! importer, from text. It knows nothing but what it is given: no I/O, no clock, no `cfg`.
//!
//! | file | job |
//! | --- | --- |
//! | `calls`, `decoded` | which calls there are, and what they say |
//! | `files`, `space` | descriptors, addresses |
//! | `on_files`, `on_memory`, `on_processes` | what each call comes to |
//! | `notes` | what was seen, until it is known what of it is a trace |

#![allow(dead_code, unused_imports, reason = "only Linux has the tracer, which uses all of it")]

pub mod calls;
mod decoded;
mod files;
mod notes;
mod on_files;
mod on_memory;
mod on_processes;
mod space;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::rc::Rc;

pub use decoded::{At, Counsel, Decoded, Done, Mapping, Opened, Shares, Taken};
pub use files::{FileTable, OpenFile};
pub use notes::{Finished, Note, Notes, Sight};
pub use space::{Compared, Filled, Hit, Piece, Space, pages};

use super::{Call, NativeFlags, Op, Outcome, RegionId};

/// A thread: whose descriptors and whose memory its calls are about.
#[derive(Clone)]
pub struct Task {
    pub tid: u64,
    /// Which process of the machine it belongs to.
    pub process: u32,
    pub files: Rc<RefCell<FileTable>>,
    pub space: Rc<RefCell<Space>>,
}

/// All processes and what they did.
pub struct Machine {
    pub notes: Notes,
    page: u64,
    tables: u64,
    processes: u32,
}

impl Machine {
    /// A machine with pages of this size.
    pub fn new(page: u64) -> Self {
        Self { notes: Notes::default(), page, tables: 0, processes: 0 }
    }

    /// Bytes of a page.
    pub fn page(&self) -> u64 {
        self.page
    }

    /// What a call comes to.
    pub fn apply(&mut self, task: &Task, done: &Done, call: Decoded<'_>) {
        match call {
            Decoded::Map(_)
            | Decoded::Unmap(_)
            | Decoded::Remap { .. }
            | Decoded::Protect { .. }
            | Decoded::Advice { .. }
            | Decoded::Lock { .. }
            | Decoded::Unlock { .. }
            | Decoded::LockAll { .. }
            | Decoded::UnlockAll
            | Decoded::Other { .. } => self.on_memory(task, done, call),
            call => self.on_file(task, done, call),
        }
    }

    /// The trace, numbered by first appearance; `header` marks the operations that read a header, into memory
    /// that is not for weights by that.
    pub fn finish(self, header: impl FnOnce(&[Op]) -> Vec<bool>) -> Finished {
        self.notes.finish(header)
    }

    fn push(&mut self, task: &Task, done: &Done, call: Call, outcome: Outcome) {
        self.notes.push(note(task, done, call, outcome));
    }

    /// Notes a call on a region, which is of interest if the region is.
    fn push_on(&mut self, task: &Task, done: &Done, call: Call, outcome: Outcome) {
        let depends_on = call.region().and_then(|region| self.notes.dependence(region));
        self.notes.push(Note { depends_on, ..note(task, done, call, outcome) });
    }
}

/// A note of a call.
fn note(task: &Task, done: &Done, call: Call, outcome: Outcome) -> Note {
    Note {
        process: task.process,
        tid: task.tid,
        call,
        outcome,
        origin: done.origin,
        start_ns: done.start_ns,
        dur_ns: done.dur_ns,
        injected: done.injected,
        depends_on: None,
        into: None,
    }
}

/// A call by the system's name of it.
fn native(name: &str, region: Option<RegionId>, offset: u64, len: u64, flags: NativeFlags) -> Call {
    Call::Native { name: name.to_owned(), file: None, region, offset, len, flags }
}
