//! What was not observed, and what that keeps from being a pass: the same for every campaign.

/// Why a model without tensors shows nothing.
pub(super) fn no_tensors(model: &str) -> String {
    format!("{model} has no tensors, so nothing could be loaded")
}
