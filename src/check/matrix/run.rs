//! A matrix under way: cases are run, judged, repeated where they break a rule, and put down.

use std::collections::BTreeMap;

use super::Matrix;
use super::limits::{facts, limits};
use crate::check::document::{
    CaseResult, CheckDocument, CheckFinished, CheckStarted, Failure, GroupResult, Normalisation, RuleText,
    Totals, Verdict, quoted, shown,
};
use crate::check::expect::Expectations;
use crate::check::levels::{self, Seen};
use crate::check::path::{CasePath, semantic};
use crate::check::plans;
use crate::check::unseen::{lowers, no_tensors, unmet, why_unmet};
use crate::check::watch::{Progress, Watch, varied};
use crate::plan::{LoadPlan, Spelling};
use crate::rules::{
    self, Capability, Ending, Evidence, Finding, Judgement, Level, NotObserved, Output, Rule,
};
use crate::subject::{Case, NotAvailable};

/// The run that the other spellings of a plan are compared with.
struct Representative {
    path: CasePath,
    case: Case,
}

/// One judged case.
struct Judged {
    evidence: Evidence,
    path: CasePath,
    judgement: Judgement,
    diff: Option<String>,
    output_observed: bool,
    notes: Vec<String>,
    limit: Verdict,
}

/// A campaign under way.
pub(super) struct Run<'a, 'p> {
    matrix: &'a Matrix<'a>,
    watch: Watch<'a>,
    progress: &'p mut dyn FnMut(Progress),
    totals: Totals,
    expected: Expectations,
    groups: Vec<GroupResult>,
    cases: Vec<CaseResult>,
    failures: Vec<Failure>,
    /// Broken rules that are counted and not listed.
    unlisted: u64,
    seen: Seen,
    /// The output that all others must equal, and its spelling.
    output: Option<(Output, String)>,
    /// Why the outputs of the command prove nothing.
    own_output: Option<String>,
    normalisations: BTreeMap<&'static str, (String, u64)>,
    fired: Vec<u64>,
    /// Whether any case brought all weights of the model in.
    arrived: bool,
    not_arrived: Option<String>,
    blocked: Option<String>,
    /// What hid calls in a case, the first sentence about it.
    unseen: Option<String>,
    stop: bool,
}

impl<'a, 'p> Run<'a, 'p> {
    /// A campaign that has not begun.
    pub(super) fn new(
        matrix: &'a Matrix<'a>,
        watch: Watch<'a>,
        progress: &'p mut dyn FnMut(Progress),
    ) -> Self {
        Self {
            matrix,
            watch,
            progress,
            totals: Totals::default(),
            expected: matrix.expected.clone(),
            groups: Vec::new(),
            cases: Vec::new(),
            failures: Vec::new(),
            unlisted: 0,
            seen: Seen::default(),
            output: None,
            own_output: None,
            normalisations: BTreeMap::new(),
            fired: vec![0; matrix.faults.len()],
            arrived: false,
            not_arrived: None,
            blocked: None,
            unseen: None,
            stop: false,
        }
    }
}

impl Run<'_, '_> {
    fn is_done(&self) -> bool {
        self.stop || self.watch.is_interrupted()
    }

    /// Level P1: the table of the dialect against itself. A command's own reading of flags is seen in its
    /// operations, case by case.
    pub(super) fn level_one(&mut self) -> u64 {
        let (dialect, breadth) = (self.matrix.setting.dialect, self.matrix.breadth);
        if self.matrix.subject.is_command() {
            return 0;
        }
        let mut failures = Vec::new();
        let counts = plans::check(dialect, breadth, &mut |failure| failures.push(failure));
        self.totals.planned = counts.planned;
        self.totals.resolved = counts.resolved;
        self.totals.rejected = counts.rejected;
        self.seen.plans = counts.resolved;
        // A broken resolver breaks thousands of lines in one way: they are counted, and some are shown.
        self.unlisted = counts.failures.saturating_sub(failures.len() as u64);
        for failure in failures {
            self.fail(failure, &mut Vec::new());
        }
        counts.planned
    }

    /// The output of a command without flags, repeated: one that varies by itself, or shows nothing, proves
    /// nothing.
    pub(super) fn clean_output(&mut self) -> Result<(), NotAvailable> {
        if !self.matrix.subject.is_command() || self.matrix.wanted.level < Level::P2 {
            return Ok(());
        }
        let case = Case::of(Spelling::default(), self.matrix.setting.dialect);
        let first = self.watch.run(&case, &[])?;
        let runs = self.watch.repeated(&case, &[], first)?;
        self.own_output = match runs.iter().find(|run| run.completed()) {
            _ if varied(&runs).is_some() => varied(&runs).map(|seen| {
                format!("the output of the command without flags varies by itself ({seen}), so outputs are not compared")
            }),
            Some(run) => match &run.output {
                Some(output) if !output.is_empty() => {
                    self.output = Some((output.clone(), shown("").to_owned()));
                    None
                }
                _ => Some("the command writes nothing to standard output".to_owned()),
            },
            None => None,
        };
        Ok(())
    }

    pub(super) fn group(&mut self, plan: LoadPlan, cases: &[Case]) -> Result<(), NotAvailable> {
        let mut representative: Option<Representative> = None;
        let mut group: Option<GroupResult> = None;
        for chunk in cases.chunks(self.watch.jobs) {
            if self.is_done() {
                break;
            }
            for (case, evidence) in chunk.iter().zip(self.watch.run_all(chunk)?) {
                let mut judged = self.case(plan, case, evidence, representative.as_ref())?;
                let findings = judged.judgement.findings.clone();
                let verdict = self.close(plan, case, &mut judged);
                let row = group.get_or_insert_with(|| self.describe(plan, &judged));
                if representative.is_none() && findings.is_empty() && judged.evidence.completed() {
                    // What the table shows is what the others are compared with.
                    let (spellings, verdict, notes) =
                        (std::mem::take(&mut row.spellings), row.verdict, std::mem::take(&mut row.notes));
                    *row = GroupResult { spellings, verdict, notes, ..self.describe(plan, &judged) };
                    representative = Some(Representative { path: judged.path, case: case.clone() });
                }
                row.spellings.push(case.spelling.to_string());
                row.verdict = row.verdict.max(verdict);
                for note in judged.notes {
                    if !row.notes.contains(&note) {
                        row.notes.push(note);
                    }
                }
                for missing in judged.judgement.not_observed {
                    if !row.not_observed.contains(&missing) {
                        row.not_observed.push(missing);
                    }
                }
                (self.progress)(Progress::Finished);
            }
        }
        self.groups.extend(group);
        Ok(())
    }

    /// Judges a case; what a command does is repeated before a broken rule is believed.
    fn case(
        &mut self,
        plan: LoadPlan,
        case: &Case,
        first: Evidence,
        representative: Option<&Representative>,
    ) -> Result<Judged, NotAvailable> {
        for (sum, fired) in self.fired.iter_mut().zip(&first.fired) {
            *sum += fired;
        }
        let mut judged = self.assess(plan, first, representative);
        if judged.judgement.findings.is_empty() || self.watch.retries == 0 {
            return Ok(judged);
        }
        let runs = self.watch.repeated(case, &[], judged.evidence.clone())?;
        let others: Vec<Judged> =
            runs[1..].iter().map(|run| self.assess(plan, run.clone(), representative)).collect();
        let steady_output = varied(&runs).is_none();
        let mut steady_path = others.iter().all(|other| other.path.is_same(&judged.path));
        if steady_path
            && let Some(first) = representative
            && judged.judgement.findings.iter().any(|f| f.rule == Rule::SamePath)
        {
            // The other side has to be steady too.
            let again = self.watch.run(&first.case, &[])?;
            steady_path = CasePath::of(&again, true).is_same(&first.path);
        }
        let findings = std::mem::take(&mut judged.judgement.findings);
        for finding in findings {
            let rule = finding.rule;
            let times =
                1 + others.iter().filter(|o| o.judgement.findings.iter().any(|f| f.rule == rule)).count();
            let steady = match rule {
                Rule::SamePath => steady_path,
                Rule::SameOutput => steady_output,
                _ => true,
            };
            if times == runs.len() && steady {
                judged.judgement.findings.push(finding);
                continue;
            }
            let reason = match rule {
                Rule::SamePath if !steady_path => {
                    format!("the command takes different paths in {} runs", runs.len())
                }
                Rule::SameOutput if !steady_output => varied(&runs).unwrap_or_default(),
                _ => format!("broken in {times} of {} runs of one command line", runs.len()),
            };
            judged.judgement.not_observed.push(NotObserved::new(rule, Vec::new(), reason));
            judged.limit = judged.limit.max(Verdict::NotObserved);
            judged.diff = None;
        }
        Ok(judged)
    }

    /// Judges one run.
    fn assess(&self, plan: LoadPlan, evidence: Evidence, first: Option<&Representative>) -> Judged {
        let command = self.matrix.subject.is_command();
        let level = self.matrix.wanted.level;
        let path = CasePath::of(&evidence, command);
        let mut judgement = rules::judge(plan, &evidence, self.matrix.subject.profile());
        if let Ending::Failed(ending) = &evidence.ending
            && command
            && !evidence.opened()
        {
            judgement.findings.retain(|finding| finding.rule != Rule::Completes);
            let message = format!("the dialect reads it as {plan}, the command refused it: {ending}");
            judgement.findings.push(Finding::new(Rule::PlanTaken, message));
        }
        let mut diff = None;
        // What breaks a rule by itself takes another path for that reason.
        let compares = level >= Level::P2 && evidence.completed() && judgement.findings.is_empty();
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
        if let Some(reason) = &self.own_output {
            judgement.not_observed.push(missing(reason));
            return false;
        }
        let Some(output) = evidence.output.as_ref().filter(|output| !output.is_empty()) else {
            let reason = if self.matrix.subject.is_command() {
                "the command writes nothing to standard output"
            } else {
                "nothing was generated"
            };
            judgement.not_observed.push(missing(reason));
            return false;
        };
        if let Some((first, by)) = &self.output
            && let Some(message) = first.difference(output, by)
        {
            judgement.findings.push(Finding::new(Rule::SameOutput, message));
        }
        true
    }

    /// Counts a case and puts it down; gives its verdict.
    fn close(&mut self, plan: LoadPlan, case: &Case, judged: &mut Judged) -> Verdict {
        let spelling = case.spelling.to_string();
        let evidence = &judged.evidence;
        let completed = evidence.completed();
        self.unseen = self.unseen.take().or_else(|| evidence.unseen.first().cloned());
        self.seen.plans += u64::from(self.matrix.subject.is_command());
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
    fn fail(&mut self, mut failure: Failure, notes: &mut Vec<String>) -> Verdict {
        if let Some(reason) = self.expected.reason(&failure) {
            let Failure { rule, spelling, message, .. } = &failure;
            notes.push(format!("expected, because {reason}: {rule}: {}: {message}", quoted(spelling)));
            failure.expected = Some(reason);
            self.failures.push(failure);
            return Verdict::Expected;
        }
        self.stop |= self.matrix.fail_fast;
        (self.progress)(Progress::Failed);
        self.failures.push(failure);
        Verdict::Divergent
    }

    /// Runs the spellings that the dialect refuses.
    pub(super) fn refusals(&mut self, cases: &[Case]) -> Result<(), NotAvailable> {
        for chunk in cases.chunks(self.watch.jobs) {
            if self.is_done() {
                break;
            }
            for (case, evidence) in chunk.iter().zip(self.watch.run_all(chunk)?) {
                self.refusal(case, evidence)?;
                (self.progress)(Progress::Finished);
            }
        }
        Ok(())
    }

    fn refusal(&mut self, case: &Case, evidence: Evidence) -> Result<(), NotAvailable> {
        let dialect = self.matrix.setting.dialect;
        let spelling = case.spelling.to_string();
        let seen = |evidence: &Evidence| match (&evidence.ending, evidence.opened()) {
            (Ending::Failed(_), false) => None,
            (Ending::Failed(message), true) => {
                Some((Rule::UsageRefused, format!("it failed ({message}) after it had opened the model")))
            }
            (Ending::Completed, true) => {
                Some((Rule::UsageRefused, format!("it was taken: {}", evidence.effective())))
            }
            (Ending::Completed, false) => {
                Some((Rule::UsageRefused, "it completed without opening a model".to_owned()))
            }
            (Ending::Crashed(message), _) => Some((Rule::NoCrash, message.clone())),
            (Ending::TimeLimit(message), _) => Some((Rule::EndsInTime, message.clone())),
            (Ending::Killed(_), _) => None,
        };
        let path = CasePath::of(&evidence, self.matrix.subject.is_command()).fingerprint();
        let mut verdict = Verdict::Pass;
        let (mut findings, mut not_observed) = (Vec::new(), Vec::new());
        if let Ending::Killed(why) = &evidence.ending {
            self.blocked.get_or_insert(format!("{}: {why}", quoted(&spelling)));
            verdict = Verdict::Blocked;
        }
        if let Some((rule, what)) = seen(&evidence) {
            let runs = self.watch.repeated(case, &[], evidence)?;
            let times = runs.iter().filter(|run| seen(run).is_some_and(|(other, _)| other == rule)).count();
            let message = format!("the dialect {dialect} refuses it; {what}");
            if times == runs.len() {
                findings.push(Finding::new(rule, message.clone()));
                let reproduce = self.matrix.reproduce(&case.spelling);
                let (diff, expected, across) = (None, None, None);
                let spelling = spelling.clone();
                let failure =
                    Failure { rule, spelling, plan: None, message, diff, reproduce, expected, across };
                let mut notes = Vec::new();
                verdict = verdict.max(self.fail(failure, &mut notes));
            } else {
                let reason = format!("{what} in {times} of {} runs", runs.len());
                not_observed.push(NotObserved::new(rule, Vec::new(), reason));
                verdict = verdict.max(Verdict::NotObserved);
            }
        }
        self.cases.push(CaseResult {
            spelling,
            plan: CaseResult::REFUSED.to_owned(),
            resolved: CaseResult::REFUSED.to_owned(),
            path,
            loaded: false,
            output_observed: false,
            findings,
            not_observed,
            verdict,
        });
        Ok(())
    }

    fn describe(&self, plan: LoadPlan, judged: &Judged) -> GroupResult {
        let evidence = &judged.evidence;
        let semantic = semantic(evidence);
        let output = evidence.output.as_ref().filter(|_| judged.output_observed);
        GroupResult {
            plan,
            name: plan.to_string(),
            load_mode: self.matrix.setting.dialect.word_for(plan).map(str::to_owned),
            resolved: judged.judgement.decided.to_string(),
            spellings: Vec::new(),
            facts: facts(evidence),
            path: judged.path.fingerprint(),
            steps: judged.path.steps(),
            semantic: semantic.fingerprint(),
            semantic_steps: semantic.steps.iter().map(ToString::to_string).collect(),
            tensors: evidence.tensors.as_ref().and_then(|seen| seen.combined.clone()),
            logits: output.and_then(Output::logits_hash).map(str::to_owned),
            text: output.and_then(Output::text_hash).map(str::to_owned),
            not_observed: Vec::new(),
            notes: Vec::new(),
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
        let whole = !interrupted && !self.stop && self.matrix.only.is_empty() && self.matrix.part.is_none();
        if whole {
            self.failures.extend(self.expected.left_over());
        }
        let mut notes = self.matrix.notes.clone();
        let cases = self.cases.iter().map(|case| case.verdict).max().unwrap_or(Verdict::Pass);
        let failed = self.failures.iter().any(|failure| failure.expected.is_none());
        let mut verdict = if failed { Verdict::Divergent } else { cases };
        let mut why = None;
        let wants_loads = self.matrix.wanted.level >= Level::P2 && self.matrix.only.is_empty();
        if self.matrix.setting.truth.weights.is_empty() && self.matrix.wanted.level >= Level::P2 {
            verdict = verdict.max(Verdict::NotObserved);
            if self.matrix.subject.is_command() {
                verdict = Verdict::NotObserved;
                self.forget_findings(verdict);
            }
            why = Some(no_tensors(&self.matrix.model_name));
        } else if wants_loads && !self.arrived && !self.cases.is_empty() {
            verdict = Verdict::Blocked;
            self.forget_findings(verdict);
            let reason = self.not_arrived.clone().unwrap_or_else(|| "it loads nothing".to_owned());
            let model = &self.matrix.model_name;
            why = Some(format!("no spelling makes the subject load the weights of {model}: {reason}"));
        } else if verdict == Verdict::Blocked {
            why = self.blocked.clone();
        }
        let unmet = unmet(self.matrix.faults.iter().zip(self.fired.iter().copied()));
        if let Some(first) = unmet.first().filter(|_| !self.matrix.allow_unmet && verdict < Verdict::Blocked)
        {
            verdict = Verdict::NotObserved;
            why = Some(why_unmet(first));
        }
        let levels = self.seen.levels(self.matrix.wanted);
        notes.extend(self.seen.note().filter(|_| self.matrix.subject.is_command()));
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
                format!("{what} outputs were compared: {reason}")
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
