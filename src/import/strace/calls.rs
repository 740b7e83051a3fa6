//! The system calls that are looked at, one by one.

use super::line::{Return, Whole, descriptor, number, unquoted};
use super::process::{Kernel, Memory, flag_names, plain};
use crate::import::{Report, errno};
use crate::trace::{Advice, Call, Errno, Outcome};

/// The calls that are looked at.
pub(super) const KNOWN: &[&str] = &[
    "open",
    "openat",
    "openat2",
    "close",
    "dup",
    "dup2",
    "dup3",
    "fcntl",
    "fcntl64",
    "read",
    "pread64",
    "readv",
    "preadv",
    "preadv2",
    "lseek",
    "mmap",
    "mmap2",
    "munmap",
    "madvise",
    "fadvise64",
    "readahead",
    "mlock",
    "mlock2",
    "munlock",
    "fork",
    "vfork",
    "clone",
    "clone3",
    "execve",
    "execveat",
    "write",
    "mlockall",
    "munlockall",
    "io_uring_enter",
    "sendfile",
    "sendfile64",
    "splice",
    "copy_file_range",
    "mremap",
    "process_vm_readv",
];

/// Calls that may move weights or lock them and that have no operation.
const UNTOLD: &[&str] = &[
    "mlockall",
    "munlockall",
    "io_uring_enter",
    "sendfile",
    "sendfile64",
    "splice",
    "copy_file_range",
    "mremap",
    "process_vm_readv",
];

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
    fn fd(&self, at: usize) -> Result<(i64, Option<&'a str>)> {
        let text = self.text(at)?;
        let (word, path) = descriptor(text, text);
        number(word)
            .and_then(|n| i64::try_from(n).ok())
            .map(|fd| (fd, path))
            .ok_or_else(|| format!("argument {} is no descriptor", at + 1))
    }

    /// What the call returned, `None` if it was refused or never returned.
    fn value(&self) -> Option<i128> {
        match self.whole.result {
            Return::Value(value) => Some(value),
            _ => None,
        }
    }

    fn bytes(&self) -> Option<u64> {
        self.value().and_then(|value| u64::try_from(value).ok())
    }

    fn error(&self) -> Option<Errno> {
        match self.whole.result {
            Return::Error(name) => Some(errno::by_name(name)),
            _ => None,
        }
    }

    fn outcome(&self) -> Outcome {
        self.error().map_or_else(|| Outcome::Ok(self.bytes().unwrap_or(0)), Outcome::Err)
    }
}

impl Kernel {
    /// Plays one call.
    pub(super) fn call(&mut self, pid: u64, name: &str, whole: &Whole<'_>, report: &mut Report) -> Result {
        let args = Args { whole };
        if whole.result == Return::Never {
            report.unfinished += 1;
            return Ok(());
        }
        if UNTOLD.contains(&name) {
            let note = format!("{name} was called; what it read or locked is not in the trace");
            if !report.notes.contains(&note) {
                report.unseen.push(note.clone());
                report.notes.push(note);
            }
            return Ok(());
        }
        match name {
            "open" => self.opened(pid, &args, 0),
            "openat" | "openat2" => self.opened(pid, &args, 1),
            "close" if args.error().is_none() => {
                let (fd, path) = args.fd(0)?;
                self.description(pid, fd, path);
                self.close(pid, fd);
                Ok(())
            }
            "dup" | "dup2" | "dup3" | "fcntl" | "fcntl64" => self.copied(pid, name, &args),
            "read" | "pread64" | "readv" | "preadv" | "preadv2" => self.read(pid, name, &args),
            "lseek" => self.seek(pid, &args),
            "mmap" | "mmap2" => self.map(pid, name, &args),
            "munmap" => self.unmap(pid, &args),
            "madvise" => self.advise(pid, &args),
            "fadvise64" | "readahead" => self.file_advise(pid, name, &args),
            "mlock" | "mlock2" | "munlock" => self.lock(pid, name == "munlock", &args),
            "fork" | "vfork" | "clone" | "clone3" => {
                let Some(child) = args.bytes() else { return Ok(()) };
                let shared =
                    whole.args.iter().any(|arg| arg.contains("CLONE_THREAD") || arg.contains("CLONE_FILES"));
                if shared {
                    self.thread(pid, child);
                } else {
                    self.fork(pid, child);
                }
                Ok(())
            }
            "execve" | "execveat" if args.error().is_none() => {
                self.exec(pid);
                Ok(())
            }
            "write" => {
                let (fd, _) = args.fd(0)?;
                if let (1 | 2, Some(text)) = (fd, whole.args.get(1).and_then(|text| unquoted(text))) {
                    report.printed.extend(text.lines().map(str::to_owned));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn opened(&mut self, pid: u64, args: &Args<'_>, at: usize) -> Result {
        let path = unquoted(args.text(at)?).ok_or("the path is no string")?;
        // openat2 has its flags inside a structure.
        let flags = args.text(at + 1)?;
        let flags =
            flags.split_once("flags=").map_or(flags, |(_, f)| f.split([',', '}']).next().unwrap_or(f));
        let flags = flag_names(flags);
        let has = |name: &str| flags.names.iter().any(|flag| flag == name);
        let (direct, close_on_exec) = (has("O_DIRECT"), has("O_CLOEXEC"));
        let file = self.new_file(&path);
        if let Some(resolved) = args.whole.result_path
            && resolved != path
        {
            self.named(file, resolved);
            // Later names may be looked for under the first one too.
            self.named(file, &path);
        }
        let error = args.error();
        if let (None, Some(fd)) = (&error, args.value().and_then(|fd| i64::try_from(fd).ok())) {
            self.open_new(pid, fd, file, direct, close_on_exec, path, flags);
        } else {
            self.push(pid, Call::Open { file, path, direct, identity: None, flags }, plain(error));
        }
        Ok(())
    }

    #[allow(clippy::too_many_arguments, reason = "one call with all that it says")]
    fn open_new(
        &mut self,
        pid: u64,
        fd: i64,
        file: crate::trace::FileId,
        direct: bool,
        close_on_exec: bool,
        path: String,
        flags: crate::trace::NativeFlags,
    ) {
        self.close(pid, fd);
        self.push(pid, Call::Open { file, path, direct, identity: None, flags }, Outcome::Ok(0));
        self.open(pid, fd, file, direct, close_on_exec);
    }

    fn copied(&mut self, pid: u64, name: &str, args: &Args<'_>) -> Result {
        let (from, _) = args.fd(0)?;
        let Some(to) = args.value().and_then(|fd| i64::try_from(fd).ok()) else { return Ok(()) };
        if !name.starts_with("fcntl") {
            let close_on_exec = args.whole.args.get(2).is_some_and(|flags| flags.contains("O_CLOEXEC"));
            self.dup(pid, from, to, close_on_exec);
            return Ok(());
        }
        match args.text(1)? {
            "F_DUPFD" => self.dup(pid, from, to, false),
            "F_DUPFD_CLOEXEC" => self.dup(pid, from, to, true),
            "F_SETFD" => {
                let on = args.text(2)?.contains("FD_CLOEXEC");
                if let Some(descriptor) = self.process(pid).descriptors.get_mut(&from) {
                    descriptor.close_on_exec = on;
                }
            }
            "F_SETFL" => {
                let direct = args.text(2)?.contains("O_DIRECT");
                if let Some(at) = self.description(pid, from, None) {
                    self.descriptions[at].direct = direct;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn read(&mut self, pid: u64, name: &str, args: &Args<'_>) -> Result {
        let (fd, path) = args.fd(0)?;
        let buffer = args.text(1)?;
        let positioned = name.starts_with('p');
        let (len, offset) = if name.ends_with("64") || name == "read" {
            (args.unsigned(2)?, if positioned { Some(args.unsigned(3)?) } else { None })
        } else {
            (vector_len(buffer)?, if positioned { Some(args.unsigned(3)?) } else { None })
        };
        let Some(at) = self.description(pid, fd, path) else { return Ok(()) };
        let description = &mut self.descriptions[at];
        let (file, direct) = (description.file, description.direct);
        let offset = offset.unwrap_or(description.position);
        let arrived = args.bytes().unwrap_or(0);
        if arrived > len {
            return Err("more bytes arrived than were asked for".to_owned());
        }
        if !positioned {
            description.position = offset.checked_add(arrived).ok_or("the position is out of range")?;
        }
        if offset.checked_add(len).is_none() {
            return Err("the range ends past 2^64".to_owned());
        }
        if offset == 0 && unquoted(buffer).is_some_and(|text| text.starts_with("GGUF")) {
            self.is_model(file);
        }
        let addr = number(buffer).and_then(|addr| u64::try_from(addr).ok()).unwrap_or(0);
        self.push(pid, Call::Read { file, offset, len, direct, addr }, args.outcome());
        Ok(())
    }

    fn seek(&mut self, pid: u64, args: &Args<'_>) -> Result {
        let (fd, path) = args.fd(0)?;
        let Some(at) = self.description(pid, fd, path) else { return Ok(()) };
        let Some(position) = args.bytes() else { return Ok(()) };
        self.descriptions[at].position = position;
        let from_end = args.text(2)? == "SEEK_END" && matches!(args.text(1)?, "0");
        if from_end {
            let file = self.descriptions[at].file;
            self.push(pid, Call::Size { file }, Outcome::Ok(position));
        }
        Ok(())
    }

    fn map(&mut self, pid: u64, name: &str, args: &Args<'_>) -> Result {
        let (len, flags) = (args.unsigned(1)?, args.text(3)?);
        let anonymous = flags.contains("MAP_ANONYMOUS") || flags.contains("MAP_ANON");
        let addr = args.bytes();
        if let Some(addr) = addr
            && addr.checked_add(len).is_none()
        {
            return Err("the mapping ends past 2^64".to_owned());
        }
        if anonymous {
            // A reservation without access holds nothing.
            if let Some(start) = addr
                && args.text(2)? != "PROT_NONE"
            {
                let region = self.new_region();
                self.process(pid).memory.push(Memory { region, start, len, file: false });
                self.push(pid, Call::Alloc { region, len, align: 1, addr: start }, Outcome::Ok(0));
            }
            return Ok(());
        }
        let (fd, path) = args.fd(4)?;
        let unit = if name == "mmap2" && !args.text(5)?.starts_with("0x") { 4096 } else { 1 };
        let offset = args.unsigned(5)?.checked_mul(unit).ok_or("the offset is out of range")?;
        if offset.checked_add(len).is_none() {
            return Err("the range ends past 2^64".to_owned());
        }
        let Some(at) = self.description(pid, fd, path) else { return Ok(()) };
        let file = self.descriptions[at].file;
        let region = self.new_region();
        if let Some(start) = addr {
            self.process(pid).memory.push(Memory { region, start, len, file: true });
        }
        let populate = flags.contains("MAP_POPULATE");
        let addr = addr.unwrap_or(0);
        let flags = flag_names(flags);
        self.push(pid, Call::Map { file, region, offset, len, populate, addr, flags }, plain(args.error()));
        Ok(())
    }

    fn unmap(&mut self, pid: u64, args: &Args<'_>) -> Result {
        let (addr, len) = (args.unsigned(0)?, args.unsigned(1)?);
        let end = addr.checked_add(len).ok_or("the range ends past 2^64")?;
        if args.error().is_some() {
            return Ok(());
        }
        let mut given_back = Vec::new();
        // What is cut off a mapping is forgotten, so that its addresses may be used again.
        let memory = &mut self.process(pid).memory;
        for m in memory.iter() {
            // Lengths of mappings are those asked for; the kernel gives back whole pages.
            let (from, to) = (addr.max(m.start), end.min(m.start + m.len));
            if from < to {
                given_back.push((m.region, from - m.start, to - from));
            }
        }
        memory.retain(|m| !(addr <= m.start && m.start + m.len <= end));
        for (region, offset, len) in given_back {
            self.push(pid, Call::Unmap { region, offset, len }, Outcome::Ok(0));
        }
        Ok(())
    }

    fn advise(&mut self, pid: u64, args: &Args<'_>) -> Result {
        let (addr, len) = (args.unsigned(0)?, args.unsigned(1)?);
        let Some(advice) = advice(args.text(2)?) else { return Ok(()) };
        if let Some((region, offset, true)) = self.memory_at(pid, addr) {
            self.push(pid, Call::MapAdvise { region, offset, len, advice }, plain(args.error()));
        }
        Ok(())
    }

    fn file_advise(&mut self, pid: u64, name: &str, args: &Args<'_>) -> Result {
        let (fd, path) = args.fd(0)?;
        let (offset, len) = (args.unsigned(1)?, args.unsigned(2)?);
        let advice = if name == "readahead" { Some(Advice::WillNeed) } else { advice(args.text(3)?) };
        if let (Some(at), Some(advice)) = (self.description(pid, fd, path), advice) {
            let file = self.descriptions[at].file;
            self.push(pid, Call::FileAdvise { file, offset, len, advice }, plain(args.error()));
        }
        Ok(())
    }

    fn lock(&mut self, pid: u64, un: bool, args: &Args<'_>) -> Result {
        let (addr, len) = (args.unsigned(0)?, args.unsigned(1)?);
        if addr.checked_add(len).is_none() {
            return Err("the range ends past 2^64".to_owned());
        }
        let error = match args.whole.result {
            Return::Error(name) => Some(errno::of_a_lock(name)),
            _ => None,
        };
        let (region, offset, of_file) = self.memory_or_new(pid, addr, len);
        let call = if un { Call::Unlock { region, offset, len } } else { Call::Lock { region, offset, len } };
        self.push(pid, call, plain(error));
        if let Some(proto) = self.protos.last_mut() {
            proto.of_file_mapping = of_file;
        }
        Ok(())
    }
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

/// The advice behind `MADV_WILLNEED` and `POSIX_FADV_WILLNEED`; others have no operation.
fn advice(name: &str) -> Option<Advice> {
    match name.rsplit('_').next()? {
        "SEQUENTIAL" => Some(Advice::Sequential),
        "RANDOM" => Some(Advice::Random),
        "WILLNEED" => Some(Advice::WillNeed),
        "DONTNEED" => Some(Advice::DontNeed),
        _ => None,
    }
}
