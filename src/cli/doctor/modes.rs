//! What each load mode comes to, decided from what was tried.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bytes;
use super::probe::{DirectIo, Locking, MapProbe};
use super::speed::Speeds;
use crate::plan::{LoadPlan, OnRefused};

/// What a mode comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum State {
    /// It does what it says.
    Works,
    /// A loader gets something less than it asked for, and may not notice.
    Degrades,
    /// It cannot be had.
    Fails,
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Works => "works",
            Self::Degrades => "degrades",
            Self::Fails => "fails",
        })
    }
}

/// One mode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Mode {
    /// The plan, such as `read+lock`.
    pub plan: String,
    /// The word behind `--load-mode` that asks for it.
    pub load_mode: String,
    /// What it comes to.
    pub state: State,
    /// Why.
    pub reason: String,
}

/// Every mode, without a lock and with one.
pub(super) fn of(
    size: u64,
    map: &MapProbe,
    file_system: &str,
    direct: &DirectIo,
    locking: &Locking,
    room: Option<u64>,
) -> Vec<Mode> {
    let mut modes = Vec::new();
    let crowded = room
        .filter(|room| *room < size)
        .map(|room| format!("the lock keeps {} in memory, and {} are to be had", bytes(size), bytes(room)));
    let short = room.filter(|room| *room < size).map(|room| {
        format!("it needs {} of memory of its own, and {} are to be had", bytes(size), bytes(room))
    });
    let mapped = match map {
        MapProbe { error: Some(error), .. } => (State::Fails, format!("the mapping is refused: {error}")),
        MapProbe { good: false, .. } => (State::Degrades, file_system.to_owned()),
        MapProbe { .. } => (State::Works, "pages come when they are touched".to_owned()),
    };
    let refused = |error| format!("direct I/O is refused ({error}): loaders read buffered instead");
    let (read, directly) = match short {
        Some(short) => ((State::Fails, short.clone()), (State::Fails, short)),
        None => (
            (State::Works, format!("a copy of {} in memory", bytes(size))),
            match (&direct.error, direct.unaligned_refused) {
                (Some(error), _) => (State::Degrades, refused(error)),
                (None, Some(true)) => (State::Works, "reads pass the page cache by".to_owned()),
                (None, _) => (State::Degrades, "nothing shows that reads pass the page cache by".to_owned()),
            },
        ),
    };
    for lock in [false, true] {
        let plans = [LoadPlan::map(lock), LoadPlan::read(lock), LoadPlan::direct(lock, OnRefused::Read)];
        for (plan, (state, reason)) in plans.into_iter().zip([&mapped, &read, &directly]) {
            let (state, reason) = match (&crowded, locking.obstacle()) {
                (Some(crowded), _) if lock && *state != State::Fails => (State::Fails, crowded.clone()),
                (_, Some(obstacle)) if lock && *state != State::Fails => (State::Degrades, obstacle),
                _ => (*state, reason.clone()),
            };
            let load_mode = plan.reference_word().unwrap_or_default().to_owned();
            modes.push(Mode { plan: plan.to_string(), load_mode, state, reason });
        }
    }
    modes
}

/// Which mode to take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Recommendation {
    /// The plan.
    pub plan: String,
    /// Why.
    pub reason: String,
}

/// By how much direct reads have to be faster than mapped ones, cold, to be worth the memory of their own.
const WORTH_IT: f64 = 1.3;

impl Recommendation {
    pub(super) fn of(modes: &[Mode], speeds: Option<&Speeds>, size: u64, room: Option<u64>) -> Option<Self> {
        let works = |plan: &str| modes.iter().any(|mode| mode.plan == plan && mode.state == State::Works);
        let take = |plan: &str, reason: String| Some(Self { plan: plan.to_owned(), reason });
        let faster = speeds.filter(|speeds| speeds.was_cold == Some(true)).and_then(|speeds| {
            let (direct, mapped) = (speeds.cold("direct")?, speeds.cold("map")?);
            (direct > mapped * WORTH_IT).then_some((direct, mapped))
        });
        if works("map") {
            if let (true, Some((direct, mapped))) = (works("direct"), faster)
                && room.is_some_and(|room| size <= room / 2)
            {
                let reason = format!(
                    "a cold start reads {direct:.0} MiB/s direct and {mapped:.0} mapped; map where it starts warm \
                     or several processes share it"
                );
                return take("direct", reason);
            }
            return take("map", "it starts at once, and its pages are shared and can be dropped".to_owned());
        }
        if works("direct") {
            return take("direct", "mapping does not serve this file well, and direct reads work".to_owned());
        }
        if works("read") {
            return take("read", "mapping does not serve this file well".to_owned());
        }
        let left = modes.iter().find(|mode| mode.state == State::Degrades)?;
        take(&left.plan, format!("nothing better is left: {}", left.reason))
    }
}
