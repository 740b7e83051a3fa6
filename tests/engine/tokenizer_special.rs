//! Special tokens: where they are seen, what they print, which of them end a generation.
#![allow(clippy::unwrap_used)] // Helpers of tests may panic.

use loadparity::engine::tokenizer::Tokenizer;
use loadparity::gguf::Value;

use crate::vocabulary::{bpe, byte_tokens, gguf, string};

const NORMAL: i32 = 1;
const UNKNOWN: i32 = 2;
const CONTROL: i32 = 3;
const USER_DEFINED: i32 = 4;

/// All bytes, then the given tokens from id 256 on.
fn metadata(pre: &str, tokens: &[(&str, i32)]) -> Vec<(&'static str, Value)> {
    let mut texts = byte_tokens();
    texts.extend(tokens.iter().map(|(text, _)| (*text).to_owned()));
    bpe(pre, &texts, &[], &tokens.iter().map(|(_, kind)| *kind).collect::<Vec<_>>())
}

fn tokenizer(metadata: Vec<(&str, Value)>) -> Tokenizer {
    Tokenizer::from_gguf(&gguf(metadata)).unwrap()
}

#[test]
fn control_tokens_are_seen_on_request_and_user_defined_ones_always() {
    let tokenizer =
        tokenizer(metadata("gpt-2", &[("<c>", CONTROL), ("<u>", USER_DEFINED), ("<?>", UNKNOWN)]));
    assert_eq!(tokenizer.encode("<c><u>x<?>", false, true).unwrap(), [256, 257, 120, 258]);
    assert_eq!(tokenizer.encode("<c><u>x<?>", false, false).unwrap(), [60, 99, 62, 257, 120, 60, 63, 62]);
}

#[test]
fn the_longest_special_token_is_sought_first() {
    let tokenizer = tokenizer(metadata("gpt-2", &[("<c>", CONTROL), ("<c><c>", CONTROL), ("c><", CONTROL)]));
    assert_eq!(tokenizer.encode("<c><c><c>", false, true).unwrap(), [257, 256]);
    assert_eq!(tokenizer.encode("a<c>", false, true).unwrap(), [97, 256]);
}

#[test]
fn special_tokens_are_cut_out_before_words_are() {
    // Together the two spaces would be one word; the token between keeps them apart.
    let tokenizer = tokenizer(metadata("gpt-2", &[("ĠĠ", NORMAL), ("<c>", CONTROL)]));
    assert_eq!(tokenizer.encode(" <c> ", false, true).unwrap(), [32, 257, 32]);
}

#[test]
fn control_and_unknown_tokens_print_on_request() {
    let kinds =
        [("<c>", CONTROL), ("<u>", USER_DEFINED), ("<?>", UNKNOWN), ("<0x0A>", 6), ("gone", 5), ("odd", 99)];
    let tokenizer = tokenizer(metadata("gpt-2", &kinds));
    let print = |special| (256..262).map(|id| tokenizer.piece(id, special)).collect::<Vec<_>>();
    assert_eq!(print(true), [b"<c>".as_slice(), b"<u>", b"<?>", b"\n", b"", b""]);
    assert_eq!(print(false), [b"".as_slice(), b"<u>", b"", b"\n", b"", b""]);
    assert_eq!(tokenizer.piece(262, true), b"");
    assert_eq!(tokenizer.piece(u32::MAX, true), b"");
}

#[test]
fn the_file_says_which_tokens_are_added() {
    let mut metadata = metadata("gpt-2", &[("<b>", CONTROL), ("<e>", CONTROL)]);
    metadata.retain(|(key, _)| *key != "tokenizer.ggml.add_bos_token");
    metadata.push(("tokenizer.ggml.bos_token_id", Value::U32(256)));
    metadata.push(("tokenizer.ggml.eos_token_id", Value::U64(257)));
    let silent = tokenizer(metadata.clone());
    assert_eq!(silent.encode("a", true, true).unwrap(), [97]);
    metadata.push(("tokenizer.ggml.add_bos_token", Value::Bool(true)));
    metadata.push(("tokenizer.ggml.add_eos_token", Value::Bool(true)));
    let both = tokenizer(metadata.clone());
    assert_eq!(both.encode("a", true, true).unwrap(), [256, 97, 257]);
    assert_eq!(both.encode("", true, true).unwrap(), [256, 257]);
    assert_eq!(both.encode("a", false, true).unwrap(), [97]);
    metadata.truncate(metadata.len() - 2);
    metadata[1].1 = string("llama3");
    assert_eq!(tokenizer(metadata).encode("a", true, true).unwrap(), [256, 97], "llama3 adds by default");
}

#[test]
fn tokens_that_end_generation_are_known_by_key_or_by_text() {
    let mut metadata = metadata(
        "gpt-2",
        &[
            ("<e>", CONTROL),
            ("<t>", CONTROL),
            ("<|im_end|>", NORMAL),
            ("<|eom_id|>", CONTROL),
            ("<x>", CONTROL),
            ("<|file_sep|>", CONTROL),
        ],
    );
    metadata.push(("tokenizer.ggml.eos_token_id", Value::U32(256)));
    metadata.push(("tokenizer.ggml.eot_token_id", Value::I32(257)));
    let tokenizer = tokenizer(metadata);
    let ends: Vec<u32> = (0..300).filter(|&id| tokenizer.is_eog(id)).collect();
    assert_eq!(ends, [256, 257, 258, 259, 261]);
    assert_eq!(tokenizer.piece(258, false), b"", "a token of such a text is a control token");
    assert_eq!(tokenizer.encode("<|im_end|>", false, true).unwrap(), [258]);
}

#[test]
fn detokenizing_cleans_up_only_where_the_pre_tokenizer_asks_for_it() {
    let text = "It 's 5 , or ' six ' ? I 'm  ! They 're 'd 't 'll";
    let back = |pre: &str| {
        let tokenizer = tokenizer(metadata(pre, &[]));
        let ids = tokenizer.encode(text, false, false).unwrap();
        String::from_utf8(tokenizer.detokenize(&ids, false)).unwrap()
    };
    assert_eq!(back("gpt-2"), "It's 5, or'six '? I'm ! They're 'd 't 'll");
    assert_eq!(back("llama-bpe"), back("gpt-2"));
    assert_eq!(back("qwen2"), text);
}

#[test]
fn special_tokens_of_phi_3_take_the_white_space_after_them_along() {
    let mut metadata = metadata("gpt-2", &[("<s>", CONTROL), ("<|user|>", CONTROL)]);
    let text = "a <|user|> \n b<s> c<|user|> ";
    let plain = tokenizer(metadata.clone()).encode(text, false, true).unwrap();
    assert_eq!(plain, [97, 32, 257, 32, 10, 32, 98, 256, 32, 99, 257, 32]);
    metadata.push(("general.name", Value::from("Phi-3 Mini")));
    let ids = tokenizer(metadata).encode(text, false, true).unwrap();
    assert_eq!(ids, [97, 32, 257, 98, 256, 32, 99, 257]);
}

#[test]
fn texts_that_end_generation_elsewhere_do_not_where_others_show_another_use() {
    let harmony = ["<|return|>", "<|call|>", "<|end|>", "<|channel|>"].map(|text| (text, CONTROL));
    let tokenizer = tokenizer(metadata("gpt-2", &harmony));
    assert_eq!((256..260).filter(|&id| tokenizer.is_eog(id)).collect::<Vec<_>>(), [256, 257]);
    assert_eq!(tokenizer.encode("<|end|><|call|>", false, false).unwrap()[0], 258);
    assert_eq!(tokenizer.piece(259, false), b"<|channel|>");
}
