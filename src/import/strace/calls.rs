//! The calls that are looked at, decoded one by one.

use super::line::{Return, Whole, descriptor, number, unquoted};
use super::process::{Kernel, flag_names};
use crate::import::Report;
use crate::trace::errors::of_linux;
use crate::trace::linux::calls::{Imports, Row, Sys};
use crate::trace::linux::{At, Counsel, Decoded, Done, Mapping, OpenFile, Opened, Shares, Task};
use crate::trace::{Advice, BlindSpot, NativeFlags};

type Result<T = ()> = std::result::Result<T, String>;

/// The arguments and the result of one call, with errors that say what was expected.
struct Args<'a> {
    whole: &'a Whole<'a>,
}

impl<'a> Args<'a> {
    fn text(&self, at: usize) -> Result<&'a str> {
        self.whole.args.get(at).copied().ok_or_else(|| format!("argument {} is missing", at + 1))
    }

    fn unsigned(&self, at: usize) -> Result<u64> {
        let text = self.text(at)?;
        number(text)
            .and_then(|n| u64::try_from(n).ok())
            .ok_or_else(|| format!("argument {} is no number from 0", at + 1))
    }

    /// A descriptor and the path that `-y` adds to it.
    fn fd(&self, at: usize) -> Result<(i32, Option<&'a str>)> {
        let text = self.text(at)?;
        let (word, path) = descriptor(text, text);
        number(word)
            .and_then(|n| i32::try_from(n).ok())
            .map(|fd| (fd, path))
            .ok_or_else(|| format!("argument {} is no descriptor", at + 1))
    }

    /// A range of addresses.
    fn range(&self) -> Result<(u64, u64)> {
        let (addr, len) = (self.unsigned(0)?, self.unsigned(1)?);
        addr.checked_add(len).ok_or("the range ends past 2^64")?;
        Ok((addr, len))
    }

    /// What the call returned, `None` if it was refused.
    fn value(&self) -> Option<i128> {
        match self.whole.result {
            Return::Value(value) => Some(value),
            _ => None,
        }
    }

    fn bytes(&self) -> Option<u64> {
        self.value().and_then(|value| u64::try_from(value).ok())
    }

    /// The descriptor that it returned.
    fn new_fd(&self) -> Option<i32> {
        self.value().and_then(|fd| i32::try_from(fd).ok()).filter(|fd| *fd >= 0)
    }

    /// How many bytes of `len` were transferred.
    fn transferred(&self, len: u64) -> Result<u64> {
        let arrived = self.bytes().unwrap_or(0);
        if arrived > len { Err("more bytes arrived than were asked for".to_owned()) } else { Ok(arrived) }
    }

    fn has_failed(&self) -> bool {
        matches!(self.whole.result, Return::Error(_))
    }
}

/// When a call began, and in which line it ended.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    pub(super) line: u64,
    pub(super) start_ns: u64,
}

/// How a call went.
fn done(whole: &Whole<'_>, place: Place) -> Done {
    let error = match whole.result {
        Return::Error(name) => Some(of_linux(name)),
        _ => None,
    };
    let value = match whole.result {
        Return::Value(value) => u64::try_from(value).unwrap_or(0),
        _ => 0,
    };
    let (dur_ns, injected) = (whole.dur_ns, whole.injected);
    Done { origin: place.line, start_ns: place.start_ns, dur_ns, injected, value, error }
}

impl Kernel {
    /// Plays one call.
    pub(super) fn call(
        &mut self,
        tid: u64,
        row: &Row,
        whole: &Whole<'_>,
        place: Place,
        report: &mut Report,
    ) -> Result {
        let args = Args { whole };
        if whole.result == Return::Never {
            report.unfinished += 1;
            return Ok(());
        }
        if row.imports == Imports::Noted {
            let note = format!("{} was called; what it moved is not in the trace", row.name);
            if !report.notes.contains(&note) {
                report.notes.push(note);
            }
            if let Sys::Unseen(spot) = row.sys {
                self.unseen.insert(spot);
            }
            return Ok(());
        }
        let (task, done) = (self.task(tid), done(whole, place));
        match row.sys {
            Sys::Fork | Sys::Clone | Sys::Clone3 => {
                if let Some(child) = args.bytes() {
                    self.fork(tid, child, shares(whole.args.iter().copied()), &done);
                }
                return Ok(());
            }
            Sys::Exec => {
                if !args.has_failed() {
                    self.exec(tid, &done);
                }
                return Ok(());
            }
            Sys::Open | Sys::Creat | Sys::OpenAt | Sys::OpenAt2 => {
                return self.opened(&task, row.sys, &args, &done);
            }
            Sys::Write => {
                let (fd, _) = args.fd(0)?;
                if let (1 | 2, Some(text)) = (fd, whole.args.get(1).and_then(|text| unquoted(text))) {
                    report.printed.extend(text.lines().map(str::to_owned));
                }
            }
            Sys::Sendfile | Sys::CopyFileRange | Sys::Splice => {
                return self.copied(&task, row.sys, &args, &done);
            }
            _ => {}
        }
        let call = match row.sys {
            Sys::Mmap | Sys::Mmap2 => self.mapping(&task, row.sys, &args, &done)?,
            Sys::Munmap => {
                let (addr, len) = args.range()?;
                Some(Decoded::Unmap(self.machine.take_memory(&task, addr, len)))
            }
            Sys::Mremap => {
                let ((old, old_len), new_len) = (args.range()?, args.unsigned(2)?);
                let flags = flag_names(args.text(3)?);
                if args.bytes().unwrap_or(0).checked_add(new_len).is_none() {
                    return Err("the mapping ends past 2^64".to_owned());
                }
                let taken = self.machine.take_memory(&task, old, old_len.max(1));
                Some(Decoded::Remap { old, old_len, new_len, flags, taken })
            }
            Sys::Mprotect => {
                let (addr, len) = args.range()?;
                Some(Decoded::Protect { addr, len, flags: flag_names(args.text(2)?) })
            }
            Sys::Madvise => {
                let (addr, len) = args.range()?;
                Some(Decoded::Advice { addr, len, counsel: counsel(args.text(2)?) })
            }
            Sys::Mlock | Sys::Mlock2 => {
                let (addr, len) = args.range()?;
                let flags = whole.args.get(2).map(|text| flag_names(text));
                let on_fault = flags.filter(|flags| flags.has("MLOCK_ONFAULT"));
                // The text does not list what is mapped: memory that is not known reaches as far as the lock.
                let call = Decoded::Lock { addr, len, on_fault, lists: &|_| Some(0..u64::MAX) };
                self.machine.apply(&task, &done, call);
                None
            }
            Sys::Munlock => {
                let (addr, len) = args.range()?;
                Some(Decoded::Unlock { addr, len })
            }
            Sys::MlockAll => Some(Decoded::LockAll { flags: flag_names(args.text(0)?) }),
            Sys::MunlockAll => Some(Decoded::UnlockAll),
            Sys::Setrlimit => limit("setrlimit", args.text(0)?, args.text(1)?),
            Sys::Prlimit => limit("prlimit64", args.text(1)?, args.text(2)?),
            Sys::Truncate => {
                let path = unquoted(args.text(0)?).ok_or("the path is no string")?;
                let len = args.unsigned(1)?;
                self.by_path(&path).map(|file| Decoded::Resize { file, len })
            }
            _ => self.on_descriptor(&task, row.sys, &args, &done)?,
        };
        if let Some(call) = call {
            self.machine.apply(&task, &done, call);
        }
        Ok(())
    }

    fn opened(&mut self, task: &Task, sys: Sys, args: &Args<'_>, done: &Done) -> Result {
        let at = usize::from(matches!(sys, Sys::OpenAt | Sys::OpenAt2));
        let path = unquoted(args.text(at)?).ok_or("the path is no string")?;
        // openat2 has its flags inside a structure, and creat has none of its own.
        let flags = args.text(at + 1)?;
        let flags =
            flags.split_once("flags=").map_or(flags, |(_, f)| f.split([',', '}']).next().unwrap_or(f));
        let flags = if sys == Sys::Creat { "O_CREAT|O_TRUNC|O_WRONLY" } else { flags };
        let file = self.new_file(&path);
        if let Some(resolved) = args.whole.result_path
            && resolved != path
        {
            self.named(file, resolved);
            // Later names may be looked for under the first one too.
            self.named(file, &path);
        }
        let fd = args.new_fd();
        if let Some(fd) = fd {
            // A file had this number if its close is not in the text.
            let taken = self.machine.take_descriptor(task, fd);
            let unseen = Done { dur_ns: 0, injected: false, ..done.clone() };
            self.machine.apply(task, &unseen, Decoded::Close(taken));
        }
        let (identity, flags) = (None, flag_names(flags));
        let opened = Opened { file, model: 0, path, fd, position: 0, identity, flags };
        self.machine.apply(task, done, Decoded::Open(opened));
        Ok(())
    }

    /// A call on a descriptor.
    fn on_descriptor(
        &mut self,
        task: &Task,
        sys: Sys,
        args: &Args<'_>,
        done: &Done,
    ) -> Result<Option<Decoded<'static>>> {
        if sys == Sys::CloseRange {
            let bound = |at: usize| args.unsigned(at).map(|fd| i32::try_from(fd).unwrap_or(i32::MAX));
            let only_mark = args.text(2)?.contains("CLOSE_RANGE_CLOEXEC");
            return Ok(Some(Decoded::CloseRange { first: bound(0)?, last: bound(1)?, only_mark }));
        }
        let (fd, path) = args.fd(0)?;
        let Some(file) = self.file(task, fd, path, done) else {
            // A descriptor of something else may take the number of a known one.
            return Ok(match (sys, args.new_fd()) {
                (Sys::Dup2 | Sys::Dup3, Some(to)) => {
                    Some(Decoded::Duplicate { from: fd, to, close_on_exec: false })
                }
                _ => None,
            });
        };
        Ok(match sys {
            Sys::Close => Some(Decoded::Close(self.machine.take_descriptor(task, fd))),
            Sys::Dup | Sys::Dup2 | Sys::Dup3 => args.new_fd().map(|to| {
                let close_on_exec = args.whole.args.get(2).is_some_and(|flags| flags.contains("O_CLOEXEC"));
                Decoded::Duplicate { from: fd, to, close_on_exec }
            }),
            Sys::Fcntl => fcntl(args, fd, file)?,
            Sys::Lseek => {
                let asks = args.text(2)? == "SEEK_END" && args.text(1)? == "0";
                args.bytes().map(|_| Decoded::Seek { file, asks })
            }
            Sys::Fadvise | Sys::Readahead => {
                let (offset, len) = (args.unsigned(1)?, args.unsigned(2)?);
                let counsel = match sys {
                    Sys::Readahead => Counsel::Known(Advice::WillNeed),
                    _ => counsel(args.text(3)?),
                };
                Some(Decoded::FileAdvice { file, offset, len, counsel })
            }
            Sys::Ftruncate => Some(Decoded::Resize { file: file.borrow().file, len: args.unsigned(1)? }),
            Sys::Fallocate => {
                let (offset, len) = (args.unsigned(2)?, args.unsigned(3)?);
                let mode = args.text(1)?;
                let clears = mode.contains("FALLOC_FL_PUNCH_HOLE") || mode.contains("FALLOC_FL_ZERO_RANGE");
                Some(match clears {
                    true => Decoded::Clear { file, offset, len },
                    false => Decoded::Resize { file: file.borrow().file, len: offset.saturating_add(len) },
                })
            }
            _ => Some(self.transfer(sys, args, file)?),
        })
    }

    /// A read or a write.
    fn transfer(&mut self, sys: Sys, args: &Args<'_>, file: OpenFile) -> Result<Decoded<'static>> {
        let buffer = args.text(1)?;
        let plain = matches!(sys, Sys::Read | Sys::Pread | Sys::Write | Sys::Pwrite);
        let len = if plain { args.unsigned(2)? } else { vector_len(buffer)? };
        let at = match sys {
            Sys::Read | Sys::Readv | Sys::Write | Sys::Writev => At::Position,
            Sys::Preadv2 | Sys::Pwritev2 if args.text(3)? == "-1" => At::Position,
            _ => At::Offset(args.unsigned(3)?),
        };
        let arrived = args.transferred(len)?;
        let offset = match at {
            At::Offset(offset) => offset,
            _ => file.borrow().position,
        };
        if offset.checked_add(arrived).is_none() {
            return Err("the position is out of range".to_owned());
        }
        if offset.checked_add(len).is_none() {
            return Err("the range ends past 2^64".to_owned());
        }
        if matches!(sys, Sys::Write | Sys::Pwrite | Sys::Writev | Sys::Pwritev | Sys::Pwritev2) {
            return Ok(Decoded::Write { file, at, len });
        }
        if offset == 0 && unquoted(buffer).is_some_and(|text| text.starts_with("GGUF")) {
            let id = file.borrow().file;
            self.is_model(id);
        }
        let addr = number(buffer).and_then(|addr| u64::try_from(addr).ok()).unwrap_or(0);
        if addr == 0 && self.machine.notes.is_model(file.borrow().file) {
            self.unseen.insert(BlindSpot::Destinations);
        }
        Ok(Decoded::Read { file, at, len, addr })
    }

    /// A copy within the kernel, of which either side may be known.
    fn copied(&mut self, task: &Task, sys: Sys, args: &Args<'_>, done: &Done) -> Result {
        let ((from, from_at), (to, to_at), len) = match sys {
            Sys::Sendfile => ((1, Some(2)), (0, None), args.unsigned(3)?),
            _ => ((0, Some(1)), (2, Some(3)), args.unsigned(4)?),
        };
        args.transferred(len)?;
        for (side, offset, reads) in [(from, from_at, true), (to, to_at, false)] {
            let (fd, path) = args.fd(side)?;
            let Some(file) = self.file(task, fd, path, done) else { continue };
            let at = match offset.map(|offset| args.text(offset)).transpose()? {
                None | Some("NULL") => At::Position,
                // `[before] => [after]`
                Some(text) => {
                    let before = text.strip_prefix('[').and_then(|rest| rest.split(']').next());
                    let before = before.and_then(number).and_then(|at| u64::try_from(at).ok());
                    At::Offset(before.ok_or("the offset is no number")?)
                }
            };
            let is_model = self.machine.notes.is_model(file.borrow().file);
            if is_model && reads && args.bytes().is_some_and(|bytes| bytes > 0) {
                self.unseen.insert(BlindSpot::Transfer);
            }
            let call = match reads {
                true => Decoded::Read { file, at, len, addr: 0 },
                false => Decoded::Write { file, at, len },
            };
            self.machine.apply(task, done, call);
        }
        Ok(())
    }

    fn mapping(
        &mut self,
        task: &Task,
        sys: Sys,
        args: &Args<'_>,
        done: &Done,
    ) -> Result<Option<Decoded<'static>>> {
        let (len, protection, flags) = (args.unsigned(1)?, args.text(2)?, args.text(3)?);
        if args.bytes().is_some_and(|addr| addr.checked_add(len).is_none()) {
            return Err("the mapping ends past 2^64".to_owned());
        }
        let anonymous = flags.contains("MAP_ANONYMOUS") || flags.contains("MAP_ANON");
        let mut flags = flag_names(flags);
        for name in ["PROT_EXEC", "PROT_WRITE"] {
            if protection.contains(name) {
                flags.names.push(name.into());
            }
        }
        flags.names.sort_unstable();
        let (mut file, mut offset) = (None, 0);
        if !anonymous {
            let (fd, path) = args.fd(4)?;
            let unit = if sys == Sys::Mmap2 && !args.text(5)?.starts_with("0x") { 4096 } else { 1 };
            offset = args.unsigned(5)?.checked_mul(unit).ok_or("the offset is out of range")?;
            if offset.checked_add(len).is_none() {
                return Err("the range ends past 2^64".to_owned());
            }
            file = self.file(task, fd, path, done);
        }
        let accessible = protection != "PROT_NONE";
        Ok(Some(Decoded::Map(Mapping { file, anonymous, accessible, offset, len, flags })))
    }
}

/// What a call that makes a thread or a process says that the two share.
pub(super) fn shares<'a>(args: impl Iterator<Item = &'a str>) -> Shares {
    let mut shares = Shares::default();
    for arg in args {
        shares.files |= arg.contains("CLONE_FILES");
        shares.memory |= arg.contains("CLONE_VM");
        shares.process |= arg.contains("CLONE_THREAD");
    }
    shares.files |= shares.process;
    shares.memory |= shares.process;
    shares
}

fn fcntl(args: &Args<'_>, fd: i32, file: OpenFile) -> Result<Option<Decoded<'static>>> {
    let command = args.text(1)?;
    Ok(match command {
        "F_SETFL" => Some(Decoded::SetFlags { file, flags: flag_names(args.text(2)?) }),
        _ if args.has_failed() => None,
        "F_DUPFD" | "F_DUPFD_CLOEXEC" => args.new_fd().map(|to| {
            let close_on_exec = command == "F_DUPFD_CLOEXEC";
            Decoded::Duplicate { from: fd, to, close_on_exec }
        }),
        "F_SETFD" => Some(Decoded::CloseOnExec { fd, on: args.text(2)?.contains("FD_CLOEXEC") }),
        _ => None,
    })
}

/// A limit on locked memory that is set, with the new soft one for a raw value.
fn limit(name: &'static str, resource: &str, new: &str) -> Option<Decoded<'static>> {
    let soft = new.split_once("rlim_cur=")?.1.split([',', '}']).next()?;
    let soft = match soft.split_once('*') {
        Some((factor, unit)) => factor.parse::<u64>().ok()?.saturating_mul(unit.parse().ok()?),
        None => soft.parse().unwrap_or(u64::MAX),
    };
    let flags = NativeFlags::new(["RLIMIT_MEMLOCK"], soft);
    (resource == "RLIMIT_MEMLOCK").then_some(Decoded::Other { name, flags })
}

/// The sum of the lengths in `[{iov_base=…, iov_len=N}, …]`.
fn vector_len(text: &str) -> Result<u64> {
    let mut sum = 0u64;
    for piece in text.split("iov_len=").skip(1) {
        let digits: &str = piece.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
        let len: u64 = digits.parse().map_err(|_| "a vector's length is no number".to_owned())?;
        sum = sum.checked_add(len).ok_or("the vectors are longer than 2^64")?;
    }
    Ok(sum)
}

/// The advice behind `MADV_WILLNEED` and `POSIX_FADV_WILLNEED`, or another kind by its name.
fn counsel(name: &str) -> Counsel {
    match name.rsplit('_').next() {
        Some("SEQUENTIAL") => Counsel::Known(Advice::Sequential),
        Some("RANDOM") => Counsel::Known(Advice::Random),
        Some("WILLNEED") => Counsel::Known(Advice::WillNeed),
        Some("DONTNEED") => Counsel::Known(Advice::DontNeed),
        _ => Counsel::Other(flag_names(name)),
    }
}
