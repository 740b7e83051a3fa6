//! A recording as it is shown and exported.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

use crate::support::{loadparity, schemas};

fn recording(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/rules/{name}.jsonl"))
}

/// Every recording that is kept.
fn recordings() -> Vec<PathBuf> {
    let folder = recording("any").with_file_name("");
    let paths = fs::read_dir(folder).expect("recordings").map(|entry| entry.expect("an entry").path());
    let mut paths: Vec<_> = paths.filter(|path| path.extension().is_some_and(|e| e == "jsonl")).collect();
    paths.sort();
    assert!(paths.len() > 8, "{paths:?}");
    paths
}

fn output(args: &[&str], width: usize, locale: &str) -> Output {
    let mut command = loadparity();
    command.args(args).env("COLUMNS", width.to_string()).env("LC_ALL", locale).env_remove("TERM");
    command.output().expect("a run")
}

fn shown(args: &[&str], path: &Path, width: usize, locale: &str) -> String {
    let path = path.to_str().expect("UTF-8");
    let output = output(&[&["trace"], args, &[path]].concat(), width, locale);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn exported(to: &str, path: &Path) -> String {
    let path = path.to_str().expect("UTF-8");
    let output = output(&["export", "--to", to, path], 80, "C");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

// What a console shows is no question of a locale elsewhere.
#[cfg(unix)]
#[test]
fn a_load_in_time_reads_at_every_width() {
    for name in ["llama-map-lock", "llama-direct-lock", "c-read"] {
        for width in [60, 80, 120] {
            let text = shown(&[], &recording(name), width, "C.UTF-8");
            insta::assert_snapshot!(format!("{name}_at_{width}"), text);
            assert!(text.lines().all(|line| line.chars().count() <= width), "{text}");
        }
        let text = shown(&[], &recording(name), 80, "C");
        assert!(text.is_ascii(), "{text}");
        let asked = shown(&["--ascii"], &recording(name), 80, "C.UTF-8");
        assert_eq!(asked, text);
    }
    insta::assert_snapshot!("in_ascii", shown(&["--view"], &recording("llama-map-lock"), 80, "C"));
}

#[test]
fn the_documents_keep_their_schemas_and_lose_no_call() {
    for path in recordings() {
        let calls = fs::read_to_string(&path).expect("a recording").matches("\"seq\":").count() as u64;
        let of = |what: &str| schemas::parsed(shown(&[what, "--format", "json"], &path, 80, "C").as_bytes());
        let (summary, timeline) = (of("--summary"), of("--view"));
        assert_eq!(summary["total"]["count"], calls, "{}", path.display());
        let sum = |value: &Value, list: &str, field: &str| -> u64 {
            value[list].as_array().expect("a list").iter().filter_map(|row| row[field].as_u64()).sum()
        };
        assert_eq!(sum(&summary, "calls", "count"), calls);
        assert_eq!(sum(&timeline["timeline"], "marks", "calls"), calls);
    }
}

#[test]
fn what_cannot_be_shown_is_a_usage_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = folder.path().join("log.txt");
    fs::write(&text, "openat(AT_FDCWD, \"m.gguf\", O_RDONLY) = 3\n").expect("a log");
    let (text, map) = (text.display().to_string(), recording("c-map").display().to_string());
    for (args, told) in [
        (&["trace", &text][..], "`import`"),
        (&["trace", "no-such-file"], "no-such-file"),
        (&["trace", "--format", "json", &map], "--summary or --view"),
        (&["trace", "--format", "json", "--", "true"], "-o FILE"),
        (&["trace", &map, "--", "true"], "cannot be used with"),
        (&["trace"], "CMD"),
        (&["export", "--to", "csv", &text], "`import`"),
        (&["export", "--to", "svgg", &map], "svg"),
        (&["export", &map], "--to"),
    ] {
        let output = output(args, 80, "C");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        assert!(said.contains(told), "{args:?}: {said}");
    }
}

/// Holds trace events against what Perfetto's importer asks of them.
fn assert_events(trace: &Value) -> BTreeMap<String, u64> {
    let events = trace["traceEvents"].as_array().expect("events");
    let number = |event: &Value, key: &str| event[key].as_f64().unwrap_or_else(|| panic!("{key} of {event}"));
    let mut kinds: BTreeMap<String, u64> = BTreeMap::new();
    let mut slices: BTreeMap<(u64, u64), Vec<(f64, f64)>> = BTreeMap::new();
    let mut arrows: BTreeMap<u64, Vec<(String, String)>> = BTreeMap::new();
    let mut named = Vec::new();
    for event in events {
        let kind = event["ph"].as_str().expect("a kind").to_owned();
        let track = (event["pid"].as_u64().expect("a process"), event["tid"].as_u64().expect("a thread"));
        assert!(track.0 > 0 && number(event, "ts") >= 0.0, "{event}");
        match kind.as_str() {
            "X" => {
                let (start, length) = (number(event, "ts"), number(event, "dur"));
                assert!(length >= 0.0, "{event}");
                assert!(named.contains(&("thread_name".to_owned(), track)), "named before: {event}");
                slices.entry(track).or_default().push((start, start + length));
            }
            "i" => assert!(["t", "p", "g"].contains(&event["s"].as_str().expect("a scope")), "{event}"),
            "C" => {
                assert!(event["args"].as_object().expect("series").values().all(Value::is_number), "{event}")
            }
            "s" | "f" => {
                assert!(kind == "s" || event["bp"] == "e", "{event}");
                let text = |key: &str| event[key].as_str().expect("text").to_owned();
                arrows
                    .entry(event["id"].as_u64().expect("an id"))
                    .or_default()
                    .push((text("name"), text("cat")));
            }
            "M" => {
                let name = (event["name"].as_str().expect("a name").to_owned(), track);
                assert!(!named.contains(&name), "named twice: {event}");
                named.push(name);
            }
            other => panic!("{other} is not used: {event}"),
        }
        *kinds.entry(kind).or_default() += 1;
    }
    for (track, slices) in &mut slices {
        slices.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.total_cmp(&a.1)));
        let mut open: Vec<f64> = Vec::new();
        for (start, end) in slices {
            while open.last().is_some_and(|end| *end <= *start + 1e-6) {
                open.pop();
            }
            assert!(open.last().is_none_or(|outer| *end <= outer + 1e-6), "{track:?} overlaps at {start}");
            open.push(*end);
        }
    }
    for (id, ends) in arrows {
        assert!(ends.len() == 2 && ends[0] == ends[1], "arrow {id}: {ends:?}");
    }
    kinds
}

#[test]
fn trace_events_are_what_importers_take_and_lose_nothing() {
    for path in recordings() {
        let trace: Value = serde_json::from_str(&exported("perfetto", &path)).expect("JSON");
        assert_events(&trace);
        let text = fs::read_to_string(&path).expect("a recording");
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let calls: Vec<&Value> = lines.iter().filter(|line| line["seq"].is_number()).collect();
        let events = trace["traceEvents"].as_array().expect("events");
        let shown = || events.iter().filter(|event| event["args"]["seq"].is_number());
        assert_eq!(shown().count(), calls.len(), "{}", path.display());
        let read = |call: &Value, word: &Value, key: &str| match word == "read" {
            true => call[key].as_u64().unwrap_or(0),
            false => 0,
        };
        let bytes: u64 = calls.iter().map(|call| read(call, &call["op"], "result")).sum();
        let exported: u64 = shown().map(|event| read(&event["args"], &event["name"], "returned")).sum();
        assert_eq!(exported, bytes, "{}", path.display());
    }
    assert_eq!(exported("chrome", &recording("c-map")), exported("perfetto", &recording("c-map")));
}

#[test]
fn a_refusal_has_an_arrow_to_the_notice_that_reports_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("trace.jsonl");
    let text = path.to_str().expect("UTF-8");
    let args =
        ["run", "-p", "x", "-n", "1", "--direct-io", "--inject", "open.direct:error=EINVAL", "--trace", text];
    let run = loadparity().args(args).output().expect("a run");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let kinds = assert_events(&serde_json::from_str(&exported("chrome", &path)).expect("JSON"));
    assert_eq!((kinds.get("s"), kinds.get("f"), kinds.get("i")), (Some(&1), Some(&1), Some(&1)), "{kinds:?}");
}

#[test]
fn a_table_has_a_line_a_call_and_names_of_others_stay_in_their_cell() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("trace.jsonl");
    let text = fs::read_to_string(recording("c-map")).expect("a recording");
    let hostile = r#"a,\"b\"\u001b[31m\n<script>.gguf"#;
    let text = text.replace("\"path\":\"small.gguf\"", &format!("\"path\":\"{hostile}\""));
    fs::write(&path, &text).expect("a recording");
    let table = exported("csv", &path);
    let lines = text.matches("\"seq\":").count();
    assert_eq!(table.lines().count(), lines + 1, "{table}");
    let first = table.lines().nth(1).expect("a call");
    assert!(first.contains(r#""a,""b""\u001b[31m\u000a<script>.gguf""#), "{first}");
    let svg = exported("svg", &path);
    assert!(!svg.contains("<script>") && svg.contains("&lt;script&gt;") && !svg.contains('\u{1b}'), "{svg}");
}

#[test]
fn a_picture_is_well_formed_and_names_what_it_shows() {
    for path in recordings() {
        let svg = exported("svg", &path);
        let mut open: Vec<String> = Vec::new();
        // Every tag that begins ends, in order; text holds no `<`.
        for tag in svg.split('<').skip(1).map(|rest| rest.split('>').next().unwrap_or_default()) {
            match tag {
                tag if tag.starts_with('?') || tag.ends_with('/') => {}
                tag if tag.starts_with('/') => {
                    assert_eq!(open.pop().as_deref(), Some(&tag[1..]), "{}", path.display())
                }
                tag => open.push(tag.split_whitespace().next().unwrap_or_default().to_owned()),
            }
        }
        assert!(open.is_empty(), "{open:?}");
        for part in
            ["role=\"img\"", "<title id=\"t-title\">", "<desc id=\"t-desc\">", "class=\"phase phase-load\""]
        {
            assert!(svg.contains(part), "{part}");
        }
    }
    let svg = exported("svg", &recording("llama-map-lock"));
    for class in ["k-open", "k-map", "k-lock", "k-release"] {
        assert!(svg.contains(&format!("class=\"{class}\"")), "{class}");
    }
    assert!(exported("svg", &recording("llama-direct")).contains("class=\"k-direct-read\""));
    assert!(exported("svg", &recording("llama-read")).contains("class=\"k-read\""));
}

#[test]
#[cfg(target_os = "linux")]
fn a_command_is_shown_as_it_ends_and_its_own_output_is_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let kept = folder.path().join("trace.jsonl");
    let model = crate::support::fixture("q4_k_m");
    let command = |args: &[&str]| {
        let mut command = loadparity();
        command.args(args).arg("--").args(["dd", "bs=65536", "of=/dev/null", "status=none"]);
        command.arg(format!("if={}", model.display())).env("COLUMNS", "80").env("LC_ALL", "C");
        let output = command.output().expect("a run");
        assert!(output.stdout.is_empty(), "the command writes nothing");
        (output.status.code(), String::from_utf8(output.stderr).expect("UTF-8"))
    };
    let (code, told) = command(&["trace", "--summary", "--view", "-o", kept.to_str().expect("UTF-8")]);
    assert_eq!(code, Some(0), "{told}");
    let reads = fs::metadata(&model).expect("a model").len().div_ceil(65536);
    let row = told.lines().find(|line| line.ends_with("  read")).unwrap_or_else(|| panic!("{told}"));
    // The last read finds the end.
    let words: Vec<&str> = row.split_whitespace().collect();
    assert!(words.contains(&(reads + 1).to_string().as_str()), "{row}");
    assert!(told.contains(" phase |") && told.contains("p0 t0 |"), "{told}");
    // What was kept says the same.
    assert_eq!(shown(&[], &kept, 80, "C"), told);
}
