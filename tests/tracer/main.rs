//! Commands under the tracer.

#![cfg(target_os = "linux")]

mod altered;
mod baseline;
mod command_check;
mod command_compare;
mod command_faults;
mod command_support;
mod config;
mod dialect_files;
mod identity;
mod init;
mod layouts;
mod lazy_loaders;
mod loader_support;
mod loaders;
mod no_false_green;
mod probe;
mod probes;
mod strace_log;
mod strace_witness;
#[path = "../support/mod.rs"]
mod support;
mod survives;
mod walkthrough;
mod witness;
