//! The rules as rows: id, level, sentence, and the capabilities that a decision needs.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Capability::{
    self, Addresses, Calls, Destinations, Kernel, Layout, Memory, Notices, Output, Processes,
};

/// A level of parity; each includes the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Level {
    /// Spellings resolve to plans.
    P1,
    /// Plans take code paths.
    P2,
    /// Every tensor's bytes are those of the file.
    P3,
    /// The output is the same.
    P4,
}

impl Level {
    /// Every level.
    pub const ALL: [Self; 4] = [Self::P1, Self::P2, Self::P3, Self::P4];
}

impl std::fmt::Display for Level {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}

/// Declares the rules once: variant, id, id of earlier versions, level, needs, sentence.
macro_rules! rules {
    ($($variant:ident, $id:literal, $old:expr, $level:ident, [$($need:ident),*], $text:literal;)*) => {
        /// One thing that must hold. The ids are part of the public output.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Rule { $(#[doc = $text] $variant,)* }

        impl Rule {
            /// Every rule, in the order in which reports list them.
            pub const ALL: &[Rule] = &[$(Rule::$variant,)*];

            /// The id used in output.
            #[must_use]
            pub fn id(self) -> &'static str {
                match self { $(Rule::$variant => $id,)* }
            }

            /// The id of earlier versions, where it was another; still accepted in lists of known divergences.
            #[must_use]
            pub fn old_id(self) -> Option<&'static str> {
                match self { $(Rule::$variant => $old,)* }
            }

            /// The level of parity that it belongs to.
            #[must_use]
            pub fn level(self) -> Level {
                match self { $(Rule::$variant => Level::$level,)* }
            }

            /// What evidence has to show for a decision.
            #[must_use]
            pub fn needs(self) -> &'static [Capability] {
                match self { $(Rule::$variant => &[$($need),*],)* }
            }

            /// What must hold, in one sentence.
            #[must_use]
            pub fn sentence(self) -> &'static str {
                match self { $(Rule::$variant => $text,)* }
            }
        }
    };
}

rules! {
    Completes, "completes", None, P2, [], "The load and the generation end without an error.";
    NoCrash, "no-crash", None, P2, [], "The command does not crash.";
    EndsInTime, "ends-in-time", None, P2, [], "The command ends within the time limit in which it ends with other spellings.";
    PlanEquivalent, "plan-equivalent", None, P1, [], "The `--load-mode` that is named as the equivalent of a spelling resolves to the same plan.";
    PlanAlias, "plan-alias", None, P1, [], "Every alias, `=` form, underscore form and equivalent environment form of a flag means what the flag means.";
    PlanOrder, "plan-order", None, P1, [], "The order between different switches does not matter, and --load-mode decides wherever it stands.";
    PlanTaken, "plan-taken", None, P1, [Calls], "The dialect predicts what is done: the operations show the source and the lock of the plan.";
    UsageRefused, "usage-refused", None, P1, [Calls], "What the dialect refuses is refused: the command fails and loads no model.";
    WeightsLoaded, "weights-loaded", None, P2, [Calls, Layout, Processes], "The weights of the model that was named are loaded: read, or mapped.";
    TensorsMapped, "tensors-mapped", None, P2, [Calls, Layout], "Under a mapping plan every tensor byte lies in a live mapping of the file.";
    MappedNotRead, "mapped-not-read", None, P2, [Calls, Layout], "Under a mapping plan no tensor byte is read during the load phase.";
    NoFileMapping, "no-file-mapping", None, P2, [Calls, Layout], "Under a reading plan no tensor byte is used from a mapping of the file.";
    TensorsRead, "tensors-read", None, P2, [Calls, Layout], "Under a reading plan every tensor byte arrives by a read.";
    ReadOnce, "read-once", None, P2, [Calls, Layout], "Under a reading plan no tensor byte arrives twice.";
    ReadsBuffered, "reads-buffered", None, P2, [Calls], "Without a direct plan no file is opened for direct I/O.";
    DirectAttempted, "direct-attempted", None, P2, [Calls], "Under a direct plan the file is opened for direct I/O, or that is tried.";
    DirectHeld, "direct-held", None, P2, [Calls, Layout], "Under a direct plan that nothing refuses, tensor bytes come by direct reads; only the edges of blocks may come through the page cache.";
    DirectAligned, "direct-aligned", None, P2, [Calls, Destinations], "Address, offset and length of every direct read keep the alignment the file asks for.";
    FallbackReported, "fallback-reported", Some("fallback-told"), P2, [Calls, Notices, Layout], "Where direct I/O was asked for and tensor bytes came another way, a warning says so.";
    TensorsLocked, "tensors-locked", None, P2, [Calls, Layout, Addresses, Destinations], "Where a lock was asked for, the memory that holds each tensor byte is locked, or a warning says how far it went.";
    UnrequestedLock, "unrequested-lock", Some("lock-unasked"), P2, [Calls, Layout, Addresses], "Where no lock was asked for, no memory that holds weights is locked.";
    KernelAgrees, "kernel-agrees", None, P2, [Kernel, Addresses], "The kernel keeps in memory what the calls lock of the weights, and nothing else of them.";
    OpenedReadOnly, "opened-read-only", None, P2, [Calls], "A model is opened for reading alone.";
    NeverWritten, "never-written", None, P2, [Calls], "A model is never written, cut or extended.";
    MappedReadOnly, "mapped-read-only", None, P2, [Calls], "A model is mapped read-only: what is written to a mapping reaches the file, or makes a copy that nobody shares.";
    ReadsInsideFile, "reads-inside-file", None, P2, [Calls, Layout], "No read starts at or past the end of the file or asks for more than its last block.";
    ResourcesReleased, "resources-released", Some("given-back"), P2, [Calls], "At the end every region is unmapped and every file closed.";
    SamePath, "same-path", None, P2, [Calls], "Spellings of one plan take one code path.";
    SameBytes, "same-bytes", None, P3, [Memory], "Every tensor holds exactly the bytes of the file.";
    SameOutput, "same-output", None, P4, [Output], "Tokens and logits, or the text of a command, are the same in every case.";
    FaultMet, "fault-met", None, P2, [Calls], "A fault that was asked for meets a call.";
    KnownDivergence, "known-divergence", None, P1, [], "A divergence on the list of known ones is still there, as often as the list says; what has been mended is taken off the list.";
    FaultOutput, "fault-output", None, P4, [Output], "Under a fault the output is the clean one, or the command fails: never a wrong output as if nothing had happened.";
    FaultCrash, "fault-crash", None, P2, [], "Under a fault the command does not crash.";
    FaultHang, "fault-hang", None, P2, [], "Under a fault the command ends within the time limit.";
    FaultReported, "fault-reported", Some("fault-told"), P2, [], "A command that fails under a fault, or loads another way than asked, says something on standard error.";
    TransientSurvived, "transient-survived", None, P2, [], "A read that is interrupted or short is made again or continued: it ends in the same bytes and not in an error.";
    DataKept, "data-kept", None, P4, [], "The new build loads what the old one loaded, every byte of it, and its output is the same.";
    GuaranteeKept, "guarantee-kept", None, P2, [], "What the old build guaranteed the new one does too: locks, direct I/O, a file opened read-only and mapped unwritable.";
    PolicyKept, "policy-kept", None, P2, [], "The new build takes the spellings that the old one took, loads the way it did, and holds nothing longer.";
    MachineParity, "machine-parity", None, P2, [], "The check of each machine by itself finds parity.";
    SameModel, "same-model", None, P3, [], "Results of one model are of files that hold the same tensors.";
    SameGrouping, "same-grouping", None, P1, [], "A spelling means the same plan on every machine.";
    SameSemanticPath, "same-semantic-path", None, P2, [], "A plan that passes on several machines takes one semantic path on all of them.";
    SameTensors, "same-tensors", None, P3, [], "The tensors of a model hash alike on every machine, whatever the plan.";
    SameLogits, "same-logits", None, P4, [], "The logits of a model hash alike on every machine, whatever the plan.";
}

/// What a rule of one run is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// The run as a whole, whatever is asked of a tensor.
    Run,
    /// What the plan asks of the tensors that lie under it.
    Plan,
    /// What is asked of each tensor, by the plan or by its exception.
    Tensor,
    /// Memory that has to keep tensors.
    Lock,
}

impl Rule {
    /// What it is about.
    pub(super) fn scope(self) -> Scope {
        match self {
            Self::PlanTaken | Self::TensorsMapped | Self::MappedNotRead | Self::UnrequestedLock => {
                Scope::Tensor
            }
            Self::NoFileMapping
            | Self::TensorsRead
            | Self::ReadOnce
            | Self::DirectHeld
            | Self::FallbackReported => Scope::Plan,
            Self::TensorsLocked => Scope::Lock,
            _ => Scope::Run,
        }
    }

    /// The rule of an id, today's or that of an earlier version.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|rule| rule.id() == id || rule.old_id() == Some(id))
    }
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.id())
    }
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}

impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let id = String::deserialize(deserializer)?;
        Self::from_id(&id).ok_or_else(|| serde::de::Error::custom(format!("no rule is called `{id}`")))
    }
}

impl JsonSchema for Rule {
    fn schema_name() -> Cow<'static, str> {
        "Rule".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let ids: Vec<&str> = Self::ALL.iter().map(|rule| rule.id()).collect();
        json_schema!({ "type": "string", "description": "The id of a rule.", "enum": ids })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_kebab_case_words() {
        let mut ids: Vec<_> = Rule::ALL.iter().map(|r| r.id()).collect();
        ids.extend(Rule::ALL.iter().filter_map(|r| r.old_id()));
        assert!(ids.iter().all(|id| id.chars().all(|c| c.is_ascii_lowercase() || c == '-')));
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count);
        assert!(Rule::ALL.iter().all(|rule| Rule::from_id(rule.id()) == Some(*rule)));
        assert_eq!(Rule::from_id("given-back"), Some(Rule::ResourcesReleased));
    }
}
