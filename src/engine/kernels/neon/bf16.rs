//! Rows of BF16 weights.

use std::arch::aarch64::*;

use super::{fold16, tiled_rows};
use crate::engine::quant::{Bf16, Format};

tiled_rows!(rows_bf16, tile_bf16, 2, Bf16, Format::BF16);

/// Eight bf16 as the f32 of the odd elements and of the even ones.
///
/// # Safety
/// `from` is readable for 16 bytes.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn load_pairs(from: *const u8) -> [float32x4_t; 2] {
    // SAFETY: the caller vouches for 16 bytes; a load of bytes asks for no alignment.
    let pairs = vreinterpretq_u32_u8(unsafe { vld1q_u8(from) });
    let odd = vandq_u32(pairs, vdupq_n_u32(0xffff_0000));
    [vreinterpretq_f32_u32(odd), vreinterpretq_f32_u32(vshlq_n_u32::<16>(pairs))]
}

/// Adds the products of 64 elements to the two sets of sixteen lanes.
///
/// # Safety
/// `row` and each of `x` are readable for 128 bytes.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn accumulate<const T: usize>(row: *const u8, x: [*const u8; T], lanes: &mut [[float32x4_t; 8]; T]) {
    for eighth in 0..8 {
        // SAFETY: the caller vouches for eight times 16 bytes.
        unsafe {
            let [odd, even] = load_pairs(row.add(16 * eighth));
            for (x, lanes) in x.iter().zip(lanes.iter_mut()) {
                let [x_odd, x_even] = load_pairs(x.add(16 * eighth));
                let lanes = &mut lanes[eighth];
                *lanes = vfmaq_f32(vfmaq_f32(*lanes, odd, x_odd), even, x_even);
            }
        }
    }
}

#[inline]
#[target_feature(enable = "neon")]
fn tile_bf16<const T: usize>(row: &[u8], x: &Bf16, t: usize) -> [f32; T] {
    let n = x.n;
    assert!(row.len() == 2 * n && x.bits.len() >= (t + T) * n);
    let whole = n / 64 * 64;
    let mut lanes = [[vdupq_n_f32(0.0); 8]; T];
    let mut starts = [std::ptr::null::<u8>(); T];
    for (i, start) in starts.iter_mut().enumerate() {
        *start = x.bits[(t + i) * n..].as_ptr().cast();
    }
    for at in (0..whole).step_by(64) {
        // SAFETY: the rows have n elements each, checked above, and at + 64 <= n.
        unsafe { accumulate(row.as_ptr().add(2 * at), starts.map(|x| x.add(2 * at)), &mut lanes) };
    }
    if whole < n {
        let mut padded = [0u8; 128];
        padded[..2 * (n - whole)].copy_from_slice(&row[2 * whole..]);
        let mut tails = [[0u16; 64]; T];
        for (i, tail) in tails.iter_mut().enumerate() {
            tail[..n - whole].copy_from_slice(&x.bits[(t + i) * n + whole..(t + i + 1) * n]);
        }
        // SAFETY: the buffers hold 64 elements each.
        unsafe { accumulate(padded.as_ptr(), tails.each_ref().map(|x| x.as_ptr().cast()), &mut lanes) };
    }
    let mut out = [0.0; T];
    for (out, l) in out.iter_mut().zip(lanes) {
        *out = fold16([l[0], l[1], l[2], l[3]]) + fold16([l[4], l[5], l[6], l[7]]);
    }
    out
}
