//! The names, numbers and meanings of errors: one table for the backends, the tracer, the importer, and
//! for those who make errors up (the simulated platform and the injector).
//!
//! Sources: `errno(3)` and `asm-generic/errno.h` for Linux (MIPS, SPARC, Alpha and PA-RISC number
//! some of them otherwise), `sys/errno.h` for Darwin, `winerror.h` for Windows.

use std::borrow::Cow;

use super::{Errno, ErrorKind};

/// Whose names and numbers an error carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OsFamily {
    /// Linux.
    Linux,
    /// macOS.
    Darwin,
    /// Windows.
    Windows,
}

struct UnixError {
    name: &'static str,
    linux: i32,
    darwin: i32,
    kind: ErrorKind,
}

const fn unix(name: &'static str, linux: i32, darwin: i32, kind: ErrorKind) -> UnixError {
    UnixError { name, linux, darwin, kind }
}

const UNIX: &[UnixError] = &[
    unix("EPERM", 1, 1, ErrorKind::Denied),
    unix("ENOENT", 2, 2, ErrorKind::NotFound),
    unix("EINTR", 4, 4, ErrorKind::Interrupted),
    unix("EIO", 5, 5, ErrorKind::Io),
    unix("ENXIO", 6, 6, ErrorKind::Other),
    unix("EBADF", 9, 9, ErrorKind::Other),
    unix("EAGAIN", 11, 35, ErrorKind::Other),
    unix("ENOMEM", 12, 12, ErrorKind::OutOfMemory),
    unix("EACCES", 13, 13, ErrorKind::Denied),
    unix("EFAULT", 14, 14, ErrorKind::BadAddress),
    unix("EBUSY", 16, 16, ErrorKind::Other),
    unix("EEXIST", 17, 17, ErrorKind::Other),
    unix("ENODEV", 19, 19, ErrorKind::Unsupported),
    unix("ENOTDIR", 20, 20, ErrorKind::NotFound),
    unix("EISDIR", 21, 21, ErrorKind::Other),
    unix("EINVAL", 22, 22, ErrorKind::Invalid),
    unix("ENFILE", 23, 23, ErrorKind::Other),
    unix("EMFILE", 24, 24, ErrorKind::Other),
    unix("EFBIG", 27, 27, ErrorKind::Other),
    unix("ESPIPE", 29, 29, ErrorKind::Other),
    unix("ENAMETOOLONG", 36, 63, ErrorKind::Other),
    unix("ENOSYS", 38, 78, ErrorKind::Unsupported),
    unix("ELOOP", 40, 62, ErrorKind::Other),
    unix("EOVERFLOW", 75, 84, ErrorKind::Other),
    unix("EOPNOTSUPP", 95, 102, ErrorKind::Unsupported),
    unix("ETIMEDOUT", 110, 60, ErrorKind::Other),
    unix("ESTALE", 116, 70, ErrorKind::Io),
];

/// Windows: name, number, meaning; by number.
const WINDOWS: &[(&str, i32, ErrorKind)] = &[
    ("ERROR_INVALID_FUNCTION", 1, ErrorKind::Unsupported),
    ("ERROR_FILE_NOT_FOUND", 2, ErrorKind::NotFound),
    ("ERROR_PATH_NOT_FOUND", 3, ErrorKind::NotFound),
    ("ERROR_TOO_MANY_OPEN_FILES", 4, ErrorKind::Other),
    ("ERROR_ACCESS_DENIED", 5, ErrorKind::Denied),
    ("ERROR_INVALID_HANDLE", 6, ErrorKind::Other),
    ("ERROR_NOT_ENOUGH_MEMORY", 8, ErrorKind::OutOfMemory),
    ("ERROR_OUTOFMEMORY", 14, ErrorKind::OutOfMemory),
    ("ERROR_NOT_READY", 21, ErrorKind::Io),
    ("ERROR_CRC", 23, ErrorKind::Io),
    ("ERROR_SECTOR_NOT_FOUND", 27, ErrorKind::Io),
    ("ERROR_READ_FAULT", 30, ErrorKind::Io),
    ("ERROR_SHARING_VIOLATION", 32, ErrorKind::Other),
    ("ERROR_LOCK_VIOLATION", 33, ErrorKind::Other),
    ("ERROR_HANDLE_EOF", 38, ErrorKind::Other),
    ("ERROR_NOT_SUPPORTED", 50, ErrorKind::Unsupported),
    ("ERROR_BAD_NETPATH", 53, ErrorKind::NotFound),
    ("ERROR_NETNAME_DELETED", 64, ErrorKind::Io),
    ("ERROR_BAD_NET_NAME", 67, ErrorKind::NotFound),
    ("ERROR_INVALID_PARAMETER", 87, ErrorKind::Invalid),
    ("ERROR_CALL_NOT_IMPLEMENTED", 120, ErrorKind::Unsupported),
    ("ERROR_INVALID_NAME", 123, ErrorKind::Invalid),
    ("ERROR_NOT_LOCKED", 158, ErrorKind::Other),
    ("ERROR_BAD_PATHNAME", 161, ErrorKind::Invalid),
    ("ERROR_BUSY", 170, ErrorKind::Other),
    ("ERROR_FILENAME_EXCED_RANGE", 206, ErrorKind::Invalid),
    ("ERROR_DIRECTORY_NOT_SUPPORTED", 336, ErrorKind::Other),
    ("ERROR_INVALID_ADDRESS", 487, ErrorKind::Invalid),
    ("ERROR_OPERATION_ABORTED", 995, ErrorKind::Interrupted),
    ("ERROR_NOACCESS", 998, ErrorKind::BadAddress),
    ("ERROR_FILE_INVALID", 1006, ErrorKind::Invalid),
    ("ERROR_IO_DEVICE", 1117, ErrorKind::Io),
    ("ERROR_DISK_OPERATION_FAILED", 1127, ErrorKind::Io),
    ("ERROR_MAPPED_ALIGNMENT", 1132, ErrorKind::Invalid),
    ("ERROR_USER_MAPPED_FILE", 1224, ErrorKind::Other),
    ("ERROR_PRIVILEGE_NOT_HELD", 1314, ErrorKind::Denied),
    ("ERROR_NO_SYSTEM_RESOURCES", 1450, ErrorKind::OutOfMemory),
    ("ERROR_WORKING_SET_QUOTA", 1453, ErrorKind::LockLimit),
    ("ERROR_PAGEFILE_QUOTA", 1454, ErrorKind::OutOfMemory),
    ("ERROR_COMMITMENT_LIMIT", 1455, ErrorKind::OutOfMemory),
];

/// Every known name, Unix first.
pub fn names() -> impl Iterator<Item = &'static str> {
    UNIX.iter().map(|row| row.name).chain(WINDOWS.iter().map(|row| row.0))
}

/// The error of that name. Unix names have Darwin's numbers for Darwin, else Linux's.
pub fn by_name(name: &str, family: OsFamily) -> Option<Errno> {
    let unix = UNIX.iter().find(|row| row.name == name).map(|row| {
        let code = if family == OsFamily::Darwin { row.darwin } else { row.linux };
        (row.name, code, row.kind)
    });
    let (name, code, kind) = unix.or_else(|| WINDOWS.iter().find(|row| row.0 == name).copied())?;
    Some(Errno { kind, code, name: Cow::Borrowed(name) })
}

/// What an error of that name means on any Unix: numbers differ, names do not.
pub fn unix_kind(name: &str) -> ErrorKind {
    // One number with EOPNOTSUPP on most systems, and two on Darwin.
    let name = if name == "ENOTSUP" { "EOPNOTSUPP" } else { name };
    UNIX.iter().find(|row| row.name == name).map_or(ErrorKind::Other, |row| row.kind)
}

/// Linux's error of that name, known or not; one that is not known has the number 0.
pub fn of_linux(name: &str) -> Errno {
    let row = if name == "ENOTSUP" { "EOPNOTSUPP" } else { name };
    let code = by_name(row, OsFamily::Linux).filter(|_| !row.starts_with("ERROR_")).map_or(0, |e| e.code);
    Errno { kind: unix_kind(name), code, name: Cow::Owned(name.to_owned()) }
}

/// Windows' error of that number; `None` where it is not known.
#[allow(dead_code, reason = "Windows has the one backend that asks")]
pub fn of_windows(code: i32) -> Option<Errno> {
    let (name, code, kind) = *WINDOWS.iter().find(|row| row.1 == code)?;
    Some(Errno { kind, code, name: Cow::Borrowed(name) })
}

impl Errno {
    /// The same refusal when a lock met it. There, "no memory", "try again" (Darwin, FreeBSD) and "not
    /// permitted" (a limit of 0 without the right to exceed it) all speak of the quota.
    #[must_use]
    pub fn of_a_lock(mut self) -> Self {
        if matches!(self.name.as_ref(), "ENOMEM" | "EAGAIN" | "EPERM") {
            self.kind = ErrorKind::LockLimit;
        }
        self
    }
}

impl OsFamily {
    /// How this family says `kind`: the usual error of that meaning, name and number included.
    #[must_use]
    pub fn errno(self, kind: ErrorKind) -> Errno {
        let (linux, darwin, windows) = match kind {
            ErrorKind::NotFound => ("ENOENT", "ENOENT", "ERROR_FILE_NOT_FOUND"),
            ErrorKind::Denied => ("EPERM", "EPERM", "ERROR_ACCESS_DENIED"),
            ErrorKind::Invalid => ("EINVAL", "EINVAL", "ERROR_INVALID_PARAMETER"),
            ErrorKind::BadAddress => ("EFAULT", "EFAULT", "ERROR_NOACCESS"),
            ErrorKind::Interrupted => ("EINTR", "EINTR", "ERROR_OPERATION_ABORTED"),
            ErrorKind::OutOfMemory => ("ENOMEM", "ENOMEM", "ERROR_NOT_ENOUGH_MEMORY"),
            // XNU answers EAGAIN where its wired limit is reached, Linux ENOMEM.
            ErrorKind::LockLimit => ("ENOMEM", "EAGAIN", "ERROR_WORKING_SET_QUOTA"),
            ErrorKind::Unsupported => ("EOPNOTSUPP", "EOPNOTSUPP", "ERROR_NOT_SUPPORTED"),
            ErrorKind::Io => ("EIO", "EIO", "ERROR_CRC"),
            ErrorKind::Other => ("EBUSY", "EBUSY", "ERROR_BUSY"),
        };
        let name = match self {
            Self::Linux => linux,
            Self::Darwin => darwin,
            Self::Windows => windows,
        };
        let found = by_name(name, self).expect("every name in the match above is a row of a table");
        Errno { kind, ..found }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [ErrorKind; 10] = [
        ErrorKind::NotFound,
        ErrorKind::Denied,
        ErrorKind::Invalid,
        ErrorKind::BadAddress,
        ErrorKind::Interrupted,
        ErrorKind::OutOfMemory,
        ErrorKind::LockLimit,
        ErrorKind::Unsupported,
        ErrorKind::Io,
        ErrorKind::Other,
    ];

    #[test]
    fn every_family_can_say_every_kind() {
        for family in [OsFamily::Linux, OsFamily::Darwin, OsFamily::Windows] {
            for kind in KINDS {
                let errno = family.errno(kind);
                assert_eq!(errno.kind, kind);
                assert_eq!(errno.name.starts_with("ERROR_"), family == OsFamily::Windows, "{errno}");
            }
        }
    }

    #[test]
    fn a_row_of_the_table_has_the_kind_that_its_family_means_by_it() {
        for family in [OsFamily::Linux, OsFamily::Darwin, OsFamily::Windows] {
            for kind in KINDS {
                let said = family.errno(kind);
                let row = by_name(&said.name, family).unwrap();
                let quota = ["ENOMEM", "EPERM", "EAGAIN"].contains(&said.name.as_ref());
                let of_a_lock = if quota { ErrorKind::LockLimit } else { kind };
                assert_eq!(row.clone().of_a_lock().kind, of_a_lock, "{said}");
                assert!(row.kind == kind || kind == ErrorKind::LockLimit, "{said}");
            }
        }
    }

    #[test]
    fn names_are_unique_and_numbers_are_unique_within_a_family() {
        let mut all: Vec<_> = names().collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
        assert!(WINDOWS.is_sorted_by(|a, b| a.1 < b.1), "Windows' rows go by number, each once");
        for family in [OsFamily::Linux, OsFamily::Darwin] {
            let mut codes: Vec<_> = UNIX.iter().map(|row| by_name(row.name, family).unwrap().code).collect();
            codes.sort_unstable();
            codes.dedup();
            assert_eq!(codes.len(), UNIX.len(), "{family:?}");
        }
    }

    #[test]
    fn darwin_numbers_differ_where_darwin_does() {
        let code = |name, family| by_name(name, family).map(|errno| errno.code);
        assert_eq!(code("EAGAIN", OsFamily::Linux), Some(11));
        assert_eq!(code("EAGAIN", OsFamily::Darwin), Some(35));
        assert_eq!(code("ERROR_WORKING_SET_QUOTA", OsFamily::Linux), Some(1453));
        assert_eq!(code("EWHAT", OsFamily::Linux), None);
    }

    #[test]
    fn linux_names_have_numbers_and_kinds_where_they_are_known() {
        let told = |name: &str| (of_linux(name).code, of_linux(name).kind, of_linux(name).name.into_owned());
        assert_eq!(told("ENOTDIR"), (20, ErrorKind::NotFound, "ENOTDIR".to_owned()));
        assert_eq!(told("ENOTSUP"), (95, ErrorKind::Unsupported, "ENOTSUP".to_owned()));
        assert_eq!(told("ESTALE"), (116, ErrorKind::Io, "ESTALE".to_owned()));
        for name in ["EMFILE", "ENFILE", "ELOOP", "ENAMETOOLONG"] {
            assert!(of_linux(name).code > 0 && of_linux(name).kind == ErrorKind::Other, "{name}");
        }
        for name in ["EWHAT", "ERROR_CRC"] {
            assert_eq!(told(name), (0, ErrorKind::Other, name.to_owned()));
        }
    }

    #[test]
    fn the_host_knows_these_numbers_by_the_same_meaning() {
        let family = match std::env::consts::OS {
            "linux" => OsFamily::Linux,
            "macos" => OsFamily::Darwin,
            _ => return,
        };
        use std::io::ErrorKind as Io;
        for (name, kind) in [
            ("ENOENT", Io::NotFound),
            ("EACCES", Io::PermissionDenied),
            ("EINVAL", Io::InvalidInput),
            ("EINTR", Io::Interrupted),
            ("ENOMEM", Io::OutOfMemory),
            ("EAGAIN", Io::WouldBlock),
            ("ENOSYS", Io::Unsupported),
            ("EOPNOTSUPP", Io::Unsupported),
            ("EBUSY", Io::ResourceBusy),
            ("ESTALE", Io::StaleNetworkFileHandle),
            ("ETIMEDOUT", Io::TimedOut),
            ("EFBIG", Io::FileTooLarge),
            ("ESPIPE", Io::NotSeekable),
        ] {
            let errno = by_name(name, family).unwrap();
            assert_eq!(std::io::Error::from_raw_os_error(errno.code).kind(), kind, "{name}");
        }
    }
}
