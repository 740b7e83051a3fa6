//! Any other Unix: the portable subset, and nothing that would only look like more.
//!
//! There is no way past the page cache that all of these systems share, so a direct open fails with
//! [`ErrorKind::Unsupported`](super::ErrorKind::Unsupported); so does advice on a file.

use std::path::Path;
use std::sync::Arc;

use nix::errno::Errno as Raw;
use nix::fcntl::OFlag;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};

use super::unix::{self, OpenFile, UnixBuffer, errno};
use super::{
    Advice, Alignment, Buffer, File, FileIdentity, Limits, LockAdvice, Lockable, MapHint, MapRequest,
    Mapping, NativeFlags, Platform, Residency, Result,
};

/// The running Unix system.
pub struct OtherUnix {
    page_size: u64,
}

impl OtherUnix {
    /// Reads the page size once.
    pub fn new() -> Self {
        Self { page_size: unix::page_size() }
    }
}

impl Default for OtherUnix {
    fn default() -> Self {
        Self::new()
    }
}

fn open_oflag() -> OFlag {
    OFlag::O_RDONLY | OFlag::O_CLOEXEC
}

impl Platform for OtherUnix {
    fn name(&self) -> &'static str {
        "unix"
    }

    fn limits(&self) -> Limits {
        let lockable = match getrlimit(Resource::RLIMIT_MEMLOCK) {
            Ok((soft, _)) if soft != RLIM_INFINITY => Lockable::Bytes(soft),
            _ => Lockable::Unlimited,
        };
        Limits { page_size: self.page_size, allocation_granularity: self.page_size, lockable }
    }

    fn lock_advice(&self) -> LockAdvice {
        "raise RLIMIT_MEMLOCK: `ulimit -l unlimited` in the shell, or the limit of the login class"
    }

    fn open(&self, path: &Path, direct: bool) -> Result<Arc<dyn File>> {
        let file = OpenFile::open(path, open_oflag(), self.page_size)?;
        if direct {
            return Err(errno(Raw::EOPNOTSUPP));
        }
        Ok(Arc::new(UnixFile(file)))
    }

    /// A direct open asks the system for nothing that a plain one does not, and is then refused.
    fn open_flags(&self, direct: bool) -> NativeFlags {
        let mut names = vec!["O_CLOEXEC", "O_RDONLY"];
        if direct {
            names.insert(0, "DIRECT_UNSUPPORTED");
        }
        NativeFlags::new(names, u64::try_from(open_oflag().bits()).unwrap_or(0))
    }

    /// There is no populating mapping: the request is ignored.
    fn map_flags(&self, _populate: bool) -> NativeFlags {
        unix::shared_map_flags()
    }

    fn alloc(&self, len: usize, align: usize) -> Result<Box<dyn Buffer>> {
        Ok(Box::new(UnixBuffer::new(len, align, self.page_size)?))
    }
}

struct UnixFile(OpenFile);

impl File for UnixFile {
    fn size(&self) -> Result<u64> {
        Ok(self.0.size())
    }

    fn alignment(&self) -> Result<Alignment> {
        Ok(Alignment { memory: 1, offset: 1, enforced: false })
    }

    fn map_hint(&self) -> Result<MapHint> {
        Ok(MapHint { good: true, reason: "this system does not name the file system".to_owned() })
    }

    fn read_at(&self, offset: u64, dst: &mut [u8]) -> Result<usize> {
        self.0.read_at(offset, dst)
    }

    fn advise(&self, _offset: u64, _len: u64, _advice: Advice) -> Result<()> {
        Err(errno(Raw::EOPNOTSUPP))
    }

    fn map(&self, request: MapRequest) -> Result<Box<dyn Mapping>> {
        Ok(Box::new(self.0.map(request)?))
    }

    fn identity(&self) -> Result<FileIdentity> {
        Ok(self.0.identity())
    }

    fn cached(&self) -> Result<Residency> {
        self.0.cached()
    }
}
