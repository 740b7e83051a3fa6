//! Rows of F32 and F16 weights.

use std::arch::aarch64::*;

use super::{fold16, tiled_rows, widen};
use crate::engine::quant::{Float, Format};

/// Sixteen f32, four lanes each.
type Lanes = [float32x4_t; 4];

/// # Safety
/// `from` is readable for 64 bytes.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn load_f32(from: *const u8) -> Lanes {
    // SAFETY: the caller vouches for 64 bytes; loads of bytes ask for no alignment.
    unsafe { [0, 16, 32, 48].map(|at| vreinterpretq_f32_u8(vld1q_u8(from.add(at)))) }
}

/// # Safety
/// `from` is readable for 32 bytes.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn load_f16(from: *const u8) -> Lanes {
    // SAFETY: the caller vouches for 32 bytes; loads of bytes ask for no alignment.
    unsafe { [0, 8, 16, 24].map(|at| widen(vreinterpret_u16_u8(vld1_u8(from.add(at))))) }
}

#[inline]
#[target_feature(enable = "neon")]
fn accumulate(lanes: &mut Lanes, w: Lanes, x: Lanes) {
    for (lane, (w, x)) in lanes.iter_mut().zip(w.into_iter().zip(x)) {
        *lane = vfmaq_f32(*lane, w, x);
    }
}

/// Defines the product of one weight row with `T` rows of f32, and the row kernel made of it.
macro_rules! float_kernel {
    ($rows:ident, $dot:ident, $tile:ident, $load:ident, $bytes:literal, $format:expr) => {
        /// # Safety
        /// `row` is readable for as many elements as each row of `x` has, all equally many.
        #[inline]
        #[target_feature(enable = "neon")]
        unsafe fn $dot<const T: usize>(row: *const u8, x: [&[f32]; T]) -> [f32; T] {
            let n = x[0].len();
            let whole = n / 16 * 16;
            let mut lanes = [[vdupq_n_f32(0.0); 4]; T];
            for i in (0..whole).step_by(16) {
                // SAFETY: elements i..i + 16 lie inside the row and inside each row of x.
                unsafe {
                    let w = $load(row.add(i * $bytes));
                    for (lanes, x) in lanes.iter_mut().zip(&x) {
                        accumulate(lanes, w, load_f32(x.as_ptr().add(i).cast()));
                    }
                }
            }
            if whole < n {
                let mut padded = [0u8; 16 * $bytes];
                // SAFETY: n - whole < 16 elements are left of the row, and the buffer holds 16.
                let w = unsafe {
                    row.add(whole * $bytes).copy_to_nonoverlapping(padded.as_mut_ptr(), (n - whole) * $bytes);
                    $load(padded.as_ptr())
                };
                for (lanes, x) in lanes.iter_mut().zip(&x) {
                    let mut padded = [0.0f32; 16];
                    padded[..n - whole].copy_from_slice(&x[whole..]);
                    // SAFETY: the buffer holds 16 elements.
                    accumulate(lanes, w, unsafe { load_f32(padded.as_ptr().cast()) });
                }
            }
            let mut out = [0.0; T];
            for (out, lanes) in out.iter_mut().zip(lanes) {
                *out = fold16(lanes);
            }
            out
        }

        #[inline]
        #[target_feature(enable = "neon")]
        fn $tile<const T: usize>(row: &[u8], x: &Float, t: usize) -> [f32; T] {
            let mut rows: [&[f32]; T] = [&[]; T];
            for (i, slot) in rows.iter_mut().enumerate() {
                *slot = &x.values[(t + i) * x.n..][..x.n];
            }
            assert_eq!(row.len(), x.n * $bytes);
            // SAFETY: checked on the line above.
            unsafe { $dot(row.as_ptr(), rows) }
        }

        tiled_rows!($rows, $tile, 4, Float, $format);
    };
}

float_kernel!(rows_f32, dot_f32, tile_f32, load_f32, 4, Format::F32);
float_kernel!(rows_f16, dot_f16, tile_f16, load_f16, 2, Format::F16);
