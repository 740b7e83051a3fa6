//! Blocks → integers and scales, as dequantisation and the portable products want them.
//!
//! Source of the layouts: `ggml-common.h` in ggml; all numbers are little-endian.

use super::{SMALL_BLOCK, SUPER_BLOCK};

/// The sixteen values that the four bits of IQ4_NL and IQ4_XS stand for.
pub(crate) const IQ4_VALUES: [i8; 16] =
    [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

/// The integers of a block of 32.
pub(crate) type Small = [i8; SMALL_BLOCK];

/// Sixteen bytes of two nibbles: element `j` is low, element `j + 16` high.
fn nibbles(packed: &[u8], out: &mut Small, value: impl Fn(u8, usize) -> i8) {
    let (low, high) = out.split_at_mut(16);
    for (j, &byte) in packed.iter().enumerate().take(16) {
        low[j] = value(byte & 15, j);
        high[j] = value(byte >> 4, j + 16);
    }
}

/// Bit `j` of four bytes as the fifth bit of element `j`.
fn fifth_bits(packed: &[u8]) -> impl Fn(usize) -> u8 {
    let bits = u32::from_le_bytes([packed[0], packed[1], packed[2], packed[3]]);
    move |j| ((bits >> j & 1) as u8) << 4
}

/// Q4_0: f16 d, nibbles about 8.
pub(crate) fn q4_0(block: &[u8], out: &mut Small) {
    nibbles(&block[2..], out, |q, _| q as i8 - 8);
}

/// Q4_1: f16 d, f16 m, nibbles.
pub(crate) fn q4_1(block: &[u8], out: &mut Small) {
    nibbles(&block[4..], out, |q, _| q as i8);
}

/// Q5_0: f16 d, 32 fifth bits, nibbles; 16 is the zero.
pub(crate) fn q5_0(block: &[u8], out: &mut Small) {
    let fifth = fifth_bits(&block[2..6]);
    nibbles(&block[6..], out, |q, j| (q | fifth(j)) as i8 - 16);
}

/// Q5_1: f16 d, f16 m, 32 fifth bits, nibbles.
pub(crate) fn q5_1(block: &[u8], out: &mut Small) {
    let fifth = fifth_bits(&block[4..8]);
    nibbles(&block[8..], out, |q, j| (q | fifth(j)) as i8);
}

/// IQ4_NL: f16 d, nibbles that choose a value.
pub(crate) fn iq4_nl(block: &[u8], out: &mut Small) {
    nibbles(&block[2..], out, |q, _| IQ4_VALUES[usize::from(q)]);
}

/// A block of 256: its integers, and a scale and a min for each run of 16.
#[derive(Clone, Debug)]
pub(crate) struct Super {
    pub(crate) quants: [i8; SUPER_BLOCK],
    pub(crate) scales: [i8; 16],
    /// All zero where the format has none.
    pub(crate) mins: [u8; 16],
}

impl Super {
    pub(crate) const ZERO: Super = Super { quants: [0; SUPER_BLOCK], scales: [0; 16], mins: [0; 16] };
}

/// The eight scales and the eight mins of a Q4_K or Q5_K block.
pub(crate) fn k4_scales(packed: &[u8]) -> ([u8; 8], [u8; 8]) {
    let (scales, mins) = k4_words(packed);
    (scales.to_le_bytes(), mins.to_le_bytes())
}

/// The same, each eight as the little-endian bytes of a word.
///
/// Each is six bits. The low six bits of bytes 0-3 are scales 0-3 and of bytes 4-7 mins 0-3; bytes 8-11 hold the
/// low nibbles of scales (low) and mins (high) 4-7, whose upper two bits top bytes 0-3 and 4-7.
#[inline]
pub(crate) fn k4_words(packed: &[u8]) -> (u64, u64) {
    let word = |at: usize| u32::from_le_bytes([packed[at], packed[at + 1], packed[at + 2], packed[at + 3]]);
    let (a, b, c) = (word(0), word(4), word(8));
    let join = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
    let top = |word: u32| (word >> 6 & 0x0303_0303) << 4;
    let scales = join(a & 0x3f3f_3f3f, c & 0x0f0f_0f0f | top(a));
    let mins = join(b & 0x3f3f_3f3f, c >> 4 & 0x0f0f_0f0f | top(b));
    (scales, mins)
}

/// Q2_K: 16 bytes of scale (low) and min (high), 64 bytes of bit pairs, f16 d, f16 dmin.
///
/// Each half of the block is four runs of 32, run `r` in bits `2r` of the half's 32 bytes.
pub(crate) fn q2_k(block: &[u8], out: &mut Super) {
    for (i, &byte) in block[..16].iter().enumerate() {
        out.scales[i] = (byte & 15) as i8;
        out.mins[i] = byte >> 4;
    }
    bit_pairs(&block[16..80], &mut out.quants);
}

fn bit_pairs(packed: &[u8], quants: &mut [i8; SUPER_BLOCK]) {
    for (half, out) in packed.chunks_exact(32).zip(quants.chunks_exact_mut(128)) {
        for (run, out) in out.chunks_exact_mut(32).enumerate() {
            for (q, &byte) in out.iter_mut().zip(half) {
                *q = (byte >> (2 * run) & 3) as i8;
            }
        }
    }
}

/// Q3_K: 32 bytes of third bits, 64 bytes of bit pairs as in Q2_K, 12 bytes of 6-bit scales about
/// 32, f16 d. Run `r` of the eight has its third bits in bit `r`; 4 is the zero.
///
/// Bytes 0-7 of the scales hold the low nibbles of scales 0-7 (low) and 8-15 (high); bit pair
/// `i / 4` of byte `8 + i mod 4` tops scale `i`.
pub(crate) fn q3_k(block: &[u8], out: &mut Super) {
    let packed = &block[96..108];
    for (i, scale) in out.scales.iter_mut().enumerate() {
        let low = if i < 8 { packed[i] & 15 } else { packed[i - 8] >> 4 };
        let top = packed[8 + i % 4] >> (i / 4 * 2) & 3;
        *scale = (low | top << 4) as i8 - 32;
    }
    bit_pairs(&block[32..96], &mut out.quants);
    for (run, out) in out.quants.chunks_exact_mut(32).enumerate() {
        for (q, &bits) in out.iter_mut().zip(&block[..32]) {
            *q += ((bits >> run & 1) << 2) as i8 - 4;
        }
    }
}

/// Q5_K: f16 d, f16 dmin, 12 bytes of scales and mins, 32 bytes of fifth bits, 128 of nibbles.
///
/// Runs `2p` and `2p + 1` of 32 lie in the low and the high nibbles of the `p`th 32 bytes; run `r`
/// has its fifth bits in bit `r`.
pub(crate) fn q5_k(block: &[u8], out: &mut Super) {
    let (scales, mins) = k4_scales(&block[4..16]);
    for i in 0..16 {
        out.scales[i] = scales[i / 2] as i8;
        out.mins[i] = mins[i / 2];
    }
    for (run, out) in out.quants.chunks_exact_mut(32).enumerate() {
        let packed = &block[48 + run / 2 * 32..][..32];
        for ((q, &byte), &bits) in out.iter_mut().zip(packed).zip(&block[16..48]) {
            *q = ((byte >> (run % 2 * 4) & 15) | (bits >> run & 1) << 4) as i8;
        }
    }
}

/// IQ4_XS: f16 d, 8 × 2 high bits of scales, 8 low nibbles of scales, 128 bytes of nibbles that
/// choose a value. Scales are about 32, one for each run of 32, whose nibbles lie as in IQ4_NL.
pub(crate) fn iq4_xs(block: &[u8], out: &mut Super) {
    let high = u16::from_le_bytes([block[2], block[3]]);
    for (run, packed) in block[8..136].chunks_exact(16).enumerate() {
        let low = block[4 + run / 2] >> (run % 2 * 4) & 15;
        let scale = (low | ((high >> (2 * run) & 3) as u8) << 4) as i8 - 32;
        out.scales[2 * run..2 * run + 2].fill(scale);
        let (low, high) = out.quants[32 * run..32 * run + 32].split_at_mut(16);
        for ((low, high), &byte) in low.iter_mut().zip(high).zip(packed) {
            *low = IQ4_VALUES[usize::from(byte & 15)];
            *high = IQ4_VALUES[usize::from(byte >> 4)];
        }
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
