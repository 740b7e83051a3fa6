//! What a difference between two aligned steps amounts to.

use std::collections::BTreeSet;
use std::fmt;

use super::span::{Span, surplus};
use super::step::{Action, Step};
use super::{ErrorKind, Phase, Word};

/// What a difference amounts to, from harmless to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "`explanation` documents each class, in one place")]
pub enum DiffClass {
    Equivalent,
    Order,
    Extra,
    Open,
    Fallback,
    Plan,
    Lock,
    Missing,
}

impl Word for DiffClass {
    const WORDS: &'static [(Self, &'static str)] = &[
        (DiffClass::Equivalent, "equivalent"),
        (DiffClass::Order, "order"),
        (DiffClass::Extra, "extra"),
        (DiffClass::Open, "open"),
        (DiffClass::Fallback, "fallback"),
        (DiffClass::Plan, "plan"),
        (DiffClass::Lock, "lock"),
        (DiffClass::Missing, "missing"),
    ];
}

impl DiffClass {
    /// What the class means.
    pub fn explanation(self) -> &'static str {
        match self {
            DiffClass::Equivalent => "The meaning is the same; only the platform's own flags differ.",
            DiffClass::Order => "The same step at another place.",
            DiffClass::Extra => "More is done: a step more, or bytes read once more.",
            DiffClass::Open => "A file is opened otherwise: direct or not, or another number of times.",
            DiffClass::Fallback => "Another refusal, or another notice about one.",
            DiffClass::Plan => "The weights come from another source, or are transferred in another way.",
            DiffClass::Lock => "A lock is lost, gained or of another length.",
            DiffClass::Missing => "Less is done: a step is gone, or bytes are not read.",
        }
    }
}

impl fmt::Display for DiffClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What stands behind the differences of two paths as a whole: [`DiffClass::Fallback`] or
/// [`DiffClass::Plan`] where the weights come from other sources, with and without another
/// refusal; `None` where the sources are the same.
pub(super) fn cause(left: &[Step], right: &[Step]) -> Option<DiffClass> {
    if sources(left) == sources(right) {
        None
    } else if refusals(left) == refusals(right) {
        Some(DiffClass::Plan)
    } else {
        Some(DiffClass::Fallback)
    }
}

/// Where the weights come from, in words.
pub(super) fn sources(steps: &[Step]) -> BTreeSet<&'static str> {
    let loading = steps.iter().filter(|step| step.phase == Phase::Load && step.refused.is_none());
    loading
        .filter_map(|step| match step.action {
            Action::Map { .. } => Some("map"),
            Action::Read { direct: true, .. } => Some("direct"),
            Action::Read { .. } => Some("read"),
            _ => None,
        })
        .collect()
}

/// The refused opens, maps and reads: what can force another source.
fn refusals(steps: &[Step]) -> Vec<(&Action, ErrorKind)> {
    let refused = steps.iter().filter_map(|step| Some((&step.action, step.refused?)));
    refused
        .filter(|(action, _)| {
            matches!(action, Action::Open { .. } | Action::Map { .. } | Action::ReadRefused { .. })
        })
        .collect()
}

/// The class of two aligned, unequal steps, and what differs, in words.
pub(super) fn changed(left: &Step, right: &Step, cause: Option<DiffClass>) -> (DiffClass, String) {
    use Action as A;
    if (left.phase, &left.action, left.refused) == (right.phase, &right.action, right.refused) {
        return (DiffClass::Equivalent, "native flags differ".to_string());
    }
    let refusal = left.refused != right.refused;
    let follows = cause.unwrap_or(DiffClass::Plan);
    match (&left.action, &right.action) {
        (A::Lock { region: a, .. }, A::Lock { region: b, .. }) if a != b && cause.is_some() => {
            (follows, "the lock moved with the source".to_string())
        }
        (A::Lock { offset, len, .. }, A::Lock { offset: o, len: l, .. }) => {
            let end = |offset: &u64, len: &u64| offset.saturating_add(*len);
            (DiffClass::Lock, lengths("locked", *offset, end(offset, len), *o, end(o, l)))
        }
        (A::Lock { .. }, A::LockRefused { .. }) => (DiffClass::Lock, "the lock is refused".to_string()),
        (A::LockRefused { .. }, A::Lock { .. }) => (DiffClass::Lock, "the lock is granted".to_string()),
        (A::LockRefused { offset: a, .. }, A::LockRefused { offset: b, .. }) if a != b => {
            (DiffClass::Lock, "the lock is refused at another place".to_string())
        }
        (A::Unlock { .. }, A::Unlock { .. }) if cause.is_none() => {
            (DiffClass::Lock, "another range is unlocked".to_string())
        }
        (A::Notice { .. }, A::Notice { .. }) => (DiffClass::Fallback, "another notice".to_string()),
        _ if refusal => (DiffClass::Fallback, refusal_detail(left, right)),
        (A::Open { direct: a, .. }, A::Open { direct: b, .. }) if a != b => {
            (DiffClass::Open, format!("direct {}", if *a { "lost" } else { "gained" }))
        }
        (A::Open { .. }, A::Open { .. }) => (DiffClass::Open, "another file is opened".to_string()),
        (A::Close { .. }, A::Close { .. }) => (DiffClass::Open, "another file is closed".to_string()),
        (A::Read { direct: a, spans, .. }, A::Read { direct: b, spans: s, .. }) if a == b => {
            if left.phase == Phase::Load && cause.is_some() {
                (follows, "another part comes from here".to_string())
            } else {
                read_change(spans, s)
            }
        }
        (A::Map { populate: a, .. }, A::Map { populate: b, .. }) if a != b => {
            (DiffClass::Plan, format!("populate {}", if *a { "lost" } else { "gained" }))
        }
        (A::Map { offset, len, .. }, A::Map { offset: o, len: l, .. }) => {
            let (end, e) = (offset.saturating_add(*len), o.saturating_add(*l));
            let class = if *o > *offset || e < end { DiffClass::Missing } else { DiffClass::Extra };
            (class, lengths("mapped", *offset, end, *o, e))
        }
        (A::Read { .. } | A::Map { .. }, A::Read { .. } | A::Map { .. }) => {
            (follows, format!("the source changed from {} to {}", source(left), source(right)))
        }
        (A::Alloc { len: a, .. }, A::Alloc { len: b, .. }) if cause.is_none() => {
            let class = if b < a { DiffClass::Missing } else { DiffClass::Extra };
            (class, lengths("allocated", 0, *a, 0, *b))
        }
        _ => (follows, "done in another way".to_string()),
    }
}

fn source(step: &Step) -> &'static str {
    match step.action {
        Action::Map { .. } => "map",
        Action::Read { direct: true, .. } => "direct",
        _ => "read",
    }
}

fn refusal_detail(left: &Step, right: &Step) -> String {
    let told = |step: &Step| step.refused.map_or("granted", Word::word);
    format!("{} became {}", told(left), told(right))
}

fn lengths(what: &str, start: u64, end: u64, new_start: u64, new_end: u64) -> String {
    let (old, new) = (end - start, new_end - new_start);
    match new.cmp(&old) {
        std::cmp::Ordering::Less => format!("{} bytes fewer {what}", old - new),
        std::cmp::Ordering::Greater => format!("{} bytes more {what}", new - old),
        std::cmp::Ordering::Equal => format!("another range {what}"),
    }
}

/// Missing as soon as one byte is: bytes read more often elsewhere do not make up for it.
fn read_change(left: &[Span], right: &[Span]) -> (DiffClass, String) {
    let (lost, gained) = (surplus(left, right), surplus(right, left));
    let mut parts = Vec::new();
    for (what, spans) in [("lost", &lost), ("gained", &gained)] {
        if let Some(first) = spans.first() {
            let more = if spans.len() > 1 { format!(" and {} more", spans.len() - 1) } else { String::new() };
            parts.push(format!("{what} +{first}{more}"));
        }
    }
    let class = if lost.is_empty() { DiffClass::Extra } else { DiffClass::Missing };
    (class, parts.join(", "))
}

/// The class of two steps that belong together but stand at different places, and why, in words.
pub(super) fn moved(left: &Step, right: &Step, cause: Option<DiffClass>) -> (DiffClass, String) {
    if (&left.action, left.refused) != (&right.action, right.refused) {
        changed(left, right, cause)
    } else if left.phase == right.phase {
        (DiffClass::Order, "stands elsewhere".to_string())
    } else {
        (DiffClass::Order, "happens in another phase".to_string())
    }
}

/// The class of a step that only one path has, and what that means, in words.
pub(super) fn single(step: &Step, is_left: bool, cause: Option<DiffClass>) -> (DiffClass, String) {
    let plain = if is_left { DiffClass::Missing } else { DiffClass::Extra };
    let (class, lost, gained) = match &step.action {
        Action::Open { .. } if step.refused.is_some() => {
            (DiffClass::Fallback, "no longer refused", "a refused open")
        }
        Action::Open { .. } => (DiffClass::Open, "one open fewer", "one open more"),
        Action::Close { .. } => (DiffClass::Open, "one close fewer", "one close more"),
        Action::ReadRefused { .. } => (DiffClass::Fallback, "no longer refused", "a refused read"),
        Action::Notice { .. } => (DiffClass::Fallback, "no longer reported", "newly reported"),
        Action::Lock { .. } => (DiffClass::Lock, "lock lost", "lock gained"),
        Action::LockRefused { .. } => (DiffClass::Lock, "no longer refused", "lock refused"),
        Action::Unlock { .. } if cause.is_none() => (DiffClass::Lock, "no longer unlocked", "newly unlocked"),
        Action::Read { .. } | Action::Map { .. } if step.phase != Phase::Load => (plain, "gone", "new"),
        _ => match cause {
            Some(DiffClass::Fallback) => {
                (DiffClass::Fallback, "follows from the fallback", "follows from the fallback")
            }
            Some(class) => (class, "follows from the other source", "follows from the other source"),
            None => (plain, "gone", "new"),
        },
    };
    (class, if is_left { lost } else { gained }.to_string())
}
