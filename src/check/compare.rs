//! Two commands, every spelling: what changed.
//!
//! What a difference comes to is decided by what each side guarantees: that every byte arrives, the output, the
//! lock, direct I/O, a file that is only read, what is released when. Another open, another look at the header
//! or other read-ahead is a note.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use super::document::{
    CompareDocument, CompareFinished, CompareStarted, CompareTotals, Compared, Failure, Impact, RuleText,
    Verdict, quoted, tool,
};
use super::expect::Expectations;
use super::unseen::{no_tensors, unmet, why_unmet};
use super::watch::{Progress, Watch, varied};
use crate::plan::Spelling;
use crate::rules::{
    Capability, CommandPath, EffectiveSource, Ending, Evidence, NotObserved, Output, Rule, TensorBytes,
    weights_arrived,
};
use crate::subject::{Case, ExternalCommand, NotAvailable, Setting, Subject, shell_line};
use crate::trace::MapWritable;

/// What to compare.
pub struct Comparison<'a> {
    /// The build that is known.
    pub old: &'a ExternalCommand,
    /// The build that is new.
    pub new: &'a ExternalCommand,
    /// How reports name the model.
    pub model_name: String,
    /// Dialect, depth, what the model holds.
    pub setting: Setting<'a>,
    /// What to ask of both.
    pub spellings: Vec<Spelling>,
    /// How often a command is run again before what it does is believed.
    pub retries: u32,
    /// How many runs may go side by side.
    pub jobs: usize,
    /// Whether to stop at the first broken rule.
    pub fail_fast: bool,
    /// Whether a fault that meets no call is no matter.
    pub allow_unmet: bool,
    /// Whether the output has to be observed: a level was named that needs it.
    pub needs_output: bool,
    /// Whether calls alone are enough: level P2 was asked for.
    pub calls_suffice: bool,
    /// Differences that are known.
    pub expected: Expectations,
    /// Set from outside to end the comparison early.
    pub interrupted: &'a AtomicBool,
}

/// A side of the comparison.
struct Side<'a> {
    name: &'static str,
    watch: Watch<'a>,
    /// Why its output proves nothing.
    no_output: Option<String>,
    /// Whether it brings the weights in when no flag asks for anything.
    arrived: Result<(), String>,
}

impl<'a> Side<'a> {
    fn new(name: &'static str, watch: Watch<'a>) -> Result<Self, NotAvailable> {
        let case = Case { spelling: Spelling::default(), plan: None };
        let first = watch.run(&case, &[])?;
        let arrived = weights_arrived(&first);
        let runs = watch.repeated(&case, &[], first)?;
        let empty = runs
            .iter()
            .filter(|run| run.completed())
            .all(|run| run.output.as_ref().is_none_or(Output::is_empty));
        let any = runs.iter().any(Evidence::completed);
        let no_output = match varied(&runs) {
            Some(seen) => Some(format!("the clean output of the {name} command varies by itself ({seen})")),
            None if any && empty => Some(format!("the {name} command writes nothing to standard output")),
            None => None,
        };
        Ok(Self { name, watch, no_output, arrived })
    }

    /// The same spelling again, to see what is the same in all runs.
    fn steady(&self, case: &Case, first: &Evidence) -> Result<Steady, NotAvailable> {
        let runs = self.watch.repeated(case, &[], first.clone())?;
        let paths: Vec<CommandPath> = runs.iter().map(CommandPath::of).collect();
        let endings = runs
            .windows(2)
            .all(|pair| std::mem::discriminant(&pair[0].ending) == std::mem::discriminant(&pair[1].ending));
        Ok(Steady {
            output: varied(&runs),
            path: paths.windows(2).all(|pair| pair[0].same_steps(&pair[1])),
            ending: endings,
            runs: runs.len(),
        })
    }
}

struct Steady {
    output: Option<String>,
    path: bool,
    ending: bool,
    runs: usize,
}

impl Comparison<'_> {
    /// Runs everything, reporting to `progress` as it goes.
    ///
    /// # Errors
    /// When a command cannot be started or traced.
    pub fn run(&self, progress: &mut dyn FnMut(Progress)) -> Result<CompareDocument, NotAvailable> {
        progress(Progress::Planned(self.spellings.len() as u64));
        let watch = |subject| Watch::new(subject, self.setting, self.retries, self.jobs, self.interrupted);
        let (old, new) = (Side::new("old", watch(self.old))?, Side::new("new", watch(self.new))?);
        let mut expected = self.expected.clone();
        let mut totals = CompareTotals::default();
        let mut spellings: Vec<Compared> = Vec::new();
        let mut failures: Vec<Failure> = Vec::new();
        let mut arrived = [old.arrived.clone(), new.arrived.clone()];
        let mut fired: BTreeMap<usize, u64> = BTreeMap::new();
        let mut blocked = None;
        let (mut bytes, mut no_bytes) = (0, None);
        let mut stop = false;
        for chunk in self.spellings.chunks(self.jobs.max(1)) {
            if stop || old.watch.is_interrupted() {
                break;
            }
            let cases: Vec<Case> =
                chunk.iter().map(|spelling| Case { spelling: spelling.clone(), plan: None }).collect();
            let (before, after) = (old.watch.run_all(&cases)?, new.watch.run_all(&cases)?);
            for ((case, before), after) in cases.iter().zip(before).zip(after) {
                for (seen, run) in arrived.iter_mut().zip([&before, &after]) {
                    // The reason that stays is that of the plainest spelling.
                    if weights_arrived(run).is_ok() {
                        *seen = Ok(());
                    }
                    for (at, count) in run.fired.iter().enumerate() {
                        *fired.entry(at).or_default() += count;
                    }
                    if let Ending::Killed(why) = &run.ending {
                        blocked.get_or_insert(format!("{}: {why}", quoted(&case.spelling.to_string())));
                    }
                }
                let whole = |run: &Evidence| run.tensors.as_ref().is_some_and(TensorBytes::is_whole);
                bytes += u64::from(whole(&before) && whole(&after));
                no_bytes = no_bytes.or(before.tensors.as_ref().map(TensorBytes::count));
                let mut compared = self.compare(&old, &new, case, &before, &after)?;
                *totals.of(compared.impact) += 1;
                totals.not_observed += compared.not_observed.len() as u64;
                let seen = compared.not_observed.iter().all(|missing| missing.rule != Rule::DataKept);
                totals.outputs_compared += u64::from(seen && before.completed() && after.completed());
                if let Some(mut failure) = self.failure(&compared, case) {
                    failure.expected = expected.reason(&failure);
                    let verdict = match &failure.expected {
                        Some(_) => Verdict::Expected,
                        None => Verdict::Divergent,
                    };
                    totals.expected += u64::from(verdict == Verdict::Expected);
                    compared.verdict = compared.verdict.max(verdict);
                    if verdict == Verdict::Divergent {
                        stop |= self.fail_fast;
                        progress(Progress::Failed);
                    }
                    failures.push(failure);
                }
                spellings.push(compared);
                progress(Progress::Finished);
            }
        }
        let interrupted = old.watch.is_interrupted();
        if !interrupted && !stop {
            failures.extend(expected.left_over());
        }
        totals.processes = old.watch.processes() + new.watch.processes();
        let no_bytes = no_bytes.unwrap_or_else(|| Capability::Memory.absence().to_owned());
        let ended = End { arrived, fired, blocked, interrupted, bytes, no_bytes };
        Ok(self.finish(totals, spellings, failures, [&old, &new], ended))
    }

    fn finish(
        &self,
        totals: CompareTotals,
        spellings: Vec<Compared>,
        mut failures: Vec<Failure>,
        sides: [&Side<'_>; 2],
        ended: End,
    ) -> CompareDocument {
        let mut notes: Vec<String> = Vec::new();
        for failure in &failures {
            if let Some(reason) = &failure.expected {
                let spelling = quoted(&failure.spelling);
                notes.push(format!("{spelling}: expected, because {reason}: {}", failure.message));
            }
        }
        let mut verdict = spellings.iter().map(|row| row.verdict).max().unwrap_or(Verdict::Blocked);
        let mut why = spellings.is_empty().then(|| "no spelling was asked for".to_owned());
        if failures.iter().any(|failure| failure.expected.is_none()) {
            verdict = Verdict::Divergent;
        }
        for (side, arrived) in sides.iter().zip(&ended.arrived) {
            if let Err(reason) = arrived {
                verdict = Verdict::Blocked;
                failures.retain(|failure| failure.rule == Rule::KnownDivergence);
                why.get_or_insert_with(|| {
                    format!(
                        "no spelling makes the {} command load the weights of {}: {reason}",
                        side.name, self.model_name
                    )
                });
            }
        }
        if why.is_none() && ended.blocked.is_some() && verdict <= Verdict::Blocked {
            verdict = Verdict::Blocked;
            why = ended.blocked;
        }
        if self.setting.truth.weights.is_empty() && verdict < Verdict::Blocked {
            verdict = Verdict::NotObserved;
            why = Some(no_tensors(&self.model_name));
        }
        let fired = |at: usize| ended.fired.get(&at).copied().unwrap_or_default();
        let unmet = unmet(self.old.faults().iter().zip((0..).map(fired)));
        if let Some(first) = unmet.first().filter(|_| !self.allow_unmet && verdict < Verdict::Blocked) {
            verdict = Verdict::NotObserved;
            why = Some(why_unmet(first));
        }
        let no_output = sides.iter().find_map(|side| side.no_output.clone());
        if let Some(reason) = &no_output {
            notes.push(format!("P4: not observed: {reason}, so outputs are not compared"));
        }
        notes.push(match (ended.bytes, spellings.len()) {
            (0, _) => format!("P3: not observed: {}", ended.no_bytes),
            (seen, all) => {
                format!("P3: every tensor byte of both commands was seen in {seen} of {all} spellings")
            }
        });
        if (self.needs_output || !self.calls_suffice)
            && totals.outputs_compared == 0
            && verdict < Verdict::Blocked
        {
            verdict = verdict.max(Verdict::NotObserved);
            let reason = no_output.clone().unwrap_or_else(|| "no output was compared".to_owned());
            why.get_or_insert(format!("no outputs were compared: {reason}"));
        }
        if ended.interrupted && verdict < Verdict::Divergent {
            verdict = Verdict::Blocked;
            why = Some(format!("interrupted after {} spellings", spellings.len()));
        }
        let divergent = failures.iter().filter(|failure| failure.expected.is_none()).count();
        let sentence = match verdict {
            Verdict::Pass => format!(
                "no worse than reordered in P2{}",
                if totals.outputs_compared > 0 {
                    format!(", outputs equal in {} spellings", totals.outputs_compared)
                } else {
                    "; outputs not observed".to_owned()
                }
            ),
            Verdict::Expected => "expected: every worse difference is on the list of known ones".to_owned(),
            Verdict::Unsupported => "unsupported".to_owned(),
            Verdict::NotObserved => {
                let missing = spellings.iter().flat_map(|row| row.not_observed.iter().map(move |m| (row, m)));
                let first = missing.map(|(row, m)| format!("{}: {}", quoted(&row.spelling), m.reason)).next();
                format!("not observed: {}", why.or(first).unwrap_or_default())
            }
            Verdict::Blocked => format!("blocked: {}", why.unwrap_or_default()),
            Verdict::Divergent => format!("divergent: {divergent} differences break a rule"),
        };
        CompareDocument {
            schema: CompareDocument::SCHEMA.to_owned(),
            started: CompareStarted {
                tool: tool(),
                old: self.old.name(),
                new: self.new.name(),
                model: self.model_name.clone(),
                platform: self.old.platform().to_owned(),
                arch: std::env::consts::ARCH.to_owned(),
                planned: self.spellings.len() as u64,
            },
            rules: RuleText::all(),
            spellings,
            failures,
            finished: CompareFinished {
                totals,
                notes,
                not_observed: unmet,
                interrupted: ended.interrupted,
                verdict,
                sentence,
                exit_code: verdict.exit_code(),
            },
        }
    }

    fn failure(&self, compared: &Compared, case: &Case) -> Option<Failure> {
        let mut words = vec!["loadparity".to_owned(), "compare".to_owned()];
        words.extend(["-m".to_owned(), self.model_name.clone()]);
        for (name, command) in [("--old", self.old), ("--new", self.new)] {
            words.extend([name.to_owned(), command.template().to_string()]);
        }
        for fault in self.old.faults() {
            words.extend(["--inject".to_owned(), fault.to_string()]);
        }
        words.extend(["--only".to_owned(), case.spelling.to_string()]);
        Some(Failure {
            rule: compared.impact.rule()?,
            spelling: compared.spelling.clone(),
            plan: Some(format!("{} → {}", compared.old, compared.new)),
            message: format!("{}: {}", compared.impact, compared.what.join("; ")),
            diff: compared.diff.clone(),
            reproduce: shell_line(words),
            expected: None,
            across: None,
        })
    }

    /// Sets both runs beside one another; where they differ, both commands are asked again before it is
    /// believed.
    fn compare(
        &self,
        old: &Side<'_>,
        new: &Side<'_>,
        case: &Case,
        before: &Evidence,
        after: &Evidence,
    ) -> Result<Compared, NotAvailable> {
        let no_output = old.no_output.clone().or_else(|| new.no_output.clone());
        let paths = (CommandPath::of(before), CommandPath::of(after));
        let mut judged = judge(before, after, no_output.is_none(), &paths);
        let mut not_observed = Vec::new();
        if let Some(reason) = no_output.filter(|_| before.completed() && after.completed()) {
            not_observed.push(NotObserved::new(Rule::DataKept, vec![Capability::Output], reason));
        }
        let mut verdict = Verdict::Pass;
        if judged.impact > Impact::Reordered {
            for (side, first) in [(old, before), (new, after)] {
                let steady = side.steady(case, first)?;
                let runs = steady.runs;
                let mut unsteady = |rule, what: String| {
                    not_observed.push(NotObserved::new(rule, Vec::new(), what));
                    verdict = Verdict::NotObserved;
                };
                let name = side.name;
                if !steady.ending {
                    unsteady(Rule::PolicyKept, format!("the {name} command ends differently in {runs} runs"));
                    judged = Judged::default();
                } else if let Some(seen) = steady.output {
                    unsteady(Rule::DataKept, format!("the {name} command: {seen}"));
                    judged = judge(before, after, false, &paths);
                }
                if !steady.path {
                    unsteady(
                        Rule::PolicyKept,
                        format!("the {name} command takes different paths in {runs} runs"),
                    );
                    judged = Judged::default();
                }
            }
        }
        for run in [before, after] {
            if !run.unseen.is_empty() && judged.impact <= Impact::Reordered {
                let reason = run.unseen[0].clone();
                not_observed.push(NotObserved::new(Rule::GuaranteeKept, vec![Capability::Calls], reason));
                verdict = Verdict::NotObserved;
            }
        }
        let crashed = |run: &Evidence| matches!(run.ending, Ending::Crashed(_) | Ending::TimeLimit(_));
        if !before.completed() && !after.completed() && (crashed(before) || crashed(after)) {
            verdict = verdict.max(Verdict::Blocked);
            let (old, new) = (before.ending.message(), after.ending.message());
            judged.what.push(format!("blocked: both fail: the old {old}; the new {new}"));
        }
        if [before, after].iter().any(|run| matches!(run.ending, Ending::Killed(_))) {
            verdict = verdict.max(Verdict::Blocked);
        }
        Ok(Compared {
            spelling: case.spelling.to_string(),
            old: did(before),
            new: did(after),
            impact: judged.impact,
            what: judged.what,
            diff: paths.0.diff(&paths.1).filter(|_| before.completed() && after.completed()),
            not_observed,
            verdict,
        })
    }
}

/// How a comparison ended.
struct End {
    /// Whether each side brought the weights in with any spelling.
    arrived: [Result<(), String>; 2],
    /// How often each fault met a call.
    fired: BTreeMap<usize, u64>,
    blocked: Option<String>,
    interrupted: bool,
    /// In how many spellings the bytes of every tensor were seen on both sides; why not, else.
    bytes: u64,
    no_bytes: String,
}

struct Judged {
    impact: Impact,
    what: Vec<String>,
}

impl Default for Judged {
    fn default() -> Self {
        Self { impact: Impact::Identical, what: Vec::new() }
    }
}

impl Judged {
    fn add(&mut self, impact: Impact, what: String) {
        self.impact = self.impact.max(impact);
        if !self.what.contains(&what) {
            self.what.push(what);
        }
    }
}

/// What a run did, in a word or two.
fn did(run: &Evidence) -> String {
    match &run.ending {
        Ending::Completed => run.effective().to_string(),
        Ending::Failed(_) if !run.opened() => "refused".to_owned(),
        Ending::Failed(message) => message.split(':').next().unwrap_or("failed").to_owned(),
        Ending::Crashed(message) => {
            format!("crash ({})", message.split([':', ',']).next().unwrap_or_default())
        }
        Ending::TimeLimit(_) => "time limit".to_owned(),
        Ending::Killed(_) => "killed".to_owned(),
    }
}

/// What the difference of two runs comes to.
fn judge(old: &Evidence, new: &Evidence, outputs: bool, paths: &(CommandPath, CommandPath)) -> Judged {
    let mut judged = Judged::default();
    match (old.completed(), new.completed()) {
        (false, false) => {
            if did(old) != did(new) {
                judged.add(Impact::PolicyChange, format!("both fail, otherwise: {}", new.ending.message()));
            }
            return judged;
        }
        (true, false) if !new.opened() && matches!(new.ending, Ending::Failed(_)) => {
            judged.add(Impact::PolicyChange, format!("no longer taken: {}", new.ending.message()));
            return judged;
        }
        (true, false) => {
            judged.add(Impact::DataIntegrityRisk, format!("it no longer loads: {}", new.ending.message()));
            return judged;
        }
        (false, true) => {
            judged.add(Impact::Benign, "newly taken".to_owned());
            return judged;
        }
        (true, true) => {}
    }
    let wrong = |run: &Evidence| run.tensors.as_ref().and_then(|seen| seen.wrong.clone());
    if let (None, Some(tensor)) = (wrong(old), wrong(new)) {
        judged.add(Impact::DataIntegrityRisk, tensor.to_string());
    }
    if outputs
        && let (Some(a), Some(b)) = (&old.output, &new.output)
        && let Some(message) = a.difference(b, "the old command")
    {
        judged.add(Impact::DataIntegrityRisk, message);
    }
    if let (Ok(()), Err(reason)) = (weights_arrived(old), weights_arrived(new)) {
        judged.add(Impact::DataIntegrityRisk, reason);
    }
    if old.handed_over().is_none()
        && let Some(reason) = new.handed_over()
    {
        judged.add(Impact::PolicyChange, reason);
    }
    guarantees(old, new, &mut judged);
    held(old, new, &mut judged);
    let (before, after) = paths;
    if !before.same_steps(after) {
        judged.impact = judged.impact.max(Impact::Benign);
        if judged.what.is_empty() {
            judged.what.push("another way to the same, see the code paths".to_owned());
        }
    } else if before.steps != after.steps {
        judged.add(Impact::Reordered, "the same steps in another order".to_owned());
    }
    judged
}

/// What was promised to hold for the whole life of the program: the source, the lock, direct I/O, a file that
/// is only read. Of locked bytes as many count as the weights have: a mapping is a little longer than they are.
fn guarantees(old: &Evidence, new: &Evidence, judged: &mut Judged) {
    let (before, after) = (old.effective(), new.effective());
    if before.source != after.source {
        let direct = before.source == Some(EffectiveSource::Direct);
        let impact = if direct { Impact::LostGuarantee } else { Impact::PolicyChange };
        judged.add(impact, format!("the weights came by {before} and now come by {after}"));
    } else if before.source == Some(EffectiveSource::Direct) {
        let bytes = |run: &Evidence| run.bytes_by_way()[2];
        let edge = 1 << 20;
        if bytes(new).saturating_add(edge) < bytes(old) {
            let (was, is) = (bytes(old), bytes(new));
            judged.add(Impact::LostGuarantee, format!("{is} bytes of the weights come directly, {was} did"));
        }
    }
    let weights = old.weights.len();
    let locked = |run: &Evidence| run.locked_bytes().min(weights);
    let (was, is) = (locked(old), locked(new));
    if before.locked && !after.locked {
        judged.add(Impact::LostGuarantee, format!("{was} locked bytes of the weights are no longer locked"));
    } else if before.locked && is < was {
        judged.add(Impact::LostGuarantee, format!("{is} bytes of the weights are locked, {was} were"));
    } else if !before.locked && after.locked {
        judged.add(Impact::PolicyChange, format!("{is} bytes of the weights are newly locked"));
    }
    let writes = |run: &Evidence| run.fold.opens.iter().any(|open| open.writes);
    if !writes(old) && writes(new) {
        judged.add(
            Impact::LostGuarantee,
            "the model was opened read-only and is now opened for writing".to_owned(),
        );
    }
    if old.fold.writes.is_empty()
        && let Some((_, what)) = new.fold.writes.first()
    {
        judged.add(Impact::LostGuarantee, format!("the model is written now: {what}"));
    }
    let writable = |run: &Evidence, how: MapWritable| {
        run.fold.mappings.iter().any(|m| m.refused.is_none() && m.writable == Some(how))
    };
    for (how, what) in [
        (MapWritable::Shared, "the model is now mapped shared and writable"),
        (MapWritable::Private, "the model is now mapped private and writable"),
    ] {
        if !writable(old, how) && writable(new, how) {
            judged.add(Impact::LostGuarantee, what.to_owned());
        }
    }
}

/// What is held longer than before: still there when the load is over.
fn held(old: &Evidence, new: &Evidence, judged: &mut Judged) {
    let sum = |run: &Evidence| {
        let mut all = [0u64; 3];
        for (_, process) in run.loaders() {
            let held = process.held;
            all[0] += held.files;
            all[1] += held.mapped;
            all[2] += held.locked;
        }
        all
    };
    let (was, is) = (sum(old), sum(new));
    let same_way = old.effective().source == new.effective().source;
    if is[0] > was[0] {
        let what = format!(
            "{} descriptors of the model are still open when the load is over, {} were",
            is[0], was[0]
        );
        judged.add(Impact::Benign, what);
    }
    let weights = old.weights.len();
    for (at, name) in [(1, "mapped"), (2, "locked")] {
        // A little more is the rounding to pages.
        if same_way && is[at] > was[at].saturating_add(weights / 8).max(was[at].saturating_add(1 << 20)) {
            let what = format!("{} bytes are still {name} when the load is over, {} were", is[at], was[at]);
            judged.add(Impact::PolicyChange, what);
        }
    }
}
