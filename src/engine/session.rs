//! From a loaded model to text: prompt, decoding, sampling, and the hash that stands for the bits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::arch::ModelError;
use super::context::{ContextError, DecodeError};
use super::sampling::SampleError;
use super::tokenizer::TokenizerError;
use super::{Context, CpuLevel, Model, Sampler, SamplerConfig, TensorBytes, Tokenizer, Utf8Stream};
use crate::gguf::Gguf;

/// What to generate and how.
#[derive(Clone, Debug)]
pub struct Generation {
    /// The text to go on from.
    pub prompt: String,
    /// At most this many tokens.
    pub n_predict: usize,
    /// Tokens of context to reserve memory for; `None` is what prompt and prediction need.
    pub n_ctx: Option<usize>,
    /// How a token is chosen.
    pub sampler: SamplerConfig,
    /// Threads that share each product; they do not change the result.
    pub threads: usize,
    /// The vector instructions to use; they do not change the result.
    pub cpu: CpuLevel,
    /// Go on after an end-of-generation token.
    pub ignore_eos: bool,
}

/// Why generation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// All tokens that were asked for.
    Length,
    /// The model said so.
    EndOfGeneration,
    /// The context is full.
    ContextFull,
}

impl StopReason {
    /// The word in output.
    pub fn word(self) -> &'static str {
        match self {
            Self::Length => "length",
            Self::EndOfGeneration => "eog",
            Self::ContextFull => "context-full",
        }
    }
}

/// What was generated.
#[derive(Clone, Debug)]
pub struct Generated {
    /// The prompt as tokens.
    pub prompt_tokens: Vec<u32>,
    /// The new tokens, an end-of-generation token included.
    pub tokens: Vec<u32>,
    /// Their text, byte for byte; end-of-generation and control tokens print nothing.
    pub text: Vec<u8>,
    /// Why it ended.
    pub stop: StopReason,
    /// blake3 over the logits of every step as little-endian f32, in order.
    pub logits_hash: blake3::Hash,
    /// Time for the prompt.
    pub prompt_time: Duration,
    /// Time for all tokens after the first.
    pub predict_time: Duration,
}

/// Why nothing could be generated.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The architecture, a key or a tensor is missing or not supported.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The vocabulary is missing or not supported.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// The context cannot be had in this size or with these instructions.
    #[error(transparent)]
    Context(#[from] ContextError),
    /// The context could not take the tokens.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// No token could be chosen.
    #[error(transparent)]
    Sample(#[from] SampleError),
    /// There is nothing to start from.
    #[error("the prompt is empty and the model adds no token of its own: give a prompt with -p")]
    EmptyPrompt,
}

/// Generates from a loaded model; `on_text` receives the text in whole characters as it comes.
///
/// # Errors
/// When the model cannot be run, or the prompt does not fit.
pub fn generate(
    gguf: &Arc<Gguf>,
    weights: Arc<dyn TensorBytes>,
    wanted: &Generation,
    on_text: &mut dyn FnMut(&str),
) -> Result<Generated, SessionError> {
    let tokenizer = Tokenizer::from_gguf(gguf)?;
    let model = Arc::new(Model::new(gguf.clone(), weights)?);
    let prompt_tokens = tokenizer.encode(&wanted.prompt, true, true)?;
    if prompt_tokens.is_empty() {
        return Err(SessionError::EmptyPrompt);
    }
    let trained = model.hyperparameters().context;
    let n_ctx = wanted.n_ctx.unwrap_or_else(|| (prompt_tokens.len() + wanted.n_predict).min(trained));
    let mut context = Context::new(model, n_ctx, wanted.threads, wanted.cpu)?;
    let mut sampler = Sampler::new(wanted.sampler)?;

    let mut history = prompt_tokens.clone();
    let mut hasher = blake3::Hasher::new();
    let mut stream = Utf8Stream::new();
    let mut text = Vec::new();
    let mut stop = StopReason::Length;
    let mut batch = prompt_tokens.clone();
    let started = Instant::now();
    let mut prompt_time = Duration::ZERO;
    while history.len() - prompt_tokens.len() < wanted.n_predict {
        if history.len() > n_ctx {
            stop = StopReason::ContextFull;
            break;
        }
        let logits = context.decode(&batch)?;
        for logit in logits {
            hasher.update(&logit.to_le_bytes());
        }
        if history.len() == prompt_tokens.len() {
            prompt_time = started.elapsed();
        }
        let token = sampler.sample(logits, &history)?;
        history.push(token);
        if tokenizer.is_eog(token) && !wanted.ignore_eos {
            stop = StopReason::EndOfGeneration;
            break;
        }
        let piece = tokenizer.piece(token, false);
        on_text(&stream.push(piece));
        text.extend_from_slice(piece);
        batch.clear();
        batch.push(token);
    }
    on_text(&stream.finish());
    let tokens = history.split_off(prompt_tokens.len());
    let predict_time = started.elapsed().saturating_sub(prompt_time);
    Ok(Generated {
        prompt_tokens,
        tokens,
        text,
        stop,
        logits_hash: hasher.finalize(),
        prompt_time,
        predict_time,
    })
}
