//! By which way the bytes of the weights came, and what that comes to.

use std::collections::BTreeMap;
use std::ops::Range;

use rangemap::RangeSet;

use super::locks::SOME;
use super::{EDGE, Evidence};
use crate::rules::fold::{Process, Request, Way, common};
use crate::rules::weights::length;
use crate::rules::{Effective, EffectiveSource};
use crate::trace::{Call, Outcome};

impl Evidence {
    /// Bytes of the weights that the kernel was asked to bring into the page cache ahead of their use.
    pub(in crate::rules) fn read_ahead(&self) -> u64 {
        self.tensor_bytes(|file| self.fold.prefetched.get(&file).cloned().unwrap_or_default())
    }

    /// The same, where they are more than the edges of blocks.
    #[must_use]
    pub fn read_far_ahead(&self) -> Option<u64> {
        Some(self.read_ahead()).filter(|bytes| *bytes > EDGE.max(self.weights.tolerance))
    }

    /// Bytes of the weights that loaders read through the page cache and directly. What a window on the header brings of
    /// them does not count: a buffer is filled in its own size, wherever the file ends.
    pub(in crate::rules) fn read_both_ways(&self) -> u64 {
        let of = |map: &BTreeMap<usize, RangeSet<u64>>, file| map.get(&file).cloned().unwrap_or_default();
        self.tensor_bytes(|file| {
            let Some(known) = self.weights.files.get(file) else { return RangeSet::new() };
            let reads =
                self.fold.requests.iter().filter(|r| r.file == file && !r.direct && self.is_loader(r.pid));
            let is_window = |r: &Request| r.asked.start < known.data_start && r.asked.end != known.size;
            let whole = reads.filter(|r| !is_window(r) && !r.arrived.is_empty());
            let buffered: RangeSet<u64> = whole.map(|r| r.arrived.clone()).collect();
            common(&buffered, &self.union_of(|process| of(&process.direct, file)))
        })
    }

    /// Bytes of the weights that were brought into memory before anybody used them, by advice or with their mapping,
    /// where they are more than the edges of blocks.
    pub(in crate::rules) fn brought_ahead(&self) -> Option<u64> {
        let files = self.weights.files_of(&self.ops);
        let mut ahead = self.fold.prefetched.clone();
        for op in &self.ops {
            let Call::Map { file, offset, len, populate, flags, .. } = &op.call else { continue };
            let populates = *populate || flags.has("MAP_POPULATE");
            let range = *offset..offset.saturating_add(*len);
            if let (true, Outcome::Ok(_), Some(file)) =
                (populates && !range.is_empty(), &op.outcome, files.get(file))
            {
                ahead.entry(*file).or_default().insert(range);
            }
        }
        let bytes = self.tensor_bytes(|file| ahead.get(&file).cloned().unwrap_or_default());
        Some(bytes).filter(|bytes| *bytes > EDGE.max(self.weights.tolerance))
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
        // A mapping of which only the header was seen to be used may have been taken for the load.
        let used = self.tensor_bytes(|file| self.mapped_to_use(file)).min(mapped);
        let for_header = read == 0 && used < mapped && used < self.weights.len() / 2;
        if for_header || mapped == 0 && read == 0 {
            let direct = count(&|process, file| get(&process.direct, file));
            let read = count(&|process, file| process.read(file));
            return if read > used { [used, read - direct, direct] } else { [mapped, 0, 0] };
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
    pub(in crate::rules) fn buffered_stretch(&self) -> Option<(String, Range<u64>)> {
        let direct = |file: usize| {
            self.union_of(|process| process.held_direct.get(&file).cloned().unwrap_or_default())
        };
        self.first_gap(direct, self.page_size.max(self.fold.alignment.1))
    }

    pub(in crate::rules) fn effective_mode(&self) -> Effective {
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
