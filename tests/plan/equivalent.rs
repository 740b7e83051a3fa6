//! The same plan in another dialect: every plan a dialect can make has a spelling in it, and a
//! translated line means there what it meant before.

#![allow(clippy::unwrap_used, reason = "helpers of tests stop at the first surprise")]

use crate::dialects::era;
use std::collections::BTreeSet;

use loadparity::plan::equivalent::{self, Inexpressible, Translation};
use loadparity::plan::spelling::{flags, resolve_joined, sequences, units};
use loadparity::plan::{Dialect, LoadPlan, OnRefused, Spelling};
use rstest::rstest;

/// Every plan that some sequence of up to three flags and variables asks for.
fn plans(dialect: Dialect) -> BTreeSet<LoadPlan> {
    let flags = flags(dialect);
    let mut pieces = flags.clone();
    pieces.extend(units(dialect).into_iter().filter(|unit| !unit.env.is_empty()));
    let plans = sequences(&pieces, 2).chain(sequences(&flags, 3));
    plans.filter_map(|parts| resolve_joined(dialect, &parts).ok()).map(|found| found.plan).collect()
}

fn every_plan() -> BTreeSet<LoadPlan> {
    Dialect::eras().into_iter().flat_map(plans).collect()
}

#[test]
fn every_plan_a_dialect_can_make_has_a_spelling_in_it_and_no_other_plan_has() {
    assert_eq!(every_plan().len(), 9, "map, read, direct with two fallbacks, locked or not, and auto");
    for dialect in Dialect::eras() {
        let own = plans(dialect);
        for plan in every_plan() {
            let all = [
                equivalent::spelling_for(plan, dialect),
                equivalent::stated(plan, dialect),
                equivalent::in_environment(plan, dialect),
            ];
            for spelling in all {
                assert_eq!(spelling.is_some(), own.contains(&plan), "{dialect}: {plan}");
                let Some(spelling) = spelling else { continue };
                let there = spelling.resolve(dialect).unwrap();
                assert_eq!(there.plan, plan, "{dialect}: {spelling}");
                assert!(there.warnings.is_empty(), "{dialect}: {spelling}: {:?}", there.warnings);
            }
        }
    }
}

#[test]
fn no_shorter_line_means_the_plan() {
    for dialect in Dialect::eras() {
        for plan in plans(dialect) {
            let found = equivalent::spelling_for(plan, dialect).unwrap();
            let length =
                |spelling: &Spelling| spelling.argv.iter().filter(|word| word.starts_with('-')).count();
            for parts in sequences(&flags(dialect), length(&found).saturating_sub(1)) {
                if parts.len() < length(&found) {
                    let other = resolve_joined(dialect, &parts).unwrap();
                    // A shorter line is passed over only because it is deprecated or contradicts itself.
                    let clean = other.warnings.is_empty() && other.overridden.is_empty();
                    assert!(other.plan != plan || !clean, "{dialect}: {parts:?}");
                }
            }
        }
    }
}

#[test]
fn the_reference_says_everything_but_a_direct_load_that_maps_when_refused() {
    for plan in every_plan() {
        let maps = plan.on_refused == Some(OnRefused::Map);
        assert_eq!(equivalent::spelling_for(plan, Dialect::reference()).is_none(), maps, "{plan}");
        assert_eq!(plan.reference_word().is_none(), maps, "{plan}");
        // Its nearest keeps the source and the lock.
        let nearest = plan.nearest_reference_word().unwrap();
        let nearest = Spelling::flags(["-lm", nearest]).resolve(Dialect::reference()).unwrap().plan;
        assert_eq!((nearest.source, nearest.lock), (plan.source, plan.lock));
    }
}

/// There and back: what a line means survives the way through any dialect that can say it.
#[test]
fn translations_round_trip_through_every_dialect() {
    let (mut translated, mut refused) = (0, 0);
    for from in Dialect::eras() {
        let mut pieces = flags(from);
        pieces.extend(units(from).into_iter().filter(|unit| !unit.env.is_empty()));
        for parts in sequences(&pieces, 2) {
            let line = Spelling::join(&parts);
            let plan = line.resolve(from).unwrap().plan;
            for to in Dialect::eras() {
                match equivalent::translate(&line, from, to) {
                    Ok(translation) => {
                        translated += 1;
                        assert_eq!(translation.plan, plan);
                        let there = translation.apply(&line);
                        let found = there.resolve(to).unwrap();
                        assert_eq!(found.plan, plan, "{line} in {from} is {there} in {to}");
                        if !translation.is_unchanged() {
                            assert!(found.warnings.is_empty() && found.ignored_env.is_empty());
                            assert_eq!(translation.remove.argv, line.argv);
                            let only_variables = line.argv.is_empty() && !line.env.is_empty();
                            assert_eq!(translation.put.argv.is_empty(), only_variables, "{line}");
                        }
                        // What has been translated once needs no second time.
                        assert!(to == from || equivalent::translate(&there, to, to).unwrap().is_unchanged());
                        let back = equivalent::translate(&there, to, from).unwrap().apply(&there);
                        assert_eq!(
                            back.resolve(from).unwrap().plan,
                            plan,
                            "{there} in {to} is {back} in {from}"
                        );
                    }
                    Err(Inexpressible::NoSpelling { plan: asked, to: there, nearest }) => {
                        refused += 1;
                        assert_eq!((asked, there), (plan, to));
                        assert_eq!(equivalent::spelling_for(plan, to), None, "{line}: {from} to {to}");
                        let Some(nearest) = nearest else { continue };
                        let near = nearest.resolve(to).unwrap().plan;
                        assert_eq!((near.source, near.lock), (plan.source, plan.lock));
                    }
                    Err(error) => panic!("{line}: {error}"),
                }
            }
        }
    }
    assert!(translated > 10_000 && refused > 1_000, "{translated} {refused}");
}

fn spelling(line: &str) -> Spelling {
    let (env, argv): (Vec<&str>, Vec<&str>) = line.split_whitespace().partition(|w| w.contains("_ARG_"));
    let env = env.iter().map(|pair| pair.split_once('=').unwrap());
    let env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Spelling { argv: argv.into_iter().map(str::to_owned).collect(), env }
}

#[rstest]
#[case(era("booleans"), "--no-mmap --mlock", era("enum-v4"), "--load-mode mlock")]
#[case(era("booleans"), "--mlock", era("enum-v4"), "--load-mode mmap+mlock")]
#[case(era("booleans"), "--mmap", era("enum-v4"), "--load-mode mmap")]
#[case(era("booleans"), "", era("enum-v4"), "--load-mode mmap")]
#[case(era("booleans"), "", era("enum-v2"), "")]
#[case(era("booleans"), "-ndio", era("enum-v3"), "--load-mode mmap")]
#[case(era("booleans"), "-dio --no-mmap", era("enum-v1"), "--load-mode dio")]
#[case(era("booleans"), "LLAMA_ARG_MMAP=0", era("enum-v4"), "LLAMA_ARG_LOAD_MODE=none")]
#[case(era("booleans"), "LLAMA_ARG_MMAP=0 --mlock", era("enum-v4"), "--load-mode mlock")]
#[case(
    era("booleans"),
    "LLAMA_ARG_MMAP=0 LLAMA_ARG_CTX_SIZE=8",
    era("enum-v4"),
    "LLAMA_ARG_CTX_SIZE=8 LLAMA_ARG_LOAD_MODE=none"
)]
#[case(era("enum-v4"), "LLAMA_ARG_LOAD_MODE=mlock", era("booleans"), "LLAMA_ARG_MLOCK=1 LLAMA_ARG_MMAP=0")]
#[case(era("enum-v1"), "-lm mlock", era("enum-v2"), "--load-mode mmap+mlock")]
#[case(era("enum-v1"), "-lm mmap", era("enum-v4"), "-lm mmap")]
#[case(era("enum-v4"), "LLAMA_ARG_MLOCK=1 -lm none", Dialect::reference(), "--load-mode none")]
#[case(era("dio-default"), "--mmap", era("booleans"), "--mmap")]
#[case(era("dio-default"), "--mlock", era("booleans"), "--mlock --direct-io")]
fn a_line_after_an_upgrade(
    #[case] from: Dialect,
    #[case] line: &str,
    #[case] to: Dialect,
    #[case] expected: &str,
) {
    let before = spelling(line);
    let after = equivalent::translate(&before, from, to).unwrap().apply(&before);
    assert_eq!(after.to_string(), expected);
}

#[test]
fn what_cannot_be_said_is_refused_with_the_reason() {
    let refusal =
        |line: &str, from, to| equivalent::translate(&spelling(line), from, to).unwrap_err().to_string();
    assert_eq!(
        refusal("-dio --mlock --no-mmap", era("booleans"), era("enum-v4")),
        "the enum-v4 dialect has no spelling for direct+lock"
    );
    assert_eq!(
        refusal("LLAMA_ARG_DIO=1", era("booleans"), era("enum-v4")),
        "the enum-v4 dialect has no spelling for direct-else-map; \
         the nearest is `LLAMA_ARG_LOAD_MODE=dio`, which differs when direct reads are refused"
    );
    assert_eq!(refusal("", era("enum-v3"), era("booleans")), "the booleans dialect has no spelling for auto");
    let text = refusal("-lm none", era("booleans"), era("enum-v4"));
    assert!(text.starts_with("it means nothing in the booleans dialect: invalid argument '-lm'"), "{text}");
}

#[test]
fn a_line_that_says_the_same_in_both_stays_to_the_letter() {
    for (line, from, to) in [
        ("-lm=none", Dialect::reference(), Dialect::reference()),
        ("-ndio --no_mmap", era("booleans"), era("dio-default")),
        ("-lm dio", era("enum-v1"), era("enum-v4")),
        ("LLAMA_ARG_LOAD_MODE=mmap+mlock", era("enum-v2"), era("enum-v4")),
    ] {
        let before = spelling(line);
        let unchanged = equivalent::translate(&before, from, to).unwrap();
        assert!(unchanged.is_unchanged(), "{line}: {unchanged:?}");
        assert_eq!(unchanged.apply(&before), before);
    }
    // A deprecated flag or a variable that nobody reads does not stay, though the plan would.
    let deprecated = equivalent::translate(&spelling("--no-mmap"), era("booleans"), era("enum-v3")).unwrap();
    assert_eq!(
        deprecated,
        Translation {
            plan: LoadPlan::read(false),
            remove: Spelling::flags(["--no-mmap"]),
            put: Spelling::flags(["--load-mode", "none"])
        }
    );
    let unread =
        equivalent::translate(&spelling("LLAMA_ARG_MLOCK=0"), era("enum-v3"), era("enum-v4")).unwrap();
    assert_eq!(unread.put, Spelling::variable("LLAMA_ARG_LOAD_MODE", "auto"));
}
