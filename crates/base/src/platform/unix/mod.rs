//! What every Unix has in common: positioned reads, mappings, anonymous memory, locks, and the
//! meaning of error numbers. A backend adds how its system opens past the cache, advises, and
//! limits locks.
//!
//! Called by the Unix backends beside this folder; calls nix, memmap2 and libc.

mod buffer;
pub(super) mod ending;
mod mapping;
mod open_file;
mod residency;

use std::borrow::Cow;

use nix::errno::Errno as Raw;

pub(super) use buffer::UnixBuffer;
pub(super) use mapping::UnixMapping;
pub(super) use open_file::OpenFile;

use super::{Errno, MapHint, NativeFlags};
use crate::trace::errors::unix_kind;

/// Bytes in a page, asked of the system.
pub(super) fn page_size() -> u64 {
    let page = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok().flatten();
    page.and_then(|p| u64::try_from(p).ok()).unwrap_or(4096)
}

/// The kind, the number and the name of an error.
pub(super) fn errno(raw: Raw) -> Errno {
    let name = format!("{raw:?}");
    Errno { kind: unix_kind(&name), code: raw as i32, name: Cow::Owned(name) }
}

/// An error of `mlock`.
pub(super) fn lock_errno(raw: Raw) -> Errno {
    errno(raw).of_a_lock()
}

/// What an error number of this system means; `lock` tells whether a lock met it.
#[must_use]
pub fn os_errno(code: i32, lock: bool) -> Errno {
    let raw = Raw::from_raw(code);
    if lock { lock_errno(raw) } else { errno(raw) }
}

pub(super) fn invalid() -> Errno {
    errno(Raw::EINVAL)
}

fn io_errno(error: &std::io::Error) -> Errno {
    errno(error.raw_os_error().map_or(Raw::EINVAL, Raw::from_raw))
}

/// The flags of a plain shared mapping.
pub(super) fn shared_map_flags() -> NativeFlags {
    NativeFlags::new(vec!["MAP_SHARED"], u64::try_from(libc::MAP_SHARED).unwrap_or(0))
}

/// The file systems whose page faults cross a network or a user-space server, as the systems name
/// them.
const MAPS_POORLY: [&str; 13] = [
    "nfs", "smb", "smb2", "smbfs", "cifs", "afpfs", "webdav", "9p", "p9fs", "fuse", "fusefs", "macfuse",
    "osxfuse",
];

/// What a file system's name says about mapping its files.
pub(super) fn hint_by_name(name: &str) -> MapHint {
    let good = !MAPS_POORLY.contains(&name);
    let reason = match good {
        true => name.to_owned(),
        false => format!("{name}: page faults leave this machine or go through a user-space server"),
    };
    MapHint { good, reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::ErrorKind;

    #[test]
    fn a_refused_lock_is_about_the_quota_and_nothing_else_is() {
        for raw in [Raw::ENOMEM, Raw::EAGAIN, Raw::EPERM] {
            assert_eq!(lock_errno(raw).kind, ErrorKind::LockLimit, "{raw}");
            assert_ne!(errno(raw).kind, ErrorKind::LockLimit, "{raw}");
        }
        assert_eq!(lock_errno(Raw::EINVAL).kind, ErrorKind::Invalid);
    }

    #[test]
    fn what_a_system_lacks_is_unsupported_under_every_name() {
        for raw in [Raw::ENOTSUP, Raw::EOPNOTSUPP, Raw::ENOSYS, Raw::ENODEV] {
            assert_eq!(errno(raw).kind, ErrorKind::Unsupported, "{raw}");
        }
    }

    #[test]
    fn a_network_file_system_maps_poorly_and_says_why() {
        assert_eq!(hint_by_name("apfs"), MapHint { good: true, reason: "apfs".to_owned() });
        let nfs = hint_by_name("nfs");
        assert!(!nfs.good && nfs.reason.starts_with("nfs: page faults"), "{nfs:?}");
    }
}
