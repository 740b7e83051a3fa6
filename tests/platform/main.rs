//! The seam to the operating system: one contract, and the code paths that a load takes through it.

mod contract;
mod golden_paths;
#[cfg(target_os = "linux")]
mod lock_limit;
mod native;
mod native_world;
mod page;
mod reads_agree;
mod semantic_paths;
#[cfg(target_os = "linux")]
mod sim_and_kernel;
mod sim_world;
mod suite;
#[path = "../support/mod.rs"]
mod support;
