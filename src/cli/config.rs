//! `loadparity.toml`: options that stand in a file.
//!
//! The file is turned into the words of a command line and put behind those that were typed, so that whatever holds
//! for a flag holds for its key. A key yields to its flag.

mod file;

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, CommandFactory};
use toml::Spanned;

use super::exit::Exit;
use super::{Cli, dialect_arg, input, report_file};
use crate::plan::DialectError;
use crate::subject::Template;
pub(crate) use file::ConfigFile;
use file::Words;

/// The file that is looked for in the current folder.
pub(super) const NAME: &str = "loadparity.toml";

/// Which file of options is read.
#[derive(Clone, Debug, Default, Args)]
pub struct ConfigArgs {
    /// Take what the line does not say from this file; without it, from `loadparity.toml` in the current folder, if
    /// there is one.
    #[arg(long, value_name = "FILE", conflicts_with = "no_config")]
    config: Option<PathBuf>,

    /// Read no file of options.
    #[arg(long)]
    no_config: bool,

    /// What came from it.
    #[arg(skip)]
    pub(super) found: Option<Configured>,
}

/// What a file of options gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Configured {
    /// The file, as it was named.
    file: PathBuf,
    /// The keys whose values are in force.
    keys: BTreeSet<&'static str>,
}

impl Configured {
    /// Whether an option is the file's.
    pub(super) fn gave(&self, key: &str) -> bool {
        self.keys.contains(key)
    }

    /// What came from where, in one line.
    pub(super) fn sentence(&self) -> String {
        let keys: Vec<&str> = self.keys.iter().copied().collect();
        let keys = if keys.is_empty() { "nothing".to_owned() } else { keys.join(", ") };
        format!("from {}: {keys} (--no-config leaves it out)", self.file.display())
    }

    /// The same exit, with a word on the file where there is something to explain.
    pub(super) fn explaining(&self, exit: Exit) -> Exit {
        match exit {
            Exit::Failed(2, message) => Exit::Failed(2, format!("{message}\n  {}", self.sentence())),
            Exit::Clap(error) if error.use_stderr() => {
                let text = error.render().to_string();
                let text = text.trim_end().strip_prefix("error: ").unwrap_or(&text).to_owned();
                Exit::usage(format!("{text}\n  {}", self.sentence()))
            }
            other => other,
        }
    }
}

impl ConfigArgs {
    /// The words that make a line read the same file, or none, in the folder that it was read in.
    pub(super) fn words(&self) -> Vec<String> {
        match &self.found {
            Some(found) => vec!["--config".to_owned(), found.file.display().to_string()],
            None if self.no_config && Path::new(NAME).exists() => vec!["--no-config".to_owned()],
            None => Vec::new(),
        }
    }

    /// Whether an option is the file's.
    pub(super) fn gave(&self, key: &str) -> bool {
        self.found.as_ref().is_some_and(|found| found.gave(key))
    }

    /// What there is to say of the file.
    pub(super) fn note(&self) -> Option<String> {
        self.found.as_ref().map(Configured::sentence)
    }
}

/// A command line with the options of the file, where its command reads one; and what came from the file. A line
/// that clap refuses is left as it is, for clap to say why.
pub(super) fn applied(argv: Vec<OsString>) -> Result<(Vec<OsString>, Option<Configured>), Exit> {
    if argv.get(1).is_none_or(|command| command != "check" && command != "baseline") {
        return Ok((argv, None));
    }
    let program = Cli::command();
    let Ok(matches) = program.clone().try_get_matches_from(&argv) else { return Ok((argv, None)) };
    let (path, command, typed) = leaf(&program, &matches);
    if typed.get_flag("no_config") {
        return Ok((argv, None));
    }
    let Some(file) = named(typed)? else { return Ok((argv, None)) };
    let shown = file.display();
    let unreadable = |error: &dyn std::fmt::Display| Exit::usage(format!("{shown}: {error}"));
    let text = input::text(&file).map_err(|error| unreadable(&format!("cannot be read: {error}")))?;
    let at = |error: DialectError| Exit::usage(format!("{shown}:{error}"));
    let entries = entries(&text, &file).map_err(at)?;
    if entries.iter().any(|entry| entry.id == "command") && argv.last().is_some_and(|last| last == "--") {
        return Err(Exit::usage("there is no command behind `--`: a variable that holds it may be empty"));
    }
    let mut keys = BTreeSet::new();
    let (mut options, mut behind) = (Vec::new(), Vec::new());
    for entry in entries {
        // What is known under faults stands before what is known without.
        if !entry.is_wanted(command, typed) || !keys.insert(entry.key) {
            continue;
        }
        entry.is_taken(&path).map_err(|why| at(DialectError::at(&text, Some(entry.span.clone()), why)))?;
        match entry.id {
            "command" => behind = entry.words,
            _ => options.extend(entry.words),
        }
    }
    let end = argv.iter().position(|word| word == "--").unwrap_or(argv.len());
    let mut words = argv;
    words.splice(end..end, options);
    if !behind.is_empty() {
        words.push("--".into());
        words.extend(behind);
    }
    keys.remove("cwd");
    Ok((words, Some(Configured { file, keys })))
}

/// Reads the text of a file of options in this folder, for what is wrong with it.
pub(super) fn check(text: &str) -> Result<(), DialectError> {
    entries(text, Path::new(NAME)).map(drop)
}

/// The command that was typed, below all that have commands of their own: its name, its definition, its matches.
fn leaf<'c>(program: &'c Command, matches: &'c ArgMatches) -> (Vec<String>, &'c Command, &'c ArgMatches) {
    let (mut path, mut command, mut typed) = (vec![program.get_name().to_owned()], program, matches);
    while let Some((name, inner)) = typed.subcommand() {
        let Some(found) = command.find_subcommand(name) else { break };
        path.push(name.to_owned());
        (command, typed) = (found, inner);
    }
    (path, command, typed)
}

/// The file that is to be read. One that is there and cannot be looked at is no reason to go on without it.
fn named(typed: &ArgMatches) -> Result<Option<PathBuf>, Exit> {
    if let Some(file) = typed.get_one::<PathBuf>("config") {
        return Ok(Some(file.clone()));
    }
    match Path::new(NAME).symlink_metadata() {
        Ok(_) => Ok(Some(NAME.into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Exit::usage(format!("{NAME}: cannot be read: {error}"))),
    }
}

/// One key of a file, as the words of its flag.
struct Entry {
    key: &'static str,
    /// The flag, as clap knows it.
    id: &'static str,
    span: Range<usize>,
    words: Vec<OsString>,
    /// Whether it is about `--faults` alone.
    faults: bool,
}

impl Entry {
    /// Whether the command takes it, and the line does not say otherwise.
    fn is_wanted(&self, command: &Command, typed: &ArgMatches) -> bool {
        let takes = |id: &str| command.get_arguments().any(|arg| arg.get_id() == id);
        let is_typed = |id: &str| takes(id) && typed.value_source(id) == Some(ValueSource::CommandLine);
        let of_another = match self.id {
            // How much is run is one decision.
            "quick" | "exhaustive" => is_typed("quick") || is_typed("exhaustive"),
            // The folder is that of the file's own command.
            "cwd" => is_typed("command"),
            _ => false,
        };
        takes(self.id) && !is_typed(self.id) && !of_another && (!self.faults || is_typed("faults"))
    }

    /// Whether clap takes the value; what it says, else.
    fn is_taken(&self, path: &[String]) -> Result<(), String> {
        if self.id == "command" {
            // Whether it may do without flags is for the campaign to say.
            return Template::new(self.words.clone(), true).map(drop).map_err(|error| error.to_string());
        }
        let line = path.iter().map(OsString::from).chain(self.faults.then(|| "--faults".into()));
        match Cli::command().try_get_matches_from(line.chain(self.words.iter().cloned())) {
            Err(error) if error.use_stderr() => {
                let text = error.to_string();
                let first = text.lines().next().unwrap_or_default();
                Err(first.strip_prefix("error: ").unwrap_or(first).to_owned())
            }
            _ => Ok(()),
        }
    }
}

/// `--name=value` as one word: a value may begin with a dash.
fn option(name: &str, value: impl AsRef<OsStr>) -> OsString {
    let mut word = OsString::from(format!("--{name}="));
    word.push(value);
    word
}

/// The keys of a file, with paths as they are seen from here.
fn entries(text: &str, path: &Path) -> Result<Vec<Entry>, DialectError> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let file: ConfigFile = toml::from_str(text).map_err(|error| DialectError::of_toml(text, &error))?;
    let refuse = |span: Range<usize>, why: &str| Err(DialectError::at(text, Some(span), why));
    if file.schema.get_ref() != ConfigFile::SCHEMA {
        let why =
            format!("'{}' is no format of this file; write '{}'", file.schema.get_ref(), ConfigFile::SCHEMA);
        return refuse(file.schema.span(), &why);
    }
    let place = |path: &str| folder.join(path).into_os_string();
    let mut all = Keys { entries: Vec::new(), faults: true };
    all.one("depth", &file.faults.depth, |depth| option("depth", depth.to_string()));
    all.one("cases", &file.faults.cases, |cases| option("cases", cases.to_string()));
    all.one("time", &file.faults.time, |time| option("time", time.to_string()));
    all.one("expect", &file.faults.expect, |path| option("expect", place(path)));
    all.faults = false;
    if let Some(command) = &file.command {
        let words = match command.get_ref() {
            Words::Many(words) => words.clone(),
            Words::One(line) => match shlex::split(line) {
                Some(words) => words,
                None => {
                    return refuse(command.span(), "the command ends inside quotes or behind a backslash");
                }
            },
        };
        if words.first().is_none_or(String::is_empty) {
            return refuse(command.span(), "there is no command: write its words, with {model} and {flags}");
        }
        all.add("command", command, words.into_iter().map(OsString::from));
        if !folder.as_os_str().is_empty() {
            all.add("cwd", command, [option("cwd", folder)]);
        }
    }
    if let Some(model) = &file.model {
        let paths = several(model.get_ref());
        if paths.iter().any(|path| path.is_empty()) || paths.is_empty() {
            return refuse(model.span(), "there is no model: write the path of its file");
        }
        all.add("model", model, paths.into_iter().map(|path| option("model", place(path))));
    }
    all.one("layout", &file.layout, |kind| option("layout", kind));
    all.one("dialect", &file.dialect, |name| option("dialect", dialect_arg::seen_from(name, folder)));
    all.one("level", &file.level, |level| option("level", level));
    all.switch("quick", &file.quick);
    all.switch("exhaustive", &file.exhaustive);
    all.one("baseline", &file.baseline, |path| option("baseline", place(path)));
    if let Some(formats) = &file.format {
        let seen = |format: &str| match format.split_once('=') {
            Some((kind, path)) if !path.is_empty() => {
                let mut value = OsString::from(format!("{kind}="));
                value.push(place(path));
                option("format", value)
            }
            _ => option("format", format),
        };
        let taken: Vec<&str> = several(formats.get_ref());
        if let Some(path) =
            taken.iter().filter_map(|f| f.split_once('=')).find(|(_, to)| names(&file, to, path))
        {
            return refuse(
                formats.span(),
                &format!("a report would replace {}, which this file names as an input", path.1),
            );
        }
        all.add("format", formats, taken.into_iter().map(seen));
    }
    all.one("jobs", &file.jobs, |jobs| option("jobs", jobs.to_string()));
    all.one("timeout", &file.timeout, |seconds| option("timeout", seconds.to_string()));
    all.one("retries", &file.retries, |retries| option("retries", retries.to_string()));
    all.one("settle", &file.settle, |settle| option("settle", settle.to_string()));
    all.switch("no-memory", &file.no_memory);
    all.one("expect", &file.expect, |path| option("expect", place(path)));
    Ok(all.entries)
}

/// Whether a report would replace the file of options at `own`, or what it names as something to read.
fn names(file: &ConfigFile, report: &str, own: &Path) -> bool {
    let folder = own.parent().unwrap_or(Path::new(""));
    let texts = [&file.expect, &file.faults.expect, &file.dialect, &file.baseline].into_iter().flatten();
    let texts = texts.map(|text| text.get_ref().as_str());
    let models = file.model.as_ref().map(|model| several(model.get_ref())).unwrap_or_default();
    let wanted = report_file::place(&folder.join(report));
    let read = texts.chain(models).map(|other| folder.join(other)).chain([own.to_owned()]);
    read.into_iter().any(|other| report_file::place(&other) == wanted)
}

fn several(words: &Words) -> Vec<&str> {
    match words {
        Words::One(word) => vec![word],
        Words::Many(words) => words.iter().map(String::as_str).collect(),
    }
}

/// The keys that were found.
struct Keys {
    entries: Vec<Entry>,
    /// Whether those that are added are about `--faults` alone.
    faults: bool,
}

impl Keys {
    fn add<T>(&mut self, key: &'static str, value: &Spanned<T>, words: impl IntoIterator<Item = OsString>) {
        let id = match key {
            "no-memory" => "no_memory",
            key => key,
        };
        let (span, words) = (value.span(), words.into_iter().collect());
        self.entries.push(Entry { key, id, span, words, faults: self.faults });
    }

    fn one<T>(&mut self, key: &'static str, value: &Option<Spanned<T>>, word: impl Fn(&T) -> OsString) {
        if let Some(value) = value {
            self.add(key, value, [word(value.get_ref())]);
        }
    }

    fn switch(&mut self, key: &'static str, value: &Option<Spanned<bool>>) {
        if let Some(value) = value.as_ref().filter(|value| *value.get_ref()) {
            self.add(key, value, [OsString::from(format!("--{key}"))]);
        }
    }
}
