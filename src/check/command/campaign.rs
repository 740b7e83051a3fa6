//! The matrix of spellings on a command.

use std::collections::BTreeSet;

use super::duties::broken_duties;
use super::expect::Expectations;
use super::watch::{Patience, Stable, Watch, path_of, stable, varied};
use crate::check::campaign::{Breadth, group_by_plan, output_difference, real_spellings};
use crate::check::event::{
    CaseFinished, Event, Facts, Failure, Finished, GroupFinished, Level, Started, Totals, Verdict,
};
use crate::check::judge::word;
use crate::check::rule::{Finding, Rule};
use crate::plan::spelling::flags;
use crate::plan::{Dialect, LoadPlan, OnRefused, Source, Spelling};
use crate::rules::{EffectiveSource, Summary};
use crate::subject::{CommandRun, ExternalCommand, Output, Subject, TraceError, Truth};
use crate::trace::{CodePath, Diff, SemanticPath};

/// What P3 is worth here, for every report.
pub(super) const NO_BYTES: &str = "P3: not observed: the memory of a command is not hashed, so that its tensors hold the bytes of the file is not shown";

/// What to check on a command.
pub struct CommandCampaign<'a> {
    /// The command.
    pub subject: &'a ExternalCommand,
    /// How reports name the model.
    pub model_name: String,
    /// The dialect that predicts what spellings do.
    pub dialect: Dialect,
    /// What is to be said about how the dialect was found.
    pub notes: Vec<String>,
    /// P1, P2 or P4; P3 cannot be observed.
    pub level: Level,
    /// Which spellings to really load.
    pub breadth: Breadth,
    /// What the file holds.
    pub truth: &'a Truth,
    /// How unstable output is treated.
    pub patience: Patience,
    /// Divergences that are known.
    pub expected: Expectations,
}

impl CommandCampaign<'_> {
    /// Runs everything, telling `tell` as it goes; returns the last event's content.
    ///
    /// # Errors
    /// When the command cannot be started or traced.
    pub fn run(&self, tell: &mut dyn FnMut(Event)) -> Result<Finished, TraceError> {
        let spellings = real_spellings(self.dialect, self.breadth);
        let refused = refused_spellings(self.dialect);
        tell(Event::Started(started(
            self.subject,
            &self.model_name,
            self.truth,
            self.dialect,
            self.level,
            spellings.len() + refused.len(),
        )));
        let watch = Watch::new(self.subject, self.patience);
        let (clean, stable) = watch.clean(&Spelling::default())?;
        let mut course = Course {
            campaign: self,
            watch,
            stable,
            clean: clean.completed().then(|| clean.output()),
            expected: self.expected.clone(),
            totals: Totals { planned: (spellings.len() + refused.len()) as u64, ..Totals::default() },
            verdict: Verdict::Pass,
            notes: self.notes.clone(),
            tell,
        };
        course.notes.extend(unstable_notes(stable, self.patience, self.level));
        for (plan, spellings) in group_by_plan(self.dialect, spellings) {
            course.group(plan, &spellings)?;
        }
        for spelling in refused {
            course.refusal(&spelling)?;
        }
        course.left_over();
        let mut notes = course.notes;
        notes.push(NO_BYTES.to_owned());
        notes.push(format!("{} processes were started", course.watch.runs()));
        let (totals, verdict) = (course.totals, course.verdict);
        let finished = finished(totals, notes, verdict);
        tell(Event::Finished(finished.clone()));
        Ok(finished)
    }
}

/// The end of a campaign on a command.
pub(super) fn finished(totals: Totals, notes: Vec<String>, verdict: Verdict) -> Finished {
    let exit_code = match verdict {
        Verdict::Divergent => 1,
        Verdict::Blocked => 3,
        Verdict::Pass | Verdict::Unsupported | Verdict::Expected => 0,
    };
    Finished { totals, normalisations: Vec::new(), notes, verdict, exit_code }
}

/// The beginning of a campaign on a command.
pub(super) fn started(
    subject: &ExternalCommand,
    model_name: &str,
    truth: &Truth,
    dialect: Dialect,
    level: Level,
    planned: usize,
) -> Started {
    let planned = planned as u64;
    Started {
        tool: concat!("loadparity ", env!("CARGO_PKG_VERSION")).to_owned(),
        subject: subject.name(),
        model: model_name.to_owned(),
        model_hash: truth.tensors.combined(),
        dialect: dialect.to_string(),
        platform: subject.platform().to_owned(),
        arch: std::env::consts::ARCH.to_owned(),
        page_size: subject.page_size(),
        level,
        generation: "the command's own".to_owned(),
        planned_plans: planned,
        planned_loads: planned,
        planned_generations: if level == Level::P4 { planned } else { 0 },
    }
}

fn unstable_notes(stable: Stable, patience: Patience, level: Level) -> Vec<String> {
    let runs = patience.retries + 1;
    let mut notes = Vec::new();
    if !stable.output && level == Level::P4 {
        notes.push(format!("P4: blocked: the command's own clean output varies within {runs} runs, so outputs are not compared"));
    }
    if !stable.path && level >= Level::P2 {
        notes.push(format!("P2: blocked: the command's own clean code path varies within {runs} runs, so paths are not compared"));
    }
    notes
}

/// The flags and words of all dialects that this one refuses, and a word that nobody knows.
fn refused_spellings(dialect: Dialect) -> Vec<Spelling> {
    let all = Dialect::ALL.into_iter().flat_map(flags);
    let unknown = ["-lm", "--load-mode"].map(|name| Spelling::flags([name, "no-such-mode"]));
    let mut seen = BTreeSet::new();
    all.chain(unknown)
        .filter(|spelling| spelling.resolve(dialect).is_err() && seen.insert(spelling.clone()))
        .collect()
}

/// A campaign under way.
struct Course<'a, 't> {
    campaign: &'a CommandCampaign<'a>,
    watch: Watch<'a>,
    stable: Stable,
    /// The clean output; `None` where the clean run failed.
    clean: Option<Output>,
    expected: Expectations,
    totals: Totals,
    verdict: Verdict,
    /// What is to be said at the end.
    notes: Vec<String>,
    tell: &'t mut dyn FnMut(Event),
}

/// The run that the other spellings of a plan are compared with.
struct Representative {
    path: CodePath,
    spelling: String,
}

/// One judged case.
struct Case {
    findings: Vec<Finding>,
    diff: Option<String>,
    notes: Vec<String>,
    limited: Verdict,
    resolved: LoadPlan,
    run: CommandRun,
}

impl Course<'_, '_> {
    fn group(&mut self, plan: LoadPlan, spellings: &[Spelling]) -> Result<(), TraceError> {
        let mut representative: Option<Representative> = None;
        let mut group: Option<GroupFinished> = None;
        for spelling in spellings {
            let mut case = self.case(plan, spelling, representative.as_ref())?;
            let verdict = self.close(plan, spelling, &mut case);
            let path = path_of(&case.run.ops);
            let told = group.get_or_insert_with(|| self.describe(plan, &case, &path));
            if representative.is_none() && case.findings.is_empty() {
                // What the table shows is what the others are compared with.
                let (spellings, verdict) = (std::mem::take(&mut told.spellings), told.verdict);
                *told = GroupFinished { spellings, verdict, ..self.describe(plan, &case, &path) };
                representative = Some(Representative { path, spelling: spelling.to_string() });
            }
            told.spellings.push(spelling.to_string());
            told.verdict = told.verdict.max(verdict);
            for note in case.notes {
                if !told.notes.contains(&note) {
                    told.notes.push(note);
                }
            }
        }
        if let Some(group) = group {
            self.totals.groups += 1;
            (self.tell)(Event::GroupFinished(Box::new(group)));
        }
        Ok(())
    }

    /// Runs and judges one spelling; what disagrees with the others is repeated before it is believed.
    fn case(
        &mut self,
        plan: LoadPlan,
        spelling: &Spelling,
        representative: Option<&Representative>,
    ) -> Result<Case, TraceError> {
        let first = self.watch.run(spelling, &[])?;
        let mut case = self.alone(plan, first);
        self.totals.resolved += 1;
        self.totals.loaded += u64::from(case.run.completed() && case.run.opened());
        if !case.findings.is_empty() {
            return Ok(case);
        }
        let level = self.campaign.level;
        let path_of = |run: &CommandRun| path_of(&run.ops);
        let compares_path = level >= Level::P2 && self.stable.path;
        let compares_output = level == Level::P4 && self.stable.output;
        let same_path = |run: &CommandRun| {
            representative.filter(|_| compares_path).is_none_or(|r| r.path.steps == path_of(run).steps)
        };
        let clean = self.clean.as_ref().filter(|_| compares_output);
        let same_output = |run: &CommandRun| clean.is_none_or(|clean| *clean == run.output());
        let again = || self.watch.run(spelling, &[]);
        let runs = self.watch.until(case.run.clone(), again, |run| same_path(run) && same_output(run))?;
        let steady = stable(&runs);
        let generated = level == Level::P4 && case.run.completed();
        self.totals.generated += u64::from(generated);
        if let Some(r) = representative.filter(|_| !runs.iter().all(same_path)) {
            if steady.path {
                let message = format!("takes another path than `{}`, which asks for the same", r.spelling);
                case.findings.push(Finding { rule: Rule::SamePath, message });
                case.diff = Some(Diff::between(&r.path, &path_of(&case.run)).to_string());
            } else {
                case.notes
                    .push(format!("P2: blocked: `{spelling}` takes different paths in {} runs", runs.len()));
                case.limited = case.limited.max(Verdict::Blocked);
            }
        }
        if let Some(clean) = clean.filter(|_| !runs.iter().all(same_output)) {
            if steady.output {
                let message = output_difference(clean, &case.run.output(), "(no flag)").unwrap_or_default();
                case.findings.push(Finding { rule: Rule::SameOutput, message });
            } else {
                case.notes.push(format!("P4: blocked: `{spelling}`: {}", varied(&runs)));
                case.limited = case.limited.max(Verdict::Blocked);
            }
        }
        Ok(case)
    }

    /// Judges a run by itself: the prediction, then the duties of the plan.
    fn alone(&self, asked: LoadPlan, run: CommandRun) -> Case {
        let summary = Summary::of(&run.ops);
        let Limits { resolved, notes, verdict } = limits(asked, &summary, &run);
        let mut findings = Vec::new();
        if !run.completed() && !run.opened() {
            let message =
                format!("the dialect reads it as {asked}, the command refused it: {}", run.ending());
            findings.push(Finding { rule: Rule::PlanTaken, message });
        } else if !run.completed() {
            findings.push(Finding { rule: Rule::Completes, message: run.ending() });
        } else if summary.effective != word(resolved) {
            let message = format!("the plan is {resolved}, the operations show {}", summary.effective);
            findings.push(Finding { rule: Rule::PlanTaken, message });
        } else {
            findings = broken_duties(asked, resolved, &run.ops, &self.campaign.truth.gguf);
        }
        let unstable = (self.campaign.level == Level::P4 && !self.stable.output)
            || (self.campaign.level >= Level::P2 && !self.stable.path);
        let limited = if unstable { verdict.max(Verdict::Blocked) } else { verdict };
        Case { findings, diff: None, notes, limited, resolved, run }
    }

    /// Tells the findings of a case and its end; gives its verdict.
    fn close(&mut self, plan: LoadPlan, spelling: &Spelling, case: &mut Case) -> Verdict {
        let mut verdict = case.limited;
        for finding in &case.findings {
            let failure = Failure {
                rule: finding.rule,
                spelling: spelling.to_string(),
                plan: Some(plan.to_string()),
                message: finding.message.clone(),
                diff: case.diff.clone().filter(|_| finding.rule == Rule::SamePath),
                reproduce: self.campaign.subject.trace_line(spelling, &[]),
                across: None,
            };
            verdict = verdict.max(self.fail(failure, &mut case.notes));
        }
        (self.tell)(Event::CaseFinished(CaseFinished {
            spelling: spelling.to_string(),
            plan: plan.to_string(),
            resolved: case.resolved.to_string(),
            path: path_of(&case.run.ops).fingerprint().to_string(),
            findings: case.findings.clone(),
            verdict,
        }));
        self.verdict = self.verdict.max(verdict);
        verdict
    }

    /// Tells a failure, or, where it is known, notes it; gives the verdict for it.
    fn fail(&mut self, failure: Failure, notes: &mut Vec<String>) -> Verdict {
        if let Some(reason) = self.expected.reason(&failure) {
            let Failure { rule, spelling, message, .. } = failure;
            notes.push(format!("expected, because {reason}: {rule}: `{spelling}`: {message}"));
            return Verdict::Expected;
        }
        self.totals.failures += 1;
        (self.tell)(Event::Failure(failure));
        Verdict::Divergent
    }

    /// Runs a spelling that the dialect refuses.
    fn refusal(&mut self, spelling: &Spelling) -> Result<(), TraceError> {
        let run = self.watch.run(spelling, &[])?;
        self.totals.rejected += 1;
        let seen = match (run.opened(), run.completed()) {
            (false, false) => None,
            (true, false) => Some(format!("it failed ({}) after it had opened the model", run.status)),
            (_, true) => Some(format!("it was taken: {}", Summary::of(&run.ops).effective)),
        };
        let mut verdict = Verdict::Pass;
        let mut findings = Vec::new();
        if let Some(seen) = seen {
            let message = format!("the dialect {} refuses it; {seen}", self.campaign.dialect);
            findings.push(Finding { rule: Rule::UsageRefused, message: message.clone() });
            let failure = Failure {
                rule: Rule::UsageRefused,
                spelling: spelling.to_string(),
                plan: None,
                message,
                diff: None,
                reproduce: self.campaign.subject.trace_line(spelling, &[]),
                across: None,
            };
            let mut notes = std::mem::take(&mut self.notes);
            verdict = self.fail(failure, &mut notes);
            self.notes = notes;
        }
        (self.tell)(Event::CaseFinished(CaseFinished {
            spelling: spelling.to_string(),
            plan: "refused".to_owned(),
            resolved: "refused".to_owned(),
            path: path_of(&run.ops).fingerprint().to_string(),
            findings,
            verdict,
        }));
        self.verdict = self.verdict.max(verdict);
        Ok(())
    }

    /// Known divergences that are gone fail the run.
    fn left_over(&mut self) {
        for failure in self.expected.left_over() {
            self.totals.failures += 1;
            self.verdict = Verdict::Divergent;
            (self.tell)(Event::Failure(failure));
        }
    }

    fn describe(&self, plan: LoadPlan, case: &Case, path: &CodePath) -> GroupFinished {
        let tensors = self.campaign.truth.gguf.tensors.iter();
        let semantic = SemanticPath::of(path, tensors.map(|t| self.campaign.truth.gguf.file_range(t)));
        let text = (self.campaign.level == Level::P4 && case.run.completed()).then(|| case.run.output());
        GroupFinished {
            plan,
            name: plan.to_string(),
            load_mode: self.campaign.dialect.word_for(plan).map(str::to_owned),
            resolved: case.resolved.to_string(),
            spellings: Vec::new(),
            facts: Facts::from(&Summary::of(&case.run.ops)),
            path: path.fingerprint().to_string(),
            steps: path.steps.iter().map(ToString::to_string).collect(),
            semantic: semantic.fingerprint(),
            semantic_steps: semantic.steps.iter().map(ToString::to_string).collect(),
            tensors: None,
            logits: None,
            text: text.as_ref().and_then(Output::text).map(str::to_owned),
            notes: Vec::new(),
            verdict: Verdict::Pass,
        }
    }
}

/// What a plan comes to on this machine, and what keeps it from being a pass.
pub(super) struct Limits {
    pub(super) resolved: LoadPlan,
    pub(super) notes: Vec<String>,
    pub(super) verdict: Verdict,
}

/// Decides `auto` and refusals by what the operations show.
pub(super) fn limits(asked: LoadPlan, summary: &Summary, run: &CommandRun) -> Limits {
    let mut resolved = asked;
    let mut notes = Vec::new();
    let mut verdict = Verdict::Pass;
    if asked.source == Source::Auto {
        // It never decides for direct I/O by itself: that stays a difference.
        resolved.source = match summary.effective.source {
            Some(EffectiveSource::Read) => Source::Read,
            _ => Source::Map,
        };
    }
    let refused = |what: &str| summary.fallbacks.iter().find(|f| f.what == what);
    if asked.source == Source::Direct
        && let Some(refusal) = refused("direct-open").or_else(|| refused("direct-read"))
    {
        let to = if asked.on_refused == Some(OnRefused::Map) { Source::Map } else { Source::Read };
        resolved = LoadPlan { source: to, on_refused: None, ..resolved };
        notes.push(format!("{refusal}: the fallback is judged"));
        verdict = Verdict::Unsupported;
    }
    if asked.lock
        && !summary.effective.locked
        && let Some(refusal) = refused("lock")
    {
        resolved.lock = false;
        notes.push(format!("{refusal}: {} bytes stay locked", summary.locked_bytes));
        verdict = Verdict::Blocked;
    }
    for unseen in &run.unseen {
        notes.push((*unseen).to_owned());
        verdict = verdict.max(Verdict::Unsupported);
    }
    Limits { resolved, notes, verdict }
}
