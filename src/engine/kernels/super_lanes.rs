//! Rows of Q3_K, Q5_K, Q6_K and IQ4_XS: eight lanes, two rows (for one token) or two tokens (for
//! many) in the halves of a vector.

use std::marker::PhantomData;

use super::super_blocks::{Aside, Lanes, Q6K, block, half_bits};
use super::tile::{self, Extent, Tile, interleave};
use super::vector::Vector;
use crate::engine::quant::{Format, Q8_K, SUPER_BLOCK, Super};

/// Q6_K with one token, `P` pairs of rows.
struct OneToken<'a, V, const R: usize, const P: usize> {
    v: V,
    x: &'a Q8_K,
    rows: [&'a [u8]; R],
}

impl<'a, V: Vector, const R: usize, const P: usize> OneToken<'a, V, R, P> {
    /// For block `b` of a row, the sums of groups of four times their scales, where the zero is 32;
    /// its scales go to `scales`.
    #[inline(always)]
    fn sums(&self, row: &[u8], b: usize, x_quants: &[i8; SUPER_BLOCK], scales: &mut [i16]) -> V::I {
        let (v, block) = (self.v, block(Format::Q6_K, row, b));
        for line in (0..block.len()).step_by(64) {
            v.prefetch(block.as_ptr().wrapping_add(R * row.len() + line));
        }
        let own = Q6K::scales(block);
        scales.copy_from_slice(&own);
        let mut sums = v.splat_i32(0);
        for quarter in 0..4 {
            // SAFETY: the block is 210 bytes long, and there are 256 activations.
            unsafe {
                let [low, high] = Q6K::quants(v, block.as_ptr(), quarter);
                let x = v.load_b(x_quants.as_ptr().add(64 * quarter).cast());
                sums = v.dot4_scaled(sums, v.join(low, high), x, v.spread(&own, quarter));
            }
        }
        sums
    }
}

impl<'a, V: Vector, const R: usize, const P: usize> Tile<'a, R, 1> for OneToken<'a, V, R, P> {
    #[inline(always)]
    fn take(&mut self, rows: [&'a [u8]; R]) {
        self.rows = rows;
    }

    #[inline(always)]
    fn multiply(&mut self, token: usize) -> [[f32; R]; 1] {
        let (v, x) = (self.v, self.x);
        let blocks = x.n / SUPER_BLOCK;
        let mut lanes = [v.splat(0.0); P];
        for b in 0..blocks {
            let at = token * blocks + b;
            let x_quants: &[i8; SUPER_BLOCK] =
                x.quants[at * SUPER_BLOCK..].first_chunk().expect("whole blocks");
            let mut x_sums = [0i16; 32];
            x_sums[..16].copy_from_slice(&x.sums[16 * at..][..16]);
            x_sums[16..].copy_from_slice(&x.sums[16 * at..][..16]);
            // SAFETY: the array holds 32 i16.
            let x_sums = unsafe { v.load_s(x_sums.as_ptr()) };
            for (lanes, &[first, second]) in lanes.iter_mut().zip(self.rows.as_chunks::<2>().0) {
                let mut scales = [0i16; 32];
                let (low, high) = scales.split_at_mut(16);
                let sums =
                    v.fold_halves(self.sums(first, b, x_quants, low), self.sums(second, b, x_quants, high));
                // The zero of a six-bit integer is 32.
                // SAFETY: the array holds 32 i16.
                let zeros = v.mul_i16(unsafe { v.load_s(scales.as_ptr()) }, v.halves_s(32, 32));
                let sums = v.sub_i32(sums, v.dot2(v.splat_i32(0), zeros, x_sums));
                let d = [first, second].map(|row| v.half(half_bits(Format::Q6_K, row, b, Q6K::D)));
                let scale = v.mul(v.halves(d[0], d[1]), v.splat(x.scales[at]));
                *lanes = v.fma(scale, v.convert(sums), *lanes);
            }
        }
        let mut out = [[0.0; R]; 1];
        for (out, lanes) in out[0].as_chunks_mut::<2>().0.iter_mut().zip(lanes) {
            *out = v.fold8(lanes);
        }
        out
    }
}

/// Rows that are unpacked together.
const ROWS: usize = 16;

/// Sixteen rows, `R` of them at a time, × `P` pairs of tokens, `T` being twice `P`.
struct ManyTokens<'a, V, F, const R: usize, const P: usize, const T: usize> {
    v: V,
    x: &'a Q8_K,
    /// The integers of the activations as i16.
    x_wide: &'a [i16],
    /// Their sums, by pair of tokens, then by block.
    x_sums: &'a [[i16; 16]],
    blocks: Vec<Block>,
    format: PhantomData<F>,
}

/// A block of sixteen rows.
#[derive(Clone, Copy)]
struct Block {
    /// Weights times scales: at most 63 · 128 in magnitude.
    products: [[i16; SUPER_BLOCK]; ROWS],
    /// What the sums of sixteen activations are multiplied with, twice.
    aside: [[i16; 32]; ROWS],
    d: [f32; ROWS],
    d_min: [f32; ROWS],
}

const EMPTY: Block =
    Block { products: [[0; SUPER_BLOCK]; ROWS], aside: [[0; 32]; ROWS], d: [0.0; ROWS], d_min: [0.0; ROWS] };

impl<V: Vector, F: Lanes, const R: usize, const P: usize, const T: usize> ManyTokens<'_, V, F, R, P, T> {
    /// The exact sums of rows `first` to `first + R − 1` of a block with `T` tokens, two elements of each
    /// run of 32 to a lane.
    #[inline(always)]
    fn sums(&self, block: &Block, first: usize, x: &[&[i16]; T]) -> [[V::I; R]; T] {
        let v = self.v;
        let products: &[[i16; SUPER_BLOCK]; R] = block.products[first..].first_chunk().expect("R divides 16");
        let mut sums = [[v.splat_i32(0); R]; T];
        for run in 0..SUPER_BLOCK / 32 {
            // SAFETY: a block has 256 products and 256 activations.
            unsafe {
                let mut w = [v.splat_s(0); R];
                for (w, products) in w.iter_mut().zip(products) {
                    *w = v.load_s(products.as_ptr().add(32 * run));
                }
                for (sums, x) in sums.iter_mut().zip(x) {
                    let x = v.load_s(x.as_ptr().add(32 * run));
                    for (sum, w) in sums.iter_mut().zip(w) {
                        *sum = v.dot2(*sum, w, x);
                    }
                }
            }
        }
        sums
    }
}

impl<'a, V: Vector, F: Lanes, const R: usize, const P: usize, const T: usize> Tile<'a, ROWS, T>
    for ManyTokens<'a, V, F, R, P, T>
{
    #[inline(always)]
    fn take(&mut self, rows: [&'a [u8]; ROWS]) {
        let v = self.v;
        let mut unpacked = Super::ZERO;
        for (b, out) in self.blocks.iter_mut().enumerate() {
            for (r, row) in rows.iter().enumerate() {
                F::unpack(v, block(F::FORMAT, row, b), &mut unpacked);
                let runs = unpacked.quants.as_chunks::<32>().0.iter().zip(unpacked.scales.as_chunks::<2>().0);
                for (to, (quants, scales)) in out.products[r].as_chunks_mut::<32>().0.iter_mut().zip(runs) {
                    let scale = v.halves_s(i16::from(scales[0]), i16::from(scales[1]));
                    // SAFETY: 32 bytes are read and 32 i16 written.
                    unsafe {
                        let quants = v.widen(v.load_h(quants.as_ptr().cast()));
                        v.store_s(v.mul_i16(quants, scale), to.as_mut_ptr());
                    }
                }
                out.d[r] = v.half(half_bits(F::FORMAT, row, b, F::D));
                if let Aside::Mins(at) = F::ASIDE {
                    out.d_min[r] = v.half(half_bits(F::FORMAT, row, b, at));
                }
                for (i, aside) in out.aside[r].iter_mut().enumerate() {
                    *aside = match F::ASIDE {
                        Aside::Nothing => 0,
                        Aside::Zero(zero) => zero * i16::from(unpacked.scales[i % 16]),
                        Aside::Mins(_) => i16::from(unpacked.mins[i % 16]),
                    };
                }
            }
        }
    }

    #[inline(always)]
    fn multiply(&mut self, token: usize) -> [[f32; ROWS]; T] {
        let (v, x) = (self.v, self.x);
        let blocks = self.blocks.len();
        let mut first = [0; T];
        for (i, first) in first.iter_mut().enumerate() {
            *first = (token + i).min(x.rows() - 1) * blocks;
        }
        let mut lanes = [[v.splat(0.0); ROWS]; P];
        let mut beside = [[0.0f32; ROWS]; T];
        for (b, block) in self.blocks.iter().enumerate() {
            let mut x_wide: [&[i16]; T] = [&[]; T];
            for (x_wide, first) in x_wide.iter_mut().zip(first) {
                *x_wide = &self.x_wide[(first + b) * SUPER_BLOCK..][..SUPER_BLOCK];
            }
            for group in (0..ROWS).step_by(R) {
                let sums = self.sums(block, group, &x_wide);
                for p in 0..P {
                    let x_scales = [x.scales[first[2 * p] + b], x.scales[first[2 * p + 1] + b]];
                    let x_sums: &[[i16; 16]; 2] =
                        self.x_sums[2 * ((token / 2 + p) * blocks + b)..].first_chunk().expect("two tokens");
                    for (i, (&first, &second)) in sums[2 * p].iter().zip(&sums[2 * p + 1]).enumerate() {
                        let r = group + i;
                        let mut folded = v.fold_pairs(first, second);
                        if !matches!(F::ASIDE, Aside::Nothing) {
                            // SAFETY: both arrays hold 32 i16.
                            let aside = unsafe {
                                let x_sums = v.load_s(x_sums.as_ptr().cast());
                                v.dot2(v.splat_i32(0), v.load_s(block.aside[r].as_ptr()), x_sums)
                            };
                            if let Aside::Zero(_) = F::ASIDE {
                                folded = v.sub_i32(folded, aside);
                            } else {
                                for (half, sum) in v.sums_of_halves(aside).into_iter().enumerate() {
                                    let scale = -(block.d_min[r] * x_scales[half]);
                                    let beside = &mut beside[2 * p + half][r];
                                    *beside = v.fma1(scale, sum as f32, *beside);
                                }
                            }
                        }
                        let scale = v.mul(v.splat(block.d[r]), v.halves(x_scales[0], x_scales[1]));
                        lanes[p][r] = v.fma(scale, v.convert(folded), lanes[p][r]);
                    }
                }
            }
        }
        let mut out = [[0.0; ROWS]; T];
        for p in 0..P {
            for r in 0..ROWS {
                let sums = v.fold8(lanes[p][r]);
                for half in 0..2 {
                    let beside = beside[2 * p + half][r];
                    let mins = matches!(F::ASIDE, Aside::Mins(_));
                    out[2 * p + half][r] = if mins { sums[half] + beside } else { sums[half] };
                }
            }
        }
        out
    }
}

/// Rows of a format with eight lanes: for many tokens, `R` rows at a time × `P` pairs of tokens,
/// `T` being twice `P`.
#[inline(always)]
pub(super) fn rows<V: Vector, F: Lanes, const R: usize, const P: usize, const T: usize>(
    v: V,
    weights: &[u8],
    x: &Q8_K,
    out: &mut [f32],
) {
    if x.rows() < T {
        many::<V, F, R, 1, 2>(v, weights, x, out);
    } else {
        many::<V, F, R, P, T>(v, weights, x, out);
    }
}

#[inline(always)]
fn many<V: Vector, F: Lanes, const R: usize, const P: usize, const T: usize>(
    v: V,
    weights: &[u8],
    x: &Q8_K,
    out: &mut [f32],
) {
    let x_wide: Vec<i16> = x.quants.iter().map(|&x| i16::from(x)).collect();
    let blocks = vec![EMPTY; x.n / SUPER_BLOCK];
    let x_sums = interleave(x.sums.as_chunks().0, blocks.len(), 2, T);
    let mut many =
        ManyTokens::<V, F, R, P, T> { v, x, x_wide: &x_wide, x_sums: &x_sums, blocks, format: PhantomData };
    let extent = Extent::whole(F::FORMAT.row_bytes(x.n), x.rows());
    tile::multiply::<ROWS, T>(&mut many, weights, extent, out);
}

/// Rows of Q6_K, where one token reads weights where they lie.
#[inline(always)]
pub(super) fn rows_q6_k<V: Vector, const R: usize, const P: usize, const T: usize>(
    v: V,
    weights: &[u8],
    x: &Q8_K,
    out: &mut [f32],
) {
    if x.rows() < T {
        let extent = Extent::whole(Format::Q6_K.row_bytes(x.n), x.rows());
        tile::multiply::<4, 1>(&mut OneToken::<V, 4, 2> { v, x, rows: [&[]; 4] }, weights, extent, out);
    } else {
        many::<V, Q6K, R, P, T>(v, weights, x, out);
    }
}
