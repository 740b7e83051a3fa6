//! A report before it is drawn: what stands in it, and how bad it is, but not how it looks.
//!
//! Each document builds one [`View`]; that is where the words of reports stand. Nothing is decided here:
//! verdicts, sentences and exit codes come from the document.

mod check;
mod compare;
mod faults;
mod judge;
mod merge;
mod plain;
mod shared;

pub(super) use compare::differs;
pub(super) use shared::{counted, size};

use super::page::Page;
use crate::check::document::{Impact, MergeVerdict, Verdict};

/// A result that reports can be made of.
pub trait Viewed {
    /// What stands in a report.
    fn view(&self) -> View;

    /// What stands in a page: the same, and everything that can be opened.
    fn page(&self) -> Page;

    /// The process's exit code for it.
    fn exit_code(&self) -> u8;

    /// Whether its JSON is one line, for tools that read line by line.
    fn on_one_line(&self) -> bool {
        false
    }
}

/// How good or bad a word is; what a renderer colours by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Nothing to look at.
    Good,
    /// Not a pass, and no harm.
    Limited,
    /// Something is missing.
    Warning,
    /// Something is broken.
    Bad,
}

impl From<Verdict> for Tone {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Pass => Self::Good,
            Verdict::Unsupported | Verdict::Expected => Self::Limited,
            Verdict::NotObserved | Verdict::Blocked => Self::Warning,
            Verdict::Divergent => Self::Bad,
        }
    }
}

impl From<MergeVerdict> for Tone {
    fn from(verdict: MergeVerdict) -> Self {
        verdict.0.map_or(Self::Warning, Self::from)
    }
}

impl From<Impact> for Tone {
    fn from(impact: Impact) -> Self {
        match impact {
            Impact::Identical => Self::Good,
            Impact::Benign | Impact::Reordered => Self::Limited,
            Impact::PolicyChange => Self::Warning,
            Impact::LostGuarantee | Impact::DataIntegrityRisk => Self::Bad,
        }
    }
}

/// What stands in a report.
#[derive(Clone, Debug)]
pub struct View {
    /// The command that it is the result of: `check` …
    pub command: &'static str,
    /// The program's name and version.
    pub tool: String,
    /// What was done, on what.
    pub title: String,
    /// Whether it was cut off: then it holds what was done so far.
    pub interrupted: bool,
    /// Lines with a label, above everything else.
    pub lines: Vec<Line>,
    /// Whether the lines hold the failures and what was not observed too, so that these need no section.
    pub lines_hold_all: bool,
    /// Tables, those without rows too.
    pub tables: Vec<Table>,
    /// What a verdict needs to be understood, each once.
    pub notes: Vec<String>,
    /// Rules that could not be decided, each once.
    pub not_observed: Vec<Unobserved>,
    /// The broken rules, one of each kind.
    pub failures: Vec<FailureView>,
    /// What was counted.
    pub counts: String,
    /// The verdict.
    pub ending: Ending,
    /// The same as tests.
    pub suites: Vec<Suite>,
    /// What only a reader who asks for it sees.
    pub details: Vec<Detail>,
    /// What a reviewer is to be warned of.
    pub warnings: Vec<Annotation>,
}

impl View {
    /// The verdict in one line.
    #[must_use]
    pub fn last_line(&self) -> String {
        let Ending { sentence, word, .. } = &self.ending;
        let cut = if self.interrupted && !sentence.starts_with("interrupted") { "interrupted: " } else { "" };
        match sentence.starts_with(word.as_str()) {
            true => format!("{cut}{sentence}"),
            false => format!("{cut}{sentence} ({word})"),
        }
    }

    /// How bad the whole is; what was cut off is not good.
    #[must_use]
    pub fn tone(&self) -> Tone {
        match self.ending.tone {
            Tone::Good | Tone::Limited if self.interrupted => Tone::Warning,
            tone => tone,
        }
    }
}

/// What stands at the top of a report that was cut off.
pub const INTERRUPTED: &str = "interrupted: this is what was done so far";

/// A line with a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What the text is; empty under a line that it goes on from.
    pub label: &'static str,
    /// The text.
    pub text: String,
    /// How bad it is.
    pub tone: Option<Tone>,
}

impl Line {
    /// A line that is neither good nor bad.
    pub fn new(label: &'static str, text: impl Into<String>) -> Self {
        Self { label, text: text.into(), tone: None }
    }

    /// The same with a tone.
    #[must_use]
    pub fn toned(self, tone: Tone) -> Self {
        Self { tone: Some(tone), ..self }
    }
}

/// A table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows, a cell a column.
    pub rows: Vec<Vec<Cell>>,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Whether its cells are numbers, which stand on the right.
    pub numbers: bool,
    /// Whether it may be left out where there is no room for all.
    pub spare: bool,
}

impl Column {
    /// A column of texts.
    pub fn text(name: impl Into<String>) -> Self {
        Self { name: name.into(), numbers: false, spare: false }
    }

    /// A column of numbers.
    pub fn numbers(name: impl Into<String>) -> Self {
        Self { name: name.into(), numbers: true, spare: false }
    }

    /// The same, to be left out where there is no room for all.
    #[must_use]
    pub fn spare(self) -> Self {
        Self { spare: true, ..self }
    }
}

/// A cell of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// What it shows.
    pub text: String,
    /// How bad that is.
    pub tone: Option<Tone>,
}

impl Cell {
    /// A cell that is neither good nor bad.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), tone: None }
    }

    /// A verdict or an impact, with its tone.
    pub fn toned<T: Into<Tone> + std::fmt::Display + Copy>(word: T) -> Self {
        Self { text: word.to_string(), tone: Some(word.into()) }
    }
}

/// A rule that could not be decided in some cases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unobserved {
    /// The rule's id.
    pub rule: String,
    /// In how many cases.
    pub cases: u64,
    /// What is missing.
    pub reason: String,
}

impl Unobserved {
    /// In how many cases, in words.
    #[must_use]
    pub fn count(&self) -> String {
        if self.cases == 1 { "1 case".to_owned() } else { format!("{} cases", self.cases) }
    }
}

/// A kind of failure: the first of its rule, plan and machines, and how many more there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureView {
    /// The rule's id.
    pub rule: String,
    /// What must hold.
    pub sentence: String,
    /// Where it is broken.
    pub place: String,
    /// What was seen.
    pub message: String,
    /// Two code paths side by side.
    pub diff: Option<String>,
    /// A command line that shows it; empty where there is none.
    pub reproduce: String,
    /// Why it is known.
    pub known: Option<String>,
    /// How many more there are of this kind.
    pub more: usize,
}

impl FailureView {
    /// How many more there are, in words.
    #[must_use]
    pub fn others(&self) -> Option<String> {
        match self.more {
            0 => None,
            1 => Some("and 1 more case of this plan breaks the same rule".to_owned()),
            more => Some(format!("and {more} more cases of this plan break the same rule")),
        }
    }
}

/// The end of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// The verdict in one sentence.
    pub sentence: String,
    /// Its word.
    pub word: String,
    /// How bad it is.
    pub tone: Tone,
}

impl Ending {
    /// A verdict and its sentence.
    pub fn new<V: Into<Tone> + std::fmt::Display + Copy>(sentence: &str, verdict: V) -> Self {
        Self { sentence: sentence.to_owned(), word: verdict.to_string(), tone: verdict.into() }
    }
}

/// Tests that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suite {
    /// Its name.
    pub name: String,
    /// Its tests.
    pub tests: Vec<Test>,
}

/// What was found, as a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    /// Its name.
    pub name: String,
    /// The class it belongs to.
    pub class: String,
    /// What came of it.
    pub state: State,
}

/// What came of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Everything was observed and holds.
    Passed,
    /// It is neither a pass nor a failure.
    Skipped {
        /// Why.
        reason: String,
    },
    /// A rule is broken.
    Failed {
        /// What was seen.
        message: String,
        /// The rule's id.
        kind: String,
        /// Everything there is to say.
        text: String,
    },
}

/// Lines under a title.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detail {
    /// The title.
    pub title: String,
    /// The lines.
    pub lines: Vec<String>,
}

/// A title and a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    /// The title.
    pub title: String,
    /// The message.
    pub message: String,
}
