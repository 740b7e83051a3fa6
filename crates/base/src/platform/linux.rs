//! The Linux backend: what all Unix systems share, `O_DIRECT` with `statx` for its alignment,
//! `posix_fadvise`, and capabilities.

use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use nix::errno::Errno as Raw;
use nix::fcntl::OFlag;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};

use super::unix::{self, OpenFile, UnixBuffer, errno, hint_by_name};
use super::{
    Advice, Alignment, Buffer, File, FileIdentity, Limits, LockAdvice, Lockable, MapHint, MapRequest,
    Mapping, NativeFlags, Platform, Residency, Result,
};
use super::{fadvise, probe};

/// The running Linux system.
pub struct Linux {
    page_size: u64,
}

impl Linux {
    /// Reads the page size once.
    pub fn new() -> Self {
        Self { page_size: unix::page_size() }
    }
}

impl Default for Linux {
    fn default() -> Self {
        Self::new()
    }
}

/// The `open` flags of a request; [`Linux::open`] and the record both come from here.
fn open_oflag(direct: bool) -> OFlag {
    let mut flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
    if direct {
        flags |= OFlag::O_DIRECT;
    }
    flags
}

/// Whether this process may lock beyond RLIMIT_MEMLOCK: capability CAP_IPC_LOCK, bit 14 of its effective
/// set. Layouts: capget(2), `linux/capability.h`, version 3.
fn may_lock_without_limit() -> bool {
    const CAP_IPC_LOCK: u32 = 14;
    const VERSION_3: u32 = 0x2008_0522;
    // Version and thread, 0 for the calling one; then twice the effective, permitted and inheritable sets.
    let mut header = [VERSION_3, 0];
    let mut sets = [0u32; 6];
    // SAFETY: the kernel reads and writes a header of two words and writes six, as version 3 has them.
    let result = unsafe { libc::syscall(libc::SYS_capget, header.as_mut_ptr(), sets.as_mut_ptr()) };
    result == 0 && sets[0] >> CAP_IPC_LOCK & 1 == 1
}

impl Platform for Linux {
    fn name(&self) -> &'static str {
        "linux"
    }

    fn limits(&self) -> Limits {
        let lockable = match getrlimit(Resource::RLIMIT_MEMLOCK) {
            _ if may_lock_without_limit() => Lockable::Unlimited,
            Ok((soft, _)) if soft == RLIM_INFINITY => Lockable::Unlimited,
            Ok((soft, _)) => Lockable::Bytes(soft),
            Err(_) => Lockable::Unlimited,
        };
        Limits { page_size: self.page_size, allocation_granularity: self.page_size, lockable }
    }

    fn lock_advice(&self) -> LockAdvice {
        "raise RLIMIT_MEMLOCK: `ulimit -l unlimited` in the shell, LimitMEMLOCK=infinity in a systemd \
         unit, `--ulimit memlock=-1` for a container"
    }

    fn open(&self, path: &Path, direct: bool) -> Result<Arc<dyn File>> {
        Ok(Arc::new(LinuxFile(OpenFile::open(path, open_oflag(direct), self.page_size)?)))
    }

    fn open_flags(&self, direct: bool) -> NativeFlags {
        let flags = open_oflag(direct);
        let mut names = vec!["O_CLOEXEC"];
        if direct {
            names.push("O_DIRECT");
        }
        names.push("O_RDONLY");
        NativeFlags::new(names, u64::try_from(flags.bits()).unwrap_or(0))
    }

    fn map_flags(&self, populate: bool) -> NativeFlags {
        if !populate {
            return unix::shared_map_flags();
        }
        let raw = libc::MAP_SHARED | libc::MAP_POPULATE;
        NativeFlags::new(["MAP_POPULATE", "MAP_SHARED"], u64::try_from(raw).unwrap_or(0))
    }

    fn alloc(&self, len: usize, align: usize) -> Result<Box<dyn Buffer>> {
        Ok(Box::new(UnixBuffer::new(len, align, self.page_size)?))
    }
}

struct LinuxFile(OpenFile);

/// The alignment the kernel states for direct I/O on this file (`STATX_DIOALIGN`, Linux 6.1), or
/// `None` where the file system does not say.
fn stated_alignment(fd: &OwnedFd) -> Result<Option<Alignment>> {
    // SAFETY: an all-zero statx is a valid value of this plain C struct.
    let mut stx: libc::statx = unsafe { std::mem::zeroed() };
    // SAFETY: the descriptor is open, the path is an empty C string as AT_EMPTY_PATH asks, and the
    // kernel writes one statx to the address of one.
    let rc = unsafe {
        libc::statx(fd.as_raw_fd(), c"".as_ptr(), libc::AT_EMPTY_PATH, libc::STATX_DIOALIGN, &mut stx)
    };
    if rc != 0 {
        return match Raw::last() {
            Raw::ENOSYS => Ok(None),
            raw => Err(errno(raw)),
        };
    }
    if stx.stx_mask & libc::STATX_DIOALIGN == 0 {
        return Ok(None);
    }
    let (memory, offset) = (u64::from(stx.stx_dio_mem_align), u64::from(stx.stx_dio_offset_align));
    if memory == 0 || offset == 0 {
        // The kernel's way to say that this file has no direct I/O, and that of an emulator which does
        // not pass the numbers on; trying tells which.
        return Ok(None);
    }
    Ok(Some(Alignment { memory, offset, enforced: true }))
}

impl LinuxFile {
    fn is_direct(&self) -> bool {
        nix::fcntl::fcntl(self.0.fd(), nix::fcntl::FcntlArg::F_GETFL)
            .is_ok_and(|bits| OFlag::from_bits_retain(bits).contains(OFlag::O_DIRECT))
    }
}

/// The file systems people meet, by their magic numbers of 32 bits; `linux/magic.h` and, for zfs,
/// its own headers. The type of the number differs between C libraries.
const FILE_SYSTEMS: [(u32, &str); 12] = [
    (0xEF53, "ext4"),
    (0x5846_5342, "xfs"),
    (0x9123_683E, "btrfs"),
    (0x0102_1994, "tmpfs"),
    (0x794C_7630, "overlayfs"),
    (0x2FC1_2FC1, "zfs"),
    (0x6969, "nfs"),
    (0x517B, "smb"),
    (0xFF53_4D42, "cifs"),
    (0xFE53_4D42, "smb2"),
    (0x6573_5546, "fuse"),
    (0x0102_1997, "9p"),
];

impl File for LinuxFile {
    fn size(&self) -> Result<u64> {
        Ok(self.0.size())
    }

    fn alignment(&self) -> Result<Alignment> {
        match stated_alignment(self.0.fd())? {
            Some(stated) => Ok(stated),
            None if self.is_direct() => probe::alignment(&self.0),
            None => Ok(Alignment { memory: 1, offset: 1, enforced: false }),
        }
    }

    fn map_hint(&self) -> Result<MapHint> {
        let kind = nix::sys::statfs::fstatfs(self.0.fd()).map_err(errno)?.filesystem_type().0 as u32;
        let name = FILE_SYSTEMS.iter().find(|row| row.0 == kind).map(|row| row.1);
        let unknown = || MapHint { good: true, reason: format!("local file system {kind:#x}") };
        Ok(name.map_or_else(unknown, hint_by_name))
    }

    fn read_at(&self, offset: u64, dst: &mut [u8]) -> Result<usize> {
        self.0.read_at(offset, dst)
    }

    fn advise(&self, offset: u64, len: u64, advice: Advice) -> Result<()> {
        fadvise::advise(self.0.fd(), offset, len, advice)
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
