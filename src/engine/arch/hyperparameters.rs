//! The numbers of a model, from the `{architecture}.*` keys of its metadata.
//!
//! Key names: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>; defaults as in llama.cpp.

use super::{Architecture, ModelError};
use crate::gguf::{Gguf, KeyError};

/// The numbers that shape the graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Hyperparameters {
    /// What sets the architecture apart.
    pub architecture: &'static Architecture,
    /// Layers (`block_count`).
    pub layers: usize,
    /// Width of the residual stream (`embedding_length`).
    pub width: usize,
    /// Width of the feed-forward part (`feed_forward_length`).
    pub feed_forward: usize,
    /// Query heads (`attention.head_count`).
    pub heads: usize,
    /// Key and value heads, a divisor of the query heads (`attention.head_count_kv`).
    pub kv_heads: usize,
    /// Elements of a query and of a key (`attention.key_length`).
    pub key_length: usize,
    /// Elements of a value (`attention.value_length`).
    pub value_length: usize,
    /// Positions that the model was made for (`context_length`).
    pub context: usize,
    /// Added to the mean square in a norm (`attention.layer_norm_rms_epsilon`).
    pub norm_epsilon: f32,
    /// Rotated elements of a head, even (`rope.dimension_count`).
    pub rope_dimensions: usize,
    /// Base of the rotary angles (`rope.freq_base`).
    pub rope_base: f32,
    /// What angles are multiplied with: 1, or 1 / `rope.scaling.factor` of linear scaling.
    pub rope_scale: f32,
}

impl Hyperparameters {
    /// Reads and checks the metadata.
    pub fn read(gguf: &Gguf) -> Result<Self, ModelError> {
        let name = gguf.str("general.architecture")?;
        let architecture =
            Architecture::named(name).ok_or_else(|| ModelError::Architecture(name.to_owned()))?;
        let keys = Keys { gguf, prefix: architecture.name };

        keys.refuse_experts()?;
        let width = keys.count("embedding_length")?;
        let heads = keys.count("attention.head_count")?;
        let kv_heads = optional(keys.count("attention.head_count_kv"))?.unwrap_or(heads);
        if heads % kv_heads != 0 {
            return Err(keys.value(
                "attention.head_count_kv",
                kv_heads,
                format!("{heads} query heads do not divide by it"),
            ));
        }
        let key_length = match optional(keys.count("attention.key_length"))? {
            Some(length) => length,
            None if width % heads == 0 => width / heads,
            None => {
                let why = format!("an embedding_length of {width} does not divide by it");
                return Err(keys.value("attention.head_count", heads, why));
            }
        };
        let value_length = optional(keys.count("attention.value_length"))?.unwrap_or(key_length);
        let rope_dimensions = optional(keys.count("rope.dimension_count"))?.unwrap_or(key_length);
        if rope_dimensions % 2 != 0 || rope_dimensions > key_length {
            let why = format!("it must be even and at most the head's {key_length} elements");
            return Err(keys.value("rope.dimension_count", rope_dimensions, why));
        }
        Ok(Self {
            architecture,
            layers: keys.count("block_count")?,
            width,
            feed_forward: keys.count("feed_forward_length")?,
            heads,
            kv_heads,
            key_length,
            value_length,
            context: keys.count("context_length")?,
            norm_epsilon: keys.float("attention.layer_norm_rms_epsilon")?,
            rope_dimensions,
            rope_base: optional(keys.float("rope.freq_base"))?.unwrap_or(10000.0),
            rope_scale: keys.rope_scale()?,
        })
    }
}

/// Keys of one architecture.
struct Keys<'a> {
    gguf: &'a Gguf,
    prefix: &'static str,
}

impl Keys<'_> {
    fn name(&self, key: &str) -> String {
        format!("{}.{key}", self.prefix)
    }

    fn value(&self, key: &str, value: impl ToString, why: impl Into<String>) -> ModelError {
        ModelError::Value { key: self.name(key), value: value.to_string(), why: why.into() }
    }

    /// A number above zero that fits 31 bits, so that products of two fit 64.
    fn count(&self, key: &str) -> Result<usize, ModelError> {
        let number = self.gguf.u64(&self.name(key))?;
        match i32::try_from(number) {
            Ok(count) if count > 0 => Ok(count as usize),
            _ => Err(self.value(key, number, "it must lie between 1 and 2147483647")),
        }
    }

    /// A finite number above zero.
    fn float(&self, key: &str) -> Result<f32, ModelError> {
        let number = self.gguf.f32(&self.name(key))?;
        if number.is_finite() && number > 0.0 {
            Ok(number)
        } else {
            Err(self.value(key, number, "it must be finite and above zero"))
        }
    }

    fn rope_scale(&self) -> Result<f32, ModelError> {
        const TYPE: &str = "rope.scaling.type";
        let kind = optional(self.gguf.str(&self.name(TYPE)).map_err(ModelError::from))?;
        match kind {
            Some("none") => Ok(1.0),
            // Files from before the type was stored scale linearly where they have a factor.
            None | Some("linear") => {
                Ok(optional(self.float("rope.scaling.factor"))?.map_or(1.0, |factor| 1.0 / factor))
            }
            Some(other) => Err(self.value(TYPE, format!("{other:?}"), "supported: none, linear")),
        }
    }

    fn refuse_experts(&self) -> Result<(), ModelError> {
        const COUNT: &str = "expert_count";
        match optional(self.gguf.u64(&self.name(COUNT)).map_err(ModelError::from))? {
            None | Some(0) => Ok(()),
            Some(count) => Err(self.value(COUNT, count, "mixtures of experts are not supported")),
        }
    }
}

/// What was read, or nothing where the key is missing.
fn optional<T>(read: Result<T, ModelError>) -> Result<Option<T>, ModelError> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(ModelError::Key(KeyError::Missing { .. })) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::gguf::{Array, Text, Value};

    /// A header with the metadata of a small llama, without tensors.
    pub(in crate::engine) fn small_llama() -> Gguf {
        let string = |s: &str| Value::String(Text(s.into()));
        let metadata = [
            ("general.architecture", string("llama")),
            ("llama.block_count", Value::U32(2)),
            ("llama.embedding_length", Value::U32(32)),
            ("llama.feed_forward_length", Value::U32(48)),
            ("llama.attention.head_count", Value::U32(4)),
            ("llama.attention.head_count_kv", Value::U32(2)),
            ("llama.context_length", Value::U32(64)),
            ("llama.attention.layer_norm_rms_epsilon", Value::F32(1e-5)),
        ];
        Gguf {
            version: 3,
            alignment: 32,
            metadata: metadata.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
            tensors: Vec::new(),
            data_offset: 0,
            file_size: 0,
        }
    }

    fn with(key: &str, value: Option<Value>) -> Result<Hyperparameters, String> {
        let mut gguf = small_llama();
        gguf.metadata.retain(|(k, _)| k != key);
        gguf.metadata.extend(value.map(|value| (key.to_owned(), value)));
        Hyperparameters::read(&gguf).map_err(|error| error.to_string())
    }

    #[test]
    fn defaults_follow_from_the_head_count() {
        let h = Hyperparameters::read(&small_llama()).unwrap();
        assert_eq!((h.key_length, h.value_length, h.rope_dimensions, h.kv_heads), (8, 8, 8, 2));
        assert_eq!((h.rope_base, h.rope_scale), (10000.0, 1.0));
        let h = with("llama.attention.head_count_kv", None).unwrap();
        assert_eq!(h.kv_heads, 4);
        let h = with("llama.rope.scaling.factor", Some(Value::F32(4.0))).unwrap();
        assert_eq!(h.rope_scale, 0.25);
    }

    #[test]
    fn errors_name_the_key() {
        let string = |s: &str| Some(Value::String(Text(s.into())));
        let epsilon = "llama.attention.layer_norm_rms_epsilon";
        for (key, value, message) in [
            (
                "general.architecture",
                string("rwkv6"),
                "architecture `rwkv6` is not supported; supported: llama",
            ),
            ("llama.block_count", Some(Value::U32(0)), "is 0: it must lie between 1 and 2147483647"),
            (
                "llama.embedding_length",
                Some(Value::U64(1 << 31)),
                "is 2147483648: it must lie between 1 and 2147483647",
            ),
            ("llama.attention.head_count_kv", Some(Value::U32(3)), "is 3: 4 query heads do not divide by it"),
            (
                "llama.attention.head_count",
                Some(Value::U32(6)),
                "is 6: an embedding_length of 32 does not divide by it",
            ),
            (
                "llama.rope.dimension_count",
                Some(Value::U32(7)),
                "is 7: it must be even and at most the head's 8 elements",
            ),
            ("llama.rope.scaling.type", string("yarn"), "is \"yarn\": supported: none, linear"),
            ("llama.expert_count", Some(Value::U32(8)), "is 8: mixtures of experts are not supported"),
            (epsilon, Some(Value::F32(f32::NAN)), "is NaN: it must be finite and above zero"),
            // What the file format's own getters say.
            ("general.architecture", None, ""),
            ("general.architecture", Some(Value::U32(1)), ""),
            ("llama.block_count", None, ""),
            ("llama.block_count", Some(Value::F32(2.0)), ""),
            ("llama.attention.head_count_kv", Some(Value::Array(Array::U32(vec![1, 2]))), ""),
            (epsilon, None, ""),
        ] {
            let error = with(key, value).unwrap_err();
            assert!(error.contains(message), "{error}");
            assert!(error.contains(key) || key == "general.architecture", "{error}");
        }
    }
}
