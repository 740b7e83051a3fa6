//! Which bytes of which files are weights.

use std::collections::{BTreeMap, BTreeSet};

use rangemap::RangeSet;

use crate::layout::FileLayout;
pub use crate::layout::Tensor;
use crate::trace::{Call, FileId, FileIdentity, Op, Outcome, Phase};

/// The weights of one model, file by file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Weights {
    /// Its files: one, or one a shard, in order.
    pub files: Vec<WeightFile>,
    /// The longest stretch in bytes that may be padding and not weights: 0 where the layout is known, a page
    /// where it was inferred from the operations.
    pub tolerance: u64,
}

/// One file with weights.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WeightFile {
    /// Its path.
    pub path: String,
    /// What tells it from other files, where that is known.
    pub identity: Option<FileIdentity>,
    /// Its size in bytes.
    pub size: u64,
    /// The first byte behind the header.
    pub data_start: u64,
    /// Its tensors by offset; those without bytes are left out.
    pub tensors: Vec<Tensor>,
    /// The bytes of all of them.
    pub bytes: RangeSet<u64>,
}

impl WeightFile {
    /// The file of this layout.
    #[must_use]
    pub fn of(path: &str, identity: Option<FileIdentity>, layout: &FileLayout) -> Self {
        let tensors = layout.tensors.iter().filter(|tensor| !tensor.range.is_empty());
        let mut tensors: Vec<Tensor> = tensors.cloned().collect();
        tensors.sort_by_key(|tensor| tensor.range.start);
        let bytes = tensors.iter().map(|tensor| tensor.range.clone()).collect();
        let (size, data_start) = (layout.file_size, layout.data_start);
        Self { path: path.to_owned(), identity, size, data_start, tensors, bytes }
    }

    /// The tensor that holds a byte of the file.
    #[must_use]
    pub fn tensor_at(&self, offset: u64) -> Option<&Tensor> {
        self.tensors.iter().find(|tensor| tensor.range.contains(&offset))
    }

    /// How many bytes the tensors have.
    #[must_use]
    pub fn len(&self) -> u64 {
        length(&self.bytes)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    fn name(&self) -> &str {
        self.path.rsplit(['/', '\\']).next().unwrap_or(&self.path)
    }
}

impl Weights {
    /// A model of one file.
    #[must_use]
    pub fn of(path: &str, identity: Option<FileIdentity>, layout: &FileLayout) -> Self {
        Self { files: vec![WeightFile::of(path, identity, layout)], tolerance: 0 }
    }

    /// How many bytes the tensors have.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.files.iter().map(WeightFile::len).fold(0, u64::saturating_add)
    }

    /// The bytes of all tensors of each file.
    pub(super) fn whole(&self) -> BTreeMap<usize, RangeSet<u64>> {
        self.files.iter().map(|file| file.bytes.clone()).enumerate().collect()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.iter().all(WeightFile::is_empty)
    }

    /// The weights as operations show them, for a recording without the model: of each path that something
    /// was brought from in the load phase, what lies behind the bytes that a header session read.
    #[must_use]
    pub fn inferred(ops: &[Op], page_size: u64) -> Self {
        // The operations on each path, in the order of first appearance; a file whose open is not in the trace
        // has a path of its own.
        let mut index: BTreeMap<FileId, usize> = BTreeMap::new();
        let mut by_path: BTreeMap<&str, usize> = BTreeMap::new();
        let mut paths: Vec<(String, Vec<&Op>)> = Vec::new();
        for op in ops {
            let Some(file) = op.call.file() else { continue };
            let at = match &op.call {
                Call::Open { path, .. } => *by_path.entry(path).or_insert_with(|| {
                    paths.push((path.clone(), Vec::new()));
                    paths.len() - 1
                }),
                _ => *index.entry(file).or_insert_with(|| {
                    paths.push((String::new(), Vec::new()));
                    paths.len() - 1
                }),
            };
            index.insert(file, at);
            paths[at].1.push(op);
        }
        let mut files = Vec::new();
        for (path, own) in paths {
            let moved = |op: &&&Op| {
                op.phase == Phase::Load
                    && match (&op.call, &op.outcome) {
                        (Call::Map { len, .. }, Outcome::Ok(_)) => *len > 0,
                        (Call::Read { .. }, Outcome::Ok(n)) => *n > 0,
                        _ => false,
                    }
            };
            let Some(first) = own.iter().find(moved) else { continue };
            let size = own.iter().map(|op| reach(op)).max().unwrap_or(0);
            let header = header_end(&own);
            let brought = match first.call {
                Call::Map { offset, .. } | Call::Read { offset, .. } => offset,
                _ => 0,
            };
            // A file that one session read whole has its header in it.
            let start = if header > 0 { header } else { brought }.min(size);
            let range = start..size;
            let bytes: RangeSet<u64> = (!range.is_empty()).then(|| range.clone()).into_iter().collect();
            let tensors = vec![Tensor { name: "the weights".to_owned(), range }];
            let tensors = if bytes.is_empty() { Vec::new() } else { tensors };
            files.push(WeightFile { path, identity: None, size, data_start: start, tensors, bytes });
        }
        Self { files, tolerance: page_size.max(1) }
    }

    /// Which of the files each open file of a trace is: by identity where both sides know it, else by path,
    /// else by name, else, for a model of one file and a trace of one path, the only one there is.
    #[must_use]
    pub fn files_of(&self, ops: &[Op]) -> BTreeMap<FileId, usize> {
        let mut opened: Vec<(FileId, &str, Option<FileIdentity>)> = Vec::new();
        let mut known: BTreeSet<FileId> = BTreeSet::new();
        for op in ops {
            match &op.call {
                Call::Open { file, path, identity, .. } => {
                    known.insert(*file);
                    opened.push((*file, path.as_str(), *identity));
                }
                call => {
                    opened.extend(call.file().filter(|file| known.insert(*file)).map(|file| (file, "", None)))
                }
            }
        }
        let one_path = opened.iter().all(|(_, path, _)| *path == opened[0].1);
        let find = |path: &str, identity: Option<FileIdentity>| {
            let same = |a: FileIdentity, b: FileIdentity| (a.device, a.inode) == (b.device, b.inode);
            if let Some(identity) = identity
                && self.files.iter().all(|file| file.identity.is_some())
            {
                return self.files.iter().position(|f| f.identity.is_some_and(|own| same(own, identity)));
            }
            let by_path = self.files.iter().position(|file| file.path == path);
            let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
            let by_name = || self.files.iter().position(|file| file.name() == name);
            by_path.or_else(by_name).or_else(|| (one_path && self.files.len() == 1).then_some(0))
        };
        let found = opened.iter().filter_map(|(file, path, identity)| Some((*file, find(path, *identity)?)));
        let mut files: BTreeMap<FileId, usize> = found.collect();
        // An open that was refused has no identity; its path says which file was meant.
        let by_path: BTreeMap<&str, usize> =
            opened.iter().filter_map(|(file, path, _)| Some((*path, *files.get(file)?))).collect();
        for (file, path, identity) in &opened {
            if identity.is_none()
                && let Some(known) = by_path.get(path)
            {
                files.entry(*file).or_insert(*known);
            }
        }
        files
    }
}

/// How many bytes are in a set.
pub(super) fn length(set: &RangeSet<u64>) -> u64 {
    set.iter().map(|range| range.end - range.start).fold(0, u64::saturating_add)
}

/// One past the last byte that an operation speaks of.
fn reach(op: &Op) -> u64 {
    match (&op.call, &op.outcome) {
        (Call::Read { offset, .. }, Outcome::Ok(n)) if *n > 0 => offset.saturating_add(*n),
        (Call::Map { offset, len, .. }, _) => offset.saturating_add(*len),
        (Call::Size { .. }, Outcome::Ok(size)) => *size,
        _ => 0,
    }
}

/// One past the last byte that a header session read from the front.
fn header_end(ops: &[&Op]) -> u64 {
    let mut end = 0;
    for op in ops.iter().filter(|op| op.phase == Phase::Header) {
        if let (Call::Read { offset, .. }, Outcome::Ok(n)) = (&op.call, &op.outcome)
            && *offset <= end
        {
            end = end.max(offset.saturating_add(*n));
        }
    }
    end
}
