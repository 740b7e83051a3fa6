//! The fixtures' vocabularies against what llama.cpp made of the same strings.
#![allow(clippy::unwrap_used)] // Helpers of tests may panic.

use std::path::{Path, PathBuf};

use loadparity::engine::tokenizer::{Tokenizer, Utf8Stream};
use loadparity::gguf;
use serde_json::Value;

use crate::support;

const FIXTURES: [&str; 7] = [
    "fixture-granite-f16",
    "fixture-qwen2-bf16",
    "fixture-llama-f16",
    "fixture-llama-bf16",
    "fixture-llama-q8_0",
    "fixture-llama-q4_k_m",
    "fixture-llama-q4_0",
];

fn ids(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|id| u32::try_from(id.as_u64().unwrap()).unwrap()).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(path)
}

/// A fixture's tokenizer, and what llama.cpp said of it.
fn load(name: &str) -> (Tokenizer, Value) {
    let file = std::fs::File::open(fixture(&format!("models/{name}.gguf"))).unwrap();
    let gguf = gguf::read(&gguf::SeekSource::new(file).unwrap()).unwrap();
    let reference = std::fs::read(fixture(&format!("reference/{name}.json"))).unwrap();
    (Tokenizer::from_gguf(&gguf).unwrap(), serde_json::from_slice(&reference).unwrap())
}

#[test]
fn every_string_has_the_reference_tokens_and_comes_back() {
    for name in FIXTURES {
        let (tokenizer, reference) = load(name);
        let cases = reference["tokenization"].as_array().unwrap();
        assert!(cases.len() >= 56, "{name}: {} strings", cases.len());
        for case in cases {
            let string = text(&case["text"]);
            let encode = |special, parse| tokenizer.encode(string, special, parse).unwrap();
            let plain = encode(false, false);
            assert_eq!(encode(true, true), ids(&case["ids"]), "{name}: {string:?}");
            assert_eq!(plain, ids(&case["ids_no_special_no_parse"]), "{name}: {string:?}");
            assert_eq!(encode(false, true), ids(&case["ids_no_special_parse"]), "{name}: {string:?}");
            let detokenized = lossy(&tokenizer.detokenize(&encode(true, true), true));
            assert_eq!(detokenized, text(&case["detokenized"]), "{name}: {string:?}");
            let detokenized = lossy(&tokenizer.detokenize(&plain, false));
            assert_eq!(detokenized, text(&case["detokenized_plain"]), "{name}: {string:?}");
            let joined: Vec<u8> = plain.iter().flat_map(|&id| tokenizer.piece(id, true)).copied().collect();
            assert_eq!(lossy(&joined), text(&case["joined_pieces"]), "{name}: {string:?}");
            // SentencePiece puts a space before the text.
            let bare =
                if name.contains("granite") { joined.strip_prefix(b" ").unwrap_or(&joined) } else { &joined };
            if !string.contains("<unk>") && !string.contains('▁') {
                assert_eq!(bare, string.as_bytes(), "{name}: {string:?}");
            }
        }
    }
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()).collect()
}

/// The same for models that are no fixtures; see `support::reference_set`. There a text may be given
/// as `hex`, and be no UTF-8.
#[test]
fn every_string_of_a_further_set_has_the_reference_tokens() {
    let mut failures = Vec::new();
    for (model, reference) in support::reference_set() {
        let file = std::fs::File::open(&model).unwrap();
        let gguf = gguf::read(&gguf::SeekSource::new(file).unwrap()).unwrap();
        let tokenizer = Tokenizer::from_gguf(&gguf).unwrap_or_else(|e| panic!("{}: {e}", model.display()));
        let reference: Value = serde_json::from_slice(&std::fs::read(&reference).unwrap()).unwrap();
        let cases = reference["tokenization"].as_array().unwrap();
        let mut wrong = Vec::new();
        for case in cases {
            let string = match case["hex"].as_str() {
                Some(hex) => unhex(hex),
                None => text(&case["text"]).as_bytes().to_vec(),
            };
            let encode = |special, parse| tokenizer.encode(&string, special, parse).unwrap();
            let (full, plain) = (encode(true, true), encode(false, false));
            let mut same = full == ids(&case["ids"])
                && plain == ids(&case["ids_no_special_no_parse"])
                && encode(false, true) == ids(&case["ids_no_special_parse"]);
            if let Some(hex) = case["detokenized_hex"].as_str() {
                same &= tokenizer.detokenize(&full, true) == unhex(hex);
            }
            if !same {
                wrong.push(lossy(&string));
            }
        }
        let ends: Vec<u32> = (0..tokenizer.vocab_size() as u32).filter(|&id| tokenizer.is_eog(id)).collect();
        assert_eq!(ends, ids(&reference["eog_ids"]), "{}", model.display());
        println!("{}: {} of {} strings differ", model.display(), wrong.len(), cases.len());
        let short = |text: &String| text.chars().take(40).collect::<String>();
        if !wrong.is_empty() {
            failures.push((model, wrong.iter().take(8).map(short).collect::<Vec<_>>()));
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn prompts_and_generated_text_are_the_reference_ones() {
    for name in FIXTURES {
        let (tokenizer, reference) = load(name);
        let runs = reference["generation"].as_array().unwrap();
        assert!(runs.len() >= 8, "{name}: {} prompts", runs.len());
        for run in runs {
            let prompt = text(&run["prompt"]);
            assert_eq!(
                tokenizer.encode(prompt, true, true).unwrap(),
                ids(&run["prompt_ids"]),
                "{name}: {prompt}"
            );
            let mut stream = Utf8Stream::new();
            let generated = ids(&run["ids"]);
            let shown = generated.iter().filter(|&&id| !tokenizer.is_eog(id));
            let mut shown: String = shown.map(|&id| stream.push(tokenizer.piece(id, false))).collect();
            shown += &stream.finish();
            assert_eq!(shown, text(&run["text"]), "{name}: {prompt}");
        }
    }
}

#[test]
fn special_tokens_are_the_reference_ones() {
    for name in FIXTURES {
        let (tokenizer, reference) = load(name);
        let size = u32::try_from(tokenizer.vocab_size()).unwrap();
        let ends: Vec<u32> = (0..size + 10).filter(|&id| tokenizer.is_eog(id)).collect();
        assert_eq!(u64::from(size), reference["n_vocab"].as_u64().unwrap(), "{name}");
        assert_eq!(ends, ids(&reference["eog_ids"]), "{name}");
        assert_eq!(tokenizer.bos().map(u64::from), reference["bos"].as_u64(), "{name}");
        assert_eq!(tokenizer.eos().map(u64::from), reference["eos"].as_u64(), "{name}");
        assert_eq!(Some(tokenizer.adds_bos()), reference["add_bos"].as_bool(), "{name}");
        assert_eq!(Some(tokenizer.adds_eos()), reference["add_eos"].as_bool(), "{name}");
    }
}
