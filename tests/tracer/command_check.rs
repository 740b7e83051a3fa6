//! `check … -- CMD`: an honest command passes, and one that breaks a single thing is found out, with
//! the rule named. The command is the reference engine, behind a shell script that does the breaking.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use rstest::rstest;

use crate::command_support::{behind, check, document, engine, loadparity, notes, rules};
use crate::support;

/// Drops one word from the command line.
const DROPS_MLOCK: &str =
    r#"for word do shift; [ "$word" = --mlock ] || set -- "$@" "$word"; done; exec "$@""#;

#[rstest]
// In each of two lazy modes.
#[case("reference", 14)]
#[case("booleans", 8)]
#[case("enum-v1", 4)]
#[case("enum-v4", 6)]
fn an_honest_command_passes(#[case] dialect: &str, #[case] plans: usize) {
    // The reference dialect has ten times the spellings of an era.
    let breadth: &[&str] = if dialect == "reference" { &["--quick"] } else { &[] };
    let (code, document) = check(&[breadth, &["--dialect", dialect]].concat(), &engine(dialect));
    assert_eq!(rules(&document), Vec::<&str>::new());
    let groups = document["groups"].as_array().unwrap();
    assert_eq!(groups.len(), plans);
    let direct = |g: &&serde_json::Value| g["name"].as_str().unwrap().starts_with("direct");
    // A file system without direct I/O of its own makes those plans unsupported.
    assert!(groups.iter().filter(|g| !direct(g)).all(|g| g["verdict"] == "pass"), "{groups:#?}");
    assert_eq!(code, 0);
    let text = groups[0]["text"].as_str().unwrap();
    assert!(groups.iter().all(|g| g["text"] == text && g["logits"].is_null()));
    // A mapping is not compared, so it has no hash.
    let hashes: std::collections::BTreeSet<Option<&str>> =
        groups.iter().map(|g| g["tensors"].as_str()).collect();
    let mapped = |g: &serde_json::Value| g["name"].as_str().unwrap().starts_with("map");
    assert!(hashes.len() == 2 && groups.iter().all(|g| !mapped(g) || g["tensors"].is_null()), "{groups:#?}");
    assert_eq!(document["levels"][2]["state"], "observed", "{document}");
    assert!(notes(&document).contains(" bytes verified in "), "{document}");
    let totals = &document["finished"]["totals"];
    assert_eq!(totals["loaded"], totals["resolved"]);
    assert!(dialect == "reference" || totals["rejected"].as_u64().unwrap() > 2, "{totals}");
}

#[rstest]
#[case::drops_mlock(DROPS_MLOCK, "tensors-locked")]
#[case::takes_unknown_words(
    r#"for word do shift; case $word in no-such-mode) word=mmap;; esac; set -- "$@" "$word"; done; exec "$@""#,
    "usage-refused"
)]
#[case::looks_at_the_model_first_for_one_spelling(
    r#"case "$*" in *--no_mmap*) head -c 4 "$6" >/dev/null;; esac; exec "$@""#,
    "same-path"
)]
#[case::writes_otherwise_for_one_spelling(
    r#"case "$*" in *--no_mmap*) echo more;; esac; exec "$@""#,
    "same-output"
)]
#[case::crashes_for_one_spelling(
    r#""$@"; code=$?; case "$*" in *--no_mmap*) kill -SEGV $$;; esac; exit $code"#,
    "no-crash"
)]
#[case::refuses_one_spelling(
    r#"case "$*" in *--no_mmap*) echo no >&2; exit 1;; esac; exec "$@""#,
    "plan-taken"
)]
fn a_command_that_breaks_one_thing_is_found_out(#[case] script: &str, #[case] rule: &str) {
    if rule == "usage-refused" {
        // This era has no load modes at all: only one that has them can take a wrong one.
        let (code, document) = check(&["--dialect", "enum-v4"], &behind(script, "enum-v4"));
        assert_eq!((code, rules(&document)), (1, vec![rule]));
        return;
    }
    let only = ["--only", "--no-mmap", "--only", "--no_mmap", "--only", "--mlock"];
    let args: Vec<&str> = ["--dialect", "booleans"].into_iter().chain(only).collect();
    let (code, document) = check(&args, &behind(script, "booleans"));
    assert_eq!(code, 1);
    // A lost lock is a plan that was not taken, too.
    let broken: Vec<&str> =
        rules(&document).into_iter().filter(|r| *r != "plan-taken" || *r == rule).collect();
    assert_eq!(broken, [rule]);
    let failure = &document["failures"][0];
    let line = failure["reproduce"].as_str().unwrap();
    assert!(line.starts_with("loadparity check -m ") && line.contains(" --only "), "{failure}");
}

/// What the environment of the check says of loading reaches no command, so the line needs no word of it.
#[test]
fn a_reproduction_shows_the_same_finding_whatever_the_environment_says() {
    // Drops the lock, whether a flag or a variable asks for it.
    let script = r#"unset LLAMA_ARG_MLOCK; for word do shift; [ "$word" = --mlock ] || set -- "$@" "$word"; done; exec "$@""#;
    let check = |only: &[&str]| {
        let mut line = support::loadparity();
        line.args(["check", "--format", "json", "--dialect", "booleans", "-m"])
            .arg(support::fixture("q4_k_m"));
        line.args(only).arg("--").args(behind(script, "booleans"));
        line.env("LLAMA_ARG_MLOCK", "1").env("LLAMA_ARG_NO_MMAP", "1");
        document(&line.output().unwrap())
    };
    let (code, whole) = check(&[]);
    assert_eq!((code, rules(&whole)), (1, vec!["plan-taken", "tensors-locked"]));
    let spelling = whole["failures"][0]["spelling"].as_str().unwrap();
    let (code, one) = check(&["--only", spelling]);
    assert_eq!((code, rules(&one)), (1, vec!["plan-taken", "tensors-locked"]));
    assert_eq!(one["failures"][0]["message"], whole["failures"][0]["message"]);
}

#[test]
fn what_an_era_changed_is_found_spelling_by_spelling() {
    let (code, document) = check(&["--dialect", "booleans"], &engine("enum-v3"));
    assert_eq!(code, 1);
    let broken = rules(&document);
    assert!(["plan-taken", "usage-refused"].iter().all(|rule| broken.contains(rule)), "{broken:?}");
    let message = |spelling: &str| {
        let failures = document["failures"].as_array().unwrap();
        let found = failures.iter().find(|f| f["spelling"] == spelling && f["rule"] == "plan-taken");
        found.map(|f| f["message"].as_str().unwrap().to_owned())
    };
    let seen = |plan: &str, seen: &str| Some(format!("the plan is {plan}, the operations show {seen}"));
    assert_eq!(message("--mlock"), seen("map+lock", "read+lock"));
    assert_eq!(message("--mlock --no-mmap"), seen("read+lock", "read"));
    assert_eq!(message("-ndio"), seen("map", "read"));
    assert_eq!(message("--no-mmap --mlock"), None);
}

#[test]
fn a_command_whose_output_varies_has_no_p4() {
    let script = r#""$@"; code=$?; echo $$; exit $code"#;
    let (code, document) =
        check(&["--quick", "--dialect", "enum-v4", "--retries", "1"], &behind(script, "enum-v4"));
    assert_eq!((code, rules(&document)), (3, vec![]));
    let sentence = document["finished"]["sentence"].as_str().unwrap();
    assert!(sentence.contains("varies by itself"), "{sentence}");
    let groups = document["groups"].as_array().unwrap();
    // Bytes that were read are compared in memory. Of those that are mapped nothing shows who used them.
    let maps = |name: &str| name.starts_with("map") || name.starts_with("auto");
    let mapped = |g: &&serde_json::Value| maps(g["name"].as_str().unwrap());
    assert!(groups.iter().all(|g| (g["verdict"] == "not-observed") == mapped(&g)), "{groups:#?}");
    // What does not depend on the output is judged all the same.
    let (code, _) = check(&["--quick", "--dialect", "enum-v4", "--level", "P2"], &behind(script, "enum-v4"));
    assert_eq!(code, 0);
}

#[test]
fn one_spelling_whose_output_varies_is_not_observed_and_no_other() {
    let script = r#"case "$*" in *" none") echo $$;; esac; exec "$@""#;
    let (code, document) = check(&["--dialect", "enum-v4"], &behind(script, "enum-v4"));
    assert_eq!((code, rules(&document)), (3, vec![]));
    let verdict = |plan: &str| {
        let groups = document["groups"].as_array().unwrap();
        groups.iter().find(|g| g["name"] == plan).unwrap()["verdict"].as_str().unwrap().to_owned()
    };
    assert_eq!((verdict("read"), verdict("map")), ("not-observed".into(), "pass".into()));
}

#[test]
fn a_command_that_hangs_is_ended() {
    let script = r#"case "$*" in *--no_mmap*) exec sleep 60;; esac; exec "$@""#;
    let only = ["--only", "--no-mmap", "--only", "--no_mmap"];
    let args: Vec<&str> = ["--dialect", "booleans", "--timeout", "3"].into_iter().chain(only).collect();
    let (code, document) = check(&args, &behind(script, "booleans"));
    assert_eq!(code, 1);
    assert!(
        document["failures"][0]["message"].as_str().unwrap().contains("did not end within 3 seconds"),
        "{document}"
    );
}

#[rstest]
#[case("booleans")]
#[case("enum-v1")]
#[case("enum-v2")]
#[case("enum-v3")]
#[case("reference")]
fn the_dialect_of_a_command_is_found(#[case] dialect: &str) {
    let (code, document) = check(&["--quick", "--dialect", "auto"], &engine(dialect));
    assert_eq!((code, document["started"]["dialect"].as_str().unwrap()), (0, dialect));
    assert!(notes(&document).contains("dialect: `--mlock` did"), "{}", notes(&document));
}

#[test]
fn a_command_that_crashes_speaks_no_dialect() {
    let script = r#"case "$*" in *--help*) exec "$@";; esac; "$@"; kill -ILL $$"#;
    let output = loadparity(&["check", "--dialect", "auto"], &behind(script, "enum-v4"));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("fails without any load flag") && told.contains("signal 4"), "{told}");
}

#[test]
fn a_known_divergence_is_expected_and_a_mended_one_fails() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("known.json");
    let known = |counts: &[((&str, &str), u64)]| {
        let entry = |((rule, plan), count): &((&str, &str), u64)| {
            format!(
                r#"{{"rule":"{rule}","pattern":"*","plan":"{plan}","count":{count},"reason":"--mlock was taken away"}}"#
            )
        };
        let entries: Vec<String> = counts.iter().map(entry).collect();
        let text = format!(r#"{{"schema":"loadparity.expect/2","known":[{}]}}"#, entries.join(","));
        std::fs::write(&list, text).unwrap();
    };
    let args = ["--quick", "--dialect", "booleans", "--expect", list.to_str().unwrap()];
    let mut command = behind(DROPS_MLOCK, "booleans");
    // The variable asks for the same lock, and the script takes no variable away.
    command.splice(..0, ["env".to_owned(), "-u".to_owned(), "LLAMA_ARG_MLOCK".to_owned()]);
    let (_, unknown) = check(&["--quick", "--dialect", "booleans"], &command);
    let mut seen: std::collections::BTreeMap<(&str, &str), u64> = std::collections::BTreeMap::new();
    for failure in unknown["failures"].as_array().unwrap() {
        let (rule, plan) = (failure["rule"].as_str().unwrap(), failure["plan"].as_str().unwrap());
        *seen.entry((rule, plan)).or_default() += 1;
    }
    let counts: Vec<((&str, &str), u64)> = seen.into_iter().collect();
    known(&counts);
    let (code, document) = check(&args, &command);
    assert_eq!((code, rules(&document)), (0, vec![]), "{}", notes(&document));
    assert_eq!(document["finished"]["verdict"], "expected");
    assert!(notes(&document).contains("expected, because --mlock was taken away"));
    // One more than there are, and one fewer.
    let more: Vec<((&str, &str), u64)> = counts.iter().map(|(plan, n)| (*plan, *n + 1)).collect();
    known(&more);
    let (code, document) = check(&args, &command);
    assert_eq!((code, rules(&document)), (1, vec!["known-divergence"]));
    known(&counts[1..]);
    let (code, document) = check(&args, &command);
    assert_eq!((code, rules(&document)), (1, vec![counts[0].0.0]));
}

#[test]
fn what_cannot_be_done_is_said_and_is_a_usage_error() {
    let said = |args: &[&str], command: &[String]| {
        let output = loadparity(args, command);
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    for (args, command, told) in [
        (&["check"][..], words("prog {model}"), "no `{flags}`"),
        (&["check"], words("prog {flags}"), "no `{model}`"),
        (&["check"], words("/no/such/program {model} {flags}"), "no such program"),
        (&["check", "--expect", "/no/such/file"], engine("reference"), "/no/such/file"),
        (&["check", "--dialect", "auto"], Vec::new(), "behind `--`"),
        (&["check", "--timeout", "3"], Vec::new(), "--timeout is about a command"),
        (&["check", "--no-memory"], Vec::new(), "--no-memory is about a command"),
        (&["check", "-n", "3"], engine("reference"), "cannot be used with"),
        (&["check", "--seed", "3"], engine("reference"), "cannot be used with"),
    ] {
        let (code, stderr) = said(args, &command);
        assert!(code == 2 && stderr.contains(told), "{args:?} {command:?}: {code} {stderr}");
    }
    let output = support::loadparity().arg("check").arg("--").args(engine("reference")).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("-m FILE"));
}

/// `-- $CMD` with an empty variable must not check the reference engine instead.
#[test]
fn an_empty_command_is_no_check_of_the_engine() {
    let output = support::loadparity().args(["check", "--quick", "--"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no command behind `--`"));
}

/// A pipe as an input would be waited for, and for ever.
#[test]
fn a_pipe_is_no_input() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe.toml");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let pipe = pipe.to_str().unwrap();
    for args in [&["check", "-m", pipe][..], &["check", "--dialect", pipe], &["dialects", "check", pipe]] {
        let output = support::loadparity().args(args).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && told.contains("no regular file"), "{args:?}: {told}");
    }
    let output = loadparity(&["check", "--dialect", pipe], &engine("reference"));
    assert_eq!(output.status.code(), Some(2));
}
