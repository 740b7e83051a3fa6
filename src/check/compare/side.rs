//! One side of a comparison.

use super::impact::Judged;
use super::ran::Ran;
use crate::check::document::{Impact, Verdict};
use crate::check::said::{Said, says_more};
use crate::check::shows::{NoOutput, Shows};
use crate::check::watch::{Watch, varied};
use crate::plan::Spelling;
use crate::rules::{Capability, CommandPath, Evidence, NotObserved, Rule, weights_arrived};
use crate::subject::{Case, NotAvailable};

/// A side of the comparison.
pub(super) struct Side<'a> {
    pub(super) name: &'static str,
    pub(super) watch: Watch<'a>,
    /// Why its output proves nothing.
    pub(super) no_output: Option<NoOutput>,
    /// What is to be said of its output.
    pub(super) note: Option<String>,
    /// What it says without flags, where nothing is refused.
    pub(super) said: Option<Said>,
    /// Whether it brings the weights in when no flag asks for anything.
    pub(super) arrived: Result<(), String>,
}

impl<'a> Side<'a> {
    pub(super) fn new(name: &'static str, watch: Watch<'a>) -> Result<Self, NotAvailable> {
        let case = Case { spelling: Spelling::default(), plan: None };
        let first = watch.run(&case, &[])?;
        let arrived = weights_arrived(&first);
        let runs = watch.repeated(&case, &[], first)?;
        let said = Said::of_what_met_nothing(&runs);
        let Shows { mute, untried } = Shows::of(&watch, &case, &runs)?;
        let (output, who) =
            (format!("the clean output of the {name} command"), format!("the {name} command"));
        let no_output = mute.map(|mute| mute.told(&output, &who));
        let note = untried.map(|why| format!("the {name} command: {why}"));
        Ok(Self { name, watch, no_output, note, said, arrived })
    }

    /// Whether a run says something of what it met; `None` where that is not known.
    pub(super) fn says(&self, run: &Evidence) -> Option<bool> {
        if run.silent { Some(false) } else { self.said.as_ref().map(|said| says_more(said, run)) }
    }

    /// The same spelling again, to see what is the same in all runs.
    pub(super) fn steady(&self, case: &Case, first: &Evidence, was: &Ran) -> Result<Steady, NotAvailable> {
        let profile = self.watch.subject.profile();
        let runs = self.watch.repeated(case, &[], first.clone())?;
        let paths: Vec<CommandPath> = runs.iter().map(CommandPath::of).collect();
        let endings = runs
            .windows(2)
            .all(|pair| std::mem::discriminant(&pair[0].ending) == std::mem::discriminant(&pair[1].ending));
        Ok(Steady {
            did: runs.iter().map(|run| Ran::beside(run, was, profile)).collect(),
            output: varied(&runs),
            path: paths.windows(2).all(|pair| pair[0].same_steps(&pair[1])),
            ending: endings,
            runs: runs.len(),
        })
    }
}

/// Where a difference is more than another order, asks again before it is believed: what is not the same each time is
/// not observed. `was` is what the old run did, `of` is the difference of a run of the last side, with outputs or without.
pub(super) fn settle(
    sides: &[(&Side<'_>, &Evidence)],
    case: &Case,
    was: &Ran,
    judged: &mut Judged,
    of: &dyn Fn(&Ran, bool) -> Judged,
    not_observed: &mut Vec<NotObserved>,
) -> Result<Verdict, NotAvailable> {
    let mut verdict = Verdict::Pass;
    if judged.impact <= Impact::Reordered {
        return Ok(verdict);
    }
    let Some((_, last)) = sides.last() else { return Ok(verdict) };
    let (mut again, mut outputs) = (Vec::new(), true);
    for (side, first) in sides {
        let steady = side.steady(case, first, was)?;
        again = steady.did;
        let (name, runs) = (side.name, steady.runs);
        let mut unsteady = |rule, what: String| {
            not_observed.push(NotObserved::new(rule, Vec::new(), what));
            verdict = Verdict::NotObserved;
        };
        if !steady.ending {
            unsteady(Rule::PolicyKept, format!("the {name} command ends differently in {runs} runs"));
            *judged = Judged::default();
        } else if let Some(seen) = steady.output {
            unsteady(Rule::DataKept, format!("the {name} command: {seen}"));
            outputs = false;
            *judged = of(&Ran::beside(last, was, side.watch.subject.profile()), outputs);
        }
        if !steady.path {
            unsteady(Rule::PolicyKept, format!("the {name} command takes different paths in {runs} runs"));
            *judged = Judged::default();
        }
    }
    if judged.impact <= Impact::Reordered {
        return Ok(verdict);
    }
    let runs = again.len();
    let Some(least) = again.iter().map(|ran| of(ran, outputs)).min_by_key(|judged| judged.impact) else {
        return Ok(verdict);
    };
    if least.impact < judged.impact {
        let what: Vec<&str> =
            judged.what.iter().filter(|what| !least.what.contains(what)).map(String::as_str).collect();
        let reason = format!("not in each of {runs} runs of the new command: {}", what.join("; "));
        not_observed.push(NotObserved::new(Rule::GuaranteeKept, vec![Capability::Use], reason));
        // Which memory is used is seen by chance where much is copied: that alone is no reason to doubt the rest.
        let certain = |ran: &Ran| of(&ran.clone().without_doubts(), outputs).impact > least.impact;
        if again.iter().any(certain) {
            verdict = Verdict::NotObserved;
        }
        *judged = least;
    }
    Ok(verdict)
}

pub(super) struct Steady {
    /// What each run did.
    did: Vec<Ran>,
    pub(super) output: Option<String>,
    pub(super) path: bool,
    pub(super) ending: bool,
    pub(super) runs: usize,
}
