//! A file that is whole or not there.

use std::fs::File;
use std::io;
use std::path::Path;

use super::GgufCommandError;
use crate::platform::temporary::TemporaryFile;

/// A model file in the making, under a temporary name beside its own. Dropped, it is gone.
pub(super) struct NewFile<'p> {
    path: &'p Path,
    part: TemporaryFile,
    force: bool,
}

impl<'p> NewFile<'p> {
    /// Begins the file at `path`, which must not exist without `force`.
    pub(super) fn begin(path: &'p Path, force: bool) -> Result<Self, GgufCommandError> {
        if !force && path.symlink_metadata().is_ok() {
            return Err(GgufCommandError::Exists { path: path.to_owned() });
        }
        let part = TemporaryFile::beside(path).map_err(|error| failed(path, error))?;
        Ok(Self { path, part, force })
    }

    /// Where its bytes go.
    pub(super) fn file(&self) -> &File {
        self.part.as_file()
    }

    /// The error for a write that failed.
    pub(super) fn failed(&self, error: io::Error) -> GgufCommandError {
        failed(self.path, error)
    }

    /// Gives the complete file its name.
    pub(super) fn keep(self) -> Result<(), GgufCommandError> {
        let path = self.path;
        let kept = if self.force { self.part.persist(path) } else { self.part.persist_new(path) };
        kept.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => GgufCommandError::Exists { path: path.to_owned() },
            _ => failed(path, error),
        })
    }
}

fn failed(path: &Path, error: io::Error) -> GgufCommandError {
    GgufCommandError::Write { path: path.to_owned(), error }
}
