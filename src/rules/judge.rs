//! The engine: the checks of the rows that a profile holds a subject to, on one evidence.

use super::checks::{self, Case, Checked};
use super::rule::Scope;
use super::shares::Shares;
use super::{Applies, Capability, Decided, Ending, Evidence, Finding, LockDuty, NotObserved, Profile, Rule};
use crate::plan::LoadPlan;

/// What one run comes to.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// The plan after `auto` and refusals.
    pub decided: Decided,
    /// The broken rules.
    pub findings: Vec<Finding>,
    /// The rules that the evidence cannot decide.
    pub not_observed: Vec<NotObserved>,
    /// What is to be said besides.
    pub notes: Vec<String>,
}

/// Judges one run of a spelling that means `asked`.
#[must_use]
pub fn judge(asked: LoadPlan, evidence: &Evidence, profile: &Profile) -> Judgement {
    let shares = Shares::of(asked, evidence);
    let decided = Decided::of_shares(asked, &shares);
    let mut judgement = Judgement {
        decided: decided.clone(),
        findings: Vec::new(),
        not_observed: Vec::new(),
        notes: Vec::new(),
    };
    if let Some(finding) = ended_badly(&decided, evidence) {
        if profile.applies(finding.rule) == Applies::Yes {
            judgement.findings.push(finding);
        }
        return judgement;
    }
    if !evidence.completed() {
        return judgement;
    }
    let beside_lazy = shares.lazy.is_some();
    let whole =
        |evidence| Case { asked, decided: &decided, evidence, profile, beside_lazy, on_demand: false };
    let on_demand = LoadPlan::map(false);
    // Pages that they share with locked tensors are locked: how much of that is too much is a rule of its own.
    let lazily = Decided { lock: LockDuty::Refused, ..Decided::unrefused(on_demand) };
    for rule in profile.rules() {
        let checked = match rule.scope() {
            Scope::Run => checks::check(rule, &whole(evidence)),
            // Every tensor is an exception: the plan is about none.
            _ if shares.rest.weights.is_empty() && !evidence.weights.is_empty() => Checked::Holds,
            Scope::Lock => checks::check(rule, &whole(shares.kept.as_ref().unwrap_or(&shares.rest))),
            Scope::Plan | Scope::Tensor => checks::check(rule, &whole(&shares.rest)),
        };
        let checked = match (&shares.lazy, checked) {
            (Some(lazy), Checked::Holds) if rule.scope() == Scope::Tensor => {
                let case = Case {
                    asked: on_demand,
                    decided: &lazily,
                    evidence: lazy,
                    profile,
                    beside_lazy,
                    on_demand: true,
                };
                checks::check(rule, &case).of_an_exception()
            }
            (_, checked) => checked,
        };
        match unattributed(rule, asked, evidence, checked) {
            Checked::Holds => {}
            Checked::Broken(message) => judgement.findings.push(Finding::new(rule, message)),
            Checked::NotObserved(missing, reason) => {
                judgement.not_observed.push(NotObserved::new(rule, missing, reason));
            }
            Checked::Note(note) => judgement.notes.push(note),
        }
    }
    if shares.rest.weights.is_empty() && !evidence.weights.is_empty() {
        let note = "every tensor of the model is an exception of the plan, which is about none".to_owned();
        judgement.notes.push(note);
    }
    judgement
}

/// Exceptions are told by the names of tensors. Where these are not known, what breaks a rule about tensors may be
/// one of them.
fn unattributed(rule: Rule, asked: LoadPlan, evidence: &Evidence, checked: Checked) -> Checked {
    let named = asked.exceptions.is_empty() || evidence.weights.tolerance == 0;
    match checked {
        Checked::Broken(message) if !named && rule.scope() != Scope::Run => Checked::NotObserved(
            vec![Capability::Layout],
            format!("{message}; without the model it is not known which tensors are exceptions of the plan"),
        ),
        checked => checked,
    }
}

/// The rule that an end breaks; none where the failure is what the plan asks for, and none for an end that
/// somebody else made.
fn ended_badly(decided: &Decided, evidence: &Evidence) -> Option<Finding> {
    match &evidence.ending {
        Ending::Completed if decided.must_fail => Some(Finding::new(
            Rule::Completes,
            "direct I/O was refused, the plan says to fail, and it completed".to_owned(),
        )),
        Ending::Failed(message) if !decided.must_fail => Some(Finding::new(Rule::Completes, message.clone())),
        Ending::Crashed(message) | Ending::Aborted(message) => {
            Some(Finding::new(Rule::NoCrash, message.clone()))
        }
        Ending::TimeLimit(message) => Some(Finding::new(Rule::EndsInTime, message.clone())),
        Ending::Completed | Ending::Failed(_) | Ending::Killed(_) => None,
    }
}

/// Whether a run brought all weights of the named model in; why not otherwise.
///
/// # Errors
/// Why it did not: a sentence without an end.
pub fn weights_arrived(evidence: &Evidence) -> Result<(), String> {
    if !evidence.completed() {
        return Err(format!("it does not complete: {}", evidence.ending.message()));
    }
    let gap = evidence
        .first_gap(|file| evidence.union_of(|process| process.brought(file)), evidence.weights.tolerance);
    let Some((tensor, gap)) = gap else { return untouched(evidence).map_or(Ok(()), Err) };
    let strangers = evidence.fold.strangers.iter().max_by_key(|(_, bytes)| **bytes);
    let (brought, all) = (evidence.brought_bytes(), evidence.weights.len());
    if !evidence.saw_all_calls() {
        let why = evidence.unseen.first().map_or(Capability::Calls.absence(), String::as_str);
        return Err(format!("{brought} of {all} bytes of the weights were seen to arrive: {why}"));
    }
    Err(match (brought, strangers) {
        (_, Some((path, bytes))) if *bytes > brought => {
            format!("it loads {brought} of {all} bytes of the weights, and {bytes} bytes of {path}")
        }
        (0, _) if evidence.opened() => "it opens the model and neither reads nor maps its weights".to_owned(),
        (0, _) => "it opens no model".to_owned(),
        _ => format!(
            "it loads {brought} of {all} bytes of the weights; {tensor}: bytes {}..{} never come",
            gap.start, gap.end
        ),
    })
}

/// Why a mapping proves nothing about the weights: hardly any of its pages was ever touched. A single tensor may
/// be of no use to a run, as a row of an embedding is; most of them are not.
pub(super) fn untouched(evidence: &Evidence) -> Option<String> {
    let (untouched, all) = (evidence.untouched_bytes(), evidence.weights.len());
    let heir = |process: &super::fold::Process| process.copy_of.is_some_and(|from| evidence.is_loader(from));
    let touched = match evidence.fold.processes.values().any(heir) {
        true => "touched by the process that loaded them; what its children used was not looked at",
        false => "ever touched",
    };
    (untouched > all / 2).then(|| {
        format!("{untouched} of {all} bytes of the weights were mapped, and no page of them was {touched}")
    })
}
