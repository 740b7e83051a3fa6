//! The start of a call: whether it is of interest, and which fault meets it.

use std::ops::Range;
use std::time::Instant;

use super::arch;
use super::content::heap_of;
use super::exit_files::state;
use super::faults::{Deed, Meeting};
use super::flags;
use super::numbers::{self, Sys};
use super::sys;
use super::watch::{Change, MUCH, Next, Pending, Thread, Watcher, c_string, peek, segments, uses_position};
use crate::trace::linux::{OpenFile, Taken, pages};
use crate::tracer::BlindSpot;

/// A call's name in the grammar of faults, with the model it is on.
type Named = (&'static str, Option<usize>);

/// What a call is about.
enum About {
    /// Nothing that the trace tells.
    Nothing,
    /// A file that is no model.
    Other,
    /// A model that is open.
    Model(OpenFile),
    /// Memory, limits, or an open.
    Rest,
}

/// The descriptor in an argument.
pub(super) fn descriptor(arg: u64) -> i32 {
    arg as i32
}

impl Watcher {
    /// A thread is about to make a call.
    pub(super) fn entry(&mut self, thread: &mut Thread, nr: i64, args: [u64; 6], native: bool) -> Next {
        if !native || nr >= i64::from(numbers::X32_BIT) {
            self.blind(BlindSpot::ForeignAbi);
            return Next::Go;
        }
        let Some(row) = numbers::call(nr).filter(|row| numbers::stops(row, &args)) else { return Next::Go };
        let args = match row.sys {
            // The rest of its registers says nothing: how much it asks for stands where `mmap` has it.
            Sys::Brk if self.refuses_memory() => [args[0], grown(thread.tid, args[0]), 0, 0, 0, 0],
            _ => args,
        };
        let lost = self.losing(row.sys, &args);
        // First the bits that a comparison sets.
        if let Some(range) = &lost {
            self.used_since(thread, range);
        }
        self.before(thread, row.sys, &args);
        if let Some(range) = lost {
            self.look(thread, range);
        }
        let unknown = |fd: &i32| thread.task.files.borrow().get(*fd).is_none();
        if let Some(fd) = brings_much(row.sys, &args).filter(unknown) {
            self.adopt(thread, fd, "received");
        }
        let target = target(row.sys, &args).and_then(|fd| thread.task.files.borrow().get(fd).cloned());
        let open = match self.about(thread, row.sys, &args) {
            About::Nothing => return Next::Go,
            About::Other if target.is_none() => {
                self.dropped += 1;
                return Next::Go;
            }
            About::Other => None,
            About::Model(open) => Some(open),
            About::Rest => None,
        };
        let (started, taken) = (Instant::now(), Taken::default());
        let mut pending = Pending { row, args, started, open, target, change: None, taken };
        let meeting = self.meet(thread, &pending);
        let delay = meeting.delay;
        if row.fault == "thread" && meeting.deed == Deed::Nothing && delay == 0 {
            return Next::Go;
        }
        self.tamper(thread, &mut pending, meeting);
        if let Some(open) = pending.open.as_ref().filter(|_| uses_position(&pending)) {
            let mut shared = open.borrow_mut();
            shared.readers += 1;
            if shared.readers > 1 {
                *self.blind_spots.entry(BlindSpot::SharedPosition).or_default() += 1;
            }
        }
        self.take(thread, &mut pending);
        thread.pending = Some(pending);
        if delay > 0 { Next::Later(delay) } else { Next::ToExit }
    }

    /// Whether requests for memory may be refused: before a model is known it is the program that sets itself up.
    fn refuses_memory(&self) -> bool {
        self.faults.wants("alloc") && !self.models.is_empty()
    }

    /// The addresses whose pages a call takes out of the page table.
    fn losing(&self, call: Sys, args: &[u64; 6]) -> Option<Range<u64>> {
        match call {
            Sys::Munmap => Some(pages(args[0], args[1], self.machine.page())),
            Sys::Madvise if flags::drops_pages(args[2]) => Some(pages(args[0], args[1], self.machine.page())),
            Sys::ExitGroup => Some(0..u64::MAX),
            _ => laid_over(call, args, self.machine.page()),
        }
    }

    /// Takes away what the call will.
    fn take(&self, thread: &Thread, pending: &mut Pending) {
        let args = pending.args;
        pending.taken = match pending.row.sys {
            Sys::Close => self.machine.take_descriptor(&thread.task, descriptor(args[0])),
            Sys::Munmap => self.machine.take_memory(&thread.task, args[0], args[1]),
            // An old length of 0 stands for the mapping that begins there.
            Sys::Mremap => self.machine.take_memory(&thread.task, args[0], args[1].max(1)),
            _ => return,
        };
    }

    fn about(&mut self, thread: &mut Thread, call: Sys, args: &[u64; 6]) -> About {
        let files = thread.task.files.borrow();
        let on = |arg: u64| files.get(descriptor(arg)).cloned().map_or(About::Other, About::Model);
        let space = thread.task.space.borrow();
        let known = |addr: u64, len: u64| match space.overlaps(pages(addr, len, self.machine.page())) {
            true => About::Rest,
            false => About::Nothing,
        };
        match call {
            Sys::Open | Sys::Creat | Sys::OpenAt | Sys::OpenAt2 => About::Rest,
            Sys::Truncate => About::Rest,
            Sys::Close
            | Sys::Fcntl
            | Sys::Dup
            | Sys::Read
            | Sys::Pread
            | Sys::Readv
            | Sys::Preadv
            | Sys::Preadv2
            | Sys::Write
            | Sys::Pwrite
            | Sys::Writev
            | Sys::Pwritev
            | Sys::Pwritev2
            | Sys::Ftruncate
            | Sys::Fallocate
            | Sys::Lseek
            | Sys::Fstat
            | Sys::Fadvise
            | Sys::Readahead
            | Sys::CopyFileRange
            | Sys::Splice => on(args[0]),
            Sys::Sendfile => on(args[1]),
            Sys::FstatAt if args[3] & libc::AT_EMPTY_PATH as u64 != 0 => on(args[0]),
            Sys::Statx if args[2] & libc::AT_EMPTY_PATH as u64 != 0 => on(args[0]),
            Sys::FstatAt | Sys::Statx => About::Other,
            Sys::Dup2 | Sys::Dup3 => match on(args[0]) {
                About::Other => on(args[1]),
                about => about,
            },
            Sys::CloseRange => About::Rest,
            Sys::Mmap if args[3] & libc::MAP_ANONYMOUS as u64 != 0 => About::Rest,
            Sys::Mmap => match on(args[4]) {
                // A file mapped over known memory takes its place.
                About::Other if args[3] & libc::MAP_FIXED as u64 != 0 => known(args[0], args[1]),
                about => about,
            },
            Sys::Munmap | Sys::Mprotect | Sys::Madvise | Sys::Mremap => known(args[0], args[1].max(1)),
            Sys::ProcessMadvise
            | Sys::Mlock
            | Sys::Mlock2
            | Sys::Munlock
            | Sys::MlockAll
            | Sys::MunlockAll => About::Rest,
            Sys::Setrlimit if args[0] == libc::RLIMIT_MEMLOCK as u64 => About::Rest,
            Sys::Prlimit if args[1] == libc::RLIMIT_MEMLOCK as u64 && args[2] != 0 => About::Rest,
            Sys::Setrlimit | Sys::Prlimit => About::Nothing,
            Sys::ExitGroup => About::Nothing,
            Sys::Brk if self.refuses_memory() && args[1] > 0 => About::Rest,
            Sys::Brk => About::Nothing,
            Sys::Unseen(spot) => {
                drop((files, space));
                self.blind(spot);
                About::Nothing
            }
            Sys::Kill | Sys::PidfdKill => {
                drop((files, space));
                self.killed_itself |= reaches(thread.tid, call, args[0] as i32, self.root);
                About::Nothing
            }
            // An exec is an event, and the other has no number here.
            Sys::Exec | Sys::Mmap2 => About::Nothing,
            Sys::Fork | Sys::Clone | Sys::Clone3 => {
                let flags = match call {
                    Sys::Clone => args[0],
                    // The flags come first in struct clone_args.
                    Sys::Clone3 => peek(thread.tid, args[0]).unwrap_or(0),
                    // A vfork shares the memory until it executes, but that of a plain fork is a
                    // copy: taking both as a copy loses nothing that a child may do.
                    _ => 0,
                };
                drop((files, space));
                thread.clone_flags = flags;
                let starts_thread = flags & libc::CLONE_THREAD as u64 != 0;
                match starts_thread && self.faults.wants("thread") && !self.models.is_empty() {
                    true => About::Rest,
                    false => About::Nothing,
                }
            }
        }
    }

    /// The fault that meets a call.
    fn meet(&mut self, thread: &Thread, pending: &Pending) -> Meeting {
        let Some((name, model)) = self.named(thread, pending) else { return Meeting::default() };
        if !self.faults.wants(name) {
            return Meeting::default();
        }
        let (mut len, mut grain) = (0, 1);
        if matches!(pending.row.sys, Sys::Mlock | Sys::Mlock2 | Sys::Munlock) && pending.args[1] == 0 {
            // Nothing is locked by it, so nothing can be in the way.
            return Meeting::default();
        }
        if name == "alloc" {
            len = pending.args[1];
        } else if name.starts_with("read") {
            len = segments(thread.tid, pending.row.sys, &pending.args).iter().map(|s| s.1).sum();
            if name == "read.direct" {
                grain = model.map_or(1, |model| self.models.grain(model));
            }
        }
        let mut meeting = self.faults.meet(name, model, len, grain);
        if matches!(pending.row.sys, Sys::Read | Sys::Readv)
            && name == "read.buffered"
            && !meeting.data.is_empty()
        {
            let position = state(thread.tid, descriptor(pending.args[0])).0;
            self.faults.end_at_size(&mut meeting, position, len);
        }
        if name.starts_with("open") {
            // What else takes the name has it when the call is made.
            for fault in std::mem::take(&mut meeting.data) {
                self.replace(model, fault);
            }
        }
        meeting
    }

    fn named(&mut self, thread: &Thread, pending: &Pending) -> Option<Named> {
        let (args, base) = (&pending.args, pending.row.fault);
        if let Some(open) = &pending.open {
            let open = open.borrow();
            let name = match base {
                "read" => ["read.buffered", "read.direct"][usize::from(open.direct)],
                "size" if pending.row.sys == Sys::Statx && args[3] & u64::from(libc::STATX_DIOALIGN) != 0 => {
                    "alignment"
                }
                // Other positions are no question.
                "size" if pending.row.sys == Sys::Lseek && !asks_size(args) => return None,
                "size" | "advise.file" | "map" => base,
                _ => return None,
            };
            return Some((name, Some(open.model)));
        }
        let piece = thread.task.space.borrow().at(args[0]);
        // The calls on a mapping are those on its file.
        let image = piece.and_then(|piece| self.machine.notes.image(piece.region)).map(|image| image.file);
        let is_map = image.is_some();
        let name = match base {
            "open" if self.faults.wants("open.direct") || self.faults.wants("open.buffered") => {
                let (at, path, flags) = open_arguments(thread.tid, pending);
                let model = self.models.of_path(thread.tid, at, &c_string(thread.tid, path))?;
                let direct = flags & libc::O_DIRECT as u64 != 0;
                return Some((["open.buffered", "open.direct"][usize::from(direct)], Some(model)));
            }
            // Guards and stacks are never for weights.
            "map" if !self.models.is_empty() && args[2] != 0 && args[3] & libc::MAP_STACK as u64 == 0 => {
                "alloc"
            }
            "alloc" | "thread" => base,
            "lock" if is_map && pending.row.sys != Sys::MlockAll => "lock.map",
            "lock" => "lock.buffer",
            "unlock" if is_map && pending.row.sys != Sys::MunlockAll => "unlock.map",
            "unlock" => "unlock.buffer",
            "advise.map" | "unmap" if is_map => base,
            _ => return None,
        };
        let of_map = matches!(name, "lock.map" | "unlock.map" | "advise.map" | "unmap");
        let model = image.filter(|_| of_map).and_then(|file| self.opened.get(&file).copied());
        Some((name, model))
    }

    /// Changes the call as the faults that met it ask.
    fn tamper(&mut self, thread: &Thread, pending: &mut Pending, meeting: Meeting) {
        let Meeting { delay, deed, data } = meeting;
        if deed == Deed::Nothing && data.is_empty() && delay == 0 {
            return;
        }
        // A thread that is gone by now makes no call.
        let Ok(before) = sys::registers(thread.tid) else { return };
        let mut registers = before;
        let changed = match &deed {
            Deed::Nothing => Ok(()),
            // It has no error: what it cannot do leaves the break, which it returns, as one beyond all bounds does.
            Deed::Refuse(_) if pending.row.sys == Sys::Brk => {
                arch::set_argument(&mut registers, 0, 0);
                arch::set_call(thread.tid, &mut registers, libc::SYS_brk)
            }
            Deed::Refuse(_) | Deed::Eof => arch::set_call(thread.tid, &mut registers, -1),
            Deed::Cut(want, _) => {
                let nr = cut(thread, pending, *want, &mut registers);
                arch::set_call(thread.tid, &mut registers, nr)
            }
        };
        let late = delay > 0;
        if changed.is_ok() {
            pending.change = Some(Change { before, deed, data, late });
        }
    }
}

/// Whether a seek asks for the size: it goes to the end, where nobody reads.
pub(super) fn asks_size(args: &[u64; 6]) -> bool {
    args[2] as i32 == libc::SEEK_END && args[1] == 0
}

/// The descriptor of a call that brings so much of a file that it is worth the while to find out what
/// file that is, where it is not known.
fn brings_much(call: Sys, args: &[u64; 6]) -> Option<i32> {
    let fd = match call {
        Sys::Mmap if args[3] & libc::MAP_ANONYMOUS as u64 == 0 => args[4],
        Sys::Read | Sys::Pread if args[2] >= MUCH => args[0],
        _ => return None,
    };
    Some(descriptor(fd))
}

/// By how many bytes a break grows the heap; 0 where it does not, or there is none yet.
fn grown(tid: libc::pid_t, end: u64) -> u64 {
    let heap = heap_of(tid);
    if heap.is_empty() { 0 } else { end.saturating_sub(heap.end) }
}

/// The descriptor that a copy within the kernel goes to.
fn target(call: Sys, args: &[u64; 6]) -> Option<i32> {
    match call {
        Sys::Sendfile => Some(descriptor(args[0])),
        Sys::CopyFileRange | Sys::Splice => Some(descriptor(args[2])),
        _ => None,
    }
}

/// Whether a signal to `target` reaches the process `root`: by its number, by that of one of its threads,
/// by a group that it may be in, or by a descriptor.
fn reaches(tid: libc::pid_t, call: Sys, target: i32, root: libc::pid_t) -> bool {
    let number = |file: String, name: &str| -> Option<i32> {
        let text = std::fs::read_to_string(file).ok()?;
        text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
    };
    if call == Sys::PidfdKill {
        return number(format!("/proc/{tid}/fdinfo/{target}"), "Pid:") == Some(root);
    }
    target <= 0 || target == root || number(format!("/proc/{target}/status"), "Tgid:") == Some(root)
}

/// Makes a read ask for `want` bytes at most; returns the number of the call that does.
fn cut(thread: &Thread, pending: &Pending, want: u64, registers: &mut sys::Registers) -> i64 {
    let args = &pending.args;
    let mut set = |index: usize, value: u64| arch::set_argument(registers, index, value);
    match pending.row.sys {
        Sys::Sendfile => {
            set(3, want);
            libc::SYS_sendfile
        }
        Sys::CopyFileRange => {
            set(4, want);
            libc::SYS_copy_file_range
        }
        Sys::Splice => {
            set(4, want);
            libc::SYS_splice
        }
        Sys::Read => {
            set(2, want);
            libc::SYS_read
        }
        Sys::Pread => {
            set(2, want);
            libc::SYS_pread64
        }
        // The pieces stand in the program's memory, which is not for us to change: a read into
        // the first of them is what the kernel would do at its shortest.
        call => {
            let first = segments(thread.tid, call, args).into_iter().find(|s| s.1 > 0).unwrap_or((0, 0));
            set(1, first.0);
            set(2, want.min(first.1));
            if uses_position(pending) {
                libc::SYS_read
            } else {
                set(3, args[3]);
                libc::SYS_pread64
            }
        }
    }
}

/// Directory descriptor, address of the path, and flags of an open.
pub(super) fn open_arguments(tid: libc::pid_t, pending: &Pending) -> (i32, u64, u64) {
    let args = &pending.args;
    match pending.row.sys {
        Sys::Open => (libc::AT_FDCWD, args[0], args[1] & 0xffff_ffff),
        Sys::Creat => (libc::AT_FDCWD, args[0], (libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC) as u64),
        Sys::OpenAt2 => (descriptor(args[0]), args[1], peek(tid, args[2]).unwrap_or(0)),
        _ => (descriptor(args[0]), args[1], args[2] & 0xffff_ffff),
    }
}

/// The addresses at which a call lays something over what is there.
pub(super) fn laid_over(call: Sys, args: &[u64; 6], page: u64) -> Option<Range<u64>> {
    let fixed = |flags: u64, flag: libc::c_int| flags & u64::from(flag.unsigned_abs()) != 0;
    match call {
        Sys::Mmap if fixed(args[3], libc::MAP_FIXED) => Some(pages(args[0], args[1], page)),
        Sys::Mremap if fixed(args[3], libc::MREMAP_FIXED) => Some(pages(args[4], args[2], page)),
        _ => None,
    }
}
