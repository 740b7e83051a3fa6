//! What a loader did: typed operations, their file format, the canonical code path, and the
//! comparison of two paths.
//!
//! A leaf: pure, no I/O, no `cfg`. Data enters as [`Op`]s (from the recorder on the platform
//! seam, from a trace file, later from a tracer) and leaves as JSON lines ([`TraceFile`]), as a
//! canonical path with its fingerprint ([`CodePath`]), as classified differences ([`Diff`]) or as
//! the facts of one load ([`Summary`]).
//! Anyone may call it; it calls nobody.

mod errno;
mod jsonl;
mod op;
mod words;

pub use errno::{Errno, ErrorKind};
pub use jsonl::{Header, ReadError, SCHEMA_ID, TraceFile, schema_text};
pub use op::{
    Advice, Call, FileId, NativeFlags, Notice, NoticeCode, NoticeLevel, Op, Outcome, Phase, RegionId,
};
pub use words::Word;
