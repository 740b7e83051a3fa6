//! Commands and variables in a tree of nodes, whatever the format that it was read from.

use std::ops::Range;

use saphyr_parser::ScalarStyle;

use super::dockerfile::script_in_list;
use super::lex::{Grammar, Kind, WORDS, assignment, lexed};
use super::model::{Document, Form, List, Scope, Setting, Text, Word};
use super::recognise::{self, Found, place};
use super::text;
use super::vocabulary;
use super::yaml::{Node, Value};

/// What reads nodes into a document.
pub(super) struct Nodes<'t, 'd> {
    pub(super) text: &'t [u8],
    pub(super) document: &'d mut Document,
    /// What a `$` in a value means.
    pub(super) dollar: Dollar,
}

/// What a `$` in a value of a file means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dollar {
    /// `$NAME` and `${NAME}` are filled in, `$$` is a dollar sign.
    Name,
    /// `$(NAME)` and `${NAME}` may be filled in.
    Any,
}

impl Nodes<'_, '_> {
    /// Puts what a word list turned out to be into a scope.
    pub(super) fn found(&mut self, at: usize, found: Found, words: &[Word], scope: &mut Scope) {
        match found {
            Found::Command(command) => scope.commands.push(command),
            Found::HiddenProgram => {
                self.document.refuse(at, "load flags stand behind a program that cannot be known");
            }
            Found::Nothing => script_in_list(self.text, words, scope, self.document),
        }
    }

    /// The list of the elements of a sequence or the entries of a mapping.
    pub(super) fn list(
        &mut self,
        node: &Node,
        items: Vec<Range<usize>>,
        whole: Option<Range<usize>>,
    ) -> usize {
        let Some(first) = items.first().filter(|_| !node.is_flow(self.text)) else {
            return self.document.list(List { items, lines: None, whole, verb: 0, join: ", ".into() });
        };
        let line = text::whole_lines(self.text, first);
        let lead = String::from_utf8_lossy(&self.text[line.start..first.start]).into_owned();
        let join = format!("{}{lead}", text::newline(self.text));
        let lines = items.iter().map(|item| self.line_of(item)).collect();
        self.document.list(List { items, lines: Some(lines), whole, verb: 0, join })
    }

    /// What goes with an element of a block: its lines, except a comment behind it.
    fn line_of(&self, item: &Range<usize>) -> Range<usize> {
        let mut line = text::whole_lines(self.text, item);
        // The dash may stand before the header of a block scalar, on a line before.
        let mut lead = line.start;
        while self.text[lead..item.start].trim_ascii().is_empty() && lead > 0 {
            lead = text::whole_lines(self.text, &(lead - 1..lead - 1)).start;
        }
        let head = self.text[lead..item.start].trim_ascii();
        if lead < line.start
            && head.starts_with(b"-")
            && head[1..].iter().all(|byte| b" |>+-0123456789".contains(byte))
        {
            line.start = lead;
        }
        let behind = &self.text[item.end..line.end];
        let Some(comment) = behind.iter().position(|byte| *byte == b'#') else {
            return text::going_line(self.text, &line);
        };
        let lead = &self.text[line.start..item.start];
        let indent = lead.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        line.start + indent..item.end + comment
    }

    /// What goes when an entry of a mapping goes; nothing where it is the only one and the mapping would be
    /// left without.
    fn entry(&self, holder: &Node, key: &Node) -> Option<Range<usize>> {
        let entries = holder.entries();
        let at = entries.iter().position(|(other, _)| other.span == key.span)?;
        let end = |at: usize| entries[at].1.extent(self.text).end.max(entries[at].0.span.end);
        let next = entries.get(at + 1).map(|(next, _)| next.span.start);
        let blank = |range: Range<usize>| self.text[range].iter().all(u8::is_ascii_whitespace);
        if holder.is_flow(self.text) {
            let gap = self.text[end(at)..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            let comma = (self.text.get(end(at) + gap) == Some(&b',')).then_some(end(at) + gap + 1);
            let Some(behind) = comma else {
                return Some(if at > 0 { end(at - 1) } else { key.span.start }..end(at));
            };
            let lines = text::whole_lines(self.text, &(key.span.start..behind));
            return Some(match next {
                _ if blank(lines.start..key.span.start) && blank(behind..lines.end) => lines,
                Some(next) => key.span.start..next,
                None => key.span.start..behind,
            });
        }
        let lines = text::whole_lines(self.text, &(key.span.start..end(at)));
        if blank(lines.start..key.span.start) {
            return Some(text::going_line(self.text, &lines));
        }
        // Behind the dash of an element: what follows takes its place.
        next.map(|next| key.span.start..next)
    }

    /// The load variables of a mapping or a list of `NAME=VALUE`, which is the value of a key of `holder`.
    pub(super) fn environment(&mut self, holder: &Node, (key, node): (&Node, &Node), scope: &mut Scope) {
        let whole = self.entry(holder, key);
        let mut found = Vec::new();
        match &node.value {
            Value::Sequence(items) => {
                let list = self.list(node, items.iter().map(|item| item.span.clone()).collect(), whole);
                for (number, item) in items.iter().enumerate() {
                    let Some(text) = item.scalar() else { continue };
                    let form = Form::Assign { lead: "", quote: self.quote(item), glue: None };
                    match assignment(&self.filled_in(text)) {
                        Some((name, value)) => found.push((name, value, list, number, form, item.span.start)),
                        None => found.push((text.to_owned(), unknown(), list, number, form, item.span.start)),
                    }
                }
            }
            Value::Mapping(entries) => {
                let spans =
                    entries.iter().map(|(key, value)| key.span.start..value.span.end.max(key.span.end));
                let list = self.list(node, spans.collect(), whole);
                for (number, (key, value)) in entries.iter().enumerate() {
                    let quote = match self.quote(value) {
                        "" => "\"",
                        quote => quote,
                    };
                    let name = key.scalar().unwrap_or_default().to_owned();
                    let text = value.scalar().filter(|text| !matches!(*text, "" | "~" | "null"));
                    let value = text.map_or_else(unknown, |text| self.filled_in(text));
                    let form = Form::Map { key: self.quote(key), quote };
                    found.push((name, value, list, number, form, key.span.start));
                }
            }
            _ => {}
        }
        for (name, value, list, item, form, at) in found {
            if vocabulary::find_variable(&name).is_none() {
                continue;
            }
            if scope.shared.iter().any(|setting| setting.name == name) {
                self.document.refuse(at, format!("{name} is set twice"));
            }
            scope.shared.push(Setting { name, value, at: vec![place(list, item)], form });
        }
    }

    pub(super) fn quote(&self, node: &Node) -> &'static str {
        match self.text.get(node.span.start) {
            Some(b'"') => "\"",
            Some(b'\'') => "'",
            _ => "",
        }
    }

    /// The words of a command; none when the file is refused for them.
    pub(super) fn words(&mut self, node: &Node) -> Vec<Word> {
        self.words_in(node, WORDS)
    }

    /// As [`Self::words`], where the words of a string stand in this grammar.
    pub(super) fn words_in(&mut self, node: &Node, grammar: Grammar) -> Vec<Word> {
        match &node.value {
            Value::Sequence(items) => {
                let list = self.list(node, items.iter().map(|item| item.span.clone()).collect(), None);
                let word = |(number, item): (usize, &Node)| {
                    let text = item.scalar().map_or_else(unknown, |text| self.filled_in(text));
                    Word { at: place(list, number), text, quote: self.quote(item) }
                };
                items.iter().enumerate().map(word).collect()
            }
            Value::Scalar { text, style } => {
                let range = node.span.clone();
                let quoted = matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted);
                let inner = if quoted { range.start + 1..range.end - 1 } else { range };
                let raw = &self.text[inner.clone()];
                let escapes = match style {
                    ScalarStyle::SingleQuoted => raw.windows(2).any(|pair| pair == b"''"),
                    ScalarStyle::DoubleQuoted => {
                        raw.windows(2).any(|pair| pair[0] == b'\\' && !matches!(pair[1], b'\n' | b'\r'))
                    }
                    _ => false,
                };
                if escapes {
                    let why = "it stands in a string with quotes within quotes".to_owned();
                    self.document.why.push((inner, why));
                    // What is there may be a command all the same.
                    let word = |text: &str| Word {
                        at: place(usize::MAX, 0),
                        text: Text::Known(text.to_owned()),
                        quote: "",
                    };
                    let words: Vec<Word> = text.split_whitespace().map(word).collect();
                    if let Found::Command(_) = recognise::command(0, &words, &Scope::default()) {
                        self.document.refuse(
                            node.span.start,
                            "a llama command stands in a string with quotes within quotes",
                        );
                    }
                    return Vec::new();
                }
                let lexed = lexed(self.text, inner, grammar);
                self.document.comment(lexed.comments);
                let tokens = lexed.tokens;
                let items = tokens.iter().map(|token| token.span.clone()).collect();
                let list =
                    self.document.list(List { items, lines: None, whole: None, verb: 0, join: " ".into() });
                let word = |(item, token): (usize, &super::lex::Token)| match &token.kind {
                    Kind::Word { text, .. } => {
                        Some(Word { at: place(list, item), text: text.clone(), quote: "" })
                    }
                    _ => None,
                };
                tokens.iter().enumerate().filter_map(word).collect()
            }
            // An alias has been looked at.
            _ => Vec::new(),
        }
    }

    /// One word that is not split, such as the path of a program.
    pub(super) fn single(&mut self, node: &Node) -> Vec<Word> {
        let Some(text) = node.scalar() else { return Vec::new() };
        let list = self.document.list(List {
            items: vec![node.span.clone()],
            lines: None,
            whole: None,
            verb: 0,
            join: ", ".into(),
        });
        vec![Word { at: place(list, 0), text: self.filled_in(text), quote: self.quote(node) }]
    }

    /// The load variables of a list of pairs with the keys `name` and `value`.
    pub(super) fn pairs(&mut self, holder: &Node, (key, node): (&Node, &Node), scope: &mut Scope) {
        let Value::Sequence(items) = &node.value else { return };
        let spans: Vec<Range<usize>> = items.iter().map(|item| item.extent(self.text)).collect();
        let whole = self.entry(holder, key);
        let list = self.list(node, spans.clone(), whole);
        for (number, item) in items.iter().enumerate() {
            let Some(name) = item.get("name").and_then(|(_, name)| name.scalar()) else { continue };
            if vocabulary::find_variable(name).is_none() {
                continue;
            }
            let span = &spans[number];
            if scope.shared.iter().any(|setting| setting.name == name) {
                self.document.refuse(span.start, format!("{name} is set twice"));
            }
            let [(first, one), (second, other)] = item.entries() else {
                let text = format!("{name} does not stand in a `name` and a `value` alone");
                self.document.refuse(span.start, text);
                continue;
            };
            let value = if first.scalar() == Some("name") { other } else { one };
            let keys = [first, second].map(Node::scalar);
            if !keys.contains(&Some("value")) {
                let text = format!("the value of {name} comes from elsewhere");
                self.document.refuse(span.start, text);
                continue;
            }
            let value_text = value.scalar().map_or_else(unknown, |text| self.filled_in(text));
            let quote = match self.quote(value) {
                "" => "\"",
                quote => quote,
            };
            let lines = self.text[span.clone()].contains(&b'\n') && !item.is_flow(self.text);
            let line = text::whole_lines(self.text, &(span.start..span.start));
            let indent = lines.then(|| span.start - line.start);
            let newline = text::newline(self.text);
            let form = Form::Pair { indent, newline, key: self.quote(first), quote };
            let value = value_text;
            scope.shared.push(Setting { name: name.to_owned(), value, at: vec![place(list, number)], form });
        }
    }

    /// Refuses load variables that no known program reads.
    pub(super) fn readers(&mut self, at: usize, scope: &Scope, why: &str) {
        if let (Some(setting), true) = (scope.shared.first(), scope.commands.is_empty()) {
            self.document.refuse(at, format!("{} is set and {why}", setting.name));
        }
    }

    /// A value with what is filled in.
    fn filled_in(&self, text: &str) -> Text {
        match self.dollar {
            Dollar::Name => interpolated(text),
            Dollar::Any => match text.find("$(").or_else(|| text.find("${")) {
                None => Text::Known(text.to_owned()),
                Some(at) => {
                    let suffix = text.rsplit([')', '}']).next().unwrap_or_default().to_owned();
                    Text::Open { prefix: text[..at].to_owned(), suffix, name: None }
                }
            },
        }
    }
}

pub(super) fn unknown() -> Text {
    Text::Open { prefix: String::new(), suffix: String::new(), name: None }
}

/// A value with compose's own `$VARIABLE`; `$$` is a dollar sign.
pub(super) fn interpolated(text: &str) -> Text {
    let plain = text.replace("$$", "");
    match plain.find('$') {
        None => Text::Known(text.to_owned()),
        Some(at) => {
            let name: String = plain[at + 1..].trim_matches(['{', '}']).to_owned();
            let simple = at == 0 && name.chars().all(|c| c.is_alphanumeric() || c == '_');
            let suffix = plain.rsplit(['}', '$']).next().unwrap_or_default().to_owned();
            Text::Open { prefix: plain[..at].to_owned(), suffix, name: simple.then_some(name) }
        }
    }
}
