//! Traces for the tests of the trace room: the loads that a reference loader makes, written by
//! hand, and arbitrary operations.
#![allow(dead_code, unreachable_pub, reason = "every test binary uses another part")]
#![allow(clippy::unwrap_used, reason = "only tests call it")]

use std::borrow::Cow;

use loadparity::trace::{
    Advice, Call, Difference, End, Errno, ErrorKind, FileId, FileIdentity, Header, KernelMemory, NativeFlags,
    Notice, NoticeCode, NoticeLevel, Observation, Op, Outcome, Phase, RegionId, Seen, Status, TraceFile,
    Word,
};
use proptest::option;
use proptest::prelude::*;

/// The size of the model file; not a multiple of any page size.
pub const SIZE: u64 = 3_575_712;
/// Where the tensors start; the header is read before.
pub const DATA: u64 = 0x4000;
/// The size of the file, rounded up to pages of 4 KiB.
pub const SIZE_IN_PAGES: u64 = 0x36_9000;
/// Where one tensor ends and the next starts.
pub const TENSORS: [u64; 5] = [DATA, 0x2_4000, 0x10_0020, 0x20_0000, SIZE];

pub const MODEL: FileId = FileId(0);
pub const DIRECT: FileId = FileId(1);
pub const REGION: RegionId = RegionId(0);

/// A trace under construction.
pub struct Script {
    pub ops: Vec<Op>,
    phase: Phase,
    thread: u32,
}

impl Script {
    /// The header phase that every load starts with: open, size, two reads.
    pub fn start() -> Self {
        let mut script = Script { ops: Vec::new(), phase: Phase::Header, thread: 0 };
        script.open(MODEL, false);
        script.ok(Call::Size { file: MODEL }, SIZE);
        script.read(MODEL, 0, 8192, false);
        script.read(MODEL, 8192, DATA, false);
        script.phase(Phase::Probe);
        let reason = "ext4".to_string();
        script.ok(Call::MapHint { file: MODEL, good: true, reason }, 0);
        script.phase(Phase::Load);
        script
    }

    pub fn phase(&mut self, phase: Phase) {
        self.phase = phase;
    }

    pub fn thread(&mut self, thread: u32) {
        self.thread = thread;
    }

    fn push(&mut self, call: Call, outcome: Outcome) {
        let (seq, phase, thread) = (self.ops.len() as u64, self.phase, self.thread);
        self.ops.push(Op {
            seq,
            phase,
            pid: 0,
            thread,
            call,
            outcome,
            start_ns: seq,
            dur_ns: 1000 + seq,
            injected: false,
        });
    }

    pub fn ok(&mut self, call: Call, result: u64) {
        self.push(call, Outcome::Ok(result));
    }

    pub fn err(&mut self, call: Call, kind: ErrorKind) {
        let errno = Errno { kind, code: 22, name: Cow::Borrowed("ENAME") };
        self.push(call, Outcome::Err(errno));
    }

    pub fn open_call(file: FileId, direct: bool) -> Call {
        let names =
            if direct { vec!["O_RDONLY", "O_CLOEXEC", "O_DIRECT"] } else { vec!["O_RDONLY", "O_CLOEXEC"] };
        Call::Open {
            file,
            path: "/models/a.gguf".into(),
            direct,
            identity: None,
            flags: NativeFlags::new(names, 0x8_0000),
        }
    }

    pub fn open(&mut self, file: FileId, direct: bool) {
        self.ok(Self::open_call(file, direct), 0);
    }

    pub fn read_call(file: FileId, start: u64, end: u64, direct: bool) -> Call {
        Call::Read { file, offset: start, len: end - start, direct, addr: 0x7f00_0000_0000 + start }
    }

    /// A read of `start..end`; what lies past the end of the file does not arrive.
    pub fn read(&mut self, file: FileId, start: u64, end: u64, direct: bool) {
        self.ok(Self::read_call(file, start, end, direct), end.min(SIZE) - start);
    }

    pub fn map_call(populate: bool) -> Call {
        let names = if populate { vec!["MAP_SHARED", "MAP_POPULATE"] } else { vec!["MAP_SHARED"] };
        let flags = NativeFlags::new(names, 0x8001);
        let addr = 0x7f12_3400_0000;
        Call::Map { file: MODEL, region: REGION, offset: 0, len: SIZE, populate, addr, flags }
    }

    pub fn alloc(&mut self, region: RegionId, len: u64, align: u64) {
        self.ok(Call::Alloc { region, len, align, addr: 0x7f55_0000_0000 }, 0);
    }

    pub fn lock_call(start: u64, end: u64) -> Call {
        Call::Lock { region: REGION, offset: start, len: end - start }
    }

    pub fn notice(&mut self, code: NoticeCode) {
        let text = "a.gguf: refused at offset 4096: EINVAL".to_string();
        self.ok(Call::Notice(Notice { level: NoticeLevel::Warning, code, text }), 0);
    }

    /// The end that every load has: what is locked, mapped and open is given back.
    pub fn finish(mut self, locked: Option<(u64, u64)>, mapped: bool, files: &[FileId]) -> Vec<Op> {
        self.phase(Phase::Teardown);
        if let Some((start, end)) = locked {
            self.ok(Call::Unlock { region: REGION, offset: start, len: end - start }, 0);
        }
        if mapped {
            self.ok(Call::Unmap { region: REGION, offset: 0, len: SIZE }, 0);
        }
        for file in files {
            self.ok(Call::Close { file: *file }, 0);
        }
        self.ops
    }
}

/// A mapped load: advice, the map, advice, trimming, a lock that grows tensor by tensor.
pub fn map_load(lock: bool) -> Vec<Op> {
    let mut s = Script::start();
    s.ok(Call::FileAdvise { file: MODEL, offset: 0, len: 0, advice: Advice::Sequential }, 0);
    s.ok(Script::map_call(true), 0);
    s.ok(Call::MapAdvise { region: REGION, offset: 0, len: SIZE, advice: Advice::WillNeed }, 0);
    s.ok(Call::Unmap { region: REGION, offset: 0, len: DATA }, 0);
    if lock {
        let page = |at: u64| at.next_multiple_of(4096);
        for ends in TENSORS.windows(2) {
            s.ok(Script::lock_call(page(ends[0]), page(ends[1])), 0);
        }
    }
    s.finish(lock.then_some((DATA, SIZE_IN_PAGES)), true, &[MODEL])
}

/// A buffered load: one buffer, locked if asked, reads by three threads.
pub fn read_load(lock: bool) -> Vec<Op> {
    let mut s = Script::start();
    s.alloc(REGION, SIZE - DATA, 64);
    if lock {
        s.ok(Script::lock_call(0, SIZE - DATA), 0);
    }
    for (thread, ends) in (0..).zip(TENSORS.windows(2)) {
        s.thread(thread % 3);
        s.read(MODEL, ends[0], ends[1], false);
    }
    s.thread(0);
    s.finish(lock.then_some((0, SIZE - DATA)), false, &[MODEL])
}

/// A direct load: a second, direct open; aligned reads by two threads, the last one short.
pub fn direct_load(lock: bool) -> Vec<Op> {
    let mut s = Script::start();
    s.open(DIRECT, true);
    s.ok(Call::Alignment { file: DIRECT, memory: 512, offset: 512, enforced: true }, 0);
    s.alloc(REGION, SIZE_IN_PAGES - DATA, 4096);
    if lock {
        s.ok(Script::lock_call(0, SIZE_IN_PAGES - DATA), 0);
    }
    let half = 0x1c_0000;
    s.thread(1);
    s.read(DIRECT, half, SIZE_IN_PAGES, true);
    s.thread(0);
    s.read(DIRECT, DATA, half, true);
    s.finish(lock.then_some((0, SIZE_IN_PAGES - DATA)), false, &[DIRECT, MODEL])
}

/// A direct load whose reads are refused to `threads` threads after the first part arrived; the
/// user is told and the rest comes buffered.
pub fn direct_refused(threads: u32) -> Vec<Op> {
    let mut s = Script::start();
    s.open(DIRECT, true);
    s.alloc(REGION, SIZE_IN_PAGES - DATA, 4096);
    s.read(DIRECT, DATA, 0x10_0000, true);
    for thread in 0..threads {
        s.thread(thread);
        let at = 0x10_0000 + u64::from(thread) * 0x1_0000;
        s.err(Script::read_call(DIRECT, at, at + 0x1_0000, true), ErrorKind::Invalid);
    }
    s.thread(0);
    s.notice(NoticeCode::DirectRefused);
    s.open(FileId(2), false);
    s.read(FileId(2), 0x10_0000, SIZE, false);
    s.finish(None, false, &[DIRECT, FileId(2), MODEL])
}

/// A buffered load by a program that raises its limit and uses huge pages.
pub fn native_load() -> Vec<Op> {
    let mut s = Script::start();
    let native = |name: &str, file, region, flag, raw| Call::Native {
        name: name.into(),
        file,
        region,
        offset: 0,
        len: if region.is_some() { SIZE - DATA } else { 0 },
        flags: NativeFlags::new([flag], raw),
    };
    s.ok(native("prlimit64", None, None, "RLIMIT_MEMLOCK", 1 << 30), 0);
    s.alloc(REGION, SIZE - DATA, 4096);
    s.err(native("madvise", None, Some(REGION), "MADV_HUGEPAGE", 14), ErrorKind::Invalid);
    s.ok(native("fcntl", Some(MODEL), None, "O_DIRECT", 0x4000), 0);
    s.read(MODEL, DATA, SIZE, true);
    s.finish(None, false, &[MODEL])
}

/// What a loader may do to a file and to memory beside loading, in two processes.
pub fn odd_load() -> Vec<Op> {
    let mut s = Script::start();
    let identity = Some(FileIdentity { device: 0xfd00, inode: 1 << 53, size: SIZE });
    let flags = NativeFlags::new(["O_RDWR"], 2);
    s.ok(Call::Open { file: DIRECT, path: "/models/a.gguf".into(), direct: false, identity, flags }, 0);
    s.err(Call::SetDirect { file: DIRECT, direct: true }, ErrorKind::Invalid);
    s.ok(Call::SetDirect { file: DIRECT, direct: true }, 0);
    s.ok(Call::Write { file: DIRECT, offset: DATA, len: 4096 }, 4096);
    s.ok(Call::Resize { file: DIRECT, len: SIZE + 1 }, 0);
    s.ok(Script::map_call(false), 0);
    s.ok(Call::Remap { region: REGION, len: 2 * SIZE, addr: 0x7f66_0000_0000 }, 0);
    s.ok(Call::Fork { child: 1 }, 0);
    s.ok(Call::Exec, 0);
    s.ok(Call::Exit { code: -9 }, 0);
    s.finish(None, true, &[DIRECT, MODEL])
}

/// Every hand-made load with its name.
pub fn samples() -> Vec<(&'static str, Vec<Op>)> {
    vec![
        ("map", map_load(false)),
        ("map+lock", map_load(true)),
        ("read", read_load(false)),
        ("read+lock", read_load(true)),
        ("direct", direct_load(false)),
        ("direct+lock", direct_load(true)),
        ("direct refused", direct_refused(2)),
        ("native", native_load()),
    ]
}

/// Counts the positions anew after operations were removed, added or moved.
pub fn renumber(mut ops: Vec<Op>) -> Vec<Op> {
    (0..).zip(&mut ops).for_each(|(seq, op)| op.seq = seq);
    ops
}

pub fn trace_file(ops: Vec<Op>) -> TraceFile {
    let header = Header {
        os: "linux".into(),
        arch: "x86_64".into(),
        page_size: 4096,
        command: vec!["loadparity".into(), "run".into(), "-m".into(), "a b.gguf".into()],
        seed: Some(42),
        model: Some("a b.gguf".into()),
        creator: "loadparity".into(),
        creator_version: "0.1.0".into(),
    };
    TraceFile { header, ops, observations: Vec::new(), end: None }
}

pub fn written(trace: &TraceFile) -> Vec<u8> {
    let mut bytes = Vec::new();
    trace.write(&mut bytes).unwrap();
    bytes
}

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => (0u64..12).prop_map(|n| n * 4096),
        4 => 0u64..40,
        1 => Just((1 << 53) - 1),
        1 => Just(1 << 53),
        1 => any::<u64>(),
    ]
}

fn word<T: Word + std::fmt::Debug>() -> impl Strategy<Value = T> {
    (0..T::WORDS.len()).prop_map(|at| T::WORDS[at].0)
}

fn flags() -> impl Strategy<Value = NativeFlags> {
    let name = prop_oneof![Just("O_DIRECT"), Just("O_RDONLY"), Just("MAP_POPULATE"), Just("A \"b\"\n")];
    (proptest::collection::btree_set(name, 0..4), number())
        .prop_map(|(names, raw)| NativeFlags::new(names, raw))
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("model.gguf".to_string()),
        Just("b.gguf".to_string()),
        Just("mod\u{fffd}el \n\u{0}\\x80.gguf".to_string()),
        any::<String>(),
    ]
}

fn file() -> impl Strategy<Value = FileId> {
    (0u32..4).prop_map(FileId)
}

fn region() -> impl Strategy<Value = RegionId> {
    (0u32..4).prop_map(RegionId)
}

fn identity() -> impl Strategy<Value = FileIdentity> {
    (number(), number(), number()).prop_map(|(device, inode, size)| FileIdentity { device, inode, size })
}

fn call() -> impl Strategy<Value = Call> {
    let (offset, len, addr) = (number, number, number);
    prop_oneof![
        2 => (file(), text(), any::<bool>(), option::of(identity()), flags()).prop_map(
            |(file, path, direct, identity, flags)| Call::Open { file, path, direct, identity, flags }
        ),
        1 => (file(), any::<bool>()).prop_map(|(file, direct)| Call::SetDirect { file, direct }),
        1 => (file(), offset(), len()).prop_map(|(file, offset, len)| Call::Write { file, offset, len }),
        1 => (file(), len()).prop_map(|(file, len)| Call::Resize { file, len }),
        1 => (region(), len(), addr()).prop_map(|(region, len, addr)| Call::Remap { region, len, addr }),
        1 => (0u32..4).prop_map(|child| Call::Fork { child }),
        1 => Just(Call::Exec),
        1 => any::<i32>().prop_map(|code| Call::Exit { code }),
        1 => file().prop_map(|file| Call::Size { file }),
        1 => (file(), number(), number(), any::<bool>()).prop_map(|(file, memory, offset, enforced)| {
            Call::Alignment { file, memory, offset, enforced }
        }),
        1 => (file(), any::<bool>(), text())
            .prop_map(|(file, good, reason)| Call::MapHint { file, good, reason }),
        8 => (file(), offset(), len(), any::<bool>(), addr()).prop_map(
            |(file, offset, len, direct, addr)| Call::Read { file, offset, len, direct, addr }
        ),
        1 => (file(), offset(), len(), word()).prop_map(|(file, offset, len, advice)| {
            Call::FileAdvise { file, offset, len, advice }
        }),
        1 => (file(), region(), offset(), len(), any::<bool>(), addr(), flags()).prop_map(
            |(file, region, offset, len, populate, addr, flags)| {
                Call::Map { file, region, offset, len, populate, addr, flags }
            }
        ),
        1 => (region(), len(), number(), addr())
            .prop_map(|(region, len, align, addr)| Call::Alloc { region, len, align, addr }),
        1 => (region(), offset(), len(), word()).prop_map(|(region, offset, len, advice)| {
            Call::MapAdvise { region, offset, len, advice }
        }),
        3 => (region(), offset(), len())
            .prop_map(|(region, offset, len)| Call::Lock { region, offset, len }),
        2 => (region(), offset(), len())
            .prop_map(|(region, offset, len)| Call::Unlock { region, offset, len }),
        1 => (region(), offset(), len())
            .prop_map(|(region, offset, len)| Call::Unmap { region, offset, len }),
        1 => file().prop_map(|file| Call::Close { file }),
        1 => (text(), option::of(file()), option::of(region()), offset(), len(), flags()).prop_map(
            |(name, file, region, offset, len, flags)| Call::Native { name, file, region, offset, len, flags }
        ),
        1 => (word(), word(), text())
            .prop_map(|(level, code, text)| Call::Notice(Notice { level, code, text })),
    ]
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let errno = (word(), any::<i32>(), prop_oneof![Just("EINVAL".to_string()), any::<String>()])
        .prop_map(|(kind, code, name)| Errno { kind, code, name: Cow::Owned(name) });
    prop_oneof![4 => number().prop_map(Outcome::Ok), 1 => errno.prop_map(Outcome::Err)]
}

/// Arbitrary operations, sensible or not, in phases that do not go back.
pub fn any_ops() -> impl Strategy<Value = Vec<Op>> {
    let who = (0u32..3, 0u32..4);
    let op = (word::<Phase>(), who, call(), outcome(), (number(), number()), any::<bool>()).prop_map(
        |(phase, (pid, thread), call, outcome, (start_ns, dur_ns), injected)| Op {
            seq: 0,
            phase,
            pid,
            thread,
            call,
            outcome,
            start_ns,
            dur_ns,
            injected,
        },
    );
    proptest::collection::vec(op, 0..40).prop_map(|mut ops| {
        ops.sort_by_key(|op| op.phase);
        renumber(ops)
    })
}

fn difference() -> impl Strategy<Value = Option<Difference>> {
    let bytes = (number(), any::<u8>(), any::<u8>());
    option::of(bytes.prop_map(|(offset, file, memory)| Difference { offset, file, memory }))
}

fn seen() -> impl Strategy<Value = Seen> {
    prop_oneof![
        (number(), number(), option::of(number())).prop_map(|(pages, resident, locked)| Seen::Pages {
            pages,
            resident,
            locked
        }),
        (text(), number(), number()).prop_map(|(path, pages, resident)| Seen::Cache {
            path,
            pages,
            resident
        }),
        (text(), number(), number(), number(), difference()).prop_map(
            |(path, offset, len, addr, first_difference)| {
                Seen::Content { path, offset, len, addr, first_difference }
            }
        ),
        (text(), number(), number(), number(), any::<(bool, bool)>(), difference()).prop_map(
            |(path, offset, len, addr, (alone, locked), first_difference)| Seen::Copy {
                path,
                offset,
                len,
                addr,
                alone,
                locked,
                first_difference
            }
        ),
        (text(), number(), number()).prop_map(|(path, offset, len)| Seen::Gone { path, offset, len }),
        (number(), number(), number(), any::<bool>()).prop_map(|(addr, len, used, own)| Seen::UsedUnlocked {
            addr,
            len,
            used,
            own
        }),
        (number(), number(), number()).prop_map(|(addr, len, used)| Seen::UsedElsewhere { addr, len, used }),
        (number(), number()).prop_map(|(addr, len)| Seen::Inherited { addr, len }),
        Just(Seen::LastOutput),
        (proptest::array::uniform7(number()), option::of(number())).prop_map(|(numbers, lock_limit)| {
            let [anonymous, file, peak, locked, weights, weights_resident, weights_locked] = numbers;
            Seen::Kernel(KernelMemory {
                anonymous,
                file,
                peak,
                locked,
                lock_limit,
                weights,
                weights_resident,
                weights_locked,
            })
        }),
        (text(), number(), number(), proptest::collection::vec((number(), 0u64..9999), 0..3)).prop_map(
            |(path, offset, len, ranges)| {
                let touched = ranges.iter().map(|(at, len)| *at..at.saturating_add(*len)).collect();
                Seen::Touched { path, offset, len, touched }
            }
        ),
    ]
}

fn end() -> impl Strategy<Value = End> {
    let status = prop_oneof![
        any::<i32>().prop_map(Status::Code),
        any::<i32>().prop_map(Status::Signal),
        any::<i32>().prop_map(Status::Stopped),
        Just(Status::TimeLimit),
        Just(Status::Unknown),
    ];
    (status, proptest::collection::vec(text(), 0..3)).prop_map(|(status, unseen)| End { status, unseen })
}

/// Arbitrary traces, with observations between the operations and an end or none.
pub fn any_trace() -> impl Strategy<Value = TraceFile> {
    let observations = proptest::collection::vec((any::<u64>(), 0u32..3, seen()), 0..6);
    (any_ops(), observations, option::of(end())).prop_map(|(ops, observations, end)| {
        let among = ops.len() as u64 + 1;
        let mut observations: Vec<Observation> = observations
            .into_iter()
            .map(|(after, pid, seen)| Observation { after: after % among, pid, seen })
            .collect();
        observations.sort_by_key(|observation| observation.after);
        TraceFile { observations, end, ..trace_file(ops) }
    })
}
