//! Output of a campaign, a merge or a comparison, for people and for programs: consumers of one event stream.
//!
//! Events enter through [`Reporter::event`] in the order in which they happen; each reporter
//! writes to the sink it was given. `matrix` holds the words that the readable ones share.
//!
//! Called by `cli`; calls `check` and `trace`.

mod collected;
mod compare;
mod github;
mod json;
mod junit;
mod markdown;
mod matrix;
mod terminal;

use std::io;

pub use github::{Github, LARGEST_SUMMARY, Summary};
pub use json::Json;
pub use junit::Junit;
pub use markdown::Markdown;
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
