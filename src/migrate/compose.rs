//! docker-compose files: one scope for each service, made of its `environment`, `entrypoint` and
//! `command`. The file is read as YAML and changed as text.

use std::ops::Range;

use saphyr_parser::ScalarStyle;

use super::dockerfile::script_in_list;
use super::lex::{Kind, WORDS, assignment, tokens};
use super::model::{Document, Form, List, Scope, Setting, Text, Word};
use super::recognise::{self, Found, place};
use super::text;
use super::vocabulary;
use super::yaml::{self, Node, Value};

/// Reads a compose file.
pub(super) fn read(text: &[u8]) -> Document {
    let mut document = Document::default();
    let roots = match yaml::parse(text) {
        Ok(roots) => roots,
        Err((at, error)) => {
            document.refuse(at, format!("it cannot be read as YAML: {error}"));
            return document;
        }
    };
    if roots.iter().all(|root| root.get("services").is_none()) {
        document.refuse(0, "it has no `services:`, so that it is no compose file");
    }
    for root in &roots {
        let Some((_, services)) = root.get("services") else { continue };
        for (name, service) in services.entries() {
            let mut reader = Reader { text, root, document: &mut document };
            reader.service(name, service);
        }
    }
    document
}

struct Reader<'t, 'd> {
    text: &'t [u8],
    root: &'t Node,
    document: &'d mut Document,
}

impl Reader<'_, '_> {
    fn service(&mut self, name: &Node, service: &Node) {
        self.aliases(service);
        let mut scope = Scope::default();
        if let Some((key, environment)) = service.get("environment") {
            self.environment(key, environment, &mut scope);
        }
        if let Some((key, _)) = service.get("env_file") {
            self.document.remark(key.span.start, "env_file is read by the service and was not looked at");
        }
        let image = service.get("image").and_then(|(_, image)| image.scalar()).unwrap_or_default().to_owned();
        let entrypoint = service.get("entrypoint").map(|(_, node)| self.words(node));
        let command = service.get("command").map(|(_, node)| self.words(node));
        let at = name.span.start;
        let found = match (entrypoint, command) {
            (Some(mut words), command) if !words.is_empty() => {
                words.extend(command.unwrap_or_default());
                (recognise::command(at, &words, &scope), words)
            }
            (_, command) => {
                let words = command.unwrap_or_default();
                let first = words.first().map(|word| word.text.end().to_owned()).unwrap_or_default();
                let is_shell = matches!(first.rsplit('/').next(), Some("sh" | "bash" | "ash"));
                let evidence =
                    first.starts_with('-') && words.iter().any(|word| recognise::is_load_flag(&word.text));
                let of_image = recognise::is_llama_image(&image) && !is_shell;
                if of_image || evidence {
                    let insert = recognise::before_first(&words);
                    (recognise::of_image(at, &image, &words, Vec::new(), insert), words)
                } else {
                    (recognise::command(at, &words, &scope), words)
                }
            }
        };
        match found {
            (Found::Command(command), _) => scope.commands.push(command),
            (Found::HiddenProgram, _) => {
                self.document.refuse(at, "load flags stand behind a program that cannot be known");
            }
            (Found::Nothing, words) => script_in_list(self.text, &words, &mut scope, self.document),
        }
        self.document.scopes.push(scope);
    }

    /// What comes in by an alias is used elsewhere too, and is not changed.
    fn aliases(&mut self, service: &Node) {
        let mut found = Vec::new();
        service.walk(&mut |node| {
            if let Value::Alias(anchor) = node.value {
                found.push((anchor, node.span.start));
            }
        });
        if found.is_empty() {
            return;
        }
        let mut loads = Vec::new();
        self.root.walk(&mut |node| {
            let mut load = false;
            node.walk(&mut |below| load |= below.scalar().is_some_and(speaks_of_loading));
            if node.anchor != 0 && load {
                loads.push(node.anchor);
            }
        });
        for (_, at) in found.into_iter().filter(|(anchor, _)| loads.contains(anchor)) {
            self.document
                .refuse(at, "load flags or load variables come in by an alias, which others may use too");
        }
    }

    /// The list of the elements of a sequence or the entries of a mapping.
    fn list(&mut self, node: &Node, items: Vec<Range<usize>>, whole: Option<Range<usize>>) -> usize {
        let flow = matches!(self.text.get(node.span.start), Some(b'[' | b'{'));
        let Some(first) = items.first().filter(|_| !flow) else {
            return self.document.list(List { items, lines: None, whole, verb: false, join: ", ".into() });
        };
        let line = text::whole_lines(self.text, first);
        let lead = String::from_utf8_lossy(&self.text[line.start..first.start]).into_owned();
        let join = format!("{}{lead}", text::newline(self.text));
        let lines = items.iter().map(|item| self.line_of(item)).collect();
        self.document.list(List { items, lines: Some(lines), whole, verb: false, join })
    }

    /// What goes with an element of a block: its lines, except a comment behind it.
    fn line_of(&self, item: &Range<usize>) -> Range<usize> {
        let line = text::whole_lines(self.text, item);
        let behind = &self.text[item.end..line.end];
        let Some(comment) = behind.iter().position(|byte| *byte == b'#') else {
            return text::going_line(self.text, &line);
        };
        let lead = &self.text[line.start..item.start];
        let indent = lead.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        line.start + indent..item.end + comment
    }

    fn environment(&mut self, key: &Node, node: &Node, scope: &mut Scope) {
        let end = match &node.value {
            Value::Sequence(items) => items.last().map(|item| item.span.end),
            Value::Mapping(entries) => entries.last().map(|(_, value)| value.span.end),
            _ => return,
        };
        let Some(end) = end else { return };
        let flow = matches!(self.text.get(node.span.start), Some(b'[' | b'{'));
        let end = if flow { node.span.end.max(end) } else { end };
        let whole = Some(text::whole_lines(self.text, &(key.span.start..end)));
        let mut found = Vec::new();
        match &node.value {
            Value::Sequence(items) => {
                let list = self.list(node, items.iter().map(|item| item.span.clone()).collect(), whole);
                for (number, item) in items.iter().enumerate() {
                    let Some(text) = item.scalar() else { continue };
                    let form = Form::Assign { lead: "", quote: self.quote(item), glue: None };
                    match assignment(&interpolated(text)) {
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
                    let value = text.map_or_else(unknown, interpolated);
                    found.push((name, value, list, number, Form::Map { quote }, key.span.start));
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

    fn quote(&self, node: &Node) -> &'static str {
        match self.text.get(node.span.start) {
            Some(b'"') => "\"",
            Some(b'\'') => "'",
            _ => "",
        }
    }

    /// The words of a command; none when the file is refused for them.
    fn words(&mut self, node: &Node) -> Vec<Word> {
        match &node.value {
            Value::Sequence(items) => {
                let list = self.list(node, items.iter().map(|item| item.span.clone()).collect(), None);
                let word = |(number, item): (usize, &Node)| {
                    let text = item.scalar().map_or_else(unknown, interpolated);
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
                if escapes && text.split_whitespace().any(speaks_of_loading) {
                    self.document
                        .refuse(inner.start, "load flags stand in a string with quotes within quotes");
                    return Vec::new();
                }
                let tokens = tokens(self.text, inner, WORDS);
                let items = tokens.iter().map(|token| token.span.clone()).collect();
                let list = self.document.list(List {
                    items,
                    lines: None,
                    whole: None,
                    verb: false,
                    join: " ".into(),
                });
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
}

fn unknown() -> Text {
    Text::Open { prefix: String::new(), suffix: String::new(), name: None }
}

/// A value with compose's own `$VARIABLE`; `$$` is a dollar sign.
fn interpolated(text: &str) -> Text {
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

fn speaks_of_loading(text: &str) -> bool {
    text.split(|c: char| c.is_whitespace() || "=\"',[]".contains(c))
        .any(|word| vocabulary::find(word).is_some() || vocabulary::find_variable(word).is_some())
}

#[cfg(test)]
mod tests {
    fn told(text: &str) -> Vec<String> {
        super::read(text.as_bytes()).told(text.as_bytes())
    }

    const IMAGE: &str = "services:\n  a:\n    image: ghcr.io/ggml-org/llama.cpp:server\n";

    #[test]
    fn a_command_may_be_a_list_or_a_string() {
        let list = format!("{IMAGE}    command: [\"-m\", /m/a.gguf, '--mlock']\n");
        assert_eq!(told(&list), ["common: -m /m/a.gguf --mlock"]);
        let block =
            format!("{IMAGE}    command:\n      - -m\n      - /m/a.gguf\n      - --no-mmap # slow disk\n");
        assert_eq!(told(&block), ["common: -m /m/a.gguf --no-mmap"]);
        let string = format!("{IMAGE}    command: -m /m/a.gguf --mmap\n");
        assert_eq!(told(&string), ["common: -m /m/a.gguf --mmap"]);
    }

    #[test]
    fn an_environment_may_be_a_map_or_a_list() {
        let map = format!("{IMAGE}    environment:\n      LLAMA_ARG_MLOCK: \"1\"\n      OTHER: x\n");
        assert_eq!(told(&map), ["LLAMA_ARG_MLOCK=1", "common:"]);
        let list = format!("{IMAGE}    environment:\n      - LLAMA_ARG_MMAP=0\n");
        assert_eq!(told(&list), ["LLAMA_ARG_MMAP=0", "common:"]);
    }

    #[test]
    fn other_services_and_broken_files() {
        assert_eq!(told("services:\n  db:\n    image: postgres\n    command: [postgres, -c, x]\n"), [""; 0]);
        let broken = told("services: [\n");
        assert!(broken.len() == 1 && broken[0].starts_with("refused: "), "{broken:?}");
    }
}
