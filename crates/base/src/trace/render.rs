//! From a canonical path back to operations: the shortest trace that took this way.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::canon::ALIGN;
use super::step::{Action, Region, Role, Step};
use super::{Call, Errno, ErrorKind, FileId, NativeFlags, Notice, Op, Outcome, Phase, RegionId, Word};

/// The identifier of files that no open introduced.
const UNKNOWN_FILE: FileId = FileId(u32::MAX);

/// Operations whose canonical path has these steps. Addresses, times and raw flags are 0.
pub(super) fn render(steps: &[Step]) -> Vec<Op> {
    let mut renderer = Renderer::default();
    for step in steps {
        renderer.step(step);
    }
    renderer.ops
}

#[derive(Default)]
struct Renderer {
    ops: Vec<Op>,
    files: BTreeMap<Role, FileId>,
    opens: u32,
    regions: BTreeMap<Region, RegionId>,
}

impl Renderer {
    fn file(&self, role: &Role) -> FileId {
        self.files.get(role).copied().unwrap_or(UNKNOWN_FILE)
    }

    fn region(&mut self, region: Region) -> RegionId {
        let next = RegionId(u32::try_from(self.regions.len()).unwrap_or(u32::MAX));
        *self.regions.entry(region).or_insert(next)
    }

    fn push(&mut self, phase: Phase, call: Call, outcome: Outcome) {
        let seq = self.ops.len() as u64;
        self.ops.push(Op {
            seq,
            phase,
            pid: 0,
            thread: 0,
            call,
            outcome,
            start_ns: 0,
            dur_ns: 0,
            injected: false,
        });
    }

    fn step(&mut self, step: &Step) {
        if let Action::Read { file, direct, spans } = &step.action {
            let (file, direct) = (self.file(file), *direct);
            for span in spans {
                let (offset, len) = (span.start, span.end - span.start);
                for _ in 0..span.times {
                    let call = Call::Read { file, offset, len, direct, addr: 0 };
                    self.push(step.phase, call, Outcome::Ok(len));
                }
            }
            return;
        }
        let outcome = step.refused.map_or(Outcome::Ok(0), |kind| Outcome::Err(errno(kind)));
        let call = self.call(&step.action, &step.native);
        self.push(step.phase, call, outcome);
    }

    fn call(&mut self, action: &Action, native: &[String]) -> Call {
        let flags = || NativeFlags { names: native.iter().cloned().map(Cow::Owned).collect(), raw: 0 };
        match action {
            Action::Open { file: role, direct } => {
                let file = FileId(self.opens);
                self.opens += 1;
                self.files.insert(role.clone(), file);
                Call::Open {
                    file,
                    path: role.name().to_string(),
                    direct: *direct,
                    identity: None,
                    flags: flags(),
                }
            }
            // No read can bring the byte at the largest offset, so that an interrupted read that
            // was never retried stays one.
            Action::Read { file, direct, .. } | Action::ReadRefused { file, direct } => {
                Call::Read { file: self.file(file), offset: u64::MAX, len: 0, direct: *direct, addr: 0 }
            }
            Action::SetDirect { file, direct } => Call::SetDirect { file: self.file(file), direct: *direct },
            Action::Write { file, offset, len } => {
                Call::Write { file: self.file(file), offset: *offset, len: *len }
            }
            Action::Resize { file, len } => Call::Resize { file: self.file(file), len: *len },
            Action::Remap { region, len } => Call::Remap { region: self.region(*region), len: *len, addr: 0 },
            Action::FileAdvise { file, offset, len, advice } => {
                Call::FileAdvise { file: self.file(file), offset: *offset, len: *len, advice: *advice }
            }
            Action::Map { region, file, offset, len, populate } => Call::Map {
                file: self.file(file),
                region: self.region(*region),
                offset: *offset,
                len: *len,
                populate: *populate,
                addr: 0,
                flags: flags(),
            },
            Action::Alloc { region, len } => {
                let align = native.iter().find_map(|text| text.strip_prefix(ALIGN)?.parse().ok());
                let region = self.region(*region);
                Call::Alloc { region, len: *len, align: align.unwrap_or(1), addr: 0 }
            }
            Action::MapAdvise { region, offset, len, advice } => {
                Call::MapAdvise { region: self.region(*region), offset: *offset, len: *len, advice: *advice }
            }
            Action::Lock { region, offset, len } => {
                Call::Lock { region: self.region(*region), offset: *offset, len: *len }
            }
            Action::LockRefused { region, offset } => {
                Call::Lock { region: self.region(*region), offset: *offset, len: 0 }
            }
            Action::Unlock { region, offset, len } => {
                Call::Unlock { region: self.region(*region), offset: *offset, len: *len }
            }
            Action::Unmap { region, offset, len } => {
                Call::Unmap { region: self.region(*region), offset: *offset, len: *len }
            }
            Action::Native { name, file, region, offset, len } => Call::Native {
                name: name.clone(),
                file: file.as_ref().map(|role| self.file(role)),
                region: region.map(|region| self.region(region)),
                offset: *offset,
                len: *len,
                flags: flags(),
            },
            Action::Close { file } => Call::Close { file: self.file(file) },
            Action::Notice { level, code } => {
                Call::Notice(Notice { level: *level, code: *code, text: String::new() })
            }
        }
    }
}

fn errno(kind: ErrorKind) -> Errno {
    Errno { kind, code: 0, name: Cow::Borrowed(kind.word()) }
}
