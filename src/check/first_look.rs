//! What a command does before anything is asked of it: whether it can be checked, and how far.

use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use super::shows::{Mute, Shows};
use super::watch::Watch;
use crate::plan::Spelling;
use crate::rules::{Evidence, TensorBytes, weights_arrived};
use crate::subject::{Case, NotAvailable, Setting, Subject};

/// What a few runs without any load flag showed.
#[derive(Clone, Debug)]
pub struct FirstLook {
    /// How the weights came, or why the command cannot be checked.
    pub arrived: Result<String, String>,
    /// Whether every tensor byte was seen in its memory, or is mapped.
    pub bytes: bool,
    /// What it writes to standard output.
    pub output: SeenOutput,
    /// The longest of the runs.
    pub longest: Duration,
    /// How many runs there were.
    pub runs: usize,
}

/// Standard output over several runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SeenOutput {
    /// The same bytes each time.
    Same,
    /// Nothing.
    Empty,
    /// Something else each time: how many outputs in how many runs.
    Varies(String),
    /// The same bytes whatever the weights are.
    Constant,
}

/// Runs a command without any load flag, and `again` so many times more.
///
/// # Errors
/// When it cannot be run at all. A run that fails or loads nothing is seen in [`FirstLook::arrived`].
pub fn first_look(
    subject: &dyn Subject,
    setting: Setting<'_>,
    again: u32,
) -> Result<FirstLook, NotAvailable> {
    let never = AtomicBool::new(false);
    let watch = Watch::new(subject, setting, 0, 1, &never);
    let case = Case { spelling: Spelling::default(), plan: None };
    let mut longest = Duration::ZERO;
    let mut runs: Vec<Evidence> = Vec::new();
    for _ in 0..=again {
        let start = Instant::now();
        runs.push(watch.run(&case, &[])?);
        longest = longest.max(start.elapsed());
    }
    let failed = runs.iter().find_map(|run| weights_arrived(run).err());
    let arrived = failed.map_or_else(|| Ok(runs[0].effective().to_string()), Err);
    let output = match Shows::of(&watch, &case, &runs)?.mute {
        Some(Mute::Varies(seen)) => SeenOutput::Varies(seen),
        Some(Mute::Empty) => SeenOutput::Empty,
        Some(Mute::Constant) => SeenOutput::Constant,
        None => SeenOutput::Same,
    };
    let whole = |run: &Evidence| run.tensors.as_ref().is_some_and(TensorBytes::is_whole);
    Ok(FirstLook { arrived, bytes: runs.iter().all(whole), output, longest, runs: runs.len() })
}
