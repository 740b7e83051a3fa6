//! Traces written as lines, as `src/rules/examples.rs` describes them.

use std::borrow::Cow;
use std::ops::Range;

use loadparity::rules::{
    Capabilities, Capability, Ending, Evidence, Output, Tensor, TensorBytes, WeightFile, Weights, WrongTensor,
};
use loadparity::trace::{
    Call, Errno, ErrorKind, FileId, KernelMemory, NativeFlags, Notice, NoticeCode, NoticeLevel, Op, Outcome,
    Phase, ProcessId, RegionId, Word,
};

pub const PAGE: u64 = 4096;

/// The model that the traces load.
pub fn weights() -> Weights {
    let tensor = |name: &str, range| Tensor { name: name.to_owned(), range };
    let tensors = vec![tensor("a", 4 << 10..128 << 10), tensor("b", 128 << 10..256 << 10)];
    let bytes = tensors.iter().map(|tensor| tensor.range.clone()).collect();
    let (path, size, data_start) = ("model.gguf".to_owned(), 256 << 10, 4 << 10);
    let file = WeightFile { path, identity: None, size, data_start, tensors, bytes };
    Weights { files: vec![file], tolerance: 0 }
}

/// What sees everything.
pub fn all_capabilities() -> Capabilities {
    use Capability::{Addresses, Calls, Destinations, Kernel, Layout, Memory, Notices, Processes};
    Capabilities::of([
        Calls,
        Addresses,
        Destinations,
        Processes,
        Layout,
        Memory,
        Notices,
        Capability::Output,
        Kernel,
    ])
}

/// The run that the lines show. Where they say nothing else its memory holds the bytes of the file, and it
/// completes.
pub fn evidence(text: &str) -> Evidence {
    let mut reader = Reader {
        ops: Vec::new(),
        phase: Phase::Load,
        pid: 0,
        wrong: None,
        kernel: Vec::new(),
        ending: Ending::Completed,
    };
    for line in text.lines() {
        reader.line(line).unwrap_or_else(|| panic!("not a line of a trace: {line}"));
    }
    let Reader { ops, wrong, ending, kernel, .. } = reader;
    let wrong = wrong.map(|tensor| WrongTensor { tensor, difference: None, later: false });
    let mut evidence = Evidence::new(ops, weights(), PAGE, all_capabilities());
    (evidence.ending, evidence.kernel) = (ending, kernel);
    evidence.tensors = Some(TensorBytes::compared(String::new(), wrong, 0));
    evidence.output = Some(Output::text(b"text".to_vec()));
    evidence
}

struct Reader {
    ops: Vec<Op>,
    phase: Phase,
    pid: u32,
    wrong: Option<String>,
    kernel: Vec<(ProcessId, u64, KernelMemory)>,
    ending: Ending,
}

/// `4m+100`.
fn number(text: &str) -> Option<u64> {
    let one = |part: &str| {
        let (digits, unit) = match part.strip_suffix(['k', 'm']) {
            Some(digits) if part.ends_with('k') => (digits, 1 << 10),
            Some(digits) => (digits, 1 << 20),
            None => (part, 1),
        };
        Some(digits.parse::<u64>().ok()? * unit)
    };
    text.split('+').map(one).sum()
}

fn range(text: &str) -> Option<Range<u64>> {
    let (start, end) = text.split_once("..")?;
    Some(number(start)?..number(end)?)
}

fn id(text: &str, kind: char) -> Option<u32> {
    text.strip_prefix(kind)?.parse().ok()
}

/// Takes a word out, and says whether it was there.
fn take(words: &mut Vec<&str>, word: &str) -> bool {
    let at = words.iter().position(|other| *other == word);
    at.map(|at| words.remove(at)).is_some()
}

/// Takes a word and the one behind it out, and gives that.
fn take_value<'t>(words: &mut Vec<&'t str>, word: &str) -> Option<&'t str> {
    let at = words.iter().position(|other| *other == word).filter(|at| at + 1 < words.len())?;
    words.remove(at);
    Some(words.remove(at))
}

impl Reader {
    fn line(&mut self, line: &str) -> Option<()> {
        let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
        match name {
            "fails" => self.ending = Ending::Failed(rest.to_owned()),
            "crashes" => self.ending = Ending::Crashed(rest.to_owned()),
            "hangs" => self.ending = Ending::TimeLimit(rest.to_owned()),
            "memory" => self.wrong = Some(rest.strip_prefix("differs in ")?.to_owned()),
            "kernel" => {
                let [kept, "of", weights, "locked"] = rest.split(' ').collect::<Vec<_>>()[..] else {
                    return None;
                };
                let (weights, weights_locked) = (number(weights)?, number(kept)?);
                let memory = KernelMemory { weights, weights_locked, ..KernelMemory::default() };
                self.kernel.push((self.pid, self.ops.len() as u64, memory));
            }
            "process" => self.pid = rest.parse().ok()?,
            _ => match Phase::from_word(name) {
                Some(phase) if rest.is_empty() => self.phase = phase,
                _ => self.call(name, rest.split(' ').collect())?,
            },
        }
        Some(())
    }

    fn call(&mut self, name: &str, mut words: Vec<&str>) -> Option<()> {
        let refused = match take_value(&mut words, "refused") {
            Some(word) => Some(ErrorKind::from_word(word)?),
            None => None,
        };
        let gets = take_value(&mut words, "gets").map(number);
        let direct = take(&mut words, "direct");
        let (private, writable) = (take(&mut words, "private"), take(&mut words, "writable"));
        let mut result = 0;
        let call = match (name, &words[..]) {
            ("open", [file]) => {
                let flags = NativeFlags::new([if writable { "O_RDWR" } else { "O_RDONLY" }], 0);
                let (file, path) = (FileId(id(file, 'f')?), "model.gguf".to_owned());
                Call::Open { file, path, direct, identity: None, flags }
            }
            ("set-direct", [file]) => Call::SetDirect { file: FileId(id(file, 'f')?), direct: true },
            ("close", [file]) => Call::Close { file: FileId(id(file, 'f')?) },
            ("alignment", [file, memory, offset]) => {
                let (memory, offset) = (number(memory)?, number(offset)?);
                Call::Alignment { file: FileId(id(file, 'f')?), memory, offset, enforced: true }
            }
            ("read", [file, bytes, "to", addr]) => {
                let Range { start: offset, end } = range(bytes)?;
                result = end - offset;
                let (file, addr) = (FileId(id(file, 'f')?), number(addr)?);
                Call::Read { file, offset, len: end - offset, direct, addr }
            }
            ("write", [file, bytes]) => {
                let Range { start: offset, end } = range(bytes)?;
                Call::Write { file: FileId(id(file, 'f')?), offset, len: end - offset }
            }
            ("map", [file, bytes, "as", region, "at", addr]) => {
                let Range { start: offset, end } = range(bytes)?;
                let how = if private { "MAP_PRIVATE" } else { "MAP_SHARED" };
                let names = [how, if writable { "PROT_WRITE" } else { "PROT_READ" }];
                Call::Map {
                    file: FileId(id(file, 'f')?),
                    region: RegionId(id(region, 'r')?),
                    offset,
                    len: end - offset,
                    populate: false,
                    addr: number(addr)?,
                    flags: NativeFlags::new(names, 0),
                }
            }
            ("alloc", [region, len, "at", addr]) => {
                let (len, addr) = (number(len)?, number(addr)?);
                Call::Alloc { region: RegionId(id(region, 'r')?), len, align: PAGE, addr }
            }
            ("lock" | "unlock" | "unmap", [region, bytes]) => {
                let region = RegionId(id(region, 'r')?);
                let Range { start: offset, end } = range(bytes)?;
                let len = end - offset;
                match name {
                    "lock" => Call::Lock { region, offset, len },
                    "unlock" => Call::Unlock { region, offset, len },
                    _ => Call::Unmap { region, offset, len },
                }
            }
            ("fork", [child]) => Call::Fork { child: child.parse().ok()? },
            ("exit", []) => Call::Exit { code: 0 },
            ("warning", [code]) => Call::Notice(Notice {
                level: NoticeLevel::Warning,
                code: NoticeCode::from_word(code)?,
                text: String::new(),
            }),
            _ => return None,
        };
        let outcome = match refused {
            Some(kind) => Outcome::Err(Errno { kind, code: 22, name: Cow::Borrowed("ENAME") }),
            None => Outcome::Ok(gets.unwrap_or(Some(result))?),
        };
        let seq = self.ops.len() as u64;
        let (phase, pid) = (self.phase, self.pid);
        let (start_ns, dur_ns) = (seq, 1);
        self.ops.push(Op { seq, phase, pid, thread: 0, call, outcome, start_ns, dur_ns, injected: false });
        Some(())
    }
}

/// Every word of an error that a line may name is one of the vocabulary.
#[test]
fn numbers_and_lines_are_read() {
    assert_eq!(number("4m+100"), Some((4 << 20) + 100));
    assert_eq!(number("4x"), None);
    assert_eq!(range("4k..8k"), Some(4096..8192));
    let evidence = evidence("open f0 direct refused invalid\nprocess 1\nfork 2\nteardown\nclose f0");
    let shown: Vec<_> = evidence.ops.iter().map(|op| (op.phase, op.pid)).collect();
    assert_eq!(shown, [(Phase::Load, 0), (Phase::Load, 1), (Phase::Teardown, 1)]);
    assert!(std::panic::catch_unwind(|| super::notation::evidence("opens f0")).is_err());
}
