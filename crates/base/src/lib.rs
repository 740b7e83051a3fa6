//! The rooms that every other crate of **loadparity** stands on.
//!
//! | room | what it is for |
//! | --- | --- |
//! | [`platform`] | the seam: every call a loader makes to the OS, with its decorators |
//! | [`layout`] | which bytes of which files are weights, whatever the format |
//! | [`gguf`], [`plan`], [`trace`] | leaves: the file format, the flag dialects, the recorded operations |
//!
//! The crate is a part of `loadparity`, which is what others depend on: its interface follows the needs of that
//! package and has no promise of its own.

pub mod gguf;
pub mod layout;
pub mod plan;
pub mod platform;
pub mod trace;
