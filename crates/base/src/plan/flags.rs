//! The table of load flags of a dialect: parsing, help, documentation and the enumeration of
//! spellings all read it. Its rows come from the dialect's file.

use super::rules::{Forms, Word};

/// One decision a user can take about loading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Flag {
    /// Lock the weights into memory.
    Lock,
    /// Map the file.
    Map,
    /// Bypass the page cache.
    Direct,
    /// The whole mode in one word.
    Mode,
    /// Which tensors the plan does not speak of, in one word: the second dimension, beside all others.
    Lazy,
}

/// A row of the flag table.
#[derive(Debug, PartialEq, Eq)]
pub struct FlagDef {
    /// Which decision the row is about.
    pub flag: Flag,
    /// Whether the loader takes it. A row that is not accepted is one of the loader's other eras: its
    /// names are an error and its variables stay unread.
    pub accepted: bool,
    /// Whether a load mode replaced it.
    pub legacy: bool,
    /// The names that turn it on or, for a flag with a value, that introduce the value. The first
    /// is the canonical one, the last the longest.
    pub on: Vec<&'static str>,
    /// The names that turn it off; empty when there is no negative form.
    pub off: Vec<&'static str>,
    /// How the value is read; `None` for a switch.
    pub takes: Option<Takes>,
    /// The placeholder of the value; `None` for a switch.
    pub value: Option<&'static str>,
    /// The environment variable.
    pub variable: Option<VariableDef>,
    /// The variable with the negative sense, if there is one.
    pub no_variable: Option<VariableDef>,
    /// What the names that turn it on, or the flag with its value, ask for: for `--help` and the
    /// documentation.
    pub help: &'static str,
    /// The same of the names that turn it off, if there are any.
    pub off_help: Option<&'static str>,
    /// What it writes where all statements write one field: turned on, turned off.
    pub writes: [Option<Word>; 2],
    /// The template of its deprecation, if it is deprecated.
    pub deprecated: Option<&'static str>,
}

impl FlagDef {
    /// Whether a value has to follow the name.
    #[must_use]
    pub fn needs_value(&self) -> bool {
        self.takes.is_some_and(|takes| !takes.optional)
    }

    /// Whether the value is a load mode.
    #[must_use]
    pub fn is_mode(&self) -> bool {
        self.flag == Flag::Mode
    }

    /// Whether it is about exceptions by tensor and not about the load as a whole.
    #[must_use]
    pub fn is_lazy(&self) -> bool {
        self.flag == Flag::Lazy
    }

    /// Whether the value is a boolean.
    #[must_use]
    pub fn is_boolean(&self) -> bool {
        self.takes.is_some() && !self.is_mode() && !self.is_lazy()
    }

    /// Whether it can be turned off on the command line.
    #[must_use]
    pub fn can_be_off(&self) -> bool {
        !self.off.is_empty() || self.is_boolean()
    }

    /// The variable of its own sense.
    pub(super) fn positive(&self) -> Option<VariableDef> {
        self.variable
    }

    /// The variable of the opposite sense.
    pub(super) fn negative(&self) -> Option<VariableDef> {
        self.no_variable
    }

    /// The names of its variables.
    pub fn variables(&self) -> impl Iterator<Item = &'static str> {
        [&self.variable, &self.no_variable].into_iter().flatten().map(|variable| variable.name)
    }
}

/// How the value of a flag is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Takes {
    /// What values there are.
    pub reads: Reads,
    /// Whether the name alone is enough, and means on.
    pub optional: bool,
}

/// How a value is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// One of the load modes; anything else is an error.
    Mode,
    /// One of the lazy modes; anything else is an error.
    Lazy,
    /// A boolean word; anything else is an error.
    Boolean,
    /// On for a truthy word, and every other is ignored.
    Truthy,
    /// On whatever the value is, the empty one too.
    Presence,
    /// A number, 0 for off; anything else is an error.
    Number,
}

/// An environment variable of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VariableDef {
    /// Its name.
    pub name: &'static str,
    /// How its value is read.
    pub reads: Reads,
    /// Whether its presence keeps the row's other variable from being read.
    pub hides_twin: bool,
}

/// A name on the command line that the table knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named {
    /// The decision it is about.
    pub flag: Flag,
    /// The row of the table.
    pub row: usize,
    /// The sense: `false` for a negative form.
    pub on: bool,
    /// The name as the table spells it (dashes for underscores).
    pub name: &'static str,
    /// Whether a value has to follow.
    pub needs_value: bool,
}

/// Finds a command-line name, without a value attached.
pub(super) fn find(table: &[FlagDef], forms: Forms, typed: &str) -> Option<Named> {
    let named = |row: usize, on: bool, name: &'static str| {
        let def = &table[row];
        Named { flag: def.flag, row, on, name, needs_value: def.needs_value() }
    };
    let names = || {
        table.iter().enumerate().flat_map(move |(row, def)| {
            let on = def.on.iter().map(move |name| (row, true, *name));
            on.chain(def.off.iter().map(move |name| (row, false, *name)))
        })
    };
    let exact = names().find(|(_, _, name)| same(forms, name, typed));
    let abbreviated = || {
        let long = forms.abbreviations && typed.len() > 2 && typed.starts_with("--");
        let mut fitting = names().filter(|(_, _, name)| long && name.starts_with(typed));
        fitting.next().filter(|_| fitting.next().is_none())
    };
    exact.or_else(abbreviated).map(|(row, on, name)| named(row, on, name))
}

/// Whether `typed` is `name`. Inside long names `_` equals `-` where the dialect has it so.
pub(super) fn same(forms: Forms, name: &str, typed: &str) -> bool {
    let long = forms.underscores && typed.starts_with("--");
    if long { equals_ignoring_underscores(name, typed) } else { name == typed }
}

fn equals_ignoring_underscores(name: &str, typed: &str) -> bool {
    name.len() == typed.len()
        && name.bytes().zip(typed.bytes()).all(|(n, t)| n == t || (n == b'-' && t == b'_'))
}

/// An environment variable that the table knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable {
    /// The decision it is about.
    pub flag: Flag,
    /// The row of the table.
    pub row: usize,
    /// Whether it is the variable with the negative sense.
    pub negative: bool,
}

/// Finds an environment variable; names are case sensitive.
pub(super) fn find_variable(table: &[FlagDef], name: &str) -> Option<Variable> {
    let is = |variable: &Option<VariableDef>| variable.is_some_and(|variable| variable.name == name);
    table.iter().enumerate().find_map(|(row, def)| {
        let found = |negative| Variable { flag: def.flag, row, negative };
        is(&def.variable).then(|| found(false)).or_else(|| is(&def.no_variable).then(|| found(true)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Dialect;

    #[test]
    fn every_name_finds_itself_and_no_other() {
        for dialect in Dialect::shipped() {
            let rules = dialect.rules();
            let mut seen = std::collections::BTreeSet::new();
            for (row, def) in rules.table.iter().enumerate() {
                for (names, on) in [(&def.on, true), (&def.off, false)] {
                    for &name in names {
                        assert!(seen.insert(name), "{dialect}: {name} stands twice in the table");
                        let found = rules.find(name).map(|named| (named.row, named.on, named.name));
                        assert_eq!(found, Some((row, on, name)), "{dialect}");
                    }
                }
                for (variable, negative) in [(def.variable, false), (def.no_variable, true)] {
                    let Some(VariableDef { name, .. }) = variable else { continue };
                    assert!(seen.insert(name), "{dialect}: {name} stands twice in the table");
                    let found = Variable { flag: def.flag, row, negative };
                    assert_eq!(rules.find_variable(name), Some(found));
                }
            }
        }
    }

    #[test]
    fn every_bench_name_finds_itself() {
        let rules = Dialect::reference().rules();
        let mut seen = std::collections::BTreeSet::new();
        for def in &rules.bench.as_ref().expect("a benchmark").flags {
            for &name in &def.names {
                assert!(seen.insert(name), "{name} stands twice in the table");
                assert_eq!(rules.find_bench(name), Some((def.flag, name)));
            }
        }
        assert_eq!(rules.find_bench("--load_mode"), Some((Flag::Mode, "--load-mode")));
        assert_eq!(rules.find_bench("--direct_io"), Some((Flag::Direct, "--direct-io")));
        for none in ["--mlock", "--no-mmap", "-ndio", "-lm_", "mmp", ""] {
            assert_eq!(rules.find_bench(none), None, "{none}");
        }
    }

    #[test]
    fn underscores_equal_dashes_inside_long_names_only() {
        let rules = Dialect::reference().rules();
        let find = |name: &str| rules.find(name);
        assert_eq!(find("--no_direct-io"), find("--no-direct-io"));
        assert_eq!(find("--load_mode").map(|n| n.name), Some("--load-mode"));
        assert_eq!(find("_-mlock"), None);
        assert_eq!(find("-_mlock"), None);
        assert_eq!(find("--ml_ck"), None);
        assert_eq!(find("--no+mmap"), None);
        assert_eq!(find("--mlocks"), None);
        assert_eq!(find("--mloc"), None);
        assert_eq!(find("mlock"), None);
        assert_eq!(find("--MLOCK"), None);
        assert_eq!(find(""), None);
        assert_eq!(rules.find_variable("LLAMA-ARG-MMAP"), None);
        assert_eq!(rules.find_variable("LLAMA_ARG_MMAPS"), None);
    }
}
