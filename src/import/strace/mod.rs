//! strace's text into operations: `-f` or not, `-y` or not, any subset of calls, interrupted and
//! resumed lines, times and durations.
//!
//! # Which files count
//!
//! A file is a model if its name says so (`.gguf`, `.ggml`, `.safetensors`, `.onnx`) or is that of one that was
//! named, as opened or as `-y` resolves it, or if the first bytes that a read shows are `GGUF` (strace shows them with `-s 4`
//! or more). Every other file and its mappings are left out.
//!
//! # How calls become operations
//!
//! As the tracer's do: both give decoded calls to one model of Linux (`trace/linux`).
//!
//! | call | operation |
//! | --- | --- |
//! | `open`, `creat`, `openat`, `openat2` | open; direct with `O_DIRECT` |
//! | `read`, `readv`, `pread64`, `preadv`, `preadv2` | read, at the position that `lseek` and earlier reads left |
//! | `write`, `writev`, `pwrite64`, `pwritev`, `pwritev2` | write |
//! | `sendfile`, `splice`, `copy_file_range` | read to address 0, write where a model receives it |
//! | `lseek(…, SEEK_END)` | size |
//! | `truncate`, `ftruncate`, `fallocate` | resize, or write where a range is cleared |
//! | `mmap`, `mmap2` of a model | map |
//! | anonymous `mmap` | alloc, if a later lock falls into it; else nothing |
//! | `munmap`, `mremap`, `madvise`, `fadvise64`, `readahead` | unmap, remap, advice |
//! | `mlock`, `mlock2`, `munlock`, `mlockall`, `munlockall` | lock, unlock, of each region |
//! | `fcntl(F_SETFL)` | direct I/O is switched |
//! | `mprotect`, `setrlimit`, `prlimit64` of locked memory | by their names |
//! | `dup`, `fcntl`, `close`, `close_range` | keep track of descriptors; the last close is a close |
//! | `fork`, `vfork`, `clone`, `clone3`, `execve`, the end of a process | fork, exec, exit, if it is about a process that has operations |
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
//!   own. A lock there is that of an allocation which is as long as the lock.
//! - **What is unmapped at the end of a process** leaves no call.
//! - Calls that move bytes in other ways (`io_uring_enter`, `vmsplice`, `process_vm_readv` …) have no
//!   operation; the closing line of the trace has a word for each kind.
//!
//! Starts are there with `-r`, `-t`, `-tt` or `-ttt`, durations with `-T`. Phases are told apart by
//! [`tell_phases`].

mod calls;
mod line;
mod process;

use std::collections::{BTreeMap, BTreeSet};

use super::{ImportError, Imported, Origin, Report, header};
use crate::trace::linux::calls::{Imports, Row, by_name};
use crate::trace::linux::{Done, Finished};
use crate::trace::{BlindSpot, Call, End, Status, TraceFile, tell_phases};
use calls::{Place, shares};
use line::{Line, Time, is_let_go, split, whole};
use process::{Kernel, PAGE};

/// The call of that name, if it is looked at.
fn known(name: &str) -> Option<&'static Row> {
    by_name(name).filter(|row| row.imports != Imports::Ignored)
}

/// Whether a line is a call, or the rest of one, of those that are looked at.
pub(super) fn is_call(line: &str) -> bool {
    match split(line).1 {
        Line::Call { name, rest } => {
            known(name).is_some() && (rest.contains(") ") || rest.contains("<unfinished"))
        }
        Line::Resumed { name, .. } => known(name).is_some(),
        _ => false,
    }
}

/// Reads a text; the files of these names are models.
pub(super) fn read(text: &str, models: &[&str]) -> Result<Imported, ImportError> {
    let mut reader = Reader {
        report: Report::default(),
        kernel: Kernel::new(models),
        clock: Clock::default(),
        begun: BTreeMap::new(),
        cut: None,
        calls: 0,
        unfiltered: false,
        known_lines: 0,
    };
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

struct Reader {
    report: Report,
    kernel: Kernel,
    clock: Clock,
    /// The first halves of calls, by thread.
    begun: BTreeMap<u64, Begun>,
    /// The first half of a call that a message of strace's own cut.
    cut: Option<String>,
    /// Lines of strace.
    calls: usize,
    /// Whether calls stand in it that nobody asks for by name.
    unfiltered: bool,
    /// Lines that ended a known call, or a thread.
    known_lines: usize,
}

/// The first half of a call.
struct Begun {
    name: String,
    start: String,
    start_ns: u64,
    /// Whether a thread that nobody was seen to make was taken for its child.
    has_child: bool,
}

/// Times of lines, as nanoseconds since the first.
#[derive(Default)]
struct Clock {
    now: u64,
    last: Option<u64>,
}

impl Clock {
    fn at(&mut self, time: Option<Time>) -> u64 {
        /// A time of day that is smaller than the last by so much is one of the next day.
        const HALF_A_DAY: u64 = 12 * 3600 * 1_000_000_000;
        let since = match time {
            None => 0,
            Some(Time::Since(since)) => since,
            Some(Time::OfDay(now) | Time::Epoch(now)) => {
                let last = self.last.replace(now).unwrap_or(now);
                let next_day = matches!(time, Some(Time::OfDay(_))) && now + HALF_A_DAY < last;
                (now + if next_day { 2 * HALF_A_DAY } else { 0 }).saturating_sub(last)
            }
        };
        self.now = self.now.saturating_add(since);
        self.now
    }
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
        let (prefix, line) = split(text);
        let tid = prefix.tid;
        let fail = |problem: String| ImportError::line(number, problem, text);
        if line != Line::Other {
            self.kernel.speaks(tid);
            self.clock.at(prefix.time);
        }
        let mut place = Place { line: number as u64, start_ns: self.clock.now };
        let (name, rest) = match line {
            Line::Other => {
                if text.contains("runs in 32 bit mode") {
                    self.kernel.unseen.insert(BlindSpot::ForeignAbi);
                }
                if !text.trim().is_empty() {
                    self.report.other.push((number, text.to_owned()));
                    self.report.printed.push(text.to_owned());
                }
                return Ok(());
            }
            Line::Ended(status) => {
                self.calls += 1;
                self.known_lines += 1;
                let done = Done { origin: place.line, start_ns: place.start_ns, ..Done::default() };
                self.kernel.ended(tid, status, &done);
                return Ok(());
            }
            Line::Superseded | Line::Event => {
                self.calls += 1;
                self.report.elsewhere += 1;
                if line == Line::Superseded {
                    self.kernel.superseded(tid);
                }
                return Ok(());
            }
            Line::Call { name, rest } => {
                if !is_strace_call(name, rest) {
                    self.report.other.push((number, text.to_owned()));
                    self.report.printed.push(text.to_owned());
                    return Ok(());
                }
                self.calls += 1;
                self.meet(tid, place);
                if let Some(start) = rest.trim_end().strip_suffix("<unfinished ...>") {
                    self.report.elsewhere += 1;
                    let (name, start) = (name.to_owned(), start.trim_end().to_owned());
                    let begun = Begun { name, start, start_ns: place.start_ns, has_child: false };
                    let old = self.begun.insert(tid, begun);
                    self.report.unfinished += usize::from(old.is_some());
                    return Ok(());
                }
                (name.to_owned(), rest.to_owned())
            }
            Line::Resumed { name, rest } => {
                self.calls += 1;
                match self.begun.remove(&tid) {
                    Some(begun) if begun.name == name => {
                        place.start_ns = begun.start_ns;
                        (begun.name, joined(&begun.start, rest))
                    }
                    Some(begun) => {
                        return Err(fail(format!("{name} is resumed, but {} was begun", begun.name)));
                    }
                    // The text may begin in the middle of a call.
                    None => {
                        self.report.unfinished += 1;
                        return Ok(());
                    }
                }
            }
        };
        let Some(row) = known(&name) else {
            self.unfiltered = true;
            self.report.elsewhere += 1;
            return Ok(());
        };
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
        self.kernel.call(tid, row, &call, place, &mut self.report).map_err(fail)?;
        self.known_lines += 1;
        Ok(())
    }

    /// A thread may be seen before the call that makes it has ended: it is the child of one that has begun.
    fn meet(&mut self, tid: u64, place: Place) {
        if tid == 0 || self.kernel.knows(tid) {
            return;
        }
        let makes = |begun: &Begun| matches!(begun.name.as_str(), "fork" | "vfork" | "clone" | "clone3");
        let maker = self.begun.iter_mut().find(|(_, begun)| makes(begun) && !begun.has_child);
        if let Some((parent, begun)) = maker {
            begun.has_child = true;
            let done = Done { origin: place.line, start_ns: begun.start_ns, ..Done::default() };
            self.kernel.fork(*parent, tid, shares(begun.start.split(',')), &done);
        }
    }

    fn finish(mut self) -> Imported {
        self.report.unfinished += self.begun.len();
        self.kernel.stop();
        let mut unseen = std::mem::take(&mut self.kernel.unseen);
        if self.report.unfinished > 0 {
            unseen.insert(BlindSpot::Unfinished);
        }
        let status = self.kernel.end.unwrap_or(Status::Unknown);
        let end = Some(End { status, unseen: unseen.iter().map(|spot| spot.word().to_owned()).collect() });
        let Finished { mut ops, origins: lines, .. } = self.kernel.finish();
        let evidence: BTreeSet<u64> = lines.into_iter().collect();
        self.report.evidence += evidence.len();
        self.report.elsewhere += self.known_lines.saturating_sub(evidence.len());
        tell_phases(&mut ops);
        let model = ops.iter().find_map(|op| match &op.call {
            Call::Open { path, .. } => Some(path.clone()),
            _ => None,
        });
        let locks = ops.iter().any(|op| matches!(op.call, Call::Lock { .. }));
        if !(ops.is_empty() || self.unfiltered || locks) {
            self.report.doubts.push(FILTERED.to_owned());
        }
        if !ops.is_empty() {
            self.report.notes.push(format!("a page is taken to be {PAGE} bytes: strace does not tell"));
        }
        let trace = TraceFile { header: header("linux", PAGE, model), ops, observations: Vec::new(), end };
        Imported { origin: Origin::Strace, trace, report: self.report }
    }
}

/// What has to be said where every call is one that a user asks strace for.
const FILTERED: &str = "the recording holds calls about files and memory alone and no lock: if `-e trace=` left out \
                        mlock, a lock was made that is not in it";

/// Whether `name(rest` is a line of strace and not a program's own: a known name, or the form of a
/// finished call.
fn is_strace_call(name: &str, rest: &str) -> bool {
    known(name).is_some()
        || rest.trim_end().ends_with("<unfinished ...>")
        || is_let_go(rest)
        || whole(rest).is_ok()
}

/// The two halves of a call; the second begins with a comma's blank or nothing.
fn joined(start: &str, rest: &str) -> String {
    let comma = start.ends_with(',') || start.is_empty() || rest.trim_start().starts_with([',', ')']);
    if comma { format!("{start} {}", rest.trim_start()) } else { format!("{start}{rest}") }
}
