//! Rows of Q4_K and Q6_K weights.

use std::arch::aarch64::*;

use super::{block, fma, fold8, half_at, load_i8, load_u8, sums_of_four, sums_of_small, tiled_rows};
use crate::engine::quant::{Format, Q8_K, SUPER_BLOCK, k4_scales};

tiled_rows!(rows_q4_k, tile_q4_k, 4, Q8_K, Format::Q4_K);
tiled_rows!(rows_q6_k, tile_q6_k, 4, Q8_K, Format::Q6_K);

/// The sum of sixteen products of 16-bit integers.
#[inline]
#[target_feature(enable = "neon")]
fn dot16(a: &[i16; 16], b: [int16x8_t; 2]) -> i32 {
    // SAFETY: the array is twice eight i16 long.
    let a = unsafe { [vld1q_s16(a.as_ptr()), vld1q_s16(a.as_ptr().add(8))] };
    let mut sums = vmull_s16(vget_low_s16(a[0]), vget_low_s16(b[0]));
    sums = vmlal_high_s16(sums, a[0], b[0]);
    sums = vmlal_s16(sums, vget_low_s16(a[1]), vget_low_s16(b[1]));
    vaddvq_s32(vmlal_high_s16(sums, a[1], b[1]))
}

#[inline]
#[target_feature(enable = "neon")]
fn tile_q4_k<const T: usize>(row: &[u8], x: &Q8_K, t: usize) -> [f32; T] {
    let blocks = x.n / SUPER_BLOCK;
    let mut totals = [(0.0f32, 0.0f32); T];
    for (b, bytes) in row.chunks_exact(Format::Q4_K.block_bytes()).enumerate() {
        let bytes: &[u8; 144] = block(bytes);
        let (scales, mins) = k4_scales(&bytes[4..16]);
        let mut sums = [vdupq_n_s32(0); T];
        for pair in 0..4 {
            let packed = [load_u8(&bytes[16 + 32 * pair..]), load_u8(&bytes[32 + 32 * pair..])];
            let low = packed.map(|p| vreinterpretq_s8_u8(vandq_u8(p, vdupq_n_u8(15))));
            let high = packed.map(|p| vreinterpretq_s8_u8(vshrq_n_u8::<4>(p)));
            let (low_scale, high_scale) = (i32::from(scales[2 * pair]), i32::from(scales[2 * pair + 1]));
            for (i, sum) in sums.iter_mut().enumerate() {
                let quants: &[i8; 64] = block(&x.quants[((t + i) * blocks + b) * 256 + 64 * pair..]);
                // Four products of at most 15 · 127 fit in 16 bits.
                let first = sums_of_small(low, [load_i8(quants), load_i8(&quants[16..])]);
                let second = sums_of_small(high, [load_i8(&quants[32..]), load_i8(&quants[48..])]);
                *sum = vmlaq_n_s32(vmlaq_n_s32(*sum, first, low_scale), second, high_scale);
            }
        }
        // Each min stands for two runs of 16.
        let mins = vcreate_u8(u64::from_le_bytes(mins));
        let mins = [vzip1_u8(mins, mins), vzip2_u8(mins, mins)].map(|m| vreinterpretq_s16_u16(vmovl_u8(m)));
        let (d, dmin) = (half_at(bytes, 0), half_at(bytes, 2));
        for (i, (sum, total)) in sums.into_iter().zip(&mut totals).enumerate() {
            let at = (t + i) * blocks + b;
            let sum_mins = dot16(block(&x.sums[at * 16..]), mins);
            total.0 = fma(d * x.scales[at], vaddvq_s32(sum) as f32, total.0);
            total.1 = fma(dmin * x.scales[at], sum_mins as f32, total.1);
        }
    }
    let mut out = [0.0; T];
    for (out, total) in out.iter_mut().zip(totals) {
        *out = total.0 - total.1;
    }
    out
}

/// The six-bit integers (0 to 63) of one half of a Q6_K block, run by run, each in two halves.
#[inline]
#[target_feature(enable = "neon")]
fn unpack_q6(bytes: &[u8; 210], half: usize) -> [[int8x16_t; 2]; 4] {
    let mut runs = [[vdupq_n_s8(0); 2]; 4];
    for side in 0..2 {
        let first = load_u8(&bytes[64 * half + 16 * side..]);
        let second = load_u8(&bytes[64 * half + 32 + 16 * side..]);
        let pairs = load_u8(&bytes[128 + 32 * half + 16 * side..]);
        let (nibble, pair) = (vdupq_n_u8(15), vdupq_n_u8(0x30));
        let six = [
            vorrq_u8(vandq_u8(first, nibble), vandq_u8(vshlq_n_u8::<4>(pairs), pair)),
            vorrq_u8(vandq_u8(second, nibble), vandq_u8(vshlq_n_u8::<2>(pairs), pair)),
            vorrq_u8(vshrq_n_u8::<4>(first), vandq_u8(pairs, pair)),
            vorrq_u8(vshrq_n_u8::<4>(second), vandq_u8(vshrq_n_u8::<2>(pairs), pair)),
        ];
        for (run, six) in runs.iter_mut().zip(six) {
            run[side] = vreinterpretq_s8_u8(six);
        }
    }
    runs
}

#[inline]
#[target_feature(enable = "neon")]
fn tile_q6_k<const T: usize>(row: &[u8], x: &Q8_K, t: usize) -> [f32; T] {
    let blocks = x.n / SUPER_BLOCK;
    let mut lanes = [[vdupq_n_f32(0.0); 2]; T];
    for (b, bytes) in row.chunks_exact(Format::Q6_K.block_bytes()).enumerate() {
        let bytes: &[u8; 210] = block(bytes);
        let mut sums = [[vdupq_n_s32(0); 2]; T];
        for half in 0..2 {
            for (run, w) in unpack_q6(bytes, half).into_iter().enumerate() {
                let j = 8 * half + 2 * run;
                for (i, sums) in sums.iter_mut().enumerate() {
                    let quants: &[i8; 32] = block(&x.quants[((t + i) * blocks + b) * 256 + 16 * j..]);
                    for side in 0..2 {
                        let products = sums_of_four(w[side], load_i8(&quants[16 * side..]));
                        let scale = i32::from(bytes[192 + j + side] as i8);
                        sums[side] = vmlaq_n_s32(sums[side], products, scale);
                    }
                }
            }
        }
        let scales = vreinterpretq_s8_u8(load_u8(&bytes[192..]));
        let scales = [vmovl_s8(vget_low_s8(scales)), vmovl_high_s8(scales)];
        let d = half_at(bytes, 208);
        for (i, (sums, lanes)) in sums.into_iter().zip(&mut lanes).enumerate() {
            let at = (t + i) * blocks + b;
            let run_sums: &[i16; 16] = block(&x.sums[at * 16..]);
            let scale = d * x.scales[at];
            for side in 0..2 {
                // The zero of a six-bit integer is 32; each lane takes off that of two runs of 16.
                // SAFETY: the array is twice eight i16 long.
                let run_sums = unsafe { vld1q_s16(run_sums[8 * side..].as_ptr()) };
                let low = vmull_s16(vget_low_s16(run_sums), vget_low_s16(scales[side]));
                let zero = vpaddq_s32(low, vmull_high_s16(run_sums, scales[side]));
                let sum = vsubq_s32(sums[side], vshlq_n_s32::<5>(zero));
                lanes[side] = vfmaq_n_f32(lanes[side], vcvtq_f32_s32(sum), scale);
            }
        }
    }
    let mut out = [0.0; T];
    for (out, lanes) in out.iter_mut().zip(lanes) {
        *out = fold8(lanes[0], lanes[1]);
    }
    out
}
