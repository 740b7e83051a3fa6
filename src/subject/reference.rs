//! The reference engine as a subject.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Case, Depth, NotAvailable, Setting, Subject, TensorHashes, shell_line};
use crate::engine::{self, LoadOptions};
use crate::plan::{LoadPlan, Source};
use crate::platform::{FaultSpec, Injector, Platform, Recorder, Recording, Residency};
use crate::rules::{
    Capabilities, Capability, Ending, Evidence, Output, PageCount, Profile, TensorBytes, WrongTensor,
};

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
    fn stack(
        &self,
        recording: &Arc<Recording>,
        faults: &[FaultSpec],
    ) -> (Arc<dyn Platform>, Option<Arc<Injector>>) {
        let mut stack = self.base.clone();
        let injector = (!faults.is_empty()).then(|| Arc::new(Injector::new(stack.clone(), faults.to_vec())));
        if let Some(injector) = &injector {
            stack = injector.clone();
        }
        stack = Arc::new(Recorder::new(stack, recording.clone()));
        (self.wrap.as_ref().map_or(stack.clone(), |wrap| wrap(stack)), injector)
    }

    /// Loads, and looks at what came of it. What was seen before an error is kept.
    fn load(
        &self,
        plan: LoadPlan,
        setting: &Setting<'_>,
        stack: &Arc<dyn Platform>,
        one_reader: bool,
        seen: &mut Seen,
    ) -> Result<(), String> {
        let mut options = LoadOptions::default();
        if one_reader {
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
        stack.enter_phase(crate::trace::Phase::Run);
        seen.cache = before.zip(cached()).map(|(before, after)| (pages(before), pages(after)));
        seen.locked = loaded.weights.locked_residency().ok().map(pages);
        if setting.depth >= Depth::Bytes {
            let hashes = TensorHashes::of(&loaded.gguf, &*loaded.weights);
            let wrong = hashes.first_difference(&setting.truth.tensors);
            let name = |at: usize| loaded.gguf.tensors.get(at).map(|tensor| tensor.name.clone());
            let wrong = wrong.map(|at| {
                let tensor = name(at).unwrap_or_else(|| "a tensor is missing".to_owned());
                WrongTensor { tensor, difference: None, later: false }
            });
            let all = setting.truth.weights.len();
            seen.tensors = Some(TensorBytes::compared(hashes.combined(), wrong, all));
        }
        if setting.depth >= Depth::Output {
            let generated = engine::generate(&loaded.gguf, loaded.weights, setting.generation, &mut |_| ())
                .map_err(|e| e.to_string())?;
            let logits = generated.logits_hash.to_hex().to_string();
            seen.output = Some(Output::Logits { tokens: generated.tokens, logits });
        }
        Ok(())
    }
}

/// What came of a load.
#[derive(Default)]
struct Seen {
    tensors: Option<TensorBytes>,
    output: Option<Output>,
    locked: Option<PageCount>,
    cache: Option<(PageCount, PageCount)>,
}

fn pages(Residency { pages, resident, locked }: Residency) -> PageCount {
    PageCount { pages, resident, locked }
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

    fn profile(&self) -> &'static Profile {
        &Profile::REFERENCE
    }

    fn is_command(&self) -> bool {
        false
    }

    fn settings(&self, setting: &Setting<'_>) -> String {
        let engine::Generation { prompt, n_predict, sampler, .. } = setting.generation;
        let (seed, temperature) = (sampler.seed, sampler.temperature);
        format!("prompt {prompt:?}, {n_predict} tokens, seed {seed}, temperature {temperature}")
    }

    fn observe(
        &self,
        case: &Case,
        faults: &[FaultSpec],
        setting: &Setting<'_>,
    ) -> Result<Evidence, NotAvailable> {
        let recording = Recording::new();
        let faults: Vec<FaultSpec> = self.faults.iter().chain(faults).copied().collect();
        let (stack, injector) = self.stack(&recording, &faults);
        let mut seen = Seen::default();
        let result = match case.plan {
            Some(plan) => self.load(plan, setting, &stack, !faults.is_empty(), &mut seen),
            None => {
                let refused = case.spelling.resolve(setting.dialect).map(|_| ());
                refused.map_err(|error| error.to_string())
            }
        };
        drop(stack);
        use Capability::{Addresses, Calls, Destinations, Kernel, Layout, Memory, Notices, Processes};
        let sees =
            [Calls, Addresses, Destinations, Processes, Layout, Memory, Notices, Capability::Output, Kernel];
        // It loads the path that it was given, on a platform that may number files in its own way.
        let mut weights = setting.truth.weights.clone();
        weights.files.iter_mut().for_each(|file| file.identity = None);
        let sees = Capabilities::of(sees);
        let mut evidence = Evidence::new(recording.ops(), weights, self.page_size(), sees);
        evidence.ending = result.map_or_else(Ending::Failed, |()| Ending::Completed);
        evidence.fired = injector.map_or_else(Vec::new, |injector| injector.fired());
        let Seen { tensors, output, locked, cache } = seen;
        (evidence.tensors, evidence.output) = (tensors, output);
        (evidence.locked_pages, evidence.cache) = (locked, cache);
        Ok(evidence)
    }

    fn check_line(&self, options: &[String], setting: &Setting<'_>) -> String {
        let mut words = vec!["loadparity".to_owned(), "check".to_owned()];
        let model = self.shown_model.clone().unwrap_or_else(|| self.model.display().to_string());
        if !model.is_empty() {
            words.extend(["-m".to_owned(), model]);
        }
        words.push(format!("--dialect={}", setting.dialect));
        let engine::Generation { prompt, n_predict, sampler, .. } = setting.generation;
        words.extend(["-p".to_owned(), prompt.clone()]);
        for (name, value) in [
            ("-n", n_predict.to_string()),
            ("--seed", sampler.seed.to_string()),
            ("--temp", sampler.temperature.to_string()),
        ] {
            words.extend([name.to_owned(), value]);
        }
        for fault in &self.faults {
            words.extend(["--inject".to_owned(), fault.to_string()]);
        }
        words.extend(options.iter().cloned());
        shell_line(words)
    }
}
