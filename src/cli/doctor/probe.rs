//! What is tried on the file, through the seam.

use std::path::Path;
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bytes;
use crate::platform::{Advice, File, Lockable, MapRequest, Platform};

/// How many bytes are read to measure a speed, at most.
const MEASURED: u64 = 256 << 20;

/// How many bytes a read asks for: a multiple of every alignment.
const PIECE: usize = 1 << 20;

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

/// How fast the file was read, in MiB a second, over at most 256 MiB of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Speeds {
    /// How many bytes were read each time.
    pub bytes: u64,
    /// Buffered, the first time: after the file's pages were dropped, where the system does that when asked.
    pub read_cold: Option<f64>,
    /// Buffered, again.
    pub read_warm: Option<f64>,
    /// Mapped, every page touched, after the file's pages were dropped.
    pub map_cold: Option<f64>,
    /// Mapped, again.
    pub map_warm: Option<f64>,
    /// Direct.
    pub direct: Option<f64>,
    /// Whether the pages were seen to be gone before what is called cold.
    pub was_cold: Option<bool>,
}

impl Speeds {
    pub(super) fn of(
        platform: &dyn Platform,
        path: &Path,
        file: &dyn File,
        size: u64,
        direct: &DirectIo,
    ) -> Self {
        let count = size.min(MEASURED);
        let mut was_cold = None;
        let mut drop_pages = || {
            // Advice may be passed over: what the cache holds afterwards is asked.
            _ = file.advise(0, 0, Advice::DontNeed);
            if let Ok(cached) = file.cached() {
                let gone = cached.resident <= cached.pages / 20;
                was_cold = Some(was_cold.unwrap_or(true) && gone);
            }
        };
        let rate = |done: Option<(u64, Duration)>| {
            done.map(|(bytes, time)| bytes as f64 / f64::from(1 << 20) / time.as_secs_f64().max(1e-9))
        };
        drop_pages();
        let read_cold = rate(read(platform, file, count));
        let read_warm = rate(read(platform, file, count));
        drop_pages();
        let map_cold = rate(mapped(file, platform.limits().page_size, count));
        let map_warm = rate(mapped(file, platform.limits().page_size, count));
        let opened = || platform.open(path, true).ok();
        let direct = direct
            .error
            .is_none()
            .then(opened)
            .flatten()
            .and_then(|file| rate(read(platform, &*file, count)));
        Self { bytes: count, read_cold, read_warm, map_cold, map_warm, direct, was_cold }
    }
}

/// Reads the first `count` bytes, and as far as alignment asks: how many came in what time.
fn read(platform: &dyn Platform, file: &dyn File, count: u64) -> Option<(u64, Duration)> {
    let mut buffer = platform.alloc(PIECE, PIECE).ok()?;
    let (started, mut at) = (Instant::now(), 0);
    while at < count {
        match file.read_at(at, buffer.bytes_mut()) {
            Ok(0) => break,
            Ok(came) => at += came as u64,
            // A direct read behind a short one is not aligned: what came is measured.
            Err(_) if at > 0 => break,
            Err(_) => return None,
        }
    }
    Some((at, started.elapsed()))
}

/// Touches every page of a mapping of the first `count` bytes.
fn mapped(file: &dyn File, page: u64, count: u64) -> Option<(u64, Duration)> {
    let started = Instant::now();
    let mapping = file.map(MapRequest { offset: 0, len: count, populate: false }).ok()?;
    let bytes = mapping.bytes(0..count as usize);
    let sum = bytes.iter().step_by(page as usize).fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    std::hint::black_box(sum);
    Some((count, started.elapsed()))
}

impl std::fmt::Display for Speeds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let all = [
            ("read", self.read_cold, self.read_warm),
            ("map", self.map_cold, self.map_warm),
            ("direct", self.direct, None),
        ];
        let shown: Vec<String> = all
            .into_iter()
            .filter_map(|(name, first, again)| {
                let first = first?;
                Some(match again {
                    Some(again) => format!("{name} {first:.0} cold, {again:.0} warm"),
                    None => format!("{name} {first:.0}"),
                })
            })
            .collect();
        write!(f, "MiB/s over {}: {}", bytes(self.bytes), shown.join("; "))?;
        match self.was_cold {
            Some(true) => Ok(()),
            Some(false) => f.write_str(" (pages stayed in the cache: cold is not cold)"),
            None => f.write_str(" (whether pages left the cache was not seen)"),
        }
    }
}
