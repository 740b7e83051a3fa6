//! Operations to JSON lines, fields in a fixed order.

use std::io::{self, Write};

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{FIRST_STRING_INTEGER, Header, SCHEMA_ID};
use crate::trace::{Call, Difference, End, Errno, NativeFlags, Observation, Op, Outcome, Seen, Status, Word};

/// An integer: a JSON number while every reader keeps it exactly, else a decimal string.
struct Int(u64);

impl Serialize for Int {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 < FIRST_STRING_INTEGER {
            serializer.serialize_u64(self.0)
        } else {
            serializer.collect_str(&self.0)
        }
    }
}

/// An address: a hexadecimal string.
struct Addr(u64);

impl Serialize for Addr {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:#x}", self.0))
    }
}

struct HeaderLine<'a>(&'a Header);

impl Serialize for HeaderLine<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Creator<'a>(&'a Header);
        impl Serialize for Creator<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut map = serializer.serialize_map(Some(2))?;
                map.serialize_entry("name", &self.0.creator)?;
                map.serialize_entry("version", &self.0.creator_version)?;
                map.end()
            }
        }
        let header = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("schema", SCHEMA_ID)?;
        map.serialize_entry("os", &header.os)?;
        map.serialize_entry("arch", &header.arch)?;
        map.serialize_entry("page_size", &Int(header.page_size))?;
        map.serialize_entry("command", &header.command)?;
        map.serialize_entry("seed", &header.seed.map(Int))?;
        map.serialize_entry("model", &header.model)?;
        map.serialize_entry("created_by", &Creator(header))?;
        map.end()
    }
}

struct ErrnoObject<'a>(&'a Errno);

impl Serialize for ErrnoObject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("name", &self.0.name)?;
        map.serialize_entry("code", &self.0.code)?;
        map.serialize_entry("kind", self.0.kind.word())?;
        map.end()
    }
}

struct IdentityObject<'a>(&'a crate::trace::FileIdentity);

impl Serialize for IdentityObject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("device", &Int(self.0.device))?;
        map.serialize_entry("inode", &Int(self.0.inode))?;
        map.serialize_entry("size", &Int(self.0.size))?;
        map.end()
    }
}

struct ObservationLine<'a>(&'a Observation);

impl Serialize for ObservationLine<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Observation { after, pid, seen } = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("observation", seen.word())?;
        map.serialize_entry("after", &Int(*after))?;
        map.serialize_entry("pid", pid)?;
        match seen {
            Seen::Pages { pages, resident, locked } => {
                map.serialize_entry("pages", &Int(*pages))?;
                map.serialize_entry("resident", &Int(*resident))?;
                map.serialize_entry("locked", &locked.map(Int))?;
            }
            Seen::Cache { path, pages, resident } => {
                map.serialize_entry("path", path)?;
                map.serialize_entry("pages", &Int(*pages))?;
                map.serialize_entry("resident", &Int(*resident))?;
            }
            Seen::Content { path, offset, len, addr, first_difference } => {
                map.serialize_entry("path", path)?;
                range(&mut map, *offset, *len)?;
                map.serialize_entry("addr", &Addr(*addr))?;
                difference(&mut map, first_difference.as_ref())?;
            }
            Seen::Copy { path, offset, len, addr, alone, locked, first_difference } => {
                map.serialize_entry("path", path)?;
                range(&mut map, *offset, *len)?;
                map.serialize_entry("addr", &Addr(*addr))?;
                map.serialize_entry("alone", alone)?;
                map.serialize_entry("locked", locked)?;
                difference(&mut map, first_difference.as_ref())?;
            }
            Seen::Gone { path, offset, len } => {
                map.serialize_entry("path", path)?;
                range(&mut map, *offset, *len)?;
            }
            Seen::UsedUnlocked { addr, len, used, .. } | Seen::UsedElsewhere { addr, len, used } => {
                map.serialize_entry("addr", &Addr(*addr))?;
                map.serialize_entry("len", &Int(*len))?;
                map.serialize_entry("used", &Int(*used))?;
                if let Seen::UsedUnlocked { own: true, .. } = seen {
                    map.serialize_entry("own", &true)?;
                }
            }
            Seen::Inherited { addr, len } => {
                map.serialize_entry("addr", &Addr(*addr))?;
                map.serialize_entry("len", &Int(*len))?;
            }
            Seen::LastOutput => {}
            Seen::Kernel(memory) => {
                map.serialize_entry("anonymous", &Int(memory.anonymous))?;
                map.serialize_entry("file", &Int(memory.file))?;
                map.serialize_entry("peak", &Int(memory.peak))?;
                map.serialize_entry("locked", &Int(memory.locked))?;
                map.serialize_entry("lock_limit", &memory.lock_limit.map(Int))?;
                map.serialize_entry("weights", &Int(memory.weights))?;
                map.serialize_entry("weights_resident", &Int(memory.weights_resident))?;
                map.serialize_entry("weights_locked", &Int(memory.weights_locked))?;
            }
            Seen::Touched { path, offset, len, touched } => {
                map.serialize_entry("path", path)?;
                range(&mut map, *offset, *len)?;
                let pairs: Vec<[Int; 2]> = touched.iter().map(|r| [Int(r.start), Int(r.end)]).collect();
                map.serialize_entry("touched", &pairs)?;
            }
        }
        map.end()
    }
}

/// The first byte that differs, if any does.
fn difference<M: SerializeMap>(map: &mut M, first: Option<&Difference>) -> Result<(), M::Error> {
    map.serialize_entry("first_difference", &first.map(|d| Int(d.offset)))?;
    if let Some(Difference { file, memory, .. }) = first {
        map.serialize_entry("file_byte", file)?;
        map.serialize_entry("memory_byte", memory)?;
    }
    Ok(())
}

struct EndLine<'a>(&'a End);

impl Serialize for EndLine<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let (word, number) = match self.0.status {
            Status::Code(code) => ("code", Some(code)),
            Status::Signal(signal) => ("signal", Some(signal)),
            Status::TimeLimit => ("time-limit", None),
            Status::Stopped(signal) => ("stopped", Some(signal)),
            Status::Unknown => ("unknown", None),
        };
        map.serialize_entry("end", word)?;
        map.serialize_entry("number", &number)?;
        map.serialize_entry("unseen", &self.0.unseen)?;
        map.end()
    }
}

struct OpLine<'a>(&'a Op);

impl Serialize for OpLine<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let op = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("seq", &Int(op.seq))?;
        map.serialize_entry("phase", op.phase.word())?;
        map.serialize_entry("pid", &op.pid)?;
        map.serialize_entry("thread", &op.thread)?;
        map.serialize_entry("op", op.call.word())?;
        arguments(&mut map, &op.call)?;
        match &op.outcome {
            Outcome::Ok(result) => {
                map.serialize_entry("result", &Int(*result))?;
                map.serialize_entry("errno", &())?;
            }
            Outcome::Err(errno) => {
                map.serialize_entry("result", &())?;
                map.serialize_entry("errno", &ErrnoObject(errno))?;
            }
        }
        map.serialize_entry("start_ns", &Int(op.start_ns))?;
        map.serialize_entry("dur_ns", &Int(op.dur_ns))?;
        map.serialize_entry("injected", &op.injected)?;
        map.end()
    }
}

fn arguments<M: SerializeMap>(map: &mut M, call: &Call) -> Result<(), M::Error> {
    match call {
        Call::Open { file, path, direct, identity, flags } => {
            map.serialize_entry("file", &file.0)?;
            map.serialize_entry("path", path)?;
            map.serialize_entry("direct", direct)?;
            map.serialize_entry("identity", &identity.as_ref().map(IdentityObject))?;
            native_flags(map, flags)
        }
        Call::SetDirect { file, direct } => {
            map.serialize_entry("file", &file.0)?;
            map.serialize_entry("direct", direct)
        }
        Call::Write { file, offset, len } => {
            map.serialize_entry("file", &file.0)?;
            range(map, *offset, *len)
        }
        Call::Resize { file, len } => {
            map.serialize_entry("file", &file.0)?;
            map.serialize_entry("len", &Int(*len))
        }
        Call::Remap { region, len, addr } => {
            map.serialize_entry("region", &region.0)?;
            map.serialize_entry("len", &Int(*len))?;
            map.serialize_entry("addr", &Addr(*addr))
        }
        Call::Fork { child } => map.serialize_entry("child", child),
        Call::Exec => Ok(()),
        Call::Exit { code } => map.serialize_entry("code", code),
        Call::Size { file } | Call::Close { file } => map.serialize_entry("file", &file.0),
        Call::Alignment { file, memory, offset, enforced } => {
            map.serialize_entry("file", &file.0)?;
            map.serialize_entry("memory", &Int(*memory))?;
            map.serialize_entry("offset", &Int(*offset))?;
            map.serialize_entry("enforced", enforced)
        }
        Call::MapHint { file, good, reason } => {
            map.serialize_entry("file", &file.0)?;
            map.serialize_entry("good", good)?;
            map.serialize_entry("reason", reason)
        }
        Call::Read { file, offset, len, direct, addr } => {
            map.serialize_entry("file", &file.0)?;
            range(map, *offset, *len)?;
            map.serialize_entry("direct", direct)?;
            map.serialize_entry("addr", &Addr(*addr))
        }
        Call::FileAdvise { file, offset, len, advice } => {
            map.serialize_entry("file", &file.0)?;
            range(map, *offset, *len)?;
            map.serialize_entry("advice", advice.word())
        }
        Call::Map { file, region, offset, len, populate, addr, flags } => {
            map.serialize_entry("file", &file.0)?;
            map.serialize_entry("region", &region.0)?;
            range(map, *offset, *len)?;
            map.serialize_entry("populate", populate)?;
            map.serialize_entry("addr", &Addr(*addr))?;
            native_flags(map, flags)
        }
        Call::Alloc { region, len, align, addr } => {
            map.serialize_entry("region", &region.0)?;
            map.serialize_entry("len", &Int(*len))?;
            map.serialize_entry("align", &Int(*align))?;
            map.serialize_entry("addr", &Addr(*addr))
        }
        Call::MapAdvise { region, offset, len, advice } => {
            map.serialize_entry("region", &region.0)?;
            range(map, *offset, *len)?;
            map.serialize_entry("advice", advice.word())
        }
        Call::Lock { region, offset, len }
        | Call::Unlock { region, offset, len }
        | Call::Unmap { region, offset, len } => {
            map.serialize_entry("region", &region.0)?;
            range(map, *offset, *len)
        }
        Call::Notice(notice) => {
            map.serialize_entry("level", notice.level.word())?;
            map.serialize_entry("code", notice.code.word())?;
            map.serialize_entry("text", &notice.text)
        }
        Call::Native { name, file, region, offset, len, flags } => {
            map.serialize_entry("name", name)?;
            map.serialize_entry("file", &file.map(|id| id.0))?;
            map.serialize_entry("region", &region.map(|id| id.0))?;
            range(map, *offset, *len)?;
            native_flags(map, flags)
        }
    }
}

fn range<M: SerializeMap>(map: &mut M, offset: u64, len: u64) -> Result<(), M::Error> {
    map.serialize_entry("offset", &Int(offset))?;
    map.serialize_entry("len", &Int(len))
}

fn native_flags<M: SerializeMap>(map: &mut M, flags: &NativeFlags) -> Result<(), M::Error> {
    let mut names: Vec<&str> = flags.names.iter().map(AsRef::as_ref).collect();
    names.sort_unstable();
    names.dedup();
    map.serialize_entry("flags", &names)?;
    map.serialize_entry("flags_raw", &Int(flags.raw))
}

/// Writes the header line.
pub(super) fn header(header: &Header, out: &mut dyn Write) -> io::Result<()> {
    line(&HeaderLine(header), out)
}

/// Writes the line of one operation.
pub(super) fn op(op: &Op, out: &mut dyn Write) -> io::Result<()> {
    line(&OpLine(op), out)
}

/// Writes the line of one observation.
pub(super) fn observation(observation: &Observation, out: &mut dyn Write) -> io::Result<()> {
    line(&ObservationLine(observation), out)
}

/// Writes the closing line.
pub(super) fn end(end: &End, out: &mut dyn Write) -> io::Result<()> {
    line(&EndLine(end), out)
}

fn line(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}
