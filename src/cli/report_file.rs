//! A report that goes to a file: whole or not there, and the one before it stays until then.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use super::exit::Exit;
use crate::platform::temporary::TemporaryFile;

/// What may be written over.
#[derive(Clone, Debug, Default, Args)]
pub struct Overwrite {
    /// Let reports and traces replace a model or another file that the command line names, or go to a device.
    #[arg(long)]
    force: bool,
}

/// The files that one command writes.
#[derive(Debug)]
pub(super) struct Outputs {
    force: bool,
    taken: Vec<PathBuf>,
    /// Words of a command that may stand in a file of settings instead of the command line.
    words: Vec<OsString>,
}

impl Outputs {
    pub(super) fn new(overwrite: &Overwrite) -> Self {
        Self { force: overwrite.force, taken: Vec::new(), words: Vec::new() }
    }

    /// The same beside a command, whose files are inputs too.
    pub(super) fn beside(self, command: &[OsString]) -> Self {
        Self { words: command.to_owned(), ..self }
    }

    /// A file at `path`, after it was tried whether one can be made there.
    ///
    /// # Errors
    /// A usage error that names the file: it cannot be made, another output goes there, or, unless that is
    /// forced, it is a model, something that the command line names a second time, or no regular file.
    pub(super) fn file(&mut self, path: &Path) -> Result<ReportFile, Exit> {
        let refused = |why: &str| Exit::usage(format!("cannot write {}: {why}", path.display()));
        let place = place(path);
        if self.taken.contains(&place) {
            return Err(refused("another output goes there"));
        }
        if !self.force {
            if is_model(path) {
                return Err(refused("it is a model; --force replaces it"));
            }
            let known = || {
                named(std::env::args_os().skip(1), &place) > 1
                    || named(self.words.iter().cloned(), &place) > 0
            };
            if path.is_file() && known() {
                return Err(refused("the command line names it as an input too; --force replaces it"));
            }
            if is_odd(path) {
                return Err(refused(
                    "it is no regular file but a pipe, a socket or a device; --force writes to it",
                ));
            }
        }
        let file = ReportFile::open(path)?;
        self.taken.push(place);
        Ok(file)
    }
}

/// Where a path leads to, whether there is anything or not.
pub(super) fn place(path: &Path) -> PathBuf {
    if let Ok(real) = fs::canonicalize(path) {
        return real;
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    path.file_name().map_or(folder.clone(), |name| folder.join(name))
}

/// How many words of a command line lead to a place, by themselves, behind an equals sign or as a part of a command.
fn named(words: impl Iterator<Item = OsString>, wanted: &Path) -> usize {
    let leads = |word: OsString| {
        let text = word.to_string_lossy();
        let values = text.match_indices('=').map(|(at, _)| &text[at + 1..]);
        let parts = shlex::split(&text).unwrap_or_default();
        let values = values.map(PathBuf::from).chain([PathBuf::from(&word)]);
        let mut values = values.chain(parts.into_iter().map(PathBuf::from));
        values.any(|path| path.file_name() == wanted.file_name() && place(&path) == wanted)
    };
    words.map(leads).filter(|leads| *leads).count()
}

/// Whether there is a model: a GGUF file, or safetensors with their length and their JSON.
fn is_model(path: &Path) -> bool {
    let mut start = [0; 9];
    let read = |mut file: File| file.read_exact(&mut start);
    let regular = fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
    let whole = regular && File::open(path).and_then(read).is_ok();
    whole && (start.starts_with(b"GGUF") || (start[8] == b'{' && start[5..8] == [0; 3]))
}

/// Whether there is something else than a file: a pipe, a socket or a device. What is open already, and devices
/// that only take, are as good as files.
fn is_odd(path: &Path) -> bool {
    const SINKS: [&str; 7] =
        ["/dev/null", "/dev/full", "/dev/stdout", "/dev/stderr", "/dev/tty", "/dev/fd", "/proc/self/fd"];
    let odd = fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir());
    odd && !SINKS.iter().any(|sink| path.starts_with(sink))
}

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
        TemporaryFile::beside(&file.path)?;
        Ok(file)
    }

    /// The same, with the message for a user.
    ///
    /// # Errors
    /// A usage error that names the file.
    fn open(shown: &Path) -> Result<Self, Exit> {
        Self::new(shown).map_err(|error| Exit::usage(format!("cannot write {}: {error}", shown.display())))
    }

    /// How messages name it.
    pub(super) fn shown(&self) -> &Path {
        &self.shown
    }

    /// The exit of a report that could not be written.
    pub(super) fn unwritten(&self, error: &io::Error) -> Exit {
        Exit::internal(format!("cannot write {}: {error}", self.shown.display()))
    }

    /// Writes the whole report and gives it its name.
    ///
    /// # Errors
    /// When that fails; then the report before it is still there.
    pub(super) fn write(&self, report: &[u8]) -> io::Result<()> {
        if self.special {
            return File::options().write(true).open(&self.path)?.write_all(report);
        }
        let part = TemporaryFile::beside(&self.path)?;
        if let Ok(metadata) = fs::metadata(&self.path) {
            part.as_file().set_permissions(metadata.permissions())?;
        }
        part.as_file().write_all(report)?;
        // A full disk may show only now, and then the old report must stay.
        part.as_file().sync_all()?;
        part.persist(&self.path)
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

    #[test]
    fn a_word_that_leads_to_the_output_a_second_time_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        fs::write(&path, "old").unwrap();
        let there = folder.path().join("sub/../a.json");
        fs::create_dir(folder.path().join("sub")).unwrap();
        let words = |words: &[String]| {
            let words = words.iter().map(OsString::from).collect::<Vec<_>>();
            named([OsString::from("loadparity")].into_iter().chain(words), &place(&path))
        };
        let shown = path.display();
        assert_eq!(words(&["merge".into(), format!("--format=json={shown}")]), 1);
        assert_eq!(words(&[there.display().to_string(), "--format".into(), format!("json={shown}")]), 2);
        assert_eq!(words(&["a.json".into()]), 0, "another folder's");
    }

    #[test]
    fn models_are_known_by_their_start() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        for (bytes, model) in [
            (&b"GGUF\x03\0\0\0\0\0"[..], true),
            (b"\x40\0\0\0\0\0\0\0{\"__metadata__\"", true),
            (b"{\"schema\":\"loadparity\"}", false),
            (b"GGUF", false),
            (b"", false),
        ] {
            fs::write(&path, bytes).unwrap();
            assert_eq!(is_model(&path), model, "{bytes:?}");
        }
        assert!(!is_model(folder.path()) && !is_model(&folder.path().join("none")));
    }
}
