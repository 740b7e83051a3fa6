//! The promises of the reference dialect: order never matters between switches, a load mode
//! decides alone, the command line beats the environment, and nothing is dropped in silence.

#![allow(clippy::unwrap_used, reason = "helpers of tests stop at the first surprise")]

use loadparity::plan::spelling::{self, resolve_joined};
use loadparity::plan::{Dialect, LoadPlan, OnRefused, Resolved, Spelling, Warning, resolve, split_args};
use proptest::prelude::*;
use rstest::rstest;

const SWITCHES: [&[&str]; 3] = [
    &["--mlock"],
    &["--mmap", "--no-mmap", "--no_mmap"],
    &["-dio", "--direct-io", "--direct_io", "-ndio", "--no-direct-io", "--no_direct_io"],
];
const WORDS: [&str; 8] = ["auto", "none", "mmap", "mlock", "mmap+mlock", "none+mlock", "dio", "dio+mlock"];
const BOOLEANS: [&str; 8] = ["1", "true", "on", "enabled", "0", "false", "off", "disabled"];
const VARIABLES: [&str; 5] =
    ["LLAMA_ARG_MLOCK", "LLAMA_ARG_MMAP", "LLAMA_ARG_NO_MMAP", "LLAMA_ARG_DIO", "LLAMA_ARG_NO_DIO"];

fn reference(argv: &[&str], env: &[(&str, &str)]) -> Resolved {
    resolve(Dialect::reference(), argv, env).unwrap()
}

/// A legacy flag: which switch, and one of its names.
fn legacy() -> impl Strategy<Value = (usize, &'static str)> {
    (0..SWITCHES.len()).prop_flat_map(|i| (Just(i), prop::sample::select(SWITCHES[i])))
}

fn mode() -> impl Strategy<Value = Vec<String>> {
    (prop::sample::select(&WORDS[..]), 0..6_usize).prop_map(|(word, form)| {
        let name = ["-lm", "--load-mode", "--load_mode"][form % 3];
        if form < 3 { vec![name.to_owned(), word.to_owned()] } else { vec![format!("{name}={word}")] }
    })
}

fn legacy_env() -> impl Strategy<Value = Vec<(&'static str, &'static str)>> {
    let pair = (prop::sample::select(&VARIABLES[..]), prop::sample::select(&BOOLEANS[..]));
    prop::collection::vec(pair, 0..5)
}

fn environment() -> impl Strategy<Value = Vec<(&'static str, &'static str)>> {
    (legacy_env(), prop::option::of(prop::sample::select(&WORDS[..]))).prop_map(|(mut env, word)| {
        env.extend(word.map(|word| ("LLAMA_ARG_LOAD_MODE", word)));
        env
    })
}

fn legacy_line() -> impl Strategy<Value = Vec<(usize, &'static str)>> {
    prop::collection::vec(legacy(), 0..8)
}

fn names(line: &[(usize, &'static str)]) -> Vec<&'static str> {
    line.iter().map(|(_, name)| *name).collect()
}

proptest! {
    #[test]
    fn order_between_switches_never_matters(line in legacy_line(), env in environment()) {
        // Sorting by switch is stable: the order inside a switch stays.
        let mut grouped = line.clone();
        grouped.sort_by_key(|(switch, _)| *switch);
        let mut reversed = line.clone();
        reversed.sort_by_key(|(switch, _)| std::cmp::Reverse(*switch));
        let plan = reference(&names(&line), &env).plan;
        prop_assert_eq!(reference(&names(&grouped), &env).plan, plan);
        prop_assert_eq!(reference(&names(&reversed), &env).plan, plan);
    }

    #[test]
    fn the_last_wins_inside_a_switch(line in legacy_line(), env in environment()) {
        let last_of = |i: usize| line[i + 1..].iter().all(|(switch, _)| *switch != line[i].0);
        let kept: Vec<_> = (0..line.len()).filter(|&i| last_of(i)).map(|i| line[i]).collect();
        prop_assert_eq!(reference(&names(&kept), &env).plan, reference(&names(&line), &env).plan);
    }

    #[test]
    fn a_load_mode_decides_alone_wherever_it_stands(
        line in legacy_line(), mode in mode(), env in environment(), at in any::<prop::sample::Index>()
    ) {
        let mode: Vec<&str> = mode.iter().map(String::as_str).collect();
        let mut argv = names(&line);
        let at = at.index(argv.len() + 1);
        argv.splice(at..at, mode.iter().copied());
        let (mixed, alone) = (reference(&argv, &env), reference(&mode, &[]));
        prop_assert_eq!(mixed.plan, alone.plan);
        prop_assert_eq!(alone.warnings, []);
        // Everything else that asked for something is named.
        let said: Vec<_> = mixed.warnings.iter().map(ToString::to_string).collect();
        for (_, name) in &line {
            let name = name.replace('_', "-");
            let starts = format!("{name} has no effect: --load-mode ");
            prop_assert!(said.iter().any(|text| text.starts_with(&starts)), "{} in {:?}", name, said);
        }
    }

    #[test]
    fn the_environment_never_beats_the_command_line(line in legacy_line(), env in environment()) {
        prop_assume!(!line.is_empty());
        let own = |name: &str| match name {
            "LLAMA_ARG_MLOCK" => Some(0),
            "LLAMA_ARG_MMAP" | "LLAMA_ARG_NO_MMAP" => Some(1),
            "LLAMA_ARG_DIO" | "LLAMA_ARG_NO_DIO" => Some(2),
            _ => None,
        };
        let typed = |name: &str| line.iter().any(|(switch, _)| Some(*switch) == own(name));
        let others: Vec<_> =
            env.iter().copied().filter(|(name, _)| own(name).is_some() && !typed(name)).collect();
        prop_assert_eq!(
            reference(&names(&line), &env).plan,
            reference(&names(&line), &others).plan
        );
    }

    #[test]
    fn the_order_of_the_environment_never_matters(env in environment()) {
        let mut single: Vec<(&str, &str)> = Vec::new();
        for (name, value) in env {
            single.retain(|(other, _)| *other != name);
            single.push((name, value));
        }
        let reversed: Vec<_> = single.iter().rev().copied().collect();
        prop_assert_eq!(reference(&[], &single), reference(&[], &reversed));
    }

    #[test]
    fn underscores_equal_dashes(line in legacy_line(), mode in mode()) {
        let words: Vec<String> = names(&line).into_iter().map(str::to_owned).chain(mode).collect();
        let dashed: Vec<String> = words.iter().map(|word| {
            if word.starts_with("--") { word.replace('_', "-") } else { word.clone() }
        }).collect();
        let resolve = |words: Vec<String>| Spelling::flags(words).resolve(Dialect::reference());
        prop_assert_eq!(resolve(words), resolve(dashed));
    }

    #[test]
    fn an_environment_means_what_its_command_line_means(env in legacy_env()) {
        let mut single: Vec<(&str, &str)> = Vec::new();
        for (name, value) in env {
            single.retain(|(other, _)| *other != name);
            single.push((name, value));
        }
        // The negative variables last, because they beat the positive ones.
        single.sort_by_key(|(name, _)| name.contains("_NO_"));
        let argv: Vec<&str> = single.iter().filter_map(|(name, value)| {
            let truthy = BOOLEANS[..4].contains(value);
            match (*name, truthy) {
                ("LLAMA_ARG_MLOCK", true) => Some("--mlock"),
                ("LLAMA_ARG_MMAP", true) => Some("--mmap"),
                ("LLAMA_ARG_MMAP", false) | ("LLAMA_ARG_NO_MMAP", true) => Some("--no-mmap"),
                ("LLAMA_ARG_DIO", true) => Some("-dio"),
                ("LLAMA_ARG_DIO", false) | ("LLAMA_ARG_NO_DIO", true) => Some("-ndio"),
                _ => None,
            }
        }).collect();
        prop_assert_eq!(reference(&[], &single).plan, reference(&argv, &[]).plan);
    }

    #[test]
    fn taking_load_flags_out_of_a_line_keeps_their_meaning(
        line in legacy_line(), mode in mode(), at in any::<prop::sample::Index>()
    ) {
        let mut argv: Vec<String> = names(&line).into_iter().map(str::to_owned).collect();
        argv.extend(mode);
        let expected = Spelling::flags(argv.clone()).resolve(Dialect::reference());
        argv.insert(0, "run".to_owned());
        argv.extend(["-p", "--mlock", "--", "--mlock"].map(str::to_owned));
        // Another option in front of any word but the value of `-lm`.
        let at = at.index(line.len() + 1) + 1;
        argv.insert(at, "--json".to_owned());
        let (load, rest) = split_args(loadparity::plan::Dialect::reference(), argv.into_iter().map(Into::into), |word| word == "-p");
        prop_assert_eq!(Spelling::flags(load).resolve(Dialect::reference()), expected);
        let rest: Vec<_> = rest.iter().filter_map(|word| word.to_str()).collect();
        prop_assert_eq!(rest, ["run", "--json", "-p", "--mlock", "--", "--mlock"]);
    }
}

/// Each legacy flag of a line is deprecated, and the advice is exactly the plan of the line.
#[test]
fn the_advice_is_the_exact_equivalent_of_the_whole_combination() {
    let flags = spelling::flags(Dialect::reference());
    let legacy: Vec<_> = flags.into_iter().filter(|flag| flag.argv[0] != "-lm").collect();
    assert_eq!(legacy.len(), 5);
    for sequence in spelling::sequences(&legacy, 4) {
        let resolved = resolve_joined(Dialect::reference(), &sequence).unwrap();
        let line = Spelling::join(&sequence);
        for name in &line.argv {
            let advice = resolved.warnings.iter().find_map(|warning| match warning {
                Warning::Deprecated { what, instead, .. } if what.name == name => Some(*instead),
                _ => None,
            });
            let advice = advice.unwrap_or_else(|| panic!("{line}: nothing on {name}"));
            let followed = reference(&["--load-mode", advice], &[]);
            assert_eq!(followed.plan, resolved.plan, "{line}: -lm {advice}");
        }
        let deprecations = resolved.warnings.iter().filter(|w| matches!(w, Warning::Deprecated { .. }));
        let distinct: std::collections::BTreeSet<_> = line.argv.iter().collect();
        assert_eq!(deprecations.count(), distinct.len(), "{line}: one for each flag");
    }
}

#[rstest]
#[case("auto", LoadPlan::AUTO)]
#[case("none", LoadPlan::read(false))]
#[case("mmap", LoadPlan::map(false))]
#[case("mlock", LoadPlan::map(true))]
#[case("mmap+mlock", LoadPlan::map(true))]
#[case("none+mlock", LoadPlan::read(true))]
#[case("dio", LoadPlan::direct(false, OnRefused::Read))]
#[case("dio+mlock", LoadPlan::direct(true, OnRefused::Read))]
fn each_load_mode_has_its_plan(#[case] word: &str, #[case] plan: LoadPlan) {
    assert_eq!(reference(&["-lm", word], &[]).plan, plan);
    assert_eq!(reference(&[], &[("LLAMA_ARG_LOAD_MODE", word)]).plan, plan);
    // The synonym is named by the word it is a synonym of.
    assert_eq!(plan.reference_word(), Some(if word == "mmap+mlock" { "mlock" } else { word }));
}

#[rstest]
#[case(&["--mlock"], "mlock")]
#[case(&["--no-mmap", "--mlock"], "none+mlock")]
#[case(&["--mlock", "--no-mmap"], "none+mlock")]
#[case(&["-dio", "--mlock"], "dio+mlock")]
#[case(&["-dio", "--mmap"], "dio")]
#[case(&["-ndio"], "mmap")]
#[case(&["-dio", "-ndio"], "mmap")]
#[case(&[], "mmap")]
fn the_combinations_that_upstream_lost(#[case] argv: &[&str], #[case] word: &str) {
    assert_eq!(reference(argv, &[]).load_mode, Some(word));
}

fn texts(argv: &[&str], env: &[(&str, &str)]) -> Vec<String> {
    reference(argv, env).warnings.iter().map(ToString::to_string).collect()
}

#[test]
fn warnings_name_what_had_no_say() {
    assert_eq!(
        texts(&["--mlock", "-lm", "none", "-ndio"], &[("LLAMA_ARG_MMAP", "on")]),
        [
            "LLAMA_ARG_MMAP=on has no effect: --load-mode none decides alone (and LLAMA_ARG_MMAP is deprecated)",
            "--mlock has no effect: --load-mode none decides alone (and --mlock is deprecated)",
            "-ndio has no effect: --load-mode none decides alone (and -ndio is deprecated)",
        ]
    );
    assert_eq!(
        texts(&["-lm", "none", "--load-mode=dio"], &[("LLAMA_ARG_LOAD_MODE", "mmap")]),
        [
            "LLAMA_ARG_LOAD_MODE=mmap has no effect: --load-mode dio decides alone",
            "-lm none has no effect: --load-mode dio decides alone",
        ]
    );
    assert!(texts(&["-lm", "dio", "-lm=dio"], &[("LLAMA_ARG_LOAD_MODE", "dio")]).is_empty());
    assert_eq!(
        texts(&[], &[("LLAMA_ARG_LOAD_MODE", "dio"), ("LLAMA_ARG_NO_MMAP", "1"), ("LLAMA_ARG_NO_DIO", "0")]),
        [
            "LLAMA_ARG_NO_MMAP=1 has no effect: LLAMA_ARG_LOAD_MODE=dio decides alone (and LLAMA_ARG_NO_MMAP is deprecated)"
        ]
    );
}

#[test]
fn a_legacy_flag_on_the_command_line_drops_the_load_mode_of_the_environment() {
    let env = [("LLAMA_ARG_LOAD_MODE", "dio"), ("LLAMA_ARG_MMAP", "0")];
    let resolved = reference(&["--mlock"], &env);
    // The other switches come from their own variables, then from the defaults.
    assert_eq!(resolved.load_mode, Some("none+mlock"));
    assert_eq!(
        texts(&["--mlock"], &env),
        [
            "LLAMA_ARG_MMAP is deprecated: use --load-mode none+mlock, the exact equivalent of the legacy switches given",
            "--mlock is deprecated: use --load-mode none+mlock, the exact equivalent of the legacy switches given",
            "LLAMA_ARG_LOAD_MODE=dio has no effect: --mlock overrides it",
        ]
    );
}

#[test]
fn a_negative_variable_beats_its_positive_one_and_says_so() {
    let env = [("LLAMA_ARG_NO_MMAP", "true"), ("LLAMA_ARG_MMAP", "1")];
    assert_eq!(reference(&[], &env).load_mode, Some("none"));
    let lost = "LLAMA_ARG_MMAP=1 has no effect: LLAMA_ARG_NO_MMAP=true overrides it";
    assert!(texts(&[], &env).iter().any(|text| text == lost), "{:?}", texts(&[], &env));
    // A falsy negative says nothing, and two that agree need no word on it.
    assert_eq!(
        reference(&[], &[("LLAMA_ARG_NO_MMAP", "0"), ("LLAMA_ARG_MMAP", "0")]).load_mode,
        Some("none")
    );
    assert_eq!(reference(&[], &[("LLAMA_ARG_NO_MMAP", "0")]).load_mode, Some("mmap"));
    assert!(reference(&[], &[("LLAMA_ARG_NO_MMAP", "1"), ("LLAMA_ARG_MMAP", "0")]).overridden.is_empty());
    assert_eq!(reference(&[], &[("LLAMA_ARG_MLOCK", "0")]).load_mode, Some("mmap"));
}
