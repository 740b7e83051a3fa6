//! The tokens of a file, and the parts that some of them play.
//!
//! Source of the keys: the GGUF specification; of the texts that tell a token's part when the file
//! does not, and of the defaults: `llama-vocab.cpp` of llama.cpp.

use std::collections::BTreeSet;

use foldhash::{HashMap, HashMapExt};

use crate::gguf::Gguf;

use super::TokenizerError;
use super::metadata::{flag, integers, strings, token_id};

const TOKENS: &str = "tokenizer.ggml.tokens";
const TOKEN_TYPES: &str = "tokenizer.ggml.token_type";
const BOS: &str = "tokenizer.ggml.bos_token_id";
const EOS: &str = "tokenizer.ggml.eos_token_id";
const UNKNOWN: &str = "tokenizer.ggml.unknown_token_id";
const ADD_BOS: &str = "tokenizer.ggml.add_bos_token";
const ADD_EOS: &str = "tokenizer.ggml.add_eos_token";

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    Undefined,
    Normal,
    Unknown,
    Control,
    UserDefined,
    Unused,
    Byte,
}

impl TokenKind {
    /// By the number in `tokenizer.ggml.token_type`.
    fn from_number(number: i64) -> Self {
        match number {
            1 => TokenKind::Normal,
            2 => TokenKind::Unknown,
            3 => TokenKind::Control,
            4 => TokenKind::UserDefined,
            5 => TokenKind::Unused,
            6 => TokenKind::Byte,
            _ => TokenKind::Undefined,
        }
    }
}

/// One token as the file has it.
#[derive(Debug)]
pub(super) struct Token {
    pub(super) text: String,
    pub(super) kind: TokenKind,
}

/// What a kind of tokenizer assumes where the file is silent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Defaults {
    pub(super) bos: Option<u32>,
    pub(super) eos: Option<u32>,
    pub(super) unknown: Option<u32>,
    pub(super) add_bos: bool,
}

/// A part that one token of a vocabulary may play, told by a key or else by the token's text.
struct Part {
    keys: &'static [&'static str],
    texts: &'static [&'static str],
    ends_generation: bool,
}

const PARTS: &[Part] = &[
    Part {
        keys: &["tokenizer.ggml.eot_token_id"],
        texts: &[
            "<|eot_id|>",
            "<|im_end|>",
            "<|end|>",
            "<end_of_turn>",
            "<|endoftext|>",
            "<|end_of_text|>",
            "<EOT>",
            "_<EOT>",
            "[EOT]",
            "<｜end▁of▁sentence｜>",
            "<end_of_utterance>",
        ],
        ends_generation: true,
    },
    Part { keys: &["tokenizer.ggml.eom_token_id"], texts: &["<|eom_id|>"], ends_generation: true },
    Part {
        keys: &["tokenizer.ggml.fim_pre_token_id", "tokenizer.ggml.prefix_token_id"],
        texts: &[
            "<|fim_prefix|>",
            "<fim-prefix>",
            "<fim_prefix>",
            "<｜fim▁begin｜>",
            "<PRE>",
            "▁<PRE>",
            "<|code_prefix|>",
            "<|prefix|>",
        ],
        ends_generation: false,
    },
    Part {
        keys: &["tokenizer.ggml.fim_suf_token_id", "tokenizer.ggml.suffix_token_id"],
        texts: &[
            "<|fim_suffix|>",
            "<fim-suffix>",
            "<fim_suffix>",
            "<｜fim▁hole｜>",
            "<SUF>",
            "▁<SUF>",
            "<|code_suffix|>",
            "<|suffix|>",
        ],
        ends_generation: false,
    },
    Part {
        keys: &["tokenizer.ggml.fim_mid_token_id", "tokenizer.ggml.middle_token_id"],
        texts: &[
            "<|fim_middle|>",
            "<fim-middle>",
            "<fim_middle>",
            "<｜fim▁end｜>",
            "<MID>",
            "▁<MID>",
            "<|code_middle|>",
            "<|middle|>",
        ],
        ends_generation: false,
    },
    Part {
        keys: &["tokenizer.ggml.fim_pad_token_id"],
        texts: &["<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]"],
        ends_generation: true,
    },
    Part {
        keys: &["tokenizer.ggml.fim_rep_token_id"],
        texts: &["<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>"],
        ends_generation: true,
    },
    Part { keys: &["tokenizer.ggml.fim_sep_token_id"], texts: &["<|file_sep|>"], ends_generation: true },
];

/// The texts that end generation wherever they are in a vocabulary.
const END_TEXTS: &[&str] = &[
    "<|eot_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<|flush|>",
    "<|calls|>",
    "<end_of_turn>",
    "<|endoftext|>",
    "</s>",
    "<|eom_id|>",
    "<EOT>",
    "_<EOT>",
    "[EOT]",
    "[EOS]",
    "<|end_of_text|>",
    "<end_of_utterance>",
    "<eos>",
    "<turn|>",
    "<|tool_response>",
    "<｜end▁of▁sentence｜>",
    "[e~[",
];

/// The texts that are shown and found in text even where the file calls them control tokens.
const ALWAYS_SHOWN: &[&str] = &["<|channel|>", "<|message|>", "<|start|>", "<|constrain|>"];

/// The tokens of a file. Texts are unique and not empty; every id in it is below its length.
#[derive(Debug)]
pub(super) struct Vocabulary {
    tokens: Vec<Token>,
    ids: HashMap<String, u32>,
    pub(super) bos: Option<u32>,
    pub(super) eos: Option<u32>,
    pub(super) unknown: Option<u32>,
    pub(super) add_bos: bool,
    pub(super) add_eos: bool,
    /// The tokens that end generation.
    pub(super) ends: BTreeSet<u32>,
}

impl Vocabulary {
    /// Reads and checks the vocabulary of a file.
    pub(super) fn from_gguf(gguf: &Gguf, defaults: Defaults) -> Result<Self, TokenizerError> {
        let tokens = read_tokens(gguf)?;
        let ids = index(&tokens)?;
        let count = tokens.len();
        let within = |id: Option<u32>| id.filter(|&id| (id as usize) < count);
        let mut vocabulary = Vocabulary {
            tokens,
            ids,
            bos: token_id(gguf, BOS, count)?.or(within(defaults.bos)),
            eos: token_id(gguf, EOS, count)?.or(within(defaults.eos)),
            unknown: token_id(gguf, UNKNOWN, count)?.or(within(defaults.unknown)),
            add_bos: flag(gguf, ADD_BOS)?.unwrap_or(defaults.add_bos),
            add_eos: flag(gguf, ADD_EOS)?.unwrap_or(false),
            ends: BTreeSet::new(),
        };
        if vocabulary.add_bos && vocabulary.bos.is_none() {
            return Err(TokenizerError::NothingToAdd { flag: ADD_BOS, id: BOS });
        }
        if vocabulary.add_eos && vocabulary.eos.is_none() {
            return Err(TokenizerError::NothingToAdd { flag: ADD_EOS, id: EOS });
        }
        vocabulary.assign_parts(gguf)?;
        Ok(vocabulary)
    }

    /// Finds the tokens that end generation. A token whose text gives it a part is a control
    /// token, whatever the file calls it.
    fn assign_parts(&mut self, gguf: &Gguf) -> Result<(), TokenizerError> {
        for part in PARTS {
            let mut id = None;
            for key in part.keys {
                id = token_id(gguf, key, self.len())?.or(id);
            }
            if id.is_none() {
                id = part.texts.iter().filter_map(|text| self.id(text)).min();
                id.into_iter().for_each(|id| self.make_control(id));
            }
            if part.ends_generation {
                self.ends.extend(id);
            }
        }
        for id in END_TEXTS.iter().filter_map(|text| self.id(text)).collect::<Vec<_>>() {
            self.make_control(id);
            self.ends.insert(id);
        }
        for id in ALWAYS_SHOWN.iter().filter_map(|text| self.id(text)).collect::<Vec<_>>() {
            self.tokens[id as usize].kind = TokenKind::UserDefined;
        }
        self.ends.extend(self.eos);
        self.take_back_ends();
        Ok(())
    }

    /// Two texts end generation except in the vocabularies where they do something else, which are
    /// known by other tokens that end it.
    fn take_back_ends(&mut self) {
        let end = |text: &str| self.id(text).filter(|id| self.ends.contains(id));
        let (returns, flushes) = (end("<|return|>").is_some(), end("<|flush|>").is_some());
        let calls = end("<|call|>").or(end("<|calls|>")).is_some();
        let part = end("<|end|>").filter(|_| calls && (returns || flushes));
        let tools = end("<|tool_response>").or(end("<|plamo:eos|>")).is_some();
        let ordinary = end("</s>").filter(|_| tools);
        for (id, kind) in [(part, TokenKind::UserDefined), (ordinary, TokenKind::Normal)] {
            if let Some(id) = id {
                self.ends.remove(&id);
                self.tokens[id as usize].kind = kind;
            }
        }
    }

    fn make_control(&mut self, id: u32) {
        self.tokens[id as usize].kind = TokenKind::Control;
    }

    /// The number of tokens.
    pub(super) fn len(&self) -> usize {
        self.tokens.len()
    }

    /// True if `id` is the id of a token.
    pub(super) fn contains(&self, id: u32) -> bool {
        (id as usize) < self.tokens.len()
    }

    /// The tokens by id.
    pub(super) fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// The id of the token with this text.
    pub(super) fn id(&self, text: &str) -> Option<u32> {
        self.ids.get(text).copied()
    }
}

fn read_tokens(gguf: &Gguf) -> Result<Vec<Token>, TokenizerError> {
    let texts = strings(gguf, TOKENS)?;
    let count = texts.len();
    // Merges number their intermediate texts after the tokens, so half of the range stays free.
    if count > (u32::MAX / 2) as usize {
        return Err(TokenizerError::TooManyTokens { count });
    }
    let kinds = match integers(gguf, TOKEN_TYPES)? {
        Some(numbers) if numbers.len() != count => {
            let found = numbers.len();
            return Err(TokenizerError::LengthMismatch { key: TOKEN_TYPES, found, tokens: count });
        }
        Some(numbers) => numbers.into_iter().map(TokenKind::from_number).collect(),
        None => vec![TokenKind::Normal; count],
    };
    let token = |(id, (text, kind)): (usize, (&str, TokenKind))| Token {
        // A search for the empty text would find it everywhere; the stand-in is llama.cpp's.
        text: if text.is_empty() { format!("[EMPTY_{id}]") } else { text.to_owned() },
        kind,
    };
    Ok(texts.into_iter().zip(kinds).enumerate().map(token).collect())
}

fn index(tokens: &[Token]) -> Result<HashMap<String, u32>, TokenizerError> {
    let mut ids = HashMap::with_capacity(tokens.len());
    for (id, token) in (0..).zip(tokens) {
        if let Some(first) = ids.insert(token.text.clone(), id) {
            return Err(TokenizerError::DuplicateToken { text: token.text.clone(), first, second: id });
        }
    }
    Ok(ids)
}
