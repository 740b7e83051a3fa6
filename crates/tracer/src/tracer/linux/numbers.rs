//! The numbers of the calls on this architecture.

use std::sync::OnceLock;

pub(super) use crate::trace::linux::calls::{CALLS, Row, Stops, Sys};

/// Set in the numbers of x32, the ABI of x86-64 with short pointers (`asm/unistd.h`); in none of any other.
pub(super) const X32_BIT: u32 = 0x4000_0000;

/// The number of a call, if it has one here and the tracer stops on it.
pub(super) fn number(row: &Row) -> Option<u16> {
    let number = if cfg!(target_arch = "x86_64") { row.x86_64 } else { row.aarch64 };
    number.filter(|_| row.stops != Stops::Never)
}

/// The call of that number, if the tracer stops on it.
pub(super) fn call(nr: i64) -> Option<&'static Row> {
    static BY_NUMBER: OnceLock<Vec<Option<&'static Row>>> = OnceLock::new();
    let by_number = BY_NUMBER.get_or_init(|| {
        let mut rows = vec![None; usize::from(CALLS.iter().filter_map(number).max().unwrap_or(0)) + 1];
        for row in CALLS {
            if let Some(nr) = number(row) {
                rows[usize::from(nr)] = Some(row);
            }
        }
        rows
    });
    usize::try_from(nr).ok().and_then(|nr| by_number.get(nr).copied().flatten())
}

/// Whether the tracer stops on a call with these arguments, as the filter decides it.
pub(super) fn stops(row: &Row, args: &[u64; 6]) -> bool {
    /// The highest standard stream.
    const STREAMS: u32 = 2;
    match row.stops {
        Stops::Always => true,
        Stops::Never => false,
        Stops::AboveStreams => args[0] as u32 > STREAMS,
        Stops::Third => args[2] != 0,
        Stops::Killing(at) => args[usize::from(at)] as u32 == libc::SIGKILL as u32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_the_numbers_of_the_c_library() {
        for (name, nr) in [
            ("read", libc::SYS_read),
            ("pread64", libc::SYS_pread64),
            ("close", libc::SYS_close),
            ("mmap", libc::SYS_mmap),
            ("munmap", libc::SYS_munmap),
            ("mprotect", libc::SYS_mprotect),
            ("write", libc::SYS_write),
            ("writev", libc::SYS_writev),
            ("pwrite64", libc::SYS_pwrite64),
            ("pwritev", libc::SYS_pwritev),
            ("pwritev2", libc::SYS_pwritev2),
            ("truncate", libc::SYS_truncate),
            ("ftruncate", libc::SYS_ftruncate),
            ("fallocate", libc::SYS_fallocate),
            ("lseek", libc::SYS_lseek),
            ("fstat", libc::SYS_fstat),
            ("newfstatat", libc::SYS_newfstatat),
            ("openat", libc::SYS_openat),
            ("madvise", libc::SYS_madvise),
            ("openat2", libc::SYS_openat2),
            ("close_range", libc::SYS_close_range),
            ("dup", libc::SYS_dup),
            ("dup3", libc::SYS_dup3),
            ("fcntl", libc::SYS_fcntl),
            ("readv", libc::SYS_readv),
            ("preadv", libc::SYS_preadv),
            ("preadv2", libc::SYS_preadv2),
            ("statx", libc::SYS_statx),
            ("mremap", libc::SYS_mremap),
            ("process_madvise", libc::SYS_process_madvise),
            ("fadvise64", libc::SYS_fadvise64),
            ("readahead", libc::SYS_readahead),
            ("mlock", libc::SYS_mlock),
            ("mlock2", libc::SYS_mlock2),
            ("munlock", libc::SYS_munlock),
            ("mlockall", libc::SYS_mlockall),
            ("munlockall", libc::SYS_munlockall),
            ("setrlimit", libc::SYS_setrlimit),
            ("prlimit64", libc::SYS_prlimit64),
            ("sendfile", libc::SYS_sendfile),
            ("copy_file_range", libc::SYS_copy_file_range),
            ("splice", libc::SYS_splice),
            ("tee", libc::SYS_tee),
            ("vmsplice", libc::SYS_vmsplice),
            ("process_vm_readv", libc::SYS_process_vm_readv),
            ("process_vm_writev", libc::SYS_process_vm_writev),
            ("io_uring_setup", libc::SYS_io_uring_setup),
            ("io_uring_enter", libc::SYS_io_uring_enter),
            ("io_submit", libc::SYS_io_submit),
            ("open_by_handle_at", libc::SYS_open_by_handle_at),
            ("pidfd_getfd", libc::SYS_pidfd_getfd),
            ("brk", libc::SYS_brk),
            ("clone", libc::SYS_clone),
            ("clone3", libc::SYS_clone3),
            ("exit_group", libc::SYS_exit_group),
            ("kill", libc::SYS_kill),
            ("tkill", libc::SYS_tkill),
            ("tgkill", libc::SYS_tgkill),
            ("rt_sigqueueinfo", libc::SYS_rt_sigqueueinfo),
            ("rt_tgsigqueueinfo", libc::SYS_rt_tgsigqueueinfo),
            ("pidfd_send_signal", libc::SYS_pidfd_send_signal),
            #[cfg(target_arch = "x86_64")]
            ("open", libc::SYS_open),
            #[cfg(target_arch = "x86_64")]
            ("creat", libc::SYS_creat),
            #[cfg(target_arch = "x86_64")]
            ("dup2", libc::SYS_dup2),
            #[cfg(target_arch = "x86_64")]
            ("fork", libc::SYS_fork),
            #[cfg(target_arch = "x86_64")]
            ("vfork", libc::SYS_vfork),
        ] {
            assert_eq!(call(nr).map(|row| row.name), Some(name), "{nr}");
        }
        assert!(call(libc::SYS_getpid).is_none() && call(libc::SYS_execve).is_none() && call(-1).is_none());
        let listed = CALLS.iter().filter_map(number).count();
        assert_eq!(listed, if cfg!(target_arch = "x86_64") { 66 } else { 61 }, "every one is compared above");
    }
}
