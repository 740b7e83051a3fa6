//! The order of exploration: which schedule is run next, which states are known, and what is left.
//!
//! Nothing here knows what a schedule is made of: the queue holds whatever it is given, with the keys by which
//! it decides. Breadth first over kinds of fault: one of each kind comes before a second of any, and kinds of all
//! calls take turns. Of a kind, plans and machines take turns; in each of them classes of site; of a class,
//! schedules of fewer faults come first.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet};

use super::kind::Kind;
use super::turns::{Turns, Waiting};

/// What waits to be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step<T> {
    /// The schedule.
    pub(super) what: T,
    /// How many faults it has.
    pub(super) depth: u32,
    /// The kind of its last fault.
    pub(super) kind: Kind,
    /// Which subject it is of: subjects take turns.
    pub(super) lane: usize,
    /// Which class of site its last fault meets.
    pub(super) class: u64,
}

/// Steps of one class: depth, and the order in which they came.
type Class = BinaryHeap<Reverse<(u32, usize)>>;

impl Waiting for Class {
    fn waiting(&self) -> usize {
        self.len()
    }
}

/// How many steps may wait; what comes beyond that is counted as left.
const LONGEST: usize = 500_000;

/// The queue of an exploration.
#[derive(Debug)]
pub(super) struct Explorer<T> {
    queue: Turns<Kind, Turns<usize, Turns<u64, Class>>>,
    steps: Vec<Option<Step<T>>>,
    /// How many kinds of its call came before a kind.
    order: HashMap<Kind, u64>,
    /// How many kinds each call has.
    kinds: HashMap<(&'static str, bool), u64>,
    /// How many steps of each lane were taken.
    lanes: HashMap<usize, u64>,
    states: HashSet<u64>,
    /// Families of kinds of which one hung.
    hung: HashSet<&'static str>,
    left: BTreeMap<(Kind, Why), u64>,
    longest: usize,
}

/// Why a schedule was not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Why {
    /// A bound came first.
    Bound,
    /// One of its family hung.
    Hang,
}

impl<T> Explorer<T> {
    pub(super) fn new() -> Self {
        Self {
            queue: Turns::default(),
            steps: Vec::new(),
            order: HashMap::new(),
            kinds: HashMap::new(),
            lanes: HashMap::new(),
            states: HashSet::new(),
            hung: HashSet::new(),
            left: BTreeMap::new(),
            longest: LONGEST,
        }
    }

    /// Enters a state; whether it is a new one, whose sites are to be pushed.
    pub(super) fn enter(&mut self, state: u64) -> bool {
        self.states.insert(state)
    }

    /// How many different states were entered.
    pub(super) fn states(&self) -> u64 {
        self.states.len() as u64
    }

    /// Every kind that is known, in no order.
    pub(super) fn kinds(&self) -> impl Iterator<Item = Kind> {
        self.order.keys().copied()
    }

    /// Notes that there is occasion for a kind.
    pub(super) fn know(&mut self, kind: Kind) {
        if !self.order.contains_key(&kind) {
            let of_call = self.kinds.entry((kind.call, kind.further)).or_default();
            self.order.insert(kind, *of_call);
            *of_call += 1;
        }
    }

    /// Adds a schedule.
    pub(super) fn push(&mut self, step: Step<T>) {
        self.know(step.kind);
        if self.hung.contains(step.kind.family()) {
            return self.leave(step.kind, Why::Hang);
        }
        if self.queue.waiting() >= self.longest {
            return self.leave(step.kind, Why::Bound);
        }
        let class = self.queue.join(step.kind).join(step.lane).join(step.class);
        class.push(Reverse((step.depth, self.steps.len())));
        self.steps.push(Some(step));
    }

    fn leave(&mut self, kind: Kind, why: Why) {
        *self.left.entry((kind, why)).or_default() += 1;
    }

    fn pop(&mut self) -> Option<Step<T>> {
        let (_, lanes) = self.queue.next(|kind| self.order.get(&kind).copied())?;
        let (_, classes) = lanes.next(|lane| self.lanes.get(&lane).copied().unwrap_or_default())?;
        let (_, class) = classes.next(|_| ())?;
        let Reverse((_, at)) = class.pop()?;
        self.steps.get_mut(at)?.take()
    }

    /// The next schedules, at most `count`.
    pub(super) fn take(&mut self, count: usize) -> Vec<Step<T>> {
        let mut taken = Vec::new();
        while taken.len() < count {
            let Some(step) = self.pop() else { break };
            if self.hung.contains(step.kind.family()) {
                self.leave(step.kind, Why::Hang);
                continue;
            }
            *self.lanes.entry(step.lane).or_default() += 1;
            taken.push(step);
        }
        taken
    }

    /// Leaves all schedules of a kind's family, because one of them hung.
    pub(super) fn leave_family(&mut self, kind: Kind) {
        self.hung.insert(kind.family());
    }

    /// What was not run, by kind and reason; what still waits is left at a bound.
    pub(super) fn left(mut self) -> BTreeMap<(Kind, Why), u64> {
        while let Some(step) = self.pop() {
            let why = if self.hung.contains(step.kind.family()) { Why::Hang } else { Why::Bound };
            self.leave(step.kind, why);
        }
        self.left
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::faults::table::Lasts;

    fn kind(call: &'static str, fault: &'static str) -> Kind {
        Kind { call, further: false, fault, lasts: Lasts::Once }
    }

    fn step(what: u32, depth: u32, class: u64, call: &'static str) -> Step<u32> {
        Step { what, depth, class, lane: 0, kind: kind(call, "EIO") }
    }

    fn order(explorer: &mut Explorer<u32>) -> Vec<u32> {
        std::iter::from_fn(|| explorer.take(1).pop()).map(|step| step.what).collect()
    }

    #[test]
    fn one_of_each_class_at_any_depth_comes_before_a_second_of_any() {
        let mut explorer = Explorer::new();
        for (what, depth, class) in [(1, 1, 7), (2, 1, 7), (3, 2, 8), (4, 1, 9), (5, 3, 7)] {
            explorer.push(step(what, depth, class, "read"));
        }
        assert_eq!(order(&mut explorer), [1, 3, 4, 2, 5]);
    }

    #[test]
    fn one_of_each_kind_comes_before_another_class_and_calls_take_turns() {
        let mut explorer = Explorer::new();
        for (what, class, kind) in [
            (1, 1, kind("open", "EIO")),
            (2, 1, kind("open", "EMFILE")),
            (3, 2, kind("open", "EIO")),
            (4, 3, kind("open", "EMFILE")),
            (5, 4, kind("read", "EIO")),
            (6, 4, kind("read", "ESTALE")),
            (7, 5, kind("map", "ENODEV")),
        ] {
            explorer.push(Step { kind, ..step(what, 1, class, "any") });
        }
        assert_eq!(order(&mut explorer), [1, 5, 7, 2, 6, 3, 4]);
    }

    #[test]
    fn lanes_take_turns() {
        let mut explorer = Explorer::new();
        for (what, lane) in [(1, 0), (2, 0), (3, 0), (4, 1), (5, 1)] {
            explorer.push(Step { lane, ..step(what, 1, u64::from(what), "read") });
        }
        assert_eq!(order(&mut explorer), [1, 4, 2, 5, 3]);
    }

    #[test]
    fn a_second_kind_goes_to_the_lane_that_had_fewer() {
        let mut explorer = Explorer::new();
        for (what, lane, fault) in [(1, 0, "EIO"), (2, 1, "EIO"), (3, 0, "ESTALE"), (4, 1, "ESTALE")] {
            explorer.push(Step { lane, kind: kind("read", fault), ..step(what, 1, 0, "read") });
        }
        assert_eq!(order(&mut explorer), [1, 4, 2, 3]);
    }

    #[test]
    fn a_state_is_entered_once() {
        let mut explorer = Explorer::<u32>::new();
        assert!(explorer.enter(1) && explorer.enter(2) && !explorer.enter(1));
        assert_eq!(explorer.states(), 2);
    }

    #[test]
    fn a_family_that_hung_is_left_and_counted_by_kind() {
        let mut explorer = Explorer::new();
        for what in 0..4 {
            explorer.push(step(what, 1, what.into(), if what < 2 { "open" } else { "read" }));
        }
        let first = explorer.take(1).remove(0);
        assert_eq!(first.what, 0);
        explorer.leave_family(first.kind);
        explorer.push(step(9, 2, 9, "open"));
        assert_eq!(explorer.take(1)[0].what, 2);
        let left = explorer.left();
        assert_eq!(
            left.into_iter().collect::<Vec<_>>(),
            [((kind("open", "EIO"), Why::Hang), 2), ((kind("read", "EIO"), Why::Bound), 1)]
        );
    }

    #[test]
    fn what_does_not_fit_the_queue_is_counted_as_left() {
        let mut explorer = Explorer { longest: 1, ..Explorer::new() };
        explorer.push(step(1, 1, 1, "map"));
        explorer.push(step(2, 1, 2, "map"));
        assert_eq!(order(&mut explorer), [1]);
        assert_eq!(explorer.left().get(&(kind("map", "EIO"), Why::Bound)), Some(&1));
    }

    /// A toy subject: a load of three reads that goes another way after a first refusal, where a second fault is
    /// harmful on a call that only the fallback makes. Its states are walked to the fixpoint.
    #[test]
    fn a_call_that_only_a_fault_causes_is_reached_and_the_walk_ends() {
        let run = |faults: &[&'static str]| -> Vec<&'static str> {
            match faults {
                ["direct", ..] => vec!["direct", "buffered 1", "buffered 2"],
                _ => vec!["direct", "direct 2"],
            }
        };
        let key = |text: &[&str]| text.iter().flat_map(|t| t.bytes()).map(u64::from).sum::<u64>();
        let mut explorer = Explorer::new();
        let mut ran: Vec<Vec<&'static str>> = Vec::new();
        let open = |explorer: &mut Explorer<Vec<&'static str>>, behind: &[&'static str]| {
            let calls = run(behind);
            let after =
                behind.last().and_then(|last| calls.iter().position(|c| c == last)).map_or(0, |at| at + 1);
            if explorer.enter(key(&calls[after..]) * 31 + behind.len() as u64) {
                for site in &calls[after..] {
                    let what = [behind, &[site]].concat();
                    explorer.push(Step {
                        depth: what.len() as u32,
                        class: key(&[site]),
                        lane: 0,
                        kind: kind("any", "EIO"),
                        what,
                    });
                }
            }
        };
        open(&mut explorer, &[]);
        while let Some(step) = explorer.take(1).pop() {
            open(&mut explorer, &step.what);
            ran.push(step.what);
        }
        assert!(ran.contains(&vec!["direct", "buffered 2"]), "{ran:?}");
        assert!(ran.len() < 12 && explorer.left().is_empty());
    }
}
