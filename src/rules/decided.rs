//! What a plan comes to on one machine: the one place where `auto` and refusals are decided.

use super::shares::Shares;
use super::{EffectiveSource, Evidence, Taken, Way};
use crate::plan::{LoadPlan, OnRefused, Source};
use crate::trace::{Call, ErrorKind, NoticeCode, Outcome, Word};

/// What is asked of the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockDuty {
    /// No memory that holds weights is locked.
    None,
    /// All memory that holds weights is locked.
    All,
    /// A lock was refused: what could be locked is.
    Refused,
}

/// What keeps a run whose rules hold from being a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Limit {
    /// Nothing does.
    None,
    /// The system or the file system cannot do what was asked.
    Unsupported,
    /// A privilege or a quota is missing.
    Blocked,
}

/// A plan without `auto`, after the refusals that the evidence shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// How the weights have to come.
    pub way: Way,
    /// Whether what came before a refusal may have come directly.
    pub part_direct: bool,
    /// Whether direct I/O has to be tried.
    pub direct_asked: bool,
    /// Whether nothing but a failure is right: direct I/O was refused and the plan says to fail.
    pub must_fail: bool,
    /// What is asked of the lock.
    pub lock: LockDuty,
    /// What was refused and had a say, in words.
    pub refusals: Vec<String>,
    /// What keeps the run from being a pass.
    pub limit: Limit,
    /// Which tensors none of this is said of: the exceptions that the run took.
    pub taken: Taken,
}

impl std::fmt::Display for Decided {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.must_fail {
            return f.write_str("an error");
        }
        f.write_str(match self.way {
            Way::Map => "map",
            Way::Read => "read",
            Way::Direct => "direct",
        })?;
        if self.lock == LockDuty::All {
            f.write_str("+lock")?;
        }
        let taken = self.taken.list();
        if taken.is_empty() { Ok(()) } else { write!(f, " but {taken}") }
    }
}

impl Decided {
    /// The plan as it is if nothing is refused; `auto` maps.
    #[must_use]
    pub fn unrefused(plan: LoadPlan) -> Self {
        let way = match plan.source {
            Source::Map | Source::Auto => Way::Map,
            Source::Read => Way::Read,
            Source::Direct => Way::Direct,
        };
        Self {
            way,
            part_direct: false,
            direct_asked: plan.source == Source::Direct,
            must_fail: false,
            lock: if plan.lock { LockDuty::All } else { LockDuty::None },
            refusals: Vec::new(),
            limit: Limit::None,
            taken: Taken::all(plan.exceptions),
        }
    }

    /// Whether anything was refused that decides how the weights come: a refused lock does not.
    #[must_use]
    pub fn way_was_refused(&self) -> bool {
        self.refusals.len() > usize::from(self.lock == LockDuty::Refused)
    }

    /// The plan after what the evidence shows.
    #[must_use]
    pub fn of(plan: LoadPlan, evidence: &Evidence) -> Self {
        Self::of_shares(plan, &Shares::of(plan, evidence))
    }

    /// The same of a run whose tensors were shared out.
    pub(super) fn of_shares(plan: LoadPlan, shares: &Shares<'_>) -> Self {
        let mut decided = Self::of_all(plan.without_exceptions(), &shares.rest);
        decided.taken = shares.taken.clone();
        if let Some(refused) = &shares.refused {
            decided.refusals.extend(refused.refusals.iter().cloned());
            decided.limit = decided.limit.max(refused.limit);
        }
        decided
    }

    /// A plan without exceptions after what the evidence shows of all weights.
    pub(super) fn of_all(plan: LoadPlan, evidence: &Evidence) -> Self {
        let mut decided = Self::unrefused(plan);
        let effective = evidence.effective();
        if plan.source == Source::Auto && effective.source == Some(EffectiveSource::Read) {
            // It never decides for direct I/O by itself: that stays a difference.
            decided.way = Way::Read;
        }
        match plan.source {
            Source::Direct => decided.refuse_direct(plan.on_refused, evidence),
            Source::Map | Source::Auto => decided.refuse_map(evidence),
            Source::Read => {}
        }
        if plan.lock
            && let Some(kind) = evidence.refused_lock()
        {
            decided.lock = LockDuty::Refused;
            decided.refusals.push(refusal("lock", kind));
            decided.limit = decided.limit.max(Limit::Blocked);
        }
        decided
    }

    /// A direct open that was refused falls back to what the plan says of it. A direct read that was refused
    /// as none that can be served directly falls back to reading, whatever the plan says of an open; what had
    /// come before stays.
    fn refuse_direct(&mut self, on_refused: Option<OnRefused>, evidence: &Evidence) {
        let fold = &evidence.fold;
        let opens = || fold.opens.iter().filter(|open| open.direct && open.load);
        let granted = opens().any(|open| open.refused.is_none());
        let read = fold.requests.iter().find_map(|request| {
            let unservable = [ErrorKind::Invalid, ErrorKind::BadAddress, ErrorKind::Unsupported];
            request.refused.filter(|kind| request.direct && unservable.contains(kind))
        });
        let open = opens().find_map(|open| open.refused).filter(|_| !granted);
        // Without an answer to what direct reads need, none can be made: as good as a refused open.
        let served = fold.requests.iter().any(|request| request.direct && request.refused.is_none());
        let stops = fold.requests.iter().any(|request| request.direct && request.was_short());
        let unanswered = evidence.ops.iter().find_map(|op| match (&op.call, &op.outcome) {
            (Call::Alignment { .. }, Outcome::Err(errno)) if !served => Some(errno.kind),
            _ => None,
        });
        let (what, kind, to) = match (open, read) {
            (Some(kind), _) => ("direct-open", kind, on_refused.unwrap_or(OnRefused::Read)),
            (None, Some(kind)) => {
                let to =
                    if on_refused == Some(OnRefused::Error) { OnRefused::Error } else { OnRefused::Read };
                ("direct-read", kind, to)
            }
            (None, None) => match unanswered {
                Some(kind) => ("direct-alignment", kind, on_refused.unwrap_or(OnRefused::Read)),
                // Reads that stop inside a block time and again are given up without an error, and that is reported.
                None if stops && fold.notices.contains(&NoticeCode::DirectRefused) => {
                    ("direct-read", ErrorKind::Other, OnRefused::Read)
                }
                None => return,
            },
        };
        self.refusals.push(refusal(what, kind));
        self.limit = Limit::Unsupported;
        match to {
            OnRefused::Map => {
                self.way = Way::Map;
                self.refuse_map(evidence);
            }
            OnRefused::Read => (self.way, self.part_direct) = (Way::Read, true),
            OnRefused::Error => self.must_fail = true,
        }
    }

    /// A mapping that was refused falls back to reading where the loader does.
    fn refuse_map(&mut self, evidence: &Evidence) {
        let mappings = &evidence.fold.mappings;
        let granted = mappings.iter().any(|mapping| mapping.refused.is_none());
        let refused = mappings.iter().find_map(|mapping| mapping.refused).filter(|_| !granted);
        if let Some(kind) = refused
            && evidence.effective().source == Some(EffectiveSource::Read)
        {
            self.way = Way::Read;
            self.refusals.push(refusal("map", kind));
            self.limit = Limit::Unsupported;
        }
    }

    /// Whether a run of `plan` did what it asks for, of the tensors that lie under it: source and lock.
    #[must_use]
    pub fn was_taken(plan: LoadPlan, evidence: &Evidence) -> bool {
        let shares = Shares::of(plan, evidence);
        Self::of_shares(plan, &shares).agrees(shares.rest.effective())
    }

    /// What a run of `plan` really did with the tensors that lie under it.
    #[must_use]
    pub fn effective(plan: LoadPlan, evidence: &Evidence) -> super::Effective {
        Shares::of(plan, evidence).rest.effective()
    }

    /// The source in the words of an effective mode; `None` where a failure is right.
    #[must_use]
    pub fn source(&self) -> Option<EffectiveSource> {
        (!self.must_fail).then_some(match self.way {
            Way::Map => EffectiveSource::Map,
            Way::Read => EffectiveSource::Read,
            Way::Direct => EffectiveSource::Direct,
        })
    }

    /// Whether an effective mode is what it asks for. What came directly before a refusal may be the greater
    /// part, and what is locked after a refusal is as it is.
    #[must_use]
    pub fn agrees(&self, effective: super::Effective) -> bool {
        let source = self.source() == effective.source
            || (self.part_direct && effective.source == Some(EffectiveSource::Direct));
        let lock = match self.lock {
            LockDuty::None => !effective.locked,
            LockDuty::All => effective.locked,
            LockDuty::Refused => true,
        };
        source && (lock || self.must_fail)
    }
}

fn refusal(what: &str, kind: ErrorKind) -> String {
    format!("{what} refused ({})", kind.word())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_lock_decides_no_way() {
        let plan = LoadPlan::direct(true, OnRefused::Read);
        let mut decided = Decided::unrefused(plan);
        assert!(!decided.way_was_refused());
        decided.lock = LockDuty::Refused;
        decided.refusals.push(refusal("lock", ErrorKind::LockLimit));
        assert!(!decided.way_was_refused());
        decided.refusals.push(refusal("direct I/O", ErrorKind::Invalid));
        assert!(decided.way_was_refused());
    }
}
