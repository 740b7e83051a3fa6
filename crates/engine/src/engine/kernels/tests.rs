//! Levels against the scalar oracle, and the oracle against f64.

use half::f16;
use proptest::prelude::*;

use super::*;
use crate::engine::quant::tests::scales_at;
use crate::engine::quant::{Partner, dequantize};

/// The bytes of `rows` rows of `n` weights from a stream of random bytes, with finite scales.
///
/// Every byte of an integer may occur. The exponents of f16 scales are kept off the top so that
/// sums stay finite; float weights likewise.
fn weights(format: Format, n: usize, rows: usize, random: &[u8]) -> Vec<u8> {
    let mut bytes: Vec<u8> = random.iter().copied().cycle().take(format.row_bytes(n) * rows).collect();
    let exponents: &[usize] = match format {
        Format::F32 => &[3],
        Format::F16 | Format::BF16 => &[1],
        _ => scales_at(format),
    };
    for block in bytes.chunks_exact_mut(format.block_bytes()) {
        for &at in exponents {
            block[at] &= 0xBF;
        }
    }
    bytes
}

fn available() -> Vec<Kernels> {
    CpuLevel::ALL.iter().filter_map(|&level| Kernels::for_level(level).ok()).collect()
}

fn multiply(kernels: Kernels, format: Format, weights: &[u8], x: &Activations) -> Vec<f32> {
    let rows = weights.len() / format.row_bytes(x.n());
    let mut out = vec![f32::NAN; rows * x.rows()];
    kernels.multiply(format, weights, x, &mut out);
    out
}

/// Rows with a wide range of magnitudes, among them zeros of both signs and equal extremes.
fn activation() -> impl Strategy<Value = f32> {
    prop_oneof![
        8 => -10.0f32..10.0,
        1 => Just(0.0f32),
        1 => Just(-0.0f32),
        1 => prop_oneof![Just(60000.0f32), Just(-60000.0)],
        1 => (-30i32..10, any::<bool>()).prop_map(|(e, s)| if s { 2.0f32.powi(e) } else { -(2.0f32.powi(e)) }),
    ]
}

fn x_of(rows: &[f32], format: Format, n: usize) -> Activations {
    Activations::new(format.partner(), n, rows)
}

/// The blocks of activations for weights with a min.
fn blocks_of(x: &Activations) -> &Q8_0 {
    match x {
        Activations::Q8_1(x) => &x.blocks,
        _ => panic!("activations of another form"),
    }
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|x| x.to_bits()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn every_level_has_the_bits_of_the_oracle(
        random in prop::collection::vec(any::<u8>(), 997),
        pool in prop::collection::vec(activation(), 601),
        blocks in 1usize..20,
        // Tiles of every level end before and behind their edges: up to 16 rows and 8 tokens.
        (tokens, rows) in prop_oneof![(1usize..7, 1usize..4), (1usize..20, 1usize..6), (1usize..3, 1usize..40), Just((9, 33))],
    ) {
        let oracle = Kernels::for_level(CpuLevel::Scalar).unwrap();
        for &format in Format::ALL {
            // Float rows end in the middle of the lanes as often as not.
            let n = if format.block_elements() == 1 { blocks * 11 } else { format.block_elements() * blocks };
            let weights = weights(format, n, rows, &random);
            let x: Vec<f32> = pool.iter().copied().cycle().take(n * tokens).collect();
            let x = Activations::new(format.partner(), n, &x);
            let want = multiply(oracle, format, &weights, &x);
            for kernels in available() {
                let got = multiply(kernels, format, &weights, &x);
                prop_assert_eq!(bits(&got), bits(&want), "{:?} at {}", format, kernels.level());
            }
        }
    }

    /// Each step rounds by at most half a unit in the last place, so a sum is off by at most
    /// (steps + 1) · 2⁻²⁴ of the sum of magnitudes, whatever the order.
    #[test]
    fn the_oracle_is_near_the_sum_in_f64(
        random in prop::collection::vec(any::<u8>(), 997),
        pool in prop::collection::vec(activation(), 601),
        blocks in 1usize..20,
    ) {
        let oracle = Kernels::for_level(CpuLevel::Scalar).unwrap();
        for &format in Format::ALL {
            let n = if format.block_elements() == 1 { blocks * 11 } else { format.block_elements() * blocks };
            let row = weights(format, n, 1, &random);
            // The sum of a block of Q8_1 must fit an f16, as in ggml.
            let size = if format.partner() == Partner::Q8_1 { 1.0 / 64.0 } else { 1.0 };
            let x_rows: Vec<f32> = pool.iter().map(|x| x * size).cycle().take(n).collect();
            let x = x_of(&x_rows, format, n);
            let mut w = vec![0.0; n];
            dequantize(format, &row, &mut w);
            // The two parts of a weight with a min may cancel, and are rounded before they do. The
            // sum that meets a min of Q4_1 or Q5_1 is an f16 besides.
            let (mut sum, mut magnitude, mut halves) = (0.0f64, 0.0f64, 0.0f64);
            for (i, &w) in w.iter().enumerate() {
                let element = match &x {
                    Activations::F32(x) => f64::from(x.values[i]),
                    Activations::F16(x) => f64::from(f16::from_bits(x.bits[i]).to_f32()),
                    Activations::BF16(x) => f64::from(f32::from_bits(u32::from(x.bits[i]) << 16)),
                    Activations::Q8_0(x) => f64::from(x.scales[i / 32]) * f64::from(x.quants[i]),
                    Activations::Q8_1(x) => f64::from(x.blocks.scales[i / 32]) * f64::from(x.blocks.quants[i]),
                    Activations::Q8_K(x) => f64::from(x.scales[i / 256]) * f64::from(x.quants[i]),
                };
                sum += f64::from(w) * element;
                let block = &row[i / format.block_elements() * format.block_bytes()..];
                let half_at = |at: usize| f64::from(f16::from_le_bytes([block[at], block[at + 1]]).to_f32()).abs();
                let (scale, min) = match format {
                    Format::Q4_1 | Format::Q5_1 => (half_at(0) * 31.0, half_at(2)),
                    Format::Q2_K => (half_at(80) * 15.0 * 3.0, half_at(82) * 15.0),
                    Format::Q4_K | Format::Q5_K => (half_at(0) * 63.0 * 31.0, half_at(2) * 63.0),
                    _ => (0.0, 0.0),
                };
                magnitude += (f64::from(w).abs() + 2.0 * (scale + min)) * element.abs();
                if format.partner() == Partner::Q8_1 {
                    // Two roundings to f16, of the scale and of the sum of up to 32 × 127 steps; half
                    // the smallest f16 where they are subnormal.
                    let step = f64::from(blocks_of(&x).scales[i / 32]);
                    halves += min * (step * 127.0 * 2.0f64.powi(-9) + 127.0 * 2.0f64.powi(-24));
                }
            }
            let got = f64::from(multiply(oracle, format, &row, &x)[0]);
            let steps = if format.block_elements() == 1 { n / 16 + 5 } else { n / 32 + 8 };
            let bound = magnitude * (steps as f64 + 4.0) * 2.0f64.powi(-24) + halves + 1e-37;
            prop_assert!((got - sum).abs() <= bound, "{format:?} × {n}: {got} is not {sum} within {bound}");
        }
    }

    #[test]
    fn attention_has_the_bits_of_the_oracle(
        pool in prop::collection::vec(any::<u16>(), 401),
        queries in prop::collection::vec(-4.0f32..4.0, 997),
        count in 1usize..8,
        (length, width) in prop_oneof![(1usize..150, 1usize..50), Just((64, 64)), Just((128, 176))],
        positions in 1usize..140,
        scale in prop_oneof![Just(0.25f32), Just(-0.01)],
    ) {
        // Exponents below the top: finite and not huge.
        let cell = |n: usize| pool.iter().map(|b| b & 0xBFFF).cycle().take(n).collect::<Vec<u16>>();
        let (keys, values) = (cell(positions * length), cell(positions * width));
        let queries: Vec<f32> = queries.iter().copied().cycle().take(count * length).collect();
        let heads = Heads { count, queries: &queries, keys: &keys, values: &values, scale };
        let run = |kernels: Kernels| {
            let mut out = vec![f32::NAN; count * width];
            kernels.attend(&heads, &mut out);
            out
        };
        let want = run(Kernels::for_level(CpuLevel::Scalar).unwrap());
        for kernels in available() {
            prop_assert_eq!(bits(&run(kernels)), bits(&want), "{}", kernels.level());
        }
        // The definition in f64. Each of the additions rounds to f16, relative to a running sum
        // whose weights are at most 1 each, hence 2⁻¹¹ of the largest value a position, twice.
        let f = |bits: &u16| f64::from(f16::from_bits(*bits).to_f32());
        for (query, want) in queries.chunks_exact(length).zip(want.chunks_exact(width)) {
            let score = |key: &[u16]| key.iter().zip(query).map(|(k, &q)| f(k) * f64::from(q)).sum::<f64>();
            let scores: Vec<f64> = keys.chunks_exact(length).map(|key| score(key) * f64::from(scale)).collect();
            let max = scores.iter().copied().fold(f64::MIN, f64::max);
            let sum: f64 = scores.iter().map(|s| (s - max).exp()).sum();
            let largest = values.iter().map(|v| f(v).abs()).fold(0.0, f64::max);
            for (j, &got) in want.iter().enumerate() {
                let exact: f64 =
                    (0..positions).map(|p| (scores[p] - max).exp() / sum * f(&values[p * width + j])).sum();
                let bound = largest * 2.0f64.powi(-10) * (positions as f64 + 1.0) + 1e-6;
                prop_assert!((f64::from(got) - exact).abs() <= bound, "{got} is not {exact}");
            }
        }
    }
}

/// Shapes that end inside a block of rows, one of tokens, and a piece of a row, after some whole ones.
#[test]
fn blocks_and_pieces_end_anywhere() {
    let random: Vec<u8> = (0..997u32).map(|i| (i * i % 251) as u8).collect();
    let oracle = Kernels::for_level(CpuLevel::Scalar).unwrap();
    for (format, n, rows, tokens) in [
        (Format::F32, 1024, 49, 33),
        (Format::F16, 2 * 1024 + 37, 101, 35),
        (Format::F16, 1023, 48, 32),
        (Format::BF16, 1024 + 70, 75, 70),
        (Format::Q8_0, 4096, 35, 37),
        (Format::Q5_1, 8192, 9, 19),
    ] {
        let weights = weights(format, n, rows, &random);
        let x: Vec<f32> = (0..n * tokens).map(|i| (i * 7 % 613) as f32 / 64.0 - 4.0).collect();
        let x = x_of(&x, format, n);
        let want = bits(&multiply(oracle, format, &weights, &x));
        for kernels in available() {
            let same = bits(&multiply(kernels, format, &weights, &x)) == want;
            assert!(same, "{format:?}, {rows} rows of {n} × {tokens} tokens at {}", kernels.level());
        }
    }
}

/// Integers at their extremes: the largest sums, the most negative, and pairs that would overflow
/// sixteen bits if a kernel multiplied the wrong sign first.
#[test]
fn extremes_are_exact() {
    for (byte, sign) in [(0x80u8, 1.0f32), (0x7f, 1.0), (0xff, -1.0), (0x00, -1.0), (0x80, -1.0)] {
        for &format in Format::ALL.iter().filter(|format| format.block_elements() > 1) {
            let n = 512;
            let mut row = vec![byte; format.row_bytes(n)];
            for block in row.chunks_exact_mut(format.block_bytes()) {
                for &at in scales_at(format) {
                    block[at - 1..at + 1].copy_from_slice(&f16::from_f32(1.0).to_le_bytes());
                }
            }
            // A scale of exactly 1: 127 is the largest magnitude.
            let x = vec![127.0 * sign; n];
            let x = Activations::new(format.partner(), n, &x);
            let mut w = vec![0.0; n];
            dequantize(format, &row, &mut w);
            let want: f64 = w.iter().map(|&w| f64::from(w) * 127.0 * f64::from(sign)).sum();
            for kernels in available() {
                let got = multiply(kernels, format, &row, &x)[0];
                // The sum of 32 × 127 meets a min as an f16, and what scales and mins amount to may cancel.
                let mins = if format.partner() == Partner::Q8_1 { 16.0 * 4.0 } else { 0.0 };
                let bound = want.abs() * 2.0f64.powi(-22) + 64.0 + mins;
                assert!((f64::from(got) - want).abs() <= bound, "{format:?} {byte:#x}: {got} is not {want}");
            }
        }
    }
}

#[test]
fn levels_have_names_and_detection_is_honest() {
    for &level in CpuLevel::ALL {
        assert_eq!(level.to_string().parse(), Ok(level));
        assert_eq!(Kernels::for_level(level).is_ok(), level.is_available());
    }
    assert!(CpuLevel::detect().is_available());
    let error = "neon9".parse::<CpuLevel>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "unknown CPU level `neon9`; the levels are scalar, avx2, avx512, neon, neon-dotprod"
    );
}

#[test]
#[should_panic(expected = "another form")]
fn activations_of_another_form_are_refused() {
    let x = Activations::new(Partner::Q8_0, 256, &[0.0; 256]);
    let kernels = Kernels::for_level(CpuLevel::Scalar).unwrap();
    kernels.multiply(Format::Q4_K, &[0; 144], &x, &mut [0.0]);
}
