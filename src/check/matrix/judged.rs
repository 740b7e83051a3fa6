//! One case of a matrix judged.

use super::limits::limits;
use super::run::Run;
use crate::check::document::{Verdict, quoted};
use crate::check::path::CasePath;
use crate::check::said::says_more;
use crate::check::shows::NoOutput;
use crate::check::unseen::lowers;
use crate::plan::LoadPlan;
use crate::rules::{
    self, Applies, Capability, Ending, Evidence, Finding, Judgement, Level, NotObserved, Rule,
};
use crate::subject::Case;

/// The run that the other spellings of a plan are compared with.
pub(super) struct Representative {
    pub(super) path: CasePath,
    pub(super) case: Case,
}

/// One judged case.
pub(super) struct Judged {
    pub(super) evidence: Evidence,
    pub(super) path: CasePath,
    pub(super) judgement: Judgement,
    pub(super) diff: Option<String>,
    pub(super) output_observed: bool,
    pub(super) notes: Vec<String>,
    pub(super) limit: Verdict,
}

impl Run<'_, '_> {
    /// Judges one run.
    pub(super) fn assess(
        &self,
        plan: LoadPlan,
        mut evidence: Evidence,
        first: Option<&Representative>,
    ) -> Judged {
        evidence.silent |= self.said.as_ref().is_some_and(|said| !says_more(said, &evidence));
        let profile = self.matrix.campaign.subject.profile();
        let holds = |rule: Rule| profile.applies(rule) == Applies::Yes;
        let command = self.matrix.campaign.subject.is_command();
        let level = self.matrix.wanted.level;
        let path = CasePath::of(&evidence, command);
        let mut judgement = rules::judge(plan, &evidence, profile);
        if let Ending::Failed(ending) = &evidence.ending
            && command
            && !evidence.opened()
            && holds(Rule::PlanTaken)
        {
            judgement.findings.retain(|finding| finding.rule != Rule::Completes);
            let message = format!("the dialect reads it as {plan}, the command refused it: {ending}");
            judgement.findings.push(Finding::new(Rule::PlanTaken, message));
        }
        let mut diff = None;
        // What breaks a rule by itself takes another path for that reason.
        let compares = level >= Level::P2
            && evidence.completed()
            && judgement.findings.is_empty()
            && holds(Rule::SamePath);
        if let Some(first) = first.filter(|_| compares)
            && let Some(difference) = first.path.diff(&path)
        {
            let message = format!(
                "takes another path than {}, which asks for the same",
                quoted(&first.case.spelling.to_string())
            );
            judgement.findings.push(Finding::new(Rule::SamePath, message));
            diff = Some(difference);
        }
        let output_observed = self.compare_output(&evidence, &mut judgement);
        let (mut notes, mut limit) = limits(&judgement.decided, plan, &evidence);
        notes.append(&mut judgement.notes);
        if judgement.not_observed.iter().any(lowers) && limit < Verdict::Blocked {
            limit = limit.max(Verdict::NotObserved);
        }
        if evidence.completed() && self.matrix.wanted.falls_short(evidence.tensors.as_ref(), output_observed)
        {
            limit = limit.max(Verdict::NotObserved);
        }
        if level < Level::P3 {
            judgement.not_observed.retain(|missing| missing.rule != Rule::SameBytes);
        }
        Judged { evidence, path, judgement, diff, output_observed, notes, limit }
    }

    /// Compares the output with that of the other cases; whether it was observed.
    fn compare_output(&self, evidence: &Evidence, judgement: &mut Judgement) -> bool {
        if self.matrix.wanted.level < Level::P4 || !evidence.completed() {
            return false;
        }
        let missing =
            |reason: &str| NotObserved::new(Rule::SameOutput, vec![Capability::Output], reason.to_owned());
        let own = self.own_output.as_ref();
        if let Some(own) = own {
            judgement.not_observed.push(missing(&own.reason));
            if !NoOutput::compares(Some(own)) {
                return false;
            }
        }
        let Some(output) = evidence.output.as_ref().filter(|output| !output.is_empty()) else {
            let reason = if self.matrix.campaign.subject.is_command() {
                "the command writes nothing to standard output"
            } else {
                "nothing was generated"
            };
            judgement.not_observed.push(missing(reason));
            return false;
        };
        if let Some((first, by)) = &self.output
            && self.matrix.campaign.subject.profile().applies(Rule::SameOutput) == Applies::Yes
            && let Some(message) = first.difference(output, by)
        {
            judgement.findings.push(Finding::new(Rule::SameOutput, message));
        }
        own.is_none()
    }
}
