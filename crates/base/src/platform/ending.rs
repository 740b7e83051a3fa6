//! The end of this process, where somebody else decides on it.
//!
//! No part of the seam: a loader asks for none of it.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

#[cfg(unix)]
use super::unix::ending as system;
#[cfg(not(unix))]
use fallback as system;

/// Prepares for the end: a signal that ends the process removes temporary files first, an abort ends with the
/// code of an internal error, and a mapped file that was shortened is told by name instead of a crash.
///
/// To be called once, before other threads are there.
pub fn prepare() {
    system::install();
}

/// The flag that is set when the process is asked to end for the first time, instead of ending; the second time
/// ends it.
pub fn asked_to_end() -> &'static AtomicBool {
    system::asked()
}

/// A temporary file that a signal removes too. Dropped, it is nobody's concern any more.
#[derive(Debug)]
pub struct Temporary(PathBuf);

impl Temporary {
    /// The file at `path`.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        system::remove_later(path);
        Self(path.to_owned())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        system::forget(&self.0);
    }
}

#[cfg(not(unix))]
mod fallback {
    //! Ctrl-C and its like, as far as the system knows them. Files that stay are cleaned up at the next start.

    use std::path::Path;
    use std::sync::Once;
    use std::sync::atomic::{AtomicBool, Ordering};

    static ASKED: AtomicBool = AtomicBool::new(false);
    static INSTALLED: Once = Once::new();

    /// The exit code of a program that the terminal ended.
    const INTERRUPTED: i32 = 130;

    pub(super) fn install() {}

    pub(super) fn asked() -> &'static AtomicBool {
        INSTALLED.call_once(|| {
            // Where it cannot listen the program ends at once, as before.
            let _ = ctrlc::set_handler(|| {
                if ASKED.swap(true, Ordering::SeqCst) {
                    std::process::exit(INTERRUPTED);
                }
            });
        });
        &ASKED
    }

    pub(super) fn remove_later(_: &Path) {}

    pub(super) fn forget(_: &Path) {}
}
