//! Arrays of a script that hold words of one command. A first walk over the script notes where an array is set,
//! added to and used; the second walk reads its words as words of the command where no other reading is left.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::super::edit::merged;
use super::super::lex::{Kind, Token, is_name};
use super::super::model::{Document, List, Text, Word};
use super::super::options::{takes_value, value_is_optional};
use super::super::recognise;
use super::super::text::line_number;
use super::super::vocabulary;
use super::Script;

/// A part of the script of which all runs or nothing: a block, or a branch of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Branch {
    /// Where it begins.
    pub(super) at: usize,
    /// Whether it is the body of a function, which runs wherever that is called.
    pub(super) function: bool,
}

/// Something that a script does with an array.
struct Event {
    name: String,
    at: Range<usize>,
    path: Vec<Branch>,
    what: What,
}

enum What {
    /// `local -a NAME`.
    Declared,
    /// `NAME=(…)` or `NAME+=(…)`.
    Set { append: bool, local: bool, conditional: bool, held: Held },
    /// `"${NAME[@]}"`, in double quotes or not.
    Used { quoted: bool },
}

/// What the words of one pair of brackets are.
#[derive(Clone, Copy)]
struct Held {
    /// No value is missing behind the last word.
    closed: bool,
    /// No word is a load flag or may become one.
    harmless: bool,
    /// A word has blanks, so that it is one word in quotes alone.
    blanks: bool,
}

/// A script that is read into this one.
pub(super) struct Sourced {
    at: usize,
    /// Whether its name says that it sets variables and nothing else.
    plain: bool,
}

/// The arrays of a script.
#[derive(Default)]
pub(super) struct Arrays {
    events: Vec<Event>,
    pub(super) sourced: Vec<Sourced>,
    /// Conditions that may look at arrays.
    pub(super) tested: Vec<Range<usize>>,
    /// For each use that is certain, where the brackets stand whose words it comes to.
    uses: BTreeMap<usize, Vec<usize>>,
    /// The uses where words may be missing that are added under a condition.
    loose: BTreeSet<usize>,
    /// Why the words of these brackets are not followed.
    doubts: BTreeMap<usize, String>,
    /// The words of brackets that are followed.
    words: BTreeMap<usize, Vec<Word>>,
}

/// The time from where an array is set anew to where it is set anew.
#[derive(Default)]
struct Life<'e> {
    path: &'e [Branch],
    local: bool,
    pieces: Vec<(&'e Event, Held)>,
    uses: Vec<(&'e Event, bool)>,
    /// Whether some words are added under a condition.
    loose: bool,
}

impl Sourced {
    pub(super) fn new(at: usize, file: &str) -> Self {
        let lower = file.to_ascii_lowercase();
        let named = ["env", "conf", "default", "settings"].iter().any(|part| lower.contains(part));
        Self { at, plain: named && !lower.ends_with("sh") }
    }
}

impl Arrays {
    /// What is certain, after a first walk over this part of the text.
    pub(super) fn decided(self, text: &[u8], range: Range<usize>, walked: &Document) -> Self {
        let inside = |ranges: &[Range<usize>], at: usize| {
            let next = ranges.partition_point(|range| range.end <= at);
            ranges.get(next).is_some_and(|range| range.start <= at)
        };
        let (idle, tested) = (merged(walked.idle.clone()), merged(self.tested.clone()));
        let silent = |at: usize| inside(&idle, at) && !inside(&tested, at);
        let mut named: BTreeMap<&str, Vec<&Event>> = BTreeMap::new();
        for event in self.events.iter().filter(|event| !silent(event.at.start)) {
            named.entry(&event.name).or_default().push(event);
        }
        let mut mentions: BTreeMap<&[u8], Vec<usize>> = BTreeMap::new();
        let mut at = range.start;
        while at < range.end {
            let length = text[at..range.end].iter().take_while(|byte| is_name(**byte)).count();
            // The letters of an option, such as `-a`, name nothing.
            if length > 0 && !silent(at) && !text[..at].ends_with(b"-") {
                mentions.entry(&text[at..at + length]).or_default().push(at);
            }
            at += length.max(1);
        }
        let mut decided = Self::default();
        for (name, events) in &mut named {
            events.sort_by_key(|event| event.at.start);
            let mentions = mentions.get(name.as_bytes()).map_or(&[][..], Vec::as_slice);
            let sets = events.iter().filter(|event| matches!(event.what, What::Set { .. }));
            match lives(text, mentions, events, &self.sourced) {
                Err(doubt) => decided.doubts.extend(sets.map(|event| {
                    let text = format!(
                        "it stands in the array {name}, and {doubt}: write it on the command line itself"
                    );
                    (event.at.start, text)
                })),
                Ok(lives) => {
                    for life in lives {
                        let Some((used, _)) = life.uses.first() else { continue };
                        let pieces = life.pieces.iter().map(|(event, _)| event.at.start).collect();
                        decided.uses.insert(used.at.start, pieces);
                        if life.loose {
                            decided.loose.insert(used.at.start);
                        }
                    }
                }
            }
        }
        decided
    }
}

/// The lives of an array in which one command has its words; else why that is not certain.
fn lives<'e>(
    text: &[u8],
    mentions: &[usize],
    events: &[&'e Event],
    sourced: &[Sourced],
) -> Result<Vec<Life<'e>>, String> {
    let line = |at: usize| line_number(text, at);
    let known = |at: &usize| {
        events.iter().any(|event| match event.what {
            What::Set { .. } => event.at.start == *at,
            _ => event.at.contains(at),
        })
    };
    if let Some(other) = mentions.iter().find(|at| !known(at)) {
        return Err(format!("line {} names that in a way that is not followed", line(*other)));
    }
    let body = |path: &[Branch]| path.iter().rfind(|branch| branch.function).copied();
    let mut lives: Vec<Life> = Vec::new();
    for event in events {
        let fresh = lives.last().is_some_and(|life| {
            life.pieces.is_empty() && life.uses.is_empty() && life.path == event.path.as_slice()
        });
        match event.what {
            // What is set already keeps its words where it is declared, but for another function's.
            What::Declared if lives.last().is_some_and(|life| body(life.path) == body(&event.path)) => {}
            What::Declared => lives.push(Life { path: &event.path, local: true, ..Life::default() }),
            What::Set { append: false, conditional: true, .. } => {
                return Err(format!("line {} sets that under a condition", line(event.at.start)));
            }
            What::Set { append: false, local, held, .. } => {
                if !fresh {
                    lives.push(Life { path: &event.path, local, ..Life::default() });
                }
                lives.last_mut().into_iter().for_each(|life| life.pieces.push((event, held)));
            }
            What::Set { conditional, held, .. } => {
                let at = line(event.at.start);
                let Some(life) = lives.last_mut().filter(|life| event.path.starts_with(life.path)) else {
                    return Err(format!("line {at} adds to that where it may not be set"));
                };
                if !life.uses.is_empty() {
                    return Err(format!("line {at} adds to that after its use"));
                }
                let sure = event.path == life.path && !conditional;
                if !sure && !held.harmless {
                    return Err(format!("line {at} adds to that under a condition"));
                }
                life.loose |= !sure;
                life.pieces.push((event, held));
            }
            What::Used { quoted } => {
                let at = line(event.at.start);
                let Some(life) = lives.last_mut().filter(|life| event.path.starts_with(life.path)) else {
                    return Err(format!("line {at} uses that where it may not be set"));
                };
                life.uses.push((event, quoted));
            }
        }
    }
    let in_function = |path: &[Branch]| path.iter().any(|branch| branch.function);
    let top = events.iter().all(|event| !in_function(&event.path));
    let straight = lives.iter().all(|life| lives.first().is_some_and(|first| first.path == life.path));
    for life in &lives {
        let [(used, quoted)] = life.uses.as_slice() else {
            let many = life.uses.len();
            let text = if many == 0 { "nothing here uses that" } else { "more than one command uses that" };
            return Err(text.to_owned());
        };
        let Some((first, _)) = life.pieces.first() else {
            return Err(format!("nothing sets that before line {}", line(used.at.start)));
        };
        let from = first.at.start;
        let loaded = sourced.iter().find(|file| file.at < used.at.start && !(file.plain && file.at < from));
        if let Some(file) = loaded {
            return Err(format!("what line {} runs may change that", line(file.at)));
        }
        let deeper = &used.path[life.path.len()..];
        // A block that uses it and sets it again may be a loop.
        let around = &used.path[..used.path.len().min(life.path.len() + 1)];
        let again = !deeper.is_empty() && lives.iter().any(|other| other.path.starts_with(around));
        let own = top || straight || life.local && in_function(life.path);
        if lives.len() > 1 && (in_function(deeper) || again || !own) {
            return Err("that is set in several places, of which more than one may count".to_owned());
        }
        if life.loose && life.pieces.iter().any(|(_, held)| !held.closed) {
            return Err("what is added under a condition may come between an option and its value".to_owned());
        }
        if !quoted && life.pieces.iter().any(|(_, held)| held.blanks) {
            return Err("its words are not kept apart where that is used without quotes".to_owned());
        }
    }
    Ok(lives)
}

/// The array that a word is, as a whole: `"${NAME[@]}"`, or the same guarded against an empty array.
fn expansion(raw: &[u8]) -> Option<(&str, bool)> {
    let raw = std::str::from_utf8(raw).ok()?;
    fn between<'r>(raw: &'r str, before: &str, behind: &str) -> Option<&'r str> {
        raw.strip_prefix(before)?.strip_suffix(behind)
    }
    let quoted = between(raw, "\"", "\"");
    let inner = between(quoted.unwrap_or(raw), "${", "}")?;
    let (name, quoted) = match inner.split_once("[@]+") {
        Some((name, guarded)) => (between(guarded, "\"${", "[@]}\"").filter(|other| *other == name)?, true),
        None => (inner.strip_suffix("[@]")?, quoted.is_some()),
    };
    (!name.is_empty() && name.bytes().all(is_name)).then_some((name, quoted))
}

/// What the words of brackets are; none where there is something else among them.
fn held(words: &[Token]) -> Option<Held> {
    let mut held = Held { closed: true, harmless: true, blanks: false };
    let mut is_value = false;
    for word in words {
        let Kind::Word { text, .. } = &word.kind else { return None };
        let before = std::mem::replace(&mut is_value, false);
        match text {
            // `[1]=WORD` has a place of its own.
            Text::Known(text) | Text::Open { prefix: text, .. } if text.starts_with('[') => return None,
            Text::Known(known) => {
                let name = known.split('=').next().unwrap_or_default();
                let load = vocabulary::find(name);
                is_value = !before && takes_value(known);
                held.blanks |= known.contains(char::is_whitespace);
                held.harmless &= before || load.is_none() && vocabulary::find_bench(name).is_none();
                held.closed = !is_value
                    && !value_is_optional(known)
                    && load.is_none_or(|named| vocabulary::def(named).takes.is_none())
                    && vocabulary::find_bench(name).is_none();
            }
            Text::Open { prefix, .. } => {
                held.harmless &= before || !(prefix.is_empty() || prefix.starts_with('-'));
                held.closed = true;
            }
        }
    }
    Some(held)
}

/// The array that a statement sets, and whether it is set as a variable of the function.
fn set<'t>(tokens: &[&'t Token]) -> Option<(&'t Token, bool)> {
    let (last, before) = tokens.split_last()?;
    let Kind::Array { .. } = last.kind else { return None };
    let known: Option<Vec<&str>> = before.iter().map(|token| word_of(token)).collect();
    let local = match known?.as_slice() {
        [] => false,
        ["local" | "declare" | "typeset", options @ ..] if options.iter().all(|option| *option == "-a") => {
            true
        }
        ["readonly", options @ ..] if options.iter().all(|option| *option == "-a") => false,
        _ => return None,
    };
    Some((last, local))
}

/// The names that a statement declares and does not set.
fn declared<'t>(tokens: &[&'t Token]) -> Vec<(&'t str, Range<usize>)> {
    let known: Option<Vec<&str>> = tokens.iter().map(|token| word_of(token)).collect();
    let Some(["local" | "declare" | "typeset", rest @ ..]) = known.as_deref() else { return Vec::new() };
    let names: Vec<_> = rest.iter().zip(&tokens[1..]).filter(|(word, _)| **word != "-a").collect();
    if !names.iter().all(|(name, _)| name.bytes().all(is_name)) {
        return Vec::new();
    }
    names.into_iter().filter_map(|(_, token)| word_of(token).map(|name| (name, token.span.clone()))).collect()
}

fn word_of<'t>(token: &&'t Token) -> Option<&'t str> {
    match &token.kind {
        Kind::Word { text, .. } => text.known(),
        _ => None,
    }
}

impl Script<'_> {
    /// Notes what a statement does with arrays, and gives the words of one that it sets and that is followed
    /// their places.
    pub(super) fn array(&mut self, tokens: &[&Token], chained: bool, document: &mut Document) {
        let path = self.path();
        let mut note = |name: &str, at: Range<usize>, what| {
            self.arrays.events.push(Event { name: name.to_owned(), at, path: path.clone(), what });
        };
        for (name, at) in declared(tokens) {
            note(name, at, What::Declared);
        }
        for token in tokens.iter().filter(|token| matches!(token.kind, Kind::Word { .. })) {
            if let Some((name, quoted)) = expansion(&self.text[token.span.clone()]) {
                note(name, token.span.clone(), What::Used { quoted });
            }
        }
        let Some((token, local)) = set(tokens) else { return };
        let Kind::Array { name, append, words } = &token.kind else { return };
        let Some(held) = held(words).filter(|_| self.text[token.span.clone()].ends_with(b")")) else {
            return;
        };
        let behind = self.around.behind.as_ref().map(|sign| &self.text[sign.clone()]);
        let conditional = chained || self.piped || matches!(behind, Some(b"&" | b"|" | b"|&"));
        note(name, token.span.clone(), What::Set { append: *append, local, conditional, held });
        let at = token.span.start;
        if let Some(doubt) = self.arrays.doubts.get(&at) {
            document.why.push((token.span.clone(), doubt.clone()));
        }
        if !self.arrays.uses.values().any(|pieces| pieces.contains(&at)) {
            return;
        }
        let whole = append.then(|| self.whole(tokens)).flatten();
        let items: Vec<Range<usize>> = words.iter().map(|word| word.span.clone()).collect();
        for item in &items {
            document.part("word", item.clone());
        }
        let list = document.list(List { items, lines: None, whole, verb: 0, join: " ".into() });
        let word = |(item, word): (usize, &Token)| match &word.kind {
            Kind::Word { text, .. } => {
                Some(Word { at: recognise::place(list, item), text: text.clone(), quote: "" })
            }
            _ => None,
        };
        self.arrays.words.insert(at, words.iter().enumerate().filter_map(word).collect());
    }

    /// The words of a statement, where one that may come to any number of words stands twice if an option would
    /// take it for its value: what follows it may be that value, or not.
    pub(super) fn spread(&self, words: &[Word], tokens: &[&Token]) -> Vec<Word> {
        let mut all: Vec<Word> = Vec::new();
        for word in words {
            let span = tokens[word.at.item].span.clone();
            let raw = &self.text[span.clone()];
            let has = |sign: &[u8]| raw.windows(sign.len()).any(|window| window == sign);
            let any = word.text.known().is_none()
                && (has(b"[@]") || has(b"$@") || has(b"${@"))
                && !self.arrays.uses.contains_key(&span.start);
            let value = all.last().is_some_and(|before: &Word| before.text.known().is_some_and(takes_value));
            all.push(word.clone());
            if any && value {
                let text = Text::Open { prefix: String::new(), suffix: String::new(), name: None };
                all.push(Word { text, ..word.clone() });
            }
        }
        all
    }

    /// The words of a statement with those of the arrays that it uses; none where it uses none that is
    /// followed.
    pub(super) fn with_arrays(&self, words: &[Word], tokens: &[&Token]) -> Option<Vec<Word>> {
        let mut all: Vec<Word> = Vec::new();
        let mut found = false;
        for word in words {
            let at = tokens[word.at.item].span.start;
            let Some(pieces) = self.arrays.uses.get(&at) else {
                all.push(word.clone());
                continue;
            };
            let open = |word: &Word| {
                word.text.known().is_some_and(|word| takes_value(word) || value_is_optional(word))
            };
            if self.arrays.loose.contains(&at) && all.last().is_some_and(open) {
                return None;
            }
            found = true;
            all.extend(pieces.iter().filter_map(|piece| self.arrays.words.get(piece)).flatten().cloned());
        }
        found.then_some(all)
    }

    /// Says of the arrays that a statement uses that no llama program reads them.
    pub(super) fn no_command(&self, tokens: &[&Token], says: &str, document: &mut Document) {
        for pieces in tokens.iter().filter_map(|token| self.arrays.uses.get(&token.span.start)) {
            for place in pieces.iter().filter_map(|piece| self.arrays.words.get(piece)).flatten() {
                let item = document.lists[place.at.list].items[place.at.item].clone();
                let text = format!(
                    "it stands in an array that `{says}` has, which is no llama program that this reader knows"
                );
                document.why.push((item, text));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::expansion;

    #[test]
    fn an_array_is_a_whole_word() {
        for (raw, found) in [
            ("\"${A[@]}\"", Some(("A", true))),
            ("${A_1[@]}", Some(("A_1", false))),
            ("${A[@]+\"${A[@]}\"}", Some(("A", true))),
            ("${A[@]+\"${B[@]}\"}", None),
            ("\"${A[*]}\"", None),
            ("\"x${A[@]}\"", None),
            ("${A[@]:1}", None),
            ("${#A[@]}", None),
            ("$A", None),
        ] {
            assert_eq!(expansion(raw.as_bytes()), found, "{raw}");
        }
    }
}
