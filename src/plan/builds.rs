//! Which builds speak a dialect.

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
