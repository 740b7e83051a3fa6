//! The online softmax that every level shares, and its row operations on vectors.
//!
//! Source: Milakov and Gimelshein, "Online normalizer calculation for softmax" (2018), in the form
//! of ggml's flash attention: one position at a time, the accumulator kept in f16.

use half::f16;

use super::Head;
use super::exp::exp16;
use super::vector::Vector;
use crate::engine::quant::round_f16;

/// Positions whose scores are taken together.
const RUN: usize = 64;

/// What one position does to the accumulator.
#[derive(Clone, Copy, Default)]
pub(super) struct Step {
    /// Its score is above all before it: the accumulator shrinks by the factor and takes the whole
    /// value. Otherwise it takes the value times the factor.
    pub(super) rises: bool,
    pub(super) factor: f32,
}

/// The row operations of a level.
pub(super) trait HeadRows: Copy {
    /// Multiplies a key with the query.
    fn dot(self, key: &[u16], query: &[f32]) -> f32;
    /// Replaces numbers by their exponentials.
    fn exp(self, x: &mut [f32; RUN]);
    /// Performs the steps of some positions on the accumulator, rounding it to f16 each time it
    /// changes.
    fn accumulate(self, out: &mut [f32], values: &[u16], steps: &[Step]);
}

/// Runs the softmax over the positions of `head`.
#[inline(always)]
pub(super) fn attend(rows: impl HeadRows, head: &Head<'_>, out: &mut [f32]) {
    out.fill(0.0);
    let (mut max, mut sum) = (f32::NEG_INFINITY, 0.0f32);
    let keys = head.keys.chunks(RUN * head.query.len());
    for (keys, values) in keys.zip(head.values.chunks(RUN * out.len())) {
        let (mut steps, mut exponents) = ([Step::default(); RUN], [0.0; RUN]);
        let keys = keys.chunks_exact(head.query.len());
        let steps = &mut steps[..keys.len()];
        for ((key, step), exponent) in keys.zip(steps.iter_mut()).zip(&mut exponents) {
            let score = rows.dot(key, head.query) * head.scale;
            step.rises = score > max;
            *exponent = if step.rises { max - score } else { score - max };
            max = if step.rises { score } else { max };
        }
        rows.exp(&mut exponents);
        for (step, factor) in steps.iter_mut().zip(exponents) {
            step.factor = factor;
            sum = if step.rises { libm::fmaf(sum, factor, 1.0) } else { sum + factor };
        }
        rows.accumulate(out, values, steps);
    }
    let inverse = 1.0 / sum;
    for x in out {
        *x *= inverse;
    }
}

/// Rows in vectors.
#[derive(Clone, Copy)]
pub(super) struct VectorRows<V>(pub(super) V);

impl<V: Vector> HeadRows for VectorRows<V> {
    #[inline(always)]
    fn dot(self, key: &[u16], query: &[f32]) -> f32 {
        let v = self.0;
        assert_eq!(key.len(), query.len());
        let mut lanes = [v.splat(0.0); 4];
        let ((keys, key_rest), (queries, query_rest)) = (key.as_chunks::<64>(), query.as_chunks::<64>());
        for (keys, queries) in keys.iter().zip(queries) {
            for (j, lanes) in lanes.iter_mut().enumerate() {
                // SAFETY: sixteen of 64 elements from 16 · j on.
                let (k, q) = unsafe {
                    (v.load_f16(keys.as_ptr().add(16 * j).cast()), v.load(queries.as_ptr().add(16 * j)))
                };
                *lanes = v.fma(k, q, *lanes);
            }
        }
        let whole = v.fold16(v.add(v.add(lanes[0], lanes[2]), v.add(lanes[1], lanes[3])));
        let mut rest = [0.0f64; 8];
        for (keys, queries) in key_rest.chunks(8).zip(query_rest.chunks(8)) {
            for (rest, (&k, &q)) in rest.iter_mut().zip(keys.iter().zip(queries)) {
                // The product is exact in f64.
                *rest += f64::from(v.half(k)) * f64::from(q);
            }
        }
        (f64::from(whole) + fold8_wide(rest)) as f32
    }

    #[inline(always)]
    fn exp(self, x: &mut [f32; RUN]) {
        x.as_chunks_mut().0.iter_mut().for_each(exp16);
    }

    #[inline(always)]
    fn accumulate(self, out: &mut [f32], values: &[u16], steps: &[Step]) {
        let width = out.len();
        assert_eq!(values.len(), width * steps.len());
        let mut at = 0;
        while at + 64 <= width {
            self.columns::<4>(out, values, steps, at);
            at += 64;
        }
        while at + 16 <= width {
            self.columns::<1>(out, values, steps, at);
            at += 16;
        }
        for (value, step) in values.chunks_exact(width).zip(steps) {
            for (x, &value) in out[at..].iter_mut().zip(&value[at..]) {
                let value = f16::from_bits(value).to_f32();
                if step.rises {
                    *x = round_f16(self.0.fma1(value, 1.0, round_f16(*x * step.factor)));
                } else {
                    *x = round_f16(self.0.fma1(value, step.factor, *x));
                }
            }
        }
    }
}

impl<V: Vector> VectorRows<V> {
    /// The steps of `N` vectors of the accumulator, from element `at` on.
    #[inline(always)]
    fn columns<const N: usize>(self, out: &mut [f32], values: &[u16], steps: &[Step], at: usize) {
        let (v, width) = (self.0, out.len());
        let sixteens = &mut out[at..].as_chunks_mut::<16>().0[..N];
        let mut lanes = [v.splat(0.0); N];
        for (lanes, from) in lanes.iter_mut().zip(sixteens.iter()) {
            // SAFETY: the chunk holds sixteen f32.
            *lanes = unsafe { v.load(from.as_ptr()) };
        }
        for (value, step) in values.chunks_exact(width).zip(steps) {
            let weight = if step.rises { 1.0 } else { step.factor };
            if step.rises {
                for lanes in &mut lanes {
                    *lanes = v.round_f16(v.mul(*lanes, v.splat(step.factor)));
                }
            }
            for (lanes, value) in lanes.iter_mut().zip(value[at..].as_chunks::<16>().0) {
                // SAFETY: the chunk holds sixteen f16.
                let value = unsafe { v.load_f16(value.as_ptr().cast()) };
                *lanes = v.round_f16(v.fma(value, v.splat(weight), *lanes));
            }
        }
        for (lanes, to) in lanes.into_iter().zip(sixteens) {
            *to = v.store(lanes);
        }
    }
}

/// Folds eight wide lanes in halves.
#[inline(always)]
pub(super) fn fold8_wide(l: [f64; 8]) -> f64 {
    ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]))
}
