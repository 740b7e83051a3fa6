//! Golden code paths: what a machine does for each plan, as text that a person reviews once and a
//! test compares from then on.

use std::fmt::Write;

use crate::engine::{CpuLevel, Generation, SamplerConfig};
use crate::plan::{Dialect, LoadPlan, OnRefused, Spelling};
use crate::rules::Evidence;
use crate::subject::{Case, Depth, Setting, Subject, Truth};
use crate::trace::{Call, CodePath, NoticeLevel, Op, Outcome, SemanticPath};

/// The plans of the reference dialect: one golden path each.
const PLANS: [LoadPlan; 7] = [
    LoadPlan::map(false),
    LoadPlan::map(true),
    LoadPlan::read(false),
    LoadPlan::read(true),
    LoadPlan::direct(false, OnRefused::Read),
    LoadPlan::direct(true, OnRefused::Read),
    LoadPlan::AUTO,
];

/// The path of one plan on one machine.
pub struct Golden {
    /// The plan's short name.
    pub plan: String,
    /// The text to keep, or why this machine cannot show the path.
    pub text: Result<String, String>,
}

/// The paths of all plans on the machine under `subject`, which reports know as `machine`.
pub fn golden_paths(subject: &dyn Subject, machine: &str, truth: &Truth) -> Vec<Golden> {
    PLANS.iter().map(|plan| golden(subject, machine, truth, *plan)).collect()
}

fn golden(subject: &dyn Subject, machine: &str, truth: &Truth, plan: LoadPlan) -> Golden {
    let word = plan.reference_word().unwrap_or_default();
    let spelling = Spelling::flags(["--load-mode", word]);
    // Nothing is generated at this depth.
    let generation = Generation {
        prompt: String::new(),
        n_predict: 0,
        n_ctx: None,
        sampler: SamplerConfig::default(),
        threads: 1,
        cpu: CpuLevel::Scalar,
        ignore_eos: false,
        ..Generation::default()
    };
    let dialect = Dialect::reference();
    let setting = Setting { dialect, depth: Depth::Load, generation: &generation, truth, patience: None };
    let name = plan.to_string();
    let evidence = match subject.observe(&Case::of(spelling, dialect), &[], &setting) {
        Ok(evidence) => evidence,
        Err(error) => return Golden { plan: name, text: Err(error.to_string()) },
    };
    let refusal = refusal(&evidence.ops).or_else(|| not_windows(subject, &evidence.ops));
    let text = match refusal {
        _ if !evidence.completed() => Err(evidence.ending.message().to_owned()),
        Some(refusal) => Err(refusal),
        None => Ok(describe(subject, machine, truth, word, &evidence)),
    };
    Golden { plan: name, text }
}

/// Something that was asked for and refused: the path is then one of this place and not of the
/// platform.
fn refusal(ops: &[Op]) -> Option<String> {
    ops.iter().find_map(|op| match &op.call {
        Call::Notice(notice) if notice.level == NoticeLevel::Warning => Some(notice.text.clone()),
        _ => None,
    })
}

/// Windows refuses an unaligned unbuffered read on every file system. One that takes it, as Wine does,
/// shows no direct path of Windows.
fn not_windows(subject: &dyn Subject, ops: &[Op]) -> Option<String> {
    let taken = |op: &Op| {
        matches!((&op.call, &op.outcome), (Call::Alignment { enforced: false, .. }, Outcome::Ok(_)))
    };
    (subject.platform() == "windows" && ops.iter().any(taken)).then(|| {
        "unsupported here: unaligned unbuffered reads are taken, which Windows itself refuses".to_owned()
    })
}

fn describe(subject: &dyn Subject, machine: &str, truth: &Truth, word: &str, evidence: &Evidence) -> String {
    let path = CodePath::from_ops(&evidence.ops);
    let semantic = SemanticPath::of_files(&path, evidence.weights_by_role());
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "machine: {machine}, pages of {} bytes", subject.page_size());
    let _ = writeln!(text, "asked:   --load-mode {word}");
    let _ = writeln!(text, "tensors: {}", truth.tensors.combined());
    let _ = write!(text, "\ncode path {}\n{path}", path.fingerprint().full());
    let _ = write!(text, "\nsemantic path {}\n{semantic}", semantic.fingerprint());
    text
}
