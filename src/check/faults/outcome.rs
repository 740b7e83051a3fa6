//! What came of a fault: one run held against the clean one.

use std::collections::BTreeSet;

use super::run::Clean;
use crate::check::document::FaultOutcome;
use crate::rules::{Capability, Ending, Evidence, Output, Rule, TensorBytes, lost_tensor};

/// The rule that an outcome breaks.
pub(super) fn rule_of(outcome: FaultOutcome) -> Option<Rule> {
    match outcome {
        FaultOutcome::WrongOutput => Some(Rule::FaultOutput),
        FaultOutcome::Crash => Some(Rule::FaultCrash),
        FaultOutcome::Hang => Some(Rule::FaultHang),
        FaultOutcome::SilentFailure => Some(Rule::FaultReported),
        _ => None,
    }
}

/// What came of one run under faults, and what is to be said of it.
pub(super) fn outcome_of(clean: &Clean, run: &Evidence) -> (FaultOutcome, String) {
    let completed = run.completed();
    let wrong = completed && run.output != clean.run.output;
    let whole = run.tensors.as_ref().is_some_and(TensorBytes::is_whole);
    let wrong_tensor = run.tensors.as_ref().and_then(|seen| seen.wrong.as_ref());
    let lost = lost_tensor(&clean.run, run);
    let outcome = match &run.ending {
        Ending::TimeLimit(_) => FaultOutcome::Hang,
        Ending::Crashed(_) => FaultOutcome::Crash,
        Ending::Killed(_) => FaultOutcome::NotObserved,
        _ if completed && (wrong_tensor.is_some() || lost.is_some()) => FaultOutcome::WrongOutput,
        _ if completed && clean.no_output.is_some() && !whole => FaultOutcome::NotObserved,
        _ if wrong && clean.no_output.is_none() => FaultOutcome::WrongOutput,
        _ if completed && run.effective() == clean.run.effective() => FaultOutcome::Same,
        _ if !says_more(&clean.run, run) => FaultOutcome::SilentFailure,
        _ if completed => FaultOutcome::Fallback,
        _ => FaultOutcome::Error,
    };
    let bytes = |evidence: &Evidence| match &evidence.output {
        Some(Output::Text { bytes, .. }) => bytes.len(),
        Some(Output::Logits { tokens, .. }) => tokens.len(),
        None => 0,
    };
    let message = match outcome {
        FaultOutcome::WrongOutput if wrong_tensor.is_some() => {
            let tensor = wrong_tensor.map_or_else(String::new, ToString::to_string);
            format!("it ended as if nothing had happened; {tensor}")
        }
        FaultOutcome::WrongOutput if lost.is_some() => format!(
            "it ended as if nothing had happened; {}: memory held its bytes without the fault, and does not with it",
            lost.unwrap_or_default()
        ),
        FaultOutcome::WrongOutput => format!(
            "it ended as if nothing had happened, with {} bytes of output that are not the clean {}",
            bytes(run),
            bytes(&clean.run)
        ),
        FaultOutcome::SilentFailure if completed => format!(
            "it loaded another way ({} instead of {}) and said nothing",
            run.effective(),
            clean.run.effective()
        ),
        FaultOutcome::NotObserved => clean.no_output.clone().unwrap_or_default(),
        _ => run.ending.message().to_owned(),
    };
    (outcome, message)
}

/// Whether standard error, or a notice, says something that the clean run did not; numbers, which may be
/// times, aside.
fn says_more(clean: &Evidence, run: &Evidence) -> bool {
    let lines = |run: &Evidence| -> BTreeSet<String> {
        let text = String::from_utf8_lossy(&run.stderr).into_owned();
        let bare = |line: &str| line.chars().filter(|c| !c.is_ascii_digit()).collect::<String>();
        text.lines().map(bare).filter(|line| !line.trim().is_empty()).collect()
    };
    let failed_aloud = matches!(&run.ending, Ending::Failed(message) if !message.is_empty())
        && run.capabilities.has(Capability::Notices);
    failed_aloud || !run.fold.notices.is_subset(&clean.fold.notices) || !lines(run).is_subset(&lines(clean))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_is_shown_first() {
        assert!(FaultOutcome::ALL.windows(2).all(|pair| pair[0] > pair[1]));
    }
}
