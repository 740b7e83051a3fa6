//! The result of `check`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{DocumentError, Failure, Header, RuleText, Timeline, Verdict};
use crate::check::expect::Known;
use crate::plan::LoadPlan;
use crate::rules::{Finding, Level, NotObserved};

/// The result of `check`: one matrix of spellings on one subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CheckDocument {
    /// `loadparity.check/2`.
    pub schema: String,
    /// What was to be checked.
    pub started: CheckStarted,
    /// The rules with their sentences.
    pub rules: Vec<RuleText>,
    /// What each level of parity rests on.
    pub levels: Vec<LevelResult>,
    /// One row a plan.
    pub groups: Vec<GroupResult>,
    /// Every case that was run.
    pub cases: Vec<CaseResult>,
    /// The broken rules.
    pub failures: Vec<Failure>,
    /// What was counted, and the verdict.
    pub finished: CheckFinished,
}

impl CheckDocument {
    /// The schema of the document.
    pub const SCHEMA: &'static str = "loadparity.check/2";

    /// Reads a document.
    ///
    /// # Errors
    /// When the bytes are no such document.
    pub fn read(bytes: &[u8]) -> Result<Self, DocumentError> {
        super::read(bytes, Self::SCHEMA, "loadparity check --format json=FILE")
    }
}

/// What is about to be checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CheckStarted {
    /// Program, model and machine.
    #[serde(flatten)]
    pub header: Header,
    /// What is under test.
    pub subject: String,
    /// What the file holds: the hash over the hashes of all its tensors, read without the loader.
    pub model_hash: String,
    /// The dialect's name.
    pub dialect: String,
    /// Bytes in a page.
    pub page_size: u64,
    /// How far the campaign goes at most.
    pub level: Level,
    /// What is generated in each case; outputs compare between results of equal settings alone.
    pub generation: String,
    /// Spellings that will be resolved.
    pub planned_plans: u64,
    /// Spellings that will really be loaded.
    pub planned_loads: u64,
    /// The part of the campaign, where it is divided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
    /// The known divergences, in a part: what all parts meet together is what counts, and a merge asks for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub known: Vec<Known>,
}

/// One part of a campaign that several machines or jobs share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Part {
    /// Which, from 1.
    pub index: u32,
    /// Of how many.
    pub of: u32,
}

/// What a level of parity rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LevelResult {
    /// The level.
    pub level: Level,
    /// Whether it was observed.
    pub state: LevelState,
    /// How many cases it was observed in.
    pub cases: u64,
    /// Why it was not, or not in all cases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Whether a level was observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LevelState {
    /// In every case that completed.
    Observed,
    /// In some of them.
    Partly,
    /// In none.
    NotObserved,
    /// It was not asked for.
    NotAsked,
}

/// All spellings of one plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GroupResult {
    /// The plan.
    pub plan: LoadPlan,
    /// The plan's short name.
    pub name: String,
    /// The exact `--load-mode` word, where the dialect has one.
    pub load_mode: Option<String>,
    /// What the plan came to after `auto` and refusals were decided.
    pub resolved: String,
    /// The spellings, the representative first.
    pub spellings: Vec<String>,
    /// What the representative did.
    pub facts: Facts,
    /// Fingerprint of the code path of the representative.
    pub path: String,
    /// The canonical code path of the representative, a line a step.
    pub steps: Vec<String>,
    /// Fingerprint of the semantic path, which is the same on every platform.
    pub semantic: String,
    /// The semantic path, a line a step.
    pub semantic_steps: Vec<String>,
    /// Hash over all tensors' hashes, where the bytes were observed.
    pub tensors: Option<String>,
    /// Hash over all logits, where they were observed.
    pub logits: Option<String>,
    /// Hash of the text that a command wrote, where it was observed and is the same in every run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Rules that the evidence of the representative cannot decide.
    pub not_observed: Vec<NotObserved>,
    /// Why the verdict is not a pass, or what a pass does not prove.
    pub notes: Vec<String>,
    /// The load of the representative in time, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeline: Option<Timeline>,
    /// The word for the group.
    pub verdict: Verdict,
}

/// One spelling, loaded for real.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaseResult {
    /// The spelling as a shell would read it.
    pub spelling: String,
    /// Its plan, or `refused` where the dialect refuses it.
    pub plan: String,
    /// What the plan came to after `auto` and refusals were decided.
    pub resolved: String,
    /// Fingerprint of its code path.
    pub path: String,
    /// Whether it brought the weights in.
    #[serde(default)]
    pub loaded: bool,
    /// Whether its output was observed and compared.
    pub output_observed: bool,
    /// Rules that it breaks.
    pub findings: Vec<Finding>,
    /// Rules that its evidence cannot decide.
    pub not_observed: Vec<NotObserved>,
    /// The word for it.
    pub verdict: Verdict,
}

impl CaseResult {
    /// The plan of a spelling that the dialect refuses.
    pub const REFUSED: &'static str = "refused";
}

/// The facts of one load; byte counts are of what arrived.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Facts {
    /// Opens that succeeded.
    pub opens: u64,
    /// Direct opens asked for.
    pub direct_asked: u64,
    /// Direct opens that succeeded and stayed direct.
    pub direct_held: u64,
    /// Mappings.
    pub maps: u64,
    /// Their bytes.
    pub mapped_bytes: u64,
    /// Bytes locked at the end of the load.
    pub locked_bytes: u64,
    /// Locks refused.
    pub locks_refused: u64,
    /// Reads in all phases.
    pub reads: u64,
    /// Their bytes.
    pub read_bytes: u64,
    /// Bytes of direct reads among them.
    pub direct_read_bytes: u64,
    /// What was refused, each once.
    pub fallbacks: Vec<String>,
    /// What the operations prove to have happened: `map`, `read+lock` …
    pub effective: String,
    /// The memory of the load when it was over, where the kernel was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemoryFacts>,
}

/// The memory of one load when it was over, in bytes: what was asked for, what calls did, what the kernel says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MemoryFacts {
    /// Whether a lock was asked for.
    pub lock_asked: bool,
    /// Memory in which reads and mappings left weights.
    pub weights: u64,
    /// What of it calls locked.
    pub locked_traced: u64,
    /// What of it the kernel says to be locked and resident.
    pub locked_proven: u64,
    /// What of it the kernel says to be resident.
    pub resident: u64,
    /// Anonymous memory, the most of all times that the kernel was asked: before releases, and at the end.
    pub anonymous: u64,
    /// Pages of files that are resident in the process.
    pub file: u64,
    /// The most that was resident at one time.
    pub peak: u64,
    /// The `RLIMIT_MEMLOCK` that the load needs: locked address space, of weights or not.
    pub lock_needed: u64,
    /// The limit that it had; none where it was unlimited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock_limit: Option<u64>,
    /// The page cache of the model: what was in it before the load, and after. None where runs beside this one
    /// share it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached: Option<[u64; 2]>,
}

/// What was done, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Totals {
    /// Spellings enumerated for level P1.
    pub planned: u64,
    /// Of these, how many resolved to a plan.
    pub resolved: u64,
    /// Of these, how many were refused as a usage error.
    pub rejected: u64,
    /// Spellings that were really loaded.
    pub loaded: u64,
    /// Spellings whose output was observed.
    pub generated: u64,
    /// Groups: one for each plan.
    pub groups: u64,
    /// Broken rules, all cases together.
    pub failures: u64,
    /// Of these, how many stand on the list of known divergences.
    #[serde(default)]
    pub expected: u64,
    /// Rules that a case's evidence cannot decide, all cases together.
    pub not_observed: u64,
    /// Processes that were started; 0 for a subject without processes.
    #[serde(default)]
    pub processes: u64,
}

impl Totals {
    /// Counts what was run; `unlisted` broken rules were counted and are on no list. What was resolved for
    /// level P1 stays as it is, but for a command, of which nothing is resolved that is not run.
    pub(in crate::check) fn count(
        &mut self,
        started: &CheckStarted,
        (groups, cases, failures): (&[GroupResult], &[CaseResult], &[Failure]),
        unlisted: u64,
    ) {
        let count = |wanted: fn(&CaseResult) -> bool| cases.iter().filter(|case| wanted(case)).count() as u64;
        if started.planned_plans == 0 {
            self.planned = cases.len() as u64;
            self.rejected = count(|case| case.plan == CaseResult::REFUSED);
            self.resolved = self.planned - self.rejected;
        }
        self.loaded = count(|case| case.loaded);
        self.generated = count(|case| case.output_observed);
        self.not_observed = cases.iter().map(|case| case.not_observed.len() as u64).sum();
        self.groups = groups.len() as u64;
        self.failures = failures.len() as u64 + unlisted;
        self.expected = failures.iter().filter(|failure| failure.expected.is_some()).count() as u64;
    }
}

/// One named normalisation and how often it was applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Normalisation {
    /// Its name.
    pub rule: String,
    /// What it leaves out.
    pub explanation: String,
    /// How often, over all cases.
    pub applied: u64,
}

/// The end of a campaign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckFinished {
    /// What was done.
    pub totals: Totals,
    /// The normalisations that the code paths went through.
    pub normalisations: Vec<Normalisation>,
    /// What is to be said about the campaign as a whole.
    pub notes: Vec<String>,
    /// Rules that the campaign as a whole cannot decide.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_observed: Vec<NotObserved>,
    /// Whether it was cut off: then the document holds what was done so far.
    #[serde(default)]
    pub interrupted: bool,
    /// The worst of the verdicts.
    pub verdict: Verdict,
    /// The verdict in one sentence, with the levels it rests on.
    pub sentence: String,
    /// The process's exit code for it.
    pub exit_code: u8,
}
