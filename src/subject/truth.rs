//! What the tensors of a model file really hold, found without the loader.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use crate::engine::TensorBytes;
use crate::gguf::split::{self, SplitError};
use crate::gguf::{Gguf, ReadError, SeekSource};
use crate::rules::{WeightFile, Weights};
use crate::trace::{Difference, FileIdentity};

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
            bytes[range.start as usize..range.end as usize].to_vec()
        };
        let kept: Arc<[Vec<u8>]> = gguf.tensors.iter().map(of).collect();
        let tensors = TensorHashes(kept.iter().map(|bytes| blake3::hash(bytes)).collect());
        let weights = Weights::of(super::EMBEDDED_NAME, None, &gguf);
        Self { paths: Vec::new(), weights, tensors, gguf, kept: Some(kept) }
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
                let name = &self.gguf.tensors.get(index)?.name;
                let tensors = self.weights.files.iter().flat_map(|file| &file.tensors);
                let offset = tensors.into_iter().find(|tensor| tensor.name == *name)?.range.start + at as u64;
                Some(Difference { offset, file: kept[at], memory: memory[at] })
            });
            return (TensorHashes::of(loaded, bytes).combined(), Some(Mismatch { index, difference }));
        }
        let hashes = TensorHashes::of(loaded, bytes);
        let wrong = hashes.first_difference(&self.tensors).map(|index| Mismatch { index, difference: None });
        (hashes.combined(), wrong)
    }

    /// Reads and hashes a model with the standard library alone: none of the code under test is involved.
    ///
    /// A model of several shards is given by its first.
    ///
    /// # Errors
    /// When a file cannot be read or is not a well-formed GGUF file, or shards do not belong
    /// together.
    pub fn of_file(path: &Path) -> Result<Self, TruthError> {
        let mut room = KEPT;
        let first = File::of(path, &mut room)?;
        let mut paths = vec![path.to_owned()];
        if let Some(shard) = split::shard(&first.gguf)? {
            paths = split::paths(path, shard)?;
        }
        let mut files = vec![first];
        for path in &paths[1..] {
            files.push(File::of(path, &mut room)?);
        }
        let gguf = split::join(files.iter().map(|file| &file.gguf))?;
        let weights = paths
            .iter()
            .zip(&files)
            .map(|(path, file)| WeightFile::of(&path.to_string_lossy(), file.identity, &file.gguf));
        let weights = Weights { files: weights.collect(), tolerance: 0 };
        let kept: Option<Vec<Vec<Vec<u8>>>> = files.iter_mut().map(|file| file.kept.take()).collect();
        let tensors = TensorHashes(files.into_iter().flat_map(|file| file.hashes).collect());
        let kept = kept.map(|files| files.into_iter().flatten().collect());
        Ok(Self { gguf, paths, weights, tensors, kept })
    }
}

/// One file of a model.
struct File {
    gguf: Gguf,
    identity: Option<FileIdentity>,
    hashes: Vec<blake3::Hash>,
    /// The bytes of its tensors, where they are few enough to be kept.
    kept: Option<Vec<Vec<u8>>>,
}

impl File {
    /// Reads a file; `room` is how many bytes of tensors may still be kept.
    fn of(path: &Path, room: &mut u64) -> Result<Self, TruthError> {
        use std::io::{Read, Seek, SeekFrom};
        let mut file = std::fs::File::open(path)?;
        let gguf = crate::gguf::read(&SeekSource::new(&file)?)?;
        let all = gguf.tensors.iter().map(|tensor| gguf.file_range(tensor));
        let all = all.map(|range| range.end - range.start).fold(0, u64::saturating_add);
        let mut kept = (all <= *room).then(Vec::new);
        *room = room.saturating_sub(all);
        let mut hash = |tensor| {
            let range = gguf.file_range(tensor);
            file.seek(SeekFrom::Start(range.start))?;
            let mut part = (&file).take(range.end - range.start);
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
        let hashes = gguf.tensors.iter().map(&mut hash).collect::<std::io::Result<_>>()?;
        // What tells the file from another of its name, as the system says.
        let opened = crate::platform::native().open(path, false);
        let identity = opened.and_then(|file| file.identity()).ok();
        Ok(Self { identity, gguf, hashes, kept })
    }
}
