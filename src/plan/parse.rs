//! From words to statements: what was typed, checked against the tables, before anything is
//! combined.

use super::dialect::{Dialect, Rules, Variables};
use super::flags::{self, FALSY, FLAGS, Flag, FlagDef, TRUTHY};
use super::message::{Origin, Says, Statement, UsageError};

/// The command line, left to right.
pub(super) fn command_line(
    dialect: Dialect,
    argv: &[&str],
    into: &mut Vec<Statement>,
) -> Result<(), UsageError> {
    let rules = dialect.rules();
    let mut tokens = argv.iter();
    while let Some(&token) = tokens.next() {
        let (typed, inline) = split_inline(token);
        let Some(named) = flags::find(typed).filter(|named| rules.knows(named.flag)) else {
            return Err(UsageError::InvalidArgument { dialect, argument: token.to_owned() });
        };
        let flags::Named { flag, on, name } = named;
        let takes_value = flag.def().value.is_some();
        let argument = || token.to_owned();
        match inline {
            Some(_) if !rules.equals_form => {
                return Err(UsageError::EqualsForm { dialect, argument: argument(), flag: name });
            }
            Some(_) if !takes_value => {
                return Err(UsageError::UnexpectedValue { argument: argument(), flag: name });
            }
            _ => {}
        }
        let origin = Origin::CommandLine;
        into.push(if takes_value {
            let Some(value) = inline.or_else(|| tokens.next().copied()) else {
                return Err(UsageError::MissingValue { dialect, flag: name });
            };
            mode(dialect, flag, name, origin, value)?
        } else {
            Statement { name, value: None, origin, flag, says: if on { Says::On } else { Says::Off } }
        });
    }
    Ok(())
}

/// Splits `--name=value`.
pub(super) fn split_inline(token: &str) -> (&str, Option<&str>) {
    match token.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (token, None),
    }
}

/// The environment, in the order of the flag table whatever the order of `env`. Of a variable that
/// stands twice the last value counts. Returns the load variables that are set and not read.
pub(super) fn environment(
    dialect: Dialect,
    env: &[(&str, &str)],
    into: &mut Vec<Statement>,
) -> Result<Vec<&'static str>, UsageError> {
    let mut found = [Found::default(); FLAGS.len()];
    for &(name, value) in env {
        let Some(variable) = flags::find_variable(name) else { continue };
        let found = &mut found[variable.flag as usize];
        *(if variable.negative { &mut found.negative } else { &mut found.positive }) = Some(value);
    }
    let mut unread = Vec::new();
    for (def, found) in FLAGS.iter().zip(found) {
        if found.positive.is_none() && found.negative.is_none() {
            continue;
        }
        if dialect.rules().knows(def.flag) {
            read_variables(dialect, def, found, into, &mut unread)?;
        } else {
            unread.extend(found.positive.map(|_| def.variable));
            unread.extend(found.negative.and(def.no_variable));
        }
    }
    Ok(unread)
}

/// The values of a flag's two variables.
#[derive(Clone, Copy, Default)]
struct Found<'a> {
    positive: Option<&'a str>,
    negative: Option<&'a str>,
}

fn read_variables(
    dialect: Dialect,
    def: &'static FlagDef,
    found: Found<'_>,
    into: &mut Vec<Statement>,
    unread: &mut Vec<&'static str>,
) -> Result<(), UsageError> {
    let origin = Origin::Environment;
    let flag = def.flag;
    let rules: &Rules = dialect.rules();
    let lenient = rules.variables == Variables::Lenient;
    if let (true, Some(_), Some(name)) = (lenient, found.negative, def.no_variable) {
        unread.extend(found.positive.map(|_| def.variable));
        into.push(Statement { name, value: None, origin, flag, says: Says::Off });
        return Ok(());
    }
    if let Some(value) = found.positive {
        let name = def.variable;
        into.push(if def.value.is_some() {
            mode(dialect, flag, name, origin, value)?
        } else if lenient && def.off.is_empty() {
            let word = truthy(value);
            Statement { name, value: word, origin, flag, says: word.map_or(Says::Nothing, |_| Says::On) }
        } else {
            let (word, on) = boolean(name, value)?;
            Statement { name, value: Some(word), origin, flag, says: if on { Says::On } else { Says::Off } }
        });
    }
    if let (Some(value), Some(name)) = (found.negative, def.no_variable) {
        let (word, off) = boolean(name, value)?;
        let says = if off { Says::Off } else { Says::Nothing };
        into.push(Statement { name, value: Some(word), origin, flag, says });
    }
    Ok(())
}

fn mode(
    dialect: Dialect,
    flag: Flag,
    name: &'static str,
    origin: Origin,
    value: &str,
) -> Result<Statement, UsageError> {
    let Some(word) = dialect.rules().word(value) else {
        return Err(UsageError::UnknownMode { dialect, name, value: value.to_owned() });
    };
    Ok(Statement { name, value: Some(word.name), origin, flag, says: Says::Mode(word) })
}

fn truthy(value: &str) -> Option<&'static str> {
    TRUTHY.into_iter().find(|word| *word == value)
}

/// The table's spelling of a boolean word, and its sense.
fn boolean(variable: &'static str, value: &str) -> Result<(&'static str, bool), UsageError> {
    let falsy = || FALSY.into_iter().find(|word| *word == value).map(|word| (word, false));
    truthy(value)
        .map(|word| (word, true))
        .or_else(falsy)
        .ok_or_else(|| UsageError::NotBoolean { variable, value: value.to_owned() })
}
