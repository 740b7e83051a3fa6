//! The end of calls on files.

use std::fs;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;

use super::calls::Call as Sys;
use super::entry::{descriptor, open_arguments};
use super::faults::Alteration;
use super::files::OpenFile;
use super::flags;
use super::notes::Note;
use super::sys;
use super::watch::{Done, Pending, Thread, Watcher, c_string, segments, uses_position};
use crate::trace::{Call, FileId, Outcome};

/// A field of a C struct of the kernel.
macro_rules! field_at {
    ($done:expr, $base:expr, $type:ty, $field:ident) => {
        $done.peek($base.wrapping_add(std::mem::offset_of!($type, $field) as u64)).unwrap_or(0)
    };
}

impl Watcher {
    pub(super) fn file_exit(&mut self, done: &Done<'_>) {
        match done.pending.call {
            Sys::Open | Sys::OpenAt | Sys::OpenAt2 => return self.open_exit(done),
            Sys::CloseRange => return self.close_range_exit(done),
            _ => {}
        }
        let args = done.args();
        let Some(open) = &done.pending.open else { return };
        match done.pending.call {
            Sys::Close => self.closed(done, done.pending.taken.file),
            Sys::Dup if !done.failed() => self.duplicated(done, false),
            Sys::Dup2 if !done.failed() => self.duplicated(done, false),
            Sys::Dup3 if !done.failed() => {
                self.duplicated(done, args[2] & libc::O_CLOEXEC as u64 != 0);
            }
            Sys::Fcntl => self.fcntl_exit(done, open),
            Sys::Lseek => {
                if let Ok(position) = u64::try_from(done.result) {
                    open.borrow_mut().position = position;
                }
            }
            Sys::Fstat | Sys::FstatAt | Sys::Statx => self.stat_exit(done, open),
            Sys::Fadvise | Sys::Readahead => self.advice_exit(done, open),
            Sys::Read
            | Sys::Pread
            | Sys::Readv
            | Sys::Preadv
            | Sys::Preadv2
            | Sys::Sendfile
            | Sys::CopyFileRange
            | Sys::Splice => self.read_exit(done, open),
            _ => {}
        }
    }

    fn open_exit(&mut self, done: &Done<'_>) {
        let tid = done.thread.tid;
        let (at, path, raw) = open_arguments(tid, done.pending);
        // A directory, a path alone or a file for writing alone is no model.
        let other = (libc::O_DIRECTORY | libc::O_PATH) as u64;
        let model = if raw & other != 0 || raw as i32 & libc::O_ACCMODE == libc::O_WRONLY {
            None
        } else if let Ok(fd) = i32::try_from(done.result).and_then(|fd| u32::try_from(fd).map(|_| fd)) {
            self.models.of_descriptor(tid, fd, &c_string(tid, path))
        } else {
            self.models.of_path(tid, at, &c_string(tid, path))
        };
        let Some(model) = model else {
            self.dropped += 1;
            if let Ok(fd) = i32::try_from(done.result) {
                // A model had this number if its close was not seen.
                done.thread.files.borrow_mut().forget(fd);
            }
            return;
        };
        let direct = raw & libc::O_DIRECT as u64 != 0;
        let file = self.notes.next_file();
        if let Ok(fd) = i32::try_from(done.result)
            && fd >= 0
        {
            let cloexec = raw & libc::O_CLOEXEC as u64 != 0;
            done.thread.files.borrow_mut().open(fd, file, model, direct, 0, cloexec);
        }
        let path = self.models.text(model).to_owned();
        let call = Call::Open { file, path, direct, identity: None, flags: flags::open(raw) };
        self.notes.push(done.note(call, done.outcome(0, false)));
    }

    /// A descriptor whose open was not seen, if it is that of a model: one that the command was started
    /// with (`inherited`), or that it had from elsewhere (`received`: by a message, or made in memory).
    pub(super) fn adopt(&mut self, thread: &Thread, fd: i32, how: &'static str) {
        let tid = thread.tid;
        let Ok(path) = fs::read_link(format!("/proc/{tid}/fd/{fd}")) else { return };
        let Some(model) = self.models.of_descriptor(tid, fd, path.as_os_str().as_bytes()) else { return };
        let info = fs::read_to_string(format!("/proc/{tid}/fdinfo/{fd}")).unwrap_or_default();
        let field = |name: &str| info.lines().find_map(|line| Some(line.strip_prefix(name)?.trim()));
        let position = field("pos:").and_then(|text| text.parse().ok()).unwrap_or(0);
        let raw = field("flags:").and_then(|text| u64::from_str_radix(text, 8).ok()).unwrap_or(0);
        let (file, direct) = (self.notes.next_file(), raw & libc::O_DIRECT as u64 != 0);
        let cloexec = raw & libc::O_CLOEXEC as u64 != 0;
        thread.files.borrow_mut().open(fd, file, model, direct, position, cloexec);
        let mut names = flags::open(raw);
        names.names.push(how.into());
        let path = self.models.text(model).to_owned();
        let call = Call::Open { file, path, direct, identity: None, flags: names };
        let (outcome, tid) = (Outcome::Ok(0), thread.tid);
        self.notes.push(Note {
            tid,
            call,
            outcome,
            dur_ns: 0,
            injected: false,
            depends_on: None,
            into: None,
        });
    }

    fn closed(&mut self, done: &Done<'_>, file: Option<FileId>) {
        if let Some(file) = file {
            self.notes.push(done.note(Call::Close { file }, done.outcome(0, false)));
        }
    }

    fn duplicated(&mut self, done: &Done<'_>, cloexec: bool) {
        let Ok(to) = i32::try_from(done.result) else { return };
        let from = descriptor(done.args()[0]);
        let closed = done.thread.files.borrow_mut().duplicate(from, to, cloexec);
        self.closed(done, closed);
    }

    fn close_range_exit(&mut self, done: &Done<'_>) {
        /// `linux/close_range.h`.
        const CLOEXEC: u64 = 1 << 2;
        if done.failed() {
            return;
        }
        let args = done.args();
        let bound = |arg: u64| i32::try_from(arg as u32).unwrap_or(i32::MAX);
        let files = &done.thread.files;
        let within = files.borrow().within(bound(args[0])..=bound(args[1]));
        for fd in within {
            if args[2] & CLOEXEC != 0 {
                files.borrow_mut().set_close_on_exec(fd, true);
            } else {
                let closed = files.borrow_mut().close(fd);
                self.closed(done, closed);
            }
        }
    }

    fn fcntl_exit(&mut self, done: &Done<'_>, open: &OpenFile) {
        let args = done.args();
        if done.failed() && args[1] as i32 != libc::F_SETFL {
            return;
        }
        match args[1] as i32 {
            libc::F_DUPFD => self.duplicated(done, false),
            libc::F_DUPFD_CLOEXEC => self.duplicated(done, true),
            libc::F_SETFD => {
                let on = args[2] & libc::FD_CLOEXEC as u64 != 0;
                done.thread.files.borrow_mut().set_close_on_exec(descriptor(args[0]), on);
            }
            libc::F_SETFL => {
                let file = Some(open.borrow().file);
                if !done.failed() {
                    open.borrow_mut().direct = args[2] & libc::O_DIRECT as u64 != 0;
                }
                self.native(done, "fcntl", file, flags::open(args[2]));
            }
            _ => {}
        }
    }

    fn native(
        &mut self,
        done: &Done<'_>,
        name: &str,
        file: Option<FileId>,
        flags: crate::trace::NativeFlags,
    ) {
        let call = Call::Native { name: name.to_owned(), file, region: None, offset: 0, len: 0, flags };
        self.notes.push(done.note(call, done.outcome(0, false)));
    }

    fn stat_exit(&mut self, done: &Done<'_>, open: &OpenFile) {
        let (args, file) = (done.args(), open.borrow().file);
        let buffer = match done.pending.call {
            Sys::Fstat => args[1],
            Sys::FstatAt => args[2],
            _ => args[4],
        };
        if done.pending.call != Sys::Statx {
            let size = field_at!(done, buffer, libc::stat, st_size);
            self.notes.push(done.note(Call::Size { file }, done.outcome(size, false)));
            return;
        }
        let asked = u64::from(libc::STATX_DIOALIGN);
        if args[3] & asked == 0 {
            let size = field_at!(done, buffer, libc::statx, stx_size);
            self.notes.push(done.note(Call::Size { file }, done.outcome(size, false)));
            return;
        }
        let half = |number: u64| number & 0xffff_ffff;
        let told = half(field_at!(done, buffer, libc::statx, stx_mask)) & asked != 0 && !done.failed();
        let memory = half(field_at!(done, buffer, libc::statx, stx_dio_mem_align));
        let offset = half(field_at!(done, buffer, libc::statx, stx_dio_offset_align));
        let (memory, offset) = if told { (memory, offset) } else { (0, 0) };
        let call = Call::Alignment { file, memory, offset, enforced: offset > 0 };
        self.notes.push(done.note(call, done.outcome(0, false)));
    }

    fn advice_exit(&mut self, done: &Done<'_>, open: &OpenFile) {
        let (args, file) = (done.args(), open.borrow().file);
        let (offset, len) = (args[1], args[2]);
        let raw = if done.pending.call == Sys::Readahead { 3 } else { args[3] };
        let call = match flags::advice(raw) {
            Some(advice) => Call::FileAdvise { file, offset, len, advice },
            None => {
                let flags = flags::file_advice(raw);
                Call::Native {
                    name: "fadvise64".to_owned(),
                    file: Some(file),
                    region: None,
                    offset,
                    len,
                    flags,
                }
            }
        };
        self.notes.push(done.note(call, done.outcome(0, false)));
    }

    fn read_exit(&mut self, done: &Done<'_>, open: &OpenFile) {
        let pieces = segments(done.thread.tid, done.pending.call, done.args());
        let len = pieces.iter().fold(0u64, |sum, piece| sum.saturating_add(piece.1));
        let addr = pieces.first().map_or(0, |piece| piece.0);
        let arrived = u64::try_from(done.result).unwrap_or(0);
        let offset = offset_of(done.thread, done.pending, open, arrived);
        let mut shared = open.borrow_mut();
        if uses_position(done.pending) {
            shared.position = shared.position.saturating_add(arrived);
        }
        let call = Call::Read { file: shared.file, offset, len, direct: shared.direct, addr };
        let mut note = done.note(call, done.outcome(arrived, false));
        note.into = done.thread.space.borrow().at(addr).map(|piece| piece.region);
        self.notes.push(note);
    }

    /// Alters the data of a read as the faults that met it ask. Returns the new number of bytes if
    /// any of them made a difference.
    pub(super) fn alter_data(
        &mut self,
        thread: &Thread,
        pending: &Pending,
        arrived: u64,
        faults: &[usize],
    ) -> Option<u64> {
        let open = pending.open.as_ref()?;
        let offset = offset_of(thread, pending, open, arrived);
        let pieces = segments(thread.tid, pending.call, &pending.args);
        let mut kept = arrived;
        let mut made = false;
        for &fault in faults {
            let done = match self.faults.alteration(fault, offset, kept) {
                None => continue,
                Some(Alteration::Cut { keep }) => {
                    let blank = clear(thread, &pieces, keep..kept);
                    kept = keep;
                    blank
                }
                Some(Alteration::Flip { at, mask }) => poke(thread, &pieces, at, |byte| byte ^ mask),
            };
            if done.is_some() {
                self.faults.fire(fault);
                made = true;
            }
        }
        // The position has moved by what really arrived; a later read goes on from there, as it
        // would behind a file that shrank while it was read.
        made.then_some(kept)
    }
}

/// Where in the file a read starts.
fn offset_of(thread: &Thread, pending: &Pending, open: &OpenFile, arrived: u64) -> u64 {
    let args = &pending.args;
    let pointed = |addr: u64| {
        // The kernel has moved it by what arrived.
        super::watch::peek(thread.tid, addr).map_or(0, |after| after.saturating_sub(arrived))
    };
    match pending.call {
        _ if uses_position(pending) => open.borrow().position,
        Sys::Sendfile => pointed(args[2]),
        Sys::CopyFileRange | Sys::Splice => pointed(args[1]),
        _ => args[3],
    }
}

/// Overwrites a part of what a read brought with zeros.
fn clear(thread: &Thread, pieces: &[(u64, u64)], range: Range<u64>) -> Option<()> {
    static ZEROS: [u8; 1 << 16] = [0; 1 << 16];
    let mut start = 0u64;
    for (addr, len) in pieces {
        let end = start.saturating_add(*len);
        let mut at = range.start.max(start);
        while at < range.end.min(end) {
            let n = (range.end.min(end) - at).min(ZEROS.len() as u64);
            sys::write_memory(thread.tid, addr.checked_add(at - start)?, &ZEROS[..n as usize]).ok()?;
            at += n;
        }
        start = end;
    }
    Some(())
}

/// Changes one byte of what a read brought.
fn poke(thread: &Thread, pieces: &[(u64, u64)], at: u64, change: impl Fn(u8) -> u8) -> Option<()> {
    let mut left = at;
    let piece = pieces.iter().find(|piece| {
        let here = left < piece.1;
        left -= if here { 0 } else { piece.1 };
        here
    })?;
    let addr = piece.0.checked_add(left).filter(|_| piece.0 != 0)?;
    let mut byte = [0u8];
    sys::read_memory(thread.tid, addr, &mut byte).ok().filter(|n| *n == 1)?;
    sys::write_memory(thread.tid, addr, &[change(byte[0])]).ok()
}
