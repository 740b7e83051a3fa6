//! The table spelling × dialect against the published one, and its counts against a second count.

#![allow(clippy::unwrap_used, reason = "helpers of tests stop at the first surprise")]

use crate::dialects::era;
use std::collections::BTreeSet;

use loadparity::plan::compare::{Cell, Class, Comparison, Lost, compare, spellings};
use loadparity::plan::{Dialect, LoadPlan, OnRefused, Source, Spelling};

const PUBLISHED: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/dialects/legacy-combinations.md"));

/// The plan in the words of the published table.
fn published_words(cell: &Cell) -> String {
    let Ok(resolved) = &cell.outcome else { return "error".to_owned() };
    let LoadPlan { source, lock, on_refused, exceptions } = resolved.plan;
    assert!(exceptions.is_empty(), "an era says nothing of single tensors");
    let source = match source {
        Source::Map => "mmap",
        Source::Read => "read",
        Source::Direct => "direct",
        Source::Auto => "auto",
    };
    let refused = match on_refused {
        None => "",
        Some(OnRefused::Map) => ", else mmap",
        Some(OnRefused::Read) => ", else read",
        Some(OnRefused::Error) => ", else error",
    };
    format!("{source}{}{refused}", if lock { " + lock" } else { "" })
}

#[test]
fn every_row_and_era_of_the_published_table() {
    let comparison = Comparison::of(era("booleans"), Dialect::eras(), spellings(&Dialect::eras()));
    let mut lines = PUBLISHED.lines().filter(|line| line.starts_with('|'));
    let cells = |line: &str| {
        line.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', "")).collect::<Vec<_>>()
    };
    let eras: Vec<Dialect> = cells(lines.next().unwrap())[1..].iter().map(|n| n.parse().unwrap()).collect();
    assert_eq!(eras.len(), 6);
    let mut rows = 0;
    for line in lines.skip(1) {
        let expected = cells(line);
        let argv = if expected[0] == "(nothing)" { "" } else { &expected[0] };
        let row = comparison.rows.iter().find(|row| row.spelling.to_string() == argv);
        let row = row.unwrap_or_else(|| panic!("{argv} is in the table"));
        for (era, expected) in eras.iter().zip(&expected[1..]) {
            let cell = row.cells.iter().find(|cell| cell.dialect == *era).unwrap();
            assert_eq!(published_words(cell), *expected, "{era}: {argv}");
        }
        rows += 1;
    }
    assert_eq!(rows, 24);
}

/// The pull request's own claim was parity. Of the 17 legacy lines of the table, 13 changed.
#[test]
fn thirteen_of_seventeen_legacy_lines_changed() {
    let legacy = ["--mmap", "--no-mmap", "--mlock", "-dio", "-ndio"];
    let published: Vec<&str> =
        PUBLISHED.lines().filter(|l| l.starts_with("|")).filter_map(|l| l.split('`').nth(1)).collect();
    let lines = published.iter().filter(|line| line.split(' ').all(|word| legacy.contains(&word)));
    let lines: Vec<Spelling> = lines.map(|line| Spelling::flags(line.split(' '))).collect();
    assert_eq!(lines.len(), 17);
    let comparison = Comparison::of(era("booleans"), Dialect::eras(), lines);
    let changed = comparison.rows.iter().filter(|row| {
        let mut eras = row.cells.iter();
        eras.any(|c| {
            matches!(c.dialect.name(), "enum-v1" | "enum-v2")
                && c.difference.class == Some(Class::LostGuarantee)
        })
    });
    assert_eq!(changed.count(), 13);
}

#[test]
fn counts_are_the_cells() {
    for base in Dialect::eras() {
        let comparison = Comparison::of(base, Dialect::eras(), spellings(&Dialect::eras()));
        let tallies = comparison.tallies();
        let dialects: Vec<_> = tallies.iter().map(|tally| tally.dialect).collect();
        assert_eq!(dialects, Dialect::eras().into_iter().filter(|d| *d != base).collect::<Vec<_>>());
        let (mut any, mut differing) = (0, BTreeSet::new());
        for tally in tallies {
            let (mut lost, mut classes, mut accepted) = (0, [0; Class::ALL.len()], 0);
            for (i, row) in comparison.rows.iter().enumerate() {
                let cell = row.cells.iter().find(|cell| cell.dialect == tally.dialect).unwrap();
                let was = row.cells.iter().find(|cell| cell.dialect == base).unwrap();
                assert_eq!(was.difference.class, None, "the base does not differ from itself");
                accepted += usize::from(was.outcome.is_ok());
                lost += usize::from(!cell.difference.lost.is_empty());
                if let Some(class) = cell.difference.class {
                    classes[Class::ALL.iter().position(|c| *c == class).unwrap()] += 1;
                    differing.insert(i);
                }
            }
            assert_eq!((tally.lines, tally.lost, tally.classes), (accepted, lost, classes), "{base}");
            any += lost;
        }
        assert!(any > 0);
        let differs: BTreeSet<_> =
            (0..comparison.rows.len()).filter(|i| comparison.rows[*i].differs()).collect();
        assert_eq!(differs, differing);
    }
}

/// What holds of every cell, whatever the dialects.
#[test]
fn classes_keep_their_promises() {
    for base in Dialect::eras() {
        for row in Comparison::of(base, Dialect::eras(), spellings(&Dialect::eras())).rows {
            let was = row.spelling.resolve(base);
            for cell in &row.cells {
                let at = format!("{}: {base} to {}", row.spelling, cell.dialect);
                let plans = (was.as_ref().ok().map(|r| r.plan), cell.outcome.as_ref().ok().map(|r| r.plan));
                let difference = &cell.difference;
                match plans {
                    (was, is) if was == is => assert_eq!(difference.class, None, "{at}"),
                    (Some(_), None) => assert_eq!(difference.class, Some(Class::Error), "{at}"),
                    (None, Some(_)) => assert_eq!(difference.class, Some(Class::Accepted), "{at}"),
                    _ => assert!(
                        !matches!(difference.class, None | Some(Class::Error | Class::Accepted)),
                        "{at}"
                    ),
                }
                let (Some(from), Some(to)) = plans else {
                    assert!(difference.lost.is_empty(), "{at}");
                    continue;
                };
                let lost = |what| difference.lost.contains(&what);
                // A lock is never a default, so that its loss is always one.
                assert_eq!(lost(Lost::Lock), from.lock && !to.lock, "{at}");
                // What is lost was there, and is no longer.
                let gone = |source| from.source == source && to.source != source;
                assert!(!lost(Lost::Mapping) || gone(Source::Map), "{at}");
                assert!(!lost(Lost::DirectIo) || gone(Source::Direct), "{at}");
                assert!(!lost(Lost::OwnMemory) || gone(Source::Read), "{at}");
                let direct = |plan: LoadPlan| plan.source == Source::Direct;
                assert!(!lost(Lost::Fallback) || (direct(from) && direct(to)), "{at}");
                if difference.class == Some(Class::LostGuarantee) {
                    assert!(!difference.lost.is_empty(), "{at}");
                }
                if matches!(difference.class, Some(Class::ChangedDefault | Class::Changed)) {
                    assert!(difference.lost.is_empty(), "{at}");
                }
                // A legacy flag on the line asks outright: its own part is never taken for a default.
                let typed = |name: &str| row.spelling.argv.iter().any(|word| word == name);
                if base == era("booleans") && typed("--mmap") && gone(Source::Map) {
                    assert!(lost(Lost::Mapping), "{at}");
                }
                if base == era("booleans") && typed("-dio") && gone(Source::Direct) {
                    assert!(lost(Lost::DirectIo), "{at}");
                }
            }
        }
    }
}

#[test]
fn what_a_direct_load_gives_up() {
    // Direct I/O that somebody asked for, and its fallback, each on its own.
    let line = Spelling::flags(["-dio", "--no-mmap"]);
    let found = |base: Dialect, other: Dialect, line: &Spelling| {
        compare((base, &line.resolve(base)), (other, &line.resolve(other)))
    };
    let difference = found(era("booleans"), era("enum-v1"), &line);
    assert_eq!(difference.lost, BTreeSet::from([Lost::DirectIo]));
    let line = Spelling::flags(["-dio"]);
    let difference = found(era("enum-v1"), era("booleans"), &line);
    assert_eq!(difference.lost, BTreeSet::from([Lost::Fallback]), "it read when refused, and now it maps");
    let line = Spelling::default();
    let difference = found(era("dio-default"), era("booleans"), &line);
    assert_eq!((difference.class, difference.lost.len()), (Some(Class::ChangedDefault), 0));
}
