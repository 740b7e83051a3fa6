//! What all handles of one simulated process share: its files, its counts and its lock quota.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use super::{Census, SimFile, SimProfile};
use crate::platform::OsFamily;
use crate::platform::{Errno, ErrorKind, Lockable, Result};
use crate::trace::errors::by_name;

pub(super) struct Process {
    pub(super) profile: SimProfile,
    /// With a number for each that no other ever has.
    pub(super) files: RwLock<BTreeMap<PathBuf, (u64, Arc<SimFile>)>>,
    pub(super) inodes: AtomicU64,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    census: Census,
    reads: u64,
}

impl Process {
    pub(super) fn new(profile: SimProfile) -> Self {
        Self { profile, files: RwLock::default(), inodes: AtomicU64::new(1), counts: Mutex::default() }
    }

    /// The usual error of that meaning, in the words of the simulated OS.
    pub(super) fn refuse<T>(&self, kind: ErrorKind) -> Result<T> {
        Err(self.profile.os.errno(kind))
    }

    /// The error of that name, where the simulated OS has a particular one.
    pub(super) fn named(&self, name: &str, kind: ErrorKind) -> Errno {
        by_name(name, self.profile.os).unwrap_or_else(|| self.profile.os.errno(kind))
    }

    pub(super) fn census(&self) -> Census {
        self.counts().census
    }

    /// Changes the counts in one step.
    pub(super) fn count(&self, change: impl FnOnce(&mut Census)) {
        change(&mut self.counts().census);
    }

    /// Counts a read; refuses the ones that the profile interrupts.
    pub(super) fn start_read(&self) -> Result<()> {
        let mut counts = self.counts();
        counts.reads += 1;
        let every = self.profile.interrupt_every.map(u64::from);
        if every.and_then(|every| counts.reads.checked_rem(every)) == Some(0) {
            return self.refuse(ErrorKind::Interrupted);
        }
        Ok(())
    }

    /// Takes `bytes` from the lock quota, or nothing.
    pub(super) fn charge_lock(&self, bytes: u64) -> Result<()> {
        let mut counts = self.counts();
        let locked = counts.census.locked_bytes + bytes;
        match self.profile.lock_limit {
            // Linux calls a quota of nothing a lack of permission.
            Lockable::Bytes(0) if self.profile.os == OsFamily::Linux => self.refuse(ErrorKind::Denied),
            Lockable::Bytes(limit) if locked > limit => self.refuse(ErrorKind::LockLimit),
            Lockable::Bytes(_) | Lockable::Unlimited => {
                counts.census.locked_bytes = locked;
                Ok(())
            }
        }
    }

    // No code runs under this lock that could panic halfway through a change, so a poisoned lock
    // still guards sound counts.
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
