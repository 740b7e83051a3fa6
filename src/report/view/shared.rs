//! What the views of all documents share.

use std::collections::{BTreeMap, BTreeSet};

use super::{Annotation, FailureView, State, Suite, Test, Tone, Unobserved, View};
use crate::check::document::{Failure, Verdict};
use crate::rules::NotObserved;

/// Digits of a hash that a table shows.
const SHOWN_DIGITS: usize = 12;

/// Reasons that are written out for one rule; the rest are counted.
const SHOWN_REASONS: usize = 3;

/// Plans that a note names; the rest are counted.
const SHOWN_PLANS: usize = 4;

pub(super) use crate::check::document::shown;

/// The first digits of a hash.
pub(super) fn digits(hash: &str) -> &str {
    hash.get(..SHOWN_DIGITS).unwrap_or(hash)
}

/// Bytes with a binary unit.
pub(in crate::report) fn size(bytes: u64) -> String {
    indicatif::BinaryBytes(bytes).to_string()
}

/// What stands behind the rule of a failure: the spelling, or the machine, and the plan.
pub(super) fn place(failure: &Failure) -> String {
    let plan = failure.plan.as_deref().unwrap_or("no plan");
    match &failure.across {
        Some(across) => format!("{}, {}, {plan}", across.machine, across.model),
        None => format!("{} ({plan})", shown(&failure.spelling)),
    }
}

/// The first failure of each rule, plan and pair of machines, in order, with how many more there are of it.
/// What is known comes last.
pub(super) fn kinds(failures: &[Failure]) -> Vec<FailureView> {
    let mut kinds: Vec<FailureView> = Vec::new();
    let mut places = BTreeMap::new();
    for failure in failures {
        let across =
            failure.across.as_ref().map(|a| (&a.machine, &a.model, &a.value, &a.others, &a.expected));
        let kind = (failure.rule, &failure.plan, across, &failure.expected);
        if let Some(first) = places.get(&kind) {
            let first: &mut FailureView = &mut kinds[*first];
            first.more += 1;
            continue;
        }
        places.insert(kind, kinds.len());
        kinds.push(FailureView {
            rule: failure.rule.to_string(),
            sentence: failure.rule.sentence().to_owned(),
            place: place(failure),
            message: failure.message.clone(),
            diff: failure.diff.clone(),
            reproduce: failure.reproduce.clone(),
            known: failure.expected.clone(),
            more: 0,
        });
    }
    kinds.sort_by_key(|kind| kind.known.is_some());
    kinds
}

/// Every rule that was not observed in some case, once, in the order in which reports list rules.
pub(super) fn unobserved<'d>(cases: impl IntoIterator<Item = &'d [NotObserved]>) -> Vec<Unobserved> {
    let mut rules: BTreeMap<_, (u64, Vec<&str>)> = BTreeMap::new();
    for case in cases {
        let mut counted = BTreeSet::new();
        for NotObserved { rule, reason, .. } in case {
            let (count, reasons) = rules.entry(*rule).or_default();
            *count += u64::from(counted.insert(*rule));
            if !reasons.contains(&reason.as_str()) {
                reasons.push(reason);
            }
        }
    }
    let line = |(rule, (cases, reasons)): (crate::rules::Rule, (u64, Vec<&str>))| {
        let mut reason = reasons.iter().take(SHOWN_REASONS).copied().collect::<Vec<_>>().join("; ");
        if let Some(more) = reasons.len().checked_sub(SHOWN_REASONS).filter(|more| *more > 0) {
            reason += &format!("; and {more} more reasons");
        }
        Unobserved { rule: rule.to_string(), cases, reason }
    };
    rules.into_iter().map(line).collect()
}

/// The warning about what was not observed, if there is any.
pub(super) fn unobserved_warning(rules: &[Unobserved]) -> Option<Annotation> {
    let line = |rule: &Unobserved| format!("{} ({}): {}", rule.rule, rule.count(), rule.reason);
    let message = rules.iter().map(line).collect::<Vec<_>>().join("\n");
    let title = format!("not observed: {}", counted(rules.len() as u64, "rule"));
    (!rules.is_empty()).then_some(Annotation { title, message })
}

/// Notes, each once; a note of several plans names them in front.
pub(super) fn grouped_notes<'d>(notes: impl IntoIterator<Item = (&'d str, &'d String)>) -> Vec<String> {
    let mut order: Vec<&String> = Vec::new();
    let mut plans: BTreeMap<&String, Vec<&str>> = BTreeMap::new();
    for (plan, note) in notes {
        let named = plans.entry(note).or_insert_with(|| {
            order.push(note);
            Vec::new()
        });
        if !named.contains(&plan) {
            named.push(plan);
        }
    }
    let line = |note: &String| {
        let named = plans.get(note).map(Vec::as_slice).unwrap_or_default();
        let mut names = named.iter().take(SHOWN_PLANS).copied().collect::<Vec<_>>().join(", ");
        if let Some(more) = named.len().checked_sub(SHOWN_PLANS).filter(|more| *more > 0) {
            names += &format!(" and {more} more");
        }
        format!("{names}: {note}")
    };
    order.into_iter().map(line).collect()
}

/// The same notes without repetitions.
pub(super) fn once(mut notes: Vec<String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    notes.retain(|note| seen.insert(note.clone()));
    notes
}

/// `1 plan`, `2 plans`.
pub(in crate::report) fn counted(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// The failures of a document, from which each test takes its own; what none took must not be lost.
pub(super) struct Pool<'d> {
    failures: &'d [Failure],
    by_spelling: BTreeMap<&'d str, Vec<usize>>,
    taken: Vec<bool>,
}

impl<'d> Pool<'d> {
    pub(super) fn new(failures: &'d [Failure]) -> Self {
        let mut by_spelling: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (i, failure) in failures.iter().enumerate() {
            by_spelling.entry(&failure.spelling).or_default().push(i);
        }
        Self { failures, by_spelling, taken: vec![false; failures.len()] }
    }

    /// The failures that a test wants; another test may take them too.
    pub(super) fn take(&mut self, wanted: impl Fn(&Failure) -> bool) -> Vec<&'d Failure> {
        self.pick((0..self.failures.len()).collect(), wanted)
    }

    /// The failures of one spelling that a test wants.
    pub(super) fn of_spelling(
        &mut self,
        spelling: &str,
        wanted: impl Fn(&Failure) -> bool,
    ) -> Vec<&'d Failure> {
        let all = self.by_spelling.get(spelling).cloned().unwrap_or_default();
        self.pick(all, wanted)
    }

    fn pick(&mut self, among: Vec<usize>, wanted: impl Fn(&Failure) -> bool) -> Vec<&'d Failure> {
        let wanted: Vec<usize> = among.into_iter().filter(|i| wanted(&self.failures[*i])).collect();
        for i in &wanted {
            self.taken[*i] = true;
        }
        wanted.into_iter().map(|i| &self.failures[i]).collect()
    }

    fn rest(self) -> Vec<&'d Failure> {
        self.failures.iter().zip(self.taken).filter(|(_, taken)| !taken).map(|(f, _)| f).collect()
    }
}

/// What came of a test; any failure that is not known makes it fail, whatever the verdict.
pub(super) fn state(verdict: Verdict, failures: &[&Failure], reasons: &[String]) -> State {
    let broken: Vec<&&Failure> = failures.iter().filter(|f| f.expected.is_none()).collect();
    if let Some(first) = broken.first() {
        let text = broken.iter().map(|failure| {
            let Failure { rule, message, reproduce, .. } = failure;
            let diff = failure.diff.as_deref().unwrap_or_default();
            format!("{rule}: {message}\n{}\n{diff}reproduce: {reproduce}\n", rule.sentence())
        });
        return State::Failed {
            message: first.message.clone(),
            kind: first.rule.to_string(),
            text: text.collect::<Vec<_>>().join("\n"),
        };
    }
    let known = failures.iter().filter_map(|f| Some(format!("{}: {}", f.rule, f.expected.as_ref()?)));
    let reasons = once(known.chain(reasons.iter().cloned()).collect()).join("; ");
    match verdict {
        Verdict::Divergent => {
            State::Failed { message: reasons.clone(), kind: verdict.to_string(), text: reasons }
        }
        Verdict::Pass if failures.is_empty() => State::Passed,
        Verdict::Pass => State::Skipped { reason: format!("{}: {reasons}", Verdict::Expected) },
        verdict => State::Skipped { reason: format!("{verdict}: {reasons}") },
    }
}

/// Gives a view the suites that every report has beside its own: what was not observed, the failures that
/// belong to no test, and a verdict that would not show in any other test.
pub(super) fn finish_suites(mut view: View, pool: Pool<'_>) -> View {
    let unseen = view.not_observed.iter().map(|rule| {
        let reason = format!("not observed in {}: {}", rule.count(), rule.reason);
        test(&rule.rule, "not-observed", State::Skipped { reason })
    });
    let unseen = Suite { name: "not observed".to_owned(), tests: unseen.collect() };
    let rest = pool.rest().into_iter().map(|failure| {
        let name = format!("{}: {}", failure.rule, place(failure));
        test(&name, "campaign", state(Verdict::Pass, &[failure], &[]))
    });
    let mut campaign = Suite { name: "campaign".to_owned(), tests: rest.collect() };
    if view.interrupted {
        let reason = "interrupted: not everything was run".to_owned();
        campaign.tests.push(test("everything was run", "campaign", State::Skipped { reason }));
    }
    let tests = view.suites.iter().chain([&campaign]).flat_map(|suite| &suite.tests);
    let failed = tests.into_iter().any(|test| matches!(test.state, State::Failed { .. }));
    let sentence = view.last_line();
    match view.ending.tone {
        Tone::Good => {}
        Tone::Bad if failed => {}
        Tone::Bad => {
            let state =
                State::Failed { message: sentence.clone(), kind: view.ending.word.clone(), text: sentence };
            campaign.tests.push(test("verdict", "campaign", state));
        }
        Tone::Limited | Tone::Warning => {
            campaign.tests.push(test("verdict", "campaign", State::Skipped { reason: sentence }));
        }
    }
    view.suites.extend([unseen, campaign].into_iter().filter(|suite| !suite.tests.is_empty()));
    view
}

/// A test.
pub(super) fn test(name: &str, class: &str, state: State) -> Test {
    Test { name: name.to_owned(), class: class.to_owned(), state }
}
