//! The report as JUnit XML, as test dashboards read it: one test a case, or one a plan and machine.
//!
//! What was not a pass and not a divergence is *skipped*, with its reason, and never a success.

use std::collections::BTreeMap;
use std::io::{self, Write};

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::Reporter;
use super::collected::Collected;
use super::matrix::shown;
use crate::check::{Event, Failure, Rule, Verdict};

/// Collects a campaign or a merge and writes it at the end.
pub struct Junit<W: Write> {
    out: W,
    collected: Collected,
}

impl<W: Write> Junit<W> {
    /// Writes to `out` when the campaign ends.
    pub fn new(out: W) -> Self {
        Self { out, collected: Collected::default() }
    }
}

impl<W: Write> Reporter for Junit<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        if !self.collected.take(event) {
            return Ok(());
        }
        let report = if self.collected.compare.is_some() {
            compared(&self.collected)
        } else if self.collected.merge.is_some() {
            merged(&self.collected)
        } else {
            checked(&self.collected)
        };
        report.serialize(&mut self.out).map_err(io::Error::other)?;
        self.out.flush()
    }
}

fn checked(collected: &Collected) -> Report {
    let mut report = Report::new("loadparity check");
    let about_plans =
        |f: &&Failure| matches!(f.rule, Rule::PlanEquivalent | Rule::PlanAlias | Rule::PlanOrder);
    let p1: Vec<&Failure> = collected.failures.iter().filter(about_plans).collect();
    let mut plans = TestSuite::new("P1 plans");
    plans.add_test_case(test("every spelling resolves as it should", "P1", Verdict::Pass, &p1, &[]));
    report.add_test_suite(plans);

    let mut suites: BTreeMap<&str, TestSuite> = BTreeMap::new();
    for case in &collected.cases {
        let failures: Vec<&Failure> =
            collected.failures.iter().filter(|f| f.spelling == case.spelling && !about_plans(f)).collect();
        let group = collected.groups.iter().find(|g| g.name == case.plan);
        let notes = group.map_or(&[][..], |g| &g.notes);
        let suite = suites.entry(&case.plan).or_insert_with(|| TestSuite::new(&*case.plan));
        suite.add_test_case(test(shown(&case.spelling), &case.plan, case.verdict, &failures, notes));
    }
    report.add_test_suites(suites.into_values());
    report
}

fn compared(collected: &Collected) -> Report {
    let mut report = Report::new("loadparity compare");
    let mut suite = TestSuite::new("spellings");
    for row in &collected.spellings {
        let about = |f: &&Failure| f.spelling == row.spelling;
        let failures: Vec<&Failure> = collected.failures.iter().filter(about).collect();
        suite.add_test_case(test(shown(&row.spelling), "compare", row.verdict, &failures, &row.what));
    }
    report.add_test_suite(suite);
    report
}

fn merged(collected: &Collected) -> Report {
    let mut report = Report::new("loadparity merge");
    for model in &collected.models {
        let mut suite = TestSuite::new(&*model.model);
        for row in collected.rows.iter().filter(|row| row.model == model.model) {
            for cell in &row.cells {
                let about = |f: &&Failure| {
                    let same = |a: &crate::check::Across| a.machine == cell.machine && a.model == model.model;
                    f.plan.as_ref() == Some(&row.plan) && f.across.as_ref().is_some_and(same)
                };
                let failures: Vec<&Failure> = collected.failures.iter().filter(about).collect();
                let name = format!("{} on {}", row.plan, cell.machine);
                suite.add_test_case(match cell.verdict.0 {
                    Some(verdict) => test(&name, &model.model, verdict, &failures, &cell.notes),
                    None => skipped(&name, &model.model, "not run: there is no result"),
                });
            }
        }
        let about =
            |f: &&Failure| f.plan.is_none() && f.across.as_ref().is_some_and(|a| a.model == model.model);
        let failures: Vec<&Failure> = collected.failures.iter().filter(about).collect();
        suite.add_test_case(test("one file on every machine", &model.model, Verdict::Pass, &failures, &[]));
        report.add_test_suite(suite);
    }
    report
}

/// One test; any failure makes it fail, whatever the verdict.
fn test(name: &str, class: &str, verdict: Verdict, failures: &[&Failure], notes: &[String]) -> TestCase {
    if failures.is_empty() && verdict != Verdict::Divergent {
        if verdict != Verdict::Pass {
            return skipped(name, class, &format!("{verdict}: {}", notes.join("; ")));
        }
        let mut test = TestCase::new(name, TestCaseStatus::success());
        test.set_classname(format!("loadparity.{class}"));
        return test;
    }
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    if let Some(first) = failures.first() {
        status.set_message(&*first.message).set_type(first.rule.id());
    }
    let text = failures.iter().map(|failure| {
        let diff = failure.diff.as_deref().unwrap_or_default();
        let Failure { rule, message, reproduce, .. } = failure;
        format!("{rule}: {message}\n{}\n{diff}reproduce: {reproduce}\n", rule.explanation())
    });
    status.set_description(text.collect::<Vec<_>>().join("\n"));
    let mut test = TestCase::new(name, status);
    test.set_classname(format!("loadparity.{class}"));
    test
}

fn skipped(name: &str, class: &str, why: &str) -> TestCase {
    let mut status = TestCaseStatus::skipped();
    status.set_message(why);
    let mut test = TestCase::new(name, status);
    test.set_classname(format!("loadparity.{class}"));
    test
}
