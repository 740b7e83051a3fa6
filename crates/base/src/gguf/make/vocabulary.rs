//! A byte-level BPE vocabulary of any size, in which every token can be reached.
//!
//! The bytes come first, in the GPT-2 alphabet. Merged tokens are made-up words: a consonant and a
//! vowel make a syllable, two syllables a word, two words a compound, each also with a leading
//! space. The consonants that start a word's first syllable never start its second, so no merge
//! applies across the boundary of two parts: whatever the rank, a word's own merges rebuild it.

use crate::gguf::Text;

/// The byte tokens and the two special ones.
pub(super) const MIN_TOKENS: u64 = 258;

/// Far beyond any vocabulary in use, and far below what the compounds could fill.
pub(super) const MAX_TOKENS: u64 = 1 << 22;

/// Consonants of a word's first syllable.
const FIRST: &[u8] = b"bcdfghjklm";
/// Consonants of a word's second syllable.
const SECOND: &[u8] = b"npqrstvwxz";
const VOWELS: &[u8] = b"aeiou";

/// The space, as the GPT-2 alphabet writes it.
const SPACE: &str = "Ġ";

/// Token type of ordinary tokens, from `enum llama_token_type`.
const NORMAL: i32 = 1;
/// Token type of tokens that no text yields.
const CONTROL: i32 = 3;

/// The arrays of the `tokenizer.ggml` keys.
pub(super) struct Vocabulary {
    pub(super) tokens: Vec<Text>,
    pub(super) types: Vec<i32>,
    pub(super) merges: Vec<Text>,
    pub(super) bos: u32,
    pub(super) eos: u32,
}

impl Vocabulary {
    /// A vocabulary of `size` tokens, [`MIN_TOKENS`] to [`MAX_TOKENS`]; the specials come last.
    pub(super) fn new(size: usize) -> Self {
        let merged = size.saturating_sub(MIN_TOKENS as usize);
        let mut tokens: Vec<Text> = byte_alphabet().map(|c| Text(c.to_string().into_bytes())).collect();
        let mut merges = Vec::with_capacity(merged);
        for (left, right) in merge_pairs().take(merged) {
            tokens.push(Text(format!("{left}{right}").into_bytes()));
            merges.push(Text(format!("{left} {right}").into_bytes()));
        }
        let mut types = vec![NORMAL; tokens.len()];
        let bos = tokens.len() as u32;
        tokens.extend(["<|begin_of_text|>", "<|end_of_text|>"].map(Text::from));
        types.extend([CONTROL; 2]);
        Self { tokens, types, merges, bos, eos: bos + 1 }
    }
}

/// The characters that stand for the 256 bytes, in the order of GPT-2's own vocabulary: those
/// bytes that print stand for themselves, the others are moved past 255 in turn.
///
/// Source: `bytes_to_unicode` in GPT-2's `encoder.py`.
fn byte_alphabet() -> impl Iterator<Item = char> {
    let prints = |b: &u8| matches!(b, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    let moved = (0..=255u8).filter(move |b| !prints(b)).count() as u32;
    let shifted = (256..256 + moved).filter_map(char::from_u32);
    (0..=255u8).filter(prints).map(char::from).chain(shifted)
}

/// The syllables that start with one of these consonants.
fn syllables(consonants: &'static [u8]) -> impl Iterator<Item = (String, String)> + Clone {
    let letter = |b: u8| char::from(b).to_string();
    consonants.iter().flat_map(move |&c| VOWELS.iter().map(move |&v| (letter(c), letter(v))))
}

/// The two syllables of every word.
fn words() -> impl Iterator<Item = (String, String)> + Clone {
    let join = |(consonant, vowel): (String, String)| consonant + &vowel;
    syllables(FIRST)
        .map(join)
        .flat_map(move |first| syllables(SECOND).map(join).map(move |second| (first.clone(), second)))
}

/// Merges in order of rank; both parts of each are bytes or were merged before.
fn merge_pairs() -> impl Iterator<Item = (String, String)> {
    let spaced =
        |(left, right): (String, String)| [(left.clone(), right.clone()), (SPACE.to_owned() + &left, right)];
    let first_syllables = syllables(FIRST).map(|(c, v)| (SPACE.to_owned(), c + &v));
    let words_joined = || words().map(|(first, second)| first + &second);
    let compounds =
        words_joined().flat_map(move |left| words_joined().map(move |right| (left.clone(), right)));
    syllables(FIRST)
        .chain(syllables(SECOND))
        .chain(first_syllables)
        .chain(words().flat_map(spaced))
        .chain(compounds.flat_map(spaced))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    /// BPE as it is defined: merge the pair of lowest rank until none is left.
    fn bpe(text: &str, ranks: &BTreeMap<&str, usize>) -> Vec<String> {
        let mut parts: Vec<String> = text.chars().map(String::from).collect();
        loop {
            let best = (1..parts.len())
                .filter_map(|i| Some((*ranks.get(format!("{} {}", parts[i - 1], parts[i]).as_str())?, i)))
                .min();
            let Some((_, i)) = best else { return parts };
            let right = parts.remove(i);
            parts[i - 1] += &right;
        }
    }

    #[test]
    fn every_token_is_unique_and_rebuilt_by_its_merges() {
        let vocabulary = Vocabulary::new(20_000);
        assert_eq!(vocabulary.tokens.len(), 20_000);
        assert_eq!(vocabulary.types.len(), 20_000);
        let tokens: Vec<&str> = vocabulary.tokens.iter().map(|token| token.as_str().unwrap()).collect();
        assert_eq!(tokens.iter().collect::<BTreeSet<_>>().len(), 20_000);
        let ranks: BTreeMap<&str, usize> = vocabulary
            .merges
            .iter()
            .enumerate()
            .map(|(rank, merge)| (merge.as_str().unwrap(), rank))
            .collect();
        assert_eq!(ranks.len(), 20_000 - 258);
        for &token in &tokens[..19_998] {
            assert_eq!(bpe(token, &ranks), [token]);
        }
    }

    #[test]
    fn the_smallest_vocabulary_is_the_bytes_and_the_specials() {
        let vocabulary = Vocabulary::new(258);
        assert!(vocabulary.merges.is_empty());
        assert_eq!(vocabulary.tokens[0].as_str(), Some("!"));
        assert_eq!(vocabulary.tokens[188].as_str(), Some("Ā"));
        assert_eq!(vocabulary.tokens[188 + 32].as_str(), Some(SPACE));
        assert_eq!((vocabulary.bos, vocabulary.eos), (256, 257));
        assert_eq!(vocabulary.types[255..], [1, 3, 3]);
    }

    #[test]
    fn the_largest_vocabulary_can_be_filled() {
        let compounds = words().count() * words().count() * 2;
        assert!(compounds as u64 > MAX_TOKENS);
    }
}
