//! The targets of the test program `fuzz`, for libFuzzer.

use std::alloc::System;

use cap::Cap;

#[path = "../../tests/fuzz/targets/mod.rs"]
pub mod targets;

/// More memory than that at one time ends the program, which libFuzzer reports as a crash.
#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, 1 << 30);
