//! The reference engine as a subject.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::command::shell_line;
use super::{CacheUse, Depth, Observed, Output, Request, Run, Subject, TensorHashes};
use crate::engine::{self, LoadOptions};
use crate::plan::Source;
use crate::platform::{FaultSpec, Injector, Platform, Recorder, Recording};

/// Puts something between the loader and the recorder.
pub type Wrap = Box<dyn Fn(Arc<dyn Platform>) -> Arc<dyn Platform> + Send + Sync>;

/// The engine of this crate, over any platform.
pub struct ReferenceEngine {
    base: Arc<dyn Platform>,
    model: PathBuf,
    shown_model: Option<String>,
    faults: Vec<FaultSpec>,
    wrap: Option<Wrap>,
}

impl ReferenceEngine {
    /// The engine on `base`, loading the file at `model`.
    pub fn new(base: Arc<dyn Platform>, model: &Path) -> Self {
        Self { base, model: model.to_owned(), shown_model: None, faults: Vec::new(), wrap: None }
    }

    /// The model is a temporary file: command lines leave it out, as the program then uses the
    /// embedded one.
    #[must_use]
    pub fn with_embedded_model(mut self) -> Self {
        self.shown_model = Some(String::new());
        self
    }

    /// Injects these faults in every run, counting anew each time.
    #[must_use]
    pub fn with_faults(mut self, faults: Vec<FaultSpec>) -> Self {
        self.faults = faults;
        self
    }

    /// Makes the loader talk to the recorder through a wrapper. It serves to prove that a loader
    /// that does not do what it says is caught.
    #[must_use]
    pub fn with_wrap(mut self, wrap: Wrap) -> Self {
        self.wrap = Some(wrap);
        self
    }

    /// The stack that a load talks to, recording into `recording`.
    fn stack(&self, recording: &Arc<Recording>) -> Arc<dyn Platform> {
        let mut stack = self.base.clone();
        if !self.faults.is_empty() {
            stack = Arc::new(Injector::new(stack, self.faults.clone()));
        }
        stack = Arc::new(Recorder::new(stack, recording.clone()));
        self.wrap.as_ref().map_or(stack.clone(), |wrap| wrap(stack))
    }

    fn observe(
        &self,
        request: &Request<'_>,
        run: &mut Run,
        stack: &Arc<dyn Platform>,
    ) -> Result<Observed, String> {
        let Request { spelling, dialect, depth, generation } = request;
        let plan = spelling.resolve(*dialect).map_err(|e| e.to_string())?.plan;
        let mut options = LoadOptions::default();
        if !self.faults.is_empty() {
            // With several reads in flight it is chance which of them a fault meets.
            options.readers = 1;
        }
        // Direct reads that leave pages behind have gone through the cache.
        let cached = || match plan.source {
            Source::Direct => self.base.open(&self.model, false).and_then(|file| file.cached()).ok(),
            _ => None,
        };
        let before = cached();
        let loaded = engine::load(stack, &self.model, plan, options).map_err(|e| e.to_string())?;
        run.resolved = Some(loaded.resolved);
        stack.enter_phase(crate::trace::Phase::Run);
        let cache = before.zip(cached()).map(|(before, after)| CacheUse { before, after });
        let locked = loaded.weights.locked_residency().ok();
        let mut observed = Observed { locked, cache, ..Observed::default() };
        if *depth >= Depth::Hash {
            observed.tensors = Some(TensorHashes::of(&loaded.gguf, &*loaded.weights));
        }
        if *depth >= Depth::Generate {
            let generated = engine::generate(&loaded.gguf, loaded.weights, generation, &mut |_| ())
                .map_err(|e| e.to_string())?;
            let logits = generated.logits_hash.to_hex().to_string();
            observed.output = Some(Output::Logits { tokens: generated.tokens, logits });
        }
        Ok(observed)
    }
}

impl Subject for ReferenceEngine {
    fn name(&self) -> String {
        "reference engine".to_owned()
    }

    fn platform(&self) -> &'static str {
        self.base.name()
    }

    fn page_size(&self) -> u64 {
        self.base.limits().page_size
    }

    fn model(&self) -> String {
        self.shown_model.clone().unwrap_or_else(|| self.model.display().to_string())
    }

    fn run(&self, request: &Request<'_>) -> Run {
        let recording = Recording::new();
        let stack = self.stack(&recording);
        let mut run = Run { ops: Vec::new(), resolved: None, result: Err(String::new()) };
        run.result = self.observe(request, &mut run, &stack);
        drop(stack);
        run.ops = recording.ops();
        run
    }

    fn reproduce(&self, request: &Request<'_>) -> String {
        let generation = request.generation;
        let model = self.model();
        let mut words = vec!["loadparity".to_owned(), "run".to_owned()];
        if !model.is_empty() {
            words.extend(["-m".to_owned(), model]);
        }
        let sampler = &generation.sampler;
        words.extend(["-p".to_owned(), generation.prompt.clone()]);
        for (name, value) in [
            ("-n", generation.n_predict.to_string()),
            ("--seed", sampler.seed.to_string()),
            ("--temp", sampler.temperature.to_string()),
        ] {
            words.extend([name.to_owned(), value]);
        }
        for fault in &self.faults {
            words.extend(["--inject".to_owned(), fault.to_string()]);
        }
        words.push(format!("--dialect={}", request.dialect));
        words.extend(request.spelling.argv.iter().cloned());
        words.extend(["--trace".to_owned(), "trace.jsonl".to_owned(), "--json".to_owned()]);
        shell_line(words, request.spelling)
    }
}
