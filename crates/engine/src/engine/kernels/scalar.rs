//! The oracle: the lane layout of the module's head, written out element by element.

use half::{bf16, f16};

use super::attention::{HeadRows, Scores, Steps, attend, fold8_wide};
use super::{Table, blocks, fold8, fold16};
use crate::engine::math::swiglu;
use crate::engine::quant::{
    Activations, Float, Format, Halves, Q8_0, Q8_K, SMALL_BLOCK, SUPER_BLOCK, f16_at, k4_scales, q6,
    round_f16,
};

pub(super) const TABLE: Table = Table {
    f32: |weights, x: &Float, out| {
        each(weights, 4 * x.n, x.rows(), out, |row, t| {
            let weight =
                |i: usize| f32::from_le_bytes([row[4 * i], row[4 * i + 1], row[4 * i + 2], row[4 * i + 3]]);
            float_dot(x.n, |i| (weight(i), x.values[t * x.n + i]))
        });
    },
    f16: |weights, x: &Halves, out| {
        each(weights, 2 * x.n, x.rows(), out, |row, t| {
            float_dot(x.n, |i| (f16_at(row, 2 * i), f16::from_bits(x.bits[t * x.n + i]).to_f32()))
        });
    },
    bf16: rows_bf16,
    q8_0: |weights, x, out| small_rows::<8>(Format::Q8_0, weights, x, out, sum_q8_0, fold8),
    q4_0: |weights, x, out| small_rows::<1>(Format::Q4_0, weights, x, out, sum_q4_0, |[sum]| sum),
    q4_1: blocks::rows_q4_1,
    q5_0: blocks::rows_q5_0,
    q5_1: blocks::rows_q5_1,
    iq4_nl: blocks::rows_iq4_nl,
    q2_k: blocks::rows_q2_k,
    q3_k: blocks::rows_q3_k,
    q4_k: rows_q4_k,
    q5_k: blocks::rows_q5_k,
    q6_k: rows_q6_k,
    iq4_xs: blocks::rows_iq4_xs,
    attend: |heads, out| attend(ScalarRows, heads, out),
    activations: Activations::new,
    swiglu: |gates, ups| gates.iter_mut().zip(ups).for_each(|(gate, &up)| *gate = swiglu(*gate, up)),
};

/// Calls `product` for each weight row and activation row.
fn each(
    weights: &[u8],
    row_bytes: usize,
    tokens: usize,
    out: &mut [f32],
    product: impl Fn(&[u8], usize) -> f32,
) {
    let rows = weights.len() / row_bytes;
    for (r, row) in weights.chunks_exact(row_bytes).enumerate() {
        for t in 0..tokens {
            out[t * rows + r] = product(row, t);
        }
    }
}

/// The product of two rows of `n` floats, given pair by pair.
fn float_dot(n: usize, pair: impl Fn(usize) -> (f32, f32)) -> f32 {
    let mut lanes = [0.0f32; 16];
    for start in (0..n).step_by(16) {
        for (j, lane) in lanes.iter_mut().enumerate() {
            let i = start + j;
            let (w, x) = if i < n { pair(i) } else { (0.0, 0.0) };
            *lane = libm::fmaf(w, x, *lane);
        }
    }
    fold16(lanes)
}

fn rows_bf16(weights: &[u8], x: &Halves, out: &mut [f32]) {
    each(weights, 2 * x.n, x.rows(), out, |row, t| {
        let x = &x.bits[t * x.n..][..x.n];
        let product = |i: usize, sum: f32| {
            if i < x.len() {
                let w = bf16::from_le_bytes([row[2 * i], row[2 * i + 1]]);
                libm::fmaf(w.to_f32(), bf16::from_bits(x[i]).to_f32(), sum)
            } else {
                libm::fmaf(0.0, 0.0, sum)
            }
        };
        let mut sets = [[0.0f32; 16]; 2];
        for pair in 0..x.len().next_multiple_of(64) / 2 {
            let lane = &mut sets[pair / 16 % 2][pair % 16];
            *lane = product(2 * pair, product(2 * pair + 1, *lane));
        }
        fold16(sets[0]) + fold16(sets[1])
    });
}

/// Rows of blocks of 32, each lane fed with `scale · sum(block, lane)`.
fn small_rows<const LANES: usize>(
    format: Format,
    weights: &[u8],
    x: &Q8_0,
    out: &mut [f32],
    sum: impl Fn(&[u8], &[i8], usize) -> i32,
    fold: impl Fn([f32; LANES]) -> f32,
) {
    let blocks = x.n / SMALL_BLOCK;
    each(weights, format.row_bytes(x.n), x.rows(), out, |row, t| {
        let mut lanes = [0.0f32; LANES];
        for (b, block) in row.chunks_exact(format.block_bytes()).enumerate() {
            let at = t * blocks + b;
            let quants = &x.quants[at * SMALL_BLOCK..][..SMALL_BLOCK];
            let scale = f16_at(block, 0) * x.scales[at];
            for (j, lane) in lanes.iter_mut().enumerate() {
                *lane = libm::fmaf(scale, sum(block, quants, j) as f32, *lane);
            }
        }
        fold(lanes)
    });
}

/// The products of elements 4j to 4j + 3.
fn sum_q8_0(block: &[u8], x: &[i8], j: usize) -> i32 {
    (4 * j..4 * j + 4).map(|i| i32::from(block[2 + i] as i8) * i32::from(x[i])).sum()
}

/// The products of all elements.
fn sum_q4_0(block: &[u8], x: &[i8], _: usize) -> i32 {
    let q = |i: usize| i32::from(block[2 + i % 16] >> (i / 16 * 4) & 15) - 8;
    (0..SMALL_BLOCK).map(|i| q(i) * i32::from(x[i])).sum()
}

fn rows_q4_k(weights: &[u8], x: &Q8_K, out: &mut [f32]) {
    let blocks = x.n / SUPER_BLOCK;
    each(weights, Format::Q4_K.row_bytes(x.n), x.rows(), out, |row, t| {
        let (mut total, mut total_mins) = (0.0f32, 0.0f32);
        for (b, block) in row.chunks_exact(Format::Q4_K.block_bytes()).enumerate() {
            let at = t * blocks + b;
            let (quants, sums) = (&x.quants[at * 256..][..256], &x.sums[at * 16..][..16]);
            let (scales, mins) = k4_scales(&block[4..16]);
            let (mut sum, mut sum_mins) = (0i32, 0i32);
            for (i, &x) in quants.iter().enumerate() {
                let byte = block[16 + i / 64 * 32 + i % 32];
                let q = byte >> (i / 32 % 2 * 4) & 15;
                sum += i32::from(scales[i / 32]) * i32::from(q) * i32::from(x);
            }
            for (j, &s) in sums.iter().enumerate() {
                sum_mins += i32::from(mins[j / 2]) * i32::from(s);
            }
            total = libm::fmaf(f16_at(block, 0) * x.scales[at], sum as f32, total);
            total_mins = libm::fmaf(f16_at(block, 2) * x.scales[at], sum_mins as f32, total_mins);
        }
        total - total_mins
    });
}

fn rows_q6_k(weights: &[u8], x: &Q8_K, out: &mut [f32]) {
    let blocks = x.n / SUPER_BLOCK;
    each(weights, Format::Q6_K.row_bytes(x.n), x.rows(), out, |row, t| {
        let mut lanes = [0.0f32; 8];
        for (b, block) in row.chunks_exact(Format::Q6_K.block_bytes()).enumerate() {
            let at = t * blocks + b;
            let (quants, sums) = (&x.quants[at * 256..][..256], &x.sums[at * 16..][..16]);
            let scale = |i: usize| i32::from(block[192 + i] as i8);
            let d = f16_at(block, 208) * x.scales[at];
            for (j, lane) in lanes.iter_mut().enumerate() {
                let zero: i32 = (2 * j..2 * j + 2).map(|i| 32 * scale(i) * i32::from(sums[i])).sum();
                let elements = (0..8).flat_map(|run| 32 * run + 4 * j..32 * run + 4 * j + 4);
                let product = |i: usize| {
                    let q = i32::from(q6(&block[..128], &block[128..192], i)) + 32;
                    scale(i / 16) * q * i32::from(quants[i])
                };
                let sum: i32 = elements.map(product).sum();
                *lane = libm::fmaf(d, (sum - zero) as f32, *lane);
            }
        }
        fold8(lanes)
    });
}

#[derive(Clone, Copy)]
struct ScalarRows;

impl HeadRows for ScalarRows {
    fn dots<const N: usize>(self, keys: &[u16], queries: [&[f32]; N], scores: &mut [Scores; N]) {
        for (query, scores) in queries.iter().zip(scores) {
            for (key, score) in keys.chunks_exact(query.len()).zip(scores) {
                *score = key_dot(key, query);
            }
        }
    }

    fn exp(self, x: &mut Scores) {
        x.iter_mut().for_each(|x| *x = libm::expf(*x));
    }

    fn accumulate<const N: usize>(self, out: &mut [f32], values: &[u16], steps: &[Steps; N]) {
        for (out, steps) in out.chunks_exact_mut(out.len() / N).zip(steps) {
            for (i, value) in values.chunks_exact(out.len()).enumerate() {
                let (rises, factor) = (steps.rises(i), steps.factor(i));
                for (x, &v) in out.iter_mut().zip(value) {
                    let value = f16::from_bits(v).to_f32();
                    let weight = if rises { 1.0 } else { factor };
                    let sum = if rises { round_f16(*x * factor) } else { *x };
                    *x = round_f16(libm::fmaf(value, weight, sum));
                }
            }
        }
    }
}

/// The product of a key with the query, both of f16 precision.
fn key_dot(key: &[u16], query: &[f32]) -> f32 {
    let whole = key.len() / 64 * 64;
    let mut lanes = [0.0f32; 64];
    for (i, (&k, &q)) in key[..whole].iter().zip(query).enumerate() {
        lanes[i % 64] = libm::fmaf(f16::from_bits(k).to_f32(), q, lanes[i % 64]);
    }
    let mut folded = [0.0f32; 16];
    for (j, folded) in folded.iter_mut().enumerate() {
        *folded = (lanes[j] + lanes[j + 32]) + (lanes[j + 16] + lanes[j + 48]);
    }
    let mut rest = [0.0f64; 8];
    for (i, (&k, &q)) in key[whole..].iter().zip(&query[whole..]).enumerate() {
        rest[i % 8] += f64::from(f16::from_bits(k).to_f32()) * f64::from(q);
    }
    (f64::from(fold16(folded)) + fold8_wide(rest)) as f32
}
