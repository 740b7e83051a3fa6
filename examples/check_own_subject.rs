//! The whole matrix on a subject of your own, on a simulated machine, with progress by callback and a JSON document.
//!
//! ```sh
//! cargo run --example check_own_subject
//! ```

use std::error::Error;
use std::io::Write;
use std::sync::Arc;

use loadparity::cli::{CheckArgs, run_check};
use loadparity::layout::Choice;
use loadparity::platform::{Lockable, Sim, SimFile, SimProfile, native};
use loadparity::subject::{EmbeddedModel, ReferenceEngine, Truth};

/// The arguments of `check`, as a command line has them.
#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    check: CheckArgs,
}

/// Checks the reference engine where pages have 64 KiB, and writes the report for a person.
pub(crate) fn run(out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    let model = EmbeddedModel::write(&*native())?;
    let truth = Truth::of_files(&[model.path().to_owned()], Choice::Auto)?;
    let bytes = std::fs::read(model.path())?;
    let file = SimFile::sparse(bytes.len() as u64).with_bytes(0, bytes);
    let profile = SimProfile { lock_limit: Lockable::Bytes(1 << 30), ..SimProfile::linux_64k() };
    let machine = Sim::new(profile).with_file("model.gguf", file);
    let engine = ReferenceEngine::new(Arc::new(machine), "model.gguf".as_ref());

    let line = ["check", "--quick", "-n", "1", "--dialect", "enum-v4", "--quiet", "--color", "never"];
    let Line { check } = clap::Parser::try_parse_from(line)?;
    let exit = run_check(&check, &engine, &truth, "model.gguf".to_owned(), out);
    writeln!(out, "{exit:?}")?;
    Ok(())
}

#[allow(dead_code, reason = "a test calls `run` by itself")]
fn main() -> Result<(), Box<dyn Error>> {
    run(&mut std::io::stdout())
}
