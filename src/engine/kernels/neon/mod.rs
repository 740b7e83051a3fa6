//! AArch64 with Advanced SIMD (NEON), as every 64-bit Arm CPU of a desktop or a phone has it.
//!
//! Each row kernel multiplies one weight row with a tile of activation rows, so that weights are
//! loaded and unpacked once a tile. Conversions between f16 and f32 are part of the base
//! instruction set and written as assembly, because the standard library's functions for them need
//! a newer compiler than this crate does.

mod attention;
mod bf16;
mod float;
mod small_blocks;
mod super_blocks;

use std::arch::aarch64::*;
use std::arch::asm;

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
            #[target_feature(enable = "neon")]
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
            // SAFETY: this table is handed out only where NEON was detected.
            unsafe { tiles(weights, x, tokens, out) }
        }
    };
}
use tiled_rows;

/// Four f16 as f32, exactly.
#[inline]
#[target_feature(enable = "neon")]
fn widen(bits: uint16x4_t) -> float32x4_t {
    let out: float32x4_t;
    // SAFETY: the instruction belongs to the base set and touches the two registers alone.
    unsafe {
        asm!("fcvtl {out:v}.4s, {bits:v}.4h", bits = in(vreg) bits, out = lateout(vreg) out,
            options(pure, nomem, nostack, preserves_flags));
    }
    out
}

/// Four f32 rounded to f16, ties to even, and back.
#[inline]
#[target_feature(enable = "neon")]
fn round4(x: float32x4_t) -> float32x4_t {
    let bits: uint16x4_t;
    // SAFETY: the instruction belongs to the base set and touches the two registers alone.
    unsafe {
        asm!("fcvtn {bits:v}.4h, {x:v}.4s", x = in(vreg) x, bits = lateout(vreg) bits,
            options(pure, nomem, nostack, preserves_flags));
    }
    widen(bits)
}

/// The f16 at a byte offset.
#[inline]
#[target_feature(enable = "neon")]
fn half_at(bytes: &[u8], at: usize) -> f32 {
    let bits = u16::from_le_bytes([bytes[at], bytes[at + 1]]);
    vgetq_lane_f32::<0>(widen(vdup_n_u16(bits)))
}

/// Folds eight lanes in halves.
#[inline]
#[target_feature(enable = "neon")]
fn fold8(low: float32x4_t, high: float32x4_t) -> f32 {
    let four = vaddq_f32(low, high);
    let two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
    vget_lane_f32::<0>(two) + vget_lane_f32::<1>(two)
}

/// Folds sixteen lanes in halves.
#[inline]
#[target_feature(enable = "neon")]
fn fold16(l: [float32x4_t; 4]) -> f32 {
    fold8(vaddq_f32(l[0], l[2]), vaddq_f32(l[1], l[3]))
}

/// The first `N` elements, as an array whose bounds the compiler knows.
#[inline]
fn block<T, const N: usize>(from: &[T]) -> &[T; N] {
    from.first_chunk().expect("activations and weights are whole blocks")
}

/// Loads sixteen signed bytes that a slice must have.
#[inline]
#[target_feature(enable = "neon")]
fn load_i8(from: &[i8]) -> int8x16_t {
    assert!(from.len() >= 16);
    // SAFETY: 16 bytes are readable; the load asks for no alignment.
    unsafe { vld1q_s8(from.as_ptr()) }
}

/// Loads sixteen bytes that a slice must have.
#[inline]
#[target_feature(enable = "neon")]
fn load_u8(from: &[u8]) -> uint8x16_t {
    assert!(from.len() >= 16);
    // SAFETY: 16 bytes are readable; the load asks for no alignment.
    unsafe { vld1q_u8(from.as_ptr()) }
}

/// The products of sixteen pairs, summed by four. A product fits in 16 bits: activations are at
/// least −127, and 128 · 127 < 2¹⁵.
#[inline]
#[target_feature(enable = "neon")]
fn sums_of_four(a: int8x16_t, b: int8x16_t) -> int32x4_t {
    let low = vpaddlq_s16(vmull_s8(vget_low_s8(a), vget_low_s8(b)));
    vpaddq_s32(low, vpaddlq_s16(vmull_high_s8(a, b)))
}

/// The products of thirty-two pairs in four partial sums, where four products fit in 16 bits.
#[inline]
#[target_feature(enable = "neon")]
fn sums_of_small(a: [int8x16_t; 2], b: [int8x16_t; 2]) -> int32x4_t {
    let mut sums = vmull_s8(vget_low_s8(a[0]), vget_low_s8(b[0]));
    sums = vmlal_high_s8(sums, a[0], b[0]);
    sums = vmlal_s8(sums, vget_low_s8(a[1]), vget_low_s8(b[1]));
    vpaddlq_s16(vmlal_high_s8(sums, a[1], b[1]))
}

/// `a * b + c` in one rounding.
#[inline]
#[target_feature(enable = "neon")]
fn fma(a: f32, b: f32, c: f32) -> f32 {
    vget_lane_f32::<0>(vfma_f32(vdup_n_f32(c), vdup_n_f32(a), vdup_n_f32(b)))
}
