//! Dialects by name.

use loadparity::plan::Dialect;

/// A shipped dialect.
pub(crate) fn era(name: &str) -> Dialect {
    name.parse().unwrap_or_else(|error| panic!("{error}"))
}
