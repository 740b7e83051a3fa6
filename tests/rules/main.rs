//! The rules: each is kept and broken by a trace of its own, agrees with a naive oracle, and catches changed
//! traces.

#![allow(unreachable_pub, reason = "a test program has no public items")]

mod examples;
mod exceptions;
mod memory;
mod mutants;
mod notation;
mod oracle;
mod profiles;
