//! The catalogue of planted bugs: each is run and named by its rule, and without that rule some bug escapes.

#![allow(unreachable_pub, reason = "a test program has no public items")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod catalogue;
mod compared;
#[cfg(target_os = "linux")]
#[path = "../tracer/loader_support.rs"]
mod loader_support;
mod loaders;
#[path = "../rules/notation.rs"]
mod notation;
mod page;
mod planted;
mod run;
mod seam;
#[path = "../support/mod.rs"]
mod support;
mod traces;
