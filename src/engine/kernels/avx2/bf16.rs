//! Rows of BF16 weights.

use std::arch::x86_64::*;

use super::{fold8, tiled_rows};
use crate::engine::quant::{Bf16, Format};

tiled_rows!(rows_bf16, tile_bf16, 2, Bf16, Format::BF16);

/// Sixteen bf16 as the f32 of the odd elements and of the even ones.
///
/// # Safety
/// `from` is readable for 32 bytes.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn load_pairs(from: *const u8) -> [__m256; 2] {
    // SAFETY: the caller vouches for 32 bytes; the load is an unaligned one.
    let pairs = unsafe { _mm256_loadu_si256(from.cast()) };
    let odd = _mm256_and_si256(pairs, _mm256_set1_epi32(0xffff_0000u32 as i32));
    [_mm256_castsi256_ps(odd), _mm256_castsi256_ps(_mm256_slli_epi32::<16>(pairs))]
}

/// Adds the products of 64 elements to the two sets of sixteen lanes.
///
/// # Safety
/// `row` and each of `x` are readable for 128 bytes.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn accumulate<const T: usize>(row: *const u8, x: [*const u8; T], lanes: &mut [[__m256; 4]; T]) {
    for quarter in 0..4 {
        // SAFETY: the caller vouches for four times 32 bytes.
        unsafe {
            let [odd, even] = load_pairs(row.add(32 * quarter));
            for (x, lanes) in x.iter().zip(lanes.iter_mut()) {
                let [x_odd, x_even] = load_pairs(x.add(32 * quarter));
                let lanes = &mut lanes[quarter];
                *lanes = _mm256_fmadd_ps(even, x_even, _mm256_fmadd_ps(odd, x_odd, *lanes));
            }
        }
    }
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn tile_bf16<const T: usize>(row: &[u8], x: &Bf16, t: usize) -> [f32; T] {
    let n = x.n;
    assert!(row.len() == 2 * n && x.bits.len() >= (t + T) * n);
    let whole = n / 64 * 64;
    let mut lanes = [[_mm256_setzero_ps(); 4]; T];
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
    for (out, lanes) in out.iter_mut().zip(lanes) {
        *out = fold8(_mm256_add_ps(lanes[0], lanes[1])) + fold8(_mm256_add_ps(lanes[2], lanes[3]));
    }
    out
}
