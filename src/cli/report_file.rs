//! A report that goes to a file: whole or not there, and the one before it stays until then.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::exit::Exit;

/// Where a report will stand.
#[derive(Debug)]
pub(super) struct ReportFile {
    /// As it was typed, for messages.
    shown: PathBuf,
    /// Where it really lies: what a link leads to, so that the link stays one.
    path: PathBuf,
    /// A device or a pipe cannot be renamed over; it is written to.
    special: bool,
}

impl ReportFile {
    /// A file at `path`, after it was tried whether one can be made there: nobody wants to learn that hours
    /// later. Nothing is left behind, so that a run that is killed leaves nothing either.
    ///
    /// # Errors
    /// When no file can be made or replaced there.
    pub(super) fn new(shown: &Path) -> io::Result<Self> {
        let path = fs::canonicalize(shown).unwrap_or_else(|_| shown.to_owned());
        let special = match fs::metadata(shown) {
            Ok(metadata) if metadata.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            // `/dev/stdout` may lead to a file that somebody else holds open.
            Ok(metadata) => !metadata.is_file() || shown.starts_with("/dev"),
            Err(_) => false,
        };
        let path = if special { shown.to_owned() } else { path };
        let file = Self { shown: shown.to_owned(), path, special };
        if special {
            // A pipe is not opened yet: that would wait for its reader.
            return Ok(file);
        }
        if file.path.exists() {
            // Who may replace a file but not write to it did not mean this one.
            File::options().append(true).open(&file.path)?;
        }
        file.part()?;
        Ok(file)
    }

    /// The same, with the message for a user.
    ///
    /// # Errors
    /// A usage error that names the file.
    pub(super) fn open(shown: &Path) -> Result<Self, Exit> {
        Self::new(shown).map_err(|error| Exit::usage(format!("cannot write {}: {error}", shown.display())))
    }

    /// How messages name it.
    pub(super) fn shown(&self) -> &Path {
        &self.shown
    }

    /// Writes the whole report and gives it its name.
    ///
    /// # Errors
    /// When that fails; then the report before it is still there.
    pub(super) fn write(&self, report: &[u8]) -> io::Result<()> {
        if self.special {
            return File::options().write(true).open(&self.path)?.write_all(report);
        }
        let mut part = self.part()?;
        part.write_all(report)?;
        // A full disk may show only now, and then the old report must stay.
        part.as_file().sync_all()?;
        if let Ok(metadata) = fs::metadata(&self.path) {
            part.as_file().set_permissions(metadata.permissions())?;
        }
        part.persist(&self.path).map(|_| ()).map_err(|refused| refused.error)
    }

    /// A file with a temporary name beside its own.
    fn part(&self) -> io::Result<NamedTempFile<File>> {
        let folder = match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        // Opened here and not by the crate, for the permissions that any other new file would have.
        tempfile::Builder::new()
            .prefix(".loadparity-")
            .suffix(".part")
            .make_in(folder, |part| File::options().write(true).create_new(true).open(part))
            // The crate's message names the temporary file, which nobody typed.
            .map_err(|error| error.raw_os_error().map_or(error, io::Error::from_raw_os_error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_report_stays_until_the_new_one_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        fs::write(&path, "old").unwrap();
        let file = ReportFile::new(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing lies beside it");
        file.write(b"new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }

    #[test]
    fn a_place_without_a_folder_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(
            ReportFile::new(&folder.path().join("no/report.json")).unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
        assert!(ReportFile::new(folder.path()).is_err(), "a folder is no file");
    }
}
