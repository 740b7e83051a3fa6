//! Rules hold per tensor: what the plan asks of `a`, and its exception of `b`.

use loadparity::plan::{Exception, Exceptions, LoadPlan, OnRefused, Treatment};
use loadparity::rules::{Decided, Judgement, Profile, Rule, judge};

use crate::notation::evidence;

/// The tensor `b` under an exception.
fn but_b(plan: LoadPlan, treatment: Treatment, optional: bool) -> LoadPlan {
    plan.except(Exceptions::of(vec![Exception { tensors: "b", larger_than: 0, treatment, optional }]))
}

fn lazy(plan: LoadPlan) -> LoadPlan {
    but_b(plan, Treatment::Lazy, false)
}

fn judged(plan: LoadPlan, text: &str) -> Judgement {
    judge(plan, &evidence(text), &Profile::REFERENCE)
}

/// The rules that a trace breaks under both profiles that watch calls, and the first message.
fn broken(plan: LoadPlan, text: &str) -> Vec<Rule> {
    judged(plan, text).findings.iter().map(|finding| finding.rule).collect()
}

const READ_AND_LOCKED: &str = "\
open f0
map f0 0..256k as r0 at 4m
unmap r0 0..128k
alloc r1 124k at 8m
lock r1 0..124k
read f0 4k..128k to 8m
teardown
unlock r1 0..124k
unmap r1 0..124k
unmap r0 128k..256k
close f0";

/// A trace without its locks.
fn unlocked(text: &str) -> String {
    text.lines().filter(|line| !line.contains("lock ")).collect::<Vec<_>>().join("\n")
}

const MAPPED_AND_LOCKED: &str = "\
open f0
map f0 0..256k as r0 at 4m
lock r0 4k..128k
teardown
unlock r0 4k..128k
unmap r0 0..256k
close f0";

#[test]
fn an_honest_loader_keeps_every_rule_under_every_profile() {
    for (plan, text) in [
        (lazy(LoadPlan::read(true)), READ_AND_LOCKED),
        (lazy(LoadPlan::map(true)), MAPPED_AND_LOCKED),
        // The whole file stays mapped where a part cannot be given back.
        (
            lazy(LoadPlan::read(true)),
            &READ_AND_LOCKED.replace("unmap r0 0..128k\n", "").replace("128k..256k\nclose", "0..256k\nclose"),
        ),
        (lazy(LoadPlan::read(false)), &unlocked(READ_AND_LOCKED)),
    ] {
        for profile in [&Profile::REFERENCE, &Profile::FOREIGN] {
            let judgement = judge(plan, &evidence(text), profile);
            assert_eq!(judgement.findings, [], "{plan} as {}", profile.name);
            assert_eq!(judgement.not_observed, [], "{plan} as {}", profile.name);
        }
    }
    // Without the exception the same is wrong.
    assert!(broken(LoadPlan::read(true), READ_AND_LOCKED).contains(&Rule::TensorsRead));
    assert!(broken(LoadPlan::map(true), MAPPED_AND_LOCKED).contains(&Rule::TensorsLocked));
}

#[test]
fn direct_reads_beside_a_mapping_are_no_fallback() {
    let text = "\
open f0
open f1 direct
alignment f1 512 512
map f0 0..256k as r0 at 4m
unmap r0 0..128k
alloc r1 128k at 8m
read f1 direct 4k..132k to 8m
teardown
unmap r1 0..128k
unmap r0 128k..256k
close f1
close f0";
    let plan = lazy(LoadPlan::direct(false, OnRefused::Read));
    for profile in [&Profile::REFERENCE, &Profile::FOREIGN] {
        // A block at the end of `a` reaches into `b`.
        let judgement = judge(plan, &evidence(text), profile);
        assert_eq!(judgement.findings, [], "{}", profile.name);
        assert_eq!(judgement.not_observed, [], "{}", profile.name);
    }
}

#[test]
fn a_lock_on_what_is_left_out_of_locks_is_found() {
    let locked = READ_AND_LOCKED.replace("teardown", "lock r0 128k..256k\nteardown");
    let found = judged(lazy(LoadPlan::read(true)), &locked).findings;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].rule, Rule::UnrequestedLock);
    assert!(
        found[0].message.ends_with("; of tensors that are exceptions of the plan"),
        "{}",
        found[0].message
    );
    let whole = MAPPED_AND_LOCKED.replace("4k..128k", "4k..256k");
    assert_eq!(broken(lazy(LoadPlan::map(true)), &whole), [Rule::UnrequestedLock]);
    // A page that both share may be locked.
    let page = MAPPED_AND_LOCKED.replace("4k..128k", "4k..132k");
    assert_eq!(broken(lazy(LoadPlan::map(true)), &page), []);
}

#[test]
fn what_comes_on_demand_is_not_brought_in_ahead() {
    for (range, expected) in [(128 << 10..256 << 10, vec![Rule::PlanTaken]), (4 << 10..132 << 10, Vec::new())]
    {
        let mut run = evidence(MAPPED_AND_LOCKED);
        run.fold.prefetched.entry(0).or_default().insert(range.clone());
        let found = judge(lazy(LoadPlan::map(true)), &run, &Profile::FOREIGN).findings;
        assert_eq!(found.iter().map(|finding| finding.rule).collect::<Vec<_>>(), expected, "{range:?}");
    }
}

#[test]
fn the_plan_still_holds_the_others() {
    let half = MAPPED_AND_LOCKED.replace("4k..128k", "4k..64k");
    assert_eq!(broken(lazy(LoadPlan::map(true)), &half), [Rule::TensorsLocked]);
    let unread = READ_AND_LOCKED.replace("read f0 4k..128k", "read f0 4k..64k");
    assert!(broken(lazy(LoadPlan::read(true)), &unread).contains(&Rule::TensorsRead));
}

#[test]
fn a_tensor_that_is_read_instead_of_mapped_is_found() {
    let read = "\
open f0
alloc r1 252k at 8m
lock r1 0..124k
read f0 4k..256k to 8m
teardown
unlock r1 0..124k
unmap r1 0..252k
close f0";
    let plan = lazy(LoadPlan::read(true));
    for profile in [&Profile::REFERENCE, &Profile::FOREIGN] {
        let found: Vec<Rule> =
            judge(plan, &evidence(read), profile).findings.iter().map(|f| f.rule).collect();
        assert!(found.contains(&Rule::TensorsMapped) && found.contains(&Rule::PlanTaken), "{found:?}");
    }
    // Read as well as mapped: not what on demand means.
    let both = READ_AND_LOCKED
        .replace("teardown", "alloc r2 128k at 16m\nread f0 128k..256k to 16m\nteardown\nunmap r2 0..128k");
    assert!(broken(plan, &both).contains(&Rule::MappedNotRead));
}

#[test]
fn an_exception_that_swallows_everything_is_found() {
    let all = unlocked(MAPPED_AND_LOCKED);
    let plan = lazy(LoadPlan::read(true));
    for profile in [&Profile::REFERENCE, &Profile::FOREIGN] {
        let found: Vec<Rule> =
            judge(plan, &evidence(&all), profile).findings.iter().map(|f| f.rule).collect();
        for rule in [Rule::PlanTaken, Rule::NoFileMapping, Rule::TensorsRead, Rule::TensorsLocked] {
            assert!(found.contains(&rule), "{rule} as {}: {found:?}", profile.name);
        }
    }
}

#[test]
fn an_optional_exception_may_be_left_out_as_a_whole() {
    let plan = |plan| but_b(plan, Treatment::Lazy, true);
    let read = "\
open f0
alloc r1 252k at 8m
lock r1 0..252k
read f0 4k..256k to 8m
teardown
unlock r1 0..252k
unmap r1 0..252k
close f0";
    assert_eq!(broken(plan(LoadPlan::read(true)), read), []);
    assert_eq!(Decided::of(plan(LoadPlan::read(true)), &evidence(read)).to_string(), "read+lock");
    assert_eq!(broken(plan(LoadPlan::read(true)), READ_AND_LOCKED), []);
    assert_eq!(
        Decided::of(plan(LoadPlan::read(true)), &evidence(READ_AND_LOCKED)).to_string(),
        "read+lock but b lazy or not"
    );
    assert_eq!(broken(plan(LoadPlan::map(true)), &MAPPED_AND_LOCKED.replace("4k..128k", "4k..256k")), []);
    // Left out, it lies under the plan: half of a lock is neither.
    assert_eq!(
        broken(plan(LoadPlan::read(true)), &read.replace("0..252k\nread", "0..124k\nread")),
        [Rule::TensorsLocked]
    );
    assert_eq!(
        broken(plan(LoadPlan::map(true)), &MAPPED_AND_LOCKED.replace("4k..128k", "4k..192k")),
        [Rule::UnrequestedLock]
    );
}

#[test]
fn a_mapping_that_is_refused_leaves_the_exception_to_the_plan() {
    let read = "\
open f0
map f0 0..256k as r0 at 4m refused unsupported
alloc r1 252k at 8m
lock r1 0..252k
read f0 4k..256k to 8m
teardown
unlock r1 0..252k
unmap r1 0..252k
close f0";
    let judgement = judged(lazy(LoadPlan::read(true)), read);
    assert_eq!(judgement.findings, []);
    assert_eq!(judgement.decided.refusals.len(), 1, "{:?}", judgement.decided.refusals);
}

#[test]
fn what_is_passed_on_needs_no_lock_and_comes_as_the_plan_says() {
    let staged = |plan| but_b(plan, Treatment::Staged, false);
    let text = "\
open f0
alloc r1 252k at 8m
lock r1 0..124k
read f0 4k..256k to 8m
teardown
unlock r1 0..124k
unmap r1 0..252k
close f0";
    assert_eq!(broken(staged(LoadPlan::read(true)), text), []);
    assert_eq!(broken(LoadPlan::read(true), text), [Rule::TensorsLocked]);
    assert!(broken(staged(LoadPlan::map(true)), text).contains(&Rule::TensorsMapped));
    // Nobody asked for a lock of either.
    assert_eq!(broken(staged(LoadPlan::read(false)), text), [Rule::PlanTaken, Rule::UnrequestedLock]);
}

#[test]
fn an_exception_of_no_tensor_changes_nothing_and_one_of_all_is_said() {
    let none = LoadPlan::map(true).except(Exceptions::of(vec![Exception {
        tensors: "b",
        larger_than: 1 << 30,
        treatment: Treatment::Lazy,
        optional: false,
    }]));
    assert_eq!(broken(none, MAPPED_AND_LOCKED), [Rule::TensorsLocked]);
    let all = LoadPlan::read(true).except(Exceptions::of(vec![Exception {
        tensors: "*",
        larger_than: 0,
        treatment: Treatment::Lazy,
        optional: false,
    }]));
    let mapped = unlocked(MAPPED_AND_LOCKED);
    let judgement = judged(all, &mapped);
    assert_eq!(judgement.findings, []);
    assert!(judgement.notes.iter().any(|note| note.contains("which is about none")), "{:?}", judgement.notes);
    assert!(broken(all, MAPPED_AND_LOCKED).contains(&Rule::UnrequestedLock));
}

/// Tensors without names: what breaks the plan may be an exception of it.
#[test]
fn without_a_layout_it_is_not_known_which_tensors_are_exceptions() {
    let mut run = evidence(READ_AND_LOCKED);
    run.weights.tolerance = 4096;
    let judgement = judge(lazy(LoadPlan::map(true)), &run, &Profile::FOREIGN);
    assert_eq!(judgement.findings, []);
    assert!(judgement.not_observed.iter().any(|missing| missing.reason.contains("without the model")));
}
