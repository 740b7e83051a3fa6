//! What the difference of two runs comes to, by what each guarantees.

use crate::check::document::Impact;
use crate::rules::{CommandPath, EffectiveSource, Ending, Evidence, weights_arrived};
use crate::trace::{KernelMemory, MapWritable};

pub(super) struct Judged {
    pub(super) impact: Impact,
    pub(super) what: Vec<String>,
}

impl Default for Judged {
    fn default() -> Self {
        Self { impact: Impact::Identical, what: Vec::new() }
    }
}

impl Judged {
    fn add(&mut self, impact: Impact, what: String) {
        self.impact = self.impact.max(impact);
        if !self.what.contains(&what) {
            self.what.push(what);
        }
    }
}

/// What a run did, in a word or two.
pub(super) fn did(run: &Evidence) -> String {
    match &run.ending {
        Ending::Completed => run.effective().to_string(),
        Ending::Failed(_) if !run.opened() => "refused".to_owned(),
        Ending::Failed(message) => message.split(':').next().unwrap_or("failed").to_owned(),
        Ending::Crashed(message) => {
            format!("crash ({})", message.split([':', ',']).next().unwrap_or_default())
        }
        Ending::TimeLimit(_) => "time limit".to_owned(),
        Ending::Killed(_) => "killed".to_owned(),
    }
}

/// What the difference of two runs comes to.
pub(super) fn judge(
    old: &Evidence,
    new: &Evidence,
    outputs: bool,
    paths: &(CommandPath, CommandPath),
) -> Judged {
    let mut judged = Judged::default();
    match (old.completed(), new.completed()) {
        (false, false) => {
            if did(old) != did(new) {
                judged.add(Impact::PolicyChange, format!("both fail, otherwise: {}", new.ending.message()));
            }
            return judged;
        }
        (true, false) if !new.opened() && matches!(new.ending, Ending::Failed(_)) => {
            judged.add(Impact::PolicyChange, format!("no longer taken: {}", new.ending.message()));
            return judged;
        }
        (true, false) => {
            judged.add(Impact::DataIntegrityRisk, format!("it no longer loads: {}", new.ending.message()));
            return judged;
        }
        (false, true) => {
            judged.add(Impact::Benign, "newly taken".to_owned());
            return judged;
        }
        (true, true) => {}
    }
    let wrong = |run: &Evidence| run.tensors.as_ref().and_then(|seen| seen.wrong.clone());
    if let (None, Some(tensor)) = (wrong(old), wrong(new)) {
        judged.add(Impact::DataIntegrityRisk, tensor.to_string());
    }
    if outputs
        && let (Some(a), Some(b)) = (&old.output, &new.output)
        && let Some(message) = a.difference(b, "the old command")
    {
        judged.add(Impact::DataIntegrityRisk, message);
    }
    if let (Ok(()), Err(reason)) = (weights_arrived(old), weights_arrived(new)) {
        judged.add(Impact::DataIntegrityRisk, reason);
    }
    if old.handed_over().is_none()
        && let Some(reason) = new.handed_over()
    {
        judged.add(Impact::PolicyChange, reason);
    }
    let doubt = |run: &Evidence| run.tensors.as_ref().and_then(|seen| seen.doubt.clone());
    if let (None, Some(tensor)) = (doubt(old), doubt(new)) {
        judged.add(Impact::DataIntegrityRisk, format!("{tensor}, in a second copy"));
    }
    guarantees(old, new, &mut judged);
    copies(old, new, &mut judged);
    if let (Some(was), Some(is)) = (old.kernel_memory(), new.kernel_memory()) {
        grown(was, is).for_each(|what| judged.add(Impact::Benign, what));
    }
    held(old, new, &mut judged);
    let (before, after) = paths;
    if !before.same_steps(after) {
        judged.impact = judged.impact.max(Impact::Benign);
        if judged.what.is_empty() {
            judged.what.push("another way to the same, see the code paths".to_owned());
        }
    } else if before.steps != after.steps {
        judged.add(Impact::Reordered, "the same steps in another order".to_owned());
    }
    judged
}

/// What both were refused, and one of them said so.
pub(super) fn words(old: Option<bool>, new: Option<bool>, judged: &mut Judged) {
    if (old, new) == (Some(true), Some(false)) {
        let what = "of what was refused the old command spoke on standard error, the new one says nothing";
        judged.add(Impact::LostGuarantee, what.to_owned());
    }
}

/// What was promised to hold for the whole life of the program: the source, the lock, direct I/O, a file that
/// is only read. Of locked bytes as many count as the weights have: a mapping is a little longer than they are.
fn guarantees(old: &Evidence, new: &Evidence, judged: &mut Judged) {
    let (before, after) = (old.effective(), new.effective());
    if before.source != after.source {
        let direct = before.source == Some(EffectiveSource::Direct);
        let impact = if direct { Impact::LostGuarantee } else { Impact::PolicyChange };
        judged.add(impact, format!("the weights came by {before} and now come by {after}"));
    } else if before.source == Some(EffectiveSource::Direct) {
        let bytes = Evidence::held_direct_bytes;
        let edge = 1 << 20;
        let (was, is) = (bytes(old), bytes(new));
        if is.saturating_add(edge.min(was / 4)) < was {
            judged.add(Impact::LostGuarantee, format!("{is} bytes of the weights come directly, {was} did"));
        }
    }
    if old.used_after_unlock().is_none()
        && let Some(used) = new.used_after_unlock()
    {
        judged.add(Impact::LostGuarantee, format!("{used} bytes are used after their lock was released"));
    }
    if before.locked
        && old.goes_on_in_a_copy().is_none()
        && let Some(reason) = new.goes_on_in_a_copy()
    {
        judged.add(Impact::LostGuarantee, reason);
    }
    let weights = old.weights.len();
    let locked = |run: &Evidence| run.locked_bytes().min(weights);
    let (was, is) = (locked(old), locked(new));
    if before.locked && !after.locked {
        judged.add(Impact::LostGuarantee, format!("{was} locked bytes of the weights are no longer locked"));
    } else if before.locked && is < was {
        judged.add(Impact::LostGuarantee, format!("{is} bytes of the weights are locked, {was} were"));
    } else if !before.locked && after.locked {
        judged.add(Impact::PolicyChange, format!("{is} bytes of the weights are newly locked"));
    }
    let writes = |run: &Evidence| run.fold.opens.iter().any(|open| open.writes);
    if !writes(old) && writes(new) {
        judged.add(
            Impact::LostGuarantee,
            "the model was opened read-only and is now opened for writing".to_owned(),
        );
    }
    if old.fold.writes.is_empty()
        && let Some((_, what)) = new.fold.writes.first()
    {
        judged.add(Impact::LostGuarantee, format!("the model is written now: {what}"));
    }
    let writable = |run: &Evidence, how: MapWritable| {
        run.fold.mappings.iter().any(|m| m.refused.is_none() && m.writable == Some(how))
    };
    for (how, what) in [
        (MapWritable::Shared, "the model is now mapped shared and writable"),
        (MapWritable::Private, "the model is now mapped private and writable"),
    ] {
        if !writable(old, how) && writable(new, how) {
            judged.add(Impact::LostGuarantee, what.to_owned());
        }
    }
}

/// Copies that are not locked beside weights that are.
fn copies(old: &Evidence, new: &Evidence, judged: &mut Judged) {
    if !new.effective().locked {
        return;
    }
    if old.used_in_copy().is_none()
        && let Some(used) = new.used_in_copy()
    {
        judged.add(Impact::LostGuarantee, format!("{used} bytes are used in a copy that is not locked"));
    }
    if old.copied_without_lock().is_none()
        && let Some(bytes) = new.copied_without_lock()
    {
        let what = format!(
            "a second copy of {bytes} bytes of the weights is not locked; which one is used was not seen"
        );
        judged.add(Impact::PolicyChange, what);
    }
    if old.used_elsewhere().is_none()
        && let Some(used) = new.used_elsewhere()
    {
        let what =
            format!("{used} bytes of other memory, without a lock, are used when the locked memory has gone");
        judged.add(Impact::PolicyChange, what);
    }
}

/// As many per cent more than the old build needs, and `SLACK` bytes beside, are worth a word.
const GROWTH: u64 = 10;

/// What two runs of one command may differ by: thread stacks, arenas of allocators.
const SLACK: u64 = 4 << 20;

/// What the new build needs more of than the old one.
fn grown(was: KernelMemory, is: KernelMemory) -> impl Iterator<Item = String> {
    let rows = [
        ("anonymous memory", was.anonymous, is.anonymous),
        ("resident memory at its peak", was.peak, is.peak),
        ("RLIMIT_MEMLOCK", was.locked, is.locked),
    ];
    let more = |was: u64, is: u64| is > was.saturating_add(was / 100 * GROWTH).saturating_add(SLACK);
    rows.into_iter().filter(move |(_, was, is)| more(*was, *is)).map(|(name, was, is)| {
        let slack = SLACK >> 20;
        format!(
            "it needs {is} bytes of {name}, {was} were enough (said from {GROWTH} % and {slack} MiB more on)"
        )
    })
}

/// What is held longer than before: still there when the load is over.
fn held(old: &Evidence, new: &Evidence, judged: &mut Judged) {
    let sum = |run: &Evidence| {
        let mut all = [0u64; 3];
        for (_, process) in run.loaders() {
            let held = process.held;
            all[0] += held.files;
            all[1] += held.mapped;
            all[2] += held.locked;
        }
        all
    };
    let (was, is) = (sum(old), sum(new));
    let same_way = old.effective().source == new.effective().source;
    if is[0] > was[0] {
        let what = format!(
            "{} descriptors of the model are still open when the load is over, {} were",
            is[0], was[0]
        );
        judged.add(Impact::Benign, what);
    }
    let weights = old.weights.len();
    for (at, name) in [(1, "mapped"), (2, "locked")] {
        // A little more is the rounding to pages.
        if same_way && is[at] > was[at].saturating_add(weights / 8).max(was[at].saturating_add(1 << 20)) {
            let what = format!("{} bytes are still {name} when the load is over, {} were", is[at], was[at]);
            judged.add(Impact::PolicyChange, what);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_worth_a_word_is_said_of_memory() {
        let with =
            |anonymous: u64, locked: u64| KernelMemory { anonymous, locked, ..KernelMemory::default() };
        let said = |was, is| grown(was, is).collect::<Vec<_>>();
        let big = 1 << 30;
        assert_eq!(said(with(big, 0), with(big + big / 20, 0)), [""; 0]);
        assert_eq!(said(with(0, 0), with(SLACK, 0)), [""; 0]);
        assert_eq!(said(with(big, big), with(big / 2, big / 2)), [""; 0]);
        let [only] = &said(with(big, 0), with(big, 8 << 20))[..] else { panic!("one sentence") };
        assert!(only.starts_with("it needs 8388608 bytes of RLIMIT_MEMLOCK, 0 were enough"), "{only}");
    }
}
