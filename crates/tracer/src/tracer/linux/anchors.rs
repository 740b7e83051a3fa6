//! Anchors: words of tensors by which a pass over memory recognises them.
//!
//! Of each tensor a few stretches are taken, and of each stretch the words at eight consecutive bytes, so that a
//! scan of aligned words meets one of them wherever a copy begins. A word that repeats a pattern of up to four
//! bytes, or that stands in the table twice, recognises nothing and is left out.

use std::collections::HashMap;
use std::ops::Range;

/// Bytes of a word.
const WORD: usize = 8;

/// Bytes of a stretch: a word at each of eight consecutive bytes.
const STRETCH: usize = 2 * WORD - 1;

/// Stretches of a tensor.
const STRETCHES: u64 = 8;

/// The logarithm of the bits in the filter before the table.
const FILTER: u32 = 20;

/// A tensor of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Which model.
    pub(super) model: usize,
    /// Its bytes of the file.
    pub(super) range: Range<u64>,
}

/// A word that was met: what it recognises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Anchor {
    /// Which of the parts.
    pub(super) part: usize,
    /// Where the word stands in the file.
    pub(super) offset: u64,
}

/// Tensors, and the words that recognise them.
pub(super) struct Anchors {
    pub(super) parts: Vec<Part>,
    words: HashMap<u64, Anchor>,
    filter: Vec<u64>,
}

impl Anchors {
    /// Anchors of these tensors; `read` reads a model from an offset on and says how many bytes there were.
    pub(super) fn new(parts: Vec<Part>, mut read: impl FnMut(usize, u64, &mut [u8]) -> usize) -> Self {
        let mut words: HashMap<u64, Option<Anchor>> = HashMap::new();
        for (number, part) in parts.iter().enumerate() {
            for start in starts(&part.range) {
                let mut stretch = [0u8; STRETCH];
                if read(part.model, start, &mut stretch) < STRETCH {
                    continue;
                }
                for (offset, bytes) in (start..).zip(stretch.windows(WORD)) {
                    let word = word(bytes);
                    if !is_periodic(word) {
                        let anchor = Some(Anchor { part: number, offset });
                        words.entry(word).and_modify(|known| *known = None).or_insert(anchor);
                    }
                }
            }
        }
        let words: HashMap<u64, Anchor> =
            words.into_iter().filter_map(|(word, anchor)| Some((word, anchor?))).collect();
        let mut filter = vec![0u64; 1 << (FILTER - 6)];
        for word in words.keys() {
            let bit = bit(*word);
            filter[bit >> 6] |= 1 << (bit & 63);
        }
        Self { parts, words, filter }
    }

    /// Tells the anchors in a stretch of memory whose first address is a multiple of a word, each with its
    /// place.
    pub(super) fn scan(&self, memory: &[u8], mut met: impl FnMut(usize, Anchor)) {
        for (number, bytes) in memory.chunks_exact(WORD).enumerate() {
            let word = word(bytes);
            let bit = bit(word);
            if self.filter[bit >> 6] >> (bit & 63) & 1 != 0
                && let Some(anchor) = self.words.get(&word)
            {
                met(number * WORD, *anchor);
            }
        }
    }

    /// Whether nothing can be recognised.
    pub(super) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }
}

/// Where the stretches of a tensor begin: spread over it, the first at its start and the last at its end.
fn starts(range: &Range<u64>) -> impl Iterator<Item = u64> {
    let room = (range.end - range.start).checked_sub(STRETCH as u64);
    let count = room.map_or(0, |room| STRETCHES.min(room + 1));
    let (first, room) = (range.start, room.unwrap_or(0));
    (0..count).map(move |number| first + (u128::from(room) * u128::from(number) / 7) as u64)
}

fn word(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

/// Whether a word repeats one, two or four bytes: zeros, padding, a vector of ones.
fn is_periodic(word: u64) -> bool {
    word >> 32 == word & 0xffff_ffff
}

/// The bit of the filter that stands for a word: the high bits of a product with the golden ratio.
fn bit(word: u64) -> usize {
    (word.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - FILTER)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> Vec<u8> {
        let mut state = 0x1234_5678_9abc_def1_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        };
        (0..4096).map(|_| next()).collect()
    }

    fn anchors(file: &[u8], ranges: &[Range<u64>]) -> Anchors {
        let parts = ranges.iter().map(|range| Part { model: 0, range: range.clone() }).collect();
        Anchors::new(parts, |_, offset, into| {
            let from = &file[usize::try_from(offset).unwrap()..];
            let held = from.len().min(into.len());
            into[..held].copy_from_slice(&from[..held]);
            held
        })
    }

    /// The places that the anchors give the start of the file.
    fn met(anchors: &Anchors, memory: &[u8]) -> Vec<(usize, i64)> {
        let mut found = Vec::new();
        anchors.scan(memory, |at, anchor| found.push((anchor.part, at as i64 - anchor.offset as i64)));
        found.sort_unstable();
        found.dedup();
        found
    }

    #[test]
    fn a_copy_is_recognised_wherever_it_begins() {
        let file = file();
        let anchors = anchors(&file, &[0..100, 100..4096]);
        for shift in 0..16 {
            let memory = [vec![0u8; shift], file.clone()].concat();
            assert_eq!(met(&anchors, &memory), [(0, shift as i64), (1, shift as i64)], "{shift}");
        }
    }

    #[test]
    fn what_repeats_and_what_stands_twice_recognises_nothing() {
        let mut file = file();
        file[..64].fill(7);
        file.copy_within(1000..1100, 2000);
        file[3000..3100].copy_from_slice(&[0, 0, 0x80, 0x3f].repeat(25));
        let anchors = anchors(&file, &[0..64, 1000..1100, 2000..2100, 3000..3100, 4090..4096]);
        assert!(anchors.is_empty() && met(&anchors, &file).is_empty());
    }
}
