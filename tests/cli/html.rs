//! Pages: from real runs, with their loads in time, and opened.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{loadparity, schemas};

/// A check that is over soon.
const QUICK: [&str; 6] = ["check", "--quick", "-n", "1", "--dialect", "enum-v4"];

fn recording(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/rules/{name}.jsonl"))
}

/// Runs a command that writes a page and its document; returns both, and the exit code.
fn page(args: &[&str], more: &[&str]) -> (String, Value, Option<i32>) {
    let folder = tempfile::tempdir().expect("a folder");
    let (html, json) = (folder.path().join("page.html"), folder.path().join("page.json"));
    let formats = [format!("--format=html={}", html.display()), format!("--format=json={}", json.display())];
    let output = loadparity().args(args).args(&formats).args(more).output().expect("a run");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let read = |path: &Path| fs::read_to_string(path).unwrap_or_else(|error| panic!("{error}: {told}"));
    (read(&html), schemas::parsed(read(&json).as_bytes()), output.status.code())
}

#[test]
fn a_check_has_each_plan_in_time() {
    let (html, document, code) = page(&QUICK, &[]);
    assert_eq!(code, Some(0));
    let groups = document["groups"].as_array().expect("groups");
    assert!(groups.len() > 3);
    for group in groups {
        let marks = group["timeline"]["marks"].as_array().expect("marks");
        assert!(!marks.is_empty() && group["timeline"]["timed"] == true, "{}", group["name"]);
    }
    assert_eq!(html.matches("<svg").count(), groups.len());
    assert!(html.len() < 1 << 20, "{} bytes", html.len());
    for part in ["asked", "traced", "proven", "k-read", "k-map", "k-direct-read", "</html>"] {
        assert!(html.contains(part), "{part}");
    }
}

#[test]
fn a_document_without_a_page_holds_no_times() {
    let output = loadparity().args(QUICK).args(["--format", "json"]).output().expect("a run");
    let document = schemas::parsed(&output.stdout);
    let groups = document["groups"].as_array().expect("groups");
    assert!(groups.iter().all(|group| group.get("timeline").is_none()));
}

#[test]
fn a_judgement_shows_its_recording() {
    let recording = recording("llama-map-lock").display().to_string();
    let judge = ["judge", "--dialect", "booleans", "--trace", &recording];
    let (html, document, _) = page(&judge, &["--", "--mlock"]);
    assert!(document["timeline"]["marks"].as_array().is_some_and(|marks| marks.len() > 3));
    assert!(html.contains("<svg") && html.contains("k-lock"));
}

#[test]
fn faults_are_trees_and_a_merge_is_a_page_too() {
    let faults = ["check", "--faults", "--cases", "40", "--quick"];
    let (html, document, _) = page(&faults, &[]);
    assert_eq!(document["schema"], "loadparity.faults/1");
    assert!(html.contains("class=\"tree\"") && !html.contains("<svg"));
    let folder = tempfile::tempdir().expect("a folder");
    let result = folder.path().join("linux.json").display().to_string();
    loadparity().args(QUICK).arg(format!("--format=json={result}")).assert().success();
    let (html, document, code) = page(&["merge", &result, "--expect", "haiku"], &[]);
    assert_eq!((document["schema"].as_str(), code), (Some("loadparity.merge/2"), Some(3)));
    assert!(html.contains("not run"), "a missing machine is seen");
}

#[test]
fn a_page_may_go_to_standard_output_and_opening_needs_none() {
    let output = loadparity().args(QUICK).args(["--format", "html"]).output().expect("a run");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(text.starts_with("<!DOCTYPE html>") && text.trim_end().ends_with("</html>"));
}

#[test]
#[cfg(target_os = "linux")]
fn the_page_is_opened_when_it_is_there() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().expect("a folder");
    let (opened, page) = (folder.path().join("opened"), folder.path().join("page.html"));
    let opener = folder.path().join("xdg-open");
    // What it is given is written whole before it has its name.
    let script = format!(
        "#!/bin/sh\ntest -s \"$1\" && echo \"$1\" > '{0}.part' && mv '{0}.part' '{0}'\n",
        opened.display()
    );
    fs::write(&opener, script).expect("an opener");
    fs::set_permissions(&opener, fs::Permissions::from_mode(0o755)).expect("an opener");
    let path = format!("{}:/usr/bin:/bin", folder.path().display());
    let asked = |formats: &[String]| {
        let _ = fs::remove_file(&opened);
        let mut command = loadparity();
        command.args(QUICK).args(formats).arg("--open").env("PATH", &path).env("TMPDIR", folder.path());
        command.assert().success();
        // The browser goes on by itself.
        let seen = (0..600).find_map(|_| {
            std::thread::sleep(std::time::Duration::from_millis(50));
            fs::read_to_string(&opened).ok()
        });
        seen.expect("something was opened").trim().to_owned()
    };
    let named = asked(&[format!("--format=html={}", page.display())]);
    assert_eq!(Path::new(&named), page);
    let made = asked(&["--format=terminal".to_owned()]);
    assert!(made.ends_with(".html") && Path::new(&made).starts_with(folder.path()), "{made}");
}
