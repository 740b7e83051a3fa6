//! The kernel's names of flags.

use crate::trace::{Advice, NativeFlags};

type Names = &'static [(i32, &'static str)];

const OPEN: Names = &[
    (libc::O_APPEND, "O_APPEND"),
    (libc::O_CLOEXEC, "O_CLOEXEC"),
    (libc::O_CREAT, "O_CREAT"),
    (libc::O_DIRECT, "O_DIRECT"),
    (libc::O_EXCL, "O_EXCL"),
    (libc::O_NOATIME, "O_NOATIME"),
    (libc::O_NOCTTY, "O_NOCTTY"),
    (libc::O_NOFOLLOW, "O_NOFOLLOW"),
    (libc::O_NONBLOCK, "O_NONBLOCK"),
    (libc::O_TRUNC, "O_TRUNC"),
];

const MAP: Names = &[
    (libc::MAP_ANONYMOUS, "MAP_ANONYMOUS"),
    (libc::MAP_FIXED, "MAP_FIXED"),
    (libc::MAP_HUGETLB, "MAP_HUGETLB"),
    (libc::MAP_LOCKED, "MAP_LOCKED"),
    (libc::MAP_NONBLOCK, "MAP_NONBLOCK"),
    (libc::MAP_NORESERVE, "MAP_NORESERVE"),
    (libc::MAP_POPULATE, "MAP_POPULATE"),
    (libc::MAP_FIXED_NOREPLACE, "MAP_FIXED_NOREPLACE"),
];

const PROTECTION: Names =
    &[(libc::PROT_READ, "PROT_READ"), (libc::PROT_WRITE, "PROT_WRITE"), (libc::PROT_EXEC, "PROT_EXEC")];

const REMAP: Names = &[
    (libc::MREMAP_MAYMOVE, "MREMAP_MAYMOVE"),
    (libc::MREMAP_FIXED, "MREMAP_FIXED"),
    (libc::MREMAP_DONTUNMAP, "MREMAP_DONTUNMAP"),
];

const LOCK: Names = &[(libc::MLOCK_ONFAULT.cast_signed(), "MLOCK_ONFAULT")];

const LOCK_ALL: Names = &[
    (libc::MCL_CURRENT, "MCL_CURRENT"),
    (libc::MCL_FUTURE, "MCL_FUTURE"),
    (libc::MCL_ONFAULT, "MCL_ONFAULT"),
];

/// `asm-generic/mman-common.h`, `linux/fadvise.h`: the first five are the same in both.
const MEMORY_ADVICE: &[(u64, &str)] = &[
    (0, "MADV_NORMAL"),
    (8, "MADV_FREE"),
    (9, "MADV_REMOVE"),
    (10, "MADV_DONTFORK"),
    (11, "MADV_DOFORK"),
    (12, "MADV_MERGEABLE"),
    (13, "MADV_UNMERGEABLE"),
    (14, "MADV_HUGEPAGE"),
    (15, "MADV_NOHUGEPAGE"),
    (16, "MADV_DONTDUMP"),
    (17, "MADV_DODUMP"),
    (18, "MADV_WIPEONFORK"),
    (19, "MADV_KEEPONFORK"),
    (20, "MADV_COLD"),
    (21, "MADV_PAGEOUT"),
    (22, "MADV_POPULATE_READ"),
    (23, "MADV_POPULATE_WRITE"),
    (24, "MADV_DONTNEED_LOCKED"),
    (25, "MADV_COLLAPSE"),
];

fn named(names: Names, raw: u64) -> Vec<&'static str> {
    let has =
        |bits: i32| bits != 0 && raw & u64::from(bits.cast_unsigned()) == u64::from(bits.cast_unsigned());
    names.iter().filter(|(bits, _)| has(*bits)).map(|(_, name)| *name).collect()
}

pub(super) fn open(raw: u64) -> NativeFlags {
    let mut names = named(OPEN, raw);
    names.push(match raw as i32 & libc::O_ACCMODE {
        libc::O_WRONLY => "O_WRONLY",
        libc::O_RDWR => "O_RDWR",
        _ => "O_RDONLY",
    });
    NativeFlags::new(names, raw)
}

/// The flags of a mapping, with its protection where that is more than reading.
pub(super) fn map(raw: u64, protection: u64) -> NativeFlags {
    let mut names = named(MAP, raw);
    names.push(match raw as i32 & 3 {
        libc::MAP_SHARED => "MAP_SHARED",
        libc::MAP_PRIVATE => "MAP_PRIVATE",
        _ => "MAP_SHARED_VALIDATE",
    });
    names.extend(named(&PROTECTION[1..], protection));
    NativeFlags::new(names, raw)
}

pub(super) fn protection(raw: u64) -> NativeFlags {
    let names = named(PROTECTION, raw);
    NativeFlags::new(if names.is_empty() { vec!["PROT_NONE"] } else { names }, raw)
}

pub(super) fn remap(raw: u64) -> NativeFlags {
    NativeFlags::new(named(REMAP, raw), raw)
}

pub(super) fn lock(raw: u64) -> NativeFlags {
    NativeFlags::new(named(LOCK, raw), raw)
}

pub(super) fn lock_all(raw: u64) -> NativeFlags {
    NativeFlags::new(named(LOCK_ALL, raw), raw)
}

/// The advice that the vocabulary has a word for; the numbers are the same for files and memory.
pub(super) fn advice(raw: u64) -> Option<Advice> {
    match raw {
        1 => Some(Advice::Random),
        2 => Some(Advice::Sequential),
        3 => Some(Advice::WillNeed),
        4 => Some(Advice::DontNeed),
        _ => None,
    }
}

/// Whether advice on memory takes pages out of the page table: `MADV_DONTNEED`, `MADV_FREE`, `MADV_REMOVE`,
/// `MADV_PAGEOUT`, `MADV_DONTNEED_LOCKED`.
pub(super) fn drops_pages(raw: u64) -> bool {
    matches!(raw, 4 | 8 | 9 | 21 | 24)
}

pub(super) fn memory_advice(raw: u64) -> NativeFlags {
    let name = MEMORY_ADVICE.iter().find(|row| row.0 == raw).map(|row| row.1);
    NativeFlags::new(name, raw)
}

pub(super) fn file_advice(raw: u64) -> NativeFlags {
    let name = [(0, "POSIX_FADV_NORMAL"), (5, "POSIX_FADV_NOREUSE")].into_iter().find(|row| row.0 == raw);
    NativeFlags::new(name.map(|row| row.1), raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_recorder() {
        let flags = (libc::O_RDONLY | libc::O_CLOEXEC | libc::O_DIRECT) as u64;
        assert_eq!(open(flags).names, ["O_CLOEXEC", "O_DIRECT", "O_RDONLY"]);
        let populated = (libc::MAP_SHARED | libc::MAP_POPULATE) as u64;
        assert_eq!(map(populated, 1).names, ["MAP_POPULATE", "MAP_SHARED"]);
        assert_eq!(map(2, 3).names, ["MAP_PRIVATE", "PROT_WRITE"]);
        assert_eq!(protection(0).names, ["PROT_NONE"]);
        assert_eq!(
            (advice(2), memory_advice(14).names[0].as_ref()),
            (Some(Advice::Sequential), "MADV_HUGEPAGE")
        );
    }
}
