//! The model inside the program.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempPath;

use crate::platform::Platform;
use crate::platform::ending::Temporary;

/// How reports name the model inside the program.
pub const EMBEDDED_NAME: &str = "(embedded)";

pub(super) static BYTES: &[u8] = include_bytes!("../../fixtures/models/fixture-llama-q4_k_m.gguf");

/// The beginning of the names of temporary models. What is left of them after a program was killed is removed by
/// the next one.
const PREFIX: &str = "loadparity-temporary-";

/// The age from which a model that nobody holds is left over: its maker holds it at once.
const LEFT_OVER: Duration = Duration::from_secs(60);

/// A model in a temporary file. It goes on drop, when a signal ends the program, and else at the next start.
pub struct TemporaryModel {
    path: TempPath,
    /// Locked as long as the model is in use.
    _held: Option<File>,
    _ending: Temporary,
}

impl TemporaryModel {
    /// Writes a model into a directory.
    ///
    /// # Errors
    /// When no temporary file can be written there.
    pub fn write_in(directory: &Path, bytes: &[u8]) -> std::io::Result<Self> {
        remove_left_over(directory);
        let mut file = tempfile::Builder::new().prefix(PREFIX).suffix(".gguf").tempfile_in(directory)?;
        let ending = Temporary::new(file.path());
        file.write_all(bytes)?;
        // Direct reads of pages that have not reached the disk may be refused.
        file.as_file().sync_all()?;
        let path = file.into_temp_path();
        // Where a file system knows no locks, one that is left over stays.
        let held = File::open(&path).ok().filter(|held| held.try_lock_shared().is_ok());
        Ok(Self { path, _held: held, _ending: ending })
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Removes temporary models that nobody holds any more.
fn remove_left_over(directory: &Path) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name();
        let ours = name.to_str().is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(".gguf"));
        let old = || entry.metadata().ok().filter(|m| m.is_file())?.modified().ok()?.elapsed().ok();
        if !ours || old().is_none_or(|age| age < LEFT_OVER) {
            continue;
        }
        if File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok()) {
            // Somebody else's cannot be removed, and need not be.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_program_left_is_removed_and_what_is_in_use_stays() {
        let folder = tempfile::tempdir().unwrap();
        let old = |name: &str| {
            let path = folder.path().join(name);
            let file = File::create(&path).unwrap();
            file.set_modified(std::time::SystemTime::now() - 2 * LEFT_OVER).unwrap();
            path
        };
        let (left, others) = (old("loadparity-temporary-abc.gguf"), old("loadparity-mine.gguf"));
        let (used, young) =
            (old("loadparity-temporary-def.gguf"), folder.path().join("loadparity-temporary-new.gguf"));
        File::create(&young).unwrap();
        let held = File::open(&used).unwrap();
        held.lock_shared().unwrap();
        let model = TemporaryModel::write_in(folder.path(), b"GGUF").unwrap();
        assert!(!left.exists(), "nobody holds it");
        assert!(others.exists() && used.exists() && young.exists() && model.path().exists());
        let path = model.path().to_owned();
        drop(model);
        assert!(!path.exists());
    }
}
