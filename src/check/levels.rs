//! Which levels of parity a campaign observed, and what its verdict says.

use super::document::{LevelResult, LevelState, Verdict};
use crate::rules::{Capability, Level, TensorBytes};

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// How far to go at most.
    pub level: Level,
    /// Whether that was asked for by name: then it has to be observed.
    pub named: bool,
}

impl Wanted {
    /// Whether a run of which tensors and output were observed or not falls short of what a verdict needs: the
    /// level that was named, or else either of the two. Bytes that are mapped are right, but nobody was seen to
    /// use them: without an output they are as good as none, unless it is they that were asked for.
    #[must_use]
    pub fn falls_short(self, tensors: Option<&TensorBytes>, output: bool) -> bool {
        match (self.level, self.named) {
            (Level::P1 | Level::P2, _) => false,
            (Level::P3, true) => !tensors.is_some_and(TensorBytes::is_whole),
            (Level::P4, true) => !output,
            (Level::P3 | Level::P4, false) => !tensors.is_some_and(TensorBytes::is_verified) && !output,
        }
    }
}

/// How many completed cases showed each level.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// Cases resolved.
    pub(super) plans: u64,
    /// Cases that completed.
    pub(super) completed: u64,
    /// Of these, cases whose tensors' bytes were observed.
    pub(super) bytes: u64,
    /// Of these, cases whose output was observed.
    pub(super) outputs: u64,
    /// Of these, cases whose bytes were all compared, and what was seen in the first.
    pub(super) verified: u64,
    pub(super) count: Option<String>,
    /// Of these, cases of which some bytes were compared.
    pub(super) compared: u64,
    /// Why bytes were not observed.
    pub(super) no_bytes: Option<String>,
    /// Why outputs were not observed.
    pub(super) no_output: Option<String>,
}

impl Seen {
    /// Counts what was seen of the tensors of a case that completed.
    pub(super) fn tensors(&mut self, seen: Option<&TensorBytes>) {
        let Some(seen) = seen else { return };
        self.compared += u64::from(seen.verified > 0 || seen.wrong.is_some());
        if seen.is_whole() || seen.wrong.is_some() {
            self.bytes += 1;
            if seen.is_verified() && seen.wrong.is_none() {
                self.verified += 1;
                self.count.get_or_insert(seen.count());
            }
        } else {
            self.no_bytes.get_or_insert(seen.count());
        }
    }

    /// How far the bytes of tensors were compared, for a reader who wants it exactly.
    pub(super) fn note(&self) -> Option<String> {
        let (cases, of) = (self.verified, self.completed);
        self.count
            .as_ref()
            .map(|count| format!("P3: {count} in {cases} of {of} cases; a mapping is the kernel's word"))
    }

    pub(super) fn levels(&self, wanted: Wanted) -> Vec<LevelResult> {
        let state = |count: u64, of: u64| match count {
            0 => LevelState::NotObserved,
            n if n < of => LevelState::Partly,
            _ => LevelState::Observed,
        };
        let row = |level: Level, count: u64, of: u64, reason: Option<String>| {
            let state = if level > wanted.level { LevelState::NotAsked } else { state(count, of) };
            let missing = matches!(state, LevelState::NotObserved | LevelState::Partly);
            LevelResult { level, state, cases: count, reason: reason.filter(|_| missing) }
        };
        let bytes = self.no_bytes.clone().or_else(|| Some(Capability::Memory.absence().to_owned()));
        // Where nothing was ever compared, what other cases mapped is no observation of a part.
        let cases = if self.no_bytes.is_some() && self.compared == 0 { 0 } else { self.bytes };
        let output = self.no_output.clone().or_else(|| Some(Capability::Output.absence().to_owned()));
        let nothing = || Some("no case completes".to_owned());
        vec![
            row(Level::P1, self.plans, self.plans.max(1), Some("nothing was resolved".to_owned())),
            row(Level::P2, self.completed, self.completed.max(1), nothing()),
            row(Level::P3, cases, self.completed.max(1), bytes),
            row(Level::P4, self.outputs, self.completed.max(1), output),
        ]
    }
}

/// The levels of a verdict in words: `P4`, or `P2, P4 observed; P3 not observed: …`.
pub(super) fn reached(levels: &[LevelResult]) -> String {
    let observed = |level: &LevelResult| level.state == LevelState::Observed;
    let unbroken = levels.iter().take_while(|level| observed(level)).last();
    let mut text = unbroken.map_or_else(|| "nothing".to_owned(), |level| level.level.to_string());
    let count = levels.iter().take_while(|level| observed(level)).count();
    for level in levels.iter().skip(count).filter(|level| observed(level)) {
        text += &format!(", {} observed", level.level);
    }
    for level in levels {
        let word = match level.state {
            LevelState::NotObserved => "not observed",
            LevelState::Partly => "observed in part",
            LevelState::Observed | LevelState::NotAsked => continue,
        };
        text += &format!("; {} {word}", level.level);
        if let Some(reason) = &level.reason {
            text += &format!(": {reason}");
        }
    }
    text
}

/// The verdict of a campaign in one sentence. `limited` names what is no pass.
pub(super) fn sentence(
    verdict: Verdict,
    levels: &[LevelResult],
    limited: &[String],
    why: Option<&str>,
    failures: u64,
) -> String {
    match verdict {
        Verdict::Pass => format!("parity to {}", reached(levels)),
        Verdict::Unsupported | Verdict::Expected => {
            let names = limited.join(", ");
            format!("parity where it could be tried, to {}; {verdict}: {names}", reached(levels))
        }
        Verdict::NotObserved => {
            let why = why.map_or_else(|| reached(levels), str::to_owned);
            format!("not observed: {why}")
        }
        Verdict::Blocked => {
            format!(
                "blocked: {}",
                why.unwrap_or("a privilege or a quota that a required case needs is missing")
            )
        }
        Verdict::Divergent => {
            let s = if failures == 1 { "" } else { "s" };
            format!("divergent: {failures} broken rule{s}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_named_has_to_be_observed() {
        let wanted = |level, named| Wanted { level, named };
        let seen = |verified, mapped| TensorBytes {
            verified,
            mapped,
            ..TensorBytes::compared(String::new(), None, 9)
        };
        let (verified, mapped, part) = (seen(9, 0), seen(0, 9), seen(5, 3));
        assert!(wanted(Level::P4, true).falls_short(Some(&verified), false));
        assert!(!wanted(Level::P4, false).falls_short(Some(&verified), false));
        assert!(wanted(Level::P4, false).falls_short(Some(&mapped), false));
        assert!(wanted(Level::P4, false).falls_short(None, false));
        assert!(!wanted(Level::P2, true).falls_short(None, false));
        assert!(wanted(Level::P3, true).falls_short(None, true));
        assert!(!wanted(Level::P3, true).falls_short(Some(&mapped), false));
        assert!(wanted(Level::P3, true).falls_short(Some(&part), true));
    }

    #[test]
    fn the_levels_of_a_command_are_said_one_by_one() {
        let seen = Seen { plans: 9, completed: 9, outputs: 9, ..Seen::default() };
        let levels = seen.levels(Wanted { level: Level::P4, named: false });
        assert_eq!(
            reached(&levels),
            "P2, P4 observed; P3 not observed: the memory of the command was not looked at"
        );
        let all = Seen { plans: 1, completed: 1, bytes: 1, outputs: 1, ..Seen::default() };
        assert_eq!(reached(&all.levels(Wanted { level: Level::P4, named: false })), "P4");
    }
}
