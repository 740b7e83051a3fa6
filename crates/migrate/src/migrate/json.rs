//! JSON files, with comments and commas at the end too: every object with a `command` and its `args`
//! and variables is a scope, as editors, MCP clients and container services write them.

use std::ops::Range;

use saphyr_parser::ScalarStyle;

use super::model::{Document, Insert, Scope, Word};
use super::nodes::{Dollar, Nodes};
use super::recognise::{self, Found};
use super::yaml::{self, Node, Value};

/// Keys that name a program.
const PROGRAMS: [&str; 5] = ["command", "program", "cmd", "executable", "runtimeExecutable"];
/// Keys of its arguments.
const ARGUMENTS: [&str; 3] = ["args", "arguments", "runtimeArgs"];
/// Keys of its variables.
const VARIABLES: [&str; 2] = ["env", "environment"];

/// Reads a file.
pub(super) fn read(text: &[u8]) -> Document {
    let mut document = Document { keys: true, ..Document::default() };
    let (root, comments) = match parse(text) {
        Ok(read) => read,
        Err((at, error)) => {
            let why = format!("the file cannot be read as JSON ({error})");
            document.why.push((at..text.len(), why.clone()));
            document.why.push((0..text.len(), why));
            return document;
        }
    };
    document.speaking = Some(yaml::scalars(std::slice::from_ref(&root)));
    document.comment(comments);
    root.parts(text, &mut document);
    let mut objects: Vec<&Node> = Vec::new();
    root.walk(&mut |node| {
        if matches!(node.value, Value::Mapping(_)) {
            objects.push(node);
        }
    });
    for object in objects {
        self::object(Nodes { text, document: &mut document, dollar: Dollar::Any }, object);
    }
    let why = "no `command` of this file runs it as an argument of a llama program".to_owned();
    document.why.push((0..text.len(), why));
    document
}

fn object(mut nodes: Nodes<'_, '_>, object: &Node) {
    let get = |keys: &[&str]| keys.iter().find_map(|key| object.get(key));
    let program = get(&PROGRAMS);
    let image = object.get("image").and_then(|(_, image)| image.scalar()).unwrap_or_default().to_owned();
    if program.is_none() && image.is_empty() {
        return;
    }
    let at = object.span.start;
    let mut scope = Scope::default();
    let options = object.get("options").map(|(_, options)| options);
    for holder in [Some(object), options].into_iter().flatten() {
        for variables in VARIABLES.iter().filter_map(|key| holder.get(key)) {
            match &variables.1.value {
                Value::Mapping(_) => nodes.environment(holder, variables, &mut scope),
                _ => nodes.pairs(holder, variables, &mut scope),
            }
        }
    }
    let mut words = list(&mut nodes, object, &["entryPoint", "entrypoint"]);
    let named = !words.is_empty();
    match program {
        Some((_, node)) if node.scalar().is_some() => words.extend(nodes.single(node)),
        Some((_, node)) => words.extend(nodes.words(node)),
        None => {}
    }
    let alone =
        program.filter(|(_, node)| node.scalar().is_some()).and_then(|_| words.last()).map(|word| word.at);
    let arguments = list(&mut nodes, object, &ARGUMENTS);
    let first_argument = recognise::before_first(&arguments);
    words.extend(arguments);
    let first = words.first().map(|word| word.text.end().to_owned()).unwrap_or_default();
    let mut found =
        if !named && recognise::is_llama_image(&image) && (first.starts_with('-') || first.is_empty()) {
            let insert = recognise::before_first(&words);
            recognise::of_image(at, &image, &words, Vec::new(), insert)
        } else {
            recognise::command(at, &words, &scope)
        };
    // Behind a program that is no element of a list there is no place for arguments.
    if let Found::Command(command) = &mut found
        && matches!(command.insert, Insert::After(at, _) if Some(at) == alone)
    {
        command.insert = first_argument;
    }
    if !matches!(found, Found::Nothing) || !scope.shared.is_empty() || !words.is_empty() {
        nodes.found(at, found, &words, &mut scope);
        nodes.readers(at, &scope, "its program is not known to be one of llama.cpp");
        nodes.document.scopes.push(scope);
    }
}

fn list(nodes: &mut Nodes<'_, '_>, object: &Node, keys: &[&str]) -> Vec<Word> {
    let found = keys.iter().find_map(|key| object.get(key));
    match found {
        Some((_, node @ Node { value: Value::Sequence(_), .. })) => nodes.words(node),
        _ => Vec::new(),
    }
}

/// How many values may lie within one another.
const DEEPEST: usize = 64;

/// Reads one value with its places, and the comments.
fn parse(text: &[u8]) -> Parsed<(Node, Vec<Range<usize>>)> {
    let mut parser = Parser { text, at: super::text::bom(text), comments: Vec::new() };
    let root = parser.value(0)?;
    parser.blank();
    if parser.at < text.len() {
        return Err((parser.at, "something stands behind its end"));
    }
    Ok((root, parser.comments))
}

struct Parser<'t> {
    text: &'t [u8],
    at: usize,
    comments: Vec<Range<usize>>,
}

type Parsed<T> = Result<T, (usize, &'static str)>;

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// Past white space and comments.
    fn blank(&mut self) {
        while let Some(byte) = self.peek() {
            let rest = &self.text[self.at..];
            if byte.is_ascii_whitespace() {
                self.at += 1;
            } else if rest.starts_with(b"//") {
                let line = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
                self.comments.push(self.at..self.at + rest[..line].trim_ascii_end().len());
                self.at += line;
            } else if rest.starts_with(b"/*") {
                let end = rest.windows(2).skip(2).position(|pair| pair == b"*/");
                let end = end.map_or(rest.len(), |end| end + 4);
                self.comments.push(self.at..self.at + end);
                self.at += end;
            } else {
                return;
            }
        }
    }

    fn value(&mut self, depth: usize) -> Parsed<Node> {
        if depth > DEEPEST {
            return Err((self.at, "it is nested too deep"));
        }
        self.blank();
        let start = self.at;
        let value = match self.peek() {
            Some(b'{') => {
                let mut entries = Vec::new();
                self.members(b'}', |parser| {
                    let key = parser.string()?;
                    parser.blank();
                    if parser.peek() != Some(b':') {
                        return Err((parser.at, "a colon is missing"));
                    }
                    parser.at += 1;
                    entries.push((key, parser.value(depth + 1)?));
                    Ok(())
                })?;
                Value::Mapping(entries)
            }
            Some(b'[') => {
                let mut items = Vec::new();
                self.members(b']', |parser| {
                    items.push(parser.value(depth + 1)?);
                    Ok(())
                })?;
                Value::Sequence(items)
            }
            Some(b'"') => return self.string(),
            Some(byte) if byte.is_ascii_alphanumeric() || byte == b'-' => {
                let part = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
                self.at += self.text[start..].iter().take_while(|byte| part(byte)).count();
                let text = String::from_utf8_lossy(&self.text[start..self.at]).into_owned();
                Value::Scalar { text, style: ScalarStyle::Plain }
            }
            _ => return Err((start, "a value is missing")),
        };
        Ok(self.node(start..self.at, value))
    }

    fn node(&self, span: Range<usize>, value: Value) -> Node {
        Node { span, anchor: 0, value }
    }

    fn members(&mut self, end: u8, mut member: impl FnMut(&mut Self) -> Parsed<()>) -> Parsed<()> {
        self.at += 1;
        loop {
            self.blank();
            if self.peek() == Some(end) {
                self.at += 1;
                return Ok(());
            }
            member(self)?;
            self.blank();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(byte) if byte == end => {}
                _ => return Err((self.at, "a comma or a closing bracket is missing")),
            }
        }
    }

    fn string(&mut self) -> Parsed<Node> {
        let start = self.at;
        if self.peek() != Some(b'"') {
            return Err((start, "a string is missing"));
        }
        self.at += 1;
        let mut content = Vec::new();
        loop {
            let byte = self.peek().ok_or((start, "a string does not end"))?;
            self.at += 1;
            match byte {
                b'"' => break,
                b'\n' => return Err((start, "a string does not end")),
                b'\\' => self.escape(&mut content)?,
                _ => content.push(byte),
            }
        }
        let text = String::from_utf8_lossy(&content).into_owned();
        Ok(self.node(start..self.at, Value::Scalar { text, style: ScalarStyle::DoubleQuoted }))
    }

    fn escape(&mut self, content: &mut Vec<u8>) -> Parsed<()> {
        let start = self.at;
        let byte = self.peek().ok_or((start, "a string does not end"))?;
        self.at += 1;
        let plain = match byte {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'b' => 8,
            b'f' => 12,
            b'u' => {
                let digits =
                    self.text.get(self.at..self.at + 4).and_then(|digits| std::str::from_utf8(digits).ok());
                let number = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
                let number = number.ok_or((start, "an escape is no number"))?;
                self.at += 4;
                // Halves of a pair become the replacement character: no name of a flag has them.
                let c = char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER);
                content.extend(c.to_string().bytes());
                return Ok(());
            }
            other => other,
        };
        content.push(plain);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        super::read(text.as_bytes()).told(text.as_bytes())
    }

    #[test]
    fn an_object_with_a_command_is_a_scope() {
        let text = "// c\n{\"mcpServers\": {\"a\": {\"command\": \"/x/llama-server\", \"args\": [\"-m\", \"a.gguf\", \"--mlock\",], \"env\": {\"LLAMA_ARG_MMAP\": \"0\"}}}}";
        assert_eq!(told(text), ["LLAMA_ARG_MMAP=0", "common: -m a.gguf --mlock"]);
        let pairs = "{\"image\": \"ghcr.io/ggml-org/llama.cpp:server\", \"command\": [\"--mlock\"], \"environment\": [{\"name\": \"LLAMA_ARG_MMAP\", \"value\": \"0\"}]}";
        assert_eq!(told(pairs), ["LLAMA_ARG_MMAP=0", "common: --mlock"]);
    }

    #[test]
    fn strings_know_their_bytes_and_their_text() {
        let text = "{\"a\\n\\u00e9\": [1, true, \"x\"]} // end";
        let (root, comments) = parse(text.as_bytes()).expect("it is JSON");
        assert_eq!(comments.iter().map(|at| &text[at.clone()]).collect::<Vec<_>>(), ["// end"]);
        let [(key, value)] = root.entries() else { panic!("one entry") };
        assert_eq!(key.scalar(), Some("a\né"));
        let Value::Sequence(items) = &value.value else { panic!("a list") };
        assert_eq!(
            items.iter().map(|item| &text[item.span.clone()]).collect::<Vec<_>>(),
            ["1", "true", "\"x\""]
        );
        for bad in ["", "{", "[1 2]", "{\"a\" 1}", "\"x", "{} x", "\"\\u00\""] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(parse("[".repeat(20_000).as_bytes()).is_err());
    }
}
