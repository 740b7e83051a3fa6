//! Work that is done side by side, ahead of the one who takes the results in order.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// How many results for each that works may wait to be taken.
const WAITING: usize = 8;

/// What is begun, done and taken, by position.
struct State<R> {
    next: usize,
    done: BTreeMap<usize, R>,
    taken: usize,
    workers: usize,
    closed: bool,
}

struct Queue<R> {
    state: Mutex<State<R>>,
    changed: Condvar,
    len: usize,
    ahead: usize,
}

/// One that works; its end is told however it comes.
struct Worker<'a, R>(&'a Queue<R>);

impl<R> Drop for Worker<'_, R> {
    fn drop(&mut self) {
        self.0.lock().workers -= 1;
        self.0.changed.notify_all();
    }
}

impl<R> Queue<R> {
    fn lock(&self) -> MutexGuard<'_, State<R>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'s>(&self, state: MutexGuard<'s, State<R>>) -> MutexGuard<'s, State<R>> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    /// The position of what is to be done next, once it may be begun.
    fn claim(&self) -> Option<usize> {
        let mut state = self.lock();
        while !state.closed && state.next < self.len && state.next >= state.taken + self.ahead {
            state = self.wait(state);
        }
        let at = state.next;
        (!state.closed && at < self.len).then(|| {
            state.next += 1;
            at
        })
    }

    fn put(&self, at: usize, result: R) {
        self.lock().done.insert(at, result);
        self.changed.notify_all();
    }

    /// The result at a position; `None` where nobody works on it any more.
    fn take(&self, at: usize) -> Option<R> {
        let mut state = self.lock();
        let result = loop {
            match state.done.remove(&at) {
                None if state.workers > 0 => state = self.wait(state),
                result => break result,
            }
        };
        state.taken = at + 1;
        self.changed.notify_all();
        result
    }

    fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }
}

/// Does `work` for each of `items` on up to `jobs` threads and hands the results to `take` in the order of the
/// items, until that has enough or fails, or `go_on` says no. With one job each is done when it is its turn.
pub(super) fn in_order<T: Sync, R: Send, E>(
    jobs: usize,
    items: &[T],
    go_on: impl Fn() -> bool + Sync,
    work: impl Fn(&T) -> R + Sync,
    take: &mut dyn FnMut(usize, R) -> Result<bool, E>,
) -> Result<(), E> {
    let jobs = jobs.min(items.len());
    let state = State { next: 0, done: BTreeMap::new(), taken: 0, workers: 0, closed: false };
    let queue =
        Queue { state: Mutex::new(state), changed: Condvar::new(), len: items.len(), ahead: jobs * WAITING };
    let worker = || {
        let _told = Worker(&queue);
        while let Some(at) = queue.claim().filter(|_| go_on()) {
            if let Some(item) = items.get(at) {
                queue.put(at, work(item));
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..if jobs > 1 { jobs } else { 0 } {
            queue.lock().workers += 1;
            // One that cannot be started leaves its share to the others, or to the one who takes.
            if std::thread::Builder::new().spawn_scoped(scope, worker).is_err() {
                queue.lock().workers -= 1;
            }
        }
        let mut take_all = || {
            for (at, item) in items.iter().enumerate() {
                if !go_on() {
                    break;
                }
                let result = match queue.take(at) {
                    Some(result) => result,
                    None if go_on() => work(item),
                    None => break,
                };
                if !take(at, result)? {
                    break;
                }
            }
            Ok(())
        };
        let end = take_all();
        queue.close();
        end
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use super::in_order;

    fn taken(
        jobs: usize,
        items: &[u64],
        most: usize,
        work: impl Fn(&u64) -> u64 + Sync,
    ) -> Vec<(usize, u64)> {
        let mut taken = Vec::new();
        let mut take = |at: usize, result: u64| {
            taken.push((at, result));
            Ok::<bool, ()>(taken.len() < most)
        };
        assert_eq!(in_order(jobs, items, || true, work, &mut take), Ok(()));
        taken
    }

    #[test]
    fn results_come_in_the_order_of_the_items_whatever_takes_long() {
        let items: Vec<u64> = (0..100).collect();
        let slow = |item: &u64| {
            if item.is_multiple_of(7) {
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
            item * item
        };
        let all: Vec<(usize, u64)> = items.iter().map(|item| (*item as usize, item * item)).collect();
        for jobs in [0, 1, 2, 5, 1000] {
            assert_eq!(taken(jobs, &items, usize::MAX, slow), all, "{jobs}");
            assert_eq!(taken(jobs, &items, 3, slow), all[..3], "{jobs}");
        }
        assert_eq!(taken(4, &[], usize::MAX, slow), []);
    }

    /// What nobody takes is not done without end.
    #[test]
    fn work_goes_on_so_far_ahead_and_no_further() {
        let items: Vec<u64> = (0..1000).collect();
        let begun = AtomicUsize::new(0);
        let work = |_: &u64| begun.fetch_add(1, Ordering::Relaxed) as u64;
        taken(2, &items, 5, work);
        let begun = begun.load(Ordering::Relaxed);
        assert!((5..=5 + 2 * super::WAITING).contains(&begun), "{begun}");
    }

    #[test]
    fn an_error_or_an_interruption_ends_it() {
        let items: Vec<u64> = (0..100).collect();
        for jobs in [1, 3] {
            let mut refuse = |at: usize, _: u64| if at == 4 { Err("no") } else { Ok(true) };
            assert_eq!(in_order(jobs, &items, || true, |item| *item, &mut refuse), Err("no"));
            let (on, mut last) = (AtomicBool::new(true), 0);
            let mut interrupt = |at: usize, _: u64| {
                on.store(at < 9, Ordering::Relaxed);
                last = at;
                Ok::<bool, ()>(true)
            };
            let go_on = || on.load(Ordering::Relaxed);
            assert_eq!(in_order(jobs, &items, go_on, |item| *item, &mut interrupt), Ok(()));
            assert_eq!(last, 9, "{jobs}");
        }
    }

    /// A worker that panics leaves nobody waiting.
    #[test]
    #[should_panic(expected = "it cannot")]
    fn a_panic_ends_it_too() {
        let items = [1_u64, 2, 3, 4];
        taken(2, &items, usize::MAX, |item| if *item == 2 { panic!("it cannot") } else { *item });
    }
}
