//! A recording as a subject: it holds one case and answers no other.

use super::{Case, FaultSpec, NotAvailable, Setting, Subject, shell_line};
use crate::rules::{Evidence, Profile};

/// One recorded run.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// How reports name it.
    pub name: String,
    /// The case that it holds.
    pub case: Case,
    /// What is known of it.
    pub evidence: Evidence,
}

impl Subject for Recorded {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn platform(&self) -> &'static str {
        "recording"
    }

    fn page_size(&self) -> u64 {
        self.evidence.page_size
    }

    fn profile(&self) -> &'static Profile {
        &Profile::RECORDING
    }

    fn is_command(&self) -> bool {
        false
    }

    fn settings(&self, _: &Setting<'_>) -> String {
        "as recorded".to_owned()
    }

    fn observe(&self, case: &Case, faults: &[FaultSpec], _: &Setting<'_>) -> Result<Evidence, NotAvailable> {
        if case.spelling != self.case.spelling || !faults.is_empty() {
            let held = self.case.spelling.to_string();
            return Err(NotAvailable::OtherCase { held, asked: case.spelling.to_string() });
        }
        Ok(self.evidence.clone())
    }

    fn check_line(&self, _: &[String], setting: &Setting<'_>) -> String {
        let words =
            ["loadparity", "judge", "--dialect", setting.dialect.argument(), "--trace", &self.name, "--"];
        let words = words.into_iter().map(str::to_owned);
        shell_line(words.chain(self.case.spelling.argv.iter().cloned()))
    }
}
