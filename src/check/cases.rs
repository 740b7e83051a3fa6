//! The cases of a campaign: which spellings are really loaded.

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::spelling::{flags, lazy_flags, lazy_units, sequences, units};
use crate::plan::{Dialect, Exceptions, LoadPlan, Spelling};
use crate::rules::Weights;
use crate::subject::Case;

/// Which spellings are really loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Breadth {
    /// Nothing at all, and one spelling of each plan; level P1 resolves lines of two parts and not of
    /// three. For an emulator, where a load takes seconds.
    Plans,
    /// Nothing at all, every way to write one thing, every ordered pair of flags, a variable against each flag
    /// that says otherwise, variables that the dialect does not read, and one line of every plan.
    #[default]
    Pairs,
    /// Every ordered triple of flags too.
    Triples,
}

/// The spellings that are really loaded, each once.
#[must_use]
pub fn real_spellings(dialect: Dialect, breadth: Breadth) -> Vec<Spelling> {
    let longest = match breadth {
        Breadth::Plans => {
            let nothing = Spelling::default();
            let named = one_of_each(dialect).into_iter().map(|case| case.spelling);
            return std::iter::once(nothing.clone()).chain(named.filter(|s| *s != nothing)).collect();
        }
        Breadth::Pairs => 2,
        Breadth::Triples => 3,
    };
    let flags = flags(dialect);
    let mut all: Vec<Spelling> = sequences(&flags, longest).map(|parts| Spelling::join(&parts)).collect();
    all.extend(units(dialect));
    all.extend(opposed(dialect));
    all.extend(unread(dialect));
    let known: BTreeSet<LoadPlan> = all.iter().filter_map(|s| plan_of(s, dialect)).collect();
    all.extend(longer(dialect, &known));
    let mut seen = BTreeSet::new();
    all.retain(|spelling| seen.insert(spelling.clone()));
    all
}

/// What exceptions say of the tensors of a model; the rest of them is about none.
fn of_model(exceptions: Exceptions, weights: &Weights) -> Exceptions {
    let tensors = weights.files.iter().flat_map(|file| &file.tensors);
    exceptions.about(tensors.map(|t| (t.name.as_str(), t.range.end.saturating_sub(t.range.start))))
}

/// One case of each plan in each lazy mode that says something else of the tensors of the model than the default.
pub(super) fn lazy_cases(dialect: Dialect, weights: &Weights) -> Vec<Case> {
    let mut known = vec![of_model(dialect.rules().exceptions, weights)];
    let mut all = Vec::new();
    for mode in lazy_flags(dialect) {
        let exceptions = plan_of(&mode, dialect).map_or(Exceptions::NONE, |plan| plan.exceptions);
        let exceptions = of_model(exceptions, weights);
        if known.contains(&exceptions) {
            continue;
        }
        known.push(exceptions);
        let beside = |case: Case| Case::of(Spelling::join(&[&case.spelling, &mode]), dialect);
        all.extend(one_of_each(dialect).into_iter().map(beside));
    }
    all
}

/// The spellings of lazy modes that are really loaded, each once: one of each plan in each mode that matters to the
/// model, and every way to write a mode, those that say nothing of the model too, as they have to change nothing.
pub(super) fn lazy_spellings(dialect: Dialect, breadth: Breadth, weights: &Weights) -> Vec<Spelling> {
    let mut all: Vec<Spelling> = lazy_cases(dialect, weights).into_iter().map(|case| case.spelling).collect();
    if breadth != Breadth::Plans {
        all.extend(lazy_units(dialect));
    }
    let mut seen = BTreeSet::new();
    all.retain(|spelling| seen.insert(spelling.clone()));
    all
}

fn plan_of(spelling: &Spelling, dialect: Dialect) -> Option<LoadPlan> {
    spelling.resolve(dialect).ok().map(|resolved| resolved.plan)
}

/// A flag and a variable of the environment that say different things: the flag has to decide.
fn opposed(dialect: Dialect) -> Vec<Spelling> {
    let nothing = plan_of(&Spelling::default(), dialect);
    let units = units(dialect);
    let variables: Vec<(&Spelling, Option<LoadPlan>)> =
        units.iter().filter(|unit| !unit.env.is_empty()).map(|unit| (unit, plan_of(unit, dialect))).collect();
    let mut all = Vec::new();
    let mut plans = BTreeSet::new();
    let mut against = |line: &Spelling, only_first: bool| {
        let plan = plan_of(line, dialect);
        let mut names: BTreeSet<&str> = BTreeSet::new();
        for (variable, other) in &variables {
            let name = variable.env[0].0.as_str();
            if *other == plan || *other == nothing && plan == nothing {
                continue;
            }
            // One value of each variable stands against every line, and each that means something else against
            // one line of each plan: that values mean the same is level P1's.
            let (first, of_plan) = (names.insert(name), plans.insert((name, *other, plan)));
            if first || of_plan && !only_first {
                all.push(Spelling { argv: line.argv.clone(), env: variable.env.clone() });
            }
        }
    };
    flags(dialect).iter().for_each(|flag| against(flag, false));
    let of_several = one_of_each(dialect).into_iter().map(|case| case.spelling);
    of_several
        .filter(|line| line.env.is_empty() && parts(line, dialect) > 1)
        .for_each(|line| against(&line, true));
    all
}

/// How many flags of a dialect a line has.
fn parts(line: &Spelling, dialect: Dialect) -> usize {
    let defs = || dialect.rules().flags();
    let is_name = |word: &&String| {
        let name = word.split('=').next().unwrap_or(word);
        defs().any(|def| def.on.contains(&name) || def.off.contains(&name))
    };
    line.argv.iter().filter(is_name).count()
}

/// Variables of other eras, which this one does not read: they change nothing.
fn unread(dialect: Dialect) -> Vec<Spelling> {
    let rules = dialect.rules();
    let mut all = Vec::new();
    for def in rules.table.iter().filter(|def| !def.accepted) {
        let value = if def.is_mode() { "none" } else { "1" };
        all.extend(def.variables().map(|name| Spelling::variable(name, value)));
    }
    all
}

/// The shortest line of each plan that lines of two flags do not reach.
fn longer(dialect: Dialect, known: &BTreeSet<LoadPlan>) -> Vec<Spelling> {
    let mut known = known.clone();
    let mut all = Vec::new();
    for parts in sequences(&flags(dialect), 3).filter(|parts| parts.len() == 3) {
        let spelling = Spelling::join(&parts);
        if let Some(plan) = plan_of(&spelling, dialect)
            && known.insert(plan)
        {
            all.push(spelling);
        }
    }
    all
}

/// The flags and words of all dialects that this one refuses, and a mode that nobody knows, by each name that takes
/// one.
pub(super) fn refused_spellings(dialect: Dialect) -> Vec<Spelling> {
    let all = Dialect::eras().into_iter().flat_map(flags);
    let mut seen = BTreeSet::new();
    all.chain(unknown_modes(dialect))
        .chain(modes_without_one(dialect))
        .filter(|spelling| spelling.resolve(dialect).is_err() && seen.insert(spelling.clone()))
        .collect()
}

/// A mode that nobody knows, by each name of a dialect that takes one, and by llama.cpp's.
#[must_use]
pub fn unknown_modes(dialect: Dialect) -> Vec<Spelling> {
    let rules = dialect.rules();
    let own = rules.flags().filter(|def| def.is_mode()).flat_map(|def| def.on.iter().copied());
    let names: BTreeSet<&str> = ["-lm", "--load-mode"].into_iter().chain(own).collect();
    names.into_iter().map(|name| Spelling::flags(rules.with_value(name, "no-such-mode"))).collect()
}

/// Modes that are none: a variable with one that nobody knows, and a flag at the end of the line that needs one.
fn modes_without_one(dialect: Dialect) -> Vec<Spelling> {
    let modes = || dialect.rules().flags().filter(|def| def.is_mode());
    let variables = modes().filter_map(|def| def.variable.as_ref());
    let unknown = variables.map(|variable| Spelling::variable(variable.name, "no-such-mode"));
    let bare = modes().filter(|def| def.needs_value()).filter_map(|def| def.on.first());
    unknown.chain(bare.map(|name| Spelling::flags([*name]))).collect()
}

/// The spellings of every dialect of llama.cpp, each once.
#[must_use]
pub fn union_of_spellings() -> Vec<Spelling> {
    let llama = Dialect::eras().into_iter().filter(|dialect| *dialect != Dialect::reference());
    let mut seen = BTreeSet::new();
    llama.flat_map(|d| real_spellings(d, Breadth::Pairs)).filter(|s| seen.insert(s.clone())).collect()
}

/// The cases of each plan. The `--load-mode` spelling, being the plan's name, represents it. With a model, plans
/// are equal that say the same of its tensors.
pub(super) fn group_by_plan(
    dialect: Dialect,
    spellings: Vec<Spelling>,
    weights: Option<&Weights>,
) -> Vec<(LoadPlan, Vec<Case>)> {
    let mut groups: BTreeMap<LoadPlan, Vec<Case>> = BTreeMap::new();
    for spelling in spellings {
        let mut case = Case::of(spelling, dialect);
        if let (Some(plan), Some(weights)) = (&mut case.plan, weights) {
            *plan = plan.except(of_model(plan.exceptions, weights));
        }
        // Level P1 has counted what does not resolve; there is nothing to load.
        if let Some(plan) = case.plan {
            groups.entry(plan).or_default().push(case);
        }
    }
    let named = |s: &Spelling| s.env.is_empty() && s.argv.len() == 2 && s.argv[0] == "--load-mode";
    for cases in groups.values_mut() {
        cases.sort_by_key(|case| {
            let spelling = &case.spelling;
            (!named(spelling), spelling.argv.len() + spelling.env.len())
        });
    }
    groups.into_iter().collect()
}

/// One case of each plan, the first of its group, in the order of the plans.
pub(super) fn one_of_each(dialect: Dialect) -> Vec<Case> {
    let flags = flags(dialect);
    let mut all: Vec<Spelling> = sequences(&flags, 3).map(|parts| Spelling::join(&parts)).collect();
    all.extend(units(dialect));
    let groups = group_by_plan(dialect, all, None);
    groups.into_iter().filter_map(|(_, cases)| cases.into_iter().next()).collect()
}

/// How a spelling asks: by a load mode or by switches, on the command line or in the environment.
fn manner(spelling: &Spelling, dialect: Dialect) -> (bool, bool) {
    let modes = || dialect.rules().table.iter().filter(|def| def.is_mode());
    let names = spelling.argv.first().into_iter().chain(spelling.env.first().map(|(name, _)| name));
    let by_mode = names.into_iter().any(|name| {
        let name = name.split('=').next().unwrap_or(name);
        modes().any(|def| def.on.contains(&name) || def.variables().any(|variable| variable == name))
    });
    (by_mode, spelling.argv.is_empty())
}

/// Of each plan the shortest spelling of each other manner than that of its first case.
pub(super) fn twins_of_each(dialect: Dialect) -> BTreeMap<LoadPlan, Vec<Case>> {
    let flags = flags(dialect);
    let mut all: Vec<Spelling> = sequences(&flags, 3).map(|parts| Spelling::join(&parts)).collect();
    all.extend(units(dialect));
    let twins = |cases: Vec<Case>| {
        let mut seen: BTreeSet<(bool, bool)> = BTreeSet::new();
        let of_a_new_manner = |case: &Case| seen.insert(manner(&case.spelling, dialect));
        cases.into_iter().filter(of_a_new_manner).skip(1).collect()
    };
    group_by_plan(dialect, all, None).into_iter().map(|(plan, cases)| (plan, twins(cases))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::era;

    #[test]
    fn every_plan_of_three_flags_is_loaded() {
        for dialect in Dialect::eras() {
            let all = real_spellings(dialect, Breadth::Pairs);
            let reached: BTreeSet<_> = all.iter().filter_map(|s| plan_of(s, dialect)).collect();
            let plans: BTreeSet<_> = sequences(&flags(dialect), 3)
                .filter_map(|parts| plan_of(&Spelling::join(&parts), dialect))
                .collect();
            assert_eq!(reached, plans, "{dialect}");
        }
    }

    #[test]
    fn the_twins_of_a_plan_ask_for_it_in_other_manners() {
        let shown = |name: &str, plan: LoadPlan| {
            let twins = twins_of_each(era(name)).remove(&plan).unwrap_or_default();
            twins.iter().map(|case| case.spelling.to_string()).collect::<Vec<_>>()
        };
        let lock = shown("booleans", LoadPlan::map(true));
        assert!(lock.len() == 1 && lock[0].starts_with("LLAMA_ARG_MLOCK="), "{lock:?}");
        let both = shown("enum-v3", LoadPlan::read(false));
        assert!(both.iter().any(|s| s == "--no-mmap"), "{both:?}");
        assert!(both.iter().any(|s| s.starts_with("LLAMA_ARG_LOAD_MODE=")), "{both:?}");
    }

    #[test]
    fn a_variable_stands_against_each_flag_that_says_otherwise() {
        let all = opposed(era("booleans"));
        let shown: Vec<String> = all.iter().map(ToString::to_string).collect();
        assert!(
            shown.iter().any(|s| s.starts_with("LLAMA_ARG_NO_MMAP=") && s.ends_with("--mmap")),
            "{shown:?}"
        );
        assert!(
            shown.iter().any(|s| s.starts_with("LLAMA_ARG_MMAP=") && s.ends_with("--no-mmap")),
            "{shown:?}"
        );
        assert!(all.iter().all(|s| s.env.len() == 1));
        // And against a line of several flags, which may decide by another rule.
        assert!(
            shown.iter().any(|s| s.starts_with("LLAMA_ARG_MMAP=") && s.ends_with("--no-mmap -dio")),
            "{shown:?}"
        );
    }

    /// A loader may let a variable win for one of its values alone.
    #[test]
    fn each_value_of_a_variable_stands_against_each_plan() {
        let dialect = era("enum-v4");
        let nothing = plan_of(&Spelling::default(), dialect);
        let name = "LLAMA_ARG_LOAD_MODE";
        let all = opposed(dialect).into_iter().filter(|s| s.env[0].0 == name);
        let met: BTreeSet<_> = all
            .map(|s| {
                let value = Spelling { argv: Vec::new(), env: s.env };
                (plan_of(&value, dialect), plan_of(&Spelling::flags(s.argv), dialect))
            })
            .collect();
        let values = || dialect.rules().words.iter().map(|word| Some(word.plan));
        let lines = || flags(dialect).into_iter().map(|flag| plan_of(&flag, dialect));
        let pairs = values().flat_map(|value| lines().map(move |line| (value, line)));
        let wanted: BTreeSet<_> =
            pairs.filter(|(value, line)| value != line && (*value != nothing || *line != nothing)).collect();
        assert!(wanted.is_subset(&met), "{:?}", wanted.difference(&met));
    }

    #[test]
    fn a_mode_that_nobody_knows_is_tried_by_the_names_of_the_dialect() {
        let own = Dialect::read(
            "schema = \"loadparity.dialect/1\"\nname = \"own\"\nabout = \"x\"\n\
             mode = [{ name = \"map\", source = \"map\" }, { name = \"read\", source = \"read\" }]\n\
             [combine]\nrule = \"switches\"\nmode = \"source\"\nswitches = { source = \"map\" }\n\
             [[flag]]\nsets = \"mode\"\non = [\"-w\", \"--weights\"]\nvariable = { name = \"WEIGHTS\" }\n",
        )
        .unwrap();
        let refused: Vec<String> = refused_spellings(own).iter().map(ToString::to_string).collect();
        for line in ["-w no-such-mode", "--weights no-such-mode", "WEIGHTS=no-such-mode", "-w"] {
            assert!(refused.iter().any(|spelling| spelling == line), "{refused:?}");
        }
    }

    #[test]
    fn variables_of_other_eras_are_set_too() {
        let names: Vec<String> = unread(era("enum-v4")).iter().map(|s| s.env[0].0.clone()).collect();
        assert!(names.contains(&"LLAMA_ARG_MLOCK".to_owned()), "{names:?}");
    }
}
