//! Locking pages, with the working set raised once when it is too small.
//!
//! `VirtualLock` takes no more than fits the process's minimum working set less a small overhead.
//! A process may raise that minimum itself, within what the machine and its rights allow.

use std::ptr::NonNull;
use std::sync::{Mutex, PoisonError};

use windows_sys::Win32::Foundation::ERROR_NOT_ENOUGH_MEMORY;
use windows_sys::Win32::System::Memory::{VirtualLock, VirtualUnlock};
use windows_sys::Win32::System::Threading::{
    GetCurrentProcess, GetProcessWorkingSetSize, SetProcessWorkingSetSize,
};

use super::error::{check, errno};
use crate::platform::{Errno, ErrorKind, Result};

/// What the kernel keeps back of the minimum, its amount being undocumented: 16 pages and more.
const SLACK: usize = 64 << 10;

/// The bounds of the process's working set, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WorkingSet {
    pub(super) min: usize,
    pub(super) max: usize,
}

impl WorkingSet {
    /// The bounds under which `len` bytes more can be locked.
    fn grown(self, len: usize) -> Option<Self> {
        let more = len.checked_add(SLACK)?;
        let min = self.min.checked_add(more)?;
        Some(Self { min, max: self.max.checked_add(more)?.max(min) })
    }
}

/// The working set's bounds now.
pub(super) fn working_set() -> Result<WorkingSet> {
    let mut set = WorkingSet { min: 0, max: 0 };
    // SAFETY: the handle names this process, and the call writes one usize to each address.
    check(unsafe { GetProcessWorkingSetSize(GetCurrentProcess(), &raw mut set.min, &raw mut set.max) })?;
    Ok(set)
}

/// Raises the bounds so that `len` bytes more can be locked.
fn grow_working_set(len: usize) -> Result<()> {
    // Two threads that both added to what they saw would lose one of the two.
    static GROWING: Mutex<()> = Mutex::new(());
    let _alone = GROWING.lock().unwrap_or_else(PoisonError::into_inner);
    let set = working_set()?.grown(len).ok_or_else(|| errno(ERROR_NOT_ENOUGH_MEMORY))?;
    // SAFETY: the handle names this process; the call changes two bounds of it.
    check(unsafe { SetProcessWorkingSetSize(GetCurrentProcess(), set.min, set.max) })
}

/// Locks, and where the quota is full raises it once and locks again.
fn with_one_growth(mut lock: impl FnMut() -> Result<()>, grow: impl FnOnce() -> Result<()>) -> Result<()> {
    match lock() {
        Err(full) if full.kind == ErrorKind::LockLimit => {
            // Whatever kept the quota from growing, the quota is what the lock failed at.
            grow().map_err(|refused| Errno { kind: ErrorKind::LockLimit, ..refused })?;
            lock()
        }
        other => other,
    }
}

/// Locks every page that the range touches, or none.
///
/// # Safety
/// The range has to be committed memory of the caller's.
pub(super) unsafe fn lock(start: NonNull<u8>, len: usize) -> Result<()> {
    if len == 0 {
        return Ok(());
    }
    // SAFETY: the caller's promise; locking changes no contents.
    with_one_growth(|| check(unsafe { VirtualLock(start.as_ptr().cast(), len) }), || grow_working_set(len))
}

/// Unlocks every page that the range touches.
///
/// # Safety
/// The range has to be committed memory of the caller's.
pub(super) unsafe fn unlock(start: NonNull<u8>, len: usize) -> Result<()> {
    if len == 0 {
        return Ok(());
    }
    // SAFETY: the caller's promise; unlocking changes no contents.
    check(unsafe { VirtualUnlock(start.as_ptr().cast(), len) })
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use windows_sys::Win32::Foundation::{ERROR_NOACCESS, ERROR_PRIVILEGE_NOT_HELD, ERROR_WORKING_SET_QUOTA};

    use super::*;

    /// Runs a lock that is refused with `codes` in turn; the result, the locks and the growths.
    fn refused_by(codes: &[u32], growth: Result<()>) -> (Result<()>, usize, usize) {
        let (locks, growths) = (Cell::new(0), Cell::new(0));
        let result = with_one_growth(
            || {
                let call = locks.replace(locks.get() + 1);
                codes.get(call).map_or(Ok(()), |&code| Err(errno(code)))
            },
            || {
                growths.set(growths.get() + 1);
                growth
            },
        );
        (result, locks.get(), growths.get())
    }

    #[test]
    fn a_full_quota_is_raised_once() {
        let full = ERROR_WORKING_SET_QUOTA;
        assert_eq!(refused_by(&[], Ok(())), (Ok(()), 1, 0));
        assert_eq!(refused_by(&[full], Ok(())), (Ok(()), 2, 1));
        assert_eq!(refused_by(&[full, full], Ok(())), (Err(errno(full)), 2, 1));
    }

    #[test]
    fn another_refusal_raises_nothing() {
        let (result, locks, growths) = refused_by(&[ERROR_NOACCESS], Ok(()));
        assert_eq!((result, locks, growths), (Err(errno(ERROR_NOACCESS)), 1, 0));
    }

    #[test]
    fn a_quota_that_cannot_be_raised_is_a_lock_limit_with_its_cause() {
        let growth = Err(errno(ERROR_PRIVILEGE_NOT_HELD));
        let (result, locks, growths) = refused_by(&[ERROR_WORKING_SET_QUOTA], growth);
        let refused = result.unwrap_err();
        assert_eq!((refused.kind, refused.name.as_ref()), (ErrorKind::LockLimit, "ERROR_PRIVILEGE_NOT_HELD"));
        assert_eq!((locks, growths), (1, 1));
    }

    #[test]
    fn both_bounds_grow_and_never_past_the_address_space() {
        let set = WorkingSet { min: 200 << 10, max: 1400 << 10 };
        let grown = set.grown(1 << 20).unwrap();
        assert_eq!(
            grown,
            WorkingSet { min: (200 << 10) + (1 << 20) + SLACK, max: (1400 << 10) + (1 << 20) + SLACK }
        );
        assert_eq!(set.grown(usize::MAX - 10), None);
        assert_eq!(set.grown(usize::MAX - SLACK - 1), None);
    }

    #[test]
    fn this_process_has_a_working_set_and_may_raise_it() {
        let set = working_set().unwrap();
        assert!(0 < set.min && set.min <= set.max, "{set:?}");
        grow_working_set(1 << 20).unwrap();
        assert!(working_set().unwrap().min >= set.min);
    }
}
