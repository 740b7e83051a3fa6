//! What a model's metadata and a user's text make the engine do.

use std::sync::LazyLock;

use loadparity::engine::chat::{self, ChatError, Message};
use loadparity::engine::{Tokenizer, Utf8Stream};
use loadparity::gguf::{self, Array, Gguf, Value};

/// The headers of models of each kind of tokenizer, with what they make of text.
static MODELS: LazyLock<Vec<(Gguf, Tokenizer)>> = LazyLock::new(|| {
    let files: [&[u8]; 3] = [
        include_bytes!("../../../fixtures/models/fixture-llama-q4_k_m.gguf"),
        include_bytes!("../../../fixtures/models/fixture-qwen2-q3_k_m.gguf"),
        include_bytes!("../../../fixtures/models/fixture-granite-iq4_xs.gguf"),
    ];
    let read = |file: &[u8]| {
        let gguf = gguf::read(&file).unwrap();
        let tokenizer = Tokenizer::from_gguf(&gguf).unwrap();
        (gguf, tokenizer)
    };
    files.into_iter().map(read).collect()
});

/// A text: a byte that chooses the model and how special tokens are read, and the text.
///
/// Every token is one of the vocabulary, and there are no more of them than bytes, but for those at the ends.
pub fn tokenizer(data: &[u8]) {
    let Some((choice, text)) = super::choice(data) else { return };
    let (_, tokenizer) = &MODELS[choice % MODELS.len()];
    let tokens = tokenizer.encode(text, choice & 64 != 0, choice & 128 != 0).unwrap();
    read_again(tokenizer, &tokens, text);
}

/// A vocabulary and a text: a byte of switches, then lines of tokens, an empty line, and the text.
///
/// A switch each: byte-level BPE or SentencePiece, the two ways of reading special tokens, whether lines without a
/// space are control tokens. Two words on a line are a merge too.
pub fn vocabulary(data: &[u8]) {
    let Some((switches, rest)) = super::choice(data) else { return };
    let end = rest.windows(2).position(|pair| pair == b"\n\n").unwrap_or(rest.len());
    let text = rest.get(end + 2..).unwrap_or_default();
    let lines: Vec<String> =
        String::from_utf8_lossy(&rest[..end]).lines().take(1000).map(str::to_owned).collect();
    let strings = |lines: Vec<String>| {
        Value::Array(Array::String(lines.iter().map(|line| line.as_str().into()).collect()))
    };
    let merges = lines.iter().filter(|line| line.contains(' ')).cloned().collect();
    let kind = |line: &String| match line.as_bytes() {
        [b'<', b'0', b'x', ..] => 6,
        [b'<', ..] if switches & 8 != 0 => 3,
        _ => 1,
    };
    let model = if switches & 1 == 0 { "llama" } else { "gpt2" };
    let metadata = vec![
        ("tokenizer.ggml.model".to_owned(), Value::from(model)),
        ("tokenizer.ggml.pre".to_owned(), Value::from("default")),
        (
            "tokenizer.ggml.scores".to_owned(),
            Value::Array(Array::F32((0..lines.len()).map(|at| -(at as f32)).collect())),
        ),
        ("tokenizer.ggml.token_type".to_owned(), Value::Array(Array::I32(lines.iter().map(kind).collect()))),
        ("tokenizer.ggml.merges".to_owned(), strings(merges)),
        ("tokenizer.ggml.tokens".to_owned(), strings(lines)),
        ("tokenizer.ggml.add_space_prefix".to_owned(), Value::Bool(switches & 16 != 0)),
    ];
    let gguf =
        Gguf { version: 3, alignment: 32, metadata, tensors: Vec::new(), data_offset: 0, file_size: 0 };
    let Ok(tokenizer) = Tokenizer::from_gguf(&gguf) else { return };
    let Ok(tokens) = tokenizer.encode(text, switches & 2 != 0, switches & 4 != 0) else { return };
    read_again(&tokenizer, &tokens, text);
}

fn read_again(tokenizer: &Tokenizer, tokens: &[u32], text: &[u8]) {
    assert!(tokens.iter().all(|token| (*token as usize) < tokenizer.vocab_size()));
    // A byte that is not UTF-8 is three bytes of U+FFFD; a space stands before the text and behind each special token.
    assert!(tokens.len() <= 4 * text.len() + 4, "{} tokens of {} bytes", tokens.len(), text.len());
    let mut stream = Utf8Stream::default();
    for token in tokens {
        let _ = stream.push(tokenizer.piece(*token, true));
    }
    let _ = tokenizer.detokenize(tokens, false);
}

/// A conversation: a byte that chooses the model, then the template, a zero, and messages with a zero behind each.
///
/// No template ends its thread or goes on without end.
pub fn chat_template(data: &[u8]) {
    let Some((choice, rest)) = super::choice(data) else { return };
    let (_, tokenizer) = &MODELS[choice % MODELS.len()];
    let mut texts = rest.split(|byte| *byte == 0).map(|text| String::from_utf8_lossy(text).into_owned());
    let template = texts.next().unwrap_or_default();
    let mut roles = ["system", "user", "assistant"].into_iter().cycle();
    let messages: Vec<Message> = texts
        .take(8)
        .map(|content| Message { role: roles.next().unwrap_or_default().to_owned(), content })
        .collect();
    let metadata = vec![("tokenizer.chat_template".to_owned(), Value::from(template.as_str()))];
    let gguf =
        Gguf { version: 3, alignment: 32, metadata, tensors: Vec::new(), data_offset: 0, file_size: 0 };
    let prompt = chat::prompt(&gguf, tokenizer, &messages);
    assert!(!matches!(prompt, Err(ChatError::Time | ChatError::Thread(_))), "{prompt:?}");
}
