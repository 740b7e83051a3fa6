//! Rules on weights that are mapped, or must not be.

use super::{Broken, Case, Checked, Holds, show};
use crate::rules::Way;

impl Case<'_> {
    /// A foreign loader may copy what it mapped and release that part of the mapping, as repacking does.
    pub(super) fn tensors_mapped(&self) -> Checked {
        if self.way() != Some(Way::Map) {
            return Holds;
        }
        let evidence = self.evidence;
        let live = self.profile.load_phase_only;
        let mapped = |file: usize| {
            evidence.union_of(|process| {
                let of = if live { &process.mapped } else { &process.ever_mapped };
                of.get(&file).cloned().unwrap_or_default()
            })
        };
        match evidence.first_gap(mapped, evidence.weights.tolerance) {
            Some((name, gap)) => self.absent(format!("{name}: {} of the file are in no mapping", show(&gap))),
            None => Holds,
        }
    }

    pub(super) fn mapped_not_read(&self) -> Checked {
        if self.way() != Some(Way::Map) {
            return Holds;
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
        if self.profile.load_phase_only && granted {
            return Broken("the file was mapped although the plan is to read it".to_owned());
        }
        // A mapping of the header may reach into the weights: what counts is what stays mapped, and what came
        // by no other way.
        let used = |file: usize| {
            evidence.union_of(|process| {
                let live = process.mapped.get(&file).cloned().unwrap_or_default();
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
