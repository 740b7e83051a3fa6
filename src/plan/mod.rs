//! Dialects: one era of a loader turns a spelling (argv + environment) into a [`LoadPlan`].
//!
//! A leaf: pure, no I/O, no `cfg`. Data enters as words and environment pairs and leaves as a
//! plan with its warnings, or as a usage error. One table of flags serves parsing, help text,
//! documentation and the enumeration of spellings.
//! Anyone may call it; it calls nobody.

use serde::Serialize;

/// Where the weights come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct LoadPlan {
    /// Where the weights come from.
    pub source: Source,
    /// Whether the weights are locked into memory.
    pub lock: bool,
    /// The fallback of a direct plan; `None` for every other source.
    pub on_refused: Option<OnRefused>,
}

impl std::fmt::Display for LoadPlan {
    /// The short name used in reports: `map`, `read+lock`, `direct`, `auto` …
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let source = match self.source {
            Source::Map => "map",
            Source::Read => "read",
            Source::Direct => "direct",
            Source::Auto => "auto",
        };
        f.write_str(source)?;
        if self.lock { f.write_str("+lock") } else { Ok(()) }
    }
}
