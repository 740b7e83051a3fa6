//! The decoder-only transformer: tokens → logits.
//!
//! Each token's row is computed by itself, with its own position and the cache before it: how a
//! prompt is cut into batches cannot change a bit. Rows of weights are split among threads.

use std::ops::Range;
use std::sync::Arc;

use super::model::{Matrix, Projection, Vector};
use super::{Hyperparameters, Model};
use crate::engine::kernels::{Head, Kernels};
use crate::engine::kv_cache::KvCache;
use crate::engine::math::{rms_norm, rope_angles, rotate};
use crate::engine::pool::{Job, Pool};
use crate::engine::quant::{Activations, dequantize, round_f16};

/// A model with what it needs to run: kernels, threads, and the cache of one conversation.
pub(in crate::engine) struct Graph {
    model: Arc<Model>,
    kernels: Kernels,
    pool: Pool,
    /// Lent to the threads during attention and nobody else's in between.
    cache: Arc<KvCache>,
}

/// Multiply-adds of which a thread takes no less: below that, handing them over takes longer.
const SHARE: usize = 1 << 18;

/// One row for each token, as many elements each.
type Rows = Vec<f32>;

/// Cosine and sine for each pair of a head, for each token.
type Angles = Vec<Vec<(f32, f32)>>;

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

    /// Runs `tokens`, of which the first stands at `position`, through all layers and returns the
    /// residual stream, a row for each token. Their keys and values are in the cache afterwards.
    pub(in crate::engine) fn run(&mut self, tokens: &[u32], position: usize) -> Rows {
        let model = Arc::clone(&self.model);
        let h = model.hyperparameters();
        let mut stream = vec![0.0; tokens.len() * h.width];
        for (&token, row) in tokens.iter().zip(stream.chunks_exact_mut(h.width)) {
            let token = token as usize;
            let embedding = model.token_embedding;
            dequantize(embedding.format, model.rows(embedding, token..token + 1), row);
        }
        scale(&mut stream, h.scales.embedding);
        let pairs = h.key_length / 2;
        let angles = (position..position + tokens.len())
            .map(|p| rope_angles(p as u32, pairs, &h.rope, &model.rope_factors))
            .collect();
        for layer in 0..h.layers {
            self.attention(layer, position, &angles, &mut stream);
            self.feed_forward(layer, &mut stream);
        }
        stream
    }

    /// The logits of one row of the residual stream.
    pub(in crate::engine) fn logits(&mut self, row: &[f32]) -> Vec<f32> {
        let normed = self.norm(self.model.output_norm, row.len(), row);
        let output = self.model.output;
        let mut logits = self.multiply(&[output.weight], &normed).remove(0);
        self.add_bias(&output, &mut logits);
        scale(&mut logits, self.model.hyperparameters().scales.logit.map(|divisor| 1.0 / divisor));
        logits
    }

    fn attention(&mut self, layer: usize, position: usize, angles: &Angles, stream: &mut [f32]) {
        let model = Arc::clone(&self.model);
        let (h, tensors) = (model.hyperparameters(), &model.layers[layer]);
        let normed = self.norm(tensors.attention_norm, h.width, stream);
        let projections = [tensors.query, tensors.key, tensors.value];
        let mut products = self.multiply(&projections.map(|p| p.weight), &normed);
        for (projection, rows) in projections.iter().zip(&mut products) {
            self.add_bias(projection, rows);
        }
        let [mut queries, mut keys, values]: [Rows; 3] =
            products.try_into().expect("three matrices have three products");
        for (rows, heads, norm) in
            [(&mut queries, h.heads, tensors.query_norm), (&mut keys, h.kv_heads, tensors.key_norm)]
        {
            if let Some(norm) = norm {
                *rows = self.norm(norm, h.key_length, rows);
            }
            for (row, angles) in rows.chunks_exact_mut(heads * h.key_length).zip(angles) {
                for head in row.chunks_exact_mut(h.key_length).filter(|_| h.rope.rotates) {
                    rotate(head, angles, h.architecture.rope);
                }
            }
        }
        let cache = Arc::get_mut(&mut self.cache).expect("no thread holds a job between jobs");
        let keys = keys.chunks_exact(h.kv_heads * h.key_length);
        for (t, (keys, values)) in keys.zip(values.chunks_exact(h.kv_heads * h.value_length)).enumerate() {
            cache.store(layer, position + t, keys, values);
        }
        // The cache holds f16, and the query is rounded to meet it.
        queries.iter_mut().for_each(|x| *x = round_f16(*x));
        let mixed = self.attend(layer, position, queries);
        let mut out = self.multiply(&[tensors.attention_output.weight], &mixed).remove(0);
        self.add_bias(&tensors.attention_output, &mut out);
        scale(&mut out, h.scales.residual);
        add(stream, &out);
    }

    /// Each head of each token over the positions up to the token's own.
    fn attend(&mut self, layer: usize, position: usize, queries: Rows) -> Rows {
        let (model, cache, kernels) = (Arc::clone(&self.model), Arc::clone(&self.cache), self.kernels);
        let h = self.model.hyperparameters();
        let (heads, length, tokens) = (h.heads, h.value_length, queries.len() / (h.heads * h.key_length));
        // A position costs some exponentials and roundings besides two products.
        let parts = self.parts(queries.len() * (position + 1) * 8).min(heads);
        let job: Job = Arc::new(move |part| {
            let h: &Hyperparameters = model.hyperparameters();
            let scale = h.scales.attention.unwrap_or_else(|| 1.0 / (h.key_length as f32).sqrt());
            // By head: later tokens have more to look at than earlier ones.
            let heads = share(h.heads, part, parts);
            let tokens = queries.len() / (h.heads * h.key_length);
            let mut out = vec![0.0; tokens * heads.len() * h.value_length];
            let tasks = (0..tokens).flat_map(|token| heads.clone().map(move |head| (token, head)));
            for ((token, head), out) in tasks.zip(out.chunks_exact_mut(h.value_length)) {
                let kv_head = head / (h.heads / h.kv_heads);
                let (keys, values) = cache.head(layer, kv_head, position + token + 1);
                let query = &queries[(token * h.heads + head) * h.key_length..][..h.key_length];
                kernels.attend(&Head { query, keys, values, scale }, out);
            }
            out
        });
        let outcomes = self.pool.run(parts, job);
        let bands = outcomes.iter().enumerate().map(|(part, out)| {
            let heads = share(heads, part, parts);
            (heads.start * length..heads.end * length, &out[..])
        });
        by_token(heads * length, tokens, bands)
    }

    fn feed_forward(&mut self, layer: usize, stream: &mut [f32]) {
        let tensors = &self.model.layers[layer];
        let (gate, up, down) = (tensors.gate, tensors.up, tensors.down);
        let normed = self.norm(tensors.feed_forward_norm, self.model.hyperparameters().width, stream);
        let inner = self.gated(gate, up, &normed);
        let mut out = self.multiply(&[down.weight], &inner).remove(0);
        self.add_bias(&down, &mut out);
        scale(&mut out, self.model.hyperparameters().scales.residual);
        add(stream, &out);
    }

    /// Multiplies several matrices with the same rows, in one job.
    fn multiply(&mut self, matrices: &[Matrix], x: &[f32]) -> Vec<Rows> {
        let inputs = self.prepare(matrices, x);
        let work = matrices.iter().map(|matrix| matrix.rows * x.len()).sum();
        let (model, kernels, parts) = (Arc::clone(&self.model), self.kernels, self.parts(work));
        let job: Job = Arc::new(move |part| {
            let mut out = Vec::new();
            for (matrix, x) in &inputs {
                band(&model, kernels, *matrix, x, share(matrix.rows, part, parts), &mut out);
            }
            out
        });
        let outcomes = self.pool.run(parts, job);
        let mut offsets = vec![0; parts];
        let gather = |matrix: &Matrix| {
            let tokens = x.len() / matrix.columns;
            let bands = outcomes.iter().enumerate().zip(&mut offsets).map(|((part, out), offset)| {
                let rows = share(matrix.rows, part, parts);
                let start = *offset;
                *offset += rows.len() * tokens;
                (rows, &out[start..*offset])
            });
            by_token(matrix.rows, tokens, bands)
        };
        matrices.iter().map(gather).collect()
    }

    /// `silu(gate · x) · (up · x)`, both matrices in one job.
    fn gated(&mut self, gate: Projection, up: Projection, x: &[f32]) -> Rows {
        let inputs = self.prepare(&[gate.weight, up.weight], x);
        let (rows, tokens) = (gate.weight.rows, x.len() / gate.weight.columns);
        let work = 2 * rows * x.len();
        let (model, kernels, parts) = (Arc::clone(&self.model), self.kernels, self.parts(work));
        let job: Job = Arc::new(move |part| {
            let (mut gates, mut ups) = (Vec::new(), Vec::new());
            let share = share(rows, part, parts);
            for ((matrix, x), (bias, out)) in
                inputs.iter().zip([(gate.bias, &mut gates), (up.bias, &mut ups)])
            {
                band(&model, kernels, *matrix, x, share.clone(), out);
                if let Some(bias) = bias {
                    let bias = &model.vector(bias)[4 * share.start..4 * share.end];
                    out.chunks_exact_mut(share.len().max(1)).for_each(|row| add_floats(row, bias));
                }
            }
            kernels.swiglu(&mut gates, &ups);
            gates
        });
        let outcomes = self.pool.run(parts, job);
        let bands = outcomes.iter().enumerate().map(|(part, out)| (share(rows, part, parts), &out[..]));
        by_token(rows, tokens, bands)
    }

    /// Into how many parts a job of so many multiply-adds is split.
    fn parts(&self, work: usize) -> usize {
        (work / SHARE).clamp(1, self.pool.active())
    }

    /// Converts activations once for each form that the matrices want.
    fn prepare(&self, matrices: &[Matrix], x: &[f32]) -> Vec<(Matrix, Arc<Activations>)> {
        let mut inputs: Vec<(Matrix, Arc<Activations>)> = Vec::with_capacity(matrices.len());
        for &matrix in matrices {
            let partner = matrix.format.partner();
            let known = inputs.iter().find(|(other, _)| other.format.partner() == partner);
            let x = match known {
                Some((_, x)) => Arc::clone(x),
                None => Arc::new(self.kernels.activations(partner, matrix.columns, x)),
            };
            inputs.push((matrix, x));
        }
        inputs
    }

    /// Normalises rows of `width` elements.
    fn norm(&self, weight: Vector, width: usize, rows: &[f32]) -> Rows {
        let epsilon = self.model.hyperparameters().norm_epsilon;
        let weight = self.model.vector(weight);
        let mut out = vec![0.0; rows.len()];
        for (row, out) in rows.chunks_exact(width).zip(out.chunks_exact_mut(width)) {
            rms_norm(row, weight, epsilon, out);
        }
        out
    }

    fn add_bias(&self, projection: &Projection, rows: &mut [f32]) {
        let Some(bias) = projection.bias else { return };
        let bias = self.model.vector(bias);
        rows.chunks_exact_mut(projection.weight.rows).for_each(|row| add_floats(row, bias));
    }
}

/// Adds stored f32s to a row.
fn add_floats(row: &mut [f32], stored: &[u8]) {
    for (x, b) in row.iter_mut().zip(stored.as_chunks().0) {
        *x += f32::from_le_bytes(*b);
    }
}

/// Multiplies all elements, where there is something to multiply with.
fn scale(rows: &mut [f32], factor: Option<f32>) {
    if let Some(factor) = factor {
        rows.iter_mut().for_each(|x| *x *= factor);
    }
}

/// The share of `part` in `0..n`.
fn share(n: usize, part: usize, parts: usize) -> Range<usize> {
    n / parts * part + part.min(n % parts)..n / parts * (part + 1) + (part + 1).min(n % parts)
}

/// Appends the products of some rows of a matrix with all rows of activations, token by token.
fn band(
    model: &Model,
    kernels: Kernels,
    matrix: Matrix,
    x: &Activations,
    rows: Range<usize>,
    out: &mut Vec<f32>,
) {
    let start = out.len();
    out.resize(start + rows.len() * x.rows(), 0.0);
    kernels.multiply(matrix.format, model.rows(matrix, rows), x, &mut out[start..]);
}

/// Turns bands of products, each with its own rows token by token, into one row for each token.
fn by_token<'a>(rows: usize, tokens: usize, bands: impl Iterator<Item = (Range<usize>, &'a [f32])>) -> Rows {
    let mut out = vec![0.0; rows * tokens];
    for (range, band) in bands.filter(|(range, _)| !range.is_empty()) {
        for (out, products) in out.chunks_exact_mut(rows).zip(band.chunks_exact(range.len())) {
            out[range.clone()].copy_from_slice(products);
        }
    }
    out
}

fn add(stream: &mut [f32], rows: &[f32]) {
    for (x, &y) in stream.iter_mut().zip(rows) {
        *x += y;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_cover_everything_once() {
        for n in 0..40 {
            for parts in 1..6 {
                let all: Vec<usize> = (0..parts).flat_map(|part| share(n, part, parts)).collect();
                assert_eq!(all, (0..n).collect::<Vec<_>>());
                let sizes = (0..parts).map(|part| share(n, part, parts).len());
                assert!(sizes.clone().max().unwrap() - sizes.min().unwrap() <= 1);
            }
        }
    }
}
