//! `loadparity dialects` as a user meets it: formats, counts, exit codes, the schema.

use std::collections::BTreeMap;

use loadparity::cli::dialects::{SCHEMA_ID, schema_text};
use predicates::prelude::*;
use serde_json::Value;

use crate::support;

fn stdout(args: &[&str]) -> String {
    let out = support::loadparity().arg("dialects").args(args).assert().code(0);
    String::from_utf8(out.get_output().stdout.clone()).expect("UTF-8")
}

fn json(args: &[&str]) -> Value {
    support::schemas::parsed(stdout(&[&["--format", "json"], args].concat()).as_bytes())
}

#[test]
fn the_document_is_what_the_schema_says() {
    let schema: Value = serde_json::from_str(schema_text()).expect("a schema");
    let validator = jsonschema::validator_for(&schema).expect("a valid schema");
    for base in ["booleans", "reference", "enum-v4"] {
        let document = json(&["--base", base]);
        let errors: Vec<_> = validator.iter_errors(&document).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{base}: {errors:?}");
        assert_eq!((&document["schema"], &document["base"]), (&SCHEMA_ID.into(), &base.into()));
        // A document that says more, less or something else is refused.
        let mut broken = document.clone();
        broken["rows"][3]["cells"]["enum-v1"]["class"] = "gone".into();
        assert!(!validator.is_valid(&broken));
        let mut broken = document.clone();
        broken["rows"][3]["cells"]["enum-v1"].as_object_mut().expect("a cell").remove("lost");
        assert!(!validator.is_valid(&broken));
        let mut broken = document.clone();
        broken["rows"][0]["cells"]["booleans"]["error"] = "no".into();
        assert!(!validator.is_valid(&broken));
    }
}

/// Every row and every era of the published table.
#[test]
fn json_agrees_with_the_published_table() {
    let document = json(&[]);
    let rows: BTreeMap<&str, &Value> = document["rows"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| (row["line"].as_str().expect("a line"), &row["cells"]))
        .collect();
    let published = std::fs::read_to_string(
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/dialects/legacy-combinations.md"),
    );
    let published = published.expect("the table");
    let cells = |line: &str| {
        let cells = line.trim_matches('|').split('|');
        cells.map(|cell| cell.trim().replace('`', "")).collect::<Vec<_>>()
    };
    let mut lines = published.lines().filter(|line| line.starts_with('|'));
    let eras = cells(lines.next().expect("a header"));
    let mut compared = 0;
    for line in lines.skip(1) {
        let expected = cells(line);
        let argv = if expected[0] == "(nothing)" { "" } else { &expected[0] };
        for (era, expected) in eras.iter().zip(&expected).skip(1) {
            let cell = &rows[argv][era.as_str()];
            let plan = &cell["plan"];
            let word = |value: &Value| value.as_str().unwrap_or("none").replace("map", "mmap");
            let found = if cell["error"].is_string() {
                "error".to_owned()
            } else {
                let lock = if plan["lock"] == true { " + lock" } else { "" };
                let refused = if plan["on_refused"].is_null() {
                    String::new()
                } else {
                    format!(", else {}", word(&plan["on_refused"]))
                };
                format!("{}{lock}{refused}", word(&plan["source"]))
            };
            assert_eq!(found, *expected, "{era}: {argv}");
            compared += 1;
        }
    }
    assert_eq!(compared, 24 * 6);
}

#[test]
fn the_summary_counts_what_was_lost() {
    let document = json(&[]);
    let rows = document["rows"].as_array().expect("rows");
    for era in ["reference", "dio-default", "enum-v1", "enum-v2", "enum-v3", "enum-v4"] {
        let lost = rows.iter().filter(|row| row["cells"][era]["lost"] != Value::Array(Vec::new())).count();
        let accepted = rows.iter().filter(|row| row["cells"]["booleans"]["error"].is_null()).count();
        let summary = &document["summary"][era];
        assert_eq!((&summary["lost"], &summary["lines"]), (&lost.into(), &accepted.into()), "{era}");
        let line =
            format!("{era}: {lost} of {accepted} command lines that booleans accepts lost something (");
        assert!(stdout(&[]).contains(&line), "{line}");
        assert!(stdout(&["--format", "markdown"]).contains(&format!("- {line}")), "{line}");
    }
    assert!(document["summary"].get("booleans").is_none());
}

#[test]
fn marks_stand_in_the_cells() {
    let find = |text: &str, line: &str| {
        let row = text.lines().find(|row| row.trim_start().starts_with(line));
        row.unwrap_or_else(|| panic!("{line} in\n{text}")).to_owned()
    };
    let table = stdout(&[]);
    let row = find(&table, "--no-mmap --mlock ");
    assert!(row.contains("map+lock ! own memory") && row.ends_with("error x"), "{row}");
    assert!(find(&table, "LLAMA_ARG_MLOCK=1 ").ends_with("auto ? lock"));
    assert!(find(&table, "(nothing) ").contains("auto *"));
    assert!(find(&table, "spelling").contains("booleans (base)"));
    let row = find(&stdout(&["--format", "markdown"]), "| `-ndio` |");
    assert_eq!(
        row,
        "| `-ndio` | map | map | map | **read ! mapping** | **read ! mapping** | **read ! mapping** | **error x** |"
    );
    let row = find(&stdout(&["--format", "markdown", "--base", "enum-v2"]), "| `(nothing)` |");
    assert!(row.contains(r"| **auto \*** |") && row.contains("| map | map |"), "{row}");
}

#[test]
fn only_differences_leaves_out_the_rest_and_counts_all() {
    let (all, some) = (json(&[]), json(&["--only-differences"]));
    let same =
        |row: &&Value| row["cells"].as_object().expect("cells").values().all(|cell| cell["class"].is_null());
    let rows = |document: &Value| document["rows"].as_array().expect("rows").clone();
    let agreeing = rows(&all).iter().filter(same).count();
    assert!(agreeing > 0, "some spelling means the same everywhere");
    assert_eq!(rows(&some).iter().filter(same).count(), 0);
    assert_eq!(rows(&some).len() + agreeing, rows(&all).len());
    assert_eq!(some["summary"], all["summary"]);
    let lines = |args: &[&str]| stdout(args).lines().count();
    assert_eq!(lines(&[]) - lines(&["--only-differences"]), agreeing);
    let markdown = ["--format", "markdown"];
    assert_eq!(lines(&markdown) - lines(&[&markdown[..], &["--only-differences"]].concat()), agreeing);
}

#[test]
fn formats_go_where_they_are_told_and_errors_are_usage() {
    let folder = tempfile::tempdir().expect("a folder");
    let (page, document) = (folder.path().join("page.md"), folder.path().join("table.json"));
    support::loadparity()
        .args(["dialects", "--format", "terminal"])
        .arg(format!("--format=markdown={}", page.display()))
        .arg(format!("--format=json={}", document.display()))
        .assert()
        .code(0)
        .stdout(predicate::str::contains("command lines that booleans accepts lost something"));
    assert_eq!(std::fs::read_to_string(page).expect("a page"), stdout(&["--format", "markdown"]));
    let document = std::fs::read_to_string(document).expect("a document");
    assert_eq!(serde_json::from_str::<Value>(&document).expect("JSON"), json(&[]));
    for bad in [
        &["--format", "junit"][..],
        &["--format", "pdf"],
        &["--format", "json", "--format", "terminal"],
        &["--base", "enum-v9"],
        &["--format", "json=/nonexistent/folder/file"],
    ] {
        support::loadparity().arg("dialects").args(bad).assert().code(2).stdout("");
    }
}
