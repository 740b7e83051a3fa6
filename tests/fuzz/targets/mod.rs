//! What the fuzzer gives bytes to, one function a target. A target panics where its input shows a defect: that is all
//! that it says.
//!
//! The package in `fuzz` compiles this module again, with instrumentation.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is what a fuzzer looks for")]
#![allow(unreachable_pub, reason = "the package in `fuzz` uses it from outside")]

mod documents;
mod files;
mod generation;
mod recordings;
mod words;

pub use documents::{bench_results, documents, expectations};
pub use files::{gguf, layout, split_names};
pub use generation::{chat_template, tokenizer, vocabulary};
pub use recordings::{printed_log, strace, trace};
pub use words::{dialect_file, injection, load_flags, migrate};

/// A target by its name, which is that of its folder in the corpus.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const ALL: [Target; 16] = [
    ("bench_results", bench_results),
    ("chat_template", chat_template),
    ("dialect_file", dialect_file),
    ("documents", documents),
    ("expectations", expectations),
    ("gguf", gguf),
    ("injection", injection),
    ("layout", layout),
    ("load_flags", load_flags),
    ("migrate", migrate),
    ("printed_log", printed_log),
    ("split_names", split_names),
    ("strace", strace),
    ("tokenizer", tokenizer),
    ("trace", trace),
    ("vocabulary", vocabulary),
];

/// The first byte as a choice, and the rest.
fn choice(data: &[u8]) -> Option<(usize, &[u8])> {
    data.split_first().map(|(first, rest)| (usize::from(*first), rest))
}
