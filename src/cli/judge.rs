//! `loadparity judge`: a recording held against what a dialect predicts of its flags.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::exit::Exit;
use super::explain::variable;
use super::import::{imported, text_of};
use crate::check::{Judgement, Recording, judge, judge_bench};
use crate::import::Origin;
use crate::plan::flags::{Flag, find_bench};
use crate::plan::{Dialect, Spelling, split_args, split_bench_args};
use crate::subject::Truth;
use crate::trace::TraceFile;

/// The exit code where the recording does not do what the dialect predicts.
const DISAGREES: u8 = 1;

/// Arguments of `judge`.
#[derive(Clone, Debug, Args)]
pub struct JudgeArgs {
    /// The rules that the recorded loader reads its flags by.
    #[arg(long, value_name = "DIALECT")]
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

    /// The model it loaded; then the rules are about its tensors.
    #[arg(short, long, value_name = "MODEL")]
    model: Option<PathBuf>,

    /// A variable of the loader's environment; may repeat.
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = variable)]
    env: Vec<(String, String)>,

    /// Whose flags they are; `auto` takes switches with a value (`-mmp 0`, `-dio 1`) and lists of load
    /// modes for llama-bench's.
    #[arg(long, value_enum, default_value_t = JudgeTool::Auto)]
    tool: JudgeTool,

    /// How to print it.
    #[arg(long, value_enum, default_value_t = JudgeFormat::Terminal)]
    format: JudgeFormat,

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

/// How `judge` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum JudgeFormat {
    /// Lines for a person.
    Terminal,
    /// One JSON object on one line.
    Json,
}

/// Runs `judge`.
pub(super) fn run(args: &JudgeArgs, out: &mut dyn Write) -> Exit {
    match try_run(args, out) {
        Ok(true) => Exit::Code(0),
        Ok(false) => Exit::Code(DISAGREES),
        Err(exit) => exit,
    }
}

fn try_run(args: &JudgeArgs, out: &mut dyn Write) -> Result<bool, Exit> {
    let (trace, mut printed) = recording(args)?;
    if let Some(log) = &args.log {
        printed.get_or_insert_default().extend(text_of(log)?.lines().map(str::to_owned));
    }
    let model = args.model.as_deref().map(Truth::of_file).transpose().map_err(Exit::usage)?;
    let recording = Recording {
        ops: &trace.ops,
        page_size: trace.header.page_size,
        printed: printed.as_deref(),
        model: model.as_ref().map(|truth| &truth.gguf),
    };
    let bench = match args.tool {
        JudgeTool::Auto => looks_like_bench(&args.flags),
        tool => tool == JudgeTool::Bench,
    };
    let judgement = if bench {
        let (argv, _) = split_bench_args(args.flags.iter().map(OsString::from), |_| false);
        judge_bench(args.dialect, &argv, &recording)
    } else {
        judge(args.dialect, &spelling(args), &recording)
    };
    let written = match args.format {
        JudgeFormat::Terminal => lines(&judgement, out),
        JudgeFormat::Json => {
            serde_json::to_writer(&mut *out, &judgement).map_err(io::Error::from).and_then(|()| writeln!(out))
        }
    };
    written.map_err(Exit::internal)?;
    Ok(judgement.agrees)
}

/// The recording, and what it holds of the loader's own lines.
fn recording(args: &JudgeArgs) -> Result<(TraceFile, Option<Vec<String>>), Exit> {
    if let Some(path) = &args.strace {
        let imported = imported(path, Some(Origin::Strace))?;
        let printed = Some(imported.report.printed).filter(|lines| !lines.is_empty());
        return Ok((imported.trace, printed));
    }
    let path = args.trace.as_deref().unwrap_or_else(|| std::path::Path::new(""));
    let shown = path.display();
    let file = File::open(path).map_err(|error| Exit::usage(format!("{shown}: {error}")))?;
    let trace = TraceFile::read(BufReader::new(file)).map_err(|e| Exit::usage(format!("{shown}: {e}")))?;
    Ok((trace, None))
}

/// Whether a line has what llama-bench alone understands.
fn looks_like_bench(flags: &[String]) -> bool {
    let list = |word: &str| word.split(',').all(|item| matches!(item, "0" | "1"));
    flags.iter().zip(flags[1.min(flags.len())..].iter()).any(|(name, value)| match find_bench(name) {
        Some((Flag::Mode, _)) => value.contains(','),
        Some((_, "-mmp")) => true,
        Some(_) => list(value),
        None => false,
    })
}

/// The load flags of the line, with the variables in front of them.
fn spelling(args: &JudgeArgs) -> Spelling {
    let mut env = args.env.clone();
    let mut words = args.flags.iter().peekable();
    while let Some((name, value)) = words.peek().and_then(|word| word.split_once('=')) {
        if !name.starts_with("LLAMA_ARG_") {
            break;
        }
        env.push((name.to_owned(), value.to_owned()));
        words.next();
    }
    let (argv, _) = split_args(words.map(OsString::from), |_| false);
    Spelling { argv, env }
}

fn lines(judgement: &Judgement, out: &mut dyn Write) -> io::Result<()> {
    let spelling = Some(judgement.spelling.as_str()).filter(|s| !s.is_empty()).unwrap_or("(nothing)");
    writeln!(out, "dialect    {}", judgement.dialect)?;
    writeln!(out, "spelling   {spelling}")?;
    write!(out, "predicted  {}", judgement.predicted)?;
    match &judgement.error {
        Some(error) => writeln!(out, ": {error}")?,
        None => writeln!(out)?,
    }
    if judgement.expected != judgement.predicted {
        writeln!(
            out,
            "expected   {}, since this was refused: {}",
            judgement.expected,
            judgement.refused.join(", ")
        )?;
    }
    writeln!(out, "effective  {}", judgement.effective)?;
    writeln!(out, "agrees     {}", if judgement.agrees { "yes" } else { "NO" })?;
    for claim in judgement.log_claims.iter().flatten() {
        writeln!(out, "log        {}", claim.line)?;
        if claim.holds {
            writeln!(out, "           claims that {}: true", claim.claims)?;
        } else {
            writeln!(out, "           claims that {}: FALSE, {}", claim.claims, claim.instead)?;
        }
    }
    for finding in &judgement.rules {
        writeln!(out, "broken     {}: {}", finding.rule, finding.message)?;
    }
    if !judgement.undecided.is_empty() {
        let ids: Vec<&str> = judgement.undecided.iter().map(|rule| rule.id()).collect();
        writeln!(out, "undecided  {}", ids.join(", "))?;
    }
    Ok(())
}
