//! A subject's own calls made to fail, every one in turn.
//!
//! The clean run of each plan shows its calls: the sites of depth 1. Each is given every fault that a real system
//! can give there. A run in which a fault made a difference opens a state, and its own calls behind that fault are
//! the sites of the next depth, so that a second fault on a call that only the first one caused needs nobody to
//! think of it. Equal states are explored once. Where no call can fail, a private copy of the file is altered
//! (`altered`). Data that is silently wrong is among the faults only of a subject that claims to check it: no other
//! can notice.

mod altered;
mod explore;
mod kind;
mod outcome;
mod resume;
mod run;
mod saved;
mod schedule;
mod shrink;
mod sites;
pub(super) mod sum;
mod table;
mod turns;
mod twins;
mod unseen;

use std::time::{Duration, Instant};

use super::campaign::Campaign;
use super::cases::{one_of_each, twins_of_each};
use super::document::{CheckStarted, FaultsBounds, FaultsDocument, Part};
use super::said::Said;
use super::shows::Shows;
use super::watch::{Progress, Watch};
use crate::plan::LoadPlan;
use crate::rules::{Ending, Evidence, Finding, Level, Profile, judge};
use crate::subject::{Case, FaultSpec, NotAvailable, Subject};
use resume::Kept;
use run::{Clean, Root, Run};
pub use saved::SavedExploration;

/// How far an exploration goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Faults in one schedule at most; no bound where it is `None`.
    pub depth: Option<u32>,
    /// Schedules at most.
    pub cases: Option<u64>,
    /// How long new schedules are begun.
    pub time: Duration,
    /// Whether the subject claims to check what it loads, so that a changed byte has to be noticed.
    pub claims_check: bool,
}

impl Bounds {
    /// As documents have them.
    pub(super) fn document(self) -> FaultsBounds {
        FaultsBounds {
            depth: self.depth,
            cases: self.cases,
            seconds: self.time.as_secs(),
            claims_check: self.claims_check,
        }
    }
}

/// One machine that the subject is explored on.
pub struct World<'a> {
    /// Its name in reports.
    pub name: String,
    /// The subject there.
    pub subject: &'a dyn Subject,
}

/// Faults on a subject.
pub struct Faults<'a> {
    /// The subject and how to ask it: of each plan one spelling is loaded, and of those that are picked all.
    pub campaign: Campaign<'a>,
    /// The machines it is explored on; that of the campaign's subject alone where there are none.
    pub worlds: Vec<World<'a>>,
    /// How far to go.
    pub bounds: Bounds,
    /// Only this schedule; exploration where it is empty.
    pub only_faults: Vec<FaultSpec>,
    /// How many runs may go side by side.
    pub jobs: usize,
    /// Only the schedules that begin with a fault of this part.
    pub part: Option<Part>,
}

/// A run of a command that takes so many times as long as the clean one hangs.
const PATIENCE: u32 = 20;

/// No limit on the time of a run is shorter: a busy machine is no hang.
const LEAST_PATIENCE: Duration = Duration::from_secs(3);

impl<'a> Faults<'a> {
    /// Runs everything, reporting to `progress` as it goes.
    ///
    /// # Errors
    /// When the subject cannot be run at all.
    pub fn run(&self, progress: &mut dyn FnMut(Progress)) -> Result<FaultsDocument, NotAvailable> {
        self.explore(progress, None).map(|(document, _)| document)
    }

    /// The same, going on where `from` stopped; gives what another run goes on from, too.
    ///
    /// # Errors
    /// When the subject cannot be run at all, or `from` is of another exploration.
    pub fn run_on(
        &self,
        progress: &mut dyn FnMut(Progress),
        from: Option<SavedExploration>,
    ) -> Result<(FaultsDocument, SavedExploration), NotAvailable> {
        let (document, kept) = self.explore(progress, Some(from))?;
        let (roots, batches, outcomes) = kept.unwrap_or_default();
        let saved = SavedExploration::new(roots, batches, outcomes, document.clone());
        Ok((document, saved))
    }

    /// `keep` says whether to keep what another run goes on from, and holds what this one goes on from.
    fn explore(
        &self,
        progress: &mut dyn FnMut(Progress),
        keep: Option<Option<SavedExploration>>,
    ) -> Result<(FaultsDocument, Option<Kept>), NotAvailable> {
        let began = Instant::now();
        let own = [World { name: String::new(), subject: self.campaign.subject }];
        let worlds = if self.worlds.is_empty() { &own[..] } else { &self.worlds[..] };
        let mut roots = Vec::new();
        for world in worlds {
            for case in self.cases() {
                roots.extend(self.root(world, &case)?);
            }
        }
        let mut run = Run::new(self, roots, progress);
        if let Some(from) = keep {
            run.keep(from)?;
        }
        run.explore(began)?;
        Ok(run.finish())
    }

    /// What its document says at the start.
    fn started(&self) -> CheckStarted {
        let campaign = &self.campaign;
        let known = match self.part {
            Some(_) => campaign.expected.known().to_vec(),
            None => Vec::new(),
        };
        CheckStarted { part: self.part, known, ..campaign.started(Level::P4, 0, 0) }
    }

    /// The clean run of one case on one machine; `None` for a case that the dialect refuses.
    fn root<'w>(&self, world: &World<'w>, case: &Case) -> Result<Option<Root<'w>>, NotAvailable>
    where
        'a: 'w,
    {
        let Some(plan) = case.plan else { return Ok(None) };
        let campaign = &self.campaign;
        let mut watch =
            Watch::new(world.subject, campaign.setting, campaign.retries, self.jobs, campaign.interrupted);
        let began = Instant::now();
        let first = watch.run(case, &[])?;
        let runs = watch.repeated(case, &[], first)?;
        let each = began.elapsed() / u32::try_from(runs.len()).unwrap_or(1).max(1);
        if runs.iter().any(Evidence::completed) {
            watch.setting.patience = Some((each * PATIENCE).max(LEAST_PATIENCE));
        }
        let said = Said::in_any(&runs);
        let shows = Shows::of(&watch, case, &runs)?;
        let no_output = shows.mute.map(|mute| mute.told("its clean output", "it"));
        let broken = broken_always(plan, &runs, world.subject.profile());
        // A run that failed where another did not is no example of anything.
        let Some(run) = runs.into_iter().max_by_key(Evidence::completed) else { return Ok(None) };
        let label =
            if world.name.is_empty() { plan.to_string() } else { format!("{plan} on {}", world.name) };
        let group = if world.name.is_empty() { plan.to_string() } else { world.name.clone() };
        let claims_check = self.bounds.claims_check;
        let clean = Clean { plan, case: case.clone(), run, said, broken, no_output, claims_check };
        let twins = self.twins(case, plan, world.subject);
        Ok(Some(Root { label, group, watch, clean, twins }))
    }

    /// The other spellings of a case's plan that it is compared with: of those that were picked, where any were.
    fn twins(&self, case: &Case, plan: LoadPlan, subject: &dyn Subject) -> Vec<Case> {
        if !subject.is_command() {
            return Vec::new();
        }
        let all = match &self.campaign.only[..] {
            [] => twins_of_each(self.campaign.setting.dialect).remove(&plan).unwrap_or_default(),
            _ => self.cases(),
        };
        all.into_iter().filter(|other| other.plan == Some(plan) && other.spelling != case.spelling).collect()
    }

    fn cases(&self) -> Vec<Case> {
        match &self.campaign.only[..] {
            [] => one_of_each(self.campaign.setting.dialect),
            only => only.iter().map(|s| Case::of(s.clone(), self.campaign.setting.dialect)).collect(),
        }
    }
}

/// The rules that every run breaks that completed, as the first of them does.
fn broken_always(plan: LoadPlan, runs: &[Evidence], profile: &Profile) -> Vec<Finding> {
    let mut judged = runs.iter().filter(|run| run.completed()).map(|run| judge(plan, run, profile).findings);
    let mut broken = judged.next().unwrap_or_default();
    for others in judged {
        broken.retain(|finding| others.iter().any(|other| other.rule == finding.rule));
    }
    broken
}

/// Whether a run did not end in time.
fn hung(run: &Evidence) -> bool {
    matches!(run.ending, Ending::TimeLimit(_))
}
