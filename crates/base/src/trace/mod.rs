//! What a loader did: typed operations, their file format, the canonical code path, and the
//! comparison of two paths.
//!
//! A leaf: pure, no I/O, no `cfg`. Data enters as [`Op`]s (from the recorder on the platform
//! seam, from a trace file, later from a tracer) and leaves as JSON lines ([`TraceFile`]), as a
//! canonical path with its fingerprint ([`CodePath`]) or as classified differences ([`Diff`]). Paths of
//! different platforms are compared by what was done and not by how ([`SemanticPath`]).
//! Anyone may call it; it calls nobody.

mod align;
mod canon;
mod classify;
mod diff;
mod errno;
#[doc(hidden)]
pub mod errors;
mod fingerprint;
mod jsonl;
#[doc(hidden)]
pub mod linux;
mod observation;
mod op;
mod path;
mod phase;
mod render;
mod rules;
mod semantic;
mod span;
mod step;
mod unseen;
mod words;

pub use diff::{Diff, DiffClass, Entry};
pub use errno::{Errno, ErrorKind};
pub use errors::OsFamily;
pub use fingerprint::Fingerprint;
pub use jsonl::{FIRST_SCHEMA_ID, Header, ReadError, SCHEMA_ID, TraceFile, schema_text};
pub use observation::{Difference, End, KernelMemory, Observation, Seen, Status};
pub use op::{
    Advice, Call, FileId, FileIdentity, MapWritable, NativeFlags, Notice, NoticeCode, NoticeLevel, Op,
    Outcome, Phase, ProcessId, RegionId,
};
pub use path::CodePath;
pub use phase::tell_phases;
pub use rules::Rule;
pub use semantic::{Cover, SemanticAction, SemanticKind, SemanticPath, SemanticStep};
pub use span::Span;
pub use step::{Action, Region, RegionKind, Role, Step};
pub use unseen::BlindSpot;
pub use words::Word;
