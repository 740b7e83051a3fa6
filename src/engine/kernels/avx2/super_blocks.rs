//! Rows of Q4_K and Q6_K weights.

use std::arch::x86_64::*;

use super::{block, fma, fold8, half_at, load32, sum8, tiled_rows};
use crate::engine::quant::{Format, Q8_K, SUPER_BLOCK, k4_scales};

tiled_rows!(rows_q4_k, tile_q4_k, 4, Q8_K, Format::Q4_K);
tiled_rows!(rows_q6_k, tile_q6_k, 4, Q8_K, Format::Q6_K);

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn tile_q4_k<const T: usize>(row: &[u8], x: &Q8_K, t: usize) -> [f32; T] {
    let blocks = x.n / SUPER_BLOCK;
    let mut totals = [(0.0f32, 0.0f32); T];
    for (b, bytes) in row.chunks_exact(Format::Q4_K.block_bytes()).enumerate() {
        let bytes: &[u8; 144] = block(bytes);
        let (scales, mins) = k4_scales(&bytes[4..16]);
        // Eight scales of 16 bits, in both halves.
        let scales = _mm256_cvtepu8_epi16(_mm_set1_epi64x(i64::from_le_bytes(scales)));
        let scale = |j: i16| _mm256_shuffle_epi8(scales, _mm256_set1_epi16(0x0100 + 0x0202 * j));
        let mut sums = [_mm256_setzero_si256(); T];
        for pair in 0..4 {
            let packed = load32(&bytes[16 + 32 * pair..]);
            let low = _mm256_and_si256(packed, _mm256_set1_epi8(15));
            let high = _mm256_and_si256(_mm256_srli_epi16::<4>(packed), _mm256_set1_epi8(15));
            let (low_scale, high_scale) = (scale(2 * pair as i16), scale(2 * pair as i16 + 1));
            for (i, sum) in sums.iter_mut().enumerate() {
                let quants: &[i8; 64] = block(&x.quants[((t + i) * blocks + b) * 256 + 64 * pair..]);
                let low = _mm256_maddubs_epi16(low, load32(quants));
                let high = _mm256_maddubs_epi16(high, load32(&quants[32..]));
                *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(low, low_scale));
                *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(high, high_scale));
            }
        }
        // Each min stands for two runs of 16.
        let mins = _mm_set_epi64x(0, i64::from_le_bytes(mins));
        let mins = _mm256_cvtepu8_epi16(_mm_unpacklo_epi8(mins, mins));
        let (d, dmin) = (half_at(bytes, 0), half_at(bytes, 2));
        for (i, (sum, total)) in sums.into_iter().zip(&mut totals).enumerate() {
            let at = (t + i) * blocks + b;
            let sum_mins = sum8(_mm256_madd_epi16(load32(&x.sums[at * 16..]), mins));
            total.0 = fma(d * x.scales[at], sum8(sum) as f32, total.0);
            total.1 = fma(dmin * x.scales[at], sum_mins as f32, total.1);
        }
    }
    let mut out = [0.0; T];
    for (out, total) in out.iter_mut().zip(totals) {
        *out = total.0 - total.1;
    }
    out
}

/// The six-bit integers (0-63) of one half of a Q6_K block, run by run.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn unpack_q6(block: &[u8; 210], half: usize) -> [__m256i; 4] {
    let (first, second) = (load32(&block[64 * half..]), load32(&block[64 * half + 32..]));
    let pairs = load32(&block[128 + 32 * half..]);
    let (nibble, pair) = (_mm256_set1_epi8(15), _mm256_set1_epi8(0x30));
    let join = |low, top| _mm256_or_si256(_mm256_and_si256(low, nibble), _mm256_and_si256(top, pair));
    [
        join(first, _mm256_slli_epi16::<4>(pairs)),
        join(second, _mm256_slli_epi16::<2>(pairs)),
        join(_mm256_srli_epi16::<4>(first), pairs),
        join(_mm256_srli_epi16::<4>(second), _mm256_srli_epi16::<2>(pairs)),
    ]
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn tile_q6_k<const T: usize>(row: &[u8], x: &Q8_K, t: usize) -> [f32; T] {
    let blocks = x.n / SUPER_BLOCK;
    let mut lanes = [_mm256_setzero_ps(); T];
    for (b, bytes) in row.chunks_exact(Format::Q6_K.block_bytes()).enumerate() {
        let bytes: &[u8; 210] = block(bytes);
        // Sixteen scales of 8 bits, in both halves.
        // SAFETY: the slice is 16 bytes long; the load is an unaligned one.
        let packed = unsafe { _mm_loadu_si128(bytes[192..208].as_ptr().cast()) };
        let scales = _mm256_cvtepi8_epi16(packed);
        let mut sums = [_mm256_setzero_si256(); T];
        for half in 0..2 {
            for (run, w) in unpack_q6(bytes, half).into_iter().enumerate() {
                let j = 8 * half + 2 * run;
                // The scale of the first run of 16 below, of the second one above.
                let both =
                    _mm_set_epi64x(0x0101_0101_0101_0101 * (j as i64 + 1), 0x0101_0101_0101_0101 * j as i64);
                let scale = _mm256_cvtepi8_epi16(_mm_shuffle_epi8(packed, both));
                for (i, sum) in sums.iter_mut().enumerate() {
                    let quants = load32(&x.quants[((t + i) * blocks + b) * 256 + 16 * j..]);
                    let products = _mm256_madd_epi16(_mm256_maddubs_epi16(w, quants), scale);
                    *sum = _mm256_add_epi32(*sum, products);
                }
            }
        }
        // The zero of a six-bit integer is 32.
        let d = half_at(bytes, 208);
        for (i, (sum, lanes)) in sums.into_iter().zip(&mut lanes).enumerate() {
            let at = (t + i) * blocks + b;
            let zero = _mm256_madd_epi16(load32(&x.sums[at * 16..]), scales);
            let sum = _mm256_sub_epi32(sum, _mm256_slli_epi32::<5>(zero));
            *lanes = _mm256_fmadd_ps(_mm256_set1_ps(d * x.scales[at]), _mm256_cvtepi32_ps(sum), *lanes);
        }
    }
    let mut out = [0.0; T];
    for (out, lanes) in out.iter_mut().zip(lanes) {
        *out = fold8(lanes);
    }
    out
}
