//! Text ↔ tokens, by the vocabulary that a GGUF file carries.
//!
//! | part | job |
//! | --- | --- |
//! | `vocabulary` | the tokens of a file and the parts some of them play |
//! | `special` | special tokens in text |
//! | `repair` | bytes that are not UTF-8, as characters |
//! | `pretokenizer` | a table of expressions that cut text into words |
//! | `bpe` | byte-level byte-pair encoding of a word |
//! | `spm` | SentencePiece: merges by score, with bytes to fall back on |
//! | `clean_up` | English typography after detokenizing |
//! | `utf8_stream` | whole characters from the bytes of successive tokens |
//!
//! Results are those of llama.cpp, token by token. (In byte-level vocabularies a number past U+10FFFF
//! that is written like UTF-8 ends llama.cpp; here it is invalid like any other such byte.)
//!
//! Another pre-tokenizer is a row of the table;
//! another kind of tokenizer is a sibling of `bpe` and a variant of `Algorithm`.

mod bpe;
mod byte_alphabet;
mod clean_up;
mod error;
mod metadata;
mod pretokenizer;
mod repair;
mod special;
mod spm;
mod utf8_stream;
mod vocabulary;

use crate::gguf::Gguf;

use bpe::Bpe;
use repair::Repaired;
use special::{Fragment, SpecialTokens};
use spm::Spm;
use vocabulary::{Defaults, Token, TokenKind, Vocabulary};

pub use error::TokenizerError;
pub use utf8_stream::Utf8Stream;

const NAME: &str = "general.name";
const MODEL: &str = "tokenizer.ggml.model";
const PRE: &str = "tokenizer.ggml.pre";
const MERGES: &str = "tokenizer.ggml.merges";
const SCORES: &str = "tokenizer.ggml.scores";
const SPACE_PREFIX: &str = "tokenizer.ggml.add_space_prefix";

/// The values of `tokenizer.ggml.model` that there is an algorithm for.
const MODELS: &[&str] = &["gpt2", "llama"];

/// How ordinary text becomes tokens.
#[derive(Debug)]
enum Algorithm {
    Bpe(Box<Bpe>),
    Spm(Box<Spm>),
}

/// The tokenizer of one file.
#[derive(Debug)]
pub struct Tokenizer {
    vocabulary: Vocabulary,
    specials: SpecialTokens,
    algorithm: Algorithm,
    /// The bytes that each token prints.
    pieces: Vec<Vec<u8>>,
    clean_spaces: bool,
    /// The first token of a text loses a leading space when it is detokenized.
    space_prefix: bool,
}

impl Tokenizer {
    /// Makes the tokenizer that a file describes.
    ///
    /// # Errors
    ///
    /// If the kind of tokenizer or its pre-tokenizer is not supported, or the vocabulary is absent
    /// or contradicts itself.
    pub fn from_gguf(gguf: &Gguf) -> Result<Self, TokenizerError> {
        match gguf.str(MODEL)? {
            "gpt2" => Self::byte_level_bpe(gguf),
            "llama" => Self::sentence_piece(gguf),
            model => Err(TokenizerError::UnsupportedModel {
                model: model.to_owned(),
                supported: MODELS.join(", "),
            }),
        }
    }

    fn byte_level_bpe(gguf: &Gguf) -> Result<Self, TokenizerError> {
        let pre = pretokenizer::find(metadata::string(gguf, PRE)?)?;
        // Token 11 is llama.cpp's assumption for files that name no such tokens.
        let defaults = Defaults { bos: Some(11), eos: Some(11), unknown: None, add_bos: pre.add_bos };
        let vocabulary = Vocabulary::from_gguf(gguf, defaults)?;
        let bpe = Bpe::new(&vocabulary, &metadata::strings(gguf, MERGES)?, pre)?;
        Ok(Tokenizer {
            specials: SpecialTokens::new(&vocabulary, name(gguf)),
            pieces: vocabulary.tokens().iter().map(byte_level_piece).collect(),
            vocabulary,
            algorithm: Algorithm::Bpe(Box::new(bpe)),
            clean_spaces: pre.clean_spaces,
            space_prefix: metadata::flag(gguf, SPACE_PREFIX)?.unwrap_or(false),
        })
    }

    fn sentence_piece(gguf: &Gguf) -> Result<Self, TokenizerError> {
        let defaults = Defaults { bos: Some(1), eos: Some(2), unknown: Some(0), add_bos: true };
        let vocabulary = Vocabulary::from_gguf(gguf, defaults)?;
        let scores = metadata::floats(gguf, SCORES)?;
        let (found, tokens) = (scores.len(), vocabulary.len());
        if found != tokens {
            return Err(TokenizerError::LengthMismatch { key: SCORES, found, tokens });
        }
        let space_prefix = metadata::flag(gguf, SPACE_PREFIX)?.unwrap_or(true);
        Ok(Tokenizer {
            specials: SpecialTokens::new(&vocabulary, name(gguf)),
            pieces: vocabulary.tokens().iter().map(sentence_piece).collect(),
            algorithm: Algorithm::Spm(Box::new(Spm::new(&vocabulary, scores, space_prefix))),
            vocabulary,
            clean_spaces: false,
            space_prefix,
        })
    }

    /// The tokens of a text.
    ///
    /// With `add_special`, the tokens that the file wants at the beginning and the end are added.
    /// With `parse_special`, the text of a control token stands for that token; without, it is
    /// text like any other. Bytes that are not UTF-8 are read as U+FFFD each, or become byte tokens
    /// where the vocabulary is of the SentencePiece kind.
    ///
    /// # Errors
    ///
    /// If the pre-tokenizer's regular expressions fail on the text, which the supported ones do not.
    pub fn encode(
        &self,
        text: impl AsRef<[u8]>,
        add_special: bool,
        parse_special: bool,
    ) -> Result<Vec<u32>, TokenizerError> {
        let text = text.as_ref();
        let mut tokens = Vec::with_capacity(text.len() / 3 + 2);
        if add_special && self.vocabulary.add_bos {
            tokens.extend(self.vocabulary.bos);
        }
        let mut after_special = true;
        for fragment in self.specials.partition(text, parse_special) {
            match (fragment, &self.algorithm) {
                (Fragment::Token(token), _) => tokens.push(token),
                (Fragment::Text(text), Algorithm::Bpe(bpe)) => {
                    bpe.encode(&self.vocabulary, &Repaired::new(text), &mut tokens)?;
                }
                (Fragment::Text(text), Algorithm::Spm(spm)) => {
                    spm.encode(&self.vocabulary, text, after_special, &mut tokens);
                }
            }
            after_special = matches!(fragment, Fragment::Token(_));
        }
        if add_special && self.vocabulary.add_eos {
            tokens.extend(self.vocabulary.eos);
        }
        Ok(tokens)
    }

    /// The bytes that a token prints, which may be part of a character. Control tokens and the
    /// unknown token print their text with `special` and nothing without. A number that is no
    /// token of the vocabulary prints nothing.
    pub fn piece(&self, token: u32, special: bool) -> &[u8] {
        match (self.vocabulary.tokens().get(token as usize), self.pieces.get(token as usize)) {
            (Some(Token { kind: TokenKind::Control | TokenKind::Unknown, .. }), _) if !special => &[],
            (_, piece) => piece.map_or(&[], Vec::as_slice),
        }
    }

    /// The text of tokens: their pieces joined, and cleaned up where the pre-tokenizer asks for it
    /// (spaces before punctuation go, for `gpt-2` and `llama-bpe`). A space that the vocabulary put
    /// before the text is taken off the first token. For the bytes as they are, join the
    /// [`piece`](Self::piece)s.
    pub fn detokenize(&self, tokens: &[u32], special: bool) -> Vec<u8> {
        let mut joined: Vec<u8> = Vec::new();
        for (index, &token) in tokens.iter().enumerate() {
            let piece = self.piece(token, special);
            let skipped = usize::from(index == 0 && self.space_prefix && piece.starts_with(b" "));
            joined.extend_from_slice(&piece[skipped..]);
        }
        if self.clean_spaces { clean_up::clean_up(&joined) } else { joined }
    }

    /// True if a token ends generation.
    pub fn is_eog(&self, token: u32) -> bool {
        self.vocabulary.ends.contains(&token)
    }

    /// The beginning-of-sequence token.
    pub fn bos(&self) -> Option<u32> {
        self.vocabulary.bos
    }

    /// The end-of-sequence token.
    pub fn eos(&self) -> Option<u32> {
        self.vocabulary.eos
    }

    /// True if [`encode`](Self::encode) puts the beginning-of-sequence token first when asked to
    /// add special tokens.
    pub fn adds_bos(&self) -> bool {
        self.vocabulary.add_bos
    }

    /// True if [`encode`](Self::encode) puts the end-of-sequence token last when asked to add
    /// special tokens.
    pub fn adds_eos(&self) -> bool {
        self.vocabulary.add_eos
    }

    /// The number of tokens in the vocabulary.
    pub fn vocab_size(&self) -> usize {
        self.vocabulary.len()
    }
}

/// The name that a file gives its model, if it does.
fn name(gguf: &Gguf) -> &str {
    gguf.str(NAME).unwrap_or_default()
}

/// The bytes that a token of a byte-level vocabulary prints.
fn byte_level_piece(token: &Token) -> Vec<u8> {
    match token.kind {
        TokenKind::Control | TokenKind::Unknown | TokenKind::UserDefined => token.text.clone().into_bytes(),
        TokenKind::Normal => byte_alphabet::read(&token.text),
        TokenKind::Byte => byte_in_hexadecimal(&token.text).into_iter().collect(),
        TokenKind::Unused | TokenKind::Undefined => Vec::new(),
    }
}

/// The bytes that a token of a SentencePiece vocabulary prints.
fn sentence_piece(token: &Token) -> Vec<u8> {
    match token.kind {
        TokenKind::Control | TokenKind::Unknown | TokenKind::UserDefined => token.text.clone().into_bytes(),
        TokenKind::Normal => token.text.replace(spm::SPACE, " ").into_bytes(),
        TokenKind::Byte => byte_in_hexadecimal(&token.text).into_iter().collect(),
        TokenKind::Unused | TokenKind::Undefined => Vec::new(),
    }
}

/// The byte that a text such as `<0x0A>` names.
fn byte_in_hexadecimal(text: &str) -> Option<u8> {
    u8::from_str_radix(text.strip_prefix("<0x")?.strip_suffix('>')?, 16).ok()
}
