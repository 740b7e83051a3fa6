//! Evidence of others, read into traces: the printed lines of a debug patch, and strace's text.
//!
//! Pure: text goes in, a [`TraceFile`] and a [`Report`] of what was and was not evidence come out.
//! A trace says what its source said and no more; where a source is silent (the bytes behind a
//! printed line, the memory that a system call read into) the trace is silent too, and each
//! source's module says how.
//!
//! Beside `trace`: it uses `trace` and nothing else. Called by `cli`, `check` and tests.

mod pr20834;
mod strace;

use std::fmt;
use std::str::FromStr;

use crate::trace::TraceFile;

/// What a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The lines that the debug patch of llama.cpp's PR #20834 prints.
    Pr20834,
    /// What strace writes.
    Strace,
}

impl Origin {
    /// Every origin.
    pub const ALL: [Self; 2] = [Self::Pr20834, Self::Strace];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pr20834 => "pr20834",
            Self::Strace => "strace",
        }
    }

    /// What a text seems to be, by its first line that is evidence.
    pub fn of(text: &str) -> Option<Self> {
        text.lines().find_map(|line| {
            if strace::is_call(line) {
                Some(Self::Strace)
            } else if pr20834::is_evidence(line) {
                Some(Self::Pr20834)
            } else {
                None
            }
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Origin {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let known = || Self::ALL.map(Self::word).join(", ");
        Self::ALL
            .into_iter()
            .find(|origin| origin.word() == word)
            .ok_or_else(|| format!("unknown source '{word}': accepted are {}", known()))
    }
}

/// A text that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// No line of it is evidence.
    #[error("line {lines}: the text ends and no line of it is {expected}; say what it is with --from")]
    NotEvidence {
        /// How many lines there are.
        lines: usize,
        /// What was looked for.
        expected: &'static str,
    },
    /// A line that should be evidence cannot be read.
    #[error("line {line}: {problem}: {shown}")]
    Line {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
        /// The beginning of the line.
        shown: String,
    },
}

impl ImportError {
    fn line(line: usize, problem: impl Into<String>, text: &str) -> Self {
        const SHOWN: usize = 100;
        let mut shown: String = text.chars().take(SHOWN).collect();
        if shown.len() < text.len() {
            shown.push('…');
        }
        Self::Line { line, problem: problem.into(), shown }
    }
}

/// What became of the lines of a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Lines in all.
    pub lines: usize,
    /// Lines that became an operation.
    pub evidence: usize,
    /// Lines that were understood and are about something else: other files, other calls.
    pub elsewhere: usize,
    /// Lines that are no evidence, with their numbers from 1: a program's own output, say.
    pub other: Vec<(usize, String)>,
    /// Calls whose end the text does not hold.
    pub unfinished: usize,
    /// What the text shows or leaves open, in sentences.
    pub notes: Vec<String>,
    /// What the recording may lack without a sign of it, in sentences.
    pub doubts: Vec<String>,
    /// What the program printed, as far as the text holds it, in order.
    pub printed: Vec<String>,
}

/// A text, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// What the text was.
    pub origin: Origin,
    /// The trace.
    pub trace: TraceFile,
    /// What became of the lines.
    pub report: Report,
}

/// Reads a text; finds out what it is where that is not said.
///
/// # Errors
/// When no line is evidence, or when one that should be cannot be read; the error names the line.
pub fn import(text: &str, origin: Option<Origin>) -> Result<Imported, ImportError> {
    import_of(text, origin, &[])
}

/// As [`import`], where the files of these names are models whatever the names say. The last part of
/// a path decides: a text may have been recorded where the folder has another name.
///
/// # Errors
/// As [`import`].
pub fn import_of(text: &str, origin: Option<Origin>, models: &[&str]) -> Result<Imported, ImportError> {
    match origin.or_else(|| Origin::of(text)) {
        Some(Origin::Pr20834) => pr20834::read(text),
        Some(Origin::Strace) => strace::read(text, models),
        None => Err(ImportError::NotEvidence {
            lines: text.lines().count(),
            expected: "a printed line of PR #20834's debug patch or a line of strace",
        }),
    }
}

/// A header for a trace made from text that does not say more.
fn header(os: &str, page_size: u64, model: Option<String>) -> crate::trace::Header {
    crate::trace::Header {
        os: os.to_owned(),
        arch: "unknown".to_owned(),
        page_size,
        command: Vec::new(),
        seed: None,
        model,
        creator: env!("CARGO_PKG_NAME").to_owned(),
        creator_version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}
