//! What is wrong with a file that a person writes, and where.

use std::fmt;
use std::ops::Range;

/// A defect of a dialect file, or of another in TOML. `Display` begins with the line and the column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialectError {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for DialectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for DialectError {}

impl DialectError {
    /// A defect at a place in the text.
    pub fn at(text: &str, span: Option<Range<usize>>, message: impl Into<String>) -> Self {
        let start = span.map_or(0, |span| span.start).min(text.len());
        let before = text.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Self {
            line: 1 + before.matches('\n').count(),
            column: 1 + before[line_start..].chars().count(),
            message: message.into(),
        }
    }

    /// What the reader of the format found, with a suggestion for a mistyped key or value.
    pub fn of_toml(text: &str, error: &toml::de::Error) -> Self {
        let message = error.message().trim_end_matches('.').replace('`', "'");
        let (what, expected) = message.split_once(", expected ").unwrap_or((&message, ""));
        let quoted =
            |text: &str| -> Vec<String> { text.split('\'').skip(1).step_by(2).map(str::to_owned).collect() };
        let typed = quoted(what).into_iter().next().unwrap_or_default();
        let unknown = what.starts_with("unknown ");
        let meant = if unknown { meant(&typed, quoted(expected)) } else { String::new() };
        Self::at(text, error.span(), format!("{message}{meant}"))
    }

    /// A file whose name is that of a shipped dialect.
    pub(in crate::plan) fn name_taken(text: &str, name: &str) -> Self {
        let key = text.lines().scan(0, |at, line| {
            let start = *at;
            *at += line.len() + 1;
            Some((start, line))
        });
        let key = key.filter(|(_, line)| line.trim_start().starts_with("name")).map(|(at, _)| at).next();
        let message = format!(
            "'{name}' is the name of a shipped dialect with other rules, and reports could not tell them apart; give this one another name"
        );
        Self::at(text, key.map(|at| at..at), message)
    }
}

/// `; did you mean 'x'?` where a known word is close to the one that was typed.
#[must_use]
pub fn meant<S: AsRef<str>>(typed: &str, known: impl IntoIterator<Item = S>) -> String {
    let near = known.into_iter().map(|word| {
        let word = word.as_ref().to_owned();
        (strsim::damerau_levenshtein(typed, &word), word)
    });
    let allowed = 1 + typed.chars().count() / 4;
    match near.filter(|(distance, _)| *distance <= allowed).min() {
        Some((_, word)) => format!("; did you mean '{word}'?"),
        None => String::new(),
    }
}
