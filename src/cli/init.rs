//! `loadparity init`: a first `loadparity.toml`, from what can be found out.

mod text;
mod words;

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use super::check::DialectChoice;
use super::command::{CommandArgs, unavailable, unfound};
use super::config;
use super::exit::Exit;
use super::model::truth_of;
use super::report_file::ReportFile;
use crate::check::{Breadth, FirstLook, find_era, first_look, real_spellings};
use crate::engine::Generation;
use crate::layout::{self, Choice, Kind};
use crate::plan::{Dialect, Source, resolve};
use crate::subject::{Depth, Named, Setting, Template};
use text::Found;

/// How often a command is run again to see whether it writes the same each time.
const AGAIN: u32 = 2;

/// The file types of models that are looked for in a folder.
const ENDINGS: [&str; 6] = ["gguf", "safetensors", "npz", "npy", "onnx", "pt"];

/// Arguments of `init`.
#[derive(Clone, Debug, Args)]
pub struct InitArgs {
    /// The model; without it, the file with weights among the words of the command, or the only one in the folder.
    #[arg(short, long, value_name = "FILE")]
    model: Vec<PathBuf>,

    #[allow(missing_docs, reason = "the help text is shared")]
    #[arg(long, default_value = "auto", value_name = "KIND", help = super::model::LAYOUT)]
    layout: Choice,

    /// The dialect of the command; without it, what its help and its behaviour show.
    #[arg(long, default_value = "auto", value_name = "NAME|FILE|BUILD")]
    dialect: DialectChoice,

    /// Replace a file that is there.
    #[arg(long)]
    force: bool,

    #[allow(missing_docs, reason = "its arguments have help texts")]
    #[command(flatten)]
    foreign: CommandArgs,

    /// The command, as it is run by hand: the model file and the load flags among its words become `{model}` and
    /// `{flags}`. Without it, the file is for the reference engine.
    #[arg(last = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// Runs `init`.
pub(super) fn run(args: &InitArgs, out: &mut dyn Write) -> Exit {
    try_run(args, out).unwrap_or_else(|exit| exit)
}

fn try_run(args: &InitArgs, out: &mut dyn Write) -> Result<Exit, Exit> {
    let target = Path::new(config::NAME);
    let is_there = target.symlink_metadata().is_ok();
    if is_there && !args.force {
        return Err(Exit::usage(format!("{} is there already; --force replaces it", config::NAME)));
    }
    if args.command.is_empty()
        && let Some(flag) = args.foreign.given()
    {
        return Err(Exit::usage(format!("{flag} is about a command: give one behind `--`")));
    }
    let (model, how) = model(args)?;
    let mut found = Found { layout: args.layout, ..Found::default() };
    found.model = model.iter().map(|path| shown(path)).collect::<Result<_, _>>()?;
    found.notes.extend(how.map(|how| ("model", how)));
    if !args.command.is_empty() {
        look(args, &model, &mut found)?;
    } else if model.is_empty() {
        found
            .notes
            .push(("model", "no file with weights is here: the one inside the program is taken".to_owned()));
    }
    let text = found.text();
    // What was written has to be what would be read.
    let read = config::check(&text);
    read.map_err(|error| Exit::internal(format!("the file that was to be written cannot be read: {error}")))?;
    let file = ReportFile::new(target)
        .map_err(|error| Exit::usage(format!("cannot write {}: {error}", config::NAME)))?;
    file.write(text.as_bytes()).map_err(|error| file.unwritten(&error))?;
    for (key, how) in &found.notes {
        said(writeln!(out, "{key:<9} {how}"))?;
    }
    said(writeln!(out, "\n{} is written; next: loadparity check", config::NAME))?;
    Ok(Exit::Code(0))
}

fn said(written: std::io::Result<()>) -> Result<(), Exit> {
    written.map_err(|error| match error.kind() {
        std::io::ErrorKind::BrokenPipe => Exit::Code(0),
        _ => Exit::internal(format!("cannot write the output: {error}")),
    })
}

/// A path as the file can hold it.
fn shown(path: &Path) -> Result<String, Exit> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| Exit::usage(format!("{}: its name is not UTF-8", path.display())))
}

/// The model, and how it was found.
fn model(args: &InitArgs) -> Result<(Vec<PathBuf>, Option<String>), Exit> {
    if !args.model.is_empty() {
        return Ok((args.model.clone(), Some("named with -m".to_owned())));
    }
    let (candidates, place) = match args.command.get(1..) {
        Some(words) => (words::files(words), "among the words of the command"),
        None => (here(), "in this folder"),
    };
    let is_weights = |path: &PathBuf| {
        let read = layout::read_model(std::slice::from_ref(path), args.layout);
        read.is_ok_and(|model| model.kind != Kind::Opaque || args.layout != Choice::Auto)
    };
    let mut weights: Vec<PathBuf> = candidates.into_iter().filter(is_weights).collect();
    weights.sort();
    weights.dedup();
    match &weights[..] {
        [] if args.command.is_empty() => Ok((Vec::new(), None)),
        [] => Err(Exit::usage(
            "no word of the command names a file with weights; name it with -m FILE, and write {model} where it belongs"
                .to_owned(),
        )),
        [only] => Ok((vec![only.clone()], Some(format!("the one file with weights {place}")))),
        [first, ..] => Err(Exit::usage(format!(
            "there are {} files with weights {place}, {} the first of them; name the model with -m FILE",
            weights.len(),
            first.display()
        ))),
    }
}

/// The files of this folder whose names are those of models.
fn here() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(".").into_iter().flatten().flatten();
    let names = entries.map(|entry| PathBuf::from(entry.file_name()));
    let is_model = |path: &PathBuf| {
        let ending = path.extension().and_then(|e| e.to_str());
        ending.is_some_and(|ending| ENDINGS.contains(&ending))
    };
    names.filter(is_model).collect()
}

/// Runs the command to find out what it speaks, and what can be seen of it.
fn look(args: &InitArgs, model: &[PathBuf], found: &mut Found) -> Result<(), Exit> {
    let Some(first) = model.first() else {
        return Err(Exit::usage("a command needs a model: name it with -m FILE"));
    };
    let known = match args.dialect {
        DialectChoice::Named(dialect) => Some(dialect),
        DialectChoice::Auto => None,
    };
    let words = words::with_places(&args.command, model, known)?;
    // It goes into the file as it was named, so it has to be one.
    args.foreign.expected()?;
    let template =
        Template::new(words.words.iter().map(OsString::from).collect(), false).map_err(Exit::usage)?;
    let truth = truth_of(model, args.layout)?;
    let subject = args.foreign.subject(template, first, &truth, Named::default())?;
    let generation = Generation::default();
    let setting = |dialect| Setting {
        dialect,
        depth: Depth::Output,
        generation: &generation,
        truth: &truth,
        patience: None,
    };
    let seen = first_look(&subject, setting(Dialect::default()), AGAIN).map_err(|e| unavailable(&e))?;
    if let Err(why) = &seen.arrived {
        let message = format!(
            "without load flags the command does not load the weights of {}: {why}; nothing is written",
            first.display()
        );
        return Err(Exit::Failed(3, message));
    }
    let dialect = match known {
        Some(dialect) => {
            found.notes.push(("dialect", format!("{dialect}, as named with --dialect")));
            dialect
        }
        None => {
            let era = find_era(&subject, setting(Dialect::default())).map_err(|error| match unfound(error) {
                Exit::Failed(1, message) => Exit::Failed(
                    3,
                    format!(
                        "{message}; nothing is written. A loader with flags of its own is described in a file: start from \
                         `loadparity dialects show NAME`, then `loadparity init --dialect FILE -- CMD`"
                    ),
                ),
                other => other,
            })?;
            let how = era.how.iter().map(|how| how.strip_prefix("dialect: ").unwrap_or(how).to_owned());
            let mut how: Vec<String> = how.collect();
            let taken = how.pop().unwrap_or_default();
            found.notes.extend(how.into_iter().map(|how| ("dialect", how)));
            found.notes.push(("dialect", taken));
            era.dialect
        }
    };
    found.notes.extend(other_default(dialect, &seen).map(|note| ("dialect", note)));
    found.notes.extend(words.notes.iter().map(|note| ("command", note.clone())));
    found.command = words.words;
    found.dialect = Some(dialect.argument().to_owned());
    let cases = real_spellings(dialect, Breadth::Pairs).len();
    summarise(&seen, cases, args.foreign.timeout(), found);
    Ok(())
}

/// Where a dialect has another default than the command: every check of it would be divergent.
fn other_default(dialect: Dialect, seen: &FirstLook) -> Option<String> {
    let says = resolve(dialect, &[], &[]).ok().map(|resolved| resolved.plan)?;
    let did = seen.arrived.as_ref().ok()?;
    let is_other = says.source != Source::Auto && says.to_string() != *did;
    is_other.then(|| {
        let (source, lock) = did.split_once('+').map_or((did.as_str(), false), |(source, _)| (source, true));
        let source = if source == "direct" { "read\", direct = true".to_owned() } else { format!("{source}\"") };
        let lock = if lock { ", lock = true" } else { "" };
        format!(
            "it says {says} of a command without load flags, and this one did {did}: if that is meant, a dialect file says \
             `switches = {{ source = \"{source}{lock} }}` under [combine]"
        )
    })
}

/// What the runs say of levels, of the time limit and of how much to run.
fn summarise(seen: &FirstLook, cases: usize, usual: Duration, found: &mut Found) {
    found.seen(seen);
    let limit = usual.max(seen.longest * 10);
    if limit > usual {
        found.timeout = Some(limit.as_secs() + 1);
        found.notes.push(("timeout", "a run took more than a tenth of the usual time limit".to_owned()));
    }
    let all = seen.longest.as_secs_f64() * cases as f64;
    found.quick = all > 600.0;
    let minutes = (all / 60.0).ceil();
    let much = if found.quick { "quick: one case a plan, all would take" } else { "all of them take" };
    found.notes.push((
        "cases",
        format!("{cases} of {:.1} s: {much} {minutes} min at most", seen.longest.as_secs_f64()),
    ));
}
