//! Temporary files and folders that go whatever ends the process: on drop, by the handler of a signal
//! (`ending`), and after a kill when the next process makes one beside them.
//!
//! A name of these kinds is only ever borne by what its maker holds locked: it is made under another name, locked, and
//! renamed. So what bears one and is not locked has lost its maker, however young it is, and process numbers, which
//! another container counts anew, say nothing. Where a file system knows no locks nobody can take one either, and what
//! is left over stays.
//!
//! No part of the seam: a loader asks for none of it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::{Builder, NamedTempFile, TempDir, TempPath};

use super::ending;

/// What is made, by the beginning and the end of its name.
struct Kind {
    prefix: &'static str,
    suffix: &'static str,
}

/// A model that is read for a while.
const MODEL: Kind = Kind { prefix: "loadparity-temporary-", suffix: ".gguf" };

/// A file that will take another's name once it is whole.
const PART: Kind = Kind { prefix: ".loadparity-part-", suffix: "" };

/// A folder with private copies.
const FOLDER: Kind = Kind { prefix: "loadparity-private-", suffix: "" };

/// The file in a folder that its maker holds; a folder without one is somebody else's.
const OWNER: &str = ".loadparity-owner";

/// The end of the name of what is not yet locked.
const NOT_YET: &str = ".new";

/// The age from which what never came to be locked is left over.
const LEFT_OVER: Duration = Duration::from_secs(60);

/// A temporary model, closed. Others may read it.
#[derive(Debug)]
pub struct TemporaryModel {
    path: TempPath,
    /// Shared, or whoever reads would have to wait where locks are binding.
    _held: Option<File>,
    _ending: ending::Temporary,
}

impl TemporaryModel {
    /// Writes a model into a folder.
    ///
    /// # Errors
    /// When no temporary file can be written there.
    pub fn write_in(folder: &Path, bytes: &[u8]) -> io::Result<Self> {
        use io::Write;
        clean(folder);
        let (mut made, soon) = MODEL.create_in(folder, true)?;
        made.write_all(bytes)?;
        // Direct reads of pages that have not reached the disk may be refused.
        made.as_file().sync_all()?;
        let path = made.into_temp_path();
        let held = File::open(&path)?;
        let held = held.try_lock_shared().is_ok().then_some(held);
        let (path, ending) = ready(path)?;
        drop(soon);
        Ok(Self { path, _held: held, _ending: ending })
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// A file in the making, beside the one whose name it will take.
#[derive(Debug)]
pub struct TemporaryFile {
    file: NamedTempFile<File>,
    _ending: ending::Temporary,
}

impl TemporaryFile {
    /// An empty file in the folder of `path`, with the permissions of any other new file.
    ///
    /// # Errors
    /// When none can be made there; the error names no file, since nobody typed the one that it is about.
    pub fn beside(path: &Path) -> io::Result<Self> {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        clean(folder);
        let made = PART.create_in(folder, false);
        let (made, soon) =
            made.map_err(|error| error.raw_os_error().map_or(error, io::Error::from_raw_os_error))?;
        let (file, path) = made.into_parts();
        // Held by the handle that is written through: elsewhere than on Unix nobody else could write.
        let _ = file.try_lock();
        let (path, ending) = ready(path)?;
        drop(soon);
        Ok(Self { file: NamedTempFile::from_parts(file, path), _ending: ending })
    }

    /// Where its bytes go.
    pub fn as_file(&self) -> &File {
        self.file.as_file()
    }

    /// Gives it a name, whatever has that.
    ///
    /// # Errors
    /// When it cannot be renamed.
    pub fn persist(self, path: &Path) -> io::Result<()> {
        self.file.persist(path).map(drop).map_err(|refused| refused.error)
    }

    /// Gives it a name that nothing has.
    ///
    /// # Errors
    /// When something has that name, or it cannot be renamed.
    pub fn persist_new(self, path: &Path) -> io::Result<()> {
        self.file.persist_noclobber(path).map(drop).map_err(|refused| refused.error)
    }
}

/// A folder that goes with everything in it; links in it go, and not what they lead to.
#[derive(Debug)]
pub struct TemporaryFolder {
    /// First, as a folder with an open file cannot be removed everywhere.
    _owner: File,
    folder: TempDir,
}

impl TemporaryFolder {
    /// A folder in another one.
    ///
    /// # Errors
    /// When none can be made there.
    pub fn new_in(place: &Path) -> io::Result<Self> {
        clean(place);
        let folder = FOLDER.builder("").tempdir_in(place)?;
        let owner = folder.path().join(OWNER);
        let soon = with_end(&owner, NOT_YET);
        let held = File::create_new(&soon)?;
        let _ = held.try_lock();
        fs::rename(soon, owner)?;
        Ok(Self { _owner: held, folder })
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Kind {
    fn builder<'n>(&self, suffix: &'n str) -> Builder<'static, 'n> {
        let mut builder = Builder::new();
        builder.prefix(self.prefix).suffix(suffix).rand_bytes(10);
        builder
    }

    /// An empty file under a name that is not yet its last. It is known to the handler of signals before it is there.
    fn create_in(
        &self,
        folder: &Path,
        private: bool,
    ) -> io::Result<(NamedTempFile<File>, ending::Temporary)> {
        let mut options = File::options();
        options.write(true).create_new(true);
        #[cfg(unix)]
        if private {
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        }
        #[cfg(not(unix))]
        let _ = private;
        let mut known = None;
        let open = |path: &Path| {
            let soon = ending::Temporary::new(path);
            // One that has that name already is somebody else's.
            let file = options.open(path)?;
            known = Some(soon);
            Ok(file)
        };
        let made = self.builder(&format!("{}{NOT_YET}", self.suffix)).make_in(folder, open)?;
        let soon = known.unwrap_or_else(|| ending::Temporary::new(made.path()));
        Ok((made, soon))
    }

    fn names(&self, name: &str) -> bool {
        name.starts_with(self.prefix) && name.ends_with(self.suffix)
    }
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(end);
    path.into()
}

/// Gives what is locked the name by which it is known as such.
fn ready(made: TempPath) -> io::Result<(TempPath, ending::Temporary)> {
    // Its last extension is that of what is not ready.
    let path = made.with_extension("");
    let ending = ending::Temporary::new(&path);
    fs::rename(&made, &path)?;
    // Nothing bears the old name any more.
    let _ = made.keep();
    Ok((TempPath::try_from_path(path)?, ending))
}

/// Removes what lies in a folder and has lost its maker. What cannot be removed is somebody else's, and need not be.
fn clean(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| name.contains("loadparity-")) else { continue };
        let Ok(metadata) = entry.metadata() else { continue };
        let age = || metadata.modified().ok()?.elapsed().ok();
        let (name, old) = match name.strip_suffix(NOT_YET) {
            Some(name) => (name, age().is_some_and(|age| age >= LEFT_OVER)),
            None => (name, true),
        };
        let path = entry.path();
        let file = MODEL.names(name) || PART.names(name);
        if file && old && metadata.is_file() && is_left(&path) {
            let _ = fs::remove_file(path);
        } else if FOLDER.names(name) && metadata.is_dir() && is_left(&path.join(OWNER)) {
            let _ = fs::remove_dir_all(path);
        }
    }
}

/// Whether there is a file and nobody holds it.
fn is_left(path: &Path) -> bool {
    let regular = path.symlink_metadata().is_ok_and(|metadata| metadata.is_file());
    regular && File::open(path).is_ok_and(|file| file.try_lock().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// What a process leaves that is killed: everything, and no lock.
    fn killed<T>(made: T, path: impl Fn(&T) -> PathBuf) -> PathBuf {
        let path = path(&made);
        let beside = with_end(&path, "-moved");
        fs::rename(&path, &beside).unwrap();
        drop(made);
        fs::rename(beside, &path).unwrap();
        path
    }

    #[test]
    fn what_lost_its_maker_goes_with_the_next_and_what_is_held_stays() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path();
        let model = TemporaryModel::write_in(place, b"GGUF").unwrap();
        let part = TemporaryFile::beside(&place.join("x")).unwrap();
        let outside = place.join("outside");
        fs::write(&outside, "kept").unwrap();
        let private = TemporaryFolder::new_in(place).unwrap();
        fs::write(private.path().join("copy"), "x").unwrap();
        super::super::symlink(&outside, &private.path().join("link")).unwrap();
        let model = killed(model, |made| made.path().to_owned());
        let part = killed(part, |made| made.file.path().to_owned());
        let private = killed(private, |made| made.path().to_owned());
        assert!(model.exists() && part.exists() && private.join("copy").exists());

        let held = TemporaryFile::beside(&place.join("y")).unwrap();
        assert!(!model.exists() && !part.exists() && !private.exists(), "{:?}", names(place));
        let other = TemporaryFolder::new_in(place).unwrap();
        let third = TemporaryModel::write_in(place, b"GGUF").unwrap();
        assert!(held.file.path().exists() && other.path().exists() && third.path().exists());
        assert_eq!(fs::read(third.path()).unwrap(), b"GGUF");
        held.persist(&place.join("y")).unwrap();
        drop((other, third));
        assert_eq!(names(place), ["outside", "y"]);
        assert_eq!(fs::read_to_string(outside).unwrap(), "kept");
    }

    #[test]
    fn what_is_somebody_elses_stays() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path();
        // A folder by the name of one, what only begins so, a folder by the name of a file, and what is being made.
        fs::create_dir_all(place.join("loadparity-private-mine/x")).unwrap();
        fs::create_dir(place.join("loadparity-temporary-x.gguf")).unwrap();
        for name in ["loadparity-temporary-x.bin", "loadparity-mine.gguf", "loadparity-temporary-y.gguf.new"]
        {
            fs::write(place.join(name), "x").unwrap();
        }
        let before = names(place);
        drop(TemporaryFile::beside(&place.join("y")).unwrap());
        assert_eq!(names(place), before);
        // What never came to be locked, once it is old.
        let young = File::options().write(true).open(place.join("loadparity-temporary-y.gguf.new")).unwrap();
        young.set_modified(std::time::SystemTime::now() - 2 * LEFT_OVER).unwrap();
        drop(TemporaryFile::beside(&place.join("y")).unwrap());
        assert_eq!(names(place).len(), before.len() - 1);
    }

    #[test]
    fn a_name_that_is_taken_is_kept_where_that_is_asked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        TemporaryFile::beside(&path).unwrap().persist_new(&path).unwrap();
        let refused = TemporaryFile::beside(&path).unwrap().persist_new(&path).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        TemporaryFile::beside(&path).unwrap().persist(&path).unwrap();
        assert_eq!(names(folder.path()), ["x"]);
    }
}
