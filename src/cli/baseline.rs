//! `loadparity baseline`: golden code paths, recorded once, reviewed, and verified from then on.

mod own;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};

use super::config::ConfigArgs;
use super::exit::Exit;
use super::model::ModelFile;
use super::screen::ScreenArgs;
use crate::check::{Golden, golden_paths};
use crate::platform::{Platform, Sim, SimFile, SimProfile};
use crate::subject::{ReferenceEngine, Truth};

use own::OwnArgs;

/// Where a simulated machine keeps the model.
const SIM_MODEL: &str = "model.gguf";

/// Arguments of `baseline`.
#[derive(Clone, Debug, Args)]
pub struct BaselineArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Clone, Debug, Subcommand)]
enum Action {
    /// Write the golden paths that do not exist yet: of the reference engine, or of the command behind `--` (Linux).
    Record {
        #[command(flatten)]
        which: Which,

        /// Also rewrite those that differ; look at the difference before you commit it.
        #[arg(long, visible_alias = "update")]
        bless: bool,

        /// Of a command, every spelling that `check` runs, and not one of each plan.
        #[arg(long)]
        all: bool,

        #[command(flatten)]
        own: Box<OwnArgs>,
    },
    /// Compare with the golden paths; a missing or stale one is a difference. Of a command, each spelling is told with
    /// what its change comes to, as `compare` does (Linux).
    Verify {
        #[command(flatten)]
        which: Which,

        #[command(flatten)]
        own: Box<OwnArgs>,
    },
}

#[derive(Clone, Debug, Args)]
struct Which {
    /// The folder of the golden paths of the reference engine.
    #[arg(long, default_value = "fixtures/golden", value_name = "FOLDER", conflicts_with = "command")]
    dir: PathBuf,

    /// Only this machine, such as `linux` or `sim-windows`; may repeat. Without it: this platform
    /// and every simulated one.
    #[arg(long, value_name = "NAME", conflicts_with = "command")]
    profile: Vec<String>,
}

/// A machine whose paths are golden.
struct Machine {
    name: String,
    platform: Arc<dyn Platform>,
    model: PathBuf,
}

impl BaselineArgs {
    /// How much is said of a command's baseline.
    pub(super) fn screen(&self) -> ScreenArgs {
        let (Action::Record { own, .. } | Action::Verify { own, .. }) = &self.action;
        own.screen
    }

    /// Where what came from a file of options is kept.
    pub(super) fn config(&mut self) -> &mut ConfigArgs {
        let (Action::Record { own, .. } | Action::Verify { own, .. }) = &mut self.action;
        &mut own.config
    }
}

/// Runs `baseline`.
pub(super) fn run(args: &BaselineArgs, out: &mut dyn Write) -> Exit {
    let (which, mode, all, own) = match &args.action {
        Action::Verify { which, own } => (which, Mode::Verify, false, own),
        Action::Record { which, bless, all, own } => {
            (which, if *bless { Mode::Bless } else { Mode::Record }, *all, own)
        }
    };
    if mode != Mode::Verify && std::env::var("CI").is_ok_and(|ci| !ci.is_empty() && ci != "false") {
        return Exit::usage("CI is set: golden paths are recorded and reviewed by people; CI verifies them");
    }
    match own.is_about_a_command() {
        Ok(true) => own::run(own, mode, all, out),
        Ok(false) if all => Exit::usage("--all is about a command: give one behind `--`"),
        Ok(false) => reference(which, mode, out),
        Err(exit) => exit,
    }
}

fn reference(which: &Which, mode: Mode, out: &mut dyn Write) -> Exit {
    if which.dir.exists() && !which.dir.is_dir() {
        return Exit::usage(format!("--dir {}: this is no folder", which.dir.display()));
    }
    let platform = crate::platform::native();
    let model = match ModelFile::open(None, &*platform) {
        Ok(model) => model,
        Err(exit) => return exit,
    };
    match compare(which, mode, platform, model.path(), out) {
        Ok(exit) => exit,
        Err(error) => Exit::internal(error),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Verify,
    Record,
    Bless,
}

fn compare(
    which: &Which,
    mode: Mode,
    platform: Arc<dyn Platform>,
    model: &Path,
    out: &mut dyn Write,
) -> io::Result<Exit> {
    let truth = match Truth::of_file(model) {
        Ok(truth) => truth,
        Err(error) => return Ok(Exit::internal(error)),
    };
    let all = machines(platform, model)?;
    let known: Vec<String> = all.iter().map(|m| m.name.clone()).collect();
    if let Some(unknown) = which.profile.iter().find(|name| !known.contains(name)) {
        return Ok(Exit::usage(format!("unknown machine `{unknown}`; known here are {}", known.join(", "))));
    }
    let asked = |m: &Machine| which.profile.is_empty() || which.profile.contains(&m.name);
    let mut tally = Tally::default();
    for machine in all.into_iter().filter(asked) {
        let engine = ReferenceEngine::new(machine.platform.clone(), &machine.model);
        let folder = which.dir.join(&machine.name);
        let golden = golden_paths(&engine, &machine.name, &truth);
        for Golden { plan, text } in &golden {
            let entry =
                Entry { name: format!("{}/{plan}", machine.name), file: folder.join(format!("{plan}.txt")) };
            match text {
                Ok(text) => tally.entry(&entry, text, mode, out)?,
                Err(reason) => {
                    tally.not_run += 1;
                    writeln!(out, "{}: not run: {reason}", entry.name)?;
                }
            }
        }
        tally.strays(&folder, &machine.name, &golden, out)?;
    }
    tally.end(mode, out)
}

/// This platform and the simulated ones. A page size that is not 4 KiB belongs to the name, since
/// the paths depend on it.
fn machines(platform: Arc<dyn Platform>, model: &Path) -> io::Result<Vec<Machine>> {
    let page_size = platform.limits().page_size;
    let name = match page_size {
        4096 => platform.name().to_owned(),
        page_size => format!("{}-{}k", platform.name(), page_size >> 10),
    };
    let mut machines = vec![Machine { name, platform, model: model.to_owned() }];
    let bytes = std::fs::read(model)?;
    for profile in SimProfile::all() {
        let name = format!("sim-{}", profile.name);
        let file = SimFile::sparse(bytes.len() as u64).with_bytes(0, bytes.clone());
        let platform = Arc::new(Sim::new(profile).with_file(SIM_MODEL, file));
        machines.push(Machine { name, platform, model: SIM_MODEL.into() });
    }
    Ok(machines)
}

/// One golden path: its name in messages and its file.
struct Entry {
    name: String,
    file: PathBuf,
}

#[derive(Default)]
struct Tally {
    same: u64,
    written: u64,
    different: u64,
    not_run: u64,
}

impl Tally {
    fn entry(&mut self, entry: &Entry, text: &str, mode: Mode, out: &mut dyn Write) -> io::Result<()> {
        let Entry { name, file } = entry;
        let kept = match std::fs::read_to_string(file) {
            // A checkout may have made the line ends those of its platform.
            Ok(kept) => Some(kept.replace("\r\n", "\n")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(io::Error::other(format!("{}: {error}", file.display()))),
        };
        let write = match (&kept, mode) {
            (Some(kept), _) if kept == text => {
                self.same += 1;
                return Ok(());
            }
            (_, Mode::Verify) => false,
            (None, _) => true,
            (Some(_), mode) => mode == Mode::Bless,
        };
        match &kept {
            Some(kept) => {
                let diff = similar::TextDiff::from_lines(kept.as_str(), text);
                writeln!(out, "{name}: differs from its golden path")?;
                write!(out, "{}", diff.unified_diff().header(&file.display().to_string(), "now"))?;
            }
            None => writeln!(out, "{name}: {} golden path", if write { "new" } else { "has no" })?,
        }
        if write {
            file.parent().map_or(Ok(()), std::fs::create_dir_all)?;
            std::fs::write(file, text)?;
            self.written += 1;
        } else {
            self.different += 1;
        }
        Ok(())
    }

    /// Counts the files of a machine that are no plan's path.
    fn strays(
        &mut self,
        folder: &Path,
        machine: &str,
        golden: &[Golden],
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let Ok(entries) = std::fs::read_dir(folder) else { return Ok(()) };
        let mut names: Vec<String> = entries
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<io::Result<_>>()?;
        names.sort();
        for name in names {
            if !golden.iter().any(|g| name == format!("{}.txt", g.plan)) {
                writeln!(out, "{machine}/{name}: stale: no plan has this name; remove the file")?;
                self.different += 1;
            }
        }
        Ok(())
    }

    fn end(&self, mode: Mode, out: &mut dyn Write) -> io::Result<Exit> {
        let Self { same, written, different, not_run } = self;
        writeln!(out, "{same} golden paths agree, {written} written, {different} differ, {not_run} not run")?;
        if *different > 0 {
            let advice = if mode == Mode::Verify { "baseline record --bless" } else { "--bless" };
            writeln!(out, "if the new paths are meant, `{advice}` rewrites them: review what it changes")?;
        }
        Ok(Exit::Code(match (*different, *not_run, same + written) {
            (1.., ..) => 1,
            (_, 1.., _) => 3,
            (.., 0) => 4,
            _ => 0,
        }))
    }
}
