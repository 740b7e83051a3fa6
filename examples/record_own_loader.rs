//! The recorder under a loader of your own: what it does to the operating system is held against the rules.
//!
//! ```sh
//! cargo run --example record_own_loader
//! ```

use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use loadparity::layout::Choice;
use loadparity::plan::LoadPlan;
use loadparity::platform::{Errno, Phase, Platform, Recorder, Recording, native};
use loadparity::rules::{Capabilities, Capability, Evidence, Profile, judge};
use loadparity::subject::{EmbeddedModel, Truth};

/// Your loader. It reads a file into memory of its own and locks that, or forgets to: every call goes through the platform.
fn load(platform: &dyn Platform, path: &Path, locks: bool) -> Result<Vec<u8>, Errno> {
    platform.enter_phase(Phase::Load);
    let file = platform.open(path, false)?;
    let size = file.size()? as usize;
    let mut memory = platform.alloc(size, 4096)?;
    let mut done = 0;
    while done < size {
        match file.read_at(done as u64, &mut memory.bytes_mut()[done..])? {
            0 => break,
            came => done += came,
        }
    }
    if locks {
        memory.lock()?;
    }
    platform.enter_phase(Phase::Run);
    let weights = memory.bytes().to_vec();
    platform.enter_phase(Phase::Teardown);
    if locks {
        memory.unlock()?;
    }
    Ok(weights)
}

/// Loads in both ways as `--no-mmap --mlock` asks to, and writes what the rules say.
pub(crate) fn run(out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    let model = EmbeddedModel::write(&*native())?;
    let truth = Truth::of_files(&[model.path().to_owned()], Choice::Auto)?;
    for locks in [true, false] {
        let recording = Recording::new();
        let recorder: Arc<dyn Platform> = Arc::new(Recorder::new(native(), recording.clone()));
        load(&*recorder, model.path(), locks).map_err(|errno| errno.to_string())?;

        // What this source can see. What it cannot see is not observed, and never a pass.
        use Capability::{Addresses, Calls, Destinations, Layout, Notices, Processes};
        let sees = Capabilities::of([Calls, Addresses, Destinations, Layout, Notices, Processes]);
        let page_size = recorder.limits().page_size;
        let evidence = Evidence::new(recording.ops(), truth.weights.clone(), page_size, sees);
        let judgement = judge(LoadPlan::read(true), &evidence, &Profile::FOREIGN);

        writeln!(
            out,
            "locks {locks}: {} operations, effective {}",
            evidence.ops.len(),
            evidence.effective()
        )?;
        for finding in &judgement.findings {
            writeln!(out, "  {}: {}", finding.rule, finding.message)?;
        }
        for missing in &judgement.not_observed {
            writeln!(out, "  not observed: {}", missing.rule)?;
        }
    }
    Ok(())
}

#[allow(dead_code, reason = "a test calls `run` by itself")]
fn main() -> Result<(), Box<dyn Error>> {
    run(&mut std::io::stdout())
}
