//! `loadparity import`: a printed log or strace's text as a trace.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::exit::Exit;
use super::report_file::{Outputs, Overwrite};
use crate::import::{Imported, Origin, import_of};

/// Arguments of `import`.
#[derive(Clone, Debug, Args)]
pub struct ImportArgs {
    /// The text; `-` is the standard input.
    log: PathBuf,

    /// What the text is; found out where it is not said.
    #[arg(long, value_name = "pr20834|strace")]
    from: Option<Origin>,

    /// A file that is a model whatever its name says, as strace's text names it; may repeat.
    #[arg(short, long, value_name = "FILE")]
    model: Vec<String>,

    /// Where the trace goes.
    #[arg(short, long, value_name = "TRACE")]
    output: PathBuf,

    #[command(flatten)]
    overwrite: Overwrite,

    /// How to print what became of the lines.
    #[arg(long, value_enum, default_value_t = ImportFormat::Terminal)]
    format: ImportFormat,
}

/// How `import` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ImportFormat {
    /// Lines for a person.
    Terminal,
    /// One JSON object on one line.
    Json,
}

/// The two bytes that a gzip file begins with (RFC 1952).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// What a gzip file holds; any other file as it is.
fn unpacked(bytes: Vec<u8>) -> io::Result<Vec<u8>> {
    if !bytes.starts_with(&GZIP) {
        return Ok(bytes);
    }
    super::input::bounded(flate2::read::MultiGzDecoder::new(&bytes[..]))
}

/// The text of a file, unpacked if it is gzip's, with what is not UTF-8 replaced.
pub(super) fn text_of(path: &Path) -> Result<String, Exit> {
    let bytes =
        if path == Path::new("-") { super::input::bounded(io::stdin()) } else { super::input::read(path) };
    bytes
        .and_then(unpacked)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .map_err(|error| Exit::usage(format!("{}: {error}", path.display())))
}

/// Reads a file of evidence about these models, and about those that it shows to be models itself.
pub(super) fn imported(path: &Path, from: Option<Origin>, models: &[&str]) -> Result<Imported, Exit> {
    let text = text_of(path)?;
    import_of(&text, from, models).map_err(|error| Exit::usage(format!("{}: {error}", path.display())))
}

/// Runs `import`.
pub(super) fn run(args: &ImportArgs, out: &mut dyn Write) -> Exit {
    // Tried before the work, so that a wrong path costs nothing.
    let output = match Outputs::new(&args.overwrite).file(&args.output) {
        Ok(output) => output,
        Err(exit) => return exit,
    };
    let models: Vec<&str> = args.model.iter().map(String::as_str).collect();
    let imported = match imported(&args.log, args.from, &models) {
        Ok(imported) => imported,
        Err(exit) => return exit,
    };
    let mut trace = Vec::new();
    if let Err(error) = imported.trace.write(&mut trace).and_then(|()| output.write(&trace)) {
        return output.unwritten(&error);
    }
    let printed = match args.format {
        ImportFormat::Terminal => lines(&imported, out),
        ImportFormat::Json => json(&imported, out),
    };
    printed.map_or_else(Exit::unwritten, |()| Exit::Code(0))
}

fn lines(imported: &Imported, out: &mut dyn Write) -> io::Result<()> {
    let report = &imported.report;
    writeln!(
        out,
        "{}: {} lines: {} evidence, {} about other things, {} no evidence; {} operations",
        imported.origin,
        report.lines,
        report.evidence,
        report.elsewhere,
        report.other.len(),
        imported.trace.ops.len()
    )?;
    if report.unfinished > 0 {
        writeln!(out, "{} calls whose end the text does not hold", report.unfinished)?;
    }
    for note in report.notes.iter().chain(&report.doubts) {
        writeln!(out, "note: {note}")?;
    }
    for (number, text) in report.other.iter().take(SHOWN) {
        writeln!(out, "no evidence, line {number}: {}", text.trim_end())?;
    }
    if report.other.len() > SHOWN {
        writeln!(out, "and {} more lines that are no evidence", report.other.len() - SHOWN)?;
    }
    Ok(())
}

/// Lines that are no evidence and that are shown one by one.
const SHOWN: usize = 10;

/// What `import --format json` prints: what became of the lines.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct ImportDocument {
    schema: String,
    /// What the text is: `pr20834` or `strace`.
    from: String,
    /// Lines of the text.
    lines: usize,
    /// Lines that are evidence.
    evidence: usize,
    /// Lines about other files than a model.
    elsewhere: usize,
    /// Lines that are no evidence.
    other: usize,
    /// Calls whose end the text does not hold.
    unfinished: usize,
    /// Operations of the trace.
    operations: usize,
    page_size: u64,
    notes: Vec<String>,
}

impl ImportDocument {
    pub(super) const SCHEMA: &str = "loadparity.import/1";
}

fn json(imported: &Imported, out: &mut dyn Write) -> io::Result<()> {
    let report = &imported.report;
    let document = ImportDocument {
        schema: ImportDocument::SCHEMA.to_owned(),
        from: imported.origin.word().to_owned(),
        lines: report.lines,
        evidence: report.evidence,
        elsewhere: report.elsewhere,
        other: report.other.len(),
        unfinished: report.unfinished,
        operations: imported.trace.ops.len(),
        page_size: imported.trace.header.page_size,
        notes: report.notes.iter().chain(&report.doubts).cloned().collect(),
    };
    serde_json::to_writer(&mut *out, &document)?;
    writeln!(out)
}
