//! The steps of a layer, for some tokens: by one thread alone, or by all threads of a pool, each with its
//! share of the rows of weights.

use std::ops::Range;
use std::sync::Arc;

use super::Model;
use super::model::{Matrix, Projection, Vector};
use crate::engine::kernels::{Heads, Kernels};
use crate::engine::kv_cache::KvCache;
use crate::engine::math::{rms_norm, rope_angles, rotate};
use crate::engine::pool::Pool;
use crate::engine::quant::{Activations, dequantize, f16_bits, round_f16_rows};

/// Who computes, and from what.
pub(super) struct Crew<'a> {
    pub(super) model: &'a Arc<Model>,
    pub(super) kernels: Kernels,
    pub(super) cache: &'a Arc<KvCache>,
    /// None: the calling thread alone.
    pub(super) pool: Option<&'a mut Pool>,
}

/// One row for each token, as many elements each.
type Rows = Vec<f32>;

/// Some tokens on their way through the layers.
pub(super) struct Batch {
    /// Where each token stands, in ascending order.
    positions: Vec<usize>,
    /// Cosine and sine for each pair of a head, for each token.
    angles: Vec<Vec<(f32, f32)>>,
    /// The residual stream.
    stream: Rows,
    /// Of the layer whose attention comes next, rounded to f16.
    queries: Rows,
    /// And its keys and values, as f16 bits.
    keys: Vec<u16>,
    values: Vec<u16>,
}

/// What attention is computed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Queries,
    Keys,
    Values,
}

/// Multiply-adds of which a thread takes no less: below that, handing them over takes longer.
const SHARE: usize = 1 << 18;

impl Batch {
    /// Embeds tokens, given with their positions.
    pub(super) fn new(model: &Model, tokens: &[(u32, usize)]) -> Self {
        let h = model.hyperparameters();
        let mut stream = vec![0.0; tokens.len() * h.width];
        for (&(token, _), row) in tokens.iter().zip(stream.chunks_exact_mut(h.width)) {
            let (token, embedding) = (token as usize, model.token_embedding);
            dequantize(embedding.format, model.rows(embedding, token..token + 1), row);
        }
        scale(&mut stream, h.scales.embedding);
        let positions: Vec<usize> = tokens.iter().map(|&(_, position)| position).collect();
        let angles = |&p: &usize| rope_angles(p as u32, h.key_length / 2, &h.rope, &model.rope_factors);
        let angles = positions.iter().map(angles).collect();
        Self { positions, angles, stream, queries: Vec::new(), keys: Vec::new(), values: Vec::new() }
    }

    /// The last token alone. Its row of the stream has `width` elements.
    pub(super) fn into_last(mut self, width: usize) -> Self {
        let last = self.positions.len() - 1;
        Self {
            positions: vec![self.positions[last]],
            angles: vec![self.angles.swap_remove(last)],
            stream: self.stream.split_off(last * width),
            queries: Vec::new(),
            keys: Vec::new(),
            values: Vec::new(),
        }
    }

    /// Each token's position with its keys and its values.
    pub(super) fn keys_and_values(&self) -> impl Iterator<Item = (usize, &[u16], &[u16])> {
        let rows = |rows: &'_ [u16]| rows.len() / self.positions.len();
        let keys = self.keys.chunks_exact(rows(&self.keys));
        self.positions
            .iter()
            .zip(keys.zip(self.values.chunks_exact(rows(&self.values))))
            .map(|(&position, (keys, values))| (position, keys, values))
    }
}

impl Crew<'_> {
    /// Computes what attention of a layer needs of these tokens.
    pub(super) fn project(&mut self, layer: usize, batch: &mut Batch, wanted: &[Part]) {
        let model = Arc::clone(self.model);
        let (h, tensors) = (model.hyperparameters(), &model.layers[layer]);
        let normed = self.norm(tensors.attention_norm, h.width, &batch.stream);
        let projection = |part: &Part| match part {
            Part::Queries => tensors.query,
            Part::Keys => tensors.key,
            Part::Values => tensors.value,
        };
        let matrices: Vec<Matrix> = wanted.iter().map(|part| projection(part).weight).collect();
        for (part, mut rows) in wanted.iter().zip(self.multiply(&matrices, &normed)) {
            self.add_bias(&projection(part), &mut rows);
            match part {
                Part::Queries => {
                    self.place(tensors.query_norm, &mut rows, &batch.angles);
                    // The cache holds f16, and the query is rounded to meet it.
                    round_f16_rows(&mut rows);
                    batch.queries = rows;
                }
                Part::Keys => {
                    self.place(tensors.key_norm, &mut rows, &batch.angles);
                    batch.keys = f16_bits(&rows);
                }
                Part::Values => batch.values = f16_bits(&rows),
            }
        }
    }

    /// Normalises heads, where the model does, and turns them to their tokens' positions.
    fn place(&self, norm: Option<Vector>, rows: &mut Rows, angles: &[Vec<(f32, f32)>]) {
        let h = self.model.hyperparameters();
        if let Some(norm) = norm {
            *rows = self.norm(norm, h.key_length, rows);
        }
        if h.rope.rotates {
            let width = rows.len() / angles.len();
            for (row, angles) in rows.chunks_exact_mut(width).zip(angles) {
                for head in row.chunks_exact_mut(h.key_length) {
                    rotate(head, angles, h.architecture.rope);
                }
            }
        }
    }

    /// Adds what the heads gather from the positions up to each token's own, all of them in the cache.
    pub(super) fn attention(&mut self, layer: usize, batch: &mut Batch) {
        let model = Arc::clone(self.model);
        let output = model.layers[layer].attention_output;
        let mixed = self.attend(layer, batch);
        let mut out = self.multiply(&[output.weight], &mixed).remove(0);
        self.add_bias(&output, &mut out);
        scale(&mut out, model.hyperparameters().scales.residual);
        add(&mut batch.stream, &out);
    }

    /// Each head of each token, over the positions up to the token's own.
    fn attend(&mut self, layer: usize, batch: &mut Batch) -> Rows {
        let (model, cache, kernels) = (Arc::clone(self.model), Arc::clone(self.cache), self.kernels);
        let h = model.hyperparameters();
        let queries = std::mem::take(&mut batch.queries);
        let positions = batch.positions.clone();
        let (heads, length, tokens) = (h.heads, h.value_length, positions.len());
        // A position costs some exponentials and roundings besides two products.
        let parts = self.parts(queries.len() * (positions[0] + 1) * 8).min(heads);
        let outcomes = self.run(parts, move |part| {
            let h = model.hyperparameters();
            let scale = h.scales.attention.unwrap_or_else(|| 1.0 / (h.key_length as f32).sqrt());
            let heads = share(h.heads, part, parts);
            let mut out = vec![0.0; positions.len() * heads.len() * h.value_length];
            // Heads that look at the same keys go together, and all tokens at them while they are near.
            let sharing = h.heads / h.kv_heads;
            for kv_head in heads.start / sharing..heads.end.div_ceil(sharing) {
                let group = heads.start.max(kv_head * sharing)..heads.end.min((kv_head + 1) * sharing);
                for (token, &position) in positions.iter().enumerate() {
                    let (keys, values) = cache.head(layer, kv_head, position + 1);
                    let queries = &queries[(token * h.heads + group.start) * h.key_length..];
                    let queries = &queries[..group.len() * h.key_length];
                    let out = &mut out[(token * heads.len() + group.start - heads.start) * h.value_length..];
                    let out = &mut out[..group.len() * h.value_length];
                    kernels.attend(&Heads { count: group.len(), queries, keys, values, scale }, out);
                }
            }
            out
        });
        let bands = outcomes.into_iter().enumerate().map(|(part, out)| {
            let heads = share(heads, part, parts);
            (heads.start * length..heads.end * length, out)
        });
        by_token(heads * length, tokens, bands)
    }

    /// Adds the gated feed-forward part.
    pub(super) fn feed_forward(&mut self, layer: usize, batch: &mut Batch) {
        let model = Arc::clone(self.model);
        let (h, tensors) = (model.hyperparameters(), &model.layers[layer]);
        let normed = self.norm(tensors.feed_forward_norm, h.width, &batch.stream);
        let inner = self.gated(tensors.gate, tensors.up, &normed);
        let mut out = self.multiply(&[tensors.down.weight], &inner).remove(0);
        self.add_bias(&tensors.down, &mut out);
        scale(&mut out, h.scales.residual);
        add(&mut batch.stream, &out);
    }

    /// The logits of a single token.
    pub(super) fn output(&mut self, batch: &Batch) -> Rows {
        let model = Arc::clone(self.model);
        let normed = self.norm(model.output_norm, batch.stream.len(), &batch.stream);
        let mut logits = self.multiply(&[model.output.weight], &normed).remove(0);
        self.add_bias(&model.output, &mut logits);
        scale(&mut logits, model.hyperparameters().scales.logit.map(|divisor| 1.0 / divisor));
        logits
    }

    /// Multiplies several matrices with the same rows, in one job.
    fn multiply(&mut self, matrices: &[Matrix], x: &[f32]) -> Vec<Rows> {
        let inputs = self.prepare(matrices, x);
        let work = matrices.iter().map(|matrix| matrix.rows * x.len()).sum();
        let (model, kernels, parts) = (Arc::clone(self.model), self.kernels, self.parts(work));
        let mut outcomes = self.run(parts, move |part| {
            let band = |(matrix, x): &(Matrix, Arc<Activations>)| {
                band(&model, kernels, *matrix, x, share(matrix.rows, part, parts))
            };
            inputs.iter().map(band).collect::<Vec<_>>()
        });
        let gather = |(i, matrix): (usize, &Matrix)| {
            let bands = outcomes.iter_mut().enumerate();
            let bands =
                bands.map(|(part, out)| (share(matrix.rows, part, parts), std::mem::take(&mut out[i])));
            by_token(matrix.rows, x.len() / matrix.columns, bands)
        };
        matrices.iter().enumerate().map(gather).collect()
    }

    /// `silu(gate · x) · (up · x)`, both matrices in one job.
    fn gated(&mut self, gate: Projection, up: Projection, x: &[f32]) -> Rows {
        let inputs = self.prepare(&[gate.weight, up.weight], x);
        let (rows, tokens) = (gate.weight.rows, x.len() / gate.weight.columns);
        let (model, kernels, parts) = (Arc::clone(self.model), self.kernels, self.parts(2 * rows * x.len()));
        let outcomes = self.run(parts, move |part| {
            let share = share(rows, part, parts);
            let mut products = inputs.iter().zip([gate.bias, up.bias]).map(|((matrix, x), bias)| {
                let mut out = band(&model, kernels, *matrix, x, share.clone());
                if let Some(bias) = bias {
                    let bias = &model.vector(bias)[4 * share.start..4 * share.end];
                    out.chunks_exact_mut(share.len().max(1)).for_each(|row| add_floats(row, bias));
                }
                out
            });
            let (mut gates, ups) = (products.next().unwrap_or_default(), products.next().unwrap_or_default());
            kernels.swiglu(&mut gates, &ups);
            gates
        });
        let bands = outcomes.into_iter().enumerate().map(|(part, out)| (share(rows, part, parts), out));
        by_token(rows, tokens, bands)
    }

    /// Into how many parts a job of so many multiply-adds is split.
    fn parts(&self, work: usize) -> usize {
        self.pool.as_ref().map_or(1, |pool| (work / SHARE).clamp(1, pool.active()))
    }

    fn run<T: Send + 'static>(
        &mut self,
        parts: usize,
        job: impl Fn(usize) -> T + Send + Sync + 'static,
    ) -> Vec<T> {
        match &mut self.pool {
            Some(pool) if parts > 1 => pool.run(parts, job),
            _ => vec![job(0)],
        }
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
pub(super) fn share(n: usize, part: usize, parts: usize) -> Range<usize> {
    n / parts * part + part.min(n % parts)..n / parts * (part + 1) + (part + 1).min(n % parts)
}

/// The products of some rows of a matrix with all rows of activations, token by token.
fn band(model: &Model, kernels: Kernels, matrix: Matrix, x: &Activations, rows: Range<usize>) -> Rows {
    let mut out = vec![0.0; rows.len() * x.rows()];
    kernels.multiply(matrix.format, model.rows(matrix, rows), x, &mut out);
    out
}

/// Turns bands of products, each with its own rows token by token, into one row for each token.
fn by_token(rows: usize, tokens: usize, bands: impl Iterator<Item = (Range<usize>, Rows)>) -> Rows {
    let mut bands = bands.filter(|(range, _)| !range.is_empty()).peekable();
    if let Some((_, band)) = bands.next_if(|(range, _)| range.len() == rows) {
        return band;
    }
    let mut out = vec![0.0; rows * tokens];
    for (range, band) in bands {
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
