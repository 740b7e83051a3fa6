//! One spelling in two dialects: what differs, and what a user loses.
//!
//! A plan is compared in three parts: the lock, direct I/O, and what the weights come from without
//! direct I/O (which for a direct load is what happens after a refusal). A part that nobody asked
//! for and that is the default on both sides is a changed default; every other part that is gone was
//! promised by the spelling under the base dialect.

use std::collections::BTreeSet;

use serde::Serialize;

use super::dialect::Dialect;
use super::flags::{Flag, FlagDef, Reads};
use super::rules::Combine;
use super::spelling::{self, Spelling};
use super::{Exceptions, LoadPlan, OnRefused, Resolved, Source, Treatment, UsageError};

/// How a spelling's meaning in one dialect differs from its meaning in another, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Something that was asked for is gone, and nobody says so as an error.
    LostGuarantee,
    /// A variable that the base dialect reads is not read, and the plan differs.
    SilentlyIgnored,
    /// The base dialect has a plan and this one a usage error.
    Error,
    /// The plan differs only in what nobody asked for.
    ChangedDefault,
    /// The plan differs and nothing is gone: something was added, or left open before.
    Changed,
    /// The base dialect has a usage error and this one a plan.
    Accepted,
}

impl Class {
    /// Every class, the worst first.
    pub const ALL: [Self; 6] = [
        Self::LostGuarantee,
        Self::SilentlyIgnored,
        Self::Error,
        Self::ChangedDefault,
        Self::Changed,
        Self::Accepted,
    ];

    /// The name in reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::LostGuarantee => "lost guarantee",
            Self::SilentlyIgnored => "silently ignored",
            Self::Error => "error",
            Self::ChangedDefault => "changed default",
            Self::Changed => "changed",
            Self::Accepted => "accepted",
        }
    }

    /// What it means, in one sentence.
    #[must_use]
    pub fn explanation(self) -> &'static str {
        match self {
            Self::LostGuarantee => "something that was asked for is gone",
            Self::SilentlyIgnored => "a variable is no longer read, and nothing says so",
            Self::Error => "the line is refused",
            Self::ChangedDefault => "only what nobody asked for differs",
            Self::Changed => "the plan differs, and nothing that was asked for is gone",
            Self::Accepted => "the base refuses the line",
        }
    }
}

/// A promise of the base plan that the other plan does not keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lost {
    /// The weights were locked.
    Lock,
    /// The file was mapped.
    Mapping,
    /// The page cache was bypassed.
    DirectIo,
    /// The weights were read into memory of their own, and nothing was mapped.
    OwnMemory,
    /// What was done after a refused direct load.
    Fallback,
}

impl Lost {
    /// The name in reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Lock => "lock",
            Self::Mapping => "mapping",
            Self::DirectIo => "direct I/O",
            Self::OwnMemory => "own memory",
            Self::Fallback => "fallback",
        }
    }
}

/// A spelling under the base dialect and another: what differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// How it differs; `None` when the plan is the same, or both refuse the line.
    pub class: Option<Class>,
    /// What the base plan promises and the other does not keep, whatever the class.
    pub lost: BTreeSet<Lost>,
}

impl Difference {
    const NONE: Self = Self { class: None, lost: BTreeSet::new() };
}

/// What a resolution gave.
pub type Outcome = Result<Resolved, UsageError>;

/// Compares what one spelling means in `base` with what it means in `other`.
#[must_use]
pub fn compare(base: (Dialect, &Outcome), other: (Dialect, &Outcome)) -> Difference {
    let (was, is) = match (base.1, other.1) {
        (Ok(was), Ok(is)) => (was, is),
        (Ok(_), Err(_)) => return Difference { class: Some(Class::Error), ..Difference::NONE },
        (Err(_), Ok(_)) => return Difference { class: Some(Class::Accepted), ..Difference::NONE },
        (Err(_), Err(_)) => return Difference::NONE,
    };
    if was.plan == is.plan {
        return Difference::NONE;
    }
    let (all, unasked) = differences(base.0, was, other.0, is);
    let lost: BTreeSet<Lost> = all.into_iter().flatten().collect();
    let class = if newly_read(is, was) {
        Class::SilentlyIgnored
    } else if !lost.is_empty() {
        Class::LostGuarantee
    } else if unasked && !newly_read(was, is) {
        Class::ChangedDefault
    } else {
        Class::Changed
    };
    Difference { class: Some(class), lost }
}

/// Whether a variable that went unread is read now. What it asks for replaces what nobody asked for.
fn newly_read(was: &Resolved, is: &Resolved) -> bool {
    was.ignored_env.iter().any(|variable| !is.ignored_env.contains(variable))
}

/// The parts of a plan that switches decide one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Parts {
    lock: bool,
    direct: bool,
    /// The source without direct I/O; `None` when nothing is left to fall back to.
    without_direct: Option<Source>,
}

impl Parts {
    fn of(plan: LoadPlan) -> Self {
        let without_direct = match plan.on_refused {
            None => Some(plan.source),
            Some(OnRefused::Map) => Some(Source::Map),
            Some(OnRefused::Read) => Some(Source::Read),
            Some(OnRefused::Error) => None,
        };
        Self { lock: plan.lock, direct: plan.source == Source::Direct, without_direct }
    }

    fn default_of(dialect: Dialect) -> Option<Self> {
        Spelling::default().resolve(dialect).ok().map(|found| Self::of(found.plan))
    }
}

/// What is lost, part by part, and whether nothing differs but what nobody asked for.
fn differences(base: Dialect, was: &Resolved, other: Dialect, is: &Resolved) -> ([Option<Lost>; 3], bool) {
    let (from, to) = (Parts::of(was.plan), Parts::of(is.plan));
    let defaults = Parts::default_of(base).zip(Parts::default_of(other));
    // One field is spoken of as a whole; a load mode speaks of everything.
    let whole = matches!(base.rules().combine, Combine::OneField { .. });
    let asked = |about: Flag| {
        let mut said = was.said.iter().filter(|statement| statement.asks());
        said.any(|statement| whole || statement.flag() == about || statement.flag() == Flag::Mode)
    };
    let by_default = |about: Flag, same: &dyn Fn(Parts, Parts) -> bool| {
        let defaults = || defaults.is_some_and(|(d_from, d_to)| same(from, d_from) && same(to, d_to));
        same(from, to) || (!asked(about) && (newly_read(was, is) || defaults()))
    };
    let direct_by_default = by_default(Flag::Direct, &|a, b| a.direct == b.direct);
    let source_by_default = by_default(Flag::Map, &|a, b| a.without_direct == b.without_direct);

    // What is said of the load as a whole is not said of the tensors of another exception.
    let apart = (was.plan.exceptions != is.plan.exceptions).then_some(is.plan.exceptions);
    let apart = apart.unwrap_or(Exceptions::NONE).list();
    let lazy = apart.iter().any(|exception| exception.treatment == Treatment::Lazy);
    let lock = (from.lock && (!to.lock || !apart.is_empty())).then_some(Lost::Lock);
    let direct = match (from.direct, to.direct) {
        (true, false) if !direct_by_default => Some(Lost::DirectIo),
        // Direct I/O takes the place of a mapping, which is a loss to whoever asked for one.
        (false, true) if from.without_direct == Some(Source::Map) => {
            let unasked = !asked(Flag::Map) && (direct_by_default || newly_read(was, is));
            (!unasked).then_some(Lost::Mapping)
        }
        _ => None,
    };
    let source = match (from.without_direct, to.without_direct) {
        _ if from.direct && to.direct => Some(Lost::Fallback),
        // That direct I/O came or went has been told.
        _ if from.direct || to.direct => None,
        (Some(Source::Map), _) => Some(Lost::Mapping),
        (Some(Source::Read), _) => Some(Lost::OwnMemory),
        _ => None,
    }
    // The same source on both sides counts as one that nobody changed.
    .filter(|_| !source_by_default)
    .or_else(|| {
        (lazy && from.without_direct == Some(Source::Read) && asked(Flag::Map)).then_some(Lost::OwnMemory)
    });

    ([lock, direct, source], from.lock == to.lock && direct_by_default && source_by_default)
}

/// Spellings in every dialect, each cell held against the base dialect.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// The dialect that the others are compared with.
    pub base: Dialect,
    /// The dialects of the columns, the base among them.
    pub dialects: Vec<Dialect>,
    /// One row for each spelling.
    pub rows: Vec<Row>,
}

/// A spelling in every dialect.
#[derive(Clone, Debug)]
pub struct Row {
    /// What is asked.
    pub spelling: Spelling,
    /// One cell for each of the comparison's dialects, in their order.
    pub cells: Vec<Cell>,
}

impl Row {
    /// Whether any dialect differs from the base.
    #[must_use]
    pub fn differs(&self) -> bool {
        self.cells.iter().any(|cell| cell.difference.class.is_some())
    }
}

/// A spelling in one dialect.
#[derive(Clone, Debug)]
pub struct Cell {
    /// The dialect.
    pub dialect: Dialect,
    /// What it means there.
    pub outcome: Outcome,
    /// How that differs from the base.
    pub difference: Difference,
}

/// What became of the command lines of the base dialect in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// The dialect.
    pub dialect: Dialect,
    /// The lines that the base dialect accepts.
    pub lines: usize,
    /// Those of them that lost a promise, whatever their class.
    pub lost: usize,
    /// The lines of each class, in the order of [`Class::ALL`].
    pub classes: [usize; Class::ALL.len()],
}

impl Comparison {
    /// Resolves every spelling in every dialect and compares.
    #[must_use]
    pub fn of(base: Dialect, dialects: Vec<Dialect>, spellings: Vec<Spelling>) -> Self {
        let row = |spelling: Spelling| {
            let was = spelling.resolve(base);
            let cell = |dialect: Dialect| {
                let outcome = spelling.resolve(dialect);
                let difference = compare((base, &was), (dialect, &outcome));
                Cell { dialect, outcome, difference }
            };
            let cells = dialects.iter().copied().map(cell).collect();
            Row { spelling, cells }
        };
        let rows = spellings.into_iter().map(row).collect();
        Self { base, dialects, rows }
    }

    /// The counts of each dialect but the base.
    #[must_use]
    pub fn tallies(&self) -> Vec<Tally> {
        let columns = || self.dialects.iter().copied().enumerate();
        let others = columns().filter(|(_, dialect)| *dialect != self.base);
        let base = self.dialects.iter().position(|dialect| *dialect == self.base);
        let accepted = |row: &&Row| base.is_some_and(|base| row.cells[base].outcome.is_ok());
        let lines = self.rows.iter().filter(accepted).count();
        let tally = |(column, dialect): (usize, Dialect)| {
            let differences = || self.rows.iter().map(|row| &row.cells[column].difference);
            let lost = differences().filter(|difference| !difference.lost.is_empty()).count();
            let of = |class: Class| differences().filter(|d| d.class == Some(class)).count();
            Tally { dialect, lines, lost, classes: Class::ALL.map(of) }
        };
        others.map(tally).collect()
    }
}

/// Every spelling of the table: nothing at all, each flag, each ordered pair of flags, each
/// variable with each value that tells, each pair of variables.
///
/// Flags and load modes of every one of the dialects take part, so that one can be seen to refuse some.
#[must_use]
pub fn spellings(dialects: &[Dialect]) -> Vec<Spelling> {
    let mut flags: Vec<Spelling> = Vec::new();
    for flag in dialects.iter().flat_map(|dialect| spelling::flags(*dialect)) {
        if !flags.contains(&flag) {
            flags.push(flag);
        }
    }
    let variables = variables(dialects);
    let flags = spelling::lines(&flags, 2);
    let variables = spelling::lines(&variables, 2).filter(|parts| !parts.is_empty());
    flags.chain(variables).map(|parts| Spelling::join(&parts)).collect()
}

/// Each variable of a switch on, off and, where presence alone counts in any dialect, empty; the load
/// mode's with each word of any dialect. Variables are in the order of the first table that has them.
fn variables(dialects: &[Dialect]) -> Vec<Spelling> {
    let mut names: Vec<&str> = Vec::new();
    let tables = || dialects.iter().map(|dialect| dialect.rules());
    for name in tables()
        .flat_map(|rules| rules.table.iter().filter(|def| !def.is_lazy()).flat_map(FlagDef::variables))
    {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let mut variables = Vec::new();
    for name in names {
        let mut values: Vec<&str> = Vec::new();
        for rules in tables() {
            let Some((_, variable)) = rules.variables().find(|(_, variable)| variable.name == name) else {
                continue;
            };
            let words = match variable.reads {
                Reads::Mode => rules.words.iter().map(|word| word.name).collect(),
                Reads::Lazy => rules.lazy_modes.iter().map(|mode| mode.name).collect(),
                Reads::Presence => vec!["1", "0", ""],
                Reads::Number => vec!["1", "0"],
                Reads::Boolean | Reads::Truthy => {
                    let words = rules.booleans.on.first().into_iter().chain(rules.booleans.off.first());
                    words.copied().collect()
                }
            };
            values.extend(words.into_iter().filter(|word| !values.contains(word)).collect::<Vec<_>>());
        }
        variables.extend(values.into_iter().map(|value| Spelling::variable(name, value)));
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::dialect::era;

    /// Class and losses of a line, `same` when there is no difference.
    fn difference(base: Dialect, other: Dialect, line: &str) -> String {
        let (env, argv): (Vec<&str>, Vec<&str>) = line.split_whitespace().partition(|w| w.contains("_ARG_"));
        let env = env.iter().filter_map(|pair| pair.split_once('='));
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let spelling = Spelling { argv: argv.into_iter().map(str::to_owned).collect(), env };
        let found = compare((base, &spelling.resolve(base)), (other, &spelling.resolve(other)));
        let lost: Vec<_> = found.lost.iter().map(|lost| lost.word()).collect();
        match found.class {
            None => "same".to_owned(),
            Some(class) if lost.is_empty() => class.word().to_owned(),
            Some(class) => format!("{}: {}", class.word(), lost.join(", ")),
        }
    }

    #[test]
    fn what_the_pull_request_changed() {
        let merged = |line| difference(era("booleans"), era("enum-v1"), line);
        for (line, expected) in [
            ("", "same"),
            ("--mmap", "same"),
            ("--no-mmap", "same"),
            ("--mlock", "same"),
            ("--no-mmap --mlock", "lost guarantee: own memory"),
            ("--mlock --no-mmap", "lost guarantee: lock"),
            ("--mlock --mmap", "lost guarantee: lock"),
            ("-dio", "lost guarantee: fallback"),
            ("-ndio", "lost guarantee: mapping"),
            ("-dio --mmap", "lost guarantee: direct I/O"),
            ("-dio --mlock", "lost guarantee: direct I/O"),
            ("--mlock -dio", "lost guarantee: lock, fallback"),
            ("LLAMA_ARG_DIO=0", "lost guarantee: mapping"),
            ("LLAMA_ARG_MLOCK=0", "same"),
            ("LLAMA_ARG_LOAD_MODE=none", "changed"),
            ("LLAMA_ARG_LOAD_MODE=dio LLAMA_ARG_NO_DIO=1", "changed"),
            ("LLAMA_ARG_LOAD_MODE=dio LLAMA_ARG_MMAP=1", "lost guarantee: mapping"),
            ("LLAMA_ARG_LOAD_MODE=none LLAMA_ARG_MLOCK=1", "lost guarantee: lock"),
            ("LLAMA_ARG_LOAD_MODE=none LLAMA_ARG_MMAP=1", "lost guarantee: mapping"),
            ("-lm none", "accepted"),
            ("-lm auto", "same"),
        ] {
            assert_eq!(merged(line), expected, "{line}");
        }
    }

    #[test]
    fn what_later_eras_changed() {
        for (base, other, line, expected) in [
            (era("booleans"), era("enum-v2"), "--mlock", "lost guarantee: mapping"),
            (era("booleans"), era("enum-v2"), "--mlock --mmap", "lost guarantee: lock"),
            (era("booleans"), era("enum-v3"), "", "changed default"),
            (era("booleans"), era("enum-v3"), "LLAMA_ARG_MLOCK=0", "changed default"),
            (era("booleans"), era("enum-v3"), "--mmap", "same"),
            (era("booleans"), era("enum-v4"), "--mmap", "error"),
            (era("booleans"), era("enum-v4"), "LLAMA_ARG_MMAP=1", "silently ignored: mapping"),
            (era("booleans"), era("enum-v4"), "LLAMA_ARG_MLOCK=1", "silently ignored: lock"),
            (era("booleans"), era("enum-v4"), "LLAMA_ARG_MMAP=0", "silently ignored: own memory"),
            (era("booleans"), era("enum-v4"), "LLAMA_ARG_DIO=1", "silently ignored: direct I/O"),
            (era("booleans"), era("enum-v4"), "LLAMA_ARG_MLOCK=0", "silently ignored"),
            (era("enum-v1"), era("enum-v2"), "-lm mlock", "lost guarantee: mapping"),
            (era("enum-v1"), era("booleans"), "--mlock --no-mmap", "changed"),
            (era("enum-v2"), era("enum-v3"), "", "changed default"),
            (era("enum-v2"), era("enum-v3"), "LLAMA_ARG_MLOCK=0", "changed default"),
            (era("enum-v3"), era("enum-v2"), "", "changed default"),
            (era("enum-v3"), era("enum-v2"), "-lm auto", "error"),
            (era("enum-v4"), era("booleans"), "LLAMA_ARG_LOAD_MODE=auto", "silently ignored"),
        ] {
            assert_eq!(difference(base, other, line), expected, "{line}: {base} to {other}");
        }
    }

    #[test]
    fn direct_io_by_default_is_a_default_unless_a_mapping_was_asked_for() {
        let start = |line| difference(era("booleans"), era("dio-default"), line);
        assert_eq!(start(""), "changed default");
        assert_eq!(start("--mlock"), "changed default");
        assert_eq!(start("--no-mmap"), "changed default");
        assert_eq!(start("--mmap"), "same");
        assert_eq!(start("-dio --mmap"), "lost guarantee: direct I/O");
        assert_eq!(start("--no-mmap -dio"), "same");
        let end = |line| difference(era("dio-default"), era("booleans"), line);
        assert_eq!(end(""), "changed default");
        assert_eq!(end("--mlock"), "changed default");
        assert_eq!(end("--mmap -dio"), "same");
    }

    #[test]
    fn every_class_and_loss_has_words_of_its_own() {
        let distinct = |words: &[&str]| {
            assert!(words.iter().all(|word| !word.is_empty()));
            words.iter().collect::<BTreeSet<_>>().len() == words.len()
        };
        assert!(distinct(&Class::ALL.map(Class::word)));
        assert!(distinct(&Class::ALL.map(Class::explanation)));
        let lost = [Lost::Lock, Lost::Mapping, Lost::DirectIo, Lost::OwnMemory, Lost::Fallback];
        assert!(distinct(&lost.map(Lost::word)));
        assert!(Class::ALL.is_sorted(), "the worst first");
    }

    #[test]
    fn the_table_has_every_single_flag_pair_and_variable_once() {
        let all = spellings(&Dialect::eras());
        let distinct: BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
        // Five switches and eight load modes.
        assert_eq!(all.iter().filter(|s| s.env.is_empty()).count(), 1 + 13 + 13 * 13);
        // Twelve values of switches and eight load modes.
        assert_eq!(all.iter().filter(|s| s.env.len() == 1).count(), 12 + 8);
        let pairs = 20 * 19 / 2 - (1 + 1 + 3 + 1 + 3 + 28);
        assert_eq!(all.iter().filter(|s| s.env.len() == 2).count(), pairs);
    }
}
