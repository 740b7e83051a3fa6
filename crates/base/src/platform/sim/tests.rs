//! What the profile alone decides; the rules that every platform keeps are tested by the contract
//! suite.

use super::*;
use crate::platform::{Errno, Lockable, MapRequest};

fn machine(profile: SimProfile, size: usize) -> Sim {
    let bytes: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
    Sim::new(profile).with_file("m", SimFile::new(bytes))
}

fn code<T>(result: Result<T>) -> (String, i32, ErrorKind) {
    let errno: Errno = result.err().expect("refused");
    (errno.name.to_string(), errno.code, errno.kind)
}

fn map(sim: &Sim, offset: u64, len: u64) -> Result<Box<dyn super::super::Mapping>> {
    sim.open(Path::new("m"), false)?.map(MapRequest { offset, len, populate: false })
}

#[test]
fn a_refused_direct_open_leaves_buffered_opens_alone() {
    let refusal = OsFamily::Linux.errno(ErrorKind::Invalid);
    let direct = SimDirect::RefusedAtOpen(refusal.clone());
    let sim = machine(SimProfile { direct, ..SimProfile::linux_4k() }, 100);
    assert_eq!(sim.open(Path::new("m"), true).err(), Some(refusal));
    let file = sim.open(Path::new("m"), false).unwrap();
    assert_eq!(code(file.alignment()).2, ErrorKind::Unsupported);
    assert_eq!(sim.census().open_files, 1);
}

#[test]
fn a_refused_direct_read_follows_a_good_open() {
    let refusal = OsFamily::Linux.errno(ErrorKind::Invalid);
    let direct = SimDirect::RefusedAtRead(refusal.clone());
    let sim = machine(SimProfile { direct, ..SimProfile::linux_4k() }, 8192);
    let file = sim.open(Path::new("m"), true).unwrap();
    assert!(file.alignment().unwrap().enforced);
    let mut buffer = sim.alloc(4096, 4096).unwrap();
    assert_eq!(file.read_at(0, buffer.bytes_mut()), Err(refusal));
    let file = sim.open(Path::new("m"), false).unwrap();
    assert_eq!(file.read_at(0, buffer.bytes_mut()), Ok(4096));
}

#[test]
fn long_reads_are_short_and_direct_ones_are_cut_at_the_alignment() {
    let sim = machine(SimProfile { max_read: Some(1300), ..SimProfile::linux_4k() }, 8192);
    let mut buffer = sim.alloc(4096, 512).unwrap();
    let buffered = sim.open(Path::new("m"), false).unwrap();
    assert_eq!(buffered.read_at(0, buffer.bytes_mut()), Ok(1300));
    let direct = sim.open(Path::new("m"), true).unwrap();
    assert_eq!(direct.read_at(0, buffer.bytes_mut()), Ok(1024));

    let sim = machine(SimProfile { max_read: Some(3), ..SimProfile::linux_4k() }, 8192);
    let direct = sim.open(Path::new("m"), true).unwrap();
    assert_eq!(direct.read_at(0, buffer.bytes_mut()), Ok(512), "never cut to nothing");
}

#[test]
fn every_nth_read_of_the_process_is_interrupted_and_moves_nothing() {
    let sim = machine(SimProfile { interrupt_every: Some(3), ..SimProfile::linux_4k() }, 100);
    let files = [sim.open(Path::new("m"), false).unwrap(), sim.clone().open(Path::new("m"), false).unwrap()];
    let mut outcomes = Vec::new();
    for call in 0..9 {
        let mut byte = [0xEE];
        let result = files[call % 2].read_at(5, &mut byte);
        assert_eq!(byte[0], if result.is_ok() { 5 } else { 0xEE });
        outcomes.push(result.map_err(|errno| errno.kind));
    }
    let stopped = Err(ErrorKind::Interrupted);
    let ok = Ok(1);
    assert_eq!(outcomes, [ok, ok, stopped, ok, ok, stopped, ok, ok, stopped]);

    let sim = machine(SimProfile { interrupt_every: Some(0), ..SimProfile::linux_4k() }, 100);
    assert_eq!(sim.open(Path::new("m"), false).unwrap().read_at(0, &mut [0]), Ok(1));
}

#[test]
fn refusals_speak_the_language_of_the_simulated_system() {
    let name = |sim: &Sim| {
        let file = sim.open(Path::new("m"), false).unwrap();
        let missing = code(sim.open(Path::new("none"), false));
        let misplaced = code(file.map(MapRequest { offset: 1, len: 1, populate: false }));
        (missing.0, misplaced.0, misplaced.1)
    };
    let linux = machine(SimProfile::linux_4k(), 100);
    assert_eq!(name(&linux), ("ENOENT".into(), "EINVAL".into(), 22));
    let windows = machine(SimProfile::windows(), 100);
    assert_eq!(name(&windows), ("ERROR_FILE_NOT_FOUND".into(), "ERROR_MAPPED_ALIGNMENT".into(), 1132));
}

#[test]
fn a_full_quota_is_said_as_each_system_says_it() {
    let refusal = |profile: SimProfile| {
        let lock_limit = Lockable::Bytes(profile.page_size + 100);
        let page = profile.page_size as usize;
        let sim = machine(SimProfile { lock_limit, ..profile }, 4 * page);
        code(map(&sim, 0, 2 * page as u64).unwrap().lock(0..page + 1))
    };
    let limit = ErrorKind::LockLimit;
    assert_eq!(refusal(SimProfile::linux_4k()), ("ENOMEM".into(), 12, limit));
    assert_eq!(refusal(SimProfile::linux_64k()), ("ENOMEM".into(), 12, limit));
    assert_eq!(refusal(SimProfile::macos_16k()), ("EAGAIN".into(), 35, limit));
    assert_eq!(refusal(SimProfile::windows()), ("ERROR_WORKING_SET_QUOTA".into(), 1453, limit));
}

#[test]
fn a_quota_of_nothing_is_a_lack_of_permission_on_linux() {
    let lock = |profile: SimProfile| {
        let sim = machine(SimProfile { lock_limit: Lockable::Bytes(0), ..profile }, 100);
        code(map(&sim, 0, 100).unwrap().lock(0..100))
    };
    assert_eq!(lock(SimProfile::linux_4k()), ("EPERM".into(), 1, ErrorKind::Denied));
    assert_eq!(lock(SimProfile::macos_16k()).2, ErrorKind::LockLimit);
}

#[test]
fn only_windows_minds_unlocking_what_is_not_locked() {
    let unix = machine(SimProfile::linux_4k(), 16384);
    let region = map(&unix, 0, 16384).unwrap();
    region.lock(0..4096).unwrap();
    assert_eq!(region.unlock(0..16384), Ok(()));
    assert_eq!(unix.census().locked_bytes, 0);

    let windows = machine(SimProfile::windows(), 16384);
    let region = map(&windows, 0, 16384).unwrap();
    region.lock(0..4096).unwrap();
    assert_eq!(code(region.unlock(0..16384)), ("ERROR_NOT_LOCKED".into(), 158, ErrorKind::Other));
    assert_eq!(windows.census().locked_bytes, 4096, "nothing was unlocked");
    assert_eq!(region.unlock(0..4096), Ok(()));
}

#[test]
fn a_whole_mapping_can_be_given_back_everywhere() {
    let sim = machine(SimProfile::windows(), 5000);
    let mut region = map(&sim, 0, 5000).unwrap();
    assert_eq!(code(region.unmap(0..4096)).2, ErrorKind::Unsupported);
    region.lock(0..5000).unwrap();
    assert_eq!(region.unmap(0..5000), Ok(()));
    assert_eq!(sim.census(), Census { mappings: 1, ..Census::default() });
    assert_eq!(code(region.lock(0..1)).2, ErrorKind::Invalid);
}

#[test]
fn the_census_counts_every_kind_of_holding_and_ends_at_nothing() {
    let sim = machine(SimProfile::linux_64k(), 100_000);
    let file = sim.open(Path::new("m"), false).unwrap();
    let mut mapping = file.map(MapRequest { offset: 0, len: 100_000, populate: true }).unwrap();
    let buffer = sim.alloc(70_000, 65536).unwrap();
    mapping.lock(65535..65537).unwrap();
    buffer.lock().unwrap();
    let full =
        Census { open_files: 1, mappings: 1, mapped_bytes: 2 * 65536, buffers: 1, locked_bytes: 4 * 65536 };
    assert_eq!(sim.census(), full);
    mapping.unmap(0..65536).unwrap();
    assert_eq!(sim.census(), Census { mapped_bytes: 65536, locked_bytes: 3 * 65536, ..full });
    drop((file, buffer));
    assert_eq!(
        sim.census(),
        Census { mappings: 1, mapped_bytes: 65536, locked_bytes: 65536, ..Census::default() }
    );
    drop(mapping);
    assert_eq!(sim.census(), Census::default());
}

#[test]
fn replacing_and_removing_a_file_leaves_open_ones_alone() {
    let sim = machine(SimProfile::linux_4k(), 100);
    let old = sim.open(Path::new("m"), false).unwrap();
    sim.add_file("m", SimFile::sparse(7));
    assert_eq!(old.size(), Ok(100));
    assert_eq!(sim.open(Path::new("m"), false).unwrap().size(), Ok(7));
    assert!(sim.remove_file("m"));
    assert!(!sim.remove_file("m"));
    assert_eq!(code(sim.open(Path::new("m"), false)).2, ErrorKind::NotFound);
}

#[test]
fn a_small_window_of_a_huge_file_costs_its_own_length_only() {
    let size = 1 << 50;
    let file = SimFile::sparse(size).with_bytes(size - 3, *b"end");
    let sim = Sim::new(SimProfile::linux_4k()).with_file("m", file);
    let mapping = map(&sim, size - 4096, 4096).unwrap();
    assert_eq!(mapping.bytes(4090..4096), b"\0\0\0end");
    assert_eq!(code(map(&sim, 0, size)).2, ErrorKind::OutOfMemory, "a petabyte is too much");
}

#[test]
#[should_panic(expected = "profile linux-4k: page_size is 1000")]
fn an_unsound_profile_is_refused() {
    let _ = Sim::new(SimProfile { page_size: 1000, ..SimProfile::linux_4k() });
}
