//! Property lists of launchd: `ProgramArguments` and `EnvironmentVariables` of the XML form.

use std::ops::Range;

use super::model::{Document, Form, List, Scope, Setting, Text, Word};
use super::recognise::{self, Found, place};
use super::text;
use super::vocabulary;

/// An element without elements in it, and its text.
struct Element {
    name: String,
    span: Range<usize>,
    text: String,
}

/// Reads a property list.
pub(super) fn read(text: &[u8]) -> Document {
    let mut document = Document { keys: true, ..Document::default() };
    document.comment(comments(text));
    let elements = elements(text);
    for (element, next) in elements.iter().zip(elements.iter().skip(1)) {
        // A key is nothing without what follows it.
        let end = if element.name == "key" { next.span.end } else { element.span.end };
        document.part("element", element.span.start..end);
    }
    let mut scope = Scope::default();
    let mut words = Vec::new();
    for (index, key) in elements.iter().enumerate().filter(|(_, element)| element.name == "key") {
        let next = |from: usize| elements.get(from).map_or("", |element| element.name.as_str());
        match key.text.as_str() {
            "ProgramArguments" if words.is_empty() && next(index + 1) == "<array>" => {
                let end = index + 2 + elements[index + 2..].iter().take_while(|e| e.name == "string").count();
                words = strings(text, &elements[index + 2..end], &mut document);
            }
            "EnvironmentVariables" if next(index + 1) == "<dict>" => {
                let end = index
                    + 2
                    + elements[index + 2..]
                        .iter()
                        .take_while(|e| matches!(e.name.as_str(), "key" | "string"))
                        .count();
                variables(text, &elements[index + 2..end], &mut scope, &mut document);
            }
            _ => {}
        }
    }
    let at = words.first().map_or(0, |word| document.lists[word.at.list].items[word.at.item].start);
    match recognise::command(at, &words, &scope) {
        Found::Command(command) => scope.commands.push(command),
        Found::HiddenProgram => document.refuse(at, "load flags stand behind a program that cannot be known"),
        Found::Nothing => {}
    }
    if let (Some(setting), true) = (scope.shared.first(), scope.commands.is_empty()) {
        document.refuse(
            at,
            format!("{} is set for a program that is not known to be one of llama.cpp", setting.name),
        );
    }
    document.scopes.push(scope);
    let why = "it is no string of ProgramArguments of a llama program".to_owned();
    document.why.push((0..text.len(), why));
    document
}

/// The list of the elements of one row, each on a line of its own or behind another.
fn list(text: &[u8], items: Vec<Range<usize>>, document: &mut Document) -> usize {
    let join = items.first().map_or(String::new(), |first| {
        let line = text::whole_lines(text, first);
        let lead = &text[line.start..first.start];
        if lead.iter().all(u8::is_ascii_whitespace) {
            format!("{}{}", text::newline(text), String::from_utf8_lossy(lead))
        } else {
            String::new()
        }
    });
    document.list(List { items, lines: None, whole: None, verb: 0, join })
}

fn strings(text: &[u8], elements: &[Element], document: &mut Document) -> Vec<Word> {
    let list = list(text, elements.iter().map(|element| element.span.clone()).collect(), document);
    let word = |(item, element): (usize, &Element)| Word {
        at: place(list, item),
        text: Text::Known(element.text.clone()),
        quote: "<string>",
    };
    elements.iter().enumerate().map(word).collect()
}

fn variables(text: &[u8], elements: &[Element], scope: &mut Scope, document: &mut Document) {
    let pairs: Vec<&[Element]> =
        elements.chunks_exact(2).filter(|pair| pair[0].name == "key" && pair[1].name == "string").collect();
    let list = list(text, pairs.iter().map(|pair| pair[0].span.start..pair[1].span.end).collect(), document);
    for (item, pair) in pairs.iter().enumerate() {
        if vocabulary::find_variable(&pair[0].text).is_some() {
            let (name, value) = (pair[0].text.clone(), Text::Known(pair[1].text.clone()));
            scope.shared.push(Setting { name, value, at: vec![place(list, item)], form: Form::Plist });
        }
    }
}

fn comments(text: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = position(text, at, b"<!--") {
        at = position(text, start, b"-->").map_or(text.len(), |end| end + 3);
        found.push(start..at);
    }
    found
}

fn position(text: &[u8], from: usize, what: &[u8]) -> Option<usize> {
    text[from..].windows(what.len()).position(|window| window == what).map(|at| from + at)
}

/// The leaves in order; the start of an array or a dictionary is one named `<array>` or `<dict>`, and
/// any other tag one named by itself.
fn elements(text: &[u8]) -> Vec<Element> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(open) = text[at..].iter().position(|byte| *byte == b'<').map(|open| at + open) {
        if text[open..].starts_with(b"<!--") {
            at = position(text, open, b"-->").map_or(text.len(), |end| end + 3);
            continue;
        }
        let Some(close) = text[open..].iter().position(|byte| *byte == b'>').map(|close| open + close) else {
            break;
        };
        let tag = String::from_utf8_lossy(&text[open..=close]).into_owned();
        at = close + 1;
        if !matches!(tag.as_str(), "<key>" | "<string>") {
            found.push(Element { name: tag, span: open..at, text: String::new() });
            continue;
        }
        let name = tag.trim_matches(['<', '>']).to_owned();
        let end_tag = format!("</{name}>");
        let Some(end) = position(text, at, end_tag.as_bytes()) else { break };
        let inner = String::from_utf8_lossy(&text[at..end]).into_owned();
        at = end + end_tag.len();
        found.push(Element { name, span: open..at, text: unescaped(&inner) });
    }
    found
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_job_is_its_arguments_and_its_variables() {
        let text = "<dict>\n<key>ProgramArguments</key>\n<array>\n  <string>/x/llama-server</string>\n  <string>-m</string>\n  <string>/a&amp;b.gguf</string>\n  <!-- c -->\n  <string>--mlock</string>\n</array>\n<key>EnvironmentVariables</key><dict><key>LLAMA_ARG_MMAP</key><string>0</string></dict>\n</dict>";
        assert_eq!(
            super::read(text.as_bytes()).told(text.as_bytes()),
            ["LLAMA_ARG_MMAP=0", "common: -m /a&b.gguf --mlock"]
        );
    }
}
