//! Clean loads with one operation changed. Each change is found, or leaves something not observed, or takes
//! another code path than the spellings beside it, or is of a kind that does no harm, for a reason.

mod clean;
mod harmless;
mod kinds;

use std::collections::BTreeMap;

use loadparity::check::CasePath;
use loadparity::rules::{Evidence, Rule, judge};
use loadparity::trace::Call;

use self::clean::{Clean, loads};
use self::harmless::HARMLESS;
use self::kinds::{Change, changed, name};

/// What became of a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Found,
    NotObserved,
    AnotherPath,
    Unnoticed,
}

/// `of_memory` tells that the change is of a lock or of where something lies.
fn fate(clean: &Clean, of_memory: bool, mutant: &Evidence) -> Fate {
    let command = !clean.profile.load_phase_only;
    let judgement = judge(clean.plan, mutant, clean.profile);
    let open = unknown(clean);
    if !judgement.findings.is_empty() {
        Fate::Found
    } else if judgement.not_observed.iter().any(|missing| of_memory || !open.contains(&missing.rule)) {
        Fate::NotObserved
    } else if !CasePath::of(mutant, command).is_same(&CasePath::of(&clean.evidence, command)) {
        Fate::AnotherPath
    } else {
        Fate::Unnoticed
    }
}

/// What the clean load leaves open: llama.cpp copies small tensors from the buffer of a stream.
fn unknown(clean: &Clean) -> &'static [Rule] {
    match clean.name.as_str() {
        "llama-read-lock" | "llama-direct-lock" => &[Rule::TensorsLocked],
        _ => &[],
    }
}

#[test]
fn the_loads_are_clean() {
    for clean in loads() {
        let judgement = judge(clean.plan, &clean.evidence, clean.profile);
        assert_eq!(judgement.findings, [], "{}", clean.name);
        let missing: Vec<_> = judgement.not_observed.iter().map(|missing| missing.rule).collect();
        assert_eq!(missing, unknown(&clean), "{}", clean.name);
    }
}

#[test]
fn every_mutant_is_noticed_or_harmless() {
    let mut score: BTreeMap<(Change, Fate), u64> = BTreeMap::new();
    let mut unnoticed: BTreeMap<(Change, &str), Vec<String>> = BTreeMap::new();
    let mut met = Vec::new();
    for clean in loads() {
        let ops = &clean.evidence.ops;
        for at in 0..ops.len() {
            for change in Change::ALL {
                let Some(mutant) = changed(ops, at, change, clean.evidence.page_size) else { continue };
                let mutant = clean.with(mutant);
                let of_memory = matches!(ops[at].call, Call::Lock { .. }) || change == Change::OtherRegion;
                let fate = fate(&clean, of_memory, &mutant);
                *score.entry((change, fate)).or_default() += 1;
                if fate != Fate::Unnoticed {
                    continue;
                }
                let call = name(&ops[at].call);
                let row = HARMLESS.iter().position(|row| row.matches(&clean, &ops[at], change, &mutant));
                match row {
                    Some(row) => met.push((row, change)),
                    None => unnoticed.entry((change, call)).or_default().push(format!(
                        "{} operation {at} ({:?}): {:?}",
                        clean.name, ops[at].phase, ops[at].call
                    )),
                }
            }
        }
    }
    let total: u64 = score.values().sum();
    let of = |fate: Fate| score.iter().filter(|((_, f), _)| *f == fate).map(|(_, n)| n).sum::<u64>();
    println!(
        "{total} mutants: {} found, {} not observed, {} on another path, {} harmless",
        of(Fate::Found),
        of(Fate::NotObserved),
        of(Fate::AnotherPath),
        of(Fate::Unnoticed)
    );
    for change in Change::ALL {
        let counts: Vec<String> = score
            .iter()
            .filter(|((c, _), _)| *c == change)
            .map(|((_, fate), n)| format!("{fate:?} {n}"))
            .collect();
        println!("  {change:?}: {}", counts.join(", "));
    }
    for (row, known) in HARMLESS.iter().enumerate() {
        let times = met.iter().filter(|(other, _)| *other == row).count();
        println!("  harmless: {} ×{times}: {}", known.call, known.why);
    }
    let shown: Vec<String> = unnoticed
        .iter()
        .map(|((change, call), all)| {
            format!("{call} {change:?} ×{}:\n    {}", all.len(), all[..all.len().min(6)].join("\n    "))
        })
        .collect();
    assert!(unnoticed.is_empty(), "nobody notices:\n{}", shown.join("\n"));
    for (row, known) in HARMLESS.iter().enumerate() {
        for change in known.changes {
            assert!(
                met.contains(&(row, *change)),
                "{} {change:?} is always noticed: strike it off the list",
                known.call
            );
        }
    }
}
