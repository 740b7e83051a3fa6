//! Files of `NAME=VALUE` lines, which a service manager, a container engine or a shell reads.

use super::lex::{Kind, WORDS, assignment, tokens};
use super::model::{Document, Form, List, Scope, Setting};
use super::recognise::place;
use super::text;
use super::vocabulary;

/// Whether every line is empty, a comment or an assignment.
pub(super) fn is_env(text: &[u8]) -> bool {
    let mut any = false;
    let all = text::lines(text).into_iter().all(|line| {
        let content = String::from_utf8_lossy(&text[line.content]).into_owned();
        let content = content.trim();
        if content.is_empty() || content.starts_with('#') {
            return true;
        }
        any = true;
        let named = content.strip_prefix("export ").unwrap_or(content).split_once('=');
        named.is_some_and(|(name, _)| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        })
    });
    all && any
}

/// Reads a file of variables.
pub(super) fn read(text: &[u8]) -> Document {
    let mut document = Document::default();
    document.comment(text::comment_lines(text, b"#"));
    let mut scope = Scope::default();
    for line in text::lines(text) {
        let tokens = tokens(text, line.content.clone(), WORDS);
        let words: Vec<_> = tokens
            .iter()
            .filter_map(|token| match &token.kind {
                Kind::Word { text, .. } => Some((text, token.span.clone())),
                _ => None,
            })
            .collect();
        let exported = words.first().is_some_and(|(word, _)| word.known() == Some("export"));
        let (word, span) = match words.as_slice() {
            [one] => one,
            [_, one] if exported => one,
            _ => continue,
        };
        let Some((name, value)) = assignment(word) else { continue };
        if vocabulary::find_variable(&name).is_none() {
            continue;
        }
        if scope.shared.iter().any(|setting| setting.name == name) {
            document.refuse(span.start, format!("{name} is set twice"));
            continue;
        }
        let whole = Some(text::going_line(text, &line.full));
        let list = document.list(List {
            items: vec![span.clone()],
            lines: None,
            whole,
            verb: 0,
            join: format!("{}{}", text::newline(text), if exported { "export " } else { "" }),
        });
        scope.shared.push(Setting { name, value, at: vec![place(list, 0)], form: Form::PLAIN });
    }
    if let Some(setting) = scope.shared.first() {
        let at = setting.at.first().map_or(0, |at| document.lists[at.list].items[at.item].start);
        document.remark(at, "the command that reads these variables was not looked at");
    }
    document.scopes.push(scope);
    let why = "it is no load variable with a value of its own on the line".to_owned();
    document.why.push((0..text.len(), why));
    document
}

#[cfg(test)]
mod tests {
    #[test]
    fn lines_are_variables() {
        let text = "# c\nA=x y\nexport LLAMA_ARG_MLOCK=1\nLLAMA_ARG_MMAP=\"0\"\n";
        let told = super::read(text.as_bytes()).told(text.as_bytes());
        assert_eq!(told[..2], ["LLAMA_ARG_MLOCK=1", "LLAMA_ARG_MMAP=0"]);
        assert!(super::is_env(text.as_bytes()) && !super::is_env(b"A=1\nrun\n"));
    }
}
