//! `doctor`: what a machine can do for a load mode.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use crate::support;

/// What is measured differs from machine to machine; that every mode is there, with a reason, does not.
#[test]
fn every_mode_is_tried_and_explained() {
    let output = support::loadparity().args(["doctor", "--format", "json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let document = support::schemas::parsed(&output.stdout);
    let modes = document["modes"].as_array().unwrap();
    let plans: Vec<&str> = modes.iter().map(|mode| mode["plan"].as_str().unwrap()).collect();
    assert_eq!(plans, ["map", "read", "direct", "map+lock", "read+lock", "direct+lock"]);
    assert!(modes.iter().all(|mode| !mode["reason"].as_str().unwrap().is_empty()), "{document}");
    assert!(document["speeds"]["bytes"].as_u64().unwrap() > 0, "{document}");
    let recommended = document["recommendation"]["plan"].as_str().unwrap();
    let state = |plan| modes.iter().find(|mode| mode["plan"] == plan).unwrap()["state"].clone();
    assert_eq!(state(recommended), "works", "{document}");
}

#[test]
fn what_is_no_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().to_owned(), folder.path().join("nothing")] {
        let output = support::loadparity().arg("doctor").arg(&path).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains(path.to_str().unwrap()) && told.lines().count() == 1, "{told}");
    }
}
