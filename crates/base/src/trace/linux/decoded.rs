//! System calls, decoded: what a tracer reads from registers and an importer from text.

use std::ops::Range;

use super::files::OpenFile;
use super::space::{Filled, Hit, Piece};
use crate::trace::{Advice, Errno, FileId, FileIdentity, NativeFlags, Outcome};

/// How a call went, and when.
#[derive(Clone, Debug, Default)]
pub struct Done {
    /// Where it stands in what is decoded, such as its line.
    pub origin: u64,
    /// When it began, in nanoseconds since the trace did.
    pub start_ns: u64,
    pub dur_ns: u64,
    /// Whether the result was made up.
    pub injected: bool,
    /// What it returned, 0 if it was refused.
    pub value: u64,
    pub error: Option<Errno>,
}

impl Done {
    pub fn failed(&self) -> bool {
        self.error.is_some()
    }

    /// The outcome, with `value` for a success.
    pub(super) fn outcome(&self, value: u64) -> Outcome {
        self.error.clone().map_or(Outcome::Ok(value), Outcome::Err)
    }

    /// The outcome of a lock.
    pub(super) fn of_a_lock(&self) -> Outcome {
        self.error.clone().map_or(Outcome::Ok(0), |errno| Outcome::Err(errno.of_a_lock()))
    }
}

/// A file that a call opened, or that was found open.
#[derive(Clone, Debug)]
pub struct Opened {
    pub file: FileId,
    /// Which of the caller's files it is.
    pub model: usize,
    pub path: String,
    /// Its descriptor, if it was opened.
    pub fd: Option<i32>,
    pub position: u64,
    pub identity: Option<FileIdentity>,
    /// By the kernel's names.
    pub flags: NativeFlags,
}

/// Where in a file a call reads or writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// At its position, which moves by what was transferred.
    Position,
    Offset(u64),
    /// At its position, which stood here: a file that is appended to is written at its end.
    Appended(u64),
}

/// Advice that the vocabulary has a word for, or another kind by the kernel's name of it.
#[derive(Clone, Debug)]
pub enum Counsel {
    Known(Advice),
    Other(NativeFlags),
}

/// What a call takes away. Once the kernel has done it, another thread may be given the same number or
/// address before the end of the call is seen: so it is taken away when the call starts.
#[derive(Debug, Default)]
pub struct Taken {
    /// The file whose last descriptor is closed.
    pub file: Option<FileId>,
    /// The parts of regions that are unmapped or moved.
    pub hits: Vec<Hit>,
    /// Where they stood, for the case that the call is refused.
    pub pieces: Vec<(Range<u64>, Piece)>,
    /// What reads had left there.
    pub filled: Vec<(Range<u64>, Filled)>,
}

/// One call that has ended, refused or not.
pub enum Decoded<'a> {
    Open(Opened),
    Close(Taken),
    CloseRange {
        first: i32,
        last: i32,
        only_mark: bool,
    },
    /// `dup`, `dup2`, `dup3`, `F_DUPFD`, `F_DUPFD_CLOEXEC`.
    Duplicate {
        from: i32,
        to: i32,
        close_on_exec: bool,
    },
    CloseOnExec {
        fd: i32,
        on: bool,
    },
    /// `F_SETFL`.
    SetFlags {
        file: OpenFile,
        flags: NativeFlags,
    },
    /// The new position is the result; `asks` tells whether it is the size that is asked for.
    Seek {
        file: OpenFile,
        asks: bool,
    },
    Size {
        file: OpenFile,
        size: u64,
    },
    Alignment {
        file: OpenFile,
        memory: u64,
        offset: u64,
    },
    /// `addr` is 0 where the bytes stay in the kernel, or where nobody knows.
    Read {
        file: OpenFile,
        at: At,
        len: u64,
        addr: u64,
    },
    Write {
        file: OpenFile,
        at: At,
        len: u64,
    },
    /// Bytes of a file are replaced without a transfer.
    Clear {
        file: OpenFile,
        offset: u64,
        len: u64,
    },
    Resize {
        file: FileId,
        len: u64,
    },
    FileAdvice {
        file: OpenFile,
        offset: u64,
        len: u64,
        counsel: Counsel,
    },
    /// The address is the result.
    Map(Mapping),
    Unmap(Taken),
    /// The new address is the result.
    Remap {
        old: u64,
        old_len: u64,
        new_len: u64,
        flags: NativeFlags,
        taken: Taken,
    },
    Protect {
        addr: u64,
        len: u64,
        flags: NativeFlags,
    },
    Advice {
        addr: u64,
        len: u64,
        counsel: Counsel,
    },
    /// `lists` gives the mapping that the kernel lists at an address, for memory that is not known.
    Lock {
        addr: u64,
        len: u64,
        on_fault: Option<NativeFlags>,
        lists: &'a dyn Fn(u64) -> Option<Range<u64>>,
    },
    Unlock {
        addr: u64,
        len: u64,
    },
    LockAll {
        flags: NativeFlags,
    },
    UnlockAll,
    /// What its name tells: a changed limit on locked memory, a thread whose start a fault met.
    Other {
        name: &'static str,
        flags: NativeFlags,
    },
}

/// A mapping of a file or of anonymous memory.
#[derive(Clone, Debug)]
pub struct Mapping {
    /// `None` where it is anonymous, or the file is not known.
    pub file: Option<OpenFile>,
    pub anonymous: bool,
    /// Whether it may be touched; what may not is a reservation.
    pub accessible: bool,
    pub offset: u64,
    pub len: u64,
    /// With the protection where that is more than reading.
    pub flags: NativeFlags,
}

/// What a new thread or process has in common with its creator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shares {
    pub files: bool,
    pub memory: bool,
    /// It is a thread of the same process.
    pub process: bool,
}
