//! **The seam.** Every call that the loader makes to the operating system goes through the
//! traits in this file, and through nothing else.
//!
//! # What each platform must provide
//!
//! A backend is a sibling file (`linux.rs`, `sim.rs` …) with a type that implements
//! [`Platform`] and hands out [`File`]s, [`Mapping`]s and [`Buffer`]s. The rules, for all:
//!
//! 1. **Open** ([`Platform::open`]): read-only, one descriptor a call, closed on drop. With
//!    `direct` the file is opened to bypass the page cache (`O_DIRECT`,
//!    `FILE_FLAG_NO_BUFFERING`, `F_NOCACHE`) or the call fails: a backend never quietly opens
//!    buffered instead.
//! 2. **Read** ([`File::read_at`]): one OS call, positioned, at any 64-bit offset; it may be
//!    short and it may be interrupted. Continuing is the loader's job, so that it is seen. A
//!    read at or past the end of the file returns 0.
//! 3. **Alignment** ([`File::alignment`]): asked of the kernel, else probed; never guessed from
//!    a block size. On a direct file, a request that breaks it fails with
//!    [`ErrorKind::Invalid`] wherever the kernel enforces it.
//! 4. **Map** ([`File::map`]): shared, read-only. The offset is a multiple of the allocation
//!    granularity, the length is not zero and does not pass the end of the file: otherwise
//!    [`ErrorKind::Invalid`]. `populate` is a request; where the OS has none it is ignored and
//!    the flags in the trace say so.
//! 5. **Partial unmap** ([`Mapping::unmap`]): offset and length are multiples of the page size
//!    (the length may end with the mapping). Where the OS cannot, [`ErrorKind::Unsupported`].
//! 6. **Lock** ([`Mapping::lock`], [`Buffer::lock`]): locks every page that the range touches, or
//!    fails with nothing newly locked. A page of a mapping is in memory when the call returns, one
//!    of a buffer at the latest when it is written to. A full quota is [`ErrorKind::LockLimit`]. A
//!    backend whose OS wants a quota raised first (`SetProcessWorkingSetSize`) does so inside this
//!    call, once.
//! 7. **Advice** is a hint: a refusal is an error here and a notice in the loader, never fatal.
//! 8. **Buffers** ([`Platform::alloc`]): not empty, zeroed, aligned as asked (a power of two), on
//!    pages of their own, freed on drop.
//! 9. **Teardown** runs on drop, in the order the OS wants (view, mapping, file); locks that still
//!    stand end with their region.
//! 10. **Residency** ([`Mapping::residency`], [`Buffer::residency`], and [`File::cached`] for the page
//!     cache): what the kernel itself says about pages, asked of it anew each time. It is evidence
//!     beside the trace and no operation of a load; a backend that cannot ask says
//!     [`ErrorKind::Unsupported`].
//! 11. **Identity** ([`File::identity`]): what tells the file from others and how large it was when it was
//!     opened, by the descriptor and not by a path. No operation of a load either.
//! 12. **Errors** carry one [`Errno`]: the kind that all platforms share, the raw code, its name.
//!
//! `cfg(target_os)` stands in this file alone. Decorators wrap any backend and stack in one fixed
//! order, `Recorder(Injector(backend))`: the recorder sees what the loader saw, and marks what the
//! injector made up.
//!
//! Called by `engine` (the loader) and by whoever builds a stack for it; calls `trace` only.

mod calls;
pub mod ending;
mod inject;
mod link;
mod live;
mod owner;
mod recorder;
mod residency;
mod sim;
pub mod temporary;

// The choice of a backend, made here and nowhere else. Each one is a sibling file.
#[cfg(any(target_os = "freebsd", target_os = "linux"))]
mod fadvise;
#[cfg(target_os = "freebsd")]
mod freebsd;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(all(unix, not(any(target_os = "freebsd", target_os = "linux", target_os = "macos"))))]
mod other_unix;
#[cfg(any(target_os = "freebsd", target_os = "linux"))]
mod probe;
#[cfg(unix)]
mod unix;
#[cfg(target_os = "windows")]
mod windows;
#[cfg(any(test, target_os = "macos"))]
mod wired;

#[cfg(target_os = "freebsd")]
pub use freebsd::FreeBsd as Native;
#[cfg(target_os = "linux")]
pub use linux::Linux as Native;
#[cfg(target_os = "macos")]
pub use macos::MacOs as Native;
#[cfg(all(unix, not(any(target_os = "freebsd", target_os = "linux", target_os = "macos"))))]
pub use other_unix::OtherUnix as Native;
#[cfg(target_os = "windows")]
pub use windows::Windows as Native;

#[cfg(not(any(unix, target_os = "windows")))]
compile_error!(
    "this target has no platform backend yet; the contract at the top of platform/mod.rs says what one must provide"
);

pub use link::symlink;
pub use owner::keep_owner;
pub use recorder::{Recorder, Recording};
pub use residency::Residency;
#[cfg(unix)]
pub use unix::os_errno;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

pub use calls::{INTERACTIONS, Interaction, STEP_CALLS, SYSTEMS, StepCalls, platform_markdown};
pub use inject::{
    Corruption, Fault, FaultSpec, Injector, SpecError, Target, When, error_names, refusal, take_injected,
};
pub use sim::{Census, Sim, SimDirect, SimFile, SimProfile, SimSystem};

pub use crate::trace::{Advice, Errno, ErrorKind, FileIdentity, NativeFlags, Notice, OsFamily, Phase};

/// The result of a call on the seam.
pub type Result<T> = std::result::Result<T, Errno>;

/// How much memory this process may lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lockable {
    /// No limit is enforced for this process.
    Unlimited,
    /// At most this many bytes.
    Bytes(u64),
}

/// The numbers a loader must respect on this platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes in a page: the grain of locking and of partial unmapping.
    pub page_size: u64,
    /// The grain of a mapping's offset; the page size on Unix, 64 KiB on Windows.
    pub allocation_granularity: u64,
    /// How much may be locked.
    pub lockable: Lockable,
}

/// How to raise the lock limit, in the platform's own words, for messages to people.
pub type LockAdvice = &'static str;

/// What direct reads of one file must be aligned to, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alignment {
    /// Of the memory address.
    pub memory: u64,
    /// Of the file offset and of the length.
    pub offset: u64,
    /// Whether an unaligned request is refused. Where it is not (tmpfs, and `F_NOCACHE` on macOS),
    /// a successful direct read proves nothing about direct I/O.
    pub enforced: bool,
}

/// Whether a file should be mapped when the choice is free.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapHint {
    /// Mapping serves this file well.
    pub good: bool,
    /// Why, in a few words, such as `ext4` or `nfs: page faults go over the network`.
    pub reason: String,
}

/// A request to map a range of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapRequest {
    /// Where the range starts in the file, in bytes.
    pub offset: u64,
    /// Its length in bytes, not zero.
    pub len: u64,
    /// Bring every page in before returning.
    pub populate: bool,
}

/// One operating system as a loader sees it. The contract is at the top of this module.
pub trait Platform: Send + Sync {
    /// The name in reports and traces: `linux`, `macos`, `freebsd`, `unix`, `windows`, `sim`.
    fn name(&self) -> &'static str;

    /// Page size, granularity and lock limit.
    fn limits(&self) -> Limits;

    /// How a user raises the lock limit here.
    fn lock_advice(&self) -> LockAdvice;

    /// Opens `path` for reading; `direct` bypasses the page cache.
    fn open(&self, path: &Path, direct: bool) -> Result<Arc<dyn File>>;

    /// The flags that [`Platform::open`] hands to the OS, for the record.
    fn open_flags(&self, direct: bool) -> NativeFlags;

    /// The flags that [`File::map`] hands to the OS, for the record.
    fn map_flags(&self, populate: bool) -> NativeFlags;

    /// Allocates `len` zeroed bytes at a multiple of `align`.
    fn alloc(&self, len: usize, align: usize) -> Result<Box<dyn Buffer>>;

    /// Tells that the following operations belong to `phase`. Backends do nothing.
    fn enter_phase(&self, phase: Phase) {
        let _ = phase;
    }

    /// Tells the user something. Backends do nothing; the recorder notes it, and whoever built
    /// the stack passes it on.
    fn notice(&self, notice: Notice) {
        let _ = notice;
    }
}

/// An open file.
pub trait File: Send + Sync {
    /// Its size in bytes, as it was when the file was opened or later.
    fn size(&self) -> Result<u64>;

    /// What direct reads must be aligned to.
    fn alignment(&self) -> Result<Alignment>;

    /// Whether mapping serves this file well.
    fn map_hint(&self) -> Result<MapHint>;

    /// Reads once at `offset`; returns how many bytes arrived, 0 at the end of the file.
    fn read_at(&self, offset: u64, dst: &mut [u8]) -> Result<usize>;

    /// Advises on a range; `len` 0 means to the end of the file.
    fn advise(&self, offset: u64, len: u64, advice: Advice) -> Result<()>;

    /// Maps a range, shared and read-only.
    fn map(&self, request: MapRequest) -> Result<Box<dyn Mapping>>;

    /// What tells the file from others, for the record; asking is no operation of a load.
    fn identity(&self) -> Result<FileIdentity> {
        Err(residency::cannot_ask())
    }

    /// What the page cache holds of the file; asking brings nothing in.
    fn cached(&self) -> Result<Residency> {
        Err(residency::cannot_ask())
    }
}

/// A mapped range of a file; unmapped on drop. Ranges are relative to its first byte.
///
/// As with every file mapping, shortening the file underneath ends the process on access.
pub trait Mapping: Send + Sync {
    /// The mapped length in bytes, parts given back included.
    fn len(&self) -> usize;

    /// Whether the mapping is empty; it never is.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where it lies, for the record.
    fn address(&self) -> u64;

    /// The bytes of a range.
    ///
    /// # Panics
    /// If the range passes the end or touches a part that was given back.
    fn bytes(&self, range: Range<usize>) -> &[u8];

    /// Advises on a range; its start is a multiple of the page size.
    fn advise(&self, range: Range<usize>, advice: Advice) -> Result<()>;

    /// Locks the pages of a range into memory.
    fn lock(&self, range: Range<usize>) -> Result<()>;

    /// Unlocks the pages of a range.
    fn unlock(&self, range: Range<usize>) -> Result<()>;

    /// Gives a page-aligned range back.
    fn unmap(&mut self, range: Range<usize>) -> Result<()>;

    /// What the kernel says about the pages that a range touches.
    fn residency(&self, range: Range<usize>) -> Result<Residency> {
        let _ = range;
        Err(residency::cannot_ask())
    }
}

/// Anonymous memory; freed on drop.
pub trait Buffer: Send + Sync {
    /// Where it lies, for the record.
    fn address(&self) -> u64;

    /// Its bytes.
    fn bytes(&self) -> &[u8];

    /// Its bytes, to be filled.
    fn bytes_mut(&mut self) -> &mut [u8];

    /// Locks all of it into memory.
    fn lock(&self) -> Result<()>;

    /// Unlocks all of it.
    fn unlock(&self) -> Result<()>;

    /// What the kernel says about its pages.
    fn residency(&self) -> Result<Residency> {
        Err(residency::cannot_ask())
    }
}

/// The backend of the operating system that this program runs on.
pub fn native() -> Arc<dyn Platform> {
    Arc::new(Native::new())
}
