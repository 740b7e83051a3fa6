//! Rows of F32, F16 and BF16 weights.

use std::borrow::Cow;
use std::ops::Range;

use half::f16;
use half::slice::{HalfBitsSliceExt, HalfFloatSliceExt};

use super::tile::{self, Tile};
use super::vector::Vector;
use crate::engine::quant::{Float, Halves};

/// A type of weights that are used one by one.
pub(super) trait Element {
    const BYTES: usize;
    /// The activations that it meets.
    type Activations;
    /// One of them.
    type X;
    /// The length of a row of activations, and all of them.
    fn activations(x: &Self::Activations) -> (usize, &[Self::X]);
    /// Activations as f32, exactly.
    fn widen(x: &[Self::X]) -> Cow<'_, [f32]>;
    /// # Safety
    /// `from` is readable for sixteen activations.
    unsafe fn load_x<V: Vector>(v: V, from: *const Self::X) -> V::F;
    /// # Safety
    /// `from` is readable for sixteen elements.
    unsafe fn load<V: Vector>(v: V, from: *const u8) -> V::F;
    /// # Safety
    /// `from` is readable for the elements of a part.
    unsafe fn load_part<V: Vector>(v: V, from: *const u8) -> V::P;
}

pub(super) struct F32;
pub(super) struct F16;

impl Element for F32 {
    const BYTES: usize = 4;
    type Activations = Float;
    type X = f32;
    fn activations(x: &Float) -> (usize, &[f32]) {
        (x.n, &x.values)
    }
    fn widen(x: &[f32]) -> Cow<'_, [f32]> {
        Cow::Borrowed(x)
    }
    #[inline(always)]
    unsafe fn load_x<V: Vector>(v: V, from: *const f32) -> V::F {
        // SAFETY: as the caller vouches.
        unsafe { v.load(from) }
    }
    #[inline(always)]
    unsafe fn load<V: Vector>(v: V, from: *const u8) -> V::F {
        // SAFETY: as the caller vouches.
        unsafe { v.load(from.cast()) }
    }
    #[inline(always)]
    unsafe fn load_part<V: Vector>(v: V, from: *const u8) -> V::P {
        // SAFETY: as the caller vouches.
        unsafe { v.load_part(from.cast()) }
    }
}

impl Element for F16 {
    const BYTES: usize = 2;
    type Activations = Halves;
    /// For one token, whose activations share the first-level cache with weights that were asked for ahead.
    type X = u16;
    fn activations(x: &Halves) -> (usize, &[u16]) {
        (x.n, &x.bits)
    }
    fn widen(x: &[u16]) -> Cow<'_, [f32]> {
        Cow::Owned(x.reinterpret_cast::<f16>().to_f32_vec())
    }
    #[inline(always)]
    unsafe fn load_x<V: Vector>(v: V, from: *const u16) -> V::F {
        // SAFETY: as the caller vouches.
        unsafe { v.load_f16(from.cast()) }
    }
    #[inline(always)]
    unsafe fn load<V: Vector>(v: V, from: *const u8) -> V::F {
        // SAFETY: as the caller vouches.
        unsafe { v.load_f16(from) }
    }
    #[inline(always)]
    unsafe fn load_part<V: Vector>(v: V, from: *const u8) -> V::P {
        // SAFETY: as the caller vouches.
        unsafe { v.load_f16_part(from) }
    }
}

/// The lanes of `R` rows × `T` tokens.
type Sums<const R: usize, const T: usize> = [[[f32; 16]; R]; T];

/// Some rows for one token.
struct FloatTile<'a, V, E: Element, const R: usize> {
    v: V,
    n: usize,
    x: &'a [E::X],
    rows: [&'a [u8]; R],
}

impl<'a, V: Vector, E: Element, const R: usize> Tile<'a, R, 1> for FloatTile<'a, V, E, R> {
    #[inline(always)]
    fn take(&mut self, _: usize, rows: [&'a [u8]; R]) {
        self.rows = rows;
    }

    #[inline(always)]
    fn multiply(&mut self, _: usize, token: usize) -> [[f32; R]; 1] {
        let (v, n) = (self.v, self.n);
        let x = &self.x[token * n..][..n];
        for row in self.rows {
            assert_eq!(row.len(), n * E::BYTES);
        }
        let mut lanes = [v.splat(0.0); R];
        for at in (0..n / 16 * 16).step_by(16) {
            tile::ask_ahead(v, &self.rows, at / 16, 16 * E::BYTES);
            // SAFETY: elements at..at + 16 lie inside the row of n.
            let x = unsafe { E::load_x(v, x.as_ptr().add(at)) };
            for (lanes, row) in lanes.iter_mut().zip(&self.rows) {
                // SAFETY: as above; the length of the row was checked.
                *lanes = v.fma(unsafe { E::load(v, row.as_ptr().add(at * E::BYTES)) }, x, *lanes);
            }
        }
        let mut sums = [[[0.0; 16]; R]; 1];
        for (sum, lanes) in sums[0].iter_mut().zip(lanes) {
            *sum = v.store(lanes);
        }
        let whole = n / 16 * 16;
        add_rest::<V, E, R, 1>(v, self.rows, whole, [&E::widen(&x[whole..])], &mut sums);
        fold(v, &sums)
    }
}

/// Adds the products of the elements behind the last whole sixteen: those of the rows from `whole` on, and
/// the given ones of the tokens.
#[inline(always)]
fn add_rest<V: Vector, E: Element, const R: usize, const T: usize>(
    v: V,
    rows: [&[u8]; R],
    whole: usize,
    x: [&[f32]; T],
    sums: &mut Sums<R, T>,
) {
    let left = x[0].len();
    if left == 0 {
        return;
    }
    for (sums, x) in sums.iter_mut().zip(x) {
        let mut x_rest = [0.0f32; 16];
        x_rest[..left].copy_from_slice(x);
        for (sum, row) in sums.iter_mut().zip(rows) {
            let mut rest = [0u8; 64];
            rest[..left * E::BYTES].copy_from_slice(&row[whole * E::BYTES..]);
            // SAFETY: the buffers hold sixteen elements.
            let (w, x, before) =
                unsafe { (E::load(v, rest.as_ptr()), v.load(x_rest.as_ptr()), v.load(sum.as_ptr())) };
            *sum = v.store(v.fma(w, x, before));
        }
    }
}

/// How many elements of a row are multiplied before other rows come. Where registers are few, so are the
/// rows that meet in them: of a tile of tokens so many elements stay in the first-level cache. Processors
/// with AVX-512 have larger caches, and long runs are read ahead best.
const fn piece<V: Vector>() -> usize {
    if V::PARTS == 1 { 1 << 20 } else { 1024 }
}

/// Bytes of the rows of a block, of which each tile of a block of tokens meets all: a part of the
/// second-level cache.
const fn row_block_bytes<V: Vector>() -> usize {
    if V::PARTS == 1 { 3 << 17 } else { 3 << 15 }
}

const TOKEN_BLOCK: usize = 32;

/// Adds the products of `R` rows with `T` tokens, elements `range` of each, to the sums, which start with
/// the first element; one part of the lanes after the other, so that what they add up to has room in
/// registers.
///
/// # Safety
/// Rows and tokens are readable for elements `range`, which are whole sixteens.
#[inline(always)]
unsafe fn add_piece<V: Vector, E: Element, const R: usize, const T: usize>(
    v: V,
    rows: &[&[u8]; R],
    x: &[&[f32]; T],
    range: Range<usize>,
    sums: &mut Sums<R, T>,
) {
    for part in (0..16).step_by(16 / V::PARTS) {
        let mut lanes = [[v.splat_part(0.0); R]; T];
        let before = if range.start == 0 { &[][..] } else { &sums[..] };
        for (lanes, sums) in lanes.iter_mut().zip(before) {
            for (lanes, sum) in lanes.iter_mut().zip(sums) {
                // SAFETY: a part of the sixteen.
                *lanes = unsafe { v.load_part(sum.as_ptr().add(part)) };
            }
        }
        for at in range.clone().step_by(16) {
            let at = at + part;
            let mut w = [v.splat_part(0.0); R];
            for (w, row) in w.iter_mut().zip(rows) {
                // SAFETY: as the caller vouches.
                *w = unsafe { E::load_part(v, row.as_ptr().add(at * E::BYTES)) };
            }
            for (lanes, x) in lanes.iter_mut().zip(x) {
                // SAFETY: as the caller vouches.
                let x = unsafe { v.load_part(x.as_ptr().add(at)) };
                for (lanes, w) in lanes.iter_mut().zip(w) {
                    *lanes = v.fma_part(w, x, *lanes);
                }
            }
        }
        for (lanes, sums) in lanes.into_iter().zip(sums.iter_mut()) {
            for (lanes, sum) in lanes.into_iter().zip(sums) {
                // SAFETY: a part of the sixteen.
                unsafe { v.store_part(lanes, sum.as_mut_ptr().add(part)) };
            }
        }
    }
}

/// Folds the lanes of each sum.
#[inline(always)]
fn fold<V: Vector, const R: usize, const T: usize>(v: V, sums: &Sums<R, T>) -> [[f32; R]; T] {
    let mut out = [[0.0; R]; T];
    for (out, sums) in out.iter_mut().zip(sums) {
        for (out, sum) in out.iter_mut().zip(sums) {
            // SAFETY: the array holds sixteen f32.
            *out = v.fold16(unsafe { v.load(sum.as_ptr()) });
        }
    }
    out
}

/// All rows with many tokens: block by block of rows and of tokens, piece by piece.
#[inline(always)]
fn many<V: Vector, E: Element, const R: usize, const T: usize>(
    v: V,
    weights: &[u8],
    (n, x): (usize, &[f32]),
    out: &mut [f32],
) {
    let (tokens, row_bytes) = (x.len() / n, n * E::BYTES);
    let (rows, whole, step) = (weights.len() / row_bytes, n / 16 * 16, piece::<V>().min(n));
    let row_block = (row_block_bytes::<V>() / (step * E::BYTES)).clamp(R, rows.max(R)).next_multiple_of(R);
    let token_block = TOKEN_BLOCK.next_multiple_of(T);
    let mut sums = vec![[[[0.0; 16]; R]; T]; row_block / R * (token_block / T)];
    for first_row in (0..rows).step_by(row_block) {
        let end_row = rows.min(first_row + row_block);
        for first_token in (0..tokens).step_by(token_block) {
            let end_token = tokens.min(first_token + token_block);
            let tiles = (first_token..end_token)
                .step_by(T)
                .flat_map(|token| (first_row..end_row).step_by(R).map(move |row| (token, row)));
            // A row without a whole sixteen has one piece too, an empty one.
            for start in (0..whole.max(1)).step_by(step) {
                let piece = start..whole.min(start + step);
                for ((token, row), sums) in tiles.clone().zip(&mut sums) {
                    let group = tile::rows_from(weights, row_bytes, row);
                    let x = tile::rows_from(x, n, token);
                    // SAFETY: rows and tokens have n elements each.
                    unsafe { add_piece::<V, E, R, T>(v, &group, &x, piece.clone(), sums) };
                    if piece.end == whole {
                        add_rest::<V, E, R, T>(v, group, whole, x.map(|x| &x[whole..]), sums);
                        tile::put(fold(v, sums), row..end_row, token..end_token, rows, out);
                    }
                }
            }
        }
    }
}

/// Rows of floats: `R` × `T` for many tokens, two rows for one.
#[inline(always)]
pub(super) fn rows<V: Vector, E: Element, const R: usize, const T: usize>(
    v: V,
    weights: &[u8],
    x: &E::Activations,
    out: &mut [f32],
) {
    let (n, x) = E::activations(x);
    if x.len() / n < T {
        let mut one = FloatTile::<V, E, 2> { v, n, x, rows: [&[]; 2] };
        tile::multiply::<2, 1>(&mut one, weights, n * E::BYTES, x.len() / n, out);
    } else {
        many::<V, E, R, T>(v, weights, (n, &E::widen(x)), out);
    }
}

/// Groups of rows.
struct Bf16Tile<'a, V, const R: usize> {
    v: V,
    x: &'a Halves,
    groups: Vec<[&'a [u8]; R]>,
}

/// Adds the products of 64 elements to the two sets of lanes of each pair of rows.
///
/// # Safety
/// Each of `rows` and `x` is readable for 64 elements.
#[inline(always)]
unsafe fn add_64<V: Vector, const R: usize, const T: usize>(
    v: V,
    rows: [*const u8; R],
    x: [*const u8; T],
    sets: &mut [[[V::F; 2]; R]; T],
) {
    for half in 0..2 {
        let mut w = [[v.splat(0.0); 2]; R];
        for (w, row) in w.iter_mut().zip(rows) {
            // SAFETY: 64 bytes for each half of 64 elements, as the caller vouches.
            *w = unsafe { v.load_bf16(row.add(64 * half)) };
        }
        for (sets, x) in sets.iter_mut().zip(x) {
            // SAFETY: as above.
            let [x_odd, x_even] = unsafe { v.load_bf16(x.add(64 * half)) };
            for (set, [odd, even]) in sets.iter_mut().zip(w) {
                set[half] = v.fma(even, x_even, v.fma(odd, x_odd, set[half]));
            }
        }
    }
}

impl<'a, V: Vector, const R: usize, const T: usize> Tile<'a, R, T> for Bf16Tile<'a, V, R> {
    #[inline(always)]
    fn block(&self) -> (usize, usize) {
        (self.groups.len(), tile::near(2 * self.x.n))
    }

    #[inline(always)]
    fn take(&mut self, group: usize, rows: [&'a [u8]; R]) {
        self.groups[group] = rows;
    }

    #[inline(always)]
    fn multiply(&mut self, group: usize, token: usize) -> [[f32; R]; T] {
        let (v, n, group) = (self.v, self.x.n, self.groups[group]);
        let mut x = [std::ptr::null::<u8>(); T];
        for (i, slot) in x.iter_mut().enumerate() {
            *slot = self.x.bits[(token + i).min(self.x.rows() - 1) * n..][..n].as_ptr().cast();
        }
        for row in group {
            assert_eq!(row.len(), 2 * n);
        }
        let mut sets = [[[v.splat(0.0); 2]; R]; T];
        let whole = n / 64 * 64;
        for at in (0..whole).step_by(64) {
            if T == 1 {
                tile::ask_ahead(v, &group, at / 64, 128);
            }
            let rows = group.map(|row| row.as_ptr().wrapping_add(2 * at));
            // SAFETY: elements at..at + 64 lie inside each row of n, as was checked.
            unsafe { add_64(v, rows, x.map(|x| x.wrapping_add(2 * at)), &mut sets) };
        }
        if whole < n {
            let left = 2 * (n - whole);
            let (mut row_rests, mut x_rests) = ([[0u8; 128]; R], [[0u8; 128]; T]);
            for (rest, row) in row_rests.iter_mut().zip(&group) {
                rest[..left].copy_from_slice(&row[2 * whole..]);
            }
            for (rest, x) in x_rests.iter_mut().zip(x) {
                // SAFETY: the row has n elements, of which the first whole ones are passed over.
                unsafe { x.add(2 * whole).copy_to_nonoverlapping(rest.as_mut_ptr(), left) };
            }
            let (rows, x) =
                (row_rests.each_ref().map(|r| r.as_ptr()), x_rests.each_ref().map(|r| r.as_ptr()));
            // SAFETY: the buffers hold 64 elements.
            unsafe { add_64(v, rows, x, &mut sets) };
        }
        let mut out = [[0.0; R]; T];
        for (out, sets) in out.iter_mut().zip(sets) {
            for (out, [first, second]) in out.iter_mut().zip(sets) {
                *out = v.fold16(first) + v.fold16(second);
            }
        }
        out
    }
}

/// Rows of BF16: `R` × `T` for many tokens, two rows for one.
#[inline(always)]
pub(super) fn rows_bf16<V: Vector, const R: usize, const T: usize>(
    v: V,
    weights: &[u8],
    x: &Halves,
    out: &mut [f32],
) {
    if x.rows() < T {
        let mut one = Bf16Tile { v, x, groups: vec![[&[][..]; 2]] };
        tile::multiply::<2, 1>(&mut one, weights, 2 * x.n, x.rows(), out);
    } else {
        let rows = weights.len() / (2 * x.n);
        let groups = tile::near(2 * R * x.n).min(rows.div_ceil(R)).max(1);
        let mut many = Bf16Tile { v, x, groups: vec![[&[][..]; R]; groups] };
        tile::multiply::<R, T>(&mut many, weights, 2 * x.n, x.rows(), out);
    }
}
