//! All that one load of the reference engine is good for: every vector level and number of threads.

use std::path::Path;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::TensorHashes;
use crate::engine::{self, CpuLevel, Generation, LoadOptions};
use crate::plan::LoadPlan;
use crate::platform::{Platform, Recorder, Recording};
use crate::rules::Summary;

/// What came of a load.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LoadedBits {
    /// `map`, `read+lock`, `direct` …
    pub effective: String,
    /// One hash over all tensors.
    pub tensors: String,
    /// One hash of the logits for each vector level and number of threads.
    pub logits: Vec<LogitsBits>,
}

/// One text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogitsBits {
    /// The vector level.
    pub level: String,
    /// The number of threads.
    pub threads: usize,
    /// blake3 over the logits of every step.
    pub hash: String,
}

impl LoadedBits {
    /// Loads the model at `path` as `plan` says, and generates each of `wanted` at every level of this
    /// CPU.
    ///
    /// # Errors
    /// Why the model cannot be loaded or run.
    pub fn of(
        platform: &Arc<dyn Platform>,
        path: &Path,
        plan: LoadPlan,
        wanted: &[Generation],
    ) -> Result<Self, String> {
        let recording = Recording::new();
        let stack: Arc<dyn Platform> = Arc::new(Recorder::new(platform.clone(), recording.clone()));
        let loaded = engine::load(&stack, path, plan, LoadOptions::default()).map_err(|e| e.to_string())?;
        let effective = Summary::of(&recording.ops()).effective.to_string();
        let tensors = TensorHashes::of(&loaded.gguf, &*loaded.weights).combined();
        let mut logits = Vec::new();
        for level in CpuLevel::available() {
            for generation in wanted {
                let generation = Generation { cpu: level, ..generation.clone() };
                let generated =
                    engine::generate(&loaded.gguf, loaded.weights.clone(), &generation, &mut |_| ())
                        .map_err(|e| e.to_string())?;
                let hash = generated.logits_hash.to_hex().to_string();
                logits.push(LogitsBits { level: level.to_string(), threads: generation.threads, hash });
            }
        }
        Ok(Self { effective, tensors, logits })
    }
}
