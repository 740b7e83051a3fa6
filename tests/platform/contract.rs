//! Every platform keeps the contract that stands at the top of `platform/mod.rs`.

use std::collections::BTreeSet;

use loadparity::platform::SimProfile;

use crate::native_world::NativeWorld;
use crate::sim_world::SimWorld;
use crate::suite::{World, behaviours, run};

/// `F_NOCACHE` takes any alignment, and files take no advice.
const MACOS: &[&str] = &[
    "open.direct_is_never_quietly_buffered",
    "direct.unaligned_offset_is_refused",
    "direct.unaligned_length_is_refused",
    "direct.unaligned_address_is_refused",
    "advice.on_a_file_changes_no_byte",
];

/// Views are unmapped as a whole, and files take no advice.
const WINDOWS: &[&str] = &[
    "unmap.gives_back_the_front",
    "unmap.gives_back_the_middle",
    "unmap.may_end_with_the_mapping",
    "lock.giving_back_frees_the_quota",
    "advice.on_a_file_changes_no_byte",
];

/// The platforms under test. A backend joins by a [`World`] of its own and a line here.
fn worlds() -> Vec<Box<dyn World>> {
    let sim = |profile, not_run| Box::new(SimWorld::new(profile, not_run));
    vec![
        Box::new(NativeWorld::new()),
        sim(SimProfile::linux_4k(), &[]),
        sim(SimProfile::linux_64k(), &[]),
        sim(SimProfile::macos_16k(), MACOS),
        sim(SimProfile::windows(), WINDOWS),
        Box::new(SimWorld::new(SimProfile::linux_4k(), &[]).below_an_injector(&[])),
        Box::new(SimWorld::new(SimProfile::windows(), WINDOWS).below_an_injector(&[])),
    ]
}

#[test]
fn every_platform_keeps_the_contract() {
    let mut failures = Vec::new();
    for world in worlds() {
        let outcome = run(&*world);
        println!("{}: {} behaviours shown", world.name(), outcome.shown.len());
        for (name, reason) in &outcome.not_run {
            println!("  not run: {name}: {reason}");
        }
        for (name, panic) in &outcome.broken {
            failures.push(format!("{}: {name}: {panic}", world.name()));
        }
        let not_run: Vec<_> = outcome.not_run.iter().map(|(name, _)| *name).collect();
        if not_run != world.not_run() {
            let declared = world.not_run();
            failures.push(format!("{}: not run {not_run:?}, declared {declared:?}", world.name()));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_rule_of_the_contract_has_a_behaviour() {
    let contract = include_str!("../../crates/base/src/platform/mod.rs");
    let numbered = |line: &str| {
        let (number, text) = line.strip_prefix("//! ")?.split_once(". **")?;
        (!text.is_empty()).then(|| number.parse::<u8>().ok()).flatten()
    };
    let rules: BTreeSet<u8> = contract.lines().filter_map(numbered).collect();
    assert_eq!(rules, (1..=12).collect(), "the rules are numbered without gaps");
    let covered: BTreeSet<u8> = behaviours().map(|behaviour| behaviour.rule).collect();
    assert_eq!(covered, rules);
    let names: BTreeSet<_> = behaviours().map(|behaviour| behaviour.name).collect();
    assert_eq!(names.len(), behaviours().count(), "names are unique");
}

/// A suite that finds nothing proves nothing: each fault breaks a rule, and the suite has to say so.
#[test]
fn a_platform_that_breaks_a_rule_is_found_out() {
    let broken = |fault: &str| {
        let world = SimWorld::new(SimProfile::linux_4k(), &[]).below_an_injector(&[fault]);
        let outcome = run(&world);
        let not_run = outcome.not_run.iter().map(|(name, _)| *name);
        outcome.broken.iter().map(|(name, _)| *name).chain(not_run).collect::<Vec<_>>()
    };
    for (fault, behaviour) in [
        ("open:error=EACCES", "open.missing_file_is_not_found"),
        ("open.buffered:error=EMFILE:when=2", "open.each_open_stands_alone"),
        ("open.direct:error=EINVAL", "open.direct_is_never_quietly_buffered"),
        ("size:error=EIO", "open.size_is_the_files"),
        ("read:corrupt", "read.brings_the_content"),
        ("read.buffered:short=99", "read.is_short_at_the_end"),
        ("read:error=EINVAL", "read.is_empty_at_and_past_the_end"),
        ("read:error=EIO", "read.of_nothing_brings_nothing"),
        ("read:truncate=4294967296", "read.reaches_past_4_gib"),
        ("read:error=EIO:when=50+", "read.is_positioned_from_any_thread"),
        ("alignment:error=ENOSYS", "direct.alignment_is_a_power_of_two"),
        ("read.direct:corrupt", "direct.aligned_read_brings_the_content"),
        ("read.direct:truncate=0x100000000", "direct.read_reaches_past_4_gib"),
        ("read.direct:truncate=300000", "direct.read_across_the_end_is_short"),
        ("read.direct:error=EIO", "direct.read_past_the_end_is_empty"),
        ("read.direct:error=EFAULT:when=2", "direct.unaligned_offset_is_refused"),
        ("read.direct:error=EFAULT:when=3", "direct.unaligned_length_is_refused"),
        ("read.direct:eof:when=1", "direct.unaligned_address_is_refused"),
        ("read.buffered:corrupt=200000^1", "map.shows_what_reads_bring"),
        ("map:error=ENOMEM", "map.offset_off_the_granularity_is_refused"),
        ("map:error=EACCES", "map.past_the_end_is_refused"),
        ("map:error=EIO:when=2", "map.lies_at_a_page"),
        ("map:error=ENODEV", "map.of_nothing_is_refused"),
        ("map:error=EAGAIN", "map.populated_shows_the_same"),
        ("unmap:error=EOPNOTSUPP", "unmap.gives_back_the_middle"),
        ("unmap:error=EIO", "unmap.may_end_with_the_mapping"),
        ("unmap:error=ENOMEM", "unmap.past_the_end_is_refused"),
        ("lock:error=EPERM", "lock.takes_every_page_that_is_touched"),
        ("lock:error=ENOMEM:when=4", "lock.over_the_quota_takes_nothing"),
        ("lock:error=ENOMEM:when=2", "lock.overlap_counts_once"),
        ("unlock:error=EIO", "lock.unlock_frees_the_quota"),
        ("lock.map:error=ENOMEM:when=3", "lock.does_not_nest"),
        ("lock.buffer:error=EAGAIN:when=1", "lock.quota_is_shared_by_mappings_and_buffers"),
        ("lock.buffer:error=ENOMEM", "lock.buffer_over_the_quota_takes_nothing"),
        ("unlock:error=ENOMEM", "lock.past_the_end_is_refused"),
        ("advise.file:error=EIO", "advice.on_a_file_changes_no_byte"),
        ("advise.map:error=EACCES:when=1", "advice.on_a_mapping_changes_no_byte"),
        ("advise.map:error=ENOMEM:when=5", "advice.off_the_page_is_refused"),
        ("alloc:error=ENOMEM", "alloc.is_zeroed_every_time"),
        ("alloc:error=ENOMEM:when=9", "alloc.is_aligned_as_asked"),
        ("alloc:error=EIO", "alloc.impossible_length_is_refused"),
        ("lock:error=ENOMEM:when=3", "teardown.locks_end_with_their_region"),
        ("map:error=ENXIO", "errors.kind_number_and_name_belong_together"),
    ] {
        let found = broken(fault);
        assert!(found.contains(&behaviour), "{fault} breaks {found:?}, not {behaviour}");
    }
}
