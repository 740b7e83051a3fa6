//! What a loader did, in steps that every platform has: the path that is compared across operating
//! systems.
//!
//! A canonical path still holds what the machine decides: page sizes round locks, alignment widens
//! direct reads, some systems cannot populate a mapping or give a part of it back. Here a step says
//! what it means for the weights: which tensor bytes were mapped, locked, read. Rounding goes and
//! nothing else: a tensor byte that is not locked, is read twice or comes another way still shows.
//!
//! The rules are the last ones of [`Rule`], from [`Rule::NativeFlagsDropped`] on.

mod build;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range as Bytes;

use super::path::CodePath;
use super::rules::Rule;
use super::span::{Range, Span};
use super::step::{Region, Role};
use super::{ErrorKind, NoticeCode, NoticeLevel, Phase, Word};

/// How much of the weights a step concerns. Offsets are in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cover {
    /// Every tensor byte.
    All,
    /// No tensor byte.
    None,
    /// All but these ranges.
    But(Vec<(u64, u64)>),
    /// These ranges and no other: the shorter way to say it where more is missing than not.
    Only(Vec<(u64, u64)>),
    /// The memory as a whole, where it is not the image of a file.
    Whole,
    /// These bytes of memory that is not the image of a file: a range and the length of it all.
    Part(u64, u64, u64),
}

impl fmt::Display for Cover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cover::All => f.write_str("all weights"),
            Cover::None => f.write_str("no weights"),
            Cover::Whole => f.write_str("whole"),
            Cover::Part(start, end, len) => write!(f, "{start}..{end} of {len}"),
            Cover::But(ranges) => list(f, "all weights but", ranges),
            Cover::Only(ranges) => list(f, "only the weights at", ranges),
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, lead: &str, ranges: &[(u64, u64)]) -> fmt::Result {
    f.write_str(lead)?;
    let mut between = " +";
    for (start, end) in ranges {
        write!(f, "{between}{}", Range(*start, *end))?;
        between = ", +";
    }
    Ok(())
}

/// What happened, on any platform.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the line above a variant explains its fields")]
pub enum SemanticAction {
    /// A file was opened; `direct` asks to bypass the page cache.
    Open { file: Role, direct: bool },
    /// A file was written or its size changed.
    Write { file: Role },
    /// Bytes arrived: how often which weights, and what else.
    Read { file: Role, direct: bool, weights: Cover, again: Vec<Span>, other: Vec<Span> },
    /// At least one read was refused.
    ReadRefused { file: Role, direct: bool },
    /// The file was mapped; `weights` says how much of them.
    Map { region: Region, file: Role, weights: Cover },
    /// A mapping is to be brought in ahead of use.
    Prefetch { region: Region },
    /// Memory for weights was allocated.
    Alloc { region: Region },
    /// Memory was locked.
    Lock { region: Region, held: Cover },
    /// A lock was refused.
    LockRefused { region: Region },
    /// Memory was unlocked.
    Unlock { region: Region, held: Cover },
    /// Memory was given back.
    GiveBack { region: Region, held: Cover },
    /// The last handle of a file was closed; none is left.
    Close { file: Role },
    /// The user was told something.
    Notice { level: NoticeLevel, code: NoticeCode },
}

/// The kinds of semantic steps: the rows of the table that says which calls a platform makes for
/// each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "`SemanticAction` documents them")]
pub enum SemanticKind {
    Open,
    OpenDirect,
    Read,
    ReadDirect,
    Write,
    Map,
    Prefetch,
    Advise,
    Alloc,
    Lock,
    Unlock,
    GiveBack,
    Close,
    Notice,
}

impl SemanticKind {
    /// Every kind, in the order of a load.
    pub const ALL: [Self; 14] = [
        Self::Open,
        Self::OpenDirect,
        Self::Read,
        Self::ReadDirect,
        Self::Write,
        Self::Map,
        Self::Prefetch,
        Self::Advise,
        Self::Alloc,
        Self::Lock,
        Self::Unlock,
        Self::GiveBack,
        Self::Close,
        Self::Notice,
    ];

    /// The word for it in paths and tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::OpenDirect => "open direct",
            Self::Read => "read",
            Self::ReadDirect => "read direct",
            Self::Write => "write",
            Self::Map => "map",
            Self::Prefetch => "prefetch",
            Self::Advise => "advise",
            Self::Alloc => "alloc",
            Self::Lock => "lock",
            Self::Unlock => "unlock",
            Self::GiveBack => "give back",
            Self::Close => "close",
            Self::Notice => "notice",
        }
    }
}

impl SemanticAction {
    /// What kind of step it is.
    pub fn kind(&self) -> SemanticKind {
        match self {
            Self::Open { direct: true, .. } => SemanticKind::OpenDirect,
            Self::Open { .. } => SemanticKind::Open,
            Self::Read { direct: true, .. } | Self::ReadRefused { direct: true, .. } => {
                SemanticKind::ReadDirect
            }
            Self::Read { .. } | Self::ReadRefused { .. } => SemanticKind::Read,
            Self::Write { .. } => SemanticKind::Write,
            Self::Map { .. } => SemanticKind::Map,
            Self::Prefetch { .. } => SemanticKind::Prefetch,
            Self::Alloc { .. } => SemanticKind::Alloc,
            Self::Lock { .. } | Self::LockRefused { .. } => SemanticKind::Lock,
            Self::Unlock { .. } => SemanticKind::Unlock,
            Self::GiveBack { .. } => SemanticKind::GiveBack,
            Self::Close { .. } => SemanticKind::Close,
            Self::Notice { .. } => SemanticKind::Notice,
        }
    }
}

impl fmt::Display for SemanticAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind().word())?;
        match self {
            Self::Open { file, .. }
            | Self::ReadRefused { file, .. }
            | Self::Write { file }
            | Self::Close { file } => {
                write!(f, " {file}")
            }
            Self::Read { file, weights, again, other, .. } => {
                write!(f, " {file}: {weights}")?;
                for span in again {
                    write!(f, ", again +{span}")?;
                }
                for span in other {
                    write!(f, ", other +{span}")?;
                }
                Ok(())
            }
            Self::Map { region, file, weights } => write!(f, " {region} <- {file}: {weights}"),
            Self::Prefetch { region } | Self::Alloc { region } | Self::LockRefused { region } => {
                write!(f, " {region}")
            }
            Self::Lock { region, held } | Self::Unlock { region, held } | Self::GiveBack { region, held } => {
                write!(f, " {region}: {held}")
            }
            Self::Notice { level, code } => write!(f, " {} {}", level.word(), code.word()),
        }
    }
}

/// One step of a semantic path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SemanticStep {
    /// The part of the load it belongs to.
    pub phase: Phase,
    /// What happened.
    pub action: SemanticAction,
    /// Why it was refused, if it was.
    pub refused: Option<ErrorKind>,
}

impl fmt::Display for SemanticStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<8}  {}", self.phase.word(), self.action)?;
        self.refused.map_or(Ok(()), |kind| write!(f, " refused ({})", kind.word()))
    }
}

/// A path in steps that every platform has. Its text, one line a step, is its identity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SemanticPath {
    /// The steps.
    pub steps: Vec<SemanticStep>,
    /// How often each normalisation was applied, those of the canonical path not included.
    pub rules_applied: BTreeMap<Rule, usize>,
}

impl SemanticPath {
    /// What `path` means for tensors that lie in these ranges of the file.
    pub fn of(path: &CodePath, weights: impl IntoIterator<Item = Bytes<u64>>) -> Self {
        Self::of_files(path, [weights.into_iter().collect()])
    }

    /// What `path` means for tensors that lie in these ranges of each file, in the order in which the files
    /// were first opened.
    pub fn of_files(path: &CodePath, weights: impl IntoIterator<Item = Vec<Bytes<u64>>>) -> Self {
        let pairs = |ranges: Vec<Bytes<u64>>| {
            ranges.into_iter().map(|r| (r.start, r.end)).filter(|r| r.0 < r.1).collect()
        };
        build::build(path, weights.into_iter().map(pairs).collect())
    }

    /// The BLAKE3 hash of the text behind a version line, in hexadecimal.
    pub fn fingerprint(&self) -> String {
        blake3::hash(format!("loadparity.semantic/1\n{self}").as_bytes()).to_hex().to_string()
    }
}

impl fmt::Display for SemanticPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.steps.iter().try_for_each(|step| writeln!(f, "{step}"))
    }
}
