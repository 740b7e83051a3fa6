//! What was typed: commands, their arguments, and exit codes.
//!
//! llama-style load flags (`--mmap`, `-lm WORD` …) are taken out of the command line by `plan`
//! before clap sees the rest, so that every dialect's spelling reaches its own parser unchanged.
//!
//! The top room: nobody calls it but `main`.

mod baseline;
mod bench;
mod bits;
mod check;
mod command;
pub mod dialects;
pub mod diff;
mod docs;
mod exit;
pub mod explain;
mod format;
pub mod gguf;
mod import;
mod judge;
mod merge;
mod migrate;
mod model;
mod run;
pub mod tokenize;
mod trace;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use baseline::BaselineArgs;
pub use bench::{BenchArgs, CompareBenchArgs};
pub use bits::BitsArgs;
pub use check::{CheckArgs, DialectChoice, Faults, run_check};
pub use command::{CommandArgs, CompareArgs};
pub use docs::DocsArgs;
pub use exit::Exit;
pub use format::Format;
pub use import::ImportArgs;
pub use judge::JudgeArgs;
pub use merge::MergeArgs;
pub use migrate::MigrateArgs;
pub use run::RunArgs;
pub use trace::TraceArgs;

/// Checks what a model loader does to the operating system.
#[derive(Debug, Parser)]
#[command(name = "loadparity", version, about, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Prove that every way of asking for a load mode does what it says, the same way.
    Check(CheckArgs),
    /// Tell what changed between two commands that load models (Linux).
    Compare(CompareArgs),
    /// Set the results of several machines beside one another.
    Merge(MergeArgs),
    /// Record or verify golden code paths.
    Baseline(BaselineArgs),
    /// Show that load mode, vector level and threads change no bit of the output.
    Bits(BitsArgs),
    /// Load a model and generate text.
    Run(RunArgs),
    /// Measure loading, prompts and generation, as llama-bench does.
    Bench(BenchArgs),
    /// Tell what became faster between two result files of `bench` or llama-bench.
    CompareBench(CompareBenchArgs),
    /// Show what load flags and variables mean.
    Explain(explain::ExplainArgs),
    /// Show what load flags mean in every dialect, and what changed between them.
    Dialects(dialects::DialectsArgs),
    /// Rewrite scripts, units and container files from one dialect to another.
    Migrate(migrate::MigrateArgs),
    /// Compare two traces.
    Diff(diff::DiffArgs),
    /// Turn a printed log or strace's text into a trace.
    Import(ImportArgs),
    /// Hold a recording against what a dialect predicts of its flags.
    Judge(JudgeArgs),
    /// Record what a command does to model files (Linux).
    Trace(TraceArgs),
    /// Turn text into tokens.
    Tokenize(tokenize::TokenizeArgs),
    /// Show or make model files.
    Gguf(gguf::GgufArgs),
    /// Print a page of the documentation that is made from the program's tables.
    #[command(hide = true)]
    Docs(DocsArgs),
}

/// Runs the program with the process's arguments and environment.
pub fn main() -> ExitCode {
    let argv: Vec<OsString> = std::env::args_os().collect();
    let env: Vec<(String, String)> = std::env::vars_os()
        .map(|(k, v)| (k.to_string_lossy().into_owned(), v.to_string_lossy().into_owned()))
        .filter(|(k, _)| k.starts_with("LLAMA_ARG_"))
        .collect();
    let exit = run_command(argv, &env);
    ExitCode::from(exit.report(&mut anstream::stderr()))
}

/// Runs one command line.
fn run_command(argv: Vec<OsString>, env: &[(String, String)]) -> Exit {
    // Only `run` and `bench` take load flags among their own; `explain` has its after `--`.
    let (load_flags, rest) = match argv.get(1).and_then(|command| command.to_str()) {
        Some("run") => {
            let with_value = options_with_value("run");
            let (load_flags, rest) =
                crate::plan::split_args(argv, |word| with_value.iter().any(|option| option == word));
            (load_flags, run::without_long_shorts(rest))
        }
        Some("bench") => {
            let with_value = options_with_value("bench");
            let argv = bench::without_long_shorts(argv);
            crate::plan::split_bench_args(argv, |word| with_value.iter().any(|option| option == word))
        }
        // What stands behind `trace --` is not ours to change.
        _ => (Vec::new(), argv),
    };
    let cli = match Cli::try_parse_from(rest) {
        Ok(cli) => cli,
        Err(error) => return Exit::Clap(error),
    };
    let out = &mut anstream::stdout();
    match &cli.command {
        Command::Check(args) => check::run(args, out),
        Command::Compare(args) => command::compare(args, out),
        Command::Merge(args) => merge::run(args, out),
        Command::Baseline(args) => baseline::run(args, out),
        Command::Bits(args) => bits::run(args, out),
        Command::Run(args) => run::run(args, &load_flags, env, out),
        Command::Bench(args) => bench::run(args, &load_flags, out),
        Command::CompareBench(args) => bench::compare(args, out),
        Command::Explain(args) => {
            explain::run(args, out, &mut anstream::stderr()).map_or_else(Exit::internal, Exit::Code)
        }
        Command::Import(args) => import::run(args, out),
        Command::Judge(args) => judge::run(args, out),
        Command::Dialects(args) => dialects::run(args, out),
        Command::Migrate(args) => migrate::run(args, out, &mut anstream::stderr()),
        Command::Diff(args) => Exit::Code(diff::run(args, out)),
        Command::Trace(args) => trace::run(args, &mut anstream::stderr()),
        Command::Tokenize(args) => model::tokenize(args, out),
        Command::Docs(args) => docs::run(args, out),
        Command::Gguf(args) => match gguf::run(args, out) {
            Ok(()) => Exit::Code(0),
            Err(error) => Exit::Failed(error.exit_code(), error.to_string()),
        },
    }
    .after(|| out.flush())
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
