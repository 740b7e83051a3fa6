//! What each era of llama.cpp made of a command line: the published table of legacy combinations,
//! recorded runs, and the environment.

#![allow(clippy::unwrap_used, reason = "helpers of tests stop at the first surprise")]

use crate::dialects::era;
use loadparity::plan::{Dialect, resolve};
use rstest::rstest;

/// `map`, `read+lock`, `direct else map` …, or `error`.
fn effect(dialect: Dialect, line: &str) -> String {
    let (env, argv): (Vec<&str>, Vec<&str>) =
        line.split_whitespace().partition(|word| word.starts_with("LLAMA_ARG_"));
    let env: Vec<(&str, &str)> = env.iter().map(|pair| pair.split_once('=').unwrap()).collect();
    match resolve(dialect, &argv, &env) {
        Err(_) => "error".to_owned(),
        Ok(resolved) => match resolved.plan.on_refused {
            None => resolved.plan.to_string(),
            Some(refused) => {
                let name = resolved.plan.to_string();
                let name = name.split("-else").next().unwrap();
                format!("{name} else {}", format!("{refused:?}").to_lowercase())
            }
        },
    }
}

// Columns: before the PR, as merged, after #26135 and #26081, after #28334.
#[rstest]
#[case("", "map", "map", "auto", "auto")]
#[case("--mmap", "map", "map", "map", "error")]
#[case("--no-mmap", "read", "read", "read", "error")]
#[case("--mlock", "map+lock", "map+lock", "read+lock", "error")]
#[case("--mmap --mlock", "map+lock", "map+lock", "read+lock", "error")]
#[case("--mlock --mmap", "map+lock", "map", "map", "error")]
#[case("--no-mmap --mlock", "read+lock", "map+lock", "read+lock", "error")]
#[case("--mlock --no-mmap", "read+lock", "read", "read", "error")]
#[case("-dio", "direct else map", "direct else read", "direct else read", "error")]
#[case("-ndio", "map", "read", "read", "error")]
#[case("--mmap -ndio", "map", "read", "read", "error")]
#[case("-ndio --mmap", "map", "map", "map", "error")]
#[case("-dio --mmap", "direct else map", "map", "map", "error")]
#[case("--mmap -dio", "direct else map", "direct else read", "direct else read", "error")]
#[case("-dio --no-mmap", "direct else read", "read", "read", "error")]
#[case("--no-mmap -dio", "direct else read", "direct else read", "direct else read", "error")]
#[case("-dio --mlock", "direct+lock else map", "map+lock", "read+lock", "error")]
#[case("--mlock -dio", "direct+lock else map", "direct else read", "direct else read", "error")]
#[case("-lm none --mmap", "error", "map", "map", "error")]
#[case("--mmap -lm none", "error", "read", "read", "error")]
#[case("-lm mlock", "error", "map+lock", "read+lock", "read+lock")]
#[case("-lm mmap+mlock", "error", "error", "map+lock", "map+lock")]
#[case("-lm auto", "error", "error", "auto", "auto")]
#[case("-lm dio", "error", "direct else read", "direct else read", "direct else read")]
#[case("-lm none+mlock", "error", "error", "error", "error")]
#[case("-lm mlock+mmap", "error", "error", "error", "error")]
#[case("-lm none -lm mmap", "error", "map", "map", "map")]
fn a_command_line_in_every_era(
    #[case] line: &str,
    #[case] booleans: &str,
    #[case] merged: &str,
    #[case] both: &str,
    #[case] removed: &str,
) {
    assert_eq!(effect(era("booleans"), line), booleans, "booleans");
    assert_eq!(effect(era("enum-v1"), line), merged, "enum-v1");
    assert_eq!(effect(era("enum-v3"), line), both, "enum-v3");
    assert_eq!(effect(era("enum-v4"), line), removed, "enum-v4");
    // The second enum era is the third without `auto`.
    let v2 = match line {
        "" => "map",
        "-lm auto" => "error",
        _ => both,
    };
    assert_eq!(effect(era("enum-v2"), line), v2, "enum-v2");
}

#[rstest]
#[case("", "direct else map")]
#[case("--mmap", "map")]
#[case("--no-mmap", "direct else read")]
#[case("-ndio", "map")]
#[case("-ndio --no-mmap", "read")]
#[case("-dio --mmap", "map")]
#[case("--mmap -dio", "direct else map")]
#[case("--mlock", "direct+lock else map")]
#[case("LLAMA_ARG_MMAP=1", "map")]
#[case("LLAMA_ARG_MMAP=1 LLAMA_ARG_DIO=1", "direct else map")]
#[case("-lm mmap", "error")]
fn direct_io_by_default(#[case] line: &str, #[case] expected: &str) {
    assert_eq!(effect(era("dio-default"), line), expected);
}

// Columns: before the PR, as merged, both spellings, legacy removed.
#[rstest]
#[case("LLAMA_ARG_MLOCK=1", "map+lock", "map+lock", "read+lock", "auto")]
#[case("LLAMA_ARG_MLOCK=0", "map", "map", "auto", "auto")]
#[case("LLAMA_ARG_MLOCK=bogus", "map", "map", "auto", "auto")]
#[case("LLAMA_ARG_MLOCK=", "map", "map", "auto", "auto")]
#[case("LLAMA_ARG_MMAP=0", "read", "read", "read", "auto")]
#[case("LLAMA_ARG_MMAP=enabled", "map", "map", "map", "auto")]
#[case("LLAMA_ARG_MMAP=bogus", "error", "error", "error", "auto")]
#[case("LLAMA_ARG_MMAP=On", "error", "error", "error", "auto")]
#[case("LLAMA_ARG_DIO=", "error", "error", "error", "auto")]
#[case("LLAMA_ARG_NO_MMAP=1", "read", "read", "read", "auto")]
#[case("LLAMA_ARG_NO_MMAP=0", "read", "read", "read", "auto")]
#[case("LLAMA_ARG_NO_MMAP=", "read", "read", "read", "auto")]
#[case("LLAMA_ARG_NO_MMAP=x LLAMA_ARG_MMAP=bogus", "read", "read", "read", "auto")]
#[case("LLAMA_ARG_DIO=0", "map", "read", "read", "auto")]
#[case("LLAMA_ARG_NO_DIO=1", "map", "read", "read", "auto")]
#[case("LLAMA_ARG_NO_MLOCK=1", "map", "map", "auto", "auto")]
#[case("LLAMA_ARG_MMAP=1 LLAMA_ARG_MLOCK=1", "map+lock", "map", "map", "auto")]
#[case("LLAMA_ARG_MMAP=0 LLAMA_ARG_MLOCK=1", "read+lock", "read", "read", "auto")]
#[case(
    "LLAMA_ARG_DIO=1 LLAMA_ARG_MMAP=0",
    "direct else read",
    "direct else read",
    "direct else read",
    "auto"
)]
#[case("LLAMA_ARG_LOAD_MODE=none LLAMA_ARG_DIO=1", "direct else map", "read", "read", "read")]
#[case("LLAMA_ARG_LOAD_MODE=none --mmap", "map", "map", "map", "error")]
#[case("LLAMA_ARG_LOAD_MODE=bogus", "map", "error", "error", "error")]
#[case("LLAMA_ARG_MMAP=0 -lm mmap", "error", "map", "map", "map")]
#[case("LLAMA_ARG_MLOCK=1 --no-mmap", "read+lock", "read", "read", "error")]
fn the_environment_in_every_era(
    #[case] line: &str,
    #[case] booleans: &str,
    #[case] merged: &str,
    #[case] both: &str,
    #[case] removed: &str,
) {
    assert_eq!(effect(era("booleans"), line), booleans, "booleans");
    assert_eq!(effect(era("enum-v1"), line), merged, "enum-v1");
    assert_eq!(effect(era("enum-v3"), line), both, "enum-v3");
    assert_eq!(effect(era("enum-v4"), line), removed, "enum-v4");
}

fn warnings(dialect: Dialect, argv: &[&str], env: &[(&str, &str)]) -> Vec<String> {
    resolve(dialect, argv, env).unwrap().warnings.iter().map(ToString::to_string).collect()
}

#[test]
fn the_enum_eras_warn_with_the_texts_of_their_builds() {
    let mmap = "--mmap and --no-mmap are deprecated. use --load-mode mmap instead";
    for dialect in [era("enum-v1"), era("enum-v2"), era("enum-v3")] {
        // The wrong advice is part of the era.
        assert_eq!(warnings(dialect, &["--no-mmap"], &[]), [mmap]);
        assert_eq!(warnings(dialect, &[], &[("LLAMA_ARG_NO_MMAP", "1")]), [mmap]);
        assert_eq!(
            warnings(dialect, &["--mlock", "-ndio"], &[]),
            [
                "--mlock is deprecated. use --load-mode mlock instead",
                "--direct-io and --no-direct-io are deprecated. use --load-mode dio instead",
            ]
        );
        assert!(warnings(dialect, &["-lm", "none"], &[]).is_empty());
        assert!(warnings(dialect, &[], &[("LLAMA_ARG_MLOCK", "0")]).is_empty());
        let both = warnings(dialect, &["-lm", "none", "--mmap"], &[]);
        assert_eq!(both[0], mmap);
        assert!(both.len() == 2 && both[1].contains("only the last flag takes effect"), "{both:?}");
        // Only the command line counts for the combination.
        assert_eq!(warnings(dialect, &["-lm", "none"], &[("LLAMA_ARG_MMAP", "1")]), [mmap]);
    }
}

#[test]
fn a_repeated_spelling_and_an_overwritten_variable_are_said_in_every_era() {
    let repeated = warnings(era("enum-v4"), &["-lm", "none", "-lm", "mmap"], &[]);
    assert!(repeated.len() == 1 && repeated[0].starts_with("-lm is given more than once"), "{repeated:?}");
    // Another name of the same flag is another spelling.
    assert!(warnings(era("enum-v4"), &["-lm", "none", "--load-mode", "mmap"], &[]).is_empty());

    let overwritten = warnings(era("booleans"), &["--mmap"], &[("LLAMA_ARG_NO_MMAP", "")]);
    assert_eq!(overwritten, ["LLAMA_ARG_MMAP is set, but --mmap on the command line overwrites it"]);
    // The variable of another flag is not mentioned, though it takes part.
    assert!(warnings(era("booleans"), &["--no-mmap"], &[("LLAMA_ARG_MLOCK", "1")]).is_empty());
}

#[test]
fn unread_variables_are_reported() {
    let load_mode = ("LLAMA_ARG_LOAD_MODE", "bogus");
    let resolved = resolve(era("booleans"), &[], &[load_mode, ("PATH", "/bin")]).unwrap();
    assert_eq!(resolved.ignored_env, ["LLAMA_ARG_LOAD_MODE"]);

    let legacy = [("LLAMA_ARG_DIO", "1"), ("LLAMA_ARG_NO_MMAP", "1"), ("LLAMA_ARG_MLOCK", "1")];
    let resolved = resolve(era("enum-v4"), &[], &legacy).unwrap();
    assert_eq!(resolved.ignored_env, ["LLAMA_ARG_MLOCK", "LLAMA_ARG_NO_MMAP", "LLAMA_ARG_DIO"]);
    assert!(resolved.warnings.is_empty(), "the era itself is silent");

    // A negative variable hides the positive one.
    let both = [("LLAMA_ARG_MMAP", "1"), ("LLAMA_ARG_NO_MMAP", "0")];
    assert_eq!(resolve(era("enum-v1"), &[], &both).unwrap().ignored_env, ["LLAMA_ARG_MMAP"]);
}

#[test]
fn what_was_lost_is_listed() {
    let resolved = resolve(era("enum-v1"), &["--mlock", "-dio", "-dio", "--no-mmap"], &[]).unwrap();
    let lost: Vec<_> = resolved.overridden.iter().map(|o| format!("{} < {}", o.what, o.by)).collect();
    assert_eq!(lost, ["--mlock < --no-mmap", "-dio < --no-mmap", "-dio < --no-mmap"]);
    let resolved = resolve(era("booleans"), &["--mlock", "--mmap", "-dio", "--no-mmap"], &[]).unwrap();
    let lost: Vec<_> = resolved.overridden.iter().map(|o| format!("{} < {}", o.what, o.by)).collect();
    assert_eq!(lost, ["--mmap < --no-mmap"]);
}

#[test]
fn the_equivalent_in_reference_words_is_exact_or_absent() {
    let load_mode = |dialect, argv: &[&str]| resolve(dialect, argv, &[]).unwrap().load_mode;
    assert_eq!(load_mode(era("enum-v3"), &["-lm", "mlock"]), Some("none+mlock"));
    assert_eq!(load_mode(era("enum-v3"), &["-lm", "mmap+mlock"]), Some("mlock"));
    assert_eq!(load_mode(era("enum-v3"), &[]), Some("auto"));
    assert_eq!(load_mode(era("booleans"), &["--no-mmap", "-dio"]), Some("dio"));
    // The reference never falls back from direct reads to mapping.
    assert_eq!(load_mode(era("booleans"), &["-dio"]), None);
    let plan = resolve(era("booleans"), &["-dio", "--mlock"], &[]).unwrap().plan;
    assert_eq!(plan.nearest_reference_word(), Some("dio+mlock"));
}
