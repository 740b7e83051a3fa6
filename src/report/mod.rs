//! Reports of a result, for people and for programs.
//!
//! ```text
//! document ──► view ──► terminal, Markdown, JUnit, GitHub
//!     └───────────────► JSON
//! ```
//!
//! [`view`] holds the words, one module a document; [`render`] knows how they look in each format.
//!
//! Called by `cli`; calls `check` and `rules`.

pub mod render;
pub mod screen;
pub mod view;

pub use view::{View, Viewed};
