use std::ops::Range as Bytes;

use super::SemanticPath;
use crate::trace::{Advice, Call, CodePath, FileId, NativeFlags, Op, Outcome, Phase, RegionId};

const WEIGHTS: [Bytes<u64>; 2] = [10_000..20_000, 20_032..300_000];
const FILE: FileId = FileId(0);
const REGION: RegionId = RegionId(0);

/// The semantic path of these successful calls of the load phase.
fn path(calls: impl IntoIterator<Item = Call>) -> SemanticPath {
    let outcome = |call: &Call| match call {
        Call::Read { len, .. } => Outcome::Ok(*len),
        _ => Outcome::Ok(0),
    };
    let op = |(seq, call): (usize, Call)| Op {
        seq: seq as u64,
        phase: Phase::Load,
        pid: 0,
        thread: 0,
        outcome: outcome(&call),
        call,
        start_ns: 0,
        dur_ns: 0,
        injected: false,
    };
    let ops: Vec<Op> = calls.into_iter().enumerate().map(op).collect();
    SemanticPath::of(&CodePath::from_ops(&ops), WEIGHTS)
}

fn map(len: u64, populate: bool) -> Call {
    let flags = NativeFlags::default();
    Call::Map { file: FILE, region: REGION, offset: 0, len, populate, addr: 4096, flags }
}

fn lock(offset: u64, len: u64) -> Call {
    Call::Lock { region: REGION, offset, len }
}

fn unmap(offset: u64, len: u64) -> Call {
    Call::Unmap { region: REGION, offset, len }
}

fn read(offset: u64, len: u64, direct: bool) -> Call {
    Call::Read { file: FILE, offset, len, direct, addr: 0 }
}

fn text(path: &SemanticPath) -> Vec<String> {
    path.steps.iter().map(|step| step.action.to_string()).collect()
}

#[test]
fn locks_of_every_page_size_mean_the_same_and_a_missing_byte_does_not() {
    let rounded = |page: u64| {
        let (start, end) = (10_000 / page * page, 300_000_u64.next_multiple_of(page).min(301_000));
        path([map(301_000, false), lock(start, end - start)])
    };
    for page in [16 << 10, 64 << 10] {
        assert_eq!(rounded(page).steps, rounded(4096).steps);
    }
    assert_eq!(text(&rounded(4096))[1], "lock map0: all weights");
    let short = path([map(301_000, false), lock(8192, 299_999 - 8192)]);
    assert_eq!(text(&short)[1], "lock map0: all weights but +299999..300000");
    assert_ne!(short.fingerprint(), rounded(4096).fingerprint());
    let little = path([map(301_000, false), lock(8192, 4096)]);
    assert_eq!(text(&little)[1], "lock map0: only the weights at +10000..12288");
}

#[test]
fn giving_back_unused_pages_is_left_out_and_giving_back_weights_is_not() {
    let plain = path([map(301_000, false)]);
    assert_eq!(path([map(301_000, false), unmap(0, 8192)]).steps, plain.steps);
    let torn = path([map(301_000, false), unmap(0, 12_288)]);
    assert_eq!(text(&torn)[1], "give back map0: only the weights at +10000..12288");
}

#[test]
fn prefetch_is_one_step_however_often_it_is_asked_for() {
    let advice = Call::MapAdvise { region: REGION, offset: 0, len: 301_000, advice: Advice::WillNeed };
    let both = path([map(301_000, true), advice.clone()]);
    assert_eq!(both.steps, path([map(301_000, false), advice]).steps);
    assert_eq!(text(&both), ["map map0 <- unknown: all weights", "prefetch map0"]);
    assert_ne!(both.steps, path([map(301_000, false)]).steps, "a lost prefetch shows");
}

#[test]
fn direct_margins_are_left_out_and_other_reads_are_not() {
    let narrow = path([read(9728, 300_032 - 9728, true)]);
    assert_eq!(narrow.steps, path([read(0, 327_680, true)]).steps);
    assert_eq!(text(&narrow), ["read direct unknown: all weights"]);
    let far = path([read(0, 400_000, true)]);
    assert_eq!(text(&far), ["read direct unknown: all weights, other +365536..400000"]);
    let buffered = path([read(9000, 291_000, false)]);
    assert_eq!(text(&buffered), ["read unknown: all weights, other +9000..10000"]);
    let twice = path([read(10_000, 290_000, false), read(12_000, 500, false)]);
    assert_eq!(text(&twice), ["read unknown: all weights, again +12000..12500 x2"]);
}

#[test]
fn another_source_is_another_step() {
    let mapped = path([map(301_000, false)]);
    assert_ne!(mapped.steps, path([read(10_000, 290_000, false)]).steps);
    assert_eq!(text(&path([map(8192, false)])), ["map map0 <- unknown: no weights"]);
}

#[test]
fn handles_are_joined_and_one_left_open_shows() {
    let open = |file| Call::Open {
        file,
        path: "m".into(),
        direct: false,
        identity: None,
        flags: NativeFlags::default(),
    };
    let close = |file| Call::Close { file };
    let (a, b) = (FileId(0), FileId(1));
    let one = path([open(a), close(a)]);
    assert_eq!(text(&one), ["open model", "close model"]);
    assert_eq!(path([open(a), open(b), close(b), close(a)]).steps, one.steps);
    assert_eq!(text(&path([open(a), open(b), close(b)])), ["open model"]);
}

#[test]
fn a_buffer_is_told_without_its_size_and_a_lock_of_its_part_is_not_whole() {
    let alloc = |len| Call::Alloc { region: REGION, len, align: 4096, addr: 0 };
    let whole = path([alloc(290_000), lock(0, 290_000)]);
    assert_eq!(whole.steps, path([alloc(294_912), lock(0, 294_912)]).steps);
    assert_eq!(text(&whole), ["alloc buf0", "lock buf0: whole"]);
    assert_eq!(text(&path([alloc(290_000), lock(0, 4096)]))[1], "lock buf0: 0..4096 of 290000");
}
