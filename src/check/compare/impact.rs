//! What the difference of two runs comes to, by what each guarantees.

use super::ran::{CameFrom, Ended, MemoryNeeds, Ran};
use crate::check::document::Impact;
use crate::rules::{Ending, Evidence, Finding, Rule};

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
    pub(super) fn add(&mut self, impact: Impact, what: String) {
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
        Ending::Crashed(message) | Ending::Aborted(message) => {
            format!("crash ({})", message.split([':', ',']).next().unwrap_or_default())
        }
        Ending::TimeLimit(_) => "time limit".to_owned(),
        Ending::Killed(_) => "killed".to_owned(),
    }
}

/// What the difference of two runs comes to; `output` is what differs between what they wrote.
pub(super) fn judge(old: &Ran, new: &Ran, output: Option<String>) -> Judged {
    let mut judged = Judged::default();
    match (old.completed(), new.completed()) {
        (false, false) => {
            if old.did != new.did {
                judged.add(Impact::PolicyChange, format!("both fail, otherwise: {}", new.message));
            }
            return judged;
        }
        (true, false) if !new.opened && new.ended == Ended::Failed => {
            judged.add(Impact::PolicyChange, format!("no longer taken: {}", new.message));
            return judged;
        }
        (true, false) => {
            judged.add(Impact::DataIntegrityRisk, format!("it no longer loads: {}", new.message));
            return judged;
        }
        (false, true) => {
            judged.add(Impact::Benign, "newly taken".to_owned());
            return judged;
        }
        (true, true) => {}
    }
    if let (None, Some(tensor)) = (&old.wrong, &new.wrong) {
        judged.add(Impact::DataIntegrityRisk, tensor.clone());
    }
    if let Some(message) = output {
        judged.add(Impact::DataIntegrityRisk, message);
    }
    if let (None, Some(reason)) = (&old.not_arrived, &new.not_arrived) {
        judged.add(Impact::DataIntegrityRisk, reason.clone());
    }
    if let (None, Some(reason)) = (&old.handed_over, &new.handed_over) {
        judged.add(Impact::PolicyChange, reason.clone());
    }
    if let (None, Some(tensor)) = (&old.doubt, &new.doubt) {
        judged.add(Impact::DataIntegrityRisk, format!("{tensor}, in a second copy"));
    }
    guarantees(old, new, &mut judged);
    copies(old, new, &mut judged);
    if let (Some(was), Some(is)) = (old.memory, new.memory) {
        grown(was, is).for_each(|what| judged.add(Impact::Benign, what));
    }
    held(old, new, &mut judged);
    // What the plan of the old run promises and no comparison of amounts shows.
    if judged.impact < Impact::PolicyChange {
        let newly = |finding: &&Finding| old.broken.iter().all(|known| known.rule != finding.rule);
        for Finding { rule, message, .. } in new.broken.iter().filter(newly) {
            let impact = match rule {
                Rule::SameBytes => Impact::DataIntegrityRisk,
                _ => Impact::LostGuarantee,
            };
            judged.add(impact, format!("{rule}: {message}"));
        }
    }
    if !old.path().same_steps(&new.path()) {
        judged.impact = judged.impact.max(Impact::Benign);
        if judged.what.is_empty() {
            judged.what.push("another way to the same, see the code paths".to_owned());
        }
    } else if old.steps != new.steps {
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
fn guarantees(old: &Ran, new: &Ran, judged: &mut Judged) {
    let direct = old.source == Some(CameFrom::Direct);
    if old.source != new.source {
        let impact = if direct { Impact::LostGuarantee } else { Impact::PolicyChange };
        judged.add(impact, format!("the weights came by {} and now come by {}", old.did, new.did));
    } else if direct {
        let edge = 1 << 20;
        let (was, is) = (old.direct_bytes, new.direct_bytes);
        if is.saturating_add(edge.min(was / 4)) < was {
            judged.add(Impact::LostGuarantee, format!("{is} bytes of the weights come directly, {was} did"));
        }
    }
    if let (None, Some(used)) = (old.used_after_unlock, new.used_after_unlock) {
        judged.add(Impact::LostGuarantee, format!("{used} bytes are used after their lock was released"));
    }
    if let (None, Some(late)) = (old.locked_after_output, new.locked_after_output) {
        judged.add(Impact::LostGuarantee, format!("{late} bytes are locked only after the last output"));
    }
    if direct && old.read_ahead_bytes == 0 && new.read_ahead_bytes > 0 {
        let what =
            format!("{} bytes are read ahead into the page cache beside direct reads", new.read_ahead_bytes);
        judged.add(Impact::LostGuarantee, what);
    }
    if let (true, None, Some(reason)) = (old.locked, &old.goes_on_in_a_copy, &new.goes_on_in_a_copy) {
        judged.add(Impact::LostGuarantee, reason.clone());
    }
    let (was, is) = (old.locked_bytes, new.locked_bytes);
    if old.locked && !new.locked {
        judged.add(Impact::LostGuarantee, format!("{was} locked bytes of the weights are no longer locked"));
    } else if old.locked && is < was {
        judged.add(Impact::LostGuarantee, format!("{is} bytes of the weights are locked, {was} were"));
    } else if !old.locked && new.locked {
        judged.add(Impact::PolicyChange, format!("{is} bytes of the weights are newly locked"));
    }
    if !old.opened_for_writing && new.opened_for_writing {
        judged.add(
            Impact::LostGuarantee,
            "the model was opened read-only and is now opened for writing".to_owned(),
        );
    }
    if let (None, Some(what)) = (&old.written, &new.written) {
        judged.add(Impact::LostGuarantee, format!("the model is written now: {what}"));
    }
    for (was, is, what) in [
        (
            old.mapped_shared_writable,
            new.mapped_shared_writable,
            "the model is now mapped shared and writable",
        ),
        (
            old.mapped_private_writable,
            new.mapped_private_writable,
            "the model is now mapped private and writable",
        ),
    ] {
        if !was && is {
            judged.add(Impact::LostGuarantee, what.to_owned());
        }
    }
}

/// Copies that are not locked beside weights that are.
fn copies(old: &Ran, new: &Ran, judged: &mut Judged) {
    if !new.locked {
        return;
    }
    if let (None, Some(used)) = (old.used_in_copy, new.used_in_copy) {
        judged.add(Impact::LostGuarantee, format!("{used} bytes are used in a copy that is not locked"));
    }
    if let (None, Some(bytes)) = (old.copied_without_lock, new.copied_without_lock) {
        let what = format!(
            "a second copy of {bytes} bytes of the weights is not locked; which one is used was not seen"
        );
        judged.add(Impact::PolicyChange, what);
    }
    if let (None, Some(used)) = (old.used_elsewhere, new.used_elsewhere) {
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
fn grown(was: MemoryNeeds, is: MemoryNeeds) -> impl Iterator<Item = String> {
    let rows = [
        ("anonymous memory", was.anonymous_bytes, is.anonymous_bytes),
        ("resident memory at its peak", was.peak_bytes, is.peak_bytes),
        ("RLIMIT_MEMLOCK", was.memlock_bytes, is.memlock_bytes),
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
fn held(old: &Ran, new: &Ran, judged: &mut Judged) {
    let (was, is) = (old.held, new.held);
    if is.files > was.files {
        let what = format!(
            "{} descriptors of the model are still open when the load is over, {} were",
            is.files, was.files
        );
        judged.add(Impact::Benign, what);
    }
    let same_way = old.source == new.source;
    for (was, is, name) in
        [(was.mapped_bytes, is.mapped_bytes, "mapped"), (was.locked_bytes, is.locked_bytes, "locked")]
    {
        // A little more is the rounding to pages.
        if same_way && is > was.saturating_add(old.weight_bytes / 8).max(was.saturating_add(1 << 20)) {
            let what = format!("{is} bytes are still {name} when the load is over, {was} were");
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
            |anonymous_bytes, memlock_bytes| MemoryNeeds { anonymous_bytes, memlock_bytes, peak_bytes: 0 };
        let said = |was, is| grown(was, is).collect::<Vec<_>>();
        let big = 1 << 30;
        assert_eq!(said(with(big, 0), with(big + big / 20, 0)), [""; 0]);
        assert_eq!(said(with(0, 0), with(SLACK, 0)), [""; 0]);
        assert_eq!(said(with(big, big), with(big / 2, big / 2)), [""; 0]);
        let [only] = &said(with(big, 0), with(big, 8 << 20))[..] else { panic!("one sentence") };
        assert!(only.starts_with("it needs 8388608 bytes of RLIMIT_MEMLOCK, 0 were enough"), "{only}");
    }
}
