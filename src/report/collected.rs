//! The events of a campaign or a merge, gathered for reports that are written at the end.

use crate::check::{
    CaseFinished, CompareFinished, CompareStarted, Compared, Event, Failure, Finished, GroupFinished,
    MergeFinished, MergeStarted, ModelMerged, RowMerged, Started,
};

/// What was told so far.
#[derive(Default)]
pub(super) struct Collected {
    pub(super) started: Option<Started>,
    pub(super) cases: Vec<CaseFinished>,
    pub(super) groups: Vec<GroupFinished>,
    pub(super) failures: Vec<Failure>,
    pub(super) finished: Option<Finished>,
    pub(super) merge: Option<MergeStarted>,
    pub(super) rows: Vec<RowMerged>,
    pub(super) models: Vec<ModelMerged>,
    pub(super) merged: Option<MergeFinished>,
    pub(super) compare: Option<CompareStarted>,
    pub(super) spellings: Vec<Compared>,
    pub(super) compared: Option<CompareFinished>,
}

impl Collected {
    /// Takes an event; tells whether it was the last.
    pub(super) fn take(&mut self, event: &Event) -> bool {
        match event {
            Event::Started(started) => self.started = Some(started.clone()),
            Event::CaseFinished(case) => self.cases.push(case.clone()),
            Event::Failure(failure) => self.failures.push(failure.clone()),
            Event::GroupFinished(group) => self.groups.push((**group).clone()),
            Event::Finished(finished) => self.finished = Some(finished.clone()),
            Event::MergeStarted(started) => self.merge = Some(started.clone()),
            Event::RowMerged(row) => self.rows.push(row.clone()),
            Event::ModelMerged(model) => self.models.push(model.clone()),
            Event::MergeFinished(finished) => self.merged = Some(finished.clone()),
            Event::CompareStarted(started) => self.compare = Some(started.clone()),
            Event::Compared(compared) => self.spellings.push(compared.clone()),
            Event::CompareFinished(finished) => self.compared = Some(finished.clone()),
        }
        matches!(event, Event::Finished(_) | Event::MergeFinished(_) | Event::CompareFinished(_))
    }

    /// The first failure of each rule, plan and pair of machines, in order, with how many more there are of
    /// it.
    pub(super) fn kinds_of_failure(&self) -> Vec<(&Failure, usize)> {
        let mut kinds: Vec<(&Failure, usize)> = Vec::new();
        for failure in &self.failures {
            let same = |first: &Failure| {
                (first.rule, &first.plan, &first.across) == (failure.rule, &failure.plan, &failure.across)
            };
            match kinds.iter_mut().find(|(first, _)| same(first)) {
                Some((_, others)) => *others += 1,
                None => kinds.push((failure, 0)),
            }
        }
        kinds
    }
}
