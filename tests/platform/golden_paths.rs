//! The golden code paths of `fixtures/golden` are those of today, and a stale one is told.

#![allow(clippy::unwrap_used, reason = "helpers of tests stop at the first surprise")]

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::support;

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/golden")
}

/// Runs `baseline`; exit code and standard output.
fn baseline(action: &str, folder: &Path, arguments: &[&str], ci: bool) -> (i32, String) {
    let mut command = support::loadparity();
    command.args(["baseline", action, "--dir"]).arg(folder).args(arguments).env_remove("CI");
    if ci {
        command.env("CI", "true");
    }
    let run = command.output().unwrap();
    (run.status.code().unwrap(), String::from_utf8([run.stdout, run.stderr].concat()).unwrap())
}

/// The reviewed paths of one simulated machine, to be spoilt.
fn copy(machine: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join(machine)).unwrap();
    for entry in fs::read_dir(golden().join(machine)).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), folder.path().join(machine).join(entry.file_name())).unwrap();
    }
    folder
}

const SIM: [&str; 2] = ["--profile", "sim-windows"];

#[test]
fn the_paths_of_every_simulated_machine_are_golden() {
    let machines = ["sim-linux-4k", "sim-linux-64k", "sim-macos-16k", "sim-windows"];
    let arguments: Vec<&str> = machines.iter().flat_map(|m| ["--profile", m]).collect();
    let (code, text) = baseline("verify", &golden(), &arguments, true);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("28 golden paths agree, 0 written, 0 differ, 0 not run"), "{text}");
}

#[test]
fn the_paths_of_this_platform_are_golden_where_they_are_recorded() {
    let (name, page_size) = {
        let platform = loadparity::platform::native();
        (platform.name(), platform.limits().page_size)
    };
    if page_size != 4096 || !golden().join(name).exists() {
        eprintln!("not run: no golden paths of {name} with pages of {page_size} bytes");
        return;
    }
    let (code, text) = baseline("verify", &golden(), &["--profile", name], true);
    // Where a lock or direct I/O is refused, that plan is not run, and only that.
    assert!(code == 0 || code == 3, "{text}");
    assert!(text.contains(" 0 differ"), "{text}");
    assert!(!text.contains("0 golden paths agree"), "{text}");
}

#[test]
fn a_changed_path_is_shown_as_a_difference() {
    let folder = copy("sim-windows");
    let file = folder.path().join("sim-windows/map+lock.txt");
    let kept = fs::read_to_string(&file).unwrap();
    let lines = kept.lines().filter(|line| !line.starts_with("load      lock "));
    let spoilt: String = lines.map(|line| format!("{line}\n")).collect();
    assert_ne!(spoilt, kept);
    fs::write(&file, &spoilt).unwrap();
    let (code, text) = baseline("verify", folder.path(), &SIM, false);
    assert_eq!(code, 1, "{text}");
    assert!(
        text.contains("sim-windows/map+lock: differs") && text.contains("+load      lock map0"),
        "{text}"
    );
    let (code, _) = baseline("record", folder.path(), &SIM, false);
    assert_eq!(
        (code, fs::read_to_string(&file).unwrap()),
        (1, spoilt),
        "without --bless nothing is rewritten"
    );
    let (code, _) = baseline("record", folder.path(), &["--profile", "sim-windows", "--bless"], false);
    assert_eq!((code, fs::read_to_string(&file).unwrap()), (0, kept));
}

#[test]
fn a_missing_and_a_stale_entry_fail() {
    let folder = copy("sim-windows");
    let at = |name: &str| folder.path().join("sim-windows").join(name);
    fs::rename(at("read.txt"), at("gone.txt")).unwrap();
    let (code, text) = baseline("verify", folder.path(), &SIM, false);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("sim-windows/read: has no golden path"), "{text}");
    assert!(text.contains("sim-windows/gone.txt: stale"), "{text}");
    fs::remove_file(at("gone.txt")).unwrap();
    let (code, text) = baseline("record", folder.path(), &SIM, false);
    assert_eq!(code, 0, "{text}");
    assert_eq!(baseline("verify", folder.path(), &SIM, false).0, 0);
}

#[test]
fn ci_never_writes_and_an_unknown_machine_is_a_usage_error() {
    let folder = TempDir::new().unwrap();
    for arguments in [&["--profile", "sim-windows"][..], &["--bless"]] {
        let (code, text) = baseline("record", folder.path(), arguments, true);
        assert_eq!(code, 2, "{text}");
        assert!(text.contains("CI is set"), "{text}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let (code, text) = baseline("verify", &golden(), &["--profile", "sim-beos"], false);
    assert_eq!(code, 2);
    assert!(text.contains("known here are") && text.contains("sim-windows"), "{text}");
}
