//! `loadparity judge`: a recording held against what a dialect predicts of its flags.

use std::ffi::OsString;
use std::io::{BufReader, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::exit::Exit;
use super::explain::variable;
use super::format::{self, Format, Reporters};
use super::import::{imported, text_of};
use super::model::layout_of;
use super::report_file::{Outputs, Overwrite};
use super::screen::ScreenArgs;
use crate::check::document::Timeline;
use crate::check::{Recording, judge, judge_bench};
use crate::import::Origin;
use crate::layout::Choice;
use crate::plan::flags::Flag;
use crate::plan::{Dialect, Spelling, split_args, split_bench_args};
use crate::trace::{BlindSpot, TraceFile};

/// Arguments of `judge`.
#[derive(Clone, Debug, Args)]
pub struct JudgeArgs {
    /// The rules that the recorded loader reads its flags by.
    #[arg(long, value_name = "NAME|FILE|BUILD", value_parser = crate::cli::dialect_arg::dialect)]
    dialect: Dialect,

    /// A recording by strace.
    #[arg(long, value_name = "FILE", required_unless_present = "trace", conflicts_with = "trace")]
    strace: Option<PathBuf>,

    /// A trace file.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,

    /// What the loader printed.
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,

    /// The model it loaded; then the rules are about its tensors. May repeat, for files with weights that the first
    /// does not name.
    #[arg(short, long, value_name = "MODEL")]
    model: Vec<PathBuf>,

    #[arg(long, default_value = "auto", value_name = "KIND", requires = "model", help = super::model::LAYOUT)]
    layout: Choice,

    /// A variable of the loader's environment; may repeat.
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = variable)]
    env: Vec<(String, String)>,

    /// Whose flags they are; `auto` takes switches with a value (`-mmp 0`, `-dio 1`) and lists of load
    /// modes for llama-bench's.
    #[arg(long, value_enum, default_value_t = JudgeTool::Auto)]
    tool: JudgeTool,

    #[allow(missing_docs, reason = "the help text is shared")]
    #[arg(long, default_value = "terminal", value_name = "FORMAT[=FILE]", help = format::HELP)]
    format: Vec<Format>,

    #[command(flatten)]
    pub(super) screen: ScreenArgs,

    #[command(flatten)]
    #[allow(missing_docs, reason = "its field says it")]
    opening: format::Opening,

    #[command(flatten)]
    overwrite: Overwrite,

    /// The loader's flags, those that are not about loading too; a `LLAMA_ARG_…=VALUE` in front of
    /// them is a variable, as in a shell.
    #[arg(last = true, value_name = "FLAGS", allow_hyphen_values = true)]
    flags: Vec<String>,
}

/// Whose flags a recording is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum JudgeTool {
    /// As the flags look.
    Auto,
    /// The parser that most of llama.cpp's programs share.
    Common,
    /// llama-bench.
    Bench,
}

/// Runs `judge`.
pub(super) fn run(args: &JudgeArgs, out: &mut dyn Write) -> Exit {
    try_run(args, out).unwrap_or_else(|exit| exit)
}

fn try_run(args: &JudgeArgs, out: &mut dyn Write) -> Result<Exit, Exit> {
    let model = if args.model.is_empty() { None } else { Some(layout_of(&args.model, args.layout)?) };
    let names = model.iter().flat_map(|truth| truth.paths.iter()).filter_map(|path| path.to_str());
    let Recorded { trace, mut printed, unseen, mut notes } = recording(args, &names.collect::<Vec<_>>())?;
    if let Some(log) = &args.log {
        printed.get_or_insert_default().extend(text_of(log)?.lines().map(str::to_owned));
    }
    if let Some(truth) = &model {
        notes.extend(truth.notes.iter().cloned());
    }
    let recording = Recording {
        ops: &trace.ops,
        page_size: trace.header.page_size,
        printed: printed.as_deref(),
        weights: model.as_ref().map(|truth| &truth.weights),
        unseen: &unseen,
        notes: &notes,
        observations: &trace.observations,
        status: trace.end.as_ref().map(|end| end.status),
    };
    let bench = match args.tool {
        JudgeTool::Auto => looks_like_bench(args.dialect, &args.flags),
        tool => tool == JudgeTool::Bench,
    };
    let mut document = if bench {
        let (argv, _) = split_bench_args(args.dialect, args.flags.iter().map(OsString::from), |_| false);
        judge_bench(args.dialect, &argv, &recording)
    } else {
        judge(args.dialect, &spelling(args), &recording)
    };
    if format::draws(&args.format, &args.opening) {
        document.timeline = Some(Timeline::of(&trace.ops, &trace.observations));
    }
    let reporters = Reporters::new(&args.format, args.screen, out, Outputs::new(&args.overwrite))?;
    Ok(reporters.opening(&args.opening)?.finish(&document))
}

/// A recording, what it holds of the loader's own lines, and what its source could not see.
struct Recorded {
    trace: TraceFile,
    printed: Option<Vec<String>>,
    unseen: Vec<String>,
    notes: Vec<String>,
}

/// The recording that was named, of a model in these files.
fn recording(args: &JudgeArgs, models: &[&str]) -> Result<Recorded, Exit> {
    if let Some(path) = &args.strace {
        let imported = imported(path, Some(Origin::Strace), models)?;
        let printed = Some(imported.report.printed).filter(|lines| !lines.is_empty());
        let unseen = unseen(&imported.trace);
        return Ok(Recorded { trace: imported.trace, printed, unseen, notes: imported.report.doubts });
    }
    let path = args.trace.as_deref().unwrap_or_else(|| std::path::Path::new(""));
    let shown = path.display();
    let file = super::input::open(path).map_err(|error| Exit::usage(format!("{shown}: {error}")))?;
    let trace = TraceFile::read(BufReader::new(file)).map_err(|e| Exit::usage(format!("{shown}: {e}")))?;
    let unseen = unseen(&trace);
    Ok(Recorded { trace, printed: None, unseen, notes: Vec::new() })
}

/// What calls may have escaped the source of a trace, a sentence each.
fn unseen(trace: &TraceFile) -> Vec<String> {
    let words = trace.end.iter().flat_map(|end| end.unseen.iter());
    words
        .filter_map(|word| match BlindSpot::from_word(word) {
            Some(spot) if !spot.hides_calls() => None,
            Some(spot) => Some(spot.explanation().to_owned()),
            None => Some(format!("{word}: what it moved is not in the trace")),
        })
        .collect()
}

/// Whether a line has what llama-bench alone understands.
fn looks_like_bench(dialect: Dialect, flags: &[String]) -> bool {
    let list = |word: &str| word.split(',').all(|item| matches!(item, "0" | "1"));
    flags.iter().zip(flags[1.min(flags.len())..].iter()).any(|(name, value)| {
        match dialect.rules().find_bench(name) {
            Some((Flag::Mode, _)) => value.contains(','),
            Some((_, "-mmp")) => true,
            Some(_) => list(value),
            None => false,
        }
    })
}

/// The load flags of the line, with the variables in front of them.
fn spelling(args: &JudgeArgs) -> Spelling {
    let mut env = args.env.clone();
    let mut words = args.flags.iter().peekable();
    while let Some((name, value)) = words.peek().and_then(|word| word.split_once('=')) {
        if args.dialect.rules().find_variable(name).is_none() {
            break;
        }
        env.push((name.to_owned(), value.to_owned()));
        words.next();
    }
    let (argv, _) = split_args(args.dialect, words.map(OsString::from), |_| false);
    Spelling { argv, env }
}
