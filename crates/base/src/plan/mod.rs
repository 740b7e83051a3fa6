//! Dialects: one era of a loader turns a spelling (argv + environment) into a [`LoadPlan`].
//!
//! A leaf: pure, no I/O, no `cfg`. Data enters as words and environment pairs and leaves as a
//! plan with its warnings, or as a usage error. One table of flags serves parsing, help text,
//! documentation and the enumeration of spellings.
//! Anyone may call it; it calls nobody.
//!
//! A dialect is a file ([`mod@file`] says what may stand in one); those of `dialects/` are shipped.
//! [`rules`] is what a file can express, [`flags`] its table of flags, and [`resolve()`] the small
//! engine over them, which knows no flag and no dialect by name. An era is added by writing its file.

pub mod bench;
pub mod builds;
pub mod compare;
pub mod dialect;
pub mod equivalent;
pub mod exception;
pub mod file;
pub mod flags;
mod message;
mod parse;
pub mod pattern;
pub mod render;
mod resolve;
pub mod rules;
mod shipped;
pub mod spelling;
mod split;

pub use dialect::{Dialect, UnknownDialect, era};
pub use exception::{Exception, Exceptions, Treatment};
pub use file::DialectError;
pub use message::{IgnoredValue, Origin, Override, Statement, UsageError, Warning};
pub use resolve::{Resolved, resolve};
pub use spelling::Spelling;
pub use split::{load_flags, split_args, split_bench_args};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the weights come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The file is mapped and the tensors are used where they lie.
    Map,
    /// Buffered positioned reads into memory of our own.
    Read,
    /// Reads that bypass the page cache.
    Direct,
    /// The platform and the file system decide between [`Source::Map`] and [`Source::Read`].
    Auto,
}

/// What a loader does when the direct open (or a direct read) is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnRefused {
    /// Map the file instead.
    Map,
    /// Read it through the page cache instead.
    Read,
    /// Fail.
    Error,
}

/// What was asked for: the result of reading one spelling under one dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct LoadPlan {
    /// Where the weights come from.
    pub source: Source,
    /// Whether the weights are locked into memory.
    pub lock: bool,
    /// The fallback of a direct plan; `None` for every other source.
    pub on_refused: Option<OnRefused>,
    /// The tensors that this is not said of, and what is done with them.
    #[serde(default, skip_serializing_if = "Exceptions::is_empty")]
    pub exceptions: Exceptions,
}

impl LoadPlan {
    /// Left to the platform and the file system.
    pub const AUTO: Self = Self::plain(Source::Auto, false, None);

    /// The same for every tensor.
    const fn plain(source: Source, lock: bool, on_refused: Option<OnRefused>) -> Self {
        Self { source, lock, on_refused, exceptions: Exceptions::NONE }
    }

    /// A mapped load.
    #[must_use]
    pub const fn map(lock: bool) -> Self {
        Self::plain(Source::Map, lock, None)
    }

    /// A load through buffered reads.
    #[must_use]
    pub const fn read(lock: bool) -> Self {
        Self::plain(Source::Read, lock, None)
    }

    /// A load through direct reads, with what happens when they are refused.
    #[must_use]
    pub const fn direct(lock: bool, on_refused: OnRefused) -> Self {
        Self::plain(Source::Direct, lock, Some(on_refused))
    }

    /// The plan with these exceptions instead of its own.
    #[must_use]
    pub const fn except(self, exceptions: Exceptions) -> Self {
        Self { exceptions, ..self }
    }

    /// What is done with the tensors that no exception speaks of.
    #[must_use]
    pub const fn without_exceptions(self) -> Self {
        self.except(Exceptions::NONE)
    }

    /// The `--load-mode` word of the reference dialect that asks for exactly this plan.
    ///
    /// `None` is for plans with exceptions, which a load mode does not speak of, and for plans of other eras
    /// that the reference cannot express: a direct load that falls back to mapping or fails.
    /// [`LoadPlan::nearest_reference_word`] then names the closest.
    #[must_use]
    pub fn reference_word(self) -> Option<&'static str> {
        Dialect::reference().word_for(self)
    }

    /// The reference word with the same source and lock, whatever the fallback of a direct plan.
    #[must_use]
    pub fn nearest_reference_word(self) -> Option<&'static str> {
        let on_refused = self.on_refused.map(|_| OnRefused::Read);
        Self { on_refused, ..self }.reference_word()
    }
}

impl std::fmt::Display for LoadPlan {
    /// The short name used in reports: `map`, `read+lock`, `direct`, `auto` … A direct load that
    /// does not read when refused says so: `direct-else-map`, `direct+lock-else-map`. Exceptions stand behind:
    /// `read+lock but *token_embd.weight lazy`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let source = match self.source {
            Source::Map => "map",
            Source::Read => "read",
            Source::Direct => "direct",
            Source::Auto => "auto",
        };
        let lock = if self.lock { "+lock" } else { "" };
        let refused = match self.on_refused {
            None | Some(OnRefused::Read) => "",
            Some(OnRefused::Map) => "-else-map",
            Some(OnRefused::Error) => "-else-error",
        };
        write!(f, "{source}{lock}{refused}")?;
        if self.exceptions.is_empty() { Ok(()) } else { write!(f, " but {}", self.exceptions) }
    }
}
