//! What a matrix comes to: cases and failures are put down, and in the end summed up.

use super::judged::Judged;
use super::limits::facts;
use super::run::Run;
use crate::check::document::{
    CaseResult, CheckDocument, CheckFinished, CheckStarted, Failure, GroupResult, Normalisation, RuleText,
    Timeline, Verdict, quoted, shown,
};
use crate::check::levels;
use crate::check::path::semantic;
use crate::check::unseen::{lowers, no_tensors, unmet, why_unmet};
use crate::check::watch::Progress;
use crate::plan::LoadPlan;
use crate::rules::{self, Ending, Level, Output, Rule};
use crate::subject::Case;

impl Run<'_, '_> {
    /// Counts a case and puts it down; gives its verdict.
    pub(super) fn close(&mut self, plan: LoadPlan, case: &Case, judged: &mut Judged) -> Verdict {
        let spelling = case.spelling.to_string();
        let evidence = &judged.evidence;
        let completed = evidence.completed();
        self.unseen = self.unseen.take().or_else(|| evidence.unseen.first().cloned());
        self.seen.plans += u64::from(self.matrix.campaign.subject.is_command());
        let mut loaded = false;
        if completed {
            self.seen.completed += 1;
            self.seen.tensors(evidence.tensors.as_ref());
            self.seen.outputs += u64::from(judged.output_observed);
            match rules::weights_arrived(evidence) {
                Ok(()) => {
                    self.arrived |= !evidence.weights.is_empty();
                    loaded = true;
                }
                Err(reason) => drop(self.not_arrived.get_or_insert(reason)),
            }
            if self.output.is_none() && judged.output_observed && judged.judgement.findings.is_empty() {
                self.output = evidence.output.clone().map(|output| (output, shown(&spelling).to_owned()));
            }
        } else {
            let message = evidence.ending.message().to_owned();
            self.not_arrived.get_or_insert(format!("{} does not complete: {message}", quoted(&spelling)));
            if let Ending::Killed(why) = &evidence.ending {
                let told = format!("{}: {why}", quoted(&spelling));
                self.blocked.get_or_insert(told.clone());
                judged.limit = judged.limit.max(Verdict::Blocked);
                judged.notes.push(told);
            }
        }
        if judged.limit == Verdict::Blocked && evidence.refused_lock().is_some() {
            let (limit, weights) =
                (evidence.kernel_memory().and_then(|kernel| kernel.lock_limit), evidence.weights.len());
            let roomy = limit.is_some_and(|limit| limit >= weights);
            let limit = limit.map_or_else(String::new, |limit| {
                format!(" (RLIMIT_MEMLOCK is {limit} bytes, the weights have {weights})")
            });
            let told = if roomy {
                format!(
                    "{}: the lock was refused although the limit has room for the weights{limit}: memory that nobody may \
                     read, or other locks of the process, are refused so too",
                    quoted(&spelling)
                )
            } else {
                let advice = "raise the limit, `loadparity doctor` says how, or pick other cases with --only";
                format!("{}: the lock was refused by a limit{limit}: {advice}", quoted(&spelling))
            };
            self.blocked.get_or_insert(told);
        }
        if let Some(missing) =
            judged.judgement.not_observed.iter().find(|missing| missing.rule == Rule::SameOutput)
        {
            self.seen.no_output.get_or_insert(missing.reason.clone());
        }
        for (rule, times) in judged.path.normalisations() {
            let entry =
                self.normalisations.entry(rule.id()).or_insert_with(|| (rule.explanation().to_owned(), 0));
            entry.1 += times as u64;
        }
        let mut verdict = judged.limit;
        for finding in &judged.judgement.findings {
            let failure = Failure {
                rule: finding.rule,
                spelling: spelling.clone(),
                plan: Some(plan.to_string()),
                message: finding.message.clone(),
                diff: judged.diff.clone().filter(|_| finding.rule == Rule::SamePath),
                reproduce: self.matrix.reproduce(&case.spelling),
                expected: None,
                across: None,
            };
            verdict = verdict.max(self.fail(failure, &mut judged.notes));
        }
        self.cases.push(CaseResult {
            spelling,
            plan: plan.to_string(),
            resolved: judged.judgement.decided.to_string(),
            path: judged.path.fingerprint(),
            loaded,
            output_observed: judged.output_observed,
            findings: judged.judgement.findings.clone(),
            not_observed: judged.judgement.not_observed.clone(),
            verdict,
        });
        verdict
    }

    /// Puts a failure down; gives the verdict for it.
    pub(super) fn fail(&mut self, mut failure: Failure, notes: &mut Vec<String>) -> Verdict {
        if let Some(reason) = self.expected.reason(&failure) {
            let Failure { rule, spelling, message, .. } = &failure;
            notes.push(format!("expected, because {reason}: {rule}: {}: {message}", quoted(spelling)));
            failure.expected = Some(reason);
            self.failures.push(failure);
            return Verdict::Expected;
        }
        self.stop |= self.matrix.campaign.fail_fast;
        (self.progress)(Progress::Failed);
        self.failures.push(failure);
        Verdict::Divergent
    }

    pub(super) fn describe(&self, plan: LoadPlan, judged: &Judged) -> GroupResult {
        let evidence = &judged.evidence;
        let semantic = semantic(evidence);
        let output = evidence.output.as_ref().filter(|_| judged.output_observed);
        GroupResult {
            plan,
            name: plan.to_string(),
            load_mode: self.matrix.campaign.setting.dialect.word_for(plan).map(str::to_owned),
            resolved: judged.judgement.decided.to_string(),
            spellings: Vec::new(),
            facts: facts(plan, evidence),
            path: judged.path.fingerprint(),
            steps: judged.path.steps(),
            semantic: semantic.fingerprint(),
            semantic_steps: semantic.steps.iter().map(ToString::to_string).collect(),
            tensors: evidence.tensors.as_ref().and_then(|seen| seen.combined.clone()),
            logits: output.and_then(Output::logits_hash).map(str::to_owned),
            text: output.and_then(Output::text_hash).map(str::to_owned),
            not_observed: Vec::new(),
            notes: Vec::new(),
            timeline: self.matrix.campaign.timelines.then(|| Timeline::of_run(evidence)),
            verdict: Verdict::Pass,
        }
    }

    /// Broken rules of a command that loads nothing say nothing about loading.
    fn forget_findings(&mut self, instead: Verdict) {
        self.failures.retain(|failure| failure.rule == Rule::KnownDivergence);
        self.unlisted = 0;
        let cases = self.cases.iter_mut().map(|case| &mut case.verdict);
        let verdicts = cases.chain(self.groups.iter_mut().map(|group| &mut group.verdict));
        verdicts.filter(|own| **own == Verdict::Divergent).for_each(|own| *own = instead);
    }

    pub(super) fn finish(mut self, started: CheckStarted) -> CheckDocument {
        let interrupted = self.watch.is_interrupted();
        let whole =
            !interrupted && !self.stop && self.matrix.campaign.only.is_empty() && self.matrix.part.is_none();
        if whole {
            self.failures.extend(self.expected.left_over());
        }
        let mut notes = self.matrix.campaign.notes.clone();
        let cases = self.cases.iter().map(|case| case.verdict).max().unwrap_or(Verdict::Pass);
        let failed = self.failures.iter().any(|failure| failure.expected.is_none());
        let mut verdict = if failed { Verdict::Divergent } else { cases };
        let mut why = None;
        let wants_loads = self.matrix.wanted.level >= Level::P2 && self.matrix.campaign.only.is_empty();
        if self.matrix.campaign.has_no_tensors() && self.matrix.wanted.level >= Level::P2 {
            verdict = verdict.max(Verdict::NotObserved);
            if self.matrix.campaign.subject.is_command() {
                verdict = Verdict::NotObserved;
                self.forget_findings(verdict);
            }
            why = Some(no_tensors(&self.matrix.campaign.model_name));
        } else if wants_loads && !self.arrived && !self.cases.is_empty() {
            verdict = Verdict::Blocked;
            self.forget_findings(verdict);
            let reason = self.not_arrived.clone().unwrap_or_else(|| "it loads nothing".to_owned());
            let model = &self.matrix.campaign.model_name;
            why = Some(format!("no spelling makes the subject load the weights of {model}: {reason}"));
        } else if verdict == Verdict::Blocked {
            why = self.blocked.clone();
        } else if verdict == Verdict::Pass && !self.matrix.campaign.only.is_empty() && self.groups.is_empty()
        {
            // A refusal that is right is one thing, a typing error in what was asked for another.
            verdict = Verdict::NotObserved;
            let asked: Vec<String> = self
                .matrix
                .campaign
                .only
                .iter()
                .map(|spelling| shown(&spelling.to_string()).to_owned())
                .collect();
            let dialect = self.matrix.campaign.setting.dialect;
            why = Some(format!("nothing was loaded: the dialect {dialect} refuses {}", asked.join(", ")));
        }
        let unmet = unmet(self.matrix.faults.iter().zip(self.fired.iter().copied()));
        if let Some(first) = unmet.first().filter(|_| !self.matrix.allow_unmet && verdict < Verdict::Blocked)
        {
            verdict = Verdict::NotObserved;
            why = Some(why_unmet(first));
        }
        let levels = self.seen.levels(self.matrix.wanted);
        notes.extend(self.seen.note().filter(|_| self.matrix.campaign.subject.is_command()));
        notes.extend(self.untried);
        notes.extend(self.notes);
        if interrupted && verdict < Verdict::Divergent {
            verdict = Verdict::Blocked;
            why = Some(format!("interrupted after {} cases", self.cases.len()));
        }
        self.totals.count(&started, (&self.groups, &self.cases, &self.failures), self.unlisted);
        self.totals.processes = self.watch.processes();
        if self.totals.processes > 0 {
            notes.push(format!("{} processes were started", self.totals.processes));
        }
        let limited: Vec<String> =
            self.groups.iter().filter(|g| g.verdict != Verdict::Pass).map(|g| g.name.clone()).collect();
        let short = |level: Level| self.matrix.wanted.level >= level;
        if verdict == Verdict::NotObserved && why.is_none() && short(Level::P3) && self.seen.outputs == 0 {
            why = self.seen.no_output.as_ref().map(|reason| {
                let what = if self.seen.bytes > 0 { "no" } else { "neither tensor bytes nor" };
                let hint = "`--level P3` is content with the bytes of the tensors";
                format!("{what} outputs were compared: {reason}; {hint}")
            });
        }
        if verdict == Verdict::NotObserved && why.is_none() {
            why = self.unseen.clone();
        }
        if verdict == Verdict::NotObserved && why.is_none() {
            let lowered = self.cases.iter().flat_map(|case| {
                case.not_observed.iter().filter(|missing| lowers(missing)).map(move |m| (case, m))
            });
            why = lowered
                .map(|(case, m)| format!("{} in {}: {}", m.rule, quoted(&case.spelling), m.reason))
                .next();
        }
        let unexpected = self.totals.failures - self.totals.expected;
        let sentence = levels::sentence(verdict, &levels, &limited, why.as_deref(), unexpected);
        let normalisations = self
            .normalisations
            .into_iter()
            .map(|(rule, (explanation, applied))| Normalisation {
                rule: rule.to_owned(),
                explanation,
                applied,
            })
            .collect();
        CheckDocument {
            schema: CheckDocument::SCHEMA.to_owned(),
            started,
            rules: RuleText::all(),
            levels,
            groups: self.groups,
            cases: self.cases,
            failures: self.failures,
            finished: CheckFinished {
                totals: self.totals,
                normalisations,
                notes,
                not_observed: unmet,
                interrupted,
                verdict,
                sentence,
                exit_code: verdict.exit_code(),
            },
        }
    }
}
