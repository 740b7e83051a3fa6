//! Rows of Q2_K and Q4_K: one accumulator, sixteen rows in the lanes.

use std::marker::PhantomData;

use super::super_blocks::{Unsigned, block, half_bits};
use super::tile::{self, Tile, fours, interleave};
use super::vector::Vector;
use crate::engine::quant::{Q8_K, SUPER_BLOCK};

/// The scales of a block of each of sixteen rows, as f16 bits.
#[derive(Clone, Copy, Default)]
struct Scales {
    d: [u16; 16],
    d_min: [u16; 16],
}

impl Scales {
    #[inline(always)]
    fn take<F: Unsigned>(&mut self, r: usize, row: &[u8], b: usize) {
        self.d[r] = half_bits(F::FORMAT, row, b, F::D).to_le();
        self.d_min[r] = half_bits(F::FORMAT, row, b, F::D_MIN).to_le();
    }

    /// Adds the sums of a block to the totals of scales and of mins.
    #[inline(always)]
    fn add<V: Vector>(&self, v: V, x_scale: f32, (sums, mins): (V::I, V::I), totals: &mut [V::F; 2]) {
        let x_scale = v.splat(x_scale);
        // SAFETY: the arrays hold sixteen f16.
        let (d, d_min) =
            unsafe { (v.load_f16(self.d.as_ptr().cast()), v.load_f16(self.d_min.as_ptr().cast())) };
        totals[0] = v.fma(v.mul(d, x_scale), v.convert(sums), totals[0]);
        totals[1] = v.fma(v.mul(d_min, x_scale), v.convert(mins), totals[1]);
    }
}

/// What a row has of a total: the scales' part less the mins' part.
#[inline(always)]
fn difference<V: Vector>(v: V, totals: [V::F; 2]) -> [f32; 16] {
    let (mut out, mins) = (v.store(totals[0]), v.store(totals[1]));
    for (out, min) in out.iter_mut().zip(mins) {
        *out -= min;
    }
    out
}

/// One block of sixteen rows on its way into lanes: the rows' own sums are not added up yet.
#[derive(Clone, Copy)]
struct Unfolded {
    /// By row.
    sums: [[i32; 16]; 16],
    /// Mins of row `i`, then of row `i + 8`.
    mins: [[i16; 32]; 8],
    scales: Scales,
}

/// How far ahead of the block in work memory is asked for, in bytes: rows lie one behind the other.
const AHEAD: usize = 8192;

/// One token.
struct OneToken<'a, V, F> {
    v: V,
    x: &'a Q8_K,
    rows: [&'a [u8]; 16],
    unfolded: Vec<Unfolded>,
    format: PhantomData<F>,
}

impl<V: Vector, F: Unsigned> OneToken<'_, V, F> {
    /// The products of one row with a token, block by block, into place `r`.
    #[inline(always)]
    fn row(&mut self, r: usize, token: usize) {
        let (v, row) = (self.v, self.rows[r]);
        let blocks = self.x.n / SUPER_BLOCK;
        for (b, out) in self.unfolded.iter_mut().enumerate() {
            let block = block(F::FORMAT, row, b);
            v.prefetch_lines(block.as_ptr().wrapping_add(AHEAD), block.len());
            let quants = &self.x.quants[(token * blocks + b) * SUPER_BLOCK..][..SUPER_BLOCK];
            let scales = F::scales(v, block);
            let mut sums = v.splat_i32(0);
            for quarter in 0..4 {
                // SAFETY: the slices are a block of weights and 256 activations long.
                unsafe {
                    let [low, high] = F::quants(v, block.as_ptr(), quarter);
                    let x = v.load_b(quants.as_ptr().add(64 * quarter).cast());
                    sums = v.dot4_scaled(sums, v.join(low, high), x, F::spread(v, &scales, quarter));
                }
            }
            // SAFETY: the array holds sixteen i32.
            unsafe { v.store_i32(sums, out.sums[r].as_mut_ptr()) };
            out.mins[r % 8][r / 8 * 16..][..16].copy_from_slice(&F::mins(block, &scales));
            out.scales.take::<F>(r, row, b);
        }
    }
}

impl<'a, V: Vector, F: Unsigned> Tile<'a, 16, 1> for OneToken<'a, V, F> {
    #[inline(always)]
    fn take(&mut self, _: usize, rows: [&'a [u8]; 16]) {
        self.rows = rows;
    }

    #[inline(always)]
    fn multiply(&mut self, _: usize, token: usize) -> [[f32; 16]; 1] {
        for r in 0..16 {
            self.row(r, token);
        }
        let (v, x) = (self.v, self.x);
        let mut totals = [v.splat(0.0); 2];
        for (b, unfolded) in self.unfolded.iter().enumerate() {
            let at = token * self.unfolded.len() + b;
            let x_sums = [F::sums(&x.sums[16 * at..][..16]); 2];
            let (mut sums, mut mins) = ([v.splat_i32(0); 8], [v.splat_i32(0); 8]);
            // SAFETY: the arrays hold sixteen i32 and 32 i16.
            unsafe {
                let x_sums = v.load_s(x_sums.as_ptr().cast());
                for i in 0..8 {
                    let (low, high) = (&unfolded.sums[i], &unfolded.sums[i + 8]);
                    sums[i] = v.fold_halves(v.load_i32(low.as_ptr()), v.load_i32(high.as_ptr()));
                    mins[i] = v.dot2(v.splat_i32(0), v.load_s(unfolded.mins[i].as_ptr()), x_sums);
                }
            }
            let folded = (v.sums8(&sums), v.sums8(&mins));
            unfolded.scales.add(v, x.scales[at], folded, &mut totals);
        }
        [difference(v, totals)]
    }
}

/// Groups of four elements in a block, and pairs of sums for mins.
const FOURS: usize = SUPER_BLOCK / 4;
const PAIRS: usize = 8;

/// A block of sixteen rows, lanes being rows.
#[derive(Clone, Copy)]
struct Block {
    /// By group of four elements.
    fours: [[i32; 16]; FOURS],
    /// By run, as many as there are.
    scales: [[i32; 16]; 16],
    /// By pair of sums that they meet: two i16.
    mins: [[i32; 16]; PAIRS],
    d: Scales,
}

const EMPTY: Block = Block {
    fours: [[0; 16]; FOURS],
    scales: [[0; 16]; 16],
    mins: [[0; 16]; PAIRS],
    d: Scales { d: [0; 16], d_min: [0; 16] },
};

/// `T` tokens.
struct ManyTokens<'a, V, F, const T: usize> {
    v: V,
    /// By tile of tokens, then by block, then by group of four elements.
    x_fours: &'a [i32],
    /// By tile of tokens, then by block, then by pair: two i16.
    x_sums: &'a [i32],
    x_scales: &'a [f32],
    blocks: Vec<Block>,
    format: PhantomData<F>,
}

/// Two i16 as they lie in memory.
#[inline(always)]
fn two(pair: [i16; 2]) -> i32 {
    let ([a, b], [c, d]) = (pair[0].to_ne_bytes(), pair[1].to_ne_bytes());
    i32::from_ne_bytes([a, b, c, d])
}

impl<'a, V: Vector, F: Unsigned, const T: usize> Tile<'a, 16, T> for ManyTokens<'a, V, F, T> {
    #[inline(always)]
    fn take(&mut self, _: usize, rows: [&'a [u8]; 16]) {
        let v = self.v;
        for (b, out) in self.blocks.iter_mut().enumerate() {
            for (quarter, groups) in out.fours.as_chunks_mut::<16>().0.iter_mut().enumerate() {
                let mut fours = [[0i32; 16]; 16];
                for (four, row) in fours.iter_mut().zip(rows) {
                    let block = block(F::FORMAT, row, b);
                    // SAFETY: the slice is a block long, and the array twice 32 bytes.
                    unsafe {
                        let [low, high] = F::quants(v, block.as_ptr(), quarter);
                        v.store_h(low, four.as_mut_ptr().cast());
                        v.store_h(high, four[8..].as_mut_ptr().cast());
                    }
                }
                v.transpose(&fours, groups);
            }
            for (r, row) in rows.iter().enumerate() {
                let block = block(F::FORMAT, row, b);
                let scales = F::scales(v, block);
                for (to, scale) in out.scales.iter_mut().zip(scales) {
                    to[r] = i32::from(scale);
                }
                for (to, &pair) in out.mins.iter_mut().zip(F::mins(block, &scales).as_chunks().0) {
                    to[r] = two(pair);
                }
                out.d.take::<F>(r, row, b);
            }
        }
    }

    #[inline(always)]
    fn multiply(&mut self, _: usize, token: usize) -> [[f32; 16]; T] {
        let (v, first) = (self.v, token / T * self.blocks.len());
        let mut totals = [[v.splat(0.0); 2]; T];
        for (b, block) in self.blocks.iter().enumerate() {
            let at = first + b;
            let x_fours: &[[i32; T]; FOURS] =
                self.x_fours[at * FOURS * T..].as_chunks().0.first_chunk().expect("a tile of tokens");
            let x_sums: &[[i32; T]; PAIRS] =
                self.x_sums[at * PAIRS * T..].as_chunks().0.first_chunk().expect("a tile of tokens");
            let x_scales: &[f32; T] = self.x_scales[at * T..].first_chunk().expect("a tile of tokens");
            let mut sums = [v.splat_i32(0); T];
            let groups = F::RUN / 4;
            let runs = block.fours.chunks_exact(groups).zip(x_fours.chunks_exact(groups));
            for (run, scale) in runs.zip(&block.scales) {
                let mut parts = [v.splat_i32(0); T];
                for (w, x_fours) in run.0.iter().zip(run.1) {
                    // SAFETY: sixteen groups of four are 64 bytes.
                    let w = unsafe { v.load_b(w.as_ptr().cast()) };
                    for (part, &x) in parts.iter_mut().zip(x_fours) {
                        *part = v.dot4_unsigned(*part, w, v.splat_b(x));
                    }
                }
                // SAFETY: the array holds sixteen i32.
                let scale = unsafe { v.load_i32(scale.as_ptr()) };
                for (sum, part) in sums.iter_mut().zip(parts) {
                    *sum = v.add_i32(*sum, v.mul_i32(part, scale));
                }
            }
            for t in 0..T {
                let mut mins = v.splat_i32(0);
                for (pair, x_sums) in block.mins.iter().zip(x_sums) {
                    // SAFETY: sixteen pairs are 32 i16.
                    mins = v.dot2(mins, unsafe { v.load_s(pair.as_ptr().cast()) }, v.splat_s(x_sums[t]));
                }
                block.d.add(v, x_scales[t], (sums[t], mins), &mut totals[t]);
            }
        }
        let mut out = [[0.0; 16]; T];
        for (out, totals) in out.iter_mut().zip(totals) {
            *out = difference(v, totals);
        }
        out
    }
}

/// Rows of Q2_K or Q4_K: sixteen rows × `T` tokens for many tokens.
#[inline(always)]
pub(super) fn rows<V: Vector, F: Unsigned, const T: usize>(v: V, weights: &[u8], x: &Q8_K, out: &mut [f32]) {
    let (blocks, tokens) = (x.n / SUPER_BLOCK, x.rows());
    let row_bytes = F::FORMAT.row_bytes(x.n);
    if tokens < T {
        let empty = Unfolded { sums: [[0; 16]; 16], mins: [[0; 32]; 8], scales: Scales::default() };
        let unfolded = vec![empty; blocks];
        let mut one = OneToken::<V, F> { v, x, rows: [&[]; 16], unfolded, format: PhantomData };
        return tile::multiply::<16, 1>(&mut one, weights, row_bytes, tokens, out);
    }
    let x_fours = interleave(&fours(&x.quants), blocks * FOURS, T, T);
    let sums: Vec<[i16; 16]> = x.sums.chunks_exact(16).map(F::sums).collect();
    let pairs: Vec<i32> = sums.as_flattened().as_chunks().0.iter().map(|&pair| two(pair)).collect();
    let x_sums = interleave(&pairs, blocks * PAIRS, T, T);
    let x_scales = interleave(&x.scales, blocks, T, T);
    let mut many = ManyTokens::<V, F, T> {
        v,
        x_fours: &x_fours,
        x_sums: &x_sums,
        x_scales: &x_scales,
        blocks: vec![EMPTY; blocks],
        format: PhantomData,
    };
    tile::multiply::<16, T>(&mut many, weights, row_bytes, tokens, out);
}
