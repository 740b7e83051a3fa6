//! Vector code: weight rows × activation rows, and attention over cached heads.
//!
//! # The lane layout
//!
//! A result is the same bits at every [`CpuLevel`], because every level performs the same
//! roundings in the same order. "Fused" is one rounding: the instruction, or `libm::fmaf`.
//!
//! - **F32 and F16 rows.** The row is padded with zeros to a multiple of 16. Sixteen lanes start
//!   at +0; element `i` goes to lane `i mod 16` by a fused multiply-add, in the order of `i`. The
//!   lanes are folded in halves: lane `j` + lane `j + 8`, then `+ 4`, `+ 2`, `+ 1`.
//! - **BF16 rows.** The row is padded with zeros to a multiple of 64. Of each 64 elements the
//!   first 32 go to one set of sixteen lanes and the others to a second one, elements `2j` and
//!   `2j + 1` to lane `j`: first the odd one, then the even one, both fused. Each set is folded as
//!   above, then the two sums are added.
//! - **Q8_0 rows.** Eight lanes. Elements `4j` to `4j + 3` of a block belong to lane `j`: the
//!   exact sum of their integer products, converted to f32, times the product of the two block
//!   scales, by a fused multiply-add, block after block. Folded: `+ 4`, `+ 2`, `+ 1`.
//! - **Q4_0 rows.** One accumulator. The exact sum of the integer products of a block, converted
//!   to f32, times the product of the two scales, by a fused multiply-add, block after block.
//! - **Q5_0, Q4_1 and Q5_1 rows.** Lanes as Q8_0. For Q4_1 and Q5_1 a further accumulator takes the
//!   min times the activations' sum, by a fused multiply-add, block after block, and is added to
//!   the folded lanes.
//! - **IQ4_NL rows.** One accumulator, as Q4_0.
//! - **Q4_K rows.** One accumulator, as Q4_0, where the sum of a block of 256 includes the scales
//!   of its parts (exact in 32 bits, rounded when converted) and the product of the block scales
//!   is rounded. A second accumulator for the mins is subtracted at the end.
//! - **Q2_K rows.** As Q4_K.
//! - **Q3_K and IQ4_XS rows.** Eight lanes, folded as Q8_0. Elements `4j` to `4j + 3` of each run of
//!   32 belong to lane `j`: the exact sum of weight times activation times scale over a block of
//!   256, converted to f32 (rounded), times the product of the block scales (rounded), by a fused
//!   multiply-add, block after block.
//! - **Q5_K rows.** Lanes as Q3_K. A further accumulator takes the exact sum of min times summed
//!   activations, converted, times the negated product of the block scales, by a fused
//!   multiply-add, and is added to the folded lanes.
//! - **Q6_K rows.** Eight lanes, folded as Q8_0. Lane `j` of a block: over its eight runs of 32,
//!   elements `4j` to `4j + 3` as integers from 0 to 63, times activation, times the scale of their
//!   run of 16; minus 32 times the sum over runs of 16 number `2j` and `2j + 1` of scale times
//!   summed activations. This integer is converted to f32 (rounded), times the product of the
//!   block scales (rounded), by a fused multiply-add, block after block.
//! - **Attention** is the online softmax: for each position in order, the score is the key-query
//!   product times the scale; a new maximum rescales the accumulator; the value row times the
//!   weight is added by a fused multiply-add; after each step the accumulator is rounded to f16.
//!   The key-query product has 64 fused lanes, element `i` in lane `i mod 64`, for whole runs of
//!   64 elements, folded in halves; the elements behind them are summed in f64, in eight lanes,
//!   and added before the result is rounded to f32. Exponentials come from `libm`.
//!
//! These are the layouts of ggml's x86 kernels for a single token (with AVX-512 for BF16 and
//! keys), of its kernels for many tokens for F32 and F16, and of its flash attention over an f16
//! cache; so tokens agree with llama.cpp's wherever its own two paths agree. They suit every width:
//! four adjacent bytes to a lane is what the dot-product instructions of AVX-512 VNNI and NEON
//! compute, single accumulators let rows lie in lanes, and a lane is never finer than a 128-bit
//! register can hold.
//!
//! # One algorithm, several sets of instructions
//!
//! `vector` says what an algorithm may ask of a level: sixteen lanes, whatever the registers.
//! `float`, `small_blocks`, `super_rows`, `super_lanes`, `attention` and `exp` are written on it
//! once; `avx2`, `avx512` and `neon` answer; `tables` joins them, with tiles that fit the level's
//! registers. A prompt is multiplied in tiles of rows × tokens (`tile`): rows of blocks are unpacked
//! into a near buffer once for all tokens of a batch, and the sums of a tile stay in registers. One
//! token reads the weights where they lie. Nothing unpacked outlives a call: no weight is repacked.
//!
//! The scalar level is the oracle of the others. Weights are read with unaligned loads: nothing is
//! asked of where a tensor lies. The only `unsafe` of the engine is in this folder.
//!
//! Called by `arch` and `context`; calls `quant`.

mod attention;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod blocks;
mod exp;
mod float;
#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
mod neon;
mod scalar;
mod small_blocks;
mod super_blocks;
mod super_lanes;
mod super_rows;
mod tables;
#[cfg(test)]
mod tests;
mod tile;
mod vector;

use std::fmt;
use std::str::FromStr;

use super::quant::{Activations, Float, Format, Halves, Partner, Q8_0, Q8_1, Q8_K};

/// A set of CPU instructions that the kernels are written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CpuLevel {
    /// Portable Rust: the oracle, and slow.
    Scalar,
    /// x86-64 with AVX2, FMA and F16C.
    Avx2,
    /// x86-64 with AVX-512 F, BW, VL and VNNI besides.
    Avx512,
    /// AArch64 with NEON, little-endian.
    Neon,
    /// AArch64 with NEON and its dot product of bytes.
    NeonDotprod,
}

/// Why a level cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CpuLevelError {
    /// The word names no level.
    #[error("unknown CPU level `{0}`; the levels are {levels}", levels = Self::words())]
    Unknown(String),
    /// This machine lacks the instructions.
    #[error("this CPU has no {0} level; it has {best}", best = CpuLevel::detect())]
    Unavailable(CpuLevel),
}

impl CpuLevelError {
    fn words() -> String {
        CpuLevel::ALL.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }
}

impl CpuLevel {
    /// Every level, the plainest first.
    pub const ALL: &[CpuLevel] =
        &[CpuLevel::Scalar, CpuLevel::Avx2, CpuLevel::Avx512, CpuLevel::Neon, CpuLevel::NeonDotprod];

    /// The best level of this CPU.
    pub fn detect() -> Self {
        Self::available().last().unwrap_or(CpuLevel::Scalar)
    }

    /// The levels that this CPU can run, the plainest first.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|level| level.is_available())
    }

    /// Whether this CPU can run it.
    pub fn is_available(self) -> bool {
        match self {
            CpuLevel::Scalar => true,
            #[cfg(target_arch = "x86_64")]
            CpuLevel::Avx2 => {
                is_x86_feature_detected!("avx2")
                    && is_x86_feature_detected!("fma")
                    && is_x86_feature_detected!("f16c")
            }
            #[cfg(target_arch = "x86_64")]
            CpuLevel::Avx512 => {
                CpuLevel::Avx2.is_available()
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512vnni")
            }
            #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
            CpuLevel::Neon => std::arch::is_aarch64_feature_detected!("neon"),
            #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
            CpuLevel::NeonDotprod => {
                CpuLevel::Neon.is_available() && std::arch::is_aarch64_feature_detected!("dotprod")
            }
            // A level of another architecture.
            _ => false,
        }
    }
}

impl fmt::Display for CpuLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CpuLevel::Scalar => "scalar",
            CpuLevel::Avx2 => "avx2",
            CpuLevel::Avx512 => "avx512",
            CpuLevel::Neon => "neon",
            CpuLevel::NeonDotprod => "neon-dotprod",
        })
    }
}

impl FromStr for CpuLevel {
    type Err = CpuLevelError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().copied().find(|level| level.to_string() == word);
        found.ok_or_else(|| CpuLevelError::Unknown(word.to_owned()))
    }
}

/// Weight rows × activation rows: the product of row `r` with activation row `t` goes to
/// `out[t * weight rows + r]`.
type Rows<A> = fn(weights: &[u8], activations: &A, out: &mut [f32]);

/// What a level provides.
struct Table {
    f32: Rows<Float>,
    f16: Rows<Halves>,
    bf16: Rows<Halves>,
    q8_0: Rows<Q8_0>,
    q4_0: Rows<Q8_0>,
    q4_1: Rows<Q8_1>,
    q5_0: Rows<Q8_0>,
    q5_1: Rows<Q8_1>,
    iq4_nl: Rows<Q8_0>,
    q2_k: Rows<Q8_K>,
    q3_k: Rows<Q8_K>,
    q4_k: Rows<Q8_K>,
    q5_k: Rows<Q8_K>,
    q6_k: Rows<Q8_K>,
    iq4_xs: Rows<Q8_K>,
    attend: fn(&Heads<'_>, &mut [f32]),
    swiglu: fn(&mut [f32], &[f32]),
    activations: fn(Partner, usize, &[f32]) -> Activations,
}

/// Queries against the cached keys and values that their heads share.
#[derive(Clone, Copy, Debug)]
pub struct Heads<'a> {
    /// How many heads there are.
    pub count: usize,
    /// A query for each head, already rounded to f16, as long as a key.
    pub queries: &'a [f32],
    /// Keys as f16 bits, position after position; at least one position.
    pub keys: &'a [u16],
    /// Values as f16 bits, as many positions; each as long as the output of a head.
    pub values: &'a [u16],
    /// What a key-query product is multiplied with.
    pub scale: f32,
}

/// The kernels of one level.
#[derive(Clone, Copy)]
pub struct Kernels {
    level: CpuLevel,
    table: &'static Table,
}

impl fmt::Debug for Kernels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Kernels").field(&self.level).finish()
    }
}

impl Kernels {
    /// The kernels of `level`, if this CPU can run them.
    pub fn for_level(level: CpuLevel) -> Result<Self, CpuLevelError> {
        if !level.is_available() {
            return Err(CpuLevelError::Unavailable(level));
        }
        let table = match level {
            CpuLevel::Scalar => &scalar::TABLE,
            #[cfg(target_arch = "x86_64")]
            CpuLevel::Avx2 => &tables::AVX2,
            #[cfg(target_arch = "x86_64")]
            CpuLevel::Avx512 => &tables::AVX512,
            #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
            CpuLevel::Neon => &tables::NEON,
            #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
            CpuLevel::NeonDotprod => &tables::NEON_DOTPROD,
            // A level of another architecture, which is not available.
            _ => return Err(CpuLevelError::Unavailable(level)),
        };
        Ok(Self { level, table })
    }

    /// The level.
    pub fn level(&self) -> CpuLevel {
        self.level
    }

    /// Multiplies rows of weights with every row of activations. The product of weight row `r`
    /// with activation row `t` goes to `out[t * weight rows + r]`.
    ///
    /// # Panics
    /// If `weights` is not a whole number of rows as long as the activations, if `out` has not one
    /// place for each product, or if the activations are not in the form of [`Format::partner`].
    pub fn multiply(&self, format: Format, weights: &[u8], activations: &Activations, out: &mut [f32]) {
        let n = activations.n();
        assert_eq!(n % format.block_elements(), 0, "a row of {format:?} is whole blocks");
        let row_bytes = format.row_bytes(n);
        assert_eq!(weights.len() % row_bytes, 0, "whole rows of {format:?}");
        assert_eq!(out.len(), weights.len() / row_bytes * activations.rows(), "one place for each product");
        match (format, activations) {
            (Format::F32, Activations::F32(x)) => (self.table.f32)(weights, x, out),
            (Format::F16, Activations::F16(x)) => (self.table.f16)(weights, x, out),
            (Format::BF16, Activations::BF16(x)) => (self.table.bf16)(weights, x, out),
            (Format::Q8_0, Activations::Q8_0(x)) => (self.table.q8_0)(weights, x, out),
            (Format::Q4_0, Activations::Q8_0(x)) => (self.table.q4_0)(weights, x, out),
            (Format::Q4_1, Activations::Q8_1(x)) => (self.table.q4_1)(weights, x, out),
            (Format::Q5_0, Activations::Q8_0(x)) => (self.table.q5_0)(weights, x, out),
            (Format::Q5_1, Activations::Q8_1(x)) => (self.table.q5_1)(weights, x, out),
            (Format::IQ4_NL, Activations::Q8_0(x)) => (self.table.iq4_nl)(weights, x, out),
            (Format::Q2_K, Activations::Q8_K(x)) => (self.table.q2_k)(weights, x, out),
            (Format::Q3_K, Activations::Q8_K(x)) => (self.table.q3_k)(weights, x, out),
            (Format::Q4_K, Activations::Q8_K(x)) => (self.table.q4_k)(weights, x, out),
            (Format::Q5_K, Activations::Q8_K(x)) => (self.table.q5_k)(weights, x, out),
            (Format::Q6_K, Activations::Q8_K(x)) => (self.table.q6_k)(weights, x, out),
            (Format::IQ4_XS, Activations::Q8_K(x)) => (self.table.iq4_xs)(weights, x, out),
            _ => panic!("{format:?} weights meet activations of another form"),
        }
    }

    /// Attention of each head over all positions; `out` has a row for each.
    ///
    /// # Panics
    /// If there is no head or no position, or if queries, keys, values and rows of the output do not fit
    /// each other.
    pub fn attend(&self, heads: &Heads<'_>, out: &mut [f32]) {
        let &Heads { count, queries, keys, values, .. } = heads;
        assert!(count > 0 && queries.len() >= count && out.len() >= count, "heads have elements");
        let (length, width) = (queries.len() / count, out.len() / count);
        assert!(queries.len() == length * count && out.len() == width * count, "a row for each head");
        let positions = keys.len() / length;
        assert!(positions > 0, "attention needs a position");
        assert_eq!(keys.len(), positions * length, "whole keys");
        assert_eq!(values.len(), positions * width, "a value for each key");
        (self.table.attend)(heads, out);
    }
}

impl Kernels {
    /// Converts activations as [`Activations::new`].
    pub fn activations(&self, partner: Partner, n: usize, rows: &[f32]) -> Activations {
        (self.table.activations)(partner, n, rows)
    }

    /// Replaces each gate by `silu(gate) · up`: `gate / (1 + exp(−gate)) · up`, three roundings
    /// and that of the exponential.
    ///
    /// # Panics
    /// If there are not as many of both.
    pub fn swiglu(&self, gates: &mut [f32], ups: &[f32]) {
        assert_eq!(gates.len(), ups.len(), "an up for each gate");
        (self.table.swiglu)(gates, ups);
    }
}

/// Folds sixteen lanes in halves.
fn fold16(lanes: [f32; 16]) -> f32 {
    let mut half = [0.0; 8];
    for j in 0..8 {
        half[j] = lanes[j] + lanes[j + 8];
    }
    fold8(half)
}

/// Folds eight lanes in halves.
fn fold8(l: [f32; 8]) -> f32 {
    ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]))
}
