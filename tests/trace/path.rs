//! The canonical path keeps what a loader promised and drops what is incidental.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use loadparity::trace::{Call, CodePath, ErrorKind, FileId, Op, Outcome, Phase, RegionId, Rule};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::support::{
    DATA, MODEL, SIZE, Script, any_ops, direct_load, direct_refused, map_load, read_load, renumber, samples,
};

fn path(ops: &[Op]) -> CodePath {
    CodePath::from_ops(ops)
}

/// A hand-made load or arbitrary operations.
fn traces() -> impl Strategy<Value = Vec<Op>> {
    prop_oneof![any_ops(), (0..samples().len()).prop_map(|at| samples().swap_remove(at).1)]
}

fn regions_mut(call: &mut Call) -> Option<&mut RegionId> {
    match call {
        Call::Map { region, .. }
        | Call::Alloc { region, .. }
        | Call::MapAdvise { region, .. }
        | Call::Lock { region, .. }
        | Call::Unlock { region, .. }
        | Call::Remap { region, .. }
        | Call::Unmap { region, .. }
        | Call::Native { region: Some(region), .. } => Some(region),
        _ => None,
    }
}

fn files_mut(call: &mut Call) -> Option<&mut FileId> {
    match call {
        Call::Open { file, .. }
        | Call::SetDirect { file, .. }
        | Call::Write { file, .. }
        | Call::Resize { file, .. }
        | Call::Size { file }
        | Call::Alignment { file, .. }
        | Call::MapHint { file, .. }
        | Call::Read { file, .. }
        | Call::FileAdvise { file, .. }
        | Call::Map { file, .. }
        | Call::Close { file }
        | Call::Native { file: Some(file), .. } => Some(file),
        _ => None,
    }
}

/// The bytes that a read brought.
fn arrived(op: &Op) -> Option<u64> {
    match (&op.call, &op.outcome) {
        (Call::Read { .. }, Outcome::Ok(n)) => Some(*n),
        _ => None,
    }
}

fn interrupted(op: &Op) -> bool {
    matches!(&op.outcome, Outcome::Err(errno) if errno.kind == ErrorKind::Interrupted)
}

proptest! {
    #[test]
    fn canonicalising_a_rendered_path_changes_nothing(ops in traces()) {
        let once = path(&ops);
        let twice = path(&once.to_ops());
        prop_assert_eq!(&twice.steps, &once.steps);
        prop_assert_eq!(twice.fingerprint(), once.fingerprint());
        let semantic = once.semantic();
        prop_assert_eq!(semantic.semantic().steps, semantic.steps);
    }

    #[test]
    fn numbers_and_times_do_not_matter(ops in traces(), shift in 1u32..1000, salt in any::<u64>()) {
        let mut other = ops.clone();
        for op in &mut other {
            // Reversed and shifted: the order of the identifiers changes as well.
            if let Some(region) = regions_mut(&mut op.call) {
                region.0 = shift + 100 - region.0;
            }
            if let Some(file) = files_mut(&mut op.call) {
                file.0 = shift + 100 - file.0;
            }
            if let Call::Read { addr, .. }
            | Call::Map { addr, .. }
            | Call::Alloc { addr, .. }
            | Call::Remap { addr, .. } = &mut op.call
            {
                *addr ^= salt;
            }
            op.pid = op.pid.wrapping_mul(3).wrapping_add(shift);
            op.start_ns ^= salt;
            op.thread = op.thread.wrapping_mul(7).wrapping_add(shift);
            op.dur_ns ^= salt;
            op.injected = !op.injected;
            op.seq += salt >> 1;
        }
        prop_assert_eq!(path(&other).steps, path(&ops).steps);
    }

    #[test]
    fn read_chunking_does_not_matter(ops in traces(), cuts in proptest::collection::vec(any::<Index>(), 40)) {
        let mut other = Vec::new();
        for (op, cut) in ops.iter().zip(cuts.iter().cycle()) {
            let (Some(n @ 2..), Call::Read { offset, .. }) = (arrived(op), &op.call) else {
                other.push(op.clone());
                continue;
            };
            let first = 1 + cut.index(usize::try_from(n - 1).unwrap_or(usize::MAX)) as u64;
            let (mut head, mut tail) = (op.clone(), op.clone());
            (head.outcome, tail.outcome) = (Outcome::Ok(first), Outcome::Ok(n - first));
            if let Call::Read { offset: at, .. } = &mut tail.call {
                *at = offset.saturating_add(first);
            }
            other.extend([head, tail]);
        }
        prop_assert_eq!(path(&renumber(other)).steps, path(&ops).steps);
    }

    #[test]
    fn thread_interleaving_does_not_matter(
        ops in traces(), swaps in proptest::collection::vec(any::<Index>(), 0..60),
    ) {
        let mut other = ops.clone();
        let read = |op: &Op| matches!(op.call, Call::Read { .. }) && !interrupted(op);
        for swap in swaps.iter().filter(|_| ops.len() > 1) {
            let at = swap.index(ops.len() - 1);
            if read(&other[at]) && read(&other[at + 1]) && other[at].phase == other[at + 1].phase {
                other.swap(at, at + 1);
            }
        }
        prop_assert_eq!(path(&renumber(other)).steps, path(&ops).steps);
    }

    #[test]
    fn a_retried_interruption_does_not_matter(ops in traces(), at in any::<Index>()) {
        let reads: Vec<usize> = (0..ops.len()).filter(|i| arrived(&ops[*i]).is_some_and(|n| n > 0)).collect();
        if reads.is_empty() {
            return Ok(());
        }
        let at = reads[at.index(reads.len())];
        let mut script = Script::start();
        script.err(ops[at].call.clone(), ErrorKind::Interrupted);
        let mut interruption = script.ops.pop().unwrap();
        interruption.phase = ops[at].phase;
        // The last byte of the address space never arrives in full: its range is empty.
        let Call::Read { offset, .. } = ops[at].call else { unreachable!() };
        prop_assume!(offset < u64::MAX);
        let mut other = ops.clone();
        other.insert(at, interruption);
        prop_assert_eq!(path(&renumber(other)).steps, path(&ops).steps);
    }

    #[test]
    fn teardown_order_does_not_matter(
        ops in traces(), swaps in proptest::collection::vec(any::<Index>(), 0..60),
    ) {
        let mut other = ops.clone();
        let gives_back = |op: &Op| {
            let verb = matches!(op.call, Call::Unlock { .. } | Call::Unmap { .. } | Call::Close { .. });
            verb && op.phase == Phase::Teardown
        };
        for swap in swaps.iter().filter(|_| ops.len() > 1) {
            let at = swap.index(ops.len() - 1);
            if gives_back(&other[at]) && gives_back(&other[at + 1]) {
                other.swap(at, at + 1);
            }
        }
        prop_assert_eq!(path(&renumber(other)).steps, path(&ops).steps);
    }

    #[test]
    fn a_read_that_is_lost_or_doubled_shows(at in any::<Index>(), sample in any::<Index>(), double in any::<bool>()) {
        let samples = samples();
        let ops = &samples[sample.index(samples.len())].1;
        let reads: Vec<usize> = (0..ops.len()).filter(|i| arrived(&ops[*i]).is_some()).collect();
        let at = reads[at.index(reads.len())];
        let mut other = ops.clone();
        if double { other.insert(at, ops[at].clone()) } else { drop(other.remove(at)) }
        prop_assert_ne!(path(&renumber(other)).fingerprint(), path(ops).fingerprint());
    }

    #[test]
    fn a_lock_that_is_lost_short_or_refused_shows(at in any::<Index>(), how in 0..3) {
        let ops = map_load(true);
        let locks: Vec<usize> = (0..ops.len()).filter(|i| matches!(ops[*i].call, Call::Lock { .. })).collect();
        let at = locks[at.index(locks.len())];
        let mut other = ops.clone();
        match (how, &mut other[at]) {
            (0, _) => drop(other.remove(at)),
            (1, Op { call: Call::Lock { len, .. }, .. }) => *len -= 4096,
            (_, op) => {
                let mut script = Script::start();
                script.err(op.call.clone(), ErrorKind::LockLimit);
                op.outcome = script.ops.pop().unwrap().outcome;
            }
        }
        prop_assert_ne!(path(&renumber(other)).fingerprint(), path(&ops).fingerprint());
    }
}

#[test]
fn lost_flags_and_notices_show() {
    let change = |ops: &[Op], edit: &dyn Fn(&mut Op) -> bool| {
        let mut other = ops.to_vec();
        other.retain_mut(|op| edit(op));
        assert_ne!(other, ops, "the edit does something");
        assert_ne!(path(&renumber(other.clone())).semantic().steps, path(ops).semantic().steps);
    };
    change(&direct_load(false), &|op| {
        if let Call::Open { direct, .. } = &mut op.call {
            *direct = false;
        }
        true
    });
    change(&direct_load(false), &|op| {
        if let Call::Read { direct, .. } = &mut op.call {
            *direct = false;
        }
        true
    });
    change(&map_load(false), &|op| {
        if let Call::Map { populate, .. } = &mut op.call {
            *populate = false;
        }
        true
    });
    change(&direct_refused(1), &|op| !matches!(op.call, Call::Notice(_)));
    change(&read_load(false), &|op| !matches!(op.call, Call::Close { .. }));
    change(&read_load(false), &|op| {
        if let Call::Alloc { len, .. } = &mut op.call {
            *len += 1;
        }
        true
    });
}

#[test]
fn native_flags_matter_on_one_platform_only() {
    let ops = map_load(false);
    let mut other = ops.clone();
    for op in &mut other {
        if let Call::Map { flags, .. } = &mut op.call {
            flags.names.push("MAP_NORESERVE".into());
        }
    }
    assert_ne!(path(&other).fingerprint(), path(&ops).fingerprint());
    assert_eq!(path(&other).semantic().fingerprint(), path(&ops).semantic().fingerprint());
    assert_eq!(path(&ops).semantic().rules_applied[&Rule::NativeFlagsDropped], 2);
}

#[test]
fn memory_that_first_shows_in_teardown_has_no_number() {
    let mut ops = map_load(true);
    ops.retain(|op| op.phase == Phase::Teardown);
    assert_eq!(
        path(&renumber(ops)).to_string(),
        "\
teardown  unlock mem? +0x4000..0x369000
teardown  unmap mem? +0..3575712
teardown  close unknown
"
    );
}

#[test]
fn the_number_of_refused_threads_does_not_matter() {
    let (one, four) = (path(&direct_refused(1)), path(&direct_refused(4)));
    assert_eq!(one.steps, four.steps);
    assert_eq!(one.rules_applied[&Rule::RefusedReadsCollapsed], 1);
    assert_eq!(four.rules_applied[&Rule::RefusedReadsCollapsed], 4);
}

#[test]
fn an_interruption_that_is_never_retried_stays() {
    let mut script = Script::start();
    script.err(Script::read_call(MODEL, DATA, SIZE, false), ErrorKind::Interrupted);
    script.ok(Call::Size { file: MODEL }, SIZE);
    script.read(MODEL, 0, DATA, false);
    let once = path(&script.finish(None, false, &[MODEL]));
    let text = once.semantic().to_string();
    assert!(text.contains("load      read model refused (interrupted)"), "{text}");
    // Rendered, it must not turn into a read that another one makes good.
    assert_eq!(path(&once.to_ops()).steps, once.steps);
}

#[test]
fn another_phase_ends_a_run_of_reads() {
    let mut ops = read_load(false);
    let last = ops.iter().rposition(|op| arrived(op).is_some()).unwrap();
    ops[last].phase = Phase::Run;
    let text = path(&ops).to_string();
    assert!(
        text.contains("load      read model +0x4000..0x200000\nrun       read model +2097152..3575712"),
        "{text}"
    );
}

#[test]
fn the_listing_is_readable() {
    assert_eq!(
        path(&map_load(true)).semantic().to_string(),
        "\
header    open model
header    read model +0..0x4000
load      advise model +0.. sequential
load      map map0 <- model +0..3575712 populate
load      advise map0 +0..3575712 willneed
load      unmap map0 +0..0x4000
load      lock map0 +0x4000..0x369000
teardown  unlock map0 +0x4000..0x369000
teardown  unmap map0 +0..3575712
teardown  close model
"
    );
    assert_eq!(
        path(&direct_refused(3)).to_string(),
        "\
header    open model [O_CLOEXEC O_RDONLY]
header    read model +0..0x4000
load      open model direct [O_CLOEXEC O_DIRECT O_RDONLY]
load      alloc buf0 0x365000 [align=4096]
load      read model direct +0x4000..0x100000
load      read model direct refused (invalid)
load      notice warning direct-refused
load      open model [O_CLOEXEC O_RDONLY]
load      read model +1048576..3575712
teardown  close model
teardown  close model
teardown  close model
"
    );
}

#[test]
fn rules_are_counted() {
    let rules = path(&map_load(true)).rules_applied;
    let expected = [
        (Rule::FileRoles, 1),
        (Rule::RegionNames, 1),
        (Rule::TimesDropped, 16),
        (Rule::QueriesDropped, 2),
        (Rule::ReadsCoalesced, 1),
        (Rule::LockGrowthCoalesced, 3),
    ];
    assert_eq!(rules.into_iter().collect::<Vec<_>>(), expected);
    let rules = path(&direct_load(false)).rules_applied;
    assert_eq!(rules[&Rule::ShortReadsMerged], 1);
    assert_eq!(rules[&Rule::ThreadsDropped], 1);
}

#[test]
fn the_fingerprint_is_stable() {
    // Recorded paths are compared by this hash: a change here makes every baseline stale.
    let print = path(&map_load(true)).fingerprint();
    assert_eq!(print.to_string().len(), 12);
    assert!(print.full().starts_with(&print.to_string()));
    assert_eq!(print.to_string(), "3f830366527a");
}

#[test]
fn a_second_file_is_another_role() {
    let mut ops = read_load(false);
    let mut more = read_load(false);
    for op in &mut more {
        if let Some(file) = files_mut(&mut op.call) {
            file.0 += 10;
        }
        if let Some(region) = regions_mut(&mut op.call) {
            region.0 += 10;
        }
        if let Call::Open { path, .. } = &mut op.call {
            *path = "/models/b.gguf".into();
        }
    }
    ops.extend(more);
    let text = path(&renumber(ops)).semantic().to_string();
    assert!(text.contains("header    open model#2\n"), "{text}");
    assert!(text.contains("load      alloc buf1 3559328\n"), "{text}");
}
