//! `check --faults`: exploration of a command, or of the reference engine on every machine.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use super::check::{CheckArgs, DialectChoice, Faults};
use super::exit::Exit;
use super::format::Reporters;
use super::report_file::Outputs;
use super::screen::Bar;
use crate::check::{Bounds, Campaign, Faults as FaultCampaign, SavedExploration, World};
use crate::gguf::{MakeSpec, MatrixType, make};
use crate::plan::{Dialect, Spelling};
use crate::platform::temporary::TemporaryModel;
use crate::platform::{FaultSpec, SimFile, SimSystem};
use crate::subject::{Depth, ReferenceEngine, Setting, Truth};

/// How far `--faults` goes.
#[derive(Clone, Debug, Args)]
pub struct ExploreArgs {
    /// Faults in one schedule at most, instead of what `--faults` says.
    #[arg(long, value_name = "N", requires = "faults", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(super) depth: Option<u32>,

    /// Schedules of faults to run at most.
    #[arg(long, value_name = "N", requires = "faults", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) cases: Option<u64>,

    /// Seconds in which schedules of faults are begun.
    #[arg(long, value_name = "S", requires = "faults", default_value_t = 300)]
    pub(super) time: u64,

    /// Keep in this file where the exploration stopped, and go on there if the file is there; bounds count anew.
    #[arg(long, value_name = "FILE", requires = "faults", conflicts_with = "only_fault")]
    pub(super) state: Option<PathBuf>,

    /// The command claims to check what it loads: a changed byte, a file that is cut short while it is mapped and one
    /// that is replaced between two opens must not pass without a word.
    #[arg(long, requires = "faults")]
    pub(super) claims_check: bool,

    /// Only this fault of a schedule, with `--faults` and `--only`; may repeat for a pair.
    #[arg(long, value_name = "SPEC", requires = "faults")]
    pub(super) only_fault: Vec<FaultSpec>,
}

impl ExploreArgs {
    fn bounds(&self, how: Faults) -> Bounds {
        let depth = self.depth.or(match how {
            Faults::Single => Some(1),
            Faults::Pairs => Some(2),
            Faults::Full => None,
        });
        Bounds {
            depth,
            cases: self.cases,
            time: Duration::from_secs(self.time),
            claims_check: self.claims_check,
        }
    }
}

/// Explores a campaign's subject on these machines and reports it.
pub(super) fn run(
    args: &CheckArgs,
    how: Faults,
    campaign: Campaign<'_>,
    worlds: Vec<World<'_>>,
    jobs: usize,
    out: &mut dyn Write,
) -> Exit {
    let only_faults = args.explore.only_fault.clone();
    let (bounds, part) = (args.explore.bounds(how), args.partition);
    let faults = FaultCampaign { campaign, worlds, bounds, only_faults, jobs, part };
    try_explore(args, &faults, out).unwrap_or_else(|exit| exit)
}

fn try_explore(args: &CheckArgs, faults: &FaultCampaign<'_>, out: &mut dyn Write) -> Result<Exit, Exit> {
    let mut outputs = Outputs::new(&args.overwrite).beside(&args.command);
    let state = args.explore.state.as_deref();
    let file = state.map(|path| Ok((outputs.file(path)?, kept(path)?))).transpose()?;
    let reporters = Reporters::new(&args.format, args.screen, out, outputs)?.opening(&args.opening)?;
    let bar = Bar::new("check --faults", args.screen);
    let mut show = |progress| bar.show(progress);
    let unavailable = |error| super::command::unavailable(&error);
    let document = match file {
        None => faults.run(&mut show).map_err(unavailable)?,
        Some((file, from)) => {
            let (document, saved) = faults.run_on(&mut show, from).map_err(unavailable)?;
            let bytes = saved.write().map_err(Exit::internal)?;
            file.write(&bytes).map_err(|error| file.unwritten(&error))?;
            document
        }
    };
    drop(bar);
    Ok(reporters.finish(&document))
}

/// What was kept at `path`; `None` where there is no file yet.
fn kept(path: &Path) -> Result<Option<SavedExploration>, Exit> {
    let wrong = |error: &dyn std::fmt::Display| Exit::usage(format!("{}: {error}", path.display()));
    match super::input::read(path) {
        Ok(bytes) => SavedExploration::read(&bytes).map(Some).map_err(|error| wrong(&error)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(wrong(&error)),
    }
}

/// Explores the reference engine: on this machine, and on every simulated one; on one alone where it is named.
pub(super) fn engine(args: &CheckArgs, how: Faults, out: &mut dyn Write) -> Exit {
    try_engine(args, how, out).unwrap_or_else(|exit| exit)
}

fn try_engine(args: &CheckArgs, how: Faults, out: &mut dyn Write) -> Result<Exit, Exit> {
    let platform = crate::platform::native();
    let given = args.engine_model()?;
    let made = match given {
        Some(_) => None,
        None => Some(small_model().map_err(|error| {
            Exit::Failed(3, format!("cannot write a model to a temporary file: {error}; set TMPDIR to a directory with 1 MiB free"))
        })?),
    };
    let (path, name) = match (given, &made) {
        (Some(path), _) => (path, path.display().to_string()),
        (None, made) => {
            (made.as_ref().map_or(Path::new(""), TemporaryModel::path), "(a small made one)".to_owned())
        }
    };
    let truth = Truth::of_file(path).map_err(Exit::usage)?;
    let shown = |engine: ReferenceEngine| {
        let engine = engine.with_faults(args.inject.clone()).reproduced_with(args.config.words());
        if given.is_none() { engine.with_embedded_model() } else { engine }
    };
    let here = shown(ReferenceEngine::new(platform, path));
    let mut machines: Vec<(String, ReferenceEngine)> = Vec::new();
    // Only a model of one file is put into a simulated machine.
    if truth.paths.len() <= 1 {
        for system in args.platform.clone().map_or_else(SimSystem::all, |one| vec![one]) {
            let engine = simulated(&system, path).map_err(Exit::usage)?;
            machines.push((system.profile.name.to_owned(), shown(engine)));
        }
    } else if args.platform.is_some() {
        return Err(Exit::usage("--platform takes a model of one file".to_owned()));
    }
    let mut worlds: Vec<World<'_>> = Vec::new();
    if args.platform.is_none() {
        worlds.push(World { name: "this machine".to_owned(), subject: &here });
    }
    worlds.extend(machines.iter().map(|(name, engine)| World { name: name.clone(), subject: engine }));
    let dialect = match args.dialect {
        DialectChoice::Named(dialect) => dialect,
        DialectChoice::Auto => Dialect::default(),
    };
    let generation = args.generation();
    let setting =
        Setting { dialect, depth: Depth::Bytes, generation: &generation, truth: &truth, patience: None };
    let mut campaign = args.campaign_on(&here, setting, name);
    campaign
        .notes
        .push("no text is generated: every tensor's bytes are compared after every load".to_owned());
    campaign.expected = args.foreign.expected()?;
    let cores = super::run::thread_count(None);
    let jobs = usize::from(args.campaign.jobs).max(cores);
    if worlds.len() == 1 && args.only.is_empty() && args.platform.is_none() {
        worlds.clear();
    }
    Ok(run(args, how, campaign, worlds, jobs, out))
}

/// The reference engine on a simulated machine that holds the file at `path`.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn simulated(system: &SimSystem, path: &Path) -> Result<ReferenceEngine, String> {
    let read = crate::layout::regular(path).and_then(|()| super::input::read(path));
    let bytes = read.map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Ok(ReferenceEngine::simulated(system.profile.clone(), SimFile::new(bytes), path))
}

/// A model of some 64 KiB in a temporary file: small, so that many loads are made of it, with tensors that begin at
/// no page.
fn small_model() -> Result<TemporaryModel, String> {
    let spec = MakeSpec {
        layers: 1,
        embd: 32,
        heads: 2,
        kv_heads: 1,
        ffn: 64,
        vocab: 512,
        matrices: MatrixType::Q8_0,
        ..MakeSpec::default()
    };
    let mut bytes: Vec<u8> = Vec::new();
    make(&spec, &mut bytes, &mut |_, _| ()).map_err(|error| error.to_string())?;
    TemporaryModel::write_in(&std::env::temp_dir(), &bytes).map_err(|error| error.to_string())
}

/// No flags at all, for a command that takes none.
pub(super) fn one_case(mut campaign: Campaign<'_>) -> Campaign<'_> {
    if campaign.only.is_empty() {
        campaign.only.push(Spelling::default());
    }
    campaign
}
