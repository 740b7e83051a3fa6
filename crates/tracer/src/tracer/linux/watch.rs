//! One system call at a time: what a thread is about to do, and what came of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use libc::pid_t;

use super::content::Contents;
use super::faults::{Deed, Faults};
use super::kernel::Asked;
use super::models::Models;
use super::numbers::{Row, Sys};
use super::output::Output;
use super::private::PrivateFiles;
use super::released::Released;
use super::search::Searches;
use super::sys::{self, Registers};
use crate::platform::os_errno;
use crate::trace::linux::{Decoded, Done, Machine, OpenFile, Taken, Task};
use crate::trace::{Errno, FileId};
use crate::tracer::BlindSpot;

/// A thread under observation.
pub(super) struct Thread {
    pub(super) tid: pid_t,
    /// The first thread of its process, whose end is that of the process.
    pub(super) leader: pid_t,
    /// Its descriptors and its memory.
    pub(super) task: Task,
    /// The call that it is in, if its end is of interest.
    pub(super) pending: Option<Pending>,
    /// The flags of the clone that it is in.
    pub(super) clone_flags: u64,
}

/// A call whose end is awaited.
pub(super) struct Pending {
    pub(super) row: &'static Row,
    pub(super) args: [u64; 6],
    pub(super) started: Instant,
    /// The model it is about, or that it copies from.
    pub(super) open: Option<OpenFile>,
    /// The model that it copies to.
    pub(super) target: Option<OpenFile>,
    pub(super) change: Option<Change>,
    pub(super) taken: Taken,
}

/// Bytes whose transfer takes far longer than a stop does.
pub(super) const MUCH: u64 = 256 << 10;

impl Pending {
    /// Whether it reads past the page cache: the thread waits for the disk and takes no processor.
    pub(super) fn is_direct(&self) -> bool {
        let reads = matches!(self.row.sys, Sys::Read | Sys::Pread | Sys::Readv | Sys::Preadv | Sys::Preadv2);
        reads && self.open.as_ref().is_some_and(|open| open.borrow().direct)
    }

    /// Whether the call brings so much that it may take far longer than a stop does.
    pub(super) fn lasts(&self) -> bool {
        match self.row.sys {
            Sys::Read | Sys::Pread => self.args[2] >= MUCH,
            Sys::Mmap => self.args[1] >= MUCH && self.args[3] & libc::MAP_POPULATE as u64 != 0,
            Sys::Readv | Sys::Preadv | Sys::Preadv2 | Sys::Sendfile | Sys::CopyFileRange => true,
            Sys::Mlock | Sys::Mlock2 | Sys::MlockAll => true,
            _ => false,
        }
    }
}

/// What the tracer does to a call.
pub(super) struct Change {
    /// The registers before it, whose arguments are put back.
    pub(super) before: Registers,
    pub(super) deed: Deed,
    pub(super) data: Vec<usize>,
    pub(super) late: bool,
}

/// How a thread goes on after the start of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Its end is of no interest.
    Go,
    /// To its end.
    ToExit,
    /// To its end, after this many microseconds.
    Later(u64),
}

/// Turns system calls into decoded ones.
pub(super) struct Watcher {
    pub(super) machine: Machine,
    pub(super) models: Models,
    pub(super) faults: Faults,
    /// The files that faults may alter.
    pub(super) private: PrivateFiles,
    /// What memory holds of the models, where that is to be looked at.
    pub(super) contents: Option<Contents>,
    pub(super) dropped: u64,
    pub(super) blind_spots: BTreeMap<BlindSpot, u64>,
    /// The model behind each open.
    pub(super) opened: BTreeMap<FileId, usize>,
    /// Memory whose lock was released.
    pub(super) released: Released,
    /// What was searched for in memory.
    pub(super) searches: Searches,
    /// How often the kernel was asked.
    pub(super) asked: Asked,
    /// How much the command has written, where that is captured.
    pub(super) output: Option<Arc<Output>>,
    /// Whose lock was about to be made when, and how much had been written then.
    pub(super) before_locks: Vec<(u32, u64, u64)>,
    /// The command's own process.
    pub(super) root: pid_t,
    /// Whether the command itself sent SIGKILL to this process.
    pub(super) killed_itself: bool,
    began: Instant,
}

impl Watcher {
    pub(super) fn new(
        models: Models,
        faults: Faults,
        contents: Option<Contents>,
        page: u64,
        root: pid_t,
    ) -> Self {
        Self {
            machine: Machine::new(page),
            models,
            faults,
            private: PrivateFiles::default(),
            contents,
            dropped: 0,
            blind_spots: BTreeMap::new(),
            opened: BTreeMap::new(),
            released: Released::default(),
            searches: Searches::default(),
            asked: Asked::default(),
            output: None,
            before_locks: Vec::new(),
            root,
            killed_itself: false,
            began: Instant::now(),
        }
    }

    /// The path of the model behind an open.
    pub(super) fn path_of(&self, file: FileId) -> Option<&str> {
        self.opened.get(&file).map(|model| self.models.text(*model))
    }

    pub(super) fn blind(&mut self, spot: BlindSpot) {
        *self.blind_spots.entry(spot).or_default() += 1;
    }

    /// Nanoseconds since the trace began.
    pub(super) fn now(&self) -> u64 {
        nanoseconds(self.began.elapsed())
    }

    /// When something without a call of its own happened.
    pub(super) fn event(&self) -> Done {
        Done { start_ns: self.now(), ..Done::default() }
    }

    /// Gives a call that has ended to the machine.
    pub(super) fn apply(&mut self, ended: &Ended<'_>, call: Decoded<'_>) {
        let done = Done {
            origin: 0,
            start_ns: nanoseconds(ended.pending.started.saturating_duration_since(self.began)),
            dur_ns: nanoseconds(ended.pending.started.elapsed()),
            injected: ended.injected,
            value: if ended.failed() { 0 } else { ended.result.cast_unsigned() },
            error: ended.errno(),
        };
        self.machine.apply(&ended.thread.task, &done, call);
    }

    /// The end of a call that was awaited.
    pub(super) fn exit(&mut self, thread: &mut Thread, result: i64) {
        let Some(mut pending) = thread.pending.take() else { return };
        let outcome = self.altered(thread, &pending, result);
        if let Some(open) = pending.open.as_ref().filter(|_| uses_position(&pending)) {
            let mut open = open.borrow_mut();
            open.readers = open.readers.saturating_sub(1);
        }
        let taken = std::mem::take(&mut pending.taken);
        let result = match &pending.change {
            // The break tells of a refusal by staying; to the trace it is one like another.
            Some(Change { deed: Deed::Refuse(errno), .. }) => -i64::from(errno.code),
            _ => outcome.0,
        };
        let mut done = Ended { thread, pending: &pending, result, injected: outcome.1, taken };
        match pending.row.sys {
            Sys::Mmap
            | Sys::Brk
            | Sys::Clone
            | Sys::Clone3
            | Sys::Mremap
            | Sys::Munmap
            | Sys::Mprotect
            | Sys::Madvise
            | Sys::ProcessMadvise
            | Sys::Mlock
            | Sys::Mlock2
            | Sys::Munlock
            | Sys::MlockAll
            | Sys::MunlockAll
            | Sys::Setrlimit
            | Sys::Prlimit => self.memory_exit(&mut done),
            _ => self.file_exit(&mut done),
        }
    }

    /// Gives a call that was tampered with its result. Returns what the program sees, and whether
    /// that is the tracer's work.
    fn altered(&mut self, thread: &Thread, pending: &Pending, result: i64) -> (i64, bool) {
        let Some(change) = &pending.change else { return (result, false) };
        let mut made_up = change.late;
        let mut seen = match &change.deed {
            Deed::Refuse(_) if pending.row.sys == Sys::Brk => {
                made_up = true;
                result
            }
            Deed::Refuse(errno) => {
                made_up = true;
                -i64::from(errno.code)
            }
            Deed::Eof => {
                made_up = true;
                0
            }
            // Where fewer bytes arrived than the cut allowed, the cut made no difference.
            Deed::Cut(cut, fault) if result.cast_unsigned() == *cut => {
                self.faults.fire(*fault);
                made_up = true;
                result
            }
            Deed::Cut(..) | Deed::Nothing => result,
        };
        if pending.row.sys == Sys::Mmap {
            self.mapped(thread, pending, seen, &change.data);
        } else if seen >= 0
            && let Some(told) = self.report_size(thread, pending, seen, &change.data)
        {
            (seen, made_up) = (told, true);
        } else if let Ok(arrived) = u64::try_from(seen)
            && arrived > 0
            && !change.data.is_empty()
        {
            let kept = self.alter_data(thread, pending, arrived, &change.data);
            made_up |= kept.is_some();
            seen = kept.map_or(seen, u64::cast_signed);
        }
        let tampered = change.deed != Deed::Nothing || seen != result;
        if tampered && let Ok(now) = sys::registers(thread.tid) {
            let after = super::arch::with_result(&now, &change.before, seen);
            // A thread that is gone by now needs no result.
            let _ = sys::set_registers(thread.tid, &after);
        }
        (seen, made_up)
    }
}

/// Whether a call reads or writes at the file position and advances it.
pub(super) fn uses_position(pending: &Pending) -> bool {
    let args = &pending.args;
    match pending.row.sys {
        Sys::Read | Sys::Readv | Sys::Write | Sys::Writev => true,
        Sys::Preadv2 | Sys::Pwritev2 => args[3] == u64::MAX,
        Sys::Sendfile => args[2] == 0,
        Sys::CopyFileRange | Sys::Splice => args[1] == 0,
        _ => false,
    }
}

fn nanoseconds(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// A call that has ended.
pub(super) struct Ended<'a> {
    pub(super) thread: &'a Thread,
    pub(super) pending: &'a Pending,
    pub(super) result: i64,
    pub(super) injected: bool,
    pub(super) taken: Taken,
}

impl Ended<'_> {
    pub(super) fn args(&self) -> &[u64; 6] {
        &self.pending.args
    }

    /// The error that the call ended with.
    fn errno(&self) -> Option<Errno> {
        /// From here on, numbers are the kernel's own orders to restart the call.
        const RESTART: i64 = 512;
        if !self.failed() {
            return None;
        }
        let code = if self.result <= -RESTART { libc::EINTR } else { (-self.result) as i32 };
        Some(os_errno(code, false))
    }

    pub(super) fn failed(&self) -> bool {
        (-4095..0).contains(&self.result)
    }

    /// The number at an address of the tracee.
    pub(super) fn peek(&self, addr: u64) -> Option<u64> {
        peek(self.thread.tid, addr)
    }
}

/// The number at an address of a tracee.
pub(super) fn peek(tid: pid_t, addr: u64) -> Option<u64> {
    let mut bytes = [0u8; 8];
    let read = sys::read_memory(tid, addr, &mut bytes).ok()?;
    (read == bytes.len()).then(|| u64::from_ne_bytes(bytes))
}

/// The pieces of memory that a read goes to or a write comes from.
pub(super) fn segments(tid: pid_t, call: Sys, args: &[u64; 6]) -> Vec<(u64, u64)> {
    /// `UIO_MAXIOV`.
    const MOST: u64 = 1024;
    match call {
        Sys::Read | Sys::Pread | Sys::Write | Sys::Pwrite => vec![(args[1], args[2])],
        Sys::Readv | Sys::Preadv | Sys::Preadv2 | Sys::Writev | Sys::Pwritev | Sys::Pwritev2 => {
            let mut bytes = vec![0u8; (args[2].min(MOST) * 16) as usize];
            let read = sys::read_memory(tid, args[1], &mut bytes).unwrap_or(0);
            let number = |b: &[u8]| b.iter().rev().fold(0u64, |n, byte| n << 8 | u64::from(*byte));
            bytes[..read].chunks_exact(16).map(|iov| (number(&iov[..8]), number(&iov[8..]))).collect()
        }
        Sys::Sendfile => vec![(0, args[3])],
        Sys::CopyFileRange | Sys::Splice => vec![(0, args[4])],
        _ => Vec::new(),
    }
}

/// The bytes up to the first zero byte at an address of a tracee.
pub(super) fn c_string(tid: pid_t, addr: u64) -> Vec<u8> {
    const CHUNK: u64 = 256;
    let mut text = Vec::new();
    while text.len() < libc::PATH_MAX as usize {
        let at = addr.saturating_add(text.len() as u64);
        // Up to a boundary, so that no read touches a page behind the string's last one.
        let mut chunk = vec![0u8; (CHUNK - at % CHUNK) as usize];
        let Ok(read) = sys::read_memory(tid, at, &mut chunk) else { break };
        match chunk[..read].iter().position(|b| *b == 0) {
            Some(end) => {
                text.extend_from_slice(&chunk[..end]);
                break;
            }
            None => text.extend_from_slice(&chunk[..read]),
        }
        if read < chunk.len() {
            break;
        }
    }
    text
}
