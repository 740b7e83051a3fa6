//! The comparison of all results of one model.

use std::collections::{BTreeMap, BTreeSet};

use super::{failure, plan_of};
use crate::check::document::{
    Across, Cell, CheckDocument, Failure, GroupResult, MergeVerdict, ModelMerged, RowMerged, Verdict, quoted,
};
use crate::rules::Rule;

/// Spellings that a message names; the rest are counted.
const NAMED: usize = 3;

/// Digits of a hash that a message shows.
const SHOWN: usize = 16;

/// The results of one model by machine, and what their comparison found.
pub(super) struct Comparison<'a> {
    pub(super) model: &'a str,
    pub(super) results: Vec<(&'a str, &'a CheckDocument)>,
    pub(super) failures: Vec<Failure>,
    pub(super) notes: Vec<String>,
}

/// A value with the machines that have it, the majority's first; among equals the one seen first.
struct Votes<'a, T>(Vec<(T, Vec<&'a str>)>);

impl<'a, T: PartialEq> Votes<'a, T> {
    fn count(values: impl IntoIterator<Item = (&'a str, T)>) -> Self {
        let mut votes: Vec<(T, Vec<&'a str>)> = Vec::new();
        for (machine, value) in values {
            match votes.iter_mut().find(|(known, _)| *known == value) {
                Some((_, machines)) if machines.contains(&machine) => {}
                Some((_, machines)) => machines.push(machine),
                None => votes.push((value, vec![machine])),
            }
        }
        votes.sort_by_key(|(_, machines)| std::cmp::Reverse(machines.len()));
        Self(votes)
    }

    /// Each minority: its value, its machine, the majority's value, the majority.
    fn dissent(&self) -> impl Iterator<Item = (&T, &'a str, &T, Vec<String>)> {
        let major = self.0.first();
        self.0.iter().skip(1).flat_map(move |(value, machines)| {
            machines.iter().filter_map(move |machine| {
                let (expected, others) = major?;
                let others = others.iter().filter(|o| *o != machine).map(|o| (*o).to_owned()).collect();
                Some((value, *machine, expected, others))
            })
        })
    }
}

impl<'a> Comparison<'a> {
    /// The rows of the matrix; what differs is put down as failures.
    pub(super) fn rows(&mut self, columns: &[String]) -> Vec<RowMerged> {
        self.same_model();
        self.same_grouping();
        self.own_failures();
        let mut plans: Vec<&'a str> = Vec::new();
        for (_, result) in &self.results {
            for group in &result.groups {
                if !plans.contains(&group.name.as_str()) {
                    plans.push(&group.name);
                }
            }
        }
        self.same_hash(Rule::SameTensors, |group| group.tensors.as_deref());
        self.same_hash(Rule::SameLogits, |group| group.logits.as_deref());
        plans.into_iter().map(|plan| self.row(plan, columns)).collect()
    }

    fn row(&mut self, plan: &'a str, columns: &[String]) -> RowMerged {
        self.same_semantic_path(plan);
        let cells = columns.iter().map(|column| {
            let result = self.results.iter().find(|(label, _)| label == column).map(|(_, result)| *result);
            let group = result.and_then(|r| r.groups.iter().find(|g| g.name == plan));
            let accused = |f: &&Failure| {
                f.plan.as_deref() == Some(plan) && f.across.as_ref().is_some_and(|a| a.machine == *column)
            };
            let verdict = match group {
                None => MergeVerdict::NOT_RUN,
                Some(_) if self.failures.iter().any(|f| accused(&f)) => Verdict::Divergent.into(),
                Some(group) => group.verdict.into(),
            };
            let mut notes = group.map_or_else(Vec::new, |g| g.notes.clone());
            notes.dedup();
            Cell {
                machine: column.clone(),
                verdict,
                resolved: group.map(|g| g.resolved.clone()),
                semantic: group.map(|g| g.semantic.clone()),
                notes,
            }
        });
        RowMerged { model: self.model.to_owned(), plan: plan.to_owned(), cells: cells.collect() }
    }

    /// What can be said of the model as a whole.
    pub(super) fn model(&self) -> ModelMerged {
        let hashes = |of: fn(&GroupResult) -> Option<&String>| {
            let mut values: BTreeSet<&String> = BTreeSet::new();
            let mut machines = 0;
            for (_, result) in &self.results {
                let own: Vec<&String> = result.groups.iter().filter_map(of).collect();
                machines += u64::from(!own.is_empty());
                values.extend(own);
            }
            let one = if values.len() == 1 { values.first().map(|v| (*v).clone()) } else { None };
            (one, machines)
        };
        let (tensors, with_tensors) = hashes(|g| g.tensors.as_ref());
        let (logits, with_logits) = hashes(|g| g.logits.as_ref());
        let machines = self.results.len() as u64;
        let partly = |with: u64| with > 0 && with < machines;
        ModelMerged {
            model: self.model.to_owned(),
            tensors,
            logits,
            with_tensors,
            with_logits,
            machines,
            short_of_hashes: partly(with_tensors) || partly(with_logits),
        }
    }

    /// Puts down a difference between machines.
    fn differs(
        &mut self,
        rule: Rule,
        plan: Option<String>,
        machine: &str,
        value: String,
        expected: String,
        others: Vec<String>,
    ) -> &mut Failure {
        let across =
            Across { machine: machine.to_owned(), model: self.model.to_owned(), value, others, expected };
        self.failures.push(failure(rule, plan, across));
        let last = self.failures.len() - 1;
        &mut self.failures[last]
    }

    fn same_model(&mut self) {
        let votes = Votes::count(self.results.iter().map(|(m, r)| (*m, r.started.model_hash.as_str())));
        for (value, machine, expected, others) in votes.dissent() {
            let (value, expected) = (short("a file of tensors", value), short("tensors", expected));
            self.differs(Rule::SameModel, None, machine, value, expected, others);
        }
    }

    /// A spelling means one plan everywhere. Spellings that only some machines ran are noted.
    fn same_grouping(&mut self) {
        let mut plans: BTreeMap<&'a str, Vec<(&'a str, &'a str)>> = BTreeMap::new();
        for (machine, result) in &self.results {
            for group in &result.groups {
                for spelling in &group.spellings {
                    plans.entry(spelling).or_default().push((machine, &group.name));
                }
            }
        }
        let mut dissent: BTreeMap<(&str, &str, &str, Vec<String>), Vec<&str>> = BTreeMap::new();
        let mut not_run: BTreeMap<&str, u64> = BTreeMap::new();
        for (spelling, plans) in plans {
            for (machine, _) in &self.results {
                if plans.iter().all(|(m, _)| m != machine) {
                    *not_run.entry(machine).or_default() += 1;
                }
            }
            for (value, machine, expected, others) in Votes::count(plans).dissent() {
                dissent.entry((machine, value, expected, others)).or_default().push(spelling);
            }
        }
        for ((machine, value, expected, others), spellings) in dissent {
            let named: Vec<_> = spellings.iter().take(NAMED).map(|s| format!("`{s}`")).collect();
            let more = spellings.len().saturating_sub(NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let plan = Some(value.to_owned());
            let value = format!("{} under {value}", named.join(", ") + &more);
            let first = spellings.first().map_or_else(String::new, |s| (*s).to_owned());
            let expected = format!("under {expected}");
            self.differs(Rule::SameGrouping, plan, machine, value, expected, others).spelling = first;
        }
        for (machine, spellings) in not_run {
            let model = self.model;
            self.notes.push(format!(
                "{model}: {spellings} spellings that another machine loaded were not run on {machine}"
            ));
        }
    }

    /// What the machines have found out about themselves.
    fn own_failures(&mut self) {
        for (machine, result) in self.results.clone() {
            let mut by_plan: BTreeMap<(Option<&str>, &str), Vec<usize>> = BTreeMap::new();
            for (i, failed) in result.failures.iter().enumerate().filter(|(_, f)| f.expected.is_none()) {
                by_plan.entry((failed.plan.as_deref(), failed.rule.id())).or_default().push(i);
            }
            let divergent = result.groups.iter().filter(|g| g.verdict == Verdict::Divergent);
            let told: Vec<&GroupResult> = divergent
                .filter(|g| !result.failures.iter().any(|f| f.plan.as_ref() == Some(&g.name)))
                .collect();
            for ((plan, rule), failures) in by_plan {
                let first = &result.failures[failures[0]];
                let value = format!(
                    "{} of {rule}, the first by {}: {}",
                    count(failures.len()),
                    quoted(&first.spelling),
                    first.message
                );
                let reproduce = first.reproduce.clone();
                let plan = plan.map(str::to_owned);
                let failure = self.own(machine, plan, value);
                failure.spelling.clone_from(&first.spelling);
                failure.reproduce = reproduce;
            }
            for group in told {
                self.own(machine, plan_of(group), "a divergent verdict".to_owned());
            }
        }
    }

    fn own(&mut self, machine: &str, plan: Option<String>, value: String) -> &mut Failure {
        let message = format!("{machine}: {value}");
        let failure =
            self.differs(Rule::MachineParity, plan, machine, value, "parity".to_owned(), Vec::new());
        failure.message = message;
        failure
    }

    /// Under every plan every machine has the hash that most have.
    fn same_hash(&mut self, rule: Rule, of: fn(&'a GroupResult) -> Option<&'a str>) {
        let groups: Vec<(&'a str, &'a GroupResult)> =
            self.results.iter().flat_map(|(m, r)| r.groups.iter().map(|g| (*m, g))).collect();
        // A machine counts once a plan, so that one with more plans than another weighs more; what
        // matters is that a single odd group never becomes the measure.
        let mut weight: BTreeMap<&str, (usize, Vec<&'a str>)> = BTreeMap::new();
        for (machine, group) in &groups {
            if let Some(hash) = of(group) {
                let entry = weight.entry(hash).or_default();
                entry.0 += 1;
                if !entry.1.contains(machine) {
                    entry.1.push(machine);
                }
            }
        }
        let first = groups.iter().find_map(|(_, g)| of(g));
        let Some((expected, (_, holders))) =
            weight.iter().max_by_key(|(hash, (n, machines))| (machines.len(), *n, Some(**hash) == first))
        else {
            return;
        };
        for (machine, group) in &groups {
            let Some(hash) = of(group).filter(|hash| hash != expected) else { continue };
            let mut others: Vec<String> =
                holders.iter().filter(|h| *h != machine).map(|h| (*h).to_owned()).collect();
            if others.is_empty() {
                others.push(format!("{machine} under other plans"));
            }
            let what = if rule == Rule::SameTensors { "tensors" } else { "logits" };
            let (value, expected) = (short(what, hash), short(what, expected));
            self.differs(rule, plan_of(group), machine, value, expected, others);
        }
    }

    /// Machines that pass a plan, and resolve it alike, take one semantic path.
    fn same_semantic_path(&mut self, plan: &str) {
        let results = self.results.iter();
        let groups = results.filter_map(|(m, r)| Some((*m, r.groups.iter().find(|g| g.name == plan)?)));
        let passing: Vec<(&str, &GroupResult)> = groups.filter(|(_, g)| g.verdict == Verdict::Pass).collect();
        let resolved: BTreeSet<&str> = passing.iter().map(|(_, g)| g.resolved.as_str()).collect();
        if resolved.len() > 1 {
            let words = resolved.iter().copied().collect::<Vec<_>>().join(" and ");
            self.notes
                .push(format!("{}: {plan} resolves to {words}; paths were compared within each", self.model));
        }
        for resolved in resolved {
            let same: Vec<_> = passing.iter().filter(|(_, g)| g.resolved == resolved).collect();
            let votes = Votes::count(same.iter().map(|(m, g)| (*m, g.semantic.as_str())));
            for (value, machine, expected, others) in votes.dissent() {
                let steps = |hash: &str| {
                    let group = same.iter().find(|(_, g)| g.semantic == hash);
                    group.map_or_else(String::new, |(_, g)| g.semantic_steps.join("\n") + "\n")
                };
                let (theirs, ours) = (steps(expected), steps(value));
                let diff = similar::TextDiff::from_lines(&theirs, &ours);
                let from = others.first().map_or("the others", String::as_str);
                let diff = diff.unified_diff().header(from, machine).to_string();
                let (value, expected) = (short("semantic path", value), short("semantic path", expected));
                let plan = Some(plan.to_owned());
                self.differs(Rule::SameSemanticPath, plan, machine, value, expected, others).diff =
                    Some(diff);
            }
        }
    }
}

fn short(what: &str, hash: &str) -> String {
    format!("{what} {}", hash.get(..SHOWN).unwrap_or(hash))
}

fn count(failures: usize) -> String {
    if failures == 1 { "1 failure".to_owned() } else { format!("{failures} failures") }
}
