//! The report as JUnit XML, as test dashboards read it.

use std::io::{self, Write};

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::report::view::{State, Suite, Test, View};

/// Writes a report.
///
/// # Errors
/// When `out` cannot be written to.
pub fn junit(out: &mut dyn Write, view: &View) -> io::Result<()> {
    let view = &view.made_plain();
    let cut = if view.interrupted { " (interrupted)" } else { "" };
    let mut report = Report::new(format!("loadparity {}{cut}", view.command));
    report.add_test_suites(view.suites.iter().map(suite));
    report.serialize(out).map_err(io::Error::other)
}

fn suite(suite: &Suite) -> TestSuite {
    let mut tests = TestSuite::new(&*suite.name);
    tests.add_test_cases(suite.tests.iter().map(case));
    tests
}

fn case(test: &Test) -> TestCase {
    let status = match &test.state {
        State::Passed => TestCaseStatus::success(),
        State::Skipped { reason } => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(&**reason);
            status
        }
        State::Failed { message, kind, text } => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(&**message).set_type(&**kind).set_description(&**text);
            status
        }
    };
    let mut case = TestCase::new(&*test.name, status);
    case.set_classname(format!("loadparity.{}", test.class));
    case
}
