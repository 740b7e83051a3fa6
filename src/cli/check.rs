//! `loadparity check`: the main job.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::command::CommandArgs;
use super::exit::Exit;
use super::format::{self, Format, Reporters};
use super::model::ModelFile;
use crate::check::{Breadth, Campaign, Event, Level};
use crate::engine::{CpuLevel, Generation, SamplerConfig};
use crate::plan::Dialect;
use crate::platform::FaultSpec;
use crate::subject::{ReferenceEngine, Subject, Truth};

/// Arguments of `check`.
#[derive(Clone, Debug, Args)]
pub struct CheckArgs {
    /// The model; without it, the small one inside the program.
    #[arg(short, long, value_name = "FILE")]
    pub model: Option<PathBuf>,

    /// The dialect that spellings are read in; `auto` finds out what a command speaks.
    #[arg(long, default_value = "reference", value_name = "NAME")]
    pub dialect: DialectChoice,

    /// How far to go: plans, code paths, tensor bytes, output.
    #[arg(long, value_enum, default_value = "P4", value_name = "LEVEL")]
    pub level: Level,

    /// Generate nothing: levels up to P3, for weights of a type that the engine cannot compute with.
    #[arg(long)]
    pub no_run: bool,

    /// Also really load every ordered triple of flags.
    #[arg(long, conflicts_with = "quick")]
    pub exhaustive: bool,

    /// Really load one spelling of each plan only, and resolve lines of two parts and not of three: for an
    /// emulator, where a load takes seconds.
    #[arg(long)]
    pub quick: bool,

    /// The prompt to generate from in every case.
    #[arg(short, long, default_value = "In the beginning", value_name = "TEXT")]
    pub prompt: String,

    /// Tokens to generate in every case.
    #[arg(short = 'n', long, default_value_t = 8, value_name = "N")]
    pub n_predict: usize,

    /// Seed of the sampler.
    #[arg(short, long, default_value_t = 42, value_name = "SEED")]
    pub seed: u64,

    /// Temperature of the sampler; 0 takes the likeliest token.
    #[arg(long, default_value_t = 0.8, value_name = "T")]
    pub temp: f32,

    /// Threads for generating; they do not change the result.
    #[arg(short, long, value_name = "N")]
    pub threads: Option<usize>,

    /// Vector instructions to use; they do not change the result.
    #[arg(long, value_name = "LEVEL")]
    pub cpu: Option<CpuLevel>,

    /// A fault to inject in every case, such as `open.direct:error=EINVAL`; may repeat.
    #[arg(long, value_name = "SPEC")]
    pub inject: Vec<FaultSpec>,

    #[allow(missing_docs, reason = "the help text is shared")]
    #[arg(long, default_value = "terminal", value_name = "FORMAT[=FILE]", help = format::HELP)]
    pub format: Vec<Format>,

    /// Also print every code path and every normalisation.
    #[arg(short, long)]
    pub verbose: bool,

    /// Inject faults into a command's own calls instead: `single`, or `pairs` for pairs too.
    #[arg(
        long,
        value_enum,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "pairs",
        value_name = "HOW"
    )]
    pub faults: Option<Faults>,

    #[allow(missing_docs, reason = "its arguments have help texts")]
    #[command(flatten)]
    pub foreign: CommandArgs,

    /// Check this command instead of the reference engine: its words, with `{model}` where the model file
    /// belongs and `{flags}` where the load flags do (Linux).
    #[arg(last = true, value_name = "CMD")]
    pub command: Vec<OsString>,
}

impl CheckArgs {
    /// Which spellings to really load.
    #[must_use]
    pub fn breadth(&self) -> Breadth {
        match (self.quick, self.exhaustive) {
            (true, _) => Breadth::Plans,
            (_, true) => Breadth::Triples,
            _ => Breadth::Pairs,
        }
    }
}

/// A dialect by name, or one that is to be found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialectChoice {
    /// What the command itself speaks.
    Auto,
    /// This one.
    Named(Dialect),
}

impl FromStr for DialectChoice {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        if name == "auto" {
            return Ok(Self::Auto);
        }
        name.parse().map(Self::Named).map_err(|error| format!("{error}, and auto"))
    }
}

/// Which faults are injected into a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Faults {
    /// One at a time.
    Single,
    /// One at a time, then pairs.
    Pairs,
}

/// Runs `check` with a command, or with the reference engine on this machine's platform.
pub(super) fn run(args: &CheckArgs, out: &mut dyn Write) -> Exit {
    if !args.command.is_empty() {
        return super::command::check(args, out);
    }
    for (given, flag) in [
        (args.dialect == DialectChoice::Auto, "--dialect auto"),
        (args.faults.is_some(), "--faults"),
        (args.foreign.is_given(), "--expect"),
    ] {
        if given {
            return Exit::usage(format!("{flag} is about a command: give one behind `--`"));
        }
    }
    let platform = crate::platform::native();
    let model = match ModelFile::open(args.model.as_deref(), &*platform) {
        Ok(model) => model,
        Err(exit) => return exit,
    };
    let mut engine = ReferenceEngine::new(platform, model.path()).with_faults(args.inject.clone());
    if let ModelFile::Embedded(_) = model {
        engine = engine.with_embedded_model();
    }
    let truth = match Truth::of_file(model.path()) {
        Ok(truth) => truth,
        Err(error) => return Exit::usage(format!("{}: {error}", model.name())),
    };
    if truth.files > 1 {
        return Exit::usage(format!(
            "{}: check follows the operations on one file, and this model is in {}; put them together with gguf merge",
            model.name(),
            truth.files
        ));
    }
    run_check(args, &engine, &truth, model.name(), out)
}

/// Runs a campaign on any subject and reports it; `truth` is what the model file holds and
/// `model_name` how reports name it.
pub fn run_check(
    args: &CheckArgs,
    subject: &dyn Subject,
    truth: &Truth,
    model_name: String,
    out: &mut dyn Write,
) -> Exit {
    let dialect = match args.dialect {
        DialectChoice::Named(dialect) => dialect,
        DialectChoice::Auto => Dialect::default(),
    };
    let campaign = Campaign {
        subject,
        model_name,
        dialect,
        level: if args.no_run { args.level.min(Level::P3) } else { args.level },
        breadth: args.breadth(),
        generation: Generation {
            prompt: args.prompt.clone(),
            n_predict: args.n_predict,
            n_ctx: None,
            sampler: SamplerConfig { seed: args.seed, temperature: args.temp, ..SamplerConfig::default() },
            threads: super::run::thread_count(args.threads),
            cpu: args.cpu.unwrap_or_else(CpuLevel::detect),
            ignore_eos: false,
            ..Generation::default()
        },
        truth,
    };
    let mut reporters = match Reporters::new(&args.format, args.verbose, out) {
        Ok(reporters) => reporters,
        Err(exit) => return exit,
    };
    let progress = Progress::new();
    let finished = campaign.run(&mut |event| {
        progress.event(&event);
        reporters.event(&event);
    });
    reporters.exit(finished.exit_code)
}

/// A bar on standard error while the cases run, if that is a terminal.
pub(super) struct Progress(ProgressBar);

impl Progress {
    pub(super) fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} cases {elapsed}") {
            bar.set_style(style);
        }
        Self(bar)
    }

    pub(super) fn event(&self, event: &Event) {
        match event {
            Event::Started(started) => self.0.set_length(started.planned_loads),
            Event::CompareStarted(started) => self.0.set_length(started.planned),
            Event::CaseFinished(_) | Event::Compared(_) => self.0.inc(1),
            Event::Finished(_) | Event::CompareFinished(_) => self.0.finish_and_clear(),
            _ => {}
        }
    }
}
