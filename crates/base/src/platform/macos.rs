//! The macOS backend: what all Unix systems share, `F_NOCACHE`, `F_RDADVISE`, and the limits of
//! wired memory.
//!
//! `F_NOCACHE` is a wish and not a mode. It has no alignment rule, so nothing is ever refused for
//! being unaligned; pages that are in the cache already are still served from it; and a request
//! that is not of whole pages goes through it. A direct open is therefore asked for here and its
//! effect cannot be told from outside: [`File::alignment`] says that one byte is allowed and that
//! nothing is enforced, which makes `loadparity check` call the direct plans *unsupported* and
//! never a pass. The loader keeps to whole pages all the same, which is what `F_NOCACHE` honours.
//!
//! Sources: fcntl(2), mlock(2) and statfs(2) of macOS; `bsd/kern/kern_mman.c` and
//! `osfmk/vm/vm_map.c` of XNU for the limits.

use std::ffi::CStr;
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nix::errno::Errno as Raw;
use nix::fcntl::{FcntlArg, OFlag, fcntl};

use super::unix::{self, OpenFile, UnixBuffer, UnixMapping, errno, hint_by_name, invalid};
use super::wired::WiredRanges;
use super::{
    Advice, Alignment, Buffer, File, FileIdentity, Limits, LockAdvice, Lockable, MapHint, MapRequest,
    Mapping, NativeFlags, Platform, Residency, Result,
};

/// The running macOS system.
pub struct MacOs {
    page_size: u64,
}

impl MacOs {
    /// Reads the page size once: 16 KiB on Apple silicon, 4 KiB on Intel.
    pub fn new() -> Self {
        Self { page_size: unix::page_size() }
    }

    fn page(&self) -> Result<usize> {
        usize::try_from(self.page_size).map_err(|_| invalid())
    }
}

impl Default for MacOs {
    fn default() -> Self {
        Self::new()
    }
}

fn open_oflag() -> OFlag {
    OFlag::O_RDONLY | OFlag::O_CLOEXEC
}

/// `F_NOCACHE`, which nix does not name.
fn bypass_cache(file: &OpenFile) -> Result<()> {
    // SAFETY: the descriptor is open, and the command takes an int and touches no memory of ours.
    let rc = unsafe { libc::fcntl(file.fd().as_raw_fd(), libc::F_NOCACHE, 1) };
    Raw::result(rc).map(drop).map_err(errno)
}

/// A number of the kernel, of 32 or 64 bits as its version has it.
fn sysctl(name: &CStr) -> Option<u64> {
    let mut bytes = [0u8; 8];
    let mut len = bytes.len();
    // SAFETY: the name is a C string, the kernel writes at most `len` bytes to an array of as many
    // and stores their number, and nothing is set.
    let rc = unsafe {
        libc::sysctlbyname(name.as_ptr(), bytes.as_mut_ptr().cast(), &mut len, std::ptr::null_mut(), 0)
    };
    match (rc, len) {
        (0, 8) => Some(u64::from_ne_bytes(bytes)),
        (0, 4) => Some(u64::from(u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))),
        _ => None,
    }
}

/// RLIMIT_MEMLOCK, which nix does not name for Darwin; `None` where there is no limit.
fn memlock_limit() -> Option<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the kernel writes one rlimit to the address of one.
    let rc = unsafe { libc::getrlimit(libc::RLIMIT_MEMLOCK, &mut limit) };
    (rc == 0 && limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit.rlim_cur)
}

impl Platform for MacOs {
    fn name(&self) -> &'static str {
        "macos"
    }

    fn limits(&self) -> Limits {
        // What a process may wire is the least of its own limit, the limit for every process and
        // the limit for all of them together (of which others may have taken a part).
        let limits = [memlock_limit(), sysctl(c"vm.user_wire_limit"), sysctl(c"vm.global_user_wire_limit")];
        let lockable = limits.into_iter().flatten().min().map_or(Lockable::Unlimited, Lockable::Bytes);
        Limits { page_size: self.page_size, allocation_granularity: self.page_size, lockable }
    }

    fn lock_advice(&self) -> LockAdvice {
        "raise the limits of wired memory: `ulimit -l unlimited` in the shell, and as an administrator \
         `sysctl vm.user_wire_limit=BYTES vm.global_user_wire_limit=BYTES`"
    }

    fn open(&self, path: &Path, direct: bool) -> Result<Arc<dyn File>> {
        let file = OpenFile::open(path, open_oflag(), self.page_size)?;
        if direct {
            bypass_cache(&file)?;
        }
        Ok(Arc::new(MacFile(file, self.page()?)))
    }

    /// The number holds the flags of `open`; `F_NOCACHE` is a command of its own after it.
    fn open_flags(&self, direct: bool) -> NativeFlags {
        let mut names = vec!["O_CLOEXEC", "O_RDONLY"];
        if direct {
            names.insert(0, "F_NOCACHE");
        }
        NativeFlags::new(names, u64::try_from(open_oflag().bits()).unwrap_or(0))
    }

    /// There is no populating mapping: the request is ignored.
    fn map_flags(&self, _populate: bool) -> NativeFlags {
        unix::shared_map_flags()
    }

    fn alloc(&self, len: usize, align: usize) -> Result<Box<dyn Buffer>> {
        let wired = Mutex::new(WiredRanges::new(self.page()?));
        Ok(Box::new(MacBuffer { memory: UnixBuffer::new(len, align, self.page_size)?, wired }))
    }
}

/// A file, and the page size.
struct MacFile(OpenFile, usize);

impl File for MacFile {
    fn size(&self) -> Result<u64> {
        Ok(self.0.size())
    }

    fn alignment(&self) -> Result<Alignment> {
        Ok(Alignment { memory: 1, offset: 1, enforced: false })
    }

    fn map_hint(&self) -> Result<MapHint> {
        let stat = nix::sys::statfs::fstatfs(self.0.fd()).map_err(errno)?;
        Ok(hint_by_name(stat.filesystem_type_name()))
    }

    fn read_at(&self, offset: u64, dst: &mut [u8]) -> Result<usize> {
        self.0.read_at(offset, dst)
    }

    /// `F_RDADVISE` reads ahead; the other advices have no counterpart for a range of a file.
    fn advise(&self, offset: u64, len: u64, advice: Advice) -> Result<()> {
        if advice != Advice::WillNeed {
            return Err(errno(Raw::ENOTSUP));
        }
        let end = match len {
            0 => self.size()?,
            len => offset.checked_add(len).ok_or_else(invalid)?,
        };
        // The length of a piece is an int in whole pages.
        const PIECE: u64 = 1 << 30;
        let mut at = offset;
        while at < end {
            let piece = PIECE.min(end - at);
            let advisory = libc::radvisory {
                ra_offset: i64::try_from(at).map_err(|_| invalid())?,
                ra_count: i32::try_from(piece).map_err(|_| invalid())?,
            };
            fcntl(self.0.fd(), FcntlArg::F_RDADVISE(advisory)).map_err(errno)?;
            at += piece;
        }
        Ok(())
    }

    fn map(&self, request: MapRequest) -> Result<Box<dyn Mapping>> {
        let wired = Mutex::new(WiredRanges::new(self.1));
        Ok(Box::new(MacMapping { view: self.0.map(request)?, wired }))
    }

    fn identity(&self) -> Result<FileIdentity> {
        Ok(self.0.identity())
    }

    fn cached(&self) -> Result<Residency> {
        self.0.cached()
    }
}

/// The set holds what the kernel was told, whether or not a thread panicked meanwhile.
fn held(wired: &Mutex<WiredRanges>) -> MutexGuard<'_, WiredRanges> {
    wired.lock().unwrap_or_else(PoisonError::into_inner)
}

struct MacMapping {
    view: UnixMapping,
    wired: Mutex<WiredRanges>,
}

impl MacMapping {
    /// A range of whole pages, ending with the mapping.
    fn within(&self, pages: Range<usize>) -> Range<usize> {
        pages.start..pages.end.min(self.view.len())
    }

    fn check(&self, range: &Range<usize>) -> Result<()> {
        if range.start > range.end || range.end > self.view.len() { Err(invalid()) } else { Ok(()) }
    }
}

impl Mapping for MacMapping {
    fn len(&self) -> usize {
        self.view.len()
    }

    fn address(&self) -> u64 {
        self.view.address()
    }

    fn bytes(&self, range: Range<usize>) -> &[u8] {
        self.view.bytes(range)
    }

    fn advise(&self, range: Range<usize>, advice: Advice) -> Result<()> {
        self.view.advise(range, advice)
    }

    fn lock(&self, range: Range<usize>) -> Result<()> {
        self.check(&range)?;
        let lock = |pages| self.view.lock(self.within(pages));
        held(&self.wired).lock(&range, lock, |pages| self.view.unlock(self.within(pages)))
    }

    fn unlock(&self, range: Range<usize>) -> Result<()> {
        self.check(&range)?;
        held(&self.wired).unlock(&range, |pages| self.view.unlock(self.within(pages)))
    }

    fn unmap(&mut self, range: Range<usize>) -> Result<()> {
        self.view.unmap(range.clone())?;
        held(&self.wired).forget(&range);
        Ok(())
    }

    fn residency(&self, range: Range<usize>) -> Result<Residency> {
        self.view.residency(range)
    }
}

struct MacBuffer {
    memory: UnixBuffer,
    wired: Mutex<WiredRanges>,
}

impl Buffer for MacBuffer {
    fn address(&self) -> u64 {
        self.memory.address()
    }

    fn bytes(&self) -> &[u8] {
        self.memory.bytes()
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        self.memory.bytes_mut()
    }

    fn lock(&self) -> Result<()> {
        let all = 0..self.bytes().len();
        held(&self.wired).lock(&all, |_| self.memory.lock(), |_| self.memory.unlock())
    }

    fn unlock(&self) -> Result<()> {
        let all = 0..self.bytes().len();
        held(&self.wired).unlock(&all, |_| self.memory.unlock())
    }

    fn residency(&self) -> Result<Residency> {
        self.memory.residency()
    }
}
