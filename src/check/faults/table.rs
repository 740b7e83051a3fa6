//! The faults that real systems give, as data: which call, what goes wrong, for how long, and who does so.
//!
//! A row is a claim about a system, so every row names its source: a kernel, a file system, a limit, a manual.
//! Faults that no system gives (a wrong byte, an errno that a call never returns) are not here.

use crate::subject::{Fault, Target};

/// How long a fault lasts, from the call that it first meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Lasts {
    /// That call alone.
    Once,
    /// Three calls in a row.
    Burst,
    /// From then on.
    Sticky,
}

/// Who is put under a fault that lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum For {
    /// Every subject.
    All,
    /// The reference engine alone, with the reason: its contract is stricter than what a system may ask of a program.
    Reference,
    /// Commands alone: the call does not go over the seam.
    Command,
}

/// What goes wrong, before the length of the call is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// The call fails with this error.
    Error(&'static str),
    /// The read brings nothing, as at the end of the file.
    Eof,
    /// The read brings one part of what it asked for.
    Short(Part),
    /// The file turns out to end in the middle of the read.
    Ends,
    /// The size is asked for, and the answer is wrong.
    Size(Lie),
    /// The call takes this many microseconds more.
    Delay(u64),
}

/// The form of what goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Form {
    /// The call fails.
    Error,
    /// It does less than it was asked for.
    Cut,
    /// The file ends.
    End,
    /// It takes its time.
    Delay,
    /// It succeeds, and what it says is not so.
    Lie,
}

/// How much of a read arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// So many bytes.
    Bytes(u64),
    /// Half of it.
    Half,
    /// All but so many bytes.
    AllBut(u64),
}

/// One row: a fault of one kind of call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// The call, a target of the injection grammar.
    pub(super) call: &'static str,
    /// What goes wrong.
    pub(super) what: What,
    /// For how long.
    pub(super) lasts: &'static [Lasts],
    /// Who is put under it.
    pub(super) subjects: For,
    /// The kernel, file system or limit that gives it.
    pub(super) source: &'static str,
}

/// A wrong answer to the question of a file's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lie {
    /// Half of what the file has.
    Half,
    /// So many bytes more than the file has.
    More(u64),
}

/// Two of the largest pages: where that much is mapped past the end, not all of it is the rest of a page.
const PAST_THE_END: u64 = 2 << 16;

const ONCE: &[Lasts] = &[Lasts::Once];
const STICKY: &[Lasts] = &[Lasts::Sticky];
const BURST: &[Lasts] = &[Lasts::Once, Lasts::Burst];
const BOTH: &[Lasts] = &[Lasts::Once, Lasts::Sticky];

const fn error(call: &'static str, name: &'static str, lasts: &'static [Lasts], source: &'static str) -> Row {
    Row { call, what: What::Error(name), lasts, subjects: For::All, source }
}

const fn short(call: &'static str, part: Part, lasts: &'static [Lasts], source: &'static str) -> Row {
    Row { call, what: What::Short(part), lasts, subjects: For::All, source }
}

const fn other(call: &'static str, what: What, lasts: &'static [Lasts], source: &'static str) -> Row {
    Row { call, what, lasts, subjects: For::All, source }
}

/// Every row. The order is the order in which the faults of one call are tried.
#[rustfmt::skip]
pub(super) const TABLE: &[Row] = &[
    error("open.direct", "EINVAL", BOTH, "open(2): file systems without direct I/O (ramfs, squashfs, tmpfs before Linux 6.6, ZFS before 0.8)"),
    error("open.direct", "EOPNOTSUPP", ONCE, "FUSE servers and stacked file systems that dislike the flag"),
    error("open.direct", "EMFILE", BOTH, "open(2): RLIMIT_NOFILE"),
    error("open.direct", "EIO", BOTH, "a disk, a server"),
    error("open.direct", "EACCES", ONCE, "open(2): permissions of a server that change between two opens"),
    error("open.direct", "ENOMEM", ONCE, "open(2): kernel memory"),
    error("open.direct", "EINTR", ONCE, "open(2): FUSE, NFS, cifs waiting for the server"),
    error("open.direct", "ENFILE", ONCE, "open(2): fs.file-max"),
    error("open.direct", "ESTALE", ONCE, "NFS: a name cache older than the file"),
    error("open.direct", "ENOENT", ONCE, "open(2): the file was replaced between two opens"),
    error("open.buffered", "ENOENT", BOTH, "open(2): no such file, or replaced between two opens"),
    error("open.buffered", "EACCES", ONCE, "open(2): permissions"),
    error("open.buffered", "EMFILE", BOTH, "open(2): RLIMIT_NOFILE"),
    error("open.buffered", "ENFILE", ONCE, "open(2): fs.file-max"),
    error("open.buffered", "ELOOP", ONCE, "open(2): symbolic links"),
    error("open.buffered", "EIO", BOTH, "a disk, a server"),
    error("open.buffered", "EINTR", ONCE, "open(2): FUSE, NFS, cifs waiting for the server"),
    error("open.buffered", "ESTALE", ONCE, "NFS: a name cache older than the file"),
    other("open.direct", What::Delay(20_000), ONCE, "open(2): a server, a recall from a slow tier"),
    other("open.buffered", What::Delay(20_000), ONCE, "open(2): a server, a recall from a slow tier"),
    error("size", "EIO", ONCE, "a server that cannot be reached"),
    error("size", "ESTALE", ONCE, "NFSv3: the file was removed on the server (seen on Linux 6.1 and 6.12)"),
    Row { call: "size", what: What::Size(Lie::Half), lasts: BOTH, subjects: For::Reference, source: "attribute caches of NFS and FUSE older than the file, which was still written (nfs(5), acregmax); a program that takes a file for what its size says need not hold its table of tensors against it" },
    Row { call: "size", what: What::Size(Lie::More(PAST_THE_END)), lasts: BOTH, subjects: For::Reference, source: "attribute caches of FUSE and NFS older than the file (seen on Linux 6.18: the size stays while reads end before it); what a mapping touches there is a SIGBUS, which is no choice of a program" },
    error("alignment", "ENOSYS", BOTH, "statx(2): Linux before 4.11, filters of old container runtimes"),
    error("alignment", "EINVAL", ONCE, "statx(2): a mask that the kernel does not know"),
    error("alignment", "EIO", ONCE, "a server that cannot be reached"),
    error("maphint", "EIO", ONCE, "statfs(2)"),
    error("maphint", "ENOSYS", ONCE, "statfs(2): file systems without it"),
    error("read.direct", "EINVAL", BOTH, "read(2): a 4Kn disk or a FUSE server that refuses every direct read after a granted open"),
    error("read.direct", "EFAULT", ONCE, "mm/gup.c: a destination in driver memory"),
    error("read.direct", "EOPNOTSUPP", ONCE, "stacked drivers and servers"),
    error("read.direct", "EIO", BOTH, "a bad sector: ext4 and xfs lose the whole request (seen on Linux 6.18)"),
    error("read.direct", "EINTR", BURST, "FUSE with direct_io whose server answers an interrupt (seen on Linux 6.18); cifs"),
    error("read.direct", "EAGAIN", ONCE, "FUSE servers"),
    error("read.direct", "ENOMEM", ONCE, "pinning pages under pressure"),
    error("read.direct", "ESTALE", BOTH, "NFSv3: the file was removed on the server (seen on Linux 6.1 and 6.12)"),
    short("read.direct", Part::Bytes(512), ONCE, "pieces of FUSE and NFS servers on 512-byte blocks; a block device that ends (seen on Linux 6.18: 2560 of 8192)"),
    short("read.direct", Part::Bytes(4096), ONCE, "NFS and old direct paths when memory ends (seen on Linux 6.12)"),
    short("read.direct", Part::Half, BOTH, "btrfs before a compressed extent (seen on Linux 6.18); rsize pieces of FUSE and NFS"),
    short("read.direct", Part::AllBut(512), ONCE, "pieces of FUSE and NFS servers on 512-byte blocks"),
    Row { call: "read.direct", what: What::Short(Part::AllBut(1)), lasts: ONCE, subjects: For::Reference, source: "an odd count of a FUSE server; where a kernel enforces an alignment none gives it, and a command's file system is what it is" },
    short("read.direct", Part::AllBut(4096), ONCE, "btrfs before a bad block (seen on Linux 6.18)"),
    other("read.direct", What::Eof, BOTH, "the file shrank; a short reply of a FUSE server (seen on Linux 6.18)"),
    other("read.direct", What::Ends, STICKY, "the file shrank between header and data"),
    other("read.direct", What::Delay(20_000), ONCE, "an error recovery of a disk, a recall from a slow tier"),
    Row { call: "read.direct", what: What::Error("EINTR"), lasts: STICKY, subjects: For::Reference, source: "a timer that is faster than a server's answer; POSIX lets a program retry without bound, the engine has one" },
    error("read.buffered", "EIO", BOTH, "a bad sector or checksum, a soft NFS timeout"),
    error("read.buffered", "EINTR", BURST, "cifs; FUSE with direct_io whose server answers an interrupt (seen on Linux 6.18)"),
    error("read.buffered", "EAGAIN", ONCE, "FUSE servers"),
    error("read.buffered", "ESTALE", BOTH, "NFS: the file was replaced on the server"),
    short("read.buffered", Part::Bytes(1), ONCE, "an unmapped page behind the destination; pieces of network file systems"),
    short("read.buffered", Part::Bytes(4096), ONCE, "an unmapped page behind the destination (seen: 4096 of 8192)"),
    short("read.buffered", Part::Half, BOTH, "a bad sector ahead (seen: 3 of 16 MiB); pieces of network file systems"),
    short("read.buffered", Part::AllBut(1), ONCE, "an odd count of a FUSE server"),
    short("read.buffered", Part::AllBut(4096), ONCE, "MAX_RW_COUNT is INT_MAX less a page"),
    other("read.buffered", What::Eof, BOTH, "a truncated file; a FUSE server's short reply (seen on Linux 6.18)"),
    other("read.buffered", What::Ends, STICKY, "the file shrank between header and data"),
    other("read.buffered", What::Delay(20_000), ONCE, "an error recovery of a disk, a recall from a slow tier"),
    Row { call: "read.buffered", what: What::Error("EINTR"), lasts: STICKY, subjects: For::Reference, source: "a timer that is faster than a server's answer; POSIX lets a program retry without bound, the engine has one" },
    error("map", "ENODEV", BOTH, "mmap(2): FUSE with direct_io, virtiofs with cache=never"),
    error("map", "ENOMEM", BOTH, "mmap(2): RLIMIT_AS, vm.max_map_count"),
    error("map", "EAGAIN", ONCE, "mmap(2): RLIMIT_MEMLOCK with MAP_LOCKED or mlockall"),
    error("map", "EACCES", ONCE, "mmap(2): file systems and security modules that forbid it"),
    other("map", What::Delay(20_000), ONCE, "mmap(2): MAP_POPULATE waits for a slow disk"),
    error("advise.file", "EINVAL", BOTH, "posix_fadvise(2): file systems and kernels without it"),
    error("advise.map", "EINVAL", BOTH, "madvise(2): advice that the kernel does not know"),
    error("advise.map", "EAGAIN", ONCE, "madvise(2): vm.max_map_count"),
    error("advise.map", "ENOMEM", ONCE, "madvise(2): kernel resources, a hole in the range"),
    error("advise.map", "EFAULT", ONCE, "madvise(2): MADV_POPULATE_READ past the end of the file or over an unreadable page (seen on Linux 6.18)"),
    error("advise.map", "EIO", ONCE, "madvise(2): MADV_WILLNEED, paging in fails"),
    error("lock.map", "ENOMEM", BOTH, "mlock(2): RLIMIT_MEMLOCK, vm.max_map_count"),
    error("lock.map", "EPERM", BOTH, "mlock(2): a limit of 0 without CAP_IPC_LOCK"),
    error("lock.map", "EAGAIN", ONCE, "mlock(2): pages could not be allocated"),
    error("lock.buffer", "ENOMEM", BOTH, "mlock(2): RLIMIT_MEMLOCK, vm.max_map_count"),
    error("lock.buffer", "EPERM", BOTH, "mlock(2): a limit of 0 without CAP_IPC_LOCK"),
    error("lock.buffer", "EAGAIN", ONCE, "mlock(2): pages could not be allocated"),
    error("alloc", "ENOMEM", BOTH, "mmap(2), brk(2): RLIMIT_AS, RLIMIT_DATA; overcommit refuses one request for more than there is and grants smaller ones (seen on Linux 6.18: 60 GiB of 24)"),
    Row { call: "thread", what: What::Error("EAGAIN"), lasts: BOTH, subjects: For::Command, source: "clone(2), pthread_create(3): RLIMIT_NPROC, pids.max of the cgroup, threads-max" },
    Row { call: "unmap", what: What::Error("ENOMEM"), lasts: ONCE, subjects: For::Reference, source: "munmap(2): a hole cut at vm.max_map_count (seen on Linux 6.18); what stays mapped then is no choice of a program" },
    error("unlock.map", "ENOMEM", ONCE, "munlock(2): a hole; macOS where nothing is locked"),
    error("unlock.buffer", "ENOMEM", ONCE, "munlock(2): a hole; macOS where nothing is locked"),
];

impl Row {
    /// Whether it is the process or the machine that lacks something, and not the file.
    pub(super) fn is_of_the_process(&self) -> bool {
        self.call.starts_with("open") && matches!(self.what, What::Error("EMFILE" | "ENFILE" | "ENOMEM"))
    }
}

/// The rows for a call, by its full name.
pub(super) fn rows_of(call: &str, reference: bool) -> impl Iterator<Item = &'static Row> + use<'_> {
    let concerned = move |row: &&Row| {
        let covers = Target::named(row.call).is_some_and(|target| target.covers(call));
        covers
            && match row.subjects {
                For::All => true,
                For::Reference => reference,
                For::Command => !reference,
            }
    };
    TABLE.iter().filter(concerned)
}

impl What {
    /// The fault for a call at `offset` that asks for `len` bytes, or that was answered with a size of `len`; `None`
    /// where it would make no difference.
    pub(super) fn fault(self, offset: u64, len: u64) -> Option<Fault> {
        let cut = |bytes: u64| (bytes > 0 && bytes < len).then_some(Fault::Short(bytes));
        match self {
            Self::Error(name) => Some(Fault::Error(name)),
            Self::Eof => Some(Fault::Eof),
            Self::Short(Part::Bytes(bytes)) => cut(bytes),
            Self::Short(Part::Half) => cut(len / 2),
            Self::Short(Part::AllBut(bytes)) => cut(len.saturating_sub(bytes)),
            Self::Ends => Some(Fault::Truncate(offset.saturating_add(len / 2))),
            Self::Delay(micros) => Some(Fault::Delay(micros)),
            Self::Size(Lie::Half) => (len > 1).then_some(Fault::Reports(len / 2)),
            Self::Size(Lie::More(bytes)) => (len > 0).then_some(Fault::Reports(len.saturating_add(bytes))),
        }
    }

    /// Its form.
    pub(super) fn form(self) -> Form {
        match self {
            Self::Error(_) => Form::Error,
            Self::Short(_) => Form::Cut,
            Self::Eof | Self::Ends => Form::End,
            Self::Delay(_) => Form::Delay,
            Self::Size(_) => Form::Lie,
        }
    }

    /// Its kind, whatever the length of the call.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Error(name) => name,
            Self::Eof => "eof",
            Self::Short(Part::Bytes(1)) => "short to one byte",
            Self::Short(Part::Bytes(512)) => "short to a sector",
            Self::Short(Part::Bytes(_)) => "short to a block",
            Self::Short(Part::Half) => "short to half",
            Self::Short(Part::AllBut(1)) => "short by one byte",
            Self::Short(Part::AllBut(512)) => "short by a sector",
            Self::Short(Part::AllBut(_)) => "short by a block",
            Self::Ends => "shrunk",
            Self::Delay(_) => "delay",
            Self::Size(Lie::Half) => "half of the size",
            Self::Size(Lie::More(_)) => "more than the size",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::{FaultSpec, When};

    #[test]
    fn every_row_is_a_fault_of_the_grammar_and_names_a_source() {
        for row in TABLE {
            let target = Target::named(row.call).unwrap();
            let fault = row.what.fault(65_536, 32_768).unwrap();
            let spec = FaultSpec::new(target, fault, When::nth(2)).unwrap();
            assert_eq!(spec.to_string().parse(), Ok(spec));
            assert!(!row.lasts.is_empty() && row.source.len() >= 6, "{row:?}");
        }
    }

    #[test]
    fn no_row_stands_twice() {
        let mut seen = std::collections::BTreeSet::new();
        for row in TABLE {
            for lasts in row.lasts {
                assert!(seen.insert((row.call, row.what.kind(), *lasts)), "{row:?}");
            }
        }
    }

    #[test]
    fn a_foreign_program_may_retry_an_interrupted_read_for_ever() {
        let endless = |reference| {
            let rows = rows_of("read.buffered", reference);
            rows.filter(|row| row.what == What::Error("EINTR")).any(|row| row.lasts.contains(&Lasts::Sticky))
        };
        assert!(endless(true) && !endless(false));
    }

    #[test]
    fn a_size_is_half_of_the_real_one_or_more_than_it() {
        assert_eq!(What::Size(Lie::Half).fault(0, 4097), Some(Fault::Reports(2048)));
        assert_eq!(What::Size(Lie::More(PAST_THE_END)).fault(0, 10), Some(Fault::Reports(131_082)));
        // A size that was not seen has no half.
        assert_eq!(What::Size(Lie::Half).fault(0, 0), None);
    }

    #[test]
    fn a_foreign_program_may_believe_a_size() {
        let lies = |reference| rows_of("size", reference).filter(|row| row.what.form() == Form::Lie).count();
        assert_eq!((lies(true), lies(false)), (2, 0));
    }

    #[test]
    fn a_cut_that_makes_no_difference_is_no_fault() {
        assert_eq!(What::Short(Part::Bytes(4096)).fault(0, 4096), None);
        assert_eq!(What::Short(Part::Half).fault(0, 1), None);
        assert_eq!(What::Short(Part::AllBut(1)).fault(0, 8), Some(Fault::Short(7)));
        assert_eq!(What::Ends.fault(100, 50), Some(Fault::Truncate(125)));
    }
}
