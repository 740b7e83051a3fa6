//! What strace sees of a command's business with one file, by a reader of its own, and what a trace
//! says of it, in the same words.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of this")]
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::Path;
use std::rc::Rc;

use loadparity::trace::{Advice, Call, Op, Outcome, RegionId};

/// One call on the file, or on memory, in words of the system call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Seen {
    Open { flags: BTreeSet<String>, ok: bool },
    Read { offset: u64, len: u64, result: i64 },
    FileAdvice { offset: u64, len: u64, advice: &'static str },
    Map { addr: u64, len: u64, offset: u64, flags: BTreeSet<String> },
    MapAdvice { addr: u64, len: u64, advice: &'static str },
    Lock { addr: u64, len: u64, ok: bool },
    Unlock { addr: u64, len: u64 },
    Unmap { addr: u64, len: u64 },
}

/// Which locks count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locks {
    /// Those of memory that is an image of the file.
    OfFile,
    /// All of them.
    All,
}

/// Advice that a trace has a word for. Advice of another kind has its own name in a trace.
const ADVICE: [(&str, &str, Advice); 4] = [
    ("POSIX_FADV_SEQUENTIAL", "MADV_SEQUENTIAL", Advice::Sequential),
    ("POSIX_FADV_RANDOM", "MADV_RANDOM", Advice::Random),
    ("POSIX_FADV_WILLNEED", "MADV_WILLNEED", Advice::WillNeed),
    ("POSIX_FADV_DONTNEED", "MADV_DONTNEED", Advice::DontNeed),
];

impl Seen {
    /// Tells an address by the mapping that it is in: its number and the distance from its start.
    pub fn rebase(&mut self, maps: &[(u64, u64)]) {
        let (Self::Map { addr, .. }
        | Self::Lock { addr, .. }
        | Self::Unlock { addr, .. }
        | Self::Unmap { addr, .. }
        | Self::MapAdvice { addr, .. }) = self
        else {
            return;
        };
        let found = (0u64..).zip(maps).find(|(_, (start, len))| (*start..start + len).contains(addr));
        let (number, (start, _)) = found.unwrap();
        *addr = (number << 48) + (*addr - start);
    }
}

/// What a trace says. A buffer that is given back to the allocator is not the file's business.
pub fn told<'a>(ops: impl Iterator<Item = &'a Op>, locks: Locks) -> Vec<Seen> {
    let mut maps: BTreeMap<RegionId, u64> = BTreeMap::new();
    let mut buffers: BTreeMap<RegionId, u64> = BTreeMap::new();
    let mut seen = Vec::new();
    for op in ops {
        // strace prints -1 and the name of an error.
        let result = if let Outcome::Ok(n) = op.outcome { n.cast_signed() } else { -1 };
        let ok = result >= 0;
        let names =
            |flags: &loadparity::trace::NativeFlags| flags.names.iter().map(ToString::to_string).collect();
        let in_map = |region: &RegionId, offset: u64| Some(maps.get(region)? + offset);
        let anywhere = |region: &RegionId, offset: u64| {
            let buffer = buffers.get(region).filter(|_| locks == Locks::All);
            in_map(region, offset).or_else(|| Some(buffer? + offset))
        };
        let one = match &op.call {
            Call::Open { flags, .. } => Some(Seen::Open { flags: names(flags), ok }),
            Call::Read { offset, len, .. } => Some(Seen::Read { offset: *offset, len: *len, result }),
            Call::FileAdvise { offset, len, advice, .. } => {
                let advice = ADVICE.iter().find(|a| a.2 == *advice).unwrap().0;
                Some(Seen::FileAdvice { offset: *offset, len: *len, advice })
            }
            Call::Map { region, offset, len, addr, flags, .. } => {
                maps.insert(*region, *addr);
                Some(Seen::Map { addr: *addr, len: *len, offset: *offset, flags: names(flags) })
            }
            Call::Alloc { region, addr, .. } => {
                buffers.insert(*region, *addr);
                None
            }
            Call::MapAdvise { region, offset, len, advice } => in_map(region, *offset).map(|addr| {
                let advice = ADVICE.iter().find(|a| a.2 == *advice).unwrap().1;
                Seen::MapAdvice { addr, len: *len, advice }
            }),
            Call::Lock { region, offset, len } => {
                anywhere(region, *offset).map(|addr| Seen::Lock { addr, len: *len, ok })
            }
            Call::Unlock { region, offset, len } => {
                anywhere(region, *offset).map(|addr| Seen::Unlock { addr, len: *len })
            }
            Call::Unmap { region, offset, len } => {
                in_map(region, *offset).map(|addr| Seen::Unmap { addr, len: *len })
            }
            _ => None,
        };
        seen.extend(one);
    }
    seen
}

pub fn is_there() -> bool {
    if std::process::Command::new("strace").arg("-V").output().is_ok_and(|out| out.status.success()) {
        return true;
    }
    if std::env::var_os("LOADPARITY_WITHOUT_STRACE").is_some() {
        eprintln!("UNSUPPORTED: strace is not installed; nothing was held against it");
        return false;
    }
    panic!(
        "unsupported: strace is not installed. Install it, or set LOADPARITY_WITHOUT_STRACE=1 to do without"
    );
}

/// One finished call: name, arguments, result.
pub type LogCall = (String, String, String);

/// Runs a command under strace; returns its finished calls.
pub fn record<A: AsRef<OsStr>, E: AsRef<OsStr>>(argv: &[A], env: &[(E, E)]) -> Vec<LogCall> {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("strace.log");
    let calls = "trace=open,openat,read,pread64,readv,preadv,preadv2,lseek,dup,dup2,dup3,fcntl,close,close_range,\
                 sendfile,copy_file_range,fadvise64,readahead,mmap,mremap,munmap,madvise,mlock,mlock2,munlock,mlockall,clone,clone3,fork,vfork";
    let status = std::process::Command::new("strace")
        .args(["-f", "-y", "-v", "-s", "0", "-e", calls, "-o"])
        .arg(&log)
        .args(argv)
        .envs(env.iter().map(|(name, value)| (name, value)))
        .stdout(std::process::Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "{status}");
    finished_calls(&std::fs::read_to_string(&log).unwrap())
}

/// What the calls do to a file and to memory.
pub fn witnessed(calls: &[LogCall], model: &Path, locks: Locks) -> Vec<Seen> {
    let file = format!("<{}>", model.canonicalize().unwrap().display());
    let mut follower = Follower { file, locks, positions: BTreeMap::new(), maps: Vec::new() };
    calls.iter().filter_map(|(name, args, result)| follower.follow(name, args, result)).collect()
}

/// The finished calls of a log: name, arguments, result. Calls that were interrupted by another
/// thread's line are put together again.
pub fn finished_calls(log: &str) -> Vec<LogCall> {
    let mut open: BTreeMap<&str, String> = BTreeMap::new();
    let mut calls = Vec::new();
    for line in log.lines() {
        let Some((pid, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        if let Some(start) = rest.strip_suffix(" <unfinished ...>") {
            open.insert(pid, start.to_owned());
            continue;
        }
        let whole = match rest.strip_prefix("<... ").and_then(|r| r.split_once(" resumed>")) {
            Some((_, end)) => open.remove(pid).unwrap_or_default() + end,
            None => rest.to_owned(),
        };
        let Some((call, result)) = whole.rsplit_once(" = ") else { continue };
        let Some((name, args)) = call.trim_end().split_once('(') else { continue };
        calls.push((name.to_owned(), args.strip_suffix(')').unwrap_or(args).to_owned(), result.to_owned()));
    }
    calls
}

struct Follower {
    /// How strace marks a descriptor of the file.
    file: String,
    locks: Locks,
    /// The file position behind each descriptor; of all processes, as forks share them and the
    /// probes keep to numbers of their own.
    positions: BTreeMap<u64, Rc<Cell<u64>>>,
    maps: Vec<(u64, u64)>,
}

fn number(text: &str) -> u64 {
    let text = text.split(['<', ' ']).next().unwrap();
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).unwrap_or(0),
        None => text.parse().unwrap_or(0),
    }
}

fn flag_set(text: &str) -> BTreeSet<String> {
    text.trim().split('|').map(str::to_owned).collect()
}

impl Follower {
    fn in_model(&self, addr: u64) -> bool {
        self.maps.iter().any(|(start, len)| (*start..start + len).contains(&addr))
    }

    /// Whether a lock at this address counts.
    fn counts(&self, addr: u64) -> bool {
        self.locks == Locks::All || self.in_model(addr)
    }

    /// Moves the position behind a descriptor by what a read returned; gives where it was.
    fn advance(&self, fd: u64, result: i64) -> Option<u64> {
        let position = self.positions.get(&fd)?;
        let before = position.get();
        position.set(before + result.max(0).cast_unsigned());
        Some(before)
    }

    /// The length that a read asks for: its argument, or the sum over its pieces.
    fn asked(name: &str, args: &str, words: &[&str]) -> u64 {
        if name == "read" || name == "pread64" {
            let from_end = if name == "read" { 1 } else { 2 };
            return number(words[words.len() - from_end]);
        }
        args.split("iov_len=").skip(1).map(|rest| number(rest.split('}').next().unwrap())).sum()
    }

    fn follow(&mut self, name: &str, args: &str, result: &str) -> Option<Seen> {
        let words: Vec<&str> = args.split(", ").collect();
        let value: i64 = result.split(['<', ' ']).next()?.parse().unwrap_or(0);
        let fd = number(words[0]);
        let on_file = words[0].contains(&self.file);
        match name {
            "open" | "openat" => {
                let path = self.file.trim_matches(['<', '>']).to_owned();
                let (_, rest) = args.split_once('"')?;
                let (named, flags) = rest.split_once("\", ")?;
                if named != path {
                    return None;
                }
                if value >= 0 {
                    self.positions.insert(value.cast_unsigned(), Rc::default());
                }
                Some(Seen::Open { flags: flag_set(flags), ok: value >= 0 })
            }
            "dup" | "dup2" | "dup3" | "fcntl" if on_file && value >= 0 => {
                if name != "fcntl" || args.contains("F_DUPFD") {
                    let shared = Rc::clone(self.positions.get(&fd)?);
                    self.positions.insert(value.cast_unsigned(), shared);
                }
                None
            }
            "lseek" if on_file && value >= 0 => {
                self.positions.get(&fd)?.set(value.cast_unsigned());
                None
            }
            "read" | "readv" | "pread64" | "preadv" | "preadv2" if on_file => {
                let len = Self::asked(name, args, &words);
                let given = match name {
                    "pread64" | "preadv" => Some(words[words.len() - 1]),
                    "preadv2" => Some(words[words.len() - 2]).filter(|offset| *offset != "-1"),
                    _ => None,
                };
                let offset = match given {
                    Some(text) => text.parse::<i64>().unwrap().cast_unsigned(),
                    None => self.advance(fd, value)?,
                };
                Some(Seen::Read { offset, len, result: value })
            }
            "sendfile" | "copy_file_range" => {
                let [from, at, len] = if name == "sendfile" { [1, 2, 3] } else { [0, 1, 4] };
                if !words[from].contains(&self.file) {
                    return None;
                }
                // `[before] => [after]`, or NULL for the position of the file.
                let given = words[at].strip_prefix('[').and_then(|rest| rest.split(']').next());
                let offset = match given {
                    Some(before) => number(before),
                    None => self.advance(number(words[from]), value)?,
                };
                Some(Seen::Read { offset, len: number(words[len]), result: value })
            }
            "mmap" if words[4].contains(&self.file) => {
                let (addr, len) = (number(result), number(words[1]));
                self.maps.push((addr, len));
                Some(Seen::Map { addr, len, offset: number(words[5]), flags: flag_set(words[3]) })
            }
            "fadvise64" if on_file => {
                let advice = ADVICE.iter().find(|a| a.0 == words[3])?.0;
                Some(Seen::FileAdvice { offset: number(words[1]), len: number(words[2]), advice })
            }
            // It does what the advice does.
            "readahead" if on_file => {
                let (offset, len) = (number(words[1]), number(words[2]));
                Some(Seen::FileAdvice { offset, len, advice: "POSIX_FADV_WILLNEED" })
            }
            "munmap" if self.in_model(fd) => Some(Seen::Unmap { addr: fd, len: number(words[1]) }),
            "mlock" | "mlock2" if self.counts(fd) => {
                Some(Seen::Lock { addr: fd, len: number(words[1]), ok: value == 0 })
            }
            "munlock" if self.counts(fd) => Some(Seen::Unlock { addr: fd, len: number(words[1]) }),
            "madvise" if self.in_model(fd) => {
                let advice = ADVICE.iter().find(|a| a.1 == words[2])?.1;
                Some(Seen::MapAdvice { addr: fd, len: number(words[1]), advice })
            }
            _ => None,
        }
    }
}
