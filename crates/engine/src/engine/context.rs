//! One conversation with a model: its positions, and batches of tokens → logits.

use std::sync::Arc;

use super::arch::{Graph, Model};
use super::kernels::{CpuLevel, CpuLevelError, Kernels};
use super::kv_cache::KvCache;
use super::pool::Pool;

/// Tokens that go through the layers together: enough to use a weight row many times while it is
/// near, few enough that activations stay small. The bits do not depend on it.
const BATCH: usize = 512;

/// The most threads that a context takes.
const MAX_THREADS: usize = 256;

/// Why a context cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContextError {
    /// More positions than the model was made for, or none.
    #[error("a context of {n_ctx} positions was asked for; this model has between 1 and {max}")]
    Size {
        /// Positions asked for.
        n_ctx: usize,
        /// The model's `context_length`.
        max: usize,
    },
    /// The key-value cache does not fit into memory.
    #[error("no memory for the key-value cache of {n_ctx} positions; ask for a shorter context")]
    Memory {
        /// Positions asked for.
        n_ctx: usize,
    },
    /// A number of threads out of range.
    #[error("{0} threads were asked for; there can be between 1 and {MAX_THREADS}")]
    Threads(usize),
    /// The CPU lacks the level asked for.
    #[error(transparent)]
    Cpu(#[from] CpuLevelError),
}

/// Why tokens were not decoded. The context is as it was before.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// No token was given.
    #[error("there is no token to decode")]
    Empty,
    /// A token id is not in the vocabulary.
    #[error("token id {id} (number {index} of the batch) is not below the vocabulary's {vocabulary}")]
    Token {
        /// The id.
        id: u32,
        /// Its place in the batch, from 0.
        index: usize,
        /// How many ids there are.
        vocabulary: usize,
    },
    /// The tokens do not fit behind those that are there.
    #[error("the context is full: {used} of {n_ctx} positions are used and {tokens} more were given")]
    Full {
        /// Positions used.
        used: usize,
        /// Positions there are.
        n_ctx: usize,
        /// Tokens given.
        tokens: usize,
    },
    /// The key-value cache cannot grow any more.
    #[error(
        "no memory for the key-value cache at {positions} positions; a shorter prompt or less text needs less"
    )]
    Memory {
        /// Positions that it should hold.
        positions: usize,
    },
    /// A worker thread could not be started.
    #[error("cannot start the worker threads: {0}")]
    Threads(String),
}

/// The state of one conversation.
pub struct Context {
    graph: Graph,
    n_ctx: usize,
    position: usize,
    batch: usize,
    logits: Vec<f32>,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("n_ctx", &self.n_ctx)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

impl Context {
    /// An empty context of `n_ctx` positions, computed by `threads` threads (the caller's
    /// included) with the kernels of `level`.
    ///
    /// Neither the threads nor the level change a bit of the logits. The threads start with the
    /// first [`Context::decode`].
    pub fn new(
        model: Arc<Model>,
        n_ctx: usize,
        threads: usize,
        level: CpuLevel,
    ) -> Result<Self, ContextError> {
        let kernels = Kernels::for_level(level)?;
        if !(1..=MAX_THREADS).contains(&threads) {
            return Err(ContextError::Threads(threads));
        }
        let h = model.hyperparameters();
        if !(1..=h.context).contains(&n_ctx) {
            return Err(ContextError::Size { n_ctx, max: h.context });
        }
        let memory = ContextError::Memory { n_ctx };
        let cache = match KvCache::bytes(h, n_ctx) {
            Some(_) => KvCache::new(h, n_ctx).map_err(|_| memory)?,
            None => return Err(memory),
        };
        let graph = Graph::new(model, kernels, Pool::new(threads), cache);
        Ok(Self { graph, n_ctx, position: 0, batch: BATCH, logits: Vec::new() })
    }

    /// Decodes `tokens` behind those decoded so far and returns the logits of the last one, one
    /// for each id of the vocabulary.
    ///
    /// How a sequence is cut into calls does not change a bit.
    pub fn decode(&mut self, tokens: &[u32]) -> Result<&[f32], DecodeError> {
        if tokens.is_empty() {
            return Err(DecodeError::Empty);
        }
        let vocabulary = self.graph.model().vocabulary();
        if let Some((index, &id)) = tokens.iter().enumerate().find(|(_, id)| **id as usize >= vocabulary) {
            return Err(DecodeError::Token { id, index, vocabulary });
        }
        if tokens.len() > self.n_ctx - self.position {
            let (used, n_ctx) = (self.position, self.n_ctx);
            return Err(DecodeError::Full { used, n_ctx, tokens: tokens.len() });
        }
        let positions = self.position + tokens.len();
        self.graph.make_room(positions).map_err(|_| DecodeError::Memory { positions })?;
        self.graph.pool().start().map_err(|error| DecodeError::Threads(error.to_string()))?;
        let mut position = self.position;
        let mut last = None;
        for batch in tokens.chunks(self.batch) {
            last = Some(self.graph.extend(batch, position));
            position += batch.len();
        }
        self.logits = last.map_or(Vec::new(), |last| self.graph.logits(last));
        self.position = position;
        Ok(&self.logits)
    }

    /// Lets so many tokens go through the layers together, instead of 64. The bits do not depend on it.
    pub fn set_batch(&mut self, tokens: usize) {
        self.batch = tokens.max(1);
    }

    /// Lets at most so many of the context's threads take part. The bits do not depend on it.
    pub fn set_threads(&mut self, threads: usize) {
        self.graph.pool().limit(threads);
    }

    /// Forgets all tokens.
    pub fn clear(&mut self) {
        self.position = 0;
    }

    /// How many positions are used.
    pub fn position(&self) -> usize {
        self.position
    }

    /// How many positions there are.
    pub fn n_ctx(&self) -> usize {
        self.n_ctx
    }

    /// The model.
    pub fn model(&self) -> &Model {
        self.graph.model()
    }
}
