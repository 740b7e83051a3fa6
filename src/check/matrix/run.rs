//! A matrix under way: cases are run, and repeated where they break a rule.

use std::collections::BTreeMap;

use super::judged::{Judged, Representative};
use super::{Matrix, Selection};
use crate::check::document::{CaseResult, Failure, GroupResult, Totals, Verdict, quoted, shown};
use crate::check::expect::Expectations;
use crate::check::levels::Seen;
use crate::check::path::CasePath;
use crate::check::plans;
use crate::check::said::Said;
use crate::check::shows::{NoOutput, Shows};
use crate::check::watch::{Progress, Watch, varied};
use crate::plan::{LoadPlan, Spelling};
use crate::rules::{Applies, Ending, Evidence, Finding, Level, NotObserved, Output, Rule, weights_arrived};
use crate::subject::{Case, NotAvailable};

/// The cases of one plan, as far as they are judged.
struct Group {
    plan: LoadPlan,
    result: GroupResult,
    representative: Option<Representative>,
}

/// A campaign under way.
pub(super) struct Run<'a, 'p> {
    pub(super) matrix: &'a Matrix<'a>,
    pub(super) watch: &'p Watch<'a>,
    pub(super) progress: &'p mut dyn FnMut(Progress),
    pub(super) totals: Totals,
    pub(super) expected: Expectations,
    pub(super) groups: Vec<GroupResult>,
    pub(super) cases: Vec<CaseResult>,
    pub(super) failures: Vec<Failure>,
    /// Broken rules that are counted and not listed.
    pub(super) unlisted: u64,
    pub(super) seen: Seen,
    /// The output that all others must equal, and its spelling.
    pub(super) output: Option<(Output, String)>,
    /// What a command says without flags, where nothing is refused: other words are of something that it met.
    pub(super) said: Option<Said>,
    /// Why the outputs of the command prove nothing.
    pub(super) own_output: Option<NoOutput>,
    /// Why it is not known whether they do.
    pub(super) untried: Option<String>,
    /// Whether the command brought the weights in without flags.
    pub(super) clean_arrived: bool,
    /// What is to be said of the whole campaign.
    pub(super) notes: Vec<String>,
    pub(super) normalisations: BTreeMap<&'static str, (String, u64)>,
    pub(super) fired: Vec<u64>,
    /// Whether any case brought all weights of the model in.
    pub(super) arrived: bool,
    pub(super) not_arrived: Option<String>,
    pub(super) blocked: Option<String>,
    /// What hid calls in a case, the first sentence about it.
    pub(super) unseen: Option<String>,
    pub(super) stop: bool,
}

impl<'a, 'p> Run<'a, 'p> {
    /// A campaign that has not begun.
    pub(super) fn new(
        matrix: &'a Matrix<'a>,
        watch: &'p Watch<'a>,
        progress: &'p mut dyn FnMut(Progress),
    ) -> Self {
        Self {
            matrix,
            watch,
            progress,
            totals: Totals::default(),
            expected: matrix.campaign.expected.clone(),
            groups: Vec::new(),
            cases: Vec::new(),
            failures: Vec::new(),
            unlisted: 0,
            seen: Seen::default(),
            output: None,
            said: None,
            own_output: None,
            untried: None,
            clean_arrived: false,
            notes: Vec::new(),
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
        let (dialect, breadth) = (self.matrix.campaign.setting.dialect, self.matrix.breadth);
        if self.matrix.campaign.subject.is_command() {
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
        let profile = self.matrix.campaign.subject.profile();
        failures.retain(|failure| profile.applies(failure.rule) == Applies::Yes);
        for failure in failures {
            self.fail(failure, &mut Vec::new());
        }
        counts.planned
    }

    /// The output of a command without flags, repeated: one that varies by itself, or shows nothing, proves
    /// nothing.
    pub(super) fn clean_output(&mut self) -> Result<(), NotAvailable> {
        if !self.matrix.campaign.subject.is_command() || self.matrix.wanted.level < Level::P2 {
            return Ok(());
        }
        let case = Case::of(Spelling::default(), self.matrix.campaign.setting.dialect);
        let first = self.watch.run(&case, &[])?;
        let runs = self.watch.repeated(&case, &[], first)?;
        self.said = Said::of_what_met_nothing(&runs);
        self.clean_arrived = runs.iter().any(|run| weights_arrived(run).is_ok());
        let Shows { mute, untried } = match self.matrix.wanted.level < Level::P4 {
            true => Shows::default(),
            false => Shows::of(self.watch, &case, &runs)?,
        };
        self.untried = untried;
        self.own_output =
            mute.map(|mute| mute.told("the output of the command without flags", "the command"));
        if NoOutput::compares(self.own_output.as_ref()) {
            let output = runs.into_iter().find(Evidence::completed).and_then(|run| run.output);
            self.output = output.map(|output| (output, shown("").to_owned()));
        }
        Ok(())
    }

    /// Whether a command brings the weights in neither without flags nor in the first spelling of any plan, as one
    /// that is given a wrong path: then the others are not tried.
    pub(super) fn loads_nothing(&mut self, selection: &Selection) -> Result<bool, NotAvailable> {
        if !self.matrix.campaign.subject.is_command() || self.clean_arrived {
            return Ok(false);
        }
        for (_, cases) in &selection.groups {
            let Some(case) = cases.first() else { continue };
            if weights_arrived(&self.watch.run(case, &[])?).is_ok() {
                return Ok(false);
            }
        }
        let all: usize = selection.groups.iter().map(|(_, cases)| cases.len()).sum();
        let left = all - selection.groups.len();
        if left > 0 {
            let first = "the first spelling of each plan loads nothing";
            self.notes.push(format!("{first}, so {left} more of them were not tried"));
        }
        Ok(left > 0)
    }

    /// The cases of all plans, and the spellings that the dialect refuses.
    pub(super) fn cases(&mut self, selection: &Selection) -> Result<(), NotAvailable> {
        let groups =
            || selection.groups.iter().flat_map(|(plan, cases)| cases.iter().map(move |c| (Some(*plan), c)));
        let refused = selection.refused.iter().map(|case| (None, case));
        let (plans, cases): (Vec<Option<LoadPlan>>, Vec<&Case>) = groups().chain(refused).unzip();
        let (mut group, watch) = (None, self.watch);
        watch.in_order(&cases, &mut |at, evidence| {
            match (plans[at], cases[at]) {
                (Some(plan), case) => self.of_group(&mut group, plan, case, evidence)?,
                (None, case) => self.refusal(case, evidence)?,
            }
            (self.progress)(Progress::Finished);
            Ok(!self.is_done())
        })?;
        self.groups.extend(group.map(|group: Group| group.result));
        Ok(())
    }

    fn of_group(
        &mut self,
        group: &mut Option<Group>,
        plan: LoadPlan,
        case: &Case,
        evidence: Evidence,
    ) -> Result<(), NotAvailable> {
        if let Some(complete) = group.take_if(|group| group.plan != plan) {
            self.groups.push(complete.result);
        }
        let first = group.as_ref().and_then(|group| group.representative.as_ref());
        let mut judged = self.case(plan, case, evidence, first)?;
        let findings = judged.judgement.findings.clone();
        let verdict = self.close(plan, case, &mut judged);
        let group = group.get_or_insert_with(|| Group {
            plan,
            result: self.describe(plan, &judged),
            representative: None,
        });
        let row = &mut group.result;
        if group.representative.is_none() && findings.is_empty() && judged.evidence.completed() {
            // What the table shows is what the others are compared with.
            let (spellings, verdict, notes) =
                (std::mem::take(&mut row.spellings), row.verdict, std::mem::take(&mut row.notes));
            *row = GroupResult { spellings, verdict, notes, ..self.describe(plan, &judged) };
            group.representative = Some(Representative { path: judged.path, case: case.clone() });
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

    /// Judges a spelling that the dialect refuses.
    fn refusal(&mut self, case: &Case, evidence: Evidence) -> Result<(), NotAvailable> {
        let dialect = self.matrix.campaign.setting.dialect;
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
            (Ending::Crashed(message) | Ending::Aborted(message), _) => {
                Some((Rule::NoCrash, message.clone()))
            }
            (Ending::TimeLimit(message), _) => Some((Rule::EndsInTime, message.clone())),
            (Ending::Killed(_), _) => None,
        };
        let path = CasePath::of(&evidence, self.matrix.campaign.subject.is_command()).fingerprint();
        let mut verdict = Verdict::Pass;
        let (mut findings, mut not_observed) = (Vec::new(), Vec::new());
        if let Ending::Killed(why) = &evidence.ending {
            self.blocked.get_or_insert(format!("{}: {why}", quoted(&spelling)));
            verdict = Verdict::Blocked;
        }
        let profile = self.matrix.campaign.subject.profile();
        let broken = seen(&evidence).filter(|(rule, _)| profile.applies(*rule) == Applies::Yes);
        if let Some((rule, what)) = broken {
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
}
