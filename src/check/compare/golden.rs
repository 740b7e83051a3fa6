//! A command and what was recorded of it: golden code paths of a loader that is not ours.
//!
//! What a change comes to is decided as between two commands; the old side is a file.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use super::impact::judge;
use super::ran::{MemoryNeeds, Ran};
use super::side::{Side, settle};
use super::sum::{End, Frame, SideEnd, failure};
use crate::check::cases::{Breadth, real_spellings};
use crate::check::document::{
    BaselineDocument, BaselineRow, CompareDocument, CompareTotals, Compared, Header, Impact, Verdict, quoted,
};
use crate::check::expect::Expectations;
use crate::check::shows::NoOutput;
use crate::check::watch::{Progress, Watch};
use crate::plan::Spelling;
use crate::rules::{Capability, Ending, Evidence, NotObserved, Rule, TensorBytes, weights_arrived};
use crate::subject::{Case, ExternalCommand, NotAvailable, Setting, Subject, shell_line};

/// A command and its golden code paths.
pub struct Baseline<'a> {
    /// The command.
    pub command: &'a ExternalCommand,
    /// How reports name the model.
    pub model_name: String,
    /// Dialect, depth, what the model holds.
    pub setting: Setting<'a>,
    /// Only these spellings; all where it is empty.
    pub only: Vec<Spelling>,
    /// Whether every spelling is run that a check of the command runs, and not one of each plan.
    pub every_spelling: bool,
    /// How often the command is run again before what it does is believed.
    pub retries: u32,
    /// Whether it is no pass where no output was compared.
    pub needs_output: bool,
    /// Changes that are known.
    pub expected: Expectations,
    /// The words that `baseline verify` finds the same file, model and dialect by.
    pub again: Vec<String>,
    /// Set from outside to end the campaign early.
    pub interrupted: &'a AtomicBool,
}

/// What came of recording.
#[derive(Debug)]
pub enum Recorded {
    /// Everything that is to be kept.
    Whole(Box<BaselineDocument>),
    /// There is nothing to keep, because of this.
    Blocked(Vec<String>),
}

/// One spelling of two baselines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The spelling.
    pub spelling: String,
    /// What the change comes to.
    pub impact: Impact,
    /// What changed, a sentence each.
    pub what: Vec<String>,
    /// The code paths side by side, where they differ.
    pub diff: Option<String>,
}

fn whole(run: &Evidence) -> bool {
    run.tensors.as_ref().is_some_and(TensorBytes::is_whole)
}

fn hash(run: &Evidence) -> Option<String> {
    run.output.as_ref().and_then(|output| output.text_hash()).map(str::to_owned)
}

/// What differs between the output on file and another, where both are held.
fn another(old: Option<&String>, new: Option<&String>) -> Option<String> {
    let (old, new) = old.zip(new)?;
    (old != new).then(|| "the output is not the one on file".to_owned())
}

impl Baseline<'_> {
    fn cases(&self) -> Vec<Case> {
        let dialect = self.setting.dialect;
        let all = match &self.only[..] {
            [] if self.every_spelling => real_spellings(dialect, Breadth::Pairs),
            [] => real_spellings(dialect, Breadth::Plans),
            only => only.to_vec(),
        };
        all.into_iter().map(|spelling| Case::of(spelling, dialect)).collect()
    }

    /// What a document of this command begins with: no row yet.
    #[must_use]
    pub fn head(&self) -> BaselineDocument {
        BaselineDocument {
            schema: BaselineDocument::SCHEMA.to_owned(),
            header: Header::new(&self.model_name, self.command.platform()),
            model_hash: self.setting.truth.tensors.combined(),
            dialect: self.setting.dialect.to_string(),
            page_size: self.command.page_size(),
            command: self.command.name(),
            every_spelling: self.every_spelling,
            no_output: None,
            rows: Vec::new(),
        }
    }

    fn side(&self) -> Result<Side<'_>, NotAvailable> {
        Side::new("new", Watch::new(self.command, self.setting, self.retries, 1, self.interrupted))
    }

    /// Runs every case as often as patience allows. Only what is the same each time can be kept: where one case is
    /// not, nothing is.
    ///
    /// # Errors
    /// When the command cannot be started or traced.
    pub fn record(&self, progress: &mut dyn FnMut(Progress)) -> Result<Recorded, NotAvailable> {
        let cases = self.cases();
        progress(Progress::Planned(cases.len() as u64));
        let side = self.side()?;
        if let Err(why) = &side.arrived {
            let model = &self.model_name;
            return Ok(Recorded::Blocked(vec![format!(
                "without flags the command does not load the weights of {model}: {why}"
            )]));
        }
        let mut document = BaselineDocument {
            no_output: side.no_output.as_ref().map(|no| no.reason.clone()),
            ..self.head()
        };
        let mut blocked = Vec::new();
        for case in &cases {
            if side.watch.is_interrupted() {
                return Ok(Recorded::Blocked(vec!["interrupted".to_owned()]));
            }
            match self.row(&side, case)? {
                Ok(row) => document.rows.push(row),
                Err(why) => {
                    progress(Progress::Failed);
                    blocked.push(format!("{}: {why}", quoted(&case.spelling.to_string())));
                }
            }
            progress(Progress::Finished);
        }
        if cases.is_empty() {
            blocked.push("no spelling was asked for".to_owned());
        }
        Ok(if blocked.is_empty() { Recorded::Whole(Box::new(document)) } else { Recorded::Blocked(blocked) })
    }

    /// One case, or why it cannot be kept.
    fn row(&self, side: &Side<'_>, case: &Case) -> Result<Result<BaselineRow, String>, NotAvailable> {
        let first = side.watch.run(case, &[])?;
        let runs = side.watch.repeated(case, &[], first)?;
        let all: Vec<Ran> = runs.iter().map(|run| Ran::of(run, self.command.profile())).collect();
        let one = &all[0];
        let count = all.len();
        if let Some(run) = runs.iter().find(|run| !run.unseen.is_empty()) {
            return Ok(Err(run.unseen[0].clone()));
        }
        if let Some(Ending::Killed(why)) =
            runs.iter().map(|run| &run.ending).find(|e| matches!(e, Ending::Killed(_)))
        {
            return Ok(Err(why.clone()));
        }
        if all.iter().any(|ran| ran.ended != one.ended) {
            return Ok(Err(format!("it ends differently in {count} runs")));
        }
        if all.iter().any(|ran| !ran.path().same_steps(&one.path())) {
            return Ok(Err(format!("it takes different paths in {count} runs")));
        }
        let compares = NoOutput::compares(side.no_output.as_ref());
        let output = hash(&runs[0]).filter(|_| compares);
        if compares && runs.iter().any(|run| hash(run) != hash(&runs[0])) {
            return Ok(Err(format!("its output is not the same in {count} runs")));
        }
        // What one run needed may be less than another does.
        let most = |a: Option<MemoryNeeds>, b: Option<MemoryNeeds>| a.zip(b).map(|(a, b)| a.most(b));
        let memory = all.iter().map(|ran| ran.memory).reduce(most).flatten();
        Ok(Ok(BaselineRow {
            spelling: case.spelling.to_string(),
            plan: case.plan.map(|plan| plan.to_string()),
            output,
            bytes_observed: runs.iter().all(whole),
            ran: Ran { memory, ..one.clone().with_doubts_of(&all) },
        }))
    }

    /// Runs the same cases and sets each beside its row; `file` is how reports name the document.
    ///
    /// # Errors
    /// When the command cannot be started or traced.
    pub fn verify(
        &self,
        kept: &BaselineDocument,
        file: &str,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<CompareDocument, NotAvailable> {
        let cases = self.cases();
        let mut stale: BTreeMap<&str, &BaselineRow> =
            kept.rows.iter().map(|row| (row.spelling.as_str(), row)).collect();
        progress(Progress::Planned(cases.len() as u64));
        let side = self.side()?;
        let mut arrived = side.arrived.clone();
        let mut expected = self.expected.clone();
        let mut totals = CompareTotals::default();
        let (mut spellings, mut failures) = (Vec::new(), Vec::new());
        let (mut blocked, mut bytes, mut no_bytes) = (None, 0, None);
        let mut add = |compared: Compared, case: &str, totals: &mut CompareTotals| {
            let mut compared = compared;
            *totals.of(compared.impact) += 1;
            totals.not_observed += compared.not_observed.len() as u64;
            if let Some(mut failure) = failure(&compared, self.reproduce(case)) {
                failure.expected = expected.reason(&failure);
                let is_known = failure.expected.is_some();
                totals.expected += u64::from(is_known);
                compared.verdict =
                    compared.verdict.max(if is_known { Verdict::Expected } else { Verdict::Divergent });
                failures.push(failure);
            }
            spellings.push(compared);
        };
        for case in &cases {
            if side.watch.is_interrupted() {
                break;
            }
            let spelling = case.spelling.to_string();
            let Some(row) = stale.remove(spelling.as_str()) else {
                let what =
                    "the baseline has no code path of this spelling: `baseline record --update` adds it";
                add(lone(&spelling, "not recorded", "not run", what), &spelling, &mut totals);
                progress(Progress::Failed);
                progress(Progress::Finished);
                continue;
            };
            let run = side.watch.run(case, &[])?;
            if weights_arrived(&run).is_ok() {
                arrived = Ok(());
            }
            if let Ending::Killed(why) = &run.ending {
                blocked.get_or_insert(format!("{}: {why}", quoted(&spelling)));
            }
            bytes += u64::from(row.bytes_observed && whole(&run));
            no_bytes = no_bytes.or(run.tensors.as_ref().map(TensorBytes::count));
            let compared = self.compare(&side, case, row, kept.no_output.as_ref(), &run)?;
            let seen = compared.not_observed.iter().all(|missing| missing.rule != Rule::DataKept);
            totals.outputs_compared += u64::from(seen && row.output.is_some() && run.completed());
            if compared.impact > Impact::Reordered {
                progress(Progress::Failed);
            }
            add(compared, &spelling, &mut totals);
            progress(Progress::Finished);
        }
        let interrupted = side.watch.is_interrupted();
        if self.only.is_empty() && !interrupted {
            for (spelling, row) in stale {
                let what = "no case has this spelling any more: `baseline record --update` takes it out";
                add(lone(spelling, &row.ran.did, "not run", what), spelling, &mut totals);
            }
            failures.extend(expected.left_over());
        }
        totals.processes = side.watch.processes();
        let frame = Frame {
            model_name: &self.model_name,
            truth: self.setting.truth,
            platform: self.command.platform(),
            old: format!("baseline {file}"),
            new: self.command.name(),
            planned: cases.len() as u64,
            faults: self.command.faults(),
            allow_unmet: true,
            needs_output: self.needs_output,
        };
        let no_bytes = no_bytes.unwrap_or_else(|| Capability::Memory.absence().to_owned());
        let ended = End { fired: BTreeMap::new(), blocked, interrupted, bytes, no_bytes };
        Ok(frame.finish(totals, spellings, failures, vec![SideEnd::of(&side, arrived)], ended))
    }

    fn compare(
        &self,
        side: &Side<'_>,
        case: &Case,
        row: &BaselineRow,
        no_output: Option<&String>,
        run: &Evidence,
    ) -> Result<Compared, NotAvailable> {
        let ran = Ran::beside(run, &row.ran, self.command.profile());
        let held = hash(run).filter(|_| NoOutput::compares(side.no_output.as_ref()));
        let output = another(row.output.as_ref(), held.as_ref());
        let of = |ran: &Ran, outputs: bool| judge(&row.ran, ran, output.clone().filter(|_| outputs));
        let mut judged = of(&ran, true);
        let mut not_observed = Vec::new();
        if row.ran.completed()
            && run.completed()
            && output.is_none()
            && let Some(reason) = side.no_output.as_ref().map(|no| &no.reason).or(no_output)
        {
            not_observed.push(NotObserved::new(Rule::DataKept, vec![Capability::Output], reason.clone()));
        }
        let mut verdict = settle(&[(side, run)], case, &row.ran, &mut judged, &of, &mut not_observed)?;
        let mut missing = |capability: Capability, reason: String| {
            not_observed.push(NotObserved::new(Rule::GuaranteeKept, vec![capability], reason));
            verdict = verdict.max(Verdict::NotObserved);
        };
        if run.completed() && judged.impact <= Impact::Reordered {
            if let Some(reason) = run.unseen.first() {
                missing(Capability::Calls, reason.clone());
            }
            if row.bytes_observed && !whole(run) {
                missing(
                    Capability::Memory,
                    "every tensor byte was seen when it was recorded, and is not now".to_owned(),
                );
            }
            if row.ran.memory.is_some() && ran.memory.is_none() {
                missing(
                    Capability::Kernel,
                    "what it needs of memory was recorded, and is not observed now".to_owned(),
                );
            }
        }
        if row.output.is_some() && held.is_none() && run.completed() {
            verdict = verdict.max(Verdict::NotObserved);
        }
        if matches!(run.ending, Ending::Killed(_)) {
            verdict = verdict.max(Verdict::Blocked);
        }
        Ok(Compared {
            spelling: row.spelling.clone(),
            old: row.ran.did.clone(),
            new: ran.did.clone(),
            impact: judged.impact,
            what: judged.what,
            diff: row.ran.path().diff(&ran.path()).filter(|_| row.ran.completed() && ran.completed()),
            not_observed,
            timelines: None,
            verdict,
        })
    }

    fn reproduce(&self, spelling: &str) -> String {
        let mut words = ["loadparity", "baseline", "verify"].map(str::to_owned).to_vec();
        words.extend(self.again.iter().cloned());
        words.extend(["--only".to_owned(), spelling.to_owned()]);
        if self.command.named().command_in_file {
            return shell_line(words);
        }
        words.push("--".to_owned());
        format!("{} {}", shell_line(words), self.command.template())
    }
}

/// A spelling that only one side has.
fn lone(spelling: &str, old: &str, new: &str, what: &str) -> Compared {
    Compared {
        spelling: spelling.to_owned(),
        old: old.to_owned(),
        new: new.to_owned(),
        impact: Impact::PolicyChange,
        what: vec![what.to_owned()],
        diff: None,
        not_observed: Vec::new(),
        timelines: None,
        verdict: Verdict::Pass,
    }
}

/// What differs between two baselines of one command, spelling by spelling; what is the same is left out.
#[must_use]
pub fn changes(old: &BaselineDocument, new: &BaselineDocument) -> Vec<Changed> {
    let row = |document: &'_ BaselineDocument, spelling: &str| {
        document.rows.iter().find(|row| row.spelling == spelling).cloned()
    };
    let mut all = Vec::new();
    for is in &new.rows {
        let changed = match row(old, &is.spelling) {
            None => lone(&is.spelling, "not recorded", &is.ran.did, "new"),
            Some(was) => {
                let output = another(was.output.as_ref(), is.output.as_ref());
                let judged = judge(&was.ran, &is.ran, output);
                let diff = was.ran.path().diff(&is.ran.path());
                Compared { impact: judged.impact, what: judged.what, diff, ..lone(&is.spelling, "", "", "") }
            }
        };
        all.push(changed);
    }
    let gone = old.rows.iter().filter(|was| row(new, &was.spelling).is_none());
    all.extend(gone.map(|was| lone(&was.spelling, &was.ran.did, "", "taken out")));
    let differs = all.into_iter().filter(|row| row.impact > Impact::Identical);
    differs
        .map(|Compared { spelling, impact, what, diff, .. }| Changed { spelling, impact, what, diff })
        .collect()
}
