//! What the tensors of a model file really hold, found without the loader.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::engine::TensorBytes;
use crate::gguf::split::{self, SplitError};
use crate::gguf::{Gguf, ReadError, SeekSource};
use crate::rules::{WeightFile, Weights};
use crate::trace::FileIdentity;

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

/// A model as it lies on disk: one file, or the shards of one model.
#[derive(Clone, Debug)]
pub struct Truth {
    /// Its header; of several shards, joined.
    pub gguf: Gguf,
    /// Its files, in order.
    pub paths: Vec<PathBuf>,
    /// Which bytes of which file are weights.
    pub weights: Weights,
    /// The hash of each tensor's bytes in the file.
    pub tensors: TensorHashes,
}

/// A model file that cannot serve as the truth.
#[derive(Debug, thiserror::Error)]
pub enum TruthError {
    /// The file cannot be read.
    #[error("cannot read the model: {0}")]
    Io(#[from] std::io::Error),
    /// The file is not a GGUF file.
    #[error(transparent)]
    Gguf(#[from] ReadError),
    /// The files are not the shards of one model.
    #[error(transparent)]
    Split(#[from] SplitError),
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
            blake3::hash(&bytes[range.start as usize..range.end as usize])
        };
        let tensors = TensorHashes(gguf.tensors.iter().map(of).collect());
        let weights = Weights::of(super::EMBEDDED_NAME, None, &gguf);
        Self { paths: Vec::new(), weights, tensors, gguf }
    }

    /// Reads and hashes a model with the standard library alone: none of the code under test is involved.
    ///
    /// A model of several shards is given by its first.
    ///
    /// # Errors
    /// When a file cannot be read or is not a well-formed GGUF file, or shards do not belong
    /// together.
    pub fn of_file(path: &Path) -> Result<Self, TruthError> {
        let first = File::of(path)?;
        let mut paths = vec![path.to_owned()];
        if let Some(shard) = split::shard(&first.gguf)? {
            paths = split::paths(path, shard)?;
        }
        let mut files = vec![first];
        for path in &paths[1..] {
            files.push(File::of(path)?);
        }
        let gguf = split::join(files.iter().map(|file| &file.gguf))?;
        let weights = paths
            .iter()
            .zip(&files)
            .map(|(path, file)| WeightFile::of(&path.to_string_lossy(), file.identity, &file.gguf));
        let weights = Weights { files: weights.collect(), tolerance: 0 };
        let tensors = TensorHashes(files.into_iter().flat_map(|file| file.hashes).collect());
        Ok(Self { gguf, paths, weights, tensors })
    }
}

/// One file of a model.
struct File {
    gguf: Gguf,
    identity: Option<FileIdentity>,
    hashes: Vec<blake3::Hash>,
}

impl File {
    fn of(path: &Path) -> Result<Self, TruthError> {
        use std::io::{Read, Seek, SeekFrom};
        let mut file = std::fs::File::open(path)?;
        let gguf = crate::gguf::read(&SeekSource::new(&file)?)?;
        let hash = |tensor| {
            let range = gguf.file_range(tensor);
            file.seek(SeekFrom::Start(range.start))?;
            let mut hasher = blake3::Hasher::new();
            hasher.update_reader((&file).take(range.end - range.start))?;
            Ok(hasher.finalize())
        };
        let hashes = gguf.tensors.iter().map(hash).collect::<std::io::Result<_>>()?;
        // What tells the file from another of its name, as the system says.
        let opened = crate::platform::native().open(path, false);
        let identity = opened.and_then(|file| file.identity()).ok();
        Ok(Self { identity, gguf, hashes })
    }
}
