//! Rewriting files from one dialect's load flags and variables to another's, so that every command
//! keeps its plan.
//!
//! Pure: text in, text out. Uses `plan` alone. A reader for each kind of file finds commands, flags and
//! variables with their places; one engine asks [`crate::plan::equivalent`] for the new spelling and
//! changes the items; the result is read again and has to ask for the same plans. A file with
//! something that cannot be expressed or known stays as it is, and says what and where.

mod account;
mod compose;
mod detect;
mod dockerfile;
mod edit;
mod env;
mod foreign;
mod json;
mod kept;
mod kubernetes;
mod lex;
mod model;
mod nodes;
mod options;
mod pins;
mod plist;
mod preset;
mod recipes;
mod recognise;
mod rewrite;
mod shell;
mod supervisor;
mod swap;
mod systemd;
mod text;
mod vocabulary;
mod workflow;
mod yaml;

use std::collections::BTreeSet;
use std::fmt;

pub use detect::detect;
pub use foreign::migrate_words;

use self::edit::Edit;
use self::lex::{Kind as TokenKind, SHELL, tokens};
use self::model::{Command, Document, Insert, List, Say, Scope, Tool, Word};
use self::recognise::{Found, place};
use self::rewrite::{Rewrite, Way};
use crate::plan::flags::Flag;
use crate::plan::{Dialect, LoadPlan, Spelling, load_flags};

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
    /// A manifest of Kubernetes.
    Kubernetes,
    /// A configuration of llama-swap.
    Swap,
    /// A workflow of GitHub Actions.
    Workflow,
    /// A YAML file of another kind, which is looked through and not changed.
    Yaml,
    /// A JSON file, with comments or without.
    Json,
    /// A property list of launchd.
    Plist,
    /// A Makefile.
    Make,
    /// A justfile.
    Just,
    /// A Procfile.
    Procfile,
    /// A configuration of supervisord.
    Supervisor,
    /// A file of variables.
    Env,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 16] = [
        Self::Shell,
        Self::Systemd,
        Self::Dockerfile,
        Self::Compose,
        Self::Preset,
        Self::Kubernetes,
        Self::Swap,
        Self::Workflow,
        Self::Yaml,
        Self::Json,
        Self::Plist,
        Self::Make,
        Self::Just,
        Self::Procfile,
        Self::Supervisor,
        Self::Env,
    ];

    /// The name, as `--kind` takes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Shell => "shell",
            Self::Systemd => "systemd",
            Self::Dockerfile => "dockerfile",
            Self::Compose => "compose",
            Self::Preset => "preset",
            Self::Kubernetes => "kubernetes",
            Self::Swap => "llama-swap",
            Self::Workflow => "workflow",
            Self::Yaml => "yaml",
            Self::Json => "json",
            Self::Plist => "plist",
            Self::Make => "makefile",
            Self::Just => "justfile",
            Self::Procfile => "procfile",
            Self::Supervisor => "supervisord",
            Self::Env => "env",
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
    if let Some(say) = account::in_utf_16(text).filter(|_| from != to) {
        let refusals = remarks_of(text, &[say]);
        return Migration { text: text.to_vec(), plans: Vec::new(), refusals, remarks: Vec::new() };
    }
    let mut first = attempt(kind, text, way);
    if from != to {
        first.remarks.extend(pins::pinned(text, way));
    }
    verified(kind, text, first, |new| attempt(kind, new, Way { from: to, to }))
}

/// What stands in a file that no reader knows: each line with a load flag or a load variable, as a
/// refusal, and where there is none, the line of a llama program whose default is another in `to`.
#[must_use]
pub fn look_through(text: &[u8], from: Dialect, to: Dialect) -> Vec<Remark> {
    if let Some(say) = account::in_utf_16(text) {
        return remarks_of(text, &[say]);
    }
    let llama = preset::may_be_preset(text).is_some();
    let mut document = Document { keys: true, llama, ..Document::default() };
    let why = "no reader knows this kind of file: migrate the line by hand, or say what it is with --kind";
    document.why.push((0..text.len(), why.to_owned()));
    let mut said = account::unread(text, &document);
    said.extend(other_default(text, &document, Way { from, to }).filter(|_| said.is_empty()));
    remarks_of(text, &said)
}

/// Where a llama program is started that no reader took for a command, if what it does by default is
/// another thing in the new dialect.
fn other_default(text: &[u8], document: &Document, Way { from, to }: Way) -> Option<Say> {
    let plain = |dialect| Spelling::default().resolve(dialect).map(|found| found.plan).ok();
    let read = document.scopes.iter().any(|scope| !scope.commands.is_empty());
    if read || plain(from) == plain(to) {
        return None;
    }
    let (name, at) = account::started(text, document)?;
    let why = document.why.iter().find(|(range, _)| range.contains(&at));
    let why = why.map_or("it was not read as a command", |(_, why)| why);
    Some(Say { at, text: format!("`{name}` loads in another way by default in the {to} dialect: {why}") })
}

/// Sentences, in the order of their places, with their lines. What they quote of the file has no control
/// characters.
fn remarks_of(text: &[u8], said: &[Say]) -> Vec<Remark> {
    let (mut line, mut at) = (1, 0);
    let mut found = Vec::with_capacity(said.len());
    for say in said {
        let to = say.at.clamp(at, text.len().max(at));
        line += text::line_number(&text[at..to], to) - 1;
        at = to;
        let shown = say
            .text
            .chars()
            .map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() });
        found.push(Remark { line, text: shown.collect() });
    }
    found
}

/// Rewrites a command line: `program arguments`, or load flags alone. Words that stay as they are
/// come quoted for a shell.
#[must_use]
pub fn migrate_line(words: &[String], from: Dialect, to: Dialect) -> Migration {
    let text: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    let text = text.join(" ").into_bytes();
    let read = |text: &[u8], way| finish(text, line(text).0, way);
    let first = read(&text, Way { from, to });
    verified(Kind::Shell, &text, first, |new| read(new, Way { from: to, to }))
}

/// What is about loading in a whole command line: `PROGRAM ARGUMENTS`, with variables and other programs
/// before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picked {
    /// The load flags, and the load variables set on the line.
    pub spelling: Spelling,
    /// Whether llama-bench reads them.
    pub bench: bool,
    /// Builds that the line pins and that speak another dialect.
    pub remarks: Vec<String>,
}

/// Picks what is about loading out of a command line; `None` where no program of llama.cpp is named, so
/// that a mistyped flag is not taken for one of a program's other options.
///
/// # Errors
///
/// Why that cannot be known.
#[must_use]
pub fn pick(words: &[String], dialect: Dialect) -> Option<Result<Picked, String>> {
    let text: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    let text = text.join(" ").into_bytes();
    let (document, named) = line(&text);
    named.then(|| picked(words, &text, &document, dialect))
}

/// The lazy modes that a line and the variables before its program state, which files keep as they are.
fn lazy(words: &[String], dialect: Dialect) -> (Vec<String>, Vec<(String, String)>) {
    let rules = dialect.rules();
    let is_lazy = |word: &str| {
        let (name, _) = rules.forms.split(word);
        rules.find(name).is_some_and(|named| named.flag == Flag::Lazy)
    };
    let found = load_flags(dialect, words, options::takes_value);
    let found = found.into_iter().filter(|range| is_lazy(&words[range.start]));
    let set = words
        .iter()
        .filter_map(|word| word.split_once('='))
        .filter(|(name, _)| rules.find_variable(name).is_some_and(|variable| variable.flag == Flag::Lazy));
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    (found.flat_map(|range| words[range].to_vec()).collect(), set.map(owned).collect())
}

fn picked(words: &[String], text: &[u8], document: &Document, dialect: Dialect) -> Result<Picked, String> {
    if let Some(missed) = account::unread(text, document).into_iter().next() {
        return Err(missed.text);
    }
    let [scope] = document.scopes.as_slice() else { return Err("it is no command line".to_owned()) };
    let Some(command) = scope.commands.first() else { return Err("it is no command line".to_owned()) };
    let mut spelling = rewrite::spelled(command, scope)?;
    let (lazy, set) = lazy(words, dialect);
    spelling.argv.extend(lazy);
    spelling.env.extend(set);
    let remarks = pins::pinned(text, Way { from: dialect, to: dialect });
    let remarks = remarks.into_iter().map(|say| say.text).collect();
    Ok(Picked { spelling, bench: command.tool == Tool::Bench, remarks })
}

/// What one reading of a text gives.
struct Attempt {
    document: Document,
    /// None where something is refused.
    edits: Vec<Edit>,
    plans: Vec<Vec<LoadPlan>>,
    refusals: Vec<Say>,
    remarks: Vec<Say>,
}

/// What a reader finds in a text.
fn read(kind: Kind, text: &[u8]) -> Document {
    match kind {
        Kind::Shell => shell::read(text),
        Kind::Systemd => systemd::read(text),
        Kind::Dockerfile => dockerfile::read(text),
        Kind::Compose => compose::read(text),
        Kind::Kubernetes => kubernetes::read(text),
        Kind::Swap => swap::read(text),
        Kind::Workflow => workflow::read(text),
        Kind::Yaml => yaml::read(text),
        Kind::Json => json::read(text),
        Kind::Plist => plist::read(text),
        Kind::Make => recipes::make(text),
        Kind::Just => recipes::just(text),
        Kind::Procfile => recipes::procfile(text),
        Kind::Supervisor => supervisor::read(text),
        Kind::Env => env::read(text),
        Kind::Preset => preset::account(text),
    }
}

fn attempt(kind: Kind, text: &[u8], way: Way) -> Attempt {
    let document = read(kind, text);
    if kind != Kind::Preset {
        return finish(text, document, way);
    }
    let mut found = preset::migrate(text, way);
    if way.from != way.to {
        add_unread(text, &document, &mut found.refusals);
    }
    let edits = if found.refusals.is_empty() {
        found.edits.into_iter().map(|(at, put)| Edit { at, put }).collect()
    } else {
        Vec::new()
    };
    let edits = edit::disjoint(edits);
    Attempt { document, edits, plans: found.plans, refusals: found.refusals, remarks: found.remarks }
}

fn finish(text: &[u8], document: Document, way: Way) -> Attempt {
    let Rewrite { changes, plans, mut refusals, mut remarks, .. } = rewrite::rewrite(&document, way);
    refusals.extend(document.refusals.iter().cloned());
    remarks.extend(document.remarks.iter().cloned());
    add_unread(text, &document, &mut refusals);
    refusals.extend(other_default(text, &document, way).filter(|_| refusals.is_empty()));
    // Between equal dialects nothing has to be known.
    if way.from == way.to {
        refusals.clear();
    }
    let edits = if refusals.is_empty() { changes.edits(text, &document) } else { Vec::new() };
    Attempt { document, edits, plans, refusals, remarks }
}

/// Adds what the account misses, except in lines that are refused already.
fn add_unread(text: &[u8], document: &Document, refusals: &mut Vec<Say>) {
    let unread = account::unread(text, document);
    if unread.is_empty() {
        return;
    }
    let starts: Vec<usize> = text::lines(text).into_iter().map(|line| line.full.start).collect();
    let line = |at: usize| starts.partition_point(|start| *start <= at);
    let refused: BTreeSet<usize> = refusals.iter().map(|say| line(say.at)).collect();
    refusals.extend(unread.into_iter().filter(|say| !refused.contains(&line(say.at))));
}

/// Holds the new text against the old one: every command has to ask for what it asked for, and what is not
/// about loading has to be what it was.
fn verified(kind: Kind, old: &[u8], first: Attempt, read: impl Fn(&[u8]) -> Attempt) -> Migration {
    let Attempt { document, edits, plans, mut refusals, mut remarks } = first;
    let mut text = edit::apply(old, &edits);
    if refusals.is_empty() && text != old {
        let again = read(&text);
        refusals.extend(kept::lost(kind, (old, &document), (&text, &again.document), &edits));
        if refusals.is_empty() && again.plans != plans {
            let text =
                "the rewritten file would not ask for the same loads; please report this file".to_owned();
            refusals.push(Say { at: 0, text });
        }
    }
    if !refusals.is_empty() {
        text = old.to_vec();
    }
    let lined = |said: &mut Vec<Say>| {
        said.sort();
        said.dedup();
        remarks_of(old, said)
    };
    Migration { refusals: lined(&mut refusals), remarks: lined(&mut remarks), text, plans }
}

/// One line: a command, or its arguments; and whether a program is named.
fn line(text: &[u8]) -> (Document, bool) {
    let mut document = Document::default();
    let tokens = tokens(text, 0..text.len(), SHELL);
    let items = tokens.iter().map(|token| token.span.clone()).collect();
    let list = document.list(List { items, lines: None, whole: None, verb: 0, join: " ".into() });
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
    let found = recognise::command(0, &words, &scope);
    let named = matches!(found, Found::Command(_));
    scope.commands.push(match found {
        Found::Command(command) => command,
        _ => {
            let insert = words.first().map_or(Insert::Nowhere, |first| Insert::Before(first.at, ""));
            Command {
                at: 0,
                tool: Tool::Common,
                settings: Vec::new(),
                words,
                insert,
                apart: None,
                unseen: None,
            }
        }
    });
    document.scopes.push(scope);
    (document, named)
}

/// A word for a POSIX shell.
fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_@%+=:,./-".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}
