//! Telling the user that a lock was refused.

use super::Job;
use crate::platform::{Errno, ErrorKind, Lockable};
use crate::trace::{NoticeCode, NoticeLevel};

/// Counts what was locked and tells once when no more can be.
pub(super) struct Locker<'a, 'j> {
    job: &'a Job<'j>,
    locked: u64,
    refused: bool,
}

impl<'a, 'j> Locker<'a, 'j> {
    pub(super) fn new(job: &'a Job<'j>) -> Self {
        Self { job, locked: 0, refused: false }
    }

    /// Tries to lock `len` bytes more with `lock`, unless an earlier attempt was refused: a loader
    /// that goes on asking would lock an arbitrary subset. Tells whether these bytes are locked now.
    pub(super) fn lock(&mut self, len: u64, lock: impl FnOnce() -> Result<(), Errno>) -> bool {
        if self.refused {
            return false;
        }
        match lock() {
            Ok(()) => {
                self.locked += len;
                true
            }
            Err(errno) => {
                self.refused = true;
                let text = self.message(len, &errno);
                self.job.notice(NoticeLevel::Warning, NoticeCode::LockRefused, text);
                false
            }
        }
    }

    fn message(&self, len: u64, errno: &Errno) -> String {
        let platform = self.job.platform;
        let mut text = format!(
            "{}: locking {len} bytes was refused after {} of {} bytes of weights were locked: {errno}; the \
             weights stay usable but may be paged out",
            self.job.path.display(),
            self.locked,
            self.job.wanted,
        );
        if errno.kind == ErrorKind::LockLimit {
            text += &match platform.limits().lockable {
                Lockable::Bytes(limit) => format!(". The limit is {limit} bytes; {}", platform.lock_advice()),
                Lockable::Unlimited => {
                    ". This process has no lock limit: the machine itself ran short".to_owned()
                }
            };
        }
        text
    }
}
