//! What was not observed, and what that keeps from being a pass: the same for every campaign.

use crate::rules::{Capability, NotObserved, Rule};
use crate::subject::FaultSpec;

/// Whether a run is no pass without this. That as many bytes are locked as the weights have, of which nobody
/// knows where they lie, is the most that calls can show of a loader that copies what it reads; what a loader
/// says of a refusal is not in its calls at all.
pub(super) fn lowers(missing: &NotObserved) -> bool {
    match missing.rule {
        // Bytes that cannot be compared are counted; those of a copy that may be in use and are wrong are more.
        Rule::SameBytes => missing.missing.contains(&Capability::Use),
        Rule::FallbackReported | Rule::SameOutput => false,
        Rule::TensorsLocked => {
            !missing.missing.iter().any(|m| matches!(m, Capability::Destinations | Capability::Notices))
        }
        _ => true,
    }
}

/// Why a model without tensors shows nothing.
pub(super) fn no_tensors(model: &str) -> String {
    format!("{model} has no tensors, so nothing could be loaded")
}

/// The faults that met no call, each as what was not observed because of it.
pub(super) fn unmet<'f>(faults: impl IntoIterator<Item = (&'f FaultSpec, u64)>) -> Vec<NotObserved> {
    let unmet = faults.into_iter().filter(|(_, fired)| *fired == 0);
    let reason = |fault: &FaultSpec| format!("the fault `{fault}` met no call");
    unmet.map(|(fault, _)| NotObserved::new(Rule::FaultMet, Vec::new(), reason(fault))).collect()
}

/// Why a campaign with a fault that met no call is no pass.
pub(super) fn why_unmet(unmet: &NotObserved) -> String {
    format!("{}; --allow-unmet passes over it", unmet.reason)
}
