//! The view of a judgement.

use super::shared::{self, Pool, test};
use super::{Annotation, Ending, FailureView, Line, State, Suite, Tone, View, Viewed};
use crate::check::document::{JudgeDocument, Verdict, tool};
use crate::report::page::Page;
use crate::rules::Level;

impl Viewed for JudgeDocument {
    fn view(&self) -> View {
        let not_observed = shared::unobserved([self.not_observed.as_slice()]);
        let view = View {
            command: "judge",
            tool: tool(),
            title: format!("judge, dialect {}, {}", self.dialect, spelling(self)),
            interrupted: false,
            lines: lines(self),
            lines_hold_all: true,
            tables: Vec::new(),
            notes: shared::once(self.notes.clone()),
            warnings: shared::unobserved_warning(&not_observed)
                .into_iter()
                .chain(false_claims(self))
                .collect(),
            not_observed,
            failures: failures(self),
            counts: format!(
                "{}, {} not observed",
                shared::counted(self.findings.len() as u64, "broken rule"),
                self.not_observed.len()
            ),
            ending: Ending::new(&self.sentence, self.verdict),
            suites: vec![suite(self)],
            details: Vec::new(),
        };
        shared::finish_suites(view, Pool::new(&[]))
    }

    fn page(&self) -> Page {
        self.entries()
    }

    fn exit_code(&self) -> u8 {
        self.exit_code
    }

    fn on_one_line(&self) -> bool {
        true
    }
}

fn spelling(document: &JudgeDocument) -> &str {
    if document.spelling.is_empty() { "(nothing)" } else { &document.spelling }
}

fn lines(document: &JudgeDocument) -> Vec<Line> {
    let predicted = match &document.error {
        Some(error) => format!("{}: {error}", document.predicted),
        None => document.predicted.clone(),
    };
    let mut lines = vec![
        Line::new("dialect", &document.dialect),
        Line::new("spelling", spelling(document)),
        Line::new("predicted", predicted),
    ];
    if document.expected != document.predicted {
        let refused = document.refused.join(", ");
        lines
            .push(Line::new("expected", format!("{}, since this was refused: {refused}", document.expected)));
    }
    lines.push(Line::new("effective", &document.effective));
    lines.push(match document.agrees {
        true => Line::new("agrees", "yes").toned(Tone::Good),
        false => Line::new("agrees", "NO").toned(Tone::Bad),
    });
    for claim in document.log_claims.iter().flatten() {
        lines.push(Line::new("log", &claim.line));
        lines.push(match claim.holds {
            true => Line::new("", format!("claims that {}: true", claim.claims)),
            false => Line::new("", format!("claims that {}: FALSE, {}", claim.claims, claim.instead))
                .toned(Tone::Warning),
        });
    }
    let broken = document.findings.iter().map(|f| format!("{}: {}", f.rule, f.message));
    lines.extend(broken.map(|text| Line::new("broken", text).toned(Tone::Bad)));
    let unseen = document.not_observed.iter().map(|n| format!("{}: {}", n.rule, n.reason));
    lines.extend(unseen.map(|text| Line::new("unobserved", text).toned(Tone::Warning)));
    lines
}

fn failures(document: &JudgeDocument) -> Vec<FailureView> {
    let plan = document.plan.map_or_else(|| "no plan".to_owned(), |plan| plan.to_string());
    let failure = |finding: &crate::rules::Finding| FailureView {
        rule: finding.rule.to_string(),
        sentence: finding.rule.sentence().to_owned(),
        place: format!("{} ({plan})", spelling(document)),
        message: finding.message.clone(),
        diff: None,
        reproduce: String::new(),
        known: None,
        more: 0,
    };
    document.findings.iter().map(failure).collect()
}

fn false_claims(document: &JudgeDocument) -> impl Iterator<Item = Annotation> {
    let claims = document.log_claims.iter().flatten().filter(|claim| !claim.holds);
    claims.map(|claim| Annotation {
        title: format!("false claim: {}", claim.line),
        message: format!("it claims that {}; {}", claim.claims, claim.instead),
    })
}

/// One test for what the dialect predicts, one for each broken rule.
fn suite(document: &JudgeDocument) -> Suite {
    let agrees = match (document.agrees, document.verdict) {
        (true, Verdict::NotObserved | Verdict::Blocked) => {
            State::Skipped { reason: format!("{}: {}", document.verdict, document.sentence) }
        }
        (true, _) => State::Passed,
        (false, _) => {
            let message = format!("expected {}, effective {}", document.expected, document.effective);
            State::Failed { message: message.clone(), kind: "plan-taken".to_owned(), text: message }
        }
    };
    let broken = document.findings.iter().map(|finding| {
        let text = format!("{}: {}\n{}\n", finding.rule, finding.message, finding.rule.sentence());
        let level: Level = finding.rule.level();
        let state = State::Failed { message: finding.message.clone(), kind: finding.rule.to_string(), text };
        test(&format!("{level} {}", finding.rule), "judge", state)
    });
    let first = test("the dialect predicts what is done", "judge", agrees);
    Suite { name: spelling(document).to_owned(), tests: [first].into_iter().chain(broken).collect() }
}
