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
//! | Q4_K | 256 | 144 | f16 d, f16 dmin, 12 bytes of 6-bit scales and mins, 128 × two nibbles | Q8_K |
//! | Q6_K | 256 | 210 | 128 × low nibbles, 64 × high bit pairs, 16 × i8 scales, f16 d | Q8_K |
//!
//! Called by `kernels`, `arch` and `context`; calls `gguf` for the type names only.

mod activations;
mod dequantize;

use crate::gguf::TensorType;

pub(crate) use activations::round_f16;
pub use activations::{Activations, Bf16, Float, Q8_0, Q8_K};
pub use dequantize::dequantize;
pub(crate) use dequantize::{f16_at, k4_scales, q6};

/// Elements of a Q8_0 or Q4_0 block.
pub const SMALL_BLOCK: usize = 32;
/// Elements of a Q4_K, Q6_K or Q8_K block.
pub const SUPER_BLOCK: usize = 256;

/// The weight formats that the engine multiplies with.
#[allow(non_camel_case_types, missing_docs)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    F32,
    F16,
    BF16,
    Q8_0,
    Q4_0,
    Q4_K,
    Q6_K,
}

/// The form that activations take before they meet weights of some format.
#[allow(non_camel_case_types, missing_docs)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partner {
    F32,
    F16,
    BF16,
    Q8_0,
    Q8_K,
}

impl Format {
    /// Every format.
    pub const ALL: &[Format] =
        &[Format::F32, Format::F16, Format::BF16, Format::Q8_0, Format::Q4_0, Format::Q4_K, Format::Q6_K];

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
            Format::Q8_0 => TensorType::Q8_0,
            Format::Q4_0 => TensorType::Q4_0,
            Format::Q4_K => TensorType::Q4_K,
            Format::Q6_K => TensorType::Q6_K,
        }
    }

    /// Elements of one block: a row is a whole number of blocks.
    pub fn block_elements(self) -> usize {
        match self {
            Format::F32 | Format::F16 | Format::BF16 => 1,
            Format::Q8_0 | Format::Q4_0 => SMALL_BLOCK,
            Format::Q4_K | Format::Q6_K => SUPER_BLOCK,
        }
    }

    /// Bytes of one block.
    pub fn block_bytes(self) -> usize {
        match self {
            Format::F32 => 4,
            Format::F16 | Format::BF16 => 2,
            Format::Q8_0 => 34,
            Format::Q4_0 => 18,
            Format::Q4_K => 144,
            Format::Q6_K => 210,
        }
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
            Format::Q8_0 | Format::Q4_0 => Partner::Q8_0,
            Format::Q4_K | Format::Q6_K => Partner::Q8_K,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_agree_with_the_file_format() {
        for &format in Format::ALL {
            assert_eq!(format.block_elements() as u64, format.dtype().block_elements(), "{format:?}");
            assert_eq!(format.block_bytes() as u64, format.dtype().block_bytes(), "{format:?}");
            assert_eq!(Format::of(format.dtype()), Some(format));
        }
        assert_eq!(Format::of(TensorType::IQ4_XS), None);
    }
}
