//! The reference engine of **loadparity**: loader, weights, architectures, kernels, tokenizers, sampling.
//!
//! It is a crate of its own because its kernels need an optimising compiler also where everything else is built
//! for its tests. The crate is a part of `loadparity`, which is what others depend on: its interface follows the
//! needs of that package and has no promise of its own.

pub mod engine;

use loadparity_base::{gguf, plan, platform, trace};
