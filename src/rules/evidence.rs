//! Everything known of one run, and what could not be seen.
//!
//! | file | what of it |
//! | --- | --- |
//! | `outcome` | how it ended, what it generated |
//! | `memory` | pages that were touched, memory without its lock, copies |
//! | `kernel` | what the kernel says of it |
//! | `locks` | what is locked, and what was tried |
//! | `ways` | by which way the weights came |

mod kernel;
mod locks;
mod memory;
mod outcome;
mod ways;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use rangemap::RangeSet;

use super::fold::{self, Fold, Placement, Process, common};
use super::tensors::TensorBytes;
use super::weights::length;
use super::{Capabilities, Capability, Effective, Summary, Weights};
use crate::trace::{Call, KernelMemory, Op, ProcessId};
pub use memory::{TensorCopy, Touched};
pub use outcome::{Ending, Output};

/// Pages as the kernel shows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageCount {
    /// How many there are.
    pub pages: u64,
    /// How many are in memory.
    pub resident: u64,
    /// How many are locked, where the kernel says so.
    pub locked: Option<u64>,
}

/// Memory that a process used after it had released its lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsedUnlocked {
    /// The process.
    pub pid: ProcessId,
    /// Its addresses.
    pub range: Range<u64>,
    /// How many bytes were used, in whole pages.
    pub used: u64,
    /// Whether the mapping holds the weights alone: no allocator shares out other parts of it.
    pub own: bool,
}

/// Everything known of one run.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// What its source can see.
    pub capabilities: Capabilities,
    /// The operations.
    pub ops: Vec<Op>,
    /// Bytes in a page.
    pub page_size: u64,
    /// Which bytes are weights.
    pub weights: Weights,
    /// What the operations come to.
    pub fold: Fold,
    /// Counts over all operations, and the effective mode.
    pub summary: Summary,
    /// How it ended.
    pub ending: Ending,
    /// What was generated.
    pub output: Option<Output>,
    /// The bytes of the tensors, where memory was looked at.
    pub tensors: Option<TensorBytes>,
    /// The kernel's word on the pages that were locked.
    pub locked_pages: Option<PageCount>,
    /// The page cache of the model before a direct load and after it.
    pub cache: Option<(PageCount, PageCount)>,
    /// Memory whose lock was released and that was used after that: process, addresses, bytes used.
    pub used_unlocked: Vec<UsedUnlocked>,
    /// Bytes of other memory that a process used after memory that held the weights had gone.
    pub used_elsewhere: BTreeMap<ProcessId, u64>,
    /// Tensors that stand where no read left them.
    pub copies: Vec<TensorCopy>,
    /// Processes whose locks were released while another one had a copy of the memory that held the weights.
    pub inherited: BTreeSet<ProcessId>,
    /// How many operations stand before the end of what went to standard output, where a lock was tried after it.
    pub last_output: Option<u64>,
    /// What the kernel said of the memory of a process, each with how many operations stand before it.
    pub kernel: Vec<(ProcessId, u64, KernelMemory)>,
    /// Which pages of mappings were touched, where that was looked at.
    pub touched: Option<Touched>,
    /// What moved bytes, descriptors or locks unseen, a sentence each.
    pub unseen: Vec<String>,
    /// What it wrote to standard error.
    pub stderr: Vec<u8>,
    /// Whether it is known that it said nothing of what it met: standard error is empty, or says what it always says.
    pub silent: bool,
    /// How often each fault that was asked for met a call.
    pub fired: Vec<u64>,
}

/// The largest grain of direct I/O and the largest page, in bytes: stretches at the edges of tensors that are
/// no longer come through the page cache without a word.
pub(super) const EDGE: u64 = 64 << 10;

impl Evidence {
    /// The evidence of operations on `weights`; what is beside the operations is for the caller to fill in.
    #[must_use]
    pub fn new(ops: Vec<Op>, weights: Weights, page_size: u64, capabilities: Capabilities) -> Self {
        let fold = fold::fold(&ops, &weights, page_size);
        let mut summary = Summary::of(&ops);
        let mut evidence = Self {
            capabilities,
            page_size,
            weights,
            fold,
            summary: summary.clone(),
            ops,
            ending: Ending::Completed,
            output: None,
            tensors: None,
            locked_pages: None,
            cache: None,
            used_unlocked: Vec::new(),
            used_elsewhere: BTreeMap::new(),
            copies: Vec::new(),
            inherited: BTreeSet::new(),
            last_output: None,
            kernel: Vec::new(),
            touched: None,
            unseen: Vec::new(),
            stderr: Vec::new(),
            silent: false,
            fired: Vec::new(),
        };
        if !evidence.weights.is_empty() {
            summary.effective = evidence.effective_mode();
            evidence.summary = summary;
        }
        evidence
    }

    /// The tensors' ranges in each file that was opened, in the order of the roles of a code path.
    #[must_use]
    pub fn weights_by_role(&self) -> Vec<Vec<Range<u64>>> {
        let files = self.weights.files_of(&self.ops);
        let mut paths: Vec<&str> = Vec::new();
        let mut roles = Vec::new();
        for op in &self.ops {
            let Call::Open { file, path, .. } = &op.call else { continue };
            if paths.contains(&path.as_str()) {
                continue;
            }
            paths.push(path);
            let weights = files.get(file).and_then(|index| self.weights.files.get(*index));
            roles.push(weights.map_or_else(Vec::new, |w| w.bytes.iter().cloned().collect()));
        }
        roles
    }

    /// What the load really did.
    #[must_use]
    pub fn effective(&self) -> Effective {
        self.summary.effective
    }

    /// Whether any file was opened, or that was tried.
    #[must_use]
    pub fn opened(&self) -> bool {
        !self.fold.opens.is_empty() || !self.fold.requests.is_empty() || !self.fold.mappings.is_empty()
    }

    /// Whether it ended as a program does that did what it should.
    #[must_use]
    pub fn completed(&self) -> bool {
        self.ending == Ending::Completed
    }

    /// Whether nothing happened that the source could not see.
    #[must_use]
    pub fn saw_all_calls(&self) -> bool {
        self.unseen.is_empty() && self.capabilities.has(Capability::Calls)
    }

    /// The processes that brought the weights in.
    pub fn loaders(&self) -> impl Iterator<Item = (ProcessId, &Process)> {
        self.fold.loaders.iter().filter_map(|pid| Some((*pid, self.fold.processes.get(pid)?)))
    }

    /// Whether a process is one of those.
    #[must_use]
    pub fn is_loader(&self, pid: ProcessId) -> bool {
        self.fold.loaders.contains(&pid)
    }

    /// Of each file what the loaders have by `of`, together.
    pub(super) fn union_of(&self, of: impl Fn(&Process) -> RangeSet<u64>) -> RangeSet<u64> {
        self.loaders().flat_map(|(_, process)| of(process).iter().cloned().collect::<Vec<_>>()).collect()
    }

    /// Whether the weights were read by processes that ended while another one that had opened the model went
    /// on, or locked as much memory: how they got there is not seen.
    #[must_use]
    pub fn handed_over(&self) -> Option<String> {
        let last = self.loaders().map(|(_, process)| process.last).max()?;
        let all_ended = self.loaders().all(|(_, process)| process.ended);
        let others = self
            .fold
            .processes
            .iter()
            .any(|(pid, process)| !self.is_loader(*pid) && process.opened && process.last > last);
        if all_ended && others {
            return Some(
                "the weights were read by a process that ended before another one that had opened the model; \
                 whether they reached that one is not seen"
                    .to_owned(),
            );
        }
        let locks = |by_loader: bool| {
            let locks = self
                .fold
                .locks
                .iter()
                .filter(move |lock| !lock.void && self.is_loader(lock.pid) == by_loader);
            let opened = |pid| self.fold.processes.get(pid).is_some_and(|process: &Process| process.opened);
            locks.filter(|lock| opened(&lock.pid)).map(|lock| lock.pages.end - lock.pages.start).sum::<u64>()
        };
        (all_ended && locks(true) == 0 && 2 * locks(false) >= self.weights.len() && !self.weights.is_empty()).then(|| {
            "the weights were read by a process that locked nothing, and another one that had opened the model \
             locked as much; whether they reached that one is not seen"
                .to_owned()
        })
    }

    /// Whether a process with a copy of a loader's memory went on when the loaders had released their locks, or
    /// had ended: no lock is inherited.
    #[must_use]
    pub fn goes_on_in_a_copy(&self) -> Option<String> {
        let released: Option<Vec<u64>> = self.loaders().map(|(_, process)| process.released).collect();
        let end = released.and_then(|released| released.into_iter().max());
        let goes_on = |(pid, process): (&ProcessId, &Process)| {
            let of_loader = process.copy_of.is_some_and(|from| self.is_loader(from));
            of_loader && !self.is_loader(*pid) && end.is_some_and(|end| process.last > end)
        };
        let inherited = self.inherited.iter().any(|pid| self.is_loader(*pid));
        (inherited || self.fold.processes.iter().any(goes_on)).then(|| {
            "the process that loaded ended, or released its locks, before one that has a copy of its memory and \
             none of its locks"
                .to_owned()
        })
    }

    /// The first tensor bytes that are in none of the sets, one set a file, stretches up to `tolerance` aside.
    pub(super) fn first_gap(
        &self,
        of: impl Fn(usize) -> RangeSet<u64>,
        tolerance: u64,
    ) -> Option<(String, Range<u64>)> {
        for (index, file) in self.weights.files.iter().enumerate() {
            let set = of(index);
            for tensor in &file.tensors {
                let gap = set.gaps(&tensor.range).find(|gap| gap.end - gap.start > tolerance);
                if let Some(gap) = gap {
                    return Some((self.name(index, &tensor.name), gap));
                }
            }
        }
        None
    }

    /// The first tensor bytes that are in one of the sets, one set a file.
    pub(super) fn first_common(&self, of: impl Fn(usize) -> RangeSet<u64>) -> Option<(String, Range<u64>)> {
        for (index, file) in self.weights.files.iter().enumerate() {
            let set = of(index);
            for tensor in &file.tensors {
                if let Some(found) = set.overlapping(&tensor.range).next() {
                    let both = found.start.max(tensor.range.start)..found.end.min(tensor.range.end);
                    return Some((self.name(index, &tensor.name), both));
                }
            }
        }
        None
    }

    /// A tensor's name, with its file where there are several.
    pub(super) fn name(&self, file: usize, tensor: &str) -> String {
        match &self.weights.files[..] {
            [_] => tensor.to_owned(),
            files => {
                let path = files.get(file).map_or("", |file| file.path.as_str());
                format!("{tensor} in {}", path.rsplit(['/', '\\']).next().unwrap_or(path))
            }
        }
    }

    /// The tensor bytes of all files that `of` gives.
    pub(super) fn tensor_bytes(&self, of: impl Fn(usize) -> RangeSet<u64>) -> u64 {
        let files = self.weights.files.iter().enumerate();
        files.map(|(index, file)| length(&common(&of(index), &file.bytes))).sum()
    }

    /// The bytes of the weights that the loaders brought in, either way.
    #[must_use]
    pub fn brought_bytes(&self) -> u64 {
        self.tensor_bytes(|file| self.union_of(|process| process.brought(file)))
    }

    /// The placements of weights in all loaders, with their process.
    pub(super) fn placements(&self) -> impl Iterator<Item = (ProcessId, &Placement)> {
        self.loaders().flat_map(|(pid, process)| process.placements.iter().map(move |p| (pid, p)))
    }

    /// Whether it is known where every tensor byte lies when the load is over.
    #[must_use]
    pub fn knows_places(&self) -> bool {
        let placed = |file: usize| {
            self.placements().filter(|(_, p)| p.file == file).map(|(_, p)| p.range.clone()).collect()
        };
        self.capabilities.has(Capability::Addresses)
            && self.loaders().all(|(_, process)| process.destinations)
            && self.first_gap(placed, self.weights.tolerance).is_none()
    }

    /// The addresses that hold weights in one process.
    pub(super) fn weight_addresses(&self, pid: ProcessId) -> RangeSet<u64> {
        let mut addresses = RangeSet::new();
        for (owner, placement) in self.placements().filter(|(owner, _)| *owner == pid) {
            debug_assert_eq!(owner, pid);
            let Some(file) = self.weights.files.get(placement.file) else { continue };
            for range in file.bytes.overlapping(&placement.range) {
                let start = range.start.max(placement.range.start);
                let end = range.end.min(placement.range.end);
                let addr = placement.addr.saturating_add(start - placement.range.start);
                addresses.insert(addr..addr.saturating_add(end - start));
            }
        }
        addresses
    }
}
