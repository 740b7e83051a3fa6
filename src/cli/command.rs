//! `check … -- CMD` and `compare`: commands that are not ours.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use super::check::{CheckArgs, DialectChoice, Faults, Progress};
use super::exit::Exit;
use super::format::{self, Format, Reporters};
use crate::check::{
    Breadth, CommandCampaign, Comparison, EraError, Event, Expectations, FaultCampaign, Level, Patience,
    find_era, real_spellings, union_of_spellings,
};
use crate::plan::Dialect;
use crate::subject::{ExternalCommand, FaultSpec, Template, TraceError, Truth};

/// How a command that is not ours is run.
#[derive(Clone, Debug, Args)]
pub struct CommandArgs {
    /// How often a command is run again before what it writes and does is believed.
    #[arg(long, default_value_t = 2, value_name = "N")]
    retries: u32,

    /// Milliseconds to wait before every run of a command.
    #[arg(long, default_value_t = 0, value_name = "MS")]
    settle: u64,

    /// End a run of a command after this many seconds.
    #[arg(long, default_value = "120", value_name = "S", value_parser = super::trace::seconds)]
    timeout: Duration,

    /// Known divergences of a command, each with its reason; one that is gone fails the run.
    #[arg(long, value_name = "FILE")]
    expect: Option<PathBuf>,
}

impl CommandArgs {
    /// Whether something was given that the reference engine has no use for.
    pub(super) fn is_given(&self) -> bool {
        self.expect.is_some()
    }

    fn patience(&self) -> Patience {
        Patience { retries: self.retries, settle: Duration::from_millis(self.settle) }
    }

    fn expected(&self) -> Result<Expectations, Exit> {
        let Some(path) = &self.expect else { return Ok(Expectations::default()) };
        let unusable = |error: &dyn std::fmt::Display| Exit::usage(format!("{}: {error}", path.display()));
        let bytes = std::fs::read(path).map_err(|error| unusable(&error))?;
        Expectations::read(&bytes).map_err(|error| unusable(&error))
    }
}

/// Arguments of `compare`.
#[derive(Clone, Debug, Args)]
pub struct CompareArgs {
    /// The model.
    #[arg(short, long, value_name = "FILE")]
    model: PathBuf,

    /// The command that is known, in the words of a shell, with `{model}` and `{flags}` in their places.
    #[arg(long, value_name = "CMD")]
    old: String,

    /// The command that is new.
    #[arg(long, value_name = "CMD")]
    new: String,

    /// Ask in the spellings of this dialect; without it, in those of every dialect of llama.cpp.
    #[arg(long, value_name = "NAME")]
    dialect: Option<Dialect>,

    /// A fault to inject into both, in every run, such as `open.direct:error=EINVAL`; may repeat.
    #[arg(long, value_name = "SPEC")]
    inject: Vec<FaultSpec>,

    #[command(flatten)]
    command: CommandArgs,

    #[allow(missing_docs, reason = "the help text is shared")]
    #[arg(long, default_value = "terminal", value_name = "FORMAT[=FILE]", help = format::HELP)]
    format: Vec<Format>,
}

/// Runs `check … -- CMD`.
pub(super) fn check(args: &CheckArgs, out: &mut dyn Write) -> Exit {
    try_check(args, out).unwrap_or_else(|exit| exit)
}

fn try_check(args: &CheckArgs, out: &mut dyn Write) -> Result<Exit, Exit> {
    let Some(model) = &args.model else {
        return Err(Exit::usage("a command needs a model: name the file with -m FILE"));
    };
    if args.level == Level::P3 {
        return Err(Exit::usage(
            "P3, the bytes of the tensors, cannot be observed of a command; take --level P2 or P4",
        ));
    }
    let template = Template::new(args.command.clone()).map_err(Exit::usage)?;
    let truth = truth(model)?;
    let expected = args.foreign.expected()?;
    let subject =
        ExternalCommand::new(template, model, args.foreign.timeout).with_faults(args.inject.clone());
    let patience = args.foreign.patience();
    let (dialect, notes) = match args.dialect {
        DialectChoice::Named(dialect) => (dialect, Vec::new()),
        DialectChoice::Auto => {
            let era = find_era(&subject, patience).map_err(unfound)?;
            (era.dialect, era.how)
        }
    };
    let model_name = model.display().to_string();
    let mut reporters = Reporters::new(&args.format, args.verbose, out)?;
    let progress = Progress::new();
    let tell = &mut |event: Event| {
        progress.event(&event);
        reporters.event(&event);
    };
    let (subject, truth) = (&subject, &truth);
    let finished = match args.faults {
        Some(faults) => {
            let pairs = faults == Faults::Pairs;
            FaultCampaign { subject, model_name, dialect, notes, pairs, truth, patience, expected }.run(tell)
        }
        None => {
            let (level, breadth) = (args.level, args.breadth());
            CommandCampaign { subject, model_name, dialect, notes, level, breadth, truth, patience, expected }
                .run(tell)
        }
    };
    let finished = finished.map_err(|error| untraced(&error))?;
    Ok(reporters.exit(finished.exit_code))
}

/// Runs `compare`.
pub(super) fn compare(args: &CompareArgs, out: &mut dyn Write) -> Exit {
    try_compare(args, out).unwrap_or_else(|exit| exit)
}

fn try_compare(args: &CompareArgs, out: &mut dyn Write) -> Result<Exit, Exit> {
    let side = |line: &str, flag: &str| {
        let template = Template::from_line(line).map_err(|e| Exit::usage(format!("{flag}: {e}")))?;
        let command = ExternalCommand::new(template, &args.model, args.command.timeout);
        Ok(command.with_faults(args.inject.clone()))
    };
    let (old, new) = (side(&args.old, "--old")?, side(&args.new, "--new")?);
    let truth = truth(&args.model)?;
    let comparison = Comparison {
        old: &old,
        new: &new,
        model_name: args.model.display().to_string(),
        spellings: args.dialect.map_or_else(union_of_spellings, |d| real_spellings(d, Breadth::Pairs)),
        truth: &truth,
        patience: args.command.patience(),
        expected: args.command.expected()?,
    };
    let mut reporters = Reporters::new(&args.format, false, out)?;
    let progress = Progress::new();
    let finished = comparison.run(&mut |event| {
        progress.event(&event);
        reporters.event(&event);
    });
    let finished = finished.map_err(|error| untraced(&error))?;
    Ok(reporters.exit(finished.exit_code))
}

fn truth(model: &Path) -> Result<Truth, Exit> {
    Truth::of_file(model).map_err(|error| Exit::usage(format!("{}: {error}", model.display())))
}

fn unfound(error: EraError) -> Exit {
    match error {
        EraError::Trace(error) => untraced(&error),
        EraError::Fails { .. } | EraError::None { .. } => Exit::Failed(1, error.to_string()),
    }
}

fn untraced(error: &TraceError) -> Exit {
    let code = match error {
        TraceError::NotPermitted { .. } | TraceError::Unsupported { .. } => 3,
        TraceError::System { .. } => 70,
        _ => 2,
    };
    Exit::Failed(code, error.to_string())
}
