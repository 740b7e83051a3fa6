//! What a [`View`](super::View) looks like in each format. Nothing here knows a document, but `json`, which is one.

mod github;
mod json;
mod junit;
mod markdown;
#[cfg(test)]
pub(super) mod samples;
mod table;
mod terminal;
#[cfg(test)]
mod tests;

pub use github::{LARGEST_SUMMARY, annotations, step_summary};
pub use json::json;
pub use junit::junit;
pub use markdown::markdown;
pub use terminal::{Screen, terminal};
