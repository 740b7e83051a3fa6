//! Cutting text into the words that merges stay inside of.
//!
//! A pre-tokenizer is a row of [`TABLE`]: the names it has in `tokenizer.ggml.pre`, its regular
//! expressions, and the habits that go with it. The expressions apply one after the other, each to
//! the pieces the one before left, and a stretch that no match covers is a piece as well. An
//! expression sees one piece at a time, so a look-ahead ends where the piece ends.
//!
//! Source of the rows: `llama-vocab.cpp` and `unicode.cpp` of llama.cpp.

use fancy_regex::{Regex, RegexBuilder};

use super::TokenizerError;

/// One pre-tokenizer.
#[derive(Debug)]
pub(super) struct PreTokenizer {
    /// Its names in a file; the first is the one to show.
    pub(super) names: &'static [&'static str],
    expressions: &'static [&'static str],
    /// A word that is a token as it stands is not built from merges.
    pub(super) ignore_merges: bool,
    /// A beginning-of-sequence token is added unless the file says otherwise.
    pub(super) add_bos: bool,
    /// Detokenizing takes out the spaces that English typography would not have.
    pub(super) clean_spaces: bool,
}

/// The expression of GPT-2.
const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)";

/// The expression of Llama 3. Contractions list both cases instead of `(?i:…)`, whose case folding
/// would take in U+017F (ſ).
const LLAMA3: &str = concat!(
    r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}",
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
);

/// The expression of Qwen 2: that of Llama 3 with every digit on its own.
const QWEN2: &str = concat!(
    r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}",
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
);

/// Every pre-tokenizer there is.
const TABLE: &[PreTokenizer] = &[
    PreTokenizer {
        names: &["default"],
        expressions: &[r"[\p{P}\$\+<=>\^~\|]+", GPT2, r"\p{N}+", r"[0-9][0-9][0-9]"],
        ignore_merges: false,
        add_bos: false,
        clean_spaces: true,
    },
    PreTokenizer {
        names: &[
            "gpt-2", "phi-2", "jina-es", "jina-de", "gigachat", "a.x-4.0", "mellum", "exaone4", "mpt",
            "olmo", "jais",
        ],
        expressions: &[GPT2],
        ignore_merges: false,
        add_bos: false,
        clean_spaces: true,
    },
    PreTokenizer {
        names: &[
            "llama-bpe",
            "llama3",
            "llama-v3",
            "falcon3",
            "falcon-h1",
            "pixtral",
            "midm-2.0",
            "lfm2",
            "jina-v5-nano",
        ],
        expressions: &[LLAMA3],
        ignore_merges: true,
        add_bos: true,
        clean_spaces: true,
    },
    PreTokenizer {
        names: &["qwen2", "deepseek-r1-qwen", "kormo", "f2llmv2"],
        expressions: &[QWEN2],
        ignore_merges: false,
        add_bos: false,
        clean_spaces: false,
    },
];

/// The pre-tokenizer with this name in a file. A file without a name has the one called `default`.
pub(super) fn find(name: Option<&str>) -> Result<&'static PreTokenizer, TokenizerError> {
    let name = match name {
        None | Some("") => "default",
        Some(name) => name,
    };
    TABLE.iter().find(|row| row.names.contains(&name)).ok_or_else(|| {
        let names: Vec<&str> = TABLE.iter().flat_map(|row| row.names).copied().collect();
        TokenizerError::UnsupportedPreTokenizer { pre: name.to_owned(), supported: names.join(", ") }
    })
}

/// A pre-tokenizer with its expressions compiled.
#[derive(Debug)]
pub(super) struct Splitter {
    name: &'static str,
    expressions: Vec<Regex>,
}

/// "White space, and nothing but white space or the end after it."
const GIVING_BACK_ONE: &str = r"\s+(?!\S)";

/// The same: all of a run that ends the text, else all but its last character. The engine keeps a
/// stack entry for every character that it may have to give back, and fails at a million of them;
/// a run that grows from one end needs none.
const TAKING_ALL_BUT_ONE: &str = r"\s+\z|\s+?(?=\s\S)";

impl Splitter {
    /// Compiles a row of the table.
    pub(super) fn new(row: &'static PreTokenizer) -> Result<Self, TokenizerError> {
        let name = row.names[0];
        let compile = |expression: &&str| {
            let expression = expression.replace(GIVING_BACK_ONE, TAKING_ALL_BUT_ONE);
            RegexBuilder::new(&expression).backtrack_limit(usize::MAX).build()
        };
        let expressions = row.expressions.iter().map(compile).collect::<Result<_, _>>();
        expressions
            .map(|expressions| Splitter { name, expressions })
            .map_err(|source| TokenizerError::PreTokenizer { pre: name, source: Box::new(source) })
    }

    /// The words of a text, in order; joined, they are the text.
    pub(super) fn split<'t>(&self, text: &'t str) -> Result<Vec<&'t str>, TokenizerError> {
        let mut pieces = vec![text];
        for expression in &self.expressions {
            let mut finer = Vec::with_capacity(pieces.len());
            for piece in pieces {
                split_by(expression, piece, &mut finer).map_err(|source| TokenizerError::PreTokenizer {
                    pre: self.name,
                    source: Box::new(source),
                })?;
            }
            pieces = finer;
        }
        Ok(pieces)
    }
}

/// Cuts at every match of an expression, keeping what lies between matches.
fn split_by<'t>(
    expression: &Regex,
    text: &'t str,
    pieces: &mut Vec<&'t str>,
) -> Result<(), fancy_regex::Error> {
    let mut end = 0;
    for found in expression.find_iter(text) {
        let found = found?;
        if found.start() > end {
            pieces.push(&text[end..found.start()]);
        }
        if found.end() > found.start() {
            pieces.push(found.as_str());
        }
        end = found.end();
    }
    if end < text.len() {
        pieces.push(&text[end..]);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::{prop_assert, prop_assert_eq, test_runner::TestRunner};

    use super::*;

    fn split<'t>(name: &str, text: &'t str) -> Vec<&'t str> {
        Splitter::new(find(Some(name)).unwrap()).unwrap().split(text).unwrap()
    }

    #[test]
    fn gpt2_keeps_what_its_expression_does_not_match() {
        assert_eq!(split("gpt-2", "a\tb"), ["a", "\t", "b"]);
        assert_eq!(split("gpt-2", "x\n\n y  z  "), ["x", "\n\n", " y", " ", " z", "  "]);
        assert_eq!(split("gpt-2", "it's IT'S 12,3!"), ["it", "'s", " IT", "'", "S", " 12", ",", "3", "!"]);
        assert!(split("gpt-2", "").is_empty());
    }

    #[test]
    fn llama3_takes_contractions_in_any_case_and_three_digits() {
        assert_eq!(split("llama3", "IT'S 12345"), ["IT", "'S", " ", "123", "45"]);
        assert_eq!(split("llama3", "it'ſ"), ["it", "'ſ"]);
        assert_eq!(split("llama-bpe", "a \n\n  b?\r\nc"), ["a", " \n\n", " ", " b", "?\r\n", "c"]);
    }

    #[test]
    fn qwen2_takes_digits_one_by_one() {
        assert_eq!(split("qwen2", "a 12"), ["a", " ", "1", "2"]);
    }

    #[test]
    fn default_refines_step_by_step() {
        assert_eq!(split("default", "a==b 12345x"), ["a", "==", "b", " ", "123", "45", "x"]);
        let unnamed = Splitter::new(find(None).unwrap()).unwrap();
        assert_eq!(unnamed.split("a==b").unwrap(), ["a", "==", "b"]);
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_known_ones() {
        let message = find(Some("nonesuch")).unwrap_err().to_string();
        assert!(message.contains("`nonesuch`") && message.contains("gpt-2, ") && message.contains("qwen2"));
    }

    #[test]
    fn names_are_unambiguous() {
        let mut names: Vec<&str> = TABLE.iter().flat_map(|row| row.names).copied().collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn llama3_cuts_as_the_tokenizers_package_does() {
        let recorded = include_str!("../../../fixtures/reference/pretokenize-llama-bpe.json");
        let recorded: serde_json::Value = serde_json::from_str(recorded).unwrap();
        let cases = recorded["words"].as_array().unwrap();
        assert_eq!(cases.len(), 300);
        let splitter = Splitter::new(find(recorded["pre"].as_str()).unwrap()).unwrap();
        for case in cases {
            let words: Vec<&str> =
                case.as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
            assert_eq!(splitter.split(&words.concat()).unwrap(), words);
        }
    }

    /// Against the published expressions as they stand, which the splitter rewrites.
    #[test]
    fn rewriting_changes_nothing_and_loses_nothing() {
        let rows: Vec<(Splitter, Splitter)> = TABLE
            .iter()
            .map(|row| {
                let published = row.expressions.iter().map(|expression| Regex::new(expression).unwrap());
                (
                    Splitter::new(row).unwrap(),
                    Splitter { name: "published", expressions: published.collect() },
                )
            })
            .collect();
        let texts =
            "([ \t\r\n\u{a0}\u{2028}]{0,4}|[a-cA-Z'stré]{0,3}|[0-9٣½]{0,4}|[.,$+👍\u{301}]{0,3}|\\PC){0,12}";
        let compare = |text: String| {
            for (splitter, published) in &rows {
                let words = splitter.split(&text).unwrap();
                prop_assert_eq!(&words, &published.split(&text).unwrap(), "{}", splitter.name);
                prop_assert_eq!(words.concat(), text.as_str());
                prop_assert!(words.iter().all(|word| !word.is_empty()));
            }
            Ok(())
        };
        TestRunner::default().run(&texts, compare).unwrap();
    }

    #[test]
    fn long_runs_do_not_exhaust_the_engine() {
        for row in TABLE {
            let splitter = Splitter::new(row).unwrap();
            for unit in [" ", "a", ".", "\n", "\u{2003}"] {
                let text = unit.repeat(1_200_000) + "x";
                let words = splitter.split(&text).unwrap();
                assert_eq!(words.concat(), text, "{} on {unit:?}", row.names[0]);
                assert!(words.len() <= 3, "{} on {unit:?}: {} words", row.names[0], words.len());
            }
        }
    }
}
