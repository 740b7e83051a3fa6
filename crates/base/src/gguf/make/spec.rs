//! What is to be made, and which combinations describe a model.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use super::MakeError;
use super::vocabulary;
use crate::gguf::TensorType;

/// The most layers (`LLAMA_MAX_LAYERS`).
const MAX_LAYERS: u64 = 512;

/// The largest width of a layer, far beyond any model's; products of two fit 64 bits with ease.
const MAX_WIDTH: u64 = 1 << 24;

/// An architecture that can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Arch {
    /// llama.cpp's `llama`.
    Llama,
    /// `granite`: llama with four scales.
    Granite,
    /// `qwen2`: biases of queries, keys and values, and rotation by halves.
    Qwen2,
    /// `qwen3`: norms of queries and keys, and rotation by halves.
    Qwen3,
}

impl Arch {
    /// Every choice.
    pub const ALL: [Arch; 4] = [Arch::Llama, Arch::Granite, Arch::Qwen2, Arch::Qwen3];

    /// The value of `general.architecture`.
    pub fn name(self) -> &'static str {
        match self {
            Arch::Llama => "llama",
            Arch::Granite => "granite",
            Arch::Qwen2 => "qwen2",
            Arch::Qwen3 => "qwen3",
        }
    }
}

impl FromStr for Arch {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|choice| choice.name() == text).ok_or_else(|| {
            format!("unknown architecture {text:?}, known are: {}", Self::ALL.map(Arch::name).join(", "))
        })
    }
}

/// The type of a made model's matrices. Gains of norms are always F32.
#[allow(non_camel_case_types, missing_docs)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatrixType {
    F32,
    F16,
    BF16,
    Q8_0,
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q2_K,
    Q3_K,
    Q4_K,
    Q5_K,
    Q6_K,
    IQ4_NL,
    IQ4_XS,
    /// llama.cpp's mixture: Q4_K, with Q6_K for the output and half of the value and down
    /// projections.
    Q4_K_M,
}

impl MatrixType {
    /// Every choice.
    pub const ALL: [MatrixType; 16] = [
        MatrixType::F32,
        MatrixType::F16,
        MatrixType::BF16,
        MatrixType::Q8_0,
        MatrixType::Q4_0,
        MatrixType::Q4_1,
        MatrixType::Q5_0,
        MatrixType::Q5_1,
        MatrixType::Q2_K,
        MatrixType::Q3_K,
        MatrixType::Q4_K,
        MatrixType::Q5_K,
        MatrixType::Q6_K,
        MatrixType::IQ4_NL,
        MatrixType::IQ4_XS,
        MatrixType::Q4_K_M,
    ];

    /// Its name, such as `q4_K`.
    pub fn name(self) -> Cow<'static, str> {
        match self {
            MatrixType::Q4_K_M => Cow::Borrowed("q4_k_m"),
            _ => self.base().name(),
        }
    }

    /// The type of most matrices.
    pub(super) fn base(self) -> TensorType {
        match self {
            MatrixType::F32 => TensorType::F32,
            MatrixType::F16 => TensorType::F16,
            MatrixType::BF16 => TensorType::BF16,
            MatrixType::Q8_0 => TensorType::Q8_0,
            MatrixType::Q4_0 => TensorType::Q4_0,
            MatrixType::Q4_1 => TensorType::Q4_1,
            MatrixType::Q5_0 => TensorType::Q5_0,
            MatrixType::Q5_1 => TensorType::Q5_1,
            MatrixType::Q2_K => TensorType::Q2_K,
            MatrixType::Q3_K => TensorType::Q3_K,
            MatrixType::Q5_K => TensorType::Q5_K,
            MatrixType::IQ4_NL => TensorType::IQ4_NL,
            MatrixType::IQ4_XS => TensorType::IQ4_XS,
            MatrixType::Q4_K | MatrixType::Q4_K_M => TensorType::Q4_K,
            MatrixType::Q6_K => TensorType::Q6_K,
        }
    }

    /// The value of `general.file_type`, from `enum llama_ftype` in llama.cpp's `llama.h`.
    pub(super) fn file_type(self) -> u32 {
        match self {
            MatrixType::F32 => 0,
            MatrixType::F16 => 1,
            MatrixType::Q4_0 => 2,
            MatrixType::Q4_1 => 3,
            MatrixType::Q8_0 => 7,
            MatrixType::Q5_0 => 8,
            MatrixType::Q5_1 => 9,
            MatrixType::Q2_K => 10,
            MatrixType::Q3_K => 11,
            MatrixType::Q4_K => 14,
            MatrixType::Q4_K_M => 15,
            MatrixType::Q5_K => 16,
            MatrixType::Q6_K => 18,
            MatrixType::IQ4_NL => 25,
            MatrixType::IQ4_XS => 30,
            MatrixType::BF16 => 32,
        }
    }
}

impl fmt::Display for MatrixType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl FromStr for MatrixType {
    type Err = String;

    /// Either case will do: llama.cpp's own tools write both `q4_K` and `Q4_K`.
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|choice| choice.name().eq_ignore_ascii_case(text)).ok_or_else(|| {
            let names = Self::ALL.map(MatrixType::name).join(", ");
            format!("unknown type {text:?}, known are: {names}")
        })
    }
}

/// The shape, type and seed of a model to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MakeSpec {
    /// Architecture.
    pub arch: Arch,
    /// Transformer blocks.
    pub layers: u32,
    /// Width of the residual stream.
    pub embd: u32,
    /// Attention heads; they share `embd` evenly.
    pub heads: u32,
    /// Key and value heads; a divisor of `heads`.
    pub kv_heads: u32,
    /// Width of the feed-forward network.
    pub ffn: u32,
    /// Tokens of the vocabulary.
    pub vocab: u32,
    /// Context length that the model claims to be trained for.
    pub ctx: u32,
    /// Type of the matrices.
    pub matrices: MatrixType,
    /// Seed of the weights.
    pub seed: u64,
    /// Whether the token embedding serves as the output matrix too.
    pub tied: bool,
    /// Whether matrices are holes but for a short prefix.
    pub sparse: bool,
}

impl Default for MakeSpec {
    /// A model of some 5 million weights, the shape of the fixtures.
    fn default() -> Self {
        Self {
            arch: Arch::Llama,
            layers: 6,
            embd: 256,
            heads: 8,
            kv_heads: 4,
            ffn: 768,
            vocab: 2048,
            ctx: 256,
            matrices: MatrixType::Q8_0,
            seed: 42,
            tied: false,
            sparse: false,
        }
    }
}

impl MakeSpec {
    /// Elements of one attention head.
    pub(super) fn head_dim(&self) -> u64 {
        u64::from(self.embd / self.heads)
    }

    /// Refuses what describes no model; every other method may rely on it.
    pub(super) fn check(&self) -> Result<(), MakeError> {
        let range = |what, value: u32, min, max| {
            let value = u64::from(value);
            if (min..=max).contains(&value) {
                Ok(())
            } else {
                Err(MakeError::Range { what, value, min, max })
            }
        };
        range("layers", self.layers, 1, MAX_LAYERS)?;
        range("embd", self.embd, 1, MAX_WIDTH)?;
        range("heads", self.heads, 1, MAX_WIDTH)?;
        range("kv-heads", self.kv_heads, 1, MAX_WIDTH)?;
        range("ffn", self.ffn, 1, MAX_WIDTH)?;
        range("vocab", self.vocab, vocabulary::MIN_TOKENS, vocabulary::MAX_TOKENS)?;
        range("ctx", self.ctx, 1, u64::from(u32::MAX))?;

        let multiple = |what, value: u64, of: &dyn fmt::Display, divisor: u64| {
            if value.is_multiple_of(divisor) {
                Ok(())
            } else {
                Err(MakeError::Multiple { what, value, of: of.to_string(), divisor })
            }
        };
        multiple("embd", self.embd.into(), &"heads", self.heads.into())?;
        multiple("heads", self.heads.into(), &"kv-heads", self.kv_heads.into())?;
        multiple("the head size, embd / heads,", self.head_dim(), &"the pairs that rotate", 2)?;
        let block = self.matrices.base().block_elements();
        let of = format!("the block of {}", self.matrices);
        multiple("embd", self.embd.into(), &of, block)?;
        multiple("ffn", self.ffn.into(), &of, block)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_their_types_in_either_case() {
        for choice in MatrixType::ALL {
            assert_eq!(choice.name().parse(), Ok(choice));
            assert_eq!(choice.name().to_uppercase().parse(), Ok(choice));
        }
        let error = "q9".parse::<MatrixType>().unwrap_err();
        assert_eq!(
            error,
            "unknown type \"q9\", known are: f32, f16, bf16, q8_0, q4_0, q4_1, q5_0, q5_1, q2_K, \
             q3_K, q4_K, q5_K, q6_K, iq4_nl, iq4_xs, q4_k_m"
        );
    }

    #[test]
    fn what_describes_no_model_is_refused_with_the_size_that_is_wrong() {
        let good = MakeSpec::default();
        assert!(good.check().is_ok());
        let cases: [(MakeSpec, &str); 9] = [
            (MakeSpec { layers: 0, ..good.clone() }, "layers is 0, allowed are 1 to 512"),
            (MakeSpec { heads: 0, ..good.clone() }, "heads is 0, allowed are 1 to 16777216"),
            (MakeSpec { ctx: 0, ..good.clone() }, "ctx is 0"),
            (MakeSpec { vocab: 257, ..good.clone() }, "vocab is 257, allowed are 258 to"),
            (MakeSpec { heads: 7, ..good.clone() }, "embd is 256, it must be a multiple of heads, 7"),
            (MakeSpec { kv_heads: 3, ..good.clone() }, "heads is 8, it must be a multiple of kv-heads, 3"),
            (
                MakeSpec { heads: 256, kv_heads: 1, ..good.clone() },
                "the head size, embd / heads, is 1, it must be a multiple of the pairs that rotate, 2",
            ),
            (
                MakeSpec { ffn: 100, ..good.clone() },
                "ffn is 100, it must be a multiple of the block of q8_0, 32",
            ),
            (
                MakeSpec { embd: 128, matrices: MatrixType::Q4_K_M, ..good.clone() },
                "embd is 128, it must be a multiple of the block of q4_k_m, 256",
            ),
        ];
        for (spec, message) in cases {
            let error = spec.check().unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
        }
    }
}
