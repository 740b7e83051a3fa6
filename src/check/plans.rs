//! Level P1: spellings resolve to plans, exhaustively, and the same thing said differently means
//! the same.
//!
//! The oracle is metamorphic: the meaning of a spelling may not change when an alias is replaced by
//! the flag it stands for, when independent switches change places, or when the spelling is
//! replaced by the `--load-mode` that is named as its equivalent. Aliases are restated here and not
//! taken from the resolver's own table. What a process cannot be given in two ways is not tried in
//! two: variables have no order, and that the resolver knows none is a test of its own.

use std::collections::BTreeMap;
use std::num::NonZero;

use super::cases::Breadth;
use super::document::Failure;
use super::watch::side_by_side;
use crate::plan::spelling::{flags, lazy_units, lines, resolve_joined, units};
use crate::plan::{Dialect, LoadPlan, Spelling};
use crate::rules::Rule;

/// How many flags and variables a resolved line has at most.
fn longest(breadth: Breadth) -> usize {
    if breadth == Breadth::Plans { 2 } else { 3 }
}

/// How many failures of level P1 are shown one by one; a broken resolver breaks thousands of
/// sequences in the same way.
const SHOWN: u64 = 20;

/// Into how many parts the lines are shared out; each goes over all of them to find its own.
const SHARES: usize = 2;

/// What level P1 counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Lines enumerated.
    pub(super) planned: u64,
    /// Of these, how many mean a plan.
    pub(super) resolved: u64,
    /// Of these, how many are a usage error.
    pub(super) rejected: u64,
    /// Broken rules, those that are not shown one by one included.
    pub(super) failures: u64,
}

/// What a unit means, by its canonical text: `--no_direct_io` and `-ndio` are both `-ndio`.
fn canonical(unit: &Spelling) -> Spelling {
    if let [(name, value)] = &unit.env[..] {
        let word = match value.as_str() {
            "1" | "true" | "on" | "enabled" => "1",
            "0" | "false" | "off" | "disabled" => "0",
            word => word,
        };
        return Spelling::variable(name.as_str(), word);
    }
    let mut words = unit.argv.iter().flat_map(|word| word.splitn(2, '='));
    let name = words.next().unwrap_or_default().replace('_', "-");
    let name = match name.as_str() {
        "--direct-io" => "-dio",
        "--no-direct-io" => "-ndio",
        "-lm" => "--load-mode",
        name => name,
    };
    Spelling::flags(std::iter::once(name.to_owned()).chain(words.map(str::to_owned)))
}

/// Which switch a canonical unit speaks of, or `None` for a load mode.
fn switch(unit: &Spelling) -> Option<(bool, &'static str)> {
    let (text, from_env) = match (&unit.env[..], &unit.argv[..]) {
        ([(name, _)], _) => (name.as_str(), true),
        (_, [name, ..]) => (name.as_str(), false),
        _ => return None,
    };
    let switch = match text {
        "--mlock" | "LLAMA_ARG_MLOCK" => "mlock",
        "--mmap" | "--no-mmap" | "LLAMA_ARG_MMAP" | "LLAMA_ARG_NO_MMAP" => "mmap",
        "-dio" | "-ndio" | "LLAMA_ARG_DIO" | "LLAMA_ARG_NO_DIO" => "dio",
        _ => return None,
    };
    Some((from_env, switch))
}

/// Resolves every line of up to three units, or two; the first failures go to `emit`.
pub(super) fn check(dialect: Dialect, breadth: Breadth, emit: &mut dyn FnMut(Failure)) -> Counts {
    let units = units(dialect);
    let plain = units.iter().map(canonical).collect();
    let mut counts = check_units(dialect, longest(breadth), &units, plain, emit);
    check_beside(dialect, &mut counts, emit);
    counts
}

/// Exceptions are beside the load as a whole: every way to write a lazy mode, before and behind each flag, means the
/// plan of the flag with the exceptions of the mode.
fn check_beside(dialect: Dialect, counts: &mut Counts, emit: &mut dyn FnMut(Failure)) {
    let mut check = PlanCheck { dialect, shown: 0, emit, known: BTreeMap::new(), failures: 0 };
    let plan = |parts: &[&Spelling]| resolve_joined(dialect, parts).ok().map(|found| found.plan);
    let nothing = plan(&[]);
    for mode in lazy_units(dialect) {
        let exceptions = plan(&[&mode]).map(|plan| plan.exceptions);
        let flags = flags(dialect);
        let alone = std::iter::once((vec![&mode], nothing));
        let beside = flags.iter().flat_map(|flag| {
            let whole = plan(&[flag]);
            [(vec![flag, &mode], whole), (vec![&mode, flag], whole)]
        });
        for (parts, whole) in alone.chain(beside) {
            let found = plan(&parts);
            let expected = whole.zip(exceptions).map(|(whole, exceptions)| whole.except(exceptions));
            counts.planned += 1;
            counts.resolved += u64::from(found.is_some());
            counts.rejected += u64::from(found.is_none());
            if found != expected {
                let message = format!("means {}, and not {}", show(found), show(expected));
                check.fail(Rule::PlanOrder, &Spelling::join(&parts), found, message);
            }
        }
    }
    counts.failures += check.failures;
}

/// Resolves every line of these units; each means the same as the one at its place among the `classes`.
fn check_units(
    dialect: Dialect,
    longest: usize,
    units: &[Spelling],
    mut classes: Vec<Spelling>,
    emit: &mut dyn FnMut(Failure),
) -> Counts {
    let class_of: Vec<usize> = {
        let mut distinct = classes.clone();
        distinct.sort();
        distinct.dedup();
        let find = |c: &Spelling| distinct.binary_search(c).unwrap_or_default();
        let of = classes.iter().map(find).collect();
        classes = distinct;
        of
    };
    // Positions and not references identify the units, so that a class is found without hashing.
    let position: BTreeMap<usize, usize> =
        units.iter().enumerate().map(|(i, unit)| (std::ptr::from_ref(unit).addr(), i)).collect();
    let class = |unit: &Spelling| class_of[position[&std::ptr::from_ref(unit).addr()]];
    // Lines that mean the same begin with the same class: each share knows all that it compares. What is shown
    // does not depend on the machine, so neither do the shares.
    let shares: Vec<usize> = (0..SHARES).collect();
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let results = side_by_side(cores, &shares, |share| {
        let own = |line: &Vec<&Spelling>| line.first().map_or(0, |unit| class(unit)) % SHARES == *share;
        let mut failures = Vec::new();
        let mut emit = |failure| failures.push(failure);
        let mut check = PlanCheck { dialect, shown: 0, emit: &mut emit, known: BTreeMap::new(), failures: 0 };
        let mut counts = Counts::default();
        for sequence in lines(units, longest).filter(own) {
            counts.planned += 1;
            let key: Vec<usize> = sequence.iter().map(|unit| class(unit)).collect();
            let plan = resolve_joined(dialect, &sequence).ok().map(|r| r.plan);
            counts.resolved += u64::from(plan.is_some());
            counts.rejected += u64::from(plan.is_none());
            let expected = check.canonical_plan(&key, &classes);
            if plan != expected {
                let plain = Spelling::join(&key.iter().map(|i| &classes[*i]).collect::<Vec<_>>());
                let message = format!("means {}, but `{plain}` means {}", show(plan), show(expected));
                check.fail(Rule::PlanAlias, &Spelling::join(&sequence), plan, message);
            }
        }
        counts.failures = check.failures;
        (counts, failures)
    });
    let mut totals = Counts::default();
    let mut shown = 0;
    for (counts, failures) in results {
        totals.planned += counts.planned;
        totals.resolved += counts.resolved;
        totals.rejected += counts.rejected;
        totals.failures += counts.failures;
        for failure in failures {
            if shown < SHOWN {
                shown += 1;
                emit(failure);
            }
        }
    }
    totals
}

fn show(plan: Option<LoadPlan>) -> String {
    plan.map_or_else(|| "a usage error".to_owned(), |p| p.to_string())
}

struct PlanCheck<'t> {
    dialect: Dialect,
    emit: &'t mut dyn FnMut(Failure),
    shown: u64,
    failures: u64,
    /// The plan of each canonical sequence, checked once.
    known: BTreeMap<Vec<usize>, Option<LoadPlan>>,
}

impl PlanCheck<'_> {
    fn fail(&mut self, rule: Rule, spelling: &Spelling, plan: Option<LoadPlan>, message: String) {
        self.failures += 1;
        if self.shown == SHOWN {
            return;
        }
        self.shown += 1;
        let reproduce = explain_line(self.dialect, spelling);
        let (spelling, plan) = (spelling.to_string(), plan.map(|p| p.to_string()));
        let (diff, expected, across) = (None, None, None);
        (self.emit)(Failure { rule, spelling, plan, message, diff, reproduce, expected, across });
    }

    fn canonical_plan(&mut self, key: &[usize], classes: &[Spelling]) -> Option<LoadPlan> {
        if let Some(plan) = self.known.get(key) {
            return *plan;
        }
        let parts: Vec<&Spelling> = key.iter().map(|i| &classes[*i]).collect();
        let resolved = resolve_joined(self.dialect, &parts).ok();
        let plan = resolved.as_ref().map(|r| r.plan);
        self.known.insert(key.to_vec(), plan);
        if let Some(word) = resolved.and_then(|r| r.load_mode) {
            self.equivalent(&parts, plan, word);
        }
        if self.dialect.is_order_free() {
            self.order(&parts, plan);
        }
        plan
    }

    fn equivalent(&mut self, parts: &[&Spelling], plan: Option<LoadPlan>, word: &str) {
        let equivalent = Spelling::flags(["--load-mode", word]);
        let other = equivalent.resolve(Dialect::reference()).ok().map(|r| r.plan);
        if other != plan {
            let message = format!("means {}, but `{equivalent}` means {}", show(plan), show(other));
            self.fail(Rule::PlanEquivalent, &Spelling::join(parts), plan, message);
        }
    }

    /// Sorts by switch, keeping the order within each, and puts the load modes first: that must
    /// change nothing.
    fn order(&mut self, parts: &[&Spelling], plan: Option<LoadPlan>) {
        let mut sorted = parts.to_vec();
        sorted.sort_by_key(|part| switch(part));
        let other = resolve_joined(self.dialect, &sorted).ok().map(|r| r.plan);
        if other != plan {
            let message =
                format!("means {}, but `{}` means {}", show(plan), Spelling::join(&sorted), show(other));
            self.fail(Rule::PlanOrder, &Spelling::join(parts), plan, message);
        }
    }
}

/// The command line that shows what a spelling means.
fn explain_line(dialect: Dialect, spelling: &Spelling) -> String {
    let env: String = spelling
        .env
        .iter()
        .map(|(k, v)| format!(" --env {}", Spelling::flags([format!("{k}={v}")])))
        .collect();
    let flags = Spelling { argv: spelling.argv.clone(), env: Vec::new() };
    let dialect = Spelling::flags([dialect.argument()]);
    format!("loadparity explain --dialect {dialect}{env} -- {flags}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::era;

    /// The rules that a check of these lines under a dialect breaks.
    fn broken(dialect: Dialect, check: impl FnOnce(&mut PlanCheck<'_>)) -> Vec<Rule> {
        let mut broken = Vec::new();
        let mut emit = |failure: Failure| broken.push(failure.rule);
        let known = BTreeMap::new();
        check(&mut PlanCheck { dialect, emit: &mut emit, shown: 0, failures: 0, known });
        broken
    }

    #[test]
    fn a_wrong_equivalent_is_found() {
        let mlock = Spelling::flags(["--mlock"]);
        let plan = Some(LoadPlan::map(true));
        let rules = |word| broken(Dialect::reference(), |check| check.equivalent(&[&mlock], plan, word));
        assert_eq!(rules("mlock"), []);
        assert_eq!(rules("mmap"), [Rule::PlanEquivalent]);
    }

    #[test]
    fn an_alias_of_another_meaning_is_found() {
        let units = ["--no-mmap", "--no_mmap"].map(|word| Spelling::flags([word]));
        let broken = |plain: [&str; 2]| {
            let plain = plain.map(|word| Spelling::flags([word])).to_vec();
            let mut broken = Vec::new();
            check_units(era("booleans"), 1, &units, plain, &mut |failure| broken.push(failure.rule));
            broken
        };
        assert_eq!(broken(["--no-mmap", "--no-mmap"]), []);
        assert_eq!(broken(["--no-mmap", "--mlock"]), [Rule::PlanAlias]);
    }

    #[test]
    fn an_order_that_matters_is_found() {
        let (mlock, no_mmap) = (Spelling::flags(["--mlock"]), Spelling::flags(["--no-mmap"]));
        let rules = |dialect| {
            broken(dialect, |check| {
                for parts in [[&mlock, &no_mmap], [&no_mmap, &mlock]] {
                    check.order(&parts, resolve_joined(dialect, &parts).ok().map(|r| r.plan));
                }
            })
        };
        assert_eq!(rules(era("booleans")), []);
        assert_eq!(rules(era("enum-v3")), [Rule::PlanOrder]);
    }
}
