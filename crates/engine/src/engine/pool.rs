//! Threads that live as long as a context and compute parts of a job.
//!
//! A job is split by rows or by tokens and never by reduction, so the number of threads cannot change
//! a bit. Jobs own what they read (through `Arc`) and parts return what they computed: no part can see
//! another one's output, and no `unsafe` is needed.
//!
//! The threads start when they are first needed, not while a model loads. A thread that waits spins for
//! a short while and then sleeps in its channel.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvError, Sender, TryRecvError, channel};
use std::thread::JoinHandle;

/// Computes one part of a job, whatever that gives.
type Job = Arc<dyn Fn(usize) -> Box<dyn Any + Send> + Send + Sync>;

/// What a part gave, or the panic that ended it.
type Outcome = Result<Box<dyn Any + Send>, Box<dyn Any + Send>>;

/// How often a waiting thread looks before it sleeps: some microseconds, the length of the gap
/// between two jobs of one token.
const SPINS: usize = 2000;

/// A fixed number of threads, the caller's included.
pub(super) struct Pool {
    threads: usize,
    /// How many of them take part.
    active: usize,
    workers: Vec<Worker>,
    done: Option<Receiver<(usize, Outcome)>>,
}

struct Worker {
    jobs: Option<Sender<Job>>,
    handle: Option<JoinHandle<()>>,
}

impl Pool {
    /// A pool of `threads` threads, at least one.
    pub(super) fn new(threads: usize) -> Self {
        Self { threads: threads.max(1), active: threads.max(1), workers: Vec::new(), done: None }
    }

    /// How many threads take part, the caller's included.
    pub(super) fn active(&self) -> usize {
        self.active
    }

    /// Lets at most so many threads take part from now on.
    pub(super) fn limit(&mut self, threads: usize) {
        self.active = threads.clamp(1, self.threads);
    }

    /// Computes parts `0..parts` of a job and returns what they gave, in the order of parts; there
    /// are at most as many parts as threads.
    ///
    /// When this returns no thread holds the job any more.
    ///
    /// # Panics
    /// With the panic of a part, after all parts have ended; or before [`Pool::start`].
    pub(super) fn run<T: Send + 'static>(
        &mut self,
        parts: usize,
        job: impl Fn(usize) -> T + Send + Sync + 'static,
    ) -> Vec<T> {
        assert!((1..=self.workers.len() + 1).contains(&parts), "a started thread for each part");
        let job: Job = Arc::new(move |part| Box::new(job(part)));
        let workers = &self.workers[..parts - 1];
        for worker in workers {
            let jobs = worker.jobs.as_ref().expect("a worker has its channel until the pool is dropped");
            assert!(jobs.send(Arc::clone(&job)).is_ok(), "a worker thread has stopped");
        }
        let mut outcomes: Vec<(usize, Outcome)> = vec![(0, compute(job, 0))];
        if let Some(done) = &self.done {
            outcomes
                .extend(workers.iter().map(|_| receive(done).expect("workers outlive the pool's channel")));
        }
        outcomes.sort_unstable_by_key(|(part, _)| *part);
        let given = |(_, outcome): (usize, Outcome)| match outcome {
            Ok(given) => *given.downcast().expect("a part gives what its job computes"),
            Err(panic) => resume_unwind(panic),
        };
        outcomes.into_iter().map(given).collect()
    }

    /// Starts the threads, once.
    pub(super) fn start(&mut self) -> std::io::Result<()> {
        if self.workers.len() + 1 == self.threads {
            return Ok(());
        }
        self.workers.clear();
        let (results, done) = channel();
        for part in 1..self.threads {
            let (jobs, queue) = channel();
            let results = results.clone();
            let work = move || work(part, &queue, &results);
            let handle = std::thread::Builder::new().name(format!("engine-{part}")).spawn(work)?;
            self.workers.push(Worker { jobs: Some(jobs), handle: Some(handle) });
        }
        self.done = Some(done);
        Ok(())
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        for worker in &mut self.workers {
            worker.jobs = None;
        }
        for worker in &mut self.workers {
            if let Some(handle) = worker.handle.take() {
                // A panic was reported by the job that met it.
                let _ = handle.join();
            }
        }
    }
}

fn work(part: usize, queue: &Receiver<Job>, results: &Sender<(usize, Outcome)>) {
    while let Ok(job) = receive(queue) {
        if results.send((part, compute(job, part))).is_err() {
            return;
        }
    }
}

/// Computes a part and lets go of the job before the outcome can be seen: the caller takes back
/// what the job has borrowed.
fn compute(job: Job, part: usize) -> Outcome {
    catch_unwind(AssertUnwindSafe(move || job(part)))
}

/// Receives, first spinning, then sleeping.
fn receive<T>(channel: &Receiver<T>) -> Result<T, RecvError> {
    for _ in 0..SPINS {
        match channel.try_recv() {
            Ok(value) => return Ok(value),
            Err(TryRecvError::Disconnected) => return Err(RecvError),
            Err(TryRecvError::Empty) => std::hint::spin_loop(),
        }
    }
    channel.recv()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started(threads: usize) -> Pool {
        let mut pool = Pool::new(threads);
        pool.start().unwrap();
        pool
    }

    #[test]
    fn parts_come_back_in_order_and_the_job_is_released() {
        for threads in 1..=4 {
            let mut pool = started(threads);
            for round in 0..200 {
                let input = Arc::new(vec![round as f32; 8]);
                let borrowed = Arc::clone(&input);
                let want: Vec<_> = (0..threads).map(|part| (round + part) as f32).collect();
                assert_eq!(pool.run(threads, move |part| borrowed[part] + part as f32), want);
                assert!(Arc::try_unwrap(input).is_ok(), "a thread still holds the job");
            }
        }
    }

    #[test]
    fn threads_start_once_and_sleep_through_a_pause() {
        let mut pool = Pool::new(3);
        assert!(pool.workers.is_empty());
        for _ in 0..2 {
            pool.start().unwrap();
            assert_eq!(pool.run(3, |part| part), [0, 1, 2]);
            assert_eq!(pool.run(2, |part| part), [0, 1]);
            assert_eq!(pool.workers.len(), 2);
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }

    #[test]
    fn a_panic_in_a_part_reaches_the_caller_and_the_pool_goes_on() {
        let mut pool = started(3);
        for failing in 0..3 {
            let job = move |part| {
                if part == failing {
                    panic!("part fails")
                }
            };
            let panic = catch_unwind(AssertUnwindSafe(|| pool.run(3, job))).unwrap_err();
            assert_eq!(panic.downcast_ref::<&str>(), Some(&"part fails"));
            assert_eq!(pool.run(3, |part| part), [0, 1, 2]);
        }
    }
}
