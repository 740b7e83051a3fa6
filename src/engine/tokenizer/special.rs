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
}

/// The special tokens of a vocabulary, the longest first and equally long ones by id.
#[derive(Debug)]
pub(super) struct SpecialTokens(Vec<Special>);

impl SpecialTokens {
    pub(super) fn new(vocabulary: &Vocabulary) -> Self {
        let mut specials: Vec<Special> = (0..)
            .zip(vocabulary.tokens())
            .filter(|(_, token)| {
                matches!(token.kind, TokenKind::Control | TokenKind::Unknown | TokenKind::UserDefined)
            })
            .map(|(id, token)| Special {
                text: Finder::new(&token.text).into_owned(),
                token: id,
                always: token.kind == TokenKind::UserDefined,
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

/// Appends a text cut at every occurrence of one token.
fn cut<'t>(text: &'t [u8], special: &Special, fragments: &mut Vec<Fragment<'t>>) {
    let length = special.text.needle().len();
    let mut start = 0;
    for found in special.text.find_iter(text).chain([text.len()]) {
        if found > start {
            fragments.push(Fragment::Text(&text[start..found]));
        }
        if found < text.len() {
            fragments.push(Fragment::Token(special.token));
        }
        start = found + length;
    }
}
