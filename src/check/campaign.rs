//! What every campaign on one subject is given.

use std::sync::atomic::AtomicBool;

use super::document::{CheckStarted, Header};
use super::expect::Expectations;
use super::watch::Watch;
use crate::plan::Spelling;
use crate::rules::Level;
use crate::subject::{Setting, Subject};

/// A campaign on one subject.
pub struct Campaign<'a> {
    /// The thing under test.
    pub subject: &'a dyn Subject,
    /// How reports name the model.
    pub model_name: String,
    /// Dialect, depth, what is generated, what the model holds.
    pub setting: Setting<'a>,
    /// What is to be said about how the dialect was found.
    pub notes: Vec<String>,
    /// Only these spellings; all that the campaign has where it is empty.
    pub only: Vec<Spelling>,
    /// How often a command is run again before what it does is believed.
    pub retries: u32,
    /// Whether to stop at the first broken rule.
    pub fail_fast: bool,
    /// Whether the document is to hold loads in time.
    pub timelines: bool,
    /// Divergences that are known.
    pub expected: Expectations,
    /// Set from outside to end the campaign early.
    pub interrupted: &'a AtomicBool,
}

impl<'a> Campaign<'a> {
    /// Its subject under observation, with as many runs side by side as are allowed.
    pub(super) fn watch(&self, jobs: usize) -> Watch<'a> {
        Watch::new(self.subject, self.setting, self.retries, jobs, self.interrupted)
    }

    /// Whether any way to load the model is as good as any other, and shows nothing.
    pub(super) fn has_no_tensors(&self) -> bool {
        self.setting.truth.weights.is_empty()
    }

    /// What a document says of it at the start.
    pub(super) fn started(&self, level: Level, planned_plans: u64, planned_loads: u64) -> CheckStarted {
        CheckStarted {
            header: Header::new(&self.model_name, self.subject.platform()),
            subject: self.subject.name(),
            model_hash: self.setting.truth.tensors.combined(),
            dialect: self.setting.dialect.to_string(),
            page_size: self.subject.page_size(),
            level,
            generation: self.subject.settings(&self.setting),
            planned_plans,
            planned_loads,
            part: None,
            known: Vec::new(),
        }
    }
}
