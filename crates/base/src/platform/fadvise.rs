//! `posix_fadvise`, on the systems that have it.

use std::os::fd::OwnedFd;

use nix::fcntl::PosixFadviseAdvice;

use super::unix::{errno, invalid};
use super::{Advice, Result};

/// Advises on a range of a file; `len` 0 means to its end, here as there.
pub(super) fn advise(fd: &OwnedFd, offset: u64, len: u64, advice: Advice) -> Result<()> {
    let advice = match advice {
        Advice::Sequential => PosixFadviseAdvice::POSIX_FADV_SEQUENTIAL,
        Advice::Random => PosixFadviseAdvice::POSIX_FADV_RANDOM,
        Advice::WillNeed => PosixFadviseAdvice::POSIX_FADV_WILLNEED,
        Advice::DontNeed => PosixFadviseAdvice::POSIX_FADV_DONTNEED,
    };
    let offset = i64::try_from(offset).map_err(|_| invalid())?;
    let len = i64::try_from(len).map_err(|_| invalid())?;
    nix::fcntl::posix_fadvise(fd, offset, len, advice).map_err(errno)
}
