//! What one run did and what it guarantees: all that two runs are compared by, small enough to be kept.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::impact::did;
use crate::plan::{LoadPlan, OnRefused};
use crate::rules::{
    CommandPath, EffectiveSource, Ending, Evidence, Finding, Profile, judge, weights_arrived,
};
use crate::trace::{KernelMemory, MapWritable};

/// One run of a command, by what it guarantees. Amounts are bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ran {
    /// What it did, in a word or two: `map`, `read+lock`, `refused` …
    pub did: String,
    /// How it ended.
    pub ended: Ended,
    /// How it ended, in words; empty where it completed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Whether it opened the model.
    pub opened: bool,
    /// The code path, in the order of first appearance.
    pub steps: Vec<String>,
    /// Where the weights came from.
    pub source: Option<CameFrom>,
    /// Whether they were locked when the load was over.
    pub locked: bool,
    /// Weights of the model.
    pub weight_bytes: u64,
    /// How many of them were locked.
    pub locked_bytes: u64,
    /// How many of them came past the page cache and are held.
    pub direct_bytes: u64,
    /// Why the weights did not come in, if they did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_arrived: Option<String>,
    /// How they went to another process, if they did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handed_over: Option<String>,
    /// A tensor that holds something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrong: Option<String>,
    /// A tensor that holds something else in a second copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt: Option<String>,
    /// Weights that were used after their lock was released.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_after_unlock: Option<u64>,
    /// Weights that were locked only after the last output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locked_after_output: Option<u64>,
    /// Weights that were read ahead into the page cache, where they are more than the edges of blocks.
    #[serde(default, skip_serializing_if = "is_none")]
    pub read_ahead_bytes: u64,
    /// How the program goes on in a copy without the lock, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goes_on_in_a_copy: Option<String>,
    /// Weights that are used in a copy that is not locked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_in_copy: Option<u64>,
    /// A copy that is not locked, of which it was not seen whether it is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copied_without_lock: Option<u64>,
    /// Other memory, without a lock, that is used when the locked memory has gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_elsewhere: Option<u64>,
    /// Whether the model was opened for writing.
    #[serde(default, skip_serializing_if = "is_false")]
    pub opened_for_writing: bool,
    /// What was written to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<String>,
    /// Whether it was mapped shared and writable.
    #[serde(default, skip_serializing_if = "is_false")]
    pub mapped_shared_writable: bool,
    /// Whether it was mapped private and writable.
    #[serde(default, skip_serializing_if = "is_false")]
    pub mapped_private_writable: bool,
    /// What the kernel says it needed; absent where that was not observed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemoryNeeds>,
    /// The rules that it breaks, held against the plan that the run it is compared with carried out; its own where it
    /// is that one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub broken: Vec<Finding>,
    /// What was still held when the load was over.
    pub held: StillHeld,
}

fn is_none(bytes: &u64) -> bool {
    *bytes == 0
}

fn is_false(value: &bool) -> bool {
    !value
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// With success.
    Completed,
    /// With an error of its own.
    Failed,
    /// By a signal of its own doing.
    Crashed,
    /// Not within the time limit.
    TimeLimit,
    /// By somebody else.
    Killed,
}

/// Where weights came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CameFrom {
    /// Mapped.
    Map,
    /// Read through the page cache.
    Read,
    /// Read past it.
    Direct,
}

/// What a run needed of memory, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MemoryNeeds {
    /// Anonymous memory that is resident when the load is over.
    pub anonymous_bytes: u64,
    /// The most that was resident at one time.
    pub peak_bytes: u64,
    /// What counts against the limit on locked memory.
    pub memlock_bytes: u64,
}

impl From<KernelMemory> for MemoryNeeds {
    fn from(kernel: KernelMemory) -> Self {
        Self { anonymous_bytes: kernel.anonymous, peak_bytes: kernel.peak, memlock_bytes: kernel.locked }
    }
}

impl MemoryNeeds {
    /// The larger of each.
    #[must_use]
    pub fn most(self, other: Self) -> Self {
        Self {
            anonymous_bytes: self.anonymous_bytes.max(other.anonymous_bytes),
            peak_bytes: self.peak_bytes.max(other.peak_bytes),
            memlock_bytes: self.memlock_bytes.max(other.memlock_bytes),
        }
    }
}

/// What of the model was still held when the load was over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StillHeld {
    /// Descriptors.
    pub files: u64,
    /// Bytes that are mapped.
    pub mapped_bytes: u64,
    /// Bytes that are locked.
    pub locked_bytes: u64,
}

/// The rules that a run breaks under a plan, as far as they are of how it loads.
fn broken(run: &Evidence, plan: LoadPlan, profile: &Profile) -> Vec<Finding> {
    if !run.completed() {
        return Vec::new();
    }
    judge(plan, run, profile).findings
}

impl Ran {
    /// What a run did, and what of the plan that it carried out it breaks.
    #[must_use]
    pub fn of(run: &Evidence, profile: &Profile) -> Self {
        Self::beside(run, &Self::without_rules(run), profile)
    }

    /// What a run did, and what of another run's plan it breaks.
    #[must_use]
    pub fn beside(run: &Evidence, other: &Self, profile: &Profile) -> Self {
        let broken = other.plan().map(|plan| broken(run, plan, profile)).unwrap_or_default();
        Self { broken, ..Self::without_rules(run) }
    }

    /// The plan that it carried out, whoever asked for it.
    fn plan(&self) -> Option<LoadPlan> {
        Some(match self.source? {
            CameFrom::Map => LoadPlan::map(self.locked),
            CameFrom::Read => LoadPlan::read(self.locked),
            CameFrom::Direct => LoadPlan::direct(self.locked, OnRefused::Read),
        })
    }

    fn without_rules(run: &Evidence) -> Self {
        let effective = run.effective();
        let weights = run.weights.len();
        let writable = |how: MapWritable| {
            run.fold.mappings.iter().any(|m| m.refused.is_none() && m.writable == Some(how))
        };
        let mut held = StillHeld::default();
        for (_, process) in run.loaders() {
            held.files += process.held.files;
            held.mapped_bytes += process.held.mapped;
            held.locked_bytes += process.held.locked;
        }
        let tensors = run.tensors.as_ref();
        let (ended, message) = match &run.ending {
            Ending::Completed => (Ended::Completed, String::new()),
            Ending::Failed(_) => (Ended::Failed, run.ending.message().to_owned()),
            Ending::Crashed(_) | Ending::Aborted(_) => (Ended::Crashed, run.ending.message().to_owned()),
            Ending::TimeLimit(_) => (Ended::TimeLimit, run.ending.message().to_owned()),
            Ending::Killed(_) => (Ended::Killed, run.ending.message().to_owned()),
        };
        Self {
            did: did(run),
            ended,
            message,
            opened: run.opened(),
            steps: CommandPath::of(run).steps,
            source: effective.source.map(|source| match source {
                EffectiveSource::Map => CameFrom::Map,
                EffectiveSource::Read => CameFrom::Read,
                EffectiveSource::Direct => CameFrom::Direct,
            }),
            locked: effective.locked,
            weight_bytes: weights,
            locked_bytes: run.locked_bytes().min(weights),
            direct_bytes: run.held_direct_bytes(),
            not_arrived: weights_arrived(run).err(),
            handed_over: run.handed_over(),
            wrong: tensors.and_then(|seen| seen.wrong.as_ref()).map(ToString::to_string),
            doubt: tensors.and_then(|seen| seen.doubt.as_ref()).map(ToString::to_string),
            used_after_unlock: run.used_after_unlock(),
            locked_after_output: run.locked_after_output(),
            read_ahead_bytes: run.read_far_ahead().unwrap_or(0),
            goes_on_in_a_copy: run.goes_on_in_a_copy(),
            used_in_copy: run.used_in_copy(),
            copied_without_lock: run.copied_without_lock(),
            used_elsewhere: run.used_elsewhere(),
            opened_for_writing: run.fold.opens.iter().any(|open| open.writes),
            written: run.fold.writes.first().map(|(_, what)| what.to_string()),
            mapped_shared_writable: writable(MapWritable::Shared),
            mapped_private_writable: writable(MapWritable::Private),
            memory: run.kernel_memory().map(MemoryNeeds::from),
            broken: Vec::new(),
            held,
        }
    }

    /// The same without what may be so and was not seen for certain.
    pub(super) fn without_doubts(self) -> Self {
        Self { copied_without_lock: None, used_elsewhere: None, ..self }
    }

    /// The same with what other runs of the same case showed, which one run shows by chance.
    pub(super) fn with_doubts_of(mut self, runs: &[Self]) -> Self {
        self.copied_without_lock = runs.iter().filter_map(|ran| ran.copied_without_lock).max();
        self.used_elsewhere = runs.iter().filter_map(|ran| ran.used_elsewhere).max();
        self
    }

    /// Whether it completed.
    #[must_use]
    pub fn completed(&self) -> bool {
        self.ended == Ended::Completed
    }

    /// Its code path.
    #[must_use]
    pub fn path(&self) -> CommandPath {
        CommandPath { steps: self.steps.clone() }
    }
}
