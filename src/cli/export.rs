//! `loadparity export`: a recording in a format of other programs.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::exit::Exit;
use super::recording;
use super::report_file::{Outputs, Overwrite};
use crate::check::document::TimelineDocument;
use crate::report::export::{chrome, csv};
use crate::report::timeline::svg;

/// Arguments of `export`.
#[derive(Clone, Debug, Args)]
pub struct ExportArgs {
    /// What to make of it.
    #[arg(long, value_enum)]
    to: Target,

    /// Write it to this file instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    #[command(flatten)]
    overwrite: Overwrite,

    /// A recording, as `trace -o`, `import` and `run --trace` write it.
    #[arg(value_name = "TRACE")]
    recording: PathBuf,
}

/// What a recording is exported to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Target {
    /// Trace events in JSON, as Chrome's tracing page opens them.
    Chrome,
    /// The same, which Perfetto's page and trace processor open too.
    Perfetto,
    /// A table, a line a call.
    Csv,
    /// The load in time as a picture.
    Svg,
}

/// Runs `export`.
pub(super) fn run(args: &ExportArgs, out: &mut dyn Write) -> Exit {
    try_run(args, out).unwrap_or_else(|exit| exit)
}

fn try_run(args: &ExportArgs, out: &mut dyn Write) -> Result<Exit, Exit> {
    let output = args.output.as_deref();
    let output = output.map(|path| Outputs::new(&args.overwrite).file(path)).transpose()?;
    let trace = recording::read(&args.recording)?;
    let made = match args.to {
        Target::Chrome | Target::Perfetto => {
            let mut text = serde_json::to_vec(&chrome(&trace)).map_err(Exit::internal)?;
            text.push(b'\n');
            text
        }
        Target::Csv => csv(&trace).map_err(Exit::internal)?,
        Target::Svg => svg(&TimelineDocument::of(&trace)).into_bytes(),
    };
    match output {
        Some(file) => file.write(&made).map_err(|error| file.unwritten(&error))?,
        None => match out.write_all(&made).and_then(|()| out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                return Err(Exit::internal(format!("cannot write the output: {error}")));
            }
            _ => {}
        },
    }
    Ok(Exit::Code(0))
}
