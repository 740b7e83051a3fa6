//! Rows of blocks of 32: Q8_0, Q4_0, Q4_1, Q5_0, Q5_1 and IQ4_NL.
//!
//! Formats with eight lanes put two rows (for one token) or two tokens (for many) into the halves
//! of a vector. Formats with one accumulator put sixteen rows into its lanes.

use std::marker::PhantomData;

use super::tile::{self, Tile, fours, interleave};
use super::vector::Vector;
use crate::engine::quant::{Format, IQ4_VALUES, Q8_0, Q8_1, SMALL_BLOCK};

/// A format of blocks of 32 that begin with their scale.
pub(super) trait Small {
    const FORMAT: Format;
    /// Whether a min follows the scale.
    const MIN: bool = false;
    /// The integers of a block.
    ///
    /// # Safety
    /// `block` is readable for a block of the format.
    unsafe fn quants<V: Vector>(v: V, block: *const u8) -> V::H;
}

/// Defines the formats.
macro_rules! formats {
    ($($name:ident $format:ident $(min $min:literal)?: |$v:ident, $block:ident| $body:expr;)*) => {
        $(
            pub(super) struct $name;

            impl Small for $name {
                const FORMAT: Format = Format::$format;
                $(const MIN: bool = $min;)?
                #[inline(always)]
                unsafe fn quants<V: Vector>($v: V, $block: *const u8) -> V::H {
                    // SAFETY: what is read lies inside the block, which the caller vouches for.
                    unsafe { $body }
                }
            }
        )*
    };
}

formats! {
    Q80 Q8_0: |v, block| v.load_h(block.add(2));
    Q40 Q4_0: |v, block| v.sub_h(v.nibbles(block.add(2)), v.splat_h(8));
    Q41 Q4_1 min true: |v, block| v.nibbles(block.add(4));
    Q50 Q5_0: |v, block| {
        let fifth = v.where_set(block.add(2).cast::<u32>().read_unaligned().to_le(), 16);
        v.sub_h(v.or(v.nibbles(block.add(6)), fifth), v.splat_h(16))
    };
    Q51 Q5_1 min true: |v, block| {
        v.or(v.nibbles(block.add(8)), v.where_set(block.add(4).cast::<u32>().read_unaligned().to_le(), 16))
    };
    Iq4Nl IQ4_NL: |v, block| v.look_up(v.nibbles(block.add(2)), &IQ4_VALUES);
}

/// The bits of the f16 at a byte offset of block `b`.
#[inline(always)]
fn half_bits<F: Small>(row: &[u8], b: usize, at: usize) -> u16 {
    let at = b * F::FORMAT.block_bytes() + at;
    u16::from_le_bytes([row[at], row[at + 1]])
}

/// The f16 at a byte offset of block `b` of each of two rows.
#[inline(always)]
fn half_pair<V: Vector, F: Small>(v: V, rows: [&[u8]; 2], b: usize, at: usize) -> V::F {
    v.halves(v.half(half_bits::<F>(rows[0], b, at)), v.half(half_bits::<F>(rows[1], b, at)))
}

/// The integers of block `b`.
#[inline(always)]
fn quants<V: Vector, F: Small>(v: V, row: &[u8], b: usize) -> V::H {
    let bytes = F::FORMAT.block_bytes();
    let block = &row[b * bytes..][..bytes];
    // SAFETY: the slice is a block long.
    unsafe { F::quants(v, block.as_ptr()) }
}

/// Activations as blocks, with what a min meets where there is one.
#[derive(Clone, Copy)]
pub(super) struct Blocks<'a> {
    x: &'a Q8_0,
    sums: &'a [f32],
}

impl<'a> From<&'a Q8_0> for Blocks<'a> {
    fn from(x: &'a Q8_0) -> Self {
        Self { x, sums: &[] }
    }
}

impl<'a> From<&'a Q8_1> for Blocks<'a> {
    fn from(x: &'a Q8_1) -> Self {
        Self { x: &x.blocks, sums: &x.sums }
    }
}

/// Eight lanes, one token, `P` pairs of rows.
struct RowPairs<'a, V, F, const R: usize, const P: usize> {
    v: V,
    x: Blocks<'a>,
    rows: [&'a [u8]; R],
    format: PhantomData<F>,
}

impl<'a, V: Vector, F: Small, const R: usize, const P: usize> Tile<'a, R, 1> for RowPairs<'a, V, F, R, P> {
    #[inline(always)]
    fn take(&mut self, _: usize, rows: [&'a [u8]; R]) {
        self.rows = rows;
    }

    #[inline(always)]
    fn multiply(&mut self, _: usize, token: usize) -> [[f32; R]; 1] {
        let (v, x) = (self.v, self.x.x);
        let blocks = x.n / SMALL_BLOCK;
        let (mut lanes, mut beside) = ([v.splat(0.0); P], [v.splat(0.0); P]);
        for b in 0..blocks {
            tile::ask_ahead(v, &self.rows, b, F::FORMAT.block_bytes());
            let at = token * blocks + b;
            let x_quants = &x.quants[at * SMALL_BLOCK..][..SMALL_BLOCK];
            // SAFETY: the slice is 32 bytes long.
            let x_quants = unsafe { v.load_h(x_quants.as_ptr().cast()) };
            let (x_quants, x_scale) = (v.activations(v.join(x_quants, x_quants)), v.splat(x.scales[at]));
            for p in 0..P {
                let (first, second) = (self.rows[2 * p], self.rows[2 * p + 1]);
                let w = v.join(quants::<V, F>(v, first, b), quants::<V, F>(v, second, b));
                let sums = v.dot4_signed(v.weights(w), x_quants);
                let scale = v.mul(half_pair::<V, F>(v, [first, second], b, 0), x_scale);
                lanes[p] = v.fma(scale, v.convert(sums), lanes[p]);
                if F::MIN {
                    let mins = half_pair::<V, F>(v, [first, second], b, 2);
                    beside[p] = v.fma(mins, v.splat(self.x.sums[at]), beside[p]);
                }
            }
        }
        let mut out = [[0.0; R]; 1];
        for p in 0..P {
            let (sums, beside) = (v.fold8(lanes[p]), v.store(beside[p]));
            for half in 0..2 {
                out[0][2 * p + half] = if F::MIN { sums[half] + beside[8 * half] } else { sums[half] };
            }
        }
        out
    }
}

/// Eight lanes, `R` rows, `P` pairs of tokens.
struct TokenPairs<'a, V: Vector, F, const R: usize, const P: usize, const T: usize> {
    v: V,
    blocks: usize,
    /// By pair, then by block.
    x_quants: &'a [[i8; SMALL_BLOCK]],
    x_scales: &'a [f32],
    x_sums: &'a [f32],
    groups: usize,
    /// By group of rows, then by block, then by row.
    quants: Vec<[u8; SMALL_BLOCK]>,
    scales: Vec<V::Factor>,
    mins: Vec<f32>,
    format: PhantomData<F>,
}

impl<'a, V: Vector, F: Small, const R: usize, const P: usize, const T: usize> Tile<'a, R, T>
    for TokenPairs<'a, V, F, R, P, T>
{
    #[inline(always)]
    fn block(&self) -> (usize, usize) {
        (self.groups, tile::near(self.blocks * (SMALL_BLOCK + 4)))
    }

    #[inline(always)]
    fn take(&mut self, group: usize, rows: [&'a [u8]; R]) {
        let v = self.v;
        for b in 0..self.blocks {
            for (r, row) in rows.iter().enumerate() {
                let at = (group * self.blocks + b) * R + r;
                // SAFETY: a block of integers is 32 bytes.
                unsafe { v.store_h(quants::<V, F>(v, row, b), self.quants[at].as_mut_ptr()) };
                self.scales[at] = v.factor(v.half(half_bits::<F>(row, b, 0)));
                if F::MIN {
                    self.mins[at] = v.half(half_bits::<F>(row, b, 2));
                }
            }
        }
    }

    #[inline(always)]
    fn multiply(&mut self, group: usize, token: usize) -> [[f32; R]; T] {
        let (v, pair) = (self.v, token / 2);
        let mut lanes = [[v.splat(0.0); R]; P];
        let mut beside = [[v.splat(0.0); R]; P];
        for b in 0..self.blocks {
            let at = (group * self.blocks + b) * R;
            let quants: &[[u8; SMALL_BLOCK]; R] = self.quants[at..].first_chunk().expect("R rows a block");
            let scales: &[V::Factor; R] = self.scales[at..].first_chunk().expect("R rows a block");
            let mins: &[f32] = if F::MIN { &self.mins[at..][..R] } else { &[] };
            let mut w = [v.weights(v.splat_b(0)); R];
            for (w, quants) in w.iter_mut().zip(quants) {
                // SAFETY: a block of integers is 32 bytes.
                let quants = unsafe { v.load_h(quants.as_ptr()) };
                *w = v.weights(v.join(quants, quants));
            }
            for p in 0..P {
                let at = 2 * ((pair + p) * self.blocks + b);
                let x_quants: &[[i8; SMALL_BLOCK]; 2] =
                    self.x_quants[at..].first_chunk().expect("two tokens");
                // SAFETY: two blocks of integers are 64 bytes.
                let x = v.activations(unsafe { v.load_b(x_quants.as_ptr().cast()) });
                let x_scales = v.halves(self.x_scales[at], self.x_scales[at + 1]);
                for r in 0..R {
                    let scale = v.mul_factor(x_scales, &scales[r]);
                    lanes[p][r] = v.fma(scale, v.convert(v.dot4_signed(w[r], x)), lanes[p][r]);
                }
                if F::MIN {
                    let x_sums = v.halves(self.x_sums[at], self.x_sums[at + 1]);
                    for (beside, min) in beside[p].iter_mut().zip(mins) {
                        *beside = v.fma(v.splat(*min), x_sums, *beside);
                    }
                }
            }
        }
        let mut out = [[0.0; R]; T];
        for p in 0..P {
            for r in 0..R {
                let (sums, beside) = (v.fold8(lanes[p][r]), v.store(beside[p][r]));
                for half in 0..2 {
                    out[2 * p + half][r] = if F::MIN { sums[half] + beside[8 * half] } else { sums[half] };
                }
            }
        }
        out
    }
}

/// Rows of a format with eight lanes: `R` rows × `P` pairs of tokens, `T` being twice `P`, for many
/// tokens.
#[inline(always)]
pub(super) fn lane_rows<'a, V: Vector, F: Small, const R: usize, const P: usize, const T: usize>(
    v: V,
    weights: &'a [u8],
    x: impl Into<Blocks<'a>>,
    out: &mut [f32],
) {
    let input: Blocks<'a> = x.into();
    let x = input.x;
    let (blocks, tokens, row_bytes) = (x.n / SMALL_BLOCK, x.rows(), F::FORMAT.row_bytes(x.n));
    if tokens < T {
        let mut one = RowPairs::<V, F, 4, 2> { v, x: input, rows: [&[]; 4], format: PhantomData };
        return tile::multiply::<4, 1>(&mut one, weights, row_bytes, tokens, out);
    }
    let x_quants = interleave(x.quants.as_chunks().0, blocks, 2, T);
    let x_scales = interleave(&x.scales, blocks, 2, T);
    let x_sums = if F::MIN { interleave(input.sums, blocks, 2, T) } else { Vec::new() };
    let rows = weights.len() / row_bytes;
    let groups = tile::near(blocks * R * (SMALL_BLOCK + size_of::<V::Factor>())).min(rows.div_ceil(R)).max(1);
    let mut many = TokenPairs::<V, F, R, P, T> {
        v,
        blocks,
        x_quants: &x_quants,
        x_scales: &x_scales,
        x_sums: &x_sums,
        groups,
        quants: vec![[0; SMALL_BLOCK]; groups * blocks * R],
        scales: vec![v.factor(0.0); groups * blocks * R],
        mins: vec![0.0; if F::MIN { groups * blocks * R } else { 0 }],
        format: PhantomData,
    };
    tile::multiply::<R, T>(&mut many, weights, row_bytes, tokens, out);
}

/// One accumulator, one token, sixteen rows.
struct SixteenRows<'a, V, F> {
    v: V,
    x: &'a Q8_0,
    rows: [&'a [u8]; 16],
    format: PhantomData<F>,
}

impl<'a, V: Vector, F: Small> Tile<'a, 16, 1> for SixteenRows<'a, V, F> {
    #[inline(always)]
    fn take(&mut self, _: usize, rows: [&'a [u8]; 16]) {
        self.rows = rows;
    }

    #[inline(always)]
    fn multiply(&mut self, _: usize, token: usize) -> [[f32; 16]; 1] {
        let (v, x) = (self.v, self.x);
        let blocks = x.n / SMALL_BLOCK;
        let mut total = v.splat(0.0);
        for b in 0..blocks {
            tile::ask_ahead(v, &self.rows, b, F::FORMAT.block_bytes());
            let at = token * blocks + b;
            let x_quants = &x.quants[at * SMALL_BLOCK..][..SMALL_BLOCK];
            // SAFETY: the slice is 32 bytes long.
            let x_quants = unsafe { v.load_h(x_quants.as_ptr().cast()) };
            let x_quants = v.activations(v.join(x_quants, x_quants));
            let (mut sums, mut scales) = ([v.splat_i32(0); 8], [0u16; 16]);
            for (i, sums) in sums.iter_mut().enumerate() {
                let (low, high) = (self.rows[i], self.rows[i + 8]);
                let w = v.join(quants::<V, F>(v, low, b), quants::<V, F>(v, high, b));
                *sums = v.dot4_signed(v.weights(w), x_quants);
                (scales[i], scales[i + 8]) =
                    (half_bits::<F>(low, b, 0).to_le(), half_bits::<F>(high, b, 0).to_le());
            }
            // SAFETY: the array holds sixteen f16.
            let scales = unsafe { v.load_f16(scales.as_ptr().cast()) };
            total = v.fma(v.mul(scales, v.splat(x.scales[at])), v.convert(v.sums8(&sums)), total);
        }
        [v.store(total)]
    }
}

/// One accumulator, sixteen rows, `T` tokens.
struct RowsInLanes<'a, V, F, const T: usize> {
    v: V,
    blocks: usize,
    /// By tile of tokens, then by block, then by group of four elements.
    x_fours: &'a [i32],
    x_scales: &'a [f32],
    x_sums: &'a [i32],
    /// By block, then by group of four elements.
    fours: Vec<[i32; 16]>,
    scales: Vec<[u16; 16]>,
    format: PhantomData<F>,
}

/// Groups of four elements in a block.
const FOURS: usize = SMALL_BLOCK / 4;

impl<'a, V: Vector, F: Small, const T: usize> Tile<'a, 16, T> for RowsInLanes<'a, V, F, T> {
    #[inline(always)]
    fn take(&mut self, _: usize, rows: [&'a [u8]; 16]) {
        let v = self.v;
        for (r, row) in rows.iter().enumerate() {
            for b in 0..self.blocks {
                let mut bytes = [0i8; SMALL_BLOCK];
                // SAFETY: the array is 32 bytes long.
                unsafe { v.store_h(quants::<V, F>(v, row, b), bytes.as_mut_ptr().cast()) };
                let groups = &mut self.fours[b * FOURS..][..FOURS];
                for (group, four) in groups.iter_mut().zip(bytes.as_chunks::<4>().0) {
                    group[r] = i32::from_ne_bytes(four.map(|x| x as u8));
                }
                self.scales[b][r] = half_bits::<F>(row, b, 0).to_le();
            }
        }
    }

    #[inline(always)]
    fn multiply(&mut self, _: usize, token: usize) -> [[f32; 16]; T] {
        let (v, first) = (self.v, token / T * self.blocks);
        let mut totals = [v.splat(0.0); T];
        for b in 0..self.blocks {
            let at = first + b;
            let x_scales: &[f32; T] = self.x_scales[at * T..].first_chunk().expect("a tile of tokens");
            let x_sums: &[i32; T] = self.x_sums[at * T..].first_chunk().expect("a tile of tokens");
            let mut sums = [v.splat_i32(0); T];
            for (sums, x_sum) in sums.iter_mut().zip(x_sums) {
                *sums = v.splat_i32(-V::BIAS * x_sum);
            }
            for g in 0..FOURS {
                let x_fours: &[i32; T] =
                    self.x_fours[(at * FOURS + g) * T..].first_chunk().expect("a tile of tokens");
                // SAFETY: sixteen groups of four are 64 bytes.
                let w = v.weights(unsafe { v.load_b(self.fours[b * FOURS + g].as_ptr().cast()) });
                for (sums, x) in sums.iter_mut().zip(x_fours) {
                    *sums = v.dot4_biased(*sums, w, v.splat_b(*x));
                }
            }
            // SAFETY: the array holds sixteen f16.
            let scales = unsafe { v.load_f16(self.scales[b].as_ptr().cast()) };
            for t in 0..T {
                totals[t] = v.fma(v.mul(scales, v.splat(x_scales[t])), v.convert(sums[t]), totals[t]);
            }
        }
        let mut out = [[0.0; 16]; T];
        for (out, total) in out.iter_mut().zip(totals) {
            *out = v.store(total);
        }
        out
    }
}

/// Rows of a format with one accumulator: sixteen rows × `T` tokens for many tokens.
#[inline(always)]
pub(super) fn single_rows<V: Vector, F: Small, const T: usize>(
    v: V,
    weights: &[u8],
    x: &Q8_0,
    out: &mut [f32],
) {
    let (blocks, tokens, row_bytes) = (x.n / SMALL_BLOCK, x.rows(), F::FORMAT.row_bytes(x.n));
    if tokens < T {
        let mut one = SixteenRows::<V, F> { v, x, rows: [&[]; 16], format: PhantomData };
        return tile::multiply::<16, 1>(&mut one, weights, row_bytes, tokens, out);
    }
    let x_fours = interleave(&fours(&x.quants), blocks * FOURS, T, T);
    let x_scales = interleave(&x.scales, blocks, T, T);
    let x_sums = interleave(&x.sums, blocks, T, T);
    let mut many = RowsInLanes::<V, F, T> {
        v,
        blocks,
        x_fours: &x_fours,
        x_scales: &x_scales,
        x_sums: &x_sums,
        fours: vec![[0; 16]; blocks * FOURS],
        scales: vec![[0; 16]; blocks],
        format: PhantomData,
    };
    tile::multiply::<16, T>(&mut many, weights, row_bytes, tokens, out);
}
