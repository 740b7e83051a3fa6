//! The weights in memory, and how they are given back.

use std::ops::Range;
use std::sync::Arc;

use super::Job;
use super::spans::places;
use crate::engine::TensorBytes;
use crate::platform::{Buffer, Mapping, Phase, Platform, Residency};

/// A buffer and whether it is locked.
pub(super) type MaybeLocked = (Box<dyn Buffer>, bool);

/// The memory behind the tensors.
pub(super) enum Storage {
    /// The whole file, mapped.
    Mapping {
        /// The mapping; its first byte is the file's.
        mapping: Box<dyn Mapping>,
        /// The ranges of it that are locked.
        locked: Vec<Range<usize>>,
    },
    /// One buffer for each span of the file.
    Buffers {
        /// The buffers, in span order, each with whether it is locked.
        buffers: Vec<MaybeLocked>,
    },
}

/// The tensors of one file.
pub(super) struct Part {
    storages: Vec<Storage>,
    /// For each tensor: which storage, which buffer of it (0 for a mapping), and which bytes of that; nothing for one
    /// without bytes.
    places: Vec<Option<(usize, usize, Range<usize>)>>,
}

impl Part {
    /// Tensors in one mapping of the whole file.
    pub(super) fn mapped(job: &Job<'_>, mapping: Box<dyn Mapping>, locked: Vec<Range<usize>>) -> Self {
        let whole = std::iter::once(0..job.gguf.file_size).collect::<Vec<_>>();
        Self::new(job, Storage::Mapping { mapping, locked }, &whole, &[0])
    }

    /// Tensors in buffers, one for each of `spans`; span `i` starts `starts[i]` bytes into buffer `i`.
    pub(super) fn buffered(
        job: &Job<'_>,
        buffers: Vec<MaybeLocked>,
        spans: &[Range<u64>],
        starts: &[usize],
    ) -> Self {
        Self::new(job, Storage::Buffers { buffers }, spans, starts)
    }

    /// With the tensors that come on demand in a mapping of the whole file.
    pub(super) fn on_demand(mut self, job: &Job<'_>, mapping: Box<dyn Mapping>) -> Self {
        let Part { mut storages, places } = Self::mapped(job, mapping, Vec::new());
        let storage = self.storages.len();
        self.storages.append(&mut storages);
        for (index, place) in places.into_iter().enumerate().filter(|(index, _)| job.is_lazy(*index)) {
            self.places[index] = place.map(|(_, buffer, range)| (storage, buffer, range));
        }
        self
    }

    fn new(job: &Job<'_>, storage: Storage, spans: &[Range<u64>], starts: &[usize]) -> Self {
        let at = |(place, size): (Option<(usize, u64)>, u64)| {
            let (span, offset) = place?;
            // Both fit: the span they lie in was allocated or mapped.
            let start = starts[span] + offset as usize;
            Some((0, span, start..start + size as usize))
        };
        let sizes = job.gguf.tensors.iter().map(|t| t.size);
        let places = places(&job.gguf, spans).into_iter().zip(sizes).map(at).collect();
        Self { storages: vec![storage], places }
    }
}

/// A loaded model's tensors. Dropping it unlocks and unmaps them.
pub struct Weights {
    platform: Arc<dyn Platform>,
    /// One or two for each file.
    storages: Vec<Storage>,
    /// For each tensor: which storage, which buffer of it, and which bytes; nothing for one without bytes.
    places: Vec<Option<(usize, usize, Range<usize>)>>,
}

impl Weights {
    /// The tensors of all files, in order.
    pub(super) fn new(platform: Arc<dyn Platform>, parts: Vec<Part>) -> Self {
        let (mut storages, mut all) = (Vec::new(), Vec::new());
        for Part { storages: mut own, places } in parts {
            let before = storages.len();
            storages.append(&mut own);
            let place = |(storage, buffer, range)| (before + storage, buffer, range);
            all.extend(places.into_iter().map(|within| within.map(place)));
        }
        Self { platform, storages, places: all }
    }

    /// What the kernel says about the pages that were locked: evidence beside the trace.
    ///
    /// # Errors
    /// Where this system tells nothing about pages.
    pub fn locked_residency(&self) -> crate::platform::Result<Residency> {
        let mut sum = Residency::default();
        for storage in &self.storages {
            match storage {
                Storage::Mapping { mapping, locked } => {
                    for range in locked {
                        sum += mapping.residency(range.clone())?;
                    }
                }
                Storage::Buffers { buffers } => {
                    for (buffer, _) in buffers.iter().filter(|(_, locked)| *locked) {
                        sum += buffer.residency()?;
                    }
                }
            }
        }
        Ok(sum)
    }
}

impl TensorBytes for Weights {
    fn tensor_bytes(&self, index: usize) -> &[u8] {
        let Some((storage, buffer, range)) = &self.places[index] else { return &[] };
        match &self.storages[*storage] {
            Storage::Mapping { mapping, .. } => mapping.bytes(range.clone()),
            Storage::Buffers { buffers } => &buffers[*buffer].0.bytes()[range.clone()],
        }
    }
}

impl Drop for Weights {
    fn drop(&mut self) {
        self.platform.enter_phase(Phase::Teardown);
        // A refused unlock is of no consequence: the lock ends with its region in a moment.
        for storage in &self.storages {
            match storage {
                Storage::Mapping { mapping, locked } => {
                    for range in locked {
                        let _ = mapping.unlock(range.clone());
                    }
                }
                Storage::Buffers { buffers } => {
                    for (buffer, _) in buffers.iter().filter(|(_, locked)| *locked) {
                        let _ = buffer.unlock();
                    }
                }
            }
        }
    }
}
