//! Vocabularies made by hand for the tests of the tokenizer.
#![allow(dead_code, clippy::unwrap_used)] // Each test uses some of it, and tests may panic.

use loadparity::gguf::{Array, Gguf, Text, Value};

/// A header with nothing but metadata.
pub(crate) fn gguf(metadata: Vec<(&str, Value)>) -> Gguf {
    Gguf {
        version: 3,
        alignment: 32,
        metadata: metadata.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
        tensors: Vec::new(),
        data_offset: 0,
        file_size: 0,
    }
}

pub(crate) fn string(text: &str) -> Value {
    Value::String(Text(text.as_bytes().to_vec()))
}

pub(crate) fn strings<S: AsRef<str>>(texts: &[S]) -> Value {
    Value::Array(Array::String(texts.iter().map(|text| Text(text.as_ref().as_bytes().to_vec())).collect()))
}

/// The letter of a byte in a byte-level vocabulary, made independently of the library: GPT-2's
/// printable bytes stand for themselves, the others are counted from U+0100.
pub(crate) fn letter(byte: u8) -> char {
    let printable = |byte: u8| matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    if printable(byte) {
        return char::from(byte);
    }
    let before = (0..byte).filter(|&other| !printable(other)).count();
    char::from_u32(0x100 + u32::try_from(before).unwrap()).unwrap()
}

/// The tokens of all bytes, in their order.
pub(crate) fn byte_tokens() -> Vec<String> {
    (0..=255).map(|byte| letter(byte).to_string()).collect()
}

/// Metadata of a byte-level vocabulary. The last tokens have the given types, the others type 1.
pub(crate) fn bpe(
    pre: &str,
    tokens: &[String],
    merges: &[String],
    last_types: &[i32],
) -> Vec<(&'static str, Value)> {
    let mut types = vec![1; tokens.len() - last_types.len()];
    types.extend(last_types);
    vec![
        ("tokenizer.ggml.model", string("gpt2")),
        ("tokenizer.ggml.pre", string(pre)),
        ("tokenizer.ggml.tokens", strings(tokens)),
        ("tokenizer.ggml.token_type", Value::Array(Array::I32(types))),
        ("tokenizer.ggml.merges", strings(merges)),
        ("tokenizer.ggml.add_bos_token", Value::Bool(false)),
    ]
}
