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

/// Another process than the loader may make of its copy what it likes.
#[test]
fn only_the_memory_of_the_loader_counts() {
    let stranger = |of: Observation| Observation { pid: 7, ..of };
    let (seen, broken, missing) = read(&[stranger(same(ALL)), stranger(other(A))]);
    assert_eq!((seen.verified, broken.len(), missing), (0, 0, 1));
}
