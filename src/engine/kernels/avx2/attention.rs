//! The row operations of attention.

use std::arch::x86_64::*;

use half::f16;

use super::super::Head;
use super::super::attention::attend_with;
use super::{fma, fold8};
use crate::engine::quant::round_f16;

pub(in crate::engine::kernels) fn attend(head: &Head<'_>, out: &mut [f32]) {
    #[target_feature(enable = "avx2,fma,f16c")]
    fn inner(head: &Head<'_>, out: &mut [f32]) {
        attend_with(
            head,
            out,
            |key, query| dot(key, query),
            |out, factor| rescale(out, factor),
            |out, v, w| add(out, v, w),
        );
    }
    // SAFETY: this table is handed out only where AVX2, FMA and F16C were detected.
    unsafe { inner(head, out) }
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn dot(key: &[u16], query: &[f32]) -> f32 {
    assert_eq!(key.len(), query.len());
    let (runs, eights) = (key.len() / 64, key.len() % 64 / 8);
    // SAFETY: an eighth lies inside key and query wherever it is asked for: 8 · at + 8 ≤ their
    // length. The loads are unaligned ones.
    let load = |at: usize| unsafe {
        let k = _mm256_cvtph_ps(_mm_loadu_si128(key.as_ptr().add(8 * at).cast()));
        (k, _mm256_loadu_ps(query.as_ptr().add(8 * at)))
    };
    let mut lanes = [_mm256_setzero_ps(); 8];
    for run in 0..runs {
        for (j, lanes) in lanes.iter_mut().enumerate() {
            let (k, q) = load(8 * run + j);
            *lanes = _mm256_fmadd_ps(k, q, *lanes);
        }
    }
    let fold = |j: usize| {
        let (first, second) =
            (_mm256_add_ps(lanes[j], lanes[j + 4]), _mm256_add_ps(lanes[j + 2], lanes[j + 6]));
        _mm256_add_ps(first, second)
    };
    let whole = fold8(_mm256_add_ps(fold(0), fold(1)));

    let mut wide = [_mm256_setzero_pd(); 2];
    for eighth in 0..eights {
        let (k, q) = load(8 * runs + eighth);
        // Products of f16 and f32 are exact in f64: fused or not is the same.
        let low = (_mm256_cvtps_pd(_mm256_castps256_ps128(k)), _mm256_cvtps_pd(_mm256_castps256_ps128(q)));
        let high =
            (_mm256_cvtps_pd(_mm256_extractf128_ps::<1>(k)), _mm256_cvtps_pd(_mm256_extractf128_ps::<1>(q)));
        wide = [_mm256_fmadd_pd(low.0, low.1, wide[0]), _mm256_fmadd_pd(high.0, high.1, wide[1])];
    }
    let done = 64 * runs + 8 * eights;
    if done < key.len() {
        let mut rest = [0.0f64; 8];
        for (rest, (&k, &q)) in rest.iter_mut().zip(key[done..].iter().zip(&query[done..])) {
            *rest = f64::from(f16::from_bits(k).to_f32()) * f64::from(q);
        }
        // SAFETY: the array holds twice four f64; the loads are unaligned ones.
        let rest = unsafe { [_mm256_loadu_pd(rest.as_ptr()), _mm256_loadu_pd(rest.as_ptr().add(4))] };
        wide = [_mm256_add_pd(wide[0], rest[0]), _mm256_add_pd(wide[1], rest[1])];
    }
    let four = _mm256_add_pd(wide[0], wide[1]);
    let two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd::<1>(four));
    let rest = _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
    (f64::from(whole) + rest) as f32
}

/// Eight f32 rounded to f16 and back.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn round8(x: __m256) -> __m256 {
    _mm256_cvtph_ps(_mm256_cvtps_ph::<{ _MM_FROUND_TO_NEAREST_INT }>(x))
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn rescale(out: &mut [f32], factor: f32) {
    let mut eights = out.chunks_exact_mut(8);
    for eight in &mut eights {
        // SAFETY: the chunk is eight f32 long.
        unsafe {
            let x = _mm256_loadu_ps(eight.as_ptr());
            _mm256_storeu_ps(eight.as_mut_ptr(), round8(_mm256_mul_ps(x, _mm256_set1_ps(factor))));
        }
    }
    for x in eights.into_remainder() {
        *x = round_f16(*x * factor);
    }
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn add(out: &mut [f32], value: &[u16], weight: f32) {
    let weights = _mm256_set1_ps(weight);
    let mut eights = out.chunks_exact_mut(8).zip(value.chunks_exact(8));
    for (eight, value) in &mut eights {
        // SAFETY: the chunks are eight f32 and eight u16 long.
        unsafe {
            let v = _mm256_cvtph_ps(_mm_loadu_si128(value.as_ptr().cast()));
            let x = _mm256_loadu_ps(eight.as_ptr());
            _mm256_storeu_ps(eight.as_mut_ptr(), round8(_mm256_fmadd_ps(v, weights, x)));
        }
    }
    let whole = value.len() / 8 * 8;
    for (x, &v) in out[whole..].iter_mut().zip(&value[whole..]) {
        *x = round_f16(fma(f16::from_bits(v).to_f32(), weight, *x));
    }
}
