//! Rows of Q4_K and Q6_K weights.

use std::arch::x86_64::*;

use super::{fma, fold8, half_at, load32, sum8, tiled_rows};
use crate::engine::quant::{Format, Q8_K, SUPER_BLOCK, k4_scales};

tiled_rows!(rows_q4_k, tile_q4_k, 4, Q8_K, Format::Q4_K);
tiled_rows!(rows_q6_k, tile_q6_k, 4, Q8_K, Format::Q6_K);

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn tile_q4_k<const T: usize>(row: &[u8], x: &Q8_K, t: usize) -> [f32; T] {
    let blocks = x.n / SUPER_BLOCK;
    let mut totals = [(0.0f32, 0.0f32); T];
    for (b, block) in row.chunks_exact(Format::Q4_K.block_bytes()).enumerate() {
        let (scales, mins) = k4_scales(&block[4..16]);
        let mut sums = [_mm256_setzero_si256(); T];
        for pair in 0..4 {
            let packed = load32(&block[16 + 32 * pair..]);
            let low = _mm256_and_si256(packed, _mm256_set1_epi8(15));
            let high = _mm256_and_si256(_mm256_srli_epi16::<4>(packed), _mm256_set1_epi8(15));
            let low_scale = _mm256_set1_epi16(i16::from(scales[2 * pair]));
            let high_scale = _mm256_set1_epi16(i16::from(scales[2 * pair + 1]));
            for (i, sum) in sums.iter_mut().enumerate() {
                let quants = &x.quants[((t + i) * blocks + b) * 256 + 64 * pair..][..64];
                let low = _mm256_maddubs_epi16(low, load32(quants));
                let high = _mm256_maddubs_epi16(high, load32(&quants[32..]));
                *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(low, low_scale));
                *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(high, high_scale));
            }
        }
        // Each min stands for two runs of 16.
        let mins = _mm_set_epi64x(0, i64::from_le_bytes(mins));
        let mins = _mm256_cvtepu8_epi16(_mm_unpacklo_epi8(mins, mins));
        let (d, dmin) = (half_at(block, 0), half_at(block, 2));
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
fn unpack_q6(block: &[u8], half: usize) -> [__m256i; 4] {
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
    for (b, block) in row.chunks_exact(Format::Q6_K.block_bytes()).enumerate() {
        let scales = &block[192..208];
        let mut sums = [_mm256_setzero_si256(); T];
        for half in 0..2 {
            for (run, w) in unpack_q6(block, half).into_iter().enumerate() {
                let j = 8 * half + 2 * run;
                let scale = _mm256_set_m128i(
                    _mm_set1_epi16(i16::from(scales[j + 1] as i8)),
                    _mm_set1_epi16(i16::from(scales[j] as i8)),
                );
                for (i, sum) in sums.iter_mut().enumerate() {
                    let quants = load32(&x.quants[((t + i) * blocks + b) * 256 + 16 * j..]);
                    let products = _mm256_madd_epi16(_mm256_maddubs_epi16(w, quants), scale);
                    *sum = _mm256_add_epi32(*sum, products);
                }
            }
        }
        // The zero of a six-bit integer is 32.
        // SAFETY: the slice of scales is 16 bytes long.
        let scales = unsafe { _mm256_cvtepi8_epi16(_mm_loadu_si128(scales.as_ptr().cast())) };
        let d = half_at(block, 208);
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
