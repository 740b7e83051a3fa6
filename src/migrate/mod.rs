//! Rewriting files from one dialect's load flags and variables to another's, so that every command
//! keeps its plan.
//!
//! Pure: text in, text out. Uses `plan` alone. A reader for each kind of file finds commands, flags and
//! variables with their places; one engine asks [`crate::plan::equivalent`] for the new spelling and
//! changes the items; the result is read again and has to ask for the same plans. A file with
//! something that cannot be expressed or known stays as it is, and says what and where.

mod compose;
mod detect;
mod dockerfile;
mod edit;
mod lex;
mod model;
mod options;
mod preset;
mod recognise;
mod rewrite;
mod shell;
mod systemd;
mod text;
mod vocabulary;
mod yaml;

use std::fmt;
use std::ops::Range;

pub use detect::detect;

use self::lex::{Kind as TokenKind, SHELL, tokens};
use self::model::{Command, Document, Insert, List, Say, Scope, Tool, Word};
use self::recognise::{Found, place};
use self::rewrite::{Rewrite, Way};
use crate::plan::{Dialect, LoadPlan};

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A shell script.
    Shell,
    /// A systemd unit.
    Systemd,
    /// A Dockerfile.
    Dockerfile,
    /// A docker-compose file.
    Compose,
    /// A preset file of llama.cpp.
    Preset,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Shell, Self::Systemd, Self::Dockerfile, Self::Compose, Self::Preset];

    /// The name, as `--kind` takes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Shell => "shell",
            Self::Systemd => "systemd",
            Self::Dockerfile => "dockerfile",
            Self::Compose => "compose",
            Self::Preset => "preset",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Something about a line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The line, from 1.
    pub line: usize,
    /// What there is to say.
    pub text: String,
}

/// What became of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    /// The new text; the old one when nothing had to change or something was refused.
    pub text: Vec<u8>,
    /// What each command, or each set of variables without one, asks for: one plan, or those of the
    /// queue of llama-bench.
    pub plans: Vec<Vec<LoadPlan>>,
    /// Why the text stays as it is.
    pub refusals: Vec<Remark>,
    /// What was left alone, or deserves a look.
    pub remarks: Vec<Remark>,
}

/// Rewrites a file.
#[must_use]
pub fn migrate(kind: Kind, text: &[u8], from: Dialect, to: Dialect) -> Migration {
    let way = Way { from, to };
    let first = attempt(kind, text, way);
    verified(text, first, |new| attempt(kind, new, Way { from: to, to }))
}

/// Rewrites a command line: `program arguments`, or load flags alone. Words that stay as they are
/// come quoted for a shell.
#[must_use]
pub fn migrate_line(words: &[String], from: Dialect, to: Dialect) -> Migration {
    let text: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    let text = text.join(" ").into_bytes();
    let read = |text: &[u8], way| finish(text, &line(text), way);
    let first = read(&text, Way { from, to });
    verified(&text, first, |new| read(new, Way { from: to, to }))
}

/// What one reading of a text gives.
struct Attempt {
    text: Vec<u8>,
    plans: Vec<Vec<LoadPlan>>,
    refusals: Vec<Say>,
    remarks: Vec<Say>,
}

fn attempt(kind: Kind, text: &[u8], way: Way) -> Attempt {
    let document = match kind {
        Kind::Shell => shell::read(text),
        Kind::Systemd => systemd::read(text),
        Kind::Dockerfile => dockerfile::read(text),
        Kind::Compose => compose::read(text),
        Kind::Preset => {
            let found = preset::migrate(text, way);
            let text = if found.refusals.is_empty() { replaced(text, found.edits) } else { text.to_vec() };
            return Attempt { text, plans: found.plans, refusals: found.refusals, remarks: found.remarks };
        }
    };
    finish(text, &document, way)
}

fn finish(text: &[u8], document: &Document, way: Way) -> Attempt {
    let Rewrite { changes, plans, mut refusals, mut remarks } = rewrite::rewrite(document, way);
    refusals.extend(document.refusals.iter().cloned());
    remarks.extend(document.remarks.iter().cloned());
    // Between equal dialects nothing has to be known.
    if way.from == way.to {
        refusals.clear();
    }
    let unchanged = !refusals.is_empty() || changes.is_empty();
    let text = if unchanged { text.to_vec() } else { changes.apply(text, &document.lists) };
    Attempt { text, plans, refusals, remarks }
}

/// Holds the new text against the old one: every command has to ask for what it asked for.
fn verified(old: &[u8], first: Attempt, read: impl Fn(&[u8]) -> Attempt) -> Migration {
    let Attempt { text, plans, mut refusals, mut remarks } = first;
    if refusals.is_empty() && text != old && read(&text).plans != plans {
        let text = "the rewritten file would not ask for the same loads; please report this file".to_owned();
        refusals.push(Say { at: 0, text });
    }
    let text = if refusals.is_empty() { text } else { old.to_vec() };
    let lined = |said: &mut Vec<Say>| {
        said.sort();
        said.dedup();
        said.iter()
            .map(|say| Remark { line: text::line_number(old, say.at), text: say.text.clone() })
            .collect()
    };
    Migration { refusals: lined(&mut refusals), remarks: lined(&mut remarks), text, plans }
}

fn replaced(text: &[u8], mut edits: Vec<(Range<usize>, String)>) -> Vec<u8> {
    edits.sort_by_key(|(range, _)| (range.start, range.end));
    let mut out = Vec::with_capacity(text.len());
    let mut done = 0;
    for (range, put) in edits {
        out.extend_from_slice(&text[done..range.start.max(done)]);
        out.extend_from_slice(put.as_bytes());
        done = range.end.max(done);
    }
    out.extend_from_slice(&text[done..]);
    out
}

/// One line: a command, or its arguments.
fn line(text: &[u8]) -> Document {
    let mut document = Document::default();
    let tokens = tokens(text, 0..text.len(), SHELL);
    let items = tokens.iter().map(|token| token.span.clone()).collect();
    let list = document.list(List { items, lines: None, whole: None, verb: false, join: " ".into() });
    let words: Vec<Word> = tokens
        .iter()
        .enumerate()
        .filter_map(|(item, token)| match &token.kind {
            TokenKind::Word { text, .. } => {
                Some(Word { at: place(list, item), text: text.clone(), quote: "" })
            }
            _ => None,
        })
        .collect();
    let mut scope = Scope::default();
    scope.commands.push(match recognise::command(0, &words, &scope) {
        Found::Command(command) => command,
        _ => {
            let insert = words.first().map_or(Insert::Nowhere, |first| Insert::Before(first.at, ""));
            Command { at: 0, tool: Tool::Common, settings: Vec::new(), words, insert }
        }
    });
    document.scopes.push(scope);
    document
}

/// A word for a POSIX shell.
fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_@%+=:,./-".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}
