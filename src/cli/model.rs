//! The model that a command works on: a file of the user's, or the one inside the program.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::exit::Exit;
use super::tokenize::{self, TokenizeArgs};
use crate::layout::Choice;
use crate::platform::Platform;
use crate::subject::{EMBEDDED_NAME, EmbeddedModel, Truth};

/// The help text of `--layout`.
pub(super) const LAYOUT: &str = "Where the weights lie in the model's files: auto (as the content says; all bytes of a \
    file of unknown format), gguf, safetensors, npy, zip (.npz, PyTorch), onnx, or opaque (all bytes)";

/// What the files that are named with `-m` hold, whatever their layout.
pub(super) fn truth_of(named: &[PathBuf], layout: Choice) -> Result<Truth, Exit> {
    Truth::of_files(named, layout).map_err(Exit::usage)
}

/// The same for a command that loads nothing: where their weights lie, and not what they are.
pub(super) fn layout_of(named: &[PathBuf], layout: Choice) -> Result<Truth, Exit> {
    Truth::without_contents(named, layout).map_err(Exit::usage)
}

/// The words that name these files again.
pub(super) fn naming(named: &[PathBuf], layout: Choice) -> Vec<String> {
    let mut words: Vec<String> =
        named.iter().flat_map(|path| ["-m".to_owned(), path.display().to_string()]).collect();
    if layout != Choice::Auto {
        words.push(format!("--layout={layout}"));
    }
    words
}

/// A model file, removed at the end if it was the embedded one.
pub(super) enum ModelFile {
    Given(PathBuf),
    Embedded(EmbeddedModel),
}

impl ModelFile {
    /// The given file, or the embedded model written out.
    pub(super) fn open(given: Option<&Path>, platform: &dyn Platform) -> Result<Self, Exit> {
        match given {
            Some(path) => {
                let unusable = |error| Exit::usage(format!("{}: {error}", path.display()));
                super::input::regular(path).map_err(unusable)?;
                Ok(Self::Given(path.to_owned()))
            }
            None => EmbeddedModel::write(platform).map(Self::Embedded).map_err(|error| {
                Exit::Failed(3, format!("cannot write the embedded model to a temporary file: {error}; set TMPDIR to a directory with 4 MiB free"))
            }),
        }
    }

    /// Where the file lies.
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Given(path) => path,
            Self::Embedded(model) => model.path(),
        }
    }

    /// How reports name it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Given(path) => path.display().to_string(),
            Self::Embedded(_) => EMBEDDED_NAME.to_owned(),
        }
    }
}

/// Runs `tokenize`: the model is opened here, through the seam like everywhere else.
pub(super) fn tokenize(args: &TokenizeArgs, out: &mut dyn Write) -> Exit {
    if let Err(error) = super::input::regular(&args.model) {
        return Exit::usage(format!("{}: {error}", args.model.display()));
    }
    let platform: Arc<dyn Platform> = crate::platform::native();
    match crate::engine::open_header(&platform, &args.model) {
        Err(error) => Exit::usage(error),
        Ok((_, gguf)) => match tokenize::run(args, &gguf, out) {
            Ok(()) => Exit::Code(0),
            Err(error) => Exit::Failed(error.exit_code(), error.to_string()),
        },
    }
}
