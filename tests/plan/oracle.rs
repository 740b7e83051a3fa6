//! Every short sequence of flags and variables, in every dialect, against rules written down a
//! second time as plain folds over strings, and the promise that a reference plan has a name.

#![allow(clippy::unwrap_used, reason = "helpers of tests stop at the first surprise")]

use crate::dialects::era;
use loadparity::plan::spelling::{self, resolve_joined};
use loadparity::plan::{Dialect, LoadPlan, OnRefused, Spelling};

const BOOLEAN_VARIABLES: [&str; 5] =
    ["LLAMA_ARG_MMAP", "LLAMA_ARG_NO_MMAP", "LLAMA_ARG_MLOCK", "LLAMA_ARG_DIO", "LLAMA_ARG_NO_DIO"];

/// The canonical flags and a few variables.
fn pieces(dialect: Dialect) -> Vec<Spelling> {
    let mut pieces = spelling::flags(dialect);
    for name in BOOLEAN_VARIABLES {
        pieces.extend(["1", "0"].map(|value| Spelling::variable(name, value)));
    }
    pieces.extend(["none", "dio"].map(|word| Spelling::variable("LLAMA_ARG_LOAD_MODE", word)));
    pieces
}

fn lookup<'a>(sequence: &[&'a Spelling], name: &str) -> Option<&'a str> {
    let pairs = sequence.iter().flat_map(|piece| &piece.env);
    pairs.filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).next_back()
}

fn typed<'a>(sequence: &[&'a Spelling]) -> Vec<&'a [String]> {
    sequence.iter().map(|piece| piece.argv.as_slice()).filter(|argv| !argv.is_empty()).collect()
}

fn from_switches(lock: bool, map: bool, direct: bool, refused_maps: bool) -> LoadPlan {
    match (direct, map) {
        (true, true) if refused_maps => LoadPlan::direct(lock, OnRefused::Map),
        (true, _) => LoadPlan::direct(lock, OnRefused::Read),
        (false, true) => LoadPlan::map(lock),
        (false, false) => LoadPlan::read(lock),
    }
}

fn reference_oracle(sequence: &[&Spelling]) -> LoadPlan {
    let word = |word: &str| match word {
        "auto" => LoadPlan::AUTO,
        "none" => LoadPlan::read(false),
        "mmap" => LoadPlan::map(false),
        "mlock" | "mmap+mlock" => LoadPlan::map(true),
        "none+mlock" => LoadPlan::read(true),
        "dio" => LoadPlan::direct(false, OnRefused::Read),
        "dio+mlock" => LoadPlan::direct(true, OnRefused::Read),
        other => panic!("{other}"),
    };
    let typed = typed(sequence);
    if let Some(mode) = typed.iter().rev().find(|argv| argv[0] == "-lm") {
        return word(&mode[1]);
    }
    if let (true, Some(mode)) = (typed.is_empty(), lookup(sequence, "LLAMA_ARG_LOAD_MODE")) {
        return word(mode);
    }
    let switch = |on: &str, off: &str, yes: &str, no: &str, default: bool| {
        let last = typed.iter().rev().find(|argv| argv[0] == on || argv[0] == off);
        if let Some(argv) = last {
            argv[0] == on
        } else if lookup(sequence, no) == Some("1") {
            false
        } else {
            lookup(sequence, yes).map_or(default, |value| value == "1")
        }
    };
    from_switches(
        switch("--mlock", "-", "LLAMA_ARG_MLOCK", "-", false),
        switch("--mmap", "--no-mmap", "LLAMA_ARG_MMAP", "LLAMA_ARG_NO_MMAP", true),
        switch("-dio", "-ndio", "LLAMA_ARG_DIO", "LLAMA_ARG_NO_DIO", false),
        false,
    )
}

/// The environment as the handlers of llama.cpp see it: names of flags, in registration order.
fn handled(sequence: &[&Spelling], load_mode: bool) -> Vec<String> {
    let mut calls = Vec::new();
    if lookup(sequence, "LLAMA_ARG_MLOCK") == Some("1") {
        calls.push("--mlock".to_owned());
    }
    for (yes, no, on, off) in [
        ("LLAMA_ARG_MMAP", "LLAMA_ARG_NO_MMAP", "--mmap", "--no-mmap"),
        ("LLAMA_ARG_DIO", "LLAMA_ARG_NO_DIO", "-dio", "-ndio"),
    ] {
        let value = if lookup(sequence, no).is_some() { Some("0") } else { lookup(sequence, yes) };
        calls.extend(value.map(|value| if value == "1" { on } else { off }.to_owned()));
    }
    if let (true, Some(mode)) = (load_mode, lookup(sequence, "LLAMA_ARG_LOAD_MODE")) {
        calls.push(mode.to_owned());
    }
    // A load mode is called by its word, which no flag looks like.
    calls.extend(typed(sequence).iter().map(|argv| argv[argv.len() - 1].clone()));
    calls
}

fn booleans_oracle(sequence: &[&Spelling], dio_default: bool) -> LoadPlan {
    let (mut lock, mut map, mut direct) = (false, true, dio_default);
    for call in handled(sequence, false) {
        match call.as_str() {
            "--mlock" => lock = true,
            "--mmap" => {
                map = true;
                direct &= !dio_default;
            }
            "--no-mmap" => map = false,
            "-dio" => direct = true,
            "-ndio" => direct = false,
            other => panic!("{other}"),
        }
    }
    from_switches(lock, map, direct, true)
}

fn field_oracle(sequence: &[&Spelling], start: &str, mlock_maps: bool, legacy: bool) -> LoadPlan {
    let calls = if legacy {
        handled(sequence, true)
    } else {
        let env = lookup(sequence, "LLAMA_ARG_LOAD_MODE").map(str::to_owned);
        env.into_iter().chain(typed(sequence).iter().map(|argv| argv[1].clone())).collect()
    };
    match calls.last().map_or(start, String::as_str) {
        "auto" => LoadPlan::AUTO,
        "none" | "--no-mmap" | "-ndio" => LoadPlan::read(false),
        "mmap" | "--mmap" => LoadPlan::map(false),
        "mmap+mlock" => LoadPlan::map(true),
        "mlock" | "--mlock" if mlock_maps => LoadPlan::map(true),
        "mlock" | "--mlock" => LoadPlan::read(true),
        "dio" | "-dio" => LoadPlan::direct(false, OnRefused::Read),
        other => panic!("{other}"),
    }
}

fn oracle(dialect: Dialect, sequence: &[&Spelling]) -> LoadPlan {
    match dialect.name() {
        "reference" => reference_oracle(sequence),
        "booleans" => booleans_oracle(sequence, false),
        "dio-default" => booleans_oracle(sequence, true),
        "enum-v1" => field_oracle(sequence, "mmap", true, true),
        "enum-v2" => field_oracle(sequence, "mmap", false, true),
        "enum-v3" => field_oracle(sequence, "auto", false, true),
        "enum-v4" => field_oracle(sequence, "auto", false, false),
        other => panic!("no oracle for {other}"),
    }
}

fn check_all(dialect: Dialect, pieces: &[Spelling], longest: usize) {
    let mut checked = 0_usize;
    for sequence in spelling::sequences(pieces, longest) {
        let resolved = resolve_joined(dialect, &sequence).unwrap();
        let line = || Spelling::join(&sequence);
        assert_eq!(resolved.plan, oracle(dialect, &sequence), "{dialect}: {}", line());
        match resolved.load_mode {
            Some(word) => {
                let again = Spelling::flags(["-lm", word]).resolve(Dialect::reference()).unwrap();
                assert_eq!(again.plan, resolved.plan, "{dialect}: {} is not -lm {word}", line());
                assert!(again.warnings.is_empty(), "{:?}", again.warnings);
            }
            None => {
                assert_ne!(dialect, Dialect::reference(), "{} has no load mode", line());
                assert_eq!(resolved.plan.on_refused, Some(OnRefused::Map), "{dialect}: {}", line());
            }
        }
        checked += 1;
    }
    let expected: usize = (0..=longest).map(|k| pieces.len().pow(k as u32)).sum();
    assert_eq!(checked, expected);
}

#[test]
fn every_sequence_of_three_flags_and_variables_in_every_dialect() {
    for dialect in Dialect::eras() {
        check_all(dialect, &pieces(dialect), 3);
    }
}

#[test]
fn every_sequence_of_four_flags_in_every_dialect() {
    for dialect in Dialect::eras() {
        check_all(dialect, &spelling::flags(dialect), 4);
    }
}

/// The path without copies is the one the campaign uses; the joined one is what a user types.
#[test]
fn a_joined_spelling_resolves_like_its_parts() {
    for dialect in [Dialect::reference(), era("booleans"), era("enum-v1")] {
        let units = spelling::units(dialect);
        for sequence in spelling::sequences(&units, 2) {
            let joined = Spelling::join(&sequence);
            assert_eq!(joined.resolve(dialect), resolve_joined(dialect, &sequence), "{joined}");
        }
    }
}

/// A process environment has no order, so none may be read into it: in any dialect, any three
/// variables mean the same in each of their orders.
#[test]
fn no_dialect_reads_an_order_into_the_environment() {
    for dialect in Dialect::eras() {
        let units = spelling::units(dialect);
        let mut variables: Vec<Spelling> = units.into_iter().filter(|unit| !unit.env.is_empty()).collect();
        variables.extend(BOOLEAN_VARIABLES.map(|name| Spelling::variable(name, "bogus")));
        variables.retain(|unit| ["0", "1", "bogus", "", "none", "dio"].contains(&unit.env[0].1.as_str()));
        for parts in spelling::sequences(&variables, 3) {
            let mut sorted = parts.clone();
            sorted.sort();
            if sorted.windows(2).all(|pair| pair[0].env[0].0 != pair[1].env[0].0) {
                let line = || Spelling::join(&parts);
                assert_eq!(
                    resolve_joined(dialect, &parts),
                    resolve_joined(dialect, &sorted),
                    "{dialect}: {}",
                    line()
                );
            }
        }
    }
}

/// What a dialect says of itself, tried out: two different switches in both orders.
#[test]
fn a_dialect_is_order_free_exactly_when_no_two_switches_feel_their_order() {
    for dialect in Dialect::eras() {
        let flags = spelling::flags(dialect);
        let subject = |flag: &Spelling| match flag.argv[0].as_str() {
            "-dio" | "-ndio" => "direct",
            "--mmap" | "--no-mmap" => "map",
            other => {
                if other == "-lm" {
                    "mode"
                } else {
                    "lock"
                }
            }
        };
        let pairs = flags.iter().flat_map(|a| flags.iter().map(move |b| (a, b)));
        let mut different = pairs.filter(|(a, b)| subject(a) != subject(b));
        let felt = different.any(|(a, b)| {
            let plan = |parts: &[&Spelling]| resolve_joined(dialect, parts).unwrap().plan;
            plan(&[a, b]) != plan(&[b, a])
        });
        // The last era has one flag alone, and its order is that of a repetition.
        assert_eq!(dialect.is_order_free(), !felt && dialect != era("enum-v4"), "{dialect}");
    }
}
