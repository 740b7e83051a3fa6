//! Weight rows → f32, by ggml's definition of each format: products and sums rounded one by one,
//! never fused, in the order in which ggml writes them.

use half::{bf16, f16};

use super::unpack::{self, Super, k4_scales, q6};
use super::{Format, SMALL_BLOCK, SUPER_BLOCK};

/// Decodes a row of weights into `out`.
///
/// # Panics
/// If `row` is not [`Format::row_bytes`] of `out.len()` elements.
pub fn dequantize(format: Format, row: &[u8], out: &mut [f32]) {
    assert_eq!(out.len() % format.block_elements(), 0, "a row is whole blocks");
    assert_eq!(row.len(), format.row_bytes(out.len()), "the bytes of a {format:?} row");
    let blocks = row.chunks_exact(format.block_bytes()).zip(out.chunks_exact_mut(format.block_elements()));
    for (block, values) in blocks {
        match format {
            Format::F32 => values[0] = f32::from_le_bytes([block[0], block[1], block[2], block[3]]),
            Format::F16 => values[0] = f16_at(block, 0),
            Format::BF16 => values[0] = bf16::from_le_bytes([block[0], block[1]]).to_f32(),
            Format::Q8_0 => q8_0(block, values),
            Format::Q4_0 => small(block, values, unpack::q4_0),
            Format::Q4_1 => small_with_min(block, values, unpack::q4_1),
            Format::Q5_0 => small(block, values, unpack::q5_0),
            Format::Q5_1 => small_with_min(block, values, unpack::q5_1),
            Format::IQ4_NL => small(block, values, unpack::iq4_nl),
            Format::Q2_K => super_block(block, values, [80, 82], unpack::q2_k),
            Format::Q3_K => super_block(block, values, [108, 108], unpack::q3_k),
            Format::Q4_K => q4_k(block, values),
            Format::Q5_K => super_block(block, values, [0, 2], unpack::q5_k),
            Format::Q6_K => q6_k(block, values),
            Format::IQ4_XS => super_block(block, values, [0, 0], unpack::iq4_xs),
        }
    }
}

/// The f16 at a byte offset.
pub(crate) fn f16_at(bytes: &[u8], at: usize) -> f32 {
    f16::from_le_bytes([bytes[at], bytes[at + 1]]).to_f32()
}

fn q8_0(block: &[u8], out: &mut [f32]) {
    let d = f16_at(block, 0);
    for (value, &q) in out.iter_mut().zip(&block[2..]) {
        *value = f32::from(q as i8) * d;
    }
}

fn small(block: &[u8], out: &mut [f32], unpack: fn(&[u8], &mut unpack::Small)) {
    let mut quants = [0; SMALL_BLOCK];
    unpack(block, &mut quants);
    let d = f16_at(block, 0);
    out.iter_mut().zip(quants).for_each(|(value, q)| *value = f32::from(q) * d);
}

fn small_with_min(block: &[u8], out: &mut [f32], unpack: fn(&[u8], &mut unpack::Small)) {
    small(block, out, unpack);
    let m = f16_at(block, 2);
    out.iter_mut().for_each(|value| *value += m);
}

/// `at` is where the scales of scales and of mins stand; without mins there is nothing to take off.
fn super_block(block: &[u8], out: &mut [f32], at: [usize; 2], unpack: fn(&[u8], &mut Super)) {
    let mut unpacked = Super::ZERO;
    unpack(block, &mut unpacked);
    let [d, dmin] = at.map(|at| f16_at(block, at));
    let has_mins = at[0] != at[1];
    let runs = out.chunks_exact_mut(16).zip(unpacked.quants.chunks_exact(16));
    for ((values, quants), (scale, min)) in runs.zip(unpacked.scales.iter().zip(unpacked.mins)) {
        let scale = d * f32::from(*scale);
        for (value, &q) in values.iter_mut().zip(quants) {
            *value = scale * f32::from(q);
            if has_mins {
                *value -= dmin * f32::from(min);
            }
        }
    }
}

fn q4_k(block: &[u8], out: &mut [f32]) {
    let (d, dmin) = (f16_at(block, 0), f16_at(block, 2));
    let (scales, mins) = k4_scales(&block[4..16]);
    for (pair, (nibbles, out)) in block[16..].chunks_exact(32).zip(out.chunks_exact_mut(64)).enumerate() {
        let (low, high) = out.split_at_mut(32);
        for (values, shift) in [(low, 0), (high, 4)] {
            let j = 2 * pair + shift / 4;
            let (scale, min) = (d * f32::from(scales[j]), dmin * f32::from(mins[j]));
            for (value, &byte) in values.iter_mut().zip(nibbles) {
                *value = scale * f32::from((byte >> shift) & 15) - min;
            }
        }
    }
}

fn q6_k(block: &[u8], out: &mut [f32]) {
    let (low, high, scales) = (&block[..128], &block[128..192], &block[192..208]);
    let d = f16_at(block, 208);
    for (i, value) in out.iter_mut().enumerate().take(SUPER_BLOCK) {
        *value = d * f32::from(scales[i / 16] as i8) * f32::from(q6(low, high, i));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition of each format in f64, written from the format's tables and not from the code.
    fn definition(format: Format, row: &[u8], i: usize) -> f64 {
        let half_at = |at: usize| f64::from(f16::from_bits(u16::from_le_bytes([row[at], row[at + 1]])));
        match format {
            Format::F32 => f64::from(f32::from_le_bytes(row[4 * i..4 * i + 4].try_into().unwrap())),
            Format::F16 => half_at(2 * i),
            Format::BF16 => {
                f64::from(f32::from_bits(u32::from(u16::from_le_bytes([row[2 * i], row[2 * i + 1]])) << 16))
            }
            Format::Q8_0 => half_at(0) * f64::from(row[2 + i] as i8),
            Format::Q4_0 => {
                let nibble = if i < 16 { row[2 + i] & 15 } else { row[2 + i - 16] >> 4 };
                half_at(0) * (f64::from(nibble) - 8.0)
            }
            Format::Q4_1 => half_at(0) * f64::from(row[4 + i % 16] >> (i / 16 * 4) & 15) + half_at(2),
            Format::Q5_0 | Format::Q5_1 => {
                let start = if format == Format::Q5_0 { 2 } else { 4 };
                let high = row[start + i / 8] >> (i % 8) & 1;
                let q = row[start + 4 + i % 16] >> (i / 16 * 4) & 15 | high << 4;
                match format {
                    Format::Q5_0 => half_at(0) * (f64::from(q) - 16.0),
                    _ => half_at(0) * f64::from(q) + half_at(2),
                }
            }
            Format::IQ4_NL => half_at(0) * iq4(row[2 + i % 16] >> (i / 16 * 4) & 15),
            Format::IQ4_XS => {
                let (run, at) = (i / 32, i % 32);
                let high = u16::from(row[2]) | u16::from(row[3]) << 8;
                let low = if run % 2 == 0 { row[4 + run / 2] & 15 } else { row[4 + run / 2] >> 4 };
                let scale = f64::from(u16::from(low) + ((high >> (2 * run)) % 4) * 16) - 32.0;
                half_at(0) * scale * iq4(row[8 + 16 * run + at % 16] >> (at / 16 * 4) & 15)
            }
            Format::Q2_K => {
                let (half, run, at) = (i / 128, i % 128 / 32, i % 32);
                let q = row[16 + 32 * half + at] / 4u8.pow(run as u32) % 4;
                let scale = row[i / 16];
                half_at(80) * f64::from(scale % 16) * f64::from(q) - half_at(82) * f64::from(scale / 16)
            }
            Format::Q3_K => {
                let (half, run, at) = (i / 128, i % 128 / 32, i % 32);
                let pair = row[32 + 32 * half + at] / 4u8.pow(run as u32) % 4;
                let top = if row[at] & (1 << (4 * half + run)) == 0 { 4.0 } else { 0.0 };
                let p = &row[96..108];
                let j = i / 16;
                let six = match j / 4 {
                    0 => (p[j] & 15) | (p[8 + j] & 3) << 4,
                    1 => (p[j] & 15) | (p[4 + j] >> 2 & 3) << 4,
                    2 => (p[j - 8] >> 4) | (p[j] >> 4 & 3) << 4,
                    _ => (p[j - 8] >> 4) | (p[j - 4] >> 6) << 4,
                };
                half_at(108) * (f64::from(six) - 32.0) * (f64::from(pair) - top)
            }
            Format::Q4_K | Format::Q5_K => {
                let sub = i / 32;
                let six = |first: usize| -> u8 {
                    let p = &row[4..16];
                    if sub < 4 {
                        p[first + sub] & 63
                    } else if first == 0 {
                        (p[4 + sub] & 15) | ((p[sub - 4] >> 6) << 4)
                    } else {
                        (p[4 + sub] >> 4) | ((p[sub] >> 6) << 4)
                    }
                };
                let five = format == Format::Q5_K;
                let byte = row[if five { 48 } else { 16 } + i / 64 * 32 + i % 32];
                let nibble = if sub.is_multiple_of(2) { byte & 15 } else { byte >> 4 };
                let q = nibble + if five && row[16 + i % 32] & (1 << sub) != 0 { 16 } else { 0 };
                half_at(0) * f64::from(six(0)) * f64::from(q) - half_at(2) * f64::from(six(4))
            }
            Format::Q6_K => {
                let (n, l) = (i / 128, i % 32);
                let (ql, qh) = (&row[64 * n..], &row[128 + 32 * n..]);
                let q = match i % 128 / 32 {
                    0 => (ql[l] & 15) | (qh[l] & 3) << 4,
                    1 => (ql[l + 32] & 15) | ((qh[l] >> 2) & 3) << 4,
                    2 => (ql[l] >> 4) | ((qh[l] >> 4) & 3) << 4,
                    _ => (ql[l + 32] >> 4) | ((qh[l] >> 6) & 3) << 4,
                };
                let scale = f64::from(row[192 + 8 * n + i % 128 / 16] as i8);
                half_at(208) * scale * (f64::from(q) - 32.0)
            }
        }
    }

    /// The table of IQ4, by its published curve.
    fn iq4(nibble: u8) -> f64 {
        let positive = [1, 13, 25, 38, 53, 69, 89, 113];
        let negative = [127, 104, 83, 65, 49, 35, 22, 10];
        let at = usize::from(nibble % 8);
        if nibble < 8 { -f64::from(negative[at]) } else { f64::from(positive[at]) }
    }

    /// The bytes of one block with its f16 scales made finite.
    fn tame(format: Format, mut block: Vec<u8>) -> Vec<u8> {
        let scales: &[usize] = match format {
            Format::F32 => &[3],
            Format::F16 | Format::BF16 => &[1],
            _ => super::super::tests::scales_at(format),
        };
        for &at in scales {
            block[at] &= 0xBB;
        }
        block
    }

    proptest! {
        #[test]
        fn rows_decode_to_their_definition(bytes in prop::collection::vec(any::<u8>(), 210)) {
            for &format in Format::ALL {
                let block = tame(format, bytes[..format.block_bytes()].to_vec());
                let mut out = vec![0.0; format.block_elements()];
                dequantize(format, &block, &mut out);
                for (i, &value) in out.iter().enumerate() {
                    let exact = definition(format, &block, i);
                    // Values with a min round their products and their sum, those with a scale of
                    // scales two products. The larger term bounds what a sum rounds by.
                    let half = |at: usize| f64::from(f16_at(&block, at)).abs();
                    let ulp = 2.0f64.powi(-23);
                    let bound = match format {
                        Format::Q4_1 | Format::Q5_1 => ulp * (exact.abs() + 2.0 * half(2)),
                        Format::Q2_K => ulp * (exact.abs() + 2.0 * 15.0 * half(82)),
                        Format::Q4_K | Format::Q5_K => ulp * (exact.abs() + 2.0 * 63.0 * half(2)),
                        Format::Q3_K | Format::Q6_K | Format::IQ4_XS => ulp * exact.abs(),
                        _ => 0.0,
                    };
                    prop_assert!((f64::from(value) - exact).abs() <= bound, "{format:?}[{i}]: {value} is not {exact}");
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "the bytes of a Q8_0 row")]
    fn a_short_row_is_refused() {
        dequantize(Format::Q8_0, &[0; 33], &mut [0.0; 32]);
    }
}
