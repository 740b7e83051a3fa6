//! Arguments that name a dialect: a shipped one, a file of the user's own, or a build that speaks one.

use std::ffi::OsString;
use std::path::Path;

use crate::plan::{Dialect, builds};

/// The dialect that an argument names. A file is what has a folder or the ending `.toml` in its name; a
/// build is a number, a version, a commit or an image that [`builds::read`] knows.
///
/// # Errors
///
/// What is wrong, for a file with line and column.
pub(super) fn dialect(text: &str) -> Result<Dialect, String> {
    let is_file = is_file(text);
    if !Path::new(text).exists()
        && let Some(build) = builds::read(text)
    {
        return builds::dialect(&build);
    }
    if !is_file {
        return text.parse::<Dialect>().map_err(|error| error.to_string());
    }
    let content =
        super::input::read(Path::new(text)).map_err(|error| format!("{text}: cannot be read: {error}"))?;
    let content = String::from_utf8(content).map_err(|error| {
        let line = 1 + content_lines(error.as_bytes(), error.utf8_error().valid_up_to());
        format!("{text}:{line}: this is not UTF-8")
    })?;
    let read = Dialect::read(&content).map_err(|error| format!("{text}:{error}"))?;
    Ok(read.of_file(text))
}

fn is_file(text: &str) -> bool {
    text.contains(['/', '\\']) || Path::new(text).extension().is_some_and(|e| e == "toml")
}

/// The argument that a file in `folder` names, as it is written here: what is no file stays as it is.
pub(super) fn seen_from(text: &str, folder: &Path) -> OsString {
    let path = folder.join(text);
    match is_file(text) && (path.exists() || builds::read(text).is_none()) {
        true => path.into_os_string(),
        false => text.into(),
    }
}

fn content_lines(bytes: &[u8], end: usize) -> usize {
    bytes[..end].iter().filter(|byte| **byte == b'\n').count()
}

/// The dialect that `--dialect` names among the words of a command whose load flags stand among its
/// own; the reference without one, and where clap will say what is wrong with it.
pub(super) fn of_words(argv: &[OsString]) -> Dialect {
    let mut words = argv.iter().filter_map(|word| word.to_str()).take_while(|word| *word != "--");
    let mut named = None;
    while let Some(word) = words.next() {
        named = match word.split_once('=') {
            Some(("--dialect", value)) => Some(value),
            _ if word == "--dialect" => words.next(),
            _ => continue,
        };
    }
    named.and_then(|name| dialect(name).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_files_are_told_apart() {
        assert_eq!(dialect("reference"), Ok(Dialect::reference()));
        let error = dialect("enum-v33").unwrap_err();
        assert!(error.contains("did you mean 'enum-v3'") && error.contains(".toml"), "{error}");
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("own.toml");
        let name = path.to_str().expect("UTF-8");
        assert!(dialect(name).unwrap_err().contains("cannot be read"));
        std::fs::write(&path, b"name = \"x\"\n\xff").expect("a file");
        assert_eq!(dialect(name), Err(format!("{name}:2: this is not UTF-8")));
        std::fs::write(&path, "name = \"x\"\nabuot = \"y\"\n").expect("a file");
        let error = dialect(name).unwrap_err();
        assert!(error.starts_with(&format!("{name}:2:1: unknown field 'abuot'")), "{error}");
        assert!(error.ends_with("did you mean 'about'?"), "{error}");
    }

    #[test]
    fn a_build_names_the_dialect_that_it_speaks() {
        let name = |text: &str| dialect(text).map(Dialect::name);
        assert_eq!(name("b8681"), Ok("booleans"));
        assert_eq!(name("0.3.36"), Ok("enum-v4-lazy"));
        assert_eq!(name("ghcr.io/ggml-org/llama.cpp:server-b10875"), Ok("enum-v4-lazy"));
        assert!(name("b10300").unwrap_err().contains("name its dialect"));
        assert!(name("ghcr.io/ggml-org/llama.cpp:server").unwrap_err().contains("cannot be read"));
    }

    #[test]
    fn the_last_dialect_before_the_dashes_counts() {
        let of = |line: &str| of_words(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        assert_eq!(of("run --dialect booleans --dialect=enum-v2 -m x").name(), "enum-v2");
        assert_eq!(of("run -m x -- --dialect booleans").name(), "reference");
        assert_eq!(of("run --dialect").name(), "reference");
    }
}
