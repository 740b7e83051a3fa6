//! Block formats: what the bytes of a weight row mean, and the form in which activations meet them.
//!
//! Definitions follow ggml (`ggml-common.h` for the blocks, `ggml-quants.c` for the arithmetic),
//! since models are made for them. All numbers in a block are little-endian.
//!
//! | format | elements | bytes | layout | activations |
//! | --- | --- | --- | --- | --- |
//! | F32 | 1 | 4 | | f32 |
//! | F16 | 1 | 2 | | f32 rounded to f16 |
//! | BF16 | 1 | 2 | | bf16 |
//! | Q8_0 | 32 | 34 | f16 d, 32 × i8 | Q8_0 |
//! | Q4_0 | 32 | 18 | f16 d, 16 × two nibbles (element j low, j + 16 high) | Q8_0 |
//! | Q4_1 | 32 | 20 | f16 d, f16 m, nibbles as Q4_0 | Q8_1 |
//! | Q5_0 | 32 | 22 | f16 d, 32 fifth bits, nibbles as Q4_0 | Q8_0 |
//! | Q5_1 | 32 | 24 | f16 d, f16 m, 32 fifth bits, nibbles as Q4_0 | Q8_1 |
//! | IQ4_NL | 32 | 18 | f16 d, nibbles as Q4_0 that choose from a table | Q8_0 |
//! | Q2_K | 256 | 84 | 16 × nibbles of scale and min, 64 × four bit pairs, f16 d, f16 dmin | Q8_K |
//! | Q3_K | 256 | 110 | 32 × third bits, 64 × four bit pairs, 12 bytes of 6-bit scales, f16 d | Q8_K |
//! | Q4_K | 256 | 144 | f16 d, f16 dmin, 12 bytes of 6-bit scales and mins, 128 × two nibbles | Q8_K |
//! | Q5_K | 256 | 176 | as Q4_K, with 32 × fifth bits before the nibbles | Q8_K |
//! | Q6_K | 256 | 210 | 128 × low nibbles, 64 × high bit pairs, 16 × i8 scales, f16 d | Q8_K |
//! | IQ4_XS | 256 | 136 | f16 d, 8 scales of 2 + 4 bits, nibbles as IQ4_NL, 8 runs of 32 | Q8_K |
//!
//! Called by `kernels`, `arch` and `context`; calls `gguf` for the type names only.

mod activations;
mod dequantize;
mod unpack;

use crate::gguf::TensorType;

pub use activations::{Activations, Float, Halves, Q8_0, Q8_1, Q8_K};
pub(crate) use activations::{f16_bits, round_f16, round_f16_rows};
pub use dequantize::dequantize;
pub(crate) use dequantize::f16_at;
pub(crate) use unpack::{
    IQ4_VALUES, Small, Super, iq4_nl, iq4_xs, k4_scales, k4_words, q2_k, q3_k, q4_1, q5_0, q5_1, q5_k, q6,
};

/// Elements of a block of Q4_0 to Q8_1 and of IQ4_NL.
pub const SMALL_BLOCK: usize = 32;
/// Elements of a block of the K formats and of IQ4_XS.
pub const SUPER_BLOCK: usize = 256;

/// The weight formats that the engine multiplies with.
#[allow(non_camel_case_types, missing_docs)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    F32,
    F16,
    BF16,
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q8_0,
    Q2_K,
    Q3_K,
    Q4_K,
    Q5_K,
    Q6_K,
    IQ4_NL,
    IQ4_XS,
}

/// The form that activations take before they meet weights of some format.
#[allow(non_camel_case_types, missing_docs)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partner {
    F32,
    F16,
    BF16,
    Q8_0,
    Q8_1,
    Q8_K,
}

impl Format {
    /// Every format.
    pub const ALL: &[Format] = &[
        Format::F32,
        Format::F16,
        Format::BF16,
        Format::Q4_0,
        Format::Q4_1,
        Format::Q5_0,
        Format::Q5_1,
        Format::Q8_0,
        Format::Q2_K,
        Format::Q3_K,
        Format::Q4_K,
        Format::Q5_K,
        Format::Q6_K,
        Format::IQ4_NL,
        Format::IQ4_XS,
    ];

    /// The format of tensors of this type, if the engine has kernels for it.
    pub fn of(dtype: TensorType) -> Option<Self> {
        Self::ALL.iter().copied().find(|format| format.dtype() == dtype)
    }

    /// The type of tensors in this format.
    pub fn dtype(self) -> TensorType {
        match self {
            Format::F32 => TensorType::F32,
            Format::F16 => TensorType::F16,
            Format::BF16 => TensorType::BF16,
            Format::Q4_0 => TensorType::Q4_0,
            Format::Q4_1 => TensorType::Q4_1,
            Format::Q5_0 => TensorType::Q5_0,
            Format::Q5_1 => TensorType::Q5_1,
            Format::Q8_0 => TensorType::Q8_0,
            Format::Q2_K => TensorType::Q2_K,
            Format::Q3_K => TensorType::Q3_K,
            Format::Q4_K => TensorType::Q4_K,
            Format::Q5_K => TensorType::Q5_K,
            Format::Q6_K => TensorType::Q6_K,
            Format::IQ4_NL => TensorType::IQ4_NL,
            Format::IQ4_XS => TensorType::IQ4_XS,
        }
    }

    /// Elements of one block: a row is a whole number of blocks.
    pub fn block_elements(self) -> usize {
        self.dtype().block_elements() as usize
    }

    /// Bytes of one block.
    pub fn block_bytes(self) -> usize {
        self.dtype().block_bytes() as usize
    }

    /// Bytes of a row of `n` elements, a multiple of the block.
    pub fn row_bytes(self, n: usize) -> usize {
        n / self.block_elements() * self.block_bytes()
    }

    /// What activations are converted to before they meet this format.
    pub fn partner(self) -> Partner {
        match self {
            Format::F32 => Partner::F32,
            Format::F16 => Partner::F16,
            Format::BF16 => Partner::BF16,
            Format::Q4_0 | Format::Q5_0 | Format::Q8_0 | Format::IQ4_NL => Partner::Q8_0,
            Format::Q4_1 | Format::Q5_1 => Partner::Q8_1,
            Format::Q2_K | Format::Q3_K | Format::Q4_K | Format::Q5_K | Format::Q6_K | Format::IQ4_XS => {
                Partner::Q8_K
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The upper bytes of the f16 scales of a block.
    pub(in crate::engine) fn scales_at(format: Format) -> &'static [usize] {
        match format {
            Format::F32 | Format::F16 | Format::BF16 => &[],
            Format::Q4_0 | Format::Q5_0 | Format::Q8_0 | Format::IQ4_NL | Format::IQ4_XS => &[1],
            Format::Q4_1 | Format::Q5_1 | Format::Q4_K | Format::Q5_K => &[1, 3],
            Format::Q2_K => &[81, 83],
            Format::Q3_K => &[109],
            Format::Q6_K => &[209],
        }
    }

    #[test]
    fn the_formats_are_those_of_the_table_and_no_others() {
        for &format in Format::ALL {
            assert_eq!(Format::of(format.dtype()), Some(format));
            assert_eq!(format.row_bytes(512) as u64, format.dtype().size_of(512).unwrap(), "{format:?}");
        }
        for known in [TensorType::IQ2_XS, TensorType::IQ1_M, TensorType::TQ1_0, TensorType::MXFP4] {
            assert_eq!(Format::of(known), None);
        }
    }
}
