//! What can be wrong with a file's vocabulary.

/// Why a tokenizer could not be made from a file, or a text not be encoded.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerError {
    /// A metadata key is missing or holds something else.
    #[error(transparent)]
    Key(#[from] crate::gguf::KeyError),
    /// A string of the vocabulary is not UTF-8.
    #[error("metadata key `{key}`: entry {index} is not UTF-8")]
    NotUtf8 {
        /// The key.
        key: &'static str,
        /// Index of the entry.
        index: usize,
    },
    /// The kind of tokenizer is not one this crate has.
    #[error("tokenizer model `{model}` is not supported; supported: {supported}")]
    UnsupportedModel {
        /// What the file names.
        model: String,
        /// The supported names.
        supported: String,
    },
    /// The pre-tokenizer is not one this crate has.
    #[error("pre-tokenizer `{pre}` is not supported; supported: {supported}")]
    UnsupportedPreTokenizer {
        /// What the file names.
        pre: String,
        /// The supported names.
        supported: String,
    },
    /// The vocabulary has more tokens than an id can count.
    #[error("the vocabulary has {count} tokens; at most {} are possible", u32::MAX / 2)]
    TooManyTokens {
        /// Tokens in the file.
        count: usize,
    },
    /// A per-token array does not have one entry per token.
    #[error("metadata key `{key}` has {found} entries for {tokens} tokens")]
    LengthMismatch {
        /// The key.
        key: &'static str,
        /// Entries found.
        found: usize,
        /// Tokens in the vocabulary.
        tokens: usize,
    },
    /// Two tokens have the same text, so text does not determine the id.
    #[error("tokens {first} and {second} are both `{text}`")]
    DuplicateToken {
        /// The text.
        text: String,
        /// The lower id.
        first: u32,
        /// The higher id.
        second: u32,
    },
    /// A merge is not two symbols with a space between them.
    #[error("merge {index} (`{merge}`) is not two symbols separated by a space")]
    MalformedMerge {
        /// Its index, which is also its rank.
        index: usize,
        /// The entry.
        merge: String,
    },
    /// A special token's id is outside the vocabulary.
    #[error("metadata key `{key}` is {id}, but the vocabulary has {tokens} tokens")]
    IdOutOfRange {
        /// The key.
        key: &'static str,
        /// The id.
        id: u32,
        /// Tokens in the vocabulary.
        tokens: usize,
    },
    /// A token is to be added to every text, but the file does not name one.
    #[error("metadata key `{flag}` is true, but `{id}` names no token to add")]
    NothingToAdd {
        /// The key that asks for the token.
        flag: &'static str,
        /// The key that should name it.
        id: &'static str,
    },
    /// The regular-expression engine gave up on a text.
    #[error("pre-tokenizer `{pre}` failed on a text: {source}")]
    PreTokenizer {
        /// The pre-tokenizer.
        pre: &'static str,
        /// What the engine said.
        source: Box<fancy_regex::Error>,
    },
}
