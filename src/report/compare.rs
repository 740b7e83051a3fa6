//! The words of a comparison of two commands.

use super::collected::Collected;
use super::matrix::{Matrix, shown};
use crate::check::{CompareFinished, CompareStarted, Verdict};

/// The line above the table.
pub(super) fn title(started: &CompareStarted) -> String {
    let CompareStarted { tool, old, new, model, platform, arch, .. } = started;
    format!("{tool}: compare on {platform} {arch}, model {model}, old {old}, new {new}")
}

/// One row a spelling, the worst first; what is identical is only counted.
pub(super) fn table(collected: &Collected) -> Matrix {
    let mut rows: Vec<_> = collected.spellings.iter().collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.impact));
    let different =
        rows.into_iter().filter(|row| row.old != row.new || !row.what.is_empty() || row.diff.is_some());
    Matrix {
        header: ["spelling", "old", "new", "impact", "verdict"].map(str::to_owned).to_vec(),
        rows: different
            .map(|row| {
                let (old, new) = (row.old.clone(), row.new.clone());
                vec![
                    shown(&row.spelling).to_owned(),
                    old,
                    new,
                    row.impact.to_string(),
                    row.verdict.to_string(),
                ]
            })
            .collect(),
        right: &[],
    }
}

/// What was counted.
pub(super) fn totals(finished: &CompareFinished) -> String {
    let t = &finished.totals;
    format!(
        "{} identical, {} benign, {} reordered, {} policy changes, {} lost guarantees, {} data-integrity risks; \
         {} processes were started",
        t.identical, t.benign, t.reordered, t.policy_change, t.lost_guarantee, t.data_integrity_risk, t.runs
    )
}

/// The last word.
pub(super) fn last_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "no worse than reordered",
        Verdict::Expected => "expected: every worse difference is on the list of known ones",
        Verdict::Unsupported => "unsupported",
        Verdict::Blocked => "blocked: not all of it could be compared, see the notes",
        Verdict::Divergent => "divergent",
    }
}
