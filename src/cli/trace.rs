//! `loadparity trace`: what a command does to model files, recorded or shown.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use super::exit::Exit;
use super::explain::ExplainFormat;
use super::recording::{self, Shown};
use super::report_file::{Outputs, Overwrite};
use super::screen::Stream;
use crate::layout::{Choice, FileLayout, read_model};
use crate::platform::FaultSpec;
use crate::rules::Summary;
use crate::tracer::{self, Killer, Mode, Options, Status, Stop, TraceError, Traced};

/// Arguments of `trace`.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "The exit code is the command's own; 128 and the signal's number where a signal ended it \
or asked the tracer to stop; 124 where its time was up; 3 where it succeeded and never opened a model that was named; 126 where it cannot be executed and 127 where it is not \
there. Of the tracer itself: 2 usage, 3 tracing is not permitted or not supported here, 70 internal error."
)]
pub struct TraceArgs {
    /// Write the trace to this file instead of a summary to standard error.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    #[command(flatten)]
    overwrite: Overwrite,

    /// Inject a fault into the command's system calls, such as `read:short=512:when=3`; may repeat.
    #[arg(long, value_name = "SPEC")]
    inject: Vec<FaultSpec>,

    /// Count this file as a model, whatever it holds, and the files that it names; may repeat. GGUF files always are.
    #[arg(short, long, value_name = "FILE")]
    model: Vec<PathBuf>,

    #[arg(long, default_value = "auto", value_name = "KIND", requires = "model", help = super::model::LAYOUT)]
    layout: Choice,

    /// End the command and all that came of it after this many seconds.
    #[arg(long, value_name = "S", value_parser = seconds)]
    timeout: Option<Duration>,

    /// Stop on every system call instead of installing a filter; slow.
    #[arg(long, hide = true)]
    every_syscall: bool,

    /// Show how often each call was made, with its bytes, time and errors.
    #[arg(long)]
    summary: bool,

    /// Show the load in time: phases, the offsets of each file upward, a line a thread.
    #[arg(long)]
    view: bool,

    /// Draw in ASCII alone.
    #[arg(long)]
    ascii: bool,

    /// How to print what a recording holds: `json` with --summary or --view.
    #[arg(long, value_enum, default_value_t = ExplainFormat::Terminal)]
    format: ExplainFormat,

    /// A recording to show, as `trace -o`, `import` and `run --trace` write it; by --summary and --view, or by one.
    #[arg(value_name = "TRACE", conflicts_with_all = ["output", "inject", "model", "timeout", "command"])]
    recording: Option<PathBuf>,

    /// The command and its arguments.
    #[arg(last = true, required_unless_present = "recording", value_name = "CMD")]
    command: Vec<OsString>,
}

impl TraceArgs {
    /// What of a recording was asked for.
    fn shown(&self) -> Shown {
        Shown { summary: self.summary, view: self.view, ascii: self.ascii }
    }
}

pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| format!("`{text}` is not a number of seconds"))?;
    let duration = Duration::try_from_secs_f64(seconds).ok().filter(|duration| !duration.is_zero());
    duration.ok_or_else(|| "the time limit is more than 0 seconds".to_owned())
}

/// Runs the command, or shows a recording.
pub(super) fn run(args: &TraceArgs, out: &mut dyn Write, stderr: &mut dyn Write) -> Exit {
    if let Some(path) = &args.recording {
        return recording::show(path, args.shown(), args.format, out);
    }
    if args.format == ExplainFormat::Json {
        return Exit::usage(
            "--format json is for a recording: keep one with -o FILE, then `loadparity trace --summary --format json FILE`",
        );
    }
    // Before any thread is there, so that all of them leave the signals to one.
    let stop = match Stop::on_signals() {
        Ok(stop) => stop,
        Err(error) => {
            return Exit::internal(format!("starting the thread that waits for signals failed: {error}"));
        }
    };
    // Tried before the work, so that a wrong path costs nothing.
    let output = args.output.as_deref().map(|path| Outputs::new(&args.overwrite).file(path)).transpose();
    let output = match output {
        Ok(output) => output,
        Err(exit) => return exit,
    };
    for model in &args.model {
        if let Err(error) = super::input::regular(model) {
            return Exit::usage(format!("{}: {error}", model.display()));
        }
        if model.is_dir() {
            return Exit::usage(format!("{}: this is a folder; name its file with weights", model.display()));
        }
    }
    let command = tracer::Command { argv: args.command.clone(), ..tracer::Command::default() };
    let (models, layouts) = named_models(args, stderr);
    let options = Options {
        models,
        layouts,
        faults: args.inject.clone(),
        time_limit: args.timeout,
        every_syscall: args.every_syscall,
        stop: Some(stop),
        ..Options::default()
    };
    let traced = match tracer::run(&command, &options) {
        Ok(traced) => traced,
        Err(error) => return refused(&error),
    };
    // Standard error that cannot be written to leaves nobody to tell.
    let _ = tell(&traced, args, stderr);
    let status = traced.status;
    let unopened = unopened(&traced, args);
    let trace = traced.into_file();
    if let Some(file) = output {
        let mut text = Vec::new();
        if let Err(error) = trace.write(&mut text).and_then(|()| file.write(&text)) {
            return file.unwritten(&error);
        }
    }
    // As above.
    let _ = recording::print(&trace, args.shown(), Stream::Stderr, stderr);
    match status {
        Status::Code(0) if !unopened.is_empty() => {
            let names: Vec<String> = unopened.iter().map(|path| path.display().to_string()).collect();
            Exit::Failed(3, format!("not observed: the command never opened {}", names.join(", ")))
        }
        status => Exit::Code(status.shell_code()),
    }
}

/// The models that were named, with the files that they name, and their layouts where those are known. A command may
/// be given a model that is malformed or not there: that is for it to refuse.
fn named_models(args: &TraceArgs, stderr: &mut dyn Write) -> (Vec<PathBuf>, Vec<(PathBuf, FileLayout)>) {
    let (mut models, mut layouts) = (args.model.clone(), Vec::new());
    for path in args.model.iter().filter(|path| path.is_file()) {
        match read_model(std::slice::from_ref(path), args.layout) {
            Ok(model) => {
                for note in &model.notes {
                    let _ = writeln!(stderr, "loadparity: {note}");
                }
                models.extend(model.files.iter().map(|file| file.path.clone()).filter(|other| other != path));
                layouts.extend(model.files.into_iter().map(|file| (file.path, file.layout)));
            }
            Err(error) => {
                let _ = writeln!(stderr, "loadparity: {error}; all of its bytes count as weights");
            }
        }
    }
    (models, layouts)
}

/// The models that were named and that the command never opened. An index names weights and holds none.
fn unopened<'a>(traced: &Traced, args: &'a TraceArgs) -> Vec<&'a Path> {
    let same = |a: &Path, b: &Path| match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => a == b,
    };
    let opened = |path: &Path| traced.models.iter().any(|known| same(known, path));
    let index = |path: &Path| path.to_string_lossy().ends_with(".index.json");
    args.model.iter().map(PathBuf::as_path).filter(|path| !opened(path) && !index(path)).collect()
}

fn refused(error: &TraceError) -> Exit {
    let code = match error {
        TraceError::NotFound { .. } => 127,
        TraceError::NotExecutable { .. } => 126,
        TraceError::NotPermitted { .. } | TraceError::Unsupported { .. } => 3,
        TraceError::NoCommand | TraceError::ZeroByte { .. } | TraceError::Fault { .. } => 2,
        _ => 70,
    };
    Exit::Failed(code, error.to_string())
}

/// What does not stand in the trace, and a summary where no trace is written.
fn tell(traced: &Traced, args: &TraceArgs, out: &mut dyn Write) -> std::io::Result<()> {
    if let Mode::EverySyscall(Some(errno)) = &traced.mode {
        writeln!(
            out,
            "loadparity: the seccomp filter was refused ({errno}); every system call was stopped, which is slow"
        )?;
    }
    for (spot, times) in &traced.blind_spots {
        writeln!(out, "loadparity: blind spot, met {times} times: {}", spot.explanation())?;
    }
    for (fault, fired) in args.inject.iter().zip(&traced.fired).filter(|(_, fired)| **fired == 0) {
        writeln!(out, "loadparity: `{fault}` met no call ({fired} times fired)")?;
    }
    match traced.killed_by {
        Some(Killer::OutOfMemory { .. }) => {
            writeln!(out, "loadparity: the kernel killed the command for lack of memory")?;
        }
        Some(Killer::Outside(Some(pid))) => {
            writeln!(out, "loadparity: process {pid}, which is none of the command's, killed it")?;
        }
        Some(Killer::Outside(None)) => {
            writeln!(out, "loadparity: a process that is none of the command's killed it")?;
        }
        None => {}
    }
    if traced.models.is_empty()
        && let Some((path, size)) = &traced.largest_other
    {
        writeln!(
            out,
            "loadparity: no model was met; the largest file that was opened is {} ({size} bytes): --model {0} counts it as one",
            path.display()
        )?;
    }
    match traced.status {
        Status::TimeLimit => writeln!(out, "loadparity: the time limit ended the command")?,
        Status::Stopped(signal) => writeln!(out, "loadparity: stopped by signal {signal}")?,
        Status::Code(_) | Status::Signal(_) | Status::Unknown => {}
    }
    if args.output.is_some() || args.summary || args.view {
        return Ok(());
    }
    let Summary { opens, maps, mapped_bytes, locked_bytes, reads, read_bytes, effective, fallbacks, .. } =
        Summary::of(&traced.ops);
    for path in &traced.models {
        writeln!(out, "model: {}", path.display())?;
    }
    writeln!(out, "effective: {effective}")?;
    writeln!(
        out,
        "opens: {opens}, maps: {maps} ({mapped_bytes} bytes), reads: {reads} ({read_bytes} bytes), locked: {locked_bytes} bytes"
    )?;
    for fallback in fallbacks {
        writeln!(out, "refused: {fallback}")?;
    }
    let (ops, dropped) = (traced.ops.len(), traced.dropped);
    writeln!(out, "{ops} operations on models, {dropped} calls on other files; {}", traced.status)
}
