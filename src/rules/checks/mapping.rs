//! Rules on weights that are mapped, or must not be.

use std::collections::BTreeMap;

use rangemap::RangeSet;

use super::{Broken, Case, Checked, Holds, show};
use crate::rules::Way;
use crate::rules::fold::common;

impl Case<'_> {
    /// A foreign loader may copy what it mapped and release that part of the mapping, as repacking does.
    pub(super) fn tensors_mapped(&self) -> Checked {
        if self.way() != Some(Way::Map) {
            return Holds;
        }
        let evidence = self.evidence;
        let of = |sets: &BTreeMap<usize, RangeSet<u64>>, file| sets.get(&file).cloned().unwrap_or_default();
        let mapped = |file: usize| match self.profile.load_phase_only {
            true => evidence.union_of(|process| of(&process.mapped, file)),
            false => evidence.mapped_to_use(file),
        };
        let Some((name, gap)) = evidence.first_gap(mapped, evidence.weights.tolerance) else { return Holds };
        let ever = |file| evidence.union_of(|process| of(&process.ever_mapped, file));
        let at = show(&gap);
        self.absent(match evidence.first_gap(ever, evidence.weights.tolerance) {
            Some(_) => format!("{name}: {at} of the file are in no mapping"),
            None => {
                format!("{name}: the mapping of {at} of the file went before any page of them was touched")
            }
        })
    }

    pub(super) fn mapped_not_read(&self) -> Checked {
        if self.way() != Some(Way::Map) {
            return Holds;
        }
        let evidence = self.evidence;
        // Where others are read, blocks and pages of reads may begin or end in a tensor that is mapped.
        let edge = if self.beside_lazy { evidence.block() } else { 0 };
        if edge > 0 {
            let long = |file: usize| {
                let reads = common(&self.load_reads(file, 0, |_| true), &evidence.weights.files[file].bytes);
                reads.into_iter().filter(|read| read.end - read.start > edge).collect()
            };
            return match evidence.first_common(long) {
                Some((name, read)) => {
                    Broken(format!("{name}: {} were read although the plan is to map them", show(&read)))
                }
                None => Holds,
            };
        }
        let least = self.evidence.weights.tolerance;
        match self.evidence.first_common(|file| self.load_reads(file, least, |_| true)) {
            Some((name, read)) => {
                Broken(format!("{name}: {} were read although the plan is to map them", show(&read)))
            }
            None => Holds,
        }
    }

    pub(super) fn no_file_mapping(&self) -> Checked {
        if !matches!(self.way(), Some(Way::Read | Way::Direct)) {
            return Holds;
        }
        let evidence = self.evidence;
        let granted = evidence.fold.mappings.iter().any(|mapping| mapping.refused.is_none());
        if self.profile.load_phase_only && granted && !self.beside_lazy {
            return Broken("the file was mapped although the plan is to read it".to_owned());
        }
        // A mapping of the header may reach into the weights: what counts is what stays mapped, and what came
        // by no other way.
        let used = |file: usize| {
            evidence.union_of(|process| {
                let mut live = process.mapped.get(&file).cloned().unwrap_or_default();
                // Exceptions are mapped with what lies between them, or with the whole file.
                if self.beside_lazy {
                    process.read(file).iter().for_each(|read| live.remove(read.clone()));
                }
                let mut ever = process.ever_mapped.get(&file).cloned().unwrap_or_default();
                process.read(file).iter().for_each(|read| ever.remove(read.clone()));
                live.iter().cloned().chain(ever.iter().cloned()).collect()
            })
        };
        match evidence.first_common(used) {
            Some((name, part)) => {
                Broken(format!("{name}: {} were mapped although the plan is to read them", show(&part)))
            }
            None => Holds,
        }
    }
}
