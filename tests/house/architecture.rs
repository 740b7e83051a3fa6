//! The rules of the house that a compiler does not know: which room may use which, where `unsafe`
//! and `cfg(target_os)` may stand.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::reader::{self, Seen};

/// Each room and the rooms it may use: everything below it in the design, and nothing above or
/// beside it.
const MAY_USE: &[(&str, &[&str])] = &[
    (
        "cli",
        &[
            "report", "check", "bench", "subject", "rules", "engine", "tracer", "migrate", "platform",
            "import", "layout", "gguf", "plan", "trace",
        ],
    ),
    ("report", &["check", "rules", "trace", "plan"]),
    ("check", &["subject", "rules", "engine", "layout", "gguf", "plan", "trace"]),
    ("bench", &["rules", "engine", "tracer", "platform", "gguf", "plan", "trace"]),
    ("subject", &["rules", "engine", "tracer", "platform", "layout", "gguf", "plan", "trace"]),
    ("rules", &["layout", "gguf", "plan", "trace"]),
    ("engine", &["platform", "gguf", "plan", "trace"]),
    ("tracer", &["platform", "layout", "gguf", "trace"]),
    ("migrate", &["plan"]),
    ("platform", &["trace"]),
    ("import", &["plan", "trace"]),
    ("layout", &["gguf"]),
    ("gguf", &[]),
    ("plan", &[]),
    ("trace", &[]),
];

/// The folders of sources: that of the package and of each crate beside it.
fn roots() -> Vec<PathBuf> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut roots = vec![package.join("src")];
    for entry in fs::read_dir(package.join("crates")).expect("crates can be listed") {
        roots.push(entry.expect("crates can be listed").path().join("src"));
    }
    roots.sort();
    roots
}

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
    for root in roots() {
        walk(&root, &mut files);
    }
    files.sort();
    files
}

/// The path of a file under the `src` that it lies in.
fn inside(path: &Path) -> &Path {
    roots().iter().find_map(|root| path.strip_prefix(root).ok()).expect("a file of src")
}

/// The room a file belongs to: the first folder under `src`.
fn room(path: &Path) -> Option<String> {
    let mut parts = inside(path).components();
    let first = parts.next()?.as_os_str().to_str()?.to_owned();
    parts.next().map(|_| first)
}

/// What a source file names.
fn read(path: &Path) -> Seen {
    let module = inside(path).with_extension("");
    let module: Vec<&str> = module.iter().filter_map(|part| part.to_str()).collect();
    let module = match module.split_last() {
        Some((&"mod" | &"lib" | &"main", above)) => above,
        _ => &module,
    };
    let text = fs::read_to_string(path).expect("sources can be read");
    reader::read(&text, module).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn arrows_between_rooms_only_point_down() {
    let may_use: BTreeMap<_, _> = MAY_USE.iter().copied().collect();
    let mut upward = Vec::new();
    let mut seen = 0;
    for path in source_files() {
        let Some(room) = room(&path) else { continue };
        let allowed = may_use.get(room.as_str()).unwrap_or_else(|| panic!("{room} is no room of the design"));
        for (line, used) in read(&path).rooms {
            let used = used.as_str();
            // The root as a whole has every room in it.
            let is_room = used == reader::ROOT || may_use.contains_key(used);
            seen += usize::from(is_room);
            if is_room && used != room && !allowed.contains(&used) {
                upward.push(format!("{}:{line}: {room} uses {used}", path.display()));
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
        let cfg_allowed = at("crates/base/src/platform") || at("crates/tracer/src/tracer");
        let unsafe_allowed = cfg_allowed || at("crates/engine/src/engine/kernels");
        let seen = read(&path);
        let mut stray = |lines: &[usize], what: &str| {
            strays.extend(lines.iter().map(|line| format!("{}:{line}: {what}", inside.display())));
        };
        if !unsafe_allowed {
            stray(&seen.unsafe_words, "unsafe");
        }
        if !cfg_allowed {
            stray(&seen.system_switches, "a switch on the operating system");
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
