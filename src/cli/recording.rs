//! A recording as a person or a program looks at it: read from a file, or just made.

use std::io::{self, BufReader, Write};
use std::path::Path;

use serde::Serialize;

use super::exit::Exit;
use super::explain::ExplainFormat;
use super::screen::{Stream, shows_unicode};
use crate::check::document::{CallsDocument, TimelineDocument};
use crate::report::calls::summary;
use crate::report::timeline::{Canvas, view};
use crate::trace::TraceFile;

/// Columns where neither a terminal nor `COLUMNS` says how many there are.
const COLUMNS: usize = 80;

/// What of a recording is shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown {
    /// The calls, counted.
    pub(super) summary: bool,
    /// The load in time.
    pub(super) view: bool,
    /// Whether in ASCII alone.
    pub(super) ascii: bool,
}

impl Stream {
    fn canvas(self, ascii: bool) -> Canvas {
        let width = self.columns().map_or(COLUMNS, usize::from);
        Canvas { width, unicode: !ascii && shows_unicode() }
    }
}

/// Reads a recording.
///
/// # Errors
/// A usage error that names the file.
pub(super) fn read(path: &Path) -> Result<TraceFile, Exit> {
    let wrong = |error: &dyn std::fmt::Display| Exit::usage(format!("{}: {error}", path.display()));
    let file = super::input::open(path).map_err(|error| wrong(&error))?;
    TraceFile::read(BufReader::new(file)).map_err(|error| {
        wrong(&format!(
            "{error}; give a trace as `trace -o` writes it, or make one of strace's text with `import`"
        ))
    })
}

/// Shows a recording of a file on standard output.
pub(super) fn show(path: &Path, shown: Shown, format: ExplainFormat, out: &mut dyn Write) -> Exit {
    let trace = match read(path) {
        Ok(trace) => trace,
        Err(exit) => return exit,
    };
    // Without a word about what to show: all there is.
    let shown = match (shown.summary, shown.view) {
        (false, false) => Shown { summary: true, view: true, ..shown },
        _ => shown,
    };
    let printed = match (format, shown) {
        (ExplainFormat::Terminal, _) => print(&trace, shown, Stream::Stdout, out),
        (ExplainFormat::Json, Shown { summary: true, view: false, .. }) => {
            json(&CallsDocument::of(&trace), out)
        }
        (ExplainFormat::Json, Shown { summary: false, view: true, .. }) => {
            json(&TimelineDocument::of(&trace), out)
        }
        (ExplainFormat::Json, _) => {
            return Exit::usage("--format json prints one document: give it --summary or --view");
        }
    };
    match printed {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Exit::internal(format!("cannot write the output: {error}"))
        }
        _ => Exit::Code(0),
    }
}

/// Prints what was asked for of a recording.
///
/// # Errors
/// When the stream cannot be written to.
pub(super) fn print(trace: &TraceFile, shown: Shown, stream: Stream, out: &mut dyn Write) -> io::Result<()> {
    let canvas = stream.canvas(shown.ascii);
    let mut blocks = Vec::new();
    if shown.view {
        blocks.push(view(&TimelineDocument::of(trace), canvas));
    }
    if shown.summary {
        blocks.push(summary(&CallsDocument::of(trace), canvas.width));
    }
    for (at, block) in blocks.iter().enumerate() {
        if at > 0 {
            writeln!(out)?;
        }
        for line in block {
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}

fn json(document: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, document)?;
    writeln!(out)
}
