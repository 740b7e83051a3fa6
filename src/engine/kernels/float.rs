//! Rows of F32, F16 and BF16 weights.

use std::marker::PhantomData;

use super::tile::{self, Extent, Tile};
use super::vector::Vector;
use crate::engine::quant::{Bf16, Float};

/// A type of weights that are used one by one.
pub(super) trait Element {
    const BYTES: usize;
    /// # Safety
    /// `from` is readable for sixteen elements.
    unsafe fn load<V: Vector>(v: V, from: *const u8) -> V::F;
}

pub(super) struct F32;
pub(super) struct F16;

impl Element for F32 {
    const BYTES: usize = 4;
    #[inline(always)]
    unsafe fn load<V: Vector>(v: V, from: *const u8) -> V::F {
        // SAFETY: as the caller vouches.
        unsafe { v.load(from.cast()) }
    }
}

impl Element for F16 {
    const BYTES: usize = 2;
    #[inline(always)]
    unsafe fn load<V: Vector>(v: V, from: *const u8) -> V::F {
        // SAFETY: as the caller vouches.
        unsafe { v.load_f16(from) }
    }
}

struct FloatTile<'a, V, E, const R: usize> {
    v: V,
    x: &'a Float,
    rows: [&'a [u8]; R],
    element: PhantomData<E>,
}

impl<'a, V: Vector, E: Element, const R: usize, const T: usize> Tile<'a, R, T> for FloatTile<'a, V, E, R> {
    #[inline(always)]
    fn take(&mut self, rows: [&'a [u8]; R]) {
        self.rows = rows;
    }

    #[inline(always)]
    fn multiply(&mut self, token: usize) -> [[f32; R]; T] {
        let (v, n) = (self.v, self.x.n);
        let mut x: [&[f32]; T] = [&[]; T];
        for (i, slot) in x.iter_mut().enumerate() {
            *slot = &self.x.values[(token + i).min(self.x.rows() - 1) * n..][..n];
        }
        for row in self.rows {
            assert_eq!(row.len(), n * E::BYTES);
        }
        let mut lanes = [[v.splat(0.0); R]; T];
        let whole = n / 16 * 16;
        for at in (0..whole).step_by(16) {
            if T == 1 {
                tile::ask_ahead(v, &self.rows, at / 16, 16 * E::BYTES);
            }
            let mut w = [v.splat(0.0); R];
            for (w, row) in w.iter_mut().zip(&self.rows) {
                // SAFETY: elements at..at + 16 lie inside the row, whose length was checked.
                *w = unsafe { E::load(v, row.as_ptr().add(at * E::BYTES)) };
            }
            for (lanes, x) in lanes.iter_mut().zip(&x) {
                // SAFETY: elements at..at + 16 lie inside the row of n.
                let x = unsafe { v.load(x.as_ptr().add(at)) };
                for (lanes, w) in lanes.iter_mut().zip(w) {
                    *lanes = v.fma(w, x, *lanes);
                }
            }
        }
        if whole < n {
            for (lanes, x) in lanes.iter_mut().zip(&x) {
                let mut x_rest = [0.0f32; 16];
                x_rest[..n - whole].copy_from_slice(&x[whole..]);
                for (lanes, row) in lanes.iter_mut().zip(&self.rows) {
                    let mut rest = [0u8; 64];
                    rest[..(n - whole) * E::BYTES].copy_from_slice(&row[whole * E::BYTES..]);
                    // SAFETY: the buffers hold sixteen elements.
                    let (w, x) = unsafe { (E::load(v, rest.as_ptr()), v.load(x_rest.as_ptr())) };
                    *lanes = v.fma(w, x, *lanes);
                }
            }
        }
        let mut out = [[0.0; R]; T];
        for (out, lanes) in out.iter_mut().zip(lanes) {
            for (out, lanes) in out.iter_mut().zip(lanes) {
                *out = v.fold16(lanes);
            }
        }
        out
    }
}

/// Rows of floats: `R` × `T` for many tokens, two rows for one.
#[inline(always)]
pub(super) fn rows<V: Vector, E: Element, const R: usize, const T: usize>(
    v: V,
    weights: &[u8],
    x: &Float,
    out: &mut [f32],
) {
    let extent = Extent::near(x.n * E::BYTES, x.rows(), 4 * x.n);
    if x.rows() < T {
        let mut one = FloatTile::<V, E, 2> { v, x, rows: [&[]; 2], element: PhantomData };
        tile::multiply::<2, 1>(&mut one, weights, extent, out);
    } else {
        let mut many = FloatTile::<V, E, R> { v, x, rows: [&[]; R], element: PhantomData };
        tile::multiply::<R, T>(&mut many, weights, extent, out);
    }
}

struct Bf16Tile<'a, V, const R: usize> {
    v: V,
    x: &'a Bf16,
    rows: [&'a [u8]; R],
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
    fn take(&mut self, rows: [&'a [u8]; R]) {
        self.rows = rows;
    }

    #[inline(always)]
    fn multiply(&mut self, token: usize) -> [[f32; R]; T] {
        let (v, n) = (self.v, self.x.n);
        let mut x = [std::ptr::null::<u8>(); T];
        for (i, slot) in x.iter_mut().enumerate() {
            *slot = self.x.bits[(token + i).min(self.x.rows() - 1) * n..][..n].as_ptr().cast();
        }
        for row in self.rows {
            assert_eq!(row.len(), 2 * n);
        }
        let mut sets = [[[v.splat(0.0); 2]; R]; T];
        let whole = n / 64 * 64;
        for at in (0..whole).step_by(64) {
            if T == 1 {
                tile::ask_ahead(v, &self.rows, at / 64, 128);
            }
            let rows = self.rows.map(|row| row.as_ptr().wrapping_add(2 * at));
            // SAFETY: elements at..at + 64 lie inside each row of n, as was checked.
            unsafe { add_64(v, rows, x.map(|x| x.wrapping_add(2 * at)), &mut sets) };
        }
        if whole < n {
            let left = 2 * (n - whole);
            let (mut row_rests, mut x_rests) = ([[0u8; 128]; R], [[0u8; 128]; T]);
            for (rest, row) in row_rests.iter_mut().zip(&self.rows) {
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
    x: &Bf16,
    out: &mut [f32],
) {
    let extent = Extent::near(2 * x.n, x.rows(), 2 * x.n);
    if x.rows() < T {
        tile::multiply::<2, 1>(&mut Bf16Tile { v, x, rows: [&[]; 2] }, weights, extent, out);
    } else {
        tile::multiply::<R, T>(&mut Bf16Tile { v, x, rows: [&[]; R] }, weights, extent, out);
    }
}
