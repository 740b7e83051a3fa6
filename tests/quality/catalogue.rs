//! All planted bugs, and the tests of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use loadparity::rules::Rule;

use crate::planted::{Kind, Named, Planted};
use crate::run::{Bench, Came};
use crate::{compared, loaders, page, seam, traces};

/// Rules that no bug in a subject breaks, with the reason.
pub const NO_BUG: &[(Rule, &str)] = &[
    (
        Rule::PlanEquivalent,
        "asks the resolver about itself; `a_wrong_equivalent_is_found` in `src/check/plans.rs` gives it a wrong word",
    ),
    (
        Rule::PlanOrder,
        "asks the resolver about itself; `an_order_that_matters_is_found` in `src/check/plans.rs` gives it such a dialect",
    ),
    (Rule::FaultMet, "is a note: a fault that meets no call is no fault of the subject"),
];

/// Every row.
pub fn all() -> impl Iterator<Item = &'static Planted> {
    [traces::ROWS, seam::ROWS, loaders::ROWS, compared::ROWS].into_iter().flatten()
}

/// What came of the catalogue.
pub struct Results {
    /// Of each row, with all rules.
    pub came: Vec<(&'static Planted, Came)>,
    /// Of each rule, the bug that escapes without it.
    pub escapes: BTreeMap<Rule, &'static Planted>,
}

/// Whether the rule that must name it does.
pub fn is_named(row: &Planted, came: &Came) -> bool {
    match row.named {
        Named::Broken => came.broken.contains(&row.rule),
        Named::NotObserved => !came.pass && came.broken.is_empty() && came.not_observed.contains(&row.rule),
    }
}

/// Does `work` for each of the items on two threads; the results in their order.
fn side_by_side<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let done: Vec<Mutex<Option<R>>> = items.iter().map(|_| Mutex::new(None)).collect();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(at) else { break };
                    *done[at].lock().unwrap() = Some(work(item));
                }
            });
        }
    });
    done.into_iter().map(|slot| slot.into_inner().unwrap().unwrap()).collect()
}

#[test]
fn the_catalogue_is_whole() {
    let names: BTreeSet<(&str, &str)> = all().map(|row| (row.place(), row.name)).collect();
    assert_eq!(names.len(), all().count(), "a name stands twice");
    assert!(all().count() >= 60);
    for kind in Kind::ALL {
        assert!(all().filter(|row| row.kind == kind).count() >= 5, "{}", kind.words());
    }
    for rule in Rule::ALL {
        let planted = all().any(|row| row.rule == *rule);
        let reason = NO_BUG.iter().any(|(other, _)| other == rule);
        assert!(planted != reason, "{rule}: a bug, or a reason why there is none");
    }
    for row in all() {
        assert!(!row.what.ends_with('.') && row.what.chars().next().unwrap().is_lowercase(), "{}", row.name);
    }
}

/// Each bug is named by its rule, and each rule is the only one that finds some bug: switched off, that bug passes.
#[test]
fn every_bug_is_named_and_every_rule_earns_its_place() {
    let bench = Bench::new();
    let rows: Vec<&'static Planted> = all().filter(|row| row.runs_here()).collect();
    let came: Vec<(&Planted, Came)> =
        rows.iter().copied().zip(side_by_side(&rows, |row| bench.run(row, None))).collect();
    let missed: Vec<String> = came
        .iter()
        .filter(|(row, came)| !is_named(row, came))
        .map(|(row, came)| format!("{} {}: {} is not named: {came:?}", row.place(), row.name, row.rule))
        .collect();
    // Of the bugs of a rule those first that no other rule names, and that cost least.
    let rules: Vec<Rule> =
        Rule::ALL.iter().copied().filter(|rule| rows.iter().any(|row| row.rule == *rule)).collect();
    let escape = |rule: &Rule| {
        let mut own: Vec<&(&'static Planted, Came)> =
            came.iter().filter(|(row, _)| row.rule == *rule).collect();
        own.sort_by_key(|(row, came)| (came.broken.len(), row.place() == "loader"));
        own.into_iter().map(|(row, _)| *row).find(|row| bench.run(row, Some(*rule)).pass)
    };
    let found = side_by_side(&rules, escape);
    let needless: Vec<String> = rules
        .iter()
        .zip(&found)
        .filter(|(_, found)| found.is_none())
        .map(|(rule, _)| format!("{rule}: without it no bug escapes"))
        .collect();
    let problems = [missed, needless].concat();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    let escapes = rules.iter().copied().zip(found.into_iter().flatten()).collect();
    // Only a system that runs all of them can say what the page says.
    if rows.len() == all().count() {
        page::holds(&Results { came, escapes });
    }
}
