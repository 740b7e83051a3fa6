//! What a campaign tells while it runs; every report is a consumer of this one stream.

use serde::{Deserialize, Serialize};

use super::command::{CompareFinished, CompareStarted, Compared};
use super::merge::{MergeFinished, MergeStarted, ModelMerged, RowMerged};
use super::rule::{Finding, Rule};
use crate::plan::LoadPlan;
use crate::rules::Summary;

/// The word for a case, a group or a campaign. Only [`Verdict::Pass`] is a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Every rule holds.
    Pass,
    /// The operating system or the file system cannot do what was asked.
    Unsupported,
    /// A known divergence, with a reason on file.
    Expected,
    /// This process lacks a privilege or a quota that the case needs.
    Blocked,
    /// A rule is broken.
    Divergent,
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Verdict::Pass => "pass",
            Verdict::Unsupported => "unsupported",
            Verdict::Expected => "expected",
            Verdict::Blocked => "blocked",
            Verdict::Divergent => "divergent",
        })
    }
}

/// How far a campaign goes; each level includes the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum)]
#[clap(rename_all = "verbatim")]
pub enum Level {
    /// Spellings resolve to plans.
    P1,
    /// Plans take code paths.
    P2,
    /// Every tensor's bytes are hashed.
    P3,
    /// Text is generated and its logits hashed.
    P4,
}

/// What is about to be checked.
#[derive(Clone, Debug, Serialize)]
pub struct Started {
    /// The program's name and version.
    pub tool: String,
    /// What is under test.
    pub subject: String,
    /// The model file as given, or `(embedded)`.
    pub model: String,
    /// What the file holds: the hash over the hashes of all its tensors, read without the loader.
    pub model_hash: String,
    /// The dialect's name.
    pub dialect: String,
    /// `linux`, `sim` …
    pub platform: String,
    /// The processor architecture.
    pub arch: String,
    /// Bytes in a page.
    pub page_size: u64,
    /// How far the campaign goes.
    pub level: Level,
    /// What is generated in each case; outputs compare between results of equal settings alone.
    pub generation: String,
    /// Spellings that will be resolved.
    pub planned_plans: u64,
    /// Spellings that will really be loaded.
    pub planned_loads: u64,
    /// Spellings that will really generate.
    pub planned_generations: u64,
}

/// One broken rule with all that is needed to see it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The rule.
    pub rule: Rule,
    /// The spelling that broke it, as a shell would read it.
    pub spelling: String,
    /// Its plan, where it has one.
    pub plan: Option<String>,
    /// What was seen.
    pub message: String,
    /// The two code paths side by side, where the rule compares paths.
    pub diff: Option<String>,
    /// A command line that shows it.
    pub reproduce: String,
    /// Which machine differs from which, where the rule compares machines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub across: Option<Across>,
}

/// A difference between machines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Across {
    /// The machine that differs.
    pub machine: String,
    /// The model.
    pub model: String,
    /// What it has.
    pub value: String,
    /// The machines that it is compared with.
    pub others: Vec<String>,
    /// What they have.
    pub expected: String,
}

/// One spelling, loaded for real.
#[derive(Clone, Debug, Serialize)]
pub struct CaseFinished {
    /// The spelling as a shell would read it.
    pub spelling: String,
    /// Its plan, and the plan after `auto` was decided.
    pub plan: String,
    /// The plan after `auto` was decided.
    pub resolved: String,
    /// Fingerprint of its code path.
    pub path: String,
    /// Rules that its own trace and result break.
    pub findings: Vec<Finding>,
    /// The word for it.
    pub verdict: Verdict,
}

/// All spellings of one plan.
#[derive(Clone, Debug, Serialize)]
pub struct GroupFinished {
    /// The plan.
    pub plan: LoadPlan,
    /// The plan's short name.
    pub name: String,
    /// The exact `--load-mode` word, where the reference dialect has one.
    pub load_mode: Option<String>,
    /// The plan after `auto` was decided.
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
    /// Hash over all tensors' hashes, from level P3 on.
    pub tensors: Option<String>,
    /// Hash over all logits, at level P4.
    pub logits: Option<String>,
    /// Hash of the text that an external command wrote, at level P4.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Why the verdict is not a pass, or what a pass does not prove.
    pub notes: Vec<String>,
    /// The word for the group.
    pub verdict: Verdict,
}

/// The facts of one load, for output; byte counts are of what arrived.
#[derive(Clone, Debug, Serialize)]
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
}

impl From<&Summary> for Facts {
    fn from(s: &Summary) -> Self {
        Self {
            opens: s.opens,
            direct_asked: s.direct_asked,
            direct_held: s.direct_held,
            maps: s.maps,
            mapped_bytes: s.mapped_bytes,
            locked_bytes: s.locked_bytes,
            locks_refused: s.locks_refused,
            reads: s.reads,
            read_bytes: s.read_bytes,
            direct_read_bytes: s.direct_read_bytes,
            fallbacks: s.fallbacks.iter().map(ToString::to_string).collect(),
            effective: s.effective.to_string(),
        }
    }
}

/// What was done, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Spellings enumerated for level P1.
    pub planned: u64,
    /// Of these, how many resolved to a plan.
    pub resolved: u64,
    /// Of these, how many were refused as a usage error.
    pub rejected: u64,
    /// Spellings that were really loaded.
    pub loaded: u64,
    /// Spellings that really generated.
    pub generated: u64,
    /// Faults that were injected into a command, alone or in pairs.
    #[serde(skip_serializing_if = "is_zero")]
    pub faults: u64,
    /// Groups: one for each plan.
    pub groups: u64,
    /// Broken rules, all cases together.
    pub failures: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// The end of a campaign.
#[derive(Clone, Debug, Serialize)]
pub struct Finished {
    /// What was done.
    pub totals: Totals,
    /// The normalisations that the code paths went through: rule, what it does, how often.
    pub normalisations: Vec<Normalisation>,
    /// What is to be said about the campaign as a whole: what could not be observed, and how what was
    /// not given became known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The worst of the groups' verdicts.
    pub verdict: Verdict,
    /// The process's exit code for it.
    pub exit_code: u8,
}

/// One named normalisation and how often it was applied.
#[derive(Clone, Debug, Serialize)]
pub struct Normalisation {
    /// Its name.
    pub rule: String,
    /// What it leaves out.
    pub explanation: String,
    /// How often, over all cases.
    pub applied: u64,
}

/// The stream.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each carries a documented struct")]
pub enum Event {
    Started(Started),
    CaseFinished(CaseFinished),
    Failure(Failure),
    GroupFinished(Box<GroupFinished>),
    Finished(Finished),
    MergeStarted(MergeStarted),
    RowMerged(RowMerged),
    ModelMerged(ModelMerged),
    MergeFinished(MergeFinished),
    CompareStarted(CompareStarted),
    Compared(Compared),
    CompareFinished(CompareFinished),
}
