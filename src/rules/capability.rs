//! What a source of evidence can see.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Something that a source of evidence can see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// The calls on model files, all of them.
    Calls,
    /// The addresses of mappings and locks.
    Addresses,
    /// The addresses that reads go to.
    Destinations,
    /// Which process does what.
    Processes,
    /// Which bytes of which files are weights.
    Layout,
    /// The contents of the memory that holds weights, or their hashes.
    Memory,
    /// Which of several copies of the weights the loader uses.
    Use,
    /// What the loader reports.
    Notices,
    /// What is generated, or written to standard output.
    Output,
    /// The kernel's own view: residency, locked pages, limits.
    Kernel,
}

impl Capability {
    /// What is missing without it.
    #[must_use]
    pub fn absence(self) -> &'static str {
        match self {
            Self::Calls => "not all calls on the model were seen",
            Self::Addresses => "the addresses of mappings and locks are not known",
            Self::Destinations => "the addresses that reads go to are not known",
            Self::Processes => "which process did what is not known",
            Self::Layout => "which bytes are weights is not known; name the model with -m",
            Self::Memory => "the memory of the command was not looked at",
            Self::Use => "which copy of the weights is used was not seen",
            Self::Notices => "messages of the command are not understood",
            Self::Output => "no output was observed",
            Self::Kernel => "the kernel was not asked",
        }
    }
}

/// What one source can see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities(BTreeSet<Capability>);

impl Capabilities {
    /// These.
    pub fn of(all: impl IntoIterator<Item = Capability>) -> Self {
        Self(all.into_iter().collect())
    }

    /// Whether one is among them.
    #[must_use]
    pub fn has(&self, capability: Capability) -> bool {
        self.0.contains(&capability)
    }

    /// Adds one.
    pub fn add(&mut self, capability: Capability) {
        self.0.insert(capability);
    }

    /// Takes one away.
    pub fn remove(&mut self, capability: Capability) {
        self.0.remove(&capability);
    }

    /// Which of these are not among them.
    #[must_use]
    pub fn lacking(&self, needs: &[Capability]) -> Vec<Capability> {
        needs.iter().copied().filter(|need| !self.has(*need)).collect()
    }
}
