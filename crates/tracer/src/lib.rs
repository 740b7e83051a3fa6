//! The tracer of **loadparity**: any program under observation, system calls in, a trace out (Linux).
//!
//! It is a crate of its own because it compares memory, which needs an optimising compiler also where everything else
//! is built for its tests. The crate is a part of `loadparity`, which is what others depend on: its interface follows
//! the needs of that package and has no promise of its own.

pub mod tracer;

use loadparity_base::{gguf, layout, platform, trace};
