//! What a command writes to its captured standard output, and how much of it had been written when it locked memory.
//!
//! The bytes that the reader of the pipe took and those that the pipe still holds are what was written. Both are
//! counted under one lock, so that a byte on its way from the one to the other is not missed.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::sync::{Mutex, PoisonError};

use super::numbers::Sys;
use super::sys;
use super::watch::{Thread, Watcher};
use crate::trace::Seen;
use crate::trace::linux::Sight;

/// How many locks are looked at: a loader that locks a tensor at a time has some thousand.
const MOST: usize = 1 << 16;

/// Captured standard output.
pub(super) struct Output {
    pipe: File,
    taken: Mutex<Vec<u8>>,
}

impl Output {
    pub(super) fn new(pipe: File) -> Self {
        Self { pipe, taken: Mutex::new(Vec::new()) }
    }

    /// Takes all that comes out of the pipe, until nobody can write to it any more.
    pub(super) fn collect(&self) {
        let mut buffer = vec![0; 64 << 10];
        while sys::wait_readable(self.pipe.as_raw_fd()) {
            let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
            match (&self.pipe).read(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // What arrived before an error is still what the command wrote.
                Ok(0) | Err(_) => return,
                Ok(n) => taken.extend_from_slice(&buffer[..n]),
            }
        }
    }

    /// How many bytes were written so far.
    fn written(&self) -> u64 {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.len() as u64 + sys::readable(self.pipe.as_raw_fd())
    }

    /// What was written, all of it once the pipe has ended.
    pub(super) fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.taken.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Watcher {
    /// A thread is about to make a call: if it locks, how much was written before is noted.
    pub(super) fn note_output(&mut self, thread: &Thread, call: Sys) {
        let Some(output) = &self.output else { return };
        if matches!(call, Sys::Mlock | Sys::Mlock2 | Sys::MlockAll) && self.before_locks.len() < MOST {
            let written = output.written();
            self.before_locks.push((thread.task.process, self.now(), written));
        }
    }

    /// All that the command wrote: tells from which lock on nothing was added to it.
    pub(super) fn tell_output(&mut self, all: u64) {
        let before = std::mem::take(&mut self.before_locks).into_iter();
        let late = before.filter(|_| all > 0).find(|(.., written)| *written == all);
        if let Some((process, at_ns, _)) = late {
            self.machine.notes.saw(Sight { process, at_ns, seen: Seen::LastOutput });
        }
    }
}
