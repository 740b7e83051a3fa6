//! Activations in the form that a weight format multiplies with.
//!
//! Where ggml's portable and vector code round differently, this follows its x86 code, which made
//! most of the outputs that people compare with:
//!
//! - Q8_0: `d = amax / 127` stored as f16, quants `round(x · (127 / amax))`, ties to even (ggml's
//!   portable code rounds ties away from zero);
//! - Q8_1: as Q8_0, with the sum of the integers times `d` (before `d` is rounded), as f16;
//! - Q8_K: `1 / d = −127 / max` with the signed value of largest magnitude (the first of equals),
//!   ties to even.

use half::slice::HalfFloatSliceExt;
use half::vec::HalfFloatVecExt;
use half::{bf16, f16};

use super::{Partner, SMALL_BLOCK, SUPER_BLOCK};

/// One or more rows of activations, all of the same length.
#[allow(non_camel_case_types)]
#[derive(Clone, Debug)]
pub enum Activations {
    /// Rows of f32.
    F32(Float),
    /// Rows of f16.
    F16(Halves),
    /// Rows of bf16.
    BF16(Halves),
    /// Rows of Q8_0 blocks.
    Q8_0(Q8_0),
    /// Rows of Q8_1 blocks.
    Q8_1(Q8_1),
    /// Rows of Q8_K blocks.
    Q8_K(Q8_K),
}

/// Rows of f32.
#[derive(Clone, Debug)]
pub struct Float {
    /// Elements of a row.
    pub n: usize,
    /// The rows, one after another.
    pub values: Vec<f32>,
}

/// Rows of numbers of 16 bits.
#[derive(Clone, Debug)]
pub struct Halves {
    /// Elements of a row.
    pub n: usize,
    /// The bits of the rows, one after another.
    pub bits: Vec<u16>,
}

/// Rows of blocks of 32: one scale and 32 integers in −127..=127 each.
#[allow(non_camel_case_types)]
#[derive(Clone, Debug)]
pub struct Q8_0 {
    /// Elements of a row.
    pub n: usize,
    /// Scales, one a block; each is the value of an f16.
    pub scales: Vec<f32>,
    /// Integers, 32 a block.
    pub quants: Vec<i8>,
    /// The sum of each block's integers.
    pub sums: Vec<i32>,
}

/// Rows of blocks of 32 as Q8_0, for weights with a min.
#[allow(non_camel_case_types)]
#[derive(Clone, Debug)]
pub struct Q8_1 {
    /// Scales and integers.
    pub blocks: Q8_0,
    /// What a min of 1 is multiplied with: the sum of a block; each is the value of an f16.
    pub sums: Vec<f32>,
}

/// Rows of blocks of 256: one scale and 256 integers in −127..=127 each.
#[allow(non_camel_case_types)]
#[derive(Clone, Debug)]
pub struct Q8_K {
    /// Elements of a row.
    pub n: usize,
    /// Scales, one a block.
    pub scales: Vec<f32>,
    /// Integers, 256 a block.
    pub quants: Vec<i8>,
    /// Sums of 16 consecutive integers, 16 a block.
    pub sums: Vec<i16>,
}

impl Activations {
    /// Converts rows of `n` elements, a multiple of the partner's block, for weights with that
    /// partner.
    ///
    /// Inlined, so that a level's instructions can be enabled around it.
    #[inline(always)]
    pub fn new(partner: Partner, n: usize, rows: &[f32]) -> Self {
        match partner {
            Partner::F32 => Activations::F32(Float { n, values: rows.to_vec() }),
            Partner::F16 => Activations::F16(Halves { n, bits: f16_bits(rows) }),
            Partner::BF16 => {
                let bits = rows.iter().map(|&x| bf16::from_f32(x).to_bits()).collect();
                Activations::BF16(Halves { n, bits })
            }
            Partner::Q8_0 => Activations::Q8_0(q8_0(n, rows)),
            Partner::Q8_1 => Activations::Q8_1(q8_1(n, rows)),
            Partner::Q8_K => Activations::Q8_K(q8_k(n, rows)),
        }
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        match self {
            Activations::F32(x) => x.rows(),
            Activations::F16(x) | Activations::BF16(x) => x.rows(),
            Activations::Q8_0(x) => x.rows(),
            Activations::Q8_1(x) => x.blocks.rows(),
            Activations::Q8_K(x) => x.rows(),
        }
    }

    /// Elements of a row.
    pub fn n(&self) -> usize {
        match self {
            Activations::F32(x) => x.n,
            Activations::F16(x) | Activations::BF16(x) => x.n,
            Activations::Q8_0(x) => x.n,
            Activations::Q8_1(x) => x.blocks.n,
            Activations::Q8_K(x) => x.n,
        }
    }
}

impl Float {
    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.values.len() / self.n
    }
}

impl Halves {
    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.bits.len() / self.n
    }
}

impl Q8_0 {
    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.quants.len() / self.n
    }
}

impl Q8_K {
    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.quants.len() / self.n
    }
}

/// The nearest f16, ties to even.
pub(crate) fn round_f16(x: f32) -> f32 {
    f16::from_f32(x).to_f32()
}

/// Each number's nearest f16, ties to even.
fn f16s(x: &[f32]) -> Vec<f16> {
    let mut halves = vec![f16::ZERO; x.len()];
    halves.convert_from_f32_slice(x);
    halves
}

/// The bits of each number's nearest f16, ties to even.
pub(crate) fn f16_bits(x: &[f32]) -> Vec<u16> {
    f16s(x).reinterpret_into()
}

/// Rounds each number to the nearest f16, ties to even.
pub(crate) fn round_f16_rows(x: &mut [f32]) {
    f16s(x).convert_to_f32_slice(x);
}

/// The nearest integer, ties to even, of a number below 2²² in magnitude.
///
/// Adding 1.5 · 2²³ leaves no room for a fraction, so the addition itself rounds. Unlike
/// `round_ties_even` this needs no call where the target lacks the instruction.
#[inline(always)]
fn nearest(x: f32) -> i32 {
    const MAGIC: f32 = 12_582_912.0;
    (x + MAGIC).to_bits() as i32 - MAGIC.to_bits() as i32
}

/// The largest magnitude of whole sixteens; what is not a number does not count.
///
/// Sixteen running maxima, so that the loop can become vector code: a maximum does not depend on
/// the order.
#[inline(always)]
fn largest_magnitude(block: &[f32]) -> f32 {
    let mut lanes = [0.0f32; 16];
    for sixteen in block.as_chunks::<16>().0 {
        for (lane, x) in lanes.iter_mut().zip(sixteen) {
            *lane = if x.abs() > *lane { x.abs() } else { *lane };
        }
    }
    lanes.into_iter().fold(0.0, |max, x| if x > max { x } else { max })
}

/// Blocks of zeros, and of numbers too small to invert, have no scale.
#[inline(always)]
fn finite_or_zero(x: f32) -> f32 {
    if x.is_finite() { x } else { 0.0 }
}

#[inline(always)]
fn q8_0(n: usize, rows: &[f32]) -> Q8_0 {
    let blocks = rows.len() / SMALL_BLOCK;
    let mut out = Q8_0 {
        n,
        scales: Vec::with_capacity(blocks),
        quants: Vec::with_capacity(rows.len()),
        sums: Vec::with_capacity(blocks),
    };
    for block in rows.chunks_exact(SMALL_BLOCK) {
        let amax = largest_magnitude(block);
        let inverse = finite_or_zero(127.0 / amax);
        out.scales.push(round_f16(amax / 127.0));
        out.quants.extend(block.iter().map(|&x| nearest(x * inverse) as i8));
        let quants = &out.quants[out.quants.len() - SMALL_BLOCK..];
        out.sums.push(quants.iter().map(|&q| i32::from(q)).sum());
    }
    out
}

#[inline(always)]
fn q8_1(n: usize, rows: &[f32]) -> Q8_1 {
    let blocks = q8_0(n, rows);
    let sum = |(block, &sum): (&[f32], &i32)| round_f16(largest_magnitude(block) / 127.0 * sum as f32);
    let sums = rows.chunks_exact(SMALL_BLOCK).zip(&blocks.sums).map(sum).collect();
    Q8_1 { blocks, sums }
}

#[inline(always)]
fn q8_k(n: usize, rows: &[f32]) -> Q8_K {
    let blocks = rows.len() / SUPER_BLOCK;
    let mut out = Q8_K {
        n,
        scales: Vec::with_capacity(blocks),
        quants: Vec::with_capacity(rows.len()),
        sums: Vec::with_capacity(blocks * 16),
    };
    for block in rows.chunks_exact(SUPER_BLOCK) {
        let amax = largest_magnitude(block);
        let max = block.iter().copied().find(|x| x.abs() == amax).unwrap_or(0.0);
        let inverse = finite_or_zero(-127.0 / max);
        out.scales.push(finite_or_zero(1.0 / inverse));
        out.quants.extend(block.iter().map(|&x| nearest(x * inverse).min(127) as i8));
        let quants = &out.quants[out.quants.len() - SUPER_BLOCK..];
        out.sums.extend(quants.chunks_exact(16).map(|run| run.iter().map(|&q| i16::from(q)).sum::<i16>()));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nearest_rounds_ties_to_even() {
        for (x, want) in
            [(0.5, 0), (1.5, 2), (2.5, 2), (-0.5, 0), (-1.5, -2), (126.5, 126), (0.500_000_06, 1)]
        {
            assert_eq!(nearest(x), want, "{x}");
        }
        for i in -127..=127 {
            assert_eq!(nearest(i as f32), i);
        }
    }

    #[test]
    fn a_known_block_of_each_kind() {
        let mut row = vec![0.0; 256];
        (row[0], row[1], row[2]) = (-2.0, 1.0, 2.0);
        let Activations::Q8_0(q) = Activations::new(Partner::Q8_0, 256, &row) else { unreachable!() };
        assert_eq!(q.scales[0], round_f16(2.0 / 127.0));
        // 1 · 63.5 is a tie and goes to 64.
        assert_eq!((&q.quants[..3], q.sums[0]), (&[-127i8, 64, 127][..], 64));
        assert_eq!((q.scales[1], q.sums[1]), (0.0, 0));
        let Activations::Q8_1(q) = Activations::new(Partner::Q8_1, 256, &row) else { unreachable!() };
        assert_eq!((q.sums[0], q.sums[1]), (round_f16(2.0 / 127.0 * 64.0), 0.0));

        // The first of two equal magnitudes gives the sign: −2 becomes −127 · (−2 / −2).
        let Activations::Q8_K(q) = Activations::new(Partner::Q8_K, 256, &row) else { unreachable!() };
        assert_eq!(q.scales, [1.0 / 63.5]);
        assert_eq!((&q.quants[..3], q.sums[0]), (&[-127i8, 64, 127][..], 64));
        row[0] = 2.0;
        let Activations::Q8_K(q) = Activations::new(Partner::Q8_K, 256, &row) else { unreachable!() };
        assert_eq!(q.scales, [-1.0 / 63.5]);
        assert_eq!((&q.quants[..3], q.sums[0]), (&[-127i8, -64, -127][..], -318));
    }

    proptest! {
        /// Half a step of the block's scale, and what rounding the scale to f16 costs at most.
        #[test]
        fn quantised_activations_stay_near(row in prop::collection::vec(-1000.0f32..1000.0, 512)) {
            let Activations::Q8_0(q) = Activations::new(Partner::Q8_0, 512, &row) else { unreachable!() };
            let Activations::Q8_K(k) = Activations::new(Partner::Q8_K, 512, &row) else { unreachable!() };
            for (i, &x) in row.iter().enumerate() {
                let d = q.scales[i / 32];
                let back = d * f32::from(q.quants[i]);
                prop_assert!((back - x).abs() <= d.abs() * (0.501 + 127.0 / 2048.0), "{x} came back as {back}");
                let d = k.scales[i / 256];
                let back = d * f32::from(k.quants[i]);
                prop_assert!((back - x).abs() <= d.abs() * 0.501, "{x} came back as {back}");
            }
            prop_assert_eq!(q.sums.iter().sum::<i32>(), q.quants.iter().map(|&q| i32::from(q)).sum::<i32>());
            prop_assert_eq!(k.sums.iter().map(|&s| i32::from(s)).sum::<i32>(), k.quants.iter().map(|&q| i32::from(q)).sum::<i32>());
        }

        #[test]
        fn narrowing_rounds_to_nearest_even(x in any::<f32>().prop_filter("NaN", |x| !x.is_nan())) {
            // bf16 by its definition on the bits.
            let bits = x.to_bits();
            let want = f32::from_bits((bits.wrapping_add(0x7fff + (bits >> 16 & 1))) & 0xffff_0000);
            let Activations::BF16(got) = Activations::new(Partner::BF16, 1, &[x]) else { unreachable!() };
            prop_assert_eq!(u32::from(got.bits[0]) << 16, want.to_bits());
        }
    }

    /// Every f16, the midpoint to the next one and the f32s beside the midpoint.
    #[test]
    fn f16_rounding_is_exact_everywhere() {
        for bits in 0..0x7c00u16 {
            let value = f16::from_bits(bits).to_f32();
            // The value by definition: a sign-less mantissa and exponent.
            let (exponent, mantissa) = (i32::from(bits >> 10), f64::from(bits & 0x3ff));
            let exact = if exponent == 0 {
                mantissa * 2.0f64.powi(-24)
            } else {
                (1024.0 + mantissa) * 2.0f64.powi(exponent - 25)
            };
            assert_eq!(f64::from(value), exact);
            let next = if bits == 0x7bff { 65536.0 } else { f64::from(f16::from_bits(bits + 1).to_f32()) };
            let middle = ((exact + next) / 2.0) as f32;
            let even = bits + (bits & 1);
            for sign in [0u16, 0x8000] {
                let signed = |x: f32| if sign == 0 { x } else { -x };
                assert_eq!(f16::from_f32(signed(value)).to_bits(), bits | sign);
                assert_eq!(f16::from_f32(signed(middle)).to_bits(), even | sign);
                assert_eq!(f16::from_f32(signed(middle.next_down())).to_bits(), bits | sign);
                assert_eq!(f16::from_f32(signed(middle.next_up())).to_bits(), (bits + 1) | sign);
            }
        }
    }
}
