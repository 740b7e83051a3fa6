//! Differences between two paths are aligned and classified, in the library and on the command line.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Parser;
use loadparity::cli::diff::{DiffArgs, run};
use loadparity::trace::{Advice, Call, CodePath, Diff, DiffClass, ErrorKind, NoticeCode, Op, Phase, Word};
use proptest::prelude::*;
use proptest::sample::Index;
use rstest::rstest;

use crate::support::{
    DATA, DIRECT, MODEL, REGION, SIZE, SIZE_IN_PAGES, Script, any_ops, direct_load, direct_refused, map_load,
    read_load, renumber, samples, trace_file, written,
};

fn diff(left: &[Op], right: &[Op]) -> Diff {
    Diff::between(&CodePath::from_ops(left), &CodePath::from_ops(right))
}

fn classes(left: &[Op], right: &[Op]) -> Vec<DiffClass> {
    diff(left, right).classes().into_iter().collect()
}

/// A copy of a trace without, or with other, operations: `edit` returns what stands there instead.
fn edited(ops: &[Op], edit: impl Fn(&Op) -> Vec<Op>) -> Vec<Op> {
    let other: Vec<Op> = ops.iter().flat_map(edit).collect();
    assert_ne!(other, ops, "the edit does something");
    renumber(other)
}

fn without(ops: &[Op], which: impl Fn(&Op) -> bool) -> Vec<Op> {
    edited(ops, |op| if which(op) { vec![] } else { vec![op.clone()] })
}

fn is_lock(op: &Op) -> bool {
    matches!(op.call, Call::Lock { .. } | Call::Unlock { .. })
}

#[test]
fn equal_paths_are_identical() {
    for (name, ops) in samples() {
        let diff = diff(&ops, &ops);
        assert!(diff.is_identical(), "{name}");
        assert_eq!(diff.to_string(), "", "{name}");
    }
}

proptest! {
    #[test]
    fn a_diff_is_empty_exactly_for_equal_steps(left in any_ops(), right in any_ops(), same in any::<bool>()) {
        let left = CodePath::from_ops(&left);
        let right = if same { left.clone() } else { CodePath::from_ops(&right) };
        let diff = Diff::between(&left, &right);
        prop_assert_eq!(diff.is_identical(), left.steps == right.steps);
        // Every step of both sides stands in the diff once and in its order.
        let lefts: Vec<_> = diff.entries.iter().filter_map(|e| e.left.clone()).collect();
        let rights: Vec<_> = diff.entries.iter().filter_map(|e| e.right.clone()).collect();
        prop_assert_eq!(lefts, left.steps);
        prop_assert_eq!(rights, right.steps);
        for entry in &diff.entries {
            prop_assert_eq!(entry.class.is_none(), entry.left == entry.right);
        }
    }

    #[test]
    fn one_dropped_step_is_one_difference(sample in any::<Index>(), at in any::<Index>()) {
        let samples = samples();
        let whole = CodePath::from_ops(&samples[sample.index(samples.len())].1);
        let mut part = whole.clone();
        let gone = part.steps.remove(at.index(whole.steps.len()));
        let diff = Diff::between(&whole, &part);
        let told: Vec<_> = diff.differences().collect();
        prop_assert_eq!(told.len(), 1, "{}", diff);
        // Equal neighbours (three closes) are interchangeable, so compare the step itself.
        prop_assert_eq!(told[0].left.as_ref(), Some(&gone));
    }
}

#[test]
fn a_changed_source_is_a_plan_difference() {
    assert_eq!(classes(&map_load(false), &read_load(false)), [DiffClass::Plan]);
    assert_eq!(classes(&read_load(false), &map_load(false)), [DiffClass::Plan]);
    let direct = classes(&direct_load(false), &read_load(false));
    assert_eq!(direct, [DiffClass::Open, DiffClass::Plan]);
}

#[test]
fn a_lock_that_follows_its_source_is_not_lost() {
    assert_eq!(diff(&map_load(true), &read_load(true)).worst(), Some(DiffClass::Plan));
    // Two mappings, then the lock, against a lock before two reads: in order, the sources pair.
    let mut s = Script::start();
    s.ok(Script::map_call(true), 0);
    s.ok(Script::map_call(true), 0);
    s.ok(Script::lock_call(0, SIZE_IN_PAGES), 0);
    let maps = s.finish(None, false, &[MODEL]);
    let mut s = Script::start();
    s.alloc(REGION, SIZE, 64);
    s.ok(Script::lock_call(0, SIZE), 0);
    s.read(MODEL, DATA, 0x2_0000, false);
    s.ok(Call::FileAdvise { file: MODEL, offset: 0, len: 0, advice: Advice::Sequential }, 0);
    s.read(MODEL, 0x2_0000, SIZE, false);
    let reads = s.finish(None, false, &[MODEL]);
    for (left, right) in [(&maps, &reads), (&reads, &maps)] {
        let diff = diff(left, right);
        assert_eq!(diff.worst(), Some(DiffClass::Plan), "{diff}");
    }
}

#[rstest]
#[case(false, "load      read model +1048576..3575712")]
#[case(true, "load      read model direct +0x4000..0x100000")]
fn a_changed_step_pairs_with_its_own_kind(#[case] direct: bool, #[case] expected: &str) {
    let load = |direct_end: u64, buffered_end: u64| {
        let mut s = Script::start();
        s.open(DIRECT, true);
        s.read(DIRECT, DATA, direct_end, true);
        s.read(MODEL, 0x10_0000, buffered_end, false);
        s.finish(None, false, &[DIRECT, MODEL])
    };
    // On the right, the reads of the other kind are gone and those of this kind are shorter.
    let mut right = load(0x8_0000, 0x20_0000);
    right.retain(|op| match op.call {
        Call::Read { direct: other, .. } => op.phase != Phase::Load || other == direct,
        _ => true,
    });
    let diff = diff(&load(0x10_0000, SIZE), &renumber(right));
    let pair = diff.differences().find(|entry| entry.left.is_some() && entry.right.is_some()).unwrap();
    assert_eq!(pair.left.as_ref().unwrap().to_string(), expected, "{diff}");
}

#[test]
fn a_lost_short_or_refused_lock_is_a_lock_difference() {
    for ops in [map_load(true), read_load(true), direct_load(true)] {
        assert_eq!(classes(&ops, &without(&ops, is_lock)), [DiffClass::Lock]);
        assert_eq!(classes(&without(&ops, is_lock), &ops), [DiffClass::Lock]);
        let short = edited(&ops, |op| {
            let mut op = op.clone();
            if let Call::Lock { len, .. } = &mut op.call {
                *len -= 4096;
            }
            vec![op]
        });
        assert_eq!(diff(&ops, &short).worst(), Some(DiffClass::Lock));
        let refused = edited(&ops, |op| {
            if !matches!(op.call, Call::Lock { .. }) {
                return vec![op.clone()];
            }
            let mut script = Script::start();
            script.err(op.call.clone(), ErrorKind::LockLimit);
            vec![script.ops.pop().unwrap()]
        });
        assert_eq!(diff(&ops, &refused).worst(), Some(DiffClass::Lock));
    }
    let (ops, text) = (map_load(true), |ops: &[Op]| diff(&map_load(true), ops).to_string());
    let last = ops.iter().rposition(|op| matches!(op.call, Call::Lock { .. })).unwrap();
    let mut short = ops.clone();
    if let Call::Lock { len, .. } = &mut short[last].call {
        *len -= 4096;
    }
    assert_eq!(
        text(&short),
        "\
@ 3 equal steps
  load      map map0 <- model +0..3575712 populate [MAP_POPULATE MAP_SHARED]
  load      advise map0 +0..3575712 willneed
  load      unmap map0 +0..0x4000
- load      lock map0 +0x4000..0x369000
+ load      lock map0 +0x4000..0x368000    <- lock: 4096 bytes fewer locked
  teardown  unlock map0 +0x4000..0x369000
  teardown  unmap map0 +0..3575712
  teardown  close model
"
    );
}

#[test]
fn a_fallback_is_told_as_one() {
    let told = classes(&direct_load(false), &direct_refused(2));
    assert_eq!(told, [DiffClass::Open, DiffClass::Fallback]);
    let silent = without(&direct_refused(2), |op| matches!(op.call, Call::Notice(_)));
    let diff = diff(&direct_refused(2), &silent);
    assert_eq!(diff.classes(), BTreeSet::from([DiffClass::Fallback]));
    assert_eq!(diff.differences().next().unwrap().detail, "no longer reported");
}

#[test]
fn lost_direct_is_an_open_difference() {
    let buffered = edited(&direct_load(false), |op| {
        let mut op = op.clone();
        if let Call::Open { direct, .. } = &mut op.call {
            *direct = false;
        }
        vec![op]
    });
    let diff = diff(&direct_load(false), &buffered);
    assert_eq!(diff.classes(), BTreeSet::from([DiffClass::Open]));
    assert_eq!(diff.differences().next().unwrap().detail, "direct lost");
}

#[test]
fn bytes_lost_or_read_twice() {
    let ops = read_load(false);
    let is_first = |op: &Op| op.phase == Phase::Load && matches!(op.call, Call::Read { offset: DATA, .. });
    let lost = diff(&ops, &without(&ops, is_first));
    assert_eq!(lost.classes(), BTreeSet::from([DiffClass::Missing]));
    assert_eq!(lost.differences().next().unwrap().detail, "lost +0x4000..0x24000");
    let twice = edited(&ops, |op| vec![op.clone(); 1 + usize::from(is_first(op))]);
    let twice = diff(&ops, &twice);
    assert_eq!(twice.classes(), BTreeSet::from([DiffClass::Extra]));
    assert_eq!(twice.differences().next().unwrap().detail, "gained +0x4000..0x24000");
}

#[test]
fn moved_steps_are_an_order_difference() {
    let ops = map_load(true);
    let advice = ops.iter().position(|op| matches!(op.call, Call::FileAdvise { .. })).unwrap();
    let mut later = ops.clone();
    later.swap(advice, advice + 2);
    later.swap(advice, advice + 1);
    assert_eq!(classes(&ops, &renumber(later)), [DiffClass::Order]);
    let other_phase = edited(&ops, |op| {
        let phase = if matches!(op.call, Call::FileAdvise { .. }) { Phase::Probe } else { op.phase };
        vec![Op { phase, ..op.clone() }]
    });
    assert_eq!(classes(&ops, &other_phase), [DiffClass::Order]);
}

#[test]
fn native_flags_alone_are_equivalent() {
    let other = edited(&map_load(false), |op| {
        let mut op = op.clone();
        if let Call::Map { flags, .. } = &mut op.call {
            flags.names.push("MAP_NORESERVE".into());
        }
        vec![op]
    });
    assert_eq!(classes(&map_load(false), &other), [DiffClass::Equivalent]);
}

#[test]
fn lost_populate_is_a_plan_difference() {
    let other = edited(&map_load(false), |op| {
        let mut op = op.clone();
        if let Call::Map { populate, .. } = &mut op.call {
            *populate = false;
        }
        vec![op]
    });
    assert_eq!(classes(&map_load(false), &other), [DiffClass::Plan]);
}

#[test]
fn a_refused_map_that_is_read_instead_is_a_fallback() {
    let mut s = Script::start();
    s.err(Script::map_call(true), ErrorKind::OutOfMemory);
    s.notice(NoticeCode::AutoResolved);
    s.alloc(REGION, SIZE - DATA, 64);
    s.read(MODEL, DATA, SIZE, false);
    let refused = s.finish(None, false, &[MODEL]);
    assert_eq!(classes(&map_load(false), &refused), [DiffClass::Fallback]);
}

#[test]
fn no_listing_shows_an_address() {
    for (_, left) in samples() {
        for (_, right) in samples() {
            let text = diff(&left, &right).to_string();
            assert!(!text.contains("0x7f"), "{text}");
        }
    }
}

#[derive(clap::Parser)]
struct Cli {
    #[command(flatten)]
    args: DiffArgs,
}

/// Writes two files and compares them as the command would; gives the exit code and the output.
fn command(left: &[u8], right: &[u8], more: &[&str]) -> (u8, String) {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (dir.path().join("a.jsonl"), dir.path().join("b.jsonl"));
    std::fs::write(&a, left).unwrap();
    std::fs::write(&b, right).unwrap();
    let paths: [PathBuf; 2] = [a, b];
    let argv = ["diff".into()].into_iter().chain(paths.map(Into::into)).chain(more.iter().map(Into::into));
    let cli = Cli::parse_from(argv.collect::<Vec<std::ffi::OsString>>());
    let mut out = Vec::new();
    let code = run(&cli.args, &mut out);
    (code, String::from_utf8(out).unwrap())
}

#[test]
fn the_command_tells_identical_different_and_unreadable_apart() {
    let (map, read) = (written(&trace_file(map_load(true))), written(&trace_file(read_load(false))));
    let (code, text) = command(&map, &map, &[]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("identical: both took the same code path"), "{text}");
    assert!(text.contains("lock-growth-coalesced            3      3"), "{text}");
    let (code, text) = command(&map, &read, &[]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("the source changed from map to read"), "{text}");
    assert_eq!(command(&map, &map[..map.len() - 9], &[]).0, 2);
    assert_eq!(command(b"", &map, &[]).0, 2);
    let absent = DiffArgs { left: "/nowhere/a".into(), ..Cli::parse_from(["diff", "a", "b"]).args };
    assert_eq!(run(&absent, &mut Vec::new()), 2);
}

#[rstest]
#[case(map_load(true), read_load(true), 1)]
#[case(map_load(true), map_load(true), 0)]
fn the_json_form_says_the_same(#[case] left: Vec<Op>, #[case] right: Vec<Op>, #[case] expected: u8) {
    let (left_path, right_path) = (CodePath::from_ops(&left), CodePath::from_ops(&right));
    let diff = Diff::between(&left_path, &right_path);
    let files = (written(&trace_file(left)), written(&trace_file(right)));
    let (code, text) = command(&files.0, &files.1, &["--format", "json"]);
    let report = crate::schemas::parsed(text.as_bytes());
    assert_eq!(code, expected);
    assert_eq!(report["identical"], diff.is_identical());
    assert_eq!(report["worst"].as_str(), diff.worst().map(Word::word));
    assert_eq!(report["differences"].as_array().unwrap().len(), diff.differences().count());
    assert_eq!(report["left"]["fingerprint"], left_path.fingerprint().full());
    assert_eq!(report["rules"].as_array().unwrap().len(), {
        let rules: BTreeSet<_> =
            left_path.rules_applied.keys().chain(right_path.rules_applied.keys()).collect();
        rules.len()
    });
}

#[test]
fn traces_of_two_platforms_are_compared_by_meaning() {
    let mut other = trace_file(edited(&map_load(false), |op| {
        let mut op = op.clone();
        if let Call::Map { flags, .. } | Call::Open { flags, .. } = &mut op.call {
            flags.names = vec!["FILE_MAP_READ".into()];
        }
        vec![op]
    }));
    let linux = written(&trace_file(map_load(false)));
    assert_eq!(command(&linux, &written(&other), &[]).0, 1);
    other.header.os = "windows".into();
    let (code, text) = command(&linux, &written(&other), &[]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("native-flags-dropped"), "{text}");
}
