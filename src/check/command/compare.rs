//! Two commands, every spelling: what changed.

use std::collections::BTreeSet;

use serde::Serialize;

use super::duties::{Seen, first_gap, weight_bytes};
use super::expect::Expectations;
use super::watch::{Patience, Stable, Watch, crashed, path_of, stable, varied};
use crate::check::campaign::{Breadth, output_difference, real_spellings};
use crate::check::event::{Event, Failure, Verdict};
use crate::check::rule::Rule;
use crate::plan::{Dialect, Spelling};
use crate::rules::{EffectiveSource, Summary};
use crate::subject::{CommandRun, ExternalCommand, Subject, TraceError, Truth};
use crate::trace::{Action, Diff, DiffClass, Entry};

/// What to compare.
pub struct Comparison<'a> {
    /// The build that is known.
    pub old: &'a ExternalCommand,
    /// The build that is new.
    pub new: &'a ExternalCommand,
    /// How reports name the model.
    pub model_name: String,
    /// What to ask of both.
    pub spellings: Vec<Spelling>,
    /// What the file holds.
    pub truth: &'a Truth,
    /// How unstable output is treated.
    pub patience: Patience,
    /// Differences that are known.
    pub expected: Expectations,
}

/// What a difference comes to for a user, from harmless to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Impact {
    /// There is none.
    Identical,
    /// Less is opened or read twice, or a spelling is newly taken.
    Benign,
    /// The same steps in another order.
    Reordered,
    /// The weights come another way, or a spelling is no longer taken.
    PolicyChange,
    /// A lock or direct I/O is gone.
    LostGuarantee,
    /// Bytes are missing, the output is another, or it no longer loads.
    DataIntegrityRisk,
}

impl std::fmt::Display for Impact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Identical => "identical",
            Self::Benign => "benign",
            Self::Reordered => "reordered",
            Self::PolicyChange => "policy change",
            Self::LostGuarantee => "lost guarantee",
            Self::DataIntegrityRisk => "data-integrity risk",
        })
    }
}

impl Impact {
    fn rule(self) -> Option<Rule> {
        match self {
            Self::Identical | Self::Benign | Self::Reordered => None,
            Self::PolicyChange => Some(Rule::PolicyKept),
            Self::LostGuarantee => Some(Rule::GuaranteeKept),
            Self::DataIntegrityRisk => Some(Rule::DataKept),
        }
    }
}

/// What is about to be compared.
#[derive(Clone, Debug, Serialize)]
pub struct CompareStarted {
    /// The program's name and version.
    pub tool: String,
    /// The old command.
    pub old: String,
    /// The new command.
    pub new: String,
    /// The model file.
    pub model: String,
    /// The system.
    pub platform: String,
    /// The processor architecture.
    pub arch: String,
    /// Spellings that both will be asked in.
    pub planned: u64,
}

/// One spelling on both.
#[derive(Clone, Debug, Serialize)]
pub struct Compared {
    /// The spelling as a shell would read it.
    pub spelling: String,
    /// What the old one did: `map`, `read+lock`, `refused` …
    pub old: String,
    /// What the new one did.
    pub new: String,
    /// What the difference comes to.
    pub impact: Impact,
    /// What differs, in words.
    pub what: Vec<String>,
    /// The two code paths side by side, where they differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
    /// The word for it.
    pub verdict: Verdict,
}

/// How many spellings came to what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "each counts the impact of its name")]
pub struct CompareTotals {
    pub identical: u64,
    pub benign: u64,
    pub reordered: u64,
    pub policy_change: u64,
    pub lost_guarantee: u64,
    pub data_integrity_risk: u64,
    /// Processes that were started.
    pub runs: u64,
}

/// The end of a comparison.
#[derive(Clone, Debug, Serialize)]
pub struct CompareFinished {
    /// What was counted.
    pub totals: CompareTotals,
    /// What could not be compared, and what was not observed.
    pub notes: Vec<String>,
    /// The word for all of it.
    pub verdict: Verdict,
    /// The process's exit code for it.
    pub exit_code: u8,
}

/// The spellings of every dialect of llama.cpp, each once.
#[must_use]
pub fn union_of_spellings() -> Vec<Spelling> {
    let llama = Dialect::ALL.into_iter().filter(|dialect| *dialect != Dialect::Reference);
    let mut seen = BTreeSet::new();
    llama.flat_map(|d| real_spellings(d, Breadth::Pairs)).filter(|s| seen.insert(s.clone())).collect()
}

/// A side of the comparison.
struct Side<'a> {
    watch: Watch<'a>,
    clean: Stable,
}

impl Comparison<'_> {
    /// Runs everything, telling `tell` as it goes; returns the last event's content.
    ///
    /// # Errors
    /// When a command cannot be started or traced.
    pub fn run(&self, tell: &mut dyn FnMut(Event)) -> Result<CompareFinished, TraceError> {
        tell(Event::CompareStarted(CompareStarted {
            tool: concat!("loadparity ", env!("CARGO_PKG_VERSION")).to_owned(),
            old: self.old.name(),
            new: self.new.name(),
            model: self.model_name.clone(),
            platform: self.old.platform().to_owned(),
            arch: std::env::consts::ARCH.to_owned(),
            planned: self.spellings.len() as u64,
        }));
        let side = |subject| -> Result<Side<'_>, TraceError> {
            let watch = Watch::new(subject, self.patience);
            let (_, clean) = watch.clean(&Spelling::default())?;
            Ok(Side { watch, clean })
        };
        let (old, new) = (side(self.old)?, side(self.new)?);
        let mut expected = self.expected.clone();
        let mut totals = CompareTotals::default();
        let mut verdict = Verdict::Pass;
        let mut notes = unstable(&old, &new);
        let mut loaded = false;
        for spelling in &self.spellings {
            let (mut compared, completed) = self.compare(&old, &new, spelling)?;
            loaded |= completed;
            *counter(&mut totals, compared.impact) += 1;
            if let Some(failure) = self.failure(&compared, spelling) {
                if let Some(reason) = expected.reason(&failure) {
                    compared.verdict = compared.verdict.max(Verdict::Expected);
                    notes.push(format!("`{spelling}`: expected, because {reason}: {}", failure.message));
                } else {
                    compared.verdict = Verdict::Divergent;
                    tell(Event::Failure(failure));
                }
            }
            verdict = verdict.max(compared.verdict);
            tell(Event::Compared(compared));
        }
        for failure in expected.left_over() {
            verdict = Verdict::Divergent;
            tell(Event::Failure(failure));
        }
        if !loaded {
            verdict = verdict.max(Verdict::Blocked);
            notes.push(
                "blocked: nothing was compared: neither command completes with any spelling".to_owned(),
            );
        }
        totals.runs = old.watch.runs() + new.watch.runs();
        notes.push("P3: not observed: the memory of a command is not hashed".to_owned());
        let exit_code = match verdict {
            Verdict::Divergent => 1,
            Verdict::Blocked => 3,
            _ => 0,
        };
        let finished = CompareFinished { totals, notes, verdict, exit_code };
        tell(Event::CompareFinished(finished.clone()));
        Ok(finished)
    }

    fn failure(&self, compared: &Compared, spelling: &Spelling) -> Option<Failure> {
        let old = self.old.trace_line(spelling, &[]);
        let new = self.new.trace_line(spelling, &[]);
        Some(Failure {
            rule: compared.impact.rule()?,
            spelling: compared.spelling.clone(),
            plan: Some(format!("{} → {}", compared.old, compared.new)),
            message: format!("{}: {}", compared.impact, compared.what.join("; ")),
            diff: compared.diff.clone(),
            reproduce: format!("{old}; {new}"),
            across: None,
        })
    }

    /// Asks both; where they differ, they are asked again before it is believed. Tells beside it whether
    /// either completed: where both fail, they are no witness of each other.
    fn compare(
        &self,
        old: &Side<'_>,
        new: &Side<'_>,
        spelling: &Spelling,
    ) -> Result<(Compared, bool), TraceError> {
        let before = old.watch.run(spelling, &[])?;
        let after = new.watch.run(spelling, &[])?;
        let outputs = old.clean.output && new.clean.output;
        let paths = old.clean.path && new.clean.path;
        let alike = |a: &CommandRun, b: &CommandRun| {
            (!outputs || a.stdout == b.stdout) && (!paths || path_of(&a.ops).steps == path_of(&b.ops).steps)
        };
        let mut notes = Vec::new();
        let (mut steady_output, mut steady_path) = (outputs, paths);
        let mut verdict = if outputs && paths { Verdict::Pass } else { Verdict::Blocked };
        if before.completed() && after.completed() && !alike(&before, &after) {
            for (side, first, name) in [(old, &before, "old"), (new, &after, "new")] {
                let runs = side.watch.until(first.clone(), || side.watch.run(spelling, &[]), |_| false)?;
                let seen = stable(&runs);
                if !seen.output && steady_output {
                    steady_output = false;
                    verdict = Verdict::Blocked;
                    notes.push(format!("P4: blocked: the {name} command: {}", varied(&runs)));
                }
                if !seen.path && steady_path {
                    steady_path = false;
                    verdict = Verdict::Blocked;
                    notes.push(format!("P2: blocked: the {name} command takes different paths"));
                }
            }
        }
        let completed = before.completed() || after.completed();
        if !completed && (crashed(before.status) || crashed(after.status)) {
            verdict = Verdict::Blocked;
            notes.push(format!("blocked: both fail: the old {}; the new {}", before.status, after.status));
        }
        let mut judged = self.judge(&before, &after, steady_output, steady_path);
        judged.what.extend(notes);
        let compared = Compared {
            spelling: spelling.to_string(),
            old: did(&before),
            new: did(&after),
            impact: judged.impact,
            what: judged.what,
            diff: judged.diff,
            verdict,
        };
        Ok((compared, completed))
    }

    fn judge(&self, old: &CommandRun, new: &CommandRun, outputs: bool, paths: bool) -> Judged {
        let mut judged = Judged { impact: Impact::Identical, what: Vec::new(), diff: None };
        match (old.completed(), new.completed()) {
            (false, false) => {
                if did(old) != did(new) {
                    judged.add(Impact::PolicyChange, format!("both fail, otherwise: {}", new.ending()));
                }
                return judged;
            }
            (true, false) if !new.opened() && !crashed(new.status) => {
                judged.add(Impact::PolicyChange, format!("no longer taken: {}", new.ending()));
                return judged;
            }
            (true, false) => {
                judged.add(Impact::DataIntegrityRisk, format!("it no longer loads: {}", new.ending()));
                return judged;
            }
            (false, true) => {
                judged.add(Impact::Benign, "newly taken".to_owned());
                return judged;
            }
            (true, true) => {}
        }
        if outputs && let Some(message) = output_difference(&old.output(), &new.output(), "the old command") {
            judged.add(Impact::DataIntegrityRisk, message);
        }
        let brought = |run: &CommandRun| first_gap(&self.truth.gguf, &Seen::new(&run.ops).brought());
        if let (None, Some((name, gap))) = (brought(old), brought(new)) {
            let message = format!("{name}: bytes {}..{} of the file never come", gap.start, gap.end);
            judged.add(Impact::DataIntegrityRisk, message);
        }
        let weights = weight_bytes(&self.truth.gguf);
        guarantees(&Summary::of(&old.ops), &Summary::of(&new.ops), weights, &mut judged);
        if paths {
            let diff = Diff::between(&path_of(&old.ops), &path_of(&new.ops));
            let lost = judged.impact;
            for entry in diff.differences() {
                let impact = impact_of(entry);
                // What the source and the lock came to has been said.
                if impact > lost {
                    judged.add(impact, first_words(entry));
                } else {
                    judged.impact = judged.impact.max(impact);
                }
            }
            judged.diff = (!diff.is_identical()).then(|| diff.to_string());
        }
        judged
    }
}

struct Judged {
    impact: Impact,
    what: Vec<String>,
    diff: Option<String>,
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
fn did(run: &CommandRun) -> String {
    if run.completed() {
        Summary::of(&run.ops).effective.to_string()
    } else if run.opened() || crashed(run.status) {
        run.status.to_string()
    } else {
        "refused".to_owned()
    }
}

/// Source and lock: what was promised to hold for the whole life of the program.
/// Of locked bytes as many count as the weights have: a mapping is a little longer than they are.
fn guarantees(old: &Summary, new: &Summary, weights: u64, judged: &mut Judged) {
    let (before, after) = (old.effective, new.effective);
    if before.source != after.source {
        let direct = before.source == Some(EffectiveSource::Direct);
        let impact = if direct { Impact::LostGuarantee } else { Impact::PolicyChange };
        judged.add(impact, format!("the weights came by {before} and now come by {after}"));
    }
    if before.locked && !after.locked {
        judged.add(Impact::LostGuarantee, format!("{} locked bytes are no longer locked", old.locked_bytes));
    } else if new.locked_bytes < old.locked_bytes.min(weights) {
        let (was, is) = (old.locked_bytes, new.locked_bytes);
        judged.add(Impact::LostGuarantee, format!("{is} bytes are locked, {was} were"));
    } else if !before.locked && after.locked {
        judged.add(Impact::PolicyChange, format!("{} bytes are newly locked", new.locked_bytes));
    }
}

/// What a difference of two steps comes to. That every byte still comes, and what is locked, has been
/// looked at apart from it.
fn impact_of(entry: &Entry) -> Impact {
    let step = entry.left.as_ref().or(entry.right.as_ref());
    let reads =
        step.is_some_and(|step| matches!(step.action, Action::Read { .. } | Action::ReadRefused { .. }));
    match entry.class {
        None => Impact::Identical,
        Some(DiffClass::Equivalent) => Impact::Benign,
        Some(DiffClass::Order) => Impact::Reordered,
        // Fewer opens, fewer refusals, fewer bytes read twice.
        Some(DiffClass::Open | DiffClass::Fallback) if entry.right.is_none() => Impact::Benign,
        Some(DiffClass::Missing) if reads => Impact::Benign,
        // An open that is direct no longer, in a load that is direct still, was one that probed.
        Some(DiffClass::Open) if entry.detail == "direct lost" => Impact::Benign,
        Some(_) => Impact::PolicyChange,
    }
}

fn first_words(entry: &Entry) -> String {
    let step = entry.right.as_ref().or(entry.left.as_ref());
    let step = step.map(ToString::to_string).unwrap_or_default();
    format!("{} ({})", entry.detail, step.trim())
}

fn unstable(old: &Side<'_>, new: &Side<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    for (side, name) in [(old, "old"), (new, "new")] {
        if !side.clean.output {
            notes.push(format!("P4: blocked: the clean output of the {name} command varies by itself"));
        }
        if !side.clean.path {
            notes.push(format!("P2: blocked: the clean code path of the {name} command varies by itself"));
        }
    }
    notes
}

fn counter(totals: &mut CompareTotals, impact: Impact) -> &mut u64 {
    match impact {
        Impact::Identical => &mut totals.identical,
        Impact::Benign => &mut totals.benign,
        Impact::Reordered => &mut totals.reordered,
        Impact::PolicyChange => &mut totals.policy_change,
        Impact::LostGuarantee => &mut totals.lost_guarantee,
        Impact::DataIntegrityRisk => &mut totals.data_integrity_risk,
    }
}
