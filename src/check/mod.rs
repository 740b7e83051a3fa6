//! The campaign: cases × a subject → verdicts.
//!
//! ```text
//! spellings ─ cases ──► subject ──► ops ──► code path, contract ─┐
//!                               └─► bytes, output ───────────────┴─► groups ─► verdicts ─► events
//! ```
//!
//! Cases are enumerated, never sampled. A case is one spelling; the cases whose spelling means the
//! same plan form a group. Within a group everything must agree, and every group must agree on
//! tensor bytes and output. What happens is told as a stream of [`Event`]s, which `report` turns
//! into output.
//!
//! The results of several machines are [`Merge`]d into one matrix, told by the same stream.
//!
//! The matrix on a command that is not ours, its faults and the comparison of two of them stand in
//! `command`, which says which rules hold a foreign loader.
//!
//! Called by `cli` and `report`; calls `subject`, `plan`, `gguf` and `trace`.

mod baseline;
mod bits;
mod campaign;
mod command;
mod contract;
pub mod document;
mod event;
mod judge;
mod merge;
mod plans;
mod replay;
mod result;
mod rule;
mod scenario;

pub use baseline::{Golden, golden_paths};
pub use bits::{Agreement, BitsError, MachineBits, ModeBits, ModelBits};
pub use campaign::{Breadth, Campaign, real_spellings};
pub use command::{
    CommandCampaign, CompareFinished, CompareStarted, CompareTotals, Compared, Comparison, Era, EraError,
    ExpectError, Expectations, FaultCampaign, Impact, Known, Patience, Stable, broken_duties, find_era,
    union_of_spellings,
};
pub use contract::broken_rules;
pub use event::{
    Across, CaseFinished, Event, Facts, Failure, Finished, GroupFinished, Level, Normalisation, Started,
    Totals, Verdict,
};
pub use judge::{Claim, Judgement, Recording, claims, judge, judge_bench};
pub use merge::{
    Cell, Machine, Merge, MergeFinished, MergeStarted, MergeTotals, MergeVerdict, ModelMerged, RowMerged,
};
pub(crate) use result::CHECK_SCHEMA;
pub use result::{CheckResult, ResultError};
pub use rule::{Finding, Rule};
pub use scenario::{Scenario, ScenarioExpected, ScenarioSide, Shown, ShownSide};
