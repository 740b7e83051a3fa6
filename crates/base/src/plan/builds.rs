//! Which builds speak a dialect. The ranges stand in the dialect files, each with its source; between
//! them nothing is assumed.

use super::Dialect;

/// A range of builds of one product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Covered {
    /// Whose numbers these are.
    pub product: &'static str,
    /// The first build; without one there is no lower bound.
    pub from: Option<&'static str>,
    /// The first build that does not belong here any more; without one there is no upper bound.
    pub until: Option<&'static str>,
    /// Commits that are known to belong here.
    pub commits: Vec<&'static str>,
    /// Where the boundary comes from.
    pub source: &'static str,
}

/// A build of some product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Build {
    /// A number (`b8681`) or a version (`0.3.36`) of a product.
    Numbered {
        /// Whose number it is.
        product: String,
        /// The number as it was written.
        number: String,
    },
    /// A commit of llama.cpp.
    Commit(String),
}

/// The product whose builds are numbered `b8681`.
const LLAMA_CPP: &str = "llama.cpp";
/// The product whose versions stand for themselves.
const PYTHON: &str = "llama-cpp-python";

/// The build that a text names: `b8681`, `0.3.36`, `PRODUCT@VERSION` or `PRODUCT==VERSION`, a commit, or an
/// image whose tag has a build number in it. `None` where it names none.
#[must_use]
pub fn read(text: &str) -> Option<Build> {
    let numbered = |product: &str, number: &str| Build::Numbered {
        product: product.to_owned(),
        number: number.to_owned(),
    };
    if is_number(text) {
        return Some(numbered(LLAMA_CPP, text));
    }
    if text.contains('.') && is_build(text) {
        return Some(numbered(PYTHON, text.trim_start_matches('v')));
    }
    for separator in ["==", "@"] {
        if let Some((product, version)) = text.split_once(separator)
            && is_build(version)
        {
            return Some(numbered(&product.replace('_', "-"), version));
        }
    }
    if (7..=40).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Some(Build::Commit(text.to_ascii_lowercase()));
    }
    let (_, tag) = text.rsplit_once(':').filter(|(_, tag)| !tag.contains('/'))?;
    tag.split(['-', '_', '.']).find(|part| is_number(part)).map(|part| numbered(LLAMA_CPP, part))
}

/// `b` and at least three digits.
fn is_number(text: &str) -> bool {
    text.strip_prefix('b').is_some_and(|digits| {
        (3..=7).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// The dialect that a build speaks, of single tensors too: whoever had one of the load as a whole alone would
/// take what a lazy mode does for a defect.
///
/// # Errors
///
/// A build that lies in no range: what is known of its neighbours.
pub fn dialect(build: &Build) -> Result<Dialect, String> {
    let ranges = || {
        Dialect::shipped()
            .into_iter()
            .flat_map(|dialect| dialect.rules().builds.iter().map(move |range| (dialect, range)))
    };
    match build {
        Build::Commit(commit) => {
            let same = |known: &&str| known.starts_with(commit.as_str()) || commit.starts_with(*known);
            let found = ranges().find(|(_, range)| range.commits.iter().any(&same));
            found.map(|(dialect, _)| dialect.by_tensor()).ok_or_else(|| {
                let known: Vec<&str> = ranges().flat_map(|(_, range)| range.commits.clone()).collect();
                format!(
                    "the commit {commit} is not in the table, which knows {}: name its dialect",
                    known.join(", ")
                )
            })
        }
        Build::Numbered { product, number: text } => {
            let place = number(text).unwrap_or_default();
            let bound = |text: Option<&str>| text.and_then(number);
            let of_product: Vec<_> = ranges().filter(|(_, range)| range.product == product).collect();
            let inside = of_product.iter().find(|(_, range)| {
                bound(range.from).is_none_or(|from| from <= place)
                    && bound(range.until).is_none_or(|until| place < until)
            });
            if let Some((dialect, _)) = inside {
                return Ok(dialect.by_tensor());
            }
            if of_product.is_empty() {
                return Err(format!("no build of {product} is known: name its dialect"));
            }
            let below = of_product
                .iter()
                .filter_map(|(dialect, range)| {
                    bound(range.until).filter(|until| *until <= place).map(|until| (until, dialect, range))
                })
                .max_by(|a, b| a.0.cmp(&b.0));
            let above = of_product
                .iter()
                .filter_map(|(dialect, range)| {
                    bound(range.from).filter(|from| *from > place).map(|from| (from, dialect, range))
                })
                .min_by(|a, b| a.0.cmp(&b.0));
            let mut known = Vec::new();
            if let Some((_, dialect, range)) = below {
                known.push(format!("builds before {} speak {dialect}", range.until.unwrap_or_default()));
            }
            if let Some((_, dialect, range)) = above {
                known.push(format!("those from {} on {dialect}", range.from.unwrap_or_default()));
            }
            Err(format!("what {product} {text} speaks is not known ({}): name its dialect", known.join(", ")))
        }
    }
}

/// Whether a text is a build number (`b8681`) or a version (`0.3.36`).
#[must_use]
pub fn is_build(text: &str) -> bool {
    number(text).is_some()
}

/// The parts of a build number or of a version, for comparison.
fn number(text: &str) -> Option<Vec<u64>> {
    let digits = text.strip_prefix(['b', 'v']).unwrap_or(text);
    digits.split('.').map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<&'static str, String> {
        dialect(&read(text).expect("it names a build")).map(Dialect::name)
    }

    #[test]
    fn builds_are_found_in_their_ranges() {
        assert_eq!(of("b8681"), Ok("booleans"));
        assert_eq!(of("b10092"), Ok("booleans"));
        assert_eq!(of("b10114"), Ok("enum-v1"));
        assert_eq!(of("b10875"), Ok("enum-v4-lazy"));
        assert_eq!(of("0.3.34"), Ok("booleans"));
        assert_eq!(of("0.3.35"), Ok("enum-v3"));
        assert_eq!(of("v0.3.36"), Ok("enum-v4-lazy"));
        assert_eq!(of("llama_cpp_python==0.3.36"), Ok("enum-v4-lazy"));
        assert_eq!(of("llama-cpp-sys-2@0.1.154"), Ok("enum-v2"));
        assert_eq!(of("0c1e57098aaaa"), Ok("enum-v4-lazy"));
        assert_eq!(of("e3546c7"), Ok("booleans"));
        assert_eq!(of("ghcr.io/ggml-org/llama.cpp:server-cuda-b8681"), Ok("booleans"));
    }

    #[test]
    fn between_the_ranges_nothing_is_assumed() {
        let error = of("b10300").unwrap_err();
        assert!(
            error.contains("builds before b10115 speak enum-v1") && error.contains("from b10875 on enum-v4"),
            "{error}"
        );
        assert!(of("b100").is_err() && of("abcdef0").is_err() && of("other@1.2.3").is_err());
    }

    #[test]
    fn other_texts_name_no_build() {
        for text in
            ["booleans", "enum-v4", "ghcr.io/ggml-org/llama.cpp:server", "b12", "x.toml", "dir/file", ""]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
