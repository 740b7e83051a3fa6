//! Dialect files: the TOML format in which every dialect is written, shipped or a user's own.
//!
//! [`DialectFile`] is what may stand in a file and the source of its JSON Schema; `convert` checks
//! what a schema cannot (names that stand once, modes that exist, keys that fit the rule of
//! combination) and makes [`Rules`] of it.

mod convert;
mod error;
mod format;

pub use error::{DialectError, meant};
pub use format::DialectFile;

use super::rules::Rules;

/// Reads the text of a dialect file. What it says lives as long as the program.
///
/// # Errors
///
/// What is wrong, at which line and column, and what was perhaps meant.
pub(super) fn read(text: &str) -> Result<Rules, DialectError> {
    let file: DialectFile = toml::from_str(text).map_err(|error| DialectError::of_toml(text, &error))?;
    convert::rules(Box::leak(Box::new(file)), text)
}
