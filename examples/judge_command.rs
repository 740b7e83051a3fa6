//! Traces a command (Linux), keeps the trace, judges it by its flags, and writes the report in two formats.
//!
//! ```sh
//! cargo run --example judge_command
//! ```

use std::error::Error;
use std::io::Write;

use loadparity::check::{Recording, judge};
use loadparity::layout::Choice;
use loadparity::plan::{Dialect, Spelling};
use loadparity::platform::native;
use loadparity::report::Viewed;
use loadparity::report::render::{Screen, json, terminal};
use loadparity::subject::{EmbeddedModel, Truth};
use loadparity::trace::TraceFile;
use loadparity::tracer::{self, Command, Options};

/// Runs `cat` on a model as if it were a loader that was asked to map it.
pub(crate) fn run(out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    let model = EmbeddedModel::write(&*native())?;
    let truth = Truth::of_files(&[model.path().to_owned()], Choice::Auto)?;
    let command = Command { argv: vec!["cat".into(), model.path().into()], ..Command::default() };
    let options = Options { models: vec![model.path().to_owned()], capture: true, ..Options::default() };
    let traced = match tracer::run(&command, &options) {
        Ok(traced) => traced,
        Err(error) => {
            writeln!(out, "not observed: {error}")?;
            return Ok(());
        }
    };

    // A trace is JSON lines: what is written is read again.
    let mut kept = Vec::new();
    traced.into_file().write(&mut kept)?;
    let trace = TraceFile::read(&kept[..])?;
    writeln!(
        out,
        "{} operations in {} lines",
        trace.ops.len(),
        kept.split(|byte| *byte == b'\n').count() - 1
    )?;

    let recording = Recording {
        ops: &trace.ops,
        page_size: trace.header.page_size,
        weights: Some(&truth.weights),
        observations: &trace.observations,
        status: trace.end.as_ref().map(|end| end.status),
        ..Recording::default()
    };
    let asked = Spelling::flags(["--mmap"].map(str::to_owned).to_vec());
    let document = judge(Dialect::reference(), &asked, &recording);
    terminal(out, &document.view(), Screen { width: Some(100), ..Screen::default() })?;
    let mut text = Vec::new();
    json(&mut text, &document)?;
    writeln!(out, "{} bytes of JSON, exit code {}", text.len(), document.exit_code())?;
    Ok(())
}

#[allow(dead_code, reason = "a test calls `run` by itself")]
fn main() -> Result<(), Box<dyn Error>> {
    run(&mut std::io::stdout())
}
