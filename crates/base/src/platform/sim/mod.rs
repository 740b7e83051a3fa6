//! The simulated platform: files in memory, and a kernel that enforces what a real one enforces:
//! alignment, page size, allocation granularity, lock quota, short reads, interruption and offsets
//! past 4 GiB. It counts what is held, so that a test can prove that nothing was left behind.
//!
//! Each [`Sim`] is one machine with one process. It refuses by the rules of its profile only;
//! other faults are the injector's business.
//!
//! Called by whoever builds a stack; a sibling of the real backends.

mod content;
mod file;
mod memory;
mod process;
mod profile;
mod region;
mod systems;

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

pub use content::SimFile;
pub use profile::{SimDirect, SimProfile};
pub use systems::SimSystem;

use super::{Buffer, ErrorKind, File, Limits, LockAdvice, NativeFlags, OsFamily, Platform, Result};
use file::OpenFile;
use process::Process;
use region::SimBuffer;

/// What a simulated process holds at one moment. The default is nothing at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Files opened and not yet closed.
    pub open_files: u64,
    /// Mappings made and not yet dropped, given back in part or not.
    pub mappings: u64,
    /// Bytes in the pages that are mapped.
    pub mapped_bytes: u64,
    /// Buffers allocated and not yet freed.
    pub buffers: u64,
    /// Bytes in the pages that are locked, each page counted once.
    pub locked_bytes: u64,
}

impl std::fmt::Display for Census {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { open_files, mappings, mapped_bytes, buffers, locked_bytes } = self;
        write!(
            f,
            "{open_files} open files, {mappings} mappings of {mapped_bytes} bytes, {buffers} buffers, \
             {locked_bytes} locked bytes"
        )
    }
}

/// A simulated machine. Clones share its files, its counts and its lock quota.
#[derive(Clone)]
pub struct Sim {
    process: Arc<Process>,
}

impl Sim {
    /// A machine without files.
    ///
    /// # Panics
    /// If the profile makes no sense, with the field that is wrong: a page size, granularity or
    /// alignment that is not a power of two, or a granularity below a page.
    #[must_use]
    pub fn new(profile: SimProfile) -> Self {
        let fault = profile.fault();
        assert!(fault.is_none(), "profile {}: {}", profile.name, fault.unwrap_or_default());
        Self { process: Arc::new(Process::new(profile)) }
    }

    /// The machine with one more file; a file at the same path is replaced.
    #[must_use]
    pub fn with_file(self, path: impl Into<PathBuf>, file: SimFile) -> Self {
        self.add_file(path, file);
        self
    }

    /// Adds a file. One at the same path is replaced for later opens; open files keep the old one.
    pub fn add_file(&self, path: impl Into<PathBuf>, file: SimFile) {
        let mut files = self.process.files.write().unwrap_or_else(PoisonError::into_inner);
        let inode = self.process.inodes.fetch_add(1, Ordering::Relaxed);
        files.insert(path.into(), (inode, Arc::new(file)));
    }

    /// Takes a file away; returns whether it was there. Open files and mappings stay usable.
    pub fn remove_file(&self, path: impl AsRef<Path>) -> bool {
        let mut files = self.process.files.write().unwrap_or_else(PoisonError::into_inner);
        files.remove(path.as_ref()).is_some()
    }

    /// What is held now.
    #[must_use]
    pub fn census(&self) -> Census {
        self.process.census()
    }

    /// What the machine is like.
    #[must_use]
    pub fn profile(&self) -> &SimProfile {
        &self.process.profile
    }
}

impl Platform for Sim {
    fn name(&self) -> &'static str {
        "sim"
    }

    fn limits(&self) -> Limits {
        Limits {
            page_size: self.process.profile.page_size,
            allocation_granularity: self.process.profile.allocation_granularity,
            lockable: self.process.profile.lock_limit,
        }
    }

    fn lock_advice(&self) -> LockAdvice {
        "raise `lock_limit` in the simulated platform's profile"
    }

    fn open(&self, path: &Path, direct: bool) -> Result<Arc<dyn File>> {
        let files = self.process.files.read().unwrap_or_else(PoisonError::into_inner);
        let Some((inode, content)) = files.get(path) else {
            return self.process.refuse(ErrorKind::NotFound);
        };
        if let (true, SimDirect::RefusedAtOpen(errno)) = (direct, &self.process.profile.direct) {
            return Err(errno.clone());
        }
        Ok(Arc::new(OpenFile::new(&self.process, (*inode, Arc::clone(content)), direct)))
    }

    fn open_flags(&self, direct: bool) -> NativeFlags {
        self.process.profile.open_flags(direct)
    }

    fn map_flags(&self, populate: bool) -> NativeFlags {
        self.process.profile.map_flags(populate)
    }

    fn alloc(&self, len: usize, align: usize) -> Result<Box<dyn Buffer>> {
        Ok(Box::new(SimBuffer::new(&self.process, len, align)?))
    }
}

#[cfg(test)]
mod tests;
