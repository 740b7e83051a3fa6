//! Any program as a subject: started anew for each case and watched at its system calls.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::private_copy::{Alterable, PrivateCopy};
use super::{Case, Depth, FaultSpec, NotAvailable, Setting, Subject, Template, shell_line};
use crate::layout::Kind;
use crate::platform;
use crate::rules::{Capabilities, Capability, Ending, Evidence, Output, PageCount, Profile};
use crate::trace::Status;
use crate::tracer::{self, Command, Options};

/// The variables of this process that may speak of loading, in order; only those of the spelling reach a
/// command.
fn load_variables() -> Vec<OsString> {
    let loads = |name: &OsString| name.to_str().is_some_and(|name| name.starts_with("LLAMA_ARG_"));
    let mut names: Vec<OsString> = std::env::vars_os().map(|(name, _)| name).filter(loads).collect();
    names.sort();
    names
}

/// The page cache of some files together; `None` where the system does not say.
fn cached(paths: &[PathBuf]) -> Option<PageCount> {
    let platform = platform::native();
    let mut sum = PageCount { pages: 0, resident: 0, locked: None };
    for path in paths {
        let seen = platform.open(path, false).and_then(|file| file.cached()).ok()?;
        (sum.pages, sum.resident) = (sum.pages + seen.pages, sum.resident + seen.resident);
    }
    Some(sum)
}

/// What a line that runs a command again says of it by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// Words for where its weights lie, and for a file of options.
    pub words: Vec<String>,
    /// Whether that file names the dialect.
    pub dialect_in_file: bool,
    /// Whether that file has the command.
    pub command_in_file: bool,
}

/// A command that loads a model when asked in some spelling.
pub struct ExternalCommand {
    template: Template,
    model: PathBuf,
    folder: Option<PathBuf>,
    named: Named,
    profile: &'static Profile,
    time_limit: Duration,
    settle: Duration,
    memory: bool,
    faults: Vec<FaultSpec>,
}

impl ExternalCommand {
    /// The command of a template on the model file; a run that takes longer than `time_limit` is ended.
    #[must_use]
    pub fn new(template: Template, model: &Path, time_limit: Duration) -> Self {
        let settle = Duration::ZERO;
        let words = vec!["-m".to_owned(), model.display().to_string()];
        let named = Named { words, ..Named::default() };
        Self {
            template,
            model: model.to_owned(),
            folder: None,
            named,
            profile: &Profile::FOREIGN,
            time_limit,
            settle,
            memory: true,
            faults: Vec::new(),
        }
    }

    /// On a model of this format.
    #[must_use]
    pub fn loading(mut self, kind: Kind) -> Self {
        self.profile = if kind == Kind::Gguf { &Profile::FOREIGN } else { &Profile::OTHER_FORMAT };
        self
    }

    /// With this in lines that run it again, instead of `-m` and the model.
    #[must_use]
    pub fn naming(mut self, named: Named) -> Self {
        self.named = named;
        self
    }

    /// Runs in this folder instead of the current one, with the model by its whole path.
    ///
    /// # Errors
    /// When the current folder cannot be found out.
    pub fn in_folder(mut self, folder: Option<&Path>) -> std::io::Result<Self> {
        if let Some(folder) = folder {
            self.model = std::path::absolute(&self.model)?;
            self.folder = Some(folder.to_owned());
        }
        Ok(self)
    }

    /// Waits this long before every run.
    #[must_use]
    pub fn settling(mut self, settle: Duration) -> Self {
        self.settle = settle;
        self
    }

    /// Looks at its memory, or does not.
    #[must_use]
    pub fn seeing_memory(mut self, memory: bool) -> Self {
        self.memory = memory;
        self
    }

    /// Injects these faults in every run, counting anew each time.
    #[must_use]
    pub fn with_faults(mut self, faults: Vec<FaultSpec>) -> Self {
        self.faults = faults;
        self
    }

    /// The faults of every run.
    #[must_use]
    pub fn faults(&self) -> &[FaultSpec] {
        &self.faults
    }

    /// What lines that run it again say of it.
    #[must_use]
    pub fn named(&self) -> &Named {
        &self.named
    }

    /// The words of the command.
    #[must_use]
    pub fn template(&self) -> &Template {
        &self.template
    }

    /// How a run ended, with the last line it wrote to standard error.
    fn ending(&self, status: Status, time_limit: Duration, killed: Option<String>, stderr: &[u8]) -> Ending {
        let text = String::from_utf8_lossy(stderr);
        let last = text.lines().rev().map(str::trim).find(|line| !line.is_empty());
        let message = match last {
            Some(line) => format!("{status}: {}", line.chars().take(200).collect::<String>()),
            None => format!("{status}, nothing on standard error"),
        };
        if let Some(why) = killed {
            return Ending::Killed(why);
        }
        /// SIGABRT.
        const ABORT: i32 = 6;
        /// SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV: what else a program does to itself.
        const OWN: [i32; 5] = [4, 5, 7, 8, 11];
        match status {
            Status::Code(0) => Ending::Completed,
            Status::Signal(ABORT) => Ending::Aborted(message),
            Status::Code(code) if code == 128 + ABORT => Ending::Aborted(message),
            // A shell reports a signal of its child in its exit code.
            Status::Code(code) if OWN.contains(&(code - 128)) => Ending::Crashed(message),
            Status::Code(_) | Status::Unknown => Ending::Failed(message),
            Status::Signal(_) => Ending::Crashed(message),
            Status::TimeLimit => {
                // A limit that was measured has more digits than anybody wants to read.
                let seconds = (time_limit.as_secs_f64() * 10.0).round() / 10.0;
                Ending::TimeLimit(format!("it did not end within {seconds} seconds"))
            }
            Status::Stopped(signal) => Ending::Killed(format!("stopped by signal {signal}")),
        }
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

    fn profile(&self) -> &'static Profile {
        self.profile
    }

    fn is_command(&self) -> bool {
        true
    }

    fn settings(&self, _: &Setting<'_>) -> String {
        "the command's own".to_owned()
    }

    fn observe(
        &self,
        case: &Case,
        faults: &[FaultSpec],
        setting: &Setting<'_>,
    ) -> Result<Evidence, NotAvailable> {
        let faults: Vec<FaultSpec> = self.faults.iter().chain(faults).copied().collect();
        let copy = match faults.iter().any(FaultSpec::alters_file) {
            true => {
                let made = PrivateCopy::for_faults(&self.model, setting.truth, &faults);
                Some(made.map_err(|error| NotAvailable::Copy { why: error.to_string() })?)
            }
            false => None,
        };
        self.run(case, faults, setting, copy.as_ref())
    }

    fn observe_changed(&self, case: &Case, setting: &Setting<'_>) -> Result<Evidence, NotAvailable> {
        let made = PrivateCopy::with_other_weights(&self.model, setting.truth);
        let copy = made.map_err(|why| NotAvailable::Copy { why })?;
        self.run(case, self.faults.clone(), setting, Some(&copy))
    }

    fn alterable(&self, setting: &Setting<'_>) -> Result<Alterable, String> {
        PrivateCopy::alterable(&self.model, setting.truth)
    }

    fn check_line(&self, options: &[String], setting: &Setting<'_>) -> String {
        let mut words = vec!["loadparity".to_owned(), "check".to_owned()];
        words.extend(self.named.words.iter().cloned());
        if !self.named.dialect_in_file {
            words.push(format!("--dialect={}", setting.dialect.argument()));
        }
        for fault in &self.faults {
            words.extend(["--inject".to_owned(), fault.to_string()]);
        }
        if !self.memory {
            words.push("--no-memory".to_owned());
        }
        words.extend(options.iter().cloned());
        if self.named.command_in_file {
            return shell_line(words);
        }
        words.push("--".to_owned());
        format!("{} {}", shell_line(words), self.template)
    }
}

impl ExternalCommand {
    /// Runs a case, on a copy of the model where there is one.
    fn run(
        &self,
        case: &Case,
        faults: Vec<FaultSpec>,
        setting: &Setting<'_>,
        copy: Option<&PrivateCopy>,
    ) -> Result<Evidence, NotAvailable> {
        if !self.settle.is_zero() {
            std::thread::sleep(self.settle);
        }
        let (model, paths) = match copy {
            Some(copy) => (&copy.model, &copy.paths),
            None => (&self.model, &setting.truth.paths),
        };
        let pair = |(name, value): &(String, String)| (OsString::from(name), OsString::from(value));
        let command = Command {
            argv: self.template.fill(model, &case.spelling.argv),
            env: case.spelling.env.iter().map(pair).collect(),
            env_remove: load_variables(),
            cwd: self.folder.clone(),
        };
        let time_limit = setting.patience.map_or(self.time_limit, |patience| patience.min(self.time_limit));
        // Memory is compared with the file, which is another one while it is altered.
        let memory = self.memory && setting.depth >= Depth::Bytes && copy.is_none();
        let options = Options {
            models: paths.clone(),
            layouts: paths.iter().cloned().zip(setting.truth.layouts.iter().cloned()).collect(),
            faults,
            private: copy.map_or_else(Vec::new, |copy| copy.private.clone()),
            time_limit: Some(time_limit),
            capture: true,
            memory,
            ..Options::default()
        };
        let before = cached(paths);
        let mut traced = tracer::run(&command, &options)?;
        let cache = before.zip(cached(paths)).filter(|_| copy.is_none());
        if let Some(copy) = copy {
            traced.stdout = copy.named_as(&self.model, &traced.stdout);
            traced.stderr = copy.named_as(&self.model, &traced.stderr);
        }
        use Capability::{Addresses, Calls, Destinations, Layout, Processes};
        let mut sees =
            Capabilities::of([Calls, Addresses, Destinations, Processes, Layout, Capability::Output]);
        if memory {
            sees.add(Capability::Memory);
            sees.add(Capability::Kernel);
        }
        let hidden: Vec<String> = traced
            .blind_spots
            .keys()
            .filter(|spot| spot.hides_calls())
            .map(|spot| spot.explanation().to_owned())
            .collect();
        if !hidden.is_empty() {
            sees.remove(Calls);
        }
        let weights = &setting.truth.weights;
        let weights = copy.map_or_else(|| weights.clone(), |copy| copy.weights(weights));
        let evidence = Evidence::new(traced.ops, weights, self.page_size(), sees);
        let mut evidence = evidence.seeing(&traced.observations);
        evidence.cache = cache;
        if let Some(seen) =
            evidence.tensors.as_mut().filter(|seen| seen.is_verified() && seen.wrong.is_none())
        {
            seen.combined = Some(setting.truth.tensors.combined());
        }
        evidence.ending = self.ending(
            traced.status,
            time_limit,
            traced.killed_by.map(|killer| killer.to_string()),
            &traced.stderr,
        );
        evidence.output = Some(Output::text(traced.stdout));
        evidence.silent = traced.stderr.iter().all(u8::is_ascii_whitespace);
        evidence.stderr = traced.stderr;
        evidence.unseen = hidden;
        evidence.fired = traced.fired;
        Ok(evidence)
    }
}
