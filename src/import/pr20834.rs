//! The lines that the debug patch of llama.cpp's PR #20834 prints.
//!
//! | line | becomes |
//! | --- | --- |
//! | `impl: opening 'PATH' …` | an open, direct if one of the next two lines of that file follows |
//! | `impl: Direct I/O enabled for 'PATH' …` | that open was direct and succeeded |
//! | `impl: Direct I/O … failed/not available … 'PATH'` | that direct open was refused, and a buffered open |
//! | `read_raw: Direct I/O read path active …` | a notice, *direct-used*: at least one direct read was made |
//! | `~impl: Direct I/O was requested …` | a notice, *direct-unused*, and a close: the patch prints this line where it closes a direct file of which nothing was read |
//! | `~impl: Direct I/O usage summary …` | a close |
//! | `impl: file_size=N, …` | the size that the mapping must have |
//! | `impl: mmap activated: addr=A, size=N` | a map |
//! | `mlock succeeded for addr=A, size=N`, `VirtualLock succeeded …` | a lock |
//! | `failed to mlock N-byte buffer …` | a notice that a lock was refused |
//!
//! What such a log does not hold stays out of the trace: there are **no reads**, because no line
//! tells an offset or a length (that a direct file was or was not read is told by the loader, so it
//! is a notice and no read); no header opens, which the patch does not print; no close of buffered
//! files; no file behind a mapping; no prefetching. A line that the web page cut off counts for
//! what is left of it, if the words above are there.
//!
//! The log does not tell the page size. It is deduced: the largest size from 4 KiB to 64 KiB of
//! which every lock's start and length is a multiple and to which the file's size rounds up at the
//! end of the last lock. Where nothing was locked the trace says 1.

use super::{ImportError, Imported, Origin, Report, header};
use crate::trace::{
    Call, Errno, ErrorKind, FileId, NativeFlags, Notice, NoticeCode, NoticeLevel, Op, Outcome, Phase,
    RegionId, TraceFile,
};

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Said {
    Opening(String),
    DirectEnabled,
    DirectRefused,
    DirectUnused,
    DirectUsed,
    Summary,
    Size(u64),
    Mapped { addr: u64, size: u64 },
    Locked { addr: u64, size: u64 },
    LockFailed,
    Elided,
}

/// Whether a line is one of the patch's.
pub(super) fn is_evidence(line: &str) -> bool {
    matches!(said(line), Ok(Some(said)) if said != Said::Elided) || said(line).is_err()
}

/// Reads one line: `None` if the patch does not print such a line.
fn said(line: &str) -> Result<Option<Said>, String> {
    let has = |words: &str| line.contains(words);
    if has("impl: opening '") {
        return path(line).map(|path| Some(Said::Opening(path)));
    }
    Ok(Some(if has("Direct I/O enabled") {
        Said::DirectEnabled
    } else if has("Direct I/O usage summary") {
        Said::Summary
    } else if has("Direct I/O read path active") {
        Said::DirectUsed
    } else if has("~impl: Direct I/O was requested") {
        Said::DirectUnused
    } else if has("impl: Direct I/O") && (has("failed") || has("not available")) {
        Said::DirectRefused
    } else if has("impl: file_size=") {
        Said::Size(value(line, "file_size=", false)?)
    } else if has("mmap activated:") {
        Said::Mapped { addr: value(line, "addr=", true)?, size: value(line, "size=", false)? }
    } else if has("mlock succeeded for") || has("VirtualLock succeeded") {
        Said::Locked { addr: value(line, "addr=", true)?, size: value(line, "size=", false)? }
    } else if has("failed to mlock") || has("failed to VirtualLock") || has("mlock failed") {
        Said::LockFailed
    } else if line.trim() == "...truncated..." {
        Said::Elided
    } else {
        return Ok(None);
    }))
}

/// What stands between quotes; a cut path counts as far as it goes.
fn path(line: &str) -> Result<String, String> {
    let (_, rest) = line.split_once('\'').ok_or("the path has no quote")?;
    let path = rest.split('\'').next().unwrap_or(rest);
    if path.is_empty() { Err("the path is empty".to_owned()) } else { Ok(path.to_owned()) }
}

/// The number behind `name`; an address may lack the `0x` that Windows does not print.
fn value(line: &str, name: &str, is_address: bool) -> Result<u64, String> {
    let (_, rest) =
        line.split_once(name).ok_or_else(|| format!("there is no `{name}`, the line may be cut off"))?;
    let word = rest.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    let parsed = match word.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None if is_address => u64::from_str_radix(word, 16),
        None => word.parse(),
    };
    parsed.map_err(|_| format!("what follows `{name}` is no number, the line may be cut off"))
}

/// Reads a text.
pub(super) fn read(text: &str) -> Result<Imported, ImportError> {
    let mut reader = Reader::default();
    for (at, line) in text.lines().enumerate() {
        let number = at + 1;
        reader.report.lines += 1;
        let said = said(line).map_err(|problem| ImportError::line(number, problem, line))?;
        match said {
            Some(Said::Elided) | None => {
                if !line.trim().is_empty() {
                    reader.report.other.push((number, line.to_owned()));
                    reader.report.printed.push(line.to_owned());
                }
                reader.elided |= said.is_some();
            }
            Some(said) => {
                reader.report.evidence += 1;
                reader.report.printed.push(line.to_owned());
                reader.say(said, line).map_err(|problem| ImportError::line(number, problem, line))?;
            }
        }
    }
    if reader.report.evidence == 0 {
        let lines = reader.report.lines;
        return Err(ImportError::NotEvidence {
            lines,
            expected: "a printed line of PR #20834's debug patch",
        });
    }
    Ok(reader.finish())
}

/// A file whose open was printed, and where that operation stands.
struct Opened {
    file: FileId,
    op: usize,
    used: bool,
}

/// A mapping as it was printed.
struct Mapped {
    region: RegionId,
    addr: u64,
    size: u64,
}

#[derive(Default)]
struct Reader {
    ops: Vec<Op>,
    report: Report,
    files: u32,
    regions: u32,
    open: Vec<Opened>,
    maps: Vec<Mapped>,
    locks: Vec<(u64, u64)>,
    size: Option<u64>,
    elided: bool,
}

impl Reader {
    fn push(&mut self, call: Call, outcome: Outcome) {
        let seq = self.ops.len() as u64;
        self.ops.push(Op {
            seq,
            phase: Phase::Load,
            pid: 0,
            thread: 0,
            call,
            outcome,
            start_ns: 0,
            dur_ns: 0,
            injected: false,
        });
    }

    fn notice(&mut self, level: NoticeLevel, code: NoticeCode, line: &str) {
        // The path in the line is the machine's and not the loader's.
        let text = line.trim_start_matches(['.', '~']).to_owned();
        self.push(Call::Notice(Notice { level, code, text }), Outcome::Ok(0));
    }

    fn say(&mut self, said: Said, line: &str) -> Result<(), String> {
        match said {
            Said::Opening(path) => {
                let file = FileId(self.files);
                self.files = self.files.saturating_add(1);
                self.open.push(Opened { file, op: self.ops.len(), used: false });
                let flags = NativeFlags::default();
                self.push(Call::Open { file, path, direct: false, identity: None, flags }, Outcome::Ok(0));
            }
            Said::DirectEnabled => self.direct(true)?,
            Said::DirectRefused => self.direct(false)?,
            Said::DirectUsed => {
                if let Some(opened) = self.open.last_mut() {
                    opened.used = true;
                }
                self.notice(NoticeLevel::Info, NoticeCode::DirectUsed, line);
            }
            Said::DirectUnused => {
                self.notice(NoticeLevel::Info, NoticeCode::DirectUnused, line);
                self.close();
            }
            Said::Summary => self.close(),
            Said::Size(size) => self.size = Some(size),
            Said::Mapped { addr, size } => self.mapped(addr, size)?,
            Said::Locked { addr, size } => self.locked(addr, size)?,
            Said::LockFailed => self.notice(NoticeLevel::Warning, NoticeCode::LockRefused, line),
            Said::Elided => {}
        }
        Ok(())
    }

    /// The last open was asked to be direct.
    fn direct(&mut self, granted: bool) -> Result<(), String> {
        let last = self.open.last().ok_or("no opening line stands before it")?;
        let (op, file) = (last.op, last.file);
        let Some(Op { call: Call::Open { direct, path, .. }, outcome, .. }) = self.ops.get_mut(op) else {
            return Err("no opening line stands before it".to_owned());
        };
        *direct = true;
        if granted {
            return Ok(());
        }
        let path = path.clone();
        *outcome = Outcome::Err(Errno { kind: ErrorKind::Other, code: 0, name: "untold".into() });
        self.open.retain(|opened| opened.file != file);
        let line = format!("impl: opening '{path}'");
        self.say(Said::Opening(path), &line)
    }

    /// The oldest file that is open is the one that a destructor speaks of: the patch prints the
    /// line for direct files alone, one of which is open at a time.
    fn close(&mut self) {
        let is_direct = |opened: &Opened| {
            matches!(self.ops.get(opened.op), Some(Op { call: Call::Open { direct: true, .. }, .. }))
        };
        if let Some(at) = self.open.iter().rposition(is_direct) {
            let file = self.open.remove(at).file;
            self.push(Call::Close { file }, Outcome::Ok(0));
        }
    }

    fn mapped(&mut self, addr: u64, size: u64) -> Result<(), String> {
        addr.checked_add(size).ok_or("the mapping ends past 2^64")?;
        if let Some(told) = self.size.filter(|told| *told != size) {
            self.report.notes.push(format!("the mapping has {size} bytes, the file was said to have {told}"));
        }
        let region = RegionId(self.regions);
        self.regions = self.regions.saturating_add(1);
        self.maps.push(Mapped { region, addr, size });
        // Which file it is, the line does not say; a file that was printed as opened is the one.
        let file = self.open.last().map_or(FileId(self.files), |opened| opened.file);
        let flags = NativeFlags::default();
        self.push(
            Call::Map { file, region, offset: 0, len: size, populate: false, addr, flags },
            Outcome::Ok(0),
        );
        Ok(())
    }

    fn locked(&mut self, addr: u64, size: u64) -> Result<(), String> {
        addr.checked_add(size).ok_or("the lock ends past 2^64")?;
        let found = self.maps.iter().rev().find(|m| addr >= m.addr && addr - m.addr < m.size.max(1));
        let (region, offset) = match found {
            Some(mapped) => (mapped.region, addr - mapped.addr),
            None => {
                let region = RegionId(self.regions);
                self.regions = self.regions.saturating_add(1);
                self.maps.push(Mapped { region, addr, size });
                (region, 0)
            }
        };
        self.locks.push((addr, size));
        self.push(Call::Lock { region, offset, len: size }, Outcome::Ok(0));
        Ok(())
    }

    fn finish(mut self) -> Imported {
        let page = self.page_size();
        self.tell_locks(page);
        if self.elided {
            self.report
                .notes
                .push("the author left lines out (`...truncated...`): what they said is not known".into());
        }
        self.tell_probes();
        let model = self.ops.iter().find_map(|op| match &op.call {
            Call::Open { path, .. } => Some(path.clone()),
            _ => None,
        });
        let trace = TraceFile {
            header: header("unknown", page.unwrap_or(1), model),
            ops: self.ops,
            observations: Vec::new(),
            end: None,
        };
        Imported { origin: Origin::Pr20834, trace, report: self.report }
    }

    /// Files before the last one that is opened belong to passes that load nothing.
    fn tell_probes(&mut self) {
        let last = self.ops.iter().rposition(|op| matches!(op.call, Call::Open { .. }));
        for op in &mut self.ops[..last.unwrap_or(0)] {
            op.phase = Phase::Probe;
        }
    }

    /// The end of the last lock of the first mapping, counted from its start.
    fn lock_end(&self) -> Option<(u64, u64)> {
        let map = self.maps.first()?;
        let inside = self.locks.iter().filter(|(addr, _)| *addr >= map.addr && addr - map.addr < map.size);
        inside.map(|(addr, size)| addr - map.addr + size).max().map(|end| (end, map.size))
    }

    fn page_size(&self) -> Option<u64> {
        let (end, size) = self.lock_end()?;
        [65536u64, 16384, 4096].into_iter().find(|page| {
            let whole = |(addr, len): &(u64, u64)| addr.is_multiple_of(*page) && len.is_multiple_of(*page);
            self.locks.iter().all(whole) && size.checked_next_multiple_of(*page) == Some(end)
        })
    }

    fn tell_locks(&mut self, page: Option<u64>) {
        let Some((end, size)) = self.lock_end() else { return };
        let mut locks = self.locks.clone();
        locks.sort_unstable();
        let base = self.maps.first().map_or(0, |map| map.addr);
        let mut at = base;
        let mut gaps = Vec::new();
        for (addr, len) in locks {
            if addr > at {
                gaps.push(format!("{:#x}..{:#x}", at - base, addr - base));
            }
            at = at.max(addr + len);
        }
        let notes = &mut self.report.notes;
        notes.push(match page {
            Some(page) => format!(
                "the locks end at byte {end} of the mapping: its size, {size}, rounded up to a page of {page} bytes (deduced)"
            ),
            None => format!("the locks end at byte {end} of the mapping, whose size is {size}: no page size explains that"),
        });
        notes.push(match gaps[..] {
            [] => "the locks tile the mapping from its start".to_owned(),
            _ => format!(
                "the locks tile the mapping from its start but for {}, which no line reports",
                gaps.join(", ")
            ),
        });
    }
}
