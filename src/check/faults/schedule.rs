//! Which faults a command is put under: those that its clean run has calls for.

use std::collections::BTreeMap;

use crate::subject::{Fault, FaultSpec, Target, When};
use crate::trace::{Call, Op};

/// Of more calls of one kind than this, the first, the last and some between are faulted.
const SITES: u64 = 8;

/// The name by which a call is counted; `None` for calls that are left alone.
fn counted(op: &Op) -> Option<&'static str> {
    match &op.call {
        Call::Open { direct: true, .. } => Some("open.direct"),
        Call::Open { .. } => Some("open.buffered"),
        Call::Read { direct: true, .. } => Some("read.direct"),
        Call::Read { .. } => Some("read.buffered"),
        Call::Map { .. } => Some("map"),
        Call::Lock { .. } => Some("lock"),
        _ => None,
    }
}

/// The faults for calls of a name.
fn faults_for(name: &str) -> &'static [Fault] {
    match name {
        "open.direct" => &[Fault::Error("EINVAL"), Fault::Error("EIO")],
        "open.buffered" => &[Fault::Error("EIO"), Fault::Error("EMFILE")],
        "map" => &[Fault::Error("ENOMEM"), Fault::Error("ENODEV")],
        "lock" => &[Fault::Error("ENOMEM"), Fault::Error("EPERM")],
        "read.direct" => &[Fault::Error("EIO"), Fault::Error("EINVAL"), Fault::Short(4096), Fault::Eof],
        _ => &[Fault::Error("EIO"), Fault::Error("EINTR"), Fault::Short(1), Fault::Eof],
    }
}

/// Which of `calls` calls are faulted, from 1.
fn sites(calls: u64) -> Vec<u64> {
    if calls <= SITES {
        return (1..=calls).collect();
    }
    let mut sites: Vec<u64> = (0..SITES).map(|i| 1 + i * (calls - 1) / (SITES - 1)).collect();
    sites.dedup();
    sites
}

/// The faults for a command that makes these calls: singles, then pairs of what sends a loader another
/// way and what may happen to it there.
pub(super) fn schedule(clean: &[Op], pairs: bool) -> Vec<Vec<FaultSpec>> {
    let mut calls: BTreeMap<&'static str, u64> = BTreeMap::new();
    for op in clean {
        if let Some(name) = counted(op) {
            *calls.entry(name).or_default() += 1;
        }
    }
    let spec = |name: &str, fault: Fault, when: When| {
        Target::named(name).and_then(|target| FaultSpec::new(target, fault, when).ok())
    };
    let mut schedule: Vec<Vec<FaultSpec>> = Vec::new();
    for (name, calls) in &calls {
        for site in sites(*calls) {
            let faults = faults_for(name).iter().filter_map(|fault| spec(name, *fault, When::nth(site)));
            schedule.extend(faults.map(|fault| vec![fault]));
        }
    }
    if pairs {
        let turns = [
            ("open.direct", Fault::Error("EINVAL")),
            ("read.direct", Fault::Error("EINVAL")),
            ("map", Fault::Error("ENODEV")),
            ("lock", Fault::Error("ENOMEM")),
        ];
        let reads = calls.iter().filter(|(name, _)| name.starts_with("read")).map(|(_, n)| *n).sum::<u64>();
        let first = |(name, fault): &(&str, Fault)| spec(name, *fault, When::nth(1));
        for turn in turns.iter().filter(|(name, _)| calls.contains_key(name)).filter_map(first) {
            // Where it goes then, it reads through the page cache; the first of its reads, and the last
            // of those that it made without the fault.
            for site in [1, 2, reads.max(3)] {
                for fault in [Fault::Error("EIO"), Fault::Short(1), Fault::Eof] {
                    let then = spec("read.buffered", fault, When::nth(site));
                    schedule.extend(then.map(|then| vec![turn, then]));
                }
            }
        }
    }
    schedule
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_calls_the_ends_are_faulted() {
        assert_eq!(sites(0), Vec::<u64>::new());
        assert_eq!(sites(3), [1, 2, 3]);
        let many = sites(75);
        assert_eq!((many.len() as u64, many[0], many[many.len() - 1]), (SITES, 1, 75));
        assert!(sites(9).is_sorted() && sites(9).len() <= SITES as usize);
    }

    #[test]
    fn every_fault_is_a_fault_of_the_grammar() {
        for name in ["open.direct", "open.buffered", "read.direct", "read.buffered", "map", "lock"] {
            let target = Target::named(name).unwrap();
            for fault in faults_for(name) {
                let spec = FaultSpec::new(target, *fault, When::nth(2)).unwrap();
                assert_eq!(spec.to_string().parse(), Ok(spec));
            }
        }
    }
}
