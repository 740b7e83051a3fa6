//! strace's text into operations: `-f` or not, `-y` or not, any subset of calls, interrupted and
//! resumed lines, times and durations.
//!
//! # Which files count
//!
//! A file is a model if its name says so (`.gguf`, `.ggml`, `.safetensors`), as opened or as `-y`
//! resolves it, or if the first bytes that a read shows are `GGUF` (strace shows them with `-s 4`
//! or more). Every other file and its mappings are left out.
//!
//! # How calls become operations
//!
//! | call | operation |
//! | --- | --- |
//! | `open`, `openat`, `openat2` | open; direct with `O_DIRECT` |
//! | `read`, `readv`, `pread64`, `preadv`, `preadv2` | read, at the position that `lseek` and earlier reads left |
//! | `lseek(…, SEEK_END)` | size |
//! | `mmap`, `mmap2` of a model | map |
//! | anonymous `mmap` | alloc, if a later lock falls into it; else nothing |
//! | `munmap`, `madvise`, `fadvise64`, `readahead` | unmap, advice |
//! | `mlock`, `mlock2`, `munlock` | lock, unlock |
//! | `dup`, `fcntl`, `close`, `fork`, `clone`, `execve` | keep track of descriptors; the last close is a close |
//!
//! Not one to one:
//!
//! - **stdio.** A loader that reads through the C library makes other reads than it asks for: to
//!   find the size it reads the last piece of the file, a seek is rounded down to a block of 4096
//!   bytes whose head is read first, and the last block of a tensor is read whole, with the head of
//!   the next. So the *same bytes arrive twice* and reads are not tensors. Compare byte ranges and
//!   not calls; a byte more at the edge of a block means nothing.
//! - **Destinations.** strace prints what was read and not where to: a read's address is 0, unless
//!   the call failed.
//! - **Buffers.** Memory from the heap comes from `brk` or from a pool and leaves no call of its
//!   own. A lock there is a lock of a region that nobody introduced; its offset counts from the
//!   first address locked.
//! - **What is given back at the end of a process** leaves no call.
//! - Calls that read or lock in other ways (`io_uring_enter`, `mlockall`, `sendfile` …) are noted and
//!   have no operation.
//!
//! Phases are told apart by [`tell_phases`].

mod calls;
mod line;
mod process;

use std::collections::{BTreeMap, BTreeSet};

use super::{ImportError, Imported, Origin, Report, header};
use crate::trace::{Call, FileId, Op, RegionId, TraceFile, tell_phases};
use calls::KNOWN;
use line::{Line, is_let_go, split, whole};
use process::{Kernel, Proto};

/// The page size of the machines that such text usually comes from; the text does not tell it.
const PAGE: u64 = 4096;

/// Whether a line is a call, or the rest of one, of those that are looked at.
pub(super) fn is_call(line: &str) -> bool {
    match split(line).1 {
        Line::Call { name, rest } => {
            KNOWN.contains(&name) && (rest.contains(") ") || rest.contains("<unfinished"))
        }
        Line::Resumed { name, .. } => KNOWN.contains(&name),
        _ => false,
    }
}

/// Reads a text.
pub(super) fn read(text: &str) -> Result<Imported, ImportError> {
    let mut reader = Reader::default();
    // A last line that does not end is where the recording was stopped.
    let stopped = (!text.ends_with('\n')).then(|| text.lines().count());
    for (at, line) in text.lines().enumerate() {
        match reader.line(at + 1, line) {
            Err(_) if stopped == Some(at + 1) && reader.calls > 1 => reader.report.unfinished += 1,
            read => read?,
        }
    }
    let lines = reader.report.lines;
    if reader.calls == 0 {
        return Err(ImportError::NotEvidence { lines, expected: "a line of strace" });
    }
    Ok(reader.finish())
}

#[derive(Default)]
struct Reader {
    report: Report,
    kernel: Kernel,
    /// The first halves of calls, by thread.
    begun: BTreeMap<u64, (String, String)>,
    /// The first half of a call that a message of strace's own cut.
    cut: Option<String>,
    /// Lines of strace.
    calls: usize,
}

impl Reader {
    fn line(&mut self, number: usize, text: &str) -> Result<(), ImportError> {
        self.report.lines += 1;
        // strace's own messages share its output and may stand in the middle of a call.
        if let Some((head, message)) = text.split_once("strace: Process ")
            && (message.ends_with(" attached") || message.ends_with(" detached"))
        {
            self.report.elsewhere += 1;
            if !head.trim().is_empty() {
                self.cut = Some(head.to_owned());
            }
            return Ok(());
        }
        let whole_line;
        let text = match self.cut.take() {
            Some(head) if split(text).1 == Line::Other => {
                whole_line = head + text;
                &whole_line
            }
            head => {
                self.report.unfinished += usize::from(head.is_some());
                text
            }
        };
        let (pid, line) = split(text);
        let fail = |problem: String| ImportError::line(number, problem, text);
        let (name, rest) = match line {
            Line::Other => {
                if !text.trim().is_empty() {
                    self.report.other.push((number, text.to_owned()));
                    self.report.printed.push(text.to_owned());
                }
                return Ok(());
            }
            Line::Event => {
                self.calls += 1;
                self.report.elsewhere += 1;
                return Ok(());
            }
            Line::Call { name, rest } => {
                if !is_strace_call(name, rest) {
                    self.report.other.push((number, text.to_owned()));
                    self.report.printed.push(text.to_owned());
                    return Ok(());
                }
                self.calls += 1;
                if let Some(start) = rest.trim_end().strip_suffix("<unfinished ...>") {
                    self.report.elsewhere += 1;
                    let old = self.begun.insert(pid, (name.to_owned(), start.trim_end().to_owned()));
                    self.report.unfinished += usize::from(old.is_some());
                    return Ok(());
                }
                (name.to_owned(), rest.to_owned())
            }
            Line::Resumed { name, rest } => {
                self.calls += 1;
                match self.begun.remove(&pid) {
                    Some((begun, start)) if begun == name => (begun, joined(&start, rest)),
                    Some((begun, _)) => {
                        return Err(fail(format!("{name} is resumed, but {begun} was begun")));
                    }
                    // The text may begin in the middle of a call.
                    None => {
                        self.report.unfinished += 1;
                        return Ok(());
                    }
                }
            }
        };
        if !KNOWN.contains(&name.as_str()) {
            self.report.elsewhere += 1;
            return Ok(());
        }
        if is_let_go(&rest) {
            self.report.unfinished += 1;
            return Ok(());
        }
        let call = match whole(&rest) {
            Ok(call) => call,
            // Where strace and the program share an output, what is written cuts its own line.
            Err(_) if name == "write" => {
                self.report.other.push((number, text.to_owned()));
                return Ok(());
            }
            Err(problem) => return Err(fail(problem)),
        };
        let before = self.kernel.protos.len();
        self.kernel.call(pid, &name, &call, &mut self.report).map_err(fail)?;
        for proto in &mut self.kernel.protos[before..] {
            proto.op.injected = call.injected;
            proto.op.dur_ns = call.dur_ns;
        }
        self.kernel.lines.push((before, self.kernel.protos.len()));
        Ok(())
    }

    fn finish(mut self) -> Imported {
        self.report.unfinished += self.begun.len();
        let Kernel { protos, lines, models, .. } = self.kernel;
        let keep = kept(&protos, &models);
        for (from, to) in lines {
            if (from..to).any(|at| keep[at]) {
                self.report.evidence += 1;
            } else {
                self.report.elsewhere += 1;
            }
        }
        let kept = protos.into_iter().zip(keep).filter(|(_, keep)| *keep).map(|(proto, _)| proto.op);
        let mut ops = renumbered(kept.collect());
        tell_phases(&mut ops);
        let model = ops.iter().find_map(|op| match &op.call {
            Call::Open { path, .. } => Some(path.clone()),
            _ => None,
        });
        if !ops.is_empty() {
            self.report.notes.push(format!("a page is taken to be {PAGE} bytes: strace does not tell"));
        }
        let trace =
            TraceFile { header: header("linux", PAGE, model), ops, observations: Vec::new(), end: None };
        Imported { origin: Origin::Strace, trace, report: self.report }
    }
}

/// Whether `name(rest` is a line of strace and not a program's own: a known name, or the form of a
/// finished call.
fn is_strace_call(name: &str, rest: &str) -> bool {
    KNOWN.contains(&name)
        || rest.trim_end().ends_with("<unfinished ...>")
        || is_let_go(rest)
        || whole(rest).is_ok()
}

/// The two halves of a call; the second begins with a comma's blank or nothing.
fn joined(start: &str, rest: &str) -> String {
    let comma = start.ends_with(',') || start.is_empty() || rest.trim_start().starts_with([',', ')']);
    if comma { format!("{start} {}", rest.trim_start()) } else { format!("{start}{rest}") }
}

/// Which operations are about models, or about locked memory.
fn kept(protos: &[Proto], models: &BTreeSet<u32>) -> Vec<bool> {
    let mut regions: BTreeSet<RegionId> = BTreeSet::new();
    for proto in protos {
        match &proto.op.call {
            Call::Map { file, region, .. } if models.contains(&file.0) => {
                regions.insert(*region);
            }
            Call::Lock { region, .. } if !proto.of_file_mapping => {
                regions.insert(*region);
            }
            _ => {}
        }
    }
    let keep = |proto: &Proto| match &proto.op.call {
        Call::Notice(_) => true,
        Call::Map { file, .. } => models.contains(&file.0),
        call => {
            call.file().is_some_and(|file| models.contains(&file.0))
                || call.region().is_some_and(|region| regions.contains(&region))
        }
    };
    protos.iter().map(keep).collect()
}

/// The operations with positions, files, regions and threads counted from 0.
fn renumbered(mut ops: Vec<Op>) -> Vec<Op> {
    let mut files: BTreeMap<FileId, u32> = BTreeMap::new();
    let mut regions: BTreeMap<RegionId, u32> = BTreeMap::new();
    let mut threads: BTreeMap<u32, u32> = BTreeMap::new();
    fn next<K: Ord>(known: &mut BTreeMap<K, u32>, key: K) -> u32 {
        let count = u32::try_from(known.len()).unwrap_or(u32::MAX);
        *known.entry(key).or_insert(count)
    }
    for (seq, op) in ops.iter_mut().enumerate() {
        op.seq = seq as u64;
        op.thread = next(&mut threads, op.thread);
        match &mut op.call {
            Call::Open { file, .. }
            | Call::Size { file }
            | Call::SetDirect { file, .. }
            | Call::Write { file, .. }
            | Call::Resize { file, .. }
            | Call::Alignment { file, .. }
            | Call::MapHint { file, .. }
            | Call::Read { file, .. }
            | Call::FileAdvise { file, .. }
            | Call::Close { file } => file.0 = next(&mut files, *file),
            Call::Map { file, region, .. } => {
                file.0 = next(&mut files, *file);
                region.0 = next(&mut regions, *region);
            }
            Call::Alloc { region, .. }
            | Call::MapAdvise { region, .. }
            | Call::Lock { region, .. }
            | Call::Unlock { region, .. }
            | Call::Remap { region, .. }
            | Call::Unmap { region, .. } => region.0 = next(&mut regions, *region),
            Call::Native { file, region, .. } => {
                if let Some(file) = file {
                    file.0 = next(&mut files, *file);
                }
                if let Some(region) = region {
                    region.0 = next(&mut regions, *region);
                }
            }
            Call::Notice(_) | Call::Fork { .. } | Call::Exec | Call::Exit { .. } => {}
        }
    }
    ops
}
