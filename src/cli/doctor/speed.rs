//! How fast each load mode brings the file in, cold and warm.

use std::path::Path;
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bytes;
use super::probe::{DirectIo, Locking};
use crate::plan::{LoadPlan, OnRefused, Source};
use crate::platform::{Advice, File, MapRequest, Platform, Result};

/// How many bytes are read to measure a speed, at most.
const MEASURED: u64 = 256 << 20;

/// How many bytes a read asks for: a multiple of every alignment.
const PIECE: usize = 1 << 20;

/// How fast the file was read, over at most 256 MiB of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Speeds {
    /// How many bytes were read each time.
    pub bytes: u64,
    /// Each mode.
    pub modes: Vec<ModeSpeed>,
    /// Whether the pages were seen to be gone before what is called cold.
    pub was_cold: Option<bool>,
}

/// One mode, in MiB a second; `null` is what was not measured: the mode does not work here, or memory is too short.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct ModeSpeed {
    /// The plan, such as `read+lock`.
    pub plan: String,
    /// The first time: after the file's pages were dropped, where the system does that when asked.
    pub cold: Option<f64>,
    /// Again. Direct reads are as cold as the first time.
    pub warm: Option<f64>,
}

/// What is measured.
pub(super) struct Measured<'a> {
    pub platform: &'a dyn Platform,
    pub path: &'a Path,
    pub file: &'a dyn File,
    /// The size of the file in bytes.
    pub size: u64,
    /// Memory that is to be had, in bytes.
    pub room: Option<u64>,
}

impl Speeds {
    pub(super) fn of(measured: &Measured<'_>, direct: &DirectIo, locking: &Locking) -> Self {
        let count = measured.size.min(MEASURED);
        let may_lock = locking.obstacle().is_none() && measured.room.is_some_and(|room| count <= room / 2);
        let mut was_cold = None;
        let mut modes = Vec::new();
        for lock in [false, true] {
            for plan in [LoadPlan::map(lock), LoadPlan::read(lock), LoadPlan::direct(lock, OnRefused::Read)] {
                let can = (!lock || may_lock) && (plan.source != Source::Direct || direct.error.is_none());
                let rate = || {
                    if !can {
                        return None;
                    }
                    let (bytes, time) = measured.once(plan.source, lock, count).ok()?;
                    Some(bytes as f64 / f64::from(1 << 20) / time.as_secs_f64().max(1e-9))
                };
                if can {
                    measured.drop_pages(&mut was_cold);
                }
                modes.push(ModeSpeed { plan: plan.to_string(), cold: rate(), warm: rate() });
            }
        }
        Self { bytes: count, modes, was_cold }
    }

    /// How fast a mode was, cold; `None` where that was not measured.
    pub(super) fn cold(&self, plan: &str) -> Option<f64> {
        self.modes.iter().find(|mode| mode.plan == plan)?.cold
    }
}

impl Measured<'_> {
    fn drop_pages(&self, was_cold: &mut Option<bool>) {
        // Advice may be passed over: what the cache holds afterwards is asked.
        _ = self.file.advise(0, 0, Advice::DontNeed);
        if let Ok(cached) = self.file.cached() {
            let gone = cached.resident <= cached.pages / 20;
            *was_cold = Some(was_cold.unwrap_or(true) && gone);
        }
    }

    /// Brings the first `count` bytes in once: how many came in what time.
    fn once(&self, source: Source, lock: bool, count: u64) -> Result<(u64, Duration)> {
        match source {
            Source::Direct => self.read(&*self.platform.open(self.path, true)?, lock, count),
            Source::Read => self.read(self.file, lock, count),
            _ => self.mapped(lock, count),
        }
    }

    /// Reads, as far as alignment asks: into memory that is locked before, or over and over into one piece.
    fn read(&self, file: &dyn File, lock: bool, count: u64) -> Result<(u64, Duration)> {
        let (started, mut at) = (Instant::now(), 0);
        let wanted = if lock { (count as usize).next_multiple_of(PIECE) } else { PIECE };
        let mut buffer = self.platform.alloc(wanted, PIECE)?;
        if lock {
            buffer.lock()?;
        }
        while at < count {
            let place = if lock { at as usize } else { 0 };
            let end = (place + PIECE).min(wanted);
            match file.read_at(at, &mut buffer.bytes_mut()[place..end]) {
                Ok(0) => break,
                Ok(came) => at += came as u64,
                // A direct read behind a short one is not aligned: what came is measured.
                Err(_) if at > 0 => break,
                Err(error) => return Err(error),
            }
        }
        let time = started.elapsed();
        if lock {
            buffer.unlock()?;
        }
        Ok((at, time))
    }

    /// Touches every page of a mapping, locked before if that is asked for.
    fn mapped(&self, lock: bool, count: u64) -> Result<(u64, Duration)> {
        let started = Instant::now();
        let mapping = self.file.map(MapRequest { offset: 0, len: count, populate: false })?;
        if lock {
            mapping.lock(0..count as usize)?;
        }
        let page = self.platform.limits().page_size as usize;
        let touched = mapping.bytes(0..count as usize).iter().step_by(page);
        std::hint::black_box(touched.fold(0u8, |sum, byte| sum.wrapping_add(*byte)));
        let time = started.elapsed();
        if lock {
            mapping.unlock(0..count as usize)?;
        }
        Ok((count, time))
    }
}

impl std::fmt::Display for Speeds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown: Vec<String> = self
            .modes
            .iter()
            .filter_map(|ModeSpeed { plan, cold, warm }| {
                Some(match (cold, warm) {
                    (Some(cold), Some(warm)) => format!("{plan} {cold:.0} cold, {warm:.0} warm"),
                    (Some(once), None) | (None, Some(once)) => format!("{plan} {once:.0}"),
                    (None, None) => return None,
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
