//! `loadparity run`: load a model and generate.

mod memory;

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::exit::Exit;
use super::model::ModelFile;
use super::report_file::{Outputs, Overwrite};
use super::streams::tell;
use crate::engine::{self, CpuLevel, Generated, Generation, LoadOptions, Loaded, SamplerConfig, StopReason};
use crate::plan::{Dialect, LoadPlan};
use crate::platform::{FaultSpec, Injector, Platform, Recorder, Recording, Residency};
use crate::rules::Summary;
use crate::subject::TensorHashes;
use crate::trace::{Call, End, Header, NoticeLevel, Observation, Op, Phase, Seen, Status, TraceFile, Word};

/// Arguments of `run`, beside the load flags.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// The model; without it, the small one inside the program.
    #[arg(short, long, value_name = "FILE")]
    model: Option<PathBuf>,

    /// The dialect that the load flags are read in.
    #[arg(long, default_value = "reference", value_name = "NAME|FILE|BUILD", value_parser = crate::cli::dialect_arg::dialect)]
    dialect: Dialect,

    /// The text to go on from.
    #[arg(short, long, default_value = "", value_name = "TEXT", allow_hyphen_values = true)]
    prompt: String,

    /// Read the prompt from a file.
    #[arg(short, long, conflicts_with = "prompt", value_name = "FILE")]
    file: Option<PathBuf>,

    /// Tokens to generate; -1 goes on until the model ends the text or the context is full.
    #[arg(
        short = 'n',
        long,
        visible_alias = "predict",
        default_value_t = 64,
        value_name = "N",
        allow_negative_numbers = true
    )]
    n_predict: i64,

    /// Tokens of context; 0 is what the model was trained with.
    #[arg(short, long, value_name = "N")]
    ctx_size: Option<usize>,

    /// Seed of the sampler.
    #[arg(short, long, default_value_t = 42, value_name = "SEED")]
    seed: u64,

    /// Temperature; 0 takes the likeliest token.
    #[arg(long, visible_alias = "temperature", default_value_t = SamplerConfig::default().temperature, value_name = "T")]
    temp: f32,

    /// Draw from the K likeliest tokens only; 0 is all.
    #[arg(long, default_value_t = SamplerConfig::default().top_k, value_name = "K")]
    top_k: usize,

    /// Draw from the tokens of about the expected surprise that together reach this probability.
    #[arg(long, visible_alias = "typical-p", default_value_t = SamplerConfig::default().typical_p, value_name = "P")]
    typical: f32,

    /// Draw from the likeliest tokens that together reach this probability.
    #[arg(long, default_value_t = SamplerConfig::default().top_p, value_name = "P")]
    top_p: f32,

    /// Drop tokens less likely than this share of the likeliest.
    #[arg(long, default_value_t = SamplerConfig::default().min_p, value_name = "P")]
    min_p: f32,

    /// Make recent tokens less likely; 1 is off.
    #[arg(long, default_value_t = SamplerConfig::default().repeat_penalty, value_name = "X")]
    repeat_penalty: f32,

    /// Make recent tokens less likely, the more often they occur.
    #[arg(long, allow_negative_numbers = true, default_value_t = SamplerConfig::default().frequency_penalty, value_name = "X")]
    frequency_penalty: f32,

    /// Make recent tokens less likely, however often they occur.
    #[arg(long, allow_negative_numbers = true, default_value_t = SamplerConfig::default().presence_penalty, value_name = "X")]
    presence_penalty: f32,

    /// Make a token likelier or less likely: `15043+1`, `15043-1`, `15043-inf`; may repeat.
    #[arg(short, long, value_name = "TOKEN(+/-)BIAS", value_parser = parse_bias)]
    logit_bias: Vec<(u32, f32)>,

    /// End the text before this string; may repeat.
    #[arg(
        short,
        long = "reverse-prompt",
        visible_alias = "stop",
        value_name = "TEXT",
        allow_hyphen_values = true
    )]
    reverse_prompt: Vec<String>,

    /// Take the prompt for a message, and put it before the model by its chat template.
    #[arg(long)]
    conversation: bool,

    /// Take the prompt for plain text, which is the default.
    #[arg(long, conflicts_with = "conversation")]
    no_conversation: bool,

    /// The system's message of a conversation.
    #[arg(long, value_name = "TEXT", requires = "conversation", allow_hyphen_values = true)]
    system_prompt: Option<String>,

    /// How many recent tokens that is; 0 is none, -1 all.
    #[arg(long, allow_negative_numbers = true, default_value_t = SamplerConfig::default().repeat_last_n, value_name = "N")]
    repeat_last_n: i64,

    /// Threads for generating; they do not change the result.
    #[arg(short, long, value_name = "N")]
    threads: Option<usize>,

    /// Threads for the prompt, if not as many.
    #[arg(long, value_name = "N")]
    threads_batch: Option<usize>,

    /// Tokens of the prompt that go through the layers together; they do not change the result.
    #[arg(short, long, visible_alias = "ubatch-size", value_name = "N")]
    batch_size: Option<usize>,

    /// Vector instructions to use; they do not change the result.
    #[arg(long, value_name = "LEVEL")]
    cpu: Option<CpuLevel>,

    /// Go on after an end-of-generation token.
    #[arg(long)]
    ignore_eos: bool,

    /// Taken for llama.cpp's sake: weights are used as they lie in the file, never packed anew.
    #[arg(long)]
    no_repack: bool,

    /// Write every operation on the platform seam to this file.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,

    #[command(flatten)]
    overwrite: Overwrite,

    /// Inject a fault, such as `read.direct:error=EINVAL:when=2`; may repeat.
    #[arg(long, value_name = "SPEC")]
    inject: Vec<FaultSpec>,

    /// Load the model and generate nothing: for weights of a type that the engine cannot compute with.
    #[arg(long)]
    no_run: bool,

    /// Read the header alone, and show the prompt's tokens.
    #[arg(long, conflicts_with_all = ["no_run", "json", "trace"])]
    vocab_only: bool,

    /// Print one JSON document instead of the text.
    #[arg(long)]
    json: bool,
}

/// How many threads to use when none, or a count, was asked for.
pub(super) fn thread_count(asked: Option<usize>) -> usize {
    asked.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, std::num::NonZero::get)).max(1)
}

/// llama.cpp's one-dash flags of several letters, and the two-dash flags that clap can take.
pub(super) const LONG_SHORTS: &[(&str, &str)] = &[
    ("-temp", "--temp"),
    ("-tb", "--threads-batch"),
    ("-ub", "--batch-size"),
    ("-cnv", "--conversation"),
    ("-no-cnv", "--no-conversation"),
    ("--no-cnv", "--no-conversation"),
    ("-sys", "--system-prompt"),
    ("-nr", "--no-repack"),
];

/// The words with every name of [`LONG_SHORTS`] as clap can take it.
pub(super) fn without_long_shorts(argv: Vec<OsString>, names: &[(&str, &str)]) -> Vec<OsString> {
    let long = |word: OsString| match names.iter().find(|(short, _)| word == *short) {
        Some((_, long)) => long.into(),
        None => word,
    };
    argv.into_iter().map(long).collect()
}

/// A token id and what to add to its logit, in llama.cpp's spelling.
fn parse_bias(text: &str) -> Result<(u32, f32), String> {
    let wrong = || format!("`{text}` is no bias: write TOKEN+AMOUNT or TOKEN-AMOUNT, such as 15043-inf");
    let sign = text.find(['+', '-']).ok_or_else(wrong)?;
    let token = text[..sign].parse().map_err(|_| wrong())?;
    let amount = text[sign..].parse().map_err(|_| wrong())?;
    Ok((token, amount))
}

/// Runs the command.
pub(super) fn run(
    args: &RunArgs,
    load_flags: &[String],
    env: &[(String, String)],
    out: &mut dyn Write,
) -> Exit {
    match try_run(args, load_flags, env, out) {
        Ok(()) => Exit::Code(0),
        Err(exit) => exit,
    }
}

fn try_run(
    args: &RunArgs,
    load_flags: &[String],
    env: &[(String, String)],
    out: &mut dyn Write,
) -> Result<(), Exit> {
    let argv: Vec<&str> = load_flags.iter().map(String::as_str).collect();
    let env: Vec<(&str, &str)> = env.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let resolved = crate::plan::resolve(args.dialect, &argv, &env).map_err(Exit::usage)?;
    for warning in &resolved.warnings {
        tell(&format!("warning: {warning}"));
    }
    let native = crate::platform::native();
    let model = ModelFile::open(args.model.as_deref(), &*native)?;
    if args.vocab_only {
        return vocabulary_only(args, &native, &model, out);
    }
    // The trace file is tried before the work, so that a wrong path costs nothing.
    let mut outputs = Outputs::new(&args.overwrite);
    let trace_out = args.trace.as_deref().map(|path| outputs.file(path)).transpose()?;

    if let Some(fault) = args.inject.iter().find(|fault| fault.alters_file()) {
        return Err(Exit::usage(format!(
            "`{fault}` alters the model file, which only `check … -- CMD` does, on a private copy"
        )));
    }
    let recording = Recording::new();
    let mut stack: Arc<dyn Platform> = native.clone();
    let injector =
        (!args.inject.is_empty()).then(|| Arc::new(Injector::new(stack.clone(), args.inject.clone())));
    if let Some(injector) = &injector {
        stack = injector.clone();
    }
    let recorder = Recorder::new(stack, recording.clone()).on_notice(|notice| {
        let prefix = if notice.level == NoticeLevel::Warning { "warning: " } else { "" };
        tell(&format!("{prefix}{}", notice.text));
    });
    let stack: Arc<dyn Platform> = Arc::new(recorder);

    let before = args.json.then(|| memory::Before::of(&native, &model));
    let mut taken = None;
    let mut observations = Vec::new();
    let mut observe = |weights: &engine::Weights| {
        taken = before.as_ref().and_then(memory::Before::taken);
        if args.trace.is_some() {
            observations.extend(locked_pages(weights, recording.ops().len()));
        }
    };
    let result = load_and_generate(args, resolved.plan, &stack, &model, &mut observe, out);
    // Only now is everything given back and the trace whole.
    drop(stack);
    let fired = injector.map_or_else(Vec::new, |injector| injector.fired());
    for (fault, _) in args.inject.iter().zip(fired).filter(|(_, fired)| *fired == 0) {
        tell(&format!("warning: fault-met: `{fault}` met no call"));
    }
    let ops = recording.ops();
    if let Some(file) = trace_out {
        let trace = TraceFile {
            header: header(args, &model, load_flags),
            ops: ops.clone(),
            observations,
            end: Some(End {
                status: Status::Code(result.as_ref().map_or_else(Exit::code, |_| 0).into()),
                unseen: Vec::new(),
            }),
        };
        let mut text = Vec::new();
        trace.write(&mut text).and_then(|()| file.write(&text)).map_err(|error| file.unwritten(&error))?;
    }
    let done = result?;
    if args.json {
        let document = document(args, resolved.plan, &done, taken, &ops);
        serde_json::to_writer(&mut *out, &document).map_err(Exit::internal)?;
        writeln!(out).map_err(Exit::internal)?;
    }
    Ok(())
}

/// What the kernel says of the pages that were locked; nothing where none was, or where it does not say.
fn locked_pages(weights: &engine::Weights, after: usize) -> Option<Observation> {
    let Residency { pages, resident, locked } = weights.locked_residency().ok()?;
    let seen = Seen::Pages { pages, resident, locked };
    (pages > 0).then_some(Observation { after: after as u64, pid: 0, seen })
}

/// The prompt's tokens, from the header alone: no tensor is touched.
fn vocabulary_only(
    args: &RunArgs,
    platform: &Arc<dyn Platform>,
    model: &ModelFile,
    out: &mut dyn Write,
) -> Result<(), Exit> {
    let (_, gguf) = engine::open_header(platform, model.path()).map_err(Exit::usage)?;
    let tokenizer = engine::Tokenizer::from_gguf(&gguf).map_err(Exit::usage)?;
    let tokens = tokenizer.encode(&args.prompt, true, true).map_err(Exit::usage)?;
    writeln!(out, "{} tokens in the vocabulary; the prompt is {tokens:?}", tokenizer.vocab_size())
        .map_err(Exit::internal)
}

/// What is left to tell once the model is gone.
struct Done {
    resolved: LoadPlan,
    tensors: Option<String>,
    /// Nothing under `--no-run`.
    generated: Option<Generated>,
    load_time: Duration,
}

fn load_and_generate(
    args: &RunArgs,
    plan: LoadPlan,
    stack: &Arc<dyn Platform>,
    model: &ModelFile,
    observe: &mut dyn FnMut(&engine::Weights),
    out: &mut dyn Write,
) -> Result<Done, Exit> {
    let started = Instant::now();
    let bar = LoadBar::new();
    let progress = |done, wanted| bar.set(done, wanted);
    let options = LoadOptions { progress: Some(&progress), ..LoadOptions::default() };
    let loaded = engine::load(stack, model.path(), plan, options);
    bar.clear();
    let Loaded { gguf, weights, resolved } = loaded.map_err(Exit::usage)?;
    let load_time = started.elapsed();
    stack.enter_phase(Phase::Run);
    observe(&weights);
    let tensors = args.json.then(|| TensorHashes::of(&gguf, &*weights).combined());

    if args.no_run {
        drop(weights);
        return Ok(Done { resolved, tensors, generated: None, load_time });
    }
    let generation = generation(args, &gguf)?;
    let mut write_error = None;
    let generated = engine::generate(&gguf, weights, &generation, &mut |text| {
        if !args.json && write_error.is_none() {
            write_error = write!(out, "{text}").and_then(|()| out.flush()).err();
        }
    })
    .map_err(Exit::usage)?;
    if !args.json && write_error.is_none() {
        write_error = writeln!(out).err();
    }
    match write_error {
        Some(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Exit::internal(format!("cannot write the text: {error}")))
        }
        _ => {
            if generated.stop == StopReason::ContextFull {
                tell("note: the context is full; -c N asks for a longer one");
            }
            Ok(Done { resolved, tensors, generated: Some(generated), load_time })
        }
    }
}

fn generation(args: &RunArgs, gguf: &crate::gguf::Gguf) -> Result<Generation, Exit> {
    let prompt = match &args.file {
        None => args.prompt.clone(),
        Some(path) => super::input::text(path).map_err(|error| {
            Exit::usage(format!("cannot read the prompt from {}: {error}", path.display()))
        })?,
    };
    let trained = engine::Hyperparameters::read(gguf).map_err(Exit::usage)?.context;
    let n_predict = usize::try_from(args.n_predict).unwrap_or(trained);
    let n_ctx = match args.ctx_size {
        Some(0) => Some(trained),
        None if args.n_predict < 0 => Some(trained),
        size => size,
    };
    Ok(Generation {
        prompt,
        n_predict,
        n_ctx,
        sampler: SamplerConfig {
            seed: args.seed,
            temperature: args.temp,
            top_k: args.top_k,
            typical_p: args.typical,
            top_p: args.top_p,
            min_p: args.min_p,
            repeat_penalty: args.repeat_penalty,
            frequency_penalty: args.frequency_penalty,
            presence_penalty: args.presence_penalty,
            repeat_last_n: args.repeat_last_n,
            ..SamplerConfig::default()
        },
        logit_bias: args.logit_bias.clone(),
        stop: args.reverse_prompt.clone(),
        conversation: args.conversation,
        system: args.system_prompt.clone(),
        threads: thread_count(args.threads),
        prompt_threads: args.threads_batch.map(|threads| thread_count(Some(threads))),
        batch: args.batch_size,
        cpu: args.cpu.unwrap_or_else(CpuLevel::detect),
        ignore_eos: args.ignore_eos,
    })
}

fn header(args: &RunArgs, model: &ModelFile, load_flags: &[String]) -> Header {
    let platform = crate::platform::native();
    Header {
        os: platform.name().to_owned(),
        arch: std::env::consts::ARCH.to_owned(),
        page_size: platform.limits().page_size,
        command: ["loadparity", "run"]
            .into_iter()
            .map(str::to_owned)
            .chain(load_flags.iter().cloned())
            .collect(),
        seed: Some(args.seed),
        model: Some(model.name()),
        creator: env!("CARGO_PKG_NAME").to_owned(),
        creator_version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// What `run --json` prints: what was generated, and how the model was loaded.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct RunDocument {
    schema: String,
    prompt_tokens: Vec<u32>,
    tokens: Vec<u32>,
    /// The generated text; bytes that are no UTF-8 are replaced.
    text: String,
    /// Why the text ends; not under `--no-run`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stop: Option<String>,
    load: Load,
    hash: Hashes,
    seed: u64,
    timings: Timings,
}

impl RunDocument {
    pub(super) const SCHEMA: &str = "loadparity.run/1";
}

/// How the model was loaded.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Load {
    /// The plan of the flags.
    asked: String,
    /// The plan after `auto` was decided.
    resolved: String,
    /// What the operations show to have happened.
    effective: String,
    /// Every warning of the loader.
    fallbacks: Vec<Fallback>,
    /// Bytes locked at the end of the load.
    locked_bytes: u64,
    /// The memory that it took; absent where the system does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    memory: Option<memory::Memory>,
}

/// A warning of the loader.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Fallback {
    code: String,
    text: String,
}

/// Hashes over the weights and over the output.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Hashes {
    /// One hash over the hashes of all tensors.
    tensors: Option<String>,
    /// One hash over the logits of every step; not under `--no-run`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    logits: Option<String>,
}

/// How long things took.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Timings {
    load_ms: f64,
    prompt_ms: f64,
    predict_ms: f64,
}

fn document(
    args: &RunArgs,
    asked: LoadPlan,
    done: &Done,
    memory: Option<memory::Memory>,
    ops: &[Op],
) -> RunDocument {
    let Done { resolved, tensors, generated, load_time } = done;
    let summary = Summary::of(ops);
    let fallbacks = ops.iter().filter_map(|op| match &op.call {
        Call::Notice(n) if n.level == NoticeLevel::Warning => {
            Some(Fallback { code: n.code.word().to_owned(), text: n.text.clone() })
        }
        _ => None,
    });
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let generated = generated.as_ref();
    RunDocument {
        schema: RunDocument::SCHEMA.to_owned(),
        prompt_tokens: generated.map_or(Vec::new(), |g| g.prompt_tokens.clone()),
        tokens: generated.map_or(Vec::new(), |g| g.tokens.clone()),
        text: generated.map_or(String::new(), |g| String::from_utf8_lossy(&g.text).into_owned()),
        stop: generated.map(|g| g.stop.word().to_owned()),
        load: Load {
            asked: asked.to_string(),
            resolved: resolved.to_string(),
            effective: summary.effective.to_string(),
            fallbacks: fallbacks.collect(),
            locked_bytes: summary.locked_bytes,
            memory,
        },
        hash: Hashes {
            tensors: tensors.clone(),
            logits: generated.map(|g| g.logits_hash.to_hex().to_string()),
        },
        seed: args.seed,
        timings: Timings {
            load_ms: ms(*load_time),
            prompt_ms: ms(generated.map_or(Duration::ZERO, |g| g.prompt_time)),
            predict_ms: ms(generated.map_or(Duration::ZERO, |g| g.predict_time)),
        },
    }
}

/// A bar on standard error, if that is a terminal and the load takes longer than a glance.
struct LoadBar {
    bar: ProgressBar,
    started: Instant,
}

impl LoadBar {
    const PATIENCE: Duration = Duration::from_millis(400);

    fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if let Ok(style) =
            ProgressStyle::with_template("loading {bar:30} {bytes}/{total_bytes} {bytes_per_sec}")
        {
            bar.set_style(style);
        }
        Self { bar, started: Instant::now() }
    }

    fn set(&self, done: u64, wanted: u64) {
        if self.started.elapsed() < Self::PATIENCE {
            return;
        }
        if self.bar.is_hidden() {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.set_length(wanted);
        self.bar.set_position(done);
    }

    fn clear(&self) {
        self.bar.finish_and_clear();
    }
}
