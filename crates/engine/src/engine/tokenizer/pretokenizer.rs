//! Cutting text into the words that merges stay inside of.
//!
//! A pre-tokenizer is a row of [`TABLE`]: the names it has in `tokenizer.ggml.pre`, its regular
//! expressions, and the habits that go with it. The expressions apply one after the other, each to
//! the pieces the one before left, and a stretch that no match covers is a piece as well. An
//! expression sees one piece at a time, so a look-ahead ends where the piece ends.
//!
//! Source of the rows: `llama-vocab.cpp` and `unicode.cpp` of llama.cpp.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

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

/// A letter that is not one of a-z, and one that is not one of A-Z: how llama.cpp reads the upper and
/// lower case classes of the expressions of Tekken and GPT-4o.
const NOT_LOWER: &str = r"[\p{L}&&[^a-z]]";
const NOT_UPPER: &str = r"[\p{L}&&[^A-Z]]";

/// The letters of DeepSeek's expression: those of scripts with two cases.
const CASED: &str = concat!(
    r"A-Za-z\u{B5}\u{C0}-\u{D6}\u{D8}-\u{F6}\u{F8}-\u{1BA}\u{1BC}-\u{1BF}\u{1C4}-\u{293}",
    r"\u{295}-\u{2AF}\u{370}-\u{373}\u{376}\u{377}\u{37B}-\u{37D}\u{37F}\u{386}\u{388}-\u{38A}",
    r"\u{38C}\u{38E}-\u{3A1}\u{3A3}-\u{3F5}\u{3F7}-\u{481}\u{48A}-\u{52F}\u{531}-\u{556}",
    r"\u{10A0}-\u{10C5}\u{13A0}-\u{13F5}\u{13F8}-\u{13FD}\u{1C90}-\u{1CBA}\u{1CBD}-\u{1CBF}",
    r"\u{1D00}-\u{1D2B}\u{1D6B}-\u{1D77}\u{1D79}-\u{1D9A}\u{1E00}-\u{1F15}\u{1F18}-\u{1F1D}",
    r"\u{1F20}-\u{1F45}\u{1F48}-\u{1F4D}\u{1F50}-\u{1F57}\u{1F59}\u{1F5B}\u{1F5D}",
    r"\u{1F5F}-\u{1F7D}\u{1F80}-\u{1FB4}\u{1FB6}-\u{1FBC}\u{1FBE}\u{1FC2}-\u{1FC4}",
    r"\u{1FC6}-\u{1FCC}\u{1FD0}-\u{1FD3}\u{1FD6}-\u{1FDB}\u{1FE0}-\u{1FEC}\u{1FF2}-\u{1FF4}",
    r"\u{1FF6}-\u{1FFC}\u{2102}\u{2107}\u{210A}-\u{2113}\u{2115}\u{2119}-\u{211D}\u{2124}",
    r"\u{2126}\u{2128}\u{212A}-\u{212D}\u{212F}-\u{2134}\u{2139}\u{213C}-\u{213F}",
    r"\u{2145}-\u{2149}\u{214E}\u{2183}\u{2184}\u{2C00}-\u{2C7B}\u{2C7E}-\u{2CE4}",
    r"\u{2CEB}-\u{2CEE}\u{2CF2}\u{2CF3}\u{A640}-\u{A66D}\u{A680}-\u{A69B}\u{A722}-\u{A76F}",
    r"\u{A771}-\u{A787}\u{A78B}-\u{A78E}\u{AB70}-\u{ABBF}\u{FB00}-\u{FB06}\u{FB13}-\u{FB17}",
    r"\u{FF21}-\u{FF3A}\u{FF41}-\u{FF5A}\u{10400}-\u{1044F}\u{104B0}-\u{104D3}",
    r"\u{104D8}-\u{104FB}\u{10C80}-\u{10CB2}\u{10CC0}-\u{10CF2}\u{118A0}-\u{118DF}",
    r"\u{1E900}-\u{1E943}"
);

/// Runs of Chinese, Korean and what lies between in the code, without the white space among it,
/// which llama.cpp does not see there.
const EAST_ASIAN: &str = concat!(
    r"[\u{4E00}-\u{9FA5}\u{800}-\u{167F}\u{1681}-\u{1FFF}\u{200B}-\u{2027}\u{202A}-\u{202E}",
    r"\u{2030}-\u{205E}\u{2060}-\u{2FFF}\u{3001}-\u{4E00}\u{AC00}-\u{D7FF}]+"
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
        names: &["falcon"],
        expressions: &[r"[\p{P}\$\+<=>\^~\|`]+", GPT2, r"[0-9][0-9][0-9]"],
        ignore_merges: false,
        add_bos: false,
        clean_spaces: true,
    },
    PreTokenizer {
        names: &["refact", "starcoder", "codeshell", "exaone", "minerva-7b", "mellum2"],
        expressions: &[r"\p{N}", GPT2],
        ignore_merges: false,
        add_bos: false,
        clean_spaces: true,
    },
    PreTokenizer {
        names: &["smollm", "command-r"],
        expressions: &[r"\p{N}", GPT2],
        ignore_merges: false,
        add_bos: false,
        clean_spaces: false,
    },
    PreTokenizer {
        names: &["deepseek-llm"],
        expressions: &[
            r"[\r\n]",
            r"\s?[{cased}]+",
            r"\s?[!-/:-~\u{FF01}-\u{FF0F}\u{FF1A}-\u{FF5E}\u{2018}-\u{201F}\u{3001}-\u{3002}]+",
            r"\s+$",
            EAST_ASIAN,
            r"\p{N}+",
        ],
        ignore_merges: false,
        add_bos: false,
        clean_spaces: false,
    },
    PreTokenizer {
        names: &["deepseek-coder"],
        expressions: &[r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", EAST_ASIAN, r"\p{N}"],
        ignore_merges: false,
        add_bos: false,
        clean_spaces: false,
    },
    PreTokenizer {
        names: &["tekken"],
        expressions: &[concat!(
            r"[^\r\n\p{L}\p{N}]?{upper}*{lower}+|[^\r\n\p{L}\p{N}]?{upper}+{lower}*|\p{N}",
            r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
        )],
        ignore_merges: true,
        add_bos: true,
        clean_spaces: false,
    },
    PreTokenizer {
        names: &["gpt-4o", "llama4", "kanana2", "talkie"],
        expressions: &[concat!(
            r"[^\r\n\p{L}\p{N}]?{upper}*{lower}+(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?",
            r"|[^\r\n\p{L}\p{N}]?{upper}+{lower}*(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?",
            r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
        )],
        ignore_merges: false,
        add_bos: false,
        clean_spaces: false,
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
    expressions: Arc<[Regex]>,
}

/// What was compiled, by a row's first name: it takes milliseconds, and a campaign makes hundreds of tokenizers.
static COMPILED: Mutex<BTreeMap<&'static str, Arc<[Regex]>>> = Mutex::new(BTreeMap::new());

/// An expression of the table with its named classes in place, and with the categories of Unicode
/// 15.1, those of llama.cpp's tables: later characters have none.
fn spell_out(expression: &str) -> String {
    let mut spelt =
        expression.replace("{upper}", NOT_LOWER).replace("{lower}", NOT_UPPER).replace("{cased}", CASED);
    for category in [r"\p{L}", r"\p{N}", r"\p{P}"] {
        spelt = spelt.replace(category, &format!(r"[{category}&&\p{{Age=15.1}}]"));
    }
    spelt
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
        let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(expressions) = compiled.get(name) {
            return Ok(Splitter { name, expressions: Arc::clone(expressions) });
        }
        let compile = |expression: &&str| {
            let expression = spell_out(expression).replace(GIVING_BACK_ONE, TAKING_ALL_BUT_ONE);
            RegexBuilder::new(&expression).backtrack_limit(usize::MAX).build()
        };
        let expressions = row.expressions.iter().map(compile).collect::<Result<Arc<[Regex]>, _>>();
        let expressions = expressions
            .map_err(|source| TokenizerError::PreTokenizer { pre: name, source: Box::new(source) })?;
        compiled.insert(name, Arc::clone(&expressions));
        Ok(Splitter { name, expressions })
    }

    /// The words of a text, in order; joined, they are the text.
    pub(super) fn split<'t>(&self, text: &'t str) -> Result<Vec<&'t str>, TokenizerError> {
        let mut pieces = vec![text];
        for expression in self.expressions.iter() {
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

    /// U+2EBF0 came with 15.1 and is a letter, U+13460 with 16 and is not one yet.
    #[test]
    fn categories_are_those_of_unicode_15() {
        assert_eq!(split("qwen2", "a\u{2EBF0}!"), ["a\u{2EBF0}", "!"]);
        assert_eq!(split("qwen2", "a\u{13460}!"), ["a", "\u{13460}!"]);
    }

    #[test]
    fn digits_stand_alone_where_they_should() {
        assert_eq!(split("starcoder", "a 12.5"), ["a", " ", "1", "2", ".", "5"]);
        assert_eq!(split("smollm", "x٣4"), ["x", "٣", "4"]);
        assert_eq!(split("falcon", "a`b 12345"), ["a", "`", "b", " ", "123", "45"]);
    }

    #[test]
    fn deepseek_cuts_by_script() {
        assert_eq!(split("deepseek-llm", "ab中文，c 12"), ["ab", "中文", "，", "c", " ", "12"]);
        assert_eq!(split("deepseek-coder", "a\u{3000}中1"), ["a", "\u{3000}", "中", "1"]);
    }

    #[test]
    fn tekken_cuts_at_capitals() {
        assert_eq!(split("tekken", "fooBarBAZ éÉ 12"), ["foo", "Bar", "BAZ", " éÉ", " ", "1", "2"]);
        assert_eq!(split("gpt-4o", "I'm 1234"), ["I'm", " ", "123", "4"]);
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
        let recorded = include_str!("../../../../../fixtures/reference/pretokenize-llama-bpe.json");
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
                let published =
                    row.expressions.iter().map(|expression| Regex::new(&spell_out(expression)).unwrap());
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
                let one_by_one = words.len() == 1_200_001;
                assert!(
                    words.len() <= 3 || one_by_one,
                    "{} on {unit:?}: {} words",
                    row.names[0],
                    words.len()
                );
            }
        }
    }
}
