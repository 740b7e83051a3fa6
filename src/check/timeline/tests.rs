//! Marks, phases and what is held.

use std::borrow::Cow;

use super::*;
use crate::trace::{Errno, ErrorKind, NativeFlags, Phase};

fn op(seq: u64, phase: Phase, call: Call, outcome: Outcome) -> Op {
    let (start_ns, dur_ns) = (5_000 + seq * 100, 50);
    Op { seq, phase, pid: 0, thread: 0, call, outcome, start_ns, dur_ns, injected: false }
}

fn numbered(calls: Vec<(Phase, Call, Outcome)>) -> Vec<Op> {
    (0..).zip(calls).map(|(seq, (phase, call, outcome))| op(seq, phase, call, outcome)).collect()
}

fn open(file: u32, path: &str, identity: Option<FileIdentity>) -> Call {
    Call::Open {
        file: FileId(file),
        path: path.to_owned(),
        direct: false,
        identity,
        flags: NativeFlags::default(),
    }
}

fn read(offset: u64, len: u64) -> Call {
    Call::Read { file: FileId(0), offset, len, direct: false, addr: 0 }
}

#[test]
fn reads_that_go_on_are_one_mark_and_stand_for_all_their_calls() {
    let mut calls = vec![(Phase::Header, open(0, "/a/m.gguf", None), Outcome::Ok(0))];
    calls.extend((0..8).map(|at| (Phase::Load, read(at * 100, 100), Outcome::Ok(100))));
    calls.push((Phase::Load, read(5_000, 100), Outcome::Ok(40)));
    let mut ops = numbered(calls);
    // So long that the gaps between reads do not show.
    ops.last_mut().unwrap().dur_ns = 1_000_000;
    let timeline = Timeline::of(&ops, &[]);
    let reads: Vec<_> = timeline.marks.iter().filter(|mark| mark.kind == MarkKind::Read).collect();
    let seen: Vec<_> = reads.iter().map(|m| (m.offset_bytes, m.length_bytes, m.calls)).collect();
    assert_eq!(seen, [(Some(0), 800, 8), (Some(5_000), 40, 1)]);
    assert_eq!(timeline.marks.iter().map(|mark| mark.calls).sum::<u64>(), timeline.calls);
    assert_eq!(timeline.marks[0].start_ns, 0, "time begins with the first call");
    let phases: Vec<_> = timeline.phases.iter().map(|p| (p.phase.as_str(), p.start_ns)).collect();
    assert_eq!(phases, [("header", 0), ("load", 100)]);
}

#[test]
fn a_mapping_is_held_until_all_of_it_is_released_and_a_lock_until_its_own_range_is() {
    let (file, region) = (FileId(0), RegionId(0));
    let ok = || Outcome::Ok(0);
    let map = Call::Map {
        file,
        region,
        offset: 4096,
        len: 8192,
        populate: false,
        addr: 1,
        flags: NativeFlags::default(),
    };
    let lock = |offset| Call::Lock { region, offset, len: 4096 };
    let unmap = |offset| Call::Unmap { region, offset, len: 4096 };
    let refused = Outcome::Err(Errno { kind: ErrorKind::LockLimit, code: 12, name: Cow::Borrowed("ENOMEM") });
    let ops = numbered(vec![
        (Phase::Load, open(0, "m", None), ok()),
        (Phase::Load, map, ok()),
        (Phase::Load, lock(0), ok()),
        (Phase::Load, lock(4096), refused),
        (Phase::Teardown, unmap(0), ok()),
        (Phase::Teardown, unmap(4096), ok()),
    ]);
    let timeline = Timeline::of(&ops, &[]);
    let held: Vec<_> = timeline.marks.iter().map(|mark| mark.held_until_ns).collect();
    assert_eq!(held, [None, Some(500), Some(400), None, None, None]);
    assert_eq!(timeline.marks[2].offset_bytes, Some(4096), "a lock lies where its mapping does");
    assert_eq!(timeline.marks[3].refused.as_deref(), Some("ENOMEM"));
    assert_eq!(timeline.files[0].size_bytes, 12_288);
}

#[test]
fn one_file_by_two_paths_is_one_and_one_path_of_two_files_is_two() {
    let identity = |inode| Some(FileIdentity { device: 1, inode, size: 10 });
    let ops = numbered(vec![
        (Phase::Load, open(0, "a", identity(7)), Outcome::Ok(0)),
        (Phase::Load, open(1, "link", identity(7)), Outcome::Ok(0)),
        (Phase::Load, open(2, "a", identity(8)), Outcome::Ok(0)),
    ]);
    let timeline = Timeline::of(&ops, &[]);
    assert_eq!(timeline.marks.iter().map(|mark| mark.file).collect::<Vec<_>>(), [Some(0), Some(0), Some(1)]);
}

#[test]
fn without_times_calls_stand_in_their_order() {
    let mut ops = numbered(vec![
        (Phase::Load, open(0, "a", None), Outcome::Ok(0)),
        (Phase::Load, read(0, 1), Outcome::Ok(1)),
    ]);
    ops.iter_mut().for_each(|op| (op.start_ns, op.dur_ns) = (0, 7));
    let timeline = Timeline::of(&ops, &[]);
    let times: Vec<_> = timeline.marks.iter().map(|mark| (mark.start_ns, mark.end_ns)).collect();
    assert_eq!((timeline.timed, timeline.length_ns, times), (false, 2, vec![(0, 1), (1, 2)]));
}

#[test]
fn a_crowd_is_thinned_and_no_call_is_lost() {
    let mut calls = vec![(Phase::Load, open(0, "a", None), Outcome::Ok(0))];
    calls.extend((0..9_000).map(|at| (Phase::Load, read((at * 7919) % 100_000, 10), Outcome::Ok(10))));
    let timeline = Timeline::of(&numbered(calls), &[]);
    assert!(timeline.marks.len() <= MOST_MARKS + 1, "{}", timeline.marks.len());
    assert_eq!(timeline.marks.iter().map(|mark| mark.calls).sum::<u64>(), 9_001);
}
