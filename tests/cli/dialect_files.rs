//! Dialect files as a user meets them: listed, shown, checked, compared, and taken by other commands.

use insta::assert_snapshot;

use crate::support::loadparity;

const PINNING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/dialects/examples/pinning.toml");

const KEYWORDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/dialects/examples/keywords.toml");

/// Exit code, output, and what was told.
fn run(args: &[&str]) -> (i32, String, String) {
    let output = loadparity().args(args).output().expect("a run");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    (output.status.code().expect("an exit code"), text(&output.stdout), text(&output.stderr))
}

#[test]
fn every_dialect_that_is_listed_can_be_shown_and_checked() {
    let (code, list, _) = run(&["dialects", "list"]);
    assert_eq!(code, 0);
    let names: Vec<&str> = list.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.len() > 12 && names.contains(&"node-llama-cpp"), "{list}");
    let folder = tempfile::tempdir().expect("a folder");
    for name in names {
        let (code, text, _) = run(&["dialects", "show", name]);
        assert_eq!(code, 0, "{name}");
        let file = folder.path().join("dialect.toml");
        std::fs::write(&file, &text).expect("a file");
        let (code, said, told) = run(&["dialects", "check", file.to_str().expect("UTF-8")]);
        assert_eq!(code, 0, "{name}: {told}");
        assert!(said.contains(&format!("the dialect {name}: ")), "{said}");
    }
    let (code, said, told) = run(&["dialects", "show", "olama"]);
    assert_eq!((code, said.as_str()), (2, ""));
    assert!(told.contains("did you mean 'ollama'?"), "{told}");
}

#[test]
fn a_broken_file_is_a_usage_error_with_its_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("own.toml");
    let text = std::fs::read_to_string(PINNING).expect("the example");
    std::fs::write(&file, text.replace("sets = \"lock\"", "set = \"lock\"")).expect("a file");
    let file = file.to_str().expect("UTF-8");
    for args in
        [&["dialects", "check", file][..], &["explain", "--dialect", file], &["check", "--dialect", file]]
    {
        let (code, said, told) = run(args);
        assert_eq!((code, said.as_str()), (2, ""), "{args:?}");
        assert!(told.contains(&format!("{file}:24:1: unknown field 'set'")), "{told}");
        assert!(told.contains("did you mean 'sets'?"), "{told}");
    }
}

#[test]
fn what_one_dialect_asks_for_is_said_in_another() {
    let (code, text, _) = run(&["dialects", "diff", "llama-cpp-python", "load-mode-numbers"]);
    assert_eq!(code, 0);
    assert_snapshot!(text, @"
    plan       llama-cpp-python               load-mode-numbers
    map        (nothing)                      load_mode=1
    read       use_mmap=False                 load_mode=0
    map+lock   use_mlock=True                 load_mode=3
    read+lock  use_mmap=False use_mlock=True  load_mode=2
    ");
    let (code, text, _) =
        run(&["dialects", "--base", "llamafile", "--only-differences", "--format", "markdown"]);
    assert_eq!(code, 0);
    assert!(text.contains("| llamafile (base) |"), "{text}");
}

#[test]
fn other_commands_take_a_file() {
    let (code, text, _) =
        run(&["explain", "--dialect", PINNING, "--to", "booleans", "--", "--io=buffered", "--pin"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("plan       read+lock"), "{text}");
    assert!(text.contains("to booleans --mlock --no-mmap"), "{text}");
    let (code, _, told) = run(&["explain", "--dialect", PINNING, "--", "--mlock"]);
    assert_eq!(code, 2);
    assert!(told.contains("the pinning dialect accepts --io=MODE, --pin"), "{told}");
    let (code, text, _) =
        run(&["run", "--dialect", PINNING, "--io=buffered", "-p", "x", "-n", "1", "--json"]);
    assert_eq!(code, 0);
    assert!(text.contains("\"read\""), "{text}");
    // Lines of any loader are translated; files are searched for llama.cpp's programs alone.
    let line =
        ["migrate", "--from", PINNING, "--to", "enum-v4", "--", "tool", "--io=buffered", "-x", "--pin"];
    let (code, text, told) = run(&line);
    assert_eq!((code, text.as_str(), told.as_str()), (0, "tool --load-mode mlock -x\n", ""));
    let (code, text, _) = run(&["migrate", "--from", KEYWORDS, "--to", PINNING, "--", "pin=True"]);
    assert_eq!((code, text.as_str()), (0, "--pin\n"));
    let (code, _, told) =
        run(&["migrate", "--from", PINNING, "--to", "llama-cpp-python", "--", "--io=direct"]);
    assert!(code == 1 && told.contains("has no spelling for direct"), "{told}");
    let (code, _, told) = run(&["migrate", "--from", PINNING, "--to", "enum-v4", "run.sh"]);
    assert!(code == 2 && told.contains("the pinning dialect is not one of llama.cpp's"), "{told}");
}

#[test]
fn the_readme_shows_the_examples() {
    let readme = include_str!("../../README.md");
    for file in [PINNING, KEYWORDS] {
        let text = std::fs::read_to_string(file).expect("an example");
        assert!(readme.contains(&format!("```toml\n{text}```")), "{file}");
        assert!(text.lines().count() <= 25, "{file}");
    }
}

#[test]
fn a_value_that_does_not_count_is_remarked() {
    let of = |dialect: &str, variable: &str| {
        let (code, text, _) = run(&["explain", "--dialect", dialect, "--env", variable]);
        assert_eq!(code, 0);
        text.lines()
            .filter(|line| line.starts_with("warning"))
            .map(|line| format!("{line}\n"))
            .collect::<String>()
    };
    assert_snapshot!(of("booleans", "LLAMA_ARG_NO_MMAP=false") + &of("booleans", "LLAMA_ARG_MLOCK=True"), @"
    warning    LLAMA_ARG_NO_MMAP=false counts as set: the booleans dialect looks at its presence and not at its value
    warning    LLAMA_ARG_MLOCK=True has no effect: the booleans dialect takes 1, true, on, enabled for on and ignores every other value
    ");
    // What says what it means needs no remark.
    for honest in [
        "LLAMA_ARG_NO_MMAP=1",
        "LLAMA_ARG_NO_MMAP=",
        "LLAMA_ARG_MLOCK=1",
        "LLAMA_ARG_MLOCK=0",
        "LLAMA_ARG_MMAP=0",
    ] {
        assert_eq!(of("booleans", honest), "", "{honest}");
    }
    assert!(!of("reference", "LLAMA_ARG_NO_MMAP=false").contains("counts as set"));
}
