//! The small steps between matrix products: normalisation, rotation, gating.
//!
//! Plain Rust, whose sums and products are never fused or reordered unless `libm::fmaf` says so,
//! and `libm`: the same bits everywhere. Sources are named at each function.

use super::arch::{Rope, Yarn};

/// `x · weight / sqrt(mean(x²) + eps)`, with f32 weights as stored (Zhang and Sennrich, "Root mean
/// square layer normalization", 2019).
///
/// As in ggml each square is rounded to f32 and the sum is kept in f64. The sum has eight lanes,
/// element `i` in lane `i mod 8`, folded in halves.
pub(super) fn rms_norm(x: &[f32], weight: &[u8], eps: f32, out: &mut [f32]) {
    let mut lanes = [0.0f64; 8];
    for eight in x.chunks(8) {
        for (lane, &x) in lanes.iter_mut().zip(eight) {
            *lane += f64::from(x * x);
        }
    }
    let sum =
        ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
    let mean = (sum / x.len() as f64) as f32;
    let scale = 1.0 / (mean + eps).sqrt();
    for ((out, &x), w) in out.iter_mut().zip(x).zip(weight.chunks_exact(4)) {
        *out = x * scale * f32::from_le_bytes([w[0], w[1], w[2], w[3]]);
    }
}

/// Which elements of a head form the pairs that rotary embedding turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RopePairs {
    /// Neighbours: 2i and 2i + 1. ggml calls it "norm".
    Adjacent,
    /// Halves: i and i + n/2. ggml calls it "neox".
    Halves,
}

/// The angles of one position, as cosine and sine for each pair.
///
/// As in ggml the angle starts as the position and is multiplied along by `base^(−2/n)`, `n` being
/// the rotated elements; `factors`, when not empty, divides the angle of each pair. Under YaRN a
/// pair turns at the scaled speed, as trained, or at a mixture of the two.
pub(super) fn rope_angles(position: u32, pairs: usize, rope: &Rope, factors: &[f32]) -> Vec<(f32, f32)> {
    // Errors of the step add up along the pairs, and powf is off by a unit for common bases: the
    // power is taken in f64 and rounded once.
    let step = libm::pow(rope.base.into(), (-2.0 / (2 * pairs) as f32).into()) as f32;
    let magnitude = rope_magnitude(rope);
    let mut theta = position as f32;
    let mut angles = Vec::with_capacity(pairs);
    for i in 0..pairs {
        let trained = theta / factors.get(i).copied().unwrap_or(1.0);
        let scaled = rope.scale * trained;
        let angle = match rope.yarn {
            None => scaled,
            Some(Yarn { low, high }) => {
                let way = (i as f32 - low) / (high - low).max(0.001);
                let mix = 1.0 - way.clamp(0.0, 1.0);
                scaled * (1.0 - mix) + trained * mix
            }
        };
        angles.push((libm::cosf(angle) * magnitude, libm::sinf(angle) * magnitude));
        theta *= step;
    }
    angles
}

/// What cosines and sines are multiplied with.
///
/// YaRN has a temperature of `1 + ln(factor) / 10`, which multiplies the angles in ggml and which
/// llama.cpp, whose models carry it in their attention factor, divides out and brings back: the
/// steps are those of llama.cpp because each of them rounds.
fn rope_magnitude(rope: &Rope) -> f32 {
    if rope.yarn.is_none() {
        return rope.magnitude;
    }
    let factor = 1.0 / rope.scale;
    let temperature = 1.0 + 0.1 * libm::logf(factor);
    let brought = if factor <= 1.0 { 1.0 } else { 0.1 * libm::logf(factor) + 1.0 };
    (brought * (1.0 / temperature) * rope.magnitude) * (1.0 + 0.1 * libm::logf(1.0 / rope.scale))
}

/// Rotates the first `2 · angles.len()` elements of a head (Su et al., "RoFormer", 2021).
///
/// The first product of each sum is fused, as compilers contract ggml's code: keys are then the
/// same f16 as llama.cpp's, which a sum rounded twice is not in one of some thousand elements.
pub(super) fn rotate(head: &mut [f32], angles: &[(f32, f32)], kind: RopePairs) {
    for (i, &(cos, sin)) in angles.iter().enumerate() {
        let (a, b) = match kind {
            RopePairs::Adjacent => (2 * i, 2 * i + 1),
            RopePairs::Halves => (i, i + angles.len()),
        };
        let (x, y) = (head[a], head[b]);
        head[a] = libm::fmaf(x, cos, -(y * sin));
        head[b] = libm::fmaf(x, sin, y * cos);
    }
}

/// `silu(gate) · up` (Shazeer, "GLU variants improve transformer", 2020).
pub(super) fn swiglu(gate: f32, up: f32) -> f32 {
    gate / (1.0 + libm::expf(-gate)) * up
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PLAIN: Rope = Rope { rotates: true, base: 10000.0, scale: 1.0, magnitude: 1.0, yarn: None };

    proptest! {
        #[test]
        fn rms_norm_is_near_its_definition(x in prop::collection::vec(-100.0f32..100.0, 1..70)) {
            let weights: Vec<f32> = (0..x.len()).map(|i| 0.5 + i as f32 * 0.25).collect();
            let bytes: Vec<u8> = weights.iter().flat_map(|w| w.to_le_bytes()).collect();
            let mut out = vec![0.0; x.len()];
            rms_norm(&x, &bytes, 1e-5, &mut out);
            let mean = x.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / x.len() as f64;
            for ((&out, &x), &w) in out.iter().zip(&x).zip(&weights) {
                let exact = f64::from(x) * f64::from(w) / (mean + f64::from(1e-5f32)).sqrt();
                prop_assert!((f64::from(out) - exact).abs() <= exact.abs() * 1e-6, "{out} is not {exact}");
            }
        }

        #[test]
        fn swiglu_is_near_its_definition(gate in -90.0f32..90.0, up in -10.0f32..10.0) {
            let exact = f64::from(gate) / (1.0 + (-f64::from(gate)).exp()) * f64::from(up);
            let got = f64::from(swiglu(gate, up));
            prop_assert!((got - exact).abs() <= exact.abs() * 1e-6 + 1e-35, "{got} is not {exact}");
        }

        #[test]
        fn rotation_turns_each_pair_by_its_angle(position in 0u32..4096, kind in 0usize..2) {
            let kind = [RopePairs::Adjacent, RopePairs::Halves][kind];
            let angles = rope_angles(position, 4, &PLAIN, &[]);
            let mut head: Vec<f32> = (0..10).map(|i| i as f32 + 1.0).collect();
            rotate(&mut head, &angles, kind);
            for i in 0..4 {
                let (a, b) = if kind == RopePairs::Adjacent { (2 * i, 2 * i + 1) } else { (i, i + 4) };
                let angle = f64::from(position) * 10000f64.powf(-2.0 * i as f64 / 8.0);
                let (x, y) = (a as f64 + 1.0, b as f64 + 1.0);
                // The angle carries the relative error of f32, so the bound grows with it.
                let bound = 1e-5 + 4e-6 * angle;
                prop_assert!((f64::from(head[a]) - (x * angle.cos() - y * angle.sin())).abs() <= bound * 14.0);
                prop_assert!((f64::from(head[b]) - (x * angle.sin() + y * angle.cos())).abs() <= bound * 14.0);
            }
            // Elements behind the rotated ones stay.
            prop_assert_eq!(&head[8..], &[9.0, 10.0]);
        }
    }

    #[test]
    fn factors_and_scale_divide_the_angle() {
        let rope = Rope { base: 100.0, ..PLAIN };
        let plain = rope_angles(8, 2, &rope, &[]);
        let factored = rope_angles(16, 2, &Rope { scale: 0.5, ..rope }, &[1.0, 2.0]);
        assert_eq!(plain[0], factored[0]);
        assert_eq!(factored[1], (libm::cosf(0.4), libm::sinf(0.4)));
    }

    /// Pairs 0 and 1 turn as trained, 3 at a quarter of the speed, 2 half-way between.
    #[test]
    fn yarn_mixes_the_two_speeds() {
        let yarn = Rope { scale: 0.25, magnitude: 1.0, yarn: Some(Yarn { low: 1.0, high: 3.0 }), ..PLAIN };
        let angles = rope_angles(100, 4, &yarn, &[]);
        let temperature = 1.0 + 0.1 * 4.0f64.ln();
        for (i, speed) in [1.0, 1.0, 0.625, 0.25].into_iter().enumerate() {
            let angle = 100.0 * speed * 10000f64.powf(-(i as f64) / 4.0);
            for (got, exact) in [(angles[i].0, angle.cos()), (angles[i].1, angle.sin())] {
                assert!((f64::from(got) - exact * temperature).abs() < 1e-4, "pair {i}: {got}");
            }
        }
    }
}
