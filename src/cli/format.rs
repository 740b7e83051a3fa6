//! Output formats: what `--format` means, for every command that reports.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::Serialize;

use super::exit::Exit;
use super::report_file::{Outputs, ReportFile};
use super::screen::{ScreenArgs, Stream};
use crate::plan::file::meant;
use crate::report::render::{self, LARGEST_SUMMARY, Screen};
use crate::report::{View, Viewed};

/// What `--format` accepts, for help texts.
pub(super) const HELP: &str = "`terminal`, `json`, `html`, `markdown`, `junit` or `github`, each with `=FILE` to write there; may repeat";

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
    Html,
    Markdown,
    Junit,
    Github,
}

impl FormatKind {
    /// Every one.
    pub(super) const ALL: [Self; 6] =
        [Self::Terminal, Self::Json, Self::Html, Self::Markdown, Self::Junit, Self::Github];

    /// As it is typed.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Terminal => "terminal",
            Self::Json => "json",
            Self::Html => "html",
            Self::Markdown => "markdown",
            Self::Junit => "junit",
            Self::Github => "github",
        }
    }
}

/// What one format is and where it goes.
pub(super) struct Output<'o> {
    pub(super) kind: FormatKind,
    target: Target<'o>,
}

enum Target<'o> {
    Stdout(&'o mut dyn Write),
    /// The lines that a runner reads in what goes to standard output.
    Runner,
    File(ReportFile),
}

impl Output<'_> {
    /// Writes the whole report.
    pub(super) fn write(self, report: &[u8]) -> Result<(), Exit> {
        let (written, name) = match self.target {
            // It is to obey these lines, so they go past what keeps text of others from being obeyed.
            Target::Runner => (io::stdout().write_all(report), String::new()),
            Target::Stdout(out) => (out.write_all(report).and_then(|()| out.flush()), String::new()),
            Target::File(file) => (file.write(report), format!(" {}", file.shown().display())),
        };
        match written {
            // A closed pipe is not an error: its reader has seen enough.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Exit::internal(format!("cannot write the report{name}: {error}")))
            }
            _ => Ok(()),
        }
    }

    /// Whether lines are as wide as the terminal, and coloured where that shows colours.
    fn is_stdout(&self) -> bool {
        !matches!(self.target, Target::File(_))
    }
}

impl Format {
    /// Where each format goes. Beside the terminal report standard output may have what a
    /// runner reads; else it has one format, as each file has.
    pub(super) fn outputs<'o>(
        formats: &[Self],
        out: &'o mut dyn Write,
        mut files: Outputs,
    ) -> Result<Vec<Output<'o>>, Exit> {
        let both = |kind: FormatKind| {
            let kind = kind.name();
            Exit::usage(format!(
                "two formats cannot both go to standard output; give one of them a file: --format {kind}=FILE"
            ))
        };
        let _ = out.flush();
        let (mut stdout, mut github, mut others) = (Some(out), false, false);
        let mut outputs = Vec::new();
        for Self { kind, file } in formats {
            let target = match (file, kind) {
                (Some(path), _) => Target::File(files.file(path)?),
                (None, FormatKind::Github) if !github => {
                    github = true;
                    Target::Runner
                }
                (None, _) => Target::Stdout(stdout.take().ok_or_else(|| both(*kind))?),
            };
            // Lines of a runner in it would break any other format.
            others |= matches!(target, Target::Stdout(_)) && *kind != FormatKind::Terminal;
            if github && others {
                return Err(both(*kind));
            }
            outputs.push(Output { kind: *kind, target });
        }
        Ok(outputs)
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, file) = text.split_once('=').map_or((text, None), |(k, f)| (k, Some(f)));
        let Some(kind) = FormatKind::ALL.into_iter().find(|known| known.name() == kind) else {
            let [names @ .., last] = FormatKind::ALL.map(FormatKind::name);
            let meant = meant(kind, FormatKind::ALL.map(FormatKind::name));
            return Err(format!("unknown format `{kind}`; known are {} and {last}{meant}", names.join(", ")));
        };
        match file {
            Some("") => Err(format!("`{text}` names no file after the `=`")),
            file => Ok(Self { kind, file: file.map(PathBuf::from) }),
        }
    }
}

/// Whether a format shows loads in time, which a document holds only where that is asked for.
pub(super) fn draws(formats: &[Format], opening: &Opening) -> bool {
    opening.open || formats.iter().any(|format| format.kind == FormatKind::Html)
}

/// Whether a report is opened when it is there.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Opening {
    /// Open the HTML report in a browser: that of `--format html=FILE`, or one in the temporary folder.
    #[arg(long)]
    open: bool,
}

/// The reports that one command makes at its end.
pub(super) struct Reporters<'o> {
    outputs: Vec<Output<'o>>,
    summary: Option<StepSummary>,
    screen: ScreenArgs,
    /// The page that is opened at the end.
    opened: Option<PathBuf>,
}

impl<'o> Reporters<'o> {
    /// The reports that were asked for. Whether they can be written is tried now.
    pub(super) fn new(
        formats: &[Format],
        screen: ScreenArgs,
        out: &'o mut dyn Write,
        files: Outputs,
    ) -> Result<Self, Exit> {
        let outputs = Format::outputs(formats, out, files)?;
        let github = outputs.iter().any(|output| output.kind == FormatKind::Github);
        let summary = if github { StepSummary::find()? } else { None };
        Ok(Self { outputs, summary, screen, opened: None })
    }

    /// The same, with a page that is opened when it is written, if that is asked for.
    ///
    /// # Errors
    /// When there is no page among the files and none can be made in the temporary folder.
    pub(super) fn opening(mut self, opening: &Opening) -> Result<Self, Exit> {
        if !opening.open {
            return Ok(self);
        }
        let page = |output: &Output<'_>| match (&output.kind, &output.target) {
            (FormatKind::Html, Target::File(file)) => Some(file.shown().to_owned()),
            _ => None,
        };
        if let Some(path) = self.outputs.iter().find_map(page) {
            self.opened = Some(path);
            return Ok(self);
        }
        let made = tempfile::Builder::new().prefix("loadparity-").suffix(".html").tempfile();
        let kept = made.and_then(|file| file.into_temp_path().keep().map_err(|error| error.error));
        let path = kept.map_err(|error| {
            Exit::usage(format!("cannot make a page to open: {error}; name one with --format html=FILE"))
        })?;
        let file = ReportFile::new(&path).map_err(|error| unwritable(&path, &error))?;
        self.outputs.push(Output { kind: FormatKind::Html, target: Target::File(file) });
        self.opened = Some(path);
        Ok(self)
    }

    /// Writes all reports of a document. The exit is the document's, unless a report could not be written.
    pub(super) fn finish<D: Viewed + Serialize>(self, document: &D) -> Exit {
        let view = document.view();
        let mut exit = Exit::Code(document.exit_code());
        for output in self.outputs {
            let mut report = Vec::new();
            let ScreenArgs { verbose, quiet, .. } = self.screen;
            let screen = match output.is_stdout() {
                true => Screen {
                    width: Stream::Stdout.columns(),
                    coloured: self.screen.may_colour(),
                    verbose,
                    quiet,
                },
                false => Screen { width: None, coloured: false, verbose, quiet },
            };
            let rendered = match output.kind {
                FormatKind::Json => render::json(&mut report, document),
                FormatKind::Html => crate::report::html(&mut report, &document.page()),
                FormatKind::Markdown => render::markdown(&mut report, &view),
                FormatKind::Junit => render::junit(&mut report, &view),
                FormatKind::Github => render::annotations(&mut report, &view),
                FormatKind::Terminal => render::terminal(&mut report, &view, screen),
            };
            // The other reports are written all the same.
            let written = rendered.map_err(Exit::internal).and_then(|()| output.write(&report));
            exit = written.err().unwrap_or(exit);
        }
        if let Some(path) = self.opened.filter(|path| path.is_file()) {
            // The verdict stands, whether somebody can look at it or not.
            if let Err(error) = open::that_detached(&path) {
                super::streams::tell(&format!(
                    "loadparity: cannot open {} in a browser: {error}",
                    path.display()
                ));
            }
        }
        match self.summary.map(|summary| summary.append(&view)) {
            Some(Err(error)) => error,
            _ => exit,
        }
    }
}

/// The summary of a step of a GitHub runner, which all commands of the step append to.
struct StepSummary {
    path: PathBuf,
    file: File,
    /// Bytes that earlier commands have left.
    room: usize,
}

impl StepSummary {
    /// The one that the runner names, if any.
    fn find() -> Result<Option<Self>, Exit> {
        let Some(path) = std::env::var_os(SUMMARY_VARIABLE).filter(|path| !path.is_empty()) else {
            return Ok(None);
        };
        let path = PathBuf::from(path);
        let file = OpenOptions::new().append(true).create(true).open(&path);
        let file = file.map_err(|e| unwritable(&path, &e))?;
        let written = file.metadata().map_or(0, |metadata| metadata.len());
        let room = LARGEST_SUMMARY.saturating_sub(usize::try_from(written).unwrap_or(usize::MAX));
        Ok(Some(Self { path, file, room }))
    }

    fn append(mut self, view: &View) -> Result<(), Exit> {
        let text = render::step_summary(view, self.room);
        self.file.write_all(&text).map_err(|error| {
            Exit::internal(format!("cannot write the step summary {}: {error}", self.path.display()))
        })
    }
}

fn unwritable(path: &Path, error: &io::Error) -> Exit {
    Exit::usage(format!("cannot write {}: {error}", path.display()))
}
