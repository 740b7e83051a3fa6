//! Finding special tokens in text, before anything else is done to it.
//!
//! Tokens are sought one after the other, the longest text first, each in the stretches that the
//! ones before left. Source: `tokenizer_st_partition` in `llama-vocab.cpp` of llama.cpp.

use memchr::memmem::Finder;

use super::vocabulary::{TokenKind, Vocabulary};

/// A stretch of ordinary text, or a special token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fragment<'t> {
    Text(&'t [u8]),
    Token(u32),
}

#[derive(Debug)]
struct Special {
    text: Finder<'static>,
    token: u32,
    /// Found even in text that is not to be parsed for special tokens.
    always: bool,
    /// Takes the white space before it, and after it, along.
    strip: (bool, bool),
}

/// The special tokens of a vocabulary, the longest first and equally long ones by id.
#[derive(Debug)]
pub(super) struct SpecialTokens(Vec<Special>);

impl SpecialTokens {
    /// The special tokens of a vocabulary of a model with this name.
    pub(super) fn new(vocabulary: &Vocabulary, model: &str) -> Self {
        let model = model.to_ascii_lowercase();
        let mut specials: Vec<Special> = (0..)
            .zip(vocabulary.tokens())
            .filter(|(_, token)| {
                matches!(token.kind, TokenKind::Control | TokenKind::Unknown | TokenKind::UserDefined)
            })
            .map(|(id, token)| Special {
                text: Finder::new(&token.text).into_owned(),
                token: id,
                always: token.kind == TokenKind::UserDefined,
                strip: strips(&model, &token.text),
            })
            .collect();
        specials.sort_by_key(|special| std::cmp::Reverse(special.text.needle().len()));
        SpecialTokens(specials)
    }

    /// Cuts a text at its special tokens. Without `parse`, only user-defined tokens are seen:
    /// they are ordinary words that merges would not make.
    pub(super) fn partition<'t>(&self, text: &'t [u8], parse: bool) -> Vec<Fragment<'t>> {
        let mut fragments = if text.is_empty() { Vec::new() } else { vec![Fragment::Text(text)] };
        for special in self.0.iter().filter(|special| parse || special.always) {
            let occurs = |fragment: &Fragment| match fragment {
                Fragment::Text(text) => special.text.find(text).is_some(),
                Fragment::Token(_) => false,
            };
            if fragments.iter().any(occurs) {
                fragments = fragments.into_iter().fold(Vec::new(), |mut finer, fragment| {
                    match fragment {
                        Fragment::Text(text) => cut(text, special, &mut finer),
                        token => finer.push(token),
                    }
                    finer
                });
            }
        }
        fragments
    }
}

/// If a special token takes the white space before it and after it along. Files have no key for it,
/// so that llama.cpp goes by the model's name.
fn strips(model: &str, token: &str) -> (bool, bool) {
    if model.contains("phi-3") || model.contains("phi3") {
        (false, !matches!(token, "<unk>" | "<s>" | "<|endoftext|>"))
    } else {
        (model.contains("modern-bert") && token == "[MASK]", false)
    }
}

/// White space as C has it.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// Appends a text cut at every occurrence of one token.
fn cut<'t>(text: &'t [u8], special: &Special, fragments: &mut Vec<Fragment<'t>>) {
    let length = special.text.needle().len();
    let (before, after) = special.strip;
    let mut start = 0;
    for found in special.text.find_iter(text).chain([text.len()]) {
        let mut left = &text[start..found];
        while after && start > 0 && left.first().is_some_and(|&byte| is_space(byte)) {
            left = &left[1..];
        }
        while before && found < text.len() && left.last().is_some_and(|&byte| is_space(byte)) {
            left = &left[..left.len() - 1];
        }
        if !left.is_empty() {
            fragments.push(Fragment::Text(left));
        }
        if found < text.len() {
            fragments.push(Fragment::Token(special.token));
        }
        start = found + length;
    }
}
