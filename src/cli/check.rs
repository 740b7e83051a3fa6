//! `loadparity check`: the main job.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::exit::Exit;
use super::model::ModelFile;
use crate::check::{Campaign, Event, Level};
use crate::engine::{CpuLevel, Generation, SamplerConfig};
use crate::plan::Dialect;
use crate::platform::FaultSpec;
use crate::report::{Json, Reporter, Terminal};
use crate::subject::{ReferenceEngine, Subject, Truth};

/// Arguments of `check`.
#[derive(Clone, Debug, Args)]
pub struct CheckArgs {
    /// The model; without it, the small one inside the program.
    #[arg(short, long, value_name = "FILE")]
    pub model: Option<PathBuf>,

    /// The dialect that spellings are read in.
    #[arg(long, default_value = "reference", value_name = "NAME")]
    pub dialect: Dialect,

    /// How far to go: plans, code paths, tensor bytes, output.
    #[arg(long, value_enum, default_value = "P4", value_name = "LEVEL")]
    pub level: Level,

    /// Also really load every ordered triple of flags.
    #[arg(long)]
    pub exhaustive: bool,

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

    /// `terminal` or `json`, each with `=FILE` to write there; may repeat.
    #[arg(long, default_value = "terminal", value_name = "FORMAT[=FILE]")]
    pub format: Vec<Format>,

    /// Also print every code path and every normalisation.
    #[arg(short, long)]
    pub verbose: bool,
}

/// An output format and where it goes.
#[derive(Clone, Debug)]
pub struct Format {
    kind: FormatKind,
    file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug)]
enum FormatKind {
    Terminal,
    Json,
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, file) = text.split_once('=').map_or((text, None), |(k, f)| (k, Some(f)));
        let kind = match kind {
            "terminal" => FormatKind::Terminal,
            "json" => FormatKind::Json,
            other => return Err(format!("unknown format `{other}`; known are terminal and json")),
        };
        match file {
            Some("") => Err(format!("`{text}` names no file after the `=`")),
            file => Ok(Self { kind, file: file.map(PathBuf::from) }),
        }
    }
}

/// Runs `check` with the reference engine on this machine's platform.
pub(super) fn run(args: &CheckArgs, out: &mut dyn Write) -> Exit {
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
    let campaign = Campaign {
        subject,
        model_name,
        dialect: args.dialect,
        level: args.level,
        exhaustive: args.exhaustive,
        generation: Generation {
            prompt: args.prompt.clone(),
            n_predict: args.n_predict,
            n_ctx: None,
            sampler: SamplerConfig { seed: args.seed, temperature: args.temp, ..SamplerConfig::default() },
            threads: super::run::thread_count(args.threads),
            cpu: args.cpu.unwrap_or_else(CpuLevel::detect),
            ignore_eos: false,
        },
        truth,
    };
    let mut reporters = match reporters(args, out) {
        Ok(reporters) => reporters,
        Err(exit) => return exit,
    };
    let progress = Progress::new();
    let mut failed = Ok(());
    let finished = campaign.run(&mut |event| {
        progress.event(&event);
        for reporter in &mut reporters {
            let written = reporter.event(&event);
            if failed.is_ok() {
                failed = written;
            }
        }
    });
    match failed {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Exit::internal(format!("cannot write the report: {error}"))
        }
        _ => Exit::Code(finished.exit_code),
    }
}

/// The reporters that were asked for. At most one may write to standard output.
fn reporters<'o>(args: &CheckArgs, out: &'o mut dyn Write) -> Result<Vec<Box<dyn Reporter + 'o>>, Exit> {
    let mut stdout = Some(out);
    let mut reporters: Vec<Box<dyn Reporter + 'o>> = Vec::new();
    for format in &args.format {
        let to_file = format.file.is_some();
        let sink: Box<dyn Write + 'o> = match &format.file {
            Some(path) => {
                let file = File::create(path)
                    .map_err(|error| Exit::usage(format!("cannot write {}: {error}", path.display())))?;
                Box::new(BufWriter::new(file))
            }
            None => Box::new(stdout.take().ok_or_else(|| {
                Exit::usage("two formats cannot both go to standard output; give one of them a file: --format json=FILE")
            })?),
        };
        reporters.push(match format.kind {
            FormatKind::Json => Box::new(Json::new(sink)),
            FormatKind::Terminal if to_file => Box::new(Terminal::new(sink, None, args.verbose).plain()),
            FormatKind::Terminal => Box::new(Terminal::new(sink, terminal_width(), args.verbose)),
        });
    }
    Ok(reporters)
}

/// The columns of the terminal on standard output, if it is one.
fn terminal_width() -> Option<u16> {
    let terminal = console::Term::stdout();
    terminal.is_term().then(|| terminal.size().1)
}

/// A bar on standard error while the cases run, if that is a terminal.
struct Progress(ProgressBar);

impl Progress {
    fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} cases {elapsed}") {
            bar.set_style(style);
        }
        Self(bar)
    }

    fn event(&self, event: &Event) {
        match event {
            Event::Started(started) => self.0.set_length(started.planned_loads),
            Event::CaseFinished(_) => self.0.inc(1),
            Event::Finished(_) => self.0.finish_and_clear(),
            Event::Failure(_) | Event::GroupFinished(_) => {}
        }
    }
}
