//! systemd units: `ExecStart=` and `Environment=` of `[Service]`, and `Exec=` and `Environment=` of the
//! `[Container]` of a Quadlet, one scope each.

use std::ops::Range;

use super::lex::{Kind, SHELL_LINES, UNIT, assignment, tokens};
use super::model::{Document, Form, Insert, List, Scope, Setting, Text, Word};
use super::recognise::{self, Found, place};
use super::shell;
use super::text::{self, Line};
use super::vocabulary;

/// The keys whose commands belong to the service itself.
const EXEC: [&str; 6] =
    ["ExecStart", "ExecStartPre", "ExecStartPost", "ExecReload", "ExecStop", "ExecCondition"];

/// Reads a unit.
pub(super) fn read(text: &[u8]) -> Document {
    let mut document = Document::default();
    document.comment(text::comment_lines(text, b"#;"));
    let entries = entries(text);
    for entry in &entries {
        document.part("key", entry.line..entry.value.start);
        document.part("value", entry.value.clone());
    }
    let talks =
        |entry: &&Entry| matches!(entry.key.as_str(), "Description" | "Documentation" | "SyslogIdentifier");
    document.idle.extend(entries.iter().filter(talks).map(|entry| entry.value.clone()));
    for section in ["Service", "Container"] {
        let mut scope = Scope::default();
        let of_section: Vec<&Entry> = entries.iter().filter(|entry| entry.section == section).collect();
        for entry in &of_section {
            variables(text, entry, &mut scope, &mut document);
        }
        if section == "Container" {
            container(text, &of_section, &mut scope, &mut document);
        } else {
            for entry in of_section.iter().filter(|entry| EXEC.contains(&entry.key.as_str())) {
                exec(text, &entry.key, &entry.value, &mut scope, &mut document);
            }
        }
        if let (Some(setting), true) = (scope.shared.first(), scope.commands.is_empty()) {
            let at = setting.at.last().map_or(0, |at| document.lists[at.list].items[at.item].start);
            let quadlet = entries.iter().any(|entry| entry.section == "Container");
            let starts = of_section
                .iter()
                .any(|entry| entry.key == "ExecStart" && !text[entry.value.clone()].trim_ascii().is_empty());
            if !quadlet && starts {
                let text =
                    format!("{} is set for a program that is not known to be one of llama.cpp", setting.name);
                document.refuse(at, text);
            } else if quadlet && section == "Service" {
                let text = format!("{} is set for the engine, and not for the container", setting.name);
                document.refuse(at, text);
            } else {
                document.remark(at, "the command that reads these variables does not stand in this file");
            }
        }
        document.scopes.push(scope);
    }
    document
}

/// The keys that are about variables.
fn variables(text: &[u8], entry: &Entry, scope: &mut Scope, document: &mut Document) {
    let value = &entry.value;
    match entry.key.as_str() {
        "Environment" if text[value.clone()].trim_ascii().is_empty() => {
            if let Some(setting) = scope.shared.first() {
                let text = format!("an empty Environment= takes back {}", setting.name);
                document.refuse(value.start, text);
            }
        }
        "Environment" => environment(text, value, scope, document),
        "EnvironmentFile" => {
            let file = String::from_utf8_lossy(&text[value.clone()]).trim().to_owned();
            document.remark(value.start, format!("{file} is read by the service and was not looked at"));
            scope.unseen = Some(file);
        }
        "PassEnvironment" | "UnsetEnvironment" => {
            let names = String::from_utf8_lossy(&text[value.clone()]).into_owned();
            if let Some(name) =
                names.split_whitespace().find(|name| vocabulary::find_variable(name).is_some())
            {
                let text = format!("{} says {name}, so that its value cannot be known", entry.key);
                document.refuse(value.start, text);
            }
        }
        _ => {}
    }
}

/// `Exec=` of a Quadlet: the arguments of the image, or of its `Entrypoint=`.
fn container(text: &[u8], entries: &[&Entry], scope: &mut Scope, document: &mut Document) {
    let of = |key: &str| entries.iter().rev().find(|entry| entry.key == key);
    let shown = |entry: &Entry| String::from_utf8_lossy(&text[entry.value.clone()]).trim().to_owned();
    let image = of("Image").map(|entry| shown(entry)).unwrap_or_default();
    let Some(exec) = of("Exec") else {
        if let (Some(setting), false) = (scope.shared.first(), recognise::is_llama_image(&image)) {
            let text =
                format!("{} is set and the image `{image}` is not known to run llama.cpp", setting.name);
            document.refuse(0, text);
        }
        return;
    };
    let words = words(text, exec.value.clone(), document);
    let at = exec.value.start;
    let found = match of("Entrypoint").map(|entry| shown(entry)) {
        None if recognise::is_llama_image(&image) => {
            let insert = recognise::before_first(&words);
            recognise::of_image(at, &image, &words, Vec::new(), insert)
        }
        None => recognise::command(at, &words, scope),
        Some(program) => recognise::entry_point(at, &program, &words),
    };
    match found {
        Found::Command(command) => scope.commands.push(command),
        Found::HiddenProgram => document.refuse(at, "load flags stand behind a program that cannot be known"),
        Found::Nothing if scope.shared.is_empty() => {}
        Found::Nothing => {
            document.refuse(at, "load variables are set, and what program reads them is not known")
        }
    }
}

/// A key of a section.
struct Entry {
    section: String,
    key: String,
    /// Where its line starts.
    line: usize,
    /// The value, continued lines included.
    value: Range<usize>,
}

fn entries(text: &[u8]) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut section = String::new();
    let lines: Vec<Line> = text::lines(text);
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        at += 1;
        let content = String::from_utf8_lossy(&text[line.content.clone()]).into_owned();
        let trimmed = content.trim_start();
        if let Some(name) = trimmed.strip_prefix('[') {
            section = name.trim_end().trim_end_matches(']').to_owned();
            continue;
        }
        if trimmed.starts_with(['#', ';']) {
            continue;
        }
        let Some(equals) = text[line.content.clone()].iter().position(|byte| *byte == b'=') else { continue };
        let key = content.split('=').next().unwrap_or_default().trim().to_owned();
        let mut end = line.content.end;
        let mut continued = text[line.content.clone()].ends_with(b"\\");
        while continued {
            let Some(next) = lines.get(at) else { break };
            at += 1;
            let bytes = &text[next.content.clone()];
            let comment =
                bytes.trim_ascii_start().starts_with(b"#") || bytes.trim_ascii_start().starts_with(b";");
            end = next.content.end;
            continued = comment || bytes.ends_with(b"\\");
        }
        let value = line.content.start + equals + 1..end;
        entries.push(Entry { section: section.clone(), key, line: line.content.start, value });
    }
    entries
}

fn environment(text: &[u8], value: &Range<usize>, scope: &mut Scope, document: &mut Document) {
    let tokens = tokens(text, value.clone(), UNIT);
    let number = document.lists.len();
    let items = tokens.iter().map(|token| token.span.clone()).collect();
    let whole = Some(text::whole_lines(text, value));
    document.list(List { items, lines: None, whole, verb: 0, join: " ".into() });
    for (item, token) in tokens.iter().enumerate() {
        let Kind::Word { text: word, .. } = &token.kind else { continue };
        let Some((name, value)) = assignment(word) else { continue };
        if vocabulary::find_variable(&name).is_none() {
            let words = value.known().map(|value| value.split_whitespace().map(str::to_owned).collect());
            let seen = scope.variables.contains_key(&name);
            scope.variables.insert(name, words.filter(|_: &Vec<String>| !seen));
            continue;
        }
        if scope.shared.iter().any(|setting| setting.name == name) {
            document.refuse(token.span.start, format!("{name} is set twice"));
            continue;
        }
        // `$` has no meaning in an assignment, `%` has.
        let raw = &text[token.span.clone()];
        let value = if raw.contains(&b'%') { open() } else { value };
        let quote = match raw.first() {
            Some(b'"') => "\"",
            Some(b'\'') => "'",
            _ => "",
        };
        let form = Form::Assign { lead: "", quote, glue: None };
        scope.shared.push(Setting { name, value, at: vec![place(number, item)], form });
    }
}

fn open() -> Text {
    Text::Open { prefix: String::new(), suffix: String::new(), name: None }
}

fn exec(text: &[u8], key: &str, value: &Range<usize>, scope: &mut Scope, document: &mut Document) {
    let blank = text[value.clone()].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let marks =
        text[value.start + blank..value.end].iter().take_while(|byte| b"@-:+!|".contains(byte)).count();
    let start = value.start + blank + marks;
    let tokens = tokens(text, start..value.end, UNIT);
    if tokens.is_empty() {
        if key == "ExecStart" {
            // An empty value takes back the commands before it, those of other files included.
            document.remark(value.start, "an empty ExecStart= takes back the commands before it");
            scope.commands.clear();
        }
        return;
    }
    let mut words = words(text, start..value.end, document);
    let mark = &text[value.start + blank..start];
    // The second word is what the program is to take for its own name.
    let own_name = (mark.contains(&b'@') && words.len() > 1).then(|| words.remove(1).at);
    if words.iter().any(|word| word.text.known() == Some(";")) {
        let why = "several commands stand in one line".to_owned();
        document.why.push((value.clone(), why));
        return;
    }
    match recognise::command(start, &words, scope) {
        Found::Command(mut command) => {
            if let (Some(name), Insert::After(at, _)) = (own_name, command.insert)
                && at.item < name.item
            {
                command.insert = Insert::After(name, "");
            }
            scope.commands.push(command);
        }
        Found::HiddenProgram => {
            document.refuse(start, "load flags stand behind a program that cannot be known")
        }
        Found::Nothing => {
            let sh = words.first().and_then(|word| word.text.end().rsplit('/').next());
            let script = |word: &Word| {
                word.text
                    .known()
                    .is_some_and(|t| t.starts_with('-') && t.ends_with('c') && !t.starts_with("--"))
            };
            if matches!(sh, Some("sh" | "bash" | "dash" | "zsh" | "env")) && words.iter().any(script) {
                shell::piece(text, start..value.end, SHELL_LINES, scope, document);
            }
        }
    }
}

/// The words of a value, as a list of the document.
fn words(text: &[u8], range: Range<usize>, document: &mut Document) -> Vec<Word> {
    let tokens = tokens(text, range, UNIT);
    let number = document.lists.len();
    let items = tokens.iter().map(|token| token.span.clone()).collect();
    document.list(List { items, lines: None, whole: None, verb: 0, join: " ".into() });
    let word = |(item, token): (usize, &super::lex::Token)| match &token.kind {
        // A specifier may become anything.
        Kind::Word { text: Text::Known(known), .. } if specified(known) => {
            Some(Word { at: place(number, item), text: open(), quote: "" })
        }
        Kind::Word { text, .. } => Some(Word { at: place(number, item), text: text.clone(), quote: "" }),
        _ => None,
    };
    tokens.iter().enumerate().filter_map(word).collect()
}

/// Whether a word is nothing but a specifier, such as `%i`.
fn specified(word: &str) -> bool {
    word.len() == 2 && word.starts_with('%') && word != "%%"
}

#[cfg(test)]
mod tests {
    fn told(text: &str) -> Vec<String> {
        super::read(text.as_bytes()).told(text.as_bytes())
    }

    #[test]
    fn a_unit_is_its_variables_and_its_commands() {
        let text = "[Unit]\nDescription=llama-server --mlock\n[Service]\nEnvironment=\"LLAMA_ARG_MLOCK=1\" OTHER=2\nExecStart=/usr/bin/llama-server -m /m/a.gguf \\\n    --no-mmap\n";
        assert_eq!(told(text), ["LLAMA_ARG_MLOCK=1", "common: -m /m/a.gguf --no-mmap"]);
    }

    #[test]
    fn prefixes_of_a_command_line_are_no_part_of_it() {
        assert_eq!(told("[Service]\nExecStart=-/usr/bin/llama-server --mlock\n"), ["common: --mlock"]);
        assert_eq!(
            told("[Service]\r\nExecStartPre=/usr/bin/true\r\nExecStart=@/usr/bin/llama-cli llama --mmap\r\n")
                .len(),
            1
        );
    }

    #[test]
    fn comments_and_other_sections_say_nothing() {
        assert_eq!(told("# ExecStart=llama-cli --mlock\n[Install]\nWantedBy=multi-user.target\n"), [""; 0]);
    }
}
