//! The FreeBSD backend: what all Unix systems share, `O_DIRECT`, and `posix_fadvise`.
//!
//! `O_DIRECT` asks to keep reads out of the cache and promises nothing (open(2)): most file systems
//! take any request, which the probe of [`File::alignment`] finds and reports as not enforced.

use std::path::Path;
use std::sync::Arc;

use nix::fcntl::OFlag;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};

use super::unix::{self, OpenFile, UnixBuffer, errno, hint_by_name};
use super::{
    Advice, Alignment, Buffer, File, FileIdentity, Limits, LockAdvice, Lockable, MapHint, MapRequest,
    Mapping, NativeFlags, Platform, Residency, Result,
};
use super::{fadvise, probe};

/// The running FreeBSD system.
pub struct FreeBsd {
    page_size: u64,
}

impl FreeBsd {
    /// Reads the page size once.
    pub fn new() -> Self {
        Self { page_size: unix::page_size() }
    }
}

impl Default for FreeBsd {
    fn default() -> Self {
        Self::new()
    }
}

fn open_oflag(direct: bool) -> OFlag {
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
    if direct { flags | OFlag::O_DIRECT } else { flags }
}

impl Platform for FreeBsd {
    fn name(&self) -> &'static str {
        "freebsd"
    }

    fn limits(&self) -> Limits {
        let lockable = match getrlimit(Resource::RLIMIT_MEMLOCK) {
            Ok((soft, _)) if soft != RLIM_INFINITY => u64::try_from(soft).map(Lockable::Bytes).ok(),
            _ => None,
        };
        Limits {
            page_size: self.page_size,
            allocation_granularity: self.page_size,
            lockable: lockable.unwrap_or(Lockable::Unlimited),
        }
    }

    fn lock_advice(&self) -> LockAdvice {
        "raise RLIMIT_MEMLOCK: `limits -l unlimited` or memorylocked in login.conf; for the whole system \
         `sysctl vm.max_user_wired=PAGES`, and security.bsd.unprivileged_mlock=1"
    }

    fn open(&self, path: &Path, direct: bool) -> Result<Arc<dyn File>> {
        let file = OpenFile::open(path, open_oflag(direct), self.page_size)?;
        Ok(Arc::new(FreeBsdFile { file, direct }))
    }

    fn open_flags(&self, direct: bool) -> NativeFlags {
        let mut names = vec!["O_CLOEXEC", "O_RDONLY"];
        if direct {
            names.insert(1, "O_DIRECT");
        }
        NativeFlags::new(names, u64::try_from(open_oflag(direct).bits()).unwrap_or(0))
    }

    /// There is no populating mapping that memmap2 asks for: the request is ignored.
    fn map_flags(&self, _populate: bool) -> NativeFlags {
        unix::shared_map_flags()
    }

    fn alloc(&self, len: usize, align: usize) -> Result<Box<dyn Buffer>> {
        Ok(Box::new(UnixBuffer::new(len, align, self.page_size)?))
    }
}

struct FreeBsdFile {
    file: OpenFile,
    direct: bool,
}

impl File for FreeBsdFile {
    fn size(&self) -> Result<u64> {
        Ok(self.file.size())
    }

    fn alignment(&self) -> Result<Alignment> {
        match self.direct {
            true => probe::alignment(&self.file),
            false => Ok(Alignment { memory: 1, offset: 1, enforced: false }),
        }
    }

    fn map_hint(&self) -> Result<MapHint> {
        let stat = nix::sys::statfs::fstatfs(self.file.fd()).map_err(errno)?;
        Ok(hint_by_name(stat.filesystem_type_name()))
    }

    fn read_at(&self, offset: u64, dst: &mut [u8]) -> Result<usize> {
        self.file.read_at(offset, dst)
    }

    fn advise(&self, offset: u64, len: u64, advice: Advice) -> Result<()> {
        fadvise::advise(self.file.fd(), offset, len, advice)
    }

    fn map(&self, request: MapRequest) -> Result<Box<dyn Mapping>> {
        Ok(Box::new(self.file.map(request)?))
    }

    fn identity(&self) -> Result<FileIdentity> {
        Ok(self.file.identity())
    }

    fn cached(&self) -> Result<Residency> {
        self.file.cached()
    }
}
