//! What a comparison comes to.

use std::collections::BTreeMap;

use super::Comparison;
use super::side::Side;
use crate::check::document::{
    CompareDocument, CompareFinished, CompareStarted, CompareTotals, Compared, Failure, Header, RuleText,
    Verdict, quoted,
};
use crate::check::unseen::{no_tensors, unmet, why_unmet};
use crate::plan::Dialect;
use crate::rules::Rule;
use crate::subject::{Case, FaultSpec, Truth, shell_line};

/// How a comparison ended.
pub(super) struct End {
    /// How often each fault met a call.
    pub(super) fired: BTreeMap<usize, u64>,
    pub(super) blocked: Option<String>,
    pub(super) interrupted: bool,
    /// In how many spellings the bytes of every tensor were seen on both sides; why not, else.
    pub(super) bytes: u64,
    pub(super) no_bytes: String,
}

/// A command at the end of a comparison.
pub(super) struct SideEnd {
    pub(super) name: &'static str,
    /// Whether it brought the weights in with any spelling.
    pub(super) arrived: Result<(), String>,
    /// Why its output proves nothing.
    pub(super) no_output: Option<String>,
    /// What is to be said of its output.
    pub(super) note: Option<String>,
}

impl SideEnd {
    pub(super) fn of(side: &Side<'_>, arrived: Result<(), String>) -> Self {
        Self {
            name: side.name,
            arrived,
            no_output: side.no_output.as_ref().map(|no| no.reason.clone()),
            note: side.note.clone(),
        }
    }
}

/// What is compared, and what that needs.
pub(super) struct Frame<'a> {
    pub(super) model_name: &'a str,
    pub(super) truth: &'a Truth,
    pub(super) platform: &'static str,
    /// How reports name the two sides.
    pub(super) old: String,
    pub(super) new: String,
    pub(super) planned: u64,
    /// What was injected into every run.
    pub(super) faults: &'a [FaultSpec],
    /// Whether a fault that meets no call is no matter.
    pub(super) allow_unmet: bool,
    /// Whether it is no pass without outputs.
    pub(super) needs_output: bool,
}

impl Frame<'_> {
    pub(super) fn finish(
        self,
        totals: CompareTotals,
        spellings: Vec<Compared>,
        mut failures: Vec<Failure>,
        sides: Vec<SideEnd>,
        ended: End,
    ) -> CompareDocument {
        let mut notes: Vec<String> = self.truth.notes.clone();
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
        for side in &sides {
            if let Err(reason) = &side.arrived {
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
        if self.truth.weights.is_empty() && verdict < Verdict::Blocked {
            verdict = Verdict::NotObserved;
            why = Some(no_tensors(self.model_name));
        }
        let fired = |at: usize| ended.fired.get(&at).copied().unwrap_or_default();
        let unmet = unmet(self.faults.iter().zip((0..).map(fired)));
        if let Some(first) = unmet.first().filter(|_| !self.allow_unmet && verdict < Verdict::Blocked) {
            verdict = Verdict::NotObserved;
            why = Some(why_unmet(first));
        }
        notes.extend(sides.iter().filter_map(|side| side.note.clone()));
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
        if self.needs_output && totals.outputs_compared == 0 && verdict < Verdict::Blocked {
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
            Verdict::Divergent if divergent == 1 => "divergent: 1 difference breaks a rule".to_owned(),
            Verdict::Divergent => format!("divergent: {divergent} differences break a rule"),
        };
        CompareDocument {
            schema: CompareDocument::SCHEMA.to_owned(),
            started: CompareStarted {
                header: Header::new(self.model_name, self.platform),
                old: self.old,
                new: self.new,
                planned: self.planned,
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
}

/// The broken rule that a difference comes to, if it comes to one.
pub(super) fn failure(compared: &Compared, reproduce: String) -> Option<Failure> {
    Some(Failure {
        rule: compared.impact.rule()?,
        spelling: compared.spelling.clone(),
        plan: Some(format!("{} → {}", compared.old, compared.new)),
        message: format!("{}: {}", compared.impact, compared.what.join("; ")),
        diff: compared.diff.clone(),
        reproduce,
        expected: None,
        across: None,
    })
}

impl Comparison<'_> {
    /// The line that compares this spelling again.
    pub(super) fn reproduce(&self, case: &Case) -> String {
        let mut words = vec!["loadparity".to_owned(), "compare".to_owned()];
        words.extend(self.old.named().words.iter().cloned());
        if self.setting.dialect != Dialect::default() {
            words.push(format!("--dialect={}", self.setting.dialect.argument()));
        }
        for (name, command) in [("--old", self.old), ("--new", self.new)] {
            words.extend([name.to_owned(), command.template().to_string()]);
        }
        for fault in self.old.faults() {
            words.extend(["--inject".to_owned(), fault.to_string()]);
        }
        words.extend(["--only".to_owned(), case.spelling.to_string()]);
        shell_line(words)
    }
}
