//! What the backend of this very system does with the paths and requests that the common contract
//! leaves to each system.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::PathBuf;

use loadparity::platform::{ErrorKind, MapRequest, native};

#[test]
fn a_directory_is_refused_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let Err(refused) = native().open(folder.path(), false) else { panic!("a directory was opened") };
    assert_eq!(refused.kind, ErrorKind::Other, "{refused}");
    let names = ["EISDIR", "ERROR_DIRECTORY_NOT_SUPPORTED"];
    assert!(names.contains(&refused.name.as_ref()), "{refused}");
    // Linux knows no direct open of a directory and says so before anybody can look at what it is.
    assert!(native().open(folder.path(), true).is_err());
}

#[test]
fn long_paths_in_any_script_are_opened() {
    let folder = tempfile::tempdir().unwrap();
    let deep: PathBuf =
        (0..6).fold(folder.path().to_owned(), |path, _| path.join("a-folder-of-fifty-letters-".repeat(2)));
    fs::create_dir_all(&deep).unwrap();
    let path = deep.join("Gewicht-重み-вес.gguf");
    assert!(path.as_os_str().len() > 300, "longer than MAX_PATH");
    fs::write(&path, b"weights").unwrap();
    let file = native().open(&path, false).unwrap();
    let mut bytes = [0; 7];
    assert_eq!(file.read_at(0, &mut bytes), Ok(7));
    assert_eq!(&bytes, b"weights");
}

#[test]
fn a_path_that_cannot_be_is_refused_and_nothing_panics() {
    assert!(native().open("no\0such".as_ref(), false).is_err());
    assert!(native().open("".as_ref(), false).is_err());
}

#[test]
fn a_mapping_can_be_given_back_as_a_whole() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut file, &[7; 100_000]).unwrap();
    let opened = native().open(file.path(), false).unwrap();
    let mut mapping = opened.map(MapRequest { offset: 0, len: 100_000, populate: false }).unwrap();
    drop(opened);
    assert_eq!(mapping.bytes(99_999..100_000), [7]);
    mapping.unmap(0..100_000).unwrap();
    assert!(mapping.lock(0..1).is_err(), "what was given back cannot be locked");
    assert!(mapping.unmap(0..100_000).is_err(), "nothing is given back twice");
    assert_eq!(mapping.len(), 100_000);
}

#[test]
fn memory_is_locked_and_unlocked_beyond_what_a_process_starts_with() {
    let platform = native();
    // More than the few hundred KiB that Windows grants at first, little enough for RLIMIT_MEMLOCK.
    let buffer = platform.alloc(4 << 20, 4096).unwrap();
    match buffer.lock() {
        Ok(()) => buffer.unlock().unwrap(),
        Err(refused) => assert_eq!(refused.kind, ErrorKind::LockLimit, "{refused}"),
    }
}

#[test]
fn the_file_system_has_a_name() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let hint = native().open(file.path(), false).unwrap().map_hint().unwrap();
    println!("{hint:?}");
    assert!(!hint.reason.is_empty());
}
