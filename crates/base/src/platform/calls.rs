//! What each semantic step is on each operating system, and everything else that the program asks
//! of its environment: the data behind `PLATFORM.md`.

use std::fmt::Write;

use crate::trace::SemanticKind;

/// The operating systems that the table has a column for, as reports name them, with the source
/// file of their backend.
pub const SYSTEMS: [(&str, &str); 3] = [
    ("linux", "crates/base/src/platform/linux.rs"),
    ("macos", "crates/base/src/platform/macos.rs"),
    ("windows", "crates/base/src/platform/windows.rs"),
];

/// One row: the calls for a step, in the order of [`SYSTEMS`]. Names stand between backquotes; what
/// is after them says when or how.
pub struct StepCalls {
    /// The step.
    pub step: SemanticKind,
    /// The calls on each system.
    pub calls: [&'static str; 3],
}

/// The table step × system → calls.
pub const STEP_CALLS: [StepCalls; 14] = [
    StepCalls {
        step: SemanticKind::Open,
        calls: ["`open` O_RDONLY, `fstat`", "`open` O_RDONLY, `fstat`", "`CreateFileW` GENERIC_READ"],
    },
    StepCalls {
        step: SemanticKind::OpenDirect,
        calls: [
            "`open` O_DIRECT; alignment by `statx` STATX_DIOALIGN, else probed by `pread`",
            "`open`, `fcntl` F_NOCACHE, which takes any alignment",
            "`CreateFileW` FILE_FLAG_NO_BUFFERING; alignment by `GetFileInformationByHandleEx`",
        ],
    },
    StepCalls { step: SemanticKind::Read, calls: ["`pread`", "`pread`", "`ReadFile` at an offset"] },
    StepCalls {
        step: SemanticKind::ReadDirect,
        calls: ["`pread`, aligned", "`pread`, aligned", "`ReadFile` at an offset, aligned"],
    },
    // A loader writes no model; only tracers of other programs ever note this step.
    StepCalls { step: SemanticKind::Write, calls: ["never made", "never made", "never made"] },
    StepCalls {
        step: SemanticKind::Map,
        calls: [
            "`mmap` MAP_SHARED by memmap2",
            "`mmap` MAP_SHARED by memmap2",
            "`CreateFileMappingW`, `MapViewOfFile`, at 64 KiB",
        ],
    },
    StepCalls {
        step: SemanticKind::Prefetch,
        calls: [
            "MAP_POPULATE and `madvise` MADV_WILLNEED",
            "`madvise` MADV_WILLNEED",
            "`PrefetchVirtualMemory`, where there is one",
        ],
    },
    StepCalls {
        step: SemanticKind::Advise,
        calls: ["`madvise`, `posix_fadvise`", "`madvise`, `fcntl` F_RDADVISE", "none"],
    },
    StepCalls {
        step: SemanticKind::Alloc,
        calls: ["anonymous `mmap` by memmap2", "anonymous `mmap` by memmap2", "`VirtualAlloc`"],
    },
    StepCalls {
        step: SemanticKind::Lock,
        calls: [
            "`mlock`; of buffers that are read into next, `mlock2` MLOCK_ONFAULT (Linux 4.4)",
            "`mlock`",
            "`VirtualLock`; a full quota: `SetProcessWorkingSetSize`, once more",
        ],
    },
    StepCalls { step: SemanticKind::Unlock, calls: ["`munlock`", "`munlock`", "`VirtualUnlock`"] },
    StepCalls {
        step: SemanticKind::GiveBack,
        calls: [
            "`munmap`, also in part",
            "`munmap`, also in part",
            "`UnmapViewOfFile`, `VirtualFree`, as a whole",
        ],
    },
    StepCalls {
        step: SemanticKind::Close,
        calls: ["`close` on drop", "`close` on drop", "`CloseHandle` on drop"],
    },
    StepCalls { step: SemanticKind::Notice, calls: ["no call: text on standard error"; 3] },
];

/// Something beside the load that the program asks of its environment.
pub struct Interaction {
    /// What is touched.
    pub what: &'static str,
    /// The source file that does it, or the library.
    pub by: &'static str,
    /// When and why.
    pub why: &'static str,
}

/// Everything beside the load.
pub const INTERACTIONS: &[Interaction] = &[
    Interaction {
        what: "variables `LLAMA_ARG_*`",
        by: "src/cli/mod.rs",
        why: "load flags of `run`, as llama.cpp names them; `check` sets none and runs on none, its spellings carry theirs",
    },
    Interaction {
        what: "variable `COLUMNS`, and a thread",
        by: "src/cli/screen.rs",
        why: "the width of reports off a terminal; the line that tells every ten seconds how far a campaign is",
    },
    Interaction {
        what: "`/proc/PID/fd` of the traced command",
        by: "crates/tracer/src/tracer/linux/private.rs",
        why: "`check --faults` of a command: the private copy that is cut short or replaced is told by its descriptor",
    },
    Interaction {
        what: "variable `GITHUB_STEP_SUMMARY`",
        by: "src/cli/format.rs",
        why: "`--format github` appends the report to the file it names",
    },
    Interaction {
        what: "variable `CI`",
        by: "src/cli/baseline.rs",
        why: "where it is set, `baseline record` writes nothing",
    },
    Interaction {
        what: "variable `TMPDIR` (`TMP`, `TEMP` on Windows)",
        by: "src/subject/embedded.rs",
        why: "the standard library's temporary folder: the embedded model is written there and removed at the end",
    },
    Interaction {
        what: "variable `TMPDIR`, and folder `/var/tmp`",
        by: "src/subject/private_copy.rs",
        why: "`check --faults` of a command: a private copy of the model is altered there and removed at the end",
    },
    Interaction {
        what: "folder `/var/tmp`",
        by: "src/subject/embedded.rs",
        why: "takes the embedded model where direct I/O in the temporary folder cannot be distinguished from buffered",
    },
    Interaction {
        what: "variables `NO_COLOR`, `CLICOLOR`, `CLICOLOR_FORCE`, `TERM`",
        by: "anstream",
        why: "whether output is coloured; it is not where it goes to no terminal",
    },
    Interaction {
        what: "the terminal",
        by: "src/cli/format.rs",
        why: "its width, for the matrix; the progress bar is drawn on standard error if that is one",
    },
    Interaction {
        what: "files named on the command line",
        by: "src/cli",
        why: "models, traces and results are read; `--format …=FILE`, `--trace FILE`, `bits --json FILE`, `gguf make` and `baseline record` write",
    },
    Interaction {
        what: "the model, past the loader",
        by: "src/subject/truth.rs",
        why: "`check` reads the file with the standard library to know what every tensor really holds",
    },
    Interaction {
        what: "`capget`",
        by: "crates/base/src/platform/linux.rs",
        why: "Linux: whether the process has CAP_IPC_LOCK, which lifts the lock limit",
    },
    Interaction {
        what: "`getrlimit` RLIMIT_MEMLOCK",
        by: "crates/base/src/platform/linux.rs",
        why: "Linux: the lock limit, for messages; the program raises no limit on any Unix",
    },
    Interaction {
        what: "`getrlimit` RLIMIT_MEMLOCK, `sysctlbyname` vm.user_wire_limit and vm.global_user_wire_limit",
        by: "crates/base/src/platform/macos.rs",
        why: "macOS: the lock limit, for messages",
    },
    Interaction {
        what: "`getrlimit` RLIMIT_MEMLOCK",
        by: "crates/base/src/platform/freebsd.rs",
        why: "FreeBSD: the lock limit, for messages",
    },
    Interaction {
        what: "`getrlimit` RLIMIT_MEMLOCK",
        by: "crates/base/src/platform/other_unix.rs",
        why: "other Unix systems: the lock limit, for messages",
    },
    Interaction {
        what: "`GetProcessWorkingSetSize`, `SetProcessWorkingSetSize`",
        by: "crates/base/src/platform/windows/lock.rs",
        why: "Windows: the lock quota, raised once by as much as a refused lock needs",
    },
    Interaction {
        what: "`GetSystemInfo`",
        by: "crates/base/src/platform/windows/mod.rs",
        why: "Windows: page size and mapping grain, once",
    },
    Interaction {
        what: "`sysconf` page size",
        by: "crates/base/src/platform/unix/mod.rs",
        why: "once, when the platform is made",
    },
    Interaction {
        what: "`fstatfs`",
        by: "crates/base/src/platform/linux.rs",
        why: "Linux: the file system, for the mapping hint of `auto`",
    },
    Interaction {
        what: "`mincore`, `/proc/self/smaps`",
        by: "crates/base/src/platform/unix/residency.rs",
        why: "after a load that locks: whether the locked pages are in memory and, on Linux, locked",
    },
    Interaction {
        what: "`K32QueryWorkingSetEx`",
        by: "crates/base/src/platform/windows/residency.rs",
        why: "Windows, after a load that locks: whether the locked pages are in memory and locked",
    },
    Interaction {
        what: "`GetFileInformationByHandle`",
        by: "crates/base/src/platform/windows/file.rs",
        why: "Windows, for the record of an open: which file it is; elsewhere the open's own `fstat` says",
    },
    Interaction {
        what: "`mmap`, `mincore`",
        by: "crates/base/src/platform/unix/open_file.rs",
        why: "`check`, before and after a direct load, and `bench`: how much of the model the page cache holds",
    },
    Interaction {
        what: "threads",
        by: "crates/engine/src/engine/load/read.rs",
        why: "up to 4 readers during a load that reads",
    },
    Interaction {
        what: "threads",
        by: "crates/engine/src/engine/pool.rs",
        why: "the workers that generate; they end with the run",
    },
    Interaction {
        what: "variables `LLAMA_ARG_*`",
        by: "src/subject/command.rs",
        why: "`check … -- CMD` and `compare`: taken from the command's environment, so that a spelling alone decides, and unset in the line that reproduces a failure",
    },
    Interaction {
        what: "`/dev/cpu_dma_latency`, where it may be opened",
        by: "crates/tracer/src/tracer/linux/latency.rs",
        why: "Linux: asks that idle processors stay awake while the calls of a traced command come in bursts",
    },
    Interaction {
        what: "`memory.events` or `memory.oom_control` of a control group, `/proc/vmstat`",
        by: "crates/tracer/src/tracer/linux/oom.rs",
        why: "Linux, before and after a traced command: whether the kernel killed it for lack of memory",
    },
    Interaction {
        what: "time",
        by: "src/subject/command.rs",
        why: "`--settle`: the pause before every run of a command",
    },
    Interaction {
        what: "`/proc/meminfo`, `/proc/self/cgroup`, `memory.max` and `memory.current` of the control group, `/sys/kernel/mm/transparent_hugepage`, `/sys/devices/system/node`",
        by: "src/cli/doctor/host.rs",
        why: "Linux, `doctor`: memory to be had, huge pages and NUMA nodes",
    },
    Interaction {
        what: "`mmap`, `mlock`, direct and buffered reads, `posix_fadvise` POSIX_FADV_DONTNEED, the monotonic clock",
        by: "src/cli/doctor/probe.rs",
        why: "`doctor`: what works on the file that it is given, and how fast; `--no-measure` leaves its pages in the page cache",
    },
    Interaction { what: "threads", by: "src/check/ahead.rs", why: "`--jobs`: cases that run side by side" },
    Interaction {
        what: "the signals that ask a program to end, SIGABRT and SIGBUS, `/proc/self/maps` at the latter",
        by: "crates/base/src/platform/unix/ending.rs",
        why: "a campaign stops after the case under way and reports what it has; temporary models are removed; a mapped file that lost its end is named",
    },
    Interaction {
        what: "the standard library's temporary folder",
        by: "src/cli/faults.rs",
        why: "`check --faults` without a model: a small made one is written there and removed at the end",
    },
    Interaction {
        what: "whether a path leads into `/proc` or `/sys`",
        by: "crates/base/src/layout/source.rs",
        why: "a file of the kernel may keep its reader waiting: it is refused as a model, a trace or a result",
    },
    Interaction {
        what: "whether a path leads into `/proc/self/fd`",
        by: "src/cli/input.rs",
        why: "a migrate input that is an open descriptor may be a pipe",
    },
    Interaction {
        what: "whether a path leads into `/proc/self/fd` or is a device that takes any output",
        by: "src/cli/report_file.rs",
        why: "such an output is written to and not replaced",
    },
    Interaction {
        what: "threads",
        by: "crates/engine/src/engine/chat/mod.rs",
        why: "a chat template runs on a stack of its own, and is given up after a time",
    },
    Interaction {
        what: "`/proc/PID/status`, `smaps`, `limits` of the traced command",
        by: "crates/tracer/src/tracer/linux/kernel.rs",
        why: "Linux, where weights have come: what the kernel says of locks, residency and the lock limit",
    },
    Interaction {
        what: "another program, started and traced: `fork`, `execve`, `ptrace`, `seccomp`",
        by: "crates/tracer/src/tracer/linux/sys.rs",
        why: "Linux: `trace` runs the command it is given; nothing else starts a program",
    },
    Interaction {
        what: "variable `PATH`, and all others for the traced command",
        by: "crates/tracer/src/tracer/linux/spawn.rs",
        why: "Linux: where the command is looked for, and what it is given",
    },
    Interaction {
        what: "`/proc/PID/fd`, `root`, `cwd` of the traced command",
        by: "crates/tracer/src/tracer/linux/models.rs",
        why: "Linux: whether a file that it opens is a model: its first four bytes, and its header in the end",
    },
    Interaction {
        what: "`/proc/PID/fd`, `status` of the traced command",
        by: "crates/tracer/src/tracer/linux/follow.rs",
        why: "Linux: what it was started with open; whose child a new thread is",
    },
    Interaction {
        what: "`/proc/PID/fd`, `fdinfo` of the traced command",
        by: "crates/tracer/src/tracer/linux/exit_files.rs",
        why: "Linux: a model whose open was not seen: its path, position and flags; where a write began",
    },
    Interaction {
        what: "`/proc/PID/fdinfo`, `status` of what the traced command sends SIGKILL to",
        by: "crates/tracer/src/tracer/linux/entry.rs",
        why: "Linux: whether it is the command itself",
    },
    Interaction {
        what: "`/proc/PID/maps` of the traced command",
        by: "crates/tracer/src/tracer/linux/exit_memory.rs",
        why: "Linux: what a lock hits that is neither a model nor a mapping seen before",
    },
    Interaction {
        what: "`/proc/PID/pagemap` of the traced command",
        by: "crates/tracer/src/tracer/linux/look.rs",
        why: "Linux: which pages of a mapping of a model were touched, before it goes",
    },
    Interaction {
        what: "`/proc/PID/smaps` of the traced command and of this program",
        by: "crates/tracer/src/tracer/linux/smaps.rs",
        why: "Linux: which memory is locked, resident and writable, and so may hold a copy of weights",
    },
    Interaction {
        what: "`/proc/PID/clear_refs`, `io` of the traced command, mappings of its models, a lock on `/proc/self/exe`",
        by: "crates/tracer/src/tracer/linux/released.rs",
        why: "Linux: whether memory was used after its lock was released",
    },
    Interaction {
        what: "`/proc/PID/maps` and the memory of the traced command, its models",
        by: "crates/tracer/src/tracer/linux/content.rs",
        why: "Linux: where the heap lies; whether memory holds the bytes of the file",
    },
    Interaction {
        what: "threads",
        by: "crates/tracer/src/tracer/linux/mod.rs",
        why: "Linux: the tracer's own, and the readers of captured output",
    },
    Interaction {
        what: "signals SIGINT, SIGTERM, SIGHUP",
        by: "crates/tracer/src/tracer/linux/stop.rs",
        why: "Linux: `trace` passes them on to the command and still writes what it has",
    },
    Interaction {
        what: "`/proc/cpuinfo`, the clock, the monotonic clock",
        by: "src/bench/measure.rs",
        why: "`bench`: the processor's name and the time in its results, and what it measures",
    },
    Interaction {
        what: "`loadparity.toml` in the current folder",
        by: "src/cli/config.rs",
        why: "`check` and `baseline`: options that the command line leaves out, the command to check among them",
    },
    Interaction {
        what: "the calling thread's id",
        by: "crates/base/src/platform/recorder.rs",
        why: "for the trace",
    },
    Interaction {
        what: "the number of processors",
        by: "src/cli/run.rs",
        why: "how many workers there are without `--threads`; results do not depend on it",
    },
    Interaction {
        what: "the number of processors",
        by: "src/subject/truth.rs",
        why: "how many tensors are hashed at a time",
    },
    Interaction {
        what: "the number of processors",
        by: "src/check/plans.rs",
        why: "how many threads resolve the lines of level P1; results do not depend on it",
    },
    Interaction {
        what: "the number of processors",
        by: "src/cli/check.rs",
        why: "how many loads of a small model overlap in `check`; results do not depend on it",
    },
    Interaction {
        what: "the monotonic clock",
        by: "crates/base/src/platform/recorder.rs",
        why: "durations in traces; no decision and no output depends on it",
    },
    Interaction {
        what: "processor features",
        by: "crates/engine/src/engine/kernels",
        why: "which vector kernels run; the bits are the same",
    },
];

/// The text of `PLATFORM.md`.
#[must_use]
pub fn platform_markdown() -> String {
    let mut text = String::from(
        "# Platform\n\nEvery interaction with the environment. `loadparity docs write` makes this file from \
         `crates/base/src/platform/calls.rs`; a test fails when it is stale.\n\n## A load\n\nThe loader talks to the \
         operating system through the traits of `crates/base/src/platform/mod.rs` and nothing else. Reports compare \
         platforms by these steps; which calls a step is made of is each platform's own affair.\n\n",
    );
    // Writing to a String cannot fail.
    let _ = writeln!(text, "| step | {} |", SYSTEMS.map(|(name, _)| name).join(" | "));
    text += "| --- | --- | --- | --- |\n";
    for StepCalls { step, calls } in &STEP_CALLS {
        let _ = writeln!(text, "| {} | {} |", step.word(), calls.join(" | "));
    }
    text += "\nThe simulated platform makes no call: it plays the rules of one of these systems in memory.\n";
    text += "\n## Everything else\n\nThe program opens no network connection, starts no other program but the command of `trace` (and `true`, traced, in `doctor`), and reads \
             no configuration file but `loadparity.toml` of the current folder or `--config`.\n\n| what | by | when and why |\n| --- | --- | --- |\n";
    for Interaction { what, by, why } in INTERACTIONS {
        let _ = writeln!(text, "| {what} | {by} | {why} |");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_has_one_row_in_order() {
        assert_eq!(STEP_CALLS.each_ref().map(|row| row.step), SemanticKind::ALL);
    }
}
