//! Byte-level byte-pair encoding.
//!
//! A word starts as its bytes; of all neighbouring pairs that a merge names, the one of the lowest
//! rank is joined, the leftmost among equals, until none is left. A merge joins texts, not tokens:
//! its result may be a text that is no token and only serves further merges.
//!
//! Source: Sennrich, Haddow, Birch, "Neural Machine Translation of Rare Words with Subword Units"
//! (2016), in the byte-level form of GPT-2; order of merging as in `llama-vocab.cpp` of llama.cpp.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use foldhash::{HashMap, HashMapExt};

use super::byte_alphabet;
use super::error::TokenizerError;
use super::pretokenizer::{PreTokenizer, Splitter};
use super::repair::Repaired;
use super::vocabulary::Vocabulary;

/// A text that takes part in merges: a token if below the vocabulary's size, else only a stage.
type Symbol = u32;

/// The mark of a place whose symbol was joined to the one on its left.
const JOINED: Symbol = u32::MAX;

#[derive(Clone, Copy, Debug)]
struct Merge {
    rank: u32,
    result: Symbol,
}

/// The algorithm with a file's merges.
#[derive(Debug)]
pub(super) struct Bpe {
    splitter: Splitter,
    ignore_merges: bool,
    /// The symbol of every byte.
    bytes: [Symbol; 256],
    merges: HashMap<(Symbol, Symbol), Merge>,
}

impl Bpe {
    /// Prepares the merges of a file, in order of rank.
    pub(super) fn new(
        vocabulary: &Vocabulary,
        merges: &[&str],
        pre: &'static PreTokenizer,
    ) -> Result<Self, TokenizerError> {
        let mut symbols = Symbols { vocabulary, stages: HashMap::new() };
        let mut bytes = [0; 256];
        for (byte, symbol) in (0..=255).zip(&mut bytes) {
            *symbol = symbols.intern(byte_alphabet::letter(byte).encode_utf8(&mut [0; 4]))?;
        }
        let mut table = HashMap::with_capacity(merges.len());
        for (index, merge) in merges.iter().enumerate() {
            let (left, right) = halves(merge)
                .ok_or_else(|| TokenizerError::MalformedMerge { index, merge: (*merge).to_owned() })?;
            let pair = (symbols.intern(left)?, symbols.intern(right)?);
            let result = symbols.intern(&[left, right].concat())?;
            let rank =
                u32::try_from(index).map_err(|_| TokenizerError::TooManyTokens { count: merges.len() })?;
            table.entry(pair).or_insert(Merge { rank, result });
        }
        let splitter = Splitter::new(pre)?;
        Ok(Bpe { splitter, ignore_merges: pre.ignore_merges, bytes, merges: table })
    }

    /// Appends the tokens of a text without special tokens.
    pub(super) fn encode(
        &self,
        vocabulary: &Vocabulary,
        text: &Repaired,
        tokens: &mut Vec<u32>,
    ) -> Result<(), TokenizerError> {
        let mut work = Work::default();
        let mut start = 0;
        for word in self.splitter.split(text.text())? {
            let bytes = text.bytes(start, word);
            start += word.len();
            let whole = if self.ignore_merges { vocabulary.id(&byte_alphabet::write(&bytes)) } else { None };
            match whole {
                Some(token) => tokens.push(token),
                None => {
                    self.merge(&bytes, &mut work);
                    self.collect(vocabulary, &bytes, &work, tokens);
                }
            }
        }
        Ok(())
    }

    /// Joins the bytes of a word as far as the merges go.
    fn merge(&self, word: &[u8], work: &mut Work) {
        work.start(word.iter().map(|&byte| self.bytes[byte as usize]));
        for left in 1..word.len() {
            self.propose(left - 1, work);
        }
        while let Some(Reverse(pair)) = work.queue.pop() {
            let Pair { left, right, end, result, .. } = pair;
            if work.symbols[left] == JOINED || work.symbols[right] == JOINED || work.next[right] != end {
                continue;
            }
            work.join(left, right, result);
            if left > 0 {
                self.propose(work.previous[left], work);
            }
            self.propose(left, work);
        }
    }

    /// Queues the pair that starts at `left`, if a merge names it.
    fn propose(&self, left: usize, work: &mut Work) {
        let right = work.next[left];
        let Some(&symbol) = work.symbols.get(right) else { return };
        if let Some(&Merge { rank, result }) = self.merges.get(&(work.symbols[left], symbol)) {
            work.queue.push(Reverse(Pair { rank, left, right, end: work.next[right], result }));
        }
    }

    /// Appends the tokens of a merged word. A symbol that is no token falls back to those of its
    /// letters that are ASCII and tokens; the others leave nothing, and there is no unknown token.
    /// (llama.cpp looks the letters up byte by byte, and a letter beyond ASCII is two.)
    fn collect(&self, vocabulary: &Vocabulary, word: &[u8], work: &Work, tokens: &mut Vec<u32>) {
        let mut place = 0;
        while place < word.len() {
            let next = work.next[place];
            let symbol = work.symbols[place];
            if vocabulary.contains(symbol) {
                tokens.push(symbol);
            } else {
                let ascii = word[place..next].iter().filter(|byte| byte.is_ascii_graphic());
                let symbols = ascii.map(|&byte| self.bytes[byte as usize]);
                tokens.extend(symbols.filter(|&symbol| vocabulary.contains(symbol)));
            }
            place = next;
        }
    }
}

/// The two sides of a merge. The space that separates them is not the first character, so that a
/// side may begin with one.
fn halves(merge: &str) -> Option<(&str, &str)> {
    let first = merge.chars().next()?.len_utf8();
    let space = first + merge[first..].find(' ')?;
    Some((&merge[..space], &merge[space + 1..]))
}

/// Gives every text of the merges a symbol.
struct Symbols<'v> {
    vocabulary: &'v Vocabulary,
    stages: HashMap<String, Symbol>,
}

impl Symbols<'_> {
    fn intern(&mut self, text: &str) -> Result<Symbol, TokenizerError> {
        if let Some(token) = self.vocabulary.id(text) {
            return Ok(token);
        }
        if let Some(&stage) = self.stages.get(text) {
            return Ok(stage);
        }
        let count = self.vocabulary.len() + self.stages.len();
        let stage = u32::try_from(count).ok().filter(|&stage| stage != JOINED);
        let stage = stage.ok_or(TokenizerError::TooManyTokens { count })?;
        self.stages.insert(text.to_owned(), stage);
        Ok(stage)
    }
}

/// A pair that a merge names. The order is that of merging: by rank, then from the left.
///
/// It stands as long as its two places hold symbols that end where it ended, even if the boundary
/// between them moved: in a run of one letter that joins two parts which no merge of this rank
/// names, and it is what llama.cpp does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Pair {
    rank: u32,
    left: usize,
    right: usize,
    end: usize,
    result: Symbol,
}

/// A word in the making: a doubly linked list over its byte positions, and the pairs to come.
#[derive(Debug, Default)]
struct Work {
    symbols: Vec<Symbol>,
    /// Where the symbol to the right starts; the word's length after the last one.
    next: Vec<usize>,
    /// Where the symbol to the left starts; meaningless at the first place.
    previous: Vec<usize>,
    queue: BinaryHeap<Reverse<Pair>>,
}

impl Work {
    fn start(&mut self, symbols: impl Iterator<Item = Symbol>) {
        self.symbols.clear();
        self.symbols.extend(symbols);
        self.next.clear();
        self.next.extend(1..=self.symbols.len());
        self.previous.clear();
        self.previous.extend((0..self.symbols.len()).map(|place| place.saturating_sub(1)));
        self.queue.clear();
    }

    fn join(&mut self, left: usize, right: usize, result: Symbol) {
        self.symbols[left] = result;
        self.symbols[right] = JOINED;
        self.next[left] = self.next[right];
        if let Some(previous) = self.previous.get_mut(self.next[left]) {
            *previous = left;
        }
    }
}
