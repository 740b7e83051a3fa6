//! Branches that take turns: of those where something waits, the one that had the fewest turns is next.

use std::collections::HashMap;
use std::hash::Hash;

/// Something that holds what waits.
pub(super) trait Waiting {
    /// How much waits in it.
    fn waiting(&self) -> usize;
}

#[derive(Debug)]
struct Branch<K, V> {
    key: K,
    turns: u64,
    holds: V,
}

/// Branches by key.
#[derive(Debug)]
pub(super) struct Turns<K, V> {
    branches: Vec<Branch<K, V>>,
    places: HashMap<K, usize>,
    waiting: usize,
}

impl<K, V> Default for Turns<K, V> {
    fn default() -> Self {
        Self { branches: Vec::new(), places: HashMap::new(), waiting: 0 }
    }
}

impl<K, V> Waiting for Turns<K, V> {
    fn waiting(&self) -> usize {
        self.waiting
    }
}

impl<K: Copy + Eq + Hash, V: Default + Waiting> Turns<K, V> {
    /// The branch of a key, to which one more is about to be added. A branch that was empty or is new joins at the
    /// round of the others: what it missed is no debt.
    pub(super) fn join(&mut self, key: K) -> &mut V {
        let at = *self.places.entry(key).or_insert_with(|| {
            self.branches.push(Branch { key, turns: 0, holds: V::default() });
            self.branches.len() - 1
        });
        self.waiting += 1;
        if self.branches[at].holds.waiting() == 0 {
            let round = self.active().map(|(_, branch)| branch.turns).min().unwrap_or_default();
            let branch = &mut self.branches[at];
            branch.turns = branch.turns.max(round);
        }
        &mut self.branches[at].holds
    }

    fn active(&self) -> impl Iterator<Item = (usize, &Branch<K, V>)> {
        self.branches.iter().enumerate().filter(|(_, branch)| branch.holds.waiting() > 0)
    }

    /// The branch whose turn it is, from which one is about to be taken. Where several had as few turns, the
    /// smallest `tie` decides, then who came first.
    pub(super) fn next<O: Ord>(&mut self, tie: impl Fn(K) -> O) -> Option<(K, &mut V)> {
        let order = |(at, branch): &(usize, &Branch<K, V>)| (branch.turns, tie(branch.key), *at);
        let (at, _) = self.active().min_by_key(order)?;
        self.waiting = self.waiting.saturating_sub(1);
        let branch = self.branches.get_mut(at)?;
        branch.turns += 1;
        Some((branch.key, &mut branch.holds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Stack(Vec<u32>);

    impl Waiting for Stack {
        fn waiting(&self) -> usize {
            self.0.len()
        }
    }

    fn put(turns: &mut Turns<char, Stack>, key: char, values: &[u32]) {
        values.iter().for_each(|value| turns.join(key).0.push(*value));
    }

    fn keys(turns: &mut Turns<char, Stack>, count: usize) -> String {
        let mut took = String::new();
        while took.len() < count {
            let Some((key, stack)) = turns.next(|_| ()) else { break };
            stack.0.pop();
            took.push(key);
        }
        took
    }

    #[test]
    fn branches_take_turns_and_one_that_comes_late_has_no_debt() {
        let mut turns = Turns::default();
        put(&mut turns, 'a', &[1, 2, 3, 4]);
        put(&mut turns, 'b', &[1, 2, 3, 4]);
        assert_eq!(keys(&mut turns, 4), "abab");
        put(&mut turns, 'c', &[1, 2, 3, 4]);
        assert_eq!(keys(&mut turns, 9), "abcabccc");
        assert_eq!(turns.waiting(), 0);
    }
}
