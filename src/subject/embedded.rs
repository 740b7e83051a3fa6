//! The model inside the program.

use std::path::Path;
use std::sync::Arc;

use crate::platform::Platform;
use crate::platform::temporary::TemporaryModel;

/// How reports name the model inside the program.
pub const EMBEDDED_NAME: &str = "(embedded)";

pub(super) static BYTES: &[u8] = include_bytes!("../../fixtures/models/fixture-llama-q4_k_m.gguf");

/// The embedded model as a file, removed on drop. Its origin and licence are told in
/// `fixtures/models/README.md`.
pub struct EmbeddedModel(TemporaryModel);

impl EmbeddedModel {
    /// Writes the model to a temporary directory; where there is a choice, to one whose file
    /// system has direct I/O that can be told from buffered I/O.
    ///
    /// # Errors
    /// When no temporary file can be written.
    pub fn write(platform: &dyn Platform) -> std::io::Result<Self> {
        let first = TemporaryModel::write_in(&std::env::temp_dir(), BYTES);
        if first.as_ref().is_ok_and(|first| enforces_direct(platform, first.path())) {
            return first.map(Self);
        }
        // On many systems the first choice is in memory and this one is on a disk.
        match TemporaryModel::write_in(Path::new("/var/tmp"), BYTES) {
            Ok(second) if first.is_err() || enforces_direct(platform, second.path()) => Ok(Self(second)),
            _ => first.map(Self),
        }
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

pub(super) fn enforces_direct(platform: &dyn Platform, path: &Path) -> bool {
    let opened: Option<Arc<_>> = platform.open(path, true).ok();
    opened.and_then(|file| file.alignment().ok()).is_some_and(|a| a.enforced)
}

impl AsRef<Path> for EmbeddedModel {
    fn as_ref(&self) -> &Path {
        self.path()
    }
}
