//! The campaign on a command that is not ours: what the dialect predicts against what the system
//! calls show.
//!
//! - [`CommandCampaign`]: the matrix of spellings; [`broken_duties`] says which rules of the contract hold
//!   a foreign loader.
//! - [`find_era`]: which dialect a command speaks.
//! - [`FaultCampaign`]: its own calls made to fail, one by one and in pairs.
//! - [`Comparison`]: two commands, every spelling.
//!
//! Nothing is taken from what the command prints but its output as a whole and, to find the dialect,
//! its help. Known divergences stand in [`Expectations`].

mod campaign;
mod compare;
mod duties;
mod era;
mod expect;
mod faults;
mod watch;

pub use campaign::CommandCampaign;
pub use compare::{
    CompareFinished, CompareStarted, CompareTotals, Compared, Comparison, Impact, union_of_spellings,
};
pub use duties::broken_duties;
pub use era::{Era, EraError, find_era};
pub use expect::{ExpectError, Expectations, Known};
pub use faults::FaultCampaign;
pub use watch::{Patience, Stable};
