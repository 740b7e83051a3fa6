//! What comparisons of memory come to: verified, mapped, not compared, wrong.

use std::ops::Range;

use loadparity::rules::{EXAMPLES, Profile, Rule, TensorBytes, judge};
use loadparity::trace::{Difference, Observation, Seen};

use crate::notation::evidence;

const A: Range<u64> = 4 << 10..128 << 10;
const B: Range<u64> = 128 << 10..256 << 10;
const ALL: Range<u64> = A.start..B.end;

fn content(range: Range<u64>, difference: Option<Difference>) -> Observation {
    let (offset, len) = (range.start, range.end - range.start);
    let seen = Seen::Content {
        path: "model.gguf".to_owned(),
        offset,
        len,
        addr: (4 << 20) + offset,
        first_difference: difference,
    };
    Observation { after: 3, pid: 0, seen }
}

fn same(range: Range<u64>) -> Observation {
    content(range, None)
}

fn other(range: Range<u64>) -> Observation {
    let offset = range.start + 1;
    content(range, Some(Difference { offset, file: 1, memory: 2 }))
}

/// The example that keeps a rule, with these observations of memory.
fn seen(rule: Rule, observations: &[Observation]) -> (TensorBytes, Vec<String>, usize) {
    let example = EXAMPLES.iter().find(|example| example.rule == rule).expect("an example");
    let evidence = evidence(example.keeps).seeing(observations);
    let judged = judge(example.plan, &evidence, &Profile::FOREIGN);
    let broken = judged.findings.into_iter().filter(|finding| finding.rule == Rule::SameBytes);
    let missing = judged.not_observed.iter().filter(|missing| missing.rule == Rule::SameBytes).count();
    (evidence.tensors.expect("bytes were compared"), broken.map(|finding| finding.message).collect(), missing)
}

fn read(observations: &[Observation]) -> (TensorBytes, Vec<String>, usize) {
    seen(Rule::TensorsRead, observations)
}

#[test]
fn what_was_compared_is_verified_and_the_rest_is_counted() {
    let (all, broken, missing) = read(&[same(ALL)]);
    assert_eq!((all.verified, all.is_verified(), broken.len(), missing), (252 << 10, true, 0, 0));
    let (part, broken, missing) = read(&[same(A)]);
    assert_eq!((part.is_whole(), broken.len(), missing), (false, 0, 1));
    assert_eq!(part.count(), "126,976 of 258,048 bytes verified");
    assert_eq!(read(&[]).2, 1);
}

#[test]
fn a_mapping_is_the_kernels_word_and_no_comparison() {
    let (mapped, broken, missing) = seen(Rule::TensorsMapped, &[]);
    assert_eq!((mapped.is_whole(), mapped.is_verified(), broken.len(), missing), (true, false, 0, 0));
    assert_eq!(mapped.count(), "258,048 of 258,048 bytes mapped");
}

#[test]
fn a_tensor_that_is_mostly_right_is_wrong_and_one_that_is_not_was_transformed() {
    let at = A.start + (80 << 10);
    let (_, broken, _) = read(&[same(A.start..at), other(at..at + 64), same(at + 64..B.end)]);
    assert_eq!(broken, [format!("a: byte {} of the file is 0x01, memory holds 0x02", at + 1)]);
    let (_, broken, missing) = read(&[other(A), same(B)]);
    assert_eq!((broken.len(), missing), (0, 1));
    // What was right in another place, as in a buffer on its way, is right.
    assert_eq!(read(&[same(ALL), same(ALL)]).1.len(), 0);
}

#[test]
fn what_changes_later_is_wrong_where_weights_stay() {
    let (_, broken, _) = read(&[same(ALL), same(A), same(B.start..B.end - 64), other(B.end - 64..B.end)]);
    assert!(broken[0].ends_with("; it was right when it was loaded"), "{broken:?}");
    // Nothing of it stays: it is transformed for use, or the memory is used for something else.
    let (seen, broken, missing) = read(&[same(ALL), other(ALL)]);
    assert_eq!((seen.is_verified(), broken.len(), missing), (true, 0, 0));
}

fn gone(range: Range<u64>) -> Observation {
    let (path, offset, len) = ("model.gguf".to_owned(), range.start, range.end - range.start);
    Observation { after: 3, pid: 0, seen: Seen::Gone { path, offset, len } }
}

/// A copy of a tensor in memory of its own, of which the second byte may be wrong.
fn copy(range: Range<u64>, locked: bool, wrong: bool) -> Observation {
    let (path, offset, len) = ("model.gguf".to_owned(), range.start, range.end - range.start);
    let first_difference = wrong.then_some(Difference { offset: offset + 1, file: 1, memory: 2 });
    let seen =
        Seen::Copy { path, offset, len, addr: (64 << 20) + offset, alone: false, locked, first_difference };
    Observation { after: 3, pid: 0, seen }
}

#[test]
fn what_is_not_there_at_the_end_is_not_verified() {
    let (seen, broken, missing) = read(&[same(ALL), gone(B)]);
    assert_eq!((seen.verified, seen.gone, broken.len(), missing), (124 << 10, 128 << 10, 0, 1));
    let count =
        "126,976 of 258,048 bytes verified; 131,072 were right when they came and were not found at the end";
    assert_eq!(seen.count(), count);
    // Under a fault it is no lost tensor: it came.
    assert!(seen.unseen.is_empty());
}

#[test]
fn a_copy_with_a_wrong_byte_is_wrong_where_the_right_one_is_gone() {
    let (_, broken, _) = read(&[same(ALL), copy(A, false, false), copy(B, false, true), gone(B)]);
    let expected = format!(
        "b: byte {} of the file is 0x01, memory holds 0x02; it was right when it was loaded",
        B.start + 1
    );
    assert_eq!(broken, [expected]);
    let (seen, broken, missing) = read(&[same(ALL), copy(A, false, false), copy(B, false, true)]);
    assert_eq!((seen.doubt.is_some(), broken.len(), missing), (true, 0, 1));
    assert_eq!(read(&[same(ALL), copy(ALL, false, false)]).2, 0);
}

/// The weights lie in locked memory: what of that is in doubt.
fn lock(observations: &[Observation]) -> Vec<String> {
    let example = EXAMPLES.iter().find(|example| example.rule == Rule::TensorsLocked).expect("an example");
    let evidence = evidence(example.keeps).seeing(observations);
    let judged = judge(example.plan, &evidence, &Profile::FOREIGN);
    assert_eq!(judged.findings, []);
    let own = judged.not_observed.into_iter().filter(|missing| missing.rule == Rule::TensorsLocked);
    own.map(|missing| missing.reason).collect()
}

#[test]
fn a_copy_without_a_lock_leaves_a_lock_in_doubt() {
    assert_eq!(lock(&[]), [""; 0]);
    assert_eq!(lock(&[copy(ALL, true, false)]), [""; 0]);
    let reason = "a second copy of 131072 bytes of the weights is not locked; which one is used was not seen";
    assert_eq!(lock(&[copy(B, false, false)]), [reason]);
    // A small part of the weights, as the last piece in a buffer that is used again.
    assert_eq!(lock(&[copy(B.start..B.start + (8 << 10), false, false)]), [""; 0]);
    let elsewhere = |used| {
        let seen = Seen::UsedElsewhere { addr: 64 << 20, len: 1 << 20, used };
        Observation { after: 3, pid: 0, seen }
    };
    assert_eq!(lock(&[elsewhere(100 << 10)]), [""; 0]);
    let reason = "204800 bytes of other memory, without a lock, were used when the locked memory had gone";
    assert_eq!(lock(&[elsewhere(200 << 10)]), [reason]);
}

/// Another process than the loader may make of its copy what it likes.
#[test]
fn only_the_memory_of_the_loader_counts() {
    let stranger = |of: Observation| Observation { pid: 7, ..of };
    let (seen, broken, missing) = read(&[stranger(same(ALL)), stranger(other(A))]);
    assert_eq!((seen.verified, broken.len(), missing), (0, 0, 1));
}
