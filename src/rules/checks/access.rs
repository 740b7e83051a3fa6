//! Rules on what is done to the files and what is left behind.

use std::ops::Range;

use super::{Broken, Case, Checked, Holds, Note, show};
use crate::trace::MapWritable;

impl Case<'_> {
    pub(super) fn opened_read_only(&self) -> Checked {
        match self.evidence.fold.opens.iter().find(|open| open.writes) {
            Some(_) => Broken("the model was opened for writing too, although a load only reads".to_owned()),
            None => Holds,
        }
    }

    pub(super) fn never_written(&self) -> Checked {
        match self.evidence.fold.writes.first() {
            Some((_, what)) => Broken(format!("the model: {what}")),
            None => Holds,
        }
    }

    pub(super) fn mapped_read_only(&self) -> Checked {
        let granted = || self.evidence.fold.mappings.iter().filter(|mapping| mapping.refused.is_none());
        let weighs = |file: usize, range: &Range<u64>| {
            self.evidence
                .weights
                .files
                .get(file)
                .is_some_and(|f| !range.is_empty() && f.bytes.overlaps(range))
        };
        let writable = granted().filter(|m| weighs(m.file, &m.range)).find_map(|m| m.writable);
        match writable {
            Some(MapWritable::Shared) => Broken(
                "the model was mapped shared and writable: what is written there reaches the file".into(),
            ),
            Some(MapWritable::Private) if self.profile.shared_mappings => {
                Broken("the model was mapped private and writable instead of shared and read-only".to_owned())
            }
            Some(MapWritable::Private) => Note("the model is mapped private and writable".to_owned()),
            None => Holds,
        }
    }

    pub(super) fn reads_inside_file(&self) -> Checked {
        let evidence = self.evidence;
        let grain = evidence.fold.alignment.1.max(1);
        let strict = self.profile.load_phase_only;
        let outside = evidence.fold.requests.iter().find(|request| {
            let size = evidence.weights.files.get(request.file).map_or(u64::MAX, |file| file.size);
            if !strict {
                // A read at the very end that brings nothing is how a loop learns that it is done.
                return request.arrived.is_empty() && request.refused.is_none() && request.asked.start > size;
            }
            // A direct request is a whole number of blocks; whole pages as blocks are right too.
            let block = if request.direct { grain.max(evidence.page_size) } else { 1 };
            request.asked.start >= size || request.asked.end > size.next_multiple_of(block.max(1))
        });
        let Some(request) = outside else { return Holds };
        let size = evidence.weights.files.get(request.file).map_or(0, |file| file.size);
        Broken(format!(
            "operation {}: a read asked for {} of a file of {size} bytes",
            request.seq,
            show(&request.asked)
        ))
    }

    pub(super) fn resources_released(&self) -> Checked {
        match &self.evidence.fold.left_over[..] {
            [] => Holds,
            left => Broken(format!("never released: {}", left.join(", "))),
        }
    }
}
