//! A document as JSON: its own serialisation.

use std::io::{self, Write};

use serde::Serialize;

use crate::report::view::Viewed;

/// Writes a document.
///
/// # Errors
/// When `out` cannot be written to.
pub fn json<D: Viewed + Serialize>(out: &mut dyn Write, document: &D) -> io::Result<()> {
    match document.on_one_line() {
        true => serde_json::to_writer(&mut *out, document)?,
        false => serde_json::to_writer_pretty(&mut *out, document)?,
    }
    writeln!(out)
}
