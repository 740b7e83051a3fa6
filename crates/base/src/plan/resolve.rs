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

use super::dialect::Dialect;
use super::flags::Flag;
use super::message::{IgnoredValue, Origin, Override, Says, Statement, UsageError, Warning};
use super::rules::{Base, Combine, ModeRole, Refusal, Rules, Switches, Word};
use super::{Exceptions, LoadPlan, OnRefused, parse};

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
    /// Variables that are read and whose value does not mean what it seems to.
    pub ignored_values: Vec<IgnoredValue>,
}

impl Resolved {
    /// One sentence for each variable that is set in vain or does not say what it seems to.
    #[must_use]
    pub fn in_vain(&self, dialect: Dialect) -> Vec<String> {
        let unread = self.ignored_env.iter();
        let unread = unread.map(|name| format!("{name} is set, but the {dialect} dialect does not read it"));
        unread.chain(self.ignored_values.iter().map(ToString::to_string)).collect()
    }
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
    let rules = dialect.rules();
    let mut said = Vec::with_capacity(argv.len() + env.len().min(2 * rules.table.len()));
    let parse::Unheard { variables: ignored_env, values: ignored_values } =
        parse::environment(dialect, env, &mut said)?;
    let set = said.len();
    parse::command_line(dialect, argv, &mut said)?;
    // Whoever is heard last has the last word.
    if rules.environment_wins {
        said.rotate_left(set);
    }

    // Exceptions are beside the load as a whole: neither has a say in the other.
    let (lazy, whole): (Vec<Statement>, Vec<Statement>) =
        said.iter().partition(|statement| matches!(statement.says, Says::Lazy(_)));
    let mut overridden = Vec::new();
    let (plan, by_switches) = match &rules.combine {
        Combine::OneField { start } => (one_field(rules, *start, &whole, &mut overridden), false),
        Combine::Switches { start, turns_off, refused, mode } => {
            match deciding_mode(&whole).filter(|_| *mode == ModeRole::Alone) {
                Some((by, word)) => (alone(by, word, &whole, &mut overridden), false),
                None => {
                    let beside = *mode == ModeRole::Source;
                    (switches(*start, turns_off, *refused, beside, &whole, &mut overridden), true)
                }
            }
        }
    };
    let own = dialect.word_for(plan).filter(|_| by_switches);
    let plan = plan.except(exceptions(rules, &lazy, &mut overridden));
    let load_mode = plan.reference_word();
    let warnings = if rules.messages.exact {
        exact_warnings(rules, &said, own, &overridden)
    } else {
        fixed_warnings(rules, &said)
    };
    Ok(Resolved { plan, load_mode, said, warnings, overridden, ignored_env, ignored_values })
}

/// The exceptions of the last lazy mode that was said; those of the dialect where none was.
fn exceptions(rules: &Rules, said: &[Statement], overridden: &mut Vec<Override>) -> Exceptions {
    let Some(&by) = said.last() else { return rules.exceptions };
    let lost = said.iter().filter(|what| what.says != by.says);
    overridden.extend(lost.map(|&what| Override { what, by }));
    match by.says {
        Says::Lazy(mode) => mode.exceptions,
        _ => rules.exceptions,
    }
}

/// One field, overwritten by each statement in turn.
fn one_field(rules: &Rules, start: Word, said: &[Statement], overridden: &mut Vec<Override>) -> LoadPlan {
    let written = |statement: &Statement| match statement.says {
        Says::Mode(word) => Some(word),
        Says::Lazy(_) => None,
        says => {
            let [on, off] = rules.table[statement.row].writes;
            says.switch().and_then(|turned| if turned { on } else { off })
        }
    };
    let last = said.iter().rev().find_map(|by| written(by).map(|word| (*by, word)));
    let Some((by, word)) = last else { return start.plan };
    let lost = said.iter().filter(|what| written(what).is_some_and(|other| other != word));
    overridden.extend(lost.map(|&what| Override { what, by }));
    word.plan
}

/// The load mode that decides alone, if one does: the last that was said where it counts most. One
/// of the weaker side (the environment, as a rule) only when the stronger says nothing at all.
fn deciding_mode(said: &[Statement]) -> Option<(Statement, Word)> {
    let strongest = said.last()?.origin;
    let last = said.iter().rev().find_map(|statement| match statement.says {
        Says::Mode(word) => Some((*statement, word)),
        _ => None,
    });
    last.filter(|(mode, _)| mode.origin == strongest)
}

fn alone(by: Statement, word: Word, said: &[Statement], overridden: &mut Vec<Override>) -> LoadPlan {
    let lost = said.iter().filter(|what| match what.says {
        Says::Mode(other) => other != word,
        Says::On | Says::Off => true,
        Says::Lazy(_) | Says::Nothing => false,
    });
    overridden.extend(lost.map(|&what| Override { what, by }));
    word.plan
}

/// What a switch is set to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Value {
    On(bool),
    From(Base),
}

/// A switch and who set it last.
#[derive(Clone, Copy)]
struct Slot {
    value: Value,
    by: Option<Statement>,
}

/// The slot that a decision is about, and what a sense of it means there.
fn slot_of(flag: Flag, on: bool) -> (usize, Value) {
    match flag {
        Flag::Lock => (0, Value::On(on)),
        // A lazy mode is no switch; it was heard apart.
        Flag::Map | Flag::Mode | Flag::Lazy => (1, Value::From(Base::of_switch(on))),
        Flag::Direct => (2, Value::On(on)),
    }
}

/// Independent switches. The statements of the weaker side stand first, so the stronger beats them
/// switch by switch. `beside` says that a load mode is a statement about the source.
fn switches(
    start: Switches,
    turns_off: &[(Flag, Flag)],
    refused: Refusal,
    beside: bool,
    said: &[Statement],
    overridden: &mut Vec<Override>,
) -> LoadPlan {
    let asked = |statement: &Statement| match statement.says {
        Says::Mode(word) if beside => Some((1, Value::From(Base::of_plan(word.plan)))),
        says => says.switch().map(|on| slot_of(statement.flag, on)),
    };
    let start = [Value::On(start.lock), Value::From(start.base), Value::On(start.direct)];
    let mut slots = start.map(|value| Slot { value, by: None });
    for statement in said {
        let Some((slot, value)) = asked(statement) else { continue };
        slots[slot] = Slot { value, by: Some(*statement) };
        let on = statement.says.switch() == Some(true);
        for (_, other) in turns_off.iter().filter(|(flag, _)| on && *flag == statement.flag) {
            let (slot, value) = slot_of(*other, false);
            slots[slot] = Slot { value, by: Some(*statement) };
        }
    }
    // Only a load mode of the weaker side gets here: one of the stronger would have decided.
    let strongest = said.last().map(|statement| statement.origin);
    let first_strong = said.iter().find(|statement| Some(statement.origin) == strongest);
    overridden.extend(said.iter().filter_map(|&what| {
        let by = match asked(&what) {
            Some((slot, value)) => slots[slot].by.filter(|_| slots[slot].value != value),
            None => first_strong.copied().filter(|_| matches!(what.says, Says::Mode(_))),
        };
        by.map(|by| Override { what, by })
    }));

    let is_on = |slot: usize| slots[slot].value == Value::On(true);
    let base = match slots[1].value {
        Value::From(base) => base,
        Value::On(map) => Base::of_switch(map),
    };
    plan_of(Switches { lock: is_on(0), base, direct: is_on(2) }, refused)
}

/// The plan that the three switches make together.
pub(super) fn plan_of(Switches { lock, base, direct }: Switches, refused: Refusal) -> LoadPlan {
    let on_refused = match (refused, base) {
        (Refusal::Always(fallback), _) => fallback,
        (Refusal::WithoutDirect, Base::Map) => OnRefused::Map,
        (Refusal::WithoutDirect, _) => OnRefused::Read,
    };
    match base {
        _ if direct => LoadPlan::direct(lock, on_refused),
        Base::Map => LoadPlan::map(lock),
        Base::Read => LoadPlan::read(lock),
        Base::Auto => LoadPlan { lock, ..LoadPlan::AUTO },
        Base::Direct(refused) => LoadPlan::direct(lock, refused),
    }
}

/// The reference's own warnings. `instead` is the equivalent of the legacy switches when they made
/// the plan.
fn exact_warnings(
    rules: &Rules,
    said: &[Statement],
    instead: Option<&'static str>,
    overridden: &[Override],
) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if let Some(instead) = instead {
        for (i, &what) in said.iter().enumerate().filter(|(_, what)| what.is_legacy()) {
            let text = rules.table[what.row].deprecated;
            let first = said[..i].iter().all(|before| before.name != what.name);
            warnings.extend(text.filter(|_| first).map(|text| Warning::Deprecated { text, what, instead }));
        }
    }
    for (i, &lost) in overridden.iter().enumerate() {
        if !overridden[..i].contains(&lost) {
            warnings.push(Warning::Overridden { lost, mode_flag: rules.mode_flag() });
        }
    }
    warnings
}

/// What llama.cpp prints: remarks flag by flag as they are handled, the combination last.
fn fixed_warnings(rules: &Rules, said: &[Statement]) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let messages = &rules.messages;
    let (typed, set): (Vec<&Statement>, Vec<&Statement>) =
        said.iter().partition(|statement| statement.origin == Origin::CommandLine);
    let mut handled: Vec<&str> = Vec::new();
    for statement in said {
        if statement.origin == Origin::CommandLine {
            let name = statement.name;
            let again = handled.contains(&name);
            warnings.extend(messages.repeated.filter(|_| again).map(|text| Warning::Repeated { text, name }));
            handled.push(name);
            let variable = rules.table[statement.row].variable.map(|variable| variable.name);
            let overwritten = set.iter().any(|other| other.row == statement.row) && !rules.environment_wins;
            if let (Some(text), Some(variable), true) = (messages.overwritten, variable, overwritten) {
                warnings.push(Warning::VariableOverwritten { text, variable, by: name });
            }
        }
        if statement.says != Says::Nothing {
            warnings.extend(rules.table[statement.row].deprecated.map(Warning::EraText));
        }
    }
    let legacy = typed.iter().filter(|statement| statement.is_legacy()).count();
    let both = legacy > 0 && typed.iter().any(|statement| statement.flag == Flag::Mode);
    warnings.extend(messages.combined.filter(|_| both).map(Warning::EraText));
    warnings
}
