//! The rules: (asked plan, evidence, profile) → findings and what was not observed.
//!
//! Pure: no I/O, no `cfg`. Data enters as operations with the layout of the weights, and leaves as
//! [`Finding`]s and [`NotObserved`].
//!
//! - [`Evidence`] is everything known of one run. Its operations are played once ([`Fold`]), per process and
//!   per file: placements, locks, requests, opens, notices.
//! - [`Decided`] is the plan after `auto` and refusals were decided from evidence.
//! - [`Rule`] is a row: id, level, sentence, the capabilities that a decision needs. [`judge`] runs the checks
//!   of the rows that a [`Profile`] holds a subject to.
//! - [`Finding`] is a broken rule, [`NotObserved`] a rule that this evidence cannot decide.
//! - [`EXAMPLES`] has a trace that keeps and one that breaks each rule of a single run.
//! - [`CommandPath`] is the code path of a command that is not ours, in tensor bytes and not in addresses.
//!
//! Called by `subject`, `check` and `cli`; calls `plan`, `gguf` and `trace`.

mod capability;
mod checks;
mod decided;
mod evidence;
mod examples;
mod finding;
mod fold;
mod judge;
mod path;
mod profile;
mod rule;
mod summary;
mod tensors;
mod weights;

pub use capability::{Capabilities, Capability};
pub use decided::{Decided, Limit, LockDuty};
pub use evidence::{Ending, Evidence, Output, PageCount, TensorCopy, Touched, UsedUnlocked};
pub use examples::{EXAMPLES, Example, MODEL as EXAMPLE_MODEL};
pub use finding::{Finding, NotObserved};
pub use fold::{Fold, Held, LockAttempt, Mapping, OpenAttempt, Placement, Process, Request, Way};
pub use judge::{Judgement, judge, weights_arrived};
pub use path::CommandPath;
pub use profile::{Applies, Profile};
pub use rule::{Level, Rule};
pub use summary::{Effective, EffectiveSource, Refusal, Summary};
pub use tensors::{TensorBytes, WrongTensor, lost_tensor};
pub use weights::{Tensor, WeightFile, Weights};
