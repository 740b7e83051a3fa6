//! Architectures: what a model file says about its graph, and the graph.
//!
//! All architectures of [`Architecture::ALL`] share one skeleton, the decoder-only transformer
//! with root-mean-square norms, rotary positions, grouped-query attention and a gated feed-forward
//! part (`graph`). What sets them apart is one row of the table.
//!
//! Called by `context` and by whoever builds a [`Model`] from loaded bytes; calls `kernels`,
//! `quant`, `math`, `pool` and `gguf`.

mod error;
mod graph;
mod hyperparameters;
mod model;
#[cfg(test)]
mod tests;

pub use super::math::RopePairs;
pub use error::ModelError;
pub(super) use graph::Graph;
pub use hyperparameters::Hyperparameters;
pub use model::Model;

/// What sets one architecture apart from the shared skeleton.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Architecture {
    /// The value of `general.architecture`, and the prefix of its keys.
    pub name: &'static str,
    /// How rotary embedding pairs the elements of a head.
    pub rope: RopePairs,
    /// Whether the query, key and value projections have biases.
    pub attention_bias: Bias,
}

/// Whether a bias tensor belongs to a projection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bias {
    /// Used where the file has one.
    Optional,
    /// The file must have one.
    Required,
}

impl Architecture {
    /// Every architecture that the engine runs.
    pub const ALL: &[Architecture] =
        &[Architecture { name: "llama", rope: RopePairs::Adjacent, attention_bias: Bias::Optional }];

    /// The architecture of this name.
    pub fn named(name: &str) -> Option<&'static Architecture> {
        Self::ALL.iter().find(|architecture| architecture.name == name)
    }
}
