//! Changes that do no harm, each with the reason: a reviewed list.

use loadparity::trace::Op;

use super::clean::Clean;
use super::kinds::{Change, name};

/// A kind of change that may pass unnoticed.
pub struct Row {
    pub call: &'static str,
    pub change: &'static [Change],
    pub why: &'static str,
}

impl Row {
    pub fn matches(&self, _: &Clean, op: &Op, change: Change) -> bool {
        !self.why.is_empty() && name(&op.call) == self.call && self.change.contains(&change)
    }
}

pub const HARMLESS: &[Row] = &[];
