//! The rules of the house that a compiler does not know: which room may use which, where `unsafe`
//! and `cfg(target_os)` may stand.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Each room and the rooms it may use: everything below it in the design, and nothing above or
/// beside it.
const MAY_USE: &[(&str, &[&str])] = &[
    (
        "cli",
        &[
            "report", "check", "bench", "subject", "engine", "tracer", "migrate", "platform", "import",
            "gguf", "plan", "trace",
        ],
    ),
    ("report", &["check", "subject", "trace", "plan"]),
    ("check", &["subject", "engine", "gguf", "plan", "trace"]),
    ("bench", &["engine", "platform", "gguf", "plan", "trace"]),
    ("subject", &["engine", "tracer", "platform", "gguf", "plan", "trace"]),
    ("engine", &["platform", "gguf", "plan", "trace"]),
    ("tracer", &["platform", "gguf", "trace"]),
    ("migrate", &["plan"]),
    ("platform", &["trace"]),
    ("import", &["plan", "trace"]),
    ("gguf", &[]),
    ("plan", &[]),
    ("trace", &[]),
];

fn source_files() -> Vec<PathBuf> {
    fn walk(directory: &Path, files: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(directory).expect("src can be listed") {
            let path = entry.expect("src can be listed").path();
            if path.is_dir() {
                walk(&path, files);
            } else if path.extension().is_some_and(|e| e == "rs") {
                files.push(path);
            }
        }
    }
    let mut files = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    files.sort();
    files
}

/// The room a file belongs to: the first folder under `src`.
fn room(path: &Path) -> Option<String> {
    let inside = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).ok()?;
    let mut parts = inside.components();
    let first = parts.next()?.as_os_str().to_str()?.to_owned();
    parts.next().map(|_| first)
}

/// The lines of a file that are code, with their numbers.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(i, l)| (i + 1, l)).filter(|(_, l)| !l.trim_start().starts_with("//"))
}

/// The rooms that a line of code names after `crate::`.
fn rooms_named(line: &str) -> Vec<&str> {
    line.split("crate::")
        .skip(1)
        .map(|rest| rest.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default())
        .collect()
}

#[test]
fn arrows_between_rooms_only_point_down() {
    let may_use: BTreeMap<_, _> = MAY_USE.iter().copied().collect();
    let mut upward = Vec::new();
    let mut seen = 0;
    for path in source_files() {
        let Some(room) = room(&path) else { continue };
        let allowed = may_use.get(room.as_str()).unwrap_or_else(|| panic!("{room} is no room of the design"));
        let text = fs::read_to_string(&path).expect("sources can be read");
        for (number, line) in code_lines(&text) {
            for used in rooms_named(line) {
                if may_use.contains_key(used) {
                    seen += 1;
                }
                if may_use.contains_key(used) && used != room && !allowed.contains(&used) {
                    upward.push(format!("{}:{number}: {room} uses {used}", path.display()));
                }
            }
        }
    }
    assert!(seen > 50, "the test sees the imports at all, it saw {seen}");
    assert!(upward.is_empty(), "arrows that point up:\n{}", upward.join("\n"));
}

#[test]
fn unsafe_and_os_switches_stay_where_they_belong() {
    let mut strays = Vec::new();
    for path in source_files() {
        let inside = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).expect("sources lie in the package");
        let at = |folder: &str| inside.starts_with(folder);
        let unsafe_allowed = at("src/platform") || at("src/tracer") || at("src/engine/kernels");
        let cfg_allowed = at("src/platform") || at("src/tracer");
        let text = fs::read_to_string(&path).expect("sources can be read");
        for (number, line) in code_lines(&text) {
            let has = |needle: &str| line.contains(needle);
            if has("unsafe ") && !unsafe_allowed {
                strays.push(format!("{}:{number}: unsafe", inside.display()));
            }
            if (has("target_os") || has("cfg(unix") || has("cfg(windows")) && !cfg_allowed {
                strays.push(format!("{}:{number}: a switch on the operating system", inside.display()));
            }
        }
    }
    assert!(strays.is_empty(), "out of place:\n{}", strays.join("\n"));
}

#[test]
fn main_stays_small() {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/main.rs")).expect("main.rs");
    assert!(text.lines().count() < 80);
}

#[test]
fn the_import_reader_sees_what_it_should() {
    assert_eq!(rooms_named("use crate::trace::{Op, Phase};"), ["trace"]);
    assert_eq!(rooms_named("let x = crate::plan::resolve(crate::gguf::read());"), ["plan", "gguf"]);
    assert_eq!(rooms_named("use super::x;"), Vec::<&str>::new());
    assert_eq!(code_lines("// crate::a\ncrate::b").count(), 1);
}
