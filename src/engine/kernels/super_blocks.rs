//! Formats of blocks of 256: how vectors read them.

use super::vector::Vector;
use crate::engine::quant::{Format, Super, iq4_xs, k4_words, q3_k, q5_k};

/// A format whose integers are unsigned bytes, taken 64 at a time.
pub(super) trait Unsigned {
    const FORMAT: Format;
    /// Byte offsets of the scale of scales and of the one of mins.
    const D: usize;
    const D_MIN: usize;
    /// Elements that share a scale: 16 or 32.
    const RUN: usize;
    /// Elements `64 · quarter` to `64 · quarter + 63`.
    ///
    /// # Safety
    /// `block` is readable for a block of the format.
    unsafe fn quants<V: Vector>(v: V, block: *const u8, quarter: usize) -> [V::H; 2];
    /// What [`Unsigned::spread`] takes scales from.
    fn scales<V: Vector>(v: V, block: &[u8]) -> [i16; 16];
    /// The scales of elements `64 · quarter` to `64 · quarter + 63`, one for each pair.
    fn spread<V: Vector>(v: V, scales: &[i16; 16], quarter: usize) -> V::S;
    /// What meets [`Unsigned::sums`]: mins, or 0 where the sums are 0.
    fn mins(block: &[u8], scales: &[i16; 16]) -> [i16; 16];
    /// Activations summed for the mins, from their sums by sixteen.
    fn sums(sixteens: &[i16]) -> [i16; 16];
}

pub(super) struct Q2K;
pub(super) struct Q4K;

impl Unsigned for Q4K {
    const FORMAT: Format = Format::Q4_K;
    const D: usize = 0;
    const D_MIN: usize = 2;
    const RUN: usize = 32;

    #[inline(always)]
    unsafe fn quants<V: Vector>(v: V, block: *const u8, quarter: usize) -> [V::H; 2] {
        // SAFETY: four times 32 bytes lie behind the sixteen of the scales.
        let packed = unsafe { v.load_h(block.add(16 + 32 * quarter)) };
        let nibble = v.splat_h(15);
        [v.and(packed, nibble), v.and(v.shr::<4>(packed), nibble)]
    }

    /// Eight scales, then eight mins.
    #[inline(always)]
    fn scales<V: Vector>(v: V, block: &[u8]) -> [i16; 16] {
        let (scales, mins) = k4_words(&block[4..16]);
        v.widen_words(scales, mins)
    }

    #[inline(always)]
    fn spread<V: Vector>(v: V, scales: &[i16; 16], quarter: usize) -> V::S {
        v.spread_two(scales, quarter)
    }

    #[inline(always)]
    fn mins(_: &[u8], scales: &[i16; 16]) -> [i16; 16] {
        *scales
    }

    #[inline(always)]
    fn sums(sixteens: &[i16]) -> [i16; 16] {
        let mut out = [0; 16];
        for (out, two) in out[8..].iter_mut().zip(sixteens.as_chunks::<2>().0) {
            *out = two[0] + two[1];
        }
        out
    }
}

impl Unsigned for Q2K {
    const FORMAT: Format = Format::Q2_K;
    const D: usize = 80;
    const D_MIN: usize = 82;
    const RUN: usize = 16;

    #[inline(always)]
    unsafe fn quants<V: Vector>(v: V, block: *const u8, quarter: usize) -> [V::H; 2] {
        // SAFETY: two times 32 bytes lie behind the sixteen of the scales.
        let packed = unsafe { v.load_h(block.add(16 + 32 * (quarter / 2))) };
        let pair = v.splat_h(3);
        if quarter.is_multiple_of(2) {
            [v.and(packed, pair), v.and(v.shr::<2>(packed), pair)]
        } else {
            [v.and(v.shr::<4>(packed), pair), v.and(v.shr::<6>(packed), pair)]
        }
    }

    #[inline(always)]
    fn scales<V: Vector>(_: V, block: &[u8]) -> [i16; 16] {
        let bytes: &[u8; 16] = block.first_chunk().expect("a block has more than its scales");
        bytes.map(|byte| i16::from(byte & 15))
    }

    #[inline(always)]
    fn spread<V: Vector>(v: V, scales: &[i16; 16], quarter: usize) -> V::S {
        v.spread(scales, quarter)
    }

    #[inline(always)]
    fn mins(block: &[u8], _: &[i16; 16]) -> [i16; 16] {
        let bytes: &[u8; 16] = block.first_chunk().expect("a block has more than its scales");
        bytes.map(|byte| i16::from(byte >> 4))
    }

    #[inline(always)]
    fn sums(sixteens: &[i16]) -> [i16; 16] {
        *sixteens.first_chunk().expect("sixteen sums a block")
    }
}

/// What summed activations are multiplied with.
pub(super) enum Aside {
    Nothing,
    /// The zero of the integers times their scales, taken off each lane.
    Zero(i16),
    /// Mins, whose scale stands at this byte offset, in an accumulator of their own.
    Mins(usize),
}

/// A format whose sums have eight lanes.
pub(super) trait Lanes {
    const FORMAT: Format;
    /// Byte offset of the scale of scales.
    const D: usize;
    const ASIDE: Aside = Aside::Nothing;
    /// The integers, scales and mins of a block.
    fn unpack<V: Vector>(v: V, block: &[u8], out: &mut Super);
}

pub(super) struct Q3K;
pub(super) struct Q5K;
pub(super) struct Q6K;
pub(super) struct Iq4Xs;

impl Lanes for Q3K {
    const FORMAT: Format = Format::Q3_K;
    const D: usize = 108;
    #[inline(always)]
    fn unpack<V: Vector>(_: V, block: &[u8], out: &mut Super) {
        q3_k(block, out);
    }
}

impl Lanes for Q5K {
    const FORMAT: Format = Format::Q5_K;
    const D: usize = 0;
    const ASIDE: Aside = Aside::Mins(2);
    #[inline(always)]
    fn unpack<V: Vector>(_: V, block: &[u8], out: &mut Super) {
        q5_k(block, out);
    }
}

impl Lanes for Iq4Xs {
    const FORMAT: Format = Format::IQ4_XS;
    const D: usize = 0;
    #[inline(always)]
    fn unpack<V: Vector>(_: V, block: &[u8], out: &mut Super) {
        iq4_xs(block, out);
    }
}

impl Q6K {
    /// Elements `64 · quarter` to `64 · quarter + 63`, from 0 to 63: the zero is 32.
    ///
    /// # Safety
    /// `block` is readable for 210 bytes.
    #[inline(always)]
    pub(super) unsafe fn quants<V: Vector>(v: V, block: *const u8, quarter: usize) -> [V::H; 2] {
        let half = quarter / 2;
        // SAFETY: of 210 bytes, 128 hold nibbles and 64 more hold pairs.
        let (first, second, pairs) = unsafe {
            (
                v.load_h(block.add(64 * half)),
                v.load_h(block.add(64 * half + 32)),
                v.load_h(block.add(128 + 32 * half)),
            )
        };
        let (nibble, pair) = (v.splat_h(15), v.splat_h(0x30));
        if quarter.is_multiple_of(2) {
            [
                v.or(v.and(first, nibble), v.and(v.shl::<4>(pairs), pair)),
                v.or(v.and(second, nibble), v.and(v.shl::<2>(pairs), pair)),
            ]
        } else {
            [
                v.or(v.and(v.shr::<4>(first), nibble), v.and(pairs, pair)),
                v.or(v.and(v.shr::<4>(second), nibble), v.and(v.shr::<2>(pairs), pair)),
            ]
        }
    }

    /// The scales of the sixteen runs of 16.
    #[inline(always)]
    pub(super) fn scales(block: &[u8]) -> [i16; 16] {
        let mut out = [0; 16];
        for (out, &byte) in out.iter_mut().zip(&block[192..208]) {
            *out = i16::from(byte as i8);
        }
        out
    }
}

impl Lanes for Q6K {
    const FORMAT: Format = Format::Q6_K;
    const D: usize = 208;
    const ASIDE: Aside = Aside::Zero(32);
    #[inline(always)]
    fn unpack<V: Vector>(v: V, block: &[u8], out: &mut Super) {
        assert!(block.len() >= 210);
        for (scale, &byte) in out.scales.iter_mut().zip(&block[192..208]) {
            *scale = byte as i8;
        }
        for (quarter, to) in out.quants.as_chunks_mut::<64>().0.iter_mut().enumerate() {
            // SAFETY: the block has 210 bytes, and the chunk twice 32.
            unsafe {
                let [low, high] = Self::quants(v, block.as_ptr(), quarter);
                v.store_h(low, to.as_mut_ptr().cast());
                v.store_h(high, to[32..].as_mut_ptr().cast());
            }
        }
    }
}

/// The f16 at a byte offset of block `b` of a row.
#[inline(always)]
pub(super) fn half_bits(format: Format, row: &[u8], b: usize, at: usize) -> u16 {
    let at = b * format.block_bytes() + at;
    u16::from_le_bytes([row[at], row[at + 1]])
}

/// Block `b` of a row.
#[inline(always)]
pub(super) fn block(format: Format, row: &[u8], b: usize) -> &[u8] {
    &row[b * format.block_bytes()..][..format.block_bytes()]
}
