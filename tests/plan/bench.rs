//! The grammar of llama-bench in every era: lists that multiply or queue, and what they ask for.

#![allow(clippy::unwrap_used, reason = "helpers of tests stop at the first surprise")]

use crate::dialects::era;
use loadparity::plan::bench::{self, Queue};
use loadparity::plan::spelling::Spelling;
use loadparity::plan::{Dialect, LoadPlan, OnRefused, UsageError};
use rstest::rstest;

fn resolve(dialect: Dialect, line: &str) -> Result<Queue, UsageError> {
    bench::resolve(dialect, &line.split_whitespace().collect::<Vec<_>>())
}

/// The plans of a line, or `error`.
fn plans(dialect: Dialect, line: &str) -> String {
    let plan = |entry: &bench::BenchEntry| match entry.plan.on_refused {
        Some(OnRefused::Read) => format!("{}-else-read", entry.plan),
        _ => entry.plan.to_string(),
    };
    match resolve(dialect, line) {
        Err(_) => "error".to_owned(),
        Ok(queue) => queue.entries.iter().map(plan).collect::<Vec<_>>().join(" "),
    }
}

// Columns: before the PR; with both spellings (default `auto`); with the legacy ones removed.
#[rstest]
#[case("", "map", "auto", "auto")]
#[case("-mmp 1 -dio 0", "map", "map read", "error")]
#[case("-mmp 0 -dio 1", "direct-else-read", "read direct-else-read", "error")]
#[case(
    "-mmp 0,1 -dio 0,1",
    "read direct-else-read map direct-else-map",
    "read map read direct-else-read",
    "error"
)]
#[case(
    "-dio 0,1 -mmp 0,1",
    "read direct-else-read map direct-else-map",
    "read direct-else-read read map",
    "error"
)]
#[case("-dio 0", "map", "read", "error")]
#[case("-dio 1", "direct-else-map", "direct-else-read", "error")]
#[case("-mmp 0", "read", "read", "error")]
#[case("-mmp 1", "map", "map", "error")]
#[case("-mmp 1 -lm none", "error", "map read", "error")]
#[case("-lm none -mmp 1", "error", "read map", "error")]
#[case("-lm mmap,none,mmap", "error", "map read map", "map read map")]
#[case("-lm none -lm none", "error", "read read", "read read")]
#[case(
    "--load-mode mlock --load_mode dio",
    "error",
    "read+lock direct-else-read",
    "read+lock direct-else-read"
)]
#[case("-mmp 1,1", "map map", "map map", "error")]
#[case("-mmp 1 -mmp 0 -mmp 1", "map read map", "map read map", "error")]
#[case("--mmap 0 --direct_io 1", "direct-else-read", "read direct-else-read", "error")]
#[case("-mmp 2", "map", "map", "error")]
#[case("-mmp on", "read", "read", "error")]
#[case("-mmp 0x1", "read", "read", "error")]
#[case("-mmp -1", "map", "map", "error")]
#[case("-mmp -0,+0,+10,00", "read read map read", "read read map read", "error")]
#[case("-mmp 1,", "map", "map", "error")]
#[case("-mmp ,1", "error", "error", "error")]
#[case("-mmp 1,,0", "error", "error", "error")]
#[case("-lm none,", "error", "error", "error")]
#[case("-lm mmap,bogus", "error", "error", "error")]
#[case("--mlock", "error", "error", "error")]
#[case("--no-mmap", "error", "error", "error")]
#[case("-ndio 1", "error", "error", "error")]
#[case("-mmp=1", "error", "error", "error")]
#[case("-mmp", "error", "error", "error")]
#[case("-lm", "error", "error", "error")]
fn a_line_in_every_era(
    #[case] line: &str,
    #[case] booleans: &str,
    #[case] both: &str,
    #[case] removed: &str,
) {
    assert_eq!(plans(era("booleans"), line), booleans, "booleans");
    assert_eq!(plans(era("enum-v3"), line), both, "enum-v3");
    assert_eq!(plans(era("enum-v4"), line), removed, "enum-v4");
    let v2 = if line.is_empty() { "map" } else { both };
    assert_eq!(plans(era("enum-v2"), line), v2, "enum-v2");
    let v1 = v2.replace("read+lock", "map+lock");
    assert_eq!(plans(era("enum-v1"), line), v1, "enum-v1");
    // Direct I/O by default was the library's and the command line's; this tool had both off.
    let dio_default = match line {
        "" | "-dio 0" => "read",
        "-dio 1" => "direct-else-read",
        _ => booleans,
    };
    assert_eq!(plans(era("dio-default"), line), dio_default, "dio-default");
}

#[rstest]
#[case("", "map")]
#[case("-lm mmap,none", "map read")]
#[case("-mmp 1 -dio 0", "map")]
#[case("-dio 0", "map")]
#[case("-mmp 0,1 -dio 0,1", "read direct-else-read map direct-else-read")]
#[case("--mmap 1 -lm none", "map read")]
#[case("-lm none --mmap 1", "read map")]
#[case("-mmp 1 -lm none -dio 1 -lm auto", "direct-else-read read auto")]
#[case("-lm=dio+mlock,none+mlock -mmp=off", "direct+lock-else-read read+lock read")]
#[case("-mmp on,disabled", "map read")]
#[case("-mmp 2", "error")]
#[case("-mmp 1,", "error")]
#[case("-lm auto,", "error")]
fn the_reference_multiplies_switches_and_queues_modes(#[case] line: &str, #[case] expected: &str) {
    assert_eq!(plans(Dialect::reference(), line), expected);
}

#[test]
fn an_empty_list_falls_back_to_the_default() {
    for (dialect, expected) in [
        (era("booleans"), Ok(LoadPlan::map(false))),
        (era("enum-v3"), Ok(LoadPlan::AUTO)),
        (Dialect::reference(), Err(())),
    ] {
        let queue = bench::resolve(dialect, &["-mmp", ""]);
        let plans = queue.map(|queue| queue.entries.iter().map(|entry| entry.plan).collect::<Vec<_>>());
        assert_eq!(plans.map_err(|_| ()), expected.map(|plan| vec![plan]), "{dialect}");
    }
    assert!(bench::resolve(era("enum-v3"), &["-lm", ""]).is_err());
    assert_eq!(
        bench::resolve(era("booleans"), &["-mmp", " 1, 0"]).unwrap().entries.len(),
        2,
        "a stream passes leading blanks over"
    );
}

/// The row of a load mode asks for what the command line with the same mode asks for.
#[test]
fn a_load_mode_means_the_same_in_both_tools() {
    for dialect in Dialect::eras() {
        for word in &dialect.rules().words {
            let queue = bench::resolve(dialect, &["-lm", word.name]).unwrap();
            let line = Spelling::flags(["-lm", word.name]).resolve(dialect).unwrap();
            assert_eq!(queue.entries.len(), 1);
            assert_eq!((queue.entries[0].plan, queue.entries[0].label.as_str()), (line.plan, word.name));
            assert!(queue.warnings.is_empty());
        }
    }
}

/// Sizes: a product multiplies, a queue adds.
#[test]
fn products_multiply_and_queues_add() {
    let list = |n: usize| (0..n).map(|i| (i % 2).to_string()).collect::<Vec<_>>().join(",");
    for (maps, directs) in (1..5).flat_map(|m| (1..5).map(move |d| (m, d))) {
        let line = format!("-mmp {} -dio {}", list(maps), list(directs));
        let size = |dialect| resolve(dialect, &line).unwrap().entries.len();
        for dialect in [Dialect::reference(), era("booleans"), era("dio-default")] {
            assert_eq!(size(dialect), maps * directs, "{dialect}: {line}");
        }
        for dialect in [era("enum-v1"), era("enum-v2"), era("enum-v3")] {
            assert_eq!(size(dialect), maps + directs, "{dialect}: {line}");
        }
    }
}

#[test]
fn labels_are_the_columns_of_the_era() {
    let labels = |dialect, line| {
        let queue = resolve(dialect, line).unwrap();
        queue.entries.into_iter().map(|entry| entry.label).collect::<Vec<_>>()
    };
    assert_eq!(labels(era("booleans"), "-mmp 0,1 -dio 1"), ["mmap 0, dio 1", "mmap 1, dio 1"]);
    assert_eq!(labels(era("enum-v1"), "-mmp 0,1 -lm mlock -dio 0"), ["none", "mmap", "mlock", "none"]);
    assert_eq!(labels(Dialect::reference(), "-mmp 0 -lm mmap+mlock"), ["none", "mmap+mlock"]);
}

#[test]
fn the_reference_names_the_exact_list_and_the_eras_their_own_advice() {
    let queue = resolve(Dialect::reference(), "-mmp 0,1 -lm auto -dio 0").unwrap();
    assert_eq!(queue.load_modes().as_deref(), Some("none,mmap,auto"));
    assert_eq!(
        queue.warnings,
        [
            "-mmp is deprecated: use -lm none,mmap,auto, the exact equivalent of the lists given",
            "-dio is deprecated: use -lm none,mmap,auto, the exact equivalent of the lists given"
        ]
    );
    let followed = resolve(Dialect::reference(), "-lm none,mmap,auto").unwrap();
    assert_eq!(followed.entries, queue.entries);
    assert!(followed.warnings.is_empty());

    let queue = resolve(era("enum-v1"), "-lm none -mmp 0 -dio 0").unwrap();
    assert_eq!(
        queue.warnings,
        [
            "-mmp and --mmap are deprecated: use --load-mode mmap instead",
            "-dio and --direct-io are deprecated: use --load-mode dio instead"
        ]
    );
    for dialect in [era("booleans"), era("dio-default")] {
        let queue = resolve(dialect, "-mmp 1 -dio 1").unwrap();
        assert!(queue.warnings.is_empty(), "{dialect}");
        assert_eq!(queue.load_modes(), None, "a direct load that maps when refused has no word");
        assert!(
            resolve(dialect, "-mmp 0 -dio 0").unwrap().warnings.is_empty(),
            "{dialect}: nothing replaces it"
        );
    }
}

#[test]
fn errors_name_what_is_accepted() {
    let text = |dialect, line| resolve(dialect, line).unwrap_err().to_string();
    assert_eq!(
        text(era("enum-v4"), "-mmp 1"),
        "invalid argument '-mmp': llama-bench of the enum-v4 dialect accepts -lm MODE,…, --load-mode MODE,…"
    );
    assert_eq!(
        text(era("booleans"), "-lm none"),
        "invalid argument '-lm': llama-bench of the booleans dialect accepts \
         -mmp 0|1,…, --mmap 0|1,…, -dio 0|1,…, --direct-io 0|1,…"
    );
    assert_eq!(
        text(Dialect::reference(), "-dio yes"),
        "invalid item 'yes' in the list of -dio: accepted are 1, true, on, enabled, 0, false, off, disabled"
    );
    assert_eq!(text(era("enum-v1"), "-dio 1,,"), "invalid item '' in the list of -dio: accepted are 0, 1");
    assert_eq!(
        text(era("enum-v1"), "-lm mmap,mmap+mlock"),
        "invalid value 'mmap+mlock' for -lm: accepted are none, mmap, mlock, dio"
    );
    assert_eq!(
        text(era("enum-v1"), "--load-mode"),
        "--load-mode needs a list, with commas between its items: accepted are none, mmap, mlock, dio"
    );
    assert_eq!(
        text(era("enum-v1"), "-mmp"),
        "-mmp needs a list, with commas between its items: accepted are 0, 1"
    );
}
