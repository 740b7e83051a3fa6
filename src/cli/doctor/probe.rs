//! What is tried on the file, through the seam.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bytes;
use crate::platform::{File, Lockable, MapRequest, Platform};

/// How much is really locked to see whether it can be, at most.
const LOCKED: u64 = 1 << 30;

/// What came of mapping the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct MapProbe {
    /// Why it cannot be mapped.
    pub error: Option<String>,
    /// Whether page faults are served well where it lies.
    pub good: bool,
}

impl MapProbe {
    pub(super) fn of(file: &dyn File, size: u64, good: bool) -> Self {
        let error = file.map(MapRequest { offset: 0, len: size, populate: false }).err();
        Self { error: error.map(|error| error.to_string()), good }
    }
}

impl std::fmt::Display for MapProbe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.error, self.good) {
            (Some(error), _) => write!(f, "refused: {error}"),
            (None, true) => f.write_str("works"),
            (None, false) => f.write_str("works, but page faults are served badly there"),
        }
    }
}

/// What came of direct I/O.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct DirectIo {
    /// Which call refused it, and how.
    pub error: Option<String>,
    /// What addresses have to be a multiple of, in bytes.
    pub memory_alignment: Option<u64>,
    /// What offsets and lengths have to be a multiple of, in bytes.
    pub offset_alignment: Option<u64>,
    /// Whether a read that is not aligned is refused. Where it is taken, a direct read that works proves
    /// nothing: it may go through the page cache.
    pub unaligned_refused: Option<bool>,
}

impl DirectIo {
    pub(super) fn of(platform: &dyn Platform, path: &Path) -> Self {
        let none =
            Self { error: None, memory_alignment: None, offset_alignment: None, unaligned_refused: None };
        let refused = |call, error| Self { error: Some(format!("{call}: {error}")), ..none.clone() };
        let file = match platform.open(path, true) {
            Ok(file) => file,
            Err(error) => return refused("open", error),
        };
        let alignment = match file.alignment() {
            Ok(alignment) => alignment,
            Err(error) => return refused("alignment", error),
        };
        let align = alignment.memory.max(alignment.offset).max(512);
        let mut buffer = match platform.alloc(2 * align as usize, align as usize) {
            Ok(buffer) => buffer,
            Err(error) => return refused("alloc", error),
        };
        if let Err(error) = file.read_at(0, &mut buffer.bytes_mut()[..align as usize]) {
            return refused("first read", error);
        }
        // One byte off in memory, in the file and in length.
        let unaligned = file.read_at(1, &mut buffer.bytes_mut()[1..align as usize]);
        Self {
            error: None,
            memory_alignment: Some(alignment.memory),
            offset_alignment: Some(alignment.offset),
            unaligned_refused: Some(unaligned.is_err()),
        }
    }
}

impl std::fmt::Display for DirectIo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(error) = &self.error {
            return write!(f, "refused: {error}");
        }
        let align = self.memory_alignment.max(self.offset_alignment).unwrap_or(1);
        match self.unaligned_refused {
            Some(true) => write!(f, "works, aligned to {}", bytes(align)),
            _ => f.write_str("taken, but unaligned reads are taken too: nothing shows that it is direct"),
        }
    }
}

/// What came of locking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Locking {
    /// How many bytes may be locked; `null` where no limit is enforced for this process.
    pub limit: Option<u64>,
    /// How many bytes a lock on the whole file needs.
    pub needed: u64,
    /// How many bytes were really locked, and released again.
    pub tried: u64,
    /// How that was refused.
    pub error: Option<String>,
    /// How the limit is raised here.
    pub advice: String,
}

impl Locking {
    /// Locks a mapping of the file, whole where `room` bytes of memory are to spare and its first page
    /// otherwise.
    pub(super) fn of(platform: &dyn Platform, file: &dyn File, size: u64, room: Option<u64>) -> Self {
        let limits = platform.limits();
        let needed = size.next_multiple_of(limits.page_size);
        let limit = match limits.lockable {
            Lockable::Unlimited => None,
            Lockable::Bytes(bytes) => Some(bytes),
        };
        let whole = size <= LOCKED && room.is_some_and(|room| size <= room / 2);
        let tried = if whole { size } else { size.min(limits.page_size) };
        let mapping = file.map(MapRequest { offset: 0, len: size, populate: false });
        let error = mapping.and_then(|mapping| {
            mapping.lock(0..tried as usize)?;
            mapping.unlock(0..tried as usize)
        });
        let error = error.err().map(|error| error.to_string());
        Self { limit, needed, tried, error, advice: platform.lock_advice().to_owned() }
    }

    /// Why the whole file cannot be locked.
    pub(super) fn obstacle(&self) -> Option<String> {
        let Self { limit, needed, tried, error, advice } = self;
        if let Some(limit) = limit.filter(|limit| limit < needed) {
            let (limit, needed) = (bytes(limit), bytes(*needed));
            return Some(format!("{limit} may be locked and {needed} are needed; {advice}"));
        }
        let error = error.as_ref()?;
        Some(format!("locking {} was refused: {error}; {advice}", bytes(*tried)))
    }
}

impl std::fmt::Display for Locking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let limit = self.limit.map_or_else(
            || "no limit for this process".to_owned(),
            |limit| format!("limit {}", bytes(limit)),
        );
        write!(f, "{limit}; {} needed; ", bytes(self.needed))?;
        match &self.error {
            Some(error) => write!(f, "{} refused: {error}", bytes(self.tried)),
            None => write!(f, "{} locked and released", bytes(self.tried)),
        }
    }
}
