//! The injector: a decorator that makes chosen calls of any platform go wrong.
//!
//! A schedule is a list of faults in the grammar `TARGET:FAULT[:when=FIRST[..LAST][+[STEP]]][:file=N][:least=N]`:
//!
//! ```
//! use std::sync::Arc;
//! use loadparity::platform::{Injector, Platform, Sim, SimProfile};
//!
//! let schedule = ["read.direct:error=EINVAL:when=2", "lock:error=ENOMEM:when=3+"];
//! let faults = schedule.map(|text| text.parse().expect("a fault"));
//! let platform = Injector::new(Arc::new(Sim::new(SimProfile::linux_4k())), faults.to_vec());
//! assert!(platform.alloc(4096, 4096).is_ok_and(|buffer| buffer.lock().is_ok()));
//! assert_eq!(platform.fired(), [0, 0]);
//! ```
//!
//! Each fault counts the calls it is for, from 1, whether or not another fault meets them too, and those on each
//! file of a model by themselves; `file=N` names the file, from 1 in the order of first opens, and `alloc` with
//! `least=N` counts requests for so many bytes or more. `thread`, the start of a thread, is no call of the seam: only a
//! command that is traced meets it. Of
//! several faults that meet one call, the first error or `eof` of the list decides, after all delays; else the
//! shortest cut, then truncation and corruption in the order of the list. A fault has fired when
//! it made a difference, so a loop over `when=1`, `when=2` … ends with the first run in which
//! nothing fired.
//!
//! Stands below the recorder and above a backend. Called by whoever builds a stack.

mod file;
mod parse;
mod region;
mod schedule;
mod spec;

use std::path::Path;
use std::sync::Arc;

pub use parse::SpecError;
pub use schedule::take_injected;
pub use spec::{Corruption, Fault, FaultSpec, Target, When};

use super::{
    Buffer, Errno, File, Limits, LockAdvice, NativeFlags, Notice, OsFamily, Phase, Platform, Result,
};
use file::InjectedFile;
use region::InjectedBuffer;
use schedule::Schedule;

/// The errors that can be injected, by name; those of Windows too, on every platform.
pub fn error_names() -> impl Iterator<Item = &'static str> {
    crate::trace::errors::names()
}

/// The refusal that an injected error makes of `call`, such as `lock.map`, in the numbers of a
/// system. `None` where no error has that name.
#[must_use]
pub fn refusal(name: &str, call: &str, family: OsFamily) -> Option<Errno> {
    let errno = crate::trace::errors::by_name(name, family)?;
    Some(if call.starts_with("lock.") { errno.of_a_lock() } else { errno })
}

/// Any platform, with a schedule of faults.
pub struct Injector {
    inner: Arc<dyn Platform>,
    schedule: Arc<Schedule>,
}

impl Injector {
    /// Wraps `inner`. Unix error names get the numbers of `inner`'s own system where it is macOS,
    /// else Linux's.
    #[must_use]
    pub fn new(inner: Arc<dyn Platform>, faults: Vec<FaultSpec>) -> Self {
        let family = if inner.name() == "macos" { OsFamily::Darwin } else { OsFamily::Linux };
        let simulated = inner.name() == "sim";
        Self { inner, schedule: Arc::new(Schedule::new(faults, family, simulated)) }
    }

    /// How often each fault made a difference, in the order of the schedule.
    #[must_use]
    pub fn fired(&self) -> Vec<u64> {
        self.schedule.fired()
    }
}

impl Platform for Injector {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn limits(&self) -> Limits {
        self.inner.limits()
    }

    fn lock_advice(&self) -> LockAdvice {
        self.inner.lock_advice()
    }

    fn open(&self, path: &Path, direct: bool) -> Result<Arc<dyn File>> {
        let call = if direct { "open.direct" } else { "open.buffered" };
        let number = self.schedule.number(path);
        let inner = self.schedule.guard(call, Some(number), || self.inner.open(path, direct))?;
        Ok(Arc::new(InjectedFile::new(inner, Arc::clone(&self.schedule), direct, number)))
    }

    fn open_flags(&self, direct: bool) -> NativeFlags {
        self.inner.open_flags(direct)
    }

    fn map_flags(&self, populate: bool) -> NativeFlags {
        self.inner.map_flags(populate)
    }

    fn alloc(&self, len: usize, align: usize) -> Result<Box<dyn Buffer>> {
        let inner = self.schedule.guard_alloc(len, || self.inner.alloc(len, align))?;
        Ok(Box::new(InjectedBuffer::new(inner, Arc::clone(&self.schedule))))
    }

    fn enter_phase(&self, phase: Phase) {
        self.inner.enter_phase(phase);
    }

    fn notice(&self, notice: Notice) {
        self.inner.notice(notice);
    }
}

#[cfg(test)]
mod tests;
