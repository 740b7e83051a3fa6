//! What a campaign of faults comes to.

use super::run::Run;
use crate::check::document::{
    Failure, FaultGroup, FaultsDocument, FaultsFinished, FaultsStarted, RuleText, Verdict,
};
use crate::check::unseen::{no_tensors, unmet};

impl Run<'_, '_> {
    pub(super) fn finish(
        self,
        groups: Vec<FaultGroup>,
        why: Option<String>,
        started: FaultsStarted,
    ) -> FaultsDocument {
        let Self { faults, watch, mut totals, cases, mut failures, expected, stop, .. } = self;
        let interrupted = watch.is_interrupted();
        failures.sort_by_key(|(outcome, _)| std::cmp::Reverse(*outcome));
        let mut failures: Vec<Failure> = failures.into_iter().map(|(_, failure)| failure).collect();
        let whole = faults.campaign.only.is_empty()
            && faults.only_faults.is_empty()
            && !faults.campaign.has_no_tensors();
        if whole && !interrupted && !stop {
            let gone = expected.left_over();
            totals.failures += gone.len() as u64;
            failures.extend(gone);
        }
        totals.processes = watch.processes();
        let mut verdict = groups.iter().map(|group| group.verdict).max().unwrap_or(Verdict::Blocked);
        if failures.iter().any(|failure| failure.expected.is_none()) {
            verdict = Verdict::Divergent;
        }
        let not_observed = match totals.met {
            0 if !faults.campaign.has_no_tensors() => {
                unmet(faults.only_faults.iter().map(|fault| (fault, 0)))
            }
            _ => Vec::new(),
        };
        if !not_observed.is_empty() {
            verdict = verdict.max(Verdict::NotObserved);
        }
        if faults.campaign.has_no_tensors() {
            verdict = Verdict::NotObserved;
        }
        if interrupted && verdict < Verdict::Divergent {
            verdict = Verdict::Blocked;
        }
        let unexpected = totals.failures - totals.expected;
        let sentence = match verdict {
            Verdict::Pass => {
                format!("no broken rule under {} of {} faults that met a call", totals.met, totals.met)
            }
            Verdict::Divergent => format!("divergent: {unexpected} broken rules under {} faults", totals.met),
            Verdict::NotObserved if faults.campaign.has_no_tensors() => {
                format!("not observed: {}", no_tensors(&faults.campaign.model_name))
            }
            Verdict::NotObserved if totals.met == 0 => "not observed: no fault met a call".to_owned(),
            Verdict::NotObserved => {
                format!("not observed: what came of {} of {} faults", totals.not_observed, totals.met)
            }
            Verdict::Blocked if interrupted => format!("blocked: interrupted after {} faults", cases.len()),
            Verdict::Blocked => {
                let why = why.unwrap_or_else(|| "no plan could be loaded".to_owned());
                let model = &faults.campaign.model_name;
                format!("blocked: no clean run loads the weights of {model}: {why}")
            }
            verdict => format!("{verdict}: every broken rule is on the list of known ones"),
        };
        let mut notes = faults.campaign.notes.clone();
        if faults.campaign.subject.is_command() {
            notes.push(format!("{} processes were started", totals.processes));
        }
        FaultsDocument {
            schema: FaultsDocument::SCHEMA.to_owned(),
            started,
            rules: RuleText::all(),
            groups,
            cases,
            failures,
            finished: FaultsFinished {
                totals,
                notes,
                not_observed,
                interrupted,
                verdict,
                sentence,
                exit_code: verdict.exit_code(),
            },
        }
    }
}
