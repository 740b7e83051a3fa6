//! An exploration that a bound stopped, kept so that another run goes on there.
//!
//! What is kept is how the queue came to be: the calls that each state opened and the schedules that were taken, in
//! order. The queue itself, many times as large, is built anew from that; the same program builds the same one.

use serde::{Deserialize, Serialize};

use super::Bounds;
use super::altered;
use super::run::Root;
use super::sites::{Site, hash};
use super::table::TABLE;
use crate::check::document::{CheckStarted, DocumentError, FaultOutcome, FaultsDocument};
use crate::subject::Target;

/// A call as a file holds it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SavedSite {
    call: String,
    number: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<u32>,
    at: usize,
    loads: bool,
    offset: u64,
    len: u64,
    class: u64,
}

impl From<Site> for SavedSite {
    fn from(site: Site) -> Self {
        let Site { call, number, file, at, loads, offset, len, class } = site;
        Self { call: call.to_owned(), number, file, at, loads, offset, len, class }
    }
}

impl Opening {
    /// What was kept; `None` where a call has no name that is known.
    pub(super) fn sites(&self) -> Option<Vec<Site>> {
        self.sites.iter().cloned().map(SavedSite::site).collect()
    }
}

impl SavedSite {
    fn site(self) -> Option<Site> {
        let Self { call, number, file, at, loads, offset, len, class } = self;
        Some(Site { call: Target::named(&call)?.name(), number, file, at, loads, offset, len, class })
    }
}

/// What a state opened: its number, and the calls ahead.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Opening {
    pub(super) state: u64,
    /// None of them where the state was known, or deeper than the bound.
    pub(super) sites: Vec<SavedSite>,
}

/// A schedule that was run: what its end was for the queue.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Ran {
    /// Whether its last fault met a call.
    pub(super) met: bool,
    pub(super) hung: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) opened: Option<Opening>,
}

/// An exploration up to where it stopped.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SavedExploration {
    schema: String,
    /// The table of faults that it was made with.
    table: u64,
    /// Of each plan on each machine its label, and what its clean run opened.
    pub(super) roots: Vec<(String, Option<Opening>)>,
    /// The schedules that were taken together.
    pub(super) batches: Vec<Vec<Ran>>,
    /// What each broken rule came with.
    pub(super) outcomes: Vec<FaultOutcome>,
    /// What it came to.
    pub(super) result: FaultsDocument,
}

impl SavedExploration {
    /// The schema of the file.
    pub const SCHEMA: &'static str = "loadparity.exploration/1";

    /// Reads a file that [`SavedExploration::write`] wrote.
    ///
    /// # Errors
    /// When the bytes are no such file.
    pub fn read(bytes: &[u8]) -> Result<Self, DocumentError> {
        crate::check::document::read(bytes, Self::SCHEMA, "loadparity check --faults --state FILE")
    }

    /// As a file.
    ///
    /// # Errors
    /// Where it cannot be written as JSON.
    pub fn write(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(self)
    }

    pub(super) fn new(
        roots: Vec<(String, Option<Opening>)>,
        batches: Vec<Vec<Ran>>,
        outcomes: Vec<FaultOutcome>,
        result: FaultsDocument,
    ) -> Self {
        Self { schema: Self::SCHEMA.to_owned(), table: table(), roots, batches, outcomes, result }
    }

    /// Whether an exploration of these roots goes on from here.
    ///
    /// # Errors
    /// Says what is not the same.
    pub(super) fn fits(
        &self,
        started: &CheckStarted,
        bounds: Bounds,
        roots: &[Root<'_>],
    ) -> Result<(), String> {
        let was = &self.result.started;
        let labels = |saved: &[(String, Option<Opening>)]| -> Vec<String> {
            saved.iter().map(|(label, _)| label.clone()).collect()
        };
        let differs = if was.check.header != started.header || self.table != table() {
            "program, model name or machine"
        } else if was.check.model_hash != started.model_hash {
            "model"
        } else if was.check.subject != started.subject || was.check.generation != started.generation {
            "command or settings"
        } else if was.check.dialect != started.dialect {
            "dialect"
        } else if was.check.part != started.part {
            "part"
        } else if was.bounds.depth != bounds.depth {
            "depth"
        } else if was.bounds.claims_check != bounds.claims_check {
            "claim of a check"
        } else if labels(&self.roots) != roots.iter().map(|root| root.label.clone()).collect::<Vec<_>>() {
            "plans"
        } else {
            return Ok(());
        };
        Err(format!("it was kept of another exploration: not the same {differs}"))
    }
}

/// A number that changes with the table of faults.
fn table() -> u64 {
    hash(format!("{TABLE:?}{:?}", altered::TABLE))
}
