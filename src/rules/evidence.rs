//! Everything known of one run, and what could not be seen.

use std::collections::BTreeMap;
use std::ops::Range;

use rangemap::RangeSet;

use super::fold::{self, Fold, Placement, Process, Way, common};
use super::tensors::{self, TensorBytes};
use super::weights::length;
use super::{Capabilities, Capability, Effective, EffectiveSource, Summary, Weights};
use crate::trace::{Call, ErrorKind, Observation, Op, ProcessId, Seen};

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// As a program does that did what it should.
    Completed,
    /// With an error; how, and the last thing it said.
    Failed(String),
    /// By a fault of its own.
    Crashed(String),
    /// It was ended when its time was up.
    TimeLimit(String),
    /// Somebody else ended it: the kernel for want of memory, or a process that is not of the command.
    Killed(String),
}

impl Ending {
    /// How it ended, in words; empty for a run that completed.
    #[must_use]
    pub fn message(&self) -> &str {
        match self {
            Self::Completed => "",
            Self::Failed(text) | Self::Crashed(text) | Self::TimeLimit(text) | Self::Killed(text) => text,
        }
    }
}

/// What was generated, as far as the subject lets it be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// The tokens themselves, with what is behind them.
    Logits {
        /// Token ids.
        tokens: Vec<u32>,
        /// blake3 over the logits of every step, as little-endian f32.
        logits: String,
    },
    /// The text that a command wrote; equal text proves less than equal logits.
    Text {
        /// Everything on standard output.
        bytes: Vec<u8>,
        /// Their blake3.
        hash: String,
    },
}

impl Output {
    /// The text of a command.
    #[must_use]
    pub fn text(bytes: Vec<u8>) -> Self {
        Self::Text { hash: blake3::hash(&bytes).to_hex().to_string(), bytes }
    }

    /// The hash of the logits, where they can be seen.
    #[must_use]
    pub fn logits_hash(&self) -> Option<&str> {
        match self {
            Self::Logits { logits, .. } => Some(logits),
            Self::Text { .. } => None,
        }
    }

    /// The hash of the text, where there is one.
    #[must_use]
    pub fn text_hash(&self) -> Option<&str> {
        match self {
            Self::Text { hash, .. } => Some(hash),
            Self::Logits { .. } => None,
        }
    }

    /// Whether it shows nothing: no token, no byte.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Logits { tokens, .. } => tokens.is_empty(),
            Self::Text { bytes, .. } => bytes.iter().all(u8::is_ascii_whitespace),
        }
    }

    /// What differs between two outputs, in a sentence; `by` is the spelling of the first.
    #[must_use]
    pub fn difference(&self, other: &Self, by: &str) -> Option<String> {
        match (self, other) {
            _ if self == other => None,
            (Self::Logits { tokens: a, .. }, Self::Logits { tokens: b, .. }) if a == b => {
                Some(format!("the tokens equal those of `{by}`, but the logits behind them differ"))
            }
            (Self::Logits { tokens: a, .. }, Self::Logits { tokens: b, .. }) => {
                let at = a.iter().zip(b).take_while(|(a, b)| a == b).count();
                Some(format!("the tokens differ from those of `{by}` from token {at} on"))
            }
            (Self::Text { bytes: a, .. }, Self::Text { bytes: b, .. }) => {
                let at = a.iter().zip(b).take_while(|(a, b)| a == b).count();
                let (a, b) = (a.len(), b.len());
                Some(format!(
                    "the text ({b} bytes) differs from that of `{by}` ({a} bytes) from byte {at} on"
                ))
            }
            _ => Some(format!("the output is of another kind than that of `{by}`")),
        }
    }
}

/// What the page table showed of mappings before they went, by file of the weights.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Bytes of the file whose mapping was looked at.
    looked: BTreeMap<usize, RangeSet<u64>>,
    /// Bytes of the file in pages that a process had touched.
    touched: BTreeMap<usize, RangeSet<u64>>,
}

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

/// Tensor bytes that stand whole in memory where no read left them.
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
}

impl TensorCopy {
    /// The memory that holds it.
    fn addresses(&self) -> Range<u64> {
        self.addr..self.addr.saturating_add(self.range.end.saturating_sub(self.range.start))
    }
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
    pub used_unlocked: Vec<(ProcessId, Range<u64>, u64)>,
    /// Tensors that stand where no read left them.
    pub copies: Vec<TensorCopy>,
    /// Which pages of mappings were touched, where that was looked at.
    pub touched: Option<Touched>,
    /// What moved bytes, descriptors or locks unseen, a sentence each.
    pub unseen: Vec<String>,
    /// What it wrote to standard error.
    pub stderr: Vec<u8>,
    /// How often each fault that was asked for met a call.
    pub fired: Vec<u64>,
}

/// Where it is not known what lies where, locks of a load are taken for locks of weights if they are at least
/// this part of them: a secret is smaller, and a loader that repacks locks a tenth.
const SOME: u64 = 16;

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
            copies: Vec::new(),
            touched: None,
            unseen: Vec::new(),
            stderr: Vec::new(),
            fired: Vec::new(),
        };
        if !evidence.weights.is_empty() {
            summary.effective = evidence.effective_mode();
            evidence.summary = summary;
        }
        evidence
    }

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
            if let Seen::UsedUnlocked { addr, len, used } = observation.seen {
                self.used_unlocked.push((observation.pid, addr..addr.saturating_add(len), used));
            }
            if let Seen::Copy { path, offset, len, addr, alone } = &observation.seen
                && let Some(file) = by_path.get(path.as_str())
            {
                let range = *offset..offset.saturating_add(*len);
                let (pid, file, addr, alone) = (observation.pid, *file, *addr, *alone);
                self.copies.push(TensorCopy { pid, file, range, addr, alone });
            }
            let Seen::Touched { path, offset, len, touched } = &observation.seen else { continue };
            let Some(file) = by_path.get(path.as_str()) else { continue };
            let all = self.touched.get_or_insert_default();
            let looked = *offset..offset.saturating_add(*len);
            let parts = touched.iter().filter(|range| !range.is_empty()).cloned();
            all.touched.entry(*file).or_default().extend(parts);
            all.looked.entry(*file).or_default().extend((!looked.is_empty()).then_some(looked));
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

    /// Tensor bytes of each file that stand in a copy alone whose memory was locked.
    pub(super) fn locked_copies(&self) -> BTreeMap<usize, RangeSet<u64>> {
        let mut held: BTreeMap<usize, RangeSet<u64>> = BTreeMap::new();
        for copy in self.copies.iter().filter(|copy| copy.alone && self.is_loader(copy.pid)) {
            let granted =
                self.fold.locks.iter().filter(|lock| lock.pid == copy.pid && lock.refused.is_none());
            let locked: RangeSet<u64> =
                granted.map(|lock| lock.pages.clone()).filter(|pages| !pages.is_empty()).collect();
            if !copy.range.is_empty() && locked.gaps(&copy.addresses()).next().is_none() {
                held.entry(copy.file).or_default().insert(copy.range.clone());
            }
        }
        held
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
        let most = |(pid, range, used): &&(ProcessId, Range<u64>, u64)| {
            self.is_loader(*pid)
                && *used > (range.end - range.start) / 4 * 3
                && is_copy(*pid, range) == in_copy
        };
        let used = self.used_unlocked.iter().filter(most).map(|(_, _, used)| *used).sum::<u64>();
        (used > least).then_some(used)
    }

    /// Bytes of a file whose mapping was looked at before it went.
    pub(super) fn looked_at(&self, file: usize) -> RangeSet<u64> {
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
            let nothing = |tensor: &&super::weights::Tensor| {
                let range = &tensor.range;
                looked.gaps(range).next().is_none() && !touched.overlaps(range) && !read.overlaps(range)
            };
            let bytes =
                file.tensors.iter().filter(nothing).map(|tensor| tensor.range.end - tensor.range.start);
            untouched = bytes.fold(untouched, u64::saturating_add);
        }
        untouched
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
    /// on: how they got there is not seen.
    #[must_use]
    pub fn handed_over(&self) -> Option<String> {
        let last = self.loaders().map(|(_, process)| process.last).max()?;
        let all_ended = self.loaders().all(|(_, process)| process.ended);
        let others = self
            .fold
            .processes
            .iter()
            .any(|(pid, process)| !self.is_loader(*pid) && process.opened && process.last > last);
        (all_ended && others).then(|| {
            "the weights were read by a process that ended before another one that had opened the model; \
             whether they reached that one is not seen"
                .to_owned()
        })
    }

    /// Whether a process with a copy of a loader's memory went on when the loaders had ended: no lock is
    /// inherited.
    #[must_use]
    pub fn goes_on_in_a_copy(&self) -> Option<String> {
        let end = self.loaders().map(|(_, process)| process.last).max()?;
        let all_ended = self.loaders().all(|(_, process)| process.ended);
        let goes_on = |(pid, process): (&ProcessId, &Process)| {
            let of_loader = process.copy_of.is_some_and(|from| self.is_loader(from));
            of_loader && !self.is_loader(*pid) && process.last > end
        };
        (all_ended && self.fold.processes.iter().any(goes_on)).then(|| {
            "the process that loaded ended before one that has a copy of its memory and none of its locks"
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

    /// Bytes that are locked in the loaders when the load is over, whatever they hold.
    #[must_use]
    pub fn locked_bytes(&self) -> u64 {
        self.loaders().map(|(_, process)| length(&process.locked)).sum()
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

    /// Tensor bytes whose memory is locked, of each file. Of a byte that lies in several places those count where
    /// it came by a mapping, or by reads, as `way` has it; the others only where there is none of these.
    /// Without a way all count.
    pub(super) fn locked_weights(&self, way: Option<Way>) -> BTreeMap<usize, RangeSet<u64>> {
        let Some(way) = way else { return self.locked_placements(|_| true) };
        let counts = |placement: &Placement| (placement.way == Way::Map) == (way == Way::Map);
        let mut held = self.locked_placements(counts);
        for (file, mut set) in self.locked_placements(|placement| !counts(placement)) {
            let first = self.placements().filter(|(_, p)| p.file == file && counts(p) && !p.range.is_empty());
            first.for_each(|(_, placement)| set.remove(placement.range.clone()));
            held.entry(file).or_default().extend(set.iter().cloned());
        }
        held
    }

    /// Tensor bytes of some placements whose memory is locked, of each file.
    fn locked_placements(&self, of: impl Fn(&Placement) -> bool) -> BTreeMap<usize, RangeSet<u64>> {
        let mut held: BTreeMap<usize, RangeSet<u64>> = BTreeMap::new();
        for (pid, placement) in self.placements().filter(|(_, placement)| of(placement)) {
            let Some(process) = self.fold.processes.get(&pid) else { continue };
            let len = placement.range.end - placement.range.start;
            let addresses = placement.addr..placement.addr.saturating_add(len);
            if addresses.is_empty() {
                continue;
            }
            for locked in process.locked.overlapping(&addresses) {
                let start = locked.start.max(addresses.start) - placement.addr;
                let end = locked.end.min(addresses.end) - placement.addr;
                let range = placement.range.start + start..placement.range.start + end;
                held.entry(placement.file).or_default().insert(range);
            }
        }
        for (file, set) in &mut held {
            *set = self.weights.files.get(*file).map_or_else(RangeSet::new, |f| common(set, &f.bytes));
        }
        held
    }

    /// A lock on memory that holds weights, or may: tried by a loader, refused, and not granted later.
    #[must_use]
    pub fn refused_lock(&self) -> Option<ErrorKind> {
        self.lock_attempts(SOME).filter(|lock| !self.locked_later(lock)).find_map(|lock| lock.refused)
    }

    fn locked_later(&self, lock: &super::fold::LockAttempt) -> bool {
        let locked = self.fold.processes.get(&lock.pid).map(|process| &process.locked);
        !lock.pages.is_empty() && locked.is_some_and(|set| set.gaps(&lock.pages).next().is_none())
    }

    /// The locks of loaders on memory that holds weights. Where it is not known what lies where, every lock of
    /// the load may be one, if all of them together are at least one `share`th as large as the weights.
    pub(super) fn lock_attempts(&self, share: u64) -> impl Iterator<Item = &super::fold::LockAttempt> {
        let known = self.knows_places();
        let holds: BTreeMap<ProcessId, RangeSet<u64>> =
            self.fold.loaders.iter().map(|pid| (*pid, self.weight_addresses(*pid))).collect();
        let page = self.page_size.max(1);
        let least = if known { 0 } else { self.weights.len() / share };
        self.fold.locks.iter().filter(move |lock| {
            let Some(addresses) = holds.get(&lock.pid) else { return false };
            let near = lock.pages.start.saturating_sub(page)..lock.pages.end.saturating_add(page);
            let touches = addresses.overlaps(&near);
            let len = lock.pages.end - lock.pages.start;
            touches || (!known && lock.load && self.lock_total(lock.pid).max(len) >= least)
        })
    }

    /// Bytes of all locks that a process tried in its load.
    fn lock_total(&self, pid: ProcessId) -> u64 {
        let tried = self.fold.locks.iter().filter(|lock| lock.pid == pid && lock.load);
        let all: RangeSet<u64> = tried.filter(|l| !l.pages.is_empty()).map(|l| l.pages.clone()).collect();
        length(&all)
    }

    /// Tensor bytes by the way they came in the load phase, of all loaders: mapped, buffered,
    /// direct. Where the load phase brought nothing, what came before counts.
    #[must_use]
    pub fn bytes_by_way(&self) -> [u64; 3] {
        let count = |pick: &dyn Fn(&Process, usize) -> RangeSet<u64>| {
            self.tensor_bytes(|file| self.union_of(|process| pick(process, file)))
        };
        let get =
            |map: &BTreeMap<usize, RangeSet<u64>>, file: usize| map.get(&file).cloned().unwrap_or_default();
        let mapped = count(&|process, file| get(&process.ever_mapped, file));
        let direct = count(&|process, file| get(&process.loaded[1], file));
        let read = count(&|process, file| {
            let both = [get(&process.loaded[0], file), get(&process.loaded[1], file)];
            both.iter().flat_map(|set| set.iter().cloned()).collect()
        });
        if mapped == 0 && read == 0 {
            let direct = count(&|process, file| get(&process.direct, file));
            let read = count(&|process, file| process.read(file));
            return [0, read - direct, direct];
        }
        [mapped, read - direct, direct]
    }

    /// Tensor bytes that are in memory past the page cache.
    #[must_use]
    pub fn held_direct_bytes(&self) -> u64 {
        self.tensor_bytes(|file| {
            self.union_of(|process| process.held_direct.get(&file).cloned().unwrap_or_default())
        })
    }

    /// Tensor bytes that are in memory through the page cache, the edges of blocks aside.
    pub(super) fn buffered_stretch(&self) -> Option<(String, Range<u64>)> {
        let direct = |file: usize| {
            self.union_of(|process| process.held_direct.get(&file).cloned().unwrap_or_default())
        };
        self.first_gap(direct, self.page_size.max(self.fold.alignment.1))
    }

    fn effective_mode(&self) -> Effective {
        let all = self.weights.len();
        let [mapped, buffered, direct] = self.bytes_by_way();
        let read = buffered + direct;
        let placed_by_reads = self.tensor_bytes(|file| {
            self.placements()
                .filter(|(_, p)| p.file == file && p.way != Way::Map)
                .map(|(_, p)| p.range.clone())
                .collect()
        });
        // What was read into memory that was used again is not where the weights are.
        let stays = if self.loaders().all(|(_, p)| p.destinations) { placed_by_reads } else { read };
        let live = self.tensor_bytes(|file| {
            self.union_of(|process| process.mapped.get(&file).cloned().unwrap_or_default())
        });
        let source = if mapped == 0 && read == 0 {
            None
        } else if read < mapped || (live == all && stays < all) {
            Some(EffectiveSource::Map)
        } else if direct > buffered {
            Some(EffectiveSource::Direct)
        } else {
            Some(EffectiveSource::Read)
        };
        let held: u64 = self.locked_weights(None).values().map(length).sum();
        let granted = self.lock_attempts(SOME).any(|lock| lock.refused.is_none());
        let enough = !self.knows_places() && granted && self.locked_bytes() > 0;
        let locked = (held > 0 || enough) && self.refused_lock().is_none();
        Effective { source, locked }
    }
}
