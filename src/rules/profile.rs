//! Which rules hold a kind of subject, as tables with reasons.

use super::Rule;

/// Whether a rule holds a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applies {
    /// It does.
    Yes,
    /// It does not, and why.
    No(&'static str),
}

/// What a kind of subject is held to.
#[derive(Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its name.
    pub name: &'static str,
    /// What it is for, in a sentence.
    pub about: &'static str,
    /// Only what arrives in the load phase counts as loaded: the subject says itself where its phases are.
    pub load_phase_only: bool,
    /// The subject promises shared mappings: a private writable one is a finding and not a note.
    pub shared_mappings: bool,
    /// The subject promises to survive what passes by itself, an interrupted or a short read: an error is a finding
    /// and not a note.
    pub survives_transients: bool,
    /// Rules that do not hold it, each with the reason.
    waived: &'static [(Rule, &'static str)],
    /// A rule that is switched off.
    off: Option<Rule>,
}

/// The rules that one run by itself can keep or break, in the order in which they are checked.
pub(super) const CONTRACT: &[Rule] = &[
    Rule::PlanTaken,
    Rule::WeightsLoaded,
    Rule::TensorsMapped,
    Rule::MappedNotRead,
    Rule::NoFileMapping,
    Rule::TensorsRead,
    Rule::ReadOnce,
    Rule::ReadsBuffered,
    Rule::DirectAttempted,
    Rule::DirectHeld,
    Rule::DirectAligned,
    Rule::FallbackReported,
    Rule::TensorsLocked,
    Rule::UnrequestedLock,
    Rule::KernelAgrees,
    Rule::OpenedReadOnly,
    Rule::NeverWritten,
    Rule::MappedReadOnly,
    Rule::ReadsInsideFile,
    Rule::ResourcesReleased,
    Rule::SameBytes,
];

const TWICE: &str =
    "a foreign loader may look at a tensor before it loads, read ahead, and read a byte twice";
const PAST_END: &str = "stdio reads ahead and asks past the end of the file";
const RELEASE: &str = "a process may leave the release to its end";
const GRANTED: &str = "a request that the kernel took was aligned enough for it";

impl Profile {
    /// The reference engine: its whole contract.
    pub const REFERENCE: Self = Self {
        name: "reference",
        about: "the engine of this program, which records itself at its seam",
        load_phase_only: true,
        shared_mappings: true,
        survives_transients: true,
        waived: &[],
        off: None,
    };

    /// A foreign loader of llama.cpp's family.
    pub const FOREIGN: Self = Self {
        name: "foreign",
        about: "a command that is not ours, watched at its system calls",
        load_phase_only: false,
        shared_mappings: true,
        survives_transients: true,
        waived: &[
            (Rule::MappedNotRead, TWICE),
            (Rule::ReadOnce, TWICE),
            (Rule::ReadsInsideFile, PAST_END),
            (Rule::ResourcesReleased, RELEASE),
        ],
        off: None,
    };

    /// A foreign loader of another format, which promises nothing of who shares its mappings: NumPy and PyTorch map
    /// private and writable where they are asked to.
    pub const OTHER_FORMAT: Self = Self {
        name: "other-format",
        about: "a command that loads another format than GGUF, watched at its system calls",
        shared_mappings: false,
        ..Self::FOREIGN
    };

    /// A recording of a foreign loader by another tool.
    pub const RECORDING: Self = Self {
        name: "recording",
        about: "a trace file or a log of another tool",
        load_phase_only: false,
        shared_mappings: true,
        survives_transients: false,
        waived: &[
            (Rule::MappedNotRead, TWICE),
            (Rule::ReadOnce, "which tensors a byte belongs to is seldom recorded"),
            (Rule::ResourcesReleased, RELEASE),
            (Rule::DirectAligned, GRANTED),
            (Rule::SameBytes, "no recording holds the bytes of tensors"),
            (Rule::PlanTaken, "the effective mode is reported beside the expected one"),
        ],
        off: None,
    };

    /// Every profile.
    pub const ALL: [&'static Self; 4] =
        [&Self::REFERENCE, &Self::FOREIGN, &Self::OTHER_FORMAT, &Self::RECORDING];

    /// The same with one rule switched off, of the contract or of a campaign: what it alone finds is not found then.
    #[must_use]
    pub const fn without(&self, rule: Rule) -> Self {
        Self { off: Some(rule), ..*self }
    }

    /// Whether a rule is switched off.
    #[must_use]
    pub fn is_off(&self, rule: Rule) -> bool {
        self.off == Some(rule)
    }

    /// Whether a rule holds the subject.
    #[must_use]
    pub fn applies(&self, rule: Rule) -> Applies {
        if self.is_off(rule) {
            return Applies::No("it is switched off");
        }
        let waived = self.waived.iter().find(|(other, _)| *other == rule);
        waived.map_or(Applies::Yes, |(_, why)| Applies::No(why))
    }

    /// The rules of the contract that hold the subject.
    pub fn rules(&self) -> impl Iterator<Item = Rule> {
        CONTRACT.iter().copied().filter(|rule| self.applies(*rule) == Applies::Yes)
    }
}
