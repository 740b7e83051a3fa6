//! Files from one dialect of load flags to another: text in, text out.
//!
//! The crate is a part of `loadparity`, which is what others depend on: its interface follows the needs of that
//! package and has no promise of its own.

pub mod migrate;

use loadparity_base::plan;
