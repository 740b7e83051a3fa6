//! Linux's error names, as strace prints them.

use std::borrow::Cow;

use crate::trace::{Errno, ErrorKind};

/// Name, number on most architectures, meaning.
const NAMES: &[(&str, i32, ErrorKind)] = &[
    ("EPERM", 1, ErrorKind::Denied),
    ("ENOENT", 2, ErrorKind::NotFound),
    ("EINTR", 4, ErrorKind::Interrupted),
    ("EIO", 5, ErrorKind::Io),
    ("ENXIO", 6, ErrorKind::Other),
    ("EBADF", 9, ErrorKind::Other),
    ("EAGAIN", 11, ErrorKind::Other),
    ("ENOMEM", 12, ErrorKind::OutOfMemory),
    ("EACCES", 13, ErrorKind::Denied),
    ("EFAULT", 14, ErrorKind::BadAddress),
    ("EBUSY", 16, ErrorKind::Other),
    ("EEXIST", 17, ErrorKind::Other),
    ("ENODEV", 19, ErrorKind::Unsupported),
    ("ENOTDIR", 20, ErrorKind::NotFound),
    ("EISDIR", 21, ErrorKind::Other),
    ("EINVAL", 22, ErrorKind::Invalid),
    ("ENFILE", 23, ErrorKind::Other),
    ("EMFILE", 24, ErrorKind::Other),
    ("EFBIG", 27, ErrorKind::Other),
    ("ESPIPE", 29, ErrorKind::Other),
    ("ENOSYS", 38, ErrorKind::Unsupported),
    ("ELOOP", 40, ErrorKind::Other),
    ("EOVERFLOW", 75, ErrorKind::Other),
    ("EOPNOTSUPP", 95, ErrorKind::Unsupported),
    ("ENOTSUP", 95, ErrorKind::Unsupported),
    ("ESTALE", 116, ErrorKind::Io),
];

/// The error of that name; a name that is not in the table has the number 0.
pub(super) fn by_name(name: &str) -> Errno {
    let row = NAMES.iter().find(|row| row.0 == name);
    let (code, kind) = row.map_or((0, ErrorKind::Other), |row| (row.1, row.2));
    Errno { kind, code, name: Cow::Owned(name.to_owned()) }
}

/// The same when a lock met it: there, ENOMEM and EAGAIN mean a used-up quota.
pub(super) fn of_a_lock(name: &str) -> Errno {
    let errno = by_name(name);
    match name {
        "ENOMEM" | "EAGAIN" => Errno { kind: ErrorKind::LockLimit, ..errno },
        _ => errno,
    }
}
