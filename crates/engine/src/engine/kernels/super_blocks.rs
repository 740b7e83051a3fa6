//! Formats of blocks of 256: how vectors read them.

use super::vector::Vector;
use crate::engine::quant::{Format, IQ4_VALUES, k4_words};

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
        each(bytes, |byte| i16::from(byte & 15))
    }

    #[inline(always)]
    fn spread<V: Vector>(v: V, scales: &[i16; 16], quarter: usize) -> V::S {
        v.spread(scales, quarter)
    }

    #[inline(always)]
    fn mins(block: &[u8], _: &[i16; 16]) -> [i16; 16] {
        let bytes: &[u8; 16] = block.first_chunk().expect("a block has more than its scales");
        each(bytes, |byte| i16::from(byte >> 4))
    }

    #[inline(always)]
    fn sums(sixteens: &[i16]) -> [i16; 16] {
        *sixteens.first_chunk().expect("sixteen sums a block")
    }
}

/// `f` of each. `<[_; N]>::map` would be a call, because the standard library is not compiled for a level's
/// instructions.
#[inline(always)]
pub(super) fn each<A: Copy, B: Copy + Default, const N: usize>(from: &[A; N], f: impl Fn(A) -> B) -> [B; N] {
    let mut out = [B::default(); N];
    for (out, &x) in out.iter_mut().zip(from) {
        *out = f(x);
    }
    out
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
    /// Whether the integers are signed bytes. Unsigned ones are so small that a pair of products with
    /// activations fits in 16 bits.
    const SIGNED: bool = false;
    /// Elements `64 · quarter` to `64 · quarter + 63`.
    ///
    /// # Safety
    /// `block` is readable for a block of the format.
    unsafe fn quants<V: Vector>(v: V, block: *const u8, quarter: usize) -> [V::H; 2];
    /// The scales of the sixteen runs of 16.
    fn scales<V: Vector>(v: V, block: &[u8]) -> [i16; 16];
    /// Their mins, where there are any.
    fn mins<V: Vector>(_: V, _: &[u8]) -> [i16; 16] {
        [0; 16]
    }
}

pub(super) struct Q3K;
pub(super) struct Q5K;
pub(super) struct Q6K;
pub(super) struct Iq4Xs;

/// Bit `run` of each byte, moved to bit `place`.
#[inline(always)]
fn plane<V: Vector>(v: V, bits: V::H, run: usize, place: usize) -> V::H {
    let moved = match place as i32 - run as i32 {
        -5 => v.shr::<5>(bits),
        -4 => v.shr::<4>(bits),
        -3 => v.shr::<3>(bits),
        -2 => v.shr::<2>(bits),
        -1 => v.shr::<1>(bits),
        0 => bits,
        1 => v.shl::<1>(bits),
        2 => v.shl::<2>(bits),
        3 => v.shl::<3>(bits),
        4 => v.shl::<4>(bits),
        by => unreachable!("a bit is not moved by {by}"),
    };
    v.and(moved, v.splat_h(1 << place))
}

/// Eight numbers, each twice.
#[inline(always)]
fn doubled(eight: &[i16]) -> [i16; 16] {
    let mut out = [0; 16];
    for (out, &x) in out.as_chunks_mut::<2>().0.iter_mut().zip(eight) {
        *out = [x; 2];
    }
    out
}

impl Lanes for Q3K {
    const FORMAT: Format = Format::Q3_K;
    const D: usize = 108;
    const SIGNED: bool = true;

    #[inline(always)]
    unsafe fn quants<V: Vector>(v: V, block: *const u8, quarter: usize) -> [V::H; 2] {
        // SAFETY: 32 bytes hold third bits, and twice 32 behind them hold pairs.
        let (bits, packed) = unsafe { (v.load_h(block), v.load_h(block.add(32 + 32 * (quarter / 2)))) };
        let (pair, four) = (v.splat_h(3), v.splat_h(4));
        let pairs = if quarter.is_multiple_of(2) {
            [packed, v.shr::<2>(packed)]
        } else {
            [v.shr::<4>(packed), v.shr::<6>(packed)]
        };
        let third = [plane(v, bits, 2 * quarter, 2), plane(v, bits, 2 * quarter + 1, 2)];
        [
            v.sub_h(v.or(v.and(pairs[0], pair), third[0]), four),
            v.sub_h(v.or(v.and(pairs[1], pair), third[1]), four),
        ]
    }

    #[inline(always)]
    fn scales<V: Vector>(v: V, block: &[u8]) -> [i16; 16] {
        let low = u64::from_le_bytes(*block[96..].first_chunk().expect("nibbles behind the pairs"));
        let top = u64::from(u32::from_le_bytes(*block[104..].first_chunk().expect("bit pairs behind them")));
        // Four scales take their tops from the lowest bit pairs, the next four from those above.
        let tops = |pairs: u64| ((pairs | pairs >> 2 << 32) & 0x0303_0303_0303_0303) << 4;
        let nibbles = 0x0f0f_0f0f_0f0f_0f0f;
        let scales = v.widen_words(low & nibbles | tops(top), low >> 4 & nibbles | tops(top >> 4));
        each(&scales, |scale| scale - 32)
    }
}

impl Lanes for Q5K {
    const FORMAT: Format = Format::Q5_K;
    const D: usize = 0;
    const ASIDE: Aside = Aside::Mins(2);

    #[inline(always)]
    unsafe fn quants<V: Vector>(v: V, block: *const u8, quarter: usize) -> [V::H; 2] {
        // SAFETY: behind 16 bytes lie 32 of fifth bits and four times 32 of nibbles.
        let (bits, packed) = unsafe { (v.load_h(block.add(16)), v.load_h(block.add(48 + 32 * quarter))) };
        let nibble = v.splat_h(15);
        [
            v.or(v.and(packed, nibble), plane(v, bits, 2 * quarter, 4)),
            v.or(v.and(v.shr::<4>(packed), nibble), plane(v, bits, 2 * quarter + 1, 4)),
        ]
    }

    #[inline(always)]
    fn scales<V: Vector>(v: V, block: &[u8]) -> [i16; 16] {
        doubled(&Q4K::scales(v, block)[..8])
    }

    #[inline(always)]
    fn mins<V: Vector>(v: V, block: &[u8]) -> [i16; 16] {
        doubled(&Q4K::scales(v, block)[8..])
    }
}

impl Lanes for Q6K {
    const FORMAT: Format = Format::Q6_K;
    const D: usize = 208;
    const ASIDE: Aside = Aside::Zero(32);

    /// From 0 to 63: the zero is 32.
    #[inline(always)]
    unsafe fn quants<V: Vector>(v: V, block: *const u8, quarter: usize) -> [V::H; 2] {
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

    #[inline(always)]
    fn scales<V: Vector>(_: V, block: &[u8]) -> [i16; 16] {
        let bytes: &[u8; 16] = block[192..].first_chunk().expect("a scale behind the scales");
        each(bytes, |byte| i16::from(byte as i8))
    }
}

impl Lanes for Iq4Xs {
    const FORMAT: Format = Format::IQ4_XS;
    const D: usize = 0;
    const SIGNED: bool = true;

    #[inline(always)]
    unsafe fn quants<V: Vector>(v: V, block: *const u8, quarter: usize) -> [V::H; 2] {
        // SAFETY: behind eight bytes lie eight times sixteen.
        let (low, high) =
            unsafe { (v.nibbles(block.add(8 + 32 * quarter)), v.nibbles(block.add(24 + 32 * quarter))) };
        [v.look_up(low, &IQ4_VALUES), v.look_up(high, &IQ4_VALUES)]
    }

    #[inline(always)]
    fn scales<V: Vector>(v: V, block: &[u8]) -> [i16; 16] {
        let word = |at: usize| u16::from_le_bytes([block[at], block[at + 1]]);
        // Eight nibbles to eight bytes, and eight bit pairs.
        let mut low = u64::from(word(4)) | u64::from(word(6)) << 32;
        low = (low | low << 8) & 0x00ff_00ff_00ff_00ff;
        low = (low | low << 4) & 0x0f0f_0f0f_0f0f_0f0f;
        let mut top = u64::from(word(2));
        top = (top | top << 24) & 0x0000_00ff_0000_00ff;
        top = (top | top << 12) & 0x000f_000f_000f_000f;
        top = (top | top << 6) & 0x0303_0303_0303_0303;
        each(&doubled(&v.widen_words(low | top << 4, 0)[..8]), |scale| scale - 32)
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
