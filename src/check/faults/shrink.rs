//! What a broken rule needs: the schedule without the faults that it does not, and the line that replays it.

use super::outcome::Came;
use super::run::{Run, observe};
use super::schedule::Schedule;
use crate::check::document::{Failure, FaultOutcome, Verdict, quoted, shown};
use crate::check::watch::Progress;
use crate::plan::Spelling;
use crate::rules::Rule;
use crate::subject::{FaultSpec, NotAvailable};

impl Run<'_, '_> {
    /// The schedule without every fault that the outcome does not need.
    pub(super) fn shrink(&self, schedule: &Schedule, came: &Came) -> Result<Schedule, NotAvailable> {
        let mut shortest = schedule.clone();
        let mut at = 0;
        while at < shortest.faults.len() && shortest.faults.len() > 1 && self.faults.only_faults.is_empty() {
            let mut shorter = shortest.clone();
            shorter.faults.remove(at);
            let (_, again) = observe(&self.roots, &shorter)?;
            let same = |rule: Rule| again.findings.iter().any(|finding| finding.rule == rule);
            if again.outcome == came.outcome && came.findings.iter().all(|finding| same(finding.rule)) {
                shortest = shorter;
            } else {
                at += 1;
            }
        }
        Ok(shortest)
    }

    /// Puts a failure down; gives the verdict for it.
    pub(super) fn fail(
        &mut self,
        outcome: FaultOutcome,
        rule: Rule,
        schedule: &Schedule,
        beside: Option<&Spelling>,
        message: String,
    ) -> Verdict {
        let mut failure = self.failure(rule, schedule, beside, message);
        let key = (schedule.root, rule, failure.spelling.clone());
        if let Some(verdict) = self.reported.get(&key) {
            return *verdict;
        }
        let reason = self.expected.reason(&failure);
        let verdict = if let Some(reason) = reason {
            let Failure { rule, spelling, message, .. } = &failure;
            let note = format!("expected, because {reason}: {rule}: {}: {message}", quoted(spelling));
            let group = &self.roots[schedule.root].group;
            if let Some(row) = self.groups.iter_mut().find(|row| row.name == *group) {
                row.notes.push(note);
            }
            self.totals.expected += 1;
            failure.expected = Some(reason);
            Verdict::Expected
        } else {
            self.stop |= self.faults.campaign.fail_fast;
            (self.progress)(Progress::Failed);
            Verdict::Divergent
        };
        self.reported.insert(key, verdict);
        self.totals.failures += 1;
        self.failures.push((outcome, failure));
        verdict
    }

    fn failure(
        &self,
        rule: Rule,
        schedule: &Schedule,
        beside: Option<&Spelling>,
        message: String,
    ) -> Failure {
        let root = &self.roots[schedule.root];
        // What is broken without a fault is shown by a check of the case.
        let explores = (!schedule.faults.is_empty()).then(|| "--faults".to_owned());
        let mut options: Vec<String> = explores.into_iter().collect();
        if !schedule.faults.is_empty() && root.clean.claims_check {
            options.push("--claims-check".to_owned());
        }
        options.extend(["--only".to_owned(), root.clean.case.spelling.to_string()]);
        if let Some(other) = beside {
            options.extend(["--only".to_owned(), other.to_string()]);
        }
        for fault in &schedule.faults {
            options.extend(["--only-fault".to_owned(), fault.to_string()]);
        }
        Failure {
            rule,
            spelling: named(&root.clean.case.spelling, &schedule.faults),
            plan: Some(root.label.clone()),
            message,
            diff: None,
            reproduce: root.watch.subject.check_line(&options, &self.faults.campaign.setting),
            expected: None,
            across: None,
        }
    }
}

/// A case by the faults and the spelling that they meet.
fn named(spelling: &Spelling, faults: &[FaultSpec]) -> String {
    let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
    let spelling = spelling.to_string();
    let spelling = shown(&spelling);
    if faults.is_empty() { spelling.to_owned() } else { format!("{} in {spelling}", faults.join(" and ")) }
}
