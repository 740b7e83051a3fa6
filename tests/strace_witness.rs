//! An independent witness: strace must see on the model file exactly what the recorder wrote.
//! Opens with their flags, mappings with length, flags and address, advice, locks and unlocks by
//! address, reads by byte range, unmaps by address. In every mode, and with fallbacks.

#![cfg(target_os = "linux")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use loadparity::trace::{Advice, Call, Outcome, RegionId, TraceFile};
use rstest::rstest;

/// One thing that both witnesses can tell, in words of the system call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Seen {
    Open { flags: BTreeSet<String>, ok: bool },
    Read { offset: u64, len: u64, result: i64 },
    FileAdvice { offset: u64, len: u64, advice: &'static str },
    Map { addr: u64, len: u64, offset: u64, flags: BTreeSet<String> },
    MapAdvice { addr: u64, len: u64, advice: &'static str },
    Lock { addr: u64, len: u64, ok: bool },
    Unlock { addr: u64, len: u64 },
    Unmap { addr: u64, len: u64 },
}

const ADVICE: [(&str, &str, Advice); 4] = [
    ("POSIX_FADV_SEQUENTIAL", "MADV_SEQUENTIAL", Advice::Sequential),
    ("POSIX_FADV_RANDOM", "MADV_RANDOM", Advice::Random),
    ("POSIX_FADV_WILLNEED", "MADV_WILLNEED", Advice::WillNeed),
    ("POSIX_FADV_DONTNEED", "MADV_DONTNEED", Advice::DontNeed),
];

/// What the recorder wrote. `strace` sees the process, so injected results are left out: no call
/// was made for them.
fn recorded(trace: &TraceFile) -> Vec<Seen> {
    let mut regions: BTreeMap<RegionId, (u64, bool)> = BTreeMap::new();
    let mut seen = Vec::new();
    for op in trace.ops.iter().filter(|op| !op.injected) {
        let (ok, result) = match &op.outcome {
            Outcome::Ok(n) => (true, i64::try_from(*n).expect("a byte count")),
            // strace prints -1 and the name.
            Outcome::Err(_) => (false, -1),
        };
        let at = |region: &RegionId, offset: u64| regions[region].0 + offset;
        match &op.call {
            Call::Open { flags, .. } => {
                let flags = flags.names.iter().map(ToString::to_string).collect();
                seen.push(Seen::Open { flags, ok });
            }
            Call::Read { offset, len, .. } => {
                seen.push(Seen::Read { offset: *offset, len: *len, result });
            }
            Call::FileAdvise { offset, len, advice, .. } => {
                let advice = ADVICE.iter().find(|a| a.2 == *advice).expect("an advice").0;
                seen.push(Seen::FileAdvice { offset: *offset, len: *len, advice });
            }
            Call::Map { region, offset, len, addr, flags, .. } => {
                regions.insert(*region, (*addr, true));
                let flags = flags.names.iter().map(ToString::to_string).collect();
                seen.push(Seen::Map { addr: *addr, len: *len, offset: *offset, flags });
            }
            Call::Alloc { region, addr, .. } => {
                regions.insert(*region, (*addr, false));
            }
            Call::MapAdvise { region, offset, len, advice } => {
                let advice = ADVICE.iter().find(|a| a.2 == *advice).expect("an advice").1;
                seen.push(Seen::MapAdvice { addr: at(region, *offset), len: *len, advice });
            }
            Call::Lock { region, offset, len } => {
                seen.push(Seen::Lock { addr: at(region, *offset), len: *len, ok });
            }
            Call::Unlock { region, offset, len } => {
                seen.push(Seen::Unlock { addr: at(region, *offset), len: *len });
            }
            // A buffer is given back to the allocator, which is not the model file's business.
            Call::Unmap { region, offset, len } if regions[region].1 => {
                seen.push(Seen::Unmap { addr: at(region, *offset), len: *len });
            }
            _ => {}
        }
    }
    seen
}

/// The finished calls of a strace log: name, arguments, result. Calls that were interrupted by
/// another thread's line are put together again.
fn finished_calls(log: &str) -> Vec<(String, String, String)> {
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
        let args = args.strip_suffix(')').unwrap_or(args);
        calls.push((name.to_owned(), args.to_owned(), result.to_owned()));
    }
    calls
}

fn number(text: &str) -> u64 {
    let text = text.trim();
    let parsed = match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => text.parse(),
    };
    parsed.unwrap_or_else(|_| panic!("`{text}` is a number"))
}

fn flag_set(text: &str) -> BTreeSet<String> {
    text.trim().split('|').map(str::to_owned).collect()
}

/// The descriptors and address ranges that belong to the model while the log is read.
struct Follower<'a> {
    model: &'a str,
    fds: BTreeSet<u64>,
    maps: Vec<(u64, u64)>,
}

impl Follower<'_> {
    fn in_model(&self, addr: u64) -> bool {
        self.maps.iter().any(|(start, len)| (*start..start + len).contains(&addr))
    }

    fn follow(&mut self, name: &str, args: &str, result: &str) -> Option<Seen> {
        let words: Vec<&str> = args.split(", ").collect();
        let value: i64 = result.split(' ').next()?.parse().unwrap_or(0);
        match name {
            "openat" | "open" => {
                let (_, path) = args.split_once('"')?;
                let (path, flags) = path.split_once("\", ")?;
                if path != self.model {
                    return None;
                }
                if value >= 0 {
                    self.fds.insert(value as u64);
                }
                Some(Seen::Open { flags: flag_set(flags), ok: value >= 0 })
            }
            "close" => {
                self.fds.remove(&number(words[0]));
                None
            }
            "pread64" if self.fds.contains(&number(words[0])) => {
                let [.., len, offset] = words[..] else { return None };
                Some(Seen::Read { offset: number(offset), len: number(len), result: value })
            }
            "fadvise64" if self.fds.contains(&number(words[0])) => {
                let advice = ADVICE.iter().find(|a| a.0 == words[3])?.0;
                Some(Seen::FileAdvice { offset: number(words[1]), len: number(words[2]), advice })
            }
            "mmap" => {
                words[4].parse::<u64>().ok().filter(|fd| self.fds.contains(fd))?;
                let (addr, len) = (number(result), number(words[1]));
                assert_eq!(words[2], "PROT_READ");
                self.maps.push((addr, len));
                Some(Seen::Map { addr, len, offset: number(words[5]), flags: flag_set(words[3]) })
            }
            "madvise" if self.in_model(number(words[0])) => {
                let advice = ADVICE.iter().find(|a| a.1 == words[2])?.1;
                Some(Seen::MapAdvice { addr: number(words[0]), len: number(words[1]), advice })
            }
            "mlock" => Some(Seen::Lock { addr: number(words[0]), len: number(words[1]), ok: value == 0 }),
            "munlock" => Some(Seen::Unlock { addr: number(words[0]), len: number(words[1]) }),
            "munmap" if self.in_model(number(words[0])) => {
                Some(Seen::Unmap { addr: number(words[0]), len: number(words[1]) })
            }
            "mremap" | "mlockall" | "preadv" | "preadv2" | "readv" | "sendfile" => {
                panic!("the loader has no business with {name}({args})")
            }
            "read" => {
                assert!(!self.fds.contains(&number(words[0])), "the loader reads by position only");
                None
            }
            _ => None,
        }
    }
}

fn witnessed(log: &str, model: &str) -> Vec<Seen> {
    let mut follower = Follower { model, fds: BTreeSet::new(), maps: Vec::new() };
    finished_calls(log)
        .iter()
        .filter_map(|(name, args, result)| follower.follow(name, args, result))
        .collect()
}

fn strace_is_there() -> bool {
    if Command::new("strace").arg("-V").output().is_ok_and(|out| out.status.success()) {
        return true;
    }
    if std::env::var_os("LOADPARITY_WITHOUT_STRACE").is_some() {
        eprintln!("UNSUPPORTED: strace is not installed; the recorder was not held against the kernel");
        return false;
    }
    panic!(
        "unsupported: strace is not installed. Install it, or set LOADPARITY_WITHOUT_STRACE=1 to do without"
    );
}

/// Runs a load under strace; returns what was recorded and what was witnessed.
fn both(model: &Path, flags: &[&str]) -> (Vec<Seen>, Vec<Seen>) {
    let folder = tempfile::tempdir().expect("a folder");
    let (log, trace) = (folder.path().join("strace.log"), folder.path().join("trace.jsonl"));
    let calls = "trace=open,openat,close,read,pread64,preadv,preadv2,readv,sendfile,fadvise64,mmap,mremap,munmap,\
                 madvise,mlock,munlock,mlockall";
    let status = Command::new("strace")
        .args(["-f", "-s", "0", "-e", calls, "-o"])
        .arg(&log)
        .arg(env!("CARGO_BIN_EXE_loadparity"))
        .args(["run", "-p", "And", "-n", "1", "-t", "2", "--trace"])
        .arg(&trace)
        .arg("-m")
        .arg(model)
        .args(flags)
        .stdout(std::process::Stdio::null())
        .status()
        .expect("strace starts");
    assert!(status.success(), "{flags:?}: {status}");
    let trace = std::fs::File::open(&trace).expect("a trace");
    let trace = TraceFile::read(std::io::BufReader::new(trace)).expect("a trace of schema 1");
    let log = std::fs::read_to_string(&log).expect("a log in UTF-8");
    (recorded(&trace), witnessed(&log, model.to_str().expect("a UTF-8 path")))
}

#[rstest]
#[case::auto(&["-lm", "auto"])]
#[case::none(&["-lm", "none"])]
#[case::mmap(&["-lm", "mmap"])]
#[case::mlock(&["-lm", "mlock"])]
#[case::none_mlock(&["-lm", "none+mlock"])]
#[case::dio(&["-lm", "dio"])]
#[case::dio_mlock(&["-lm", "dio+mlock"])]
#[case::refused_at_open(&["-lm", "dio", "--inject", "open.direct:error=EINVAL"])]
#[case::refused_at_read(&["-lm", "dio", "--inject", "read.direct:error=EINVAL"])]
#[case::refused_later(&["-lm", "dio", "--inject", "read.direct:error=EFAULT:when=2"])]
fn strace_sees_what_the_recorder_wrote(#[case] flags: &[&str]) {
    if !strace_is_there() {
        return;
    }
    // Over 8 MiB: several pieces, several readers.
    let (recorded, witnessed) = both(&support::fixture("f16"), flags);
    // Threads may be seen in another order than they were recorded in: compare as sorted lists.
    let sorted = |mut seen: Vec<Seen>| {
        seen.sort();
        seen
    };
    assert!(recorded.iter().any(|s| matches!(s, Seen::Open { .. })), "the trace has the open");
    assert!(
        recorded.iter().any(|s| matches!(s, Seen::Read { .. } | Seen::Map { .. })),
        "the trace has the weights"
    );
    assert_eq!(sorted(recorded), sorted(witnessed), "recorded on the left, witnessed on the right");
}

#[test]
fn interrupted_lines_are_put_together() {
    let log =
        "10 pread64(3,  <unfinished ...>\n11 close(4) = 0\n10 <... pread64 resumed>\"\"..., 8, 16) = 8\n";
    let calls = finished_calls(log);
    assert_eq!(calls[0], ("close".into(), "4".into(), "0".into()));
    assert_eq!(calls[1].0, "pread64");
    assert!(calls[1].1.ends_with("8, 16") && calls[1].2 == "8");
}
