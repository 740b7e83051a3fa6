//! The online softmax that every level shares; levels differ in the three row operations.
//!
//! Source: Milakov and Gimelshein, "Online normalizer calculation for softmax" (2018), in the form
//! of ggml's flash attention: one position at a time, the accumulator kept in f16.

use super::Head;

/// Runs the softmax over the positions of `head`.
///
/// `dot` multiplies a key with the query; `rescale` multiplies the accumulator; `add` adds a value
/// row times a weight to it. The last two round the accumulator to f16.
#[inline(always)]
pub(super) fn attend_with(
    head: &Head<'_>,
    out: &mut [f32],
    dot: impl Fn(&[u16], &[f32]) -> f32,
    rescale: impl Fn(&mut [f32], f32),
    add: impl Fn(&mut [f32], &[u16], f32),
) {
    out.fill(0.0);
    let (mut max, mut sum) = (f32::NEG_INFINITY, 0.0f32);
    let keys = head.keys.chunks_exact(head.query.len());
    for (key, value) in keys.zip(head.values.chunks_exact(out.len())) {
        let score = dot(key, head.query) * head.scale;
        if score > max {
            let shrink = libm::expf(max - score);
            max = score;
            rescale(out, shrink);
            add(out, value, 1.0);
            sum = libm::fmaf(sum, shrink, 1.0);
        } else {
            let weight = libm::expf(score - max);
            add(out, value, weight);
            sum += weight;
        }
    }
    let inverse = 1.0 / sum;
    for x in out {
        *x *= inverse;
    }
}
