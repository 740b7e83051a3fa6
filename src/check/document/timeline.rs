//! What a load did in time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What `trace --view --format json` prints: one recording in time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TimelineDocument {
    /// `loadparity.timeline/1`.
    pub schema: String,
    /// What was recorded.
    pub source: TraceSource,
    /// What it did.
    pub timeline: Timeline,
}

impl TimelineDocument {
    /// The schema of the document.
    pub const SCHEMA: &'static str = "loadparity.timeline/1";
}

/// What a recording is of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TraceSource {
    /// The command line, program first; empty where the recording does not say.
    pub command: Vec<String>,
    /// The operating system.
    pub os: String,
    /// The processor architecture.
    pub arch: String,
    /// How the command ended, in words, where the recording says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// What moved bytes, descriptors or locks unseen, one word each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unseen: Vec<String>,
}

/// The calls of one load in time. Times are nanoseconds since the first call; offsets and lengths are bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Timeline {
    /// Whether times were recorded. If not, a call takes one unit and begins where the one before it ends.
    pub timed: bool,
    /// The end of the last call.
    pub length_ns: u64,
    /// Calls that all marks together stand for.
    pub calls: u64,
    /// The files, in the order of their first open.
    pub files: Vec<TimelineFile>,
    /// The threads, in the order of their first call.
    pub lanes: Vec<Lane>,
    /// The phases, as often as they change.
    pub phases: Vec<PhaseSpan>,
    /// What was done, in the order of its start.
    pub marks: Vec<Mark>,
    /// The page cache of files, as it was seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cached: Vec<Cached>,
    /// Pages of mappings that were faulted in, as they were seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faulted: Vec<Faulted>,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TimelineFile {
    /// The path that it was first opened by; empty where its open is not in the recording.
    pub path: String,
    /// Its size; where nobody asked, the end of what was done with it.
    pub size_bytes: u64,
}

/// A thread of a process, both counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "the line above says it")]
pub struct Lane {
    pub process: u32,
    pub thread: u32,
}

/// A time that belongs to one phase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PhaseSpan {
    /// `header`, `probe`, `load`, `run` or `teardown`.
    pub phase: String,
    /// Its first call.
    pub start_ns: u64,
    /// The first call of the next phase.
    pub end_ns: u64,
}

/// The kind of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MarkKind {
    /// A file is opened.
    Open,
    /// Bytes are read through the page cache.
    Read,
    /// Bytes are read past it.
    DirectRead,
    /// A file is written, cut or extended.
    Write,
    /// A file is mapped.
    Map,
    /// Memory is locked.
    Lock,
    /// The kernel is advised.
    Advice,
    /// Memory is allocated.
    Alloc,
    /// A file, a mapping or a lock is released.
    Release,
    /// The user is told something.
    Notice,
    /// A process forks, becomes another program, or ends.
    Process,
    /// Something is asked for or changed that moves no bytes.
    Other,
}

impl MarkKind {
    /// Every kind.
    pub const ALL: [Self; 12] = [
        Self::Open,
        Self::Read,
        Self::DirectRead,
        Self::Write,
        Self::Map,
        Self::Lock,
        Self::Advice,
        Self::Alloc,
        Self::Release,
        Self::Notice,
        Self::Process,
        Self::Other,
    ];

    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Read => "read",
            Self::DirectRead => "direct read",
            Self::Write => "write",
            Self::Map => "map",
            Self::Lock => "lock",
            Self::Advice => "advice",
            Self::Alloc => "alloc",
            Self::Release => "release",
            Self::Notice => "notice",
            Self::Process => "process",
            Self::Other => "other",
        }
    }
}

/// A call, or several of one kind that follow each other closely.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Mark {
    /// The kind.
    pub kind: MarkKind,
    /// Which lane.
    pub lane: u32,
    /// Which file, where it is on one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<u32>,
    /// The first byte of the file that it is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset_bytes: Option<u64>,
    /// How many bytes: those that arrived of a read, those that were asked for of anything else.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub length_bytes: u64,
    /// When it began.
    pub start_ns: u64,
    /// When it ended.
    pub end_ns: u64,
    /// When what it made (a mapping, a lock) was released; absent where that was not seen or there is nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_until_ns: Option<u64>,
    /// How many calls it stands for.
    pub calls: u64,
    /// The error it was refused with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// Whether the result was injected.
    #[serde(default, skip_serializing_if = "is_false")]
    pub injected: bool,
    /// What else is to be said of it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
}

fn is_zero(value: &u64) -> bool {
    *value == 0
}

fn is_false(value: &bool) -> bool {
    !value
}

/// The page cache of a file at one time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cached {
    /// Which file; absent where it was seen of all files of the model together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<u32>,
    /// When.
    pub at_ns: u64,
    /// Its pages.
    pub pages: u64,
    /// Those in memory.
    pub resident_pages: u64,
}

/// Pages of a mapping that its process had touched, as they were seen before it was released.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Faulted {
    /// Which file.
    pub file: u32,
    /// When it was looked.
    pub at_ns: u64,
    /// Bytes of the file, each from its first to behind its last.
    pub ranges_bytes: Vec<[u64; 2]>,
}
