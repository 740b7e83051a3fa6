//! The matrix: one campaign for every subject.
//!
//! Level P1 first, then the cases, grouped by plan. The first case of a group that breaks no rule represents
//! it; the others are compared with it. What a command does is repeated before a broken rule is believed.

mod judged;
mod limits;
mod run;
mod sum;

use super::campaign::Campaign;
use super::cases::{Breadth, group_by_plan, real_spellings, refused_spellings};
use super::document::{CheckDocument, CheckStarted, Part};
use super::levels::Wanted;
use super::watch::Progress;
use crate::plan::{LoadPlan, Spelling};
use crate::rules::Level;
use crate::subject::{Case, FaultSpec, NotAvailable};
use run::Run;

/// What to check.
pub struct Matrix<'a> {
    /// The subject and how to ask it. Cases that are picked are run with the representatives of their plans.
    pub campaign: Campaign<'a>,
    /// How far to go.
    pub wanted: Wanted,
    /// Which spellings to really load.
    pub breadth: Breadth,
    /// How many cases may run side by side.
    pub jobs: usize,
    /// The part of the campaign, where it is divided.
    pub part: Option<Part>,
    /// Faults that every run is under: each has to meet a call somewhere.
    pub faults: Vec<FaultSpec>,
    /// Whether a fault that meets no call is no matter.
    pub allow_unmet: bool,
}

/// The cases that a matrix runs.
pub struct Selection {
    /// The cases of each plan, the representative first.
    pub groups: Vec<(LoadPlan, Vec<Case>)>,
    /// Spellings that the dialect refuses.
    pub refused: Vec<Case>,
}

impl Selection {
    /// How many cases there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.groups.iter().map(|(_, cases)| cases.len()).sum::<usize>() + self.refused.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Matrix<'_> {
    /// Which cases will be run.
    #[must_use]
    pub fn selection(&self) -> Selection {
        let dialect = self.campaign.setting.dialect;
        if self.wanted.level == Level::P1 {
            return Selection { groups: Vec::new(), refused: Vec::new() };
        }
        let mut spellings = real_spellings(dialect, self.breadth);
        spellings.extend(
            self.campaign.only.iter().filter(|s| !spellings.contains(s)).cloned().collect::<Vec<_>>(),
        );
        let mut refused =
            if self.campaign.subject.is_command() { refused_spellings(dialect) } else { Vec::new() };
        let asked = self.campaign.only.iter().filter(|spelling| spelling.resolve(dialect).is_err());
        refused.extend(asked.filter(|s| !refused.contains(s)).cloned().collect::<Vec<_>>());
        let mut groups = group_by_plan(dialect, spellings);
        let mut refused: Vec<Case> = refused.into_iter().map(|s| Case::of(s, dialect)).collect();
        if !self.campaign.only.is_empty() {
            let asked = |case: &Case| self.campaign.only.contains(&case.spelling);
            groups.retain(|(_, cases)| cases.iter().any(asked));
            for (_, cases) in &mut groups {
                let mut at = 0;
                cases.retain(|case| {
                    at += 1;
                    at == 1 || asked(case)
                });
            }
            refused.retain(asked);
        }
        if let Some(part) = self.part {
            let mut at = 0u32;
            let mut own = |_: &Case| {
                at = at.wrapping_add(1);
                at % part.of == part.index % part.of
            };
            for (_, cases) in &mut groups {
                // Every part runs the representatives.
                let first = cases.remove(0);
                cases.retain(&mut own);
                cases.insert(0, first);
            }
            refused.retain(&mut own);
        }
        Selection { groups, refused }
    }

    /// Runs everything, reporting to `progress` as it goes.
    ///
    /// # Errors
    /// When the subject cannot be run at all.
    pub fn run(&self, progress: &mut dyn FnMut(Progress)) -> Result<CheckDocument, NotAvailable> {
        let mut selection = self.selection();
        let watch = self.campaign.watch(self.jobs);
        progress(Progress::Planned(selection.len() as u64));
        let mut run = Run::new(self, &watch, progress);
        let planned_plans = run.level_one();
        run.clean_output()?;
        if run.loads_nothing(&selection)? {
            selection.groups.iter_mut().for_each(|(_, cases)| cases.truncate(1));
            selection.refused.clear();
        }
        run.cases(&selection)?;
        let started = self.started(planned_plans, selection.len() as u64);
        Ok(run.finish(started))
    }

    fn started(&self, planned_plans: u64, planned_loads: u64) -> CheckStarted {
        CheckStarted {
            part: self.part,
            // A part of what was picked by hand shows nothing of the others.
            known: match self.part {
                Some(_) if self.campaign.only.is_empty() => self.campaign.expected.known().to_vec(),
                _ => Vec::new(),
            },
            ..self.campaign.started(self.wanted.level, planned_plans, planned_loads)
        }
    }

    fn reproduce(&self, spelling: &Spelling) -> String {
        let mut options = vec!["--only".to_owned(), spelling.to_string()];
        if self.wanted.named {
            options.extend(["--level".to_owned(), self.wanted.level.to_string()]);
        }
        self.campaign.subject.check_line(&options, &self.campaign.setting)
    }
}
