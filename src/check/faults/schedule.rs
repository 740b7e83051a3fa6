//! Schedules, and those that a run's own calls lead to.

use std::cmp::Reverse;

use super::explore::Step;
use super::kind::Kind;
use super::sites::Site;
use crate::check::document::Part;
use crate::subject::FaultSpec;

/// A schedule that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Schedule {
    /// Which plan on which machine it is for.
    pub(super) root: usize,
    pub(super) faults: Vec<FaultSpec>,
    /// Of each, what it is an example of.
    pub(super) kinds: Vec<Kind>,
    /// Which systems give them.
    pub(super) sources: Vec<&'static str>,
}

impl Schedule {
    /// No fault.
    pub(super) fn clean(root: usize) -> Self {
        Self { root, faults: Vec::new(), kinds: Vec::new(), sources: Vec::new() }
    }

    /// Faults that were asked for.
    pub(super) fn asked(root: usize, faults: Vec<FaultSpec>) -> Self {
        Self { root, kinds: vec![Kind::ASKED; faults.len()], faults, sources: Vec::new() }
    }

    /// Whether it is for this part: by its words, so that all machines deal the same way.
    pub(super) fn belongs_to(&self, part: Part, label: &str) -> bool {
        let first = self.faults.first().map(ToString::to_string).unwrap_or_default();
        let hash = blake3::hash(format!("{label}\0{first}").as_bytes());
        let number = hash.as_bytes().iter().take(8).fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
        number % u64::from(part.of.max(1)) == u64::from(part.index.saturating_sub(1))
    }

    /// The calls of a run under this schedule at which another fault can make a difference: those behind `at`, and
    /// of these first the ones that bring weights in, and of those the ones that bring most: a read of a few bytes in
    /// that time may be one that nobody looks at.
    pub(super) fn sites_ahead<'s>(&self, all: &'s [Site], at: Option<usize>) -> Vec<&'s Site> {
        // What a fault that lasts refuses already makes no difference.
        let refused = |site: &Site| {
            self.faults
                .iter()
                .any(|f| f.concerns(site.call, site.file, site.len) && f.when().meets(site.number))
        };
        let mut ahead: Vec<&Site> =
            all.iter().filter(|site| at.is_none_or(|at| site.at > at) && !refused(site)).collect();
        ahead.sort_by_key(|site| (!site.loads, Reverse(site.len)));
        ahead
    }

    /// This schedule with one fault more at a call, for every fault that the call can meet.
    pub(super) fn steps(&self, site: &Site, reference: bool) -> impl Iterator<Item = Step<Self>> {
        site.candidates(reference).into_iter().map(|candidate| {
            let mut what = self.clone();
            what.faults.push(candidate.spec);
            what.kinds.push(candidate.kind);
            what.sources.push(candidate.source);
            let depth = u32::try_from(what.faults.len()).unwrap_or(u32::MAX);
            Step { depth, kind: candidate.kind, lane: self.root, class: site.class, what }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::explore::Explorer;
    use super::super::sites::sites;
    use super::*;
    use crate::trace::{Advice, Call, FileId, NativeFlags, Op, Outcome, Phase, RegionId};

    fn op(phase: Phase, call: Call) -> Op {
        let outcome = Outcome::Ok(0);
        Op { seq: 0, phase, pid: 0, thread: 0, call, outcome, start_ns: 0, dur_ns: 0, injected: false }
    }

    /// A load that looks at the header and reads or maps then, with every call that a fault can meet.
    fn trace(direct: bool) -> Vec<Op> {
        let (file, region) = (FileId(0), RegionId(0));
        let open = |direct| {
            let flags = NativeFlags::default();
            Call::Open { file, path: "m".to_owned(), direct, identity: None, flags }
        };
        let read = |n: u64, direct| Call::Read { file, offset: n * 65_536, len: 65_536, direct, addr: 4096 };
        let mut ops = vec![op(Phase::Header, open(false))];
        ops.extend((0..9).map(|n| op(Phase::Header, read(n, false))));
        if direct {
            ops.push(op(Phase::Load, open(true)));
            ops.push(op(Phase::Load, Call::Alloc { region, len: 65_536, align: 4096, addr: 4096 }));
            ops.push(op(Phase::Load, Call::Lock { region, offset: 0, len: 65_536 }));
            ops.extend((0..40).map(|n| op(Phase::Load, read(n, true))));
            let most = Call::Read { file, offset: 40 << 16, len: 1 << 20, direct: true, addr: 4096 };
            ops.push(op(Phase::Load, most));
            return ops;
        }
        let flags = NativeFlags::default();
        let map = Call::Map { file, region, offset: 0, len: 65_536, populate: true, addr: 4096, flags };
        ops.push(op(Phase::Load, open(false)));
        ops.push(op(Phase::Load, map));
        ops.push(op(
            Phase::Load,
            Call::MapAdvise { region, offset: 0, len: 65_536, advice: Advice::WillNeed },
        ));
        ops.push(op(Phase::Load, Call::Lock { region, offset: 0, len: 65_536 }));
        ops
    }

    /// The schedules of one fault for these runs, in the order in which they are explored.
    fn order(runs: &[Vec<Op>]) -> Vec<Step<Schedule>> {
        let mut explorer = Explorer::new();
        for (root, ops) in runs.iter().enumerate() {
            let (clean, all) = (Schedule::clean(root), sites(ops, true));
            for site in clean.sites_ahead(&all, None) {
                clean.steps(site, false).for_each(|step| explorer.push(step));
            }
        }
        explorer.take(usize::MAX)
    }

    /// With room for as many schedules as there are kinds, each kind is met once; with less, no call is left out.
    #[test]
    fn each_kind_is_met_once_before_a_second_of_any() {
        let order = order(&[trace(false), trace(false), trace(true)]);
        let kinds: BTreeSet<Kind> = order.iter().map(|step| step.kind).collect();
        assert!(kinds.len() > 60 && order.len() > 10 * kinds.len(), "{} of {}", kinds.len(), order.len());
        let first: BTreeSet<Kind> = order[..kinds.len()].iter().map(|step| step.kind).collect();
        assert_eq!(first, kinds);
        let calls: BTreeSet<&str> = kinds.iter().map(|kind| kind.call).collect();
        let first: BTreeSet<&str> = order[..calls.len()].iter().map(|step| step.kind.call).collect();
        assert_eq!(first, calls);
    }

    /// Every schedule of one fault belongs to one part, and no part is left without.
    #[test]
    fn parts_share_the_first_faults() {
        let order = order(&[trace(false), trace(true)]);
        let parts: Vec<Part> = (1..=3).map(|index| Part { index, of: 3 }).collect();
        let owners = |step: &Step<Schedule>| {
            parts.iter().map(|part| u64::from(step.what.belongs_to(*part, "map"))).collect::<Vec<_>>()
        };
        let mut counts = vec![0; 3];
        for step in &order {
            let owners = owners(step);
            assert_eq!(owners.iter().sum::<u64>(), 1, "{:?}", step.what.faults);
            counts.iter_mut().zip(owners).for_each(|(count, owns)| *count += owns);
        }
        assert!(counts.iter().all(|count| *count * 6 > order.len() as u64), "{counts:?}");
    }

    /// The first example of a kind is where weights are brought in, and no plan waits for another.
    #[test]
    fn the_largest_of_the_load_comes_first_and_plans_take_turns() {
        let order = order(&[trace(false), trace(false), trace(true)]);
        let read = order.iter().find(|step| step.kind.call == "read.direct").unwrap();
        assert_eq!(read.what.faults[0].when().to_string(), "41");
        // The third run opens it buffered for its header alone.
        let open = order.iter().find(|step| step.kind.call == "open.buffered" && step.lane < 2).unwrap();
        assert_eq!(open.what.faults[0].when().to_string(), "2");
        let of = |lane| order[..60].iter().filter(|step| step.lane == lane).count();
        assert!((0..3).all(|lane| of(lane) >= 15), "{:?}", [of(0), of(1), of(2)]);
    }
}
