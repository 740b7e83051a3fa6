//! A model with all its files.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Component, Path, PathBuf};

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{Choice, External, FileLayout, Kind, LayoutError, Tensor};
use crate::gguf::split::{self, SplitError};
use crate::gguf::{self, ByteSource, SeekSource};

/// The files of a model, in order: shards as they are numbered or named, external data behind what names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// The format of the first.
    pub kind: Kind,
    /// Its files.
    pub files: Vec<ModelFile>,
    /// What is to be said of them, in sentences.
    pub notes: Vec<String>,
}

/// One file of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelFile {
    /// Where it lies.
    pub path: PathBuf,
    /// Where its weights lie.
    pub layout: FileLayout,
}

/// Why the files of a model cannot be known.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// A file cannot be read.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A header is malformed.
    #[error("{}: {error}", path.display())]
    Layout {
        /// Of which file.
        path: PathBuf,
        /// Why.
        error: LayoutError,
    },
    /// The files are not the shards of one model.
    #[error("{}: {error}", path.display())]
    Split {
        /// The first.
        path: PathBuf,
        /// Why.
        error: SplitError,
    },
    /// An index or a header names files that cannot be used.
    #[error("{}: {problem}", path.display())]
    Named {
        /// What names them.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

/// How often the bytes of a file of external data may be named: tensors may share them.
const MOST_SHARED: u64 = 16;

/// The longest index of shards in bytes.
const MAX_INDEX: u64 = 64 << 20;

/// Reads the headers of a model. The files of a model in several are found from the one that is named: the shards
/// of a GGUF model from the first, safetensors from their index (`model.safetensors.index.json`), external data from
/// the ONNX file. Of several that are named each has weights.
///
/// # Errors
/// When a file cannot be read, a header is malformed, or files do not belong together.
pub fn read_model(named: &[PathBuf], choice: Choice) -> Result<Model, ModelError> {
    let mut model = Model { kind: Kind::Opaque, files: Vec::new(), notes: Vec::new() };
    for (at, path) in named.iter().enumerate() {
        let kind = model.add(path, choice)?;
        if at == 0 {
            model.kind = kind;
        }
    }
    for file in &model.files {
        let name = file.path.display();
        model.notes.extend(file.layout.notes.iter().map(|note| format!("{name}: {note}")));
    }
    Ok(model)
}

impl Model {
    /// How many bytes its tensors have, one that is shared counted for each of its names.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let tensors = self.files.iter().flat_map(|file| &file.layout.tensors);
        tensors.map(|tensor| tensor.range.end - tensor.range.start).fold(0, u64::saturating_add)
    }

    fn add(&mut self, path: &Path, choice: Choice) -> Result<Kind, ModelError> {
        let source = open(path)?;
        let is_index = path
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|n| n.ends_with(".safetensors.index.json"));
        if is_index && matches!(choice, Choice::Auto | Choice::Named(Kind::Safetensors)) {
            for (shard, tensors) in index(path, &source)? {
                let source = open(&shard)?;
                let layout = self.push(&shard, &source, Choice::Named(Kind::Safetensors))?;
                let has: BTreeSet<&str> = layout.tensors.iter().map(|tensor| tensor.name.as_str()).collect();
                if let Some(tensor) = tensors.iter().find(|tensor| !has.contains(tensor.as_str())) {
                    let (tensor, shard) = (super::shown(tensor), shard.display());
                    let problem =
                        format!("the tensor {tensor} is to be in {shard}, which has none of that name");
                    return Err(ModelError::Named { path: path.to_owned(), problem });
                }
            }
            return Ok(Kind::Safetensors);
        }
        let layout = self.push(path, &source, choice)?.clone();
        match layout.kind {
            Kind::Gguf => self.add_shards(path, &source)?,
            Kind::Onnx => self.add_external(path, &layout.external)?,
            _ => {}
        }
        Ok(layout.kind)
    }

    /// A file that is named twice is one file.
    fn push(
        &mut self,
        path: &Path,
        source: &dyn ByteSource,
        choice: Choice,
    ) -> Result<&FileLayout, ModelError> {
        let at = match self.files.iter().position(|file| file.path == path) {
            Some(at) => at,
            None => {
                let layout = FileLayout::read(source, path, choice)
                    .map_err(|error| ModelError::Layout { path: path.to_owned(), error })?;
                self.files.push(ModelFile { path: path.to_owned(), layout });
                self.files.len() - 1
            }
        };
        Ok(&self.files[at].layout)
    }

    fn add_shards(&mut self, first: &Path, source: &dyn ByteSource) -> Result<(), ModelError> {
        let split = |error| ModelError::Split { path: first.to_owned(), error };
        let header = |path: &Path, source: &dyn ByteSource| {
            gguf::read(source)
                .map_err(|error| ModelError::Layout { path: path.to_owned(), error: error.into() })
        };
        let mut shards = vec![header(first, source)?];
        let Some(shard) = split::shard(&shards[0]).map_err(split)? else { return Ok(()) };
        for path in &split::paths(first, shard).map_err(split)?[1..] {
            let source = open(path)?;
            shards.push(header(path, &source)?);
            self.push(path, &source, Choice::Named(Kind::Gguf))?;
        }
        split::join(shards).map(|_| ()).map_err(split)
    }

    fn add_external(&mut self, path: &Path, tensors: &[External]) -> Result<(), ModelError> {
        let wrong = |problem: String| ModelError::Named { path: path.to_owned(), problem };
        let mut files: BTreeMap<&str, Vec<&External>> = BTreeMap::new();
        for tensor in tensors {
            files.entry(&tensor.location).or_default().push(tensor);
        }
        for (location, tensors) in files {
            let inside = Path::new(location)
                .components()
                .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
            if !inside || location.is_empty() {
                let name = &tensors[0].name;
                return Err(wrong(format!(
                    "tensor {name:?} lies in {location:?}, which is no path inside the model's folder"
                )));
            }
            let other = path.with_file_name(location);
            let size = open(&other)?.size();
            let mut layout = FileLayout { kind: Kind::Onnx, ..FileLayout::opaque(size) };
            layout.tensors.clear();
            for tensor in tensors {
                let len = tensor.len.unwrap_or(size.saturating_sub(tensor.offset));
                let Some(end) = tensor.offset.checked_add(len).filter(|end| *end <= size) else {
                    let (name, offset) = (&tensor.name, tensor.offset);
                    return Err(wrong(format!(
                        "tensor {name:?} has {len} bytes at offset {offset} of {location:?}, but that ends at {size}"
                    )));
                };
                layout.tensors.push(Tensor { name: tensor.name.clone(), range: tensor.offset..end });
            }
            let named = layout.tensors.iter().map(|tensor| tensor.range.end - tensor.range.start);
            if named.fold(0, u64::saturating_add) > size.saturating_mul(MOST_SHARED) {
                return Err(wrong(format!(
                    "its tensors name the bytes of {location:?} more than {MOST_SHARED} times over"
                )));
            }
            self.files.retain(|file| file.path != other);
            self.files.push(ModelFile { path: other, layout });
        }
        Ok(())
    }
}

fn open(path: &Path) -> Result<SeekSource<File>, ModelError> {
    let failed = |error| ModelError::Io { path: path.to_owned(), error };
    super::regular(path).map_err(failed)?;
    if std::fs::metadata(path).map_err(failed)?.is_dir() {
        return Err(failed(io::ErrorKind::IsADirectory.into()));
    }
    SeekSource::new(File::open(path).map_err(failed)?).map_err(failed)
}

/// The file names of an index, each once, in order, with the tensors that are to be in it.
#[derive(Deserialize)]
struct Index {
    weight_map: Shards,
}

struct Shards(BTreeMap<String, Vec<String>>);

impl<'de> Deserialize<'de> for Shards {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = Shards;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object from tensors to files")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shards, A::Error> {
                let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
                while let Some((tensor, file)) = map.next_entry::<String, String>()? {
                    names.entry(file).or_default().push(tensor);
                }
                Ok(Shards(names))
            }
        }
        deserializer.deserialize_map(Names)
    }
}

/// The shards that an index names, each with its tensors.
fn index(path: &Path, source: &dyn ByteSource) -> Result<Vec<(PathBuf, Vec<String>)>, ModelError> {
    let wrong = |problem: String| ModelError::Named { path: path.to_owned(), problem };
    let size = source.size();
    if size > MAX_INDEX {
        return Err(wrong(format!("an index of {size} bytes, more than {MAX_INDEX}")));
    }
    let bytes = super::bytes_at(source, Kind::Safetensors, 0, size)
        .map_err(|error| ModelError::Layout { path: path.to_owned(), error })?;
    let index: Index = serde_json::from_slice(&bytes)
        .map_err(|error| wrong(format!("this is no index of shards: {error}")))?;
    let names = index.weight_map.0;
    if names.is_empty() {
        return Err(wrong("the index names no file".to_owned()));
    }
    if let Some(name) = names
        .keys()
        .find(|name| Path::new(name).components().any(|part| !matches!(part, Component::Normal(_))))
    {
        return Err(wrong(format!("the index names {name:?}, which is no path inside its folder")));
    }
    Ok(names.into_iter().map(|(name, tensors)| (path.with_file_name(name), tensors)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::{numpy, onnx};

    fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            std::fs::write(folder.path().join(name), bytes).unwrap();
        }
        folder
    }

    fn shard(tensor: &str) -> Vec<u8> {
        let header = format!(r#"{{"{tensor}":{{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}}}"#);
        [&(header.len() as u64).to_le_bytes(), header.as_bytes(), b"0123"].concat()
    }

    fn read(folder: &tempfile::TempDir, name: &str) -> Result<Model, String> {
        read_model(&[folder.path().join(name)], Choice::Auto).map_err(|error| error.to_string())
    }

    #[test]
    fn an_index_leads_to_its_shards() {
        let index = br#"{"metadata":{},"weight_map":{"a":"m-2.safetensors","b":"m-1.safetensors"}}"#;
        let name = "m.safetensors.index.json";
        let two =
            folder(&[(name, index), ("m-1.safetensors", &shard("b")), ("m-2.safetensors", &shard("a"))]);
        let model = read(&two, name).unwrap();
        let names: Vec<_> = model.files.iter().map(|f| f.layout.tensors[0].name.as_str()).collect();
        assert_eq!((model.kind, names), (Kind::Safetensors, vec!["b", "a"]));
        std::fs::remove_file(two.path().join("m-1.safetensors")).unwrap();
        assert!(read(&two, name).unwrap_err().contains("m-1.safetensors: "));
        let other =
            folder(&[(name, index), ("m-1.safetensors", &shard("x")), ("m-2.safetensors", &shard("a"))]);
        let problem = read(&other, name).unwrap_err();
        assert!(problem.contains(r#"the tensor "b" is to be in "#), "{problem}");
        let outside = folder(&[(name, br#"{"weight_map":{"a":"../x"}}"#)]);
        assert!(read(&outside, name).unwrap_err().contains("no path inside"));
    }

    #[test]
    fn external_data_is_found_and_stays_inside_the_folder() {
        let data = [5u8; 100];
        let name = "m.onnx";
        let model = folder(&[(name, &onnx::tests::external("w.bin", "10", "20")), ("w.bin", &data)]);
        let model = read(&model, name).unwrap();
        assert_eq!(model.files[1].layout.tensors[0].range, 10..30);
        for (location, length, says) in
            [("../w.bin", "20", "no path inside"), ("w.bin", "91", "ends at 100"), ("none", "1", "none: ")]
        {
            let model = folder(&[(name, &onnx::tests::external(location, "10", length)), ("w.bin", &data)]);
            let problem = read(&model, name).unwrap_err();
            assert!(problem.contains(says), "{problem}");
        }
    }

    #[test]
    fn each_file_that_is_named_has_weights() {
        let array = numpy::tests::array("<f4", "(2,)", &[0; 8]);
        let two = folder(&[("a.npy", &array), ("b.bin", b"weights")]);
        let paths = ["a.npy", "b.bin", "a.npy"].map(|name| two.path().join(name));
        let model = read_model(&paths, Choice::Auto).unwrap();
        let kinds: Vec<_> = model.files.iter().map(|file| file.layout.kind).collect();
        assert_eq!((model.kind, kinds, model.notes.len()), (Kind::Npy, vec![Kind::Npy, Kind::Opaque], 1));
    }
}
