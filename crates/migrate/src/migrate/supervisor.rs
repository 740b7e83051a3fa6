//! Configurations of supervisord: one scope for each `[program:…]`, made of its `command` and
//! `environment`. A command is split into words without a shell; `%(…)s` is filled in.

use std::ops::Range;

use super::lex::{Kind, WORDS, tokens};
use super::model::{Document, Form, List, Scope, Setting, Text, Word};
use super::recognise::{self, Found, place};
use super::text;
use super::vocabulary;

/// Reads a configuration.
pub(super) fn read(text: &[u8]) -> Document {
    let mut document = Document { keys: true, ..Document::default() };
    document.comment(text::comment_lines(text, b"#;"));
    let mut program = false;
    let mut scope = Scope::default();
    let mut command: Option<Range<usize>> = None;
    let lines = text::lines(text);
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        at += 1;
        let content = &text[line.content.clone()];
        if content.starts_with(b"[") {
            finish(text, &mut scope, command.take(), &mut document);
            program = content.starts_with(b"[program:");
            continue;
        }
        if !program || content.starts_with(b"#") || content.starts_with(b";") {
            continue;
        }
        let Some(equals) = content.iter().position(|byte| matches!(byte, b'=' | b':')) else { continue };
        let start = line.content.start + equals + 1;
        let mut end = line.content.end;
        // A value goes on in the indented lines behind it.
        while let Some(next) = lines.get(at).filter(|next| {
            let bytes = &text[next.content.clone()];
            bytes.first().is_some_and(|byte| matches!(byte, b' ' | b'\t')) && !bytes.trim_ascii().is_empty()
        }) {
            end = next.content.end;
            at += 1;
        }
        let comment = text[start..end].windows(2).position(|pair| pair == b" ;");
        let value = start..comment.map_or(end, |comment| start + comment);
        document.part("key", line.content.start..start);
        document.part("value", value.clone());
        match content[..equals].trim_ascii() {
            b"command" => command = Some(value),
            b"environment" => environment(text, value, &mut scope, &mut document),
            _ => {}
        }
    }
    finish(text, &mut scope, command, &mut document);
    let why = "it stands outside `command` and `environment` of a [program:…] that runs llama.cpp".to_owned();
    document.why.push((0..text.len(), why));
    document
}

/// The end of a section.
fn finish(text: &[u8], scope: &mut Scope, command: Option<Range<usize>>, document: &mut Document) {
    let mut scope = std::mem::take(scope);
    let Some(value) = command else {
        if let Some(setting) = scope.shared.first() {
            let at = setting.at.first().map_or(0, |at| document.lists[at.list].items[at.item].start);
            document.refuse(at, format!("{} is set for a program without a command", setting.name));
        }
        return;
    };
    let tokens = tokens(text, value.clone(), WORDS);
    let items = tokens.iter().map(|token| token.span.clone()).collect();
    let list = document.list(List { items, lines: None, whole: None, verb: 0, join: " ".into() });
    let words: Vec<Word> = tokens
        .iter()
        .enumerate()
        .filter_map(|(item, token)| match &token.kind {
            Kind::Word { text, .. } => Some(Word { at: place(list, item), text: text.clone(), quote: "" }),
            _ => None,
        })
        .collect();
    match recognise::command(value.start, &words, &scope) {
        Found::Command(command) => scope.commands.push(command),
        Found::HiddenProgram => {
            document.refuse(value.start, "load flags stand behind a program that cannot be known");
        }
        Found::Nothing => super::dockerfile::script_in_list(text, &words, &mut scope, document),
    }
    if let (Some(setting), true) = (scope.shared.first(), scope.commands.is_empty()) {
        let text = format!("{} is set for a program that is not known to be one of llama.cpp", setting.name);
        document.refuse(value.start, text);
    }
    document.scopes.push(scope);
}

/// `NAME="value",NAME="value"`.
fn environment(text: &[u8], value: Range<usize>, scope: &mut Scope, document: &mut Document) {
    let mut items = Vec::new();
    let (mut at, mut start, mut quote) = (value.start, value.start, None);
    while at <= value.end {
        let byte = (at < value.end).then(|| text[at]);
        match byte {
            None | Some(b',') if quote.is_none() => {
                let raw = &text[start..at];
                let lead = raw.len() - raw.trim_ascii_start().len();
                if !raw.trim_ascii().is_empty() {
                    items.push(start + lead..start + lead + raw.trim_ascii().len());
                }
                start = at + 1;
            }
            Some(mark @ (b'"' | b'\'')) if quote.is_none_or(|quote| quote == mark) => {
                quote = if quote.is_none() { Some(mark) } else { None };
            }
            _ => {}
        }
        at += 1;
    }
    let whole = Some(text::whole_lines(text, &value));
    let list = document.list(List { items: items.clone(), lines: None, whole, verb: 0, join: ",".into() });
    for (item, span) in items.into_iter().enumerate() {
        let raw = String::from_utf8_lossy(&text[span]).into_owned();
        let Some((name, value)) = raw.split_once('=') else { continue };
        if vocabulary::find_variable(name.trim()).is_none() {
            continue;
        }
        let value = Text::Known(value.trim().trim_matches(['"', '\'']).to_owned());
        let at = vec![place(list, item)];
        scope.shared.push(Setting { name: name.trim().to_owned(), value, at, form: Form::Quoted });
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_program_is_its_command_and_its_variables() {
        let text = "[supervisord]\nnodaemon=true\n[program:a]\ncommand=/x/llama-server -m a.gguf --mlock ; c\nenvironment=A=\"x,y\",LLAMA_ARG_MMAP=\"0\"\n";
        assert_eq!(
            super::read(text.as_bytes()).told(text.as_bytes()),
            ["LLAMA_ARG_MMAP=0", "common: -m a.gguf --mlock"]
        );
    }
}
