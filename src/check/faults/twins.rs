//! The other spellings of a plan: where a fault is answered by a fallback, they take the same one.
//!
//! What is refused is where spellings part: a flag of an earlier era may fall back to a mapping, and the load mode
//! that stands for it to reads. A command is asked in one spelling of each other kind; the reference engine loads a
//! plan, which all its spellings are resolved to before.

use super::outcome::{Came, outcome_of};
use super::run::Root;
use crate::check::document::{FaultOutcome, quoted};
use crate::plan::Spelling;
use crate::rules::{Applies, Evidence, Finding, Rule};
use crate::subject::{FaultSpec, NotAvailable};

/// The calls whose refusal decides the way.
const DECIDE: [&str; 5] = ["open.direct", "read.direct", "alignment", "map", "lock"];

/// What is compared of two runs under one fault: what came of it, and the way.
fn came_to(run: &Evidence, came: &Came) -> String {
    if run.completed() { format!("{} ({})", came.outcome, run.effective()) } else { came.outcome.to_string() }
}

/// A spelling that parts from the case under these faults, with what is broken by that. Both are run once more
/// before it is believed.
pub(super) fn parting(
    root: &Root<'_>,
    faults: &[FaultSpec],
    run: &Evidence,
    came: &Came,
) -> Result<Option<(Spelling, Finding)>, NotAvailable> {
    let profile = root.watch.subject.profile();
    let [fault] = faults else { return Ok(None) };
    let target = fault.target().to_string();
    if fault.alters_file() {
        return Ok(None);
    }
    let decides = DECIDE.iter().any(|call| target == *call || target.starts_with(&format!("{call}.")));
    let settled = matches!(came.outcome, FaultOutcome::Same | FaultOutcome::Fallback | FaultOutcome::Error);
    if !decides || !settled || !came.findings.is_empty() || profile.applies(Rule::SamePath) != Applies::Yes {
        return Ok(None);
    }
    let asked = |case| -> Result<Option<String>, NotAvailable> {
        let run = root.watch.run(case, faults)?;
        let fired = run.fired.last().is_some_and(|fired| *fired > 0);
        Ok(fired.then(|| came_to(&run, &outcome_of(&root.clean, &run, faults, profile))))
    };
    let own = came_to(run, came);
    for twin in &root.twins {
        let Some(other) = asked(twin)?.filter(|other| *other != own) else { continue };
        if asked(&root.clean.case)?.as_ref() != Some(&own) || asked(twin)?.as_ref() != Some(&other) {
            continue;
        }
        let spelling = twin.spelling.to_string();
        let message =
            format!("it comes to {own}, and {}, which asks for the same, to {other}", quoted(&spelling));
        return Ok(Some((twin.spelling.clone(), Finding::new(Rule::SamePath, message))));
    }
    Ok(None)
}
