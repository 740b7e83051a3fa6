//! A private copy of a model for a command, to be altered under it: cut short, one byte changed, or replaced.
//!
//! The copy lies in a folder of its own under the model's own name, beside links to whatever else is in the model's
//! folder, so that a program finds what it looks for there. The folder goes on drop.

mod longer;

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use rangemap::RangeSet;

use super::Truth;
use super::embedded::enforces_direct;
use crate::layout::FileLayout;
use crate::platform::temporary::TemporaryFolder;
use crate::platform::{self, Corruption, Fault, FaultSpec};
use crate::rules::{WeightFile, Weights};
use crate::tracer::Private;

/// The beginning of the names of files that may take the name of a copy.
const REPLACEMENT: &str = ".loadparity-replacement-";

/// Models of more bytes are not copied: each run takes a copy of its own.
const LARGEST: u64 = 1 << 30;

/// What can be done with private copies of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alterable {
    /// Of each file of the model, whether there is another that may take its name.
    pub replaceable: Vec<bool>,
}

/// A private copy.
pub(super) struct PrivateCopy {
    /// The copy of the file that the command is given.
    pub(super) model: PathBuf,
    /// The copies of all files, in the order of the truth.
    pub(super) paths: Vec<PathBuf>,
    /// What may take their names.
    pub(super) private: Vec<Private>,
    from: PathBuf,
    folder: TemporaryFolder,
}

impl PrivateCopy {
    /// What can be done with copies of a model; one is made to find out.
    ///
    /// # Errors
    /// Why there can be none.
    pub(super) fn alterable(model: &Path, truth: &Truth) -> Result<Alterable, String> {
        let copy = Self::of_small(model, truth, true, |_| Ok(()))?;
        Ok(Alterable { replaceable: copy.private.iter().map(|file| file.replacement.is_some()).collect() })
    }

    /// A copy in which every tensor is another one.
    ///
    /// # Errors
    /// Why there can be none.
    pub(super) fn with_other_weights(model: &Path, truth: &Truth) -> Result<Self, String> {
        Self::of_small(model, truth, false, |copy| change_tensors(&copy.paths, &truth.layouts))
    }

    /// A copy of a model that is small enough, altered.
    fn of_small(
        model: &Path,
        truth: &Truth,
        with_replacements: bool,
        alter: impl FnOnce(&Self) -> io::Result<()>,
    ) -> Result<Self, String> {
        let bytes: u64 = truth.layouts.iter().map(|layout| layout.file_size).sum();
        if bytes > LARGEST {
            return Err(format!("the model has {bytes} bytes, and a private copy is made up to {LARGEST}"));
        }
        let made = Self::make(model, truth, with_replacements).and_then(|copy| alter(&copy).map(|()| copy));
        made.map_err(|error| {
            format!(
                "a private copy of the model cannot be made: {error}; TMPDIR names a folder with more space"
            )
        })
    }

    /// A copy, altered as far as these faults ask for it before the command begins.
    ///
    /// # Errors
    /// Where it cannot be written, or the files of the model lie in several folders.
    pub(super) fn for_faults(model: &Path, truth: &Truth, faults: &[FaultSpec]) -> io::Result<Self> {
        let replaced = faults.iter().any(|spec| spec.fault() == Fault::Replaced);
        let copy = Self::make(model, truth, replaced)?;
        for spec in faults.iter().filter(|spec| spec.alters_file()) {
            let Fault::Corrupt(Corruption::At { offset, mask }) = spec.fault() else { continue };
            // Without a number every file of the model has that byte, as every file's calls are counted.
            let file = spec.file().and_then(|file| usize::try_from(file).ok()?.checked_sub(1));
            for (index, path) in copy.paths.iter().enumerate() {
                if file.is_none_or(|file| file == index) {
                    flip(path, offset, mask)?;
                }
            }
        }
        Ok(copy)
    }

    fn make(model: &Path, truth: &Truth, with_replacements: bool) -> io::Result<Self> {
        let model = std::path::absolute(model)?;
        let from = model.parent().unwrap_or(Path::new("/")).to_owned();
        let mut names: Vec<OsString> = Vec::new();
        for path in &truth.paths {
            let path = std::path::absolute(path)?;
            match path.file_name() {
                Some(name) if path.parent() == Some(&from) => names.push(name.to_owned()),
                _ => return Err(io::Error::other("its files lie in several folders")),
            }
        }
        let folder = folder()?;
        for entry in fs::read_dir(&from)?.filter_map(Result::ok) {
            if !names.contains(&entry.file_name()) {
                platform::symlink(&entry.path(), &folder.path().join(entry.file_name()))?;
            }
        }
        let (mut paths, mut private) = (Vec::new(), Vec::new());
        for (index, name) in names.iter().enumerate() {
            let (path, original) = (folder.path().join(name), from.join(name));
            copied(&original, &path)?;
            let kind = truth.layouts.get(index).map(|layout| layout.kind);
            let replacement = match kind.filter(|_| with_replacements) {
                None => None,
                Some(kind) => {
                    let other = folder.path().join(format!("{REPLACEMENT}{index}"));
                    longer::write(kind, &original, &other)?.then_some(other)
                }
            };
            private.push(Private { path: path.clone(), replacement });
            paths.push(path);
        }
        let name = model.file_name().unwrap_or_default();
        Ok(Self { model: folder.path().join(name), paths, private, from, folder })
    }

    /// The weights, as they lie in the copies.
    pub(super) fn weights(&self, of: &Weights) -> Weights {
        let platform = platform::native();
        let copy = |(file, path): (&WeightFile, &PathBuf)| WeightFile {
            path: path.to_string_lossy().into_owned(),
            identity: platform.open(path, false).and_then(|file| file.identity()).ok(),
            ..file.clone()
        };
        Weights { files: of.files.iter().zip(&self.paths).map(copy).collect(), tolerance: of.tolerance }
    }

    /// What the command wrote, with the paths that it has for the model without a copy.
    pub(super) fn named_as(&self, model: &Path, text: &[u8]) -> Vec<u8> {
        let bytes = |path: &Path| path.as_os_str().as_encoded_bytes().to_vec();
        let text = replaced(text, &bytes(&self.model), &bytes(model));
        replaced(&text, &bytes(self.folder.path()), &bytes(&self.from))
    }
}

/// A new folder, if there is a choice on a file system that has direct I/O.
fn folder() -> io::Result<TemporaryFolder> {
    let direct = |folder: &TemporaryFolder| {
        let probe = folder.path().join("probe");
        let written = fs::write(&probe, [0u8; 4096]).is_ok();
        let direct = written && enforces_direct(&*platform::native(), &probe);
        fs::remove_file(&probe).is_ok() && direct
    };
    let first = TemporaryFolder::new_in(&std::env::temp_dir());
    if first.as_ref().is_ok_and(direct) {
        return first;
    }
    match TemporaryFolder::new_in(Path::new("/var/tmp")) {
        Ok(second) if first.is_err() || direct(&second) => Ok(second),
        _ => first,
    }
}

/// Copies a file, which has reached the disk then: direct reads of other pages may be refused.
fn copied(from: &Path, to: &Path) -> io::Result<()> {
    let mut copy = File::create_new(to)?;
    io::copy(&mut File::open(from)?, &mut copy)?;
    copy.sync_all()
}

/// Makes every tensor of some files another one, whatever a program makes of them: the halves of each change places,
/// which keeps the numbers of any type that lies in blocks, and one bit of the first byte changes, without which a sum
/// of all bytes would stay what it is.
fn change_tensors(paths: &[PathBuf], layouts: &[FileLayout]) -> io::Result<()> {
    use std::io::{Read, Seek, SeekFrom, Write};
    let mut flip = 1;
    let mut bytes = Vec::new();
    for (path, layout) in paths.iter().zip(layouts) {
        let mut file = OpenOptions::new().read(true).write(true).open(path)?;
        // Tensors may share bytes, and what changes places twice is where it was.
        let mut changed = RangeSet::new();
        for range in layout.tensors.iter().map(|tensor| &tensor.range) {
            if range.is_empty() || changed.overlaps(range) {
                continue;
            }
            changed.insert(range.clone());
            bytes.resize(usize::try_from(range.end - range.start).map_err(io::Error::other)?, 0);
            file.seek(SeekFrom::Start(range.start))?;
            file.read_exact(&mut bytes)?;
            let half = bytes.len() / 2;
            bytes.rotate_left(half);
            bytes[0] ^= std::mem::take(&mut flip);
            file.seek(SeekFrom::Start(range.start))?;
            file.write_all(&bytes)?;
        }
        file.sync_all()?;
    }
    Ok(())
}

/// Changes bits of one byte of a file that has it.
fn flip(path: &Path, offset: u64, mask: u8) -> io::Result<()> {
    use std::io::{Read, Seek, SeekFrom, Write};
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let mut byte = [0];
    file.seek(SeekFrom::Start(offset))?;
    if file.read(&mut byte)? == 1 {
        file.seek(SeekFrom::Start(offset))?;
        file.write_all(&[byte[0] ^ mask])?;
        file.sync_all()?;
    }
    Ok(())
}

/// `text` with every `old` as `new`.
fn replaced(text: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut result = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.windows(old.len().max(1)).position(|window| window == old) {
        result.extend_from_slice(&rest[..at]);
        result.extend_from_slice(new);
        rest = &rest[at + old.len()..];
    }
    result.extend_from_slice(rest);
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Choice;

    fn model(folder: &Path) -> (PathBuf, Truth) {
        let path = folder.join("m.gguf");
        fs::write(&path, super::super::embedded::BYTES).unwrap();
        fs::write(folder.join("m.xml"), "beside it").unwrap();
        let truth = Truth::of_files(std::slice::from_ref(&path), Choice::Auto).unwrap();
        (path, truth)
    }

    #[test]
    fn a_copy_is_another_file_with_its_neighbours_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let (path, truth) = model(folder.path());
        let tensor = truth.layouts[0].tensors[0].range.start;
        let fault: FaultSpec = format!("map:corrupt={tensor}^0x80").parse().unwrap();
        let copy = PrivateCopy::for_faults(&path, &truth, &[fault]).unwrap();
        let (was, is) = (fs::read(&path).unwrap(), fs::read(&copy.model).unwrap());
        let differs: Vec<usize> = (0..was.len()).filter(|at| was[*at] != is[*at]).collect();
        assert_eq!((was.len(), differs), (is.len(), vec![usize::try_from(tensor).unwrap()]));
        assert_eq!(fs::read_to_string(copy.model.with_extension("xml")).unwrap(), "beside it");
        let weights = copy.weights(&truth.weights);
        assert_ne!(weights.files[0].identity, truth.weights.files[0].identity);
        assert_eq!(weights.files[0].tensors, truth.weights.files[0].tensors);
        let said =
            format!("{}: bad; see {}", copy.model.display(), copy.model.with_extension("xml").display());
        let named = copy.named_as(Path::new("./m.gguf"), said.as_bytes());
        assert_eq!(
            String::from_utf8(named).unwrap(),
            format!("./m.gguf: bad; see {}", path.with_extension("xml").display())
        );
        let place = copy.folder.path().to_owned();
        drop(copy);
        assert!(!place.exists() && path.exists());
    }

    #[test]
    fn a_copy_with_other_weights_has_no_tensor_as_it_was_and_another_sum() {
        let folder = tempfile::tempdir().unwrap();
        let (path, truth) = model(folder.path());
        let copy = PrivateCopy::with_other_weights(&path, &truth).unwrap();
        let (was, is) = (fs::read(&path).unwrap(), fs::read(&copy.model).unwrap());
        let layout = &truth.layouts[0];
        let start = usize::try_from(layout.data_start).unwrap();
        assert_eq!((was.len(), &was[..start]), (is.len(), &is[..start]));
        for tensor in &layout.tensors {
            let range =
                usize::try_from(tensor.range.start).unwrap()..usize::try_from(tensor.range.end).unwrap();
            let uniform =
                was[range.clone()].chunks(4).all(|chunk| chunk == &was[range.start..range.start + 4]);
            assert!(uniform || was[range.clone()] != is[range], "{}", tensor.name);
        }
        let sum = |bytes: &[u8]| bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>();
        assert_ne!(sum(&was), sum(&is));
    }

    #[test]
    fn a_model_in_several_folders_is_not_copied() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (path, mut truth) = model(one.path());
        assert_eq!(PrivateCopy::alterable(&path, &truth).unwrap().replaceable, [true]);
        truth.paths.push(other.path().join("n.gguf"));
        assert!(PrivateCopy::alterable(&path, &truth).unwrap_err().contains("several folders"));
    }
}
