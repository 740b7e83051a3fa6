//! The summary of a load is counted from its operations alone.

use loadparity::trace::{Call, ErrorKind, FileId, NoticeCode, NoticeLevel, Op, Phase, RegionId, Summary};
use rstest::rstest;

use crate::support::{
    DATA, DIRECT, MODEL, REGION, SIZE, SIZE_IN_PAGES, Script, direct_load, direct_refused, map_load,
    read_load,
};

#[rstest]
#[case("map", map_load(false))]
#[case("map+lock", map_load(true))]
#[case("read", read_load(false))]
#[case("read+lock", read_load(true))]
#[case("direct", direct_load(false))]
#[case("direct+lock", direct_load(true))]
#[case("none-opened", Vec::new())]
#[case("none-opened", Script::start().finish(None, false, &[MODEL]))]
// Most of the bytes came through the page cache.
#[case("read", direct_refused(2))]
fn the_effective_mode_has_its_word(#[case] word: &str, #[case] ops: Vec<Op>) {
    assert_eq!(Summary::of(&ops).effective.to_string(), word);
}

#[test]
fn the_facts_of_a_mapped_load() {
    let summary = Summary::of(&map_load(true));
    assert_eq!((summary.opens, summary.direct_asked, summary.direct_held), (1, 0, 0));
    assert_eq!((summary.maps, summary.mapped_bytes), (1, SIZE));
    assert_eq!((summary.locked_bytes, summary.locks_refused), (SIZE_IN_PAGES - DATA, 0));
    assert_eq!((summary.reads, summary.read_bytes, summary.direct_read_bytes), (2, DATA, 0));
    assert_eq!((summary.fallbacks, summary.notices), (vec![], vec![]));
}

#[test]
fn the_facts_of_a_direct_load() {
    let summary = Summary::of(&direct_load(true));
    assert_eq!((summary.opens, summary.direct_asked, summary.direct_held), (2, 1, 1));
    assert_eq!(summary.direct_enforced, Some(true));
    assert_eq!((summary.read_bytes, summary.direct_read_bytes), (SIZE, SIZE - DATA));
    assert_eq!(summary.locked_bytes, SIZE_IN_PAGES - DATA);
}

#[test]
fn a_refused_direct_read_did_not_hold() {
    let summary = Summary::of(&direct_refused(3));
    assert_eq!((summary.opens, summary.direct_asked, summary.direct_held), (3, 1, 0));
    let fallbacks: Vec<String> = summary.fallbacks.iter().map(ToString::to_string).collect();
    assert_eq!(fallbacks, ["direct-read refused (invalid)"]);
    assert_eq!(summary.notices, [(NoticeLevel::Warning, NoticeCode::DirectRefused)]);
    assert_eq!(summary.direct_read_bytes, 0x10_0000 - DATA);
}

#[test]
fn a_refused_direct_open_was_asked_for() {
    let mut s = Script::start();
    s.err(Script::open_call(DIRECT, true), ErrorKind::Invalid);
    s.notice(NoticeCode::DirectRefused);
    s.read(MODEL, DATA, SIZE, false);
    let summary = Summary::of(&s.finish(None, false, &[MODEL]));
    assert_eq!((summary.opens, summary.direct_asked, summary.direct_held), (1, 1, 0));
    assert_eq!(summary.effective.to_string(), "read");
}

#[test]
fn direct_needs_the_bulk_of_the_bytes() {
    let load = |direct_end: u64| {
        let mut s = Script::start();
        s.open(FileId(1), true);
        s.read(DIRECT, 0, direct_end, true);
        s.read(MODEL, direct_end, 0x10_0000, false);
        Summary::of(&s.finish(None, false, &[DIRECT, MODEL])).effective.to_string()
    };
    assert_eq!(load(0x8_0000), "read");
    assert_eq!(load(0x8_1000), "direct");
}

#[test]
fn a_lock_holds_only_if_every_refusal_was_made_good() {
    let load = |script: &dyn Fn(&mut Script)| {
        let mut s = Script::start();
        s.ok(Script::map_call(true), 0);
        script(&mut s);
        let summary = Summary::of(&s.finish(None, true, &[MODEL]));
        (summary.effective.to_string(), summary.locked_bytes, summary.locks_refused)
    };
    let lock = Script::lock_call;
    let cut_off = load(&|s| {
        s.ok(lock(0, 0x4000), 0);
        s.err(lock(0x4000, 0x9000), ErrorKind::LockLimit);
    });
    assert_eq!(cut_off, ("map".to_string(), 0x4000, 1));
    let retried = load(&|s| {
        s.err(lock(0, 0x4000), ErrorKind::LockLimit);
        s.ok(lock(0, 0x4000), 0);
    });
    assert_eq!(retried, ("map+lock".to_string(), 0x4000, 1));
    let half_retried = load(&|s| {
        s.err(lock(0, 0x4000), ErrorKind::LockLimit);
        s.ok(lock(0, 0x3000), 0);
    });
    assert_eq!(half_retried, ("map".to_string(), 0x3000, 1));
    let elsewhere = load(&|s| {
        s.err(lock(0, 0x4000), ErrorKind::LockLimit);
        s.ok(Call::Lock { region: RegionId(9), offset: 0, len: 0x4000 }, 0);
    });
    assert_eq!(elsewhere, ("map".to_string(), 0x4000, 1));
    let given_back = load(&|s| {
        s.ok(lock(0, 0x4000), 0);
        s.ok(Call::Unlock { region: REGION, offset: 0, len: 0x4000 }, 0);
    });
    assert_eq!(given_back, ("map".to_string(), 0, 0));
    let doubled = load(&|s| {
        s.ok(lock(0, 0x4000), 0);
        s.ok(lock(0x3000, 0x5000), 0);
    });
    assert_eq!(doubled, ("map+lock".to_string(), 0x5000, 0));
}

#[test]
fn bytes_read_before_the_load_phase_choose_no_source() {
    let mut s = Script::start();
    s.phase(Phase::Run);
    s.read(MODEL, DATA, SIZE, false);
    let summary = Summary::of(&s.finish(None, false, &[MODEL]));
    assert_eq!(summary.effective.to_string(), "none-opened");
    assert_eq!(summary.read_bytes, SIZE);
}
