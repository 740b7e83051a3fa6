//! The model inside the program.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use tempfile::TempPath;

use crate::platform::Platform;

/// How reports name the model inside the program.
pub const EMBEDDED_NAME: &str = "(embedded)";

pub(super) static BYTES: &[u8] = include_bytes!("../../fixtures/models/fixture-llama-q4_k_m.gguf");

/// The embedded model as a file, removed on drop. Its origin and licence are told in
/// `fixtures/models/README.md`.
pub struct EmbeddedModel(TempPath);

impl EmbeddedModel {
    /// Writes the model to a temporary directory; where there is a choice, to one whose file
    /// system has direct I/O that can be told from buffered I/O.
    ///
    /// # Errors
    /// When no temporary file can be written.
    pub fn write(platform: &dyn Platform) -> std::io::Result<Self> {
        let first = Self::write_in(&std::env::temp_dir())?;
        if enforces_direct(platform, first.path()) {
            return Ok(first);
        }
        // On many systems the first choice is in memory and this one is on a disk.
        match Self::write_in(Path::new("/var/tmp")) {
            Ok(second) if enforces_direct(platform, second.path()) => Ok(second),
            _ => Ok(first),
        }
    }

    fn write_in(directory: &Path) -> std::io::Result<Self> {
        let mut file =
            tempfile::Builder::new().prefix("loadparity-").suffix(".gguf").tempfile_in(directory)?;
        file.write_all(BYTES)?;
        // Direct reads of pages that have not reached the disk may be refused.
        file.as_file().sync_all()?;
        Ok(Self(file.into_temp_path()))
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

fn enforces_direct(platform: &dyn Platform, path: &Path) -> bool {
    let opened: Option<Arc<_>> = platform.open(path, true).ok();
    opened.and_then(|file| file.alignment().ok()).is_some_and(|a| a.enforced)
}

impl AsRef<Path> for EmbeddedModel {
    fn as_ref(&self) -> &Path {
        self.path()
    }
}
