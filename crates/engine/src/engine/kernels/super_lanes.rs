//! Rows of Q3_K, Q5_K, Q6_K and IQ4_XS: eight lanes, two rows (for one token) or two tokens (for
//! many) in the halves of a vector.

use std::marker::PhantomData;

use super::super_blocks::{Aside, Lanes, block, each, half_bits};
use super::tile::{self, Tile, interleave};
use super::vector::Vector;
use crate::engine::quant::{Q8_K, SUPER_BLOCK};

/// One token, `P` pairs of rows.
struct OneToken<'a, V, F, const R: usize, const P: usize> {
    v: V,
    x: &'a Q8_K,
    rows: [&'a [u8]; R],
    format: PhantomData<F>,
}

impl<'a, V: Vector, F: Lanes, const R: usize, const P: usize> OneToken<'a, V, F, R, P> {
    /// For block `b` of a row, the sums of groups of four times their scales; what meets summed
    /// activations goes to `aside`.
    #[inline(always)]
    fn sums(&self, row: &[u8], b: usize, x_quants: &[i8; SUPER_BLOCK], aside: &mut [i16]) -> V::I {
        let (v, block) = (self.v, block(F::FORMAT, row, b));
        let scales = F::scales(v, block);
        match F::ASIDE {
            Aside::Nothing => (),
            Aside::Zero(zero) => aside.copy_from_slice(&each(&scales, |scale| zero * scale)),
            Aside::Mins(_) => aside.copy_from_slice(&F::mins(v, block)),
        }
        let mut sums = v.splat_i32(0);
        for quarter in 0..4 {
            // SAFETY: the slice is a block long, and there are 256 activations.
            let (w, x) = unsafe {
                let [low, high] = F::quants(v, block.as_ptr(), quarter);
                (v.join(low, high), v.load_b(x_quants.as_ptr().add(64 * quarter).cast()))
            };
            let scales = v.spread(&scales, quarter);
            sums = if F::SIGNED {
                // A scale in the first place of each pair, as i32.
                let scales = v.dot2(v.splat_i32(0), scales, v.splat_s(1));
                v.add_i32(sums, v.mul_i32(v.dot4_signed(v.weights(w), v.activations(x)), scales))
            } else {
                v.dot4_scaled(sums, w, x, scales)
            };
        }
        sums
    }
}

impl<'a, V: Vector, F: Lanes, const R: usize, const P: usize> Tile<'a, R, 1> for OneToken<'a, V, F, R, P> {
    #[inline(always)]
    fn take(&mut self, _: usize, rows: [&'a [u8]; R]) {
        self.rows = rows;
    }

    #[inline(always)]
    fn multiply(&mut self, _: usize, token: usize) -> [[f32; R]; 1] {
        let (v, x) = (self.v, self.x);
        let blocks = x.n / SUPER_BLOCK;
        let mut lanes = [v.splat(0.0); P];
        let mut beside = [[0.0f32; 2]; P];
        for b in 0..blocks {
            tile::ask_ahead(v, &self.rows, b, F::FORMAT.block_bytes());
            let at = token * blocks + b;
            let x_quants: &[i8; SUPER_BLOCK] =
                x.quants[at * SUPER_BLOCK..].first_chunk().expect("whole blocks");
            let x_sums: &[i16; 16] = x.sums[16 * at..].first_chunk().expect("sixteen sums a block");
            let x_sums = [*x_sums; 2];
            for ((lanes, beside), &[first, second]) in
                lanes.iter_mut().zip(&mut beside).zip(self.rows.as_chunks::<2>().0)
            {
                let mut aside = [[0i16; 16]; 2];
                let [low, high] = &mut aside;
                let mut sums =
                    v.fold_halves(self.sums(first, b, x_quants, low), self.sums(second, b, x_quants, high));
                let aside = Beside { v, aside: aside.as_flattened(), x_sums: x_sums.as_flattened() };
                match F::ASIDE {
                    Aside::Nothing => (),
                    Aside::Zero(_) => sums = v.sub_i32(sums, aside.products()),
                    Aside::Mins(d_min) => {
                        let d_min = each(&[first, second], |row| v.half(half_bits(F::FORMAT, row, b, d_min)));
                        aside.add_mins(each(&d_min, |d_min| d_min * x.scales[at]), beside.each_mut());
                    }
                }
                let d = each(&[first, second], |row| v.half(half_bits(F::FORMAT, row, b, F::D)));
                let scale = v.mul(v.halves(d[0], d[1]), v.splat(x.scales[at]));
                *lanes = v.fma(scale, v.convert(sums), *lanes);
            }
        }
        let mut out = [[0.0; R]; 1];
        for (out, (lanes, beside)) in
            out[0].as_chunks_mut::<2>().0.iter_mut().zip(lanes.into_iter().zip(beside))
        {
            *out = v.fold8(lanes);
            add_beside::<F>(out, beside);
        }
        out
    }
}

/// What stands beside the weights of a block, in the halves of a vector, and the summed activations
/// that it meets: 32 of each.
struct Beside<'a, V> {
    v: V,
    aside: &'a [i16],
    x_sums: &'a [i16],
}

impl<V: Vector> Beside<'_, V> {
    /// Lane `j` of a half has what runs `2j` and `2j + 1` come to.
    #[inline(always)]
    fn products(&self) -> V::I {
        assert!(self.aside.len() >= 32 && self.x_sums.len() >= 32);
        // SAFETY: both slices hold 32 i16.
        let (aside, x_sums) =
            unsafe { (self.v.load_s(self.aside.as_ptr()), self.v.load_s(self.x_sums.as_ptr())) };
        self.v.dot2(self.v.splat_i32(0), aside, x_sums)
    }

    /// Takes the mins' part off the two sums, by the scale of each half.
    #[inline(always)]
    fn add_mins(&self, scales: [f32; 2], beside: [&mut f32; 2]) {
        let sums = self.v.sums_of_halves(self.products());
        for ((beside, scale), sum) in beside.into_iter().zip(scales).zip(sums) {
            *beside = self.v.fma1(-scale, sum as f32, *beside);
        }
    }
}

/// Adds the mins' part to two sums, where the format has mins.
#[inline(always)]
fn add_beside<F: Lanes>(sums: &mut [f32; 2], beside: [f32; 2]) {
    if let Aside::Mins(_) = F::ASIDE {
        for (sum, beside) in sums.iter_mut().zip(beside) {
            *sum += beside;
        }
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
    aside: [[[i16; 16]; 2]; ROWS],
    d: [f32; ROWS],
    d_min: [f32; ROWS],
}

const EMPTY: Block = Block {
    products: [[0; SUPER_BLOCK]; ROWS],
    aside: [[[0; 16]; 2]; ROWS],
    d: [0.0; ROWS],
    d_min: [0.0; ROWS],
};

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
    fn take(&mut self, _: usize, rows: [&'a [u8]; ROWS]) {
        let v = self.v;
        for (b, out) in self.blocks.iter_mut().enumerate() {
            for (r, row) in rows.iter().enumerate() {
                let block = block(F::FORMAT, row, b);
                let scales = F::scales(v, block);
                for (quarter, to) in out.products[r].as_chunks_mut::<64>().0.iter_mut().enumerate() {
                    // SAFETY: the slice is a block long.
                    let quants = unsafe { F::quants(v, block.as_ptr(), quarter) };
                    for (half, (to, quants)) in to.as_chunks_mut::<32>().0.iter_mut().zip(quants).enumerate()
                    {
                        let run = 4 * quarter + 2 * half;
                        let products = v.mul_i16(v.widen(quants), v.halves_s(scales[run], scales[run + 1]));
                        // SAFETY: the chunk holds 32 i16.
                        unsafe { v.store_s(products, to.as_mut_ptr()) };
                    }
                }
                out.d[r] = v.half(half_bits(F::FORMAT, row, b, F::D));
                let aside = match F::ASIDE {
                    Aside::Nothing => [0; 16],
                    Aside::Zero(zero) => each(&scales, |scale| zero * scale),
                    Aside::Mins(at) => {
                        out.d_min[r] = v.half(half_bits(F::FORMAT, row, b, at));
                        F::mins(v, block)
                    }
                };
                out.aside[r] = [aside; 2];
            }
        }
    }

    #[inline(always)]
    fn multiply(&mut self, _: usize, token: usize) -> [[f32; ROWS]; T] {
        let (v, x) = (self.v, self.x);
        let blocks = self.blocks.len();
        let mut first = [0; T];
        for (i, first) in first.iter_mut().enumerate() {
            *first = (token + i).min(x.rows() - 1) * blocks;
        }
        let mut lanes = [[v.splat(0.0); ROWS]; P];
        let mut beside = [[[0.0f32; 2]; ROWS]; P];
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
                        let aside =
                            Beside { v, aside: block.aside[r].as_flattened(), x_sums: x_sums.as_flattened() };
                        match F::ASIDE {
                            Aside::Nothing => (),
                            Aside::Zero(_) => folded = v.sub_i32(folded, aside.products()),
                            Aside::Mins(_) => aside.add_mins(
                                each(&x_scales, |x_scale| block.d_min[r] * x_scale),
                                beside[p][r].each_mut(),
                            ),
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
                let mut sums = v.fold8(lanes[p][r]);
                add_beside::<F>(&mut sums, beside[p][r]);
                [out[2 * p][r], out[2 * p + 1][r]] = sums;
            }
        }
        out
    }
}

/// Rows of a format with eight lanes. One token reads weights where they lie; many take them unpacked,
/// `R` rows at a time × `P` pairs of tokens, `T` being twice `P`.
#[inline(always)]
pub(super) fn rows<V: Vector, F: Lanes, const R: usize, const P: usize, const T: usize>(
    v: V,
    weights: &[u8],
    x: &Q8_K,
    out: &mut [f32],
) {
    let (row_bytes, tokens) = (F::FORMAT.row_bytes(x.n), x.rows());
    if x.rows() < T {
        let mut one = OneToken::<V, F, 4, 2> { v, x, rows: [&[]; 4], format: PhantomData };
        return tile::multiply::<4, 1>(&mut one, weights, row_bytes, tokens, out);
    }
    let x_wide: Vec<i16> = x.quants.iter().map(|&x| i16::from(x)).collect();
    let blocks = vec![EMPTY; x.n / SUPER_BLOCK];
    let x_sums = interleave(x.sums.as_chunks().0, blocks.len(), 2, T);
    let mut many =
        ManyTokens::<V, F, R, P, T> { v, x, x_wide: &x_wide, x_sums: &x_sums, blocks, format: PhantomData };
    tile::multiply::<ROWS, T>(&mut many, weights, row_bytes, tokens, out);
}
