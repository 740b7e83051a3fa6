//! The same plan in another dialect: how to say it there, and what that means for a line that is
//! already written.
//!
//! Plans of other eras that the reference cannot say (a direct load that maps when refused) have no
//! equivalent in it: its load modes are a published list, and *every plan has a spelling* is meant
//! of the plans that a dialect itself can produce. Such a plan has a nearest spelling, which keeps
//! the source and the lock and differs in what happens after a refusal.

use super::dialect::Dialect;
use super::flags::{FlagDef, Reads};
use super::message::Says;
use super::spelling::{Spelling, resolve_joined, senses, sequences};
use super::{LoadPlan, OnRefused, UsageError};

/// The shortest command line that means `plan` in `to`: nothing at all where that is the default.
/// `None` when the dialect cannot say it.
///
/// Deprecated flags are not offered, and flags have their long names.
#[must_use]
pub fn spelling_for(plan: LoadPlan, to: Dialect) -> Option<Spelling> {
    said(plan, to, (&statements(to), &lazy_statements(to)), 0)
}

/// As [`spelling_for`], but said outright even where it is the default, so that it stays what it
/// is when the default changes. Exceptions that are the default stay unsaid: a load mode says nothing of them.
#[must_use]
pub fn stated(plan: LoadPlan, to: Dialect) -> Option<Spelling> {
    said(plan, to, (&statements(to), &lazy_statements(to)), 1)
}

/// As [`stated`], in environment variables.
#[must_use]
pub fn in_environment(plan: LoadPlan, to: Dialect) -> Option<Spelling> {
    let of = |lazy: bool| variables(to, |def| def.is_lazy() == lazy);
    said(plan, to, (&of(false), &of(true)), 1)
}

/// The load as a whole and its exceptions, each in the fewest words.
fn said(
    plan: LoadPlan,
    to: Dialect,
    (units, lazy): (&[Spelling], &[Spelling]),
    fewest: usize,
) -> Option<Spelling> {
    let by_default = to.rules().exceptions;
    let whole = shortest(plan.except(by_default), to, units, fewest)?;
    if plan.exceptions == by_default {
        return Some(whole);
    }
    let asks =
        |unit: &&Spelling| unit.resolve(to).is_ok_and(|found| found.plan.exceptions == plan.exceptions);
    lazy.iter().find(asks).map(|unit| Spelling::join(&[&whole, unit]))
}

/// The first sequence of at least `fewest` units that means the plan, of those that draw no warning
/// and say nothing in vain.
fn shortest(plan: LoadPlan, to: Dialect, units: &[Spelling], fewest: usize) -> Option<Spelling> {
    let means = |parts: &Vec<&Spelling>| {
        resolve_joined(to, parts)
            .is_ok_and(|found| found.plan == plan && found.warnings.is_empty() && found.overridden.is_empty())
    };
    // A load mode says everything in one word; else each of the three switches is stated once at most.
    let longest = if to.rules().mode_is_whole() { 1 } else { 3 };
    let units = distinct(units, to);
    let mut candidates = sequences(&units, longest).filter(|parts| parts.len() >= fewest);
    candidates.find(means).map(|parts| Spelling::join(&parts))
}

/// One spelling for each thing the flags of a dialect can say.
fn statements(dialect: Dialect) -> Vec<Spelling> {
    senses(dialect, |def| !def.is_lazy(), |names| names.last())
}

/// One spelling for each lazy mode.
fn lazy_statements(dialect: Dialect) -> Vec<Spelling> {
    senses(dialect, FlagDef::is_lazy, |names| names.last())
}

/// One spelling for each thing the variables of the wanted flags can say.
fn variables(dialect: Dialect, wanted: impl Fn(&FlagDef) -> bool) -> Vec<Spelling> {
    let rules = dialect.rules();
    let mut units = Vec::new();
    for def in rules.flags().filter(|def| wanted(def)) {
        let Some(variable) = def.variable else { continue };
        match variable.reads {
            Reads::Mode => {
                units.extend(rules.words.iter().map(|word| Spelling::variable(variable.name, word.name)));
            }
            Reads::Lazy => {
                units
                    .extend(rules.lazy_modes.iter().map(|mode| Spelling::variable(variable.name, mode.name)));
            }
            Reads::Truthy | Reads::Presence => {
                let on = rules.booleans.on.first().copied().unwrap_or("1");
                units.push(Spelling::variable(variable.name, on));
            }
            Reads::Number => {
                units.extend(["1", "0"].map(|value| Spelling::variable(variable.name, value)));
            }
            Reads::Boolean => {
                let words = rules.booleans.on.first().into_iter().chain(rules.booleans.off.first());
                units.extend(words.map(|value| Spelling::variable(variable.name, *value)));
            }
        }
    }
    units
}

/// Every plan that the flags of a dialect can ask for, each with its shortest spelling, in which
/// deprecated flags may stand; the default first.
#[must_use]
pub fn plans(dialect: Dialect) -> Vec<(LoadPlan, Spelling)> {
    let units = distinct(&statements(dialect), dialect);
    let mut found: Vec<(LoadPlan, Spelling)> = Vec::new();
    for parts in sequences(&units, 3) {
        let Ok(resolved) = resolve_joined(dialect, &parts) else { continue };
        if found.iter().all(|(plan, _)| *plan != resolved.plan) {
            found.push((resolved.plan, Spelling::join(&parts)));
        }
    }
    found
}

/// The first of the units that say the same: a file may have hundreds of names, and there are few things to say.
fn distinct(units: &[Spelling], dialect: Dialect) -> Vec<Spelling> {
    let rules = dialect.rules();
    let mut seen = Vec::new();
    let is_new = |unit: &&Spelling| {
        let Ok(found) = unit.resolve(dialect) else { return true };
        let [statement] = found.said[..] else { return true };
        let writes = rules.table[statement.row].writes.map(|word| word.map(|word| word.plan));
        let says = match statement.says {
            // Two names of one mode say the same.
            Says::Mode(word) => (None, Some(word.plan), None),
            Says::Lazy(mode) => (None, None, Some(mode.exceptions)),
            says => (says.switch(), None, None),
        };
        let key = (statement.flag, says, writes, statement.legacy, !found.warnings.is_empty());
        let is_new = !seen.contains(&key);
        if is_new {
            seen.push(key);
        }
        is_new
    };
    units.iter().filter(is_new).cloned().collect()
}

/// What to do to a spelling so that it means in another dialect what it meant in its own.
///
/// All its load flags and load variables are replaced together, because only together do they
/// have a meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Translation {
    /// What the spelling asks for in both dialects.
    pub plan: LoadPlan,
    /// The load flags with their values, and the load variables, that have to go. Empty when the
    /// spelling can stay as it is.
    pub remove: Spelling,
    /// What has to stand in their place: variables when variables were all there was, else flags.
    pub put: Spelling,
}

impl Translation {
    /// Whether the spelling can stay as it is.
    #[must_use]
    pub fn is_unchanged(&self) -> bool {
        self.remove == Spelling::default() && self.put == Spelling::default()
    }

    /// The spelling after the translation; variables that are not about loading stay.
    #[must_use]
    pub fn apply(&self, spelling: &Spelling) -> Spelling {
        if self.is_unchanged() {
            return spelling.clone();
        }
        let others = spelling.env.iter().filter(|variable| !self.remove.env.contains(variable));
        let env = others.chain(&self.put.env).cloned().collect();
        Spelling { argv: self.put.argv.clone(), env }
    }
}

/// Why a spelling has no translation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Inexpressible {
    /// It has no meaning to keep.
    #[error("it means nothing in the {from} dialect: {error}")]
    Unreadable {
        /// The dialect it should be read in.
        from: Dialect,
        /// What is wrong with it there.
        error: UsageError,
    },
    /// The other dialect cannot say it.
    #[error("the {to} dialect has no spelling for {plan}{}", nearest_text(.nearest.as_ref()))]
    NoSpelling {
        /// What the spelling asks for.
        plan: LoadPlan,
        /// The dialect that cannot say it.
        to: Dialect,
        /// What keeps the source and the lock, and differs in what happens after a refusal.
        nearest: Option<Spelling>,
    },
}

fn nearest_text(nearest: Option<&Spelling>) -> String {
    let text = |line| format!("; the nearest is `{line}`, which differs when direct reads are refused");
    nearest.map(text).unwrap_or_default()
}

/// Translates the load flags and the load variables of a line.
///
/// A spelling that already means the same, without a warning and without a variable that goes
/// unread, stays as it is. One that says nothing stays so where the default is the same.
///
/// # Errors
///
/// [`Inexpressible`] when the spelling is an error in `from`, or `to` cannot say it.
pub fn translate(spelling: &Spelling, from: Dialect, to: Dialect) -> Result<Translation, Inexpressible> {
    let plan = spelling.resolve(from).map_err(|error| Inexpressible::Unreadable { from, error })?.plan;
    let stays = from == to
        || spelling.resolve(to).is_ok_and(|there| {
            there.plan == plan && there.warnings.is_empty() && there.ignored_env.is_empty()
        });
    if stays {
        let (remove, put) = (Spelling::default(), Spelling::default());
        return Ok(Translation { plan, remove, put });
    }
    let about_loading = |name: &str| [from, to].iter().any(|d| d.rules().find_variable(name).is_some());
    let env = spelling.env.iter().filter(|(name, _)| about_loading(name));
    let remove = Spelling { argv: spelling.argv.clone(), env: env.cloned().collect() };
    let only_variables = remove.argv.is_empty() && !remove.env.is_empty();
    let say = |plan| if only_variables { in_environment(plan, to) } else { stated(plan, to) };
    match say(plan) {
        Some(put) => Ok(Translation { plan, remove, put }),
        None => {
            let fallbacks = [OnRefused::Read, OnRefused::Map].map(Some);
            let other = |on_refused| say(LoadPlan { on_refused, ..plan });
            let nearest = plan.on_refused.and_then(|_| fallbacks.into_iter().find_map(other));
            Err(Inexpressible::NoSpelling { plan, to, nearest })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::dialect::era;

    fn line(plan: LoadPlan, to: Dialect) -> Option<String> {
        spelling_for(plan, to).map(|spelling| spelling.to_string())
    }

    #[test]
    fn the_shortest_spelling_without_deprecated_flags() {
        let line = |plan, to| line(plan, to).unwrap_or_default();
        assert_eq!(line(LoadPlan::map(false), era("booleans")), "");
        assert_eq!(line(LoadPlan::map(true), era("booleans")), "--mlock");
        assert_eq!(line(LoadPlan::read(true), era("booleans")), "--mlock --no-mmap");
        assert_eq!(line(LoadPlan::direct(false, OnRefused::Map), era("booleans")), "--direct-io");
        assert_eq!(line(LoadPlan::read(true), era("enum-v2")), "--load-mode mlock");
        assert_eq!(line(LoadPlan::map(true), era("enum-v2")), "--load-mode mmap+mlock");
        assert_eq!(line(LoadPlan::map(true), Dialect::reference()), "--load-mode mlock");
        assert_eq!(line(LoadPlan::read(false), era("dio-default")), "--no-mmap --no-direct-io");
    }

    /// What hundreds of names say is enumerated once each.
    #[test]
    fn names_that_say_the_same_are_tried_once() {
        use std::fmt::Write as _;
        let mut text =
            "schema = \"loadparity.dialect/1\"\nname = \"many\"\nabout = \"many names\"\n".to_owned();
        for mode in 0..300 {
            let source = ["map", "read"][mode % 2];
            let _ = write!(text, "[[mode]]\nname = \"m{mode}\"\nsource = \"{source}\"\n");
        }
        text += "[combine]\nrule = \"switches\"\nmode = \"source\"\n";
        for flag in 0..300 {
            let _ = write!(text, "[[flag]]\nsets = \"lock\"\non = [\"--lock{flag}\"]\n");
        }
        text += "[[flag]]\nsets = \"mode\"\non = [\"--from\"]\n";
        let many = Dialect::read(&text).expect("a dialect");
        assert_eq!(distinct(&statements(many), many).len(), 3);
        let said: Vec<_> = plans(many).into_iter().map(|(plan, line)| format!("{plan}: {line}")).collect();
        assert_eq!(said, ["map: ", "map+lock: --lock0", "read: --from m1", "read+lock: --lock0 --from m1"]);
        assert_eq!(line(LoadPlan::read(true), many).as_deref(), Some("--lock0 --from m1"));
    }

    #[test]
    fn stated_says_a_default_outright() {
        for dialect in Dialect::eras() {
            let default = Spelling::default().resolve(dialect).map(|r| r.plan);
            let stated = default.clone().ok().and_then(|plan| stated(plan, dialect));
            let stated = stated.expect("a default can be said");
            assert_ne!(stated, Spelling::default());
            assert_eq!(stated.resolve(dialect).map(|r| r.plan), default, "{dialect}: {stated}");
        }
    }

    #[test]
    fn what_a_dialect_lacks_has_no_spelling() {
        let locked = LoadPlan::direct(true, OnRefused::Read);
        for dialect in [era("enum-v1"), era("enum-v2"), era("enum-v3"), era("enum-v4")] {
            assert_eq!(line(locked, dialect), None);
            assert_eq!(in_environment(locked, dialect), None);
        }
        assert_eq!(line(LoadPlan::direct(false, OnRefused::Map), Dialect::reference()), None);
        assert_eq!(line(LoadPlan::read(true), era("enum-v1")), None);
        assert_eq!(line(LoadPlan::AUTO, era("enum-v2")), None);
        assert_eq!(line(LoadPlan::AUTO, era("booleans")), None);
    }
}
