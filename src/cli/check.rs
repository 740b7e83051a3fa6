//! `loadparity check`: the main job.

use std::ffi::OsString;
use std::io::Write;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;

use super::command::CommandArgs;
use super::config::ConfigArgs;
use super::exit::Exit;
use super::faults::ExploreArgs;
use super::format::{self, Format, Reporters};
use super::model::ModelFile;
use super::report_file::{Outputs, Overwrite};
use super::screen::{Bar, ScreenArgs};
use crate::check::document::{CaseResult, CheckDocument, Part};
use crate::check::{Breadth, Campaign, Expectations, Matrix, Selection, Wanted};
use crate::engine::{CpuLevel, Generation, SamplerConfig};
use crate::layout::{Choice, Kind};
use crate::plan::{Dialect, Spelling};
use crate::platform::{FaultSpec, SimSystem};
use crate::rules::Level;
use crate::subject::{Depth, ReferenceEngine, Setting, Subject, Truth};

/// The weights in bytes of a model of which several loads may lie in memory at a time.
const SMALL: u64 = 64 << 20;

/// How many loads overlap at most.
const MOST_AT_ONCE: usize = 4;

/// Arguments of `check`.
#[derive(Clone, Debug, Args)]
pub struct CheckArgs {
    /// The model; without it, the small one inside the program. For a command it may be of any layout, and may
    /// repeat: for files with weights that the first does not name.
    #[arg(short, long, value_name = "FILE")]
    pub model: Vec<PathBuf>,

    #[allow(missing_docs, reason = "the help text is shared")]
    #[arg(long, default_value = "auto", value_name = "KIND", help = super::model::LAYOUT)]
    pub layout: Choice,

    /// The dialect that spellings are read in; `auto` finds out what a command speaks.
    #[arg(long, default_value = "reference", value_name = "NAME|FILE|BUILD")]
    pub dialect: DialectChoice,

    /// How far to go: plans, code paths, tensor bytes, output. A level that is named has to be observed;
    /// without it, as far as the subject shows.
    #[arg(long, value_name = "P1|P2|P3|P4", value_parser = level)]
    pub level: Option<Level>,

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
    #[arg(short, long, default_value = "In the beginning", value_name = "TEXT", conflicts_with = "command")]
    pub prompt: String,

    /// Tokens to generate in every case.
    #[arg(short = 'n', long, default_value_t = 8, value_name = "N", conflicts_with = "command")]
    pub n_predict: usize,

    /// Seed of the sampler.
    #[arg(short, long, default_value_t = 42, value_name = "SEED", conflicts_with = "command")]
    pub seed: u64,

    /// Temperature of the sampler; 0 takes the likeliest token.
    #[arg(long, default_value_t = 0.8, value_name = "T", conflicts_with = "command")]
    pub temp: f32,

    /// Threads for generating; they do not change the result.
    #[arg(short, long, value_name = "N", conflicts_with = "command")]
    pub threads: Option<usize>,

    /// Vector instructions to use; they do not change the result.
    #[arg(long, value_name = "LEVEL", conflicts_with = "command")]
    pub cpu: Option<CpuLevel>,

    /// A fault to inject in every case, such as `open.direct:error=EINVAL`; may repeat.
    #[arg(long, value_name = "SPEC")]
    pub inject: Vec<FaultSpec>,

    #[allow(missing_docs, reason = "the help text is shared")]
    #[arg(long, default_value = "terminal", value_name = "FORMAT[=FILE]", help = format::HELP)]
    pub format: Vec<Format>,

    #[command(flatten)]
    #[allow(missing_docs, reason = "its field says it")]
    pub opening: format::Opening,

    /// What reports may replace.
    #[command(flatten)]
    pub overwrite: Overwrite,

    #[allow(missing_docs, reason = "its arguments have help texts")]
    #[command(flatten)]
    pub screen: ScreenArgs,

    /// Make the subject's own calls fail instead, every one in turn: `single` faults, `pairs` too, or `full` until no
    /// new state appears.
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
    pub explore: ExploreArgs,

    /// Load on this simulated machine instead of this one; an unknown name lists them.
    #[arg(long, value_name = "NAME", value_parser = SimSystem::named, conflicts_with = "command")]
    pub platform: Option<SimSystem>,

    /// Only this case, in the words of a shell (the empty text is no flag at all), with the case that represents
    /// its plan; may repeat.
    #[arg(long, value_name = "SPELLING", value_parser = spelling, allow_hyphen_values = true)]
    pub only: Vec<Spelling>,

    /// List the cases, a line each, and run none.
    #[arg(long)]
    pub list: bool,

    /// Run one part of the campaign, such as `2/4`; `merge` joins the parts.
    #[arg(long, value_name = "I/N", value_parser = part)]
    pub partition: Option<Part>,

    #[allow(missing_docs, reason = "its arguments have help texts")]
    #[command(flatten)]
    pub campaign: CampaignArgs,

    #[allow(missing_docs, reason = "its arguments have help texts")]
    #[command(flatten)]
    pub config: ConfigArgs,

    #[allow(missing_docs, reason = "its arguments have help texts")]
    #[command(flatten)]
    pub foreign: CommandArgs,

    /// Check this command instead of the reference engine: its words, with `{model}` where the model file
    /// belongs and `{flags}` where the load flags do (Linux).
    #[arg(last = true, value_name = "CMD")]
    pub command: Vec<OsString>,
}

/// What every campaign of cases takes.
#[derive(Clone, Debug, Args)]
pub struct CampaignArgs {
    /// Stop at the first broken rule.
    #[arg(long)]
    pub(super) fail_fast: bool,

    /// Run so many cases side by side; what shares the page cache and the limits is then not observed.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(super) jobs: u16,

    /// Pass over a fault of `--inject` that meets no call; without this it is not observed, exit code 3.
    #[arg(long)]
    pub(super) allow_unmet: bool,
}

/// A level by name.
fn level(name: &str) -> Result<Level, String> {
    let known = Level::ALL.into_iter().find(|level| level.to_string().eq_ignore_ascii_case(name));
    known.ok_or_else(|| format!("unknown level `{name}`; known are P1, P2, P3 and P4"))
}

/// A spelling in the words of a shell: variables first, then flags.
pub(super) fn spelling(line: &str) -> Result<Spelling, String> {
    let words = shlex::split(line).ok_or("it ends inside quotes or behind a backslash")?;
    let mut spelling = Spelling::default();
    for word in words {
        match word.split_once('=') {
            Some((name, value)) if spelling.argv.is_empty() && is_variable(name) => {
                spelling.env.push((name.to_owned(), value.to_owned()));
            }
            _ => spelling.argv.push(word),
        }
    }
    Ok(spelling)
}

/// A spelling that was read without a dialect, in this one. `name=value` may be a variable or a keyword argument: from
/// the first that the dialect has as a flag on, all of them are flags.
pub(super) fn in_dialect(mut spelling: Spelling, dialect: Dialect) -> Spelling {
    let rules = dialect.rules();
    let keyword =
        |(name, _): &(String, String)| rules.find(name).is_some() && rules.find_variable(name).is_none();
    if let Some(first) = spelling.env.iter().position(keyword) {
        let words = spelling.env.split_off(first).into_iter().map(|(name, value)| format!("{name}={value}"));
        spelling.argv.splice(0..0, words);
    }
    spelling
}

fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// One part of how many.
fn part(text: &str) -> Result<Part, String> {
    let wrong = || format!("`{text}` is no part; write it as 2/4, from 1/4 to 4/4");
    let (index, of) = text.split_once('/').ok_or_else(wrong)?;
    let number = |text: &str| text.parse::<u32>().ok().filter(|n| (1..=4096).contains(n));
    let (index, of) = (number(index).ok_or_else(wrong)?, number(of).ok_or_else(wrong)?);
    if index > of { Err(wrong()) } else { Ok(Part { index, of }) }
}

impl CheckArgs {
    /// How far to go, and whether that was asked for by name.
    pub(super) fn wanted(&self) -> Wanted {
        let level = self.level.unwrap_or(Level::P4);
        if self.no_run && level > Level::P3 {
            return Wanted { level: Level::P3, named: true };
        }
        Wanted { level, named: self.level.is_some() }
    }

    /// The model for the reference engine, which loads GGUF alone; the one inside the program where none is given.
    pub(super) fn engine_model(&self) -> Result<Option<&Path>, Exit> {
        if let Choice::Named(kind) = self.layout
            && kind != Kind::Gguf
        {
            let message = format!(
                "--layout {kind} is about a command (give one behind `--`): the reference engine loads GGUF alone"
            );
            return Err(Exit::usage(message));
        }
        match &self.model[..] {
            [] => Ok(None),
            [model] => Ok(Some(model)),
            _ => Err(Exit::usage("several -m are about a command: give one behind `--`")),
        }
    }

    /// How much of each case is wanted.
    pub(super) fn depth(&self) -> Depth {
        match self.wanted().level {
            Level::P1 | Level::P2 => Depth::Load,
            Level::P3 => Depth::Bytes,
            Level::P4 => Depth::Output,
        }
    }

    /// What to generate.
    pub(super) fn generation(&self) -> Generation {
        Generation {
            prompt: self.prompt.clone(),
            n_predict: self.n_predict,
            n_ctx: None,
            sampler: SamplerConfig { seed: self.seed, temperature: self.temp, ..SamplerConfig::default() },
            threads: super::run::thread_count(self.threads),
            cpu: self.cpu.unwrap_or_else(CpuLevel::detect),
            ignore_eos: false,
            ..Generation::default()
        }
    }

    /// Whether loads may overlap: nothing was said about threads, and no fault counts calls.
    fn may_overlap(&self) -> bool {
        self.threads.is_none() && self.inject.is_empty() && self.platform.is_none()
    }

    /// What every campaign on a subject is given; no divergence is known.
    pub(super) fn campaign_on<'a>(
        &self,
        subject: &'a dyn Subject,
        setting: Setting<'a>,
        model_name: String,
    ) -> Campaign<'a> {
        Campaign {
            subject,
            model_name,
            setting,
            notes: self.config.note().into_iter().collect(),
            only: self.only.iter().map(|only| in_dialect(only.clone(), setting.dialect)).collect(),
            retries: self.foreign.retries(),
            fail_fast: self.campaign.fail_fast,
            timelines: format::draws(&self.format, &self.opening),
            expected: Expectations::default(),
            interrupted: crate::platform::ending::asked_to_end(),
        }
    }

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
        crate::cli::dialect_arg::dialect(name).map(Self::Named).map_err(|error| format!("{error}, or auto"))
    }
}

/// How many faults are injected at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Faults {
    /// One at a time.
    Single,
    /// One at a time, and pairs.
    Pairs,
    /// As many as open a new state.
    Full,
}

/// Runs `check` with a command, or with the reference engine on this machine's platform.
pub(super) fn run(args: &CheckArgs, out: &mut dyn Write) -> Exit {
    let exit = run_subject(args, out);
    match &args.config.found {
        Some(found) => found.explaining(exit),
        None => exit,
    }
}

fn run_subject(args: &CheckArgs, out: &mut dyn Write) -> Exit {
    if !args.command.is_empty() {
        return super::command::check(args, out);
    }
    if std::env::args_os().next_back().is_some_and(|last| last == "--") {
        return Exit::usage("there is no command behind `--`: a variable that holds it may be empty");
    }
    let of_commands = args.foreign.given().filter(|flag| args.faults.is_none() || *flag != "--expect");
    if let Some(fault) = args.inject.iter().chain(&args.explore.only_fault).find(|fault| fault.alters_file())
    {
        return Exit::usage(format!(
            "`{fault}` alters the model file, of which a command gets a private copy: give one behind `--`"
        ));
    }
    let of_commands = of_commands.or(args.explore.claims_check.then_some("--claims-check"));
    let needless = [(args.dialect == DialectChoice::Auto).then_some("--dialect auto"), of_commands];
    if let Some(flag) = needless.into_iter().flatten().next() {
        return Exit::usage(format!("{flag} is about a command: give one behind `--`"));
    }
    if let Some(how) = args.faults {
        return super::faults::engine(args, how, out);
    }
    let platform = crate::platform::native();
    let given = match args.engine_model() {
        Ok(given) => given,
        Err(exit) => return exit,
    };
    let model = match ModelFile::open(given, &*platform) {
        Ok(model) => model,
        Err(exit) => return exit,
    };
    let engine = match &args.platform {
        None => ReferenceEngine::new(platform, model.path()),
        Some(system) => match super::faults::simulated(system, model.path()) {
            Ok(engine) => engine,
            Err(message) => return Exit::usage(message),
        },
    };
    let mut engine = engine.with_faults(args.inject.clone()).reproduced_with(args.config.words());
    if let ModelFile::Embedded(_) = model {
        engine = engine.with_embedded_model();
    }
    let model_file = [model.path().to_owned()];
    let gguf = Choice::Named(Kind::Gguf);
    let truth = match args.list {
        true => Truth::without_contents(&model_file, gguf),
        false => Truth::of_files(&model_file, gguf),
    };
    match truth {
        Ok(truth) if args.may_overlap() && truth.weights.len() <= SMALL => {
            let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
            let engine = engine.with_overlap(cores.min(MOST_AT_ONCE));
            run_check(args, &engine, &truth, model.name(), out)
        }
        Ok(truth) => run_check(args, &engine, &truth, model.name(), out),
        Err(error) => Exit::usage(error),
    }
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
    let generation = args.generation();
    let setting = Setting { dialect, depth: args.depth(), generation: &generation, truth, patience: None };
    run_matrix(args, args.campaign_on(subject, setting, model_name), out)
}

/// Runs the matrix on any subject.
pub(super) fn run_matrix(args: &CheckArgs, campaign: Campaign<'_>, out: &mut dyn Write) -> Exit {
    let matrix = Matrix {
        campaign,
        wanted: args.wanted(),
        breadth: args.breadth(),
        jobs: usize::from(args.campaign.jobs),
        part: args.partition,
        faults: args.inject.clone(),
        allow_unmet: args.campaign.allow_unmet,
    };
    let selection = matrix.selection();
    if selection.is_empty() && matrix.wanted.level > Level::P1 {
        return Exit::Failed(4, "nothing selected: no case has that spelling".to_owned());
    }
    if args.list {
        if let Some(note) = args.config.note() {
            let _ = writeln!(super::streams::stderr(), "{note}");
        }
        return list(&selection, out).map_or_else(Exit::unwritten, |()| Exit::Code(0));
    }
    let reporters =
        Reporters::new(&args.format, args.screen, out, Outputs::new(&args.overwrite).beside(&args.command));
    let reporters = match reporters.and_then(|reporters| reporters.opening(&args.opening)) {
        Ok(reporters) => reporters,
        Err(exit) => return exit,
    };
    let bar = Bar::new("check", args.screen);
    let ran = matrix.run(&mut |progress| bar.show(progress));
    drop(bar);
    match ran {
        Ok(document) => {
            if speaks_otherwise(&document) {
                super::streams::tell(&format!(
                    "hint: the command took none of the flags of the dialect {}: `--dialect auto` finds the shipped one \
                     that it speaks, `--dialect FILE` names one of your own (`loadparity dialects --help`)",
                    document.started.dialect
                ));
            }
            reporters.finish(&document)
        }
        Err(error) => super::command::unavailable(&error),
    }
}

/// Whether a command loads without flags and with none of those that its dialect takes.
fn speaks_otherwise(document: &CheckDocument) -> bool {
    let taken = document.cases.iter().filter(|case| case.plan != CaseResult::REFUSED);
    let (with, without): (Vec<_>, Vec<_>) = taken.partition(|case| !case.spelling.is_empty());
    with.len() > 1 && with.iter().all(|case| !case.loaded) && without.iter().any(|case| case.loaded)
}

/// The cases, a line each: plan and spelling.
fn list(selection: &Selection, out: &mut dyn Write) -> std::io::Result<()> {
    for (plan, cases) in &selection.groups {
        for case in cases {
            writeln!(out, "{:<24} {}", plan.to_string(), case.spelling)?;
        }
    }
    for case in &selection.refused {
        writeln!(out, "{:<24} {}", "refused", case.spelling)?;
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyword_argument_is_no_variable() {
        let python = crate::cli::dialect_arg::dialect("llama-cpp-python").unwrap();
        let typed = spelling("X=1 use_mmap=False use_mlock=True").unwrap();
        assert_eq!(in_dialect(typed.clone(), Dialect::reference()), typed);
        let read = in_dialect(typed, python);
        assert_eq!(read.env, [("X".to_owned(), "1".to_owned())]);
        assert_eq!(read.argv, ["use_mmap=False", "use_mlock=True"]);
        assert_eq!(read.to_string(), "X=1 use_mmap=False use_mlock=True");
    }

    #[test]
    fn a_spelling_is_read_as_it_is_shown() {
        for shown in
            ["", "--mlock", "LLAMA_ARG_MMAP=0 --mmap -lm=none", "X='a b' --no-mmap 'it'\\''s'", "E= -dio"]
        {
            assert_eq!(spelling(shown).unwrap().to_string(), shown);
        }
        assert!(spelling("'x").is_err());
    }

    #[test]
    fn a_part_is_one_of_several() {
        assert_eq!(part("2/4"), Ok(Part { index: 2, of: 4 }));
        for wrong in ["", "0/4", "5/4", "1", "1/0", "a/b", "1/99999"] {
            assert!(part(wrong).is_err(), "{wrong}");
        }
    }
}
