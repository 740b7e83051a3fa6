//! What a trace holds beside the calls: memory as it was seen, and how the command ended.

use std::ops::Range;

use super::ProcessId;

/// Something that was seen at one time of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// How many operations stand before it.
    pub after: u64,
    /// The process whose memory it is.
    pub pid: ProcessId,
    /// What was seen.
    pub seen: Seen,
}

/// What can be seen of memory and of the page cache.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the line above a variant explains its fields")]
pub enum Seen {
    /// The kernel's word on the pages that hold weights: how many, in memory, locked (`None` where it does
    /// not say).
    Pages { pages: u64, resident: u64, locked: Option<u64> },
    /// The page cache of a file: its pages and how many of them are in memory.
    Cache { path: String, pages: u64, resident: u64 },
    /// Memory was compared with this range of a file, whose first byte was found or missed at `addr`; the first
    /// byte that differs. A stretch that went through a buffer in pieces was compared piece by piece.
    Content { path: String, offset: u64, len: u64, addr: u64, first_difference: Option<Difference> },
    /// Tensor bytes of this range of a file stand at `addr`, where no read left them: whole, or all but what
    /// differs from the first difference on. `alone`: what reads and mappings brought of them is gone, or is
    /// about to go. `locked`: the kernel keeps that memory resident.
    Copy {
        path: String,
        offset: u64,
        len: u64,
        addr: u64,
        alone: bool,
        locked: bool,
        first_difference: Option<Difference>,
    },
    /// Bytes of this range of a file were right in memory, which held something else later, or went before
    /// other memory of their size was used; they were found nowhere else.
    Gone { path: String, offset: u64, len: u64 },
    /// A mapping of this range of a file, as it was before it went: the bytes of the file whose pages the
    /// process had in its page table, in order. What it never touched is not among them.
    Touched { path: String, offset: u64, len: u64, touched: Vec<Range<u64>> },
    /// Memory whose lock was released, or that was left with what locked memory held, as it was before it went:
    /// how many bytes of it the process used after that, in whole pages, and whether its mapping is the weights' own:
    /// no allocator shares out other parts of it.
    UsedUnlocked { addr: u64, len: u64, used: u64, own: bool },
    /// Memory that is not known to hold weights, large enough for them and without a lock, as it was at its end:
    /// how many bytes of it the process used after memory that held the weights had gone, in whole pages.
    UsedElsewhere { addr: u64, len: u64, used: u64 },
    /// Memory from `addr` on that held weights and was locked, before it went or lost its lock: another process has
    /// a copy of it (`fork(2)`), and no lock is inherited.
    Inherited { addr: u64, len: u64 },
    /// Standard output had been written to its end: whatever is called later was of no use to what it says.
    LastOutput,
    /// The kernel's word on the memory of the process, before some of it or its lock was released.
    Kernel(KernelMemory),
}

/// What the kernel says of the memory of a process, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KernelMemory {
    /// Anonymous memory that is resident: buffers, and copies of pages of files.
    pub anonymous: u64,
    /// Pages of files that are resident in it.
    pub file: u64,
    /// The most that was resident at one time so far, of all kinds.
    pub peak: u64,
    /// Address space that is locked, resident or not: what counts against the limit.
    pub locked: u64,
    /// The limit on that; `None` where there is none.
    pub lock_limit: Option<u64>,
    /// Memory in which reads and mappings left weights.
    pub weights: u64,
    /// What of that is resident.
    pub weights_resident: u64,
    /// What of that is resident and locked.
    pub weights_locked: u64,
}

impl Seen {
    /// The word for it in files.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Pages { .. } => "pages",
            Self::Cache { .. } => "cache",
            Self::Content { .. } => "content",
            Self::Copy { .. } => "copy",
            Self::Gone { .. } => "gone",
            Self::Touched { .. } => "touched",
            Self::UsedUnlocked { .. } => "used-unlocked",
            Self::UsedElsewhere { .. } => "used-elsewhere",
            Self::Inherited { .. } => "inherited",
            Self::LastOutput => "last-output",
            Self::Kernel(_) => "kernel",
        }
    }
}

/// A byte of memory that is not that of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Where it stands in the file.
    pub offset: u64,
    /// What it is in the file.
    pub file: u8,
    /// What it is in memory.
    pub memory: u8,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// With this exit code.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// It was ended when its time was up.
    TimeLimit,
    /// It was ended because this signal asked the tracer to stop.
    Stopped(i32),
    /// Nobody saw it.
    Unknown,
}

impl Status {
    /// The exit code that a shell reports: 128 and the signal for a signal, 124 for the time
    /// limit as `timeout(1)`; 0 where it is unknown.
    #[must_use]
    pub fn shell_code(self) -> u8 {
        let low = |code: i32| u8::try_from(code & 0xff).unwrap_or(u8::MAX);
        match self {
            Self::Code(code) => low(code),
            Self::Signal(signal) | Self::Stopped(signal) => low(128 + (signal & 0x7f)),
            Self::TimeLimit => 124,
            Self::Unknown => 0,
        }
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
            Self::TimeLimit => f.write_str("time limit"),
            Self::Stopped(signal) => write!(f, "stopped by signal {signal}"),
            Self::Unknown => f.write_str("an unknown end"),
        }
    }
}

/// The end of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// How the command ended.
    pub status: Status,
    /// What moved bytes, descriptors or locks where the source of the trace could not see it, one word each:
    /// `io-uring`, `shared-position` …
    pub unseen: Vec<String>,
}
