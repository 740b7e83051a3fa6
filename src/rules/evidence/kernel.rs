//! What the kernel says of the memory of a run, beside what its calls say.

use rangemap::RangeSet;

use super::{EDGE, Evidence};
use crate::rules::fold::common;
use crate::rules::weights::length;
use crate::trace::{KernelMemory, ProcessId};

impl Evidence {
    /// What the kernel says of a loader when its load is over: of the times it was asked that at which most of the
    /// weights was locked, and there. A loader may release before it locks, and does after.
    fn kernel_of(&self, pid: ProcessId) -> Option<KernelMemory> {
        let own = self.kernel.iter().filter(|(of, ..)| *of == pid).map(|(.., memory)| *memory);
        own.max_by_key(|memory| (memory.weights_locked, memory.weights))
    }

    /// What the kernel says of all loaders together when the load is over; of the peak and of what counts against
    /// the limit on locks the most at any time. `None` where it was not asked about one of them.
    #[must_use]
    pub fn kernel_memory(&self) -> Option<KernelMemory> {
        let mut sum: Option<KernelMemory> = None;
        for (pid, _) in self.loaders() {
            let one = self.kernel_of(pid)?;
            let own = || self.kernel.iter().filter(|(of, ..)| *of == pid).map(|(.., memory)| memory);
            let most = |of: fn(&KernelMemory) -> u64| own().map(of).max().unwrap_or(0);
            let known = sum.get_or_insert_default();
            known.anonymous += most(|memory| memory.anonymous);
            known.file += one.file;
            known.peak += most(|memory| memory.peak);
            known.locked += most(|memory| memory.locked);
            known.lock_limit = one.lock_limit;
            known.weights += one.weights;
            known.weights_resident += one.weights_resident;
            known.weights_locked += one.weights_locked;
        }
        sum
    }

    /// Bytes of memory that holds weights and that calls locked, of all loaders, when the load is over.
    #[must_use]
    pub fn traced_locked_weights(&self) -> u64 {
        self.loaders()
            .map(|(pid, process)| length(&common(&self.weight_addresses(pid), &process.locked)))
            .sum()
    }

    /// What the kernel says against the calls about the locks of a loader. Where it is not known what lies where,
    /// the two speak of different memory.
    pub(in crate::rules) fn kernel_disagrees(&self) -> Option<String> {
        if !self.knows_places() {
            return None;
        }
        for (pid, process) in self.loaders() {
            let Some(memory) = self.kernel_of(pid) else { continue };
            let weights = self.weight_addresses(pid);
            // Pages at the ends of stretches hold other bytes too.
            let slack = EDGE.max(self.weights.len() / 64);
            let absent: u64 =
                (0..self.weights.files.len()).map(|file| length(&self.locked_and_absent(file))).sum();
            let traced = length(&common(&weights, &process.locked));
            let kept = memory.weights_locked;
            if traced.saturating_sub(absent) > kept.saturating_add(slack) {
                return Some(format!(
                    "the calls lock {traced} bytes of the memory that holds weights, the kernel keeps {kept} of them"
                ));
            }
            // A refused lock can leave pages locked: those before a hole, or all of a mapping past the end of its
            // file (seen on Linux 6.18).
            let tried = self.fold.locks.iter().filter(|lock| lock.pid == pid);
            let pages = tried.map(|lock| lock.pages.clone()).filter(|pages| !pages.is_empty());
            let ever: RangeSet<u64> = pages.chain(process.locked.iter().cloned()).collect();
            let ever = length(&common(&weights, &ever));
            if self.saw_all_calls() && kept > ever.saturating_add(slack) {
                return Some(format!(
                    "the kernel keeps {kept} bytes of the memory that holds weights, the calls lock {ever} of them"
                ));
            }
        }
        None
    }
}
