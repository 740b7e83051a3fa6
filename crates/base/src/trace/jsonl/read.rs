//! JSON lines to operations, with errors that name the line and the field.

use std::borrow::Cow;
use std::io::{self, BufRead};

use serde_json::{Map, Value};

use super::{FIRST_SCHEMA_ID, FIRST_STRING_INTEGER, Header, SCHEMA_ID, TraceFile};
use crate::trace::{
    Call, Difference, End, Errno, FileId, FileIdentity, KernelMemory, NativeFlags, Notice, Observation, Op,
    Outcome, RegionId, Seen, Status, Word,
};

/// Why a trace file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The input failed.
    #[error("line {line}: cannot be read: {source}")]
    Io {
        /// The line, from 1.
        line: u64,
        /// The failure.
        source: io::Error,
    },
    /// There is not even a header.
    #[error("the trace is empty; its first line must be a header with \"schema\": \"{SCHEMA_ID}\"")]
    Empty,
    /// A line is not a JSON object.
    #[error("line {line}: not a JSON object ({problem}); the file may be cut off or no trace")]
    Json {
        /// The line, from 1.
        line: u64,
        /// What the parser says.
        problem: String,
    },
    /// A field is missing or has the wrong value.
    #[error("line {line}: field \"{field}\": expected {expected}, found {found}")]
    Field {
        /// The line, from 1.
        line: u64,
        /// The field, dots before the inner ones.
        field: String,
        /// What should stand there.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// A field that this operation does not have.
    #[error("line {line}: {what} has no field \"{field}\"; the trace may come from a newer version")]
    Unexpected {
        /// The line, from 1.
        line: u64,
        /// The kind of line.
        what: String,
        /// The field.
        field: String,
    },
}

type Result<T> = std::result::Result<T, ReadError>;

/// The fields of one JSON object that are not used yet; every reader takes its own out.
struct Fields {
    line: u64,
    /// Whether the trace is of the first schema, which knows no processes, starts and identities.
    first_schema: bool,
    prefix: &'static str,
    map: Map<String, Value>,
}

impl Fields {
    fn wrong(&self, field: &str, expected: impl Into<String>, found: Option<&Value>) -> ReadError {
        const SHOWN: usize = 80;
        let mut text = found.map_or_else(|| "nothing".to_string(), Value::to_string);
        if let Some((end, _)) = text.char_indices().nth(SHOWN) {
            text.truncate(end);
            text.push('…');
        }
        let field = format!("{}{field}", self.prefix);
        ReadError::Field { line: self.line, field, expected: expected.into(), found: text }
    }

    /// Takes a field out and converts it; `None` from `convert` means a wrong value.
    fn take<T>(
        &mut self,
        field: &str,
        expected: &str,
        convert: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<T> {
        let value = self.map.remove(field);
        value.as_ref().and_then(convert).ok_or_else(|| self.wrong(field, expected, value.as_ref()))
    }

    fn int(&mut self, field: &str) -> Result<u64> {
        self.take(field, "an integer from 0 (a decimal string from 2^53 on)", integer)
    }

    fn ordinal(&mut self, field: &str) -> Result<u32> {
        self.take(field, "an integer from 0 to 4294967295", |v| v.as_u64()?.try_into().ok())
    }

    fn addr(&mut self, field: &str) -> Result<u64> {
        self.take(field, "an address such as \"0x7f0000001000\"", |value| {
            let text = value.as_str()?;
            let addr = u64::from_str_radix(text.strip_prefix("0x")?, 16).ok()?;
            (format!("{addr:#x}") == text).then_some(addr)
        })
    }

    fn bool(&mut self, field: &str) -> Result<bool> {
        self.take(field, "true or false", Value::as_bool)
    }

    fn string(&mut self, field: &str) -> Result<String> {
        self.take(field, "a string", |v| v.as_str().map(str::to_string))
    }

    fn strings(&mut self, field: &str) -> Result<Vec<String>> {
        self.take(field, "a list of strings", |value| {
            value.as_array()?.iter().map(|v| v.as_str().map(str::to_string)).collect()
        })
    }

    fn word<T: Word>(&mut self, field: &str) -> Result<T> {
        let expected = format!("one of {}", T::all_words());
        self.take(field, &expected, |v| T::from_word(v.as_str()?))
    }

    fn object(&mut self, field: &str, prefix: &'static str, expected: &str) -> Result<Fields> {
        let (line, first_schema) = (self.line, self.first_schema);
        self.take(field, expected, |v| {
            Some(Fields { line, first_schema, prefix, map: v.as_object()?.clone() })
        })
    }

    fn file(&mut self) -> Result<FileId> {
        self.ordinal("file").map(FileId)
    }

    fn region(&mut self) -> Result<RegionId> {
        self.ordinal("region").map(RegionId)
    }

    /// An ordinal, or nothing.
    fn maybe(&mut self, field: &str) -> Result<Option<u32>> {
        self.take(field, "an integer from 0 to 4294967295, or null", |v| match v {
            Value::Null => Some(None),
            v => v.as_u64()?.try_into().ok().map(Some),
        })
    }

    fn maybe_int(&mut self, field: &str) -> Result<Option<u64>> {
        self.take(field, "an integer from 0, or null", |v| match v {
            Value::Null => Some(None),
            v => integer(v).map(Some),
        })
    }

    fn identity(&mut self) -> Result<Option<FileIdentity>> {
        if self.map.get("identity").is_some_and(Value::is_null) {
            self.map.remove("identity");
            return Ok(None);
        }
        let mut own =
            self.object("identity", "identity.", "null, or an object with device, inode and size")?;
        let identity =
            FileIdentity { device: own.int("device")?, inode: own.int("inode")?, size: own.int("size")? };
        own.finish("an identity")?;
        Ok(Some(identity))
    }

    fn native_flags(&mut self) -> Result<NativeFlags> {
        let names = self.strings("flags")?.into_iter().map(Cow::Owned).collect();
        Ok(NativeFlags { names, raw: self.int("flags_raw")? })
    }

    /// Refuses fields that nobody took.
    fn finish(self, what: &str) -> Result<()> {
        match self.map.keys().next() {
            None => Ok(()),
            Some(field) => Err(ReadError::Unexpected {
                line: self.line,
                what: what.to_string(),
                field: format!("{}{field}", self.prefix),
            }),
        }
    }
}

/// An integer in its one form: a number below 2^53, a decimal string from there on.
fn integer(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64().filter(|n| *n < FIRST_STRING_INTEGER),
        Value::String(text) => {
            let number: u64 = text.parse().ok()?;
            (number >= FIRST_STRING_INTEGER && number.to_string() == *text).then_some(number)
        }
        _ => None,
    }
}

/// Reads a whole trace.
pub(super) fn trace(mut input: impl BufRead) -> Result<TraceFile> {
    let (header, first_schema) = match next_line(&mut input, 1, false)? {
        Some(fields) => header(fields)?,
        None => return Err(ReadError::Empty),
    };
    let (mut ops, mut observations, mut end) = (Vec::new(), Vec::new(), None);
    let mut line = 2;
    while let Some(fields) = next_line(&mut input, line, first_schema)? {
        if end.is_some() {
            return Err(fields.wrong("end", "nothing behind the closing line", fields.map.values().next()));
        }
        if fields.map.contains_key("end") && !first_schema {
            end = Some(closing(fields)?);
        } else if fields.map.contains_key("observation") && !first_schema {
            observations.push(observation(fields, ops.len() as u64)?);
        } else {
            let position = ops.len() as u64;
            ops.push(op(fields, position)?);
        }
        line += 1;
    }
    Ok(TraceFile { header, ops, observations, end })
}

fn observation(mut fields: Fields, so_far: u64) -> Result<Observation> {
    let word = fields.string("observation")?;
    let expected = format!("{so_far}, the number of operations before it");
    let after = fields.take("after", &expected, |v| integer(v).filter(|n| *n == so_far))?;
    let pid = fields.ordinal("pid")?;
    let seen = match word.as_str() {
        "pages" => {
            let (pages, resident) = (fields.int("pages")?, fields.int("resident")?);
            Seen::Pages { pages, resident, locked: fields.maybe_int("locked")? }
        }
        "cache" => {
            let path = fields.string("path")?;
            Seen::Cache { path, pages: fields.int("pages")?, resident: fields.int("resident")? }
        }
        "content" => {
            let path = fields.string("path")?;
            let (offset, len) = (fields.int("offset")?, fields.int("len")?);
            let addr = fields.addr("addr")?;
            let first_difference = difference(&mut fields)?;
            Seen::Content { path, offset, len, addr, first_difference }
        }
        "copy" => {
            let path = fields.string("path")?;
            let (offset, len) = (fields.int("offset")?, fields.int("len")?);
            let (addr, alone, locked) = (fields.addr("addr")?, fields.bool("alone")?, fields.bool("locked")?);
            let first_difference = difference(&mut fields)?;
            Seen::Copy { path, offset, len, addr, alone, locked, first_difference }
        }
        "gone" => {
            let path = fields.string("path")?;
            Seen::Gone { path, offset: fields.int("offset")?, len: fields.int("len")? }
        }
        "touched" => {
            let path = fields.string("path")?;
            let (offset, len) = (fields.int("offset")?, fields.int("len")?);
            let expected = "an array of pairs of integers, each the first byte and the one past the last";
            let touched = fields.take("touched", expected, |v| {
                v.as_array()?
                    .iter()
                    .map(|pair| {
                        let [start, end] = &pair.as_array()?[..] else { return None };
                        let range = integer(start)?..integer(end)?;
                        (range.start <= range.end).then_some(range)
                    })
                    .collect::<Option<Vec<_>>>()
            })?;
            Seen::Touched { path, offset, len, touched }
        }
        "used-unlocked" => {
            let addr = fields.addr("addr")?;
            let (len, used) = (fields.int("len")?, fields.int("used")?);
            let own = fields.map.contains_key("own") && fields.bool("own")?;
            Seen::UsedUnlocked { addr, len, used, own }
        }
        "used-elsewhere" => {
            let addr = fields.addr("addr")?;
            Seen::UsedElsewhere { addr, len: fields.int("len")?, used: fields.int("used")? }
        }
        "inherited" => Seen::Inherited { addr: fields.addr("addr")?, len: fields.int("len")? },
        "last-output" => Seen::LastOutput,
        "kernel" => Seen::Kernel(KernelMemory {
            anonymous: fields.int("anonymous")?,
            file: fields.int("file")?,
            peak: fields.int("peak")?,
            locked: fields.int("locked")?,
            lock_limit: fields.maybe_int("lock_limit")?,
            weights: fields.int("weights")?,
            weights_resident: fields.int("weights_resident")?,
            weights_locked: fields.int("weights_locked")?,
        }),
        other => {
            let expected = "one of pages, cache, content, copy, gone, touched, used-unlocked, used-elsewhere, inherited, last-output, kernel";
            return Err(fields.wrong("observation", expected, Some(&Value::from(other))));
        }
    };
    fields.finish(&format!("the observation \"{word}\""))?;
    Ok(Observation { after, pid, seen })
}

/// The first byte that differs, if any does.
fn difference(fields: &mut Fields) -> Result<Option<Difference>> {
    let Some(offset) = fields.maybe_int("first_difference")? else { return Ok(None) };
    let mut byte = |name| {
        let number = |v: &Value| integer(v).and_then(|n| u8::try_from(n).ok());
        fields.take(name, "a byte, 0 to 255", number)
    };
    Ok(Some(Difference { offset, file: byte("file_byte")?, memory: byte("memory_byte")? }))
}

fn closing(mut fields: Fields) -> Result<End> {
    let word = fields.string("end")?;
    let number = fields.take("number", "a 32-bit integer or null", |v| match v {
        Value::Null => Some(None),
        v => v.as_i64()?.try_into().ok().map(Some),
    })?;
    let status = match (word.as_str(), number) {
        ("code", Some(code)) => Status::Code(code),
        ("signal", Some(signal)) => Status::Signal(signal),
        ("stopped", Some(signal)) => Status::Stopped(signal),
        ("time-limit", None) => Status::TimeLimit,
        ("unknown", None) => Status::Unknown,
        _ => {
            let expected = "code, signal or stopped with a number, time-limit or unknown without one";
            return Err(fields.wrong("end", expected, Some(&Value::from(word))));
        }
    };
    let unseen = fields.strings("unseen")?;
    fields.finish("the closing line")?;
    Ok(End { status, unseen })
}

fn next_line(input: &mut impl BufRead, line: u64, first_schema: bool) -> Result<Option<Fields>> {
    let mut bytes = Vec::new();
    input.read_until(b'\n', &mut bytes).map_err(|source| ReadError::Io { line, source })?;
    if bytes.is_empty() {
        return Ok(None);
    }
    let map = serde_json::from_slice(&bytes).map_err(|error| {
        // The parser sees one line and would call it line 1.
        let told = error.to_string();
        let what = told.rsplit_once(" at line ").map_or(told.as_str(), |(what, _)| what);
        ReadError::Json { line, problem: format!("{what}, column {}", error.column()) }
    })?;
    Ok(Some(Fields { line, first_schema, prefix: "", map }))
}

/// The header, and whether it is of the first schema.
fn header(mut fields: Fields) -> Result<(Header, bool)> {
    let known = format!("\"{SCHEMA_ID}\" or \"{FIRST_SCHEMA_ID}\"");
    let first_schema = fields.take("schema", &known, |v| match v.as_str()? {
        SCHEMA_ID => Some(false),
        FIRST_SCHEMA_ID => Some(true),
        _ => None,
    })?;
    let os = fields.string("os")?;
    let arch = fields.string("arch")?;
    let page_size = fields.int("page_size")?;
    let command = fields.strings("command")?;
    let seed = fields.take("seed", "an integer from 0, or null", |v| match v {
        Value::Null => Some(None),
        v => integer(v).map(Some),
    })?;
    let model = fields.take("model", "a string or null", |v| match v {
        Value::Null => Some(None),
        v => v.as_str().map(|s| Some(s.to_string())),
    })?;
    let mut by = fields.object("created_by", "created_by.", "an object with name and version")?;
    let creator = by.string("name")?;
    let creator_version = by.string("version")?;
    by.finish("the header")?;
    fields.finish("the header")?;
    Ok((Header { os, arch, page_size, command, seed, model, creator, creator_version }, first_schema))
}

fn op(mut fields: Fields, position: u64) -> Result<Op> {
    let expected = format!("{position} (positions count from 0 without gaps; a line may be missing)");
    let seq = fields.take("seq", &expected, |v| integer(v).filter(|n| *n == position))?;
    let phase = fields.word("phase")?;
    let pid = if fields.first_schema { 0 } else { fields.ordinal("pid")? };
    let thread = fields.ordinal("thread")?;
    let word = fields.string("op")?;
    let call = call(&mut fields, &word)?;
    let outcome = outcome(&mut fields)?;
    let start_ns = if fields.first_schema { 0 } else { fields.int("start_ns")? };
    let dur_ns = fields.int("dur_ns")?;
    let injected = fields.bool("injected")?;
    fields.finish(&format!("the operation \"{word}\""))?;
    Ok(Op { seq, phase, pid, thread, call, outcome, start_ns, dur_ns, injected })
}

fn call(f: &mut Fields, word: &str) -> Result<Call> {
    Ok(match word {
        "open" => {
            let (file, path, direct) = (f.file()?, f.string("path")?, f.bool("direct")?);
            let identity = if f.first_schema { None } else { f.identity()? };
            Call::Open { file, path, direct, identity, flags: f.native_flags()? }
        }
        "set_direct" => Call::SetDirect { file: f.file()?, direct: f.bool("direct")? },
        "write" => Call::Write { file: f.file()?, offset: f.int("offset")?, len: f.int("len")? },
        "resize" => Call::Resize { file: f.file()?, len: f.int("len")? },
        "remap" => Call::Remap { region: f.region()?, len: f.int("len")?, addr: f.addr("addr")? },
        "fork" => Call::Fork { child: f.ordinal("child")? },
        "exec" => Call::Exec,
        "exit" => {
            let code = f.take("code", "a 32-bit integer", |v| v.as_i64()?.try_into().ok())?;
            Call::Exit { code }
        }
        "size" => Call::Size { file: f.file()? },
        "alignment" => {
            let (file, memory, offset) = (f.file()?, f.int("memory")?, f.int("offset")?);
            Call::Alignment { file, memory, offset, enforced: f.bool("enforced")? }
        }
        "map_hint" => {
            let (file, good) = (f.file()?, f.bool("good")?);
            Call::MapHint { file, good, reason: f.string("reason")? }
        }
        "read" => {
            let (file, offset, len) = (f.file()?, f.int("offset")?, f.int("len")?);
            Call::Read { file, offset, len, direct: f.bool("direct")?, addr: f.addr("addr")? }
        }
        "file_advise" => {
            let (file, offset, len) = (f.file()?, f.int("offset")?, f.int("len")?);
            Call::FileAdvise { file, offset, len, advice: f.word("advice")? }
        }
        "map" => {
            let (file, region) = (f.file()?, f.region()?);
            let (offset, len) = (f.int("offset")?, f.int("len")?);
            let (populate, addr) = (f.bool("populate")?, f.addr("addr")?);
            Call::Map { file, region, offset, len, populate, addr, flags: f.native_flags()? }
        }
        "alloc" => {
            let (region, len) = (f.region()?, f.int("len")?);
            Call::Alloc { region, len, align: f.int("align")?, addr: f.addr("addr")? }
        }
        "map_advise" => {
            let (region, offset, len) = (f.region()?, f.int("offset")?, f.int("len")?);
            Call::MapAdvise { region, offset, len, advice: f.word("advice")? }
        }
        "lock" => Call::Lock { region: f.region()?, offset: f.int("offset")?, len: f.int("len")? },
        "unlock" => Call::Unlock { region: f.region()?, offset: f.int("offset")?, len: f.int("len")? },
        "unmap" => Call::Unmap { region: f.region()?, offset: f.int("offset")?, len: f.int("len")? },
        "close" => Call::Close { file: f.file()? },
        "notice" => {
            let (level, code) = (f.word("level")?, f.word("code")?);
            Call::Notice(Notice { level, code, text: f.string("text")? })
        }
        "native" => {
            let name = f.string("name")?;
            let (file, region) = (f.maybe("file")?.map(FileId), f.maybe("region")?.map(RegionId));
            let (offset, len) = (f.int("offset")?, f.int("len")?);
            Call::Native { name, file, region, offset, len, flags: f.native_flags()? }
        }
        other => {
            let expected = "one of open, set_direct, size, alignment, map_hint, read, write, resize, \
                            file_advise, map, alloc, map_advise, lock, unlock, unmap, remap, close, notice, \
                            fork, exec, exit, native";
            return Err(f.wrong("op", expected, Some(&Value::from(other))));
        }
    })
}

fn outcome(fields: &mut Fields) -> Result<Outcome> {
    if fields.map.get("errno").is_some_and(Value::is_null) {
        fields.map.remove("errno");
        return fields.int("result").map(Outcome::Ok);
    }
    let mut errno = fields.object("errno", "errno.", "null, or an object with name, code and kind")?;
    fields.take("result", "null beside an errno", |v| v.is_null().then_some(()))?;
    let name = Cow::Owned(errno.string("name")?);
    let code = errno.take("code", "a 32-bit integer", |v| v.as_i64()?.try_into().ok())?;
    let kind = errno.word("kind")?;
    errno.finish("an errno")?;
    Ok(Outcome::Err(Errno { kind, code, name }))
}
