//! From words to statements: what was typed, checked against the tables, before anything is
//! combined.

use super::dialect::Dialect;
use super::flags::{FlagDef, Named, Reads, VariableDef};
use super::message::{IgnoredValue, Origin, Says, Statement, UsageError};
use super::rules::Rules;

/// The command line, left to right.
pub(super) fn command_line(
    dialect: Dialect,
    argv: &[&str],
    into: &mut Vec<Statement>,
) -> Result<(), UsageError> {
    let rules = dialect.rules();
    let mut tokens = argv.iter();
    while let Some(&token) = tokens.next() {
        let (typed, inline) = rules.forms.split(token);
        let Some(named) = rules.find(typed).filter(|named| rules.table[named.row].accepted) else {
            return Err(not_accepted(dialect, typed, token));
        };
        let Named { row, on, name, .. } = named;
        let def = &rules.table[row];
        // A negative name is a switch whatever the positive one takes.
        let takes = def.takes.filter(|_| on);
        let argument = || token.to_owned();
        match inline {
            Some(_) if rules.forms.joined.is_none() => {
                return Err(UsageError::EqualsForm { dialect, argument: argument(), flag: name });
            }
            Some(_) if takes.is_none() => {
                return Err(UsageError::UnexpectedValue { argument: argument(), flag: name });
            }
            _ => {}
        }
        let said = Said { dialect, row, name, origin: Origin::CommandLine };
        into.push(match takes {
            None => said.switch(None, on),
            Some(takes) if takes.optional && inline.is_none() => said.switch(None, true),
            Some(takes) => {
                let next = || tokens.next().copied().filter(|_| rules.forms.separate);
                let Some(value) = inline.or_else(next) else {
                    return Err(UsageError::MissingValue { dialect, flag: name });
                };
                said.value(takes.reads, value)?
            }
        });
    }
    Ok(())
}

/// Why a word is refused.
fn not_accepted(dialect: Dialect, typed: &str, token: &str) -> UsageError {
    let argument = token.to_owned();
    match dialect.rules().unsupported.iter().find(|(name, _)| *name == typed) {
        Some((_, why)) => UsageError::Unsupported { dialect, argument, why },
        None => UsageError::InvalidArgument { dialect, argument },
    }
}

/// The environment, in the order of the flag table whatever the order of `env`. Of a variable that
/// stands twice the last value counts. Returns what is set and not heard.
pub(super) fn environment(
    dialect: Dialect,
    env: &[(&str, &str)],
    into: &mut Vec<Statement>,
) -> Result<Unheard, UsageError> {
    let rules = dialect.rules();
    let mut found = vec![Found::default(); rules.table.len()];
    for &(name, value) in env {
        let Some(variable) = rules.find_variable(name) else { continue };
        let found = &mut found[variable.row];
        *(if variable.negative { &mut found.negative } else { &mut found.positive }) = Some(value);
    }
    let mut unread = Unheard::default();
    for (row, (def, found)) in rules.table.iter().zip(found).enumerate() {
        if found.positive.is_none() && found.negative.is_none() {
            continue;
        }
        if def.accepted {
            read_variables(dialect, row, def, found, into, &mut unread)?;
        } else {
            let set = |value: Option<&str>, variable: Option<VariableDef>| {
                value.and(variable).map(|variable| variable.name)
            };
            unread.variables.extend(set(found.positive, def.variable));
            unread.variables.extend(set(found.negative, def.no_variable));
        }
    }
    Ok(unread)
}

/// What an environment has and a dialect does not hear.
#[derive(Default)]
pub(super) struct Unheard {
    /// Load variables that are set and not read.
    pub(super) variables: Vec<&'static str>,
    /// Those that are read and whose value counts for something else than it says, or for nothing.
    pub(super) values: Vec<IgnoredValue>,
}

impl Unheard {
    /// Notes a value that a reader will not take for what it says.
    fn note(&mut self, dialect: Dialect, variable: VariableDef, value: &str) {
        let meant = dialect.rules().booleans.read(value).map(|(_, on)| on);
        let presence = match (variable.reads, meant) {
            (Reads::Presence, Some(false)) => true,
            (Reads::Truthy, None) => false,
            _ => return,
        };
        let value = value.to_owned();
        self.values.push(IgnoredValue { dialect, variable: variable.name, value, presence });
    }
}

/// The values of a flag's two variables.
#[derive(Clone, Copy, Default)]
struct Found<'a> {
    positive: Option<&'a str>,
    negative: Option<&'a str>,
}

fn read_variables(
    dialect: Dialect,
    row: usize,
    def: &FlagDef,
    found: Found<'_>,
    into: &mut Vec<Statement>,
    unread: &mut Unheard,
) -> Result<(), UsageError> {
    let said =
        |variable: VariableDef| Said { dialect, row, name: variable.name, origin: Origin::Environment };
    let (mut positive, mut negative) =
        (found.positive.zip(def.variable), found.negative.zip(def.no_variable));
    if negative.is_some_and(|(_, variable)| variable.hides_twin) {
        unread.variables.extend(positive.take().map(|(_, variable)| variable.name));
    }
    if positive.is_some_and(|(_, variable)| variable.hides_twin) {
        unread.variables.extend(negative.take().map(|(_, variable)| variable.name));
    }
    for (value, variable) in [positive, negative].into_iter().flatten() {
        unread.note(dialect, variable, value);
    }
    if let Some((value, variable)) = positive {
        into.push(said(variable).value(variable.reads, value)?);
    }
    if let Some((value, variable)) = negative {
        let read = said(variable).value(variable.reads, value)?;
        // On turns the switch off, and off asks for nothing.
        let says = if read.says == Says::On { Says::Off } else { Says::Nothing };
        into.push(Statement { says, ..read });
    }
    Ok(())
}

/// Who says something.
#[derive(Clone, Copy)]
struct Said {
    dialect: Dialect,
    row: usize,
    name: &'static str,
    origin: Origin,
}

impl Said {
    fn statement(self, value: Option<&'static str>, says: Says) -> Statement {
        let Self { dialect, row, name, origin } = self;
        let def = &dialect.rules().table[row];
        Statement { name, value, origin, flag: def.flag, row, legacy: def.legacy, says }
    }

    fn switch(self, value: Option<&'static str>, on: bool) -> Statement {
        self.statement(value, if on { Says::On } else { Says::Off })
    }

    fn value(self, reads: Reads, value: &str) -> Result<Statement, UsageError> {
        let Self { dialect, name, origin, .. } = self;
        let rules: &Rules = dialect.rules();
        let bad = || match origin {
            Origin::Environment => {
                UsageError::NotBoolean { dialect, variable: name, value: value.to_owned() }
            }
            Origin::CommandLine => UsageError::BadValue { dialect, flag: name, value: value.to_owned() },
        };
        Ok(match reads {
            Reads::Mode => {
                let Some(word) = rules.word(value) else {
                    return Err(UsageError::UnknownMode { dialect, name, value: value.to_owned() });
                };
                self.statement(Some(word.name), Says::Mode(word))
            }
            Reads::Lazy => {
                let Some(mode) = rules.lazy_mode(value) else {
                    return Err(UsageError::UnknownMode { dialect, name, value: value.to_owned() });
                };
                self.statement(Some(mode.name), Says::Lazy(mode))
            }
            Reads::Presence => self.switch(None, true),
            Reads::Truthy => match rules.booleans.read(value) {
                Some((word, true)) => self.switch(Some(word), true),
                _ => self.statement(None, Says::Nothing),
            },
            Reads::Boolean => {
                let (word, on) = rules.booleans.read(value).ok_or_else(bad)?;
                self.switch(Some(word), on)
            }
            Reads::Number => {
                let number: i64 = value
                    .trim()
                    .parse()
                    .map_err(|_| UsageError::NotNumber { name, value: value.to_owned() })?;
                self.switch(Some(if number == 0 { "0" } else { "1" }), number != 0)
            }
        })
    }
}
