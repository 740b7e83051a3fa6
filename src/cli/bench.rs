//! `loadparity bench`: llama-bench's tests on the reference engine, and `compare-bench`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::exit::Exit;
use super::model::ModelFile;
use super::run::thread_count;
use super::streams::tell;
use crate::bench::{Comparison, Event, NumberList, Output, Printer, Record, Spec, measure};
use crate::engine::CpuLevel;
use crate::plan::{Dialect, bench};
use crate::platform::Platform;
use crate::trace::NoticeLevel;

/// The exit code where there is nothing to measure or to compare.
const NOTHING: u8 = 4;

/// Arguments of `bench`, beside the load flags.
#[derive(Clone, Debug, Args)]
pub struct BenchArgs {
    /// The model; without it, the small one inside the program. May repeat.
    #[arg(short, long, value_name = "FILE")]
    model: Vec<PathBuf>,

    /// The dialect that the load flags are read in, by llama-bench's rules.
    #[arg(long, default_value = "reference", value_name = "NAME|FILE|BUILD", value_parser = crate::cli::dialect_arg::dialect)]
    dialect: Dialect,

    /// Tokens of the prompt tests; lists and ranges, `512`, `1,2`, `0-512+128`, `1-64*2`; 0 is no test. 512, and 128 of
    /// the model inside the program, if not said.
    #[arg(short = 'p', long, value_name = "N")]
    n_prompt: Vec<NumberList>,

    /// Tokens of the generation tests.
    #[arg(short = 'n', long, default_value = "128", value_name = "N")]
    n_gen: Vec<NumberList>,

    /// A prompt and a generation in one test.
    #[arg(long = "prompt-gen", value_name = "PP,TG", value_parser = pair)]
    prompt_gen: Vec<(usize, usize)>,

    /// Tokens that stand in the context before a test begins.
    #[arg(short = 'd', long, default_value = "0", value_name = "N")]
    n_depth: Vec<NumberList>,

    /// Tokens of a prompt that are handed over at once.
    #[arg(short, long, default_value = "2048", value_name = "N")]
    batch_size: Vec<NumberList>,

    /// Tokens that go through the layers together.
    #[arg(long, default_value = "512", value_name = "N")]
    ubatch_size: Vec<NumberList>,

    /// Threads; as many as the machine has, if not said.
    #[arg(short, long, value_name = "N")]
    threads: Vec<NumberList>,

    /// How often each test runs.
    #[arg(short, long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    repetitions: u32,

    /// How often each load runs cold and how often warm; 0 measures no load, and as often as the
    /// tests if not said.
    #[arg(long, value_name = "N")]
    load_repetitions: Option<u32>,

    /// What goes to standard output: csv, json, jsonl, md or sql.
    #[arg(short, long, default_value = "md", value_name = "FORMAT")]
    output: Output,

    /// What goes to standard error besides.
    #[arg(long, value_name = "FORMAT")]
    output_err: Option<Output>,

    /// Run no test unmeasured first.
    #[arg(long)]
    no_warmup: bool,

    /// Seconds of rest before each test.
    #[arg(long, default_value_t = 0, value_name = "SECONDS")]
    delay: u64,

    /// Tell on standard error what is measured.
    #[arg(long)]
    progress: bool,

    /// Vector instructions to use.
    #[arg(long, value_name = "LEVEL")]
    cpu: Option<CpuLevel>,

    /// What the results call this build; the version of this program, if not said.
    #[arg(long, default_value = env!("CARGO_PKG_VERSION"), hide_default_value = true, value_name = "NAME")]
    build_commit: String,
}

/// Arguments of `compare-bench`.
#[derive(Clone, Debug, Args)]
pub struct CompareBenchArgs {
    /// Results of `bench` or llama-bench: json, jsonl, csv or sql.
    old: PathBuf,

    /// Newer ones.
    new: PathBuf,

    /// How to print it.
    #[arg(short, long, value_enum, default_value_t = CompareFormat::Md)]
    output: CompareFormat,
}

/// How `compare-bench` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum CompareFormat {
    /// A table in Markdown.
    Md,
    /// One JSON object on one line.
    Json,
}

/// llama-bench's one-dash flags of several letters, and the two-dash flags that clap can take.
pub(super) const LONG_SHORTS: &[(&str, &str)] =
    &[("-pg", "--prompt-gen"), ("-ub", "--ubatch-size"), ("-oe", "--output-err")];

fn pair(text: &str) -> Result<(usize, usize), String> {
    let wrong = || format!("`{text}` is no pair of numbers such as 512,128");
    let (prompt, generated) = text.split_once(',').ok_or_else(wrong)?;
    Ok((prompt.parse().map_err(|_| wrong())?, generated.parse().map_err(|_| wrong())?))
}

/// More measurements than anybody waits for; lists multiply.
const MOST_ROWS: usize = 65_536;

fn flat(lists: &[NumberList]) -> Vec<usize> {
    lists.iter().flat_map(|list| list.0.iter().copied()).collect()
}

/// Runs `bench`.
pub(super) fn run(args: &BenchArgs, load_flags: &[String], out: &mut dyn Write) -> Exit {
    match try_run(args, load_flags, out) {
        Ok(()) => Exit::Code(0),
        Err(exit) => exit,
    }
}

fn try_run(args: &BenchArgs, load_flags: &[String], out: &mut dyn Write) -> Result<(), Exit> {
    let argv: Vec<&str> = load_flags.iter().map(String::as_str).collect();
    let queue = bench::resolve(args.dialect, &argv).map_err(Exit::usage)?;
    for warning in &queue.warnings {
        tell(&format!("warning: {warning}"));
    }
    let spec = spec(args, queue.entries)?;
    let platform = crate::platform::native();
    let models = models(args, &platform)?;
    let mut printers = vec![Printer::new(args.output, out as &mut dyn Write, &spec, &args.build_commit)];
    let mut stderr = super::streams::stderr();
    if let Some(output) = args.output_err {
        printers.push(Printer::new(output, &mut stderr as &mut dyn Write, &spec, &args.build_commit));
    }
    let mut results =
        Results { printers, written: Ok(()), failures: 0, progress: args.progress, delay: args.delay };
    results.write(Printer::begin);
    for model in &models {
        let (path, name) = (model.path(), model.name());
        let measured =
            measure(&platform, path, &name, &args.build_commit, &spec, &mut |event| results.event(event));
        if let Err(error) = measured {
            results.failed(&name, &error);
        }
    }
    results.write(Printer::end);
    results.exit()
}

fn spec(args: &BenchArgs, loads: Vec<bench::BenchEntry>) -> Result<Spec, Exit> {
    let prompts = match &args.n_prompt[..] {
        // Its context has 256 positions.
        [] if args.model.is_empty() => vec![128],
        [] => vec![512],
        said => flat(said),
    };
    let tests = Spec::tests(&prompts, &flat(&args.n_gen), &args.prompt_gen);
    if tests.is_empty() {
        return Err(Exit::Failed(
            NOTHING,
            "there is nothing to measure: give -p, -n or -pg a number above 0".into(),
        ));
    }
    let threads = if args.threads.is_empty() { vec![thread_count(None)] } else { flat(&args.threads) };
    let positive = [(&threads, "-t"), (&flat(&args.batch_size), "-b"), (&flat(&args.ubatch_size), "-ub")];
    if let Some((_, name)) = positive.iter().find(|(numbers, _)| numbers.contains(&0)) {
        return Err(Exit::usage(format!("{name} 0 measures nothing: give at least 1")));
    }
    let lists = [&args.batch_size, &args.ubatch_size, &args.n_depth].map(|lists| flat(lists).len());
    let rows = lists.into_iter().chain([loads.len(), tests.len(), threads.len()]);
    let rows = rows.fold(1usize, usize::saturating_mul);
    if rows > MOST_ROWS {
        return Err(Exit::usage(format!(
            "the lists multiply to {rows} measurements; at most {MOST_ROWS} can be made at once: give shorter lists"
        )));
    }
    Ok(Spec {
        loads,
        tests,
        batches: flat(&args.batch_size),
        ubatches: flat(&args.ubatch_size),
        threads,
        depths: flat(&args.n_depth),
        repetitions: args.repetitions as usize,
        load_repetitions: args.load_repetitions.unwrap_or(args.repetitions) as usize,
        warmup: !args.no_warmup,
        cpu: args.cpu.unwrap_or_else(CpuLevel::detect),
    })
}

fn models(args: &BenchArgs, platform: &Arc<dyn Platform>) -> Result<Vec<ModelFile>, Exit> {
    if args.model.is_empty() {
        return Ok(vec![ModelFile::open(None, &**platform)?]);
    }
    args.model.iter().map(|path| ModelFile::open(Some(path), &**platform)).collect()
}

/// Where results go, and what went wrong on the way.
struct Results<'o> {
    printers: Vec<Printer<&'o mut dyn Write>>,
    written: io::Result<()>,
    failures: usize,
    progress: bool,
    delay: u64,
}

impl<'o> Results<'o> {
    fn write(&mut self, mut print: impl FnMut(&mut Printer<&'o mut dyn Write>) -> io::Result<()>) {
        for printer in &mut self.printers {
            let written = print(printer);
            if self.written.is_ok() {
                self.written = written;
            }
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Loading { mode } if self.progress => tell(&format!("bench: loading, {mode}")),
            Event::Testing { mode, point } => {
                if self.progress {
                    let (test, threads) = (point.test, point.n_threads);
                    tell(&format!("bench: {test}, {mode}, {threads} threads"));
                }
                std::thread::sleep(Duration::from_secs(self.delay));
            }
            Event::Loading { .. } => {}
            Event::Notice(notice) => {
                let prefix = if notice.level == NoticeLevel::Warning { "warning: " } else { "" };
                tell(&format!("{prefix}{}", notice.text));
            }
            Event::Row(row) => self.write(|printer| printer.row(&row)),
            Event::Failed { what, error } => self.failed(&what, &error),
        }
    }

    fn failed(&mut self, what: &str, error: &dyn std::fmt::Display) {
        self.failures += 1;
        tell(&format!("loadparity: {what}: {error}"));
    }

    fn exit(self) -> Result<(), Exit> {
        match (self.written, self.failures) {
            (Err(error), _) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Exit::internal(format!("cannot write the results: {error}")))
            }
            (_, 0) => Ok(()),
            (_, 1) => Err(Exit::usage("one thing could not be measured")),
            (_, failures) => Err(Exit::usage(format!("{failures} things could not be measured"))),
        }
    }
}

/// Runs `compare-bench`.
pub(super) fn compare(args: &CompareBenchArgs, out: &mut dyn Write) -> Exit {
    match try_compare(args, out) {
        Ok(()) => Exit::Code(0),
        Err(exit) => exit,
    }
}

fn try_compare(args: &CompareBenchArgs, out: &mut dyn Write) -> Result<(), Exit> {
    let (old, new) = (records(&args.old)?, records(&args.new)?);
    let names = [&args.old, &args.new].map(|path| path.file_name().unwrap_or_default().to_string_lossy());
    let comparison = Comparison::of(&old, &new, [&names[0], &names[1]]);
    if comparison.tests.is_empty() && comparison.loads.is_empty() {
        let none = "the two files have no test in common: same model file name, load mode, threads and test";
        return Err(Exit::Failed(NOTHING, none.to_owned()));
    }
    let written = match args.output {
        CompareFormat::Md => out.write_all(comparison.markdown().as_bytes()),
        CompareFormat::Json => serde_json::to_writer(&mut *out, &comparison)
            .map_err(io::Error::from)
            .and_then(|()| writeln!(out)),
    };
    written.map_err(Exit::internal)
}

fn records(path: &Path) -> Result<Vec<Record>, Exit> {
    let shown = path.display();
    let text = super::input::text(path).map_err(|error| Exit::usage(format!("{shown}: {error}")))?;
    crate::bench::read(&text).map_err(|error| Exit::usage(format!("{shown}: {error}")))
}
