//! Reports of a result, for people and for programs.
//!
//! ```text
//! document ──► view ──► terminal, Markdown, JUnit, GitHub
//!     ├──────► page ──► HTML
//!     └───────────────► JSON
//! ```
//!
//! [`view`] holds the words, one module a document; [`render`] knows how they look in each format. Recordings
//! are shown by [`calls`] and [`timeline`], and leave by [`export`].
//!
//! Called by `cli`; calls `check` and `rules`.

pub mod calls;
pub mod export;
mod html;
pub mod page;
pub mod render;
pub mod screen;
pub mod timeline;
pub mod view;

pub use html::html;
pub use view::{View, Viewed};
