//! What a campaign of faults comes to.

use std::collections::BTreeSet;

use super::explore::Why;
use super::kind::Kind;
use super::resume::Kept;
use super::run::Run;
use crate::check::document::{
    Failure, FaultTotals, FaultsDocument, FaultsFinished, FaultsKind, FaultsLeft, FaultsStarted, LeftBecause,
    RuleText, Verdict,
};
use crate::check::unseen::{no_tensors, unmet};
use crate::rules::weights_arrived;

impl Run<'_, '_> {
    pub(super) fn finish(self) -> (FaultsDocument, Option<Kept>) {
        let Self {
            faults,
            roots,
            explorer,
            altering,
            groups,
            mut totals,
            cases,
            mut failures,
            expected,
            stop,
            met,
            mut kept,
            ..
        } = self;
        let campaign = &faults.campaign;
        let interrupted = campaign.interrupted.load(std::sync::atomic::Ordering::Relaxed);
        failures.sort_by_key(|(outcome, _)| std::cmp::Reverse(*outcome));
        if let Some((_, _, outcomes)) = &mut kept {
            *outcomes = failures.iter().map(|(outcome, _)| *outcome).collect();
        }
        let mut failures: Vec<Failure> = failures.into_iter().map(|(_, failure)| failure).collect();
        totals.states = explorer.states();
        let kinds: BTreeSet<Kind> = explorer.kinds().filter(|kind| *kind != Kind::ASKED).collect();
        let kinds: Vec<FaultsKind> = kinds
            .into_iter()
            .map(|kind| FaultsKind {
                calls: kind.calls(),
                fault: kind.what(),
                met: met.get(&kind).copied().unwrap_or_default(),
            })
            .collect();
        count_kinds(&mut totals, &kinds);
        totals.depth =
            cases.iter().map(|case| u32::try_from(case.faults.len()).unwrap_or(u32::MAX)).max().unwrap_or(0);
        let left: Vec<FaultsLeft> = explorer
            .left()
            .into_iter()
            .map(|((kind, why), schedules)| FaultsLeft {
                calls: kind.calls(),
                fault: kind.what(),
                schedules,
                reason: match why {
                    Why::Bound => LeftBecause::Bound,
                    Why::Hang => LeftBecause::Hang,
                },
            })
            .collect();
        totals.left = left.iter().map(|left| left.schedules).sum();
        let whole = campaign.only.is_empty() && faults.only_faults.is_empty() && !campaign.has_no_tensors();
        // What was not explored may still break as the list says.
        if whole && faults.part.is_none() && !interrupted && !stop && totals.left == 0 {
            let gone = expected.left_over();
            totals.failures += gone.len() as u64;
            failures.extend(gone);
        }
        totals.processes += roots.iter().map(|root| root.watch.processes()).sum::<u64>();
        let mut verdict = groups.iter().map(|group| group.verdict).max().unwrap_or(Verdict::Blocked);
        if failures.iter().any(|failure| failure.expected.is_none()) {
            verdict = Verdict::Divergent;
        }
        let not_observed = match totals.met {
            0 if !campaign.has_no_tensors() => unmet(faults.only_faults.iter().map(|fault| (fault, 0))),
            _ => Vec::new(),
        };
        if totals.met == 0 && !groups.is_empty() {
            verdict = verdict.max(Verdict::NotObserved);
        }
        if campaign.has_no_tensors() {
            verdict = Verdict::NotObserved;
        }
        if interrupted && verdict < Verdict::Divergent {
            verdict = Verdict::Blocked;
        }
        let sentence = match verdict {
            Verdict::NotObserved if campaign.has_no_tensors() => {
                format!("not observed: {}", no_tensors(&campaign.model_name))
            }
            Verdict::NotObserved if totals.met == 0 => "not observed: no fault met a call".to_owned(),
            Verdict::Blocked if interrupted => {
                format!("blocked: interrupted after {}", schedules(cases.len() as u64))
            }
            Verdict::Blocked => {
                let why = roots.iter().find_map(|root| weights_arrived(&root.clean.run).err());
                let why = why.unwrap_or_else(|| match &campaign.only[..] {
                    [] => "no plan could be loaded".to_owned(),
                    only => {
                        let only: Vec<String> = only.iter().map(ToString::to_string).collect();
                        format!("the {} dialect refuses {}", campaign.setting.dialect, only.join(", "))
                    }
                });
                format!("blocked: no clean run loads the weights of {}: {why}", campaign.model_name)
            }
            verdict => sentence(verdict, &totals, &left),
        };
        let mut notes = campaign.notes.clone();
        let broken = cases.iter().filter(|case| case.verdict == Verdict::Divergent).count();
        if broken > failures.len() {
            notes.push(format!(
                "{broken} schedules break a rule; what comes down to a shorter one is told once"
            ));
        }
        let mapped = roots.iter().any(|root| !root.clean.run.fold.mappings.is_empty());
        notes.extend(altering.and_then(|altering| altering.untried(mapped)));
        if campaign.subject.is_command() {
            notes.push(format!("{} processes were started", totals.processes));
        }
        let document = FaultsDocument {
            schema: FaultsDocument::SCHEMA.to_owned(),
            started: FaultsStarted { check: faults.started(), bounds: faults.bounds.document() },
            rules: RuleText::all(),
            groups,
            cases,
            failures,
            finished: FaultsFinished {
                totals,
                kinds,
                left,
                notes,
                not_observed,
                interrupted,
                verdict,
                sentence,
                exit_code: verdict.exit_code(),
            },
        };
        (document, kept)
    }
}

/// Counts kinds of fault, and those that met a call.
pub(in crate::check) fn count_kinds(totals: &mut FaultTotals, kinds: &[FaultsKind]) {
    totals.kinds = kinds.len() as u64;
    totals.kinds_met = kinds.iter().filter(|kind| kind.met > 0).count() as u64;
}

/// The verdict of a campaign in which faults met calls, in one sentence.
pub(in crate::check) fn sentence(verdict: Verdict, totals: &FaultTotals, left: &[FaultsLeft]) -> String {
    let explored = explored(totals, left);
    match verdict {
        Verdict::Pass => format!("no broken rule under {}; {explored}", schedules(totals.met)),
        Verdict::Divergent => {
            let unexpected = totals.failures.saturating_sub(totals.expected);
            format!("divergent: {unexpected} broken rules under {}; {explored}", schedules(totals.met))
        }
        Verdict::NotObserved => format!(
            "not observed: what came of {} of {}; {explored}",
            totals.not_observed,
            schedules(totals.met)
        ),
        verdict => format!("{verdict}: every broken rule is on the list of known ones; {explored}"),
    }
}

/// So many schedules, in words.
fn schedules(count: u64) -> String {
    if count == 1 { "1 schedule of faults".to_owned() } else { format!("{count} schedules of faults") }
}

/// What was explored and what was not, in half a sentence.
fn explored(totals: &FaultTotals, left: &[FaultsLeft]) -> String {
    let of = |reason: LeftBecause| -> u64 {
        left.iter().filter(|left| left.reason == reason).map(|left| left.schedules).sum()
    };
    let rest = match (of(LeftBecause::Bound), of(LeftBecause::Hang)) {
        (0, 0) => "nothing".to_owned(),
        (bound, 0) => format!("{bound} schedules at the bound"),
        (0, hang) => format!("{hang} schedules after a hang"),
        (bound, hang) => format!("{bound} schedules at the bound, {hang} after a hang"),
    };
    let kinds = match totals.kinds {
        0 => String::new(),
        kinds => format!(", {} of {kinds} kinds of fault", totals.kinds_met),
    };
    format!(
        "explored {} states and {} sites{kinds}, up to {} at once; left: {rest}",
        totals.states,
        totals.sites,
        if totals.depth == 1 { "1 fault".to_owned() } else { format!("{} faults", totals.depth) }
    )
}
