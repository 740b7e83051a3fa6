//! The thing under test behind one trait: the reference engine, or any command; imported logs by the
//! same door.
//!
//! A subject is given a spelling and answers with what it did to the operating system, and with
//! what came of it. It judges nothing.
//!
//! Called by `check` and `cli`; calls `engine`, `tracer`, `platform`, `plan`, `gguf` and `trace`.

mod bits;
mod command;
mod embedded;
mod machine;
mod reference;
mod template;
mod truth;

pub use bits::{LoadedBits, LogitsBits};
pub use command::{CommandRun, ExternalCommand};
pub use embedded::{EMBEDDED_NAME, EmbeddedModel};
pub use machine::Machine;
pub use reference::{ReferenceEngine, Wrap};
pub use template::{Template, TemplateError};
pub use truth::{TensorHashes, Truth};

pub use crate::platform::{Fault, FaultSpec, Residency, Target, When};
pub use crate::tracer::{Status, TraceError};

use crate::engine::Generation;
use crate::plan::{Dialect, LoadPlan, Spelling};
use crate::trace::Op;

/// How much of a case is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// The operations of the load.
    Load,
    /// And a hash of every tensor.
    Hash,
    /// And generated text with a hash of its logits.
    Generate,
}

/// One case for a subject.
pub struct Request<'a> {
    /// The words.
    pub spelling: &'a Spelling,
    /// The dialect they are to be read in.
    pub dialect: Dialect,
    /// How much is wanted.
    pub depth: Depth,
    /// What to generate.
    pub generation: &'a Generation,
}

/// What a subject did and what came of it.
pub struct Run {
    /// Its operations, all of them, teardown included.
    pub ops: Vec<Op>,
    /// The plan after `auto` was decided, if it got that far.
    pub resolved: Option<LoadPlan>,
    /// What came of it, or why nothing did.
    pub result: Result<Observed, String>,
}

/// What came of a load.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// A hash of each tensor's bytes as the subject sees them.
    pub tensors: Option<TensorHashes>,
    /// What was generated.
    pub output: Option<Output>,
    /// What the kernel says after the load about the pages that were locked; `None` where it cannot be
    /// asked.
    pub locked: Option<Residency>,
    /// What a direct load left in the page cache; `None` for other loads and where the kernel cannot be
    /// asked.
    pub cache: Option<CacheUse>,
}

/// What the page cache held of the model file before a load and after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheUse {
    /// Before.
    pub before: Residency,
    /// After.
    pub after: Residency,
}

/// What was generated, as far as the subject lets it be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// The tokens themselves, with what is behind them.
    Logits {
        /// Token ids.
        tokens: Vec<u32>,
        /// blake3 over the logits of every step, as little-endian f32.
        logits: String,
    },
    /// The text that a command wrote; equal text proves less than equal logits.
    Text {
        /// Everything on standard output.
        bytes: Vec<u8>,
        /// Their blake3.
        hash: String,
    },
}

impl Output {
    /// The hash of the logits, where they can be seen.
    #[must_use]
    pub fn logits(&self) -> Option<&str> {
        match self {
            Self::Logits { logits, .. } => Some(logits),
            Self::Text { .. } => None,
        }
    }

    /// The hash of the text, where there is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text { hash, .. } => Some(hash),
            Self::Logits { .. } => None,
        }
    }
}

/// Something that can load a model when asked in some spelling.
pub trait Subject {
    /// Its name in reports.
    fn name(&self) -> String;

    /// The name of the platform under it.
    fn platform(&self) -> &'static str;

    /// Bytes in a page of that platform.
    fn page_size(&self) -> u64;

    /// The model file, for command lines that reproduce a case.
    fn model(&self) -> String;

    /// Does what the request asks for.
    fn run(&self, request: &Request<'_>) -> Run;

    /// The command line that runs one case again.
    fn reproduce(&self, request: &Request<'_>) -> String;
}
