//! `baseline … -- CMD`: golden code paths of a command that is not ours.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use super::Mode;
use crate::check::document::{BaselineDocument, BaselineError};
use crate::check::{Baseline, Recorded, changes};
use crate::cli::check::{DialectChoice, in_dialect, spelling};
use crate::cli::command::{CommandArgs, unavailable};
use crate::cli::config::ConfigArgs;
use crate::cli::exit::Exit;
use crate::cli::format::{self, Format, Reporters};
use crate::cli::input;
use crate::cli::model::{naming, truth_of};
use crate::cli::report_file::{Outputs, Overwrite};
use crate::cli::screen::{Bar, ScreenArgs};
use crate::engine::Generation;
use crate::layout::Choice;
use crate::plan::Spelling;
use crate::rules::Level;
use crate::subject::{Depth, Named, Setting, Template};

/// Where a baseline lies if nothing is said.
const FILE: &str = "loadparity.baseline.json";

/// Arguments of `baseline … -- CMD`.
#[derive(Clone, Debug, Args)]
pub(super) struct OwnArgs {
    /// The file of a command's golden paths [default: loadparity.baseline.json].
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,

    /// The model that the command loads; may repeat, for files with weights that the first does not name.
    #[arg(short, long, value_name = "FILE")]
    model: Vec<PathBuf>,

    #[arg(long, value_name = "KIND", help = crate::cli::model::LAYOUT)]
    layout: Option<Choice>,

    /// The dialect that the command's spellings are read in.
    #[arg(long, value_name = "NAME|FILE|BUILD")]
    dialect: Option<DialectChoice>,

    /// What has to be observed of the command: P2 the calls, P3 the bytes too, P4 the output too. Without it, P4.
    #[arg(long, value_name = "P2|P3|P4", value_parser = level)]
    level: Option<Level>,

    /// Only this spelling of the command, in the words of a shell; may repeat.
    #[arg(long, value_name = "SPELLING", value_parser = spelling, allow_hyphen_values = true)]
    only: Vec<Spelling>,

    #[command(flatten)]
    pub(super) config: ConfigArgs,

    #[command(flatten)]
    pub(super) screen: ScreenArgs,

    #[command(flatten)]
    foreign: CommandArgs,

    #[arg(long, value_name = "FORMAT[=FILE]", help = format::HELP)]
    format: Vec<Format>,

    #[command(flatten)]
    overwrite: Overwrite,

    /// The command, with `{model}` and `{flags}` in their places (Linux). Without it, the reference engine.
    #[arg(last = true, value_name = "CMD")]
    command: Vec<OsString>,
}

fn level(name: &str) -> Result<Level, String> {
    let known = [Level::P2, Level::P3, Level::P4].into_iter();
    let mut known = known.filter(|level| level.to_string().eq_ignore_ascii_case(name));
    known.next().ok_or_else(|| format!("`{name}` cannot be asked for here; P2, P3 and P4 can"))
}

impl OwnArgs {
    /// Whether there is a command; an error where something is said of one that is not there.
    pub(super) fn is_about_a_command(&self) -> Result<bool, Exit> {
        if !self.command.is_empty() {
            return Ok(true);
        }
        if std::env::args_os().next_back().is_some_and(|last| last == "--") {
            return Err(Exit::usage(
                "there is no command behind `--`: a variable that holds it may be empty",
            ));
        }
        let given = [
            (self.baseline.is_some(), "--baseline"),
            (!self.model.is_empty(), "-m"),
            (self.dialect.is_some(), "--dialect"),
            (self.level.is_some(), "--level"),
            (self.layout.is_some(), "--layout"),
            (!self.format.is_empty(), "--format"),
            (!self.only.is_empty(), "--only"),
        ];
        let given = given.into_iter().find_map(|(given, flag)| given.then_some(flag));
        match given.or(self.foreign.given()) {
            Some(flag) => Err(Exit::usage(format!("{flag} is about a command: give one behind `--`"))),
            None => Ok(false),
        }
    }

    fn file(&self) -> &Path {
        self.baseline.as_deref().unwrap_or(Path::new(FILE))
    }

    /// The words by which a line finds the same file, model and dialect.
    fn again(&self) -> Vec<String> {
        let config = &self.config;
        let mut words = config.words();
        if let Some(file) = self.baseline.as_ref().filter(|_| !config.gave("baseline")) {
            words.extend(["--baseline".to_owned(), file.display().to_string()]);
        }
        let typed = if config.gave("model") { &[][..] } else { &self.model };
        let layout = self.layout.filter(|_| !config.gave("layout")).unwrap_or_default();
        words.extend(naming(typed, layout));
        if let Some(DialectChoice::Named(dialect)) = self.dialect.filter(|_| !config.gave("dialect")) {
            words.push(format!("--dialect={}", dialect.argument()));
        }
        if let Some(level) = self.level.filter(|_| !config.gave("level")) {
            words.extend(["--level".to_owned(), level.to_string()]);
        }
        words
    }
}

/// Records or verifies.
pub(super) fn run(args: &OwnArgs, mode: Mode, all: bool, out: &mut dyn Write) -> Exit {
    try_run(args, mode, all, out).unwrap_or_else(|exit| exit)
}

fn try_run(args: &OwnArgs, mode: Mode, all: bool, out: &mut dyn Write) -> Result<Exit, Exit> {
    let Some(model) = args.model.first() else {
        return Err(Exit::usage(
            "a command needs a model: name the file with -m FILE, or as `model` in loadparity.toml",
        ));
    };
    let file = args.file();
    let shown = file.display().to_string();
    let is_there = file.symlink_metadata().is_ok();
    match mode {
        Mode::Record if is_there => {
            let message =
                format!("{shown} is there already: `baseline verify` compares with it, --update replaces it");
            return Err(Exit::usage(message));
        }
        Mode::Verify if !is_there => {
            return Err(Exit::usage(format!("{shown}: there is no baseline; `baseline record` writes one")));
        }
        _ => {}
    }
    // A file that cannot be read is not replaced either: it may be something else.
    let kept = if is_there { Some(read(file)?) } else { None };
    let template = Template::new(args.command.clone(), false).map_err(Exit::usage)?;
    let dialect = match args.dialect {
        Some(DialectChoice::Named(dialect)) => dialect,
        Some(DialectChoice::Auto) => {
            return Err(Exit::usage(
                "a baseline needs a dialect by name, not `auto`: `loadparity check --dialect auto` finds it, `loadparity init` writes it down",
            ));
        }
        None => {
            return Err(Exit::usage("a baseline needs the dialect of its command: name it with --dialect"));
        }
    };
    let truth = truth_of(&args.model, args.layout.unwrap_or_default())?;
    let named = Named {
        words: Vec::new(),
        dialect_in_file: args.config.gave("dialect"),
        command_in_file: args.config.gave("command"),
    };
    let subject = args.foreign.subject(template, model, &truth, named)?;
    let generation = Generation::default();
    let level = args.level.unwrap_or(Level::P4);
    let depth = if level == Level::P2 { Depth::Load } else { Depth::Output };
    let setting = Setting { dialect, depth, generation: &generation, truth: &truth, patience: None };
    let baseline = Baseline {
        command: &subject,
        model_name: model.display().to_string(),
        setting,
        only: args.only.iter().map(|only| in_dialect(only.clone(), dialect)).collect(),
        every_spelling: if mode == Mode::Verify {
            kept.as_ref().is_some_and(|k| k.every_spelling)
        } else {
            all
        },
        retries: args.foreign.retries(),
        needs_output: level == Level::P4,
        expected: args.foreign.expected()?,
        again: args.again(),
        interrupted: crate::platform::ending::asked_to_end(),
    };
    match kept {
        Some(kept) if mode == Mode::Verify => verify(args, &baseline, &kept, &shown, out),
        kept => record(args, &baseline, kept.as_ref(), out),
    }
}

fn read(file: &Path) -> Result<BaselineDocument, Exit> {
    let unusable = |error: &dyn std::fmt::Display| Exit::usage(format!("{}: {error}", file.display()));
    let bytes = input::read(file).map_err(|error| unusable(&format!("cannot be read: {error}")))?;
    BaselineDocument::read(&bytes).map_err(|error| unusable(&error))
}

fn verify(
    args: &OwnArgs,
    baseline: &Baseline<'_>,
    kept: &BaselineDocument,
    shown: &str,
    out: &mut dyn Write,
) -> Result<Exit, Exit> {
    kept.fits(&baseline.head()).map_err(|error| {
        let code = if matches!(error, BaselineError::Machine { .. }) { 3 } else { 2 };
        Exit::Failed(code, format!("{shown}: {error}"))
    })?;
    let terminal = vec!["terminal".parse::<Format>().map_err(Exit::internal)?];
    let formats = if args.format.is_empty() { &terminal } else { &args.format };
    let reporters =
        Reporters::new(formats, args.screen, out, Outputs::new(&args.overwrite).beside(&args.command))?;
    let bar = Bar::new("baseline verify", args.screen);
    let run = baseline.verify(kept, shown, &mut |progress| bar.show(progress));
    let mut document = run.map_err(|error| unavailable(&error))?;
    drop(bar);
    document.finished.notes.splice(0..0, args.config.note());
    Ok(reporters.finish(&document))
}

fn record(
    args: &OwnArgs,
    baseline: &Baseline<'_>,
    kept: Option<&BaselineDocument>,
    out: &mut dyn Write,
) -> Result<Exit, Exit> {
    if !args.only.is_empty() {
        return Err(Exit::usage("--only is for `baseline verify`: a baseline holds every plan"));
    }
    if !args.format.is_empty() && !args.config.gave("format") {
        return Err(Exit::usage("--format is for `baseline verify`: what is recorded is one document"));
    }
    if let Some(note) = args.config.note() {
        let _ = writeln!(crate::cli::streams::stderr(), "{note}");
    }
    let target = Outputs::new(&Overwrite::default()).file(args.file())?;
    let bar = Bar::new("baseline record", args.screen);
    let recorded =
        baseline.record(&mut |progress| bar.show(progress)).map_err(|error| unavailable(&error))?;
    drop(bar);
    let document = match recorded {
        Recorded::Whole(document) => document,
        Recorded::Blocked(why) => {
            let message = format!("nothing is recorded: {}", why.join("\n  "));
            return Ok(Exit::Failed(3, message));
        }
    };
    let mut text = serde_json::to_vec_pretty(&document).map_err(Exit::internal)?;
    text.push(b'\n');
    let shown = args.file().display();
    let mut said = String::new();
    if let Some(kept) = kept {
        for changed in changes(kept, &document) {
            let spelling = crate::check::document::shown(&changed.spelling).to_owned();
            said += &format!("{spelling}: {}: {}\n", changed.impact, changed.what.join("; "));
            said.extend(changed.diff.iter().flat_map(|diff| diff.lines()).map(|line| format!("  {line}\n")));
        }
    }
    for row in &document.rows {
        let memory = row.ran.memory.map_or(String::new(), |needs| {
            format!(", at its peak {} bytes, {} of them locked", needs.peak_bytes, needs.memlock_bytes)
        });
        let spelling = crate::check::document::shown(&row.spelling);
        said += &format!("{spelling}: {} in {} steps{memory}\n", row.ran.did, row.ran.steps.len());
    }
    if let Some(why) = &document.no_output {
        said += &format!("output: not held: {why}\n");
    }
    said += &format!(
        "{shown} holds {} spellings; review it, and keep it beside the loader\n",
        document.rows.len()
    );
    target.write(&text).map_err(|error| Exit::internal(format!("cannot write {shown}: {error}")))?;
    out.write_all(said.as_bytes())
        .map_err(|error| Exit::internal(format!("cannot write the output: {error}")))?;
    Ok(Exit::Code(0))
}
