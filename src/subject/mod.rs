//! The thing under test behind one trait: the reference engine, any command, a recording.
//!
//! A subject is asked in a spelling and answers with [`Evidence`]: what it did to the operating system, what
//! came of it, and what of that could not be seen. It judges nothing.
//!
//! Called by `check` and `cli`; calls `engine`, `tracer`, `platform`, `rules`, `plan`, `gguf` and `trace`.

mod bits;
mod command;
mod embedded;
mod machine;
mod private_copy;
mod recording;
mod reference;
mod template;
mod truth;

pub use bits::{LoadedBits, LogitsBits};
pub use command::{ExternalCommand, Named};
pub use embedded::{EMBEDDED_NAME, EmbeddedModel};
pub use machine::Machine;
pub use private_copy::Alterable;
pub use recording::Recorded;
pub use reference::{ReferenceEngine, Wrap};
pub use template::{Template, TemplateError};
pub use truth::{Mismatch, TensorHashes, Truth, TruthError};

pub use crate::platform::{Corruption, Fault, FaultSpec, Target, When};
pub use crate::tracer::TraceError;

use std::time::Duration;

use crate::engine::Generation;
use crate::plan::{Dialect, LoadPlan, Spelling};
use crate::rules::{Evidence, Profile};

/// How much of a case is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// The operations of the load.
    Load,
    /// And the bytes of every tensor, where they can be seen.
    Bytes,
    /// And the output, where it can be seen.
    Output,
}

/// A spelling with the plan that the dialect gives it: resolved once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Case {
    /// The words.
    pub spelling: Spelling,
    /// What they mean; `None` where the dialect refuses them.
    pub plan: Option<LoadPlan>,
}

impl Case {
    /// A spelling as a dialect reads it.
    #[must_use]
    pub fn of(spelling: Spelling, dialect: Dialect) -> Self {
        let plan = spelling.resolve(dialect).ok().map(|resolved| resolved.plan);
        Self { spelling, plan }
    }
}

/// What is the same in all cases of a campaign.
#[derive(Clone, Copy)]
pub struct Setting<'a> {
    /// The dialect.
    pub dialect: Dialect,
    /// How much of each case is wanted.
    pub depth: Depth,
    /// What to generate, for a subject that is not a command.
    pub generation: &'a Generation,
    /// What the model file holds.
    pub truth: &'a Truth,
    /// How long a run of a command may take, where that is less than its time limit.
    pub patience: Option<Duration>,
}

/// Why there is no evidence.
#[derive(Debug, thiserror::Error)]
pub enum NotAvailable {
    /// The command cannot be started or traced.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// A fault alters the model's file, and there is no private copy to alter.
    #[error(
        "cannot make a private copy of the model, which a fault is to alter: {why}; TMPDIR names a folder with more space"
    )]
    Copy {
        /// Why.
        why: String,
    },
    /// What was kept of an exploration is of another one.
    #[error("cannot go on from the state file: {0}")]
    OtherState(String),
    /// A recording holds another case.
    #[error("the recording is of `{held}`, not of `{asked}`")]
    OtherCase {
        /// What it holds.
        held: String,
        /// What was asked for.
        asked: String,
    },
}

/// Something that loads a model when asked in some spelling.
pub trait Subject: Sync {
    /// Its name in reports.
    fn name(&self) -> String;

    /// The name of the platform under it.
    fn platform(&self) -> &'static str;

    /// Bytes in a page of that platform.
    fn page_size(&self) -> u64;

    /// Which rules hold it.
    fn profile(&self) -> &'static Profile;

    /// Whether it is started anew as a process for each case, and may do something else each time.
    fn is_command(&self) -> bool;

    /// How many runs may go on at a time without one changing what is seen of another.
    fn overlap(&self) -> usize {
        1
    }

    /// What decides the output beside the model.
    fn settings(&self, setting: &Setting<'_>) -> String;

    /// Runs one case under these faults, which count anew each time.
    ///
    /// # Errors
    /// Why it cannot be run. A run that fails is evidence.
    fn observe(
        &self,
        case: &Case,
        faults: &[FaultSpec],
        setting: &Setting<'_>,
    ) -> Result<Evidence, NotAvailable>;

    /// Runs one case on a copy of the model in which every tensor is another one.
    ///
    /// # Errors
    /// Why it cannot be run; [`NotAvailable::Copy`] where there can be no such copy.
    fn observe_changed(&self, case: &Case, setting: &Setting<'_>) -> Result<Evidence, NotAvailable> {
        let _ = (case, setting);
        Err(NotAvailable::Copy { why: "it is no command".to_owned() })
    }

    /// What faults that alter the model's file can do, on private copies of it.
    ///
    /// # Errors
    /// Why they can do nothing.
    fn alterable(&self, setting: &Setting<'_>) -> Result<Alterable, String> {
        let _ = setting;
        Err("it is no command".to_owned())
    }

    /// The line of `loadparity check` that runs these cases again, with `options` among its words.
    fn check_line(&self, options: &[String], setting: &Setting<'_>) -> String;
}

/// A line that a shell reads as these words.
pub(crate) fn shell_line(words: impl IntoIterator<Item = String>) -> String {
    let words: Vec<String> = words.into_iter().collect();
    Spelling { argv: words, env: Vec::new() }.to_string()
}
