//! Running a command with patience: pauses between runs, and the clean run repeated before anything
//! is compared with it.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::time::Duration;

use crate::plan::Spelling;
use crate::subject::{CommandRun, ExternalCommand, FaultSpec, Status, TraceError};
use crate::trace::{Call, CodePath, Op, RegionId};

/// How a command is treated that may not do the same thing twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How often a run is repeated before its output or its path is believed: the clean run always, any
    /// other where it differs from what it is compared with.
    pub retries: u32,
    /// The pause before every run.
    pub settle: Duration,
}

/// What is the same in every clean run of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stable {
    /// Its standard output.
    pub output: bool,
    /// Its code path.
    pub path: bool,
}

/// A command under observation.
pub(super) struct Watch<'a> {
    pub(super) subject: &'a ExternalCommand,
    patience: Patience,
    runs: Cell<u64>,
}

impl<'a> Watch<'a> {
    pub(super) fn new(subject: &'a ExternalCommand, patience: Patience) -> Self {
        Self { subject, patience, runs: Cell::new(0) }
    }

    /// How many processes were started.
    pub(super) fn runs(&self) -> u64 {
        self.runs.get()
    }

    pub(super) fn run(&self, spelling: &Spelling, faults: &[FaultSpec]) -> Result<CommandRun, TraceError> {
        if !self.patience.settle.is_zero() {
            std::thread::sleep(self.patience.settle);
        }
        self.runs.set(self.runs.get() + 1);
        self.subject.start(spelling, faults)
    }

    /// Runs once more for every repetition that patience allows, as long as `agrees` is not told of a
    /// run; the runs in their order, the first included.
    pub(super) fn until(
        &self,
        first: CommandRun,
        again: impl Fn() -> Result<CommandRun, TraceError>,
        agrees: impl Fn(&CommandRun) -> bool,
    ) -> Result<Vec<CommandRun>, TraceError> {
        let mut runs = vec![first];
        while runs.len() <= self.patience.retries as usize && !runs.last().is_some_and(&agrees) {
            runs.push(again()?);
        }
        Ok(runs)
    }

    /// The clean run of a spelling, repeated; the first run and what was the same in all of them.
    pub(super) fn clean(&self, spelling: &Spelling) -> Result<(CommandRun, Stable), TraceError> {
        let first = self.run(spelling, &[])?;
        let runs = self.until(first, || self.run(spelling, &[]), |_| false)?;
        let stable = stable(&runs);
        // A run that failed where another did not is no example of anything.
        let best = runs.into_iter().max_by_key(CommandRun::completed);
        let best = best.map_or_else(|| self.run(spelling, &[]), Ok)?;
        Ok((best, stable))
    }
}

/// The code path of a command that is not ours. Memory that is not locked is left out: whether what a
/// loader allocates becomes a mapping of its own is the choice of its allocator, and changes with the
/// length of an argument.
pub(super) fn path_of(ops: &[Op]) -> CodePath {
    let mut locked = BTreeSet::new();
    let mut allocated = BTreeSet::new();
    for op in ops {
        match &op.call {
            Call::Lock { region, .. } => drop(locked.insert(*region)),
            Call::Alloc { region, .. } => drop(allocated.insert(*region)),
            _ => {}
        }
    }
    let plain = |region: &RegionId| allocated.contains(region) && !locked.contains(region);
    let kept = ops.iter().filter(|op| match &op.call {
        Call::Alloc { region, .. } | Call::Unmap { region, .. } | Call::MapAdvise { region, .. } => {
            !plain(region)
        }
        Call::Native { region: Some(region), .. } => !plain(region),
        _ => true,
    });
    CodePath::from_ops(&kept.cloned().collect::<Vec<_>>())
}

/// What is the same in all of these runs.
pub(super) fn stable(runs: &[CommandRun]) -> Stable {
    let same =
        |equal: &dyn Fn(&CommandRun, &CommandRun) -> bool| runs.windows(2).all(|w| equal(&w[0], &w[1]));
    Stable {
        output: same(&|a, b| a.stdout == b.stdout && a.status == b.status),
        path: same(&|a, b| path_of(&a.ops).steps == path_of(&b.ops).steps),
    }
}

/// How often something came, among how many runs.
pub(super) fn varied(runs: &[CommandRun]) -> String {
    let mut outputs: Vec<&[u8]> = runs.iter().map(|run| run.stdout.as_slice()).collect();
    let all = outputs.len();
    outputs.sort_unstable();
    outputs.dedup();
    format!("{} different outputs in {all} runs", outputs.len())
}

/// Whether a status is that of a crash: a signal, or the code by which a shell tells of one.
pub(super) fn crashed(status: Status) -> bool {
    /// SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV: what a program does to itself.
    const OWN: [i32; 6] = [4, 5, 6, 7, 8, 11];
    match status {
        Status::Signal(_) => true,
        Status::Code(code) => OWN.contains(&(code - 128)),
        _ => false,
    }
}
