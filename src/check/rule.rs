//! The rules that a case can break.

use serde::Serialize;

/// Declares the rules once: variant, id, explanation.
macro_rules! rules {
    ($($variant:ident, $id:literal, $text:literal;)*) => {
        /// One thing that must hold. The ids are part of the public output.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Rule { $(#[doc = $text] $variant,)* }

        impl Rule {
            /// Every rule, in the order in which reports list them.
            pub const ALL: &[Rule] = &[$(Rule::$variant,)*];

            /// The id used in output.
            pub fn id(self) -> &'static str {
                match self { $(Rule::$variant => $id,)* }
            }

            /// What must hold, in one sentence.
            pub fn explanation(self) -> &'static str {
                match self { $(Rule::$variant => $text,)* }
            }
        }
    };
}

rules! {
    Completes, "completes", "The load and the generation end without an error.";
    PlanEquivalent, "plan-equivalent", "The `--load-mode` that is named as the equivalent of a spelling resolves to the same plan.";
    PlanAlias, "plan-alias", "Every alias, `=` form, underscore form and equivalent environment form of a flag means what the flag means.";
    PlanOrder, "plan-order", "The order between different switches does not matter, and --load-mode decides wherever it stands.";
    TensorsMapped, "tensors-mapped", "Under a mapping plan every tensor byte lies in a live shared read-only mapping of the file.";
    MappedNotRead, "mapped-not-read", "Under a mapping plan no tensor byte is read during the load phase.";
    NoFileMapping, "no-file-mapping", "Under a reading plan no part of the file is mapped.";
    TensorsRead, "tensors-read", "Under a reading plan every tensor byte arrives by a read.";
    ReadOnce, "read-once", "Under a reading plan no tensor byte arrives twice.";
    ReadsBuffered, "reads-buffered", "Without a direct plan no file is opened for direct I/O.";
    DirectAttempted, "direct-attempted", "Under a direct plan the file is opened for direct I/O, or that is tried.";
    DirectAligned, "direct-aligned", "Address, offset and length of every direct read keep the alignment the file asks for.";
    FallbackTold, "fallback-told", "Where direct I/O was asked for and tensor bytes came another way, a warning says so.";
    TensorsLocked, "tensors-locked", "Where a lock was asked for, the pages of every tensor byte are locked, or a warning says how far it went.";
    LockUnasked, "lock-unasked", "Where no lock was asked for, nothing is locked.";
    ReadsInsideFile, "reads-inside-file", "No read starts at or past the end of the file or asks for more than its last block.";
    GivenBack, "given-back", "At the end every region is unmapped and every file closed.";
    SamePath, "same-path", "Spellings of one plan take one code path (P2).";
    SameBytes, "same-bytes", "Every tensor holds exactly the bytes of the file (P3).";
    SameOutput, "same-output", "Tokens and logits are the same in every case (P4).";
    PlanTaken, "plan-taken", "The dialect predicts what a command does: its operations show the source and the lock of the plan (P1).";
    UsageRefused, "usage-refused", "A command refuses the spellings that its dialect refuses: it fails and opens no model.";
    KnownDivergence, "known-divergence", "A divergence on the list of known ones is still there; what has been mended is taken off the list.";
    FaultOutput, "fault-output", "Under a fault the output is the clean one, or the command fails: never a wrong output as if nothing had happened.";
    FaultCrash, "fault-crash", "Under a fault the command does not crash.";
    FaultHang, "fault-hang", "Under a fault the command ends within the time limit.";
    FaultTold, "fault-told", "A command that fails under a fault, or loads another way than asked, says something on standard error.";
    DataKept, "data-kept", "The new build loads what the old one loaded, every byte of it, and its output is the same.";
    GuaranteeKept, "guarantee-kept", "What the old build locked, or read past the page cache, the new one does too.";
    PolicyKept, "policy-kept", "The new build takes the spellings that the old one took, and loads the way it did.";
    MachineParity, "machine-parity", "The check of each machine by itself finds parity.";
    SameModel, "same-model", "Results of one model are of files that hold the same tensors.";
    SameGrouping, "same-grouping", "A spelling means the same plan on every machine.";
    SameSemanticPath, "same-semantic-path", "A plan that passes on several machines takes one semantic path on all of them (P2).";
    SameTensors, "same-tensors", "The tensors of a model hash alike on every machine, whatever the plan (P3).";
    SameLogits, "same-logits", "The logits of a model hash alike on every machine, whatever the plan (P4).";
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id())
    }
}

impl Serialize for Rule {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}

/// One broken rule: which, and what was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// What was seen instead, with tensor, offset and length where there are any.
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_kebab_case_words() {
        let mut ids: Vec<_> = Rule::ALL.iter().map(|r| r.id()).collect();
        assert!(ids.iter().all(|id| id.chars().all(|c| c.is_ascii_lowercase() || c == '-')));
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), Rule::ALL.len());
    }
}
