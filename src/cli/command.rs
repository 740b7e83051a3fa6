//! `check … -- CMD` and `compare`: commands that are not ours.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use super::check::{CampaignArgs, CheckArgs, DialectChoice, in_dialect, spelling};
use super::exit::Exit;
use super::format::{self, Format, Reporters};
use super::model::{layout_of, naming, truth_of};
use super::report_file::{Outputs, Overwrite};
use super::screen::{Bar, ScreenArgs};
use crate::check::{
    Breadth, Campaign, Comparison, EraError, Expectations, find_era, real_spellings, union_of_spellings,
    unknown_modes,
};
use crate::engine::Generation;
use crate::layout::Choice;
use crate::plan::{Dialect, Spelling};
use crate::rules::Level;
use crate::subject::{
    Depth, ExternalCommand, FaultSpec, Named, NotAvailable, Setting, Template, TraceError, Truth,
};

/// How often a command is run again where nothing is said.
const RETRIES: u32 = 2;

/// How long a run of a command may take where nothing is said.
const TIMEOUT: Duration = Duration::from_secs(120);

/// How a command that is not ours is run.
#[derive(Clone, Debug, Args)]
pub struct CommandArgs {
    #[allow(missing_docs, reason = "the help text has the default")]
    #[arg(long, value_name = "N", help = format!("How often a command is run again before what it writes and does is believed [default: {RETRIES}]"))]
    retries: Option<u32>,

    /// Milliseconds to wait before every run of a command.
    #[arg(long, value_name = "MS")]
    settle: Option<u64>,

    #[allow(missing_docs, reason = "the help text has the default")]
    #[arg(long, value_name = "S", value_parser = super::trace::seconds, help = format!("End a run of a command after this many seconds [default: {}]", TIMEOUT.as_secs()))]
    timeout: Option<Duration>,

    /// Do not compare a command's memory with the model file: P3 is then not observed.
    #[arg(long)]
    no_memory: bool,

    /// Run a command in this folder; its model is then named by its whole path.
    #[arg(long, value_name = "FOLDER")]
    cwd: Option<PathBuf>,

    /// Known divergences of a command, each with its reason; one that is gone fails the run.
    #[arg(long, value_name = "FILE")]
    expect: Option<PathBuf>,
}

impl CommandArgs {
    /// What was given that the reference engine has no use for.
    pub(super) fn given(&self) -> Option<&'static str> {
        let all = [
            (self.expect.is_some(), "--expect"),
            (self.retries.is_some(), "--retries"),
            (self.settle.is_some(), "--settle"),
            (self.timeout.is_some(), "--timeout"),
            (self.no_memory, "--no-memory"),
            (self.cwd.is_some(), "--cwd"),
        ];
        all.into_iter().find_map(|(given, flag)| given.then_some(flag))
    }

    /// How often a command is run again.
    pub(super) fn retries(&self) -> u32 {
        self.retries.unwrap_or(RETRIES)
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout.unwrap_or(TIMEOUT)
    }

    fn settle(&self) -> Duration {
        Duration::from_millis(self.settle.unwrap_or(0))
    }

    /// A command on a model, run as these arguments say.
    pub(super) fn subject(
        &self,
        template: Template,
        model: &Path,
        truth: &Truth,
        named: Named,
    ) -> Result<ExternalCommand, Exit> {
        if let Some(folder) = self.cwd.as_deref().filter(|folder| !folder.is_dir()) {
            return Err(Exit::usage(format!("--cwd {}: there is no such folder", folder.display())));
        }
        let command = ExternalCommand::new(template, model, self.timeout())
            .loading(truth.kind)
            .naming(named)
            .settling(self.settle())
            .seeing_memory(!self.no_memory);
        command.in_folder(self.cwd.as_deref()).map_err(Exit::internal)
    }

    pub(super) fn expected(&self) -> Result<Expectations, Exit> {
        let Some(path) = &self.expect else { return Ok(Expectations::default()) };
        let unusable = |error: &dyn std::fmt::Display| Exit::usage(format!("{}: {error}", path.display()));
        let bytes = super::input::read(path).map_err(|error| unusable(&error))?;
        Expectations::read(&bytes).map_err(|error| unusable(&error))
    }
}

/// Arguments of `compare`.
#[derive(Clone, Debug, Args)]
pub struct CompareArgs {
    /// The model; may repeat, for files with weights that the first does not name.
    #[arg(short, long, value_name = "FILE", required = true)]
    model: Vec<PathBuf>,

    #[arg(long, default_value = "auto", value_name = "KIND", help = super::model::LAYOUT)]
    layout: Choice,

    /// The command that is known, in the words of a shell, with `{model}` and `{flags}` in their places.
    #[arg(long, value_name = "CMD")]
    old: String,

    /// The command that is new.
    #[arg(long, value_name = "CMD")]
    new: String,

    /// Ask in the spellings of this dialect; without it, in those of every dialect of llama.cpp.
    #[arg(long, value_name = "NAME|FILE|BUILD", value_parser = crate::cli::dialect_arg::dialect)]
    dialect: Option<Dialect>,

    /// A fault to inject into both, in every run, such as `open.direct:error=EINVAL`; may repeat.
    #[arg(long, value_name = "SPEC")]
    inject: Vec<FaultSpec>,

    /// What has to be observed: P2 for the calls alone, P4 for the output too; without it, either bytes or
    /// outputs.
    #[arg(long, value_name = "P2|P4", value_parser = compare_level)]
    level: Option<Level>,

    /// Only this spelling, in the words of a shell; may repeat.
    #[arg(long, value_name = "SPELLING", value_parser = spelling, allow_hyphen_values = true)]
    only: Vec<Spelling>,

    #[command(flatten)]
    campaign: CampaignArgs,

    #[command(flatten)]
    command: CommandArgs,

    #[command(flatten)]
    pub(super) screen: ScreenArgs,

    #[allow(missing_docs, reason = "the help text is shared")]
    #[arg(long, default_value = "terminal", value_name = "FORMAT[=FILE]", help = format::HELP)]
    format: Vec<Format>,

    #[command(flatten)]
    #[allow(missing_docs, reason = "its field says it")]
    opening: format::Opening,

    #[command(flatten)]
    overwrite: Overwrite,
}

fn compare_level(name: &str) -> Result<Level, String> {
    match name.to_ascii_uppercase().as_str() {
        "P2" => Ok(Level::P2),
        "P4" => Ok(Level::P4),
        _ => Err(format!("`{name}` cannot be asked for here; P2 and P4 can")),
    }
}

/// How a line that runs a check of a command again names it: what stands in a file of options is left to that.
fn named(args: &CheckArgs) -> Named {
    let config = &args.config;
    let typed = if config.gave("model") { &[][..] } else { &args.model };
    let layout = if config.gave("layout") { Choice::Auto } else { args.layout };
    let mut words = config.words();
    words.extend(naming(typed, layout));
    if let Some(folder) = args.foreign.cwd.as_ref().filter(|_| !config.gave("command")) {
        words.extend(["--cwd".to_owned(), folder.display().to_string()]);
    }
    Named {
        words,
        dialect_in_file: config.gave("dialect") && args.dialect != DialectChoice::Auto,
        command_in_file: config.gave("command"),
    }
}

/// Runs `check … -- CMD`.
pub(super) fn check(args: &CheckArgs, out: &mut dyn Write) -> Exit {
    try_check(args, out).unwrap_or_else(|exit| exit)
}

fn try_check(args: &CheckArgs, out: &mut dyn Write) -> Result<Exit, Exit> {
    let Some(model) = args.model.first() else {
        return Err(Exit::usage(
            "a command needs a model: name the file with -m FILE, or as `model` in loadparity.toml",
        ));
    };
    // A command under faults may be one without flags: then there is one case.
    let template = Template::new(args.command.clone(), args.faults.is_some()).map_err(Exit::usage)?;
    let looks = args.list && args.dialect != DialectChoice::Auto;
    let truth = if looks { layout_of } else { truth_of }(&args.model, args.layout)?;
    let expected = args.foreign.expected()?;
    let one_case = !template.takes_flags();
    let subject =
        args.foreign.subject(template, model, &truth, named(args))?.with_faults(args.inject.clone());
    let generation = args.generation();
    let setting = |dialect| Setting {
        dialect,
        depth: args.depth(),
        generation: &generation,
        truth: &truth,
        patience: None,
    };
    let (dialect, notes) = match args.dialect {
        DialectChoice::Named(dialect) => (dialect, Vec::new()),
        DialectChoice::Auto => {
            let era = find_era(&subject, setting(Dialect::default())).map_err(unfound)?;
            (era.dialect, era.how)
        }
    };
    let given = args.campaign_on(&subject, setting(dialect), model.display().to_string());
    let notes = given.notes.iter().chain(&truth.notes).cloned().chain(notes).collect();
    let given = Campaign { notes, expected, ..given };
    let Some(faults) = args.faults else {
        return Ok(super::check::run_matrix(args, given, out));
    };
    let given = if one_case { super::faults::one_case(given) } else { given };
    Ok(super::faults::run(args, faults, given, Vec::new(), usize::from(args.campaign.jobs), out))
}

/// Runs `compare`.
pub(super) fn compare(args: &CompareArgs, out: &mut dyn Write) -> Exit {
    try_compare(args, out).unwrap_or_else(|exit| exit)
}

fn try_compare(args: &CompareArgs, out: &mut dyn Write) -> Result<Exit, Exit> {
    let template = |line: &str, flag: &str| {
        Template::from_line(line, true).map_err(|e| Exit::usage(format!("{flag}: {e}")))
    };
    let (old, new) = (template(&args.old, "--old")?, template(&args.new, "--new")?);
    let takes_flags = old.takes_flags() || new.takes_flags();
    let model = args.model.first().map_or(Path::new(""), PathBuf::as_path);
    let truth = truth_of(&args.model, args.layout)?;
    let mut words = naming(&args.model, args.layout);
    if let Some(folder) = &args.command.cwd {
        words.extend(["--cwd".to_owned(), folder.display().to_string()]);
    }
    let named = Named { words, ..Named::default() };
    let side = |template| {
        let side = args.command.subject(template, model, &truth, named.clone())?;
        Ok(side.with_faults(args.inject.clone()))
    };
    let (old, new) = (side(old)?, side(new)?);
    let generation = Generation::default();
    let dialect = args.dialect.unwrap_or_default();
    let spellings = match &args.only[..] {
        [] if !takes_flags => vec![Spelling::default()],
        [] => {
            let mut all = args.dialect.map_or_else(union_of_spellings, |d| real_spellings(d, Breadth::Pairs));
            all.extend(unknown_modes(dialect));
            all
        }
        only => only.iter().map(|only| in_dialect(only.clone(), dialect)).collect(),
    };
    let depth = if args.level == Some(Level::P2) { Depth::Load } else { Depth::Output };
    let comparison = Comparison {
        old: &old,
        new: &new,
        model_name: model.display().to_string(),
        setting: Setting { dialect, depth, generation: &generation, truth: &truth, patience: None },
        spellings,
        retries: args.command.retries(),
        jobs: usize::from(args.campaign.jobs),
        fail_fast: args.campaign.fail_fast,
        timelines: format::draws(&args.format, &args.opening),
        allow_unmet: args.campaign.allow_unmet,
        needs_output: args.level == Some(Level::P4),
        calls_suffice: args.level == Some(Level::P2),
        expected: args.command.expected()?,
        interrupted: crate::platform::ending::asked_to_end(),
    };
    let reporters = Reporters::new(&args.format, args.screen, out, Outputs::new(&args.overwrite))?
        .opening(&args.opening)?;
    let bar = Bar::new("compare", args.screen);
    let document = comparison.run(&mut |progress| bar.show(progress)).map_err(|error| unavailable(&error))?;
    drop(bar);
    Ok(reporters.finish(&document))
}

pub(super) fn unfound(error: EraError) -> Exit {
    match error {
        EraError::NotAvailable(error) => unavailable(&error),
        EraError::Fails { .. } | EraError::None { .. } => Exit::Failed(1, error.to_string()),
    }
}

/// The exit of a subject that cannot be run.
pub(super) fn unavailable(error: &NotAvailable) -> Exit {
    let code = match error {
        NotAvailable::Trace(TraceError::NotPermitted { .. } | TraceError::Unsupported { .. }) => 3,
        NotAvailable::Trace(TraceError::System { .. }) => 70,
        _ => 2,
    };
    Exit::Failed(code, error.to_string())
}
