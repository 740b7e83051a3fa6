//! What was seen of the memory of a run beside its calls: pages that were touched, memory that was used without its
//! lock, copies of tensors.

use std::collections::BTreeMap;
use std::ops::Range;

use rangemap::RangeSet;

use super::locks::SOME;
use super::{Evidence, UsedUnlocked};
use crate::rules::Capability;
use crate::rules::tensors;
use crate::rules::weights::Tensor;
use crate::trace::{Call, Difference, Observation, ProcessId, Seen};

/// What the page table showed of mappings before they went, by file of the weights.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Bytes of the file whose mapping was looked at.
    looked: BTreeMap<usize, RangeSet<u64>>,
    /// Bytes of the file in pages that a process had touched.
    touched: BTreeMap<usize, RangeSet<u64>>,
}

/// Tensor bytes that stand in memory where no read left them: whole, or all but some that differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorCopy {
    /// The process.
    pub pid: ProcessId,
    /// Which file of the weights.
    pub file: usize,
    /// Bytes of the file.
    pub range: Range<u64>,
    /// The address of the first of them.
    pub addr: u64,
    /// Whether what reads and mappings brought of them is gone, or was about to go.
    pub alone: bool,
    /// Whether the kernel kept that memory resident.
    pub locked: bool,
    /// The first byte that is not that of the file.
    pub difference: Option<Difference>,
}

impl TensorCopy {
    /// The memory that holds it.
    fn addresses(&self) -> Range<u64> {
        self.addr..self.addr.saturating_add(self.range.end.saturating_sub(self.range.start))
    }
}

impl Evidence {
    /// Adds what was seen of the memory of the run.
    #[must_use]
    pub fn seeing(mut self, observations: &[Observation]) -> Self {
        let files = self.weights.files_of(&self.ops);
        let opens = self.ops.iter().filter_map(|op| match &op.call {
            Call::Open { file, path, .. } => Some((path.as_str(), *files.get(file)?)),
            _ => None,
        });
        let by_path: BTreeMap<&str, usize> = opens.collect();
        for observation in observations {
            if let Seen::UsedUnlocked { addr, len, used, own } = observation.seen {
                let range = addr..addr.saturating_add(len);
                self.used_unlocked.push(UsedUnlocked { pid: observation.pid, range, used, own });
            }
            if let Seen::Inherited { .. } = observation.seen {
                self.inherited.insert(observation.pid);
            }
            if let Seen::LastOutput = observation.seen {
                self.last_output = Some(observation.after);
            }
            if let Seen::Kernel(memory) = observation.seen {
                self.kernel.push((observation.pid, observation.after, memory));
            }
            if let Seen::UsedElsewhere { used, .. } = observation.seen {
                let known = self.used_elsewhere.entry(observation.pid).or_default();
                *known = (*known).max(used);
            }
            if let Seen::Copy { path, offset, len, addr, alone, locked, first_difference } = &observation.seen
                && let Some(file) = by_path.get(path.as_str())
            {
                let range = *offset..offset.saturating_add(*len);
                let (pid, file, addr, alone) = (observation.pid, *file, *addr, *alone);
                let (locked, difference) = (*locked, *first_difference);
                self.copies.push(TensorCopy { pid, file, range, addr, alone, locked, difference });
            }
            let Seen::Touched { path, offset, len, touched } = &observation.seen else { continue };
            let Some(file) = by_path.get(path.as_str()) else { continue };
            let all = self.touched.get_or_insert_default();
            let looked = *offset..offset.saturating_add(*len);
            let parts = touched.iter().filter(|range| !range.is_empty()).cloned();
            all.touched.entry(*file).or_default().extend(parts);
            all.looked.entry(*file).or_default().extend((!looked.is_empty()).then_some(looked));
        }
        // Which mappings were used was not known before.
        if self.touched.is_some() && !self.weights.is_empty() {
            self.summary.effective = self.effective_mode();
        }
        if self.capabilities.has(Capability::Memory) && !self.weights.is_empty() {
            self.tensors = Some(tensors::seen(&self, &by_path, observations));
        }
        self
    }

    /// Bytes that a loader used after it had released their lock, where they are no small part of the weights.
    /// An allocator that takes memory back looks at a page or two.
    #[must_use]
    pub fn used_after_unlock(&self) -> Option<u64> {
        self.used_without_lock(false)
    }

    /// Bytes of weights that a loader had locked, left in other memory without a lock, and used there, where
    /// they are no small part of the weights.
    #[must_use]
    pub fn used_in_copy(&self) -> Option<u64> {
        self.used_without_lock(true)
    }

    /// Tensor bytes of each file that stand whole in a copy alone whose memory was locked.
    pub(in crate::rules) fn locked_copies(&self) -> BTreeMap<usize, RangeSet<u64>> {
        self.copies_that(|copy| copy.alone && self.keeps(copy) && copy.difference.is_none())
    }

    /// Bytes of the weights that stand in a copy without a lock, where they are no small part of them.
    #[must_use]
    pub fn copied_without_lock(&self) -> Option<u64> {
        self.much_of(&self.copies_that(|copy| !self.keeps(copy)))
    }

    /// Bytes of the weights that stand in a copy without a lock and where they were brought no more.
    #[must_use]
    pub fn moved_without_lock(&self) -> u64 {
        let moved = self.copies_that(|copy| copy.alone && !self.keeps(copy));
        self.tensor_bytes(|file| moved.get(&file).cloned().unwrap_or_default())
    }

    /// Bytes of the weights that lie without a lock where they were read to while the file was mapped, where they are
    /// no small part of them.
    pub(in crate::rules) fn read_beside_mapping(&self) -> Option<u64> {
        let mut bytes: BTreeMap<usize, RangeSet<u64>> = BTreeMap::new();
        for (pid, placement) in self.placements().filter(|(_, placement)| placement.beside_mapping) {
            let Some(process) = self.fold.processes.get(&pid) else { continue };
            let range = &placement.range;
            let addresses = placement.addr..placement.addr.saturating_add(range.end - range.start);
            for gap in process.locked.gaps(&addresses) {
                let at = |addr: u64| range.start + (addr - placement.addr);
                bytes.entry(placement.file).or_default().insert(at(gap.start)..at(gap.end));
            }
        }
        self.much_of(&bytes)
    }

    /// How many tensor bytes are in some sets, one a file, where they are no small part of the weights.
    fn much_of(&self, sets: &BTreeMap<usize, RangeSet<u64>>) -> Option<u64> {
        let bytes = self.tensor_bytes(|file| sets.get(&file).cloned().unwrap_or_default());
        (bytes > self.weights.len() / SOME).then_some(bytes)
    }

    /// What mappings of a file brought that anything can have used: all but what had gone when the load was over
    /// and of which no page was ever touched.
    pub(in crate::rules) fn mapped_to_use(&self, file: usize) -> RangeSet<u64> {
        let of = |sets: &BTreeMap<usize, RangeSet<u64>>| sets.get(&file).cloned().unwrap_or_default();
        let mut mapped = self.union_of(|process| of(&process.ever_mapped));
        let mut unused = self.looked_at(file);
        let touched = self.touched.as_ref().map(|seen| of(&seen.touched)).unwrap_or_default();
        let live = self.union_of(|process| of(&process.mapped));
        touched.iter().chain(live.iter()).for_each(|range| unused.remove(range.clone()));
        unused.iter().for_each(|range| mapped.remove(range.clone()));
        mapped
    }

    /// Whether the memory of a copy is locked: when it was seen, or when the load was over, as that of a loader which
    /// locks what it has repacked.
    fn keeps(&self, copy: &TensorCopy) -> bool {
        let locked = self.fold.processes.get(&copy.pid).map(|process| &process.locked);
        copy.locked || locked.is_some_and(|locked| locked.gaps(&copy.addresses()).next().is_none())
    }

    /// Bytes of the weights of which a second copy stands in writable memory.
    #[must_use]
    pub fn held_twice(&self) -> u64 {
        let bytes = self.copies_that(|copy| !copy.alone);
        self.tensor_bytes(|file| bytes.get(&file).cloned().unwrap_or_default())
    }

    /// Bytes of other memory without a lock that a loader used after the memory that held the weights had gone,
    /// where they are as many as half of the weights: those may have been made into something else there.
    #[must_use]
    pub fn used_elsewhere(&self) -> Option<u64> {
        let own = self.used_elsewhere.iter().filter(|(pid, _)| self.is_loader(**pid));
        own.map(|(_, used)| *used).max().filter(|used| 2 * used >= self.weights.len())
    }

    /// Tensor bytes of each file that stand in some copies of the loaders.
    fn copies_that(&self, of: impl Fn(&TensorCopy) -> bool) -> BTreeMap<usize, RangeSet<u64>> {
        let mut held: BTreeMap<usize, RangeSet<u64>> = BTreeMap::new();
        for copy in self.copies.iter().filter(|copy| self.is_loader(copy.pid) && of(copy)) {
            if !copy.range.is_empty() {
                held.entry(copy.file).or_default().insert(copy.range.clone());
            }
        }
        held
    }

    /// Tensor bytes of mappings that were locked as they come in (`MLOCK_ONFAULT`) and of which no page was
    /// seen to have come; all of them where nobody looked.
    pub(in crate::rules) fn locked_and_absent(&self, file: usize) -> RangeSet<u64> {
        let mut absent = self.union_of(|process| process.on_fault.get(&file).cloned().unwrap_or_default());
        let touched = self.touched.as_ref().and_then(|seen| seen.touched.get(&file));
        touched.into_iter().flat_map(|ranges| ranges.iter()).for_each(|range| absent.remove(range.clone()));
        absent
    }

    fn used_without_lock(&self, in_copy: bool) -> Option<u64> {
        let least = self.weights.len() / SOME;
        let is_copy = |pid: ProcessId, range: &Range<u64>| {
            let here = |copy: &TensorCopy| {
                let held = copy.addresses();
                copy.pid == pid && copy.alone && held.start < range.end && range.start < held.end
            };
            self.copies.iter().any(here)
        };
        let most = |of: &&UsedUnlocked| {
            self.is_loader(of.pid)
                && of.used > (of.range.end - of.range.start) / 4 * 3
                && is_copy(of.pid, &of.range) == in_copy
        };
        let sum = |counts: &dyn Fn(&UsedUnlocked) -> bool| {
            self.used_unlocked.iter().filter(most).filter(|of| counts(of)).map(|of| of.used).sum::<u64>()
        };
        // Nobody else uses pages that hold weights alone.
        let own = sum(&|of| of.own && self.holds_whole_pages(of));
        let used = sum(&|_| true);
        (used > least || own > 0).then_some(used)
    }

    /// Whether some page of a piece of memory is weights from its first byte to its last.
    fn holds_whole_pages(&self, piece: &UsedUnlocked) -> bool {
        let page = self.page_size.max(1);
        let whole = |range: &Range<u64>| {
            let inside = range.start.max(piece.range.start)..range.end.min(piece.range.end);
            inside.start.checked_next_multiple_of(page).is_some_and(|start| start + page <= inside.end)
        };
        self.weight_addresses(piece.pid).overlapping(&piece.range).any(whole)
    }

    /// Bytes of a file whose mapping was looked at before it went.
    pub(in crate::rules) fn looked_at(&self, file: usize) -> RangeSet<u64> {
        self.touched.as_ref().and_then(|seen| seen.looked.get(&file)).cloned().unwrap_or_default()
    }

    /// Bytes of tensors that were mapped and not read, and of which no process ever touched a page of the
    /// mapping: nothing can have used them.
    #[must_use]
    pub fn untouched_bytes(&self) -> u64 {
        let Some(seen) = &self.touched else { return 0 };
        let mut untouched = 0u64;
        for (index, file) in self.weights.files.iter().enumerate() {
            let (Some(looked), none) = (seen.looked.get(&index), RangeSet::new()) else { continue };
            let touched = seen.touched.get(&index).unwrap_or(&none);
            let read = self.union_of(|process| process.read(index));
            let nothing = |tensor: &&Tensor| {
                let range = &tensor.range;
                looked.gaps(range).next().is_none() && !touched.overlaps(range) && !read.overlaps(range)
            };
            let bytes =
                file.tensors.iter().filter(nothing).map(|tensor| tensor.range.end - tensor.range.start);
            untouched = bytes.fold(untouched, u64::saturating_add);
        }
        untouched
    }
}
