//! The reference engine: brings a model in through the platform seam and generates from it.
//!
//! | part | job |
//! | --- | --- |
//! | `load` | plan → operations on the seam → [`TensorBytes`] |
//! | `arch` | hyperparameters and the transformer graph of each architecture |
//! | `kernels` | dot products and dequantisation, scalar and vector, the same bits |
//! | `tokenizer` | text ↔ tokens from the file's own vocabulary |
//! | `sampling` | logits → token, seeded |
//!
//! Bits are a promise: the same model, prompt and seed give the same logits on every OS, CPU
//! path, thread count and load mode. Reductions have one fixed lane layout, products are either
//! always fused or never, transcendental functions come from `libm`, and threads split rows.
//!
//! Called by `subject` and `cli`; calls `platform`, `gguf`, `plan` and `trace`.

pub mod sampling;
pub mod tokenizer;

/// The bytes of a loaded model's tensors, used where they lie.
pub trait TensorBytes: Send + Sync {
    /// The bytes of tensor `index` of the file's tensor table, exactly as stored.
    fn tensor_bytes(&self, index: usize) -> &[u8];
}
