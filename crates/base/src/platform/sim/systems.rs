//! Real systems as profiles: what each enforces and the error that it gives, with where that is known from.

use super::profile::{SimDirect, SimProfile};
use crate::platform::{ErrorKind, Lockable, MapHint, OsFamily};

/// A system that can be simulated.
#[derive(Clone, Debug)]
pub struct SimSystem {
    /// What it is, and what of it is simulated.
    pub about: &'static str,
    /// Where the facts are from.
    pub source: &'static str,
    /// The machine; its name is the system's.
    pub profile: SimProfile,
}

const SEEN: &str = "tried on Linux 6.18";
const FUSE: &str = "tried on Linux 6.18 with an own server; fs/fuse/file.c";

fn linux(name: &'static str, file_system: &str, direct: SimDirect) -> SimProfile {
    let map_hint = MapHint { good: true, reason: file_system.to_owned() };
    SimProfile { name, direct, map_hint, ..SimProfile::linux_4k() }
}

fn network(profile: SimProfile) -> SimProfile {
    SimProfile { map_hint: MapHint { good: false, ..profile.map_hint }, ..profile }
}

const fn enforced(memory: u64, offset: u64) -> SimDirect {
    SimDirect::Enforced { memory, offset }
}

fn refused(kind: ErrorKind) -> SimDirect {
    SimDirect::RefusedAtOpen(OsFamily::Linux.errno(kind))
}

impl SimSystem {
    /// Every system, by name.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let served = SimDirect::AcceptedUnenforced;
        let at_read = || SimDirect::RefusedAtRead(OsFamily::Linux.errno(ErrorKind::Invalid));
        let system = |profile, about, source| Self { about, source, profile };
        let (macos, windows) = (SimProfile::macos_16k(), SimProfile::windows());
        vec![
            system(linux("ext4-512", "ext4", enforced(512, 512)), "ext4 on sectors of 512 bytes", SEEN),
            system(linux("ext4-4kn", "ext4", enforced(512, 4096)), "ext4 on sectors of 4096 bytes", SEEN),
            system(linux("xfs", "xfs", enforced(512, 512)), "xfs on sectors of 512 bytes", SEEN),
            system(linux("xfs-4kn", "xfs", enforced(512, 4096)), "xfs on sectors of 4096 bytes", SEEN),
            system(
                linux("btrfs", "btrfs", served.clone()),
                "btrfs: unaligned requests are served through the cache",
                SEEN,
            ),
            system(
                SimProfile { max_read: Some(8192), ..linux("btrfs-compressed", "btrfs", served.clone()) },
                "btrfs, compressed: direct reads are served through the cache, and stop before compressed extents",
                "tried on Linux 6.18; commit a4527e1853f8",
            ),
            system(
                linux("tmpfs", "tmpfs", served.clone()),
                "tmpfs from Linux 6.6: the file is the cache",
                SEEN,
            ),
            system(
                linux("tmpfs-before-6.6", "tmpfs", refused(ErrorKind::Invalid)),
                "tmpfs before Linux 6.6 and ramfs: EINVAL at a direct open",
                "tried on Linux 6.1; fs/open.c do_dentry_open",
            ),
            system(
                linux("squashfs", "squashfs", refused(ErrorKind::Invalid)),
                "squashfs, and compressed files on erofs: EINVAL at a direct open",
                SEEN,
            ),
            system(
                linux("overlay-ext4", "overlay", enforced(512, 512)),
                "overlay over ext4: as the lower file",
                SEEN,
            ),
            system(
                linux("overlay-tmpfs", "overlay", served.clone()),
                "overlay over tmpfs: as the lower file",
                SEEN,
            ),
            system(linux("erofs", "erofs", enforced(512, 512)), "erofs, uncompressed", SEEN),
            system(
                linux("f2fs", "f2fs", enforced(4096, 4096)),
                "f2fs, by what statx says",
                "tried on Linux 6.12",
            ),
            system(
                linux("dm-crypt", "ext4", enforced(512, 512)),
                "ext4 on dm-crypt: memory aligned to the sector",
                "tried on Linux 6.12",
            ),
            system(
                linux("zfs-2.3", "zfs", enforced(4096, 4096)),
                "ZFS 2.3: page-aligned requests alone",
                "openzfs pull request 10018",
            ),
            system(
                linux("zfs-before-0.8", "zfs", refused(ErrorKind::Invalid)),
                "ZFS before 0.8: EINVAL at a direct open",
                "openzfs issue 224",
            ),
            system(
                network(linux("fuse", "fuse", served.clone())),
                "FUSE with a page cache: every request is served",
                FUSE,
            ),
            system(
                network(linux("fuse-refuses", "fuse", at_read())),
                "a FUSE server that grants the direct open and answers every direct read with EINVAL",
                FUSE,
            ),
            system(
                SimProfile {
                    max_read: Some(1000),
                    ..network(linux("fuse-odd-counts", "fuse", served.clone()))
                },
                "a FUSE server that answers every read with an odd count",
                FUSE,
            ),
            system(
                SimProfile {
                    interrupt_every: Some(2),
                    ..network(linux("fuse-interrupts", "fuse", served.clone()))
                },
                "a FUSE server with direct_io that answers an interrupt with EINTR, under a busy timer",
                "tried on Linux 6.18; gocryptfs issue 507",
            ),
            system(
                SimProfile { max_read: Some(1 << 20), ..network(linux("nfs", "nfs", served.clone())) },
                "NFS 3 and 4: unaligned requests are served, pieces of 1 MiB",
                "tried on Linux 6.12 and 6.1 over loopback",
            ),
            system(
                network(linux("9p", "9p", served.clone())),
                "9p without a cache, as in virtual machines",
                "tried on Linux 6.12",
            ),
            system(
                SimProfile {
                    lock_limit: Lockable::Bytes(0),
                    ..linux("no-locks", "ext4", enforced(512, 512))
                },
                "ext4 under RLIMIT_MEMLOCK 0",
                "mlock(2); tried on Linux 6.18",
            ),
            system(
                SimProfile {
                    lock_limit: Lockable::Bytes(32 << 10),
                    ..linux("few-locks", "ext4", enforced(512, 512))
                },
                "ext4 under RLIMIT_MEMLOCK of 32 KiB, less than a model",
                "mlock(2); tried on Linux 6.18",
            ),
            system(
                SimProfile { name: "ext4-64k-pages", ..SimProfile::linux_64k() },
                "a kernel with pages of 64 KiB, sectors of 4096 bytes",
                "fs/read_write.c MAX_RW_COUNT; statx(2)",
            ),
            system(
                SimProfile {
                    name: "ext4-16k-pages",
                    page_size: 16384,
                    allocation_granularity: 16384,
                    max_read: Some(0x7FFF_C000),
                    ..SimProfile::linux_4k()
                },
                "a kernel with pages of 16 KiB",
                "fs/read_write.c MAX_RW_COUNT",
            ),
            system(
                SimProfile { name: "apfs", ..macos },
                "macOS on Apple silicon: F_NOCACHE takes any alignment",
                "xnu vfs_cluster.c cluster_read_direct",
            ),
            system(
                SimProfile { name: "ntfs", ..windows.clone() },
                "Windows on sectors of 4096 bytes",
                "Microsoft: File Buffering",
            ),
            system(
                SimProfile { name: "ntfs-512", direct: enforced(1, 512), ..windows.clone() },
                "Windows on sectors of 512 bytes, a controller that takes any memory",
                "Microsoft: File Buffering",
            ),
            system(
                SimProfile {
                    name: "ntfs-working-set",
                    lock_limit: Lockable::Bytes(200 << 10),
                    ..windows.clone()
                },
                "Windows, the default minimum working set of 50 pages",
                "Microsoft: VirtualLock",
            ),
            system(
                SimProfile {
                    name: "refs",
                    map_hint: MapHint { good: true, reason: "ReFS".to_owned() },
                    ..windows.clone()
                },
                "Windows on ReFS: as NTFS",
                "Microsoft: File Buffering",
            ),
            system(
                SimProfile { name: "windows-no-prefetch", map_advice: false, ..windows },
                "Windows before 8: no PrefetchVirtualMemory",
                "Microsoft: PrefetchVirtualMemory",
            ),
        ]
    }

    /// The system of a name.
    ///
    /// # Errors
    /// Which names there are.
    pub fn named(name: &str) -> Result<Self, String> {
        let all = Self::all();
        let names: Vec<&str> = all.iter().map(|system| system.profile.name).collect();
        let unknown = || format!("unknown platform `{name}`; known are {}", names.join(", "));
        all.iter().find(|system| system.profile.name == name).cloned().ok_or_else(unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_system_is_sound_has_a_name_of_its_own_and_a_source() {
        let mut names = std::collections::BTreeSet::new();
        for system in SimSystem::all() {
            let name = system.profile.name;
            assert_eq!(system.profile.fault(), None, "{name}");
            assert!(names.insert(name), "{name}");
            assert!(system.source.len() > 6 && system.about.len() > 6, "{name}");
            assert_eq!(SimSystem::named(name).unwrap().profile, system.profile);
        }
        assert!(names.len() >= 20);
        assert!(SimSystem::named("ext5").unwrap_err().contains("ext4-512"));
    }
}
