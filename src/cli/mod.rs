//! What was typed: commands, their arguments, and exit codes.
//!
//! llama-style load flags (`--mmap`, `-lm WORD` …) are taken out of the command line by `plan`
//! before clap sees the rest, so that every dialect's spelling reaches its own parser unchanged.
//! `documented` puts them back for whoever reads help or a page.
//!
//! The top room: nobody calls it but `main`.

mod baseline;
mod bench;
mod bits;
mod check;
mod command;
mod config;
mod dialect_arg;
pub mod dialects;
pub mod diff;
mod docs;
mod doctor;
mod documented;
mod exit;
pub mod explain;
mod explain_rule;
mod export;
mod faults;
mod format;
pub mod gguf;
mod guide;
mod import;
mod init;
mod input;
mod judge;
mod load_flags;
mod merge;
mod migrate;
mod model;
mod offered;
mod paths;
mod recording;
mod report_file;
mod run;
mod schema;
mod screen;
mod streams;
pub mod tokenize;
mod trace;

use std::ffi::OsString;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

pub use baseline::BaselineArgs;
pub use bench::{BenchArgs, CompareBenchArgs};
pub use bits::BitsArgs;
pub use check::{CheckArgs, DialectChoice, Faults, run_check};
pub use command::{CommandArgs, CompareArgs};
pub use config::ConfigArgs;
pub use docs::DocsArgs;
pub use doctor::DoctorArgs;
pub use exit::Exit;
pub use explain_rule::ExplainRuleArgs;
pub use export::ExportArgs;
pub use format::{Format, Opening};
pub use import::ImportArgs;
pub use init::InitArgs;
pub use judge::JudgeArgs;
pub use merge::MergeArgs;
pub use migrate::MigrateArgs;
pub use paths::{PathArgument, path_arguments};
pub use run::RunArgs;
pub use schema::SchemaArgs;
pub use screen::ScreenArgs;
pub use trace::TraceArgs;

/// Checks what a model loader does to the operating system.
#[derive(Debug, Parser)]
#[command(name = "loadparity", version, about, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

// A synopsis that clap makes of the options is given up where it would say nothing but `[OPTIONS]`; a
// second one stands below the first.
#[derive(Debug, Subcommand)]
enum Command {
    /// Prove that every way of asking for a load mode does what it says, the same way: the whole matrix on the
    /// reference engine, or on any command at its system calls (Linux).
    #[command(override_usage = "\
        loadparity check [-m MODEL] [--dialect D] [--level P1..P4] [--exhaustive|--quick] [--inject SPEC]… [--platform NAME]\n       \
        loadparity check --faults[=single|pairs|full] [-m MODEL] [--depth N] [--cases N] [--time S] [--partition I/N] [--state FILE]\n       \
        loadparity check -m MODEL [--dialect D|FILE|auto] [--expect FILE] [--faults[=single|pairs|full]] -- CMD {model} {flags}")]
    Check(Box<CheckArgs>),
    /// Write a first `loadparity.toml` for a loader, from what its help, its behaviour and its model show.
    #[command(override_usage = "loadparity init [-m MODEL] [--dialect D] [--force] [-- CMD…]")]
    Init(InitArgs),
    /// Tell what changed between two commands that load models, spelling by spelling, and what each difference
    /// comes to (Linux).
    #[command(override_usage = "\
        loadparity compare -m MODEL --old 'CMD {model} {flags}' --new 'CMD …' [--dialect D] [--inject SPEC]…")]
    Compare(CompareArgs),
    /// Set the results of several machines beside one another, in one matrix.
    #[command(
        override_usage = "loadparity merge linux.json windows.json…|FOLDER [--expect linux,windows,macos]"
    )]
    Merge(MergeArgs),
    /// Record or verify golden code paths, of the reference engine or of a command of your own (Linux).
    Baseline(BaselineArgs),
    /// Show that load mode, vector level and threads change no bit of the output.
    #[command(override_usage = "loadparity bits [-m MODEL…] [--threads 1,2,4] [--json FILE]")]
    Bits(BitsArgs),
    /// Load a model and generate text.
    #[command(override_usage = "\
        loadparity run [-m MODEL] [-p PROMPT] [-n N] [--seed S] [load flags] [--trace FILE] [--json]")]
    Run(RunArgs),
    /// Measure loading, prompts and generation, as llama-bench does.
    #[command(override_usage = "\
        loadparity bench [-m MODEL]… [-p N,…] [-n N,…] [-r N] [load flags] [-o FORMAT]")]
    Bench(BenchArgs),
    /// Tell what became faster between two result files of `bench` or llama-bench.
    CompareBench(CompareBenchArgs),
    /// Show what load flags and variables mean, and how every dialect says the same.
    #[command(override_usage = "\
        loadparity explain [--dialect D] [--to D] [--tool bench] [--env NAME=VALUE]… -- FLAGS…")]
    Explain(explain::ExplainArgs),
    /// Show one rule: what must hold, what a decision needs, and a trace that keeps it and one that breaks it.
    #[command(override_usage = "loadparity explain-rule ID")]
    ExplainRule(ExplainRuleArgs),
    /// Show what load flags mean in every dialect, and what was lost on the way.
    #[command(override_usage = "\
        loadparity dialects [--base D] [--only-differences]\n       \
        loadparity dialects list\n       \
        loadparity dialects show NAME\n       \
        loadparity dialects check FILE [-m MODEL -- CMD {model} {flags}]\n       \
        loadparity dialects diff NAME|FILE NAME|FILE")]
    Dialects(dialects::DialectsArgs),
    /// Rewrite scripts, units, Dockerfiles, manifests, presets and other files in another dialect: a diff, or in
    /// place.
    #[command(override_usage = "\
        loadparity migrate --from D --to D [--write] FILE…\n       \
        loadparity migrate --from D --to D -- ARGS…")]
    Migrate(migrate::MigrateArgs),
    /// Compare two traces, each difference classified.
    Diff(diff::DiffArgs),
    /// Turn a printed log or strace's text into a trace.
    Import(ImportArgs),
    /// Hold a recording of any loader against what a dialect predicts of its flags, and against what its log claims.
    #[command(override_usage = "\
        loadparity judge --dialect D (--strace FILE | --trace FILE) [--log FILE] -- FLAGS…")]
    Judge(JudgeArgs),
    /// Record what any command does to model files, at its system calls (Linux), or show a recording.
    #[command(override_usage = "\
        loadparity trace [-o FILE] [--summary] [--view] [--inject SPEC]… [--model FILE]… [--timeout S] -- CMD…\n       \
        loadparity trace [--summary] [--view] [--format json] TRACE")]
    Trace(TraceArgs),
    /// Turn a recording into a format of other programs: trace events for Perfetto and Chrome, CSV, a picture.
    #[command(override_usage = "loadparity export --to chrome|perfetto|csv|svg [-o FILE] TRACE")]
    Export(ExportArgs),
    /// Try what this machine can do for a load mode, on one file: which modes work, degrade or fail, and how fast.
    #[command(override_usage = "loadparity doctor [PATH] [--no-measure] [--format json]")]
    Doctor(DoctorArgs),
    /// Turn text into tokens.
    Tokenize(tokenize::TokenizeArgs),
    /// Show or make model files.
    Gguf(gguf::GgufArgs),
    /// List the JSON Schemas of what the program writes as JSON, or print one.
    #[command(override_usage = "loadparity schema [NAME]")]
    Schema(SchemaArgs),
    /// Print or renew what is made from the program's own tables: pages, man pages and completions.
    #[command(override_usage = "\
        loadparity docs PAGE\n       \
        loadparity docs man --out FOLDER\n       \
        loadparity docs completions SHELL\n       \
        loadparity docs verify\n       \
        loadparity docs write")]
    Docs(DocsArgs),
}

impl Command {
    /// How much a command that reports says.
    fn screen(&self) -> Option<ScreenArgs> {
        match self {
            Self::Check(args) => Some(args.screen),
            Self::Compare(args) => Some(args.screen),
            Self::Merge(args) => Some(args.screen),
            Self::Judge(args) => Some(args.screen),
            Self::Baseline(args) => Some(args.screen()),
            _ => None,
        }
    }
}

/// Runs the program with the process's arguments and environment.
pub fn main() -> ExitCode {
    crate::platform::ending::prepare();
    streams::tell_of_panics();
    let argv: Vec<OsString> = std::env::args_os().collect();
    let env: Vec<(String, String)> = std::env::vars_os()
        .map(|(k, v)| (k.to_string_lossy().into_owned(), v.to_string_lossy().into_owned()))
        .collect();
    let run = || run_command(argv, &env);
    // What went wrong was said by the hook.
    let exit = catch_unwind(AssertUnwindSafe(run)).unwrap_or(Exit::Code(exit::INTERNAL));
    ExitCode::from(exit.report(&mut streams::stderr()))
}

/// Runs one command line.
fn run_command(argv: Vec<OsString>, env: &[(String, String)]) -> Exit {
    let (load_flags, rest) = split(argv);
    let (rest, found) = match config::applied(rest) {
        Ok(applied) => applied,
        Err(exit) => return exit,
    };
    let mut cli = match Cli::try_parse_from(&rest) {
        Ok(cli) => cli,
        Err(error) => {
            let asked = (error.kind() == ErrorKind::DisplayHelp).then(|| documented::help(rest)).flatten();
            return match asked {
                // The program's own text, with styles that a pipe is not to get.
                Some(help) => Exit::Code(0).after(|| {
                    let mut out = streams::help();
                    write!(out, "{help}").and_then(|()| out.flush())
                }),
                None => {
                    let exit = Exit::Clap(error);
                    match &found {
                        Some(found) => found.explaining(exit),
                        None => exit,
                    }
                }
            };
        }
    };
    if let Some(screen) = cli.command.screen() {
        screen.apply();
    }
    let mut out = streams::stdout(rest.get(1).and_then(|command| command.to_str()));
    let out = &mut out;
    match &mut cli.command {
        Command::Check(args) => {
            args.config.found = found;
            check::run(args, out)
        }
        Command::Init(args) => init::run(args, out),
        Command::Compare(args) => command::compare(args, out),
        Command::Merge(args) => merge::run(args, out),
        Command::Baseline(args) => {
            args.config().found = found;
            let exit = baseline::run(args, out);
            match &args.config().found {
                Some(found) => found.explaining(exit),
                None => exit,
            }
        }
        Command::Bits(args) => bits::run(args, out),
        Command::Run(args) => run::run(args, &load_flags, env, out),
        Command::Bench(args) => bench::run(args, &load_flags, out),
        Command::CompareBench(args) => bench::compare(args, out),
        Command::Explain(args) => {
            explain::run(args, out, &mut streams::stderr()).map_or_else(Exit::unwritten, Exit::Code)
        }
        Command::ExplainRule(args) => explain_rule::run(args, out),
        Command::Import(args) => import::run(args, out),
        Command::Judge(args) => judge::run(args, out),
        Command::Dialects(args) => dialects::run(args, out),
        Command::Migrate(args) => migrate::run(args, out, &mut streams::stderr()),
        Command::Diff(args) => Exit::Code(diff::run(args, out)),
        Command::Trace(args) => trace::run(args, out, &mut streams::stderr()),
        Command::Export(args) => export::run(args, out),
        Command::Doctor(args) => doctor::run(args, out),
        Command::Tokenize(args) => model::tokenize(args, out),
        Command::Schema(args) => schema::run(args, out),
        Command::Docs(args) => docs::run(args, out),
        Command::Gguf(args) => match gguf::run(args, out) {
            Ok(()) => Exit::Code(0),
            Err(error) => Exit::Failed(error.exit_code(), error.to_string()),
        },
    }
    .after(|| out.flush())
}

/// Takes the load flags of `run` and `bench` out of a command line; `explain` has its after `--`.
fn split(argv: Vec<OsString>) -> (Vec<String>, Vec<OsString>) {
    match argv.get(1).and_then(|command| command.to_str()) {
        Some("run") => {
            let with_value = options_with_value("run");
            let dialect = dialect_arg::of_words(&argv);
            let takes_value = |word: &str| with_value.iter().any(|option| option == word);
            let (load_flags, rest) = crate::plan::split_args(dialect, argv, takes_value);
            (load_flags, run::without_long_shorts(rest, run::LONG_SHORTS))
        }
        Some("bench") => {
            let with_value = options_with_value("bench");
            let argv = run::without_long_shorts(argv, bench::LONG_SHORTS);
            let dialect = dialect_arg::of_words(&argv);
            let takes_value = |word: &str| with_value.iter().any(|option| option == word);
            crate::plan::split_bench_args(dialect, argv, takes_value)
        }
        // clap's own command of this name knows nothing of load flags.
        Some("help") => {
            let words = argv.iter().take(1).chain(argv.iter().skip(2)).cloned();
            (Vec::new(), words.chain(["--help".into()]).collect())
        }
        // What stands behind `trace --` is not ours to change.
        _ => (Vec::new(), argv),
    }
}

/// A command line as clap takes it.
#[cfg(test)]
fn parsed(argv: Vec<OsString>) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(split(argv).1)
}

/// The options of a command whose value is the next word, by all their names.
fn options_with_value(command: &str) -> Vec<String> {
    let cli = <Cli as clap::CommandFactory>::command();
    let arguments = cli.find_subcommand(command).into_iter().flat_map(clap::Command::get_arguments);
    let with_value = arguments.filter(|argument| argument.get_action().takes_values());
    let names = with_value.flat_map(|argument| {
        let short = argument.get_short_and_visible_aliases().unwrap_or_default();
        let long = argument.get_long().into_iter().chain(argument.get_all_aliases().unwrap_or_default());
        let short = short.into_iter().map(|name| format!("-{name}"));
        short.chain(long.map(|name| format!("--{name}"))).collect::<Vec<_>>()
    });
    // The one long name with a single dash that `run` takes.
    names.chain(["-temp".to_owned()]).collect()
}
