//! Regressions that really happened, shown by the reference engine: the exact difference of plan and
//! of code path between two dialects.

use std::fs;
use std::path::{Path, PathBuf};

use loadparity::check::Scenario;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files() -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join("fixtures/regressions")).expect("a folder");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

fn scenario(file: &Path) -> Scenario {
    let text = fs::read_to_string(file).expect("a file");
    Scenario::from_json(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
}

#[test]
fn every_scenario_shows_its_difference_of_plan_and_path() {
    let files = files();
    assert_eq!(files.len(), 16);
    for file in &files {
        let scenario = scenario(file);
        let shown = scenario.run().unwrap_or_else(|e| panic!("{}: {e}", scenario.id));
        let seen = shown.difference();
        assert_eq!(seen, scenario.expected, "{}: seen on the left, told on the right", scenario.id);
        // A scenario shows something, or says that it is the plans alone.
        let paths_differ = !seen.differences.is_empty();
        assert!(paths_differ || seen.plan_before != seen.plan_after, "{}", scenario.id);
        assert_eq!(paths_differ, scenario.id != "P20", "{}", scenario.id);
    }
}

#[test]
fn every_scenario_tells_a_story_with_a_source() {
    let mut ids = Vec::new();
    for file in files() {
        let scenario = scenario(&file);
        let name = file.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_owned();
        assert!(name.starts_with(&format!("{}-", scenario.id)), "{name} is named after {}", scenario.id);
        assert!(scenario.story.len() > 80 && scenario.story.ends_with('.'), "{name}");
        assert!(!scenario.source.is_empty() && !scenario.title.ends_with('.'), "{name}");
        ids.push(scenario.id);
    }
    let before = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), before);
}

/// The catalogue's rows up to P21: each has a scenario, or a reason why no spelling shows it.
#[test]
fn no_row_of_the_catalogue_is_forgotten() {
    let page = fs::read_to_string(root().join("docs/regressions.md")).expect("the page");
    for row in 1..=21 {
        let id = format!("P{row:02}");
        let told = page.contains(&format!("\n## {id}")) || page.contains(&format!("\n| {id} |"));
        assert!(told, "{id}");
    }
}
