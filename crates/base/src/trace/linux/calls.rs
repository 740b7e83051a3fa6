//! The system calls that are looked at: their numbers, when the tracer stops on them, what the importer
//! makes of them, and which faults they can meet.

use crate::trace::BlindSpot;

/// What a system call does, whatever its number and its variants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sys {
    Open,
    Creat,
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
    Write,
    Pwrite,
    Writev,
    Pwritev,
    Pwritev2,
    Truncate,
    Ftruncate,
    Fallocate,
    Lseek,
    Fstat,
    FstatAt,
    Statx,
    Mmap,
    /// `mmap` with the offset in units of 4096 bytes.
    Mmap2,
    Mremap,
    /// Grows the heap: looked at only where it may be refused.
    Brk,
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
    Fork,
    Clone,
    Clone3,
    Exec,
    /// The end of a process: its memory can still be looked at.
    ExitGroup,
    /// A signal to a process or a thread, by its number.
    Kill,
    /// A signal to what a descriptor stands for.
    PidfdKill,
    /// What moves bytes or descriptors unseen.
    Unseen(BlindSpot),
}

/// When the tracer's filter stops on a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stops {
    Always,
    Never,
    /// On a descriptor that is no standard stream: what a program prints does not stop it.
    AboveStreams,
    /// With a third argument that is not null: a limit is set, and not only asked for.
    Third,
    /// With SIGKILL in this argument: no other signal comes unseen.
    Killing(u8),
}

/// What the importer makes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Imports {
    Decoded,
    /// It is told that the call was made; what it did is not known.
    Noted,
    Ignored,
}

/// One system call.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub name: &'static str,
    /// Its number on x86-64 and on AArch64; some names have none there.
    pub x86_64: Option<u16>,
    pub aarch64: Option<u16>,
    pub sys: Sys,
    pub stops: Stops,
    pub imports: Imports,
    /// The target of faults that it is, before a variant such as `.direct`; empty for none.
    pub fault: &'static str,
}

const fn row(
    name: &'static str,
    x86_64: u16,
    aarch64: u16,
    sys: Sys,
    imports: Imports,
    fault: &'static str,
) -> Row {
    /// `None` for the number that stands for none.
    const fn number(nr: u16) -> Option<u16> {
        if nr == NONE { None } else { Some(nr) }
    }
    Row { name, x86_64: number(x86_64), aarch64: number(aarch64), sys, stops: Stops::Always, imports, fault }
}

/// No number on this architecture.
const NONE: u16 = u16::MAX;

impl Row {
    const fn stops(self, stops: Stops) -> Self {
        Self { stops, ..self }
    }

    /// A name that 32-bit architectures have.
    const fn alias(name: &'static str, sys: Sys) -> Self {
        row(name, NONE, NONE, sys, Imports::Decoded, "").stops(Stops::Never)
    }
}

use Imports::{Decoded, Ignored, Noted};

/// Every call of interest; all others run untouched.
#[rustfmt::skip]
pub const CALLS: &[Row] = &[
    row("read", 0, 63, Sys::Read, Decoded, "read"),
    row("pread64", 17, 67, Sys::Pread, Decoded, "read"),
    row("close", 3, 57, Sys::Close, Decoded, ""),
    row("mmap", 9, 222, Sys::Mmap, Decoded, "map"),
    row("munmap", 11, 215, Sys::Munmap, Decoded, "unmap"),
    row("mprotect", 10, 226, Sys::Mprotect, Decoded, ""),
    row("write", 1, 64, Sys::Write, Decoded, "").stops(Stops::AboveStreams),
    row("lseek", 8, 62, Sys::Lseek, Decoded, "size"),
    row("fstat", 5, 80, Sys::Fstat, Ignored, "size"),
    row("newfstatat", 262, 79, Sys::FstatAt, Ignored, "size"),
    row("openat", 257, 56, Sys::OpenAt, Decoded, "open"),
    row("madvise", 28, 233, Sys::Madvise, Decoded, "advise.map"),
    row("tgkill", 234, 131, Sys::Kill, Ignored, "").stops(Stops::Killing(2)),
    row("writev", 20, 66, Sys::Writev, Decoded, "").stops(Stops::AboveStreams),
    row("open", 2, NONE, Sys::Open, Decoded, "open"),
    row("creat", 85, NONE, Sys::Creat, Decoded, "open"),
    row("openat2", 437, 437, Sys::OpenAt2, Decoded, "open"),
    row("close_range", 436, 436, Sys::CloseRange, Decoded, ""),
    row("dup", 32, 23, Sys::Dup, Decoded, ""),
    row("dup2", 33, NONE, Sys::Dup2, Decoded, ""),
    row("dup3", 292, 24, Sys::Dup3, Decoded, ""),
    row("fcntl", 72, 25, Sys::Fcntl, Decoded, ""),
    Row::alias("fcntl64", Sys::Fcntl),
    row("readv", 19, 65, Sys::Readv, Decoded, "read"),
    row("preadv", 295, 69, Sys::Preadv, Decoded, "read"),
    row("preadv2", 327, 286, Sys::Preadv2, Decoded, "read"),
    row("pwrite64", 18, 68, Sys::Pwrite, Decoded, ""),
    row("pwritev", 296, 70, Sys::Pwritev, Decoded, ""),
    row("pwritev2", 328, 287, Sys::Pwritev2, Decoded, ""),
    row("truncate", 76, 45, Sys::Truncate, Decoded, ""),
    Row::alias("truncate64", Sys::Truncate),
    row("ftruncate", 77, 46, Sys::Ftruncate, Decoded, ""),
    Row::alias("ftruncate64", Sys::Ftruncate),
    row("fallocate", 285, 47, Sys::Fallocate, Decoded, ""),
    row("statx", 332, 291, Sys::Statx, Ignored, "size"),
    Row::alias("mmap2", Sys::Mmap2),
    row("mremap", 25, 216, Sys::Mremap, Decoded, ""),
    row("process_madvise", 440, 440, Sys::ProcessMadvise, Ignored, ""),
    row("fadvise64", 221, 223, Sys::Fadvise, Decoded, "advise.file"),
    row("readahead", 187, 213, Sys::Readahead, Decoded, "advise.file"),
    row("mlock", 149, 228, Sys::Mlock, Decoded, "lock"),
    row("mlock2", 325, 284, Sys::Mlock2, Decoded, "lock"),
    row("munlock", 150, 229, Sys::Munlock, Decoded, "unlock"),
    row("mlockall", 151, 230, Sys::MlockAll, Decoded, "lock"),
    row("munlockall", 152, 231, Sys::MunlockAll, Decoded, "unlock"),
    row("setrlimit", 160, 164, Sys::Setrlimit, Decoded, ""),
    row("prlimit64", 302, 261, Sys::Prlimit, Decoded, "").stops(Stops::Third),
    row("sendfile", 40, 71, Sys::Sendfile, Decoded, "read"),
    Row::alias("sendfile64", Sys::Sendfile),
    row("copy_file_range", 326, 285, Sys::CopyFileRange, Decoded, "read"),
    row("splice", 275, 76, Sys::Splice, Decoded, "read"),
    row("brk", 12, 214, Sys::Brk, Ignored, "alloc"),
    row("fork", 57, NONE, Sys::Fork, Decoded, ""),
    row("vfork", 58, NONE, Sys::Fork, Decoded, ""),
    row("clone", 56, 220, Sys::Clone, Decoded, "thread"),
    row("clone3", 435, 435, Sys::Clone3, Decoded, "thread"),
    // The tracer is told of an exec by an event.
    row("execve", 59, 221, Sys::Exec, Decoded, "").stops(Stops::Never),
    row("execveat", 322, 281, Sys::Exec, Decoded, "").stops(Stops::Never),
    // How a process ends is told by its last event.
    row("exit_group", 231, 94, Sys::ExitGroup, Ignored, ""),
    row("kill", 62, 129, Sys::Kill, Ignored, "").stops(Stops::Killing(1)),
    row("tkill", 200, 130, Sys::Kill, Ignored, "").stops(Stops::Killing(1)),
    row("rt_sigqueueinfo", 129, 138, Sys::Kill, Ignored, "").stops(Stops::Killing(1)),
    row("rt_tgsigqueueinfo", 297, 240, Sys::Kill, Ignored, "").stops(Stops::Killing(2)),
    row("pidfd_send_signal", 424, 424, Sys::PidfdKill, Ignored, "").stops(Stops::Killing(1)),
    row("tee", 276, 77, Sys::Unseen(BlindSpot::Transfer), Noted, ""),
    row("vmsplice", 278, 75, Sys::Unseen(BlindSpot::Transfer), Noted, ""),
    row("process_vm_readv", 310, 270, Sys::Unseen(BlindSpot::ProcessMemory), Noted, ""),
    row("process_vm_writev", 311, 271, Sys::Unseen(BlindSpot::ProcessMemory), Noted, ""),
    row("io_uring_setup", 425, 425, Sys::Unseen(BlindSpot::IoUring), Noted, ""),
    row("io_uring_enter", 426, 426, Sys::Unseen(BlindSpot::IoUring), Noted, ""),
    row("io_submit", 209, 2, Sys::Unseen(BlindSpot::LinuxAio), Noted, ""),
    row("open_by_handle_at", 304, 265, Sys::Unseen(BlindSpot::ForeignDescriptor), Noted, ""),
    row("pidfd_getfd", 438, 438, Sys::Unseen(BlindSpot::ForeignDescriptor), Noted, ""),
];

/// The call of that name.
pub fn by_name(name: &str) -> Option<&'static Row> {
    CALLS.iter().find(|row| row.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_unique() {
        let mut names: Vec<_> = CALLS.iter().map(|row| row.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), CALLS.len());
        for number in [|row: &Row| row.x86_64, |row: &Row| row.aarch64] {
            let mut numbers: Vec<_> = CALLS.iter().filter_map(number).collect();
            let count = numbers.len();
            numbers.sort_unstable();
            numbers.dedup();
            assert_eq!(numbers.len(), count);
        }
    }
}
