//! The online softmax that every level shares, and its row operations on vectors.
//!
//! Source: Milakov and Gimelshein, "Online normalizer calculation for softmax" (2018), in the form
//! of ggml's flash attention: one position at a time, the accumulator kept in f16.

use half::f16;

use super::Heads;
use super::exp::exp16;
use super::vector::Vector;
use crate::engine::quant::round_f16;

/// Positions whose scores are taken together.
pub(super) const RUN: usize = 64;

/// The scores of a run of positions.
pub(super) type Scores = [f32; RUN];

/// What a run of positions does to one accumulator.
#[derive(Clone, Copy)]
pub(super) struct Steps {
    /// Bit `i`: the score of position `i` is above all before it. The accumulator shrinks by the factor
    /// and takes the whole value; otherwise it takes the value times the factor.
    rises: u64,
    factors: Scores,
}

impl Steps {
    #[inline(always)]
    pub(super) fn rises(&self, position: usize) -> bool {
        self.rises >> position & 1 != 0
    }

    #[inline(always)]
    pub(super) fn factor(&self, position: usize) -> f32 {
        self.factors[position]
    }
}

/// The row operations of a level, on `N` heads that look at the same keys and values.
pub(super) trait HeadRows: Copy {
    /// Multiplies up to [`RUN`] keys with each query.
    fn dots<const N: usize>(self, keys: &[u16], queries: [&[f32]; N], scores: &mut [Scores; N]);
    /// Replaces numbers by their exponentials.
    fn exp(self, x: &mut Scores);
    /// Performs steps on the accumulators, a row for each head, rounding them to f16 each time they
    /// change.
    fn accumulate<const N: usize>(self, out: &mut [f32], values: &[u16], steps: &[Steps; N]);
}

/// Runs the softmax over the positions for each of `heads`, several at a time.
#[inline(always)]
pub(super) fn attend(rows: impl HeadRows, heads: &Heads<'_>, out: &mut [f32]) {
    let (mut done, count) = (0, heads.count);
    while done + 4 <= count {
        together::<4>(rows, heads, done, out);
        done += 4;
    }
    if done + 2 <= count {
        together::<2>(rows, heads, done, out);
        done += 2;
    }
    if done < count {
        together::<1>(rows, heads, done, out);
    }
}

/// Runs the softmax for `N` heads from `first` on.
#[inline(always)]
fn together<const N: usize>(rows: impl HeadRows, heads: &Heads<'_>, first: usize, out: &mut [f32]) {
    let (length, width) = (heads.queries.len() / heads.count, out.len() / heads.count);
    let mut queries = [&[][..]; N];
    for (slot, query) in queries.iter_mut().zip(heads.queries.chunks_exact(length).skip(first)) {
        *slot = query;
    }
    let out = &mut out[first * width..][..N * width];
    out.fill(0.0);
    let (mut max, mut sums) = ([f32::NEG_INFINITY; N], [0.0f32; N]);
    for (keys, values) in heads.keys.chunks(RUN * length).zip(heads.values.chunks(RUN * width)) {
        let positions = keys.len() / length;
        let mut scores = [[0.0; RUN]; N];
        rows.dots(keys, queries, &mut scores);
        let mut steps = [Steps { rises: 0, factors: [0.0; RUN] }; N];
        for ((steps, scores), max) in steps.iter_mut().zip(&mut scores).zip(&mut max) {
            scores.iter_mut().for_each(|score| *score *= heads.scale);
            exponents(scores, positions, max, steps);
            rows.exp(&mut steps.factors);
        }
        if steps.iter().all(|steps| steps.rises == 0) {
            // Position by position: the sums of several heads do not wait for each other.
            for i in 0..positions {
                for (sum, steps) in sums.iter_mut().zip(&steps) {
                    *sum += steps.factors[i];
                }
            }
        } else {
            for (sum, steps) in sums.iter_mut().zip(&steps) {
                for (i, &factor) in steps.factors[..positions].iter().enumerate() {
                    *sum = if steps.rises(i) { libm::fmaf(*sum, factor, 1.0) } else { *sum + factor };
                }
            }
        }
        rows.accumulate(out, values, &steps);
    }
    for (out, sum) in out.chunks_exact_mut(width).zip(sums) {
        let inverse = 1.0 / sum;
        out.iter_mut().for_each(|x| *x *= inverse);
    }
}

/// What the exponentials of a run are taken of: the distance from the largest score so far, by which
/// either the new value or, where the score rises, all before it shrinks.
#[inline(always)]
fn exponents(scores: &Scores, positions: usize, max: &mut f32, steps: &mut Steps) {
    let sixteens = scores.as_chunks::<16>().0.iter().zip(steps.factors.as_chunks_mut::<16>().0);
    for (i, (scores, exponents)) in sixteens.enumerate() {
        let there = positions.saturating_sub(16 * i).min(16);
        let mut rises = there < 16;
        for &score in scores {
            rises |= score > *max;
        }
        if !rises {
            for (exponent, score) in exponents.iter_mut().zip(scores) {
                *exponent = score - *max;
            }
            continue;
        }
        for (j, (exponent, &score)) in exponents.iter_mut().zip(scores).take(there).enumerate() {
            let rises = score > *max;
            steps.rises |= u64::from(rises) << (16 * i + j);
            *exponent = if rises { *max - score } else { score - *max };
            *max = if rises { score } else { *max };
        }
    }
}

/// Rows in vectors.
#[derive(Clone, Copy)]
pub(super) struct VectorRows<V>(pub(super) V);

impl<V: Vector> HeadRows for VectorRows<V> {
    #[inline(always)]
    fn dots<const N: usize>(self, keys: &[u16], queries: [&[f32]; N], scores: &mut [Scores; N]) {
        let length = queries[0].len();
        if !length.is_multiple_of(64) {
            for (query, scores) in queries.iter().zip(scores) {
                for (key, score) in keys.chunks_exact(length).zip(scores) {
                    *score = self.dot(key, query);
                }
            }
        } else if V::PARTS == 1 {
            self.whole_dots(keys, queries, scores);
        } else {
            // The lanes of one head fill the registers.
            for (query, scores) in queries.iter().zip(scores) {
                self.whole_dots(keys, [query], std::array::from_mut(scores));
            }
        }
    }

    #[inline(always)]
    fn exp(self, x: &mut Scores) {
        x.as_chunks_mut().0.iter_mut().for_each(exp16);
    }

    #[inline(always)]
    fn accumulate<const N: usize>(self, out: &mut [f32], values: &[u16], steps: &[Steps; N]) {
        let width = out.len() / N;
        let mut at = 0;
        // As many accumulators as there are registers for.
        if V::PARTS == 1 || N == 1 {
            while at + 64 <= width {
                self.columns::<4, N>(out, values, steps, at);
                at += 64;
            }
        } else if N == 2 {
            while at + 32 <= width {
                self.columns::<2, N>(out, values, steps, at);
                at += 32;
            }
        }
        while at + 16 <= width {
            self.columns::<1, N>(out, values, steps, at);
            at += 16;
        }
        if at == width {
            return;
        }
        for (out, steps) in out.chunks_exact_mut(width).zip(steps) {
            for (i, value) in values.chunks_exact(width).enumerate() {
                let factor = steps.factor(i);
                for (x, &value) in out[at..].iter_mut().zip(&value[at..]) {
                    let value = f16::from_bits(value).to_f32();
                    if steps.rises(i) {
                        *x = round_f16(self.0.fma1(value, 1.0, round_f16(*x * factor)));
                    } else {
                        *x = round_f16(self.0.fma1(value, factor, *x));
                    }
                }
            }
        }
    }
}

impl<V: Vector> VectorRows<V> {
    /// Multiplies keys of whole runs of 64 elements, sixteen keys at a time.
    #[inline(always)]
    fn whole_dots<const N: usize>(self, keys: &[u16], queries: [&[f32]; N], scores: &mut [Scores; N]) {
        let (v, length) = (self.0, queries[0].len());
        assert!(length.is_multiple_of(64) && queries.iter().all(|query| query.len() == length));
        for (i, keys) in keys.chunks(16 * length).enumerate() {
            let mut sums = [[v.splat(0.0); 16]; N];
            for (j, key) in keys.chunks_exact(length).enumerate() {
                let mut lanes = [[v.splat(0.0); 4]; N];
                for (run, key) in key.as_chunks::<64>().0.iter().enumerate() {
                    for part in 0..4 {
                        // SAFETY: sixteen of the 64 elements.
                        let k = unsafe { v.load_f16(key.as_ptr().add(16 * part).cast()) };
                        for (lanes, query) in lanes.iter_mut().zip(queries) {
                            // SAFETY: a query is as long as a key.
                            let q = unsafe { v.load(query.as_ptr().add(64 * run + 16 * part)) };
                            lanes[part] = v.fma(k, q, lanes[part]);
                        }
                    }
                }
                for (sums, lanes) in sums.iter_mut().zip(lanes) {
                    sums[j] = v.add(v.add(lanes[0], lanes[2]), v.add(lanes[1], lanes[3]));
                }
            }
            for (scores, sums) in scores.iter_mut().zip(&sums) {
                scores[16 * i..16 * i + 16].copy_from_slice(&v.store(v.fold16_each(sums)));
            }
        }
    }

    /// Multiplies a key with a query.
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

    /// The steps of `C` vectors of each accumulator, from element `at` on.
    #[inline(always)]
    fn columns<const C: usize, const N: usize>(
        self,
        out: &mut [f32],
        values: &[u16],
        steps: &[Steps; N],
        at: usize,
    ) {
        let (v, width) = (self.0, out.len() / N);
        let mut lanes = [[v.splat(0.0); C]; N];
        for (lanes, out) in lanes.iter_mut().zip(out.chunks_exact(width)) {
            for (lanes, from) in lanes.iter_mut().zip(out[at..].as_chunks::<16>().0) {
                // SAFETY: the chunk holds sixteen f32.
                *lanes = unsafe { v.load(from.as_ptr()) };
            }
        }
        for (i, value) in values.chunks_exact(width).enumerate() {
            let mut columns = [v.splat(0.0); C];
            for (column, value) in columns.iter_mut().zip(value[at..].as_chunks::<16>().0) {
                // SAFETY: the chunk holds sixteen f16.
                *column = unsafe { v.load_f16(value.as_ptr().cast()) };
            }
            for (lanes, steps) in lanes.iter_mut().zip(steps) {
                let mut weight = steps.factor(i);
                if steps.rises(i) {
                    for lanes in lanes.iter_mut() {
                        *lanes = v.round_f16(v.mul(*lanes, v.splat(weight)));
                    }
                    weight = 1.0;
                }
                for (lanes, &column) in lanes.iter_mut().zip(&columns) {
                    *lanes = v.round_f16(v.fma(column, v.splat(weight), *lanes));
                }
            }
        }
        for (lanes, out) in lanes.into_iter().zip(out.chunks_exact_mut(width)) {
            for (lanes, to) in lanes.into_iter().zip(out[at..].as_chunks_mut::<16>().0) {
                *to = v.store(lanes);
            }
        }
    }
}

/// Folds eight wide lanes in halves.
#[inline(always)]
pub(super) fn fold8_wide(l: [f64; 8]) -> f64 {
    ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]))
}
