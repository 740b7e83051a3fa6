//! Weight rows → f32, by ggml's definition of each format: products and sums rounded one by one,
//! never fused, in the order in which ggml writes them.

use half::{bf16, f16};

use super::{Format, SUPER_BLOCK};

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
            Format::Q4_0 => q4_0(block, values),
            Format::Q4_K => q4_k(block, values),
            Format::Q6_K => q6_k(block, values),
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

fn q4_0(block: &[u8], out: &mut [f32]) {
    let d = f16_at(block, 0);
    let (low, high) = out.split_at_mut(16);
    for ((low, high), &byte) in low.iter_mut().zip(high).zip(&block[2..]) {
        *low = (f32::from(byte & 15) - 8.0) * d;
        *high = (f32::from(byte >> 4) - 8.0) * d;
    }
}

/// The eight scales and the eight mins of a Q4_K block, six bits each.
///
/// The low six bits of bytes 0-3 are scales 0-3 and of bytes 4-7 mins 0-3; bytes 8-11 hold the
/// low nibbles of scales (low) and mins (high) 4-7, whose upper two bits top bytes 0-3 and 4-7.
#[inline]
pub(crate) fn k4_scales(packed: &[u8]) -> ([u8; 8], [u8; 8]) {
    let word = |at: usize| u32::from_le_bytes([packed[at], packed[at + 1], packed[at + 2], packed[at + 3]]);
    let (a, b, c) = (word(0), word(4), word(8));
    let join = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
    let top = |word: u32| (word >> 6 & 0x0303_0303) << 4;
    let scales = join(a & 0x3f3f_3f3f, c & 0x0f0f_0f0f | top(a));
    let mins = join(b & 0x3f3f_3f3f, c >> 4 & 0x0f0f_0f0f | top(b));
    (scales.to_le_bytes(), mins.to_le_bytes())
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

/// Element `i` of a Q6_K block. Each half of the block is four runs of 32: runs 0 and 1 lie in the
/// low nibbles of two runs of bytes, runs 2 and 3 in their high nibbles; bit pair `run` of the
/// third array tops them up to six bits, and 32 is the zero.
pub(crate) fn q6(low: &[u8], high: &[u8], i: usize) -> i8 {
    let (half, run, at) = (i / 128, i % 128 / 32, i % 32);
    let nibble = low[64 * half + 32 * (run % 2) + at] >> (run / 2 * 4) & 15;
    let pair = high[32 * half + at] >> (2 * run) & 3;
    (nibble | pair << 4) as i8 - 32
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
            Format::Q4_K => {
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
                let byte = row[16 + i / 64 * 32 + i % 32];
                let q = if sub.is_multiple_of(2) { byte & 15 } else { byte >> 4 };
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

    /// The bytes of one block with its f16 scales made finite.
    fn tame(format: Format, mut block: Vec<u8>) -> Vec<u8> {
        let scales: &[usize] = match format {
            Format::Q8_0 | Format::Q4_0 => &[1],
            Format::Q4_K => &[1, 3],
            Format::Q6_K => &[209],
            Format::F32 => &[3],
            Format::F16 | Format::BF16 => &[1],
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
                    // Q4_K rounds three times and Q6_K twice; the others are exact. A difference of
                    // two nearly equal terms is bounded by the larger term, hence the second bound.
                    let bound = match format {
                        Format::Q4_K => 2.0f64.powi(-23) * (65504.0 * 63.0 * 15.0f64).min(exact.abs() + 2.0 * 63.0 * f64::from(f16_at(&block, 2)).abs()) ,
                        Format::Q6_K => exact.abs() * 2.0f64.powi(-23),
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
