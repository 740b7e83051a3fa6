//! Any program under observation: its system calls on model files become a trace (Linux).
//!
//! [`run`] starts a command as a tracee (`PTRACE_SEIZE`, killed with its tracer), lets a seccomp
//! filter stop it on the calls a loader is made of and on no other, follows threads, forks and
//! execs, and writes what it did to model files in the vocabulary of [`crate::trace`]. A model file
//! is one whose content is GGUF or that the caller names; calls on other files are counted and
//! dropped. Faults are injected at the same boundary, in the grammar of
//! [`FaultSpec`].
//!
//! What the seam's words mean at this boundary:
//!
//! - A read by file position (`read`, `readv`, what stdio does) becomes the positioned read that
//!   it amounts to, and so does a write. `sendfile`, `copy_file_range` and `splice` are reads to address 0,
//!   and writes where a model receives them.
//! - Anonymous memory is an allocation where weights are read into it or a lock touches it;
//!   other memory of the process is left out, and so is what lies in the heap or in address space
//!   that was reserved without access, unless it is locked. Its alignment is the page size.
//! - `fstat` and `lseek` to the end are questions for the size, `statx` with `STATX_DIOALIGN` one for the
//!   alignment.
//! - `mremap` of a whole region is a remap; a part is unmapped, and a region of its own elsewhere.
//! - A hole that is punched and a range that is zeroed are writes. `write` to a standard stream makes no
//!   stop: what a command prints must not slow it down.
//! - What the kernel does beyond these words is [`Call::Native`](crate::trace::Call::Native).
//! - Forks, execs and ends are of processes that have operations, or that made one which has. What ends
//!   with a process, or with its memory when it executes, has no operation of its own; a file that an exec
//!   closes has its close.
//!
//! On other systems [`run`] answers [`TraceError::Unsupported`].
//!
//! Called by `subject` and `cli`; calls `platform` (the fault grammar), `layout`, `gguf` and `trace`.

mod own;
mod phase;

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod linux;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
use linux as system;

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
mod elsewhere;
#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
use elsewhere as system;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

pub use own::OwnMemory;
pub use phase::{Layout, assign_phases};
pub use system::{Stop, own_memory};

use crate::layout::FileLayout;
use crate::platform::FaultSpec;
pub use crate::trace::{BlindSpot, Status};
use crate::trace::{End, Errno, Header, Observation, Op, TraceFile};

/// What to start.
#[derive(Clone, Debug, Default)]
pub struct Command {
    /// The program and its arguments. A name without a slash is looked for in `PATH`.
    pub argv: Vec<OsString>,
    /// Variables to set beside those of this process.
    pub env: Vec<(OsString, OsString)>,
    /// Variables of this process to leave out.
    pub env_remove: Vec<OsString>,
    /// The directory to start in; this process's own if `None`.
    pub cwd: Option<PathBuf>,
}

/// A model file that faults may alter: a copy that nobody else uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Private {
    /// Where the command finds it.
    pub path: PathBuf,
    /// The file that may take its name, on the same file system.
    pub replacement: Option<PathBuf>,
}

/// How to trace.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Files that count as models whatever they hold.
    pub models: Vec<PathBuf>,
    /// Where the weights lie in some of them; what their content says in the others.
    pub layouts: Vec<(PathBuf, FileLayout)>,
    /// Faults to inject. Each counts the calls it is for, from 1, separately for every model file
    /// and for anonymous memory.
    pub faults: Vec<FaultSpec>,
    /// The files that faults may alter; a fault that does so is refused where there are none.
    pub private: Vec<Private>,
    /// End every process of the command after this time.
    pub time_limit: Option<Duration>,
    /// Collect standard output and error (with standard input empty) instead of inheriting all three.
    pub capture: bool,
    /// Compare the memory that holds weights with the model files.
    pub memory: bool,
    /// Stop on every system call, as is done where no filter can be installed.
    pub every_syscall: bool,
    /// A way to end the trace from outside.
    pub stop: Option<Stop>,
}

/// How the tracee was stopped on its calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A seccomp filter stops it on a loader's calls alone.
    Filter,
    /// It stops on every system call; the refusal of the filter, if it was not left out on purpose.
    EverySyscall(Option<Errno>),
}

/// Who killed the command's process, where it was nobody of the command's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Killer {
    /// The kernel, for lack of memory: with SIGKILL, while the count of such kills rose that the command's
    /// control group keeps, or the machine where there is none. The limit of that group, and the most that it used,
    /// in bytes, where they are known.
    OutOfMemory {
        /// What the group may use.
        limit: Option<u64>,
        /// What it used.
        peak: Option<u64>,
    },
    /// A process that is none of the command's, by its number where that is known. Nobody sees who sends
    /// SIGKILL: it is this if neither the command nor its tracer did.
    Outside(Option<i32>),
}

impl std::fmt::Display for Killer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OutOfMemory { limit, peak } => {
                f.write_str("the kernel killed it for lack of memory")?;
                match (limit, peak) {
                    (Some(limit), Some(peak)) => {
                        write!(f, ": its control group may use {limit} bytes, and needed more than {peak}")
                    }
                    (Some(limit), None) => write!(f, ": its control group may use {limit} bytes"),
                    (None, _) => Ok(()),
                }
            }
            Self::Outside(Some(pid)) => write!(f, "process {pid}, which is none of the command's, killed it"),
            Self::Outside(None) => f.write_str("a process that is none of the command's killed it"),
        }
    }
}

/// What a command did.
#[derive(Clone, Debug)]
pub struct Traced {
    /// Its operations on model files, in the order in which they ended.
    pub ops: Vec<Op>,
    /// What was seen of its memory between them.
    pub observations: Vec<Observation>,
    /// The header for a trace file.
    pub header: Header,
    /// How it ended.
    pub status: Status,
    /// Who killed it, if that was somebody outside the command.
    pub killed_by: Option<Killer>,
    /// What it wrote to standard output, if captured.
    pub stdout: Vec<u8>,
    /// What it wrote to standard error, if captured.
    pub stderr: Vec<u8>,
    /// How many calls on other files were dropped.
    pub dropped: u64,
    /// What could not be seen, and how often that was met.
    pub blind_spots: BTreeMap<BlindSpot, u64>,
    /// How it was stopped on its calls.
    pub mode: Mode,
    /// How often each fault made a difference, in the order of [`Options::faults`].
    pub fired: Vec<u64>,
    /// The model files, in the order of their roles.
    pub models: Vec<PathBuf>,
    /// The largest other file that was opened for reading or mapped, with its size in bytes; no program and no library.
    pub largest_other: Option<(PathBuf, u64)>,
}

impl Traced {
    /// All of it that a trace file holds.
    #[must_use]
    pub fn into_file(self) -> TraceFile {
        let unseen = self.blind_spots.keys().map(|spot| spot.word().to_owned()).collect();
        let end = Some(End { status: self.status, unseen });
        TraceFile { header: self.header, ops: self.ops, observations: self.observations, end }
    }
}

/// Why there is no trace.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TraceError {
    /// This system has no tracer.
    #[error(
        "tracing a command is unsupported on {os} ({arch}); a loader that is built on this crate records itself \
         (`loadparity run --trace FILE`), and recordings of other tools are read by `loadparity import`"
    )]
    Unsupported {
        /// The system.
        os: &'static str,
        /// The architecture.
        arch: &'static str,
    },
    /// There is no program to start.
    #[error("no command to trace was given")]
    NoCommand,
    /// An argument, a variable or a path holds a zero byte.
    #[error("{what} holds a zero byte, which no program can be given")]
    ZeroByte {
        /// What holds it.
        what: String,
    },
    /// The program is not there.
    #[error("cannot start {program}: no such program")]
    NotFound {
        /// The program.
        program: String,
    },
    /// The program cannot be executed.
    #[error("cannot start {program}: {why}")]
    NotExecutable {
        /// The program.
        program: String,
        /// What the system says.
        why: String,
    },
    /// The system does not let this process trace.
    #[error(
        "tracing is not permitted here ({why}): ptrace may be blocked by a container's seccomp profile, by \
         kernel.yama.ptrace_scope, or because this process is being traced itself"
    )]
    NotPermitted {
        /// What the system says.
        why: String,
    },
    /// A fault that cannot be injected into a system call.
    #[error("cannot inject `{fault}`: {why}")]
    Fault {
        /// The fault.
        fault: String,
        /// Why not.
        why: String,
    },
    /// A system call of the tracer failed.
    #[error("{what} failed: {why}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the system says.
        why: String,
    },
}

/// Runs a command to its end, and all processes that come of it, and tells what they did to model
/// files. May be called from several threads at once.
///
/// # Errors
/// When the command cannot be started or traced. A command that fails or crashes is no error.
pub fn run(command: &Command, options: &Options) -> Result<Traced, TraceError> {
    system::run(command, options)
}
