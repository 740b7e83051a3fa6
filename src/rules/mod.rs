//! The rules: (asked plan, decided plan, evidence, profile) → findings and what was not observed.
//!
//! Pure: no I/O, no `cfg`. Data enters as operations with the layout of the weights, and leaves as
//! [`Finding`]s and [`NotObserved`].
//!
//! - [`Rule`]: one row each: id, level, sentence, the capabilities that a decision needs.
//! - [`Finding`] is a broken rule, [`NotObserved`] a rule that this evidence cannot decide.
//!
//! Called by `subject`, `check` and `cli`; calls `plan`, `gguf` and `trace`.

mod capability;
mod finding;
mod rule;

pub use capability::{Capabilities, Capability};
pub use finding::{Finding, NotObserved};
pub use rule::{Level, Rule};
