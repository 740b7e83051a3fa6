//! An operating system's refusal, in words that mean the same on every OS.

use std::borrow::Cow;

/// The meaning of an OS error, shared by all platforms; decisions (retry, fall back, give up)
/// are taken on this and never on a raw code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ErrorKind {
    /// No such file (ENOENT, ERROR_FILE_NOT_FOUND).
    NotFound,
    /// Not allowed (EACCES, EPERM, ERROR_ACCESS_DENIED).
    Denied,
    /// The request itself is malformed for this file (EINVAL, ERROR_INVALID_PARAMETER).
    Invalid,
    /// The memory cannot be a transfer target (EFAULT, ERROR_NOACCESS).
    BadAddress,
    /// Interrupted before anything happened; ask again (EINTR).
    Interrupted,
    /// Not enough memory or address space (ENOMEM, ERROR_NOT_ENOUGH_MEMORY).
    OutOfMemory,
    /// A lock quota is used up (ENOMEM or EAGAIN of a lock, ERROR_WORKING_SET_QUOTA).
    LockLimit,
    /// This platform or file system has no such operation (ENOSYS, EOPNOTSUPP, ENODEV).
    Unsupported,
    /// The device failed (EIO, ERROR_CRC).
    Io,
    /// Anything else.
    Other,
}

/// One refusal: what it means, the platform's raw code and the platform's name for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Errno {
    /// The meaning.
    pub kind: ErrorKind,
    /// The platform's own number (errno, or GetLastError's value).
    pub code: i32,
    /// The platform's own name, such as `EINVAL`.
    pub name: Cow<'static, str>,
}

impl std::fmt::Display for Errno {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.name, self.code)
    }
}
