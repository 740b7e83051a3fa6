//! A [`Spec`] → rows, for one model: loads cold and warm, then the tests on the last warm load.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use chrono::{DateTime, SecondsFormat, Utc};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::cache::{self, NotCold};
use super::model::ModelFacts;
use super::row::{LoadMemory, LoadTimes, Row, Timing};
use super::spec::{Point, Spec};
use crate::engine::tokenizer::{Tokenizer, TokenizerError};
use crate::engine::{self, Context, ContextError, DecodeError, LoadError, LoadOptions, Model, ModelError};
use crate::gguf::split::SplitError;
use crate::plan::LoadPlan;
use crate::plan::bench::BenchEntry;
use crate::platform::{Notice, Phase, Platform, Recorder, Recording};
use crate::rules::Summary;
use crate::tracer::own_memory;

/// Why something was not measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The model cannot be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The files of a split model do not belong together.
    #[error("{path}: {source}")]
    Split {
        /// The first file.
        path: PathBuf,
        /// What is wrong.
        source: SplitError,
    },
    /// The engine cannot run the model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// Its vocabulary is of no known kind.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// The context cannot be had.
    #[error(transparent)]
    Context(#[from] ContextError),
    /// The tokens were not taken.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

/// What happens while a model is measured, in order.
#[derive(Debug)]
pub enum Event {
    /// The loads of a mode begin.
    Loading {
        /// The load mode.
        mode: String,
    },
    /// A load told something.
    Notice(Notice),
    /// A test begins.
    Testing {
        /// The load mode.
        mode: String,
        /// The test.
        point: Point,
    },
    /// A test is done.
    Row(Box<Row>),
    /// A load mode or a test could not be measured; the others go on.
    Failed {
        /// Which.
        what: String,
        /// Why.
        error: BenchError,
    },
}

/// Measures everything that `spec` asks for on the model at `path`, which results call `name`. The
/// measured build is called `build` there.
///
/// Of each repetition the calls to the context are timed, as llama-bench does: no tokenizer, no
/// sampler. The tokens are drawn from a fixed seed, so that every mode and build gets the same.
///
/// # Errors
/// When the model's header cannot be read. What fails later is an [`Event::Failed`].
pub fn measure(
    platform: &Arc<dyn Platform>,
    path: &Path,
    name: &str,
    build: &str,
    spec: &Spec,
    tell: &mut dyn FnMut(Event),
) -> Result<(), BenchError> {
    let model = Arc::new(ModelFacts::read(platform, path, name)?);
    let subject = Subject { platform, path, model, build: build.into(), cpu: processor().into(), spec };
    for entry in &spec.loads {
        tell(Event::Loading { mode: mode_name(entry) });
        if let Err(error) = subject.load_mode(entry, tell) {
            tell(Event::Failed { what: mode_name(entry), error });
        }
    }
    Ok(())
}

/// How results call a load mode: by its word, and where an era had none by the reference's.
pub(super) fn mode_name(entry: &BenchEntry) -> String {
    let reference = entry.plan.reference_word().filter(|_| entry.label.contains(' '));
    reference.map_or_else(|| entry.label.clone(), str::to_owned)
}

/// What stays the same for all rows of a model.
struct Subject<'a> {
    platform: &'a Arc<dyn Platform>,
    path: &'a Path,
    model: Arc<ModelFacts>,
    build: Arc<str>,
    cpu: Arc<str>,
    spec: &'a Spec,
}

/// A load and what it took.
struct Load {
    loaded: engine::Loaded,
    time_ns: u64,
    effective: String,
    notices: Vec<Notice>,
}

impl Subject<'_> {
    /// All rows of one load mode.
    fn load_mode(&self, entry: &BenchEntry, tell: &mut dyn FnMut(Event)) -> Result<(), BenchError> {
        let cold = self.timed_loads(entry.plan, cache::evict)?;
        let warm = self.timed_loads(entry.plan, cache::fill)?;
        // The load that the tests run on; the modes must not differ in what they find in the cache.
        let _ = cache::fill(self.platform, &self.model.files);
        let before = own_memory();
        let last = self.load(entry.plan)?;
        let memory = before.zip(own_memory()).map(|(before, after)| LoadMemory {
            anonymous: after.anonymous.saturating_sub(before.anonymous),
            file: after.file.saturating_sub(before.file),
            lock_needed: after.locked.saturating_sub(before.locked),
            lock_limit: after.lock_limit,
        });
        last.notices.into_iter().for_each(|notice| tell(Event::Notice(notice)));
        let times = Arc::new(LoadTimes { cold, warm, effective: last.effective, memory });
        let load_mode: Arc<str> = mode_name(entry).into();
        let tokenizer = Tokenizer::from_gguf(&last.loaded.gguf)?;
        let model = Arc::new(Model::new(last.loaded.gguf, last.loaded.weights)?);
        for point in self.spec.points() {
            tell(Event::Testing { mode: load_mode.to_string(), point });
            match self.test(&model, &tokenizer, point) {
                Ok((test_time, samples_ns)) => tell(Event::Row(Box::new(Row {
                    build: self.build.clone(),
                    cpu: self.cpu.clone(),
                    model: self.model.clone(),
                    load_mode: load_mode.clone(),
                    load: times.clone(),
                    point,
                    test_time,
                    samples_ns,
                }))),
                Err(error) => tell(Event::Failed { what: format!("{load_mode} {}", point.test), error }),
            }
        }
        Ok(())
    }

    /// Times loads, each after `prepare` has put the page cache into the state that they are named by.
    fn timed_loads(
        &self,
        plan: LoadPlan,
        prepare: impl Fn(&Arc<dyn Platform>, &[PathBuf]) -> Result<(), NotCold>,
    ) -> Result<Result<Timing, NotCold>, BenchError> {
        let mut samples_ns = Vec::new();
        for _ in 0..self.spec.load_repetitions {
            if let Err(why) = prepare(self.platform, &self.model.files) {
                return Ok(Err(why));
            }
            samples_ns.push(self.load(plan)?.time_ns);
        }
        Ok(if samples_ns.is_empty() { Err(NotCold::NotAsked) } else { Ok(Timing { samples_ns }) })
    }

    fn load(&self, plan: LoadPlan) -> Result<Load, BenchError> {
        let recording = Recording::new();
        let notices = Arc::new(std::sync::Mutex::new(Vec::new()));
        let told = notices.clone();
        let recorder = Recorder::new(self.platform.clone(), recording.clone()).on_notice(move |notice| {
            told.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(notice.clone());
        });
        let stack: Arc<dyn Platform> = Arc::new(recorder);
        let started = Instant::now();
        let loaded = engine::load(&stack, self.path, plan, LoadOptions::default())?;
        let time_ns = nanoseconds(started);
        let effective = Summary::of(&recording.ops()).effective.to_string();
        let notices = std::mem::take(&mut *notices.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        stack.enter_phase(Phase::Run);
        Ok(Load { loaded, time_ns, effective, notices })
    }

    /// When a test began, and the time of each repetition.
    fn test(
        &self,
        model: &Arc<Model>,
        tokenizer: &Tokenizer,
        point: Point,
    ) -> Result<(String, Vec<u64>), BenchError> {
        let test = point.test;
        let n_ctx = test.n_prompt + test.n_gen + point.n_depth;
        let mut context = Context::new(model.clone(), n_ctx, point.n_threads, self.spec.cpu)?;
        context.set_batch(point.n_ubatch);
        let mut tokens = Tokens::new(tokenizer, model.vocabulary());
        let test_time = now();
        if self.spec.warmup {
            prompt(&mut context, &mut tokens, test.n_prompt, point.n_batch)?;
            generate(&mut context, &mut tokens, test.n_gen.min(1))?;
        }
        let mut samples_ns = Vec::new();
        for _ in 0..self.spec.repetitions {
            context.clear();
            tokens.restart();
            prompt(&mut context, &mut tokens, point.n_depth, point.n_batch)?;
            let started = Instant::now();
            prompt(&mut context, &mut tokens, test.n_prompt, point.n_batch)?;
            generate(&mut context, &mut tokens, test.n_gen)?;
            samples_ns.push(nanoseconds(started));
        }
        Ok((test_time, samples_ns))
    }
}

/// Decodes a prompt of so many tokens, in batches.
fn prompt(
    context: &mut Context,
    tokens: &mut Tokens,
    n_prompt: usize,
    n_batch: usize,
) -> Result<(), DecodeError> {
    let all: Vec<u32> = tokens.take(n_prompt).collect();
    for batch in all.chunks(n_batch.max(1)) {
        context.decode(batch)?;
    }
    Ok(())
}

/// Decodes so many tokens one by one.
fn generate(context: &mut Context, tokens: &mut Tokens, n_gen: usize) -> Result<(), DecodeError> {
    tokens.take(n_gen).try_for_each(|token| context.decode(&[token]).map(|_| ()))
}

/// Tokens for a test: the vocabulary's first token of a text where it has one, then some of a fixed
/// sequence.
struct Tokens {
    first: Option<u32>,
    vocabulary: u64,
    sequence: ChaCha8Rng,
    fresh: bool,
}

impl Tokens {
    const SEED: u64 = 42;

    fn new(tokenizer: &Tokenizer, vocabulary: usize) -> Self {
        Self::of(tokenizer.bos().filter(|_| tokenizer.adds_bos()), vocabulary as u64)
    }

    fn of(first: Option<u32>, vocabulary: u64) -> Self {
        Self { first, vocabulary, sequence: ChaCha8Rng::seed_from_u64(Self::SEED), fresh: true }
    }

    /// Begins the sequence anew.
    fn restart(&mut self) {
        *self = Self::of(self.first, self.vocabulary);
    }

    fn take(&mut self, count: usize) -> impl Iterator<Item = u32> {
        (0..count).map(|_| self.next_token())
    }

    fn next_token(&mut self) -> u32 {
        if let (true, Some(first)) = (std::mem::take(&mut self.fresh), self.first) {
            return first;
        }
        // Below the vocabulary's size, which came from a file's array and fits 32 bits of ids.
        (self.sequence.next_u64() % self.vocabulary.max(1)) as u32
    }
}

fn nanoseconds(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// The processor's name where the system tells it in a file, else its architecture.
fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let named = text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == "model name").then(|| value.trim().to_owned())
    });
    named.unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

/// The time now, in UTC as RFC 3339 has it.
fn now() -> String {
    DateTime::<Utc>::from(SystemTime::now()).to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_the_same_each_time_and_within_the_vocabulary() {
        let mut tokens = Tokens::of(Some(1), 50);
        let once: Vec<u32> = tokens.take(500).collect();
        assert_eq!(once[0], 1);
        assert!(once.iter().all(|token| *token < 50));
        assert!((0..50).all(|token| once.contains(&token)), "every token comes up");
        let more: Vec<u32> = tokens.take(3).collect();
        tokens.restart();
        assert_eq!(tokens.take(500).collect::<Vec<_>>(), once);
        assert_eq!(tokens.take(3).collect::<Vec<_>>(), more);
    }

    #[test]
    fn modes_are_called_by_their_words() {
        let entry = |plan, label: &str| BenchEntry { plan, label: label.to_owned() };
        assert_eq!(mode_name(&entry(LoadPlan::map(true), "mmap+mlock")), "mmap+mlock");
        assert_eq!(mode_name(&entry(LoadPlan::read(false), "mmap 0, dio 0")), "none");
    }
}
