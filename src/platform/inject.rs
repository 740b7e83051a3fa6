//! The injector.

/// Whether the last call on this thread was answered by the injector; clears the mark.
pub(super) fn take_injected() -> bool {
    false
}
