//! What the suite needs from a platform under test, and the reference it compares with.

use std::any::Any;
use std::path::PathBuf;
use std::sync::Arc;

use loadparity::platform::{File, Platform};

/// A platform to be tested, with the means to lay out files for it.
pub(crate) trait World {
    /// The name in the suite's output.
    fn name(&self) -> &str;

    /// Names of the behaviours that cannot be shown here, in the suite's order. The suite fails
    /// when it finds another list, so nothing is left out unnoticed and nothing listed here passes.
    fn not_run(&self) -> Vec<&'static str>;

    /// Whether the system shows a locked page as locked, where it tells of locks at all.
    fn shows_locks(&self) -> bool {
        true
    }

    /// Lays out a file and starts with nothing held. With a lock limit, the platform may lock that
    /// many bytes and no more.
    ///
    /// # Errors
    /// Where that cannot be arranged, such as a lock limit for a privileged user.
    fn site(&self, content: &Content, lock_limit: Option<u64>) -> Result<Site, NotRun>;
}

/// A platform with one file on it.
pub(crate) struct Site {
    /// The platform.
    pub platform: Arc<dyn Platform>,
    /// The file.
    pub path: PathBuf,
    /// A path without a file.
    pub missing: PathBuf,
    /// Counts what the process holds; `None` where that cannot be counted.
    pub held: Box<dyn Fn() -> Option<Held>>,
    /// What has to live as long as the file, such as a temporary folder.
    #[allow(dead_code, reason = "held for its drop, never read")]
    pub keep: Box<dyn Any>,
}

/// What a process holds. Compared before and after, so other holdings do no harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub open_files: u64,
    pub mappings: u64,
    pub locked_bytes: u64,
}

/// Why a behaviour could not be shown.
#[derive(Clone, Debug)]
pub(crate) struct NotRun(pub String);

/// Shown, or not run. A broken behaviour panics.
pub(crate) type Verdict = Result<(), NotRun>;

/// The content of a file: zeros, and pieces that are not.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content {
    pub size: u64,
    pub pieces: Vec<(u64, Vec<u8>)>,
}

impl Content {
    /// `size` bytes that differ from place to place.
    pub(crate) fn pattern(size: u64) -> Self {
        Self { size, pieces: vec![(0, (0..size).map(pattern_byte).collect())] }
    }

    /// A hole of `offset` bytes and then `len` bytes of pattern.
    pub(crate) fn pattern_at(offset: u64, len: u64) -> Self {
        let bytes = (offset..offset + len).map(pattern_byte).collect();
        Self { size: offset + len, pieces: vec![(offset, bytes)] }
    }

    /// The bytes that reading this range has to give, ending with the file. One byte at a time:
    /// slow, and nothing to get wrong.
    pub(crate) fn at(&self, offset: u64, len: usize) -> Vec<u8> {
        let end = self.size.min(offset + len as u64);
        (offset..end).map(|at| self.byte(at)).collect()
    }

    fn byte(&self, at: u64) -> u8 {
        let covers = |piece: &&(u64, Vec<u8>)| (piece.0..piece.0 + piece.1.len() as u64).contains(&at);
        self.pieces.iter().rev().find(covers).map_or(0, |piece| piece.1[(at - piece.0) as usize])
    }
}

fn pattern_byte(at: u64) -> u8 {
    (at.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8
}

impl Site {
    /// The file, opened through the page cache.
    pub(crate) fn open(&self) -> Arc<dyn File> {
        self.platform.open(&self.path, false).expect("the file opens")
    }

    /// The file, opened past the page cache.
    pub(crate) fn open_direct(&self) -> Result<Arc<dyn File>, NotRun> {
        let refused = |errno| NotRun(format!("direct opens are refused here: {errno}"));
        self.platform.open(&self.path, true).map_err(refused)
    }

    pub(crate) fn page(&self) -> usize {
        self.platform.limits().page_size as usize
    }
}
