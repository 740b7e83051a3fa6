//! AArch64 with Advanced SIMD (NEON), as every 64-bit Arm CPU of a desktop or a phone has it, and
//! with its dot product of bytes (FEAT_DotProd) besides: a vector is four registers.
//!
//! Conversions between f16 and f32 are part of the base instruction set; they and the dot product are
//! written as assembly, because the standard library's functions for them are not stable.

use std::arch::aarch64::*;
use std::arch::asm;

use super::vector::{Vector, accesses, operations};

/// The token of a CPU with these instructions: with the dot product, or without.
#[derive(Clone, Copy)]
pub(super) struct Neon<const DOT: bool>(());

/// Operations on one register.
impl<const DOT: bool> Neon<DOT> {
    /// # Safety
    /// The CPU has NEON, and the dot product if `DOT`, and is little-endian.
    #[inline(always)]
    pub(super) unsafe fn assume() -> Self {
        Self(())
    }

    operations! {
        /// Four f16 as f32.
        fn widen_f16(self, bits: uint16x4_t) -> float32x4_t {
            let out: float32x4_t;
            asm!("fcvtl {out:v}.4s, {bits:v}.4h", bits = in(vreg) bits, out = lateout(vreg) out,
                options(pure, nomem, nostack, preserves_flags));
            out
        }
        /// Four f32 rounded to f16, ties to even, and back.
        fn round_four(self, x: float32x4_t) -> float32x4_t {
            let bits: uint16x4_t;
            asm!("fcvtn {bits:v}.4h, {x:v}.4s", x = in(vreg) x, bits = lateout(vreg) bits,
                options(pure, nomem, nostack, preserves_flags));
            self.widen_f16(bits)
        }
        /// Folds eight lanes in halves.
        fn fold_half(self, low: float32x4_t, high: float32x4_t) -> f32 {
            let four = vaddq_f32(low, high);
            let two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
            vget_lane_f32::<0>(two) + vget_lane_f32::<1>(two)
        }
        /// Adds the sums of groups of four products. Without the instruction a product has to fit in
        /// 16 bits: activations are above −128, and 128 · 127 < 2¹⁵.
        fn dot4_four(self, sum: int32x4_t, a: int8x16_t, b: int8x16_t) -> int32x4_t {
            if DOT {
                let mut sum = sum;
                asm!("sdot {sum:v}.4s, {a:v}.16b, {b:v}.16b", sum = inout(vreg) sum, a = in(vreg) a,
                    b = in(vreg) b, options(pure, nomem, nostack, preserves_flags));
                sum
            } else {
                let low = vmull_s8(vget_low_s8(a), vget_low_s8(b));
                let high = vmull_high_s8(a, b);
                vaddq_s32(sum, vpaddq_s32(vpaddlq_s16(low), vpaddlq_s16(high)))
            }
        }
        /// Sums of pairs of i16 products.
        fn dot2_four(self, sum: int32x4_t, a: int16x8_t, b: int16x8_t) -> int32x4_t {
            let low = vmull_s16(vget_low_s16(a), vget_low_s16(b));
            vaddq_s32(sum, vpaddq_s32(low, vmull_high_s16(a, b)))
        }
        /// The sums of four registers.
        fn sums_four(self, a: int32x4_t, b: int32x4_t, c: int32x4_t, d: int32x4_t) -> int32x4_t {
            vpaddq_s32(vpaddq_s32(a, b), vpaddq_s32(c, d))
        }
    }
}

/// An operation on each register of vectors.
macro_rules! each {
    ($function:ident, $a:expr) => {
        [$function($a[0]), $function($a[1]), $function($a[2]), $function($a[3])]
    };
    ($function:ident, $a:expr, $b:expr) => {
        [$function($a[0], $b[0]), $function($a[1], $b[1]), $function($a[2], $b[2]), $function($a[3], $b[3])]
    };
}

impl<const DOT: bool> Vector for Neon<DOT> {
    type F = [float32x4_t; 4];
    type P = [float32x4_t; 2];
    type Factor = f32;
    type I = [int32x4_t; 4];
    type H = [uint8x16_t; 2];
    type B = [uint8x16_t; 4];
    type S = [int16x8_t; 4];
    type W = [uint8x16_t; 4];
    type X = [uint8x16_t; 4];

    const BIAS: i32 = 0;
    const PARTS: usize = 2;

    accesses! {
        fn load_part(self, from: *const f32) -> [float32x4_t; 2] { [vld1q_f32(from), vld1q_f32(from.add(4))] }
        fn store_part(self, x: [float32x4_t; 2], to: *mut f32) {
            vst1q_f32(to, x[0]);
            vst1q_f32(to.add(4), x[1]);
        }
        fn load_f16_part(self, from: *const u8) -> [float32x4_t; 2] {
            let halves = [vreinterpret_u16_u8(vld1_u8(from)), vreinterpret_u16_u8(vld1_u8(from.add(8)))];
            [self.widen_f16(halves[0]), self.widen_f16(halves[1])]
        }
        fn load(self, from: *const f32) -> [float32x4_t; 4] {
            [vld1q_f32(from), vld1q_f32(from.add(4)), vld1q_f32(from.add(8)), vld1q_f32(from.add(12))]
        }
        fn load_f16(self, from: *const u8) -> [float32x4_t; 4] {
            let mut out = [vdupq_n_f32(0.0); 4];
            for (i, out) in out.iter_mut().enumerate() {
                *out = self.widen_f16(vreinterpret_u16_u8(vld1_u8(from.add(8 * i))));
            }
            out
        }
        fn load_bf16(self, from: *const u8) -> [[float32x4_t; 4]; 2] {
            let mut out = [[vdupq_n_f32(0.0); 4]; 2];
            for i in 0..4 {
                let pairs = vreinterpretq_u32_u8(vld1q_u8(from.add(16 * i)));
                out[0][i] = vreinterpretq_f32_u32(vandq_u32(pairs, vdupq_n_u32(0xffff_0000)));
                out[1][i] = vreinterpretq_f32_u32(vshlq_n_u32::<16>(pairs));
            }
            out
        }
        fn load_i32(self, from: *const i32) -> [int32x4_t; 4] {
            [vld1q_s32(from), vld1q_s32(from.add(4)), vld1q_s32(from.add(8)), vld1q_s32(from.add(12))]
        }
        fn store_i32(self, x: [int32x4_t; 4], to: *mut i32) {
            for (i, x) in x.into_iter().enumerate() {
                vst1q_s32(to.add(4 * i), x);
            }
        }
        fn load_h(self, from: *const u8) -> [uint8x16_t; 2] { [vld1q_u8(from), vld1q_u8(from.add(16))] }
        fn store_h(self, x: [uint8x16_t; 2], to: *mut u8) {
            vst1q_u8(to, x[0]);
            vst1q_u8(to.add(16), x[1]);
        }
        fn nibbles(self, from: *const u8) -> [uint8x16_t; 2] {
            let packed = vld1q_u8(from);
            [vandq_u8(packed, vdupq_n_u8(15)), vshrq_n_u8::<4>(packed)]
        }
        fn load_b(self, from: *const u8) -> [uint8x16_t; 4] {
            [vld1q_u8(from), vld1q_u8(from.add(16)), vld1q_u8(from.add(32)), vld1q_u8(from.add(48))]
        }
        fn load_s(self, from: *const i16) -> [int16x8_t; 4] {
            [vld1q_s16(from), vld1q_s16(from.add(8)), vld1q_s16(from.add(16)), vld1q_s16(from.add(24))]
        }
        fn store_s(self, x: [int16x8_t; 4], to: *mut i16) {
            for (i, x) in x.into_iter().enumerate() {
                vst1q_s16(to.add(8 * i), x);
            }
        }
    }

    operations! {
        fn splat_part(self, x: f32) -> [float32x4_t; 2] { [vdupq_n_f32(x); 2] }
        fn fma_part(self, a: [float32x4_t; 2], b: [float32x4_t; 2], c: [float32x4_t; 2]) -> [float32x4_t; 2] {
            [vfmaq_f32(c[0], a[0], b[0]), vfmaq_f32(c[1], a[1], b[1])]
        }
        fn store(self, x: [float32x4_t; 4]) -> [f32; 16] {
            let mut out = [0.0; 16];
            for (out, x) in out.as_chunks_mut::<4>().0.iter_mut().zip(x) {
                vst1q_f32(out.as_mut_ptr(), x);
            }
            out
        }
        fn splat(self, x: f32) -> [float32x4_t; 4] { [vdupq_n_f32(x); 4] }
        fn halves(self, low: f32, high: f32) -> [float32x4_t; 4] {
            let (low, high) = (vdupq_n_f32(low), vdupq_n_f32(high));
            [low, low, high, high]
        }
        fn add(self, a: [float32x4_t; 4], b: [float32x4_t; 4]) -> [float32x4_t; 4] { each!(vaddq_f32, a, b) }
        fn mul(self, a: [float32x4_t; 4], b: [float32x4_t; 4]) -> [float32x4_t; 4] { each!(vmulq_f32, a, b) }
        fn fma(self, a: [float32x4_t; 4], b: [float32x4_t; 4], c: [float32x4_t; 4]) -> [float32x4_t; 4] {
            [
                vfmaq_f32(c[0], a[0], b[0]),
                vfmaq_f32(c[1], a[1], b[1]),
                vfmaq_f32(c[2], a[2], b[2]),
                vfmaq_f32(c[3], a[3], b[3]),
            ]
        }
        fn round_f16(self, x: [float32x4_t; 4]) -> [float32x4_t; 4] {
            [self.round_four(x[0]), self.round_four(x[1]), self.round_four(x[2]), self.round_four(x[3])]
        }
        fn convert(self, x: [int32x4_t; 4]) -> [float32x4_t; 4] { each!(vcvtq_f32_s32, x) }
        fn fold16(self, x: [float32x4_t; 4]) -> f32 {
            self.fold_half(vaddq_f32(x[0], x[2]), vaddq_f32(x[1], x[3]))
        }
        fn fold8(self, x: [float32x4_t; 4]) -> [f32; 2] {
            [self.fold_half(x[0], x[1]), self.fold_half(x[2], x[3])]
        }
        fn half(self, bits: u16) -> f32 { vgetq_lane_f32::<0>(self.widen_f16(vdup_n_u16(bits))) }

        fn splat_i32(self, x: i32) -> [int32x4_t; 4] { [vdupq_n_s32(x); 4] }
        fn add_i32(self, a: [int32x4_t; 4], b: [int32x4_t; 4]) -> [int32x4_t; 4] { each!(vaddq_s32, a, b) }
        fn sub_i32(self, a: [int32x4_t; 4], b: [int32x4_t; 4]) -> [int32x4_t; 4] { each!(vsubq_s32, a, b) }
        fn mul_i32(self, a: [int32x4_t; 4], b: [int32x4_t; 4]) -> [int32x4_t; 4] { each!(vmulq_s32, a, b) }
        fn fold_halves(self, a: [int32x4_t; 4], b: [int32x4_t; 4]) -> [int32x4_t; 4] {
            [vaddq_s32(a[0], a[2]), vaddq_s32(a[1], a[3]), vaddq_s32(b[0], b[2]), vaddq_s32(b[1], b[3])]
        }
        fn fold_pairs(self, a: [int32x4_t; 4], b: [int32x4_t; 4]) -> [int32x4_t; 4] {
            [vpaddq_s32(a[0], a[1]), vpaddq_s32(a[2], a[3]), vpaddq_s32(b[0], b[1]), vpaddq_s32(b[2], b[3])]
        }
        fn sums8(self, x: &[[int32x4_t; 4]; 8]) -> [int32x4_t; 4] {
            let mut halves = [[vdupq_n_s32(0); 8]; 2];
            for (i, x) in x.iter().enumerate() {
                halves[0][i] = vaddq_s32(x[0], x[1]);
                halves[1][i] = vaddq_s32(x[2], x[3]);
            }
            let [low, high] = halves;
            [
                self.sums_four(low[0], low[1], low[2], low[3]),
                self.sums_four(low[4], low[5], low[6], low[7]),
                self.sums_four(high[0], high[1], high[2], high[3]),
                self.sums_four(high[4], high[5], high[6], high[7]),
            ]
        }

        fn splat_h(self, x: u8) -> [uint8x16_t; 2] { [vdupq_n_u8(x); 2] }
        fn and(self, a: [uint8x16_t; 2], b: [uint8x16_t; 2]) -> [uint8x16_t; 2] {
            [vandq_u8(a[0], b[0]), vandq_u8(a[1], b[1])]
        }
        fn or(self, a: [uint8x16_t; 2], b: [uint8x16_t; 2]) -> [uint8x16_t; 2] {
            [vorrq_u8(a[0], b[0]), vorrq_u8(a[1], b[1])]
        }
        fn sub_h(self, a: [uint8x16_t; 2], b: [uint8x16_t; 2]) -> [uint8x16_t; 2] {
            [vsubq_u8(a[0], b[0]), vsubq_u8(a[1], b[1])]
        }
        fn look_up(self, x: [uint8x16_t; 2], table: &[i8; 16]) -> [uint8x16_t; 2] {
            let table = vld1q_u8(table.as_ptr().cast());
            [vqtbl1q_u8(table, x[0]), vqtbl1q_u8(table, x[1])]
        }
        fn where_set(self, bits: u32, value: u8) -> [uint8x16_t; 2] {
            // Byte j of eight takes byte j / 8 of the bits, and keeps bit j mod 8 of it.
            let [a, b, c, d] = bits.to_le_bytes();
            let single = vcreate_u8(0x8040_2010_0804_0201);
            let (single, value) = (vcombine_u8(single, single), vdupq_n_u8(value));
            let low = vtstq_u8(vcombine_u8(vdup_n_u8(a), vdup_n_u8(b)), single);
            let high = vtstq_u8(vcombine_u8(vdup_n_u8(c), vdup_n_u8(d)), single);
            [vandq_u8(low, value), vandq_u8(high, value)]
        }
        fn join(self, low: [uint8x16_t; 2], high: [uint8x16_t; 2]) -> [uint8x16_t; 4] {
            [low[0], low[1], high[0], high[1]]
        }
        fn splat_b(self, four: i32) -> [uint8x16_t; 4] { [vreinterpretq_u8_s32(vdupq_n_s32(four)); 4] }
        fn dot4_unsigned(self, sum: [int32x4_t; 4], a: [uint8x16_t; 4], b: [uint8x16_t; 4]) -> [int32x4_t; 4] {
            self.dot4_biased(sum, a, b)
        }
        fn weights(self, x: [uint8x16_t; 4]) -> [uint8x16_t; 4] { x }
        fn activations(self, x: [uint8x16_t; 4]) -> [uint8x16_t; 4] { x }
        fn dot4_signed(self, w: [uint8x16_t; 4], x: [uint8x16_t; 4]) -> [int32x4_t; 4] {
            self.dot4_biased([vdupq_n_s32(0); 4], w, x)
        }
        fn dot4_biased(self, sum: [int32x4_t; 4], w: [uint8x16_t; 4], x: [uint8x16_t; 4]) -> [int32x4_t; 4] {
            let (w, x) = (each!(vreinterpretq_s8_u8, w), each!(vreinterpretq_s8_u8, x));
            [
                self.dot4_four(sum[0], w[0], x[0]),
                self.dot4_four(sum[1], w[1], x[1]),
                self.dot4_four(sum[2], w[2], x[2]),
                self.dot4_four(sum[3], w[3], x[3]),
            ]
        }

        fn widen_words(self, low: u64, high: u64) -> [i16; 16] {
            let mut out = [0; 16];
            vst1q_s16(out.as_mut_ptr(), vreinterpretq_s16_u16(vmovl_u8(vcreate_u8(low))));
            vst1q_s16(out.as_mut_ptr().add(8), vreinterpretq_s16_u16(vmovl_u8(vcreate_u8(high))));
            out
        }
        fn splat_s(self, two: i32) -> [int16x8_t; 4] { [vreinterpretq_s16_s32(vdupq_n_s32(two)); 4] }
        fn widen(self, x: [uint8x16_t; 2]) -> [int16x8_t; 4] {
            let x = [vreinterpretq_s8_u8(x[0]), vreinterpretq_s8_u8(x[1])];
            [
                vmovl_s8(vget_low_s8(x[0])),
                vmovl_high_s8(x[0]),
                vmovl_s8(vget_low_s8(x[1])),
                vmovl_high_s8(x[1]),
            ]
        }
        fn halves_s(self, low: i16, high: i16) -> [int16x8_t; 4] {
            let (low, high) = (vdupq_n_s16(low), vdupq_n_s16(high));
            [low, low, high, high]
        }
        fn spread(self, scales: &[i16; 16], quarter: usize) -> [int16x8_t; 4] {
            let at = 4 * quarter;
            [
                vdupq_n_s16(scales[at]),
                vdupq_n_s16(scales[at + 1]),
                vdupq_n_s16(scales[at + 2]),
                vdupq_n_s16(scales[at + 3]),
            ]
        }
        fn spread_two(self, scales: &[i16; 16], quarter: usize) -> [int16x8_t; 4] {
            self.halves_s(scales[2 * quarter], scales[2 * quarter + 1])
        }
        fn mul_i16(self, a: [int16x8_t; 4], b: [int16x8_t; 4]) -> [int16x8_t; 4] { each!(vmulq_s16, a, b) }
        fn dot2(self, sum: [int32x4_t; 4], a: [int16x8_t; 4], b: [int16x8_t; 4]) -> [int32x4_t; 4] {
            [
                self.dot2_four(sum[0], a[0], b[0]),
                self.dot2_four(sum[1], a[1], b[1]),
                self.dot2_four(sum[2], a[2], b[2]),
                self.dot2_four(sum[3], a[3], b[3]),
            ]
        }
        fn dot4_scaled(
            self, sum: [int32x4_t; 4], a: [uint8x16_t; 4], b: [uint8x16_t; 4], scales: [int16x8_t; 4]
        ) -> [int32x4_t; 4] {
            let (a, b) = (each!(vreinterpretq_s8_u8, a), each!(vreinterpretq_s8_u8, b));
            let mut pairs = [vdupq_n_s16(0); 4];
            for (pairs, (a, b)) in pairs.iter_mut().zip(a.into_iter().zip(b)) {
                let low = vmull_s8(vget_low_s8(a), vget_low_s8(b));
                *pairs = vpaddq_s16(low, vmull_high_s8(a, b));
            }
            self.dot2(sum, pairs, scales)
        }
    }

    #[inline(always)]
    fn factor(self, x: f32) -> f32 {
        x
    }

    #[inline(always)]
    fn mul_factor(self, a: [float32x4_t; 4], b: &f32) -> [float32x4_t; 4] {
        self.mul(a, self.splat(*b))
    }

    #[inline(always)]
    fn prefetch(self, at: *const u8) {
        // SAFETY: a hint reads nothing that the program could notice, whatever the address.
        unsafe {
            asm!("prfm pldl1keep, [{at}]", at = in(reg) at, options(readonly, nostack, preserves_flags))
        }
    }

    #[inline(always)]
    fn shr<const N: i32>(self, x: [uint8x16_t; 2]) -> [uint8x16_t; 2] {
        // SAFETY: `self` is the token of these instructions.
        unsafe { [vshlq_u8(x[0], vdupq_n_s8(-N as i8)), vshlq_u8(x[1], vdupq_n_s8(-N as i8))] }
    }

    #[inline(always)]
    fn shl<const N: i32>(self, x: [uint8x16_t; 2]) -> [uint8x16_t; 2] {
        // SAFETY: `self` is the token of these instructions.
        unsafe { [vshlq_u8(x[0], vdupq_n_s8(N as i8)), vshlq_u8(x[1], vdupq_n_s8(N as i8))] }
    }
}
