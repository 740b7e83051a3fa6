//! Which bytes of which files are weights, whatever the format: GGUF, safetensors, NumPy, ONNX, or all of a file.
//!
//! A header is read and believed where it holds together: every count is bounded by the file before anything of
//! its size is allocated, and every stretch lies inside its file. Formats are told apart by content; a name ending
//! in a known extension is held to that format, so that a damaged file is no unknown one. What nobody knows is
//! [`Kind::Opaque`]: all of it may be weights.
//!
//! [`FileLayout::read`] is about one file; [`read_model`] about a model with all its files.
//!
//! Called by `cli`, `subject`, `rules` and `tracer`; calls `gguf`.

mod model;
mod numpy;
mod onnx;
mod safetensors;
mod source;

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::str::FromStr;

use crate::gguf::{self, ByteSource, Gguf};

pub use model::{Model, ModelError, ModelFile, read_model};
pub use source::regular;

/// The format of a file with weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// GGUF, one file or the shards of one model.
    Gguf,
    /// safetensors, one file or those that an index names.
    Safetensors,
    /// One NumPy array.
    Npy,
    /// A zip archive of NumPy arrays or of a PyTorch checkpoint; its members are stored, not compressed.
    Zip,
    /// ONNX, with external data where it names some.
    Onnx,
    /// All bytes of the file, whatever they are.
    Opaque,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::Gguf, Self::Safetensors, Self::Npy, Self::Zip, Self::Onnx, Self::Opaque];

    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Gguf => "gguf",
            Self::Safetensors => "safetensors",
            Self::Npy => "npy",
            Self::Zip => "zip",
            Self::Onnx => "onnx",
            Self::Opaque => "opaque",
        }
    }

    /// The format that files with this extension are of.
    fn of_extension(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?;
        match extension.to_ascii_lowercase().as_str() {
            "gguf" => Some(Self::Gguf),
            "safetensors" => Some(Self::Safetensors),
            "npy" => Some(Self::Npy),
            "npz" => Some(Self::Zip),
            "onnx" => Some(Self::Onnx),
            _ => None,
        }
    }

    /// The format that the content of a file says it has.
    fn of_content(source: &dyn ByteSource) -> Option<Self> {
        let mut head = [0u8; 9];
        let known = head.len().min(usize::try_from(source.size()).unwrap_or(usize::MAX));
        let head = &mut head[..known];
        source.read_exact_at(0, head).ok()?;
        match head {
            [b'G', b'G', b'U', b'F', ..] => Some(Self::Gguf),
            [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => Some(Self::Npy),
            [b'P', b'K', 3, 4, ..] => Some(Self::Zip),
            _ if safetensors::is_one(head, source.size()) => Some(Self::Safetensors),
            _ if onnx::is_one(source) => Some(Self::Onnx),
            _ => None,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// What `--layout` says: a format, or that the content says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// As the content says; all bytes of a file that nobody knows.
    #[default]
    Auto,
    /// This one, whatever the content looks like.
    Named(Kind),
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.pad("auto"),
            Self::Named(kind) => kind.fmt(f),
        }
    }
}

impl FromStr for Choice {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        if word == "auto" {
            return Ok(Self::Auto);
        }
        let known = Kind::ALL.into_iter().find(|kind| kind.word() == word);
        known.map(Self::Named).ok_or_else(|| {
            let known = Kind::ALL.map(Kind::word).join(", ");
            format!("unknown layout `{word}`: accepted are auto, {known}")
        })
    }
}

/// A tensor and its bytes of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// Its name.
    pub name: String,
    /// Its bytes of the file.
    pub range: Range<u64>,
}

/// Where the weights of one file lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileLayout {
    /// Its format.
    pub kind: Kind,
    /// Its size in bytes.
    pub file_size: u64,
    /// The first byte behind the header; 0 where none is known.
    pub data_start: u64,
    /// Its tensors in the order of the header, those without bytes included.
    pub tensors: Vec<Tensor>,
    /// Tensors whose bytes lie in other files.
    pub external: Vec<External>,
    /// What of the file is no weights, or not known to be, in sentences.
    pub notes: Vec<String>,
}

/// A tensor whose bytes lie in another file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct External {
    /// Its name.
    pub name: String,
    /// The other file, relative to the folder of this one.
    pub location: String,
    /// Its first byte there.
    pub offset: u64,
    /// How many bytes it has; all up to the end of the file where that is not said.
    pub len: Option<u64>,
}

/// Why the layout of a file cannot be known.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// The GGUF header is malformed.
    #[error(transparent)]
    Gguf(#[from] gguf::ReadError),
    /// The header of another format is malformed.
    #[error("{kind}: at offset {offset}: {problem}")]
    Malformed {
        /// The format.
        kind: Kind,
        /// Where, in bytes from the start of the file.
        offset: u64,
        /// What is wrong there.
        problem: String,
    },
}

/// The most tensors that a header may have.
const MAX_TENSORS: usize = 1 << 20;

impl FileLayout {
    /// The layout of a file. `path` is a name only: its extension says what a file claims to be whose content is of
    /// no known format.
    ///
    /// # Errors
    /// When the header is malformed, with the place.
    pub fn read(source: &dyn ByteSource, path: &Path, choice: Choice) -> Result<Self, LayoutError> {
        let kind = match choice {
            Choice::Named(kind) => kind,
            Choice::Auto => match Kind::of_content(source).or_else(|| Kind::of_extension(path)) {
                Some(kind) => kind,
                None => {
                    let mut layout = Self::opaque(source.size());
                    layout.notes.push("its format is unknown: all of its bytes count as weights".to_owned());
                    return Ok(layout);
                }
            },
        };
        let layout = match kind {
            Kind::Gguf => Self::of_gguf(&gguf::read(source)?),
            Kind::Safetensors => safetensors::read(source)?,
            Kind::Npy => numpy::read(source)?,
            Kind::Zip => numpy::read_zip(source)?,
            Kind::Onnx => onnx::read(source)?,
            Kind::Opaque => Self::opaque(source.size()),
        };
        layout.names_once()
    }

    /// The same where no name stands twice: one of the two would be loaded, and nobody knows which.
    fn names_once(self) -> Result<Self, LayoutError> {
        let mut names = HashSet::new();
        let here = self.tensors.iter().map(|tensor| (&tensor.name, tensor.range.start));
        let elsewhere = self.external.iter().map(|tensor| (&tensor.name, 0));
        match here.chain(elsewhere).find(|(name, _)| !names.insert(*name)) {
            None => Ok(self),
            Some((name, at)) => {
                Err(malformed(self.kind, at, format!("the tensor {} stands twice", shown(name))))
            }
        }
    }

    /// The layout that a GGUF header states.
    #[must_use]
    pub fn of_gguf(gguf: &Gguf) -> Self {
        let tensors = gguf.tensors.iter().map(|t| Tensor { name: t.name.clone(), range: gguf.file_range(t) });
        Self {
            kind: Kind::Gguf,
            file_size: gguf.file_size,
            data_start: gguf.data_offset,
            tensors: tensors.collect(),
            external: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// All of a file of which nothing is known.
    #[must_use]
    pub fn opaque(file_size: u64) -> Self {
        let tensors = vec![Tensor { name: "the whole file".to_owned(), range: 0..file_size }];
        let (external, notes) = (Vec::new(), Vec::new());
        Self { kind: Kind::Opaque, file_size, data_start: 0, tensors, external, notes }
    }
}

/// A name in a message: short, on one line.
fn shown(name: &str) -> String {
    match name.char_indices().nth(MOST_SHOWN) {
        None => format!("{name:?}"),
        Some((at, _)) => format!("{:?}… ({} bytes)", &name[..at], name.len()),
    }
}

/// How many characters of a name are shown.
const MOST_SHOWN: usize = 64;

/// What `elements` of `bits` each need, in words.
fn needs(elements: Option<u64>, bits: u64) -> (Option<u64>, String) {
    let bytes = elements.and_then(|elements| elements.checked_mul(bits)).map(|bits| bits.div_ceil(8));
    (bytes, bytes.map_or_else(|| "more bytes than 64 bits can count".to_owned(), |n| format!("{n} bytes")))
}

/// A malformed header.
fn malformed(kind: Kind, offset: u64, problem: impl Into<String>) -> LayoutError {
    LayoutError::Malformed { kind, offset, problem: problem.into() }
}

/// `len` bytes of a header, which have to be there; nothing is allocated before that is known.
fn bytes_at(source: &dyn ByteSource, kind: Kind, offset: u64, len: u64) -> Result<Vec<u8>, LayoutError> {
    let size = source.size();
    if offset.checked_add(len).is_none_or(|end| end > size) {
        let problem =
            format!("{len} bytes are needed, but the file ends at {size}: it is cut short or damaged");
        return Err(malformed(kind, offset, problem));
    }
    let too_large = |_| malformed(kind, offset, format!("{len} bytes do not fit into memory"));
    let mut bytes = vec![0; usize::try_from(len).map_err(too_large)?];
    source
        .read_exact_at(offset, &mut bytes)
        .map_err(|e| malformed(kind, offset, format!("reading failed: {e}")))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_decides_before_the_name() {
        let npy = numpy::tests::array("<f4", "(2,)", &[0; 8]);
        let layout = |bytes: &Vec<u8>, name: &str| FileLayout::read(bytes, Path::new(name), Choice::Auto);
        assert_eq!(layout(&npy, "a.gguf").unwrap().kind, Kind::Npy);
        assert_eq!(layout(&b"????????????".to_vec(), "a.bin").unwrap().kind, Kind::Opaque);
        let damaged = layout(&b"????????????".to_vec(), "a.safetensors").unwrap_err().to_string();
        assert!(damaged.starts_with("safetensors: at offset 0: "), "{damaged}");
    }

    #[test]
    fn an_unknown_content_is_said_and_a_named_layout_is_taken() {
        let bytes = b"GGUF but not really".to_vec();
        let opaque = FileLayout::read(&bytes, Path::new("x"), Choice::Named(Kind::Opaque)).unwrap();
        assert_eq!((opaque.tensors[0].range.clone(), opaque.notes.len()), (0..19, 0));
        let unknown = FileLayout::read(&b"weights".to_vec(), Path::new("x"), Choice::Auto).unwrap();
        assert_eq!(unknown.notes.len(), 1);
    }

    #[test]
    fn a_name_that_stands_twice_is_refused_in_every_format() {
        let header = r#"{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"w":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#;
        let safetensors = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), b"01"].concat();
        let named = |name: &str| onnx::tests::raw(name, b"0123");
        for bytes in [safetensors, onnx::tests::model(&[named("w"), named("v"), named("w")])] {
            let error = FileLayout::read(&bytes, Path::new("x"), Choice::Auto).unwrap_err().to_string();
            assert!(error.contains(r#"the tensor "w" stands twice"#), "{error}");
        }
        let long = onnx::tests::model(&[named(&"x".repeat(70_000 / 2)), named(&"x".repeat(70_000 / 2))]);
        let error = FileLayout::read(&long, Path::new("x"), Choice::Auto).unwrap_err().to_string();
        assert!(error.len() < 200 && error.contains("… (35000 bytes)"), "{error}");
    }

    #[test]
    fn every_word_is_read_as_it_is_shown() {
        for kind in Kind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(Choice::Named(kind)));
        }
        assert_eq!("auto".parse(), Ok(Choice::Auto));
        assert!("pickle".parse::<Choice>().unwrap_err().contains("accepted are auto, gguf"));
    }
}
