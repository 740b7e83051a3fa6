//! Makefiles, justfiles and Procfiles: lines of shell among lines of another language. Each line of a
//! recipe is a shell of its own; what stands elsewhere in the file is not read.

use std::ops::Range;

use super::lex::{SHELL, SHELL_BLOCK};
use super::model::{Document, Scope};
use super::shell;
use super::text::{self, Line};

/// Reads a Makefile: the lines that start with a tab.
pub(super) fn make(text: &[u8]) -> Document {
    let mut document = Document::default();
    document.comment(text::comment_lines(text, b"#"));
    let lines = text::lines(text);
    let starts =
        |line: &Line, words: &[&[u8]]| words.iter().any(|word| text[line.content.clone()].starts_with(word));
    let includes = lines.iter().any(|line| starts(line, &[b"include", b"-include", b"sinclude"]));
    // `.ONESHELL` makes one script of a recipe, and `SHELL` another language of it.
    let other = lines.iter().find(|line| {
        starts(line, &[b".ONESHELL", b".RECIPEPREFIX"]) || is_other_shell(&text[line.content.clone()])
    });
    if let Some(other) = other {
        let why = "the recipes of this Makefile are not run line by line in a POSIX shell".to_owned();
        document.why.push((other.content.start..text.len(), why.clone()));
        document.why.push((0..text.len(), why));
        return document;
    }
    let mut at = 0;
    while at < lines.len() {
        let first = at;
        at = continued(text, &lines, at);
        let content = &text[lines[first].content.clone()];
        if !content.starts_with(b"\t") {
            continue;
        }
        let marks = content.iter().take_while(|byte| b"\t @-+".contains(byte)).count();
        let range = lines[first].content.start + marks..lines[at - 1].content.end;
        line(text, range, includes.then_some("an included Makefile"), &mut document);
    }
    document
        .why
        .push((0..text.len(), "it stands in a Makefile outside a llama command of a recipe".to_owned()));
    document
}

fn is_other_shell(line: &[u8]) -> bool {
    let Some(rest) = line.strip_prefix(b"SHELL") else { return false };
    let value =
        String::from_utf8_lossy(rest).trim_start_matches([' ', '\t', ':', '?', '=']).trim().to_owned();
    !matches!(value.rsplit('/').next(), Some("sh" | "bash" | "dash" | "zsh"))
        && value != "$(shell which bash)"
}

/// Reads a justfile: the indented lines of its recipes.
pub(super) fn just(text: &[u8]) -> Document {
    let mut document = Document::default();
    document.comment(text::comment_lines(text, b"#"));
    let lines = text::lines(text);
    let shown = |line: &Line| String::from_utf8_lossy(&text[line.content.clone()]).into_owned();
    let settings: Vec<String> = lines.iter().map(shown).filter(|line| line.starts_with("set ")).collect();
    let dotenv = settings.iter().any(|line| line.contains("dotenv"));
    let shell_is_known = settings.iter().filter(|line| line.contains("shell")).all(|line| {
        line.contains("windows")
            || ["\"sh\"", "\"bash\"", "\"zsh\"", "\"dash\"", "'bash'", "'sh'"]
                .iter()
                .any(|shell| line.contains(shell))
    });
    let mut at = 0;
    while shell_is_known && at < lines.len() {
        let is_body = |line: &Line| {
            text[line.content.clone()].starts_with(b" ") || text[line.content.clone()].starts_with(b"\t")
        };
        if !is_body(&lines[at]) {
            at += 1;
            continue;
        }
        let first = shown(&lines[at]);
        if let Some(program) = first.trim_start().strip_prefix("#!") {
            let start = at;
            let blank = |line: &Line| text[line.content.clone()].trim_ascii().is_empty();
            while lines.get(at).is_some_and(|line| is_body(line) || blank(line)) {
                at += 1;
            }
            let is_shell =
                program.split(['/', ' ']).any(|word| matches!(word, "sh" | "bash" | "zsh" | "dash"));
            if is_shell {
                let mut scope = Scope::default();
                let range = lines[start].content.end..lines[at - 1].content.end;
                shell::piece(text, range, SHELL_BLOCK, &mut scope, &mut document);
                document.scopes.push(scope);
            }
            continue;
        }
        let start = at;
        at = continued(text, &lines, at);
        let marks =
            text[lines[start].content.clone()].iter().take_while(|byte| b"\t @-".contains(byte)).count();
        let range = lines[start].content.start + marks..lines[at - 1].content.end;
        line(text, range, dotenv.then_some("the file of dotenv"), &mut document);
    }
    document
        .why
        .push((0..text.len(), "it stands in a justfile outside a llama command of a recipe".to_owned()));
    document
}

/// Reads a Procfile: `name: command`.
pub(super) fn procfile(text: &[u8]) -> Document {
    let mut document = Document::default();
    document.comment(text::comment_lines(text, b"#"));
    for of_line in text::lines(text) {
        let content = &text[of_line.content.clone()];
        let Some(colon) = content.iter().position(|byte| *byte == b':') else { continue };
        if content.trim_ascii_start().starts_with(b"#") {
            continue;
        }
        line(text, of_line.content.start + colon + 1..of_line.content.end, None, &mut document);
    }
    document
}

/// One line, with a shell of its own.
fn line(text: &[u8], range: Range<usize>, unseen: Option<&str>, document: &mut Document) {
    let mut scope = Scope { unseen: unseen.map(str::to_owned), ..Scope::default() };
    shell::piece(text, range, SHELL, &mut scope, document);
    document.scopes.push(scope);
}

/// The line behind a line and those that continue it.
fn continued(text: &[u8], lines: &[Line], mut at: usize) -> usize {
    while at < lines.len() && text[lines[at].content.clone()].ends_with(b"\\") {
        at += 1;
    }
    (at + 1).min(lines.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipes_are_shells_line_by_line() {
        let text = "M = a.gguf\nrun: deps\n\t@llama-server -m $(M) \\\n\t  --mlock\n\t-LLAMA_ARG_MMAP=0 llama-cli -m $(M)\n";
        let told = make(text.as_bytes()).told(text.as_bytes());
        assert_eq!(told, ["common: -m … --mlock", "LLAMA_ARG_MMAP=0 common: -m …"]);
        let text = "serve model=\"a\":\n    @llama-server -m {{model}} --mlock\n\nbash:\n    #!/usr/bin/env bash\n    llama-cli -m a --no-mmap\n";
        let told = just(text.as_bytes()).told(text.as_bytes());
        assert_eq!(told, ["common: -m {{model}} --mlock", "common: -m a --no-mmap"]);
        let text = "# c\nweb: llama-server -m a --mlock --port $PORT\n";
        assert_eq!(procfile(text.as_bytes()).told(text.as_bytes()), ["common: -m a --mlock --port …"]);
    }

    #[test]
    fn other_shells_are_not_read() {
        let text = "SHELL := fish\nrun:\n\tllama-server -m a --mlock\n";
        assert_eq!(make(text.as_bytes()).told(text.as_bytes()), [""; 0]);
        let text = "set shell := [\"nu\", \"-c\"]\nrun:\n  llama-server -m a --mlock\n";
        assert_eq!(just(text.as_bytes()).told(text.as_bytes()), [""; 0]);
    }
}
