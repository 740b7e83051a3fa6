//! The Linux backend: nix for the calls, memmap2 for mappings, `statx` for direct alignment.

use std::borrow::Cow;
use std::mem::ManuallyDrop;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Arc;

use memmap2::{Mmap, MmapMut, MmapOptions};
use nix::errno::Errno as Raw;
use nix::fcntl::{OFlag, PosixFadviseAdvice};
use nix::sys::mman::{self, MmapAdvise};
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};
use nix::sys::stat::{Mode, SFlag};
use nix::sys::statfs::{self, FsType};

use super::live::LiveRanges;
use super::{
    Advice, Alignment, Buffer, Errno, ErrorKind, File, Limits, LockAdvice, Lockable, MapHint, MapRequest,
    Mapping, NativeFlags, Platform, Result,
};

/// The running Linux system.
pub struct Linux {
    page_size: u64,
}

impl Linux {
    /// Reads the page size once.
    pub fn new() -> Self {
        let page = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok().flatten();
        Self { page_size: page.and_then(|p| u64::try_from(p).ok()).unwrap_or(4096) }
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

fn errno(raw: Raw) -> Errno {
    let kind = match raw {
        Raw::ENOENT => ErrorKind::NotFound,
        Raw::EACCES | Raw::EPERM => ErrorKind::Denied,
        Raw::EINVAL => ErrorKind::Invalid,
        Raw::EFAULT => ErrorKind::BadAddress,
        Raw::EINTR => ErrorKind::Interrupted,
        Raw::ENOMEM => ErrorKind::OutOfMemory,
        Raw::ENOSYS | Raw::EOPNOTSUPP | Raw::ENODEV => ErrorKind::Unsupported,
        Raw::EIO => ErrorKind::Io,
        _ => ErrorKind::Other,
    };
    Errno { kind, code: raw as i32, name: Cow::Owned(format!("{raw:?}")) }
}

/// An errno of `mlock`, where "no memory" and "not permitted" both speak of the quota.
fn lock_errno(raw: Raw) -> Errno {
    let mut refused = errno(raw);
    if matches!(raw, Raw::ENOMEM | Raw::EAGAIN | Raw::EPERM) {
        refused.kind = ErrorKind::LockLimit;
    }
    refused
}

fn io_errno(error: &std::io::Error) -> Errno {
    errno(error.raw_os_error().map_or(Raw::EINVAL, Raw::from_raw))
}

fn invalid() -> Errno {
    errno(Raw::EINVAL)
}

/// Whether this process may lock beyond RLIMIT_MEMLOCK: capability CAP_IPC_LOCK, bit 14 of the
/// effective set that capabilities(7) and proc_pid_status(5) describe.
fn may_lock_without_limit() -> bool {
    const CAP_IPC_LOCK: u32 = 14;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    effective
        .and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok())
        .is_some_and(|set| set >> CAP_IPC_LOCK & 1 == 1)
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
        let fd = nix::fcntl::open(path, open_oflag(direct), Mode::empty()).map_err(errno)?;
        let stat = nix::sys::stat::fstat(&fd).map_err(errno)?;
        // Opening a directory succeeds and only reading it fails: refuse where the cause is plain.
        if SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFDIR {
            return Err(errno(Raw::EISDIR));
        }
        Ok(Arc::new(LinuxFile { fd, page_size: self.page_size }))
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
        let mut raw = libc::MAP_SHARED;
        let mut names = Vec::new();
        if populate {
            raw |= libc::MAP_POPULATE;
            names.push("MAP_POPULATE");
        }
        names.push("MAP_SHARED");
        NativeFlags::new(names, u64::try_from(raw).unwrap_or(0))
    }

    fn alloc(&self, len: usize, align: usize) -> Result<Box<dyn Buffer>> {
        if len == 0 || !align.is_power_of_two() {
            return Err(invalid());
        }
        // A mapping starts on a page; a coarser alignment is cut out of a larger one.
        let page = usize::try_from(self.page_size).map_err(|_| invalid())?;
        let slack = align.saturating_sub(page);
        let total = len.checked_add(slack).ok_or_else(|| errno(Raw::ENOMEM))?;
        let map = MmapOptions::new().len(total).map_anon().map_err(|e| io_errno(&e))?;
        let start = map.as_ptr().align_offset(align);
        Ok(Box::new(LinuxBuffer { map, range: start..start + len }))
    }
}

struct LinuxFile {
    fd: OwnedFd,
    page_size: u64,
}

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
        // Zero is the kernel's way to say that this file has no direct I/O.
        return Err(errno(Raw::EOPNOTSUPP));
    }
    Ok(Some(Alignment { memory, offset, enforced: true }))
}

impl LinuxFile {
    /// Finds the alignment by trying: the smallest of a few sizes at which a read is accepted.
    fn probed_alignment(&self) -> Result<Alignment> {
        const LARGEST: usize = 64 << 10;
        let mut memory = vec![0u8; 3 * LARGEST];
        let base = memory.as_ptr().align_offset(LARGEST);
        let mut refused = invalid();
        for align in [1, 512, 1024, 2048, 4096, 8192, 16384, 32768, LARGEST] {
            // At `align` from a 64 KiB boundary the address is a multiple of `align` and of no more.
            let from = base + align;
            match self.read_at(0, &mut memory[from..from + align]) {
                Ok(_) => {
                    let align = align as u64;
                    return Ok(Alignment { memory: align, offset: align, enforced: align > 1 });
                }
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }

    fn is_direct(&self) -> bool {
        nix::fcntl::fcntl(&self.fd, nix::fcntl::FcntlArg::F_GETFL)
            .is_ok_and(|bits| OFlag::from_bits_retain(bits).contains(OFlag::O_DIRECT))
    }
}

/// The file systems whose page faults cross a network or a user-space server, with their names.
const MAPS_POORLY: [(FsType, &str); 6] = [
    (statfs::NFS_SUPER_MAGIC, "nfs"),
    (statfs::SMB_SUPER_MAGIC, "smb"),
    (FsType(0xFF53_4D42u32 as statfs_magic), "cifs"),
    (FsType(0xFE53_4D42u32 as statfs_magic), "smb2"),
    (statfs::FUSE_SUPER_MAGIC, "fuse"),
    (FsType(0x0102_1997), "9p"),
];

/// The names of the file systems people meet, for messages.
const FILE_SYSTEMS: [(FsType, &str); 6] = [
    (statfs::EXT4_SUPER_MAGIC, "ext4"),
    (statfs::XFS_SUPER_MAGIC, "xfs"),
    (statfs::BTRFS_SUPER_MAGIC, "btrfs"),
    (statfs::TMPFS_MAGIC, "tmpfs"),
    (statfs::OVERLAYFS_SUPER_MAGIC, "overlayfs"),
    (FsType(0x2FC1_2FC1), "zfs"),
];

#[allow(non_camel_case_types)]
type statfs_magic = libc::__fsword_t;

impl File for LinuxFile {
    fn size(&self) -> Result<u64> {
        let stat = nix::sys::stat::fstat(&self.fd).map_err(errno)?;
        u64::try_from(stat.st_size).map_err(|_| invalid())
    }

    fn alignment(&self) -> Result<Alignment> {
        match stated_alignment(&self.fd)? {
            Some(stated) => Ok(stated),
            None if self.is_direct() => self.probed_alignment(),
            None => Ok(Alignment { memory: 1, offset: 1, enforced: false }),
        }
    }

    fn map_hint(&self) -> Result<MapHint> {
        let kind = statfs::fstatfs(&self.fd).map_err(errno)?.filesystem_type();
        let find = |table: &[(FsType, &'static str)]| table.iter().find(|(t, _)| *t == kind).map(|(_, n)| *n);
        if let Some(name) = find(&MAPS_POORLY) {
            let reason = format!("{name}: page faults leave this machine or go through a user-space server");
            return Ok(MapHint { good: false, reason });
        }
        let reason =
            find(&FILE_SYSTEMS).map_or_else(|| format!("local file system {:#x}", kind.0), str::to_owned);
        Ok(MapHint { good: true, reason })
    }

    fn read_at(&self, offset: u64, dst: &mut [u8]) -> Result<usize> {
        let offset = i64::try_from(offset).map_err(|_| invalid())?;
        nix::sys::uio::pread(&self.fd, dst, offset).map_err(errno)
    }

    fn advise(&self, offset: u64, len: u64, advice: Advice) -> Result<()> {
        let advice = match advice {
            Advice::Sequential => PosixFadviseAdvice::POSIX_FADV_SEQUENTIAL,
            Advice::Random => PosixFadviseAdvice::POSIX_FADV_RANDOM,
            Advice::WillNeed => PosixFadviseAdvice::POSIX_FADV_WILLNEED,
            Advice::DontNeed => PosixFadviseAdvice::POSIX_FADV_DONTNEED,
        };
        let offset = i64::try_from(offset).map_err(|_| invalid())?;
        let len = i64::try_from(len).map_err(|_| invalid())?;
        nix::fcntl::posix_fadvise(&self.fd, offset, len, advice).map_err(errno)
    }

    fn map(&self, request: MapRequest) -> Result<Box<dyn Mapping>> {
        let end = request.offset.checked_add(request.len).ok_or_else(invalid)?;
        if request.len == 0 || !request.offset.is_multiple_of(self.page_size) || end > self.size()? {
            return Err(invalid());
        }
        let len = usize::try_from(request.len).map_err(|_| errno(Raw::ENOMEM))?;
        let mut options = MmapOptions::new();
        options.offset(request.offset).len(len);
        if request.populate {
            options.populate();
        }
        // SAFETY: the mapping is read-only. That nobody shortens the file while it is mapped is a
        // condition that no loader can enforce; the trait states it.
        let map = unsafe { options.map(&self.fd.as_fd()) }.map_err(|e| io_errno(&e))?;
        let page = usize::try_from(self.page_size).map_err(|_| invalid())?;
        Ok(Box::new(LinuxMapping { live: LiveRanges::new(map.len(), page), map: ManuallyDrop::new(map) }))
    }
}

/// A mapping that knows which of its pages are still its own.
struct LinuxMapping {
    // Dropping the Mmap would unmap its whole range, parts that were given back (and may by now
    // belong to someone else) included; this type unmaps the live parts itself.
    map: ManuallyDrop<Mmap>,
    live: LiveRanges,
}

impl LinuxMapping {
    /// The start of a range that lies within the mapping.
    fn at(&self, range: &Range<usize>) -> Result<NonNull<libc::c_void>> {
        if range.start > range.end || range.end > self.map.len() {
            return Err(invalid());
        }
        // SAFETY: the start lies within the mapping's address range, which was one allocation.
        let start = unsafe { self.map.as_ptr().add(range.start) };
        NonNull::new(start.cast_mut().cast()).ok_or_else(invalid)
    }
}

impl Mapping for LinuxMapping {
    fn len(&self) -> usize {
        self.map.len()
    }

    fn address(&self) -> u64 {
        self.map.as_ptr() as u64
    }

    fn bytes(&self, range: Range<usize>) -> &[u8] {
        assert!(self.live.contains(&range), "bytes {range:?} of the mapping were given back or never mapped");
        &self.map[range]
    }

    fn advise(&self, range: Range<usize>, advice: Advice) -> Result<()> {
        let advice = match advice {
            Advice::Sequential => MmapAdvise::MADV_SEQUENTIAL,
            Advice::Random => MmapAdvise::MADV_RANDOM,
            Advice::WillNeed => MmapAdvise::MADV_WILLNEED,
            Advice::DontNeed => MmapAdvise::MADV_DONTNEED,
        };
        let start = self.at(&range)?;
        // SAFETY: the range lies within this mapping; on a shared read-only file mapping none of
        // these advices changes what the bytes read as.
        unsafe { mman::madvise(start, range.len(), advice) }.map_err(errno)
    }

    fn lock(&self, range: Range<usize>) -> Result<()> {
        let start = self.at(&range)?;
        // The kernel would lock up to the hole and then refuse; the contract is all or nothing.
        if !self.live.contains(&range) {
            return Err(lock_errno(Raw::ENOMEM));
        }
        // SAFETY: the range lies within this mapping; locking changes no contents.
        unsafe { mman::mlock(start, range.len()) }.map_err(lock_errno)
    }

    fn unlock(&self, range: Range<usize>) -> Result<()> {
        let start = self.at(&range)?;
        // SAFETY: the range lies within this mapping; unlocking changes no contents.
        unsafe { mman::munlock(start, range.len()) }.map_err(errno)
    }

    fn unmap(&mut self, range: Range<usize>) -> Result<()> {
        let start = self.at(&range)?;
        if range.is_empty() || !self.live.remove(&range) {
            return Err(invalid());
        }
        // SAFETY: the range was live until the line above, `&mut self` shows that no slice of it
        // is borrowed, and `bytes` and `drop` leave it alone from here on.
        unsafe { mman::munmap(start, range.len()) }.map_err(errno)
    }
}

impl Drop for LinuxMapping {
    fn drop(&mut self) {
        for range in self.live.iter() {
            if let Ok(start) = self.at(&range) {
                // SAFETY: only live parts of this mapping are unmapped, once, and nothing borrows
                // from a value that is being dropped. A failure leaves the pages mapped: harmless.
                let _ = unsafe { mman::munmap(start, range.len()) };
            }
        }
    }
}

struct LinuxBuffer {
    map: MmapMut,
    range: Range<usize>,
}

impl LinuxBuffer {
    fn start(&self) -> Result<(NonNull<libc::c_void>, NonZeroUsize)> {
        let len = NonZeroUsize::new(self.range.len()).ok_or_else(invalid)?;
        let start = NonNull::new(self.bytes().as_ptr().cast_mut().cast()).ok_or_else(invalid)?;
        Ok((start, len))
    }
}

impl Buffer for LinuxBuffer {
    fn address(&self) -> u64 {
        self.bytes().as_ptr() as u64
    }

    fn bytes(&self) -> &[u8] {
        &self.map[self.range.clone()]
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.map[self.range.clone()]
    }

    fn lock(&self) -> Result<()> {
        let (start, len) = self.start()?;
        // SAFETY: the range lies within this buffer's own mapping; locking changes no contents.
        unsafe { mman::mlock(start, len.get()) }.map_err(lock_errno)
    }

    fn unlock(&self) -> Result<()> {
        let (start, len) = self.start()?;
        // SAFETY: the range lies within this buffer's own mapping; unlocking changes no contents.
        unsafe { mman::munlock(start, len.get()) }.map_err(errno)
    }
}
