//! The settings of a sampler and what they may be.

/// The settings of a [`Sampler`](super::Sampler). The defaults are llama.cpp's
/// (`common_params_sampling`), except for the seed, which is never random here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SamplerConfig {
    /// Divides the logits before the draw. At 0 or less the best token is taken, without a draw.
    pub temperature: f32,
    /// Keeps this many of the best tokens; 0 keeps all.
    pub top_k: usize,
    /// Keeps the fewest tokens, those of about the expected surprise first, whose probabilities sum
    /// to more than this; 1 keeps all.
    pub typical_p: f32,
    /// Keeps the fewest of the best tokens whose probabilities sum to this; 1 keeps all.
    pub top_p: f32,
    /// Keeps the tokens at least this probable relative to the best one; 0 keeps all.
    pub min_p: f32,
    /// The number of tokens that typical sampling, top-p and min-p leave at least; 1 or more.
    pub min_keep: usize,
    /// Divides the positive and multiplies the negative logits of recent tokens; 1 changes none.
    pub repeat_penalty: f32,
    /// Taken off the logit of a recent token as often as it occurs there.
    pub frequency_penalty: f32,
    /// Taken off the logit of a recent token once.
    pub presence_penalty: f32,
    /// The number of last tokens that the penalties look at; 0 disables them, -1 means all.
    pub repeat_last_n: i64,
    /// Where the random numbers start.
    pub seed: u64,
}

impl Default for SamplerConfig {
    fn default() -> Self {
        SamplerConfig {
            temperature: 0.8,
            top_k: 40,
            typical_p: 1.0,
            top_p: 0.95,
            min_p: 0.05,
            min_keep: 1,
            repeat_penalty: 1.0,
            frequency_penalty: 0.0,
            presence_penalty: 0.0,
            repeat_last_n: 64,
            seed: 0,
        }
    }
}

/// Why settings or logits do not allow a choice.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SampleError {
    /// A setting has a value without a meaning.
    #[error("sampling parameter {name} is {value}; it must be {allowed}")]
    Parameter {
        /// The field of [`SamplerConfig`].
        name: &'static str,
        /// Its value.
        value: String,
        /// The values it may have, in words.
        allowed: &'static str,
    },
    /// A bias for a token is not a number, or infinite upwards.
    #[error("the bias of token {token} is {bias}; it must be a number, or -inf to forbid the token")]
    Bias {
        /// The token.
        token: u32,
        /// Its bias.
        bias: f32,
    },
    /// There are no logits.
    #[error("there are no logits to sample from")]
    NoLogits,
    /// Every logit is NaN or negative infinity.
    #[error("none of the {count} logits is a number above negative infinity")]
    NoCandidate {
        /// The number of logits.
        count: usize,
    },
}

impl SamplerConfig {
    /// Checks every setting.
    pub(super) fn validate(&self) -> Result<(), SampleError> {
        let check = |good: bool, name, value: &dyn std::fmt::Display, allowed| {
            if good {
                Ok(())
            } else {
                Err(SampleError::Parameter { name, value: value.to_string(), allowed })
            }
        };
        check(self.temperature.is_finite(), "temperature", &self.temperature, "a finite number")?;
        let typical = self.typical_p;
        check(typical > 0.0 && typical <= 1.0, "typical_p", &typical, "above 0 and at most 1")?;
        let (often, once) = (self.frequency_penalty, self.presence_penalty);
        check(often.is_finite(), "frequency_penalty", &often, "a finite number")?;
        check(once.is_finite(), "presence_penalty", &once, "a finite number")?;
        check(self.top_p > 0.0 && self.top_p <= 1.0, "top_p", &self.top_p, "above 0 and at most 1")?;
        check((0.0..=1.0).contains(&self.min_p), "min_p", &self.min_p, "from 0 to 1")?;
        check(self.min_keep >= 1, "min_keep", &self.min_keep, "at least 1")?;
        let penalty = self.repeat_penalty;
        check(penalty.is_finite() && penalty > 0.0, "repeat_penalty", &penalty, "a finite number above 0")?;
        check(self.repeat_last_n >= -1, "repeat_last_n", &self.repeat_last_n, "-1 (all), 0 (off) or more")
    }
}
