//! What a dialect can express: the data that the engines over it read.
//!
//! A [`Rules`] is made from a dialect file by [`super::file`], which has checked it: names stand once,
//! modes that are referred to exist. The engines branch on what stands here and on no name.

use super::bench::BenchRules;
use super::flags::{self, Flag, FlagDef, Named, Variable};
use super::{Exceptions, LoadPlan, OnRefused, Source};

/// One dialect as data. The engines have no other knowledge of it.
#[derive(Debug)]
pub struct Rules {
    /// The name, as `--dialect` takes it.
    pub name: &'static str,
    /// One line on whose rules these are, and when they held.
    pub about: &'static str,
    /// The loader whose eras belong together.
    pub family: &'static str,
    /// Where the facts come from.
    pub sources: Vec<&'static str>,
    /// What was not read or recorded, and from what it was inferred.
    pub inferred: Vec<&'static str>,
    /// Every flag that the loader has or that its family ever had, in the order of registration.
    pub table: Vec<FlagDef>,
    /// The accepted load modes; empty when there is no such flag.
    pub words: Vec<Word>,
    /// The lazy modes; empty where no flag takes one.
    pub lazy_modes: Vec<LazyMode>,
    /// The exceptions of every plan when nobody speaks of them.
    pub exceptions: Exceptions,
    /// The words for on and off.
    pub booleans: Booleans,
    /// How a flag can be written.
    pub forms: Forms,
    /// How the statements of a spelling combine.
    pub combine: Combine,
    /// Whether the environment beats the command line.
    pub environment_wins: bool,
    /// What is said about a spelling.
    pub messages: Messages,
    /// The grammar of the benchmark, which has a parser of its own; `None` where there is none.
    pub bench: Option<BenchRules>,
    /// Arguments that are about loading and that the file deliberately says nothing of, with the reason.
    pub unsupported: Vec<(&'static str, &'static str)>,
    /// The programs that read these flags, by their names without a folder.
    pub programs: Vec<&'static str>,
    /// The builds that speak it.
    pub builds: Vec<super::builds::Covered>,
}

impl Rules {
    /// Looks a load mode up; words are case sensitive and not trimmed.
    #[must_use]
    pub fn word(&self, name: &str) -> Option<Word> {
        self.words.iter().find(|word| word.name == name).copied()
    }

    /// Whether these are the rules `of`, less what those have of lazy modes.
    #[must_use]
    pub fn is_whole_of(&self, of: &Self) -> bool {
        self.words == of.words
            && self.table.iter().eq(of.table.iter().filter(|def| !def.is_lazy()))
            && self.combine == of.combine
            && self.forms == of.forms
            && self.booleans == of.booleans
    }

    /// Looks a lazy mode up; words are case sensitive and not trimmed.
    #[must_use]
    pub fn lazy_mode(&self, name: &str) -> Option<LazyMode> {
        self.lazy_modes.iter().find(|mode| mode.name == name).copied()
    }

    /// Whether a flag of that kind is accepted.
    #[must_use]
    pub fn knows(&self, flag: Flag) -> bool {
        self.flags().any(|def| def.flag == flag)
    }

    /// The flags that are registered; any other is an invalid argument and its variable unread.
    pub fn flags(&self) -> impl Iterator<Item = &FlagDef> + Clone {
        self.table.iter().filter(|def| def.accepted)
    }

    /// The variables of all rows, read or not.
    pub fn variables(&self) -> impl Iterator<Item = (&FlagDef, super::flags::VariableDef)> {
        let of = |def| {
            [FlagDef::positive(def), FlagDef::negative(def)].into_iter().flatten().map(move |v| (def, v))
        };
        self.table.iter().flat_map(of)
    }

    /// The canonical name of the flag that takes a load mode, accepted or not.
    #[must_use]
    pub fn mode_flag(&self) -> Option<&'static str> {
        self.table.iter().find(|def| def.flag == Flag::Mode).and_then(|def| def.on.last().copied())
    }

    /// Finds a command-line name, without a value attached, accepted or not.
    #[must_use]
    pub fn find(&self, typed: &str) -> Option<Named> {
        flags::find(&self.table, self.forms, typed)
    }

    /// Finds an environment variable, read or not; names are case sensitive.
    #[must_use]
    pub fn find_variable(&self, name: &str) -> Option<Variable> {
        flags::find_variable(&self.table, name)
    }

    /// Finds a name on a line of the benchmark: the flag, and the name as the table spells it.
    #[must_use]
    pub fn find_bench(&self, typed: &str) -> Option<(Flag, &'static str)> {
        let (def, name) = self.bench.as_ref()?.find(self.forms, typed)?;
        Some((def.flag, name))
    }

    /// Whether a load mode says everything, the lock included, so that one word is a whole spelling.
    #[must_use]
    pub fn mode_is_whole(&self) -> bool {
        let beside = matches!(self.combine, Combine::Switches { mode: ModeRole::Source, .. });
        !self.words.is_empty() && !beside
    }

    /// Writes a flag with a value, as one word or two.
    #[must_use]
    pub fn with_value(&self, name: &str, value: &str) -> Vec<String> {
        match self.forms.joined {
            Some(joined) if !self.forms.separate => vec![format!("{name}{joined}{value}")],
            _ => vec![name.to_owned(), value.to_owned()],
        }
    }
}

/// A load mode: what the user writes and what it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    /// What the user writes.
    pub name: &'static str,
    /// What it asks for. Where a mode is one switch among others, its lock means nothing.
    pub plan: LoadPlan,
    /// One line for `--help` and the documentation.
    pub help: &'static str,
}

/// A lazy mode: what the user writes and which tensors it makes exceptions of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LazyMode {
    /// What the user writes.
    pub name: &'static str,
    /// What it asks for.
    pub exceptions: Exceptions,
    /// One line for `--help` and the documentation.
    pub help: &'static str,
}

/// The words that stand for on and off in values.
#[derive(Debug, PartialEq, Eq)]
pub struct Booleans {
    /// For on.
    pub on: Vec<&'static str>,
    /// For off.
    pub off: Vec<&'static str>,
    /// Whether upper and lower case are the same.
    pub ignore_case: bool,
}

impl Booleans {
    /// The table's spelling of a word, and its sense.
    #[must_use]
    pub fn read(&self, value: &str) -> Option<(&'static str, bool)> {
        let same = |word: &str| word == value || self.ignore_case && word.eq_ignore_ascii_case(value);
        let of =
            |words: &[&'static str], on| words.iter().copied().find(|word| same(word)).map(|word| (word, on));
        of(&self.on, true).or_else(|| of(&self.off, false))
    }
}

/// How a flag can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forms {
    /// The value may be the next word.
    pub separate: bool,
    /// What may stand between name and value in one word.
    pub joined: Option<&'static str>,
    /// Inside long names `_` equals `-`.
    pub underscores: bool,
    /// A beginning of a long name that fits one name alone stands for it.
    pub abbreviations: bool,
}

impl Forms {
    /// Splits `name=value`, at the separator of the dialect or else at `=`.
    #[must_use]
    pub fn split<'t>(&self, token: &'t str) -> (&'t str, Option<&'t str>) {
        let separator = self.joined.map_or("=", str::trim);
        match token.split_once(separator) {
            Some((name, value)) if separator == "=" => (name, Some(value)),
            Some((name, value)) => (name.trim_end(), Some(value.trim_start())),
            None => (token, None),
        }
    }
}

/// How the statements of a spelling combine into a plan.
#[derive(Debug, PartialEq, Eq)]
pub enum Combine {
    /// Independent switches, the last statement about a switch wins inside that switch. Direct
    /// beats the source, the lock is orthogonal.
    Switches {
        /// The switches nobody speaks of.
        start: Switches,
        /// Turning the first switch on also turns the second off.
        turns_off: Vec<(Flag, Flag)>,
        /// What a refused direct load falls back to.
        refused: Refusal,
        /// What a load mode says beside the switches.
        mode: ModeRole,
    },
    /// One field that every statement overwrites, in the order in which they are handled. What a switch
    /// writes says its row.
    OneField {
        /// The field when nobody speaks.
        start: Word,
    },
}

/// What a load mode says where there are switches too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModeRole {
    /// Everything: it decides alone.
    Alone,
    /// The source: one more statement about the switch that says whether the file is mapped.
    Source,
}

/// The state of the three switches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switches {
    /// Lock the weights.
    pub lock: bool,
    /// Where they come from without direct I/O.
    pub base: Base,
    /// Read past the page cache.
    pub direct: bool,
}

/// Where the weights come from as long as the switch for direct I/O is off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// Mapped.
    Map,
    /// Read.
    Read,
    /// The loader decides between the two.
    Auto,
    /// Read directly, by a load mode.
    Direct(OnRefused),
}

impl Base {
    /// What the switch of a mapping means.
    #[must_use]
    pub const fn of_switch(map: bool) -> Self {
        if map { Self::Map } else { Self::Read }
    }

    /// The source part of a plan.
    #[must_use]
    pub fn of_plan(plan: LoadPlan) -> Self {
        match plan.source {
            Source::Map => Self::Map,
            Source::Read => Self::Read,
            Source::Auto => Self::Auto,
            Source::Direct => Self::Direct(plan.on_refused.unwrap_or(OnRefused::Error)),
        }
    }
}

/// What a refused direct load falls back to when it was asked for by switches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Always the same.
    Always(OnRefused),
    /// What the source is without direct I/O: mapping or buffered reads.
    WithoutDirect,
}

/// What a dialect says about a spelling. Texts are templates: `{name}`, `{equivalent}`, `{variable}`.
#[derive(Debug)]
pub struct Messages {
    /// Whether each legacy switch is named once with the equivalent of the whole combination, and
    /// whatever had no say after them. Else texts are printed as the flags are handled.
    pub exact: bool,
    /// For a command line that has both a load mode and legacy switches.
    pub combined: Option<&'static str>,
    /// For a name that stands twice on the command line.
    pub repeated: Option<&'static str>,
    /// For a variable whose own flag is on the command line too.
    pub overwritten: Option<&'static str>,
}
