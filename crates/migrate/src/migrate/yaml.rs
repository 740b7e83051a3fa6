//! A YAML tree whose nodes know their bytes.

use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::model::Document;

/// A node.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// For a scalar: its bytes, quotes included.
    pub(super) span: Range<usize>,
    pub(super) anchor: usize,
    pub(super) value: Value,
}

#[derive(Clone, Debug)]
pub(super) enum Value {
    Scalar { text: String, style: ScalarStyle },
    Sequence(Vec<Node>),
    Mapping(Vec<(Node, Node)>),
    Alias(usize),
}

impl Node {
    pub(super) fn scalar(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    pub(super) fn entries(&self) -> &[(Self, Self)] {
        match &self.value {
            Value::Mapping(entries) => entries,
            _ => &[],
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<(&Self, &Self)> {
        self.entries().iter().find(|(name, _)| name.scalar() == Some(key)).map(|(name, value)| (name, value))
    }

    /// Whether brackets stand around it. Where a list has no indent of its own the parser places it at its
    /// first element, which may have some.
    pub(super) fn is_flow(&self, text: &[u8]) -> bool {
        let first = match &self.value {
            Value::Sequence(items) => items.first(),
            Value::Mapping(entries) => entries.first().map(|(key, _)| key),
            _ => return false,
        };
        matches!(text.get(self.span.start), Some(b'[' | b'{'))
            && first.is_none_or(|first| first.span.start > self.span.start)
    }

    /// From its first byte to its last; the parser ends what has no brackets where the next thing begins.
    pub(super) fn extent(&self, text: &[u8]) -> Range<usize> {
        let (first, last) = match &self.value {
            _ if self.is_flow(text) => return self.span.clone(),
            Value::Sequence(items) => (items.first(), items.last()),
            Value::Mapping(entries) => {
                (entries.first().map(|(key, _)| key), entries.last().map(|(_, value)| value))
            }
            _ => return self.span.clone(),
        };
        let start = first.map_or(self.span.start, |first| first.extent(text).start);
        let key = self.entries().last().map_or(start, |(key, _)| key.span.end);
        start..last.map_or(start, |last| last.extent(text).end).max(key)
    }

    /// Adds what it is made of to a document.
    pub(super) fn parts(&self, text: &[u8], document: &mut Document) {
        match &self.value {
            Value::Scalar { style, .. } => {
                if *style != ScalarStyle::Literal && text[self.span.clone()].contains(&b'\n') {
                    document.joined.push(self.span.clone());
                }
                document.part("scalar", self.span.clone());
            }
            Value::Alias(_) => document.part("alias", self.span.clone()),
            Value::Sequence(items) => {
                document.part("[", self.extent(text));
                items.iter().for_each(|item| item.parts(text, document));
                document.part("]", self.extent(text));
            }
            Value::Mapping(entries) => {
                document.part("{", self.extent(text));
                for (key, value) in entries {
                    key.parts(text, document);
                    value.parts(text, document);
                }
                document.part("}", self.extent(text));
            }
        }
    }

    /// Every node below, itself first.
    pub(super) fn walk<'n>(&'n self, see: &mut dyn FnMut(&'n Self)) {
        see(self);
        match &self.value {
            Value::Sequence(items) => items.iter().for_each(|item| item.walk(see)),
            Value::Mapping(entries) => entries.iter().for_each(|(key, value)| {
                key.walk(see);
                value.walk(see);
            }),
            _ => {}
        }
    }
}

/// Reads a file as YAML for a reader: what says something are its scalars, and one that is no YAML is
/// refused.
pub(super) fn open(text: &[u8], document: &mut Document) -> Option<Vec<Node>> {
    match parse(text) {
        Ok(roots) => {
            let scalars = scalars(&roots);
            document.comment(comments(text, &super::edit::merged(scalars.clone())));
            document.speaking = Some(scalars);
            document.keys = true;
            roots.iter().for_each(|root| root.parts(text, document));
            Some(roots)
        }
        Err((at, error)) => {
            document.refuse(at, format!("it cannot be read as YAML: {error}"));
            None
        }
    }
}

/// The comments: what begins with `#` at the start of a word outside the scalars, which are in order.
fn comments(text: &[u8], scalars: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(mark) = text[at..].iter().position(|byte| *byte == b'#').map(|mark| at + mark) {
        at = mark + 1;
        let next = scalars.partition_point(|scalar| scalar.end <= mark);
        let inside = scalars.get(next).is_some_and(|scalar| scalar.start <= mark);
        if !inside && (mark == 0 || text[mark - 1].is_ascii_whitespace() || mark == super::text::bom(text)) {
            let line = super::text::whole_lines(text, &(mark..mark));
            at = line.end.max(at);
            found.push(mark..mark + text[mark..line.end].trim_ascii_end().len());
        }
    }
    found
}

/// The places of the scalars. A key goes as far as its value, so that it is seen as one.
pub(super) fn scalars(roots: &[Node]) -> Vec<Range<usize>> {
    let mut spans = Vec::new();
    for root in roots {
        root.walk(&mut |node| {
            if node.scalar().is_some() {
                spans.push(node.span.clone());
            }
        });
    }
    spans
}

/// A file that no reader knows, of which only the names of load flags are looked for.
pub(super) fn read(text: &[u8]) -> Document {
    let mut document = Document { keys: true, ..Document::default() };
    let mut aside = Document::default();
    if open(text, &mut aside).is_some() {
        document.speaking = aside.speaking;
        document.comment(aside.comments);
        document.parts = aside.parts;
    }
    let why = "what reads it in this YAML file is not known: llama-swap, compose and Kubernetes files and workflows are";
    document.why.push((0..text.len(), why.to_owned()));
    document
}

/// How many nodes may lie within one another.
const DEEPEST: usize = 64;

/// Reads the documents of a text. Bytes that are not UTF-8 become replacement characters.
pub(super) fn parse(text: &[u8]) -> Result<Vec<Node>, (usize, String)> {
    let mut shown = String::new();
    let mut bytes = Vec::new();
    let skip = super::text::bom(text);
    let mut at = skip;
    for chunk in text[skip..].utf8_chunks() {
        for c in chunk.valid().chars() {
            bytes.push(at);
            at += c.len_utf8();
            shown.push(c);
        }
        if !chunk.invalid().is_empty() {
            bytes.push(at);
            at += chunk.invalid().len();
            shown.push(char::REPLACEMENT_CHARACTER);
        }
    }
    bytes.push(at);
    let place = |index: usize| bytes[index.min(bytes.len() - 1)];
    let mut stack: Vec<(Node, Vec<Node>)> = Vec::new();
    let mut roots = Vec::new();
    for event in Parser::new_from_str(&shown) {
        let (event, span) =
            event.map_err(|error| (place(error.marker().index()), error.info().to_owned()))?;
        if stack.len() > DEEPEST {
            return Err((place(span.start.index()), "it is nested too deep".to_owned()));
        }
        let range = |span: Span| place(span.start.index())..place(span.end.index());
        let open = |anchor, value| Node { span: range(span), anchor, value };
        let done = match event {
            Event::Scalar(content, style, anchor, _) => {
                let mut node = open(anchor, Value::Scalar { text: content.into_owned(), style });
                node.span = scalar_span(text, node.span, style);
                Some(node)
            }
            Event::Alias(anchor) => Some(open(0, Value::Alias(anchor))),
            Event::SequenceStart(anchor, ..) => {
                stack.push((open(anchor, Value::Sequence(Vec::new())), Vec::new()));
                None
            }
            Event::MappingStart(anchor, ..) => {
                stack.push((open(anchor, Value::Mapping(Vec::new())), Vec::new()));
                None
            }
            Event::SequenceEnd | Event::MappingEnd => stack.pop().map(|(mut node, children)| {
                node.span.end = place(span.end.index()).max(node.span.start);
                node.value = match node.value {
                    Value::Mapping(_) => Value::Mapping(pairs(children)),
                    _ => Value::Sequence(children),
                };
                node
            }),
            _ => None,
        };
        if let Some(node) = done {
            match stack.last_mut() {
                Some((_, children)) => children.push(node),
                None => roots.push(node),
            }
        }
    }
    Ok(roots)
}

/// The bytes of a scalar alone: the parser counts a comment behind a closing quote and blank lines
/// behind a block as part of it. The header of a block scalar is none.
fn scalar_span(text: &[u8], span: Range<usize>, style: ScalarStyle) -> Range<usize> {
    let bytes = &text[span.clone()];
    let end = match style {
        ScalarStyle::SingleQuoted => {
            let mut at = 1;
            while at < bytes.len() {
                match (bytes[at], bytes.get(at + 1)) {
                    (b'\'', Some(b'\'')) => at += 2,
                    (b'\'', _) => break,
                    _ => at += 1,
                }
            }
            (at + 1).min(bytes.len())
        }
        ScalarStyle::DoubleQuoted => {
            let mut at = 1;
            while at < bytes.len() && bytes[at] != b'"' {
                at += if bytes[at] == b'\\' { 2 } else { 1 };
            }
            (at + 1).min(bytes.len())
        }
        _ => bytes.trim_ascii_end().len(),
    };
    span.start..span.start + end
}

fn pairs(children: Vec<Node>) -> Vec<(Node, Node)> {
    let mut pairs = Vec::new();
    let mut children = children.into_iter();
    while let (Some(key), Some(value)) = (children.next(), children.next()) {
        pairs.push((key, value));
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_know_their_bytes() {
        for newline in ["\n", "\r\n"] {
            let text = "a: 'it''s'   # c\nb: \"q\\\"\" # d\nc: 1 # é\né: >-\n    one\n    two\n\ne: |\n  x\n  #y\nf: [p, \"r\"]\n"
                .replace('\n', newline);
            let roots = parse(text.as_bytes()).expect("it is YAML");
            let mut found = Vec::new();
            roots[0].walk(&mut |node| {
                if node.scalar().is_some() {
                    found.push(&text[node.span.clone()]);
                }
            });
            let folded = "one\n    two".replace('\n', newline);
            let literal = "x\n  #y".replace('\n', newline);
            let expected =
                ["a", "'it''s'", "b", "\"q\\\"\"", "c", "1", "é", &folded, "e", &literal, "f", "p", "\"r\""];
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn bytes_that_are_not_utf_8_move_nothing() {
        let text = b"\xef\xbb\xbfa: \xe9\xff\nb: '1'\n";
        let roots = parse(text).expect("it is YAML");
        let (_, value) = roots[0].get("b").expect("b is there");
        assert_eq!(&text[value.span.clone()], b"'1'");
        assert!(parse(b"a: [").is_err());
    }
}
