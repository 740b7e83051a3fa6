//! Architectures: what a model file says about its graph, and the graph.
//!
//! All architectures of [`Architecture::ALL`] share one skeleton, the decoder-only transformer
//! with root-mean-square norms, rotary positions, grouped-query attention and a gated feed-forward
//! part: `graph` brings tokens through the layers, `crew` computes the steps of one. What sets them apart is one row of the table.
//!
//! Called by `context` and by whoever builds a [`Model`] from loaded bytes; calls `kernels`,
//! `quant`, `math`, `pool` and `gguf`.

mod crew;
mod error;
mod graph;
mod hyperparameters;
mod model;
#[cfg(test)]
mod tests;

pub use super::math::RopePairs;
pub use error::ModelError;
pub(super) use graph::Graph;
pub use hyperparameters::{Hyperparameters, Rope, Scales, Yarn};
pub use model::Model;

/// What sets one architecture apart from the shared skeleton.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Architecture {
    /// The value of `general.architecture`, and the prefix of its keys.
    pub name: &'static str,
    /// How rotary embedding pairs the elements of a head.
    pub rope: RopePairs,
    /// Whether the tensor `rope_freqs.weight`, where there is one, divides the rotary angles.
    pub rope_factors: bool,
    /// Whether the query, key and value projections have biases.
    pub attention_bias: Presence,
    /// Whether the feed-forward projections have biases.
    pub feed_forward_bias: Presence,
    /// Whether queries and keys are normalised, head by head, before they are rotated.
    pub head_norms: Presence,
    /// Whether the keys of [`Scales`] are read.
    pub scales: bool,
}

/// Whether a tensor belongs to an architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// A file that has one is of another kind.
    Never,
    /// Used where the file has one.
    Optional,
    /// The file must have one.
    Required,
}

/// The row of the table that most others are variations of.
const LLAMA: Architecture = Architecture {
    name: "llama",
    rope: RopePairs::Adjacent,
    rope_factors: true,
    attention_bias: Presence::Optional,
    feed_forward_bias: Presence::Optional,
    head_norms: Presence::Never,
    scales: false,
};

impl Architecture {
    /// Every architecture that the engine runs.
    ///
    /// Source: the graphs of the same names in llama.cpp's `src/models`.
    pub const ALL: &[Architecture] = &[
        LLAMA,
        Architecture { name: "granite", scales: true, ..LLAMA },
        Architecture {
            name: "qwen2",
            rope: RopePairs::Halves,
            rope_factors: false,
            attention_bias: Presence::Required,
            feed_forward_bias: Presence::Never,
            ..LLAMA
        },
        Architecture {
            name: "qwen3",
            rope: RopePairs::Halves,
            rope_factors: false,
            attention_bias: Presence::Optional,
            feed_forward_bias: Presence::Never,
            head_norms: Presence::Required,
            ..LLAMA
        },
    ];

    /// The architecture of this name.
    pub fn named(name: &str) -> Option<&'static Architecture> {
        Self::ALL.iter().find(|architecture| architecture.name == name)
    }
}
