//! What a simulated platform is like.

use crate::platform::OsFamily;
use crate::platform::{Errno, Lockable, MapHint, NativeFlags};

/// How a simulated file takes direct opens and direct reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SimDirect {
    /// Opened, and every unaligned request is refused.
    Enforced {
        /// The alignment of the memory address, in bytes; a power of two.
        memory: u64,
        /// The alignment of offset and length, in bytes; a power of two.
        offset: u64,
    },
    /// Opened, and every request is served, as on tmpfs and macOS.
    AcceptedUnenforced,
    /// The open fails; the platform says so when asked for the alignment too.
    RefusedAtOpen(Errno),
    /// The open succeeds, the alignment is said to be a page, and every direct read fails, as on
    /// some FUSE file systems.
    RefusedAtRead(Errno),
}

/// The parameters of a simulated platform. A constructor gives a typical machine; change fields
/// for others: `SimProfile { max_read: Some(512), ..SimProfile::linux_4k() }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimProfile {
    /// The name in reports, such as `linux-4k`.
    pub name: &'static str,
    /// Whose error names, error numbers, flags and small habits are simulated.
    pub os: OsFamily,
    /// Bytes in a page; a power of two.
    pub page_size: u64,
    /// The grain of a mapping's offset and address; a power of two, at least a page.
    pub allocation_granularity: u64,
    /// How direct opens and reads behave.
    pub direct: SimDirect,
    /// Whether part of a mapping can be given back.
    pub partial_unmap: bool,
    /// Whether a mapping can be populated on request; where not, the request is ignored.
    pub populate: bool,
    /// Whether advice on a file is taken.
    pub file_advice: bool,
    /// Whether advice on a mapping is taken.
    pub map_advice: bool,
    /// How much this process may lock.
    pub lock_limit: Lockable,
    /// What is said of mapping any file.
    pub map_hint: MapHint,
    /// The longest single read in bytes; longer ones are short. A direct read is cut at its
    /// alignment, and never to nothing.
    pub max_read: Option<usize>,
    /// Every Nth read of the process is interrupted; 0 means none, 1 means all of them.
    pub interrupt_every: Option<u32>,
}

const MIB: u64 = 1 << 20;

impl SimProfile {
    /// Linux on x86-64: 4 KiB pages, 512-byte sectors, the usual lock limit of 8 MiB, and reads
    /// of at most 2 GiB less a page.
    #[must_use]
    pub fn linux_4k() -> Self {
        Self {
            name: "linux-4k",
            os: OsFamily::Linux,
            page_size: 4096,
            allocation_granularity: 4096,
            direct: SimDirect::Enforced { memory: 512, offset: 512 },
            partial_unmap: true,
            populate: true,
            file_advice: true,
            map_advice: true,
            lock_limit: Lockable::Bytes(8 * MIB),
            map_hint: MapHint { good: true, reason: "ext4".to_owned() },
            max_read: Some(0x7FFF_F000),
            interrupt_every: None,
        }
    }

    /// Linux with 64 KiB pages, as on some AArch64 and POWER machines, on a disk of 4 KiB sectors.
    #[must_use]
    pub fn linux_64k() -> Self {
        Self {
            name: "linux-64k",
            page_size: 65536,
            allocation_granularity: 65536,
            direct: SimDirect::Enforced { memory: 512, offset: 4096 },
            map_hint: MapHint { good: true, reason: "xfs".to_owned() },
            max_read: Some(0x7FFF_0000),
            ..Self::linux_4k()
        }
    }

    /// macOS on Apple silicon: 16 KiB pages; `F_NOCACHE` takes any alignment; neither a populating
    /// mapping nor advice on files.
    #[must_use]
    pub fn macos_16k() -> Self {
        Self {
            name: "macos-16k",
            os: OsFamily::Darwin,
            page_size: 16384,
            allocation_granularity: 16384,
            direct: SimDirect::AcceptedUnenforced,
            partial_unmap: true,
            populate: false,
            file_advice: false,
            map_advice: true,
            lock_limit: Lockable::Bytes(1024 * MIB),
            map_hint: MapHint { good: true, reason: "apfs".to_owned() },
            max_read: Some(0x7FFF_FFFF),
            interrupt_every: None,
        }
    }

    /// Windows: 4 KiB pages, 64 KiB granularity, a volume of 4 KiB sectors behind a controller
    /// that wants memory at 512 bytes; no partial unmap, no populate, no advice on files.
    #[must_use]
    pub fn windows() -> Self {
        Self {
            name: "windows",
            os: OsFamily::Windows,
            page_size: 4096,
            allocation_granularity: 65536,
            direct: SimDirect::Enforced { memory: 512, offset: 4096 },
            partial_unmap: false,
            populate: false,
            file_advice: false,
            map_advice: true,
            lock_limit: Lockable::Bytes(1024 * MIB),
            map_hint: MapHint { good: true, reason: "NTFS".to_owned() },
            max_read: None,
            interrupt_every: None,
        }
    }

    /// The four machines above.
    #[must_use]
    pub fn all() -> [Self; 4] {
        [Self::linux_4k(), Self::linux_64k(), Self::macos_16k(), Self::windows()]
    }

    /// What is wrong with it, if anything is.
    pub(super) fn fault(&self) -> Option<String> {
        let powers = |what: &str, value: u64| {
            (!value.is_power_of_two()).then(|| format!("{what} is {value}, not a power of two"))
        };
        let direct = match self.direct {
            SimDirect::Enforced { memory, offset } => {
                powers("direct.memory", memory).or_else(|| powers("direct.offset", offset))
            }
            _ => None,
        };
        let grain = (self.allocation_granularity < self.page_size)
            .then(|| "allocation_granularity is less than a page".to_owned());
        powers("page_size", self.page_size)
            .or_else(|| powers("allocation_granularity", self.allocation_granularity))
            .or(grain)
            .or(direct)
    }

    pub(super) fn open_flags(&self, direct: bool) -> NativeFlags {
        let (names, raw): (&[_], _) = match (self.os, direct) {
            (OsFamily::Linux, false) => (&["O_CLOEXEC", "O_RDONLY"], 0x8_0000),
            (OsFamily::Linux, true) => (&["O_CLOEXEC", "O_DIRECT", "O_RDONLY"], 0x8_4000),
            (OsFamily::Darwin, false) => (&["O_CLOEXEC", "O_RDONLY"], 0x100_0000),
            // Not a flag of open(2) but an fcntl(2) on the open descriptor: no bit of its own.
            (OsFamily::Darwin, true) => (&["F_NOCACHE", "O_CLOEXEC", "O_RDONLY"], 0x100_0000),
            (OsFamily::Windows, false) => (&["FILE_ATTRIBUTE_NORMAL"], 0x80),
            (OsFamily::Windows, true) => (&["FILE_ATTRIBUTE_NORMAL", "FILE_FLAG_NO_BUFFERING"], 0x2000_0080),
        };
        NativeFlags::new(names.iter().copied(), raw)
    }

    pub(super) fn map_flags(&self, populate: bool) -> NativeFlags {
        let (names, raw): (&[_], _) = match self.os {
            OsFamily::Linux if populate && self.populate => (&["MAP_POPULATE", "MAP_SHARED"], 0x8001),
            OsFamily::Linux | OsFamily::Darwin => (&["MAP_SHARED"], 1),
            OsFamily::Windows => (&["FILE_MAP_READ"], 4),
        };
        NativeFlags::new(names.iter().copied(), raw)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_typical_machines_are_sound_and_differ() {
        let all = SimProfile::all();
        for profile in &all {
            assert_eq!(profile.fault(), None, "{}", profile.name);
        }
        let mut names: Vec<_> = all.iter().map(|profile| profile.name).collect();
        names.dedup();
        assert_eq!(names.len(), 4);
    }

    #[test]
    fn an_unsound_profile_is_named_by_its_field() {
        let sound = SimProfile::linux_4k;
        let page = SimProfile { page_size: 5000, ..sound() };
        assert!(page.fault().unwrap().contains("page_size is 5000"));
        let grain = SimProfile { allocation_granularity: 2048, ..sound() };
        assert!(grain.fault().unwrap().contains("less than a page"));
        let direct = SimProfile { direct: SimDirect::Enforced { memory: 512, offset: 0 }, ..sound() };
        assert!(direct.fault().unwrap().contains("direct.offset is 0"));
    }

    #[test]
    fn flags_are_sorted_and_tell_direct_and_populate_apart() {
        for profile in SimProfile::all() {
            let flags = [profile.open_flags(false), profile.open_flags(true), profile.map_flags(true)];
            for flags in &flags {
                assert!(flags.names.is_sorted(), "{flags:?}");
            }
            assert_ne!(flags[0], flags[1], "{}", profile.name);
            assert_eq!(profile.map_flags(true) != profile.map_flags(false), profile.populate);
        }
    }
}
