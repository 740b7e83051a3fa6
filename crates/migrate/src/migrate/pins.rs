//! Builds that a file pins: the tag of an image, the folder of a release, the version of a package. What
//! is written for one dialect is of no use to a build that speaks another.

use super::model::Say;
use super::rewrite::Way;
use crate::plan::{Dialect, builds};

/// Says which pinned builds speak another dialect than the new one, or one that is not known.
pub(super) fn pinned(text: &[u8], way: Way) -> Vec<Say> {
    let mut said = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let shown = String::from_utf8_lossy(line).to_ascii_lowercase();
        let content = shown.trim_start();
        if shown.contains("llama") && !content.starts_with('#') && !content.starts_with("//") {
            said.extend(
                of_line(&shown)
                    .into_iter()
                    .filter_map(|pin| sentence(&pin, way))
                    .map(|text| Say { at: start, text }),
            );
        }
        start += line.len();
    }
    said
}

/// The builds in a line that speaks of llama.cpp.
fn of_line(line: &str) -> Vec<builds::Build> {
    let mut found = Vec::new();
    let words = line.split(|c: char| c.is_whitespace() || "\"'`,;()[]{}<>|&".contains(c));
    for word in words {
        // A package with its version, such as `llama-cpp-python==0.3.34`.
        if let Some((product, version)) = word.split_once("==").or_else(|| word.split_once('@'))
            && product.starts_with("llama")
            && let Some(build) = builds::read(&format!("{product}@{version}"))
        {
            found.push(build);
            continue;
        }
        // A number among the parts of a tag, a path or a branch.
        let parts = word.split(|c: char| !c.is_ascii_alphanumeric());
        found.extend(
            parts.filter(|part| part.starts_with('b') && part.len() > 4).filter_map(builds::read).filter(
                |build| matches!(build, builds::Build::Numbered { number, .. } if number.starts_with('b')),
            ),
        );
    }
    found.dedup();
    found
}

fn sentence(build: &builds::Build, way: Way) -> Option<String> {
    let Way { to, .. } = way;
    let (builds::Build::Numbered { number, .. } | builds::Build::Commit(number)) = build;
    match builds::dialect(build).map(Dialect::as_a_whole) {
        Ok(dialect) if dialect == to || !is_era(to) => None,
        Ok(dialect) => Some(format!(
            "{number} is pinned here and speaks the {dialect} dialect: what is written for {to} is not what it reads"
        )),
        Err(_) => {
            Some(format!("{number} is pinned here, and whether it speaks the {to} dialect is not known"))
        }
    }
}

/// The reference and files of others have no builds.
fn is_era(dialect: Dialect) -> bool {
    !dialect.rules().builds.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::era;

    fn told(text: &str, to: &str) -> Vec<String> {
        let way = Way { from: era("booleans"), to: era(to) };
        pinned(text.as_bytes(), way).into_iter().map(|say| format!("{}: {}", say.at, say.text)).collect()
    }

    #[test]
    fn a_pin_of_another_era_is_told() {
        let text =
            "\nFROM ghcr.io/ggml-org/llama.cpp:server-cuda-b8681\nRUN pip install llama-cpp-python==0.3.36\n";
        let found = told(text, "enum-v4");
        assert!(
            found.len() == 1 && found[0].starts_with("1: b8681 is pinned here and speaks the booleans"),
            "{found:?}"
        );
        let found = told(text, "booleans");
        assert!(found.len() == 1 && found[0].contains("0.3.36") && found[0].contains("enum-v4"), "{found:?}");
        assert!(told("/opt/llama-b10300-bin/llama-server", "enum-v4")[0].contains("is not known"));
        assert_eq!(told("# llama b8681\nimage: llama.cpp:server\nbuild: b8681\n", "enum-v4"), [""; 0]);
    }
}
