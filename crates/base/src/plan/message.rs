//! What is said about a spelling: statements, overrides, warnings, usage errors.

use std::fmt;

use serde::{Serialize, Serializer};

use super::dialect::Dialect;
use super::flags::Flag;
use super::render;
use super::rules::{LazyMode, Word};

/// Where a statement was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Origin {
    /// In an environment variable.
    Environment,
    /// On the command line.
    CommandLine,
}

/// One thing a spelling says about loading: a flag on the command line or a variable that is set.
///
/// `Display` gives it as the user would type it: `-lm none`, `--no-mmap`, `LLAMA_ARG_MMAP=0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The name as the flag table spells it.
    pub name: &'static str,
    /// The value as the tables spell it; `None` when there is none or it does not matter.
    pub value: Option<&'static str>,
    /// Where it was made.
    pub origin: Origin,
    pub(super) flag: Flag,
    /// The row of the dialect's table.
    pub(super) row: usize,
    pub(super) legacy: bool,
    pub(super) says: Says,
}

/// What a statement asks of its flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Says {
    On,
    Off,
    Mode(Word),
    Lazy(LazyMode),
    /// The variable is set and read, but its value asks for nothing.
    Nothing,
}

impl Says {
    pub(super) fn switch(self) -> Option<bool> {
        match self {
            Self::On => Some(true),
            Self::Off => Some(false),
            Self::Mode(_) | Self::Lazy(_) | Self::Nothing => None,
        }
    }
}

impl Statement {
    /// Whether it is about one of the switches that the load mode replaced.
    #[must_use]
    pub fn is_legacy(&self) -> bool {
        self.legacy
    }

    /// Whether it asks for anything: the variable of a switch may be set to a word that does not.
    #[must_use]
    pub fn asks(&self) -> bool {
        self.says != Says::Nothing
    }

    /// Which decision it is about.
    #[must_use]
    pub fn flag(&self) -> Flag {
        self.flag
    }
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        match (self.value, self.origin) {
            (None, _) => Ok(()),
            (Some(value), Origin::Environment) => write!(f, "={value}"),
            (Some(value), Origin::CommandLine) => write!(f, " {value}"),
        }
    }
}

/// A statement that had no say in the plan, and the one that decided instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Override {
    /// The statement without effect.
    pub what: Statement,
    /// The statement that decided.
    pub by: Statement,
}

/// A remark on a spelling that has a plan. `Display` is the text, which is also how it serialises.
///
/// Templates come from the dialect's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warning {
    /// A legacy switch or variable; `instead` is the exact equivalent of all of them together.
    Deprecated {
        /// The template.
        text: &'static str,
        /// The legacy switch or variable.
        what: Statement,
        /// The load mode for the plan.
        instead: &'static str,
    },
    /// The fixed text of an era.
    EraText(&'static str),
    /// A statement had no say.
    Overridden {
        /// What and why.
        lost: Override,
        /// The canonical name of the flag that takes a load mode.
        mode_flag: Option<&'static str>,
    },
    /// The same name stands twice on the command line.
    Repeated {
        /// The template.
        text: &'static str,
        /// The name.
        name: &'static str,
    },
    /// A variable is set whose own flag is on the command line too.
    VariableOverwritten {
        /// The template.
        text: &'static str,
        /// The variable.
        variable: &'static str,
        /// The flag.
        by: &'static str,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Deprecated { text, what, instead } => {
                f.write_str(&text.replace("{name}", what.name).replace("{equivalent}", instead))
            }
            Self::EraText(text) => f.write_str(text),
            Self::Overridden { lost: Override { what, by }, mode_flag } => {
                fmt_override(f, what, by, mode_flag)
            }
            Self::Repeated { text, name } => f.write_str(&text.replace("{name}", name)),
            Self::VariableOverwritten { text, variable, by } => {
                f.write_str(&text.replace("{variable}", variable).replace("{name}", by))
            }
        }
    }
}

fn fmt_override(
    f: &mut fmt::Formatter<'_>,
    what: Statement,
    by: Statement,
    mode_flag: Option<&str>,
) -> fmt::Result {
    write!(f, "{what} has no effect: ")?;
    match (by.says, by.origin) {
        (Says::Mode(word), Origin::CommandLine) => {
            write!(f, "{} {} decides alone", mode_flag.unwrap_or(by.name), word.name)?;
        }
        (Says::Mode(_), Origin::Environment) => write!(f, "{by} decides alone")?,
        _ => write!(f, "{by} overrides it")?,
    }
    if what.is_legacy() && matches!(by.says, Says::Mode(_)) {
        write!(f, " (and {} is deprecated)", what.name)?;
    }
    Ok(())
}

impl Serialize for Warning {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A variable that is read and whose value does not mean what it seems to. `Display` says what counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IgnoredValue {
    /// The dialect that reads it.
    pub dialect: Dialect,
    /// The variable.
    pub variable: &'static str,
    /// Its value.
    pub value: String,
    /// Whether its presence counts, whatever the value; else only words for on do.
    pub presence: bool,
}

impl fmt::Display for IgnoredValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { dialect, variable, value, presence } = self;
        if *presence {
            return write!(
                f,
                "{variable}={value} counts as set: the {dialect} dialect looks at its presence and not at its value"
            );
        }
        let on = dialect.rules().booleans.on.join(", ");
        write!(
            f,
            "{variable}={value} has no effect: the {dialect} dialect takes {on} for on and ignores every other value"
        )
    }
}

/// A spelling that has no plan. Nothing has been opened when it is reported; exit code 2.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    /// The dialect has no such argument.
    #[error("invalid argument '{argument}': the {dialect} dialect accepts {}", render::flag_list(*.dialect))]
    InvalidArgument {
        /// The dialect.
        dialect: Dialect,
        /// What was typed.
        argument: String,
    },
    /// An argument of which the dialect's file deliberately says nothing.
    #[error(
        "'{argument}' is about loading, and the {dialect} dialect deliberately does not describe it: {why}"
    )]
    Unsupported {
        /// The dialect.
        dialect: Dialect,
        /// What was typed.
        argument: String,
        /// The reason in the file.
        why: &'static str,
    },
    /// A known flag was typed with `=`, which the dialect does not understand.
    #[error(
        "invalid argument '{argument}': the {dialect} dialect knows no '=' form; write {}",
        render::usage(*.dialect, .flag)
    )]
    EqualsForm {
        /// The dialect.
        dialect: Dialect,
        /// What was typed.
        argument: String,
        /// The flag in it.
        flag: &'static str,
    },
    /// A switch was given a value.
    #[error("'{argument}': {flag} is a switch and takes no value; write {flag} alone")]
    UnexpectedValue {
        /// What was typed.
        argument: String,
        /// The switch in it.
        flag: &'static str,
    },
    /// The line ends where a value should stand.
    #[error("{flag} needs a value: accepted are {}", render::value_list(*.dialect, .flag))]
    MissingValue {
        /// The dialect.
        dialect: Dialect,
        /// The flag.
        flag: &'static str,
    },
    /// A load mode the dialect does not know.
    #[error("invalid value '{value}' for {name}: accepted are {}", render::value_list(*.dialect, .name))]
    UnknownMode {
        /// The dialect.
        dialect: Dialect,
        /// The flag or the variable.
        name: &'static str,
        /// What was typed.
        value: String,
    },
    /// A variable that takes a boolean word has another one.
    #[error(
        "invalid value '{value}' for the environment variable {variable}: accepted are {} (on) and {} (off)",
        .dialect.rules().booleans.on.join(", "),
        .dialect.rules().booleans.off.join(", ")
    )]
    NotBoolean {
        /// The dialect.
        dialect: Dialect,
        /// The variable.
        variable: &'static str,
        /// Its value.
        value: String,
    },
    /// A flag that takes a boolean word has another one.
    #[error("invalid value '{value}' for {flag}: accepted are {}", render::value_list(*.dialect, .flag))]
    BadValue {
        /// The dialect.
        dialect: Dialect,
        /// The flag.
        flag: &'static str,
        /// Its value.
        value: String,
    },
    /// A value that has to be a number is none.
    #[error("invalid value '{value}' for {name}: a number is accepted, 0 for off")]
    NotNumber {
        /// The flag or the variable.
        name: &'static str,
        /// Its value.
        value: String,
    },
    /// llama-bench of the dialect has no such argument.
    #[error(
        "invalid argument '{argument}': llama-bench of the {dialect} dialect accepts {}",
        render::bench_flag_list(*.dialect)
    )]
    BenchArgument {
        /// The dialect.
        dialect: Dialect,
        /// What was typed.
        argument: String,
    },
    /// Lists that multiply to more loads than anybody measures.
    #[error("the lists of switches multiply to {count} loads; at most {most} can be measured at once")]
    BenchTooMany {
        /// How many.
        count: usize,
        /// How many there may be.
        most: usize,
    },
    /// The loader has no benchmark of its own.
    #[error("the {dialect} dialect describes no benchmark: leave out --tool bench")]
    NoBench {
        /// The dialect.
        dialect: Dialect,
    },
    /// The line ends where a list should stand.
    #[error("{flag} needs a list, with commas between its items: accepted are {accepted}")]
    BenchMissing {
        /// The flag.
        flag: &'static str,
        /// The items that are accepted.
        accepted: String,
    },
    /// An item of a llama-bench list that says neither on nor off.
    #[error("invalid item '{value}' in the list of {flag}: accepted are {accepted}")]
    BenchItem {
        /// The flag.
        flag: &'static str,
        /// The item.
        value: String,
        /// The items that are accepted.
        accepted: String,
    },
}
