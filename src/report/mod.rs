//! Reports of a result, for people and for programs.
//!
//! ```text
//! document ──► view ──► terminal, Markdown, JUnit, GitHub
//!     └───────────────► JSON
//! ```
//!
//! [`view`] holds the words, one module a document; [`render`] knows how they look in each format.
//!
//! Called by `cli`; calls `check`, `rules` and `trace`.

mod collected;
mod compare;
mod github;
mod json;
mod junit;
mod markdown;
mod matrix;
pub mod render;
mod terminal;
pub mod view;

use std::io;

pub use github::{Github, LARGEST_SUMMARY, Summary};
pub use json::Json;
pub use junit::Junit;
pub use markdown::Markdown;
pub use terminal::Terminal;
pub use view::{View, Viewed};

use crate::check::Event;

/// One consumer of the event stream.
pub trait Reporter {
    /// Takes the next event.
    ///
    /// # Errors
    /// When the sink cannot be written to.
    fn event(&mut self, event: &Event) -> io::Result<()>;
}
