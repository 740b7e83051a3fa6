//! The vocabulary of the platform seam: one [`Op`] is one call with its arguments and result.

use std::borrow::Cow;

use super::Errno;

/// The part of a load that an operation belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// Reading the GGUF header: metadata and tensor table.
    Header,
    /// Finding out what the platform can do (alignment, mapping hint); moves no weights.
    Probe,
    /// Bringing the weights in.
    Load,
    /// Generating.
    Run,
    /// Giving everything back.
    Teardown,
}

/// An open file within one trace: the ordinal of its open, counted from 0, failed opens included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// A memory region within one trace (a mapping or an anonymous buffer), counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RegionId(pub u32);

/// A process within one trace: the ordinal of its first operation, counted from 0. Threads share one.
pub type ProcessId = u32;

/// What tells one file from another, whatever the path: as `stat` answers for its descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileIdentity {
    /// The device (Unix), or the volume's serial number (Windows).
    pub device: u64,
    /// The inode, or the file's index.
    pub inode: u64,
    /// Its size in bytes when it was opened.
    pub size: u64,
}

/// The flags actually handed to the operating system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct NativeFlags {
    /// The platform's names, sorted; owned where they were read from a file.
    pub names: Vec<Cow<'static, str>>,
    /// The raw value.
    pub raw: u64,
}

impl NativeFlags {
    /// The flags with these names and this raw value; sorts the names.
    pub fn new(names: impl IntoIterator<Item = &'static str>, raw: u64) -> Self {
        let mut names: Vec<_> = names.into_iter().map(Cow::Borrowed).collect();
        names.sort_unstable();
        Self { names, raw }
    }

    /// Whether a flag of this name is set.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
    }
}

/// Advice for a file range or a mapped range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Advice {
    /// Read once, front to back.
    Sequential,
    /// Read in no order: no read-ahead.
    Random,
    /// Will be needed soon: start reading.
    WillNeed,
    /// Not needed any more.
    DontNeed,
}

/// How loudly a notice is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NoticeLevel {
    /// Worth knowing.
    Info,
    /// Something that was asked for did not happen.
    Warning,
}

/// What a notice is about; contracts are checked on the code, people read the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NoticeCode {
    /// `auto` was resolved to a source.
    AutoResolved,
    /// The direct open or a direct read was refused; the rest came through the page cache.
    DirectRefused,
    /// A lock was refused, wholly or from some byte on.
    LockRefused,
    /// Advice was refused; the load goes on without it.
    AdviceRefused,
    /// The loader says that it reads a file directly; only imported logs have it.
    DirectUsed,
    /// The loader says that it closed a file that it had opened for direct reads without one; only
    /// imported logs have it.
    DirectUnused,
}

/// A message to the user. It belongs to the code path: a fallback nobody was told of is a defect.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Notice {
    /// How loudly.
    pub level: NoticeLevel,
    /// What about.
    pub code: NoticeCode,
    /// The sentence for people: what, where (path, offset, errno) and what to do.
    pub text: String,
}

/// One call on the seam: the intent and its arguments. Offsets and lengths are in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the line above a call explains its arguments")]
pub enum Call {
    /// A file is opened; `direct` asks to bypass the page cache. `identity` is `None` where the open was
    /// refused or nobody asked.
    Open { file: FileId, path: String, direct: bool, identity: Option<FileIdentity>, flags: NativeFlags },
    /// Direct I/O is switched on or off for a file that is open.
    SetDirect { file: FileId, direct: bool },
    /// The size of a file is asked for; the result is the size.
    Size { file: FileId },
    /// The alignment that direct reads need is asked for: of the memory, and of offset and length.
    /// `enforced` tells whether the kernel refuses unaligned requests.
    Alignment { file: FileId, memory: u64, offset: u64, enforced: bool },
    /// The platform is asked whether this file maps well; `reason` explains a "no".
    MapHint { file: FileId, good: bool, reason: String },
    /// A positioned read into memory at `addr`; the result is the number of bytes that arrived.
    Read { file: FileId, offset: u64, len: u64, direct: bool, addr: u64 },
    /// Bytes of a file are written; the result is their number.
    Write { file: FileId, offset: u64, len: u64 },
    /// A file is cut, extended or given space: `len` is the size asked for.
    Resize { file: FileId, len: u64 },
    /// Advice for a range of a file; `len` 0 means to the end.
    FileAdvise { file: FileId, offset: u64, len: u64, advice: Advice },
    /// A range of a file is mapped; `addr` is where it landed (0 if refused). The flags say whether it is
    /// shared and whether it may be written.
    Map {
        file: FileId,
        region: RegionId,
        offset: u64,
        len: u64,
        populate: bool,
        addr: u64,
        flags: NativeFlags,
    },
    /// Anonymous memory is allocated; `align` as asked for.
    Alloc { region: RegionId, len: u64, align: u64, addr: u64 },
    /// Advice for a range of a region.
    MapAdvise { region: RegionId, offset: u64, len: u64, advice: Advice },
    /// A range of a region is locked into memory.
    Lock { region: RegionId, offset: u64, len: u64 },
    /// A range of a region is unlocked.
    Unlock { region: RegionId, offset: u64, len: u64 },
    /// A range of a mapping is released, or the whole region when it is dropped.
    Unmap { region: RegionId, offset: u64, len: u64 },
    /// A whole region moves or changes its size: it now has `len` bytes and begins at `addr`. A part that
    /// moves is an unmap and a new region.
    Remap { region: RegionId, len: u64, addr: u64 },
    /// A file is closed.
    Close { file: FileId },
    /// The process makes another one, which has copies of its files and memory and none of its locks.
    Fork { child: ProcessId },
    /// The process becomes another program: its memory is gone.
    Exec,
    /// The process ends, with this exit code, or minus the signal that killed it: all it held is gone.
    Exit { code: i32 },
    /// The user is told something.
    Notice(Notice),
    /// A call that the seam has no word for, by the system's name of it: a changed limit or
    /// protection, a moved region, advice of another kind. What does not apply is `None` or 0.
    Native {
        name: String,
        file: Option<FileId>,
        region: Option<RegionId>,
        offset: u64,
        len: u64,
        flags: NativeFlags,
    },
}

impl Call {
    /// The word for it in files and reports.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Open { .. } => "open",
            Self::Size { .. } => "size",
            Self::Alignment { .. } => "alignment",
            Self::MapHint { .. } => "map_hint",
            Self::Read { .. } => "read",
            Self::FileAdvise { .. } => "file_advise",
            Self::Map { .. } => "map",
            Self::Alloc { .. } => "alloc",
            Self::MapAdvise { .. } => "map_advise",
            Self::Lock { .. } => "lock",
            Self::Unlock { .. } => "unlock",
            Self::Unmap { .. } => "unmap",
            Self::Close { .. } => "close",
            Self::Notice(_) => "notice",
            Self::SetDirect { .. } => "set_direct",
            Self::Write { .. } => "write",
            Self::Resize { .. } => "resize",
            Self::Remap { .. } => "remap",
            Self::Fork { .. } => "fork",
            Self::Exec => "exec",
            Self::Exit { .. } => "exit",
            Self::Native { .. } => "native",
        }
    }

    /// Whether it is an open that may write.
    #[must_use]
    pub fn opens_for_writing(&self) -> bool {
        const NAMES: [&str; 5] = ["O_WRONLY", "O_RDWR", "O_TRUNC", "GENERIC_WRITE", "FILE_WRITE_DATA"];
        matches!(self, Self::Open { flags, .. } if NAMES.iter().any(|name| flags.has(name)))
    }

    /// Whether it maps memory that may be written, and whether what is written there reaches the file.
    #[must_use]
    pub fn maps_writable(&self) -> Option<MapWritable> {
        let Self::Map { flags, .. } = self else { return None };
        if ["PAGE_WRITECOPY", "FILE_MAP_COPY"].iter().any(|name| flags.has(name)) {
            return Some(MapWritable::Private);
        }
        let writable = ["PROT_WRITE", "PAGE_READWRITE", "FILE_MAP_WRITE"].iter().any(|name| flags.has(name));
        let private = if flags.has("MAP_PRIVATE") { MapWritable::Private } else { MapWritable::Shared };
        writable.then_some(private)
    }

    /// The file that it is on.
    #[must_use]
    pub fn file(&self) -> Option<FileId> {
        match self {
            Self::Open { file, .. }
            | Self::SetDirect { file, .. }
            | Self::Write { file, .. }
            | Self::Resize { file, .. }
            | Self::Size { file }
            | Self::Alignment { file, .. }
            | Self::MapHint { file, .. }
            | Self::Read { file, .. }
            | Self::FileAdvise { file, .. }
            | Self::Map { file, .. }
            | Self::Close { file } => Some(*file),
            Self::Native { file, .. } => *file,
            _ => None,
        }
    }

    pub(crate) fn file_mut(&mut self) -> Option<&mut FileId> {
        match self {
            Self::Open { file, .. }
            | Self::SetDirect { file, .. }
            | Self::Write { file, .. }
            | Self::Resize { file, .. }
            | Self::Size { file }
            | Self::Alignment { file, .. }
            | Self::MapHint { file, .. }
            | Self::Read { file, .. }
            | Self::FileAdvise { file, .. }
            | Self::Map { file, .. }
            | Self::Close { file } => Some(file),
            Self::Native { file, .. } => file.as_mut(),
            _ => None,
        }
    }

    pub(crate) fn region_mut(&mut self) -> Option<&mut RegionId> {
        match self {
            Self::Map { region, .. }
            | Self::Alloc { region, .. }
            | Self::MapAdvise { region, .. }
            | Self::Lock { region, .. }
            | Self::Unlock { region, .. }
            | Self::Remap { region, .. }
            | Self::Unmap { region, .. } => Some(region),
            Self::Native { region, .. } => region.as_mut(),
            _ => None,
        }
    }

    /// The region that it makes or is on.
    #[must_use]
    pub fn region(&self) -> Option<RegionId> {
        match self {
            Self::Map { region, .. }
            | Self::Alloc { region, .. }
            | Self::MapAdvise { region, .. }
            | Self::Lock { region, .. }
            | Self::Unlock { region, .. }
            | Self::Remap { region, .. }
            | Self::Unmap { region, .. } => Some(*region),
            Self::Native { region, .. } => *region,
            _ => None,
        }
    }
}

/// A mapping that may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapWritable {
    /// What is written is a copy of the process's own.
    Private,
    /// What is written reaches the file.
    Shared,
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It worked; the number is the call's result where it has one (bytes read, size), else 0.
    Ok(u64),
    /// It was refused.
    Err(Errno),
}

/// One operation of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Op {
    /// Position in the trace, from 0, without gaps.
    pub seq: u64,
    /// The part of the load it belongs to.
    pub phase: Phase,
    /// The calling process.
    pub pid: ProcessId,
    /// The calling thread: ordinal of its first operation, from 0.
    pub thread: u32,
    /// The call.
    pub call: Call,
    /// Its result.
    pub outcome: Outcome,
    /// When it began, in nanoseconds of a monotonic clock since the trace began.
    pub start_ns: u64,
    /// How long it took, in nanoseconds.
    pub dur_ns: u64,
    /// Whether the result was made by the fault injector and not by the platform.
    pub injected: bool,
}
