//! Loaders with flags of their own, described by a file: their whole matrix has parity, and a loader that does
//! not do what its file says is found.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use crate::loader_support::{line, loader, model, words};

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/dialects/examples");

/// The C loader behind a shell that translates each word by `case` arms, and refuses all others.
fn behind(arms: &str) -> Vec<String> {
    let script = format!(
        "p=$1 m=$2; shift 2; f=; for w in \"$@\"; do case $w in {arms} *) echo \"unknown $w\" >&2; exit 1;; esac; done; exec \"$p\" \"$m\" $f"
    );
    words(&["sh", "-c", &script, "sh", loader("honest").to_str().unwrap(), "{model}", "{flags}"])
}

const PINNING: &str = "--io=mapped) f=\"$f --mmap -ndio\";; --io=buffered) f=\"$f --no-mmap -ndio\";; \
                       --io=direct) f=\"$f --no-mmap -dio\";; --pin) f=\"$f --mlock\";;";

#[test]
fn a_loader_with_other_flags_has_parity_by_its_file() {
    let file = format!("{EXAMPLES}/pinning.toml");
    let told = model().asked(&["check", "--dialect", &file], &behind(PINNING));
    assert_eq!(told.code, 0, "{}", told.text);
    assert!(told.sentence().starts_with("parity"), "{}", told.sentence());
    assert!(told.text.contains("--io=buffered"), "{}", told.text);
}

#[test]
fn a_loader_with_keywords_has_parity_by_its_file() {
    let file = format!("{EXAMPLES}/keywords.toml");
    let arms = "use_mmap=True) f=\"$f --mmap\";; use_mmap=False) f=\"$f --no-mmap\";; \
                pin=True) l=--mlock;; pin=False) l=;;";
    let command =
        behind(arms).iter().map(|word| word.replace("\"$m\" $f", "\"$m\" $f $l")).collect::<Vec<_>>();
    let told = model().asked(&["check", "--dialect", &file], &command);
    assert_eq!(told.code, 0, "{}", told.text);
    assert!(told.sentence().starts_with("parity"), "{}", told.sentence());
}

#[test]
fn a_loader_that_ignores_its_flag_is_found() {
    let file = format!("{EXAMPLES}/pinning.toml");
    let broken = PINNING.replace("f=\"$f --mlock\"", ":");
    let told = model().asked(&["check", "--dialect", &file], &behind(&broken));
    assert_eq!(told.code, 1, "{}", told.text);
    assert!(told.rules().iter().any(|rule| rule.contains("lock")), "{:?}", told.rules());
}

#[test]
fn two_loaders_are_compared_and_faulted_by_a_file() {
    let file = format!("{EXAMPLES}/pinning.toml");
    let broken = PINNING.replace("f=\"$f --mlock\"", ":");
    let (honest, broken) = (behind(PINNING), behind(&broken));
    let compare = |new: &[String]| {
        let (old, new) = (line(&honest), line(new));
        model().asked(&["compare", "--dialect", &file, "--old", &old, "--new", &new], &[])
    };
    assert_eq!(compare(&honest).code, 0);
    let told = compare(&broken);
    assert_eq!(told.code, 1, "{}", told.text);
    assert!(told.text.contains("--pin"), "{}", told.text);
    let args = ["check", "--dialect", &file, "--faults=single", "--only=--io=buffered", "--cases=12"];
    let told = model().asked(&args, &honest);
    assert_eq!(told.code, 0, "{}", told.text);
}

#[test]
fn a_recording_is_judged_by_a_file() {
    let (file, model) = (format!("{EXAMPLES}/pinning.toml"), model());
    let trace = model.folder().join("load.jsonl");
    let loader = loader("honest");
    let flags = ["--no-mmap", "-ndio", "--mlock"];
    let mut line = crate::support::loadparity();
    line.args(["trace", "-o"]).arg(&trace).arg("--").arg(loader).arg(&model.path).args(flags);
    line.assert().success();
    let judged = |flags: &[&str]| {
        let mut line = crate::support::loadparity();
        line.args(["judge", "--dialect", &file, "--trace"]).arg(&trace).arg("-m").arg(&model.path);
        let output = line.arg("--").args(flags).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (code, said) = judged(&["--io=buffered", "--pin"]);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = judged(&["--io=mapped"]);
    assert_eq!(code, Some(1), "{said}");
}
