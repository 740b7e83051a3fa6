//! The account of a file: every name of a load flag or load variable in it has to be one that was
//! read. What was not is named, and the file stays as it is.
//!
//! Readers know formats, and formats hold more than readers know: a here-document that becomes a
//! script, a program that passes its arguments on, a section that nobody looked at. This looks at
//! the bytes alone, so that what a reader overlooks is refused and not left behind.

use std::ops::Range;

use super::edit::merged;
use super::model::{Document, Place, Say, Text};
use super::{options, vocabulary};

/// A name that is about loading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mention {
    pub(super) span: Range<usize>,
    pub(super) name: String,
}

/// Keys of configurations that are about loading, in whatever product.
const KEYS: [&str; 24] = [
    "mmap",
    "no-mmap",
    "no_mmap",
    "nommap",
    "mlock",
    "mmlock",
    "use_mmap",
    "use_mlock",
    "use-mmap",
    "use-mlock",
    "useMmap",
    "useMlock",
    "usemlock",
    "tryMmap",
    "try_mmap",
    "use_direct_io",
    "useDirectIo",
    "direct_io",
    "direct-io",
    "directio",
    "load_mode",
    "load-mode",
    "loadMode",
    "keepModelInMemory",
];

/// Keys that nothing but a loader of models has.
const LOADER_KEYS: [&str; 7] =
    ["use_mmap", "use_mlock", "useMmap", "useMlock", "usemlock", "tryMmap", "mmlock"];

/// Names that other programs have too, so that they count only beside something of llama.cpp.
const COMMON: [&str; 7] = ["--mmap", "-dio", "-ndio", "--direct-io", "--no-direct-io", "-lm", "-mmp"];

/// Every name of a load flag or a load variable in a text, and with `keys` every key. `llama` says that
/// the text is known to be about llama.cpp, where it does not say so itself.
pub(super) fn mentions(text: &[u8], keys: bool, llama: bool) -> Vec<Mention> {
    let llama = llama || evidence(text);
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        if !is_part(text[at]) {
            at += 1;
            continue;
        }
        let mut start = at;
        while at < text.len() && is_part(text[at]) {
            at += 1;
        }
        // The letter of an escape such as `\n` belongs to no name.
        if start > 0 && text[start - 1] == b'\\' && at - start > 2 && text[start].is_ascii_lowercase() {
            let rest = &text[start + 1..at];
            start += usize::from(rest.starts_with(b"-") || rest.starts_with(b"LLAMA_"));
        }
        // A variable may hang on an option: `-eLLAMA_ARG_MLOCK=1`.
        if text[start] == b'-'
            && let Some(glued) = text[start..at].windows(6).position(|window| window == b"LLAMA_")
        {
            start += glued;
        }
        let run = &text[start..at];
        let Ok(name) = std::str::from_utf8(run) else { continue };
        let counts = if name.starts_with('-') {
            is_flag(name, &text[at..], llama)
        } else {
            vocabulary::find_variable(name).is_some()
                || keys && (llama || LOADER_KEYS.contains(&name)) && is_key(name, text, &(start..at))
        };
        if counts {
            found.push(Mention { span: start..at, name: name.to_owned() });
        }
    }
    found
}

fn is_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// Whether a text speaks of llama.cpp or its models at all.
pub(super) fn evidence(text: &[u8]) -> bool {
    let is = |word: &[u8]| word.eq_ignore_ascii_case(b"gguf") || word.eq_ignore_ascii_case(b"ggml");
    text.windows(5).any(|window| window.eq_ignore_ascii_case(b"llama") || is(&window[..4]))
        || text.len() >= 4 && is(&text[text.len() - 4..])
}

fn is_flag(name: &str, behind: &[u8], llama: bool) -> bool {
    if vocabulary::find(name).is_none() && vocabulary::find_bench(name).is_none() {
        return false;
    }
    let plain = name.replace('_', "-");
    // To a linker `-lm` is a library.
    if plain == "-lm" {
        return has_mode(behind) && llama;
    }
    match plain.as_str() {
        "--load-mode" => llama || has_mode(behind),
        plain => llama || !COMMON.contains(&plain),
    }
}

/// Whether a load mode, or something that is not known, follows a name.
fn has_mode(behind: &[u8]) -> bool {
    let skip = behind.iter().take_while(|byte| b" \t=\"',\\\r\n[]-".contains(byte)).count();
    let value = &behind[skip.min(behind.len())..];
    if skip == 0 || value.first().is_some_and(|byte| b"$%{".contains(byte)) {
        return skip > 0;
    }
    let length = value.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let word = String::from_utf8_lossy(&value[..length]);
    vocabulary::modes().any(|mode| mode.split('+').next() == Some(&word))
}

/// Whether a name is a key with a value, and not a word of a sentence.
fn is_key(name: &str, text: &[u8], span: &Range<usize>) -> bool {
    if !KEYS.contains(&name) {
        return false;
    }
    let behind = &text[span.end..];
    let skip = behind.iter().take_while(|byte| b"\"' \t\\".contains(byte)).count();
    let next = behind.get(skip).copied();
    let parameter = text[..span.start].trim_ascii_end().to_ascii_uppercase().ends_with(b"PARAMETER");
    let tag = text[..span.start].ends_with(b">") && behind.starts_with(b"<");
    matches!(next, Some(b':' | b'=')) || parameter || tag
}

/// What a document does not account for, one sentence a line.
pub(super) fn unread(text: &[u8], document: &Document) -> Vec<Say> {
    let found = mentions(text, document.keys, document.llama);
    if found.is_empty() {
        return Vec::new();
    }
    let read = merged(read(text, document));
    let words = document.scopes.iter().flat_map(|scope| &scope.commands).flat_map(|command| &command.words);
    let words = merged(words.map(|word| document.lists[word.at.list].items[word.at.item].clone()).collect());
    let speaking = document.speaking.clone().map(merged);
    let inside = |ranges: &[Range<usize>], span: &Range<usize>| {
        let next = ranges.partition_point(|range| range.end < span.end);
        ranges.get(next).is_some_and(|range| range.start <= span.start && span.end <= range.end)
    };
    let missed: Vec<Mention> = found
        .into_iter()
        .filter(|mention| {
            let silent = speaking.as_ref().is_some_and(|ranges| !inside(ranges, &mention.span));
            !silent && !inside(&read, &mention.span)
        })
        .collect();
    // The first reason that a reader gave for a place counts.
    let mut reasons: Vec<Option<&str>> = vec![None; missed.len()];
    for (range, why) in &document.why {
        let from = missed.partition_point(|mention| mention.span.start < range.start);
        let to = missed.partition_point(|mention| mention.span.end <= range.end);
        for reason in reasons.get_mut(from..to).unwrap_or_default() {
            reason.get_or_insert(why);
        }
    }
    let mut said: Vec<Say> = Vec::new();
    let mut line_end = 0;
    for (mention, reason) in missed.iter().zip(reasons) {
        if mention.span.start < line_end {
            continue;
        }
        line_end = super::text::whole_lines(text, &mention.span).end;
        let why = if inside(&words, &mention.span) {
            "the word that it stands in has more than its name, and what is made of it is not known"
        } else {
            reason.unwrap_or("it is not read here as an argument or a variable of a llama program")
        };
        said.push(Say { at: mention.span.start, text: format!("`{}`: {why}", mention.name) });
    }
    said
}

/// The first line of a text in UTF-16 that is about loading: no reader knows that encoding.
pub(super) fn in_utf_16(text: &[u8]) -> Option<Say> {
    let zeros =
        |from: usize| text.iter().skip(from).step_by(2).filter(|byte| **byte == 0).count() * 4 > text.len();
    let little = match text {
        [0xff, 0xfe, ..] => true,
        [0xfe, 0xff, ..] => false,
        _ if zeros(1) => true,
        _ if zeros(0) => false,
        _ => return None,
    };
    let unit = |pair: &[u8]| {
        let pair = [pair[0], pair[1]];
        if little { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) }
    };
    // A character for each unit, so that places can be told: no name of a flag has a pair of them.
    let shown: Vec<u8> = text
        .chunks_exact(2)
        .map(|pair| u8::try_from(unit(pair)).ok().filter(u8::is_ascii).unwrap_or(b'?'))
        .collect();
    let found = mentions(&shown, true, false).into_iter().next().map(|found| (found.span.start, found.name));
    let (at, name) =
        found.or_else(|| started(&shown, &Document::default()).map(|(name, at)| (at, name.to_owned())))?;
    Some(Say {
        at: at * 2,
        text: format!("`{name}` stands in a text in UTF-16, which is not read: convert it to UTF-8"),
    })
}

/// Where a text starts a llama program with options, and does not only name it.
pub(super) fn started(text: &[u8], document: &Document) -> Option<(&'static str, usize)> {
    let idle = merged(document.idle.clone());
    let speaking = document.speaking.clone().map(merged);
    let inside = |ranges: &[Range<usize>], at: usize| {
        let next = ranges.partition_point(|range| range.end <= at);
        ranges.get(next).is_some_and(|range| range.start <= at)
    };
    let starts = |at: usize, name: &str| {
        let behind = &text[at + name.len()..];
        let behind = behind.strip_prefix(b".exe").unwrap_or(behind);
        let quotes = behind.iter().take_while(|byte| matches!(byte, b'"' | b'\'')).count();
        let blanks = behind[quotes..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        blanks > 0 && behind.get(quotes + blanks) == Some(&b'-')
    };
    let names = || super::recognise::COMMON.iter().copied().chain(["llama-bench"]);
    let mut at = 0;
    while let Some(found) =
        text[at..].windows(6).position(|window| window == b"llama-").map(|found| at + found)
    {
        at = found + 6;
        let silent = inside(&idle, found) || speaking.as_ref().is_some_and(|ranges| !inside(ranges, found));
        let here = |name: &&str| text[found..].starts_with(name.as_bytes()) && starts(found, name);
        if let Some(name) = names().find(|name| !silent && here(name)) {
            return Some((name, found));
        }
    }
    None
}

/// Whether a word that starts like an option is one by its whole name: in `--mlock^M` or `--mlock;` a name
/// of a load flag stands, and it is not known who reads it as one.
fn is_whole(raw: &[u8], word: &Text) -> bool {
    let known = match word {
        Text::Known(known) => known,
        Text::Open { prefix, .. } => prefix,
    };
    let name = known.split('=').next().unwrap_or_default();
    if !name.starts_with('-') {
        return true;
    }
    let raw = raw.strip_prefix(b"<string>").unwrap_or(raw);
    let raw = raw.strip_prefix(b"\"").or_else(|| raw.strip_prefix(b"'")).unwrap_or(raw);
    raw.strip_prefix(name.as_bytes())
        .is_some_and(|rest| matches!(rest.first(), None | Some(b'=' | b'"' | b'\'' | b'<')))
        && name.bytes().all(is_part)
}

/// What was read: the words of commands, and the variables.
fn read(text: &[u8], document: &Document) -> Vec<Range<usize>> {
    let place = |at: &Place| document.lists[at.list].items[at.item].clone();
    let mut ranges = document.idle.clone();
    for scope in &document.scopes {
        let settings = scope.commands.iter().flat_map(|command| &command.settings).chain(&scope.shared);
        ranges.extend(settings.flat_map(|setting| setting.at.iter().map(place)));
        for command in &scope.commands {
            let words = command.words.iter().take_while(|word| word.text.known() != Some("--"));
            // Whatever stands in the value of another option is no flag.
            let mut is_value = false;
            for word in words {
                let before = std::mem::replace(&mut is_value, false);
                is_value = !before && word.text.known().is_some_and(options::takes_value);
                let at = place(&word.at);
                if before || is_whole(&text[at.clone()], &word.text) {
                    ranges.push(at);
                }
            }
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str, keys: bool) -> Vec<String> {
        mentions(text.as_bytes(), keys, false).into_iter().map(|mention| mention.name).collect()
    }

    #[test]
    fn names_are_found_in_any_text() {
        assert_eq!(
            names("x[\"--mlock\",'--no_mmap'](LLAMA_ARG_MMAP)", false),
            ["--mlock", "--no_mmap", "LLAMA_ARG_MMAP"]
        );
        assert_eq!(names(r#""a\n--mlock\tLLAMA_ARG_MLOCK=1""#, false), ["--mlock", "LLAMA_ARG_MLOCK"]);
        assert_eq!(names("llama-bench -lm none,mmap -mmp 0", false), ["-lm", "-mmp"]);
        assert_eq!(names("-eLLAMA_ARG_MLOCK=1 -DLLAMA_CURL=1", false), ["LLAMA_ARG_MLOCK"]);
        assert_eq!(names("x--mlock mmap --mlocked MY_LLAMA_ARG_MLOCK", false), [""; 0]);
    }

    #[test]
    fn what_other_programs_have_too_counts_beside_llama_alone() {
        assert_eq!(names("cc -o llama x.c -lm -lpthread", false), [""; 0]);
        assert_eq!(names("fio --direct-io --mmap -dio", false), [""; 0]);
        assert_eq!(names("llama --direct-io", false), ["--direct-io"]);
    }

    #[test]
    fn a_text_in_utf_16_is_not_passed_over() {
        let bytes = |text: &str, mark: bool| -> Vec<u8> {
            let mark = mark.then_some(0xfeff);
            mark.into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
        };
        for mark in [true, false] {
            let found = in_utf_16(&bytes("é\r\nllama-cli --mlock\r\n", mark)).map(|say| say.text);
            assert!(found.is_some_and(|text| text.starts_with("`--mlock` stands in a text in UTF-16")));
        }
        assert_eq!(in_utf_16(&bytes("echo hello\r\n", true)), None);
        assert_eq!(in_utf_16("llama-cli --mlock é\0\n".as_bytes()), None);
    }

    #[test]
    fn a_word_is_a_flag_as_a_whole() {
        let whole = |raw: &str, word: &str| is_whole(raw.as_bytes(), &Text::Known(word.to_owned()));
        assert!(
            whole("--mlock", "--mlock") && whole("'--mlock'", "--mlock") && whole("-lm=none", "-lm=none")
        );
        assert!(whole("\"use --mlock\"", "use --mlock"));
        assert!(!whole("--mlock^M", "--mlock^M") && !whole(r"--mlock\n", "--mlockn"));
        assert!(!whole("'-x --mlock'", "-x --mlock"));
    }

    #[test]
    fn the_value_of_another_option_is_no_flag() {
        let migrated = |line: &str| {
            let (from, to) = (crate::plan::era("booleans"), crate::plan::era("enum-v4"));
            let done = crate::migrate::migrate(crate::migrate::Kind::Shell, line.as_bytes(), from, to);
            (String::from_utf8(done.text).unwrap_or_default(), done.refusals.len())
        };
        let (text, refusals) = migrated("llama-cli -m x.gguf --no-mmap -p \"-lm dio\"\n");
        assert_eq!((text.as_str(), refusals), ("llama-cli -m x.gguf --load-mode none -p \"-lm dio\"\n", 0));
        // Behind an option that takes none, and behind a value, it is not known who reads it.
        for line in ["llama-cli -m x.gguf --jinja \"--mlock --x\"\n", "llama-cli -p -p \"-lm dio\"\n"] {
            assert_eq!(migrated(line), (line.to_owned(), 1), "{line}");
        }
    }

    #[test]
    fn keys_have_values() {
        assert_eq!(
            names("gguf\nmmap: true\nuse_mlock = 1\nPARAMETER use_mmap false", true),
            ["mmap", "use_mlock", "use_mmap"]
        );
        assert_eq!(names("gguf\nthe mmap of it", true), [""; 0]);
        assert_eq!(names("mmap: true\n\"use_mmap\": 0", true), ["use_mmap"]);
        assert_eq!(mentions(b"mmap = 0", true, true).len(), 1);
        assert_eq!(names("gguf\nmmap: true", false), [""; 0]);
    }
}
