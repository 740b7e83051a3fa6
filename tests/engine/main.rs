//! The reference engine: tokens, logits and text, the same in every mode.

mod decoding;
mod every_schedule;
mod lazy;
#[cfg(target_os = "linux")]
mod mapped_memory;
mod no_run;
mod reference_tokens;
mod same_bits;
mod sampling_oracle;
#[cfg(target_os = "linux")]
mod soak;
mod split_models;
#[path = "../support/mod.rs"]
mod support;
mod tokenizer_malformed;
mod tokenizer_merges;
mod tokenizer_reference;
mod tokenizer_special;
mod vocabulary;
