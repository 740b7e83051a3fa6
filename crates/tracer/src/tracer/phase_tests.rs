//! Loaders as they are, call by call, and the phases that their calls tell.

use super::*;
use crate::trace::{Advice, Errno, NativeFlags};

const DATA: u64 = 13_664;
const SIZE: u64 = 6_838_624;
const FILE: &str = "m.gguf";

fn layouts() -> BTreeMap<String, Layout> {
    let tensors = [DATA..5_000_000, 5_000_000..SIZE - 1000, SIZE - 1000..SIZE].into_iter().collect();
    BTreeMap::from([(FILE.to_owned(), Layout { data_start: DATA, file_size: SIZE, tensors })])
}

/// A model that one short read brings whole is loaded by it: a unit test's.
#[test]
fn a_small_file_in_one_read_is_a_load() {
    let small =
        Layout { data_start: 3000, file_size: 30_000, tensors: std::iter::once(3000..30_000).collect() };
    let layouts = BTreeMap::from([(FILE.to_owned(), small)]);
    let calls = [open(0, false), alloc(), read(0, 0, 30_000), close(0)];
    let mut ops: Vec<Op> = (0..).zip(calls).map(made).collect();
    assign_phases(&mut ops, &layouts);
    assert_eq!(ops[2].phase, Phase::Load);
}

fn made((seq, (call, outcome)): (u64, (Call, Outcome))) -> Op {
    Op { seq, phase: Phase::Run, pid: 0, thread: 0, call, outcome, start_ns: 0, dur_ns: 0, injected: false }
}

/// The phases of a list of calls, each with its result.
fn phases(calls: Vec<(Call, Outcome)>) -> String {
    let mut ops: Vec<Op> = (0..).zip(calls).map(made).collect();
    assign_phases(&mut ops, &layouts());
    let letter = |phase| match phase {
        Phase::Header => 'h',
        Phase::Probe => 'p',
        Phase::Load => 'L',
        Phase::Run => 'r',
        Phase::Teardown => 't',
    };
    ops.iter().map(|op| letter(op.phase)).collect()
}

fn ok(call: Call) -> (Call, Outcome) {
    (call, Outcome::Ok(0))
}

fn open(file: u32, direct: bool) -> (Call, Outcome) {
    let flags = NativeFlags::default();
    ok(Call::Open { file: FileId(file), path: FILE.to_owned(), direct, identity: None, flags })
}

fn refused(mut call: (Call, Outcome)) -> (Call, Outcome) {
    call.1 = Outcome::Err(Errno { kind: ErrorKind::Invalid, code: 22, name: "EINVAL".into() });
    call
}

fn close(file: u32) -> (Call, Outcome) {
    ok(Call::Close { file: FileId(file) })
}

/// A read into memory at its own offset.
fn read(file: u32, offset: u64, len: u64) -> (Call, Outcome) {
    let call = Call::Read { file: FileId(file), offset, len, direct: false, addr: 1 << 40 | offset };
    (call, Outcome::Ok(len.min(SIZE.saturating_sub(offset))))
}

fn map() -> (Call, Outcome) {
    let (file, region, flags) = (FileId(3), RegionId(0), NativeFlags::default());
    ok(Call::Map { file, region, offset: 0, len: SIZE, populate: true, addr: 1 << 44, flags })
}

fn unmap(offset: u64, len: u64) -> (Call, Outcome) {
    ok(Call::Unmap { region: RegionId(0), offset, len })
}

fn alloc() -> (Call, Outcome) {
    ok(Call::Alloc { region: RegionId(0), len: SIZE, align: 4096, addr: 1 << 40 })
}

fn lock() -> (Call, Outcome) {
    ok(Call::Lock { region: RegionId(0), offset: 0, len: SIZE })
}

/// One of llama.cpp's passes over the header: 4096-byte pieces by stdio.
fn header(file: u32) -> Vec<(Call, Outcome)> {
    let mut calls = vec![open(file, false)];
    calls.extend((0..4).map(|n| read(file, n * 4096, 4096)));
    calls.push(close(file));
    calls
}

/// What llama.cpp does before the real load: the fitting pass, then the header again.
fn before() -> Vec<(Call, Outcome)> {
    let mut calls = header(0);
    calls.extend([open(1, false), read(1, SIZE - 2400, 4096), close(1)]);
    calls.extend(header(2));
    calls
}

const BEFORE: &str = "ppppppppphhhhhh";

fn load(calls: Vec<(Call, Outcome)>, expected: &str) {
    let mut all = before();
    all.extend(calls);
    assert_eq!(phases(all), format!("{BEFORE}{expected}"));
}

#[test]
fn llama_maps() {
    let sequential = Call::FileAdvise { file: FileId(3), offset: 0, len: 0, advice: Advice::Sequential };
    let wanted = Call::MapAdvise { region: RegionId(0), offset: 0, len: SIZE, advice: Advice::WillNeed };
    let glance = read(3, SIZE - 2400, 4096);
    let calls = vec![
        open(3, false),
        glance,
        ok(sequential),
        map(),
        ok(wanted),
        unmap(0, 12_288),
        // The tail holds tensors too, where those were repacked: giving it back is trimming.
        unmap(5_001_216, SIZE - 5_001_216),
        close(3),
        unmap(12_288, 5_001_216 - 12_288),
    ];
    load(calls, "LLLLLLLLt");
}

#[test]
fn llama_reads_by_pages_and_locks_first() {
    let calls = vec![
        open(3, false),
        alloc(),
        lock(),
        // The page in which the header ends is read again for the first tensor's head.
        read(3, 12_288, 4096),
        read(3, 16_384, 4_980_736),
        read(3, 4_997_120, SIZE),
        close(3),
        unmap(0, SIZE),
    ];
    load(calls, "LLLLLLLt");
}

#[test]
fn a_direct_open_asks_the_platform() {
    let calls = vec![open(3, true), alloc(), read(3, 12_288, SIZE), close(3), unmap(0, SIZE)];
    load(calls, "pLLLt");
    let fallen_back = vec![refused(open(3, true)), open(4, false), alloc(), read(4, DATA, SIZE), close(4)];
    load(fallen_back, "pLLLL");
}

#[test]
fn one_open_for_header_and_weights() {
    let calls = vec![
        open(0, false),
        read(0, 0, 65_536),
        alloc(),
        read(0, 65_536, SIZE),
        close(0),
        ok(Call::Unlock { region: RegionId(0), offset: 0, len: SIZE }),
        unmap(0, SIZE),
    ];
    assert_eq!(phases(calls), "hhLLLtt");
}

#[test]
fn a_whole_file_in_one_read_is_the_load() {
    assert_eq!(phases(vec![open(0, false), alloc(), read(0, 0, SIZE), close(0)]), "LLLL");
    assert_eq!(phases(header(0)), "hhhhhh", "without weights there is no load");
}

#[test]
fn what_is_opened_after_the_load_belongs_to_the_run() {
    let mut calls = vec![open(0, false), alloc(), read(0, 0, 16_384), read(0, DATA, SIZE), close(0)];
    calls.extend([open(1, false), read(1, 20_000, 100_000), close(1), unmap(0, SIZE)]);
    assert_eq!(phases(calls), "hLLLLrrrt");
}

#[test]
fn two_models_are_told_apart() {
    let mut two = layouts();
    two.insert("d.gguf".to_owned(), layouts()[FILE].clone());
    let draft = |file| {
        let (mut call, outcome) = open(file, false);
        if let Call::Open { path, .. } = &mut call {
            *path = "d.gguf".to_owned();
        }
        (call, outcome)
    };
    let calls = [open(0, false), read(0, 0, 16_384), read(0, DATA, SIZE), close(0)];
    let more = [draft(1), read(1, 0, 16_384), read(1, DATA, SIZE), close(1)];
    let mut ops: Vec<Op> = (0..).zip(calls.into_iter().chain(more)).map(made).collect();
    assign_phases(&mut ops, &two);
    use Phase::{Header as H, Load as L};
    assert_eq!(ops.iter().map(|op| op.phase).collect::<Vec<_>>(), [H, H, L, L, H, H, L, L]);
}
