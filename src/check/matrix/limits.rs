//! The facts of a run, and what keeps one whose rules all hold from being a pass.

use crate::check::document::{Facts, MemoryFacts, Verdict};
use crate::plan::{LoadPlan, Source};
use crate::rules::{Decided, Evidence, Limit, LockDuty, PageCount};
use crate::trace::Call;

/// The facts of one load.
pub(super) fn facts(asked: LoadPlan, evidence: &Evidence) -> Facts {
    let s = &evidence.summary;
    let held = evidence.locked_bytes();
    Facts {
        opens: s.opens,
        direct_asked: s.direct_asked,
        direct_held: s.direct_held,
        maps: s.maps,
        mapped_bytes: s.mapped_bytes,
        locked_bytes: if evidence.loaders().next().is_some() { held } else { s.locked_bytes },
        locks_refused: s.locks_refused,
        reads: s.reads,
        read_bytes: s.read_bytes,
        direct_read_bytes: s.direct_read_bytes,
        fallbacks: s.fallbacks.iter().map(ToString::to_string).collect(),
        effective: Decided::effective(asked, evidence).to_string(),
        memory: memory(asked, evidence),
    }
}

/// The memory of one load; `None` where the kernel was not asked.
fn memory(asked: LoadPlan, evidence: &Evidence) -> Option<MemoryFacts> {
    let kernel = evidence.kernel_memory()?;
    let page = evidence.page_size;
    Some(MemoryFacts {
        lock_asked: asked.lock,
        weights: kernel.weights,
        locked_traced: evidence.traced_locked_weights(),
        locked_proven: kernel.weights_locked,
        resident: kernel.weights_resident,
        anonymous: kernel.anonymous,
        file: kernel.file,
        peak: kernel.peak,
        lock_needed: kernel.locked,
        lock_limit: kernel.lock_limit,
        cached: evidence.cache.map(|(before, after)| [before.resident * page, after.resident * page]),
    })
}

/// What keeps a run whose rules all hold from being a pass, and what is to be said about it.
pub(super) fn limits(decided: &Decided, plan: LoadPlan, evidence: &Evidence) -> (Vec<String>, Verdict) {
    let mut notes = Vec::new();
    let mut verdict = match decided.limit {
        Limit::None => Verdict::Pass,
        Limit::Unsupported => Verdict::Unsupported,
        Limit::Blocked => Verdict::Blocked,
    };
    for op in &evidence.ops {
        if let Call::Notice(notice) = &op.call {
            notes.push(notice.text.clone());
        }
    }
    if notes.is_empty() {
        notes.extend(decided.refusals.iter().map(|refusal| format!("{refusal}: the fallback is judged")));
    }
    if evidence.fold.enforced == Some(false) {
        let cache = evidence.cache.map_or_else(|| "is unknown".to_owned(), passed_the_cache);
        notes.push(format!(
            "this file system takes unaligned direct requests: that direct I/O bypassed the page cache {cache}"
        ));
        if plan.source == Source::Direct {
            verdict = verdict.max(Verdict::Unsupported);
        }
    }
    match evidence.held_twice() {
        0 => {}
        bytes => {
            notes.push(format!("a second copy of {bytes} bytes of the weights stands in writable memory"))
        }
    }
    if decided.lock != LockDuty::None && evidence.moved_without_lock() > 0 {
        let bytes = evidence.moved_without_lock();
        notes.push(format!("{bytes} bytes of the weights were copied to memory that is not locked"));
    }
    if let Some(note) = evidence.locked_pages.and_then(lock_not_confirmed) {
        notes.push(note);
        verdict = verdict.max(Verdict::Unsupported);
    }
    notes.extend(evidence.unseen.iter().cloned());
    if !evidence.unseen.is_empty() {
        verdict = verdict.max(Verdict::NotObserved);
    }
    (notes, verdict)
}

/// What the page cache shows of a direct load that nobody refused. Only pages that were not there before
/// can show anything, the header's pages and what is read ahead of them come in with every load, and a page
/// may go at any time: this is evidence, and never sufficient for a pass.
fn passed_the_cache((before, after): (PageCount, PageCount)) -> String {
    let missing = before.pages.saturating_sub(before.resident);
    let came = after.resident.saturating_sub(before.resident);
    let seen = match missing {
        0 => return "is unknown (all of the file was in it before)".to_owned(),
        _ if came > missing / 2 => "is refuted",
        _ => "is likely",
    };
    format!("{seen} (of {missing} pages that were not in it, the load read {came})")
}

/// What is to be said where the system granted locks and its own view of the pages says otherwise: that
/// is no fault of the loader, and no pass.
fn lock_not_confirmed(PageCount { pages, resident, locked }: PageCount) -> Option<String> {
    let shown = match locked {
        Some(0) if pages > 0 => "none of their pages as locked".to_owned(),
        Some(locked) if locked < pages => format!("{locked} of their {pages} pages as locked"),
        _ if resident < pages => format!("{resident} of their {pages} pages in memory"),
        _ => return None,
    };
    Some(format!("the locks were granted, and the system shows {shown}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(before: u64, after: u64) -> String {
        let of = |resident| PageCount { pages: 100, resident, locked: None };
        passed_the_cache((of(before), of(after)))
    }

    #[test]
    fn pages_that_came_in_refute_direct_io() {
        assert_eq!(cache(10, 100), "is refuted (of 90 pages that were not in it, the load read 90)");
        assert_eq!(cache(0, 8), "is likely (of 100 pages that were not in it, the load read 8)");
        assert_eq!(cache(60, 20), "is likely (of 40 pages that were not in it, the load read 0)");
        assert!(cache(100, 100).starts_with("is unknown"));
    }
}
