//! From a loaded model to text: prompt, decoding, sampling, and the hash that stands for the bits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::arch::ModelError;
use super::chat::{self, ChatError, Message};
use super::context::{ContextError, DecodeError};
use super::sampling::SampleError;
use super::stop::StopStrings;
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
    /// What is added to the logits of some tokens.
    pub logit_bias: Vec<(u32, f32)>,
    /// Strings that end the text; they are not part of it.
    pub stop: Vec<String>,
    /// The prompt is the user's message, put before the model by its chat template.
    pub conversation: bool,
    /// The system's message of a conversation.
    pub system: Option<String>,
    /// Threads that share each product; they do not change the result.
    pub threads: usize,
    /// Threads for the prompt, if not as many.
    pub prompt_threads: Option<usize>,
    /// Tokens of the prompt that go through the layers together, if not the usual number.
    pub batch: Option<usize>,
    /// The vector instructions to use; they do not change the result.
    pub cpu: CpuLevel,
    /// Go on after an end-of-generation token.
    pub ignore_eos: bool,
}

impl Default for Generation {
    /// Nothing from nothing, in one thread.
    fn default() -> Self {
        Self {
            prompt: String::new(),
            n_predict: 0,
            n_ctx: None,
            sampler: SamplerConfig::default(),
            logit_bias: Vec::new(),
            stop: Vec::new(),
            conversation: false,
            system: None,
            threads: 1,
            prompt_threads: None,
            batch: None,
            cpu: CpuLevel::detect(),
            ignore_eos: false,
        }
    }
}

/// Why generation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// All tokens that were asked for.
    Length,
    /// The model said so.
    EndOfGeneration,
    /// A stop string came up.
    StopString,
    /// The context is full.
    ContextFull,
}

impl StopReason {
    /// The word in output.
    pub fn word(self) -> &'static str {
        match self {
            Self::Length => "length",
            Self::EndOfGeneration => "eog",
            Self::StopString => "stop",
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
    /// The messages did not become a prompt.
    #[error(transparent)]
    Chat(#[from] ChatError),
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
    let prompt_tokens = prompt_tokens(gguf, &tokenizer, wanted)?;
    if prompt_tokens.is_empty() {
        return Err(SessionError::EmptyPrompt);
    }
    let trained = model.hyperparameters().context;
    let n_ctx = wanted.n_ctx.unwrap_or_else(|| (prompt_tokens.len() + wanted.n_predict).min(trained));
    let prompt_threads = wanted.prompt_threads.unwrap_or(wanted.threads);
    let mut context = Context::new(model, n_ctx, wanted.threads.max(prompt_threads), wanted.cpu)?;
    context.set_threads(prompt_threads);
    wanted.batch.into_iter().for_each(|tokens| context.set_batch(tokens));
    let mut sampler = Sampler::new(wanted.sampler)?.with_bias(&wanted.logit_bias)?;

    let mut history = prompt_tokens.clone();
    let mut hasher = blake3::Hasher::new();
    let (mut stream, mut stops) = (Utf8Stream::new(), StopStrings::new(&wanted.stop));
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
        context.set_threads(wanted.threads);
        history.push(token);
        if tokenizer.is_eog(token) && !wanted.ignore_eos {
            stop = StopReason::EndOfGeneration;
            break;
        }
        let (piece, stopped) = stops.push(tokenizer.piece(token, false));
        on_text(&stream.push(&piece));
        text.extend_from_slice(&piece);
        if stopped {
            stop = StopReason::StopString;
            break;
        }
        batch.clear();
        batch.push(token);
    }
    let rest = stops.finish();
    on_text(&stream.push(&rest));
    on_text(&stream.finish());
    text.extend_from_slice(&rest);
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

/// The tokens to go on from: those of the prompt, or of the model's template around it.
fn prompt_tokens(gguf: &Gguf, tokenizer: &Tokenizer, wanted: &Generation) -> Result<Vec<u32>, SessionError> {
    if !wanted.conversation {
        return Ok(tokenizer.encode(&wanted.prompt, true, true)?);
    }
    let message = |role: &str, content: &String| Message { role: role.to_owned(), content: content.clone() };
    let system = wanted.system.iter().map(|content| message("system", content));
    let messages: Vec<Message> = system.chain([message("user", &wanted.prompt)]).collect();
    let mut prompt = chat::prompt(gguf, tokenizer, &messages)?;
    // A template that writes the first token itself must not get it twice.
    if let Some(bos) = tokenizer.bos().filter(|_| tokenizer.adds_bos()) {
        let bos = String::from_utf8_lossy(tokenizer.piece(bos, true)).into_owned();
        if let Some(rest) = prompt.strip_prefix(&bos) {
            prompt = rest.to_owned();
        }
    }
    Ok(tokenizer.encode(&prompt, true, true)?)
}
