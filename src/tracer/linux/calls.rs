//! The system calls that a loader is made of: the filter stops on these and on no other.

/// What a system call does, whatever its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "younger architectures have neither `open` nor `dup2` nor `fork`")]
pub(super) enum Call {
    Open,
    OpenAt,
    OpenAt2,
    Close,
    CloseRange,
    Dup,
    Dup2,
    Dup3,
    Fcntl,
    Read,
    Pread,
    Readv,
    Preadv,
    Preadv2,
    Lseek,
    Fstat,
    FstatAt,
    Statx,
    Mmap,
    Mremap,
    Munmap,
    Mprotect,
    Madvise,
    ProcessMadvise,
    Fadvise,
    Readahead,
    Mlock,
    Mlock2,
    Munlock,
    MlockAll,
    MunlockAll,
    Setrlimit,
    Prlimit,
    Sendfile,
    CopyFileRange,
    Splice,
    IoUring,
    LinuxAio,
    ForeignDescriptor,
    Fork,
    Clone,
    Clone3,
}

/// Every call of interest with its number on this architecture; all others run untouched.
pub(super) const CALLS: &[(i64, Call)] = &[
    (libc::SYS_read, Call::Read),
    (libc::SYS_pread64, Call::Pread),
    (libc::SYS_close, Call::Close),
    (libc::SYS_mmap, Call::Mmap),
    (libc::SYS_munmap, Call::Munmap),
    (libc::SYS_mprotect, Call::Mprotect),
    (libc::SYS_lseek, Call::Lseek),
    (libc::SYS_fstat, Call::Fstat),
    (libc::SYS_newfstatat, Call::FstatAt),
    (libc::SYS_openat, Call::OpenAt),
    (libc::SYS_madvise, Call::Madvise),
    (libc::SYS_openat2, Call::OpenAt2),
    (libc::SYS_close_range, Call::CloseRange),
    (libc::SYS_dup, Call::Dup),
    (libc::SYS_dup3, Call::Dup3),
    (libc::SYS_fcntl, Call::Fcntl),
    (libc::SYS_readv, Call::Readv),
    (libc::SYS_preadv, Call::Preadv),
    (libc::SYS_preadv2, Call::Preadv2),
    (libc::SYS_statx, Call::Statx),
    (libc::SYS_mremap, Call::Mremap),
    (libc::SYS_process_madvise, Call::ProcessMadvise),
    (libc::SYS_fadvise64, Call::Fadvise),
    (libc::SYS_readahead, Call::Readahead),
    (libc::SYS_mlock, Call::Mlock),
    (libc::SYS_mlock2, Call::Mlock2),
    (libc::SYS_munlock, Call::Munlock),
    (libc::SYS_mlockall, Call::MlockAll),
    (libc::SYS_munlockall, Call::MunlockAll),
    (libc::SYS_setrlimit, Call::Setrlimit),
    (libc::SYS_prlimit64, Call::Prlimit),
    (libc::SYS_sendfile, Call::Sendfile),
    (libc::SYS_copy_file_range, Call::CopyFileRange),
    (libc::SYS_splice, Call::Splice),
    (libc::SYS_io_uring_setup, Call::IoUring),
    (libc::SYS_io_uring_enter, Call::IoUring),
    (libc::SYS_io_submit, Call::LinuxAio),
    (libc::SYS_open_by_handle_at, Call::ForeignDescriptor),
    (libc::SYS_pidfd_getfd, Call::ForeignDescriptor),
    (libc::SYS_clone, Call::Clone),
    (libc::SYS_clone3, Call::Clone3),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_open, Call::Open),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_dup2, Call::Dup2),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_fork, Call::Fork),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_vfork, Call::Fork),
];

/// Set in the numbers of x32, the ABI of x86-64 with short pointers (`asm/unistd.h`); in none of any other.
pub(super) const X32_BIT: u32 = 0x4000_0000;

/// The call of that number.
pub(super) fn call(nr: i64) -> Option<Call> {
    CALLS.iter().find(|row| row.0 == nr).map(|row| row.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_unique() {
        let mut numbers: Vec<_> = CALLS.iter().map(|row| row.0).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), CALLS.len());
        assert_eq!(call(libc::SYS_mmap), Some(Call::Mmap));
        assert_eq!(call(libc::SYS_write), None);
    }
}
