//! The trace file: JSON lines, schema [`SCHEMA_ID`].
//!
//! The first line is the [`Header`], then one operation a line: `seq, phase, pid, thread, op`, the
//! call's arguments by name, `result`, `errno`, `start_ns`, `dur_ns`, `injected`; between them what was
//! observed of memory ([`Observation`]), and last, where it is known, how the command ended ([`End`]).
//! The first schema, without processes, starts, identities, observations and end, is still read. Integers are JSON numbers
//! below 2^53 (the largest range that every JSON reader keeps exactly) and decimal strings from
//! there on; addresses are strings such as `"0x7f0000001000"`. No line carries a clock time: the
//! same load gives the same file but for addresses, starts and durations.
//!
//! The committed JSON Schema ([`schema_text`]) describes one line. Writing, reading and writing
//! again gives the same bytes.

mod read;
mod write;

use std::io::{BufRead, Write};

pub use read::ReadError;

use super::{End, Observation, Op};

/// The identifier in the first line of every trace file.
pub const SCHEMA_ID: &str = "loadparity.trace/2";

/// The identifier of the first schema.
pub const FIRST_SCHEMA_ID: &str = "loadparity.trace/1";

/// The first integer that is written as a decimal string: 2^53.
const FIRST_STRING_INTEGER: u64 = 1 << 53;

/// The JSON Schema (2020-12) of one line of a trace file.
pub fn schema_text() -> &'static str {
    include_str!("trace-2.json")
}

/// Who made a trace, of what and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The operating system as the platform names itself: `linux`, `sim` …
    pub os: String,
    /// The processor architecture, such as `x86_64`.
    pub arch: String,
    /// Bytes in a page.
    pub page_size: u64,
    /// The command line, program first.
    pub command: Vec<String>,
    /// The seed of the run, where there was one.
    pub seed: Option<u64>,
    /// The model file, where it is known.
    pub model: Option<String>,
    /// The name of the program that wrote the trace.
    pub creator: String,
    /// That program's version.
    pub creator_version: String,
}

/// A trace with its header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceFile {
    /// Who made it, of what and where.
    pub header: Header,
    /// The operations in order of their `seq`, which counts from 0 without gaps.
    pub ops: Vec<Op>,
    /// What was observed of memory, in order.
    pub observations: Vec<Observation>,
    /// How the command ended and what of it could not be seen; `None` where the trace does not say.
    pub end: Option<End>,
}

impl TraceFile {
    /// Writes the header line and one line an operation.
    ///
    /// Names of native flags are written sorted and once each, however they are held.
    pub fn write(&self, out: &mut dyn Write) -> std::io::Result<()> {
        write::header(&self.header, out)?;
        let mut observations = self.observations.iter().peekable();
        for op in &self.ops {
            while let Some(seen) = observations.next_if(|seen| seen.after <= op.seq) {
                write::observation(seen, out)?;
            }
            write::op(op, out)?;
        }
        observations.try_for_each(|seen| write::observation(seen, out))?;
        self.end.iter().try_for_each(|end| write::end(end, out))
    }

    /// Reads a whole trace file; strict: an unknown operation, an unknown or missing field, a gap
    /// in `seq` and a value outside its range are errors that name the line.
    pub fn read(input: impl BufRead) -> Result<Self, ReadError> {
        read::trace(input)
    }
}
