//! The decoder-only transformer: tokens → logits.
//!
//! Each token's row is computed by itself, with its own position and the cache before it: how a prompt
//! is cut into batches, and tokens are shared out, cannot change a bit. Of a long prompt each thread
//! takes tokens of its own through whole layers ([`Crew`]); of few tokens all threads take rows of
//! weights. Keys and values of the last layer are all that later tokens need of it: the rest of that
//! layer is computed for the one token whose logits are wanted.

use std::collections::TryReserveError;
use std::sync::{Arc, Mutex, PoisonError};

use super::Model;
use super::crew::{Batch, Crew, Part, share};
use crate::engine::kernels::Kernels;
use crate::engine::kv_cache::KvCache;
use crate::engine::pool::Pool;

/// A model with what it needs to run: kernels, threads, and the cache of one conversation.
pub(in crate::engine) struct Graph {
    model: Arc<Model>,
    kernels: Kernels,
    pool: Pool,
    /// Lent to the threads while they compute and nobody else's in between.
    cache: Arc<KvCache>,
}

/// The last of some tokens, whose keys and values are all in the cache, before the last layer.
pub(in crate::engine) struct Last(Batch);

/// With so many tokens for each thread it pays that every thread reads all weights.
const OWN_TOKENS: usize = 32;

impl Graph {
    pub(in crate::engine) fn new(model: Arc<Model>, kernels: Kernels, pool: Pool, cache: KvCache) -> Self {
        Self { model, kernels, pool, cache: Arc::new(cache) }
    }

    pub(in crate::engine) fn model(&self) -> &Model {
        &self.model
    }

    pub(in crate::engine) fn pool(&mut self) -> &mut Pool {
        &mut self.pool
    }

    /// Makes room in the cache for so many positions.
    pub(in crate::engine) fn make_room(&mut self, positions: usize) -> Result<(), TryReserveError> {
        Arc::get_mut(&mut self.cache).expect("no thread holds a job between jobs").make_room(positions)
    }

    /// Brings the keys and values of `tokens`, of which the first stands at `position`, into the cache.
    pub(in crate::engine) fn extend(&mut self, tokens: &[u32], position: usize) -> Last {
        let model = Arc::clone(&self.model);
        let last = model.hyperparameters().layers - 1;
        let mut batches = self.shared_out(tokens, position);
        self.each(&mut batches, move |crew, batch| crew.project(0, batch, wanted(0, last)));
        for layer in 0..last {
            self.store(layer, &batches);
            self.each(&mut batches, move |crew, batch| {
                crew.attention(layer, batch);
                crew.feed_forward(layer, batch);
                crew.project(layer + 1, batch, wanted(layer + 1, last));
            });
        }
        self.store(last, &batches);
        Last(batches.swap_remove(0).into_last(model.hyperparameters().width))
    }

    /// The logits of a token.
    pub(in crate::engine) fn logits(&mut self, Last(mut batch): Last) -> Vec<f32> {
        let last = self.model.hyperparameters().layers - 1;
        let mut crew = self.crew();
        crew.project(last, &mut batch, &[Part::Queries]);
        crew.attention(last, &mut batch);
        crew.feed_forward(last, &mut batch);
        crew.output(&batch)
    }

    /// Tokens for each thread: an early run of them and a late one, since later tokens have more to look
    /// at. The last token is the last one of the first batch.
    fn shared_out(&self, tokens: &[u32], position: usize) -> Vec<Batch> {
        let threads = self.pool.active();
        let parts = if tokens.len() >= OWN_TOKENS * threads { threads } else { 1 };
        let runs = 2 * parts;
        let tokens_of = |part: usize| {
            let (early, late) = (share(tokens.len(), part, runs), share(tokens.len(), runs - 1 - part, runs));
            early.chain(late).map(|i| (tokens[i], position + i)).collect::<Vec<_>>()
        };
        (0..parts).map(|part| Batch::new(&self.model, &tokens_of(part))).collect()
    }

    fn crew(&mut self) -> Crew<'_> {
        Crew { model: &self.model, kernels: self.kernels, cache: &self.cache, pool: Some(&mut self.pool) }
    }

    /// Computes something for each batch: one thread each, or all of them for a single one.
    fn each(
        &mut self,
        batches: &mut Vec<Batch>,
        compute: impl Fn(&mut Crew<'_>, &mut Batch) + Send + Sync + 'static,
    ) {
        if let [batch] = &mut batches[..] {
            return compute(&mut self.crew(), batch);
        }
        let (model, cache, kernels) = (Arc::clone(&self.model), Arc::clone(&self.cache), self.kernels);
        let parts = batches.len();
        let lent: Vec<_> = batches.drain(..).map(|batch| Mutex::new(Some(batch))).collect();
        *batches = self.pool.run(parts, move |part| {
            let batch = lent[part].lock().unwrap_or_else(PoisonError::into_inner).take();
            let mut batch = batch.expect("each part is computed once");
            compute(&mut Crew { model: &model, kernels, cache: &cache, pool: None }, &mut batch);
            batch
        });
    }

    /// Stores the keys and values of all tokens.
    fn store(&mut self, layer: usize, batches: &[Batch]) {
        let cache = Arc::get_mut(&mut self.cache).expect("no thread holds a job between jobs");
        for batch in batches {
            for (position, keys, values) in batch.keys_and_values() {
                cache.store(layer, position, keys, values);
            }
        }
    }
}

/// What of a layer is computed for all tokens.
fn wanted(layer: usize, last: usize) -> &'static [Part] {
    if layer == last { &[Part::Keys, Part::Values] } else { &[Part::Queries, Part::Keys, Part::Values] }
}
