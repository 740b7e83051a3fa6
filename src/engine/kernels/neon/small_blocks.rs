//! Rows of Q8_0 and Q4_0 weights.

use std::arch::aarch64::*;

use super::{block, fold8, half_at, load_i8, load_u8, sums_of_four, sums_of_small, tiled_rows, widen};
use crate::engine::quant::{Format, Q8_0, SMALL_BLOCK};

tiled_rows!(rows_q8_0, tile_q8_0, 4, Q8_0, Format::Q8_0);

/// The 32 integers of an activation block.
#[inline]
#[target_feature(enable = "neon")]
fn quants(x: &Q8_0, at: usize) -> [int8x16_t; 2] {
    let quants: &[i8; SMALL_BLOCK] = block(&x.quants[at * SMALL_BLOCK..]);
    [load_i8(quants), load_i8(&quants[16..])]
}

#[inline]
#[target_feature(enable = "neon")]
fn tile_q8_0<const T: usize>(row: &[u8], x: &Q8_0, t: usize) -> [f32; T] {
    let blocks = x.n / SMALL_BLOCK;
    let mut lanes = [[vdupq_n_f32(0.0); 2]; T];
    for (b, bytes) in row.chunks_exact(Format::Q8_0.block_bytes()).enumerate() {
        let bytes: &[u8; 34] = block(bytes);
        let d = half_at(bytes, 0);
        let w = [load_u8(&bytes[2..]), load_u8(&bytes[18..])];
        for (i, lanes) in lanes.iter_mut().enumerate() {
            let at = (t + i) * blocks + b;
            let scale = d * x.scales[at];
            for (lanes, (w, x)) in lanes.iter_mut().zip(w.into_iter().zip(quants(x, at))) {
                let sums = sums_of_four(vreinterpretq_s8_u8(w), x);
                *lanes = vfmaq_n_f32(*lanes, vcvtq_f32_s32(sums), scale);
            }
        }
    }
    let mut out = [0.0; T];
    for (out, lanes) in out.iter_mut().zip(lanes) {
        *out = fold8(lanes[0], lanes[1]);
    }
    out
}

/// Rows lie in lanes: four of them at a time, so that the sums of their blocks fold into one
/// register.
pub(in crate::engine::kernels) fn rows_q4_0(weights: &[u8], x: &Q8_0, out: &mut [f32]) {
    #[target_feature(enable = "neon")]
    fn tiles(weights: &[u8], x: &Q8_0, tokens: usize, out: &mut [f32]) {
        let row_bytes = Format::Q4_0.row_bytes(x.n);
        for (rows, out) in weights.chunks(4 * row_bytes).zip(out.chunks_mut(4 * tokens)) {
            let mut t = 0;
            while t + 4 <= tokens {
                tile_q4_0::<4>(rows, row_bytes, x, t, tokens, out);
                t += 4;
            }
            while t < tokens {
                tile_q4_0::<1>(rows, row_bytes, x, t, tokens, out);
                t += 1;
            }
        }
    }
    let tokens = x.rows();
    // SAFETY: this table is handed out only where NEON was detected.
    unsafe { tiles(weights, x, tokens, out) }
}

/// One block of each of up to four rows: integers from −8 to 7 and scales. Missing rows are zero.
#[inline]
#[target_feature(enable = "neon")]
fn unpack(rows: &[u8], row_bytes: usize, b: usize) -> ([[int8x16_t; 2]; 4], float32x4_t) {
    let mut bits = [0u16; 4];
    let mut quants = [[vdupq_n_s8(0); 2]; 4];
    for (row, (bits, quants)) in rows.chunks_exact(row_bytes).zip(bits.iter_mut().zip(&mut quants)) {
        let bytes: &[u8; 18] = block(&row[b * Format::Q4_0.block_bytes()..]);
        *bits = u16::from_le_bytes([bytes[0], bytes[1]]);
        let packed = load_u8(&bytes[2..]);
        let nibbles = [vandq_u8(packed, vdupq_n_u8(15)), vshrq_n_u8::<4>(packed)];
        // The zero of a nibble is 8.
        *quants = nibbles.map(|q| vsubq_s8(vreinterpretq_s8_u8(q), vdupq_n_s8(8)));
    }
    // SAFETY: the array is four u16 long.
    let scales = widen(unsafe { vld1_u16(bits.as_ptr()) });
    (quants, scales)
}

/// Multiplies up to four weight rows with the activation rows `t..t + T`.
#[inline]
#[target_feature(enable = "neon")]
fn tile_q4_0<const T: usize>(
    rows: &[u8],
    row_bytes: usize,
    x: &Q8_0,
    t: usize,
    tokens: usize,
    out: &mut [f32],
) {
    let blocks = x.n / SMALL_BLOCK;
    let mut lanes = [vdupq_n_f32(0.0); T];
    for b in 0..blocks {
        let (w, scales) = unpack(rows, row_bytes, b);
        for (i, lanes) in lanes.iter_mut().enumerate() {
            let at = (t + i) * blocks + b;
            let x_quants = quants(x, at);
            // Four products of at most 8 · 127 fit in 16 bits.
            let parts = w.map(|w| sums_of_small(w, x_quants));
            let sums = vpaddq_s32(vpaddq_s32(parts[0], parts[1]), vpaddq_s32(parts[2], parts[3]));
            let scales = vmulq_n_f32(scales, x.scales[at]);
            *lanes = vfmaq_f32(*lanes, scales, vcvtq_f32_s32(sums));
        }
    }
    for (i, lanes) in lanes.into_iter().enumerate() {
        let mut products = [0.0f32; 4];
        // SAFETY: the array holds four f32.
        unsafe { vst1q_f32(products.as_mut_ptr(), lanes) };
        for (out, product) in out.chunks_exact_mut(tokens).zip(products) {
            out[t + i] = product;
        }
    }
}
