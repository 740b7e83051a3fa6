//! Where a script prints to. What is printed says nothing about loading, unless it goes into a file or to
//! another program, and that may be said far from where it is printed: behind the block, where a function is
//! called, around a substitution.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::super::lex::{Kind, Token};
use super::super::model::Document;

/// Why names that are printed were not read.
const WRITTEN: &str =
    "it is printed into a file or to another program, which may read it: migrate that by itself";

/// Something that a block does.
enum Act {
    /// It prints this part of the text.
    Print(Range<usize>),
    /// It calls what may be a function.
    Call(String),
}

/// A block that is open.
#[derive(Default)]
struct Level {
    acts: Vec<Act>,
    /// The function whose body it is.
    function: Option<String>,
    /// Whether what it prints goes to another program, whatever stands behind it.
    captured: bool,
}

/// The blocks of a script, and its functions.
#[derive(Default)]
pub(super) struct Prints {
    levels: Vec<Level>,
    /// A subshell whose end was seen, and not what follows it.
    closed: Option<Level>,
    /// The function whose body comes next.
    pub(super) naming: Option<String>,
    functions: BTreeMap<String, Vec<Act>>,
    /// What is called where its output is written.
    written: BTreeSet<String>,
    /// Whether the script sends all that follows into a file.
    pub(super) diverted: bool,
}

impl Prints {
    /// A block begins.
    pub(super) fn enter(&mut self, captured: bool) {
        let function = self.naming.take();
        self.levels.push(Level { acts: Vec::new(), function, captured });
    }

    /// How many blocks are open.
    pub(super) fn depth(&self) -> usize {
        self.levels.len()
    }

    /// A block ends whose output is written to a file or a program, or not.
    pub(super) fn leave(&mut self, written: bool, document: &mut Document) {
        if let Some(level) = self.levels.pop() {
            self.settle(level, written, document);
        }
    }

    /// A subshell ends: what follows says where it prints to.
    pub(super) fn close(&mut self, document: &mut Document) {
        self.follow(false, document);
        self.closed = self.levels.pop();
    }

    /// What follows a subshell.
    pub(super) fn follow(&mut self, written: bool, document: &mut Document) {
        if let Some(level) = self.closed.take() {
            self.settle(level, written, document);
        }
    }

    /// Blocks end with the text that they stand in.
    pub(super) fn end(&mut self, depth: usize, document: &mut Document) {
        self.follow(false, document);
        while self.levels.len() > depth {
            self.leave(false, document);
        }
    }

    fn settle(&mut self, level: Level, written: bool, document: &mut Document) {
        if written || level.captured {
            level.acts.into_iter().for_each(|act| self.write(act, document));
        } else if let Some(name) = level.function {
            self.functions.entry(name).or_default().extend(level.acts);
        } else {
            level.acts.into_iter().for_each(|act| self.add(act, document));
        }
    }

    fn write(&mut self, act: Act, document: &mut Document) {
        match act {
            Act::Print(span) => document.why.push((span, WRITTEN.to_owned())),
            Act::Call(name) => {
                self.written.insert(name);
            }
        }
    }

    fn add(&mut self, act: Act, document: &mut Document) {
        match (self.levels.last_mut(), act) {
            (Some(level), act) => level.acts.push(act),
            (None, act) if self.diverted => self.write(act, document),
            (None, Act::Print(span)) => document.idle.push(span),
            (None, Act::Call(_)) => {}
        }
    }

    /// This part of the text is printed.
    pub(super) fn print(&mut self, span: Range<usize>, document: &mut Document) {
        self.add(Act::Print(span), document);
    }

    /// A command that may be a function runs, and what it prints is written or goes on.
    pub(super) fn call(&mut self, name: &str, written: bool, document: &mut Document) {
        let act = Act::Call(name.to_owned());
        if written { self.write(act, document) } else { self.add(act, document) }
    }

    /// The end of the script: what functions print is printed where none of their calls is written.
    pub(super) fn finish(&mut self, document: &mut Document) {
        self.end(0, document);
        let mut functions = std::mem::take(&mut self.functions);
        let mut open: Vec<String> = self.written.iter().cloned().collect();
        while let Some(name) = open.pop() {
            for act in functions.remove(&name).unwrap_or_default() {
                match act {
                    Act::Print(span) => document.why.push((span, WRITTEN.to_owned())),
                    Act::Call(name) => open.push(name),
                }
            }
        }
        for act in functions.into_values().flatten() {
            if let Act::Print(span) = act {
                document.idle.push(span);
            }
        }
    }
}

/// Whether a redirection among these tokens sends what is printed into a file.
pub(super) fn leaves(text: &[u8], tokens: &[&Token]) -> bool {
    tokens.iter().enumerate().any(|(at, token)| {
        let sign = &text[token.span.clone()];
        let target = tokens.get(at + 1).map_or(&b""[..], |next| &text[next.span.clone()]);
        matches!(token.kind, Kind::Operator)
            && sign.contains(&b'>')
            && !sign.ends_with(b"&")
            && !target.starts_with(b"/dev/")
    })
}
