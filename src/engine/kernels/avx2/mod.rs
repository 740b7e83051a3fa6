//! x86-64 with AVX2, FMA and F16C.
//!
//! Each row kernel multiplies one weight row with a tile of activation rows, so that
//! weights are loaded and unpacked once a tile.

mod attention;
mod bf16;
mod float;
mod small_blocks;
mod super_blocks;

use std::arch::x86_64::*;

use super::{Table, blocks};

pub(super) const TABLE: Table = Table {
    f32: float::rows_f32,
    f16: float::rows_f16,
    bf16: bf16::rows_bf16,
    q8_0: small_blocks::rows_q8_0,
    q4_0: small_blocks::rows_q4_0,
    q4_1: blocks::rows_q4_1,
    q5_0: blocks::rows_q5_0,
    q5_1: blocks::rows_q5_1,
    iq4_nl: blocks::rows_iq4_nl,
    q2_k: blocks::rows_q2_k,
    q3_k: blocks::rows_q3_k,
    q4_k: super_blocks::rows_q4_k,
    q5_k: blocks::rows_q5_k,
    iq4_xs: blocks::rows_iq4_xs,
    q6_k: super_blocks::rows_q6_k,
    attend: attention::attend,
};

/// Defines `fn $rows(weights, activations, out)` from `fn $dot<const T>(row, activations, t)`,
/// which multiplies one weight row with the activation rows `t..t + T`; a tile is as many rows as
/// leave their sums in registers.
macro_rules! tiled_rows {
    ($rows:ident, $dot:ident, $tile:literal, $activations:ty, $format:expr) => {
        pub(in crate::engine::kernels) fn $rows(weights: &[u8], x: &$activations, out: &mut [f32]) {
            #[target_feature(enable = "avx2,fma,f16c")]
            fn tiles(weights: &[u8], x: &$activations, tokens: usize, out: &mut [f32]) {
                let row_bytes = $format.row_bytes(x.n);
                for (row, out) in weights.chunks_exact(row_bytes).zip(out.chunks_exact_mut(tokens)) {
                    let mut t = 0;
                    while t + $tile <= tokens {
                        out[t..t + $tile].copy_from_slice(&$dot::<$tile>(row, x, t));
                        t += $tile;
                    }
                    while t < tokens {
                        out[t] = $dot::<1>(row, x, t)[0];
                        t += 1;
                    }
                }
            }
            let tokens = x.rows();
            // SAFETY: this table is handed out only where AVX2, FMA and F16C were detected.
            unsafe { tiles(weights, x, tokens, out) }
        }
    };
}
use tiled_rows;

/// The f16 at a byte offset.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn half_at(bytes: &[u8], at: usize) -> f32 {
    let bits = u16::from_le_bytes([bytes[at], bytes[at + 1]]);
    _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(i32::from(bits))))
}

/// Folds eight lanes in halves.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn fold8(lanes: __m256) -> f32 {
    let four = _mm_add_ps(_mm256_castps256_ps128(lanes), _mm256_extractf128_ps::<1>(lanes));
    let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
}

/// The first `N` elements, as an array whose bounds the compiler knows.
#[inline]
fn block<T, const N: usize>(from: &[T]) -> &[T; N] {
    from.first_chunk().expect("activations and weights are whole blocks")
}

/// Loads 32 bytes that a slice must have.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn load32<T: Copy>(from: &[T]) -> __m256i {
    assert!(size_of_val(from) >= 32);
    // SAFETY: 32 bytes are readable; the load is an unaligned one.
    unsafe { _mm256_loadu_si256(from.as_ptr().cast()) }
}

/// The sum of eight integers.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn sum8(lanes: __m256i) -> i32 {
    let four = _mm_add_epi32(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256::<1>(lanes));
    let two = _mm_add_epi32(four, _mm_shuffle_epi32::<0b01_00_11_10>(four));
    _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32::<0b10_11_00_01>(two)))
}

/// `a * b + c` in one rounding.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn fma(a: f32, b: f32, c: f32) -> f32 {
    _mm_cvtss_f32(_mm_fmadd_ss(_mm_set_ss(a), _mm_set_ss(b), _mm_set_ss(c)))
}
