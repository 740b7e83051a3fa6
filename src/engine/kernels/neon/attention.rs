//! The row operations of attention.

use std::arch::aarch64::*;

use half::f16;

use super::super::Head;
use super::super::attention::attend_with;
use super::{fma, fold16, round4, widen};
use crate::engine::quant::round_f16;

pub(in crate::engine::kernels) fn attend(head: &Head<'_>, out: &mut [f32]) {
    #[target_feature(enable = "neon")]
    fn inner(head: &Head<'_>, out: &mut [f32]) {
        attend_with(
            head,
            out,
            |key, query| dot(key, query),
            |out, factor| rescale(out, factor),
            |out, v, w| add(out, v, w),
        );
    }
    // SAFETY: this table is handed out only where NEON was detected.
    unsafe { inner(head, out) }
}

#[inline]
#[target_feature(enable = "neon")]
fn dot(key: &[u16], query: &[f32]) -> f32 {
    assert_eq!(key.len(), query.len());
    let (runs, eights) = (key.len() / 64, key.len() % 64 / 8);
    // SAFETY: a quarter of sixteen lies inside key and query wherever it is asked for:
    // 4 · at + 4 ≤ their length.
    let load = |at: usize| unsafe {
        (widen(vld1_u16(key.as_ptr().add(4 * at))), vld1q_f32(query.as_ptr().add(4 * at)))
    };
    let mut lanes = [vdupq_n_f32(0.0); 16];
    for run in 0..runs {
        for (j, lanes) in lanes.iter_mut().enumerate() {
            let (k, q) = load(16 * run + j);
            *lanes = vfmaq_f32(*lanes, k, q);
        }
    }
    let fold =
        |j: usize| vaddq_f32(vaddq_f32(lanes[j], lanes[j + 8]), vaddq_f32(lanes[j + 4], lanes[j + 12]));
    let whole = fold16([fold(0), fold(1), fold(2), fold(3)]);

    // Eight lanes of f64. Products of f16 and f32 are exact there: fused or not is the same.
    let mut wide = [vdupq_n_f64(0.0); 4];
    for eighth in 0..eights {
        for half in 0..2 {
            let (k, q) = load(16 * runs + 2 * eighth + half);
            let low = (vcvt_f64_f32(vget_low_f32(k)), vcvt_f64_f32(vget_low_f32(q)));
            let high = (vcvt_high_f64_f32(k), vcvt_high_f64_f32(q));
            wide[2 * half] = vfmaq_f64(wide[2 * half], low.0, low.1);
            wide[2 * half + 1] = vfmaq_f64(wide[2 * half + 1], high.0, high.1);
        }
    }
    let done = 64 * runs + 8 * eights;
    let mut rest = [0.0f64; 8];
    for (rest, (&k, &q)) in rest.iter_mut().zip(key[done..].iter().zip(&query[done..])) {
        *rest = f64::from(f16::from_bits(k).to_f32()) * f64::from(q);
    }
    for (j, wide) in wide.iter_mut().enumerate() {
        // SAFETY: the array is four times two f64 long.
        *wide = vaddq_f64(*wide, unsafe { vld1q_f64(rest[2 * j..].as_ptr()) });
    }
    let two = vaddq_f64(vaddq_f64(wide[0], wide[2]), vaddq_f64(wide[1], wide[3]));
    (f64::from(whole) + (vgetq_lane_f64::<0>(two) + vgetq_lane_f64::<1>(two))) as f32
}

#[inline]
#[target_feature(enable = "neon")]
fn rescale(out: &mut [f32], factor: f32) {
    let mut fours = out.chunks_exact_mut(4);
    for four in &mut fours {
        // SAFETY: the chunk is four f32 long.
        unsafe { vst1q_f32(four.as_mut_ptr(), round4(vmulq_n_f32(vld1q_f32(four.as_ptr()), factor))) };
    }
    for x in fours.into_remainder() {
        *x = round_f16(*x * factor);
    }
}

#[inline]
#[target_feature(enable = "neon")]
fn add(out: &mut [f32], value: &[u16], weight: f32) {
    let mut fours = out.chunks_exact_mut(4).zip(value.chunks_exact(4));
    for (four, value) in &mut fours {
        // SAFETY: the chunks are four f32 and four u16 long.
        unsafe {
            let sum = vfmaq_n_f32(vld1q_f32(four.as_ptr()), widen(vld1_u16(value.as_ptr())), weight);
            vst1q_f32(four.as_mut_ptr(), round4(sum));
        }
    }
    let whole = value.len() / 4 * 4;
    for (x, &v) in out[whole..].iter_mut().zip(&value[whole..]) {
        *x = round_f16(fma(f16::from_bits(v).to_f32(), weight, *x));
    }
}
