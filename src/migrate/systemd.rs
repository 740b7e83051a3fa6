//! systemd units: `ExecStart=` and `Environment=`, one scope for the service.

use std::ops::Range;

use super::lex::{Kind, SHELL_LINES, UNIT, assignment, tokens};
use super::model::{Document, Form, List, Scope, Setting, Text, Word};
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
    let mut scope = Scope::default();
    let entries = entries(text);
    for (key, value) in &entries {
        match key.as_str() {
            "Environment" => environment(text, value, &mut scope, &mut document),
            "EnvironmentFile" => {
                let file = String::from_utf8_lossy(&text[value.clone()]).trim().to_owned();
                document.remark(value.start, format!("{file} is read by the service and was not looked at"));
            }
            "PassEnvironment" | "UnsetEnvironment" => {
                let names = String::from_utf8_lossy(&text[value.clone()]).into_owned();
                if let Some(name) =
                    names.split_whitespace().find(|name| vocabulary::find_variable(name).is_some())
                {
                    document
                        .refuse(value.start, format!("{key} says {name}, so that its value cannot be known"));
                }
            }
            _ => {}
        }
    }
    for (key, value) in entries.iter().filter(|(key, _)| EXEC.contains(&key.as_str())) {
        exec(text, key, value, &mut scope, &mut document);
    }
    document.scopes.push(scope);
    document
}

/// Keys with the places of their values, continued lines included.
fn entries(text: &[u8]) -> Vec<(String, Range<usize>)> {
    let mut entries = Vec::new();
    let lines: Vec<Line> = text::lines(text);
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        at += 1;
        let content = String::from_utf8_lossy(&text[line.content.clone()]).into_owned();
        let trimmed = content.trim_start();
        if trimmed.starts_with(['#', ';', '[']) {
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
        entries.push((key, line.content.start + equals + 1..end));
    }
    entries
}

fn environment(text: &[u8], value: &Range<usize>, scope: &mut Scope, document: &mut Document) {
    let tokens = tokens(text, value.clone(), UNIT);
    let number = document.lists.len();
    let items = tokens.iter().map(|token| token.span.clone()).collect();
    let whole = Some(text::whole_lines(text, value));
    document.list(List { items, lines: None, whole, verb: false, join: " ".into() });
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
    let number = document.lists.len();
    let items = tokens.iter().map(|token| token.span.clone()).collect();
    document.list(List { items, lines: None, whole: None, verb: false, join: " ".into() });
    let words: Vec<Word> = tokens
        .iter()
        .enumerate()
        .filter_map(|(item, token)| match &token.kind {
            Kind::Word { text, .. } => Some(Word { at: place(number, item), text: text.clone(), quote: "" }),
            _ => None,
        })
        .collect();
    if tokens.iter().any(|token| matches!(token.kind, Kind::Comment)) && tokens.len() > words.len() {
        document.remark(start, "comments stand between the lines of this command; they are kept");
    }
    match recognise::command(start, &words, scope) {
        Found::Command(command) => scope.commands.push(command),
        Found::HiddenProgram => {
            document.refuse(start, "load flags stand behind a program that cannot be known")
        }
        Found::Nothing => {
            let sh = words.first().and_then(|word| word.text.end().rsplit('/').next());
            if matches!(sh, Some("sh" | "bash" | "env"))
                && words.iter().any(|word| word.text.known() == Some("-c"))
            {
                shell::piece(text, start..value.end, SHELL_LINES, scope, document);
            }
        }
    }
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
