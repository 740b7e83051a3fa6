//! Rows of Q8_0 and Q4_0 weights.

use std::arch::x86_64::*;

use super::{block, fold8, half_at, load32, tiled_rows};
use crate::engine::quant::{Format, Q8_0, SMALL_BLOCK};

tiled_rows!(rows_q8_0, tile_q8_0, 4, Q8_0, Format::Q8_0);

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn tile_q8_0<const T: usize>(row: &[u8], x: &Q8_0, t: usize) -> [f32; T] {
    let blocks = x.n / SMALL_BLOCK;
    let mut lanes = [_mm256_setzero_ps(); T];
    for (b, bytes) in row.chunks_exact(Format::Q8_0.block_bytes()).enumerate() {
        let bytes: &[u8; 34] = block(bytes);
        let (w, d) = (load32(&bytes[2..]), half_at(bytes, 0));
        // The instruction wants its first factor unsigned. Pairs stay inside 16 bits:
        // 2 · 128 · 127 < 2¹⁵.
        let magnitude = _mm256_abs_epi8(w);
        for (i, lanes) in lanes.iter_mut().enumerate() {
            let at = (t + i) * blocks + b;
            let x_quants = load32(&x.quants[at * SMALL_BLOCK..]);
            let pairs = _mm256_maddubs_epi16(magnitude, _mm256_sign_epi8(x_quants, w));
            let sums = _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
            let scale = _mm256_set1_ps(d * x.scales[at]);
            *lanes = _mm256_fmadd_ps(scale, _mm256_cvtepi32_ps(sums), *lanes);
        }
    }
    let mut out = [0.0; T];
    for (out, lanes) in out.iter_mut().zip(lanes) {
        *out = fold8(lanes);
    }
    out
}

/// Rows lie in lanes: eight of them at a time, so that the sums of their blocks fold into one
/// register.
pub(in crate::engine::kernels) fn rows_q4_0(weights: &[u8], x: &Q8_0, out: &mut [f32]) {
    #[target_feature(enable = "avx2,fma,f16c")]
    fn tiles(weights: &[u8], x: &Q8_0, tokens: usize, out: &mut [f32]) {
        let row_bytes = Format::Q4_0.row_bytes(x.n);
        for (rows, out) in weights.chunks(8 * row_bytes).zip(out.chunks_mut(8 * tokens)) {
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
    // SAFETY: this table is handed out only where AVX2, FMA and F16C were detected.
    unsafe { tiles(weights, x, tokens, out) }
}

/// One block of each of up to eight rows: integers from 0 to 15 and scales. Missing rows are zero.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn unpack(rows: &[u8], row_bytes: usize, b: usize) -> ([__m256i; 8], __m256) {
    let mut bits = [0u16; 8];
    let mut quants = [_mm256_setzero_si256(); 8];
    for (row, (bits, quants)) in rows.chunks_exact(row_bytes).zip(bits.iter_mut().zip(&mut quants)) {
        let bytes: &[u8; 18] = block(&row[b * Format::Q4_0.block_bytes()..]);
        *bits = u16::from_le_bytes([bytes[0], bytes[1]]);
        // SAFETY: the slice is 16 bytes long; the load is an unaligned one.
        let packed = unsafe { _mm_loadu_si128(bytes[2..].as_ptr().cast()) };
        let both = _mm256_set_m128i(_mm_srli_epi16::<4>(packed), packed);
        *quants = _mm256_and_si256(both, _mm256_set1_epi8(15));
    }
    // SAFETY: the array is 16 bytes long; the load is an unaligned one.
    let scales = unsafe { _mm256_cvtph_ps(_mm_loadu_si128(bits.as_ptr().cast())) };
    (quants, scales)
}

/// The sums of eight vectors of eight integers, in the order of the vectors.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn sums(v: [__m256i; 8]) -> __m256i {
    let low = _mm256_hadd_epi32(_mm256_hadd_epi32(v[0], v[1]), _mm256_hadd_epi32(v[2], v[3]));
    let high = _mm256_hadd_epi32(_mm256_hadd_epi32(v[4], v[5]), _mm256_hadd_epi32(v[6], v[7]));
    let even = _mm256_permute2x128_si256::<0x20>(low, high);
    _mm256_add_epi32(even, _mm256_permute2x128_si256::<0x31>(low, high))
}

/// Multiplies up to eight weight rows with the activation rows `t..t + T`.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn tile_q4_0<const T: usize>(
    rows: &[u8],
    row_bytes: usize,
    x: &Q8_0,
    t: usize,
    tokens: usize,
    out: &mut [f32],
) {
    let blocks = x.n / SMALL_BLOCK;
    let mut lanes = [_mm256_setzero_ps(); T];
    for b in 0..blocks {
        let (quants, scales) = unpack(rows, row_bytes, b);
        for (i, lanes) in lanes.iter_mut().enumerate() {
            let at = (t + i) * blocks + b;
            let x_quants = load32(&x.quants[at * SMALL_BLOCK..]);
            let mut parts = [_mm256_setzero_si256(); 8];
            for (part, w) in parts.iter_mut().zip(quants) {
                *part = _mm256_madd_epi16(_mm256_maddubs_epi16(w, x_quants), _mm256_set1_epi16(1));
            }
            // The zero of a nibble is 8.
            let sum = _mm256_sub_epi32(sums(parts), _mm256_set1_epi32(8 * x.sums[at]));
            let scales = _mm256_mul_ps(scales, _mm256_set1_ps(x.scales[at]));
            *lanes = _mm256_fmadd_ps(scales, _mm256_cvtepi32_ps(sum), *lanes);
        }
    }
    for (i, lanes) in lanes.into_iter().enumerate() {
        let mut products = [0.0f32; 8];
        // SAFETY: the array holds eight f32; the store is an unaligned one.
        unsafe { _mm256_storeu_ps(products.as_mut_ptr(), lanes) };
        for (out, product) in out.chunks_exact_mut(tokens).zip(products) {
            out[t + i] = product;
        }
    }
}
