//! What the tensors of a model file really hold, found without the loader.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use crate::engine::TensorBytes;
use crate::gguf::Gguf;
use crate::layout::{Choice, FileLayout, Kind, Model, ModelError, ModelFile, read_model};
use crate::rules::{WeightFile, Weights};
use crate::trace::Difference;

/// The bytes of tensors that are kept to compare with, all together; of a larger model their hashes serve.
const KEPT: u64 = 64 << 20;

/// One hash for each tensor, in the order of the tensor table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TensorHashes(Vec<blake3::Hash>);

impl TensorHashes {
    /// Hashes every tensor, on all cores.
    pub fn of(gguf: &Gguf, bytes: &dyn TensorBytes) -> Self {
        let (next, count) = (AtomicUsize::new(0), gguf.tensors.len());
        let hashes: Vec<OnceLock<blake3::Hash>> = (0..count).map(|_| OnceLock::new()).collect();
        let work = || {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(slot) = hashes.get(index) else { break };
                slot.get_or_init(|| blake3::hash(bytes.tensor_bytes(index)));
            }
        };
        let others = std::thread::available_parallelism().map_or(1, NonZero::get).min(count.max(1)) - 1;
        std::thread::scope(|scope| {
            for _ in 0..others {
                // One that cannot be started leaves its share to the others.
                let _ = std::thread::Builder::new().spawn_scoped(scope, work);
            }
            work();
        });
        Self(hashes.into_iter().filter_map(OnceLock::into_inner).collect())
    }

    /// One hash over all of them, as hexadecimal text.
    pub fn combined(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for hash in &self.0 {
            hasher.update(hash.as_bytes());
        }
        hasher.finalize().to_hex().to_string()
    }

    /// The index of the first tensor that differs.
    pub fn first_difference(&self, other: &Self) -> Option<usize> {
        let common = self.0.iter().zip(&other.0).position(|(a, b)| a != b);
        common.or_else(|| (self.0.len() != other.0.len()).then(|| self.0.len().min(other.0.len())))
    }
}

/// A model as it lies on disk: one file, or all files of one model.
#[derive(Clone, Debug)]
pub struct Truth {
    /// Its format.
    pub kind: Kind,
    /// Its files, in order.
    pub paths: Vec<PathBuf>,
    /// Which bytes of which file are weights.
    pub weights: Weights,
    /// The layout of each file, in the same order.
    pub layouts: Vec<FileLayout>,
    /// The hash of each tensor's bytes in the file.
    pub tensors: TensorHashes,
    /// What is to be said of its layout, in sentences.
    pub notes: Vec<String>,
    /// The bytes themselves, tensor by tensor, where they are few enough to be kept.
    kept: Option<Arc<[Vec<u8>]>>,
}

/// The first tensor of a load that does not hold the bytes of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Its place in the tensor table.
    pub index: usize,
    /// Its first byte that differs, where the bytes themselves were compared and both have the length.
    pub difference: Option<Difference>,
}

/// A model file that cannot serve as the truth.
#[derive(Debug, thiserror::Error)]
pub enum TruthError {
    /// The file cannot be read.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// Its layout cannot be known.
    #[error(transparent)]
    Model(#[from] ModelError),
}

impl Truth {
    /// What the model inside the program holds.
    ///
    /// # Panics
    /// Never: the model is part of the program.
    #[must_use]
    pub fn embedded() -> Self {
        let bytes = super::embedded::BYTES;
        let gguf = crate::gguf::read(&bytes).expect("the model inside the program is well-formed");
        let of = |tensor| {
            let range = gguf.file_range(tensor);
            bytes[range.start as usize..range.end as usize].to_vec()
        };
        let kept: Arc<[Vec<u8>]> = gguf.tensors.iter().map(of).collect();
        let tensors = TensorHashes(kept.iter().map(|bytes| blake3::hash(bytes)).collect());
        let layout = FileLayout::of_gguf(&gguf);
        let weights = Weights::of(super::EMBEDDED_NAME, None, &layout);
        let (kind, paths, notes, layouts) = (Kind::Gguf, Vec::new(), Vec::new(), vec![layout]);
        Self { kind, paths, weights, layouts, tensors, notes, kept: Some(kept) }
    }

    /// Compares the tensors of a load with those of the file: the hash over all that was loaded, and the first
    /// tensor that differs.
    #[must_use]
    pub fn compare(&self, loaded: &Gguf, bytes: &dyn TensorBytes) -> (String, Option<Mismatch>) {
        if let Some(kept) = self.kept.as_deref().filter(|kept| kept.len() == loaded.tensors.len()) {
            let wrong =
                kept.iter().enumerate().find(|(index, kept)| bytes.tensor_bytes(*index) != kept.as_slice());
            let Some((index, kept)) = wrong else { return (self.tensors.combined(), None) };
            let (memory, whole) = (bytes.tensor_bytes(index), kept.len());
            let at = kept.iter().zip(memory).position(|(file, memory)| file != memory);
            let difference = at.filter(|_| memory.len() == whole).and_then(|at| {
                let tensor = self.layouts.iter().flat_map(|layout| &layout.tensors).nth(index)?;
                let offset = tensor.range.start + at as u64;
                Some(Difference { offset, file: kept[at], memory: memory[at] })
            });
            return (TensorHashes::of(loaded, bytes).combined(), Some(Mismatch { index, difference }));
        }
        let hashes = TensorHashes::of(loaded, bytes);
        let wrong = hashes.first_difference(&self.tensors).map(|index| Mismatch { index, difference: None });
        (hashes.combined(), wrong)
    }

    /// Reads and hashes a GGUF model with the standard library alone: none of the code under test is involved.
    ///
    /// A model of several shards is given by its first.
    ///
    /// # Errors
    /// When a file cannot be read or is not a well-formed GGUF file, or shards do not belong
    /// together.
    pub fn of_file(path: &Path) -> Result<Self, TruthError> {
        Self::of_files(&[path.to_owned()], Choice::Named(Kind::Gguf))
    }

    /// Reads and hashes a model of any layout; of several files that are named each has weights.
    ///
    /// # Errors
    /// When a file cannot be read, a header is malformed, or files do not belong together.
    pub fn of_files(named: &[PathBuf], choice: Choice) -> Result<Self, TruthError> {
        let model = read_model(named, choice)?;
        let mut hashes = Vec::new();
        let mut kept = (model.bytes() <= KEPT).then(Vec::new);
        for file in &model.files {
            let own = contents_of(file, kept.as_mut());
            hashes.extend(own.map_err(|error| TruthError::Io { path: file.path.clone(), error })?);
        }
        Ok(Self { tensors: TensorHashes(hashes), kept: kept.map(Into::into), ..Self::of_model(model) })
    }

    /// Where the weights of a model lie, for whoever compares no bytes: only headers are read, which of a large model
    /// is a thousandth. Nothing that is loaded has the tensors of this one.
    ///
    /// # Errors
    /// When a header cannot be read or is malformed, or files do not belong together.
    pub fn without_contents(named: &[PathBuf], choice: Choice) -> Result<Self, TruthError> {
        Ok(Self::of_model(read_model(named, choice)?))
    }

    fn of_model(model: Model) -> Self {
        let mut weights = Vec::new();
        for file in &model.files {
            // What tells the file from another of its name, as the system says.
            let opened = crate::platform::native().open(&file.path, false);
            let identity = opened.and_then(|file| file.identity()).ok();
            weights.push(WeightFile::of(&file.path.to_string_lossy(), identity, &file.layout));
        }
        let opaque = model.files.iter().any(|file| file.layout.kind == Kind::Opaque);
        let weights = Weights { files: weights, tolerance: if opaque { OPAQUE_HEADER } else { 0 } };
        let (paths, layouts) = model.files.into_iter().map(|file| (file.path, file.layout)).unzip();
        let (kind, notes, tensors) = (model.kind, model.notes, TensorHashes::default());
        Self { kind, paths, weights, layouts, tensors, notes, kept: None }
    }
}

/// The longest stretch of an opaque file that may be a header or padding, and that nobody has to bring: a page.
const OPAQUE_HEADER: u64 = 4096;

/// The hash of each tensor of a file, whose bytes are added to what is kept.
fn contents_of(file: &ModelFile, mut kept: Option<&mut Vec<Vec<u8>>>) -> std::io::Result<Vec<blake3::Hash>> {
    use std::io::{Read, Seek, SeekFrom};
    let mut opened = std::fs::File::open(&file.path)?;
    let hash = |tensor: &crate::layout::Tensor| {
        opened.seek(SeekFrom::Start(tensor.range.start))?;
        let mut part = (&opened).take(tensor.range.end - tensor.range.start);
        if let Some(kept) = &mut kept {
            let mut bytes = Vec::new();
            part.read_to_end(&mut bytes)?;
            let hash = blake3::hash(&bytes);
            kept.push(bytes);
            return Ok(hash);
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(part)?;
        Ok(hasher.finalize())
    };
    file.layout.tensors.iter().map(hash).collect()
}
