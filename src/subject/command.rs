//! Any program as a subject: started anew for each case and watched at its system calls.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Observed, Output, Request, Run, Subject, Template};
use crate::plan::Spelling;
use crate::platform::FaultSpec;
use crate::trace::{Call, Op};
use crate::tracer::{self, Command, Options, Status, TraceError};

/// The variables of this process that may speak of loading, in order; only those of the spelling reach a
/// command.
fn load_variables() -> Vec<OsString> {
    let loads = |name: &OsString| name.to_str().is_some_and(|name| name.starts_with("LLAMA_ARG_"));
    let mut names: Vec<OsString> = std::env::vars_os().map(|(name, _)| name).filter(loads).collect();
    names.sort();
    names
}

/// A command line for a shell like this process's, with the variables of `spelling` and no others that may
/// speak of loading.
pub(super) fn shell_line(argv: Vec<String>, spelling: &Spelling) -> String {
    let set = |name: &str| spelling.env.iter().any(|(own, _)| own == name);
    let inherited = load_variables().into_iter().filter_map(|name| name.into_string().ok());
    let unset: Vec<String> =
        inherited.filter(|name| !set(name)).flat_map(|name| ["-u".to_owned(), name]).collect();
    if unset.is_empty() {
        return Spelling { argv, env: spelling.env.clone() }.to_string();
    }
    let assigned = spelling.env.iter().map(|(name, value)| format!("{name}={value}"));
    let argv = ["env".to_owned()].into_iter().chain(unset).chain(assigned).chain(argv).collect();
    Spelling { argv, env: Vec::new() }.to_string()
}

/// A command that loads a model when asked in some spelling.
pub struct ExternalCommand {
    template: Template,
    model: PathBuf,
    time_limit: Duration,
    faults: Vec<FaultSpec>,
}

/// What one run of a command did and how it ended.
#[derive(Clone, Debug)]
pub struct CommandRun {
    /// Its operations on model files.
    pub ops: Vec<Op>,
    /// How it ended.
    pub status: Status,
    /// What it wrote to standard output.
    pub stdout: Vec<u8>,
    /// What it wrote to standard error.
    pub stderr: Vec<u8>,
    /// How often each fault made a difference.
    pub fired: Vec<u64>,
    /// What the tracer could not see, in sentences.
    pub unseen: Vec<&'static str>,
}

impl CommandRun {
    /// Whether it opened a model, or tried to.
    #[must_use]
    pub fn opened(&self) -> bool {
        self.ops.iter().any(|op| matches!(op.call, Call::Open { .. }))
    }

    /// Whether it ended as a program does that did what it should.
    #[must_use]
    pub fn completed(&self) -> bool {
        self.status == Status::Code(0)
    }

    /// What it wrote to standard output, as an output to compare.
    #[must_use]
    pub fn output(&self) -> Output {
        Output::Text { hash: blake3::hash(&self.stdout).to_hex().to_string(), bytes: self.stdout.clone() }
    }

    /// How it ended, with the last line it wrote to standard error.
    #[must_use]
    pub fn ending(&self) -> String {
        let text = String::from_utf8_lossy(&self.stderr);
        let last = text.lines().rev().map(str::trim).find(|line| !line.is_empty());
        match last {
            Some(line) => format!("{}: {}", self.status, line.chars().take(200).collect::<String>()),
            None => format!("{}, nothing on standard error", self.status),
        }
    }
}

impl ExternalCommand {
    /// The command of a template on the model file; a run that takes longer than `time_limit` is ended.
    #[must_use]
    pub fn new(template: Template, model: &Path, time_limit: Duration) -> Self {
        Self { template, model: model.to_owned(), time_limit, faults: Vec::new() }
    }

    /// Injects these faults in every run, counting anew each time.
    #[must_use]
    pub fn with_faults(mut self, faults: Vec<FaultSpec>) -> Self {
        self.faults = faults;
        self
    }

    /// Runs the command to its end.
    ///
    /// # Errors
    /// When it cannot be started or traced. A command that fails is no error.
    pub fn start(&self, spelling: &Spelling, faults: &[FaultSpec]) -> Result<CommandRun, TraceError> {
        let pair = |(name, value): &(String, String)| (OsString::from(name), OsString::from(value));
        let command = Command {
            argv: self.template.fill(&self.model, &spelling.argv),
            env: spelling.env.iter().map(pair).collect(),
            env_remove: load_variables(),
            cwd: None,
        };
        let options = Options {
            models: vec![self.model.clone()],
            faults: self.faults.iter().chain(faults).copied().collect(),
            time_limit: Some(self.time_limit),
            capture: true,
            ..Options::default()
        };
        let traced = tracer::run(&command, &options)?;
        let mut fired = traced.fired;
        // The faults of every run come first.
        fired.drain(..self.faults.len().min(fired.len()));
        Ok(CommandRun {
            ops: traced.ops,
            status: traced.status,
            stdout: traced.stdout,
            stderr: traced.stderr,
            fired,
            unseen: traced.blind_spots.keys().map(|spot| spot.explanation()).collect(),
        })
    }

    /// The command line that shows one run again.
    #[must_use]
    pub fn trace_line(&self, spelling: &Spelling, faults: &[FaultSpec]) -> String {
        let mut argv = vec!["loadparity".to_owned(), "trace".to_owned()];
        for fault in self.faults.iter().chain(faults) {
            argv.extend(["--inject".to_owned(), fault.to_string()]);
        }
        argv.push("--".to_owned());
        let words = self.template.fill(&self.model, &spelling.argv);
        argv.extend(words.into_iter().map(|word| word.to_string_lossy().into_owned()));
        shell_line(argv, spelling)
    }
}

impl Subject for ExternalCommand {
    fn name(&self) -> String {
        format!("`{}`", self.template)
    }

    fn platform(&self) -> &'static str {
        crate::platform::native().name()
    }

    fn page_size(&self) -> u64 {
        crate::platform::native().limits().page_size
    }

    fn model(&self) -> String {
        self.model.display().to_string()
    }

    /// The bytes of its tensors cannot be seen, whatever depth is asked for.
    fn run(&self, request: &Request<'_>) -> Run {
        let (ops, result) = match self.start(request.spelling, &[]) {
            Err(error) => (Vec::new(), Err(error.to_string())),
            Ok(run) if run.completed() => {
                let output = Some(run.output());
                (run.ops, Ok(Observed { output, ..Observed::default() }))
            }
            Ok(run) => {
                let ending = run.ending();
                (run.ops, Err(ending))
            }
        };
        Run { ops, resolved: None, result }
    }

    fn reproduce(&self, request: &Request<'_>) -> String {
        self.trace_line(request.spelling, &[])
    }
}
