//! The page cache, for one model's files: emptied or filled through the seam, and then asked.
//!
//! Emptying is advice that the kernel may pass over, and pages that are not yet written, or that
//! another process has mapped, stay. So nothing here is believed: a model is cold if the kernel says
//! of every page of its files that it is not in memory.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::platform::{Advice, Errno, ErrorKind, Phase, Platform, Residency};

/// How often the advice is given before its answer counts: the kernel passes over pages that were
/// touched a moment ago and that it has not sorted in yet.
const TRIES: usize = 3;

/// Why a model's files cannot be made cold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotCold {
    /// The platform has no call that takes one file out of the cache.
    #[error("{platform} has no way to take one file out of the page cache ({errno})")]
    Unsupported {
        /// Which.
        platform: &'static str,
        /// Its answer.
        errno: Errno,
    },
    /// The platform does not tell what is in memory.
    #[error("{platform} does not tell which pages of a file are in memory ({errno})")]
    Unasked {
        /// Which.
        platform: &'static str,
        /// Its answer.
        errno: Errno,
    },
    /// Pages stayed.
    #[error(
        "{resident} of {pages} pages stayed in memory: the file system lives there, another process uses the file, or the file is not ours to ask about"
    )]
    Stayed {
        /// Pages still in memory.
        resident: u64,
        /// Pages of all files.
        pages: u64,
    },
    /// A file cannot be opened, read or mapped.
    #[error("{path}: {errno}")]
    File {
        /// Which.
        path: String,
        /// Why.
        errno: Errno,
    },
    /// No load was to be measured.
    #[error("not measured")]
    NotAsked,
}

/// Takes the files out of the page cache, and makes sure of it.
pub(super) fn evict(platform: &Arc<dyn Platform>, files: &[PathBuf]) -> Result<(), NotCold> {
    platform.enter_phase(Phase::Probe);
    let mut left = Residency::default();
    for attempt in 0..TRIES {
        for path in files {
            let file = platform.open(path, false).map_err(|errno| failed(path, errno))?;
            match file.advise(0, 0, Advice::DontNeed) {
                Ok(()) => {}
                Err(errno) if errno.kind == ErrorKind::Unsupported => {
                    return Err(NotCold::Unsupported { platform: platform.name(), errno });
                }
                Err(errno) => return Err(failed(path, errno)),
            }
        }
        left = resident(platform, files)?;
        if left.resident == 0 {
            return Ok(());
        }
        if attempt == 0 {
            files.iter().for_each(|path| written_out(path));
        }
    }
    Err(NotCold::Stayed { resident: left.resident, pages: left.pages })
}

/// Waits until what was written to a file has reached its disk; until then its pages stay.
fn written_out(path: &Path) {
    // Whoever may only read the file has not written it either; the kernel's answer decides anyway.
    let _ = std::fs::File::open(path).and_then(|file| file.sync_all());
}

/// Brings the files into the page cache by reading them.
pub(super) fn fill(platform: &Arc<dyn Platform>, files: &[PathBuf]) -> Result<(), NotCold> {
    platform.enter_phase(Phase::Probe);
    let mut piece = vec![0; 1 << 20];
    for path in files {
        let file = platform.open(path, false).map_err(|errno| failed(path, errno))?;
        let mut at = 0;
        loop {
            match file.read_at(at, &mut piece) {
                Ok(0) => break,
                Ok(arrived) => at += arrived as u64,
                Err(errno) if errno.kind == ErrorKind::Interrupted => {}
                Err(errno) => return Err(failed(path, errno)),
            }
        }
    }
    Ok(())
}

/// What of the files is in memory.
pub(super) fn resident(platform: &Arc<dyn Platform>, files: &[PathBuf]) -> Result<Residency, NotCold> {
    let mut sum = Residency::default();
    for path in files {
        let file = platform.open(path, false).map_err(|errno| failed(path, errno))?;
        match file.cached() {
            Ok(residency) => sum += residency,
            Err(errno) => return Err(NotCold::Unasked { platform: platform.name(), errno }),
        }
    }
    Ok(sum)
}

fn failed(path: &Path, errno: Errno) -> NotCold {
    NotCold::File { path: path.display().to_string(), errno }
}
