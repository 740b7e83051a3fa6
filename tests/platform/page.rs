//! The tables behind `PLATFORM.md` are what the sources do.

use std::fs;
use std::path::{Path, PathBuf};

use loadparity::platform::{INTERACTIONS, STEP_CALLS, SYSTEMS};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The names between backquotes.
fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// How a backend may write a call: nix and memmap2 have names of their own for some.
fn spellings(name: &str) -> Vec<&str> {
    match name {
        "mmap" => vec!["mmap(", "MmapOptions", "MmapMut"],
        "close" => vec!["OwnedFd", "File"],
        "CloseHandle" => vec!["OwnedHandle", "CloseHandle", "File"],
        "open" | "CreateFileW" => vec!["open(", "CreateFileW", "OpenOptions"],
        "ReadFile" => vec!["ReadFile", "seek_read", "NtReadFile"],
        name => vec![name],
    }
}

#[test]
fn the_calls_of_the_table_stand_in_the_backends() {
    let mut seen = 0;
    for (column, (system, source)) in SYSTEMS.iter().enumerate() {
        // A backend may be one file or a folder of them; one that is not written yet has no claim.
        let Some(code) = read_all(&root().join(source)) else { continue };
        for row in &STEP_CALLS {
            for name in names(row.calls[column]) {
                let found = spellings(name).iter().any(|spelling| code.contains(spelling));
                assert!(found, "{system}, {}: {source} makes no call {name}", row.step.word());
                seen += 1;
            }
        }
    }
    assert!(seen > 10, "at least one backend was looked at, {seen} calls were");
}

/// The text of a backend: a file or the folder of the same name, and for Unix systems what they
/// share.
fn read_all(source: &Path) -> Option<String> {
    let mut code = fs::read_to_string(source).unwrap_or_default();
    let mut folders = vec![source.with_extension("")];
    if !source.ends_with("windows.rs") {
        folders.push(source.with_file_name("unix"));
        code += &fs::read_to_string(source.with_file_name("fadvise.rs")).unwrap_or_default();
    }
    for entry in folders.iter().flat_map(fs::read_dir).flatten() {
        code += &fs::read_to_string(entry.expect("sources can be listed").path()).unwrap_or_default();
    }
    (!code.is_empty()).then_some(code)
}

/// Words that show that a source file asks something of the environment.
const SIGNS: [&str; 8] = [
    "env::var",
    "env::temp_dir",
    "\"/proc",
    "\"/var/tmp",
    "thread::scope",
    "thread::Builder",
    "getrlimit(",
    "available_parallelism",
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("src can be listed") {
        let path = entry.expect("src can be listed").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn whoever_touches_the_environment_is_listed() {
    let mut files = Vec::new();
    for folder in ["src", "crates"] {
        sources(&root().join(folder), &mut files);
    }
    let mut seen = 0;
    for path in files {
        let inside = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
        let code = fs::read_to_string(&path).unwrap();
        // The tables of calls and of manual pages name these words, and unit tests touch what they like.
        let code = code.split("#[cfg(test)]").next().unwrap();
        let names = ["crates/base/src/platform/calls.rs", "src/cli/guide/table.rs"];
        if names.contains(&inside.as_str()) || inside.ends_with("tests.rs") {
            continue;
        }
        for sign in SIGNS.iter().filter(|sign| code.contains(**sign)) {
            seen += 1;
            let listed = INTERACTIONS.iter().any(|i| i.by == inside);
            assert!(
                listed,
                "{inside} has `{sign}`; crates/base/src/platform/calls.rs lists no interaction of this file"
            );
        }
    }
    assert!(seen >= 6, "the test sees the interactions at all, it saw {seen}");
}

#[test]
fn listed_files_exist() {
    for interaction in INTERACTIONS.iter().filter(|i| i.by.contains("src/")) {
        assert!(root().join(interaction.by).exists(), "{}: {} is no more", interaction.what, interaction.by);
    }
}
