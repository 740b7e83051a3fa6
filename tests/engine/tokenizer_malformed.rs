//! Vocabularies that contradict themselves: an error that says what and where, never a panic.
#![allow(clippy::unwrap_used)] // Helpers of tests may panic.

use loadparity::engine::tokenizer::Tokenizer;
use loadparity::gguf::{Array, Text, Value};
use proptest::prelude::*;
use rstest::rstest;

use crate::vocabulary::{bpe, gguf, string, strings};

fn good() -> Vec<(&'static str, Value)> {
    bpe("gpt-2", &["a", "b", "ab", "<e>"].map(str::to_owned), &["a b".to_owned()], &[3])
}

/// The message for a good vocabulary with one value replaced, or removed if there is none.
fn message(key: &'static str, value: Option<Value>) -> String {
    let mut metadata = good();
    metadata.retain(|(other, _)| *other != key);
    metadata.extend(value.map(|value| (key, value)));
    Tokenizer::from_gguf(&gguf(metadata)).expect_err(key).to_string()
}

#[test]
fn the_vocabulary_that_the_others_spoil_is_good() {
    let tokenizer = Tokenizer::from_gguf(&gguf(good())).unwrap();
    assert_eq!(tokenizer.encode("ab<e>", true, true).unwrap(), [2, 3]);
}

#[rstest]
#[case("tokenizer.ggml.model", None, "no key \"tokenizer.ggml.model\"")]
#[case("tokenizer.ggml.model", Some(Value::U32(1)), "must be a UTF-8 string, but it is the u32 1")]
#[case("tokenizer.ggml.model", Some(string("t5")), "`t5` is not supported; supported: gpt2")]
#[case(
    "tokenizer.ggml.pre",
    Some(string("klingon")),
    "`klingon` is not supported; supported: default, gpt-2,"
)]
#[case("tokenizer.ggml.tokens", None, "no key \"tokenizer.ggml.tokens\"")]
#[case("tokenizer.ggml.tokens", Some(Value::Array(Array::F32(vec![]))), "must be an array of strings")]
#[case("tokenizer.ggml.tokens", Some(strings(&["a", "b"])), "`tokenizer.ggml.token_type` has 4 entries for 2 tokens")]
#[case("tokenizer.ggml.tokens", Some(strings(&["a", "b", "a", "c"])), "tokens 0 and 2 are both `a`")]
#[case(
    "tokenizer.ggml.tokens",
    Some(Value::Array(Array::String(vec![Text(vec![b'a']), Text(vec![0xFF])]))),
    "`tokenizer.ggml.tokens`: entry 1 is not UTF-8"
)]
#[case("tokenizer.ggml.token_type", Some(Value::Array(Array::I32(vec![1; 5]))), "has 5 entries for 4 tokens")]
#[case("tokenizer.ggml.token_type", Some(Value::Array(Array::F64(vec![1.0; 4]))), "must be an array of i32s, but it is an array of f64s")]
#[case("tokenizer.ggml.merges", None, "no key \"tokenizer.ggml.merges\"")]
#[case("tokenizer.ggml.merges", Some(strings(&["a b", "ab"])), "merge 1 (`ab`) is not two symbols")]
#[case("tokenizer.ggml.merges", Some(strings(&[""])), "merge 0 (``) is not two symbols")]
#[case(
    "tokenizer.ggml.eos_token_id",
    Some(Value::U32(4)),
    "`tokenizer.ggml.eos_token_id` is 4, but the vocabulary has 4"
)]
#[case("tokenizer.ggml.bos_token_id", Some(Value::I32(-1)), "\"tokenizer.ggml.bos_token_id\" must be an unsigned 32-bit integer, but it is the i32 -1")]
#[case("tokenizer.ggml.eot_token_id", Some(Value::U64(1 << 32)), "but it is the u64 4294967296")]
#[case(
    "tokenizer.ggml.eom_token_id",
    Some(string("3")),
    "\"tokenizer.ggml.eom_token_id\" must be an unsigned 32-bit integer"
)]
#[case("tokenizer.ggml.add_eos_token", Some(Value::U8(1)), "\"tokenizer.ggml.add_eos_token\" must be a bool")]
#[case(
    "tokenizer.ggml.add_bos_token",
    Some(Value::Bool(true)),
    "`tokenizer.ggml.bos_token_id` names no token to add"
)]
#[case(
    "tokenizer.ggml.add_eos_token",
    Some(Value::Bool(true)),
    "`tokenizer.ggml.eos_token_id` names no token to add"
)]
fn a_contradiction_is_named(#[case] key: &'static str, #[case] value: Option<Value>, #[case] expected: &str) {
    let message = message(key, value);
    assert!(message.contains(expected), "{message}");
}

#[test]
fn merges_of_texts_that_are_no_tokens_are_harmless() {
    let merges = ["b q", "x y", "a b", "ab a"].map(str::to_owned);
    let tokens = ["a", "b", "ab", "<e>"].map(str::to_owned);
    let tokenizer = Tokenizer::from_gguf(&gguf(bpe("gpt-2", &tokens, &merges, &[3]))).unwrap();
    assert_eq!(tokenizer.encode("abab", false, false).unwrap(), [2, 2]);
    assert_eq!(tokenizer.encode("aba", false, false).unwrap(), [0, 1, 0], "no token, so its bytes");
}

proptest! {
    #[test]
    fn whatever_a_file_says_nothing_panics(
        pre in prop::sample::select(vec!["default", "gpt-2", "llama-bpe", "qwen2", ""]),
        tokens in prop::collection::vec("[ab<>Ġé]{0,3}", 0..8),
        merges in prop::collection::vec("[abĠé ]{0,5}", 0..6),
        types in prop::collection::vec(-1..8i32, 0..8),
        last in 0..10i32,
        add in any::<bool>(),
        bytes in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let metadata = vec![
            ("tokenizer.ggml.model", string("gpt2")),
            ("tokenizer.ggml.pre", string(pre)),
            ("tokenizer.ggml.tokens", strings(&tokens)),
            ("tokenizer.ggml.token_type", Value::Array(Array::I32(types))),
            ("tokenizer.ggml.merges", strings(&merges)),
            ("tokenizer.ggml.eos_token_id", Value::I32(last)),
            ("tokenizer.ggml.add_eos_token", Value::Bool(add)),
        ];
        if let Ok(tokenizer) = Tokenizer::from_gguf(&gguf(metadata)) {
            let size = tokenizer.vocab_size();
            for (special, parse) in [(true, true), (false, false)] {
                let ids = tokenizer.encode(&bytes, special, parse).unwrap();
                prop_assert!(ids.iter().all(|&id| (id as usize) < size));
                tokenizer.detokenize(&ids, special);
            }
        }
    }
}
