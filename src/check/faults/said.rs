//! What a run said: its lines in words, so that numbers, times and paths make no new message.

use std::collections::BTreeSet;

use crate::rules::{Capability, Ending, Evidence};

/// The lines that clean runs wrote, as words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Said(BTreeSet<Vec<String>>);

/// The words of a line: runs of letters, whatever holds a digit or a slash aside. A line without a word of three
/// letters says nothing.
fn words(line: &str) -> Option<Vec<String>> {
    let plain = line.split_whitespace().filter(|part| !part.contains('/'));
    let parts = plain.flat_map(|part| part.split(|c: char| !c.is_alphanumeric()));
    let words: Vec<String> = parts
        .filter(|part| !part.is_empty() && !part.chars().any(|c| c.is_ascii_digit()))
        .map(str::to_lowercase)
        .collect();
    words.iter().any(|word| word.chars().count() >= 3).then_some(words)
}

impl Said {
    fn of(stderr: &[u8]) -> BTreeSet<Vec<String>> {
        String::from_utf8_lossy(stderr).split(['\n', '\r']).filter_map(words).collect()
    }

    /// What any of these runs said.
    pub(super) fn in_any(runs: &[Evidence]) -> Self {
        Self(runs.iter().flat_map(|run| Self::of(&run.stderr)).collect())
    }

    /// Whether a line of another run is none of these.
    fn lacks_some_of(&self, stderr: &[u8]) -> bool {
        !Self::of(stderr).is_subset(&self.0)
    }
}

/// Whether standard error, a notice, or the error that a load ended with says something that no clean run did. A
/// loader that always warns says nothing by it.
pub(super) fn says_more(clean: &Evidence, said: &Said, run: &Evidence) -> bool {
    let failed_aloud = matches!(&run.ending, Ending::Failed(message) if !message.is_empty())
        && run.capabilities.has(Capability::Notices);
    failed_aloud || !run.fold.notices.is_subset(&clean.fold.notices) || said.lacks_some_of(&run.stderr)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_paths_and_dots_make_no_message() {
        let clean = Said(Said::of(b"warning: direct I/O may be slow\nloaded in 12.5 ms from /a/b\n....\n"));
        assert!(
            !clean.lacks_some_of(b"loaded in 900 ms from /c/d\n.......\nwarning: direct I/O may be slow\n")
        );
        assert!(!clean.lacks_some_of(b"0x7f3a 12%\n-- \n"));
        assert!(clean.lacks_some_of(b"warning: direct I/O was refused\n"));
        assert!(Said::default().lacks_some_of(b"cannot read m: I/O error"));
    }
}
