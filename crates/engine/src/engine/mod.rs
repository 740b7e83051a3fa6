//! The reference engine: brings a model in through the platform seam and generates from it.
//!
//! | part | job |
//! | --- | --- |
//! | `load` | plan → operations on the seam → [`TensorBytes`] |
//! | `arch` | hyperparameters and the transformer graph of each architecture |
//! | `kernels` | dot products and attention, scalar and vector, the same bits |
//! | `quant` | block formats: dequantisation, and activations in the form that weights meet |
//! | `context` | one conversation: key-value cache, batches of tokens → logits |
//! | `pool` | threads that split rows or tokens |
//! | `tokenizer` | text ↔ tokens from the file's own vocabulary |
//! | `sampling` | logits → token, seeded |
//! | `chat` | messages → prompt, by the model's template |
//! | `stop` | strings that end a text |
//! | `session` | prompt → text and the hash that stands for the bits |
//!
//! Bits are a promise: the same model, prompt and seed give the same logits on every OS, CPU
//! path, thread count and load mode. Reductions have one fixed lane layout, products are either
//! always fused or never, transcendental functions come from `libm`, and threads split rows or
//! tokens.
//!
//! Called by `subject` and `cli`; calls `platform`, `gguf`, `plan` and `trace`.

pub mod arch;
pub mod chat;
pub mod context;
pub mod kernels;
mod kv_cache;
mod load;
mod math;
mod pool;
pub mod quant;
pub mod sampling;
mod session;
mod stop;
pub mod tokenizer;

pub use arch::{Hyperparameters, Model, ModelError};
pub use context::{Context, ContextError, DecodeError};
pub use kernels::CpuLevel;
pub use load::{LoadError, LoadOptions, Loaded, ProgressSink, Weights, load, open_header};
pub use sampling::{SampleError, Sampler, SamplerConfig};
pub use session::{Generated, Generation, SessionError, StopReason, generate};
pub use tokenizer::{Tokenizer, TokenizerError, Utf8Stream};

/// The bytes of a loaded model's tensors, used where they lie.
pub trait TensorBytes: Send + Sync {
    /// The bytes of tensor `index` of the file's tensor table, exactly as stored.
    fn tensor_bytes(&self, index: usize) -> &[u8];
}
