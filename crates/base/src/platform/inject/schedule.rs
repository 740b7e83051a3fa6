//! Counting calls and choosing faults; the mark that tells the recorder what was made up.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::spec::{Fault, FaultSpec};
use crate::platform::{Errno, OsFamily, Result};
use crate::trace::errors::by_name;

thread_local! {
    static INJECTED: Cell<bool> = const { Cell::new(false) };
}

/// Whether the injector made up or altered the result of this thread's last call on the seam; asks
/// and forgets.
///
/// A decorator above the injector calls it right after each inner call, on the same thread. Every
/// call through an injector starts by clearing the mark, so a call that nobody asked about leaves
/// nothing behind for the next one. Drops (close, the last unmap, free) cannot be injected and do
/// not touch it.
#[must_use]
pub fn take_injected() -> bool {
    INJECTED.take()
}

/// Starts a call that no fault has met yet.
pub(super) fn clear_mark() {
    INJECTED.set(false);
}

/// A fault with its counts. Of calls that run at the same time, each gets a number of its own.
pub(super) struct Armed {
    pub(super) spec: FaultSpec,
    /// The error to give, in the numbers of the wrapped platform.
    errno: Option<Errno>,
    /// Calls met so far, by file; `None` is memory of no file.
    calls: Mutex<BTreeMap<Option<u32>, u64>>,
    fired: AtomicU64,
    /// The wrapped platform is a simulator.
    simulated: bool,
}

impl Armed {
    /// Notes that this fault changed the result of the call.
    pub(super) fn fire(&self) {
        self.fired.fetch_add(1, Ordering::Relaxed);
        self.mark();
    }

    /// Marks the call as met by a fault.
    pub(super) fn mark(&self) {
        INJECTED.set(true);
    }

    /// The refusal of an error fault, which fires with it; else `None`.
    pub(super) fn refusal(&self, call: &str) -> Option<Errno> {
        let errno = self.errno.clone()?;
        self.fire();
        Some(if call.starts_with("lock.") { errno.of_a_lock() } else { errno })
    }

    /// Waits, if this fault is a delay, which fires with it. On a simulated machine no time passes: others run
    /// first.
    pub(super) fn wait(&self) {
        let Fault::Delay(micros) = self.spec.fault() else { return };
        self.fire();
        if self.simulated {
            std::thread::yield_now();
        } else {
            std::thread::sleep(Duration::from_micros(micros));
        }
    }
}

pub(super) struct Schedule {
    armed: Vec<Armed>,
    /// The files, in the order in which they were first opened, or that was tried.
    files: Mutex<Vec<PathBuf>>,
}

impl Schedule {
    pub(super) fn new(faults: Vec<FaultSpec>, family: OsFamily, simulated: bool) -> Self {
        let arm = |spec: FaultSpec| {
            let errno = match spec.fault() {
                Fault::Error(name) => by_name(name, family),
                _ => None,
            };
            Armed { spec, errno, calls: Mutex::default(), fired: AtomicU64::new(0), simulated }
        };
        Self { armed: faults.into_iter().map(arm).collect(), files: Mutex::default() }
    }

    /// The number of a file, from 1.
    pub(super) fn number(&self, path: &Path) -> u32 {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let at = files.iter().position(|known| known == path).unwrap_or_else(|| {
            files.push(path.to_owned());
            files.len() - 1
        });
        u32::try_from(at).map_or(u32::MAX, |at| at.saturating_add(1))
    }

    /// Counts a call for every fault that is for it, and returns the faults that meet it, in the
    /// order of the schedule. Each file counts for itself. `len` is how much memory is asked for, where it is that.
    pub(super) fn meet(&self, call: &str, file: Option<u32>, len: u64) -> Vec<&Armed> {
        let concerned = self.armed.iter().filter(|armed| armed.spec.concerns(call, file, len));
        concerned
            .filter(|armed| {
                let mut calls = armed.calls.lock().unwrap_or_else(PoisonError::into_inner);
                let number = calls.entry(file).or_default();
                *number += 1;
                armed.spec.when().meets(*number)
            })
            .collect()
    }

    /// Makes a call that can fail but moves no data.
    pub(super) fn guard<T>(
        &self,
        call: &str,
        file: Option<u32>,
        make: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        self.guard_of(call, file, 0, make)
    }

    /// Makes a request for `len` bytes of memory.
    pub(super) fn guard_alloc<T>(&self, len: usize, make: impl FnOnce() -> Result<T>) -> Result<T> {
        self.guard_of("alloc", None, len as u64, make)
    }

    fn guard_of<T>(
        &self,
        call: &str,
        file: Option<u32>,
        len: u64,
        make: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        clear_mark();
        let met = self.meet(call, file, len);
        met.iter().for_each(|armed| armed.wait());
        match met.into_iter().find_map(|armed| armed.refusal(call)) {
            Some(errno) => Err(errno),
            None => make(),
        }
    }

    /// Asks for the size of a file, which may be refused or answered otherwise; the first answer of the list
    /// decides.
    pub(super) fn size(&self, file: u32, ask: impl FnOnce() -> Result<u64>) -> Result<u64> {
        clear_mark();
        let met = self.meet("size", Some(file), 0);
        met.iter().for_each(|armed| armed.wait());
        if let Some(errno) = met.iter().find_map(|armed| armed.refusal("size")) {
            return Err(errno);
        }
        let real = ask()?;
        let answer = met.iter().find_map(|armed| match armed.spec.fault() {
            Fault::Reports(size) => Some((armed, size)),
            _ => None,
        });
        match answer {
            Some((armed, size)) if size != real => {
                armed.fire();
                Ok(size)
            }
            _ => Ok(real),
        }
    }

    pub(super) fn fired(&self) -> Vec<u64> {
        self.armed.iter().map(|armed| armed.fired.load(Ordering::Relaxed)).collect()
    }
}
