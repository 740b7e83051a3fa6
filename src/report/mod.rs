//! Output of a campaign, for people and for programs: consumers of one event stream.
//!
//! Events enter through [`Reporter::event`] in the order in which they happen; each reporter
//! writes to the sink it was given.
//!
//! Called by `cli`; calls `check` and `trace`.

mod json;
mod terminal;

use std::io;

pub use json::Json;
pub use terminal::Terminal;

use crate::check::Event;

/// One consumer of the event stream.
pub trait Reporter {
    /// Takes the next event.
    ///
    /// # Errors
    /// When the sink cannot be written to.
    fn event(&mut self, event: &Event) -> io::Result<()>;
}
