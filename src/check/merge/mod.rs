//! The results of several machines, merged into one matrix.
//!
//! Every machine has checked itself. What is left to compare is whether they agree: a spelling
//! means one plan, a plan takes one semantic path, a model has one hash of its tensors and one of
//! its logits. A machine that was expected and has no result is *not run*, which is no pass.

mod compare;
mod event;

use std::collections::{BTreeMap, BTreeSet};

pub use event::{
    Cell, Machine, MergeFinished, MergeStarted, MergeTotals, MergeVerdict, ModelMerged, RowMerged,
};

use super::event::{Event, Failure, Verdict};
use super::result::{CheckResult, GroupResult};
use compare::Comparison;

/// What to merge.
pub struct Merge {
    /// How a person knows each result (its file name), and the result.
    pub results: Vec<(String, CheckResult)>,
    /// Platforms that have to be among them: `linux`, or `linux/aarch64`.
    pub expected: Vec<String>,
}

/// Results that cannot be set beside one another.
#[derive(Debug, thiserror::Error)]
#[error("{first} and {second} cannot be merged: their {what} differ ({first_has} and {second_has})")]
pub struct Incomparable {
    what: &'static str,
    first: String,
    second: String,
    first_has: String,
    second_has: String,
}

impl Merge {
    /// Whether the results are of one campaign: the same dialect, subject and settings.
    ///
    /// # Errors
    /// Names two results that are not.
    pub fn comparable(&self) -> Result<(), Incomparable> {
        let Some((first, one)) = self.results.first() else { return Ok(()) };
        for (second, other) in &self.results[1..] {
            let (a, b) = (&one.started, &other.started);
            for (what, x, y) in [
                ("dialects", &a.dialect, &b.dialect),
                ("subjects", &a.subject, &b.subject),
                ("settings", &a.generation, &b.generation),
            ] {
                if x != y {
                    let (first, second) = (first.clone(), second.clone());
                    return Err(Incomparable {
                        what,
                        first,
                        second,
                        first_has: x.clone(),
                        second_has: y.clone(),
                    });
                }
            }
        }
        Ok(())
    }

    /// Compares everything, telling `tell` as it goes; returns the last event's content.
    pub fn run(&self, tell: &mut dyn FnMut(Event)) -> MergeFinished {
        let machines = self.machines();
        let missing: Vec<String> = self.expected.iter().filter(|e| !self.has(e)).cloned().collect();
        let labels: Vec<String> = machines.iter().map(|m| m.label.clone()).collect();
        let mut columns: Vec<String> = Vec::new();
        for label in labels.iter().chain(&missing) {
            if !columns.contains(label) {
                columns.push(label.clone());
            }
        }
        let mut models: Vec<&str> = Vec::new();
        for (_, result) in &self.results {
            if !models.contains(&result.started.model_name()) {
                models.push(result.started.model_name());
            }
        }
        let mut totals = MergeTotals { missing: missing.len() as u64, ..MergeTotals::default() };
        totals.machines = columns.len() as u64 - totals.missing;
        tell(Event::MergeStarted(MergeStarted {
            tool: concat!("loadparity ", env!("CARGO_PKG_VERSION")).to_owned(),
            machines,
            missing,
            columns: columns.clone(),
            models: models.iter().map(|m| (*m).to_owned()).collect(),
        }));
        let mut notes = Vec::new();
        let mut worst = MergeVerdict::from(Verdict::Pass);
        for model in models {
            let results =
                self.results.iter().zip(&labels).filter(|((_, r), _)| r.started.model_name() == model);
            let results = results.map(|((_, result), label)| (label.as_str(), result)).collect();
            let mut comparison = Comparison { model, results, failures: Vec::new(), notes: Vec::new() };
            let rows = comparison.rows(&columns);
            let merged = comparison.model();
            worst = rows
                .iter()
                .flat_map(|row| &row.cells)
                .map(|cell| cell.verdict)
                .fold(worst, MergeVerdict::max);
            if merged.short_of_hashes {
                worst = worst.max(MergeVerdict::NOT_RUN);
            }
            totals.plans += rows.len() as u64;
            totals.not_run +=
                rows.iter().flat_map(|r| &r.cells).filter(|c| c.verdict.0.is_none()).count() as u64;
            totals.failures += comparison.failures.len() as u64;
            comparison.failures.into_iter().for_each(|failure| tell(Event::Failure(failure)));
            rows.into_iter().for_each(|row| tell(Event::RowMerged(row)));
            tell(Event::ModelMerged(merged));
            notes.append(&mut comparison.notes);
        }
        if totals.missing > 0 {
            worst = worst.max(MergeVerdict::NOT_RUN);
        }
        if totals.failures > 0 {
            worst = Verdict::Divergent.into();
        }
        let exit_code = match worst.0 {
            Some(Verdict::Divergent) => 1,
            _ if totals.plans == 0 => 4,
            None | Some(Verdict::Blocked) => 3,
            Some(Verdict::Pass | Verdict::Unsupported | Verdict::Expected) => 0,
        };
        let finished = MergeFinished { totals, notes, verdict: worst, exit_code };
        tell(Event::MergeFinished(finished.clone()));
        finished
    }

    fn has(&self, expected: &str) -> bool {
        self.results.iter().any(|(_, result)| {
            let s = &result.started;
            expected == s.platform || expected == format!("{}/{}", s.platform, s.arch)
        })
    }

    /// The machine of each result, with a label that says no more than is needed to tell it from
    /// the others.
    fn machines(&self) -> Vec<Machine> {
        let mut pages: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
        let plain = |r: &CheckResult| format!("{} {}", r.started.platform, r.started.arch);
        for (_, result) in &self.results {
            pages.entry(plain(result)).or_default().insert(result.started.page_size);
        }
        let label = |r: &CheckResult| {
            let plain = plain(r);
            let several = pages.get(&plain).is_some_and(|sizes| sizes.len() > 1);
            if several { format!("{plain} {} KiB pages", r.started.page_size >> 10) } else { plain }
        };
        let mut seen: BTreeMap<(String, &str), u64> = BTreeMap::new();
        for (_, result) in &self.results {
            *seen.entry((label(result), result.started.model_name())).or_default() += 1;
        }
        let twice: BTreeSet<String> =
            seen.into_iter().filter(|(_, times)| *times > 1).map(|((label, _), _)| label).collect();
        let machine = |(source, result): &(String, CheckResult)| {
            let mut label = label(result);
            if twice.contains(&label) {
                label += &format!(" ({source})");
            }
            let started = &result.started;
            Machine {
                label,
                source: source.clone(),
                platform: started.platform.clone(),
                arch: started.arch.clone(),
                page_size: started.page_size,
                level: started.level,
            }
        };
        self.results.iter().map(machine).collect()
    }
}

/// The plan of a group, as failures name it.
fn plan_of(group: &GroupResult) -> Option<String> {
    Some(group.name.clone())
}

/// A failure that compares machines.
fn failure(rule: super::Rule, plan: Option<String>, across: super::event::Across) -> Failure {
    let super::event::Across { machine, model, value, others, expected } = &across;
    let message = format!(
        "{machine} has {value}, {} {} {expected}",
        others.join(" and "),
        if others.len() == 1 { "has" } else { "have" }
    );
    let option = if model == crate::subject::EMBEDDED_NAME { String::new() } else { format!(" -m {model}") };
    Failure {
        rule,
        spelling: String::new(),
        plan,
        message,
        diff: None,
        reproduce: format!(
            "loadparity check{option} --verbose    # on {machine} and on {}",
            others.join(" and on ")
        ),
        across: Some(across),
    }
}
