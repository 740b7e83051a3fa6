//! Output formats: what `--format` means, for every command that reports.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::exit::Exit;
use crate::check::Event;
use crate::report::{Github, Json, Junit, LARGEST_SUMMARY, Markdown, Reporter, Summary, Terminal};

/// What `--format` accepts, for help texts.
pub(super) const HELP: &str =
    "`terminal`, `json`, `markdown`, `junit` or `github`, each with `=FILE` to write there; may repeat";

/// The file that a GitHub runner shows as the summary of a step.
const SUMMARY_VARIABLE: &str = "GITHUB_STEP_SUMMARY";

/// An output format and where it goes.
#[derive(Clone, Debug)]
pub struct Format {
    kind: FormatKind,
    file: Option<PathBuf>,
}

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FormatKind {
    Terminal,
    Json,
    Markdown,
    Junit,
    Github,
}

/// Where a format goes.
pub(super) type Sink<'o> = Box<dyn Write + 'o>;

impl Format {
    /// What each format is and where it goes. At most one may go to standard output.
    pub(super) fn sinks<'o>(
        formats: &[Self],
        out: &'o mut dyn Write,
    ) -> Result<Vec<(FormatKind, Sink<'o>)>, Exit> {
        let mut stdout = Some(out);
        let mut sink = |format: &Self| {
            let sink: Sink<'o> = match &format.file {
                Some(path) => Box::new(BufWriter::new(File::create(path).map_err(|e| unwritable(path, &e))?)),
                None => Box::new(stdout.take().ok_or_else(|| {
                    Exit::usage("two formats cannot both go to standard output; give one of them a file: --format json=FILE")
                })?),
            };
            Ok((format.kind, sink))
        };
        formats.iter().map(&mut sink).collect()
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, file) = text.split_once('=').map_or((text, None), |(k, f)| (k, Some(f)));
        let kind = match kind {
            "terminal" => FormatKind::Terminal,
            "json" => FormatKind::Json,
            "markdown" => FormatKind::Markdown,
            "junit" => FormatKind::Junit,
            "github" => FormatKind::Github,
            other => {
                return Err(format!(
                    "unknown format `{other}`; known are terminal, json, markdown, junit and github"
                ));
            }
        };
        match file {
            Some("") => Err(format!("`{text}` names no file after the `=`")),
            file => Ok(Self { kind, file: file.map(PathBuf::from) }),
        }
    }
}

/// The reporters of one command, with the first error that one of them met.
pub(super) struct Reporters<'o> {
    all: Vec<Box<dyn Reporter + 'o>>,
    written: io::Result<()>,
}

impl<'o> Reporters<'o> {
    /// The reporters that were asked for. At most one may write to standard output.
    pub(super) fn new(formats: &[Format], verbose: bool, out: &'o mut dyn Write) -> Result<Self, Exit> {
        let mut all: Vec<Box<dyn Reporter + 'o>> = Vec::new();
        for (format, (kind, sink)) in formats.iter().zip(Format::sinks(formats, out)?) {
            let to_file = format.file.is_some();
            all.push(match kind {
                FormatKind::Json => Box::new(Json::new(sink)),
                FormatKind::Markdown => Box::new(Markdown::new(sink)),
                FormatKind::Junit => Box::new(Junit::new(sink)),
                FormatKind::Github => Box::new(Github::new(sink, summary()?)),
                FormatKind::Terminal if to_file => Box::new(Terminal::new(sink, None, verbose).plain()),
                FormatKind::Terminal => Box::new(Terminal::new(sink, terminal_width(), verbose)),
            });
        }
        Ok(Self { all, written: Ok(()) })
    }

    /// Passes an event on to all of them.
    pub(super) fn event(&mut self, event: &Event) {
        for reporter in &mut self.all {
            let written = reporter.event(event);
            if self.written.is_ok() {
                self.written = written;
            }
        }
    }

    /// The exit of the command: `code`, unless a report could not be written.
    pub(super) fn exit(self, code: u8) -> Exit {
        match self.written {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Exit::internal(format!("cannot write the report: {error}"))
            }
            _ => Exit::Code(code),
        }
    }
}

/// The step summary, to be appended to, where there is one.
fn summary() -> Result<Option<Summary>, Exit> {
    let Some(path) = std::env::var_os(SUMMARY_VARIABLE).filter(|path| !path.is_empty()) else {
        return Ok(None);
    };
    let path = PathBuf::from(path);
    let file = OpenOptions::new().append(true).create(true).open(&path).map_err(|e| unwritable(&path, &e))?;
    let written = file.metadata().map_or(0, |metadata| metadata.len());
    let room = LARGEST_SUMMARY.saturating_sub(usize::try_from(written).unwrap_or(usize::MAX));
    Ok(Some(Summary { out: Box::new(BufWriter::new(file)), room }))
}

fn unwritable(path: &Path, error: &io::Error) -> Exit {
    Exit::usage(format!("cannot write {}: {error}", path.display()))
}

/// The columns of the terminal on standard output, if it is one.
fn terminal_width() -> Option<u16> {
    let terminal = console::Term::stdout();
    terminal.is_term().then(|| terminal.size().1)
}
