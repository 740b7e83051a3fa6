//! Byte-pair encoding against an oracle that looks at every pair again after every merge.
#![allow(clippy::unwrap_used)] // Helpers of tests may panic.

use std::collections::HashMap;

use loadparity::engine::tokenizer::Tokenizer;
use loadparity::gguf::Value;
use proptest::prelude::*;

use crate::vocabulary::{bpe, byte_tokens, gguf, letter};

/// The rule by texts: a pair that was once found stays good while its two places hold symbols that
/// join to its text. (Looking at neighbours alone, as the algorithm is published, gives something
/// else in runs of one letter, where the boundary between two symbols may move; llama.cpp's tokens
/// are these.)
fn naive(word: &str, merges: &[String]) -> Vec<String> {
    let mut ranks = HashMap::new();
    for (rank, merge) in merges.iter().enumerate() {
        ranks.entry(merge.split_once(' ').unwrap()).or_insert(rank);
    }
    let mut symbols: Vec<Option<String>> = word.bytes().map(|byte| Some(letter(byte).to_string())).collect();
    let mut found: Vec<(usize, usize, usize, String)> = Vec::new();
    let find = |symbols: &[Option<String>], left: usize, found: &mut Vec<_>| {
        let Some(right) = (left + 1..symbols.len()).find(|&at| symbols[at].is_some()) else { return };
        let (Some(l), Some(r)) = (&symbols[left], &symbols[right]) else { return };
        if let Some(&rank) = ranks.get(&(l.as_str(), r.as_str())) {
            found.push((rank, left, right, format!("{l}{r}")));
        }
    };
    (0..symbols.len()).for_each(|left| find(&symbols, left, &mut found));
    while let Some(best) = (0..found.len()).min_by_key(|&i| (found[i].0, found[i].1)) {
        let (_, left, right, text) = found.remove(best);
        let (Some(l), Some(r)) = (&symbols[left], &symbols[right]) else { continue };
        if format!("{l}{r}") != text {
            continue;
        }
        symbols[left] = Some(text);
        symbols[right] = None;
        if let Some(before) = (0..left).rev().find(|&at| symbols[at].is_some()) {
            find(&symbols, before, &mut found);
        }
        find(&symbols, left, &mut found);
    }
    symbols.into_iter().flatten().collect()
}

/// A vocabulary of all bytes and the results of merges, of which every third is left out.
fn vocabulary(merges: &[String]) -> Vec<String> {
    let mut tokens = byte_tokens();
    for (index, merge) in merges.iter().enumerate() {
        let result = merge.replace(' ', "");
        if index % 3 != 2 && !tokens.contains(&result) {
            tokens.push(result);
        }
    }
    tokens
}

proptest! {
    #[test]
    fn merging_is_by_rank_and_from_the_left(
        merges in prop::collection::vec("[ab]{1,3} [ab]{1,3}", 0..14),
        word in "[abc]{0,40}",
    ) {
        let tokens = vocabulary(&merges);
        let tokenizer = Tokenizer::from_gguf(&gguf(bpe("gpt-2", &tokens, &merges, &[]))).unwrap();
        let id = |text: &str| tokens.iter().position(|token| token == text);
        let mut expected = Vec::new();
        for symbol in naive(&word, &merges) {
            match id(&symbol) {
                Some(id) => expected.push(id),
                // A result that is no token falls back to bytes, which here are its letters.
                None => expected.extend(symbol.chars().map(|letter| id(&letter.to_string()).unwrap())),
            }
        }
        let got = tokenizer.encode(&word, false, false).unwrap();
        prop_assert_eq!(got.iter().map(|&id| id as usize).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn any_text_comes_back_from_its_pieces(text in "\\PC{0,30}|[a-c \n]{0,30}", merges in prop::collection::vec("[abĠ]{1,2} [abĠ]{1,2}", 0..9)) {
        let mut tokens = byte_tokens();
        for result in merges.iter().map(|merge| merge.replace(' ', "")) {
            if !tokens.contains(&result) {
                tokens.push(result);
            }
        }
        for pre in ["default", "gpt-2", "llama-bpe", "qwen2"] {
            let tokenizer = Tokenizer::from_gguf(&gguf(bpe(pre, &tokens, &merges, &[]))).unwrap();
            let ids = tokenizer.encode(&text, true, true).unwrap();
            let back: Vec<u8> = ids.iter().flat_map(|&id| tokenizer.piece(id, false)).copied().collect();
            prop_assert_eq!(String::from_utf8_lossy(&back), text.as_str(), "{}", pre);
        }
    }
}

/// With a scan of the word for every merge this would take hours, not milliseconds.
#[test]
fn a_word_of_a_megabyte_is_encoded() {
    let merges: Vec<String> = (0..10).map(|power| vec!["a".repeat(1 << power); 2].join(" ")).collect();
    let mut tokens = byte_tokens();
    tokens.extend(merges.iter().map(|merge| merge.replace(' ', "")));
    let tokenizer = Tokenizer::from_gguf(&gguf(bpe("gpt-2", &tokens, &merges, &[]))).unwrap();
    let ids = tokenizer.encode("a".repeat(1 << 20), false, false).unwrap();
    assert_eq!(ids, vec![265; 1 << 10]);
}

#[test]
fn only_some_pre_tokenizers_take_a_word_that_is_a_token_before_merging() {
    let mut tokens = byte_tokens();
    tokens.extend(["ab", "abc", "Ġabc"].map(str::to_owned));
    let merges = ["a b".to_owned()];
    let ids = |pre: &str, text: &str| {
        let tokenizer = Tokenizer::from_gguf(&gguf(bpe(pre, &tokens, &merges, &[]))).unwrap();
        tokenizer.encode(text, false, false).unwrap()
    };
    assert_eq!(ids("llama-bpe", "abc abc"), [257, 258]);
    assert_eq!(ids("gpt-2", "abc abc"), [256, 99, 32, 256, 99]);
}

#[test]
fn a_repeated_merge_has_the_rank_of_its_first_place() {
    let mut tokens = byte_tokens();
    tokens.extend(["ab", "bc"].map(str::to_owned));
    let merges = ["a b", "b c", "a b"].map(str::to_owned);
    let tokenizer = Tokenizer::from_gguf(&gguf(bpe("gpt-2", &tokens, &merges, &[]))).unwrap();
    assert_eq!(tokenizer.encode("abc", false, false).unwrap(), [256, 99]);
}

#[test]
fn a_byte_without_a_token_leaves_nothing_even_with_an_unknown_token() {
    let tokens = ["a", "b", "<unk>"].map(str::to_owned);
    let mut metadata = bpe("gpt-2", &tokens, &[], &[2]);
    metadata.push(("tokenizer.ggml.unknown_token_id", Value::U32(2)));
    let ids = Tokenizer::from_gguf(&gguf(metadata)).unwrap().encode("abcé", false, false).unwrap();
    assert_eq!(ids, [0, 1]);
}

#[test]
fn a_merge_whose_result_is_no_token_leaves_its_ascii_letters() {
    let merges = ["Ġ a".to_owned()];
    let tokenizer = Tokenizer::from_gguf(&gguf(bpe("gpt-2", &byte_tokens(), &merges, &[]))).unwrap();
    assert_eq!(tokenizer.encode(" a b", false, false).unwrap(), [97, 32, 98]);
}

#[test]
fn bytes_that_are_not_utf8_are_read_as_one_replacement_character_each() {
    let tokenizer = Tokenizer::from_gguf(&gguf(bpe("gpt-2", &byte_tokens(), &[], &[]))).unwrap();
    let ids = tokenizer.encode(b"a\xE2\x82b\xFF", false, false).unwrap();
    assert_eq!(ids, tokenizer.encode("a\u{FFFD}\u{FFFD}b\u{FFFD}", false, false).unwrap());
}

#[test]
fn surrogates_keep_their_bytes() {
    let tokenizer = Tokenizer::from_gguf(&gguf(bpe("qwen2", &byte_tokens(), &[], &[]))).unwrap();
    let ids = tokenizer.encode(b"a\xED\xA0\xBD1", false, false).unwrap();
    assert_eq!(ids, [97, 0xED, 0xA0, 0xBD, 49]);
}
