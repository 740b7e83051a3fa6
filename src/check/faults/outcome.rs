//! What came of faults: one run held against the clean one and against the rules.

use super::altered;
use super::run::Clean;
use crate::check::document::FaultOutcome;
use crate::check::said::says_more;
use crate::check::shows::NoOutput;
use crate::plan::{Source, Spelling};
use crate::rules::{
    Applies, Capability, Ending, Evidence, Finding, Output, Profile, Rule, TensorBytes, judge, lost_tensor,
};
use crate::subject::{Fault, FaultSpec, When};
use crate::trace::{Call, ErrorKind, Outcome};

/// What came of one run under faults.
#[derive(Clone, Debug)]
pub(super) struct Came {
    pub(super) outcome: FaultOutcome,
    /// What is to be said of it.
    pub(super) message: String,
    /// The rules it breaks.
    pub(super) findings: Vec<Finding>,
    /// What is no broken rule and worth a line.
    pub(super) note: Option<&'static str>,
    /// Another spelling that a finding is about too.
    pub(super) beside: Option<Spelling>,
}

impl Came {
    /// What breaks no rule.
    pub(super) fn of(outcome: FaultOutcome, message: String) -> Self {
        Self { outcome, message, findings: Vec::new(), note: None, beside: None }
    }
}

/// The rule that an outcome breaks.
fn rule_of(outcome: FaultOutcome) -> Option<Rule> {
    match outcome {
        FaultOutcome::WrongOutput => Some(Rule::FaultOutput),
        FaultOutcome::Crash => Some(Rule::FaultCrash),
        FaultOutcome::Hang => Some(Rule::FaultHang),
        FaultOutcome::SilentFailure => Some(Rule::FaultReported),
        _ => None,
    }
}

/// What came of one run under faults.
pub(super) fn outcome_of(clean: &Clean, run: &Evidence, faults: &[FaultSpec], profile: &Profile) -> Came {
    if let Some(came) = altered::came_of(clean, run, faults, profile) {
        return came;
    }
    let (mut outcome, message) = compared(clean, run, faults);
    let holds = |rule: &Rule| profile.applies(*rule) == Applies::Yes;
    let mut findings: Vec<Finding> =
        rule_of(outcome).filter(holds).map(|rule| Finding::new(rule, message.clone())).into_iter().collect();
    let mut note = None;
    // What is wrong or crashed has broken other rules by that.
    if findings.is_empty() {
        findings.extend(broken(clean, run, faults, profile));
        if transient(faults) && matches!(run.ending, Ending::Failed(_)) {
            if profile.survives_transients && holds(&Rule::TransientSurvived) {
                let message = format!("what passes by itself ended the load: {}", run.ending.message());
                findings.push(Finding::new(Rule::TransientSurvived, message));
            } else if !profile.survives_transients {
                note = Some("an interrupted or short read, which passes by itself, ends the load");
            }
        }
        if !findings.is_empty() {
            outcome = FaultOutcome::BrokenRule;
        }
    }
    let message = findings.first().map_or(message, |finding| finding.message.clone());
    Came { outcome, message, findings, note, beside: None }
}

/// The output, the bytes, the way and the words of a run beside the clean one's.
fn compared(clean: &Clean, run: &Evidence, faults: &[FaultSpec]) -> (FaultOutcome, String) {
    let completed = run.completed();
    let wrong = completed && run.output != clean.run.output;
    let whole = run.tensors.as_ref().is_some_and(TensorBytes::is_whole);
    let wrong_tensor = run.tensors.as_ref().and_then(|seen| seen.wrong.as_ref());
    let lost = lost_tensor(&clean.run, run);
    let was_wrong = clean.run.tensors.as_ref().is_some_and(|seen| seen.wrong.is_some());
    let quiet = || !says_more(&clean.said, run);
    let another_way = completed && run.effective() != clean.run.effective();
    let unreported = if completed && quiet() { unreported(clean, run) } else { None };
    let outcome = match &run.ending {
        Ending::TimeLimit(_) => FaultOutcome::Hang,
        Ending::Aborted(_) if gives_up(faults) && !quiet() => FaultOutcome::Error,
        Ending::Crashed(_) | Ending::Aborted(_) => FaultOutcome::Crash,
        Ending::Killed(_) => FaultOutcome::NotObserved,
        _ if completed && (lost.is_some() || wrong_tensor.is_some() && !was_wrong) => {
            FaultOutcome::WrongOutput
        }
        _ if unreported.is_some() => FaultOutcome::SilentFailure,
        _ if wrong && NoOutput::compares(clean.no_output.as_ref()) => FaultOutcome::WrongOutput,
        _ if completed && clean.no_output.is_some() && !whole => FaultOutcome::NotObserved,
        _ if completed && !another_way => FaultOutcome::Same,
        _ if quiet() => FaultOutcome::SilentFailure,
        _ if completed => FaultOutcome::Fallback,
        _ => FaultOutcome::Error,
    };
    let bytes = |evidence: &Evidence| match &evidence.output {
        Some(Output::Text { bytes, .. }) => bytes.len(),
        Some(Output::Logits { tokens, .. }) => tokens.len(),
        None => 0,
    };
    let message = match outcome {
        FaultOutcome::WrongOutput if wrong_tensor.is_some() => {
            let tensor = wrong_tensor.map_or_else(String::new, ToString::to_string);
            format!("it ended as if nothing had happened; {tensor}")
        }
        FaultOutcome::WrongOutput if lost.is_some() => format!(
            "it ended as if nothing had happened; {}: its bytes come without the fault, and do not all come with it",
            lost.unwrap_or_default()
        ),
        FaultOutcome::WrongOutput => format!(
            "it ended as if nothing had happened, with {} bytes of output that are not the clean {}",
            bytes(run),
            bytes(&clean.run)
        ),
        FaultOutcome::SilentFailure if completed && another_way => format!(
            "it loaded another way ({} instead of {}) and said nothing",
            run.effective(),
            clean.run.effective()
        ),
        FaultOutcome::SilentFailure if completed => unreported.unwrap_or_default(),
        FaultOutcome::NotObserved if completed => clean.silence(),
        _ => run.ending.message().to_owned(),
    };
    (outcome, message)
}

/// Whether the runtimes of C++, Rust and Go may end a program by `abort` under such faults, once they have said why: it
/// got no memory or no thread, and nothing in it asked what then.
fn gives_up(faults: &[FaultSpec]) -> bool {
    faults.iter().any(|spec| matches!(spec.target().name(), "alloc" | "thread"))
}

/// What a loader did otherwise than in the clean run because it was refused, however little it was.
fn unreported(clean: &Clean, run: &Evidence) -> Option<String> {
    if clean.plan.source == Source::Direct && direct_refused(run) && !direct_refused(&clean.run) {
        let ([mapped, read, _], [was_mapped, was_read, _]) = (run.bytes_by_way(), clean.run.bytes_by_way());
        if mapped > was_mapped {
            return Some(format!(
                "direct I/O was refused, {mapped} bytes of tensors were mapped, and it said nothing"
            ));
        }
        if read > was_read {
            let more = read - was_read;
            return Some(format!(
                "direct I/O was refused, {more} bytes of tensors came through the page cache, and it said nothing"
            ));
        }
    }
    let (locked, was_locked) = (run.locked_bytes(), clean.run.locked_bytes());
    let refused = run.refused_lock().is_some() && clean.run.refused_lock().is_none();
    (clean.plan.lock && locked < was_locked && refused).then(|| {
        format!("a lock was refused, {locked} bytes are locked instead of {was_locked}, and it said nothing")
    })
}

/// Whether a direct open or read was refused; an interruption is no refusal.
fn direct_refused(run: &Evidence) -> bool {
    run.ops.iter().any(|op| {
        let direct = matches!(
            op.call,
            Call::Open { direct: true, .. } | Call::Read { direct: true, .. } | Call::Alignment { .. }
        );
        direct && matches!(&op.outcome, Outcome::Err(errno) if errno.kind != ErrorKind::Interrupted)
    })
}

/// The rules that are about the way that the weights come.
const OF_THE_WAY: &[Rule] = &[
    Rule::PlanTaken,
    Rule::TensorsMapped,
    Rule::NoFileMapping,
    Rule::TensorsRead,
    Rule::ReadsBuffered,
    Rule::DirectAttempted,
    Rule::DirectHeld,
    Rule::FallbackReported,
];

/// How many descriptors of the model more than in the clean run are no leak: one of a way that was given up.
const GIVEN_UP: u64 = 1;

/// The rules of the contract that the run breaks and the clean one does not. A load that fails is judged by what it
/// leaves behind alone. Where a foreign loader says that it went another way, and no refusal is known that decides
/// which, the way is its own affair: not what it locks, writes or loses, and not where nothing but a signal came.
fn broken(clean: &Clean, run: &Evidence, faults: &[FaultSpec], profile: &Profile) -> Vec<Finding> {
    let releases = profile.applies(Rule::ResourcesReleased) == Applies::Yes;
    if !run.completed() {
        let left = &run.fold.left_over;
        let message = || format!("it failed, and never released: {}", left.join(", "));
        let leaks = releases && !left.is_empty() && matches!(run.ending, Ending::Failed(_));
        return leaks.then(|| Finding::new(Rule::ResourcesReleased, message())).into_iter().collect();
    }
    let silent = run.silent || !says_more(&clean.said, run);
    let judged = judge(clean.plan, run, profile);
    let known = run.capabilities.has(Capability::Notices) || judged.decided.way_was_refused();
    let own_affair = !silent && !known && !interrupted(faults);
    let was_broken = |rule: Rule| clean.broken.iter().any(|finding| finding.rule == rule);
    let mut findings = judged.findings;
    // Where the file ends, it was told.
    let told = faults.iter().any(|spec| matches!(spec.fault(), Fault::Reports(_)));
    findings.retain(|f| {
        let excused = own_affair && OF_THE_WAY.contains(&f.rule) || told && f.rule == Rule::ReadsInsideFile;
        !(was_broken(f.rule) || excused)
    });
    findings.extend(leaked(clean, run, profile));
    findings
}

/// Descriptors that every attempt leaves behind; of a profile whose processes need not release what they hold, more
/// than a given-up way has.
fn leaked(clean: &Clean, run: &Evidence, profile: &Profile) -> Option<Finding> {
    let open = |run: &Evidence| run.loaders().map(|(_, process)| process.held.files).sum::<u64>();
    let (now, before) = (open(run), open(&clean.run));
    let foreign = !run.capabilities.has(Capability::Notices) && !profile.is_off(Rule::ResourcesReleased);
    (foreign && now > before.saturating_add(GIVEN_UP)).then(|| {
        let message = format!(
            "{now} descriptors of the model are open when the load is over, {before} without the fault: every attempt leaves one"
        );
        Finding::new(Rule::ResourcesReleased, message)
    })
}

/// Whether nothing but signals came.
fn interrupted(faults: &[FaultSpec]) -> bool {
    transient(faults) && faults.iter().all(|spec| spec.fault() == Fault::Error("EINTR"))
}

/// Whether all faults are such that the same call, made again, succeeds: a read that was interrupted or short.
fn transient(faults: &[FaultSpec]) -> bool {
    faults.iter().all(|spec| {
        let passes = matches!(spec.fault(), Fault::Error("EINTR") | Fault::Short(_));
        // What lasts for ever meets even the call of the largest number.
        passes
            && spec.target().to_string().starts_with("read")
            && !spec.when().meets(u64::MAX)
            && spec.when() != When::ALWAYS
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_is_shown_first() {
        assert!(FaultOutcome::ALL.windows(2).all(|pair| pair[0] > pair[1]));
    }

    #[test]
    fn what_passes_by_itself_is_transient() {
        let faults = |texts: &[&str]| texts.iter().map(|t| t.parse().unwrap()).collect::<Vec<FaultSpec>>();
        assert!(transient(&faults(&["read.direct:error=EINTR:when=2..4", "read.buffered:short=1:when=1"])));
        for lasts in [
            "read:error=EINTR",
            "read:error=EINTR:when=2+",
            "read:error=EIO:when=1",
            "open:error=EINTR:when=1",
        ] {
            assert!(!transient(&faults(&[lasts])), "{lasts}");
        }
    }
}
