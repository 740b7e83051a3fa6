//! The rule engine: statements and a table in, a plan and its warnings out.
//!
//! Who decides when switches and load modes meet in one dialect (the reference):
//!
//! 1. a load mode on the command line decides alone, the last one if there are several;
//! 2. else, if any legacy switch stands on the command line, the switches decide: each one from the
//!    command line, else from its own variable, else from the default. The load mode of the
//!    environment is dropped as a whole, because it answers the same question as the switches do;
//! 3. else the load mode of the environment decides alone;
//! 4. else the variables of the switches decide over the defaults.
//!
//! Whatever asked for something and did not get it is named in a warning. A statement that repeats
//! what won is passed over, except a legacy switch beside a load mode, which is always named.

use super::dialect::{Combine, Dialect, Refusal, Speech, Switches, Word};
use super::flags::{FLAGS, Flag};
use super::message::{Origin, Override, Says, Statement, UsageError, Warning};
use super::{LoadPlan, OnRefused, parse};

/// What a spelling means under a dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// What was asked for.
    pub plan: LoadPlan,
    /// The reference dialect's `--load-mode` word for exactly this plan; see
    /// [`LoadPlan::reference_word`] for when there is none.
    pub load_mode: Option<&'static str>,
    /// What the spelling says, in the order in which it was heard: the variables that are read, then
    /// the command line.
    pub said: Vec<Statement>,
    /// What the dialect says about the spelling, in the order in which it says it.
    pub warnings: Vec<Warning>,
    /// The statements that asked for something they did not get.
    pub overridden: Vec<Override>,
    /// Load variables that are set and that this dialect does not read.
    pub ignored_env: Vec<&'static str>,
}

/// Resolves a command line of load flags and an environment.
///
/// `argv` holds load flags only; anything else is an error ([`super::split_args`] takes the load
/// flags out of a longer line). Variables of `env` that are not about loading are passed over.
/// Errors in the environment are reported before errors on the command line, as llama.cpp does.
///
/// # Errors
///
/// A [`UsageError`] names what was wrong and what is accepted.
pub fn resolve(dialect: Dialect, argv: &[&str], env: &[(&str, &str)]) -> Result<Resolved, UsageError> {
    let mut said = Vec::with_capacity(argv.len() + env.len().min(2 * FLAGS.len()));
    let ignored_env = parse::environment(dialect, env, &mut said)?;
    parse::command_line(dialect, argv, &mut said)?;

    let rules = dialect.rules();
    let mut overridden = Vec::new();
    let (plan, by_switches) = match &rules.combine {
        Combine::OneField { start, assigns } => (one_field(*start, assigns, &said, &mut overridden), false),
        Combine::Switches { start, turns_off, refused } => match deciding_mode(&said) {
            Some((by, word)) => (alone(by, word, &said, &mut overridden), false),
            None => (switches(*start, turns_off, *refused, &said, &mut overridden), true),
        },
    };
    let load_mode = plan.reference_word();
    let warnings = match &rules.speech {
        Speech::Exact => exact_warnings(&said, load_mode.filter(|_| by_switches), &overridden),
        Speech::Fixed { deprecated, combined } => fixed_warnings(&said, deprecated, *combined),
    };
    Ok(Resolved { plan, load_mode, said, warnings, overridden, ignored_env })
}

/// One field, overwritten by each statement in turn.
fn one_field(
    start: Word,
    assigns: &[(Flag, bool, Word)],
    said: &[Statement],
    overridden: &mut Vec<Override>,
) -> LoadPlan {
    let written = |statement: &Statement| match statement.says {
        Says::Mode(word) => Some(word),
        says => assigns
            .iter()
            .find(|(flag, on, _)| *flag == statement.flag && Some(*on) == says.switch())
            .map(|(_, _, word)| *word),
    };
    let last = said.iter().rev().find_map(|by| written(by).map(|word| (*by, word)));
    let Some((by, word)) = last else { return start.plan };
    let lost = said.iter().filter(|what| written(what).is_some_and(|other| other != word));
    overridden.extend(lost.map(|&what| Override { what, by }));
    word.plan
}

/// The load mode that decides alone, if one does: the last on the command line; the environment's
/// only when the command line says nothing at all, because the command line beats the environment.
fn deciding_mode(said: &[Statement]) -> Option<(Statement, Word)> {
    let last = said.iter().rev().find_map(|statement| match statement.says {
        Says::Mode(word) => Some((*statement, word)),
        _ => None,
    });
    last.filter(|(mode, _)| {
        mode.origin == Origin::CommandLine
            || said.iter().all(|statement| statement.origin == Origin::Environment)
    })
}

fn alone(by: Statement, word: Word, said: &[Statement], overridden: &mut Vec<Override>) -> LoadPlan {
    let lost = said.iter().filter(|what| match what.says {
        Says::Mode(other) => other != word,
        Says::On | Says::Off => true,
        Says::Nothing => false,
    });
    overridden.extend(lost.map(|&what| Override { what, by }));
    word.plan
}

/// A switch and who set it last.
#[derive(Clone, Copy)]
struct Slot {
    on: bool,
    by: Option<Statement>,
}

/// Independent switches. The environment's statements stand first, so the command line beats them
/// switch by switch.
fn switches(
    start: Switches,
    turns_off: &[(Flag, Flag)],
    refused: Refusal,
    said: &[Statement],
    overridden: &mut Vec<Override>,
) -> LoadPlan {
    let mut slots = [start.lock, start.map, start.direct].map(|on| Slot { on, by: None });
    for &statement in said {
        let Some(on) = statement.says.switch() else { continue };
        slots[statement.flag as usize] = Slot { on, by: Some(statement) };
        for (_, other) in turns_off.iter().filter(|(flag, _)| on && *flag == statement.flag) {
            slots[*other as usize] = Slot { on: false, by: Some(statement) };
        }
    }
    // Only an environment's load mode gets here: one on the command line would have decided.
    let first_typed = said.iter().find(|statement| statement.origin == Origin::CommandLine);
    overridden.extend(said.iter().filter_map(|&what| {
        let by = match what.says.switch() {
            Some(on) => {
                let slot = slots[what.flag as usize];
                slot.by.filter(|_| slot.on != on)
            }
            None => first_typed.copied().filter(|_| matches!(what.says, Says::Mode(_))),
        };
        by.map(|by| Override { what, by })
    }));

    let [lock, map, direct] = slots.map(|slot| slot.on);
    plan_of(Switches { lock, map, direct }, refused)
}

/// The plan that the three switches make together.
pub(super) fn plan_of(Switches { lock, map, direct }: Switches, refused: Refusal) -> LoadPlan {
    let without_direct = if map { LoadPlan::map(lock) } else { LoadPlan::read(lock) };
    match (direct, refused) {
        (false, _) => without_direct,
        (true, Refusal::WithoutDirect) if map => LoadPlan::direct(lock, OnRefused::Map),
        (true, _) => LoadPlan::direct(lock, OnRefused::Read),
    }
}

/// The reference's own warnings. `instead` is the equivalent of the legacy switches when they made
/// the plan.
fn exact_warnings(
    said: &[Statement],
    instead: Option<&'static str>,
    overridden: &[Override],
) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if let Some(instead) = instead {
        for (i, &what) in said.iter().enumerate().filter(|(_, what)| what.is_legacy()) {
            if said[..i].iter().all(|before| before.name != what.name) {
                warnings.push(Warning::Deprecated { what, instead });
            }
        }
    }
    for (i, lost) in overridden.iter().enumerate() {
        if !overridden[..i].contains(lost) {
            warnings.push(Warning::Overridden(*lost));
        }
    }
    warnings
}

/// What llama.cpp prints: remarks flag by flag as they are handled, the combination last.
fn fixed_warnings(
    said: &[Statement],
    deprecated: &[(Flag, &'static str)],
    combined: Option<&'static str>,
) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let typed_from = said.iter().position(|s| s.origin == Origin::CommandLine).unwrap_or(said.len());
    let (set, typed) = said.split_at(typed_from);
    for (i, statement) in said.iter().enumerate() {
        if i >= typed_from {
            if said[typed_from..i].iter().any(|before| before.name == statement.name) {
                warnings.push(Warning::Repeated(statement.name));
            }
            if set.iter().any(|variable| variable.flag == statement.flag) {
                let variable = statement.flag.def().variable;
                warnings.push(Warning::VariableOverwritten { variable, by: statement.name });
            }
        }
        if statement.says != Says::Nothing {
            let text = deprecated.iter().find(|(flag, _)| *flag == statement.flag);
            warnings.extend(text.map(|(_, text)| Warning::EraText(text)));
        }
    }
    let both = typed.iter().any(Statement::is_legacy) && !typed.iter().all(Statement::is_legacy);
    warnings.extend(combined.filter(|_| both).map(Warning::EraText));
    warnings
}
