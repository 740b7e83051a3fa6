use std::path::Path;

use super::modes::State;
use super::*;
use crate::platform::{Lockable, Sim, SimDirect, SimFile, SimProfile};

const MODEL: &str = "/models/m.gguf";

/// What is found on a simulated machine with so much memory to spare.
fn found(profile: SimProfile, room: Option<u64>) -> DoctorDocument {
    let sim = Sim::new(profile).with_file(MODEL, SimFile::new(vec![7u8; 100_000]));
    let host = Host { available: room, ..Host::default() };
    examine(&sim, Path::new(MODEL), host, false).expect("a file")
}

fn states(document: &DoctorDocument) -> Vec<String> {
    document.modes.iter().map(|mode| format!("{} {}", mode.plan, mode.state)).collect()
}

#[test]
fn every_mode_works_where_nothing_is_refused() {
    let document = found(SimProfile::linux_4k(), Some(1 << 30));
    assert!(document.modes.iter().all(|mode| mode.state == State::Works), "{:?}", document.modes);
    assert_eq!(document.recommendation.as_ref().map(|r| r.plan.as_str()), Some("map"));
    assert_eq!(document.direct.unaligned_refused, Some(true));
}

/// tmpfs takes direct reads that are not aligned: that proves nothing.
#[test]
fn direct_io_that_takes_anything_degrades() {
    let profile = SimProfile { direct: SimDirect::AcceptedUnenforced, ..SimProfile::linux_4k() };
    let document = found(profile, Some(1 << 30));
    assert!(states(&document).contains(&"direct degrades".to_owned()), "{:?}", document.modes);
}

#[test]
fn a_lock_above_the_limit_degrades_and_says_how_to_raise_it() {
    let profile = SimProfile { lock_limit: Lockable::Bytes(65_536), ..SimProfile::linux_4k() };
    let document = found(profile, Some(1 << 30));
    let locked = document.modes.iter().find(|mode| mode.plan == "map+lock").expect("a mode");
    assert_eq!(locked.state, State::Degrades);
    assert!(
        locked.reason.starts_with("64.0 KiB may be locked and 100.0 KiB are needed; "),
        "{}",
        locked.reason
    );
}

#[test]
fn a_file_that_does_not_fit_in_memory_is_mapped() {
    let document = found(SimProfile::linux_4k(), Some(50_000));
    let states = states(&document);
    assert!(
        states.contains(&"read fails".to_owned()) && states.contains(&"map works".to_owned()),
        "{states:?}"
    );
    insta::assert_snapshot!(document.lines());
}

#[test]
fn an_empty_file_is_refused() {
    let sim = Sim::new(SimProfile::linux_4k()).with_file(MODEL, SimFile::new(Vec::<u8>::new()));
    let error = examine(&sim, Path::new(MODEL), Host::default(), false).expect_err("an error");
    assert!(error.starts_with("/models/m.gguf: the file is empty"), "{error}");
}
