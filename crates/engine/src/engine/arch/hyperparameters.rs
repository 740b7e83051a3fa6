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
    /// Elements of a query and of a key, all of them rotated in pairs (`attention.key_length`).
    pub key_length: usize,
    /// Elements of a value (`attention.value_length`).
    pub value_length: usize,
    /// Positions that the model was made for (`context_length`).
    pub context: usize,
    /// Added to the mean square in a norm (`attention.layer_norm_rms_epsilon`).
    pub norm_epsilon: f32,
    /// The rotary angles.
    pub rope: Rope,
    /// What some architectures multiply with on the way.
    pub scales: Scales,
}

/// How positions become rotary angles.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rope {
    /// Whether queries and keys are rotated at all (granite: `rope.scaling.finetuned`).
    pub rotates: bool,
    /// Base of the angles (`rope.freq_base`).
    pub base: f32,
    /// What angles are multiplied with: 1, or 1 / `rope.scaling.factor`.
    pub scale: f32,
    /// What the rotated elements are multiplied with (`rope.scaling.attn_factor`).
    pub magnitude: f32,
    /// The range of pairs between the two scales of YaRN, if it is that kind of scaling.
    pub yarn: Option<Yarn>,
}

/// Where YaRN goes over from turning a pair as trained to turning it at the scaled speed (Peng et
/// al., "YaRN: efficient context window extension of large language models", 2023).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Yarn {
    /// The last pair that turns as trained.
    pub low: f32,
    /// The first pair that turns at the scaled speed.
    pub high: f32,
}

/// The four multipliers of granite. Where there is none nothing is multiplied.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Scales {
    /// Of the token embeddings (`embedding_scale`).
    pub embedding: Option<f32>,
    /// Of what attention and feed-forward add to the residual stream (`residual_scale`).
    pub residual: Option<f32>,
    /// Of key-query products, instead of 1 / √`key_length` (`attention.scale`).
    pub attention: Option<f32>,
    /// What the logits are divided by (`logit_scale`).
    pub logit: Option<f32>,
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
        let rotated = optional(keys.count("rope.dimension_count"))?.unwrap_or(key_length);
        if rotated != key_length || rotated % 2 != 0 {
            let why = format!("all {key_length} elements of a head are rotated, in pairs");
            return Err(keys.value("rope.dimension_count", rotated, why));
        }
        let context = keys.count("context_length")?;
        let rope = keys.rope(architecture, key_length, context)?;
        Ok(Self {
            architecture,
            layers: keys.count("block_count")?,
            width,
            feed_forward: keys.count("feed_forward_length")?,
            heads,
            kv_heads,
            key_length,
            value_length,
            context,
            norm_epsilon: keys.float("attention.layer_norm_rms_epsilon")?,
            rope,
            scales: if architecture.scales { keys.scales()? } else { Scales::default() },
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

    fn rope(&self, architecture: &Architecture, n: usize, context: usize) -> Result<Rope, ModelError> {
        const TYPE: &str = "rope.scaling.type";
        let base = optional(self.float("rope.freq_base"))?.unwrap_or(10000.0);
        let magnitude = optional(self.float("rope.scaling.attn_factor"))?.unwrap_or(1.0);
        let rotates = match self.gguf.bool(&self.name("rope.scaling.finetuned")) {
            // Only granite takes it for a switch; for the others it is a remark.
            Ok(flag) => flag || !architecture.scales,
            Err(KeyError::Missing { .. }) => true,
            Err(error) => return Err(error.into()),
        };
        let mut rope = Rope { rotates, base, scale: 1.0, magnitude, yarn: None };
        let kind = optional(self.gguf.str(&self.name(TYPE)).map_err(ModelError::from))?;
        match kind {
            Some("none") => {}
            // Files from before the type was stored scale linearly where they have a factor.
            None | Some("linear") => rope.scale = self.rope_scale()?,
            Some("yarn") => {
                rope.scale = self.rope_scale()?;
                let key = "rope.scaling.original_context_length";
                let trained = optional(self.count(key))?.unwrap_or(context);
                rope.yarn = Some(yarn(n, trained, base));
            }
            Some(other) => {
                return Err(self.value(TYPE, format!("{other:?}"), "supported: none, linear, yarn"));
            }
        }
        Ok(rope)
    }

    /// One over the factor by which positions are spread, under its name of today or an older one.
    /// A factor of 0 means none.
    fn rope_scale(&self) -> Result<f32, ModelError> {
        for key in ["rope.scaling.factor", "rope.scale_linear"] {
            match self.gguf.f32(&self.name(key)) {
                Ok(0.0) => return Ok(1.0),
                Ok(_) => return Ok(1.0 / self.float(key)?),
                Err(KeyError::Missing { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(1.0)
    }

    fn scales(&self) -> Result<Scales, ModelError> {
        let scale = |key: &str| match self.gguf.f32(&self.name(key)) {
            // Zero stands for a scale that is not used.
            Ok(0.0) => Ok(None),
            Ok(scale) if scale.is_finite() => Ok(Some(scale)),
            Ok(scale) => Err(self.value(key, scale, "it must be finite")),
            Err(error) => optional(Err(error.into())),
        };
        let logit = self.float("logit_scale")?;
        Ok(Scales {
            embedding: scale("embedding_scale")?,
            residual: scale("residual_scale")?,
            attention: scale("attention.scale")?,
            logit: Some(logit),
        })
    }

    fn refuse_experts(&self) -> Result<(), ModelError> {
        const COUNT: &str = "expert_count";
        match optional(self.gguf.u64(&self.name(COUNT)).map_err(ModelError::from))? {
            None | Some(0) => Ok(()),
            Some(count) => Err(self.value(COUNT, count, "mixtures of experts are not supported")),
        }
    }
}

/// The pairs at which the trained context holds 32 turns, and one turn.
///
/// In f32 and with the rounding outward of the reference implementation, like ggml.
fn yarn(n: usize, trained: usize, base: f32) -> Yarn {
    let pair = |turns: f32| {
        let positions = libm::logf(trained as f32 / (turns * 2.0 * std::f32::consts::PI));
        n as f32 * positions / (2.0 * libm::logf(base))
    };
    Yarn { low: libm::floorf(pair(32.0)).max(0.0), high: libm::ceilf(pair(1.0)).min(n as f32 - 1.0) }
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
        assert_eq!((h.key_length, h.value_length, h.kv_heads), (8, 8, 2));
        assert_eq!((h.rope.base, h.rope.scale, h.rope.magnitude, h.rope.yarn), (10000.0, 1.0, 1.0, None));
        assert_eq!((h.scales, h.rope.rotates), (Scales::default(), true));
        let h = with("llama.attention.head_count_kv", None).unwrap();
        assert_eq!(h.kv_heads, 4);
        let h = with("llama.rope.scaling.factor", Some(Value::F32(4.0))).unwrap();
        assert_eq!(h.rope.scale, 0.25);
        let h = with("llama.rope.scale_linear", Some(Value::F32(2.0))).unwrap();
        assert_eq!(h.rope.scale, 0.5);
        let h = with("llama.rope.scaling.factor", Some(Value::F32(0.0))).unwrap();
        assert_eq!(h.rope.scale, 1.0);
    }

    /// `{architecture}.{key}` for each entry, over the keys of the small llama.
    fn of(architecture: &str, entries: &[(&str, Value)]) -> Result<Hyperparameters, String> {
        let mut gguf = small_llama();
        for (key, value) in &mut gguf.metadata {
            match key.strip_prefix("llama.") {
                Some(rest) => *key = format!("{architecture}.{rest}"),
                None => *value = Value::from(architecture),
            }
        }
        let entries = entries.iter().map(|(key, value)| (format!("{architecture}.{key}"), value.clone()));
        gguf.metadata.extend(entries);
        Hyperparameters::read(&gguf).map_err(|error| error.to_string())
    }

    #[test]
    fn granite_reads_its_scales_and_nobody_else() {
        let keys = [
            ("embedding_scale", Value::F32(12.0)),
            ("residual_scale", Value::F32(0.0)),
            ("attention.scale", Value::F32(0.125)),
            ("logit_scale", Value::F32(4.0)),
            ("rope.scaling.finetuned", Value::Bool(false)),
        ];
        let h = of("granite", &keys).unwrap();
        let scales =
            Scales { embedding: Some(12.0), residual: None, attention: Some(0.125), logit: Some(4.0) };
        assert_eq!((h.scales, h.rope.rotates), (scales, false));
        let h = of("llama", &keys).unwrap();
        assert_eq!((h.scales, h.rope.rotates), (Scales::default(), true));
        assert!(of("granite", &[]).unwrap_err().contains("granite.logit_scale"));
        let error = of("granite", &[("logit_scale", Value::F32(0.0))]).unwrap_err();
        assert!(error.contains("`granite.logit_scale` is 0: it must be finite and above zero"), "{error}");
    }

    /// The pairs of a head of 128 under base 10000, as Python's `math` finds them for a context of
    /// 4096: 128 ln(4096 / 64π) / (2 ln 10000) = 20.94… and 128 ln(4096 / 2π) / (2 ln 10000) = 45.02….
    #[test]
    fn yarn_lies_between_32_turns_and_one() {
        assert_eq!(yarn(128, 4096, 10000.0), Yarn { low: 20.0, high: 46.0 });
        let keys = [
            ("rope.scaling.type", Value::from("yarn")),
            ("rope.scaling.factor", Value::F32(4.0)),
            ("rope.scaling.original_context_length", Value::U32(4096)),
            ("rope.scaling.attn_factor", Value::F32(1.5)),
        ];
        let h = of("qwen2", &keys).unwrap();
        // Heads of 8: 8 ln(4096 / 64π) / (2 ln 10000) = 1.3 and 2.8.
        assert_eq!(h.rope.yarn, Some(Yarn { low: 1.0, high: 3.0 }));
        assert_eq!((h.rope.scale, h.rope.magnitude), (0.25, 1.5));
    }

    #[test]
    fn errors_name_the_key() {
        let string = |s: &str| Some(Value::String(Text(s.into())));
        let epsilon = "llama.attention.layer_norm_rms_epsilon";
        for (key, value, message) in [
            (
                "general.architecture",
                string("rwkv6"),
                "architecture `rwkv6` is not supported; supported: llama, granite, qwen2, qwen3",
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
                Some(Value::U32(6)),
                "is 6: all 8 elements of a head are rotated, in pairs",
            ),
            ("llama.rope.scaling.type", string("longrope"), "is \"longrope\": supported: none, linear, yarn"),
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
