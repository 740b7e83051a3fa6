//! What a run said: its lines and notices in words, so that numbers, times and paths make no new message.

use std::collections::BTreeSet;

use crate::rules::{Capability, Ending, Evidence};
use crate::trace::Call;

/// The lines that clean runs wrote, as words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::check) struct Said(BTreeSet<Vec<String>>);

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

    fn of_run(run: &Evidence) -> BTreeSet<Vec<String>> {
        let notices = run.ops.iter().filter_map(|op| match &op.call {
            Call::Notice(notice) => words(&notice.text),
            _ => None,
        });
        notices.chain(Self::of(&run.stderr)).collect()
    }

    /// What any of these runs said.
    pub(in crate::check) fn in_any(runs: &[Evidence]) -> Self {
        Self(runs.iter().flat_map(Self::of_run).collect())
    }

    /// What these runs said; `None` where one of them was refused something, of which it may have said so, or did not
    /// complete.
    pub(in crate::check) fn of_what_met_nothing(runs: &[Evidence]) -> Option<Self> {
        let met_nothing = |run: &Evidence| run.completed() && !run.was_refused();
        runs.iter().all(met_nothing).then(|| Self::in_any(runs))
    }

    /// Whether a line of another run is none of these.
    fn lacks_some_of(&self, said: &BTreeSet<Vec<String>>) -> bool {
        !said.is_subset(&self.0)
    }
}

/// Whether standard error, a notice, or the error that a load ended with says something that no clean run did. A
/// loader that always warns says nothing by it.
pub(in crate::check) fn says_more(said: &Said, run: &Evidence) -> bool {
    let failed_aloud = matches!(&run.ending, Ending::Failed(message) if !message.is_empty())
        && run.capabilities.has(Capability::Notices);
    failed_aloud || said.lacks_some_of(&Said::of_run(run))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_paths_and_dots_make_no_message() {
        let clean = Said(Said::of(b"warning: direct I/O may be slow\nloaded in 12.5 ms from /a/b\n....\n"));
        let more = |text: &[u8]| clean.lacks_some_of(&Said::of(text));
        assert!(!more(b"loaded in 900 ms from /c/d\n.......\nwarning: direct I/O may be slow\n"));
        assert!(!more(b"0x7f3a 12%\n-- \n"));
        assert!(more(b"warning: direct I/O was refused\n"));
        assert!(Said::default().lacks_some_of(&Said::of(b"cannot read m: I/O error")));
    }
}
