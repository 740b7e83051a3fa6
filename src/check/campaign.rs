//! The campaign itself: runs the cases, groups them by plan, compares and judges.

use std::collections::{BTreeMap, BTreeSet};

use super::contract::broken_rules;
use super::event::{
    CaseFinished, Event, Facts, Failure, Finished, GroupFinished, Level, Normalisation, Started, Totals,
    Verdict,
};
use super::plans;
use super::rule::{Finding, Rule};
use crate::engine::Generation;
use crate::plan::spelling::{flags, sequences, units};
use crate::plan::{Dialect, LoadPlan, Spelling};
use crate::rules::Summary;
use crate::subject::{CacheUse, Depth, Observed, Output, Request, Residency, Run, Subject, Truth};
use crate::trace::{Call, CodePath, Diff, NoticeCode, NoticeLevel, Op, Outcome, SemanticPath};

/// What to check.
pub struct Campaign<'a> {
    /// The thing under test.
    pub subject: &'a dyn Subject,
    /// How reports name the model.
    pub model_name: String,
    /// The dialect that spellings are read in.
    pub dialect: Dialect,
    /// How far to go.
    pub level: Level,
    /// Which spellings to really load.
    pub breadth: Breadth,
    /// What to generate in each case.
    pub generation: Generation,
    /// What the file holds.
    pub truth: &'a Truth,
}

/// Which spellings are really loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Breadth {
    /// Nothing at all, and one spelling of each plan; level P1 resolves lines of two parts and not of
    /// three. For an emulator, where a load takes seconds.
    Plans,
    /// Nothing at all, every way to write one thing, and every ordered pair of flags.
    #[default]
    Pairs,
    /// Every ordered triple of flags too.
    Triples,
}

/// The spellings that are really loaded.
pub fn real_spellings(dialect: Dialect, breadth: Breadth) -> Vec<Spelling> {
    let flags = flags(dialect);
    let longest = match breadth {
        Breadth::Plans => {
            let nothing = Spelling::default();
            let named = one_of_each(dialect).into_iter().map(|(_, spelling)| spelling);
            return std::iter::once(nothing.clone()).chain(named.filter(|s| *s != nothing)).collect();
        }
        Breadth::Pairs => 2,
        Breadth::Triples => 3,
    };
    let sequences = sequences(&flags, longest).map(|parts| Spelling::join(&parts));
    let mut seen = BTreeSet::new();
    sequences.chain(units(dialect)).filter(|spelling| seen.insert(spelling.clone())).collect()
}

impl Campaign<'_> {
    /// Runs everything, telling `tell` as it goes; returns the last event's content.
    pub fn run(&self, tell: &mut dyn FnMut(Event)) -> Finished {
        let spellings =
            if self.level == Level::P1 { Vec::new() } else { real_spellings(self.dialect, self.breadth) };
        tell(Event::Started(self.started(&spellings)));
        let mut totals = Totals::default();
        plans::check(self.dialect, self.breadth, &mut totals, &mut |failure| tell(Event::Failure(failure)));
        let failed_plans = totals.failures > 0;

        let groups = group_by_plan(self.dialect, spellings);
        let mut course = Course { campaign: self, totals, output: None, normalisations: BTreeMap::new() };
        let mut verdicts = vec![if failed_plans { Verdict::Divergent } else { Verdict::Pass }];
        for (plan, spellings) in groups {
            verdicts.push(course.run_group(plan, &spellings, tell));
        }
        let verdict = verdicts.into_iter().max().unwrap_or(Verdict::Pass);
        let exit_code = match verdict {
            Verdict::Divergent => 1,
            Verdict::Blocked => 3,
            Verdict::Pass | Verdict::Unsupported | Verdict::Expected => 0,
        };
        let normalisations = course.normalisations();
        let finished =
            Finished { totals: course.totals, normalisations, notes: Vec::new(), verdict, exit_code };
        tell(Event::Finished(finished.clone()));
        finished
    }

    fn depth(&self) -> Depth {
        match self.level {
            Level::P1 | Level::P2 => Depth::Load,
            Level::P3 => Depth::Hash,
            Level::P4 => Depth::Generate,
        }
    }

    fn request<'r>(&'r self, spelling: &'r Spelling) -> Request<'r> {
        Request { spelling, dialect: self.dialect, depth: self.depth(), generation: &self.generation }
    }

    fn started(&self, spellings: &[Spelling]) -> Started {
        let planned_loads = spellings.len() as u64;
        Started {
            tool: concat!("loadparity ", env!("CARGO_PKG_VERSION")).to_owned(),
            subject: self.subject.name(),
            model: self.model_name.clone(),
            model_hash: self.truth.tensors.combined(),
            dialect: self.dialect.to_string(),
            platform: self.subject.platform().to_owned(),
            arch: std::env::consts::ARCH.to_owned(),
            page_size: self.subject.page_size(),
            level: self.level,
            generation: self.settings(),
            planned_plans: plans::planned(self.dialect, self.breadth),
            planned_loads,
            planned_generations: if self.level == Level::P4 { planned_loads } else { 0 },
        }
    }

    /// What decides the output beside the model.
    fn settings(&self) -> String {
        let Generation { prompt, n_predict, sampler, .. } = &self.generation;
        let (seed, temperature) = (sampler.seed, sampler.temperature);
        format!("prompt {prompt:?}, {n_predict} tokens, seed {seed}, temperature {temperature}")
    }
}

/// The spellings of each plan. The `--load-mode` spelling, being the plan's name, represents it.
pub(super) fn group_by_plan(dialect: Dialect, spellings: Vec<Spelling>) -> Vec<(LoadPlan, Vec<Spelling>)> {
    let mut groups: BTreeMap<LoadPlan, Vec<Spelling>> = BTreeMap::new();
    for spelling in spellings {
        // Level P1 has counted what does not resolve; there is nothing to load.
        if let Ok(resolved) = spelling.resolve(dialect) {
            groups.entry(resolved.plan).or_default().push(spelling);
        }
    }
    let named = |s: &Spelling| s.env.is_empty() && s.argv.len() == 2 && s.argv[0] == "--load-mode";
    for spellings in groups.values_mut() {
        spellings.sort_by_key(|s| (!named(s), s.argv.len() + s.env.len()));
    }
    groups.into_iter().collect()
}

/// One spelling of each plan, the first of its group, in the order of the plans.
pub(super) fn one_of_each(dialect: Dialect) -> Vec<(LoadPlan, Spelling)> {
    let groups = group_by_plan(dialect, real_spellings(dialect, Breadth::Pairs));
    groups.into_iter().filter_map(|(plan, spellings)| Some((plan, spellings.into_iter().next()?))).collect()
}

/// A campaign under way.
struct Course<'a> {
    campaign: &'a Campaign<'a>,
    totals: Totals,
    /// The output of the first case that had one, and its spelling: all others must equal it.
    output: Option<(Output, String)>,
    normalisations: BTreeMap<&'static str, (String, u64)>,
}

/// The representative of a group, which its other members are compared with.
struct Representative {
    path: CodePath,
    spelling: String,
    group: GroupFinished,
}

impl Course<'_> {
    fn run_group(&mut self, plan: LoadPlan, spellings: &[Spelling], tell: &mut dyn FnMut(Event)) -> Verdict {
        let mut representative: Option<Representative> = None;
        for spelling in spellings {
            let verdict = self.run_case(plan, spelling, &mut representative, tell);
            if let Some(r) = &mut representative {
                r.group.verdict = r.group.verdict.max(verdict);
                r.group.spellings.push(spelling.to_string());
            }
        }
        let Some(Representative { group, .. }) = representative else { return Verdict::Pass };
        let verdict = group.verdict;
        self.totals.groups += 1;
        tell(Event::GroupFinished(Box::new(group)));
        verdict
    }

    fn run_case(
        &mut self,
        plan: LoadPlan,
        spelling: &Spelling,
        representative: &mut Option<Representative>,
        tell: &mut dyn FnMut(Event),
    ) -> Verdict {
        let campaign = self.campaign;
        let request = campaign.request(spelling);
        let run = campaign.subject.run(&request);
        let path = CodePath::from_ops(&run.ops);
        self.count(&run, &path);

        let (mut findings, notes, limited) = self.judge(plan, &run);
        let mut diff = None;
        if let Some(first) = representative {
            let difference = Diff::between(&first.path, &path);
            if !difference.is_identical() {
                let message =
                    format!("takes another path than `{}`, which asks for the same", first.spelling);
                findings.push(Finding { rule: Rule::SamePath, message });
                diff = Some(difference.to_string());
            }
        }
        if let Some(finding) = self.same_output(&run, spelling) {
            findings.push(finding);
        }
        let verdict = if findings.is_empty() { limited } else { Verdict::Divergent };
        self.totals.failures += findings.len() as u64;
        for Finding { rule, message } in &findings {
            tell(Event::Failure(Failure {
                rule: *rule,
                spelling: spelling.to_string(),
                plan: Some(plan.to_string()),
                message: message.clone(),
                diff: diff.clone().filter(|_| *rule == Rule::SamePath),
                reproduce: campaign.subject.reproduce(&request),
                across: None,
            }));
        }
        let resolved = run.resolved.unwrap_or(plan).to_string();
        tell(Event::CaseFinished(CaseFinished {
            spelling: spelling.to_string(),
            plan: plan.to_string(),
            resolved: resolved.clone(),
            path: path.fingerprint().to_string(),
            findings,
            verdict,
        }));
        if representative.is_none() {
            let tensors = campaign.truth.gguf.tensors.iter();
            let semantic = SemanticPath::of(&path, tensors.map(|t| campaign.truth.gguf.file_range(t)));
            self.count_rules(&semantic.rules_applied);
            let group = describe(plan, resolved, &run, &path, &semantic, notes);
            *representative = Some(Representative { path, spelling: spelling.to_string(), group });
        }
        verdict
    }

    fn count(&mut self, run: &Run, path: &CodePath) {
        self.totals.loaded += u64::from(run.result.is_ok());
        let generated = run.result.as_ref().is_ok_and(|o| o.output.is_some());
        self.totals.generated += u64::from(generated);
        self.count_rules(&path.rules_applied);
    }

    fn count_rules(&mut self, applied: &BTreeMap<crate::trace::Rule, usize>) {
        for (rule, times) in applied {
            let entry =
                self.normalisations.entry(rule.id()).or_insert_with(|| (rule.explanation().to_owned(), 0));
            entry.1 += *times as u64;
        }
    }

    /// What one run breaks by itself, what is to be said about it, and the best word it can get.
    fn judge(&self, plan: LoadPlan, run: &Run) -> (Vec<Finding>, Vec<String>, Verdict) {
        let truth = self.campaign.truth;
        let mut findings = Vec::new();
        match &run.result {
            Err(message) => findings.push(Finding { rule: Rule::Completes, message: message.clone() }),
            Ok(observed) => findings.extend(wrong_bytes(observed, truth)),
        }
        if run.result.is_ok() {
            let resolved = run.resolved.unwrap_or(plan);
            findings.extend(broken_rules(resolved, &run.ops, &truth.gguf, self.campaign.subject.page_size()));
        }
        let cache = run.result.as_ref().ok().and_then(|o| o.cache);
        let (mut notes, mut limited) = limits_of(plan, &run.ops, cache);
        if let Some(note) = run.result.as_ref().ok().and_then(|o| o.locked).and_then(lock_not_confirmed) {
            notes.push(note);
            limited = limited.max(Verdict::Unsupported);
        }
        (findings, notes, limited)
    }

    fn same_output(&mut self, run: &Run, spelling: &Spelling) -> Option<Finding> {
        let output = run.result.as_ref().ok()?.output.as_ref()?;
        let Some((first, by)) = &self.output else {
            self.output = Some((output.clone(), spelling.to_string()));
            return None;
        };
        let message = output_difference(first, output, by)?;
        Some(Finding { rule: Rule::SameOutput, message })
    }

    fn normalisations(&self) -> Vec<Normalisation> {
        self.normalisations
            .iter()
            .map(|(rule, (explanation, applied))| Normalisation {
                rule: (*rule).to_owned(),
                explanation: explanation.clone(),
                applied: *applied,
            })
            .collect()
    }
}

/// What differs between two outputs, in a sentence; `by` is the spelling of the first.
pub(super) fn output_difference(first: &Output, output: &Output, by: &str) -> Option<String> {
    match (first, output) {
        _ if first == output => None,
        (Output::Logits { tokens: a, .. }, Output::Logits { tokens: b, .. }) if a == b => {
            Some(format!("the tokens equal those of `{by}`, but the logits behind them differ"))
        }
        (Output::Logits { tokens: a, .. }, Output::Logits { tokens: b, .. }) => {
            let at = a.iter().zip(b).take_while(|(a, b)| a == b).count();
            Some(format!("the tokens differ from those of `{by}` from token {at} on"))
        }
        (Output::Text { bytes: a, .. }, Output::Text { bytes: b, .. }) => {
            let at = a.iter().zip(b).take_while(|(a, b)| a == b).count();
            let (a, b) = (a.len(), b.len());
            Some(format!("the text ({b} bytes) differs from that of `{by}` ({a} bytes) from byte {at} on"))
        }
        _ => Some(format!("the output is of another kind than that of `{by}`")),
    }
}

fn wrong_bytes(observed: &Observed, truth: &Truth) -> Option<Finding> {
    let index = observed.tensors.as_ref()?.first_difference(&truth.tensors)?;
    let name = truth.gguf.tensors.get(index).map_or("(a tensor the file does not have)", |t| &t.name);
    let message = format!("{name}: the loaded bytes are not the bytes of the file");
    Some(Finding { rule: Rule::SameBytes, message })
}

/// What keeps a run whose rules all hold from being a pass, and what is to be said about it.
fn limits_of(plan: LoadPlan, ops: &[Op], cache: Option<CacheUse>) -> (Vec<String>, Verdict) {
    let mut notes = Vec::new();
    let mut verdict = Verdict::Pass;
    for op in ops {
        match &op.call {
            Call::Notice(notice) => {
                notes.push(notice.text.clone());
                verdict = verdict.max(match (notice.level, notice.code) {
                    (NoticeLevel::Warning, NoticeCode::DirectRefused) => Verdict::Unsupported,
                    (NoticeLevel::Warning, NoticeCode::LockRefused) => Verdict::Blocked,
                    _ => Verdict::Pass,
                });
            }
            Call::Alignment { enforced: false, .. } if matches!(op.outcome, Outcome::Ok(_)) => {
                let told = cache.map_or_else(|| "cannot be told".to_owned(), passed_the_cache);
                notes.push(format!(
                    "this file system takes unaligned direct requests: that direct I/O bypassed the page \
                     cache {told}"
                ));
                if plan.source == crate::plan::Source::Direct {
                    verdict = verdict.max(Verdict::Unsupported);
                }
            }
            _ => {}
        }
    }
    (notes, verdict)
}

/// What the page cache shows of a direct load that nobody refused. Only pages that were not there before
/// can tell anything, the header's pages and what is read ahead of them come in with every load, and a page
/// may go at any time: this is evidence, and makes no pass.
fn passed_the_cache(CacheUse { before, after }: CacheUse) -> String {
    let missing = before.pages.saturating_sub(before.resident);
    let came = after.resident.saturating_sub(before.resident);
    let seen = match missing {
        0 => return "cannot be told (all of the file was in it before)".to_owned(),
        _ if came > missing / 2 => "is refuted",
        _ => "is likely",
    };
    format!("{seen} (of {missing} pages that were not in it, the load brought {came} in)")
}

/// What is to be said where the system granted locks and its own view of the pages says otherwise: that
/// is no fault of the loader, and no pass.
fn lock_not_confirmed(Residency { pages, resident, locked }: Residency) -> Option<String> {
    let shown = match locked {
        Some(0) if pages > 0 => "none of their pages as locked".to_owned(),
        Some(locked) if locked < pages => format!("{locked} of their {pages} pages as locked"),
        _ if resident < pages => format!("{resident} of their {pages} pages in memory"),
        _ => return None,
    };
    Some(format!("the locks were granted, and the system shows {shown}"))
}

fn describe(
    plan: LoadPlan,
    resolved: String,
    run: &Run,
    path: &CodePath,
    semantic: &SemanticPath,
    notes: Vec<String>,
) -> GroupFinished {
    let observed = run.result.as_ref().ok();
    GroupFinished {
        plan,
        name: plan.to_string(),
        load_mode: plan.reference_word().map(str::to_owned),
        resolved,
        spellings: Vec::new(),
        facts: Facts::from(&Summary::of(&run.ops)),
        path: path.fingerprint().to_string(),
        steps: path.steps.iter().map(ToString::to_string).collect(),
        semantic: semantic.fingerprint(),
        semantic_steps: semantic.steps.iter().map(ToString::to_string).collect(),
        tensors: observed.and_then(|o| o.tensors.as_ref()).map(crate::subject::TensorHashes::combined),
        logits: observed.and_then(|o| o.output.as_ref()).and_then(Output::logits).map(str::to_owned),
        text: None,
        notes,
        verdict: Verdict::Pass,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(before: u64, after: u64) -> String {
        let of = |resident| Residency { pages: 100, resident, locked: None };
        passed_the_cache(CacheUse { before: of(before), after: of(after) })
    }

    #[test]
    fn pages_that_came_in_refute_direct_io() {
        assert_eq!(cache(10, 100), "is refuted (of 90 pages that were not in it, the load brought 90 in)");
        assert_eq!(cache(0, 8), "is likely (of 100 pages that were not in it, the load brought 8 in)");
        assert_eq!(cache(60, 20), "is likely (of 40 pages that were not in it, the load brought 0 in)");
        assert!(cache(100, 100).starts_with("cannot be told"));
    }
}
