//! Systems without a tracer.

use super::{Command, Options, OwnMemory, TraceError, Traced};

/// A way to end a trace from outside; no trace runs here.
#[derive(Clone, Debug, Default)]
pub struct Stop(());

impl Stop {
    /// A handle that nothing triggers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A handle that signals would trigger.
    ///
    /// # Errors
    /// Never: no thread waits for them.
    pub fn on_signals() -> std::io::Result<Self> {
        Ok(Self::default())
    }

    /// Ends the trace.
    pub fn trigger(&self, signal: i32) {
        let _ = signal;
    }
}

/// The memory of this process; nobody says here.
#[must_use]
pub fn own_memory() -> Option<OwnMemory> {
    None
}

pub(super) fn run(_: &Command, _: &Options) -> Result<Traced, TraceError> {
    Err(TraceError::Unsupported { os: std::env::consts::OS, arch: std::env::consts::ARCH })
}
