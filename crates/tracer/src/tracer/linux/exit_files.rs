//! The end of calls on files, decoded.

use std::fs;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;

use super::entry::{asks_size, descriptor, open_arguments};
use super::faults::Alteration;
use super::flags;
use super::numbers::Sys;
use super::sys;
use super::watch::{Ended, Pending, Thread, Watcher, c_string, segments, uses_position};
use crate::trace::FileId;
use crate::trace::linux::{At, Counsel, Decoded, Done, OpenFile, Opened, Taken};
use crate::tracer::BlindSpot;

/// A field of a C struct of the kernel.
macro_rules! field_at {
    ($done:expr, $base:expr, $type:ty, $field:ident) => {
        $done.peek($base.wrapping_add(std::mem::offset_of!($type, $field) as u64)).unwrap_or(0)
    };
}

impl Watcher {
    pub(super) fn file_exit(&mut self, done: &mut Ended<'_>) {
        let args = *done.args();
        match done.pending.row.sys {
            Sys::Open | Sys::Creat | Sys::OpenAt | Sys::OpenAt2 => return self.open_exit(done),
            Sys::CloseRange => {
                /// `linux/close_range.h`.
                const CLOEXEC: u64 = 1 << 2;
                let bound = |arg: u64| i32::try_from(arg as u32).unwrap_or(i32::MAX);
                let (first, last) = (bound(args[0]), bound(args[1]));
                let call = Decoded::CloseRange { first, last, only_mark: args[2] & CLOEXEC != 0 };
                return self.apply(done, call);
            }
            Sys::Truncate => return self.truncate_exit(done),
            _ => {}
        }
        if let Some(target) = &done.pending.target {
            self.copied_to(done, target);
        }
        let Some(file) = done.pending.open.clone() else { return };
        let call = match done.pending.row.sys {
            Sys::Close => Decoded::Close(std::mem::take(&mut done.taken)),
            Sys::Dup | Sys::Dup2 if !done.failed() => return self.duplicated(done, false),
            Sys::Dup3 if !done.failed() => {
                return self.duplicated(done, args[2] & libc::O_CLOEXEC as u64 != 0);
            }
            Sys::Fcntl => return self.fcntl_exit(done, file),
            Sys::Lseek => Decoded::Seek { file, asks: asks_size(&args) },
            Sys::Fstat => Decoded::Size { size: field_at!(done, args[1], libc::stat, st_size), file },
            Sys::FstatAt => Decoded::Size { size: field_at!(done, args[2], libc::stat, st_size), file },
            Sys::Statx => statx(done, file),
            Sys::Fadvise | Sys::Readahead => {
                let raw = if done.pending.row.sys == Sys::Readahead { 3 } else { args[3] };
                let other = || Counsel::Other(flags::file_advice(raw));
                let counsel = flags::advice(raw).map_or_else(other, Counsel::Known);
                Decoded::FileAdvice { file, offset: args[1], len: args[2], counsel }
            }
            Sys::Write | Sys::Pwrite | Sys::Writev | Sys::Pwritev | Sys::Pwritev2 => write(done, file),
            Sys::Ftruncate => Decoded::Resize { file: file.borrow().file, len: args[1] },
            Sys::Fallocate => {
                let (offset, len) = (args[2], args[3]);
                let clears = (libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_ZERO_RANGE) as u64;
                match args[1] & clears {
                    0 => Decoded::Resize { file: file.borrow().file, len: offset.saturating_add(len) },
                    _ => Decoded::Clear { file, offset, len },
                }
            }
            Sys::Read
            | Sys::Pread
            | Sys::Readv
            | Sys::Preadv
            | Sys::Preadv2
            | Sys::Sendfile
            | Sys::CopyFileRange
            | Sys::Splice => self.read(done, file),
            _ => return,
        };
        self.apply(done, call);
    }

    fn open_exit(&mut self, done: &Ended<'_>) {
        let tid = done.thread.tid;
        let (at, path, raw) = open_arguments(tid, done.pending);
        // A directory or a path alone is no model.
        let other = raw & (libc::O_DIRECTORY | libc::O_PATH) as u64 != 0;
        let fd = i32::try_from(done.result).ok().filter(|fd| *fd >= 0);
        let model = match fd {
            _ if other => None,
            Some(fd) => self.models.of_descriptor(tid, fd, &c_string(tid, path)),
            None => self.models.of_path(tid, at, &c_string(tid, path)),
        };
        let Some(model) = model else {
            self.dropped += 1;
            if let Some(fd) = fd {
                if !other && raw & libc::O_ACCMODE as u64 != libc::O_WRONLY as u64 {
                    self.other_file(tid, fd);
                }
                // A model had this number if its close was not seen.
                done.thread.task.files.borrow_mut().forget(fd);
            }
            return;
        };
        let identity = fd.and_then(|fd| self.models.identity(tid, fd));
        let file = self.new_file(model);
        let (path, flags) = (self.models.text(model).to_owned(), flags::open(raw));
        self.apply(done, Decoded::Open(Opened { file, model, path, fd, position: 0, identity, flags }));
        if let Some(fd) = fd {
            self.became(done.thread, fd);
        }
    }

    fn other_file(&mut self, tid: libc::pid_t, fd: i32) {
        if let Ok(path) = fs::read_link(format!("/proc/{tid}/fd/{fd}")) {
            self.models.met_other(tid, fd, &path);
        }
    }

    fn new_file(&mut self, model: usize) -> FileId {
        let file = self.machine.notes.next_file(true);
        self.opened.insert(file, model);
        file
    }

    /// A descriptor stands for another file now. A standard stream is written to without a stop.
    fn became(&mut self, thread: &Thread, fd: i32) {
        let writable = |open: &OpenFile| open.borrow().writable;
        let stream = (0..=2).contains(&fd);
        if stream && thread.task.files.borrow().get(fd).is_some_and(writable) {
            self.blind(BlindSpot::StandardStream);
        }
    }

    /// A descriptor whose open was not seen, if it is that of a model: one that the command was started
    /// with (`inherited`), or that it had from elsewhere (`received`: by a message, or made in memory).
    pub(super) fn adopt(&mut self, thread: &Thread, fd: i32, how: &'static str) {
        let tid = thread.tid;
        let Ok(path) = fs::read_link(format!("/proc/{tid}/fd/{fd}")) else { return };
        let Some(model) = self.models.of_descriptor(tid, fd, path.as_os_str().as_bytes()) else {
            self.models.met_other(tid, fd, &path);
            return;
        };
        let (position, raw) = state(tid, fd);
        let identity = self.models.identity(tid, fd);
        let file = self.new_file(model);
        let mut flags = flags::open(raw);
        flags.names.push(how.into());
        let path = self.models.text(model).to_owned();
        let opened = Opened { file, model, path, fd: Some(fd), position, identity, flags };
        let done = Done { start_ns: self.now(), ..Done::default() };
        self.machine.apply(&thread.task, &done, Decoded::Open(opened));
        self.became(thread, fd);
    }

    fn duplicated(&mut self, done: &Ended<'_>, close_on_exec: bool) {
        let Ok(to) = i32::try_from(done.result) else { return };
        let from = descriptor(done.args()[0]);
        self.apply(done, Decoded::Duplicate { from, to, close_on_exec });
        self.became(done.thread, to);
    }

    fn fcntl_exit(&mut self, done: &Ended<'_>, file: OpenFile) {
        let args = done.args();
        match args[1] as i32 {
            libc::F_SETFL => self.apply(done, Decoded::SetFlags { file, flags: flags::open(args[2]) }),
            _ if done.failed() => {}
            libc::F_DUPFD => self.duplicated(done, false),
            libc::F_DUPFD_CLOEXEC => self.duplicated(done, true),
            libc::F_SETFD => {
                let (fd, on) = (descriptor(args[0]), args[2] & libc::FD_CLOEXEC as u64 != 0);
                self.apply(done, Decoded::CloseOnExec { fd, on });
            }
            _ => {}
        }
    }

    /// The size of a model that is named: what opening it for writing, resizing and closing it comes to.
    fn truncate_exit(&mut self, done: &Ended<'_>) {
        let (tid, args) = (done.thread.tid, done.args());
        let Some(model) = self.models.of_path(tid, libc::AT_FDCWD, &c_string(tid, args[0])) else {
            self.dropped += 1;
            return;
        };
        let file = self.new_file(model);
        let (path, flags) = (self.models.text(model).to_owned(), flags::open(libc::O_WRONLY as u64));
        let opened = Opened { file, model, path, fd: None, position: 0, identity: None, flags };
        self.apply(done, Decoded::Open(opened));
        if !done.failed() {
            self.apply(done, Decoded::Resize { file, len: args[1] });
            self.apply(done, Decoded::Close(Taken { file: Some(file), ..Taken::default() }));
        }
    }

    fn read(&mut self, done: &Ended<'_>, file: OpenFile) -> Decoded<'static> {
        let call = done.pending.row.sys;
        if matches!(call, Sys::Sendfile | Sys::CopyFileRange | Sys::Splice) && done.result > 0 {
            self.blind(BlindSpot::Transfer);
        }
        let pieces = segments(done.thread.tid, call, done.args());
        let len = pieces.iter().fold(0u64, |sum, piece| sum.saturating_add(piece.1));
        let addr = pieces.first().map_or(0, |piece| piece.0);
        let arrived = u64::try_from(done.result).unwrap_or(0);
        let at = match uses_position(done.pending) {
            true => At::Position,
            false => At::Offset(offset_of(done.thread, done.pending, &file, arrived)),
        };
        let offset = match at {
            At::Offset(offset) | At::Appended(offset) => offset,
            At::Position => file.borrow().position,
        };
        self.read_arrived(done.thread, &file, offset, arrived, &pieces);
        Decoded::Read { file, at, len, addr }
    }

    /// A copy within the kernel that a model receives.
    fn copied_to(&mut self, done: &Ended<'_>, target: &OpenFile) {
        let args = done.args();
        let arrived = u64::try_from(done.result).unwrap_or(0);
        let (fd, place, len) = match done.pending.row.sys {
            Sys::Sendfile => (args[0], 0, args[3]),
            _ => (args[2], args[3], args[4]),
        };
        let at = match place {
            0 => position_before(done, descriptor(fd)),
            place => At::Offset(done.peek(place).unwrap_or(0).saturating_sub(arrived)),
        };
        self.apply(done, Decoded::Write { file: target.clone(), at, len });
    }

    /// Answers the question of a file's size as the first fault that met it asks. Returns the call's result if that
    /// made a difference.
    pub(super) fn report_size(
        &mut self,
        thread: &Thread,
        pending: &Pending,
        result: i64,
        faults: &[usize],
    ) -> Option<i64> {
        let (fault, size) = self.faults.reported(faults)?;
        let args = &pending.args;
        let (base, field) = match pending.row.sys {
            Sys::Lseek if result.cast_unsigned() != size => {
                self.faults.fire(fault);
                return i64::try_from(size).ok();
            }
            Sys::Fstat => (args[1], std::mem::offset_of!(libc::stat, st_size)),
            Sys::FstatAt => (args[2], std::mem::offset_of!(libc::stat, st_size)),
            Sys::Statx => (args[4], std::mem::offset_of!(libc::statx, stx_size)),
            _ => return None,
        };
        let at = base.checked_add(field as u64)?;
        super::watch::peek(thread.tid, at).filter(|real| *real != size)?;
        sys::write_memory(thread.tid, at, &size.to_ne_bytes()).ok()?;
        self.faults.fire(fault);
        Some(result)
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
        let pieces = segments(thread.tid, pending.row.sys, &pending.args);
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
        made.then_some(kept)
    }
}

/// Position and flags of a descriptor.
pub(super) fn state(tid: libc::pid_t, fd: i32) -> (u64, u64) {
    let info = fs::read_to_string(format!("/proc/{tid}/fdinfo/{fd}")).unwrap_or_default();
    let field = |name: &str| info.lines().find_map(|line| Some(line.strip_prefix(name)?.trim()));
    let position = field("pos:").and_then(|text| text.parse().ok()).unwrap_or(0);
    (position, field("flags:").and_then(|text| u64::from_str_radix(text, 8).ok()).unwrap_or(0))
}

/// Where a write at the file position began: a file that is appended to was written at its end.
fn position_before(done: &Ended<'_>, fd: i32) -> At {
    match u64::try_from(done.result) {
        Ok(written) => At::Appended(state(done.thread.tid, fd).0.saturating_sub(written)),
        Err(_) => At::Position,
    }
}

fn write(done: &Ended<'_>, file: OpenFile) -> Decoded<'static> {
    let args = done.args();
    let pieces = segments(done.thread.tid, done.pending.row.sys, args);
    let len = pieces.iter().fold(0u64, |sum, piece| sum.saturating_add(piece.1));
    let at = match uses_position(done.pending) {
        true => position_before(done, descriptor(args[0])),
        false => At::Offset(args[3]),
    };
    Decoded::Write { file, at, len }
}

fn statx(done: &Ended<'_>, file: OpenFile) -> Decoded<'static> {
    let (args, buffer) = (done.args(), done.args()[4]);
    let asked = u64::from(libc::STATX_DIOALIGN);
    if args[3] & asked == 0 {
        return Decoded::Size { file, size: field_at!(done, buffer, libc::statx, stx_size) };
    }
    let half = |number: u64| number & 0xffff_ffff;
    let stated = half(field_at!(done, buffer, libc::statx, stx_mask)) & asked != 0 && !done.failed();
    let memory = half(field_at!(done, buffer, libc::statx, stx_dio_mem_align));
    let offset = half(field_at!(done, buffer, libc::statx, stx_dio_offset_align));
    let (memory, offset) = if stated { (memory, offset) } else { (0, 0) };
    Decoded::Alignment { file, memory, offset }
}

/// Where in the file a read starts.
fn offset_of(thread: &Thread, pending: &Pending, open: &OpenFile, arrived: u64) -> u64 {
    let args = &pending.args;
    let pointed = |addr: u64| {
        // The kernel has moved it by what arrived.
        super::watch::peek(thread.tid, addr).map_or(0, |after| after.saturating_sub(arrived))
    };
    match pending.row.sys {
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
