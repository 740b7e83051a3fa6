//! One step of a canonical path: what happened, in roles and regions.

use std::fmt;

use super::span::{Number, Range, Span};
use super::{Advice, ErrorKind, NoticeCode, NoticeLevel, Phase, Word};

/// What a file is to the loader: `model`, or `model#2` for the second distinct path opened.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Role(String);

impl Role {
    /// The model file with this number, counted from 1 by first open.
    pub fn model(number: usize) -> Self {
        Role(if number == 1 { "model".to_string() } else { format!("model#{number}") })
    }

    /// A file whose open the trace does not hold.
    pub fn unknown() -> Self {
        Role("unknown".to_string())
    }

    /// The number, counted from 1 by first open; `None` for a file whose open the trace does not hold.
    pub fn number(&self) -> Option<usize> {
        match self.0.strip_prefix("model") {
            Some("") => Some(1),
            Some(rest) => rest.strip_prefix('#')?.parse().ok(),
            None => None,
        }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a region is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RegionKind {
    /// A mapping of a file.
    Map,
    /// Anonymous memory.
    Buffer,
    /// Memory whose creation the trace does not hold.
    Unknown,
    /// Memory that first shows when teardown gives it back. Such regions share the number 0:
    /// teardown has no order to number them by.
    Untold,
}

/// A memory region, numbered from 0 within its kind by first appearance: `map0`, `buf0`, `mem0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Region {
    /// What it is.
    pub kind: RegionKind,
    /// Its number.
    pub number: u32,
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            RegionKind::Map => "map",
            RegionKind::Buffer => "buf",
            RegionKind::Unknown => "mem",
            RegionKind::Untold => return f.write_str("mem?"),
        };
        write!(f, "{kind}{}", self.number)
    }
}

/// What happened. Offsets and lengths are in bytes; the order of the variants sorts a teardown.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the line above a variant explains its fields")]
pub enum Action {
    /// A file was opened; `direct` asks to bypass the page cache.
    Open { file: Role, direct: bool },
    /// Direct I/O was switched on or off for an open file.
    SetDirect { file: Role, direct: bool },
    /// Bytes arrived from a file: which, and how often each.
    Read { file: Role, direct: bool, spans: Vec<Span> },
    /// At least one read of a file was refused.
    ReadRefused { file: Role, direct: bool },
    /// A range of a file was written.
    Write { file: Role, offset: u64, len: u64 },
    /// The size of a file was changed.
    Resize { file: Role, len: u64 },
    /// Advice for a range of a file; `len` 0 means to the end.
    FileAdvise { file: Role, offset: u64, len: u64, advice: Advice },
    /// A range of a file was mapped.
    Map { region: Region, file: Role, offset: u64, len: u64, populate: bool },
    /// A region moved or changed its size.
    Remap { region: Region, len: u64 },
    /// Anonymous memory was allocated.
    Alloc { region: Region, len: u64 },
    /// Advice for a range of a region.
    MapAdvise { region: Region, offset: u64, len: u64, advice: Advice },
    /// A range was locked.
    Lock { region: Region, offset: u64, len: u64 },
    /// A lock from `offset` on was refused.
    LockRefused { region: Region, offset: u64 },
    /// A range was unlocked.
    Unlock { region: Region, offset: u64, len: u64 },
    /// A range was given back.
    Unmap { region: Region, offset: u64, len: u64 },
    /// A file was closed.
    Close { file: Role },
    /// The user was told something.
    Notice { level: NoticeLevel, code: NoticeCode },
    /// A call that only this system has, by its name.
    Native { name: String, file: Option<Role>, region: Option<Region>, offset: u64, len: u64 },
}

/// One step of a canonical path.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Step {
    /// The part of the load it belongs to.
    pub phase: Phase,
    /// What happened.
    pub action: Action,
    /// Why it was refused, if it was; always set on the two `…Refused` actions.
    pub refused: Option<ErrorKind>,
    /// What only this platform says about it, sorted: names of flags, `align=…` of a buffer.
    pub native: Vec<String>,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let range = |offset: &u64, len: &u64| Range(*offset, offset.saturating_add(*len));
        let how = |direct: &bool| if *direct { " direct" } else { "" };
        match self {
            Action::Open { file, direct } => write!(f, "open {file}{}", how(direct)),
            Action::Read { file, direct, spans } => {
                write!(f, "read {file}{}", how(direct))?;
                let mut lead = " +";
                for span in spans {
                    write!(f, "{lead}{span}")?;
                    lead = ", +";
                }
                Ok(())
            }
            Action::SetDirect { file, direct } => {
                write!(f, "set {file}{}", if *direct { " direct" } else { " buffered" })
            }
            Action::Write { file, offset, len } => write!(f, "write {file} +{}", range(offset, len)),
            Action::Resize { file, len } => write!(f, "resize {file} {}", Number(*len)),
            Action::Remap { region, len } => write!(f, "remap {region} {}", Number(*len)),
            Action::ReadRefused { file, direct } => write!(f, "read {file}{}", how(direct)),
            Action::FileAdvise { file, offset, len: 0, advice } => {
                write!(f, "advise {file} +{}.. {}", Number(*offset), advice.word())
            }
            Action::FileAdvise { file, offset, len, advice } => {
                write!(f, "advise {file} +{} {}", range(offset, len), advice.word())
            }
            Action::Map { region, file, offset, len, populate } => {
                write!(f, "map {region} <- {file} +{}", range(offset, len))?;
                if *populate { f.write_str(" populate") } else { Ok(()) }
            }
            Action::Alloc { region, len } => write!(f, "alloc {region} {}", Number(*len)),
            Action::MapAdvise { region, offset, len, advice } => {
                write!(f, "advise {region} +{} {}", range(offset, len), advice.word())
            }
            Action::Lock { region, offset, len } => write!(f, "lock {region} +{}", range(offset, len)),
            Action::LockRefused { region, offset } => write!(f, "lock {region} +{}..", Number(*offset)),
            Action::Unlock { region, offset, len } => write!(f, "unlock {region} +{}", range(offset, len)),
            Action::Unmap { region, offset, len } => write!(f, "unmap {region} +{}", range(offset, len)),
            Action::Close { file } => write!(f, "close {file}"),
            Action::Notice { level, code } => write!(f, "notice {} {}", level.word(), code.word()),
            Action::Native { name, file, region, offset, len } => {
                f.write_str(name)?;
                if let Some(file) = file {
                    write!(f, " {file}")?;
                }
                if let Some(region) = region {
                    write!(f, " {region}")?;
                }
                if file.is_some() || region.is_some() {
                    write!(f, " +{}", range(offset, len))
                } else {
                    Ok(())
                }
            }
        }
    }
}

impl fmt::Display for Step {
    /// One line: the phase, the action, the refusal and in brackets what is native.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<8}  {}", self.phase.word(), self.action)?;
        if let Some(kind) = self.refused {
            write!(f, " refused ({})", kind.word())?;
        }
        if !self.native.is_empty() {
            write!(f, " [{}]", self.native.join(" "))?;
        }
        Ok(())
    }
}
