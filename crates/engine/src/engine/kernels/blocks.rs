//! The oracle's rows of the formats whose blocks are unpacked to integers first.

use super::fold8;
use crate::engine::quant::{
    Format, Q8_0, Q8_1, Q8_K, SMALL_BLOCK, SUPER_BLOCK, Small, Super, f16_at, iq4_nl, iq4_xs, q2_k, q3_k,
    q4_1, q5_0, q5_1, q5_k,
};

/// What a product of rows gathers in: some lanes, and an accumulator beside them.
#[derive(Clone, Copy)]
struct Sums<const LANES: usize> {
    lanes: [f32; LANES],
    beside: f32,
}

/// Rows of blocks of 32. Lane `j` takes elements `j · 32 / LANES` onwards; `sums`, where there are
/// any, meet the min behind the block's scale.
fn small_rows<const LANES: usize>(
    format: Format,
    (weights, x, sums): (&[u8], &Q8_0, Option<&[f32]>),
    out: &mut [f32],
    unpack: fn(&[u8], &mut Small),
    fold: impl Fn(Sums<LANES>) -> f32,
) {
    let (blocks, tokens) = (x.n / SMALL_BLOCK, x.rows());
    let mut quants = [0i8; SMALL_BLOCK];
    let mut totals = vec![Sums { lanes: [0.0; LANES], beside: 0.0 }; tokens];
    let rows = weights.len() / format.row_bytes(x.n);
    for (r, row) in weights.chunks_exact(format.row_bytes(x.n)).enumerate() {
        totals.fill(Sums { lanes: [0.0; LANES], beside: 0.0 });
        for (b, block) in row.chunks_exact(format.block_bytes()).enumerate() {
            unpack(block, &mut quants);
            let d = f16_at(block, 0);
            for (t, total) in totals.iter_mut().enumerate() {
                let at = t * blocks + b;
                let x_quants = &x.quants[at * SMALL_BLOCK..][..SMALL_BLOCK];
                let scale = d * x.scales[at];
                let run = SMALL_BLOCK / LANES;
                let products = quants.chunks_exact(run).zip(x_quants.chunks_exact(run));
                for (lane, (w, x)) in total.lanes.iter_mut().zip(products) {
                    let sum: i32 = w.iter().zip(x).map(|(&w, &x)| i32::from(w) * i32::from(x)).sum();
                    *lane = libm::fmaf(scale, sum as f32, *lane);
                }
                if let Some(sums) = sums {
                    total.beside = libm::fmaf(f16_at(block, 2), sums[at], total.beside);
                }
            }
        }
        for (t, total) in totals.iter().enumerate() {
            out[t * rows + r] = fold(*total);
        }
    }
}

pub(super) fn rows_q4_1(weights: &[u8], x: &Q8_1, out: &mut [f32]) {
    let input = (weights, &x.blocks, Some(&x.sums[..]));
    small_rows::<8>(Format::Q4_1, input, out, q4_1, |sums| fold8(sums.lanes) + sums.beside);
}

pub(super) fn rows_q5_0(weights: &[u8], x: &Q8_0, out: &mut [f32]) {
    small_rows::<8>(Format::Q5_0, (weights, x, None), out, q5_0, |sums| fold8(sums.lanes));
}

pub(super) fn rows_q5_1(weights: &[u8], x: &Q8_1, out: &mut [f32]) {
    let input = (weights, &x.blocks, Some(&x.sums[..]));
    small_rows::<8>(Format::Q5_1, input, out, q5_1, |sums| fold8(sums.lanes) + sums.beside);
}

pub(super) fn rows_iq4_nl(weights: &[u8], x: &Q8_0, out: &mut [f32]) {
    small_rows::<1>(Format::IQ4_NL, (weights, x, None), out, iq4_nl, |sums| sums.lanes[0]);
}

/// Where the f16 scales of a block of 256 stand: of scales, and of mins if there are any.
#[derive(Clone, Copy)]
struct ScalesAt {
    d: usize,
    dmin: Option<usize>,
}

/// Rows of blocks of 256. With eight lanes, lane `j` takes elements `4j` to `4j + 3` of each run of
/// 32; with one, all. What the mins take off goes to the accumulator beside, negated if `negate`.
fn super_rows<const LANES: usize>(
    format: Format,
    (weights, x): (&[u8], &Q8_K),
    out: &mut [f32],
    (scales_at, negate): (ScalesAt, bool),
    unpack: fn(&[u8], &mut Super),
    fold: impl Fn(Sums<LANES>) -> f32,
) {
    let (blocks, tokens) = (x.n / SUPER_BLOCK, x.rows());
    let mut unpacked = Super::ZERO;
    let mut totals = vec![Sums { lanes: [0.0; LANES], beside: 0.0 }; tokens];
    let rows = weights.len() / format.row_bytes(x.n);
    for (r, row) in weights.chunks_exact(format.row_bytes(x.n)).enumerate() {
        totals.fill(Sums { lanes: [0.0; LANES], beside: 0.0 });
        for (b, block) in row.chunks_exact(format.block_bytes()).enumerate() {
            unpack(block, &mut unpacked);
            let d = f16_at(block, scales_at.d);
            for (t, total) in totals.iter_mut().enumerate() {
                let at = t * blocks + b;
                let (quants, sums) = (&x.quants[at * 256..][..256], &x.sums[at * 16..][..16]);
                for (lane, sum) in total.lanes.iter_mut().zip(lane_sums::<LANES>(&unpacked, quants)) {
                    *lane = libm::fmaf(d * x.scales[at], sum as f32, *lane);
                }
                if let Some(dmin) = scales_at.dmin {
                    let mins = unpacked.mins.iter().zip(sums);
                    let sum: i32 = mins.map(|(&min, &sum)| i32::from(min) * i32::from(sum)).sum();
                    let scale = f16_at(block, dmin) * x.scales[at];
                    let scale = if negate { -scale } else { scale };
                    total.beside = libm::fmaf(scale, sum as f32, total.beside);
                }
            }
        }
        for (t, total) in totals.iter().enumerate() {
            out[t * rows + r] = fold(*total);
        }
    }
}

/// The sum of weight times activation times scale, exact, for each lane.
fn lane_sums<const LANES: usize>(block: &Super, x: &[i8]) -> [i32; LANES] {
    let mut lanes = [0; LANES];
    let pieces = block.quants.chunks_exact(4).zip(x.chunks_exact(4)).enumerate();
    for (piece, (w, x)) in pieces {
        let sum: i32 = w.iter().zip(x).map(|(&w, &x)| i32::from(w) * i32::from(x)).sum();
        lanes[piece % LANES] += sum * i32::from(block.scales[piece / 4]);
    }
    lanes
}

pub(super) fn rows_q2_k(weights: &[u8], x: &Q8_K, out: &mut [f32]) {
    let at = ScalesAt { d: 80, dmin: Some(82) };
    super_rows::<1>(Format::Q2_K, (weights, x), out, (at, false), q2_k, |sums| sums.lanes[0] - sums.beside);
}

pub(super) fn rows_q3_k(weights: &[u8], x: &Q8_K, out: &mut [f32]) {
    let at = ScalesAt { d: 108, dmin: None };
    super_rows::<8>(Format::Q3_K, (weights, x), out, (at, false), q3_k, |sums| fold8(sums.lanes));
}

pub(super) fn rows_q5_k(weights: &[u8], x: &Q8_K, out: &mut [f32]) {
    let at = ScalesAt { d: 0, dmin: Some(2) };
    super_rows::<8>(Format::Q5_K, (weights, x), out, (at, true), q5_k, |sums| {
        fold8(sums.lanes) + sums.beside
    });
}

pub(super) fn rows_iq4_xs(weights: &[u8], x: &Q8_K, out: &mut [f32]) {
    let at = ScalesAt { d: 0, dmin: None };
    super_rows::<8>(Format::IQ4_XS, (weights, x), out, (at, false), iq4_xs, |sums| fold8(sums.lanes));
}
