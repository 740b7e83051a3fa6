//! Whether the output of a command shows anything of the weights that it loaded.

use super::watch::{Watch, varied};
use crate::rules::{Evidence, Output, weights_arrived};
use crate::subject::{Case, NotAvailable};

/// Why the output of a command proves nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mute {
    /// It is another one in each run; how many there were.
    Varies(String),
    /// There is none.
    Empty,
    /// It is the same whatever the weights are.
    Constant,
}

impl Mute {
    /// What is said of it where `who` is the command and `output` its output.
    pub(super) fn told(&self, output: &str, who: &str) -> NoOutput {
        let reason = match self {
            Self::Varies(seen) => format!("{output} varies by itself ({seen})"),
            Self::Empty => format!("{who} writes nothing to standard output"),
            Self::Constant => {
                format!("{output} is the same on a copy of the model in which every tensor is another one")
            }
        };
        NoOutput { reason, steady: *self == Self::Constant }
    }
}

/// An output that proves nothing where it is as expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NoOutput {
    /// Why.
    pub(super) reason: String,
    /// Whether one that is not as expected proves something all the same.
    pub(super) steady: bool,
}

impl NoOutput {
    /// Whether outputs are to be compared where this is said of them.
    pub(super) fn compares(said: Option<&Self>) -> bool {
        said.is_none_or(|no_output| no_output.steady)
    }
}

/// What some runs of one case show of the weights by their output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Shows {
    /// Why that is nothing.
    pub(super) mute: Option<Mute>,
    /// Why it is not known whether it depends on the weights.
    pub(super) untried: Option<String>,
}

impl Shows {
    /// Runs the case once more on a copy of the model with other weights, unless these runs answer by themselves.
    ///
    /// # Errors
    /// Where the subject cannot be run at all.
    pub(super) fn of(watch: &Watch<'_>, case: &Case, runs: &[Evidence]) -> Result<Self, NotAvailable> {
        let mute = |mute| Ok(Self { mute: Some(mute), untried: None });
        if let Some(seen) = varied(runs) {
            return mute(Mute::Varies(seen));
        }
        let Some(run) = runs.iter().find(|run| run.completed()) else { return Ok(Self::default()) };
        if !watch.subject.is_command() {
            return Ok(Self::default());
        }
        if run.output.as_ref().is_none_or(Output::is_empty) {
            return mute(Mute::Empty);
        }
        let untried = |why: String| {
            let untried = Some(format!("whether the output depends on the weights was not seen: {why}"));
            Ok(Self { mute: None, untried })
        };
        let changed = match watch.run_changed(case) {
            Ok(changed) => changed,
            Err(NotAvailable::Copy { why }) => return untried(why),
            Err(error) => return Err(error),
        };
        if !changed.completed() {
            // Whoever refuses other weights has looked at them.
            return untried("with other weights the command does not complete".to_owned());
        }
        if changed.output != run.output {
            return Ok(Self::default());
        }
        match weights_arrived(&changed) {
            Ok(()) => mute(Mute::Constant),
            Err(_) => untried("given a copy of the model, the command loaded something else".to_owned()),
        }
    }
}
