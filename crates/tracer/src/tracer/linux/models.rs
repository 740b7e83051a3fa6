//! Which files are models: those whose content is GGUF and those that the user named. And where their weights lie.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::{File, Metadata};
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use libc::pid_t;
use rangemap::RangeSet;

use crate::gguf::SeekSource;
use crate::layout::{Choice, FileLayout};
use crate::trace::FileIdentity;
use crate::tracer::Layout;

/// Device and inode: what a file is, whatever it is called.
type Identity = (u64, u64);

struct Model {
    /// The path by which it was first opened, as text for the trace: one file, one role.
    text: String,
    path: PathBuf,
    /// Kept open, so that its header can be read when the command is done; `None` if no open of it
    /// succeeded yet.
    file: Option<File>,
    identity: Option<Identity>,
    /// What direct reads of it are aligned to, once asked.
    grain: Option<u64>,
}

/// The model files met so far, numbered by first open.
#[derive(Default)]
pub(super) struct Models {
    named: Vec<PathBuf>,
    named_identities: Vec<Identity>,
    layouts: Vec<(Identity, FileLayout)>,
    known: Vec<Model>,
    /// The largest other file that was opened or mapped, and its size.
    largest_other: Option<(PathBuf, u64)>,
}

/// Folders of the system's own files, among which no model is guessed: libraries, locales, devices.
const SYSTEM: [&str; 8] = ["/usr", "/lib", "/lib64", "/etc", "/proc", "/sys", "/dev", "/run"];

/// A path as text: as it is where it is UTF-8, else with `\xNN` for the bytes that are not, so that
/// different paths stay different.
pub(super) fn path_text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // Writing to a String cannot fail.
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

fn identity(meta: &Metadata) -> Identity {
    (meta.dev(), meta.ino())
}

/// Whether a file starts with a format's magic. Read so that no read-ahead brings more than a page.
fn starts_with(file: &File, magic: &[u8; 4]) -> bool {
    let mut start = [0u8; 4];
    // SAFETY: advice on an open descriptor touches no memory.
    unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_RANDOM) };
    file.read_exact_at(&mut start, 0).is_ok() && start == *magic
}

impl Models {
    pub(super) fn new(named: &[PathBuf], layouts: &[(PathBuf, FileLayout)]) -> Self {
        let of = |path: &PathBuf| std::fs::metadata(path).ok().map(|meta| identity(&meta));
        let layouts = layouts.iter().filter_map(|(path, layout)| Some((of(path)?, layout.clone())));
        Self {
            named: named.to_vec(),
            named_identities: named.iter().filter_map(of).collect(),
            layouts: layouts.collect(),
            ..Self::default()
        }
    }

    /// A file that is no model was opened or mapped: it may be one that nobody named. Programs and libraries are none.
    pub(super) fn met_other(&mut self, tid: pid_t, fd: i32, path: &Path) {
        let place = format!("/proc/{tid}/fd/{fd}");
        let Ok(meta) = std::fs::metadata(&place) else { return };
        let larger = self.largest_other.as_ref().is_none_or(|(_, size)| *size < meta.len());
        if !larger
            || SYSTEM.iter().any(|folder| path.starts_with(folder))
            || !meta.is_file()
            || !path.is_file()
            || meta.len() == 0
            || File::open(&place).is_ok_and(|file| starts_with(&file, b"\x7fELF"))
        {
            return;
        }
        self.largest_other = Some((path.to_owned(), meta.len()));
    }

    /// The largest other file that was opened or mapped, and its size.
    pub(super) fn largest_other(&self) -> Option<(PathBuf, u64)> {
        self.largest_other.clone()
    }

    /// The model behind `place`, a path that leads the tracer to the file which the command calls
    /// `name`.
    fn find(&mut self, place: &Path, name: &[u8]) -> Option<usize> {
        let meta = std::fs::metadata(place).ok()?;
        if !meta.is_file() {
            return None;
        }
        let id = identity(&meta);
        if let Some(known) = self.known.iter().position(|model| model.identity == Some(id)) {
            return Some(known);
        }
        let named = self.named_identities.contains(&id) || self.is_named(name);
        let file = File::open(place).ok();
        // A file of the kernel has no length, and reading its log would wait for more of it.
        let begins = |file: &File| meta.len() > 0 && starts_with(file, b"GGUF");
        if !named && !file.as_ref().is_some_and(begins) {
            return None;
        }
        let text = path_text(name);
        let path = PathBuf::from(OsStr::from_bytes(name));
        if let Some(known) = self.known.iter().position(|model| model.text == text) {
            let model = &mut self.known[known];
            // It was asked for by name before it could be opened, or another file took its name.
            (model.file, model.identity) = (file, Some(id));
            return Some(known);
        }
        self.known.push(Model { text, path, file, identity: Some(id), grain: None });
        Some(self.known.len() - 1)
    }

    fn is_named(&self, name: &[u8]) -> bool {
        self.named.iter().any(|named| named.as_os_str().as_bytes() == name)
    }

    /// The model that a descriptor of a tracee stands for.
    pub(super) fn of_descriptor(&mut self, tid: pid_t, fd: i32, name: &[u8]) -> Option<usize> {
        self.find(Path::new(&format!("/proc/{tid}/fd/{fd}")), name)
    }

    /// What tells the file behind a descriptor of a tracee from others.
    pub(super) fn identity(&self, tid: pid_t, fd: i32) -> Option<FileIdentity> {
        let meta = std::fs::metadata(format!("/proc/{tid}/fd/{fd}")).ok()?;
        Some(FileIdentity { device: meta.dev(), inode: meta.ino(), size: meta.len() })
    }

    /// The model that a path means to a tracee: relative to its directory `at`, within its root.
    pub(super) fn of_path(&mut self, tid: pid_t, at: i32, name: &[u8]) -> Option<usize> {
        let mut place = match (name.first(), at) {
            (None, _) => return None,
            (Some(b'/'), _) => format!("/proc/{tid}/root"),
            (_, libc::AT_FDCWD) => format!("/proc/{tid}/cwd"),
            (_, at) => format!("/proc/{tid}/fd/{at}"),
        }
        .into_bytes();
        place.push(b'/');
        place.extend_from_slice(name);
        if let Some(found) = self.find(Path::new(OsStr::from_bytes(&place)), name) {
            return Some(found);
        }
        if !self.is_named(name) {
            return None;
        }
        let text = path_text(name);
        let known = self.known.iter().position(|model| model.text == text);
        known.or_else(|| {
            let path = PathBuf::from(OsStr::from_bytes(name));
            self.known.push(Model { text, path, file: None, identity: None, grain: None });
            Some(self.known.len() - 1)
        })
    }

    /// The path of a model for the trace.
    pub(super) fn text(&self, model: usize) -> &str {
        self.known.get(model).map_or("", |model| &model.text)
    }

    /// What direct reads of a model are aligned to: what the kernel states, else 512 bytes.
    pub(super) fn grain(&mut self, model: usize) -> u64 {
        const SECTOR: u64 = 512;
        let Some(model) = self.known.get_mut(model) else { return SECTOR };
        let file = model.file.as_ref();
        *model.grain.get_or_insert_with(|| file.and_then(stated_alignment).unwrap_or(SECTOR))
    }

    /// A model as it is open here.
    pub(super) fn file(&self, model: usize) -> Option<&File> {
        self.known.get(model)?.file.as_ref()
    }

    /// The tensor bytes of a model.
    pub(super) fn tensors(&self, model: usize) -> RangeSet<u64> {
        self.parts(model).into_iter().collect()
    }

    /// The bytes of each tensor of a model; all of a file of unknown format.
    pub(super) fn parts(&self, model: usize) -> Vec<Range<u64>> {
        let layout = self.known.get(model).and_then(|model| self.layout(model));
        let ranges = layout.into_iter().flat_map(|layout| layout.tensors).map(|tensor| tensor.range);
        ranges.filter(|range| !range.is_empty()).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// How many bytes all of them have.
    pub(super) fn bytes(&self) -> u64 {
        let len = |model: &Model| Some(model.file.as_ref()?.metadata().ok()?.len());
        self.known.iter().filter_map(len).sum()
    }

    /// The models' paths, in the order of their roles.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        self.known.iter().map(|model| model.path.clone()).collect()
    }

    /// Where the weights lie in each model, by its path in the trace.
    pub(super) fn layouts(&self) -> BTreeMap<String, Layout> {
        let layout = |model| self.layout(model).map_or_else(Layout::default, |layout| Layout::of(&layout));
        self.known.iter().map(|model| (model.text.clone(), layout(model))).collect()
    }

    /// The layout that was given, else what the content says; a header that is malformed leaves all of the file.
    fn layout(&self, model: &Model) -> Option<FileLayout> {
        let given = self.layouts.iter().find(|(id, _)| Some(*id) == model.identity);
        if let Some((_, layout)) = given {
            return Some(layout.clone());
        }
        let source = SeekSource::new(model.file.as_ref()?).ok()?;
        let read = FileLayout::read(&source, &model.path, Choice::Auto);
        Some(read.unwrap_or_else(|_| FileLayout::opaque(crate::gguf::ByteSource::size(&source))))
    }
}

/// The alignment of offsets that the kernel states for direct I/O (`STATX_DIOALIGN`).
fn stated_alignment(file: &File) -> Option<u64> {
    // SAFETY: an all-zero statx is a valid value of this plain C struct.
    let mut stx: libc::statx = unsafe { std::mem::zeroed() };
    // SAFETY: the path is an empty C string as AT_EMPTY_PATH asks, and the kernel writes one statx
    // to the address of one.
    let failed = unsafe {
        libc::statx(file.as_raw_fd(), c"".as_ptr(), libc::AT_EMPTY_PATH, libc::STATX_DIOALIGN, &raw mut stx)
    };
    let stated = failed == 0 && stx.stx_mask & libc::STATX_DIOALIGN != 0;
    Some(u64::from(stx.stx_dio_offset_align)).filter(|align| stated && *align > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_paths_stay_different_and_readable() {
        assert_eq!(path_text("dir/ein Modell\n.gguf".as_bytes()), "dir/ein Modell\n.gguf");
        assert_eq!(path_text(b"a\xffb"), "a\\xffb");
        assert_ne!(path_text(b"a\xff"), path_text(b"a\xfe"));
    }
}
