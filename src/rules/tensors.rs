//! What was seen of the tensors' bytes in memory.
//!
//! Data enters as the comparisons of a trace ([`Seen::Content`]) and leaves as [`TensorBytes`]. A byte is
//!
//! - *verified* where memory was compared with the file at any time of a loader and held it, there or in a copy
//!   that a search found;
//! - *mapped* where a mapping of the file brought it: the kernel is trusted, copies of pages were compared;
//! - *gone* where it was verified and at the last look was not there any more, nor in a copy: what was used instead
//!   was not seen;
//! - *not compared* else, and where it was seen in a process that ended before the one that goes on, or in a
//!   mapping that nobody touched.
//!
//! A loader may transform what it reads in place: repack, dequantise, swap bytes. So memory that differs is
//! *wrong* only beside memory that does not:
//!
//! - at the first comparison, where at least half of the tensor is right and some of it differs; a tensor that
//!   differs in most was transformed, which is *not compared*;
//! - where it was right before, if at least half of all weights were found right again: then that memory is where
//!   weights stay, and not a buffer on their way;
//! - in a copy of which at least half is right, where the tensor is gone from where it was right. Where it is not
//!   gone, nobody knows which one is used: that is a *doubt*.

use std::collections::BTreeMap;
use std::ops::Range;

use rangemap::RangeSet;

use super::Evidence;
use super::fold::common;
use super::judge::untouched;
use super::weights::length;
use crate::trace::{Difference, MapWritable, Observation, ProcessId, Seen};

/// What was seen of the tensors' bytes in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorBytes {
    /// One hash over all of them, where all were compared.
    pub combined: Option<String>,
    /// The first tensor whose bytes are not those of the file.
    pub wrong: Option<WrongTensor>,
    /// A copy of a tensor whose bytes are not those of the file, beside one that has them.
    pub doubt: Option<WrongTensor>,
    /// How many bytes were compared and are those of the file.
    pub verified: u64,
    /// How many were those of the file and at the end were not found any more.
    pub gone: u64,
    /// How many other bytes a mapping of the file brought.
    pub mapped: u64,
    /// How many there are.
    pub all: u64,
    /// Tensors of which some bytes were never verified and not mapped, where that could be seen.
    pub unseen: Vec<String>,
}

/// A tensor whose bytes are not those of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongTensor {
    /// Its name, with its file where there are several.
    pub tensor: String,
    /// The first byte that differs, where that is known.
    pub difference: Option<Difference>,
    /// Whether it was right before.
    pub later: bool,
}

impl TensorBytes {
    /// All of so many bytes, compared with those of the file by this hash.
    #[must_use]
    pub fn compared(combined: String, wrong: Option<WrongTensor>, all: u64) -> Self {
        Self {
            combined: Some(combined),
            wrong,
            doubt: None,
            verified: all,
            gone: 0,
            mapped: 0,
            all,
            unseen: Vec::new(),
        }
    }

    /// Whether it is known of all bytes what they are.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.verified + self.mapped >= self.all
    }

    /// Whether all bytes were compared: of those that were mapped it is not seen that anybody used them.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        self.verified >= self.all
    }

    /// The tensors whose bytes a clean run of the same case showed and this one does not.
    pub fn lost_since(&self, clean: &Self) -> impl Iterator<Item = &str> {
        self.unseen.iter().filter(|tensor| !clean.unseen.contains(tensor)).map(String::as_str)
    }

    /// How many bytes were seen, in words.
    #[must_use]
    pub fn count(&self) -> String {
        let (seen, all) = (grouped(self.verified + self.mapped), grouped(self.all));
        let mut text = match (self.verified, self.mapped) {
            (_, 0) => format!("{seen} of {all} bytes verified"),
            (0, _) => format!("{seen} of {all} bytes mapped"),
            (verified, _) => {
                format!("{seen} of {all} bytes verified or mapped ({} verified)", grouped(verified))
            }
        };
        if self.gone > 0 {
            text +=
                &format!("; {} were right when they came and were not found at the end", grouped(self.gone));
        }
        text
    }
}

impl std::fmt::Display for WrongTensor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tensor = &self.tensor;
        let Some(Difference { offset, file, memory }) = self.difference else {
            return write!(f, "{tensor}: the loaded bytes are not the bytes of the file");
        };
        write!(f, "{tensor}: byte {offset} of the file is {file:#04x}, memory holds {memory:#04x}")?;
        if self.later { f.write_str("; it was right when it was loaded") } else { Ok(()) }
    }
}

/// A number with its thousands apart.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// What the comparisons of one file come to.
#[derive(Default)]
struct Comparisons {
    verified: RangeSet<u64>,
    /// Found right a second time.
    again: RangeSet<u64>,
    /// Not right when it was first looked at.
    differs: RangeSet<u64>,
    /// Not right although it was before.
    changed: RangeSet<u64>,
    differences: Vec<Difference>,
}

impl Comparisons {
    fn add(&mut self, range: Range<u64>, difference: Option<Difference>) {
        let set: RangeSet<u64> = [range.clone()].into_iter().collect();
        let known = common(&set, &self.verified);
        let Some(difference) = difference else {
            self.again.extend(known.iter().cloned());
            self.verified.insert(range);
            return;
        };
        self.differences.push(difference);
        if known.is_empty() {
            self.differs.insert(range);
        } else {
            self.changed.insert(range);
        }
    }

    /// The first difference in a set.
    fn first(&self, of: &RangeSet<u64>) -> Option<Difference> {
        let within = self.differences.iter().filter(|difference| of.contains(&difference.offset));
        within.min_by_key(|difference| difference.offset).copied()
    }
}

/// What the memory of the loaders showed.
pub(super) fn seen(
    evidence: &Evidence,
    files: &BTreeMap<&str, usize>,
    observations: &[Observation],
) -> TensorBytes {
    let mut comparisons: BTreeMap<usize, Comparisons> = BTreeMap::new();
    for Observation { pid, seen, .. } in observations {
        let Seen::Content { path, offset, len, first_difference, .. } = seen else { continue };
        let (Some(file), true) = (files.get(path.as_str()), evidence.is_loader(*pid)) else { continue };
        let range = *offset..offset.saturating_add(*len);
        if !range.is_empty() {
            comparisons.entry(*file).or_default().add(range, *first_difference);
        }
    }
    let inherited = |pid: ProcessId| {
        let from = evidence.fold.processes.get(&pid).and_then(|process| process.copy_of);
        !evidence.is_loader(pid) && from.is_some_and(|from| evidence.is_loader(from))
    };
    let in_a_child = observations.iter().find_map(|Observation { pid, seen, .. }| {
        let Seen::Content { path, first_difference: Some(difference), .. } = seen else { return None };
        let file = *files.get(path.as_str()).filter(|_| inherited(*pid))?;
        let of = &evidence.weights.files[file];
        let tensor = of.tensors.iter().find(|tensor| tensor.range.contains(&difference.offset))?;
        let tensor = evidence.name(file, &tensor.name);
        Some(WrongTensor { tensor, difference: Some(*difference), later: true })
    });
    // A copy says nothing of the place that reads left bytes in.
    let copied = |file: usize| {
        let own =
            evidence.copies.iter().filter(move |copy| copy.file == file && evidence.is_loader(copy.pid));
        let whole = own.filter(|copy| copy.difference.is_none());
        whole.map(|copy| copy.range.clone()).filter(|range| !range.is_empty())
    };
    let all = evidence.weights.len();
    let stayed: u64 = comparisons
        .values()
        .map(|of| {
            let mut stayed = of.again.clone();
            of.changed.iter().for_each(|range| stayed.remove(range.clone()));
            length(&stayed)
        })
        .sum();
    let gone = gone(evidence, files, observations);
    let mut seen =
        TensorBytes { combined: None, verified: 0, ..TensorBytes::compared(String::new(), None, all) };
    // Which process uses its own is not seen.
    seen.doubt = in_a_child;
    for (index, file) in evidence.weights.files.iter().enumerate() {
        let mut of = comparisons.remove(&index).unwrap_or_default();
        of.verified.extend(copied(index));
        let mapped = mapped(evidence, index, &of);
        let right: RangeSet<u64> = of.verified.iter().chain(mapped.iter()).cloned().collect();
        let mut stays = common(&of.verified, &file.bytes);
        let verified = length(&stays);
        seen.mapped += length(&common(&right, &file.bytes)) - verified;
        let gone = gone.get(&index).cloned().unwrap_or_default();
        gone.iter().filter(|_| verified > 0).for_each(|range| stays.remove(range.clone()));
        // What was read before a mapping brought it, to be checked, is there still.
        let lost: RangeSet<u64> =
            common(&of.verified, &file.bytes).iter().flat_map(|range| stays.gaps(range)).collect();
        let there = length(&common(&lost, &mapped));
        seen.verified += length(&stays);
        seen.mapped += there;
        seen.gone += verified - length(&stays) - there;
        for copy in evidence.copies.iter().filter(|copy| copy.file == index && evidence.is_loader(copy.pid)) {
            let Some(difference) = copy.difference else { continue };
            let tensor = file.tensors.iter().find(|tensor| tensor.range == copy.range);
            let tensor = tensor.map_or("the weights", |tensor| tensor.name.as_str());
            let tensor = evidence.name(index, tensor);
            let lost = !copy.range.is_empty() && (gone.overlaps(&copy.range) || !right.overlaps(&copy.range));
            let wrong = WrongTensor { tensor, difference: Some(difference), later: lost };
            if lost {
                seen.wrong.get_or_insert(wrong)
            } else {
                seen.doubt.get_or_insert(wrong)
            };
        }
        let mut differs = of.differs.clone();
        of.verified.iter().for_each(|range| differs.remove(range.clone()));
        for tensor in &file.tensors {
            let bytes: RangeSet<u64> = [tensor.range.clone()].into_iter().collect();
            let half = 2 * length(&common(&right, &bytes)) >= length(&bytes);
            let (first, then) = (common(&differs, &bytes), common(&of.changed, &bytes));
            let later = first.is_empty() || !half;
            let counts = if later { !then.is_empty() && 2 * stayed >= all } else { true };
            if right.gaps(&tensor.range).next().is_some() {
                seen.unseen.push(evidence.name(index, &tensor.name));
            }
            if seen.wrong.is_none() && counts {
                let difference = of.first(if later { &then } else { &first });
                let tensor = evidence.name(index, &tensor.name);
                seen.wrong = Some(WrongTensor { tensor, difference, later });
            }
        }
    }
    if evidence.handed_over().is_some() {
        seen.verified = 0;
    }
    if evidence.handed_over().is_some() || untouched(evidence).is_some() {
        seen.mapped = 0;
        seen.unseen.clear();
    }
    seen
}

/// The bytes of each file that were right in a loader's memory and were not found at the end.
fn gone(
    evidence: &Evidence,
    files: &BTreeMap<&str, usize>,
    observations: &[Observation],
) -> BTreeMap<usize, RangeSet<u64>> {
    let mut gone: BTreeMap<usize, RangeSet<u64>> = BTreeMap::new();
    for Observation { pid, seen, .. } in observations {
        let Seen::Gone { path, offset, len } = seen else { continue };
        let (Some(file), true) = (files.get(path.as_str()), evidence.is_loader(*pid)) else { continue };
        if *len > 0 {
            gone.entry(*file).or_default().insert(*offset..offset.saturating_add(*len));
        }
    }
    gone
}

/// The first tensor that a clean run had in memory and a run under a fault has not, since its bytes never came: the
/// run completed, and nothing moved bytes unseen.
///
/// What did come and is not found may have been put elsewhere in another shape: of llama.cpp, that a first pass
/// failed decides how buffers are laid out. That is no wrong byte, and nothing is said of it.
#[must_use]
pub fn lost_tensor<'r>(clean: &Evidence, run: &'r Evidence) -> Option<&'r str> {
    if !run.completed() || !run.unseen.is_empty() {
        return None;
    }
    let never_came = |name: &&str| {
        run.weights.files.iter().enumerate().any(|(index, file)| {
            let brought = run.union_of(|process| process.brought(index));
            let missing = |range: &Range<u64>| brought.gaps(range).next().is_some();
            file.tensors.iter().any(|t| run.name(index, &t.name) == **name && missing(&t.range))
        })
    };
    run.tensors.as_ref()?.lost_since(clean.tensors.as_ref()?).find(never_came)
}

/// What mappings of a file brought to use. Of one that may be written privately, what was not looked at before it went
/// is not known.
fn mapped(evidence: &Evidence, file: usize, of: &Comparisons) -> RangeSet<u64> {
    let mut mapped = evidence.mapped_to_use(file);
    let looked = evidence.looked_at(file);
    let private = evidence.fold.mappings.iter().filter(|mapping| {
        mapping.file == file && mapping.refused.is_none() && mapping.writable == Some(MapWritable::Private)
    });
    for mapping in private.filter(|mapping| !mapping.range.is_empty()) {
        for gap in looked.gaps(&mapping.range).collect::<Vec<_>>() {
            mapped.remove(gap);
        }
    }
    of.differs.iter().chain(of.changed.iter()).for_each(|range| mapped.remove(range.clone()));
    mapped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tensor_that_is_transformed_in_both_runs_is_not_lost() {
        let with = |unseen: &[&str]| TensorBytes {
            unseen: unseen.iter().map(|name| (*name).to_owned()).collect(),
            ..TensorBytes::compared(String::new(), None, 9)
        };
        assert_eq!(with(&["a"]).lost_since(&with(&["a", "b"])).next(), None);
        assert_eq!(with(&["a", "b"]).lost_since(&with(&["a"])).next(), Some("b"));
        assert_eq!(with(&[]).lost_since(&with(&["a"])).next(), None);
    }
}
