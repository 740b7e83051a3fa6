//! The order of exploration: which schedule is run next, which states are known, and what is left.
//!
//! Nothing here knows what a schedule is made of: the queue holds whatever it is given, with the keys by which
//! it decides. One of each new class comes before a second of any, at any depth.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet};

/// What waits to be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step<T> {
    /// The schedule.
    pub(super) what: T,
    /// How many faults it has.
    pub(super) depth: u32,
    /// What it is an example of: of equal classes, one is run before a second of any.
    pub(super) class: u64,
    /// Which subject it is of: subjects take turns.
    pub(super) lane: usize,
    /// What is left as a whole after a first hang, in words.
    pub(super) kind: &'static str,
}

/// The place of a step in the queue: rank in its class, depth, how many of its lane came before it, and the order in
/// which it came.
type Place = Reverse<(u32, u32, u64, u64)>;

/// How many steps may wait; what comes beyond that is counted as left.
const LONGEST: usize = 500_000;

/// The queue of an exploration.
#[derive(Debug)]
pub(super) struct Explorer<T> {
    queue: BinaryHeap<(Place, usize)>,
    steps: Vec<Option<Step<T>>>,
    ranks: HashMap<u64, u32>,
    lanes: HashMap<usize, u64>,
    states: HashSet<u64>,
    hung: HashSet<&'static str>,
    left: BTreeMap<(&'static str, Why), u64>,
    longest: usize,
}

/// Why a schedule was not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Why {
    /// A bound came first.
    Bound,
    /// One of its kind hung.
    Hang,
}

impl<T> Explorer<T> {
    pub(super) fn new() -> Self {
        Self {
            queue: BinaryHeap::new(),
            steps: Vec::new(),
            ranks: HashMap::new(),
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

    /// Adds a schedule.
    pub(super) fn push(&mut self, step: Step<T>) {
        if self.hung.contains(step.kind) {
            return self.leave(step.kind, Why::Hang);
        }
        if self.queue.len() >= self.longest {
            return self.leave(step.kind, Why::Bound);
        }
        let rank = self.ranks.entry(step.class).or_default();
        let turn = self.lanes.entry(step.lane).or_default();
        let place = Reverse((*rank, step.depth, *turn, self.steps.len() as u64));
        (*rank, *turn) = (*rank + 1, *turn + 1);
        self.queue.push((place, self.steps.len()));
        self.steps.push(Some(step));
    }

    fn leave(&mut self, kind: &'static str, why: Why) {
        *self.left.entry((kind, why)).or_default() += 1;
    }

    /// The next schedules, at most `count`.
    pub(super) fn take(&mut self, count: usize) -> Vec<Step<T>> {
        let mut taken = Vec::new();
        while taken.len() < count {
            let Some((_, at)) = self.queue.pop() else { break };
            let Some(step) = self.steps.get_mut(at).and_then(Option::take) else { continue };
            if self.hung.contains(step.kind) {
                self.leave(step.kind, Why::Hang);
                continue;
            }
            taken.push(step);
        }
        taken
    }

    /// Leaves all schedules of a kind, because one of them hung.
    pub(super) fn leave_kind(&mut self, kind: &'static str) {
        self.hung.insert(kind);
    }

    /// What was not run, by kind and reason; what still waits is left at a bound.
    pub(super) fn left(mut self) -> BTreeMap<(&'static str, Why), u64> {
        while let Some((_, at)) = self.queue.pop() {
            let Some(step) = self.steps.get_mut(at).and_then(Option::take) else { continue };
            let why = if self.hung.contains(step.kind) { Why::Hang } else { Why::Bound };
            self.leave(step.kind, why);
        }
        self.left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(what: u32, depth: u32, class: u64, kind: &'static str) -> Step<u32> {
        Step { what, depth, class, lane: 0, kind }
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
        assert_eq!(order(&mut explorer), [1, 4, 3, 2, 5]);
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
    fn a_state_is_entered_once() {
        let mut explorer = Explorer::<u32>::new();
        assert!(explorer.enter(1) && explorer.enter(2) && !explorer.enter(1));
        assert_eq!(explorer.states(), 2);
    }

    #[test]
    fn a_kind_that_hung_is_left_and_counted() {
        let mut explorer = Explorer::new();
        for what in 0..4 {
            explorer.push(step(what, 1, what.into(), if what < 2 { "open" } else { "read" }));
        }
        assert_eq!(explorer.take(1)[0].what, 0);
        explorer.leave_kind("open");
        explorer.push(step(9, 2, 9, "open"));
        assert_eq!(explorer.take(1)[0].what, 2);
        let left = explorer.left();
        assert_eq!(
            left.into_iter().collect::<Vec<_>>(),
            [(("open", Why::Hang), 2), (("read", Why::Bound), 1)]
        );
    }

    #[test]
    fn what_does_not_fit_the_queue_is_counted_as_left() {
        let mut explorer = Explorer { longest: 1, ..Explorer::new() };
        explorer.push(step(1, 1, 1, "map"));
        explorer.push(step(2, 1, 2, "map"));
        assert_eq!(order(&mut explorer), [1]);
        assert_eq!(explorer.left().get(&("map", Why::Bound)), Some(&1));
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
                        kind: "any",
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
