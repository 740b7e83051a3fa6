//! What a table of rules can say about one era, and the names of the eras.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::bench::BenchRules;
use super::flags::Flag;
use super::{LoadPlan, eras};

/// The rules by which one era of a loader turns a spelling into a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dialect {
    /// This project's own rules: nothing is inexpressible, order never matters.
    #[default]
    Reference,
    /// llama.cpp before PR #20834: three independent booleans.
    Booleans,
    /// llama.cpp from December 2025 to January 2026: booleans with direct I/O on by default.
    DioDefault,
    /// PR #20834 as merged: one field, overwritten flag by flag.
    EnumV1,
    /// After #26135: `mlock` no longer maps, `mmap+mlock` does.
    EnumV2,
    /// After #26081: `auto`, and the default is `auto`.
    EnumV3,
    /// After #28334: the legacy switches are gone.
    EnumV4,
}

impl Dialect {
    /// Whether the order between different switches never matters.
    #[must_use]
    pub fn is_order_free(self) -> bool {
        matches!(self.rules().combine, Combine::Switches { turns_off: [], .. })
    }

    /// Every dialect: the reference, then the eras of llama.cpp from old to new.
    pub const ALL: [Self; 7] = [
        Self::Reference,
        Self::Booleans,
        Self::DioDefault,
        Self::EnumV1,
        Self::EnumV2,
        Self::EnumV3,
        Self::EnumV4,
    ];

    /// The table of the dialect.
    #[must_use]
    pub fn rules(self) -> &'static Rules {
        match self {
            Self::Reference => &eras::REFERENCE,
            Self::Booleans => &eras::BOOLEANS,
            Self::DioDefault => &eras::DIO_DEFAULT,
            Self::EnumV1 => &eras::ENUM_V1,
            Self::EnumV2 => &eras::ENUM_V2,
            Self::EnumV3 => &eras::ENUM_V3,
            Self::EnumV4 => &eras::ENUM_V4,
        }
    }

    /// The name, as `--dialect` takes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.rules().name
    }

    /// The first `--load-mode` word of this dialect that asks for exactly `plan`.
    #[must_use]
    pub fn word_for(self, plan: LoadPlan) -> Option<&'static str> {
        self.rules().words.iter().find(|word| word.plan == plan).map(|word| word.name)
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for Dialect {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Dialect {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Dialect {
    fn schema_name() -> Cow<'static, str> {
        "Dialect".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "The name of a dialect.", "enum": Self::ALL.map(Self::name) })
    }
}

/// A dialect name that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown dialect '{0}': accepted are {names}", names = Dialect::ALL.map(Dialect::name).join(", "))]
pub struct UnknownDialect(pub String);

impl FromStr for Dialect {
    type Err = UnknownDialect;

    fn from_str(name: &str) -> Result<Self, UnknownDialect> {
        let found = Self::ALL.into_iter().find(|dialect| dialect.name() == name);
        found.ok_or_else(|| UnknownDialect(name.to_owned()))
    }
}

/// One era as data. The engine has no other knowledge of a dialect.
#[derive(Debug)]
pub struct Rules {
    /// The name, as `--dialect` takes it.
    pub name: &'static str,
    /// One line on where and when the era was.
    pub about: &'static str,
    /// The flags that are registered; any other is an invalid argument and its variable unread.
    pub flags: &'static [Flag],
    /// The accepted load modes; empty when there is no such flag.
    pub words: &'static [Word],
    /// How the statements of a spelling combine.
    pub combine: Combine,
    /// Whether `--load-mode=WORD` is understood.
    pub equals_form: bool,
    /// How the environment is read.
    pub variables: Variables,
    /// What is said about a spelling.
    pub speech: Speech,
    /// The grammar of llama-bench, which has a parser of its own.
    pub bench: BenchRules,
}

impl Rules {
    /// Looks a load mode up; words are case sensitive and not trimmed.
    #[must_use]
    pub fn word(&self, name: &str) -> Option<Word> {
        self.words.iter().find(|word| word.name == name).copied()
    }

    /// Whether the era knows the flag.
    #[must_use]
    pub fn knows(&self, flag: Flag) -> bool {
        self.flags.contains(&flag)
    }
}

/// A load mode: what the user writes and what it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    /// What the user writes.
    pub name: &'static str,
    /// What it asks for.
    pub plan: LoadPlan,
    /// One line for `--help` and the documentation.
    pub help: &'static str,
}

/// How the statements of a spelling combine into a plan.
#[derive(Debug)]
pub enum Combine {
    /// Independent switches, the last statement about a switch wins inside that switch. Direct
    /// beats map, map beats read, the lock is orthogonal. A load mode, where the era knows it,
    /// decides alone.
    Switches {
        /// The switches nobody speaks of.
        start: Switches,
        /// Turning the first switch on also turns the second off.
        turns_off: &'static [(Flag, Flag)],
        /// What a refused direct load falls back to.
        refused: Refusal,
    },
    /// One field that every statement overwrites, environment first, then left to right.
    OneField {
        /// The field when nobody speaks.
        start: Word,
        /// What a legacy switch writes into the field, by sense.
        assigns: &'static [(Flag, bool, Word)],
    },
}

/// The state of the three legacy switches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switches {
    /// Lock the weights.
    pub lock: bool,
    /// Map the file.
    pub map: bool,
    /// Read past the page cache.
    pub direct: bool,
}

/// What a refused direct load falls back to when it was asked for by switches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Always buffered reads.
    Read,
    /// What the map switch says without direct I/O: mapping or buffered reads.
    WithoutDirect,
}

/// How an era reads the environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variables {
    /// Every variable of a switch takes a boolean word and anything else is an error. A truthy
    /// negative variable turns its switch off, a falsy one says nothing.
    Checked,
    /// As llama.cpp does: the presence of a negative variable turns its switch off, whatever its
    /// value, and hides the positive one; the variable of a switch that has no negative form acts
    /// on a truthy word and ignores every other; the remaining switches take a boolean word.
    Lenient,
}

/// What an era says about a spelling.
#[derive(Debug)]
pub enum Speech {
    /// Each legacy switch is deprecated with the exact equivalent of the whole combination, and
    /// whatever had no say is named.
    Exact,
    /// Fixed texts, printed as the flags are handled.
    Fixed {
        /// The deprecation text of a flag.
        deprecated: &'static [(Flag, &'static str)],
        /// The text for a command line that has both a load mode and legacy switches.
        combined: Option<&'static str>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_an_unknown_one_lists_them() {
        for dialect in Dialect::ALL {
            assert_eq!(dialect.to_string().parse(), Ok(dialect));
        }
        let text = "enum-v5".parse::<Dialect>().unwrap_err().to_string();
        assert!(Dialect::ALL.iter().all(|d| text.contains(d.name())), "{text}");
        assert!("Reference".parse::<Dialect>().is_err());
    }

    #[test]
    fn the_tables_are_consistent() {
        for dialect in Dialect::ALL {
            let rules = dialect.rules();
            assert!(rules.flags.is_sorted(), "{dialect}: flags stand in registration order");
            assert_eq!(rules.knows(Flag::Mode), !rules.words.is_empty(), "{dialect}");
            for word in rules.words {
                assert_eq!(rules.word(word.name), Some(*word), "{dialect}: a word stands once");
                assert_eq!(word.plan.source == crate::plan::Source::Direct, word.plan.on_refused.is_some());
            }
            let Combine::OneField { start, assigns } = &rules.combine else { continue };
            assert!(rules.words.contains(start), "{dialect}: the default is a word");
            for (flag, _, word) in *assigns {
                assert!(rules.knows(*flag) && rules.words.contains(word), "{dialect}: {flag:?}");
            }
        }
    }
}
