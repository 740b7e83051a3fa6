//! Which tensors of a run lie under the plan and which under its exceptions: the one place where that is asked.
//!
//! A rule looks at one run and speaks of weights. So a plan with exceptions is judged as several runs of the same
//! operations: one whose weights are the tensors under the plan, one whose weights are those that come on demand.
//! A rule that holds of the weights it is shown holds per tensor, and knows of no exception.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use rangemap::RangeSet;

use super::weights::length;
use super::{Decided, EffectiveSource, Evidence, Placement, Process, Tensor, Way};
use crate::plan::{Exception, Exceptions, LoadPlan, Treatment};

/// What is asked of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duty {
    /// What the plan says.
    Plan,
    /// It is mapped and comes on demand: not read, not locked.
    Lazy,
    /// It comes as the plan says, and nothing has to keep or lock it.
    Staged,
}

/// The exceptions of a plan that a run took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    asked: Exceptions,
    /// Exceptions that the loader left out, as it may, or could not keep.
    left_out: Vec<&'static Exception>,
}

impl Taken {
    /// All of them.
    #[must_use]
    pub fn all(asked: Exceptions) -> Self {
        Self { asked, left_out: Vec::new() }
    }

    /// What is asked of a tensor.
    #[must_use]
    pub fn duty(&self, tensor: &Tensor) -> Duty {
        let bytes = tensor.range.end.saturating_sub(tensor.range.start);
        let taken = |exception: &&'static Exception| !self.left_out.contains(exception);
        match self.asked.find(&tensor.name, bytes).filter(taken).map(|exception| exception.treatment) {
            None => Duty::Plan,
            Some(Treatment::Lazy) => Duty::Lazy,
            Some(Treatment::Staged) => Duty::Staged,
        }
    }

    /// Those that were taken.
    #[must_use]
    pub fn list(&self) -> Exceptions {
        let kept = self.asked.list().iter().filter(|exception| !self.left_out.contains(exception));
        Exceptions::of(kept.copied().collect())
    }
}

/// One run, by what is asked of its tensors.
pub(super) struct Shares<'e> {
    /// Which exceptions were taken.
    pub(super) taken: Taken,
    /// The tensors that come as the plan says.
    pub(super) rest: Cow<'e, Evidence>,
    /// Of these the ones that memory has to keep, where they are others.
    pub(super) kept: Option<Evidence>,
    /// The tensors that come on demand, where there are any.
    pub(super) lazy: Option<Evidence>,
    /// Mappings that exceptions need were refused: what became of that.
    pub(super) refused: Option<Decided>,
}

impl<'e> Shares<'e> {
    /// The shares of a run of `asked`.
    pub(super) fn of(asked: LoadPlan, evidence: &'e Evidence) -> Self {
        let whole = |taken, refused| {
            let (rest, kept, lazy) = (Cow::Borrowed(evidence), None, None);
            Self { taken, rest, kept, lazy, refused }
        };
        let about = asked.exceptions.about(tensors(evidence));
        if about.is_empty() {
            return whole(Taken::default(), None);
        }
        let mut taken = Taken::all(about);
        for exception in about.list().iter().filter(|exception| exception.optional) {
            let own = evidence.share(|tensor| Taken::all(about).exception(tensor) == Some(exception));
            if was_left_out(asked, &own) {
                taken.left_out.push(exception);
            }
        }
        let mut refused = None;
        let mut lazy = evidence.lazy_share(&taken);
        if let Some(decided) = lazy.as_ref().map(|lazy| Decided::of_all(LoadPlan::map(false), lazy))
            && decided.way_was_refused()
        {
            // What cannot be mapped is loaded as the others.
            let lazies = about.list().iter().filter(|exception| exception.treatment == Treatment::Lazy);
            taken.left_out.extend(lazies);
            (refused, lazy) = (Some(decided), None);
        }
        let staged = evidence.any(|tensor| taken.duty(tensor) == Duty::Staged);
        if lazy.is_none() && !staged {
            return whole(taken, refused);
        }
        let rest = Cow::Owned(evidence.only(|tensor| taken.duty(tensor) != Duty::Lazy));
        let kept = staged.then(|| evidence.only(|tensor| taken.duty(tensor) == Duty::Plan));
        Self { taken, rest, kept, lazy, refused }
    }
}

impl Taken {
    /// The exception that a tensor would lie under.
    fn exception(&self, tensor: &Tensor) -> Option<&'static Exception> {
        self.asked.find(&tensor.name, tensor.range.end.saturating_sub(tensor.range.start))
    }
}

/// Whether the tensors of an exception came as the others do: by reads, or locked as the plan has it.
fn was_left_out(asked: LoadPlan, own: &Evidence) -> bool {
    match own.effective().source {
        Some(EffectiveSource::Read | EffectiveSource::Direct) => true,
        Some(EffectiveSource::Map) => {
            let held: u64 = own.locked_weights(None).values().map(length).sum();
            asked.lock && held >= own.weights.len()
        }
        // Not mapped: whether it was read is a rule of the plan.
        None => true,
    }
}

/// The names and sizes of all tensors.
fn tensors(evidence: &Evidence) -> impl Iterator<Item = (&str, u64)> {
    let all = evidence.weights.files.iter().flat_map(|file| &file.tensors);
    all.map(|tensor| (tensor.name.as_str(), tensor.range.end.saturating_sub(tensor.range.start)))
}

impl Evidence {
    /// The least that reads are made of: a page, or what direct reads are aligned to.
    pub(super) fn block(&self) -> u64 {
        let (memory, offset) = self.fold.alignment;
        memory.max(offset).max(self.page_size).next_power_of_two()
    }

    fn any(&self, of: impl Fn(&Tensor) -> bool) -> bool {
        self.weights.files.iter().flat_map(|file| &file.tensors).any(of)
    }

    /// The same run, as if only these tensors were weights.
    fn only(&self, keep: impl Fn(&Tensor) -> bool) -> Self {
        let mut share = self.clone();
        for file in &mut share.weights.files {
            file.tensors.retain(&keep);
            file.bytes = file.tensors.iter().map(|tensor| tensor.range.clone()).collect();
        }
        share.summary.effective = share.effective_mode();
        share
    }

    /// The share that comes on demand. Mappings have addresses whatever is known of the destinations of reads.
    fn lazy_share(&self, taken: &Taken) -> Option<Self> {
        if !self.any(|tensor| taken.duty(tensor) == Duty::Lazy) {
            return None;
        }
        Some(self.share(|tensor| taken.duty(tensor) == Duty::Lazy))
    }

    /// The same run, as if these tensors were the weights and came on demand.
    fn share(&self, keep: impl Fn(&Tensor) -> bool) -> Self {
        let mut share = self.only(keep);
        // A tensor that a block holds may come with its neighbours' reads, and is none the less on demand.
        let mut small: BTreeMap<usize, RangeSet<u64>> = BTreeMap::new();
        let block = self.block();
        for (index, file) in share.weights.files.iter().enumerate() {
            let ranges = file.tensors.iter().map(|tensor| tensor.range.clone());
            small.insert(index, ranges.filter(|range| range.end - range.start <= block).collect());
        }
        for process in share.fold.processes.values_mut() {
            process.destinations = true;
            without_reads(process, &small);
        }
        share.summary.effective = share.effective_mode();
        share
    }
}

/// Forgets the reads of these bytes of each file.
fn without_reads(process: &mut Process, of: &BTreeMap<usize, RangeSet<u64>>) {
    let [buffered, direct] = &mut process.loaded;
    for sets in [&mut process.buffered, &mut process.direct, &mut process.held_direct, buffered, direct] {
        for (file, set) in sets.iter_mut() {
            of.get(file)
                .into_iter()
                .flat_map(|small| small.iter())
                .for_each(|range| set.remove(range.clone()));
        }
    }
    let all = std::mem::take(&mut process.placements).into_iter();
    let placements = all.filter(|placement| !placement.range.is_empty()).flat_map(|placement| {
        let mut kept: RangeSet<u64> = [placement.range.clone()].into_iter().collect();
        let small = of.get(&placement.file).filter(|_| placement.way != Way::Map);
        small.into_iter().flat_map(|small| small.iter()).for_each(|range| kept.remove(range.clone()));
        let piece = move |range: Range<u64>| {
            let addr = placement.addr + (range.start - placement.range.start);
            Placement { range, addr, ..placement.clone() }
        };
        kept.into_iter().map(piece)
    });
    process.placements = placements.collect();
}
