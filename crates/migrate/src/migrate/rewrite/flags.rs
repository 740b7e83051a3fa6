//! The load flags among the words of a command, and the words that may hide some.

use super::super::model::{Command, Place, Scope, Text, Tool, Word};
use super::super::options::{is_option, takes_value, value_is_optional};
use super::super::vocabulary;
use super::Problem;
use crate::plan::{Dialect, load_flags};

/// How many load flags one line may have.
const MOST_FLAGS: usize = 1000;

/// The load flags of a command line, and where they stand among its words.
pub(super) struct Flags {
    pub(super) argv: Vec<String>,
    pub(super) at: Vec<Place>,
    pub(super) quote: &'static str,
}

/// The load flags among the words of a command.
pub(super) fn find_flags(command: &Command, scope: &Scope) -> Result<Flags, Problem> {
    let bench = command.tool == Tool::Bench;
    let is_load = |word: &str| {
        let name = word.split_once('=').map_or(word, |(name, _)| name);
        if bench { vocabulary::find_bench(name).is_some() } else { vocabulary::find(name).is_some() }
    };
    // No word holds this byte, so that an unknown word is no flag.
    let mut texts: Vec<String> = command.words.iter().map(|word| shown(&word.text)).collect();
    for at in 0..texts.len() {
        if !value_is_optional(&texts[at]) || bench {
            continue;
        }
        let Some(next) = texts.get(at + 1) else { continue };
        if is_load(next) {
            let text = format!(
                "`{}` took no value in some builds and takes one in others, where `{next}` would be that value: write `{} on` or put `{next}` elsewhere",
                texts[at], texts[at]
            );
            return Err((Some(command.words[at].at), text));
        }
        // Another option is never its value, so that it stands alone here.
        if next.starts_with('-') {
            texts[at].insert(0, '\0');
        }
    }
    let ranges =
        if bench { bench_flags(&texts) } else { load_flags(Dialect::reference(), &texts, takes_value) };
    if let Some(first) = ranges.get(MOST_FLAGS) {
        let text = format!("it has more than {MOST_FLAGS} load flags");
        return Err((Some(command.words[first.start].at), text));
    }
    let mut next_range = ranges.iter().peekable();
    let mut at = 0;
    while let Some(word) = command.words.get(at) {
        if let Some(range) = next_range.next_if(|range| range.start == at) {
            for word in &command.words[range.clone()] {
                if word.text.known().is_none_or(is_template) {
                    let text = format!("the value of `{}` cannot be known", texts[range.start]);
                    return Err((Some(word.at), text));
                }
            }
            at = range.end;
            continue;
        }
        if word.text.known() == Some("--") {
            break;
        }
        hides_flags(word, scope, is_load)?;
        if let Some(meant) = word.text.known().and_then(nearly).filter(|_| !bench) {
            let text = format!("`{}` is no load flag and nearly `{meant}`: write what is meant", texts[at]);
            return Err((Some(word.at), text));
        }
        if !takes_value(&texts[at]) {
            at += 1;
            continue;
        }
        // A template in a value may have blanks.
        at += 2;
        let value = command.words.get(at - 1).and_then(|word| word.text.known());
        if value.is_some_and(|value| value.contains("{{") && !value.contains("}}")) {
            while let Some(word) = command.words.get(at) {
                at += 1;
                if word.text.end().contains("}}") {
                    break;
                }
            }
        }
    }
    let words: Vec<&Word> = ranges.into_iter().flat_map(|range| &command.words[range]).collect();
    Ok(Flags {
        argv: words.iter().filter_map(|word| word.text.known()).map(str::to_owned).collect(),
        at: words.iter().map(|word| word.at).collect(),
        quote: words.first().map_or("", |word| word.quote),
    })
}

/// The load flag that a word nearly is: with other dashes, in other case, with a letter more or less.
fn nearly(word: &str) -> Option<&'static str> {
    let dash = |c: char| matches!(c, '-' | '_' | '\u{2010}'..='\u{2015}' | '\u{2212}');
    let name = word.split('=').next().filter(|name| name.starts_with(dash))?;
    if is_option(name) {
        return None;
    }
    let bare = name.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase().replace(dash, "-");
    vocabulary::names().filter(|known| known.starts_with("--")).find(|known| {
        let known = known.trim_start_matches('-');
        bare == known || known.len() > 4 && strsim::damerau_levenshtein(&bare, known) == 1
    })
}

/// Whether a word is filled in by another program before it is read.
pub(super) fn is_template(text: &str) -> bool {
    let placeholder = |mark: char| {
        let mut parts = text.split(mark);
        parts.next();
        let name = parts.next().unwrap_or_default();
        parts.next().is_some()
            && !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    ["{{", "{%", "<%", "%(", "$(", "${"].iter().any(|mark| text.contains(mark))
        || placeholder('@')
        || placeholder('%')
}

fn shown(text: &Text) -> String {
    match text {
        Text::Known(text) => text.clone(),
        Text::Open { prefix, .. } => {
            let whole = prefix.split_once('=').map(|(name, _)| name);
            match whole {
                // `--load-mode=$MODE` is a load flag whose value is not known.
                Some(name) if vocabulary::find(name).is_some() => prefix.clone(),
                _ => format!("\0{prefix}"),
            }
        }
    }
}

fn bench_flags(texts: &[String]) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(word) = texts.get(at) {
        let (name, inline) = word.split_once('=').map_or((word.as_str(), false), |(name, _)| (name, true));
        let is_load = vocabulary::find_bench(name).is_some();
        let end = texts.len().min(at + 1 + usize::from((is_load && !inline) || takes_value(word)));
        if is_load {
            found.push(at..end);
        }
        at = end;
    }
    found
}

/// Whether a word that is not known may hold load flags.
fn hides_flags(word: &Word, scope: &Scope, is_load: impl Fn(&str) -> bool) -> Result<(), Problem> {
    let (prefix, name) = match &word.text {
        Text::Open { prefix, name, .. } => (prefix, name),
        Text::Known(text) => {
            let braces =
                text.starts_with('-') && text.contains('{') && text.contains(',') && text.contains('}');
            let starts = text.starts_with(['{', '%', '<', '@', '$', '-']);
            return if braces || starts && is_template(text) {
                Err((Some(word.at), format!("`{text}` may become load flags, and that cannot be known")))
            } else {
                Ok(())
            };
        }
    };
    if !prefix.is_empty() {
        let dashed = prefix.replace('_', "-");
        let may =
            vocabulary::names().any(|name| name.starts_with(&dashed) || name.starts_with(prefix.as_str()));
        return if may {
            Err((Some(word.at), format!("a flag that starts with `{prefix}` cannot be known")))
        } else {
            Ok(())
        };
    }
    let known = name.as_ref().and_then(|name| scope.variables.get(name));
    match (known, name) {
        (Some(Some(words)), Some(name)) => {
            let held = words.iter().find(|word| is_load(word));
            match held {
                Some(held) => Err((
                    Some(word.at),
                    format!("`{held}` stands in the variable {name}: write it on the command line itself"),
                )),
                None => Ok(()),
            }
        }
        (_, Some(name)) => {
            Err((Some(word.at), format!("`${name}` may hold load flags, and what it holds cannot be known")))
        }
        (_, None) => Err((
            Some(word.at),
            "an expansion may hold load flags, and what it holds cannot be known".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::nearly;

    #[test]
    fn what_is_nearly_a_load_flag_is_told_from_other_options() {
        for (word, meant) in [
            ("--mlok", "--mlock"),
            ("-mlock", "--mlock"),
            ("---mlock", "--mlock"),
            ("--MLOCK", "--mlock"),
            ("--no-mmaps", "--no-mmap"),
            ("\u{2014}mlock", "--mlock"),
            ("--load-mod=none", "--load-mode"),
        ] {
            assert_eq!(nearly(word), Some(meant), "{word}");
        }
        for word in ["--mmproj", "--no-mmproj", "--model", "-m", "-lm", "mlock", "a--mlock", "--lookup"] {
            assert_eq!(nearly(word), None, "{word}");
        }
    }
}
