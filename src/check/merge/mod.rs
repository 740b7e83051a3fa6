//! The results of several machines, merged into one matrix.
//!
//! Every machine has checked itself. What is left to compare is whether they agree: a spelling
//! means one plan, a plan takes one semantic path, a model has one hash of its tensors and one of
//! its logits. A machine that was expected and has no result is *not run*, which is no pass.

mod compare;
mod faults;
mod parts;

use std::collections::{BTreeMap, BTreeSet};

use super::document::{
    Across, CheckDocument, Failure, GroupResult, Machine, MergeDocument, MergeFinished, MergeStarted,
    MergeTotals, MergeVerdict, RuleText, Verdict, tool,
};
use crate::rules::Rule;
use compare::Comparison;
pub use faults::join_faults;

/// What to merge.
pub struct Merge {
    /// How a person knows each result (its file name), and the result.
    pub results: Vec<(String, CheckDocument)>,
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

    /// Compares everything.
    #[must_use]
    pub fn run(&self) -> MergeDocument {
        let (results, incomplete) = parts::join(&self.results);
        let joined = Self { results, expected: self.expected.clone() };
        joined.compare(incomplete)
    }

    /// `incomplete` says which campaigns lack a part.
    fn compare(&self, incomplete: Vec<String>) -> MergeDocument {
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
            if !models.contains(&model_name(result)) {
                models.push(model_name(result));
            }
        }
        let mut totals = MergeTotals { missing: missing.len() as u64, ..MergeTotals::default() };
        totals.machines = columns.len() as u64 - totals.missing;
        let started = MergeStarted {
            tool: tool(),
            machines,
            missing,
            columns: columns.clone(),
            models: models.iter().map(|m| (*m).to_owned()).collect(),
        };
        let (mut rows, mut merged, mut failures) = (Vec::new(), Vec::new(), Vec::new());
        let mut notes = incomplete.clone();
        let mut worst = MergeVerdict::from(Verdict::Pass);
        for model in models {
            let results = self.results.iter().zip(&labels).filter(|((_, r), _)| model_name(r) == model);
            let results = results.map(|((_, result), label)| (label.as_str(), result)).collect();
            let mut comparison = Comparison { model, results, failures: Vec::new(), notes: Vec::new() };
            let own = comparison.rows(&columns);
            let of_model = comparison.model();
            worst =
                own.iter().flat_map(|row| &row.cells).map(|cell| cell.verdict).fold(worst, MergeVerdict::max);
            if of_model.short_of_hashes {
                worst = worst.max(MergeVerdict::NOT_RUN);
            }
            totals.plans += own.len() as u64;
            totals.not_run +=
                own.iter().flat_map(|r| &r.cells).filter(|c| c.verdict.0.is_none()).count() as u64;
            totals.failures += comparison.failures.len() as u64;
            failures.append(&mut comparison.failures);
            rows.extend(own);
            merged.push(of_model);
            notes.append(&mut comparison.notes);
        }
        // A verdict of a campaign as a whole may be worse than those of its plans.
        for (_, result) in &self.results {
            if result.finished.verdict >= Verdict::NotObserved {
                worst = worst.max(result.finished.verdict.into());
                notes.push(format!("{}: {}", result.started.header.platform, result.finished.sentence));
            }
        }
        if totals.missing > 0 || !incomplete.is_empty() {
            worst = worst.max(MergeVerdict::NOT_RUN);
        }
        if totals.failures > 0 {
            worst = Verdict::Divergent.into();
        }
        let exit_code = match worst.0 {
            Some(Verdict::Divergent) => Verdict::Divergent.exit_code(),
            // A machine that was expected and is not there says more than that nothing else is.
            _ if totals.plans == 0 && totals.missing == 0 => 4,
            None => Verdict::NotObserved.exit_code(),
            Some(verdict) => verdict.exit_code(),
        };
        let limited = limited(&rows);
        let sentence = match worst.0 {
            _ if totals.plans == 0 && totals.missing == 0 && worst.0 != Some(Verdict::Divergent) => {
                "nothing was selected".to_owned()
            }
            None => {
                let platforms = started.missing.iter().map(|name| format!("no result of {name}"));
                let missing: Vec<String> = incomplete.iter().cloned().chain(platforms).collect();
                match totals.plans {
                    0 => format!("not run: {}", missing.join("; ")),
                    _ => format!(
                        "not run: what was compared agrees, and something is missing: {}",
                        missing.join("; ")
                    ),
                }
            }
            Some(Verdict::Pass) => "parity".to_owned(),
            Some(verdict @ (Verdict::Unsupported | Verdict::Expected)) => {
                format!("parity where it could be tried; {verdict}: {limited}")
            }
            Some(Verdict::NotObserved) => format!("not observed: {limited}"),
            Some(Verdict::Blocked) => "blocked: a machine lacks what a required case needs".to_owned(),
            Some(Verdict::Divergent) => format!("divergent: {} differences", totals.failures),
        };
        let finished = MergeFinished { totals, notes, verdict: worst, sentence, exit_code };
        let (schema, rules, models) = (MergeDocument::SCHEMA.to_owned(), RuleText::all(), merged);
        MergeDocument { schema, started, rules, rows, models, failures, finished }
    }

    fn has(&self, expected: &str) -> bool {
        self.results.iter().any(|(_, result)| {
            let s = &result.started.header;
            expected == s.platform || expected == format!("{}/{}", s.platform, s.arch)
        })
    }

    /// The machine of each result, with a label that says no more than is needed to tell it from
    /// the others.
    fn machines(&self) -> Vec<Machine> {
        let mut pages: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
        let plain = |r: &CheckDocument| format!("{} {}", r.started.header.platform, r.started.header.arch);
        for (_, result) in &self.results {
            pages.entry(plain(result)).or_default().insert(result.started.page_size);
        }
        let label = |r: &CheckDocument| {
            let plain = plain(r);
            let several = pages.get(&plain).is_some_and(|sizes| sizes.len() > 1);
            if several { format!("{plain} {} KiB pages", r.started.page_size >> 10) } else { plain }
        };
        let mut seen: BTreeMap<(String, &str), u64> = BTreeMap::new();
        for (_, result) in &self.results {
            *seen.entry((label(result), model_name(result))).or_default() += 1;
        }
        let twice: BTreeSet<String> =
            seen.into_iter().filter(|(_, times)| *times > 1).map(|((label, _), _)| label).collect();
        let machine = |(source, result): &(String, CheckDocument)| {
            let mut label = label(result);
            if twice.contains(&label) {
                label += &format!(" ({source})");
            }
            let started = &result.started;
            Machine {
                label,
                source: source.clone(),
                platform: started.header.platform.clone(),
                arch: started.header.arch.clone(),
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
fn failure(rule: Rule, plan: Option<String>, across: Across) -> Failure {
    let Across { machine, model, value, others, expected } = &across;
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
        expected: None,
        across: Some(across),
    }
}

/// The model's name without its folder, which is another one on each machine.
fn model_name(result: &CheckDocument) -> &str {
    let model = &result.started.header.model;
    model.rsplit(['/', '\\']).next().unwrap_or(model)
}

/// The names of what is no pass, each once, whatever the number of models.
fn limited(rows: &[super::document::RowMerged]) -> String {
    let cells = rows.iter().flat_map(|row| {
        let cells = row.cells.iter().filter(|cell| cell.verdict.0 != Some(Verdict::Pass));
        cells.map(|cell| format!("{} on {}", row.plan, cell.machine))
    });
    let mut seen = BTreeSet::new();
    cells.filter(|name| seen.insert(name.clone())).collect::<Vec<_>>().join(", ")
}
