//! SentencePiece byte-pair encoding: merges by score, and bytes where no token fits.
//!
//! A text starts as its characters; of all neighbouring pairs whose joined text is a token, the one
//! of the highest score is joined, the leftmost among equals, until none is left. A space is
//! written U+2581, and what is left and no token becomes the tokens of its bytes.
//!
//! Source: Kudo and Richardson, "SentencePiece" (2018); order of merging and the treatment of
//! malformed UTF-8 as in `llama-vocab.cpp` of llama.cpp, which takes a character's length from its
//! first byte alone.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::vocabulary::Vocabulary;

/// What stands for a space.
pub(super) const SPACE: &str = "\u{2581}";

/// The algorithm with a file's scores.
#[derive(Debug)]
pub(super) struct Spm {
    /// The score of each token.
    scores: Vec<f32>,
    /// The token of every byte; the unknown token where there is none, or nothing.
    bytes: [Option<u32>; 256],
    /// Bytes of the longest token: no longer text needs looking up.
    longest: usize,
    /// Text that starts the whole or follows a special token gets a space before it.
    pub(super) space_prefix: bool,
}

/// A stretch of the text: a character, or what was joined so far. Without a length once it was
/// joined to its left.
#[derive(Clone, Copy, Debug)]
struct Symbol {
    start: usize,
    length: usize,
    previous: usize,
    next: usize,
}

/// No symbol.
const NONE: usize = usize::MAX;

/// Two neighbours whose text is a token.
#[derive(Clone, Copy, Debug)]
struct Pair {
    score: f32,
    left: usize,
    right: usize,
    length: usize,
}

impl Ord for Pair {
    /// The one to join first is the greatest: by score, then from the left.
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then(other.left.cmp(&self.left))
    }
}

impl PartialOrd for Pair {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Pair {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Pair {}

impl Spm {
    /// Prepares the scores of a file, one for each token.
    pub(super) fn new(vocabulary: &Vocabulary, scores: &[f32], space_prefix: bool) -> Self {
        let named = |byte: u8| {
            let hexadecimal = vocabulary.id(&format!("<0x{byte:02X}>"));
            let plain = || byte.is_ascii().then(|| vocabulary.id(&char::from(byte).to_string())).flatten();
            hexadecimal.or_else(plain).or(vocabulary.unknown)
        };
        let mut bytes = [None; 256];
        for (byte, token) in (0..=255).zip(&mut bytes) {
            *token = named(byte);
        }
        // Adding zero makes the two zeros one: they are the same score.
        let scores = scores.iter().map(|score| score + 0.0).collect();
        let longest = vocabulary.tokens().iter().map(|token| token.text.len()).max().unwrap_or(0);
        Spm { scores, bytes, longest, space_prefix }
    }

    /// Appends the tokens of a text without special tokens, which `first` says to follow a special
    /// token or nothing.
    pub(super) fn encode(&self, vocabulary: &Vocabulary, text: &[u8], first: bool, tokens: &mut Vec<u32>) {
        let mut written = Vec::with_capacity(text.len() + text.len() / 2 + SPACE.len());
        if first && self.space_prefix {
            written.extend_from_slice(SPACE.as_bytes());
        }
        for &byte in text {
            match byte {
                b' ' => written.extend_from_slice(SPACE.as_bytes()),
                _ => written.push(byte),
            }
        }
        let mut work = Work {
            spm: self,
            vocabulary,
            text: &written,
            symbols: characters(&written),
            queue: BinaryHeap::new(),
        };
        work.merge();
        work.collect(tokens);
    }
}

/// One symbol for each character, as long as its first byte says and the text goes.
fn characters(text: &[u8]) -> Vec<Symbol> {
    let mut symbols: Vec<Symbol> = Vec::with_capacity(text.len());
    let mut start = 0;
    while start < text.len() {
        let length = match text[start] {
            0xC0..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xFF => 4,
            _ => 1,
        };
        let length = length.min(text.len() - start);
        let index = symbols.len();
        let previous = index.checked_sub(1).unwrap_or(NONE);
        symbols.push(Symbol { start, length, previous, next: index + 1 });
        start += length;
    }
    if let Some(last) = symbols.last_mut() {
        last.next = NONE;
    }
    symbols
}

/// A text in the making.
struct Work<'a> {
    spm: &'a Spm,
    vocabulary: &'a Vocabulary,
    text: &'a [u8],
    symbols: Vec<Symbol>,
    queue: BinaryHeap<Pair>,
}

impl Work<'_> {
    fn token(&self, start: usize, length: usize) -> Option<u32> {
        if length > self.spm.longest {
            return None;
        }
        self.vocabulary.id(std::str::from_utf8(&self.text[start..start + length]).ok()?)
    }

    /// Queues two neighbours, if their text is a token.
    fn propose(&mut self, left: usize, right: usize) {
        if left == NONE || right == NONE {
            return;
        }
        let (l, r) = (self.symbols[left], self.symbols[right]);
        let length = l.length + r.length;
        if let Some(token) = self.token(l.start, length) {
            let score = self.spm.scores[token as usize];
            self.queue.push(Pair { score, left, right, length });
        }
    }

    fn merge(&mut self) {
        for right in 1..self.symbols.len() {
            self.propose(right - 1, right);
        }
        while let Some(Pair { left, right, length, .. }) = self.queue.pop() {
            let (l, r) = (self.symbols[left], self.symbols[right]);
            if l.length == 0 || r.length == 0 || l.length + r.length != length {
                continue;
            }
            self.symbols[left].length = length;
            self.symbols[left].next = r.next;
            self.symbols[right].length = 0;
            if r.next != NONE {
                self.symbols[r.next].previous = left;
            }
            self.propose(l.previous, left);
            self.propose(left, r.next);
        }
    }

    fn collect(&self, tokens: &mut Vec<u32>) {
        for symbol in self.symbols.iter().filter(|symbol| symbol.length > 0) {
            match self.token(symbol.start, symbol.length) {
                Some(token) => tokens.push(token),
                None => {
                    let bytes = &self.text[symbol.start..symbol.start + symbol.length];
                    tokens.extend(bytes.iter().filter_map(|&byte| self.spm.bytes[usize::from(byte)]));
                }
            }
        }
    }
}
