//! Campaigns: cases × a subject → evidence → rules → a document.
//!
//! ```text
//! spellings ─ cases ──► subject ──► evidence ──► rules ──► findings, not observed ─┐
//!                                         └────► path, output ─────────────────────┴─► document
//! ```
//!
//! Cases are enumerated, never sampled. A case is one spelling; the cases whose spelling means the
//! same plan form a group. Within a group everything must agree, and every group must agree on
//! tensor bytes and output.
//!
//! - [`Matrix`]: the one [`Campaign`] for every subject.
//! - [`Faults`]: a campaign in which a subject's own calls are made to fail.
//! - [`Comparison`]: two commands, every spelling; [`Baseline`]: a command and what was recorded of it.
//! - [`Merge`]: the documents of several machines in one matrix, or the parts of one campaign joined.
//! - [`judge`]: one recording.
//! - [`find_era`]: which dialect a command speaks; [`first_look()`]: whether a command can be checked at all.
//!
//! Each ends in one of the typed documents of [`document`]; what happens on the way is a small stream of
//! [`Progress`]. Known divergences stand in [`Expectations`].
//!
//! Called by `cli` and `report`; calls `rules`, `subject`, `plan`, `gguf` and `trace`.

mod ahead;
mod baseline;
mod bits;
mod calls;
mod campaign;
mod cases;
mod compare;
pub mod document;
mod era;
mod expect;
mod faults;
mod first_look;
mod judge;
mod levels;
mod matrix;
mod merge;
mod path;
mod plans;
mod said;
mod scenario;
mod shows;
mod timeline;
mod unseen;
mod watch;

pub use baseline::{Golden, golden_paths};
pub use bits::{Agreement, BitsError, MachineBits, ModeBits, ModelBits};
pub use campaign::Campaign;
pub use cases::{Breadth, real_spellings, union_of_spellings, unknown_modes};
pub use compare::{
    Baseline, CameFrom, Changed, Comparison, Ended, MemoryNeeds, Ran, Recorded, StillHeld, changes,
};
pub use document::{
    CheckDocument, CompareDocument, DocumentError, FaultsDocument, JudgeDocument, MergeDocument, Verdict,
};
pub use era::{Era, EraError, find_era};
pub use expect::{ExpectDocument, ExpectError, Expectations, Known};
pub use faults::{Bounds, Faults, SavedExploration, World};
pub use first_look::{FirstLook, SeenOutput, first_look};
pub use judge::{Recording, claims, judge, judge_bench};
pub use levels::Wanted;
pub use matrix::{Matrix, Selection};
pub use merge::{Incomparable, Merge, join_faults};
pub use path::CasePath;
pub use scenario::{Scenario, ScenarioExpected, ScenarioSide, Shown, ShownSide};
pub use watch::Progress;
