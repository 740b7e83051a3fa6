//! The bits of a model on one machine: every load mode, vector level and number of threads, and
//! what several machines come to together.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::engine::Generation;
use crate::plan::{Dialect, LoadPlan, OnRefused};
use crate::subject::LoadedBits;

/// The plans of the reference dialect, in the order of its table.
const PLANS: [LoadPlan; 7] = [
    LoadPlan::AUTO,
    LoadPlan::read(false),
    LoadPlan::map(false),
    LoadPlan::map(true),
    LoadPlan::read(true),
    LoadPlan::direct(false, OnRefused::Read),
    LoadPlan::direct(true, OnRefused::Read),
];

/// What one machine computed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MachineBits {
    schema: String,
    /// The program's name and version.
    pub tool: String,
    /// How a person calls the machine.
    pub machine: String,
    /// `linux`, `windows`, `macos` …
    pub platform: String,
    /// The processor architecture.
    pub arch: String,
    /// What decides the output beside the model.
    pub settings: String,
    /// Each model.
    pub models: Vec<ModelBits>,
}

/// One model on one machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModelBits {
    /// Its file's name.
    pub model: String,
    /// Each load mode.
    pub modes: Vec<ModeBits>,
}

/// One load of a model, and all that was generated from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModeBits {
    /// The word of `--load-mode`.
    pub mode: String,
    /// Where the weights came from, as the operations prove it; why there are none otherwise.
    pub load: Result<LoadedBits, String>,
}

/// A document that is not of this schema.
#[derive(Debug, thiserror::Error)]
pub enum BitsError {
    /// No such document.
    #[error("not a document of `loadparity bits`: {0}")]
    Json(#[from] serde_json::Error),
    /// Another document, or one of another version.
    #[error("its schema is `{0}`, not `{wanted}`; write one with `loadparity bits --json FILE`", wanted = MachineBits::SCHEMA)]
    Schema(String),
}

impl MachineBits {
    /// The schema of the document.
    pub const SCHEMA: &'static str = "loadparity.bits/1";

    /// An empty document for a machine that people call `machine`.
    #[must_use]
    pub fn new(platform: &str, machine: String, generation: &Generation) -> Self {
        let Generation { prompt, n_predict, sampler, .. } = generation;
        let (seed, temperature) = (sampler.seed, sampler.temperature);
        Self {
            schema: Self::SCHEMA.to_owned(),
            tool: concat!("loadparity ", env!("CARGO_PKG_VERSION")).to_owned(),
            machine,
            platform: platform.to_owned(),
            arch: std::env::consts::ARCH.to_owned(),
            settings: format!(
                "prompt {prompt:?}, {n_predict} tokens, seed {seed}, temperature {temperature}"
            ),
            models: Vec::new(),
        }
    }

    /// Reads a document.
    ///
    /// # Errors
    /// When it is none, or of another version.
    pub fn read(bytes: &[u8]) -> Result<Self, BitsError> {
        let document: serde_json::Value = serde_json::from_slice(bytes)?;
        match document.get("schema").and_then(serde_json::Value::as_str) {
            Some(Self::SCHEMA) => Ok(serde_json::from_value(document)?),
            other => Err(BitsError::Schema(other.unwrap_or("missing").to_owned())),
        }
    }

    /// `linux/x86_64`.
    #[must_use]
    pub fn target(&self) -> String {
        format!("{}/{}", self.platform, self.arch)
    }
}

impl ModelBits {
    /// What `load` makes of the model in every load mode.
    pub fn measure(name: String, load: impl Fn(LoadPlan) -> Result<LoadedBits, String>) -> Self {
        let modes = PLANS.iter().filter_map(|plan| {
            let mode = Dialect::reference().word_for(*plan)?.to_owned();
            Some(ModeBits { mode, load: load(*plan) })
        });
        Self { model: name, modes: modes.collect() }
    }
}

/// One model on all machines: how often each value was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agreement {
    /// Hashes of the tensors.
    pub tensors: BTreeMap<String, u64>,
    /// Hashes of the logits.
    pub logits: BTreeMap<String, u64>,
    /// Loads that failed.
    pub failed: u64,
}

impl Agreement {
    /// Counts the values of one model.
    #[must_use]
    pub fn of(machines: &[MachineBits], model: &str) -> Self {
        let mut agreement = Self::default();
        let models = machines.iter().flat_map(|m| &m.models).filter(|m| m.model == model);
        for mode in models.flat_map(|m| &m.modes) {
            match &mode.load {
                Ok(loaded) => {
                    *agreement.tensors.entry(loaded.tensors.clone()).or_default() += 1;
                    for logits in &loaded.logits {
                        *agreement.logits.entry(logits.hash.clone()).or_default() += 1;
                    }
                }
                Err(_) => agreement.failed += 1,
            }
        }
        agreement
    }

    /// The value that most have; among equals the first.
    #[must_use]
    pub fn most(values: &BTreeMap<String, u64>) -> Option<&str> {
        let best = values.values().max()?;
        values.iter().find(|(_, count)| *count == best).map(|(value, _)| value.as_str())
    }

    /// The exit code: 1 if values differ, 3 if a load failed, 4 if nothing was generated.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match (self.tensors.len().max(self.logits.len()), self.failed) {
            (2.., _) => 1,
            (_, 1..) => 3,
            (0, _) => 4,
            _ => 0,
        }
    }
}
