//! The reference engine as a subject.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::{Case, Depth, Mismatch, NotAvailable, Setting, Subject, shell_line};
use crate::engine::{self, LoadOptions};
use crate::plan::{LoadPlan, Source};
use crate::platform::{
    Census, FaultSpec, Injector, Lockable, Platform, Recorder, Recording, Residency, Sim, SimFile, SimProfile,
};
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
    reproduced_with: Vec<String>,
    faults: Vec<FaultSpec>,
    wrap: Option<Wrap>,
    machine: Option<Simulated>,
    overlap: usize,
    /// Held by the run that loads, or that holds locks where the limit has no room for several: the page cache and
    /// the limits are everybody's.
    alone: Mutex<()>,
}

/// A simulated machine that is built anew for each run, so that no run sees what another one holds.
struct Simulated {
    profile: SimProfile,
    file: SimFile,
}

impl Simulated {
    fn build(&self, path: &Path) -> Sim {
        Sim::new(self.profile.clone()).with_file(path, self.file.clone())
    }
}

impl ReferenceEngine {
    /// The engine on `base`, loading the file at `model`.
    pub fn new(base: Arc<dyn Platform>, model: &Path) -> Self {
        Self {
            base,
            model: model.to_owned(),
            shown_model: None,
            reproduced_with: Vec::new(),
            faults: Vec::new(),
            wrap: None,
            machine: None,
            overlap: 1,
            alone: Mutex::new(()),
        }
    }

    /// Lets so many runs go on at a time: one loads while others generate, each on one thread. A run that
    /// locks stays alone to its end unless so many fit into the limit.
    #[must_use]
    pub fn with_overlap(mut self, runs: usize) -> Self {
        self.overlap = runs.max(1);
        self
    }

    /// The engine on a simulated machine that holds `file` at `model`; reports name the machine's profile.
    #[must_use]
    pub fn simulated(profile: SimProfile, file: SimFile, model: &Path) -> Self {
        let machine = Simulated { profile, file };
        Self { machine: Some(machine), ..Self::new(Arc::new(Sim::new(SimProfile::linux_4k())), model) }
            .settled()
    }

    fn settled(mut self) -> Self {
        if let Some(machine) = &self.machine {
            self.base = Arc::new(machine.build(&self.model));
        }
        self
    }

    /// With these words in every line that runs it again.
    #[must_use]
    pub fn reproduced_with(mut self, words: Vec<String>) -> Self {
        self.reproduced_with = words;
        self
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
        base: Arc<dyn Platform>,
        recording: &Arc<Recording>,
        faults: &[FaultSpec],
    ) -> (Arc<dyn Platform>, Option<Arc<Injector>>) {
        let mut stack = base;
        let injector = (!faults.is_empty()).then(|| Arc::new(Injector::new(stack.clone(), faults.to_vec())));
        if let Some(injector) = &injector {
            stack = injector.clone();
        }
        stack = Arc::new(Recorder::new(stack, recording.clone()));
        (self.wrap.as_ref().map_or(stack.clone(), |wrap| wrap(stack)), injector)
    }

    /// Whether as many locked models fit into the limit as may be loaded at a time.
    fn has_room_for_locks(&self, base: &Arc<dyn Platform>, setting: &Setting<'_>) -> bool {
        let limits = base.limits();
        // Weights are locked in whole pages; a buffer has two at its ends at most.
        let edges = |tensors: usize| 2 * limits.page_size * (tensors as u64 + 1);
        let files = setting
            .truth
            .weights
            .files
            .iter()
            .map(|file| file.size.saturating_add(edges(file.tensors.len())));
        let one = files.fold(0u64, u64::saturating_add);
        match limits.lockable {
            Lockable::Unlimited => true,
            Lockable::Bytes(most) => one.saturating_mul(self.overlap as u64) <= most,
        }
    }

    /// Loads, and looks at what came of it. What was seen before an error is kept.
    fn load(
        &self,
        plan: LoadPlan,
        setting: &Setting<'_>,
        (base, stack): (&Arc<dyn Platform>, &Arc<dyn Platform>),
        one_reader: bool,
        seen: &mut Seen,
    ) -> Result<(), String> {
        // Loads share the machine's page cache and its lock limit; a simulated machine is each load's own.
        let alone = self.machine.is_none().then(|| self.alone.lock().unwrap_or_else(PoisonError::into_inner));
        let mut options = LoadOptions::default();
        if one_reader {
            // With several reads in flight it is chance which of them a fault meets.
            options.readers = 1;
        }
        // Direct reads that leave pages behind have gone through the cache.
        let cached = || match plan.source {
            Source::Direct => base.open(&self.model, false).and_then(|file| file.cached()).ok(),
            _ => None,
        };
        let before = cached();
        let loaded = engine::load(stack, &self.model, plan, options).map_err(|e| e.to_string())?;
        stack.enter_phase(crate::trace::Phase::Run);
        seen.cache = before.zip(cached()).map(|(before, after)| (pages(before), pages(after)));
        seen.locked = loaded.weights.locked_residency().ok().map(pages);
        let alone =
            alone.filter(|_| self.overlap == 1 || plan.lock && !self.has_room_for_locks(base, setting));
        if setting.depth >= Depth::Bytes {
            let (combined, wrong) = setting.truth.compare(&loaded.gguf, &*loaded.weights);
            let name = |at: usize| loaded.gguf.tensors.get(at).map(|tensor| tensor.name.clone());
            let wrong = wrong.map(|Mismatch { index, difference }| {
                let tensor = name(index).unwrap_or_else(|| "a tensor is missing".to_owned());
                WrongTensor { tensor, difference, later: false }
            });
            let all = setting.truth.weights.len();
            seen.tensors = Some(TensorBytes::compared(combined, wrong, all));
        }
        if setting.depth >= Depth::Output {
            let mut generation = setting.generation.clone();
            if self.overlap > 1 && alone.is_none() {
                (generation.threads, generation.prompt_threads) = (1, None);
            }
            let generated = engine::generate(&loaded.gguf, loaded.weights, &generation, &mut |_| ())
                .map_err(|e| e.to_string())?;
            drop(alone);
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

/// What a panic said.
fn text_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a word").to_owned()
}

fn pages(Residency { pages, resident, locked }: Residency) -> PageCount {
    PageCount { pages, resident, locked }
}

impl Subject for ReferenceEngine {
    fn name(&self) -> String {
        "reference engine".to_owned()
    }

    fn platform(&self) -> &'static str {
        self.machine.as_ref().map_or_else(|| self.base.name(), |machine| machine.profile.name)
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

    fn overlap(&self) -> usize {
        self.overlap
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
        let machine = self.machine.as_ref().map(|machine| machine.build(&self.model));
        let base =
            machine.clone().map_or_else(|| self.base.clone(), |sim| Arc::new(sim) as Arc<dyn Platform>);
        let (stack, injector) = self.stack(base.clone(), &recording, &faults);
        let mut seen = Seen::default();
        let one_reader = !faults.is_empty() || machine.is_some();
        let run = || match case.plan {
            Some(plan) => self.load(plan, setting, (&base, &stack), one_reader, &mut seen),
            None => {
                let refused = case.spelling.resolve(setting.dialect).map(|_| ());
                refused.map_err(|error| error.to_string())
            }
        };
        let ending = match std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)) {
            Ok(result) => result.map_or_else(Ending::Failed, |()| Ending::Completed),
            Err(panic) => Ending::Crashed(format!("the engine panicked: {}", text_of(&*panic))),
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
        evidence.ending = ending;
        if let Some(held) = machine.map(|sim| sim.census()).filter(|held| *held != Census::default()) {
            evidence.fold.left_over.push(held.to_string());
        }
        evidence.fired = injector.map_or_else(Vec::new, |injector| injector.fired());
        let Seen { tensors, output, locked, cache } = seen;
        (evidence.tensors, evidence.output) = (tensors, output);
        (evidence.locked_pages, evidence.cache) = (locked, cache);
        Ok(evidence)
    }

    fn check_line(&self, options: &[String], setting: &Setting<'_>) -> String {
        let mut words = vec!["loadparity".to_owned(), "check".to_owned()];
        words.extend(self.reproduced_with.iter().cloned());
        let model = self.shown_model.clone().unwrap_or_else(|| self.model.display().to_string());
        if !model.is_empty() {
            words.extend(["-m".to_owned(), model]);
        }
        if let Some(machine) = &self.machine {
            words.extend(["--platform".to_owned(), machine.profile.name.to_owned()]);
        }
        words.push(format!("--dialect={}", setting.dialect.argument()));
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
